/* SPDX-License-Identifier: MIT
 * names.c - what loaded modules offer, by name: a map from the modules and
 * their functions to names, which is made anew when other modules have been
 * loaded. */
#include "pack.h"

#define NAMES "weft.pack.names"

void push_registry_table(lua_State *L, const char *key, const char *mode) {
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  if (mode != NULL) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

/* A number that changes with the modules that are loaded; their table is on
 * top of the stack. */
static lua_Number sum_modules(lua_State *L) {
  uint64_t sum = 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
    sum += 1 + ((uint64_t)(uintptr_t)lua_topointer(L, -1) >> 3);
  return (lua_Number)(sum & ((UINT64_C(1) << 53) - 1));
}

/* The functions of the module on top of the stack, whose name is below it. Of
 * the globals only the library's own: those of a script are not elsewhere. */
static void name_functions(lua_State *L, int names) {
  bool globals = strcmp(lua_tostring(L, -2), "_G") == 0;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (!lua_isfunction(L, -1) || lua_type(L, -2) != LUA_TSTRING ||
        (globals && !lua_iscfunction(L, -1)))
      continue;
    lua_pushvalue(L, -1);
    lua_rawget(L, names);
    bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known)
      continue;
    lua_pushvalue(L, -1);
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, -6); /* the module's name */
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, -4); /* the field's */
    lua_rawseti(L, -2, 2);
    lua_rawset(L, names);
  }
}

/* The modules' table is on top of the stack. */
static void name_modules(lua_State *L, int names) {
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      continue;
    if (lua_istable(L, -1) || lua_isfunction(L, -1)) {
      lua_pushvalue(L, -1);
      lua_pushvalue(L, -3);
      lua_rawset(L, names);
    }
    if (lua_istable(L, -1))
      name_functions(L, names);
  }
}

static void make_names(lua_State *L, lua_Number sum) {
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, NAMES);
  push_registry_table(L, NAMES, "k");
  lua_insert(L, -2);
  name_modules(L, lua_gettop(L) - 1);
  lua_pushnumber(L, sum);
  lua_rawseti(L, -3, 1);
}

void push_names(lua_State *L) {
  luaL_checkstack(L, 12, NULL);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_Number sum = sum_modules(L);
  push_registry_table(L, NAMES, "k");
  lua_rawgeti(L, -1, 1);
  bool changed = !lua_isnumber(L, -1) || lua_tonumber(L, -1) != sum;
  lua_pop(L, 1);
  if (changed) {
    lua_pop(L, 1);
    make_names(L, sum);
    lua_pop(L, 1);
  } else {
    lua_remove(L, -2);
  }
}
