/* SPDX-License-Identifier: MIT
 * worker.c - what runs in a worker thread: its Lua state, and jobs in it.
 *
 * The state is made for the thread's first job and lives as long as the
 * thread. It finds modules where the state that made the pool does, and has the
 * binding preloaded: the program may have it linked in. What comes and goes is
 * bytes, in a parcel; between two jobs the state belongs to nobody. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include <lualib.h>

/* A state that has grown so far is swept when a job has ended; in KiB. */
enum { SWEEP_MIN = 16 * 1024 };

struct worker {
  lua_State *L;
  int number;        /* from 1, in the pool */
  int swept;         /* KiB in use after the last sweep */
  bool ready;        /* the modules are loaded */
  char failure[512]; /* why not */
};

/* -- Parcels -------------------------------------------------------------- */

struct parcel *parcel_new(void) {
  struct parcel *parcel = calloc(1, sizeof *parcel);
  if (parcel != NULL)
    parcel->references = 1;
  return parcel;
}

void parcel_release(void *arg) {
  struct parcel *parcel = arg;
  if (--parcel->references > 0)
    return;
  bytes_clear(&parcel->bytes);
  free(parcel);
}

/* -- Settings ------------------------------------------------------------- */

struct settings *settings_new(const char *path, const char *cpath) {
  struct settings *settings = calloc(1, sizeof *settings);
  if (settings == NULL)
    return NULL;
  settings->path = strdup(path);
  settings->cpath = strdup(cpath);
  if (settings->path != NULL && settings->cpath != NULL)
    return settings;
  settings_free(settings);
  return NULL;
}

void settings_free(void *arg) {
  struct settings *settings = arg;
  free(settings->path);
  free(settings->cpath);
  free(settings);
}

/* -- The state ------------------------------------------------------------ */

/* enter(settings): runs in the new state. */
static int enter(lua_State *L) {
  const struct settings *settings = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_pushstring(L, settings->path);
  lua_setfield(L, -2, "path");
  lua_pushstring(L, settings->cpath);
  lua_setfield(L, -2, "cpath");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_weft_core);
  lua_setfield(L, -2, "weft.core");
  lua_getglobal(L, "require");
  lua_pushliteral(L, "weft.copy");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "enter_worker");
  lua_call(L, 0, 0);
  return 0;
}

int worker_open(void *arg, void **local) {
  struct settings *settings = arg;
  struct worker *worker = calloc(1, sizeof *worker);
  if (worker == NULL)
    return WEFT_ENOMEM;
  worker->L = luaL_newstate();
  if (worker->L == NULL) {
    free(worker);
    return WEFT_ENOMEM;
  }
  worker->number = atomic_fetch_add(&settings->workers, 1) + 1;
  worker->ready = lua_cpcall(worker->L, enter, settings) == 0;
  if (!worker->ready) {
    const char *text = lua_tostring(worker->L, -1);
    snprintf(worker->failure, sizeof worker->failure, "%s",
             text == NULL ? "an error that is no text" : text);
  }
  *local = worker;
  return WEFT_OK;
}

void worker_close(void *arg, void *local) {
  struct worker *worker = local;
  (void)arg;
  lua_close(worker->L);
  free(worker);
}

/* -- Jobs ----------------------------------------------------------------- */

struct call {
  struct worker *worker;
  struct parcel *parcel;
};

/* Calls the Lua side's run(number, fn, ...), which catches what fn raises, and
 * packs what it returns: true and results, or false and an error object. */
static int run_call(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  struct bytes *bytes = &call->parcel->bytes;
  lua_settop(L, 0);
  lua_getfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(L, -1, "run");
  lua_remove(L, -2);
  lua_pushinteger(L, call->worker->number);
  int count = unpack_values(L, bytes->data, bytes->size);
  bytes->size = 0;
  lua_call(L, count + 1, LUA_MULTRET);
  pack_values(L, NULL, 1, false, bytes);
  return 0;
}

/* What could not be run, or whose results cannot be copied: packs false and the
 * error on top of the stack, as an object. */
static int pack_failure(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, PACK_FUNCTIONS);
  lua_getfield(L, -1, "failed");
  lua_pushinteger(L, call->worker->number);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 2);
  lua_replace(L, 2);
  lua_replace(L, 1);
  lua_settop(L, 2);
  call->parcel->bytes.size = 0;
  pack_values(L, NULL, 1, false, &call->parcel->bytes);
  return 0;
}

static int protected_call(lua_State *L, struct call *call) {
  lua_settop(L, 0);
  lua_pushcfunction(L, run_call);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == 0)
    return WEFT_OK;
  lua_pushcfunction(L, pack_failure);
  lua_insert(L, 1);
  lua_pushlightuserdata(L, call);
  lua_insert(L, 2);
  if (lua_pcall(L, 2, 0, 0) == 0)
    return WEFT_OK;
  call->parcel->bytes.size = 0;
  return WEFT_ENOMEM;
}

/* A large result would else stay until the next job makes garbage. */
static void sweep(struct worker *worker) {
  lua_State *L = worker->L;
  lua_settop(L, 0);
  int used = lua_gc(L, LUA_GCCOUNT, 0);
  if (used < SWEEP_MIN || used < 2 * worker->swept)
    return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  worker->swept = lua_gc(L, LUA_GCCOUNT, 0);
}

int worker_run(void *local, void *arg, uint64_t *value) {
  struct call call = {local, arg};
  struct worker *worker = local;
  (void)value;
  if (!worker->ready) {
    call.parcel->bytes.size = 0;
    bytes_write(NULL, worker->failure, strlen(worker->failure),
                &call.parcel->bytes);
    return WEFT_EHOST;
  }
  int status = protected_call(worker->L, &call);
  sweep(worker);
  return status;
}
