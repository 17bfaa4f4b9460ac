/* SPDX-License-Identifier: MIT
 * worker.c - a thread of a pool: started, called to the queue, ended.
 *
 * A thread that takes a job and sees another calls the next idle one, unless
 * one is on its way: so a burst costs few wakes, and jobs that block get their
 * threads all the same, one after the other. The last to have fallen idle is
 * called first: it is the warmest, and the others may end. One that did not
 * wait long for its last job looks for the next one before it falls asleep, no
 * longer than that and being woken would take; so a stream of short jobs costs
 * no system calls.
 *
 * What has ended waits in lists of the pool for the runtime's thread, which is
 * told by one post for all of it. The last thread of an orphan, which knows no
 * runtime any more, frees it (workers_end.c). */
#include <pthread.h>
#include <signal.h>

#include "work.h"

/* -- A thread ------------------------------------------------------------- */

void weft__workers_post(struct workers *pool) {
  if (pool->posted || pool->rt == NULL)
    return;
  pool->posted = true;
  weft__post_own(pool->rt, &pool->post);
}

/* How long a thread looks for a job, and after how long a wait it does so. */
enum { SPIN_NS = 5000, SHORT_WAIT_NS = 20000 };

struct worker *weft__workers_call(struct workers *pool) {
  if (pool->queued == 0 || pool->calling > 0 || list_is_empty(&pool->idle))
    return NULL;
  struct worker *worker = LIST_OWNER(pool->idle.prev, struct worker, node);
  list_remove(&worker->node);
  pool->idle_count--;
  pool->calling++;
  worker->called = true;
  return worker;
}

/* Waits to be called, or for the pool's end; false if that was too long. */
static bool wait_called(struct workers *pool, struct worker *worker) {
  if (pool->idle_ns == WEFT__NEVER) {
    uv_cond_wait(&worker->called_cond, &pool->mutex);
    return true;
  }
  return uv_cond_timedwait(&worker->called_cond, &pool->mutex, pool->idle_ns) ==
         0;
}

/* Looks for a job without the mutex, as one that is on its way to the queue. */
static void spin(struct workers *pool, uint64_t now_ns) {
  uint64_t number =
      atomic_load_explicit(&pool->queued_number, memory_order_relaxed);
  pool->calling++;
  uv_mutex_unlock(&pool->mutex);
  uint64_t until_ns = now_ns + SPIN_NS;
  while (atomic_load_explicit(&pool->queued_number, memory_order_relaxed) ==
             number &&
         uv_hrtime() < until_ns) {
  }
  uv_mutex_lock(&pool->mutex);
  pool->calling--;
}

/* False: the thread is not needed any more. */
static bool sleep_idle(struct workers *pool, struct worker *worker) {
  list_insert(&pool->idle, &worker->node);
  pool->idle_count++;
  bool in_time = true;
  while (!worker->called && !pool->stopping && in_time)
    in_time = wait_called(pool, worker);
  if (worker->called) {
    worker->called = false;
    pool->calling--;
    return true;
  }
  list_remove(&worker->node);
  pool->idle_count--;
  return false;
}

/* Waits until there is a job; false: the thread is not needed any more. */
static bool wait_idle(struct workers *pool, struct worker *worker) {
  uint64_t began_ns = uv_hrtime();
  bool spins = pool->may_spin && pool->calling == 0 && !pool->stopping &&
               worker->waited_ns < SHORT_WAIT_NS;
  if (spins)
    spin(pool, began_ns);
  while (list_is_empty(&pool->queue))
    if (pool->stopping || !sleep_idle(pool, worker))
      return false;
  worker->waited_ns = uv_hrtime() - began_ns;
  return true;
}

static struct work *next_work(struct workers *pool, struct worker *worker) {
  if (list_is_empty(&pool->queue) && !wait_idle(pool, worker))
    return NULL;
  struct work *work = LIST_OWNER(pool->queue.next, struct work, node);
  list_remove(&work->node);
  pool->queued--;
  work->state = WORK_RUNNING;
  list_insert(&pool->running, &work->node);
  return work;
}

static int open_local(struct workers *pool, struct worker *worker) {
  if (pool->open == NULL || worker->opened)
    return WEFT_OK;
  int status = pool->open(pool->local_arg, &worker->local);
  worker->opened = status >= 0;
  return status < 0 ? status : WEFT_OK;
}

static int run_work(struct workers *pool, struct worker *worker,
                    const struct work *work, uint64_t *value) {
  int status = open_local(pool, worker);
  return status == WEFT_OK ? work->fn(worker->local, work->arg, value) : status;
}

/* Nobody asks what became of an orphan's. */
static void end_work(struct workers *pool, struct work *work, int status,
                     uint64_t value) {
  if (pool->rt == NULL)
    return;
  work->state = WORK_ENDED;
  work->status = status;
  work->value = value;
  list_remove(&work->node);
  list_insert(&pool->ended, &work->node);
  weft__workers_post(pool);
  uv_cond_signal(&pool->gone_cond);
}

void weft__worker_free(struct worker *worker) {
  uv_cond_destroy(&worker->called_cond);
  weft__free(worker, sizeof *worker);
}

/* The thread leaves; it holds the mutex. */
static void leave(struct workers *pool, struct worker *worker) {
  pool->threads--;
  bool orphaned = pool->rt == NULL;
  bool last = pool->threads == 0;
  if (!orphaned) {
    list_insert(&pool->gone, &worker->node);
    weft__workers_post(pool);
    uv_cond_signal(&pool->gone_cond);
  }
  uv_mutex_unlock(&pool->mutex);
  if (!orphaned)
    return;
  pthread_detach(pthread_self());
  weft__worker_free(worker);
  if (last)
    weft__workers_free(pool);
}

static void run_thread(void *arg) {
  struct worker *worker = arg;
  struct workers *pool = worker->pool;
  uv_mutex_lock(&pool->mutex);
  pool->calling--;
  struct work *work;
  while ((work = next_work(pool, worker)) != NULL) {
    struct worker *called = weft__workers_call(pool);
    if (called != NULL) /* later, the thread may be gone */
      uv_cond_signal(&called->called_cond);
    uv_mutex_unlock(&pool->mutex);
    uint64_t value = 0;
    int status = run_work(pool, worker, work, &value);
    uv_mutex_lock(&pool->mutex);
    end_work(pool, work, status, value);
  }
  if (worker->opened && pool->close != NULL) {
    uv_mutex_unlock(&pool->mutex);
    pool->close(pool->local_arg, worker->local);
    uv_mutex_lock(&pool->mutex);
  }
  leave(pool, worker);
}

/* -- Starting ------------------------------------------------------------- */

/* Signals are for the threads that the host has made. */
static int create_thread(struct worker *worker) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = uv_thread_create(&worker->thread, run_thread, worker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return weft__status_from_uv(status);
}

static int new_worker(struct workers *pool, struct worker **worker) {
  *worker = weft__alloc(sizeof **worker);
  if (*worker == NULL)
    return WEFT_ENOMEM;
  list_init(&(*worker)->node);
  (*worker)->pool = pool;
  (*worker)->waited_ns = WEFT__NEVER;
  int status = weft__status_from_uv(uv_cond_init(&(*worker)->called_cond));
  if (status != WEFT_OK)
    weft__free(*worker, sizeof **worker);
  return status;
}

/* A thread that is being started counts as one on its way to the queue. */
int weft__worker_start(struct workers *pool) {
  struct worker *worker;
  int status = new_worker(pool, &worker);
  if (status != WEFT_OK)
    return status;
  uv_mutex_lock(&pool->mutex);
  pool->threads++;
  pool->calling++;
  uv_mutex_unlock(&pool->mutex);
  status = create_thread(worker);
  if (status == WEFT_OK) {
    pool->alive++;
    return WEFT_OK;
  }
  uv_mutex_lock(&pool->mutex);
  pool->threads--;
  pool->calling--;
  uv_mutex_unlock(&pool->mutex);
  weft__worker_free(worker);
  return status;
}
