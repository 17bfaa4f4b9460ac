/* SPDX-License-Identifier: MIT
 * maker.c - closures of bytecode that may come again.
 *
 * A function that comes again is not loaded again: what LuaJIT has compiled
 * belongs to its prototype. But each time it is a new closure, with upvalues of
 * its own, and only a function around it can make one of a prototype that there
 * is. So its bytecode is put into that of such a function, its maker: one with
 * as many locals as it has upvalues, which returns it. The makers are kept by
 * the bytecode. Bytecode of a version that is not known here is loaded as it
 * is, each time.
 *
 * Bytecode is a head, then prototypes, each behind its size, the inner ones
 * before what they are in, and a zero. */
#include "pack.h"

#define MAKERS "weft.pack.makers"
#define TEMPLATES "weft.pack.templates"

/* So many functions are kept; a state that has seen more begins anew. */
enum { MAKERS_MAX = 2000 };

enum {
  CODE_VERSION = 2,
  CODE_STRIPPED = 2,
  CODE_FLAGS = 15,      /* those that are known */
  UPVALUE_LOCAL = 0x80, /* in the second byte of an upvalue: of a local, */
  UPVALUE_FIXED = 0x40  /* which is not assigned to */
};

/* A table in the registry, made when it is first asked for. */
static void push_registry_table(lua_State *L, const char *key) {
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

/* A place in bytecode; [at] is NULL once it has turned out to be other than
 * thought. */
struct code {
  const unsigned char *at;
  const unsigned char *end;
};

static size_t code_count(struct code *code) {
  size_t count = 0;
  for (unsigned shift = 0; shift < 35 && code->at < code->end; shift += 7) {
    size_t byte = *code->at++;
    count |= (byte & 0x7f) << shift;
    if (byte < 0x80)
      return count;
  }
  code->at = code->end;
  return 0;
}

static void code_skip(struct code *code, size_t size) {
  code->at =
      (size_t)(code->end - code->at) < size ? code->end : code->at + size;
}

/* Goes past the head; false if it is not known. */
static bool skip_head(struct code *code) {
  if (code->end - code->at < 5 || memcmp(code->at, "\033LJ", 3) != 0 ||
      code->at[3] != CODE_VERSION)
    return false;
  code->at += 4;
  size_t flags = code_count(code);
  if ((flags & ~(size_t)CODE_FLAGS) != 0 || (flags & CODE_STRIPPED) != 0)
    return false;
  code_skip(code, code_count(code));
  return code->at < code->end;
}

/* The last prototype, behind its size, and where its size stands; size 0 if it
 * is not as thought. */
static size_t find_last(struct code code, const unsigned char **start,
                        const unsigned char **body) {
  size_t size = 0;
  while (code.at < code.end && *code.at != 0) {
    *start = code.at;
    size = code_count(&code);
    *body = code.at;
    code_skip(&code, size);
  }
  return code.at == code.end - 1 ? size : 0;
}

/* The upvalues of a prototype of [size] bytes, each of two; NULL if they are
 * not where they should be. */
static const unsigned char *find_upvalues(const unsigned char *body,
                                          size_t size) {
  struct code code = {body, body + size};
  if (size < 4)
    return NULL;
  size_t upvalues = body[3];
  code.at += 4;
  code_count(&code);
  code_count(&code);
  size_t instructions = code_count(&code);
  if (code_count(&code) > 0) { /* size of what is known for debugging */
    code_count(&code);
    code_count(&code);
  }
  code_skip(&code, 4 * instructions);
  return (size_t)(code.end - code.at) < 2 * upvalues ? NULL : code.at;
}

/* The upvalues become the maker's locals, in order. */
static void set_upvalues(unsigned char *upvalues, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int kind = upvalues[2 * i + 1];
    int fixed = (kind & UPVALUE_LOCAL) != 0 ? kind & UPVALUE_FIXED : 0;
    upvalues[2 * i] = (unsigned char)i;
    upvalues[2 * i + 1] = (unsigned char)(UPVALUE_LOCAL | fixed);
  }
}

/* Pushes a function with [count] locals that returns one. */
static void push_outer(lua_State *L, int count) {
  luaL_Buffer source;
  luaL_buffinit(L, &source);
  for (int i = 1; i <= count; i++) {
    lua_pushfstring(L, i == 1 ? "local a%d" : ",a%d", i);
    luaL_addvalue(&source);
  }
  luaL_addstring(&source, " return function() end");
  luaL_pushresult(&source);
  if (luaL_loadbuffer(L, lua_tostring(L, -1), lua_objlen(L, -1), "=weft") != 0)
    lua_error(L);
  lua_remove(L, -2);
}

/* Pushes its bytecode. */
static void push_template(lua_State *L, int count) {
  struct bytes code = {0};
  push_registry_table(L, TEMPLATES);
  lua_rawgeti(L, -1, count);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    push_outer(L, count);
    int failed = lua_dump(L, bytes_write, &code);
    lua_pop(L, 1);
    lua_pushlstring(L, code.data, failed != 0 ? 0 : code.size);
    bytes_clear(&code);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, count);
  }
  lua_remove(L, -2);
}

/* Pushes the bytecode of the maker; false, and nothing, if the function's is
 * not as thought. The function's own bytecode is at [index]. */
static bool push_maker_code(lua_State *L, int index) {
  size_t size, template_size;
  const char *data = lua_tolstring(L, index, &size);
  struct code code = {(const unsigned char *)data,
                      (const unsigned char *)data + size};
  const unsigned char *start, *body, *outer_start, *outer_body;
  if (!skip_head(&code))
    return false;
  size_t last = find_last(code, &start, &body);
  const unsigned char *upvalues = last == 0 ? NULL : find_upvalues(body, last);
  if (upvalues == NULL)
    return false;
  push_template(L, body[3]);
  const char *template = lua_tolstring(L, -1, &template_size);
  struct code outer = {(const unsigned char *)template,
                       (const unsigned char *)template + template_size};
  size_t outer_size =
      skip_head(&outer) ? find_last(outer, &outer_start, &outer_body) : 0;
  if (outer_size == 0) {
    lua_pop(L, 1);
    return false;
  }
  size_t outer_bytes = (size_t)(outer.end - outer_start); /* and the zero */
  size_t inner_bytes = size - 1;
  char *made = lua_newuserdata(L, inner_bytes + outer_bytes);
  memcpy(made, data, inner_bytes);
  memcpy(made + inner_bytes, outer_start, outer_bytes);
  set_upvalues((unsigned char *)made + (upvalues - (const unsigned char *)data),
               body[3]);
  lua_pushlstring(L, made, inner_bytes + outer_bytes);
  lua_insert(L, -3);
  lua_pop(L, 2);
  return true;
}

static void load_code(lua_State *L, int index) {
  size_t size;
  const char *data = lua_tolstring(L, index, &size);
  if (luaL_loadbuffer(L, data, size, "=fn") != 0)
    lua_error(L);
}

static void keep_maker(lua_State *L, int makers, int code) {
  lua_rawgeti(L, makers, 1);
  int count = (int)lua_tointeger(L, -1) + 1;
  lua_pop(L, 1);
  if (count > MAKERS_MAX) {
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, MAKERS);
    push_registry_table(L, MAKERS);
    lua_replace(L, makers);
    count = 1;
  }
  lua_pushinteger(L, count);
  lua_rawseti(L, makers, 1);
  lua_pushvalue(L, code);
  lua_pushvalue(L, -2);
  lua_rawset(L, makers);
}

/* Pushes the maker for the bytecode on top of the stack, or false. */
static void push_maker(lua_State *L, int makers) {
  int code = lua_gettop(L);
  lua_pushvalue(L, code);
  lua_rawget(L, makers);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  if (push_maker_code(L, code)) {
    load_code(L, code + 1);
    lua_remove(L, code + 1);
  } else {
    lua_pushboolean(L, 0);
  }
  keep_maker(L, makers, code);
}

void push_closure(lua_State *L) {
  int code = lua_gettop(L);
  push_registry_table(L, MAKERS);
  lua_insert(L, code);
  push_maker(L, code);
  if (lua_isfunction(L, -1)) {
    lua_call(L, 0, 1);
  } else {
    lua_pop(L, 1);
    load_code(L, code + 1);
  }
  lua_replace(L, code);
  lua_settop(L, code);
}
