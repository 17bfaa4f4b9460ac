/* SPDX-License-Identifier: MIT
 * turn.c - turns, and the steps of tasks that they are made of.
 *
 * A turn runs what was ready when it began: tasks, each by a step, and calls.
 * This is the path of every switch; what it touches lies side by side in the
 * runtime and in the first cache line of a task. */
#include "io.h"
#include "switch.h"
#include "turn.h"

/* -- Ahead of time ------------------------------------------------------- */

static WEFT__PART void fetch(const void *address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
#else
  (void)address;
#endif
}

/* The entry that comes so many after the next one. */
static inline struct entry *entry_after(const weft_runtime *rt,
                                        uint32_t count) {
  return rt->ready.entries[(rt->ready.head + count) & rt->ready.mask];
}

/* The registers and frames that a stackful task goes on with; of one that is to
 * begin, the rest of the task. Of another entry the place holds another
 * address, and nothing is read there. */
static WEFT__PART void fetch_frames(const struct entry *entry) {
  const char *frames = ((const struct task *)entry)->body.context;
  if (frames == NULL)
    frames = (const char *)entry + 64;
  fetch(frames);
  fetch(frames + 64);
  fetch(frames + 128);
}

/* -- Steps ---------------------------------------------------------------- */

/* Who comes back to the loop need not be who was entered. */
static struct task *run_fibers(weft_runtime *rt, struct task *task,
                               int *outcome) {
  if (task->body.context == NULL)
    weft__task_take_stack(rt, task);
  weft__fiber_enter(rt, task->fiber, task->body.context);
  task = rt->current;
  *outcome = task->fiber_over ? task->entry.status : WEFT_PARKED;
  return task;
}

/* A mistake of the host's: the step parked but did not return WEFT_PARKED, or
 * the reverse. The task fails; one whose wait is kept does so when it ends. */
static void end_misused(weft_runtime *rt, struct task *task) {
  if (task->state == WEFT_TASK_READY)
    weft__ready_remove(rt, &task->entry);
  bool kept = task->state == WEFT_TASK_PARKED &&
              (task->withdraw == NULL || weft__withdraw(rt, task) != WEFT_OK);
  if (kept)
    task->entry.given_up = true;
  else
    weft__task_end(rt, task, WEFT_ESTATE);
}

/* What a step's end is besides parking: a step that ends without having parked
 * is the task's end. */
static void end_step(weft_runtime *rt, struct task *task, int outcome) {
  if (rt->watched)
    weft__observe_end(rt, task, outcome);
  bool parked = task->state != WEFT_TASK_RUNNING;
  if (parked != (outcome == WEFT_PARKED))
    end_misused(rt, task);
  else if (!parked)
    weft__task_end(rt, task, outcome);
}

/* The budget is gone already: who parks or ends has none any more. */
static inline void leave_step(weft_runtime *rt, struct task *task,
                              int outcome) {
  if (WEFT__UNLIKELY((outcome != WEFT_PARKED) |
                     (task->state == WEFT_TASK_RUNNING) | rt->watched))
    end_step(rt, task, outcome);
  rt->current = NULL;
}

void weft__step_end(weft_runtime *rt, struct task *task, int outcome) {
  leave_step(rt, task, outcome);
}

static inline int call_step(weft_runtime *rt, const struct task *task) {
  return task->body.step(rt, task->entry.arg, task->entry.status,
                         task->wake_value);
}

/* An entry that has a flag, or any while the runtime is watched. */
static void run_specially(weft_runtime *rt, struct entry *entry) {
  struct task *task = (struct task *)entry;
  int outcome;
  if (entry->is_call) {
    weft__call_run(rt, (struct call *)entry);
    return;
  }
  if (entry->given_up) {
    weft__task_give_up(rt, task);
    return;
  }
  if (rt->watched)
    weft__observe_begin(rt, task);
  weft__step_begin(rt, task);
  if (entry->stackful) {
    if (rt->turn_left > 0)
      fetch_frames(entry_after(rt, 0));
    task = run_fibers(rt, task, &outcome);
  } else {
    outcome = call_step(rt, task);
  }
  leave_step(rt, task, outcome);
}

static inline void run_entry(weft_runtime *rt, struct entry *entry) {
  if (WEFT__UNLIKELY((entry->special != 0) | rt->watched)) {
    run_specially(rt, entry);
    return;
  }
  struct task *task = (struct task *)entry;
  weft__step_begin_plainly(rt, task);
  leave_step(rt, task, call_step(rt, task));
}

void weft__run_entry(weft_runtime *rt, struct entry *entry) {
  run_entry(rt, entry);
}

/* -- Turns ---------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Permutes what this turn will run. */
static WEFT__APART void shuffle(weft_runtime *rt, uint32_t begin,
                                uint32_t end) {
  struct ready_ring *ring = &rt->ready;
  for (uint32_t i = end - 1; i != begin && end - begin > 1; i--) {
    uint32_t pick =
        begin + (uint32_t)(next_random(&rt->shuffle) % (i - begin + 1));
    struct entry *entry = ring->entries[i & ring->mask];
    ring->entries[i & ring->mask] = ring->entries[pick & ring->mask];
    ring->entries[pick & ring->mask] = entry;
  }
}

/* Takes the next one of the turn, and fetches ahead the entry after next and
 * what the next one is called with. */
static inline struct entry *take_entry(weft_runtime *rt) {
  struct entry *entry = entry_after(rt, 0);
  rt->ready.head++;
  if (WEFT__LIKELY(--rt->turn_left > 1)) {
    fetch(entry_after(rt, 1));
    fetch(entry_after(rt, 0)->arg);
  }
  return entry;
}

/* The number of entries that make up the turn now beginning. Growing the ring
 * moves its ends, so what is left of a turn is counted. */
static inline uint32_t begin_turn(weft_runtime *rt) {
  uint32_t count = rt->ready.tail - rt->ready.head;
  rt->turn_count++;
  if (WEFT__UNLIKELY(rt->shuffle != 0 && count > 0))
    shuffle(rt, rt->ready.head, rt->ready.tail);
  return count;
}

uint32_t weft__turn_begin(weft_runtime *rt) {
  return begin_turn(rt);
}

void weft__turn(weft_runtime *rt) {
  rt->turn_left = begin_turn(rt);
  while (rt->turn_left > 0) {
    run_entry(rt, take_entry(rt));
    if (WEFT__UNLIKELY(rt->letter_count > 0))
      weft__outbox_look(rt);
  }
}

/* -- From one stackful task right to the next ----------------------------- */

/* Likewise, where the next one is not called but entered: what it goes on with
 * is on its stack. */
static inline void take_task(weft_runtime *rt) {
  rt->ready.head++;
  if (WEFT__LIKELY(--rt->turn_left > 1)) {
    fetch_frames(entry_after(rt, 0));
    fetch(entry_after(rt, 1));
  }
}

static inline struct task *next_task(const weft_runtime *rt) {
  return (struct task *)entry_after(rt, 0);
}

static inline bool may_hop_to(const struct entry *entry) {
  return WEFT__SWITCH_CAN_HOP && entry->stackful && !entry->given_up;
}

/* Whether an entry that comes next may be entered without the loop. */
static inline bool goes_on_plainly(const weft_runtime *rt) {
  if (WEFT__UNLIKELY(rt->state != RT_RUNNING))
    return false;
  if (WEFT__UNLIKELY(rt->watched))
    return false;
  if (WEFT__UNLIKELY(rt->letter_count > 0))
    return false;
  return WEFT__LIKELY(rt->turn_left > 0);
}

/* Whether there is an entry to hop to without the loop; into the next turn
 * where that has no poll before it. */
static bool finds_next(weft_runtime *rt) {
  if ((rt->state != RT_RUNNING && rt->state != RT_TURN) || rt->watched)
    return false;
  if (rt->letter_count > 0)
    weft__outbox_look(rt);
  if (rt->turn_left > 0)
    return true;
  if (rt->state == RT_TURN || rt->shutting_down || weft__poll_is_due(rt))
    return false;
  rt->turn_left = begin_turn(rt);
  return true;
}

/* The common case of a hop: two stackful tasks, and nothing else to be done.
 * NULL if it is not. */
static inline struct task *hop_plainly(weft_runtime *rt) {
  const uint32_t plain = (struct entry){.stackful = true}.special;
  if (!goes_on_plainly(rt))
    return NULL;
  struct task *next = next_task(rt);
  if (WEFT__UNLIKELY(next->entry.special != plain))
    return NULL;
  if (WEFT__UNLIKELY(next->body.context == NULL))
    return NULL;
  take_task(rt);
  weft__step_begin_plainly(rt, next);
  return next;
}

/* The others. Where the loop has to see to it, the wait is over when this
 * returns [task]. */
static WEFT__APART struct task *hop_or_leave(weft_runtime *rt,
                                             struct task *task) {
  if (!finds_next(rt) || !may_hop_to(&next_task(rt)->entry)) {
    weft__fiber_leave(rt, task->fiber, &task->body.context);
    return task;
  }
  struct task *next = next_task(rt);
  take_task(rt);
  if (next->body.context == NULL)
    weft__task_take_stack(rt, next);
  weft__step_begin(rt, next);
  return next;
}

/* A stackful task that parks goes right to the next one: a switch by way of the
 * loop costs three times as much, most of it returns that the processor cannot
 * foresee. */
int weft__turn_leave(weft_runtime *rt, struct task *task) {
  struct task *next = WEFT__SWITCH_CAN_HOP ? hop_plainly(rt) : NULL;
  if (WEFT__UNLIKELY(next == NULL))
    next = hop_or_leave(rt, task);
  if (WEFT__LIKELY(next != task))
    weft__switch_alike(&task->body.context, next->body.context);
  return task->entry.status;
}

/* Whether the stack of the one that ends is as the next one was promised, and
 * nothing of the host's is called at the end: that has the loop's stack, which
 * is larger. */
static inline bool may_pass_on(const weft_runtime *rt,
                               const struct task *task) {
  if (task->entry.status != WEFT_OK || task->extra != NULL ||
      *weft__fiber_drop(task->fiber) != NULL)
    return false;
  /* Scopes may be left open; main's end is the shutdown's begin; and the reason
   * of a group that was cancelled goes with its last child. */
  if (task->scope->task == task || rt->main_task == task ||
      task->entry.cancelled)
    return false;
  return WEFT__LIKELY(!rt->fibers.mixed) || weft__fiber_fits(rt, task->fiber);
}

/* The one that ends takes over what the other was promised. */
static inline void pass_stack(struct task *from, struct task *to) {
  struct fiber *fiber = from->fiber;
  from->drop = NULL;
  from->body.context = NULL;
  *weft__fiber_drop(fiber) = to->drop;
  to->fiber = to->body.context = fiber;
}

struct task *weft__turn_follow(weft_runtime *rt, struct task *task) {
  if (!WEFT__SWITCH_CAN_HOP || !goes_on_plainly(rt))
    return NULL;
  struct task *next = next_task(rt);
  if (!may_hop_to(&next->entry) || next->body.context != NULL ||
      !may_pass_on(rt, task))
    return NULL;
  take_task(rt);
  pass_stack(task, next);
  leave_step(rt, task, task->entry.status);
  weft__step_begin(rt, next);
  return next;
}

/* -- The order ------------------------------------------------------------ */

int weft_set_shuffle(weft_runtime *rt, uint64_t seed) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  rt->shuffle = seed;
  return WEFT_OK;
}
