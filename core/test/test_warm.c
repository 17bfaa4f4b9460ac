/* SPDX-License-Identifier: MIT
 * test_warm.c - waits that come to nothing, over and over: cancelled, cut off
 * by a deadline, closed. Once warm they allocate nothing, and what a wait has
 * brought along goes back, whichever way it ends. That waits which are served
 * allocate nothing is shown beside each primitive. */
#include "job.h"

/* One waiting call, of an object where it has to wait. */
struct wait {
  int (*make)(weft_runtime *rt, struct play *play);
  int (*call)(weft_runtime *rt, struct play *play);
  int (*close)(weft_runtime *rt, uint64_t object);
  uint64_t object;
  uint64_t other; /* the other end, or the lock of a condition */
};

static char item;
static uint64_t unused;

static struct wait *wait_of(struct play *play) {
  return play->data;
}

/* -- The calls ------------------------------------------------------------ */

/* What is taken stays with the task that has made it, which sleeps. */
static int make_lock(weft_runtime *rt, struct play *play) {
  CHECK_INT(WEFT_OK, weft_lock_new(rt, &wait_of(play)->object));
  return weft_lock_try_acquire(rt, wait_of(play)->object);
}

static int call_lock(weft_runtime *rt, struct play *play) {
  return weft_lock_acquire(rt, wait_of(play)->object);
}

static int make_limiter(weft_runtime *rt, struct play *play) {
  CHECK_INT(WEFT_OK, weft_limiter_new(rt, 1, &wait_of(play)->object));
  return weft_limiter_try_acquire(rt, wait_of(play)->object);
}

static int call_limiter(weft_runtime *rt, struct play *play) {
  return weft_limiter_acquire(rt, wait_of(play)->object);
}

static int make_semaphore(weft_runtime *rt, struct play *play) {
  return weft_semaphore_new(rt, 0, 0, &wait_of(play)->object);
}

static int call_semaphore(weft_runtime *rt, struct play *play) {
  return weft_semaphore_acquire(rt, wait_of(play)->object);
}

static int make_condition(weft_runtime *rt, struct play *play) {
  struct wait *wait = wait_of(play);
  CHECK_INT(WEFT_OK, weft_condition_new(rt, 0, &wait->object));
  return weft_condition_get_lock(rt, wait->object, &wait->other);
}

/* Cancelled, it has the lock again. */
static int call_condition(weft_runtime *rt, struct play *play) {
  struct wait *wait = wait_of(play);
  weft_lock_release(rt, wait->other);
  CHECK_INT(WEFT_OK, weft_lock_try_acquire(rt, wait->other));
  return weft_condition_wait(rt, wait->object);
}

static int make_barrier(weft_runtime *rt, struct play *play) {
  return weft_barrier_new(rt, 2, &wait_of(play)->object);
}

static int call_barrier(weft_runtime *rt, struct play *play) {
  return weft_barrier_wait(rt, wait_of(play)->object, &unused);
}

static int make_queue(weft_runtime *rt, struct play *play) {
  return weft_queue_new(rt, 1, NULL, &wait_of(play)->object);
}

static int make_full_queue(weft_runtime *rt, struct play *play) {
  CHECK_INT(WEFT_OK, make_queue(rt, play));
  return weft_queue_try_put(rt, wait_of(play)->object, &item);
}

static int call_get(weft_runtime *rt, struct play *play) {
  return weft_queue_get(rt, wait_of(play)->object, &unused);
}

static int call_put(weft_runtime *rt, struct play *play) {
  return weft_queue_put(rt, wait_of(play)->object, &item);
}

static int call_join(weft_runtime *rt, struct play *play) {
  return weft_queue_join(rt, wait_of(play)->object);
}

static int make_sender(weft_runtime *rt, struct play *play) {
  struct wait *wait = wait_of(play);
  return weft_channel_new(rt, 0, NULL, &wait->object, &wait->other);
}

static int call_send(weft_runtime *rt, struct play *play) {
  return weft_sender_send(rt, wait_of(play)->object, &item);
}

static int close_sender(weft_runtime *rt, uint64_t sender) {
  return weft_sender_close(rt, sender);
}

static int make_receiver(weft_runtime *rt, struct play *play) {
  struct wait *wait = wait_of(play);
  return weft_channel_new(rt, 0, NULL, &wait->other, &wait->object);
}

static int call_receive(weft_runtime *rt, struct play *play) {
  return weft_receiver_receive(rt, wait_of(play)->object, &unused);
}

static int make_event(weft_runtime *rt, struct play *play) {
  return weft_event_new(rt, &wait_of(play)->object);
}

static int call_event(weft_runtime *rt, struct play *play) {
  return weft_event_wait(rt, wait_of(play)->object);
}

static int make_future(weft_runtime *rt, struct play *play) {
  return weft_future_new(rt, &wait_of(play)->object);
}

static int call_future(weft_runtime *rt, struct play *play) {
  return weft_future_await(rt, wait_of(play)->object);
}

static int make_waitlist(weft_runtime *rt, struct play *play) {
  return weft_waitlist_new(rt, "test", &wait_of(play)->object);
}

static int call_waitlist(weft_runtime *rt, struct play *play) {
  return weft_waitlist_park(rt, wait_of(play)->object, &unused);
}

/* The maker itself, asleep. */
static int make_task(weft_runtime *rt, struct play *play) {
  (void)rt;
  wait_of(play)->object = play->task;
  return WEFT_OK;
}

static int call_await(weft_runtime *rt, struct play *play) {
  return weft_task_await(rt, wait_of(play)->object);
}

static int call_sleep(weft_runtime *rt, struct play *play) {
  (void)play;
  return weft_sleep_until(rt, 1000000);
}

static const struct wait waits[] = {
    {make_lock, call_lock, weft_lock_close, 0, 0},
    {make_limiter, call_limiter, weft_limiter_close, 0, 0},
    {make_semaphore, call_semaphore, weft_semaphore_close, 0, 0},
    {make_condition, call_condition, weft_condition_close, 0, 0},
    {make_barrier, call_barrier, weft_barrier_close, 0, 0},
    {make_queue, call_get, weft_queue_close, 0, 0},
    {make_full_queue, call_put, weft_queue_close, 0, 0},
    {make_full_queue, call_join, weft_queue_close, 0, 0},
    {make_sender, call_send, close_sender, 0, 0},
    {make_receiver, call_receive, weft_receiver_close, 0, 0},
    {make_event, call_event, weft_event_close, 0, 0},
    {make_future, call_future, weft_future_close, 0, 0},
    {make_waitlist, call_waitlist, weft_waitlist_close, 0, 0},
    {make_task, call_await, NULL, 0, 0},
    {make_task, call_sleep, NULL, 0, 0},
};

/* -- Those who make and those who wait ------------------------------------ */

static int maker_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line > 0)
    return play_end(play, play->status);
  CHECK_INT(WEFT_OK, wait_of(play)->make(rt, play));
  return weft_sleep_until(rt, UINT64_MAX);
}

/* Waits [number] times, each in a scope that every other time has a deadline.
 */
static int waiter_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  uint64_t now;
  (void)value;
  if (play->line > 0)
    weft_scope_leave(rt, play->scope, play->status, &play->caught);
  if (play->line == play->number) {
    weft_lock_release(rt, wait_of(play)->other); /* back from a condition */
    return play_end(play, WEFT_OK);
  }
  weft_now(rt, &now);
  CHECK_INT(WEFT_OK, weft_scope_open(rt, play->line % 2 ? now + 10 : UINT64_MAX,
                                     0, &play->scope));
  return wait_of(play)->call(rt, play);
}

struct pair {
  struct play maker, waiter;
  struct wait wait;
};

static void start_pair(weft_runtime *rt, struct pair *pair, int index,
                       int rounds, int stepped) {
  pair->wait = waits[index];
  pair->maker = (struct play){.act = maker_act, .data = &pair->wait};
  pair->waiter =
      (struct play){.act = waiter_act, .data = &pair->wait, .number = rounds};
  play_in(rt, 0, &pair->maker, stepped);
  turn(rt);
  play_in(rt, 0, &pair->waiter, stepped);
  turn(rt);
}

static void end_pair(weft_runtime *rt, struct pair *pair) {
  cancel_task(rt, pair->maker.task);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, pair->maker.task));
  CHECK_INT(WEFT_OK, weft_task_close(rt, pair->waiter.task));
}

#define EACH_WAIT                                                              \
  for (int index = 0; index < (int)(sizeof waits / sizeof *waits); index++)

enum { WARM_ROUNDS = 20, ROUNDS = 300 };

/* The clock jumps to the deadline of every other wait. */
static void go_round(weft_runtime *rt, struct pair *pair, int round) {
  CHECK_INT(round, pair->waiter.line);
  if (round % 2 == 0)
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, pair->waiter.scope, NULL));
  turn(rt);
  CHECK_INT(WEFT_ECANCELLED, pair->waiter.status);
  CHECK_INT(round % 2 ? WEFT_CAUGHT_DEADLINE : WEFT_CAUGHT_CANCEL,
            pair->waiter.caught);
}

TEST("a wait that is cancelled or cut off allocates nothing once warm") {
  BOTH_KINDS EACH_WAIT {
    weft_runtime *rt = begin();
    struct pair pair;
    long before = 0;
    keep_reports(rt);
    start_pair(rt, &pair, index, ROUNDS, stepped);
    for (int round = 0; round < ROUNDS; round++) {
      if (round == WARM_ROUNDS)
        before = failing_allocations();
      go_round(rt, &pair, round);
    }
    CHECK_INT(before, failing_allocations());
    end_pair(rt, &pair);
    end(rt);
  }
}

static void close_pair(weft_runtime *rt, struct pair *pair) {
  struct wait *wait = &pair->wait;
  CHECK_INT(WEFT_OK, wait->close(rt, wait->object));
  if (wait->call == call_send)
    CHECK_INT(WEFT_OK, weft_receiver_close(rt, wait->other));
  if (wait->call == call_receive)
    CHECK_INT(WEFT_OK, weft_sender_close(rt, wait->other));
  turn(rt);
  CHECK_INT(WEFT_ECLOSED, pair->waiter.status);
}

TEST("a wait whose object is closed leaves nothing behind") {
  BOTH_KINDS EACH_WAIT {
    if (waits[index].close == NULL)
      continue;
    weft_runtime *rt = begin();
    struct pair pair;
    long live = 0;
    size_t live_bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
      if (round == WARM_ROUNDS) {
        live = failing_live();
        live_bytes = failing_live_bytes();
      }
      start_pair(rt, &pair, index, 1, stepped);
      close_pair(rt, &pair);
      end_pair(rt, &pair);
    }
    CHECK_INT(live, failing_live());
    CHECK_INT(live_bytes, failing_live_bytes());
    end(rt);
  }
}

TEST("a task that ends with what it has taken leaves nothing behind") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    size_t live_bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
      if (round == WARM_ROUNDS)
        live_bytes = failing_live_bytes();
      for (int index = 0; index < 2; index++) {
        struct pair pair;
        start_pair(rt, &pair, index, 1, stepped);
        cancel_task(rt, pair.waiter.task);
        end_pair(rt, &pair);
        CHECK_INT(WEFT_OK, waits[index].close(rt, pair.wait.object));
      }
    }
    CHECK_INT(live_bytes, failing_live_bytes());
    CHECK_INT(ROUNDS, reports.count); /* the limiter's token */
    end(rt);
  }
}
