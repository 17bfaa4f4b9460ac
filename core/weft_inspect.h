/* SPDX-License-Identifier: MIT
 * weft_inspect.h - the public ABI's view inside a running program: numbers, and
 * who does what.
 *
 * The third part of weft.h, which includes it; the words and the rules at the
 * head of that file hold here. */
#ifndef WEFT_INSPECT_H
#define WEFT_INSPECT_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Looking inside -------------------------------------------------------
 * What is asked changes nothing of what runs, and what is counted all the time
 * costs an increment. Everything that costs more is off until it is asked for,
 * and then costs one branch that the processor foresees. */

/* What is counted. A step is what a task runs between two parks; a switch from
 * one task to another is a step too. */
enum weft_stat {
  WEFT_STAT_TURNS = 1,   /* turns begun, since the runtime was made */
  WEFT_STAT_STEPS = 2,   /* steps begun */
  WEFT_STAT_POLLS = 3,   /* polls */
  WEFT_STAT_TASKS = 4,   /* tasks that have not ended */
  WEFT_STAT_READY = 5,   /* of these: in the ready queue */
  WEFT_STAT_RUNNING = 6, /* in a step: 1 or 0 */
  WEFT_STAT_PARKED = 7,  /* waiting */
  WEFT_STAT_TIMERS = 8   /* times that are set: sleeps, deadlines, calls */
};

/* Gives one of enum weft_stat as it is now. The tasks by their state are
 * counted by walking through all of them.
 * parks: no    errors: WEFT_EINVAL (no such number) */
WEFT_API int weft_get_stat(weft_runtime *rt, int stat, uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
