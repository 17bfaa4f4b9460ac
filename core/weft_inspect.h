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
  WEFT_STAT_TIMERS = 8,  /* times that are set: sleeps, deadlines, calls */
  WEFT_STAT_CALLS = 9,   /* callbacks run, as those of weft_call_soon */
  /* The longest step or callback in nanoseconds, of those that were measured
   * because steps were watched; 0: none was. */
  WEFT_STAT_LONGEST_STEP_NS = 10
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

/* -- Waits and scopes of other tasks --------------------------------------
 * What a tree of tasks shows of each, with weft_task_get_wait. */

/* Says in words what a parked task waits for: "lock of main #1", "read on
 * 127.0.0.1:80 (descriptor 7)", "process cat (pid 123)". [text] is NULL unless
 * it is parked; owned.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_task_describe_wait(weft_runtime *rt, weft_task task,
                                     weft_value **text);

/* Gives the time since which a task is parked, 0 unless it is: as the clock was
 * last read then, to a millisecond. After 52 days it counts anew.
 * parks: no    errors: none */
WEFT_API int weft_task_get_since(weft_runtime *rt, weft_task task,
                                 uint64_t *since_ns);

/* Gives the earliest deadline that governs the task's code, up to the nearest
 * shield, and the scope that has it; UINT64_MAX and 0 if there is none, and in
 * cancelled code.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (the task has ended) */
WEFT_API int weft_task_get_deadline(weft_runtime *rt, weft_task task,
                                    uint64_t *deadline_ns, weft_scope *scope);

/* Tells why the task's code is cancelled, as weft_cancellation does for the
 * running one, or will be once it leaves the shield that holds that back (see
 * weft_task_is_shielded): WEFT_SOURCE_NONE if it is not. All is borrowed.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (the task has ended) */
WEFT_API int weft_task_get_cancellation(weft_runtime *rt, weft_task task,
                                        weft_scope *scope, int *source,
                                        weft_value **reason,
                                        weft_error **cause);

/* Tells whether one of the scopes that the task has open is shielded: a
 * cancellation from outside of that does not reach its code.
 * parks: no    errors: WEFT_ESTATE (the task has ended) */
WEFT_API int weft_task_is_shielded(weft_runtime *rt, weft_task task,
                                   int *shielded);

/* -- What cannot go on, and what is left ----------------------------------
 * Both are reports: weft_set_report. */

/* Has WEFT_REPORT_DEADLOCK made, once for each case, of tasks that wait for
 * each other in a circle (of locks, of tasks that are awaited, of groups that
 * are joined), with the one that closed it as task, and of a runtime that is
 * about to wait, or to jump ahead on its virtual clock, though nothing but a
 * signal or a post could wake a task. The runtime goes on waiting, unless who
 * gets the report cancels something. A wait that a deadline ends is not
 * reported. Default 0.
 * parks: no    errors: none */
WEFT_API int weft_set_deadlock_hint(weft_runtime *rt, int on);

/* Has WEFT_REPORT_LEFT made of each task that is left when the main task has
 * ended, before it is cancelled. Default 0.
 * parks: no    errors: none */
WEFT_API int weft_set_report_left(weft_runtime *rt, int on);

/* Gives the open object that follows [previous], of those that have a handle,
 * in no particular order; 0 begins, and 0 comes after the last. What is closed
 * or made meanwhile may be left out. [kind] is its kind in words, "event"; of a
 * wait list, what its tasks wait for. Borrowed, for ever.
 * parks: no    errors: none */
WEFT_API int weft_object_next(weft_runtime *rt, uint64_t previous,
                              uint64_t *handle, const char **kind);

/* -- Watching what tasks do -----------------------------------------------
 * A task is ready, runs, or waits, one after the other until it ends; the
 * observer is told of each change. While there is one, stackful tasks switch by
 * way of the loop, which takes longer. */

enum weft_observed {
  WEFT_OBSERVED_SPAWN = 1, /* made and ready; detail: its spawner's id, or 0 */
  WEFT_OBSERVED_NAME = 2,  /* got a name: text */
  WEFT_OBSERVED_BEGIN = 3, /* a step begins */
  WEFT_OBSERVED_PARK = 4,  /* it ends: waits for text, of the handle detail */
  WEFT_OBSERVED_YIELD = 5, /* it ends: ready again */
  WEFT_OBSERVED_WAKE = 6,  /* its wait is over; detail: who woke it, or 0 */
  WEFT_OBSERVED_END = 7    /* ended; detail: one of enum weft_task_state */
};

/* Told at [time_ns] of the real clock that [event], one of enum weft_observed,
 * has happened to the task whose id (weft_task_get_id) is [task]. [text] is
 * borrowed, and NULL where none is named above. Runs in the middle of things:
 * it may ask, but must neither change anything of the runtime nor park. */
typedef void (*weft_observer_fn)(weft_runtime *rt, void *arg, int event,
                                 uint64_t time_ns, uint64_t task,
                                 uint64_t detail, const char *text);

/* Has [fn] told of everything from now on; NULL, the default: nobody. The step
 * that runs now is told of from its end.
 * parks: no    errors: none */
WEFT_API int weft_set_observer(weft_runtime *rt, weft_observer_fn fn, void *arg,
                               weft_drop_fn drop);

/* Has each step or callback that takes [limit_ns] or longer reported when it
 * ends, as WEFT_REPORT_SLOW with an error that says how long; 0, the default:
 * none. Real time counts, also under a virtual clock; steps are timed from the
 * next one on.
 * parks: no    errors: none */
WEFT_API int weft_set_slow(weft_runtime *rt, uint64_t limit_ns);

/* Writes what tasks do from now on to the file [path], which is made or
 * emptied, in Chrome's trace format, as Perfetto shows it: a row a task, a
 * slice each time that it is ready, runs or waits, arrows from who spawns and
 * wakes. It is written piece by piece, in steps and polls, and is well-formed
 * after each. If that fails it is reported once, as WEFT_REPORT_SYSTEM. parks:
 * no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [path]), WEFT_EBUSY (one is being
 * written), codes of the system */
WEFT_API int weft_trace_start(weft_runtime *rt, const char *path);
/* Ends the file; the runtime does so when it is freed.
 * parks: no    errors: WEFT_ESTATE (none is being written), WEFT_EIO (it is not
 * whole, as was reported) */
WEFT_API int weft_trace_stop(weft_runtime *rt);

/* -- For watchdogs --------------------------------------------------------
 * What another thread may ask of a runtime, as long as it is not freed. */

/* Gives a count that grows with every step, callback and poll, and whether the
 * runtime is at work: not whether it waits in a poll, or is not being run. A
 * count that stands still while the runtime is busy is that of one step. Any
 * thread may call it.
 * parks: no    errors: none */
WEFT_API void weft_get_progress(const weft_runtime *rt, uint64_t *count,
                                int *busy);

/* Writes the name of the task whose step runs to [text], of [size_bytes]; ""
 * if there is none. It makes no check of the thread, and must be called only
 * where the runtime's own cannot go on meanwhile: from a signal handler in that
 * thread, or in a child made by fork.
 * parks: no    errors: none */
WEFT_API void weft_peek_task(const weft_runtime *rt, char *text,
                             size_t size_bytes);

/* -- The inspection socket ------------------------------------------------
 * A unix socket by which a process of the same user, or of root, asks what the
 * program is doing; `weft --tree PID` is one that does. The answer is made by
 * the host's function at the next poll, outside any task. The socket is no
 * reason for the runtime to go on or to wait: it neither keeps a run alive nor
 * holds the virtual clock, and nothing that comes by it wakes a task.
 *
 * The protocol: a client connects and sends one line, the name of what it
 * wants. It gets "ok N", or "error N" if the function returned a code, a line
 * feed and N bytes, and then the end. So each question is a connection. */

/* Answers [request], the line without its line feed. Sets *answer to bytes,
 * which are the core's from then on, and returns WEFT_OK, or a code; then they
 * say what is wrong, and may be left out. Must not park. */
typedef int (*weft_inspect_fn)(weft_runtime *rt, void *arg, const char *request,
                               weft_value **answer);

/* Opens the socket at [path], with mode 0600; NULL: at a path of the process's
 * own, its number, in the folder weft of $XDG_RUNTIME_DIR, where that is the
 * user's, else in /tmp/weft-UID; it is made with mode 0700, and what processes
 * left there that have died is removed. Owned: weft_inspect_close, at the
 * latest at the runtime's end.
 * parks: no    errors: WEFT_EINVAL (no [fn]; a name in no file system),
 * WEFT_ESTATE (one is open), WEFT_ENAMETOOLONG, WEFT_EADDRINUSE (somebody
 * listens there), WEFT_EPERM (the folder is another user's, or open to others),
 * WEFT_ENOMEM, codes of the system */
WEFT_API int weft_inspect_open(weft_runtime *rt, const char *path,
                               weft_inspect_fn fn, void *arg,
                               weft_drop_fn drop);
/* Closes the socket and removes its file; clients get the end. None open is
 * fine.
 * parks: no    errors: none */
WEFT_API int weft_inspect_close(weft_runtime *rt);
/* Borrows the socket's path, until it is closed.
 * parks: no    errors: WEFT_ESTATE (none is open) */
WEFT_API int weft_inspect_get_path(weft_runtime *rt, const char **path);

/* Has [fn] called, outside any task, at the poll after the signal [number] has
 * come; what comes several times until then counts once. The signal is taken
 * over until it is set anew, to 0 for none, or the runtime is freed; only from
 * its default disposition, and by one runtime of the process at a time. While
 * an iterator is open for it (weft_signals_new), that has it instead.
 * parks: no    errors: WEFT_EINVAL (no [fn]; no signal, or one that is refused:
 * see weft_signals_add; SIGINT or SIGTERM), WEFT_EBUSY (another runtime has
 * one), WEFT_ESTATE (it has a handler, or is ignored) */
WEFT_API int weft_set_dump_signal(weft_runtime *rt, int number, weft_call_fn fn,
                                  void *arg, weft_drop_fn drop);

#ifdef __cplusplus
}
#endif

#endif
