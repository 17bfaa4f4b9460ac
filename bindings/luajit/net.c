/* SPDX-License-Identifier: MIT
 * net.c - connecting, listening and accepting, for lua/weft/net.lua and
 * listener.lua. */
#include "socket.h"

#include <stdio.h>
#include <sys/un.h>

static struct socket *check_listener(lua_State *L) {
  return luaL_checkudata(L, 1, LISTENER);
}

/* -- Connecting ----------------------------------------------------------- */

/* Where addresses were tried, the error object that tells of each. */
static int deliver_connected(lua_State *L, int status, uint64_t value) {
  if (status == WEFT_OK || value == 0)
    return socket_deliver_open(L, status, value);
  weft_error *error = (weft_error *)(uintptr_t)value;
  lua_pushinteger(L, status);
  push_error(L, host_running, error);
  weft_error_unref(error);
  return 2;
}

/* tcp_connect(host, port) -> code, error object or nil; nil, socket */
static int tcp_connect(lua_State *L) {
  struct host *host = host_of(L);
  const char *name = luaL_checkstring(L, 1);
  int port = luaL_checkint(L, 2);
  uint64_t value;
  park_check(L, host, "weft.net.connect");
  socket_push(L, host, STREAM);
  int status = weft_tcp_connect(host->rt, name, port, &value);
  return socket_finish(L, host, status, value, deliver_connected);
}

/* unix_connect(path) -> code; nil, socket */
static int unix_connect(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = luaL_checkstring(L, 1);
  uint64_t value;
  park_check(L, host, "weft.net.connect");
  socket_push(L, host, STREAM);
  int status = weft_unix_connect(host->rt, path, &value);
  return socket_finish(L, host, status, value, socket_deliver_open);
}

/* unix_path_max() -> bytes */
static int unix_path_max(lua_State *L) {
  struct sockaddr_un address;
  lua_pushinteger(L, sizeof address.sun_path - 1);
  return 1;
}

/* -- Listeners ------------------------------------------------------------ */

/* tcp_listen(host or "*", port, backlog, reuseport, ipv6only) -> code; nil,
 * socket */
static int tcp_listen(lua_State *L) {
  struct host *host = host_of(L);
  const char *name = luaL_checkstring(L, 1);
  int port = luaL_checkint(L, 2), backlog = luaL_optint(L, 3, 0);
  int flags = (lua_toboolean(L, 4) ? WEFT_LISTEN_REUSEPORT : 0) |
              (lua_toboolean(L, 5) ? WEFT_LISTEN_IPV6ONLY : 0);
  uint64_t value;
  park_check(L, host, "weft.net.listen");
  socket_push(L, host, LISTENER);
  int status =
      weft_tcp_listen_all(host->rt, name, port, backlog, flags, &value);
  return socket_finish(L, host, status, value, socket_deliver_open);
}

/* unix_listen(path, mode, backlog) -> code; nil, socket */
static int unix_listen(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = luaL_checkstring(L, 1);
  int mode = luaL_optint(L, 2, 0), backlog = luaL_optint(L, 3, 0);
  weft_listener listener = 0;
  park_check(L, host, "weft.net.listen");
  socket_push(L, host, LISTENER);
  int status = weft_cancel_point(host->rt);
  if (status == WEFT_OK)
    status = weft_unix_listen(host->rt, path, mode, backlog, &listener);
  return socket_finish(L, host, status, listener, socket_deliver_open);
}

static int deliver_accepted(lua_State *L, int status, uint64_t value) {
  struct socket *s = lua_touserdata(L, 1);
  s->busy = false;
  return socket_deliver_open(L, status, value);
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
  socket_push(L, host, STREAM);
  s->busy = true;
  int status = weft_listener_accept(host->rt, socket_handle(s), &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver_accepted);
}

/* listener_address(socket) -> code; nil, text */
static int listener_address(lua_State *L) {
  struct socket *s = check_listener(L);
  weft_value *address;
  weft_runtime *rt = host_runtime(L, s->host, "listener:address");
  int status = weft_listener_address(rt, socket_handle(s), &address);
  return socket_push_address(L, s->host, status, address);
}

/* listener_addresses(socket) -> code; nil, list of texts */
static int listener_addresses(lua_State *L) {
  struct socket *s = check_listener(L);
  weft_value *addresses;
  weft_runtime *rt = host_runtime(L, s->host, "listener:addresses");
  int status = weft_listener_get_addresses(rt, socket_handle(s), &addresses);
  return socket_push_address(L, s->host, status, addresses);
}

/* listener_check(socket) -> code, if nobody can accept now */
static int listener_check(lua_State *L) {
  struct socket *s = check_listener(L);
  if (socket_handle(s) == 0)
    return deliver_status(L, WEFT_ECLOSED, 0);
  return deliver_status(L, s->busy ? WEFT_EBUSY : WEFT_OK, 0);
}

/* listener_close(socket): once it is closed, does nothing. */
static int listener_close(lua_State *L) {
  struct socket *s = check_listener(L);
  if (socket_handle(s) != 0)
    weft_listener_close(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

static void describe(weft_runtime *rt, weft_listener listener, char *text,
                     size_t size) {
  char own[160];
  weft_value *address;
  int status = weft_listener_address(rt, listener, &address);
  socket_address_text(status, address, own, sizeof own);
  snprintf(text, size, "the listener on %s", own);
}

void open_net(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {LISTENER, weft_listener_close,
                                          describe, "; close it", NULL};
  static const luaL_Reg functions[] = {
      {"tcp_connect", tcp_connect},
      {"unix_connect", unix_connect},
      {"unix_path_max", unix_path_max},
      {"tcp_listen", tcp_listen},
      {"unix_listen", unix_listen},
      {"listener_accept", listener_accept},
      {"listener_address", listener_address},
      {"listener_addresses", listener_addresses},
      {"listener_check", listener_check},
      {"listener_close", listener_close},
      {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
