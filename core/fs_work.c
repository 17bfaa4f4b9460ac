/* SPDX-License-Identifier: MIT
 * fs_work.c - the queue of file work: what runs in libuv's threads, and when.
 *
 * libuv has few threads, four by default, which names are looked up in too. So
 * one fewer than there are is used for files at a time, and the rest of the
 * work waits here, first come first served. That way a thousand reads neither
 * keep a look-up waiting nor hold more descriptors than there are threads, and
 * what has not begun can be taken back by unlinking it.
 *
 * Work that has begun runs to its end, and the wait for it is kept: a thread
 * in a call of the system cannot be stopped. */
#include <errno.h>
#include <stdlib.h>

#include "fs.h"

/* libuv's own, unless UV_THREADPOOL_SIZE says otherwise. */
#define THREADS_DEFAULT 4
#define THREADS_MAX 1024

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
  default:
    if (uv_code ==
        uv_translate_sys_error(EDQUOT)) /* libuv has no name for it */
      return WEFT_EDQUOT;
    return weft__status_from_uv(uv_code);
  }
}

int weft__fs_errno(void) {
  return weft__fs_from_uv(uv_translate_sys_error(errno));
}

/* -- Life ----------------------------------------------------------------- */

void weft__fs_init(weft_runtime *rt) {
  const char *text = getenv("UV_THREADPOOL_SIZE");
  long threads = text == NULL ? THREADS_DEFAULT : strtol(text, NULL, 10);
  if (threads > THREADS_MAX)
    threads = THREADS_MAX;
  list_init(&rt->fs.waiting);
  rt->fs.running_max = threads > 2 ? (uint32_t)threads - 1 : 1;
  weft__pool_init(&rt->fs_ops_pool, sizeof(struct fs_op));
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

/* -- Running -------------------------------------------------------------- */

static void on_thread(uv_work_t *work) {
  struct fs_op *op = work->data;
  op->run(op);
}

static void on_done(uv_work_t *work, int uv_code);

static void submit(struct fs_op *op) {
  struct fs_queue *queue = &op->rt->fs;
  queue->running++;
  op->work.data = op;
  uv_queue_work(&op->rt->loop, &op->work, on_thread, on_done);
}

static void on_done(uv_work_t *work, int uv_code) {
  struct fs_op *op = work->data;
  weft_runtime *rt = op->rt;
  (void)uv_code; /* cancelled: it was withdrawn */
  rt->outside_work--;
  rt->fs.running--;
  if (!list_is_empty(&rt->fs.waiting)) {
    struct list *first = rt->fs.waiting.next;
    list_remove(first);
    submit(LIST_OWNER(first, struct fs_op, node));
  }
  if (op->withdrawn)
    weft__fs_free(op);
  else
    op->end(op);
}

void weft__fs_start(struct fs_op *op) {
  weft_runtime *rt = op->rt;
  rt->outside_work++;
  if (rt->fs.running < rt->fs.running_max)
    submit(op);
  else
    list_insert(&rt->fs.waiting, &op->node);
}

bool weft__fs_withdraw(struct fs_op *op) {
  weft_runtime *rt = op->rt;
  if (!list_is_empty(&op->node)) {
    list_remove(&op->node);
    rt->outside_work--;
    weft__fs_free(op);
    return true;
  }
  /* Others may keep libuv's threads busy, too. */
  op->withdrawn = uv_cancel((uv_req_t *)&op->work) == 0;
  return op->withdrawn;
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

int weft__fs_wait(struct fs_op *op, const char *what, uint64_t *value) {
  weft__fs_start(op);
  return weft__park(op->rt, NULL, what, 0, withdraw_wait, op, value);
}
