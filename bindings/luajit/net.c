/* SPDX-License-Identifier: MIT
 * net.c - TCP connections and listeners, for lua/weft/net.lua, stream.lua and
 * listener.lua.
 *
 * The Lua objects hold a socket: a userdata that knows the handle, and closes
 * what is collected open. A reading call leaves its arguments on the stack of
 * the coroutine it parks, where they stay alive and where the function that
 * makes its results finds them.
 *
 * Reading is the core's fill, then a peek and a consume when the task runs
 * again. So that no other task takes the bytes in between, a socket is marked
 * from the one to the other. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM "weft.StreamSocket"
#define LISTENER "weft.ListenerSocket"

/* Reading to the end, a task is woken once for so many bytes. */
#define READ_ALL_STEP ((size_t)64 * 1024)

struct socket {
  struct host *host;
  uint64_t run_id; /* of the runtime the handle is good in */
  uint64_t handle; /* 0: closed, or not open yet */
  bool busy;       /* a task is in a read, up to its consume, or accepts */
};

static struct socket *check_stream(lua_State *L) {
  return luaL_checkudata(L, 1, STREAM);
}

static struct socket *check_listener(lua_State *L) {
  return luaL_checkudata(L, 1, LISTENER);
}

/* The handle, or 0 if it is closed or its runtime has gone. */
static uint64_t handle_of(const struct socket *s) {
  bool is_here = s->host->rt != NULL && s->host->run_id == s->run_id;
  return is_here ? s->handle : 0;
}

/* Pushes a socket that is to get its handle later. */
static struct socket *push_socket(lua_State *L, struct host *host,
                                  const char *kind) {
  struct socket *s = lua_newuserdata(L, sizeof *s);
  *s = (struct socket){host, host->run_id, 0, false};
  luaL_getmetatable(L, kind);
  lua_setmetatable(L, -2);
  return s;
}

/* -- Statuses ------------------------------------------------------------- */

static int deliver_socket_status(lua_State *L, int status, uint64_t value) {
  return deliver_status(L, status == WEFT_EBADF ? WEFT_ECLOSED : status, value);
}

/* The outcome of a parking call: on what is closed, Cancelled comes first as
 * it does elsewhere. */
static int parking_status(weft_runtime *rt, int status) {
  if (status != WEFT_EBADF)
    return status;
  status = weft_cancel_point(rt);
  return status == WEFT_OK ? WEFT_ECLOSED : status;
}

/* As park_finish, but what is on the stack stays there until [deliver] has
 * made the results. */
static int finish_keeping(lua_State *L, struct host *host, int status,
                          uint64_t value, weft_lua_deliver deliver) {
  if (status != WEFT_PARKED)
    return deliver(L, status, value);
  host->job->deliver = deliver;
  host->yielded = YIELD_PARK;
  return lua_yield(L, lua_gettop(L));
}

/* -- Reading -------------------------------------------------------------- */

/* Takes [take] bytes off the buffer, fewer if there are not so many, and pushes
 * [code] or nil, then the first [keep] of them. */
static int deliver_bytes(lua_State *L, struct socket *s, int code, size_t take,
                         size_t keep) {
  const char *data;
  size_t size;
  int status = weft_stream_peek(s->host->rt, handle_of(s), &data, &size);
  if (status != WEFT_OK)
    return deliver_socket_status(L, status, 0);
  if (take < size)
    size = take;
  if (code == WEFT_OK)
    lua_pushnil(L);
  else
    lua_pushinteger(L, code);
  lua_pushlstring(L, data, keep < size ? keep : size);
  weft_stream_consume(s->host->rt, handle_of(s), size);
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
  int status = weft_stream_fill(host->rt, handle_of(s), seen, &value);
  return finish_keeping(L, host, parking_status(host->rt, status), value,
                        deliver);
}

static int deliver_read(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  size_t most = lua_isnil(L, 2) ? SIZE_MAX : (size_t)lua_tonumber(L, 2);
  if (status == WEFT_EEND)
    return 0;
  if (status != WEFT_OK)
    return deliver_socket_status(L, status, value);
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
    return deliver_socket_status(L, status, value);
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
  return finish_keeping(L, host, weft_checkpoint(host->rt), 0, deliver_exactly);
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
    return deliver_socket_status(L, status, value);
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
  weft_stream_consume(s->host->rt, handle_of(s), 0); /* no more looking at it */
  lua_pushinteger(L, WEFT_EOVERRUN);
  lua_pushnumber(L, (lua_Number)before);
  return 2;
}

/* Looks for the separator in what the last look has not seen. */
static int deliver_found(lua_State *L, struct socket *s) {
  const char *data;
  size_t size, sep_size, seen = (size_t)lua_tonumber(L, 4);
  const char *sep = lua_tolstring(L, 2, &sep_size);
  int status = weft_stream_peek(s->host->rt, handle_of(s), &data, &size);
  if (status != WEFT_OK)
    return deliver_socket_status(L, status, 0);
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
    return deliver_socket_status(L, status, value);
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
  int status = weft_stream_write(host->rt, handle_of(s), data, size);
  return finish_keeping(L, host, parking_status(host->rt, status), 0,
                        deliver_status);
}

/* stream_flush(socket) -> code */
static int stream_flush(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  park_check(L, host, "stream:flush");
  int status = weft_stream_flush(host->rt, handle_of(s));
  return finish_keeping(L, host, parking_status(host->rt, status), 0,
                        deliver_status);
}

/* stream_shutdown(socket) -> code */
static int stream_shutdown(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  park_check(L, host, "stream:shutdown");
  int status = weft_stream_shutdown(host->rt, handle_of(s));
  return finish_keeping(L, host, parking_status(host->rt, status), 0,
                        deliver_status);
}

/* -- The life of streams -------------------------------------------------- */

/* nil and the socket, which is on top of the stack. */
static int deliver_stream(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return deliver_socket_status(L, status, value);
  struct socket *s = lua_touserdata(L, -1);
  s->handle = value;
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  return 2;
}

/* tcp_connect(host, port) -> code; nil, socket */
static int tcp_connect(lua_State *L) {
  struct host *host = host_of(L);
  const char *name = luaL_checkstring(L, 1);
  int port = luaL_checkint(L, 2);
  uint64_t value;
  park_check(L, host, "weft.net.connect");
  push_socket(L, host, STREAM);
  int status = weft_tcp_connect(host->rt, name, port, &value);
  return finish_keeping(L, host, status, value, deliver_stream);
}

/* stream_close(socket): once it is closed, does nothing. */
static int stream_close(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_stream(L);
  weft_stream stream = handle_of(s);
  if (stream == 0)
    return 0;
  park_check(L, host, "stream:close");
  int status = weft_stream_close(host->rt, stream);
  s->handle = 0;
  return finish_keeping(L, host, status, 0, deliver_status);
}

/* stream_abort(socket): closes it without sending what is unsent. */
static int stream_abort(lua_State *L) {
  struct socket *s = check_stream(L);
  if (handle_of(s) != 0)
    weft_stream_abort(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

static int stream_is_open(lua_State *L) {
  lua_pushboolean(L, handle_of(check_stream(L)) != 0);
  return 1;
}

static int push_address(lua_State *L, struct host *host, int status,
                        weft_value *address) {
  if (status != WEFT_OK)
    return deliver_socket_status(L, status, 0);
  lua_pushnil(L);
  push_value(L, host, address);
  weft_value_unref(address);
  return 2;
}

/* stream_address(socket, whether it is the peer's) -> code; nil, text */
static int stream_address(lua_State *L) {
  struct socket *s = check_stream(L);
  weft_value *address;
  weft_runtime *rt = host_runtime(L, s->host, "the address of a stream");
  int status =
      weft_stream_address(rt, handle_of(s), lua_toboolean(L, 2), &address);
  return push_address(L, s->host, status, address);
}

/* -- Listeners ------------------------------------------------------------ */

/* tcp_listen(address, port, backlog) -> code; nil, socket */
static int tcp_listen(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.net.listen");
  const char *address = luaL_checkstring(L, 1);
  int port = luaL_checkint(L, 2), backlog = luaL_optint(L, 3, 0);
  struct socket *s = push_socket(L, host, LISTENER);
  int status = weft_tcp_listen(rt, address, port, backlog, &s->handle);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

static int deliver_accepted(lua_State *L, int status, uint64_t value) {
  struct socket *s = lua_touserdata(L, 1);
  s->busy = false;
  return deliver_stream(L, status, value);
}

/* listener_accept(socket) -> code; nil, socket of the connection */
static int listener_accept(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_listener(L);
  uint64_t value;
  park_check(L, host, "listener:accept");
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  lua_settop(L, 1);
  push_socket(L, host, STREAM);
  s->busy = true;
  int status = weft_listener_accept(host->rt, handle_of(s), &value);
  return finish_keeping(L, host, parking_status(host->rt, status), value,
                        deliver_accepted);
}

/* listener_address(socket) -> code; nil, text */
static int listener_address(lua_State *L) {
  struct socket *s = check_listener(L);
  weft_value *address;
  weft_runtime *rt = host_runtime(L, s->host, "listener:address");
  int status = weft_listener_address(rt, handle_of(s), &address);
  return push_address(L, s->host, status, address);
}

/* listener_check(socket) -> code, if nobody can accept now */
static int listener_check(lua_State *L) {
  struct socket *s = check_listener(L);
  if (handle_of(s) == 0)
    return deliver_status(L, WEFT_ECLOSED, 0);
  return deliver_status(L, s->busy ? WEFT_EBUSY : WEFT_OK, 0);
}

/* listener_close(socket): once it is closed, does nothing. */
static int listener_close(lua_State *L) {
  struct socket *s = check_listener(L);
  if (handle_of(s) != 0)
    weft_listener_close(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

/* -- What was collected open ---------------------------------------------- */

struct orphan {
  weft_stream stream; /* or 0 */
  weft_listener listener;
};

/* Copies an address to [text]; gives it back. */
static const char *address_text(int status, weft_value *address, char *text,
                                size_t size) {
  const char *data = "an unknown address";
  size_t length;
  if (status == WEFT_OK)
    weft_value_get_bytes(address, &data, &length);
  snprintf(text, size, "%s", data);
  weft_value_unref(address);
  return text;
}

static void describe_stream(weft_runtime *rt, weft_stream stream, char *text,
                            size_t size) {
  char own[96], peer[96];
  weft_value *address;
  int status = weft_stream_address(rt, stream, 0, &address);
  address_text(status, address, own, sizeof own);
  status = weft_stream_address(rt, stream, 1, &address);
  address_text(status, address, peer, sizeof peer);
  snprintf(text, size, "the stream from %s to %s; close it", own, peer);
}

static void describe_listener(weft_runtime *rt, weft_listener listener,
                              char *text, size_t size) {
  char own[96];
  weft_value *address;
  int status = weft_listener_address(rt, listener, &address);
  address_text(status, address, own, sizeof own);
  snprintf(text, size, "the listener on %s; close it", own);
}

static void close_orphan(weft_runtime *rt, void *arg) {
  const struct orphan *orphan = arg;
  char text[256];
  int status;
  weft_error *error;
  if (orphan->stream != 0) {
    describe_stream(rt, orphan->stream, text, sizeof text);
    status = weft_stream_abort(rt, orphan->stream);
  } else {
    describe_listener(rt, orphan->listener, text, sizeof text);
    status = weft_listener_close(rt, orphan->listener);
  }
  if (status != WEFT_OK)
    return;
  weft_error_new(WEFT_ESTATE, NULL, text, &error);
  weft_report(rt, WEFT_REPORT_UNCLOSED, 0, error);
  weft_error_unref(error);
}

/* A finaliser may run in the middle of anything, so it only queues the closing,
 * and with it the report. For want of memory the runtime's end closes it. */
static void queue_closing(struct socket *s, struct orphan found) {
  struct orphan *orphan = malloc(sizeof *orphan);
  if (orphan == NULL)
    return;
  *orphan = found;
  weft_call_soon(s->host->rt, close_orphan, orphan, free, NULL);
}

static int collect_stream(lua_State *L) {
  struct socket *s = lua_touserdata(L, 1);
  if (handle_of(s) != 0)
    queue_closing(s, (struct orphan){.stream = s->handle});
  return 0;
}

static int collect_listener(lua_State *L) {
  struct socket *s = lua_touserdata(L, 1);
  if (handle_of(s) != 0)
    queue_closing(s, (struct orphan){.listener = s->handle});
  return 0;
}

static void new_kind(lua_State *L, const char *kind, lua_CFunction collect) {
  luaL_newmetatable(L, kind);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

void open_net(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"tcp_connect", tcp_connect},
      {"tcp_listen", tcp_listen},
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
      {"listener_accept", listener_accept},
      {"listener_address", listener_address},
      {"listener_check", listener_check},
      {"listener_close", listener_close},
      {NULL, NULL}};
  new_kind(L, STREAM, collect_stream);
  new_kind(L, LISTENER, collect_listener);
  host_register(L, host, functions);
}
