/* SPDX-License-Identifier: MIT
 * fs.h - what the files of the file system share: work that a thread does.
 *
 *   fs_work.c queues it -> fs.c, fs_dir.c, fs_whole.c work on paths
 *                       -> file.h: open files
 *
 * The calls of the system block, so each piece of work is made by one of
 * libuv's threads, as many calls as it takes in one go. */
#ifndef WEFT_FS_H
#define WEFT_FS_H

#include "io.h"

/* A piece of work. It belongs to the loop until it begins and from its end on,
 * and to the thread in between. */
struct fs_op {
  weft_runtime *rt;
  struct list node;              /* in rt->fs.waiting, or .done */
  bool begun;                    /* taken out of the former; by the mutex */
  struct task *task;             /* who waits for it, or NULL */
  void (*run)(struct fs_op *op); /* in the thread: sets status and value */
  void (*end)(struct fs_op *op); /* on the loop, when it has run */
  void *owner;                   /* the file it works on, or NULL */
  int status;
  uint64_t value;

  /* What run is given; each kind of work has its use for them. */
  char *path; /* copies, freed with it; NULL: none */
  char *other;
  void *data;
  size_t size_bytes;
  int64_t offset;
  double times[2];
  int fd;
  int flags;
};

/* -- fs_work.c ------------------------------------------------------------ */

/* Work for the running task, or nobody's; NULL for want of memory. */
struct fs_op *weft__fs_new(weft_runtime *rt, void (*run)(struct fs_op *op));
void weft__fs_free(struct fs_op *op);
/* Queues it; one that is embedded in an object may be queued again. */
void weft__fs_start(struct fs_op *op);
/* Takes back what has not begun, and frees it. False if it has begun. */
bool weft__fs_withdraw(struct fs_op *op);
/* The code of a call of the system that has failed with errno, or of libuv's:
 * what weft has a meaning of its own for becomes the system's. */
int weft__fs_errno(void);
int weft__fs_from_uv(int uv_code);

/* The usual call on one or two paths: checks them, makes the work; then the
 * caller fills in the rest and returns weft__fs_wait, which starts it and parks
 * the task until it has ended. */
int weft__fs_begin(weft_runtime *rt, const char *path, const char *other,
                   void (*run)(struct fs_op *op), struct fs_op **op);
int weft__fs_wait(struct fs_op *op, const char *what, uint64_t *value);

/* -- For threads (fs_whole.c, fs_stat.c) ---------------------------------- */

/* Writes all of [data] at [offset], or, if that is negative, wherever the file
 * is; *written is how much of it was. */
int weft__fs_write_all(int fd, const char *data, size_t size_bytes,
                       int64_t offset, size_t *written);
/* One read, at [offset] or where the file is; *count 0 is the end. */
int weft__fs_read_some(int fd, char *data, size_t size_bytes, int64_t offset,
                       size_t *count);
/* The same on any thread: reads only what is in memory, false if that is
 * nothing, or cannot be known here. */
bool weft__fs_read_cached(int fd, char *data, size_t size_bytes, int64_t offset,
                          size_t *count);
/* A map of what is known of a file. */
int weft__fs_stat_value(const uv_stat_t *stat, weft_value **value);
const char *weft__fs_type_name(uint64_t mode);

static inline void weft__fs_set_value(struct fs_op *op, weft_value *value) {
  op->value = (uint64_t)(uintptr_t)value;
}

#endif
