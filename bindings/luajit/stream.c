/* SPDX-License-Identifier: MIT
 * stream.c - reading, writing and closing streams, for lua/weft/stream.lua.
 *
 * Reading is the core's fill, then a peek and a consume when the task runs
 * again. So that no other task takes the bytes in between, a socket is marked
 * from the one to the other. */
#include "socket.h"

#include <stdio.h>
#include <string.h>

/* Reading to the end, a task is woken once for so many bytes. */
#define READ_ALL_STEP ((size_t)64 * 1024)

static struct socket *check_stream(lua_State *L) {
  return luaL_checkudata(L, 1, STREAM);
}

/* -- Reading -------------------------------------------------------------- */

/* Takes [take] bytes off the buffer, fewer if there are not so many, and pushes
 * [code] or nil, then the first [keep] of them. */
static int deliver_bytes(lua_State *L, struct socket *s, int code, size_t take,
                         size_t keep) {
  const char *data;
  size_t size;
  int status = weft_stream_peek(s->host->rt, socket_handle(s), &data, &size);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  if (take < size)
    size = take;
  if (code == WEFT_OK)
    lua_pushnil(L);
  else
    lua_pushinteger(L, code);
  lua_pushlstring(L, data, keep < size ? keep : size);
  weft_stream_consume(s->host->rt, socket_handle(s), size);
  return 2;
}

/* The end came first: all that is left, under the code for that. */
static int deliver_partial(lua_State *L, struct socket *s) {
  return deliver_bytes(L, s, WEFT_EINCOMPLETE, SIZE_MAX, SIZE_MAX);
}

/* Neither bytes nor an error yet: the Lua side calls again with [seen]. */
static int deliver_again(lua_State *L, size_t seen) {
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)seen);
  return 3;
}

/* The socket of a reading call that has ended. */
static struct socket *end_read(lua_State *L) {
  struct socket *s = lua_touserdata(L, 1);
  s->busy = false;
  return s;
}

/* Makes the results of a read that waits for more than [seen] bytes. */
static int read_with(lua_State *L, const char *call, size_t seen,
                     weft_lua_deliver deliver) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  uint64_t value = 0;
  park_check(L, host, call);
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  s->busy = true;
  int status = weft_stream_fill(host->rt, socket_handle(s), seen, &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver);
}

static int deliver_read(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  size_t most = lua_isnil(L, 2) ? SIZE_MAX : (size_t)lua_tonumber(L, 2);
  if (status == WEFT_EEND)
    return 0;
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, most, most);
}

/* stream_read(socket, n or nil) -> code; nil, bytes; nil at the end */
static int stream_read(lua_State *L) {
  lua_settop(L, 2);
  return read_with(L, "stream:read", 0, deliver_read);
}

static int deliver_exactly(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  size_t count = (size_t)lua_tonumber(L, 2);
  if (status == WEFT_EEND)
    return deliver_partial(L, s);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, count, count);
}

/* No bytes are there at once, on every open stream. */
static int read_nothing(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  park_check(L, host, "stream:read_exactly");
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  s->busy = true;
  return socket_finish(L, host, weft_checkpoint(host->rt), 0, deliver_exactly);
}

/* stream_read_exactly(socket, n) -> code; nil, bytes; code, partial */
static int stream_read_exactly(lua_State *L) {
  size_t count = (size_t)luaL_checknumber(L, 2);
  lua_settop(L, 2);
  if (count == 0)
    return read_nothing(L);
  return read_with(L, "stream:read_exactly", count - 1, deliver_exactly);
}

static int deliver_all(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  if (status == WEFT_OK)
    return deliver_again(L, (size_t)value);
  if (status != WEFT_EEND)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, SIZE_MAX, SIZE_MAX);
}

/* stream_read_all(socket, seen) -> code; nil, bytes; nil, nil, seen */
static int stream_read_all(lua_State *L) {
  size_t seen = (size_t)luaL_checknumber(L, 2);
  lua_settop(L, 1);
  return read_with(L, "stream:read_all", seen + READ_ALL_STEP - 1, deliver_all);
}

/* -- Reading to a separator ----------------------------------------------- */

/* Where [sep] begins at or behind [from], SIZE_MAX if it does not. */
static size_t find(const char *data, size_t size, size_t from, const char *sep,
                   size_t sep_size) {
  while (size >= sep_size && from <= size - sep_size) {
    const char *first = memchr(data + from, *sep, size - sep_size - from + 1);
    if (first == NULL)
      break;
    if (memcmp(first, sep, sep_size) == 0)
      return (size_t)(first - data);
    from = (size_t)(first - data) + 1;
  }
  return SIZE_MAX;
}

static int deliver_overrun(lua_State *L, struct socket *s, size_t before) {
  weft_stream_consume(s->host->rt, socket_handle(s),
                      0); /* no more looking at it */
  lua_pushinteger(L, WEFT_EOVERRUN);
  lua_pushnumber(L, (lua_Number)before);
  return 2;
}

/* Looks for the separator in what the last look has not seen. */
static int deliver_found(lua_State *L, struct socket *s) {
  const char *data;
  size_t size, sep_size, seen = (size_t)lua_tonumber(L, 4);
  const char *sep = lua_tolstring(L, 2, &sep_size);
  int status = weft_stream_peek(s->host->rt, socket_handle(s), &data, &size);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  size_t from = seen < sep_size ? 0 : seen - sep_size + 1;
  size_t at = find(data, size, from, sep, sep_size);
  size_t before = at;
  if (at == SIZE_MAX)
    before = size < sep_size ? 0 : size - sep_size + 1;
  if ((lua_Number)before > lua_tonumber(L, 3))
    return deliver_overrun(L, s, before);
  if (at == SIZE_MAX)
    return deliver_again(L, size);
  return deliver_bytes(L, s, WEFT_OK, at + sep_size,
                       lua_toboolean(L, 5) ? at : at + sep_size);
}

static int deliver_until(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  if (status == WEFT_EEND)
    return deliver_partial(L, s);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_found(L, s);
}

/* stream_read_until(socket, separator, limit, seen, strip) -> code; nil, bytes;
 * code, partial or number of bytes before the separator; nil, nil, seen */
static int stream_read_until(lua_State *L) {
  luaL_checkstring(L, 2);
  luaL_checknumber(L, 3);
  size_t seen = (size_t)luaL_checknumber(L, 4);
  lua_settop(L, 5);
  return read_with(
      L, lua_toboolean(L, 5) ? "stream:read_line" : "stream:read_until", seen,
      deliver_until);
}

/* -- Writing -------------------------------------------------------------- */

/* stream_write(socket, data) -> code */
static int stream_write(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  park_check(L, host, "stream:write");
  int status = weft_stream_write(host->rt, socket_handle(s), data, size);
  return socket_finish(L, host, socket_parking_status(host->rt, status), 0,
                       deliver_status);
}

/* stream_flush(socket) -> code */
static int stream_flush(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  park_check(L, host, "stream:flush");
  int status = weft_stream_flush(host->rt, socket_handle(s));
  return socket_finish(L, host, socket_parking_status(host->rt, status), 0,
                       deliver_status);
}

/* stream_shutdown(socket) -> code */
static int stream_shutdown(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  park_check(L, host, "stream:shutdown");
  int status = weft_stream_shutdown(host->rt, socket_handle(s));
  return socket_finish(L, host, socket_parking_status(host->rt, status), 0,
                       deliver_status);
}

/* -- Life ---------------------------------------------------------------- */

/* stream_open(descriptor) -> code; nil, socket */
static int stream_open(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "stream.open");
  int fd = luaL_checkint(L, 1);
  struct socket *s = socket_push(L, host, STREAM);
  int status = weft_stream_open(rt, fd, &s->handle);
  return socket_deliver_open(L, status, s->handle);
}

/* stream_close(socket): once it is closed, does nothing. */
static int stream_close(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  weft_stream stream = socket_handle(s);
  if (stream == 0)
    return 0;
  park_check(L, host, "stream:close");
  int status = weft_stream_close(host->rt, stream);
  s->handle = 0;
  return socket_finish(L, host, status, 0, deliver_status);
}

/* stream_abort(socket): closes it without sending what is unsent. */
static int stream_abort(lua_State *L) {
  struct socket *s = check_stream(L);
  if (socket_handle(s) != 0)
    weft_stream_abort(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

static int stream_is_open(lua_State *L) {
  lua_pushboolean(L, socket_handle(check_stream(L)) != 0);
  return 1;
}

/* stream_address(socket, whether it is the peer's) -> code; nil, text */
static int stream_address(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_value *address;
  weft_runtime *rt = host_runtime(L, s->host, "the address of a stream");
  int status =
      weft_stream_address(rt, socket_handle(s), lua_toboolean(L, 2), &address);
  return socket_push_address(L, s->host, status, address);
}

static void describe(weft_runtime *rt, weft_stream stream, char *text,
                     size_t size) {
  char own[96], peer[96];
  weft_value *address;
  int status = weft_stream_address(rt, stream, 0, &address);
  socket_address_text(status, address, own, sizeof own);
  status = weft_stream_address(rt, stream, 1, &address);
  socket_address_text(status, address, peer, sizeof peer);
  snprintf(text, size, "the stream from %s to %s; close it", own, peer);
}

void open_stream(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {STREAM, weft_stream_abort, describe};
  static const luaL_Reg functions[] = {
      {"stream_open", stream_open},
      {"stream_read", stream_read},
      {"stream_read_exactly", stream_read_exactly},
      {"stream_read_until", stream_read_until},
      {"stream_read_all", stream_read_all},
      {"stream_write", stream_write},
      {"stream_flush", stream_flush},
      {"stream_shutdown", stream_shutdown},
      {"stream_close", stream_close},
      {"stream_abort", stream_abort},
      {"stream_is_open", stream_is_open},
      {"stream_address", stream_address},
      {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
