/* SPDX-License-Identifier: MIT
 * job.c - a Lua task: a stepped task whose step resumes a coroutine.
 *
 * A task is a stack of coroutines: its own, and those of the user's that run
 * inside it. The step is a trampoline: whoever resumes or yields says so and
 * yields to the step, which goes on in the coroutine meant. So a park is one
 * yield, however deep it happens, and no resumer sees it.
 *
 * A job whose body returned is used again with its coroutine; LuaJIT cannot run
 * another function in one that ended by an error, so such a job gets a new
 * coroutine. Each job has a number, under which two tables hold its coroutine
 * and its task object: no reference is made for a task. */
#include "host.h"

#include <assert.h>
#include <stdlib.h>

/* -- Jobs and their coroutines --------------------------------------------
 */

/* Where the object of a bare job is to be stands the table for its result. */
static void make_object(lua_State *L, struct job *job, int objects) {
  uint64_t id;
  weft_task_get_id(job->host->rt, job->task, &id);
  host_push_function(L, job->host, "make_task");
  lua_pushnumber(L, (lua_Number)job->task);
  lua_pushnumber(L, (lua_Number)(id * TASK_STATES));
  lua_rawgeti(L, objects, job->anchor);
  lua_call(L, 3, 1);
  lua_rawseti(L, objects, job->anchor);
  job->bare = 0;
}

static void push_object(lua_State *L, struct job *job) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, job->host->objects);
  if (job->bare)
    make_object(L, job, lua_gettop(L));
  lua_rawgeti(L, -1, job->anchor);
  lua_remove(L, -2);
}

/* Enters the coroutine on top of [L]'s stack, or false, as the job's. */
static void set_coroutine(lua_State *L, struct job *job, lua_State *co) {
  struct host *host = job->host;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->anchors);
  lua_insert(L, -2);
  lua_rawseti(L, -2, job->anchor);
  lua_pop(L, 1);
  if (co != NULL && !own_set_add(&host->own, co))
    host_fail(L, host, WEFT_ENOMEM, NULL);
  if (job->co != NULL)
    own_set_remove(&host->own, job->co);
  job->co = co;
}

/* Jobs come by the page, each on a cache line of its own. */
enum { JOBS_A_PAGE = 63, PAGE_BYTES = 4096 };

struct job_page {
  struct job_page *next;
  char padding[sizeof(struct job) - sizeof(struct job_page *)];
  struct job jobs[JOBS_A_PAGE];
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct job) == 64,
               "a job fills a cache line");
_Static_assert(sizeof(struct job_page) <= PAGE_BYTES, "a page holds them");

static void add_jobs(lua_State *L, struct host *host) {
  struct job_page *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
  if (page == NULL)
    host_fail(L, host, WEFT_ENOMEM, NULL);
  assert(page != NULL); /* host_fail has raised */
  page->next = host->job_pages;
  host->job_pages = page;
  host->anchor_count += JOBS_A_PAGE;
  for (int i = JOBS_A_PAGE - 1; i >= 0; i--) {
    struct job *job = &page->jobs[i];
    *job = (struct job){.host = host, .next = host->free_jobs};
    job->anchor = host->anchor_count - JOBS_A_PAGE + 1 + i;
    host->free_jobs = job;
  }
}

static struct job *take_job(lua_State *L, struct host *host) {
  if (host->free_jobs == NULL)
    add_jobs(L, host);
  struct job *job = host->free_jobs;
  if (job->co == NULL)
    set_coroutine(L, job, lua_newthread(L));
  host->free_jobs = job->next;
  return job;
}

/* LuaJIT cannot use a coroutine again that ended by an error. */
static void drop_coroutine(struct job *job) {
  lua_State *L = job->host->L;
  lua_pushboolean(L, 0);
  set_coroutine(L, job, NULL);
}

/* Steps run right under weft.run's C function, which keeps the table of the
 * objects at a fixed place. */
static void push_own_object(const struct job *job) {
  lua_rawgeti(job->host->L, RUN_OBJECTS, job->anchor);
}

static void forget_object(const struct job *job) {
  lua_pushnil(job->host->L);
  lua_rawseti(job->host->L, RUN_OBJECTS, job->anchor);
}

/* What ended without an outcome, as one that is given up does, is not to be
 * taken for finished: see TASK_STATE. */
static void lose_outcome(const struct job *job) {
  lua_State *L = job->host->L;
  if (job->bare)
    return;
  push_own_object(job);
  lua_rawgeti(L, -1, TASK_STATE);
  if ((uint64_t)lua_tonumber(L, -1) % TASK_STATES == 0) {
    lua_pushinteger(L, 0);
    lua_rawseti(L, -3, TASK_HANDLE);
  }
  lua_pop(L, 2);
}

/* The body has not returned, or has never been called. */
static void clear_job(struct job *job) {
  while (job->link != NULL)
    link_pop(job->host, job);
  if (job->task != 0)
    lose_outcome(job);
  if (lua_status(job->co) == 0)
    lua_settop(job->co, 0);
  else
    drop_coroutine(job);
}

/* The core's drop: the task is over, or given up, or was refused, and then it
 * has no handle. A body that has returned leaves nothing in its coroutine. */
static void give_job(void *arg) {
  struct job *job = arg;
  struct host *host = job->host;
  if (lua_gettop(job->co) > 0 || lua_status(job->co) != 0)
    clear_job(job);
  if (job->task != 0)
    forget_object(job);
  job->task = 0;
  job->next = host->free_jobs;
  host->free_jobs = job;
}

void job_clear_all(struct host *host) {
  while (host->job_pages != NULL) {
    struct job_page *page = host->job_pages;
    host->job_pages = page->next;
    free(page);
  }
  host->free_jobs = NULL;
  own_set_clear(&host->own);
}

/* Before the first step the arguments are on the stack already. */
static int deliver_arguments(lua_State *L, int status, uint64_t value) {
  struct job *job = host_running->job;
  (void)L;
  (void)status;
  (void)value;
  return (int)job->arg_count;
}

/* -- The end of a task ---------------------------------------------------- */

static void push_state(lua_State *L, weft_runtime *rt, const struct job *job,
                       int state) {
  uint64_t id;
  weft_task_get_id(rt, job->task, &id);
  lua_pushnumber(L, (lua_Number)(id * TASK_STATES) + state);
}

/* Sets the state of the task object on top of the stack. */
static void set_state(weft_runtime *rt, const struct job *job, int state) {
  push_state(job->host->L, rt, job, state);
  lua_rawseti(job->host->L, -2, TASK_STATE);
}

/* So many values, with what goes with them, fit on any stack. */
enum { RESULTS_FEW = 8, ARGUMENTS_FEW = 16 };

/* Of the results only the first is wanted, in the table of the caller's. */
static void place_result(const struct job *job, int count) {
  lua_State *L = job->host->L;
  push_own_object(job);
  if (!job->bare)
    lua_getfield(L, -1, "into");
  if (count == 0)
    lua_pushnil(job->co);
  else if (count > 1 || !job->bare)
    lua_pushvalue(job->co, 1);
  lua_xmove(job->co, L, 1);
  lua_rawseti(L, -2, job->place);
  lua_pop(L, 1);
  if (job->bare)
    return;
  lua_pushnil(L);
  lua_setfield(L, -2, "into");
  lua_pop(L, 1);
}

/* Moves the [count] results into the task object on top of [L]'s stack. */
static void keep_results(lua_State *L, lua_State *co, int count) {
  lua_xmove(co, L, count);
  for (int i = count; i > 0; i--)
    lua_rawseti(L, -i - 1, TASK_FIRST + i - 1);
  lua_pushinteger(L, count);
  lua_rawseti(L, -2, TASK_COUNT);
}

/* More results than another stack holds are an error instead. */
static void refuse_results(lua_State *co) {
  lua_settop(co, 0);
  lua_pushliteral(co, "a task returned more results than a stack holds; "
                      "return a table");
}

static int end_failed(weft_runtime *rt, struct job *job);

/* The body has returned [count] results, at least one. */
static bool finish_with(weft_runtime *rt, struct job *job, int count) {
  lua_State *L = job->host->L, *co = job->co;
  if (count > RESULTS_FEW && !lua_checkstack(L, count + 4)) {
    refuse_results(co);
    return false;
  }
  push_own_object(job);
  keep_results(L, co, count);
  set_state(rt, job, WEFT_TASK_FINISHED);
  lua_pop(L, 1);
  return true;
}

/* The body has returned. What the task object knows is final, so the core's
 * handle is not needed any more. Without results there is nothing to be told:
 * see TASK_STATE. */
static int finish(weft_runtime *rt, struct job *job) {
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
  push_own_object(job);
  lua_insert(L, -2);
  lua_rawseti(L, -2, TASK_COUNT);
  set_state(rt, job, WEFT_TASK_CANCELLED);
  lua_pop(L, 1);
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

/* -- Cancelled where nobody could see it --------------------------------- */

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
 * traceback. */
static bool may_drop(const struct job *job, int status) {
  return status == WEFT_ECANCELLED && job->deliver == NULL &&
         job->link == NULL && !job->owns && !job->host->sites &&
         !has_handler(job->co);
}

/* Pushes what the task object is to have of the cancellation: the source alone
 * where there is no more to it, as the Lua side can make the error of that when
 * somebody asks; else the error. */
static void push_cancellation(weft_runtime *rt, struct host *host) {
  lua_State *L = host->L;
  int source;
  weft_value *reason;
  weft_error *cause;
  weft_cancellation(rt, NULL, &source, &reason, &cause);
  if (reason == NULL && cause == NULL) {
    lua_pushstring(L, scope_source_name(source));
    return;
  }
  host_push_function(L, host, "cancelled");
  lua_pcall(L, 0, 1, 0); /* for want of memory the error is that */
}

static HOST_APART int drop_cancelled(weft_runtime *rt, struct job *job) {
  if (!job->bare) {
    push_cancellation(rt, job->host);
    keep_cancelled(rt, job);
  }
  mark_dropped(job->host, job->co);
  weft_task_close(rt, job->task);
  return WEFT_ECANCELLED;
}

/* The Lua side makes an error object of what was raised, and sees to it that
 * the handle is closed, and so the failure reported if nobody has seen it,
 * when the task object is collected. */
static int end_failed(weft_runtime *rt, struct job *job) {
  struct host *host = job->host;
  lua_State *L = host->L;
  weft_error *error = NULL;
  host_push_function(L, host, "on_failure");
  push_object(L, job);
  set_state(rt, job, WEFT_TASK_FAILED);
  lua_xmove(job->co, L, 1);
  luaL_traceback(L, job->co, NULL, 0);
  if (lua_pcall(L, 3, 1, 0) == 0)
    to_error(L, host, -1, &error);
  lua_pop(L, 1);
  weft_task_set_error(rt, error);
  weft_error_unref(error);
  return WEFT_EHOST;
}

/* The task's own coroutine has ended by an error, which is on its stack. */
static int end_by_error(weft_runtime *rt, struct job *job) {
  return is_cancelled(job->co, job->host) ? end_cancelled(rt, job)
                                          : end_failed(rt, job);
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

/* A yield that nobody in the task can get: the body cannot go on. */
static int refuse_yield(weft_runtime *rt, struct job *job) {
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
static int close_owned(struct job *job, bool went_well) {
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
    set_coroutine(L, job, lua_newthread(L));
    job->active = job->co;
  } else {
    lua_xmove(from, L, count);
  }
  lua_checkstack(job->co, count + 3);
  lua_xmove(L, job->co, count + 2);
  return count + 1;
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
    return close_owned(job, went_well);
  if (result == LUA_YIELD)
    *outcome = refuse_yield(rt, job);
  else
    *outcome = result == 0 ? finish(rt, job) : end_by_error(rt, job);
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
  if (may_drop(job, status))
    return leave_step(host, drop_cancelled(rt, job));
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
    push_object(L, job);
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

static inline struct job *new_job(lua_State *L, struct host *host, int count) {
  struct job *job = take_job(L, host);
  job->active = job->co;
  job->link = NULL;
  job->deliver = deliver_arguments;
  job->place = 0;
  job->arg_count = ((unsigned)count - 1) & 0x3fff; /* no stack holds more */
  job->depth = 0;
  job->owns = 0;
  job->bare = 0;
  return job;
}

/* Spawns the job's task, with what stands at [object] in the table at [objects]
 * for its object, and the [count] topmost values as function and arguments. */
static inline int start_job(lua_State *L, weft_group group, struct job *job,
                            int object, int count, int objects) {
  int anchor = job->anchor;
  if (count > ARGUMENTS_FEW && !lua_checkstack(job->co, count)) {
    give_job(job);
    return WEFT_ENOMEM;
  }
  lua_xmove(L, job->co, count);
  lua_pushvalue(L, object);
  lua_rawseti(L, objects, anchor);
  int status =
      weft_spawn_step(job->host->rt, group, step, job, give_job, &job->task);
  if (status != WEFT_OK) {
    lua_pushnil(L);
    lua_rawseti(L, objects, anchor);
  }
  return status;
}

/* Spawns a task for the object at index [object], that runs the function at
 * [function] with the arguments above it; takes those from the stack. The table
 * of the task objects is at [objects]. */
int job_spawn(lua_State *L, struct host *host, weft_group group, int object,
              int function, int objects) {
  int count = lua_gettop(L) - function + 1;
  struct job *job = new_job(L, host, count);
  int status = start_job(L, group, job, object, count, objects);
  if (status != WEFT_OK)
    return status;
  lua_pushnumber(L, (lua_Number)job->task);
  lua_rawseti(L, object, TASK_HANDLE);
  push_state(L, host->rt, job, 0);
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
  struct job *job = new_job(L, host, count);
  job->place = (int)lua_tointeger(L, results + 1);
  job->bare = 1;
  int status = start_job(L, group, job, results, count, objects);
  if (status == WEFT_OK && __builtin_expect(host->sites, 0)) {
    push_object(L, job);
    site_note_task(L, host, lua_gettop(L));
    lua_pop(L, 1);
  }
  return status;
}
