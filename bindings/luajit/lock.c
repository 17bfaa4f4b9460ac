/* SPDX-License-Identifier: MIT
 * lock.c - locks and their conditions, for lua/weft/lock.lua and condition.lua.
 */
#include "host.h"

/* -- Locks ---------------------------------------------------------------- */

/* lock_new() -> nil, handle */
static int lock_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.lock");
  weft_lock lock;
  int status = weft_lock_new(rt, &lock);
  return push_number(L, status, lock);
}

static int lock_acquire(lua_State *L) {
  struct host *host = park_begin(L, "lock:acquire");
  return park_finish(L, host, weft_lock_acquire(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

static int lock_try_acquire(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "lock:try_acquire");
  return deliver_status(L, weft_lock_try_acquire(rt, handle_at(L, 1)), 0);
}

static int lock_release(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "lock:release");
  return deliver_status(L, weft_lock_release(rt, handle_at(L, 1)), 0);
}

/* lock_owner(handle) -> nil, whether it is owned, the owner's task object (nil
 * if that is no task of this state) */
static int lock_owner(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "lock:owner");
  weft_task owner;
  int status = weft_lock_get_owner(rt, handle_at(L, 1), &owner);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushboolean(L, owner != 0);
  job_push_object(L, host, owner);
  return 3;
}

/* lock_broken(handle) -> nil, the name of the task that broke it, or nil */
static int lock_broken(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "lock:broken");
  const char *name;
  int status = weft_lock_get_broken(rt, handle_at(L, 1), &name);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushstring(L, name);
  return 2;
}

/* lock_waiting(handle) -> nil, number of tasks */
static int lock_waiting(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "lock:statistics");
  size_t tasks;
  int status = weft_lock_get_waiting(rt, handle_at(L, 1), &tasks);
  return push_number(L, status, tasks);
}

/* -- Conditions ----------------------------------------------------------- */

/* condition_new(lock) -> nil, handle */
static int condition_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.condition");
  weft_condition condition;
  int status = weft_condition_new(rt, handle_at(L, 1), &condition);
  return push_number(L, status, condition);
}

/* condition_wait(handle, call) */
static int condition_wait(lua_State *L) {
  struct host *host = host_of(L);
  park_check_as(L, host, 2);
  return park_finish(L, host, weft_condition_wait(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

/* condition_notify(handle, n or nil for all, call) */
static int condition_notify(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), luaL_checkstring(L, 3));
  size_t count = lua_isnil(L, 2) ? SIZE_MAX : (size_t)luaL_checknumber(L, 2);
  return deliver_status(L, weft_condition_notify(rt, handle_at(L, 1), count),
                        0);
}

/* condition_waiting(handle) -> nil, number of tasks */
static int condition_waiting(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "condition:statistics");
  size_t tasks;
  int status = weft_condition_get_waiting(rt, handle_at(L, 1), &tasks);
  return push_number(L, status, tasks);
}

void open_lock(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"lock_new", lock_new},
                                       {"lock_acquire", lock_acquire},
                                       {"lock_try_acquire", lock_try_acquire},
                                       {"lock_release", lock_release},
                                       {"lock_owner", lock_owner},
                                       {"lock_broken", lock_broken},
                                       {"lock_waiting", lock_waiting},
                                       {"condition_new", condition_new},
                                       {"condition_wait", condition_wait},
                                       {"condition_notify", condition_notify},
                                       {"condition_waiting", condition_waiting},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
