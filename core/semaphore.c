/* SPDX-License-Identifier: MIT
 * semaphore.c - a count of permits and the tasks waiting for one.
 *
 * The invariant: nobody waits while a permit is free. A release with somebody
 * waiting does not touch the count: the permit goes from hand to hand, so no
 * newcomer can take it in between, and a bound sees it as out all the while.
 *
 * A semaphore without a bound is one bounded by the largest number there is,
 * so the count cannot overflow and no case of its own is needed. */
#include "core.h"

struct semaphore {
  struct list waiters; /* struct task.entry, oldest first */
  size_t permits;      /* free ones; 0 while anybody waits */
  size_t permits_max;  /* SIZE_MAX: no bound */
};

/* -- Life ----------------------------------------------------------------- */

int weft_semaphore_new(weft_runtime *rt, size_t permits, size_t permits_max,
                       weft_semaphore *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (permits_max != 0 && permits > permits_max)
    return WEFT_EINVAL;
  struct semaphore *semaphore;
  int status = weft__object_new(rt, KIND_SEMAPHORE, sizeof *semaphore,
                                &semaphore, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&semaphore->waiters);
  semaphore->permits = permits;
  semaphore->permits_max = permits_max == 0 ? SIZE_MAX : permits_max;
  return WEFT_OK;
}

int weft_semaphore_close(weft_runtime *rt, weft_semaphore handle) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__wake_all(rt, &semaphore->waiters, WEFT_ECLOSED);
  weft__semaphore_dispose(rt, semaphore);
  return WEFT_OK;
}

void weft__semaphore_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__free(object, sizeof(struct semaphore));
}

/* -- Taking and giving back ----------------------------------------------- */

int weft_semaphore_acquire(weft_runtime *rt, weft_semaphore handle) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status == WEFT_OK && semaphore->permits > 0)
    status = weft__park_renew(rt, handle, KIND_SEMAPHORE);
  if (status != WEFT_OK)
    return status;
  if (semaphore->permits > 0) {
    semaphore->permits--;
    return weft__park_skip(rt, 0);
  }
  return weft__park(rt, &semaphore->waiters, "semaphore", handle,
                    weft__withdraw_plain, NULL, NULL);
}

int weft_semaphore_try_acquire(weft_runtime *rt, weft_semaphore handle) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  if (status != WEFT_OK)
    return status;
  if (semaphore->permits == 0)
    return WEFT_EEMPTY;
  semaphore->permits--;
  return WEFT_OK;
}

int weft_semaphore_release(weft_runtime *rt, weft_semaphore handle) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  if (status != WEFT_OK)
    return status;
  if (weft__wake_first(rt, &semaphore->waiters, WEFT_OK, 0))
    return WEFT_OK;
  if (semaphore->permits == semaphore->permits_max)
    return WEFT_ESTATE;
  semaphore->permits++;
  return WEFT_OK;
}

int weft_semaphore_get_value(weft_runtime *rt, weft_semaphore handle,
                             size_t *permits) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  *permits = status == WEFT_OK ? semaphore->permits : 0;
  return status;
}

int weft_semaphore_get_waiting(weft_runtime *rt, weft_semaphore handle,
                               size_t *tasks) {
  struct semaphore *semaphore;
  int status = weft__object(rt, handle, KIND_SEMAPHORE, &semaphore);
  *tasks = status == WEFT_OK ? weft__count_waiting(&semaphore->waiters) : 0;
  return status;
}
