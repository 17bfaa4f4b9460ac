/* SPDX-License-Identifier: MIT
 * ring.h - pointers in the order they came: the storage of queues and channels.
 *
 * A ring doubles when it is full and never shrinks, so one that has held its
 * most does not allocate any more. Room is made apart from pushing: who has it
 * can push without fail, which lets a caller change nothing else before. A ring
 * of zeros is an empty one. */
#ifndef WEFT_RING_H
#define WEFT_RING_H

#include <stddef.h>

#include "weft.h"

struct ring {
  void **items;
  size_t capacity; /* 0 or a power of two */
  size_t first;    /* index of the oldest item */
  size_t count;
};

/* Makes room for one item more; WEFT_ENOMEM, and nothing has changed. */
int weft__ring_reserve(struct ring *ring);
/* Drops all items, the oldest first, and frees the ring. The caller has taken
 * it out of its owner before, for [drop] is the host's code and may call
 * anything. */
void weft__ring_drop(struct ring ring, weft_drop_fn drop);

/* Appends [item], for which there is room. */
static inline void weft__ring_push(struct ring *ring, void *item) {
  ring->items[(ring->first + ring->count) & (ring->capacity - 1)] = item;
  ring->count++;
}

/* Takes out the oldest item, of which there is one. */
static inline void *weft__ring_pop(struct ring *ring) {
  void *item = ring->items[ring->first];
  ring->first = (ring->first + 1) & (ring->capacity - 1);
  ring->count--;
  return item;
}

/* Takes out the newest item, of which there is one. */
static inline void *weft__ring_pop_newest(struct ring *ring) {
  ring->count--;
  return ring->items[(ring->first + ring->count) & (ring->capacity - 1)];
}

#endif
