/* SPDX-License-Identifier: MIT
 * udp.c - UDP sockets, for lua/weft/udp.lua.
 *
 * Receiving is the core's wait, then a look at the datagram when the task runs
 * again. So that no other task takes it in between, a socket is marked from the
 * one to the other. */
#include "socket.h"

#include <stdio.h>
#include <string.h>

#define UDP "weft.UdpSocket"

static struct socket *check_udp(lua_State *L) {
  return luaL_checkudata(L, 1, UDP);
}

/* -- Life ----------------------------------------------------------------- */

/* udp_open(address, port, reuseaddr, reuseport, ipv6only) -> code; nil, socket
 */
static int udp_open(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.net.udp");
  const char *address = luaL_checkstring(L, 1);
  int port = luaL_checkint(L, 2);
  int flags = (lua_toboolean(L, 3) ? WEFT_UDP_REUSEADDR : 0) |
              (lua_toboolean(L, 4) ? WEFT_UDP_REUSEPORT : 0) |
              (lua_toboolean(L, 5) ? WEFT_UDP_IPV6ONLY : 0);
  struct socket *s = socket_push(L, host, UDP);
  int status = weft_udp_open(rt, address, port, flags, &s->handle);
  return socket_deliver_open(L, status, s->handle);
}

/* udp_close(socket): once it is closed, does nothing. */
static int udp_close(lua_State *L) {
  struct socket *s = check_udp(L);
  if (socket_handle(s) != 0)
    weft_udp_close(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

/* udp_address(socket, whether it is the peer's) -> code; nil, text */
static int udp_address(lua_State *L) {
  struct socket *s = check_udp(L);
  weft_value *address;
  weft_runtime *rt = host_runtime(L, s->host, "the address of a socket");
  int status =
      weft_udp_address(rt, socket_handle(s), lua_toboolean(L, 2), &address);
  return socket_push_address(L, s->host, status, address);
}

static void describe(weft_runtime *rt, weft_udp udp, char *text, size_t size) {
  char own[96];
  weft_value *address;
  int status = weft_udp_address(rt, udp, 0, &address);
  socket_address_text(status, address, own, sizeof own);
  snprintf(text, size, "the UDP socket on %s", own);
}

/* -- Sending and connecting ----------------------------------------------- */

/* udp_send(socket, data, host or nil, port or nil) -> code */
static int udp_send(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_udp(L);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  const char *name = luaL_optstring(L, 3, NULL);
  int port = luaL_optint(L, 4, 0);
  park_check(L, host, "udp:send");
  int status =
      weft_udp_send(host->rt, socket_handle(s), data, size, name, port);
  return socket_finish(L, host, socket_parking_status(host->rt, status), 0,
                       deliver_status);
}

/* udp_connect(socket, host or nil, port or nil) -> code */
static int udp_connect(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_udp(L);
  const char *name = luaL_optstring(L, 2, NULL);
  int port = luaL_optint(L, 3, 0);
  park_check(L, host, "udp:connect");
  int status = weft_udp_connect(host->rt, socket_handle(s), name, port);
  return socket_finish(L, host, socket_parking_status(host->rt, status), 0,
                       deliver_status);
}

/* -- Receiving ------------------------------------------------------------ */

/* Pushes "127.0.0.1:53" or "[::1]:53", and its host and port. */
static void push_sender(lua_State *L, const char *text, size_t size) {
  const char *colon = text + size;
  while (colon > text && colon[-1] != ':')
    colon--;
  size_t host_size = colon > text ? (size_t)(colon - text) - 1 : 0;
  bool bracketed = host_size >= 2 && *text == '[';
  lua_pushlstring(L, text, size);
  lua_pushlstring(L, text + bracketed, host_size - 2 * (size_t)bracketed);
  lua_Number port = 0;
  for (; *colon >= '0' && *colon <= '9'; colon++)
    port = port * 10 + (*colon - '0');
  lua_pushnumber(L, port);
}

static int deliver_datagram(lua_State *L, int status, uint64_t value) {
  struct socket *s = lua_touserdata(L, 1);
  weft_runtime *rt = s->host->rt;
  weft_udp udp = socket_handle(s);
  const char *data, *text;
  size_t size, text_size;
  weft_value *sender = NULL;
  s->busy = false;
  if (status == WEFT_OK)
    status = weft_udp_peek(rt, udp, &data, &size);
  if (status == WEFT_OK)
    status = weft_udp_sender(rt, udp, &sender);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  lua_pushnil(L);
  lua_pushlstring(L, data, size);
  weft_value_get_bytes(sender, &text, &text_size);
  push_sender(L, text, text_size);
  weft_value_unref(sender);
  weft_udp_consume(rt, udp);
  return 5;
}

/* udp_receive(socket) -> code; nil, data, address, host, port */
static int udp_receive(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_udp(L);
  uint64_t value = 0;
  park_check(L, host, "udp:receive");
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  lua_settop(L, 1);
  s->busy = true;
  int status = weft_udp_receive(host->rt, socket_handle(s), &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver_datagram);
}

/* -- Options and groups --------------------------------------------------- */

static int option_at(lua_State *L, int index) {
  static const char *const names[] = {
      "broadcast",   "ttl", "multicast_ttl", "multicast_loop", "receive_buffer",
      "send_buffer", NULL};
  return luaL_checkoption(L, index, NULL, names) + WEFT_UDP_BROADCAST;
}

/* udp_set_option(socket, name, number) -> code */
static int udp_set_option(lua_State *L) {
  struct socket *s = check_udp(L);
  weft_runtime *rt = host_runtime(L, s->host, "an option of a socket");
  int option = option_at(L, 2);
  int status =
      weft_udp_set_option(rt, socket_handle(s), option, luaL_checkint(L, 3));
  return socket_deliver_status(L, status, 0);
}

/* udp_get_option(socket, name) -> code; nil, number */
static int udp_get_option(lua_State *L) {
  struct socket *s = check_udp(L);
  weft_runtime *rt = host_runtime(L, s->host, "an option of a socket");
  int number;
  int status =
      weft_udp_get_option(rt, socket_handle(s), option_at(L, 2), &number);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushinteger(L, number);
  return 2;
}

/* udp_set_interface(socket, interface or nil) -> code */
static int udp_set_interface(lua_State *L) {
  struct socket *s = check_udp(L);
  weft_runtime *rt = host_runtime(L, s->host, "udp:set_multicast_interface");
  int status =
      weft_udp_set_interface(rt, socket_handle(s), luaL_optstring(L, 2, NULL));
  return socket_deliver_status(L, status, 0);
}

static int change_groups(lua_State *L, const char *call,
                         int (*change)(weft_runtime *, weft_udp, const char *,
                                       const char *)) {
  struct socket *s = check_udp(L);
  weft_runtime *rt = host_runtime(L, s->host, call);
  int status = change(rt, socket_handle(s), luaL_checkstring(L, 2),
                      luaL_optstring(L, 3, NULL));
  return socket_deliver_status(L, status, 0);
}

/* udp_join(socket, group, interface or nil) -> code */
static int udp_join(lua_State *L) {
  return change_groups(L, "udp:join", weft_udp_join);
}

/* udp_leave(socket, group, interface or nil) -> code */
static int udp_leave(lua_State *L) {
  return change_groups(L, "udp:leave", weft_udp_leave);
}

void open_udp(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {UDP, weft_udp_close, describe,
                                          "; close it", NULL};
  static const luaL_Reg functions[] = {{"udp_open", udp_open},
                                       {"udp_close", udp_close},
                                       {"udp_address", udp_address},
                                       {"udp_send", udp_send},
                                       {"udp_connect", udp_connect},
                                       {"udp_receive", udp_receive},
                                       {"udp_set_option", udp_set_option},
                                       {"udp_get_option", udp_get_option},
                                       {"udp_set_interface", udp_set_interface},
                                       {"udp_join", udp_join},
                                       {"udp_leave", udp_leave},
                                       {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
