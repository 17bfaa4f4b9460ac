/* SPDX-License-Identifier: MIT
 * weft_lua.h - what a Lua module of an extension needs of the Lua binding.
 *
 * An extension's module (bindings/luajit/ext/<name>.c, Lua name
 * weft.ext.<name>) is a shared library of its own, so it finds the binding
 * through a table of functions in Lua's registry, not through symbols.
 *
 * The convention of every C function behind the Lua modules: its first result
 * is nil when it succeeded, and then its results follow; else it is the status
 * code, a negative number, and what else the error needs. The Lua side of the
 * call raises: local err, a = c.f(x); if err then return fail(err) end. */
#ifndef WEFT_LUA_H
#define WEFT_LUA_H

#include <lua.h>

#include "weft.h"

#define WEFT_LUA_API_KEY "weft.api"

/* Pushes the results of a parking call onto [L] and returns their number;
 * called on the runtime's thread when the call has ended, with its status and
 * value. [L] need not be the state that called; what that had on its stack is
 * on this one's. Must not raise but for want of memory. */
typedef int (*weft_lua_deliver)(lua_State *L, int status, uint64_t value);

struct weft_lua_api {
  /* The runtime that runs in this Lua state; NULL if none does. */
  weft_runtime *(*runtime)(lua_State *L);

  /* To be called first in a parking C function, before anything is started:
   * raises an InvalidStateError where [L] cannot park (outside a task, or
   * across a C boundary, which is named). */
  void (*check_park)(lua_State *L, const char *call);

  /* The end of a parking C function: return api->finish(L, status, value,
   * deliver) with what the core's call returned. Parks if [status] is
   * WEFT_PARKED, else delivers at once. [deliver] NULL pushes nil for WEFT_OK
   * and the code otherwise; then the Lua side must have nothing to do but raise
   * when the wait is cancelled, for a task in which nobody could catch that may
   * be ended without going on. */
  int (*finish)(lua_State *L, int status, uint64_t value,
                weft_lua_deliver deliver);

  /* Turns values into Lua values and back. push always pushes one value;
   * to_value returns a code, WEFT_EINVAL for what cannot be one. */
  void (*push_value)(lua_State *L, weft_value *value);
  int (*to_value)(lua_State *L, int index, weft_value **value);

  /* The handle of the socket at [index] that a stream of Lua's holds; 0 if it
   * is closed. Raises an error for what is no such socket. */
  weft_stream (*stream)(lua_State *L, int index);
};

/* The table of the state's binding; NULL before require "weft". */
static inline const struct weft_lua_api *weft_lua_api(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WEFT_LUA_API_KEY);
  const struct weft_lua_api *api = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return api;
}

#endif
