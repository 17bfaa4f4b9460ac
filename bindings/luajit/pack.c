/* SPDX-License-Identifier: MIT
 * pack.c - writing Lua values down for another Lua state.
 *
 * What is met twice is written once, so cycles and shared tables stay what they
 * are; likewise upvalues that two functions share. A function goes as bytecode
 * with its upvalues; what a loaded module offers, the module itself or one of
 * its functions, goes by its name instead (names.c), and is the other state's
 * own there.
 *
 * A table with a metatable is shown to the Lua side first (lua/weft/copy.lua),
 * which knows error objects, and what must not be copied. A large one of plain
 * values is written by the Lua side at once (lua/weft/plain.lua), and what is
 * in it cannot be referred to: if something else has it too, all is written
 * anew, without that. */
#include "pack.h"

#include <stdio.h>
#include <stdlib.h>

/* What leads to a value: for the message about one that cannot be copied. */
struct step {
  const struct step *up; /* what it is part of; NULL: the outermost */
  enum {
    STEP_CALLED,
    STEP_VALUE,
    STEP_UPVALUE,
    STEP_FIELD,
    STEP_ITEM,
    STEP_KEY,
    STEP_METATABLE,
    STEP_PART
  } kind;
  const char *name; /* of an upvalue or a field */
  int number;       /* of a value or an item */
};

struct packer {
  lua_State *L;
  struct bytes *out;
  const char *call;
  int first; /* where the values begin */
  bool calls;
  bool names_ready; /* the map of names is up to date */
  int seen;         /* table: object or upvalue -> its number, from 1 */
  int names;        /* table: object -> name of its module, and field */
  uint32_t objects; /* so far */
  uint32_t cells;
  unsigned depth;
  bool may_be_plain; /* large tables are tried to be written at once */
  int roots;         /* table: list of those that were */
  int root_count;
  int table_count; /* of others */
};

/* A table of so many entries is tried to be written at once. */
enum { LARGE_MIN = 32 };

static void pack_value(struct packer *p, int index, const struct step *step);

/* -- Bytes ---------------------------------------------------------------- */

void bytes_clear(struct bytes *bytes) {
  free(bytes->data);
  *bytes = (struct bytes){0};
}

bool bytes_grow(struct bytes *bytes, size_t more) {
  size_t capacity = bytes->capacity == 0 ? 256 : bytes->capacity;
  if (more > SIZE_MAX / 4 - bytes->size)
    return false;
  while (capacity < bytes->size + more)
    capacity *= 2;
  char *data = realloc(bytes->data, capacity);
  if (data == NULL)
    return false;
  bytes->data = data;
  bytes->capacity = capacity;
  return true;
}

int bytes_write(lua_State *L, const void *data, size_t size, void *arg) {
  struct bytes *bytes = arg;
  (void)L;
  if (bytes->capacity - bytes->size < size && !bytes_grow(bytes, size))
    return 1;
  memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
  return 0;
}

static char *make_room(struct packer *p, size_t more) {
  struct bytes *out = p->out;
  if (out->capacity - out->size < more && !bytes_grow(out, more))
    luaL_error(p->L, "not enough memory");
  return out->data + out->size;
}

static void put_byte(struct packer *p, int byte) {
  *make_room(p, 1) = (char)byte;
  p->out->size++;
}

static void put_data(struct packer *p, const void *data, size_t size) {
  memcpy(make_room(p, size), data, size);
  p->out->size += size;
}

/* Seven bits a byte, the lowest first. */
static void put_count(struct packer *p, uint64_t count) {
  for (; count >= 0x80; count >>= 7)
    put_byte(p, (int)(count & 0x7f) | 0x80);
  put_byte(p, (int)count);
}

static void put_text(struct packer *p, const char *data, size_t size) {
  put_count(p, size);
  put_data(p, data, size);
}

static void push_lua_function(struct packer *p, const char *name) {
  lua_getfield(p->L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(p->L, -1, name);
  lua_remove(p->L, -2);
}

/* -- Refusing ------------------------------------------------------------- */

/* Pushes "fn (defined at job.lua:12)". */
static void push_called(struct packer *p) {
  lua_Debug ar;
  lua_pushvalue(p->L, p->first);
  lua_getinfo(p->L, ">S", &ar);
  if (*ar.what == 'C')
    lua_pushliteral(p->L, "fn");
  else
    lua_pushfstring(p->L, "fn (defined at %s:%d)", ar.short_src,
                    ar.linedefined);
}

static void push_step(struct packer *p, const struct step *step) {
  lua_State *L = p->L;
  switch (step->kind) {
  case STEP_CALLED:
    push_called(p);
    break;
  case STEP_VALUE:
    lua_pushfstring(L, p->calls ? "argument %d" : "result %d of fn",
                    step->number);
    break;
  case STEP_UPVALUE:
    lua_pushfstring(L, "upvalue '%s'", step->name);
    break;
  case STEP_FIELD:
    lua_pushfstring(L, "field '%s'", step->name);
    break;
  case STEP_ITEM:
    lua_pushfstring(L, "item %d", step->number);
    break;
  case STEP_KEY:
    lua_pushliteral(L, "a key");
    break;
  case STEP_METATABLE:
    lua_pushliteral(L, "the metatable");
    break;
  case STEP_PART:
    lua_pushliteral(L, "a part");
    break;
  }
}

/* Pushes "field 'a' of argument 1"; of a long way, the ends. */
static void push_path(struct packer *p, const struct step *step) {
  int count = 0;
  luaL_checkstack(p->L, 8, NULL);
  push_step(p, step);
  for (step = step->up; step != NULL; step = step->up) {
    if (++count > 6 && step->up != NULL)
      continue;
    lua_pushliteral(p->L, " of ");
    push_step(p, step);
    lua_concat(p->L, 3);
  }
}

/* Raises the ArgumentError: calls refuse(call, path, value, reason). */
static void refuse(struct packer *p, int index, const struct step *step,
                   const char *reason) {
  lua_State *L = p->L;
  push_lua_function(p, "refuse");
  lua_pushstring(L, p->call);
  push_path(p, step);
  lua_pushvalue(L, index);
  lua_pushstring(L, reason);
  lua_call(L, 4, 0);
}

/* Writes the name of what a module offers; false if it is not that. */
static bool pack_named(struct packer *p, int index) {
  lua_State *L = p->L;
  size_t size;
  if (!p->names_ready) {
    push_lua_function(p, "names");
    lua_call(L, 0, 1);
    lua_replace(L, p->names);
    p->names_ready = true;
  }
  lua_pushvalue(L, index);
  lua_rawget(L, p->names);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  if (lua_istable(L, -1)) {
    put_byte(p, PACK_FIELD);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    const char *name = lua_tolstring(L, -2, &size);
    put_text(p, name, size);
    name = lua_tolstring(L, -1, &size);
    put_text(p, name, size);
    lua_pop(L, 3);
    return true;
  }
  put_byte(p, PACK_MODULE);
  const char *name = lua_tolstring(L, -1, &size);
  put_text(p, name, size);
  lua_pop(L, 1);
  return true;
}

/* -- Objects -------------------------------------------------------------- */

/* Writes the number of what was met before, under [tag]; else counts the value
 * on top of the stack, which is taken, as one more of [count]. */
static bool pack_again(struct packer *p, int tag, uint32_t *count) {
  lua_State *L = p->L;
  lua_pushvalue(L, -1);
  lua_rawget(L, p->seen);
  uint32_t number = (uint32_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (number != 0) {
    lua_pop(L, 1);
    put_byte(p, tag);
    put_count(p, number);
    return true;
  }
  lua_pushnumber(L, ++*count);
  lua_rawset(L, p->seen);
  return false;
}

static bool pack_object_again(struct packer *p, int index) {
  lua_pushvalue(p->L, index);
  return pack_again(p, PACK_OBJECT, &p->objects);
}

/* The size comes first, in four bytes, once it is known. */
static void pack_code(struct packer *p, int index) {
  size_t at = p->out->size;
  put_data(p, "\0\0\0\0", 4);
  lua_pushvalue(p->L, index);
  int failed = lua_dump(p->L, bytes_write, p->out);
  lua_pop(p->L, 1);
  if (failed != 0)
    luaL_error(p->L, "not enough memory");
  uint32_t size = (uint32_t)(p->out->size - at - 4);
  memcpy(p->out->data + at, &size, 4);
}

static void pack_upvalue(struct packer *p, int index, int number,
                         const struct step *up) {
  lua_State *L = p->L;
  lua_pushlightuserdata(L, lua_upvalueid(L, index, number));
  if (pack_again(p, PACK_CELL, &p->cells))
    return;
  put_byte(p, PACK_NEW_CELL);
  const char *name = lua_getupvalue(L, index, number);
  struct step step = {up, STEP_UPVALUE, name, 0};
  pack_value(p, lua_gettop(L), &step);
  lua_pop(L, 1);
}

static void pack_function(struct packer *p, int index,
                          const struct step *step) {
  lua_State *L = p->L;
  lua_Debug ar;
  if (pack_named(p, index))
    return;
  if (lua_iscfunction(L, index)) {
    refuse(p, index, step,
           "is a function written in C that no loaded module offers by a name");
    return;
  }
  if (pack_object_again(p, index))
    return;
  put_byte(p, PACK_FUNCTION);
  pack_code(p, index);
  lua_pushvalue(L, index);
  lua_getinfo(L, ">u", &ar);
  put_byte(p, ar.nups);
  for (int i = 1; i <= ar.nups; i++)
    pack_upvalue(p, index, i, step);
}

/* -- Tables --------------------------------------------------------------- */

static void pack_pair(struct packer *p, const struct step *up) {
  lua_State *L = p->L;
  int top = lua_gettop(L);
  struct step key = {up, STEP_KEY, NULL, 0};
  struct step value = {up, STEP_PART, NULL, 0};
  if (lua_type(L, top - 1) == LUA_TSTRING) {
    value.kind = STEP_FIELD;
    value.name = lua_tostring(L, top - 1);
  } else if (lua_type(L, top - 1) == LUA_TNUMBER) {
    value.kind = STEP_ITEM;
    value.number = (int)lua_tonumber(L, top - 1);
  }
  pack_value(p, top - 1, &key);
  pack_value(p, top, &value);
}

/* Writes what comes in order from 1 without its keys. The key after these and
 * its value are left on the stack, or nothing at the end: false. */
static bool pack_items(struct packer *p, int index, const struct step *up) {
  lua_State *L = p->L;
  int key = lua_gettop(L) + 1;
  lua_pushnil(L);
  for (int i = 1; lua_next(L, index) != 0; i++) {
    struct step step = {up, STEP_ITEM, NULL, i};
    if (lua_type(L, key) != LUA_TNUMBER || lua_tonumber(L, key) != i)
      return true;
    pack_value(p, key + 1, &step);
    lua_settop(L, key);
  }
  return false;
}

static void pack_plain_table(struct packer *p, int index,
                             const struct step *up) {
  put_byte(p, PACK_TABLE);
  put_count(p, lua_objlen(p->L, index));
  bool more = pack_items(p, index, up);
  put_byte(p, PACK_NIL);
  while (more) {
    pack_pair(p, up);
    lua_pop(p->L, 1);
    more = lua_next(p->L, index) != 0;
  }
  put_byte(p, PACK_NIL);
}

/* Shows the table to the Lua side: take_apart(table) -> nil; kind, value; or
 * false, the reason why not. True if it was written or refused so. The
 * metatable is on top of the stack and stays there. */
static bool pack_special(struct packer *p, int index, const struct step *up) {
  lua_State *L = p->L;
  int top = lua_gettop(L);
  push_lua_function(p, "take_apart");
  lua_pushvalue(L, index);
  lua_call(L, 1, 2);
  bool done = !lua_isnil(L, -2);
  if (lua_isboolean(L, -2)) {
    refuse(p, index, up, lua_tostring(L, -1));
  } else if (done) {
    size_t size;
    const char *kind = lua_tolstring(L, -2, &size);
    struct step step = {up, STEP_PART, NULL, 0};
    put_byte(p, PACK_SPECIAL);
    put_text(p, kind, size);
    pack_value(p, lua_gettop(L), &step);
  }
  lua_settop(L, top);
  return done;
}

/* Whether it is likely to have many entries: what is nested in others is not
 * looked at for its fields. */
static bool is_large(struct packer *p, int index) {
  lua_State *L = p->L;
  if (lua_objlen(L, index) >= LARGE_MIN)
    return true;
  if (p->depth > 1)
    return false;
  int top = lua_gettop(L), count = 0;
  lua_pushnil(L);
  while (count < LARGE_MIN && lua_next(L, index) != 0) {
    lua_pop(L, 1);
    count++;
  }
  lua_settop(L, top);
  return count == LARGE_MIN;
}

/* What stands between the two calls is not to be touched by others. */
static void put_written(struct packer *p, int address, int size) {
  put_byte(p, PACK_PLAIN);
  put_text(p, (const char *)(uintptr_t)lua_tonumber(p->L, address),
           (size_t)lua_tonumber(p->L, size));
  push_lua_function(p, "forget_plain");
  lua_call(p->L, 0, 0);
}

/* Has the Lua side write a large table, if it can. */
static bool pack_at_once(struct packer *p, int index) {
  lua_State *L = p->L;
  int top = lua_gettop(L);
  if (!p->may_be_plain || !is_large(p, index))
    return false;
  push_lua_function(p, "write_plain");
  lua_pushvalue(L, index);
  lua_pushvalue(L, p->names);
  lua_call(L, 2, 2);
  p->may_be_plain = lua_isnumber(L, -1) != 0;
  if (p->may_be_plain) {
    put_written(p, top + 1, top + 2);
    lua_pushvalue(L, index);
    lua_rawseti(L, p->roots, ++p->root_count);
  }
  lua_settop(L, top);
  return p->may_be_plain;
}

/* Whether what was written at once and the rest have no table in common. */
static bool are_apart(struct packer *p) {
  lua_State *L = p->L;
  if (p->root_count == 0 || p->root_count + p->table_count == 1)
    return true;
  push_lua_function(p, "are_apart");
  lua_pushvalue(L, p->roots);
  lua_pushvalue(L, p->seen);
  lua_call(L, 2, 1);
  bool apart = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return apart;
}

static void pack_table(struct packer *p, int index, const struct step *up) {
  lua_State *L = p->L;
  if (pack_named(p, index) || pack_at_once(p, index) ||
      pack_object_again(p, index))
    return;
  p->table_count++;
  if (lua_getmetatable(L, index) == 0) {
    pack_plain_table(p, index, up);
    return;
  }
  if (!pack_special(p, index, up)) {
    struct step step = {up, STEP_METATABLE, NULL, 0};
    put_byte(p, PACK_META);
    pack_value(p, lua_gettop(L), &step);
    pack_plain_table(p, index, up);
  }
  lua_pop(L, 1);
}

/* -- Values --------------------------------------------------------------- */

/* Numbers of 64 bits and the like, in the form of string.buffer: encode(value)
 * -> string; nil for what it does not know. */
static void pack_cdata(struct packer *p, int index, const struct step *step) {
  lua_State *L = p->L;
  size_t size;
  push_lua_function(p, "encode");
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  if (!lua_isstring(L, -1))
    refuse(p, index, step,
           "is a cdata; of those, only numbers of 64 bits can be copied");
  const char *data = lua_tolstring(L, -1, &size);
  put_byte(p, PACK_CDATA);
  put_text(p, data, size);
  lua_pop(L, 1);
}

static void pack_string(struct packer *p, int index) {
  size_t size;
  const char *data = lua_tolstring(p->L, index, &size);
  put_byte(p, PACK_STRING);
  put_text(p, data, size);
}

static void pack_number(struct packer *p, int index) {
  lua_Number number = lua_tonumber(p->L, index);
  char *place = make_room(p, 1 + sizeof number);
  *place = PACK_NUMBER;
  memcpy(place + 1, &number, sizeof number);
  p->out->size += 1 + sizeof number;
}

static void pack_deep(struct packer *p, int index, const struct step *step) {
  if (++p->depth > PACK_DEPTH_MAX)
    refuse(p, index, step, "is nested too deep: more than 1,000 levels");
  luaL_checkstack(p->L, 10, NULL);
  if (lua_istable(p->L, index))
    pack_table(p, index, step);
  else
    pack_function(p, index, step);
  p->depth--;
}

static void pack_value(struct packer *p, int index, const struct step *step) {
  lua_State *L = p->L;
  switch (lua_type(L, index)) {
  case LUA_TNIL:
    put_byte(p, PACK_NIL);
    break;
  case LUA_TBOOLEAN:
    put_byte(p, lua_toboolean(L, index) ? PACK_TRUE : PACK_FALSE);
    break;
  case LUA_TNUMBER:
    pack_number(p, index);
    break;
  case LUA_TSTRING:
    pack_string(p, index);
    break;
  case LUA_TTABLE:
  case LUA_TFUNCTION:
    pack_deep(p, index, step);
    break;
  case TYPE_CDATA:
    pack_cdata(p, index, step);
    break;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index) == NULL) {
      put_byte(p, PACK_NULL);
      break;
    } /* fall through */
  default:
    refuse(p, index, step, NULL);
  }
}

static void pack_all(struct packer *p, int last) {
  put_count(p, (uint64_t)last - (uint64_t)p->first + 1);
  for (int i = p->first; i <= last; i++) {
    struct step step = {NULL, STEP_VALUE, NULL, i - p->first};
    if (p->calls && i == p->first)
      step.kind = STEP_CALLED;
    pack_value(p, i, &step);
  }
}

/* The tables that a packer has on the stack, from its first. */
static void push_tables(struct packer *p, int first) {
  lua_settop(p->L, first - 1);
  p->seen = first;
  lua_newtable(p->L);
  p->names = first + 1;
  lua_pushnil(p->L);
  p->roots = first + 2;
  lua_newtable(p->L);
}

void pack_values(lua_State *L, const char *call, int first, bool calls,
                 struct bytes *out) {
  int last = lua_gettop(L);
  size_t start = out->size;
  struct packer anew = {
      .L = L, .out = out, .call = call, .first = first, .calls = calls};
  struct packer p = anew;
  p.may_be_plain = true;
  luaL_checkstack(L, 16, NULL);
  push_tables(&p, last + 1);
  pack_all(&p, last);
  if (!are_apart(&p)) {
    out->size = start;
    p = anew;
    push_tables(&p, last + 1);
    pack_all(&p, last);
  }
  lua_settop(L, last);
}
