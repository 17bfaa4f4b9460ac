/* SPDX-License-Identifier: MIT
 * easy.c - libcurl's easy handles: what all of them are told, and those kept
 * for the requests to come.
 *
 * A handle is some kilobytes and a dozen of options, so it is used again. What
 * differs between plain requests is set by each of them (hop.c); a handle that
 * was told more is told to forget it first. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* libcurl allocates so many bytes and one for each transfer. More are a large
 * block to jemalloc, which is dear; and no faster to read by. */
#define BUFFER_BYTES (14L * 1024 - 1)

static bool set_manner(const weft_http_session *session, CURL *easy) {
  static const struct {
    CURLoption option;
    long value;
  } MANNER[] = {
      {CURLOPT_NOSIGNAL, 1},
      {CURLOPT_NOPROGRESS, 1},
      {CURLOPT_FOLLOWLOCATION, 0},
      {CURLOPT_TCP_NODELAY, 1},
      {CURLOPT_BUFFERSIZE, BUFFER_BYTES},
      /* Time is limited by scopes; libcurl's own default is five minutes. */
      {CURLOPT_CONNECTTIMEOUT_MS, INT_MAX},
      {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
      {CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
  };
  for (size_t i = 0; i < sizeof MANNER / sizeof *MANNER; i++)
    if (!http__set_long(easy, MANNER[i].option, MANNER[i].value))
      return false;
  return http__hop_set_callbacks(easy) &&
         http__set_text(easy, CURLOPT_NOPROXY, "*") &&
         http__set_text(easy, CURLOPT_ACCEPT_ENCODING, "") &&
         http__set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                          http__loop_close_socket) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, session) == CURLE_OK;
}

/* -- Headers -------------------------------------------------------------- */

static bool add_line(struct curl_slist **lines, const char *name,
                     const char *value) {
  size_t size_bytes = strlen(name) + strlen(value) + 3;
  char *line = malloc(size_bytes);
  if (line == NULL)
    return false;
  snprintf(line, size_bytes, "%s: %s", name, value);
  struct curl_slist *longer = curl_slist_append(*lines, line);
  free(line);
  if (longer != NULL)
    *lines = longer;
  return longer != NULL;
}

/* What libcurl can decode, in the words in which it would ask for it. */
static bool add_encodings(struct curl_slist **lines) {
  int features = curl_version_info(CURLVERSION_NOW)->features;
  char text[32];
  snprintf(text, sizeof text, "%s%s%s",
           features & CURL_VERSION_LIBZ ? ", deflate, gzip" : "",
           features & CURL_VERSION_BROTLI ? ", br" : "",
           features & CURL_VERSION_ZSTD ? ", zstd" : "");
  return text[0] == '\0' || add_line(lines, "Accept-Encoding", text + 2);
}

bool http__easy_make_lines(const char *user_agent, struct curl_slist **lines) {
  *lines = NULL;
  if ((user_agent == NULL || *user_agent == '\0' ||
       add_line(lines, "User-Agent", user_agent)) &&
      add_encodings(lines))
    return true;
  curl_slist_free_all(*lines);
  *lines = NULL;
  return false;
}

/* -- Handles -------------------------------------------------------------- */

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
