/* SPDX-License-Identifier: MIT
 * redirect.c - the rules of the next hop: where it goes, with what method, and
 * what must not go along.
 *
 * They are those of browsers (the Fetch standard). What identifies the user is
 * meant for one origin, that is scheme, host and port; once a hop has left it,
 * it stays dropped, even if a later one comes back. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

bool http__redirect_is(const struct http_transfer *transfer) {
  const weft_http_response *response = transfer->response;
  switch (response->status) {
  case 301:
  case 302:
  case 303:
  case 307:
  case 308:
    return transfer->request->redirects_max > 0 &&
           http__headers_find(&response->headers, "location") != NULL;
  default:
    return false;
  }
}

/* -- What goes along ------------------------------------------------------ */

static bool is_in(const char *name, const char *const *names) {
  for (; *names != NULL; names++)
    if (strcasecmp(name, *names) == 0)
      return true;
  return false;
}

bool http__redirect_keeps(const struct http_transfer *transfer,
                          const char *header_name) {
  static const char *const OF_ORIGIN[] = {"authorization", "cookie", "host",
                                          "proxy-authorization", NULL};
  if (!transfer->has_credentials && is_in(header_name, OF_ORIGIN))
    return false;
  bool had_body = transfer->request->body_kind != BODY_NONE;
  bool is_of_body = strncasecmp(header_name, "content-", 8) == 0;
  return !is_of_body || transfer->has_body || !had_body;
}

static void change_method(struct http_transfer *transfer) {
  int status = transfer->response->status;
  const char *method = transfer->method;
  bool is_safe = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  bool is_post = strcmp(method, "POST") == 0;
  if ((status == 303 && !is_safe) ||
      ((status == 301 || status == 302) && is_post)) {
    transfer->method = "GET";
    transfer->has_body = false;
  }
}

/* -- Where it goes -------------------------------------------------------- */

static bool has_same_part(CURLU *one, CURLU *other, CURLUPart what) {
  char *left = NULL, *right = NULL;
  curl_url_get(one, what, &left, CURLU_DEFAULT_PORT);
  curl_url_get(other, what, &right, CURLU_DEFAULT_PORT);
  bool same = left != NULL && right != NULL && strcasecmp(left, right) == 0;
  curl_free(left);
  curl_free(right);
  return same;
}

static bool has_same_origin(CURLU *one, CURLU *other) {
  return has_same_part(one, other, CURLUPART_SCHEME) &&
         has_same_part(one, other, CURLUPART_HOST) &&
         has_same_part(one, other, CURLUPART_PORT);
}

/* Makes [url] what [location] means there; a user in it is not to be trusted.
 */
static int resolve(CURLU *url, const char *location) {
  CURLUcode result =
      curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE);
  if (result == CURLUE_OUT_OF_MEMORY)
    return WEFT_ENOMEM;
  if (result != CURLUE_OK || !http__url_normalize(url))
    return WEFT_EPROTO;
  curl_url_set(url, CURLUPART_USER, NULL, 0);
  curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
  return WEFT_OK;
}

int http__redirect_follow(struct http_transfer *transfer, weft_error **error) {
  const weft_http_response *response = transfer->response;
  const char *location = http__headers_find(&response->headers, "location");
  size_t redirects_max = transfer->request->redirects_max;
  *error = NULL;
  if (transfer->redirects == redirects_max) {
    *error = http__error(WEFT_EPROTO, "more than %zu redirects, the last to %s",
                         redirects_max, location);
    return WEFT_EPROTO;
  }
  CURLU *url = curl_url_dup(transfer->url);
  int status = url == NULL ? WEFT_ENOMEM : resolve(url, location);
  if (status != WEFT_OK) {
    if (status == WEFT_EPROTO)
      *error = http__error(status,
                           "%s redirects to what is no http or https URL: %s",
                           transfer->target, location);
    curl_url_cleanup(url);
    return status;
  }
  transfer->has_credentials =
      transfer->has_credentials && has_same_origin(transfer->url, url);
  change_method(transfer);
  if (transfer->redirects > 0)
    curl_url_cleanup(transfer->url);
  transfer->url = url;
  transfer->redirects++;
  return WEFT_OK;
}
