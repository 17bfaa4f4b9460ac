/* SPDX-License-Identifier: MIT
 * timer.c - the one heap of times: sleeps, calls and deadlines in one order.
 *
 * A 4-ary heap of (time, timer): four children share a cache line, and the
 * time beside the pointer spares a look at the timer itself unless two times
 * are equal; then the order in which they were set decides. Each timer knows
 * its place, so clearing one needs no search. A hierarchical wheel is faster
 * to fill, but has to sort each slot to keep the order of equal times. */
#include "core.h"

#define ARITY 4
#define NOWHERE UINT32_MAX

static bool is_before(const struct heap_node *a, const struct heap_node *b) {
  if (a->time_ns != b->time_ns)
    return a->time_ns < b->time_ns;
  return a->timer->order < b->timer->order;
}

static void place(struct timer_heap *heap, uint32_t index,
                  struct heap_node node) {
  heap->nodes[index] = node;
  node.timer->heap_index = index;
}

/* Moves [node] from the hole at [index] towards the root. */
static void sift_up(struct timer_heap *heap, uint32_t index,
                    struct heap_node node) {
  while (index > 0) {
    uint32_t parent = (index - 1) / ARITY;
    if (!is_before(&node, &heap->nodes[parent]))
      break;
    place(heap, index, heap->nodes[parent]);
    index = parent;
  }
  place(heap, index, node);
}

static uint32_t first_child(const struct timer_heap *heap, uint32_t index) {
  uint32_t best = index * ARITY + 1;
  uint32_t end = best + ARITY < heap->count ? best + ARITY : heap->count;
  for (uint32_t child = best + 1; child < end; child++)
    if (is_before(&heap->nodes[child], &heap->nodes[best]))
      best = child;
  return best;
}

/* Moves [node] from the hole at [index] towards the leaves. */
static void sift_down(struct timer_heap *heap, uint32_t index,
                      struct heap_node node) {
  while (index * ARITY + 1 < heap->count) {
    uint32_t child = first_child(heap, index);
    if (!is_before(&heap->nodes[child], &node))
      break;
    place(heap, index, heap->nodes[child]);
    index = child;
  }
  place(heap, index, node);
}

static int reserve(struct timer_heap *heap) {
  if (heap->count < heap->capacity)
    return WEFT_OK;
  uint32_t capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
  struct heap_node *nodes = weft__resize(
      heap->nodes, heap->capacity * sizeof *nodes, capacity * sizeof *nodes);
  if (nodes == NULL)
    return WEFT_ENOMEM;
  heap->nodes = nodes;
  heap->capacity = capacity;
  return WEFT_OK;
}

static void take_out(struct timer_heap *heap, uint32_t index) {
  heap->nodes[index].timer->heap_index = NOWHERE;
  struct heap_node last = heap->nodes[--heap->count];
  if (index == heap->count)
    return;
  if (index > 0 && is_before(&last, &heap->nodes[(index - 1) / ARITY]))
    sift_up(heap, index, last);
  else
    sift_down(heap, index, last);
}

int weft__timer_set(weft_runtime *rt, struct timer *timer, uint64_t time_ns) {
  struct timer_heap *heap = &rt->timers;
  if (time_ns != WEFT__NEVER && !weft__timer_is_set(timer) &&
      reserve(heap) != WEFT_OK)
    return WEFT_ENOMEM;
  weft__timer_clear(rt, timer);
  timer->time_ns = time_ns;
  if (time_ns == WEFT__NEVER)
    return WEFT_OK;
  timer->order = heap->next_order++;
  sift_up(heap, heap->count++, (struct heap_node){time_ns, timer});
  return WEFT_OK;
}

void weft__timer_take_out(weft_runtime *rt, struct timer *timer) {
  take_out(&rt->timers, timer->heap_index);
}

struct timer *weft__timer_pop(weft_runtime *rt, uint64_t now_ns) {
  struct timer_heap *heap = &rt->timers;
  if (heap->count == 0 || heap->nodes[0].time_ns > now_ns)
    return NULL;
  struct timer *timer = heap->nodes[0].timer;
  take_out(heap, 0);
  return timer;
}

uint64_t weft__timer_next(weft_runtime *rt) {
  return rt->timers.count == 0 ? WEFT__NEVER : rt->timers.nodes[0].time_ns;
}
