/* SPDX-License-Identifier: MIT
 * task_info.c - what can be asked of a task, and its result and error. */
#include "core.h"

#include <stdio.h>

const char *weft__task_title(const struct task *task,
                             struct task_title *title) {
  const char *name = weft__task_name(task);
  if (name != NULL)
    return name;
  snprintf(title->text, sizeof title->text, "task-%llu",
           (unsigned long long)task->id);
  return title->text;
}

int weft_task_get_state(weft_runtime *rt, weft_task handle, int *state) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  *state = status == WEFT_OK ? task->state : 0;
  return status;
}

int weft_task_set_result(weft_runtime *rt, weft_value *value) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct task *task = weft__running(rt);
  if (task == NULL)
    return WEFT_ESTATE;
  struct task_extra *extra = weft__task_extra(rt, task);
  if (extra == NULL)
    return WEFT_ENOMEM;
  weft_value *old = extra->result;
  extra->result = weft_value_ref(value);
  weft_value_unref(old);
  return WEFT_OK;
}

int weft_task_get_result(weft_runtime *rt, weft_task handle,
                         weft_value **value) {
  struct task *task;
  *value = NULL;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task->state != WEFT_TASK_FINISHED)
    return WEFT_ESTATE;
  *value = task->extra == NULL ? NULL : task->extra->result;
  return WEFT_OK;
}

int weft_task_set_error(weft_runtime *rt, weft_error *error) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct task *task = weft__running(rt);
  if (task == NULL)
    return WEFT_ESTATE;
  struct task_extra *extra = weft__task_extra(rt, task);
  if (extra == NULL)
    return WEFT_ENOMEM;
  weft_error *old = extra->error;
  extra->error = weft_error_ref(error);
  weft_error_unref(old);
  return WEFT_OK;
}

int weft_task_get_error(weft_runtime *rt, weft_task handle,
                        weft_error **error) {
  struct task *task;
  *error = NULL;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task->state != WEFT_TASK_FAILED)
    return WEFT_ESTATE;
  task->observed = true;
  *error = weft__task_error(rt, task);
  return WEFT_OK;
}

int weft_task_current(weft_runtime *rt, weft_task *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  return rt->current == NULL ? WEFT_OK
                             : weft__task_handle(rt, rt->current, handle);
}

int weft_task_next(weft_runtime *rt, weft_task previous, weft_task *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct list *place = &rt->tasks;
  if (previous != 0) {
    struct task *task;
    int status = weft__object(rt, previous, KIND_TASK, &task);
    if (status != WEFT_OK)
      return status;
    if (task->state >= WEFT_TASK_FINISHED)
      return WEFT_EBADF;
    place = &task->all;
  }
  if (place->next == &rt->tasks)
    return WEFT_OK;
  return weft__task_handle(rt, LIST_OWNER(place->next, struct task, all),
                           handle);
}

int weft_task_get_id(weft_runtime *rt, weft_task handle, uint64_t *id) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  *id = status == WEFT_OK ? task->id : 0;
  return status;
}

int weft_task_get_name(weft_runtime *rt, weft_task handle, const char **name) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  *name = status == WEFT_OK ? weft__task_name(task) : NULL;
  return status;
}

int weft_task_set_name(weft_runtime *rt, weft_task handle, const char *name) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (name == NULL)
    return WEFT_EINVAL;
  struct task_extra *extra = weft__task_extra(rt, task);
  char *copy = extra == NULL ? NULL : weft__copy_text(name);
  if (copy == NULL)
    return WEFT_ENOMEM;
  weft__free_text(extra->name);
  extra->name = copy;
  if (rt->watched)
    weft__observe(rt, WEFT_OBSERVED_NAME, task, 0, copy);
  return WEFT_OK;
}

int weft_task_get_parent(weft_runtime *rt, weft_task handle,
                         weft_task *parent) {
  struct task *task;
  *parent = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  const struct group *group = weft__task_group(task);
  struct task *owner = group == NULL ? NULL : group->scope.task;
  return owner == NULL ? WEFT_OK : weft__task_handle(rt, owner, parent);
}

int weft_task_get_group(weft_runtime *rt, weft_task handle, weft_group *group) {
  struct task *task;
  *group = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  const struct group *home = status == WEFT_OK ? weft__task_group(task) : NULL;
  if (home != NULL)
    *group = home->handle;
  return status;
}

int weft_task_get_scope(weft_runtime *rt, weft_task handle, weft_scope *scope) {
  struct task *task;
  *scope = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task->state >= WEFT_TASK_FINISHED)
    return WEFT_ESTATE;
  struct scope *own = weft__own_scope(rt, task);
  return own == NULL ? WEFT_ENOMEM : weft__scope_handle(rt, own, scope);
}

int weft_task_get_arg(weft_runtime *rt, weft_task handle, weft_step_fn *step,
                      void **arg) {
  struct task *task;
  *step = NULL;
  *arg = NULL;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (!weft__task_is_stackful(task) && task->body.step != weft__step_pulled)
    *step = task->body.step;
  *arg = task->entry.arg;
  return WEFT_OK;
}

int weft_task_get_wait(weft_runtime *rt, weft_task handle, const char **what,
                       uint64_t *object, uint64_t *until_ns) {
  struct task *task;
  *what = NULL;
  *object = 0;
  *until_ns = WEFT__NEVER;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK || task->state != WEFT_TASK_PARKED)
    return status;
  *what = task->what;
  *object = weft__task_object(task);
  if (task->timed)
    *until_ns = task->timer.time_ns;
  return WEFT_OK;
}
