/* SPDX-License-Identifier: MIT
 * tcp.c - listening by TCP, on one address or on all of a host's.
 *
 * A host with several addresses, as localhost mostly is, gets one listener with
 * a socket for each, all on one port. An address that this machine does not
 * have, as an IPv6 one where there is no IPv6, is left out as long as there is
 * another. "*" is every address of the machine: one socket of IPv6 that takes
 * IPv4 as well, or, without IPv6, one of IPv4. */
#include <stdio.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "stream.h"

#define KNOWN_FLAGS (WEFT_LISTEN_REUSEPORT | WEFT_LISTEN_IPV6ONLY)
/* How often another port is tried, where the system chose one that is free at
 * the first address only. */
#define PORTS_MAX 16

/* What to listen on. */
struct ports {
  struct sockaddr_storage *addresses;
  size_t count;
  int backlog;
  int flags; /* enum weft_listen_flags */
};

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- One address ---------------------------------------------------------- */

static bool set_option(int fd, int level, int option, int on) {
  return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

static int set_options(int fd, int family, const struct ports *ports) {
  /* A server that restarts must not wait for its old connections. */
  if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1))
    return from_errno();
#ifdef SO_REUSEPORT
  if ((ports->flags & WEFT_LISTEN_REUSEPORT) != 0 &&
      !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))
    return from_errno();
#else
  if ((ports->flags & WEFT_LISTEN_REUSEPORT) != 0)
    return WEFT_ENOTSUP;
#endif
  bool only = ports->count > 1 || (ports->flags & WEFT_LISTEN_IPV6ONLY) != 0;
  if (family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only))
    return from_errno();
  return WEFT_OK;
}

static int open_socket(const struct ports *ports, size_t index, int *fd) {
  const struct sockaddr_storage *address = &ports->addresses[index];
  int backlog = ports->backlog > 0 ? ports->backlog : SOMAXCONN;
  int status = weft__socket_new(address->ss_family, SOCK_STREAM, fd);
  if (status != WEFT_OK)
    return status;
  status = set_options(*fd, address->ss_family, ports);
  if (status == WEFT_OK && (bind(*fd, (const struct sockaddr *)address,
                                 weft__address_size(address)) != 0 ||
                            listen(*fd, backlog) != 0))
    status = from_errno();
  if (status != WEFT_OK)
    close(*fd);
  return status;
}

/* -- All of them ---------------------------------------------------------- */

/* The place of the port is the same in both families. */
static in_port_t *port_of(struct sockaddr_storage *address) {
  return &((struct sockaddr_in *)address)->sin_port;
}

static bool is_not_here(int status) {
  return status == WEFT_EADDRNOTAVAIL || status == WEFT_EAFNOSUPPORT;
}

static bool is_same_host(const struct sockaddr_storage *a,
                         const struct sockaddr_storage *b) {
  const struct sockaddr_in *four_a = (const void *)a, *four_b = (const void *)b;
  const struct sockaddr_in6 *six_a = (const void *)a, *six_b = (const void *)b;
  if (a->ss_family != b->ss_family)
    return false;
  if (a->ss_family == AF_INET)
    return four_a->sin_addr.s_addr == four_b->sin_addr.s_addr;
  return six_a->sin6_scope_id == six_b->sin6_scope_id &&
         memcmp(&six_a->sin6_addr, &six_b->sin6_addr,
                sizeof(six_a->sin6_addr)) == 0;
}

/* Whether the address was there before: a hosts file may have one twice. */
static bool is_repeated(const struct ports *ports, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (is_same_host(&ports->addresses[i], &ports->addresses[index]))
      return true;
  return false;
}

/* Gives the addresses from [first] on the port that the system chose. */
static void share_port(const struct ports *ports, size_t first, int fd) {
  struct sockaddr_storage chosen;
  socklen_t size = sizeof(chosen);
  if (getsockname(fd, (struct sockaddr *)&chosen, &size) != 0)
    return;
  for (size_t i = first; i < ports->count; i++)
    *port_of(&ports->addresses[i]) = *port_of(&chosen);
}

static void close_all(const int *fds, size_t count) {
  for (size_t i = 0; i < count; i++)
    close(fds[i]);
}

/* Opens a socket for each address that is here; all or none. */
static int open_sockets(const struct ports *ports, int *fds, size_t *opened) {
  int first_status = WEFT_OK;
  *opened = 0;
  for (size_t i = 0; i < ports->count; i++) {
    if (is_repeated(ports, i))
      continue;
    int status = open_socket(ports, i, &fds[*opened]);
    if (status == WEFT_OK && ++*opened == 1)
      share_port(ports, i + 1, fds[0]);
    if (first_status == WEFT_OK)
      first_status = status;
    if (status == WEFT_OK || is_not_here(status))
      continue;
    close_all(fds, *opened);
    return status;
  }
  return *opened > 0 ? WEFT_OK : first_status;
}

static int open_at_some_port(const struct ports *ports, int *fds,
                             size_t *opened) {
  bool any = *port_of(&ports->addresses[0]) == 0;
  for (int tries = 1;; tries++) {
    int status = open_sockets(ports, fds, opened);
    if (status != WEFT_EADDRINUSE || !any || tries == PORTS_MAX)
      return status;
    for (size_t i = 0; i < ports->count; i++)
      *port_of(&ports->addresses[i]) = 0;
  }
}

static int listen_on(weft_runtime *rt, const struct ports *ports,
                     weft_listener *listener) {
  size_t size_bytes = ports->count * sizeof(int);
  int *fds = weft__alloc(size_bytes);
  if (fds == NULL)
    return WEFT_ENOMEM;
  struct sockets sockets = {.kind = STREAM_TCP, .fds = fds};
  int status = open_at_some_port(ports, fds, &sockets.count);
  if (status == WEFT_OK)
    status = weft__listener_new(rt, &sockets, listener);
  weft__free(fds, size_bytes);
  return status;
}

int weft_tcp_listen(weft_runtime *rt, const char *host, int port, int backlog,
                    weft_listener *listener) {
  struct sockaddr_storage address;
  struct ports ports = {&address, 1, backlog, 0};
  *listener = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 0 || port > 65535 ||
      weft__address_parse(host, port, &address) != WEFT_OK)
    return WEFT_EINVAL;
  return listen_on(rt, &ports, listener);
}

/* -- A host's addresses --------------------------------------------------- */

/* A task that waits for a name's addresses. */
struct listening {
  struct task *task;
  weft_resolve lookup;
  int port;
  int backlog;
  int flags;
  char *host;
};

static void free_listening(void *arg) {
  struct listening *l = arg;
  weft__free_text(l->host);
  weft__free(l, sizeof(*l));
}

static int listen_on_texts(weft_runtime *rt, const struct listening *l,
                           const char *const *texts, size_t count,
                           weft_listener *listener) {
  struct ports ports = {NULL, count, l->backlog, l->flags};
  size_t size_bytes = count * sizeof(*ports.addresses);
  ports.addresses = weft__alloc(size_bytes);
  if (ports.addresses == NULL)
    return WEFT_ENOMEM;
  int status = WEFT_OK;
  for (size_t i = 0; i < count && status == WEFT_OK; i++)
    status = weft__address_parse(texts[i], l->port, &ports.addresses[i]);
  if (status == WEFT_OK)
    status = listen_on(rt, &ports, listener);
  weft__free(ports.addresses, size_bytes);
  return status;
}

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *texts, size_t count) {
  struct listening *l = arg;
  weft_listener listener = 0;
  if (status == WEFT_OK)
    status = listen_on_texts(rt, l, texts, count, &listener);
  weft__wake(rt, l->task, status, listener);
}

static int withdraw_listen(weft_runtime *rt, void *arg) {
  struct listening *l = arg;
  return weft_resolve_cancel(rt, l->lookup);
}

bool weft__listen_describe(const struct task *task, char *text,
                           size_t size_bytes) {
  if (task->withdraw != withdraw_listen)
    return false;
  const struct listening *l = task->withdraw_arg;
  snprintf(text, size_bytes, " on %s:%d", l->host, l->port);
  return true;
}

static int look_up(weft_runtime *rt, const char *host,
                   const struct listening *wanted, uint64_t *value) {
  weft_resolve lookup;
  struct listening *l = weft__alloc(sizeof(*l));
  if (l == NULL)
    return WEFT_ENOMEM;
  *l = *wanted;
  l->task = rt->current;
  l->host = weft__copy_text(host);
  if (l->host == NULL) {
    free_listening(l);
    return WEFT_ENOMEM;
  }
  int status =
      weft_resolve_start(rt, host, on_addresses, l, free_listening, &lookup);
  if (status != WEFT_OK)
    return status; /* which has freed it */
  l->lookup = lookup;
  return weft__park(rt, NULL, "listen", 0, withdraw_listen, l, value);
}

/* "*" */
static int listen_everywhere(weft_runtime *rt, const struct listening *l,
                             weft_listener *listener) {
  static const char *const six[] = {"::"}, *const four[] = {"0.0.0.0"};
  int status = listen_on_texts(rt, l, six, 1, listener);
  if (is_not_here(status) && (l->flags & WEFT_LISTEN_IPV6ONLY) == 0)
    status = listen_on_texts(rt, l, four, 1, listener);
  return status;
}

int weft_tcp_listen_all(weft_runtime *rt, const char *host, int port,
                        int backlog, int flags, uint64_t *value) {
  struct listening l = {.port = port, .backlog = backlog, .flags = flags};
  struct sockaddr_storage address;
  *value = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 0 || port > 65535 || (flags & ~KNOWN_FLAGS) != 0)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  weft_listener listener = 0;
  if (strcmp(host, "*") == 0)
    status = listen_everywhere(rt, &l, &listener);
  else if (weft__address_parse(host, port, &address) == WEFT_OK)
    status = listen_on_texts(rt, &l, &host, 1, &listener);
  else
    return look_up(rt, host, &l, value);
  *value = listener;
  return status == WEFT_OK ? weft__park_skip(rt, listener) : status;
}
