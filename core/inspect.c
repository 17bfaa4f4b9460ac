/* SPDX-License-Identifier: MIT
 * inspect.c - the inspection socket: another process of the same user asks what
 * the program is doing, and is answered at the next poll.
 *
 * The protocol is a question and an answer for each connection. The client
 * sends one line, the name of what it wants, "tree\n". It gets a line and as
 * many bytes as that says, "ok 123\n..." or "error 45\n...", and then the end.
 * Whoever connects and gets nothing has found a program whose loop is blocked.
 *
 * Nothing here is a task, and none of its handles keeps the loop alive: a
 * program that is looked at ends, jumps and is found stuck as if it was not.
 * What clients can do is bounded: so many at a time, the oldest goes when one
 * comes too many; a line of a few bytes; one answer, sent as they read it. A
 * descriptor is held in reserve, for it is a program without one left that is
 * worth looking at.
 *
 * The socket is the user's alone: in a folder that only he can enter, with mode
 * 0600, and each client's user is asked of the kernel. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct ucred */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "io.h"
#include "stream.h"

#define CLIENTS_MAX 8
#define REQUEST_MAX 64
#define RETRY_MS 1000 /* when there is no descriptor left for a client */

struct client {
  struct list node; /* in inspect->clients, oldest first */
  struct inspect *inspect;
  uv_poll_t poll;
  int fd;
  bool gone; /* closed; libuv has not let go of it yet */
  char request[REQUEST_MAX];
  size_t request_bytes;
  char head[24];      /* the answer's first line */
  weft_value *answer; /* NULL: not answered yet */
  size_t sent_bytes;  /* of both */
};

struct inspect {
  weft_runtime *rt;
  uv_poll_t poll;
  uv_timer_t retry;
  unsigned open_handles; /* of those two */
  int fd;
  int reserve; /* a descriptor that is given up for a client; -1: it was */
  struct socket_file *file;
  struct list clients;
  unsigned client_count;
  weft_inspect_fn fn;
  void *arg;
  weft_drop_fn drop;
  char path[WEFT__UNIX_PATH_MAX + 1];
};

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Clients -------------------------------------------------------------- */

static void on_connection(uv_poll_t *poll, int uv_code, int events);

/* A descriptor has become free: there is a reserve again, and whoever waits to
 * be accepted need not wait for the retry. */
static void take_reserve(struct inspect *s) {
  if (s->reserve < 0)
    s->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (s->reserve >= 0 && !uv_is_closing((uv_handle_t *)&s->poll)) {
    uv_timer_stop(&s->retry);
    uv_poll_start(&s->poll, UV_READABLE, on_connection);
  }
}

static void on_client_closed(uv_handle_t *poll) {
  struct client *client = poll->data;
  weft_value_unref(client->answer);
  weft__free(client, sizeof(*client));
}

static void end_client(struct client *client) {
  struct inspect *s = client->inspect;
  client->gone = true;
  list_remove(&client->node);
  s->client_count--;
  uv_close((uv_handle_t *)&client->poll, on_client_closed);
  close(client->fd);
  take_reserve(s);
}

/* The next bytes of the answer; 0 at its end. */
static size_t next_piece(const struct client *client, const char **data) {
  size_t head_bytes = strlen(client->head), size_bytes;
  if (client->sent_bytes < head_bytes) {
    *data = client->head + client->sent_bytes;
    return head_bytes - client->sent_bytes;
  }
  size_t sent = client->sent_bytes - head_bytes;
  weft_value_get_bytes(client->answer, data, &size_bytes);
  *data += sent;
  return size_bytes - sent;
}

/* Sends as much as there is room for; the client goes at the end. */
static void send_answer(struct client *client) {
  const char *data;
  size_t size_bytes;
  while ((size_bytes = next_piece(client, &data)) > 0) {
    ssize_t sent =
        send(client->fd, data, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (sent < 0)
      break;
    client->sent_bytes += (size_t)sent;
  }
  end_client(client);
}

static void on_client(uv_poll_t *poll, int uv_code, int events);

/* What [value] holds, or what [status] means, is what the client gets. It goes
 * if there is no memory for that. */
static void set_answer(struct client *client, int status, weft_value *value) {
  const char *text = weft_strerror(status);
  const char *data;
  size_t size_bytes;
  if (value == NULL || weft_value_get_type(value) != WEFT_BYTES) {
    weft_value_unref(value);
    value = NULL;
    text = status == WEFT_OK ? "" : text;
    if (weft_value_new_bytes(text, strlen(text), &value) != WEFT_OK) {
      end_client(client);
      return;
    }
  }
  weft_value_get_bytes(value, &data, &size_bytes);
  snprintf(client->head, sizeof(client->head), "%s %zu\n",
           status == WEFT_OK ? "ok" : "error", size_bytes);
  client->answer = value;
  uv_poll_start(&client->poll, UV_WRITABLE, on_client);
  send_answer(client);
}

/* The host's function may close the socket, and this client with it; both stay
 * in memory until libuv has let go of them. */
static void answer(struct client *client) {
  struct inspect *s = client->inspect;
  weft_value *value = NULL;
  struct aside was = weft__aside_begin(s->rt);
  int status = s->fn(s->rt, s->arg, client->request, &value);
  weft__aside_end(s->rt, was);
  if (client->gone)
    weft_value_unref(value);
  else
    set_answer(client, status, value);
}

/* Whether it has closed its end, and not only the sending side: then the work
 * of answering is spared, as many may come and go while a step takes long. */
static bool has_left(const struct client *client) {
  struct pollfd found = {.fd = client->fd};
  return poll(&found, 1, 0) > 0 && (found.revents & POLLHUP) != 0;
}

/* Reads on, until there is a line. What is too long for one is nobody's we
 * know. */
static void read_request(struct client *client) {
  size_t room = REQUEST_MAX - client->request_bytes;
  char *place = client->request + client->request_bytes;
  ssize_t count = recv(client->fd, place, room, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  char *line_end = count > 0 ? memchr(place, '\n', (size_t)count) : NULL;
  if (line_end == NULL && count > 0 && (size_t)count < room) {
    client->request_bytes += (size_t)count;
  } else if (line_end == NULL || has_left(client)) {
    end_client(client);
  } else {
    *line_end = '\0';
    answer(client);
  }
}

static void on_client(uv_poll_t *poll, int uv_code, int events) {
  struct client *client = poll->data;
  (void)events;
  if (uv_code < 0)
    end_client(client);
  else if (client->answer != NULL)
    send_answer(client);
  else
    read_request(client);
}

/* -- Accepting ------------------------------------------------------------ */

/* The same user, or root, who may look at every process anyway. */
static bool is_allowed(int fd) {
#if defined(SO_PEERCRED)
  struct ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  return peer.uid == 0 || peer.uid == geteuid();
#else
  uid_t user;
  gid_t group;
  return getpeereid(fd, &user, &group) == 0 && (user == 0 || user == geteuid());
#endif
}

/* Takes the descriptor, if it returns true. */
static bool add_client(struct inspect *s, int fd) {
  struct client *client = weft__alloc(sizeof(*client));
  if (client == NULL)
    return false;
  if (uv_poll_init(&s->rt->loop, &client->poll, fd) < 0) {
    weft__free(client, sizeof(*client));
    return false;
  }
  uv_unref((uv_handle_t *)&client->poll);
  client->poll.data = client;
  client->fd = fd;
  client->inspect = s;
  list_init(&client->node);
  list_insert(&s->clients, &client->node);
  s->client_count++;
  uv_poll_start(&client->poll, UV_READABLE, on_client);
  return true;
}

static void on_retry(uv_timer_t *retry) {
  struct inspect *s = retry->data;
  uv_poll_start(&s->poll, UV_READABLE, on_connection);
}

static bool is_shortage(int number) {
  return number == EMFILE || number == ENFILE || number == ENOBUFS ||
         number == ENOMEM;
}

/* A connection, for which the reserve goes if need be. Where there is none,
 * the kernel would tell of who waits again and again: so nobody looks for a
 * while. */
static int accept_client(struct inspect *s) {
  int fd = weft__socket_accept(s->fd);
  if (fd >= 0 || !is_shortage(errno))
    return fd;
  if (s->reserve >= 0) {
    close(s->reserve);
    s->reserve = -1;
    fd = weft__socket_accept(s->fd);
  }
  if (fd < 0) {
    uv_poll_stop(&s->poll);
    uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
  }
  return fd;
}

static void on_connection(uv_poll_t *poll, int uv_code, int events) {
  struct inspect *s = poll->data;
  (void)uv_code;
  (void)events;
  int fd = accept_client(s);
  if (fd < 0)
    return;
  if (s->client_count == CLIENTS_MAX)
    end_client(LIST_OWNER(s->clients.next, struct client, node));
  if (is_allowed(fd) && add_client(s, fd))
    return;
  close(fd);
  take_reserve(s);
}

/* -- The folder ----------------------------------------------------------- */

/* Whether it belongs to this user and gives nobody else any of the permissions
 * [others]. */
static bool is_ours(int fd, mode_t others) {
  struct stat found;
  return fstat(fd, &found) == 0 && found.st_uid == geteuid() &&
         (found.st_mode & others) == 0;
}

static int open_folder(const char *path) {
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The user's folder for what runs, if it is in good order: the variable may
 * have come from somebody else's session. */
static const char *runtime_folder(void) {
  const char *path = getenv("XDG_RUNTIME_DIR");
  if (path == NULL || path[0] != '/')
    return NULL;
  int fd = open_folder(path);
  bool good = fd >= 0 && is_ours(fd, 022);
  if (fd >= 0)
    close(fd);
  return good ? path : NULL;
}

/* The number that is all of [name]; 0 if there is none. */
static pid_t process_named(const char *name) {
  char *rest;
  long number = strtol(name, &rest, 10);
  return *name >= '1' && *name <= '9' && *rest == '\0' ? (pid_t)number : 0;
}

/* Sockets of processes that have died without removing theirs. */
static void remove_stale(int folder) {
  int fd = dup(folder);
  DIR *names = fd < 0 ? NULL : fdopendir(fd);
  if (names == NULL) {
    if (fd >= 0)
      close(fd);
    return;
  }
  const struct dirent *entry;
  while ((entry = readdir(names)) != NULL) {
    struct stat found;
    pid_t process = process_named(entry->d_name);
    if (process != 0 && kill(process, 0) != 0 && errno == ESRCH &&
        fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISSOCK(found.st_mode))
      unlinkat(folder, entry->d_name, 0);
  }
  closedir(names);
}

/* Makes the folder, unless it is there, and looks whose it is. */
static int prepare_folder(const char *path) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST)
    return from_errno();
  int fd = open_folder(path);
  if (fd < 0)
    return from_errno();
  int status = is_ours(fd, 077) ? WEFT_OK : WEFT_EPERM;
  if (status == WEFT_OK)
    remove_stale(fd);
  close(fd);
  return status;
}

/* Where `weft --tree` looks: a name that is the process's number. */
static int own_path(char *path, size_t size_bytes) {
  const char *base = runtime_folder();
  char folder[WEFT__UNIX_PATH_MAX + 1];
  int length = base != NULL ? snprintf(folder, sizeof(folder), "%s/weft", base)
                            : snprintf(folder, sizeof(folder), "/tmp/weft-%lu",
                                       (unsigned long)geteuid());
  if (length < 0 || (size_t)length >= sizeof(folder))
    return WEFT_ENAMETOOLONG;
  int status = prepare_folder(folder);
  if (status != WEFT_OK)
    return status;
  length = snprintf(path, size_bytes, "%s/%ld", folder, (long)getpid());
  return length < 0 || (size_t)length >= size_bytes ? WEFT_ENAMETOOLONG
                                                    : WEFT_OK;
}

static int copy_path(char *path, size_t size_bytes, const char *from) {
  size_t length = strlen(from);
  if (length == 0 || from[0] == '@') /* which would have no permissions */
    return WEFT_EINVAL;
  if (length >= size_bytes)
    return WEFT_ENAMETOOLONG;
  memcpy(path, from, length + 1);
  return WEFT_OK;
}

/* -- Life ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  struct inspect *s = handle->data;
  if (--s->open_handles > 0)
    return;
  weft__drop(s->drop, s->arg);
  weft__free(s, sizeof(*s));
}

void weft__inspect_close(weft_runtime *rt) {
  struct inspect *s = rt->inspect;
  if (s == NULL)
    return;
  rt->inspect = NULL;
  while (!list_is_empty(&s->clients))
    end_client(LIST_OWNER(s->clients.next, struct client, node));
  uv_close((uv_handle_t *)&s->poll, on_closed);
  uv_close((uv_handle_t *)&s->retry, on_closed);
  close(s->fd);
  if (s->reserve >= 0)
    close(s->reserve);
  weft__socket_file_remove(s->file);
}

int weft_inspect_close(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  weft__inspect_close(rt);
  return WEFT_OK;
}

static int watch(struct inspect *s) {
  uv_loop_t *loop = &s->rt->loop;
  int uv_code = uv_poll_init(loop, &s->poll, s->fd);
  if (uv_code < 0)
    return weft__status_from_uv(uv_code);
  uv_timer_init(loop, &s->retry);
  uv_unref((uv_handle_t *)&s->poll);
  uv_unref((uv_handle_t *)&s->retry);
  s->poll.data = s;
  s->retry.data = s;
  s->open_handles = 2;
  s->reserve = -1;
  uv_poll_start(&s->poll, UV_READABLE, on_connection);
  return WEFT_OK;
}

static int open_socket(struct inspect *s, const char *path) {
  int status = path == NULL ? own_path(s->path, sizeof(s->path))
                            : copy_path(s->path, sizeof(s->path), path);
  if (status == WEFT_OK)
    status = weft__unix_listen_fd(s->path, 0600, 0, &s->fd, &s->file);
  if (status != WEFT_OK)
    return status;
  status = watch(s);
  if (status == WEFT_OK) {
    take_reserve(s);
    return WEFT_OK;
  }
  weft__socket_file_remove(s->file);
  close(s->fd);
  return status;
}

int weft_inspect_open(weft_runtime *rt, const char *path, weft_inspect_fn fn,
                      void *arg, weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  if (fn == NULL)
    return weft__refuse(drop, arg, WEFT_EINVAL);
  if (rt->inspect != NULL)
    return weft__refuse(drop, arg, WEFT_ESTATE);
  struct inspect *s = weft__alloc(sizeof(*s));
  if (s == NULL)
    return weft__refuse(drop, arg, WEFT_ENOMEM);
  s->rt = rt;
  s->fn = fn;
  list_init(&s->clients);
  int status = open_socket(s, path);
  if (status != WEFT_OK) {
    weft__free(s, sizeof(*s));
    return weft__refuse(drop, arg, status);
  }
  s->arg = arg;
  s->drop = drop;
  rt->inspect = s;
  return WEFT_OK;
}

int weft_inspect_get_path(weft_runtime *rt, const char **path) {
  *path = NULL;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (rt->inspect == NULL)
    return WEFT_ESTATE;
  *path = rt->inspect->path;
  return WEFT_OK;
}
