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
  case WEFT_STAT_CALLS:
    *value = rt->call_count;
    return WEFT_OK;
  case WEFT_STAT_LONGEST_STEP_NS:
    *value = rt->observation.longest_step_ns;
    return WEFT_OK;
  default:
    return WEFT_EINVAL;
  }
}

int weft_get_stat(weft_runtime *rt, int stat, uint64_t *value) {
  *value = 0;
  return weft__is_here(rt) ? find_stat(rt, stat, value) : WEFT_ETHREAD;
}

/* -- Objects -------------------------------------------------------------- */

static const char *name_of(enum kind kind, const void *object) {
  static const char *const names[KIND_COUNT] = {
      [KIND_TASK] = "task",
      [KIND_SCOPE] = "scope",
      [KIND_GROUP] = "group",
      [KIND_TIMER] = "timer",
      [KIND_EVENT] = "event",
      [KIND_SEMAPHORE] = "semaphore",
      [KIND_QUEUE] = "queue",
      [KIND_WATCH] = "watch",
      [KIND_RESOLVE] = "lookup",
      [KIND_STREAM] = "stream",
      [KIND_LISTENER] = "listener",
      [KIND_LOCK] = "lock",
      [KIND_LIMITER] = "limiter",
      [KIND_CONDITION] = "condition",
      [KIND_BARRIER] = "barrier",
      [KIND_SENDER] = "sender",
      [KIND_RECEIVER] = "receiver",
      [KIND_FUTURE] = "future",
      [KIND_CONTEXT_VAR] = "context variable",
      [KIND_CONTEXT] = "context",
      [KIND_UDP] = "UDP socket",
      [KIND_FILE] = "file",
      [KIND_FS_WATCH] = "watch of a file",
      [KIND_WORKERS] = "workers",
      [KIND_WORK] = "work",
      [KIND_PROCESS] = "process",
      [KIND_SIGNALS] = "signals",
  };
  return kind == KIND_WAITLIST ? weft__waitlist_what(object) : names[kind];
}

int weft_object_next(weft_runtime *rt, uint64_t previous, uint64_t *handle,
                     const char **kind) {
  *handle = 0;
  *kind = NULL;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  uint32_t index = previous == 0 ? 0 : weft__handle_slot(previous) + 1;
  for (; index < rt->handles.count; index++) {
    const struct slot *slot = &rt->handles.slots[index];
    enum kind is = weft__handle_kind(slot->handle);
    if (is == KIND_NONE || slot->object == NULL) /* free, or just closing */
      continue;
    *handle = slot->handle;
    *kind = name_of(is, slot->object);
    break;
  }
  return WEFT_OK;
}
