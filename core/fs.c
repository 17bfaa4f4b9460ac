/* SPDX-License-Identifier: MIT
 * fs.c - calls on paths: one call of the system each, made in a thread.
 *
 * libuv's own functions for files are used, without its callback: then they
 * block, which in a thread is what we want, and hide what differs between
 * systems. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"

/* -- What has no result --------------------------------------------------- */

static void finish(struct fs_op *op, uv_fs_t *request, int uv_code) {
  op->status = weft__fs_from_uv(uv_code);
  uv_fs_req_cleanup(request);
}

/* Waits for work that has no value. */
static int wait_plainly(struct fs_op *op, const char *what) {
  uint64_t unused;
  return weft__fs_wait(op, what, &unused);
}

/* As C's remove: a file, or a directory that is empty. */
static void run_remove(struct fs_op *op) {
  uv_fs_t request;
  int uv_code = uv_fs_unlink(NULL, &request, op->path, NULL);
  uv_fs_req_cleanup(&request);
  if (uv_code == UV_EISDIR || uv_code == UV_EPERM) {
    int tried = uv_fs_rmdir(NULL, &request, op->path, NULL);
    uv_code = tried == UV_ENOTDIR ? uv_code : tried;
    uv_fs_req_cleanup(&request);
  }
  op->status = weft__fs_from_uv(uv_code);
}

int weft_fs_remove(weft_runtime *rt, const char *path) {
  struct fs_op *op;
  int status = weft__fs_begin(rt, path, NULL, run_remove, &op);
  return status == WEFT_OK ? wait_plainly(op, "remove") : status;
}

static void run_rename(struct fs_op *op) {
  uv_fs_t request;
  finish(op, &request, uv_fs_rename(NULL, &request, op->path, op->other, NULL));
}

int weft_fs_rename(weft_runtime *rt, const char *path, const char *new_path) {
  struct fs_op *op;
  if (new_path == NULL)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, new_path, run_rename, &op);
  return status == WEFT_OK ? wait_plainly(op, "rename") : status;
}

static void run_link(struct fs_op *op) {
  uv_fs_t request;
  finish(op, &request, uv_fs_link(NULL, &request, op->path, op->other, NULL));
}

int weft_fs_link(weft_runtime *rt, const char *path, const char *new_path) {
  struct fs_op *op;
  if (new_path == NULL)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, new_path, run_link, &op);
  return status == WEFT_OK ? wait_plainly(op, "link") : status;
}

static void run_symlink(struct fs_op *op) {
  uv_fs_t request;
  finish(op, &request,
         uv_fs_symlink(NULL, &request, op->path, op->other, 0, NULL));
}

int weft_fs_symlink(weft_runtime *rt, const char *target, const char *path) {
  struct fs_op *op;
  if (path == NULL)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, target, path, run_symlink, &op);
  return status == WEFT_OK ? wait_plainly(op, "symlink") : status;
}

static void run_chmod(struct fs_op *op) {
  uv_fs_t request;
  finish(op, &request, uv_fs_chmod(NULL, &request, op->path, op->flags, NULL));
}

int weft_fs_chmod(weft_runtime *rt, const char *path, int mode) {
  struct fs_op *op;
  if (mode < 0 || mode > 07777)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, NULL, run_chmod, &op);
  if (status != WEFT_OK)
    return status;
  op->flags = mode;
  return wait_plainly(op, "chmod");
}

static void run_utime(struct fs_op *op) {
  uv_fs_t request;
  finish(
      op, &request,
      uv_fs_utime(NULL, &request, op->path, op->times[0], op->times[1], NULL));
}

int weft_fs_utime(weft_runtime *rt, const char *path, double atime,
                  double mtime) {
  struct fs_op *op;
  if (!(atime > -1e11 && atime < 1e11 && mtime > -1e11 && mtime < 1e11))
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, NULL, run_utime, &op);
  if (status != WEFT_OK)
    return status;
  op->times[0] = atime;
  op->times[1] = mtime;
  return wait_plainly(op, "utime");
}

static void run_access(struct fs_op *op) {
  uv_fs_t request;
  finish(op, &request, uv_fs_access(NULL, &request, op->path, op->flags, NULL));
}

int weft_fs_access(weft_runtime *rt, const char *path, int rights) {
  struct fs_op *op;
  if (rights < 0 || rights > 7)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, NULL, run_access, &op);
  if (status != WEFT_OK)
    return status;
  op->flags = rights;
  return wait_plainly(op, "access");
}

/* -- What has a path for result ------------------------------------------- */

/* [text] is what the call has given, if it has not failed. */
static void finish_text(struct fs_op *op, uv_fs_t *request, int uv_code,
                        const char *text) {
  weft_value *value = NULL;
  op->status = weft__fs_from_uv(uv_code);
  if (op->status == WEFT_OK)
    op->status = weft_value_new_bytes(text, strlen(text), &value);
  weft__fs_set_value(op, value);
  uv_fs_req_cleanup(request);
}

static void run_readlink(struct fs_op *op) {
  uv_fs_t request;
  int uv_code = uv_fs_readlink(NULL, &request, op->path, NULL);
  finish_text(op, &request, uv_code, request.ptr);
}

int weft_fs_readlink(weft_runtime *rt, const char *path, uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, path, NULL, run_readlink, &op);
  return status == WEFT_OK ? weft__fs_wait(op, "readlink", value) : status;
}

/* Not by libuv, which frees with its allocator what comes from the C
 * library's. */
static void run_realpath(struct fs_op *op) {
  weft_value *value = NULL;
  char *text = realpath(op->path, NULL);
  op->status = text == NULL ? weft__fs_errno() : WEFT_OK;
  if (text != NULL)
    op->status = weft_value_new_bytes(text, strlen(text), &value);
  weft__fs_set_value(op, value);
  free(text);
}

int weft_fs_realpath(weft_runtime *rt, const char *path, uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, path, NULL, run_realpath, &op);
  return status == WEFT_OK ? weft__fs_wait(op, "realpath", value) : status;
}

#define ENDING "XXXXXX"

static void run_mkdtemp(struct fs_op *op) {
  weft_value *value = NULL;
  op->status = mkdtemp(op->path) == NULL ? weft__fs_errno() : WEFT_OK;
  if (op->status == WEFT_OK) {
    op->status = weft_value_new_bytes(op->path, strlen(op->path), &value);
    if (op->status != WEFT_OK)
      rmdir(op->path); /* nobody would know its name */
  }
  weft__fs_set_value(op, value);
}

int weft_fs_mkdtemp(weft_runtime *rt, const char *prefix, uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, prefix, NULL, run_mkdtemp, &op);
  if (status != WEFT_OK)
    return status;
  size_t length = strlen(prefix);
  char *template = weft__resize(op->path, length + 1, length + sizeof ENDING);
  if (template == NULL) {
    weft__fs_free(op);
    return WEFT_ENOMEM;
  }
  memcpy(template + length, ENDING, sizeof ENDING);
  op->path = template;
  return weft__fs_wait(op, "mkdtemp", value);
}
