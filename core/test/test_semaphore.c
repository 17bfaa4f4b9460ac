/* SPDX-License-Identifier: MIT
 * test_semaphore.c - semaphores: permits taken, handed over and given back. */
#include <pthread.h>

#include "job.h"

static int acquire_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_semaphore_acquire(rt, job->object);
}

static weft_semaphore new_semaphore(weft_runtime *rt, size_t permits,
                                    size_t permits_max) {
  weft_semaphore semaphore;
  CHECK_INT(WEFT_OK, weft_semaphore_new(rt, permits, permits_max, &semaphore));
  return semaphore;
}

/* A job that takes a permit; its status is none that the call returns. */
static struct job taker(weft_semaphore semaphore) {
  return (struct job){.call = acquire_call, .object = semaphore, .status = 7};
}

static size_t value_of(weft_runtime *rt, weft_semaphore semaphore) {
  size_t permits;
  CHECK_INT(WEFT_OK, weft_semaphore_get_value(rt, semaphore, &permits));
  return permits;
}

static void release(weft_runtime *rt, weft_semaphore semaphore) {
  CHECK_INT(WEFT_OK, weft_semaphore_release(rt, semaphore));
}

/* -- The count ------------------------------------------------------------ */

TEST("permits are counted down and up, and anyone may release [17.1]") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, 2, 0);
  CHECK_INT(2, value_of(rt, semaphore));
  CHECK_INT(WEFT_OK, weft_semaphore_try_acquire(rt, semaphore));
  CHECK_INT(WEFT_OK, weft_semaphore_try_acquire(rt, semaphore));
  CHECK_INT(0, value_of(rt, semaphore));
  CHECK_INT(WEFT_EEMPTY, weft_semaphore_try_acquire(rt, semaphore));
  CHECK_INT(0, value_of(rt, semaphore));
  for (int i = 0; i < 5; i++)
    release(rt, semaphore);
  CHECK_INT(5, value_of(rt, semaphore));
  end(rt);
}

TEST("the release that exceeds the bound is refused [17.2]") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, 1, 2);
  release(rt, semaphore);
  CHECK_INT(WEFT_ESTATE, weft_semaphore_release(rt, semaphore));
  CHECK_INT(2, value_of(rt, semaphore));
  CHECK_INT(WEFT_OK, weft_semaphore_try_acquire(rt, semaphore));
  release(rt, semaphore);
  CHECK_INT(WEFT_ESTATE, weft_semaphore_release(rt, semaphore));
  end(rt);
}

TEST("a permit handed over and not yet run with counts as out [17.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 1);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    release(rt, semaphore);
    CHECK_INT(0, value_of(rt, semaphore));
    release(rt, semaphore);
    CHECK_INT(1, value_of(rt, semaphore));
    CHECK_INT(WEFT_ESTATE, weft_semaphore_release(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("a count without a bound does not run over") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, SIZE_MAX, 0);
  CHECK_INT(WEFT_ESTATE, weft_semaphore_release(rt, semaphore));
  CHECK(value_of(rt, semaphore) == SIZE_MAX);
  end(rt);
}

TEST("more permits than the bound are refused [17.1]") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = 7;
  CHECK_INT(WEFT_EINVAL, weft_semaphore_new(rt, 3, 2, &semaphore));
  CHECK_INT(0, semaphore);
  end(rt);
}

TEST("a closed semaphore's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, 1, 0);
  weft_event event;
  size_t permits = 7;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_EBADF, weft_semaphore_release(rt, event));
  CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_semaphore_close(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_semaphore_acquire(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_semaphore_try_acquire(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_semaphore_release(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_semaphore_get_value(rt, semaphore, &permits));
  CHECK_INT(0, permits);
  end(rt);
}

/* -- Acquiring: the five cases -------------------------------------------- */

TEST("a free permit is taken at once, in the same turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 2, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, value_of(rt, semaphore));
    end(rt);
  }
}

TEST("who waits is served in order, one by each release [1.5] [1.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = taker(semaphore);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    release(rt, semaphore);
    CHECK_INT(0, job_places);
    turn(rt);
    CHECK_INT(1, jobs[0].place);
    turn(rt);
    CHECK_INT(1, job_places);
    release(rt, semaphore);
    release(rt, semaphore);
    turn(rt);
    CHECK_INT(2, jobs[1].place);
    CHECK_INT(3, jobs[2].place);
    CHECK_INT(0, value_of(rt, semaphore));
    end(rt);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

TEST("a wait that is cancelled takes nothing and leaves no place [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job gone = taker(semaphore), stays = taker(semaphore);
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, stays.place);
    release(rt, semaphore);
    end(rt);
    CHECK_INT(WEFT_OK, stays.status);
  }
}

TEST("even with a permit free, acquire is a cancellation point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 1, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(1, value_of(rt, semaphore));
    end(rt);
  }
}

TEST("a wait is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = taker(new_semaphore(rt, 0, 0));
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing a semaphore wakes all who wait, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job first = taker(semaphore), second = taker(semaphore);
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, second.next);
  }
}

/* -- Hand-off ------------------------------------------------------------- */

TEST("nobody gets in between a release and the one it woke [3.6] [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job waiter = taker(semaphore), newcomer = taker(semaphore);
    start(rt, &waiter, stepped);
    turn(rt);
    start(rt, &newcomer, stepped); /* runs first in the next turn */
    release(rt, semaphore);
    CHECK_INT(WEFT_EEMPTY, weft_semaphore_try_acquire(rt, semaphore));
    turn(rt);
    CHECK_INT(1, waiter.place);
    CHECK_INT(WEFT_OK, waiter.status);
    CHECK_INT(0, newcomer.place);
    release(rt, semaphore);
    end(rt);
    CHECK_INT(WEFT_OK, newcomer.status);
  }
}

TEST("who releases and acquires again queues behind those who wait [3.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 1, 1);
    CHECK_INT(WEFT_OK, weft_semaphore_try_acquire(rt, semaphore));
    struct job waiters[2] = {taker(semaphore), taker(semaphore)};
    start(rt, &waiters[0], stepped);
    turn(rt);
    release(rt, semaphore);
    start(rt, &waiters[1], stepped);
    turn(rt);
    turn(rt);
    CHECK_INT(1, waiters[0].place);
    CHECK_INT(0, waiters[1].place);
    release(rt, semaphore);
    end(rt);
    CHECK_INT(2, waiters[1].place);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("release, then cancel: it holds the permit, Cancelled comes next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    release(rt, semaphore);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(0, value_of(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then release: the permit goes to the next who waits [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job first = taker(semaphore), second = taker(semaphore);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    release(rt, semaphore);
    CHECK_INT(0, value_of(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
  }
}

TEST("cancel, then release, nobody else waiting: the permit is free [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 1);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    release(rt, semaphore);
    CHECK_INT(1, value_of(rt, semaphore));
    CHECK_INT(WEFT_ESTATE, weft_semaphore_release(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("close, then cancel: ClosedError, Cancelled comes next [3.4] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then close: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("release, then close: what was handed over stays delivered [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job first = taker(semaphore), second = taker(semaphore);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    release(rt, semaphore);
    CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
  }
}

/* -- What is around it ---------------------------------------------------- */

struct witness {
  struct job *job;
  int seen;
};

static int look(weft_runtime *rt, void *arg) {
  struct witness *witness = arg;
  (void)rt;
  witness->seen = witness->job->done;
  return WEFT_OK;
}

TEST("the 128th acquire that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 300, 0);
    struct job job = taker(semaphore);
    struct witness witness = {&job, 0};
    job.more = 199;
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    /* Only a stepped task, which cannot do otherwise, has its permit already.
     */
    CHECK_INT(stepped ? 172 : 173, value_of(rt, semaphore));
    CHECK_INT(127, witness.seen);
    turn(rt);
    CHECK_INT(100, value_of(rt, semaphore));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("a semaphore may be closed while an acquire waits for its turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 300, 0);
    struct job job = taker(semaphore);
    job.more = 127;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
    end(rt);
    CHECK_INT(stepped ? WEFT_OK : WEFT_ECLOSED, job.status);
  }
}

TEST("a parked task says that it waits for the semaphore") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job job = taker(semaphore);
    start(rt, &job, stepped);
    turn(rt);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("semaphore", what);
    CHECK(object == semaphore);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

TEST("outside a task acquire is refused and takes nothing [1.11]") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, 1, 0);
  CHECK_INT(WEFT_ESTATE, weft_semaphore_acquire(rt, semaphore));
  CHECK_INT(1, value_of(rt, semaphore));
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_semaphore semaphore;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_semaphore semaphore = 7;
  size_t permits = 7;
  CHECK_INT(WEFT_ETHREAD, weft_semaphore_new(here->rt, 1, 0, &semaphore));
  CHECK_INT(0, semaphore);
  CHECK_INT(WEFT_ETHREAD, weft_semaphore_acquire(here->rt, here->semaphore));
  CHECK_INT(WEFT_ETHREAD,
            weft_semaphore_try_acquire(here->rt, here->semaphore));
  CHECK_INT(WEFT_ETHREAD, weft_semaphore_release(here->rt, here->semaphore));
  CHECK_INT(WEFT_ETHREAD,
            weft_semaphore_get_value(here->rt, here->semaphore, &permits));
  CHECK_INT(0, permits);
  size_t tasks = 7;
  CHECK_INT(WEFT_ETHREAD,
            weft_semaphore_get_waiting(here->rt, here->semaphore, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(WEFT_ETHREAD, weft_semaphore_close(here->rt, here->semaphore));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_semaphore(rt, 3, 0)};
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, visit, &here));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(3, value_of(rt, here.semaphore));
  end(rt);
}

TEST("waiting and releasing allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_semaphore semaphore = new_semaphore(rt, 0, 0);
    struct job jobs[2];
    for (int i = 0; i < 2; i++) {
      jobs[i] = taker(semaphore);
      jobs[i].more = 500;
      start(rt, &jobs[i], stepped);
    }
    long before = 0;
    for (int i = 0; i <= 500; i++) {
      turn(rt);
      if (i == 10)
        before = failing_allocations();
      release(rt, semaphore);
      release(rt, semaphore);
    }
    CHECK(before > 0);
    CHECK_INT(before, failing_allocations());
    end(rt);
    CHECK_INT(502, jobs[1].done);
  }
}

TEST("those who wait are counted, one who was cancelled not") {
  weft_runtime *rt = begin();
  weft_semaphore semaphore = new_semaphore(rt, 1, 0);
  struct job jobs[4];
  size_t tasks = 7;
  for (int i = 0; i < 4; i++) {
    jobs[i] = taker(semaphore);
    start(rt, &jobs[i], i % 2);
  }
  turn(rt);
  CHECK_INT(WEFT_OK, weft_semaphore_get_waiting(rt, semaphore, &tasks));
  CHECK_INT(3, tasks);
  cancel(rt, &jobs[2]);
  CHECK_INT(WEFT_OK, weft_semaphore_get_waiting(rt, semaphore, &tasks));
  CHECK_INT(2, tasks);
  release(rt, semaphore);
  CHECK_INT(WEFT_OK, weft_semaphore_get_waiting(rt, semaphore, &tasks));
  CHECK_INT(1, tasks);
  release(rt, semaphore);
  CHECK_INT(WEFT_OK, weft_semaphore_get_waiting(rt, semaphore, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(WEFT_OK, weft_semaphore_close(rt, semaphore));
  tasks = 7;
  CHECK_INT(WEFT_EBADF, weft_semaphore_get_waiting(rt, semaphore, &tasks));
  CHECK_INT(0, tasks);
  end(rt);
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_semaphore semaphore = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_semaphore_new(rt, 1, 0, &semaphore);
  CHECK(status == WEFT_OK || semaphore == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no semaphore is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}
