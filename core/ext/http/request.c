/* SPDX-License-Identifier: MIT
 * request.c - what to ask: a method, a URL, headers, a body, and how to go
 * about it.
 *
 * Everything is checked when it is set, so that a line break cannot become a
 * header of its own. Each transfer holds a reference and reads the request's
 * memory while it runs, which is why setters are refused meanwhile. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define REDIRECTS_MAX 10

/* -- What may be written -------------------------------------------------- */

static bool is_token(const char *text) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++) {
    bool is_letter = (*text | 0x20) >= 'a' && (*text | 0x20) <= 'z';
    bool is_digit = *text >= '0' && *text <= '9';
    if (!is_letter && !is_digit && strchr(others, *text) == NULL)
      return false;
  }
  return true;
}

/* A tab is the one control character that a header may have. */
static bool is_field_value(const char *text) {
  for (; *text != '\0'; text++)
    if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
      return false;
  return true;
}

static bool is_web_url(CURLU *url) {
  char *scheme = NULL;
  if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    return false;
  bool is = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
  curl_free(scheme);
  return is;
}

static bool is_ascii(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text >= 0x80)
      return false;
  return true;
}

bool http__url_normalize(CURLU *url) {
  char *host = NULL, *ace = NULL;
  bool good = is_web_url(url) &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              is_field_value(host);
  if (good && !is_ascii(host))
    good =
        curl_url_get(url, CURLUPART_HOST, &ace, CURLU_PUNYCODE) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_HOST, ace, 0) == CURLUE_OK;
  curl_free(host);
  curl_free(ace);
  return good;
}

/* -- Life ----------------------------------------------------------------- */

static int replace(char **place, const char *text) {
  char *copy = strdup(text);
  if (copy == NULL)
    return WEFT_ENOMEM;
  free(*place);
  *place = copy;
  return WEFT_OK;
}

/* User and password of the URL go where they are sent from, and nowhere else:
 * not into the effective URL, nor into a message. */
static int take_credentials(weft_http_request *request) {
  char *user = NULL, *password = NULL;
  int status;
  curl_url_get(request->url, CURLUPART_USER, &user, CURLU_URLDECODE);
  curl_url_get(request->url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
  if (user == NULL && password == NULL)
    return WEFT_OK;
  status = weft_http_request_set_basic(request, user == NULL ? "" : user,
                                       password == NULL ? "" : password);
  curl_free(user);
  curl_free(password);
  curl_url_set(request->url, CURLUPART_USER, NULL, 0);
  curl_url_set(request->url, CURLUPART_PASSWORD, NULL, 0);
  return status;
}

/* Whether libcurl would change some of it by encoding, which is a call for each
 * byte even where it changes nothing. */
static bool is_to_encode(const char *text) {
  for (; *text != '\0'; text++)
    if (*text <= 0x20 || *text >= 0x7f || *text == '%')
      return true;
  return false;
}

static int set_url(weft_http_request *request, const char *text) {
  CURLUcode result = curl_url_set(request->url, CURLUPART_URL, text,
                                  is_to_encode(text) ? CURLU_URLENCODE : 0);
  if (result == CURLUE_OUT_OF_MEMORY)
    return WEFT_ENOMEM;
  if (result != CURLUE_OK || !http__url_normalize(request->url))
    return WEFT_EINVAL;
  return take_credentials(request);
}

static int set_method(weft_http_request *request, const char *method) {
  /* CONNECT makes a tunnel, which is no response. */
  if (!is_token(method) || strcasecmp(method, "CONNECT") == 0)
    return WEFT_EINVAL;
  return replace(&request->method, method);
}

int weft_http_request_new(const char *method, const char *url,
                          weft_http_request **out) {
  *out = NULL;
  if (method == NULL || url == NULL)
    return WEFT_EINVAL;
  weft_http_request *request = calloc(1, sizeof *request);
  if (request == NULL)
    return WEFT_ENOMEM;
  request->references = 1;
  request->redirects_max = REDIRECTS_MAX;
  request->decode = true;
  request->url = curl_url();
  int status = request->url == NULL ? WEFT_ENOMEM : set_method(request, method);
  if (status == WEFT_OK)
    status = set_url(request, url);
  if (status == WEFT_OK)
    *out = request;
  else
    http__request_unref(request);
  return status;
}

void http__request_unref(weft_http_request *request) {
  if (--request->references > 0)
    return;
  curl_url_cleanup(request->url);
  http__headers_clear(&request->headers);
  free(request->method);
  free(request->body);
  free(request->user);
  free(request->password);
  free(request->bearer);
  free(request);
}

int weft_http_request_close(weft_http_request *request) {
  if (request != NULL)
    http__request_unref(request);
  return WEFT_OK;
}

/* -- Headers and credentials ---------------------------------------------- */

static bool is_busy(const weft_http_request *request) {
  return request->references > 1;
}

int weft_http_request_add_header(weft_http_request *request, const char *name,
                                 const char *value) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (name == NULL || value == NULL || !is_token(name) ||
      !is_field_value(value))
    return WEFT_EINVAL;
  if (strcasecmp(name, "content-length") == 0 ||
      strcasecmp(name, "transfer-encoding") == 0)
    return WEFT_EINVAL;
  return http__headers_add(&request->headers, name, strlen(name), value,
                           strlen(value));
}

int weft_http_request_set_basic(weft_http_request *request, const char *user,
                                const char *password) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (user == NULL || password == NULL || strchr(user, ':') != NULL)
    return WEFT_EINVAL;
  int status = replace(&request->user, user);
  return status == WEFT_OK ? replace(&request->password, password) : status;
}

int weft_http_request_set_bearer(weft_http_request *request,
                                 const char *token) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (token == NULL || !is_field_value(token))
    return WEFT_EINVAL;
  return replace(&request->bearer, token);
}

/* -- Query and body ------------------------------------------------------- */

/* "name=value", encoded; NULL: no memory. */
static char *encode_pair(const char *name, const char *value) {
  char *left = curl_easy_escape(NULL, name, 0);
  char *right = curl_easy_escape(NULL, value, 0);
  char *pair = NULL;
  if (left != NULL && right != NULL) {
    size_t left_bytes = strlen(left), right_bytes = strlen(right);
    pair = malloc(left_bytes + right_bytes + 2);
    if (pair != NULL) {
      memcpy(pair, left, left_bytes);
      pair[left_bytes] = '=';
      memcpy(pair + left_bytes + 1, right, right_bytes + 1);
    }
  }
  curl_free(left);
  curl_free(right);
  return pair;
}

int weft_http_request_add_param(weft_http_request *request, const char *name,
                                const char *value) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (name == NULL || value == NULL)
    return WEFT_EINVAL;
  char *pair = encode_pair(name, value);
  if (pair == NULL)
    return WEFT_ENOMEM;
  CURLUcode result =
      curl_url_set(request->url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY);
  free(pair);
  return result == CURLUE_OK ? WEFT_OK : WEFT_ENOMEM;
}

/* Appends to the body, with "&" before what is not the first. */
static int append_pair(weft_http_request *request, const char *pair) {
  size_t bytes = strlen(pair);
  char *body = realloc(request->body, request->body_bytes + bytes + 2);
  if (body == NULL)
    return WEFT_ENOMEM;
  if (request->body_bytes > 0)
    body[request->body_bytes++] = '&';
  memcpy(body + request->body_bytes, pair, bytes + 1);
  request->body = body;
  request->body_bytes += bytes;
  request->body_kind = BODY_FORM;
  return WEFT_OK;
}

int weft_http_request_add_field(weft_http_request *request, const char *name,
                                const char *value) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (name == NULL || value == NULL)
    return WEFT_EINVAL;
  if (request->body_kind == BODY_BYTES)
    return WEFT_ESTATE;
  char *pair = encode_pair(name, value);
  if (pair == NULL)
    return WEFT_ENOMEM;
  int status = append_pair(request, pair);
  free(pair);
  return status;
}

int weft_http_request_set_body(weft_http_request *request, const void *data,
                               size_t size_bytes) {
  if (is_busy(request))
    return WEFT_EBUSY;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  if (request->body_kind == BODY_FORM)
    return WEFT_ESTATE;
  char *copy = http__copy_bytes(data, size_bytes);
  if (copy == NULL)
    return WEFT_ENOMEM;
  free(request->body);
  request->body = copy;
  request->body_bytes = size_bytes;
  request->body_kind = BODY_BYTES;
  return WEFT_OK;
}

/* -- How to go about it --------------------------------------------------- */

int weft_http_request_set_redirects_max(weft_http_request *request,
                                        size_t redirects_max) {
  if (is_busy(request))
    return WEFT_EBUSY;
  request->redirects_max = redirects_max;
  return WEFT_OK;
}

int weft_http_request_set_body_max(weft_http_request *request,
                                   size_t size_max_bytes) {
  if (is_busy(request))
    return WEFT_EBUSY;
  request->body_max_bytes = size_max_bytes;
  return WEFT_OK;
}

int weft_http_request_set_decode(weft_http_request *request, int on) {
  if (is_busy(request))
    return WEFT_EBUSY;
  request->decode = on != 0;
  return WEFT_OK;
}

int weft_http_request_set_stream(weft_http_request *request, int on) {
  if (is_busy(request))
    return WEFT_EBUSY;
  request->stream = on != 0;
  return WEFT_OK;
}
