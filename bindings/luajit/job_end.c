/* SPDX-License-Identifier: MIT
 * job_end.c - how a Lua task ends: by its results, an error or Cancelled. */
#include "job.h"

/* Sets the state of the task object on top of the stack. */
static void set_state(weft_runtime *rt, const struct job *job, int state,
                      int number) {
  job_push_state(job->host->L, rt, job, task_state(state, number));
  lua_rawseti(job->host->L, -2, TASK_STATE);
}

/* The Lua side makes an error object of what was raised, and sees to it that
 * the handle is closed, and so the failure reported if nobody has seen it,
 * when the task object is collected. */
static int end_failed(weft_runtime *rt, struct job *job) {
  struct host *host = job->host;
  lua_State *L = host->L;
  weft_error *error = NULL;
  host_push_function(L, host, "on_failure");
  job_push_its_object(L, job);
  set_state(rt, job, WEFT_TASK_FAILED, 0);
  lua_xmove(job->co, L, 1);
  luaL_traceback(L, job->co, NULL, 0);
  if (lua_pcall(L, 3, 1, 0) == 0)
    to_error(L, host, -1, &error);
  lua_pop(L, 1);
  weft_task_set_error(rt, error);
  weft_error_unref(error);
  return WEFT_EHOST;
}

/* -- By its results ------------------------------------------------------- */

/* So many values, with what goes with them, fit on any stack. */
enum { RESULTS_FEW = 8 };

/* Of the results only the first is wanted, in the table of the caller's. */
static void place_result(const struct job *job, int count) {
  lua_State *L = job->host->L;
  job_push_own_object(job);
  if (!job->bare)
    lua_getfield(L, -1, "into");
  if (count == 0)
    lua_pushnil(job->co);
  else if (count > 1 || !job->bare)
    lua_pushvalue(job->co, 1);
  lua_xmove(job->co, L, 1);
  lua_rawseti(L, -2, job->place);
  lua_pop(L, job->bare ? 1 : 2);
}

/* Moves the [count] results into the task object on top of [L]'s stack. */
static void keep_results(lua_State *L, lua_State *co, int count) {
  lua_xmove(co, L, count);
  for (int i = count; i > 0; i--)
    lua_rawseti(L, -i - 1, TASK_FIRST + i - 1);
  if (count < TASK_MANY)
    return;
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "count");
}

/* More results than another stack holds are an error instead. */
static void refuse_results(lua_State *co) {
  lua_settop(co, 0);
  lua_pushliteral(co, "a task returned more results than a stack holds; "
                      "return a table");
}

/* The body has returned [count] results, at least one. */
static bool finish_with(weft_runtime *rt, struct job *job, int count) {
  lua_State *L = job->host->L, *co = job->co;
  if (count > RESULTS_FEW && !lua_checkstack(L, count + 4)) {
    refuse_results(co);
    return false;
  }
  job_push_own_object(job);
  keep_results(L, co, count);
  set_state(rt, job, WEFT_TASK_FINISHED, count < TASK_MANY ? count : TASK_MANY);
  lua_pop(L, 1);
  return true;
}

/* The body has returned. What the task object knows is final, so the core's
 * handle is not needed any more. Without results there is nothing to be told:
 * see TASK_STATE. */
int job_finish(weft_runtime *rt, struct job *job) {
  int count = lua_gettop(job->co);
  if (job->place != 0)
    place_result(job, count);
  if (job->bare && (count > 1 || job->place == 0))
    lua_settop(job->co, 0);
  if (!job->bare && count > 0 && !finish_with(rt, job, count))
    return end_failed(rt, job);
  weft_task_close(rt, job->task);
  return WEFT_OK;
}

/* -- By Cancelled --------------------------------------------------------- */

static bool is_cancelled(lua_State *co, const struct host *host) {
  if (!lua_istable(co, -1) || lua_getmetatable(co, -1) == 0)
    return false;
  const void *metatable = lua_topointer(co, -1);
  lua_pop(co, 1);
  return metatable == host->cancelled_metatable;
}

/* Keeps in the task object that it was cancelled, and the error on top of the
 * stack that did it; takes that. */
static void keep_cancelled(weft_runtime *rt, struct job *job) {
  lua_State *L = job->host->L;
  job_push_own_object(job);
  lua_insert(L, -2);
  lua_rawseti(L, -2, TASK_FIRST);
  set_state(rt, job, WEFT_TASK_CANCELLED, TASK_MANY);
  lua_pop(L, 1);
}

/* Likewise, where there is no more to it than what did it. */
static void keep_source(weft_runtime *rt, const struct job *job, int source) {
  job_push_own_object(job);
  set_state(rt, job, WEFT_TASK_CANCELLED, source);
  lua_pop(job->host->L, 1);
}

/* Cancelled has left the body. */
static int end_cancelled(weft_runtime *rt, struct job *job) {
  if (!job->bare) {
    lua_xmove(job->co, job->host->L, 1);
    keep_cancelled(rt, job);
  }
  weft_task_close(rt, job->task);
  return WEFT_ECANCELLED;
}

int job_end_by_error(weft_runtime *rt, struct job *job) {
  return is_cancelled(job->co, job->host) ? end_cancelled(rt, job)
                                          : end_failed(rt, job);
}

/* -- Cancelled where nobody could see it ---------------------------------- */

/* Frames that are looked at before the error is rather raised. */
enum { FRAMES_MAX = 8 };

/* Whether an error raised in the parked coroutine would meet a function that
 * could catch it: only C functions can, pcall and xpcall among them. Level 0 is
 * the parking call. */
static HOST_APART bool has_handler(lua_State *co) {
  lua_Debug frame;
  for (int level = 1; level < FRAMES_MAX; level++) {
    if (lua_getstack(co, level, &frame) == 0)
      return false;
    lua_getinfo(co, "f", &frame);
    bool is_c = lua_iscfunction(co, -1) != 0;
    lua_pop(co, 1);
    if (is_c)
      return true;
  }
  return true;
}

/* Raising costs a microsecond, most of it spent in unwinding. Where no frame of
 * the task could catch the error, nothing can tell the unwinding from dropping
 * the coroutine. A call with a deliver function of its own has something to do
 * on its way out, and is not cut short; nor is one whose error is to have its
 * traceback. Whoever has a scope open stands in a function that catches. */
bool job_may_drop(const struct job *job, int status) {
  return status == WEFT_ECANCELLED && job->depth == 0 && job->deliver == NULL &&
         job->link == NULL && !job->owns && !job->host->sites &&
         !has_handler(job->co);
}

/* Of the source alone the Lua side can make the error when somebody asks. */
static void keep_cancellation(weft_runtime *rt, struct job *job) {
  lua_State *L = job->host->L;
  int source;
  weft_value *reason;
  weft_error *cause;
  weft_cancellation(rt, NULL, &source, &reason, &cause);
  if (reason == NULL && cause == NULL) {
    keep_source(rt, job, source);
    return;
  }
  host_push_function(L, job->host, "cancelled");
  lua_pcall(L, 0, 1, 0); /* for want of memory the error is that */
  keep_cancelled(rt, job);
}

int job_drop_cancelled(weft_runtime *rt, struct job *job) {
  if (!job->bare)
    keep_cancellation(rt, job);
  mark_dropped(job->host, job->co);
  job->dropped = 1;
  weft_task_close(rt, job->task);
  return WEFT_ECANCELLED;
}

/* -- Bodies that cannot just end ------------------------------------------ */

int job_refuse_yield(weft_runtime *rt, struct job *job) {
  lua_State *co = job->co;
  lua_settop(co, 0);
  weft_error *error = NULL;
  weft_error_new(WEFT_ESTATE, NULL,
                 "a C library yielded where no coroutine of yours resumes it; "
                 "inside a task wait with weft's own calls",
                 &error);
  weft_task_set_error(rt, error);
  weft_error_unref(error);
  return WEFT_ESTATE;
}

/* The body has ended, and the task still owns what it has to close: the Lua
 * side does so as the rest of the body, and then ends as that did. A coroutine
 * that failed cannot go on, so that part runs in another. */
int job_close_owned(struct job *job, bool went_well) {
  struct host *host = job->host;
  lua_State *L = host->L, *from = job->co;
  int count = went_well ? lua_gettop(from) : 1;
  job->owns = 0;
  if (!lua_checkstack(L, count + 3)) {
    refuse_results(from);
    went_well = false;
  }
  host_push_function(L, host, "end_owner");
  lua_pushboolean(L, went_well);
  if (!went_well) {
    luaL_traceback(L, from, NULL, 0);
    count = 2; /* the traceback and the error */
    lua_xmove(from, L, 1);
    job_set_coroutine(L, job, lua_newthread(L), RUN_ANCHORS);
    job->active = job->co;
  } else {
    lua_xmove(from, L, count);
  }
  lua_checkstack(job->co, count + 3);
  lua_xmove(L, job->co, count + 2);
  return count + 1;
}
