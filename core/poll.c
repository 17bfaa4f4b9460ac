/* SPDX-License-Identifier: MIT
 * poll.c - what happens between two turns: posts, I/O, the times that have
 * come, in this order, and blocking when there is nothing to run.
 *
 * A look at the kernel costs more than ten switches, so turns shorter than
 * some microseconds share one: a poll that comes so soon after the last is left
 * out unless a post, a signal or a time that was set in the past asks for it.
 * Nobody can tell that from I/O that came those microseconds later. Under the
 * virtual clock every turn has its poll.
 *
 * The kernel may tell of a thousand streams at once. They are read some at a
 * time, in the order it told of them, and the next poll goes on with them: what
 * the kernel and weft know of a connection is then still in the processor's
 * cache when its task answers. Before a time fires, all are read. */
#include "io.h"
#include "work.h"

#include <limits.h>
#include <poll.h>
#include <stdatomic.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Ticks of the processor's counter between two polls of a busy runtime: 5 to
 * 10 us. */
#if defined(__x86_64__)
#define POLL_TICKS 20000
uint64_t weft__ticks(void) {
  return __rdtsc();
}
#else
#define POLL_TICKS 10000
uint64_t weft__ticks(void) {
  return uv_hrtime();
}
#endif

/* Streams that are read in one poll, unless all have to be. */
#define STREAMS_A_POLL 16u

/* Polls in a row that tell of bytes which nobody takes, until nobody will. */
#define UNREAD_POLLS 64

static bool has_io(weft_runtime *rt) {
  return uv_loop_alive(&rt->loop) != 0;
}

static bool is_asked_for(const weft_runtime *rt) {
  return weft__ready_is_empty(rt) || rt->poll_now ||
         atomic_load_explicit(&rt->posts.pending, memory_order_relaxed) ||
         !list_is_empty(&rt->paired); /* memory comes at no other's pace */
}

/* Whether it could find anything. */
static bool is_of_use(weft_runtime *rt) {
  return rt->timers.count > 0 || rt->starved_pools > 0 || rt->inspect != NULL ||
         weft__stacks_linger(&rt->fibers) || has_io(rt);
}

static bool has_time_passed(const weft_runtime *rt) {
  return rt->virtual_clock || weft__ticks() - rt->last_poll_ticks >= POLL_TICKS;
}

bool weft__poll_is_due(weft_runtime *rt) {
  if (WEFT__UNLIKELY(is_asked_for(rt)))
    return true;
  return is_of_use(rt) && has_time_passed(rt);
}

/* Whether anything but a post or a signal could still wake a task. */
bool weft__can_wake(weft_runtime *rt) {
  return !weft__ready_is_empty(rt) || rt->timers.count > 0 ||
         rt->outside_work > 0 || has_io(rt) || !list_is_empty(&rt->paired) ||
         !list_is_empty(&rt->settling) || !list_is_empty(&rt->advancing) ||
         atomic_load_explicit(&rt->posts.pending, memory_order_relaxed);
}

static bool may_jump(const weft_runtime *rt) {
  return rt->virtual_clock && !rt->poll_now && rt->outside_work == 0 &&
         (rt->timers.count > 0 || !list_is_empty(&rt->advancing)) &&
         weft__ready_is_empty(rt) && !list_is_empty(&rt->tasks);
}

/* Whether there is nothing to do but to wait. In a shutdown a callback may have
 * taken away the last that was waited for. */
static bool must_wait(weft_runtime *rt) {
  if (rt->shutting_down && !weft__can_wake(rt))
    return false;
  return weft__ready_is_empty(rt) && !may_jump(rt) && !rt->poll_now &&
         list_is_empty(&rt->readable) && list_is_empty(&rt->paired) &&
         list_is_empty(&rt->settling) &&
         !atomic_load_explicit(&rt->posts.pending, memory_order_relaxed);
}

/* -- I/O ------------------------------------------------------------------ */

static void on_loop_timer(uv_timer_t *timer) {
  uv_stop(timer->loop); /* libuv before 1.45 runs timers before it blocks */
}

/* Milliseconds, which the kernel counts in, until the first time of the heap:
 * rounded up, so that nothing fires early. WEFT__NEVER if there is none. */
static uint64_t time_until_due_ms(weft_runtime *rt) {
  uint64_t next = rt->virtual_clock ? WEFT__NEVER : weft__timer_next(rt);
  if (next == WEFT__NEVER)
    return WEFT__NEVER;
  uint64_t now = weft__now(rt);
  if (next <= now)
    return 0;
  return (next - now) / 1000000 + ((next - now) % 1000000 > 0);
}

/* A job that waits for a thread is looked after every millisecond. */
static uint64_t time_to_wait_ms(weft_runtime *rt) {
  uint64_t wait_ms = time_until_due_ms(rt);
  uint64_t look_ms = WEFT__STACKS_LOOK_NS / 1000000;
  if (weft__stacks_linger(&rt->fibers) && wait_ms > look_ms)
    wait_ms = look_ms;
  return rt->starved_pools > 0 && wait_ms > 1 ? 1 : wait_ms;
}

/* A post or a signal ends it, too. */
static void run_loop(weft_runtime *rt, uv_run_mode mode) {
  uv_ref((uv_handle_t *)&rt->loop_async);
  uv_run(&rt->loop, mode);
  uv_unref((uv_handle_t *)&rt->loop_async);
}

static void wait_in_loop(weft_runtime *rt) {
  uint64_t wait_ms = time_to_wait_ms(rt);
  if (wait_ms == 0) {
    run_loop(rt, UV_RUN_NOWAIT);
    return;
  }
  if (wait_ms != WEFT__NEVER) {
    uv_update_time(&rt->loop);
    uv_timer_start(&rt->loop_timer, on_loop_timer, wait_ms, 0);
  }
  run_loop(rt, UV_RUN_ONCE);
  uv_timer_stop(&rt->loop_timer);
}

/* Only waits; libuv itself has nothing to wait for while handles are being
 * closed or callbacks are due, and a timer of its own for the grace of a
 * process. */
static void block(weft_runtime *rt) {
  struct pollfd fd = {.fd = uv_backend_fd(&rt->loop), .events = POLLIN};
  uint64_t wait_ms = time_to_wait_ms(rt);
  int grace_ms = uv_backend_timeout(&rt->loop);
  if (grace_ms == 0)
    return;
  if (grace_ms > 0 && (uint64_t)grace_ms < wait_ms)
    wait_ms = (uint64_t)grace_ms;
  int timeout_ms = wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
  poll(&fd, 1, wait_ms == WEFT__NEVER ? -1 : timeout_ms);
}

/* The host has a hook around the wait, and no callback may run inside: they do
 * before, where libuv also tells the kernel of new descriptors, and after. */
static void wait_in_hook(weft_runtime *rt) {
  run_loop(rt, UV_RUN_NOWAIT);
  if (!must_wait(rt))
    return;
  uv_ref((uv_handle_t *)&rt->loop_async);
  rt->around(rt, rt->around_arg, block);
  uv_unref((uv_handle_t *)&rt->loop_async);
  run_loop(rt, UV_RUN_NOWAIT);
}

/* Waits until I/O, a post or the first time of the heap. */
static void wait_for_io(weft_runtime *rt) {
  if (rt->around == NULL)
    wait_in_loop(rt);
  else
    wait_in_hook(rt);
  weft__now(rt); /* what parks from now on has not waited since before */
}

/* Who is told of a trace that cannot be written may wake a task. */
static void wait_idly(weft_runtime *rt) {
  if (rt->observation.trace != NULL)
    weft__trace_idle(rt);
  if (!must_wait(rt))
    return;
  weft__set_busy(rt, false);
  wait_for_io(rt);
  weft__set_busy(rt, true);
}

/* An inspection socket keeps no loop alive, but is looked at all the same. */
static void look_at_io(weft_runtime *rt) {
  if (has_io(rt) || rt->inspect != NULL)
    run_loop(rt, UV_RUN_NOWAIT);
}

/* -- Times ---------------------------------------------------------------- */

static void fire(weft_runtime *rt, struct timer *timer) {
  switch ((enum timer_kind)timer->kind) {
  case TIMER_SLEEP:
    weft__wake(rt, LIST_OWNER(timer, struct task, timer), WEFT_OK, 0);
    break;
  case TIMER_SCOPE:
    weft__scope_cancel(rt, LIST_OWNER(timer, struct scope, timer),
                       WEFT_SOURCE_DEADLINE, NULL, NULL);
    break;
  case TIMER_CALL:
    weft__call_queue(rt, LIST_OWNER(timer, struct call, timer));
    break;
  case TIMER_PAIR:
    weft__pair_due(timer);
    break;
  }
}

/* What is set while this runs has its turn at the next poll. All that has come
 * in beats it. */
static void fire_due(weft_runtime *rt) {
  if (rt->timers.count == 0)
    return;
  uint64_t now = weft__now(rt);
  if (weft__timer_next(rt) > now)
    return;
  if (!list_is_empty(&rt->readable))
    look_at_io(rt);
  weft__pairs_arrive(rt);
  weft__streams_read(rt, UINT_MAX);
  struct timer *timer;
  while ((timer = weft__timer_pop(rt, now)) != NULL)
    fire(rt, timer);
}

/* The virtual clock jumps, unless work outside the loop is under way, for which
 * it waits. */
static void jump(weft_runtime *rt) {
  uint64_t next = weft__timer_next(rt), stop = weft__advance_next(rt);
  uint64_t to = next <= stop ? next : stop;
  if (to != WEFT__NEVER && to > rt->virtual_now_ns)
    rt->virtual_now_ns = to;
  if (next <= stop)
    fire_due(rt);
  else
    weft__advance_end(rt);
}

/* Whether I/O goes on. A watch that tells of bytes which nobody takes would
 * hold the clock for good; but what was taken may have been replaced at once by
 * as much, so it takes many such polls. */
static bool is_moving(weft_runtime *rt) {
  if (rt->io_moved || !rt->left_unread) {
    rt->unread_polls = 0;
    return rt->io_moved;
  }
  if (rt->unread_polls < UNREAD_POLLS)
    rt->unread_polls++;
  return rt->unread_polls < UNREAD_POLLS;
}

/* Whether the poll has found nothing, and nothing is left to be looked at. */
static bool is_quiet(weft_runtime *rt) {
  return !is_moving(rt) && weft__ready_is_empty(rt) && !rt->poll_now &&
         list_is_empty(&rt->readable) && list_is_empty(&rt->paired) &&
         !atomic_load_explicit(&rt->posts.pending, memory_order_relaxed);
}

/* All tasks are parked. */
static void settle(weft_runtime *rt) {
  if (!list_is_empty(&rt->settling))
    weft__wake_all(rt, &rt->settling, WEFT_OK);
  else if (may_jump(rt))
    jump(rt);
}

/* -- The poll ------------------------------------------------------------- */

/* At most one look at the kernel: if there is nothing to run, the look is the
 * wait; if it has told of more than was read, there is none. */
void weft__poll(weft_runtime *rt, bool may_block) {
  rt->poll_now = rt->io_moved = rt->left_unread = false;
  weft__count(&rt->poll_count);
  if (rt->letter_count > 0)
    weft__outbox_send(rt);
  weft__posts_run(rt);
  weft__workers_relieve(rt);
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_look(rt, may_block);
  if (may_block && must_wait(rt))
    wait_idly(rt);
  else if (list_is_empty(&rt->readable))
    look_at_io(rt);
  if (!list_is_empty(&rt->paired))
    weft__pairs_poll(rt);
  weft__streams_read(rt, rt->virtual_clock ? UINT_MAX : STREAMS_A_POLL);
  weft__posts_run(rt);
  fire_due(rt);
  if (is_quiet(rt))
    settle(rt);
  if (WEFT__UNLIKELY(weft__stacks_linger(&rt->fibers)))
    weft__stacks_look(&rt->fibers, weft__now_real());
  rt->last_poll_ticks = weft__ticks();
}

int weft_set_around_block(weft_runtime *rt, weft_around_fn fn, void *arg,
                          weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  weft__drop(rt->around_drop, rt->around_arg);
  rt->around = fn;
  rt->around_arg = arg;
  rt->around_drop = drop;
  return WEFT_OK;
}
