/* SPDX-License-Identifier: MIT
 * limiter.c - limiters, for lua/weft/limiter.lua. */
#include "host.h"

/* limiter_new(total) -> nil, handle */
static int limiter_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.limiter");
  weft_limiter limiter;
  int status = weft_limiter_new(rt, (size_t)luaL_checknumber(L, 1), &limiter);
  return push_number(L, status, limiter);
}

static int limiter_acquire(lua_State *L) {
  struct host *host = host_of(L);
  park_check(L, host, "limiter:acquire");
  return park_finish(L, host, weft_limiter_acquire(host->rt, handle_at(L, 1)),
                     0, NULL);
}

static int limiter_try_acquire(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "limiter:try_acquire");
  return deliver_status(L, weft_limiter_try_acquire(rt, handle_at(L, 1)), 0);
}

static int limiter_release(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "limiter:release");
  return deliver_status(L, weft_limiter_release(rt, handle_at(L, 1)), 0);
}

static int limiter_set_total(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "limiter:set_total");
  return deliver_status(L,
                        weft_limiter_set_total(rt, handle_at(L, 1),
                                               (size_t)luaL_checknumber(L, 2)),
                        0);
}

/* limiter_counts(handle) -> nil, total, borrowed, waiting */
static int limiter_counts(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "limiter:statistics");
  weft_limiter limiter = handle_at(L, 1);
  size_t total, borrowed, waiting;
  int status = weft_limiter_get_total(rt, limiter, &total);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  weft_limiter_get_borrowed(rt, limiter, &borrowed);
  weft_limiter_get_waiting(rt, limiter, &waiting);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)total);
  lua_pushnumber(L, (lua_Number)borrowed);
  lua_pushnumber(L, (lua_Number)waiting);
  return 4;
}

void open_limiter(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"limiter_new", limiter_new},
      {"limiter_acquire", limiter_acquire},
      {"limiter_try_acquire", limiter_try_acquire},
      {"limiter_release", limiter_release},
      {"limiter_set_total", limiter_set_total},
      {"limiter_counts", limiter_counts},
      {NULL, NULL}};
  host_register(L, host, functions);
}
