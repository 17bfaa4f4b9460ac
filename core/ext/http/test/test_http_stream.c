/* SPDX-License-Identifier: MIT
 * test_http_stream.c - reading a body while it comes. */
#define _POSIX_C_SOURCE 200809L

#include "client.h"

#include <stdbool.h>

static int open_stream(struct client *client, const char *path) {
  weft_http_request *request = client_ask(client, "GET", path);
  CHECK_INT(WEFT_OK, weft_http_request_set_stream(request, 1));
  return client_fetch(client, request);
}

static int fill(struct client *client) {
  uint64_t value;
  int status = weft_http_response_fill(client->rt, client->response, &value);
  client_note_error(client, value);
  return status;
}

static size_t consume_all(struct client *client) {
  const char *data;
  size_t size_bytes;
  weft_http_response_peek(client->response, &data, &size_bytes);
  CHECK_INT(WEFT_EINVAL,
            weft_http_response_consume(client->response, size_bytes + 1));
  CHECK_INT(WEFT_OK, weft_http_response_consume(client->response, size_bytes));
  return size_bytes;
}

static int read_chunks(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  size_t count;
  (void)rt;
  CHECK_INT(WEFT_OK, open_stream(client, "/chunks"));
  CHECK_INT(200, client_status(client));
  CHECK_INT(WEFT_OK, fill(client));
  CHECK_TEXT("first", client_body(client));
  CHECK_INT(WEFT_OK, fill(client)); /* it is still there */
  CHECK_INT(5, consume_all(client));
  sem_post(&client->server->go);
  CHECK_INT(WEFT_OK, fill(client));
  CHECK_TEXT("second", client_body(client));
  CHECK_INT(6, consume_all(client));
  CHECK_INT(WEFT_EEND, fill(client));
  CHECK_INT(WEFT_EEND, fill(client));
  weft_http_session_get_count(client->session, &count);
  CHECK_INT(0, count);
  CHECK(weft_http_response_get_header(client->response, "X-Trailer") == NULL);
  return WEFT_OK;
}

TEST("a streamed body is there as it comes, then ends") {
  client_run(read_chunks);
}

/* Whether these are the bytes of the body from [start] on. */
static bool is_in_order(const char *data, size_t bytes, size_t start) {
  for (size_t i = 0; i < bytes; i++)
    if (data[i] != (char)('a' + (start + i) % 26))
      return false;
  return true;
}

static int read_large(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  const size_t size_bytes = 5000000;
  size_t total = 0, most = 0;
  int status;
  (void)rt;
  CHECK_INT(WEFT_OK, open_stream(client, "/large/5000000"));
  while ((status = fill(client)) == WEFT_OK) {
    const char *data;
    size_t bytes;
    weft_http_response_peek(client->response, &data, &bytes);
    bool in_order = is_in_order(data, bytes, total);
    CHECK(in_order);
    if (!in_order)
      return WEFT_OK;
    most = bytes > most ? bytes : most;
    total += consume_all(client);
    weft_yield(rt);
  }
  CHECK_INT(WEFT_EEND, status);
  CHECK_INT(size_bytes, total);
  CHECK(most <= (size_t)3 * 64 * 1024);
  return WEFT_OK;
}

TEST("a reader that is slow keeps the server waiting, and gets every byte") {
  client_run(read_large);
}

/* Many turns of the loop without reading; returns what is there then. */
static size_t let_come(struct client *client) {
  const char *data;
  size_t bytes;
  for (int i = 0; i < 200; i++) {
    struct client other = *client;
    other.response = NULL;
    CHECK_INT(WEFT_OK, client_get(&other, "/ok"));
    weft_http_response_close(other.response);
  }
  weft_http_response_peek(client->response, &data, &bytes);
  return bytes;
}

static int hold_back(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, open_stream(client, "/large/5000000"));
  size_t bytes = let_come(client);
  CHECK(bytes >= (size_t)64 * 1024 && bytes <= (size_t)3 * 64 * 1024);
  return WEFT_OK;
}

TEST("no more is read ahead than is useful") {
  client_run(hold_back);
}

/* libcurl's handle was told to wait, and the next request gets it. */
static int close_held_back(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  CHECK_INT(WEFT_OK, open_stream(client, "/large/5000000"));
  CHECK(let_come(client) >= (size_t)64 * 1024);
  weft_http_response_close(client->response);
  client->response = NULL;
  return read_large(rt, client);
}

TEST("a response that is closed while it waits leaves nothing to the next") {
  client_run(close_held_back);
}

static int fail_midway(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, open_stream(client, "/early"));
  CHECK_INT(WEFT_OK, fill(client));
  CHECK_TEXT("hello", client_body(client));
  consume_all(client);
  CHECK_INT(WEFT_EINCOMPLETE, fill(client));
  CHECK(strstr(client->message, "ended after 5 of 10 bytes") != NULL);
  CHECK_INT(WEFT_EINCOMPLETE, fill(client));
  return WEFT_OK;
}

TEST("what came before a failure is given out before it") {
  client_run(fail_midway);
}

static int exceed(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  weft_http_request *request = client_ask(client, "GET", "/large/1000000");
  weft_http_request_set_stream(request, 1);
  weft_http_request_set_body_max(request, 500000);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  int status;
  while ((status = fill(client)) == WEFT_OK)
    consume_all(client);
  CHECK_INT(WEFT_EOVERRUN, status);
  return WEFT_OK;
}

TEST("the limit holds for a streamed body, too") {
  client_run(exceed);
}

/* -- Two tasks, and cancelling -------------------------------------------- */

static int fill_once(weft_runtime *rt, void *arg) {
  (void)rt;
  return fill(arg);
}

static int state_of(weft_runtime *rt, weft_task task) {
  int state;
  weft_task_get_state(rt, task, &state);
  return state;
}

/* A task that waits for the second chunk. */
static weft_task start_reader(weft_runtime *rt, struct client *client) {
  weft_task task;
  CHECK_INT(WEFT_OK, open_stream(client, "/chunks"));
  CHECK_INT(WEFT_OK, fill(client));
  consume_all(client);
  weft_spawn(rt, 0, fill_once, client, NULL, &task);
  weft_yield(rt);
  CHECK_INT(WEFT_TASK_PARKED, state_of(rt, task));
  return task;
}

static int cancel_reader(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_task task = start_reader(rt, client);
  CHECK_INT(WEFT_EBUSY, fill(client));
  weft_task_cancel(rt, task, NULL);
  weft_task_await(rt, task);
  CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, task));
  weft_task_close(rt, task);
  sem_post(&client->server->go);
  CHECK_INT(WEFT_OK, fill(client));
  CHECK_TEXT("second", client_body(client));
  return WEFT_OK;
}

TEST("one reader at a time; cancelling it loses no byte") {
  client_run(cancel_reader);
}

static int close_under_reader(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_task task = start_reader(rt, client);
  weft_error *error;
  size_t count;
  weft_http_response_close(client->response);
  client->response = NULL;
  weft_task_await(rt, task);
  weft_task_get_error(rt, task, &error);
  CHECK_INT(WEFT_ECLOSED, weft_error_get_code(error));
  weft_task_close(rt, task);
  weft_http_session_get_count(client->session, &count);
  CHECK_INT(0, count);
  return WEFT_OK;
}

TEST("closing the response aborts it and wakes its reader") {
  client_run(close_under_reader);
}

static int close_session(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_task task = start_reader(rt, client);
  weft_error *error;
  weft_http_session_close(client->session);
  client->session = NULL;
  weft_task_await(rt, task);
  weft_task_get_error(rt, task, &error);
  CHECK_INT(WEFT_ECLOSED, weft_error_get_code(error));
  weft_task_close(rt, task);
  CHECK_INT(WEFT_ECLOSED, fill(client));
  CHECK_TEXT("the session was closed", client->message);
  return WEFT_OK;
}

TEST("closing the session ends a response that still comes") {
  client_run(close_session);
}

static int leave_unread(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, open_stream(client, "/chunks"));
  return WEFT_OK;
}

TEST("a response may be closed after its session and runtime") {
  struct client client = {.server = server_start()};
  weft_runtime_new(&client.rt);
  weft_http_session_new(client.rt, &client.session);
  weft_spawn(client.rt, 0, leave_unread, &client, NULL, NULL);
  CHECK_INT(WEFT_OK, weft_run(client.rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(client.rt));
  CHECK_INT(WEFT_OK, weft_http_session_close(client.session));
  CHECK_INT(200, client_status(&client));
  CHECK_INT(WEFT_OK, weft_http_response_close(client.response));
}
