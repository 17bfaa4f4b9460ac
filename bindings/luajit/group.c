/* SPDX-License-Identifier: MIT
 * group.c - groups, for lua/weft/group.lua. */
#include "host.h"

/* Under the handle of its scope. The Lua side forgets it, when the join is
 * over. */
static void note_site(lua_State *L, struct host *host, weft_group group) {
  weft_scope scope;
  if (host->sites && weft_group_get_scope(host->rt, group, &scope) == WEFT_OK)
    site_note(L, host, scope);
}

/* group_open(seconds or nil, limit or nil, strict) -> handle, or nil and the
 * code */
static int group_open(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t deadline = UINT64_MAX;
  weft_group group;
  park_check(L, host, "weft.group");
  if (!lua_isnoneornil(L, 1))
    deadline = time_after(host->rt, time_ns(lua_tonumber(L, 1)));
  int status = weft_group_open(host->rt, deadline, &group);
  if (status != WEFT_OK) {
    lua_pushnil(L);
    lua_pushinteger(L, status);
    return 2;
  }
  if (!lua_isnoneornil(L, 2))
    weft_group_set_limit(host->rt, group, (size_t)lua_tonumber(L, 2));
  weft_group_set_strict(host->rt, group, lua_toboolean(L, 3));
  host->job->depth++;
  note_site(L, host, group);
  lua_pushnumber(L, (lua_Number)group);
  return 1;
}

/* group_scope(handle) -> its scope's handle, nil if it is over */
static int group_scope(lua_State *L) {
  struct host *host = host_of(L);
  weft_scope scope;
  if (host->rt == NULL ||
      weft_group_get_scope(host->rt, handle_at(L, 1), &scope) != WEFT_OK)
    return 0;
  lua_pushnumber(L, (lua_Number)scope);
  return 1;
}

/* nil; or the code and, for failures, the error object of all */
static int deliver_join(lua_State *L, int status, uint64_t value) {
  if (status == WEFT_OK)
    return 0;
  lua_pushinteger(L, status);
  if (status != WEFT_EGROUP)
    return 1;
  weft_error *error = (weft_error *)(uintptr_t)value;
  push_error(L, host_running, error);
  weft_error_unref(error);
  return 2;
}

/* group_join(handle, "ok" | "cancelled" | error object) -> code, error */
static int group_join(lua_State *L) {
  struct host *host = host_of(L);
  weft_group group = handle_at(L, 1);
  weft_error *failure = NULL;
  uint64_t value;
  int outcome = WEFT_OK;
  if (lua_istable(L, 2)) {
    outcome = WEFT_EHOST;
    to_error(L, host, 2, &failure);
  } else if (lua_toboolean(L, 2)) {
    outcome = WEFT_ECANCELLED;
  }
  int status = weft_group_join(host->rt, group, outcome, failure, &value);
  weft_error_unref(failure);
  if (status != WEFT_ESTATE && status != WEFT_EBADF)
    host->job->depth--;
  return park_finish(L, host, status, value, deliver_join);
}

/* group_reserve(handle) -> code */
static int group_reserve(lua_State *L) {
  struct host *host = host_of(L);
  park_check(L, host, "group:spawn");
  return park_finish(L, host, weft_group_reserve(host->rt, handle_at(L, 1)), 0,
                     NULL);
}

void open_group(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"group_open", group_open},
                                       {"group_scope", group_scope},
                                       {"group_join", group_join},
                                       {"group_reserve", group_reserve},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
