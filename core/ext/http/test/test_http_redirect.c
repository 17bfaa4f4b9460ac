/* SPDX-License-Identifier: MIT
 * test_http_redirect.c - where a request is sent on to, and how one fails. */
#define _POSIX_C_SOURCE 200809L

#include "client.h"

/* -- Redirects ------------------------------------------------------------ */

static int post_through(struct client *client, const char *path) {
  weft_http_request *request = client_ask(client, "POST", path);
  weft_http_request_set_body(request, "body", 4);
  weft_http_request_add_header(request, "Content-Type", "text/plain");
  weft_http_request_add_header(request, "Cookie", "c=1");
  weft_http_request_set_basic(request, "ann", "s");
  return client_fetch(client, request);
}

static int follow(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  static const char *const TO_GET[] = {"/301/echo", "/302/echo", "/303/echo"};
  static const char *const AS_IS[] = {"/307/echo", "/308/echo"};
  (void)rt;
  for (size_t i = 0; i < 3; i++) {
    CHECK_INT(WEFT_OK, post_through(client, TO_GET[i]));
    CHECK(client_has(client, "GET /echo HTTP/1.1\r\n"));
    CHECK(strstr(client_body(client), "Content-") == NULL);
    CHECK(client_has(client, "\r\nAuthorization: Basic "));
    CHECK(client_has(client, "\r\nCookie: c=1\r\n"));
    CHECK_INT(1, weft_http_response_get_redirects(client->response));
  }
  for (size_t i = 0; i < 2; i++) {
    CHECK_INT(WEFT_OK, post_through(client, AS_IS[i]));
    CHECK(client_has(client, "POST /echo HTTP/1.1\r\n"));
    CHECK(client_has(client, "\r\nContent-Type: text/plain\r\n"));
    CHECK(client_has(client, "\r\n\r\nbody"));
  }
  weft_http_request *request = client_ask(client, "PUT", "/302/echo");
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK(client_has(client, "PUT /echo HTTP/1.1\r\n"));
  CHECK(strstr(weft_http_response_get_url(client->response), "/echo") != NULL);
  CHECK_INT(1, atomic_load(&client->server->connections));
  return WEFT_OK;
}

TEST("redirects keep or change the method by their status") {
  client_run(follow);
}

static int change_host(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, post_through(client, "/307//echo"));
  CHECK(client_has(client, "POST /echo HTTP/1.1\r\nHost: localhost:"));
  CHECK(strstr(client_body(client), "Authorization") == NULL);
  CHECK(strstr(client_body(client), "Cookie") == NULL);
  CHECK(client_has(client, "\r\n\r\nbody"));
  CHECK(strstr(weft_http_response_get_url(client->response), "//localhost:") !=
        NULL);
  return WEFT_OK;
}

TEST("a redirect to another host drops the credentials for good") {
  client_run(change_host);
}

static int refuse_redirects(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_EPROTO, client_get(client, "/loop"));
  CHECK_TEXT("more than 10 redirects, the last to /loop", client->message);
  CHECK_INT(11, atomic_load(&client->server->requests));
  CHECK_INT(WEFT_EPROTO, client_get(client, "/302/ftp://h/x"));
  CHECK(strstr(client->message, "no http or https URL: ftp://h/x") != NULL);
  weft_http_request *request = client_ask(client, "GET", "/302/echo");
  weft_http_request_set_redirects_max(request, 0);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK_INT(302, client_status(client));
  CHECK_TEXT("gone", client_body(client));
  return WEFT_OK;
}

TEST("redirects have a limit, and lead to http and https only") {
  client_run(refuse_redirects);
}

/* -- Failures ------------------------------------------------------------- */

static int fail_early(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  char expected[256];
  (void)rt;
  CHECK_INT(WEFT_EINCOMPLETE, client_get(client, "/early"));
  snprintf(expected, sizeof expected,
           "the body of http://127.0.0.1:%d/early ended after 5 of 10 bytes",
           client->server->port);
  CHECK_TEXT(expected, client->message);
  sem_post(&client->server->go);
  CHECK_INT(WEFT_EINCOMPLETE, client_get(client, "/early-chunks"));
  CHECK(strstr(client->message, "ended early, after 8 bytes") != NULL);
  CHECK_INT(WEFT_ECONNRESET, client_get(client, "/drop"));
  snprintf(expected, sizeof expected,
           "127.0.0.1:%d closed the connection without an answer",
           client->server->port);
  CHECK_TEXT(expected, client->message);
  CHECK_INT(WEFT_EPROTO, client_get(client, "/garbage"));
  CHECK(strstr(client->message, "gave an answer that is no HTTP") != NULL);
  return WEFT_OK;
}

TEST("an answer that ends early, or is none, is an error that says so") {
  client_run(fail_early);
}

static int fail_large(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  weft_http_request *request = client_ask(client, "GET", "/large/1000");
  weft_http_request_set_body_max(request, 1000);
  CHECK_INT(WEFT_OK, client_fetch(client, request));
  CHECK_INT(1000, strlen(client_body(client)));
  request = client_ask(client, "GET", "/gzip");
  weft_http_request_set_body_max(request, 5999);
  CHECK_INT(WEFT_EOVERRUN, client_fetch(client, request));
  CHECK(strstr(client->message, "/gzip has more than 5999 bytes") != NULL);
  return WEFT_OK;
}

TEST("a body above the limit, as decoded, is refused") {
  client_run(fail_large);
}

static int fail_refused(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_http_request *request;
  char url[64], expected[128];
  int port;
  (void)rt;
  close(server_listen(&port)); /* a port that nobody listens on */
  snprintf(url, sizeof url, "http://localhost:%d/", port);
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", url, &request));
  CHECK_INT(WEFT_ECONNREFUSED, client_fetch(client, request));
  snprintf(expected, sizeof expected, "localhost:%d refused the connection",
           port);
  CHECK_TEXT(expected, client->message);
  return WEFT_OK;
}

TEST("a refused connection names host and port") {
  client_run(fail_refused);
}

static int fail_unknown(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_http_request *request;
  (void)rt;
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", "http://no-such-host.invalid",
                                           &request));
  int status = client_fetch(client, request);
  /* Without a network the resolver cannot even say that there is none. */
  CHECK(status == WEFT_EHOSTNOTFOUND || status == WEFT_EHOSTTRYAGAIN);
  CHECK(strstr(client->message, "no-such-host.invalid") != NULL);
  return WEFT_OK;
}

TEST("a host that cannot be found is named") {
  client_run(fail_unknown);
}
