/* SPDX-License-Identifier: MIT
 * stream.c - writing and closing streams, for lua/weft/stream.lua. How they are
 * read is in reading.c. */
#include "socket.h"

#include <stdio.h>
#include <string.h>

static struct socket *check_stream(lua_State *L) {
  if (socket_is(L, host_of(L)->stream_metatable))
    return lua_touserdata(L, 1);
  return luaL_checkudata(L, 1, STREAM); /* raises */
}

/* -- Writing -------------------------------------------------------------- */

/* So many strings at a time need no memory. */
#define FEW 16

/* A block for a write of [count] strings, left on the stack if it is one. */
static void *new_block(lua_State *L, void *few, size_t count, size_t size) {
  return count <= FEW ? few : lua_newuserdata(L, count * size);
}

static int write_strings(lua_State *L, struct host *host, struct socket *s,
                         size_t count) {
  const void *few_data[FEW], **data;
  size_t few_sizes[FEW], *sizes;
  data = new_block(L, few_data, count, sizeof *data);
  sizes = new_block(L, few_sizes, count, sizeof *sizes);
  for (size_t i = 0; i < count; i++)
    data[i] = luaL_checklstring(L, (int)i + 2, &sizes[i]);
  return weft_stream_writev(host->rt, socket_handle(s), data, sizes, count);
}

/* stream_write(socket, string, ...) -> code */
static int stream_write(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  int count = lua_gettop(L) - 1, status;
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  park_check(L, host, "stream:write");
  if (count == 1)
    status = weft_stream_write(host->rt, socket_handle(s), data, size);
  else
    status = write_strings(L, host, s, (size_t)count);
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

/* stream_pair() -> code; nil, socket, socket */
static int stream_pair(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "stream_pair");
  lua_pushnil(L);
  struct socket *first = socket_push(L, host, STREAM);
  struct socket *second = socket_push(L, host, STREAM);
  int status = weft_stream_pair(rt, &first->handle, &second->handle);
  return status == WEFT_OK ? 3 : deliver_status(L, status, 0);
}

/* stream_close(socket): once it is closed, does nothing. */
static int stream_close(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  weft_stream stream = socket_handle(s);
  if (stream == 0)
    return 0;
  park_check(L, host, "stream:close");
  reading_keep(s);
  int status = weft_stream_close(host->rt, stream);
  s->handle = 0;
  return socket_finish(L, host, status, 0, deliver_status);
}

/* stream_abort(socket): closes it without sending what is unsent. */
static int stream_abort(lua_State *L) {
  struct socket *s = check_stream(L);
  if (socket_handle(s) != 0) {
    reading_keep(s);
    weft_stream_abort(s->host->rt, s->handle);
  }
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

/* -- Options -------------------------------------------------------------- */

/* stream_set_nodelay(socket, whether) -> code */
static int stream_set_nodelay(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_runtime *rt = host_runtime(L, s->host, "stream:set_nodelay");
  int status =
      weft_stream_set_nodelay(rt, socket_handle(s), lua_toboolean(L, 2));
  return socket_deliver_status(L, status, 0);
}

/* stream_set_keepalive(socket, seconds) -> code */
static int stream_set_keepalive(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_runtime *rt = host_runtime(L, s->host, "stream:set_keepalive");
  int status = weft_stream_set_keepalive(rt, socket_handle(s),
                                         time_ns(luaL_checknumber(L, 2)));
  return socket_deliver_status(L, status, 0);
}

/* stream_sizes(socket) -> code; nil, unread bytes, unsent bytes */
static int stream_sizes(lua_State *L) {
  struct socket *s = check_stream(L);
  size_t unread, unsent;
  weft_runtime *rt = host_runtime(L, s->host, "stream:statistics");
  int status = weft_stream_get_sizes(rt, socket_handle(s), &unread, &unsent);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)unread);
  lua_pushnumber(L, (lua_Number)unsent);
  return 3;
}

/* stream_is_terminal(socket) -> code; nil, whether */
static int stream_is_terminal(lua_State *L) {
  struct socket *s = check_stream(L);
  int flag;
  weft_runtime *rt = host_runtime(L, s->host, "stream:is_terminal");
  int status = weft_stream_is_terminal(rt, socket_handle(s), &flag);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushboolean(L, flag);
  return 2;
}

/* -- Faults of streams in memory ------------------------------------------ */

/* stream_set_fault(socket, fault, bytes, or seconds of a delay) -> code */
static int stream_set_fault(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_runtime *rt = host_runtime(L, s->host, "a fault of a stream");
  int fault = luaL_checkint(L, 2);
  lua_Number number = luaL_checknumber(L, 3);
  uint64_t value = number >= 9007199254740992.0 ? UINT64_MAX : (uint64_t)number;
  if (fault == WEFT_FAULT_DELAY)
    value = time_ns(number);
  int status = weft_stream_set_fault(rt, socket_handle(s), fault, value);
  return socket_deliver_status(L, status, 0);
}

/* stream_set_pieces(socket, sizes) -> code */
static int stream_set_pieces(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_runtime *rt = host_runtime(L, s->host, "a fault of a stream");
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t count = lua_objlen(L, 2);
  size_t *sizes = lua_newuserdata(L, (count + 1) * sizeof *sizes);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (int)i + 1);
    sizes[i] = (size_t)luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  int status = weft_stream_set_pieces(rt, socket_handle(s), sizes, count);
  return socket_deliver_status(L, status, 0);
}

/* -- What was collected open ---------------------------------------------- */

/* Only such a stream looks at a fault at all; there is none of this number. */
static bool is_in_memory(weft_runtime *rt, weft_stream stream) {
  int status = weft_stream_set_fault(rt, stream, -1, 0);
  return status == WEFT_EINVAL || status == WEFT_ECLOSED;
}

static void describe(weft_runtime *rt, weft_stream stream, char *text,
                     size_t size) {
  char own[128], peer[128];
  weft_value *address;
  int status = weft_stream_address(rt, stream, 0, &address);
  socket_address_text(status, address, own, sizeof own);
  status = weft_stream_address(rt, stream, 1, &address);
  socket_address_text(status, address, peer, sizeof peer);
  if (is_in_memory(rt, stream))
    snprintf(text, size, "the stream in memory");
  else if (*own == '\0')
    snprintf(text, size, "the stream of a pipe or a terminal");
  else
    snprintf(text, size, "the stream from %s to %s", own, peer);
}

void open_stream(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {STREAM, weft_stream_abort, describe,
                                          "; close it", NULL};
  static const luaL_Reg functions[] = {
      {"stream_open", stream_open},
      {"stream_pair", stream_pair},
      {"stream_set_fault", stream_set_fault},
      {"stream_set_pieces", stream_set_pieces},
      {"stream_write", stream_write},
      {"stream_flush", stream_flush},
      {"stream_shutdown", stream_shutdown},
      {"stream_close", stream_close},
      {"stream_abort", stream_abort},
      {"stream_is_open", stream_is_open},
      {"stream_address", stream_address},
      {"stream_set_nodelay", stream_set_nodelay},
      {"stream_set_keepalive", stream_set_keepalive},
      {"stream_sizes", stream_sizes},
      {"stream_is_terminal", stream_is_terminal},
      {NULL, NULL}};
  host->stream_metatable = socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
