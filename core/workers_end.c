/* SPDX-License-Identifier: MIT
 * workers_end.c - the end of a runtime's pools.
 *
 * It waits for all threads; for a job that still runs, which only an abandoned
 * one can, until the pool's grace is over. Then the job is reported, and the
 * pool becomes an orphan: it knows no runtime any more, and the last thread to
 * end frees it. What the jobs work on and what the locals were made with is
 * never dropped: that is the host's, in whose thread this will not be. */
#include <stdio.h>

#include "work.h"

#define WAIT_MAX_NS UINT64_C(3600000000000) /* of one wait */

/* Waits for a job or a thread to end, until [deadline_ns]. */
static void wait_gone(struct workers *pool, uint64_t deadline_ns) {
  uint64_t now_ns = uv_hrtime();
  uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
  uv_mutex_lock(&pool->mutex);
  if (list_is_empty(&pool->gone) && list_is_empty(&pool->ended) && wait_ns > 0)
    uv_cond_timedwait(&pool->gone_cond, &pool->mutex,
                      wait_ns < WAIT_MAX_NS ? wait_ns : WAIT_MAX_NS);
  uv_mutex_unlock(&pool->mutex);
}

/* The error of a job that runs and was not told of before; NULL if there is no
 * such job, or no memory. */
static weft_error *new_left(struct workers *pool) {
  char text[256];
  struct list *node = pool->running.next;
  while (node != &pool->running && LIST_OWNER(node, struct work, node)->told)
    node = node->next;
  if (node == &pool->running)
    return NULL;
  struct work *work = LIST_OWNER(node, struct work, node);
  weft_error *error = NULL;
  work->told = true;
  snprintf(text, sizeof text,
           "%s still runs, %g s after all else has ended; its thread is left "
           "behind",
           work->name == NULL ? "a job" : work->name,
           (double)pool->grace_ns / 1e9);
  weft_error_new(WEFT_EBUSY, NULL, text, &error);
  return error;
}

static void report_left(weft_runtime *rt, struct workers *pool) {
  weft_error *error;
  do {
    uv_mutex_lock(&pool->mutex);
    error = new_left(pool);
    uv_mutex_unlock(&pool->mutex);
    if (error != NULL)
      weft__report(rt, WEFT_REPORT_ABANDONED, NULL, error);
    weft_error_unref(error);
  } while (error != NULL);
}

static void forget_records(struct workers *pool) {
  list_move_all(&pool->free_works, &pool->running);
  for (struct list *node = pool->free_works.next; node != &pool->free_works;
       node = node->next) {
    struct work *work = LIST_OWNER(node, struct work, node);
    weft__free_text(work->name);
    work->name = NULL;
  }
}

/* Leaves the pool to its threads, unless there is something to deliver first.
 */
static bool orphan(weft_runtime *rt, struct workers *pool) {
  uv_mutex_lock(&pool->mutex);
  bool alone = list_is_empty(&pool->gone) && list_is_empty(&pool->ended);
  if (alone) {
    list_remove(&pool->node);
    pool->rt = NULL;
    weft__post_forget(rt, &pool->post);
    forget_records(pool);
  }
  uv_mutex_unlock(&pool->mutex);
  return alone;
}

/* The graces of all pools run from [begun_ns], side by side. */
static void end_pool(weft_runtime *rt, struct workers *pool,
                     uint64_t begun_ns) {
  const struct list *node = &pool->node;
  uint64_t grace_ns = pool->grace_ns;
  uint64_t deadline_ns =
      grace_ns > WEFT__NEVER - begun_ns ? WEFT__NEVER : begun_ns + grace_ns;
  weft__workers_shut(pool);
  while (rt->pools.next == node) {
    wait_gone(pool, deadline_ns);
    weft__post_forget(rt, &pool->post); /* it must not be there twice */
    weft__workers_deliver(rt, pool);
    if (rt->pools.next != node || uv_hrtime() < deadline_ns)
      continue;
    report_left(rt, pool);
    if (orphan(rt, pool))
      return;
  }
}

bool weft__workers_end(weft_runtime *rt) {
  bool any = !list_is_empty(&rt->pools);
  uint64_t begun_ns = any ? uv_hrtime() : 0;
  while (!list_is_empty(&rt->pools))
    end_pool(rt, LIST_OWNER(rt->pools.next, struct workers, node), begun_ns);
  return any;
}
