/* SPDX-License-Identifier: MIT
 * reading.c - reading streams and open files, for lua/weft/reading.lua.
 *
 * Reading is the core's fill, then a peek and a consume when the task runs
 * again. So that no other task takes the bytes in between, a socket is marked
 * from the one to the other.
 *
 * A call that parked has `false` as its result, and the Lua side then makes it
 * again, with true as its last argument, for the results. Those that are made
 * for it while it is parked (deliver of job.c) go by way of another stack and a
 * protected call, for making a string may start a collection: that costs more
 * than a second call. */
#include "socket.h"

#include <stdlib.h>
#include <string.h>

/* Reading to the end, a task is woken once for so many bytes. */
#define READ_ALL_STEP ((size_t)64 * 1024)

/* -- What is read --------------------------------------------------------- */

static struct socket *check_source(lua_State *L, const struct host *host) {
  bool is_source = socket_is(L, host->stream_metatable) ||
                   socket_is(L, host->file_metatable);
  luaL_argcheck(L, is_source, 1, "a stream or a file expected");
  return lua_touserdata(L, 1);
}

static int peek(const struct socket *s, const char **data, size_t *size) {
  if (s->kept == NULL)
    return s->source->peek(s->host->rt, socket_handle(s), data, size);
  *data = s->kept;
  *size = s->kept_size;
  return WEFT_OK;
}

static void drop_kept(struct socket *s) {
  free(s->kept);
  s->kept = NULL;
}

static void consume(struct socket *s, size_t size) {
  if (s->kept == NULL)
    s->source->consume(s->host->rt, socket_handle(s), size);
  else
    drop_kept(s);
}

/* Whether the task in a read has been woken, for whatever reason. */
static bool is_woken(const struct socket *s) {
  int state;
  return s->busy &&
         weft_task_get_state(s->host->rt, s->reader, &state) == WEFT_OK &&
         state == WEFT_TASK_READY;
}

/* A task that was woken for bytes, or for the end, gets what there is, even if
 * another one has closed what it reads before it runs; who closes before that
 * ends the read. For want of memory it is ended, too. */
void reading_keep(struct socket *s) {
  const char *data;
  size_t size;
  if (s->kept != NULL || !is_woken(s) || peek(s, &data, &size) != WEFT_OK)
    return;
  s->kept = malloc(size + 1);
  s->kept_size = size;
  if (s->kept != NULL)
    memcpy(s->kept, data, size);
}

static void check_park(lua_State *L, const struct socket *s, const char *call) {
  if (park_is_possible(L, s->host))
    return;
  lua_pushfstring(L, "%s:%s", s->source->noun, call);
  park_check(L, s->host, lua_tostring(L, -1));
}

/* -- Results -------------------------------------------------------------- */

/* Takes [take] bytes off the buffer, fewer if there are not so many, and pushes
 * [code] or nil, then the first [keep] of them. */
static int deliver_bytes(lua_State *L, struct socket *s, int code, size_t take,
                         size_t keep) {
  const char *data;
  size_t size;
  int status = peek(s, &data, &size);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  if (take < size)
    size = take;
  if (code == WEFT_OK)
    lua_pushnil(L);
  else
    lua_pushinteger(L, code);
  lua_pushlstring(L, data, keep < size ? keep : size);
  consume(s, size);
  return 2;
}

/* The end came first: all that is left, under the code for that. */
static int deliver_partial(lua_State *L, struct socket *s) {
  return deliver_bytes(L, s, WEFT_EINCOMPLETE, SIZE_MAX, SIZE_MAX);
}

/* Neither bytes nor an error yet: the Lua side calls again with [seen]. */
static int deliver_again(lua_State *L, size_t seen) {
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushnumber(L, (lua_Number)seen);
  return 3;
}

/* The socket of a reading call that has ended. */
static struct socket *end_read(lua_State *L) {
  struct socket *s = lua_touserdata(L, 1);
  s->busy = false;
  return s;
}

int deliver_woken(lua_State *L, int status, uint64_t value) {
  struct socket *s = lua_touserdata(L, 1);
  (void)value;
  s->status = status;
  lua_pushboolean(L, 0);
  return 1;
}

/* -- Calls ---------------------------------------------------------------- */

/* Makes the results of a read that waits for more than [seen] bytes; the
 * argument at [woken] is true if it has waited. */
static int read_with(lua_State *L, const char *call, size_t seen, int woken,
                     weft_lua_deliver deliver) {
  struct host *host = host_of(L);
  uint64_t value = 0;
  if (lua_toboolean(L, woken))
    return deliver(L, ((struct socket *)lua_touserdata(L, 1))->status, 0);
  struct socket *s = check_source(L, host);
  check_park(L, s, call);
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  if (s->kept != NULL)
    drop_kept(s);
  s->busy = true;
  s->reader = host->job->task;
  int status = s->source->fill(host->rt, socket_handle(s), seen, &value);
  status = socket_parking_status(host->rt, status); /* which may park, too */
  if (status == WEFT_PARKED)
    return socket_finish(L, host, status, 0, deliver_woken);
  return deliver(L, status, 0);
}

static int deliver_some(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  size_t most = lua_isnil(L, 2) ? SIZE_MAX : (size_t)lua_tonumber(L, 2);
  if (status == WEFT_EEND)
    return 0;
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, most, most);
}

/* read_some(socket, n or nil, woken) -> code; nil, bytes; nil at the end */
static int read_some(lua_State *L) {
  lua_settop(L, 3);
  return read_with(L, "read", 0, 3, deliver_some);
}

static int deliver_exactly(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  size_t count = (size_t)lua_tonumber(L, 2);
  if (status == WEFT_EEND)
    return deliver_partial(L, s);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, count, count);
}

/* No bytes are there at once, on whatever is open. */
static int read_nothing(lua_State *L) {
  struct host *host = host_of(L);
  if (lua_toboolean(L, 3))
    return deliver_exactly(L, ((struct socket *)lua_touserdata(L, 1))->status,
                           0);
  struct socket *s = check_source(L, host);
  check_park(L, s, "read_exactly");
  if (s->busy)
    return deliver_status(L, WEFT_EBUSY, 0);
  s->busy = true;
  s->reader = host->job->task;
  int status = weft_checkpoint(host->rt);
  if (status == WEFT_PARKED)
    return socket_finish(L, host, status, 0, deliver_woken);
  return deliver_exactly(L, status, 0);
}

/* read_exactly(socket, n, woken) -> code; nil, bytes; code, partial */
static int read_exactly(lua_State *L) {
  size_t count = (size_t)luaL_checknumber(L, 2);
  lua_settop(L, 3);
  if (count == 0)
    return read_nothing(L);
  return read_with(L, "read_exactly", count - 1, 3, deliver_exactly);
}

static int deliver_all(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  const char *data;
  size_t size;
  if (status == WEFT_OK)
    status = peek(s, &data, &size);
  if (status == WEFT_OK)
    return deliver_again(L, size);
  if (status != WEFT_EEND)
    return socket_deliver_status(L, status, value);
  return deliver_bytes(L, s, WEFT_OK, SIZE_MAX, SIZE_MAX);
}

/* read_all(socket, seen, woken) -> code; nil, bytes; nil, nil, seen */
static int read_all(lua_State *L) {
  size_t seen = (size_t)luaL_checknumber(L, 2);
  lua_settop(L, 3);
  return read_with(L, "read_all", seen + READ_ALL_STEP - 1, 3, deliver_all);
}

/* -- Into memory of the caller's ------------------------------------------- */

static int deliver_ready(lua_State *L, int status, uint64_t value) {
  end_read(L);
  return socket_deliver_status(L, status, value);
}

/* read_wait(socket, woken) -> code: nil once there are bytes. What they are
 * copied to is named afterwards: while the task waits, another may move it. */
static int read_wait(lua_State *L) {
  lua_settop(L, 2);
  return read_with(L, "read_into", 0, 2, deliver_ready);
}

/* What a cdata that is a pointer points to. */
static void *check_pointer(lua_State *L, int index) {
  luaL_argcheck(L, lua_type(L, index) == TYPE_CDATA, index, "no pointer");
  return *(void *const *)lua_topointer(L, index);
}

/* read_take(socket, pointer, room) -> the number of bytes copied to it; after
 * read_wait, with no other task in between. */
static int read_take(lua_State *L) {
  struct socket *s = check_source(L, host_of(L));
  void *memory = check_pointer(L, 2);
  size_t count = (size_t)luaL_checknumber(L, 3), size = 0;
  const char *data = NULL;
  if (peek(s, &data, &size) != WEFT_OK || size < count)
    count = size;
  if (count > 0)
    memcpy(memory, data, count);
  consume(s, count);
  lua_pushnumber(L, (lua_Number)count);
  return 1;
}

/* -- To a separator ------------------------------------------------------- */

/* Where [sep] begins at or behind [from], SIZE_MAX if it does not. */
static size_t find(const char *data, size_t size, size_t from, const char *sep,
                   size_t sep_size) {
  while (size >= sep_size && from <= size - sep_size) {
    const char *first = memchr(data + from, *sep, size - sep_size - from + 1);
    if (first == NULL)
      break;
    if (memcmp(first, sep, sep_size) == 0)
      return (size_t)(first - data);
    from = (size_t)(first - data) + 1;
  }
  return SIZE_MAX;
}

static int deliver_overrun(lua_State *L, struct socket *s, size_t before) {
  consume(s, 0); /* no more looking at it */
  lua_pushinteger(L, WEFT_EOVERRUN);
  lua_pushnumber(L, (lua_Number)before);
  return 2;
}

/* Looks for the separator in what the last look has not seen. */
static int deliver_found(lua_State *L, struct socket *s) {
  const char *data;
  size_t size, sep_size, seen = (size_t)lua_tonumber(L, 4);
  const char *sep = lua_tolstring(L, 2, &sep_size);
  int status = peek(s, &data, &size);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, 0);
  size_t from = seen < sep_size ? 0 : seen - sep_size + 1;
  size_t at = find(data, size, from, sep, sep_size);
  size_t before = at;
  if (at == SIZE_MAX)
    before = size < sep_size ? 0 : size - sep_size + 1;
  if ((lua_Number)before > lua_tonumber(L, 3))
    return deliver_overrun(L, s, before);
  if (at == SIZE_MAX)
    return deliver_again(L, size);
  return deliver_bytes(L, s, WEFT_OK, at + sep_size,
                       lua_toboolean(L, 5) ? at : at + sep_size);
}

static int deliver_until(lua_State *L, int status, uint64_t value) {
  struct socket *s = end_read(L);
  if (status == WEFT_EEND)
    return deliver_partial(L, s);
  if (status != WEFT_OK)
    return socket_deliver_status(L, status, value);
  return deliver_found(L, s);
}

/* read_until(socket, separator, limit, seen, strip, woken) -> code; nil, bytes;
 * code, partial or number of bytes before the separator; nil, nil, seen */
static int read_until(lua_State *L) {
  luaL_checkstring(L, 2);
  luaL_checknumber(L, 3);
  size_t seen = (size_t)luaL_checknumber(L, 4);
  lua_settop(L, 6);
  return read_with(L, lua_toboolean(L, 5) ? "read_line" : "read_until", seen, 6,
                   deliver_until);
}

void open_reading(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"read_some", read_some},
                                       {"read_exactly", read_exactly},
                                       {"read_until", read_until},
                                       {"read_all", read_all},
                                       {"read_wait", read_wait},
                                       {"read_take", read_take},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
