/* SPDX-License-Identifier: MIT
 * stackful.c - what the core costs from C, in tasks with stacks of their own.
 *
 *   stackful switch TASKS SWITCHES     tasks that yield in turn
 *   stackful spawn BATCH BATCHES       tasks spawned and joined in a group
 *
 * No Lua takes part, so the distance between these figures and those of the
 * Lua programs beside them is the price of the binding and of LuaJIT. Prints
 * "measure value" lines, and fails if its counts do not come out. */
#define _GNU_SOURCE /* clock_gettime */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft.h"

/* One work and its sizes, handed to every task. */
struct work {
  const char *name;
  size_t tasks; /* in one group */
  size_t times; /* yields of each task, or batches */
  size_t count; /* what the tasks have done, to be checked */
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

/* -- The work ------------------------------------------------------------- */

static int yield_body(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  size_t times = work->times;
  for (size_t i = 0; i < times; i++)
    must(weft_yield(rt));
  work->count += times;
  return WEFT_OK;
}

static int count_body(weft_runtime *rt, void *arg) {
  (void)rt;
  struct work *work = arg;
  work->count++;
  return WEFT_OK;
}

/* Runs [fn] in as many tasks as the work has, in one group. */
static void batch(weft_runtime *rt, struct work *work, weft_task_fn fn) {
  weft_group group = 0;
  uint64_t value = 0;
  must(weft_group_open(rt, UINT64_MAX, &group));
  for (size_t i = 0; i < work->tasks; i++)
    must(weft_spawn(rt, group, fn, work, NULL, NULL));
  must(weft_group_join(rt, group, WEFT_OK, NULL, &value));
}

/* Returns the nanoseconds it took to do the work [times] times. */
static uint64_t go_round(weft_runtime *rt, struct work *work, size_t times) {
  size_t total = work->times;
  work->times = times;
  work->count = 0;
  uint64_t began_ns = now_ns();
  if (strcmp(work->name, "switch") == 0)
    batch(rt, work, yield_body);
  else
    for (size_t i = 0; i < times; i++)
      batch(rt, work, count_body);
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
  printf("%s %.3f\n", work->name, (double)took_ns / (double)work->count);
  return WEFT_OK;
}

/* -- The program ---------------------------------------------------------- */

static size_t size_argument(const char *text) {
  long long size = atoll(text);
  if (size < 1 || size > 1000000000)
    fail("sizes are numbers from 1 to 1,000,000,000");
  return (size_t)size;
}

int main(int argc, char **argv) {
  if (argc != 4 ||
      (strcmp(argv[1], "switch") != 0 && strcmp(argv[1], "spawn") != 0))
    fail("usage: stackful switch|spawn TASKS TIMES");
  struct work work = {argv[1], size_argument(argv[2]), size_argument(argv[3]),
                      0};
  if (strcmp(work.name, "switch") == 0)
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
