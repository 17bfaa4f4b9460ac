/* SPDX-License-Identifier: MIT
 * stream_write.c - the sending side of streams.
 *
 * What a writer hands over is sent at once as far as the kernel has room, and
 * only the rest is copied and left to libuv. While 64 KiB or more lie there, a
 * writer waits with its bytes still its own; when its turn has come they are
 * taken in the poll, all of them, and only then is it woken. So a write that
 * is cancelled took nothing, and one that was woken took everything.
 *
 * The rest is queued in pieces, for libuv tells of a request only when all of
 * it has gone, and a writer must not wait for the last byte of a long one. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

#define PIECE_BYTES ((size_t)32 * 1024)
/* What libuv takes at a time; its count is an int. */
#define TRY_MAX ((size_t)1 << 30)

/* A task that waits for its turn. */
struct writer {
  struct list node;
  struct stream *stream;
  struct task *task;
  const char *data; /* the caller's, until the call has finished */
  size_t size_bytes;
};

/* What could not be sent at once: the requests, then the bytes. */
struct chunk {
  struct stream *stream;
  size_t size_bytes; /* of the whole block */
  size_t left;       /* requests still in libuv's queue */
  uv_write_t requests[];
};

static void settle(struct stream *s);

/* -- Sending -------------------------------------------------------------- */

void weft__ignore_sigpipe(void) {
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
    signal(SIGPIPE, SIG_IGN);
}

static void on_written(uv_write_t *request, int uv_code) {
  struct chunk *chunk = request->data;
  struct stream *s = chunk->stream;
  if (--chunk->left == 0)
    weft__free(chunk, chunk->size_bytes);
  if (s->ended)
    return;
  if (uv_code < 0 && s->write_status == WEFT_OK)
    s->write_status = weft__status_from_uv(uv_code);
  settle(s);
}

static struct chunk *new_chunk(struct stream *s, const char *data,
                               size_t size_bytes, size_t count) {
  size_t head_bytes = sizeof(struct chunk) + count * sizeof(uv_write_t);
  if (size_bytes > SIZE_MAX - head_bytes)
    return NULL;
  struct chunk *chunk = weft__resize(NULL, 0, head_bytes + size_bytes);
  if (chunk == NULL)
    return NULL;
  chunk->stream = s;
  chunk->size_bytes = head_bytes + size_bytes;
  chunk->left = 0;
  memcpy((char *)chunk + head_bytes, data, size_bytes);
  return chunk;
}

/* Queues a copy of [data], not empty. */
static int queue(struct stream *s, const char *data, size_t size_bytes) {
  size_t count = (size_bytes - 1) / PIECE_BYTES + 1;
  struct chunk *chunk = new_chunk(s, data, size_bytes, count);
  if (chunk == NULL)
    return WEFT_ENOMEM;
  char *bytes = (char *)&chunk->requests[count];
  int uv_code = 0;
  for (size_t i = 0; i < count && uv_code == 0; i++) {
    size_t from = i * PIECE_BYTES;
    size_t length = size_bytes - from;
    if (length > PIECE_BYTES)
      length = PIECE_BYTES;
    uv_buf_t piece = uv_buf_init(bytes + from, (unsigned)length);
    chunk->requests[i].data = chunk;
    uv_code =
        uv_write(&chunk->requests[i], &s->uv.stream, &piece, 1, on_written);
    chunk->left += uv_code == 0;
  }
  if (chunk->left == 0)
    weft__free(chunk, chunk->size_bytes);
  if (uv_code != 0)
    s->write_status = weft__status_from_uv(uv_code);
  return s->write_status;
}

/* Takes all of [data]. Where only a part could be taken the stream has failed:
 * nothing that fits could be sent after it. */
static int take(struct stream *s, const char *data, size_t size_bytes) {
  int sent = 0;
  if (size_bytes > 0 && weft__stream_unsent(s) == 0) {
    size_t first = size_bytes < TRY_MAX ? size_bytes : TRY_MAX;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)first);
    sent = uv_try_write(&s->uv.stream, &buf, 1);
    if (sent == UV_EAGAIN)
      sent = 0;
  }
  if (sent < 0)
    return s->write_status = weft__status_from_uv(sent);
  if ((size_t)sent == size_bytes)
    return WEFT_OK;
  int status = queue(s, data + sent, size_bytes - (size_t)sent);
  if (status != WEFT_OK && sent > 0)
    s->write_status = status;
  return status;
}

/* -- Waiting -------------------------------------------------------------- */

static struct writer *first_writer(struct stream *s) {
  return LIST_OWNER(s->writers.next, struct writer, node);
}

static void free_writer(struct writer *writer) {
  list_remove(&writer->node);
  weft__free(writer, sizeof(*writer));
}

static void wake_writer(struct writer *writer, int status) {
  weft__wake(writer->stream->rt, writer->task, status, 0);
  free_writer(writer);
}

static int withdraw_writer(weft_runtime *rt, void *arg) {
  (void)rt;
  free_writer(arg);
  return WEFT_OK;
}

void weft__stream_wake_writers(struct stream *s, int status) {
  while (!list_is_empty(&s->writers))
    wake_writer(first_writer(s), status);
  weft__wake_all(s->rt, &s->flushers, status);
  weft__wake_all(s->rt, &s->shutdowns, status);
}

/* The peer of a pipe reads the end when the descriptor is closed: not of one
 * that is also read, nor of a terminal. */
static int shut_pipe(struct stream *s) {
  if (s->standard || uv_is_readable(&s->uv.stream) ||
      isatty(weft__stream_fd(s)))
    return WEFT_ENOTSUP;
  weft__stream_release(s);
  s->shut = true;
  return WEFT_OK;
}

/* Ends the sending side; nothing is unsent, so the kernel does it now. */
static int shut(struct stream *s) {
  int fd = weft__stream_fd(s);
  s->shut = shutdown(fd, SHUT_WR) == 0;
  if (s->shut)
    return WEFT_OK;
  if (errno == ENOTSOCK)
    return shut_pipe(s);
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

static bool has_room(const struct stream *s) {
  return s->write_status == WEFT_OK &&
         weft__stream_unsent(s) < WEFT__HIGH_WATER;
}

/* Serves all who wait, after anything that may have changed their case. */
static void settle(struct stream *s) {
  if (weft__stream_unsent(s) == 0 && s->write_status == WEFT_OK)
    weft__wake_all(s->rt, &s->flushers, WEFT_OK);
  while (!list_is_empty(&s->writers) && has_room(s)) {
    struct writer *writer = first_writer(s);
    wake_writer(writer, take(s, writer->data, writer->size_bytes));
  }
  if (s->write_status != WEFT_OK)
    weft__stream_wake_writers(s, s->write_status);
  else if (weft__stream_unsent(s) > 0 || !list_is_empty(&s->writers))
    return;
  else if (!list_is_empty(&s->shutdowns))
    weft__wake_all(s->rt, &s->shutdowns, shut(s));
  if (s->closing)
    weft__stream_end(s);
}

/* -- Calls ---------------------------------------------------------------- */

static int park_writer(struct stream *s, const void *data, size_t size_bytes) {
  struct writer *writer = weft__alloc(sizeof(*writer));
  if (writer == NULL)
    return WEFT_ENOMEM;
  writer->stream = s;
  writer->task = s->rt->current;
  writer->data = data;
  writer->size_bytes = size_bytes;
  list_insert(&s->writers, &writer->node);
  uint64_t unused;
  return weft__park(s->rt, NULL, "write", s->handle, withdraw_writer, writer,
                    &unused);
}

/* What the three calls begin with once their arguments are right. */
static int begin(struct stream *s) {
  int status = weft__park_begin(s->rt);
  if (status != WEFT_OK)
    return status;
  return s->closing ? WEFT_ECLOSED : s->write_status;
}

int weft_stream_write(weft_runtime *rt, weft_stream stream, const void *data,
                      size_t size_bytes) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  status = begin(s);
  if (status != WEFT_OK)
    return status;
  if (s->shut || !list_is_empty(&s->shutdowns))
    return WEFT_ECLOSED;
  if (!list_is_empty(&s->writers) || !has_room(s))
    return park_writer(s, data, size_bytes);
  status = take(s, data, size_bytes);
  if (status == WEFT_OK)
    return weft__park_skip(rt, 0);
  settle(s); /* who flushes must hear of it as well */
  return status;
}

int weft_stream_flush(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  status = begin(s);
  if (status != WEFT_OK)
    return status;
  if (weft__stream_unsent(s) == 0)
    return weft__park_skip(rt, 0);
  uint64_t unused;
  return weft__park(rt, &s->flushers, "flush", stream, weft__withdraw_plain,
                    NULL, &unused);
}

int weft_stream_shutdown(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  status = begin(s);
  if (status != WEFT_OK)
    return status;
  if (weft__stream_unsent(s) == 0 && list_is_empty(&s->writers) && !s->shut)
    status = shut(s);
  if (status != WEFT_OK)
    return status;
  if (s->shut)
    return weft__park_skip(rt, 0);
  uint64_t unused;
  return weft__park(rt, &s->shutdowns, "shutdown", stream, weft__withdraw_plain,
                    NULL, &unused);
}
