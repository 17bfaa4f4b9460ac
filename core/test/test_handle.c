/* SPDX-License-Identifier: MIT
 * test_handle.c - handles: kinds, generations, and the end of both. */
#include "../core.h"
#include "job.h"

#define SLOT_OF(handle) ((uint32_t)((handle) & ((1u << WEFT__SLOT_BITS) - 1)))
#define GENERATION_SHIFT (WEFT__SLOT_BITS + WEFT__KIND_BITS)
#define GENERATION_MAX ((UINT64_C(1) << (53 - GENERATION_SHIFT)) - 1)

static weft_event new_event(weft_runtime *rt) {
  weft_event event;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK(event > 0);
  CHECK(event < UINT64_C(1) << 53);
  return event;
}

static int is_event(weft_runtime *rt, uint64_t handle) {
  int flag;
  return weft_event_is_set(rt, handle, &flag);
}

/* -- Numbers that are no handles ------------------------------------------ */

TEST("0, large numbers and guessed ones are refused") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  uint64_t random = 88172645463325252u;
  CHECK_INT(WEFT_EBADF, is_event(rt, 0));
  CHECK_INT(WEFT_EBADF, is_event(rt, UINT64_MAX));
  CHECK_INT(WEFT_EBADF, is_event(rt, event | UINT64_C(1) << 53));
  for (int bit = 0; bit < 64; bit++)
    CHECK_INT(WEFT_EBADF, is_event(rt, event ^ UINT64_C(1) << bit));
  for (int i = 0; i < 100000; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    if (random != event)
      CHECK_INT(WEFT_EBADF, is_event(rt, random));
  }
  CHECK_INT(WEFT_OK, is_event(rt, event));
  end(rt);
}

TEST("a free slot is matched by no kind, not even by none") {
  weft_runtime *rt = begin();
  weft_event event = new_event(rt);
  CHECK_INT(WEFT_OK, weft_event_close(rt, event));
  uint64_t next = rt->handles.slots[SLOT_OF(event)].handle;
  CHECK(next != event);
  for (uint64_t kind = 0; kind < 1u << WEFT__KIND_BITS; kind++) {
    weft_task task = next | kind << WEFT__SLOT_BITS;
    int flag;
    CHECK_INT(WEFT_EBADF, weft_event_is_set(rt, task, &flag));
    CHECK_INT(WEFT_EBADF, weft_task_cancel(rt, task, NULL));
    CHECK_INT(WEFT_EBADF, weft_scope_cancel(rt, task, NULL));
  }
  end(rt);
}

/* -- Kinds ---------------------------------------------------------------- */

static const char *text_now;
static void *pointer_now;
static uint64_t word_now, until_now;
static int int_now;
static size_t size_now;

static void no_call(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

#define CALL(name, expression)                                                 \
  static int name(weft_runtime *rt, uint64_t h) {                              \
    return expression;                                                         \
  }
CALL(t_close, weft_task_close(rt, h))
CALL(t_await, weft_task_await(rt, h))
CALL(t_join, weft_task_join(rt, h))
CALL(t_on_done, weft_task_on_done(rt, h, no_call, NULL, NULL, &word_now))
CALL(t_cancel, weft_task_cancel(rt, h, NULL))
CALL(t_state, weft_task_get_state(rt, h, &int_now))
CALL(t_result, weft_task_get_result(rt, h, (weft_value **)&pointer_now))
CALL(t_error, weft_task_get_error(rt, h, (weft_error **)&pointer_now))
CALL(t_start, weft_task_start(rt, h, &word_now))
CALL(t_ready, weft_task_ready(rt, h, 1))
CALL(t_next, h == 0 ? WEFT_EBADF : weft_task_next(rt, h, &word_now))
CALL(t_id, weft_task_get_id(rt, h, &word_now))
CALL(t_name, weft_task_get_name(rt, h, &text_now))
CALL(t_set_name, weft_task_set_name(rt, h, "name"))
CALL(t_parent, weft_task_get_parent(rt, h, &word_now))
CALL(t_group, weft_task_get_group(rt, h, &word_now))
CALL(t_scope, weft_task_get_scope(rt, h, &word_now))
CALL(t_wait, weft_task_get_wait(rt, h, &text_now, &word_now, &until_now))
CALL(t_main, weft_set_main(rt, h))
CALL(t_wake, weft_wake(rt, h, WEFT_OK, 0))
CALL(s_leave, weft_scope_leave(rt, h, WEFT_OK, &int_now))
CALL(s_cancel, weft_scope_cancel(rt, h, NULL))
CALL(s_cancelled, weft_scope_is_cancelled(rt, h, &int_now))
CALL(s_deadline, weft_scope_get_deadline(rt, h, &word_now))
CALL(s_set_deadline, weft_scope_set_deadline(rt, h, 1000))
CALL(s_shield, weft_scope_set_shield(rt, h, 1))
CALL(g_join, weft_group_join(rt, h, WEFT_OK, NULL, &word_now))
CALL(g_scope, weft_group_get_scope(rt, h, &word_now))
CALL(g_limit, weft_group_set_limit(rt, h, 1))
CALL(g_strict, weft_group_set_strict(rt, h, 1))
CALL(g_reserve, weft_group_reserve(rt, h))
CALL(g_count, weft_group_get_count(rt, h, &size_now))
CALL(c_cancel, weft_timer_cancel(rt, h, &int_now))
CALL(c_close, weft_timer_close(rt, h))
CALL(w_park, weft_waitlist_park(rt, h, &word_now))
CALL(w_close, weft_waitlist_close(rt, h))
CALL(e_close, weft_event_close(rt, h))

static int t_arg(weft_runtime *rt, uint64_t h) {
  weft_step_fn step;
  return weft_task_get_arg(rt, h, &step, &pointer_now);
}

static const struct {
  enum kind kind;
  int (*call)(weft_runtime *rt, uint64_t handle);
  void *out; /* its out-parameter; NULL if it has none */
  size_t out_bytes;
} calls[] = {
    {KIND_TASK, t_close, NULL, 0},
    {KIND_TASK, t_await, NULL, 0},
    {KIND_TASK, t_join, NULL, 0},
    {KIND_TASK, t_on_done, &word_now, sizeof word_now},
    {KIND_TASK, t_cancel, NULL, 0},
    {KIND_TASK, t_state, &int_now, sizeof int_now},
    {KIND_TASK, t_result, &pointer_now, sizeof pointer_now},
    {KIND_TASK, t_error, &pointer_now, sizeof pointer_now},
    {KIND_TASK, t_start, &word_now, sizeof word_now},
    {KIND_TASK, t_ready, NULL, 0},
    {KIND_TASK, t_next, NULL, 0},
    {KIND_TASK, t_id, &word_now, sizeof word_now},
    {KIND_TASK, t_name, &text_now, sizeof text_now},
    {KIND_TASK, t_set_name, NULL, 0},
    {KIND_TASK, t_parent, &word_now, sizeof word_now},
    {KIND_TASK, t_group, &word_now, sizeof word_now},
    {KIND_TASK, t_scope, &word_now, sizeof word_now},
    {KIND_TASK, t_wait, &text_now, sizeof text_now},
    {KIND_TASK, t_main, NULL, 0},
    {KIND_TASK, t_wake, NULL, 0},
    {KIND_TASK, t_arg, &pointer_now, sizeof pointer_now},
    {KIND_SCOPE, s_leave, &int_now, sizeof int_now},
    {KIND_SCOPE, s_cancel, NULL, 0},
    {KIND_SCOPE, s_cancelled, &int_now, sizeof int_now},
    {KIND_SCOPE, s_deadline, &word_now, sizeof word_now},
    {KIND_SCOPE, s_set_deadline, NULL, 0},
    {KIND_SCOPE, s_shield, NULL, 0},
    {KIND_GROUP, g_join, &word_now, sizeof word_now},
    {KIND_GROUP, g_scope, &word_now, sizeof word_now},
    {KIND_GROUP, g_limit, NULL, 0},
    {KIND_GROUP, g_strict, NULL, 0},
    {KIND_GROUP, g_reserve, NULL, 0},
    {KIND_GROUP, g_count, &size_now, sizeof size_now},
    {KIND_TIMER, c_cancel, &int_now, sizeof int_now},
    {KIND_TIMER, c_close, NULL, 0},
    {KIND_WAITLIST, w_park, &word_now, sizeof word_now},
    {KIND_WAITLIST, w_close, NULL, 0},
    {KIND_EVENT, e_close, NULL, 0},
};
enum { CALL_COUNT = sizeof calls / sizeof *calls };

struct one_of_each {
  enum kind kinds[8];
  uint64_t handles[8];
  int count;
};

static void add_handle(struct one_of_each *all, enum kind kind,
                       uint64_t handle) {
  all->kinds[all->count] = kind;
  all->handles[all->count++] = handle;
}

static void make_one_of_each(weft_runtime *rt, struct one_of_each *all,
                             struct play *play) {
  uint64_t handle;
  *all = (struct one_of_each){.count = 0};
  play_in(rt, 0, play, 1);
  add_handle(all, KIND_TASK, play->task);
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play->task, &handle));
  add_handle(all, KIND_SCOPE, handle);
  CHECK_INT(WEFT_OK, weft_group_root(rt, &handle));
  add_handle(all, KIND_GROUP, handle);
  CHECK_INT(WEFT_OK, weft_call_at(rt, 1, no_call, NULL, NULL, &handle));
  add_handle(all, KIND_TIMER, handle);
  CHECK_INT(WEFT_OK, weft_waitlist_new(rt, "list", &handle));
  add_handle(all, KIND_WAITLIST, handle);
  add_handle(all, KIND_EVENT, new_event(rt));
  CHECK_INT(WEFT_OK, weft_semaphore_new(rt, 1, 0, &handle));
  add_handle(all, KIND_SEMAPHORE, handle);
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 1, NULL, &handle));
  add_handle(all, KIND_QUEUE, handle);
}

static int nothing_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)rt;
  (void)value;
  return play_end(play, WEFT_OK);
}

TEST("every call refuses every handle of another kind, and changes nothing") {
  weft_runtime *rt = begin();
  struct one_of_each all;
  struct play play = {.act = nothing_act};
  make_one_of_each(rt, &all, &play);
  for (int i = 0; i < CALL_COUNT; i++)
    for (int k = 0; k < all.count; k++)
      if (all.kinds[k] != calls[i].kind)
        CHECK_INT(WEFT_EBADF, calls[i].call(rt, all.handles[k]));
  CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task));
  CHECK_INT(WEFT_OK, is_event(rt, all.handles[5]));
  end(rt);
  CHECK_INT(1, play.drops);
}

/* Whether the out-parameter of calls[i], filled with junk, is zero after. */
static void check_out(weft_runtime *rt, int i, uint64_t handle, int expected) {
  static const char zeros[sizeof(uint64_t)];
  if (calls[i].out != NULL)
    memset(calls[i].out, 77, calls[i].out_bytes);
  CHECK_INT(expected, calls[i].call(rt, handle));
  if (calls[i].out != NULL)
    CHECK(memcmp(calls[i].out, zeros, calls[i].out_bytes) == 0);
}

TEST("every call writes zero where it refuses a handle") {
  weft_runtime *rt = begin();
  for (int i = 0; i < CALL_COUNT; i++)
    check_out(rt, i, 0, WEFT_EBADF);
  end(rt);
}

struct visit {
  weft_runtime *rt;
  struct one_of_each *all;
};

static uint64_t handle_of(const struct one_of_each *all, enum kind kind) {
  for (int k = 0; k < all->count; k++)
    if (all->kinds[k] == kind)
      return all->handles[k];
  return 0;
}

static void *call_all(void *arg) {
  struct visit *here = arg;
  for (int i = 0; i < CALL_COUNT; i++)
    check_out(here->rt, i, handle_of(here->all, calls[i].kind), WEFT_ETHREAD);
  return NULL;
}

TEST("every call on a handle refuses another thread [1.11]") {
  weft_runtime *rt = begin();
  struct one_of_each all;
  struct play play = {.act = nothing_act};
  make_one_of_each(rt, &all, &play);
  struct visit here = {rt, &all};
  in_pthread_apart(call_all, &here);
  CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task));
  CHECK_INT(WEFT_OK, is_event(rt, all.handles[5]));
  end(rt);
}

TEST("every call refuses a handle that has become stale") {
  weft_runtime *rt = begin();
  struct one_of_each all;
  struct play play = {.act = nothing_act};
  make_one_of_each(rt, &all, &play);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
  weft_timer_cancel(rt, handle_of(&all, KIND_TIMER), NULL);
  CHECK_INT(WEFT_OK, weft_waitlist_close(rt, handle_of(&all, KIND_WAITLIST)));
  CHECK_INT(WEFT_OK, weft_event_close(rt, handle_of(&all, KIND_EVENT)));
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < CALL_COUNT; i++)
      if (calls[i].kind != KIND_GROUP)
        CHECK_INT(WEFT_EBADF,
                  calls[i].call(rt, handle_of(&all, calls[i].kind)));
    for (int k = 0; k < 8; k++) /* the slots are in use again */
      new_event(rt);
  }
  end(rt);
}

/* -- Generations ---------------------------------------------------------- */

TEST("a slot that is used again gives another handle each time") {
  weft_runtime *rt = begin();
  enum { ROUNDS = 5000 };
  static weft_event seen[ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    seen[i] = new_event(rt);
    CHECK_INT(SLOT_OF(seen[0]), SLOT_OF(seen[i]));
    if (i > 0)
      CHECK(seen[i] != seen[i - 1]);
    CHECK_INT(WEFT_OK, weft_event_close(rt, seen[i]));
  }
  for (int i = 0; i < ROUNDS; i++)
    CHECK_INT(WEFT_EBADF, is_event(rt, seen[i]));
  end(rt);
}

TEST("after its last generation a slot is retired, not begun anew") {
  weft_runtime *rt = begin();
  weft_event first = new_event(rt);
  uint32_t slot = SLOT_OF(first);
  CHECK_INT(WEFT_OK, weft_event_close(rt, first));
  /* Generations go round once, from where this runtime's begin. */
  rt->handles.first_generation = 1;
  rt->handles.slots[slot].handle =
      (GENERATION_MAX - 1) << GENERATION_SHIFT | slot;
  weft_event last_but_one = new_event(rt);
  CHECK_INT(slot, SLOT_OF(last_but_one));
  CHECK_INT(WEFT_OK, weft_event_close(rt, last_but_one));
  weft_event last = new_event(rt);
  CHECK_INT(slot, SLOT_OF(last));
  CHECK(last >> GENERATION_SHIFT == GENERATION_MAX);
  CHECK_INT(WEFT_OK, is_event(rt, last));
  CHECK_INT(WEFT_EBADF, is_event(rt, last_but_one));
  CHECK_INT(WEFT_OK, weft_event_close(rt, last));
  CHECK_INT(WEFT_EBADF, is_event(rt, last));
  for (int i = 0; i < 1000; i++)
    CHECK(SLOT_OF(new_event(rt)) != slot);
  CHECK_INT(WEFT_EBADF, is_event(rt, last));
  CHECK_INT(WEFT_EBADF, is_event(rt, slot));
  end(rt);
}

TEST("a handle of one runtime is not good in another") {
  weft_runtime *one = begin(), *other;
  CHECK_INT(WEFT_OK, weft_runtime_new(&other));
  weft_event first = new_event(one), second = new_event(other);
  CHECK(first != second);
  CHECK_INT(WEFT_EBADF, is_event(other, first));
  CHECK_INT(WEFT_EBADF, is_event(one, second));
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  end(one);
}

TEST("when all slots are taken that is want of memory, not a crash") {
  weft_runtime *rt = begin();
  struct handle_table saved = rt->handles;
  weft_event event = 7;
  rt->handles.count = rt->handles.capacity = 1u << WEFT__SLOT_BITS;
  rt->handles.first_free = UINT32_MAX;
  CHECK_INT(WEFT_ENOMEM, weft_event_new(rt, &event));
  CHECK_INT(0, event);
  rt->handles = saved;
  new_event(rt);
  end(rt);
}

TEST("handles stay good while the table grows") {
  weft_runtime *rt = begin();
  enum { COUNT = 20000 };
  static weft_event events[COUNT];
  for (int i = 0; i < COUNT; i++)
    events[i] = new_event(rt);
  for (int i = 0; i < COUNT; i++)
    CHECK_INT(WEFT_OK, is_event(rt, events[i]));
  for (int i = 0; i < COUNT; i += 2)
    CHECK_INT(WEFT_OK, weft_event_close(rt, events[i]));
  for (int i = 0; i < COUNT; i++)
    CHECK_INT(i % 2 == 0 ? WEFT_EBADF : WEFT_OK, is_event(rt, events[i]));
  end(rt);
}

/* -- The end of the runtime ----------------------------------------------- */

struct closer {
  weft_runtime *rt;
  weft_event event;
  int status;
};

static void close_another(void *arg) {
  struct closer *closer = arg;
  closer->status = weft_event_close(closer->rt, closer->event);
}

TEST("a drop function may close another handle while the runtime ends") {
  for (int first = 0; first <= 1; first++) {
    weft_runtime *rt = begin();
    struct closer closer = {rt, 0, 7};
    weft_timer timer;
    if (first)
      closer.event = new_event(rt);
    CHECK_INT(WEFT_OK,
              weft_call_at(rt, 9, no_call, &closer, close_another, &timer));
    if (!first)
      closer.event = new_event(rt);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(first ? WEFT_EBADF : WEFT_OK, closer.status);
    CHECK_INT(0, failing_live());
  }
}
