/* SPDX-License-Identifier: MIT
 * runtime.c - the runtime: made, run, shut down, freed.
 *
 * A run is turn, poll, turn, poll. A shutdown cancels the root scope and goes
 * on running until no task is left; what stays parked with nothing left to
 * wake it first loses its shields and is then given up. */
#include "io.h"
#include "turn.h"
#include "work.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define STACK_BYTES_MIN ((size_t)16 * 1024)

/* -- Life ----------------------------------------------------------------- */

static void init_pools(weft_runtime *rt) {
  weft__pool_init(&rt->tasks_pool, sizeof(struct task));
  weft__pool_init(&rt->scopes_pool, sizeof(struct scope));
  weft__pool_init(&rt->groups_pool, sizeof(struct group));
  weft__pool_init(&rt->calls_pool, sizeof(struct call));
  weft__pool_init(&rt->extras_pool, sizeof(struct task_extra));
  weft__pool_init(&rt->loans_pool, sizeof(struct loan));
}

static void clear_memory(weft_runtime *rt) {
  weft__pool_clear(&rt->tasks_pool);
  weft__pool_clear(&rt->scopes_pool);
  weft__pool_clear(&rt->groups_pool);
  weft__pool_clear(&rt->calls_pool);
  weft__pool_clear(&rt->extras_pool);
  weft__pool_clear(&rt->loans_pool);
  weft__fs_clear(rt);
  weft__stacks_clear(&rt->fibers);
  weft__stream_clear_scratch(rt);
  weft__stream_clear_spares(rt);
  weft__outbox_free(rt);
  weft__deadlock_free(rt);
  weft__free(rt->ready.entries,
             rt->ready.entries == NULL
                 ? 0
                 : (rt->ready.mask + 1) * sizeof *rt->ready.entries);
  weft__timers_free(&rt->timers);
  weft__free(rt->handles.slots,
             rt->handles.capacity * sizeof *rt->handles.slots);
  weft_error_unref(rt->no_memory);
  weft__free(rt, sizeof *rt);
}

static int init_loop(weft_runtime *rt) {
  int status = weft__status_from_uv(uv_loop_init(&rt->loop));
  if (status != WEFT_OK)
    return status;
  status = weft__posts_init(rt);
  if (status != WEFT_OK) {
    uv_loop_close(&rt->loop);
    return status;
  }
  uv_timer_init(&rt->loop, &rt->loop_timer);
  uv_unref((uv_handle_t *)&rt->loop_timer);
  weft__fs_open(rt);
  return WEFT_OK;
}

static int init_root(weft_runtime *rt) {
  weft__group_init(&rt->root, NULL);
  return weft__handle_new(rt, KIND_GROUP, &rt->root, &rt->root.handle);
}

int weft_runtime_new(weft_runtime **out) {
  *out = NULL;
  weft_runtime *rt = weft__alloc(sizeof *rt);
  if (rt == NULL)
    return WEFT_ENOMEM;
  rt->thread = weft__thread_self();
  weft__handle_init(rt);
  list_init(&rt->tasks);
  list_init(&rt->ended);
  list_init(&rt->readable);
  list_init(&rt->paired);
  list_init(&rt->pairs_waiting);
  list_init(&rt->pools);
  list_init(&rt->processes);
  list_init(&rt->signals);
  list_init(&rt->settling);
  list_init(&rt->advancing);
  list_init(&rt->fibers.open);
  init_pools(rt);
  rt->fibers.size_bytes = STACK_BYTES;
  rt->fibers.guard = true;
  weft__ignore_sigpipe();
  int status = weft_error_new(WEFT_ENOMEM, NULL, NULL, &rt->no_memory);
  if (status == WEFT_OK)
    status = weft__fs_init(rt);
  if (status == WEFT_OK)
    status = init_root(rt);
  if (status == WEFT_OK)
    status = init_loop(rt);
  if (status != WEFT_OK) {
    clear_memory(rt);
    return status;
  }
  weft__now(rt);
  *out = rt;
  return WEFT_OK;
}

static struct call *take_call(weft_runtime *rt) {
  if (!weft__ready_is_empty(rt))
    return (struct call *)rt->ready.entries[rt->ready.head++ & rt->ready.mask];
  struct timer *timer = weft__timer_pop(rt, WEFT__NEVER);
  return timer == NULL ? NULL : LIST_OWNER(timer, struct call, timer);
}

/* Calls that were never made: those in the ring, and those whose time has not
 * come. False if there was none. */
static bool drop_calls(weft_runtime *rt) {
  bool dropped = false;
  struct call *call;
  while ((call = take_call(rt)) != NULL) {
    weft__call_abandon(rt, call);
    dropped = true;
  }
  return dropped;
}

/* False if nothing was open. */
static bool close_open(weft_runtime *rt) {
  bool any = weft__handle_close_all(rt);
  any |= drop_calls(rt);
  any |= weft__posts_drop(rt);
  any |= weft__workers_end(rt);
  return any;
}

/* The drop functions are the host's, some of which are called only when libuv
 * has let go: they may open, call or post anew, so this goes on until nothing
 * is left. */
static void close_all(weft_runtime *rt) {
  do {
    while (close_open(rt))
      ;
    uv_run(&rt->loop, UV_RUN_DEFAULT);
  } while (close_open(rt));
}

static void report_failures_unseen(weft_runtime *rt) {
  struct list *node;
  while ((node = rt->ended.next) != &rt->ended)
    weft__task_dispose(rt, LIST_OWNER(node, struct task, all));
}

int weft_runtime_free(weft_runtime *rt) {
  if (rt == NULL)
    return WEFT_OK;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->state != RT_IDLE || rt->current != NULL || !list_is_empty(&rt->tasks))
    return WEFT_ESTATE;
  rt->state = RT_ASIDE;
  rt->root.over = true; /* nobody may spawn any more */
  report_failures_unseen(rt);
  weft__scope_exit(rt, &rt->root.scope); /* the last timer that is no call's */
  weft__trace_end(rt);
  weft__resolver_drop(rt);
  weft__inspect_close(rt);
  weft__dump_clear(rt);
  close_all(rt);
  weft__fs_close(rt);
  uv_close((uv_handle_t *)&rt->loop_async, NULL);
  uv_close((uv_handle_t *)&rt->loop_timer, NULL);
  weft__reaper_close(rt);
  uv_run(&rt->loop, UV_RUN_DEFAULT);
  weft__posts_free(rt);
  int closed = uv_loop_close(&rt->loop);
  assert(closed == 0);
  (void)closed;
  weft__drop(rt->around_drop, rt->around_arg);
  weft__drop(rt->report_drop, rt->report_arg);
  weft__drop(rt->observation.drop, rt->observation.arg);
  clear_memory(rt);
  return WEFT_OK;
}

/* -- Settings ------------------------------------------------------------- */

/* Whoever was promised a stack gets one of the kind that was asked for then. */
static void keep_promises(weft_runtime *rt) {
  for (struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next) {
    struct task *task = LIST_OWNER(node, struct task, all);
    if (weft__task_is_stackful(task) && task->body.context == NULL)
      weft__task_take_stack(rt, task);
  }
}

int weft_set_stack_size(weft_runtime *rt, size_t size_bytes) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (size_bytes < STACK_BYTES_MIN)
    return WEFT_EINVAL;
  keep_promises(rt);
  rt->fibers.size_bytes = size_bytes;
  weft__stacks_refit(&rt->fibers);
  return WEFT_OK;
}

int weft_set_stack_guard(weft_runtime *rt, int on) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  keep_promises(rt);
  rt->fibers.guard = on != 0;
  weft__stacks_refit(&rt->fibers);
  return WEFT_OK;
}

/* A shutdown outlasts the processes; else nobody need wait for them. */
bool weft__has_work(const weft_runtime *rt) {
  return !list_is_empty(&rt->tasks) || !weft__ready_is_empty(rt) ||
         (rt->shutting_down && !list_is_empty(&rt->processes));
}

/* -- Shutting down -------------------------------------------------------- */

int weft_set_main(weft_runtime *rt, uint64_t handle) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task->state >= WEFT_TASK_FINISHED)
    weft__main_ended(rt);
  else
    rt->main_task = task;
  return WEFT_OK;
}

/* Before they are cancelled, so that each is seen in its wait. Those that the
 * reports spawn are not reported. */
static void report_left(weft_runtime *rt) {
  struct list *last = rt->tasks.prev;
  struct list *node = &rt->tasks;
  while (node != last) {
    node = node->next;
    weft__report(rt, WEFT_REPORT_LEFT, LIST_OWNER(node, struct task, all),
                 NULL);
  }
}

void weft__main_ended(weft_runtime *rt) {
  rt->main_task = NULL;
  if (rt->reports_left && !rt->shutting_down)
    report_left(rt);
  weft_shutdown(rt);
}

int weft_set_report_left(weft_runtime *rt, int on) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  rt->reports_left = on != 0;
  return WEFT_OK;
}

int weft_shutdown(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->shutting_down)
    return WEFT_OK;
  rt->shutting_down = true;
  for (struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next)
    LIST_OWNER(node, struct task, all)->raised_count = 0;
  weft__scope_cancel(rt, &rt->root.scope, WEFT_SOURCE_SHUTDOWN, NULL, NULL);
  return WEFT_OK;
}

int weft_shutdown_now(weft_runtime *rt) {
  int status = weft_shutdown(rt);
  if (status == WEFT_OK && !rt->shields_lifted)
    weft__scope_lift_shields(rt);
  return status;
}

static void give_up_all(weft_runtime *rt) {
  /* The newest first: children before those who wait for them. */
  while (!list_is_empty(&rt->tasks) && weft__ready_is_empty(rt))
    weft__task_give_up(rt, LIST_OWNER(rt->tasks.prev, struct task, all));
}

/* In a shutdown nothing may wait for what cannot come, nor for a process that
 * nobody is left to wait for. */
void weft__unstick(weft_runtime *rt) {
  if (!rt->shutting_down)
    return;
  if (list_is_empty(&rt->tasks))
    weft__processes_end(rt);
  if (weft__can_wake(rt))
    return;
  if (!rt->shields_lifted)
    weft__scope_lift_shields(rt);
  if (!weft__can_wake(rt))
    give_up_all(rt);
}

static int run_until_over(weft_runtime *rt) {
  while (weft__has_work(rt)) {
    weft__turn(rt);
    if (WEFT__UNLIKELY(rt->shutting_down))
      weft__unstick(rt);
    if (weft__poll_is_due(rt))
      weft__poll(rt, weft__has_work(rt));
  }
  return rt->given_up_count > 0 ? WEFT_EGIVENUP : WEFT_OK;
}

int weft_run(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->state != RT_IDLE || rt->current != NULL)
    return WEFT_ESTATE;
  rt->state = RT_RUNNING;
  weft__set_busy(rt, true);
  weft__signals_take(rt);
  int status = run_until_over(rt);
  weft__signals_give_back(rt);
  weft__set_busy(rt, false);
  rt->state = RT_IDLE;
  return status;
}
