/* SPDX-License-Identifier: MIT
 * response.c - the response: its head, line by line, its body in a buffer, and
 * reading that while it still comes.
 *
 * The buffer is the same for both ways of reading: a body that was waited for
 * stands in it whole, of one that is streamed it holds what was not consumed
 * yet. Bytes that came before a failure are given out before it is. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* -- Life ----------------------------------------------------------------- */

weft_http_response *http__response_new(void) {
  weft_http_response *response = calloc(1, sizeof *response);
  if (response != NULL)
    response->outcome = WEFT_EEND;
  return response;
}

static void clear_head(weft_http_response *response) {
  http__headers_clear(&response->headers);
  free(response->reason);
  response->reason = NULL;
  response->status = 0;
  response->version = 0;
  response->has_head = false;
}

void http__response_reset(weft_http_response *response) {
  clear_head(response);
  memset(response->times_ns, 0, sizeof response->times_ns);
}

int weft_http_response_close(weft_http_response *response) {
  if (response == NULL)
    return WEFT_OK;
  if (response->transfer != NULL) {
    weft_runtime *rt = response->transfer->session->rt;
    if (response->reader != 0)
      weft_wake(rt, response->reader, WEFT_ECLOSED, 0);
    http__transfer_abort(response->transfer);
  }
  clear_head(response);
  weft_error_unref(response->error);
  free(response->url);
  free(response->body);
  free(response);
  return WEFT_OK;
}

/* -- The head ------------------------------------------------------------- */

static inline const char *trim(const char *first, const char *end,
                               size_t *size_bytes) {
  while (first < end && (*first == ' ' || *first == '\t'))
    first++;
  while (end > first && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  *size_bytes = (size_t)(end - first);
  return first;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_status_line(const char *line, const char *end) {
  return end - line >= 5 && (*line | 0x20) == 'h' &&
         strncasecmp(line, "HTTP/", 5) == 0;
}

/* "HTTP/1.1 200 OK" or "HTTP/2 200". libcurl has checked it. */
static bool add_status_line(weft_http_response *response, const char *line,
                            const char *end) {
  const char *at = line + strlen("HTTP/");
  size_t bytes;
  clear_head(response);
  for (; at < end && is_digit(*at); at++)
    response->version = response->version * 10 + (*at - '0');
  if (at + 1 < end && *at == '.' && is_digit(at[1])) {
    response->version = response->version * 10 + (at[1] - '0');
    at += 2;
  } else {
    response->version *= 10;
  }
  at = trim(at, end, &bytes);
  for (int i = 0; i < 3 && at < end && is_digit(*at); i++, at++)
    response->status = response->status * 10 + (*at - '0');
  at = trim(at, end, &bytes);
  response->reason = http__copy_bytes(at, bytes);
  return response->reason != NULL;
}

/* A line that begins with a space goes on with the value before it. */
static bool extend_value(struct http_headers *headers, const char *line,
                         const char *end) {
  size_t bytes;
  const char *text = trim(line, end, &bytes);
  return http__headers_extend(headers, text, bytes) == WEFT_OK;
}

static bool add_field(struct http_headers *headers, const char *line,
                      const char *end) {
  size_t name_bytes, value_bytes;
  const char *colon = memchr(line, ':', (size_t)(end - line));
  if (colon == NULL)
    return true;
  const char *name = trim(line, colon, &name_bytes);
  const char *value = trim(colon + 1, end, &value_bytes);
  return http__headers_add(headers, name, name_bytes, value, value_bytes) ==
         WEFT_OK;
}

bool http__response_add_line(weft_http_response *response, const char *line,
                             size_t size_bytes) {
  /* No text of C goes on behind a zero byte; libcurl refuses one, too. */
  const char *end = line + strnlen(line, size_bytes);
  while (end > line && (end[-1] == '\n' || end[-1] == '\r'))
    end--;
  if (is_status_line(line, end))
    return add_status_line(response, line, end);
  if (response->has_head) /* a trailer, after the body */
    return true;
  if (end == line) {
    response->has_head = response->status >= 200;
    return true;
  }
  if (*line == ' ' || *line == '\t')
    return extend_value(&response->headers, line, end);
  return add_field(&response->headers, line, end);
}

/* -- The body ------------------------------------------------------------- */

/* Moves what is left to the front if that makes room enough, else grows. */
static bool make_room(weft_http_response *response, size_t more_bytes) {
  size_t used = response->body_bytes + more_bytes + 1;
  if (response->body_first + used <= response->body_capacity)
    return true;
  if (used > response->body_capacity) {
    size_t capacity = response->body_capacity * 2;
    if (capacity < used)
      capacity = used;
    char *body = http__grow(response->body, capacity);
    if (body == NULL)
      return false;
    response->body = body;
    response->body_capacity = capacity;
  }
  memmove(response->body, response->body + response->body_first,
          response->body_bytes);
  response->body_first = 0;
  return true;
}

bool http__response_add_body(weft_http_response *response, const char *data,
                             size_t size_bytes) {
  if (!make_room(response, size_bytes))
    return false;
  char *end = response->body + response->body_first + response->body_bytes;
  memcpy(end, data, size_bytes);
  end[size_bytes] = '\0';
  response->body_bytes += size_bytes;
  response->body_total += size_bytes;
  return true;
}

static void wake_reader(weft_runtime *rt, weft_http_response *response,
                        int status, weft_error *error) {
  weft_task reader = response->reader;
  response->reader = 0;
  if (reader != 0)
    weft_wake(rt, reader, status, (uint64_t)(uintptr_t)weft_error_ref(error));
}

void http__response_wake(weft_http_response *response) {
  wake_reader(response->transfer->session->rt, response, WEFT_OK, NULL);
}

int weft_http_response_peek(const weft_http_response *response,
                            const char **data, size_t *size_bytes) {
  *size_bytes = response->body_bytes;
  *data = response->body == NULL ? "" : response->body + response->body_first;
  return WEFT_OK;
}

int weft_http_response_consume(weft_http_response *response,
                               size_t size_bytes) {
  if (size_bytes > response->body_bytes)
    return WEFT_EINVAL;
  response->body_first += size_bytes;
  response->body_bytes -= size_bytes;
  if (response->transfer != NULL && response->body_bytes < HTTP__READ_AHEAD)
    http__hop_resume(response->transfer);
  return WEFT_OK;
}

void http__response_end(weft_http_response *response, weft_runtime *rt,
                        int outcome, weft_error *error) {
  response->transfer = NULL;
  response->outcome = outcome;
  response->error = error;
  wake_reader(rt, response, outcome, error);
}

/* -- Reading -------------------------------------------------------------- */

static int withdraw(weft_runtime *rt, void *arg) {
  weft_http_response *response = arg;
  (void)rt;
  response->reader = 0;
  return WEFT_OK;
}

static int give_outcome(weft_http_response *response, uint64_t *value) {
  *value = (uint64_t)(uintptr_t)weft_error_ref(response->error);
  return response->outcome;
}

int weft_http_response_fill(weft_runtime *rt, weft_http_response *response,
                            uint64_t *value) {
  *value = 0;
  if (response == NULL)
    return WEFT_EINVAL;
  if (response->reader != 0)
    return WEFT_EBUSY;
  int status = weft_cancel_point(rt);
  if (status != WEFT_OK)
    return status;
  if (response->body_bytes > 0)
    return weft_spend(rt);
  if (response->transfer == NULL)
    return give_outcome(response, value);
  status = weft_task_current(rt, &response->reader);
  if (status != WEFT_OK)
    return status;
  return weft_park(rt, "http body", withdraw, response, value);
}

/* -- What it says --------------------------------------------------------- */

int weft_http_response_get_status(const weft_http_response *response) {
  return response->status;
}

int weft_http_response_get_version(const weft_http_response *response) {
  return response->version;
}

const char *weft_http_response_get_reason(const weft_http_response *response) {
  return response->reason == NULL ? "" : response->reason;
}

const char *weft_http_response_get_url(const weft_http_response *response) {
  return response->url;
}

size_t weft_http_response_get_redirects(const weft_http_response *response) {
  return response->redirects;
}

size_t weft_http_response_get_header_count(const weft_http_response *response) {
  return response->headers.count;
}

const char *
weft_http_response_get_header_name(const weft_http_response *response,
                                   size_t index) {
  return http__headers_name(&response->headers, index);
}

const char *
weft_http_response_get_header_value(const weft_http_response *response,
                                    size_t index) {
  return http__headers_value(&response->headers, index);
}

const char *weft_http_response_get_header(const weft_http_response *response,
                                          const char *name) {
  return http__headers_find(&response->headers, name);
}

uint64_t weft_http_response_get_time(const weft_http_response *response,
                                     int point) {
  size_t count = sizeof response->times_ns / sizeof *response->times_ns;
  return point >= 0 && (size_t)point < count ? response->times_ns[point] : 0;
}
