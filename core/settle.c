/* SPDX-License-Identifier: MIT
 * settle.c - waiting until everybody else waits, and moving the virtual clock
 * by hand.
 *
 * Both end in the poll, when that has found nothing and nothing is ready: first
 * those go on who wait for this very moment, the clock standing still; only
 * when there are none it jumps. An advance is a place where that jump stops at
 * the latest: everything due up to there has fired by then, each at its own
 * time, and the turns it caused have run. */
#include "core.h"

static struct task *next_task(struct list *node) {
  return LIST_OWNER(node->next, struct task, entry.node);
}

/* -- Until all are parked ------------------------------------------------- */

int weft_wait_all_parked(weft_runtime *rt) {
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  return weft__park(rt, &rt->settling, "wait_all_parked", 0,
                    weft__withdraw_plain, NULL, NULL);
}

/* -- Advancing ------------------------------------------------------------
 * The end of an advance is kept in the task's timer, which is in no heap: it
 * comes after all times of the heap that are equal to it. */

/* Where the next advance ends; WEFT__NEVER if there is none. */
uint64_t weft__advance_next(const weft_runtime *rt) {
  uint64_t next = WEFT__NEVER;
  for (const struct list *node = rt->advancing.next; node != &rt->advancing;
       node = node->next) {
    const struct task *task = LIST_OWNER(node, const struct task, entry.node);
    if (task->timer.time_ns < next)
      next = task->timer.time_ns;
  }
  return next;
}

/* The clock is at the end of at least one: those go on that end there. */
void weft__advance_end(weft_runtime *rt) {
  struct list *node = &rt->advancing;
  while (node->next != &rt->advancing) {
    struct task *task = next_task(node);
    if (task->timer.time_ns <= rt->virtual_now_ns)
      weft__wake(rt, task, WEFT_OK, 0);
    else
      node = node->next;
  }
}

static int withdraw_advance(weft_runtime *rt, void *arg) {
  return weft__withdraw_plain(rt, arg);
}

int weft_clock_advance(weft_runtime *rt, uint64_t span_ns) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (!rt->virtual_clock)
    return WEFT_ESTATE;
  if (span_ns >= WEFT__NEVER - rt->virtual_now_ns)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  rt->current->timer.time_ns = rt->virtual_now_ns + span_ns;
  return weft__park_timed(rt, &rt->advancing, "clock advance",
                          withdraw_advance);
}
