/* SPDX-License-Identifier: MIT
 * url.c - a URL's text.
 *
 * libcurl gives the text too, but puts it together byte by byte, at twice the
 * price of its parts. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

static const struct {
  CURLUPart what;
  const char *before;
} PARTS[] = {
    {CURLUPART_SCHEME, ""}, {CURLUPART_HOST, "://"}, {CURLUPART_PORT, ":"},
    {CURLUPART_PATH, ""},   {CURLUPART_QUERY, "?"},  {CURLUPART_FRAGMENT, "#"},
};

enum { PART_COUNT = sizeof PARTS / sizeof *PARTS, HOST = 1 };

/* NULL for a part that is not there, or empty; false: no memory. */
static bool get_parts(CURLU *url, char *parts[PART_COUNT]) {
  for (size_t i = 0; i < PART_COUNT; i++) {
    if (curl_url_get(url, PARTS[i].what, &parts[i], 0) == CURLUE_OUT_OF_MEMORY)
      return false;
    if (parts[i] != NULL && parts[i][0] == '\0') {
      curl_free(parts[i]);
      parts[i] = NULL;
    }
  }
  return true;
}

static char *append(char *end, const char *text) {
  size_t bytes = strlen(text);
  memcpy(end, text, bytes + 1);
  return end + bytes;
}

static char *join(char *const parts[PART_COUNT]) {
  size_t size_bytes = 1;
  for (size_t i = 0; i < PART_COUNT; i++)
    if (parts[i] != NULL)
      size_bytes += strlen(PARTS[i].before) + strlen(parts[i]);
  char *text = malloc(size_bytes), *end = text;
  if (text == NULL)
    return NULL;
  for (size_t i = 0; i < PART_COUNT; i++)
    if (parts[i] != NULL)
      end = append(append(end, PARTS[i].before), parts[i]);
  return text;
}

/* As libcurl has it, with the zone that an address of IPv6 may have. */
static char *copy_whole(CURLU *url) {
  char *whole = NULL, *text = NULL;
  if (curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK)
    text = http__copy_bytes(whole, strlen(whole));
  curl_free(whole);
  return text;
}

char *http__url_text(CURLU *url) {
  char *parts[PART_COUNT] = {NULL}, *text = NULL;
  if (get_parts(url, parts))
    text = parts[HOST] != NULL && parts[HOST][0] == '[' ? copy_whole(url)
                                                        : join(parts);
  for (size_t i = 0; i < PART_COUNT; i++)
    curl_free(parts[i]);
  return text;
}
