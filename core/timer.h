/* SPDX-License-Identifier: MIT
 * timer.h - the times of sleeps, deadlines and calls, in one order. */
#ifndef WEFT_TIMER_H
#define WEFT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "weft.h"

#define WEFT__NEVER UINT64_MAX
#define WEFT__NOWHERE UINT32_MAX

enum timer_kind { TIMER_SLEEP, TIMER_SCOPE, TIMER_CALL, TIMER_PAIR };

struct timer {
  uint64_t time_ns; /* when it fires; WEFT__NEVER: not set */
  uint64_t order;   /* among equal times the smaller fires first */
  uint32_t place;   /* where it is kept; WEFT__NOWHERE: it is not set */
  uint32_t kind;    /* enum timer_kind: which struct it is part of */
};

struct timer_node {
  uint64_t time_ns;
  struct timer *timer;
};

/* A ring; see timer_row.h. */
struct timer_row {
  struct timer_node *nodes;
  uint32_t mask; /* room for so many, less 1: all ones */
  uint32_t head; /* the number of the first, of all there ever were */
  uint32_t tail; /* of the next to come */
};

struct timers {
  uint32_t count;    /* of those that are set */
  uint32_t capacity; /* of the heap, which has room for all that are set */
  uint64_t next_order;
  struct timer_row row;
  struct timer_node *heap;
  uint32_t heap_count;
};

static inline void weft__timer_init(struct timer *timer, enum timer_kind kind) {
  timer->time_ns = WEFT__NEVER;
  timer->place = WEFT__NOWHERE;
  timer->kind = (uint32_t)kind;
}
static inline bool weft__timer_is_set(const struct timer *timer) {
  return timer->place != WEFT__NOWHERE;
}
int weft__timer_set(weft_runtime *rt, struct timer *timer, uint64_t time_ns);
void weft__timer_take_out(weft_runtime *rt, struct timer *timer);
/* The time stays readable in the timer. */
static inline void weft__timer_clear(weft_runtime *rt, struct timer *timer) {
  if (weft__timer_is_set(timer))
    weft__timer_take_out(rt, timer);
}
/* Takes out the first timer that is due at [now_ns], or NULL. */
struct timer *weft__timer_pop(weft_runtime *rt, uint64_t now_ns);
uint64_t weft__timer_next(weft_runtime *rt); /* WEFT__NEVER if none */
void weft__timers_free(struct timers *timers);

#endif
