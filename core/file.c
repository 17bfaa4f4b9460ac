/* SPDX-License-Identifier: MIT
 * file.c - open files: their life, and what needs no buffer.
 *
 * A file has a position of its own and tells it to the system with each call,
 * so that what is read ahead moves nothing. One operation is under way at a
 * time; reading ahead is none. The end begins at once for everybody else, and
 * the descriptor is closed, in a thread, when nothing uses it any more. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fdatasync beside -std=c11 */
#endif
#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define FLAGS_ALL (2 * WEFT_OPEN_EXCLUSIVE - 1)
#define FLAGS_OF_WRITING                                                       \
  (WEFT_OPEN_CREATE | WEFT_OPEN_TRUNCATE | WEFT_OPEN_APPEND |                  \
   WEFT_OPEN_EXCLUSIVE)

/* -- Operations ----------------------------------------------------------- */

int weft__file_begin(weft_runtime *rt, weft_file handle, int needs,
                     struct file **file) {
  struct file *f;
  int status = weft__object(rt, handle, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  *file = f;
  if (f->fd < 0)
    return WEFT_EBADF;
  if ((f->flags & needs) != needs)
    return WEFT_ESTATE;
  if (f->user != NULL)
    return WEFT_EBUSY;
  return weft__park_begin(rt);
}

struct fs_op *weft__file_op(struct file *f, void (*run)(struct fs_op *op),
                            void (*end)(struct fs_op *op)) {
  struct fs_op *op = weft__fs_new(f->rt, run);
  if (op == NULL)
    return NULL;
  op->end = end;
  op->owner = f;
  op->fd = f->fd;
  return op;
}

/* Takes back the operation if it has not begun. */
static bool withdraw_op(struct file *f) {
  if (f->op == NULL || !weft__fs_withdraw(f->op))
    return false;
  f->op = NULL;
  f->user = NULL;
  return true;
}

static int withdraw_wait(weft_runtime *rt, void *arg) {
  (void)rt;
  return withdraw_op(arg) ? WEFT_OK : WEFT_EBUSY;
}

int weft__file_wait(struct file *f, struct fs_op *op, const char *what,
                    uint64_t *value) {
  f->op = op;
  f->user = f->rt->current;
  weft__fs_start(op);
  return weft__park(f->rt, NULL, what, f->handle, withdraw_wait, f, value);
}

void weft__file_end(struct file *f, struct fs_op *op, int status,
                    uint64_t value) {
  struct task *task = f->user;
  f->op = NULL;
  f->user = NULL;
  weft__fs_free(op);
  weft__wake(f->rt, task, status, value);
  weft__file_settle(f);
}

static void end_plain(struct fs_op *op) {
  weft__file_end(op->owner, op, op->status, op->value);
}

void weft__file_describe(const void *object, char *text, size_t size_bytes) {
  const struct file *f = object;
  snprintf(text, size_bytes, " of %s (descriptor %d)", f->path, f->fd);
}

/* -- The end -------------------------------------------------------------- */

static void free_file(struct file *f) {
  weft__file_free_buffers(f);
  weft__free_text(f->path);
  weft__free(f, sizeof(*f));
}

static void run_close(struct fs_op *op) {
  uv_fs_t request;
  op->status = weft__fs_from_uv(uv_fs_close(NULL, &request, op->fd, NULL));
  uv_fs_req_cleanup(&request);
}

static void end_close(struct fs_op *op) {
  struct file *f = op->owner;
  if (f->closer != NULL)
    weft__wake(f->rt, f->closer, op->status, 0);
  free_file(f);
}

void weft__file_settle(struct file *f) {
  if (!f->closing || f->ended || f->user != NULL || f->ahead != NULL)
    return;
  f->ended = true;
  f->last_op = (struct fs_op){
      .rt = f->rt, .run = run_close, .end = end_close, .owner = f, .fd = f->fd};
  list_init(&f->last_op.node);
  weft__fs_start(&f->last_op);
}

/* From here on the handle is stale. What has not begun is not done. */
static void begin_close(struct file *f) {
  struct task *user = f->user;
  weft__handle_free(f->rt, f->handle);
  f->handle = 0;
  f->closing = true;
  if (f->retry != 0) {
    weft__file_stop_retry(f);
    return;
  }
  bool undone = f->op == NULL ? weft__file_stop_reading(f) : withdraw_op(f);
  if (undone && user != NULL) {
    f->user = NULL;
    weft__wake(f->rt, user, WEFT_ECLOSED, 0);
  }
}

void weft__file_dispose(weft_runtime *rt, void *object) {
  struct file *f = object;
  (void)rt;
  begin_close(f);
  weft__file_settle(f);
}

int weft_file_close(weft_runtime *rt, weft_file file) {
  struct file *f;
  uint64_t unused;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin_kept(rt);
  if (status != WEFT_OK)
    return status;
  f->closer = rt->current;
  begin_close(f);
  weft__file_settle(f);
  return weft__park(rt, NULL, "close", file, NULL, NULL, &unused);
}

int weft_file_abort(weft_runtime *rt, weft_file file) {
  struct file *f;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  weft__file_dispose(rt, f);
  return WEFT_OK;
}

/* -- Opening -------------------------------------------------------------- */

static int system_flags(int flags) {
  int system = O_RDONLY;
  if (flags & WEFT_OPEN_WRITE)
    system = flags & WEFT_OPEN_READ ? O_RDWR : O_WRONLY;
  system |= flags & WEFT_OPEN_CREATE ? O_CREAT : 0;
  system |= flags & WEFT_OPEN_TRUNCATE ? O_TRUNC : 0;
  system |= flags & WEFT_OPEN_APPEND ? O_APPEND : 0;
  return flags & WEFT_OPEN_EXCLUSIVE ? system | O_EXCL : system;
}

/* A directory can be opened for reading, but nothing is read of it. */
static int look_at(struct file *f) {
  struct stat info;
  if (fstat(f->fd, &info) != 0)
    return weft__fs_errno();
  if (S_ISDIR(info.st_mode))
    return WEFT_EISDIR;
  f->is_regular = S_ISREG(info.st_mode);
  f->is_seekable = lseek(f->fd, 0, SEEK_CUR) >= 0;
  f->size_hint = f->is_regular ? info.st_size : 0;
  return WEFT_OK;
}

static void run_open(struct fs_op *op) {
  struct file *f = op->owner;
  uv_fs_t request;
  int fd = uv_fs_open(NULL, &request, f->path,
                      system_flags(f->flags) | O_CLOEXEC, op->flags, NULL);
  uv_fs_req_cleanup(&request);
  op->status = weft__fs_from_uv(fd);
  if (fd < 0)
    return;
  f->fd = fd;
  op->status = look_at(f);
  if (op->status != WEFT_OK)
    close(fd);
}

static void end_open(struct fs_op *op) {
  struct file *f = op->owner;
  if (op->status == WEFT_OK) {
    weft__file_end(f, op, WEFT_OK, f->handle);
    return;
  }
  weft__wake(f->rt, f->user, op->status, 0);
  weft__handle_free(f->rt, f->handle);
  weft__fs_free(op);
  free_file(f);
}

static int withdraw_open(weft_runtime *rt, void *arg) {
  struct file *f = arg;
  if (!withdraw_op(f))
    return WEFT_EBUSY;
  weft__handle_free(rt, f->handle);
  free_file(f);
  return WEFT_OK;
}

static int new_file(weft_runtime *rt, const char *path, int flags,
                    struct file **file) {
  weft_file handle;
  struct file *f;
  int status = weft__object_new(rt, KIND_FILE, sizeof(*f), &f, &handle);
  if (status != WEFT_OK)
    return status;
  f->rt = rt;
  f->handle = handle;
  f->fd = -1;
  f->flags = flags;
  f->streak = 1;
  f->path = weft__copy_text(path);
  f->op = weft__file_op(f, run_open, end_open);
  if (f->path == NULL || f->op == NULL) {
    if (f->op != NULL)
      weft__fs_free(f->op);
    weft__handle_free(rt, handle);
    free_file(f);
    return WEFT_ENOMEM;
  }
  *file = f;
  return WEFT_OK;
}

static bool are_flags(int flags) {
  if (flags <= 0 || flags > FLAGS_ALL)
    return false;
  if ((flags & (WEFT_OPEN_READ | WEFT_OPEN_WRITE)) == 0)
    return false;
  return flags & WEFT_OPEN_WRITE || (flags & FLAGS_OF_WRITING) == 0;
}

bool weft__open_describe(const struct task *task, char *text,
                         size_t size_bytes) {
  if (task->withdraw != withdraw_open)
    return false;
  const struct file *f = task->withdraw_arg;
  snprintf(text, size_bytes, " of %s", f->path);
  return true;
}

int weft_file_open(weft_runtime *rt, const char *path, int flags, int mode,
                   uint64_t *value) {
  struct file *f;
  *value = 0;
  if (path == NULL || path[0] == '\0' || !are_flags(flags) || mode < 0 ||
      mode > 07777)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status == WEFT_OK)
    status = new_file(rt, path, flags, &f);
  if (status != WEFT_OK)
    return status;
  f->op->flags = mode;
  f->user = rt->current;
  weft__fs_start(f->op);
  return weft__park(rt, NULL, "open", 0, withdraw_open, f, value);
}

int weft_file_get_path(weft_runtime *rt, weft_file file, const char **path) {
  struct file *f;
  *path = NULL;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status == WEFT_OK)
    *path = f->path;
  return status;
}

/* -- Positions ------------------------------------------------------------ */

int weft_file_get_position(weft_runtime *rt, weft_file file,
                           uint64_t *position) {
  struct file *f;
  *position = 0;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status == WEFT_OK)
    *position = (uint64_t)f->position;
  return status;
}

static bool is_unread(const struct file *f, int64_t position) {
  uint64_t unread = f->front.end - f->front.begin;
  return position >= f->position &&
         (uint64_t)(position - f->position) <= unread;
}

static void move_to(struct file *f, int64_t position) {
  if (is_unread(f, position))
    f->front.begin += (size_t)(position - f->position);
  else
    weft__file_drop_buffers(f);
  f->position = position;
}

/* [base] + [offset] as a position; negative if it is none. */
static int64_t add_offset(int64_t base, int64_t offset) {
  if (offset > 0 && base > INT64_MAX - offset)
    return -1;
  return base + offset;
}

static void run_seek_end(struct fs_op *op) {
  off_t size = lseek(op->fd, 0, SEEK_END);
  op->status = size < 0 ? weft__fs_errno() : WEFT_OK;
  int64_t position = size < 0 ? -1 : add_offset(size, op->offset);
  if (size >= 0 && position < 0)
    op->status = WEFT_EINVAL;
  op->value = position < 0 ? 0 : (uint64_t)position;
}

static void end_seek(struct fs_op *op) {
  struct file *f = op->owner;
  if (op->status == WEFT_OK)
    move_to(f, (int64_t)op->value);
  end_plain(op);
}

static int seek_from_end(struct file *f, int64_t offset, uint64_t *value) {
  struct fs_op *op = weft__file_op(f, run_seek_end, end_seek);
  if (op == NULL)
    return WEFT_ENOMEM;
  op->offset = offset;
  return weft__file_wait(f, op, "seek", value);
}

int weft_file_seek(weft_runtime *rt, weft_file file, int64_t offset, int whence,
                   uint64_t *value) {
  struct file *f;
  *value = 0;
  if (whence < WEFT_SEEK_SET || whence > WEFT_SEEK_END)
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, 0, &f);
  if (status != WEFT_OK)
    return status;
  if (!f->is_seekable)
    return WEFT_ESPIPE;
  if (whence == WEFT_SEEK_END)
    return seek_from_end(f, offset, value);
  int64_t base = whence == WEFT_SEEK_SET ? 0 : f->position;
  int64_t position = add_offset(base, offset);
  if (position < 0)
    return WEFT_EINVAL;
  move_to(f, position);
  *value = (uint64_t)position;
  return weft__park_skip(rt, *value);
}

/* -- Size, durability, what is known -------------------------------------- */

/* Makes the work and waits; [run] may need one number. */
static int work_on(struct file *f, void (*run)(struct fs_op *op),
                   int64_t number, const char *what, uint64_t *value) {
  struct fs_op *op = weft__file_op(f, run, end_plain);
  if (op == NULL)
    return WEFT_ENOMEM;
  op->offset = number;
  return weft__file_wait(f, op, what, value);
}

static void run_truncate(struct fs_op *op) {
  int failed;
  do
    failed = ftruncate(op->fd, (off_t)op->offset);
  while (failed != 0 && errno == EINTR);
  op->status = failed ? weft__fs_errno() : WEFT_OK;
}

int weft_file_truncate(weft_runtime *rt, weft_file file, uint64_t size_bytes) {
  struct file *f;
  uint64_t unused;
  if (size_bytes > INT64_MAX)
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, WEFT_OPEN_WRITE, &f);
  if (status != WEFT_OK)
    return status;
  weft__file_drop_buffers(f);
  return work_on(f, run_truncate, (int64_t)size_bytes, "truncate", &unused);
}

static void run_sync(struct fs_op *op) {
  int failed = op->offset ? fdatasync(op->fd) : fsync(op->fd);
  op->status = failed ? weft__fs_errno() : WEFT_OK;
}

int weft_file_sync(weft_runtime *rt, weft_file file, int data_only) {
  struct file *f;
  uint64_t unused;
  int status = weft__file_begin(rt, file, 0, &f);
  if (status != WEFT_OK)
    return status;
  return work_on(f, run_sync, data_only != 0, "sync", &unused);
}

static void run_stat(struct fs_op *op) {
  uv_fs_t request;
  weft_value *value = NULL;
  op->status = weft__fs_from_uv(uv_fs_fstat(NULL, &request, op->fd, NULL));
  if (op->status == WEFT_OK)
    op->status = weft__fs_stat_value(&request.statbuf, &value);
  weft__fs_set_value(op, value);
  uv_fs_req_cleanup(&request);
}

int weft_file_stat(weft_runtime *rt, weft_file file, uint64_t *value) {
  struct file *f;
  *value = 0;
  int status = weft__file_begin(rt, file, 0, &f);
  return status == WEFT_OK ? work_on(f, run_stat, 0, "stat", value) : status;
}
