/* SPDX-License-Identifier: MIT
 * test_timer.c - the order of times, against a sorted list. */
#include <stdlib.h>

#include "../core.h"
#include "../timer_row.h"
#include "job.h"

enum { COUNT = 100000 };

static struct timer timers[COUNT];
static uint64_t order[COUNT]; /* when each was last set, counted */
static uint64_t settings;
static uint64_t seed;

static uint64_t draw(uint64_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % below;
}

static void begin_timers(void) {
  seed = 88172645463325252u;
  settings = 0;
  for (int i = 0; i < COUNT; i++) {
    weft__timer_init(&timers[i], TIMER_CALL);
    CHECK(!weft__timer_is_set(&timers[i]));
  }
}

static void set(weft_runtime *rt, int i, uint64_t time_ns) {
  CHECK_INT(WEFT_OK, weft__timer_set(rt, &timers[i], time_ns));
  order[i] = settings++;
}

static int by_time_and_order(const void *a, const void *b) {
  int i = *(const int *)a, j = *(const int *)b;
  if (timers[i].time_ns != timers[j].time_ns)
    return timers[i].time_ns < timers[j].time_ns ? -1 : 1;
  return order[i] < order[j] ? -1 : order[i] > order[j];
}

/* Whether the node is that of its timer, which has it for its place. */
static bool is_in_place(struct timer_node node, uint32_t place) {
  return node.timer->place == place && node.timer->time_ns == node.time_ns;
}

static void check_places(weft_runtime *rt) {
  const struct timer_row *row = &rt->timers.row;
  uint32_t count = rt->timers.heap_count, wrong = 0;
  for (uint32_t i = 0; i < rt->timers.heap_count; i++)
    wrong += !is_in_place(rt->timers.heap[i], i);
  for (uint32_t i = row->head; i != row->tail; i++) {
    struct timer_node node = *weft__row_at(row, i);
    if (node.timer == NULL)
      continue;
    wrong += !is_in_place(node, (i & row->mask) | WEFT__IN_ROW);
    count++;
  }
  CHECK_INT(0, wrong);
  CHECK_INT(rt->timers.count, count);
}

/* Takes all out, checking that they come as a sorted list has them. */
static void check_all(weft_runtime *rt) {
  static int expected[COUNT];
  int count = 0, wrong = 0;
  for (int i = 0; i < COUNT; i++)
    if (weft__timer_is_set(&timers[i]))
      expected[count++] = i;
  qsort(expected, (size_t)count, sizeof *expected, by_time_and_order);
  CHECK_INT(count, rt->timers.count);
  for (int i = 0; i < count; i++) {
    struct timer *timer = &timers[expected[i]];
    if (weft__timer_next(rt) != timer->time_ns)
      wrong++;
    if (timer->time_ns > 0 && weft__timer_pop(rt, timer->time_ns - 1) != NULL)
      wrong++;
    if (weft__timer_pop(rt, timer->time_ns) != timer)
      wrong++;
    if (weft__timer_is_set(timer))
      wrong++;
  }
  CHECK_INT(0, wrong);
  CHECK_INT(0, rt->timers.count);
  CHECK(weft__timer_next(rt) == UINT64_MAX);
  CHECK(weft__timer_pop(rt, UINT64_MAX) == NULL);
}

TEST("100,000 times come by time, and equal ones in their order [2.2]") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int i = 0; i < COUNT; i++)
    set(rt, i, draw(1000));
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("times set anew and cleared at random keep that order [2.2]") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int i = 0; i < COUNT; i++)
    set(rt, i, draw(UINT64_MAX - 1));
  for (int i = 0; i < 3 * COUNT; i++) {
    int pick = (int)draw(COUNT);
    if (draw(3) == 0)
      weft__timer_clear(rt, &timers[pick]);
    else
      set(rt, pick, draw(500));
  }
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("taking out and setting in turns keeps that order [2.2]") {
  weft_runtime *rt = begin();
  begin_timers();
  uint64_t now = 0;
  int popped = 0;
  for (int i = 0; i < COUNT; i++) {
    set(rt, i, now + draw(300));
    if (draw(4) == 0)
      now += draw(60);
    struct timer *timer;
    uint64_t last_time = 0, last_order = 0;
    while ((timer = weft__timer_pop(rt, now)) != NULL) {
      uint64_t its_order = order[timer - timers];
      CHECK(timer->time_ns <= now);
      CHECK(timer->time_ns > last_time ||
            (timer->time_ns == last_time && its_order >= last_order));
      last_time = timer->time_ns;
      last_order = its_order;
      popped++;
    }
    CHECK(weft__timer_next(rt) > now);
  }
  CHECK(popped > COUNT / 2);
  check_all(rt);
  end(rt);
}

TEST("ascending, descending and equal times") {
  for (int way = 0; way < 3; way++) {
    weft_runtime *rt = begin();
    begin_timers();
    for (int i = 0; i < COUNT; i++)
      set(rt, i, way == 0 ? (uint64_t)i : way == 1 ? (uint64_t)(COUNT - i) : 5);
    check_all(rt);
    end(rt);
  }
}

TEST("every one of up to 50 times can be cleared [2.6]") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int size = 1; size <= 50; size++)
    for (int gone = 0; gone < size; gone++) {
      for (int i = 0; i < size; i++)
        set(rt, i, draw(20));
      weft__timer_clear(rt, &timers[gone]);
      CHECK(!weft__timer_is_set(&timers[gone]));
      check_places(rt);
      check_all(rt);
    }
  end(rt);
}

TEST("timeouts of one length that are left cost no search [2.2, 2.6]") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int i = 0; i < COUNT; i++) {
    set(rt, i, 1000 + (uint64_t)i);
    if (i >= 100)
      weft__timer_clear(rt, &timers[i - 100]);
    CHECK_INT(0, rt->timers.heap_count);
  }
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("a time far away does not keep others out of the row, nor pass them") {
  weft_runtime *rt = begin();
  begin_timers();
  set(rt, 0, 1000000);
  for (int i = 1; i < 50; i++)
    set(rt, i, 1000 + (uint64_t)i);
  CHECK_INT(1, rt->timers.heap_count);
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("holes in a row that is full are closed, with those that stay in place") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int round = 0; round < 2000; round++) {
    int first = round * 40;
    for (int i = first; i < first + 40; i++)
      set(rt, i, 1000 + (uint64_t)i / 3);
    for (int i = first; i < first + 40; i++)
      if (i % 40 != 17 || round >= 20)
        weft__timer_clear(rt, &timers[i]);
  }
  CHECK_INT(20, rt->timers.count);
  CHECK_INT(64, rt->timers.capacity);
  CHECK_INT(127, rt->timers.row.mask);
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("times that come in no order leave the row as short as it was") {
  weft_runtime *rt = begin();
  begin_timers();
  for (int i = 0; i < COUNT; i++)
    set(rt, i, (uint64_t)(COUNT - i));
  CHECK_INT(63, rt->timers.row.mask);
  check_places(rt);
  check_all(rt);
  end(rt);
}

TEST("never is not among the times, and setting it clears [2.4]") {
  weft_runtime *rt = begin();
  begin_timers();
  set(rt, 0, UINT64_MAX);
  CHECK(!weft__timer_is_set(&timers[0]));
  set(rt, 0, 5);
  CHECK(weft__timer_is_set(&timers[0]));
  set(rt, 0, UINT64_MAX);
  CHECK(!weft__timer_is_set(&timers[0]));
  CHECK_INT(0, rt->timers.count);
  CHECK(weft__timer_next(rt) == UINT64_MAX);
  end(rt);
}

TEST("clearing what is not set does nothing, and the time stays readable") {
  weft_runtime *rt = begin();
  begin_timers();
  weft__timer_clear(rt, &timers[0]);
  set(rt, 0, 5);
  set(rt, 1, 6);
  weft__timer_clear(rt, &timers[0]);
  weft__timer_clear(rt, &timers[0]);
  CHECK_INT(5, timers[0].time_ns);
  CHECK_INT(1, rt->timers.count);
  check_all(rt);
  end(rt);
}

TEST("the last possible time is one that comes") {
  weft_runtime *rt = begin();
  begin_timers();
  set(rt, 0, UINT64_MAX - 1);
  CHECK(weft__timer_pop(rt, UINT64_MAX - 2) == NULL);
  CHECK(weft__timer_pop(rt, UINT64_MAX - 1) == &timers[0]);
  end(rt);
}

static int set_65(void *arg) {
  (void)arg;
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  begin_timers();
  int set_count = 0;
  for (int i = 0; i < 65 && status == WEFT_OK; i++) {
    status = weft__timer_set(rt, &timers[i], (uint64_t)i);
    if (status == WEFT_OK)
      set_count++;
  }
  CHECK_INT(set_count, rt->timers.count);
  if (status == WEFT_OK && failing_has_failed()) {
    CHECK_INT(1, rt->timers.heap_count); /* the row could not grow */
    check_places(rt);
    status = WEFT_ENOMEM;
  }
  if (status == WEFT_ENOMEM && set_count > 0 && set_count < 65) {
    /* One that has its place already needs no memory. */
    CHECK(!weft__timer_is_set(&timers[set_count]));
    CHECK_INT(WEFT_OK, weft__timer_set(rt, &timers[0], 1000));
    CHECK(weft__timer_pop(rt, 2000) == &timers[1]);
    CHECK_INT(WEFT_OK, weft__timer_set(rt, &timers[0], 3));
    check_places(rt);
  }
  while (weft__timer_pop(rt, 2000) != NULL)
    ;
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory a time is not set and the others stand [3.11]") {
  failing_install();
  CHECK(failing_each(set_65, NULL) >= 4);
}
