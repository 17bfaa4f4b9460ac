/* SPDX-License-Identifier: MIT
 * dns.c - asking for records: weft.ext.dns, below lua/weft/dns.lua.
 *
 * A resolver is a userdata with a pointer to the object of libweft_dns, NULL
 * once it is closed. The Lua side keeps it while a query is under way. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "weft_dns.h"
#include "weft_lua.h"

#define RESOLVER "weft.ext.dns.resolver"

static int give_status(lua_State *L, int status) {
  if (status == WEFT_OK)
    return 0;
  lua_pushinteger(L, status);
  return 1;
}

static weft_dns *check_resolver(lua_State *L) {
  weft_dns **box = luaL_checkudata(L, 1, RESOLVER);
  return *box;
}

/* resolver() -> code; nil, resolver */
static int resolver(lua_State *L) {
  weft_runtime *rt = weft_lua_api(L)->runtime(L);
  weft_dns **box = lua_newuserdata(L, sizeof *box), *made = NULL;
  *box = NULL;
  luaL_getmetatable(L, RESOLVER);
  lua_setmetatable(L, -2);
  int status = rt == NULL ? WEFT_ESTATE : weft_dns_new(rt, &made);
  *box = made;
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* close(resolver) */
static int close_resolver(lua_State *L) {
  weft_dns **box = luaL_checkudata(L, 1, RESOLVER);
  weft_dns *open = *box;
  *box = NULL;
  weft_dns_close(open);
  return 0;
}

/* set_servers(resolver, text) -> code */
static int set_servers(lua_State *L) {
  weft_dns *dns = check_resolver(L);
  const char *servers = luaL_checkstring(L, 2);
  return give_status(L, dns == NULL ? WEFT_ECLOSED
                                    : weft_dns_set_servers(dns, servers));
}

/* set_timeout(resolver, seconds, attempts) -> code */
static int set_timeout(lua_State *L) {
  weft_dns *dns = check_resolver(L);
  uint64_t timeout_ns = (uint64_t)(luaL_checknumber(L, 2) * 1e9);
  int attempts = luaL_checkint(L, 3);
  return give_status(L, dns == NULL
                            ? WEFT_ECLOSED
                            : weft_dns_set_timeout(dns, timeout_ns, attempts));
}

static int deliver_records(lua_State *L, int status, uint64_t number) {
  weft_value *value = (weft_value *)(uintptr_t)number;
  if (status != WEFT_OK)
    return give_status(L, status);
  lua_pushnil(L);
  weft_lua_api(L)->push_value(L, value);
  weft_value_unref(value);
  return 2;
}

/* query(resolver, name, kind) -> code; nil, list of records */
static int query(lua_State *L) {
  const struct weft_lua_api *api = weft_lua_api(L);
  weft_dns *dns = check_resolver(L);
  const char *name = luaL_checkstring(L, 2), *kind = luaL_checkstring(L, 3);
  uint64_t value = 0;
  api->check_park(L, "weft.dns.resolve");
  int status = dns == NULL
                   ? WEFT_ECLOSED
                   : weft_dns_query(api->runtime(L), dns, name, kind, &value);
  return api->finish(L, status, value, deliver_records);
}

WEFT_API int luaopen_weft_ext_dns(lua_State *L);

int luaopen_weft_ext_dns(lua_State *L) {
  static const luaL_Reg functions[] = {{"resolver", resolver},
                                       {"close", close_resolver},
                                       {"set_servers", set_servers},
                                       {"set_timeout", set_timeout},
                                       {"query", query},
                                       {NULL, NULL}};
  if (weft_lua_api(L) == NULL)
    return luaL_error(L, "require \"weft\" before \"weft.ext.dns\"");
  luaL_newmetatable(L, RESOLVER);
  lua_pushcfunction(L, close_resolver);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}
