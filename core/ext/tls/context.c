/* SPDX-License-Identifier: MIT
 * context.c - contexts: what the connections of one side have in common.
 *
 * A context points to its settings, which are counted: each connection holds
 * those it began with. Setters work on settings that nobody else has yet;
 * replacing gives a context others, so nothing is ever changed under a
 * connection, in whichever thread that is. */
#include <string.h>

#include "tls.h"

#define PROTOCOLS_MAX_BYTES                                                    \
  65535 /* what the extension of the hello can hold                            \
         */

struct weft_tls_context {
  atomic_int refs;
  pthread_mutex_t lock; /* of what follows */
  struct tls_settings *settings;
  bool used; /* nothing may be set any more */
};

/* -- Settings ------------------------------------------------------------- */

/* A server's choice among what a client offers by ALPN. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen,
                           unsigned char *chosen_bytes,
                           const unsigned char *offered, unsigned offered_bytes,
                           void *arg) {
  const struct tls_settings *settings = arg;
  unsigned char *found;
  (void)ssl;
  if (SSL_select_next_proto(&found, chosen_bytes, settings->protocols,
                            (unsigned)settings->protocols_bytes, offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

static void set_resume(struct tls_settings *settings, bool on) {
  settings->resume = on;
  if (settings->side == WEFT_TLS_CLIENT) {
    SSL_CTX_set_session_cache_mode(
        settings->ctx, on ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                          : SSL_SESS_CACHE_OFF);
    return;
  }
  SSL_CTX_set_session_cache_mode(settings->ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(settings->ctx, on ? 2 : 0);
  if (on)
    SSL_CTX_clear_options(settings->ctx, SSL_OP_NO_TICKET);
  else
    SSL_CTX_set_options(settings->ctx, SSL_OP_NO_TICKET);
}

static void set_verify(struct tls_settings *settings, int verify) {
  int mode = verify == WEFT_TLS_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
  if (verify == WEFT_TLS_VERIFY_REQUIRED)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  settings->verify = verify;
  SSL_CTX_set_verify(settings->ctx, mode,
                     mode == SSL_VERIFY_NONE ? NULL : tls__engine_on_verify);
}

/* What no setter changes. A server's sessions must have an id, or those of
 * clients with certificates are refused. */
static bool set_up_ctx(SSL_CTX *ctx) {
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_sess_set_new_cb(ctx, tls__engine_on_session);
  return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"weft",
                                        4) == 1;
}

static void free_settings(struct tls_settings *settings) {
  tls__sessions_close(&settings->sessions);
  tls__host_free_all(settings);
  SSL_CTX_free(settings->ctx);
  BIO_meth_free(settings->memory);
  OPENSSL_free(settings->protocols);
  OPENSSL_free(settings);
  ERR_clear_error(); /* freeing allocates, and may find no memory */
}

void tls__settings_unref(struct tls_settings *settings) {
  if (settings != NULL && atomic_fetch_sub(&settings->refs, 1) == 1)
    free_settings(settings);
}

static struct tls_settings *new_settings(int side) {
  struct tls_settings *settings = OPENSSL_zalloc(sizeof *settings);
  if (settings == NULL)
    return NULL;
  atomic_init(&settings->refs, 1);
  tls__sessions_open(&settings->sessions);
  settings->side = side;
  settings->check_name = true;
  settings->memory = tls__engine_memory_new();
  settings->ctx = SSL_CTX_new(side == WEFT_TLS_CLIENT ? TLS_client_method()
                                                      : TLS_server_method());
  if (settings->memory == NULL || settings->ctx == NULL ||
      !set_up_ctx(settings->ctx)) {
    free_settings(settings);
    return NULL;
  }
  set_verify(settings, side == WEFT_TLS_CLIENT ? WEFT_TLS_VERIFY_REQUIRED
                                               : WEFT_TLS_VERIFY_NONE);
  set_resume(settings, true);
  return settings;
}

/* -- Life ----------------------------------------------------------------- */

static weft_tls_context *make_context(int side) {
  weft_tls_context *context = OPENSSL_zalloc(sizeof *context);
  if (context == NULL)
    return NULL;
  context->settings = new_settings(side);
  if (context->settings == NULL) {
    OPENSSL_free(context);
    return NULL;
  }
  atomic_init(&context->refs, 1);
  pthread_mutex_init(&context->lock, NULL);
  return context;
}

int weft_tls_context_new(int side, weft_tls_context **context) {
  *context = NULL;
  if (side != WEFT_TLS_CLIENT && side != WEFT_TLS_SERVER)
    return WEFT_EINVAL;
  *context = make_context(side);
  ERR_clear_error();
  return *context == NULL ? WEFT_ENOMEM : WEFT_OK;
}

weft_tls_context *weft_tls_context_ref(weft_tls_context *context) {
  if (context != NULL)
    atomic_fetch_add(&context->refs, 1);
  return context;
}

void weft_tls_context_unref(weft_tls_context *context) {
  if (context == NULL || atomic_fetch_sub(&context->refs, 1) != 1)
    return;
  tls__settings_unref(context->settings);
  pthread_mutex_destroy(&context->lock);
  OPENSSL_free(context);
}

/* -- Using ---------------------------------------------------------------- */

/* The last of what can only be done when all is set. */
static int finish_setting(struct tls_settings *settings) {
  if (settings->side == WEFT_TLS_SERVER && settings->protocols != NULL)
    SSL_CTX_set_alpn_select_cb(settings->ctx, choose_protocol, settings);
  if (settings->verify == WEFT_TLS_VERIFY_NONE || settings->has_ca)
    return WEFT_OK;
  if (SSL_CTX_set_default_verify_paths(settings->ctx) == 1)
    return tls__clear_errors(WEFT_OK);
  return tls__clear_errors(WEFT_TLS_FAILED);
}

int tls__context_use(weft_tls_context *context,
                     struct tls_settings **settings) {
  pthread_mutex_lock(&context->lock);
  int status = context->used ? WEFT_OK : finish_setting(context->settings);
  if (status == WEFT_OK) {
    context->used = true;
    *settings = context->settings;
    atomic_fetch_add(&context->settings->refs, 1);
  }
  pthread_mutex_unlock(&context->lock);
  return status;
}

static int side_of(weft_tls_context *context) {
  pthread_mutex_lock(&context->lock);
  int side = context->settings->side;
  pthread_mutex_unlock(&context->lock);
  return side;
}

int weft_tls_context_replace(weft_tls_context *context,
                             weft_tls_context *fresh) {
  struct tls_settings *settings;
  if (context == NULL || fresh == NULL || context == fresh ||
      side_of(context) != side_of(fresh))
    return WEFT_EINVAL;
  int status = tls__context_use(fresh, &settings);
  if (status != WEFT_OK)
    return status;
  pthread_mutex_lock(&context->lock);
  struct tls_settings *old = context->settings;
  context->settings = settings;
  context->used = true;
  pthread_mutex_unlock(&context->lock);
  tls__settings_unref(old);
  return WEFT_OK;
}

/* The settings to be changed; NULL if they may not be any more. */
static struct tls_settings *changeable(weft_tls_context *context) {
  pthread_mutex_lock(&context->lock);
  struct tls_settings *settings = context->used ? NULL : context->settings;
  pthread_mutex_unlock(&context->lock);
  return settings;
}

/* -- Certificates --------------------------------------------------------- */

static bool use_identity(SSL_CTX *ctx, const struct tls_identity *identity) {
  X509 *own = sk_X509_value(identity->chain, 0);
  if (SSL_CTX_use_certificate(ctx, own) != 1 ||
      SSL_CTX_use_PrivateKey(ctx, identity->key) != 1 ||
      SSL_CTX_clear_chain_certs(ctx) != 1)
    return false;
  for (int i = 1; i < sk_X509_num(identity->chain); i++)
    if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(identity->chain, i)) != 1)
      return false;
  return true;
}

/* OpenSSL may not want a certificate that is well made: a key too short, a
 * digest too weak. */
static int apply_identity(struct tls_settings *settings,
                          const struct tls_identity *identity,
                          weft_error **error) {
  if (use_identity(settings->ctx, identity)) {
    settings->has_certificate = true;
    return tls__clear_errors(WEFT_OK);
  }
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  int status = tls__clear_errors(WEFT_EINVAL);
  if (status == WEFT_EINVAL)
    *error = tls__error(status, reason, "the certificate cannot be used: %s",
                        reason == NULL ? "OpenSSL does not say why" : reason);
  return status;
}

int weft_tls_context_set_certificate(weft_tls_context *context,
                                     const char *certificate, const char *key,
                                     const char *password, weft_error **error) {
  weft_error *unseen = NULL;
  struct tls_identity identity;
  struct tls_settings *settings = changeable(context);
  if (error != NULL)
    *error = NULL;
  if (settings == NULL)
    return WEFT_ESTATE;
  if (certificate == NULL)
    return WEFT_EINVAL;
  weft_error **place = error == NULL ? &unseen : error;
  int status = tls__pem_identity(certificate, key, password, &identity, place);
  if (status == WEFT_OK)
    status = apply_identity(settings, &identity, place);
  tls__pem_close_identity(&identity);
  weft_error_unref(unseen);
  return status;
}

/* Each is trusted by itself, an authority or not: so one server's certificate
 * can be pinned. */
static bool trust(SSL_CTX *ctx, int side, STACK_OF(X509) * certificates) {
  X509_STORE *store = SSL_CTX_get_cert_store(ctx);
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (int i = 0; i < sk_X509_num(certificates); i++) {
    X509 *one = sk_X509_value(certificates, i);
    if (X509_STORE_add_cert(store, one) != 1)
      return false;
    if (side == WEFT_TLS_SERVER && SSL_CTX_add_client_CA(ctx, one) != 1)
      return false;
  }
  return true;
}

static int add_ca(struct tls_settings *settings, const char *ca,
                  weft_error **error) {
  STACK_OF(X509) * certificates;
  if (tls__pem_is_directory(ca)) {
    bool added = SSL_CTX_load_verify_dir(settings->ctx, ca) == 1;
    settings->has_ca = true;
    return tls__clear_errors(added ? WEFT_OK : WEFT_ENOMEM);
  }
  int status = tls__pem_certificates(ca, &certificates, error);
  if (status != WEFT_OK)
    return status;
  bool added = trust(settings->ctx, settings->side, certificates);
  settings->has_ca = true;
  sk_X509_pop_free(certificates, X509_free);
  return tls__clear_errors(added ? WEFT_OK : WEFT_ENOMEM);
}

/* Gives a text, or the path of one, to a function of this file. */
static int give_text(weft_tls_context *context, const char *text,
                     int (*take)(struct tls_settings *, const char *,
                                 weft_error **),
                     weft_error **error) {
  weft_error *unseen = NULL;
  struct tls_settings *settings = changeable(context);
  if (error != NULL)
    *error = NULL;
  if (settings == NULL)
    return WEFT_ESTATE;
  if (text == NULL)
    return WEFT_EINVAL;
  int status = take(settings, text, error == NULL ? &unseen : error);
  weft_error_unref(unseen);
  return status;
}

int weft_tls_context_add_ca(weft_tls_context *context, const char *ca,
                            weft_error **error) {
  return give_text(context, ca, add_ca, error);
}

static int add_crl(struct tls_settings *settings, const char *crl,
                   weft_error **error) {
  STACK_OF(X509_CRL) * crls;
  X509_STORE *store = SSL_CTX_get_cert_store(settings->ctx);
  int status = tls__pem_crls(crl, &crls, error);
  if (status != WEFT_OK)
    return status;
  bool added = X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
  for (int i = 0; i < sk_X509_CRL_num(crls) && added; i++)
    added = X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i)) == 1;
  sk_X509_CRL_pop_free(crls, X509_CRL_free);
  return tls__clear_errors(added ? WEFT_OK : WEFT_ENOMEM);
}

int weft_tls_context_add_crl(weft_tls_context *context, const char *crl,
                             weft_error **error) {
  return give_text(context, crl, add_crl, error);
}

/* -- What is allowed ------------------------------------------------------ */

int weft_tls_context_set_verify(weft_tls_context *context, int verify) {
  struct tls_settings *settings = changeable(context);
  if (settings == NULL)
    return WEFT_ESTATE;
  if (verify < WEFT_TLS_VERIFY_NONE || verify > WEFT_TLS_VERIFY_REQUIRED ||
      (verify == WEFT_TLS_VERIFY_GIVEN && settings->side == WEFT_TLS_CLIENT))
    return WEFT_EINVAL;
  set_verify(settings, verify);
  return WEFT_OK;
}

int weft_tls_context_set_check_name(weft_tls_context *context, int on) {
  struct tls_settings *settings = changeable(context);
  if (settings == NULL)
    return WEFT_ESTATE;
  settings->check_name = on != 0;
  return WEFT_OK;
}

int weft_tls_context_set_versions(weft_tls_context *context, int min, int max) {
  struct tls_settings *settings = changeable(context);
  if (settings == NULL)
    return WEFT_ESTATE;
  if (min < WEFT_TLS_1_2 || max > WEFT_TLS_1_3 || min > max)
    return WEFT_EINVAL;
  SSL_CTX_set_min_proto_version(
      settings->ctx, min == WEFT_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(
      settings->ctx, max == WEFT_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  return WEFT_OK;
}

int weft_tls_context_set_resume(weft_tls_context *context, int on) {
  struct tls_settings *settings = changeable(context);
  if (settings == NULL)
    return WEFT_ESTATE;
  set_resume(settings, on != 0);
  return WEFT_OK;
}

int weft_tls_context_set_truncation(weft_tls_context *context, int on) {
  struct tls_settings *settings = changeable(context);
  if (settings == NULL)
    return WEFT_ESTATE;
  settings->truncation = on != 0;
  return WEFT_OK;
}

int weft_tls_context_add_protocol(weft_tls_context *context,
                                  const char *protocol) {
  struct tls_settings *settings = changeable(context);
  size_t length = protocol == NULL ? 0 : strlen(protocol);
  if (settings == NULL)
    return WEFT_ESTATE;
  size_t before = settings->protocols_bytes, after = before + length + 1;
  if (length == 0 || length > 255 || after > PROTOCOLS_MAX_BYTES)
    return WEFT_EINVAL;
  unsigned char *bytes = OPENSSL_realloc(settings->protocols, after);
  if (bytes == NULL)
    return tls__clear_errors(WEFT_ENOMEM);
  settings->protocols = bytes;
  bytes[before] = (unsigned char)length;
  memcpy(bytes + before + 1, protocol, length);
  /* A list that is set anew is a longer one: it begins with the old. */
  if (settings->side == WEFT_TLS_CLIENT &&
      SSL_CTX_set_alpn_protos(settings->ctx, bytes, (unsigned)after) != 0)
    return tls__clear_errors(WEFT_ENOMEM);
  settings->protocols_bytes = after;
  return WEFT_OK;
}

/* -- By others --------------------------------------------------------------
 */

static int set_ciphers(struct tls_settings *settings, const char *ciphers,
                       weft_error **error) {
  return tls__set_ciphers(settings->ctx, ciphers, error);
}

int weft_tls_context_set_ciphers(weft_tls_context *context, const char *ciphers,
                                 weft_error **error) {
  return give_text(context, ciphers, set_ciphers, error);
}

int weft_tls_context_add_host(weft_tls_context *context, const char *name,
                              weft_tls_context *other) {
  struct tls_settings *settings = changeable(context), *chosen;
  if (settings == NULL)
    return WEFT_ESTATE;
  if (name == NULL || other == NULL || context == other ||
      settings->side != WEFT_TLS_SERVER || side_of(other) != WEFT_TLS_SERVER)
    return WEFT_EINVAL;
  int status = tls__context_use(other, &chosen);
  return status == WEFT_OK ? tls__host_add(settings, name, chosen) : status;
}
