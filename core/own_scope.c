/* SPDX-License-Identifier: MIT
 * own_scope.c - the scope of a task itself, the outermost that governs its
 * code.
 *
 * Few tasks have one made: it is needed where the task opens another inside it,
 * or where somebody asks for it. Until then the task's innermost scope is that
 * of its group, and all that can befall the task's own scope, a cancellation,
 * is a number in the task. A third of a task's memory is spared by that. */
#include "core.h"

struct scope *weft__own_scope(weft_runtime *rt, struct task *task) {
  struct scope *scope = weft__own_scope_of(task);
  if (WEFT__LIKELY(scope != NULL))
    return scope;
  scope = weft__pool_take(&rt->scopes_pool);
  if (scope == NULL)
    return NULL;
  weft__scope_init(scope, task);
  scope->parent = task->scope;
  scope->cancelled = task->own_source != WEFT_SOURCE_NONE;
  scope->source = task->own_source;
  scope->effective = task->entry.cancelled;
  task->scope = scope;
  return scope;
}

void weft__own_scope_move(struct task *task, struct group *group) {
  struct scope *own = weft__own_scope_of(task);
  if (own != NULL)
    own->parent = &group->scope;
  else
    task->scope = &group->scope;
}

void weft__own_scope_exit(weft_runtime *rt, struct task *task) {
  struct scope *own = task->scope;
  task->scope = own->parent;
  weft__scope_exit(rt, own);
  weft__pool_give(&rt->scopes_pool, own);
}

void weft__own_scope_settle(weft_runtime *rt, struct task *task) {
  weft__scope_tell(
      rt, task, task->own_source != WEFT_SOURCE_NONE || task->scope->effective);
}

/* Only a reason needs the scope to be there, so the call itself cannot fail. */
void weft__own_scope_cancel(weft_runtime *rt, struct task *task, int source,
                            weft_value *reason) {
  struct scope *scope = weft__own_scope_of(task);
  if (scope == NULL && task->own_source != WEFT_SOURCE_NONE)
    return;
  if (reason != NULL)
    scope = weft__own_scope(rt, task);
  if (scope != NULL) {
    weft__scope_cancel(rt, scope, source, reason, NULL);
    return;
  }
  task->own_source = (uint8_t)source;
  weft__own_scope_settle(rt, task);
}
