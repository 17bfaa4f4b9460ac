/* SPDX-License-Identifier: MIT
 * cipher.c - which ciphers are allowed, by a list of names. */
#include <string.h>

#include "tls.h"

/* OpenSSL leaves out what it does not know, so each name is tried by itself;
 * what begins with a sign takes away or sorts. */
static bool is_cipher(SSL_CTX *ctx, const char *name) {
  if (strncmp(name, "TLS_", 4) == 0)
    return SSL_CTX_set_ciphersuites(ctx, name) == 1;
  return strchr("!-+@", name[0]) != NULL ||
         SSL_CTX_set_cipher_list(ctx, name) == 1;
}

/* Parts [list] into the names before TLS 1.3 and those from then on, each with
 * room for all of it. */
static int part_ciphers(SSL_CTX *scratch, char *list, char *old, char *fresh,
                        size_t size_bytes, weft_error **error) {
  char *rest = list;
  for (char *name = strtok_r(list, ": ", &rest); name != NULL;
       name = strtok_r(NULL, ": ", &rest)) {
    if (!is_cipher(scratch, name)) {
      int status = tls__clear_errors(WEFT_EINVAL);
      if (status == WEFT_EINVAL)
        *error = tls__error(status, NULL, "there is no cipher called %s", name);
      return status;
    }
    char *place = strncmp(name, "TLS_", 4) == 0 ? fresh : old;
    if (place[0] != '\0')
      OPENSSL_strlcat(place, ":", size_bytes);
    OPENSSL_strlcat(place, name, size_bytes);
  }
  return WEFT_OK;
}

static int apply_ciphers(SSL_CTX *ctx, const char *old, const char *fresh,
                         weft_error **error) {
  bool is_good =
      (old[0] == '\0' || SSL_CTX_set_cipher_list(ctx, old) == 1) &&
      (fresh[0] == '\0' || SSL_CTX_set_ciphersuites(ctx, fresh) == 1) &&
      (old[0] != '\0' || fresh[0] != '\0');
  int status = tls__clear_errors(is_good ? WEFT_OK : WEFT_EINVAL);
  if (status == WEFT_EINVAL)
    *error = tls__error(status, NULL, "no cipher is left");
  return status;
}

int tls__set_ciphers(SSL_CTX *ctx, const char *ciphers, weft_error **error) {
  size_t size_bytes = strlen(ciphers) + 1;
  SSL_CTX *scratch = SSL_CTX_new(TLS_method());
  char *room = OPENSSL_zalloc(3 * size_bytes);
  int status = tls__clear_errors(WEFT_ENOMEM);
  if (scratch != NULL && room != NULL) {
    char *old = room + size_bytes, *fresh = old + size_bytes;
    memcpy(room, ciphers, size_bytes);
    status = part_ciphers(scratch, room, old, fresh, size_bytes, error);
    if (status == WEFT_OK)
      status = apply_ciphers(ctx, old, fresh, error);
  }
  OPENSSL_free(room);
  SSL_CTX_free(scratch);
  ERR_clear_error();
  return status;
}
