/* SPDX-License-Identifier: MIT
 * fs_dir.c - directories: made, listed, removed with all that is in them.
 *
 * A tree is removed by descriptors, never by a path of more than one name: who
 * may write in the tree could otherwise put a link in the place of a directory
 * that we are about to enter, and have us remove what is elsewhere. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_PATH and the like are not in POSIX of 1990 */
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* -- Making --------------------------------------------------------------- */

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Makes [path]; one that is there already will do. */
static int make_one(const char *path, int mode) {
  if (mkdir(path, (mode_t)mode) == 0)
    return WEFT_OK;
  int status = weft__fs_errno();
  /* The root of a read-only file system exists, but that is not what it says */
  return is_directory(path) ? WEFT_OK : status;
}

/* Makes each directory on the way to the last. */
static int make_parents(char *path) {
  int status = WEFT_OK;
  for (char *place = path + 1; *place != '\0' && status == WEFT_OK; place++) {
    if (*place != '/')
      continue;
    *place = '\0';
    status = make_one(path, 0777);
    *place = '/';
  }
  return status;
}

static void run_mkdir(struct fs_op *op) {
  op->status =
      mkdir(op->path, (mode_t)op->flags) == 0 ? WEFT_OK : weft__fs_errno();
}

static void run_mkdir_parents(struct fs_op *op) {
  op->status = make_one(op->path, op->flags);
  if (op->status != WEFT_ENOENT)
    return;
  op->status = make_parents(op->path);
  if (op->status == WEFT_OK)
    op->status = make_one(op->path, op->flags);
}

int weft_fs_mkdir(weft_runtime *rt, const char *path, int mode, int parents) {
  struct fs_op *op;
  uint64_t unused;
  if (mode < 0 || mode > 07777)
    return WEFT_EINVAL;
  int status = weft__fs_begin(rt, path, NULL,
                              parents ? run_mkdir_parents : run_mkdir, &op);
  if (status != WEFT_OK)
    return status;
  op->flags = mode;
  return weft__fs_wait(op, "mkdir", &unused);
}

/* -- Listing -------------------------------------------------------------- */

static const char *type_at(int directory, const char *name, int type) {
  struct stat info;
  switch (type) {
  case UV_DIRENT_FILE:
    return "file";
  case UV_DIRENT_DIR:
    return "directory";
  case UV_DIRENT_LINK:
    return "link";
  case UV_DIRENT_FIFO:
    return "fifo";
  case UV_DIRENT_SOCKET:
    return "socket";
  case UV_DIRENT_CHAR:
    return "char";
  case UV_DIRENT_BLOCK:
    return "block";
  default: /* some file systems do not say */
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      return "unknown";
    return weft__fs_type_name(info.st_mode);
  }
}

/* Makes the [i]th pair of the map. */
static int add_entry(weft_value **pairs, size_t count, size_t i, int directory,
                     const uv_dirent_t *entry) {
  int status =
      weft_value_new_bytes(entry->name, strlen(entry->name), &pairs[i]);
  if (status != WEFT_OK)
    return status;
  const char *type = type_at(directory, entry->name, (int)entry->type);
  return weft_value_new_bytes(type, strlen(type), &pairs[count + i]);
}

/* What a scan has found, as a map: names, sorted, to types. */
static int new_listing(uv_fs_t *request, size_t count, int directory,
                       weft_value **map) {
  uv_dirent_t entry;
  int status = WEFT_OK;
  size_t size_bytes = 2 * count * sizeof(weft_value *);
  weft_value **pairs = count == 0 ? NULL : weft__alloc(size_bytes);
  if (pairs == NULL && count > 0)
    return WEFT_ENOMEM;
  for (size_t i = 0; i < count && status == WEFT_OK; i++) {
    uv_fs_scandir_next(request, &entry);
    status = add_entry(pairs, count, i, directory, &entry);
  }
  if (status == WEFT_OK)
    status = weft_value_new_map(pairs, pairs == NULL ? NULL : pairs + count,
                                count, map);
  for (size_t i = 0; i < 2 * count; i++)
    weft_value_unref(pairs[i]);
  weft__free(pairs, size_bytes);
  return status;
}

static void run_readdir(struct fs_op *op) {
  uv_fs_t request;
  weft_value *map = NULL;
  int directory = open(op->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    op->status = weft__fs_errno();
    return;
  }
  int count = uv_fs_scandir(NULL, &request, op->path, 0, NULL);
  op->status = weft__fs_from_uv(count);
  if (count >= 0)
    op->status = new_listing(&request, (size_t)count, directory, &map);
  /* libuv frees the last entry only when it is asked for one more. */
  uv_dirent_t entry;
  while (count >= 0 && uv_fs_scandir_next(&request, &entry) == 0)
    ;
  weft__fs_set_value(op, map);
  uv_fs_req_cleanup(&request);
  close(directory);
}

int weft_fs_readdir(weft_runtime *rt, const char *path, uint64_t *value) {
  struct fs_op *op;
  *value = 0;
  int status = weft__fs_begin(rt, path, NULL, run_readdir, &op);
  return status == WEFT_OK ? weft__fs_wait(op, "readdir", value) : status;
}

/* -- Removing ------------------------------------------------------------- */

static int remove_tree(int directory, const char *name);

static bool is_dots(const char *name) {
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Removes all that is in the directory, to the first failure. */
static int remove_entries(DIR *dir) {
  const struct dirent *entry;
  int status = WEFT_OK;
  errno = 0;
  while (status == WEFT_OK && (entry = readdir(dir)) != NULL) {
    if (!is_dots(entry->d_name))
      status = remove_tree(dirfd(dir), entry->d_name);
    errno = 0;
  }
  return status == WEFT_OK && errno != 0 ? weft__fs_errno() : status;
}

static int empty_directory(int directory, const char *name) {
  int fd = openat(directory, name, OPEN_DIRECTORY);
  if (fd < 0)
    return weft__fs_errno();
  DIR *dir = fdopendir(fd);
  if (dir == NULL) {
    close(fd);
    return WEFT_ENOMEM;
  }
  int status = remove_entries(dir);
  closedir(dir);
  return status;
}

/* Removes [name] in [directory] and, if that is one, all in it. What somebody
 * else has removed meanwhile is removed. */
static int remove_tree(int directory, const char *name) {
  if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
    return WEFT_OK;
  if (errno != EISDIR && errno != EPERM)
    return weft__fs_errno();
  int refused = weft__fs_errno();
  int status = empty_directory(directory, name);
  if (status == WEFT_ENOTDIR) /* a file that may not be removed */
    return refused;
  if (status != WEFT_OK)
    return status == WEFT_ENOENT ? WEFT_OK : status;
  if (unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
    return WEFT_OK;
  return weft__fs_errno();
}

static void run_remove_all(struct fs_op *op) {
  struct stat info;
  op->status = lstat(op->path, &info) != 0 ? weft__fs_errno()
                                           : remove_tree(AT_FDCWD, op->path);
}

int weft_fs_remove_all(weft_runtime *rt, const char *path) {
  struct fs_op *op;
  uint64_t unused;
  int status = weft__fs_begin(rt, path, NULL, run_remove_all, &op);
  return status == WEFT_OK ? weft__fs_wait(op, "remove_all", &unused) : status;
}
