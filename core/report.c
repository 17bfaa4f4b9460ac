/* SPDX-License-Identifier: MIT
 * report.c - what happened that nobody was there to be told. */
#include "core.h"

#include <stdio.h>

static const char *describe(int kind) {
  switch (kind) {
  case WEFT_REPORT_FAILURE:
    return "failed, and nobody asked";
  case WEFT_REPORT_CALLBACK:
    return "a callback failed";
  case WEFT_REPORT_STUBBORN:
    return "got Cancelled 1,000 times in one scope and goes on";
  case WEFT_REPORT_GIVEN_UP:
    return "would not end and was given up";
  case WEFT_REPORT_UNCLOSED:
    return "something was left open, and is closed now";
  case WEFT_REPORT_ABANDONED:
    return "a job in a thread would not end";
  case WEFT_REPORT_DEADLOCK:
    return "tasks wait, and nothing can wake them";
  case WEFT_REPORT_LEFT:
    return "was left when the main task ended, and is cancelled now";
  case WEFT_REPORT_SLOW:
    return "held the loop";
  case WEFT_REPORT_BLOCKED:
    return "blocks the loop";
  default:
    return "the system refused something; it is tried again";
  }
}

static void print(struct task *task, int kind, weft_error *error) {
  fprintf(stderr, "weft: ");
  if (task != NULL && weft__task_name(task) != NULL)
    fprintf(stderr, "task '%s': ", weft__task_name(task));
  else if (task != NULL)
    fprintf(stderr, "task-%llu: ", (unsigned long long)task->id);
  fprintf(stderr, "%s", describe(kind));
  if (error != NULL)
    fprintf(stderr, ": %s: %s", weft_error_get_name(error),
            weft_error_get_message(error));
  fprintf(stderr, "\n");
}

void weft__report(weft_runtime *rt, int kind, struct task *task,
                  weft_error *error) {
  if (rt->report == NULL) {
    print(task, kind, error);
    return;
  }
  weft_task handle = 0;
  if (task != NULL)
    weft__task_handle(rt, task, &handle);
  struct aside was = weft__aside_begin(rt);
  rt->report(rt, rt->report_arg, kind, handle, error);
  weft__aside_end(rt, was);
}

int weft_report(weft_runtime *rt, int kind, uint64_t handle,
                weft_error *error) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  weft__report(rt, kind, weft__handle_get(rt, handle, KIND_TASK), error);
  return WEFT_OK;
}

int weft_set_report(weft_runtime *rt, weft_report_fn fn, void *arg,
                    weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  weft__drop(rt->report_drop, rt->report_arg);
  rt->report = fn;
  rt->report_arg = arg;
  rt->report_drop = drop;
  return WEFT_OK;
}
