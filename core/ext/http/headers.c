/* SPDX-License-Identifier: MIT
 * headers.c - a list of headers, of a request or a response: in order, with
 * names that may stand more than once and are equal in any case. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

char *http__copy_bytes(const char *text, size_t size_bytes) {
  char *copy = malloc(size_bytes + 1);
  if (copy == NULL)
    return NULL;
  if (size_bytes > 0)
    memcpy(copy, text, size_bytes);
  copy[size_bytes] = '\0';
  return copy;
}

static bool make_room(struct http_headers *headers) {
  if (headers->count < headers->capacity)
    return true;
  size_t capacity = headers->capacity == 0 ? 16 : headers->capacity * 2;
  struct http_header *items =
      realloc(headers->items, capacity * sizeof *headers->items);
  if (items == NULL)
    return false;
  headers->items = items;
  headers->capacity = capacity;
  return true;
}

int http__headers_add(struct http_headers *headers, const char *name,
                      size_t name_bytes, const char *value,
                      size_t value_bytes) {
  if (!make_room(headers))
    return WEFT_ENOMEM;
  struct http_header header = {.name = http__copy_bytes(name, name_bytes),
                               .value = http__copy_bytes(value, value_bytes)};
  if (header.name == NULL || header.value == NULL) {
    free(header.name);
    free(header.value);
    return WEFT_ENOMEM;
  }
  headers->items[headers->count++] = header;
  return WEFT_OK;
}

const char *http__headers_find(const struct http_headers *headers,
                               const char *name) {
  for (size_t i = 0; i < headers->count; i++)
    if (strcasecmp(headers->items[i].name, name) == 0)
      return headers->items[i].value;
  return NULL;
}

void http__headers_clear(struct http_headers *headers) {
  for (size_t i = 0; i < headers->count; i++) {
    free(headers->items[i].name);
    free(headers->items[i].value);
  }
  free(headers->items);
  *headers = (struct http_headers){0};
}
