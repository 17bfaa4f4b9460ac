/* SPDX-License-Identifier: MIT
 * test_tls_engine.c - two engines that speak with each other in memory. */
#include "../tls.h"
#include "check.h"
#include "paper.h"

#define PIECES_MAX 65536

struct ends {
  struct papers papers;
  weft_tls_context *client_context;
  weft_tls_context *server_context;
  struct tls_engine client;
  struct tls_engine server;
  int client_status;
  int server_status;
  weft_error *client_error;
  weft_error *server_error;
  size_t passed; /* bytes */
};

static void open_contexts(struct ends *ends) {
  *ends = (struct ends){.client_status = WEFT_PARKED};
  papers_make(&ends->papers);
  CHECK_INT(WEFT_OK,
            weft_tls_context_new(WEFT_TLS_CLIENT, &ends->client_context));
  CHECK_INT(WEFT_OK,
            weft_tls_context_new(WEFT_TLS_SERVER, &ends->server_context));
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends->client_context,
                                             ends->papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         ends->server_context, ends->papers.server.pem,
                         ends->papers.server.key_pem, NULL, NULL));
}

static void open_engines(struct ends *ends, const char *name) {
  struct tls_settings *settings;
  CHECK_INT(WEFT_OK, tls__context_use(ends->client_context, &settings));
  CHECK_INT(WEFT_OK, tls__engine_open(&ends->client, settings, name, "443"));
  CHECK_INT(WEFT_OK, tls__context_use(ends->server_context, &settings));
  CHECK_INT(WEFT_OK, tls__engine_open(&ends->server, settings, NULL, NULL));
  ends->client_status = ends->server_status = WEFT_PARKED;
}

static void close_engines(struct ends *ends) {
  tls__engine_close(&ends->client);
  tls__engine_close(&ends->server);
  weft_error_unref(ends->client_error);
  weft_error_unref(ends->server_error);
  ends->client_error = ends->server_error = NULL;
  CHECK_INT(0, ERR_peek_error());
}

static void close_contexts(struct ends *ends) {
  weft_tls_context_unref(ends->client_context);
  weft_tls_context_unref(ends->server_context);
  papers_free(&ends->papers);
}

/* Lets the engine look at what came in: at tickets too, once it is through. */
static void step(struct tls_engine *engine, int *status, weft_error **error) {
  weft_error *unused;
  char room[16];
  size_t count;
  if (*status == WEFT_PARKED)
    *status = tls__engine_handshake(engine, error);
  if (*status == WEFT_OK)
    CHECK_INT(WEFT_PARKED,
              tls__engine_read(engine, room, sizeof room, &count, &unused));
}

/* Hands what [from] has to send to [to], in pieces, each of which it looks
 * at before the next. */
static void pass(struct ends *ends, struct tls_engine *from,
                 struct tls_engine *to, int *status, weft_error **error,
                 size_t piece_bytes) {
  size_t size_bytes = from->sent_bytes, at = 0;
  char *data = malloc(size_bytes + 1);
  memcpy(data, from->sent, size_bytes);
  tls__engine_clear_sent(from);
  ends->passed += size_bytes;
  while (at < size_bytes && *status >= 0) {
    size_t count =
        size_bytes - at < piece_bytes ? size_bytes - at : piece_bytes;
    tls__engine_receive(to, data + at, count);
    step(to, status, error);
    CHECK(*status < 0 || to->received_bytes == 0);
    at += count;
  }
  free(data);
}

static void shake_hands(struct ends *ends, size_t piece_bytes) {
  step(&ends->client, &ends->client_status, &ends->client_error);
  for (int i = 0; i < 8; i++) {
    pass(ends, &ends->client, &ends->server, &ends->server_status,
         &ends->server_error, piece_bytes);
    pass(ends, &ends->server, &ends->client, &ends->client_status,
         &ends->client_error, piece_bytes);
  }
}

/* Sends [text] from one to the other and checks that it arrives. */
static void say(struct tls_engine *from, struct tls_engine *to,
                const char *text) {
  weft_error *error;
  char room[256];
  size_t count;
  CHECK_INT(WEFT_OK, tls__engine_write(from, text, strlen(text), &error));
  tls__engine_receive(to, from->sent, from->sent_bytes);
  CHECK_INT(WEFT_OK, tls__engine_read(to, room, sizeof room, &count, &error));
  CHECK_INT(strlen(text), count);
  CHECK(memcmp(room, text, count) == 0);
  CHECK_INT(WEFT_PARKED,
            tls__engine_read(to, room, sizeof room, &count, &error));
  CHECK_INT(0, to->received_bytes);
  tls__engine_clear_sent(from);
}

TEST("two engines shake hands, speak, and end") {
  struct ends ends;
  weft_error *error;
  char room[16];
  size_t count;
  open_contexts(&ends);
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_OK, ends.client_status);
  CHECK_INT(WEFT_OK, ends.server_status);
  CHECK_TEXT("TLSv1.3", SSL_get_version(ends.client.ssl));
  say(&ends.client, &ends.server, "hello");
  say(&ends.server, &ends.client, "well");
  tls__engine_shutdown(&ends.client);
  tls__engine_receive(&ends.server, ends.client.sent, ends.client.sent_bytes);
  CHECK_INT(WEFT_EEND,
            tls__engine_read(&ends.server, room, sizeof room, &count, &error));
  tls__engine_clear_sent(&ends.client);
  say(&ends.server, &ends.client, "still here");
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("a handshake may come in pieces of any size") {
  struct ends ends;
  open_contexts(&ends);
  for (size_t piece_bytes = 1; piece_bytes <= 7; piece_bytes += 2) {
    open_engines(&ends, "localhost");
    shake_hands(&ends, piece_bytes);
    CHECK_INT(WEFT_OK, ends.client_status);
    CHECK_INT(WEFT_OK, ends.server_status);
    close_engines(&ends);
  }
  close_contexts(&ends);
}

static void check_client_refuses(struct ends *ends, const char *name,
                                 int status, const char *message) {
  open_engines(ends, name);
  shake_hands(ends, SIZE_MAX);
  CHECK_INT(status, ends->client_status);
  CHECK_TEXT(message, weft_error_get_message(ends->client_error));
  CHECK(ends->server_status < 0);
  close_engines(ends);
}

TEST("a name that the certificate does not have is refused") {
  struct ends ends;
  open_contexts(&ends);
  check_client_refuses(&ends, "example.org", WEFT_HOSTNAME_MISMATCH,
                       "the certificate of example.org is not for that name, "
                       "but for localhost, 127.0.0.1");
  check_client_refuses(&ends, "127.0.0.2", WEFT_HOSTNAME_MISMATCH,
                       "the certificate of 127.0.0.2 is not for that name, "
                       "but for localhost, 127.0.0.1");
  open_engines(&ends, "127.0.0.1");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_OK, ends.client_status);
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("sessions are taken up again, those of TLS 1.3 once") {
  struct ends ends;
  open_contexts(&ends);
  for (int round = 0; round < 4; round++) {
    open_engines(&ends, "localhost");
    shake_hands(&ends, SIZE_MAX);
    CHECK_INT(round > 0, SSL_session_reused(ends.client.ssl));
    CHECK_INT(round > 0, SSL_session_reused(ends.server.ssl));
    close_engines(&ends);
  }
  close_contexts(&ends);
}
