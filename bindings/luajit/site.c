/* SPDX-License-Identifier: MIT
 * site.c - where things are made: the place in the user's code, of tasks,
 * scopes, groups, callbacks and what can be left open. Off until it is asked
 * for; what is off costs a look at one flag.
 *
 * A place is the innermost frame that is not of weft's own modules. Those are
 * known by the path that they were loaded from, wherever weft is installed. A
 * task goes on from its innermost coroutine to those that resumed it. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Frames --------------------------------------------------------------- */

/* weft's modules are at root.lua and root/...; [source] is a chunk's name. */
static bool is_own(const struct host *host, const char *source) {
  size_t length = host->own_length;
  if (length == 0 || source[0] != '@' ||
      strncmp(source + 1, host->own_root, length) != 0)
    return false;
  const char *rest = source + 1 + length;
  return *rest == '/' || strcmp(rest, ".lua") == 0;
}

/* Writes the place of the innermost frame of [co] that is the user's. */
static bool find_frame(const struct host *host, lua_State *co, char *text,
                       size_t size) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(co, level, &ar) != 0; level++) {
    lua_getinfo(co, "Sl", &ar);
    if (*ar.what == 'C' || ar.currentline < 0 || is_own(host, ar.source))
      continue;
    snprintf(text, size, "%s:%d", ar.short_src, ar.currentline);
    return true;
  }
  return false;
}

bool site_of_job(const struct job *job, char *text, size_t size) {
  if (find_frame(job->host, job->active, text, size))
    return true;
  const struct link *link = job->link;
  for (; link != NULL; link = link->resumer) {
    lua_State *co = link->resumer == NULL ? job->co : link->resumer->co;
    if (find_frame(job->host, co, text, size))
      return true;
  }
  return false;
}

bool site_here(lua_State *L, struct host *host, char *text, size_t size) {
  if (find_frame(host, L, text, size))
    return true;
  return host->active == L && site_of_job(host->job, text, size);
}

char *site_copy(lua_State *L, struct host *host) {
  char text[SITE_BYTES];
  if (!host->sites || !site_here(L, host, text, sizeof text))
    return NULL;
  return strdup(text);
}

bool site_push(lua_State *L, struct host *host) {
  char text[SITE_BYTES];
  if (!site_here(L, host, text, sizeof text))
    return false;
  lua_pushstring(L, text);
  return true;
}

/* -- Of handles ------------------------------------------------------------
 * A table from a handle to its place; who closes the handle takes that out. */

void site_note_now(lua_State *L, struct host *host, uint64_t handle) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->places);
  lua_pushnumber(L, (lua_Number)handle);
  if (site_push(L, host))
    lua_rawset(L, -3);
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

void site_forget_now(lua_State *L, struct host *host, uint64_t handle) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->places);
  lua_pushnumber(L, (lua_Number)handle);
  lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void site_push_of(lua_State *L, struct host *host, uint64_t handle) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->places);
  lua_pushnumber(L, (lua_Number)handle);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void site_forget_all(lua_State *L, struct host *host) {
  luaL_unref(L, LUA_REGISTRYINDEX, host->places);
  lua_newtable(L);
  host->places = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* -- Of tasks -------------------------------------------------------------- */

static void push_name(lua_State *L, weft_runtime *rt, weft_task task) {
  const char *name;
  uint64_t id;
  weft_task_get_name(rt, task, &name);
  weft_task_get_id(rt, task, &id);
  if (name != NULL)
    lua_pushstring(L, name);
  else
    lua_pushfstring(L, "task-%d", (int)id);
}

void site_note_task_now(lua_State *L, struct host *host, int object) {
  weft_task spawner = 0;
  if (site_push(L, host))
    lua_setfield(L, object, "place");
  weft_task_current(host->rt, &spawner);
  if (spawner == 0)
    return;
  push_name(L, host->rt, spawner);
  lua_setfield(L, object, "spawner");
}

/* -- The functions -------------------------------------------------------- */

/* set_own_root(path): weft's modules are path.lua and what is in path/. */
static int set_own_root(lua_State *L) {
  struct host *host = host_of(L);
  const char *root = luaL_checklstring(L, 1, &host->own_length);
  free(host->own_root);
  host->own_root = strdup(root);
  if (host->own_root == NULL)
    host->own_length = 0;
  return 0;
}

static int set_sites(lua_State *L) {
  struct host *host = host_of(L);
  host->sites = lua_toboolean(L, 1) != 0;
  if (!host->sites)
    site_forget_all(L, host);
  return 0;
}

/* site_forget(handle) */
static int forget(lua_State *L) {
  site_forget_now(L, host_of(L), handle_at(L, 1));
  return 0;
}

/* site() -> where the caller of weft is, or nothing */
static int site(lua_State *L) {
  return site_push(L, host_of(L)) ? 1 : 0;
}

/* site_of(handle) -> where that was made, or nil */
static int site_of(lua_State *L) {
  site_push_of(L, host_of(L), handle_at(L, 1));
  return 1;
}

void open_site(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"set_own_root", set_own_root}, {"set_sites", set_sites}, {"site", site},
      {"site_of", site_of},           {"site_forget", forget},  {NULL, NULL}};
  host_register(L, host, functions);
}
