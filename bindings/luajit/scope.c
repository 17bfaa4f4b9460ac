/* SPDX-License-Identifier: MIT
 * scope.c - scopes, for lua/weft/scope.lua. */
#include "host.h"

#include <math.h>

/* A deadline at [index]: nil is none, a number of seconds of the clock. */
static uint64_t deadline_at(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ? UINT64_MAX
                                   : time_ns(lua_tonumber(L, index));
}

static int push_opened(lua_State *L, struct host *host, int status,
                       weft_scope scope) {
  if (status == WEFT_OK) {
    host->job->depth++;
    host->yielded = YIELD_NONE;
    site_note(L, host, scope);
    lua_pushnumber(L, (lua_Number)scope);
    return 1;
  }
  lua_pushnil(L);
  lua_pushinteger(L, status);
  return 2;
}

/* [seconds] stand at 1, and the name of the call at 2. */
static int open_after(lua_State *L, int shield) {
  struct host *host = host_of(L);
  park_check_as(L, host, 2);
  uint64_t timeout = time_ns(lua_tonumber(L, 1));
  weft_scope scope;
  int status = weft_scope_open_after(host->rt, timeout, shield, &scope);
  return push_opened(L, host, status, scope);
}

/* scope_after(seconds, call) -> handle, or nil and the code */
static int scope_after(lua_State *L) {
  return open_after(L, 0);
}

/* scope_shield(seconds, call): as scope_after, with a shield */
static int scope_shield(lua_State *L) {
  return open_after(L, 1);
}

/* scope_at(time or nil, shield, call) -> handle, or nil and the code */
static int scope_at(lua_State *L) {
  struct host *host = host_of(L);
  park_check_as(L, host, 3);
  weft_scope scope;
  int status =
      weft_scope_open(host->rt, deadline_at(L, 1), lua_toboolean(L, 2), &scope);
  return push_opened(L, host, status, scope);
}

/* Whether to tell that nothing has waited in the scope: not each time, for that
 * costs, and there may be nobody who wants to know. */
static bool is_to_tell(struct host *host) {
  return host->yielded == YIELD_NONE && (++host->left_count & 7) == 0;
}

/* Pushes nothing, if the scope was not cancelled, or false: see is_to_tell.
 * Else code or nil of what goes on, what was caught: 0, 1 (cancel) or 2
 * (deadline), and whether it had been cancelled. */
static int leave(lua_State *L, int outcome) {
  struct host *host = host_of(L);
  weft_scope scope = (weft_scope)lua_tonumber(L, 1);
  int caught, cancelled = 0;
  if (*host->budget <= 0) /* else nothing here is cancelled */
    weft_scope_is_cancelled(host->rt, scope, &cancelled);
  int status = weft_scope_leave(host->rt, scope, outcome, &caught);
  if (status == WEFT_OK || status == WEFT_ECANCELLED)
    host->job->depth--;
  site_forget(L, host, scope);
  if (status == WEFT_OK && !cancelled) {
    bool tells = is_to_tell(host);
    if (tells)
      lua_pushboolean(L, 0);
    return tells;
  }
  if (status == WEFT_OK)
    lua_pushnil(L);
  else
    lua_pushinteger(L, status);
  lua_pushinteger(L, caught);
  lua_pushboolean(L, cancelled);
  return 3;
}

/* scope_leave(handle): its body has returned, or failed. */
static int scope_leave(lua_State *L) {
  return leave(L, WEFT_OK);
}

/* scope_unwind(handle): its body has raised Cancelled. */
static int scope_unwind(lua_State *L) {
  return leave(L, WEFT_ECANCELLED);
}

/* -- For compiled code ----------------------------------------------------
 *
 * Called by FFI: within compiled code that costs less than to leave it for a C
 * function and come back. Nothing that the core does for these runs Lua. Which
 * coroutine calls is not known; where it could be another than the active one,
 * that one is not yieldable, unless a script resumes with a coroutine.resume
 * that it has kept from before weft was loaded. */

/* The handle of a scope with a deadline, or 0: scope_after knows why not. */
double scope_open_direct(struct host *host, double seconds) {
  weft_scope scope;
  if (*host->budget <= 1 || host->sites || !lua_isyieldable(host->active) ||
      weft_scope_open_after(host->rt, time_ns(seconds), 0, &scope) != WEFT_OK)
    return 0;
  host->job->depth++;
  host->yielded = YIELD_NONE;
  return (double)scope;
}

/* Leaves a scope whose body has returned, if it is not cancelled. */
int scope_leave_direct(struct host *host, double scope) {
  int caught;
  if (*host->budget <= 0 || host->sites ||
      weft_scope_leave(host->rt, (weft_scope)scope, WEFT_OK, &caught) !=
          WEFT_OK)
    return DIRECT_FAILED;
  host->job->depth--;
  return host->yielded == YIELD_NONE ? DIRECT_LEFT : DIRECT_LEFT_LATE;
}

/* -- Looking, changing ---------------------------------------------------- */

static int scope_cancel(lua_State *L) {
  struct host *host = host_of(L);
  weft_value *reason;
  int status = to_value(L, host, 2, &reason);
  if (status == WEFT_OK)
    status = host->rt == NULL
                 ? WEFT_EBADF
                 : weft_scope_cancel(host->rt, handle_at(L, 1), reason);
  weft_value_unref(reason);
  return deliver_status(L, status, 0);
}

/* scope_is_cancelled(handle) -> boolean, or nil if it is closed */
static int scope_is_cancelled(lua_State *L) {
  struct host *host = host_of(L);
  int cancelled;
  if (host->rt == NULL ||
      weft_scope_is_cancelled(host->rt, handle_at(L, 1), &cancelled) != WEFT_OK)
    return 0;
  lua_pushboolean(L, cancelled);
  return 1;
}

/* scope_deadline(handle) -> time, or nil if it has none or is closed */
static int scope_deadline(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t deadline;
  if (host->rt == NULL ||
      weft_scope_get_deadline(host->rt, handle_at(L, 1), &deadline) !=
          WEFT_OK ||
      deadline == UINT64_MAX)
    return 0;
  lua_pushnumber(L, time_seconds(deadline));
  return 1;
}

/* scope_reschedule(handle, time or nil) -> code or nil */
static int scope_reschedule(lua_State *L) {
  struct host *host = host_of(L);
  int status = host->rt == NULL
                   ? WEFT_EBADF
                   : weft_scope_set_deadline(host->rt, handle_at(L, 1),
                                             deadline_at(L, 2));
  return deliver_status(L, status, 0);
}

static int scope_set_shield(lua_State *L) {
  struct host *host = host_of(L);
  int status = host->rt == NULL
                   ? WEFT_EBADF
                   : weft_scope_set_shield(host->rt, handle_at(L, 1),
                                           lua_toboolean(L, 2));
  return deliver_status(L, status, 0);
}

/* scope_current() -> handle of the innermost scope, nil outside a task */
static int scope_current(lua_State *L) {
  struct host *host = host_of(L);
  weft_scope scope;
  if (host->active == NULL || weft_scope_current(host->rt, &scope) != WEFT_OK)
    return 0;
  lua_pushnumber(L, (lua_Number)scope);
  return 1;
}

/* current_deadline() -> time, nil if none, -inf in cancelled code */
static int current_deadline(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t deadline;
  weft_scope scope;
  int source;
  weft_value *reason;
  weft_error *cause;
  park_check(L, host, "weft.current_deadline");
  weft_cancellation(host->rt, &scope, &source, &reason, &cause);
  weft_current_deadline(host->rt, &deadline);
  if (source != WEFT_SOURCE_NONE)
    lua_pushnumber(L, -HUGE_VAL);
  else if (deadline == UINT64_MAX)
    lua_pushnil(L);
  else
    lua_pushnumber(L, time_seconds(deadline));
  return 1;
}

/* The name of an enum weft_cancel_source, NULL for none. */
static const char *source_name(int source) {
  static const char *const names[] = {NULL,       "cancel", "deadline", "group",
                                      "shutdown", "signal", "close"};
  return names[source];
}

/* cancellation() -> scope handle, source, reason, cause of the running code's
 * cancellation; nothing if it is not cancelled */
static int cancellation(lua_State *L) {
  struct host *host = host_of(L);
  weft_scope scope;
  int source;
  weft_value *reason;
  weft_error *cause;
  if (host->active == NULL ||
      weft_cancellation(host->rt, &scope, &source, &reason, &cause) !=
          WEFT_OK ||
      source == WEFT_SOURCE_NONE)
    return 0;
  lua_pushnumber(L, (lua_Number)scope);
  lua_pushstring(L, source_name(source));
  push_value(L, host, reason);
  push_error(L, host, cause);
  return 4;
}

void open_scope(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"scope_after", scope_after},
      {"scope_at", scope_at},
      {"scope_shield", scope_shield},
      {"scope_leave", scope_leave},
      {"scope_unwind", scope_unwind},
      {"scope_cancel", scope_cancel},
      {"scope_is_cancelled", scope_is_cancelled},
      {"scope_deadline", scope_deadline},
      {"scope_reschedule", scope_reschedule},
      {"scope_set_shield", scope_set_shield},
      {"scope_current", scope_current},
      {"current_deadline", current_deadline},
      {"cancellation", cancellation},
      {NULL, NULL}};
  host_register(L, host, functions);
}
