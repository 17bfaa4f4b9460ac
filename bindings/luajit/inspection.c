/* SPDX-License-Identifier: MIT
 * inspection.c - the inspection socket and the dump signal, for
 * lua/weft/inspect.lua, which answers. */
#include "host.h"

#include <unistd.h>

/* Pushes the bytes that the Lua side's answer(request) gave, of which the
 * second result tells whether they are the answer or what is wrong. */
static int take_answer(lua_State *L, weft_value **answer) {
  size_t size_bytes;
  const char *text = lua_tolstring(L, -2, &size_bytes);
  int status = lua_toboolean(L, -1) ? WEFT_OK : WEFT_EINVAL;
  if (text != NULL && weft_value_new_bytes(text, size_bytes, answer) != WEFT_OK)
    return WEFT_ENOMEM;
  return status;
}

static int on_request(weft_runtime *rt, void *arg, const char *request,
                      weft_value **answer) {
  struct host *host = arg;
  lua_State *L = host->L;
  (void)rt;
  host_push_function(L, host, "answer");
  lua_pushstring(L, request);
  int failed = lua_pcall(L, 1, 2, 0);
  int status = failed != 0 ? WEFT_EHOST : take_answer(L, answer);
  lua_pop(L, failed != 0 ? 1 : 2);
  return status;
}

/* inspect_open(path or nil) -> code; nil, path */
static int inspect_open(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.inspect");
  const char *path = NULL;
  int status =
      weft_inspect_open(rt, luaL_optstring(L, 1, NULL), on_request, host, NULL);
  if (status != WEFT_OK)
    return deliver_status(L, status, 0);
  weft_inspect_get_path(rt, &path);
  lua_pushnil(L);
  lua_pushstring(L, path);
  return 2;
}

/* inspect_path() -> where it is open; nil if it is not */
static int inspect_path(lua_State *L) {
  struct host *host = host_of(L);
  const char *path = NULL;
  if (host->rt != NULL)
    weft_inspect_get_path(host->rt, &path);
  lua_pushstring(L, path);
  return 1;
}

static int inspect_close(lua_State *L) {
  struct host *host = host_of(L);
  if (host->rt != NULL)
    weft_inspect_close(host->rt);
  return 0;
}

/* What the function raises is nobody's: it is a look at the program. */
static void on_dump(weft_runtime *rt, void *arg) {
  struct host *host = arg;
  (void)rt;
  host_push_function(host->L, host, "dump");
  if (lua_pcall(host->L, 0, 0, 0) != 0)
    lua_pop(host->L, 1);
}

/* dump_signal(number, 0 for none) -> code */
static int dump_signal(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, "weft.inspect");
  return deliver_status(L,
                        weft_set_dump_signal(rt, (int)luaL_checkinteger(L, 1),
                                             on_dump, host, NULL),
                        0);
}

/* process_id() -> the own one */
static int process_id(lua_State *L) {
  lua_pushnumber(L, (lua_Number)getpid());
  return 1;
}

/* is_main_thread() -> whether this thread is the process's first */
static int is_main_thread(lua_State *L) {
  lua_pushboolean(L, host_is_main_thread());
  return 1;
}

void open_inspection(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"inspect_open", inspect_open},
                                       {"inspect_path", inspect_path},
                                       {"inspect_close", inspect_close},
                                       {"dump_signal", dump_signal},
                                       {"process_id", process_id},
                                       {"is_main_thread", is_main_thread},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
