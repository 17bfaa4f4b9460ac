/* SPDX-License-Identifier: MIT
 * listener.c - accepting connections, one for each call.
 *
 * A listener has one socket or more, its doors: a host may have several
 * addresses. They are its own, and libuv only tells when to look at them.
 * (uv_listen accepts ahead of whoever wants a connection, and when there are no
 * descriptors left it closes those that wait; here they stay in the kernel's
 * backlog in both cases.) The stream for the next connection is made before
 * that is accepted, so that want of memory cannot lose one.
 *
 * Sockets are made non-blocking and closed on exec in one step where the
 * system can do that, in two elsewhere: the #if below. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "address.h"
#include "stream.h"

/* The pause after the system had no descriptor, or no memory, left. */
#define RETRY_NS UINT64_C(1000000000)

/* A socket that listens. */
struct door {
  uv_poll_t poll; /* started while somebody waits, and till one comes then */
  struct listener *listener;
  int fd;
};

struct listener {
  weft_runtime *rt;
  weft_listener handle;
  enum stream_kind kind;
  struct socket_file *file; /* removed at the end; NULL: none */
  struct stream *next;      /* for the next connection, or NULL */
  weft_timer retry;         /* until it fires nothing is accepted; 0: none */
  bool polling;             /* libuv looks at the doors */
  size_t turn;              /* the door that is looked at first */
  size_t open;              /* doors that libuv knows */
  size_t count;             /* of doors */
  struct list acceptors;    /* who waits for a connection, at most one */
  struct door doors[];
};

/* -- Sockets -------------------------------------------------------------- */

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
#define SOCKET_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

int weft__socket_new(int family, int type, int *fd) {
  *fd = socket(family, type | SOCKET_FLAGS, 0);
  return *fd < 0 ? from_errno() : WEFT_OK;
}

int weft__socket_accept(int listening) {
  return accept4(listening, NULL, NULL, SOCKET_FLAGS);
}
#else
static int set_flags(int fd) {
  if (fd >= 0) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return fd;
}

int weft__socket_new(int family, int type, int *fd) {
  *fd = set_flags(socket(family, type, 0));
  return *fd < 0 ? from_errno() : WEFT_OK;
}

int weft__socket_accept(int listening) {
  return set_flags(accept(listening, NULL, NULL));
}
#endif

/* -- Life ----------------------------------------------------------------- */

static size_t size_with(size_t count) {
  return sizeof(struct listener) + count * sizeof(struct door);
}

static void free_if_closed(struct listener *l) {
  if (l->open == 0)
    weft__free(l, size_with(l->count));
}

static void on_closed(uv_handle_t *handle) {
  struct door *door = handle->data;
  door->listener->open--;
  free_if_closed(door->listener);
}

/* Frees all but what libuv's callbacks free. */
static void end(struct listener *l) {
  for (size_t i = 0; i < l->open; i++)
    uv_close((uv_handle_t *)&l->doors[i].poll, on_closed);
  /* libuv has let go of them by now; the path goes first, so that nobody finds
   * a server there that is none. */
  weft__socket_file_remove(l->file);
  for (size_t i = 0; i < l->count; i++)
    close(l->doors[i].fd);
  free_if_closed(l);
}

static int open_doors(struct listener *l) {
  for (; l->open < l->count; l->open++) {
    struct door *door = &l->doors[l->open];
    int uv_code = uv_poll_init(&l->rt->loop, &door->poll, door->fd);
    if (uv_code < 0)
      return weft__status_from_uv(uv_code);
    door->poll.data = door;
  }
  return WEFT_OK;
}

static void take_sockets(struct listener *l, const struct sockets *sockets) {
  l->kind = sockets->kind;
  l->file = sockets->file;
  l->count = sockets->count;
  for (size_t i = 0; i < l->count; i++) {
    l->doors[i].listener = l;
    l->doors[i].fd = sockets->fds[i];
  }
}

static void drop_sockets(const struct sockets *sockets) {
  weft__socket_file_remove(sockets->file);
  for (size_t i = 0; i < sockets->count; i++)
    close(sockets->fds[i]);
}

int weft__listener_new(weft_runtime *rt, const struct sockets *sockets,
                       weft_listener *listener) {
  struct listener *l = weft__alloc(size_with(sockets->count));
  if (l == NULL) {
    drop_sockets(sockets);
    return WEFT_ENOMEM;
  }
  l->rt = rt;
  list_init(&l->acceptors);
  take_sockets(l, sockets);
  int status = open_doors(l);
  if (status == WEFT_OK)
    status = weft__handle_new(rt, KIND_LISTENER, l, &l->handle);
  *listener = l->handle;
  if (status != WEFT_OK)
    end(l);
  return status;
}

void weft__listener_dispose(weft_runtime *rt, void *object) {
  struct listener *l = object;
  if (l->next != NULL)
    weft__stream_end(l->next);
  if (l->retry != 0)
    weft_timer_cancel(rt, l->retry, NULL);
  weft__handle_free(rt, l->handle);
  end(l);
}

int weft_listener_close(weft_runtime *rt, weft_listener listener) {
  struct listener *l;
  int status = weft__object(rt, listener, KIND_LISTENER, &l);
  if (status != WEFT_OK)
    return status;
  weft__wake_all(rt, &l->acceptors, WEFT_ECLOSED);
  weft__listener_dispose(rt, l);
  return WEFT_OK;
}

int weft_listener_address(weft_runtime *rt, weft_listener listener,
                          weft_value **value) {
  struct listener *l;
  *value = NULL;
  int status = weft__object(rt, listener, KIND_LISTENER, &l);
  if (status != WEFT_OK)
    return status;
  return weft__address_text(l->doors[0].fd, false, value);
}

void weft__listener_describe(const void *object, char *text,
                             size_t size_bytes) {
  const struct listener *l = object;
  weft__address_describe(l->doors[0].fd, false, text, size_bytes);
}

static int new_texts(const struct listener *l, weft_value **texts) {
  int status = WEFT_OK;
  for (size_t i = 0; i < l->count && status == WEFT_OK; i++)
    status = weft__address_text(l->doors[i].fd, false, &texts[i]);
  return status;
}

int weft_listener_get_addresses(weft_runtime *rt, weft_listener listener,
                                weft_value **value) {
  struct listener *l;
  *value = NULL;
  int status = weft__object(rt, listener, KIND_LISTENER, &l);
  if (status != WEFT_OK)
    return status;
  weft_value **texts = weft__alloc(l->count * sizeof(*texts));
  if (texts == NULL)
    return WEFT_ENOMEM;
  status = new_texts(l, texts);
  if (status == WEFT_OK)
    status = weft_value_new_list(texts, l->count, value);
  for (size_t i = 0; i < l->count; i++)
    weft_value_unref(texts[i]);
  weft__free(texts, l->count * sizeof(*texts));
  return status;
}

/* -- Accepting ------------------------------------------------------------ */

/* Linux gives an error that a connection had before it was ours to whoever
 * accepts. There may be a good one behind it. */
static bool is_of_connection(int uv_code) {
  switch (uv_code) {
  case UV_EINTR:
  case UV_ECONNABORTED:
  case UV_EPROTO:
  case UV_ENOPROTOOPT:
  case UV_ENETDOWN:
  case UV_ENETUNREACH:
  case UV_EHOSTDOWN:
  case UV_EHOSTUNREACH:
    return true;
  default:
    return false;
  }
}

/* No descriptor, or no memory of the kernel's, is left. */
static bool is_shortage(int uv_code) {
  return uv_code == UV_EMFILE || uv_code == UV_ENFILE ||
         uv_code == UV_ENOBUFS || uv_code == UV_ENOMEM;
}

/* The next connection at one door, or a code of libuv's. */
static int accept_at(int listening) {
  for (;;) {
    int fd = weft__socket_accept(listening);
    if (fd >= 0)
      return fd;
    int uv_code = uv_translate_sys_error(errno);
    if (!is_of_connection(uv_code))
      return uv_code;
  }
}

/* The next connection at any door; each is looked at first in its turn. */
static int accept_next(struct listener *l) {
  for (size_t i = 0; i < l->count; i++) {
    const struct door *door = &l->doors[l->turn];
    l->turn = (l->turn + 1) % l->count;
    int fd = accept_at(door->fd);
    if (fd != UV_EAGAIN)
      return fd;
  }
  return UV_EAGAIN;
}

/* Makes the connection in [fd] the stream that was made for it. */
static int open_next(struct listener *l, int fd, uint64_t *value) {
  int status = weft__stream_open(l->next, fd);
  if (status != WEFT_OK) {
    close(fd);
    return status;
  }
  *value = l->next->handle;
  l->next = NULL;
  return WEFT_OK;
}

static void on_retry(weft_runtime *rt, void *arg);

/* The report comes last: who gets it may close the listener. */
static int retry_later(struct listener *l, int status) {
  weft_runtime *rt = l->rt;
  weft_error *error;
  uint64_t now_ns;
  weft_now(rt, &now_ns);
  int failed =
      weft_call_at(rt, now_ns + RETRY_NS, on_retry, l, NULL, &l->retry);
  if (weft_error_new(status, NULL, NULL, &error) == WEFT_OK) {
    weft__report(rt, WEFT_REPORT_SYSTEM, NULL, error);
    weft_error_unref(error);
  }
  return failed != WEFT_OK ? failed : WEFT_PARKED;
}

static void on_readable(uv_poll_t *poll, int uv_code, int events);

static void stop_polling(struct listener *l) {
  for (size_t i = 0; i < l->count; i++)
    uv_poll_stop(&l->doors[i].poll);
  l->polling = false;
}

static int start_polling(struct listener *l) {
  if (l->polling)
    return WEFT_PARKED;
  l->polling = true;
  for (size_t i = 0; i < l->count; i++) {
    int uv_code = uv_poll_start(&l->doors[i].poll, UV_READABLE, on_readable);
    if (uv_code == 0)
      continue;
    stop_polling(l);
    return weft__status_from_uv(uv_code);
  }
  return WEFT_PARKED;
}

/* Accepts a connection if there is one; WEFT_PARKED: it will be tried again,
 * unless who got a report has closed the listener. */
static int accept_now(struct listener *l, uint64_t *value) {
  if (l->retry != 0)
    return WEFT_PARKED;
  if (l->next == NULL) {
    int status = weft__stream_new(l->rt, l->kind, &l->next);
    if (status != WEFT_OK)
      return status;
  }
  int fd = accept_next(l);
  if (fd >= 0)
    return open_next(l, fd, value);
  if (fd == UV_EAGAIN)
    return start_polling(l);
  if (!is_shortage(fd))
    return weft__status_from_uv(fd);
  if (l->polling)
    stop_polling(l);
  return retry_later(l, weft__status_from_uv(fd));
}

/* Serves who waits; libuv need not look for a connection nobody wants. */
static void serve(struct listener *l) {
  uint64_t value = 0;
  if (list_is_empty(&l->acceptors)) {
    if (l->polling)
      stop_polling(l);
    return;
  }
  weft_runtime *rt = l->rt;
  weft_listener handle = l->handle;
  int status = accept_now(l, &value);
  if (status != WEFT_PARKED &&
      weft__handle_get(rt, handle, KIND_LISTENER) != NULL)
    weft__wake_first(rt, &l->acceptors, status, value);
}

static void on_readable(uv_poll_t *poll, int uv_code, int events) {
  const struct door *door = poll->data;
  struct listener *l = door->listener;
  (void)events;
  l->turn = (size_t)(door - l->doors);
  if (uv_code < 0)
    stop_polling(l); /* as libuv does with that door */
  serve(l);
}

static void on_retry(weft_runtime *rt, void *arg) {
  struct listener *l = arg;
  weft_timer_close(rt, l->retry);
  l->retry = 0;
  serve(l);
}

int weft_listener_accept(weft_runtime *rt, weft_listener listener,
                         uint64_t *value) {
  struct listener *l;
  *value = 0;
  int status = weft__object(rt, listener, KIND_LISTENER, &l);
  if (status != WEFT_OK)
    return status;
  if (!list_is_empty(&l->acceptors))
    return WEFT_EBUSY;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  uint64_t accepted = 0;
  status = accept_now(l, &accepted);
  *value = accepted;
  if (status == WEFT_OK)
    return weft__park_skip(rt, accepted);
  if (status != WEFT_PARKED)
    return status;
  /* A report may have closed it, or cancelled the task. */
  if (weft__handle_get(rt, listener, KIND_LISTENER) == NULL)
    return WEFT_ECLOSED;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  return weft__park(rt, &l->acceptors, "accept", listener, weft__withdraw_plain,
                    NULL, value);
}
