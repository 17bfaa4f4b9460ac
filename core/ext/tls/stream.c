/* SPDX-License-Identifier: MIT
 * stream.c - TLS as the filter of a stream, and the handshake tasks wait for.
 *
 * The stream owns the connection's state through its filter; whoever asked for
 * the handshake gets a second reference, by which it learns what was agreed on.
 * A failure is told to both sides of the stream at once, but an end without
 * close_notify to readers alone. */
#include <string.h>

#include "tls.h"

/* What is made of one call's bytes at a time: one record; three, with room for
 * what encryption adds. */
#define PLAIN_BYTES ((size_t)16 * 1024)
#define CHUNK_BYTES ((size_t)48 * 1024)

enum state {
  HANDSHAKE,
  OPEN,
  FAILED /* with [failure] */
};

struct weft_tls {
  struct tls_engine engine;
  weft_runtime *rt;
  weft_stream stream;
  unsigned refs;
  enum state state;
  bool ended;       /* the peer has sent close_notify */
  int failure;      /* what reading and writing now return */
  weft_task waiter; /* for the end of the handshake; 0: nobody */
  weft_error *error;
  char protocol[256]; /* by ALPN; "": none */
};

/* -- Life ----------------------------------------------------------------- */

static void unref(void *arg) {
  weft_tls *tls = arg;
  if (--tls->refs > 0)
    return;
  tls__engine_close(&tls->engine);
  weft_error_unref(tls->error);
  OPENSSL_free(tls);
  ERR_clear_error();
}

int weft_tls_close(weft_tls *tls) {
  if (tls != NULL)
    unref(tls);
  return WEFT_OK;
}

/* -- Ends ----------------------------------------------------------------- */

/* Keeps the first error: later ones follow from it. */
static void keep_error(weft_tls *tls, weft_error *error) {
  if (tls->error == NULL)
    tls->error = error;
  else
    weft_error_unref(error);
}

/* Wakes who waits for the handshake. [value] is the waiter's if that is there
 * still; false if it is not. */
static bool wake(weft_tls *tls, int status, void *value) {
  weft_task waiter = tls->waiter;
  tls->waiter = 0;
  return waiter != 0 && weft_wake(tls->rt, waiter, status,
                                  (uint64_t)(uintptr_t)value) == WEFT_OK;
}

/* Ends all for good, and returns [status]; [error] is taken, and may be NULL.
 */
static int fail(weft_tls *tls, int status, weft_error *error) {
  if (tls->state == FAILED) {
    weft_error_unref(error);
    return tls->failure;
  }
  tls->state = FAILED;
  tls->failure = status;
  weft_error_ref(error); /* the waiter's */
  keep_error(tls, error);
  if (!wake(tls, status, error))
    weft_error_unref(error);
  return status;
}

static void succeed(weft_tls *tls) {
  const unsigned char *protocol;
  unsigned length;
  SSL_get0_alpn_selected(tls->engine.ssl, &protocol, &length);
  if (length < sizeof tls->protocol)
    memcpy(tls->protocol, protocol == NULL ? "" : (const char *)protocol,
           length);
  tls->state = OPEN;
  tls->refs++;
  if (!wake(tls, WEFT_OK, tls))
    unref(tls);
}

/* -- Sending -------------------------------------------------------------- */

/* Passes on what the engine has to say. What is lost for want of memory the
 * peer would miss: the connection has failed then. */
static int transmit(weft_tls *tls) {
  struct tls_engine *engine = &tls->engine;
  int status = WEFT_OK;
  if (engine->sent_bytes > 0)
    status = weft_stream_transmit(tls->rt, tls->stream, engine->sent,
                                  engine->sent_bytes);
  tls__engine_clear_sent(engine);
  if (status == WEFT_ENOMEM)
    weft_stream_fail(tls->rt, tls->stream, status);
  return status;
}

/* Fails with the alert that tells the peer why. */
static int fail_telling(weft_tls *tls, int status, weft_error *error) {
  transmit(tls);
  return fail(tls, status, error);
}

static int send_chunk(weft_tls *tls, const char *data, size_t size_bytes) {
  weft_error *error;
  int status = tls__engine_write(&tls->engine, data, size_bytes, &error);
  if (status != WEFT_OK) {
    fail_telling(tls, status, error);
    weft_stream_fail(tls->rt, tls->stream, status);
    return status;
  }
  return transmit(tls);
}

static int on_send(weft_tls *tls, const char *data, size_t size_bytes) {
  if (tls->state != OPEN)
    return tls->state == FAILED ? tls->failure : WEFT_ESTATE;
  int status = WEFT_OK;
  for (size_t at = 0; at < size_bytes && status == WEFT_OK; at += CHUNK_BYTES) {
    size_t count = size_bytes - at;
    status =
        send_chunk(tls, data + at, count < CHUNK_BYTES ? count : CHUNK_BYTES);
  }
  return status;
}

static int on_shutdown(weft_tls *tls) {
  if (tls->state != OPEN)
    return WEFT_OK;
  tls__engine_shutdown(&tls->engine);
  return transmit(tls);
}

/* -- Receiving ------------------------------------------------------------ */

/* The next step of the handshake: WEFT_PARKED while there are more to come. */
static int step(weft_tls *tls) {
  weft_error *error;
  int status = tls__engine_handshake(&tls->engine, &error);
  if (status < 0)
    return fail_telling(tls, status, error);
  int sent = transmit(tls);
  if (sent != WEFT_OK)
    return fail(tls, sent, NULL);
  if (status == WEFT_OK)
    succeed(tls);
  return status;
}

/* Hands all that is plain to the reader. */
static int deliver(weft_tls *tls, weft_error **error) {
  char room[PLAIN_BYTES];
  size_t count;
  int status;
  while ((status = tls__engine_read(&tls->engine, room, sizeof room, &count,
                                    error)) == WEFT_OK) {
    status = weft_stream_deliver(tls->rt, tls->stream, room, count);
    if (status != WEFT_OK)
      break;
  }
  OPENSSL_cleanse(room, sizeof room);
  return status;
}

static int receive(weft_tls *tls) {
  weft_error *error = NULL;
  int status = deliver(tls, &error);
  if (status < 0 && status != WEFT_EEND)
    return fail_telling(tls, status, error);
  /* If this fails the stream has failed, and whoever writes will hear of it:
   * what came in is good. */
  transmit(tls);
  if (status == WEFT_PARKED || tls->ended)
    return WEFT_OK;
  tls->ended = true;
  return weft_stream_fail(tls->rt, tls->stream, WEFT_EEND);
}

static int on_received(weft_tls *tls, const char *data, size_t size_bytes) {
  if (tls->state == FAILED)
    return tls->failure;
  tls__engine_receive(&tls->engine, data, size_bytes);
  if (tls->state == HANDSHAKE) {
    int status = step(tls);
    if (status != WEFT_OK)
      return status == WEFT_PARKED ? WEFT_OK : status;
  }
  return receive(tls);
}

/* The connection has ended. */
static int on_ended(weft_tls *tls) {
  const char *peer = tls__peer_text(&tls->engine);
  if (tls->state == FAILED)
    return tls->failure;
  if (tls->state == HANDSHAKE)
    return fail(tls, WEFT_TLS_TRUNCATED,
                tls__error(WEFT_TLS_TRUNCATED, NULL,
                           "%s closed the connection during the TLS handshake",
                           peer));
  if (tls->ended || tls->engine.settings->truncation)
    return WEFT_EEND;
  keep_error(tls, tls__error(WEFT_TLS_TRUNCATED, NULL,
                             "%s closed the connection without close_notify: "
                             "data may be cut off",
                             peer));
  return WEFT_TLS_TRUNCATED;
}

static int on_event(weft_runtime *rt, void *arg, int event, const char *data,
                    size_t size_bytes) {
  weft_tls *tls = arg;
  (void)rt;
  switch (event) {
  case WEFT_FILTER_RECEIVED:
    return on_received(tls, data, size_bytes);
  case WEFT_FILTER_ENDED:
    return on_ended(tls);
  case WEFT_FILTER_SEND:
    return on_send(tls, data, size_bytes);
  case WEFT_FILTER_SHUTDOWN:
    return on_shutdown(tls);
  default: /* the connection has failed, or is being closed */
    return tls->state == HANDSHAKE ? fail(tls, event, NULL) : WEFT_OK;
  }
}

/* -- The handshake -------------------------------------------------------- */

static int withdraw(weft_runtime *rt, void *arg) {
  weft_tls *tls = arg;
  tls->waiter = 0;
  fail(tls, WEFT_TLS_CANCELLED, NULL);
  weft_stream_fail(rt, tls->stream, WEFT_TLS_CANCELLED);
  return WEFT_OK;
}

/* The port of an address as text; all of it where there is none. */
static void copy_port(weft_runtime *rt, weft_stream stream, char *text,
                      size_t size_bytes) {
  weft_value *address;
  const char *data = "";
  size_t length = 0;
  if (weft_stream_address(rt, stream, 1, &address) == WEFT_OK)
    weft_value_get_bytes(address, &data, &length);
  const char *colon = strrchr(data, ':');
  OPENSSL_strlcpy(text, colon == NULL ? data : colon + 1, size_bytes);
  weft_value_unref(address);
}

/* Makes the connection of a stream, with one reference. */
static int new_tls(weft_runtime *rt, weft_stream stream,
                   struct tls_settings *settings, const char *server_name,
                   weft_tls **made) {
  char port[128];
  weft_tls *tls = OPENSSL_zalloc(sizeof *tls);
  *made = NULL;
  if (tls == NULL) {
    tls__settings_unref(settings);
    ERR_clear_error();
    return WEFT_ENOMEM;
  }
  copy_port(rt, stream, port, sizeof port);
  tls->rt = rt;
  tls->stream = stream;
  tls->refs = 1;
  int status = tls__engine_open(&tls->engine, settings, server_name, port);
  if (status == WEFT_OK)
    *made = tls;
  else
    unref(tls);
  return status;
}

/* The error of a handshake that has failed at once, for the caller. */
static int fail_now(weft_tls *tls, int status, uint64_t *value) {
  *value = (uint64_t)(uintptr_t)weft_error_ref(tls->error);
  weft_stream_fail(tls->rt, tls->stream, status);
  return status;
}

/* Sets the filter, which takes the reference, and waits. */
static int shake_hands(weft_runtime *rt, weft_tls *tls, uint64_t *value) {
  int status = weft_cancel_point(rt);
  if (status == WEFT_OK)
    status = weft_task_current(rt, &tls->waiter);
  if (status != WEFT_OK) {
    unref(tls);
    return status;
  }
  status = weft_stream_set_filter(rt, tls->stream, on_event, tls, unref);
  if (status != WEFT_OK)
    return status;
  status = step(tls);
  if (status != WEFT_PARKED)
    return fail_now(tls, status, value);
  return weft_park(rt, "TLS handshake", withdraw, tls, value);
}

static int start(weft_runtime *rt, weft_stream stream,
                 weft_tls_context *context, int side, const char *server_name,
                 uint64_t *value) {
  struct tls_settings *settings;
  weft_tls *tls;
  *value = 0;
  if (context == NULL)
    return WEFT_EINVAL;
  int status = tls__context_use(context, &settings);
  if (status != WEFT_OK)
    return status;
  bool needs_name = side == WEFT_TLS_CLIENT && server_name == NULL &&
                    settings->check_name &&
                    settings->verify != WEFT_TLS_VERIFY_NONE;
  if (settings->side != side || needs_name)
    status = WEFT_EINVAL;
  else if (side == WEFT_TLS_SERVER && !settings->has_certificate)
    status = WEFT_ESTATE;
  if (status != WEFT_OK) {
    tls__settings_unref(settings);
    return status;
  }
  status = new_tls(rt, stream, settings, server_name, &tls);
  return status == WEFT_OK ? shake_hands(rt, tls, value) : status;
}

int weft_tls_client(weft_runtime *rt, weft_stream stream,
                    weft_tls_context *context, const char *server_name,
                    uint64_t *value) {
  return start(rt, stream, context, WEFT_TLS_CLIENT, server_name, value);
}

int weft_tls_server(weft_runtime *rt, weft_stream stream,
                    weft_tls_context *context, uint64_t *value) {
  return start(rt, stream, context, WEFT_TLS_SERVER, NULL, value);
}

/* -- What is known -------------------------------------------------------- */

const char *weft_tls_get_version(const weft_tls *tls) {
  return SSL_get_version(tls->engine.ssl);
}

const char *weft_tls_get_cipher(const weft_tls *tls) {
  return SSL_get_cipher_name(tls->engine.ssl);
}

const char *weft_tls_get_protocol(const weft_tls *tls) {
  return tls->protocol[0] == '\0' ? NULL : tls->protocol;
}

const char *weft_tls_get_server_name(const weft_tls *tls) {
  if (tls->engine.settings->side == WEFT_TLS_CLIENT)
    return tls->engine.server_name;
  return SSL_get_servername(tls->engine.ssl, TLSEXT_NAMETYPE_host_name);
}

int weft_tls_is_resumed(const weft_tls *tls) {
  return SSL_session_reused(tls->engine.ssl);
}

int weft_tls_get_certificate(const weft_tls *tls, weft_value **value) {
  X509 *certificate = SSL_get0_peer_certificate(tls->engine.ssl);
  *value = NULL;
  return certificate == NULL ? WEFT_OK
                             : tls__certificate_value(certificate, value);
}

weft_error *weft_tls_get_error(const weft_tls *tls) {
  return tls->error;
}
