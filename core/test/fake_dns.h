/* SPDX-License-Identifier: MIT
 * fake_dns.h - a resolver for tests: it takes the place of the C library's
 * getaddrinfo, which libuv calls in its threads, so no test asks a server.
 *
 *   two.test       127.0.0.2, then 127.0.0.1
 *   six.test       ::1
 *   both.test      ::1, then 127.0.0.1; but for family, which others ignore,
 *                  one of them
 *   missing.test   there is no such name
 *   again.test     the server does not answer
 *   slow.test      127.0.0.1, once fake_dns_release() was called for it
 *   A+B+C          the addresses A, B and C, in this order
 *   anything else  127.0.0.1
 *
 * Likewise of getnameinfo, where a name is required:
 *   127.0.0.1      one.test
 *   127.0.0.3      slow.test, once fake_dns_release() was called for it
 *   anything else  has no name */
#ifndef WEFT_FAKE_DNS_H
#define WEFT_FAKE_DNS_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sem_t fake_dns_slow;

__attribute__((constructor)) static void fake_dns_init(void) {
  sem_init(&fake_dns_slow, 0, 0);
}

static inline void fake_dns_release(void) {
  sem_post(&fake_dns_slow);
}

/* Takes releases back for which there was no call, as that had been cancelled
 * before a thread came to it. */
static inline void fake_dns_hold(void) {
  while (sem_trywait(&fake_dns_slow) == 0)
    ;
}

static struct addrinfo *fake_dns_entry(const char *text,
                                       struct addrinfo *next) {
  struct entry {
    struct addrinfo info;
    struct sockaddr_in6 six;
    struct sockaddr_in four;
  } *entry = calloc(1, sizeof(*entry));
  entry->info.ai_next = next;
  if (inet_pton(AF_INET, text, &entry->four.sin_addr) == 1) {
    entry->four.sin_family = AF_INET;
    entry->info.ai_addr = (struct sockaddr *)&entry->four;
    entry->info.ai_addrlen = sizeof(entry->four);
  } else {
    inet_pton(AF_INET6, text, &entry->six.sin6_addr);
    entry->six.sin6_family = AF_INET6;
    entry->info.ai_addr = (struct sockaddr *)&entry->six;
    entry->info.ai_addrlen = sizeof(entry->six);
  }
  return &entry->info;
}

/* The addresses that [list] names, from behind its first plus. */
static struct addrinfo *fake_dns_list(const char *list) {
  char text[64];
  const char *plus = strchr(list, '+');
  size_t length = plus == NULL ? strlen(list) : (size_t)(plus - list);
  memcpy(text, list, length);
  text[length] = '\0';
  return fake_dns_entry(text, plus == NULL ? NULL : fake_dns_list(plus + 1));
}

/* Visible to libuv, whatever the build hides. */
__attribute__((visibility("default"))) int
getaddrinfo(const char *restrict node, const char *restrict service,
            const struct addrinfo *restrict hints,
            struct addrinfo **restrict infos) {
  (void)service;
  if (strcmp(node, "missing.test") == 0)
    return EAI_NONAME;
  if (strcmp(node, "again.test") == 0)
    return EAI_AGAIN;
  if (strcmp(node, "slow.test") == 0)
    while (sem_wait(&fake_dns_slow) != 0)
      ;
  if (strchr(node, '+') != NULL) {
    *infos = fake_dns_list(node);
    return 0;
  }
  if (strcmp(node, "both.test") == 0) {
    bool four = hints->ai_family != AF_INET6, six = hints->ai_family != AF_INET;
    *infos = four ? fake_dns_entry("127.0.0.1", NULL) : NULL;
    *infos = six ? fake_dns_entry("::1", *infos) : *infos;
    return 0;
  }
  const char *text = strcmp(node, "six.test") == 0 ? "::1" : "127.0.0.1";
  *infos = fake_dns_entry(text, NULL);
  if (strcmp(node, "two.test") == 0)
    *infos = fake_dns_entry("127.0.0.2", *infos);
  return 0;
}

__attribute__((visibility("default"))) void
freeaddrinfo(struct addrinfo *infos) {
  while (infos != NULL) {
    struct addrinfo *next = infos->ai_next;
    free(infos);
    infos = next;
  }
}

static inline int fake_dns_name(const char *text, char *host, size_t size) {
  bool slow = strcmp(text, "127.0.0.3") == 0;
  while (slow && sem_wait(&fake_dns_slow) != 0)
    ;
  if (!slow && strcmp(text, "127.0.0.1") != 0)
    return EAI_NONAME;
  snprintf(host, size, "%s", slow ? "slow.test" : "one.test");
  return 0;
}

/* The numbers that libuv and the core ask for as text are no names. */
__attribute__((visibility("default"))) int
getnameinfo(const struct sockaddr *restrict address, socklen_t size,
            char *restrict host, socklen_t host_size, char *restrict service,
            socklen_t service_size, int flags) {
  char text[INET6_ADDRSTRLEN];
  const struct sockaddr_in *four = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
  bool is_six = address->sa_family == AF_INET6;
  (void)size;
  inet_ntop(address->sa_family,
            is_six ? (const void *)&six->sin6_addr : &four->sin_addr, text,
            sizeof(text));
  if (flags & NI_NAMEREQD)
    return fake_dns_name(text, host, host_size);
  snprintf(host, host_size, "%s", text);
  if (service != NULL)
    snprintf(service, service_size, "%d",
             ntohs(is_six ? six->sin6_port : four->sin_port));
  return 0;
}

#endif
