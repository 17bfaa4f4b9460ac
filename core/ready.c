/* SPDX-License-Identifier: MIT
 * ready.c - the ready ring: what the next turn runs, in FIFO order.
 *
 * A ring of pointers: what comes next can be fetched ahead, which a linked
 * list does not allow. Room is reserved when a task or call is made, for each
 * stands in the ring at most once; so to wake never allocates and cannot
 * fail. */
#include "core.h"

#include <string.h>

static int grow(struct ready_ring *ring) {
  uint32_t old = ring->entries == NULL ? 0 : ring->mask + 1;
  uint32_t capacity = old == 0 ? 64 : old * 2;
  struct entry **entries = weft__alloc(capacity * sizeof *entries);
  if (entries == NULL)
    return WEFT_ENOMEM;
  uint32_t count = old == 0 ? 0 : ring->tail - ring->head;
  for (uint32_t i = 0; i < count; i++)
    entries[i] = ring->entries[(ring->head + i) & ring->mask];
  weft__free(ring->entries, old * sizeof *entries);
  ring->entries = entries;
  ring->mask = capacity - 1;
  ring->head = 0;
  ring->tail = count;
  return WEFT_OK;
}

int weft__ready_reserve_slowly(weft_runtime *rt) {
  struct ready_ring *ring = &rt->ready;
  if ((ring->entries == NULL || ring->reserved > ring->mask) &&
      grow(ring) != WEFT_OK)
    return WEFT_ENOMEM;
  ring->reserved++;
  return WEFT_OK;
}

/* Takes an entry out that is queued; the others keep their order. */
void weft__ready_remove(weft_runtime *rt, const struct entry *entry) {
  struct ready_ring *ring = &rt->ready;
  uint32_t kept = ring->head;
  for (uint32_t i = ring->head; i != ring->tail; i++)
    if (ring->entries[i & ring->mask] != entry)
      ring->entries[kept++ & ring->mask] = ring->entries[i & ring->mask];
  ring->tail = kept;
}
