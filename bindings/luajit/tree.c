/* SPDX-License-Identifier: MIT
 * tree.c - what lua/weft/tree.lua shows of a task, and the switches of what is
 * told of tasks that wait in vain or are left. */
#include "host.h"

static void set_text(lua_State *L, const char *key, weft_value *value) {
  const char *data;
  size_t length;
  if (weft_value_get_bytes(value, &data, &length) != WEFT_OK)
    return;
  lua_pushlstring(L, data, length);
  lua_setfield(L, -2, key);
}

static void set_time(lua_State *L, const char *key, uint64_t time_ns) {
  if (time_ns == UINT64_MAX)
    return;
  lua_pushnumber(L, time_seconds(time_ns));
  lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, uint64_t number) {
  lua_pushnumber(L, (lua_Number)number);
  lua_setfield(L, -2, key);
}

/* What a parked task waits for. */
static void add_wait(lua_State *L, weft_runtime *rt, weft_task task) {
  weft_value *text;
  const char *what;
  uint64_t object, until, since;
  weft_task_get_wait(rt, task, &what, &object, &until);
  if (what == NULL)
    return;
  if (weft_task_describe_wait(rt, task, &text) == WEFT_OK)
    set_text(L, "waits_for", text);
  weft_value_unref(text);
  weft_task_get_since(rt, task, &since);
  lua_pushstring(L, what);
  lua_setfield(L, -2, "what");
  set_number(L, "object", object);
  set_time(L, "since", since);
  set_time(L, "due", until);
}

/* Which scopes govern it. */
static void add_scopes(lua_State *L, struct host *host, weft_task task) {
  static const char *const sources[] = {
      NULL, "cancel", "deadline", "group", "shutdown", "signal", "close"};
  weft_runtime *rt = host->rt;
  uint64_t deadline;
  weft_scope scope;
  int source, shielded;
  weft_value *reason;
  weft_error *cause;
  if (weft_task_get_deadline(rt, task, &deadline, &scope) == WEFT_OK)
    set_time(L, "deadline", deadline);
  site_push_of(L, host, scope);
  lua_setfield(L, -2, "deadline_site");
  weft_task_is_shielded(rt, task, &shielded);
  lua_pushboolean(L, shielded);
  lua_setfield(L, -2, "shielded");
  weft_task_get_cancellation(rt, task, &scope, &source, &reason, &cause);
  if (source == WEFT_SOURCE_NONE)
    return;
  lua_pushstring(L, sources[source]);
  lua_setfield(L, -2, "cancelled_by");
  push_value(L, host, reason);
  lua_setfield(L, -2, "reason");
}

/* Where it is, and where it was made, of a task of this Lua state. */
static void add_sites(lua_State *L, struct host *host, weft_task task) {
  char text[SITE_BYTES];
  job_push_object(L, host, task);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_getfield(L, -1, "place");
  lua_setfield(L, -3, "spawned_at");
  lua_getfield(L, -1, "spawner");
  lua_setfield(L, -3, "spawned_by");
  lua_setfield(L, -2, "task");
  if (!job_find_site(host, task, text, sizeof text))
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, "site");
}

/* task_look(handle) -> a table of all that is known of an unfinished task but
 * its relations; nothing for another */
static int task_look(lua_State *L) {
  struct host *host = host_of(L);
  weft_task task = handle_at(L, 1), parent;
  weft_runtime *rt = host->rt;
  uint64_t id;
  const char *name;
  int state;
  weft_group group;
  if (rt == NULL || weft_task_get_state(rt, task, &state) != WEFT_OK ||
      state >= WEFT_TASK_FINISHED)
    return 0;
  weft_task_get_id(rt, task, &id);
  weft_task_get_name(rt, task, &name);
  weft_task_get_group(rt, task, &group);
  weft_task_get_parent(rt, task, &parent);
  lua_createtable(L, 0, 20);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  set_number(L, "handle", task);
  set_number(L, "id", id);
  set_number(L, "state", (uint64_t)state);
  set_number(L, "group", group);
  set_number(L, "parent", parent);
  add_wait(L, rt, task);
  add_scopes(L, host, task);
  add_sites(L, host, task);
  return 1;
}

/* group_look(handle) -> its deadline or nil, whether it is cancelled, where it
 * was opened or nil */
static int group_look(lua_State *L) {
  struct host *host = host_of(L);
  weft_scope scope;
  uint64_t deadline;
  int cancelled;
  weft_group group = handle_at(L, 1);
  if (host->rt == NULL ||
      weft_group_get_scope(host->rt, group, &scope) != WEFT_OK)
    return 0;
  weft_scope_get_deadline(host->rt, scope, &deadline);
  weft_scope_is_cancelled(host->rt, scope, &cancelled);
  if (deadline == UINT64_MAX)
    lua_pushnil(L);
  else
    lua_pushnumber(L, time_seconds(deadline));
  lua_pushboolean(L, cancelled);
  site_push_of(L, host, scope);
  return 3;
}

/* set_hints(deadlock, leaks): what is told of tasks, now and in later runs. */
static int set_hints(lua_State *L) {
  struct host *host = host_of(L);
  host->deadlock_hint = lua_toboolean(L, 1) != 0;
  host->leaks = lua_toboolean(L, 2) != 0;
  if (host->rt != NULL)
    tree_set_up(host);
  return 0;
}

void tree_set_up(struct host *host) {
  weft_set_deadlock_hint(host->rt, host->deadlock_hint);
  weft_set_report_left(host->rt, host->leaks);
}

void open_tree(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"task_look", task_look},
                                       {"group_look", group_look},
                                       {"set_hints", set_hints},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
