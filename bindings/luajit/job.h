/* SPDX-License-Identifier: MIT
 * job.h - what the parts of a Lua task know of each other: job.c, its step;
 * job_pool.c, where it comes from; job_end.c, how it ends. */
#ifndef WEFT_JOB_H
#define WEFT_JOB_H

#include "host.h"

/* -- job_pool.c ----------------------------------------------------------- */

/* Sees to it that there is a free job and the first has a coroutine, or raises
 * for want of memory. A finaliser that runs meanwhile may take jobs itself. */
void job_prepare(lua_State *L, struct host *host);
/* The core's drop: the task is over, or given up, or was refused, and then it
 * has no handle. */
void job_give(void *arg);
/* Enters the coroutine on top of [L]'s stack as the job's, and takes it; the
 * table of the coroutines is at [anchors]. */
void job_set_coroutine(lua_State *L, struct job *job, lua_State *co,
                       int anchors);

/* Takes a job, whose coroutine has nothing on its stack, for what stands at
 * [object], which goes into the table at [objects]. Raises for want of memory;
 * the job stays free then. */
static inline struct job *job_take(lua_State *L, struct host *host, int object,
                                   int objects) {
  if (host->free_jobs == NULL || host->free_jobs->co == NULL)
    job_prepare(L, host);
  struct job *job = host->free_jobs;
  lua_pushvalue(L, object);
  lua_rawseti(L, objects, job->anchor);
  host->free_jobs = job->next;
  return job;
}

/* Pushes the task object, which is made now for a bare job. */
void job_push_its_object(lua_State *L, struct job *job);

/* Steps run right under weft.run's C function, which keeps the table of the
 * objects at a fixed place. Of a bare job this is the table for its result. */
static inline void job_push_own_object(const struct job *job) {
  lua_rawgeti(job->host->L, RUN_OBJECTS, job->anchor);
}

/* -- job_end.c: each returns the task's outcome for the core -------------- */

/* The body has returned. */
int job_finish(weft_runtime *rt, struct job *job);
/* The task's own coroutine has ended by an error, which is on its stack. */
int job_end_by_error(weft_runtime *rt, struct job *job);
/* Whether a task that wakes with [status] may end without being resumed. */
bool job_may_drop(const struct job *job, int status);
int job_drop_cancelled(weft_runtime *rt, struct job *job);
/* A yield that nobody in the task can get: the body cannot go on. */
int job_refuse_yield(weft_runtime *rt, struct job *job);

/* The body has ended, and the task still owns what it has to close. Returns the
 * number of values on its coroutine's stack, with which it goes on. */
int job_close_owned(struct job *job, bool went_well);
/* Pushes what the task object's TASK_STATE is to be. */
static inline void job_push_state(lua_State *L, weft_runtime *rt,
                                  const struct job *job, int state) {
  uint64_t id;
  weft_task_get_id(rt, job->task, &id);
  lua_pushnumber(L, (lua_Number)(id * TASK_STATES) + state);
}

#endif
