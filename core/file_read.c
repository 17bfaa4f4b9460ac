/* SPDX-License-Identifier: MIT
 * file_read.c - reading open files: two blocks, of which one is worked on while
 * a thread reads the other.
 *
 * Every read of the system goes into the back block. When the front has been
 * consumed, or does not hold as much as a task wants, the back becomes the
 * front: what is left unread is copied to the room before it, and the two
 * change places. Then the next read ahead is started, of twice the size up to
 * 1 MiB, as long as the file is read in a row: after a jump nothing is read
 * that nobody has asked for.
 *
 * A thread costs more than copying what the system has in memory, and leaves it
 * in the cache of another processor. So from the second read in a row on the
 * loop's own thread reads what is there without waiting, just when it is
 * wanted, and nothing is read ahead; where the system says that it would have
 * to wait for the disk, threads read the next 16 pieces.
 *
 * Bytes leave the front by weft_file_consume only, so a fill that is cancelled
 * loses none. That the file has ended, or that a read has failed, is believed
 * only of a read that somebody waited for when it began: what was so some time
 * ago may have changed. */
#include <string.h>

#include "file.h"

#define READ_MIN ((size_t)64 * 1024)
/* Less is not asked for where the file is thought to end: it may have grown. */
#define READ_LEAST ((size_t)4 * 1024)
#define STREAK_MAX 4 /* READ_MIN, doubled so often, is the largest */
/* What the system has in memory is read at once, so much at a time: it stays
 * in the processor's cache, and copying it takes as long as waking a thread. */
#define CACHED_MAX ((size_t)128 * 1024)
/* Where the system has nothing in memory, threads read so often before it is
 * asked again. */
#define UNCACHED_READS 16
/* A task that wants very much gets it in pieces of this size. */
#define READ_MAX ((size_t)4 * 1024 * 1024)
/* The room before a block for what was left of the one before it. */
#define ROOM_BEFORE(size) ((size) / 4)
/* Blocks that had to be larger are not kept. */
#define KEEP_MAX ((size_t)2 * 1024 * 1024)

static size_t unread(const struct block *block) {
  return block->end - block->begin;
}

/* -- Blocks --------------------------------------------------------------- */

static void empty(struct block *block) {
  block->begin = block->end = 0;
}

static void free_block(struct block *block) {
  weft__free(block->data, block->capacity);
  *block = (struct block){NULL, 0, 0, 0};
}

static void empty_or_free(struct block *block) {
  empty(block);
  if (block->capacity > KEEP_MAX)
    free_block(block);
}

/* Room for [size_bytes] in a block with nothing in it, and before them. */
static bool make_ready(struct block *block, size_t size_bytes) {
  size_t needed = ROOM_BEFORE(size_bytes) + size_bytes;
  if (block->capacity < needed) {
    free_block(block);
    block->data = weft__resize(NULL, 0, needed);
    if (block->data == NULL)
      return false;
    block->capacity = needed;
  }
  block->begin = block->end = block->capacity - size_bytes;
  return true;
}

/* Room for [size_bytes] behind what is in the block. */
static bool make_room(struct block *block, size_t size_bytes) {
  size_t kept = unread(block);
  if (block->begin > 0)
    memmove(block->data, block->data + block->begin, kept);
  block->begin = 0;
  block->end = kept;
  if (block->capacity - kept >= size_bytes)
    return true;
  size_t capacity = kept + size_bytes;
  if (capacity < 2 * block->capacity)
    capacity = 2 * block->capacity;
  char *data = weft__resize(block->data, block->capacity, capacity);
  if (data == NULL)
    return false;
  block->data = data;
  block->capacity = capacity;
  return true;
}

/* Puts what is in the back behind what is in the front. */
static int bring_forward(struct file *f) {
  size_t rest = unread(&f->front);
  if (rest > f->back.begin) {
    if (!make_room(&f->front, unread(&f->back)))
      return WEFT_ENOMEM;
    memcpy(f->front.data + f->front.end, f->back.data + f->back.begin,
           unread(&f->back));
    f->front.end += unread(&f->back);
    empty_or_free(&f->back);
    return WEFT_OK;
  }
  struct block behind = f->back;
  if (rest > 0)
    memcpy(behind.data + behind.begin - rest, f->front.data + f->front.begin,
           rest);
  behind.begin -= rest;
  f->back = f->front;
  f->front = behind;
  empty_or_free(&f->back);
  return WEFT_OK;
}

void weft__file_drop_buffers(struct file *f) {
  empty(&f->front);
  if (f->ahead == NULL)
    empty(&f->back);
  else
    f->ahead_stale = true;
  f->streak = 0;
}

void weft__file_free_buffers(struct file *f) {
  free_block(&f->front);
  free_block(&f->back);
}

/* -- One read ------------------------------------------------------------- */

static void on_read(struct fs_op *op);

static void run_read(struct fs_op *op) {
  size_t count;
  op->status =
      weft__fs_read_some(op->fd, op->data, op->size_bytes, op->offset, &count);
  op->value = count;
}

/* How much to read next: of what is in a row more and more, never much more
 * than the file had, and at least what is wanted. */
static size_t next_size(const struct file *f, int64_t offset) {
  size_t size = READ_MIN << (f->streak > STREAK_MAX ? STREAK_MAX : f->streak);
  int64_t left = f->size_hint - offset;
  if (left >= 0 && f->size_hint > 0 && (uint64_t)left < size)
    size = (size_t)left + 1; /* the byte more shows that it is the end */
  if (size < READ_LEAST)
    size = READ_LEAST;
  size_t missing =
      f->wanted > unread(&f->front) ? f->wanted - unread(&f->front) : 0;
  if (missing > READ_MAX)
    missing = READ_MAX;
  return missing > size ? missing : size;
}

/* Reads what comes behind the front into the back, which is empty. */
static int start_read(struct file *f, bool asked) {
  int64_t offset = f->position + (int64_t)unread(&f->front);
  size_t size = next_size(f, offset);
  struct fs_op *op = weft__file_op(f, run_read, on_read);
  if (op == NULL)
    return WEFT_ENOMEM;
  if (!make_ready(&f->back, size)) {
    weft__fs_free(op);
    return WEFT_ENOMEM;
  }
  op->data = f->back.data + f->back.begin;
  op->size_bytes = size;
  op->offset = f->is_seekable ? offset : -1;
  f->ahead = op;
  f->ahead_asked = asked;
  f->uncached -= f->uncached > 0;
  weft__fs_start(op);
  return WEFT_OK;
}

/* Nobody has asked for it: that it cannot be is no failure. */
static void read_ahead(struct file *f) {
  if (f->is_regular && f->streak > 1 && f->uncached > 0 && !f->short_read &&
      f->ahead == NULL && unread(&f->back) == 0)
    start_read(f, false);
}

/* -- What is in memory ---------------------------------------------------- */

/* Whether it is worth trying: in a row, and not more than is copied soon. */
static bool may_be_cached(const struct file *f) {
  return f->is_regular && f->streak > 1 && f->uncached == 0 &&
         f->wanted - unread(&f->front) <= CACHED_MAX;
}

/* Reads what comes behind the front into the back, if no disk has to be waited
 * for. WEFT_EAGAIN: a thread has to read it; WEFT_EEND: there is no more. */
static int read_cached(struct file *f) {
  size_t count;
  int64_t offset = f->position + (int64_t)unread(&f->front);
  if (!may_be_cached(f))
    return WEFT_EAGAIN;
  if (!make_ready(&f->back, CACHED_MAX))
    return WEFT_ENOMEM;
  if (!weft__fs_read_cached(f->fd, f->back.data + f->back.begin, CACHED_MAX,
                            offset, &count)) {
    f->uncached = UNCACHED_READS;
    return WEFT_EAGAIN;
  }
  f->back.end = f->back.begin + count;
  return count > 0 ? WEFT_OK : WEFT_EEND;
}

/* -- Filling -------------------------------------------------------------- */

static int get_more(struct file *f) {
  if (unread(&f->back) > 0)
    return bring_forward(f);
  int status = read_cached(f);
  return status == WEFT_EAGAIN ? start_read(f, true) : status;
}

/* Goes on until as much as is wanted is in the front, WEFT_PARKED: a read is
 * under way. */
static int advance(struct file *f) {
  while (unread(&f->front) < f->wanted) {
    if (f->ahead != NULL)
      return WEFT_PARKED;
    int status = get_more(f);
    if (status != WEFT_OK)
      return status;
  }
  read_ahead(f);
  return WEFT_OK;
}

static void end_fill(struct file *f, int status) {
  struct task *task = f->user;
  f->user = NULL;
  f->wanted = 0;
  weft__wake(f->rt, task, status,
             status == WEFT_OK ? (uint64_t)unread(&f->front) : 0);
}

/* A read has ended for which the user waits. What has come is in the buffer
 * whatever happens; a cancellation need not wait for the rest. */
static void go_on(struct file *f, int status, bool asked, bool got_none) {
  if (asked && (status != WEFT_OK || got_none)) {
    end_fill(f, status == WEFT_OK ? WEFT_EEND : status);
    return;
  }
  if (unread(&f->front) + unread(&f->back) < f->wanted &&
      f->user->entry.cancelled) {
    weft__cancel_wait(f->rt, f->user);
    return;
  }
  status = advance(f);
  if (status != WEFT_PARKED)
    end_fill(f, status);
}

static void on_read(struct fs_op *op) {
  struct file *f = op->owner;
  size_t count = op->status == WEFT_OK ? (size_t)op->value : 0;
  int status = op->status;
  bool asked = f->ahead_asked && !f->ahead_stale;
  if (f->ahead_stale)
    count = 0;
  f->ahead = NULL;
  f->ahead_stale = false;
  f->short_read = count < op->size_bytes;
  f->back.end = f->back.begin + count;
  f->streak += count > 0;
  weft__fs_free(op);
  if (f->wanted > 0 && !f->closing)
    go_on(f, status, asked, count == 0);
  else if (f->wanted > 0)
    end_fill(f, WEFT_ECLOSED);
  weft__file_settle(f);
}

bool weft__file_stop_reading(struct file *f) {
  if (f->ahead == NULL || !weft__fs_withdraw(f->ahead))
    return false;
  f->ahead = NULL;
  f->ahead_stale = false;
  return true;
}

static int withdraw_fill(weft_runtime *rt, void *arg) {
  struct file *f = arg;
  (void)rt;
  if (f->ahead != NULL && !weft__file_stop_reading(f))
    return WEFT_EBUSY;
  f->user = NULL;
  f->wanted = 0;
  return WEFT_OK;
}

int weft_file_fill(weft_runtime *rt, weft_file file, size_t seen_bytes,
                   uint64_t *value) {
  struct file *f;
  *value = 0;
  int status = weft__file_begin(rt, file, WEFT_OPEN_READ, &f);
  if (status != WEFT_OK)
    return status;
  f->wanted = seen_bytes == SIZE_MAX ? SIZE_MAX : seen_bytes + 1;
  status = advance(f);
  if (status == WEFT_PARKED) {
    f->user = rt->current;
    return weft__park(rt, NULL, "read", file, withdraw_fill, f, value);
  }
  f->wanted = 0;
  if (status != WEFT_OK)
    return status;
  *value = unread(&f->front);
  return weft__park_skip(rt, *value);
}

int weft_file_peek(weft_runtime *rt, weft_file file, const char **data,
                   size_t *size_bytes) {
  struct file *f;
  *data = NULL;
  *size_bytes = 0;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  *size_bytes = unread(&f->front);
  *data = *size_bytes == 0 ? "" : f->front.data + f->front.begin;
  return WEFT_OK;
}

int weft_file_consume(weft_runtime *rt, weft_file file, size_t size_bytes) {
  struct file *f;
  int status = weft__object(rt, file, KIND_FILE, &f);
  if (status != WEFT_OK)
    return status;
  if (size_bytes > unread(&f->front))
    return WEFT_EINVAL;
  f->front.begin += size_bytes;
  f->position += (int64_t)size_bytes;
  return WEFT_OK;
}

/* -- Reading elsewhere ---------------------------------------------------- */

static void run_read_at(struct fs_op *op) {
  size_t count = 1;
  char *data = op->data;
  op->status = WEFT_OK;
  while (op->value < op->size_bytes && count > 0 && op->status == WEFT_OK) {
    op->status = weft__fs_read_some(op->fd, data + op->value,
                                    op->size_bytes - (size_t)op->value,
                                    op->offset + (int64_t)op->value, &count);
    op->value += count;
  }
}

static void end_read_at(struct fs_op *op) {
  weft__file_end(op->owner, op, op->status, op->value);
}

int weft_file_read_at(weft_runtime *rt, weft_file file, void *data,
                      size_t size_bytes, uint64_t offset, uint64_t *value) {
  struct file *f;
  *value = 0;
  if ((data == NULL && size_bytes > 0) || offset > INT64_MAX ||
      size_bytes > INT64_MAX - offset)
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, WEFT_OPEN_READ, &f);
  if (status != WEFT_OK)
    return status;
  if (!f->is_seekable)
    return WEFT_ESPIPE;
  struct fs_op *op = weft__file_op(f, run_read_at, end_read_at);
  if (op == NULL)
    return WEFT_ENOMEM;
  op->data = data;
  op->size_bytes = size_bytes;
  op->offset = (int64_t)offset;
  return weft__file_wait(f, op, "read_at", value);
}
