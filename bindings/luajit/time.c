/* SPDX-License-Identifier: MIT
 * time.c - the clock, sleeping, the run budget and calls, for lua/weft/time.lua
 * and lua/weft/call.lua. */
#include "host.h"

/* now(call or nil) -> seconds; [call] is who needs the time. */
static int now(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t now_ns;
  if (host->rt == NULL)
    host_runtime(L, host, luaL_optstring(L, 1, "weft.now"));
  weft_now(host->rt, &now_ns);
  lua_pushnumber(L, time_seconds(now_ns));
  return 1;
}

static int yield(lua_State *L) {
  struct host *host = park_begin(L, "weft.yield");
  int status = weft_yield(host->rt);
  return park_finish(host->active, host, status, 0, NULL);
}

/* checkpoint(call) -> code; [call] is for the message where it cannot park. */
static int checkpoint(lua_State *L) {
  struct host *host = host_of(L);
  park_check_as(L, host, 1);
  return park_finish(L, host, weft_checkpoint(host->rt), 0, NULL);
}

/* cancel_point(call) -> code: the first half of a slow parking call */
static int cancel_point(lua_State *L) {
  struct host *host = host_of(L);
  park_check_as(L, host, 1);
  return park_finish(L, host, weft_cancel_point(host->rt), 0, NULL);
}

/* spend(call) -> code: the second half */
static int spend(lua_State *L) {
  struct host *host = host_of(L);
  park_check_as(L, host, 1);
  return park_finish(L, host, weft_spend(host->rt), 0, NULL);
}

/* check_park(call): raises where a call cannot park, under that name. */
static int check_park(lua_State *L) {
  park_check(L, host_of(L), luaL_checkstring(L, 1));
  return 0;
}

/* budget() -> the address, for the FFI, of a pointer to the run budget: to the
 * core's word while a runtime runs, else to a word that is 0 */
static int budget(lua_State *L) {
  lua_pushlightuserdata(L, &host_of(L)->budget);
  return 1;
}

/* sleep(seconds) -> code. The caller has refused what is no time. */
static int sleep_for(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t wait = time_ns(lua_tonumber(L, 1));
  park_check(L, host, "weft.sleep");
  if (wait == 0)
    return park_finish(L, host, weft_yield(host->rt), 0, NULL);
  return park_finish(
      L, host, weft_sleep_until(host->rt, time_after(host->rt, wait)), 0, NULL);
}

static int sleep_until(lua_State *L) {
  struct host *host = park_begin(L, "weft.sleep_until");
  return park_finish(L, host,
                     weft_sleep_until(host->rt, time_ns(lua_tonumber(L, 1))), 0,
                     NULL);
}

/* -- Time in tests -------------------------------------------------------- */

/* clock_advance(seconds) -> code. The caller has refused what is no span. */
static int clock_advance(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t span = time_ns(lua_tonumber(L, 1));
  park_check(L, host, "clock:advance");
  return park_finish(L, host, weft_clock_advance(host->rt, span), 0, NULL);
}

static int wait_all_parked(lua_State *L) {
  struct host *host = park_begin(L, "wait_all_parked");
  return park_finish(L, host, weft_wait_all_parked(host->rt), 0, NULL);
}

/* -- Calls ---------------------------------------------------------------- */

static int push_timer(lua_State *L, int status, weft_timer timer) {
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)timer);
  return 2;
}

/* call_at(time or nil for soon, fn, call) -> nil, handle */
static int call_at(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt =
      host_runtime(L, host, luaL_optstring(L, 3, "weft.call_soon"));
  luaL_checktype(L, 2, LUA_TFUNCTION);
  void *callback = callback_new(L, host, 2);
  weft_timer timer;
  if (callback == NULL)
    return deliver_status(L, WEFT_ENOMEM, 0);
  int status =
      lua_isnil(L, 1)
          ? weft_call_soon(rt, callback_run, callback, callback_drop, &timer)
          : weft_call_at(rt, time_ns(lua_tonumber(L, 1)), callback_run,
                         callback, callback_drop, &timer);
  return push_timer(L, status, timer);
}

/* call_soon(fn, call) -> code: a call that nobody will cancel */
static int call_soon(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, luaL_checkstring(L, 2));
  luaL_checktype(L, 1, LUA_TFUNCTION);
  void *callback = callback_new(L, host, 1);
  int status = WEFT_ENOMEM;
  if (callback != NULL)
    status = weft_call_soon(rt, callback_run, callback, callback_drop, NULL);
  return deliver_status(L, status, 0);
}

/* call_cancel(handle) -> whether that prevented the call */
static int call_cancel(lua_State *L) {
  struct host *host = host_of(L);
  int prevented = 0;
  if (host->rt != NULL)
    weft_timer_cancel(host->rt, handle_at(L, 1), &prevented);
  lua_pushboolean(L, prevented);
  return 1;
}

/* call_close(handle): nobody will cancel it any more. */
static int call_close(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_timer_close(host->rt, handle_at(L, 1));
  return 0;
}

void open_time(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"now", now},
                                       {"yield", yield},
                                       {"checkpoint", checkpoint},
                                       {"cancel_point", cancel_point},
                                       {"spend", spend},
                                       {"check_park", check_park},
                                       {"budget", budget},
                                       {"sleep", sleep_for},
                                       {"sleep_until", sleep_until},
                                       {"clock_advance", clock_advance},
                                       {"wait_all_parked", wait_all_parked},
                                       {"call_at", call_at},
                                       {"call_soon", call_soon},
                                       {"call_cancel", call_cancel},
                                       {"call_close", call_close},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
