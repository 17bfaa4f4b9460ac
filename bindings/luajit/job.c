/* SPDX-License-Identifier: MIT
 * job.c - a Lua task: a stepped task whose step resumes a coroutine.
 *
 * A task is a stack of coroutines: its own, and those of the user's that run
 * inside it. The step is a trampoline: whoever resumes or yields says so and
 * yields to the step, which goes on in the coroutine meant. So a park is one
 * yield, however deep it happens, and no resumer sees it. */
#include "job.h"

/* Before the first step the arguments are on the stack already. */
static int deliver_arguments(lua_State *L, int status, uint64_t value) {
  struct job *job = host_running->job;
  (void)L;
  (void)status;
  (void)value;
  return (int)job->arg_count;
}

/* -- The step ------------------------------------------------------------- */

/* Goes back to the resumer of the active coroutine with [ok] and the topmost
 * [count] values of that one's stack; returns the number of its results. */
static int return_to_resumer(struct host *host, struct job *job, bool ok,
                             int count) {
  lua_State *from = job->active;
  link_pop(host, job);
  lua_State *to = job->active;
  if (!lua_checkstack(to, count + 1)) {
    lua_settop(from, 0);
    ok = false;
    count = 0;
  }
  lua_pushboolean(to, ok);
  lua_xmove(from, to, count);
  return count + 1;
}

static int go_into_resumed(struct host *host, struct job *job) {
  job->active = host->resumed;
  return host->resumed_count;
}

/* Goes on after the active coroutine has returned, failed or yielded, but for a
 * park. Returns the number of arguments for the coroutine that is active then,
 * or OVER with the task's outcome. */
enum { OVER = -1 };

static int go_on(weft_runtime *rt, struct job *job, int result, int *outcome) {
  struct host *host = job->host;
  bool went_well = result == 0 || result == LUA_YIELD;
  if (result == LUA_YIELD && host->yielded == YIELD_RESUME)
    return go_into_resumed(host, job);
  if (job->link != NULL && job->link->generator != NULL)
    return generator_return(job, result);
  if (job->link != NULL)
    return return_to_resumer(host, job, went_well,
                             went_well ? lua_gettop(job->active) : 1);
  if (job->owns && result != LUA_YIELD)
    return job_close_owned(job, went_well);
  if (result == LUA_YIELD)
    *outcome = job_refuse_yield(rt, job);
  else
    *outcome = result == 0 ? job_finish(rt, job) : job_end_by_error(rt, job);
  return OVER;
}

/* The task is no longer the one whose step runs. */
static inline int leave_step(struct host *host, int outcome) {
  host->active = NULL;
  return outcome;
}

/* Goes on until the job parks or ends; the active coroutine has just come back
 * with [result], and not to park. */
static HOST_APART int run_on(struct host *host, int result) {
  struct job *job = host->job;
  int outcome = WEFT_PARKED, count;
  while ((count = go_on(host->rt, job, result, &outcome)) != OVER) {
    host->active = job->active;
    host->yielded = YIELD_FOREIGN;
    result = lua_resume(job->active, count);
    if (result == LUA_YIELD && host->yielded == YIELD_PARK)
      break;
  }
  return leave_step(host, outcome);
}

/* Resumes the active coroutine with the [count] values on its stack. */
static inline int run(struct host *host, int count) {
  int result = lua_resume(host->active, count);
  if (__builtin_expect(result == LUA_YIELD && host->yielded == YIELD_PARK, 1))
    return leave_step(host, WEFT_PARKED);
  return run_on(host, result);
}

/* Makes the results of the call that parked, in a frame of its own. */
int job_deliver(lua_State *L) {
  struct host *host = host_running;
  return host->job->deliver(L, host->wake_status, host->wake_value);
}

/* Makes them on the stack of weft.run, not on the coroutine's: what allocates
 * may start a collection, whose finalisers run on the same stack, and LuaJIT
 * forgets that a coroutine has yielded when Lua code that catches errors runs
 * on it. What the call has left on the coroutine's stack are its arguments. */
static HOST_APART int deliver_apart(struct job *job, int status,
                                    uint64_t value) {
  struct host *host = job->host;
  lua_State *L = host->L, *co = job->active;
  int kept = lua_gettop(co), top = lua_gettop(L);
  host->wake_status = status;
  host->wake_value = value;
  lua_pushvalue(L, RUN_DELIVER);
  lua_xmove(co, L, kept);
  int failed = lua_pcall(L, kept, LUA_MULTRET, 0);
  int count = lua_gettop(L) - top;
  if (failed != 0 || !lua_checkstack(co, count)) {
    lua_settop(L, top);
    return deliver_status(co, WEFT_ENOMEM, 0);
  }
  lua_xmove(L, co, count);
  return count;
}

/* Puts the results of the call that parked on the coroutine's stack. */
static int deliver(struct job *job, int status, uint64_t value) {
  weft_lua_deliver make = job->deliver == NULL ? deliver_status : job->deliver;
  bool allocates = make != deliver_status && make != deliver_woken;
  return allocates ? deliver_apart(job, status, value)
                   : make(job->active, status, value);
}

/* A step that has results to make, or to end by Cancelled. */
static HOST_APART int step_with(weft_runtime *rt, void *arg, int status,
                                uint64_t value) {
  struct job *job = arg;
  struct host *host = job->host;
  if (job->deliver == deliver_arguments) { /* the first step */
    job->deliver = NULL;
    return run(host, (int)job->arg_count);
  }
  if (job_may_drop(job, status))
    return leave_step(host, job_drop_cancelled(rt, job));
  int count = deliver(job, status, value);
  job->deliver = NULL;
  return run(host, count);
}

static int step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct job *job = arg;
  struct host *host = job->host;
  host->job = job;
  host->active = job->active;
  host->yielded = YIELD_FOREIGN;
  bool has_results = job->deliver != NULL || status != WEFT_OK;
  return __builtin_expect(has_results, 0) ? step_with(rt, arg, status, value)
                                          : run(host, 0);
}

/* -- Looking up ----------------------------------------------------------- */

static struct job *job_of(struct host *host, weft_task task) {
  weft_step_fn task_step;
  void *arg;
  if (weft_task_get_arg(host->rt, task, &task_step, &arg) != WEFT_OK ||
      task_step != step)
    return NULL;
  struct job *job = arg;
  return job->host == host && job->task == task ? job : NULL;
}

void job_push_object(lua_State *L, struct host *host, weft_task task) {
  struct job *job = job_of(host, task);
  if (job == NULL)
    lua_pushnil(L);
  else
    job_push_its_object(L, job);
}

lua_State *job_active(struct host *host, weft_task task) {
  struct job *job = job_of(host, task);
  return job == NULL ? NULL : job->active;
}

bool job_find_site(struct host *host, weft_task task, char *text, size_t size) {
  const struct job *job = job_of(host, task);
  return job != NULL && site_of_job(job, text, size);
}

/* -- Spawning ------------------------------------------------------------- */

/* A job for what stands at [object] in the table of the task objects, at
 * [objects], that begins with [count] values: a function and arguments. */
static inline struct job *new_job(lua_State *L, struct host *host, int object,
                                  int objects, int count) {
  struct job *job = job_take(L, host, object, objects);
  job->active = job->co;
  job->link = NULL;
  job->deliver = deliver_arguments;
  job->place = 0;
  job->arg_count = ((unsigned)count - 1) & 0x1fff; /* no stack holds more */
  job->depth = 0;
  job->owns = 0;
  job->bare = 0;
  job->dropped = 0;
  return job;
}

/* So many values, with what goes with them, fit on any stack. */
enum { ARGUMENTS_FEW = 16 };

/* Moves the [count] topmost values, function and arguments, to the job's
 * coroutine and spawns its task; gives the job back if that fails. */
static inline int spawn_with(lua_State *L, weft_group group, struct job *job,
                             int count) {
  if (count > ARGUMENTS_FEW && !lua_checkstack(job->co, count)) {
    job_give(job);
    return WEFT_ENOMEM;
  }
  lua_xmove(L, job->co, count);
  return weft_spawn_step(job->host->rt, group, step, job, job_give, &job->task);
}

static inline int start_job(lua_State *L, weft_group group, struct job *job,
                            int count, int objects) {
  int status = spawn_with(L, group, job, count);
  if (status != WEFT_OK) {
    lua_pushnil(L);
    lua_rawseti(L, objects, job->anchor);
  }
  return status;
}

/* Spawns a task for the object at index [object], that runs the function at
 * [function] with the arguments above it; takes those from the stack. The table
 * of the task objects is at [objects]. */
int job_spawn(lua_State *L, struct host *host, weft_group group, int object,
              int function, int objects) {
  int count = lua_gettop(L) - function + 1;
  struct job *job = new_job(L, host, object, objects, count);
  int status = start_job(L, group, job, count, objects);
  if (status != WEFT_OK)
    return status;
  lua_pushnumber(L, (lua_Number)job->task);
  lua_rawseti(L, object, TASK_HANDLE);
  job_push_state(L, host->rt, job, 0);
  lua_rawseti(L, object, TASK_STATE);
  site_note_task(L, host, object);
  return WEFT_OK;
}

/* Likewise, but the object is only made when somebody asks for it. The first
 * result goes into the table at [results], at the place that the number above
 * it tells; 0: nobody wants it. */
int job_spawn_bare(lua_State *L, struct host *host, weft_group group,
                   int results, int function, int objects) {
  int count = lua_gettop(L) - function + 1;
  struct job *job = new_job(L, host, results, objects, count);
  job->place = (int)lua_tointeger(L, results + 1);
  job->bare = 1;
  int status = start_job(L, group, job, count, objects);
  if (status == WEFT_OK && __builtin_expect(host->sites, 0)) {
    job_push_its_object(L, job);
    site_note_task(L, host, lua_gettop(L));
    lua_pop(L, 1);
  }
  return status;
}
