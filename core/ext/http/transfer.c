/* SPDX-License-Identifier: MIT
 * transfer.c - one request on its way, from hop to hop, and who waits for it.
 *
 * A transfer is freed where it ends: the body has come, it failed, its task was
 * cancelled, its response or its session closed. Redirects are followed here
 * and not by libcurl, which would look up the next host in a thread. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* -- Life ----------------------------------------------------------------- */

static void set_total_time(struct http_transfer *transfer) {
  uint64_t now_ns;
  if (weft_now(transfer->session->rt, &now_ns) == WEFT_OK)
    transfer->response->times_ns[WEFT_HTTP_TIME_TOTAL] =
        now_ns - transfer->began_ns;
}

/* What the handle was told beyond what all are told goes. */
static void give_easy(struct http_transfer *transfer) {
  weft_http_session *session = transfer->session;
  CURL *easy = transfer->easy;
  if (transfer->is_plain || http__easy_forget(session, easy))
    http__easy_give(session, easy);
  else
    curl_easy_cleanup(easy);
}

static void free_transfer(struct http_transfer *transfer) {
  weft_http_session *session = transfer->session;
  if (transfer->host != NULL)
    http__host_leave(transfer->host, transfer);
  http__hop_end(transfer);
  if (transfer->easy != NULL)
    give_easy(transfer);
  if (transfer->link != NULL)
    *transfer->link = transfer->next;
  if (transfer->next != NULL)
    transfer->next->link = transfer->link;
  if (session->transfers == NULL)
    http__loop_rest(session);
  if (transfer->redirects > 0)
    curl_url_cleanup(transfer->url);
  curl_free(transfer->host_name);
  free(transfer->target);
  http__request_unref(transfer->request);
  free(transfer);
}

static struct http_transfer *new_transfer(weft_http_session *session,
                                          weft_http_request *request) {
  struct http_transfer *transfer = calloc(1, sizeof *transfer);
  if (transfer == NULL)
    return NULL;
  transfer->session = session;
  transfer->request = request;
  request->references++;
  transfer->method = request->method;
  transfer->has_body = request->body_kind != BODY_NONE;
  transfer->has_credentials = true;
  transfer->url = request->url;
  transfer->easy = http__easy_take(session);
  transfer->is_plain = true;
  transfer->response = http__response_new();
  if (transfer->easy == NULL || transfer->response == NULL) {
    weft_http_response_close(transfer->response);
    free_transfer(transfer);
    return NULL;
  }
  transfer->response->transfer = transfer;
  return transfer;
}

static void add_to_session(struct http_transfer *transfer) {
  weft_http_session *session = transfer->session;
  weft_now(session->rt, &transfer->began_ns);
  transfer->next = session->transfers;
  transfer->link = &session->transfers;
  if (transfer->next != NULL)
    transfer->next->link = &transfer->next;
  session->transfers = transfer;
}

void http__transfer_abort(struct http_transfer *transfer) {
  weft_http_response *response = transfer->response;
  bool is_own = transfer->task != 0;
  response->transfer = NULL;
  if (is_own)
    weft_http_response_close(response);
  free_transfer(transfer);
}

/* -- Ends ----------------------------------------------------------------- */

/* Wakes the task in perform with what it waits for: the response, or an error.
 * It has not been woken before, so what it is given cannot get lost. */
static void give(struct http_transfer *transfer, int status, uint64_t value) {
  weft_task task = transfer->task;
  transfer->task = 0;
  weft_wake(transfer->session->rt, task, status, value);
}

void http__transfer_end(struct http_transfer *transfer, int status,
                        weft_error *error) {
  weft_http_response *response = transfer->response;
  bool is_waited_for = transfer->task != 0;
  set_total_time(transfer);
  http__hop_end(transfer);
  response->transfer = NULL;
  if (!is_waited_for) {
    http__response_end(response, transfer->session->rt, status, error);
  } else if (status == WEFT_EEND) {
    give(transfer, WEFT_OK, (uint64_t)(uintptr_t)response);
  } else {
    weft_http_response_close(response);
    give(transfer, status, (uint64_t)(uintptr_t)error);
  }
  free_transfer(transfer);
}

void http__transfer_head_came(struct http_transfer *transfer) {
  transfer->is_redirect = http__redirect_is(transfer);
  if (transfer->is_redirect || !transfer->request->stream ||
      transfer->task == 0)
    return;
  set_total_time(transfer);
  http__hop_read_times(transfer);
  give(transfer, WEFT_OK, (uint64_t)(uintptr_t)transfer->response);
}

/* -- Hops ----------------------------------------------------------------- */

static bool is_address(const char *host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host, bytes) == 1 ||
         inet_pton(AF_INET6, host, bytes) == 1;
}

/* Reads off the hop's URL what the hop needs of it, and what the response
 * tells. */
static int read_url(struct http_transfer *transfer) {
  curl_free(transfer->host_name);
  free(transfer->target);
  free(transfer->response->url);
  transfer->host_name = transfer->target = transfer->response->url = NULL;
  return http__url_read(transfer->url, &transfer->response->url,
                        &transfer->host_name, &transfer->target)
             ? WEFT_OK
             : WEFT_ENOMEM;
}

int http__transfer_start_hop(struct http_transfer *transfer) {
  const char *addresses = NULL;
  int status = read_url(transfer);
  if (status != WEFT_OK)
    return status;
  transfer->response->redirects = transfer->redirects;
  if (is_address(transfer->host_name))
    return http__hop_begin(transfer, NULL);
  status = http__host_find(transfer, transfer->host_name, &addresses);
  if (status == WEFT_PARKED)
    return WEFT_OK;
  return status == WEFT_OK ? http__hop_begin(transfer, addresses) : status;
}

void http__transfer_resolved(struct http_transfer *transfer, int status,
                             const char *addresses) {
  if (status == WEFT_OK)
    status = http__hop_begin(transfer, addresses);
  if (status != WEFT_OK)
    http__transfer_end(transfer, status,
                       http__failure_to_start(transfer, status));
}

static void next_hop(struct http_transfer *transfer) {
  weft_error *error = NULL;
  int status = http__redirect_follow(transfer, &error);
  if (status == WEFT_OK) {
    http__response_reset(transfer->response);
    status = http__transfer_start_hop(transfer);
    if (status != WEFT_OK)
      error = http__failure_to_start(transfer, status);
  }
  if (status != WEFT_OK)
    http__transfer_end(transfer, status, error);
}

void http__transfer_hop_ended(struct http_transfer *transfer, CURLcode result) {
  weft_error *error = NULL;
  int status = WEFT_EEND;
  http__hop_read_times(transfer);
  /* libcurl does not mind if the headers end before their empty line. */
  if (result == CURLE_OK && !transfer->response->has_head)
    result = CURLE_RECV_ERROR;
  if (result != CURLE_OK)
    status = http__failure(transfer, result, &error);
  http__hop_end(transfer);
  if (result == CURLE_OK && transfer->is_redirect)
    next_hop(transfer);
  else
    http__transfer_end(transfer, status, error);
}

/* -- Performing ----------------------------------------------------------- */

static int withdraw(weft_runtime *rt, void *arg) {
  (void)rt;
  http__transfer_abort(arg);
  return WEFT_OK;
}

static int check(weft_runtime *rt, const weft_http_session *session,
                 const weft_http_request *request, uint64_t *value) {
  if (session == NULL || request == NULL)
    return WEFT_EINVAL;
  if (session->rt == NULL)
    return WEFT_ECLOSED;
  if (session->rt != rt)
    return WEFT_EBADF;
  if (strcmp(request->method, "HEAD") == 0 && request->body_kind != BODY_NONE) {
    *value = (uint64_t)(uintptr_t)http__error(
        WEFT_EINVAL, "a HEAD request cannot have a body");
    return WEFT_EINVAL;
  }
  return WEFT_OK;
}

/* Gives the error of a request that fails before anyone waits. */
static int refuse(struct http_transfer *transfer, int status, uint64_t *value) {
  weft_error *error = http__failure_to_start(transfer, status);
  weft_http_response *response = transfer->response;
  response->transfer = NULL;
  weft_http_response_close(response);
  free_transfer(transfer);
  *value = (uint64_t)(uintptr_t)error;
  return status;
}

int weft_http_perform(weft_runtime *rt, weft_http_session *session,
                      weft_http_request *request, uint64_t *value) {
  weft_task task;
  *value = 0;
  int status = check(rt, session, request, value);
  if (status != WEFT_OK)
    return status;
  status = weft_cancel_point(rt);
  if (status != WEFT_OK)
    return status;
  status = weft_task_current(rt, &task);
  if (status != WEFT_OK)
    return status;
  struct http_transfer *transfer = new_transfer(session, request);
  if (transfer == NULL)
    return WEFT_ENOMEM;
  add_to_session(transfer);
  status = http__transfer_start_hop(transfer);
  if (status != WEFT_OK)
    return refuse(transfer, status, value);
  transfer->task = task;
  return weft_park(rt, "http response", withdraw, transfer, value);
}
