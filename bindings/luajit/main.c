/* SPDX-License-Identifier: MIT
 * main.c - the weft program: a Lua state in which lua/weft/cli.lua does the
 * work.
 *
 * The binding and the modules of lua/ are linked in, so that starting loads and
 * reads less. What is not, the extensions, is looked for beside the program, in
 * the build tree as well as installed, so a tree can be moved; WEFT_PREFIX is
 * where it was to be installed. */
#include "host.h"
#include "main_collector.h"
#include "main_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <luajit.h>
#include <lualib.h>

#ifndef WEFT_PREFIX
#define WEFT_PREFIX "/usr/local"
#endif

/* Writes the folder the program is in to [dir]; "" if that cannot be told. */
static void own_folder(char *dir, size_t size) {
  ssize_t length = readlink("/proc/self/exe", dir, size - 1);
  dir[length > 0 ? length : 0] = '\0';
  char *slash = strrchr(dir, '/');
  if (slash != NULL)
    *slash = '\0';
}

/* Puts [first] before what package.[field] holds. */
static void prepend(lua_State *L, const char *field, const char *first) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, field);
  lua_pushfstring(L, "%s;%s", first, lua_tostring(L, -1));
  lua_setfield(L, -3, field);
  lua_pop(L, 2);
}

static void set_paths(lua_State *L) {
  char dir[PATH_MAX];
  own_folder(dir, sizeof dir);
  const char *module = lua_pushfstring(L, "%s/lua/weft/core.so", dir);
  if (access(module, R_OK) == 0) {
    lua_pushfstring(L, "%s/../lua/?.lua", dir);
    lua_pushfstring(L, "%s/lua/?.so", dir);
  } else {
    const char *prefix = *dir == '\0' ? WEFT_PREFIX "/bin" : dir;
    lua_pushfstring(L, "%s/../share/lua/5.1/?.lua", prefix);
    lua_pushfstring(L, "%s/../lib/lua/5.1/?.so", prefix);
  }
  prepend(L, "path", lua_tostring(L, -2));
  prepend(L, "cpath", lua_tostring(L, -1));
  lua_pop(L, 3);
}

static void preload_core(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_weft_core);
  lua_setfield(L, -2, "weft.core");
  lua_pop(L, 2);
}

static void push_arguments(lua_State *L, int argc, char **argv) {
  lua_createtable(L, argc, 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
}

/* main(argv): calls weft.cli's main, which returns the exit status. */
static int run_cli(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "weft.cli");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "main");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* A standard descriptor that was closed would be the next one that anything
 * opens, which is then written to by who means to report an error. */
static void open_standard(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0)
      (void)open("/dev/null", O_RDWR);
}

int main(int argc, char **argv) {
  open_standard();
  lua_State *L = memory_new_state();
  if (L == NULL) {
    fprintf(stderr, "weft: out of memory\n");
    return EXIT_FAILURE;
  }
  luaL_openlibs(L);
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  lua_gc(L, LUA_GCSTOP, 0); /* cli.lua has them go on */
  collector_pace(L);
  set_paths(L);
  preload_core(L);
  lua_pushcfunction(L, run_cli);
  push_arguments(L, argc, argv);
  int status = EXIT_FAILURE;
  if (lua_pcall(L, 1, 1, 0) == 0)
    status = (int)lua_tointeger(L, -1);
  else
    fprintf(stderr, "weft: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return status;
}
