/* SPDX-License-Identifier: MIT
 * failing.h - an allocator for tests that counts, checks and fails on request.
 *
 * failing_install() at the beginning of a test makes all memory of the library
 * and of libuv come from here. Then
 *   failing_live()         tells what is not freed: nothing must be at the end
 *   failing_allocations()  shows that a warm operation allocates nothing
 *   failing_each(attempt)  fails the 1st, 2nd, 3rd ... allocation in turn
 *
 * It also looks for what no sanitizer sees: a block freed or resized with a
 * size that is not its own ends the program. Fresh memory is filled with junk,
 * freed memory too, and a block that is resized always moves.
 *
 * One request is always granted: libuv's for a larger block. It makes room for
 * descriptors that way, and where it gets none it calls abort. */
#ifndef WEFT_FAILING_H
#define WEFT_FAILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "../weft.h"
#include "check.h"

/* What precedes each block. */
union failing_header {
  size_t size_bytes;
  max_align_t align;
};

/* Atomic, for libuv's threads allocate too. */
static struct {
  atomic_long live_blocks;
  atomic_size_t live_bytes;
  atomic_long allocations; /* requests, granted or not; resizes count */
  atomic_long countdown;   /* the request that takes it to 0 fails */
  atomic_bool failed;      /* it has */
  bool installed;
} failing;

/* -- The hook ------------------------------------------------------------- */

static inline void *failing_take(size_t size_bytes) {
  if (size_bytes > SIZE_MAX - sizeof(union failing_header))
    return NULL;
  union failing_header *header = malloc(sizeof *header + size_bytes);
  if (header == NULL)
    return NULL;
  header->size_bytes = size_bytes;
  memset(header + 1, 0xA5, size_bytes);
  atomic_fetch_add(&failing.live_blocks, 1);
  atomic_fetch_add(&failing.live_bytes, size_bytes);
  return header + 1;
}

static inline void failing_give(void *ptr, size_t old_bytes) {
  union failing_header *header = (union failing_header *)ptr - 1;
  if (header->size_bytes != old_bytes) {
    fprintf(stderr, "a block of %zu bytes is given back as one of %zu\n",
            header->size_bytes, old_bytes);
    abort();
  }
  atomic_fetch_sub(&failing.live_blocks, 1);
  atomic_fetch_sub(&failing.live_bytes, old_bytes);
  memset(header, 0xDD, sizeof *header + old_bytes);
  free(header);
}

static inline void *failing_move(void *ptr, size_t old_bytes,
                                 size_t new_bytes) {
  void *block = failing_take(new_bytes);
  if (block == NULL || ptr == NULL)
    return block;
  memcpy(block, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
  failing_give(ptr, old_bytes);
  return block;
}

static inline void *failing_hook(void *arg, void *ptr, size_t old_bytes,
                                 size_t new_bytes) {
  (void)arg;
  if (new_bytes == 0) {
    if (ptr != NULL)
      failing_give(ptr, old_bytes);
    return NULL;
  }
  atomic_fetch_add(&failing.allocations, 1);
  if (atomic_load(&failing.countdown) > 0 &&
      atomic_fetch_sub(&failing.countdown, 1) == 1) {
    atomic_store(&failing.failed, true);
    return NULL;
  }
  return failing_move(ptr, old_bytes, new_bytes);
}

/* -- The same for libuv --------------------------------------------------- */

static inline size_t failing_size(void *ptr) {
  return ptr == NULL ? 0 : ((union failing_header *)ptr - 1)->size_bytes;
}

static inline void *failing_uv_alloc(size_t size_bytes) {
  return failing_hook(NULL, NULL, 0, size_bytes);
}

static inline void *failing_uv_resize(void *ptr, size_t size_bytes) {
  atomic_fetch_add(&failing.allocations, 1);
  return failing_move(ptr, failing_size(ptr), size_bytes);
}

static inline void *failing_uv_alloc_zeroed(size_t count, size_t size_bytes) {
  void *block = failing_uv_alloc(count * size_bytes);
  if (block != NULL)
    memset(block, 0, count * size_bytes);
  return block;
}

static inline void failing_uv_free(void *ptr) {
  failing_hook(NULL, ptr, failing_size(ptr), 0);
}

/* -- For tests ------------------------------------------------------------ */

/* Puts the hook in place; to be called before anything is allocated. Tests that
 * share a process call it again, which is fine. */
static inline void failing_install(void) {
  if (failing.installed)
    return;
  failing.installed = true;
  CHECK_INT(WEFT_OK, weft_set_allocator(failing_hook, NULL));
  CHECK_INT(0, uv_replace_allocator(failing_uv_alloc, failing_uv_resize,
                                    failing_uv_alloc_zeroed, failing_uv_free));
}

/* Lets the [nth] allocation from now fail, once; 0 lets none. */
static inline void failing_after(long nth) {
  atomic_store(&failing.countdown, nth);
  atomic_store(&failing.failed, false);
}

/* Whether that allocation was asked for and refused. */
static inline bool failing_has_failed(void) {
  return atomic_load(&failing.failed);
}

/* The number of blocks that are not freed. */
static inline long failing_live(void) {
  return atomic_load(&failing.live_blocks);
}

/* The number of bytes in them. */
static inline size_t failing_live_bytes(void) {
  return atomic_load(&failing.live_bytes);
}

/* The number of allocations and resizes so far. */
static inline long failing_allocations(void) {
  return atomic_load(&failing.allocations);
}

/* Calls attempt(arg) with the first allocation in it failing, then the second,
 * and so on until it makes one without a failure. [attempt] returns the status
 * of what it tries and, whatever that is, leaves nothing allocated. Checks that
 * each failure was told as WEFT_ENOMEM and left nothing behind. Returns the
 * number of allocations that were made to fail. */
static inline long failing_each(int (*attempt)(void *arg), void *arg) {
  for (long nth = 1;; nth++) {
    long live = failing_live();
    failing_after(nth);
    int status = attempt(arg);
    bool failed = failing_has_failed();
    failing_after(0);
    CHECK_INT(live, failing_live());
    CHECK_INT(failed ? WEFT_ENOMEM : WEFT_OK, status);
    if (!failed || status != WEFT_ENOMEM)
      return nth - 1;
  }
}

#endif
