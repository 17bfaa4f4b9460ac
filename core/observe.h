/* SPDX-License-Identifier: MIT
 * observe.h - what a runtime keeps for who watches it: the observer, and the
 * times of steps. */
#ifndef WEFT_OBSERVE_H
#define WEFT_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "weft.h"

struct task;

struct observation {
  weft_observer_fn fn; /* NULL: none */
  void *arg;
  weft_drop_fn drop;
  struct trace *trace;    /* trace.c's; NULL: none is written */
  uint64_t slow_ns;       /* steps of so long are reported; 0: none are */
  uint64_t step_began_ns; /* 0: nobody watched then */
  uint64_t longest_step_ns;
};

/* For a runtime that is watched; each ends at once for one that is not. */

void weft__observe(weft_runtime *rt, int event, const struct task *task,
                   uint64_t detail, const char *text);
void weft__observe_begin(weft_runtime *rt, const struct task *task);
/* The step has come back with [outcome]; the task is still there. */
void weft__observe_end(weft_runtime *rt, struct task *task, int outcome);
/* A call's function is about to run, and has; no task runs. */
void weft__observe_call(weft_runtime *rt, bool begins);
/* Whether anybody watches has changed. */
void weft__observe_refresh(weft_runtime *rt);

/* -- A trace (trace.c) ---------------------------------------------------- */

void weft__trace_event(weft_runtime *rt, int event, uint64_t time_ns,
                       const struct task *task, uint64_t detail,
                       const char *text);
/* The runtime ends, if it is still written. */
void weft__trace_end(weft_runtime *rt);
/* The loop is about to wait: what is known now can be written. */
void weft__trace_idle(weft_runtime *rt);
/* Reports that it could not be written, if nobody was told yet. */
void weft__trace_tell(weft_runtime *rt);

#endif
