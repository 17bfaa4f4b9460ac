/* SPDX-License-Identifier: MIT
 * host.c - the module weft.core: its host, its functions, and the table that
 * extensions use. */
#include "socket.h"

#include <string.h>

#include <stdlib.h>

#define HOST_KEY "weft.host"

static struct host nobody; /* has no active coroutine */
_Thread_local struct host *host_running = &nobody;

void host_push_function(lua_State *L, struct host *host, const char *name) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->functions);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

int host_fail(lua_State *L, struct host *host, int code, const char *message) {
  host_push_function(L, host, "fail");
  lua_pushinteger(L, code);
  lua_pushstring(L, message);
  lua_call(L, 2, 0);
  return luaL_error(L, "weft: the error for code %d was not raised", code);
}

weft_runtime *host_runtime(lua_State *L, struct host *host, const char *call) {
  if (host->rt == NULL) {
    lua_pushfstring(L,
                    "%s needs a runtime: run the script with weft, or call it "
                    "inside weft.run(function() ... end)",
                    call);
    host_fail(L, host, WEFT_ESTATE, lua_tostring(L, -1));
  }
  return host->rt;
}

void host_register(lua_State *L, struct host *host, const luaL_Reg *functions) {
  for (; functions->name != NULL; functions++) {
    lua_pushlightuserdata(L, host);
    lua_pushcclosure(L, functions->func, 1);
    lua_setfield(L, -2, functions->name);
  }
}

/* -- What extensions use -------------------------------------------------- */

static struct host *find_host(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, HOST_KEY);
  struct host *host = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return host;
}

static weft_runtime *api_runtime(lua_State *L) {
  return find_host(L)->rt;
}

static void api_check_park(lua_State *L, const char *call) {
  park_check(L, find_host(L), call);
}

static int api_finish(lua_State *L, int status, uint64_t value,
                      weft_lua_deliver deliver) {
  return park_finish(L, find_host(L), status, value, deliver);
}

static void api_push_value(lua_State *L, weft_value *value) {
  push_value(L, find_host(L), value);
}

static int api_to_value(lua_State *L, int index, weft_value **value) {
  return to_value(L, find_host(L), index, value);
}

static weft_stream api_stream(lua_State *L, int index) {
  return socket_handle(luaL_checkudata(L, index, STREAM));
}

static void offer_api(lua_State *L) {
  static const struct weft_lua_api api = {api_runtime,  api_check_park,
                                          api_finish,   api_push_value,
                                          api_to_value, api_stream};
  lua_pushlightuserdata(L, (void *)(uintptr_t)&api);
  lua_setfield(L, LUA_REGISTRYINDEX, WEFT_LUA_API_KEY);
}

/* -- The module ----------------------------------------------------------- */

/* set_functions(table): what the C side calls of the Lua side's, by name. */
static int set_functions(lua_State *L) {
  struct host *host = host_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "cancelled_metatable");
  host->cancelled_metatable = lua_topointer(L, -1);
  lua_settop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, host->functions);
  host->functions = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static int error_text(lua_State *L) {
  int code = (int)luaL_checkinteger(L, 1);
  lua_pushstring(L, weft_error_class(code));
  lua_pushstring(L, weft_strerror(code));
  lua_pushstring(L, weft_error_name(code));
  return 3;
}

static int version(lua_State *L) {
  lua_pushstring(L, weft_version());
  return 1;
}

/* -- The ABI for LuaJIT's compiler ---------------------------------------- */

/* address(name) -> a light userdata: the function of the ABI or of scope.c; for
 * "runtime" where the pointer to the runtime stands, NULL unless one runs; for
 * "host" what the functions of scope.c are called with.
 * Only functions that neither park nor call back: lua/weft/direct.lua. */
static int address(lua_State *L) {
  static const struct {
    const char *name;
    uintptr_t function;
  } functions[] = {
      {"scope_open_direct", (uintptr_t)scope_open_direct},
      {"scope_leave_direct", (uintptr_t)scope_leave_direct},
      {"weft_event_set", (uintptr_t)weft_event_set},
      {"weft_event_clear", (uintptr_t)weft_event_clear},
      {"weft_semaphore_try_acquire", (uintptr_t)weft_semaphore_try_acquire},
      {"weft_semaphore_release", (uintptr_t)weft_semaphore_release},
      {"weft_lock_try_acquire", (uintptr_t)weft_lock_try_acquire},
      {"weft_lock_release", (uintptr_t)weft_lock_release},
      {"weft_limiter_try_acquire", (uintptr_t)weft_limiter_try_acquire},
      {"weft_limiter_release", (uintptr_t)weft_limiter_release},
      {"weft_waitlist_wake", (uintptr_t)weft_waitlist_wake},
  };
  const char *name = luaL_checkstring(L, 1);
  void *found = NULL;
  if (strcmp(name, "runtime") == 0)
    found = &host_of(L)->rt;
  else if (strcmp(name, "host") == 0)
    found = host_of(L);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (strcmp(name, functions[i].name) == 0)
      found = (void *)functions[i].function;
  luaL_argcheck(L, found != NULL, 1, "no such address");
  lua_pushlightuserdata(L, found);
  return 1;
}

static int close_host(lua_State *L) {
  struct host *host = lua_touserdata(L, 1);
  guard_leave(host, NULL);
  job_clear_all(host);
  link_clear_all(host);
  free(host->own_root);
  free(host->trace_path);
  return 0;
}

static struct host *new_host(lua_State *L) {
  struct host *host = lua_newuserdata(L, sizeof *host);
  *host = (struct host){.functions = LUA_NOREF, .opened = LUA_NOREF};
  host->budget = &host->no_budget;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, close_host);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, HOST_KEY);
  lua_newtable(L);
  host->anchors = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  host->objects = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  host->places = luaL_ref(L, LUA_REGISTRYINDEX);
  host->main = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
  return host;
}

int luaopen_weft_core(lua_State *L) {
  static const luaL_Reg functions[] = {{"set_functions", set_functions},
                                       {"error_text", error_text},
                                       {"version", version},
                                       {"address", address},
                                       {NULL, NULL}};
  /* Loaded anew, the module serves the same host: what was made before still
   * points to it. */
  struct host *host = find_host(L);
  if (host == NULL)
    host = new_host(L);
  offer_api(L);
  lua_newtable(L);
  host_register(L, host, functions);
  open_run(L, host);
  open_task(L, host);
  open_scope(L, host);
  open_group(L, host);
  open_time(L, host);
  open_park(L, host);
  open_waits(L, host);
  open_lock(L, host);
  open_limiter(L, host);
  open_barrier(L, host);
  open_reading(L, host);
  open_stream(L, host);
  open_file(L, host);
  open_fs(L, host);
  open_fs_watch(L, host);
  open_net(L, host);
  open_process(L, host);
  open_signals(L, host);
  open_udp(L, host);
  open_dns(L, host);
  open_coroutine(L, host);
  open_context(L, host);
  open_generator(L, host);
  open_thread(L, host);
  open_opened(L, host);
  open_guard(L, host);
  open_site(L, host);
  open_traceback(L, host);
  open_tree(L, host);
  open_inspect(L, host);
  open_inspection(L, host);
  open_terminal(L, host);
  return 1;
}
