/* SPDX-License-Identifier: MIT
 * work.c - jobs: functions that run in the threads of a pool.
 *
 * A job is a record that goes from the free ones of its pool to the queue, to
 * a thread, and back to the runtime's thread, where its end is delivered: to
 * the task that waits for it or to its done function. Records are kept for the
 * next jobs, so a warm pool allocates nothing.
 *
 * What has begun cannot be stopped, so a cancelled task waits for it, or it
 * goes away and leaves the job alone: abandoned. Such a job keeps its thread
 * until it ends, and the virtual clock does not wait for it. */
#include <stdio.h>

#include "work.h"

/* -- Records -------------------------------------------------------------- */

static struct work *take_work(struct workers *pool) {
  if (list_is_empty(&pool->free_works)) {
    struct work *work = weft__alloc(sizeof *work);
    if (work != NULL)
      list_init(&work->node);
    return work;
  }
  struct list *node = pool->free_works.prev;
  list_remove(node);
  return LIST_OWNER(node, struct work, node);
}

static void give_work(struct work *work) {
  struct workers *pool = work->pool;
  weft__free_text(work->name);
  work->name = NULL;
  list_insert(&pool->free_works, &work->node);
}

/* Nobody waits for the job any more. */
static void stop_awaiting(weft_runtime *rt, struct work *work) {
  if (work->awaited)
    rt->outside_work--;
  work->awaited = false;
  work->task = NULL;
}

static void free_handle(weft_runtime *rt, struct work *work) {
  weft__handle_free(rt, work->handle);
  work->handle = 0;
}

/* -- Queueing ------------------------------------------------------------- */

static struct work *new_work(struct workers *pool, weft_work_fn fn, void *arg,
                             weft_drop_fn drop) {
  struct work *work = take_work(pool);
  if (work == NULL)
    return NULL;
  struct list node = work->node; /* it points to itself */
  *work = (struct work){
      .node = node, .pool = pool, .fn = fn, .arg = arg, .drop = drop};
  work->number = ++pool->last_number;
  work->awaited = true;
  return work;
}

/* Takes a job out of the queue; false if it is not there any more. */
static bool unqueue(struct work *work) {
  struct workers *pool = work->pool;
  uv_mutex_lock(&pool->mutex);
  bool queued = work->state == WORK_QUEUED;
  if (queued) {
    list_remove(&work->node);
    pool->queued--;
  }
  uv_mutex_unlock(&pool->mutex);
  return queued;
}

/* Has a thread come for what was queued. The mutex is held, and given back
 * before the thread is signalled, which would only wait for it: the runtime's
 * own thread alone frees it. */
static int call_thread(struct workers *pool) {
  struct worker *called = weft__workers_call(pool);
  size_t left = weft__workers_left(pool), threads = pool->threads;
  uv_mutex_unlock(&pool->mutex);
  if (called == NULL)
    return weft__workers_summon(pool, left, threads);
  uv_cond_signal(&called->called_cond);
  return WEFT_OK;
}

/* Consumes the job if that is not WEFT_OK, but not its arg. */
static int queue(weft_runtime *rt, struct work *work) {
  struct workers *pool = work->pool;
  uv_mutex_lock(&pool->mutex);
  list_insert(&pool->queue, &work->node);
  pool->queued++;
  atomic_store_explicit(&pool->queued_number, work->number,
                        memory_order_relaxed);
  int status = call_thread(pool);
  if (status != WEFT_OK && unqueue(work)) {
    give_work(work);
    return status;
  }
  pool->used = true;
  pool->pending++;
  rt->outside_work++;
  return WEFT_OK;
}

static bool is_full(struct workers *pool) {
  if (pool->queue_max == 0)
    return false;
  uv_mutex_lock(&pool->mutex);
  bool full = pool->queued >= pool->queue_max;
  uv_mutex_unlock(&pool->mutex);
  return full;
}

/* -- Starting ------------------------------------------------------------- */

static int start(weft_runtime *rt, struct work *work, weft_work *handle) {
  if (work == NULL)
    return WEFT_ENOMEM;
  int status = WEFT_OK;
  if (handle != NULL)
    status = weft__handle_new(rt, KIND_WORK, work, &work->handle);
  if (status != WEFT_OK) {
    give_work(work);
    return status;
  }
  weft_work given = work->handle;
  status = queue(rt, work);
  if (status != WEFT_OK)
    weft__handle_free(rt, given);
  else if (handle != NULL)
    *handle = given;
  return status;
}

int weft_work_start(weft_runtime *rt, weft_workers workers, weft_work_fn fn,
                    weft_work_done_fn done, void *arg, weft_drop_fn drop,
                    weft_work *work) {
  struct workers *pool;
  if (work != NULL)
    *work = 0;
  int status = weft__workers_get(rt, workers, &pool);
  if (status == WEFT_OK && (fn == NULL || done == NULL))
    status = WEFT_EINVAL;
  if (status == WEFT_OK && is_full(pool))
    status = WEFT_EFULL;
  if (status == WEFT_OK) {
    struct work *made = new_work(pool, fn, arg, drop);
    if (made != NULL)
      made->done = done;
    status = start(rt, made, work);
  }
  return status == WEFT_OK ? WEFT_OK : weft__refuse(drop, arg, status);
}

/* -- Waiting -------------------------------------------------------------- */

static char *name_abandoned(const struct task *task) {
  struct task_title title;
  char text[120];
  snprintf(text, sizeof text, "a job abandoned by task '%s'",
           weft__task_title(task, &title));
  return weft__copy_text(text);
}

/* The job ends without having run. */
static void drop_queued(weft_runtime *rt, struct work *work) {
  weft_drop_fn drop = work->drop;
  void *arg = work->arg;
  work->pool->pending--;
  stop_awaiting(rt, work);
  free_handle(rt, work);
  give_work(work);
  weft__drop(drop, arg);
}

static bool has_ended(struct work *work) {
  uv_mutex_lock(&work->pool->mutex);
  bool ended = work->state == WORK_ENDED;
  uv_mutex_unlock(&work->pool->mutex);
  return ended;
}

/* A job that has ended is delivered, cancelled or not. */
static int withdraw(weft_runtime *rt, void *arg) {
  struct work *work = arg;
  if (unqueue(work)) {
    drop_queued(rt, work);
    return WEFT_OK;
  }
  if (!work->abandon || has_ended(work))
    return WEFT_PARKED;
  work->name = name_abandoned(work->task);
  stop_awaiting(rt, work);
  return WEFT_OK;
}

/* In cancelled code a pool that is closed raises Cancelled all the same. */
static int begin_run(weft_runtime *rt, weft_workers workers, weft_work_fn fn,
                     struct workers **pool) {
  int status = weft__workers_get(rt, workers, pool);
  if (status == WEFT_OK && fn == NULL)
    status = WEFT_EINVAL;
  if (status != WEFT_OK && status != WEFT_ECLOSED)
    return status;
  int begun = weft__park_begin(rt);
  return begun == WEFT_OK ? status : begun;
}

int weft_work_run(weft_runtime *rt, weft_workers workers, weft_work_fn fn,
                  void *arg, weft_drop_fn drop, int abandon, uint64_t *value) {
  struct workers *pool;
  struct work *work;
  *value = 0;
  int status = begin_run(rt, workers, fn, &pool);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  work = new_work(pool, fn, arg, drop);
  status = start(rt, work, NULL);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  work->task = rt->current;
  work->abandon = abandon != 0;
  return weft__park(rt, NULL, "thread", 0, withdraw, work, value);
}

/* -- The end -------------------------------------------------------------- */

static void report_failure(weft_runtime *rt, int status) {
  weft_error *error = NULL;
  weft_error_new(status, NULL, NULL, &error);
  weft__report(rt, WEFT_REPORT_FAILURE, NULL, error);
  weft_error_unref(error);
}

/* The record may serve again while the host is being told. */
void weft__work_deliver(weft_runtime *rt, struct work *work) {
  struct work was = *work;
  stop_awaiting(rt, work);
  free_handle(rt, work);
  give_work(work);
  if (was.task != NULL)
    weft__wake(rt, was.task, was.status, was.value);
  else if (was.done != NULL)
    was.done(rt, was.arg, was.status, was.value);
  else if (was.status < 0)
    report_failure(rt, was.status);
  weft__drop(was.drop, was.arg);
}

int weft_work_cancel(weft_runtime *rt, weft_work handle) {
  struct work *work;
  int status = weft__object(rt, handle, KIND_WORK, &work);
  if (status != WEFT_OK)
    return status;
  if (!unqueue(work))
    return WEFT_EBUSY;
  drop_queued(rt, work);
  return WEFT_OK;
}

int weft_work_abandon(weft_runtime *rt, weft_work handle, const char *name) {
  struct work *work;
  int status = weft_work_cancel(rt, handle);
  if (status != WEFT_EBUSY)
    return status;
  work = weft__handle_get(rt, handle, KIND_WORK);
  if (has_ended(work))
    return WEFT_ESTATE;
  if (name != NULL)
    work->name = weft__copy_text(name);
  stop_awaiting(rt, work);
  free_handle(rt, work);
  return WEFT_EBUSY;
}

/* The runtime ends: the job is waited for without its handle. */
void weft__work_dispose(weft_runtime *rt, void *object) {
  struct work *work = object;
  (void)rt;
  work->handle = 0;
}
