/* SPDX-License-Identifier: MIT
 * context.c - context variables, for lua/weft/context_var.lua.
 *
 * A handle is good in one run only; with it comes the number of that run, for
 * another run's variable could have the same handle. nil is no value: it is
 * what a variable has that is not set. */
#include "host.h"

/* Whether the handle at [index] is of the run that is under way, whose number
 * follows it. */
static bool is_of_this_run(lua_State *L, const struct host *host, int index) {
  return host->rt != NULL &&
         lua_tonumber(L, index + 1) == (lua_Number)host->run_id;
}

/* context_var_new(name, call) -> nil, handle */
static int context_var_new(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, luaL_checkstring(L, 2));
  weft_context_var var;
  int status = weft_context_var_new(rt, luaL_checkstring(L, 1), NULL, &var);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  host->has_contexts = true;
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)var);
  return 2;
}

/* context_var_get(handle, run) -> the value; nil where it is not set */
static int context_var_get(lua_State *L) {
  struct host *host = host_of(L);
  weft_value *value;
  if (!is_of_this_run(L, host, 1) ||
      weft_context_var_get(host->rt, handle_at(L, 1), &value) != WEFT_OK)
    return 0;
  push_value(L, host, value);
  return 1;
}

/* context_var_set(handle, run, value, call) -> code: of a handle that is of
 * another run, WEFT_EBADF */
static int context_var_set(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, luaL_checkstring(L, 4));
  weft_value *value;
  if (!is_of_this_run(L, host, 1))
    return deliver_status(L, WEFT_EBADF, 0);
  int status = to_value(L, host, 3, &value);
  if (status == WEFT_OK)
    status = weft_context_var_set(rt, handle_at(L, 1), value);
  weft_value_unref(value);
  return deliver_status(L, status, 0);
}

/* -- Snapshots ------------------------------------------------------------ */

/* context_copy() -> handle of a snapshot; nil where no runtime runs */
static int context_copy(lua_State *L) {
  struct host *host = host_of(L);
  weft_context context;
  if (host->rt == NULL || weft_context_copy(host->rt, &context) != WEFT_OK)
    return 0;
  lua_pushnumber(L, (lua_Number)context);
  return 1;
}

/* context_swap(handle or nil): exchanges it for the running code's */
static int context_swap(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_context_swap(host->rt, handle_at(L, 1));
  return 0;
}

static int context_close(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_context_close(host->rt, handle_at(L, 1));
  return 0;
}

void open_context(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"context_var_new", context_var_new},
                                       {"context_var_get", context_var_get},
                                       {"context_var_set", context_var_set},
                                       {"context_copy", context_copy},
                                       {"context_swap", context_swap},
                                       {"context_close", context_close},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
