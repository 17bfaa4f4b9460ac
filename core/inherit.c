/* SPDX-License-Identifier: MIT
 * inherit.c - a child gets no descriptor but those it is given.
 *
 * What libuv opens is closed on exec; what others open often is not: a file of
 * io.open, a socket of some library. So all descriptors above 2 are marked,
 * and that is done in the child, between fork and exec, by a handler of
 * pthread_atfork: the child has a copy of the table to itself, in which no
 * other thread can open anything after the marking, and the parent's own marks
 * stay as they are. The handler does nothing in other forks of the process.
 *
 * libuv after 1.52.1 no longer forks but spawns, without handlers; there, the
 * marks are made in the parent.
 *
 * In the child only what may run in a signal handler is allowed. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "process.h"

#define FIRST_FD 3
#define LAST_UV_THAT_FORKS ((1u << 16) | (52u << 8) | 1u)

static _Thread_local bool starting;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_failed;

/* -- Marking -------------------------------------------------------------- */

static void mark(int fd) {
  int flags = fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
    fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static void mark_up_to(long last) {
  for (int fd = FIRST_FD; fd <= last; fd++)
    mark(fd);
}

#ifdef __linux__
/* What the kernel writes; the C library's readdir may allocate. */
struct kernel_dirent {
  uint64_t inode;
  int64_t next;
  uint16_t size_bytes;
  uint8_t kind;
  char name[];
};

static void mark_named(const char *name) {
  int fd = 0;
  for (; *name >= '0' && *name <= '9'; name++)
    fd = fd * 10 + (*name - '0');
  if (*name == '\0' && fd >= FIRST_FD)
    mark(fd);
}

static void mark_entries(const char *entries, long size_bytes) {
  for (long at = 0; at < size_bytes;) {
    uint16_t entry_bytes;
    const char *entry = entries + at;
    memcpy(&entry_bytes, entry + offsetof(struct kernel_dirent, size_bytes),
           sizeof(entry_bytes));
    mark_named(entry + offsetof(struct kernel_dirent, name));
    at += entry_bytes;
  }
}

/* By the list of those that are open; false if there is no such list. */
static bool mark_listed(void) {
  char entries[4096];
  int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return false;
  long size_bytes;
  while ((size_bytes = syscall(SYS_getdents64, dir, entries, sizeof(entries))) >
         0)
    mark_entries(entries, size_bytes);
  close(dir);
  return size_bytes == 0;
}

/* In one call, which kernels before 5.11 do not have. */
static bool mark_range(void) {
#ifdef SYS_close_range
  const unsigned only_mark = 1u << 2; /* CLOSE_RANGE_CLOEXEC */
  return syscall(SYS_close_range, FIRST_FD, ~0u, only_mark) == 0;
#else
  return false;
#endif
}

static void mark_all(void) {
  if (!mark_range() && !mark_listed())
    mark_up_to(sysconf(_SC_OPEN_MAX));
}
#else
static void mark_all(void) {
  mark_up_to(sysconf(_SC_OPEN_MAX));
}
#endif

/* -- Around a start ------------------------------------------------------- */

static void in_child(void) {
  int saved = errno;
  if (starting)
    mark_all();
  errno = saved;
}

static void add_handler(void) {
  once_failed = pthread_atfork(NULL, NULL, in_child);
}

int weft__inherit_nothing(void) {
  pthread_once(&once, add_handler);
  if (once_failed != 0)
    return WEFT_ENOMEM;
  if (uv_version() > LAST_UV_THAT_FORKS)
    mark_all();
  starting = true;
  return WEFT_OK;
}

void weft__inherit_as_ever(void) {
  starting = false;
}
