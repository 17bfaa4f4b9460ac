/* SPDX-License-Identifier: MIT
 * sorted.h - pointers in the order of a function of the host's: the storage of
 * priority queues. */
#ifndef WEFT_SORTED_H
#define WEFT_SORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft.h"

/* All zeros but for [less]: an empty one. */
struct sorted {
  struct sorted_node *nodes; /* nodes[0] is none: 0 as an index is no node */
  uint32_t capacity;         /* of nodes, that one counted */
  uint32_t used;             /* nodes that were ever in use */
  uint32_t free;             /* the first of those that are not now */
  uint32_t root;
  uint32_t random; /* state of the generator of weights */
  size_t count;
  weft_less_fn less;
  void *arg;
  weft_drop_fn drop;
};

/* Where an item would go: below [parent], on its left or right. */
struct sorted_place {
  uint32_t parent;
  bool left;
};

/* Makes room for one item more; WEFT_ENOMEM, and nothing has changed. */
int weft__sorted_reserve(struct sorted *sorted);
/* Finds the place for [item]. It is good until something is added or taken. The
 * host's code runs, outside any task; what it fails with is returned. */
int weft__sorted_find(weft_runtime *rt, const struct sorted *sorted, void *item,
                      struct sorted_place *place);
/* Adds [item], for which there is room, at its place. */
void weft__sorted_add(struct sorted *sorted, struct sorted_place place,
                      void *item);
/* Takes out the first item, of which there is one. */
void *weft__sorted_take(struct sorted *sorted);
/* Frees the memory, and [arg] by its own function; it is empty. */
void weft__sorted_free(struct sorted sorted);

#endif
