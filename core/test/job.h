/* SPDX-License-Identifier: MIT
 * job.h - a task that makes a waiting call and writes down what came of it.
 *
 * Every waiting call is tried in both kinds of task. A job makes its call, once
 * or more often, and then passes a checkpoint, which shows a cancellation that
 * came too late for the call. The test itself stands outside all tasks, between
 * the turns. */
#ifndef WEFT_JOB_H
#define WEFT_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "../weft.h"
#include "check.h"
#include "failing.h"

struct job {
  int (*call)(weft_runtime *rt, struct job *job, uint64_t *value);
  uint64_t object;      /* what the call is made on */
  void *item;           /* what it puts */
  uint64_t deadline_ns; /* of a scope around it all; 0: there is none */
  int more;             /* calls to make after the first */
  uint64_t *values;     /* where the value of each goes; may be NULL */

  weft_task task;
  weft_scope scope;
  bool begun;
  int done;   /* calls that have returned, with the checkpoint */
  int place;  /* of the last call's return among those of all jobs */
  int status; /* of the last call */
  uint64_t value;
  int next;   /* status of the checkpoint */
  int caught; /* what the scope absorbed */
};

/* Each of them in turn: the loop's body is what both must do alike. */
#define BOTH_KINDS for (int stepped = 0; stepped <= 1; stepped++)

static int job_places;

/* What plays say, a letter each, shows in which order things happened. */
static char said[256];
static size_t said_count;

static inline void job_begin(weft_runtime *rt, struct job *job) {
  job->begun = true;
  if (job->deadline_ns != 0)
    CHECK_INT(WEFT_OK, weft_scope_open(rt, job->deadline_ns, 0, &job->scope));
}

static inline void job_took(struct job *job, int status, uint64_t value) {
  if (job->done++ > job->more) {
    job->next = status;
    return;
  }
  if (job->values != NULL)
    job->values[job->done - 1] = value;
  job->status = status;
  job->value = value;
  job->place = ++job_places;
}

static inline int job_go_on(weft_runtime *rt, struct job *job) {
  while (job->done <= job->more + 1) {
    uint64_t value = 0;
    int status = job->done <= job->more ? job->call(rt, job, &value)
                                        : weft_checkpoint(rt);
    if (status == WEFT_PARKED)
      return status;
    job_took(job, status, value);
  }
  if (job->deadline_ns == 0)
    return job->next;
  return weft_scope_leave(rt, job->scope, job->next, &job->caught);
}

static inline int job_body(weft_runtime *rt, void *arg) {
  job_begin(rt, arg);
  return job_go_on(rt, arg);
}

static inline int job_step(weft_runtime *rt, void *arg, int status,
                           uint64_t value) {
  struct job *job = arg;
  if (job->begun)
    job_took(job, status, value);
  else
    job_begin(rt, job);
  return job_go_on(rt, job);
}

static inline void start(weft_runtime *rt, struct job *job, int stepped) {
  int status = stepped ? weft_spawn_step(rt, 0, job_step, job, NULL, &job->task)
                       : weft_spawn(rt, 0, job_body, job, NULL, &job->task);
  CHECK_INT(WEFT_OK, status);
}

/* A runtime on a clock that stands still. A test that would hang is ended. */
static inline weft_runtime *begin(void) {
  weft_runtime *rt;
  alarm(60);
  failing_install();
  job_places = 0;
  said_count = 0;
  said[0] = '\0';
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  return rt;
}

static inline void turn(weft_runtime *rt) {
  int work;
  CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
}

static inline void cancel(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job->task, NULL));
}

/* Runs until all jobs have ended; then nothing may be left. */
static inline void end(weft_runtime *rt) {
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

/* -- Plays: tasks of several calls ----------------------------------------
 * act makes the call number [line] and returns its status, or ends the task by
 * play_end. Since nothing of it comes after its call, it serves both kinds of
 * task. */

struct play {
  int (*act)(weft_runtime *rt, struct play *play, uint64_t *value);
  int letter; /* its name in [said] */
  int number; /* for the test's own use, like [object] and [data] */
  uint64_t object;
  void *data;

  int line;   /* the call to be made; counts up by itself */
  int status; /* of the last call, with its value */
  uint64_t value;
  bool begun;
  bool over;
  int caught;
  int drops; /* how often its arg was dropped */
  weft_task task;
  weft_scope scope;
  weft_group group;
};

static inline void say(int letter) {
  if (said_count + 1 < sizeof said)
    said[said_count++] = (char)letter;
  said[said_count] = '\0';
}

static inline int play_end(struct play *play, int outcome) {
  play->over = true;
  return outcome;
}

static inline void play_took(struct play *play, int status, uint64_t value) {
  play->line++;
  play->status = status;
  play->value = value;
}

static inline int play_go_on(weft_runtime *rt, struct play *play) {
  for (;;) {
    uint64_t value = 0;
    int status = play->act(rt, play, &value);
    if (play->over || status == WEFT_PARKED)
      return status;
    play_took(play, status, value);
  }
}

static inline int play_body(weft_runtime *rt, void *arg) {
  return play_go_on(rt, arg);
}

static inline int play_step(weft_runtime *rt, void *arg, int status,
                            uint64_t value) {
  struct play *play = arg;
  if (play->begun)
    play_took(play, status, value);
  play->begun = true;
  return play_go_on(rt, play);
}

static inline void play_drop(void *arg) {
  ((struct play *)arg)->drops++;
}

static inline int play_try(weft_runtime *rt, weft_group group,
                           struct play *play, int stepped) {
  return stepped
             ? weft_spawn_step(rt, group, play_step, play, play_drop,
                               &play->task)
             : weft_spawn(rt, group, play_body, play, play_drop, &play->task);
}

/* Spawns [play] in [group], 0 the root group; its handle is owned. */
static inline void play_in(weft_runtime *rt, weft_group group,
                           struct play *play, int stepped) {
  CHECK_INT(WEFT_OK, play_try(rt, group, play, stepped));
}

static inline int play_sleep(weft_runtime *rt, struct play *play,
                             uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_sleep_until(rt, UINT64_MAX)
                         : play_end(play, play->status);
}

/* A task that sleeps until it is cancelled. */
static inline struct play sleeping_play(void) {
  return (struct play){.act = play_sleep};
}

/* A runtime in which [play] is such a task, parked. */
static inline weft_runtime *begin_asleep(struct play *play, int stepped) {
  weft_runtime *rt = begin();
  *play = sleeping_play();
  play_in(rt, 0, play, stepped);
  turn(rt);
  return rt;
}

static inline int state_of(weft_runtime *rt, weft_task task) {
  int state;
  CHECK_INT(WEFT_OK, weft_task_get_state(rt, task, &state));
  return state;
}

/* The code a failed task failed with; else 0. */
static inline int code_of(weft_runtime *rt, weft_task task) {
  weft_error *error;
  return weft_task_get_error(rt, task, &error) == WEFT_OK
             ? weft_error_get_code(error)
             : 0;
}

static inline void cancel_task(weft_runtime *rt, weft_task task) {
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, task, NULL));
}

static inline void turns(weft_runtime *rt, int count) {
  while (count-- > 0)
    turn(rt);
}

/* -- Reports and threads -------------------------------------------------- */

static struct {
  int count;
  int kinds[32];
  int codes[32];
  weft_task tasks[32];
} reports;

static inline void keep_report(weft_runtime *rt, void *arg, int kind,
                               uint64_t task, weft_error *error) {
  (void)rt;
  (void)arg;
  if (reports.count < 32) {
    reports.kinds[reports.count] = kind;
    reports.codes[reports.count] =
        error == NULL ? 0 : weft_error_get_code(error);
    reports.tasks[reports.count] = task;
  }
  reports.count++;
}

/* Keeps the runtime's reports instead of printing them. */
static inline void keep_reports(weft_runtime *rt) {
  memset(&reports, 0, sizeof reports);
  CHECK_INT(WEFT_OK, weft_set_report(rt, keep_report, NULL, NULL));
}

/* Runs fn(arg) in another thread and waits for its end. */
static inline void in_pthread_apart(void *(*fn)(void *arg), void *arg) {
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, fn, arg));
  CHECK_INT(0, pthread_join(thread, NULL));
}

#endif
