/* SPDX-License-Identifier: MIT
 * test_tls_fault.c - peers that vanish, tasks that are cancelled, streams that
 * are closed: at every stage, and always told as what it is. */
#include "secure.h"

/* -- Peers that vanish ---------------------------------------------------- */

/* Whether the handshake's failure is one of a connection that broke. */
static bool is_break(int status) {
  return status == WEFT_TLS_TRUNCATED || status == WEFT_ECONNRESET ||
         status == WEFT_EPIPE;
}

/* A server that says only the first [size_bytes] bytes of its flight, and never
 * the last, then goes with an end or a reset; [whole] gets the flight's size,
 * which differs by some bytes from time to time. */
static void vanish(weft_runtime *rt, size_t size_bytes, bool resets,
                   size_t *whole) {
  struct puppet puppet;
  struct job job = {.call = call_client, .data = "localhost"};
  weft_error *error;
  int fd;
  job.object = open_pair(rt, &fd);
  puppet_open(&puppet, fd, secure.server);
  start_job(rt, &job, false);
  puppet_hear(&puppet);
  CHECK_INT(WEFT_PARKED, tls__engine_handshake(&puppet.engine, &error));
  *whole = puppet.engine.sent_bytes;
  puppet_say(&puppet, size_bytes < *whole ? size_bytes : *whole - 1);
  let_run(rt);
  CHECK(!job.done);
  if (resets)
    plain_reset(fd);
  else
    close(fd);
  CHECK(is_break(join_job(rt, &job)));
  check_failed(&job, job.status, NULL);
  CHECK(is_break(end_of(rt, job.object)));
  CHECK(is_break(weft_stream_write(rt, job.object, "x", 1)));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
  puppet_close(&puppet);
}

TASK_TEST("a server that goes at any byte of the handshake") {
  size_t whole = SIZE_MAX;
  secure_open();
  for (size_t size_bytes = 0; size_bytes < whole; size_bytes += 23)
    vanish(rt, size_bytes, size_bytes % 2 == 0, &whole);
  vanish(rt, SIZE_MAX, true, &whole);
  vanish(rt, SIZE_MAX, false, &whole);
  secure_close();
}

TASK_TEST("a client that goes at any byte of its hello") {
  struct tls_settings *settings;
  struct tls_engine client;
  weft_error *error;
  secure_open();
  CHECK_INT(WEFT_OK, tls__context_use(secure.client, &settings));
  CHECK_INT(WEFT_OK, tls__engine_open(&client, settings, "localhost", NULL));
  CHECK_INT(WEFT_PARKED, tls__engine_handshake(&client, &error));
  for (size_t size_bytes = 0; size_bytes < client.sent_bytes;
       size_bytes += 17) {
    struct job job = {.call = call_server};
    int fd;
    job.object = open_plain(rt, &fd);
    start_job(rt, &job, false);
    if (size_bytes > 0)
      CHECK_INT(size_bytes, send(fd, client.sent, size_bytes, MSG_NOSIGNAL));
    let_run(rt);
    CHECK(!job.done);
    close(fd);
    join_job(rt, &job);
    check_failed(&job, WEFT_TLS_TRUNCATED,
                 "the client closed the connection during the TLS handshake");
    CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
  }
  tls__engine_close(&client);
  secure_close();
}

TASK_TEST("a connection that is gone before the handshake begins") {
  struct job job = {.call = call_client, .data = "localhost"};
  int fd;
  secure_open();
  job.object = open_plain(rt, &fd);
  close(fd);
  start_job(rt, &job, false);
  join_job(rt, &job);
  CHECK(is_break(job.status));
  check_failed(&job, job.status, NULL);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
  secure_close();
}

TASK_TEST("a peer that speaks no TLS is told apart at once") {
  struct job client = {.call = call_client, .data = "localhost"};
  struct job server = {.call = call_server};
  int client_fd, server_fd;
  secure_open();
  client.object = open_plain(rt, &client_fd);
  server.object = open_plain(rt, &server_fd);
  start_job(rt, &client, false);
  start_job(rt, &server, true);
  plain_send(client_fd, "H");
  plain_send(server_fd, "G");
  join_job(rt, &client);
  join_job(rt, &server);
  check_failed(&client, WEFT_NOT_TLS, "localhost does not speak TLS");
  check_failed(&server, WEFT_NOT_TLS, "the client does not speak TLS");
  CHECK_INT(WEFT_NOT_TLS, end_of(rt, client.object));
  CHECK_INT(WEFT_NOT_TLS, weft_stream_write(rt, server.object, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, client.object));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, server.object));
  close(client_fd);
  close(server_fd);
  secure_close();
}

TASK_TEST("a refusal that comes after the handshake is read, by name") {
  struct line line;
  secure_open();
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(
                         secure.server, secure.papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(secure.server,
                                                 WEFT_TLS_VERIFY_REQUIRED));
  shake_line(rt, &line, "localhost", false);
  check_failed(&line.server_job, WEFT_CERT_MISSING,
               "the client has sent no certificate");
  weft_tls *client = tls_of(&line.client_job);
  CHECK_INT(WEFT_TLS_ALERT, end_of(rt, line.client));
  CHECK_TEXT("localhost ended TLS with the alert \"certificate required\"",
             weft_error_get_message(weft_tls_get_error(client)));
  CHECK_INT(WEFT_TLS_ALERT, weft_stream_write(rt, line.client, "x", 1));
  weft_tls_close(client);
  abort_ends(rt, &line);
  secure_close();
}

/* A server that answers, and goes while its client still writes. */
TASK_TEST("25.6 what came before a write finds the connection broken is read") {
  struct puppet puppet;
  struct job job = {.call = call_client, .data = "localhost"};
  int fd, status = WEFT_OK;
  secure_open();
  job.object = open_pair(rt, &fd);
  puppet_open(&puppet, fd, secure.server);
  start_job(rt, &job, false);
  puppet_shake(rt, &puppet);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  puppet_write(&puppet, "no more, please");
  tls__engine_shutdown(&puppet.engine);
  puppet_say(&puppet, SIZE_MAX);
  close(fd);
  for (int i = 0; i < 10 && status == WEFT_OK; i++)
    status = weft_stream_write(rt, job.object, "more", 4);
  CHECK(is_break(status));
  expect_text(rt, job.object, "no more, please");
  CHECK_INT(WEFT_EEND, end_of(rt, job.object));
  weft_tls_close(tls_of(&job));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
  puppet_close(&puppet);
  secure_close();
}

TEST("the TLS of a stream left open goes with the runtime") {
  weft_runtime *rt = new_runtime();
  struct job job = {.call = call_client, .data = "localhost"};
  int fd;
  secure_open();
  job.object = open_plain(rt, &fd);
  spawn_job(rt, &job, true);
  for (int i = 0, work; i < 4; i++)
    CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
  CHECK(!job.done);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_ECANCELLED, job.status);
  CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  close(fd);
  secure_close();
}

/* -- Cancelling ----------------------------------------------------------- */

static void check_given_up(weft_runtime *rt, weft_stream stream) {
  CHECK_INT(WEFT_TLS_CANCELLED, end_of(rt, stream));
  CHECK_INT(WEFT_TLS_CANCELLED, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_TLS_CANCELLED, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a handshake that is cancelled leaves a stream to be closed") {
  secure_open();
  for (int i = 0; i < 4; i++) {
    struct job job = {.call = i % 2 == 0 ? call_client : call_server,
                      .data = "localhost"};
    int fd;
    job.object = open_plain(rt, &fd);
    start_job(rt, &job, i < 2);
    CHECK_TEXT("TLS handshake", job_wait(rt, &job));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK_INT(0, job.value);
    check_given_up(rt, job.object);
    close(fd);
  }
  secure_close();
}

TASK_TEST("7.1 a handshake is cut off by a deadline") {
  struct job job = {
      .call = call_client, .data = "localhost", .timeout_ns = SECOND_NS};
  int fd;
  secure_open();
  job.object = open_plain(rt, &fd);
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  check_given_up(rt, job.object);
  close(fd);
  secure_close();
}

TASK_TEST("3.2 in cancelled code a handshake does not begin") {
  struct job job = {.call = call_client, .data = "localhost"};
  int fd;
  char byte;
  secure_open();
  job.object = open_plain(rt, &fd);
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(-1, recv(fd, &byte, 1, 0));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, job.object, "p", 1));
  CHECK_INT(1, recv(fd, &byte, 1, 0));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
  close(fd);
  secure_close();
}

TASK_TEST("3.4 a handshake that is done is delivered, cancelled or not") {
  struct line line = {.client_job = {.call = call_client, .data = "localhost"},
                      .server_job = {.call = call_server}};
  secure_open();
  open_ends(rt, &line.client, &line.server);
  line.client_job.object = line.client;
  line.server_job.object = line.server;
  start_job(rt, &line.server_job, true);
  start_job(rt, &line.client_job, true);
  int state = WEFT_TASK_PARKED;
  for (int i = 0; i < 20 && state == WEFT_TASK_PARKED; i++) {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    weft_task_get_state(rt, line.client_job.task, &state);
  }
  if (state == WEFT_TASK_READY)
    weft_task_cancel(rt, line.client_job.task, NULL);
  join_job(rt, &line.client_job);
  join_job(rt, &line.server_job);
  line.client_tls = tls_of(&line.client_job);
  line.server_tls = tls_of(&line.server_job);
  close_line(rt, &line);
  secure_close();
}

TASK_TEST("3.5 a read or a write that is cancelled has lost nothing") {
  struct line line;
  static char block[64 * 1024];
  struct job reader = {.call = call_fill}, writer = {.call = call_write};
  secure_open();
  open_line(rt, &line);
  reader.object = line.client;
  start_job(rt, &reader, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &reader));
  send_text(rt, line.server, "all of it");
  expect_text(rt, line.client, "all of it");
  writer.object = line.client;
  writer.data = block;
  writer.size_bytes = sizeof block;
  size_t taken = 0;
  for (;;) {
    struct job one = writer;
    start_job(rt, &one, true);
    let_run(rt);
    if (one.done) {
      join_job(rt, &one);
      taken += sizeof block;
      continue;
    }
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &one));
    break;
  }
  for (uint64_t filled; taken > 0; taken -= filled) {
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, line.server, 0, &filled));
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, line.server, filled));
    CHECK(filled <= taken);
  }
  send_text(rt, line.client, "after");
  expect_text(rt, line.server, "after");
  close_line(rt, &line);
  secure_close();
}

TASK_TEST("25.11 close in cancelled code drops what is unsent, and tells") {
  struct line line;
  struct job closer = {.call = call_close};
  secure_open();
  open_line(rt, &line);
  closer.object = line.client;
  spawn_job(rt, &closer, false);
  weft_task_cancel(rt, closer.task, NULL);
  CHECK_INT(WEFT_OK, join_job(rt, &closer));
  CHECK_INT(WEFT_TLS_TRUNCATED, end_of(rt, line.server));
  close_line(rt, &line);
  secure_close();
}

/* -- Closing -------------------------------------------------------------- */

TASK_TEST("3.10 a stream that is closed ends the handshake on it") {
  secure_open();
  for (int aborts = 0; aborts < 2; aborts++) {
    struct job job = {.call = call_client, .data = "localhost"};
    int fd;
    job.object = open_plain(rt, &fd);
    start_job(rt, &job, false);
    if (aborts)
      CHECK_INT(WEFT_OK, weft_stream_abort(rt, job.object));
    else
      CHECK_INT(WEFT_OK, weft_stream_close(rt, job.object));
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
    CHECK_INT(0, job.value);
    close(fd);
  }
  secure_close();
}

TASK_TEST("what is known of a connection outlives its stream") {
  struct line line;
  secure_open();
  open_line(rt, &line);
  abort_ends(rt, &line);
  let_run(rt);
  CHECK_TEXT("TLSv1.3", weft_tls_get_version(line.client_tls));
  weft_tls_close(line.client_tls);
  weft_tls_close(line.server_tls);
  weft_tls_close(NULL);
  secure_close();
}

/* -- Misuse --------------------------------------------------------------- */

static int try_client(weft_runtime *rt, weft_stream stream,
                      weft_tls_context *context, const char *name) {
  uint64_t value;
  int status = weft_tls_client(rt, stream, context, name, &value);
  CHECK_INT(0, value);
  return status;
}

TASK_TEST("arguments that are wrong change nothing") {
  int fd;
  uint64_t value;
  secure_open();
  weft_stream stream = open_plain(rt, &fd);
  weft_tls_context *empty = secure_context(WEFT_TLS_SERVER);
  CHECK_INT(WEFT_EINVAL, try_client(rt, stream, NULL, "localhost"));
  CHECK_INT(WEFT_EINVAL, try_client(rt, stream, secure.server, "localhost"));
  CHECK_INT(WEFT_EINVAL, try_client(rt, stream, secure.client, NULL));
  CHECK_INT(WEFT_EINVAL, try_client(rt, stream, secure.client, "a b"));
  CHECK_INT(WEFT_EINVAL, weft_tls_server(rt, stream, secure.client, &value));
  CHECK_INT(WEFT_ESTATE, weft_tls_server(rt, stream, empty, &value));
  CHECK_INT(WEFT_EBADF, try_client(rt, 0, secure.client, "localhost"));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "p", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_EBADF, try_client(rt, stream, secure.client, "localhost"));
  weft_tls_context_unref(empty);
  close(fd);
  secure_close();
}

TEST("outside any task there is no handshake") {
  weft_runtime *rt = new_runtime();
  int fd;
  secure_open();
  weft_stream stream = open_plain(rt, &fd);
  CHECK_INT(WEFT_ESTATE, try_client(rt, stream, secure.client, "localhost"));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  close(fd);
  secure_close();
}

TASK_TEST("25.10 with unread bytes, or a parked reader, TLS does not begin") {
  struct job reader = {.call = call_fill};
  int fd;
  uint64_t filled;
  secure_open();
  reader.object = open_plain(rt, &fd);
  start_job(rt, &reader, false);
  CHECK_INT(WEFT_ESTATE,
            try_client(rt, reader.object, secure.client, "localhost"));
  plain_send(fd, "plain");
  CHECK_INT(WEFT_OK, join_job(rt, &reader));
  CHECK_INT(WEFT_ESTATE,
            try_client(rt, reader.object, secure.client, "localhost"));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, reader.object, 4, &filled));
  CHECK(buffered_is(rt, reader.object, "plain"));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, reader.object));
  close(fd);
  secure_close();
}

TASK_TEST("TLS begins once; others may read meanwhile, and not write") {
  struct line line = {.client_job = {.call = call_client, .data = "localhost"},
                      .server_job = {.call = call_server}};
  struct job reader = {.call = call_fill};
  secure_open();
  open_ends(rt, &line.client, &line.server);
  line.client_job.object = reader.object = line.client;
  line.server_job.object = line.server;
  start_job(rt, &line.client_job, false);
  CHECK_INT(WEFT_ESTATE,
            try_client(rt, line.client, secure.client, "localhost"));
  CHECK_INT(WEFT_ESTATE, weft_stream_write(rt, line.client, "early", 5));
  start_job(rt, &reader, false);
  start_job(rt, &line.server_job, false);
  join_job(rt, &line.client_job);
  join_job(rt, &line.server_job);
  CHECK_INT(WEFT_ESTATE,
            try_client(rt, line.client, secure.client, "localhost"));
  CHECK(!reader.done);
  send_text(rt, line.server, "x");
  CHECK_INT(WEFT_OK, join_job(rt, &reader));
  line.client_tls = tls_of(&line.client_job);
  line.server_tls = tls_of(&line.server_job);
  close_line(rt, &line);
  secure_close();
}
