/* SPDX-License-Identifier: MIT
 * test_barrier.c - barriers: rounds, indices, breaking, and their races. */
#include "job.h"

static int wait_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_barrier_wait(rt, job->object, value);
}

static weft_barrier new_barrier(weft_runtime *rt, size_t parties) {
  weft_barrier barrier;
  CHECK_INT(WEFT_OK, weft_barrier_new(rt, parties, &barrier));
  return barrier;
}

/* A job that waits; neither its status nor its value is one the call gives. */
static struct job waiter(weft_barrier barrier) {
  return (struct job){
      .call = wait_call, .object = barrier, .status = 7, .value = 77};
}

/* Starts [count] jobs, of both kinds in turn, and lets them come to wait. */
static void wait_with(weft_runtime *rt, weft_barrier barrier, struct job *jobs,
                      int count, int stepped) {
  for (int i = 0; i < count; i++) {
    jobs[i] = waiter(barrier);
    start(rt, &jobs[i], i % 2 == 1 ? !stepped : stepped);
  }
  turn(rt);
}

static size_t waiting_at(weft_runtime *rt, weft_barrier barrier) {
  size_t tasks;
  CHECK_INT(WEFT_OK, weft_barrier_get_waiting(rt, barrier, &tasks));
  return tasks;
}

static int is_broken(weft_runtime *rt, weft_barrier barrier) {
  int broken;
  CHECK_INT(WEFT_OK, weft_barrier_is_broken(rt, barrier, &broken));
  return broken;
}

static void reset(weft_runtime *rt, weft_barrier barrier) {
  CHECK_INT(WEFT_OK, weft_barrier_reset(rt, barrier));
}

static void break_it(weft_runtime *rt, weft_barrier barrier) {
  CHECK_INT(WEFT_OK, weft_barrier_abort(rt, barrier));
}

/* -- Rounds --------------------------------------------------------------- */

TEST("the last completes the round at once, all get their index [19.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 4);
    struct job jobs[3], last = waiter(barrier);
    wait_with(rt, barrier, jobs, 3, stepped);
    CHECK_INT(3, waiting_at(rt, barrier));
    CHECK_INT(0, job_places);
    start(rt, &last, stepped);
    turn(rt);
    CHECK_INT(1, last.place); /* it did not park */
    CHECK_INT(1, job_places);
    CHECK_INT(0, waiting_at(rt, barrier));
    end(rt);
    CHECK_INT(3, last.value);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_OK, jobs[i].status);
      CHECK_INT(i, jobs[i].value);
      CHECK_INT(i + 2, jobs[i].place);
    }
  }
}

TEST("who waits again before the others run is in the next round [19.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[2], last = waiter(barrier);
    uint64_t values[2] = {7, 7};
    wait_with(rt, barrier, jobs, 2, stepped);
    last.more = 1;
    last.values = values;
    start(rt, &last, stepped);
    turn(rt);
    CHECK_INT(1, last.done);
    CHECK_INT(1, waiting_at(rt, barrier));
    turn(rt);
    CHECK_INT(0, jobs[0].value);
    CHECK_INT(1, jobs[1].value);
    CHECK_INT(1, waiting_at(rt, barrier));
    wait_with(rt, barrier, jobs, 2, stepped);
    end(rt);
    CHECK_INT(2, values[0]);
    CHECK_INT(0, values[1]);
    CHECK_INT(2, jobs[1].value);
  }
}

TEST("round follows round, and no task is ever one ahead [19.1]") {
  enum { PARTIES = 5, ROUNDS = 200 };
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, PARTIES);
    static uint64_t values[PARTIES][ROUNDS];
    struct job jobs[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
      jobs[i] = waiter(barrier);
      jobs[i].more = ROUNDS - 1;
      jobs[i].values = values[i];
      start(rt, &jobs[i], i % 2 == 1 ? !stepped : stepped);
    }
    end(rt);
    for (int round = 0; round < ROUNDS; round++) {
      unsigned seen = 0;
      for (int i = 0; i < PARTIES; i++)
        seen |= 1u << values[i][round];
      CHECK_INT((1u << PARTIES) - 1, seen);
    }
  }
}

TEST("a barrier for one lets everybody through [19.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = waiter(new_barrier(rt, 1));
    job.more = 2;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(3, job_places);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(0, job.value);
    end(rt);
  }
}

TEST("a barrier for none is refused [19.2]") {
  weft_runtime *rt = begin();
  weft_barrier barrier = 7;
  CHECK_INT(WEFT_EINVAL, weft_barrier_new(rt, 0, &barrier));
  CHECK_INT(0, barrier);
  end(rt);
}

TEST("a barrier tells how many it takes") {
  weft_runtime *rt = begin();
  weft_barrier barrier = new_barrier(rt, 17);
  size_t parties;
  CHECK_INT(WEFT_OK, weft_barrier_get_parties(rt, barrier, &parties));
  CHECK_INT(17, parties);
  CHECK_INT(0, waiting_at(rt, barrier));
  end(rt);
}

/* -- Waits that end otherwise --------------------------------------------- */

TEST("who is cancelled leaves a free place, nothing broken [19.2] [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 4);
    struct job jobs[3], late[2];
    wait_with(rt, barrier, jobs, 3, stepped);
    cancel(rt, &jobs[1]);
    CHECK_INT(2, waiting_at(rt, barrier));
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, jobs[1].status);
    CHECK_INT(0, jobs[1].value);
    CHECK_INT(0, is_broken(rt, barrier));
    wait_with(rt, barrier, late, 1, stepped);
    CHECK_INT(3, waiting_at(rt, barrier));
    wait_with(rt, barrier, late + 1, 1, stepped);
    end(rt);
    CHECK_INT(0, jobs[0].value);
    CHECK_INT(1, jobs[2].value);
    CHECK_INT(2, late[0].value);
    CHECK_INT(3, late[1].value);
  }
}

TEST("even the last passes a cancellation point first [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job first, last = waiter(barrier);
    wait_with(rt, barrier, &first, 1, stepped);
    start(rt, &last, stepped);
    cancel(rt, &last);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, last.status);
    CHECK_INT(1, waiting_at(rt, barrier));
    cancel(rt, &first);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
  }
}

TEST("a wait is cut off by a deadline, its place is free [7.1] [19.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job job = waiter(barrier);
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
    CHECK_INT(0, waiting_at(rt, barrier));
    end(rt);
  }
}

TEST("closing a barrier wakes all who wait, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[2];
    wait_with(rt, barrier, jobs, 2, stepped);
    CHECK_INT(WEFT_OK, weft_barrier_close(rt, barrier));
    end(rt);
    for (int i = 0; i < 2; i++) {
      CHECK_INT(WEFT_ECLOSED, jobs[i].status);
      CHECK_INT(0, jobs[i].value);
      CHECK_INT(i + 1, jobs[i].place);
      CHECK_INT(WEFT_OK, jobs[i].next);
    }
  }
}

/* -- Breaking ------------------------------------------------------------- */

TEST("reset sends away who waits and leaves the barrier usable [19.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[2], others[3];
    wait_with(rt, barrier, jobs, 2, stepped);
    reset(rt, barrier);
    CHECK_INT(0, waiting_at(rt, barrier));
    CHECK_INT(0, is_broken(rt, barrier));
    wait_with(rt, barrier, others, 3, stepped);
    end(rt);
    for (int i = 0; i < 2; i++) {
      CHECK_INT(WEFT_EBROKEN, jobs[i].status);
      CHECK_INT(i + 1, jobs[i].place);
      CHECK_INT(WEFT_OK, jobs[i].next);
    }
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_OK, others[i].status);
      CHECK_INT(i, others[i].value);
    }
  }
}

TEST("abort keeps it broken, every wait fails, until reset [19.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job early, late, others[2];
    wait_with(rt, barrier, &early, 1, stepped);
    break_it(rt, barrier);
    CHECK_INT(1, is_broken(rt, barrier));
    CHECK_INT(0, waiting_at(rt, barrier));
    wait_with(rt, barrier, &late, 1, stepped);
    CHECK_INT(WEFT_EBROKEN, early.status);
    CHECK_INT(WEFT_EBROKEN, late.status);
    CHECK_INT(0, late.value);
    break_it(rt, barrier);
    CHECK_INT(1, is_broken(rt, barrier));
    reset(rt, barrier);
    CHECK_INT(0, is_broken(rt, barrier));
    wait_with(rt, barrier, others, 2, stepped);
    end(rt);
    CHECK_INT(0, others[0].value);
    CHECK_INT(1, others[1].value);
  }
}

TEST("in cancelled code a broken barrier's wait is Cancelled [3.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job job = waiter(barrier);
    break_it(rt, barrier);
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("who was let go is not affected by what comes after [19.3] [3.10]") {
  int (*const blows[])(weft_runtime *, weft_barrier) = {
      weft_barrier_reset, weft_barrier_abort, weft_barrier_close};
  for (int i = 0; i < 6; i++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[2], last = waiter(barrier);
    wait_with(rt, barrier, jobs, 2, i % 2);
    start(rt, &last, i % 2);
    turn(rt);
    CHECK_INT(WEFT_OK, blows[i / 2](rt, barrier));
    end(rt);
    CHECK_INT(WEFT_OK, jobs[0].status);
    CHECK_INT(WEFT_OK, jobs[1].status);
    CHECK_INT(1, jobs[1].value);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("the last comes, then one is cancelled: it gets its index [3.4] [8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[2], last = waiter(barrier);
    wait_with(rt, barrier, jobs, 2, stepped);
    start(rt, &last, stepped);
    turn(rt);
    cancel(rt, &jobs[0]);
    end(rt);
    CHECK_INT(WEFT_OK, jobs[0].status);
    CHECK_INT(0, jobs[0].value);
    CHECK_INT(WEFT_ECANCELLED, jobs[0].next);
    CHECK_INT(1, jobs[1].value);
    CHECK_INT(WEFT_OK, jobs[1].next);
  }
}

TEST("one is cancelled, then the last comes: it is not the last [3.5] [8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job gone, next, last;
    wait_with(rt, barrier, &gone, 1, stepped);
    cancel(rt, &gone);
    wait_with(rt, barrier, &next, 1, stepped);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, next.place);
    wait_with(rt, barrier, &last, 1, stepped);
    end(rt);
    CHECK_INT(0, next.value);
    CHECK_INT(1, last.value);
  }
}

TEST("abort, then cancel: broken, Cancelled comes next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job job;
    wait_with(rt, barrier, &job, 1, stepped);
    break_it(rt, barrier);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_EBROKEN, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then abort or close: Cancelled [3.3]") {
  int (*const blows[])(weft_runtime *, weft_barrier) = {weft_barrier_abort,
                                                        weft_barrier_close};
  for (int i = 0; i < 4; i++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job job;
    wait_with(rt, barrier, &job, 1, i % 2);
    cancel(rt, &job);
    CHECK_INT(WEFT_OK, blows[i / 2](rt, barrier));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

/* -- What is around it ---------------------------------------------------- */

TEST("the 128th wait that need not park gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 1);
    struct job job = waiter(barrier);
    job.more = 199;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    /* The wait is over, so the barrier may go before it returns. */
    CHECK_INT(WEFT_OK, weft_barrier_close(rt, barrier));
    turn(rt);
    CHECK_INT(201, job.done); /* with the checkpoint; the rest was refused */
    CHECK_INT(WEFT_EBADF, job.status);
    end(rt);
  }
}

/* Uses up its budget first. */
static int late_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return job->done < job->more ? weft_checkpoint(rt)
                               : weft_barrier_wait(rt, job->object, value);
}

TEST("the last has its index though it must wait for its turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job first, last = waiter(barrier);
    wait_with(rt, barrier, &first, 1, stepped);
    last.call = late_call;
    last.more = 127;
    start(rt, &last, stepped);
    turn(rt);
    CHECK_INT(127, last.done);
    CHECK_INT(WEFT_OK, weft_barrier_close(rt, barrier));
    end(rt);
    CHECK_INT(WEFT_OK, last.status);
    CHECK_INT(1, last.value);
    CHECK_INT(0, first.value);
  }
}

static int misused_step(weft_runtime *rt, void *arg, int status,
                        uint64_t value) {
  (void)status;
  CHECK_INT(WEFT_PARKED, weft_barrier_wait(rt, *(weft_barrier *)arg, &value));
  return WEFT_OK; /* a mistake */
}

TEST("a task that ends while it waits leaves its place too") {
  weft_runtime *rt = begin();
  weft_barrier barrier = new_barrier(rt, 2);
  keep_reports(rt);
  CHECK_INT(WEFT_OK,
            weft_spawn_step(rt, 0, misused_step, &barrier, NULL, NULL));
  turn(rt);
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_ESTATE, reports.codes[0]);
  CHECK_INT(0, waiting_at(rt, barrier));
  end(rt);
}

TEST("a parked task says that it waits for the barrier") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 2);
    struct job job;
    wait_with(rt, barrier, &job, 1, stepped);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("barrier", what);
    CHECK(object == barrier);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

struct visit {
  weft_runtime *rt;
  weft_barrier barrier;
  int code; /* what each call must return */
};

/* Every call of a barrier, each refused. */
static void *visit(void *arg) {
  struct visit *here = arg;
  weft_runtime *rt = here->rt;
  uint64_t value = 7;
  size_t parties = 7, tasks = 7;
  int broken = 7;
  CHECK_INT(here->code, weft_barrier_wait(rt, here->barrier, &value));
  CHECK_INT(0, value);
  CHECK_INT(here->code, weft_barrier_reset(rt, here->barrier));
  CHECK_INT(here->code, weft_barrier_abort(rt, here->barrier));
  CHECK_INT(here->code, weft_barrier_is_broken(rt, here->barrier, &broken));
  CHECK_INT(0, broken);
  CHECK_INT(here->code, weft_barrier_get_parties(rt, here->barrier, &parties));
  CHECK_INT(0, parties);
  CHECK_INT(here->code, weft_barrier_get_waiting(rt, here->barrier, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(here->code, weft_barrier_close(rt, here->barrier));
  return NULL;
}

TEST("a closed barrier's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_event event;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  struct visit stale = {rt, new_barrier(rt, 2), WEFT_EBADF};
  struct visit foreign = {rt, event, WEFT_EBADF};
  CHECK_INT(WEFT_OK, weft_barrier_close(rt, stale.barrier));
  visit(&stale);
  visit(&foreign);
  end(rt);
}

TEST("outside a task wait is refused and takes no place [1.11]") {
  weft_runtime *rt = begin();
  weft_barrier barrier = new_barrier(rt, 1);
  uint64_t value = 7;
  CHECK_INT(WEFT_ESTATE, weft_barrier_wait(rt, barrier, &value));
  CHECK_INT(0, value);
  CHECK_INT(0, waiting_at(rt, barrier));
  end(rt);
}

static void *make_there(void *arg) {
  weft_barrier barrier = 7;
  CHECK_INT(WEFT_ETHREAD, weft_barrier_new(arg, 2, &barrier));
  CHECK_INT(0, barrier);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_barrier(rt, 2), WEFT_ETHREAD};
  struct job job;
  wait_with(rt, here.barrier, &job, 1, 1);
  in_pthread_apart(make_there, rt);
  in_pthread_apart(visit, &here);
  CHECK_INT(1, waiting_at(rt, here.barrier));
  CHECK_INT(0, is_broken(rt, here.barrier));
  cancel(rt, &job);
  end(rt);
}

TEST("rounds allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_barrier barrier = new_barrier(rt, 3);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = waiter(barrier);
      jobs[i].more = 500;
      start(rt, &jobs[i], stepped);
    }
    turns(rt, 10);
    long before = failing_allocations();
    int done = jobs[0].done;
    while (jobs[0].done < 500)
      turn(rt);
    CHECK(before > 0 && done < 100);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_barrier barrier = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_barrier_new(rt, 2, &barrier);
  CHECK(status == WEFT_OK || barrier == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no barrier is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}
