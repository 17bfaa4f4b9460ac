/* SPDX-License-Identifier: MIT
 * region.h - address space for stacks, carved out of larger mappings. */
#ifndef WEFT_REGION_H
#define WEFT_REGION_H

#include "core.h"

#ifdef __has_include
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAS_VALGRIND 1
#endif
#endif

enum { REGION_STACKS_MAX = 64 }; /* the bits of a word */

/* One mapping: guard, stack, guard, stack, ... from its lowest address on. */
struct region {
  struct list node; /* in cache->open while it fits and one is free */
  char *base;
  size_t stride_bytes; /* from one stack to the next, guard and all */
  size_t guard_bytes;  /* 0: none */
  size_t size_bytes;   /* what was asked for, to tell whether it still fits */
  unsigned count;      /* of stacks */
  uint64_t free;       /* bit i: nobody has stack i */
  uint64_t warm;       /* bit i: it may have memory */
#ifdef HAS_VALGRIND
  unsigned valgrind_ids[REGION_STACKS_MAX];
#endif
};

/* One of them. */
struct stack {
  struct region *region;
  unsigned index;
};

static inline char *weft__stack_bottom(struct stack stack) {
  const struct region *region = stack.region;
  return region->base + stack.index * region->stride_bytes +
         region->guard_bytes;
}

static inline char *weft__stack_end(struct stack stack) {
  const struct region *region = stack.region;
  return region->base + (stack.index + 1) * region->stride_bytes;
}

/* Whether its stacks are of the size and kind now asked for. */
static inline bool weft__region_fits(const struct fiber_cache *cache,
                                     const struct region *region) {
  return region->size_bytes == cache->size_bytes &&
         (region->guard_bytes != 0) == cache->guard;
}

/* Takes a stack of the size and kind now asked for, one with memory if there
 * is one. WEFT_ENOMEM, or WEFT_ESTACKS if it is mappings that are short. */
int weft__stack_take(struct fiber_cache *cache, struct stack *stack);
void weft__stack_give(struct fiber_cache *cache, struct stack stack);

#endif
