/* SPDX-License-Identifier: MIT
 * udp.c - UDP sockets: their life, and receiving.
 *
 * The socket is ours and libuv only tells when to look at it. (uv_udp_recv
 * reads ahead of whoever wants a datagram, up to 32 at a time; here they stay
 * in the kernel's queue, whose size the user can set.) One datagram is taken
 * off that queue when somebody receives, into a buffer with room for the
 * largest, and stays there until it is consumed. So a receiver that is
 * cancelled, even after it was woken, has lost nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "udp.h"

/* More than a datagram can have: 65,507 bytes by IPv4, 65,527 by IPv6. */
#define BUFFER_BYTES ((size_t)64 * 1024)

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Life ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  weft__free(handle->data, sizeof(struct udp));
}

static int set_on(int fd, int level, int option) {
  int on = 1;
  return setsockopt(fd, level, option, &on, sizeof(on)) != 0 ? from_errno()
                                                             : WEFT_OK;
}

static int set_flags(int fd, int flags) {
  int status = WEFT_OK;
  if (flags & WEFT_UDP_REUSEADDR)
    status = set_on(fd, SOL_SOCKET, SO_REUSEADDR);
  if (status == WEFT_OK && flags & WEFT_UDP_REUSEPORT)
#if defined(SO_REUSEPORT)
    status = set_on(fd, SOL_SOCKET, SO_REUSEPORT);
#else
    status = WEFT_ENOTSUP;
#endif
  return status;
}

/* The system's default for IPv6 alone differs; ours is both. */
static int open_socket(const struct sockaddr_storage *address, int flags,
                       int *fd) {
  int status = weft__socket_new(address->ss_family, SOCK_DGRAM, fd);
  if (status != WEFT_OK)
    return status;
  int only = (flags & WEFT_UDP_IPV6ONLY) != 0;
  if (address->ss_family == AF_INET6 &&
      setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0)
    status = from_errno();
  if (status == WEFT_OK)
    status = set_flags(*fd, flags);
  if (status == WEFT_OK && bind(*fd, (const struct sockaddr *)address,
                                weft__address_size(address)) != 0)
    status = from_errno();
  if (status != WEFT_OK)
    close(*fd);
  return status;
}

static int open_udp(weft_runtime *rt, int fd, struct udp *u) {
  int status = weft__handle_new(rt, KIND_UDP, u, &u->handle);
  if (status != WEFT_OK)
    return status;
  int uv_code = uv_poll_init(&rt->loop, &u->poll, fd);
  if (uv_code < 0) {
    weft__handle_free(rt, u->handle);
    return weft__status_from_uv(uv_code);
  }
  u->poll.data = u;
  u->rt = rt;
  u->fd = fd;
  list_init(&u->receivers);
  list_init(&u->senders);
  list_init(&u->lookups);
  return WEFT_OK;
}

/* Takes [fd], also on failure. */
static int new_udp(weft_runtime *rt, int fd, int family, weft_udp *udp) {
  int status = WEFT_ENOMEM;
  struct udp *u = weft__alloc(sizeof(*u));
  if (u == NULL)
    goto close_fd;
  status = open_udp(rt, fd, u);
  if (status != WEFT_OK)
    goto free_udp;
  u->family = family;
  *udp = u->handle;
  return WEFT_OK;

free_udp:
  weft__free(u, sizeof(*u));
close_fd:
  close(fd);
  return status;
}

int weft_udp_open(weft_runtime *rt, const char *host, int port, int flags,
                  weft_udp *udp) {
  struct sockaddr_storage address;
  const int known = WEFT_UDP_REUSEADDR | WEFT_UDP_REUSEPORT | WEFT_UDP_IPV6ONLY;
  *udp = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 0 || port > 65535 || (flags & ~known) != 0 ||
      weft__address_parse(host, port, &address) != WEFT_OK)
    return WEFT_EINVAL;
  if (flags & WEFT_UDP_IPV6ONLY && address.ss_family != AF_INET6)
    return WEFT_EINVAL;
  int fd;
  int status = open_socket(&address, flags, &fd);
  if (status != WEFT_OK)
    return status;
  return new_udp(rt, fd, address.ss_family, udp);
}

void weft__udp_dispose(weft_runtime *rt, void *object) {
  struct udp *u = object;
  weft__udp_wake_senders(u, WEFT_ECLOSED);
  weft__free(u->data, u->data == NULL ? 0 : BUFFER_BYTES);
  weft_value_unref(u->text);
  weft__handle_free(rt, u->handle);
  u->handle = 0;
  uv_close((uv_handle_t *)&u->poll, on_closed);
  close(u->fd); /* libuv has let go of it by now */
}

int weft_udp_close(weft_runtime *rt, weft_udp udp) {
  struct udp *u;
  int status = weft__object(rt, udp, KIND_UDP, &u);
  if (status != WEFT_OK)
    return status;
  weft__wake_all(rt, &u->receivers, WEFT_ECLOSED);
  weft__udp_dispose(rt, u);
  return WEFT_OK;
}

int weft_udp_address(weft_runtime *rt, weft_udp udp, int peer,
                     weft_value **value) {
  struct udp *u;
  *value = NULL;
  int status = weft__object(rt, udp, KIND_UDP, &u);
  if (status != WEFT_OK)
    return status;
  return weft__address_text(u->fd, peer != 0, value);
}

void weft__udp_describe(const void *object, char *text, size_t size_bytes) {
  const struct udp *u = object;
  weft__address_describe(u->fd, false, text, size_bytes);
}

/* -- Receiving ------------------------------------------------------------ */

/* There is room for everything, so what the kernel calls cut off can only be
 * a datagram of a kind that the buffer was not made for: it is not passed off
 * as whole. */
static int take_next(struct udp *u) {
  if (u->data == NULL)
    u->data = weft__resize(NULL, 0, BUFFER_BYTES);
  if (u->data == NULL)
    return WEFT_ENOMEM;
  struct iovec room = {u->data, BUFFER_BYTES};
  struct msghdr message = {.msg_name = &u->sender,
                           .msg_namelen = sizeof(u->sender),
                           .msg_iov = &room,
                           .msg_iovlen = 1};
  ssize_t count;
  do
    count = recvmsg(u->fd, &message, 0);
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return from_errno();
  if (message.msg_flags & MSG_TRUNC)
    return WEFT_EMSGSIZE;
  u->size_bytes = (size_t)count;
  u->full = true;
  return WEFT_OK;
}

static void serve_receiver(struct udp *u) {
  int status = list_is_empty(&u->receivers) ? WEFT_EAGAIN : take_next(u);
  if (status != WEFT_EAGAIN)
    weft__wake_first(u->rt, &u->receivers, status,
                     status == WEFT_OK ? u->size_bytes : 0);
}

/* libuv goes on looking for datagrams until one comes that nobody waits for:
 * mostly the next receiver is there by then. An error stops it. */
static void on_ready(uv_poll_t *poll, int uv_code, int events) {
  struct udp *u = poll->data;
  (void)events;
  int wanted = list_is_empty(&u->receivers) ? 0 : UV_READABLE;
  serve_receiver(u);
  weft__udp_serve_senders(u);
  if (uv_code < 0) {
    u->watched = 0;
    wanted = list_is_empty(&u->receivers) ? 0 : UV_READABLE;
  }
  if (!list_is_empty(&u->senders))
    wanted |= UV_WRITABLE;
  if (wanted == u->watched)
    return;
  u->watched = wanted;
  if (wanted == 0)
    uv_poll_stop(&u->poll);
  else
    uv_poll_start(&u->poll, wanted, on_ready);
}

int weft__udp_watch(struct udp *u, int events) {
  events |= u->watched;
  if (events == u->watched)
    return WEFT_OK;
  int uv_code = uv_poll_start(&u->poll, events, on_ready);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  u->watched = events;
  return WEFT_OK;
}

int weft_udp_receive(weft_runtime *rt, weft_udp udp, uint64_t *value) {
  struct udp *u;
  *value = 0;
  int status = weft__object(rt, udp, KIND_UDP, &u);
  if (status != WEFT_OK)
    return status;
  if (!list_is_empty(&u->receivers))
    return WEFT_EBUSY;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  status = u->full ? WEFT_OK : take_next(u);
  if (status == WEFT_OK) {
    *value = u->size_bytes;
    return weft__park_skip(rt, *value);
  }
  if (status == WEFT_EAGAIN)
    status = weft__udp_watch(u, UV_READABLE);
  if (status != WEFT_OK)
    return status;
  return weft__park(rt, &u->receivers, "receive", udp, weft__withdraw_plain,
                    NULL, value);
}

/* -- The datagram received ------------------------------------------------ */

/* As weft__object, for one that has a datagram. */
static int find_full(weft_runtime *rt, weft_udp udp, struct udp **u) {
  int status = weft__object(rt, udp, KIND_UDP, u);
  if (status != WEFT_OK)
    return status;
  return (*u)->full ? WEFT_OK : WEFT_EEMPTY;
}

int weft_udp_peek(weft_runtime *rt, weft_udp udp, const char **data,
                  size_t *size_bytes) {
  struct udp *u;
  *data = NULL;
  *size_bytes = 0;
  int status = find_full(rt, udp, &u);
  if (status != WEFT_OK)
    return status;
  *data = u->data;
  *size_bytes = u->size_bytes;
  return WEFT_OK;
}

static int write_sender(struct udp *u) {
  char text[WEFT__ADDRESS_TEXT];
  int length =
      weft__address_write(&u->sender, weft__address_size(&u->sender), text);
  weft_value_unref(u->text);
  u->text = NULL;
  u->known = u->sender;
  if (length == 0)
    return WEFT_EAFNOSUPPORT;
  return weft_value_new_bytes(text, (size_t)length, &u->text);
}

/* The text is kept, for the next datagram is mostly from the same. */
int weft_udp_sender(weft_runtime *rt, weft_udp udp, weft_value **value) {
  struct udp *u;
  *value = NULL;
  int status = find_full(rt, udp, &u);
  if (status != WEFT_OK)
    return status;
  size_t size_bytes = weft__address_size(&u->sender);
  if (u->text == NULL || memcmp(&u->known, &u->sender, size_bytes) != 0)
    status = write_sender(u);
  *value = weft_value_ref(u->text);
  return status;
}

int weft_udp_consume(weft_runtime *rt, weft_udp udp) {
  struct udp *u;
  int status = find_full(rt, udp, &u);
  if (status == WEFT_OK)
    u->full = false;
  return status;
}
