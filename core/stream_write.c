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
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

#define PIECE_BYTES ((size_t)32 * 1024)
/* What libuv takes at a time; its count is an int. */
#define TRY_MAX ((size_t)1 << 30)
/* Up to here a copy costs less than the kernel's look at several pieces. */
#define JOIN_MAX ((size_t)2048)
/* So many pieces of a vectored write need no memory. */
#define FEW 16

/* What one call is to send. */
struct pieces {
  const uv_buf_t *bufs;
  size_t count;
  size_t size_bytes; /* of all */
};

/* A task that waits for its turn. */
struct writer {
  struct list node;
  struct stream *stream;
  struct task *task;
  struct pieces
      pieces; /* of the caller's bytes, there until the call is over */
  uv_buf_t bufs[];
};

/* What could not be sent at once: the requests, then the bytes. */
struct chunk {
  struct stream *stream;
  size_t size_bytes; /* of the whole block */
  size_t left;       /* requests still in libuv's queue */
  uv_write_t requests[];
};

/* -- Sending -------------------------------------------------------------- */

void weft__ignore_sigpipe(void) {
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
    signal(SIGPIPE, SIG_IGN);
}

static void on_written(uv_write_t *request, int uv_code) {
  struct chunk *chunk = request->data;
  struct stream *s = chunk->stream;
  s->rt->io_moved = true;
  if (--chunk->left == 0)
    weft__free(chunk, chunk->size_bytes);
  if (s->ended)
    return;
  if (uv_code < 0 && s->write_status == WEFT_OK)
    s->write_status = weft__status_from_uv(uv_code);
  weft__stream_settle(s);
}

/* Copies what comes after the first [skip] bytes. */
static void gather(const struct pieces *pieces, size_t skip, char *to) {
  for (size_t i = 0; i < pieces->count; i++) {
    const uv_buf_t *buf = &pieces->bufs[i];
    size_t gone = skip < buf->len ? skip : buf->len;
    skip -= gone;
    if (buf->len > gone)
      memcpy(to, buf->base + gone, buf->len - gone);
    to += buf->len - gone;
  }
}

static struct chunk *new_chunk(struct stream *s, const struct pieces *pieces,
                               size_t skip, size_t count) {
  size_t size_bytes = pieces->size_bytes - skip;
  size_t head_bytes = sizeof(struct chunk) + count * sizeof(uv_write_t);
  if (size_bytes > SIZE_MAX - head_bytes)
    return NULL;
  struct chunk *chunk = weft__resize(NULL, 0, head_bytes + size_bytes);
  if (chunk == NULL)
    return NULL;
  chunk->stream = s;
  chunk->size_bytes = head_bytes + size_bytes;
  chunk->left = 0;
  gather(pieces, skip, (char *)chunk + head_bytes);
  return chunk;
}

static int queue_blocking(struct stream *s, const struct pieces *pieces) {
  char *room = weft__blocking_room(s->blocking, pieces->size_bytes);
  if (room == NULL)
    return WEFT_ENOMEM;
  gather(pieces, 0, room);
  int status = weft__blocking_write(s->blocking);
  return status == WEFT_OK ? WEFT_OK : (s->write_status = status);
}

static int queue_in_memory(struct stream *s, const struct pieces *pieces) {
  char *room;
  int status = weft__pair_room(s->pair, pieces->size_bytes, &room);
  if (status == WEFT_EPIPE)
    s->write_status = status;
  if (status != WEFT_OK)
    return status;
  gather(pieces, 0, room);
  weft__pair_send(s->pair);
  return WEFT_OK;
}

/* Queues a copy of what comes after the first [skip] bytes; that is not
 * nothing. */
static int queue(struct stream *s, const struct pieces *pieces, size_t skip) {
  size_t size_bytes = pieces->size_bytes - skip;
  size_t count = (size_bytes - 1) / PIECE_BYTES + 1;
  struct chunk *chunk = new_chunk(s, pieces, skip, count);
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

static int try_joined(struct stream *s, const struct pieces *pieces) {
  char joined[JOIN_MAX];
  gather(pieces, 0, joined);
  uv_buf_t buf = uv_buf_init(joined, (unsigned)pieces->size_bytes);
  return uv_try_write(&s->uv.stream, &buf, 1);
}

/* What can be taken in one system call. */
static int try_pieces(struct stream *s, const struct pieces *pieces) {
  if (pieces->count > 1 && pieces->size_bytes <= JOIN_MAX)
    return try_joined(s, pieces);
  if (pieces->size_bytes <= TRY_MAX)
    return uv_try_write(&s->uv.stream, pieces->bufs, (unsigned)pieces->count);
  uv_buf_t first = pieces->bufs[0];
  if (first.len > TRY_MAX)
    first.len = TRY_MAX;
  return uv_try_write(&s->uv.stream, &first, 1);
}

/* Takes all of it. Where only a part could be taken the stream has failed:
 * nothing that fits could be sent after it. */
static int take_now(struct stream *s, const struct pieces *pieces) {
  int sent = 0;
  if (WEFT__UNLIKELY(s->blocking != NULL && pieces->size_bytes > 0))
    return queue_blocking(s, pieces);
  if (WEFT__UNLIKELY(s->pair != NULL && pieces->size_bytes > 0))
    return queue_in_memory(s, pieces);
  if (pieces->size_bytes > 0 && weft__stream_unsent(s) == 0) {
    sent = try_pieces(s, pieces);
    if (sent == UV_EAGAIN)
      sent = 0;
  }
  if (sent < 0)
    return s->write_status = weft__status_from_uv(sent);
  if ((size_t)sent == pieces->size_bytes)
    return WEFT_OK;
  int status = queue(s, pieces, (size_t)sent);
  if (status != WEFT_OK && sent > 0)
    s->write_status = status;
  return status;
}

static int take(struct stream *s, const struct pieces *pieces) {
  weft__outbox_flush(s);
  return s->write_status == WEFT_OK ? take_now(s, pieces) : s->write_status;
}

int weft__stream_send(struct stream *s, const char *data, size_t size_bytes) {
  uv_buf_t buf = {.base = (char *)(uintptr_t)data, .len = size_bytes};
  struct pieces pieces = {&buf, 1, size_bytes};
  return take_now(s, &pieces);
}

int weft__stream_take(struct stream *s, const char *data, size_t size_bytes) {
  weft__outbox_flush(s);
  return weft__stream_send(s, data, size_bytes);
}

/* A filter gets a write as one piece, so that it takes all or nothing. */
static int filter_joined(struct stream *s, const struct pieces *pieces) {
  char *joined = weft__resize(NULL, 0, pieces->size_bytes);
  if (joined == NULL)
    return WEFT_ENOMEM;
  gather(pieces, 0, joined);
  int status = weft__filter_send(s, joined, pieces->size_bytes);
  weft__free(joined, pieces->size_bytes);
  return status;
}

/* Takes all of what a writer hands over. */
static int take_written(struct stream *s, const struct pieces *pieces) {
  if (WEFT__LIKELY(s->filter == NULL))
    return weft__outbox_put(s, pieces->bufs, pieces->count, pieces->size_bytes)
               ? WEFT_OK
               : take(s, pieces);
  if (pieces->size_bytes == 0)
    return WEFT_OK;
  if (pieces->count > 1)
    return filter_joined(s, pieces);
  return weft__filter_send(s, pieces->bufs->base, pieces->size_bytes);
}

/* -- Waiting -------------------------------------------------------------- */

static struct writer *first_writer(struct stream *s) {
  return LIST_OWNER(s->writers.next, struct writer, node);
}

static void free_writer(struct writer *writer) {
  size_t size = sizeof(*writer) + writer->pieces.count * sizeof(uv_buf_t);
  list_remove(&writer->node);
  weft__free(writer, size);
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

/* Takes the first writer's bytes. A filter may do anything to the stream
 * meanwhile; the writer is no longer to be found in it, nor to be cancelled. */
static void serve_writer(struct stream *s) {
  struct writer *writer = first_writer(s);
  list_remove(&writer->node);
  list_init(&writer->node);
  writer->task->withdraw = NULL;
  wake_writer(writer, take_written(s, &writer->pieces));
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
  if (s->standard || s->blocking != NULL || uv_is_readable(&s->uv.stream) ||
      isatty(weft__stream_fd(s)))
    return WEFT_ENOTSUP;
  weft__stream_release(s);
  s->shut = true;
  return WEFT_OK;
}

/* Ends the sending side; nothing is unsent, so the kernel does it now. */
static int shut(struct stream *s) {
  if (s->pair != NULL) {
    weft__pair_shut(s->pair);
    s->shut = true;
    return WEFT_OK;
  }
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

/* Nothing is left to be done before the sending side can end. */
static bool is_sent(const struct stream *s) {
  return weft__stream_unsent(s) == 0 && list_is_empty(&s->writers);
}

/* Whoever ends the sending side waits for nothing but the unsent bytes: so the
 * filter is to have added its last. */
static void end_filter(struct stream *s) {
  bool is_ending = s->closing || !list_is_empty(&s->shutdowns);
  if (s->filter == NULL || !is_ending || !list_is_empty(&s->writers))
    return;
  int status = weft__filter_shutdown(s);
  if (status != WEFT_OK)
    weft__wake_all(s->rt, &s->shutdowns, status);
}

void weft__stream_settle(struct stream *s) {
  if (s->filtering > 0 || s->ended)
    return;
  if (weft__stream_unsent(s) == 0 && s->write_status == WEFT_OK)
    weft__wake_all(s->rt, &s->flushers, WEFT_OK);
  while (!list_is_empty(&s->writers) && has_room(s))
    serve_writer(s);
  if (s->write_status == WEFT_OK)
    end_filter(s);
  if (s->write_status != WEFT_OK) {
    weft__filter_failed(s, s->write_status);
    weft__stream_wake_writers(s, s->write_status);
  } else if (!is_sent(s)) {
    return;
  } else if (!list_is_empty(&s->shutdowns)) {
    weft__wake_all(s->rt, &s->shutdowns, shut(s));
  }
  if (s->closing)
    weft__stream_end(s);
}

/* -- Calls ---------------------------------------------------------------- */

static int park_writer(struct stream *s, const struct pieces *pieces) {
  size_t bufs_bytes = pieces->count * sizeof(uv_buf_t);
  struct writer *writer = weft__alloc(sizeof(*writer) + bufs_bytes);
  if (writer == NULL)
    return WEFT_ENOMEM;
  writer->stream = s;
  writer->task = s->rt->current;
  writer->pieces = *pieces;
  writer->pieces.bufs = writer->bufs;
  memcpy(writer->bufs, pieces->bufs, bufs_bytes);
  list_insert(&s->writers, &writer->node);
  uint64_t unused;
  return weft__park(s->rt, NULL, "write", s->handle, withdraw_writer, writer,
                    &unused);
}

/* What the calls begin with once their arguments are right. */
static int begin(struct stream *s) {
  int status = weft__park_begin(s->rt);
  if (status != WEFT_OK)
    return status;
  return s->closing ? WEFT_ECLOSED : s->write_status;
}

static int write_pieces(struct stream *s, const struct pieces *pieces) {
  int status = begin(s);
  if (status != WEFT_OK)
    return status;
  if (s->shut || !list_is_empty(&s->shutdowns))
    return WEFT_ECLOSED;
  if (!list_is_empty(&s->writers) || !has_room(s))
    return park_writer(s, pieces);
  status = take_written(s, pieces);
  if (status != WEFT_OK || s->filter != NULL)
    weft__stream_settle(s); /* who flushes must hear of it as well */
  return status == WEFT_OK ? weft__park_skip(s->rt, 0) : status;
}

int weft_stream_write(weft_runtime *rt, weft_stream stream, const void *data,
                      size_t size_bytes) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  uv_buf_t buf = {.base = (char *)(uintptr_t)data, .len = size_bytes};
  struct pieces pieces = {&buf, 1, size_bytes};
  return write_pieces(s, &pieces);
}

/* Fills [bufs]; the sum of their sizes, or SIZE_MAX if there can be no such
 * pieces. */
static size_t set_bufs(uv_buf_t *bufs, const void *const *data,
                       const size_t *sizes_bytes, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    if ((data[i] == NULL && sizes_bytes[i] > 0) ||
        sizes_bytes[i] > SIZE_MAX - 1 - total)
      return SIZE_MAX;
    total += sizes_bytes[i];
    bufs[i].base = (char *)(uintptr_t)data[i];
    bufs[i].len = sizes_bytes[i];
  }
  return total;
}

int weft_stream_writev(weft_runtime *rt, weft_stream stream,
                       const void *const *data, const size_t *sizes_bytes,
                       size_t count) {
  struct stream *s;
  uv_buf_t few[FEW], *bufs = few;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (count > INT_MAX / sizeof(*bufs))
    return WEFT_EINVAL;
  if (count > FEW)
    bufs = weft__resize(NULL, 0, count * sizeof(*bufs));
  if (bufs == NULL)
    return WEFT_ENOMEM;
  struct pieces pieces = {bufs, count,
                          set_bufs(bufs, data, sizes_bytes, count)};
  status =
      pieces.size_bytes == SIZE_MAX ? WEFT_EINVAL : write_pieces(s, &pieces);
  if (count > FEW)
    weft__free(bufs, count * sizeof(*bufs));
  return status;
}

int weft_stream_flush(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  weft__outbox_flush(s);
  status = begin(s);
  if (status != WEFT_OK)
    return status;
  if (weft__stream_unsent(s) == 0)
    return weft__park_skip(rt, 0);
  uint64_t unused;
  return weft__park(rt, &s->flushers, "flush", stream, weft__withdraw_plain,
                    NULL, &unused);
}

/* Ends the sending side if it can be ended now. */
static int try_shut(struct stream *s) {
  if (s->shut || !list_is_empty(&s->writers))
    return WEFT_OK;
  int status = weft__filter_shutdown(s);
  if (status != WEFT_OK || s->ended)
    return s->ended ? WEFT_ECLOSED : status;
  if (s->write_status == WEFT_OK)
    return weft__stream_unsent(s) == 0 ? shut(s) : WEFT_OK;
  weft__stream_settle(s);
  return s->write_status;
}

int weft_stream_shutdown(weft_runtime *rt, weft_stream stream) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  weft__outbox_flush(s);
  status = begin(s);
  if (status != WEFT_OK)
    return status;
  status = try_shut(s);
  if (status != WEFT_OK)
    return status;
  if (s->shut)
    return weft__park_skip(rt, 0);
  uint64_t unused;
  return weft__park(rt, &s->shutdowns, "shutdown", stream, weft__withdraw_plain,
                    NULL, &unused);
}
