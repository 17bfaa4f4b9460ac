/* SPDX-License-Identifier: MIT
 * test_clock.c - the clock, sleeping, and calls made soon or at a time.
 *
 * The clock is virtual but where it says otherwise, so all times are exact. */
#include <pthread.h>

#include "job.h"

static int sleep_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_sleep_until(rt, job->object);
}

/* A job that sleeps; its status is none that the call returns. */
static struct job sleeper(uint64_t time_ns) {
  return (struct job){.call = sleep_call, .object = time_ns, .status = 7};
}

static uint64_t now(weft_runtime *rt) {
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  return now_ns;
}

static uint64_t next_timeout(weft_runtime *rt) {
  uint64_t timeout_ns;
  CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
  return timeout_ns;
}

/* -- Calls to look at ----------------------------------------------------- */

/* What became of a call; [place] counts on with those of the jobs. */
struct mark {
  weft_timer timer;
  uint64_t time_ns; /* of the clock when it was made */
  int place;
  int calls;
  int drops;
};

static void make_mark(weft_runtime *rt, void *arg) {
  struct mark *mark = arg;
  CHECK_INT(0, mark->drops);
  mark->time_ns = now(rt);
  mark->place = ++job_places;
  mark->calls++;
}

static void drop_mark(void *arg) {
  ((struct mark *)arg)->drops++;
}

static void call_soon(weft_runtime *rt, struct mark *mark) {
  CHECK_INT(WEFT_OK,
            weft_call_soon(rt, make_mark, mark, drop_mark, &mark->timer));
}

static void call_at(weft_runtime *rt, uint64_t time_ns, struct mark *mark) {
  CHECK_INT(WEFT_OK, weft_call_at(rt, time_ns, make_mark, mark, drop_mark,
                                  &mark->timer));
}

/* Cancels the call; tells whether that prevented it. */
static int prevent(weft_runtime *rt, struct mark *mark) {
  int prevented = 7;
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, mark->timer, &prevented));
  return prevented;
}

/* -- The clock ------------------------------------------------------------ */

static int yield_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  *value = 0;
  return weft_yield(rt);
}

TEST("a virtual clock stands still while anything is ready [30.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job busy = {.call = yield_call, .more = 99}, asleep = sleeper(5);
    start(rt, &asleep, stepped);
    start(rt, &busy, stepped);
    for (int i = 0; i < 100; i++)
      turn(rt);
    CHECK_INT(99, busy.done);
    CHECK_INT(0, now(rt));
    CHECK_INT(0, asleep.done);
    end(rt);
    CHECK(asleep.place > busy.place);
  }
}

TEST("it begins where it is told and jumps from time to time [30.1]") {
  weft_runtime *rt = begin();
  struct mark marks[3] = {0};
  struct job asleep = sleeper(2000);
  int is_virtual = 7;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_OK, weft_get_virtual_clock(rt, &is_virtual));
  CHECK_INT(0, is_virtual);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 1000));
  CHECK_INT(WEFT_OK, weft_get_virtual_clock(rt, &is_virtual));
  CHECK_INT(1, is_virtual);
  CHECK_INT(1000, now(rt));
  call_at(rt, 1700, &marks[1]);
  call_at(rt, 1001, &marks[0]);
  call_at(rt, 2000, &marks[2]);
  start(rt, &asleep, 1);
  end(rt);
  CHECK_INT(1001, marks[0].time_ns);
  CHECK_INT(1700, marks[1].time_ns);
  CHECK_INT(2000, marks[2].time_ns);
  CHECK_INT(3, marks[2].place);
}

TEST("the clock is not exchanged while times are set by it") {
  weft_runtime *rt = begin();
  struct mark mark = {0};
  call_at(rt, 10, &mark);
  CHECK_INT(WEFT_ESTATE, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_ESTATE, weft_set_virtual_clock(rt, 1, 5));
  CHECK_INT(0, now(rt));
  CHECK_INT(1, prevent(rt, &mark));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 5));
  CHECK_INT(5, now(rt));
  end(rt);
}

TEST("the real clock goes on within a turn, and only forwards [2.1]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  uint64_t first = now(rt), last = first;
  while (last == first)
    last = now(rt);
  CHECK(last > first);
  end(rt);
}

/* -- The order of times --------------------------------------------------- */

TEST("equal times fire in the order they were set, of any kind [2.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct mark marks[3] = {0}, early = {0};
    struct job first = sleeper(100), second = sleeper(100);
    call_at(rt, 100, &marks[0]);
    start(rt, &first, stepped);
    turn(rt);
    call_at(rt, 100, &marks[1]);
    start(rt, &second, !stepped);
    turn(rt);
    call_at(rt, 99, &early);
    call_at(rt, 100, &marks[2]);
    end(rt);
    CHECK_INT(1, early.place);
    CHECK_INT(2, marks[0].place);
    CHECK_INT(3, first.place);
    CHECK_INT(4, marks[1].place);
    CHECK_INT(5, second.place);
    CHECK_INT(6, marks[2].place);
  }
}

TEST("a deadline set anew counts as set now, though it is the same [2.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = sleeper(UINT64_MAX);
      jobs[i].deadline_ns = 100;
      start(rt, &jobs[i], stepped);
    }
    turn(rt);
    CHECK_INT(0, now(rt));
    CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, jobs[0].scope, 100));
    end(rt);
    CHECK_INT(1, jobs[1].place);
    CHECK_INT(2, jobs[2].place);
    CHECK_INT(3, jobs[0].place);
  }
}

#define MANY 1000

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 16;
}

TEST("a thousand times, some cancelled, come by time and setting [2.2]") {
  weft_runtime *rt = begin();
  static struct mark marks[MANY];
  static uint64_t times[MANY];
  uint32_t random = 1;
  struct job asleep = sleeper(1000);
  for (int i = 0; i < MANY; i++) {
    times[i] = 1 + next_random(&random) % 50;
    call_at(rt, times[i], &marks[i]);
  }
  for (int i = 0; i < MANY; i += 3)
    CHECK_INT(1, prevent(rt, &marks[i]));
  start(rt, &asleep, 1);
  end(rt);
  for (int i = 0; i < MANY; i++) {
    CHECK_INT(i % 3 == 0 ? 0 : 1, marks[i].calls);
    CHECK_INT(1, marks[i].drops);
    CHECK(i % 3 == 0 || marks[i].time_ns == times[i]);
    for (int k = 0; k < i; k++)
      if (i % 3 != 0 && k % 3 != 0)
        CHECK((marks[k].place < marks[i].place) == (times[k] <= times[i]));
  }
}

TEST("on the real clock no call comes early [2.3]") {
  weft_runtime *rt = begin();
  struct mark marks[20] = {0};
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  uint64_t from = now(rt);
  for (int i = 0; i < 20; i++)
    call_at(rt, from + 100001 * (uint64_t)i, &marks[i]);
  while (marks[19].calls == 0)
    turn(rt);
  for (int i = 0; i < 20; i++) {
    CHECK(marks[i].time_ns >= from + 100001 * (uint64_t)i);
    CHECK_INT(i + 1, marks[i].place);
  }
  end(rt);
}

TEST("on the real clock no sleep ends early [2.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
    struct job job = sleeper(now(rt) + 2000001);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK(now(rt) >= job.object);
    CHECK_INT(WEFT_OK, job.status);
    end(rt);
  }
}

/* Blocks only when the first time has come already. */
static void block_late(weft_runtime *rt, void *arg, weft_block_fn block) {
  const struct job *job = arg;
  while (now(rt) < job->object)
    continue;
  block(rt);
}

TEST("a time that comes just before the poll blocks is not missed [1.3]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  struct job job = sleeper(now(rt) + 20000000);
  CHECK_INT(WEFT_OK, weft_set_around_block(rt, block_late, &job, NULL));
  start(rt, &job, 0);
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
}

TEST("what is past is due at the next poll, the earlier first [2.4]") {
  weft_runtime *rt = begin();
  struct mark later = {0}, earlier = {0};
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 100));
  call_at(rt, 50, &later);
  call_at(rt, 0, &earlier);
  CHECK_INT(0, job_places);
  CHECK_INT(0, next_timeout(rt));
  turn(rt);
  CHECK_INT(1, earlier.place);
  CHECK_INT(2, later.place);
  CHECK_INT(100, later.time_ns);
  end(rt);
}

/* -- Sleeping ------------------------------------------------------------- */

TEST("a sleep ends at its time, not before [2.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(70);
    struct mark before = {0};
    start(rt, &job, stepped);
    call_at(rt, 69, &before);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(70, now(rt));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(1, before.place);
    CHECK_INT(2, job.place);
  }
}

TEST("a sleep until a time that has come is a yield [2.5] [1.8]") {
  const uint64_t times[] = {0, 99, 100};
  for (int i = 0; i < 6; i++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(times[i / 2]);
    struct mark between = {0};
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 100));
    start(rt, &job, i & 1);
    call_soon(rt, &between);
    turn(rt);
    CHECK_INT(1, between.place);
    CHECK_INT(0, job.place);
    turn(rt);
    CHECK_INT(2, job.place);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(100, now(rt));
    end(rt);
  }
}

TEST("a sleep is cancelled, and its time forgotten [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(1000000);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    end(rt);
  }
}

TEST("even a sleep until a past time is a cancellation point [3.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(0);
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a sleep without end ends only by being cancelled [2.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(UINT64_MAX);
    start(rt, &job, stepped);
    turn(rt);
    turn(rt);
    CHECK_INT(0, job.place);
    CHECK(next_timeout(rt) == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("a sleep is cut off by an earlier deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(1000);
    job.deadline_ns = 30;
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(30, now(rt));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("deadline, then a sleep until the same: the deadline [2.2] [3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(30);
    job.deadline_ns = 30;
    start(rt, &job, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  }
}

TEST("a sleep, then a deadline at the same time: it delivers [2.2] [3.4]") {
  weft_runtime *rt = begin();
  struct job job = sleeper(30);
  job.deadline_ns = 1000;
  start(rt, &job, 1);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, job.scope, 30));
  end(rt);
  CHECK_INT(WEFT_OK, job.status);
  CHECK_INT(WEFT_ECANCELLED, job.next);
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
}

TEST("a deadline moved before the poll that would fire it holds [2.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = sleeper(200);
    job.deadline_ns = 30;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(0, now(rt));
    CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, job.scope, 300));
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(WEFT_CAUGHT_NOTHING, job.caught);
  }
}

TEST("sleeping allocates nothing once it is warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = {.call = sleep_call, .object = 0, .more = 500};
    start(rt, &job, stepped);
    long before = 0;
    for (int i = 0; i < 500; i++) {
      job.object = now(rt) + 10;
      if (i == 10)
        before = failing_allocations();
      turn(rt);
    }
    CHECK(before > 0 && job.done > 400);
    CHECK_INT(before, failing_allocations());
    job.object = 0;
    end(rt);
  }
}

/* -- Calls ---------------------------------------------------------------- */

TEST("calls and tasks are run in one order, in one turn [1.9] [1.1]") {
  weft_runtime *rt = begin();
  struct job first = {.call = yield_call}, third = first;
  struct mark second = {0}, fourth = {0};
  start(rt, &first, 0);
  call_soon(rt, &second);
  start(rt, &third, 1);
  call_soon(rt, &fourth);
  turn(rt);
  CHECK_INT(1, second.place);
  CHECK_INT(2, fourth.place);
  turn(rt);
  CHECK_INT(3, first.place);
  CHECK_INT(4, third.place);
  end(rt);
}

static void call_again(weft_runtime *rt, void *arg) {
  struct mark *mark = arg;
  CHECK_INT(WEFT_OK, weft_call_soon(rt, call_again, mark, drop_mark, NULL));
  mark->calls++;
}

TEST("what a call queues runs in the next turn [1.1]") {
  weft_runtime *rt = begin();
  struct mark mark = {0};
  CHECK_INT(WEFT_OK, weft_call_soon(rt, call_again, &mark, drop_mark, NULL));
  for (int i = 1; i <= 3; i++) {
    turn(rt);
    CHECK_INT(i, mark.calls);
    CHECK_INT(i, mark.drops);
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(3, mark.calls);
  CHECK_INT(4, mark.drops);
  CHECK_INT(0, failing_live());
}

static void try_to_park(weft_runtime *rt, void *arg) {
  weft_task task = 7;
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  CHECK_INT(WEFT_ESTATE, weft_sleep_until(rt, 0));
  CHECK_INT(WEFT_ESTATE, weft_sleep_until(rt, 1000));
  CHECK_INT(WEFT_ESTATE, weft_run(rt));
  make_mark(rt, arg);
}

TEST("a call is outside any task, so it cannot park [1.9] [1.11]") {
  weft_runtime *rt = begin();
  struct mark mark = {0};
  CHECK_INT(WEFT_OK, weft_call_soon(rt, try_to_park, &mark, drop_mark, NULL));
  turn(rt);
  CHECK_INT(1, mark.calls);
  CHECK_INT(1, mark.drops);
  end(rt);
}

TEST("a call that is cancelled is never made, its arg goes at once [1.9]") {
  weft_runtime *rt = begin();
  struct mark soon = {0}, later = {0};
  call_soon(rt, &soon);
  call_at(rt, 10, &later);
  CHECK_INT(1, prevent(rt, &soon));
  CHECK_INT(1, prevent(rt, &later));
  CHECK_INT(1, soon.drops);
  CHECK_INT(1, later.drops);
  CHECK_INT(WEFT_EBADF, weft_timer_cancel(rt, soon.timer, NULL));
  CHECK_INT(WEFT_EBADF, weft_timer_close(rt, later.timer));
  struct job asleep = sleeper(20);
  start(rt, &asleep, 1);
  end(rt);
  CHECK_INT(0, soon.calls + later.calls);
  CHECK_INT(1, soon.drops);
  CHECK_INT(1, later.drops);
}

struct plot {
  struct mark *victim;
  int prevented;
};

static void do_prevent(weft_runtime *rt, void *arg) {
  struct plot *plot = arg;
  plot->prevented = prevent(rt, plot->victim);
}

TEST("even one that is queued in this very turn is prevented [1.9] [2.6]") {
  weft_runtime *rt = begin();
  struct mark soon = {0}, timed = {0};
  struct plot plots[2] = {{&soon, 7}, {&timed, 7}};
  struct job asleep = sleeper(20);
  CHECK_INT(WEFT_OK, weft_call_soon(rt, do_prevent, &plots[0], NULL, NULL));
  CHECK_INT(WEFT_OK, weft_call_at(rt, 5, do_prevent, &plots[1], NULL, NULL));
  call_soon(rt, &soon);
  call_at(rt, 5, &timed);
  start(rt, &asleep, 1);
  end(rt);
  CHECK_INT(1, plots[0].prevented);
  CHECK_INT(1, plots[1].prevented);
  CHECK_INT(0, soon.calls + timed.calls);
  CHECK_INT(1, soon.drops);
  CHECK_INT(1, timed.drops);
}

TEST("once it was made, cancelling gives just the handle back [2.6]") {
  weft_runtime *rt = begin();
  struct mark mark = {0};
  call_soon(rt, &mark);
  turn(rt);
  CHECK_INT(1, mark.drops);
  CHECK_INT(0, prevent(rt, &mark));
  CHECK_INT(1, mark.calls);
  CHECK_INT(1, mark.drops);
  CHECK_INT(WEFT_EBADF, weft_timer_cancel(rt, mark.timer, NULL));
  end(rt);
}

TEST("a call whose handle is given back is made all the same") {
  weft_runtime *rt = begin();
  struct mark soon = {0}, later = {0};
  struct job asleep = sleeper(20);
  call_soon(rt, &soon);
  call_at(rt, 10, &later);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, soon.timer));
  CHECK_INT(WEFT_OK, weft_timer_close(rt, later.timer));
  CHECK_INT(WEFT_EBADF, weft_timer_close(rt, soon.timer));
  start(rt, &asleep, 1);
  end(rt);
  CHECK_INT(1, soon.calls);
  CHECK_INT(1, later.calls);
  CHECK_INT(1, soon.drops);
  CHECK_INT(1, later.drops);
}

static void close_own(weft_runtime *rt, void *arg) {
  struct mark *mark = arg;
  make_mark(rt, mark);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, mark->timer));
}

static void cancel_own(weft_runtime *rt, void *arg) {
  struct mark *mark = arg;
  make_mark(rt, mark);
  CHECK_INT(0, prevent(rt, mark));
}

TEST("a call may give its own handle back, or cancel itself [2.6]") {
  for (int cancelling = 0; cancelling <= 1; cancelling++) {
    weft_runtime *rt = begin();
    struct mark marks[3] = {0};
    weft_call_fn fn = cancelling ? cancel_own : close_own;
    for (int i = 0; i < 2; i++)
      CHECK_INT(WEFT_OK,
                weft_call_soon(rt, fn, &marks[i], drop_mark, &marks[i].timer));
    turn(rt);
    CHECK_INT(WEFT_OK,
              weft_call_at(rt, 10, fn, &marks[2], drop_mark, &marks[2].timer));
    struct job asleep = sleeper(20);
    start(rt, &asleep, 1);
    end(rt);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(i + 1, marks[i].place);
      CHECK_INT(1, marks[i].calls);
      CHECK_INT(1, marks[i].drops);
    }
  }
}

TEST("what is not due when the runtime ends is dropped, once [2.7] [2.4]") {
  weft_runtime *rt = begin();
  struct mark owned = {0}, given_back = {0}, never = {0}, made = {0};
  struct job asleep = sleeper(100);
  call_at(rt, 100, &made);
  call_at(rt, 101, &owned);
  call_at(rt, 101, &given_back);
  call_at(rt, UINT64_MAX, &never);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, given_back.timer));
  CHECK_INT(WEFT_OK, weft_timer_close(rt, never.timer));
  start(rt, &asleep, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(1, made.calls);
  CHECK_INT(0, owned.drops + given_back.drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, owned.calls + given_back.calls + never.calls);
  CHECK_INT(1, owned.drops);
  CHECK_INT(1, given_back.drops);
  CHECK_INT(1, never.drops);
  CHECK_INT(1, made.drops);
  CHECK_INT(0, failing_live());
}

TEST("cancelling frees the timer at once [2.6]") {
  weft_runtime *rt = begin();
  struct mark mark = {0};
  call_at(rt, 10, &mark);
  CHECK_INT(1, prevent(rt, &mark));
  long before = failing_allocations();
  for (int i = 0; i < 10000; i++) {
    call_at(rt, 10, &mark);
    CHECK_INT(1, prevent(rt, &mark));
  }
  CHECK_INT(before, failing_allocations());
  CHECK_INT(10001, mark.drops);
  end(rt);
}

/* -- Refused -------------------------------------------------------------- */

static void *visit(void *arg) {
  weft_runtime *rt = arg;
  struct mark soon = {.timer = 7}, later = {.timer = 7};
  uint64_t now_ns = 7;
  CHECK_INT(WEFT_ETHREAD, weft_now(rt, &now_ns));
  CHECK_INT(0, now_ns);
  CHECK_INT(WEFT_ETHREAD, weft_set_virtual_clock(rt, 1, 5));
  CHECK_INT(WEFT_ETHREAD, weft_sleep_until(rt, 5));
  CHECK_INT(WEFT_ETHREAD,
            weft_call_soon(rt, make_mark, &soon, drop_mark, &soon.timer));
  CHECK_INT(WEFT_ETHREAD,
            weft_call_at(rt, 5, make_mark, &later, drop_mark, &later.timer));
  CHECK_INT(0, soon.timer + later.timer);
  CHECK_INT(1, soon.drops);
  CHECK_INT(1, later.drops);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, visit, rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(0, now(rt));
  turn(rt);
  CHECK_INT(0, job_places);
  end(rt);
}

struct attempt {
  bool timed;
  struct mark mark;
};

static int call_once(void *arg) {
  struct attempt *attempt = arg;
  struct mark *mark = &attempt->mark;
  weft_runtime *rt;
  *mark = (struct mark){.timer = 7};
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = attempt->timed
               ? weft_call_at(rt, 5, make_mark, mark, drop_mark, &mark->timer)
               : weft_call_soon(rt, make_mark, mark, drop_mark, &mark->timer);
  CHECK(status == WEFT_OK || mark->timer == 0);
  CHECK_INT(status == WEFT_OK ? 0 : 1, mark->drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, mark->drops);
  return status;
}

TEST("without memory no call is queued and its arg goes once [3.11]") {
  failing_install();
  for (int timed = 0; timed <= 1; timed++) {
    struct attempt attempt = {.timed = timed};
    CHECK(failing_each(call_once, &attempt) >= 2);
  }
}
