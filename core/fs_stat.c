/* SPDX-License-Identifier: MIT
 * fs_stat.c - what is known of a file, as a value.
 *
 * A value is a map of names to numbers, with the type as text: what has grown
 * in the systems over the years can be added without a change to the ABI. */
#include <string.h>
#include <sys/stat.h>

#include "fs.h"

/* -- Types ---------------------------------------------------------------- */

const char *weft__fs_type_name(uint64_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "directory";
  case S_IFLNK:
    return "link";
  case S_IFIFO:
    return "fifo";
  case S_IFSOCK:
    return "socket";
  case S_IFCHR:
    return "char";
  case S_IFBLK:
    return "block";
  default:
    return "unknown";
  }
}

/* -- The map -------------------------------------------------------------- */

enum { FIELD_COUNT = 16 };

struct fields {
  weft_value *keys[FIELD_COUNT];
  weft_value *values[FIELD_COUNT];
  size_t count;
  int status; /* of the first that could not be made */
};

/* Takes the value of the field named [name], made with [status]. */
static void add(struct fields *fields, const char *name, int status,
                weft_value *value) {
  if (status == WEFT_OK)
    status =
        weft_value_new_bytes(name, strlen(name), &fields->keys[fields->count]);
  fields->values[fields->count++] = value;
  if (fields->status == WEFT_OK)
    fields->status = status;
}

static void add_number(struct fields *fields, const char *name,
                       uint64_t number) {
  weft_value *value;
  int status = weft_value_new_int((int64_t)number, &value);
  add(fields, name, status, value);
}

static void add_text(struct fields *fields, const char *name,
                     const char *text) {
  weft_value *value;
  int status = weft_value_new_bytes(text, strlen(text), &value);
  add(fields, name, status, value);
}

static void add_time(struct fields *fields, const char *name,
                     uv_timespec_t time) {
  int64_t ns = (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_nsec;
  add_number(fields, name, (uint64_t)ns);
}

int weft__fs_stat_value(const uv_stat_t *stat, weft_value **value) {
  struct fields fields = {.count = 0};
  add_text(&fields, "type", weft__fs_type_name(stat->st_mode));
  add_number(&fields, "mode", stat->st_mode & 07777);
  add_number(&fields, "size", stat->st_size);
  add_number(&fields, "uid", stat->st_uid);
  add_number(&fields, "gid", stat->st_gid);
  add_number(&fields, "nlink", stat->st_nlink);
  add_number(&fields, "ino", stat->st_ino);
  add_number(&fields, "dev", stat->st_dev);
  add_number(&fields, "rdev", stat->st_rdev);
  add_number(&fields, "blksize", stat->st_blksize);
  add_number(&fields, "blocks", stat->st_blocks);
  add_time(&fields, "atime_ns", stat->st_atim);
  add_time(&fields, "mtime_ns", stat->st_mtim);
  add_time(&fields, "ctime_ns", stat->st_ctim);
  add_time(&fields, "birthtime_ns", stat->st_birthtim);
  *value = NULL;
  int status = fields.status;
  if (status == WEFT_OK)
    status =
        weft_value_new_map(fields.keys, fields.values, fields.count, value);
  for (size_t i = 0; i < fields.count; i++) {
    weft_value_unref(fields.keys[i]);
    weft_value_unref(fields.values[i]);
  }
  return status;
}

/* -- The call ------------------------------------------------------------- */

static void run_stat(struct fs_op *op) {
  uv_fs_t request;
  weft_value *value;
  int uv_code = op->flags ? uv_fs_stat(NULL, &request, op->path, NULL)
                          : uv_fs_lstat(NULL, &request, op->path, NULL);
  op->status = weft__fs_from_uv(uv_code);
  if (op->status == WEFT_OK) {
    op->status = weft__fs_stat_value(&request.statbuf, &value);
    weft__fs_set_value(op, value);
  }
  uv_fs_req_cleanup(&request);
}

int weft_fs_stat(weft_runtime *rt, const char *path, int follow,
                 uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, path, NULL, run_stat, &op);
  if (status != WEFT_OK)
    return status;
  op->flags = follow;
  return weft__fs_wait(op, "stat", value);
}
