/* SPDX-License-Identifier: MIT
 * memory.h - OpenSSL's allocator for tests, which counts and fails on request.
 */
#ifndef WEFT_TLS_TEST_MEMORY_H
#define WEFT_TLS_TEST_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "check.h"

static struct {
  long live;      /* blocks */
  long countdown; /* the request that takes it to 0 fails */
  bool failed;
} memory;

static inline bool memory_refuses(void) {
  if (memory.countdown == 0 || --memory.countdown > 0)
    return false;
  memory.failed = true;
  return true;
}

static inline void *memory_take(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  void *block = size == 0 || memory_refuses() ? NULL : malloc(size);
  memory.live += block != NULL;
  return block;
}

static inline void memory_give(void *block, const char *file, int line) {
  (void)file;
  (void)line;
  memory.live -= block != NULL;
  free(block);
}

static inline void *memory_resize(void *block, size_t size, const char *file,
                                  int line) {
  if (block == NULL)
    return memory_take(size, file, line);
  if (size == 0) {
    memory_give(block, file, line);
    return NULL;
  }
  return memory_refuses() ? NULL : realloc(block, size);
}

/* To be called before OpenSSL allocates anything. */
static inline void memory_install(void) {
  CHECK_INT(1,
            CRYPTO_set_mem_functions(memory_take, memory_resize, memory_give));
}

/* Lets the [nth] request from now fail, once; 0 lets none. Returns whether the
 * last that was to fail did. */
static inline bool memory_after(long nth) {
  bool failed = memory.failed;
  memory.failed = false;
  memory.countdown = nth;
  return failed;
}

/* The number of blocks that are not freed, without what OpenSSL keeps for the
 * thread: the text of errors. */
static inline long memory_live(void) {
  OPENSSL_thread_stop();
  return memory.live;
}

#endif
