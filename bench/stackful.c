/* SPDX-License-Identifier: MIT
 * stackful.c - what the core costs from C, in tasks with stacks of their own.
 *
 *   stackful switch TASKS SWITCHES     tasks that yield in turn
 *   stackful spawn BATCH BATCHES       tasks spawned and joined in a group
 *   stackful queue fifo PAIRS ITEMS    through a queue that holds at most 128
 *   stackful lock plain TASKS TIMES    tasks that acquire and release one lock
 *   stackful lock yield TASKS TIMES    with a yield while it is held
 *
 * No Lua takes part, so the distance between these figures and those of the
 * Lua programs beside them is the price of the binding and of LuaJIT. Prints
 * "measure value" lines, and fails if its counts do not come out. */
#define _GNU_SOURCE /* clock_gettime */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft.h"

struct work;
typedef void (*round_fn)(weft_runtime *rt, struct work *work);

/* What can be measured. */
struct kind {
  const char *name, *variant; /* the arguments that ask for it; NULL: none */
  const char *measure;        /* the word that is printed before the figure */
  round_fn round;
  bool shared; /* the last argument is to be shared out among the tasks */
};

/* One work and its sizes, handed to every task. */
struct work {
  const struct kind *kind;
  size_t tasks; /* in one group; of a queue: on each side */
  size_t times; /* what each task is to do, or batches */
  size_t count; /* what the tasks have done, to be checked */
  weft_queue queue;
  size_t sum_put, sum_got; /* of the items, to be checked */
  weft_lock lock;
};

/* -- Small things --------------------------------------------------------- */

static void fail(const char *what) {
  fprintf(stderr, "stackful: %s\n", what);
  exit(1);
}

static void must(int status) {
  if (status != WEFT_OK)
    fail(weft_strerror(status));
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Runs [fn], and [other] if there is one, in as many tasks each as the work
 * has, in one group. */
static void batch(weft_runtime *rt, struct work *work, weft_task_fn fn,
                  weft_task_fn other) {
  weft_group group = 0;
  uint64_t value = 0;
  must(weft_group_open(rt, UINT64_MAX, &group));
  for (size_t i = 0; i < work->tasks; i++) {
    must(weft_spawn(rt, group, fn, work, NULL, NULL));
    if (other != NULL)
      must(weft_spawn(rt, group, other, work, NULL, NULL));
  }
  must(weft_group_join(rt, group, WEFT_OK, NULL, &value));
}

/* -- switch, spawn -------------------------------------------------------- */

static int yield_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  size_t times = work->times;
  for (size_t i = 0; i < times; i++)
    must(weft_yield(rt));
  work->count += times;
  return WEFT_OK;
}

static void switch_round(weft_runtime *rt, struct work *work) {
  batch(rt, work, yield_body, NULL);
}

static int count_body(weft_runtime *rt, void *arg) {
  (void)rt;
  struct work *work = arg;
  work->count++;
  return WEFT_OK;
}

static void spawn_round(weft_runtime *rt, struct work *work) {
  for (size_t i = 0; i < work->times; i++)
    batch(rt, work, count_body, NULL);
}

/* -- queue ---------------------------------------------------------------- */

static int put_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  size_t sum = 0;
  for (size_t item = 1; item <= work->times; item++) {
    must(weft_queue_put(rt, work->queue, (void *)item));
    sum += item;
  }
  work->sum_put += sum;
  return WEFT_OK;
}

static int get_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  size_t sum = 0;
  uint64_t item = 0;
  for (size_t i = 0; i < work->times; i++) {
    must(weft_queue_get(rt, work->queue, &item));
    sum += (size_t)item;
  }
  work->sum_got += sum;
  work->count += work->times;
  return WEFT_OK;
}

static void queue_round(weft_runtime *rt, struct work *work) {
  work->sum_put = work->sum_got = 0;
  must(weft_queue_new(rt, 128, NULL, &work->queue));
  batch(rt, work, put_body, get_body);
  must(weft_queue_close(rt, work->queue));
  if (work->sum_got != work->sum_put)
    fail("wrong items");
}

/* -- lock ----------------------------------------------------------------- */

static int lock_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  for (size_t i = 0; i < work->times; i++) {
    must(weft_lock_acquire(rt, work->lock));
    work->count++;
    must(weft_lock_release(rt, work->lock));
  }
  return WEFT_OK;
}

/* Counts wrong if another task comes in between. */
static int lock_yield_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  for (size_t i = 0; i < work->times; i++) {
    must(weft_lock_acquire(rt, work->lock));
    size_t before = work->count;
    must(weft_yield(rt));
    work->count = before + 1;
    must(weft_lock_release(rt, work->lock));
  }
  return WEFT_OK;
}

static void lock_round(weft_runtime *rt, struct work *work) {
  bool yields = strcmp(work->kind->variant, "yield") == 0;
  must(weft_lock_new(rt, &work->lock));
  batch(rt, work, yields ? lock_yield_body : lock_body, NULL);
  must(weft_lock_close(rt, work->lock));
}

/* -- Measuring ------------------------------------------------------------ */

static const struct kind kinds[] = {
    {"switch", NULL, "switch", switch_round, true},
    {"spawn", NULL, "spawn", spawn_round, false},
    {"queue", "fifo", "item", queue_round, true},
    {"lock", "plain", "lock", lock_round, true},
    {"lock", "yield", "lock", lock_round, true},
};

/* Returns the nanoseconds it took to do the work [times] times. */
static uint64_t go_round(weft_runtime *rt, struct work *work, size_t times) {
  size_t total = work->times;
  work->times = times;
  work->count = 0;
  uint64_t began_ns = now_ns();
  work->kind->round(rt, work);
  uint64_t took_ns = now_ns() - began_ns;
  if (work->count != work->tasks * times)
    fail("the count is wrong");
  work->times = total;
  return took_ns;
}

static int main_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  go_round(rt, work, work->times / 10 + 1);
  uint64_t took_ns = go_round(rt, work, work->times);
  printf("%s %.3f\n", work->kind->measure,
         (double)took_ns / (double)work->count);
  return WEFT_OK;
}

/* -- The program ---------------------------------------------------------- */

static size_t size_argument(const char *text) {
  long long size = atoll(text);
  if (size < 1 || size > 1000000000)
    fail("sizes are numbers from 1 to 1,000,000,000");
  return (size_t)size;
}

/* Returns what [argc] arguments before the sizes ask for. */
static const struct kind *find_kind(int argc, char **argv) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
    const struct kind *kind = &kinds[i];
    int words = kind->variant != NULL ? 2 : 1;
    if (argc == words && strcmp(argv[0], kind->name) == 0 &&
        (words == 1 || strcmp(argv[1], kind->variant) == 0))
      return kind;
  }
  fail("usage: stackful switch | spawn | queue fifo | lock plain | lock yield,"
       " and two sizes");
  return NULL;
}

int main(int argc, char **argv) {
  struct work work = {.kind = find_kind(argc - 3, argv + 1)};
  work.tasks = size_argument(argv[argc - 2]);
  work.times = size_argument(argv[argc - 1]);
  if (work.kind->shared)
    work.times = work.times > work.tasks ? work.times / work.tasks : 1;
  weft_runtime *rt = NULL;
  weft_task task = 0;
  must(weft_runtime_new(&rt));
  /* 100,000 stacks at once are more than the kernel gives with a guard. */
  must(weft_set_stack_guard(rt, 0));
  must(weft_spawn(rt, 0, main_body, &work, NULL, &task));
  must(weft_run(rt));
  int state = 0;
  must(weft_task_get_state(rt, task, &state));
  if (state != WEFT_TASK_FINISHED)
    fail("the main task has not finished");
  must(weft_task_close(rt, task));
  must(weft_runtime_free(rt));
  return 0;
}
