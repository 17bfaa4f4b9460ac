/* SPDX-License-Identifier: MIT
 * file_write.c - writing open files.
 *
 * Nothing is buffered: when a write has returned, the system has the bytes. It
 * writes all of them or fails, and then tells how many it wrote. */
#include <unistd.h>

#include "file.h"

/* The system decides where the bytes of a file that is appended to go, and of
 * one without positions. */
static void run_write(struct fs_op *op) {
  size_t written;
  op->status = weft__fs_write_all(op->fd, op->data, op->size_bytes, op->offset,
                                  &written);
  op->value = written;
  if (op->flags & WEFT_OPEN_APPEND)
    op->offset = lseek(op->fd, 0, SEEK_CUR);
}

/* What was read ahead may be what was just written over. */
static void end_write(struct fs_op *op) {
  struct file *f = op->owner;
  if (f->is_seekable) {
    weft__file_drop_buffers(f);
    if (op->offset >= 0)
      f->position = op->offset;
    if (op->offset >= 0 && !(f->flags & WEFT_OPEN_APPEND))
      f->position += (int64_t)op->value;
  }
  weft__file_end(f, op, op->status, op->value);
}

static void end_write_at(struct fs_op *op) {
  weft__file_drop_buffers(op->owner);
  weft__file_end(op->owner, op, op->status, op->value);
}

static bool is_data(const void *data, size_t size_bytes) {
  return data != NULL || size_bytes == 0;
}

static int write_data(struct file *f, const void *data, size_t size_bytes,
                      int64_t offset, void (*end)(struct fs_op *op),
                      uint64_t *value) {
  struct fs_op *op = weft__file_op(f, run_write, end);
  if (op == NULL)
    return WEFT_ENOMEM;
  op->data = (void *)(uintptr_t)data;
  op->size_bytes = size_bytes;
  op->offset = offset;
  op->flags = end == end_write ? f->flags : 0;
  return weft__file_wait(f, op, "write", value);
}

int weft_file_write(weft_runtime *rt, weft_file file, const void *data,
                    size_t size_bytes, uint64_t *value) {
  struct file *f;
  *value = 0;
  if (!is_data(data, size_bytes))
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, WEFT_OPEN_WRITE, &f);
  if (status != WEFT_OK)
    return status;
  bool is_placed = f->is_seekable && !(f->flags & WEFT_OPEN_APPEND);
  return write_data(f, data, size_bytes, is_placed ? f->position : -1,
                    end_write, value);
}

int weft_file_write_at(weft_runtime *rt, weft_file file, const void *data,
                       size_t size_bytes, uint64_t offset, uint64_t *value) {
  struct file *f;
  *value = 0;
  if (!is_data(data, size_bytes) || offset > INT64_MAX ||
      size_bytes > INT64_MAX - offset)
    return WEFT_EINVAL;
  int status = weft__file_begin(rt, file, WEFT_OPEN_WRITE, &f);
  if (status != WEFT_OK)
    return status;
  if (!f->is_seekable || f->flags & WEFT_OPEN_APPEND)
    return WEFT_ESPIPE;
  return write_data(f, data, size_bytes, (int64_t)offset, end_write_at, value);
}
