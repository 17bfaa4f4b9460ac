/* SPDX-License-Identifier: MIT
 * test_workers.c - pools of worker threads: how many there are, how they end.
 */
#include "gate.h"

/* -- Threads -------------------------------------------------------------- */

struct meeting {
  pthread_barrier_t barrier;
};

static int meet(void *local, void *arg, uint64_t *value) {
  (void)local;
  (void)value;
  pthread_barrier_wait(&((struct meeting *)arg)->barrier);
  return WEFT_OK;
}

static int call_meet(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_work_run(rt, job->object, meet, job->item, NULL, 0, value);
}

TEST("jobs that wait for one another all get a thread, up to the pool's") {
  weft_runtime *rt = begin();
  struct meeting meeting;
  struct job jobs[12];
  weft_workers workers = new_workers(rt, 12, 0);
  CHECK_INT(0, pthread_barrier_init(&meeting.barrier, NULL, 12));
  for (int i = 0; i < 12; i++) {
    jobs[i] =
        (struct job){.call = call_meet, .object = workers, .item = &meeting};
    start(rt, &jobs[i], 0);
  }
  end(rt);
  for (int i = 0; i < 12; i++)
    CHECK_INT(WEFT_OK, jobs[i].status);
}

TEST("a pool has no more threads than it may have") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct job jobs[3];
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 2, 0);
  for (int i = 0; i < 3; i++) {
    jobs[i] = (struct job){.call = call_gate, .object = workers, .item = &gate};
    start(rt, &jobs[i], 0);
  }
  turn(rt);
  for (int i = 0; i < 2; i++) {
    while (sem_trywait(&gate.begun) != 0)
      turn(rt);
  }
  check_counts(rt, workers, 2, 1);
  sem_post(&gate.open);
  sem_take(&gate.begun); /* the third has the first one's thread */
  sem_post(&gate.open);
  sem_post(&gate.open);
  end(rt);
  CHECK_INT(3, gate.drops);
}

TEST("the runtime's own pool has 40 threads, and no more [24.4]") {
  weft_runtime *rt = begin();
  struct gate gate;
  struct job jobs[41];
  gate_init(&gate);
  for (int i = 0; i < 41; i++) {
    jobs[i] = (struct job){.call = call_gate, .item = &gate};
    start(rt, &jobs[i], 0);
  }
  turn(rt);
  for (int i = 0; i < 40; i++)
    while (sem_trywait(&gate.begun) != 0)
      turn(rt);
  turns(rt, 3);
  CHECK_INT(-1, sem_trywait(&gate.begun));
  for (int i = 0; i < 41; i++)
    sem_post(&gate.open);
  end(rt);
  for (int i = 0; i < 41; i++)
    CHECK_INT(7, jobs[i].value);
}

static int see_mask(void *local, void *arg, uint64_t *value) {
  sigset_t mask;
  (void)local;
  (void)arg;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (int number = 1; number < 32; number++)
    if (number != SIGKILL && number != SIGSTOP)
      *value += sigismember(&mask, number) == 0;
  return WEFT_OK;
}

static int call_mask(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  return weft_work_run(rt, 0, see_mask, NULL, NULL, 0, value);
}

TEST("signals go to other threads") {
  weft_runtime *rt = begin();
  sigset_t before, after;
  struct job job = {.call = call_mask};
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  start(rt, &job, 0);
  end(rt);
  CHECK_INT(0, job.value); /* none is let through */
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  CHECK_INT(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

/* -- Closing -------------------------------------------------------------- */

TEST("closing a pool refuses who waits for a thread, in order [3.10]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate gate;
    atomic_int count = 0;
    gate_init(&gate);
    weft_workers workers = new_workers(rt, 1, 0);
    struct job job = {.call = call_gate, .object = workers, .item = &gate};
    struct job waiting[2] = {
        {.call = call_count, .object = workers, .item = &count},
        {.call = call_count, .object = workers, .item = &count}};
    start(rt, &job, stepped);
    turn(rt);
    sem_take(&gate.begun);
    start(rt, &waiting[0], stepped);
    start(rt, &waiting[1], stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_workers_close(rt, workers));
    CHECK_INT(WEFT_EBADF, weft_workers_close(rt, workers));
    turn_until_done(rt, &waiting[1]);
    CHECK_INT(WEFT_ECLOSED, waiting[0].status);
    CHECK_INT(WEFT_ECLOSED, waiting[1].status);
    CHECK(waiting[0].place < waiting[1].place);
    CHECK_INT(0, job.done);
    sem_post(&gate.open);
    end(rt);
    CHECK_INT(7, job.value);
    CHECK_INT(0, atomic_load(&count));
  }
}

TEST("joining a pool waits for its jobs and its threads") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct gate gate;
    gate_init(&gate);
    int threads = count_threads();
    weft_workers workers = new_workers(rt, 1, 0);
    struct job job = {.call = call_gate, .object = workers, .item = &gate};
    struct job queued = {.call = call_gate, .object = workers, .item = &gate};
    struct job late = {.call = call_gate, .object = workers, .item = &gate};
    struct job join = {.call = call_join, .object = workers};
    start(rt, &job, stepped);
    start(rt, &queued, stepped);
    turn(rt);
    start(rt, &join, stepped);
    turn(rt);
    start(rt, &late, stepped);
    turn_until_done(rt, &late);
    CHECK_INT(WEFT_ECLOSED, late.status);
    CHECK_INT(0, join.done);
    sem_post(&gate.open);
    sem_post(&gate.open);
    turn_until_done(rt, &join);
    CHECK_INT(WEFT_OK, join.status);
    CHECK_INT(7, queued.value);
    CHECK(threads_become(threads));
    CHECK_INT(WEFT_EBADF, weft_workers_close(rt, workers));
    end(rt);
  }
}

TEST("a join that is cancelled may be tried again") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 0);
  struct job job = {.call = call_gate, .object = workers, .item = &gate};
  struct job first = {.call = call_join, .object = workers};
  struct job second = {.call = call_join, .object = workers};
  start(rt, &job, 0);
  start(rt, &first, 0);
  start(rt, &second, 1);
  turn(rt);
  cancel(rt, &first);
  turn_until_done(rt, &first);
  CHECK_INT(WEFT_ECANCELLED, first.status);
  sem_post(&gate.open);
  end(rt);
  CHECK_INT(WEFT_OK, second.status);
}

TEST("closing a pool wakes who joins it [3.10]") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 0);
  struct job job = {.call = call_gate, .object = workers, .item = &gate};
  struct job join = {.call = call_join, .object = workers};
  start(rt, &job, 0);
  start(rt, &join, 0);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_workers_close(rt, workers));
  turn_until_done(rt, &join);
  CHECK_INT(WEFT_ECLOSED, join.status);
  sem_post(&gate.open);
  end(rt);
}

TEST("shut down at once, a pool lets what runs end, and can be joined") {
  weft_runtime *rt = begin();
  struct gate gate;
  atomic_int count = 0;
  int threads = count_threads();
  gate_init(&gate);
  weft_workers workers = new_workers(rt, 1, 0);
  struct job job = {.call = call_gate, .object = workers, .item = &gate};
  struct job queued = {.call = call_count, .object = workers, .item = &count};
  struct job late = queued, join = {.call = call_join, .object = workers};
  start(rt, &job, 0);
  turn(rt);
  sem_take(&gate.begun);
  start(rt, &queued, 0);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_workers_shutdown(rt, workers, 0));
  turns(rt, 2);
  CHECK_INT(0, queued.done);
  CHECK_INT(WEFT_OK, weft_workers_shutdown(rt, workers, 1));
  turn_until_done(rt, &queued);
  CHECK_INT(WEFT_ECLOSED, queued.status);
  start(rt, &late, 0);
  start(rt, &join, 0);
  turn_until_done(rt, &late);
  CHECK_INT(WEFT_ECLOSED, late.status);
  CHECK_INT(0, join.done);
  sem_post(&gate.open);
  turn_until_done(rt, &join);
  CHECK_INT(WEFT_OK, join.status);
  CHECK_INT(7, job.value);
  CHECK(threads_become(threads));
  end(rt);
}

TEST("a pool that is shut down frees itself") {
  weft_runtime *rt = begin();
  atomic_int count = 0;
  weft_workers workers = new_workers(rt, 1, 0);
  struct job job = {.call = call_count, .object = workers, .item = &count};
  start(rt, &job, 0);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_workers_shutdown(rt, workers, 0));
  while (weft_workers_shutdown(rt, workers, 0) != WEFT_EBADF)
    turn(rt);
  CHECK_INT(1, job.value);
  CHECK(weft_processors() > 0);
  end(rt);
}

TEST("a pool without threads is joined at once") {
  weft_runtime *rt = begin();
  struct job join = {.call = call_join, .object = new_workers(rt, 3, 0)};
  start(rt, &join, 0);
  turn(rt);
  CHECK_INT(WEFT_OK, join.status);
  CHECK_INT(1, join.done > 0);
  end(rt);
}

/* -- Locals --------------------------------------------------------------- */

static int see_local(void *local, void *arg, uint64_t *value) {
  (void)arg;
  *value = (uint64_t)(uintptr_t)local;
  return WEFT_OK;
}

static int call_local(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_work_run(rt, job->object, see_local, NULL, NULL, 0, value);
}

TEST("a thread has its local from its first job to its end") {
  weft_runtime *rt = begin();
  struct locals locals = {0};
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_OK, weft_workers_set_local(rt, workers, open_local,
                                            close_local, &locals, drop_locals));
  struct job job = {.call = call_local, .object = workers, .more = 3};
  start(rt, &job, 0);
  turn_until_done(rt, &job);
  CHECK_INT((uintptr_t)&locals, job.value);
  CHECK_INT(WEFT_OK, weft_workers_close(rt, workers));
  CHECK_INT(0, locals.drops);
  end(rt);
  CHECK_INT(1, locals.opened);
  CHECK_INT(1, locals.closed);
  CHECK_INT(1, locals.drops);
}

TEST("a local that cannot be made fails the job; the next one tries again") {
  weft_runtime *rt = begin();
  struct locals locals = {.refusals = 1};
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_OK, weft_workers_set_local(rt, workers, open_local,
                                            close_local, &locals, drop_locals));
  struct job first = {.call = call_local, .object = workers};
  struct job second = {.call = call_local, .object = workers};
  start(rt, &first, 0);
  start(rt, &second, 0);
  end(rt);
  CHECK_INT(WEFT_EMFILE, first.status);
  CHECK_INT(WEFT_OK, second.status);
  CHECK_INT(1, locals.closed);
}

TEST("settings are refused once there was a job") {
  weft_runtime *rt = begin();
  struct locals locals = {0};
  atomic_int count = 0;
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_EINVAL, weft_workers_set_local(rt, workers, NULL, close_local,
                                                &locals, drop_locals));
  struct job job = {.call = call_count, .object = workers, .item = &count};
  start(rt, &job, 0);
  turn_until_done(rt, &job);
  CHECK_INT(WEFT_ESTATE,
            weft_workers_set_local(rt, workers, open_local, close_local,
                                   &locals, drop_locals));
  CHECK_INT(2, locals.drops);
  CHECK_INT(WEFT_ESTATE, weft_workers_set_idle(rt, workers, 1));
  end(rt);
}

TEST("a thread that is idle for too long ends, another takes its place") {
  weft_runtime *rt = begin();
  struct locals locals = {0};
  size_t threads = 1, running, queued;
  weft_workers workers = new_workers(rt, 1, 0);
  CHECK_INT(WEFT_OK, weft_workers_set_local(rt, workers, open_local,
                                            close_local, &locals, drop_locals));
  CHECK_INT(WEFT_OK, weft_workers_set_idle(rt, workers, 1));
  struct job first = {.call = call_local, .object = workers};
  struct job second = {.call = call_local, .object = workers};
  start(rt, &first, 0);
  turn_until_done(rt, &first);
  while (threads > 0) {
    turn(rt);
    CHECK_INT(WEFT_OK, weft_workers_get_counts(rt, workers, &threads, &running,
                                               &queued));
  }
  CHECK_INT(1, locals.closed);
  start(rt, &second, 0);
  end(rt);
  CHECK_INT(WEFT_OK, second.status);
  CHECK_INT(2, locals.opened);
}
