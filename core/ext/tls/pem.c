/* SPDX-License-Identifier: MIT
 * pem.c - certificates, keys and revocation lists, from a file or from text.
 *
 * Each error says where it read and what it missed there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>

#include "tls.h"

/* -- Sources -------------------------------------------------------------- */

static bool is_text(const char *source) {
  return strstr(source, "-----BEGIN ") != NULL;
}

/* For messages. */
static const char *source_text(const char *source) {
  return is_text(source) ? "the PEM text" : source;
}

bool tls__pem_is_directory(const char *source) {
  struct stat info;
  return !is_text(source) && stat(source, &info) == 0 && S_ISDIR(info.st_mode);
}

static int fail_to_read(const char *path, int number, weft_error **error) {
  int status = tls__clear_errors(tls__status_from_errno(number));
  if (status != WEFT_ENOMEM)
    *error = tls__error(status, NULL, "%s cannot be read: %s", path,
                        weft_strerror(status));
  return status;
}

/* Opens what [source] stands for. */
static int open_source(const char *source, BIO **bio, weft_error **error) {
  if (is_text(source)) {
    *bio = BIO_new_mem_buf(source, -1);
    return *bio == NULL ? tls__clear_errors(WEFT_ENOMEM) : WEFT_OK;
  }
  *bio = NULL;
  if (tls__pem_is_directory(source))
    return fail_to_read(source, EISDIR, error);
  errno = 0;
  *bio = BIO_new_file(source, "r");
  return *bio == NULL ? fail_to_read(source, errno, error) : WEFT_OK;
}

/* Whether reading one after the other has come to the end, and not to what is
 * wrong. */
static bool is_at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* The outcome of reading [count] objects until none came. */
static int finish_reading(const char *source, int count, const char *what,
                          weft_error **error) {
  bool is_good = count > 0 && is_at_end();
  bool is_none = is_at_end();
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  int status = tls__clear_errors(is_good ? WEFT_OK : WEFT_EINVAL);
  if (status != WEFT_EINVAL)
    return status;
  *error = is_none ? tls__error(status, NULL, "there is no %s in %s", what,
                                source_text(source))
                   : tls__error(status, reason, "a %s in %s is broken", what,
                                source_text(source));
  return status;
}

/* -- Certificates and lists ----------------------------------------------- */

int tls__pem_certificates(const char *source, STACK_OF(X509) * *certificates,
                          weft_error **error) {
  BIO *bio;
  X509 *one;
  *certificates = NULL;
  int status = open_source(source, &bio, error);
  if (status != WEFT_OK)
    return status;
  STACK_OF(X509) *list = sk_X509_new_null();
  bool has_room = list != NULL;
  while (has_room && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    has_room = sk_X509_push(list, one) > 0;
    if (!has_room)
      X509_free(one);
  }
  BIO_free(bio);
  status = has_room
               ? finish_reading(source, sk_X509_num(list), "certificate", error)
               : tls__clear_errors(WEFT_ENOMEM);
  if (status == WEFT_OK)
    *certificates = list;
  else
    sk_X509_pop_free(list, X509_free);
  return status;
}

int tls__pem_crls(const char *source, STACK_OF(X509_CRL) * *crls,
                  weft_error **error) {
  BIO *bio;
  X509_CRL *one;
  *crls = NULL;
  int status = open_source(source, &bio, error);
  if (status != WEFT_OK)
    return status;
  STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
  bool has_room = list != NULL;
  while (has_room &&
         (one = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
    has_room = sk_X509_CRL_push(list, one) > 0;
    if (!has_room)
      X509_CRL_free(one);
  }
  BIO_free(bio);
  status = has_room ? finish_reading(source, sk_X509_CRL_num(list),
                                     "revocation list", error)
                    : tls__clear_errors(WEFT_ENOMEM);
  if (status == WEFT_OK)
    *crls = list;
  else
    sk_X509_CRL_pop_free(list, X509_CRL_free);
  return status;
}

/* -- Keys ----------------------------------------------------------------- */

struct password {
  const char *text; /* NULL: there is none */
  bool asked;
};

static int give_password(char *room, int room_bytes, int writing, void *arg) {
  struct password *password = arg;
  (void)writing;
  password->asked = true;
  size_t length = password->text == NULL ? 0 : strlen(password->text);
  if (password->text == NULL || length > (size_t)room_bytes)
    return -1;
  memcpy(room, password->text, length);
  return (int)length;
}

static int fail_to_get_key(const char *source, const struct password *password,
                           weft_error **error) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  int status = tls__clear_errors(WEFT_EINVAL);
  const char *where = source_text(source);
  if (status != WEFT_EINVAL)
    return status;
  if (password->asked && password->text == NULL)
    *error =
        tls__error(status, NULL,
                   "the key in %s is encrypted: it needs its password", where);
  else if (password->asked)
    *error = tls__error(status, reason,
                        "the password of the key in %s is wrong", where);
  else
    *error = tls__error(status, reason, "there is no private key in %s", where);
  return status;
}

static int read_key(const char *source, const char *text, EVP_PKEY **key,
                    weft_error **error) {
  struct password password = {text, false};
  BIO *bio;
  int status = open_source(source, &bio, error);
  if (status != WEFT_OK)
    return status;
  *key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &password);
  BIO_free(bio);
  if (*key == NULL)
    return fail_to_get_key(source, &password, error);
  ERR_clear_error();
  return WEFT_OK;
}

static int check_match(const char *certificate, const char *key,
                       const struct tls_identity *identity,
                       weft_error **error) {
  if (X509_check_private_key(sk_X509_value(identity->chain, 0),
                             identity->key) == 1)
    return WEFT_OK;
  int status = tls__clear_errors(WEFT_EINVAL);
  if (status == WEFT_EINVAL)
    *error = tls__error(status, NULL,
                        "the key in %s is not the key of the certificate in %s",
                        source_text(key), source_text(certificate));
  return status;
}

int tls__pem_identity(const char *certificate, const char *key,
                      const char *password, struct tls_identity *identity,
                      weft_error **error) {
  *identity = (struct tls_identity){NULL, NULL};
  const char *key_source = key == NULL ? certificate : key;
  int status = tls__pem_certificates(certificate, &identity->chain, error);
  if (status == WEFT_OK)
    status = read_key(key_source, password, &identity->key, error);
  if (status == WEFT_OK)
    status = check_match(certificate, key_source, identity, error);
  if (status != WEFT_OK)
    tls__pem_close_identity(identity);
  return status;
}

void tls__pem_close_identity(struct tls_identity *identity) {
  sk_X509_pop_free(identity->chain, X509_free);
  EVP_PKEY_free(identity->key);
  *identity = (struct tls_identity){NULL, NULL};
}
