/* SPDX-License-Identifier: MIT
 * main_collector.c - how often the weft program collects garbage.
 *
 * Left alone, LuaJIT collects when there is as much garbage as is alive, and
 * each time visits all that is alive. weft's modules are half a megabyte, so a
 * small program that echoes messages of 4 KiB visited them every 150 messages.
 * Here more comes together if it is of large blocks, up to a megabyte more:
 * these are few and cheap to free, and with what else is garbage still fit the
 * processor's second cache. Small objects are better used again before they
 * have left the first ones, so of them there is no more than else.
 *
 * The end of a collection is told by the finalizer of an object which nobody
 * has; a new one takes its place. A script that sets the pause itself is left
 * alone. */
#include "main_collector.h"

#include "main_memory.h"

/* The most garbage that may be there besides as much as is alive. */
#define MORE_MAX_KB 1024
/* LuaJIT's pause: what is in use at the next collection, in percent of what is
 * alive. */
#define USUAL_PAUSE 200

/* What was so at the end of a collection. */
struct paced {
  int pause;          /* for the next one */
  size_t large_bytes; /* that had been allocated */
};

static void pace(lua_State *L, const struct paced *last);

static int on_collected(lua_State *L) {
  pace(L, lua_touserdata(L, 1));
  return 0;
}

/* on_collected is called after the next collection. */
static int leave_sentinel(lua_State *L) {
  struct paced *paced = lua_newuserdata(L, sizeof *paced);
  *paced = *(const struct paced *)lua_touserdata(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, on_collected);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return 0;
}

/* Without memory it is LuaJIT's way from now on. */
static void watch(lua_State *L, struct paced *paced) {
  if (lua_cpcall(L, leave_sentinel, paced) == 0)
    return;
  lua_pop(L, 1);
  lua_gc(L, LUA_GCSETPAUSE, USUAL_PAUSE);
}

/* As much more may come together as was of large blocks since the last time;
 * where all are large it grows to the most in two or three collections. */
static int next_pause(int alive_kb, size_t large_kb) {
  int more_kb = large_kb < MORE_MAX_KB ? (int)large_kb : MORE_MAX_KB;
  return USUAL_PAUSE + 100 * more_kb / (alive_kb > 0 ? alive_kb : 1);
}

static void pace(lua_State *L, const struct paced *last) {
  size_t large_bytes = memory_large_bytes();
  int pause = next_pause(lua_gc(L, LUA_GCCOUNT, 0),
                         (large_bytes - last->large_bytes) / 1024);
  struct paced paced = {pause, large_bytes};
  int found = lua_gc(L, LUA_GCSETPAUSE, pause);
  if (found == last->pause)
    watch(L, &paced);
  else
    lua_gc(L, LUA_GCSETPAUSE, found);
}

void collector_pace(lua_State *L) {
  struct paced paced = {USUAL_PAUSE, memory_large_bytes()};
  watch(L, &paced);
}
