/* SPDX-License-Identifier: MIT
 * http.c - the HTTP client for Lua: weft.ext.http, below lua/weft/http.lua.
 *
 * Three kinds of userdata, each a pointer to the object of libweft_http, NULL
 * once it is closed. A collected one closes its object: no Lua runs inside
 * the library, so a finaliser cannot arrive in the middle of it. The Lua side
 * keeps what it has passed to a parking call. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "weft_http.h"
#include "weft_lua.h"

#define SESSION "weft.ext.http.session"
#define REQUEST "weft.ext.http.request"
#define RESPONSE "weft.ext.http.response"

#define NS_PER_S 1e9

/* -- Userdata ------------------------------------------------------------- */

static void **new_box(lua_State *L, const char *kind) {
  void **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, kind);
  lua_setmetatable(L, -2);
  return box;
}

static void **check_box(lua_State *L, int index, const char *kind) {
  return luaL_checkudata(L, index, kind);
}

/* The results of a call that does not park: nil, or the code. */
static int give_status(lua_State *L, int status) {
  if (status == WEFT_OK)
    return 0;
  lua_pushinteger(L, status);
  return 1;
}

/* The results of one that makes the object in the box on top: nil and it. */
static int give_box(lua_State *L, int status) {
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* A string without a zero byte; NULL for nil, and for one with a zero byte,
 * which no part of a head can have. */
static const char *to_text(lua_State *L, int index) {
  size_t size_bytes;
  if (lua_isnoneornil(L, index))
    return NULL;
  const char *text = luaL_checklstring(L, index, &size_bytes);
  return strlen(text) == size_bytes ? text : NULL;
}

static size_t to_size(lua_State *L, int index) {
  lua_Number number = luaL_checknumber(L, index);
  return number >= 0 && number < 9007199254740992.0 ? (size_t)number : SIZE_MAX;
}

/* -- Sessions ------------------------------------------------------------- */

static weft_http_session *to_session(lua_State *L) {
  return *check_box(L, 1, SESSION);
}

/* session() -> nil, session */
static int session(lua_State *L) {
  weft_runtime *rt = weft_lua_api(L)->runtime(L);
  void **box = new_box(L, SESSION);
  weft_http_session *made = NULL;
  int status = rt == NULL ? WEFT_ESTATE : weft_http_session_new(rt, &made);
  *box = made;
  return give_box(L, status);
}

/* session_close(session) -> nil */
static int session_close(lua_State *L) {
  void **box = check_box(L, 1, SESSION);
  weft_http_session *open = *box;
  *box = NULL;
  weft_http_session_close(open);
  return 0;
}

/* For what may be nil, where a string that is no text must not count as it. */
static int set_optional(lua_State *L,
                        int (*set)(weft_http_session *, const char *)) {
  const char *text = to_text(L, 2);
  if (text == NULL && !lua_isnoneornil(L, 2))
    return give_status(L, WEFT_EINVAL);
  return give_status(L, set(to_session(L), text));
}

/* set_user_agent(session, text?) -> nil */
static int set_user_agent(lua_State *L) {
  return set_optional(L, weft_http_session_set_user_agent);
}

/* set_ca_file(session, path?) -> nil */
static int set_ca_file(lua_State *L) {
  return set_optional(L, weft_http_session_set_ca_file);
}

/* set_verify(session, on) -> nil */
static int set_verify(lua_State *L) {
  return give_status(
      L, weft_http_session_set_verify(to_session(L), lua_toboolean(L, 2)));
}

/* set_limits(session, total, host) -> nil */
static int set_limits(lua_State *L) {
  return give_status(L, weft_http_session_set_limits(
                            to_session(L), to_size(L, 2), to_size(L, 3)));
}

/* count(session) -> nil, number */
static int count(lua_State *L) {
  const weft_http_session *open = to_session(L);
  size_t requests = 0;
  int status = open == NULL ? WEFT_ECLOSED
                            : weft_http_session_get_count(open, &requests);
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)requests);
  return 2;
}

/* -- Requests ------------------------------------------------------------- */

static weft_http_request *to_request(lua_State *L, int index) {
  return *check_box(L, index, REQUEST);
}

/* request(method, url, spent?) -> nil, request: in a userdata of its own or in
 * that of a request which was performed. */
static int request(lua_State *L) {
  const char *method = to_text(L, 1), *url = to_text(L, 2);
  weft_http_request *made;
  lua_settop(L, 3);
  void **box = lua_isnil(L, 3) ? new_box(L, REQUEST) : check_box(L, 3, REQUEST);
  luaL_argcheck(L, *box == NULL, 3, "it was not performed");
  int status = weft_http_request_new(method, url, &made);
  *box = made;
  return give_box(L, status);
}

/* A transfer under way has the request for as long as it needs it. */
static void spend_request(lua_State *L, int index) {
  void **box = lua_touserdata(L, index);
  weft_http_request_close(*box);
  *box = NULL;
}

static int request_collect(lua_State *L) {
  spend_request(L, 1);
  return 0;
}

/* add_header, add_param, add_field(request, name, value) -> nil */
static int add_header(lua_State *L) {
  return give_status(L, weft_http_request_add_header(
                            to_request(L, 1), to_text(L, 2), to_text(L, 3)));
}

static int add_param(lua_State *L) {
  return give_status(L, weft_http_request_add_param(
                            to_request(L, 1), to_text(L, 2), to_text(L, 3)));
}

static int add_field(lua_State *L) {
  return give_status(L, weft_http_request_add_field(
                            to_request(L, 1), to_text(L, 2), to_text(L, 3)));
}

/* set_body(request, data) -> nil */
static int set_body(lua_State *L) {
  size_t size_bytes;
  const char *data = luaL_checklstring(L, 2, &size_bytes);
  return give_status(
      L, weft_http_request_set_body(to_request(L, 1), data, size_bytes));
}

/* set_basic(request, user, password) -> nil */
static int set_basic(lua_State *L) {
  return give_status(L, weft_http_request_set_basic(
                            to_request(L, 1), to_text(L, 2), to_text(L, 3)));
}

/* set_bearer(request, token) -> nil */
static int set_bearer(lua_State *L) {
  return give_status(
      L, weft_http_request_set_bearer(to_request(L, 1), to_text(L, 2)));
}

/* set_redirects_max(request, count) -> nil */
static int set_redirects_max(lua_State *L) {
  return give_status(
      L, weft_http_request_set_redirects_max(to_request(L, 1), to_size(L, 2)));
}

/* set_body_max(request, bytes) -> nil */
static int set_body_max(lua_State *L) {
  return give_status(
      L, weft_http_request_set_body_max(to_request(L, 1), to_size(L, 2)));
}

/* set_decode(request, on) -> nil */
static int set_decode(lua_State *L) {
  return give_status(
      L, weft_http_request_set_decode(to_request(L, 1), lua_toboolean(L, 2)));
}

/* set_stream(request, on) -> nil */
static int set_stream(lua_State *L) {
  return give_status(
      L, weft_http_request_set_stream(to_request(L, 1), lua_toboolean(L, 2)));
}

/* -- Parking calls -------------------------------------------------------- */

/* The code and the message of the error in [value], which is given back. */
static int give_error(lua_State *L, int status, uint64_t value) {
  weft_error *error = (weft_error *)(uintptr_t)value;
  lua_pushinteger(L, status);
  if (error == NULL)
    return 1;
  lua_pushstring(L, weft_error_get_message(error));
  weft_error_unref(error);
  return 2;
}

/* -- What has come -------------------------------------------------------- */

static void push_time(lua_State *L, const weft_http_response *open,
                      enum weft_http_time point) {
  lua_pushnumber(L, (lua_Number)weft_http_response_get_time(open, (int)point) /
                        NS_PER_S);
}

/* Names and values, each with a zero byte behind it, as they stand one after
 * the other: what becomes of them is made when it is asked for
 * (lua/weft/http_response.lua). */
static void push_headers(lua_State *L, const weft_http_response *open) {
  size_t size = weft_http_response_get_header_count(open);
  if (size == 0) {
    lua_pushliteral(L, "");
    return;
  }
  const char *first = weft_http_response_get_header_name(open, 0);
  const char *last = weft_http_response_get_header_value(open, size - 1);
  lua_pushlstring(L, first, (size_t)(last + strlen(last) + 1 - first));
}

/* All but the body: status, version, reason, url, redirects, seconds until the
 * response, the connection, its TLS and the first byte, headers. */
static int push_head(lua_State *L, const weft_http_response *open) {
  lua_pushinteger(L, weft_http_response_get_status(open));
  lua_pushnumber(L, weft_http_response_get_version(open) / 10.0);
  lua_pushstring(L, weft_http_response_get_reason(open));
  lua_pushstring(L, weft_http_response_get_url(open));
  lua_pushinteger(L, (lua_Integer)weft_http_response_get_redirects(open));
  push_time(L, open, WEFT_HTTP_TIME_TOTAL);
  push_time(L, open, WEFT_HTTP_TIME_CONNECTED);
  push_time(L, open, WEFT_HTTP_TIME_SECURED);
  push_time(L, open, WEFT_HTTP_TIME_FIRST_BYTE);
  push_headers(L, open);
  return 10;
}

static int deliver_response(lua_State *L, int status, uint64_t value) {
  weft_http_response *open = (weft_http_response *)(uintptr_t)value;
  if (status != WEFT_OK)
    return give_error(L, status, value);
  lua_pushnil(L);
  *new_box(L, RESPONSE) = open;
  return 2 + push_head(L, open);
}

static int deliver_whole(lua_State *L, int status, uint64_t value) {
  weft_http_response *open = (weft_http_response *)(uintptr_t)value;
  const char *data;
  size_t size_bytes;
  if (status != WEFT_OK)
    return give_error(L, status, value);
  lua_pushnil(L);
  weft_http_response_peek(open, &data, &size_bytes);
  lua_pushlstring(L, data, size_bytes);
  int count = 2 + push_head(L, open);
  weft_http_response_close(open);
  return count;
}

/* perform(session, request, whole) -> nil, response or the whole body, then the
 * head; or code, message. The request is spent. */
static int perform(lua_State *L) {
  const struct weft_lua_api *api = weft_lua_api(L);
  uint64_t value = 0;
  api->check_park(L, "an HTTP request");
  weft_http_session *open = to_session(L);
  weft_http_request *asked = to_request(L, 2);
  int status = WEFT_ECLOSED;
  if (open != NULL)
    status = weft_http_perform(api->runtime(L), open, asked, &value);
  spend_request(L, 2);
  return api->finish(L, status, value,
                     lua_toboolean(L, 3) ? deliver_whole : deliver_response);
}

static int deliver_fill(lua_State *L, int status, uint64_t value) {
  return status == WEFT_OK ? 0 : give_error(L, status, value);
}

/* fill(response) -> nil; or code, message */
static int fill(lua_State *L) {
  const struct weft_lua_api *api = weft_lua_api(L);
  uint64_t value = 0;
  api->check_park(L, "reading an HTTP response");
  weft_http_response *open = *check_box(L, 1, RESPONSE);
  int status = WEFT_ECLOSED;
  if (open != NULL)
    status = weft_http_response_fill(api->runtime(L), open, &value);
  return api->finish(L, status, value, deliver_fill);
}

/* -- Responses ------------------------------------------------------------ */

/* response_close(response) -> nil */
static int response_close(lua_State *L) {
  void **box = check_box(L, 1, RESPONSE);
  weft_http_response *open = *box;
  *box = NULL;
  weft_http_response_close(open);
  return 0;
}

/* take(response, max?) -> nil, bytes: what is there, at most [max] of it */
static int take(lua_State *L) {
  weft_http_response *open = *check_box(L, 1, RESPONSE);
  size_t max_bytes = lua_isnoneornil(L, 2) ? SIZE_MAX : to_size(L, 2);
  const char *data;
  size_t size_bytes;
  if (open == NULL)
    return give_status(L, WEFT_ECLOSED);
  weft_http_response_peek(open, &data, &size_bytes);
  if (size_bytes > max_bytes)
    size_bytes = max_bytes;
  lua_pushnil(L);
  lua_pushlstring(L, data, size_bytes);
  weft_http_response_consume(open, size_bytes);
  return 2;
}

/* -- The module ----------------------------------------------------------- */

static void new_kind(lua_State *L, const char *kind, lua_CFunction collect) {
  luaL_newmetatable(L, kind);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

WEFT_API int luaopen_weft_ext_http(lua_State *L);

int luaopen_weft_ext_http(lua_State *L) {
  static const luaL_Reg functions[] = {{"session", session},
                                       {"session_close", session_close},
                                       {"set_user_agent", set_user_agent},
                                       {"set_ca_file", set_ca_file},
                                       {"set_verify", set_verify},
                                       {"set_limits", set_limits},
                                       {"count", count},
                                       {"request", request},
                                       {"add_header", add_header},
                                       {"add_param", add_param},
                                       {"add_field", add_field},
                                       {"set_body", set_body},
                                       {"set_basic", set_basic},
                                       {"set_bearer", set_bearer},
                                       {"set_redirects_max", set_redirects_max},
                                       {"set_body_max", set_body_max},
                                       {"set_decode", set_decode},
                                       {"set_stream", set_stream},
                                       {"perform", perform},
                                       {"fill", fill},
                                       {"response_close", response_close},
                                       {"take", take},
                                       {NULL, NULL}};
  if (weft_lua_api(L) == NULL)
    return luaL_error(L, "require \"weft\" before \"weft.ext.http\"");
  new_kind(L, SESSION, session_close);
  new_kind(L, REQUEST, request_collect);
  new_kind(L, RESPONSE, response_close);
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}
