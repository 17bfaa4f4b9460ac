/* SPDX-License-Identifier: MIT
 * workers.c - pools of worker threads: started, called, ended.
 *
 * Only the runtime's thread starts and joins threads. It starts as many as
 * there are processors without waiting; more would not make what computes any
 * faster, and what blocks is told by a job that has waited for a millisecond:
 * then every job that has gets a thread. So a hundred short jobs do not make
 * forty threads. */
#include "work.h"

#define OWN_WORKERS_MAX 40
#define OWN_IDLE_NS UINT64_C(30000000000)
#define GRACE_NS UINT64_C(5000000000)

static void shut(struct workers *pool);

size_t weft_processors(void) {
  return uv_available_parallelism();
}

/* -- Life ----------------------------------------------------------------- */

/* It is held for some instructions only, so who wants it spins for a while, as
 * far as the system's mutexes can. */
static int init_mutex(uv_mutex_t *mutex) {
#ifdef __GLIBC__
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0)
    return UV_ENOMEM;
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
  int status = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return -status;
#else
  return uv_mutex_init(mutex);
#endif
}

static int init_locks(struct workers *pool) {
  int status = init_mutex(&pool->mutex);
  if (status != 0)
    return weft__status_from_uv(status);
  status = uv_cond_init(&pool->gone_cond);
  if (status != 0)
    uv_mutex_destroy(&pool->mutex);
  return weft__status_from_uv(status);
}

static void init_lists(struct workers *pool) {
  struct list *lists[] = {&pool->node,  &pool->joiners, &pool->free_works,
                          &pool->queue, &pool->running, &pool->ended,
                          &pool->idle,  &pool->gone};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    list_init(lists[i]);
}

static struct workers *new_pool(weft_runtime *rt, size_t workers_max,
                                size_t queue_max) {
  struct workers *pool = weft__alloc(sizeof *pool);
  if (pool == NULL)
    return NULL;
  init_lists(pool);
  size_t processors = weft_processors();
  pool->rt = rt;
  pool->workers_max = workers_max;
  pool->eager_max = workers_max < processors ? workers_max : processors;
  pool->queue_max = queue_max;
  pool->may_spin = processors > 1;
  pool->idle_ns = WEFT__NEVER;
  pool->grace_ns = GRACE_NS;
  pool->post = (struct post){NULL, weft__workers_deliver, pool, NULL, true};
  if (init_locks(pool) == WEFT_OK)
    return pool;
  weft__free(pool, sizeof *pool);
  return NULL;
}

/* From any thread, for an orphan. */
void weft__workers_free(struct workers *pool) {
  while (!list_is_empty(&pool->free_works)) {
    struct list *node = pool->free_works.next;
    list_remove(node);
    weft__free(LIST_OWNER(node, struct work, node), sizeof(struct work));
  }
  uv_cond_destroy(&pool->gone_cond);
  uv_mutex_destroy(&pool->mutex);
  weft__free(pool, sizeof *pool);
}

int weft_workers_new(weft_runtime *rt, size_t workers_max, size_t queue_max,
                     weft_workers *workers) {
  *workers = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (workers_max == 0)
    return WEFT_EINVAL;
  struct workers *pool = new_pool(rt, workers_max, queue_max);
  if (pool == NULL)
    return WEFT_ENOMEM;
  int status = weft__handle_new(rt, KIND_WORKERS, pool, &pool->handle);
  if (status != WEFT_OK) {
    weft__workers_free(pool);
    return status;
  }
  list_insert(&rt->pools, &pool->node);
  *workers = pool->handle;
  return WEFT_OK;
}

static int own_workers(weft_runtime *rt, struct workers **own) {
  weft_workers handle;
  if (rt->own_workers == NULL) {
    int status = weft_workers_new(rt, OWN_WORKERS_MAX, 0, &handle);
    if (status != WEFT_OK)
      return status;
    rt->own_workers = weft__handle_get(rt, handle, KIND_WORKERS);
    rt->own_workers->idle_ns = OWN_IDLE_NS;
  }
  *own = rt->own_workers;
  return WEFT_OK;
}

int weft__workers_get(weft_runtime *rt, weft_workers handle,
                      struct workers **pool) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  int status = handle == 0 ? own_workers(rt, pool)
                           : weft__object(rt, handle, KIND_WORKERS, pool);
  if (status != WEFT_OK)
    return status;
  return (*pool)->refusing ? WEFT_ECLOSED : WEFT_OK;
}

/* -- Settings ------------------------------------------------------------- */

static int get_unused(weft_runtime *rt, weft_workers handle,
                      struct workers **pool) {
  int status = weft__object(rt, handle, KIND_WORKERS, pool);
  if (status != WEFT_OK)
    return status;
  return (*pool)->used ? WEFT_ESTATE : WEFT_OK;
}

int weft_workers_set_local(weft_runtime *rt, weft_workers workers,
                           weft_worker_open_fn open, weft_worker_close_fn close,
                           void *arg, weft_drop_fn drop) {
  struct workers *pool;
  int status = get_unused(rt, workers, &pool);
  if (status == WEFT_OK && open == NULL)
    status = WEFT_EINVAL;
  if (status == WEFT_OK && pool->open != NULL)
    status = WEFT_ESTATE;
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  pool->open = open;
  pool->close = close;
  pool->local_arg = arg;
  pool->local_drop = drop;
  return WEFT_OK;
}

int weft_workers_set_idle(weft_runtime *rt, weft_workers workers,
                          uint64_t idle_ns) {
  struct workers *pool;
  int status = get_unused(rt, workers, &pool);
  if (status == WEFT_OK)
    pool->idle_ns = idle_ns;
  return status;
}

int weft_workers_set_grace(weft_runtime *rt, weft_workers workers,
                           uint64_t grace_ns) {
  struct workers *pool;
  int status = weft__object(rt, workers, KIND_WORKERS, &pool);
  if (status == WEFT_OK)
    pool->grace_ns = grace_ns;
  return status;
}

int weft_workers_get_counts(weft_runtime *rt, weft_workers workers,
                            size_t *threads, size_t *running, size_t *queued) {
  struct workers *pool;
  *threads = *running = *queued = 0;
  int status = weft__object(rt, workers, KIND_WORKERS, &pool);
  if (status != WEFT_OK)
    return status;
  uv_mutex_lock(&pool->mutex);
  *threads = pool->threads;
  *queued = pool->queued;
  *running = weft__count_waiting(&pool->running);
  uv_mutex_unlock(&pool->mutex);
  return WEFT_OK;
}

/* -- Starting threads ----------------------------------------------------- */

static void set_starved(struct workers *pool, bool starved) {
  if (pool->starved == starved)
    return;
  weft_runtime *rt = pool->rt;
  pool->starved = starved;
  if (starved)
    rt->starved_pools++;
  else
    rt->starved_pools--;
}

size_t weft__workers_left(const struct workers *pool) {
  size_t coming = pool->idle_count + pool->calling;
  return pool->queued > coming ? pool->queued - coming : 0;
}

static size_t count_left(struct workers *pool, size_t *threads) {
  uv_mutex_lock(&pool->mutex);
  size_t left = weft__workers_left(pool);
  *threads = pool->threads;
  uv_mutex_unlock(&pool->mutex);
  return left;
}

int weft__workers_summon(struct workers *pool, size_t left, size_t threads) {
  int status = WEFT_OK;
  while (left > 0 && threads < pool->eager_max && status == WEFT_OK) {
    status = weft__worker_start(pool);
    if (status == WEFT_OK)
      threads++, left--;
  }
  if (left > 0 && threads > 0 && threads < pool->workers_max &&
      !pool->starved) {
    set_starved(pool, true);
    pool->looked_number = pool->last_number;
    pool->looked_ns = uv_hrtime();
  }
  return threads > 0 ? WEFT_OK : status;
}

/* Jobs in the queue that were there when it was looked at last. */
static size_t count_late(struct workers *pool) {
  size_t count = 0;
  uv_mutex_lock(&pool->mutex);
  for (struct list *node = pool->queue.next; node != &pool->queue;
       node = node->next) {
    if (LIST_OWNER(node, struct work, node)->number > pool->looked_number)
      break;
    if (++count == pool->workers_max)
      break;
  }
  uv_mutex_unlock(&pool->mutex);
  return count;
}

static void report_refused(struct workers *pool, int status) {
  weft_error *error = NULL;
  if (pool->refused_by_system)
    return;
  pool->refused_by_system = true;
  weft_error_new(status, NULL, "a worker thread could not be started", &error);
  weft__report(pool->rt, WEFT_REPORT_SYSTEM, NULL, error);
  weft_error_unref(error);
}

static void relieve(struct workers *pool, uint64_t now_ns) {
  size_t late = count_late(pool), threads;
  size_t left = count_left(pool, &threads);
  int status = WEFT_OK;
  if (late < left)
    left = late;
  for (; left > 0 && threads < pool->workers_max; left--, threads++) {
    status = weft__worker_start(pool);
    if (status != WEFT_OK)
      break;
  }
  pool->looked_number = pool->last_number;
  pool->looked_ns = now_ns;
  set_starved(pool,
              count_left(pool, &threads) > 0 && threads < pool->workers_max);
  if (status != WEFT_OK) /* last: it calls the host */
    report_refused(pool, status);
}

/* The pool after [pool] that is starved, whose turn has come. */
static struct workers *next_starved(weft_runtime *rt, uint64_t now_ns) {
  for (struct list *node = rt->pools.next; node != &rt->pools;
       node = node->next) {
    struct workers *pool = LIST_OWNER(node, struct workers, node);
    if (pool->starved && now_ns - pool->looked_ns >= WEFT__STARVED_NS)
      return pool;
  }
  return NULL;
}

void weft__workers_relieve(weft_runtime *rt) {
  if (rt->starved_pools == 0)
    return;
  uint64_t now_ns = uv_hrtime();
  struct workers *pool;
  while ((pool = next_starved(rt, now_ns)) != NULL)
    relieve(pool, now_ns);
}

/* -- Delivering ----------------------------------------------------------- */

static void take_ended(struct workers *pool, struct list *works,
                       struct list *gone) {
  list_init(works);
  list_init(gone);
  uv_mutex_lock(&pool->mutex);
  pool->posted = false;
  list_move_all(works, &pool->ended);
  list_move_all(gone, &pool->gone);
  uv_mutex_unlock(&pool->mutex);
}

static void join_all(struct workers *pool, struct list *gone) {
  while (!list_is_empty(gone)) {
    struct worker *worker = LIST_OWNER(gone->next, struct worker, node);
    list_remove(&worker->node);
    uv_thread_join(&worker->thread);
    weft__worker_free(worker);
    pool->alive--;
  }
}

/* Frees the pool if it is closed and nothing of it is left. */
static void end_if_over(struct workers *pool) {
  weft_runtime *rt = pool->rt;
  if (!pool->refusing || pool->delivering || pool->pending > 0)
    return;
  shut(pool);
  if (pool->alive > 0)
    return;
  weft__post_forget(rt, &pool->post);
  list_remove(&pool->node);
  weft__handle_free(rt, pool->handle);
  weft__wake_all(rt, &pool->joiners, WEFT_OK);
  weft_drop_fn drop = pool->local_drop;
  void *arg = pool->local_arg;
  weft__workers_free(pool);
  weft__drop(drop, arg);
}

/* What is delivered may close the pool, or ask for more. */
void weft__workers_deliver(weft_runtime *rt, void *arg) {
  struct workers *pool = arg;
  struct list works, gone;
  take_ended(pool, &works, &gone);
  join_all(pool, &gone);
  pool->delivering = true;
  while (!list_is_empty(&works)) {
    struct list *node = works.next;
    list_remove(node);
    pool->pending--;
    weft__work_deliver(rt, LIST_OWNER(node, struct work, node));
  }
  pool->delivering = false;
  end_if_over(pool);
}

/* -- Ending --------------------------------------------------------------- */

/* Lets the threads end once the queue is empty. */
static void shut(struct workers *pool) {
  set_starved(pool, false);
  uv_mutex_lock(&pool->mutex);
  if (!pool->stopping) {
    pool->stopping = true;
    for (struct list *node = pool->idle.next; node != &pool->idle;
         node = node->next)
      uv_cond_signal(&LIST_OWNER(node, struct worker, node)->called_cond);
  }
  uv_mutex_unlock(&pool->mutex);
}

/* What waits in the queue ends with WEFT_ECLOSED. */
static void refuse_queued(struct workers *pool) {
  bool any = false;
  uv_mutex_lock(&pool->mutex);
  while (!list_is_empty(&pool->queue)) {
    struct work *work = LIST_OWNER(pool->queue.next, struct work, node);
    list_remove(&work->node);
    pool->queued--;
    work->status = WEFT_ECLOSED;
    work->state = WORK_ENDED;
    list_insert(&pool->ended, &work->node);
    any = true;
  }
  if (any)
    weft__workers_post(pool);
  uv_mutex_unlock(&pool->mutex);
}

void weft__workers_shut(struct workers *pool) {
  weft_runtime *rt = pool->rt;
  if (rt->own_workers == pool)
    rt->own_workers = NULL;
  pool->refusing = true;
  weft__handle_free(rt, pool->handle);
  pool->handle = 0;
  weft__wake_all(rt, &pool->joiners, WEFT_ECLOSED);
  refuse_queued(pool);
  shut(pool);
  end_if_over(pool);
}

int weft_workers_close(weft_runtime *rt, weft_workers workers) {
  struct workers *pool;
  int status = weft__object(rt, workers, KIND_WORKERS, &pool);
  if (status == WEFT_OK)
    weft__workers_shut(pool);
  return status;
}

void weft__workers_dispose(weft_runtime *rt, void *object) {
  (void)rt;
  weft__workers_shut(object);
}

int weft_workers_shutdown(weft_runtime *rt, weft_workers workers,
                          int immediate) {
  struct workers *pool;
  int status = weft__object(rt, workers, KIND_WORKERS, &pool);
  if (status != WEFT_OK)
    return status;
  pool->refusing = true;
  pool->used = true;
  if (immediate != 0)
    refuse_queued(pool);
  end_if_over(pool);
  return WEFT_OK;
}

int weft_workers_join(weft_runtime *rt, weft_workers workers) {
  struct workers *pool;
  int status = weft__object(rt, workers, KIND_WORKERS, &pool);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  pool->refusing = true;
  pool->used = true;
  if (pool->pending == 0 && pool->alive == 0) {
    end_if_over(pool);
    return weft__park_skip(rt, 0);
  }
  end_if_over(pool);
  return weft__park(rt, &pool->joiners, "workers", workers,
                    weft__withdraw_plain, NULL, NULL);
}
