/* SPDX-License-Identifier: MIT
 * task.c - tasks, for lua/weft/task.lua. */
#include "host.h"

#include <stdlib.h>

/* Returns the object, at index 2, which the spawn has left on top. */
static int end_spawn(lua_State *L, struct host *host, weft_group group,
                     int status) {
  if (status == WEFT_OK)
    return 1;
  const char *message = NULL;
  if (group == 0)
    message = "spawn: the task could not be started";
  else if (status == WEFT_ESTATE)
    message = "group:spawn: the group is over: its function and children have "
              "ended";
  return host_fail(L, host, status, message);
}

/* spawn(group or 0, object, fn, ...) -> object. Raises what prevents it. Its
 * second upvalue, as that of the others, is the table of the task objects. */
static int spawn(lua_State *L) {
  struct host *host = host_of(L);
  host_runtime(L, host, "spawn");
  weft_group group = handle_at(L, 1);
  return end_spawn(L, host, group,
                   job_spawn(L, host, group, 2, 3, lua_upvalueindex(2)));
}

/* spawn_named(group or 0, object, name, fn, ...) -> object */
static int spawn_named(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "spawn");
  weft_group group = handle_at(L, 1);
  const char *name = luaL_checkstring(L, 3);
  lua_pushvalue(L, 3);
  lua_setfield(L, 2, "given_name");
  int status = job_spawn(L, host, group, 2, 4, lua_upvalueindex(2));
  if (status == WEFT_OK) {
    lua_rawgeti(L, 2, TASK_HANDLE);
    status = weft_task_set_name(rt, handle_at(L, -1), name);
    lua_settop(L, 2);
  }
  return end_spawn(L, host, group, status);
}

/* spawn_bare(group, results, place, fn, ...) -> code or nil: the task's object
 * is not wanted; its first result goes to results[place], for 0 nowhere. */
static int spawn_bare(lua_State *L) {
  struct host *host = host_of(L);
  host_runtime(L, host, "spawn");
  return deliver_status(
      L, job_spawn_bare(L, host, handle_at(L, 1), 2, 4, lua_upvalueindex(2)),
      0);
}

static int await(lua_State *L) {
  struct host *host = host_of(L);
  park_check(L, host, "task:await");
  return park_finish(L, host, weft_task_await(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

/* join(task): kept; for those who own the task. */
static int join(lua_State *L) {
  struct host *host = host_of(L);
  park_check(L, host, "join");
  return park_finish(L, host, weft_task_join(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

/* start(task) -> the arguments of ready, which the Lua side keeps. */
static int start(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t value;
  park_check(L, host, "group:start");
  int status = weft_task_start(host->rt, handle_at(L, 1), &value);
  return park_finish(L, host, status, value, deliver_status);
}

static int ready(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "ready");
  return deliver_status(L, weft_task_ready(rt, handle_at(L, 1), 0), 0);
}

static int cancel(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "task:cancel");
  weft_value *reason;
  int status = to_value(L, host, 2, &reason);
  if (status == WEFT_OK)
    status = weft_task_cancel(rt, handle_at(L, 1), reason);
  weft_value_unref(reason);
  return deliver_status(L, status, 0);
}

static int current(lua_State *L) {
  struct host *host = host_of(L);
  if (host->active == NULL)
    return 0;
  weft_task task;
  weft_task_current(host->rt, &task);
  job_push_object(L, host, task);
  return 1;
}

/* task_owns() -> whether the innermost scope is the running task's own; notes
 * that it has something to close at its end. */
static int task_owns(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task;
  weft_scope own, innermost;
  weft_task_current(host->rt, &task);
  weft_task_get_scope(host->rt, task, &own);
  weft_scope_current(host->rt, &innermost);
  if (own == innermost)
    host->job->owns = 1;
  lua_pushboolean(L, own == innermost);
  return 1;
}

/* task_is_over(task) -> whether there was such a task, and is no more */
static int task_is_over(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = handle_at(L, 1);
  int state;
  lua_pushboolean(L, task != 0 && (host->rt == NULL ||
                                   weft_task_get_state(host->rt, task,
                                                       &state) == WEFT_EBADF));
  return 1;
}

/* task_handle() -> the running task's handle */
static int task_handle(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = 0;
  if (host->rt != NULL)
    weft_task_current(host->rt, &task);
  lua_pushnumber(L, (lua_Number)task);
  return 1;
}

/* all() -> list of the objects of unfinished tasks, in the order of spawning */
static int all(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = 0;
  int count = 0;
  lua_newtable(L);
  if (host->rt == NULL)
    return 1;
  while (weft_task_next(host->rt, task, &task) == WEFT_OK && task != 0) {
    job_push_object(L, host, task);
    if (lua_isnil(L, -1))
      lua_pop(L, 1);
    else
      lua_rawseti(L, -2, ++count);
  }
  return 1;
}

/* list() -> list of the handles of unfinished tasks, those of other languages
 * too, in the order of spawning */
static int list(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = 0;
  int count = 0;
  lua_newtable(L);
  while (host->rt != NULL && weft_task_next(host->rt, task, &task) == WEFT_OK &&
         task != 0) {
    lua_pushnumber(L, (lua_Number)task);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

/* info(task) -> id, name or nil, state, parent's object or nil, what it waits
 * for or nil, the time its wait ends or nil, its group's handle, the handle of
 * what it waits for, its parent's handle or 0 */
static int info(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "task");
  weft_task task = handle_at(L, 1), parent;
  uint64_t id, object, until;
  const char *name, *what;
  int state;
  weft_group group;
  int status = weft_task_get_id(rt, task, &id);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  weft_task_get_name(rt, task, &name);
  weft_task_get_state(rt, task, &state);
  weft_task_get_parent(rt, task, &parent);
  weft_task_get_wait(rt, task, &what, &object, &until);
  weft_task_get_group(rt, task, &group);
  lua_pushnumber(L, (lua_Number)id);
  lua_pushstring(L, name);
  lua_pushinteger(L, state);
  job_push_object(L, host, parent);
  lua_pushstring(L, what);
  if (until == UINT64_MAX)
    lua_pushnil(L);
  else
    lua_pushnumber(L, time_seconds(until));
  lua_pushnumber(L, (lua_Number)group);
  lua_pushnumber(L, (lua_Number)object);
  lua_pushnumber(L, (lua_Number)parent);
  return 9;
}

static int set_name(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "task:set_name");
  return deliver_status(
      L, weft_task_set_name(rt, handle_at(L, 1), luaL_checkstring(L, 2)), 0);
}

/* scope(task) -> the handle of its own scope */
static int scope(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "task.scope");
  weft_scope handle;
  weft_task_get_scope(rt, handle_at(L, 1), &handle);
  lua_pushnumber(L, (lua_Number)handle);
  return 1;
}

/* traceback(task) -> where it is parked */
static int traceback(lua_State *L) {
  struct host *host = host_of(L);
  lua_State *co = host->rt == NULL ? NULL : job_active(host, handle_at(L, 1));
  if (co == NULL)
    return 0;
  luaL_traceback(L, co, NULL, 0);
  return 1;
}

/* coroutine(task) -> its innermost coroutine, to be looked at; nil for a task
 * that has ended, or is not of this state. */
static int coroutine(lua_State *L) {
  struct host *host = host_of(L);
  lua_State *co = host->rt == NULL ? NULL : job_active(host, handle_at(L, 1));
  if (co == NULL || !lua_checkstack(co, 1))
    return 0;
  lua_pushthread(co);
  if (co != L)
    lua_xmove(co, L, 1);
  return 1;
}

/* on_done(task, fn) -> nil, handle of the callback */
static int on_done(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "task:add_done_callback");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  uint64_t done;
  void *callback = callback_new(L, host, 2);
  if (callback == NULL)
    return deliver_status(L, WEFT_ENOMEM, 0);
  int status = weft_task_on_done(rt, handle_at(L, 1), callback_run, callback,
                                 callback_drop, &done);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)done);
  return 2;
}

/* observe(task): its failure has been seen. */
static int observe(lua_State *L) {
  struct host *host = host_of(L);
  weft_error *error;
  if (host->rt != NULL)
    weft_task_get_error(host->rt, handle_at(L, 1), &error);
  return 0;
}

/* report_unobserved(): failures of tasks whose objects are still held. */
static int report_unobserved(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_report_unobserved(host->rt);
  return 0;
}

/* -- Failures that nobody has seen ---------------------------------------- */

/* A userdata that a failed task's object holds: when it is collected, nobody
 * can ask for the failure any more. */
struct guard {
  struct host *host;
  weft_task task;
  uint64_t run_id;
};

static void close_task(weft_runtime *rt, void *arg) {
  weft_task_close(rt, *(weft_task *)arg);
}

/* A finaliser may run in the middle of anything, so it only queues the closing,
 * and with it the report. */
static int collect_guard(lua_State *L) {
  struct guard *guard = lua_touserdata(L, 1);
  struct host *host = guard->host;
  if (host->rt == NULL || host->run_id != guard->run_id)
    return 0;
  weft_task *task = malloc(sizeof *task);
  if (task == NULL)
    return 0; /* the shutdown reports it */
  *task = guard->task;
  weft_call_soon(host->rt, close_task, task, free, NULL);
  return 0;
}

/* guard(task) -> the object to be held */
static int guard(lua_State *L) {
  struct host *host = host_of(L);
  struct guard *guard = lua_newuserdata(L, sizeof *guard);
  *guard = (struct guard){host, handle_at(L, 1), host->run_id};
  if (luaL_newmetatable(L, "weft.FailureGuard") != 0) {
    lua_pushcfunction(L, collect_guard);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static void add_spawn(lua_State *L, struct host *host, const char *name,
                      lua_CFunction function) {
  lua_pushlightuserdata(L, host);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->objects);
  lua_pushcclosure(L, function, 2);
  lua_setfield(L, -2, name);
}

void open_task(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"task_await", await},
                                       {"task_join", join},
                                       {"task_start", start},
                                       {"task_ready", ready},
                                       {"task_cancel", cancel},
                                       {"task_current", current},
                                       {"task_handle", task_handle},
                                       {"task_owns", task_owns},
                                       {"task_is_over", task_is_over},
                                       {"task_all", all},
                                       {"task_list", list},
                                       {"task_info", info},
                                       {"task_set_name", set_name},
                                       {"task_scope", scope},
                                       {"task_traceback", traceback},
                                       {"task_coroutine", coroutine},
                                       {"task_on_done", on_done},
                                       {"task_observe", observe},
                                       {"task_guard", guard},
                                       {"report_unobserved", report_unobserved},
                                       {NULL, NULL}};
  host_register(L, host, functions);
  add_spawn(L, host, "spawn", spawn);
  add_spawn(L, host, "spawn_named", spawn_named);
  add_spawn(L, host, "spawn_bare", spawn_bare);
}
