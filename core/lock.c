/* SPDX-License-Identifier: MIT
 * lock.c - mutual exclusion between tasks.
 *
 * The invariant: nobody waits for a free lock. A release with somebody waiting
 * makes the first of them the owner in that instant, so no newcomer can take it
 * in between. What an owner needs besides, its task's list of what it holds,
 * each brings along before it waits: the hand-off cannot fail.
 *
 * Those who wait are tasks that acquire, and tasks back from a condition, which
 * get the lock before they go on in whichever way. With which status, each has
 * noted in its task->entry.status, which nobody reads while a task is parked.
 *
 * An owner that ends breaks the lock: nobody knows the state of what it
 * guarded, so nobody may rely on it any more. That ends the waits on the lock's
 * conditions too, for notifying takes the lock. */
#include "lock.h"

/* -- Life ----------------------------------------------------------------- */

/* Ends every wait for the lock, in the queue and on its conditions. */
static void end_waits(weft_runtime *rt, struct lock *lock, int status) {
  weft__wake_all(rt, &lock->waiters, status);
  weft__conditions_end_waits(rt, &lock->conditions, status);
}

/* The owner has ended. */
static void break_lock(weft_runtime *rt, struct holding *holding,
                       struct task *task) {
  struct lock *lock = LIST_OWNER(holding, struct lock, holding);
  struct task_title title;
  lock->broken = true;
  lock->breaker = weft__copy_text(weft__task_title(task, &title));
  end_waits(rt, lock, WEFT_ESTATE);
}

int weft_lock_new(weft_runtime *rt, weft_lock *handle) {
  struct lock *lock;
  int status = weft__object_new(rt, KIND_LOCK, sizeof *lock, &lock, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&lock->holding.node);
  list_init(&lock->waiters);
  list_init(&lock->conditions);
  lock->holding.forsaken = break_lock;
  lock->handle = *handle;
  return WEFT_OK;
}

int weft_lock_close(weft_runtime *rt, weft_lock handle) {
  struct lock *lock;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__holding_give(&lock->holding);
  end_waits(rt, lock, WEFT_ECLOSED);
  weft__lock_dispose(rt, lock);
  return WEFT_OK;
}

void weft__lock_dispose(weft_runtime *rt, void *object) {
  struct lock *lock = object;
  (void)rt;
  while (!list_is_empty(&lock->conditions))
    list_remove(lock->conditions.next);
  weft__free_text(lock->breaker);
  weft__free(lock, sizeof *lock);
}

/* -- Taking and giving back ----------------------------------------------- */

void weft__lock_pass_on(weft_runtime *rt, struct lock *lock) {
  weft__holding_give(&lock->holding);
  if (list_is_empty(&lock->waiters))
    return;
  struct task *next = LIST_OWNER(lock->waiters.next, struct task, entry.node);
  weft__holding_take(&lock->holding, next);
  weft__wake(rt, next, next->entry.status, 0);
}

void weft__lock_line_up(struct lock *lock, struct task *task) {
  list_remove(&task->entry.node);
  list_insert(&lock->waiters, &task->entry.node);
  task->withdraw = NULL;
  task->what = "lock";
  task->object = lock->handle;
}

/* Makes [task] the owner if the lock is free. */
static int try_take(weft_runtime *rt, struct lock *lock, struct task *task) {
  if (lock->holding.task != NULL)
    return WEFT_EEMPTY;
  if (WEFT__UNLIKELY(lock->broken))
    return WEFT_ESTATE;
  if (WEFT__UNLIKELY(weft__task_extra(rt, task) == NULL))
    return WEFT_ENOMEM;
  weft__holding_take(&lock->holding, task);
  return WEFT_OK;
}

int weft_lock_acquire(weft_runtime *rt, weft_lock handle) {
  struct lock *lock;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status != WEFT_OK)
    return status;
  if (weft__lock_is_owned_by(lock, rt->current))
    return WEFT_ESTATE;
  status = weft__park_begin(rt);
  if (status == WEFT_OK && lock->holding.task == NULL)
    status = weft__park_renew(rt, handle, KIND_LOCK);
  if (status != WEFT_OK)
    return status;
  struct task *task = rt->current;
  status = try_take(rt, lock, task);
  if (status == WEFT_OK)
    return weft__park_skip(rt, 0);
  if (status != WEFT_EEMPTY)
    return status;
  if (weft__task_extra(rt, task) == NULL)
    return WEFT_ENOMEM;
  task->entry.status = WEFT_OK;
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_park(rt, KIND_LOCK, lock);
  return weft__park(rt, &lock->waiters, "lock", handle, weft__withdraw_plain,
                    NULL, NULL);
}

int weft_lock_try_acquire(weft_runtime *rt, weft_lock handle) {
  struct lock *lock;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status != WEFT_OK)
    return status;
  struct task *task = weft__running(rt);
  if (task == NULL || lock->holding.task == task)
    return WEFT_ESTATE;
  return try_take(rt, lock, task);
}

int weft_lock_release(weft_runtime *rt, weft_lock handle) {
  struct lock *lock;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status != WEFT_OK)
    return status;
  if (!weft__lock_is_owned_by(lock, rt->current))
    return WEFT_ESTATE;
  weft__lock_pass_on(rt, lock);
  return WEFT_OK;
}

/* -- Looking -------------------------------------------------------------- */

int weft_lock_get_owner(weft_runtime *rt, weft_lock handle, weft_task *owner) {
  struct lock *lock;
  *owner = 0;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status != WEFT_OK || lock->holding.task == NULL)
    return status;
  return weft__task_handle(rt, lock->holding.task, owner);
}

int weft_lock_get_broken(weft_runtime *rt, weft_lock handle,
                         const char **task_name) {
  struct lock *lock;
  *task_name = NULL;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  if (status == WEFT_OK && lock->broken)
    *task_name = lock->breaker != NULL ? lock->breaker : "a task";
  return status;
}

int weft_lock_get_waiting(weft_runtime *rt, weft_lock handle, size_t *tasks) {
  struct lock *lock;
  int status = weft__object(rt, handle, KIND_LOCK, &lock);
  *tasks = status == WEFT_OK ? weft__count_waiting(&lock->waiters) : 0;
  return status;
}
