/* SPDX-License-Identifier: MIT
 * test_schedules.c - random schedules over all primitives at once.
 *
 * Actors, tasks of both kinds, do what they like with a few objects that all
 * share, and cancel each other and close what others wait on meanwhile; so do
 * the drop, order, report and withdraw functions. Some forget to give back what
 * they hold. After each operation it is checked that
 *   - a lock has one owner, who is the one that was told so
 *   - permits and tokens are neither lost nor lent twice
 *   - an item arrives once, or is dropped once, or is the putter's again
 *   - nobody waits for what is to be had
 *   - cancelled code gets Cancelled, and only that does
 * The seeds are fixed. A failure names its own: run just that one. */
#include "world.h"

/* -- Operations ----------------------------------------------------------- */

/* begin makes a call and returns its status; finish gets its outcome. */
struct operation {
  enum thing_kind kind; /* what it is made on; THING_KINDS: nothing */
  int (*begin)(struct actor *actor, uint64_t *value);
  void (*finish)(struct actor *actor, int status, uint64_t value);
};

static bool is_cancelled(void) {
  weft_scope scope;
  int source;
  weft_value *reason;
  weft_error *cause;
  weft_cancellation(world.rt, &scope, &source, &reason, &cause);
  return source != WEFT_SOURCE_NONE;
}

/* Notes that the call that follows is a cancellation point. */
static void about_to_park(struct actor *actor) {
  actor->cancelled = is_cancelled();
}

static int begin_acquire(struct actor *actor, uint64_t *value) {
  weft_runtime *rt = world.rt;
  uint64_t handle = actor->handle;
  *value = 0;
  about_to_park(actor);
  if (!has_room(actor))
    return weft_checkpoint(rt);
  switch (actor->operation->kind) {
  case LOCK:
    return weft_lock_acquire(rt, handle);
  case LIMITER:
    return weft_limiter_acquire(rt, handle);
  default:
    return weft_semaphore_acquire(rt, handle);
  }
}

static void finish_acquire(struct actor *actor, int status, uint64_t value) {
  enum thing_kind kind = actor->operation->kind;
  const char *breaker;
  (void)value;
  if (!has_room(actor))
    return;
  if (status == WEFT_OK) {
    CHECK(kind != LOCK || count_held(kind, actor->handle) == 0);
    hold(actor, kind, actor->handle);
  } else if (status == WEFT_ESTATE && kind == LOCK &&
             !holds(actor, kind, actor->handle) &&
             weft_lock_get_broken(world.rt, actor->handle, &breaker) ==
                 WEFT_OK) {
    CHECK(breaker != NULL);
  }
}

static int begin_give_back(struct actor *actor, uint64_t *value) {
  *value = 0;
  if (actor->held_count > 0)
    give_back(actor, draw(actor->held_count));
  return WEFT_OK;
}

/* A condition of a lock that the actor holds, or 0. */
static weft_condition condition_of(const struct actor *actor, weft_lock *lock) {
  for (int i = 0; i < counts[CONDITION]; i++) {
    weft_condition condition = world.things[CONDITION][i];
    if (weft_condition_get_lock(world.rt, condition, lock) == WEFT_OK &&
        holds(actor, LOCK, *lock) && one_in(2))
      return condition;
  }
  return 0;
}

static int notify(weft_condition condition) {
  size_t waiting, count = (size_t)draw(3);
  weft_condition_get_waiting(world.rt, condition, &waiting);
  world.notified += (int)(count < waiting ? count : waiting);
  return weft_condition_notify(world.rt, condition, count);
}

static int begin_condition(struct actor *actor, uint64_t *value) {
  weft_lock lock;
  weft_condition condition = condition_of(actor, &lock);
  *value = 0;
  if (condition == 0)
    return WEFT_OK;
  if (one_in(2))
    return notify(condition);
  /* From the call on the lock may be another's. */
  about_to_park(actor);
  forget_lock(actor, lock);
  actor->handle = lock;
  return weft_condition_wait(world.rt, condition);
}

/* Of a wait, it has the lock's handle; then the task has the lock again, unless
 * that was broken or closed. */
static void finish_condition(struct actor *actor, int status, uint64_t value) {
  weft_task owner;
  (void)value;
  if (status == WEFT_OK && actor->handle != 0)
    CHECK(world.notified-- > 0);
  if (status == WEFT_ESTATE ||
      weft_lock_get_owner(world.rt, actor->handle, &owner) != WEFT_OK)
    return;
  CHECK(owner == actor->play.task);
  CHECK_INT(0, count_held(LOCK, actor->handle));
  hold(actor, LOCK, actor->handle);
}

static int begin_put(struct actor *actor, uint64_t *value) {
  weft_runtime *rt = world.rt;
  bool is_queue = actor->operation->kind == QUEUE;
  *value = 0;
  actor->item = new_item();
  if (one_in(4))
    return is_queue ? weft_queue_try_put(rt, actor->handle, actor->item)
                    : weft_sender_try_send(rt, actor->handle, actor->item);
  about_to_park(actor);
  return is_queue ? weft_queue_put(rt, actor->handle, actor->item)
                  : weft_sender_send(rt, actor->handle, actor->item);
}

static void finish_put(struct actor *actor, int status, uint64_t value) {
  (void)value;
  item_was_put(actor->item, status);
}

static int begin_get(struct actor *actor, uint64_t *value) {
  weft_runtime *rt = world.rt;
  bool is_queue = actor->operation->kind == QUEUE;
  if (one_in(4))
    return is_queue ? weft_queue_try_get(rt, actor->handle, value)
                    : weft_receiver_try_receive(rt, actor->handle, value);
  about_to_park(actor);
  return is_queue ? weft_queue_get(rt, actor->handle, value)
                  : weft_receiver_receive(rt, actor->handle, value);
}

static void finish_get(struct actor *actor, int status, uint64_t value) {
  (void)actor;
  CHECK((status == WEFT_OK) == (value != 0));
  if (value != 0)
    item_leaves((unsigned char *)(uintptr_t)value, ARRIVED);
}

static int begin_join(struct actor *actor, uint64_t *value) {
  *value = 0;
  about_to_park(actor);
  return weft_queue_join(world.rt, actor->handle);
}

static int begin_barrier(struct actor *actor, uint64_t *value) {
  about_to_park(actor);
  return weft_barrier_wait(world.rt, actor->handle, value);
}

static void finish_barrier(struct actor *actor, int status, uint64_t value) {
  (void)actor;
  CHECK(status == WEFT_OK ? value < PARTIES : value == 0);
}

static int begin_wait(struct actor *actor, uint64_t *value) {
  *value = 0;
  return actor->operation->kind == EVENT
             ? weft_event_wait(world.rt, actor->handle)
             : weft_future_await(world.rt, actor->handle);
}

static int begin_sleep(struct actor *actor, uint64_t *value) {
  uint64_t now;
  *value = 0;
  weft_now(world.rt, &now);
  about_to_park(actor);
  about_to_park(actor);
  return weft_sleep_until(world.rt, now + (uint64_t)draw(3));
}

static int begin_park(struct actor *actor, uint64_t *value) {
  about_to_park(actor);
  return weft_park(world.rt, "test", withdraw, NULL, value);
}

static int begin_await(struct actor *actor, uint64_t *value) {
  *value = 0;
  about_to_park(actor);
  return weft_task_await(world.rt, any_actor()->play.task);
}

static int begin_disturb(struct actor *actor, uint64_t *value) {
  (void)actor;
  *value = 0;
  act_at_random();
  return WEFT_OK;
}

static int begin_scope(struct actor *actor, uint64_t *value) {
  uint64_t now, deadline_ns = UINT64_MAX;
  weft_scope *scope = &actor->scopes[actor->scope_count];
  *value = 0;
  weft_now(world.rt, &now);
  if (one_in(2))
    deadline_ns = now + (uint64_t)draw(4);
  if (actor->scope_count < SCOPES &&
      weft_scope_open(world.rt, deadline_ns, one_in(4), scope) == WEFT_OK)
    actor->scope_count++;
  return WEFT_OK;
}

static void leave_scope(struct actor *actor, int outcome) {
  int caught;
  weft_scope scope = actor->scopes[--actor->scope_count];
  int status = weft_scope_leave(world.rt, scope, outcome, &caught);
  CHECK_INT(caught == WEFT_CAUGHT_NOTHING ? outcome : WEFT_OK, status);
}

static int begin_leave(struct actor *actor, uint64_t *value) {
  *value = 0;
  if (actor->scope_count > 0)
    leave_scope(actor, one_in(2) ? WEFT_OK : WEFT_ECANCELLED);
  return WEFT_OK;
}

static const struct operation operations[] = {
    {LOCK, begin_acquire, finish_acquire},
    {LOCK, begin_acquire, finish_acquire},
    {LOCK, begin_acquire, finish_acquire},
    {LOCK, begin_acquire, finish_acquire},
    {SEMAPHORE, begin_acquire, finish_acquire},
    {LIMITER, begin_acquire, finish_acquire},
    {THING_KINDS, begin_give_back, NULL},
    {THING_KINDS, begin_give_back, NULL},
    {THING_KINDS, begin_give_back, NULL},
    {THING_KINDS, begin_condition, finish_condition},
    {THING_KINDS, begin_condition, finish_condition},
    {THING_KINDS, begin_condition, finish_condition},
    {QUEUE, begin_put, finish_put},
    {QUEUE, begin_get, finish_get},
    {QUEUE, begin_join, NULL},
    {SENDER, begin_put, finish_put},
    {RECEIVER, begin_get, finish_get},
    {BARRIER, begin_barrier, finish_barrier},
    {EVENT, begin_wait, NULL},
    {FUTURE, begin_wait, NULL},
    {THING_KINDS, begin_sleep, NULL},
    {THING_KINDS, begin_park, NULL},
    {THING_KINDS, begin_await, NULL},
    {THING_KINDS, begin_disturb, NULL},
    {THING_KINDS, begin_disturb, NULL},
    {THING_KINDS, begin_scope, NULL},
    {THING_KINDS, begin_scope, NULL},
    {THING_KINDS, begin_leave, NULL},
    {THING_KINDS, begin_leave, NULL},
};

/* -- The rules ------------------------------------------------------------ */

/* The tasks that are parked on [handle], which is open. */
static size_t count_parked(uint64_t handle) {
  size_t count = 0;
  for (int i = 0; i < ACTORS; i++) {
    const char *what;
    uint64_t object, until_ns;
    weft_task_get_wait(world.rt, world.actors[i].play.task, &what, &object,
                       &until_ns);
    count += handle != 0 && what != NULL && object == handle;
  }
  return count;
}

static void check_conditions(weft_lock lock, bool broken) {
  for (int i = 0; i < counts[CONDITION]; i++) {
    weft_condition condition = world.things[CONDITION][i];
    weft_lock its_lock;
    size_t waiting;
    if (weft_condition_get_lock(world.rt, condition, &its_lock) != WEFT_OK ||
        its_lock != lock)
      continue;
    weft_condition_get_waiting(world.rt, condition, &waiting);
    CHECK_INT(count_parked(condition), waiting);
    CHECK(!broken || waiting == 0);
  }
}

static void check_lock(weft_lock lock) {
  weft_task owner;
  size_t waiting;
  const char *breaker;
  if (weft_lock_get_owner(world.rt, lock, &owner) != WEFT_OK)
    return;
  weft_lock_get_waiting(world.rt, lock, &waiting);
  weft_lock_get_broken(world.rt, lock, &breaker);
  CHECK_INT(count_parked(lock), waiting);
  CHECK(owner != 0 || waiting == 0);
  CHECK(breaker == NULL || owner == 0);
  check_conditions(lock, breaker != NULL);
  CHECK(count_held(LOCK, lock) <= (owner != 0));
  for (int i = 0; i < ACTORS; i++)
    if (holds(&world.actors[i], LOCK, lock))
      CHECK(owner == world.actors[i].play.task);
}

/* One that was handed over may not have been told so yet. */
static void check_semaphore(weft_semaphore semaphore) {
  size_t permits, waiting;
  if (weft_semaphore_get_value(world.rt, semaphore, &permits) != WEFT_OK)
    return;
  weft_semaphore_get_waiting(world.rt, semaphore, &waiting);
  CHECK_INT(count_parked(semaphore), waiting);
  CHECK(permits == 0 || waiting == 0);
  CHECK(permits + (size_t)count_held(SEMAPHORE, semaphore) <= PERMITS);
}

static void check_limiter(weft_limiter limiter) {
  size_t total, borrowed, waiting;
  if (weft_limiter_get_total(world.rt, limiter, &total) != WEFT_OK)
    return;
  weft_limiter_get_borrowed(world.rt, limiter, &borrowed);
  weft_limiter_get_waiting(world.rt, limiter, &waiting);
  CHECK_INT(count_parked(limiter), waiting);
  CHECK(borrowed >= total || waiting == 0);
  CHECK((size_t)count_held(LIMITER, limiter) <= borrowed);
}

static void check_barrier(weft_barrier barrier) {
  size_t waiting;
  int broken;
  if (weft_barrier_get_waiting(world.rt, barrier, &waiting) != WEFT_OK)
    return;
  weft_barrier_is_broken(world.rt, barrier, &broken);
  CHECK_INT(count_parked(barrier), waiting);
  CHECK(waiting < (broken ? 1 : PARTIES));
}

static void check_queue(weft_queue queue) {
  size_t items, getters, putters, joiners;
  if (weft_queue_get_size(world.rt, queue, &items) != WEFT_OK)
    return;
  weft_queue_get_waiting(world.rt, queue, &getters, &putters, &joiners);
  CHECK_INT(count_parked(queue), getters + putters + joiners);
  CHECK(getters == 0 || items == 0);
  CHECK(putters == 0 || items == QUEUE_MAX);
}

/* By its ends of one side that are open, each of which knows of all. */
static void check_channel(int index) {
  weft_runtime *rt = world.rt;
  const uint64_t *senders = &world.things[SENDER][2 * index];
  const uint64_t *receivers = &world.things[RECEIVER][2 * index];
  size_t items = 0, sending = 0, receiving = 0;
  bool has_sender = false, has_receiver = false;
  for (int i = 0; i < 2; i++) {
    has_sender |=
        weft_sender_get_waiting(rt, senders[i], &(size_t){0}) == WEFT_OK;
    has_receiver |=
        weft_receiver_get_waiting(rt, receivers[i], &(size_t){0}) == WEFT_OK;
    sending += count_parked(senders[i]);
    receiving += count_parked(receivers[i]);
  }
  if (weft_receiver_get_size(rt, receivers[0], &items) != WEFT_OK)
    weft_receiver_get_size(rt, receivers[1], &items);
  CHECK(has_sender || (sending == 0 && receiving == 0));
  CHECK(has_receiver || (sending == 0 && receiving == 0));
  CHECK(receiving == 0 || (items == 0 && sending == 0));
  CHECK(sending == 0 || items == (index == 0 ? 0 : QUEUE_MAX));
}

static void check_flags(weft_event event, weft_future future) {
  size_t waiting;
  int flag, state;
  if (weft_event_get_waiting(world.rt, event, &waiting) == WEFT_OK) {
    weft_event_is_set(world.rt, event, &flag);
    CHECK_INT(count_parked(event), waiting);
    CHECK(!flag || waiting == 0);
  }
  if (weft_future_get_waiting(world.rt, future, &waiting) == WEFT_OK) {
    weft_future_get_state(world.rt, future, &state);
    CHECK_INT(count_parked(future), waiting);
    CHECK(state == WEFT_FUTURE_PENDING || waiting == 0);
  }
}

static void check_world(void) {
  for (int i = 0; i < counts[LOCK]; i++)
    check_lock(world.things[LOCK][i]);
  for (int i = 0; i < counts[SEMAPHORE]; i++)
    check_semaphore(world.things[SEMAPHORE][i]);
  for (int i = 0; i < counts[LIMITER]; i++)
    check_limiter(world.things[LIMITER][i]);
  for (int i = 0; i < counts[QUEUE]; i++)
    check_queue(world.things[QUEUE][i]);
  check_barrier(world.things[BARRIER][0]);
  check_flags(world.things[EVENT][0], world.things[FUTURE][0]);
  check_channel(0);
  check_channel(1);
}

/* Whether a call may end so in cancelled code: misuse is told before. */
static bool is_misuse(int status) {
  return status == WEFT_EBADF || status == WEFT_ESTATE ||
         status == WEFT_EBUSY || status == WEFT_ECLOSED;
}

static void check_status(const struct actor *actor, int status) {
  if (actor->cancelled)
    CHECK(status == WEFT_ECANCELLED || is_misuse(status));
  if (status == WEFT_ECANCELLED)
    CHECK(is_cancelled());
  CHECK(status != WEFT_ENOMEM || world.memory_fails);
}

/* -- Actors --------------------------------------------------------------- */

/* Some leave open and keep what they have; permits have no owner and would be
 * lost. */
static int end_actor(struct actor *actor) {
  bool forgetful = one_in(8);
  int outcome = is_cancelled() ? WEFT_ECANCELLED : WEFT_OK;
  failing_after(0);
  for (int i = actor->held_count; i-- > 0;)
    if (!forgetful || actor->held[i].kind == SEMAPHORE)
      give_back(actor, i);
  while (!forgetful && actor->scope_count > 0)
    leave_scope(actor, outcome);
  return play_end(&actor->play, outcome);
}

static void drop_actor(void *arg) {
  struct actor *actor = ((struct play *)arg)->data;
  actor->alive = false;
  actor->held_count = 0;
  actor->scope_count = 0;
  host_acts();
}

static void finish_operation(struct actor *actor) {
  const struct operation *operation = actor->operation;
  int status = actor->play.status;
  failing_after(0);
  check_status(actor, status);
  if (operation->finish != NULL)
    operation->finish(actor, status, actor->play.value);
  check_world();
}

/* Cancelled, it may go on for a while, or leave what is cancelled: a scope, or
 * all. */
static bool has_had_enough(struct actor *actor) {
  if (!is_cancelled() || one_in(3))
    return false;
  if (actor->scope_count == 0)
    return true;
  leave_scope(actor, WEFT_ECANCELLED);
  return false;
}

static int act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct actor *actor = play->data;
  (void)rt;
  if (actor->operation != NULL)
    finish_operation(actor);
  if (actor->left-- == 0 || has_had_enough(actor))
    return end_actor(actor);
  const struct operation *operation =
      &operations[draw((int)(sizeof operations / sizeof *operations))];
  actor->operation = operation;
  actor->handle = operation->kind == THING_KINDS ? 0 : any(operation->kind);
  actor->cancelled = false;
  if (world.memory_fails && one_in(4))
    failing_after(1 + draw(3));
  return operation->begin(actor, value);
}

static void spawn_actor(int index) {
  weft_runtime *rt = world.rt;
  struct actor *actor = &world.actors[index];
  weft_task_close(rt, actor->play.task);
  *actor = (struct actor){.left = draw(60), .alive = true};
  actor->play = (struct play){.act = act, .data = actor};
  int status = index % 2 ? weft_spawn_step(rt, 0, play_step, &actor->play,
                                           drop_actor, &actor->play.task)
                         : weft_spawn(rt, 0, play_body, &actor->play,
                                      drop_actor, &actor->play.task);
  CHECK_INT(WEFT_OK, status);
}

/* -- Schedules ------------------------------------------------------------ */

static void begin_world(uint32_t seed, bool memory_fails) {
  world = (struct world){.random = seed, .memory_fails = memory_fails};
  world.rt = begin();
  CHECK_INT(WEFT_OK, weft_set_report(world.rt, on_report, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_set_shuffle(world.rt, seed % 2 ? seed : 0));
  for (int kind = 0; kind < SENDER; kind++)
    for (int i = 0; i < counts[kind]; i++)
      make_thing((enum thing_kind)kind, i);
  make_channel(0);
  make_channel(1);
}

static void run_world(void) {
  for (int turns_left = 400; turns_left > 0; turns_left--) {
    for (int i = 0; i < ACTORS; i++)
      if (!world.actors[i].alive)
        spawn_actor(i);
    turn(world.rt);
    failing_after(0);
    check_world();
    act_at_random();
    /* What was broken, shut down or closed comes back. */
    renew_any();
  }
}

/* Cancelled, all end by themselves; what they had is back. */
static void end_world(void) {
  weft_runtime *rt = world.rt;
  size_t permits, borrowed;
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  CHECK_INT(WEFT_OK, weft_run(rt));
  check_world();
  for (int i = 0; i < 2; i++) {
    if (weft_semaphore_get_value(rt, world.things[SEMAPHORE][i], &permits) ==
        WEFT_OK)
      CHECK_INT(PERMITS, permits);
    weft_limiter_get_borrowed(rt, world.things[LIMITER][i], &borrowed);
    CHECK_INT(0, borrowed);
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
  for (int i = 0; i < world.item_count; i++)
    CHECK(world.items[i] != UNDER_WAY && world.items[i] != PLACED);
}

static void run_seeds(uint32_t first, uint32_t last, bool memory_fails) {
  for (uint32_t seed = first; seed <= last; seed++) {
    int before = check_failures;
    begin_world(seed * 2654435761u, memory_fails);
    run_world();
    end_world();
    if (check_failures == before)
      continue;
    printf("  with seed %u\n", seed);
    return;
  }
}

TEST("whatever tasks do to each other, the rules hold [1.4] [3.5] [3.6]") {
  run_seeds(1, 150, false);
}

TEST("so they do where memory fails now and then [3.11]") {
  run_seeds(1, 150, true);
}
