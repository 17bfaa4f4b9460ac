/* SPDX-License-Identifier: MIT
 * deadlock.c - the hint: tasks that wait for each other, and waits that nothing
 * ends. Switched on by weft_set_deadlock_hint.
 *
 * A circle comes about with a park, so it is looked for then, from the task
 * that parks: who waits for a lock waits for its owner, who awaits a task for
 * that task, who joins a group for each of its children. The walk is in
 * breadth, so what is found is the shortest circle. Each task is looked at
 * once, which a bit in it says; those bits are cleared at the end of the walk.
 * The report comes with the next poll, since who gets it may cancel anything,
 * and the task that made the circle is not parked yet.
 *
 * That nothing can wake a task is found when the poll is about to wait, or the
 * virtual clock to jump: nothing is ready, no time is set, and each task waits
 * for another's doing. What the kernel, a thread or the host's own callbacks
 * may do is not known, so a wait for those is never called one.
 *
 * A wait under a deadline ends, and is not reported. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "lock.h"

#define TEXT_BYTES 1024

struct visit {
  struct task *task;
  size_t from; /* the index of who waits for it */
};

/* A walk: visits[0, count) were found, those from [next] on are to be gone on
 * from. The first is where it began, and what it looks for. */
struct walk {
  weft_runtime *rt;
  size_t count;
  size_t next;
};

#define NO_VISIT SIZE_MAX

/* -- Who waits for whom --------------------------------------------------- */

static enum kind kind_of(uint64_t handle) {
  return (enum kind)((handle >> WEFT__SLOT_BITS) &
                     ((1u << WEFT__KIND_BITS) - 1));
}

/* Whether time ends what the task waits for. */
static bool is_limited(weft_runtime *rt, const struct task *task) {
  return weft__scope_next_deadline(rt, task) != NULL;
}

/* What a task waits for, where that may be part of a circle; else NULL. */
static void *find_object(weft_runtime *rt, const struct task *task,
                         enum kind *kind) {
  *kind = kind_of(weft__task_object(task));
  if (task->state != WEFT_TASK_PARKED)
    return NULL;
  if (*kind != KIND_LOCK && *kind != KIND_TASK && *kind != KIND_GROUP)
    return NULL;
  void *object = weft__handle_get(rt, task->object, *kind);
  if (*kind != KIND_GROUP || object == NULL)
    return object;
  const struct group *group = object;
  /* Else it waits for a place in the group. */
  return group->joining && group->scope.task == task ? object : NULL;
}

static bool make_room(struct circle *circle, size_t count) {
  if (count < circle->capacity)
    return true;
  size_t capacity = circle->capacity == 0 ? 64 : circle->capacity * 2;
  struct visit *visits =
      weft__resize(circle->visits, circle->capacity * sizeof *visits,
                   capacity * sizeof *visits);
  if (visits == NULL)
    return false;
  circle->visits = visits;
  circle->capacity = capacity;
  return true;
}

/* Notes that a task is waited for. For want of memory it is left out: a hint
 * is lost. */
static void visit(struct walk *walk, struct task *task, size_t from) {
  struct circle *circle = &walk->rt->circle;
  if (task == NULL || task->looked_at || !make_room(circle, walk->count))
    return;
  task->looked_at = true;
  circle->visits[walk->count++] = (struct visit){task, from};
}

static void visit_those_of(struct walk *walk, enum kind kind, void *object,
                           size_t from) {
  if (kind == KIND_TASK) {
    visit(walk, object, from);
  } else if (kind == KIND_LOCK) {
    visit(walk, ((struct lock *)object)->holding.task, from);
  } else {
    struct group *group = object;
    for (struct list *node = group->children.next; node != &group->children;
         node = node->next)
      visit(walk, LIST_OWNER(node, struct task, sibling), from);
  }
}

/* Goes on until [goal] is found; returns who waits for it, or NO_VISIT. */
static size_t walk_to(struct walk *walk, const struct task *goal) {
  weft_runtime *rt = walk->rt;
  for (; walk->next < walk->count; walk->next++) {
    struct visit at = rt->circle.visits[walk->next];
    enum kind kind;
    if (at.task == goal)
      return at.from;
    void *object = find_object(rt, at.task, &kind);
    if (object != NULL && !is_limited(rt, at.task))
      visit_those_of(walk, kind, object, walk->next);
  }
  return NO_VISIT;
}

static void end_walk(const struct walk *walk) {
  for (size_t i = 0; i < walk->count; i++)
    walk->rt->circle.visits[i].task->looked_at = false;
}

/* Turns what was found, from the last to the first who waits, into the members
 * of the circle, in the order in which they wait; their number. They are put
 * together behind all visits, where walk_from has made room. */
static size_t gather(const struct walk *walk, struct task *goal, size_t last) {
  struct visit *visits = walk->rt->circle.visits;
  size_t count = 1;
  for (size_t i = last; i != NO_VISIT; i = visits[i].from)
    count++;
  struct visit *members = visits + walk->count;
  size_t place = count;
  for (size_t i = last; i != NO_VISIT; i = visits[i].from)
    members[--place].task = visits[i].task;
  members[0].task = goal;
  memmove(visits, members, count * sizeof *visits);
  return count;
}

/* Walks from what [goal] waits for, or is about to. Returns how many wait in a
 * circle with it: those visits are then its members; 0 if there is none. */
static size_t walk_from(weft_runtime *rt, struct task *goal, enum kind kind,
                        void *object) {
  struct walk walk = {.rt = rt};
  visit_those_of(&walk, kind, object, NO_VISIT);
  size_t last = walk_to(&walk, goal);
  bool found = walk.next < walk.count;
  end_walk(&walk);
  if (!found)
    return 0;
  while (rt->circle.capacity < 2 * walk.count + 2)
    if (!make_room(&rt->circle, rt->circle.capacity))
      return 0;
  return gather(&walk, goal, last);
}

void weft__deadlock_park(weft_runtime *rt, enum kind kind, void *object) {
  struct task *task = rt->current;
  task->circle_told = false;
  if (is_limited(rt, task) || walk_from(rt, task, kind, object) == 0)
    return;
  rt->circle_seen = true;
  rt->poll_now = true;
}

/* -- Circles that are reported -------------------------------------------- */

/* Adds a piece to the text, which ends in dots if it is too long. */
static void add(char text[TEXT_BYTES], const char *piece) {
  size_t used = strlen(text), left = TEXT_BYTES - used;
  if (strlen(piece) < left)
    snprintf(text + used, left, "%s", piece);
  else
    snprintf(text + TEXT_BYTES - 4, 4, "...");
}

static void add_member(weft_runtime *rt, char text[TEXT_BYTES],
                       const struct task *task) {
  char number[32], wait[256];
  struct task_title title;
  weft__task_describe_wait(rt, task, wait, sizeof wait);
  snprintf(number, sizeof number, " #%llu", (unsigned long long)task->id);
  add(text, weft__task_title(task, &title));
  add(text, number);
  add(text, " waits for ");
  add(text, wait);
}

static void report(weft_runtime *rt, struct task *task, const char *text) {
  weft_error *error;
  if (weft_error_new(WEFT_ESTATE, "DeadlockError", text, &error) != WEFT_OK)
    return;
  weft__report(rt, WEFT_REPORT_DEADLOCK, task, error);
  weft_error_unref(error);
}

/* The first [count] visits are the members. */
static void report_circle(weft_runtime *rt, size_t count) {
  char text[TEXT_BYTES];
  struct task *first = rt->circle.visits[0].task;
  snprintf(text, sizeof text, "%zu tasks wait for each other in a circle",
           count);
  for (size_t i = 0; i < count; i++) {
    struct task *task = rt->circle.visits[i].task;
    task->circle_told = true;
    add(text, i == 0 ? ": " : "; ");
    add_member(rt, text, task);
  }
  /* That all wait, if they do, is told with this. */
  rt->deadlock_step = rt->step_count;
  report(rt, first, text);
}

/* A circle that was seen may be gone by now, so they are looked for anew, from
 * every task that has not been told of in one. */
static void report_circles(weft_runtime *rt) {
  struct list *last = rt->tasks.prev;
  struct list *node = &rt->tasks;
  rt->circle_seen = false;
  while (node != last) {
    node = node->next;
    struct task *task = LIST_OWNER(node, struct task, all);
    enum kind kind;
    void *object = task->circle_told ? NULL : find_object(rt, task, &kind);
    if (object == NULL || is_limited(rt, task))
      continue;
    size_t count = walk_from(rt, task, kind, object);
    if (count > 0)
      report_circle(rt, count);
  }
}

/* -- Nothing can wake a task ---------------------------------------------- */

/* Whether the task waits for what another one has to do. */
static bool waits_inside(const weft_runtime *rt, const struct task *task) {
  if (task->state != WEFT_TASK_PARKED || task->custom ||
      weft__timer_is_set(&task->timer))
    return false;
  switch (kind_of(weft__task_object(task))) {
  case KIND_TASK:
  case KIND_GROUP:
  case KIND_WAITLIST:
  case KIND_EVENT:
  case KIND_SEMAPHORE:
  case KIND_QUEUE:
  case KIND_LOCK:
  case KIND_LIMITER:
  case KIND_CONDITION:
  case KIND_BARRIER:
  case KIND_SENDER:
  case KIND_RECEIVER:
  case KIND_FUTURE:
    return true;
  case KIND_STREAM:
    return weft__stream_is_in_memory(rt, task->object);
  default:
    return weft__task_is_asleep(task);
  }
}

static bool all_wait_inside(const weft_runtime *rt) {
  for (const struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next)
    if (!waits_inside(rt, LIST_OWNER(node, const struct task, all)))
      return false;
  return !list_is_empty(&rt->tasks);
}

/* What calls the host's functions, which may wake tasks. */
static bool has_callbacks(const weft_runtime *rt) {
  for (uint32_t i = 0; i < rt->handles.count; i++) {
    enum kind kind = kind_of(rt->handles.slots[i].handle);
    if (kind == KIND_WATCH || kind == KIND_RESOLVE)
      return true;
  }
  return false;
}

static bool is_stuck(weft_runtime *rt) {
  return !rt->shutting_down && weft__ready_is_empty(rt) && !rt->poll_now &&
         rt->timers.count == 0 && rt->outside_work == 0 &&
         rt->starved_pools == 0 && list_is_empty(&rt->readable) &&
         list_is_empty(&rt->paired) &&
         !atomic_load_explicit(&rt->posts.pending, memory_order_relaxed) &&
         all_wait_inside(rt) && !has_callbacks(rt);
}

/* Once, until a task has run again. */
static void report_stuck(weft_runtime *rt) {
  char text[TEXT_BYTES];
  size_t count = weft__count_waiting(&rt->tasks);
  rt->deadlock_step = rt->step_count;
  snprintf(text, sizeof text,
           "nothing can wake a task any more: %zu %s for what only another "
           "task could do",
           count, count == 1 ? "waits" : "wait");
  report(rt, NULL, text);
}

/* -- The look ------------------------------------------------------------- */

/* A runtime that a foreign loop drives never blocks, and that loop may do
 * anything: it is told of circles only. */
void weft__deadlock_look(weft_runtime *rt, bool may_block) {
  if (rt->circle_seen)
    report_circles(rt);
  if (may_block && rt->deadlock_step != rt->step_count && is_stuck(rt))
    report_stuck(rt);
}

void weft__deadlock_free(weft_runtime *rt) {
  weft__free(rt->circle.visits,
             rt->circle.capacity * sizeof *rt->circle.visits);
}

int weft_set_deadlock_hint(weft_runtime *rt, int on) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  rt->deadlock_hint = on != 0;
  rt->circle_seen = on != 0; /* of those that are parked already, too */
  rt->deadlock_step = 0;
  return WEFT_OK;
}
