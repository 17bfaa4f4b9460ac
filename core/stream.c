/* SPDX-License-Identifier: MIT
 * stream.c - connections: their life.
 *
 * An end has two halves. weft__stream_end closes the descriptor and frees the
 * handle; libuv's callback then frees the memory and wakes whoever waits in
 * weft_stream_close. The descriptor alone may go before: that is how the peer
 * of a pipe is told of the end. */
#include <unistd.h>

#include "stream.h"

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
  list_init(&s->readable);
  list_init(&s->readers);
  list_init(&s->writers);
  list_init(&s->flushers);
  list_init(&s->shutdowns);
  init_uv(s, kind);
  *stream = s;
  return WEFT_OK;
}

static void free_stream(struct stream *s) {
  weft__wake_all(s->rt, &s->closers, WEFT_OK);
  weft__filter_free(s);
  if (s->blocking != NULL)
    weft__blocking_free(s->blocking);
  if (s->pair != NULL)
    weft__pair_free(s->pair);
  weft__stream_free_buffers(s);
  weft__free(s, sizeof(*s));
}

void weft__stream_free_idle(struct stream *s) {
  bool is_busy = s->blocking != NULL && weft__blocking_is_busy(s->blocking);
  if (s->closed && !is_busy)
    free_stream(s);
}

/* Until its own end a stream whose descriptor went before has a new handle,
 * without one. */
static void on_closed(uv_handle_t *handle) {
  struct stream *s = handle->data;
  if (s->ended) {
    s->closed = true;
    weft__stream_free_idle(s);
    return;
  }
  s->released = false;
  init_uv(s, STREAM_PIPE);
}

void weft__stream_release(struct stream *s) {
  if (s->released)
    return;
  weft__outbox_flush(s);
  if (s->released)
    return; /* that has done it */
  int fd = weft__stream_fd(s);
  s->released = true;
  list_remove(&s->readable);
  uv_close(&s->uv.handle, on_closed);
  if (s->blocking != NULL)
    weft__blocking_end(s->blocking);
  else if (s->pair != NULL)
    weft__pair_end(s->pair);
  else if (s->standard)
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
  weft__outbox_flush(s);
  begin_close(s);
  if (!rt->current->entry.cancelled && s->write_status == WEFT_OK)
    weft__filter_shutdown(s);
  weft__filter_failed(s, WEFT_ECLOSED);
  if (rt->current->entry.cancelled || s->write_status != WEFT_OK || s->ended ||
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
  weft__outbox_flush(s);
  begin_close(s);
  weft__filter_failed(s, WEFT_ECLOSED);
  weft__stream_end(s);
  return WEFT_OK;
}
