/* SPDX-License-Identifier: MIT
 * socket.c - what streams and listeners have in common: their userdata, its
 * collection, and how a call on one ends. */
#include "socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct socket_source *source_of(const char *kind) {
  static const struct socket_source stream = {
      "stream", weft_stream_fill, weft_stream_peek, weft_stream_consume};
  static const struct socket_source file = {"file", weft_file_fill,
                                            weft_file_peek, weft_file_consume};
  if (strcmp(kind, STREAM) == 0)
    return &stream;
  return strcmp(kind, OPEN_FILE) == 0 ? &file : NULL;
}

struct socket *socket_push(lua_State *L, struct host *host, const char *kind) {
  struct socket *s = lua_newuserdata(L, sizeof *s);
  *s = (struct socket){.host = host,
                       .run_id = host->run_id,
                       .source = source_of(kind),
                       .place = site_copy(L, host)};
  luaL_getmetatable(L, kind);
  lua_setmetatable(L, -2);
  if (host->opened != LUA_NOREF)
    opened_note(L, host);
  return s;
}

/* -- Statuses ------------------------------------------------------------- */

int socket_deliver_status(lua_State *L, int status, uint64_t value) {
  return deliver_status(L, status == WEFT_EBADF ? WEFT_ECLOSED : status, value);
}

int socket_parking_status(weft_runtime *rt, int status) {
  if (status != WEFT_EBADF)
    return status;
  status = weft_cancel_point(rt);
  return status == WEFT_OK ? WEFT_ECLOSED : status;
}

int socket_finish(lua_State *L, struct host *host, int status, uint64_t value,
                  weft_lua_deliver deliver) {
  if (status != WEFT_PARKED)
    return deliver(L, status, value);
  host->job->deliver = deliver;
  host->yielded = YIELD_PARK;
  return lua_yield(L, lua_gettop(L));
}

/* -- Results -------------------------------------------------------------- */

int socket_deliver_open(lua_State *L, int status, uint64_t value) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  struct socket *s = lua_touserdata(L, -1);
  s->handle = value;
  lua_pushnil(L);
  lua_pushvalue(L, -2);
  return 2;
}

int socket_push_address(lua_State *L, struct host *host, int status,
                        weft_value *address) {
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  lua_pushnil(L);
  push_value(L, host, address);
  weft_value_unref(address);
  return 2;
}

const char *socket_address_text(int status, weft_value *address, char *text,
                                size_t size) {
  const char *data = "an unknown address";
  size_t length;
  if (status == WEFT_OK)
    weft_value_get_bytes(address, &data, &length);
  snprintf(text, size, "%s", data);
  weft_value_unref(address);
  return text;
}

/* -- What was collected open ---------------------------------------------- */

struct orphan {
  const struct socket_kind *kind;
  uint64_t handle;
  char *place; /* of its making, or NULL */
};

static void free_orphan(void *arg) {
  struct orphan *orphan = arg;
  free(orphan->place);
  free(orphan);
}

static void close_orphan(weft_runtime *rt, void *arg) {
  const struct orphan *orphan = arg;
  char text[512];
  weft_error *error;
  orphan->kind->describe(rt, orphan->handle, text, sizeof text);
  size_t used = strlen(text);
  if (orphan->place != NULL)
    snprintf(text + used, sizeof text - used, ", made at %s", orphan->place);
  strncat(text, orphan->kind->advice, sizeof text - strlen(text) - 1);
  if (orphan->kind->close(rt, orphan->handle) != WEFT_OK)
    return;
  weft_error_new(WEFT_ESTATE, NULL, text, &error);
  weft_report(rt, WEFT_REPORT_UNCLOSED, 0, error);
  weft_error_unref(error);
}

/* A finaliser may run in the middle of anything, so it only queues the closing,
 * and with it the report. For want of memory the runtime's end closes it. The
 * socket is a closed one from now on: the table of what is open keeps it until
 * the next collection. */
static int collect(lua_State *L) {
  struct socket *s = lua_touserdata(L, 1);
  struct orphan *orphan = socket_handle(s) == 0 ? NULL : malloc(sizeof *orphan);
  if (orphan == NULL) {
    free(s->place);
  } else {
    orphan->kind = lua_touserdata(L, lua_upvalueindex(1));
    orphan->handle = s->handle;
    orphan->place = s->place;
    weft_call_soon(s->host->rt, close_orphan, orphan, free_orphan, NULL);
  }
  free(s->kept);
  s->kept = NULL;
  s->handle = 0;
  s->place = NULL;
  return 0;
}

const void *socket_new_kind(lua_State *L, const struct socket_kind *kind) {
  luaL_newmetatable(L, kind->name);
  const void *metatable = lua_topointer(L, -1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)kind);
  lua_pushcclosure(L, collect, 1);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  return metatable;
}
