/* SPDX-License-Identifier: MIT
 * stack.c - fibers: a stack each, made, reused, entered and left.
 *
 * A fiber is one mapping of the kernel's, and what is known of it stands at
 * the top of its own stack, so that a fiber that starts touches one page:
 *
 *   mapping                                                          its end
 *   | guard page | the stack grows down <- | struct fiber | colour |
 *
 * Between the fiber and the end are a few lines of the processor's cache, a
 * different number for different fibers (their colour). All mappings begin on
 * a page, so without it the busy ends of all stacks would fall on the same
 * few sets of the cache and push each other out.
 *
 * Only the loop enters a fiber and a fiber only goes back to the loop, so the
 * loop needs one saved context, and it is a word of the cache. A fiber that is
 * done is kept in the cache, newest first, where its page is warm.
 *
 * Mappings that look alike and lie side by side are one to the kernel, which
 * allows about 65,000. A guard page that is a mapping of its own spoils that;
 * Linux since 6.13 has guards that are none (MADV_GUARD_INSTALL).
 *
 * Three kinds of tools follow the stack pointer and are told of each stack and
 * each switch: valgrind, AddressSanitizer and ThreadSanitizer. */
#define _GNU_SOURCE
#include "core.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "switch.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#elif __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef __has_include
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAS_VALGRIND 1
#endif
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

/* Enough for a burst of some thousand tasks over and over, and at a page or
 * two each a bounded price when it is over. */
#define CACHE_MAX 4096

#define COLOURS 16 /* a power of two */
#define COLOUR_BYTES 128

struct fiber {
  void *context;      /* where it goes on; not used while it runs */
  struct fiber *next; /* in the cache */
  void (*entry)(void *arg);
  void *arg;
  char *mapping;        /* its lowest address */
  size_t mapping_bytes; /* guard and all */
  size_t guard_bytes;   /* 0: none */
  size_t size_bytes;    /* what was asked for, to tell whether it still fits */
#ifdef HAS_VALGRIND
  unsigned valgrind_id;
#endif
#ifdef HAS_ASAN
  const void *loop_bottom; /* the stack that entered it */
  size_t loop_bytes;
#endif
#ifdef HAS_TSAN
  void *tsan_fiber;
  void *tsan_loop; /* who entered it */
#endif
};

static char *stack_bottom(const struct fiber *fiber) {
  return fiber->mapping + fiber->guard_bytes;
}

#ifdef HAS_ASAN
static size_t stack_bytes(const struct fiber *fiber) {
  return (size_t)((const char *)fiber - stack_bottom(fiber));
}
#endif

/* -- What the tools are told ----------------------------------------------
 * All part of the function that switches, whatever the compiler thinks of it:
 * ThreadSanitizer counts calls and returns, and a helper that is called on one
 * stack must not return on another. */

#ifdef __GNUC__
#define PART_OF_CALLER static inline __attribute__((always_inline))
#else
#define PART_OF_CALLER static inline
#endif

PART_OF_CALLER void tell_mapped(struct fiber *fiber) {
#ifdef HAS_VALGRIND
  fiber->valgrind_id = VALGRIND_STACK_REGISTER(stack_bottom(fiber), fiber);
#endif
  (void)fiber;
}

PART_OF_CALLER void tell_unmapped(struct fiber *fiber) {
#ifdef HAS_VALGRIND
  VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
#endif
  (void)fiber;
}

PART_OF_CALLER void tell_made(struct fiber *fiber) {
#ifdef HAS_TSAN
  fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
  (void)fiber;
}

PART_OF_CALLER void tell_freed(struct fiber *fiber) {
#ifdef HAS_ASAN
  /* Frames that never returned have left their red zones behind. */
  __asan_unpoison_memory_region(stack_bottom(fiber), stack_bytes(fiber));
#endif
#ifdef HAS_TSAN
  __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
  (void)fiber;
}

/* Comes right before the loop enters [fiber]; [kept] is given back by
 * tell_returned. */
PART_OF_CALLER void tell_entering(struct fiber *fiber, void **kept) {
#ifdef HAS_ASAN
  __sanitizer_start_switch_fiber(kept, stack_bottom(fiber), stack_bytes(fiber));
#endif
#ifdef HAS_TSAN
  fiber->tsan_loop = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(fiber->tsan_fiber, 0);
#endif
  (void)fiber;
  (void)kept;
}

PART_OF_CALLER void tell_returned(void *kept) {
#ifdef HAS_ASAN
  __sanitizer_finish_switch_fiber(kept, NULL, NULL);
#endif
  (void)kept;
}

/* The same on the fiber's side; [kept] is NULL when it starts, and the place
 * for it when it ends. */
PART_OF_CALLER void tell_entered(struct fiber *fiber, void *kept) {
#ifdef HAS_ASAN
  __sanitizer_finish_switch_fiber(kept, &fiber->loop_bottom,
                                  &fiber->loop_bytes);
#endif
  (void)fiber;
  (void)kept;
}

PART_OF_CALLER void tell_leaving(struct fiber *fiber, void **kept) {
#ifdef HAS_ASAN
  __sanitizer_start_switch_fiber(kept, fiber->loop_bottom, fiber->loop_bytes);
#endif
#ifdef HAS_TSAN
  __tsan_switch_to_fiber(fiber->tsan_loop, 0);
#endif
  (void)fiber;
  (void)kept;
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

static int map_stack(struct fiber_cache *cache, size_t guard_bytes,
                     size_t mapping_bytes, char **mapping) {
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  void *made =
      mmap(NULL, mapping_bytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (made == MAP_FAILED)
    return why_refused(page_bytes);
#ifdef MADV_NOHUGEPAGE
  /* Linux before 6.7 would give 2 MiB of memory to whoever touches a page. */
  (void)madvise(made, mapping_bytes, MADV_NOHUGEPAGE);
#endif
  int status = guard_bytes == 0 ? WEFT_OK : add_guard(cache, made, guard_bytes);
  if (status != WEFT_OK)
    munmap(made, mapping_bytes);
  else
    *mapping = made;
  return status;
}

/* The end of the stack, and the place of the fiber, in a mapping: the colour
 * comes from its page by multiplication, since neighbours are a power of two
 * of pages apart. */
static struct fiber *place_fiber(char *mapping, size_t mapping_bytes) {
  uint32_t mixed = (uint32_t)((uintptr_t)mapping >> 12) * 2654435769u;
  size_t colour = (mixed >> 16) & (COLOURS - 1);
  size_t used_bytes = sizeof(struct fiber) + colour * COLOUR_BYTES;
  used_bytes = (used_bytes + 63) & ~(size_t)63;
  return (struct fiber *)(void *)(mapping + mapping_bytes - used_bytes);
}

static int fiber_map(struct fiber_cache *cache, struct fiber **fiber) {
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  size_t guard_bytes = cache->guard ? page_bytes : 0;
  if (cache->size_bytes > SIZE_MAX / 2)
    return WEFT_ENOMEM;
  size_t mapping_bytes =
      ((cache->size_bytes + page_bytes - 1) & ~(page_bytes - 1)) + guard_bytes;
  char *mapping = NULL;
  int status = map_stack(cache, guard_bytes, mapping_bytes, &mapping);
  if (status != WEFT_OK)
    return status;
  struct fiber *made = place_fiber(mapping, mapping_bytes);
  made->mapping = mapping;
  made->mapping_bytes = mapping_bytes;
  made->guard_bytes = guard_bytes;
  made->size_bytes = cache->size_bytes;
  tell_mapped(made);
  *fiber = made;
  return WEFT_OK;
}

/* -- The cache ------------------------------------------------------------ */

static bool fits(const struct fiber_cache *cache, const struct fiber *fiber) {
  return fiber->size_bytes == cache->size_bytes &&
         (fiber->guard_bytes != 0) == cache->guard;
}

static void cache_put(struct fiber_cache *cache, struct fiber *fiber) {
  fiber->next = cache->free_fibers;
  cache->free_fibers = fiber;
  cache->count++;
}

static struct fiber *cache_pop(struct fiber_cache *cache) {
  struct fiber *fiber = cache->free_fibers;
  cache->free_fibers = fiber->next;
  cache->count--;
  return fiber;
}

/* Gives the memory back. A mapping in the middle of a larger one is cut out,
 * which makes one mapping more, and can be refused for that; then at least the
 * memory behind it goes, and nothing can be in the way of the address space. */
static void fiber_unmap(struct fiber *fiber) {
  char *mapping = fiber->mapping;
  size_t mapping_bytes = fiber->mapping_bytes;
  tell_unmapped(fiber);
  if (munmap(mapping, mapping_bytes) != 0)
    (void)madvise(mapping, mapping_bytes, MADV_DONTNEED);
}

/* Takes a cached fiber of the size and kind now asked for; others were made
 * before the settings changed, and go. */
static struct fiber *cache_take(struct fiber_cache *cache) {
  while (cache->free_fibers != NULL) {
    struct fiber *fiber = cache_pop(cache);
    if (WEFT__LIKELY(fits(cache, fiber)))
      return fiber;
    fiber_unmap(fiber);
  }
  return NULL;
}

void weft__fiber_cache_clear(weft_runtime *rt) {
  while (rt->fibers.free_fibers != NULL)
    fiber_unmap(cache_pop(&rt->fibers));
}

/* -- Life ----------------------------------------------------------------- */

static void fiber_main(void *arg) {
  struct fiber *fiber = arg;
  tell_entered(fiber, NULL);
  fiber->entry(fiber->arg);
  abort(); /* entry must not return: there is nowhere to return to */
}

int weft__fiber_new(weft_runtime *rt, void (*entry)(void *arg), void *arg,
                    struct fiber **fiber) {
  *fiber = NULL;
  struct fiber *made = cache_take(&rt->fibers);
  if (WEFT__UNLIKELY(made == NULL)) {
    int status = fiber_map(&rt->fibers, &made);
    if (status != WEFT_OK)
      return status;
  }
  made->entry = entry;
  made->arg = arg;
  made->context =
      weft__switch_prepare(stack_bottom(made), made, fiber_main, made);
  tell_made(made);
  *fiber = made;
  return WEFT_OK;
}

void weft__fiber_free(weft_runtime *rt, struct fiber *fiber) {
  tell_freed(fiber);
  if (WEFT__LIKELY(rt->fibers.count < CACHE_MAX && fits(&rt->fibers, fiber)))
    cache_put(&rt->fibers, fiber);
  else
    fiber_unmap(fiber);
}

/* -- Switches ------------------------------------------------------------- */

void weft__fiber_enter(weft_runtime *rt, struct fiber *fiber) {
  void *kept = NULL;
  tell_entering(fiber, &kept);
  weft__switch(&rt->fibers.loop_context, fiber->context);
  tell_returned(kept);
}

void weft__fiber_leave(weft_runtime *rt, struct fiber *fiber) {
  void *kept = NULL;
  tell_leaving(fiber, &kept);
  weft__switch(&fiber->context, rt->fibers.loop_context);
  tell_entered(fiber, kept);
}

/* From one fiber right to another. The sanitizers want to be told which stack
 * the loop's is, which a fiber entered so cannot know. */
#if defined(HAS_ASAN) || defined(HAS_TSAN)
const bool weft__fiber_can_hop = false;
#else
const bool weft__fiber_can_hop = true;
#endif

void weft__fiber_hop(struct fiber *from, struct fiber *to) {
  weft__switch_alike(&from->context, to->context);
}

void weft__fiber_exit(weft_runtime *rt, struct fiber *fiber) {
  tell_leaving(fiber, NULL);
  weft__switch(&fiber->context, rt->fibers.loop_context);
  abort(); /* nobody enters a fiber that has ended */
}
