/* SPDX-License-Identifier: MIT
 * test_tls_stream.c - TLS on streams: handshakes, bytes, ends. */
#include "secure.h"

/* -- Handshakes ----------------------------------------------------------- */

TASK_TEST("a client and a server shake hands, in either kind of task") {
  secure_open();
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct line line;
    shake_line(rt, &line, "localhost", stepped);
    weft_tls *client = tls_of(&line.client_job);
    weft_tls *server = tls_of(&line.server_job);
    CHECK_TEXT("TLSv1.3", weft_tls_get_version(client));
    CHECK_TEXT(weft_tls_get_cipher(server), weft_tls_get_cipher(client));
    CHECK_TEXT("localhost", weft_tls_get_server_name(client));
    CHECK_TEXT("localhost", weft_tls_get_server_name(server));
    CHECK(weft_tls_get_protocol(client) == NULL);
    CHECK_INT(stepped, weft_tls_is_resumed(client));
    CHECK(weft_tls_get_error(client) == NULL);
    send_text(rt, line.client, "ping");
    expect_text(rt, line.server, "ping");
    send_text(rt, line.server, "pong");
    expect_text(rt, line.client, "pong");
    line.client_tls = client;
    line.server_tls = server;
    close_line(rt, &line);
  }
  secure_close();
}

TASK_TEST("the client knows the server's certificate") {
  struct line line;
  weft_value *map, *item;
  const char *text;
  size_t size_bytes, count;
  secure_open();
  open_line(rt, &line);
  CHECK_INT(WEFT_OK, weft_tls_get_certificate(line.client_tls, &map));
  CHECK_INT(WEFT_OK, weft_value_get_count(map, &count));
  CHECK_INT(8, count);
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 0, &item));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(item, &text, &size_bytes));
  CHECK_TEXT("CN=localhost", text);
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 1, &item));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(item, &text, &size_bytes));
  CHECK_TEXT("CN=Test authority", text);
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 2, &item));
  CHECK_INT(WEFT_OK, weft_value_get_count(item, &count));
  CHECK_INT(2, count);
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 7, &item));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(item, &text, &size_bytes));
  CHECK_TEXT(secure.papers.server.pem, text);
  weft_value_unref(map);
  CHECK_INT(WEFT_OK, weft_tls_get_certificate(line.server_tls, &map));
  CHECK(map == NULL);
  close_line(rt, &line);
  secure_close();
}

TASK_TEST("a handshake may come byte by byte") {
  struct puppet puppet;
  struct job job = {.call = call_client, .data = "localhost"};
  weft_error *error;
  int fd, status = WEFT_PARKED;
  secure_open();
  job.object = open_plain(rt, &fd);
  puppet_open(&puppet, fd, secure.server);
  start_job(rt, &job, false);
  while (status == WEFT_PARKED) {
    puppet_hear(&puppet);
    status = tls__engine_handshake(&puppet.engine, &error);
    for (size_t i = 0; i < puppet.engine.sent_bytes; i++) {
      CHECK_INT(1, send(fd, puppet.engine.sent + i, 1, MSG_NOSIGNAL));
      CHECK_INT(WEFT_OK, weft_yield(rt));
    }
    tls__engine_clear_sent(&puppet.engine);
  }
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  weft_tls_close(tls_of(&job));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, job.object));
  puppet_close(&puppet);
  close(fd);
  secure_close();
}

TASK_TEST("a certificate is renewed for who comes, and kept by who is there") {
  struct line before, after;
  struct paper renewed;
  weft_value *map, *item;
  const char *text;
  size_t size_bytes;
  secure_open();
  open_line(rt, &before);
  paper_make(&renewed, (struct wanted){"renewed", "DNS:localhost",
                                       &secure.papers.authority, -1, 2, 0});
  weft_tls_context *fresh = secure_context(WEFT_TLS_SERVER);
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         fresh, renewed.pem, renewed.key_pem, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_replace(secure.server, fresh));
  weft_tls_context_unref(fresh);
  open_line(rt, &after);
  CHECK_INT(0, weft_tls_is_resumed(after.client_tls));
  CHECK_INT(WEFT_OK, weft_tls_get_certificate(after.client_tls, &map));
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 0, &item));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(item, &text, &size_bytes));
  CHECK_TEXT("CN=renewed", text);
  weft_value_unref(map);
  send_text(rt, before.client, "still here");
  expect_text(rt, before.server, "still here");
  close_line(rt, &before);
  close_line(rt, &after);
  paper_free(&renewed);
  secure_close();
}

/* -- Ends ----------------------------------------------------------------- */

TASK_TEST("an end by close_notify is an end; reading goes on after the own") {
  struct line line;
  secure_open();
  open_line(rt, &line);
  send_text(rt, line.client, "last");
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, line.client));
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, line.client, "x", 1));
  expect_text(rt, line.server, "last");
  CHECK_INT(WEFT_EEND, end_of(rt, line.server));
  send_text(rt, line.server, "still here");
  expect_text(rt, line.client, "still here");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, line.server));
  CHECK_INT(WEFT_EEND, end_of(rt, line.client));
  close_line(rt, &line);
  secure_close();
}

/* The peer goes without a word after all that it has said has come. */
static void check_cut_off(weft_runtime *rt, int status) {
  struct line line;
  open_line(rt, &line);
  send_text(rt, line.server, "to the ");
  send_text(rt, line.server, "point");
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, line.server));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, line.server));
  expect_text(rt, line.client, "to the point");
  CHECK_INT(status, end_of(rt, line.client));
  CHECK_INT(status, end_of(rt, line.client));
  if (status == WEFT_TLS_TRUNCATED)
    CHECK_TEXT("localhost closed the connection without close_notify: data may "
               "be cut off",
               weft_error_get_message(weft_tls_get_error(line.client_tls)));
  else
    CHECK(weft_tls_get_error(line.client_tls) == NULL);
  close_line(rt, &line);
}

TASK_TEST("an end without close_notify is told apart, unless that is allowed") {
  secure_open();
  check_cut_off(rt, WEFT_TLS_TRUNCATED);
  weft_tls_context_unref(secure.client);
  secure.client = secure_context(WEFT_TLS_CLIENT);
  CHECK_INT(WEFT_OK, weft_tls_context_set_truncation(secure.client, 1));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(secure.client, 0));
  check_cut_off(rt, WEFT_EEND);
  secure_close();
}

/* A client's stream and a server behind a plain socket that speak TLS. */
static void open_puppet(weft_runtime *rt, struct puppet *puppet,
                        struct job *job) {
  int fd;
  *job = (struct job){.call = call_client, .data = "localhost"};
  job->object = open_plain(rt, &fd);
  puppet_open(puppet, fd, secure.server);
  start_job(rt, job, false);
  puppet_shake(rt, puppet);
  CHECK_INT(WEFT_OK, join_job(rt, job));
}

static void close_puppet(weft_runtime *rt, struct puppet *puppet,
                         struct job *job) {
  weft_tls_close(tls_of(job));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, job->object));
  puppet_close(puppet);
  close(puppet->fd);
}

TASK_TEST("half a record is waited for, and cut off if the peer then goes") {
  struct puppet puppet;
  struct job job, reader = {.call = call_fill};
  secure_open();
  open_puppet(rt, &puppet, &job);
  puppet_write(&puppet, "whole");
  puppet_say(&puppet, SIZE_MAX);
  expect_text(rt, job.object, "whole");
  puppet_write(&puppet, "half of this is lost");
  puppet_say(&puppet, 20);
  reader.object = job.object;
  start_job(rt, &reader, false);
  let_run(rt);
  CHECK(!reader.done);
  CHECK_INT(0, shutdown(puppet.fd, SHUT_WR));
  CHECK_INT(WEFT_TLS_TRUNCATED, join_job(rt, &reader));
  close_puppet(rt, &puppet, &job);
  secure_close();
}

TASK_TEST("a record that was changed on the way ends all") {
  struct puppet puppet;
  struct job job;
  secure_open();
  open_puppet(rt, &puppet, &job);
  puppet_write(&puppet, "good");
  puppet_say(&puppet, SIZE_MAX);
  puppet_write(&puppet, "bad");
  puppet.engine.sent[7] ^= 1;
  puppet_say(&puppet, SIZE_MAX);
  expect_text(rt, job.object, "good");
  CHECK_INT(WEFT_TLS_FAILED, end_of(rt, job.object));
  CHECK_INT(WEFT_TLS_FAILED, weft_stream_write(rt, job.object, "x", 1));
  CHECK_TEXT("TLS with localhost failed: decryption failed or bad record mac",
             weft_error_get_message(weft_tls_get_error(tls_of(&job))));
  close_puppet(rt, &puppet, &job);
  secure_close();
}

TASK_TEST("keys that change on the way change nothing") {
  struct puppet puppet;
  struct job job;
  secure_open();
  open_puppet(rt, &puppet, &job);
  for (int i = 0; i < 3; i++) {
    CHECK_INT(1, SSL_key_update(puppet.engine.ssl, SSL_KEY_UPDATE_REQUESTED));
    puppet_write(&puppet, "new keys");
    puppet_say(&puppet, SIZE_MAX);
    expect_text(rt, job.object, "new keys");
    send_text(rt, job.object, "mine too");
    puppet_expect(rt, &puppet, "mine too");
  }
  close_puppet(rt, &puppet, &job);
  secure_close();
}

TASK_TEST("a peer that would begin anew is told no; the stream goes on") {
  struct puppet puppet;
  struct job job;
  weft_error *error = NULL;
  char room[64];
  size_t count;
  secure_open();
  CHECK_INT(WEFT_OK, weft_tls_context_set_versions(secure.client, WEFT_TLS_1_2,
                                                   WEFT_TLS_1_2));
  open_puppet(rt, &puppet, &job);
  /* A server's wish to do so is a message of its own, in a record. */
  SSL *ssl = puppet.engine.ssl;
  SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
  CHECK_INT(1, SSL_renegotiate(ssl));
  CHECK_INT(1, SSL_do_handshake(ssl));
  CHECK(puppet.engine.sent_bytes > 0);
  puppet_say(&puppet, SIZE_MAX);
  let_run(rt);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, job.object, "as before", 9));
  CHECK(puppet_hear(&puppet));
  int status = WEFT_PARKED;
  status = tls__engine_read(&puppet.engine, room, sizeof room, &count, &error);
  CHECK_INT(WEFT_TLS_FAILED, status);
  CHECK_TEXT("no renegotiation",
             error == NULL
                 ? NULL
                 : weft_error_get_message(weft_error_get_cause(error)));
  weft_error_unref(error);
  close_puppet(rt, &puppet, &job);
  secure_close();
}

/* -- Much ----------------------------------------------------------------- */

#define MUCH_BYTES ((size_t)16 * 1024 * 1024)

static int send_much(weft_runtime *rt, void *arg) {
  weft_stream stream = *(weft_stream *)arg;
  enum { CHUNK = 100 * 1000 };
  char *chunk = malloc(CHUNK);
  for (size_t at = 0; at < MUCH_BYTES;) {
    size_t count = MUCH_BYTES - at < CHUNK ? MUCH_BYTES - at : CHUNK;
    for (size_t i = 0; i < count; i++)
      chunk[i] = pattern(at + i);
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, chunk, count));
    at += count;
  }
  free(chunk);
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  return WEFT_OK;
}

static int receive_much(weft_runtime *rt, void *arg) {
  weft_stream stream = *(weft_stream *)arg;
  size_t at = 0, wrong = 0, most = 0;
  uint64_t filled;
  const char *data;
  size_t size_bytes;
  while (weft_stream_fill(rt, stream, 0, &filled) == WEFT_OK) {
    CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
    for (size_t i = 0; i < size_bytes; i++)
      wrong += data[i] != pattern(at + i);
    at += size_bytes;
    most = size_bytes > most ? size_bytes : most;
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, size_bytes));
  }
  CHECK_INT(MUCH_BYTES, at);
  CHECK_INT(0, wrong);
  CHECK(most <= 192 * 1024);
  CHECK_INT(WEFT_EEND, end_of(rt, stream));
  return WEFT_OK;
}

TASK_TEST("16 MiB go both ways at once") {
  struct line line;
  weft_task tasks[4];
  alarm(300); /* valgrind takes its time */
  secure_open();
  open_line(rt, &line);
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, send_much, &line.client, NULL, &tasks[0]));
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, send_much, &line.server, NULL, &tasks[1]));
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, receive_much, &line.client, NULL, &tasks[2]));
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, receive_much, &line.server, NULL, &tasks[3]));
  for (int i = 0; i < 4; i++) {
    CHECK_INT(WEFT_OK, weft_task_await(rt, tasks[i]));
    CHECK_INT(WEFT_OK, weft_task_close(rt, tasks[i]));
  }
  close_line(rt, &line);
  secure_close();
}

TASK_TEST(
    "a peer that does not read makes writers wait, and memory is bounded") {
  struct line line;
  static char block[32 * 1024];
  struct job writer = {
      .call = call_write, .data = block, .size_bytes = sizeof block};
  size_t before = failing_live_bytes(), written = 0;
  secure_open();
  open_line(rt, &line);
  writer.object = line.client;
  for (;;) {
    struct job one = writer;
    start_job(rt, &one, false);
    let_run(rt);
    if (!one.done) {
      CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &one));
      break;
    }
    join_job(rt, &one);
    written += sizeof block;
    CHECK(written < (size_t)8 * 1024 * 1024);
  }
  CHECK(failing_live_bytes() - before < (size_t)1024 * 1024);
  abort_ends(rt, &line);
  weft_tls_close(line.client_tls);
  weft_tls_close(line.server_tls);
  secure_close();
}
