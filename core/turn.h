/* SPDX-License-Identifier: MIT
 * turn.h - turns and the steps of tasks: for who runs the ready ring, or goes
 * from one task right to the next. */
#ifndef WEFT_TURN_H
#define WEFT_TURN_H

#include "core.h"

/* -- Steps ---------------------------------------------------------------- */

/* Of a task whose code is not cancelled. */
static inline void weft__step_begin_plainly(weft_runtime *rt,
                                            struct task *task) {
  rt->current = task;
  weft__count(&rt->step_count);
  rt->budget = WEFT__RUN_BUDGET;
  task->state = WEFT_TASK_RUNNING;
  task->begun = true;
}
static inline void weft__step_begin(weft_runtime *rt, struct task *task) {
  weft__step_begin_plainly(rt, task);
  if (!task->entry.cancelled)
    return;
  rt->budget_saved = WEFT__RUN_BUDGET;
  rt->budget = 0;
}
void weft__step_end(weft_runtime *rt, struct task *task, int outcome);
/* One entry: a step of a task, or a call. */
void weft__run_entry(weft_runtime *rt, struct entry *entry);

/* -- Turns ---------------------------------------------------------------- */

void weft__turn(weft_runtime *rt);
uint32_t weft__turn_begin(weft_runtime *rt);
/* Leaves the stack of [task], which has parked, for whatever is next. Returns
 * when the wait is over, with its status. */
int weft__turn_leave(weft_runtime *rt, struct task *task);
/* Ends [task], whose body has returned, if the next entry of the turn is a
 * stackful task that begins: that one has its stack now, and its first step has
 * begun. Else NULL, and nothing has changed. */
struct task *weft__turn_follow(weft_runtime *rt, struct task *task);

#endif
