/* SPDX-License-Identifier: MIT
 * stream_filter.c - what stands between a stream's connection and its users, as
 * TLS does.
 *
 * A filter is a function of the host's. It may be called from within a call of
 * a task's or in the poll, each time outside any task, and it may do anything
 * to the stream that needs no task, up to ending it: so nothing here or in the
 * callers touches what a filter may have taken away without looking again
 * (s->ended; the memory itself stays until libuv's callback). Waiters are
 * served by whoever has made the outermost call to the filter. */
#include "stream.h"

static int call(struct stream *s, int event, const char *data,
                size_t size_bytes) {
  struct aside was = weft__aside_begin(s->rt);
  s->filtering++;
  int status = s->filter->fn(s->rt, s->filter->arg, event, data, size_bytes);
  s->filtering--;
  weft__aside_end(s->rt, was);
  return status > WEFT_OK ? WEFT_EHOST : status;
}

/* -- What the stream tells it --------------------------------------------- */

/* A peer that will say no more may listen still. */
static void fail(struct stream *s, int status) {
  if (s->ended)
    return;
  if (s->write_status == WEFT_OK && status != WEFT_EEND)
    s->write_status = status;
  weft__stream_end_reading(s, status);
}

void weft__filter_received(struct stream *s, const char *data,
                           size_t size_bytes) {
  if (size_bytes == 0)
    return;
  int status = call(s, WEFT_FILTER_RECEIVED, data, size_bytes);
  if (status != WEFT_OK)
    fail(s, status);
  weft__stream_settle(s);
}

int weft__filter_ended(struct stream *s) {
  if (s->filter == NULL)
    return WEFT_EEND;
  int status = call(s, WEFT_FILTER_ENDED, NULL, 0);
  return status == WEFT_OK ? WEFT_EEND : status;
}

int weft__filter_send(struct stream *s, const char *data, size_t size_bytes) {
  return call(s, WEFT_FILTER_SEND, data, size_bytes);
}

int weft__filter_shutdown(struct stream *s) {
  if (s->filter == NULL || s->filter->shut || s->filter->failed)
    return WEFT_OK;
  s->filter->shut = true;
  int status = call(s, WEFT_FILTER_SHUTDOWN, NULL, 0);
  if (status != WEFT_OK)
    s->filter->shut = false;
  return status;
}

void weft__filter_failed(struct stream *s, int status) {
  if (s->filter == NULL || s->filter->failed)
    return;
  s->filter->failed = true;
  call(s, status, NULL, 0);
}

void weft__filter_free(struct stream *s) {
  if (s->filter == NULL)
    return;
  weft__drop(s->filter->drop, s->filter->arg);
  weft__free(s->filter, sizeof(*s->filter));
}

void weft__stream_clear_scratch(weft_runtime *rt) {
  weft__free(rt->scratch, WEFT__SCRATCH);
}

/* -- What it is made with ------------------------------------------------- */

/* Whether nobody waits on the stream and nothing of it was read. */
static bool is_unused(const struct stream *s) {
  return s->begin == s->end && !s->shut && list_is_empty(&s->readers) &&
         list_is_empty(&s->writers) && list_is_empty(&s->flushers) &&
         list_is_empty(&s->shutdowns);
}

/* A pipe has one direction only; that is no failure. */
static int broken(const struct stream *s) {
  if (s->write_status != WEFT_OK && s->write_status != WEFT_ENOTSUP)
    return s->write_status;
  return s->read_status == WEFT_ENOTSUP ? WEFT_OK : s->read_status;
}

static int add_filter(struct stream *s) {
  if (s->closing)
    return WEFT_ECLOSED;
  if (s->filter != NULL || !is_unused(s))
    return WEFT_ESTATE;
  int status = broken(s);
  if (status != WEFT_OK)
    return status;
  if (s->rt->scratch == NULL)
    s->rt->scratch = weft__resize(NULL, 0, WEFT__SCRATCH);
  if (s->rt->scratch == NULL)
    return WEFT_ENOMEM;
  s->filter = weft__alloc(sizeof(*s->filter));
  return s->filter == NULL ? WEFT_ENOMEM : WEFT_OK;
}

static int set_filter(struct stream *s) {
  weft__outbox_flush(s);
  int status = add_filter(s);
  if (status != WEFT_OK || s->read_status != WEFT_OK)
    return status;
  status = weft__stream_start_reading(s);
  if (status == WEFT_OK)
    return WEFT_OK;
  weft__free(s->filter, sizeof(*s->filter));
  s->filter = NULL;
  return status;
}

int weft_stream_set_filter(weft_runtime *rt, weft_stream stream,
                           weft_filter_fn fn, void *arg, weft_drop_fn drop) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status == WEFT_OK)
    status = fn == NULL ? WEFT_EINVAL : set_filter(s);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  s->filter->fn = fn;
  s->filter->arg = arg;
  s->filter->drop = drop;
  return WEFT_OK;
}

/* -- What it calls -------------------------------------------------------- */

static int find_filtered(weft_runtime *rt, weft_stream stream,
                         struct stream **found) {
  int status = weft__object(rt, stream, KIND_STREAM, found);
  if (status != WEFT_OK)
    return status;
  return (*found)->filter == NULL ? WEFT_ESTATE : WEFT_OK;
}

int weft_stream_deliver(weft_runtime *rt, weft_stream stream, const void *data,
                        size_t size_bytes) {
  struct stream *s;
  int status = find_filtered(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  if (s->closing)
    return WEFT_ECLOSED;
  if (s->read_status != WEFT_OK)
    return s->read_status;
  return weft__stream_add(s, data, size_bytes);
}

int weft_stream_transmit(weft_runtime *rt, weft_stream stream, const void *data,
                         size_t size_bytes) {
  struct stream *s;
  int status = find_filtered(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  if (s->shut)
    return WEFT_ECLOSED;
  if (s->write_status != WEFT_OK)
    return s->write_status;
  status = weft__stream_take(s, data, size_bytes);
  if (status != WEFT_OK)
    weft__stream_settle(s);
  return status;
}

int weft_stream_fail(weft_runtime *rt, weft_stream stream, int code) {
  struct stream *s;
  int status = find_filtered(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  if (code >= WEFT_OK)
    return WEFT_EINVAL;
  fail(s, code);
  weft__stream_settle(s);
  return WEFT_OK;
}
