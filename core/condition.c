/* SPDX-License-Identifier: MIT
 * condition.c - tasks that wait, under a lock, for something to change.
 *
 * A notified task stays parked: it moves from the condition's list to the end
 * of the lock's queue and is woken once, with the lock. So a notification is
 * never lost between the two waits, and no task runs only to wait again.
 *
 * A wait that is cancelled before it is notified does the same, for its caller
 * will go on under the lock; from then on nothing can withdraw it. Only where
 * the lock is free does the canceller wake it, as the new owner, at once. */
#include "lock.h"

struct condition {
  struct list node;    /* in lock->conditions; in none once that is closed */
  struct list waiters; /* struct task.entry, oldest first */
  weft_lock lock;      /* stale once it is closed */
  bool owns_lock;      /* closes it at its end */
};

/* NULL if it is closed. */
static struct lock *lock_of(weft_runtime *rt,
                            const struct condition *condition) {
  return weft__handle_get(rt, condition->lock, KIND_LOCK);
}

/* -- Life ----------------------------------------------------------------- */

/* The condition of a lock that is there. */
static int new_condition(weft_runtime *rt, weft_lock lock_handle,
                         struct condition **out, weft_condition *handle) {
  struct lock *lock = weft__handle_get(rt, lock_handle, KIND_LOCK);
  if (lock == NULL)
    return WEFT_EBADF;
  struct condition *condition;
  int status = weft__object_new(rt, KIND_CONDITION, sizeof *condition,
                                &condition, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&condition->waiters);
  list_insert(&lock->conditions, &condition->node);
  condition->lock = lock_handle;
  *out = condition;
  return WEFT_OK;
}

int weft_condition_new(weft_runtime *rt, weft_lock lock,
                       weft_condition *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  bool owns_lock = lock == 0;
  int status = owns_lock ? weft_lock_new(rt, &lock) : WEFT_OK;
  if (status != WEFT_OK)
    return status;
  struct condition *condition;
  status = new_condition(rt, lock, &condition, handle);
  if (status == WEFT_OK)
    condition->owns_lock = owns_lock;
  else if (owns_lock)
    weft_lock_close(rt, lock);
  return status;
}

/* Who waits under a lock that lives on goes on with it, as after any wait: the
 * first at once if it is free. */
static void end_waits_locked(weft_runtime *rt, struct condition *condition) {
  struct lock *lock = lock_of(rt, condition);
  if (lock == NULL)
    return;
  while (!list_is_empty(&condition->waiters)) {
    struct task *task =
        LIST_OWNER(condition->waiters.next, struct task, entry.node);
    task->entry.status = WEFT_ECLOSED;
    if (lock->holding.task != NULL) {
      weft__lock_line_up(lock, task);
    } else {
      weft__holding_take(&lock->holding, task);
      weft__wake(rt, task, WEFT_ECLOSED, 0);
    }
  }
}

int weft_condition_close(weft_runtime *rt, weft_condition handle) {
  struct condition *condition;
  int status = weft__object(rt, handle, KIND_CONDITION, &condition);
  if (status != WEFT_OK)
    return status;
  weft_lock own_lock = condition->owns_lock ? condition->lock : 0;
  weft__handle_free(rt, handle);
  if (own_lock == 0)
    end_waits_locked(rt, condition);
  weft__wake_all(rt, &condition->waiters, WEFT_ECLOSED);
  weft__condition_dispose(rt, condition);
  weft_lock_close(rt, own_lock); /* 0, or closed already: nothing */
  return WEFT_OK;
}

void weft__condition_dispose(weft_runtime *rt, void *object) {
  struct condition *condition = object;
  (void)rt;
  list_remove(&condition->node);
  weft__free(condition, sizeof *condition);
}

void weft__conditions_end_waits(weft_runtime *rt, struct list *conditions,
                                int status) {
  for (struct list *node = conditions->next; node != conditions;
       node = node->next)
    weft__wake_all(rt, &LIST_OWNER(node, struct condition, node)->waiters,
                   status);
}

int weft_condition_get_lock(weft_runtime *rt, weft_condition handle,
                            weft_lock *lock) {
  struct condition *condition;
  *lock = 0;
  int status = weft__object(rt, handle, KIND_CONDITION, &condition);
  if (status == WEFT_OK)
    *lock = condition->lock;
  return status;
}

/* -- Waiting -------------------------------------------------------------- */

/* Cancelled before it was notified: it will go on with the lock. */
static int withdraw(weft_runtime *rt, void *arg) {
  struct task *task = arg;
  struct lock *lock =
      lock_of(rt, weft__handle_get(rt, task->object, KIND_CONDITION));
  if (lock->holding.task == NULL) {
    list_remove(&task->entry.node);
    weft__holding_take(&lock->holding, task);
    return WEFT_OK;
  }
  task->entry.status = WEFT_ECANCELLED;
  weft__lock_line_up(lock, task);
  return WEFT_PARKED;
}

int weft_condition_wait(weft_runtime *rt, weft_condition handle) {
  struct condition *condition;
  int status = weft__object(rt, handle, KIND_CONDITION, &condition);
  if (status != WEFT_OK)
    return status;
  struct lock *lock = lock_of(rt, condition);
  if (lock == NULL)
    return WEFT_ECLOSED;
  if (!weft__lock_is_owned_by(lock, rt->current))
    return WEFT_ESTATE;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct task *task = rt->current;
  weft__lock_pass_on(rt, lock);
  task->entry.status = WEFT_OK;
  return weft__park(rt, &condition->waiters, "condition", handle, withdraw,
                    task, NULL);
}

/* -- Notifying ------------------------------------------------------------ */

int weft_condition_notify(weft_runtime *rt, weft_condition handle,
                          size_t count) {
  struct condition *condition;
  int status = weft__object(rt, handle, KIND_CONDITION, &condition);
  if (status != WEFT_OK)
    return status;
  struct lock *lock = lock_of(rt, condition);
  if (lock == NULL)
    return WEFT_ECLOSED;
  if (!weft__lock_is_owned_by(lock, rt->current))
    return WEFT_ESTATE;
  struct list *waiters = &condition->waiters;
  for (; count > 0 && !list_is_empty(waiters); count--)
    weft__lock_line_up(lock,
                       LIST_OWNER(waiters->next, struct task, entry.node));
  return WEFT_OK;
}

int weft_condition_get_waiting(weft_runtime *rt, weft_condition handle,
                               size_t *tasks) {
  struct condition *condition;
  int status = weft__object(rt, handle, KIND_CONDITION, &condition);
  *tasks = status == WEFT_OK ? weft__count_waiting(&condition->waiters) : 0;
  return status;
}
