/* SPDX-License-Identifier: MIT
 * timer.h - the one heap of times, for sleeps, deadlines and calls. */
#ifndef WEFT_TIMER_H
#define WEFT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "weft.h"

#define WEFT__NEVER UINT64_MAX

enum timer_kind { TIMER_SLEEP, TIMER_SCOPE, TIMER_CALL, TIMER_PAIR };

struct timer {
  uint64_t time_ns;    /* when it fires; WEFT__NEVER: not set */
  uint64_t order;      /* among equal times the smaller fires first */
  uint32_t heap_index; /* its place in the heap; UINT32_MAX: not in it */
  uint32_t kind;       /* enum timer_kind: which struct it is part of */
};

struct timer_heap {
  struct heap_node {
    uint64_t time_ns;
    struct timer *timer;
  } * nodes;
  uint32_t count;
  uint32_t capacity;
  uint64_t next_order;
};

static inline void weft__timer_init(struct timer *timer, enum timer_kind kind) {
  timer->time_ns = WEFT__NEVER;
  timer->heap_index = UINT32_MAX;
  timer->kind = (uint32_t)kind;
}
static inline bool weft__timer_is_set(const struct timer *timer) {
  return timer->heap_index != UINT32_MAX;
}
int weft__timer_set(weft_runtime *rt, struct timer *timer, uint64_t time_ns);
void weft__timer_take_out(weft_runtime *rt, struct timer *timer);
/* The time stays readable in the timer. */
static inline void weft__timer_clear(weft_runtime *rt, struct timer *timer) {
  if (weft__timer_is_set(timer))
    weft__timer_take_out(rt, timer);
}
/* Takes the first timer that is due at [now_ns] out of the heap, or NULL. */
struct timer *weft__timer_pop(weft_runtime *rt, uint64_t now_ns);
uint64_t weft__timer_next(weft_runtime *rt); /* WEFT__NEVER if none */

#endif
