/* SPDX-License-Identifier: MIT
 * signals.c - iterators of signals: a task waits for the next that comes.
 *
 * The handler of signal.c finds all open iterators of the process in one list,
 * which it walks without a lock, and notes the signal in each that wants it: a
 * bit, and when it came. The runtime of an iterator, at its next poll, puts
 * what was noted into a ring in the order in which it came. So equal signals
 * between two polls arrive as one. An iterator leaves the list before it is
 * freed, and then waits for handlers that may still see it. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "signals.h"

/* Of equal signals that nobody has taken, so many are kept. */
#define KEPT_MAX 8
#define RING_SIZE (KEPT_MAX * WEFT__SIGNAL_END)

struct signals {
  weft_runtime *rt;
  weft_signals handle;
  struct list node;    /* in rt->signals */
  struct list waiters; /* in weft_signals_next, at most one */

  /* What the handler uses, a bit for each signal. */
  _Atomic(struct signals *) next; /* in the process's list */
  atomic_uint wanted;
  atomic_uint noted;
  atomic_ullong order[WEFT__SIGNAL_END]; /* of those noted */

  uint8_t ring[RING_SIZE]; /* those not yet taken, oldest first */
  uint32_t begin;
  uint32_t count;
  uint8_t kept[WEFT__SIGNAL_END]; /* how often each is in the ring */
};

static _Atomic(struct signals *) first;
static atomic_ullong ticks; /* counts the signals noted */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* to change a list */

/* -- In the handler ------------------------------------------------------- */

static void note(struct signals *s, int number) {
  if ((atomic_load(&s->noted) & 1u << number) != 0)
    return;
  atomic_store(&s->order[number], atomic_fetch_add(&ticks, 1));
  atomic_fetch_or(&s->noted, 1u << number);
  weft__signal_wake(s->rt);
}

bool weft__signals_note(int number) {
  bool wanted = false;
  for (struct signals *s = atomic_load(&first); s != NULL;
       s = atomic_load(&s->next)) {
    if ((atomic_load(&s->wanted) & 1u << number) == 0)
      continue;
    wanted = true;
    note(s, number);
  }
  return wanted;
}

/* -- In the poll ---------------------------------------------------------- */

static int take_oldest(const struct signals *s, unsigned *bits) {
  int oldest = 0;
  for (int number = 1; number < WEFT__SIGNAL_END; number++)
    if ((*bits & 1u << number) != 0 &&
        (oldest == 0 ||
         atomic_load(&s->order[number]) < atomic_load(&s->order[oldest])))
      oldest = number;
  *bits &= ~(1u << oldest);
  return oldest;
}

static void keep(struct signals *s, int number) {
  if (s->kept[number] == KEPT_MAX)
    return;
  s->kept[number]++;
  s->ring[(s->begin + s->count++) % RING_SIZE] = (uint8_t)number;
}

static int take(struct signals *s) {
  int number = s->ring[s->begin];
  s->begin = (s->begin + 1) % RING_SIZE;
  s->count--;
  s->kept[number]--;
  return number;
}

static void hand_out(struct signals *s) {
  unsigned bits = atomic_exchange(&s->noted, 0);
  while (bits != 0)
    keep(s, take_oldest(s, &bits));
  if (s->count > 0 && !list_is_empty(&s->waiters))
    weft__wake_first(s->rt, &s->waiters, WEFT_OK, (uint64_t)take(s));
}

void weft__signals_hand_out(weft_runtime *rt) {
  for (struct list *node = rt->signals.next; node != &rt->signals;
       node = node->next)
    hand_out(LIST_OWNER(node, struct signals, node));
}

/* -- Life ----------------------------------------------------------------- */

static void insert(struct signals *s) {
  pthread_mutex_lock(&mutex);
  atomic_store(&s->next, atomic_load(&first));
  atomic_store(&first, s);
  pthread_mutex_unlock(&mutex);
}

static void take_out(struct signals *s) {
  pthread_mutex_lock(&mutex);
  _Atomic(struct signals *) *place = &first;
  while (atomic_load(place) != s)
    place = &atomic_load(place)->next;
  atomic_store(place, atomic_load(&s->next));
  pthread_mutex_unlock(&mutex);
}

int weft_signals_new(weft_runtime *rt, weft_signals *signals) {
  struct signals *s;
  int status =
      weft__object_new(rt, KIND_SIGNALS, sizeof(*s), (void *)&s, signals);
  if (status != WEFT_OK)
    return status;
  s->rt = rt;
  s->handle = *signals;
  list_init(&s->waiters);
  list_init(&s->node);
  list_insert(&rt->signals, &s->node);
  insert(s);
  return WEFT_OK;
}

/* Those that cannot be caught, or not in good faith: a fault would come again
 * as soon as its handler returns, and SIGCHLD is libuv's. */
bool weft__signal_is_refused(int number) {
  static const int refused[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS,
                                SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
    if (refused[i] == number)
      return true;
  return number <= 0 || number >= WEFT__SIGNAL_END;
}

int weft_signals_add(weft_runtime *rt, weft_signals signals, int number) {
  struct signals *s;
  int status = weft__object(rt, signals, KIND_SIGNALS, &s);
  if (status != WEFT_OK)
    return status;
  if (weft__signal_is_refused(number))
    return WEFT_EINVAL;
  unsigned bit = 1u << number;
  if ((atomic_fetch_or(&s->wanted, bit) & bit) != 0)
    return WEFT_OK;
  if (weft__signal_hold(number, false))
    return WEFT_OK;
  atomic_fetch_and(&s->wanted, ~bit);
  return WEFT_EINVAL;
}

void weft__signals_dispose(weft_runtime *rt, void *object) {
  struct signals *s = object;
  for (int number = 1; number < WEFT__SIGNAL_END; number++)
    if ((atomic_load(&s->wanted) & 1u << number) != 0)
      weft__signal_release(number);
  take_out(s);
  weft__signal_settle();
  list_remove(&s->node);
  weft__wake_all(rt, &s->waiters, WEFT_ECLOSED);
  weft__handle_free(rt, s->handle);
  weft__free(s, sizeof(*s));
}

int weft_signals_close(weft_runtime *rt, weft_signals signals) {
  struct signals *s;
  int status = weft__object(rt, signals, KIND_SIGNALS, &s);
  if (status == WEFT_OK)
    weft__signals_dispose(rt, s);
  return status;
}

/* -- Waiting -------------------------------------------------------------- */

int weft_signals_next(weft_runtime *rt, weft_signals signals, uint64_t *value) {
  struct signals *s;
  *value = 0;
  int status = weft__object(rt, signals, KIND_SIGNALS, &s);
  if (status != WEFT_OK)
    return status;
  if (!list_is_empty(&s->waiters))
    return WEFT_EBUSY;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (s->count == 0)
    return weft__park(rt, &s->waiters, "signal", signals, weft__withdraw_plain,
                      NULL, value);
  *value = (uint64_t)take(s);
  return weft__park_skip(rt, *value);
}

int weft_signals_is_pending(weft_runtime *rt, weft_signals signals,
                            int *pending) {
  struct signals *s;
  *pending = 0;
  int status = weft__object(rt, signals, KIND_SIGNALS, &s);
  if (status == WEFT_OK)
    *pending = s->count > 0 || atomic_load(&s->noted) != 0;
  return status;
}
