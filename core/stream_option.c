/* SPDX-License-Identifier: MIT
 * stream_option.c - what can be set on a stream, and asked of it, without
 * waiting: options of TCP, addresses, sizes. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "stream.h"

#if !defined(TCP_KEEPIDLE) && defined(TCP_KEEPALIVE)
#define TCP_KEEPIDLE TCP_KEEPALIVE /* macOS */
#endif

#define SECOND_NS UINT64_C(1000000000)
/* More seconds Linux does not take. */
#define IDLE_MAX 32767

/* The stream, if it is open. */
static int find_open(weft_runtime *rt, weft_stream stream, struct stream **s) {
  int status = weft__object(rt, stream, KIND_STREAM, s);
  if (status != WEFT_OK)
    return status;
  return (*s)->closing ? WEFT_ECLOSED : WEFT_OK;
}

/* -- Options of TCP ------------------------------------------------------- */

static int find_tcp(weft_runtime *rt, weft_stream stream, struct stream **s) {
  int status = find_open(rt, stream, s);
  if (status != WEFT_OK)
    return status;
  return (*s)->uv.handle.type == UV_TCP ? WEFT_OK : WEFT_ENOTSUP;
}

int weft_stream_set_nodelay(weft_runtime *rt, weft_stream stream, int on) {
  struct stream *s;
  int status = find_tcp(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  return weft__status_from_uv(uv_tcp_nodelay(&s->uv.tcp, on != 0));
}

/* libuv sets how long the silence may last, but not how often to ask then,
 * which is 75 s by default. */
static int set_keepalive(struct stream *s, int idle_s) {
  int uv_code = uv_tcp_keepalive(&s->uv.tcp, idle_s > 0, (unsigned)idle_s);
#ifdef TCP_KEEPINTVL
  if (uv_code == 0 && idle_s > 0 &&
      setsockopt(weft__stream_fd(s), IPPROTO_TCP, TCP_KEEPINTVL, &idle_s,
                 sizeof(idle_s)) != 0)
    uv_code = uv_translate_sys_error(errno);
#endif
  return weft__status_from_uv(uv_code);
}

int weft_stream_set_keepalive(weft_runtime *rt, weft_stream stream,
                              uint64_t idle_ns) {
  struct stream *s;
  int status = find_tcp(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  if (idle_ns == WEFT__NEVER)
    return set_keepalive(s, 0);
  if (idle_ns == 0 || idle_ns > IDLE_MAX * SECOND_NS)
    return WEFT_EINVAL;
  return set_keepalive(s, (int)((idle_ns - 1) / SECOND_NS + 1));
}

/* -- Addresses ------------------------------------------------------------ */

int weft_stream_address(weft_runtime *rt, weft_stream stream, int peer,
                        weft_value **value) {
  struct stream *s;
  *value = NULL;
  int status = find_open(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  if (s->pair != NULL)
    return weft_value_new_bytes("", 0, value);
  status = weft__address_text(weft__stream_fd(s), peer != 0, value);
  if (status == WEFT_ENOTSOCK)
    return weft_value_new_bytes("", 0, value);
  return status;
}

void weft__stream_describe(const void *object, char *text, size_t size_bytes) {
  const struct stream *s = object;
  if (s->pair != NULL)
    snprintf(text, size_bytes, " on a stream in memory");
  else
    weft__address_describe(weft__stream_fd(s), true, text, size_bytes);
}

/* -- Sizes ---------------------------------------------------------------- */

int weft_stream_get_sizes(weft_runtime *rt, weft_stream stream,
                          size_t *unread_bytes, size_t *unsent_bytes) {
  struct stream *s;
  *unread_bytes = *unsent_bytes = 0;
  int status = find_open(rt, stream, &s);
  if (status != WEFT_OK)
    return status;
  weft__outbox_flush(s);
  *unread_bytes = s->end - s->begin;
  *unsent_bytes = weft__stream_unsent(s);
  return WEFT_OK;
}

int weft_stream_is_terminal(weft_runtime *rt, weft_stream stream, int *flag) {
  struct stream *s;
  *flag = 0;
  int status = find_open(rt, stream, &s);
  if (status == WEFT_OK)
    *flag = isatty(weft__stream_fd(s));
  return status;
}
