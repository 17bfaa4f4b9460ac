/* SPDX-License-Identifier: MIT
 * test_work.c - jobs in worker threads; rules 24.2 to 24.4. Run under TSan, for
 * its pthread_ calls. */
#include "gate.h"

/* -- Running -------------------------------------------------------------- */

TEST("a job runs in another thread, its value comes back") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    pthread_t thread = pthread_self();
    struct job job = {.call = call_thread, .item = &thread};
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(42, job.value);
    CHECK(!pthread_equal(thread, pthread_self()));
  }
}

TEST("a job's negative status is that of the call") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = {.call = call_fail};
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_EIO, job.status);
  }
}

TEST("jobs begin in the order in which they came [24.4]") {
  weft_runtime *rt = begin();
  atomic_int count = 0;
  struct job jobs[20];
  weft_workers workers = new_workers(rt, 1, 0);
  for (int i = 0; i < 20; i++) {
    jobs[i] =
        (struct job){.call = call_count, .object = workers, .item = &count};
    start(rt, &jobs[i], i % 2);
  }
  end(rt);
  for (int i = 0; i < 20; i++)
    CHECK_INT(i + 1, jobs[i].value);
}

static int call_lookup(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  return weft_dns_lookup(rt, "127.0.0.1", value);
}

TEST("a look-up is answered while every thread of the pool is taken [24.4]") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct job blocked[2], lookup = {.call = call_lookup};
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 0);
  for (int i = 0; i < 2; i++) {
    blocked[i] =
        (struct job){.call = call_gate, .object = workers, .item = &gate};
    start(rt, &blocked[i], 0);
  }
  turn(rt);
  sem_take(&gate.begun);
  start(rt, &lookup, 0);
  turn_until_done(rt, &lookup);
  CHECK_INT(WEFT_OK, lookup.status);
  weft_value_unref((weft_value *)(uintptr_t)lookup.value);
  CHECK_INT(0, blocked[0].done);
  sem_post(&gate.open);
  sem_post(&gate.open);
  end(rt);
}

TEST("many jobs, many tasks, four threads") {
  weft_runtime *rt = begin();
  enum { TASKS = 50, EACH = 100 };
  static struct job jobs[TASKS];
  atomic_int count = 0;
  weft_workers workers = new_workers(rt, 4, 0);
  for (int i = 0; i < TASKS; i++) {
    jobs[i] = (struct job){.call = call_count,
                           .object = workers,
                           .item = &count,
                           .more = EACH - 1};
    start(rt, &jobs[i], i % 2);
  }
  end(rt);
  CHECK_INT(TASKS * EACH, atomic_load(&count));
}

/* -- Cancelling ----------------------------------------------------------- */

TEST("cancelled while it waits for a thread, it did not happen [24.2, 3.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate first, second;
    gate_init(&first);
    gate_init(&second);
    weft_workers workers = new_workers(rt, 1, 0);
    struct job job = {.call = call_gate, .object = workers, .item = &first};
    struct job queued = {.call = call_gate, .object = workers, .item = &second};
    start(rt, &job, stepped);
    start(rt, &queued, stepped);
    turn(rt);
    sem_take(&first.begun);
    check_counts(rt, workers, 1, 1);
    cancel(rt, &queued);
    CHECK_INT(1, second.drops);
    check_counts(rt, workers, 1, 0);
    turn_until_done(rt, &queued);
    CHECK_INT(WEFT_ECANCELLED, queued.status);
    sem_post(&first.open);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(0, atomic_load(&second.runs));
  }
}

TEST("cancelled while it runs, it delivers; Cancelled at next [24.2, 3.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate gate;
    gate_init(&gate);
    struct job job = {.call = call_gate, .item = &gate};
    start(rt, &job, stepped);
    turn(rt);
    sem_take(&gate.begun);
    cancel(rt, &job);
    turns(rt, 3);
    CHECK_INT(0, job.done);
    CHECK_INT(0, gate.drops);
    sem_post(&gate.open);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(7, job.value);
    CHECK_INT(WEFT_ECANCELLED, job.next);
    CHECK_INT(1, gate.drops);
  }
}

TEST("abandoned, it raises Cancelled at once and the job runs on [24.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate gate, next;
    gate_init(&gate);
    gate_init(&next);
    weft_workers workers = new_workers(rt, 1, 0);
    struct job job = {.call = call_abandon, .object = workers, .item = &gate};
    struct job later = {.call = call_gate, .object = workers, .item = &next};
    start(rt, &job, stepped);
    turn(rt);
    sem_take(&gate.begun);
    cancel(rt, &job);
    start(rt, &later, stepped);
    turn_until_done(rt, &job);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, gate.drops);
    check_counts(rt, workers, 1, 1); /* its place is not free yet */
    sem_post(&gate.open);
    sem_take(&next.begun);
    sem_post(&next.open);
    end(rt);
    CHECK_INT(1, gate.drops);
    CHECK_INT(WEFT_OK, later.status);
  }
}

TEST("the failure of an abandoned job is reported [24.3]") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  gate.status = WEFT_EIO;
  keep_reports(rt);
  struct job job = {.call = call_abandon, .item = &gate};
  start(rt, &job, 0);
  turn(rt);
  sem_take(&gate.begun);
  cancel(rt, &job);
  turn_until_done(rt, &job);
  CHECK_INT(0, reports.count);
  sem_post(&gate.open);
  end(rt);
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_REPORT_FAILURE, reports.kinds[0]);
  CHECK_INT(WEFT_EIO, reports.codes[0]);
}

TEST("a job that has ended delivers, cancelled or not [3.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate gate;
    gate_init(&gate);
    struct job job = {.call = call_abandon, .item = &gate};
    start(rt, &job, stepped);
    turn(rt);
    sem_take(&gate.begun);
    sem_post(&gate.open);
    while (atomic_load(&gate.runs) == 0)
      sched_yield();
    /* It may not have said so yet: then it is abandoned, which is right too. */
    cancel(rt, &job);
    turn_until_done(rt, &job);
    CHECK(job.status == WEFT_OK || job.status == WEFT_ECANCELLED);
    end(rt);
    CHECK_INT(1, gate.drops);
  }
}

TEST("in cancelled code nothing is started [3.2]") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  struct job job = {.call = call_gate, .item = &gate};
  start(rt, &job, 0);
  cancel(rt, &job);
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, job.status);
  CHECK_INT(1, gate.drops);
  CHECK_INT(0, atomic_load(&gate.runs));
}

TEST("a deadline does the same as a cancellation [24.3, 7.1]") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  struct job job = {.call = call_abandon, .item = &gate, .deadline_ns = 1};
  start(rt, &job, 0);
  turn_until_done(rt, &job);
  CHECK_INT(WEFT_ECANCELLED, job.status);
  sem_post(&gate.open);
  end(rt);
}

/* -- The virtual clock ---------------------------------------------------- */

static int call_sleep(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  (void)value;
  return weft_sleep_until(rt, SECOND_NS);
}

TEST("the virtual clock waits for a job, not for an abandoned one [30.2]") {
  weft_runtime *rt = begin();
  struct gate gate;
  uint64_t now_ns;
  gate_init(&gate);
  struct job job = {.call = call_abandon, .item = &gate};
  struct job sleeper = {.call = call_sleep};
  start(rt, &job, 0);
  turn(rt);
  sem_take(&gate.begun);
  start(rt, &sleeper, 0);
  turns(rt, 10);
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(0, now_ns);
  cancel(rt, &job);
  turn_until_done(rt, &sleeper);
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(SECOND_NS, now_ns);
  sem_post(&gate.open);
  end(rt);
}

/* -- With a callback ------------------------------------------------------ */

TEST("a started job tells its end, once, and then drops arg") {
  weft_runtime *rt = begin();
  struct told told = {0};
  weft_work work;
  CHECK_INT(WEFT_OK, weft_work_start(rt, 0, count_told, on_done, &told,
                                     drop_told, &work));
  turn_until_told(rt, &told);
  CHECK_INT(WEFT_OK, told.status);
  CHECK_INT(1, told.value);
  CHECK_INT(1, told.drops);
  CHECK_INT(WEFT_EBADF, weft_work_cancel(rt, work));
  end(rt);
}

TEST("a started job is taken back while it waits for a thread [24.2]") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct told first = {.gate = &gate}, second = {0};
  weft_work running, queued;
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 1);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done, &first,
                                     drop_told, &running));
  sem_take(&gate.begun);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &second,
                                     drop_told, &queued));
  CHECK_INT(WEFT_EBUSY, weft_work_cancel(rt, running));
  CHECK_INT(WEFT_OK, weft_work_cancel(rt, queued));
  CHECK_INT(1, second.drops);
  CHECK_INT(WEFT_EBADF, weft_work_cancel(rt, queued));
  sem_post(&gate.open);
  turn_until_told(rt, &first);
  end(rt);
  CHECK_INT(7, first.value);
  CHECK_INT(0, second.calls);
  CHECK_INT(0, atomic_load(&second.count));
}

TEST("a full queue refuses a job that is started, not a task that waits") {
  weft_runtime *rt = begin();
  struct gate gate;
  atomic_int count = 0;
  struct told first = {.gate = &gate}, second = {0}, third = {0};
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 1);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, pass_told, on_done, &first,
                                     drop_told, NULL));
  sem_take(&gate.begun);
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &second,
                                     drop_told, NULL));
  CHECK_INT(WEFT_EFULL, weft_work_start(rt, workers, count_told, on_done,
                                        &third, drop_told, NULL));
  CHECK_INT(1, third.drops);
  struct job job = {.call = call_count, .object = workers, .item = &count};
  start(rt, &job, 0);
  turn(rt);
  check_counts(rt, workers, 1, 2);
  sem_post(&gate.open);
  end(rt);
  CHECK_INT(1, job.value);
  CHECK_INT(1, second.calls);
}

TEST("an abandoned job still tells its end [24.3]") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct told told = {.gate = &gate};
  weft_work work;
  gate_init(&gate);
  CHECK_INT(WEFT_OK, weft_work_start(rt, 0, pass_told, on_done, &told,
                                     drop_told, &work));
  sem_take(&gate.begun);
  CHECK_INT(WEFT_EBUSY, weft_work_abandon(rt, work, "the job"));
  CHECK_INT(WEFT_EBADF, weft_work_abandon(rt, work, "the job"));
  sem_post(&gate.open);
  turn_until_told(rt, &told);
  CHECK_INT(7, told.value);
  end(rt);
}

TEST("a job's end may close its pool") {
  weft_runtime *rt = begin();
  struct told told = {0}, other = {0};
  weft_workers workers = new_workers(rt, 1, 0);
  told.close = workers;
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &told,
                                     drop_told, NULL));
  CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &other,
                                     drop_told, NULL));
  turn_until_told(rt, &other);
  CHECK_INT(1, told.calls);
  CHECK(other.status == WEFT_OK || other.status == WEFT_ECLOSED);
  end(rt);
}

/* -- Refusals and memory -------------------------------------------------- */

static void *call_apart(void *arg) {
  weft_runtime *rt = arg;
  weft_workers workers;
  size_t a, b, c;
  CHECK_INT(WEFT_ETHREAD, weft_workers_new(rt, 1, 0, &workers));
  CHECK_INT(WEFT_ETHREAD, weft_workers_get_counts(rt, 1, &a, &b, &c));
  CHECK_INT(WEFT_ETHREAD,
            weft_work_start(rt, 0, count_told, on_done, NULL, NULL, NULL));
  CHECK_INT(WEFT_ETHREAD, weft_workers_close(rt, 1));
  return NULL;
}

TEST("what cannot be is refused, and arg dropped") {
  weft_runtime *rt = begin();
  struct told told = {0};
  struct gate gate = {0};
  uint64_t value, handle;
  CHECK_INT(WEFT_EINVAL, weft_workers_new(rt, 0, 0, &handle));
  CHECK_INT(0, handle);
  CHECK_INT(WEFT_EBADF, weft_work_start(rt, 77, count_told, on_done, &told,
                                        drop_told, &handle));
  CHECK_INT(WEFT_EINVAL,
            weft_work_start(rt, 0, NULL, on_done, &told, drop_told, &handle));
  CHECK_INT(WEFT_EINVAL, weft_work_start(rt, 0, count_told, NULL, &told,
                                         drop_told, &handle));
  CHECK_INT(3, told.drops);
  CHECK_INT(WEFT_ESTATE, weft_work_run(rt, 0, count_run, &gate, drop_gate, 0,
                                       &value)); /* outside any task */
  CHECK_INT(1, gate.drops);
  CHECK_INT(WEFT_EBADF, weft_work_cancel(rt, 77));
  CHECK_INT(WEFT_EBADF, weft_work_abandon(rt, 77, NULL));
  CHECK_INT(WEFT_EBADF, weft_workers_join(rt, 77));
  in_pthread_apart(call_apart, rt);
  end(rt);
}

TEST("a warm pool allocates nothing for a job") {
  weft_runtime *rt = begin();
  atomic_int count = 0;
  weft_workers workers = new_workers(rt, 1, 0);
  struct told told = {0};
  for (int i = 0; i < 20; i++) {
    long before = failing_allocations();
    told.calls = 0;
    CHECK_INT(WEFT_OK, weft_work_start(rt, workers, count_told, on_done, &told,
                                       drop_told, NULL));
    turn_until_told(rt, &told);
    told.drops = 0;
    if (i > 0)
      CHECK_INT(before, failing_allocations());
  }
  struct job job = {
      .call = call_count, .object = workers, .item = &count, .more = 100};
  start(rt, &job, 0);
  turn(rt);
  turn(rt);
  long before = failing_allocations();
  turn_until_done(rt, &job);
  CHECK(failing_allocations() - before <= 1);
  end(rt);
}

static int attempt(void *arg) {
  weft_runtime *rt;
  struct told told = {0};
  (void)arg;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  weft_workers workers;
  weft_work work;
  status = weft_workers_new(rt, 2, 0, &workers);
  if (status == WEFT_OK)
    status = weft_work_start(rt, workers, count_told, on_done, &told, drop_told,
                             &work);
  if (status == WEFT_OK) {
    turn_until_told(rt, &told);
    CHECK_INT(WEFT_OK, told.status);
  }
  weft_runtime_free(rt);
  return status;
}

TEST("want of memory is told and leaves nothing") {
  weft_runtime *rt = begin();
  end(rt);
  CHECK(failing_each(attempt, NULL) > 5);
}
