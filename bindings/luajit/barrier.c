/* SPDX-License-Identifier: MIT
 * barrier.c - barriers, for lua/weft/barrier.lua. */
#include "host.h"

/* barrier_new(parties) -> nil, handle */
static int barrier_new(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "weft.barrier");
  weft_barrier barrier;
  int status = weft_barrier_new(rt, (size_t)luaL_checknumber(L, 1), &barrier);
  return push_number(L, status, barrier);
}

/* barrier_wait(handle) -> nil, index */
static int barrier_wait(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t value;
  park_check(L, host, "barrier:wait");
  int status = weft_barrier_wait(host->rt, handle_at(L, 1), &value);
  return park_finish(L, host, status, value, push_number);
}

static int barrier_reset(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "barrier:reset");
  return deliver_status(L, weft_barrier_reset(rt, handle_at(L, 1)), 0);
}

static int barrier_abort(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), "barrier:abort");
  return deliver_status(L, weft_barrier_abort(rt, handle_at(L, 1)), 0);
}

/* barrier_state(handle, call) -> nil, parties, waiting, broken */
static int barrier_state(lua_State *L) {
  weft_runtime *rt = host_runtime(L, host_of(L), luaL_checkstring(L, 2));
  weft_barrier barrier = handle_at(L, 1);
  size_t parties, waiting;
  int broken;
  int status = weft_barrier_get_parties(rt, barrier, &parties);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  weft_barrier_get_waiting(rt, barrier, &waiting);
  weft_barrier_is_broken(rt, barrier, &broken);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)parties);
  lua_pushnumber(L, (lua_Number)waiting);
  lua_pushboolean(L, broken);
  return 4;
}

void open_barrier(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"barrier_new", barrier_new},     {"barrier_wait", barrier_wait},
      {"barrier_reset", barrier_reset}, {"barrier_abort", barrier_abort},
      {"barrier_state", barrier_state}, {NULL, NULL}};
  host_register(L, host, functions);
}
