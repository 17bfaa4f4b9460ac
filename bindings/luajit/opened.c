/* SPDX-License-Identifier: MIT
 * opened.c - what a program has open, and where it was opened: for tests, which
 * may leave nothing behind.
 *
 * While that is to be known, each socket is noted when it is made, in a table
 * that does not keep it alive. Else it costs a branch. Where it was made it
 * knows itself, with weft.debug{sites=true}. */
#include "socket.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void opened_note(lua_State *L, struct host *host) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->opened);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* opened_watch(on): from now on notes what is opened, or no more. */
static int opened_watch(lua_State *L) {
  struct host *host = host_of(L);
  luaL_unref(L, LUA_REGISTRYINDEX, host->opened);
  host->opened = LUA_NOREF;
  if (!lua_toboolean(L, 1))
    return 0;
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  host->opened = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

/* opened_forget(socket): it is not to be told of. */
static int opened_forget(lua_State *L) {
  struct host *host = host_of(L);
  luaL_checktype(L, 1, LUA_TUSERDATA);
  if (host->opened == LUA_NOREF)
    return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->opened);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  lua_rawset(L, -3);
  return 0;
}

/* -- What ----------------------------------------------------------------- */

static const struct socket_kind *kind_of(lua_State *L, int index) {
  lua_getmetatable(L, index);
  lua_getfield(L, -1, "__gc");
  lua_getupvalue(L, -1, 1);
  const struct socket_kind *kind = lua_touserdata(L, -1);
  lua_pop(L, 3);
  return kind;
}

static bool is_open(const struct socket *s, const struct socket_kind *kind) {
  uint64_t handle = socket_handle(s);
  if (handle == 0)
    return false;
  return kind->is_open == NULL || kind->is_open(s->host->rt, handle);
}

/* Adds to the list at [list] what the socket under the top of the stack is. */
static void add_open(lua_State *L, int list) {
  struct socket *s = lua_touserdata(L, -2);
  const struct socket_kind *kind = kind_of(L, lua_gettop(L) - 1);
  char text[512];
  if (!is_open(s, kind))
    return;
  kind->describe(s->host->rt, s->handle, text, sizeof text);
  lua_createtable(L, 0, 3);
  lua_pushstring(L, text);
  lua_setfield(L, -2, "text");
  lua_pushstring(L, s->place == NULL ? "" : s->place);
  lua_setfield(L, -2, "place");
  lua_pushnumber(L, (lua_Number)s->handle);
  lua_setfield(L, -2, "key");
  lua_rawseti(L, list, (int)lua_objlen(L, list) + 1);
}

/* opened_list() -> list of { text =, place =, key = } of what is open of
 * what was noted, in no order */
static int opened_list(lua_State *L) {
  struct host *host = host_of(L);
  lua_newtable(L);
  if (host->opened == LUA_NOREF)
    return 1;
  int list = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->opened);
  for (lua_pushnil(L); lua_next(L, list + 1) != 0; lua_pop(L, 1))
    add_open(L, list);
  lua_settop(L, list);
  return 1;
}

/* -- Descriptors ---------------------------------------------------------- */

/* Descriptors that are asked about by one call of the system's. */
enum { CHUNK = 256 };

/* Writes for each of the descriptors from [first] on whether it is open; gives
 * the number of those up to the last that is. One call for all costs less than
 * reading /proc. A process that may open fewer than a chunk is not told. */
static int look_at(int first, char open[CHUNK]) {
  struct pollfd fds[CHUNK];
  int end = 0;
  for (int i = 0; i < CHUNK; i++)
    fds[i] = (struct pollfd){.fd = first + i};
  if (poll(fds, CHUNK, 0) < 0)
    return 0;
  for (int i = 0; i < CHUNK; i++) {
    bool is_open = (fds[i].revents & POLLNVAL) == 0;
    open[i] = is_open ? '1' : '0';
    if (is_open)
      end = i + 1;
  }
  return end;
}

/* descriptors() -> a string, "1" for each descriptor that is open, "0" for
 * others. As the system gives out the lowest, it is not looked beyond a chunk
 * whose upper half is free. */
static int descriptors(lua_State *L) {
  char open[CHUNK];
  bool goes_on = true;
  luaL_Buffer found;
  luaL_buffinit(L, &found);
  for (int first = 0; goes_on; first += CHUNK) {
    int end = look_at(first, open);
    goes_on = end > CHUNK / 2;
    luaL_addlstring(&found, open, (size_t)(goes_on ? CHUNK : end));
  }
  luaL_pushresult(&found);
  return 1;
}

/* descriptor_name(number) -> what it is: a path, "socket:[1234]"; nil if it is
 * closed */
static int descriptor_name(lua_State *L) {
  char link[64], target[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", luaL_checkint(L, 1));
  ssize_t length = readlink(link, target, sizeof target);
  if (length < 0)
    return 0;
  lua_pushlstring(L, target, (size_t)length);
  return 1;
}

void open_opened(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {
      {"opened_watch", opened_watch},       {"opened_forget", opened_forget},
      {"opened_list", opened_list},         {"descriptors", descriptors},
      {"descriptor_name", descriptor_name}, {NULL, NULL}};
  host_register(L, host, functions);
}
