/* SPDX-License-Identifier: MIT
 * park.c - parking and waking: the one way in which a task waits.
 *
 * A parking call is weft__park_begin, then either weft__park_skip, if it can
 * finish at once, or weft__park. A wait is completed exactly once, by the waker
 * or by the canceller, whichever comes first; completing takes the task out of
 * the object's list and queues it, so nobody has to ask later who was first.
 *
 * The run budget doubles as the cancelled flag of the running code: it is 0
 * while that is cancelled, or while no task may park. One comparison thus lets
 * a call that may finish at once go on. */
#include "core.h"
#include "turn.h"

/* Given up after so many Cancelled; reported, outside a shutdown. */
#define RAISED_MAX 1000

/* -- Waiting ------------------------------------------------------------- */

/* Lets go of the turn. In a stackful task it returns when the wait is over. */
static inline int suspend(weft_runtime *rt, struct task *task) {
  rt->budget = 0;
  return weft__task_is_stackful(task) ? weft__turn_leave(rt, task)
                                      : WEFT_PARKED;
}

/* The same for a wait that has a value. */
static WEFT__APART int suspend_for(weft_runtime *rt, struct task *task,
                                   uint64_t *value) {
  int status = suspend(rt, task);
  if (weft__task_is_stackful(task))
    *value = task->wake_value;
  return status;
}

/* Goes to the tail of the ready queue with the outcome in hand. */
static inline int requeue(weft_runtime *rt, int status, uint64_t value) {
  struct task *task = rt->current;
  task->state = WEFT_TASK_READY;
  task->entry.status = status;
  task->wake_value = value;
  weft__ready_push(rt, &task->entry);
  return suspend(rt, task);
}

/* Counts a Cancelled that [task] is about to get. A task that swallows them
 * without end is reported once; in a shutdown it is given up. */
static void count_raised(weft_runtime *rt, struct task *task) {
  if (task->raised_count >= RAISED_MAX)
    return;
  task->raised_count++;
  if (task->raised_count < RAISED_MAX)
    return;
  if (rt->shutting_down)
    task->entry.given_up = true;
  else
    weft__report(rt, WEFT_REPORT_STUBBORN, task, NULL);
}

/* A second Cancelled in one step waits for a turn, so that a loop which
 * swallows them cannot hang the others. */
static int raise_cancelled(weft_runtime *rt, struct task *task) {
  bool is_first = rt->raised_step != rt->step_count;
  count_raised(rt, task);
  rt->raised_step = rt->step_count;
  if (is_first && !task->entry.given_up)
    return WEFT_ECANCELLED;
  return requeue(rt, WEFT_ECANCELLED, 0);
}

static int begin_slowly(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct task *task = rt->current;
  if (task == NULL || task->state != WEFT_TASK_RUNNING)
    return WEFT_ESTATE;
  if (task->entry.cancelled)
    return raise_cancelled(rt, task);
  return WEFT_OK;
}

int weft__park_begin(weft_runtime *rt) {
  if (WEFT__LIKELY(rt->budget > 0 && weft__is_here(rt)))
    return WEFT_OK;
  return begin_slowly(rt);
}

int weft__park_begin_kept(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->current == NULL || rt->current->state != WEFT_TASK_RUNNING)
    return WEFT_ESTATE;
  return WEFT_OK;
}

int weft__park_skip(weft_runtime *rt, uint64_t value) {
  if (WEFT__LIKELY(rt->budget > 1)) {
    rt->budget--;
    return WEFT_OK;
  }
  return requeue(rt, WEFT_OK, value);
}

int weft__park_turn_first(weft_runtime *rt, uint64_t handle, enum kind kind) {
  requeue(rt, WEFT_OK, 0);
  if (weft__handle_get(rt, handle, kind) == NULL)
    return WEFT_ECLOSED;
  return weft__park_begin(rt);
}

static inline void begin_wait(weft_runtime *rt, struct task *task,
                              struct list *waiters, const char *what,
                              weft_withdraw_fn withdraw, bool timed) {
  task->state = WEFT_TASK_PARKED;
  task->timed = timed;
  task->what = what;
  task->withdraw = withdraw;
  task->since = (uint32_t)(rt->last_now_ns >> WEFT__SINCE_SHIFT);
  if (waiters != NULL)
    list_insert(waiters, &task->entry.node);
}

int weft__park(weft_runtime *rt, struct list *waiters, const char *what,
               uint64_t object, weft_withdraw_fn withdraw, void *withdraw_arg,
               uint64_t *value) {
  struct task *task = rt->current;
  begin_wait(rt, task, waiters, what, withdraw, false);
  task->object = object;
  task->withdraw_arg = withdraw_arg;
  return value == NULL ? suspend(rt, task) : suspend_for(rt, task, value);
}

int weft__park_timed(weft_runtime *rt, struct list *waiters, const char *what,
                     weft_withdraw_fn withdraw) {
  begin_wait(rt, rt->current, waiters, what, withdraw, true);
  return suspend(rt, rt->current);
}

int weft__withdraw_plain(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

/* -- Waking ---------------------------------------------------------------
 */

void weft__wake(weft_runtime *rt, struct task *task, int status,
                uint64_t value) {
  assert(task->state == WEFT_TASK_PARKED);
  list_remove(&task->entry.node);
  task->state = WEFT_TASK_READY;
  task->custom = false;
  task->entry.status = status;
  task->wake_value = value;
  weft__ready_push(rt, &task->entry);
  if (WEFT__UNLIKELY(rt->watched))
    weft__observe(rt, WEFT_OBSERVED_WAKE, task,
                  rt->current == NULL ? 0 : rt->current->id, NULL);
}

static struct task *first_task(struct list *waiters) {
  return LIST_OWNER(waiters->next, struct task, entry.node);
}

bool weft__wake_first(weft_runtime *rt, struct list *waiters, int status,
                      uint64_t value) {
  if (list_is_empty(waiters))
    return false;
  weft__wake(rt, first_task(waiters), status, value);
  return true;
}

void weft__wake_all(weft_runtime *rt, struct list *waiters, int status) {
  while (weft__wake_first(rt, waiters, status, 0))
    ;
}

/* By walking: a task whose wait is withdrawn leaves without telling. */
size_t weft__count_waiting(const struct list *waiters) {
  size_t count = 0;
  for (const struct list *node = waiters->next; node != waiters;
       node = node->next)
    count++;
  return count;
}

/* A wait of the host's own is undone by code of the host's, which may cancel
 * anything: meanwhile the wait can neither be undone once more nor completed.
 */
int weft__withdraw(weft_runtime *rt, struct task *task) {
  weft_withdraw_fn withdraw = task->withdraw;
  if (!task->custom)
    return withdraw(rt, task->timed ? task : task->withdraw_arg);
  struct aside was = weft__aside_begin(rt);
  task->withdraw = NULL;
  task->custom = false;
  int status = withdraw(rt, task->withdraw_arg);
  task->withdraw = withdraw;
  task->custom = true;
  weft__aside_end(rt, was);
  return status;
}

void weft__cancel_wait(weft_runtime *rt, struct task *task) {
  if (task->state != WEFT_TASK_PARKED || task->withdraw == NULL)
    return;
  if (weft__withdraw(rt, task) != WEFT_OK)
    return;
  weft__wake(rt, task, WEFT_ECANCELLED, 0);
  count_raised(rt, task); /* last: who gets the report may call anything */
}

/* Called whenever the innermost scope of the running task changes, or that
 * scope's state. */
void weft__budget_refresh(weft_runtime *rt) {
  struct task *task = rt->current;
  if (task == NULL || task->state != WEFT_TASK_RUNNING)
    return;
  if (!task->entry.cancelled) {
    if (rt->budget == 0)
      rt->budget = rt->budget_saved;
  } else if (rt->budget > 0) {
    rt->budget_saved = rt->budget;
    rt->budget = 0;
  }
}

/* -- Code of the host's --------------------------------------------------- */

struct aside weft__aside_begin(weft_runtime *rt) {
  struct aside was = {rt->current, rt->call, rt->budget, rt->state};
  rt->current = NULL;
  rt->call = NULL;
  rt->budget = 0;
  rt->state = RT_ASIDE;
  return was;
}

/* The task that goes on may have been cancelled meanwhile. */
void weft__aside_end(weft_runtime *rt, struct aside was) {
  rt->current = was.task;
  rt->call = was.call;
  rt->budget = was.budget;
  rt->state = was.state;
  weft__budget_refresh(rt);
}

/* -- The run budget ------------------------------------------------------- */

static WEFT__APART int yield_slowly(weft_runtime *rt) {
  int status = begin_slowly(rt);
  return status == WEFT_OK ? requeue(rt, WEFT_OK, 0) : status;
}

int weft_yield(weft_runtime *rt) {
  if (WEFT__LIKELY(rt->budget > 0 && weft__is_here(rt)))
    return requeue(rt, WEFT_OK, 0);
  return yield_slowly(rt);
}

int weft_checkpoint(weft_runtime *rt) {
  int status = weft__park_begin(rt);
  return status == WEFT_OK ? weft__park_skip(rt, 0) : status;
}

int weft_cancel_point(weft_runtime *rt) {
  return weft__park_begin(rt);
}

int weft_spend(weft_runtime *rt) {
  int status = weft__park_begin_kept(rt);
  if (status != WEFT_OK)
    return status;
  /* Cancelled code has no budget to count: it goes on. */
  return rt->current->entry.cancelled ? WEFT_OK : weft__park_skip(rt, 0);
}

int weft_budget_word(weft_runtime *rt, int32_t **word) {
  *word = NULL;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  *word = &rt->budget;
  return WEFT_OK;
}

/* -- Parking for others --------------------------------------------------- */

int weft_park(weft_runtime *rt, const char *what, weft_withdraw_fn withdraw,
              void *arg, uint64_t *value) {
  if (value != NULL)
    *value = 0;
  int status =
      withdraw == NULL ? weft__park_begin_kept(rt) : weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  rt->current->custom = true;
  return weft__park(rt, NULL, what, 0, withdraw, arg, value);
}

int weft_wake(weft_runtime *rt, weft_task handle, int status, uint64_t value) {
  struct task *task;
  int found = weft__object(rt, handle, KIND_TASK, &task);
  if (found != WEFT_OK)
    return found;
  if (task->state != WEFT_TASK_PARKED || !task->custom)
    return WEFT_ESTATE;
  weft__wake(rt, task, status, value);
  return WEFT_OK;
}
