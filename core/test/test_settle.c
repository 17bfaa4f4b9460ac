/* SPDX-License-Identifier: MIT
 * test_settle.c - the virtual clock moved by hand, and waiting until everybody
 * else waits. */
#include "gate.h"

static int advance_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_clock_advance(rt, job->object);
}

static int settle_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  *value = 0;
  return weft_wait_all_parked(rt);
}

static int sleep_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_sleep_until(rt, job->object);
}

static int yield_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  *value = 0;
  return weft_yield(rt);
}

/* Jobs whose status is none that the call returns. */
static struct job advancer(uint64_t span_ns) {
  return (struct job){.call = advance_call, .object = span_ns, .status = 7};
}

static struct job settler(void) {
  return (struct job){.call = settle_call, .status = 7};
}

static struct job sleeper(uint64_t time_ns) {
  return (struct job){.call = sleep_call, .object = time_ns, .status = 7};
}

static uint64_t now(weft_runtime *rt) {
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  return now_ns;
}

/* Turns until the job's call has returned. */
static void turn_to(weft_runtime *rt, const struct job *job) {
  while (job->done == 0)
    turn(rt);
}

/* -- Advancing ------------------------------------------------------------ */

/* A call that notes when it was made, and has another one made right after. */
struct mark {
  uint64_t time_ns;
  int place;
  struct mark *next; /* or NULL */
};

static void make_mark(weft_runtime *rt, void *arg) {
  struct mark *mark = arg;
  mark->time_ns = now(rt);
  mark->place = ++job_places;
  if (mark->next != NULL)
    CHECK_INT(WEFT_OK, weft_call_soon(rt, make_mark, mark->next, NULL, NULL));
}

static void call_at(weft_runtime *rt, uint64_t time_ns, struct mark *mark) {
  CHECK_INT(WEFT_OK, weft_call_at(rt, time_ns, make_mark, mark, NULL, NULL));
}

TEST("an advance fires what is due, each at its own time, with its turns "
     "[30.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct mark after = {0}, later = {0}, tail[3] = {{0}, {0}, {0}};
    struct mark first = {.next = &after}, last = {.next = &tail[0]};
    struct job job = advancer(50), asleep = sleeper(30);
    tail[0].next = &tail[1];
    tail[1].next = &tail[2];
    call_at(rt, 10, &first);
    call_at(rt, 50, &last);
    call_at(rt, 51, &later);
    start(rt, &asleep, !stepped);
    start(rt, &job, stepped);
    turn_to(rt, &job);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(50, now(rt));
    CHECK_INT(10, first.time_ns);
    CHECK_INT(10, after.time_ns);
    CHECK_INT(3, asleep.place);
    CHECK_INT(50, last.time_ns);
    CHECK_INT(7, tail[2].place);
    CHECK_INT(8, job.place);
    CHECK_INT(0, later.place);
    end(rt);
  }
}

TEST("an advance ends at its time though nothing is due, or not yet [30.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job alone = advancer(40), job = advancer(40), asleep = sleeper(1000);
    start(rt, &alone, stepped);
    turn_to(rt, &alone);
    CHECK_INT(40, now(rt));
    start(rt, &asleep, stepped);
    start(rt, &job, stepped);
    turn_to(rt, &job);
    CHECK_INT(80, now(rt));
    CHECK_INT(0, asleep.done);
    end(rt);
    CHECK_INT(WEFT_OK, asleep.status);
  }
}

TEST("an advance by nothing has everything done that is due now [30.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct mark due = {0}, later = {0};
    struct job job = advancer(0), busy = {.call = yield_call, .more = 20};
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 100));
    call_at(rt, 100, &due);
    call_at(rt, 101, &later);
    start(rt, &job, stepped);
    start(rt, &busy, !stepped);
    turn_to(rt, &job);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(100, now(rt));
    CHECK(due.place > 0);
    CHECK_INT(22, busy.done);
    CHECK_INT(0, later.place);
    end(rt);
  }
}

TEST("two tasks advance at a time, each to its own end [30.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct mark between = {0};
    struct job far = advancer(80), near = advancer(30), same = advancer(30);
    call_at(rt, 60, &between);
    start(rt, &far, stepped);
    start(rt, &near, stepped);
    start(rt, &same, !stepped);
    turn_to(rt, &near);
    CHECK_INT(30, now(rt));
    CHECK_INT(1, near.place);
    CHECK_INT(2, same.place);
    CHECK_INT(0, far.done);
    turn_to(rt, &far);
    CHECK_INT(80, now(rt));
    CHECK_INT(3, between.place);
    CHECK_INT(4, far.place);
    end(rt);
  }
}

TEST("one advance after the other adds up [30.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = advancer(25);
    job.more = 3;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(4 + 1, job.done);
    CHECK_INT(WEFT_OK, job.status);
  }
}

/* A task that advances, and one that is spawned to cancel it at [time_ns]. */
static void cancel_later(weft_runtime *rt, void *arg) {
  cancel(rt, arg);
}

TEST("a cancelled advance leaves the clock where it is then [3.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = advancer(100), asleep = sleeper(200);
    start(rt, &asleep, stepped);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_call_at(rt, 60, cancel_later, &job, NULL, NULL));
    turn_to(rt, &job);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(60, now(rt));
    turn_to(rt, &asleep);
    CHECK_INT(200, now(rt)); /* and it jumps on as ever */
    end(rt);
  }
}

TEST("a deadline cuts an advance off at its own time [7.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = advancer(100);
    job.deadline_ns = 70;
    start(rt, &job, stepped);
    turn_to(rt, &job);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(70, now(rt));
    end(rt);
    CHECK(job.caught);
  }
}

TEST("an advance is a cancellation point, also by nothing [3.2]") {
  for (int i = 0; i < 4; i++) {
    weft_runtime *rt = begin();
    struct job job = advancer(i < 2 ? 0 : 10);
    start(rt, &job, i & 1);
    cancel(rt, &job);
    turn_to(rt, &job);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, now(rt));
    end(rt);
  }
}

TEST("an advance is refused on the real clock, and past the clock's end") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = advancer(UINT64_MAX), over = advancer(UINT64_MAX - 5);
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 5));
    start(rt, &job, stepped);
    start(rt, &over, stepped);
    turn_to(rt, &over);
    CHECK_INT(WEFT_EINVAL, job.status);
    CHECK_INT(WEFT_EINVAL, over.status);
    CHECK_INT(WEFT_ESTATE, weft_clock_advance(rt, 1)); /* no task */
    CHECK_INT(WEFT_ESTATE, weft_wait_all_parked(rt));
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
    struct job real = advancer(1);
    start(rt, &real, stepped);
    end(rt);
    CHECK_INT(WEFT_ESTATE, real.status);
  }
}

TEST("what a task waits for is told, and until when [29.4]") {
  weft_runtime *rt = begin();
  struct job far = advancer(10), job = settler();
  const char *what;
  uint64_t object, until_ns;
  start(rt, &far, 1);
  start(rt, &job, 1);
  turn(rt);
  CHECK_INT(WEFT_OK,
            weft_task_get_wait(rt, far.task, &what, &object, &until_ns));
  CHECK_TEXT("clock advance", what);
  CHECK_INT(10, until_ns);
  CHECK_INT(WEFT_OK,
            weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
  CHECK_TEXT("wait_all_parked", what);
  CHECK(until_ns == UINT64_MAX);
  end(rt);
}

TEST("the clock is not exchanged while it is being advanced") {
  weft_runtime *rt = begin();
  struct job job = advancer(10);
  start(rt, &job, 1);
  turn(rt);
  CHECK_INT(WEFT_ESTATE, weft_set_virtual_clock(rt, 0, 0));
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
}

static void *visit(void *arg) {
  weft_runtime *rt = arg;
  CHECK_INT(WEFT_ETHREAD, weft_clock_advance(rt, 1));
  CHECK_INT(WEFT_ETHREAD, weft_wait_all_parked(rt));
  return NULL;
}

TEST("another thread is refused [1.11]") {
  weft_runtime *rt = begin();
  in_pthread_apart(visit, rt);
  CHECK_INT(0, now(rt));
  end(rt);
}

/* -- Until all are parked ------------------------------------------------- */

TEST("waiting until all are parked lasts as long as one is ready [30.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = settler(), busy = {.call = yield_call, .more = 500};
    struct job asleep = sleeper(10);
    start(rt, &job, stepped);
    start(rt, &asleep, stepped);
    start(rt, &busy, !stepped);
    turn_to(rt, &job);
    CHECK_INT(WEFT_OK, job.status);
    CHECK(job.place > busy.place);
    CHECK_INT(502, busy.done);
    CHECK_INT(0, now(rt)); /* before the clock jumps */
    CHECK_INT(0, asleep.done);
    end(rt);
  }
}

TEST("several wait until all others are parked, or wait too [30.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job first = settler(), second = settler(), far = advancer(5);
    start(rt, &first, stepped);
    start(rt, &far, stepped);
    start(rt, &second, !stepped);
    turn_to(rt, &second);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(0, far.done);
    CHECK_INT(0, now(rt));
    end(rt);
  }
}

TEST("it works alone, again and again, and on the real clock [30.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job job = settler();
    job.more = 9;
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
    struct job asleep = sleeper(UINT64_MAX);
    start(rt, &asleep, stepped);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, asleep.task, NULL));
    CHECK_INT(WEFT_OK, weft_run(rt)); /* does not block */
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(11, job.done);
  }
}

TEST("on the real clock it does not wait for a time to come [30.4]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  struct job job = settler(), asleep = sleeper(now(rt) + 3600000000000);
  start(rt, &asleep, 1);
  start(rt, &job, 1);
  CHECK_INT(WEFT_OK, weft_set_main(rt, job.task)); /* ends the other one */
  CHECK_INT(WEFT_OK, weft_run(rt));
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
  CHECK_INT(WEFT_ECANCELLED, asleep.status);
}

TEST("waiting until all are parked is a cancellation point [30.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job at_once = settler(), parked = settler();
    struct job busy = {.call = yield_call, .more = 20};
    start(rt, &at_once, stepped);
    cancel(rt, &at_once);
    start(rt, &parked, stepped);
    start(rt, &busy, stepped);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, at_once.status);
    CHECK_INT(0, parked.done);
    cancel(rt, &parked);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, parked.status);
    end(rt);
  }
}

/* -- Work in threads ------------------------------------------------------ */

TEST("an advance waits for a thread, an all-parked wait does not "
     "[30.2] [30.4]") {
  weft_runtime *rt = begin();
  struct gate gate;
  gate_init(&gate);
  struct job thread = {.call = call_gate, .item = &gate, .status = 7};
  struct job far = advancer(10), job = settler();
  start(rt, &thread, 1);
  start(rt, &far, 1);
  start(rt, &job, 1);
  turn(rt);
  sem_take(&gate.begun);
  turn_to(rt, &job);
  turns(rt, 10);
  CHECK_INT(0, now(rt));
  CHECK_INT(0, far.done);
  sem_post(&gate.open);
  end(rt);
  CHECK_INT(WEFT_OK, thread.status);
  CHECK(far.place > thread.place);
}

/* -- Other loops ---------------------------------------------------------- */

TEST("who drives the runtime is told that it must go on at once [31.1]") {
  for (int i = 0; i <= 1; i++) {
    weft_runtime *rt = begin();
    struct job job = i == 0 ? advancer(10) : settler();
    uint64_t timeout_ns = 7;
    start(rt, &job, 1);
    turn(rt); /* the job parks; nothing is ready any more */
    CHECK_INT(0, job.done);
    CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
    CHECK_INT(0, timeout_ns);
    turn(rt);
    CHECK_INT(2, job.done);
    end(rt);
  }
}

/* -- Watches that tell again and again ------------------------------------ */

struct reader {
  int fd;
  size_t at_once; /* bytes it takes each time */
  int calls;
};

static void take_some(weft_runtime *rt, void *arg, int status, int events) {
  struct reader *reader = arg;
  char bytes[16];
  (void)rt;
  (void)events;
  CHECK_INT(WEFT_OK, status);
  reader->calls++;
  if (reader->at_once > 0)
    CHECK_INT((int)reader->at_once,
              (int)read(reader->fd, bytes, reader->at_once));
}

/* Sleeps on the virtual clock while [size_bytes] can be read, or the end if
 * there are none; how often the watch has told of that until then. */
static int calls_in_sleep(size_t size_bytes, size_t at_once) {
  static const char bytes[200];
  int fds[2];
  weft_watch watch;
  weft_runtime *rt = begin();
  CHECK_INT(0, pipe(fds));
  struct reader reader = {.fd = fds[0], .at_once = at_once};
  CHECK_INT((int)size_bytes, (int)write(fds[1], bytes, size_bytes));
  if (size_bytes == 0)
    close(fds[1]);
  CHECK_INT(WEFT_OK,
            weft_watch_new(rt, fds[0], take_some, &reader, NULL, &watch));
  CHECK_INT(WEFT_OK, weft_watch_set(rt, watch, WEFT_READABLE));
  struct job job = sleeper(1000);
  start(rt, &job, 1);
  turn_to(rt, &job);
  CHECK_INT(1000, (int)now(rt));
  CHECK_INT(WEFT_OK, weft_watch_close(rt, watch));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
  end(rt);
  close(fds[0]);
  if (size_bytes > 0)
    close(fds[1]);
  return reader.calls;
}

TEST("a watch that nobody reads from does not hold the clock [30.2]") {
  CHECK(calls_in_sleep(5, 0) < 200);
  CHECK(calls_in_sleep(0, 0) < 200); /* only the end is left to be read */
}

TEST("the clock stands while a watch is read from, bit by bit [30.1]") {
  CHECK_INT(200, calls_in_sleep(200, 1));
}
