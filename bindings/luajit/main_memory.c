/* SPDX-License-Identifier: MIT
 * main_memory.c - where the weft program's memory comes from: jemalloc, which
 * is linked into the program, and huge pages once it has much.
 *
 * Lua, the core and what they use all allocate from it. A hundred thousand
 * tasks are a hundred megabytes that are touched for the first time, and half
 * of their time went into page faults and missing TLB entries: LuaJIT's own
 * allocator maps 128 KiB at a time, too little for a huge page. A small program
 * does without huge pages, one of which would be half of what it has. Nor do
 * the arenas of other threads have them, which hold little. */
#include "main_memory.h"

#include "main_kept.h"

/* Smaller ones are objects rather than texts. */
#define LARGE_BYTES 1024

static size_t large_bytes;

static bool is_large(size_t size_bytes) {
  return size_bytes >= LARGE_BYTES;
}

size_t memory_large_bytes(void) {
  return large_bytes;
}

#ifdef WEFT_JEMALLOC

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <jemalloc/jemalloc.h>

/* What jemalloc has mapped when the rest is to be on huge pages. */
#define SMALL_BYTES (16u << 20)

static struct {
  extent_hooks_t *usual; /* jemalloc's own */
  atomic_size_t mapped_bytes;
} memory;

static void *map(extent_hooks_t *hooks, void *address, size_t size,
                 size_t alignment, bool *zeroed, bool *committed,
                 unsigned arena) {
  (void)hooks;
  void *mapped = memory.usual->alloc(memory.usual, address, size, alignment,
                                     zeroed, committed, arena);
  if (mapped == NULL)
    return NULL;
  size_t before = atomic_fetch_add(&memory.mapped_bytes, size);
  if (before + size > SMALL_BYTES)
    (void)madvise(mapped, size, MADV_HUGEPAGE); /* small ones do as well */
  return mapped;
}

static bool unmap(extent_hooks_t *hooks, void *address, size_t size,
                  bool committed, unsigned arena) {
  (void)hooks;
  bool kept =
      memory.usual->dalloc(memory.usual, address, size, committed, arena);
  if (!kept)
    atomic_fetch_sub(&memory.mapped_bytes, size);
  return kept;
}

static void use_huge_pages(void) {
  static extent_hooks_t hooks, *ours = &hooks;
  size_t size = sizeof memory.usual;
  if (mallctl("arena.0.extent_hooks", &memory.usual, &size, NULL, 0) != 0)
    return;
  hooks = *memory.usual;
  hooks.alloc = map;
  hooks.dalloc = unmap;
  (void)mallctl("arena.0.extent_hooks", NULL, NULL, &ours, sizeof ours);
}

/* By malloc, which takes a third of realloc's time for it. */
static void *lua_new(size_t size_bytes) {
  if (!is_large(size_bytes))
    return malloc(size_bytes);
  large_bytes += size_bytes;
  void *kept = kept_take(size_bytes);
  return kept != NULL ? kept : malloc(size_bytes);
}

/* A block whose size is told is freed without looking it up. */
static void lua_free(void *block, size_t size_bytes) {
  if (!is_large(size_bytes) || !kept_put(block, size_bytes))
    sdallocx(block, size_bytes, 0);
}

/* lua_Alloc. */
static void *lua_resize(void *arg, void *block, size_t old_bytes,
                        size_t new_bytes) {
  (void)arg;
  if (block == NULL)
    return new_bytes == 0 ? NULL : lua_new(new_bytes);
  if (new_bytes != 0)
    return realloc(block, new_bytes);
  lua_free(block, old_bytes);
  return NULL;
}

/* As luaL_newstate would set it: what is raised outside any pcall. */
static int panic(lua_State *L) {
  fprintf(stderr, "weft: %s\n", lua_tostring(L, -1));
  return 0;
}

lua_State *memory_new_state(void) {
  use_huge_pages();
  lua_State *L = lua_newstate(lua_resize, NULL);
  if (L != NULL)
    lua_atpanic(L, panic);
  return L;
}

#else

/* LuaJIT's own. */
static struct {
  lua_Alloc resize;
  void *arg;
} usual;

static void *lua_resize(void *arg, void *block, size_t old_bytes,
                        size_t new_bytes) {
  (void)arg;
  if (block == NULL && is_large(new_bytes))
    large_bytes += new_bytes;
  return usual.resize(usual.arg, block, old_bytes, new_bytes);
}

lua_State *memory_new_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL)
    return NULL;
  usual.resize = lua_getallocf(L, &usual.arg);
  lua_setallocf(L, lua_resize, NULL);
  return L;
}

#endif
