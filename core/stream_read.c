/* SPDX-License-Identifier: MIT
 * stream_read.c - the reading side of streams.
 *
 * Bytes go from the socket into one buffer and leave it only by
 * weft_stream_consume, so a cancelled read has nothing to give back. Between
 * two calls of a reader they go on being read, up to 64 KiB more than was asked
 * for; then libuv is told to stop, and the peer's window closes. What was
 * peeked at stays where it is until the next fill or consume: it may be what a
 * parked write is about to send. How the connection ended is kept beside the
 * buffer and shown when that is read dry.
 *
 * libuv only tells that there are bytes. It would read all streams it tells of
 * before any of their tasks runs; here the poll reads some of them, their tasks
 * run, and the next poll goes on with the rest (poll.c). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* The buffer's first size, and the room worth a read. */
#define BUFFER_MIN ((size_t)8 * 1024)
#define ROOM_MIN ((size_t)1024)
/* The most that is read at a time; libuv's sizes are an unsigned. */
#define READ_MAX ((size_t)1 << 30)
/* So often a stream is read, while that fills its buffer, before others are. */
#define READS_MAX 32
/* How many buffers of the first size are kept for the streams to come. */
#define SPARES_MAX 64
/* Of a filter's bytes it does not matter that some are beyond the limit. */
#define ROOM_FILTERED_MIN ((size_t)16 * 1024)

/* -- Spare buffers --------------------------------------------------------
 * A stream has a buffer while it has unread bytes, so that those that wait for
 * the next ones, most of them, need none; and what was used last is still in
 * the processor's cache when it is used again. */

struct spare {
  struct spare *next;
};

static char *take_spare(weft_runtime *rt) {
  struct spare *spare = rt->spare_buffers;
  if (spare == NULL)
    return weft__resize(NULL, 0, BUFFER_MIN);
  rt->spare_buffers = spare->next;
  rt->spare_count--;
  return (char *)spare;
}

static void give_spare(weft_runtime *rt, char *data) {
  struct spare *spare = (struct spare *)(void *)data;
  spare->next = rt->spare_buffers;
  rt->spare_buffers = spare;
  rt->spare_count++;
}

/* The buffer is empty. A larger one is kept by its stream, within bounds: it is
 * going to be filled again. */
static void give_up_buffer(struct stream *s) {
  if (s->capacity > BUFFER_MIN && s->capacity <= WEFT__READ_AHEAD)
    return;
  if (s->capacity == BUFFER_MIN && s->rt->spare_count < SPARES_MAX)
    give_spare(s->rt, s->data);
  else
    weft__free(s->data, s->capacity);
  s->data = NULL;
  s->capacity = 0;
}

void weft__stream_clear_spares(weft_runtime *rt) {
  while (rt->spare_buffers != NULL)
    weft__free(take_spare(rt), BUFFER_MIN);
}

/* -- The buffer ----------------------------------------------------------- */

static size_t unread(const struct stream *s) {
  return s->end - s->begin;
}

size_t weft__stream_allowance(const struct stream *s) {
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
  if (s->capacity == 0 && room <= BUFFER_MIN) {
    s->data = take_spare(s->rt);
    s->capacity = s->data == NULL ? 0 : BUFFER_MIN;
    return s->data != NULL;
  }
  if (room > SIZE_MAX / 4 - unread(s))
    return false;
  size_t capacity = s->capacity == 0 ? BUFFER_MIN : s->capacity;
  while (capacity - unread(s) < room)
    capacity *= 2;
  return s->borrowed ? replace(s, capacity) : resize(s, capacity);
}

static void free_kept(struct stream *s) {
  while (s->kept != NULL) {
    struct kept *kept = s->kept;
    s->kept = kept->next;
    weft__free(kept->data, kept->capacity);
    weft__free(kept, sizeof(*kept));
  }
}

void weft__stream_free_buffers(struct stream *s) {
  free_kept(s);
  weft__free(s->data, s->capacity);
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
  give_up_buffer(s);
}

/* -- Reading -------------------------------------------------------------- */

/* What a filter gets is not kept: one block serves all streams. */
static uv_buf_t filter_room(struct stream *s) {
  size_t most = weft__stream_allowance(s);
  if (most < ROOM_FILTERED_MIN)
    most = ROOM_FILTERED_MIN;
  if (most > WEFT__SCRATCH)
    most = WEFT__SCRATCH;
  return uv_buf_init(s->rt->scratch, (unsigned)most);
}

/* Where the next bytes are to go; empty for want of memory. */
static uv_buf_t find_room(struct stream *s) {
  size_t most = weft__stream_allowance(s);
  if (s->filter != NULL)
    return filter_room(s);
  if (!make_room(s, most < ROOM_MIN ? most : ROOM_MIN))
    return uv_buf_init(NULL, 0);
  size_t size_bytes = s->capacity - s->end;
  if (size_bytes > most)
    size_bytes = most;
  if (size_bytes > READ_MAX)
    size_bytes = READ_MAX;
  return uv_buf_init(s->data + s->end, (unsigned)size_bytes);
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

void weft__stream_read_failed(struct stream *s, int uv_code) {
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
  if (!s->reading || weft__stream_allowance(s) > 0)
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

int weft__stream_received(struct stream *s, const char *data,
                          size_t size_bytes) {
  if (s->filter == NULL)
    return weft__stream_add(s, data, size_bytes);
  weft__filter_received(s, data, size_bytes);
  return WEFT_OK;
}

static void on_read(struct stream *s, ssize_t count, const char *data) {
  s->rt->io_moved = true;
  if (count <= 0)
    weft__stream_read_failed(s, count == 0 ? UV_EOF : (int)count);
  else if (s->filter != NULL)
    weft__filter_received(s, data, (size_t)count);
  else
    add(s, (size_t)count);
}

/* The number of bytes, 0 at the end, or libuv's code. */
static ssize_t read_bytes(const struct stream *s, const uv_buf_t *room) {
  ssize_t count;
  if (room->base == NULL)
    return UV_ENOBUFS;
  if (s->pair != NULL)
    return weft__pair_read(s->pair, room->base, room->len);
  do
    count = read(weft__stream_fd(s), room->base, room->len);
  while (count < 0 && errno == EINTR);
  return count < 0 ? uv_translate_sys_error(errno) : count;
}

/* What has filled the room may not have been all. */
static void read_stream(struct stream *s) {
  for (int i = 0; i < READS_MAX && s->reading && !s->released; i++) {
    uv_buf_t room = find_room(s);
    ssize_t count = read_bytes(s, &room);
    if (count == UV_EAGAIN)
      return;
    on_read(s, count, room.base);
    if (count < (ssize_t)room.len)
      return;
  }
}

void weft__streams_read(weft_runtime *rt, unsigned most) {
  for (; most > 0 && !list_is_empty(&rt->readable); most--) {
    struct stream *s = LIST_OWNER(rt->readable.next, struct stream, readable);
    list_remove(&s->readable);
    read_stream(s);
  }
}

/* -- Being told -----------------------------------------------------------
 * libuv is given no room and so does not read: it only tells, in the poll and
 * at each of them until the bytes are read. */

static void on_room_wanted(uv_handle_t *handle, size_t suggested,
                           uv_buf_t *room) {
  (void)handle;
  (void)suggested;
  *room = uv_buf_init(NULL, 0);
}

static void on_readable(uv_stream_t *uv, ssize_t count, const uv_buf_t *room) {
  struct stream *s = uv->data;
  (void)count; /* UV_ENOBUFS */
  (void)room;
  if (list_is_empty(&s->readable))
    list_insert(&s->rt->readable, &s->readable);
}

int weft__stream_start_reading(struct stream *s) {
  if (s->pair != NULL)
    weft__pair_want(s->pair);
  if (s->reading)
    return WEFT_OK;
  s->paused = false;
  if (s->pair != NULL) {
    s->reading = true;
    return WEFT_OK;
  }
  if (s->blocking != NULL) {
    int status = weft__blocking_read(s->blocking);
    s->reading = status == WEFT_OK;
    return status;
  }
  int uv_code = uv_read_start(&s->uv.stream, on_room_wanted, on_readable);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  s->reading = true;
  return WEFT_OK;
}

void weft__stream_stop_reading(struct stream *s) {
  if (s->reading && s->blocking == NULL && s->pair == NULL)
    uv_read_stop(&s->uv.stream);
  s->reading = false;
  list_remove(&s->readable);
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
  if (s->paused && weft__stream_allowance(s) >= WEFT__READ_AHEAD / 2)
    weft__stream_start_reading(s);
  return WEFT_OK;
}
