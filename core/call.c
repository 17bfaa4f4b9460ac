/* SPDX-License-Identifier: MIT
 * call.c - calls of plain functions by the loop: soon, or when a time has
 * come.
 *
 * A call is an entry of the ready ring like a task, so it has its place in the
 * same order. It lives until it has run or was cancelled and, if somebody owns
 * its handle, until that is given back. A cancelled call that stands in the
 * ring stays there and does nothing when its turn comes.
 *
 * While its function runs, a call has the context variables that were set where
 * it was added; what it sets itself goes with it. */
#include "core.h"

int weft__call_new(weft_runtime *rt, weft_call_fn fn, void *arg,
                   weft_drop_fn drop, weft_timer *handle, struct call **out) {
  if (fn == NULL)
    return WEFT_EINVAL;
  struct call *call = weft__pool_take(&rt->calls_pool);
  if (call == NULL)
    return WEFT_ENOMEM;
  *call = (struct call){.entry.arg = arg, .fn = fn, .drop = drop};
  call->entry.is_call = true;
  list_init(&call->entry.node);
  weft__timer_init(&call->timer, TIMER_CALL);
  if (weft__ready_reserve(rt) != WEFT_OK)
    goto give_block;
  if (handle != NULL &&
      weft__handle_new(rt, KIND_TIMER, call, &call->handle) != WEFT_OK)
    goto unreserve;
  if (handle != NULL)
    *handle = call->handle;
  call->context = weft__context_ref(weft__context_current(rt));
  *out = call;
  return WEFT_OK;
unreserve:
  weft__ready_unreserve(rt);
give_block:
  weft__pool_give(&rt->calls_pool, call);
  return WEFT_ENOMEM;
}

/* What it was given goes. */
static void drop_belongings(struct call *call) {
  struct context *context = call->context;
  call->context = NULL;
  weft__drop(call->drop, call->entry.arg);
  weft__context_unref(context);
}

/* The call will not be made any more. What drops its belongings is the host's
 * code and may give back the handle, which must not free the call under it. */
static void end(weft_runtime *rt, struct call *call) {
  call->ended = true;
  call->ending = true;
  list_remove(&call->entry.node);
  weft__timer_clear(rt, &call->timer);
  drop_belongings(call);
  call->ending = false;
}

/* Nothing will ever lead to it: its time never comes. */
static bool is_nowhere(const struct call *call) {
  return !call->ended && !call->queued && !weft__timer_is_set(&call->timer) &&
         list_is_empty(&call->entry.node);
}

static void free_if_over(weft_runtime *rt, struct call *call) {
  if (call->handle == 0 && is_nowhere(call))
    end(rt, call);
  if (!call->ended || call->ending || call->queued || call->handle != 0)
    return;
  weft__ready_unreserve(rt);
  weft__pool_give(&rt->calls_pool, call);
}

/* One that waited for an end is due now. Where nobody has its handle, nobody
 * can ask when that was. */
void weft__call_queue(weft_runtime *rt, struct call *call) {
  list_remove(&call->entry.node);
  if (call->handle != 0 && call->timer.time_ns == WEFT__NEVER)
    call->timer.time_ns = weft__now(rt);
  call->queued = true;
  weft__ready_push(rt, &call->entry);
}

void weft__call_run(weft_runtime *rt, struct call *call) {
  if (!call->ended) {
    struct call *outer = rt->call;
    call->ended = true;
    rt->call = call;
    weft__count(&rt->call_count);
    if (WEFT__UNLIKELY(rt->watched))
      weft__observe_call(rt, true);
    call->fn(rt, call->entry.arg);
    if (WEFT__UNLIKELY(rt->watched))
      weft__observe_call(rt, false);
    rt->call = outer;
    drop_belongings(call);
  }
  /* Only now: fn and drop may give the handle back. */
  call->queued = false;
  free_if_over(rt, call);
}

void weft__call_abandon(weft_runtime *rt, struct call *call) {
  if (!call->ended)
    end(rt, call);
  call->queued = false;
  free_if_over(rt, call);
}

static void free_handle(weft_runtime *rt, struct call *call) {
  weft__handle_free(rt, call->handle);
  call->handle = 0;
}

/* The handle goes first: the drop function finds it stale. */
void weft__call_dispose(weft_runtime *rt, void *object) {
  struct call *call = object;
  free_handle(rt, call);
  if (!call->ended)
    end(rt, call);
  free_if_over(rt, call);
}

/* -- The public calls ----------------------------------------------------- */

int weft_call_soon(weft_runtime *rt, weft_call_fn fn, void *arg,
                   weft_drop_fn drop, weft_timer *timer) {
  if (timer != NULL)
    *timer = 0;
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  struct call *call;
  int status = weft__call_new(rt, fn, arg, drop, timer, &call);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  weft__call_queue(rt, call);
  return WEFT_OK;
}

int weft_call_at(weft_runtime *rt, uint64_t time_ns, weft_call_fn fn, void *arg,
                 weft_drop_fn drop, weft_timer *timer) {
  if (timer != NULL)
    *timer = 0;
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  struct call *call;
  int status = weft__call_new(rt, fn, arg, drop, timer, &call);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  if (weft__timer_set(rt, &call->timer, time_ns) == WEFT_OK) {
    weft__poll_soon(rt, time_ns);
    free_if_over(rt, call);
    return WEFT_OK;
  }
  if (timer != NULL)
    *timer = 0;
  weft__call_dispose(rt, call);
  return WEFT_ENOMEM;
}

int weft_timer_cancel(weft_runtime *rt, weft_timer timer, int *prevented) {
  struct call *call;
  if (prevented != NULL)
    *prevented = 0;
  int status = weft__object(rt, timer, KIND_TIMER, &call);
  if (status != WEFT_OK)
    return status;
  if (prevented != NULL)
    *prevented = !call->ended;
  weft__call_dispose(rt, call);
  return WEFT_OK;
}

int weft_timer_close(weft_runtime *rt, weft_timer timer) {
  struct call *call;
  int status = weft__object(rt, timer, KIND_TIMER, &call);
  if (status != WEFT_OK)
    return status;
  free_handle(rt, call);
  free_if_over(rt, call);
  return WEFT_OK;
}

int weft_timer_get_time(weft_runtime *rt, weft_timer timer, uint64_t *time_ns) {
  struct call *call;
  *time_ns = 0;
  int status = weft__object(rt, timer, KIND_TIMER, &call);
  if (status != WEFT_OK)
    return status;
  *time_ns = call->timer.time_ns;
  return WEFT_OK;
}
