/* SPDX-License-Identifier: MIT
 * traceback.c - the stack that an error object keeps, for lua/weft/error.lua.
 *
 * luaL_traceback makes a string for every part of every line; most stacks are
 * short, and written here in one go. */
#include "host.h"
#include "watchdog.h"

#include <string.h>

/* Where weft begins a coroutine with xpcall, that is its outermost function,
 * and has no name to be shown by: the line is of no use. */
static size_t without_base(const char *text, size_t length) {
  static const char builtin[] = "\n\t[builtin#";
  const char *line = text + length;
  while (line > text && *line != '\n')
    line--;
  return strncmp(line, builtin, sizeof builtin - 1) == 0 ? (size_t)(line - text)
                                                         : length;
}

/* stack_lines(level) -> the stack from there on; 1 is the caller */
static int stack_lines(lua_State *L) {
  char text[4096];
  size_t length;
  int level = (int)luaL_checkinteger(L, 1);
  if (stack_write_from(L, level, text, sizeof text)) {
    lua_pushstring(L, text);
    return 1;
  }
  luaL_traceback(L, L, NULL, level);
  const char *whole = lua_tolstring(L, -1, &length);
  lua_pushlstring(L, whole, without_base(whole, length));
  return 1;
}

void open_traceback(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"stack_lines", stack_lines},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
