/* SPDX-License-Identifier: MIT
 * unpack.c - reading Lua values that another Lua state has written down.
 *
 * A function that comes again is not loaded again: what LuaJIT has compiled
 * belongs to its prototype. But each time it is a new closure, with upvalues of
 * its own, and only a function around it can make one of a prototype that there
 * is. So its bytecode is put into that of such a function, its maker: one with
 * as many locals as it has upvalues, which returns it. The makers are kept by
 * the bytecode. Bytecode of a version that is not known here is loaded as it
 * is, each time. */
#include "pack.h"

#define MAKERS "weft.pack.makers"
#define TEMPLATES "weft.pack.templates"

/* So many functions are kept; a state that has seen more begins anew. */
enum { MAKERS_MAX = 2000 };

struct unpacker {
  lua_State *L;
  const char *at;
  const char *end;
  int objects; /* table: number -> table, function or error */
  int cells;   /* table: number -> function, number + 0.5 -> its upvalue */
  int count;   /* of objects so far */
  int cell_count;
};

static void unpack_value(struct unpacker *u);

/* -- Bytes ---------------------------------------------------------------- */

static void check_left(struct unpacker *u, size_t size) {
  if ((size_t)(u->end - u->at) < size)
    luaL_error(u->L, "a packed value is not whole");
}

static int take_byte(struct unpacker *u) {
  check_left(u, 1);
  return (unsigned char)*u->at++;
}

static size_t take_count(struct unpacker *u) {
  size_t count = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    int byte = take_byte(u);
    count |= (size_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return count;
  }
  return (size_t)luaL_error(u->L, "a packed value is not whole");
}

static const char *take_data(struct unpacker *u, size_t size) {
  check_left(u, size);
  const char *data = u->at;
  u->at += size;
  return data;
}

static void push_text(struct unpacker *u) {
  size_t size = take_count(u);
  lua_pushlstring(u->L, take_data(u, size), size);
}

/* -- Functions ------------------------------------------------------------ */

static void keep_object(struct unpacker *u, int number) {
  lua_pushvalue(u->L, -1);
  lua_rawseti(u->L, u->objects, number);
}

/* Upvalue [number] of the function at [index] is one that was met before. */
static void share_upvalue(struct unpacker *u, int index, int number) {
  lua_State *L = u->L;
  int cell = (int)take_count(u);
  lua_rawgeti(L, u->cells, 2 * cell - 1);
  lua_rawgeti(L, u->cells, 2 * cell);
  int other = (int)lua_tointeger(L, -1);
  if (!lua_isfunction(L, -2))
    luaL_error(L, "a packed value is not whole");
  lua_pop(L, 1);
  lua_upvaluejoin(L, index, number, lua_gettop(L), other);
  lua_pop(L, 1);
}

static void new_upvalue(struct unpacker *u, int index, int number) {
  lua_State *L = u->L;
  int cell = ++u->cell_count;
  lua_pushvalue(L, index);
  lua_rawseti(L, u->cells, 2 * cell - 1);
  lua_pushinteger(L, number);
  lua_rawseti(L, u->cells, 2 * cell);
  unpack_value(u);
  lua_setupvalue(L, index, number);
}

/* Its bytecode has its size in four bytes. */
static void unpack_code(struct unpacker *u) {
  uint32_t size;
  memcpy(&size, take_data(u, 4), 4);
  lua_pushlstring(u->L, take_data(u, size), size);
  push_closure(u->L);
}

static void unpack_function(struct unpacker *u) {
  int number = ++u->count;
  unpack_code(u);
  keep_object(u, number);
  int index = lua_gettop(u->L);
  int upvalues = take_byte(u);
  for (int i = 1; i <= upvalues; i++) {
    if (take_byte(u) == PACK_CELL)
      share_upvalue(u, index, i);
    else
      new_upvalue(u, index, i);
  }
}

/* -- What modules offer --------------------------------------------------- */

static void unpack_module(struct unpacker *u) {
  lua_getglobal(u->L, "require");
  push_text(u);
  lua_call(u->L, 1, 1);
}

static void unpack_field(struct unpacker *u) {
  lua_State *L = u->L;
  lua_getglobal(L, "require");
  push_text(u);
  lua_pushvalue(L, -1);
  lua_insert(L, -3);
  lua_call(L, 1, 1);
  push_text(u);
  if (lua_istable(L, -2)) {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
  } else {
    lua_pushnil(L);
  }
  if (!lua_isfunction(L, -1))
    luaL_error(L, "in this thread the module '%s' has no function '%s'",
               lua_tostring(L, -4), lua_tostring(L, -2));
  lua_insert(L, -4);
  lua_pop(L, 3);
}

/* -- Tables --------------------------------------------------------------- */

/* Into the table on top of the stack. */
static void unpack_pairs(struct unpacker *u) {
  lua_State *L = u->L;
  int table = lua_gettop(L);
  for (int i = 1;; i++) {
    unpack_value(u);
    if (lua_isnil(L, -1))
      break;
    lua_rawseti(L, table, i);
  }
  for (;;) {
    unpack_value(u);
    if (lua_isnil(L, -1))
      break;
    unpack_value(u);
    lua_rawset(L, table);
  }
  lua_pop(L, 2);
}

static size_t take_table_count(struct unpacker *u) {
  size_t count = take_count(u);
  if (count > (size_t)(u->end - u->at)) /* each item is at least a byte */
    count = (size_t)(u->end - u->at);
  return count;
}

static void unpack_table(struct unpacker *u) {
  size_t count = take_table_count(u);
  int number = ++u->count;
  lua_createtable(u->L, (int)count, 0);
  keep_object(u, number);
  unpack_pairs(u);
}

/* The metatable is set last: it is not to see the table being filled. */
static void unpack_meta(struct unpacker *u) {
  lua_State *L = u->L;
  int number = ++u->count;
  lua_newtable(L);
  keep_object(u, number);
  unpack_value(u);
  lua_insert(L, -2);
  if (take_byte(u) != PACK_TABLE)
    luaL_error(L, "a packed value is not whole");
  take_table_count(u);
  unpack_pairs(u);
  lua_pushvalue(L, -2);
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

/* The Lua side makes it: put_together(kind, value) -> object. */
static void unpack_special(struct unpacker *u) {
  lua_State *L = u->L;
  int number = ++u->count;
  lua_getfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(L, -1, "put_together");
  lua_remove(L, -2);
  push_text(u);
  unpack_value(u);
  lua_call(L, 2, 1);
  keep_object(u, number);
}

/* -- Values --------------------------------------------------------------- */

static void unpack_number(struct unpacker *u) {
  lua_Number number;
  memcpy(&number, take_data(u, sizeof number), sizeof number);
  lua_pushnumber(u->L, number);
}

static void unpack_cdata(struct unpacker *u) {
  lua_State *L = u->L;
  lua_getfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(L, -1, "decode");
  lua_remove(L, -2);
  push_text(u);
  lua_call(L, 1, 1);
}

/* The Lua side reads it where it stands. */
static void unpack_plain(struct unpacker *u) {
  lua_State *L = u->L;
  lua_getfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(L, -1, "read_plain");
  lua_remove(L, -2);
  size_t size = take_count(u);
  lua_pushnumber(L, (lua_Number)(uintptr_t)take_data(u, size));
  lua_pushnumber(L, (lua_Number)size);
  lua_call(L, 2, 1);
}

static void unpack_value(struct unpacker *u) {
  lua_State *L = u->L;
  luaL_checkstack(L, 10, NULL);
  switch ((enum pack_tag)take_byte(u)) {
  case PACK_NIL:
    lua_pushnil(L);
    break;
  case PACK_FALSE:
    lua_pushboolean(L, 0);
    break;
  case PACK_TRUE:
    lua_pushboolean(L, 1);
    break;
  case PACK_NUMBER:
    unpack_number(u);
    break;
  case PACK_STRING:
    push_text(u);
    break;
  case PACK_NULL:
    lua_pushlightuserdata(L, NULL);
    break;
  case PACK_CDATA:
    unpack_cdata(u);
    break;
  case PACK_PLAIN:
    unpack_plain(u);
    break;
  case PACK_OBJECT:
    lua_rawgeti(L, u->objects, (int)take_count(u));
    break;
  case PACK_TABLE:
    unpack_table(u);
    break;
  case PACK_META:
    unpack_meta(u);
    break;
  case PACK_FUNCTION:
    unpack_function(u);
    break;
  case PACK_MODULE:
    unpack_module(u);
    break;
  case PACK_FIELD:
    unpack_field(u);
    break;
  case PACK_SPECIAL:
    unpack_special(u);
    break;
  default:
    luaL_error(L, "a packed value is not whole");
  }
}

int unpack_values(lua_State *L, const char *data, size_t size) {
  struct unpacker u = {.L = L, .at = data, .end = data + size};
  size_t count = take_count(&u);
  luaL_checkstack(L, 16, NULL);
  lua_newtable(L);
  u.objects = lua_gettop(L);
  lua_newtable(L);
  u.cells = u.objects + 1;
  if (count > 7000 || !lua_checkstack(L, (int)count + 16))
    luaL_error(L, "too many values to copy to another thread; give a table");
  for (size_t i = 0; i < count; i++)
    unpack_value(&u);
  lua_remove(L, u.cells);
  lua_remove(L, u.objects);
  return (int)count;
}
