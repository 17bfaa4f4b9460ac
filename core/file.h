/* SPDX-License-Identifier: MIT
 * file.h - what the files about open files share: the struct of one.
 *
 *   file.c opens and closes it, and does what needs no buffer
 *   file_read.c    its buffer, and reading ahead
 *   file_write.c   writing
 *   file_lock.c    locks */
#ifndef WEFT_FILE_H
#define WEFT_FILE_H

#include "fs.h"

/* Bytes of the file, data[begin, end). */
struct block {
  char *data;
  size_t capacity;
  size_t begin;
  size_t end;
};

struct file {
  weft_runtime *rt;
  weft_file handle; /* 0 once the end has begun */
  char *path;
  int fd;           /* -1: not open yet */
  int flags;        /* enum weft_open_flags */
  bool is_regular;  /* its bytes can be read ahead, for they are there */
  bool is_seekable; /* it has positions */

  /* The one operation under way. */
  struct task *user; /* whose it is; NULL: none */
  struct fs_op *op;  /* that is in its way or in a thread; NULL: none is */
  weft_timer retry;  /* until it fires, a lock is not tried again; 0: none */
  uint64_t pause_ns; /* before the try after the next */

  /* Reading (file_read.c): in [front] is what is unread, and behind it comes
   * what is in [back], which is read while the user works on the front. */
  int64_t position; /* of the first unread byte; where a write begins */
  struct block front;
  struct block back;
  struct fs_op *ahead; /* reads into the back; NULL: nothing does */
  bool ahead_stale;    /* what it reads is not wanted any more */
  bool ahead_asked;    /* a task waited for it when it began */
  bool short_read;     /* the last read gave less than it might: the end */
  unsigned streak;     /* reads in a row without a jump in between */
  unsigned uncached;   /* reads for threads before memory is tried again */
  size_t wanted;       /* how many bytes the user wants in the front */
  int64_t size_hint;   /* the file's size when it was opened; 0: not known */

  /* The end. */
  bool closing;         /* asked for */
  bool ended;           /* begun: only the closing of the descriptor is left */
  struct task *closer;  /* who waits for it, or NULL */
  struct fs_op last_op; /* the closing: it must not fail for want of memory */
};

/* -- file.c --------------------------------------------------------------- */

/* What a call on an open file begins with; the flags that it needs are
 * enum weft_open_flags. */
int weft__file_begin(weft_runtime *rt, weft_file handle, int needs,
                     struct file **file);
/* Work on the file for the running task, NULL for want of memory; [end] is
 * called when it has run, and calls weft__file_end first. */
struct fs_op *weft__file_op(struct file *f, void (*run)(struct fs_op *op),
                            void (*end)(struct fs_op *op));
/* Starts it, and parks the task until [end] has woken it. */
int weft__file_wait(struct file *f, struct fs_op *op, const char *what,
                    uint64_t *value);
/* The operation is over: wakes its task and frees the work; returns the file,
 * which may begin to close. */
void weft__file_end(struct file *f, struct fs_op *op, int status,
                    uint64_t value);
/* Closes it now if that was asked for and nothing is under way any more. */
void weft__file_settle(struct file *f);

/* -- file_read.c ---------------------------------------------------------- */

/* Forgets what was read and not consumed: the position has moved. */
void weft__file_drop_buffers(struct file *f);
void weft__file_free_buffers(struct file *f);
/* Takes back a read that has not begun. False: it has, or there is none. */
bool weft__file_stop_reading(struct file *f);

/* -- file_lock.c ---------------------------------------------------------- */

/* The file's closing ends the wait for a lock. */
void weft__file_stop_retry(struct file *f);

#endif
