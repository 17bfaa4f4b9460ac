/* SPDX-License-Identifier: MIT
 * sorted.c - pointers in the order of a function of the host's.
 *
 * All comparing is done when an item comes in: the function may fail, and then
 * it is that item's putting which fails. A heap would have to compare when one
 * is taken out too, where nobody is left to be told. So this is a search tree,
 * whose first item is at its left end; a new one goes to the right of all that
 * it is not less than, which keeps equal ones in the order they came.
 *
 * The tree is a treap: each node has a random weight, none is heavier than its
 * parent, and that keeps the depth near the logarithm of the count. Putting it
 * right after an insertion is a few rotations, after taking the first nothing
 * at all. The nodes are in one array, which doubles when it is full and never
 * shrinks. */
#include "core.h"
#include "sorted.h"

#include <string.h>

#define CAPACITY_MIN 16
#define CAPACITY_MAX (UINT32_C(1) << 31)
#define SEED 0x9E3779B9

struct sorted_node {
  void *item;
  uint32_t left; /* 0: none, here and below; a free node's next free one */
  uint32_t right;
  uint32_t parent;
  uint32_t weight;
};

/* -- Memory --------------------------------------------------------------- */

int weft__sorted_reserve(struct sorted *sorted) {
  uint32_t capacity = sorted->capacity;
  if (sorted->free != 0 || sorted->used + 1 < capacity)
    return WEFT_OK;
  if (capacity == CAPACITY_MAX)
    return WEFT_ENOMEM;
  uint32_t wanted = capacity == 0 ? CAPACITY_MIN : capacity * 2;
  struct sorted_node *nodes = weft__resize(
      sorted->nodes, capacity * sizeof *nodes, wanted * sizeof *nodes);
  if (nodes == NULL)
    return WEFT_ENOMEM;
  sorted->nodes = nodes;
  sorted->capacity = wanted;
  return WEFT_OK;
}

void weft__sorted_free(struct sorted sorted) {
  weft__free(sorted.nodes, sorted.capacity * sizeof *sorted.nodes);
  weft__drop(sorted.drop, sorted.arg);
}

static uint32_t take_node(struct sorted *sorted) {
  uint32_t index = sorted->free;
  if (index == 0)
    return ++sorted->used;
  sorted->free = sorted->nodes[index].left;
  return index;
}

static void give_node(struct sorted *sorted, uint32_t index) {
  sorted->nodes[index].left = sorted->free;
  sorted->free = index;
}

/* Of a fixed seed: what is compared with what is the same in every run. */
static uint32_t next_weight(struct sorted *sorted) {
  uint32_t state = sorted->random == 0 ? SEED : sorted->random;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  sorted->random = state;
  return state;
}

/* -- Comparing ------------------------------------------------------------ */

/* The host's function may do much, even cancel the task that asks. */
static int is_less(weft_runtime *rt, const struct sorted *sorted, void *a,
                   void *b) {
  struct aside was = weft__aside_begin(rt);
  int less = sorted->less(sorted->arg, a, b);
  weft__aside_end(rt, was);
  return less;
}

int weft__sorted_find(weft_runtime *rt, const struct sorted *sorted, void *item,
                      struct sorted_place *place) {
  *place = (struct sorted_place){0};
  uint32_t index = sorted->root;
  while (index != 0) {
    const struct sorted_node *node = &sorted->nodes[index];
    int less = is_less(rt, sorted, item, node->item);
    if (less < 0)
      return less;
    *place = (struct sorted_place){.parent = index, .left = less > 0};
    index = less > 0 ? node->left : node->right;
  }
  return WEFT_OK;
}

/* -- The tree ------------------------------------------------------------- */

/* Puts the subtree [index] where the child [old] of [parent] was. */
static void replace_child(struct sorted *sorted, uint32_t parent, uint32_t old,
                          uint32_t index) {
  struct sorted_node *nodes = sorted->nodes;
  if (parent == 0)
    sorted->root = index;
  else if (nodes[parent].left == old)
    nodes[parent].left = index;
  else
    nodes[parent].right = index;
  if (index != 0)
    nodes[index].parent = parent;
}

/* Exchanges a node and its parent; the order of the items stays. */
static void rotate_up(struct sorted *sorted, uint32_t index) {
  struct sorted_node *node = &sorted->nodes[index];
  uint32_t lower = node->parent;
  struct sorted_node *parent = &sorted->nodes[lower];
  uint32_t inner;
  replace_child(sorted, parent->parent, lower, index);
  if (parent->left == index) {
    inner = node->right;
    node->right = lower;
    parent->left = inner;
  } else {
    inner = node->left;
    node->left = lower;
    parent->right = inner;
  }
  parent->parent = index;
  if (inner != 0)
    sorted->nodes[inner].parent = lower;
}

void weft__sorted_add(struct sorted *sorted, struct sorted_place place,
                      void *item) {
  uint32_t index = take_node(sorted);
  struct sorted_node *node = &sorted->nodes[index];
  *node = (struct sorted_node){
      .item = item, .parent = place.parent, .weight = next_weight(sorted)};
  if (place.parent == 0)
    sorted->root = index;
  else if (place.left)
    sorted->nodes[place.parent].left = index;
  else
    sorted->nodes[place.parent].right = index;
  while (node->parent != 0 && sorted->nodes[node->parent].weight < node->weight)
    rotate_up(sorted, index);
  sorted->count++;
}

void *weft__sorted_take(struct sorted *sorted) {
  const struct sorted_node *nodes = sorted->nodes;
  uint32_t index = sorted->root;
  while (nodes[index].left != 0)
    index = nodes[index].left;
  void *item = nodes[index].item;
  replace_child(sorted, nodes[index].parent, index, nodes[index].right);
  give_node(sorted, index);
  sorted->count--;
  return item;
}
