/* SPDX-License-Identifier: MIT
 * callback.c - Lua functions that the core calls outside any task. */
#include "host.h"

#include <stdlib.h>

struct callback {
  struct host *host;
  int ref;     /* the function, in the registry */
  char *place; /* where it was made; NULL: that was not kept */
};

void *callback_new(lua_State *L, struct host *host, int function) {
  struct callback *callback = malloc(sizeof *callback);
  if (callback == NULL)
    return NULL;
  lua_pushvalue(L, function);
  callback->host = host;
  callback->place = site_copy(L, host);
  callback->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return callback;
}

/* What the function raises is reported by the Lua side. */
void callback_run(weft_runtime *rt, void *arg) {
  struct callback *callback = arg;
  lua_State *L = callback->host->L;
  (void)rt;
  host_push_function(L, callback->host, "run_callback");
  lua_rawgeti(L, LUA_REGISTRYINDEX, callback->ref);
  lua_pushstring(L, callback->place);
  if (lua_pcall(L, 2, 0, 0) != 0)
    lua_pop(L, 1); /* the report itself failed: there is nobody to tell */
}

void callback_drop(void *arg) {
  struct callback *callback = arg;
  luaL_unref(callback->host->main, LUA_REGISTRYINDEX, callback->ref);
  free(callback->place);
  free(callback);
}
