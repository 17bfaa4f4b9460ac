/* SPDX-License-Identifier: MIT
 * host.c - the addresses of hosts, looked up by the runtime and kept a while.
 *
 * libcurl would look names up in threads of its own. Instead the addresses are
 * given to it with each request. Requests that ask for one name at the same
 * time share a look-up, which goes on if one of them is cancelled. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* As long as libcurl keeps what it has looked up itself. */
#define KEEP_NS ((uint64_t)60 * 1000000000)

static void free_host(struct http_host *host) {
  if (host->lookup != 0)
    weft_resolve_cancel(host->session->rt, host->lookup);
  free(host->name);
  free(host->addresses);
  free(host);
}

static void remove_host(struct http_host *host) {
  struct http_host **at = &host->session->hosts;
  while (*at != host)
    at = &(*at)->next;
  *at = host->next;
  free_host(host);
}

void http__host_free_all(weft_http_session *session) {
  while (session->hosts != NULL)
    remove_host(session->hosts);
}

/* Drops the addresses that are too old, and finds [name] among the rest. */
static struct http_host *find(weft_http_session *session, const char *name) {
  struct http_host *found = NULL, *next;
  uint64_t now_ns;
  weft_now(session->rt, &now_ns);
  for (struct http_host *at = session->hosts; at != NULL; at = next) {
    next = at->next;
    if (at->addresses != NULL && at->expires_ns <= now_ns)
      remove_host(at);
    else if (strcasecmp(at->name, name) == 0)
      found = at;
  }
  return found;
}

/* -- Looking up ----------------------------------------------------------- */

/* Joins what libcurl can read: no address with a zone in it. */
static char *join(const char *const *addresses, size_t count) {
  size_t size_bytes = 1, at = 0;
  for (size_t i = 0; i < count; i++)
    size_bytes += strlen(addresses[i]) + 1;
  char *text = malloc(size_bytes);
  if (text == NULL)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    size_t bytes = strlen(addresses[i]);
    if (strchr(addresses[i], '%') != NULL)
      continue;
    if (at > 0)
      text[at++] = ',';
    memcpy(text + at, addresses[i], bytes);
    at += bytes;
  }
  text[at] = '\0';
  return text;
}

static int keep(struct http_host *host, const char *const *addresses,
                size_t count) {
  uint64_t now_ns;
  host->addresses = join(addresses, count);
  if (host->addresses == NULL)
    return WEFT_ENOMEM;
  weft_now(host->session->rt, &now_ns);
  host->expires_ns = now_ns + KEEP_NS;
  return host->addresses[0] == '\0' ? WEFT_EHOSTNOTFOUND : WEFT_OK;
}

static void on_resolved(weft_runtime *rt, void *arg, int status,
                        const char *const *addresses, size_t count) {
  struct http_host *host = arg;
  (void)rt;
  host->lookup = 0;
  if (status == WEFT_OK)
    status = keep(host, addresses, count);
  while (host->waiting != NULL) {
    struct http_transfer *transfer = host->waiting;
    http__host_leave(host, transfer);
    http__transfer_resolved(transfer, status, host->addresses);
  }
  if (status != WEFT_OK)
    remove_host(host);
}

static int start(weft_http_session *session, const char *name,
                 struct http_host **out) {
  struct http_host *host = calloc(1, sizeof *host);
  if (host == NULL)
    return WEFT_ENOMEM;
  host->session = session;
  host->name = strdup(name);
  int status = WEFT_ENOMEM;
  if (host->name != NULL)
    status = weft_resolve_start(session->rt, name, on_resolved, host, NULL,
                                &host->lookup);
  if (status != WEFT_OK) {
    free_host(host);
    return status;
  }
  host->next = session->hosts;
  session->hosts = host;
  *out = host;
  return WEFT_OK;
}

/* -- Waiting -------------------------------------------------------------- */

static void wait_for(struct http_host *host, struct http_transfer *transfer) {
  struct http_transfer **at = &host->waiting;
  while (*at != NULL)
    at = &(*at)->next_waiting;
  *at = transfer;
  transfer->next_waiting = NULL;
  transfer->host = host;
}

void http__host_leave(struct http_host *host, struct http_transfer *transfer) {
  struct http_transfer **at = &host->waiting;
  while (*at != transfer)
    at = &(*at)->next_waiting;
  *at = transfer->next_waiting;
  transfer->host = NULL;
}

int http__host_find(struct http_transfer *transfer, const char *name,
                    const char **addresses) {
  struct http_host *host = find(transfer->session, name);
  *addresses = NULL;
  if (host == NULL) {
    int status = start(transfer->session, name, &host);
    if (status != WEFT_OK)
      return status;
  }
  if (host->addresses == NULL) {
    wait_for(host, transfer);
    return WEFT_PARKED;
  }
  *addresses = host->addresses;
  return WEFT_OK;
}
