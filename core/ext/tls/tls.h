/* SPDX-License-Identifier: MIT
 * tls.h - what the files of TLS share.
 *
 * The path of a byte, and the file of each part of it:
 *
 *   stream.c      the filter on a stream, the handshake that a task waits for
 *      |
 *   engine.c      OpenSSL on memory: what came in, what is to go out
 *      |
 *   context.c     the settings it was made with; pem.c reads certificates and
 *                 keys, cipher.c lists of ciphers; host.c has certificates for
 *                 other names, session.c remembers sessions
 *
 *   failure.c     what OpenSSL reports, as a code and a clear line
 *   certificate.c what a certificate says
 *
 * Memory is OpenSSL's own, so that who replaces its allocator has all of it.
 * Its queue of errors is the thread's: whoever calls OpenSSL leaves it empty.
 */
#ifndef WEFT_TLS_PRIVATE_H
#define WEFT_TLS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "weft_tls.h"

/* -- Sessions (session.c) ------------------------------------------------- */

struct tls_session;

struct tls_sessions {
  pthread_mutex_t lock;
  struct tls_session *newest;
  size_t count;
};

void tls__sessions_open(struct tls_sessions *sessions);
void tls__sessions_close(struct tls_sessions *sessions);
/* Keeps [session], whose reference it takes, for [key]; false, and it is still
 * the caller's, for want of memory. */
bool tls__sessions_put(struct tls_sessions *sessions, const char *key,
                       SSL_SESSION *session);
/* A session for [key], the caller's to free; NULL if there is none. One of TLS
 * 1.3 is given out once. */
SSL_SESSION *tls__sessions_get(struct tls_sessions *sessions, const char *key);

/* -- Settings (context.c) ------------------------------------------------- */

/* What a context has been set to; shared by it, by others that took it over,
 * and by connections. Not changed once a handshake has begun with it. */
struct tls_settings {
  atomic_int refs;
  SSL_CTX *ctx;
  BIO_METHOD *memory; /* engine.c's */
  int side;
  int verify;
  bool check_name;
  bool has_certificate;
  bool has_ca; /* of its own: the system's are not trusted */
  bool resume;
  bool truncation;          /* is a good end */
  unsigned char *protocols; /* for ALPN, each after its length */
  size_t protocols_bytes;
  struct tls_sessions sessions;
  struct tls_host *hosts; /* host.c's */
};

/* The settings for a handshake that begins, which are not to change any more;
 * owned: tls__settings_unref. */
int tls__context_use(weft_tls_context *context, struct tls_settings **settings);
void tls__settings_unref(struct tls_settings *settings);

/* -- Other names (host.c) ------------------------------------------------- */

/* Has clients that ask for [name] get the certificate of [chosen], whose
 * reference it takes, also on failure. */
int tls__host_add(struct tls_settings *settings, const char *name,
                  struct tls_settings *chosen);
void tls__host_free_all(struct tls_settings *settings);

/* -- Ciphers (cipher.c) --------------------------------------------------- */

int tls__set_ciphers(SSL_CTX *ctx, const char *ciphers, weft_error **error);

/* -- PEM (pem.c) ---------------------------------------------------------- */

struct tls_identity {
  STACK_OF(X509) * chain; /* the own one first */
  EVP_PKEY *key;
};

/* Reads the certificates and the key; all is NULL on failure. */
int tls__pem_identity(const char *certificate, const char *key,
                      const char *password, struct tls_identity *identity,
                      weft_error **error);
void tls__pem_close_identity(struct tls_identity *identity);
/* Reads certificates, at least one. */
int tls__pem_certificates(const char *source, STACK_OF(X509) * *certificates,
                          weft_error **error);
/* Reads revocation lists, at least one. */
int tls__pem_crls(const char *source, STACK_OF(X509_CRL) * *crls,
                  weft_error **error);
bool tls__pem_is_directory(const char *source);

/* -- The engine (engine.c) ------------------------------------------------ */

struct tls_engine {
  struct tls_settings *settings;
  SSL *ssl;
  char *server_name; /* as a client was told; NULL: none */
  char *session_key; /* NULL: sessions are not kept */

  const char *received; /* what came in and was not taken yet: borrowed */
  size_t received_bytes;
  unsigned char first[8]; /* the peer's first bytes */
  size_t first_bytes;

  char *sent; /* what is to go out */
  size_t sent_bytes;
  size_t sent_capacity;
  bool out_of_memory; /* there was none for what is to go out */

  X509 *refused;      /* the peer's certificate, or one of its chain */
  int refused_reason; /* X509_V_ERR_... */
  int refused_depth;  /* 0: the peer's own */
};

BIO_METHOD *tls__engine_memory_new(void);
/* For SSL_CTX_set_verify: remembers what was refused. */
int tls__engine_on_verify(int good, X509_STORE_CTX *store);
/* For SSL_CTX_sess_set_new_cb: keeps the session. */
int tls__engine_on_session(SSL *ssl, SSL_SESSION *session);

/* Makes the engine of a connection; takes the reference to [settings], also on
 * failure, after which it is to be closed all the same. [server_name] and
 * [port] may be NULL. */
int tls__engine_open(struct tls_engine *engine, struct tls_settings *settings,
                     const char *server_name, const char *port);
void tls__engine_close(struct tls_engine *engine);

/* Lends [data] until the next call has taken it all. */
void tls__engine_receive(struct tls_engine *engine, const char *data,
                         size_t size_bytes);
/* Each of these returns WEFT_PARKED if more must come in first, and may leave
 * something to be sent, also on failure. */
int tls__engine_handshake(struct tls_engine *engine, weft_error **error);
/* WEFT_EEND: the peer has sent close_notify. */
int tls__engine_read(struct tls_engine *engine, char *room, size_t room_bytes,
                     size_t *count, weft_error **error);
int tls__engine_write(struct tls_engine *engine, const char *data,
                      size_t size_bytes, weft_error **error);
/* Ends the own side with close_notify. */
void tls__engine_shutdown(struct tls_engine *engine);
/* What was to be sent has been. */
void tls__engine_clear_sent(struct tls_engine *engine);

/* -- Failures (failure.c) ------------------------------------------------- */

/* Makes an error; [detail] is its cause, NULL for none. NULL for want of
 * memory. */
weft_error *tls__error(int status, const char *detail, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Empties OpenSSL's queue: WEFT_ENOMEM if that was why, else [status]. */
int tls__clear_errors(int status);
/* The code, and the error, of what OpenSSL has just refused. */
int tls__failure(const struct tls_engine *engine, weft_error **error);
/* Who the peer is, in words. */
const char *tls__peer_text(const struct tls_engine *engine);
int tls__status_from_errno(int number);

/* -- Certificates (certificate.c) ----------------------------------------- */

/* "2031-01-31 23:59:59 UTC" */
void tls__time_text(const ASN1_TIME *time, char *text, size_t size_bytes);
/* "CN=a, O=b" */
void tls__name_text(const X509_NAME *name, char *text, size_t size_bytes);
/* "a.example, 127.0.0.1", cut off with "..." where it gets long. */
void tls__names_text(const X509 *certificate, char *text, size_t size_bytes);
/* Makes the map of weft_tls_get_certificate. */
int tls__certificate_value(X509 *certificate, weft_value **value);

#endif
