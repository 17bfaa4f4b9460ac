/* SPDX-License-Identifier: MIT
 * ring.c - a ring's memory: how it grows and how it goes. */
#include "core.h"
#include "ring.h"

#include <string.h>

#define CAPACITY_MIN 8

int weft__ring_reserve(struct ring *ring) {
  size_t capacity = ring->capacity;
  if (ring->count < capacity)
    return WEFT_OK;
  if (capacity > SIZE_MAX / 2 / sizeof(void *))
    return WEFT_ENOMEM;
  size_t wanted = capacity == 0 ? CAPACITY_MIN : capacity * 2;
  void **items = weft__resize(ring->items, capacity * sizeof(void *),
                              wanted * sizeof(void *));
  if (items == NULL)
    return WEFT_ENOMEM;
  /* The items that had wrapped round to the front follow the others now. */
  memcpy(items + capacity, items, ring->first * sizeof(void *));
  ring->items = items;
  ring->capacity = wanted;
  return WEFT_OK;
}

void weft__ring_drop(struct ring ring, weft_drop_fn drop) {
  while (ring.count > 0)
    weft__drop(drop, weft__ring_pop(&ring));
  weft__free(ring.items, ring.capacity * sizeof(void *));
}
