/* SPDX-License-Identifier: MIT
 * frozen.c - a function that is run in a copy of the process, where nothing
 * else moves.
 *
 * A copy is what fork makes: all of the memory as it is now, and this thread
 * alone. So what other threads were in the middle of can be looked at there; if
 * it was in disorder, it is the copy that crashes or hangs, and the caller gets
 * no answer. What the function allocates must not come from malloc, whose lock
 * another thread may have had. */
#define _GNU_SOURCE /* pipe2, syscall */
#include "watchdog.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COPY_MS = 1000 }; /* how long it may take */

/* A crash of the copy is nobody's business, nor is a core of it. A signal that
 * is for the program, as Ctrl-C at its terminal, is not handled here, too. */
static void be_harmless(void) {
  static const int deadly[] = {SIGSEGV, SIGBUS,  SIGILL,
                               SIGFPE,  SIGABRT, SIGALRM};
  static const struct rlimit none;
  sigset_t blocked;
  sigfillset(&blocked);
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
    signal(deadly[i], SIG_DFL);
    sigdelset(&blocked, deadly[i]);
  }
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  setrlimit(RLIMIT_CORE, &none);
  alarm(COPY_MS / 1000 + 1);
}

static _Noreturn void answer(int fd, const void *result, size_t size) {
  const char *from = result;
  size_t left = size;
  while (left > 0) {
    ssize_t written = write(fd, from, left);
    if (written <= 0)
      break;
    from += written;
    left -= (size_t)written;
  }
  _exit(left == 0 ? 0 : 1);
}

static bool read_whole(int fd, void *to, size_t size) {
  uint64_t until_ns = watchdog_now_ns() + COPY_MS * UINT64_C(1000000);
  char *place = to;
  while (size > 0) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    uint64_t now = watchdog_now_ns();
    if (now >= until_ns ||
        poll(&ready, 1, (int)((until_ns - now) / 1000000) + 1) <= 0)
      return false;
    ssize_t length = read(fd, place, size);
    if (length <= 0)
      return false;
    place += length;
    size -= (size_t)length;
  }
  return true;
}

/* The copy is no child that the program could come across: its end sends no
 * signal, and waits for any child do not find it. */
bool frozen_call(void (*fn)(void *arg), void *arg, void *result, size_t size) {
  int ends[2], status;
  if (pipe2(ends, O_CLOEXEC) != 0)
    return false;
  pid_t copy = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
  if (copy == 0) {
    be_harmless();
    fn(arg);
    answer(ends[1], result, size);
  }
  close(ends[1]);
  bool seen = copy > 0 && read_whole(ends[0], result, size);
  close(ends[0]);
  if (copy > 0) {
    kill(copy, SIGKILL);
    while (waitpid(copy, &status, __WALL) < 0 && errno == EINTR)
      ;
  }
  return seen;
}

#else

bool frozen_call(void (*fn)(void *arg), void *arg, void *result, size_t size) {
  (void)fn;
  (void)arg;
  (void)result;
  (void)size;
  return false;
}

#endif
