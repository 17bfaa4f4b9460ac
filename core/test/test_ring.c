/* SPDX-License-Identifier: MIT
 * test_ring.c - the ring: order, growth while wrapped round, both ends. */
#include "../ring.h"
#include "failing.h"

static char bytes[1000];
static int dropped[1000];
static int drop_count;

static void note(void *item) {
  dropped[drop_count++] = (int)((char *)item - bytes);
}

static void push(struct ring *ring, int number) {
  CHECK_INT(WEFT_OK, weft__ring_reserve(ring));
  weft__ring_push(ring, &bytes[number]);
}

static int pop(struct ring *ring) {
  return (int)((char *)weft__ring_pop(ring) - bytes);
}

static int pop_newest(struct ring *ring) {
  return (int)((char *)weft__ring_pop_newest(ring) - bytes);
}

TEST("a ring of zeros is empty, and dropping it is nothing") {
  failing_install();
  weft__ring_drop((struct ring){0}, note);
  CHECK_INT(0, drop_count);
  CHECK_INT(0, failing_allocations());
}

TEST("items come out in the order they went in, however it wraps round") {
  failing_install();
  struct ring ring = {0};
  int in = 0, out = 0;
  while (in + 7 <= 700) {
    for (int i = 0; i < 7; i++)
      push(&ring, in++);
    for (int i = 0; i < 3; i++)
      CHECK_INT(out++, pop(&ring));
    CHECK_INT(in - out, ring.count);
  }
  while (ring.count > 0)
    CHECK_INT(out++, pop(&ring));
  CHECK_INT(in, out);
  weft__ring_drop(ring, NULL);
  CHECK_INT(0, failing_live());
}

TEST("the newest can be taken too, also across the seam") {
  failing_install();
  struct ring ring = {0};
  for (int i = 0; i < 8; i++)
    push(&ring, i);
  for (int i = 0; i < 6; i++)
    CHECK_INT(i, pop(&ring));
  push(&ring, 8);
  push(&ring, 9);
  CHECK_INT(8, ring.capacity);
  CHECK_INT(9, pop_newest(&ring));
  CHECK_INT(8, pop_newest(&ring));
  CHECK_INT(7, pop_newest(&ring));
  CHECK_INT(6, pop(&ring));
  CHECK_INT(0, ring.count);
  weft__ring_drop(ring, NULL);
}

TEST("it grows wherever its seam is") {
  failing_install();
  for (int seam = 0; seam < 8; seam++) {
    struct ring ring = {0};
    for (int i = 0; i < seam; i++)
      push(&ring, 0);
    for (int i = 0; i < seam; i++)
      pop(&ring);
    for (int i = 0; i < 9; i++)
      push(&ring, i);
    CHECK_INT(16, ring.capacity);
    for (int i = 0; i < 9; i++)
      CHECK_INT(i, pop(&ring));
    weft__ring_drop(ring, NULL);
  }
  CHECK_INT(0, failing_live());
}

TEST("what it has held once it holds again without allocating") {
  failing_install();
  struct ring ring = {0};
  for (int i = 0; i < 100; i++)
    push(&ring, i);
  while (ring.count > 0)
    pop(&ring);
  long before = failing_allocations();
  for (int i = 0; i < 100; i++)
    push(&ring, i);
  CHECK_INT(before, failing_allocations());
  weft__ring_drop(ring, NULL);
}

TEST("without memory there is no room, and what is stored stays [3.11]") {
  failing_install();
  struct ring ring = {0};
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft__ring_reserve(&ring));
  for (int i = 0; i < 8; i++)
    push(&ring, i);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft__ring_reserve(&ring));
  failing_after(0);
  for (int i = 0; i < 8; i++)
    CHECK_INT(i, pop(&ring));
  weft__ring_drop(ring, NULL);
  CHECK_INT(0, failing_live());
}

TEST("dropping it drops each item once, the oldest first") {
  failing_install();
  struct ring ring = {0};
  for (int i = 0; i < 8; i++)
    push(&ring, i);
  pop(&ring);
  pop(&ring);
  push(&ring, 8);
  weft__ring_drop(ring, note);
  CHECK_INT(7, drop_count);
  for (int i = 0; i < 7; i++)
    CHECK_INT(i + 2, dropped[i]);
  CHECK_INT(0, failing_live());
}
