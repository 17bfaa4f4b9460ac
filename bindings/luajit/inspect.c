/* SPDX-License-Identifier: MIT
 * inspect.c - a view inside, for lua/weft/steps.lua and lua/weft/stats.lua. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- What watches the steps ----------------------------------------------- */

static void start_watchdog(lua_State *L, struct host *host) {
  const char *complaint = watchdog_start(L, host);
  if (complaint != NULL)
    fprintf(stderr, "weft: the watchdog: %s\n", complaint);
}

static void forget_trace(struct host *host) {
  free(host->trace_path);
  host->trace_path = NULL;
}

static void start_trace(struct host *host) {
  if (host->trace_path == NULL)
    return;
  int status = weft_trace_start(host->rt, host->trace_path);
  if (status != WEFT_OK)
    fprintf(stderr, "weft: the trace %s: %s\n", host->trace_path,
            weft_strerror(status));
  forget_trace(host);
}

void inspect_begin(lua_State *L, struct host *host) {
  weft_set_slow(host->rt, host->slow_ns);
  start_watchdog(L, host);
  start_trace(host);
}

void inspect_end(lua_State *L, struct host *host) {
  watchdog_stop(L, host);
}

/* set_slow(seconds): 0 for none; now and for every run to come. */
static int set_slow(lua_State *L) {
  struct host *host = host_of(L);
  host->slow_ns = time_ns(luaL_checknumber(L, 1));
  if (host->rt != NULL)
    weft_set_slow(host->rt, host->slow_ns);
  return 0;
}

/* set_watchdog(seconds): likewise. */
static int set_watchdog(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t limit_ns = time_ns(luaL_checknumber(L, 1));
  if (limit_ns == host->watchdog_ns)
    return 0;
  host->watchdog_ns = limit_ns;
  watchdog_stop(L, host);
  if (host->rt != NULL)
    start_watchdog(L, host);
  return 0;
}

/* trace_start(path) -> code: now, or else in the next run. */
static int trace_start(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = luaL_checkstring(L, 1);
  if (host->rt != NULL)
    return deliver_status(L, weft_trace_start(host->rt, path), 0);
  forget_trace(host);
  host->trace_path = strdup(path);
  return deliver_status(L, host->trace_path == NULL ? WEFT_ENOMEM : WEFT_OK, 0);
}

/* trace_stop() -> code */
static int trace_stop(lua_State *L) {
  struct host *host = host_of(L);
  bool was_to_come = host->trace_path != NULL;
  forget_trace(host);
  int status = host->rt == NULL ? WEFT_ESTATE : weft_trace_stop(host->rt);
  return deliver_status(L, was_to_come ? WEFT_OK : status, 0);
}

/* -- Numbers -------------------------------------------------------------- */

/* stat(number) -> number; nil without a runtime */
static int stat(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t value;
  if (host->rt == NULL ||
      weft_get_stat(host->rt, (int)luaL_checkinteger(L, 1), &value) != WEFT_OK)
    return 0;
  lua_pushnumber(L, (lua_Number)value);
  return 1;
}

/* Adds one to the field [name] of the table on top of the stack. */
static void count_in(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  lua_pushinteger(L, lua_tointeger(L, -1) + 1);
  lua_setfield(L, -3, name);
  lua_pop(L, 1);
}

/* object_counts() -> how many objects of each kind are open */
static int object_counts(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t handle = 0;
  const char *kind;
  lua_newtable(L);
  while (host->rt != NULL &&
         weft_object_next(host->rt, handle, &handle, &kind) == WEFT_OK &&
         handle != 0)
    count_in(L, kind);
  return 1;
}

/* wait_counts() -> how many tasks wait, by what for */
static int wait_counts(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = 0;
  lua_newtable(L);
  while (host->rt != NULL && weft_task_next(host->rt, task, &task) == WEFT_OK &&
         task != 0) {
    const char *what;
    uint64_t object, until_ns;
    int state;
    weft_task_get_state(host->rt, task, &state);
    weft_task_get_wait(host->rt, task, &what, &object, &until_ns);
    if (state == WEFT_TASK_PARKED)
      count_in(L, what == NULL ? "something" : what);
  }
  return 1;
}

void open_inspect(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"set_slow", set_slow},
                                       {"set_watchdog", set_watchdog},
                                       {"trace_start", trace_start},
                                       {"trace_stop", trace_stop},
                                       {"stat", stat},
                                       {"object_counts", object_counts},
                                       {"wait_counts", wait_counts},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
