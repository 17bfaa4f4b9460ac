/* SPDX-License-Identifier: MIT
 * future.c - an outcome that somebody will set by hand, once.
 *
 * To those who wait, a future is a task without a body: tasks that await it and
 * calls to be made when it is done stand in one list, in the order in which
 * they came, and its failure must be seen by somebody, or it is reported.
 *
 * Completing it is the only thing that ever lets them go on, so what is pending
 * and forgotten keeps them waiting. Closing it lets the tasks go with an error;
 * the calls, which are promised an outcome, are not made. */
#include "core.h"

struct future {
  struct list awaiters; /* struct entry, oldest first; empty when it is done */
  uint8_t state;        /* enum weft_future_state */
  bool observed;        /* its failure was seen by somebody */
  weft_future handle;
  weft_value *result;
  weft_error *error; /* NULL unless it has failed */
};

/* -- Life ----------------------------------------------------------------- */

int weft_future_new(weft_runtime *rt, weft_future *handle) {
  struct future *future;
  int status =
      weft__object_new(rt, KIND_FUTURE, sizeof *future, &future, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&future->awaiters);
  future->state = WEFT_FUTURE_PENDING;
  future->handle = *handle;
  return WEFT_OK;
}

/* Sends all of [awaiters] away. The drop function of a call is the host's code
 * and may withdraw others, so each is taken from the list as it is then. */
static void forsake(weft_runtime *rt, struct list *awaiters) {
  while (!list_is_empty(awaiters)) {
    struct entry *entry = LIST_OWNER(awaiters->next, struct entry, node);
    if (entry->is_call)
      weft__call_abandon(rt, (struct call *)entry);
    else
      weft__wake(rt, (struct task *)entry, WEFT_ECLOSED, 0);
  }
}

/* What runs code of the host comes last: it finds the handle stale and the
 * future gone. */
void weft__future_dispose(weft_runtime *rt, void *object) {
  struct future *future = object, was = *future;
  list_init(&was.awaiters);
  list_move_all(&was.awaiters, &future->awaiters);
  weft__handle_free(rt, was.handle);
  weft__free(future, sizeof(*future));
  forsake(rt, &was.awaiters);
  if (was.error != NULL && !was.observed)
    weft__report(rt, WEFT_REPORT_FAILURE, NULL, was.error);
  weft_value_unref(was.result);
  weft_error_unref(was.error);
}

int weft_future_close(weft_runtime *rt, weft_future handle) {
  struct future *future;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status == WEFT_OK)
    weft__future_dispose(rt, future);
  return status;
}

/* -- Completing ----------------------------------------------------------- */

static int begin_completing(weft_runtime *rt, weft_future handle,
                            struct future **future) {
  int status = weft__object(rt, handle, KIND_FUTURE, future);
  if (status != WEFT_OK)
    return status;
  return (*future)->state == WEFT_FUTURE_PENDING ? WEFT_OK : WEFT_ESTATE;
}

static int complete(weft_runtime *rt, struct future *future,
                    enum weft_future_state state) {
  future->state = (uint8_t)state;
  weft__wake_awaiters(rt, &future->awaiters);
  return WEFT_OK;
}

int weft_future_set_result(weft_runtime *rt, weft_future handle,
                           weft_value *value) {
  struct future *future;
  int status = begin_completing(rt, handle, &future);
  if (status != WEFT_OK)
    return status;
  future->result = weft_value_ref(value);
  return complete(rt, future, WEFT_FUTURE_FINISHED);
}

int weft_future_set_error(weft_runtime *rt, weft_future handle,
                          weft_error *error) {
  struct future *future;
  int status = begin_completing(rt, handle, &future);
  if (status == WEFT_OK && error == NULL)
    status = WEFT_EINVAL;
  if (status != WEFT_OK)
    return status;
  future->error = weft_error_ref(error);
  return complete(rt, future, WEFT_FUTURE_FAILED);
}

int weft_future_cancel(weft_runtime *rt, weft_future handle) {
  struct future *future;
  int status = begin_completing(rt, handle, &future);
  if (status != WEFT_OK)
    return status;
  return complete(rt, future, WEFT_FUTURE_CANCELLED);
}

/* -- Awaiting ------------------------------------------------------------- */

int weft_future_await(weft_runtime *rt, weft_future handle) {
  struct future *future;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (future->state != WEFT_FUTURE_PENDING)
    return weft__park_skip(rt, 0);
  return weft__park(rt, &future->awaiters, "future", handle,
                    weft__withdraw_plain, NULL, NULL);
}

int weft_future_on_done(weft_runtime *rt, weft_future handle, weft_call_fn fn,
                        void *arg, weft_drop_fn drop, uint64_t *done) {
  struct future *future;
  struct call *call = NULL;
  if (done != NULL)
    *done = 0;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status == WEFT_OK)
    status = weft__call_new(rt, fn, arg, drop, done, &call);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  if (future->state == WEFT_FUTURE_PENDING)
    list_insert(&future->awaiters, &call->entry.node);
  else
    weft__call_queue(rt, call);
  return WEFT_OK;
}

/* -- Reading -------------------------------------------------------------- */

int weft_future_get_state(weft_runtime *rt, weft_future handle, int *state) {
  struct future *future;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  *state = status == WEFT_OK ? future->state : 0;
  return status;
}

int weft_future_get_result(weft_runtime *rt, weft_future handle,
                           weft_value **value) {
  struct future *future;
  *value = NULL;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status != WEFT_OK)
    return status;
  if (future->state != WEFT_FUTURE_FINISHED)
    return WEFT_ESTATE;
  *value = future->result;
  return WEFT_OK;
}

int weft_future_get_error(weft_runtime *rt, weft_future handle,
                          weft_error **error) {
  struct future *future;
  *error = NULL;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status != WEFT_OK)
    return status;
  if (future->state != WEFT_FUTURE_FAILED)
    return WEFT_ESTATE;
  future->observed = true;
  *error = future->error;
  return WEFT_OK;
}

/* Calls stand in the same list and do not count. */
int weft_future_get_waiting(weft_runtime *rt, weft_future handle,
                            size_t *tasks) {
  struct future *future;
  *tasks = 0;
  int status = weft__object(rt, handle, KIND_FUTURE, &future);
  if (status != WEFT_OK)
    return status;
  const struct list *awaiters = &future->awaiters;
  for (const struct list *node = awaiters->next; node != awaiters;
       node = node->next)
    *tasks += !LIST_OWNER(node, struct entry, node)->is_call;
  return WEFT_OK;
}
