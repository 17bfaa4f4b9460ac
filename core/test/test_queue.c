/* SPDX-License-Identifier: MIT
 * test_queue.c - queues: both ends, hand-off, joining, shutting down.
 *
 * An item is the address of a byte in [things]; its number says which. */
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "check.h"
#include "failing.h"
#include "weft.h"

/* -- Jobs -------------------------------------------------------------------
 * Every waiting call is tried in both kinds of task. A job makes its call, once
 * or more often, and then passes a checkpoint, which shows a cancellation that
 * came too late for the call. The test itself stands outside all tasks, between
 * the turns. */

struct job {
  int (*call)(weft_runtime *rt, struct job *job, uint64_t *value);
  uint64_t object;      /* what the call is made on */
  void *item;           /* what it puts */
  uint64_t deadline_ns; /* of a scope around it all; 0: there is none */
  int more;             /* calls to make after the first */
  uint64_t *values;     /* where the value of each goes; may be NULL */

  weft_task task;
  weft_scope scope;
  bool begun;
  int done;   /* calls that have returned, with the checkpoint */
  int place;  /* of the last call's return among those of all jobs */
  int status; /* of the last call */
  uint64_t value;
  int next;   /* status of the checkpoint */
  int caught; /* what the scope absorbed */
};

static int job_places;

static void job_begin(weft_runtime *rt, struct job *job) {
  job->begun = true;
  if (job->deadline_ns != 0)
    CHECK_INT(WEFT_OK, weft_scope_open(rt, job->deadline_ns, 0, &job->scope));
}

static void job_took(struct job *job, int status, uint64_t value) {
  if (job->done++ > job->more) {
    job->next = status;
    return;
  }
  if (job->values != NULL)
    job->values[job->done - 1] = value;
  job->status = status;
  job->value = value;
  job->place = ++job_places;
}

static int job_go_on(weft_runtime *rt, struct job *job) {
  while (job->done <= job->more + 1) {
    uint64_t value = 0;
    int status = job->done <= job->more ? job->call(rt, job, &value)
                                        : weft_checkpoint(rt);
    if (status == WEFT_PARKED)
      return status;
    job_took(job, status, value);
  }
  if (job->deadline_ns == 0)
    return job->next;
  return weft_scope_leave(rt, job->scope, job->next, &job->caught);
}

static int job_body(weft_runtime *rt, void *arg) {
  job_begin(rt, arg);
  return job_go_on(rt, arg);
}

static int job_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct job *job = arg;
  if (job->begun)
    job_took(job, status, value);
  else
    job_begin(rt, job);
  return job_go_on(rt, job);
}

static void start(weft_runtime *rt, struct job *job, int stepped) {
  int status = stepped ? weft_spawn_step(rt, 0, job_step, job, NULL, &job->task)
                       : weft_spawn(rt, 0, job_body, job, NULL, &job->task);
  CHECK_INT(WEFT_OK, status);
}

/* A runtime on a clock that stands still. A test that would hang is ended. */
static weft_runtime *begin(void) {
  weft_runtime *rt;
  alarm(60);
  failing_install();
  job_places = 0;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  return rt;
}

static void turn(weft_runtime *rt) {
  int work;
  CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
}

static void cancel(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job->task, NULL));
}

/* Runs until all jobs have ended; then nothing may be left. */
static void end(weft_runtime *rt) {
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

static int put_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_queue_put(rt, job->object, job->item);
}

static int get_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_queue_get(rt, job->object, value);
}

static int join_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_queue_join(rt, job->object);
}

/* -- Items ---------------------------------------------------------------- */

#define THINGS 1000

static char things[THINGS + 1];
static int dropped[THINGS + 1]; /* the numbers dropped, in order */
static int drop_count;

static void *thing(int number) {
  return &things[number];
}

static int number_of(uint64_t item) {
  return item == 0 ? 0 : (int)((char *)(uintptr_t)item - things);
}

static void note_dropped(void *item) {
  dropped[drop_count++] = number_of((uintptr_t)item);
}

/* Jobs whose status is none that a call returns. */
static struct job putter(weft_queue queue, int number) {
  return (struct job){
      .call = put_call, .object = queue, .item = thing(number), .status = 7};
}

static struct job getter(weft_queue queue) {
  return (struct job){.call = get_call, .object = queue, .status = 7};
}

static struct job joiner(weft_queue queue) {
  return (struct job){.call = join_call, .object = queue, .status = 7};
}

static weft_queue new_queue(weft_runtime *rt, size_t items_max) {
  weft_queue queue;
  drop_count = 0;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, items_max, note_dropped, &queue));
  return queue;
}

static void put(weft_runtime *rt, weft_queue queue, int number) {
  CHECK_INT(WEFT_OK, weft_queue_try_put(rt, queue, thing(number)));
}

/* The number of the item got, or the code. */
static int get(weft_runtime *rt, weft_queue queue) {
  uint64_t item;
  int status = weft_queue_try_get(rt, queue, &item);
  CHECK((status == WEFT_OK) == (item != 0));
  return status == WEFT_OK ? number_of(item) : status;
}

static void task_done(weft_runtime *rt, weft_queue queue) {
  CHECK_INT(WEFT_OK, weft_queue_task_done(rt, queue));
}

static size_t size_of(weft_runtime *rt, weft_queue queue) {
  size_t items;
  CHECK_INT(WEFT_OK, weft_queue_get_size(rt, queue, &items));
  return items;
}

static void close_queue(weft_runtime *rt, weft_queue queue) {
  CHECK_INT(WEFT_OK, weft_queue_close(rt, queue));
}

static void shut_down(weft_runtime *rt, weft_queue queue, int immediate) {
  CHECK_INT(WEFT_OK, weft_queue_shutdown(rt, queue, immediate));
}

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

/* Puts the next item each time; the values it is told are of no use. */
static int put_next_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_queue_put(rt, job->object, thing(job->done + 1));
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

/* -- Joining: the five cases ---------------------------------------------- */

TEST("where nothing is unfinished, join returns at once [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(1, job.place);
    CHECK_INT(WEFT_OK, job.status);
    end(rt);
  }
}

TEST("join waits until every item that was put is done [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 1);
    struct job third = putter(queue, 3);
    struct job joiners[2] = {joiner(queue), joiner(queue)};
    struct job taker = getter(queue);
    start(rt, &taker, stepped);
    turn(rt);
    put(rt, queue, 1); /* handed over */
    put(rt, queue, 2); /* stored */
    start(rt, &third, stepped);
    turn(rt);
    start(rt, &joiners[0], stepped);
    start(rt, &joiners[1], !stepped);
    turn(rt);
    CHECK_INT(2, get(rt, queue)); /* and so takes in the third */
    task_done(rt, queue);
    task_done(rt, queue);
    turn(rt);
    CHECK_INT(0, joiners[0].place);
    task_done(rt, queue);
    int before = job_places;
    turn(rt);
    CHECK_INT(before + 1, joiners[0].place);
    CHECK_INT(before + 2, joiners[1].place);
    CHECK_INT(WEFT_OK, joiners[0].status);
    CHECK_INT(WEFT_OK, joiners[1].status);
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
  }
}

TEST("a join that was completed stays so though items come [20.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    task_done(rt, queue);
    put(rt, queue, 2);
    turn(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, job.place);
    end(rt);
  }
}

TEST("a put that was cancelled or refused is not unfinished [20.4] [3.5]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 1);
  struct job job = putter(queue, 2);
  put(rt, queue, 1);
  start(rt, &job, 1);
  turn(rt);
  cancel(rt, &job);
  CHECK_INT(WEFT_EFULL, weft_queue_try_put(rt, queue, thing(3)));
  task_done(rt, queue);
  CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
  end(rt);
}

TEST("a join is cancelled; done, then cancel delivers [3.4] [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job before = joiner(queue), after = joiner(queue);
    put(rt, queue, 1);
    start(rt, &before, stepped);
    start(rt, &after, stepped);
    turn(rt);
    cancel(rt, &before);
    task_done(rt, queue);
    cancel(rt, &after);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, before.status);
    CHECK_INT(WEFT_OK, after.status);
    CHECK_INT(WEFT_ECANCELLED, after.next);
  }
}

TEST("join is a cancellation point though nothing is unfinished [3.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = joiner(new_queue(rt, 0));
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a join is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    job.deadline_ns = 50;
    put(rt, queue, 1);
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("closing wakes in one order whatever they wait for [1.5] [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    for (int full = 0; full <= 1; full++) {
      weft_runtime *rt = begin();
      weft_queue queue = new_queue(rt, 1);
      put(rt, queue, 1); /* for there to be something to join */
      if (!full)
        CHECK_INT(1, get(rt, queue));
      struct job jobs[5];
      for (int i = 0; i < 5; i++) {
        jobs[i] = full ? putter(queue, i + 2) : getter(queue);
        if (i == 0 || i == 2)
          jobs[i] = joiner(queue);
        start(rt, &jobs[i], i == 3 ? !stepped : stepped);
      }
      turn(rt);
      CHECK_INT(0, job_places);
      close_queue(rt, queue);
      end(rt);
      for (int i = 0; i < 5; i++) {
        CHECK_INT(WEFT_ECLOSED, jobs[i].status);
        CHECK_INT(i + 1, jobs[i].place);
      }
    }
  }
}

/* -- Shutting down, and the end of items ---------------------------------- */

TEST("a plain shutdown leaves items to drain and joiners waiting [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    start(rt, &job, stepped);
    turn(rt);
    shut_down(rt, queue, 0);
    CHECK_INT(0, drop_count);
    CHECK_INT(1, size_of(rt, queue));
    turn(rt);
    CHECK_INT(0, job.place);
    CHECK_INT(1, get(rt, queue));
    task_done(rt, queue);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("an immediate one drops what is stored and counts it done [20.5]") {
  for (int after_plain = 0; after_plain <= 1; after_plain++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 3);
    struct job waiting = joiner(queue), late = putter(queue, 4);
    for (int number = 1; number <= 3; number++)
      put(rt, queue, number);
    start(rt, &waiting, after_plain);
    start(rt, &late, after_plain);
    turn(rt);
    if (after_plain)
      shut_down(rt, queue, 0);
    shut_down(rt, queue, 1);
    CHECK_INT(3, drop_count);
    for (int i = 0; i < 3; i++)
      CHECK_INT(i + 1, dropped[i]);
    CHECK_INT(0, size_of(rt, queue));
    CHECK_INT(WEFT_ESHUTDOWN, get(rt, queue));
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
    CHECK_INT(WEFT_OK, waiting.status);
    CHECK_INT(WEFT_ESHUTDOWN, late.status);
    CHECK_INT(3, drop_count);
  }
}

TEST("those already taken still need task_done after it [20.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = joiner(queue);
    put(rt, queue, 1);
    put(rt, queue, 2);
    CHECK_INT(1, get(rt, queue));
    start(rt, &job, stepped);
    turn(rt);
    shut_down(rt, queue, 1);
    turn(rt);
    CHECK_INT(1, drop_count);
    CHECK_INT(2, dropped[0]);
    CHECK_INT(0, job.place);
    task_done(rt, queue);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("items marked done before they are got do not count twice [20.5]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  struct job job = joiner(queue);
  put(rt, queue, 1);
  put(rt, queue, 2);
  task_done(rt, queue);
  shut_down(rt, queue, 1);
  CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
  start(rt, &job, 1);
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
}

TEST("closing drops what is stored, once each and in order") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  for (int number = 1; number <= 20; number++)
    put(rt, queue, number);
  CHECK_INT(1, get(rt, queue));
  close_queue(rt, queue);
  CHECK_INT(19, drop_count);
  for (int i = 0; i < 19; i++)
    CHECK_INT(i + 2, dropped[i]);
  CHECK_INT(WEFT_EBADF, weft_queue_close(rt, queue));
  end(rt);
  CHECK_INT(19, drop_count);
}

TEST("the end of the runtime drops what is stored in open queues") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  put(rt, queue, 1);
  put(rt, queue, 2);
  end(rt);
  CHECK_INT(2, drop_count);
  CHECK_INT(1, dropped[0]);
  CHECK_INT(2, dropped[1]);
}

TEST("without a drop function items are just forgotten") {
  weft_runtime *rt = begin();
  weft_queue queue;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, NULL, &queue));
  put(rt, queue, 1);
  shut_down(rt, queue, 1);
  CHECK_INT(0, size_of(rt, queue));
  end(rt);
}

static struct {
  weft_runtime *rt;
  weft_queue queue;
} meddled;

/* A drop function that calls back. */
static void meddle(void *item) {
  note_dropped(item);
  CHECK_INT(drop_count == 1 ? WEFT_OK : WEFT_EBADF,
            weft_queue_close(meddled.rt, meddled.queue));
  CHECK_INT(WEFT_EBADF,
            weft_queue_try_put(meddled.rt, meddled.queue, thing(9)));
}

TEST("a drop function may close the queue that is shutting down") {
  weft_runtime *rt = begin();
  meddled.rt = rt;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, meddle, &meddled.queue));
  put(rt, meddled.queue, 1);
  put(rt, meddled.queue, 2);
  shut_down(rt, meddled.queue, 1);
  CHECK_INT(2, drop_count);
  end(rt);
}

static void meddle_late(void *item) {
  uint64_t value;
  note_dropped(item);
  CHECK_INT(WEFT_EBADF, weft_queue_close(meddled.rt, meddled.queue));
  CHECK_INT(WEFT_EBADF, weft_queue_try_get(meddled.rt, meddled.queue, &value));
}

TEST("at the end of the runtime it finds the queue gone, and no crash") {
  weft_runtime *rt = begin();
  meddled.rt = rt;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, meddle_late, &meddled.queue));
  put(rt, meddled.queue, 1);
  put(rt, meddled.queue, 2);
  end(rt);
  CHECK_INT(2, drop_count);
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

TEST("the 128th get that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    uint64_t values[200];
    struct job job = getter(queue);
    struct witness witness = {&job, 0};
    job.more = 199;
    job.values = values;
    for (int number = 1; number <= 200; number++)
      put(rt, queue, number);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    CHECK_INT(127, witness.seen);
    CHECK_INT(72, size_of(rt, queue)); /* the 128th has its item already */
    end(rt);
    for (int i = 0; i < 200; i++)
      CHECK_INT(i + 1, number_of(values[i]));
  }
}

TEST("the 128th put that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = {.call = put_next_call, .object = queue, .more = 199};
    struct witness witness = {&job, 0};
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look, &witness, NULL, NULL));
    turn(rt);
    CHECK_INT(127, witness.seen);
    CHECK_INT(128, size_of(rt, queue));
    end(rt);
    CHECK_INT(200, drop_count);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("a get that waits for its turn has its item, come what may [1.7] [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    job.more = 127;
    for (int number = 1; number <= 200; number++)
      put(rt, queue, number);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    close_queue(rt, queue);
    CHECK_INT(72, drop_count);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(128, number_of(job.value));
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("a parked task says that it waits for the queue") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = getter(queue);
    start(rt, &job, stepped);
    turn(rt);
    const char *what;
    uint64_t object, until_ns;
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("queue", what);
    CHECK(object == queue);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

TEST("a closed queue's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  weft_event event;
  uint64_t value = 7;
  size_t items = 7;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_EBADF, weft_queue_try_put(rt, event, thing(1)));
  close_queue(rt, queue);
  CHECK_INT(WEFT_EBADF, weft_queue_put(rt, queue, thing(1)));
  CHECK_INT(WEFT_EBADF, weft_queue_try_put(rt, queue, thing(1)));
  CHECK_INT(WEFT_EBADF, weft_queue_get(rt, queue, &value));
  CHECK_INT(0, value);
  value = 7;
  CHECK_INT(WEFT_EBADF, weft_queue_try_get(rt, queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EBADF, weft_queue_task_done(rt, queue));
  CHECK_INT(WEFT_EBADF, weft_queue_join(rt, queue));
  CHECK_INT(WEFT_EBADF, weft_queue_shutdown(rt, queue, 0));
  CHECK_INT(WEFT_EBADF, weft_queue_get_size(rt, queue, &items));
  CHECK_INT(0, items);
  end(rt);
}

TEST("outside a task what may wait is refused and does nothing [1.11]") {
  weft_runtime *rt = begin();
  weft_queue queue = new_queue(rt, 0);
  uint64_t value = 7;
  put(rt, queue, 1);
  CHECK_INT(WEFT_ESTATE, weft_queue_put(rt, queue, thing(2)));
  CHECK_INT(WEFT_ESTATE, weft_queue_get(rt, queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ESTATE, weft_queue_join(rt, queue));
  CHECK_INT(1, size_of(rt, queue));
  end(rt);
}

struct visit {
  weft_runtime *rt;
  weft_queue queue;
};

static void *visit(void *arg) {
  struct visit *here = arg;
  weft_runtime *rt = here->rt;
  weft_queue queue = 7;
  uint64_t value = 7;
  size_t items = 7;
  CHECK_INT(WEFT_ETHREAD, weft_queue_new(rt, 1, NULL, &queue));
  CHECK_INT(0, queue);
  CHECK_INT(WEFT_ETHREAD, weft_queue_put(rt, here->queue, thing(2)));
  CHECK_INT(WEFT_ETHREAD, weft_queue_try_put(rt, here->queue, thing(2)));
  CHECK_INT(WEFT_ETHREAD, weft_queue_get(rt, here->queue, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ETHREAD, weft_queue_try_get(rt, here->queue, &value));
  CHECK_INT(WEFT_ETHREAD, weft_queue_task_done(rt, here->queue));
  CHECK_INT(WEFT_ETHREAD, weft_queue_join(rt, here->queue));
  CHECK_INT(WEFT_ETHREAD, weft_queue_shutdown(rt, here->queue, 1));
  CHECK_INT(WEFT_ETHREAD, weft_queue_get_size(rt, here->queue, &items));
  CHECK_INT(0, items);
  CHECK_INT(WEFT_ETHREAD, weft_queue_close(rt, here->queue));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_queue(rt, 0)};
  pthread_t thread;
  put(rt, here.queue, 1);
  CHECK_INT(0, pthread_create(&thread, NULL, visit, &here));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, get(rt, here.queue));
  CHECK_INT(WEFT_EEMPTY, get(rt, here.queue));
  end(rt);
}

TEST("putting and getting allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 2);
    struct job from = {.call = put_next_call, .object = queue, .more = 900};
    struct job into = getter(queue);
    into.more = 900;
    start(rt, &into, stepped);
    start(rt, &from, stepped);
    for (int i = 0; i < 10; i++)
      turn(rt);
    long before = failing_allocations();
    int done = into.done;
    while (into.done < 900)
      turn(rt);
    CHECK(before > 0 && done < 100);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_queue queue = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_queue_new(rt, 0, NULL, &queue);
  CHECK(status == WEFT_OK || queue == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no queue is made and nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}

/* Puts until the store would have to grow and cannot. */
static int fill(weft_runtime *rt, weft_queue queue, int stored) {
  failing_after(1);
  while (weft_queue_try_put(rt, queue, thing(stored + 1)) == WEFT_OK)
    stored++;
  CHECK(failing_has_failed());
  CHECK_INT(stored, size_of(rt, queue));
  failing_after(0);
  return stored;
}

TEST("without memory an item is not put, and the others stay [3.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_queue queue = new_queue(rt, 0);
    struct job job = putter(queue, 999);
    start(rt, &job, stepped);
    CHECK_INT(0, fill(rt, queue, 0));
    put(rt, queue, 1);
    int stored = fill(rt, queue, 1);
    failing_after(1);
    turn(rt);
    CHECK_INT(WEFT_ENOMEM, job.status);
    failing_after(0);
    for (int number = 1; number <= stored; number++) {
      CHECK_INT(number, get(rt, queue));
      task_done(rt, queue);
    }
    CHECK_INT(WEFT_ESTATE, weft_queue_task_done(rt, queue));
    end(rt);
  }
}
