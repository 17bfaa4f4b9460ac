/* SPDX-License-Identifier: MIT
 * start.c - the start handshake: who spawned a task waits until it is up.
 *
 * Until then the task belongs to its starter: the group waits for it, but its
 * failure is the starter's. A starter that is cancelled cancels the task and
 * waits, kept, until it has ended. */
#include "core.h"

static int withdraw(weft_runtime *rt, void *arg) {
  struct task *task = arg;
  task->starter_gone = true;
  weft__own_scope_cancel(rt, task, WEFT_SOURCE_CANCEL, NULL);
  return WEFT_PARKED;
}

int weft_task_start(weft_runtime *rt, weft_task handle, uint64_t *value) {
  struct task *task;
  if (value != NULL)
    *value = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  /* One that was given up may have ended without having begun. */
  if (task->begun || task->starting || task->state >= WEFT_TASK_FINISHED)
    return WEFT_ESTATE;
  status = weft__park_begin_kept(rt);
  if (status != WEFT_OK)
    return status;
  if (weft__task_extra(rt, task) == NULL)
    return WEFT_ENOMEM;
  task->starting = true;
  task->extra->starter = rt->current;
  if (rt->current->entry.cancelled)
    withdraw(rt, task);
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_park(rt, KIND_TASK, task);
  return weft__park(rt, NULL, "start of a task", handle, withdraw, task, value);
}

int weft_task_ready(weft_runtime *rt, weft_task handle, uint64_t value) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (!task->starting)
    return WEFT_ESTATE;
  if (task->starter_gone)
    return WEFT_OK;
  if (task->state >= WEFT_TASK_FINISHED)
    return WEFT_ESTATE;
  struct task *starter = task->extra->starter;
  task->starting = false;
  task->extra->starter = NULL;
  weft__wake(rt, starter, WEFT_OK, value);
  return WEFT_OK;
}

static int starter_status(const struct task *task) {
  if (task->starter_gone)
    return WEFT_ECANCELLED;
  if (task->state == WEFT_TASK_FAILED)
    return WEFT_EHOST;
  return task->state == WEFT_TASK_CANCELLED ? WEFT_ETASKCANCELLED : WEFT_ESTATE;
}

void weft__start_ended(weft_runtime *rt, struct task *task) {
  struct task *starter = task->extra->starter;
  task->extra->starter = NULL;
  if (starter != NULL)
    weft__wake(rt, starter, starter_status(task), 0);
}

void weft__start_forget(struct task *starter) {
  if (starter->state != WEFT_TASK_PARKED || starter->withdraw != withdraw)
    return;
  struct task *task = starter->withdraw_arg;
  task->extra->starter = NULL;
}
