/* SPDX-License-Identifier: MIT
 * watch.c - watching descriptors for libraries that bring their own sockets.
 *
 * The callback runs in the poll, outside any task. After weft_watch_close it
 * does not run any more, but arg stays until libuv has let go of the handle:
 * the callback may close its own watch and go on using arg. */
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

/* Whatever failed, libuv says EBADF and stops watching; a call on the
 * descriptor tells its owner what it was. */
static void on_events(uv_poll_t *poll, int uv_code, int events) {
  struct watch *watch = poll->data;
  int status = uv_code < 0 ? WEFT_EIO : WEFT_OK;
  watch->rt->io_moved = true;
  watch->fn(watch->rt, watch->arg, status, events);
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
