/* SPDX-License-Identifier: MIT
 * fs.c - calls on paths and whole files, for lua/weft/fs.lua. The core copies
 * paths; what is written stays on the stack of the coroutine that waits. */
#include "socket.h"

#include <math.h>
#include <string.h>

/* The runtime and the path of a parking call. */
static weft_runtime *begin(lua_State *L, const char *call, const char **path) {
  struct host *host = host_of(L);
  *path = luaL_checkstring(L, 1);
  park_check(L, host, call);
  return host->rt;
}

static int finish(lua_State *L, int status) {
  return park_finish(L, host_of(L), status, 0, NULL);
}

/* A call on two paths that gives nothing but its code. */
static int change_two(lua_State *L, const char *call,
                      int (*change)(weft_runtime *, const char *,
                                    const char *)) {
  const char *path;
  const char *new_path = luaL_checkstring(L, 2);
  weft_runtime *rt = begin(L, call, &path);
  return finish(L, change(rt, path, new_path));
}

/* A call on one path that gives a value. */
static int ask(lua_State *L, const char *call,
               int (*give)(weft_runtime *, const char *, uint64_t *),
               weft_lua_deliver deliver) {
  const char *path;
  uint64_t value;
  weft_runtime *rt = begin(L, call, &path);
  return park_finish(L, host_of(L), give(rt, path, &value), value, deliver);
}

/* -- Results -------------------------------------------------------------- */

static weft_value *value_of(uint64_t value) {
  return (weft_value *)(uintptr_t)value;
}

/* nil and the value. */
static int deliver_value(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  push_value(L, host_running, value_of(value));
  weft_value_unref(value_of(value));
  return 2;
}

/* The bytes of a key, which has a zero byte behind them. */
static const char *key_at(weft_value *map, size_t i, size_t *length) {
  weft_value *key;
  const char *text = "";
  *length = 0;
  if (weft_value_get_key(map, i, &key) == WEFT_OK)
    weft_value_get_bytes(key, &text, length);
  return text;
}

#define SUFFIX "_ns"
#define SUFFIX_LENGTH (sizeof SUFFIX - 1)

/* A time has another name, and another unit, in Lua. */
static void set_field(lua_State *L, const char *name, size_t length,
                      weft_value *item) {
  int64_t ns;
  bool is_time = length > SUFFIX_LENGTH &&
                 strcmp(name + length - SUFFIX_LENGTH, SUFFIX) == 0;
  lua_pushlstring(L, name, is_time ? length - SUFFIX_LENGTH : length);
  if (is_time && weft_value_get_int(item, &ns) == WEFT_OK)
    lua_pushnumber(L, (lua_Number)ns / 1e9);
  else
    push_value(L, host_running, item);
  lua_rawset(L, -3);
}

int deliver_stat(lua_State *L, int status, uint64_t value) {
  weft_value *map = value_of(value);
  size_t count = 0;
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  weft_value_get_count(map, &count);
  lua_pushnil(L);
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    size_t length;
    weft_value *item;
    const char *name = key_at(map, i, &length);
    if (weft_value_get_item(map, i, &item) == WEFT_OK)
      set_field(L, name, length, item);
  }
  weft_value_unref(map);
  return 2;
}

/* nil, the list of names, and the types by names. */
static int deliver_listing(lua_State *L, int status, uint64_t value) {
  weft_value *map = value_of(value);
  size_t count = 0;
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  weft_value_get_count(map, &count);
  lua_pushnil(L);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    size_t length;
    const char *name = key_at(map, i, &length);
    lua_pushlstring(L, name, length);
    lua_rawseti(L, -2, (int)i + 1);
  }
  push_value(L, host_running, map);
  weft_value_unref(map);
  return 3;
}

/* nil and the number of bytes, or the code and that number. */
static int deliver_written(lua_State *L, int status, uint64_t count) {
  if (status == WEFT_OK)
    lua_pushnil(L);
  else
    lua_pushinteger(L, status);
  lua_pushnumber(L, (lua_Number)count);
  return 2;
}

/* -- Whole files ---------------------------------------------------------- */

/* fs_read_file(path, limit) -> code; nil, bytes */
static int fs_read_file(lua_State *L) {
  const char *path;
  uint64_t value;
  lua_Number limit = luaL_checknumber(L, 2);
  weft_runtime *rt = begin(L, "weft.fs.read_file", &path);
  int status = weft_fs_read_file(
      rt, path, limit < 9e15 ? (size_t)limit : SIZE_MAX, &value);
  return park_finish(L, host_of(L), status, value, deliver_value);
}

/* fs_write_file(path, data, flags) -> code, bytes written; nil, bytes */
static int fs_write_file(lua_State *L) {
  const char *path;
  size_t size;
  uint64_t value;
  const char *data = luaL_checklstring(L, 2, &size);
  int flags = luaL_checkint(L, 3);
  weft_runtime *rt = begin(L, "weft.fs.write_file", &path);
  int status = weft_fs_write_file(rt, path, data, size, flags, &value);
  return socket_finish(L, host_of(L), status, value, deliver_written);
}

/* fs_copy_file(path, path, exclusive) -> code */
static int fs_copy_file(lua_State *L) {
  const char *path;
  const char *new_path = luaL_checkstring(L, 2);
  weft_runtime *rt = begin(L, "weft.fs.copy_file", &path);
  return finish(L, weft_fs_copy_file(rt, path, new_path, lua_toboolean(L, 3)));
}

/* -- Paths ---------------------------------------------------------------- */

/* fs_stat(path, follow) -> code; nil, table */
static int fs_stat(lua_State *L) {
  const char *path;
  uint64_t value;
  int follow = lua_toboolean(L, 2);
  weft_runtime *rt = begin(L, follow ? "weft.fs.stat" : "weft.fs.lstat", &path);
  return park_finish(L, host_of(L), weft_fs_stat(rt, path, follow, &value),
                     value, deliver_stat);
}

/* fs_access(path, rights) -> code */
static int fs_access(lua_State *L) {
  const char *path;
  int rights = luaL_checkint(L, 2);
  weft_runtime *rt = begin(L, "weft.fs.access", &path);
  return finish(L, weft_fs_access(rt, path, rights));
}

/* fs_remove(path) -> code */
static int fs_remove(lua_State *L) {
  const char *path;
  weft_runtime *rt = begin(L, "weft.fs.remove", &path);
  return finish(L, weft_fs_remove(rt, path));
}

/* fs_remove_all(path) -> code */
static int fs_remove_all(lua_State *L) {
  const char *path;
  weft_runtime *rt = begin(L, "weft.fs.remove_all", &path);
  return finish(L, weft_fs_remove_all(rt, path));
}

/* fs_rename(path, path) -> code */
static int fs_rename(lua_State *L) {
  return change_two(L, "weft.fs.rename", weft_fs_rename);
}

/* fs_link(path, path) -> code */
static int fs_link(lua_State *L) {
  return change_two(L, "weft.fs.link", weft_fs_link);
}

/* fs_symlink(target, path) -> code */
static int fs_symlink(lua_State *L) {
  return change_two(L, "weft.fs.symlink", weft_fs_symlink);
}

/* fs_readlink(path) -> code; nil, text */
static int fs_readlink(lua_State *L) {
  return ask(L, "weft.fs.readlink", weft_fs_readlink, deliver_value);
}

/* fs_realpath(path) -> code; nil, text */
static int fs_realpath(lua_State *L) {
  return ask(L, "weft.fs.realpath", weft_fs_realpath, deliver_value);
}

/* fs_chmod(path, mode) -> code */
static int fs_chmod(lua_State *L) {
  const char *path;
  int mode = luaL_checkint(L, 2);
  weft_runtime *rt = begin(L, "weft.fs.chmod", &path);
  return finish(L, weft_fs_chmod(rt, path, mode));
}

/* fs_utime(path, atime, mtime) -> code */
static int fs_utime(lua_State *L) {
  const char *path;
  double atime = luaL_checknumber(L, 2), mtime = luaL_checknumber(L, 3);
  weft_runtime *rt = begin(L, "weft.fs.utime", &path);
  return finish(L, weft_fs_utime(rt, path, atime, mtime));
}

/* -- Directories ---------------------------------------------------------- */

/* fs_mkdir(path, mode, parents) -> code */
static int fs_mkdir(lua_State *L) {
  const char *path;
  int mode = luaL_checkint(L, 2), parents = lua_toboolean(L, 3);
  weft_runtime *rt = begin(L, "weft.fs.mkdir", &path);
  return finish(L, weft_fs_mkdir(rt, path, mode, parents));
}

/* fs_mkdtemp(prefix) -> code; nil, path */
static int fs_mkdtemp(lua_State *L) {
  return ask(L, "weft.fs.mkdtemp", weft_fs_mkdtemp, deliver_value);
}

/* fs_readdir(path) -> code; nil, names, types */
static int fs_readdir(lua_State *L) {
  return ask(L, "weft.fs.readdir", weft_fs_readdir, deliver_listing);
}

void open_fs(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"fs_read_file", fs_read_file},
                                       {"fs_write_file", fs_write_file},
                                       {"fs_copy_file", fs_copy_file},
                                       {"fs_stat", fs_stat},
                                       {"fs_access", fs_access},
                                       {"fs_remove", fs_remove},
                                       {"fs_remove_all", fs_remove_all},
                                       {"fs_rename", fs_rename},
                                       {"fs_link", fs_link},
                                       {"fs_symlink", fs_symlink},
                                       {"fs_readlink", fs_readlink},
                                       {"fs_realpath", fs_realpath},
                                       {"fs_chmod", fs_chmod},
                                       {"fs_utime", fs_utime},
                                       {"fs_mkdir", fs_mkdir},
                                       {"fs_mkdtemp", fs_mkdtemp},
                                       {"fs_readdir", fs_readdir},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
