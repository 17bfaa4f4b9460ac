/* SPDX-License-Identifier: MIT
 * channel.c - c-ares on the runtime's loop.
 *
 * c-ares says which sockets it waits for, and, when asked, when it wants to be
 * called at the latest; a watch and a timer of the runtime's do that. Its
 * callback cannot fail, so a failure (no memory) is noted and ends what the
 * channel has to do when c-ares has returned. */
#include <stdio.h>
#include <stdlib.h>

#include "dns.h"

#define NS_PER_S UINT64_C(1000000000)
#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_ATTEMPTS 2

struct dns_socket {
  struct dns_socket *next;
  struct dns_channel *channel;
  ares_socket_t fd;
  int events;
  weft_watch watch;
};

/* -- Acting --------------------------------------------------------------- */

/* Calls c-ares for a socket, ARES_SOCKET_BAD for none, and deals with what it
 * has done. The channel may be gone then. */
static void act(struct dns_channel *channel, ares_socket_t readable,
                ares_socket_t writable) {
  weft_dns *dns = channel->dns;
  ares_process_fd(channel->ares, readable, writable);
  dns__channel_settle(channel);
  dns__operations_tell(dns);
}

/* -- Times ---------------------------------------------------------------- */

static void on_time(weft_runtime *rt, void *arg) {
  struct dns_channel *channel = arg;
  weft_timer_close(rt, channel->timer);
  channel->timer = 0;
  act(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void clear_timer(struct dns_channel *channel) {
  if (channel->timer != 0)
    weft_timer_cancel(channel->dns->rt, channel->timer, NULL);
  channel->timer = 0;
}

/* Never later than c-ares wants; earlier does no harm, and an answer that came
 * need not move the timer. */
static int set_timer(struct dns_channel *channel) {
  struct timeval room, *wanted = ares_timeout(channel->ares, NULL, &room);
  uint64_t now_ns;
  if (wanted == NULL) {
    clear_timer(channel);
    return WEFT_OK;
  }
  weft_now(channel->dns->rt, &now_ns);
  uint64_t time_ns = now_ns + (uint64_t)wanted->tv_sec * NS_PER_S +
                     (uint64_t)wanted->tv_usec * 1000;
  if (channel->timer != 0 && channel->timer_ns <= time_ns)
    return WEFT_OK;
  clear_timer(channel);
  channel->timer_ns = time_ns;
  return weft_call_at(channel->dns->rt, time_ns, on_time, channel, NULL,
                      &channel->timer);
}

void dns__channel_settle(struct dns_channel *channel) {
  int status = set_timer(channel);
  if (status != WEFT_OK)
    channel->failure = status;
  if (channel->failure == WEFT_OK)
    return;
  ares_cancel(channel->ares);
  channel->failure = WEFT_OK;
}

/* -- Sockets -------------------------------------------------------------- */

static struct dns_socket *find_socket(const struct dns_channel *channel,
                                      ares_socket_t fd) {
  struct dns_socket *socket = channel->sockets;
  while (socket != NULL && socket->fd != fd)
    socket = socket->next;
  return socket;
}

/* One with an error is not looked at any more; if c-ares keeps it all the same,
 * it has to be. */
static void watch_again(weft_dns *dns, const struct dns_channel *channel,
                        ares_socket_t fd) {
  struct dns_channel *at = dns->channels;
  while (at != NULL && at != channel)
    at = at->next;
  struct dns_socket *socket = at == NULL ? NULL : find_socket(at, fd);
  if (socket != NULL)
    weft_watch_set(dns->rt, socket->watch, socket->events);
}

static void on_ready(weft_runtime *rt, void *arg, int status, int events) {
  struct dns_socket *socket = arg;
  struct dns_channel *channel = socket->channel;
  weft_dns *dns = channel->dns;
  ares_socket_t fd = socket->fd;
  bool failed = status < 0;
  (void)rt;
  dns->references++;
  act(channel, failed || events & WEFT_READABLE ? fd : ARES_SOCKET_BAD,
      failed || events & WEFT_WRITABLE ? fd : ARES_SOCKET_BAD);
  if (failed && dns->rt != NULL)
    watch_again(dns, channel, fd);
  dns__unref(dns);
}

static void free_socket(struct dns_socket *socket) {
  struct dns_socket **at = &socket->channel->sockets;
  while (*at != socket)
    at = &(*at)->next;
  *at = socket->next;
  weft_watch_close(socket->channel->dns->rt, socket->watch);
  free(socket);
}

static int watch(struct dns_channel *channel, ares_socket_t fd, int events) {
  struct dns_socket *socket = find_socket(channel, fd);
  weft_runtime *rt = channel->dns->rt;
  if (socket == NULL) {
    socket = calloc(1, sizeof *socket);
    if (socket == NULL)
      return WEFT_ENOMEM;
    socket->channel = channel;
    socket->fd = fd;
    int status = weft_watch_new(rt, fd, on_ready, socket, NULL, &socket->watch);
    if (status != WEFT_OK) {
      free(socket);
      return status;
    }
    socket->next = channel->sockets;
    channel->sockets = socket;
  }
  socket->events = events;
  return weft_watch_set(rt, socket->watch, events);
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable) {
  struct dns_channel *channel = arg;
  int events = (readable ? WEFT_READABLE : 0) | (writable ? WEFT_WRITABLE : 0);
  if (events == 0) {
    struct dns_socket *socket = find_socket(channel, fd);
    if (socket != NULL)
      free_socket(socket);
    return;
  }
  int status = watch(channel, fd, events);
  if (status != WEFT_OK)
    channel->failure = status;
}

/* -- Life ----------------------------------------------------------------- */

static int or_else(int number, int other) {
  return number > 0 ? number : other;
}

static int open_ares(weft_dns *dns, struct dns_channel *channel) {
  char path[512], lookups[] = "fb"; /* files, then name servers */
  snprintf(path, sizeof path, "%s/resolv.conf", dns->etc);
  int timeout_ms = or_else(dns->system.timeout_ms, DEFAULT_TIMEOUT_MS);
  int attempts = or_else(dns->system.attempts, DEFAULT_ATTEMPTS);
  struct ares_options options = {.timeout =
                                     or_else((int)dns->timeout_ms, timeout_ms),
                                 .tries = or_else(dns->attempts, attempts),
                                 .lookups = lookups,
                                 .resolvconf_path = path,
                                 .sock_state_cb = on_socket,
                                 .sock_state_cb_data = channel};
  int code =
      ares_init_options(&channel->ares, &options,
                        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                            ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB);
  if (code != ARES_SUCCESS || dns->servers == NULL)
    return code;
  code = ares_set_servers_ports_csv(channel->ares, dns->servers);
  if (code != ARES_SUCCESS)
    ares_destroy(channel->ares);
  return code;
}

int dns__channel_new(weft_dns *dns, struct dns_channel **made) {
  struct dns_channel *channel = calloc(1, sizeof *channel);
  if (channel == NULL)
    return WEFT_ENOMEM;
  channel->dns = dns;
  int code = open_ares(dns, channel);
  if (code != ARES_SUCCESS) {
    free(channel);
    return code == ARES_ENOMEM ? WEFT_ENOMEM : WEFT_EINVAL;
  }
  *made = channel;
  return WEFT_OK;
}

void dns__channel_free(struct dns_channel *channel) {
  struct dns_channel **at = &channel->dns->channels;
  while (*at != NULL && *at != channel)
    at = &(*at)->next;
  if (*at != NULL)
    *at = channel->next;
  ares_cancel(channel->ares); /* else destroying may free a look-up twice */
  ares_destroy(channel->ares);
  clear_timer(channel);
  free(channel);
}

/* -- What nobody wants ---------------------------------------------------- */

static bool is_wanted(const struct dns_channel *channel) {
  const struct dns_operation *operation = channel->operations.first;
  while (operation != NULL && !operation->wanted)
    operation = operation->next;
  return operation != NULL;
}

void dns__channels_tidy(weft_dns *dns) {
  for (struct dns_channel *at = dns->channels, *next; at != NULL; at = next) {
    next = at->next;
    if (is_wanted(at))
      continue;
    if (at->operations.first != NULL)
      ares_cancel(at->ares);
    if (at != dns->channels)
      dns__channel_free(at);
    else
      set_timer(at);
  }
}
