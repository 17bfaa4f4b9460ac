/* SPDX-License-Identifier: MIT
 * region.c - address space for stacks: carved out, handed out, given back.
 *
 * What the kernel asks for each mapping, and for each page that is given back
 * and touched again, is a hundred times what a task costs. So up to 64 stacks
 * are one mapping, a region, in which a bit for each tells whether it is free,
 * and stacks that were used keep their memory for those that come after.
 *
 * Memory goes when nobody has asked for it: the stacks that were free all the
 * time between two looks at the clock are more than are needed. A part of them
 * is given back at each look, so a program whose tasks come in batches finds
 * most of its stacks again, and one whose peak is over gets rid of them in some
 * seconds. Some thousand are always kept, at a page or two each.
 *
 * Regions that look alike and lie side by side are one mapping to the kernel,
 * which allows about 65,000. A guard page that is a mapping of its own spoils
 * that; Linux since 6.13 has guards that are none (MADV_GUARD_INSTALL). */
#define _GNU_SOURCE
#include "region.h"

#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

/* Small programs have small regions. */
#define STACKS_MIN 8
#define REGION_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* How many free stacks go at each look. */
#define GIVEN_BACK_MAX 2048

static size_t count_bits(uint64_t bits) {
  size_t count = 0;
  for (; bits != 0; bits &= bits - 1)
    count++;
  return count;
}

static unsigned lowest_bit(uint64_t bits) {
#ifdef __GNUC__
  return (unsigned)__builtin_ctzll(bits);
#else
  unsigned index = 0;
  while ((bits >> index & 1) == 0)
    index++;
  return index;
#endif
}

static uint64_t all_bits(const struct region *region) {
  return UINT64_MAX >> (REGION_STACKS_MAX - region->count);
}

static bool is_all_free(const struct region *region) {
  return region->free == all_bits(region);
}

/* -- Guards --------------------------------------------------------------- */

enum guard_way { GUARD_UNKNOWN, GUARD_HINT, GUARD_MAPPING };

/* A guard that is no mapping of its own, where the kernel has that. */
static bool guard_by_hint(void *page, size_t page_bytes) {
#ifdef __linux__
  enum { GUARD_INSTALL = 102 }; /* newer than many a sys/mman.h */
  return madvise(page, page_bytes, GUARD_INSTALL) == 0;
#else
  (void)page;
  (void)page_bytes;
  return false;
#endif
}

/* Some systems that pass for Linux (qemu's user mode, for one) say yes to any
 * advice and do nothing. Advice that nobody has heard of finds them out. */
static bool refuses_nonsense(void *page, size_t page_bytes) {
  return madvise(page, page_bytes, 0x7eadbeef) != 0;
}

static int add_guard(struct fiber_cache *cache, void *page, size_t page_bytes) {
  if (cache->guard_way == GUARD_UNKNOWN)
    cache->guard_way =
        refuses_nonsense(page, page_bytes) ? GUARD_HINT : GUARD_MAPPING;
  if (cache->guard_way == GUARD_HINT && guard_by_hint(page, page_bytes))
    return WEFT_OK;
  cache->guard_way = GUARD_MAPPING;
  /* Taking rights away needs no memory, so what is short is mappings: this one
   * splits in two, and is refused one earlier than a new one would be. */
  if (mprotect(page, page_bytes, PROT_NONE) == 0)
    return WEFT_OK;
  return WEFT_ESTACKS;
}

static int add_guards(struct fiber_cache *cache, const struct region *region) {
  for (unsigned i = 0; i < region->count && region->guard_bytes > 0; i++) {
    char *page = region->base + i * region->stride_bytes;
    int status = add_guard(cache, page, region->guard_bytes);
    if (status != WEFT_OK)
      return status;
  }
  return WEFT_OK;
}

/* -- Mappings ------------------------------------------------------------- */

/* Tells two conditions apart for which the kernel has one code. A page without
 * rights takes no memory worth mentioning, so where it is refused as well, it
 * is the number of mappings that has come to its limit. */
static int why_refused(size_t page_bytes) {
  void *page =
      mmap(NULL, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return WEFT_ESTACKS;
  munmap(page, page_bytes);
  return WEFT_ENOMEM;
}

static char *map(size_t size_bytes) {
  void *made =
      mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (made == MAP_FAILED)
    return NULL;
#ifdef MADV_NOHUGEPAGE
  /* Linux before 6.7 would give 2 MiB of memory to whoever touches a page. */
  (void)madvise(made, size_bytes, MADV_NOHUGEPAGE);
#endif
  return made;
}

/* As many as there are already, so that no more than half is left over. */
static unsigned stacks_to_map(const struct fiber_cache *cache,
                              size_t stride_bytes) {
  size_t count = cache->mapped < STACKS_MIN ? STACKS_MIN : cache->mapped;
  if (count > REGION_STACKS_MAX)
    count = REGION_STACKS_MAX;
  if (count > REGION_BYTES_MAX / stride_bytes)
    count = REGION_BYTES_MAX / stride_bytes;
  return count == 0 ? 1 : (unsigned)count;
}

/* A mapping in the middle of a larger one is cut out, which makes one mapping
 * more, and can be refused for that; then at least the memory behind it goes,
 * and nothing can be in the way of the address space. */
static void unmap(const struct region *region) {
  size_t size_bytes = region->count * region->stride_bytes;
  if (munmap(region->base, size_bytes) != 0)
    (void)madvise(region->base, size_bytes, MADV_DONTNEED);
}

/* Maps the stacks of a region that is described, each with its guard; fewer,
 * where there is no room for so many. */
static int region_map(struct fiber_cache *cache, struct region *region,
                      size_t page_bytes) {
  int status = WEFT_ENOMEM;
  for (; region->count > 0; region->count /= 2) {
    region->base = map(region->count * region->stride_bytes);
    if (region->base == NULL) {
      status = why_refused(page_bytes);
      continue;
    }
    status = add_guards(cache, region);
    if (status == WEFT_OK)
      return WEFT_OK;
    unmap(region);
  }
  return status;
}

static void tell_mapped(struct region *region) {
#ifdef HAS_VALGRIND
  for (unsigned i = 0; i < region->count; i++) {
    struct stack stack = {region, i};
    region->valgrind_ids[i] = VALGRIND_STACK_REGISTER(weft__stack_bottom(stack),
                                                      weft__stack_end(stack));
  }
#endif
  (void)region;
}

static void tell_unmapped(struct region *region) {
#ifdef HAS_VALGRIND
  for (unsigned i = 0; i < region->count; i++)
    VALGRIND_STACK_DEREGISTER(region->valgrind_ids[i]);
#endif
  (void)region;
}

static int region_new(struct fiber_cache *cache, struct region **out) {
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  if (cache->size_bytes > SIZE_MAX / 2)
    return WEFT_ENOMEM;
  struct region *region = weft__alloc(sizeof *region);
  if (region == NULL)
    return WEFT_ENOMEM;
  list_init(&region->node);
  region->size_bytes = cache->size_bytes;
  region->guard_bytes = cache->guard ? page_bytes : 0;
  region->stride_bytes =
      ((cache->size_bytes + page_bytes - 1) & ~(page_bytes - 1)) +
      region->guard_bytes;
  region->count = stacks_to_map(cache, region->stride_bytes);
  int status = region_map(cache, region, page_bytes);
  if (status != WEFT_OK) {
    weft__free(region, sizeof *region);
    return status;
  }
  tell_mapped(region);
  region->free = all_bits(region);
  cache->mapped += region->count;
  *out = region;
  return WEFT_OK;
}

static void region_free(struct fiber_cache *cache, struct region *region) {
  tell_unmapped(region);
  unmap(region);
  cache->mapped -= region->count;
  weft__free(region, sizeof *region);
}

/* -- Which regions there are ---------------------------------------------- */

static bool is_open(const struct region *region) {
  return !list_is_empty(&region->node);
}

static void open_region(struct fiber_cache *cache, struct region *region) {
  list_insert(cache->open.next, &region->node);
  cache->free += count_bits(region->free);
  cache->count += count_bits(region->free & region->warm);
}

static void shut_region(struct fiber_cache *cache, struct region *region) {
  if (!is_open(region))
    return;
  cache->free -= count_bits(region->free);
  cache->count -= count_bits(region->free & region->warm);
  list_remove(&region->node);
}

/* A region with a free stack that fits; NULL if there is none. Those that were
 * made before the settings changed go, once all their stacks are free. */
static struct region *first_open(struct fiber_cache *cache) {
  while (!list_is_empty(&cache->open)) {
    struct region *region = LIST_OWNER(cache->open.next, struct region, node);
    if (WEFT__LIKELY(weft__region_fits(cache, region)))
      return region;
    shut_region(cache, region);
    if (is_all_free(region))
      region_free(cache, region);
  }
  return NULL;
}

static WEFT__APART int open_new(struct fiber_cache *cache,
                                struct region **region) {
  int status = region_new(cache, region);
  if (status == WEFT_OK)
    open_region(cache, *region);
  return status;
}

int weft__stack_promise_slowly(struct fiber_cache *cache) {
  struct region *region;
  int status = open_new(cache, &region);
  if (status == WEFT_OK)
    cache->promised++;
  return status;
}

void weft__stacks_refit(struct fiber_cache *cache) {
  (void)first_open(cache);
  cache->mixed = cache->mapped > 0;
}

int weft__stack_take(struct fiber_cache *cache, struct stack *stack) {
  struct region *region = first_open(cache);
  if (WEFT__UNLIKELY(region == NULL)) {
    int status = open_new(cache, &region);
    if (status != WEFT_OK)
      return status;
  }
  uint64_t warm = region->free & region->warm;
  stack->region = region;
  stack->index = lowest_bit(warm != 0 ? warm : region->free);
  uint64_t bit = UINT64_C(1) << stack->index;
  region->free &= ~bit;
  region->warm |= bit;
  cache->free--;
  cache->count -= warm != 0;
  if (cache->count < cache->count_low)
    cache->count_low = cache->count;
  if (region->free == 0)
    list_remove(&region->node);
  return WEFT_OK;
}

/* Gives back a stack as nobody wants them now. */
static void give_misfit(struct fiber_cache *cache, struct stack stack) {
  shut_region(cache, stack.region);
  stack.region->free |= UINT64_C(1) << stack.index;
  if (is_all_free(stack.region))
    region_free(cache, stack.region);
}

void weft__stack_give(struct fiber_cache *cache, struct stack stack) {
  struct region *region = stack.region;
  if (WEFT__UNLIKELY(!weft__region_fits(cache, region))) {
    give_misfit(cache, stack);
    return;
  }
  region->free |= UINT64_C(1) << stack.index;
  if (WEFT__UNLIKELY(!is_open(region))) {
    open_region(cache, region);
    return;
  }
  cache->free++;
  cache->count++;
}

/* -- Giving back ---------------------------------------------------------- */

/* Those of a region of which others are in use keep their place. */
static void cool(struct fiber_cache *cache, struct region *region) {
  for (uint64_t bits = region->free & region->warm; bits != 0;
       bits &= bits - 1) {
    struct stack stack = {region, lowest_bit(bits)};
    char *bottom = weft__stack_bottom(stack);
    (void)madvise(bottom, (size_t)(weft__stack_end(stack) - bottom),
                  MADV_DONTNEED);
    cache->count--;
  }
  region->warm &= ~region->free;
}

/* Whether the stacks that are promised are there without it. */
static bool is_spare(const struct fiber_cache *cache,
                     const struct region *region) {
  return is_all_free(region) && cache->free - region->count >= cache->promised;
}

/* Takes the memory of about [count] free stacks, those of the regions that were
 * opened first. */
static void give_back(struct fiber_cache *cache, size_t count) {
  size_t stop = cache->count - count;
  struct list *node = cache->open.prev;
  while (node != &cache->open && cache->count > stop) {
    struct region *region = LIST_OWNER(node, struct region, node);
    node = node->prev;
    if (!is_spare(cache, region)) {
      cool(cache, region);
      continue;
    }
    shut_region(cache, region);
    region_free(cache, region);
  }
}

void weft__stacks_look(struct fiber_cache *cache, uint64_t now_ns) {
  if (now_ns < cache->next_look_ns)
    return;
  size_t idle = cache->count_low;
  if (idle > WEFT__STACKS_KEPT) {
    idle -= WEFT__STACKS_KEPT;
    give_back(cache, idle < GIVEN_BACK_MAX ? idle : GIVEN_BACK_MAX);
  }
  cache->count_low = cache->count;
  cache->next_look_ns = now_ns + WEFT__STACKS_LOOK_NS;
}

void weft__stacks_clear(struct fiber_cache *cache) {
  while (!list_is_empty(&cache->open)) {
    struct region *region = LIST_OWNER(cache->open.next, struct region, node);
    shut_region(cache, region);
    region_free(cache, region);
  }
}
