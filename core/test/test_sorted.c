/* SPDX-License-Identifier: MIT
 * test_sorted.c - the sorted store: order, ties, a failing function, depth,
 * memory. */
#include "../core.h"
#include "../sorted.h"
#include "job.h"

struct card {
  int rank;
  int number; /* equal ranks come out by this, smallest first */
};

static struct card cards[2000];
static int compared;
static int fail_after; /* comparisons; 0: none fails */

static int card_less(void *arg, void *a, void *b) {
  CHECK(arg == cards);
  compared++;
  if (fail_after > 0 && --fail_after == 0)
    return WEFT_EHOST;
  return ((struct card *)a)->rank < ((struct card *)b)->rank;
}

static int dropped_args;

static void drop_arg(void *arg) {
  CHECK(arg == cards);
  dropped_args++;
}

static struct sorted fresh(void) {
  return (struct sorted){.less = card_less, .arg = cards, .drop = drop_arg};
}

static int add(weft_runtime *rt, struct sorted *sorted, struct card *card) {
  struct sorted_place place;
  int status = weft__sorted_reserve(sorted);
  if (status == WEFT_OK)
    status = weft__sorted_find(rt, sorted, card, &place);
  if (status == WEFT_OK)
    weft__sorted_add(sorted, place, card);
  return status;
}

static void add_rank(weft_runtime *rt, struct sorted *sorted, int number,
                     int rank) {
  cards[number] = (struct card){rank, number};
  CHECK_INT(WEFT_OK, add(rt, sorted, &cards[number]));
}

static struct card take(struct sorted *sorted) {
  return *(struct card *)weft__sorted_take(sorted);
}

static int next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (int)(*state >> 16);
}

/* Takes all out; each is to come after the one before. */
static void check_all_sorted(struct sorted *sorted, size_t count) {
  struct card last = {-1, -1};
  CHECK_INT(count, sorted->count);
  while (sorted->count > 0) {
    struct card card = take(sorted);
    CHECK(card.rank > last.rank ||
          (card.rank == last.rank && card.number > last.number));
    last = card;
    count--;
  }
  CHECK_INT(0, count);
}

static void finish(weft_runtime *rt, struct sorted *sorted) {
  int before = dropped_args;
  weft__sorted_free(*sorted);
  CHECK_INT(before + 1, dropped_args);
  end(rt);
}

TEST("what goes before comes out before, equal ones in the order they came") {
  for (int ranks = 1; ranks <= 1000; ranks *= 10) {
    weft_runtime *rt = begin();
    struct sorted sorted = fresh();
    uint32_t random = 1;
    for (int i = 0; i < 1000; i++)
      add_rank(rt, &sorted, i, next_random(&random) % ranks);
    check_all_sorted(&sorted, 1000);
    finish(rt, &sorted);
  }
}

TEST("adding and taking in turns, the first is always the first") {
  weft_runtime *rt = begin();
  struct sorted sorted = fresh();
  int stored[10] = {0}; /* how many of each rank */
  uint32_t random = 7;
  for (int i = 0; i < 2000; i++) {
    int rank = next_random(&random) % 10;
    add_rank(rt, &sorted, i, rank);
    stored[rank]++;
    if (next_random(&random) % 2 == 0)
      continue;
    int first = 0;
    while (stored[first] == 0)
      first++;
    CHECK_INT(first, take(&sorted).rank);
    stored[first]--;
  }
  check_all_sorted(&sorted, sorted.count);
  finish(rt, &sorted);
}

TEST("ranks that rise, fall or stay need comparisons in proportion to log n") {
  for (int slope = -1; slope <= 1; slope++) {
    weft_runtime *rt = begin();
    struct sorted sorted = fresh();
    compared = 0;
    for (int i = 0; i < 2000; i++)
      add_rank(rt, &sorted, i, 5000 + slope * i);
    CHECK(compared < 2000 * 2 * 11); /* 2 ^ 11 = 2048 */
    CHECK(compared > 2000);
    compared = 0;
    check_all_sorted(&sorted, 2000);
    CHECK_INT(0, compared);
    finish(rt, &sorted);
  }
}

TEST("where the function fails, nothing has changed [20.3]") {
  weft_runtime *rt = begin();
  struct sorted sorted = fresh();
  struct card late = {50, 1000};
  for (int i = 0; i < 100; i++)
    add_rank(rt, &sorted, i, (i * 37) % 100);
  int failures = 0;
  for (;; failures++) {
    fail_after = failures + 1;
    if (add(rt, &sorted, &late) == WEFT_OK)
      break;
    CHECK_INT(100, sorted.count);
  }
  CHECK(failures > 2 && failures < 40);
  check_all_sorted(&sorted, 101);
  finish(rt, &sorted);
}

static int not_even_an_order(void *arg, void *a, void *b) {
  (void)arg;
  (void)a;
  (void)b;
  return next_random(&((uint32_t *)arg)[0]) % 3;
}

TEST("a function that says anything loses no item and gives none twice") {
  weft_runtime *rt = begin();
  uint32_t random = 3;
  struct sorted sorted = {.less = not_even_an_order, .arg = &random};
  int seen[1000] = {0};
  for (int i = 0; i < 1000; i++)
    add_rank(rt, &sorted, i, 0);
  while (sorted.count > 0)
    seen[take(&sorted).number]++;
  for (int i = 0; i < 1000; i++)
    CHECK_INT(1, seen[i]);
  weft__sorted_free(sorted);
  end(rt);
}

static struct {
  weft_runtime *rt;
  weft_task current; /* what the function finds to be running */
  int parked;        /* what a parking call in it gives */
} seen;

static int look_around(void *arg, void *a, void *b) {
  (void)arg;
  (void)a;
  (void)b;
  weft_task_current(seen.rt, &seen.current);
  seen.parked = weft_checkpoint(seen.rt);
  return 0;
}

static int add_two(weft_runtime *rt, void *arg) {
  add_rank(rt, arg, 0, 1);
  add_rank(rt, arg, 1, 1);
  return weft_checkpoint(rt);
}

TEST("the function runs outside any task and cannot park [20.3] [1.11]") {
  weft_runtime *rt = begin();
  struct sorted sorted = {.less = look_around};
  weft_task task;
  seen.rt = rt;
  seen.current = 7;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, add_two, &sorted, NULL, &task));
  turn(rt);
  CHECK_INT(0, seen.current);
  CHECK_INT(WEFT_ESTATE, seen.parked);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, task));
  CHECK_INT(2, sorted.count);
  weft__sorted_free(sorted);
  end(rt);
}

TEST("what it has held once it holds again without allocating") {
  weft_runtime *rt = begin();
  struct sorted sorted = fresh();
  for (int round = 0; round < 2; round++) {
    long before = failing_allocations();
    for (int i = 0; i < 100; i++)
      add_rank(rt, &sorted, i, i % 7);
    CHECK(round == 0 || before == failing_allocations());
    check_all_sorted(&sorted, 100);
  }
  finish(rt, &sorted);
}

TEST("without memory there is no room, and what is stored stays [3.11]") {
  weft_runtime *rt = begin();
  struct sorted sorted = fresh();
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft__sorted_reserve(&sorted));
  int count = 0;
  for (failing_after(0); count == 0 || sorted.used + 1 < sorted.capacity;)
    add_rank(rt, &sorted, count++, 9);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft__sorted_reserve(&sorted));
  failing_after(0);
  add_rank(rt, &sorted, count++, 3);
  CHECK_INT(3, take(&sorted).rank);
  check_all_sorted(&sorted, (size_t)count - 1);
  finish(rt, &sorted);
}
