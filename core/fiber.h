/* SPDX-License-Identifier: MIT
 * fiber.h - fibers (stack.c) and the stacks they have (region.c). */
#ifndef WEFT_FIBER_H
#define WEFT_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "weft.h"

struct fiber; /* a stack, and what is known of it */

/* Makes a fiber that will call entry(arg) when it is first switched to. entry
 * must not return: it ends with weft__fiber_exit. [*context] is where the fiber
 * goes on, as long as it does not run: the stack pointer, behind which are its
 * registers. The owner keeps it, where its own data is. */
int weft__fiber_new(weft_runtime *rt, void (*entry)(void *arg), void *arg,
                    struct fiber **fiber, void **context);
void weft__fiber_free(weft_runtime *rt, struct fiber *fiber);
/* Whether its stack is as those that are promised now. */
bool weft__fiber_fits(const weft_runtime *rt, const struct fiber *fiber);
/* A word that the owner keeps with it, which it begins with. */
static inline weft_drop_fn *weft__fiber_drop(struct fiber *fiber) {
  return (weft_drop_fn *)(void *)fiber;
}
/* From the loop to a fiber, and back. From one fiber right to another it is
 * weft__switch_alike (turn.c). */
void weft__fiber_enter(weft_runtime *rt, struct fiber *fiber, void *context);
void weft__fiber_leave(weft_runtime *rt, struct fiber *fiber, void **context);
void weft__fiber_exit(weft_runtime *rt, struct fiber *fiber); /* for good */

/* The stacks, in use and not (region.c). */
struct fiber_cache {
  struct list open; /* struct region.node: with free stacks, newest first */
  size_t mapped;    /* stacks that there is address space for */
  size_t free;      /* of those of open */
  size_t promised;  /* of these, to tasks that have not begun */
  size_t count;     /* likewise, those that have memory */
  size_t count_low; /* the least it was since the last look */
  uint64_t next_look_ns; /* not before */
  size_t size_bytes;     /* of new stacks, guard not counted */
  bool guard;
  bool mixed;         /* stacks that were made for other settings are in use */
  uint8_t guard_way;  /* region.c's: how a guard is made here; 0: not known */
  void *loop_context; /* stack.c's: where the loop goes on; needs no freeing */
};

/* So many free stacks keep their memory, come what may. */
#define WEFT__STACKS_KEPT 4096
/* How soon is looked after those that are more. */
#define WEFT__STACKS_LOOK_NS UINT64_C(250000000)

/* To be called now and then while there are more; gives some of those back that
 * were not needed of late. */
void weft__stacks_look(struct fiber_cache *cache, uint64_t now_ns);
static inline bool weft__stacks_linger(const struct fiber_cache *cache) {
  return cache->count > WEFT__STACKS_KEPT;
}
void weft__stacks_clear(struct fiber_cache *cache);

/* A task takes its stack when it begins, which must not fail: before, it is
 * promised one. Errors as of weft__fiber_new. */
int weft__stack_promise_slowly(struct fiber_cache *cache);
static inline int weft__stack_promise(struct fiber_cache *cache) {
  if (cache->promised >= cache->free)
    return weft__stack_promise_slowly(cache);
  cache->promised++;
  return WEFT_OK;
}
/* The settings have changed, and no stack is promised. */
void weft__stacks_refit(struct fiber_cache *cache);

#endif
