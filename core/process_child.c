/* SPDX-License-Identifier: MIT
 * process_child.c - what a child does from its birth until it runs the program.
 *
 * It has the memory of the parent, whose thread stands still meanwhile and
 * whose others go on: so nothing is allocated, no lock is taken, and nothing is
 * written but what is the launch's own. Descriptors, signals and the folder are
 * the child's own.
 *
 * The order is that of libuv: signals, session, descriptors, folder, user. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* Of grp.h, whose struct group is another. */
int setgroups(size_t count, const gid_t *groups);

/* The status of a child that has not become the program; nobody is told. */
#define STATUS_OF_FAILURE 127

static _Noreturn void fail_at(const struct launch *launch, bool of_cwd) {
  struct failure failure = {.number = errno, .of_cwd = of_cwd};
  ssize_t count;
  do
    count = write(launch->report, &failure, sizeof(failure));
  while (count < 0 && errno == EINTR);
  _exit(STATUS_OF_FAILURE);
}

static _Noreturn void fail(const struct launch *launch) {
  fail_at(launch, false);
}

/* -- Signals -------------------------------------------------------------- */

/* Exec does so with handlers, not with what is ignored; and as soon as signals
 * are let through again, a handler of the parent's would run in its memory. */
static void reset_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++)
    if (number != SIGKILL && number != SIGSTOP)
      sigaction(number, &standard, NULL); /* the C library keeps two back */
}

static void let_signals_through(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* -- Descriptors ---------------------------------------------------------- */

/* A descriptor above the three, so that it is not overwritten. */
static int move_up(const struct launch *launch, int fd) {
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, WEFT__FIRST_FD);
  if (moved < 0)
    fail(launch);
  return moved;
}

/* Other programs expect to wait when they read and write. */
static void set_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0)
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void give_null(const struct launch *launch, int fd) {
  close(fd);
  int null = open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_RDWR);
  if (null < 0 || (null != fd && dup2(null, fd) < 0))
    fail(launch);
  if (null >= WEFT__FIRST_FD)
    close(null);
}

static void give(const struct launch *launch, int source, int fd) {
  int given = source == fd ? fcntl(fd, F_SETFD, 0) : dup2(source, fd);
  if (given < 0)
    fail(launch);
  set_blocking(fd);
}

/* In the order of their numbers: a source below has been overwritten when its
 * turn comes, so those are moved out of the way first. */
static void set_descriptors(struct launch *launch) {
  if (launch->report < WEFT__FIRST_FD)
    launch->report = move_up(launch, launch->report);
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    if (launch->fds[fd] >= 0 && launch->fds[fd] < fd)
      launch->fds[fd] = move_up(launch, launch->fds[fd]);
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    if (launch->fds[fd] < 0)
      give_null(launch, fd);
    else
      give(launch, launch->fds[fd], fd);
  weft__inherit_nothing();
}

/* -- The user ------------------------------------------------------------- */

/* Who gives up being root gives up its other groups, too; nobody else can. */
static void set_user(const struct launch *launch) {
  const struct process *p = launch->process;
  if (p->uid < 0 && p->gid < 0)
    return;
  setgroups(0, NULL);
  if (p->gid >= 0 && setgid((gid_t)p->gid) != 0)
    fail(launch);
  if (p->uid >= 0 && setuid((uid_t)p->uid) != 0)
    fail(launch);
}

/* -- The program ---------------------------------------------------------- */

/* Returns only if it cannot be run. What the system does not know as a program
 * is a script of the shell's, as for execvp. */
static void run(const struct launch *launch, char *path) {
  execve(path, launch->process->arguments.items, launch->env);
  if (errno != ENOEXEC)
    return;
  launch->script.items[1] = path;
  execve(launch->script.items[0], launch->script.items, launch->env);
}

/* Whether it may be found in another folder, as execvp has it. */
static bool may_be_elsewhere(int number) {
  return number == EACCES || number == ENOENT || number == ENOTDIR ||
         number == ESTALE || number == ENODEV || number == ETIMEDOUT;
}

/* The name of the program in the folder that [path] begins with; an empty one
 * is the current. */
static void name_in(char *found, const char *path, size_t length,
                    const char *program) {
  memcpy(found, path, length);
  if (length > 0)
    found[length++] = '/';
  memcpy(found + length, program, strlen(program) + 1);
}

/* Leaves in errno why none can be run: if one was found, that it may not. */
static void look_for(const struct launch *launch) {
  bool was_found = false;
  const char *path = launch->path;
  for (;;) {
    size_t length = strcspn(path, ":");
    name_in(launch->found, path, length, launch->process->arguments.items[0]);
    run(launch, launch->found);
    was_found |= errno == EACCES;
    if (!may_be_elsewhere(errno))
      return;
    if (path[length] == '\0')
      break;
    path += length + 1;
  }
  if (was_found)
    errno = EACCES;
}

_Noreturn void weft__child_run(struct launch *launch) {
  const struct process *p = launch->process;
  reset_signals();
  if (p->own_group)
    setsid();
  set_descriptors(launch);
  if (p->cwd != NULL && chdir(p->cwd) != 0)
    fail_at(launch, true);
  set_user(launch);
  let_signals_through();
  if (launch->path != NULL)
    look_for(launch);
  else
    run(launch, p->arguments.items[0]);
  fail(launch);
}
