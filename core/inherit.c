/* SPDX-License-Identifier: MIT
 * inherit.c - a child gets no descriptor but those it is given.
 *
 * What libuv opens is closed on exec; what others open often is not: a file of
 * io.open, a socket of some library. So all descriptors above 2 are marked,
 * and that is done in the child, before exec: it has a copy of the table to
 * itself, in which no other thread can open anything after the marking, and the
 * parent's own marks stay as they are.
 *
 * In the child only what may run in a signal handler is allowed. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "process.h"

static void mark(int fd) {
  int flags = fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
    fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static void mark_up_to(long last) {
  for (int fd = WEFT__FIRST_FD; fd <= last; fd++)
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
  if (*name == '\0' && fd >= WEFT__FIRST_FD)
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
  return syscall(SYS_close_range, WEFT__FIRST_FD, ~0u, only_mark) == 0;
#else
  return false;
#endif
}

void weft__inherit_nothing(void) {
  if (!mark_range() && !mark_listed())
    mark_up_to(sysconf(_SC_OPEN_MAX));
}
#else
void weft__inherit_nothing(void) {
  mark_up_to(sysconf(_SC_OPEN_MAX));
}
#endif
