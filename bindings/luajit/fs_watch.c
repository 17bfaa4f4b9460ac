/* SPDX-License-Identifier: MIT
 * fs_watch.c - watching files, for lua/weft/fs_watch.lua. */
#include "socket.h"

#include <stdio.h>

#define WATCH "weft.FsWatchSocket"

static struct socket *check_watch(lua_State *L) {
  return luaL_checkudata(L, 1, WATCH);
}

/* fs_watch_new(path) -> code; nil, socket */
static int fs_watch_new(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = luaL_checkstring(L, 1);
  weft_runtime *rt = host_runtime(L, host, "weft.fs.watch");
  struct socket *s = socket_push(L, host, WATCH);
  int status = weft_fs_watch_new(rt, path, &s->handle);
  return socket_deliver_open(L, status, s->handle);
}

static int deliver_change(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  weft_value *map = (weft_value *)(uintptr_t)value;
  lua_pushnil(L);
  push_value(L, host_running, map);
  weft_value_unref(map);
  return 2;
}

/* fs_watch_next(socket) -> code; nil, {path, kind} */
static int fs_watch_next(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_watch(L);
  uint64_t value;
  park_check(L, host, "watch:next");
  int status = weft_fs_watch_next(host->rt, socket_handle(s), &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver_change);
}

/* fs_watch_close(socket): once it is closed, does nothing. */
static int fs_watch_close(lua_State *L) {
  struct socket *s = check_watch(L);
  weft_fs_watch watch = socket_handle(s);
  s->handle = 0;
  if (watch != 0)
    weft_fs_watch_close(s->host->rt, watch);
  return 0;
}

static void describe_watch(weft_runtime *rt, uint64_t handle, char *text,
                           size_t size) {
  const char *path;
  if (weft_fs_watch_get_path(rt, handle, &path) != WEFT_OK)
    path = "an unknown path";
  snprintf(text, size, "the watch of %s", path);
}

void open_fs_watch(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {WATCH, weft_fs_watch_close,
                                          describe_watch, "; close it", NULL};
  static const luaL_Reg functions[] = {{"fs_watch_new", fs_watch_new},
                                       {"fs_watch_next", fs_watch_next},
                                       {"fs_watch_close", fs_watch_close},
                                       {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
