/* SPDX-License-Identifier: MIT
 * own_set.c - which coroutines are tasks' own: those that nobody but the
 * scheduler resumes.
 *
 * A set of addresses by the page: a bit for each place of a page where a
 * coroutine can be, for there are forty side by side where there are many. A
 * table of Lua's, from the coroutine to something, took 24 to 48 bytes for each
 * task, this one two to four. A page whose bits have all gone stays until the
 * table grows. */
#include "host.h"

#include <stdlib.h>

enum { PAGE_SHIFT = 12, PLACE_SHIFT = 3, WORD_BITS = 64 };
enum { WORDS = (1 << (PAGE_SHIFT - PLACE_SHIFT)) / WORD_BITS };

struct own_page {
  uintptr_t number; /* 0: none */
  uint64_t bits[WORDS];
};

static uint32_t size_of(const struct own_set *set) {
  return set->pages == NULL ? 0 : set->mask + 1;
}

/* Where the page is, or would be: there is always a free one. */
static struct own_page *find(const struct own_set *set, uintptr_t number) {
  uint32_t i = (uint32_t)((number * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
  for (;; i++) {
    struct own_page *page = &set->pages[i & set->mask];
    if (page->number == number || page->number == 0)
      return page;
  }
}

static bool is_empty(const struct own_page *page) {
  uint64_t bits = 0;
  for (int i = 0; i < WORDS; i++)
    bits |= page->bits[i];
  return bits == 0;
}

/* Whether three quarters are taken: more would make a search long. */
static bool is_full(uint32_t count, uint32_t size) {
  return count * 4 >= size * 3;
}

/* Leaves out the pages without a bit; twice as large if that is few. */
static bool renew(struct own_set *set) {
  struct own_set old = *set;
  uint32_t used = 0, size = size_of(&old);
  for (uint32_t i = 0; i < size_of(&old); i++)
    used += !is_empty(&old.pages[i]);
  if (is_full(used * 2, size))
    size = size == 0 ? 16 : size * 2;
  set->pages = calloc(size, sizeof *set->pages);
  if (set->pages == NULL) {
    *set = old;
    return false;
  }
  set->mask = size - 1;
  set->count = used;
  for (uint32_t i = 0; i < size_of(&old); i++)
    if (!is_empty(&old.pages[i]))
      *find(set, old.pages[i].number) = old.pages[i];
  free(old.pages);
  return true;
}

static uint64_t bit_of(const lua_State *co) {
  return UINT64_C(1) << ((uintptr_t)co >> PLACE_SHIFT) % WORD_BITS;
}

static uint64_t *word_of(struct own_page *page, const lua_State *co) {
  return &page->bits[((uintptr_t)co >> PLACE_SHIFT) / WORD_BITS % WORDS];
}

bool own_set_add(struct own_set *set, lua_State *co) {
  if (is_full(set->count, size_of(set)) && !renew(set))
    return false;
  uintptr_t number = (uintptr_t)co >> PAGE_SHIFT;
  struct own_page *page = find(set, number);
  if (page->number == 0) {
    page->number = number;
    set->count++;
  }
  *word_of(page, co) |= bit_of(co);
  return true;
}

void own_set_remove(struct own_set *set, lua_State *co) {
  *word_of(find(set, (uintptr_t)co >> PAGE_SHIFT), co) &= ~bit_of(co);
}

bool own_set_has(const struct own_set *set, lua_State *co) {
  return set->pages != NULL &&
         (*word_of(find(set, (uintptr_t)co >> PAGE_SHIFT), co) & bit_of(co));
}

void own_set_clear(struct own_set *set) {
  free(set->pages);
  *set = (struct own_set){0};
}
