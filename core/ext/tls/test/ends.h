/* SPDX-License-Identifier: MIT
 * ends.h - two engines that speak with each other in memory. */
#ifndef WEFT_TLS_TEST_ENDS_H
#define WEFT_TLS_TEST_ENDS_H

#include "../tls.h"
#include "check.h"
#include "paper.h"

/* One side: its engine, and how its handshake stands. */
struct end {
  struct tls_engine engine;
  int status;
  weft_error *error;
};

struct ends {
  struct papers papers;
  weft_tls_context *client_context;
  weft_tls_context *server_context;
  struct end client;
  struct end server;
};

static inline void open_contexts(struct ends *ends) {
  *ends = (struct ends){.client = {.status = WEFT_PARKED}};
  papers_make(&ends->papers);
  CHECK_INT(WEFT_OK,
            weft_tls_context_new(WEFT_TLS_CLIENT, &ends->client_context));
  CHECK_INT(WEFT_OK,
            weft_tls_context_new(WEFT_TLS_SERVER, &ends->server_context));
}

/* The server has a certificate, which the client trusts. */
static inline void open_trusting(struct ends *ends) {
  open_contexts(ends);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends->client_context,
                                             ends->papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         ends->server_context, ends->papers.server.pem,
                         ends->papers.server.key_pem, NULL, NULL));
}

static inline void open_engine(struct end *end, weft_tls_context *context,
                               const char *name) {
  struct tls_settings *settings;
  end->status = WEFT_PARKED;
  end->error = NULL;
  CHECK_INT(WEFT_OK, tls__context_use(context, &settings));
  CHECK_INT(WEFT_OK, tls__engine_open(&end->engine, settings, name, "443"));
}

static inline void open_engines(struct ends *ends, const char *name) {
  open_engine(&ends->client, ends->client_context, name);
  open_engine(&ends->server, ends->server_context, NULL);
}

static inline void close_engine(struct end *end) {
  tls__engine_close(&end->engine);
  weft_error_unref(end->error);
  end->error = NULL;
}

static inline void close_engines(struct ends *ends) {
  close_engine(&ends->client);
  close_engine(&ends->server);
  CHECK_INT(0, ERR_peek_error());
}

static inline void close_contexts(struct ends *ends) {
  weft_tls_context_unref(ends->client_context);
  weft_tls_context_unref(ends->server_context);
  papers_free(&ends->papers);
}

/* Lets the engine look at what came in: at tickets too, once it is through. */
static inline void step(struct end *end) {
  char room[16];
  size_t count;
  weft_error *error = NULL;
  if (end->status == WEFT_PARKED)
    end->status = tls__engine_handshake(&end->engine, &end->error);
  if (end->status != WEFT_OK)
    return;
  int status =
      tls__engine_read(&end->engine, room, sizeof room, &count, &error);
  if (status == WEFT_PARKED)
    return;
  end->status = status;
  end->error = error;
}

/* Hands what [from] has to send to [to], in pieces, each of which it looks at
 * before the next. */
static inline void pass(struct end *from, struct end *to, size_t piece_bytes) {
  size_t size_bytes = from->engine.sent_bytes, at = 0;
  char *data = malloc(size_bytes + 1);
  if (size_bytes > 0)
    memcpy(data, from->engine.sent, size_bytes);
  tls__engine_clear_sent(&from->engine);
  while (at < size_bytes && to->status >= 0) {
    size_t left = size_bytes - at;
    size_t count = left < piece_bytes ? left : piece_bytes;
    tls__engine_receive(&to->engine, data + at, count);
    step(to);
    CHECK(to->status < 0 || to->engine.received_bytes == 0);
    at += count;
  }
  free(data);
}

static inline void shake_hands(struct ends *ends, size_t piece_bytes) {
  step(&ends->client);
  for (int i = 0; i < 8; i++) {
    pass(&ends->client, &ends->server, piece_bytes);
    pass(&ends->server, &ends->client, piece_bytes);
  }
}

/* Sends [text] from one to the other and checks that it arrives. */
static inline void say(struct end *from, struct end *to, const char *text) {
  weft_error *error;
  char room[256];
  size_t count;
  CHECK_INT(WEFT_OK,
            tls__engine_write(&from->engine, text, strlen(text), &error));
  tls__engine_receive(&to->engine, from->engine.sent, from->engine.sent_bytes);
  CHECK_INT(WEFT_OK,
            tls__engine_read(&to->engine, room, sizeof room, &count, &error));
  CHECK_INT(strlen(text), count);
  CHECK(memcmp(room, text, count) == 0);
  CHECK_INT(WEFT_PARKED,
            tls__engine_read(&to->engine, room, sizeof room, &count, &error));
  CHECK_INT(0, to->engine.received_bytes);
  tls__engine_clear_sent(&from->engine);
}

static inline void check_side(const struct end *end, int status,
                              const char *message) {
  CHECK_INT(status, end->status);
  if (message == NULL)
    CHECK(end->error == NULL);
  else
    CHECK_TEXT(message,
               end->error == NULL ? NULL : weft_error_get_message(end->error));
}

#endif
