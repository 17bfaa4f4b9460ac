/* SPDX-License-Identifier: MIT
 * event.c - a flag and the tasks waiting for it.
 *
 * The invariant: nobody waits while the flag is set. Setting it completes every
 * wait there is, at once and for good, so a clear right after it takes nothing
 * back from those it woke; they need not look at the flag again. */
#include "core.h"

struct event {
  struct list waiters; /* struct task.entry, oldest first */
  bool set;            /* whoever waits while it is true returns at once */
};

/* -- Life ----------------------------------------------------------------- */

int weft_event_new(weft_runtime *rt, weft_event *handle) {
  struct event *event;
  int status = weft__object_new(rt, KIND_EVENT, sizeof *event, &event, handle);
  if (status == WEFT_OK)
    list_init(&event->waiters);
  return status;
}

int weft_event_close(weft_runtime *rt, weft_event handle) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__wake_all(rt, &event->waiters, WEFT_ECLOSED);
  weft__event_dispose(rt, event);
  return WEFT_OK;
}

void weft__event_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__free(object, sizeof(struct event));
}

/* -- The flag ------------------------------------------------------------- */

int weft_event_set(weft_runtime *rt, weft_event handle) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  if (status != WEFT_OK)
    return status;
  event->set = true;
  weft__wake_all(rt, &event->waiters, WEFT_OK);
  return WEFT_OK;
}

int weft_event_clear(weft_runtime *rt, weft_event handle) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  if (status != WEFT_OK)
    return status;
  event->set = false;
  return WEFT_OK;
}

int weft_event_is_set(weft_runtime *rt, weft_event handle, int *flag) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  *flag = status == WEFT_OK && event->set;
  return status;
}

/* -- Waiting -------------------------------------------------------------- */

int weft_event_wait(weft_runtime *rt, weft_event handle) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  if (status != WEFT_OK)
    return status;
  /* Before the flag is looked at: whether a call is a cancellation point must
   * not depend on timing. */
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (event->set)
    return weft__park_skip(rt, 0);
  return weft__park(rt, &event->waiters, "event", handle, weft__withdraw_plain,
                    NULL, NULL);
}

int weft_event_get_waiting(weft_runtime *rt, weft_event handle, size_t *tasks) {
  struct event *event;
  int status = weft__object(rt, handle, KIND_EVENT, &event);
  *tasks = status == WEFT_OK ? weft__count_waiting(&event->waiters) : 0;
  return status;
}
