/* SPDX-License-Identifier: MIT
 * waitlist.c - a list of tasks that wait, for others to build on.
 *
 * This is the bare list that stands under every primitive, given a handle so
 * that extensions and bindings need none of their own. It decides nothing: who
 * waits and who is woken, with which status and value, is up to its user.
 *
 * A waiting task is linked in by a node of its own, so a wait allocates nothing
 * and a cancelled one leaves no trace. That is also why the list is counted by
 * walking it: a task that is cancelled goes without telling. */
#include "core.h"

struct waitlist {
  struct list waiters; /* struct task.entry, oldest first */
  const char *what;    /* what tasks that wait here are said to wait for */
};

/* -- Life ----------------------------------------------------------------- */

int weft_waitlist_new(weft_runtime *rt, const char *what,
                      weft_waitlist *handle) {
  struct waitlist *list;
  int status = weft__object_new(rt, KIND_WAITLIST, sizeof *list, &list, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&list->waiters);
  list->what = what;
  return WEFT_OK;
}

int weft_waitlist_close(weft_runtime *rt, weft_waitlist handle) {
  struct waitlist *list;
  int status = weft__object(rt, handle, KIND_WAITLIST, &list);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__wake_all(rt, &list->waiters, WEFT_ECLOSED);
  weft__waitlist_dispose(rt, list);
  return WEFT_OK;
}

void weft__waitlist_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__free(object, sizeof(struct waitlist));
}

const char *weft__waitlist_what(const void *object) {
  return ((const struct waitlist *)object)->what;
}

/* -- Waiting and waking --------------------------------------------------- */

int weft_waitlist_park(weft_runtime *rt, weft_waitlist handle,
                       uint64_t *value) {
  struct waitlist *list;
  *value = 0;
  int status = weft__object(rt, handle, KIND_WAITLIST, &list);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  return weft__park(rt, &list->waiters, list->what, handle,
                    weft__withdraw_plain, NULL, value);
}

int weft_waitlist_wake(weft_runtime *rt, weft_waitlist handle, int wake_status,
                       uint64_t value, weft_task *task) {
  struct waitlist *list;
  *task = 0;
  int status = weft__object(rt, handle, KIND_WAITLIST, &list);
  if (status != WEFT_OK)
    return status;
  if (list_is_empty(&list->waiters))
    return WEFT_OK;
  struct task *first = LIST_OWNER(list->waiters.next, struct task, entry.node);
  /* A task may have no handle yet; without memory for one it sleeps on. */
  status = weft__task_handle(rt, first, task);
  if (status == WEFT_OK)
    weft__wake(rt, first, wake_status, value);
  return status;
}

int weft_waitlist_wake_task(weft_runtime *rt, weft_waitlist handle,
                            weft_task task_handle, int wake_status,
                            uint64_t value) {
  struct waitlist *list;
  struct task *task;
  int status = weft__object(rt, handle, KIND_WAITLIST, &list);
  if (status == WEFT_OK)
    status = weft__object(rt, task_handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  /* A handle is given out once, so the list's is in no other kind of wait. */
  if (task->state != WEFT_TASK_PARKED || weft__task_object(task) != handle)
    return WEFT_ESTATE;
  weft__wake(rt, task, wake_status, value);
  return WEFT_OK;
}

int weft_waitlist_get_waiting(weft_runtime *rt, weft_waitlist handle,
                              size_t *count) {
  struct waitlist *list;
  int status = weft__object(rt, handle, KIND_WAITLIST, &list);
  *count = status == WEFT_OK ? weft__count_waiting(&list->waiters) : 0;
  return status;
}
