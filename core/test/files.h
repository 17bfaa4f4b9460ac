/* SPDX-License-Identifier: MIT
 * files.h - what the tests of files need: a directory of their own, plain files
 * in it, and threads that are kept busy.
 *
 * FILE_TEST("sentence") { ... } is a TASK_TEST (loopback.h) whose body has the
 * path of a fresh directory in [dir], which must be empty again at its end but
 * for what at() and plain_write() made there. */
#ifndef WEFT_FILES_H
#define WEFT_FILES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mount: to be included first */
#endif

#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "loopback.h"

#define RD WEFT_OPEN_READ
#define WR WEFT_OPEN_WRITE
#define CREATE (WEFT_OPEN_CREATE | WEFT_OPEN_WRITE)

/* -- The directory -------------------------------------------------------- */

static char files_dir[64];

/* The path of [name] in the directory; good for a few calls more. */
static inline const char *at(const char *name) {
  static char paths[8][160];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof(paths[0]), "%s/%s", files_dir, name);
  return path;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *ftw) {
  (void)info;
  (void)type;
  (void)ftw;
  return remove(path);
}

static inline void make_dir(void) {
  snprintf(files_dir, sizeof(files_dir), "/tmp/weft-test-XXXXXX");
  CHECK(mkdtemp(files_dir) != NULL);
}

static inline void remove_dir(void) {
  CHECK_INT(0, nftw(files_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

#define FILE_TEST(sentence)                                                    \
  static void CHECK_JOIN(in_dir_, __LINE__)(weft_runtime * rt);                \
  TASK_TEST(sentence) {                                                        \
    make_dir();                                                                \
    CHECK_JOIN(in_dir_, __LINE__)(rt);                                         \
    remove_dir();                                                              \
  }                                                                            \
  static void CHECK_JOIN(in_dir_, __LINE__)(weft_runtime * rt)

/* -- Plain files ---------------------------------------------------------- */

static inline void plain_put(const char *path, int flags, const char *data,
                             size_t size_bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  CHECK(fd >= 0);
  CHECK_INT(size_bytes, write(fd, data, size_bytes));
  CHECK_INT(0, close(fd));
}

/* Makes [text] the content of the file [name] and gives its path. */
static inline const char *plain_write(const char *name, const char *text) {
  const char *path = at(name);
  plain_put(path, O_TRUNC, text, strlen(text));
  return path;
}

static inline void plain_append(const char *name, const char *text) {
  plain_put(at(name), O_APPEND, text, strlen(text));
}

/* A file of [size_bytes] of the pattern. */
static inline const char *plain_pattern(const char *name, size_t size_bytes) {
  const char *path = at(name);
  char *data = malloc(size_bytes + 1);
  for (size_t i = 0; i < size_bytes; i++)
    data[i] = pattern(i);
  plain_put(path, O_TRUNC, data, size_bytes);
  free(data);
  return path;
}

/* The content of a small file, good until the next call. */
static inline const char *plain_read(const char *name) {
  static char text[4096];
  int fd = open(at(name), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return "(none)";
  ssize_t count = read(fd, text, sizeof(text) - 1);
  CHECK(count >= 0);
  text[count < 0 ? 0 : count] = '\0';
  close(fd);
  return text;
}

static inline bool exists(const char *name) {
  struct stat info;
  return lstat(at(name), &info) == 0;
}

/* The number of names in the directory. */
static inline int count_names(void) {
  DIR *stream = opendir(files_dir);
  const struct dirent *entry;
  int count = 0;
  while ((entry = readdir(stream)) != NULL)
    count +=
        strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(stream);
  return count;
}

/* -- Open files ----------------------------------------------------------- */

static inline weft_file open_at(weft_runtime *rt, const char *name, int flags) {
  uint64_t file;
  CHECK_INT(WEFT_OK, weft_file_open(rt, at(name), flags, 0644, &file));
  return file;
}

static inline void close_it(weft_runtime *rt, weft_file file) {
  CHECK_INT(WEFT_OK, weft_file_close(rt, file));
}

static inline void write_text(weft_runtime *rt, weft_file file,
                              const char *text) {
  uint64_t written;
  CHECK_INT(WEFT_OK, weft_file_write(rt, file, text, strlen(text), &written));
  CHECK_INT(strlen(text), written);
}

/* Takes [size_bytes] off the file's front and compares them. */
static inline bool take_is(weft_runtime *rt, weft_file file, const char *text) {
  uint64_t value;
  const char *data;
  size_t size_bytes = strlen(text), size;
  int status = weft_file_fill(rt, file, size_bytes - 1, &value);
  CHECK_INT(WEFT_OK, status);
  if (status != WEFT_OK)
    return false;
  CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &size));
  CHECK_INT(value, size);
  bool is = memcmp(data, text, size_bytes) == 0;
  CHECK_INT(WEFT_OK, weft_file_consume(rt, file, size_bytes));
  return is;
}

static inline uint64_t position_of(weft_runtime *rt, weft_file file) {
  uint64_t position;
  CHECK_INT(WEFT_OK, weft_file_get_position(rt, file, &position));
  return position;
}

static inline uint64_t seek_to(weft_runtime *rt, weft_file file, int64_t offset,
                               int whence) {
  uint64_t position;
  CHECK_INT(WEFT_OK, weft_file_seek(rt, file, offset, whence, &position));
  CHECK_INT(position, position_of(rt, file));
  return position;
}

static inline void plain_send_to(int fd, const char *text) {
  CHECK_INT(strlen(text), write(fd, text, strlen(text)));
}

static inline void drop_value(uint64_t value) {
  weft_value_unref((weft_value *)(uintptr_t)value);
}

/* -- Jobs ----------------------------------------------------------------- */

/* job.data is the path, job.port the flags. */
static inline int call_open(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  return weft_file_open(rt, job->data, job->port, 0644, value);
}

static inline int call_file_fill(weft_runtime *rt, struct job *job,
                                 uint64_t *value) {
  return weft_file_fill(rt, job->object, job->size_bytes, value);
}

static inline int call_file_write(weft_runtime *rt, struct job *job,
                                  uint64_t *value) {
  return weft_file_write(rt, job->object, job->data, job->size_bytes, value);
}

static inline int call_file_close(weft_runtime *rt, struct job *job,
                                  uint64_t *value) {
  (void)value;
  return weft_file_close(rt, job->object);
}

/* -- Busy threads ---------------------------------------------------------
 * Opening a FIFO blocks its thread until somebody opens the other end. */

enum { PLUGS = 3 }; /* so many threads are used for files at a time */

static const char *const plug_names[PLUGS] = {"plug1", "plug2", "plug3"};

/* The number of threads that are blocked in the system call [number]. */
static inline int count_blocked(long number) {
  DIR *tasks = opendir("/proc/self/task");
  const struct dirent *entry;
  int count = 0;
  while ((entry = readdir(tasks)) != NULL) {
    char path[300], text[64] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_other = entry->d_name[0] != '.' &&
                    strtol(entry->d_name, NULL, 10) != syscall(SYS_gettid);
    if (fd < 0 || !is_other) {
      close(fd);
      continue;
    }
    if (read(fd, text, sizeof(text) - 1) > 0 && text[0] >= '0' &&
        text[0] <= '9')
      count += strtol(text, NULL, 10) == number;
    close(fd);
  }
  closedir(tasks);
  return count;
}

/* Blocks until [count] threads are in the system call, that is, until their
 * work has begun. */
static inline void await_blocked(long number, int count) {
  while (count_blocked(number) < count)
    sched_yield();
}

/* Starts a job that opens a FIFO and lets it begin. */
static inline void start_plug(weft_runtime *rt, struct job *job,
                              const char *name, bool stepped) {
  CHECK_INT(0, mkfifo(at(name), 0600));
  *job = (struct job){.call = call_open, .data = strdup(at(name)), .port = RD};
  start_job(rt, job, stepped);
}

/* Lets an opening of the FIFO go on. */
static inline void pull_plug(const char *name) {
  int fd = open(at(name), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  CHECK(fd >= 0);
  CHECK_INT(0, close(fd));
}

static inline void end_plug(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, join_job(rt, job));
  CHECK_INT(WEFT_OK, weft_file_close(rt, job->value));
  free((void *)(uintptr_t)job->data);
}

/* Keeps all threads that are for files busy. */
static inline void plug_all(weft_runtime *rt, struct job *jobs) {
  for (int i = 0; i < PLUGS; i++)
    start_plug(rt, &jobs[i], plug_names[i], i % 2 == 0);
  await_blocked(SYS_openat, PLUGS);
}

static inline void unplug_all(weft_runtime *rt, struct job *jobs) {
  int fds[PLUGS];
  for (int i = 0; i < PLUGS; i++)
    fds[i] = open(at(plug_names[i]), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  for (int i = 0; i < PLUGS; i++) {
    end_plug(rt, &jobs[i]);
    CHECK_INT(0, close(fds[i]));
  }
}

/* -- A small disk --------------------------------------------------------- */

/* Mounts a file system of [size_bytes] in memory at [name]; false where we may
 * not. */
static inline bool mount_small(const char *name, size_t size_bytes,
                               unsigned long flags) {
  char options[32];
  snprintf(options, sizeof(options), "size=%zu", size_bytes);
  CHECK_INT(0, mkdir(at(name), 0755));
  return mount("weft-test", at(name), "tmpfs", flags, options) == 0;
}

static inline void unmount(const char *name) {
  CHECK_INT(0, umount2(at(name), MNT_DETACH));
}

#endif
