/* SPDX-License-Identifier: MIT
 * park.c - how a C function of the module parks, and where it may not.
 *
 * LuaJIT never returns into a C function that has yielded: what the next
 * resume passes are the call's results. So a parking call leaves, in the job,
 * the function that will make them (deliver). An error cannot be raised there;
 * the Lua side of the call raises it from the code it gets. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

int deliver_status(lua_State *L, int status, uint64_t value) {
  (void)value;
  if (status == WEFT_OK)
    return 0;
  lua_pushinteger(L, status);
  return 1;
}

/* -- Where a call cannot park ---------------------------------------------
 */

/* Functions of the library that a park passes through. */
static bool is_transparent(const char *name) {
  static const char *const names[] = {"pcall", "xpcall", "coroutine.resume",
                                      "coroutine.wrap"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return false;
}

/* Replaces the function on top of the stack by the name under which the
 * library [module] has it; false, and the stack as it was, if it has it not. */
static bool find_in_module(lua_State *L, const char *module) {
  int function = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, module);
  lua_remove(L, -2);
  bool global = strcmp(module, "_G") == 0;
  for (lua_pushnil(L); lua_next(L, function + 1) != 0; lua_pop(L, 1)) {
    if (!lua_rawequal(L, -1, function) || lua_type(L, -2) != LUA_TSTRING)
      continue;
    lua_pushfstring(L, "%s%s%s", global ? "" : module, global ? "" : ".",
                    lua_tostring(L, -2));
    lua_replace(L, function);
    lua_settop(L, function);
    return true;
  }
  lua_settop(L, function);
  return false;
}

/* A function made by boundary: its upvalues are the name and the function. */
static int call_apart(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* boundary(name, fn) -> a function that calls fn so that nothing in it can
 * park; the error that says so names it. */
static int boundary(lua_State *L) {
  luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, call_apart, 2);
  return 1;
}

/* Replaces the function on top of the stack by a name for it. */
static const char *name_function(lua_State *L, const lua_Debug *ar) {
  if (lua_tocfunction(L, -1) == call_apart) {
    lua_getupvalue(L, -1, 1);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
  }
  static const char *const modules[] = {"_G",    "table", "string",
                                        "debug", "os",    "io"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    if (find_in_module(L, modules[i]))
      return lua_tostring(L, -1);
  lua_pop(L, 1);
  lua_pushstring(L, ar->name != NULL ? ar->name : "a C function");
  return lua_tostring(L, -1);
}

/* Pushes the name of the C function that the call cannot be parked across. */
static const char *push_boundary(lua_State *L) {
  lua_Debug ar;
  for (int level = 1; lua_getstack(L, level, &ar) != 0; level++) {
    lua_getinfo(L, "Snf", &ar);
    if (*ar.what == 'C') {
      const char *name = name_function(L, &ar);
      if (!is_transparent(name))
        return name;
    }
    lua_pop(L, 1);
  }
  lua_pushstring(L, "a C function");
  return lua_tostring(L, -1);
}

/* Raises the error for where a call cannot park. */
_Noreturn void park_refuse(lua_State *L, struct host *host, const char *call) {
  if (host->rt == NULL)
    lua_pushfstring(L,
                    "%s needs a runtime: run the script with weft, or call it "
                    "inside weft.run(function() ... end)",
                    call);
  else if (host->active == NULL)
    lua_pushfstring(L,
                    "%s needs a task: callbacks run outside any; spawn one "
                    "there",
                    call);
  else
    lua_pushfstring(L, "%s cannot wait inside %s", call, push_boundary(L));
  host_fail(L, host, WEFT_ESTATE, lua_tostring(L, -1));
  abort(); /* it has raised */
}

_Noreturn void park_refuse_begin(lua_State *L, const char *call) {
  park_refuse(L, host_of(L), call);
}

void open_park(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"boundary", boundary}, {NULL, NULL}};
  host_register(L, host, functions);
}
