/* SPDX-License-Identifier: MIT
 * tls.c - TLS for Lua: weft.ext.tls, below lua/weft/tls.lua.
 *
 * Two kinds of userdata, each a pointer to an object of libweft_tls: a context
 * and what is known of a connection. The stream itself stays what it is. An
 * error comes as its code, its message and, where there is one, its detail. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "weft_lua.h"
#include "weft_tls.h"

#define CONTEXT "weft.ext.tls.context"
#define CONNECTION "weft.ext.tls.connection"

/* -- Userdata ------------------------------------------------------------- */

static void **new_box(lua_State *L, const char *kind) {
  void **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, kind);
  lua_setmetatable(L, -2);
  return box;
}

static weft_tls_context *to_context(lua_State *L, int index) {
  return *(void **)luaL_checkudata(L, index, CONTEXT);
}

static weft_tls *to_connection(lua_State *L) {
  return *(void **)luaL_checkudata(L, 1, CONNECTION);
}

/* The results of a call that does not park: nil, or the code. */
static int give_status(lua_State *L, int status) {
  if (status == WEFT_OK)
    return 0;
  lua_pushinteger(L, status);
  return 1;
}

/* The code, and of [error], which is not given back, what it says. */
static int push_error(lua_State *L, int status, const weft_error *error) {
  lua_pushinteger(L, status);
  if (error == NULL)
    return 1;
  lua_pushstring(L, weft_error_get_message(error));
  const weft_error *cause = weft_error_get_cause(error);
  if (cause == NULL)
    return 2;
  lua_pushstring(L, weft_error_get_message(cause));
  return 3;
}

/* The results of a setter, whose error is given back. */
static int give_outcome(lua_State *L, int status, weft_error *error) {
  int count = status == WEFT_OK ? 0 : push_error(L, status, error);
  weft_error_unref(error);
  return count;
}

/* -- Contexts ------------------------------------------------------------- */

/* context(whether it is a server's) -> nil, context */
static int context(lua_State *L) {
  int side = lua_toboolean(L, 1) ? WEFT_TLS_SERVER : WEFT_TLS_CLIENT;
  weft_tls_context *made;
  void **box = new_box(L, CONTEXT);
  int status = weft_tls_context_new(side, &made);
  *box = made;
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

static int context_collect(lua_State *L) {
  void **box = lua_touserdata(L, 1);
  weft_tls_context_unref(*box);
  *box = NULL;
  return 0;
}

/* set_certificate(context, certificate, key?, password?) -> nil */
static int set_certificate(lua_State *L) {
  weft_error *error;
  int status = weft_tls_context_set_certificate(
      to_context(L, 1), luaL_checkstring(L, 2), luaL_optstring(L, 3, NULL),
      luaL_optstring(L, 4, NULL), &error);
  return give_outcome(L, status, error);
}

/* add_host(context, name, other context) -> nil */
static int add_host(lua_State *L) {
  return give_status(L, weft_tls_context_add_host(to_context(L, 1),
                                                  luaL_checkstring(L, 2),
                                                  to_context(L, 3)));
}

/* add_ca(context, ca) -> nil */
static int add_ca(lua_State *L) {
  weft_error *error;
  int status =
      weft_tls_context_add_ca(to_context(L, 1), luaL_checkstring(L, 2), &error);
  return give_outcome(L, status, error);
}

/* add_crl(context, list) -> nil */
static int add_crl(lua_State *L) {
  weft_error *error;
  int status = weft_tls_context_add_crl(to_context(L, 1),
                                        luaL_checkstring(L, 2), &error);
  return give_outcome(L, status, error);
}

/* set_ciphers(context, list) -> nil */
static int set_ciphers(lua_State *L) {
  weft_error *error;
  int status = weft_tls_context_set_ciphers(to_context(L, 1),
                                            luaL_checkstring(L, 2), &error);
  return give_outcome(L, status, error);
}

/* set_verify(context, one of enum weft_tls_verify) -> nil */
static int set_verify(lua_State *L) {
  return give_status(
      L, weft_tls_context_set_verify(to_context(L, 1), luaL_checkint(L, 2)));
}

/* set_check_name(context, on) -> nil */
static int set_check_name(lua_State *L) {
  return give_status(L, weft_tls_context_set_check_name(to_context(L, 1),
                                                        lua_toboolean(L, 2)));
}

/* set_versions(context, min, max) -> nil */
static int set_versions(lua_State *L) {
  return give_status(L, weft_tls_context_set_versions(to_context(L, 1),
                                                      luaL_checkint(L, 2),
                                                      luaL_checkint(L, 3)));
}

/* add_protocol(context, name) -> nil */
static int add_protocol(lua_State *L) {
  return give_status(L, weft_tls_context_add_protocol(to_context(L, 1),
                                                      luaL_checkstring(L, 2)));
}

/* set_resume(context, on) -> nil */
static int set_resume(lua_State *L) {
  return give_status(
      L, weft_tls_context_set_resume(to_context(L, 1), lua_toboolean(L, 2)));
}

/* set_truncation(context, on) -> nil */
static int set_truncation(lua_State *L) {
  return give_status(L, weft_tls_context_set_truncation(to_context(L, 1),
                                                        lua_toboolean(L, 2)));
}

/* replace(context, fresh) -> nil */
static int replace(lua_State *L) {
  return give_status(
      L, weft_tls_context_replace(to_context(L, 1), to_context(L, 2)));
}

/* -- Handshakes ----------------------------------------------------------- */

static int deliver_connection(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return give_outcome(L, status, (weft_error *)(uintptr_t)value);
  lua_pushnil(L);
  *new_box(L, CONNECTION) = (weft_tls *)(uintptr_t)value;
  return 2;
}

/* A closed stream is that, and no bad handle. */
static int finish_handshake(lua_State *L, const struct weft_lua_api *api,
                            int status, uint64_t value) {
  if (status == WEFT_EBADF)
    status = WEFT_ECLOSED;
  return api->finish(L, status, value, deliver_connection);
}

/* client(socket of a stream, context, name?) -> nil, connection; or code,
 * message, detail */
static int client(lua_State *L) {
  const struct weft_lua_api *api = weft_lua_api(L);
  uint64_t value = 0;
  api->check_park(L, "a TLS handshake");
  int status =
      weft_tls_client(api->runtime(L), api->stream(L, 1), to_context(L, 2),
                      luaL_optstring(L, 3, NULL), &value);
  return finish_handshake(L, api, status, value);
}

/* server(socket of a stream, context) -> as client */
static int server(lua_State *L) {
  const struct weft_lua_api *api = weft_lua_api(L);
  uint64_t value = 0;
  api->check_park(L, "a TLS handshake");
  int status = weft_tls_server(api->runtime(L), api->stream(L, 1),
                               to_context(L, 2), &value);
  return finish_handshake(L, api, status, value);
}

/* -- Connections ---------------------------------------------------------- */

static int connection_collect(lua_State *L) {
  void **box = lua_touserdata(L, 1);
  weft_tls_close(*box);
  *box = NULL;
  return 0;
}

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* describe(connection) -> nil, table */
static int describe(lua_State *L) {
  const weft_tls *tls = to_connection(L);
  weft_value *certificate;
  int status = weft_tls_get_certificate(tls, &certificate);
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  lua_createtable(L, 0, 6);
  set_text(L, "version", weft_tls_get_version(tls));
  set_text(L, "cipher", weft_tls_get_cipher(tls));
  set_text(L, "alpn", weft_tls_get_protocol(tls));
  set_text(L, "server_name", weft_tls_get_server_name(tls));
  lua_pushboolean(L, weft_tls_is_resumed(tls));
  lua_setfield(L, -2, "resumed");
  if (certificate != NULL) {
    weft_lua_api(L)->push_value(L, certificate);
    lua_setfield(L, -2, "peer");
  }
  weft_value_unref(certificate);
  return 2;
}

/* failure(connection) -> nothing; or code, message, detail */
static int failure(lua_State *L) {
  const weft_error *error = weft_tls_get_error(to_connection(L));
  return error == NULL ? 0 : push_error(L, weft_error_get_code(error), error);
}

/* -- The module ----------------------------------------------------------- */

static void new_kind(lua_State *L, const char *kind, lua_CFunction collect) {
  luaL_newmetatable(L, kind);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

WEFT_API int luaopen_weft_ext_tls(lua_State *L);

int luaopen_weft_ext_tls(lua_State *L) {
  static const luaL_Reg functions[] = {{"context", context},
                                       {"set_certificate", set_certificate},
                                       {"add_host", add_host},
                                       {"add_ca", add_ca},
                                       {"add_crl", add_crl},
                                       {"set_ciphers", set_ciphers},
                                       {"set_verify", set_verify},
                                       {"set_check_name", set_check_name},
                                       {"set_versions", set_versions},
                                       {"add_protocol", add_protocol},
                                       {"set_resume", set_resume},
                                       {"set_truncation", set_truncation},
                                       {"replace", replace},
                                       {"client", client},
                                       {"server", server},
                                       {"describe", describe},
                                       {"failure", failure},
                                       {NULL, NULL}};
  if (weft_lua_api(L) == NULL)
    return luaL_error(L, "require \"weft\" before \"weft.ext.tls\"");
  new_kind(L, CONTEXT, context_collect);
  new_kind(L, CONNECTION, connection_collect);
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}
