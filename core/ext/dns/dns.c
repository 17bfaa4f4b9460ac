/* SPDX-License-Identifier: MIT
 * dns.c - resolvers: their life and settings, and the look-ups they do for the
 * runtime. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"

/* So often the system's files are looked at, if names are looked up at all. */
#define CHECK_NS UINT64_C(5000000000)

int dns__status(int ares_code) {
  switch (ares_code) {
  case ARES_SUCCESS:
    return WEFT_OK;
  case ARES_ENOMEM:
    return WEFT_ENOMEM;
  case ARES_ECANCELLED:
  case ARES_EDESTRUCTION:
    return WEFT_ECLOSED;
  case ARES_ENODATA:
  case ARES_ENOTFOUND:
  case ARES_ENONAME:
  case ARES_EBADNAME:
  case ARES_EFORMERR:
    return WEFT_EHOSTNOTFOUND;
  default: /* no server gave a good answer */
    return WEFT_EHOSTTRYAGAIN;
  }
}

/* -- Life ----------------------------------------------------------------- */

static void init_ares(void) {
  ares_library_init(ARES_LIB_INIT_ALL);
}

static void end(weft_dns *dns) {
  dns__operations_end(dns, WEFT_ECLOSED);
  while (dns->channels != NULL)
    dns__channel_free(dns->channels);
  if (dns->telling != 0)
    weft_timer_cancel(dns->rt, dns->telling, NULL);
  dns->telling = 0;
  dns->rt = NULL;
}

void dns__unref(weft_dns *dns) {
  if (--dns->references > 0)
    return;
  free(dns->servers);
  free(dns);
}

static void never(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

static void on_runtime_end(void *arg) {
  weft_dns *dns = arg;
  dns->lifetime = 0;
  end(dns);
  dns__unref(dns);
}

int weft_dns_new(weft_runtime *rt, weft_dns **made) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  *made = NULL;
  pthread_once(&once, init_ares);
  weft_dns *dns = calloc(1, sizeof *dns);
  if (dns == NULL)
    return WEFT_ENOMEM;
  dns->rt = rt;
  dns->etc = "/etc";
  dns->references = 2; /* the caller's and that of the timer */
  dns->owned = true;
  int status =
      weft_call_at(rt, UINT64_MAX, never, dns, on_runtime_end, &dns->lifetime);
  if (status != WEFT_OK) {
    dns__unref(dns);
    return status;
  }
  *made = dns;
  return WEFT_OK;
}

/* Without an owner and a runtime that looks up with it, it ends. */
static void end_if_left(weft_dns *dns) {
  if (!dns->owned && !dns->installed && dns->lifetime != 0)
    weft_timer_cancel(dns->rt, dns->lifetime, NULL);
}

int weft_dns_close(weft_dns *dns) {
  if (dns == NULL)
    return WEFT_OK;
  dns->owned = false;
  end_if_left(dns);
  dns__unref(dns);
  return WEFT_OK;
}

/* -- Settings ------------------------------------------------------------- */

/* A channel with the settings as they are now; the old one keeps what it has.
 * Tried out first, so that a bad list of servers changes nothing. */
static int replace_channel(weft_dns *dns) {
  struct dns_channel *channel;
  int status = dns__channel_new(dns, &channel);
  if (status != WEFT_OK)
    return status;
  channel->next = dns->channels;
  dns->channels = channel;
  dns__channels_tidy(dns);
  return WEFT_OK;
}

int dns__renew(weft_dns *dns) {
  uint64_t now_ns;
  weft_now(dns->rt, &now_ns);
  if (dns->channels != NULL && now_ns - dns->checked_ns < CHECK_NS)
    return WEFT_OK;
  struct dns_stamp stamp = dns__system_stamp(dns->etc);
  dns->checked_ns = now_ns;
  if (dns->channels != NULL && memcmp(&stamp, &dns->stamp, sizeof stamp) == 0)
    return WEFT_OK;
  dns->stamp = stamp;
  dns->system = dns__system_read(dns->etc);
  return replace_channel(dns);
}

int weft_dns_set_servers(weft_dns *dns, const char *servers) {
  if (dns->rt == NULL)
    return WEFT_ECLOSED;
  char *old = dns->servers;
  dns->servers = servers == NULL ? NULL : strdup(servers);
  int status = WEFT_EINVAL;
  if (servers != NULL && servers[0] != '\0')
    status = dns->servers == NULL ? WEFT_ENOMEM : replace_channel(dns);
  if (status == WEFT_OK) {
    free(old);
    return WEFT_OK;
  }
  free(dns->servers);
  dns->servers = old;
  return status;
}

int weft_dns_set_timeout(weft_dns *dns, uint64_t timeout_ns, int attempts) {
  uint64_t timeout_ms = timeout_ns / 1000000;
  if (dns->rt == NULL)
    return WEFT_ECLOSED;
  if (timeout_ms == 0 || timeout_ms > 3600000 || attempts < 1 || attempts > 100)
    return WEFT_EINVAL;
  dns->timeout_ms = (uint32_t)timeout_ms;
  dns->attempts = attempts;
  return dns->channels == NULL ? WEFT_OK : replace_channel(dns);
}

/* -- Look-ups ------------------------------------------------------------- */

struct lookup {
  struct dns_operation operation;
  weft_resolve handle;
  int family; /* AF_INET, AF_INET6 or AF_UNSPEC */
  struct ares_addrinfo *answer;
  char host[]; /* with a zero at its end */
};

static void free_lookup(struct dns_operation *operation) {
  struct lookup *lookup = (struct lookup *)operation;
  ares_freeaddrinfo(lookup->answer);
  free(lookup);
}

static void on_answer(void *arg, int code, int timeouts,
                      struct ares_addrinfo *answer) {
  struct lookup *lookup = arg;
  (void)timeouts;
  lookup->answer = answer;
  dns__operation_ended(&lookup->operation, code);
}

static void begin_lookup(struct dns_operation *operation) {
  struct lookup *lookup = (struct lookup *)operation;
  struct ares_addrinfo_hints hints = {.ai_family = lookup->family,
                                      .ai_socktype = SOCK_STREAM};
  ares_getaddrinfo(operation->channel->ares, lookup->host, NULL, &hints,
                   on_answer, lookup);
}

/* Writes the addresses as text; returns their number. */
static size_t write_addresses(const struct ares_addrinfo_node *node,
                              char (*texts)[INET6_ADDRSTRLEN],
                              const char **pointers, size_t count_max) {
  size_t count = 0;
  for (; node != NULL && count < count_max; node = node->ai_next) {
    const void *address = &((struct sockaddr_in *)node->ai_addr)->sin_addr;
    if (node->ai_family == AF_INET6)
      address = &((struct sockaddr_in6 *)node->ai_addr)->sin6_addr;
    if (ares_inet_ntop(node->ai_family, address, texts[count],
                       INET6_ADDRSTRLEN) == NULL)
      continue;
    pointers[count] = texts[count];
    count++;
  }
  return count;
}

enum { ADDRESSES_MAX = 64 }; /* nobody can do anything with more */

static void tell_lookup(struct dns_operation *operation) {
  struct lookup *lookup = (struct lookup *)operation;
  char texts[ADDRESSES_MAX][INET6_ADDRSTRLEN];
  const char *pointers[ADDRESSES_MAX];
  weft_runtime *rt = operation->dns->rt;
  int status = operation->status;
  size_t count = 0;
  if (status == WEFT_OK)
    count =
        write_addresses(lookup->answer->nodes, texts, pointers, ADDRESSES_MAX);
  weft_resolve handle = lookup->handle;
  free_lookup(operation);
  weft_resolve_finish(rt, handle, status, pointers, count);
}

static bool is_ours(weft_dns *dns, const char *host) {
  int is_virtual = 1;
  weft_get_virtual_clock(dns->rt, &is_virtual);
  if (is_virtual || !dns__system_is_name(host))
    return false;
  if (dns__renew(dns) != WEFT_OK)
    return false;
  return dns->system.is_ours || dns->servers != NULL;
}

static int start_lookup(weft_runtime *rt, void *arg, weft_resolve handle,
                        const char *host, int family, void **out) {
  weft_dns *dns = arg;
  (void)rt;
  if (!is_ours(dns, host))
    return WEFT_ENOSYS;
  size_t host_bytes = strlen(host) + 1;
  struct lookup *lookup = calloc(1, sizeof *lookup + host_bytes);
  if (lookup == NULL)
    return WEFT_ENOMEM;
  memcpy(lookup->host, host, host_bytes);
  lookup->handle = handle;
  lookup->family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  lookup->operation.dns = dns;
  lookup->operation.begin = begin_lookup;
  lookup->operation.tell = tell_lookup;
  lookup->operation.free = free_lookup;
  *out = lookup;
  return dns__operation_start(&lookup->operation);
}

static void cancel_lookup(weft_runtime *rt, void *arg, void *operation) {
  (void)rt;
  (void)arg;
  dns__operation_cancel(operation);
}

/* -- As the runtime's resolver -------------------------------------------- */

/* There are look-ups only if the runtime ends; it tells nobody of them. */
static void drop_installed(void *arg) {
  weft_dns *dns = arg;
  dns->installed = false;
  if (dns->rt != NULL)
    dns__operations_forget(dns, tell_lookup);
  end_if_left(dns);
  dns__unref(dns);
}

int weft_dns_install(weft_dns *dns) {
  if (dns->rt == NULL)
    return WEFT_ECLOSED;
  if (dns->installed)
    return WEFT_OK;
  dns->installed = true;
  dns->references++;
  return weft_set_resolver(dns->rt, start_lookup, cancel_lookup, dns,
                           drop_installed);
}

int weft_dns_use(weft_runtime *rt) {
  weft_dns *dns;
  int status = weft_dns_new(rt, &dns);
  if (status != WEFT_OK)
    return status;
  status = weft_dns_install(dns);
  weft_dns_close(dns);
  return status;
}
