/* SPDX-License-Identifier: MIT
 * headers.c - a list of headers, of a request or a response: in order, with
 * names that may stand more than once and are equal in any case. Names and
 * values stand in one text, each with a zero byte behind it. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* Enough for the headers of most responses. */
#define TEXT_MIN ((size_t)512)

char *http__copy_bytes(const char *text, size_t size_bytes) {
  char *copy = malloc(size_bytes + 1);
  if (copy == NULL)
    return NULL;
  if (size_bytes > 0)
    memcpy(copy, text, size_bytes);
  copy[size_bytes] = '\0';
  return copy;
}

void *http__grow(void *block, size_t size_bytes) {
  return block == NULL ? malloc(size_bytes) : realloc(block, size_bytes);
}

static bool make_room(struct http_headers *headers) {
  if (headers->count < headers->capacity)
    return true;
  size_t capacity = headers->capacity == 0 ? 16 : headers->capacity * 2;
  struct http_header *items =
      http__grow(headers->items, capacity * sizeof *headers->items);
  if (items == NULL)
    return false;
  headers->items = items;
  headers->capacity = capacity;
  return true;
}

static bool make_text_room(struct http_headers *headers, size_t more_bytes) {
  size_t used = headers->text_bytes + more_bytes;
  if (used <= headers->text_capacity)
    return true;
  size_t capacity = headers->text_capacity * 2;
  if (capacity < used)
    capacity = used < TEXT_MIN ? TEXT_MIN : used;
  char *text = http__grow(headers->text, capacity);
  if (text == NULL)
    return false;
  headers->text = text;
  headers->text_capacity = capacity;
  return true;
}

/* Appends the bytes and a zero byte, for which there is room; where they are.
 */
static size_t append(struct http_headers *headers, const char *text,
                     size_t size_bytes) {
  size_t at = headers->text_bytes;
  memcpy(headers->text + at, text, size_bytes);
  headers->text[at + size_bytes] = '\0';
  headers->text_bytes = at + size_bytes + 1;
  return at;
}

int http__headers_add(struct http_headers *headers, const char *name,
                      size_t name_bytes, const char *value,
                      size_t value_bytes) {
  if (!make_room(headers) ||
      !make_text_room(headers, name_bytes + value_bytes + 2))
    return WEFT_ENOMEM;
  struct http_header *header = &headers->items[headers->count++];
  header->name_at = append(headers, name, name_bytes);
  header->value_at = append(headers, value, value_bytes);
  return WEFT_OK;
}

/* The last value is the end of the text. */
int http__headers_extend(struct http_headers *headers, const char *text,
                         size_t size_bytes) {
  if (headers->count == 0)
    return WEFT_OK;
  if (!make_text_room(headers, size_bytes + 1))
    return WEFT_ENOMEM;
  headers->text[headers->text_bytes - 1] = ' ';
  append(headers, text, size_bytes);
  return WEFT_OK;
}

const char *http__headers_name(const struct http_headers *headers,
                               size_t index) {
  if (index >= headers->count)
    return NULL;
  return headers->text + headers->items[index].name_at;
}

const char *http__headers_value(const struct http_headers *headers,
                                size_t index) {
  if (index >= headers->count)
    return NULL;
  return headers->text + headers->items[index].value_at;
}

const char *http__headers_find(const struct http_headers *headers,
                               const char *name) {
  for (size_t i = 0; i < headers->count; i++)
    if (strcasecmp(http__headers_name(headers, i), name) == 0)
      return http__headers_value(headers, i);
  return NULL;
}

void http__headers_clear(struct http_headers *headers) {
  free(headers->text);
  free(headers->items);
  *headers = (struct http_headers){0};
}
