/* SPDX-License-Identifier: MIT
 * world.h - what test_schedules.c plays with: a few objects of each kind,
 * actors that share them, and what anybody may do to them at any time.
 *
 * The world is one variable, for the functions that the core calls are told of
 * an item at most. Chance is a generator's, seeded by the test. */
#ifndef WEFT_WORLD_H
#define WEFT_WORLD_H

#include "job.h"

enum { ACTORS = 8, ITEMS = 4096, HELD = 16, SCOPES = 3 };

/* -- The world ------------------------------------------------------------ */

enum thing_kind {
  LOCK,
  CONDITION,
  SEMAPHORE,
  LIMITER,
  BARRIER,
  QUEUE,
  EVENT,
  FUTURE,
  SENDER,
  RECEIVER,
  THING_KINDS
};

/* How many there are of each; senders and receivers come in pairs, two pairs
 * to a channel, and conditions by threes, two of them on the first lock. */
static const int counts[THING_KINDS] = {
    [LOCK] = 2,    [CONDITION] = 3, [SEMAPHORE] = 2, [LIMITER] = 2,
    [BARRIER] = 1, [QUEUE] = 3,     [EVENT] = 1,     [FUTURE] = 1,
    [SENDER] = 4,  [RECEIVER] = 4};

enum { PERMITS = 2, QUEUE_MAX = 2, PARTIES = 3 };

struct held {
  enum thing_kind kind;
  uint64_t handle;
};

struct operation;

struct actor {
  struct play play;
  const struct operation *operation; /* whose outcome is awaited */
  uint64_t handle;                   /* of what it is made on */
  unsigned char *item;               /* that it puts */
  bool cancelled; /* its code was, when it made a call that parks */
  struct held held[HELD];
  int held_count;
  weft_scope scopes[SCOPES];
  int scope_count;
  int left; /* operations to go */
  bool alive;
};

enum item_state { UNUSED, UNDER_WAY, PLACED, BACK, ARRIVED, DROPPED };

static struct world {
  weft_runtime *rt;
  uint32_t random;
  uint64_t things[THING_KINDS][4];
  struct actor actors[ACTORS];
  unsigned char items[ITEMS]; /* enum item_state; an item is its address */
  int item_count;
  int notified; /* waits on conditions that may return WEFT_OK */
  int depth;    /* of calls from the host's functions */
  bool memory_fails;
} world;

/* A number below [below]. */
static inline int draw(int below) {
  world.random ^= world.random << 13;
  world.random ^= world.random >> 17;
  world.random ^= world.random << 5;
  return (int)(world.random % (uint32_t)below);
}

static inline bool one_in(int number) {
  return draw(number) == 0;
}

static inline uint64_t any(enum thing_kind kind) {
  return world.things[kind][draw(counts[kind])];
}

static inline struct actor *any_actor(void) {
  return &world.actors[draw(ACTORS)];
}

/* -- Items ---------------------------------------------------------------- */

static inline unsigned char *new_item(void) {
  unsigned char *item = &world.items[world.item_count++ % ITEMS];
  CHECK_INT(UNUSED, *item);
  *item = UNDER_WAY;
  return item;
}

/* It is the receiver's or gone now, maybe before the putter has been told. */
static inline void item_leaves(unsigned char *item, enum item_state state) {
  CHECK(*item == UNDER_WAY || *item == PLACED);
  *item = (unsigned char)state;
}

static inline void item_was_put(unsigned char *item, int status) {
  if (status != WEFT_OK) {
    CHECK_INT(UNDER_WAY, *item);
    *item = BACK;
  } else if (*item == UNDER_WAY) {
    *item = PLACED;
  }
}

static inline void host_acts(void);

static inline void drop_item(void *item) {
  item_leaves(item, DROPPED);
  host_acts();
}

static inline int item_less(void *arg, void *a, void *b) {
  (void)arg;
  host_acts();
  return one_in(20) ? WEFT_EHOST : a < b;
}

/* -- Making and closing --------------------------------------------------- */

/* What fails for want of memory leaves 0, which no call accepts. */
static inline void make_thing(enum thing_kind kind, int index) {
  weft_runtime *rt = world.rt;
  uint64_t *thing = &world.things[kind][index];
  switch (kind) {
  case LOCK:
    weft_lock_new(rt, thing);
    break;
  case CONDITION:
    weft_condition_new(rt, world.things[LOCK][index / 2], thing);
    break;
  case SEMAPHORE:
    weft_semaphore_new(rt, PERMITS, index == 0 ? 0 : PERMITS, thing);
    break;
  case LIMITER:
    weft_limiter_new(rt, 2, thing);
    break;
  case BARRIER:
    weft_barrier_new(rt, PARTIES, thing);
    break;
  case QUEUE:
    weft_queue_new(rt, QUEUE_MAX, drop_item, thing);
    if (index == 1)
      weft_queue_set_lifo(rt, *thing, 1);
    if (index == 2)
      weft_queue_set_less(rt, *thing, item_less, NULL, NULL);
    break;
  case EVENT:
    weft_event_new(rt, thing);
    break;
  case FUTURE:
    weft_future_new(rt, thing);
    break;
  default:
    break;
  }
}

/* Channel 0 stores nothing, channel 1 two items. */
static inline void make_channel(int index) {
  weft_runtime *rt = world.rt;
  uint64_t *senders = &world.things[SENDER][2 * index];
  uint64_t *receivers = &world.things[RECEIVER][2 * index];
  weft_channel_new(rt, index == 0 ? 0 : QUEUE_MAX, drop_item, &senders[0],
                   &receivers[0]);
  weft_sender_clone(rt, senders[0], &senders[1]);
  weft_receiver_clone(rt, receivers[0], &receivers[1]);
}

static inline int close_handle(enum thing_kind kind, uint64_t handle) {
  static int (*const closers[THING_KINDS])(weft_runtime *, uint64_t) = {
      [LOCK] = weft_lock_close,           [CONDITION] = weft_condition_close,
      [SEMAPHORE] = weft_semaphore_close, [LIMITER] = weft_limiter_close,
      [BARRIER] = weft_barrier_close,     [QUEUE] = weft_queue_close,
      [EVENT] = weft_event_close,         [FUTURE] = weft_future_close,
      [SENDER] = weft_sender_close,       [RECEIVER] = weft_receiver_close};
  return closers[kind](world.rt, handle);
}

static inline void renew_channel(int index) {
  uint64_t old[4];
  memcpy(old, &world.things[SENDER][2 * index], 2 * sizeof *old);
  memcpy(old + 2, &world.things[RECEIVER][2 * index], 2 * sizeof *old);
  make_channel(index);
  for (int i = 0; i < 4; i++)
    close_handle(i < 2 ? SENDER : RECEIVER, old[i]);
}

/* Others find a new one in its place before it is closed. A queue that compares
 * just now stays, but nobody finds it any more. */
static inline void renew_thing(enum thing_kind kind, int index) {
  uint64_t old = world.things[kind][index];
  make_thing(kind, index);
  close_handle(kind, old);
}

static inline void renew_any(void) {
  enum thing_kind kind = (enum thing_kind)draw(THING_KINDS);
  if (kind < SENDER)
    renew_thing(kind, draw(counts[kind]));
  else if (!one_in(3))
    renew_channel(draw(2));
  else
    close_handle(kind, any(kind));
}

/* -- What anybody may do -------------------------------------------------- */

static inline void cancel_any(void) {
  struct actor *actor = any_actor();
  if (actor->scope_count > 0 && !one_in(8))
    weft_scope_cancel(world.rt, actor->scopes[draw(actor->scope_count)], NULL);
  else if (one_in(4))
    weft_task_cancel(world.rt, actor->play.task, NULL);
}

static inline void lift_any(void) {
  struct actor *actor = any_actor();
  if (actor->scope_count > 0)
    weft_scope_set_shield(world.rt, actor->scopes[draw(actor->scope_count)], 0);
}

static inline void disturb_any(void) {
  weft_runtime *rt = world.rt;
  switch (draw(9)) {
  case 0:
    weft_event_set(rt, any(EVENT));
    break;
  case 1:
    weft_event_clear(rt, any(EVENT));
    break;
  case 2:
    weft_limiter_set_total(rt, any(LIMITER), (size_t)draw(4));
    break;
  case 3:
    weft_barrier_reset(rt, any(BARRIER));
    break;
  case 4:
    if (one_in(4))
      weft_barrier_abort(rt, any(BARRIER));
    break;
  case 5:
    if (one_in(4))
      weft_queue_shutdown(rt, any(QUEUE), draw(2));
    break;
  case 6:
    weft_queue_task_done(rt, any(QUEUE));
    break;
  case 7:
    weft_future_set_result(rt, any(FUTURE), NULL);
    break;
  default:
    weft_wake(rt, any_actor()->play.task, 77, 0);
  }
}

static inline void act_at_random(void) {
  int what = draw(8);
  if (what < 3)
    disturb_any();
  else if (what < 6)
    cancel_any();
  else if (what < 7)
    lift_any();
  else
    renew_any();
}

/* From a function that the core has called. */
static inline void host_acts(void) {
  if (world.depth >= 3 || !one_in(4))
    return;
  world.depth++;
  act_at_random();
  world.depth--;
}

static inline void on_report(weft_runtime *rt, void *arg, int kind,
                             uint64_t task, weft_error *error) {
  (void)rt;
  (void)arg;
  (void)task;
  (void)error;
  CHECK(kind == WEFT_REPORT_UNCLOSED || kind == WEFT_REPORT_FAILURE);
  host_acts();
}

static inline int withdraw(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  host_acts();
  return WEFT_OK;
}

/* -- Holding -------------------------------------------------------------- */

static inline void hold(struct actor *actor, enum thing_kind kind,
                        uint64_t handle) {
  actor->held[actor->held_count++] = (struct held){kind, handle};
}

static inline bool has_room(const struct actor *actor) {
  return actor->held_count < HELD;
}

static inline int count_held(enum thing_kind kind, uint64_t handle) {
  int count = 0;
  for (int i = 0; i < ACTORS; i++)
    for (int k = 0; k < world.actors[i].held_count; k++)
      count += world.actors[i].held[k].kind == kind &&
               world.actors[i].held[k].handle == handle;
  return count;
}

static inline bool holds(const struct actor *actor, enum thing_kind kind,
                         uint64_t handle) {
  for (int i = 0; i < actor->held_count; i++)
    if (actor->held[i].kind == kind && actor->held[i].handle == handle)
      return true;
  return false;
}

static inline void forget(struct actor *actor, int index) {
  actor->held[index] = actor->held[--actor->held_count];
}

static inline void forget_lock(struct actor *actor, uint64_t handle) {
  for (int i = actor->held_count; i-- > 0;)
    if (actor->held[i].kind == LOCK && actor->held[i].handle == handle)
      forget(actor, i);
}

/* What was closed meanwhile is nobody's. */
static inline void give_back(struct actor *actor, int index) {
  struct held held = actor->held[index];
  int status = WEFT_OK;
  forget(actor, index);
  if (held.kind == LOCK)
    status = weft_lock_release(world.rt, held.handle);
  else if (held.kind == LIMITER)
    status = weft_limiter_release(world.rt, held.handle);
  else
    status = weft_semaphore_release(world.rt, held.handle);
  CHECK(status == WEFT_OK || status == WEFT_EBADF);
}

#endif
