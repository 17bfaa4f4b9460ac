/* SPDX-License-Identifier: MIT
 * udp_send.c - the sending side of UDP sockets, and connecting them.
 *
 * A datagram goes to the kernel at once or, while that has no room, when its
 * turn comes; until then it stays where the caller has it, and nothing is
 * copied. Those who send to a name first wait for its address, each for
 * itself, and join the line then. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "udp.h"

/* A task that waits to send or to connect. */
struct sending {
  struct list node; /* in udp->senders or udp->lookups */
  struct udp *udp;
  struct task *task;
  weft_resolve lookup; /* 0 unless under way */
  bool connects;       /* instead of sending */
  int port;
  bool has_address; /* else it goes to the peer connected to */
  struct sockaddr_storage address;
  const void *data;
  size_t size_bytes;
};

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Addresses ------------------------------------------------------------ */

/* An IPv6 socket writes an IPv4 address like this. */
static void map_address(struct sockaddr_storage *address) {
  struct sockaddr_in four;
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  memcpy(&four, address, sizeof(four));
  six.sin6_port = four.sin_port;
  six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
  memcpy(&six.sin6_addr.s6_addr[12], &four.sin_addr, 4);
  memcpy(address, &six, sizeof(six));
}

/* Reads an address that the socket can send to; WEFT_EINVAL: it is a name. */
static int parse(const struct udp *u, const char *host, int port,
                 struct sockaddr_storage *address) {
  int status = weft__address_parse(host, port, address);
  if (status != WEFT_OK || address->ss_family == u->family)
    return status;
  if (u->family == AF_INET)
    return WEFT_EAFNOSUPPORT;
  map_address(address);
  return WEFT_OK;
}

/* The first address that the socket can send to. */
static int choose(struct sending *s, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (parse(s->udp, texts[i], s->port, &s->address) == WEFT_OK)
      return WEFT_OK;
  return WEFT_EAFNOSUPPORT;
}

/* -- To the kernel -------------------------------------------------------- */

/* WEFT_EAGAIN: there is no room. */
static int send_now(struct sending *s) {
  const struct sockaddr *to =
      s->has_address ? (const struct sockaddr *)&s->address : NULL;
  socklen_t size = s->has_address ? weft__address_size(&s->address) : 0;
  ssize_t sent;
  do
    sent = sendto(s->udp->fd, s->data, s->size_bytes, MSG_NOSIGNAL, to, size);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? from_errno() : WEFT_OK;
}

/* The own address, and where in it the port is; NULL if there is none. */
static in_port_t *own_port(const struct udp *u, struct sockaddr_storage *own) {
  socklen_t size = sizeof(*own);
  if (getsockname(u->fd, (struct sockaddr *)own, &size) != 0)
    return NULL;
  return own->ss_family == AF_INET ? &((struct sockaddr_in *)own)->sin_port
                                   : &((struct sockaddr_in6 *)own)->sin6_port;
}

/* Linux takes a port that it chose itself away with the peer. */
static int disconnect(const struct udp *u) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  struct sockaddr_storage before, after;
  const in_port_t *port = own_port(u, &before);
  if (connect(u->fd, &none, sizeof(none)) != 0)
    return from_errno();
  in_port_t *left = own_port(u, &after);
  if (port == NULL || left == NULL || *left != 0)
    return WEFT_OK;
  *left = *port;
  int result =
      bind(u->fd, (const struct sockaddr *)&after, weft__address_size(&after));
  return result != 0 ? from_errno() : WEFT_OK;
}

/* Without an address the socket is connected to nobody any more. */
static int connect_now(struct sending *s) {
  if (!s->has_address)
    return disconnect(s->udp);
  const struct sockaddr *to = (const struct sockaddr *)&s->address;
  socklen_t size = weft__address_size(&s->address);
  return connect(s->udp->fd, to, size) != 0 ? from_errno() : WEFT_OK;
}

/* -- Waiting -------------------------------------------------------------- */

static void free_sending(struct sending *s) {
  list_remove(&s->node);
  weft__free(s, sizeof(*s));
}

static void finish(struct sending *s, int status) {
  weft__wake(s->udp->rt, s->task, status, 0);
  free_sending(s);
}

static int withdraw(weft_runtime *rt, void *arg) {
  struct sending *s = arg;
  if (s->lookup != 0)
    weft_resolve_cancel(rt, s->lookup);
  free_sending(s);
  return WEFT_OK;
}

static struct sending *first_of(struct list *list) {
  return LIST_OWNER(list->next, struct sending, node);
}

void weft__udp_serve_senders(struct udp *u) {
  while (!list_is_empty(&u->senders)) {
    struct sending *s = first_of(&u->senders);
    int status = send_now(s);
    if (status == WEFT_EAGAIN)
      return;
    finish(s, status);
  }
}

void weft__udp_wake_senders(struct udp *u, int status) {
  list_move_all(&u->senders, &u->lookups);
  while (!list_is_empty(&u->senders)) {
    struct sending *s = first_of(&u->senders);
    if (s->lookup != 0)
      weft_resolve_cancel(u->rt, s->lookup);
    finish(s, status);
  }
}

/* Connects, or sends behind those who wait; WEFT_PARKED: there is no room. */
static int go(struct sending *s) {
  struct udp *u = s->udp;
  if (s->connects)
    return connect_now(s);
  int status = list_is_empty(&u->senders) ? send_now(s) : WEFT_EAGAIN;
  if (status != WEFT_EAGAIN)
    return status;
  status = weft__udp_watch(u, UV_WRITABLE);
  return status == WEFT_OK ? WEFT_PARKED : status;
}

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *texts, size_t count) {
  struct sending *s = arg;
  (void)rt;
  s->lookup = 0;
  if (status == WEFT_OK)
    status = choose(s, texts, count);
  if (status == WEFT_OK)
    status = go(s);
  if (status != WEFT_PARKED) {
    finish(s, status);
    return;
  }
  list_remove(&s->node);
  list_insert(&s->udp->senders, &s->node);
}

/* -- Calls ---------------------------------------------------------------- */

static int park(const struct sending *what, const char *host, uint64_t *value) {
  weft_runtime *rt = what->udp->rt;
  struct sending *s = weft__alloc(sizeof(*s));
  if (s == NULL)
    return WEFT_ENOMEM;
  *s = *what;
  s->task = rt->current;
  list_init(&s->node);
  if (host != NULL) {
    int status =
        weft_resolve_start(rt, host, on_addresses, s, NULL, &s->lookup);
    if (status != WEFT_OK) {
      free_sending(s);
      return status;
    }
  }
  list_insert(host != NULL ? &s->udp->lookups : &s->udp->senders, &s->node);
  return weft__park(rt, NULL, s->connects ? "connect" : "send", s->udp->handle,
                    withdraw, s, value);
}

/* The half of both calls after the checks. */
static int begin(struct sending *s, const char *host) {
  uint64_t unused;
  int status = weft__park_begin(s->udp->rt);
  if (status != WEFT_OK)
    return status;
  s->has_address = host != NULL;
  if (host != NULL)
    status = parse(s->udp, host, s->port, &s->address);
  if (status == WEFT_EINVAL)
    return park(s, host, &unused);
  if (status == WEFT_OK)
    status = go(s);
  if (status == WEFT_PARKED)
    return park(s, NULL, &unused);
  return status == WEFT_OK ? weft__park_skip(s->udp->rt, 0) : status;
}

static bool is_port(int port) {
  return port >= 1 && port <= 65535;
}

int weft_udp_send(weft_runtime *rt, weft_udp udp, const void *data,
                  size_t size_bytes, const char *host, int port) {
  struct sending s = {.data = data, .size_bytes = size_bytes, .port = port};
  int status = weft__object(rt, udp, KIND_UDP, &s.udp);
  if (status != WEFT_OK)
    return status;
  if ((data == NULL && size_bytes > 0) || (host != NULL && !is_port(port)))
    return WEFT_EINVAL;
  return begin(&s, host);
}

int weft_udp_connect(weft_runtime *rt, weft_udp udp, const char *host,
                     int port) {
  struct sending s = {.connects = true, .port = port};
  int status = weft__object(rt, udp, KIND_UDP, &s.udp);
  if (status != WEFT_OK)
    return status;
  if (host != NULL && !is_port(port))
    return WEFT_EINVAL;
  return begin(&s, host);
}
