/* SPDX-License-Identifier: MIT
 * unix.c - unix sockets: connecting, and listening on a path.
 *
 * A connection is there at once or not at all, but for a server whose backlog
 * is full: the kernel then says EAGAIN, and tells nobody when there is room.
 * libuv would fail; here it is tried again every 10 ms, so that a full backlog
 * makes a client wait as it does with TCP.
 *
 * A path is taken anew where a dead server has left its socket: one that
 * refuses a connection has nobody behind it. Two servers that find the same one
 * at the same moment are not told apart; a lock file is their business. */
#include <stdio.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "stream.h"

#define RETRY_NS UINT64_C(10000000)

struct unix_address {
  struct sockaddr_un un;
  socklen_t size;
};

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Connecting ----------------------------------------------------------- */

static int dial(const struct unix_address *address, int *fd) {
  int status = weft__socket_new(AF_UNIX, SOCK_STREAM, fd);
  if (status != WEFT_OK)
    return status;
  int failed;
  do
    failed = connect(*fd, (const struct sockaddr *)&address->un, address->size);
  while (failed != 0 && errno == EINTR);
  if (failed == 0)
    return WEFT_OK;
  status = from_errno();
  close(*fd);
  return status;
}

/* Connects; WEFT_EAGAIN: the backlog is full. */
static int connect_now(weft_runtime *rt, const struct unix_address *address,
                       uint64_t *value) {
  struct stream *s;
  int fd;
  int status = weft__stream_new(rt, STREAM_PIPE, &s);
  if (status != WEFT_OK)
    return status;
  status = dial(address, &fd);
  if (status != WEFT_OK)
    goto end_stream;
  status = weft__stream_open(s, fd);
  if (status != WEFT_OK)
    goto close_fd;
  *value = s->handle;
  return WEFT_OK;

close_fd:
  close(fd);
end_stream:
  weft__stream_end(s);
  return status;
}

/* A task that waits for room in a backlog. */
struct dialing {
  struct task *task;
  weft_timer retry;
  struct unix_address address;
};

static void free_dialing(weft_runtime *rt, struct dialing *d) {
  if (d->retry != 0)
    weft_timer_cancel(rt, d->retry, NULL);
  weft__free(d, sizeof(*d));
}

static void on_retry(weft_runtime *rt, void *arg);

static int retry_later(weft_runtime *rt, struct dialing *d) {
  uint64_t now_ns;
  weft_now(rt, &now_ns);
  return weft_call_at(rt, now_ns + RETRY_NS, on_retry, d, NULL, &d->retry);
}

static void on_retry(weft_runtime *rt, void *arg) {
  struct dialing *d = arg;
  uint64_t value = 0;
  weft_timer_close(rt, d->retry);
  d->retry = 0;
  int status = connect_now(rt, &d->address, &value);
  if (status == WEFT_EAGAIN)
    status = retry_later(rt, d);
  if (d->retry != 0)
    return;
  weft__wake(rt, d->task, status, value);
  free_dialing(rt, d);
}

static int withdraw_dial(weft_runtime *rt, void *arg) {
  free_dialing(rt, arg);
  return WEFT_OK;
}

bool weft__unix_describe(const struct task *task, char *text,
                         size_t size_bytes) {
  char path[WEFT__ADDRESS_TEXT];
  struct sockaddr_storage address = {0};
  if (task->withdraw != withdraw_dial)
    return false;
  const struct dialing *d = task->withdraw_arg;
  memcpy(&address, &d->address.un, sizeof(d->address.un));
  if (weft__address_write(&address, d->address.size, path) > 0)
    snprintf(text, size_bytes, " to %s", path);
  return true;
}

static int wait_for_room(weft_runtime *rt, const struct unix_address *address,
                         uint64_t *value) {
  struct dialing *d = weft__alloc(sizeof(*d));
  if (d == NULL)
    return WEFT_ENOMEM;
  d->task = rt->current;
  d->address = *address;
  int status = retry_later(rt, d);
  if (status == WEFT_OK)
    return weft__park(rt, NULL, "connect", 0, withdraw_dial, d, value);
  free_dialing(rt, d);
  return status;
}

int weft_unix_connect(weft_runtime *rt, const char *path, uint64_t *value) {
  struct unix_address address;
  *value = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (path == NULL)
    return WEFT_EINVAL;
  int status = weft__address_of_path(path, &address.un, &address.size);
  if (status == WEFT_OK)
    status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  uint64_t stream = 0;
  status = connect_now(rt, &address, &stream);
  if (status == WEFT_EAGAIN)
    return wait_for_room(rt, &address, value);
  *value = stream;
  return status == WEFT_OK ? weft__park_skip(rt, stream) : status;
}

/* -- The file ------------------------------------------------------------- */

struct socket_file {
  size_t size_bytes;
  dev_t device;
  ino_t inode;
  char path[]; /* absolute: the process may go elsewhere */
};

static int new_file(const char *path, struct socket_file **file) {
  char resolved[PATH_MAX];
  struct stat found;
  if (lstat(path, &found) != 0)
    return from_errno();
  if (realpath(path, resolved) != NULL)
    path = resolved;
  size_t size_bytes = sizeof(struct socket_file) + strlen(path) + 1;
  struct socket_file *made = weft__alloc(size_bytes);
  if (made == NULL)
    return WEFT_ENOMEM;
  made->size_bytes = size_bytes;
  made->device = found.st_dev;
  made->inode = found.st_ino;
  memcpy(made->path, path, strlen(path) + 1);
  *file = made;
  return WEFT_OK;
}

static bool is_same(const struct stat *found, dev_t device, ino_t inode) {
  return S_ISSOCK(found->st_mode) && found->st_dev == device &&
         found->st_ino == inode;
}

void weft__socket_file_remove(struct socket_file *file) {
  struct stat found;
  if (file == NULL)
    return;
  if (lstat(file->path, &found) == 0 &&
      is_same(&found, file->device, file->inode))
    unlink(file->path);
  weft__free(file, file->size_bytes);
}

/* Removes a socket behind which nobody listens; false if there is none. */
static bool remove_stale(const char *path, const struct unix_address *address) {
  struct stat before, after;
  int fd;
  if (lstat(path, &before) != 0 || !S_ISSOCK(before.st_mode))
    return false;
  int status = dial(address, &fd);
  if (status == WEFT_OK)
    close(fd);
  return status == WEFT_ECONNREFUSED && lstat(path, &after) == 0 &&
         is_same(&after, before.st_dev, before.st_ino) && unlink(path) == 0;
}

/* -- Listening ------------------------------------------------------------ */

static int bind_path(int fd, const char *path,
                     const struct unix_address *address) {
  const struct sockaddr *raw = (const struct sockaddr *)&address->un;
  if (bind(fd, raw, address->size) == 0)
    return WEFT_OK;
  if (errno != EADDRINUSE || path[0] == '@')
    return from_errno();
  if (!remove_stale(path, address))
    return WEFT_EADDRINUSE;
  return bind(fd, raw, address->size) == 0 ? WEFT_OK : from_errno();
}

/* Nobody can connect before it listens, so no permission comes too late. */
static int set_mode(const char *path, int mode) {
  return mode == 0 || chmod(path, (mode_t)mode) == 0 ? WEFT_OK : from_errno();
}

/* Makes the path a socket's; then [file] stands for it, unless it is a name
 * that is in no file system. */
static int open_path(int fd, const char *path, int mode,
                     const struct unix_address *address,
                     struct socket_file **file) {
  int status = bind_path(fd, path, address);
  if (status != WEFT_OK || path[0] == '@')
    return status;
  status = set_mode(path, mode);
  if (status == WEFT_OK)
    status = new_file(path, file);
  if (status != WEFT_OK)
    unlink(path);
  return status;
}

int weft__unix_listen_fd(const char *path, int mode, int backlog, int *fd,
                         struct socket_file **file) {
  struct unix_address address;
  *file = NULL;
  int status = weft__address_of_path(path, &address.un, &address.size);
  if (status == WEFT_OK)
    status = weft__socket_new(AF_UNIX, SOCK_STREAM, fd);
  if (status != WEFT_OK)
    return status;
  status = open_path(*fd, path, mode, &address, file);
  if (status == WEFT_OK && listen(*fd, backlog > 0 ? backlog : SOMAXCONN) != 0)
    status = from_errno();
  if (status == WEFT_OK)
    return WEFT_OK;
  weft__socket_file_remove(*file);
  close(*fd);
  return status;
}

int weft_unix_listen(weft_runtime *rt, const char *path, int mode, int backlog,
                     weft_listener *listener) {
  int fd;
  struct sockets sockets = {.kind = STREAM_PIPE, .fds = &fd, .count = 1};
  *listener = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (path == NULL || mode < 0 || mode > 0777)
    return WEFT_EINVAL;
  int status = weft__unix_listen_fd(path, mode, backlog, &fd, &sockets.file);
  if (status != WEFT_OK)
    return status;
  return weft__listener_new(rt, &sockets, listener);
}
