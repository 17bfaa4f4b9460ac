/* SPDX-License-Identifier: MIT
 * stat.c - numbers of a running program: what is counted all the time, and what
 * is found by walking through what there is. */
#include "core.h"

static uint64_t count_tasks(const weft_runtime *rt, int state) {
  uint64_t count = 0;
  for (const struct list *node = rt->tasks.next; node != &rt->tasks;
       node = node->next)
    count += LIST_OWNER(node, const struct task, all)->state == state;
  return count;
}

static int find_stat(const weft_runtime *rt, int stat, uint64_t *value) {
  switch (stat) {
  case WEFT_STAT_TURNS:
    *value = rt->turn_count;
    return WEFT_OK;
  case WEFT_STAT_STEPS:
    *value = rt->step_count;
    return WEFT_OK;
  case WEFT_STAT_POLLS:
    *value = rt->poll_count;
    return WEFT_OK;
  case WEFT_STAT_TASKS:
    *value = weft__count_waiting(&rt->tasks);
    return WEFT_OK;
  case WEFT_STAT_READY:
    *value = count_tasks(rt, WEFT_TASK_READY);
    return WEFT_OK;
  case WEFT_STAT_RUNNING:
    *value = count_tasks(rt, WEFT_TASK_RUNNING);
    return WEFT_OK;
  case WEFT_STAT_PARKED:
    *value = count_tasks(rt, WEFT_TASK_PARKED);
    return WEFT_OK;
  case WEFT_STAT_TIMERS:
    *value = rt->timers.count;
    return WEFT_OK;
  default:
    return WEFT_EINVAL;
  }
}

int weft_get_stat(weft_runtime *rt, int stat, uint64_t *value) {
  *value = 0;
  return weft__is_here(rt) ? find_stat(rt, stat, value) : WEFT_ETHREAD;
}
