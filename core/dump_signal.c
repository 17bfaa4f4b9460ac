/* SPDX-License-Identifier: MIT
 * dump_signal.c - a signal that asks for a call at the next poll: how a program
 * is asked from outside what it is doing, without anything prepared.
 *
 * One runtime of the process at a time has it, for the handler has to find it
 * without a lock. An iterator that is open for the signal goes before: what the
 * program itself waits for is not taken away from it. */
#include <signal.h>
#include <stdatomic.h>

#include "signals.h"

static _Atomic(weft_runtime *) owner;
static atomic_int asked_for; /* the signal */
static atomic_bool asked;    /* it has come */

bool weft__dump_note(int number) {
  weft_runtime *rt = atomic_load(&owner);
  if (rt == NULL || number != atomic_load(&asked_for))
    return false;
  atomic_store(&asked, true);
  weft__signal_wake(rt);
  return true;
}

void weft__dump_deliver(weft_runtime *rt) {
  if (rt->dump.number == 0 || !atomic_exchange(&asked, false))
    return;
  struct aside was = weft__aside_begin(rt);
  rt->dump.fn(rt, rt->dump.arg);
  weft__aside_end(rt, was);
}

/* The handler may be using the runtime until it has settled. */
void weft__dump_clear(weft_runtime *rt) {
  struct dump was = rt->dump;
  if (was.number == 0)
    return;
  rt->dump = (struct dump){0};
  weft__signal_release(was.number);
  atomic_store(&owner, NULL);
  weft__signal_settle();
  atomic_store(&asked, false);
  weft__drop(was.drop, was.arg);
}

static int take(weft_runtime *rt, int number) {
  weft_runtime *nobody = NULL;
  if (!atomic_compare_exchange_strong(&owner, &nobody, rt))
    return WEFT_EBUSY;
  atomic_store(&asked_for, number);
  if (weft__signal_hold(number, true))
    return WEFT_OK;
  atomic_store(&owner, NULL);
  return WEFT_ESTATE;
}

int weft_set_dump_signal(weft_runtime *rt, int number, weft_call_fn fn,
                         void *arg, weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  if (number != 0 && (fn == NULL || weft__signal_is_refused(number) ||
                      number == SIGINT || number == SIGTERM))
    return weft__refuse(drop, arg, WEFT_EINVAL);
  weft__dump_clear(rt);
  if (number == 0)
    return weft__refuse(drop, arg, WEFT_OK);
  int status = take(rt, number);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  rt->dump = (struct dump){number, fn, arg, drop};
  return WEFT_OK;
}
