/* SPDX-License-Identifier: MIT
 * test_tls_thread.c - contexts that runtimes in several threads share. */
#include <pthread.h>

#include "secure.h"

enum { THREADS = 3, ROUNDS = 12 };

static int shake_often(weft_runtime *rt, void *arg) {
  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    struct line line;
    open_line(rt, &line);
    send_text(rt, line.client, "one of many");
    expect_text(rt, line.server, "one of many");
    send_text(rt, line.server, "and back");
    expect_text(rt, line.client, "and back");
    close_line(rt, &line);
  }
  return WEFT_OK;
}

static void *run_thread(void *arg) {
  weft_runtime *rt;
  weft_task task;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, shake_often, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return arg;
}

/* Gives the server's context the same settings again, made anew. */
static void renew(void) {
  weft_tls_context *fresh = secure_context(WEFT_TLS_SERVER);
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         fresh, secure.papers.server.pem,
                         secure.papers.server.key_pem, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_replace(secure.server, fresh));
  weft_tls_context_unref(fresh);
}

TEST("threads share contexts, while one is given other settings") {
  pthread_t threads[THREADS];
  secure_open();
  alarm(60);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_create(&threads[i], NULL, run_thread, NULL));
  for (int i = 0; i < ROUNDS; i++)
    renew();
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_join(threads[i], NULL));
  secure_close();
}

TASK_TEST("a context lives as long as what was begun with it") {
  struct line line = {.client_job = {.call = call_client, .data = "localhost"},
                      .server_job = {.call = call_server}};
  secure_open();
  open_ends(rt, &line.client, &line.server);
  line.client_job.object = line.client;
  line.server_job.object = line.server;
  start_job(rt, &line.client_job, false);
  CHECK(weft_tls_context_ref(secure.client) == secure.client);
  weft_tls_context_unref(secure.client);
  weft_tls_context_unref(secure.client);
  secure.client = NULL;
  start_job(rt, &line.server_job, false);
  join_job(rt, &line.client_job);
  join_job(rt, &line.server_job);
  line.client_tls = tls_of(&line.client_job);
  line.server_tls = tls_of(&line.server_job);
  send_text(rt, line.client, "orphan");
  expect_text(rt, line.server, "orphan");
  close_line(rt, &line);
  secure_close();
}
