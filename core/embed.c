/* SPDX-License-Identifier: MIT
 * embed.c - a runtime inside a foreign loop, and pull mode. */
#include <stdatomic.h>

#include "io.h"
#include "turn.h"
#include "work.h"

static int check_idle(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  return rt->state == RT_IDLE && rt->current == NULL ? WEFT_OK : WEFT_ESTATE;
}

int weft_backend_fd(weft_runtime *rt, int *fd) {
  *fd = -1;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  *fd = uv_backend_fd(&rt->loop);
  return *fd < 0 ? WEFT_ENOTSUP : WEFT_OK;
}

/* Nanoseconds until the first time of the heap. */
static uint64_t time_until_due(weft_runtime *rt) {
  uint64_t next = weft__timer_next(rt);
  uint64_t now = weft__now(rt);
  if (!list_is_empty(&rt->advancing))
    return 0;
  if (next == WEFT__NEVER)
    return WEFT__NEVER;
  return next > now && !rt->virtual_clock ? next - now : 0;
}

/* Likewise, of what libuv times by itself: the grace of a process. */
static uint64_t time_to_grace(const weft_runtime *rt) {
  int grace_ms = uv_loop_alive(&rt->loop) ? uv_backend_timeout(&rt->loop) : -1;
  return grace_ms < 0 ? WEFT__NEVER : (uint64_t)grace_ms * 1000000;
}

int weft_next_timeout(weft_runtime *rt, uint64_t *timeout_ns) {
  *timeout_ns = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  /* A post may have come after those were run, but before the last look at the
   * kernel, which then has told of it already. */
  if (!weft__ready_is_empty(rt) || rt->poll_now ||
      !list_is_empty(&rt->readable) || !list_is_empty(&rt->paired) ||
      !list_is_empty(&rt->settling) ||
      atomic_load_explicit(&rt->posts.pending, memory_order_relaxed))
    return WEFT_OK;
  uint64_t next = time_until_due(rt), grace = time_to_grace(rt);
  *timeout_ns = next < grace ? next : grace;
  if (rt->starved_pools > 0 && *timeout_ns > WEFT__STARVED_NS)
    *timeout_ns = WEFT__STARVED_NS;
  if (weft__stacks_linger(&rt->fibers) && *timeout_ns > WEFT__STACKS_LOOK_NS)
    *timeout_ns = WEFT__STACKS_LOOK_NS;
  return WEFT_OK;
}

/* A poll at the end too: libuv tells the kernel of new descriptors only in a
 * poll, and the host is about to wait for them. */
int weft_run_nowait(weft_runtime *rt, int *work) {
  *work = 0;
  int status = check_idle(rt);
  if (status != WEFT_OK)
    return status;
  rt->state = RT_TURN;
  weft__set_busy(rt, true);
  weft__poll(rt, false);
  weft__turn(rt);
  weft__unstick(rt);
  if (weft__ready_is_empty(rt)) {
    uv_ref((uv_handle_t *)&rt->loop_async);
    uv_run(&rt->loop, UV_RUN_NOWAIT);
    uv_unref((uv_handle_t *)&rt->loop_async);
  }
  rt->state = RT_IDLE;
  weft__set_busy(rt, false);
  *work = weft__has_work(rt);
  return WEFT_OK;
}

/* -- Pull mode ------------------------------------------------------------ */

static bool is_pulled(const struct entry *entry) {
  if (entry->is_call)
    return false;
  const struct task *task = (const struct task *)entry;
  return !weft__task_is_stackful(task) &&
         task->body.step == weft__step_pulled && !task->entry.given_up;
}

/* Reached if the host runs the loop in another way: nobody knows the step. */
int weft__step_pulled(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)rt;
  (void)arg;
  (void)status;
  (void)value;
  return WEFT_ESTATE;
}

/* The next ready task whose steps the host runs; NULL at a turn's end. */
static struct task *pull(weft_runtime *rt) {
  while (rt->turn_left > 0) {
    struct entry *entry = rt->ready.entries[rt->ready.head++ & rt->ready.mask];
    rt->turn_left--;
    if (is_pulled(entry))
      return (struct task *)entry;
    weft__run_entry(rt, entry);
  }
  return NULL;
}

/* The same, with turns and polls as they come; NULL if every task has ended. */
static struct task *pull_on(weft_runtime *rt) {
  struct task *task = pull(rt);
  while (task == NULL && weft__has_work(rt)) {
    weft__unstick(rt);
    if (weft__poll_is_due(rt))
      weft__poll(rt, weft__has_work(rt));
    rt->turn_left = weft__turn_begin(rt);
    task = pull(rt);
  }
  return task;
}

int weft_next_ready(weft_runtime *rt, void **arg, int *status,
                    uint64_t *value) {
  *arg = NULL;
  *status = WEFT_OK;
  *value = 0;
  int idle = check_idle(rt);
  if (idle != WEFT_OK)
    return idle;
  rt->state = RT_RUNNING;
  weft__set_busy(rt, true);
  struct task *task = pull_on(rt);
  if (rt->letter_count > 0)
    weft__outbox_send(rt); /* nobody knows when the host goes on */
  rt->state = task == NULL ? RT_IDLE : RT_PULLING;
  weft__set_busy(rt, task != NULL);
  if (task == NULL)
    return WEFT_OK;
  rt->pulled = task;
  if (rt->watched)
    weft__observe_begin(rt, task);
  weft__step_begin(rt, task);
  *arg = task->entry.arg;
  *status = task->entry.status;
  *value = task->wake_value;
  return WEFT_OK;
}

int weft_step_done(weft_runtime *rt, int outcome) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->state != RT_PULLING)
    return WEFT_ESTATE;
  rt->state = RT_RUNNING; /* no second end of the step from a drop function */
  weft__step_end(rt, rt->pulled, outcome);
  if (rt->letter_count > 0)
    weft__outbox_send(rt); /* as above */
  rt->state = RT_IDLE;
  weft__set_busy(rt, false);
  return WEFT_OK;
}
