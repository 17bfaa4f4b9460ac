/* SPDX-License-Identifier: MIT
 * switch_ucontext.c - from one stack to another, by the C library.
 *
 * For machines that have no switch of their own; some thirty times slower,
 * since swapcontext asks the kernel to save and set the signal mask. By the
 * same token each stack has a signal mask of its own here.
 *
 * A context is saved in a variable of the frame that is left, which stays as
 * long as it is needed: until the stack goes on. */
#define _GNU_SOURCE
#include "core.h"

#include "switch.h"

#ifdef WEFT__SWITCH_BY_UCONTEXT

#include <stdlib.h>
#include <ucontext.h>

struct start {
  ucontext_t context;
  void (*main)(void *arg);
  void *arg;
};

/* makecontext passes on nothing but ints, so a pointer comes in two. */
static void switch_start(unsigned high, unsigned low) {
  uintptr_t address = (uintptr_t)(((uint64_t)high << 32) | low);
  struct start *start = (struct start *)address;
  start->main(start->arg);
  abort(); /* main must not return */
}

void *weft__switch_prepare(void *bottom, void *top, void (*main)(void *arg),
                           void *arg) {
  uintptr_t place = ((uintptr_t)top - sizeof(struct start)) & ~(uintptr_t)63;
  struct start *start = (struct start *)place;
  if (getcontext(&start->context) != 0)
    abort(); /* it has no way to fail */
  start->context.uc_link = NULL;
  start->context.uc_stack.ss_sp = bottom;
  start->context.uc_stack.ss_size = place - (uintptr_t)bottom;
  start->main = main;
  start->arg = arg;
  makecontext(&start->context, (void (*)(void))switch_start, 2,
              (unsigned)((uint64_t)place >> 32), (unsigned)place);
  return &start->context;
}

void weft__switch(void **from, void *to) {
  ucontext_t here;
  *from = &here;
  if (swapcontext(&here, to) != 0)
    abort(); /* [to] comes from us, so it is good */
  /* Not this frame, which ends, and not NULL. */
  *from = to;
}

#endif
