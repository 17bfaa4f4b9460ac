/* SPDX-License-Identifier: MIT
 * scope.c - scopes: deadlines, shields, and who is cancelled.
 *
 * Scopes form a tree over all tasks. The scopes a task has open are a chain
 * (scope->inner); a group's scope has, beside the next one of that chain, the
 * own scopes of the group's children below it. Whether a scope is effectively
 * cancelled is kept in it and brought in line, from the scope that changed
 * down, whenever a flag changes; so a parking call looks at one word.
 *
 * The walk down goes by pointers, not by recursion: a tree may be as deep as
 * the user's tasks are nested. */
#include "io.h"

/* -- The tree -------------------------------------------------------------
 */

/* The own scope of the first task that has one, from the child of [group] at
 * [node] on. Those before it are told here whether they are cancelled. */
static struct scope *own_scope_from(weft_runtime *rt, struct group *group,
                                    struct list *node) {
  for (; node != &group->children; node = node->next) {
    struct task *task = LIST_OWNER(node, struct task, sibling);
    struct scope *own = weft__own_scope_of(task);
    if (own != NULL)
      return own;
    weft__own_scope_settle(rt, task);
  }
  return NULL;
}

static struct scope *first_child_task(weft_runtime *rt, struct scope *scope) {
  struct group *group = scope->group;
  return group == NULL ? NULL : own_scope_from(rt, group, group->children.next);
}

/* The scope that follows [scope] among the children of its parent. */
static struct scope *next_sibling(weft_runtime *rt, struct scope *scope) {
  struct scope *parent = scope->parent;
  if (parent->inner == scope)
    return first_child_task(rt, parent);
  return own_scope_from(rt, parent->group, scope->task->sibling.next);
}

/* The scope after [scope] in a walk below [top], own task before children;
 * what is below [scope] itself is left out unless [descend]. */
static struct scope *walk_on(weft_runtime *rt, struct scope *top,
                             struct scope *scope, bool descend) {
  struct scope *next = NULL;
  if (descend)
    next = scope->inner != NULL ? scope->inner : first_child_task(rt, scope);
  while (next == NULL && scope != top) {
    next = next_sibling(rt, scope);
    scope = scope->parent;
  }
  return next;
}

static bool is_shielded(weft_runtime *rt, const struct scope *scope) {
  return scope->parent == NULL || (scope->shield && !rt->shields_lifted);
}

static bool is_effective(weft_runtime *rt, const struct scope *scope) {
  return scope->cancelled ||
         (!is_shielded(rt, scope) && scope->parent->effective);
}

void weft__scope_tell(weft_runtime *rt, struct task *task, bool cancelled) {
  if (task->entry.cancelled == cancelled)
    return;
  task->entry.cancelled = cancelled;
  if (task == rt->current && task->state == WEFT_TASK_RUNNING)
    weft__budget_refresh(rt);
  else if (cancelled)
    weft__cancel_wait(rt, task);
}

static bool settle_one(weft_runtime *rt, struct scope *scope) {
  bool effective = is_effective(rt, scope);
  if (effective == scope->effective)
    return false;
  scope->effective = effective;
  struct task *task = scope->task;
  if (task != NULL && task->scope == scope)
    weft__scope_tell(rt, task, effective);
  return true;
}

void weft__scope_settle(weft_runtime *rt, struct scope *top) {
  struct scope *scope = top;
  while (scope != NULL)
    scope = walk_on(rt, top, scope, settle_one(rt, scope));
}

void weft__scope_lift_shields(weft_runtime *rt) {
  struct scope *top = &rt->root.scope;
  rt->shields_lifted = true;
  for (struct scope *scope = top; scope != NULL;
       scope = walk_on(rt, top, scope, true))
    settle_one(rt, scope);
  weft__processes_hurry(rt);
}

/* -- Life -----------------------------------------------------------------
 */

void weft__scope_init(struct scope *scope, struct task *task) {
  *scope = (struct scope){.task = task};
  weft__timer_init(&scope->timer, TIMER_SCOPE);
}

/* The innermost scope of [task] is another one now. */
static inline void set_cancelled(weft_runtime *rt, struct task *task,
                                 bool cancelled) {
  if (WEFT__LIKELY(task->entry.cancelled == cancelled))
    return;
  task->entry.cancelled = cancelled;
  if (task == rt->current)
    weft__budget_refresh(rt);
}

void weft__scope_enter(weft_runtime *rt, struct task *task,
                       struct scope *scope) {
  scope->parent = task->scope;
  task->scope->inner = scope;
  task->scope = scope;
  scope->effective = is_effective(rt, scope);
  set_cancelled(rt, task, scope->effective);
}

/* Ends what the scope holds; its memory is the caller's. */
void weft__scope_exit(weft_runtime *rt, struct scope *scope) {
  struct task *task = scope->task;
  if (scope->cancelled && task != NULL)
    task->raised_count = 0;
  if (task != NULL && task->scope == scope) {
    scope->parent->inner = NULL;
    task->scope = scope->parent;
    set_cancelled(rt, task, task->scope->effective);
  }
  weft__timer_clear(rt, &scope->timer);
  weft__handle_free(rt, scope->handle);
  if (WEFT__LIKELY(!scope->cancelled))
    return; /* has neither reason nor cause */
  weft_value_unref(scope->reason);
  weft_error_unref(scope->cause);
}

int weft__scope_handle(weft_runtime *rt, struct scope *scope,
                       weft_scope *handle) {
  int status = WEFT_OK;
  if (scope->handle == 0)
    status = weft__handle_new(rt, KIND_SCOPE, scope, &scope->handle);
  *handle = scope->handle;
  return status;
}

void weft__scope_cancel(weft_runtime *rt, struct scope *scope, int source,
                        weft_value *reason, weft_error *cause) {
  if (scope->cancelled)
    return;
  scope->cancelled = true;
  scope->source = (uint8_t)source;
  scope->reason = weft_value_ref(reason);
  scope->cause = weft_error_ref(cause);
  weft__timer_clear(rt, &scope->timer);
  weft__scope_settle(rt, scope);
}

int weft__scope_set_deadline(weft_runtime *rt, struct scope *scope,
                             uint64_t deadline_ns) {
  if (weft__timer_set(rt, &scope->timer, deadline_ns) != WEFT_OK)
    return WEFT_ENOMEM;
  if (deadline_ns != WEFT__NEVER && deadline_ns <= weft__now(rt))
    weft__scope_cancel(rt, scope, WEFT_SOURCE_DEADLINE, NULL, NULL);
  return WEFT_OK;
}

/* A Cancelled stops at the outermost cancelled scope within the nearest
 * shield. What the scopes' state is decides, not which error it was. */
bool weft__scope_absorbs(weft_runtime *rt, const struct scope *scope) {
  return scope->cancelled &&
         (is_shielded(rt, scope) || !scope->parent->effective);
}

/* -- The public calls -----------------------------------------------------
 */

static int running_task(weft_runtime *rt, struct task **task) {
  *task = NULL;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->current == NULL || rt->current->state != WEFT_TASK_RUNNING)
    return WEFT_ESTATE;
  *task = rt->current;
  return WEFT_OK;
}

/* The task's own scope is there, or is made now; however deep the task is in
 * others, that is one look. False for want of memory. */
static bool has_own_scope(weft_runtime *rt, struct task *task) {
  return WEFT__LIKELY(task->scope->task == task) ||
         weft__own_scope(rt, task) != NULL;
}

/* [now_ns] is the clock as just read; not looked at where there is no deadline.
 */
static int open_scope(weft_runtime *rt, uint64_t deadline_ns, uint64_t now_ns,
                      int shield, weft_scope *handle) {
  struct task *task = rt->current;
  if (!has_own_scope(rt, task))
    return WEFT_ENOMEM;
  struct scope *scope = weft__pool_take(&rt->scopes_pool);
  if (scope == NULL)
    return WEFT_ENOMEM;
  weft__scope_init(scope, task);
  scope->shield = shield != 0;
  if (weft__handle_new(rt, KIND_SCOPE, scope, &scope->handle) != WEFT_OK)
    goto give_block;
  if (deadline_ns != WEFT__NEVER &&
      weft__timer_set(rt, &scope->timer, deadline_ns) != WEFT_OK)
    goto free_handle;
  *handle = scope->handle;
  weft__scope_enter(rt, task, scope);
  if (deadline_ns != WEFT__NEVER && deadline_ns <= now_ns)
    weft__scope_cancel(rt, scope, WEFT_SOURCE_DEADLINE, NULL, NULL);
  return WEFT_OK;
free_handle:
  weft__handle_free(rt, scope->handle);
give_block:
  weft__pool_give(&rt->scopes_pool, scope);
  return WEFT_ENOMEM;
}

int weft_scope_open(weft_runtime *rt, uint64_t deadline_ns, int shield,
                    weft_scope *handle) {
  struct task *task;
  *handle = 0;
  int status = running_task(rt, &task);
  if (status != WEFT_OK)
    return status;
  uint64_t now_ns = deadline_ns == WEFT__NEVER ? 0 : weft__now(rt);
  return open_scope(rt, deadline_ns, now_ns, shield, handle);
}

int weft_scope_open_after(weft_runtime *rt, uint64_t timeout_ns, int shield,
                          weft_scope *handle) {
  struct task *task;
  *handle = 0;
  int status = running_task(rt, &task);
  if (status != WEFT_OK)
    return status;
  uint64_t now_ns = timeout_ns == WEFT__NEVER ? WEFT__NEVER : weft__now(rt);
  uint64_t deadline_ns =
      timeout_ns > WEFT__NEVER - now_ns ? WEFT__NEVER : now_ns + timeout_ns;
  return open_scope(rt, deadline_ns, now_ns, shield, handle);
}

int weft_scope_leave(weft_runtime *rt, weft_scope handle, int outcome,
                     int *caught) {
  struct scope *scope;
  *caught = WEFT_CAUGHT_NOTHING;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  if (status != WEFT_OK)
    return status;
  struct task *task = rt->current;
  if (task == NULL || task->state != WEFT_TASK_RUNNING ||
      task->scope != scope || scope->group != NULL ||
      scope->parent->task != task) /* its own */
    return WEFT_ESTATE;
  if (outcome == WEFT_ECANCELLED && weft__scope_absorbs(rt, scope)) {
    *caught = scope->source == WEFT_SOURCE_DEADLINE ? WEFT_CAUGHT_DEADLINE
                                                    : WEFT_CAUGHT_CANCEL;
    outcome = WEFT_OK;
  }
  weft__scope_exit(rt, scope);
  weft__pool_give(&rt->scopes_pool, scope);
  return outcome;
}

int weft_scope_cancel(weft_runtime *rt, weft_scope handle, weft_value *reason) {
  struct scope *scope;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  if (status == WEFT_OK)
    weft__scope_cancel(rt, scope, WEFT_SOURCE_CANCEL, reason, NULL);
  return status;
}

int weft_scope_is_cancelled(weft_runtime *rt, weft_scope handle,
                            int *cancelled) {
  struct scope *scope;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  *cancelled = status == WEFT_OK && scope->cancelled;
  return status;
}

int weft_scope_get_deadline(weft_runtime *rt, weft_scope handle,
                            uint64_t *deadline_ns) {
  struct scope *scope;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  *deadline_ns = status == WEFT_OK ? scope->timer.time_ns : 0;
  return status;
}

int weft_scope_set_deadline(weft_runtime *rt, weft_scope handle,
                            uint64_t deadline_ns) {
  struct scope *scope;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  if (status != WEFT_OK)
    return status;
  if (scope->cancelled)
    return WEFT_ESTATE;
  return weft__scope_set_deadline(rt, scope, deadline_ns);
}

int weft_scope_set_shield(weft_runtime *rt, weft_scope handle, int on) {
  struct scope *scope;
  int status = weft__object(rt, handle, KIND_SCOPE, &scope);
  if (status != WEFT_OK)
    return status;
  scope->shield = on != 0;
  weft__scope_settle(rt, scope);
  return WEFT_OK;
}

int weft_scope_current(weft_runtime *rt, weft_scope *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->current == NULL)
    return WEFT_OK;
  if (!has_own_scope(rt, rt->current))
    return WEFT_ENOMEM;
  return weft__scope_handle(rt, rt->current->scope, handle);
}

/* The next scope outwards whose deadline and cancellation reach in here. */
static struct scope *next_visible(weft_runtime *rt, const struct scope *scope) {
  return is_shielded(rt, scope) ? NULL : scope->parent;
}

struct scope *weft__scope_next_deadline(weft_runtime *rt,
                                        const struct task *task) {
  struct scope *first = NULL;
  uint64_t deadline_ns = WEFT__NEVER;
  for (struct scope *scope = task->scope; scope != NULL;
       scope = next_visible(rt, scope)) {
    if (scope->timer.time_ns >= deadline_ns)
      continue;
    deadline_ns = scope->timer.time_ns;
    first = scope;
  }
  return first;
}

int weft_current_deadline(weft_runtime *rt, uint64_t *deadline_ns) {
  struct task *task;
  *deadline_ns = 0;
  int status = running_task(rt, &task);
  if (status != WEFT_OK || task->entry.cancelled)
    return status;
  const struct scope *scope = weft__scope_next_deadline(rt, task);
  *deadline_ns = scope == NULL ? WEFT__NEVER : scope->timer.time_ns;
  return WEFT_OK;
}

/* Says nothing if [origin] is NULL. */
static int tell_origin(weft_runtime *rt, struct scope *origin,
                       weft_scope *handle, int *source, weft_value **reason,
                       weft_error **cause) {
  if (origin == NULL)
    return WEFT_OK;
  *source = origin->source;
  *reason = origin->reason;
  *cause = origin->cause;
  return handle == NULL ? WEFT_OK : weft__scope_handle(rt, origin, handle);
}

/* The outermost scope that cancels the code of [task], or else NULL: then it is
 * the task's own, which need not be there. */
static struct scope *find_origin(weft_runtime *rt, const struct task *task) {
  struct scope *origin = NULL;
  for (struct scope *scope = task->scope; scope != NULL;
       scope = next_visible(rt, scope))
    if (scope->cancelled)
      origin = scope;
  return origin;
}

/* Why the code of [task] is cancelled; says nothing if it is not. */
static int tell_cancellation(weft_runtime *rt, struct task *task,
                             weft_scope *handle, int *source,
                             weft_value **reason, weft_error **cause) {
  if (!task->entry.cancelled)
    return WEFT_OK;
  struct scope *origin = find_origin(rt, task);
  if (origin == NULL && handle == NULL) { /* with a reason it had been made */
    *source = task->own_source;
    return WEFT_OK;
  }
  if (origin == NULL)
    origin = weft__own_scope(rt, task);
  return origin == NULL
             ? WEFT_ENOMEM
             : tell_origin(rt, origin, handle, source, reason, cause);
}

int weft_cancellation(weft_runtime *rt, weft_scope *handle, int *source,
                      weft_value **reason, weft_error **cause) {
  if (handle != NULL)
    *handle = 0;
  *source = WEFT_SOURCE_NONE;
  *reason = NULL;
  *cause = NULL;
  struct task *task;
  int status = running_task(rt, &task);
  if (status != WEFT_OK)
    return status;
  return tell_cancellation(rt, task, handle, source, reason, cause);
}

/* -- What governs another task -------------------------------------------- */

/* A task that has not ended: one that has is in no scope. */
static int unfinished_task(weft_runtime *rt, weft_task handle,
                           struct task **task) {
  int status = weft__object(rt, handle, KIND_TASK, task);
  if (status != WEFT_OK)
    return status;
  return (*task)->state >= WEFT_TASK_FINISHED ? WEFT_ESTATE : WEFT_OK;
}

int weft_task_get_deadline(weft_runtime *rt, weft_task handle,
                           uint64_t *deadline_ns, weft_scope *scope_handle) {
  struct task *task;
  *deadline_ns = 0;
  *scope_handle = 0;
  int status = unfinished_task(rt, handle, &task);
  if (status != WEFT_OK)
    return status;
  struct scope *scope =
      task->entry.cancelled ? NULL : weft__scope_next_deadline(rt, task);
  if (scope != NULL)
    status = weft__scope_handle(rt, scope, scope_handle);
  if (status == WEFT_OK)
    *deadline_ns = scope == NULL ? WEFT__NEVER : scope->timer.time_ns;
  return status;
}

/* The outermost scope that is cancelled beyond the task's shields, or NULL. */
static struct scope *held_back(const struct task *task) {
  struct scope *origin = NULL;
  for (struct scope *scope = task->scope; scope != NULL; scope = scope->parent)
    if (scope->cancelled)
      origin = scope;
  return origin;
}

int weft_task_get_cancellation(weft_runtime *rt, weft_task handle,
                               weft_scope *scope, int *source,
                               weft_value **reason, weft_error **cause) {
  struct task *task;
  *scope = 0;
  *source = WEFT_SOURCE_NONE;
  *reason = NULL;
  *cause = NULL;
  int status = unfinished_task(rt, handle, &task);
  if (status != WEFT_OK)
    return status;
  if (task->entry.cancelled)
    return tell_cancellation(rt, task, scope, source, reason, cause);
  return tell_origin(rt, held_back(task), scope, source, reason, cause);
}

int weft_task_is_shielded(weft_runtime *rt, weft_task handle, int *shielded) {
  struct task *task;
  *shielded = 0;
  int status = unfinished_task(rt, handle, &task);
  if (status != WEFT_OK)
    return status;
  /* The task's own scope is the last of them. */
  const struct scope *own = weft__own_scope_of(task);
  const struct scope *end = own == NULL ? task->scope : own->parent;
  for (struct scope *scope = task->scope; scope != end; scope = scope->parent)
    if (is_shielded(rt, scope))
      *shielded = 1;
  return WEFT_OK;
}
