/* SPDX-License-Identifier: MIT
 * file.c - opening, writing, locking and closing files, for lua/weft/file.lua.
 * How they are read in a row is in reading.c.
 *
 * What is written stays on the stack of the coroutine that waits, and so does
 * the memory that is read to. */
#include "socket.h"

#include <stdio.h>

static struct socket *check_file(lua_State *L) {
  return luaL_checkudata(L, 1, OPEN_FILE);
}

/* The file of a parking call. While a task reads, up to its consume, what it
 * has read must not be forgotten for another's sake. */
static struct socket *begin(lua_State *L, struct host *host, const char *call,
                            weft_file *file) {
  struct socket *s = check_file(L);
  park_check(L, host, call);
  *file = socket_handle(s);
  return s;
}

static int finish(lua_State *L, struct host *host, int status, uint64_t value,
                  weft_lua_deliver deliver) {
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver);
}

static int64_t integer_at(lua_State *L, int index) {
  return (int64_t)luaL_checknumber(L, index);
}

/* nil and the number; on failure the code and the number. */
static int deliver_number(lua_State *L, int status, uint64_t number) {
  socket_deliver_status(L, status, 0);
  if (status == WEFT_OK)
    lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)number);
  return 2;
}

/* -- Opening and closing -------------------------------------------------- */

/* file_open(path, flags, mode) -> code; nil, socket */
static int file_open(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = luaL_checkstring(L, 1);
  int flags = luaL_checkint(L, 2), mode = luaL_checkint(L, 3);
  uint64_t value;
  park_check(L, host, "weft.fs.open");
  socket_push(L, host, OPEN_FILE);
  int status = weft_file_open(host->rt, path, flags, mode, &value);
  return socket_finish(L, host, status, value, socket_deliver_open);
}

/* file_close(socket) -> code: once it is closed, does nothing. */
static int file_close(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_file(L);
  weft_file file = socket_handle(s);
  if (file == 0)
    return 0;
  park_check(L, host, "file:close");
  reading_keep(s);
  s->handle = 0;
  return socket_finish(L, host, weft_file_close(host->rt, file), 0,
                       deliver_status);
}

static int file_is_open(lua_State *L) {
  lua_pushboolean(L, socket_handle(check_file(L)) != 0);
  return 1;
}

/* -- Writing -------------------------------------------------------------- */

/* file_write(socket, data, offset or nil) -> code, bytes written; nil, bytes */
static int file_write(lua_State *L) {
  struct host *host = host_of(L);
  size_t size;
  weft_file file;
  uint64_t written = 0;
  const char *data = luaL_checklstring(L, 2, &size);
  bool is_placed = !lua_isnoneornil(L, 3);
  const struct socket *s =
      begin(L, host, is_placed ? "file:write_at" : "file:write", &file);
  int status = WEFT_EBUSY;
  if (!s->busy && is_placed)
    status = weft_file_write_at(host->rt, file, data, size,
                                (uint64_t)integer_at(L, 3), &written);
  else if (!s->busy)
    status = weft_file_write(host->rt, file, data, size, &written);
  return finish(L, host, status, written, deliver_number);
}

/* -- Reading at a place --------------------------------------------------- */

/* The room that was read to is on top of the stack. */
static int deliver_room(lua_State *L, int status, uint64_t count) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  const char *room = lua_touserdata(L, -1);
  lua_pushnil(L);
  lua_pushlstring(L, room, (size_t)count);
  return 2;
}

/* file_read_at(socket, n, offset) -> code; nil, bytes */
static int file_read_at(lua_State *L) {
  struct host *host = host_of(L);
  size_t size = (size_t)luaL_checknumber(L, 2);
  uint64_t offset = (uint64_t)integer_at(L, 3), count = 0;
  weft_file file;
  const struct socket *s = begin(L, host, "file:read_at", &file);
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  void *room = lua_newuserdata(L, size > 0 ? size : 1);
  int status = weft_file_read_at(host->rt, file, room, size, offset, &count);
  return finish(L, host, status, count, deliver_room);
}

/* -- Positions, size, durability ------------------------------------------ */

/* file_seek(socket, offset, whence) -> code; nil, position */
static int file_seek(lua_State *L) {
  struct host *host = host_of(L);
  weft_file file;
  uint64_t position = 0;
  int64_t offset = integer_at(L, 2);
  int whence = luaL_checkint(L, 3), status = WEFT_EBUSY;
  const struct socket *s = begin(L, host, "file:seek", &file);
  if (!s->busy)
    status = weft_file_seek(host->rt, file, offset, whence, &position);
  return finish(L, host, status, position, deliver_number);
}

/* file_truncate(socket, size) -> code */
static int file_truncate(lua_State *L) {
  struct host *host = host_of(L);
  weft_file file;
  int status = WEFT_EBUSY;
  uint64_t size = (uint64_t)integer_at(L, 2);
  const struct socket *s = begin(L, host, "file:truncate", &file);
  if (!s->busy)
    status = weft_file_truncate(host->rt, file, size);
  return finish(L, host, status, 0, socket_deliver_status);
}

/* file_position(socket) -> code; nil, position */
static int file_position(lua_State *L) {
  struct socket *s = check_file(L);
  weft_runtime *rt = host_runtime(L, s->host, "file:position");
  uint64_t position;
  int status = weft_file_get_position(rt, socket_handle(s), &position);
  return deliver_number(L, status, position);
}

/* file_sync(socket, whether of data only) -> code */
static int file_sync(lua_State *L) {
  struct host *host = host_of(L);
  weft_file file;
  int data_only = lua_toboolean(L, 2), status = WEFT_EBUSY;
  const struct socket *s = begin(L, host, "file:sync", &file);
  if (!s->busy)
    status = weft_file_sync(host->rt, file, data_only);
  return finish(L, host, status, 0, socket_deliver_status);
}

/* file_stat(socket) -> code; nil, table */
static int file_stat(lua_State *L) {
  struct host *host = host_of(L);
  weft_file file;
  uint64_t value = 0;
  int status = WEFT_EBUSY;
  const struct socket *s = begin(L, host, "file:stat", &file);
  if (!s->busy)
    status = weft_file_stat(host->rt, file, &value);
  return finish(L, host, status, value, deliver_stat);
}

/* -- Locks ---------------------------------------------------------------- */

/* file_lock(socket, flags) -> code */
static int file_lock(lua_State *L) {
  struct host *host = host_of(L);
  weft_file file;
  int flags = luaL_checkint(L, 2), status = WEFT_EBUSY;
  const struct socket *s = begin(L, host, "file:lock", &file);
  if (!s->busy)
    status = weft_file_lock(host->rt, file, flags);
  return finish(L, host, status, 0, socket_deliver_status);
}

/* file_unlock(socket) -> code */
static int file_unlock(lua_State *L) {
  struct socket *s = check_file(L);
  weft_runtime *rt = host_runtime(L, s->host, "file:unlock");
  return socket_deliver_status(L, weft_file_unlock(rt, socket_handle(s)), 0);
}

/* -- The kind ------------------------------------------------------------- */

static void describe_file(weft_runtime *rt, uint64_t handle, char *text,
                          size_t size) {
  const char *path;
  if (weft_file_get_path(rt, handle, &path) != WEFT_OK)
    path = "an unknown path";
  snprintf(text, size, "the file %s", path);
}

void open_file(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {OPEN_FILE, weft_file_abort,
                                          describe_file, "; close it", NULL};
  static const luaL_Reg functions[] = {{"file_open", file_open},
                                       {"file_close", file_close},
                                       {"file_is_open", file_is_open},
                                       {"file_write", file_write},
                                       {"file_read_at", file_read_at},
                                       {"file_seek", file_seek},
                                       {"file_position", file_position},
                                       {"file_truncate", file_truncate},
                                       {"file_sync", file_sync},
                                       {"file_stat", file_stat},
                                       {"file_lock", file_lock},
                                       {"file_unlock", file_unlock},
                                       {NULL, NULL}};
  host->file_metatable = socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
