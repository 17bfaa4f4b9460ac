/* SPDX-License-Identifier: MIT
 * stream.c - writing and closing streams, for lua/weft/stream.lua. How they are
 * read is in reading.c. */
#include "socket.h"

#include <stdio.h>
#include <string.h>

static struct socket *check_stream(lua_State *L) {
  return luaL_checkudata(L, 1, STREAM);
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
  static const luaL_Reg functions[] = {{"stream_open", stream_open},
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
