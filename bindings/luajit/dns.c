/* SPDX-License-Identifier: MIT
 * dns.c - looking up names, for lua/weft/dns.lua, and whose resolver does it.
 *
 * The library libweft_dns is loaded when the first name is looked up, in
 * whatever way that comes about, and becomes the runtime's resolver if it is
 * there; it lies beside libweft. Without it the C library is asked. */
#include "host.h"

#include <dlfcn.h>

#define LIBRARY "libweft_dns.so.0"

/* -- The resolver --------------------------------------------------------- */

typedef int (*use_fn)(weft_runtime *rt);

/* NULL if the library is not there. It stays loaded. */
static use_fn find_library(void) {
  void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library == NULL ? NULL : dlsym(library, "weft_dns_use");
  return (use_fn)(uintptr_t)symbol;
}

/* Puts the library's resolver, or none, in its own place. */
static int start_first(weft_runtime *rt, void *arg, weft_resolve lookup,
                       const char *host, int family, void **operation) {
  (void)arg, (void)lookup, (void)host, (void)family, (void)operation;
  use_fn use = find_library();
  if (use == NULL || use(rt) != WEFT_OK)
    weft_set_resolver(rt, NULL, NULL, NULL, NULL);
  return WEFT_ENOSYS;
}

static void cancel_none(weft_runtime *rt, void *arg, void *operation) {
  (void)rt, (void)arg, (void)operation;
}

void dns_set_up(weft_runtime *rt) {
  weft_set_resolver(rt, start_first, cancel_none, NULL, NULL);
}

/* -- Calls ---------------------------------------------------------------- */

static int deliver_value(lua_State *L, int status, uint64_t number) {
  weft_value *value = (weft_value *)(uintptr_t)number;
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  lua_pushnil(L);
  push_value(L, host_running, value);
  weft_value_unref(value);
  return 2;
}

/* dns_lookup(host, family or 0) -> code; nil, list of addresses */
static int dns_lookup(lua_State *L) {
  struct host *host = host_of(L);
  const char *name = luaL_checkstring(L, 1);
  int family = luaL_checkint(L, 2);
  uint64_t value = 0;
  park_check(L, host, "weft.dns.lookup");
  int status = weft_dns_lookup_family(host->rt, name, family, &value);
  return park_finish(L, host, status, value, deliver_value);
}

/* dns_reverse(address) -> code; nil, name */
static int dns_reverse(lua_State *L) {
  struct host *host = host_of(L);
  const char *address = luaL_checkstring(L, 1);
  uint64_t value = 0;
  park_check(L, host, "weft.dns.reverse");
  int status = weft_dns_reverse(host->rt, address, &value);
  return park_finish(L, host, status, value, deliver_value);
}

void open_dns(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"dns_lookup", dns_lookup}, {"dns_reverse", dns_reverse}, {NULL, NULL}};
  host_register(L, host, functions);
}
