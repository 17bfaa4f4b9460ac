/* SPDX-License-Identifier: MIT
 * test_event.c - events: setting, waiting, and what comes in between. */
#include <pthread.h>

#include "job.h"

static int wait_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_event_wait(rt, job->object);
}

static weft_event new_event(weft_runtime *rt) {
  weft_event event;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  return event;
}

static int is_set(weft_runtime *rt, weft_event event) {
  int flag;
  CHECK_INT(WEFT_OK, weft_event_is_set(rt, event, &flag));
  return flag;
}

/* -- The flag ------------------------------------------------------------- */

TEST("an event is unset at first, and is what set and clear made it") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  CHECK_INT(0, is_set(rt, event));
  CHECK_INT(WEFT_OK, weft_event_set(rt, event));
  CHECK_INT(1, is_set(rt, event));
  CHECK_INT(WEFT_OK, weft_event_set(rt, event));
  CHECK_INT(1, is_set(rt, event));
  CHECK_INT(WEFT_OK, weft_event_clear(rt, event));
  CHECK_INT(0, is_set(rt, event));
  end(rt);
}

TEST("a closed event's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  weft_semaphore semaphore;
  int flag = 7;
  CHECK_INT(WEFT_OK, weft_semaphore_new(rt, 0, 0, &semaphore));
  CHECK_INT(WEFT_EBADF, weft_event_set(rt, semaphore));
  CHECK_INT(WEFT_EBADF, weft_event_close(rt, semaphore));
  CHECK_INT(WEFT_OK, weft_event_close(rt, event));
  CHECK_INT(WEFT_EBADF, weft_event_close(rt, event));
  CHECK_INT(WEFT_EBADF, weft_event_clear(rt, event));
  CHECK_INT(WEFT_EBADF, weft_event_wait(rt, event));
  CHECK_INT(WEFT_EBADF, weft_event_is_set(rt, event, &flag));
  CHECK_INT(0, flag);
  end(rt);
}

struct late {
  weft_runtime *rt;
  weft_event event;
  int drops;
};

static void set_late(void *arg) {
  struct late *late = arg;
  late->drops++;
  CHECK_INT(WEFT_EBADF, weft_event_set(late->rt, late->event));
}

TEST("an event the end of the runtime has closed is not there any more") {
  weft_runtime *rt = begin();
  struct late late = {rt, new_event(rt), 0};
  weft_queue queue;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, set_late, &queue));
  CHECK_INT(WEFT_OK, weft_queue_try_put(rt, queue, &late));
  end(rt);
  CHECK_INT(1, late.drops);
}

/* -- Waiting: the five cases ---------------------------------------------- */

TEST("a wait on a set event returns at once, in the same turn [18.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .status = 7};
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, is_set(rt, event));
    end(rt);
  }
}

TEST("set wakes all who wait, in order, and returns before them [1.5] [1.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = (struct job){.call = wait_call, .object = event, .status = 7};
      start(rt, &jobs[i], stepped);
    }
    turn(rt);
    CHECK_INT(0, job_places);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    CHECK_INT(0, job_places);
    turn(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(i + 1, jobs[i].place);
      CHECK_INT(WEFT_OK, jobs[i].status);
    }
    end(rt);
  }
}

TEST("a wait is cancelled, and leaves the event as it was [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job gone = {.call = wait_call, .object = event};
    struct job stays = {.call = wait_call, .object = event, .status = 7};
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, is_set(rt, event));
    CHECK_INT(0, stays.place);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    end(rt);
    CHECK_INT(WEFT_OK, stays.status);
  }
}

TEST("even a wait on a set event is a cancellation point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event};
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a wait is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .deadline_ns = 50};
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing an event wakes all who wait, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job first = {.call = wait_call, .object = event};
    struct job second = first;
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_event_close(rt, event));
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, first.next);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("set, then clear: those woken return, who comes later waits [18.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job early = {.call = wait_call, .object = event, .status = 7};
    struct job late = early;
    start(rt, &early, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    CHECK_INT(WEFT_OK, weft_event_clear(rt, event));
    start(rt, &late, stepped);
    turn(rt);
    CHECK_INT(1, early.place);
    CHECK_INT(WEFT_OK, early.status);
    turn(rt);
    CHECK_INT(0, late.place);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    end(rt);
    CHECK_INT(WEFT_OK, late.status);
  }
}

TEST("set, then cancel: the wait delivers, Cancelled comes next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .status = 7};
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then set: Cancelled, and the event is set [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .status = 7};
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    CHECK_INT(1, is_set(rt, event));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("close, then cancel: ClosedError, Cancelled comes next [3.4] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event};
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_event_close(rt, event));
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then close: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event};
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(WEFT_OK, weft_event_close(rt, event));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("set, then close: what was completed stays so [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .status = 7};
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    CHECK_INT(WEFT_OK, weft_event_close(rt, event));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
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

TEST("the 128th wait that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event, .more = 199};
    struct witness witness = {&job, 0};
    CHECK_INT(WEFT_OK, weft_event_set(rt, event));
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    end(rt);
    /* 127 had returned; the 128th had its outcome and was waiting its turn. */
    CHECK_INT(127, witness.seen);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(201, job.done);
  }
}

TEST("a parked task says that it waits for the event") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job job = {.call = wait_call, .object = event};
    start(rt, &job, stepped);
    turn(rt);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("event", what);
    CHECK(object == event);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

TEST("outside a task a wait is refused, though it need not wait [1.11]") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  CHECK_INT(WEFT_OK, weft_event_set(rt, event));
  CHECK_INT(WEFT_ESTATE, weft_event_wait(rt, event));
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_event event;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_event event = 7;
  int flag = 7;
  CHECK_INT(WEFT_ETHREAD, weft_event_new(here->rt, &event));
  CHECK_INT(0, event);
  CHECK_INT(WEFT_ETHREAD, weft_event_set(here->rt, here->event));
  CHECK_INT(WEFT_ETHREAD, weft_event_clear(here->rt, here->event));
  CHECK_INT(WEFT_ETHREAD, weft_event_wait(here->rt, here->event));
  CHECK_INT(WEFT_ETHREAD, weft_event_is_set(here->rt, here->event, &flag));
  CHECK_INT(0, flag);
  size_t tasks = 7;
  CHECK_INT(WEFT_ETHREAD,
            weft_event_get_waiting(here->rt, here->event, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(WEFT_ETHREAD, weft_event_close(here->rt, here->event));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_event(rt)};
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, visit, &here));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(0, is_set(rt, here.event));
  end(rt);
}

TEST("waiting and setting allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_event event = new_event(rt);
    struct job jobs[2];
    for (int i = 0; i < 2; i++) {
      jobs[i] = (struct job){.call = wait_call, .object = event, .more = 500};
      start(rt, &jobs[i], stepped);
    }
    long before = 0;
    for (int i = 0; i <= 500; i++) {
      turn(rt);
      if (i == 10)
        before = failing_allocations();
      CHECK_INT(WEFT_OK, weft_event_set(rt, event));
      CHECK_INT(WEFT_OK, weft_event_clear(rt, event));
    }
    CHECK(before > 0);
    CHECK_INT(before, failing_allocations());
    end(rt);
    CHECK_INT(501 + 1, jobs[1].done);
  }
}

TEST("those who wait are counted, one who was cancelled not") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  struct job jobs[3];
  size_t tasks = 7;
  CHECK_INT(WEFT_OK, weft_event_get_waiting(rt, event, &tasks));
  CHECK_INT(0, tasks);
  for (int i = 0; i < 3; i++) {
    jobs[i] = (struct job){.call = wait_call, .object = event};
    start(rt, &jobs[i], i % 2);
  }
  turn(rt);
  CHECK_INT(WEFT_OK, weft_event_get_waiting(rt, event, &tasks));
  CHECK_INT(3, tasks);
  cancel(rt, &jobs[1]);
  CHECK_INT(WEFT_OK, weft_event_get_waiting(rt, event, &tasks));
  CHECK_INT(2, tasks);
  CHECK_INT(WEFT_OK, weft_event_set(rt, event));
  CHECK_INT(WEFT_OK, weft_event_get_waiting(rt, event, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(WEFT_OK, weft_event_close(rt, event));
  tasks = 7;
  CHECK_INT(WEFT_EBADF, weft_event_get_waiting(rt, event, &tasks));
  CHECK_INT(0, tasks);
  end(rt);
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_event event = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_event_new(rt, &event);
  CHECK(status == WEFT_OK || event == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no event is made and nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}
