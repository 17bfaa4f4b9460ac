/* SPDX-License-Identifier: MIT
 * stream.c - connections: their life and their reading side.
 *
 * Bytes go from the socket into one buffer and leave it only by
 * weft_stream_consume, so a cancelled read has nothing to give back. libuv goes
 * on reading between two calls of a reader, up to 64 KiB more than was asked
 * for; then it is told to stop, and the peer's window closes. What was peeked
 * at stays where it is until the next fill or consume: it may be what a parked
 * write is about to send. How the connection ended is kept beside the buffer
 * and shown when that is read dry.
 *
 * An end has two halves. weft__stream_end closes the descriptor and frees the
 * handle; libuv's callback then frees the memory and wakes whoever waits in
 * weft_stream_close. The descriptor alone may go before: that is how the peer
 * of a pipe is told of the end. */
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* The buffer's first size, and the room worth a read. */
#define BUFFER_MIN ((size_t)4 * 1024)
#define ROOM_MIN ((size_t)1024)
/* Of a filter's bytes it does not matter that some are beyond the limit. */
#define ROOM_FILTERED_MIN ((size_t)16 * 1024)

/* -- Life ----------------------------------------------------------------- */

/* Neither can fail before there is a socket; the delay is remembered. */
static void init_uv(struct stream *s, enum stream_kind kind) {
  if (kind == STREAM_TCP) {
    uv_tcp_init(&s->rt->loop, &s->uv.tcp);
    uv_tcp_nodelay(&s->uv.tcp, 1);
  } else {
    uv_pipe_init(&s->rt->loop, &s->uv.pipe, 0);
  }
  s->uv.handle.data = s;
}

int weft__stream_new(weft_runtime *rt, enum stream_kind kind,
                     struct stream **stream) {
  struct stream *s = weft__alloc(sizeof(*s));
  if (s == NULL)
    return WEFT_ENOMEM;
  int status = weft__handle_new(rt, KIND_STREAM, s, &s->handle);
  if (status != WEFT_OK) {
    weft__free(s, sizeof(*s));
    return status;
  }
  s->rt = rt;
  list_init(&s->closers);
  list_init(&s->readers);
  list_init(&s->writers);
  list_init(&s->flushers);
  list_init(&s->shutdowns);
  init_uv(s, kind);
  *stream = s;
  return WEFT_OK;
}

static void free_kept(struct stream *s) {
  while (s->kept != NULL) {
    struct kept *kept = s->kept;
    s->kept = kept->next;
    weft__free(kept->data, kept->capacity);
    weft__free(kept, sizeof(*kept));
  }
}

static void free_stream(struct stream *s) {
  weft__wake_all(s->rt, &s->closers, WEFT_OK);
  weft__filter_free(s);
  free_kept(s);
  weft__free(s->data, s->capacity);
  weft__free(s, sizeof(*s));
}

/* Until its own end a stream whose descriptor went before has a new handle,
 * without one. */
static void on_closed(uv_handle_t *handle) {
  struct stream *s = handle->data;
  if (s->ended) {
    free_stream(s);
    return;
  }
  s->released = false;
  init_uv(s, STREAM_PIPE);
}

void weft__stream_release(struct stream *s) {
  if (s->released)
    return;
  int fd = weft__stream_fd(s);
  s->released = true;
  uv_close(&s->uv.handle, on_closed);
  if (s->standard)
    weft__stream_leave_standard();
  else if (fd >= 0 && fd <= STDERR_FILENO)
    close(fd); /* libuv spares those numbers, whatever they stand for */
}

void weft__stream_end(struct stream *s) {
  if (s->ended)
    return;
  s->ended = true;
  s->closing = true;
  weft__handle_free(s->rt, s->handle);
  s->handle = 0;
  weft__stream_release(s);
}

void weft__stream_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__stream_end(object);
}

void weft__stream_stop_reading(struct stream *s) {
  if (s->reading)
    uv_read_stop(&s->uv.stream);
  s->reading = false;
}

/* From here on others get WEFT_ECLOSED, and those who wait are told so. */
static void begin_close(struct stream *s) {
  s->closing = true;
  weft__stream_stop_reading(s);
  weft__wake_all(s->rt, &s->readers, WEFT_ECLOSED);
  weft__stream_wake_writers(s, WEFT_ECLOSED);
}

/* A cancellation drops what is unsent; the wait then ends with libuv's
 * callback, and as the caller was promised: with WEFT_OK. */
static int hurry_close(weft_runtime *rt, void *arg) {
  (void)rt;
  weft__stream_end(arg);
  return WEFT_PARKED;
}

int weft_stream_close(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin_kept(rt);
  if (status != WEFT_OK)
    return status;
  if (s->closing)
    return WEFT_OK;
  begin_close(s);
  if (!rt->current->scope->effective && s->write_status == WEFT_OK)
    weft__filter_shutdown(s);
  weft__filter_failed(s, WEFT_ECLOSED);
  if (rt->current->scope->effective || s->write_status != WEFT_OK || s->ended ||
      weft__stream_unsent(s) == 0) {
    weft__stream_end(s);
    return WEFT_OK;
  }
  uint64_t unused;
  return weft__park(rt, &s->closers, "close", stream, hurry_close, s, &unused);
}

int weft_stream_abort(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  begin_close(s);
  weft__filter_failed(s, WEFT_ECLOSED);
  weft__stream_end(s);
  return WEFT_OK;
}

/* -- The buffer ----------------------------------------------------------- */

static size_t unread(const struct stream *s) {
  return s->end - s->begin;
}

/* How much more may be read. */
static size_t allowance(const struct stream *s) {
  size_t limit = s->asked > SIZE_MAX - WEFT__READ_AHEAD
                     ? SIZE_MAX
                     : s->asked + WEFT__READ_AHEAD;
  return limit > unread(s) ? limit - unread(s) : 0;
}

static void compact(struct stream *s) {
  if (s->begin == 0)
    return;
  memmove(s->data, s->data + s->begin, unread(s));
  s->end -= s->begin;
  s->begin = 0;
}

/* The buffer of [capacity] somebody peeked at stays until he is done; a copy
 * takes its place. */
static bool replace(struct stream *s, size_t capacity) {
  struct kept *kept = weft__alloc(sizeof(*kept));
  char *data = weft__resize(NULL, 0, capacity);
  if (kept == NULL || data == NULL) {
    weft__free(kept, sizeof(*kept));
    weft__free(data, capacity);
    return false;
  }
  memcpy(data, s->data + s->begin, unread(s));
  *kept = (struct kept){s->kept, s->data, s->capacity};
  s->kept = kept;
  s->borrowed = false;
  s->data = data;
  s->end = unread(s);
  s->begin = 0;
  s->capacity = capacity;
  return true;
}

static bool resize(struct stream *s, size_t capacity) {
  char *data = weft__resize(s->data, s->capacity, capacity);
  if (data == NULL)
    return false;
  s->data = data;
  s->capacity = capacity;
  return true;
}

/* Makes room at the end: more may come in one poll than the buffer holds.
 * False for want of memory. */
static bool make_room(struct stream *s, size_t room) {
  if (s->capacity - s->end >= room)
    return true;
  if (!s->borrowed)
    compact(s);
  if (s->capacity - s->end >= room)
    return true;
  if (room > SIZE_MAX / 4 - unread(s))
    return false;
  size_t capacity = s->capacity == 0 ? BUFFER_MIN : s->capacity;
  while (capacity - unread(s) < room)
    capacity *= 2;
  return s->borrowed ? replace(s, capacity) : resize(s, capacity);
}

/* Nobody looks at what was peeked at any more. */
static void end_borrowing(struct stream *s) {
  s->borrowed = false;
  free_kept(s);
}

static void take_off(struct stream *s, size_t size_bytes) {
  s->begin += size_bytes;
  if (list_is_empty(&s->readers))
    s->asked -= size_bytes < s->asked ? size_bytes : s->asked;
  if (unread(s) > 0)
    return;
  s->begin = s->end = 0;
  /* One that had to be large once need not stay so. */
  if (s->capacity > WEFT__READ_AHEAD) {
    weft__free(s->data, s->capacity);
    s->data = NULL;
    s->capacity = 0;
  }
}

/* -- Reading -------------------------------------------------------------- */

/* What a filter gets is not kept: one block serves all streams. */
static uv_buf_t filter_room(struct stream *s) {
  size_t most = allowance(s);
  if (most < ROOM_FILTERED_MIN)
    most = ROOM_FILTERED_MIN;
  if (most > WEFT__SCRATCH)
    most = WEFT__SCRATCH;
  return uv_buf_init(s->rt->scratch, (unsigned)most);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested,
                           uv_buf_t *room) {
  struct stream *s = handle->data;
  size_t most = allowance(s);
  (void)suggested;
  if (s->filter != NULL) {
    *room = filter_room(s);
    return;
  }
  *room = uv_buf_init(NULL, 0);
  if (!make_room(s, most < ROOM_MIN ? most : ROOM_MIN))
    return;
  size_t size_bytes = s->capacity - s->end;
  if (size_bytes > most)
    size_bytes = most;
  room->base = s->data + s->end;
  room->len = size_bytes;
}

/* What the kernel knows of a broken connection and has not told. */
static int pending_status(const struct stream *s) {
  int code = 0;
  socklen_t size = sizeof(code);
  if (getsockopt(weft__stream_fd(s), SOL_SOCKET, SO_ERROR, &code, &size) != 0)
    return WEFT_OK;
  return weft__status_from_uv(uv_translate_sys_error(code));
}

/* A reset must not pass for the end. libuv may take it for that when the last
 * bytes come with it; and the kernel tells of it once, so that if a write was
 * told, a read sees what looks like an end. EPIPE alone comes after a true
 * one, and ENOTSUP is of a stream that is only read. */
static int end_status(const struct stream *s) {
  int status = pending_status(s);
  if (status == WEFT_OK)
    status = s->write_status;
  bool is_end =
      status == WEFT_OK || status == WEFT_EPIPE || status == WEFT_ENOTSUP;
  return is_end ? WEFT_EEND : status;
}

void weft__stream_end_reading(struct stream *s, int status) {
  if (s->ended)
    return;
  weft__stream_stop_reading(s);
  if (s->read_status == WEFT_OK)
    s->read_status = status;
  weft__wake_all(s->rt, &s->readers, s->read_status);
}

static void on_read_failed(struct stream *s, int uv_code) {
  weft__stream_stop_reading(s);
  /* There was no memory for the buffer: the next fill tries again. */
  if (uv_code == UV_ENOBUFS) {
    weft__wake_all(s->rt, &s->readers, WEFT_ENOMEM);
    return;
  }
  int status =
      uv_code == UV_EOF ? end_status(s) : weft__status_from_uv(uv_code);
  if (status == WEFT_EEND)
    status = weft__filter_ended(s);
  else
    weft__filter_failed(s, status);
  weft__stream_end_reading(s, status);
  weft__stream_settle(s);
}

static void pause_if_enough(struct stream *s) {
  if (!s->reading || allowance(s) > 0)
    return;
  weft__stream_stop_reading(s);
  s->paused = true;
}

/* The buffer has [size_bytes] more. */
static void add(struct stream *s, size_t size_bytes) {
  s->end += size_bytes;
  pause_if_enough(s);
  if (unread(s) > s->asked)
    weft__wake_first(s->rt, &s->readers, WEFT_OK, unread(s));
}

int weft__stream_add(struct stream *s, const char *data, size_t size_bytes) {
  if (size_bytes == 0)
    return WEFT_OK;
  if (!make_room(s, size_bytes))
    return WEFT_ENOMEM;
  memcpy(s->data + s->end, data, size_bytes);
  add(s, size_bytes);
  return WEFT_OK;
}

static void on_read(uv_stream_t *uv, ssize_t count, const uv_buf_t *room) {
  struct stream *s = uv->data;
  if (count < 0)
    on_read_failed(s, (int)count);
  else if (s->filter != NULL)
    weft__filter_received(s, room->base, (size_t)count);
  else
    add(s, (size_t)count);
}

int weft__stream_start_reading(struct stream *s) {
  if (s->reading)
    return WEFT_OK;
  int uv_code = uv_read_start(&s->uv.stream, on_room_wanted, on_read);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  s->reading = true;
  s->paused = false;
  return WEFT_OK;
}

/* Nobody asks for anything any more: what is read ahead has its usual limit
 * again. */
static int withdraw_fill(weft_runtime *rt, void *arg) {
  struct stream *s = arg;
  (void)rt;
  s->asked = 0;
  pause_if_enough(s);
  return WEFT_OK;
}

/* The half of weft_stream_fill after the checks. */
static int fill(struct stream *s, size_t seen_bytes, uint64_t *value) {
  if (unread(s) > seen_bytes) {
    *value = unread(s);
    return weft__park_skip(s->rt, *value);
  }
  if (s->read_status != WEFT_OK)
    return s->read_status;
  s->asked = seen_bytes;
  end_borrowing(s);
  int status = weft__stream_start_reading(s);
  if (status != WEFT_OK)
    return status;
  return weft__park(s->rt, &s->readers, "read", s->handle, withdraw_fill, s,
                    value);
}

int weft_stream_fill(weft_runtime *rt, weft_stream stream, size_t seen_bytes,
                     uint64_t *value) {
  struct stream *s;
  *value = 0;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (!list_is_empty(&s->readers))
    return WEFT_EBUSY;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  return s->closing ? WEFT_ECLOSED : fill(s, seen_bytes, value);
}

int weft_stream_peek(weft_runtime *rt, weft_stream stream, const char **data,
                     size_t *size_bytes) {
  struct stream *s;
  *data = NULL;
  *size_bytes = 0;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (s->closing)
    return WEFT_ECLOSED;
  *data = unread(s) == 0 ? "" : s->data + s->begin;
  *size_bytes = unread(s);
  s->borrowed = unread(s) > 0 && list_is_empty(&s->readers);
  return WEFT_OK;
}

int weft_stream_consume(weft_runtime *rt, weft_stream stream,
                        size_t size_bytes) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (s->closing)
    return WEFT_ECLOSED;
  if (size_bytes > unread(s))
    return WEFT_EINVAL;
  end_borrowing(s);
  take_off(s, size_bytes);
  /* Half, so that small bites do not switch reading on and off. If it fails,
   * the next fill will say why. */
  if (s->paused && allowance(s) >= WEFT__READ_AHEAD / 2)
    weft__stream_start_reading(s);
  return WEFT_OK;
}
