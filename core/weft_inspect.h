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

/* -- Time in tests --------------------------------------------------------
 * A virtual clock (weft_set_virtual_clock) jumps by itself when all tasks are
 * parked and a poll finds nothing. A test that has to look at what has happened
 * by a certain time moves it by hand: up to there and no further. Whichever
 * clock it is, a test may wait until everybody else waits, instead of guessing
 * how many turns that takes. */

/* Moves the virtual clock on by [span_ns], below the clock's end: fires
 * everything that is due up to then, each at its own time with the turns it
 * causes, and returns with the clock at the end of the span and everybody else
 * parked. 0 is fine: what is due now is done. Until the clock is at the end it
 * stands still, as ever, while a thread, file operation, look-up or process
 * runs. Several tasks may advance at a time, each to its own end.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ESTATE (the clock is the real
 * one), WEFT_EINVAL (past the clock's end)
 * cancelled: the clock stays where it is then */
WEFT_API int weft_clock_advance(weft_runtime *rt, uint64_t span_ns);

/* Waits until every other task is parked, or waits here too, and a poll finds
 * nothing: on a virtual clock before that jumps. A task that waits for a thread
 * or a process is parked.
 * parks: yes   errors: WEFT_ECANCELLED */
WEFT_API int weft_wait_all_parked(weft_runtime *rt);

#ifdef __cplusplus
}
#endif

#endif
