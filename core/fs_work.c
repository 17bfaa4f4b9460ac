/* SPDX-License-Identifier: MIT
 * fs_work.c - the queue of file work: what runs in libuv's threads, and when.
 *
 * libuv has few threads, four by default, which names are looked up in too. So
 * one fewer than there are is used for files at a time, and the rest of the
 * work waits here, first come first served. That way a thousand reads neither
 * keep a look-up waiting nor hold more descriptors than there are threads, and
 * what has not begun can be taken back by unlinking it.
 *
 * What libuv gets is not the work but a worker, which takes one piece of work
 * after the other: the threads need not wait for the loop in
 * between. What they share with it are two lists, under one mutex.
 *
 * Work that has begun runs to its end, and the wait for it is kept: a thread
 * in a call of the system cannot be stopped. */
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>

#include "fs.h"

/* libuv's own, unless UV_THREADPOOL_SIZE says otherwise. */
#define THREADS_DEFAULT 4
#define THREADS_MAX 1024
/* After so many pieces of work a worker gives its thread to who waits for one:
 * to a look-up, where there is but one thread, or to another runtime. */
#define PIECES_MAX 64

/* -- Codes ---------------------------------------------------------------- */

/* Where weft says that an object is in use or an argument wrong, it means its
 * own; here it is the system that speaks. */
int weft__fs_from_uv(int uv_code) {
  switch (uv_code) {
  case UV_EBUSY:
    return WEFT_EBUSY_OS;
  case UV_EINVAL:
  case UV_EBADF:
    return WEFT_EINVAL_OS;
  default: /* libuv has no name for EDQUOT */
    return uv_code == uv_translate_sys_error(EDQUOT)
               ? WEFT_EDQUOT
               : weft__status_from_uv(uv_code);
  }
}

int weft__fs_errno(void) {
  return weft__fs_from_uv(uv_translate_sys_error(errno));
}

/* What libuv knows of: it works in one thread till there is nothing left. */
struct fs_worker {
  uv_work_t work;
  weft_runtime *rt;
  struct fs_worker *next; /* that is idle */
};

static void put_idle(weft_runtime *rt, struct fs_worker *worker) {
  worker->rt = rt;
  worker->work.data = worker;
  worker->next = rt->fs.idle;
  rt->fs.idle = worker;
}

/* -- Running -------------------------------------------------------------- */

/* Puts what was run last, if anything was, with the rest that is done, and
 * takes the next, if there is to be one. */
static struct fs_op *next_op(struct fs_queue *queue, struct fs_op *last,
                             bool more) {
  struct fs_op *next = NULL;
  uv_mutex_lock(&queue->mutex);
  if (last != NULL)
    list_insert(&queue->done, &last->node);
  if (more && !list_is_empty(&queue->waiting)) {
    next = LIST_OWNER(queue->waiting.next, struct fs_op, node);
    list_remove(&next->node);
    next->begun = true;
  }
  uv_mutex_unlock(&queue->mutex);
  return next;
}

/* In a thread. The last piece of work is told of by the worker's own end. */
static void on_thread(uv_work_t *work) {
  const struct fs_worker *worker = work->data;
  struct fs_queue *queue = &worker->rt->fs;
  struct fs_op *op = next_op(queue, NULL, true);
  for (int left = PIECES_MAX; op != NULL; left--) {
    op->run(op);
    op = next_op(queue, op, left > 1);
    if (op != NULL)
      uv_async_send(&queue->async);
  }
}

/* One more or fewer for which the loop has to go on. */
static void count_under_way(weft_runtime *rt, bool more) {
  uv_handle_t *async = (uv_handle_t *)&rt->fs.async;
  rt->outside_work += more ? 1 : UINT32_MAX;
  rt->fs.under_way += more ? 1 : UINT32_MAX;
  if (rt->fs.under_way == 0)
    uv_unref(async);
  else
    uv_ref(async);
}

static void end_done(weft_runtime *rt) {
  struct list done;
  list_init(&done);
  uv_mutex_lock(&rt->fs.mutex);
  list_move_all(&done, &rt->fs.done);
  uv_mutex_unlock(&rt->fs.mutex);
  while (!list_is_empty(&done)) {
    struct fs_op *op = LIST_OWNER(done.next, struct fs_op, node);
    list_remove(&op->node);
    count_under_way(rt, false);
    op->end(op);
  }
}

static void on_async(uv_async_t *async) {
  end_done(async->data);
}

static bool is_waiting(struct fs_queue *queue) {
  uv_mutex_lock(&queue->mutex);
  bool is = !list_is_empty(&queue->waiting);
  uv_mutex_unlock(&queue->mutex);
  return is;
}

static void on_worker_end(uv_work_t *work, int uv_code);

/* Sends an idle worker to a thread, if there is one and work for it. */
static void send_worker(weft_runtime *rt) {
  struct fs_worker *worker = rt->fs.idle;
  if (worker == NULL || !is_waiting(&rt->fs))
    return;
  rt->fs.idle = worker->next;
  uv_queue_work(&rt->loop, &worker->work, on_thread, on_worker_end);
}

/* Work may have come when it had found none, or it had done its share. */
static void on_worker_end(uv_work_t *work, int uv_code) {
  struct fs_worker *worker = work->data;
  (void)uv_code;
  put_idle(worker->rt, worker);
  send_worker(worker->rt);
  end_done(worker->rt);
}

void weft__fs_start(struct fs_op *op) {
  weft_runtime *rt = op->rt;
  op->begun = false;
  count_under_way(rt, true);
  uv_mutex_lock(&rt->fs.mutex);
  list_insert(&rt->fs.waiting, &op->node);
  uv_mutex_unlock(&rt->fs.mutex);
  send_worker(rt);
}

bool weft__fs_withdraw(struct fs_op *op) {
  weft_runtime *rt = op->rt;
  uv_mutex_lock(&rt->fs.mutex);
  bool begun = op->begun;
  if (!begun)
    list_remove(&op->node);
  uv_mutex_unlock(&rt->fs.mutex);
  if (begun)
    return false;
  count_under_way(rt, false);
  weft__fs_free(op);
  return true;
}

/* -- Life ----------------------------------------------------------------- */

static uint32_t count_workers(void) {
  const char *text = getenv("UV_THREADPOOL_SIZE");
  long threads = text == NULL ? THREADS_DEFAULT : strtol(text, NULL, 10);
  if (threads > THREADS_MAX)
    threads = THREADS_MAX;
  return threads > 2 ? (uint32_t)threads - 1 : 1;
}

int weft__fs_init(weft_runtime *rt) {
  struct fs_queue *queue = &rt->fs;
  list_init(&queue->waiting);
  list_init(&queue->done);
  weft__pool_init(&rt->fs_ops_pool, sizeof(struct fs_op));
  queue->worker_count = count_workers();
  queue->first = weft__alloc(queue->worker_count * sizeof(struct fs_worker));
  if (queue->first == NULL)
    return WEFT_ENOMEM;
  int status = weft__status_from_uv(uv_mutex_init(&queue->mutex));
  if (status != WEFT_OK) {
    weft__free(queue->first, queue->worker_count * sizeof(struct fs_worker));
    queue->first = NULL;
    return status;
  }
  for (uint32_t i = 0; i < queue->worker_count; i++)
    put_idle(rt, &queue->first[i]);
  return WEFT_OK;
}

/* Cannot fail: the loop's first handle of the kind has opened what is needed.
 */
void weft__fs_open(weft_runtime *rt) {
  uv_async_init(&rt->loop, &rt->fs.async, on_async);
  rt->fs.async.data = rt;
  uv_unref((uv_handle_t *)&rt->fs.async);
}

void weft__fs_close(weft_runtime *rt) {
  while (rt->fs.under_way > 0)
    uv_run(&rt->loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&rt->fs.async, NULL);
}

void weft__fs_clear(weft_runtime *rt) {
  struct fs_queue *queue = &rt->fs;
  if (queue->first == NULL)
    return;
  uv_mutex_destroy(&queue->mutex);
  weft__free(queue->first, queue->worker_count * sizeof(struct fs_worker));
  weft__pool_clear(&rt->fs_ops_pool);
}

static void end_plain(struct fs_op *op) {
  weft__wake(op->rt, op->task, op->status, op->value);
  weft__fs_free(op);
}

struct fs_op *weft__fs_new(weft_runtime *rt, void (*run)(struct fs_op *op)) {
  struct fs_op *op = weft__pool_take(&rt->fs_ops_pool);
  if (op == NULL)
    return NULL;
  *op = (struct fs_op){.rt = rt, .run = run, .end = end_plain};
  list_init(&op->node);
  op->task = weft__running(rt);
  return op;
}

void weft__fs_free(struct fs_op *op) {
  weft__free_text(op->path);
  weft__free_text(op->other);
  weft__pool_give(&op->rt->fs_ops_pool, op);
}

/* -- Calls on paths ------------------------------------------------------- */

static bool is_path(const char *path) {
  return path != NULL && path[0] != '\0';
}

int weft__fs_begin(weft_runtime *rt, const char *path, const char *other,
                   void (*run)(struct fs_op *op), struct fs_op **made) {
  if (!is_path(path) || (other != NULL && !is_path(other)))
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct fs_op *op = weft__fs_new(rt, run);
  if (op == NULL)
    return WEFT_ENOMEM;
  op->path = weft__copy_text(path);
  if (other != NULL)
    op->other = weft__copy_text(other);
  if (op->path == NULL || (other != NULL && op->other == NULL)) {
    weft__fs_free(op);
    return WEFT_ENOMEM;
  }
  *made = op;
  return WEFT_OK;
}

static int withdraw_wait(weft_runtime *rt, void *arg) {
  (void)rt;
  return weft__fs_withdraw(arg) ? WEFT_OK : WEFT_EBUSY;
}

bool weft__fs_describe(const struct task *task, char *text, size_t size_bytes) {
  if (task->withdraw != withdraw_wait)
    return false;
  const struct fs_op *op = task->withdraw_arg;
  snprintf(text, size_bytes, " of %s", op->path);
  return true;
}

int weft__fs_wait(struct fs_op *op, const char *what, uint64_t *value) {
  weft__fs_start(op);
  return weft__park(op->rt, NULL, what, 0, withdraw_wait, op, value);
}
