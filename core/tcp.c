/* SPDX-License-Identifier: MIT
 * tcp.c - connecting and listening by TCP, and addresses as text.
 *
 * A connect is one struct that lives as long as libuv may call it back: it
 * looks the host up, unless that is an address, then tries one address after
 * the other, each with a new stream. If all fail, the error is that of the
 * first. Cancelled, it closes what it has and is freed by the callback that
 * this still causes. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

/* -- Addresses ------------------------------------------------------------ */

int weft__address_parse(const char *host, int port,
                        struct sockaddr_storage *address) {
  memset(address, 0, sizeof(*address));
  if (uv_ip4_addr(host, port, (struct sockaddr_in *)address) == 0)
    return WEFT_OK;
  if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)address) == 0)
    return WEFT_OK;
  return WEFT_EINVAL;
}

static socklen_t address_size(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                        : sizeof(struct sockaddr_in);
}

int weft__address_text(int fd, bool peer, weft_value **value) {
  struct sockaddr_storage address;
  socklen_t size = sizeof(address);
  struct sockaddr *raw = (struct sockaddr *)&address;
  char host[80], port[8], text[96];
  if ((peer ? getpeername(fd, raw, &size) : getsockname(fd, raw, &size)) != 0)
    return weft__status_from_uv(uv_translate_sys_error(errno));
  if (getnameinfo(raw, size, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return WEFT_EAFNOSUPPORT;
  const char *form = address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
  int length = snprintf(text, sizeof(text), form, host, port);
  return weft_value_new_bytes(text, (size_t)length, value);
}

/* -- Connecting ----------------------------------------------------------- */

struct connecting {
  uv_connect_t request;
  weft_runtime *rt;
  struct task *task;     /* who waits; NULL when it was cancelled */
  weft_resolve lookup;   /* under way while there are no addresses */
  struct stream *stream; /* the attempt under way */
  int port;
  int status; /* of the first address that failed */
  size_t count;
  size_t next; /* to be tried */
  struct sockaddr_storage *addresses;
};

static void free_connecting(struct connecting *c) {
  weft__free(c->addresses, c->count * sizeof(*c->addresses));
  weft__free(c, sizeof(*c));
}

static void finish(struct connecting *c, int status, uint64_t value) {
  weft__wake(c->rt, c->task, status, value);
  free_connecting(c);
}

static void on_connected(uv_connect_t *request, int uv_code);

static int try_address(struct connecting *c,
                       const struct sockaddr_storage *address) {
  int status = weft__stream_new(c->rt, STREAM_TCP, &c->stream);
  if (status != WEFT_OK)
    return status;
  c->request.data = c;
  int uv_code = uv_tcp_connect(&c->request, &c->stream->uv.tcp,
                               (const struct sockaddr *)address, on_connected);
  if (uv_code < 0)
    weft__stream_end(c->stream);
  return weft__status_from_uv(uv_code);
}

/* Begins the next attempt that can be begun; else the error of the first. */
static int try_next(struct connecting *c) {
  while (c->next < c->count) {
    int status = try_address(c, &c->addresses[c->next++]);
    if (status == WEFT_OK)
      return WEFT_OK;
    if (c->status == WEFT_OK)
      c->status = status;
  }
  return c->status;
}

static void on_connected(uv_connect_t *request, int uv_code) {
  struct connecting *c = request->data;
  if (c->task == NULL) {
    free_connecting(c);
    return;
  }
  if (uv_code == 0) {
    finish(c, WEFT_OK, c->stream->handle);
    return;
  }
  weft__stream_end(c->stream);
  if (c->status == WEFT_OK)
    c->status = weft__status_from_uv(uv_code);
  int status = try_next(c);
  if (status != WEFT_OK)
    finish(c, status, 0);
}

static int set_addresses(struct connecting *c, const char *const *texts,
                         size_t count) {
  c->addresses = weft__alloc(count * sizeof(*c->addresses));
  if (c->addresses == NULL)
    return WEFT_ENOMEM;
  c->count = count;
  for (size_t i = 0; i < count; i++) {
    int status = weft__address_parse(texts[i], c->port, &c->addresses[i]);
    if (status != WEFT_OK)
      return status;
  }
  return WEFT_OK;
}

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *texts, size_t count) {
  struct connecting *c = arg;
  (void)rt;
  c->lookup = 0;
  if (status == WEFT_OK)
    status = set_addresses(c, texts, count);
  if (status == WEFT_OK)
    status = try_next(c);
  if (status != WEFT_OK)
    finish(c, status, 0);
}

static int withdraw_connect(weft_runtime *rt, void *arg) {
  struct connecting *c = arg;
  if (c->lookup != 0) {
    weft_resolve_cancel(rt, c->lookup);
    free_connecting(c);
    return WEFT_OK;
  }
  c->task = NULL;
  weft__stream_end(c->stream);
  return WEFT_OK;
}

static int begin_connect(struct connecting *c, const char *host) {
  struct sockaddr_storage address;
  if (weft__address_parse(host, c->port, &address) != WEFT_OK)
    return weft_resolve_start(c->rt, host, on_addresses, c, NULL, &c->lookup);
  int status = set_addresses(c, &host, 1);
  return status == WEFT_OK ? try_next(c) : status;
}

int weft_tcp_connect(weft_runtime *rt, const char *host, int port,
                     uint64_t *value) {
  *value = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 1 || port > 65535)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct connecting *c = weft__alloc(sizeof(*c));
  if (c == NULL)
    return WEFT_ENOMEM;
  c->rt = rt;
  c->task = rt->current;
  c->port = port;
  status = begin_connect(c, host);
  if (status != WEFT_OK) {
    free_connecting(c);
    return status;
  }
  return weft__park(rt, NULL, "connect", 0, withdraw_connect, c, value);
}

/* -- Listening ------------------------------------------------------------ */

static int open_listening(int fd, const struct sockaddr_storage *address,
                          int backlog) {
  int on = 1;
  /* A server that restarts must not wait for its old connections. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, (const struct sockaddr *)address, address_size(address)) != 0 ||
      listen(fd, backlog > 0 ? backlog : SOMAXCONN) != 0)
    return weft__status_from_uv(uv_translate_sys_error(errno));
  return WEFT_OK;
}

int weft_tcp_listen(weft_runtime *rt, const char *host, int port, int backlog,
                    weft_listener *listener) {
  struct sockaddr_storage address;
  *listener = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 0 || port > 65535 ||
      weft__address_parse(host, port, &address) != WEFT_OK)
    return WEFT_EINVAL;
  int fd;
  int status = weft__socket_new(address.ss_family, &fd);
  if (status != WEFT_OK)
    return status;
  status = open_listening(fd, &address, backlog);
  if (status == WEFT_OK)
    return weft__listener_new(rt, fd, listener);
  close(fd);
  return status;
}
