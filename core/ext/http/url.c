/* SPDX-License-Identifier: MIT
 * url.c - what a hop needs of its URL: the text, the host and the target.
 *
 * libcurl gives the text too, but puts it together byte by byte, at twice the
 * price of its parts. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* What libcurl gives of a part of the URL. */
struct part {
  char *text; /* NULL if it is not there, or empty */
  size_t bytes;
};

static const struct {
  CURLUPart what;
  const char *before;
  size_t before_bytes;
} PARTS[] = {
    {CURLUPART_SCHEME, "", 0}, {CURLUPART_HOST, "://", 3},
    {CURLUPART_PORT, ":", 1},  {CURLUPART_PATH, "", 0},
    {CURLUPART_QUERY, "?", 1}, {CURLUPART_FRAGMENT, "#", 1},
};

enum { PART_COUNT = sizeof PARTS / sizeof *PARTS, SCHEME = 0, HOST, PORT };

/* False: no memory. */
static bool get_parts(CURLU *url, struct part parts[PART_COUNT]) {
  for (size_t i = 0; i < PART_COUNT; i++) {
    struct part *part = &parts[i];
    if (curl_url_get(url, PARTS[i].what, &part->text, 0) ==
        CURLUE_OUT_OF_MEMORY)
      return false;
    if (part->text == NULL)
      continue;
    part->bytes = strlen(part->text);
    if (part->bytes == 0) {
      curl_free(part->text);
      part->text = NULL;
    }
  }
  return true;
}

static char *append(char *end, const char *text, size_t bytes) {
  memcpy(end, text, bytes);
  return end + bytes;
}

static char *join(const struct part parts[PART_COUNT]) {
  size_t size_bytes = 1;
  for (size_t i = 0; i < PART_COUNT; i++)
    size_bytes += PARTS[i].before_bytes + parts[i].bytes;
  char *text = malloc(size_bytes), *end = text;
  if (text == NULL)
    return NULL;
  for (size_t i = 0; i < PART_COUNT; i++)
    if (parts[i].text != NULL) {
      end = append(end, PARTS[i].before, PARTS[i].before_bytes);
      end = append(end, parts[i].text, parts[i].bytes);
    }
  *end = '\0';
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

/* "host:port", with the brackets of an address of IPv6. */
static char *join_target(const struct part parts[PART_COUNT]) {
  const struct part *host = &parts[HOST];
  const char *port = parts[PORT].text;
  if (port == NULL)
    port = strcmp(parts[SCHEME].text, "https") == 0 ? "443" : "80";
  size_t port_bytes = strlen(port);
  char *text = malloc(host->bytes + port_bytes + 2);
  if (text == NULL)
    return NULL;
  char *end = append(text, host->text, host->bytes);
  *end++ = ':';
  append(end, port, port_bytes + 1);
  return text;
}

/* The host is the caller's from here on. */
static char *take_host(struct part *host) {
  char *text = host->text;
  host->text = NULL;
  if (host->bytes > 1 && text[0] == '[' && text[host->bytes - 1] == ']') {
    memmove(text, text + 1, host->bytes - 2);
    text[host->bytes - 2] = '\0';
  }
  return text;
}

bool http__url_read(CURLU *url, char **text, char **host, char **target) {
  struct part parts[PART_COUNT] = {{NULL, 0}};
  if (get_parts(url, parts) && parts[SCHEME].text != NULL &&
      parts[HOST].text != NULL) {
    *text = parts[HOST].text[0] == '[' ? copy_whole(url) : join(parts);
    *target = join_target(parts);
    *host = take_host(&parts[HOST]);
  }
  for (size_t i = 0; i < PART_COUNT; i++)
    curl_free(parts[i].text);
  return *text != NULL && *host != NULL && *target != NULL;
}
