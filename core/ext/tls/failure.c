/* SPDX-License-Identifier: MIT
 * failure.c - what went wrong, as a code of weft's and one clear line.
 *
 * A line names the peer, and the certificate where that was the trouble. What
 * OpenSSL itself has to say is the error's cause. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tls.h"

#define MESSAGE_BYTES 1024
#define NAME_BYTES 256

/* -- Errors --------------------------------------------------------------- */

static void set_detail(weft_error *error, int status, const char *detail) {
  weft_error *cause;
  if (detail == NULL || weft_error_new(status, NULL, detail, &cause) != WEFT_OK)
    return;
  weft_error_set_cause(error, cause);
  weft_error_unref(cause);
}

weft_error *tls__error(int status, const char *detail, const char *format,
                       ...) {
  char message[MESSAGE_BYTES];
  weft_error *error;
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (weft_error_new(status, NULL, message, &error) != WEFT_OK)
    return NULL;
  set_detail(error, status, detail);
  return error;
}

int tls__clear_errors(int status) {
  unsigned long code;
  while ((code = ERR_get_error()) != 0)
    if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE && status != WEFT_OK)
      status = WEFT_ENOMEM;
  return status;
}

int tls__status_from_errno(int number) {
  static const struct {
    int number;
    int status;
  } codes[] = {
      {EACCES, WEFT_EACCES},   {EINTR, WEFT_EINTR},
      {EIO, WEFT_EIO},         {EISDIR, WEFT_EISDIR},
      {EMFILE, WEFT_EMFILE},   {ENAMETOOLONG, WEFT_ENAMETOOLONG},
      {ENFILE, WEFT_ENFILE},   {ENODEV, WEFT_ENODEV},
      {ENOENT, WEFT_ENOENT},   {ENOMEM, WEFT_ENOMEM},
      {ENOTDIR, WEFT_ENOTDIR}, {EPERM, WEFT_EPERM},
  };
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i].number == number)
      return codes[i].status;
  return WEFT_EOTHER;
}

const char *tls__peer_text(const struct tls_engine *engine) {
  if (engine->settings->side == WEFT_TLS_SERVER)
    return "the client";
  return engine->server_name == NULL ? "the server" : engine->server_name;
}

/* -- Certificates --------------------------------------------------------- */

static int certificate_status(int reason) {
  switch (reason) {
  case X509_V_ERR_OUT_OF_MEM:
    return WEFT_ENOMEM;
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return WEFT_CERT_HAS_EXPIRED;
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return WEFT_CERT_NOT_YET_VALID;
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return WEFT_SELF_SIGNED_CERT;
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return WEFT_UNKNOWN_ISSUER;
  case X509_V_ERR_CERT_REVOKED:
    return WEFT_CERT_REVOKED;
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return WEFT_HOSTNAME_MISMATCH;
  default:
    return WEFT_CERT_REJECTED;
  }
}

/* Why, in words that go on from "the certificate of x". */
static void reason_text(const X509 *certificate, int status, const char *detail,
                        char *text, size_t size_bytes) {
  char name[NAME_BYTES];
  switch (status) {
  case WEFT_CERT_HAS_EXPIRED:
    tls__time_text(X509_get0_notAfter(certificate), name, sizeof name);
    snprintf(text, size_bytes, "has expired, on %s", name);
    break;
  case WEFT_CERT_NOT_YET_VALID:
    tls__time_text(X509_get0_notBefore(certificate), name, sizeof name);
    snprintf(text, size_bytes, "is not valid before %s", name);
    break;
  case WEFT_SELF_SIGNED_CERT:
    tls__name_text(X509_get_subject_name(certificate), name, sizeof name);
    snprintf(text, size_bytes, "is signed by itself, %s, and not trusted",
             name);
    break;
  case WEFT_UNKNOWN_ISSUER:
    tls__name_text(X509_get_issuer_name(certificate), name, sizeof name);
    snprintf(text, size_bytes, "was issued by %s, which is not trusted", name);
    break;
  case WEFT_CERT_REVOKED:
    snprintf(text, size_bytes, "has been revoked");
    break;
  case WEFT_HOSTNAME_MISMATCH:
    tls__names_text(certificate, name, sizeof name);
    snprintf(text, size_bytes, "is not for that name, but for %s", name);
    break;
  default:
    snprintf(text, size_bytes, "is not accepted: %s", detail);
  }
}

static int of_certificate(const struct tls_engine *engine, weft_error **error) {
  char reason[MESSAGE_BYTES / 2], owner[NAME_BYTES] = "";
  int status = certificate_status(engine->refused_reason);
  const char *detail = X509_verify_cert_error_string(engine->refused_reason);
  if (status == WEFT_ENOMEM || engine->refused == NULL)
    return status;
  reason_text(engine->refused, status, detail, reason, sizeof reason);
  if (engine->refused_depth == 0) {
    *error = tls__error(status, detail, "the certificate of %s %s",
                        tls__peer_text(engine), reason);
    return status;
  }
  tls__name_text(X509_get_subject_name(engine->refused), owner, sizeof owner);
  *error = tls__error(status, detail,
                      "in the chain of %s's certificate, that of %s %s",
                      tls__peer_text(engine), owner, reason);
  return status;
}

/* -- The protocol --------------------------------------------------------- */

static int alert_status(int alert) {
  switch (alert) {
  case SSL_AD_PROTOCOL_VERSION:
    return WEFT_TLS_VERSION_MISMATCH;
  case SSL_AD_NO_APPLICATION_PROTOCOL:
    return WEFT_NO_SHARED_PROTOCOL;
  default:
    return WEFT_TLS_ALERT;
  }
}

/* Two of TLS 1.3 have no name in OpenSSL 3.0. */
static const char *alert_text(int alert) {
  switch (alert) {
  case SSL_AD_MISSING_EXTENSION:
    return "missing extension";
  case SSL_AD_CERTIFICATE_REQUIRED:
    return "certificate required";
  default:
    return SSL_alert_desc_string_long(alert);
  }
}

/* The peer has refused, and said why in a word. */
static int of_alert(const struct tls_engine *engine, int alert,
                    weft_error **error) {
  int status = alert_status(alert);
  const char *word = alert_text(alert);
  *error = tls__error(status, word, "%s ended TLS with the alert \"%s\"",
                      tls__peer_text(engine), word);
  return status;
}

static int of_reason(const struct tls_engine *engine, int reason,
                     const char *detail, weft_error **error) {
  const char *peer = tls__peer_text(engine);
  switch (reason) {
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    *error = tls__error(WEFT_CERT_MISSING, detail, "%s has sent no certificate",
                        peer);
    return WEFT_CERT_MISSING;
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_WRONG_SSL_VERSION:
  case SSL_R_VERSION_TOO_LOW:
  case SSL_R_VERSION_TOO_HIGH:
    *error =
        tls__error(WEFT_TLS_VERSION_MISMATCH, detail,
                   "%s speaks no version of TLS that is allowed here", peer);
    return WEFT_TLS_VERSION_MISMATCH;
  case SSL_R_NO_SHARED_CIPHER:
  case SSL_R_NO_CIPHERS_AVAILABLE:
  case SSL_R_WRONG_CIPHER_RETURNED:
    *error = tls__error(WEFT_NO_SHARED_CIPHER, detail,
                        "%s has no cipher that is allowed here", peer);
    return WEFT_NO_SHARED_CIPHER;
  case SSL_R_NO_APPLICATION_PROTOCOL:
    *error = tls__error(WEFT_NO_SHARED_PROTOCOL, detail,
                        "%s offers no application protocol that is spoken here",
                        peer);
    return WEFT_NO_SHARED_PROTOCOL;
  default:
    *error = tls__error(WEFT_TLS_FAILED, detail, "TLS with %s failed: %s", peer,
                        detail);
    return WEFT_TLS_FAILED;
  }
}

int tls__failure(const struct tls_engine *engine, weft_error **error) {
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_REASON(code);
  const char *detail = ERR_reason_error_string(code);
  *error = NULL;
  if (engine->out_of_memory ||
      tls__clear_errors(WEFT_TLS_FAILED) == WEFT_ENOMEM) {
    ERR_clear_error();
    return WEFT_ENOMEM;
  }
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      engine->refused_reason != X509_V_OK)
    return of_certificate(engine, error);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
    return of_alert(engine, reason - SSL_AD_REASON_OFFSET, error);
  return of_reason(engine, reason, detail == NULL ? "no reason given" : detail,
                   error);
}
