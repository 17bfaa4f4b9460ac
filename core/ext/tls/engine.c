/* SPDX-License-Identifier: MIT
 * engine.c - the protocol on memory: bytes come in, bytes go out.
 *
 * OpenSSL reads from and writes to a BIO whose two sides are fields of the
 * engine: what was received is read where it lies, and what is to be sent piles
 * up until the caller has passed it on. So all of this can be tested without a
 * stream, and no byte is copied on the way in but by OpenSSL itself. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tls.h"

/* Room for what is to be sent that is kept; a handshake's flight, a record. */
#define SENT_KEEP ((size_t)8 * 1024)
#define SENT_MIN ((size_t)1024)
#define NAME_MAX_BYTES 253

/* -- Memory as a BIO ------------------------------------------------------ */

static int read_received(BIO *bio, char *room, int room_bytes) {
  struct tls_engine *engine = BIO_get_data(bio);
  size_t count = (size_t)room_bytes;
  BIO_clear_retry_flags(bio);
  if (engine->received_bytes == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (count > engine->received_bytes)
    count = engine->received_bytes;
  memcpy(room, engine->received, count);
  engine->received += count;
  engine->received_bytes -= count;
  return (int)count;
}

static bool make_room(struct tls_engine *engine, size_t size_bytes) {
  size_t needed = engine->sent_bytes + size_bytes;
  size_t capacity =
      engine->sent_capacity == 0 ? SENT_MIN : engine->sent_capacity;
  if (needed <= engine->sent_capacity)
    return true;
  while (capacity < needed)
    capacity *= 2;
  char *sent = OPENSSL_realloc(engine->sent, capacity);
  if (sent == NULL)
    return false;
  engine->sent = sent;
  engine->sent_capacity = capacity;
  return true;
}

static int write_sent(BIO *bio, const char *data, int size_bytes) {
  struct tls_engine *engine = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (!make_room(engine, (size_t)size_bytes)) {
    engine->out_of_memory = true;
    return -1;
  }
  memcpy(engine->sent + engine->sent_bytes, data, (size_t)size_bytes);
  engine->sent_bytes += (size_t)size_bytes;
  return size_bytes;
}

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls__engine_memory_new(void) {
  BIO_METHOD *memory = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weft memory");
  if (memory == NULL)
    return NULL;
  BIO_meth_set_read(memory, read_received);
  BIO_meth_set_write(memory, write_sent);
  BIO_meth_set_ctrl(memory, control);
  return memory;
}

/* -- What OpenSSL tells on the way ---------------------------------------- */

static void refuse(struct tls_engine *engine, X509 *certificate, int reason,
                   int depth) {
  if (certificate != NULL)
    X509_up_ref(certificate);
  X509_free(engine->refused);
  engine->refused = certificate;
  engine->refused_reason = reason;
  engine->refused_depth = depth;
}

int tls__engine_on_verify(int good, X509_STORE_CTX *store) {
  SSL *ssl =
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  if (!good)
    refuse(SSL_get_app_data(ssl), X509_STORE_CTX_get_current_cert(store),
           X509_STORE_CTX_get_error(store),
           X509_STORE_CTX_get_error_depth(store));
  return good;
}

int tls__engine_on_session(SSL *ssl, SSL_SESSION *session) {
  struct tls_engine *engine = SSL_get_app_data(ssl);
  return engine->session_key != NULL &&
         tls__sessions_put(&engine->settings->sessions, engine->session_key,
                           session);
}

/* -- Life ----------------------------------------------------------------- */

static bool is_address(const char *name) {
  unsigned char address[16];
  return inet_pton(AF_INET, name, address) == 1 ||
         inet_pton(AF_INET6, name, address) == 1;
}

/* Letters and digits as they go over the wire: a name beyond ASCII is to be
 * given as its "xn--" form. */
static bool is_name(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  size_t length = strlen(name);
  return length > 0 && length <= NAME_MAX_BYTES && name[0] != '.' &&
         strspn(name, allowed) == length;
}

/* Keeps the name without what is of no concern to the certificate: the dot that
 * may end a name, the zone that may end an address. */
static int take_name(struct tls_engine *engine, const char *name) {
  if (name == NULL)
    return WEFT_OK;
  engine->server_name = OPENSSL_strdup(name);
  if (engine->server_name == NULL)
    return WEFT_ENOMEM;
  char *zone = strchr(engine->server_name, '%');
  if (zone != NULL)
    *zone = '\0';
  if (is_address(engine->server_name))
    return WEFT_OK;
  if (zone != NULL || !is_name(name))
    return WEFT_EINVAL;
  size_t length = strlen(name);
  if (name[length - 1] == '.')
    engine->server_name[length - 1] = '\0';
  return WEFT_OK;
}

/* What is to be checked of the certificate's names. */
static bool expect_name(struct tls_engine *engine) {
  const char *name = engine->server_name;
  X509_VERIFY_PARAM *expected = SSL_get0_param(engine->ssl);
  if (!engine->settings->check_name || name == NULL)
    return true;
  if (is_address(name))
    return X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1;
  X509_VERIFY_PARAM_set_hostflags(expected,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(expected, name, 0) == 1;
}

static bool take_up_session(struct tls_engine *engine, const char *port) {
  struct tls_settings *settings = engine->settings;
  if (!settings->resume || engine->server_name == NULL)
    return true;
  size_t key_bytes = strlen(engine->server_name) + strlen(port) + 2;
  engine->session_key = OPENSSL_malloc(key_bytes);
  if (engine->session_key == NULL)
    return false;
  snprintf(engine->session_key, key_bytes, "%s:%s", engine->server_name, port);
  SSL_SESSION *session =
      tls__sessions_get(&settings->sessions, engine->session_key);
  if (session == NULL)
    return true;
  bool is_set = SSL_set_session(engine->ssl, session) == 1;
  SSL_SESSION_free(session);
  return is_set;
}

static bool begin_client(struct tls_engine *engine, const char *port) {
  SSL_set_connect_state(engine->ssl);
  if (engine->server_name != NULL && !is_address(engine->server_name) &&
      SSL_set_tlsext_host_name(engine->ssl, engine->server_name) != 1)
    return false;
  return expect_name(engine) && take_up_session(engine, port);
}

static bool begin(struct tls_engine *engine, const char *port) {
  BIO *bio = BIO_new(engine->settings->memory);
  engine->ssl = SSL_new(engine->settings->ctx);
  if (bio == NULL || engine->ssl == NULL) {
    BIO_free(bio);
    return false;
  }
  BIO_set_data(bio, engine);
  BIO_set_init(bio, 1);
  SSL_set_bio(engine->ssl, bio, bio);
  SSL_set_app_data(engine->ssl, engine);
  if (engine->settings->side == WEFT_TLS_CLIENT)
    return begin_client(engine, port == NULL ? "" : port);
  SSL_set_accept_state(engine->ssl);
  return true;
}

int tls__engine_open(struct tls_engine *engine, struct tls_settings *settings,
                     const char *server_name, const char *port) {
  *engine = (struct tls_engine){.settings = settings};
  int status = take_name(engine, server_name);
  if (status == WEFT_OK && !begin(engine, port))
    status = WEFT_ENOMEM;
  return tls__clear_errors(status);
}

void tls__engine_close(struct tls_engine *engine) {
  /* Else a session whose connection was cut off could not be taken up again. */
  if (engine->ssl != NULL)
    SSL_set_shutdown(engine->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(engine->ssl);
  X509_free(engine->refused);
  OPENSSL_free(engine->server_name);
  OPENSSL_free(engine->session_key);
  OPENSSL_free(engine->sent);
  tls__settings_unref(engine->settings);
}

/* -- What comes in and goes out ------------------------------------------- */

void tls__engine_receive(struct tls_engine *engine, const char *data,
                         size_t size_bytes) {
  for (size_t i = 0;
       i < size_bytes && engine->first_bytes < sizeof engine->first; i++)
    engine->first[engine->first_bytes++] = (unsigned char)data[i];
  engine->received = data;
  engine->received_bytes = size_bytes;
}

void tls__engine_clear_sent(struct tls_engine *engine) {
  engine->sent_bytes = 0;
  if (engine->sent_capacity <= SENT_KEEP)
    return;
  OPENSSL_free(engine->sent);
  engine->sent = NULL;
  engine->sent_capacity = 0;
}

/* What a call of OpenSSL that returned [outcome] means. */
static int outcome_status(struct tls_engine *engine, int outcome,
                          weft_error **error) {
  switch (SSL_get_error(engine->ssl, outcome)) {
  case SSL_ERROR_NONE:
    return WEFT_OK;
  case SSL_ERROR_WANT_READ:
    ERR_clear_error();
    return WEFT_PARKED;
  case SSL_ERROR_ZERO_RETURN:
    ERR_clear_error();
    return WEFT_EEND;
  default:
    return tls__failure(engine, error);
  }
}

/* The first record of either side is of a handshake or an alert, and of a
 * version that begins with 3. */
static bool is_tls(const struct tls_engine *engine) {
  const unsigned char *first = engine->first;
  if (engine->first_bytes > 0 && first[0] != SSL3_RT_HANDSHAKE &&
      first[0] != SSL3_RT_ALERT)
    return false;
  return engine->first_bytes < 2 || first[1] == SSL3_VERSION_MAJOR;
}

int tls__engine_handshake(struct tls_engine *engine, weft_error **error) {
  *error = NULL;
  if (!is_tls(engine)) {
    *error = tls__error(WEFT_NOT_TLS, NULL, "%s does not speak TLS",
                        tls__peer_text(engine));
    return WEFT_NOT_TLS;
  }
  ERR_clear_error();
  return outcome_status(engine, SSL_do_handshake(engine->ssl), error);
}

int tls__engine_read(struct tls_engine *engine, char *room, size_t room_bytes,
                     size_t *count, weft_error **error) {
  *error = NULL;
  *count = 0;
  ERR_clear_error();
  return outcome_status(
      engine, SSL_read_ex(engine->ssl, room, room_bytes, count), error);
}

int tls__engine_write(struct tls_engine *engine, const char *data,
                      size_t size_bytes, weft_error **error) {
  size_t written;
  *error = NULL;
  if (size_bytes == 0)
    return WEFT_OK;
  ERR_clear_error();
  int outcome = SSL_write_ex(engine->ssl, data, size_bytes, &written);
  return outcome == 1 ? WEFT_OK : tls__failure(engine, error);
}

void tls__engine_shutdown(struct tls_engine *engine) {
  if (SSL_is_init_finished(engine->ssl))
    SSL_shutdown(engine->ssl);
  ERR_clear_error();
}
