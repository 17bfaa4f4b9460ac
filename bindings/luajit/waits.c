/* SPDX-License-Identifier: MIT
 * waits.c - wait lists, events and semaphores, for the Lua modules of the
 * primitives. Handles are closed by the Lua side's finalisers. */
#include "host.h"

#include <string.h>

int push_number(lua_State *L, int status, uint64_t number) {
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)number);
  return 2;
}

/* -- Objects that are collected ------------------------------------------- */

#define GUARD_TYPE "weft.HandleGuard"

typedef int (*close_fn)(weft_runtime *rt, uint64_t handle);

/* A userdata that the object of a handle holds: when it is collected, nobody
 * waits on the handle any more, and it is closed. That runs no Lua. */
struct handle_guard {
  struct host *host;
  close_fn close;
  uint64_t handle;
  uint64_t run_id;
};

static int collect_guard(lua_State *L) {
  struct handle_guard *guard = lua_touserdata(L, 1);
  if (guard->host->rt != NULL && guard->host->run_id == guard->run_id)
    guard->close(guard->host->rt, guard->handle);
  return 0;
}

/* handle_close(guard): closes its handle now; again does nothing. */
static int handle_close(lua_State *L) {
  luaL_checkudata(L, 1, GUARD_TYPE);
  return collect_guard(L);
}

static close_fn closer_of(lua_State *L, const char *kind) {
  static const struct {
    const char *kind;
    close_fn close;
  } closers[] = {
      {"waitlist", weft_waitlist_close},
      {"event", weft_event_close},
      {"semaphore", weft_semaphore_close},
      {"barrier", weft_barrier_close},
      {"context_var", weft_context_var_close},
      {"lock", weft_lock_close},
      {"limiter", weft_limiter_close},
      {"condition", weft_condition_close},
  };
  for (size_t i = 0; i < sizeof closers / sizeof *closers; i++)
    if (strcmp(kind, closers[i].kind) == 0)
      return closers[i].close;
  luaL_argerror(L, 1, "no kind of object that is guarded");
  return NULL;
}

/* handle_guard(kind, handle) -> the object to be held */
static int handle_guard(lua_State *L) {
  struct host *host = host_of(L);
  close_fn close = closer_of(L, luaL_checkstring(L, 1));
  struct handle_guard *guard = lua_newuserdata(L, sizeof *guard);
  *guard = (struct handle_guard){host, close, handle_at(L, 2), host->run_id};
  if (luaL_newmetatable(L, GUARD_TYPE) != 0) {
    lua_pushcfunction(L, collect_guard);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}

/* -- Wait lists ----------------------------------------------------------- */

/* The words for weft_task_get_wait must last for ever. */
static const char *lasting_word(lua_State *L, int index) {
  static const char *const words[] = {"queue (to get)",
                                      "queue (to put)",
                                      "queue (to be done)",
                                      "channel (to send)",
                                      "channel (to receive)",
                                      "future",
                                      "task",
                                      NULL};
  return words[luaL_checkoption(L, index, NULL, words)];
}

/* waitlist_new(word, call) -> nil, handle */
static int waitlist_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), luaL_checkstring(L, 2));
  weft_waitlist list;
  int status = weft_waitlist_new(rt, lasting_word(L, 1), &list);
  return push_number(L, status, list);
}

/* waitlist_park(handle, call) -> code. The Lua side checks for room to park
 * first. */
static int waitlist_park(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t value;
  park_check_as(L, host, 2);
  int status = weft_waitlist_park(host->rt, handle_at(L, 1), &value);
  /* The Lua side has to put its counts right when this fails. */
  return park_finish(L, host, status, value, deliver_status);
}

/* waitlist_wake(handle, code or nil) -> handle of the task, or nil */
static int waitlist_wake(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task;
  if (host->rt == NULL)
    return 0;
  weft_waitlist_wake(host->rt, handle_at(L, 1),
                     (int)luaL_optinteger(L, 2, WEFT_OK), 0, &task);
  if (task == 0)
    return 0;
  lua_pushnumber(L, (lua_Number)task);
  return 1;
}

/* waitlist_wake_task(handle, task, code) -> whether it waited there */
static int waitlist_wake_task(lua_State *L) {
  struct host *host = host_of(L);
  int status = WEFT_ESTATE;
  if (host->rt != NULL)
    status = weft_waitlist_wake_task(host->rt, handle_at(L, 1), handle_at(L, 2),
                                     (int)luaL_optinteger(L, 3, WEFT_OK), 0);
  lua_pushboolean(L, status == WEFT_OK);
  return 1;
}

static int waitlist_count(lua_State *L) {
  struct host *host = host_of(L);
  size_t count = 0;
  if (host->rt != NULL)
    weft_waitlist_get_waiting(host->rt, handle_at(L, 1), &count);
  lua_pushnumber(L, (lua_Number)count);
  return 1;
}

/* -- Events --------------------------------------------------------------- */

static int event_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.event");
  weft_event event;
  int status = weft_event_new(rt, &event);
  return push_number(L, status, event);
}

static int event_set(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "event:set");
  return deliver_status(L, weft_event_set(rt, handle_at(L, 1)), 0);
}

static int event_clear(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "event:clear");
  return deliver_status(L, weft_event_clear(rt, handle_at(L, 1)), 0);
}

/* event_is_set(handle) -> nil, flag */
static int event_is_set(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "event:is_set");
  int flag;
  int status = weft_event_is_set(rt, handle_at(L, 1), &flag);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushboolean(L, flag);
  return 2;
}

static int event_wait(lua_State *L) {
  struct host *host = park_begin(L, "event:wait");
  return park_finish(L, host, weft_event_wait(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

/* event_waiting(handle) -> nil, number of tasks */
static int event_waiting(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "event:statistics");
  size_t tasks;
  int status = weft_event_get_waiting(rt, handle_at(L, 1), &tasks);
  return push_number(L, status, tasks);
}

/* -- Semaphores ----------------------------------------------------------- */

/* semaphore_new(permits, bound or 0) -> nil, handle */
static int semaphore_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.semaphore");
  weft_semaphore semaphore;
  int status = weft_semaphore_new(rt, (size_t)luaL_checknumber(L, 1),
                                  (size_t)luaL_optnumber(L, 2, 0), &semaphore);
  return push_number(L, status, semaphore);
}

static int semaphore_acquire(lua_State *L) {
  struct host *host = park_begin(L, "semaphore:acquire");
  return park_finish(L, host, weft_semaphore_acquire(host->rt, handle_at(L, 1)),
                     0, NULL);
}

static int semaphore_try_acquire(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "semaphore:try_acquire");
  return deliver_status(L, weft_semaphore_try_acquire(rt, handle_at(L, 1)), 0);
}

static int semaphore_release(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "semaphore:release");
  return deliver_status(L, weft_semaphore_release(rt, handle_at(L, 1)), 0);
}

/* semaphore_value(handle) -> nil, number of permits */
static int semaphore_value(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "semaphore:value");
  size_t permits;
  int status = weft_semaphore_get_value(rt, handle_at(L, 1), &permits);
  return push_number(L, status, permits);
}

/* semaphore_waiting(handle) -> nil, number of tasks */
static int semaphore_waiting(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "semaphore:statistics");
  size_t tasks;
  int status = weft_semaphore_get_waiting(rt, handle_at(L, 1), &tasks);
  return push_number(L, status, tasks);
}

void open_waits(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"handle_guard", handle_guard},
      {"handle_close", handle_close},
      {"waitlist_new", waitlist_new},
      {"waitlist_park", waitlist_park},
      {"waitlist_wake", waitlist_wake},
      {"waitlist_wake_task", waitlist_wake_task},
      {"waitlist_count", waitlist_count},
      {"event_new", event_new},
      {"event_set", event_set},
      {"event_clear", event_clear},
      {"event_is_set", event_is_set},
      {"event_wait", event_wait},
      {"event_waiting", event_waiting},
      {"semaphore_new", semaphore_new},
      {"semaphore_acquire", semaphore_acquire},
      {"semaphore_try_acquire", semaphore_try_acquire},
      {"semaphore_release", semaphore_release},
      {"semaphore_value", semaphore_value},
      {"semaphore_waiting", semaphore_waiting},
      {NULL, NULL}};
  host_register(L, host, functions);
}
