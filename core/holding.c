/* SPDX-License-Identifier: MIT
 * holding.c - what a task holds when it ends.
 *
 * What has to be given back by the one who took it (a lock, a token of a
 * limiter) is in a list of that task's. What is still there at the task's end,
 * however it ended, is forsaken: each kind of object knows what that means. */
#include "core.h"

void weft__holding_forsake_all(weft_runtime *rt, struct task *task) {
  if (task->extra == NULL)
    return;
  struct list *held = &task->extra->held;
  /* One by one: a report that this leads to may close what is in the list. */
  while (!list_is_empty(held)) {
    struct holding *holding = LIST_OWNER(held->next, struct holding, node);
    weft__holding_give(holding);
    holding->forsaken(rt, holding, task);
  }
}
