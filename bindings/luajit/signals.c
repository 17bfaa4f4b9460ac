/* SPDX-License-Identifier: MIT
 * signals.c - iterators of signals, for lua/weft/signals.lua. */
#include "socket.h"

#include <stdio.h>

#define SIGNALS "weft.SignalsHandle"

static struct socket *check_signals(lua_State *L) {
  return luaL_checkudata(L, 1, SIGNALS);
}

/* signals_new() -> code; nil, socket */
static int signals_new(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.signals");
  struct socket *s = socket_push(L, host, SIGNALS);
  int status = weft_signals_new(rt, &s->handle);
  return socket_deliver_open(L, status, s->handle);
}

/* signals_add(socket, number) -> code */
static int signals_add(lua_State *L) {
  struct socket *s = check_signals(L);
  weft_runtime *rt = host_runtime(L, s->host, "weft.signals");
  return socket_deliver_status(
      L, weft_signals_add(rt, socket_handle(s), luaL_checkint(L, 2)), 0);
}

/* nil and the signal's name */
static int deliver_signal(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  lua_pushnil(L);
  lua_pushstring(L, weft_signal_name((int)value));
  return 2;
}

/* signals_next(socket) -> code; nil, name */
static int signals_next(lua_State *L) {
  struct host *host = host_of(L);
  struct socket *s = check_signals(L);
  uint64_t value = 0;
  park_check(L, host, "signals:next");
  int status = weft_signals_next(host->rt, socket_handle(s), &value);
  return socket_finish(L, host, socket_parking_status(host->rt, status), value,
                       deliver_signal);
}

/* signals_is_pending(socket) -> whether one has come that nobody has taken */
static int signals_is_pending(lua_State *L) {
  struct socket *s = check_signals(L);
  int pending = 0;
  if (socket_handle(s) != 0)
    weft_signals_is_pending(s->host->rt, s->handle, &pending);
  lua_pushboolean(L, pending);
  return 1;
}

/* signals_close(socket): once it is closed, does nothing. */
static int signals_close(lua_State *L) {
  struct socket *s = check_signals(L);
  if (socket_handle(s) != 0)
    weft_signals_close(s->host->rt, s->handle);
  s->handle = 0;
  return 0;
}

static void describe(weft_runtime *rt, weft_signals signals, char *text,
                     size_t size) {
  (void)rt;
  (void)signals;
  snprintf(text, size, "an iterator of signals");
}

void open_signals(lua_State *L, struct host *host) {
  static const struct socket_kind kind = {SIGNALS, weft_signals_close, describe,
                                          "; close it", NULL};
  static const luaL_Reg functions[] = {
      {"signals_new", signals_new},
      {"signals_add", signals_add},
      {"signals_next", signals_next},
      {"signals_is_pending", signals_is_pending},
      {"signals_close", signals_close},
      {NULL, NULL}};
  socket_new_kind(L, &kind);
  host_register(L, host, functions);
}
