/* SPDX-License-Identifier: MIT
 * client.h - a stackful task with a session, for the tests of the client. */
#ifndef WEFT_HTTP_TEST_CLIENT_H
#define WEFT_HTTP_TEST_CLIENT_H

#include "check.h"
#include "server.h"
#include "weft_http.h"

struct client {
  struct server *server;
  weft_runtime *rt;
  weft_http_session *session;
  weft_http_response *response; /* of the last fetch, NULL if it failed */
  char message[1024];           /* of its failure */
};

/* Runs [body] as the main task of a runtime with a server and a session. */
static inline void client_run(weft_task_fn body) {
  struct client client = {.server = server_start()};
  weft_task task;
  CHECK_INT(WEFT_OK, weft_runtime_new(&client.rt));
  CHECK_INT(WEFT_OK, weft_http_session_new(client.rt, &client.session));
  CHECK_INT(WEFT_OK, weft_spawn(client.rt, 0, body, &client, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(client.rt, task));
  CHECK_INT(WEFT_OK, weft_run(client.rt));
  weft_task_close(client.rt, task);
  CHECK_INT(WEFT_OK, weft_http_response_close(client.response));
  CHECK_INT(WEFT_OK, weft_http_session_close(client.session));
  CHECK_INT(WEFT_OK, weft_runtime_free(client.rt));
}

/* A request for [path] of the server. */
static inline weft_http_request *
client_ask(struct client *client, const char *method, const char *path) {
  weft_http_request *request;
  char url[512];
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", client->server->port,
           path);
  CHECK_INT(WEFT_OK, weft_http_request_new(method, url, &request));
  return request;
}

static inline void client_note_error(struct client *client, uint64_t value) {
  weft_error *error = (weft_error *)(uintptr_t)value;
  client->message[0] = '\0';
  if (error != NULL)
    snprintf(client->message, sizeof client->message, "%s",
             weft_error_get_message(error));
  weft_error_unref(error);
}

/* Performs [request], and closes it. */
static inline int client_fetch(struct client *client,
                               weft_http_request *request) {
  uint64_t value;
  weft_http_response_close(client->response);
  client->response = NULL;
  int status = weft_http_perform(client->rt, client->session, request, &value);
  weft_http_request_close(request);
  if (status == WEFT_OK)
    client->response = (weft_http_response *)(uintptr_t)value;
  else
    client_note_error(client, value);
  return status;
}

static inline int client_get(struct client *client, const char *path) {
  return client_fetch(client, client_ask(client, "GET", path));
}

/* What of the body is there. */
static inline const char *client_body(struct client *client) {
  const char *data = NULL;
  size_t size_bytes;
  if (client->response != NULL)
    weft_http_response_peek(client->response, &data, &size_bytes);
  return data == NULL ? "(no response)" : data;
}

static inline int client_has(struct client *client, const char *text) {
  int has = strstr(client_body(client), text) != NULL;
  if (!has)
    printf("  not in the body: %s\n  which is: %s\n", text,
           client_body(client));
  return has;
}

static inline int client_status(struct client *client) {
  return client->response == NULL
             ? 0
             : weft_http_response_get_status(client->response);
}

#endif
