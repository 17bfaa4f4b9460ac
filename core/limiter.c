/* SPDX-License-Identifier: MIT
 * limiter.c - tokens lent to tasks, one to each.
 *
 * The invariant: nobody waits while a token is to be had, that is, while fewer
 * are lent than there are. A loan is a block of its own, which a task that
 * waits brings along: so a token can be handed over without memory. Loans are
 * in two lists, the task's and the limiter's, for either may come to its end
 * first. */
#include "core.h"

#include <stdio.h>

struct limiter {
  struct list waiters; /* struct task.entry, oldest first; each with a loan */
  struct list loans;   /* struct loan.node, oldest first */
  size_t total;
  size_t borrowed; /* above total after set_total, until enough are back */
};

/* -- Loans ---------------------------------------------------------------- */

/* Lends to those who wait what there is to be lent, in order. */
static void serve(weft_runtime *rt, struct limiter *limiter);

/* Takes the token back that the loan stands for. */
static void end_loan(weft_runtime *rt, struct loan *loan) {
  list_remove(&loan->node);
  weft__holding_give(&loan->holding);
  loan->limiter->borrowed--;
  weft__pool_give(&rt->loans_pool, loan);
}

static void report_forsaken(weft_runtime *rt, struct task *task) {
  struct task_title title;
  const char *name = weft__task_title(task, &title);
  char message[160];
  weft_error *error;
  snprintf(message, sizeof message,
           "task '%.80s' ended with a token of a limiter; it is back now",
           name);
  if (weft_error_new(WEFT_ESTATE, NULL, message, &error) == WEFT_OK)
    weft_error_set_task(error, name);
  else
    error = weft_error_ref(rt->no_memory);
  weft__report(rt, WEFT_REPORT_UNCLOSED, task, error);
  weft_error_unref(error);
}

/* The borrower has ended. */
static void forsake(weft_runtime *rt, struct holding *holding,
                    struct task *task) {
  struct loan *loan = LIST_OWNER(holding, struct loan, holding);
  struct limiter *limiter = loan->limiter;
  end_loan(rt, loan);
  serve(rt, limiter);
  report_forsaken(rt, task); /* last: it may close the limiter */
}

/* A loan for [task] that is not made yet; NULL for want of memory. */
static struct loan *new_loan(weft_runtime *rt, struct limiter *limiter,
                             struct task *task) {
  if (weft__task_extra(rt, task) == NULL)
    return NULL;
  struct loan *loan = weft__pool_take(&rt->loans_pool);
  if (loan == NULL)
    return NULL;
  *loan = (struct loan){.limiter = limiter, .holding.forsaken = forsake};
  return loan;
}

static void make_loan(struct loan *loan, struct task *task) {
  struct limiter *limiter = loan->limiter;
  weft__holding_take(&loan->holding, task);
  list_insert(&limiter->loans, &loan->node);
  limiter->borrowed++;
}

/* The loan of [task], NULL if it has none. A task holds few things. */
static struct loan *find_loan(const struct limiter *limiter,
                              const struct task *task) {
  if (task == NULL || task->extra == NULL)
    return NULL;
  struct list *held = &task->extra->held;
  for (struct list *node = held->next; node != held; node = node->next) {
    struct holding *holding = LIST_OWNER(node, struct holding, node);
    struct loan *loan = LIST_OWNER(holding, struct loan, holding);
    if (holding->forsaken == forsake && loan->limiter == limiter)
      return loan;
  }
  return NULL;
}

static bool has_token(const struct limiter *limiter) {
  return limiter->borrowed < limiter->total;
}

static struct task *first_waiter(struct limiter *limiter) {
  return LIST_OWNER(limiter->waiters.next, struct task, entry.node);
}

static void serve(weft_runtime *rt, struct limiter *limiter) {
  while (has_token(limiter) && !list_is_empty(&limiter->waiters)) {
    struct task *task = first_waiter(limiter);
    make_loan(task->withdraw_arg, task);
    weft__wake(rt, task, WEFT_OK, 0);
  }
}

/* -- Life ----------------------------------------------------------------- */

int weft_limiter_new(weft_runtime *rt, size_t total, weft_limiter *handle) {
  struct limiter *limiter;
  int status =
      weft__object_new(rt, KIND_LIMITER, sizeof *limiter, &limiter, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&limiter->waiters);
  list_init(&limiter->loans);
  limiter->total = total;
  return WEFT_OK;
}

int weft_limiter_close(weft_runtime *rt, weft_limiter handle) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  while (!list_is_empty(&limiter->waiters)) {
    struct task *task = first_waiter(limiter);
    weft__pool_give(&rt->loans_pool, task->withdraw_arg);
    weft__wake(rt, task, WEFT_ECLOSED, 0);
  }
  while (!list_is_empty(&limiter->loans))
    end_loan(rt, LIST_OWNER(limiter->loans.next, struct loan, node));
  weft__limiter_dispose(rt, limiter);
  return WEFT_OK;
}

void weft__limiter_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__free(object, sizeof(struct limiter));
}

/* -- Borrowing and giving back -------------------------------------------- */

static int withdraw(weft_runtime *rt, void *loan) {
  weft__pool_give(&rt->loans_pool, loan);
  return WEFT_OK;
}

int weft_limiter_acquire(weft_runtime *rt, weft_limiter handle) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  if (status != WEFT_OK)
    return status;
  if (find_loan(limiter, rt->current) != NULL)
    return WEFT_ESTATE;
  status = weft__park_begin(rt);
  if (status == WEFT_OK && has_token(limiter))
    status = weft__park_renew(rt, handle, KIND_LIMITER);
  if (status != WEFT_OK)
    return status;
  struct loan *loan = new_loan(rt, limiter, rt->current);
  if (loan == NULL)
    return WEFT_ENOMEM;
  if (has_token(limiter)) {
    make_loan(loan, rt->current);
    return weft__park_skip(rt, 0);
  }
  return weft__park(rt, &limiter->waiters, "limiter", handle, withdraw, loan,
                    NULL);
}

int weft_limiter_try_acquire(weft_runtime *rt, weft_limiter handle) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  if (status != WEFT_OK)
    return status;
  struct task *task = weft__running(rt);
  if (task == NULL || find_loan(limiter, task) != NULL)
    return WEFT_ESTATE;
  if (!has_token(limiter))
    return WEFT_EEMPTY;
  struct loan *loan = new_loan(rt, limiter, task);
  if (loan == NULL)
    return WEFT_ENOMEM;
  make_loan(loan, task);
  return WEFT_OK;
}

int weft_limiter_release(weft_runtime *rt, weft_limiter handle) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  if (status != WEFT_OK)
    return status;
  struct loan *loan = find_loan(limiter, rt->current);
  if (loan == NULL)
    return WEFT_ESTATE;
  end_loan(rt, loan);
  serve(rt, limiter);
  return WEFT_OK;
}

/* -- The number of tokens ------------------------------------------------- */

int weft_limiter_set_total(weft_runtime *rt, weft_limiter handle,
                           size_t total) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  if (status != WEFT_OK)
    return status;
  limiter->total = total;
  serve(rt, limiter);
  return WEFT_OK;
}

int weft_limiter_get_total(weft_runtime *rt, weft_limiter handle,
                           size_t *total) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  *total = status == WEFT_OK ? limiter->total : 0;
  return status;
}

int weft_limiter_get_borrowed(weft_runtime *rt, weft_limiter handle,
                              size_t *tokens) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  *tokens = status == WEFT_OK ? limiter->borrowed : 0;
  return status;
}

int weft_limiter_get_waiting(weft_runtime *rt, weft_limiter handle,
                             size_t *tasks) {
  struct limiter *limiter;
  int status = weft__object(rt, handle, KIND_LIMITER, &limiter);
  *tasks = status == WEFT_OK ? weft__count_waiting(&limiter->waiters) : 0;
  return status;
}
