/* SPDX-License-Identifier: MIT
 * host.c - a server that is called by several names, each with a certificate of
 * its own.
 *
 * The client says whom it wants to speak with before anything is agreed on; the
 * settings it is then given another context's certificate by are the first of
 * its name, else the first wildcard that fits, else those it came to. */
#include <string.h>
#include <strings.h>

#include "tls.h"

struct tls_host {
  struct tls_host *next;
  struct tls_settings *settings;
  char name[]; /* or "*.example.org" */
};

/* Whether the name is that of [host], or one label below it. */
static bool is_named(const struct tls_host *host, const char *name) {
  if (strcasecmp(host->name, name) == 0)
    return true;
  const char *dot = strchr(name, '.');
  return host->name[0] == '*' && dot != NULL && dot != name &&
         strcasecmp(host->name + 1, dot) == 0;
}

static const struct tls_host *find(const struct tls_settings *settings,
                                   const char *name) {
  const struct tls_host *found = NULL;
  for (const struct tls_host *host = settings->hosts; host != NULL;
       host = host->next) {
    if (!is_named(host, name))
      continue;
    if (host->name[0] != '*')
      return host;
    found = found == NULL ? host : found;
  }
  return found;
}

/* OpenSSL asks once the client's name is known. */
static int choose(SSL *ssl, int *alert, void *arg) {
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const struct tls_host *host = name == NULL ? NULL : find(arg, name);
  (void)alert;
  if (host == NULL)
    return SSL_TLSEXT_ERR_NOACK;
  if (SSL_set_SSL_CTX(ssl, host->settings->ctx) == NULL)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  return SSL_TLSEXT_ERR_OK;
}

static bool is_pattern(const char *name) {
  const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
  return rest[0] != '\0' && rest[0] != '.' && strchr(rest, '*') == NULL;
}

int tls__host_add(struct tls_settings *settings, const char *name,
                  struct tls_settings *chosen) {
  size_t name_bytes = strlen(name) + 1;
  bool is_good = is_pattern(name) && chosen->has_certificate;
  struct tls_host *host =
      is_good ? OPENSSL_malloc(sizeof *host + name_bytes) : NULL;
  if (host == NULL) {
    tls__settings_unref(chosen);
    return tls__clear_errors(is_good ? WEFT_ENOMEM : WEFT_EINVAL);
  }
  memcpy(host->name, name, name_bytes);
  host->settings = chosen;
  struct tls_host **place = &settings->hosts;
  while (*place != NULL)
    place = &(*place)->next;
  host->next = NULL;
  *place = host;
  SSL_CTX_set_tlsext_servername_callback(settings->ctx, choose);
  SSL_CTX_set_tlsext_servername_arg(settings->ctx, settings);
  return WEFT_OK;
}

void tls__host_free_all(struct tls_settings *settings) {
  while (settings->hosts != NULL) {
    struct tls_host *host = settings->hosts;
    settings->hosts = host->next;
    tls__settings_unref(host->settings);
    OPENSSL_free(host);
  }
}
