/* SPDX-License-Identifier: MIT
 * pack.h - Lua values on their way from one Lua state to another: bytes that
 * pack.c writes, and unpack.c reads, with the help of maker.c.
 *
 * A value is a byte, enum pack_tag, and what belongs to it. Numbers of objects
 * and upvalues count up in the order in which they are first met, so that
 * both sides agree on them without writing them down. */
#ifndef WEFT_PACK_H
#define WEFT_PACK_H

#include <string.h>

#include "host.h"

enum pack_tag {
  PACK_NIL, /* as an item or a key: the end of these */
  PACK_FALSE,
  PACK_TRUE,
  PACK_NUMBER,   /* 8 bytes */
  PACK_STRING,   /* size, bytes */
  PACK_NULL,     /* the light userdata NULL */
  PACK_CDATA,    /* size, bytes of string.buffer */
  PACK_OBJECT,   /* number: a table, function or error that was met before */
  PACK_PLAIN,    /* size, bytes of string.buffer: a table, its own number not
                    among those of objects */
  PACK_TABLE,    /* count, about so many items, keys and values */
  PACK_META,     /* metatable, then PACK_TABLE: a table that has one */
  PACK_FUNCTION, /* size, bytecode, then its upvalues */
  PACK_CELL,     /* number: an upvalue that was met before */
  PACK_NEW_CELL, /* value: one that was not */
  PACK_MODULE,   /* name: what require gives */
  PACK_FIELD,    /* name, name of a field: and one of its functions */
  PACK_SPECIAL   /* kind, value: what the Lua side has taken apart */
};

/* The deepest nesting of tables and upvalues. */
enum { PACK_DEPTH_MAX = 1000 };

/* Bytes that grow; freed by bytes_clear. */
struct bytes {
  char *data;
  size_t size;
  size_t capacity;
};

void bytes_clear(struct bytes *bytes);
/* Makes room for [more] bytes; false for want of memory. */
bool bytes_grow(struct bytes *bytes, size_t more);

/* A lua_Writer whose arg they are. */
int bytes_write(lua_State *L, const void *data, size_t size, void *bytes);

/* Writes the values on [L]'s stack from [first] to the top, of which, if
 * [calls], the first is a function to be called with the others. Raises an
 * ArgumentError that names what cannot be copied; [call] is whose message it
 * is. Leaves the stack as it was. */
void pack_values(lua_State *L, const char *call, int first, bool calls,
                 struct bytes *out);
/* Pushes the values that were written; returns their number. Raises what
 * requiring a module raises, and an error for bytes that are not whole. */
int unpack_values(lua_State *L, const char *data, size_t size);

/* Replaces the bytecode on top of the stack by a new closure of it, whose
 * upvalues are nil. */
void push_closure(lua_State *L);

/* For pack_setup: what the Lua side does, by name. */
#define PACK_FUNCTIONS "weft.pack.functions"

#endif
