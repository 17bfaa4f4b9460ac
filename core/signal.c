/* SPDX-License-Identifier: MIT
 * signal.c - the handler of signals, and Ctrl-C: the first SIGINT or SIGTERM
 * cancels the main task, the second everything, the third leaves at once.
 *
 * Signal dispositions belong to the process, so this file has the library's one
 * other piece of global state: who wants which signal, and which runtime has
 * Ctrl-C. The handler counts, wakes the loop and, at the third, leaves; what
 * the first two do happens at the next poll. libuv's own signal watchers cannot
 * leave from the handler, which must work even when a step never ends; nor do
 * they put back a disposition that was not the default.
 *
 * While an iterator is open for a signal, that has it instead: signals.c. A
 * signal of another number may ask for a call: dump_signal.c. */
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic(weft_runtime *) owner;
static atomic_int count;       /* of both signals, since the owner took over */
static atomic_int last_signal; /* of the first: what main is cancelled with */
static atomic_int under_way;   /* handlers that may be using a runtime */

static const int signals[] = {SIGINT, SIGTERM};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };

/* -- The handler ---------------------------------------------------------- */

void weft__signal_wake(weft_runtime *rt) {
  atomic_store_explicit(&rt->posts.pending, 1, memory_order_release);
  uv_async_send(&rt->loop_async);
}

static void note(int number) {
  weft_runtime *rt = atomic_load(&owner);
  if (rt == NULL || (number != SIGINT && number != SIGTERM))
    return;
  int seen = atomic_fetch_add(&count, 1) + 1;
  if (seen >= 3)
    _exit(128 + number);
  if (seen == 1)
    atomic_store(&last_signal, number);
  weft__signal_wake(rt);
}

/* May interrupt any code of any thread, between a call and its errno. */
static void on_signal(int number) {
  int saved = errno;
  atomic_fetch_add(&under_way, 1);
  if (!weft__signals_note(number) && !weft__dump_note(number))
    note(number);
  atomic_fetch_sub(&under_way, 1);
  errno = saved;
}

void weft__signal_settle(void) {
  while (atomic_load(&under_way) > 0)
    sched_yield();
}

/* -- Dispositions --------------------------------------------------------- */

/* Of each signal, how many want it, and what it did before. */
static struct {
  int users;
  struct sigaction before;
} dispositions[WEFT__SIGNAL_END];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* A call of the system's that Ctrl-C interrupts fails; another signal lets it
 * go on. */
static bool install(int number) {
  struct sigaction action = {.sa_handler = on_signal};
  if (number != SIGINT && number != SIGTERM)
    action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, &dispositions[number].before) == 0;
}

static bool is_default(int number) {
  struct sigaction now;
  if (dispositions[number].users > 0)
    return dispositions[number].before.sa_handler == SIG_DFL;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

bool weft__signal_hold(int number, bool only_default) {
  pthread_mutex_lock(&mutex);
  bool held = !only_default || is_default(number);
  if (held && dispositions[number].users == 0)
    held = install(number);
  if (held)
    dispositions[number].users++;
  pthread_mutex_unlock(&mutex);
  return held;
}

/* What somebody else has set meanwhile stays. */
void weft__signal_release(int number) {
  struct sigaction now;
  pthread_mutex_lock(&mutex);
  if (--dispositions[number].users == 0 && sigaction(number, NULL, &now) == 0 &&
      now.sa_handler == on_signal)
    sigaction(number, &dispositions[number].before, NULL);
  pthread_mutex_unlock(&mutex);
}

/* -- Ctrl-C --------------------------------------------------------------- */

void weft__signals_take(weft_runtime *rt) {
  weft_runtime *nobody = NULL;
  if (!rt->wants_signals ||
      !atomic_compare_exchange_strong(&owner, &nobody, rt))
    return;
  atomic_store(&count, 0);
  rt->signals_seen = 0;
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    rt->signals_taken[i] = weft__signal_hold(signals[i], true);
}

/* Afterwards no handler, in whatever thread, uses the runtime any more: it may
 * be freed. One that begins later finds no owner. */
void weft__signals_give_back(weft_runtime *rt) {
  if (atomic_load(&owner) != rt)
    return;
  for (size_t i = 0; i < SIGNAL_COUNT; i++)
    if (rt->signals_taken[i])
      weft__signal_release(signals[i]);
  atomic_store(&owner, NULL);
  weft__signal_settle();
}

/* Cancels the main task, or all; the reason is the first signal, for the second
 * one too. */
static void cancel(weft_runtime *rt, struct task *main_task) {
  int number = atomic_load(&last_signal);
  const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";
  weft_value *reason = NULL;
  weft_value_new_bytes(name, strlen(name), &reason);
  if (main_task != NULL)
    weft__own_scope_cancel(rt, main_task, WEFT_SOURCE_SIGNAL, reason);
  else
    weft__scope_cancel(rt, &rt->root.scope, WEFT_SOURCE_SIGNAL, reason, NULL);
  weft_value_unref(reason);
}

void weft__signals_deliver(weft_runtime *rt) {
  weft__signals_hand_out(rt);
  weft__dump_deliver(rt);
  if (!rt->wants_signals || atomic_load(&owner) != rt)
    return;
  int seen = atomic_load(&count);
  if (rt->signals_seen < 1 && seen >= 1 && rt->main_task != NULL)
    cancel(rt, rt->main_task);
  if (rt->signals_seen < 2 && seen >= 2) {
    cancel(rt, NULL);
    weft__scope_lift_shields(rt);
  }
  rt->signals_seen = seen;
}

int weft_set_signals(weft_runtime *rt, int on) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  weft_runtime *current = atomic_load(&owner);
  if (on && current != NULL && current != rt)
    return WEFT_EBUSY;
  rt->wants_signals = on != 0;
  if (!on)
    weft__signals_give_back(rt);
  return WEFT_OK;
}
