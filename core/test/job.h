/* SPDX-License-Identifier: MIT
 * job.h - a task that makes a waiting call and writes down what came of it.
 *
 * Every waiting call is tried in both kinds of task. A job makes its call, once
 * or more often, and then passes a checkpoint, which shows a cancellation that
 * came too late for the call. The test itself stands outside all tasks, between
 * the turns. */
#ifndef WEFT_JOB_H
#define WEFT_JOB_H

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

static int job_places;

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

#endif
