/* SPDX-License-Identifier: MIT
 * process_start.c - starting a described process.
 *
 * Everything that can fail is made first, so that the birth of the child is the
 * last step: pipes and their streams, the environment, room for the names that
 * the program may have. Whatever fails, what was made before is undone, and
 * neither a pipe nor a child is left.
 *
 * The child is born by vfork: it has the memory of this process until it runs
 * the program, and the thread waits for that. A fork, which libuv makes, copies
 * the page tables, and each page that is written afterwards is copied as well:
 * that is as dear as the whole rest of a short process. The child of another
 * user gets its memory to itself, lest that user could look into ours.
 *
 * The child tells by a pipe, which the program does not get, why it cannot run:
 * sanitizers and valgrind make a fork of vfork, after which memory tells
 * nothing.
 *
 * The pipes are real ones. libuv would make socket pairs, which a child cannot
 * open by the name /dev/stdin, and whose buffers are not a pipe's. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "stream.h"

/* Where a program is looked for if the environment names no folders. */
#define USUAL_PATH "/bin:/usr/bin"
#define SHELL "/bin/sh"

extern char **environ;

/* -- Pipes ---------------------------------------------------------------- */

static int status_of(int number) {
  return weft__status_from_uv(uv_translate_sys_error(number));
}

static int last_status(void) {
  return status_of(errno);
}

/* Makes the stream of our end of a pipe; takes it, also on failure. */
static int open_stream(struct process *p, int fd, int own_end) {
  struct stream *s;
  int status = weft__stream_new(p->rt, STREAM_PIPE, &s);
  if (status == WEFT_OK) {
    status = weft__stream_open(s, own_end);
    if (status != WEFT_OK)
      weft__stream_end(s);
  }
  if (status != WEFT_OK)
    close(own_end);
  else
    p->stdio[fd].stream = s->handle;
  return status;
}

static int open_pipe(struct process *p, struct launch *launch, int fd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return last_status();
  int child_end = ends[fd == STDIN_FILENO ? 0 : 1];
  launch->fds[fd] = launch->opened[fd] = child_end;
  return open_stream(p, fd, ends[fd == STDIN_FILENO ? 1 : 0]);
}

static int open_stdio(struct process *p, struct launch *launch, int fd) {
  switch (p->stdio[fd].how) {
  case WEFT_STDIO_FD:
    launch->fds[fd] = p->stdio[fd].source;
    return fcntl(launch->fds[fd], F_GETFD) < 0 ? last_status() : WEFT_OK;
  case WEFT_STDIO_PIPE:
    return open_pipe(p, launch, fd);
  default:
    return WEFT_OK;
  }
}

/* A parent's descriptor that is closed is none to be inherited; a pipe opened
 * meanwhile may get its number, so these come first. */
static void find_inherited(const struct process *p, struct launch *launch) {
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    if (p->stdio[fd].how == WEFT_STDIO_INHERIT && fcntl(fd, F_GETFD) >= 0)
      launch->fds[fd] = fd;
}

static int join_same(const struct process *p, struct launch *launch) {
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++) {
    int source = p->stdio[fd].source;
    if (p->stdio[fd].how != WEFT_STDIO_SAME)
      continue;
    if (p->stdio[source].how == WEFT_STDIO_SAME)
      return WEFT_EINVAL;
    launch->fds[fd] = launch->fds[source];
  }
  return WEFT_OK;
}

static int open_all(struct process *p, struct launch *launch) {
  int status = WEFT_OK;
  find_inherited(p, launch);
  for (int fd = 0; fd < WEFT__STDIO_COUNT && status == WEFT_OK; fd++)
    status = open_stdio(p, launch, fd);
  return status == WEFT_OK ? join_same(p, launch) : status;
}

/* -- The program ---------------------------------------------------------- */

static const char *find_path(char **env) {
  for (; env != NULL && *env != NULL; env++)
    if (strncmp(*env, "PATH=", 5) == 0)
      return *env + 5;
  return USUAL_PATH;
}

/* Of a program that names no folder, which of them to look in. */
static int prepare_search(struct launch *launch) {
  const char *program = launch->process->arguments.items[0];
  if (strchr(program, '/') != NULL)
    return WEFT_OK;
  launch->path = find_path(launch->env);
  launch->found_bytes = strlen(launch->path) + strlen(program) + 2;
  launch->found = weft__alloc(launch->found_bytes);
  return launch->found == NULL ? WEFT_ENOMEM : WEFT_OK;
}

/* Arguments of a shell that reads the program, whose path comes later. */
static int prepare_script(struct launch *launch) {
  static char shell[] = SHELL;
  const struct texts *arguments = &launch->process->arguments;
  int status = weft__texts_reserve(&launch->script, arguments->count + 1);
  if (status != WEFT_OK)
    return status;
  weft__texts_push(&launch->script, shell);
  for (size_t i = 0; i < arguments->count; i++)
    weft__texts_push(&launch->script, arguments->items[i]);
  return WEFT_OK;
}

static int prepare_env(struct launch *launch) {
  int status = weft__process_env(launch->process, &launch->own_env);
  bool has_own = launch->own_env.items != NULL;
  launch->env = has_own ? launch->own_env.items : environ;
  return status;
}

static int prepare(struct process *p, struct launch *launch) {
  int status = prepare_env(launch);
  if (status == WEFT_OK)
    status = prepare_search(launch);
  if (status == WEFT_OK)
    status = prepare_script(launch);
  return status == WEFT_OK ? open_all(p, launch) : status;
}

/* The child has its ends now, or will never be. */
static void end_launch(struct launch *launch) {
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    if (launch->opened[fd] >= 0)
      close(launch->opened[fd]);
  weft__free(launch->found, launch->found_bytes);
  weft__texts_free(&launch->script, false);
  weft__texts_free(&launch->own_env, false);
}

/* -- The birth ------------------------------------------------------------ */

static pid_t bear(struct launch *launch) {
  const struct process *p = launch->process;
  bool shares_memory = p->uid < 0 && p->gid < 0;
  pid_t pid = shares_memory ? vfork() : fork();
  if (pid == 0)
    weft__child_run(launch);
  return pid;
}

/* No handler of ours may run in the child, in memory that is ours. */
static pid_t bear_unsignalled(struct launch *launch) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t pid = bear(launch);
  int saved = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = saved;
  return pid;
}

/* Waits until the child runs the program; false if it never will. */
static bool await_program(int report, struct failure *failure) {
  ssize_t count;
  do
    count = read(report, failure, sizeof(*failure));
  while (count < 0 && errno == EINTR);
  return count != sizeof(*failure);
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

static int start_child(struct process *p, struct launch *launch) {
  struct failure failure;
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    return last_status();
  launch->report = report[1];
  pid_t pid = bear_unsignalled(launch);
  int status = pid < 0 ? last_status() : WEFT_OK;
  close(report[1]);
  if (pid > 0 && !await_program(report[0], &failure)) {
    reap(pid);
    status = status_of(failure.number);
    p->failed = failure.of_cwd ? p->cwd : NULL;
  }
  close(report[0]);
  if (status == WEFT_OK)
    weft__process_started(p, pid);
  return status;
}

static void fail(struct process *p) {
  p->state = PROCESS_FAILED;
  if (p->failed == NULL)
    p->failed = p->arguments.items[0];
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++) {
    weft_stream_abort(p->rt, p->stdio[fd].stream);
    p->stdio[fd].stream = 0;
  }
}

int weft_process_start(weft_runtime *rt, weft_process process) {
  struct process *p;
  int status = weft__object(rt, process, KIND_PROCESS, &p);
  if (status != WEFT_OK)
    return status;
  if (p->state != PROCESS_NEW)
    return WEFT_ESTATE;
  struct launch launch = {
      .process = p, .fds = {-1, -1, -1}, .opened = {-1, -1, -1}};
  status = prepare(p, &launch);
  if (status == WEFT_OK)
    status = weft__reaper_start(rt);
  if (status == WEFT_OK)
    status = start_child(p, &launch);
  end_launch(&launch);
  if (status != WEFT_OK)
    fail(p);
  weft__reaper_settle(rt);
  return status;
}
