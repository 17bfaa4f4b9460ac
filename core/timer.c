/* SPDX-License-Identifier: MIT
 * timer.c - the times of sleeps, calls and deadlines in one order.
 *
 * A time that is not before the last one in a row (timer_row.h) goes to the end
 * of that, any other to a 4-ary heap of (time, timer): four children are as
 * long as a cache line, and the time beside the pointer spares a look at the
 * timer itself unless two times are equal; then the order in which they were
 * set decides. Each timer knows its place, so clearing one needs no search. A
 * hierarchical wheel is faster to fill, but has to sort each slot to keep the
 * order of equal times. */
#include "core.h"
#include "timer_row.h"

#define ARITY 4
#define CAPACITY_MIN 64

static bool is_before(const struct timer_node *a, const struct timer_node *b) {
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns;
  return a->timer->order < b->timer->order;
}

/* -- The heap ------------------------------------------------------------- */

static void place(struct timers *timers, uint32_t index,
                  struct timer_node node) {
  timers->heap[index] = node;
  node.timer->place = index;
}

/* Moves [node] from the hole at [index] towards the root. */
static void sift_up(struct timers *timers, uint32_t index,
                    struct timer_node node) {
  while (index > 0) {
    uint32_t parent = (index - 1) / ARITY;
    if (!is_before(&node, &timers->heap[parent]))
      break;
    place(timers, index, timers->heap[parent]);
    index = parent;
  }
  place(timers, index, node);
}

static uint32_t first_child(const struct timers *timers, uint32_t index) {
  uint32_t best = index * ARITY + 1, count = timers->heap_count;
  uint32_t end = best + ARITY < count ? best + ARITY : count;
  for (uint32_t child = best + 1; child < end; child++)
    if (is_before(&timers->heap[child], &timers->heap[best]))
      best = child;
  return best;
}

/* Moves [node] from the hole at [index] towards the leaves. */
static void sift_down(struct timers *timers, uint32_t index,
                      struct timer_node node) {
  while (index * ARITY + 1 < timers->heap_count) {
    uint32_t child = first_child(timers, index);
    if (!is_before(&timers->heap[child], &node))
      break;
    place(timers, index, timers->heap[child]);
    index = child;
  }
  place(timers, index, node);
}

static void heap_push(struct timers *timers, struct timer_node node) {
  sift_up(timers, timers->heap_count++, node);
}

static void heap_take_out(struct timers *timers, uint32_t index) {
  struct timer_node last = timers->heap[--timers->heap_count];
  if (index == timers->heap_count)
    return;
  if (index > 0 && is_before(&last, &timers->heap[(index - 1) / ARITY]))
    sift_up(timers, index, last);
  else
    sift_down(timers, index, last);
}

/* -- Room ----------------------------------------------------------------- */

static size_t bytes_of(uint32_t nodes) {
  return nodes * sizeof(struct timer_node);
}

static uint32_t row_size(const struct timer_row *row) {
  return row->nodes == NULL ? 0 : row->mask + 1;
}

/* False for want of memory; then it is as it was. */
static bool row_grow(struct timer_row *row) {
  uint32_t old = row_size(row), size = old == 0 ? CAPACITY_MIN : 2 * old;
  struct timer_row larger = {.mask = size - 1};
  larger.nodes = weft__resize(NULL, 0, bytes_of(size));
  if (larger.nodes == NULL)
    return false;
  weft__row_move(row, &larger, 0);
  weft__free(row->nodes, bytes_of(old));
  *row = larger;
  return true;
}

/* For one more in a row that is full; false for want of memory. */
static WEFT__APART bool row_make_room(struct timers *timers) {
  struct timer_row *row = &timers->row;
  uint32_t others = timers->count - 1 - timers->heap_count;
  if (others > row_size(row) / 2)
    return row_grow(row);
  weft__row_move(row, row, row->head);
  return true;
}

/* The heap has room for all there are: one that is set needs no memory to be
 * set anew, whatever its time. */
static WEFT__APART int grow(struct timers *timers) {
  uint32_t old = timers->capacity;
  uint32_t capacity = old == 0 ? CAPACITY_MIN : old * 2;
  if (timers->row.nodes == NULL && !row_grow(&timers->row))
    return WEFT_ENOMEM;
  struct timer_node *heap =
      weft__resize(timers->heap, bytes_of(old), bytes_of(capacity));
  if (heap == NULL)
    return WEFT_ENOMEM;
  timers->heap = heap;
  timers->capacity = capacity;
  return WEFT_OK;
}

void weft__timers_free(struct timers *timers) {
  weft__free(timers->row.nodes, bytes_of(row_size(&timers->row)));
  weft__free(timers->heap, bytes_of(timers->capacity));
}

/* -- The order of both ---------------------------------------------------- */

/* One time far away would keep all others out of a row that has no other. */
static WEFT__APART void make_way(struct timers *timers) {
  struct timer_node node = *weft__row_at(&timers->row, timers->row.head);
  timers->row.head = timers->row.tail;
  heap_push(timers, node);
}

static inline void insert(struct timers *timers, struct timer_node node) {
  struct timer_row *row = &timers->row;
  if (!weft__row_takes(row, node.time_ns) && row->tail - row->head == 1)
    make_way(timers);
  if (WEFT__LIKELY(weft__row_takes(row, node.time_ns)) &&
      (WEFT__LIKELY(!weft__row_is_full(row)) || row_make_room(timers)))
    weft__row_place(row, row->tail++, node);
  else
    heap_push(timers, node);
}

int weft__timer_set(weft_runtime *rt, struct timer *timer, uint64_t time_ns) {
  struct timers *timers = &rt->timers;
  if (time_ns != WEFT__NEVER && !weft__timer_is_set(timer) &&
      timers->count == timers->capacity && grow(timers) != WEFT_OK)
    return WEFT_ENOMEM;
  weft__timer_clear(rt, timer);
  timer->time_ns = time_ns;
  if (time_ns == WEFT__NEVER)
    return WEFT_OK;
  timer->order = timers->next_order++;
  timers->count++;
  insert(timers, (struct timer_node){time_ns, timer});
  return WEFT_OK;
}

void weft__timer_take_out(weft_runtime *rt, struct timer *timer) {
  struct timers *timers = &rt->timers;
  if (WEFT__LIKELY((timer->place & WEFT__IN_ROW) != 0))
    weft__row_take_out(&timers->row, timer);
  else
    heap_take_out(timers, timer->place);
  timer->place = WEFT__NOWHERE;
  timers->count--;
}

/* NULL if there is none. */
static const struct timer_node *first(const struct timers *timers) {
  const struct timer_node *of_heap =
      timers->heap_count == 0 ? NULL : timers->heap;
  if (weft__row_is_empty(&timers->row))
    return of_heap;
  const struct timer_node *of_row =
      weft__row_at(&timers->row, timers->row.head);
  return of_heap == NULL || is_before(of_row, of_heap) ? of_row : of_heap;
}

struct timer *weft__timer_pop(weft_runtime *rt, uint64_t now_ns) {
  const struct timer_node *node = first(&rt->timers);
  if (node == NULL || node->time_ns > now_ns)
    return NULL;
  struct timer *timer = node->timer;
  weft__timer_take_out(rt, timer);
  return timer;
}

uint64_t weft__timer_next(weft_runtime *rt) {
  const struct timer_node *node = first(&rt->timers);
  return node == NULL ? WEFT__NEVER : node->time_ns;
}
