/* SPDX-License-Identifier: MIT
 * socket.h - what the files of streams, listeners and open files share.
 *
 * The Lua objects hold a socket: a userdata that knows the handle, and closes
 * and reports what is collected open. A parking call leaves its arguments on
 * the stack of the coroutine it parks, where they stay alive and where the
 * function that makes its results finds them.
 *
 *   net.c makes streams -> stream.c writes, closes them -> socket.c is for all
 *   file.c makes, writes, closes files -> reading.c reads both */
#ifndef WEFT_SOCKET_H
#define WEFT_SOCKET_H

#include "host.h"

#define STREAM "weft.StreamSocket"
#define LISTENER "weft.ListenerSocket"
#define OPEN_FILE "weft.FileSocket"

/* What bytes are read from: the three calls that streams and files have. */
struct socket_source {
  const char *noun; /* for messages: "stream" */
  int (*fill)(weft_runtime *rt, uint64_t handle, size_t seen_bytes,
              uint64_t *value);
  int (*peek)(weft_runtime *rt, uint64_t handle, const char **data,
              size_t *size_bytes);
  int (*consume)(weft_runtime *rt, uint64_t handle, size_t size_bytes);
};

struct socket {
  struct host *host;
  uint64_t run_id;  /* of the runtime the handle is good in */
  uint64_t handle;  /* 0: closed, or not open yet */
  bool busy;        /* a task is in a read, up to its results, or accepts */
  int status;       /* how the read that was parked has ended */
  weft_task reader; /* who reads, while it is busy */
  char *kept;       /* what it is to get of what was closed; NULL */
  size_t kept_size;
  const struct socket_source *source; /* NULL: nothing is read from it */
  char *place; /* where it was made; NULL: that was not kept */
};

/* A kind of socket, for as long as the process lives. */
struct socket_kind {
  const char *name; /* of its metatable */
  int (*close)(weft_runtime *rt, uint64_t handle);
  /* Says what is open, "the stream from x to y". */
  void (*describe)(weft_runtime *rt, uint64_t handle, char *text, size_t size);
  const char *advice; /* what follows that where it was collected open */
  /* Whether there is anything to be closed; NULL: as long as it has a handle.
   */
  bool (*is_open)(weft_runtime *rt, uint64_t handle);
};

/* Makes the metatable of the kind, and gives its address. */
const void *socket_new_kind(lua_State *L, const struct socket_kind *kind);
/* Pushes a socket that is to get its handle later. */
struct socket *socket_push(lua_State *L, struct host *host, const char *kind);

/* Keeps the bytes of a read that is over, but has not got its results yet,
 * while the socket is closed (reading.c). */
void reading_keep(struct socket *s);

/* The handle, or 0 if it is closed or its runtime has gone. */
static inline uint64_t socket_handle(const struct socket *s) {
  bool is_here = s->host->rt != NULL && s->host->run_id == s->run_id;
  return is_here ? s->handle : 0;
}

/* Whether the first argument has that metatable. */
static inline bool socket_is(lua_State *L, const void *metatable) {
  if (lua_getmetatable(L, 1) == 0)
    return false;
  bool is = lua_topointer(L, -1) == metatable;
  lua_pop(L, 1);
  return is;
}

/* -- What is open (opened.c) ---------------------------------------------- */

/* Notes the socket on top of the stack. */
void opened_note(lua_State *L, struct host *host);

/* -- Statuses ------------------------------------------------------------- */

/* deliver_status; what is closed has no handle. */
int socket_deliver_status(lua_State *L, int status, uint64_t value);
/* The outcome of a parking call: on what is closed, Cancelled comes first as
 * it does elsewhere. */
int socket_parking_status(weft_runtime *rt, int status);
/* As park_finish, but what is on the stack stays there until [deliver] has
 * made the results. */
int socket_finish(lua_State *L, struct host *host, int status, uint64_t value,
                  weft_lua_deliver deliver);

/* -- Results -------------------------------------------------------------- */

/* nil and the socket on top of the stack, which gets the handle [value]. */
int socket_deliver_open(lua_State *L, int status, uint64_t value);
/* nil and a table of what is known of a file (fs.c). */
int deliver_stat(lua_State *L, int status, uint64_t value);
/* nil and the address, which is consumed; or the code. */
int socket_push_address(lua_State *L, struct host *host, int status,
                        weft_value *address);
/* Copies an address, which is consumed, to [text]; gives that back. */
const char *socket_address_text(int status, weft_value *address, char *text,
                                size_t size);

#endif
