/* SPDX-License-Identifier: MIT
 * watch.c - watching descriptors for libraries that bring their own sockets.
 *
 * The callback runs in the poll, outside any task. After weft_watch_close it
 * does not run any more, but arg stays until libuv has let go of the handle:
 * the callback may close its own watch and go on using arg. */
#include <sys/ioctl.h>

#include "io.h"

struct watch {
  uv_poll_t poll;
  weft_runtime *rt;
  weft_watch handle;
  weft_watch_fn fn;
  void *arg;
  weft_drop_fn drop;
};

_Static_assert((int)WEFT_READABLE == (int)UV_READABLE &&
                   (int)WEFT_WRITABLE == (int)UV_WRITABLE,
               "events pass through unchanged");

/* -- Life ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  struct watch *watch = handle->data;
  weft__drop(watch->drop, watch->arg);
  weft__free(watch, sizeof(*watch));
}

static int open_watch(weft_runtime *rt, int fd, struct watch *watch) {
  int status = weft__handle_new(rt, KIND_WATCH, watch, &watch->handle);
  if (status != WEFT_OK)
    return status;
  int uv_code = uv_poll_init(&rt->loop, &watch->poll, fd);
  if (uv_code < 0) {
    weft__handle_free(rt, watch->handle);
    return weft__status_from_uv(uv_code);
  }
  watch->poll.data = watch;
  return WEFT_OK;
}

static int new_watch(weft_runtime *rt, int fd, weft_watch_fn fn,
                     struct watch **made) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (fn == NULL || fd < 0)
    return WEFT_EINVAL;
  struct watch *watch = weft__alloc(sizeof(*watch));
  if (watch == NULL)
    return WEFT_ENOMEM;
  watch->rt = rt;
  watch->fn = fn;
  int status = open_watch(rt, fd, watch);
  if (status != WEFT_OK)
    weft__free(watch, sizeof(*watch));
  else
    *made = watch;
  return status;
}

int weft_watch_new(weft_runtime *rt, int fd, weft_watch_fn fn, void *arg,
                   weft_drop_fn drop, weft_watch *handle) {
  struct watch *watch;
  *handle = 0;
  int status = new_watch(rt, fd, fn, &watch);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  watch->arg = arg;
  watch->drop = drop;
  *handle = watch->handle;
  return WEFT_OK;
}

int weft_watch_close(weft_runtime *rt, weft_watch handle) {
  struct watch *watch;
  int status = weft__object(rt, handle, KIND_WATCH, &watch);
  if (status != WEFT_OK)
    return status;
  weft__watch_dispose(rt, watch);
  return WEFT_OK;
}

void weft__watch_dispose(weft_runtime *rt, void *object) {
  struct watch *watch = object;
  weft__handle_free(rt, watch->handle);
  uv_close((uv_handle_t *)&watch->poll, on_closed);
}

/* -- Watching ------------------------------------------------------------- */

/* How many bytes can be read; -1 where that cannot be told. */
static int count_unread(const struct watch *watch) {
  uv_os_fd_t fd;
  int count;
  if (uv_fileno((const uv_handle_t *)&watch->poll, &fd) < 0 ||
      ioctl(fd, FIONREAD, &count) != 0)
    return -1;
  return count;
}

static bool is_open(const struct watch *watch, weft_watch handle) {
  return weft__handle_get(watch->rt, handle, KIND_WATCH) == watch;
}

/* Whatever failed, libuv says EBADF and stops watching; a call on the
 * descriptor tells its owner what it was. For the virtual clock it counts
 * whether anything was taken. */
static void on_events(uv_poll_t *poll, int uv_code, int events) {
  struct watch *watch = poll->data;
  weft_runtime *rt = watch->rt;
  weft_watch handle = watch->handle;
  int status = uv_code < 0 ? WEFT_EIO : WEFT_OK;
  bool is_read = rt->virtual_clock && events == WEFT_READABLE;
  int before = is_read ? count_unread(watch) : -1;
  watch->fn(rt, watch->arg, status, events);
  if (before >= 0 && is_open(watch, handle) && count_unread(watch) >= before)
    rt->left_unread = true;
  else
    rt->io_moved = true;
}

int weft_watch_set(weft_runtime *rt, weft_watch handle, int events) {
  struct watch *watch;
  int status = weft__object(rt, handle, KIND_WATCH, &watch);
  if (status != WEFT_OK)
    return status;
  if ((events & ~(WEFT_READABLE | WEFT_WRITABLE)) != 0)
    return WEFT_EINVAL;
  int uv_code = events == 0 ? uv_poll_stop(&watch->poll)
                            : uv_poll_start(&watch->poll, events, on_events);
  return weft__status_from_uv(uv_code);
}
