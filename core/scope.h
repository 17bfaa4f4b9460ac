/* SPDX-License-Identifier: MIT
 * scope.h - scopes, and the one that a task itself is. */
#ifndef WEFT_SCOPE_H
#define WEFT_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "timer.h"
#include "weft.h"

struct group;
struct task;

struct scope {
  struct scope *parent; /* NULL only in the root group's */
  struct scope *inner;  /* the next one the same task has open inside */
  struct task *task;    /* whose code it governs; NULL in the root group's */
  struct group *group;  /* the group it belongs to, or NULL */
  struct timer timer;   /* TIMER_SCOPE, the deadline */
  weft_scope handle;    /* 0 until somebody asks for it */
  bool cancelled;       /* itself */
  bool effective;       /* itself, or from outside and not shielded */
  bool shield;
  uint8_t source; /* enum weft_cancel_source */
  weft_value *reason;
  weft_error *cause;
};

void weft__scope_init(struct scope *scope, struct task *task);
/* Makes it the task's innermost scope, and the reverse. */
void weft__scope_enter(weft_runtime *rt, struct task *task,
                       struct scope *scope);
void weft__scope_exit(weft_runtime *rt, struct scope *scope);
void weft__scope_cancel(weft_runtime *rt, struct scope *scope, int source,
                        weft_value *reason, weft_error *cause);
/* Brings what is effectively cancelled in line, from [scope] down. */
void weft__scope_settle(weft_runtime *rt, struct scope *scope);
/* Whether a Cancelled that leaves the scope stops there. */
bool weft__scope_absorbs(weft_runtime *rt, const struct scope *scope);
int weft__scope_handle(weft_runtime *rt, struct scope *scope,
                       weft_scope *handle);
int weft__scope_set_deadline(weft_runtime *rt, struct scope *scope,
                             uint64_t deadline_ns);
void weft__scope_lift_shields(weft_runtime *rt);
/* The code of [task] is cancelled, or no longer. */
void weft__scope_tell(weft_runtime *rt, struct task *task, bool cancelled);
/* The scope whose deadline comes first among those that [task]'s code can see,
 * NULL if there is none. */
struct scope *weft__scope_next_deadline(weft_runtime *rt,
                                        const struct task *task);

/* -- A task's own scope (own_scope.c) ------------------------------------- */

/* Made if need be; NULL for want of memory. */
struct scope *weft__own_scope(weft_runtime *rt, struct task *task);
/* It is in that group's scope from now on; nobody is told. */
void weft__own_scope_move(struct task *task, struct group *group);
/* For a task that has one, which is its innermost. */
void weft__own_scope_exit(weft_runtime *rt, struct task *task);
/* For a task that has none: brings in line whether it is cancelled. */
void weft__own_scope_settle(weft_runtime *rt, struct task *task);
/* For want of memory without the reason. */
void weft__own_scope_cancel(weft_runtime *rt, struct task *task, int source,
                            weft_value *reason);

#endif
