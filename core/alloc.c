/* SPDX-License-Identifier: MIT
 * alloc.c - where the library's memory comes from: the hook, and pools.
 *
 * Every allocation of the core, and every one of libuv's, goes through one
 * function that the host may replace. The hook must be the same for all
 * runtimes, since values and errors made in one are freed in another, so it is
 * kept here: the only global state of the library, but for what belongs to
 * the process itself, its signals. It is written before the first allocation
 * and only read from then on, so reading it takes no lock.
 *
 * The hook is told the old size of what it resizes and frees. The core knows
 * its sizes and stores none. libuv does not know them, so what it gets has a
 * header in front that holds the size. A host that uses libuv itself has to
 * set the hook before its first call of libuv, which would otherwise free with
 * one allocator what it took from another. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static struct {
  weft_alloc_fn alloc; /* NULL: the C library's */
  void *arg;
  atomic_bool used; /* something was allocated: too late to change the rest */
} hook;

/* What precedes each block that libuv has. */
union header {
  size_t size_bytes; /* header included */
  max_align_t align; /* so that the block behind it is aligned for anything */
};

struct slab {
  struct slab *next;
  size_t size_bytes; /* header included */
};

/* -- The hook ------------------------------------------------------------- */

/* Looked at before it is written: a line of the cache that is only read stays
 * with all threads that read it. */
static void mark_used(void) {
  if (!atomic_load_explicit(&hook.used, memory_order_relaxed))
    atomic_store_explicit(&hook.used, true, memory_order_relaxed);
}

void *weft__alloc(size_t size_bytes) {
  assert(size_bytes > 0);
  mark_used();
  if (hook.alloc == NULL)
    return calloc(1, size_bytes);
  void *ptr = hook.alloc(hook.arg, NULL, 0, size_bytes);
  if (ptr != NULL)
    memset(ptr, 0, size_bytes);
  return ptr;
}

/* What is added is not zeroed. On failure the old block stays as it was; with
 * [new_bytes] 0 it is freed, and NULL is no failure. */
void *weft__resize(void *ptr, size_t old_bytes, size_t new_bytes) {
  if (new_bytes == 0) {
    weft__free(ptr, old_bytes);
    return NULL;
  }
  mark_used();
  if (hook.alloc == NULL)
    return realloc(ptr, new_bytes);
  return hook.alloc(hook.arg, ptr, old_bytes, new_bytes);
}

void weft__free(void *ptr, size_t size_bytes) {
  if (ptr == NULL)
    return;
  if (hook.alloc == NULL)
    free(ptr);
  else
    hook.alloc(hook.arg, ptr, size_bytes, 0);
}

char *weft__copy_text(const char *text) {
  size_t size_bytes = strlen(text) + 1;
  char *copy = weft__resize(NULL, 0, size_bytes);
  if (copy != NULL)
    memcpy(copy, text, size_bytes);
  return copy;
}

/* Such a text is never changed, so its length is still its size. */
void weft__free_text(char *text) {
  if (text != NULL)
    weft__free(text, strlen(text) + 1);
}

/* -- libuv's allocator ---------------------------------------------------- */

static void *uv_resize(void *ptr, size_t size_bytes) {
  union header *old = ptr == NULL ? NULL : (union header *)ptr - 1;
  if (size_bytes > SIZE_MAX - sizeof(union header))
    return NULL;
  size_t old_bytes = old == NULL ? 0 : old->size_bytes;
  size_t new_bytes = size_bytes + sizeof(union header);
  union header *header = weft__resize(old, old_bytes, new_bytes);
  if (header == NULL)
    return NULL;
  header->size_bytes = new_bytes;
  return header + 1;
}

static void *uv_alloc(size_t size_bytes) {
  return uv_resize(NULL, size_bytes);
}

static void *uv_alloc_zeroed(size_t count, size_t size_bytes) {
  if (size_bytes != 0 && count > SIZE_MAX / size_bytes)
    return NULL;
  void *ptr = uv_resize(NULL, count * size_bytes);
  if (ptr != NULL)
    memset(ptr, 0, count * size_bytes);
  return ptr;
}

static void uv_release(void *ptr) {
  if (ptr == NULL)
    return;
  union header *header = (union header *)ptr - 1;
  weft__free(header, header->size_bytes);
}

int weft_set_allocator(weft_alloc_fn alloc, void *arg) {
  if (atomic_load_explicit(&hook.used, memory_order_relaxed))
    return WEFT_ESTATE;
  hook.alloc = alloc;
  hook.arg = alloc == NULL ? NULL : arg;
  int status = alloc == NULL
                   ? uv_replace_allocator(malloc, realloc, calloc, free)
                   : uv_replace_allocator(uv_alloc, uv_resize, uv_alloc_zeroed,
                                          uv_release);
  return weft__status_from_uv(status);
}

/* -- Pools ----------------------------------------------------------------
 * A slab is twice as large as the one before, up to 64 KiB, and then an eighth
 * of all there are, up to 1 MiB: a runtime with three tasks is small, and one
 * with a million wastes little, where allocators add a page to each slab. What
 * is not needed yet is not touched. */

enum {
  SLAB_MIN_BYTES = 4096,
  SLAB_DOUBLED_BYTES = 65536,
  SLAB_MAX_BYTES = 1 << 20,
  TOTAL_SHARE = 8,
  FRESH_AT_ONCE = 16, /* blocks that become free ones together */
  SLAB_ALIGN = sizeof(max_align_t),
  CACHE_LINE = 64
};

/* A size rounded up so that what follows is aligned for anything. */
static size_t aligned(size_t size_bytes) {
  return (size_bytes + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
}

void weft__pool_init(struct pool *pool, size_t size_bytes) {
  *pool = (struct pool){0};
  pool->size_bytes =
      aligned(size_bytes < sizeof(void *) ? sizeof(void *) : size_bytes);
}

/* The size of the next slab: room for whole blocks, at least one, behind a head
 * that is padded to a cache line. */
static size_t next_slab_bytes(const struct pool *pool) {
  size_t head_bytes = sizeof(struct slab) + CACHE_LINE;
  size_t last_bytes = pool->slabs == NULL ? 0 : pool->slabs->size_bytes;
  size_t bytes = SLAB_MIN_BYTES;
  while (bytes < 2 * last_bytes && bytes < SLAB_DOUBLED_BYTES)
    bytes *= 2;
  if (bytes < pool->total_bytes / TOTAL_SHARE)
    bytes = pool->total_bytes / TOTAL_SHARE;
  if (bytes > SLAB_MAX_BYTES)
    bytes = SLAB_MAX_BYTES;
  size_t count = (bytes - head_bytes) / pool->size_bytes;
  return head_bytes + (count == 0 ? 1 : count) * pool->size_bytes;
}

/* Blocks begin at a cache line: what is as large as some of them touches no
 * more than these. */
static char *first_block(struct slab *slab) {
  uintptr_t behind_head = (uintptr_t)(slab + 1);
  return (char *)slab + sizeof(struct slab) +
         (CACHE_LINE - behind_head % CACHE_LINE) % CACHE_LINE;
}

static bool add_slab(struct pool *pool) {
  size_t size_bytes = next_slab_bytes(pool);
  struct slab *slab = weft__resize(NULL, 0, size_bytes);
  if (slab == NULL)
    return false;
  slab->next = pool->slabs;
  slab->size_bytes = size_bytes;
  pool->slabs = slab;
  pool->total_bytes += size_bytes;
  pool->fresh = first_block(slab);
  pool->fresh_end = (char *)slab + size_bytes;
  return true;
}

/* How many blocks of the newest slab have never been given out. */
static size_t count_fresh(const struct pool *pool) {
  return (size_t)(pool->fresh_end - pool->fresh) / pool->size_bytes;
}

/* From the end to the start, so that blocks are taken in the order of their
 * addresses. The first is the caller's. */
void *weft__pool_grow(struct pool *pool) {
  size_t count = count_fresh(pool);
  if (count == 0 && !add_slab(pool))
    return NULL;
  if (count == 0)
    count = count_fresh(pool);
  char *first = pool->fresh;
  if (count > FRESH_AT_ONCE)
    count = FRESH_AT_ONCE;
  pool->fresh += count * pool->size_bytes;
  for (size_t i = count; i-- > 1;)
    weft__pool_give(pool, first + i * pool->size_bytes);
  return first;
}

void weft__pool_clear(struct pool *pool) {
  while (pool->slabs != NULL) {
    struct slab *slab = pool->slabs;
    pool->slabs = slab->next;
    weft__free(slab, slab->size_bytes);
  }
  weft__pool_init(pool, pool->size_bytes);
}
