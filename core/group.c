/* SPDX-License-Identifier: MIT
 * group.c - groups: scopes that own tasks and collect their failures.
 *
 * The outcome of a group is decided in the instant in which the last child has
 * ended and the body too; a cancellation that comes after that instant shows at
 * the owner's next cancellation point. The root group is a struct group as
 * well, but a failure in it cancels nobody and is reported. */
#include "core.h"

static bool is_root(weft_runtime *rt, const struct group *group) {
  return group == &rt->root;
}

/* -- Failures -------------------------------------------------------------
 */

static int reserve_failure(struct group *group) {
  if (group->failure_count < group->failure_capacity)
    return WEFT_OK;
  size_t capacity =
      group->failure_capacity == 0 ? 4 : group->failure_capacity * 2;
  weft_error **failures =
      weft__resize(group->failures, group->failure_capacity * sizeof *failures,
                   capacity * sizeof *failures);
  if (failures == NULL)
    return WEFT_ENOMEM;
  group->failures = failures;
  group->failure_capacity = capacity;
  return WEFT_OK;
}

/* Takes over the reference to [failure]. Where there is no memory to keep it,
 * it is reported: nothing is swallowed. */
static void add_failure(weft_runtime *rt, struct group *group,
                        weft_error *failure) {
  weft__scope_cancel(rt, &group->scope, WEFT_SOURCE_GROUP, NULL, failure);
  if (reserve_failure(group) == WEFT_OK) {
    group->failures[group->failure_count++] = failure;
    return;
  }
  weft__report(rt, WEFT_REPORT_FAILURE, rt->current, failure);
  group->lost_failure = true;
  weft_error_unref(failure);
}

static void clear_failures(struct group *group) {
  for (size_t i = 0; i < group->failure_count; i++)
    weft_error_unref(group->failures[i]);
  weft__free(group->failures, group->failure_capacity * sizeof(weft_error *));
  group->failures = NULL;
  group->failure_count = group->failure_capacity = 0;
}

/* All failures in one error; [cancelled] is the outer cancellation that they
 * win over, which becomes the cause. */
static int make_group_error(struct group *group, bool cancelled,
                            weft_error **error) {
  *error = NULL;
  if (group->lost_failure)
    return WEFT_ENOMEM;
  int status =
      weft_error_new_group(NULL, group->failures, group->failure_count, error);
  weft_error *cause;
  if (status != WEFT_OK || !cancelled ||
      weft_error_new(WEFT_ECANCELLED, NULL, NULL, &cause) != WEFT_OK)
    return status;
  weft_error_set_cause(*error, cause);
  weft_error_unref(cause);
  return WEFT_OK;
}

static void report_failures(weft_runtime *rt, struct group *group) {
  for (size_t i = 0; i < group->failure_count; i++)
    weft__report(rt, WEFT_REPORT_FAILURE, NULL, group->failures[i]);
}

/* -- The end -------------------------------------------------------------- */

static int decide(weft_runtime *rt, struct group *group, uint64_t *value) {
  bool absorbs = weft__scope_absorbs(rt, &group->scope);
  bool cut_off = group->cut_off || (group->strict && group->scope.effective);
  bool outer = group->own_cancelled || (cut_off && !absorbs);
  *value = 0;
  if (group->failure_count > 0 || group->lost_failure) {
    weft_error *error;
    if (make_group_error(group, outer, &error) == WEFT_OK) {
      *value = (uint64_t)(uintptr_t)error;
      return WEFT_EGROUP;
    }
    report_failures(rt, group);
    return WEFT_ENOMEM;
  }
  if (outer)
    return WEFT_ECANCELLED;
  if (group->cut_off && group->scope.source == WEFT_SOURCE_DEADLINE)
    return WEFT_ETIMEDOUT;
  return WEFT_OK;
}

static void end_group(weft_runtime *rt, struct group *group) {
  weft__wake_all(rt, &group->places, WEFT_ESTATE);
  weft__scope_exit(rt, &group->scope);
  clear_failures(group);
  weft__handle_free(rt, group->handle);
  weft__pool_give(&rt->groups_pool, group);
}

static int finish(weft_runtime *rt, struct group *group, uint64_t *value) {
  group->over = true;
  int status = decide(rt, group, value);
  end_group(rt, group);
  return status;
}

/* The last child has ended: the owner, who waits for that, is woken. */
static void finish_join(weft_runtime *rt, struct group *group) {
  struct task *owner = group->scope.task;
  uint64_t value;
  int status = finish(rt, group, &value);
  weft__wake(rt, owner, status, value);
}

static inline void finish_if_over(weft_runtime *rt, struct group *group) {
  if (group->joining && group->count == 0 && group->reserved == 0)
    finish_join(rt, group);
}

/* -- Children ------------------------------------------------------------- */

static bool has_place(const struct group *group) {
  return group->limit_max == 0 ||
         group->count + group->reserved < group->limit_max;
}

/* Gives free places to those who wait, in order. */
static void serve_places(weft_runtime *rt, struct group *group) {
  while (has_place(group) && !list_is_empty(&group->places)) {
    struct task *task = LIST_OWNER(group->places.next, struct task, entry.node);
    group->reserved++;
    task->extra->reserved = group;
    weft__wake(rt, task, WEFT_OK, 0);
  }
}

void weft__group_give_place_back(weft_runtime *rt, struct task *holder) {
  struct group *group = weft__task_reserved(holder);
  if (group == NULL)
    return;
  holder->extra->reserved = NULL;
  group->reserved--;
  serve_places(rt, group);
  finish_if_over(rt, group);
}

int weft__group_add(struct group *group, struct task *task,
                    struct task *spawner) {
  if (group->over)
    return WEFT_ESTATE;
  bool reserved = spawner != NULL && weft__task_reserved(spawner) == group;
  if (!reserved && !has_place(group))
    return WEFT_EBUSY;
  if (reserved) {
    spawner->extra->reserved = NULL;
    group->reserved--;
  }
  weft__group_link(group, task);
  return WEFT_OK;
}

static void take_failure(weft_runtime *rt, struct group *group,
                         struct task *task) {
  if (is_root(rt, group) || task->starting)
    return;
  task->observed = true;
  add_failure(rt, group, weft_error_ref(weft__task_error(rt, task)));
}

/* A child that was cut off by the group's cancellation, or, where every child
 * counts, by one of its own. */
static void take_cancelled(weft_runtime *rt, struct group *group,
                           struct task *task) {
  if (group->scope.effective) {
    group->cut_off = true;
  } else if (group->strict) {
    weft_error *error;
    if (weft_error_new(WEFT_ETASKCANCELLED, NULL, NULL, &error) != WEFT_OK)
      error = weft_error_ref(rt->no_memory);
    else if (weft__task_name(task) != NULL)
      weft_error_set_task(error, weft__task_name(task));
    add_failure(rt, group, error);
  }
}

static void take_outcome(weft_runtime *rt, struct group *group,
                         struct task *task) {
  if (task->state == WEFT_TASK_FAILED)
    take_failure(rt, group, task);
  else
    take_cancelled(rt, group, task);
}

/* Takes a task that has ended out of its group, with its failure. */
void weft__group_remove(weft_runtime *rt, struct task *task) {
  struct group *group = task->scope->group;
  if (WEFT__UNLIKELY(task->state != WEFT_TASK_FINISHED))
    take_outcome(rt, group, task);
  list_remove(&task->sibling);
  group->count--;
  task->scope = NULL;
  if (WEFT__UNLIKELY(!list_is_empty(&group->places)))
    serve_places(rt, group);
  finish_if_over(rt, group);
}

/* Places that somebody holds in a group that will not be there any more. */
static void forget_places(weft_runtime *rt, struct group *group) {
  if (group->reserved == 0)
    return;
  for (struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next) {
    struct task *task = LIST_OWNER(node, struct task, all);
    if (weft__task_reserved(task) == group)
      task->extra->reserved = NULL;
  }
  group->reserved = 0;
}

/* The owner ended without joining, which is a misuse: the children go on under
 * the root group, cancelled. */
void weft__group_abandon(weft_runtime *rt, struct group *group) {
  group->over = true;
  weft__scope_cancel(rt, &group->scope, WEFT_SOURCE_CLOSE, NULL, NULL);
  while (!list_is_empty(&group->children)) {
    struct task *task = LIST_OWNER(group->children.next, struct task, sibling);
    weft__own_scope_cancel(rt, task, WEFT_SOURCE_CLOSE, NULL);
    list_remove(&task->sibling);
    group->count--;
    rt->root.count++;
    weft__own_scope_move(task, &rt->root);
    list_insert(&rt->root.children, &task->sibling);
  }
  report_failures(rt, group);
  forget_places(rt, group);
  end_group(rt, group);
}

/* -- The public calls ----------------------------------------------------- */

void weft__group_init(struct group *group, struct task *task) {
  *group = (struct group){0};
  weft__scope_init(&group->scope, task);
  group->scope.group = group;
  list_init(&group->children);
  list_init(&group->places);
}

int weft_group_open(weft_runtime *rt, uint64_t deadline_ns,
                    weft_group *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct task *task = rt->current;
  if (task == NULL || task->state != WEFT_TASK_RUNNING)
    return WEFT_ESTATE;
  if (task->scope->task != task && weft__own_scope(rt, task) == NULL)
    return WEFT_ENOMEM;
  struct group *group = weft__pool_take(&rt->groups_pool);
  if (group == NULL)
    return WEFT_ENOMEM;
  weft__group_init(group, task);
  if (weft__handle_new(rt, KIND_GROUP, group, &group->handle) != WEFT_OK)
    goto give_block;
  if (weft__timer_set(rt, &group->scope.timer, deadline_ns) != WEFT_OK)
    goto free_handle;
  *handle = group->handle;
  weft__scope_enter(rt, task, &group->scope);
  if (deadline_ns != WEFT__NEVER && deadline_ns <= weft__now(rt))
    weft__scope_cancel(rt, &group->scope, WEFT_SOURCE_DEADLINE, NULL, NULL);
  return WEFT_OK;
free_handle:
  weft__handle_free(rt, group->handle);
give_block:
  weft__pool_give(&rt->groups_pool, group);
  return WEFT_ENOMEM;
}

/* What the body's outcome means for the group. */
static void note_body(weft_runtime *rt, struct group *group, int outcome,
                      weft_error *failure) {
  if (outcome >= WEFT_OK)
    return;
  if (outcome != WEFT_ECANCELLED) {
    weft_error *error = weft_error_ref(failure);
    if (error == NULL && weft_error_new(outcome, NULL, NULL, &error) != WEFT_OK)
      error = weft_error_ref(rt->no_memory);
    add_failure(rt, group, error);
  } else if (group->scope.effective) {
    group->cut_off = true;
  } else {
    group->own_cancelled = true;
    weft__scope_cancel(rt, &group->scope, WEFT_SOURCE_GROUP, NULL, NULL);
  }
}

int weft_group_join(weft_runtime *rt, weft_group handle, int outcome,
                    weft_error *failure, uint64_t *value) {
  struct group *group;
  *value = 0;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  if (status != WEFT_OK)
    return status;
  struct task *task = rt->current;
  if (task == NULL || task->state != WEFT_TASK_RUNNING ||
      group->scope.task != task || task->scope != &group->scope)
    return WEFT_ESTATE;
  if (weft__task_reserved(task) == group)
    weft__group_give_place_back(rt, task);
  note_body(rt, group, outcome, failure);
  group->joining = true;
  if (group->count == 0 && group->reserved == 0)
    return finish(rt, group, value);
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_park(rt, KIND_GROUP, group);
  return weft__park(rt, NULL, "group", handle, NULL, NULL, value);
}

int weft_group_get_scope(weft_runtime *rt, weft_group handle,
                         weft_scope *scope) {
  struct group *group;
  *scope = 0;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  if (status == WEFT_OK)
    status = weft__scope_handle(rt, &group->scope, scope);
  return status;
}

int weft_group_root(weft_runtime *rt, weft_group *group) {
  *group = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  *group = rt->root.handle;
  return WEFT_OK;
}

int weft_group_set_limit(weft_runtime *rt, weft_group handle,
                         size_t limit_max) {
  struct group *group;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  if (status != WEFT_OK)
    return status;
  if (group->count > 0 || group->reserved > 0)
    return WEFT_ESTATE;
  group->limit_max = limit_max;
  return WEFT_OK;
}

int weft_group_set_strict(weft_runtime *rt, weft_group handle, int on) {
  struct group *group;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  if (status == WEFT_OK)
    group->strict = on != 0;
  return status;
}

int weft_group_reserve(weft_runtime *rt, weft_group handle) {
  struct group *group;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  if (status != WEFT_OK)
    return status;
  struct task *task = rt->current;
  if (group->over || (task != NULL && weft__task_reserved(task) != NULL))
    return WEFT_ESTATE;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  assert(task != NULL); /* or it could not park */
  if (weft__task_extra(rt, task) == NULL)
    return WEFT_ENOMEM;
  if (!has_place(group) || !list_is_empty(&group->places))
    return weft__park(rt, &group->places, "place in a group", handle,
                      weft__withdraw_plain, NULL, NULL);
  group->reserved++;
  task->extra->reserved = group;
  return weft__park_skip(rt, 0);
}

int weft_group_get_count(weft_runtime *rt, weft_group handle, size_t *count) {
  struct group *group;
  int status = weft__object(rt, handle, KIND_GROUP, &group);
  *count = status == WEFT_OK ? group->count : 0;
  return status;
}
