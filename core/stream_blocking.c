/* SPDX-License-Identifier: MIT
 * stream_blocking.c - streams of standard descriptors that cannot be polled:
 * input from a file, output to one, /dev/null.
 *
 * Threads of libuv's read and write at the descriptor's own position, which is
 * shared with the C library and with other programs. One read and one write at
 * a time are under way; what is to be written is copied and waits in a list.
 * Such a stream has a handle of libuv's that is never opened, so that its end
 * is the same as of others; only its memory stays until the threads are done.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* What is to be written. */
struct chunk {
  struct list node;
  size_t size_bytes;
  size_t done; /* written so far */
  char data[];
};

struct blocking {
  struct stream *stream;
  int fd;
  uv_fs_t reading, writing;
  bool is_reading, is_writing; /* under way */
  size_t unread;               /* at the end: to be given back */
  size_t unsent;
  struct list chunks; /* struct chunk.node, oldest first */
  char room[WEFT__READ_AHEAD];
};

/* -- Life ----------------------------------------------------------------- */

int weft__blocking_open(struct stream *s, int fd, int flags) {
  struct blocking *b = weft__alloc(sizeof(*b));
  if (b == NULL)
    return WEFT_ENOMEM;
  b->stream = s;
  b->fd = fd;
  list_init(&b->chunks);
  if ((flags & O_ACCMODE) == O_WRONLY)
    s->read_status = WEFT_ENOTSUP;
  if ((flags & O_ACCMODE) == O_RDONLY)
    s->write_status = WEFT_ENOTSUP;
  s->blocking = b;
  return WEFT_OK;
}

int weft__blocking_fd(const struct blocking *b) {
  return b->fd;
}

size_t weft__blocking_unsent(const struct blocking *b) {
  return b->unsent;
}

bool weft__blocking_is_busy(const struct blocking *b) {
  return b->is_reading || b->is_writing;
}

/* Others may go on where this one has stopped. */
static void give_back(struct blocking *b, size_t size_bytes) {
  if (size_bytes > 0)
    lseek(b->fd, -(off_t)size_bytes, SEEK_CUR);
}

void weft__blocking_end(struct blocking *b) {
  b->unread = b->stream->end - b->stream->begin;
  if (b->is_reading)
    uv_cancel((uv_req_t *)&b->reading);
  else
    give_back(b, b->unread);
  if (b->is_writing)
    uv_cancel((uv_req_t *)&b->writing);
}

static void drop_first(struct blocking *b) {
  struct chunk *chunk = LIST_OWNER(b->chunks.next, struct chunk, node);
  b->unsent -= chunk->size_bytes - chunk->done;
  list_remove(&chunk->node);
  weft__free(chunk, sizeof(*chunk) + chunk->size_bytes);
}

void weft__blocking_free(struct blocking *b) {
  while (!list_is_empty(&b->chunks))
    drop_first(b);
  weft__free(b, sizeof(*b));
}

/* -- Reading -------------------------------------------------------------- */

static void take_read(struct blocking *b, ssize_t count) {
  struct stream *s = b->stream;
  if (count <= 0) {
    weft__stream_read_failed(s, count == 0 ? UV_EOF : (int)count);
  } else if (weft__stream_received(s, b->room, (size_t)count) != WEFT_OK) {
    give_back(b, (size_t)count); /* for the next fill */
    weft__stream_read_failed(s, UV_ENOBUFS);
  }
}

/* Unlike a peer a file does not mind waiting: nothing is read that nobody waits
 * for, so that all of it can be given back at the end. */
static void go_on_reading(struct blocking *b) {
  struct stream *s = b->stream;
  if (s->ended || !s->reading)
    return;
  if (s->filter == NULL && list_is_empty(&s->readers))
    s->reading = false;
  else
    weft__blocking_read(b);
}

static void on_read(uv_fs_t *request) {
  struct blocking *b = request->data;
  struct stream *s = b->stream;
  ssize_t count = request->result;
  uv_fs_req_cleanup(request);
  b->is_reading = false;
  s->rt->outside_work--;
  if (s->ended) {
    give_back(b, b->unread + (count > 0 ? (size_t)count : 0));
    weft__stream_free_idle(s);
    return;
  }
  take_read(b, count);
  go_on_reading(b);
}

int weft__blocking_read(struct blocking *b) {
  struct stream *s = b->stream;
  if (b->is_reading)
    return WEFT_OK;
  size_t most = weft__stream_allowance(s);
  uv_buf_t buf = uv_buf_init(
      b->room, (unsigned)(most < sizeof(b->room) ? most : sizeof(b->room)));
  b->reading.data = b;
  int uv_code =
      uv_fs_read(&s->rt->loop, &b->reading, b->fd, &buf, 1, -1, on_read);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  b->is_reading = true;
  s->rt->outside_work++;
  return WEFT_OK;
}

/* -- Writing -------------------------------------------------------------- */

static void on_written(uv_fs_t *request);

/* Begins with the first chunk, or what is left of it. */
static int write_next(struct blocking *b) {
  struct stream *s = b->stream;
  if (b->is_writing || list_is_empty(&b->chunks))
    return WEFT_OK;
  struct chunk *chunk = LIST_OWNER(b->chunks.next, struct chunk, node);
  uv_buf_t buf = {.base = chunk->data + chunk->done,
                  .len = chunk->size_bytes - chunk->done};
  b->writing.data = b;
  int uv_code =
      uv_fs_write(&s->rt->loop, &b->writing, b->fd, &buf, 1, -1, on_written);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  b->is_writing = true;
  s->rt->outside_work++;
  return WEFT_OK;
}

static void count_written(struct blocking *b, size_t size_bytes) {
  struct chunk *chunk = LIST_OWNER(b->chunks.next, struct chunk, node);
  chunk->done += size_bytes;
  b->unsent -= size_bytes;
  if (chunk->done == chunk->size_bytes)
    drop_first(b);
}

static void on_written(uv_fs_t *request) {
  struct blocking *b = request->data;
  struct stream *s = b->stream;
  ssize_t count = request->result;
  uv_fs_req_cleanup(request);
  b->is_writing = false;
  s->rt->outside_work--;
  if (s->ended) {
    weft__stream_free_idle(s);
    return;
  }
  if (count >= 0)
    count_written(b, (size_t)count);
  int status = count < 0 ? weft__status_from_uv((int)count) : write_next(b);
  if (status != WEFT_OK)
    s->write_status = status;
  weft__stream_settle(s);
}

char *weft__blocking_room(struct blocking *b, size_t size_bytes) {
  if (size_bytes > SIZE_MAX - sizeof(struct chunk))
    return NULL;
  struct chunk *chunk =
      weft__resize(NULL, 0, sizeof(struct chunk) + size_bytes);
  if (chunk == NULL)
    return NULL;
  chunk->size_bytes = size_bytes;
  chunk->done = 0;
  list_insert(&b->chunks, &chunk->node);
  b->unsent += size_bytes;
  return chunk->data;
}

int weft__blocking_write(struct blocking *b) {
  return write_next(b);
}
