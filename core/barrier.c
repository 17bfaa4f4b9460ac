/* SPDX-License-Identifier: MIT
 * barrier.c - a place where tasks wait until there are enough of them, round
 * after round.
 *
 * The invariant: fewer than [parties] tasks wait, and none while the barrier is
 * broken. The last to come completes the waits of all the others in that
 * instant, so the barrier is empty for the next round before any of them has
 * run, and nothing that happens to it later reaches those it has let go.
 *
 * Who waits is counted, for each newcomer asks whether it is the last. A wait
 * that is cancelled therefore takes itself off the count. Indices are given out
 * when the round is complete: one who left before leaves no gap in them. */
#include "core.h"

struct barrier {
  struct list waiters; /* struct task.entry, in the order of their arrival */
  size_t waiting;      /* their number */
  size_t parties;      /* tasks that a round takes; at least 1 */
  bool broken;         /* by weft_barrier_abort */
};

/* -- Life ----------------------------------------------------------------- */

int weft_barrier_new(weft_runtime *rt, size_t parties, weft_barrier *handle) {
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (parties == 0)
    return WEFT_EINVAL;
  struct barrier *barrier;
  int status =
      weft__object_new(rt, KIND_BARRIER, sizeof *barrier, &barrier, handle);
  if (status != WEFT_OK)
    return status;
  list_init(&barrier->waiters);
  barrier->parties = parties;
  return WEFT_OK;
}

int weft_barrier_close(weft_runtime *rt, weft_barrier handle) {
  struct barrier *barrier;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  if (status != WEFT_OK)
    return status;
  weft__handle_free(rt, handle);
  weft__wake_all(rt, &barrier->waiters, WEFT_ECLOSED);
  weft__barrier_dispose(rt, barrier);
  return WEFT_OK;
}

void weft__barrier_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__free(object, sizeof(struct barrier));
}

/* -- Waiting -------------------------------------------------------------- */

/* Lets go of all who wait, each with its index. */
static void complete_round(weft_runtime *rt, struct barrier *barrier) {
  barrier->waiting = 0;
  for (uint64_t index = 0;
       weft__wake_first(rt, &barrier->waiters, WEFT_OK, index); index++)
    ;
}

static int leave_place(weft_runtime *rt, void *arg) {
  struct barrier *barrier = arg;
  (void)rt;
  barrier->waiting--;
  return WEFT_OK;
}

int weft_barrier_wait(weft_runtime *rt, weft_barrier handle, uint64_t *value) {
  struct barrier *barrier;
  *value = 0;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (barrier->broken)
    return WEFT_EBROKEN;
  if (barrier->waiting < barrier->parties - 1) {
    barrier->waiting++;
    return weft__park(rt, &barrier->waiters, "barrier", handle, leave_place,
                      barrier, value);
  }
  /* From here on the barrier may be gone when the task goes on. */
  uint64_t last = barrier->parties - 1;
  complete_round(rt, barrier);
  status = weft__park_skip(rt, last);
  if (status == WEFT_OK)
    *value = last;
  return status;
}

/* -- Breaking ------------------------------------------------------------- */

static int send_away(weft_runtime *rt, weft_barrier handle, bool broken) {
  struct barrier *barrier;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  if (status != WEFT_OK)
    return status;
  barrier->broken = broken;
  barrier->waiting = 0;
  weft__wake_all(rt, &barrier->waiters, WEFT_EBROKEN);
  return WEFT_OK;
}

int weft_barrier_reset(weft_runtime *rt, weft_barrier handle) {
  return send_away(rt, handle, false);
}

int weft_barrier_abort(weft_runtime *rt, weft_barrier handle) {
  return send_away(rt, handle, true);
}

/* -- Looking -------------------------------------------------------------- */

int weft_barrier_is_broken(weft_runtime *rt, weft_barrier handle, int *broken) {
  struct barrier *barrier;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  *broken = status == WEFT_OK && barrier->broken;
  return status;
}

int weft_barrier_get_parties(weft_runtime *rt, weft_barrier handle,
                             size_t *parties) {
  struct barrier *barrier;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  *parties = status == WEFT_OK ? barrier->parties : 0;
  return status;
}

int weft_barrier_get_waiting(weft_runtime *rt, weft_barrier handle,
                             size_t *tasks) {
  struct barrier *barrier;
  int status = weft__object(rt, handle, KIND_BARRIER, &barrier);
  *tasks = status == WEFT_OK ? barrier->waiting : 0;
  return status;
}
