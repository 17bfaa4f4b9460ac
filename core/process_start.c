/* SPDX-License-Identifier: MIT
 * process_start.c - starting a described process.
 *
 * Everything that can fail is made first, so that libuv's spawn is the last
 * step: pipes and their streams, the environment, the handler that keeps other
 * descriptors from the child. Whatever fails, what was made before is undone,
 * and neither a pipe nor a child is left.
 *
 * The pipes are real ones. libuv would make socket pairs, which a child cannot
 * open by the name /dev/stdin, and whose buffers are not a pipe's. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "stream.h"

/* The parent's descriptor that becomes each of the child's; -1: /dev/null. */
struct launch {
  int fds[WEFT__STDIO_COUNT];
  int opened[WEFT__STDIO_COUNT]; /* those of them that are to be closed */
  struct texts env;
};

/* -- Pipes ---------------------------------------------------------------- */

static int last_status(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
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

/* The child has its ends now, or will never be. */
static void end_launch(struct launch *launch) {
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    if (launch->opened[fd] >= 0)
      close(launch->opened[fd]);
  weft__texts_free(&launch->env, false);
}

/* -- Spawning ------------------------------------------------------------- */

static void fill_options(struct process *p, const struct launch *launch,
                         uv_stdio_container_t *stdio,
                         uv_process_options_t *options) {
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++) {
    bool is_null = launch->fds[fd] < 0;
    stdio[fd].flags = is_null ? UV_IGNORE : UV_INHERIT_FD;
    stdio[fd].data.fd = launch->fds[fd];
  }
  *options = (uv_process_options_t){
      .exit_cb = weft__process_exited,
      .file = p->arguments.items[0],
      .args = p->arguments.items,
      .env = launch->env.items,
      .cwd = p->cwd,
      .stdio_count = WEFT__STDIO_COUNT,
      .stdio = stdio,
  };
  if (p->own_group)
    options->flags |= UV_PROCESS_DETACHED;
  if (p->uid >= 0)
    options->flags |= UV_PROCESS_SETUID;
  if (p->gid >= 0)
    options->flags |= UV_PROCESS_SETGID;
  options->uid = (uv_uid_t)p->uid;
  options->gid = (uv_gid_t)p->gid;
}

static int spawn(struct process *p, const struct launch *launch) {
  uv_stdio_container_t stdio[WEFT__STDIO_COUNT];
  uv_process_options_t options;
  int status = weft__inherit_nothing();
  if (status != WEFT_OK)
    return status;
  fill_options(p, launch, stdio, &options);
  int uv_code = uv_spawn(&p->rt->loop, &p->uv, &options);
  weft__inherit_as_ever();
  p->uv.data = p;
  if (uv_code >= 0) {
    uv_timer_init(&p->rt->loop, &p->grace);
    p->grace.data = p;
    p->closings = 2;
    return WEFT_OK;
  }
  p->closings = 1;
  weft__process_release(p);
  return weft__status_from_uv(uv_code);
}

/* Of those two, the one that the child could not use. It has told its errno
 * only, so the folder is looked at again. */
static const char *find_culprit(const struct process *p, int status) {
  struct stat info;
  bool is_of_a_path = status == WEFT_ENOENT || status == WEFT_ENOTDIR ||
                      status == WEFT_EACCES || status == WEFT_ENAMETOOLONG;
  bool cwd_is_good =
      p->cwd == NULL || (stat(p->cwd, &info) == 0 && S_ISDIR(info.st_mode) &&
                         access(p->cwd, X_OK) == 0);
  if (is_of_a_path && !cwd_is_good)
    return p->cwd;
  return p->arguments.items[0];
}

static void fail(struct process *p, int status) {
  p->state = PROCESS_FAILED;
  p->failed = find_culprit(p, status);
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
  struct launch launch = {.fds = {-1, -1, -1}, .opened = {-1, -1, -1}};
  status = weft__process_env(p, &launch.env);
  if (status == WEFT_OK)
    status = open_all(p, &launch);
  if (status == WEFT_OK)
    status = spawn(p, &launch);
  end_launch(&launch);
  if (status != WEFT_OK) {
    fail(p, status);
    return status;
  }
  p->state = PROCESS_RUNNING;
  list_insert(&rt->processes, &p->node);
  rt->outside_work++;
  return WEFT_OK;
}
