/* SPDX-License-Identifier: MIT
 * list.h - an intrusive, circular, doubly linked list.
 *
 * A list head and a node are the same struct. A node that is in no list points
 * to itself, so removing it twice does no harm and "is it in a list" is one
 * comparison. Nothing here allocates. */
#ifndef WEFT_LIST_H
#define WEFT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
  struct list *next; /* the first of a head, the follower of a node */
  struct list *prev; /* the last of a head */
};

/* The struct of type [type] whose member [member] is at [node]. */
#define LIST_OWNER(node, type, member)                                         \
  ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *node) {
  node->next = node;
  node->prev = node;
}

static inline bool list_is_empty(const struct list *head) {
  return head->next == head;
}

/* Inserts [node], which is in no list, before [place]; before the head means
 * at the end. */
static inline void list_insert(struct list *place, struct list *node) {
  node->next = place;
  node->prev = place->prev;
  place->prev->next = node;
  place->prev = node;
}

static inline void list_remove(struct list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  list_init(node);
}

/* Moves all of [from] to the end of [to]. */
static inline void list_move_all(struct list *to, struct list *from) {
  if (list_is_empty(from))
    return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  list_init(from);
}

#endif
