/* SPDX-License-Identifier: MIT
 * secure.h - what the tests of TLS on streams need: contexts that trust each
 * other, streams that shake hands, and a peer that is an engine of the test's
 * own behind a plain socket.
 *
 * Memory is OpenSSL's for the library, so that is counted here too: nothing may
 * be left of it either. */
#ifndef WEFT_TLS_TEST_SECURE_H
#define WEFT_TLS_TEST_SECURE_H

#include "../../../test/loopback.h"
#include "../tls.h"
#include "paper.h"

static struct {
  struct papers papers;
  weft_tls_context *client;
  weft_tls_context *server;
} secure;

static inline weft_tls_context *secure_context(int side) {
  weft_tls_context *context;
  CHECK_INT(WEFT_OK, weft_tls_context_new(side, &context));
  return context;
}

/* Contexts of a client that trusts the papers, and of a server that has them;
 * to be set further, and given back by secure_close. */
static inline void secure_open(void) {
  papers_make(&secure.papers);
  secure.client = secure_context(WEFT_TLS_CLIENT);
  secure.server = secure_context(WEFT_TLS_SERVER);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(
                         secure.client, secure.papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         secure.server, secure.papers.server.pem,
                         secure.papers.server.key_pem, NULL, NULL));
}

static inline void secure_close(void) {
  weft_tls_context_unref(secure.client);
  weft_tls_context_unref(secure.server);
  papers_free(&secure.papers);
  CHECK_INT(0, ERR_peek_error());
}

/* -- Streams -------------------------------------------------------------- */

static inline void open_ends(weft_runtime *rt, weft_stream *one,
                             weft_stream *other) {
  int fds[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[0], one));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[1], other));
}

/* A stream, and the plain socket that is its peer. */
static inline weft_stream open_plain(weft_runtime *rt, int *fd) {
  int fds[2];
  weft_stream stream;
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[0], &stream));
  fcntl(fds[1], F_SETFL, O_NONBLOCK);
  *fd = fds[1];
  return stream;
}

static inline int call_client(weft_runtime *rt, struct job *job,
                              uint64_t *value) {
  return weft_tls_client(rt, job->object, secure.client, job->data, value);
}

static inline int call_server(weft_runtime *rt, struct job *job,
                              uint64_t *value) {
  return weft_tls_server(rt, job->object, secure.server, value);
}

static inline weft_tls *tls_of(const struct job *job) {
  CHECK_INT(WEFT_OK, job->status);
  return job->status == WEFT_OK ? (weft_tls *)(uintptr_t)job->value : NULL;
}

/* Checks what a handshake has failed with, and gives the error back. */
static inline void check_failed(const struct job *job, int status,
                                const char *message) {
  weft_error *error = (weft_error *)(uintptr_t)job->value;
  CHECK_INT(status, job->status);
  if (job->status == WEFT_OK) {
    weft_tls_close((weft_tls *)(uintptr_t)job->value);
    return;
  }
  if (message != NULL)
    CHECK_TEXT(message, error == NULL ? NULL : weft_error_get_message(error));
  weft_error_unref(error);
}

/* Two ends of a connection that speak TLS with each other. */
struct line {
  struct job client_job;
  struct job server_job;
  weft_stream client;
  weft_stream server;
  weft_tls *client_tls;
  weft_tls *server_tls;
};

/* Lets both ends try; their jobs tell the outcome. */
static inline void shake_line(weft_runtime *rt, struct line *line,
                              const char *name, bool stepped) {
  *line = (struct line){.client_job = {.call = call_client, .data = name},
                        .server_job = {.call = call_server}};
  open_ends(rt, &line->client, &line->server);
  line->client_job.object = line->client;
  line->server_job.object = line->server;
  start_job(rt, &line->server_job, stepped);
  start_job(rt, &line->client_job, stepped);
  join_job(rt, &line->client_job);
  join_job(rt, &line->server_job);
}

static inline void open_line(weft_runtime *rt, struct line *line) {
  shake_line(rt, line, "localhost", false);
  line->client_tls = tls_of(&line->client_job);
  line->server_tls = tls_of(&line->server_job);
}

static inline void abort_ends(weft_runtime *rt, struct line *line) {
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, line->client));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, line->server));
}

static inline void close_line(weft_runtime *rt, struct line *line) {
  weft_stream_close(rt, line->client);
  weft_stream_close(rt, line->server);
  CHECK_INT(WEFT_OK, weft_tls_close(line->client_tls));
  CHECK_INT(WEFT_OK, weft_tls_close(line->server_tls));
}

/* -- Reading -------------------------------------------------------------- */

/* Waits for [text] and takes it. */
static inline void expect_text(weft_runtime *rt, weft_stream stream,
                               const char *text) {
  uint64_t filled;
  const char *data;
  size_t size_bytes, length = strlen(text);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, length - 1, &filled));
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  CHECK(size_bytes >= length && memcmp(data, text, length) == 0);
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, length));
}

static inline void send_text(weft_runtime *rt, weft_stream stream,
                             const char *text) {
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, text, strlen(text)));
}

/* What comes after the last byte. */
static inline int end_of(weft_runtime *rt, weft_stream stream) {
  uint64_t filled;
  return weft_stream_fill(rt, stream, 0, &filled);
}

/* -- A peer of the test's own --------------------------------------------- */

struct puppet {
  struct tls_engine engine;
  int fd;
  char kept[64 * 1024]; /* what came in */
};

static inline void puppet_open(struct puppet *puppet, int fd,
                               weft_tls_context *context) {
  struct tls_settings *settings;
  puppet->fd = fd;
  CHECK_INT(WEFT_OK, tls__context_use(context, &settings));
  CHECK_INT(WEFT_OK, tls__engine_open(&puppet->engine, settings, NULL, NULL));
}

static inline void puppet_close(struct puppet *puppet) {
  tls__engine_close(&puppet->engine);
}

/* Reads what has come, and lends it to the engine. */
static inline bool puppet_hear(struct puppet *puppet) {
  ssize_t count = recv(puppet->fd, puppet->kept, sizeof puppet->kept, 0);
  if (count > 0)
    tls__engine_receive(&puppet->engine, puppet->kept, (size_t)count);
  return count > 0;
}

/* Sends what the engine has to say, [size_bytes] of it at most; the rest is
 * forgotten. */
static inline size_t puppet_say(struct puppet *puppet, size_t size_bytes) {
  size_t count = puppet->engine.sent_bytes;
  if (count > size_bytes)
    count = size_bytes;
  if (count > 0)
    CHECK_INT(count,
              send(puppet->fd, puppet->engine.sent, count, MSG_NOSIGNAL));
  tls__engine_clear_sent(&puppet->engine);
  return count;
}

/* Shakes hands with a stream whose task runs meanwhile. */
static inline void puppet_shake(weft_runtime *rt, struct puppet *puppet) {
  weft_error *error = NULL;
  int status = WEFT_PARKED;
  for (int i = 0; i < 100 && status == WEFT_PARKED; i++) {
    status = tls__engine_handshake(&puppet->engine, &error);
    puppet_say(puppet, SIZE_MAX);
    CHECK_INT(WEFT_OK, weft_yield(rt));
    if (status == WEFT_PARKED)
      puppet_hear(puppet);
  }
  CHECK_INT(WEFT_OK, status);
  weft_error_unref(error);
}

/* Encrypts [text], which is then to be sent. */
static inline void puppet_write(struct puppet *puppet, const char *text) {
  weft_error *error;
  CHECK_INT(WEFT_OK,
            tls__engine_write(&puppet->engine, text, strlen(text), &error));
}

/* Waits for [text]. */
static inline void puppet_expect(weft_runtime *rt, struct puppet *puppet,
                                 const char *text) {
  char room[256];
  size_t count, length = strlen(text), at = 0;
  weft_error *error = NULL;
  for (int i = 0; i < 100 && at < length; i++) {
    while (tls__engine_read(&puppet->engine, room + at, sizeof room - at,
                            &count, &error) == WEFT_OK)
      at += count;
    CHECK_INT(WEFT_OK, weft_yield(rt));
    puppet_hear(puppet);
  }
  CHECK_INT(length, at);
  CHECK(memcmp(room, text, length) == 0);
  weft_error_unref(error);
}

#endif
