/* SPDX-License-Identifier: MIT
 * test_http.c - the HTTP client against a server on the loopback: requests,
 * responses, the pool, cancelling and closing. */
#define _POSIX_C_SOURCE 200809L

#include "client.h"

/* -- Responses ------------------------------------------------------------ */

static void check_one_text(const weft_http_response *response) {
  const char *at = weft_http_response_get_header_name(response, 0);
  size_t count = weft_http_response_get_header_count(response);
  for (size_t i = 0; i < count; i++) {
    CHECK(at == weft_http_response_get_header_name(response, i));
    at += strlen(at) + 1;
    CHECK(at == weft_http_response_get_header_value(response, i));
    at += strlen(at) + 1;
  }
}

static int get_page(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_get(client, "/ok"));
  const weft_http_response *response = client->response;
  CHECK_INT(200, weft_http_response_get_status(response));
  CHECK_INT(11, weft_http_response_get_version(response));
  CHECK_TEXT("Fine", weft_http_response_get_reason(response));
  CHECK_TEXT("hello", client_body(client));
  CHECK_TEXT("a", weft_http_response_get_header(response, "X-TWO"));
  CHECK_TEXT("", weft_http_response_get_header(response, "empty"));
  CHECK_TEXT("x-two", weft_http_response_get_header_name(response, 1));
  CHECK_TEXT("b", weft_http_response_get_header_value(response, 1));
  CHECK_INT(4, weft_http_response_get_header_count(response));
  CHECK(weft_http_response_get_header_name(response, 4) == NULL);
  CHECK(weft_http_response_get_header(response, "other") == NULL);
  check_one_text(response);
  CHECK(strstr(weft_http_response_get_url(response), "/ok") != NULL);
  uint64_t total_ns =
      weft_http_response_get_time(response, WEFT_HTTP_TIME_TOTAL);
  uint64_t first_ns =
      weft_http_response_get_time(response, WEFT_HTTP_TIME_FIRST_BYTE);
  CHECK(first_ns > 0 && total_ns >= first_ns);
  CHECK_INT(0, weft_http_response_get_time(response, 9));
  return WEFT_OK;
}

TEST("a response has status, headers in any case, body, URL and times") {
  client_run(get_page);
}

static int get_others(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_get(client, "/nowhere"));
  CHECK_INT(404, client_status(client));
  CHECK_TEXT("no such page", client_body(client));
  CHECK_INT(WEFT_OK, client_get(client, "/continue"));
  CHECK_INT(204, client_status(client));
  CHECK_INT(1, weft_http_response_get_header_count(client->response));
  return WEFT_OK;
}

TEST("any status is a response, and provisional ones are passed over") {
  client_run(get_others);
}

static int get_gzip(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_get(client, "/gzip"));
  CHECK_INT(6000, strlen(client_body(client)));
  weft_http_request *request = client_ask(client, "GET", "/gzip");
  weft_http_request_set_decode(request, 0);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(memcmp(client_body(client), "\x1f\x8b", 2) == 0);
  CHECK_INT(WEFT_EPROTO, client_get(client, "/notgzip"));
  CHECK(strstr(client->message, "wrongly encoded") != NULL);
  return WEFT_OK;
}

TEST("a compressed body is decoded unless told otherwise") {
  client_run(get_gzip);
}

/* -- Requests ------------------------------------------------------------- */

static int send_headers(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  weft_http_request *request = client_ask(client, "GET", "/echo?a=1");
  CHECK_INT(WEFT_OK, weft_http_request_add_param(request, "b c", "d&e 1"));
  CHECK_INT(WEFT_OK, weft_http_request_add_header(request, "X-One", "1"));
  CHECK_INT(WEFT_OK, weft_http_request_add_header(request, "X-One", "2"));
  CHECK_INT(WEFT_OK, weft_http_request_add_header(request, "X-None", ""));
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "GET /echo?a=1&b%20c=d%26e%201 HTTP/1.1\r\n"));
  CHECK(client_has(client, "\r\nX-One: 1\r\nX-One: 2\r\nX-None:\r\n"));
  CHECK(client_has(client, "\r\nAccept-Encoding: "));
  CHECK(client_has(client, "\r\nUser-Agent: weft/"));
  CHECK(strstr(client_body(client), "Content-") == NULL);
  return WEFT_OK;
}

TEST("parameters are encoded and headers are sent as given") {
  client_run(send_headers);
}

static int send_usual(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_get(client, "/echo"));
  CHECK(client_has(client, "\r\nUser-Agent: weft/"));
  CHECK(client_has(client, "\r\nAccept-Encoding: deflate, gzip"));
  weft_http_request *request = client_ask(client, "GET", "/echo");
  weft_http_request_add_header(request, "USER-AGENT", "me");
  weft_http_request_add_header(request, "accept-encoding", "gzip");
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "\r\nUSER-AGENT: me\r\naccept-encoding: gzip\r\n"));
  CHECK(strstr(client_body(client), "weft/") == NULL);
  CHECK(strstr(client_body(client), "Accept-Encoding") == NULL);
  request = client_ask(client, "GET", "/echo");
  weft_http_request_set_decode(request, 0);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "\r\nUser-Agent: weft/"));
  CHECK(strstr(client_body(client), "Accept-Encoding") == NULL);
  CHECK_INT(WEFT_OK, client_get(client, "/echo"));
  CHECK(client_has(client, "\r\nAccept-Encoding: deflate, gzip"));
  return WEFT_OK;
}

TEST("a request's own headers take the place of the session's") {
  client_run(send_usual);
}

static int change_user_agent(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_http_session *session = client->session;
  weft_http_request *request = client_ask(client, "GET", "/large/1000000");
  (void)rt;
  weft_http_request_set_stream(request, 1);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK_INT(WEFT_OK, weft_http_session_set_user_agent(session, "one"));
  CHECK_INT(WEFT_OK, weft_http_session_set_user_agent(session, "two"));
  CHECK_INT(WEFT_OK, client_get(client, "/echo"));
  CHECK(client_has(client, "\r\nUser-Agent: two\r\n"));
  CHECK_INT(WEFT_OK, weft_http_session_set_user_agent(session, NULL));
  CHECK_INT(WEFT_OK, client_get(client, "/echo"));
  CHECK(strstr(client_body(client), "User-Agent") == NULL);
  return WEFT_OK;
}

TEST("the user agent may change while a request is under way") {
  client_run(change_user_agent);
}

static int send_bodies(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  static const char *const METHODS[] = {"POST",   "PUT", "PATCH",
                                        "DELETE", "GET", "SPELL"};
  (void)rt;
  for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
    char line[64];
    weft_http_request *request = client_ask(client, METHODS[i], "/echo");
    CHECK_INT(WEFT_OK, weft_http_request_set_body(request, "a\0b", 3));
    CHECK_INT(WEFT_OK, client_fetch(client, request));
    snprintf(line, sizeof line, "%s /echo HTTP/1.1\r\n", METHODS[i]);
    CHECK(client_has(client, line));
    CHECK(client_has(client, "\r\nContent-Length: 3\r\n"));
    CHECK(strstr(client_body(client), "Content-Type") == NULL);
    const char *data;
    size_t size_bytes;
    weft_http_response_peek(client->response, &data, &size_bytes);
    CHECK(size_bytes > 3 && memcmp(data + size_bytes - 3, "a\0b", 3) == 0);
  }
  CHECK_INT(WEFT_OK, client_fetch(client, client_ask(client, "POST", "/echo")));
  CHECK(client_has(client, "\r\nContent-Length: 0\r\n"));
  return WEFT_OK;
}

TEST("every method may have a body, of any bytes") {
  client_run(send_bodies);
}

static int send_form(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  weft_http_request *request = client_ask(client, "POST", "/echo");
  CHECK_INT(WEFT_OK, weft_http_request_add_field(request, "a", "1&2"));
  CHECK_INT(WEFT_OK, weft_http_request_add_field(request, "b", ""));
  CHECK_INT(WEFT_ESTATE, weft_http_request_set_body(request, "x", 1));
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client,
                   "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
  CHECK(client_has(client, "\r\n\r\na=1%262&b="));
  return WEFT_OK;
}

TEST("a form is encoded and named as one") {
  client_run(send_form);
}

static int send_head(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_fetch(client, client_ask(client, "HEAD", "/ok")));
  CHECK_INT(200, client_status(client));
  CHECK_TEXT("", client_body(client));
  weft_http_request *request = client_ask(client, "HEAD", "/ok");
  weft_http_request_set_body(request, "x", 1);
  CHECK_INT(WEFT_EINVAL, client_fetch(client, request));
  CHECK_TEXT("a HEAD request cannot have a body", client->message);
  return WEFT_OK;
}

TEST("HEAD has no body in either direction") {
  client_run(send_head);
}

static int send_credentials(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  char url[128];
  weft_http_request *request = client_ask(client, "GET", "/echo");
  (void)rt;
  CHECK_INT(WEFT_EINVAL, weft_http_request_set_basic(request, "a:b", "c"));
  CHECK_INT(WEFT_OK, weft_http_request_set_basic(request, "ann", "s:c"));
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "\r\nAuthorization: Basic YW5uOnM6Yw==\r\n"));
  request = client_ask(client, "GET", "/echo");
  CHECK_INT(WEFT_EINVAL, weft_http_request_set_bearer(request, "t\r\nX: y"));
  CHECK_INT(WEFT_OK, weft_http_request_set_bearer(request, "t0ken"));
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "\r\nAuthorization: Bearer t0ken\r\n"));
  snprintf(url, sizeof url, "http://ann:s%%3Ac@127.0.0.1:%d/echo",
           client->server->port);
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", url, &request));
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "\r\nAuthorization: Basic YW5uOnM6Yw==\r\n"));
  CHECK(strchr(weft_http_response_get_url(client->response), '@') == NULL);
  return WEFT_OK;
}

TEST("credentials are sent, and those of a URL stay out of the URL") {
  client_run(send_credentials);
}

TEST("what cannot be sent safely is refused when it is set") {
  weft_http_request *request;
  static const char *const BAD_URLS[] = {
      "",      "nonsense",    "ftp://h/",  "http://",
      "/path", "http://a b/", "file:///x", "http://h:99999/"};
  for (size_t i = 0; i < sizeof BAD_URLS / sizeof *BAD_URLS; i++) {
    CHECK_INT(WEFT_EINVAL, weft_http_request_new("GET", BAD_URLS[i], &request));
    CHECK(request == NULL);
  }
  CHECK_INT(WEFT_EINVAL, weft_http_request_new("G T", "http://h/", &request));
  CHECK_INT(WEFT_EINVAL, weft_http_request_new("", "http://h/", &request));
  CHECK_INT(WEFT_EINVAL,
            weft_http_request_new("CONNECT", "http://h/", &request));
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", "http://h/a b", &request));
  CHECK_INT(WEFT_EINVAL, weft_http_request_add_header(request, "A B", "c"));
  CHECK_INT(WEFT_EINVAL,
            weft_http_request_add_header(request, "A", "b\r\nC: d"));
  CHECK_INT(WEFT_EINVAL,
            weft_http_request_add_header(request, "Content-Length", "1"));
  CHECK_INT(WEFT_EINVAL,
            weft_http_request_add_header(request, "transfer-encoding", "x"));
  CHECK_INT(WEFT_EINVAL, weft_http_request_add_header(request, "A", NULL));
  weft_http_request_close(request);
}

/* -- Misuse --------------------------------------------------------------- */

TEST("performing outside a task is refused and starts nothing") {
  weft_runtime *rt;
  weft_http_session *session;
  weft_http_request *request;
  uint64_t value;
  size_t count;
  weft_runtime_new(&rt);
  weft_http_session_new(rt, &session);
  weft_http_request_new("GET", "http://127.0.0.1/", &request);
  CHECK_INT(WEFT_ESTATE, weft_http_perform(rt, session, request, &value));
  CHECK_INT(WEFT_EINVAL, weft_http_perform(rt, session, NULL, &value));
  weft_http_session_get_count(session, &count);
  CHECK_INT(0, count);
  weft_http_request_close(request);
  weft_http_session_close(session);
  weft_runtime_free(rt);
}

/* -- The pool ------------------------------------------------------------- */

static int fetch_ok(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  uint64_t value;
  weft_http_request *request = client_ask(client, "GET", "/ok");
  CHECK_INT(WEFT_OK, weft_http_perform(rt, client->session, request, &value));
  weft_http_response_close((weft_http_response *)(uintptr_t)value);
  weft_http_request_close(request);
  return WEFT_OK;
}

static int fetch_many(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_group group;
  uint64_t value;
  weft_http_session_set_limits(client->session, 0, 2);
  weft_group_open(rt, UINT64_MAX, &group);
  for (int i = 0; i < 20; i++)
    weft_spawn(rt, group, fetch_ok, client, NULL, NULL);
  CHECK_INT(WEFT_OK, weft_group_join(rt, group, WEFT_OK, NULL, &value));
  CHECK_INT(20, atomic_load(&client->server->requests));
  CHECK_INT(2, atomic_load(&client->server->connections));
  return WEFT_OK;
}

TEST("connections are used again, and no more are opened than allowed") {
  client_run(fetch_many);
}

static int share_lookup(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  char url[64];
  (void)rt;
  for (int i = 0; i < 3; i++) {
    weft_http_request *request;
    snprintf(url, sizeof url, "http://LOCALHOST:%d/ok", client->server->port);
    CHECK_INT(WEFT_OK, weft_http_request_new("GET", url, &request));
    CHECK_INT(WEFT_OK, client_fetch(client, request));
  }
  CHECK_INT(1, atomic_load(&client->server->connections));
  return WEFT_OK;
}

TEST("a host is found by name, in any case") {
  client_run(share_lookup);
}

/* -- Cancelling and closing ----------------------------------------------- */

static int fetch_hang(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  uint64_t value;
  weft_http_request *request = client_ask(client, "GET", "/hang");
  int status = weft_http_perform(rt, client->session, request, &value);
  client_note_error(client, value);
  weft_http_request_close(request);
  return status;
}

/* A task in the middle of "/hang". */
static weft_task start_hang(weft_runtime *rt, struct client *client) {
  weft_task task;
  client->server->rt = rt;
  weft_event_new(rt, &client->server->arrived);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, fetch_hang, client, NULL, &task));
  CHECK_INT(WEFT_OK, weft_event_wait(rt, client->server->arrived));
  weft_event_close(rt, client->server->arrived);
  return task;
}

static int cancel_hang(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_task task = start_hang(rt, client);
  size_t count;
  int state;
  CHECK_INT(WEFT_OK, weft_http_session_get_count(client->session, &count));
  CHECK_INT(1, count);
  weft_task_cancel(rt, task, NULL);
  weft_http_session_get_count(client->session, &count);
  CHECK_INT(0, count);
  CHECK_INT(WEFT_OK, weft_task_await(rt, task));
  weft_task_get_state(rt, task, &state);
  CHECK_INT(WEFT_TASK_CANCELLED, state);
  sem_wait(&client->server->aborted); /* the server saw it */
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  CHECK_INT(WEFT_OK, client_get(client, "/ok"));
  return WEFT_OK;
}

TEST("cancelling the task aborts its transfer at once") {
  client_run(cancel_hang);
}

static int close_session(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_task task = start_hang(rt, client);
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_http_session_close(client->session));
  client->session = NULL;
  CHECK_INT(WEFT_OK, weft_task_await(rt, task));
  CHECK_INT(WEFT_OK, weft_task_get_error(rt, task, &error));
  CHECK_INT(WEFT_ECLOSED, weft_error_get_code(error));
  CHECK_TEXT("the session was closed", client->message);
  sem_wait(&client->server->aborted);
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  return WEFT_OK;
}

TEST("closing the session ends what is under way") {
  client_run(close_session);
}

static int leave_session_open(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, client_get(client, "/ok"));
  return WEFT_OK;
}

TEST("a session left open ends with its runtime") {
  struct client client = {.server = server_start()};
  weft_runtime_new(&client.rt);
  weft_http_session_new(client.rt, &client.session);
  weft_spawn(client.rt, 0, leave_session_open, &client, NULL, NULL);
  CHECK_INT(WEFT_OK, weft_run(client.rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(client.rt));
  CHECK_TEXT("hello", client_body(&client));
  CHECK_INT(WEFT_OK, weft_http_session_close(client.session));
  CHECK_INT(WEFT_OK, weft_http_response_close(client.response));
}

static int time_out(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_scope scope;
  int caught;
  weft_task task = start_hang(rt, client);
  weft_scope_open(rt, 0, 0, &scope);
  int status = client_get(client, "/ok");
  CHECK_INT(WEFT_ECANCELLED, status);
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, scope, status, &caught));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, caught);
  CHECK_INT(1, atomic_load(&client->server->requests));
  weft_task_cancel(rt, task, NULL);
  weft_task_close(rt, task);
  return WEFT_OK;
}

TEST("in cancelled code nothing is asked for") {
  client_run(time_out);
}

/* -- Stepped tasks -------------------------------------------------------- */

struct stepped {
  struct client *client;
  weft_http_request *request;
  int steps;
};

static int step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct stepped *stepped = arg;
  struct client *client = stepped->client;
  uint64_t unused;
  if (stepped->steps++ == 0)
    return weft_http_perform(rt, client->session, stepped->request, &unused);
  CHECK_INT(WEFT_OK, status);
  client->response = (weft_http_response *)(uintptr_t)value;
  return WEFT_OK;
}

TEST("a stepped task is called again with the response") {
  struct client client = {.server = server_start()};
  struct stepped stepped = {.client = &client};
  weft_runtime_new(&client.rt);
  weft_http_session_new(client.rt, &client.session);
  stepped.request = client_ask(&client, "GET", "/ok");
  weft_spawn_step(client.rt, 0, step, &stepped, NULL, NULL);
  CHECK_INT(WEFT_OK, weft_run(client.rt));
  CHECK_INT(2, stepped.steps);
  CHECK_TEXT("hello", client_body(&client));
  weft_http_response_close(client.response);
  weft_http_request_close(stepped.request);
  weft_http_session_close(client.session);
  weft_runtime_free(client.rt);
}
