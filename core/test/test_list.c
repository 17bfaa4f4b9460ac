/* SPDX-License-Identifier: MIT
 * test_list.c - the intrusive list: order, removal, moving all. */
#include "../list.h"
#include "check.h"

struct item {
  int number;
  struct list node;
};

/* Whether the list holds just these numbers, read in both directions. */
static void check_order(const struct list *head, const int *numbers,
                        int count) {
  const struct list *node = head->next;
  for (int i = 0; i < count; i++, node = node->next) {
    CHECK(node != head);
    CHECK_INT(numbers[i], LIST_OWNER(node, struct item, node)->number);
  }
  CHECK(node == head);
  node = head->prev;
  for (int i = count; i-- > 0; node = node->prev)
    CHECK_INT(numbers[i], LIST_OWNER(node, struct item, node)->number);
  CHECK(node == head);
}

static void fill(struct list *head, struct item *items, int first, int count) {
  list_init(head);
  for (int i = 0; i < count; i++) {
    items[i].number = first + i;
    list_init(&items[i].node);
    list_insert(head, &items[i].node);
  }
}

TEST("a fresh head is empty, and a fresh node is in no list") {
  struct list head;
  list_init(&head);
  CHECK(list_is_empty(&head));
  CHECK(head.next == &head);
  CHECK(head.prev == &head);
}

TEST("what is inserted before the head stands at the end") {
  struct list head;
  struct item items[3];
  fill(&head, items, 1, 3);
  check_order(&head, (int[]){1, 2, 3}, 3);
  CHECK(!list_is_empty(&head));
}

TEST("what is inserted before a node, or first, stands there") {
  struct list head;
  struct item items[2], between = {7, {NULL, NULL}}, first = {8, {NULL, NULL}};
  fill(&head, items, 1, 2);
  list_insert(&items[1].node, &between.node);
  list_insert(head.next, &first.node);
  check_order(&head, (int[]){8, 1, 7, 2}, 4);
}

TEST("a node can be removed from any place, and twice does no harm") {
  struct list head;
  struct item items[4];
  fill(&head, items, 1, 4);
  list_remove(&items[1].node);
  check_order(&head, (int[]){1, 3, 4}, 3);
  CHECK(list_is_empty(&items[1].node));
  list_remove(&items[1].node);
  list_remove(&items[0].node);
  list_remove(&items[3].node);
  check_order(&head, (int[]){3}, 1);
  list_remove(&items[2].node);
  CHECK(list_is_empty(&head));
}

TEST("a removed node can be inserted anew") {
  struct list head;
  struct item items[3];
  fill(&head, items, 1, 3);
  list_remove(&items[0].node);
  list_insert(&head, &items[0].node);
  check_order(&head, (int[]){2, 3, 1}, 3);
}

TEST("all of a list moves behind what is there, and leaves it empty") {
  struct list to, from;
  struct item items[2], more[3];
  fill(&to, items, 1, 2);
  fill(&from, more, 3, 3);
  list_move_all(&to, &from);
  check_order(&to, (int[]){1, 2, 3, 4, 5}, 5);
  CHECK(list_is_empty(&from));
}

TEST("moving to and from an empty list") {
  struct list to, from;
  struct item items[2];
  list_init(&to);
  fill(&from, items, 1, 2);
  list_move_all(&to, &from);
  check_order(&to, (int[]){1, 2}, 2);
  list_move_all(&to, &from);
  check_order(&to, (int[]){1, 2}, 2);
  CHECK(list_is_empty(&from));
}
