/* SPDX-License-Identifier: MIT
 * clock.c - the runtime's clock, real or virtual, and sleeping on it. */
#include "core.h"

#include <time.h>

/* The clock that libuv's uv_hrtime reads too, without its three calls. */
uint64_t weft__now_real(void) {
#if defined(__linux__)
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#else
  return uv_hrtime();
#endif
}

uint64_t weft__now(weft_runtime *rt) {
  rt->last_now_ns = rt->virtual_clock ? rt->virtual_now_ns : weft__now_real();
  return rt->last_now_ns;
}

int weft_now(weft_runtime *rt, uint64_t *now_ns) {
  *now_ns = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  *now_ns = weft__now(rt);
  return WEFT_OK;
}

int weft_set_virtual_clock(weft_runtime *rt, int on, uint64_t start_ns) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->timers.count > 0 || !list_is_empty(&rt->advancing))
    return WEFT_ESTATE;
  rt->virtual_clock = on != 0;
  rt->virtual_now_ns = start_ns;
  weft__now(rt);
  return WEFT_OK;
}

int weft_get_virtual_clock(weft_runtime *rt, int *on) {
  *on = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  *on = rt->virtual_clock;
  return WEFT_OK;
}

static int withdraw_sleep(weft_runtime *rt, void *arg) {
  struct task *task = arg;
  weft__timer_clear(rt, &task->timer);
  return WEFT_OK;
}

bool weft__task_is_asleep(const struct task *task) {
  return task->withdraw == withdraw_sleep;
}

int weft_sleep_until(weft_runtime *rt, uint64_t time_ns) {
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (time_ns <= weft__now(rt))
    return weft_yield(rt);
  struct task *task = rt->current;
  if (weft__timer_set(rt, &task->timer, time_ns) != WEFT_OK)
    return WEFT_ENOMEM;
  return weft__park_timed(rt, NULL, "sleep", withdraw_sleep);
}
