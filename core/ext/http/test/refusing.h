/* SPDX-License-Identifier: MIT
 * refusing.h - libcurl without memory: refusing_each(attempt) has its 1st, 2nd,
 * 3rd ... allocation refused in turn. To be the first call of a test. */
#ifndef WEFT_REFUSING_H
#define WEFT_REFUSING_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "check.h"

static struct {
  long countdown; /* the request that takes it to 0 is refused */
  long live;      /* blocks that are not freed */
} refusing;

static inline void *refusing_note(void *block) {
  refusing.live += block != NULL;
  return block;
}

static inline bool refusing_now(void) {
  return refusing.countdown > 0 && --refusing.countdown == 0;
}

static inline void *refusing_malloc(size_t size_bytes) {
  return refusing_now() ? NULL : refusing_note(malloc(size_bytes));
}

static inline void *refusing_calloc(size_t count, size_t size_bytes) {
  return refusing_now() ? NULL : refusing_note(calloc(count, size_bytes));
}

static inline void *refusing_realloc(void *block, size_t size_bytes) {
  if (block == NULL)
    return refusing_malloc(size_bytes);
  return refusing_now() ? NULL : realloc(block, size_bytes);
}

static inline char *refusing_strdup(const char *text) {
  return refusing_now() ? NULL : refusing_note(strdup(text));
}

static inline void refusing_free(void *block) {
  refusing.live -= block != NULL;
  free(block);
}

static inline void refusing_install(void) {
  CHECK_INT(CURLE_OK, curl_global_init_mem(CURL_GLOBAL_NOTHING, refusing_malloc,
                                           refusing_free, refusing_realloc,
                                           refusing_strdup, refusing_calloc));
}

/* Calls attempt(arg) until nothing in it is refused. It returns whether it had
 * the memory, and leaves nothing allocated. Returns the number of refusals. */
static inline long refusing_each(bool (*attempt)(void *arg), void *arg) {
  for (long nth = 1;; nth++) {
    long live = refusing.live;
    refusing.countdown = nth;
    bool had_memory = attempt(arg);
    bool refused = refusing.countdown == 0;
    refusing.countdown = 0;
    CHECK_INT(live, refusing.live);
    CHECK(had_memory != refused);
    if (!refused || had_memory)
      return nth - 1;
  }
}

#endif
