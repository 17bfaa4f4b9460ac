/* SPDX-License-Identifier: MIT
 * stack.c - fibers: a stack each, made, reused, entered and left.
 *
 * What is known of a fiber stands at the top of its own stack, so that one that
 * starts touches one page:
 *
 *   guard                                                     end of the stack
 *   | guard page | the stack grows down <- | struct fiber | colour |
 *
 * Between the fiber and the end are a few lines of the processor's cache, a
 * different number for different fibers (their colour). All stacks end on a
 * page, so without it the busy ends of all stacks would fall on the same few
 * sets of the cache and push each other out.
 *
 * The loop enters a fiber, which goes back to the loop or on to another fiber;
 * so one comes back, and the loop needs one saved context: it is a word of the
 * cache. Where the stacks come from is region.c's business.
 *
 * Three kinds of tools follow the stack pointer and are told of each stack and
 * each switch: valgrind (by region.c), AddressSanitizer and ThreadSanitizer. */
#include "region.h"

#include <stdlib.h>

#include "switch.h"

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#include <signal.h>
#endif

#define COLOURS 32 /* a power of two */
#define COLOUR_BYTES 64

struct fiber {
  weft_drop_fn drop; /* the owner's; first, see weft__fiber_drop */
  void (*entry)(void *arg);
  void *arg;
  struct stack stack;
#ifdef HAS_ASAN
  const void *loop_bottom; /* the stack that entered it */
  size_t loop_bytes;
#endif
#ifdef HAS_TSAN
  void *tsan_fiber;
  void *tsan_loop;  /* who entered it */
  sigset_t signals; /* that were blocked before a switch */
#endif
};
_Static_assert(offsetof(struct fiber, drop) == 0, "the owner finds it there");

#ifdef HAS_ASAN
static size_t stack_bytes(const struct fiber *fiber) {
  return (size_t)((const char *)fiber - weft__stack_bottom(fiber->stack));
}
#endif

/* -- What the tools are told ----------------------------------------------
 * All part of the function that switches, whatever the compiler thinks of it:
 * ThreadSanitizer counts calls and returns, and a helper that is called on one
 * stack must not return on another. */

#ifdef HAS_TSAN
/* A signal that comes while a fiber runs is kept for that fiber until it makes
 * a call that ThreadSanitizer knows: left behind on a fiber that parks or ends,
 * it would not be handled. So none comes from such a call, which this is, until
 * the other side runs. */
static WEFT__PART void hold_signals(struct fiber *fiber) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &fiber->signals);
}

static WEFT__PART void let_signals(struct fiber *fiber) {
  pthread_sigmask(SIG_SETMASK, &fiber->signals, NULL);
}
#endif

static WEFT__PART void tell_made(struct fiber *fiber) {
#ifdef HAS_TSAN
  fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
  (void)fiber;
}

static WEFT__PART void tell_freed(struct fiber *fiber) {
#ifdef HAS_ASAN
  /* Frames that never returned have left their red zones behind. */
  __asan_unpoison_memory_region(weft__stack_bottom(fiber->stack),
                                stack_bytes(fiber));
#endif
#ifdef HAS_TSAN
  /* To end a fiber the tool goes to it for a while. */
  hold_signals(fiber);
  __tsan_destroy_fiber(fiber->tsan_fiber);
  let_signals(fiber);
#endif
  (void)fiber;
}

/* Comes right before the loop enters [fiber]; [kept] is given back by
 * tell_returned. */
static WEFT__PART void tell_entering(struct fiber *fiber, void **kept) {
#ifdef HAS_ASAN
  __sanitizer_start_switch_fiber(kept, weft__stack_bottom(fiber->stack),
                                 stack_bytes(fiber));
#endif
#ifdef HAS_TSAN
  fiber->tsan_loop = __tsan_get_current_fiber();
  hold_signals(fiber);
  __tsan_switch_to_fiber(fiber->tsan_fiber, 0);
#endif
  (void)fiber;
  (void)kept;
}

static WEFT__PART void tell_returned(struct fiber *fiber, void *kept) {
#ifdef HAS_ASAN
  __sanitizer_finish_switch_fiber(kept, NULL, NULL);
#endif
#ifdef HAS_TSAN
  let_signals(fiber);
#endif
  (void)fiber;
  (void)kept;
}

/* The same on the fiber's side; [kept] is NULL when it starts, and the place
 * for it when it ends. */
static WEFT__PART void tell_entered(struct fiber *fiber, void *kept) {
#ifdef HAS_ASAN
  __sanitizer_finish_switch_fiber(kept, &fiber->loop_bottom,
                                  &fiber->loop_bytes);
#endif
#ifdef HAS_TSAN
  let_signals(fiber);
#endif
  (void)fiber;
  (void)kept;
}

static WEFT__PART void tell_leaving(struct fiber *fiber, void **kept) {
#ifdef HAS_ASAN
  __sanitizer_start_switch_fiber(kept, fiber->loop_bottom, fiber->loop_bytes);
#endif
#ifdef HAS_TSAN
  hold_signals(fiber);
  __tsan_switch_to_fiber(fiber->tsan_loop, 0);
#endif
  (void)fiber;
  (void)kept;
}

/* -- Life ----------------------------------------------------------------- */

/* The place of the fiber at the end of its stack: the colour comes from its
 * page by multiplication, since neighbours are a power of two of pages apart.
 */
static struct fiber *place_fiber(char *end) {
  uint32_t mixed = (uint32_t)((uintptr_t)end >> 12) * 2654435769u;
  size_t colour = (mixed >> 16) & (COLOURS - 1);
  size_t used_bytes = sizeof(struct fiber) + colour * COLOUR_BYTES;
  used_bytes = (used_bytes + 63) & ~(size_t)63;
  return (struct fiber *)(void *)(end - used_bytes);
}

static void fiber_main(void *arg) {
  struct fiber *fiber = arg;
  tell_entered(fiber, NULL);
  fiber->entry(fiber->arg);
  abort(); /* entry must not return: there is nowhere to return to */
}

int weft__fiber_new(weft_runtime *rt, void (*entry)(void *arg), void *arg,
                    struct fiber **fiber, void **context) {
  *fiber = NULL;
  struct stack stack;
  int status = weft__stack_take(&rt->fibers, &stack);
  if (status != WEFT_OK)
    return status;
  struct fiber *made = place_fiber(weft__stack_end(stack));
  made->stack = stack;
  made->entry = entry;
  made->arg = arg;
  *context =
      weft__switch_prepare(weft__stack_bottom(stack), made, fiber_main, made);
  tell_made(made);
  *fiber = made;
  return WEFT_OK;
}

void weft__fiber_free(weft_runtime *rt, struct fiber *fiber) {
  tell_freed(fiber);
  weft__stack_give(&rt->fibers, fiber->stack);
}

bool weft__fiber_fits(const weft_runtime *rt, const struct fiber *fiber) {
  return weft__region_fits(&rt->fibers, fiber->stack.region);
}

/* -- Switches ------------------------------------------------------------- */

void weft__fiber_enter(weft_runtime *rt, struct fiber *fiber, void *context) {
  void *kept = NULL;
  tell_entering(fiber, &kept);
  weft__switch(&rt->fibers.loop_context, context);
  tell_returned(fiber, kept);
}

void weft__fiber_leave(weft_runtime *rt, struct fiber *fiber, void **context) {
  void *kept = NULL;
  tell_leaving(fiber, &kept);
  weft__switch(context, rt->fibers.loop_context);
  tell_entered(fiber, kept);
}

void weft__fiber_exit(weft_runtime *rt, struct fiber *fiber) {
  void *nowhere;
  tell_leaving(fiber, NULL);
  weft__switch(&nowhere, rt->fibers.loop_context);
  abort(); /* nobody enters a fiber that has ended */
}
