/* SPDX-License-Identifier: MIT
 * thread.c - pools of worker threads with Lua states of their own, for
 * lua/weft/thread.lua.
 *
 * A call is packed into a parcel, which a worker opens, and in which it sends
 * the results back. The parcel is held by its Lua object and, while it is under
 * way, by the job: an abandoned one outlives the task that sent it. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL "weft.WorkerPool"
#define PARCEL "weft.Parcel"

/* -- Pools ---------------------------------------------------------------- */

struct pool {
  struct host *host;
  uint64_t run_id;
  weft_workers handle;
};

static weft_workers pool_handle(const struct pool *pool) {
  bool is_here = pool->host->rt != NULL && pool->host->run_id == pool->run_id;
  return is_here ? pool->handle : 0;
}

static struct pool *check_pool(lua_State *L, int index) {
  return luaL_checkudata(L, index, POOL);
}

static int pool_collect(lua_State *L) {
  weft_workers handle = pool_handle(lua_touserdata(L, 1));
  struct pool *pool = lua_touserdata(L, 1);
  if (handle != 0)
    weft_workers_close(pool->host->rt, handle);
  pool->handle = 0;
  return 0;
}

static const char *package_field(lua_State *L, const char *name) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  return luaL_optstring(L, -1, "");
}

static int new_workers(lua_State *L, weft_runtime *rt, weft_workers *handle) {
  size_t workers_max = (size_t)luaL_checknumber(L, 1);
  int status = weft_workers_new(rt, workers_max, 0, handle);
  if (status != WEFT_OK)
    return status;
  const char *path = package_field(L, "path");
  const char *cpath = package_field(L, "cpath");
  struct settings *settings = settings_new(path, cpath);
  lua_pop(L, 2);
  if (settings == NULL)
    return WEFT_ENOMEM;
  return weft_workers_set_local(rt, *handle, worker_open, worker_close,
                                settings, settings_free);
}

/* workers_new(most, idle or nil, call) -> nil, pool */
static int workers_new(lua_State *L) {
  struct host *host = host_of(L);
  weft_runtime *rt = host_runtime(L, host, luaL_checkstring(L, 3));
  struct pool *pool = lua_newuserdata(L, sizeof *pool);
  *pool = (struct pool){host, host->run_id, 0};
  luaL_getmetatable(L, POOL);
  lua_setmetatable(L, -2);
  int status = new_workers(L, rt, &pool->handle);
  if (status == WEFT_OK && lua_isnumber(L, 2))
    weft_workers_set_idle(rt, pool->handle, time_ns(lua_tonumber(L, 2)));
  if (status != WEFT_OK) {
    weft_workers_close(rt, pool->handle);
    pool->handle = 0;
    return deliver_status(L, status, 0);
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* workers_shutdown(pool, immediate): one that is gone is left alone. */
static int workers_shutdown(lua_State *L) {
  struct pool *pool = check_pool(L, 1);
  weft_workers handle = pool_handle(pool);
  if (handle != 0)
    weft_workers_shutdown(pool->host->rt, handle, lua_toboolean(L, 2));
  return 0;
}

/* processors() -> the number of them */
static int processors(lua_State *L) {
  lua_pushnumber(L, (lua_Number)weft_processors());
  return 1;
}

static int deliver_join(lua_State *L, int status, uint64_t value) {
  return deliver_status(L, status == WEFT_EBADF ? WEFT_OK : status, value);
}

/* workers_join(pool) -> code. One that has gone is joined. */
static int workers_join(lua_State *L) {
  struct host *host = host_of(L);
  struct pool *pool = check_pool(L, 1);
  park_check(L, host, "executor:shutdown");
  weft_workers handle = pool_handle(pool);
  int status = handle == 0 ? weft_checkpoint(host->rt)
                           : weft_workers_join(host->rt, handle);
  return park_finish(L, host, status, 0, deliver_join);
}

/* workers_counts(pool) -> threads, running, queued; nothing if it is gone. */
static int workers_counts(lua_State *L) {
  struct pool *pool = check_pool(L, 1);
  weft_workers handle = pool_handle(pool);
  size_t threads, running, queued;
  if (handle == 0 || weft_workers_get_counts(pool->host->rt, handle, &threads,
                                             &running, &queued) != WEFT_OK)
    return 0;
  lua_pushnumber(L, (lua_Number)threads);
  lua_pushnumber(L, (lua_Number)running);
  lua_pushnumber(L, (lua_Number)queued);
  return 3;
}

/* -- Parcels -------------------------------------------------------------- */

struct parcel_ref {
  struct parcel *parcel; /* NULL once it was let go */
};

static int parcel_collect(lua_State *L) {
  struct parcel_ref *ref = lua_touserdata(L, 1);
  if (ref->parcel != NULL)
    parcel_release(ref->parcel);
  ref->parcel = NULL;
  return 0;
}

static struct parcel *check_parcel(lua_State *L, int index) {
  struct parcel_ref *ref = luaL_checkudata(L, index, PARCEL);
  luaL_argcheck(L, ref->parcel != NULL, index, "the parcel is gone");
  return ref->parcel;
}

static struct parcel_ref *push_parcel(lua_State *L) {
  struct parcel_ref *ref = lua_newuserdata(L, sizeof *ref);
  ref->parcel = NULL;
  luaL_getmetatable(L, PARCEL);
  lua_setmetatable(L, -2);
  return ref;
}

/* Keeps where the function at [index] is defined. */
static void note_source(lua_State *L, int index, struct parcel *parcel) {
  lua_Debug ar;
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &ar);
  parcel->line = ar.linedefined;
  memcpy(parcel->source, ar.short_src, sizeof parcel->source);
}

/* pack(call, fn, ...) -> parcel of the call fn(...). Raises an ArgumentError
 * for what cannot be copied. */
static int pack(lua_State *L) {
  struct host *host = host_of(L);
  const char *call = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  struct parcel_ref *ref = push_parcel(L);
  lua_insert(L, 2); /* it is freed, whatever is raised */
  ref->parcel = parcel_new();
  if (ref->parcel == NULL)
    return host_fail(L, host, WEFT_ENOMEM, NULL);
  ref->parcel->host = host;
  note_source(L, 3, ref->parcel);
  pack_values(L, call, 3, true, &ref->parcel->bytes);
  lua_settop(L, 2);
  return 1;
}

/* may_pack(value) -> whether it can be copied. */
static int try_pack(lua_State *L) {
  struct bytes *bytes = lua_touserdata(L, 1);
  lua_remove(L, 1);
  pack_values(L, "", 1, false, bytes);
  return 0;
}

static int may_pack(lua_State *L) {
  struct bytes bytes = {0};
  lua_settop(L, 1);
  lua_pushcfunction(L, try_pack);
  lua_pushlightuserdata(L, &bytes);
  lua_pushvalue(L, 1);
  bool packed = lua_pcall(L, 2, 0, 0) == 0;
  bytes_clear(&bytes);
  lua_pushboolean(L, packed);
  return 1;
}

/* unpack(parcel) -> what the worker has packed; the parcel is empty then. */
static int unpack(lua_State *L) {
  struct parcel *parcel = check_parcel(L, 1);
  struct bytes *bytes = &parcel->bytes;
  int count = unpack_values(L, bytes->data, bytes->size);
  bytes_clear(bytes);
  return count;
}

/* parcel_text(parcel) -> its bytes, where they are a text */
static int parcel_text(lua_State *L) {
  struct parcel *parcel = check_parcel(L, 1);
  lua_pushlstring(L, parcel->bytes.data, parcel->bytes.size);
  return 1;
}

/* -- Running -------------------------------------------------------------- */

/* For the report, the Lua side opens the parcel: abandoned(code, parcel). */
static void report_abandoned(struct parcel *parcel, int status) {
  lua_State *L = parcel->host->L;
  host_push_function(L, parcel->host, "abandoned");
  lua_pushinteger(L, status);
  struct parcel_ref *ref = push_parcel(L);
  parcel->references++;
  ref->parcel = parcel;
  if (lua_pcall(L, 2, 0, 0) != 0)
    lua_pop(L, 1); /* the report itself failed: there is nobody to tell */
}

static void work_done(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct parcel *parcel = arg;
  (void)value;
  parcel->ended = true;
  parcel->status = status;
  if (parcel->task != 0)
    weft_wake(rt, parcel->task, status, 0);
  else if (parcel->abandoned)
    report_abandoned(parcel, status);
}

static int abandon_work(weft_runtime *rt, const struct parcel *parcel) {
  char name[LUA_IDSIZE + 40];
  snprintf(name, sizeof name, "the function at %s:%d", parcel->source,
           parcel->line);
  return weft_work_abandon(rt, parcel->work, name);
}

/* The task that waits is cancelled. */
static int withdraw(weft_runtime *rt, void *arg) {
  struct parcel *parcel = arg;
  int status = parcel->abandon ? abandon_work(rt, parcel)
                               : weft_work_cancel(rt, parcel->work);
  if (status == WEFT_OK)
    return WEFT_OK;
  if (!parcel->abandon || status == WEFT_ESTATE)
    return WEFT_PARKED;
  parcel->abandoned = true;
  parcel->task = 0;
  return WEFT_OK;
}

static int start(struct host *host, const struct pool *pool,
                 struct parcel *parcel, bool abandon) {
  weft_workers workers = pool_handle(pool);
  if (workers == 0)
    return WEFT_ECLOSED;
  parcel->abandon = abandon;
  parcel->references++;
  return weft_work_start(host->rt, workers, worker_run, work_done, parcel,
                         parcel_release, &parcel->work);
}

static int wait(struct host *host, struct parcel *parcel, bool kept) {
  uint64_t value;
  parcel->task = host->job->task;
  return weft_park(host->rt, "thread", kept ? NULL : withdraw, parcel, &value);
}

/* work_start(pool, parcel, abandon) -> code: queues the job. Who spawns a task
 * for work_wait then does so at once. */
static int work_start(lua_State *L) {
  struct host *host = host_of(L);
  struct pool *pool = check_pool(L, 1);
  struct parcel *parcel = check_parcel(L, 2);
  int status = start(host, pool, parcel, lua_toboolean(L, 3) != 0);
  return deliver_status(L, status, 0);
}

/* work_wait(parcel, call) -> code. In code that is cancelled already, a job
 * that runs is waited for all the same. */
static int work_wait(lua_State *L) {
  struct host *host = host_of(L);
  struct parcel *parcel = check_parcel(L, 1);
  park_check_as(L, host, 2);
  if (parcel->ended)
    return deliver_status(L, parcel->status, 0);
  int status = weft_cancel_point(host->rt);
  if (status == WEFT_OK)
    status = wait(host, parcel, false);
  else if (status == WEFT_ECANCELLED &&
           withdraw(host->rt, parcel) == WEFT_PARKED)
    status = wait(host, parcel, true);
  return park_finish(L, host, status, 0, deliver_status);
}

/* work_run(pool, parcel, abandon, call) -> code; nil if the parcel has come
 * back, to be unpacked. */
static int work_run(lua_State *L) {
  struct host *host = host_of(L);
  struct pool *pool = check_pool(L, 1);
  struct parcel *parcel = check_parcel(L, 2);
  park_check_as(L, host, 4);
  int status = weft_cancel_point(host->rt);
  if (status == WEFT_OK)
    status = start(host, pool, parcel, lua_toboolean(L, 3) != 0);
  if (status == WEFT_OK)
    status = wait(host, parcel, false);
  return park_finish(L, host, status, 0, deliver_status);
}

/* -- The module ----------------------------------------------------------- */

/* pack_setup(functions): what packing calls of the Lua side's, by name. */
static int pack_setup(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  return 0;
}

static void new_type(lua_State *L, const char *name, lua_CFunction collect) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

void open_thread(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"workers_new", workers_new},
                                       {"workers_shutdown", workers_shutdown},
                                       {"processors", processors},
                                       {"workers_join", workers_join},
                                       {"workers_counts", workers_counts},
                                       {"pack", pack},
                                       {"may_pack", may_pack},
                                       {"unpack", unpack},
                                       {"parcel_text", parcel_text},
                                       {"pack_setup", pack_setup},
                                       {"work_run", work_run},
                                       {"work_start", work_start},
                                       {"work_wait", work_wait},
                                       {NULL, NULL}};
  new_type(L, POOL, pool_collect);
  new_type(L, PARCEL, parcel_collect);
  host_register(L, host, functions);
}
