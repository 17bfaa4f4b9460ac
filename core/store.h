/* SPDX-License-Identifier: MIT
 * store.h - what a queue holds, in the order in which it will be got.
 *
 * An item is stored in three steps: room is made, its place is found, it is
 * added. The first two may fail and change nothing, the third cannot. In the
 * second the host's code may run and do anything; who stores must see to it
 * that nothing is added or taken meanwhile. */
#ifndef WEFT_STORE_H
#define WEFT_STORE_H

#include "core.h"
#include "ring.h"
#include "sorted.h"

enum store_order { STORE_FIFO, STORE_LIFO, STORE_SORTED };

/* All zeros: an empty one, in the order they come. */
struct store {
  enum store_order order;
  struct ring ring;     /* the items, unless they are sorted */
  struct sorted sorted; /* the items, if they are */
};

static inline size_t weft__store_count(const struct store *store) {
  return store->ring.count + store->sorted.count;
}

static inline int weft__store_reserve(struct store *store) {
  return WEFT__LIKELY(store->order != STORE_SORTED)
             ? weft__ring_reserve(&store->ring)
             : weft__sorted_reserve(&store->sorted);
}

/* Whether finding a place runs the host's code. */
static inline bool weft__store_compares(const struct store *store) {
  return WEFT__UNLIKELY(store->order == STORE_SORTED);
}

/* For one that compares; to another all places are the same. */
static inline int weft__store_find(weft_runtime *rt, const struct store *store,
                                   void *item, struct sorted_place *place) {
  return weft__sorted_find(rt, &store->sorted, item, place);
}

static inline void weft__store_add(struct store *store,
                                   struct sorted_place place, void *item) {
  if (WEFT__LIKELY(store->order != STORE_SORTED))
    weft__ring_push(&store->ring, item);
  else
    weft__sorted_add(&store->sorted, place, item);
}

/* Takes out the item that is next, of which there is one. */
static inline void *weft__store_take(struct store *store) {
  if (WEFT__LIKELY(store->order == STORE_FIFO))
    return weft__ring_pop(&store->ring);
  return store->order == STORE_LIFO ? weft__ring_pop_newest(&store->ring)
                                    : weft__sorted_take(&store->sorted);
}

/* Drops all items, in the order in which they would have been got, and frees
 * the store; see weft__ring_drop. */
static inline void weft__store_drop(struct store store, weft_drop_fn drop) {
  while (weft__store_count(&store) > 0)
    weft__drop(drop, weft__store_take(&store));
  weft__ring_drop(store.ring, NULL);
  weft__sorted_free(store.sorted);
}

#endif
