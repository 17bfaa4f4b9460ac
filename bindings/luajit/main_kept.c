/* SPDX-License-Identifier: MIT
 * main_kept.c - the large blocks that Lua has freed, kept for the next ones.
 *
 * A collection frees the strings of some hundred messages at once, and the next
 * messages need as many again. jemalloc has 20 blocks of such a size at hand;
 * the rest it takes from slabs of a few blocks, which it makes and takes apart
 * each time. Here they are in a list for each of jemalloc's size classes, of
 * which there are four to a doubling: blocks of one class are of the same size,
 * whatever was asked for.
 *
 * When it gets too much, all is freed: blocks of a size that nobody needs any
 * more do not stay. */
#include "main_kept.h"

#ifdef WEFT_JEMALLOC

#include <jemalloc/jemalloc.h>

/* Kept is what is larger than 2^LG_MIN bytes, up to the class of a string of 64
 * KiB, which is a little more than that. */
#define LG_MIN 10
#define CLASSES (4 * (16 - LG_MIN) + 1)
/* What a small program frees in a collection, and as much again. */
#define KEPT_MAX_BYTES ((size_t)4 << 20)

struct block {
  struct block *next;
};

static struct {
  struct block *last[CLASSES]; /* freed last, and taken first */
  size_t bytes;                /* of all */
} kept;

/* CLASSES or more if such are not kept. */
static unsigned class_of(size_t size_bytes) {
  size_t end = size_bytes - 1;
  if (end >> LG_MIN == 0)
    return CLASSES;
  unsigned lg = 63 - (unsigned)__builtin_clzll(end);
  return 4 * (lg - LG_MIN) + (unsigned)(end >> (lg - 2) & 3);
}

static size_t size_of(unsigned kind) {
  return (size_t)(kind % 4 + 5) << (kind / 4 + LG_MIN - 2);
}

static void *take(unsigned kind) {
  struct block *block = kept.last[kind];
  if (block == NULL)
    return NULL;
  kept.last[kind] = block->next;
  kept.bytes -= size_of(kind);
  return block;
}

static void free_all(void) {
  void *block;
  for (unsigned kind = 0; kind < CLASSES; kind++)
    while ((block = take(kind)) != NULL)
      sdallocx(block, size_of(kind), 0);
}

void *kept_take(size_t size_bytes) {
  unsigned kind = class_of(size_bytes);
  return kind < CLASSES ? take(kind) : NULL;
}

bool kept_put(void *block, size_t size_bytes) {
  unsigned kind = class_of(size_bytes);
  if (kind >= CLASSES)
    return false;
  if (kept.bytes + size_of(kind) > KEPT_MAX_BYTES)
    free_all();
  struct block *freed = block;
  freed->next = kept.last[kind];
  kept.last[kind] = freed;
  kept.bytes += size_of(kind);
  return true;
}

#endif
