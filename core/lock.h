/* SPDX-License-Identifier: MIT
 * lock.h - what locks and their conditions know of each other. */
#ifndef WEFT_LOCK_H
#define WEFT_LOCK_H

#include "core.h"

struct lock {
  struct holding holding; /* of the owner; its task is NULL: the lock is free */
  struct list waiters;    /* struct task.entry, oldest first */
  struct list conditions; /* struct condition.node */
  weft_lock handle;
  bool broken;   /* its owner ended without releasing it: for good */
  char *breaker; /* that one's name; NULL for want of memory, or not broken */
};

/* -- lock.c --------------------------------------------------------------- */

static inline bool weft__lock_is_owned_by(const struct lock *lock,
                                          const struct task *task) {
  return task != NULL && lock->holding.task == task;
}
/* Takes the lock from its owner: for the first who waits, else it is free. */
void weft__lock_pass_on(weft_runtime *rt, struct lock *lock);
/* Lets a parked task wait for the lock instead, at the end of its queue; it
 * will be woken with task->entry.status. That cannot be withdrawn. */
void weft__lock_line_up(struct lock *lock, struct task *task);

/* -- condition.c ---------------------------------------------------------- */

/* Ends every wait on a condition of a lock's list: nobody can notify it. */
void weft__conditions_end_waits(weft_runtime *rt, struct list *conditions,
                                int status);

#endif
