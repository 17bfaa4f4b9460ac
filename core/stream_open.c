/* SPDX-License-Identifier: MIT
 * stream_open.c - streams of descriptors that somebody else has opened:
 * sockets, pipes and terminals.
 *
 * libuv's kind for terminals is not used: it puts its own descriptor in the
 * place of the one it was given, which then does not block for anybody else in
 * the process either. Whatever can be polled and read can be a uv_pipe_t.
 *
 * The standard descriptors are shared with the shell, with children, with the
 * C library; if they did not block, those would fail. So pipes and terminals
 * are opened once more, by their names, and the copy does not block. Where that
 * cannot be done (a socket, no /proc, another user's terminal) the descriptor
 * itself has to stop blocking; it blocks again when the last stream on one of
 * the three has ended, or at the latest when the process does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "stream.h"

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Standard descriptors ------------------------------------------------- */

/* They belong to the process, so this does as well. */
static struct {
  uv_once_t once;
  uv_mutex_t mutex;
  unsigned streams; /* that use one of the three itself */
  bool changed[3];  /* which were made not to block */
} standard = {.once = UV_ONCE_INIT};

static void block_again(void) {
  for (int fd = 0; fd < 3; fd++) {
    if (standard.changed[fd])
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    standard.changed[fd] = false;
  }
}

static void init_standard(void) {
  uv_mutex_init(&standard.mutex);
  atexit(block_again);
}

static void use_standard(int fd, int flags) {
  uv_once(&standard.once, init_standard);
  uv_mutex_lock(&standard.mutex);
  standard.streams++;
  if ((flags & O_NONBLOCK) == 0)
    standard.changed[fd] = true;
  uv_mutex_unlock(&standard.mutex);
}

void weft__stream_leave_standard(void) {
  uv_mutex_lock(&standard.mutex);
  if (--standard.streams == 0)
    block_again();
  uv_mutex_unlock(&standard.mutex);
}

/* The side of a terminal that a program as this one plays; opened anew it would
 * be another terminal's. */
static bool is_terminal_master(int fd) {
#ifdef TIOCGPTN
  int number;
  return ioctl(fd, TIOCGPTN, &number) == 0;
#else
  (void)fd;
  return false;
#endif
}

/* The same pipe or terminal anew, -1 where that cannot be. */
static int reopen(int fd, int flags) {
  char path[32];
  if (is_terminal_master(fd))
    return -1;
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* -- Opening -------------------------------------------------------------- */

/* Whether the descriptor can be a stream, and then of which kind. */
static int find_kind(int fd, enum stream_kind *kind) {
  switch (uv_guess_handle(fd)) {
  case UV_TCP:
    *kind = STREAM_TCP;
    return WEFT_OK;
  case UV_NAMED_PIPE:
  case UV_TTY:
    *kind = STREAM_PIPE;
    return WEFT_OK;
  default:
    return WEFT_ENOTSUP;
  }
}

int weft__stream_open(struct stream *s, int fd) {
  int uv_code = s->uv.handle.type == UV_TCP ? uv_tcp_open(&s->uv.tcp, fd)
                                            : uv_pipe_open(&s->uv.pipe, fd);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  if (!uv_is_readable(&s->uv.stream))
    s->read_status = WEFT_ENOTSUP;
  if (!uv_is_writable(&s->uv.stream))
    s->write_status = WEFT_ENOTSUP;
  return WEFT_OK;
}

static int open_new(weft_runtime *rt, int fd, enum stream_kind kind,
                    struct stream **made) {
  int status = weft__stream_new(rt, kind, made);
  if (status != WEFT_OK)
    return status;
  status = weft__stream_open(*made, fd);
  if (status != WEFT_OK)
    weft__stream_end(*made);
  return status;
}

/* What a standard descriptor may be as well: a file, or /dev/null. */
static int open_blocking(weft_runtime *rt, int fd, int flags,
                         struct stream **made) {
  int status = weft__stream_new(rt, STREAM_PIPE, made);
  if (status != WEFT_OK)
    return status;
  status = weft__blocking_open(*made, fd, flags);
  if (status != WEFT_OK)
    weft__stream_end(*made);
  return status;
}

static int open_standard(weft_runtime *rt, int fd, int flags,
                         enum stream_kind kind, struct stream **made) {
  int copy = reopen(fd, flags);
  int status = open_new(rt, copy < 0 ? fd : copy, kind, made);
  if (status != WEFT_OK && copy >= 0)
    close(copy);
  if (status != WEFT_OK || copy >= 0)
    return status;
  use_standard(fd, flags);
  (*made)->standard = true;
  return WEFT_OK;
}

static int open_any(weft_runtime *rt, int fd, int flags, struct stream **made) {
  bool is_standard = fd <= STDERR_FILENO;
  enum stream_kind kind;
  if (is_standard && uv_guess_handle(fd) == UV_FILE)
    return open_blocking(rt, fd, flags, made);
  int status = find_kind(fd, &kind);
  if (status != WEFT_OK)
    return status;
  return is_standard ? open_standard(rt, fd, flags, kind, made)
                     : open_new(rt, fd, kind, made);
}

int weft_stream_open(weft_runtime *rt, int fd, weft_stream *stream) {
  *stream = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return errno == EBADF ? WEFT_EINVAL : from_errno();
  struct stream *s;
  int status = open_any(rt, fd, flags, &s);
  if (status == WEFT_OK)
    *stream = s->handle;
  return status;
}
