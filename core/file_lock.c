/* SPDX-License-Identifier: MIT
 * file_lock.c - locks of whole files, between processes and within one.
 *
 * They are flock's: advisory, and they belong to the open file, so two tasks
 * that have each opened it exclude each other too, and closing gives back. The
 * system can wait for one only by blocking a thread, for as long as somebody
 * else likes, and there are four. So a lock is tried, without waiting, again
 * and again with pauses that grow; who waits holds no thread and can be
 * cancelled. Nobody's turn is kept in such a wait, so there is no order. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock is in no standard */
#endif
#include <errno.h>
#include <sys/file.h>

#include "file.h"

#define PAUSE_MIN_NS UINT64_C(1000000)
#define PAUSE_MAX_NS UINT64_C(50000000)

static void try_again(weft_runtime *rt, void *arg);

static int lock_now(int fd, int operation) {
  int failed;
  do
    failed = flock(fd, operation | LOCK_NB);
  while (failed != 0 && errno == EINTR);
  return failed != 0 ? weft__fs_errno() : WEFT_OK;
}

static void run_lock(struct fs_op *op) {
  op->status =
      lock_now(op->fd, op->flags & WEFT_LOCK_SHARED ? LOCK_SH : LOCK_EX);
}

/* -- Waiting -------------------------------------------------------------- */

static void stop_timer(struct file *f) {
  weft_timer_cancel(f->rt, f->retry, NULL);
  weft_timer_close(f->rt, f->retry);
  f->retry = 0;
}

/* Keeps the work for the next try. */
static int pause_before_retry(struct file *f) {
  uint64_t now_ns;
  weft_now(f->rt, &now_ns);
  int status =
      weft_call_at(f->rt, now_ns + f->pause_ns, try_again, f, NULL, &f->retry);
  f->pause_ns *= 2;
  if (f->pause_ns > PAUSE_MAX_NS)
    f->pause_ns = PAUSE_MAX_NS;
  return status;
}

/* Another has it: try later, unless there is no reason to wait any more. */
static void end_lock(struct fs_op *op) {
  struct file *f = op->owner;
  int status = op->status;
  if (status == WEFT_EAGAIN && !(op->flags & WEFT_LOCK_NOWAIT)) {
    if (f->closing)
      status = WEFT_ECLOSED;
    else if (f->user->entry.cancelled)
      status = WEFT_ECANCELLED;
    else
      status = pause_before_retry(f);
    if (status == WEFT_OK)
      return;
  }
  if (status == WEFT_ECANCELLED) {
    f->op = NULL;
    weft__fs_free(op);
    weft__cancel_wait(f->rt, f->user);
    return;
  }
  weft__file_end(f, op, status, 0);
}

static void try_again(weft_runtime *rt, void *arg) {
  struct file *f = arg;
  weft_timer_close(rt, f->retry);
  f->retry = 0;
  weft__fs_start(f->op);
}

static int withdraw_lock(weft_runtime *rt, void *arg) {
  struct file *f = arg;
  (void)rt;
  if (f->retry != 0) {
    stop_timer(f);
    weft__fs_free(f->op);
  } else if (f->op != NULL && !weft__fs_withdraw(f->op)) {
    return WEFT_EBUSY;
  }
  f->op = NULL;
  f->user = NULL;
  return WEFT_OK;
}

void weft__file_stop_retry(struct file *f) {
  stop_timer(f);
  weft__file_end(f, f->op, WEFT_ECLOSED, 0);
}

/* -- Calls ---------------------------------------------------------------- */

int weft_file_lock(weft_runtime *rt, weft_file file, int flags) {
  struct file *f;
  uint64_t unused;
  if (flags < 0 || flags > (WEFT_LOCK_SHARED | WEFT_LOCK_NOWAIT))
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, 0, &f);
  if (status != WEFT_OK)
    return status;
  f->op = weft__file_op(f, run_lock, end_lock);
  if (f->op == NULL)
    return WEFT_ENOMEM;
  f->op->flags = flags;
  f->user = rt->current;
  f->pause_ns = PAUSE_MIN_NS;
  weft__fs_start(f->op);
  return weft__park(rt, NULL, "file lock", file, withdraw_lock, f, &unused);
}

/* Never blocks, so it needs no thread. */
int weft_file_unlock(weft_runtime *rt, weft_file file) {
  struct file *f;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  return f->fd < 0 ? WEFT_EBADF : lock_now(f->fd, LOCK_UN);
}
