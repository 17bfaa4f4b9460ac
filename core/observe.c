/* SPDX-License-Identifier: MIT
 * observe.c - watching what tasks do: one observer that is told of it, and the
 * times of steps.
 *
 * A runtime that is watched says so in one flag. The step looks at it together
 * with what it has to look at anyway, so off costs no branch of its own there;
 * spawning and waking have one each, which is never taken. While it is on,
 * stackful tasks go through the loop instead of hopping: every step then begins
 * and ends in one place.
 *
 * Times are of the real clock, also where the runtime's is virtual: what is
 * slow is slow for whoever waits. */
#include "core.h"

#include <stdio.h>

void weft__observe_refresh(weft_runtime *rt) {
  struct observation *seen = &rt->observation;
  rt->watched = seen->fn != NULL || seen->trace != NULL || seen->slow_ns != 0;
  if (!rt->watched)
    seen->step_began_ns = 0;
}

void weft__observe(weft_runtime *rt, int event, const struct task *task,
                   uint64_t detail, const char *text) {
  const struct observation *seen = &rt->observation;
  if (seen->fn == NULL && seen->trace == NULL)
    return;
  uint64_t now_ns = weft__now_real();
  if (seen->trace != NULL)
    weft__trace_event(rt, event, now_ns, task, detail, text);
  if (seen->fn != NULL)
    seen->fn(rt, seen->arg, event, now_ns, task->id, detail, text);
}

/* -- Steps ---------------------------------------------------------------- */

void weft__observe_begin(weft_runtime *rt, const struct task *task) {
  rt->observation.step_began_ns = weft__now_real();
  weft__observe(rt, WEFT_OBSERVED_BEGIN, task, 0, NULL);
}

/* A task that could not be reported would go unseen, an error may be missing.
 */
static void report_slow(weft_runtime *rt, struct task *task, uint64_t took_ns) {
  char text[64];
  weft_error *error;
  const char *what = task == NULL                       ? "a callback"
                     : task->state == WEFT_TASK_RUNNING ? "its last step"
                                                        : "a step";
  snprintf(text, sizeof text, "%s took %.0f ms", what, (double)took_ns / 1e6);
  if (weft_error_new(WEFT_ESTATE, "Error", text, &error) != WEFT_OK)
    error = weft_error_ref(rt->no_memory);
  weft__report(rt, WEFT_REPORT_SLOW, task, error);
  weft_error_unref(error);
}

/* What began before anybody watched is not measured. */
static void measure(weft_runtime *rt, struct task *task) {
  struct observation *seen = &rt->observation;
  if (seen->step_began_ns == 0)
    return;
  uint64_t took_ns = weft__now_real() - seen->step_began_ns;
  seen->step_began_ns = 0;
  if (took_ns > seen->longest_step_ns)
    seen->longest_step_ns = took_ns;
  if (seen->slow_ns != 0 && took_ns >= seen->slow_ns)
    report_slow(rt, task, took_ns);
}

void weft__observe_end(weft_runtime *rt, struct task *task, int outcome) {
  measure(rt, task);
  weft__trace_tell(rt);
  if (outcome != WEFT_PARKED)
    return; /* that it ends is told when it does */
  if (task->state == WEFT_TASK_PARKED)
    weft__observe(rt, WEFT_OBSERVED_PARK, task, weft__task_object(task),
                  task->what);
  else
    weft__observe(rt, WEFT_OBSERVED_YIELD, task, 0, NULL);
}

void weft__observe_call(weft_runtime *rt, bool begins) {
  if (begins) {
    rt->observation.step_began_ns = weft__now_real();
    return;
  }
  measure(rt, NULL);
  weft__trace_tell(rt);
}

/* -- The public calls ----------------------------------------------------- */

int weft_set_observer(weft_runtime *rt, weft_observer_fn fn, void *arg,
                      weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  struct observation *seen = &rt->observation;
  void *old_arg = seen->arg;
  weft_drop_fn old_drop = seen->drop;
  seen->fn = fn;
  seen->arg = arg;
  seen->drop = drop;
  weft__observe_refresh(rt);
  weft__drop(old_drop, old_arg);
  return WEFT_OK;
}

int weft_set_slow(weft_runtime *rt, uint64_t limit_ns) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  rt->observation.slow_ns = limit_ns;
  weft__observe_refresh(rt);
  return WEFT_OK;
}

/* -- For other threads ---------------------------------------------------- */

void weft_get_progress(const weft_runtime *rt, uint64_t *count, int *busy) {
  *count = atomic_load_explicit(&rt->step_count, memory_order_relaxed) +
           atomic_load_explicit(&rt->call_count, memory_order_relaxed) +
           atomic_load_explicit(&rt->poll_count, memory_order_relaxed);
  *busy = atomic_load_explicit(&rt->busy, memory_order_relaxed);
}

void weft_peek_task(const weft_runtime *rt, char *text, size_t size_bytes) {
  struct task_title title;
  const struct task *task = rt->current;
  snprintf(text, size_bytes, "%s",
           task == NULL ? "" : weft__task_title(task, &title));
}
