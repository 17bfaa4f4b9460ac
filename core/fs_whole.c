/* SPDX-License-Identifier: MIT
 * fs_whole.c - whole files: read, written, replaced, copied, each in one go.
 *
 * A file that is replaced is written under another name beside it and renamed
 * at the end, so that whoever opens it finds the old content or the new one and
 * never a part; what has failed before that leaves no other file. A link keeps
 * pointing where it did: what it points to is replaced. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fchmod, O_CLOEXEC, preadv2 beside -std=c11 */
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs.h"
#include "value.h"

/* Read first of a file whose size nobody knows, as of those in /proc. */
#define ROOM_MIN ((size_t)16 * 1024)
/* Copied at a time. */
#define PIECE_BYTES ((size_t)128 * 1024)
/* As many links in a row as the system follows. */
#define LINKS_MAX 40
/* What one call takes, on every system. */
#define CALL_MAX ((size_t)1 << 30)

/* -- Calls of the system -------------------------------------------------- */

int weft__fs_read_some(int fd, char *data, size_t size_bytes, int64_t offset,
                       size_t *count) {
  ssize_t n;
  *count = 0;
  if (size_bytes > CALL_MAX)
    size_bytes = CALL_MAX;
  do
    n = offset < 0 ? read(fd, data, size_bytes)
                   : pread(fd, data, size_bytes, (off_t)offset);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return weft__fs_errno();
  *count = (size_t)n;
  return WEFT_OK;
}

bool weft__fs_read_cached(int fd, char *data, size_t size_bytes, int64_t offset,
                          size_t *count) {
#ifdef RWF_NOWAIT
  struct iovec piece = {.iov_base = data, .iov_len = size_bytes};
  ssize_t n = preadv2(fd, &piece, 1, (off_t)offset, RWF_NOWAIT);
  *count = n < 0 ? 0 : (size_t)n;
  return n >= 0;
#else /* not Linux, or an old one */
  (void)fd, (void)data, (void)size_bytes, (void)offset;
  *count = 0;
  return false;
#endif
}

int weft__fs_write_all(int fd, const char *data, size_t size_bytes,
                       int64_t offset, size_t *written) {
  *written = 0;
  while (*written < size_bytes) {
    size_t left = size_bytes - *written;
    const char *from = data + *written;
    if (left > CALL_MAX)
      left = CALL_MAX;
    ssize_t n = offset < 0 ? write(fd, from, left)
                           : pwrite(fd, from, left,
                                    (off_t)(offset + (int64_t)*written));
    if (n < 0 && errno != EINTR)
      return weft__fs_errno();
    *written += n < 0 ? 0 : (size_t)n;
  }
  return WEFT_OK;
}

static int open_file(const char *path, int flags, int mode, int *fd) {
  do
    *fd = open(path, flags | O_CLOEXEC, mode);
  while (*fd < 0 && errno == EINTR);
  return *fd < 0 ? weft__fs_errno() : WEFT_OK;
}

/* A delayed failure to write is told by the last call. */
static int close_file(int fd, int status) {
  uv_fs_t request;
  int uv_code = uv_fs_close(NULL, &request, fd, NULL);
  uv_fs_req_cleanup(&request);
  return status == WEFT_OK ? weft__fs_from_uv(uv_code) : status;
}

/* -- Reading -------------------------------------------------------------- */

/* How much to expect: the size and one byte more, which shows the end. */
static int expected_size(int fd, size_t limit, size_t *room) {
  struct stat info;
  *room = ROOM_MIN;
  if (fstat(fd, &info) != 0)
    return weft__fs_errno();
  if (S_ISDIR(info.st_mode))
    return WEFT_EISDIR;
  if (!S_ISREG(info.st_mode) || info.st_size <= 0)
    return WEFT_OK;
  if ((uint64_t)info.st_size > limit)
    return WEFT_EOVERRUN;
  *room = (size_t)info.st_size + 1;
  return WEFT_OK;
}

/* Fills [*value], which grows as need be; *size is how much there was. */
static int read_into(int fd, weft_value **value, size_t room, size_t limit,
                     size_t *size) {
  for (;;) {
    size_t count;
    int status = weft__fs_read_some(fd, weft__value_room(*value) + *size,
                                    room - *size, -1, &count);
    if (status != WEFT_OK || count == 0)
      return status;
    *size += count;
    if (*size > limit)
      return WEFT_EOVERRUN;
    if (*size < room)
      continue;
    if (room > SIZE_MAX / 2)
      return WEFT_ENOMEM;
    room *= 2;
    status = weft__value_resize(value, room);
    if (status != WEFT_OK)
      return status;
  }
}

static int read_whole(int fd, size_t limit, weft_value **value) {
  size_t room, size = 0;
  *value = NULL;
  int status = expected_size(fd, limit, &room);
  if (status == WEFT_OK)
    status = weft__value_new_room(room, value);
  if (status != WEFT_OK)
    return status;
  status = read_into(fd, value, room, limit, &size);
  if (status == WEFT_OK)
    status = weft__value_resize(value, size);
  if (status == WEFT_OK)
    return status;
  weft_value_unref(*value);
  *value = NULL;
  return status;
}

static void run_read_file(struct fs_op *op) {
  int fd;
  weft_value *value;
  op->status = open_file(op->path, O_RDONLY, 0, &fd);
  if (op->status != WEFT_OK)
    return;
  op->status = read_whole(fd, op->size_bytes, &value);
  close_file(fd, WEFT_OK);
  weft__fs_set_value(op, value);
}

int weft_fs_read_file(weft_runtime *rt, const char *path, size_t limit_max,
                      uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, path, NULL, run_read_file, &op);
  if (status != WEFT_OK)
    return status;
  op->size_bytes = limit_max;
  return weft__fs_wait(op, "read_file", value);
}

/* -- Replacing ------------------------------------------------------------ */

/* A file that is to take the place of another. */
struct replacement {
  char *path;   /* of what is replaced, links followed; libc's */
  char *beside; /* of the new file */
  size_t beside_bytes;
  int fd;
  int directory;   /* to be synced; -1: it may not be read */
  bool exclusive;  /* nothing may be replaced, whoever makes it meanwhile */
  bool has_old;    /* there is something to be replaced: */
  struct stat old; /* this */
};

/* The length of the path's part up to the last slash; 0: there is none. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

/* What the link [path] says as a path, libc's; NULL if it is no link, or for
 * want of memory. */
static char *read_link(const char *path) {
  char text[PATH_MAX];
  ssize_t length = readlink(path, text, sizeof text - 1);
  if (length <= 0)
    return NULL;
  text[length] = '\0';
  size_t folder = text[0] == '/' ? 0 : folder_length(path);
  size_t size_bytes = folder + (size_t)length + 1;
  char *target = malloc(size_bytes);
  if (target != NULL)
    snprintf(target, size_bytes, "%.*s%s", (int)folder, path, text);
  return target;
}

/* Where there is nothing yet: the path, or where the links there lead to. */
static char *follow_to_nothing(const char *path) {
  char *at = strdup(path);
  for (int left = LINKS_MAX; left > 0 && at != NULL; left--) {
    char *next = read_link(at);
    if (next == NULL)
      break;
    free(at);
    at = next;
  }
  return at;
}

/* The path with its links followed, also where it is of nothing yet. */
static int follow(struct replacement *r, const char *path) {
  r->has_old = stat(path, &r->old) == 0;
  if (!r->has_old && errno != ENOENT)
    return weft__fs_errno();
  if (r->has_old && !S_ISREG(r->old.st_mode))
    return S_ISDIR(r->old.st_mode) ? WEFT_EISDIR : WEFT_ENOTSUP;
  r->path = r->has_old ? realpath(path, NULL) : follow_to_nothing(path);
  return r->path == NULL ? weft__fs_errno() : WEFT_OK;
}

/* Syncing a directory is what makes the rename last; one that may be written in
 * but not read cannot be. */
static int open_directory(struct replacement *r) {
  size_t length = folder_length(r->path);
  char *folder = length == 0 ? strdup(".") : strndup(r->path, length);
  if (folder == NULL)
    return WEFT_ENOMEM;
  int status = open_file(folder, O_RDONLY | O_DIRECTORY, 0, &r->directory);
  free(folder);
  return status == WEFT_EACCES ? WEFT_OK : status;
}

/* In the manner of mkstemp, but the mode of a new file is the umask's. */
static int open_beside(struct replacement *r) {
  size_t folder = folder_length(r->path);
  r->beside_bytes = folder + sizeof ".weft-0123456789abcdef.tmp";
  r->beside = weft__alloc(r->beside_bytes);
  if (r->beside == NULL)
    return WEFT_ENOMEM;
  int status;
  do {
    uint64_t random = uv_hrtime();
    uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
    snprintf(r->beside, r->beside_bytes, "%.*s.weft-%016llx.tmp", (int)folder,
             r->path, (unsigned long long)random);
    status = open_file(r->beside, O_WRONLY | O_CREAT | O_EXCL,
                       r->has_old ? 0600 : 0666, &r->fd);
  } while (status == WEFT_EEXIST);
  return status;
}

/* The new file gets the mode of the old one, and its owner where we may: if
 * not, what depends on the owner is not taken over. */
static int take_over_mode(struct replacement *r) {
  mode_t mode = r->old.st_mode & 07777;
  if (!r->has_old)
    return WEFT_OK;
  if (fchown(r->fd, r->old.st_uid, r->old.st_gid) != 0)
    mode &= 0777;
  return fchmod(r->fd, mode) != 0 ? weft__fs_errno() : WEFT_OK;
}

static int begin_replacing(struct replacement *r, const char *path) {
  *r = (struct replacement){.fd = -1, .directory = -1};
  int status = follow(r, path);
  if (status == WEFT_OK)
    status = open_directory(r);
  return status == WEFT_OK ? open_beside(r) : status;
}

static int sync_fd(int fd) {
  return fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP
             ? weft__fs_errno()
             : WEFT_OK;
}

/* A link is not made where there is something, which a rename would replace. */
static int put_in_place(struct replacement *r) {
  if (!r->exclusive)
    return rename(r->beside, r->path) == 0 ? WEFT_OK : weft__fs_errno();
  if (link(r->beside, r->path) != 0)
    return weft__fs_errno();
  unlink(r->beside);
  return WEFT_OK;
}

/* Puts it in place, unless [status] says that it has failed, and lets go of
 * all. */
static int end_replacing(struct replacement *r, int status, bool sync) {
  if (r->fd >= 0) {
    if (status == WEFT_OK)
      status = take_over_mode(r);
    if (status == WEFT_OK && sync)
      status = sync_fd(r->fd);
    status = close_file(r->fd, status);
    if (status == WEFT_OK)
      status = put_in_place(r);
    if (status != WEFT_OK)
      unlink(r->beside);
    else if (sync && r->directory >= 0)
      status = sync_fd(r->directory);
  }
  if (r->directory >= 0)
    close(r->directory);
  weft__free(r->beside, r->beside_bytes);
  free(r->path);
  return status;
}

/* -- Writing -------------------------------------------------------------- */

static void run_replace(struct fs_op *op) {
  struct replacement r;
  size_t written = 0;
  op->status = begin_replacing(&r, op->path);
  if (op->status == WEFT_OK)
    op->status =
        weft__fs_write_all(r.fd, op->data, op->size_bytes, -1, &written);
  op->status = end_replacing(&r, op->status, true);
  op->value = written;
}

static int open_flags(int flags) {
  int system = O_WRONLY | O_CREAT;
  system |= flags & WEFT_WRITE_APPEND ? O_APPEND : O_TRUNC;
  return flags & WEFT_WRITE_EXCLUSIVE ? system | O_EXCL : system;
}

static void run_write_file(struct fs_op *op) {
  int fd;
  size_t written;
  op->status = open_file(op->path, open_flags(op->flags), 0666, &fd);
  if (op->status != WEFT_OK)
    return;
  op->status = weft__fs_write_all(fd, op->data, op->size_bytes, -1, &written);
  if (op->status == WEFT_OK && op->flags & WEFT_WRITE_SYNC)
    op->status = sync_fd(fd);
  op->status = close_file(fd, op->status);
  op->value = written;
}

int weft_fs_write_file(weft_runtime *rt, const char *path, const void *data,
                       size_t size_bytes, int flags, uint64_t *value) {
  struct fs_op *op;
  const int others = WEFT_WRITE_APPEND | WEFT_WRITE_EXCLUSIVE;
  *value = 0;
  if ((data == NULL && size_bytes > 0) || flags < 0 ||
      flags >= 2 * WEFT_WRITE_SYNC ||
      (flags & WEFT_WRITE_ATOMIC && flags & others))
    return WEFT_EINVAL;
  int status = weft__fs_begin(
      rt, path, NULL, flags & WEFT_WRITE_ATOMIC ? run_replace : run_write_file,
      &op);
  if (status != WEFT_OK)
    return status;
  op->data = (void *)(uintptr_t)data;
  op->size_bytes = size_bytes;
  op->flags = flags;
  return weft__fs_wait(op, "write_file", value);
}

/* -- Copying -------------------------------------------------------------- */

static int copy_bytes(int from, int to) {
  size_t count, written;
  char *piece = weft__resize(NULL, 0, PIECE_BYTES);
  if (piece == NULL)
    return WEFT_ENOMEM;
  int status;
  do {
    status = weft__fs_read_some(from, piece, PIECE_BYTES, -1, &count);
    if (status == WEFT_OK)
      status = weft__fs_write_all(to, piece, count, -1, &written);
  } while (status == WEFT_OK && count > 0);
  weft__free(piece, PIECE_BYTES);
  return status;
}

/* The copy has the permissions of what was copied. */
static int copy_to(int from, struct replacement *r, const char *path,
                   bool exclusive) {
  struct stat source;
  if (fstat(from, &source) != 0)
    return weft__fs_errno();
  if (S_ISDIR(source.st_mode))
    return WEFT_EISDIR;
  int status = begin_replacing(r, path);
  if (status != WEFT_OK)
    return status;
  r->exclusive = exclusive;
  if (exclusive && r->has_old)
    return WEFT_EEXIST;
  bool is_same = r->has_old && r->old.st_ino == source.st_ino &&
                 r->old.st_dev == source.st_dev;
  status = is_same ? WEFT_EEXIST : copy_bytes(from, r->fd);
  r->has_old = false;
  if (status == WEFT_OK && fchmod(r->fd, source.st_mode & 0777) != 0)
    status = weft__fs_errno();
  return status;
}

static void run_copy(struct fs_op *op) {
  struct replacement r = {.fd = -1, .directory = -1};
  int from;
  op->status = open_file(op->path, O_RDONLY, 0, &from);
  if (op->status != WEFT_OK)
    return;
  op->status = copy_to(from, &r, op->other, op->flags != 0);
  op->status = end_replacing(&r, op->status, false);
  close(from);
}

int weft_fs_copy_file(weft_runtime *rt, const char *path, const char *new_path,
                      int exclusive) {
  struct fs_op *op;
  uint64_t unused;
  if (new_path == NULL)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, new_path, run_copy, &op);
  if (status != WEFT_OK)
    return status;
  op->flags = exclusive;
  return weft__fs_wait(op, "copy_file", &unused);
}
