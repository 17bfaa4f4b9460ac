/* SPDX-License-Identifier: MIT
 * easy.c - libcurl's easy handles: what all of them are told, and those kept
 * for the requests to come.
 *
 * A handle is some kilobytes and a dozen of options, so it is used again. What
 * differs between plain requests is set by each of them (hop.c); a handle that
 * was told more is told to forget it first. */
#include <limits.h>

#include "http.h"

static bool set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, const char *text) {
  return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_manner(const weft_http_session *session, CURL *easy) {
  static const struct {
    CURLoption option;
    long value;
  } MANNER[] = {
      {CURLOPT_NOSIGNAL, 1},
      {CURLOPT_NOPROGRESS, 1},
      {CURLOPT_FOLLOWLOCATION, 0},
      {CURLOPT_TCP_NODELAY, 1},
      {CURLOPT_BUFFERSIZE, 64L * 1024},
      /* Time is limited by scopes; libcurl's own default is five minutes. */
      {CURLOPT_CONNECTTIMEOUT_MS, INT_MAX},
      {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
      {CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
  };
  for (size_t i = 0; i < sizeof MANNER / sizeof *MANNER; i++)
    if (!set_long(easy, MANNER[i].option, MANNER[i].value))
      return false;
  return set_text(easy, CURLOPT_PROXY, "") &&
         set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                          http__loop_close_socket) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, session) == CURLE_OK;
}

CURL *http__easy_take(weft_http_session *session) {
  if (session->spare_count > 0)
    return session->spares[--session->spare_count];
  CURL *easy = curl_easy_init();
  if (easy == NULL || set_manner(session, easy))
    return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

bool http__easy_forget(weft_http_session *session, CURL *easy) {
  curl_easy_reset(easy);
  return set_manner(session, easy);
}

void http__easy_give(weft_http_session *session, CURL *easy) {
  if (session->spare_count < HTTP__SPARES_MAX)
    session->spares[session->spare_count++] = easy;
  else
    curl_easy_cleanup(easy);
}

void http__easy_free_all(weft_http_session *session) {
  while (session->spare_count > 0)
    curl_easy_cleanup(session->spares[--session->spare_count]);
}
