/* SPDX-License-Identifier: MIT
 * timer_row.h - the times that were set in their own order.
 *
 * Timeouts of one length come due in the order in which they are set, and most
 * are left before. So a time that is not before the last one of the row goes to
 * its end, which needs no search; only others go to the heap. A ring of (time,
 * timer): one that is taken out of the middle leaves a hole, those at the ends
 * are closed at once. One that is full either has holes for half of it, which
 * are closed, or grows; where there is no memory for that the heap has room. */
#ifndef WEFT_TIMER_ROW_H
#define WEFT_TIMER_ROW_H

#include "timer.h"

#define WEFT__IN_ROW (UINT32_C(1) << 31) /* in timer.place */

static inline struct timer_node *weft__row_at(const struct timer_row *row,
                                              uint32_t number) {
  return &row->nodes[number & row->mask];
}

static inline bool weft__row_is_empty(const struct timer_row *row) {
  return row->head == row->tail;
}

/* Whether the time may go to its end. */
static inline bool weft__row_takes(const struct timer_row *row,
                                   uint64_t time_ns) {
  return weft__row_is_empty(row) ||
         weft__row_at(row, row->tail - 1)->time_ns <= time_ns;
}

static inline void weft__row_place(struct timer_row *row, uint32_t number,
                                   struct timer_node node) {
  *weft__row_at(row, number) = node;
  node.timer->place = (number & row->mask) | WEFT__IN_ROW;
}

/* Moves all to the row [to], which may be the same, from its [number] on, and
 * closes the holes. */
static inline void weft__row_move(struct timer_row *from, struct timer_row *to,
                                  uint32_t number) {
  uint32_t end = from->tail;
  to->head = number;
  for (uint32_t i = from->head; i != end; i++)
    if (weft__row_at(from, i)->timer != NULL)
      weft__row_place(to, number++, *weft__row_at(from, i));
  to->tail = number;
}

static inline bool weft__row_is_full(const struct timer_row *row) {
  return row->tail - row->head > row->mask;
}

static inline void weft__row_take_out(struct timer_row *row,
                                      struct timer *timer) {
  row->nodes[timer->place & ~WEFT__IN_ROW].timer = NULL;
  while (row->head != row->tail &&
         weft__row_at(row, row->tail - 1)->timer == NULL)
    row->tail--;
  while (row->head != row->tail && weft__row_at(row, row->head)->timer == NULL)
    row->head++;
}

#endif
