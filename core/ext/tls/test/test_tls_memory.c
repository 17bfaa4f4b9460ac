/* SPDX-License-Identifier: MIT
 * test_tls_memory.c - handshakes and bytes while memory runs out, in weft or in
 * OpenSSL: a failure, no crash, and nothing is left. */
#include "memory.h"
#include "secure.h"

/* A handshake, something said each way, and the ends. Whoever cannot go on
 * closes, which the other hears of. */
struct talk {
  weft_stream stream;
  weft_tls_context *context;
  bool is_client;
  int status;
};

static int speak(weft_runtime *rt, struct talk *talk) {
  uint64_t filled;
  static const char text[20000];
  int status = weft_stream_write(rt, talk->stream, text, sizeof text);
  if (status == WEFT_OK)
    status = weft_stream_fill(rt, talk->stream, sizeof text - 1, &filled);
  return status;
}

static int run_talk(weft_runtime *rt, void *arg) {
  struct talk *talk = arg;
  uint64_t value;
  talk->status = talk->is_client
                     ? weft_tls_client(rt, talk->stream, talk->context,
                                       "localhost", &value)
                     : weft_tls_server(rt, talk->stream, talk->context, &value);
  if (talk->status == WEFT_OK) {
    weft_tls_close((weft_tls *)(uintptr_t)value);
    talk->status = speak(rt, talk);
  } else {
    weft_error_unref((weft_error *)(uintptr_t)value);
  }
  CHECK_INT(WEFT_OK, weft_stream_close(rt, talk->stream));
  return WEFT_OK;
}

/* The [nth] allocation fails, of weft's or of OpenSSL's; 0: none. */
static void arm(bool of_openssl, long nth) {
  if (of_openssl)
    memory_after(nth);
  else
    failing_after(nth);
}

/* Both sides talk while an allocation fails; [failed] tells whether one did.
 * Returns whether both were content. */
static bool talk_once(weft_runtime *rt, bool of_openssl, long nth,
                      bool *failed) {
  struct talk talks[2] = {{.context = secure.client, .is_client = true},
                          {.context = secure.server}};
  weft_task tasks[2];
  open_ends(rt, &talks[0].stream, &talks[1].stream);
  for (int i = 0; i < 2; i++)
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, run_talk, &talks[i], NULL, &tasks[i]));
  arm(of_openssl, nth);
  for (int i = 0; i < 2; i++)
    CHECK_INT(WEFT_OK, weft_task_await(rt, tasks[i]));
  *failed = of_openssl ? memory.failed : failing_has_failed();
  arm(of_openssl, 0);
  for (int i = 0; i < 2; i++)
    CHECK_INT(WEFT_OK, weft_task_close(rt, tasks[i]));
  let_run(rt);
  return talks[0].status == WEFT_OK && talks[1].status == WEFT_OK;
}

/* Without sessions, so that nothing stays. */
static void talk_without_memory(weft_runtime *rt, bool of_openssl) {
  long refused = 0;
  bool failed;
  secure_open();
  CHECK_INT(WEFT_OK, weft_tls_context_set_resume(secure.client, 0));
  CHECK_INT(WEFT_OK, weft_tls_context_set_resume(secure.server, 0));
  for (int i = 0; i < 2; i++)
    CHECK(talk_once(rt, of_openssl, 0, &failed));
  for (long nth = 1;; nth += 1 + nth / 16) {
    long live = failing_live(), openssl_live = memory_live();
    bool is_content = talk_once(rt, of_openssl, nth, &failed);
    CHECK_INT(live, failing_live());
    CHECK_INT(openssl_live, memory_live());
    CHECK(failed || is_content);
    refused += !is_content;
    if (!failed)
      break;
  }
  CHECK(refused > (of_openssl ? 20 : 5));
  secure_close();
}

TASK_TEST("when weft has no memory both sides fail or go on, and end") {
  memory_install();
  talk_without_memory(rt, false);
}

/* Writes until the system takes no more. */
static void fill_up(weft_runtime *rt, weft_stream stream) {
  static const char block[16 * 1024];
  size_t unread, unsent = 0;
  while (unsent == 0) {
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof block));
    CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, stream, &unread, &unsent));
  }
}

/* What was encrypted and is not sent would be missed by the peer. */
TASK_TEST("a write for which weft has no memory ends the connection") {
  struct line line;
  secure_open();
  open_line(rt, &line);
  fill_up(rt, line.client);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, line.client, "lost", 4));
  CHECK(failing_has_failed());
  failing_after(0);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, line.client, "after", 5));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, line.client));
  int status;
  uint64_t filled;
  while ((status = weft_stream_fill(rt, line.server, 0, &filled)) == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, line.server, filled));
  CHECK_INT(WEFT_TLS_TRUNCATED, status);
  close_line(rt, &line);
  secure_close();
}

TASK_TEST("when OpenSSL has no memory both sides fail or go on, and end") {
  memory_install();
  talk_without_memory(rt, true);
}
