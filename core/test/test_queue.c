/* SPDX-License-Identifier: MIT
 * test_queue.c - queues: putting, getting, hand-off, and their races. */

#include "items.h"

/* -- The store ------------------------------------------------------------ */

TEST("items come out in the order they went in [20.1]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  int in = 0, out = 0;
  /* In steps of 7 and 3, so that the store grows while it is wrapped round. */
  while (in + 7 <= THINGS) {
    for (int i = 0; i < 7; i++)
      put(rt, queue, ++in);
    for (int i = 0; i < 3; i++)
      CHECK_INT(++out, get(rt, queue));
    CHECK_INT(in - out, size_of(rt, queue));
  }
  while (out < in)
    CHECK_INT(++out, get(rt, queue));
  CHECK_INT(WEFT_EEMPTY, get(rt, queue));
  CHECK_INT(0, drop_count);
  end(rt);
}

TEST("a bounded queue is full with that many, whatever the number [20.2]") {
  const int bounds[] = {1, 2, 3, 8, 9, 100};
  for (int i = 0; i < 6; i++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, (size_t)bounds[i]);
    for (int number = 1; number <= bounds[i]; number++)
      put(rt, queue, number);
    CHECK_INT(WEFT_EFULL, weft_queue_try_put(rt, queue, thing(500)));
    CHECK_INT(bounds[i], size_of(rt, queue));
    CHECK_INT(1, get(rt, queue));
    put(rt, queue, 501);
    CHECK_INT(WEFT_EFULL, weft_queue_try_put(rt, queue, thing(502)));
    for (int number = 2; number <= bounds[i]; number++)
      CHECK_INT(number, get(rt, queue));
    CHECK_INT(501, get(rt, queue));
    end(rt);
  }
}

static int put_nothing(weft_runtime *rt, void *arg) {
  return weft_queue_put(rt, *(weft_queue *)arg, NULL) == WEFT_EINVAL
             ? WEFT_OK
             : WEFT_EOTHER;
}

TEST("NULL is no item, and that is found out first of all [3.1]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  weft_task task;
  int state;
  CHECK_INT(WEFT_EINVAL, weft_queue_try_put(rt, queue, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, put_nothing, &queue, NULL, &task));
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, task, NULL));
  turn(rt);
  CHECK_INT(WEFT_OK, weft_task_get_state(rt, task, &state));
  CHECK_INT(WEFT_TASK_FINISHED, state);
  CHECK_INT(0, size_of(rt, queue));
  end(rt);
}

/* -- Putting: the five cases, and shut down ------------------------------- */

TEST("where there is room, put returns at once, in the same turn [20.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job job = putter(queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, get(rt, queue));
    end(rt);
  }
}

TEST("putters wait while it is full and are let in in order [1.5] [20.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job jobs[3];
    put(rt, queue, 1);
    for (int i = 0; i < 3; i++) {
      jobs[i] = putter(queue, i + 2);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    CHECK_INT(1, size_of(rt, queue));
    CHECK_INT(1, get(rt, queue));
    CHECK_INT(0, job_places);
    CHECK_INT(2, get(rt, queue));
    turn(rt);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(2, jobs[1].place);
    CHECK_INT(0, jobs[2].place);
    CHECK_INT(3, get(rt, queue));
    CHECK_INT(4, get(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    end(rt);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

TEST("a put that is cancelled did not happen [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job gone = putter(queue, 2), stays = putter(queue, 3);
    put(rt, queue, 1);
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, stays.place);
    CHECK_INT(1, get(rt, queue));
    CHECK_INT(3, get(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, stays.status);
    CHECK_INT(0, drop_count);
  }
}

TEST("even where there is room, put is a cancellation point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = putter(queue, 1);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, size_of(rt, queue));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

TEST("a put is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job job = putter(queue, 2);
    job.deadline_ns = 50;
    put(rt, queue, 1);
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
    CHECK_INT(1, drop_count); /* the one that was stored */
    CHECK_INT(1, dropped[0]);
  }
}

TEST("closing wakes the putters, whose items stay their own [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job first = putter(queue, 2), second = putter(queue, 3);
    put(rt, queue, 1);
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    close_queue(rt, queue);
    CHECK_INT(1, drop_count);
    CHECK_INT(1, dropped[0]);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, first.next);
    CHECK_INT(1, drop_count);
  }
}

TEST("shut down, put fails, and so do those who wait in it [20.5] [20.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job early = putter(queue, 2), late = putter(queue, 3);
    put(rt, queue, 1);
    start(rt, &early, stepped);
    turn(rt);
    shut_down(rt, queue, 0);
    CHECK_INT(WEFT_ESHUTDOWN, weft_queue_try_put(rt, queue, thing(4)));
    turn(rt);
    CHECK_INT(WEFT_ESHUTDOWN, early.status);
    CHECK_INT(1, get(rt, queue));
    start(rt, &late, stepped);
    turn(rt);
    CHECK_INT(WEFT_ESHUTDOWN, late.status);
    CHECK_INT(0, size_of(rt, queue));
    end(rt);
    CHECK_INT(0, drop_count);
  }
}

/* -- Getting: the five cases, and shut down ------------------------------- */

TEST("where there is an item, get returns at once, in the same turn [20.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, number_of(job.value));
    CHECK_INT(0, size_of(rt, queue));
    end(rt);
  }
}

TEST("getters wait while it is empty and are served in order [1.5] [1.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = getter(queue);
      start(rt, &jobs[i], i == 1 ? !stepped : stepped);
    }
    turn(rt);
    put(rt, queue, 1);
    put(rt, queue, 2);
    CHECK_INT(0, job_places);
    turn(rt);
    CHECK_INT(1, jobs[0].place);
    CHECK_INT(2, jobs[1].place);
    CHECK_INT(0, jobs[2].place);
    put(rt, queue, 3);
    end(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_OK, jobs[i].status);
      CHECK_INT(i + 1, number_of(jobs[i].value));
    }
  }
}

TEST("a get that is cancelled takes nothing and leaves no place [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job gone = getter(queue), stays = getter(queue);
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, gone.value);
    CHECK_INT(0, stays.place);
    put(rt, queue, 1);
    end(rt);
    CHECK_INT(1, number_of(stays.value));
  }
}

TEST("even where there is an item, get is a cancellation point [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(1, get(rt, queue));
    end(rt);
  }
}

TEST("a get is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = getter(new_queue(rt, 0));
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing wakes the getters, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job first = getter(queue), second = getter(queue);
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    close_queue(rt, queue);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(0, first.value);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, second.next);
  }
}

TEST("shut down, get drains and then fails [20.5] [20.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job first = getter(queue), second = getter(queue);
    put(rt, queue, 1);
    put(rt, queue, 2);
    shut_down(rt, queue, 0);
    CHECK_INT(1, get(rt, queue));
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(2, number_of(first.value));
    CHECK_INT(WEFT_ESHUTDOWN, second.status);
    CHECK_INT(0, second.value);
    CHECK_INT(WEFT_ESHUTDOWN, get(rt, queue));
    end(rt);
  }
}

TEST("shut down, those who wait in get fail [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    shut_down(rt, queue, 0);
    end(rt);
    CHECK_INT(WEFT_ESHUTDOWN, job.status);
    CHECK_INT(WEFT_OK, job.next);
  }
}

/* -- Hand-off ------------------------------------------------------------- */

TEST("an item goes straight to the first getter [3.6] [3.9] [20.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job waiter = getter(queue), newcomer = getter(queue);
    start(rt, &waiter, stepped);
    turn(rt);
    start(rt, &newcomer, stepped); /* runs first in the next turn */
    put(rt, queue, 1);
    CHECK_INT(0, size_of(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    turn(rt);
    CHECK_INT(1, number_of(waiter.value));
    CHECK_INT(0, newcomer.place);
    put(rt, queue, 2);
    end(rt);
    CHECK_INT(2, number_of(newcomer.value));
  }
}

TEST("a free place goes to the first putter's item [3.6] [3.9] [20.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job waiter = putter(queue, 2), newcomer = putter(queue, 3);
    put(rt, queue, 1);
    start(rt, &waiter, stepped);
    turn(rt);
    start(rt, &newcomer, stepped);
    CHECK_INT(1, get(rt, queue));
    CHECK_INT(1, size_of(rt, queue));
    CHECK_INT(WEFT_EFULL, weft_queue_try_put(rt, queue, thing(4)));
    turn(rt);
    CHECK_INT(1, waiter.place);
    CHECK_INT(0, newcomer.place);
    CHECK_INT(2, get(rt, queue));
    CHECK_INT(3, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, newcomer.status);
  }
}

TEST("through a queue of one, task to task, no item is lost or overtaken") {
  for (int kinds = 0; kinds < 4; kinds++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    uint64_t values[THINGS];
    struct job from = {
        .call = put_next_call, .object = queue, .more = THINGS - 1};
    struct job into = getter(queue);
    into.more = THINGS - 1;
    into.values = values;
    start(rt, &from, kinds & 1);
    start(rt, &into, kinds >> 1);
    end(rt);
    CHECK_INT(WEFT_OK, from.status);
    CHECK_INT(WEFT_OK, into.status);
    for (int i = 0; i < THINGS; i++)
      CHECK_INT(i + 1, number_of(values[i]));
    CHECK_INT(0, drop_count);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("put, then cancel the getter: it has the item, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job first = getter(queue), second = getter(queue);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    put(rt, queue, 1);
    cancel(rt, &first);
    turn(rt);
    CHECK_INT(WEFT_OK, first.status);
    CHECK_INT(1, number_of(first.value));
    CHECK_INT(0, second.place);
    cancel(rt, &second);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.next);
  }
}

TEST("cancel the getter, then put: the next getter has the item [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job first = getter(queue), second = getter(queue);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    put(rt, queue, 1);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
    CHECK_INT(1, number_of(second.value));
  }
}

TEST("cancel the only getter, then put: the queue keeps the item [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    put(rt, queue, 1);
    CHECK_INT(1, size_of(rt, queue));
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(1, get(rt, queue));
    end(rt);
  }
}

TEST("make room, then cancel the putter: put it is, Cancelled next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job job = putter(queue, 2);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, get(rt, queue));
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(2, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel the putter, then make room: the next putter's goes in [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job first = putter(queue, 2), second = putter(queue, 3);
    put(rt, queue, 1);
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    turn(rt);
    cancel(rt, &first);
    CHECK_INT(1, get(rt, queue));
    CHECK_INT(3, get(rt, queue));
    CHECK_INT(WEFT_EEMPTY, get(rt, queue));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_OK, second.status);
  }
}

TEST("close, then cancel: ClosedError, Cancelled comes next [3.4] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    close_queue(rt, queue);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel, then close: Cancelled [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    close_queue(rt, queue);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("put, then close: what was handed over stays delivered [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    put(rt, queue, 1);
    close_queue(rt, queue);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, number_of(job.value));
    CHECK_INT(0, drop_count);
  }
}

TEST("put, then shut down at once: what was handed over stays [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    put(rt, queue, 1);
    shut_down(rt, queue, 1);
    task_done(rt, queue); /* it was taken, so this is its taker's to say */
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, number_of(job.value));
    CHECK_INT(0, drop_count);
  }
}
