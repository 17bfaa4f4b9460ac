/* SPDX-License-Identifier: MIT
 * test_waitlist.c - wait lists: parking in order and being woken one by one. */
#include <pthread.h>

#include "job.h"

static int park_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_waitlist_park(rt, job->object, value);
}

static weft_waitlist new_list(weft_runtime *rt) {
  weft_waitlist list;
  CHECK_INT(WEFT_OK, weft_waitlist_new(rt, "turnstile", &list));
  return list;
}

/* A job that parks; its status is none that it is woken with. */
static struct job parker(weft_waitlist list) {
  return (struct job){.call = park_call, .object = list, .status = 7};
}

static size_t count_of(weft_runtime *rt, weft_waitlist list) {
  size_t count;
  CHECK_INT(WEFT_OK, weft_waitlist_get_waiting(rt, list, &count));
  return count;
}

/* Wakes the first with WEFT_OK and returns whom it woke. */
static weft_task wake(weft_runtime *rt, weft_waitlist list, uint64_t value) {
  weft_task task;
  CHECK_INT(WEFT_OK, weft_waitlist_wake(rt, list, WEFT_OK, value, &task));
  return task;
}

/* -- Parked and woken ----------------------------------------------------- */

TEST("who parks is woken in order, each with a value of its own [1.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = parker(list);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    CHECK_INT(3, count_of(rt, list));
    CHECK(wake(rt, list, 100) == jobs[0].task);
    CHECK(wake(rt, list, UINT64_MAX) == jobs[1].task);
    CHECK_INT(1, count_of(rt, list));
    CHECK_INT(0, job_places);
    turn(rt);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(100, jobs[0].value);
    CHECK_INT(2, jobs[1].place);
    CHECK(jobs[1].value == UINT64_MAX);
    CHECK_INT(0, jobs[2].place);
    CHECK(wake(rt, list, 102) == jobs[2].task);
    end(rt);
    CHECK_INT(102, jobs[2].value);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

TEST("a wake may bring any status") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    weft_task task;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_waitlist_wake(rt, list, WEFT_EPIPE, 0, &task));
    CHECK(task == job.task);
    end(rt);
    CHECK_INT(WEFT_EPIPE, job.status);
  }
}

TEST("a wake with nobody there wakes nobody later either [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    CHECK_INT(0, wake(rt, list, 1));
    start(rt, &job, stepped);
    turn(rt);
    turn(rt);
    CHECK_INT(0, job.place);
    CHECK_INT(1, count_of(rt, list));
    CHECK(wake(rt, list, 2) == job.task);
    CHECK_INT(0, wake(rt, list, 3));
    end(rt);
    CHECK_INT(2, job.value);
  }
}

TEST("a task without a handle of its own is named when it is woken") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    int status = stepped ? weft_spawn_step(rt, 0, job_step, &job, NULL, NULL)
                         : weft_spawn(rt, 0, job_body, &job, NULL, NULL);
    CHECK_INT(WEFT_OK, status);
    turn(rt);
    weft_task task = wake(rt, list, 5);
    void *arg;
    weft_step_fn step;
    CHECK_INT(WEFT_OK, weft_task_get_arg(rt, task, &step, &arg));
    CHECK(arg == &job);
    end(rt);
    CHECK_INT(5, job.value);
  }
}

TEST("a woken task that parks again is at the end") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job again = parker(list), other = parker(list);
    again.more = 1;
    start(rt, &again, stepped);
    start(rt, &other, stepped);
    turn(rt);
    wake(rt, list, 1);
    turn(rt);
    CHECK_INT(2, count_of(rt, list));
    wake(rt, list, 2);
    wake(rt, list, 3);
    end(rt);
    CHECK_INT(2, other.value);
    CHECK_INT(3, again.value);
  }
}

/* -- One of them ---------------------------------------------------------- */

static int wake_task(weft_runtime *rt, weft_waitlist list,
                     const struct job *job) {
  return weft_waitlist_wake_task(rt, list, job->task, WEFT_EPIPE, 9);
}

TEST("one task is woken, wherever it waits; the others keep their order") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    for (int one = 0; one < 3; one++) {
      weft_runtime *rt = begin();
      weft_waitlist list = new_list(rt);
      struct job jobs[3];
      for (int i = 0; i < 3; i++) {
        jobs[i] = parker(list);
        start(rt, &jobs[i], i == 1 ? !stepped : stepped);
      }
      turn(rt);
      CHECK_INT(WEFT_OK, wake_task(rt, list, &jobs[one]));
      CHECK_INT(2, count_of(rt, list));
      CHECK_INT(0, job_places);
      turn(rt);
      CHECK_INT(WEFT_EPIPE, jobs[one].status);
      CHECK_INT(9, jobs[one].value);
      CHECK(wake(rt, list, 1) == jobs[one == 0 ? 1 : 0].task);
      CHECK(wake(rt, list, 2) == jobs[one == 2 ? 1 : 2].task);
      CHECK_INT(0, wake(rt, list, 3));
      end(rt);
    }
  }
}

TEST("a task that does not wait in the list is left alone [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt), other = new_list(rt);
    struct job job = parker(other);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_ESTATE, wake_task(rt, other, &job)); /* it has not begun */
    turn(rt);
    CHECK_INT(WEFT_ESTATE, wake_task(rt, list, &job));
    CHECK_INT(1, count_of(rt, other));
    CHECK_INT(WEFT_OK, wake_task(rt, other, &job));
    CHECK_INT(WEFT_ESTATE, wake_task(rt, other, &job)); /* woken already */
    turn(rt);
    CHECK_INT(WEFT_EPIPE, job.status);
    CHECK_INT(WEFT_ESTATE, wake_task(rt, other, &job)); /* over */
    end(rt);
  }
}

/* Until the time that is the same number as the list's handle. */
static int sleep_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)value;
  return weft_sleep_until(rt, job->object);
}

TEST("a task that waits for something else by now is left alone [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    job.more = 1;
    start(rt, &job, stepped);
    turn(rt);
    job.call = sleep_call;
    wake(rt, list, 1);
    turn(rt);
    CHECK_INT(1, job.done);
    CHECK_INT(WEFT_ESTATE, wake_task(rt, list, &job));
    end(rt);
    CHECK_INT(2, job.place);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("woken as one of them, then cancelled: delivered, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, wake_task(rt, list, &job));
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_EPIPE, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancelled, then woken as one of them: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(WEFT_ESTATE, wake_task(rt, list, &job));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

/* -- Cancelled, timed out, closed ----------------------------------------- */

TEST("a wait that is cancelled leaves no place behind [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job first = parker(list), second = parker(list);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    CHECK_INT(1, count_of(rt, list));
    CHECK(wake(rt, list, 9) == second.task);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(0, first.value);
    CHECK_INT(WEFT_OK, second.status);
    CHECK_INT(9, second.value);
  }
}

TEST("cancelled code does not park [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(0, count_of(rt, list));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a wait is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = parker(new_list(rt));
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing a list wakes all who wait, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job first = parker(list), second = parker(list);
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_waitlist_close(rt, list));
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, first.next);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("wake, then cancel: the value is delivered, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    wake(rt, list, 9);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(9, job.value);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then wake: Cancelled, and nobody is woken [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(0, wake(rt, list, 9));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, job.value);
  }
}

TEST("close, then cancel: ClosedError, Cancelled comes next [3.4] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_waitlist_close(rt, list));
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then close: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(WEFT_OK, weft_waitlist_close(rt, list));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

/* -- What is around it ---------------------------------------------------- */

TEST("a parked task says what its list was made to say") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("turnstile", what);
    CHECK(object == list);
    CHECK(until_ns == UINT64_MAX);
    wake(rt, list, 0);
    end(rt);
  }
}

TEST("weft_wake leaves a task alone that is parked in a list [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job job = parker(list);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, job.task, WEFT_OK, 1));
    wake(rt, list, 2);
    end(rt);
    CHECK_INT(2, job.value);
  }
}

TEST("a closed list's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_waitlist list = new_list(rt);
  weft_event event;
  weft_task task = 7;
  uint64_t value = 7;
  size_t count = 7;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_EBADF, weft_waitlist_close(rt, event));
  CHECK_INT(WEFT_OK, weft_waitlist_close(rt, list));
  CHECK_INT(WEFT_EBADF, weft_waitlist_close(rt, list));
  CHECK_INT(WEFT_EBADF, weft_waitlist_park(rt, list, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EBADF, weft_waitlist_wake(rt, list, WEFT_OK, 1, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_EBADF, weft_waitlist_wake_task(rt, list, list, WEFT_OK, 1));
  CHECK_INT(WEFT_EBADF, weft_waitlist_get_waiting(rt, list, &count));
  CHECK_INT(0, count);
  list = new_list(rt);
  CHECK_INT(WEFT_EBADF, weft_waitlist_wake_task(rt, list, list, WEFT_OK, 1));
  CHECK_INT(WEFT_EBADF, weft_waitlist_wake_task(rt, list, 0, WEFT_OK, 1));
  end(rt);
}

TEST("outside a task parking is refused [1.11]") {
  weft_runtime *rt = begin();
  weft_waitlist list = new_list(rt);
  uint64_t value = 7;
  CHECK_INT(WEFT_ESTATE, weft_waitlist_park(rt, list, &value));
  CHECK_INT(0, value);
  CHECK_INT(0, count_of(rt, list));
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_waitlist list;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_waitlist list = 7;
  weft_task task = 7;
  uint64_t value = 7;
  size_t count = 7;
  CHECK_INT(WEFT_ETHREAD, weft_waitlist_new(here->rt, "turnstile", &list));
  CHECK_INT(0, list);
  CHECK_INT(WEFT_ETHREAD, weft_waitlist_park(here->rt, here->list, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ETHREAD,
            weft_waitlist_wake(here->rt, here->list, WEFT_OK, 1, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ETHREAD,
            weft_waitlist_wake_task(here->rt, here->list, 0, WEFT_OK, 1));
  CHECK_INT(WEFT_ETHREAD,
            weft_waitlist_get_waiting(here->rt, here->list, &count));
  CHECK_INT(0, count);
  CHECK_INT(WEFT_ETHREAD, weft_waitlist_close(here->rt, here->list));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_list(rt)};
  struct job job = parker(here.list);
  pthread_t thread;
  start(rt, &job, 1);
  turn(rt);
  CHECK_INT(0, pthread_create(&thread, NULL, visit, &here));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, count_of(rt, here.list));
  wake(rt, here.list, 3);
  end(rt);
  CHECK_INT(3, job.value);
}

TEST("parking and waking allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_waitlist list = new_list(rt);
    struct job jobs[2];
    for (int i = 0; i < 2; i++) {
      jobs[i] = parker(list);
      jobs[i].more = 500;
      start(rt, &jobs[i], stepped);
    }
    long before = 0;
    for (int i = 0; i <= 500; i++) {
      turn(rt);
      if (i == 10)
        before = failing_allocations();
      wake(rt, list, 1);
      wake(rt, list, 2);
    }
    CHECK(before > 0);
    CHECK_INT(before, failing_allocations());
    end(rt);
    CHECK_INT(502, jobs[1].done);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_waitlist list = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_waitlist_new(rt, "turnstile", &list);
  CHECK(status == WEFT_OK || list == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no list is made and nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}
