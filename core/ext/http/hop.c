/* SPDX-License-Identifier: MIT
 * hop.c - one exchange with one server: the options of its easy handle, and
 * what libcurl brings.
 *
 * Of libcurl's own ways only those are used that wait for nothing but a socket
 * or a time: no look-up, no proxy of the environment (whose name it would look
 * up), no redirects. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* -- What libcurl brings -------------------------------------------------- */

static size_t on_header(char *line, size_t one, size_t size_bytes, void *arg) {
  struct http_transfer *transfer = arg;
  weft_http_response *response = transfer->response;
  bool had_head = response->has_head;
  (void)one;
  if (!http__response_add_line(response, line, size_bytes)) {
    transfer->own_status = WEFT_ENOMEM;
    return 0;
  }
  if (response->has_head && !had_head)
    http__transfer_head_came(transfer);
  return size_bytes;
}

static bool is_too_large(const struct http_transfer *transfer,
                         size_t more_bytes) {
  size_t max_bytes = transfer->request->body_max_bytes;
  size_t total = transfer->response->body_total;
  return max_bytes > 0 && more_bytes > max_bytes - total;
}

static size_t on_body(char *data, size_t one, size_t size_bytes, void *arg) {
  struct http_transfer *transfer = arg;
  weft_http_response *response = transfer->response;
  (void)one;
  if (transfer->is_redirect)
    return size_bytes;
  if (is_too_large(transfer, size_bytes)) {
    transfer->own_status = WEFT_EOVERRUN;
    return 0;
  }
  if (transfer->request->stream && response->body_bytes >= HTTP__READ_AHEAD) {
    transfer->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!http__response_add_body(response, data, size_bytes)) {
    transfer->own_status = WEFT_ENOMEM;
    return 0;
  }
  http__response_wake(response);
  return size_bytes;
}

/* Asked before libcurl looks up a name that it was not given: it must not. */
static int refuse_lookup(void *state, void *reserved, void *arg) {
  (void)state;
  (void)reserved;
  (void)arg;
  return 1;
}

void http__hop_resume(struct http_transfer *transfer) {
  if (!transfer->paused)
    return;
  transfer->paused = false;
  curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

void http__hop_read_times(struct http_transfer *transfer) {
  static const struct {
    enum weft_http_time point;
    CURLINFO info;
  } POINTS[] = {
      {WEFT_HTTP_TIME_CONNECTED, CURLINFO_CONNECT_TIME_T},
      {WEFT_HTTP_TIME_SECURED, CURLINFO_APPCONNECT_TIME_T},
      {WEFT_HTTP_TIME_FIRST_BYTE, CURLINFO_STARTTRANSFER_TIME_T},
  };
  for (size_t i = 0; i < sizeof POINTS / sizeof *POINTS; i++) {
    curl_off_t time_us = 0;
    curl_easy_getinfo(transfer->easy, POINTS[i].info, &time_us);
    transfer->response->times_ns[POINTS[i].point] = (uint64_t)time_us * 1000;
  }
}

/* -- Options -------------------------------------------------------------- */

static bool set_pointer(CURL *easy, CURLoption option, void *pointer) {
  return curl_easy_setopt(easy, option, pointer) == CURLE_OK;
}

bool http__hop_set_callbacks(CURL *easy) {
  return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) ==
             CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
}

static bool set_transfer(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  return set_pointer(easy, CURLOPT_HEADERDATA, transfer) &&
         set_pointer(easy, CURLOPT_WRITEDATA, transfer) &&
         set_pointer(easy, CURLOPT_PRIVATE, transfer) &&
         set_pointer(easy, CURLOPT_ERRORBUFFER, transfer->error_text) &&
         set_pointer(easy, CURLOPT_CURLU, transfer->url);
}

/* One connection of HTTP/2 serves many requests; whether the first is one is
 * known once TLS stands, for which the others wait. */
static bool set_tls(struct http_transfer *transfer) {
  const weft_http_session *session = transfer->session;
  CURL *easy = transfer->easy;
  if (strncmp(transfer->response->url, "https:", 6) != 0)
    return http__set_long(easy, CURLOPT_PIPEWAIT, 0);
  if (session->ca_file != NULL)
    transfer->is_plain = false;
  return http__set_long(easy, CURLOPT_PIPEWAIT, 1) &&
         http__set_long(easy, CURLOPT_SSL_VERIFYPEER,
                        session->verify ? 1 : 0) &&
         http__set_long(easy, CURLOPT_SSL_VERIFYHOST,
                        session->verify ? 2 : 0) &&
         (session->ca_file == NULL ||
          http__set_text(easy, CURLOPT_CAINFO, session->ca_file));
}

/* Whether the method is one that has a body, if only an empty one. */
static bool sends_body(const struct http_transfer *transfer) {
  const char *method = transfer->method;
  return transfer->has_body || strcmp(method, "POST") == 0 ||
         strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static bool set_method(struct http_transfer *transfer) {
  const weft_http_request *request = transfer->request;
  const char *method = transfer->method;
  CURL *easy = transfer->easy;
  if (strcmp(method, "GET") == 0 && !transfer->has_body)
    return true; /* it is libcurl's own */
  transfer->is_plain = false;
  if (strcmp(method, "HEAD") == 0)
    return http__set_long(easy, CURLOPT_NOBODY, 1);
  if (!sends_body(transfer))
    return http__set_text(easy, CURLOPT_CUSTOMREQUEST, method);
  size_t body_bytes = transfer->has_body ? request->body_bytes : 0;
  /* libcurl reads the body where it is; the request is held until the end. */
  return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                          (curl_off_t)body_bytes) == CURLE_OK &&
         http__set_text(easy, CURLOPT_POSTFIELDS,
                        request->body == NULL ? "" : request->body) &&
         http__set_text(easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool set_credentials(struct http_transfer *transfer) {
  const weft_http_request *request = transfer->request;
  if (!transfer->has_credentials || request->user == NULL)
    return true;
  transfer->is_plain = false;
  return http__set_text(transfer->easy, CURLOPT_USERNAME, request->user) &&
         http__set_text(transfer->easy, CURLOPT_PASSWORD, request->password);
}

/* -- Headers -------------------------------------------------------------- */

static bool add_line(struct http_transfer *transfer, const char *line) {
  struct curl_slist *lines = curl_slist_append(transfer->header_lines, line);
  if (lines != NULL)
    transfer->header_lines = lines;
  return lines != NULL;
}

/* libcurl takes "Name: value", and "Name;" for an empty value. */
static bool add_header(struct http_transfer *transfer, const char *name,
                       const char *prefix, const char *value) {
  bool is_empty = *prefix == '\0' && *value == '\0';
  size_t size_bytes = strlen(name) + strlen(prefix) + strlen(value) + 3;
  char *line = malloc(size_bytes);
  if (line == NULL)
    return false;
  snprintf(line, size_bytes, "%s%s%s%s", name, is_empty ? ";" : ": ", prefix,
           value);
  bool added = add_line(transfer, line);
  free(line);
  return added;
}

/* Headers that libcurl would add to a body of itself: "Name:" takes them back.
 */
static bool add_defaults(struct http_transfer *transfer) {
  const weft_http_request *request = transfer->request;
  const struct http_headers *headers = &request->headers;
  bool is_form = transfer->has_body && request->body_kind == BODY_FORM;
  if (!sends_body(transfer))
    return true;
  /* Waiting for "100 Continue" costs a second with servers that send none. */
  if (http__headers_find(headers, "expect") == NULL &&
      !add_line(transfer, "Expect:"))
    return false;
  if (http__headers_find(headers, "content-type") == NULL ||
      !transfer->has_body)
    return add_line(transfer,
                    is_form ? "Content-Type: application/x-www-form-urlencoded"
                            : "Content-Type:");
  return true;
}

static bool add_bearer(struct http_transfer *transfer) {
  const char *token = transfer->request->bearer;
  return token == NULL || !transfer->has_credentials ||
         add_header(transfer, "Authorization", "Bearer ", token);
}

/* The session's own, where the request has none by that name. */
static bool add_usual(struct http_transfer *transfer) {
  const struct http_headers *headers = &transfer->request->headers;
  const struct curl_slist *line = transfer->session->usual_lines;
  for (; line != NULL; line = line->next) {
    bool is_agent = strncmp(line->data, "User-Agent:", 11) == 0;
    const char *name = is_agent ? "user-agent" : "accept-encoding";
    if ((is_agent || transfer->request->decode) &&
        http__headers_find(headers, name) == NULL &&
        !add_line(transfer, line->data))
      return false;
  }
  return true;
}

static bool add_lines(struct http_transfer *transfer) {
  const struct http_headers *headers = &transfer->request->headers;
  for (size_t i = 0; i < headers->count; i++) {
    const char *name = http__headers_name(headers, i);
    if (http__redirect_keeps(transfer, name) &&
        !add_header(transfer, name, "", http__headers_value(headers, i)))
      return false;
  }
  return add_usual(transfer) && add_bearer(transfer) && add_defaults(transfer);
}

static bool set_decode(struct http_transfer *transfer) {
  if (transfer->request->decode)
    return true;
  transfer->is_plain = false;
  return http__set_text(transfer->easy, CURLOPT_ACCEPT_ENCODING, NULL);
}

static bool set_headers(struct http_transfer *transfer) {
  const weft_http_request *request = transfer->request;
  bool is_usual = request->headers.count == 0 && request->bearer == NULL &&
                  request->decode && !sends_body(transfer);
  if (!is_usual && !add_lines(transfer))
    return false;
  return set_pointer(transfer->easy, CURLOPT_HTTPHEADER,
                     is_usual ? transfer->session->usual_lines
                              : transfer->header_lines) &&
         set_decode(transfer);
}

/* What libcurl finds in its cache before it would look up the host. */
static bool add_addresses(struct http_transfer *transfer,
                          const char *addresses) {
  const char *target = transfer->target;
  size_t size_bytes = strlen(target) + strlen(addresses) + 2;
  char *line = malloc(size_bytes);
  if (line == NULL)
    return false;
  snprintf(line, size_bytes, "%s:%s", target, addresses);
  transfer->resolve_lines = curl_slist_append(NULL, line);
  free(line);
  return transfer->resolve_lines != NULL;
}

/* The host is an address, or these are its. libcurl would ask before it takes
 * an address for one, too. */
static bool set_addresses(struct http_transfer *transfer,
                          const char *addresses) {
  if (addresses != NULL && !add_addresses(transfer, addresses))
    return false;
  return set_pointer(transfer->easy, CURLOPT_RESOLVE,
                     transfer->resolve_lines) &&
         curl_easy_setopt(transfer->easy, CURLOPT_RESOLVER_START_FUNCTION,
                          addresses == NULL ? NULL : refuse_lookup) == CURLE_OK;
}

/* -- Life ----------------------------------------------------------------- */

int http__hop_begin(struct http_transfer *transfer, const char *addresses) {
  weft_http_session *session = transfer->session;
  transfer->error_text[0] = '\0';
  transfer->is_redirect = false;
  if (!transfer->is_plain && !http__easy_forget(session, transfer->easy))
    return WEFT_ENOMEM;
  transfer->is_plain = true;
  if (!set_transfer(transfer) || !set_tls(transfer) || !set_method(transfer) ||
      !set_credentials(transfer) || !set_headers(transfer) ||
      !set_addresses(transfer, addresses))
    return WEFT_ENOMEM;
  if (curl_multi_add_handle(session->multi, transfer->easy) != CURLM_OK)
    return WEFT_ENOMEM;
  transfer->added = true;
  return WEFT_OK;
}

void http__hop_end(struct http_transfer *transfer) {
  if (transfer->added)
    curl_multi_remove_handle(transfer->session->multi, transfer->easy);
  transfer->added = false;
  transfer->paused = false;
  curl_slist_free_all(transfer->header_lines);
  curl_slist_free_all(transfer->resolve_lines);
  transfer->header_lines = NULL;
  transfer->resolve_lines = NULL;
}
