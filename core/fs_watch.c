/* SPDX-License-Identifier: MIT
 * fs_watch.c - watching a file or a directory for changes.
 *
 * Changes come by libuv, from inotify on Linux, and wait here for whoever asks
 * for them, so that none is missed between two questions. What waits is
 * bounded: who asks too seldom is told that changes were lost, and then looks
 * for himself. */
#include <stdio.h>
#include <string.h>

#include "fs.h"

/* So many changes may wait. */
#define CHANGES_MAX 4096

struct change {
  struct list node;
  size_t size_bytes; /* of this block */
  bool is_rename;
  char path[];
};

struct fs_watch {
  uv_fs_event_t event;
  weft_runtime *rt;
  weft_fs_watch handle;
  char *path;
  bool is_directory;
  struct list changes; /* oldest first */
  size_t count;
  bool lost;           /* some changes are not among them */
  int status;          /* why there will be no more; WEFT_OK: there may be */
  struct list waiters; /* at most one */
};

/* -- Changes -------------------------------------------------------------- */

static void free_change(struct change *change) {
  list_remove(&change->node);
  weft__free(change, change->size_bytes);
}

static int add_text(const char *text, weft_value **value) {
  return weft_value_new_bytes(text, strlen(text), value);
}

/* {path = [path], kind = [kind]} */
static int new_change_value(const char *path, const char *kind,
                            weft_value **map) {
  weft_value *parts[4] = {NULL, NULL, NULL, NULL};
  int status = add_text("path", &parts[0]);
  if (status == WEFT_OK)
    status = add_text("kind", &parts[1]);
  if (status == WEFT_OK)
    status = add_text(path, &parts[2]);
  if (status == WEFT_OK)
    status = add_text(kind, &parts[3]);
  *map = NULL;
  if (status == WEFT_OK)
    status = weft_value_new_map(parts, parts + 2, 2, map);
  for (size_t i = 0; i < 4; i++)
    weft_value_unref(parts[i]);
  return status;
}

static bool has_change(const struct fs_watch *w) {
  return w->count > 0 || w->lost || w->status != WEFT_OK;
}

/* The next of what waits, of which there is something. */
static int take_change(struct fs_watch *w, uint64_t *value) {
  weft_value *map = NULL;
  int status;
  if (w->count > 0) {
    struct change *change = LIST_OWNER(w->changes.next, struct change, node);
    status = new_change_value(change->path,
                              change->is_rename ? "rename" : "change", &map);
    if (status == WEFT_OK) {
      free_change(change);
      w->count--;
    }
  } else if (w->lost) {
    status = new_change_value(w->path, "overflow", &map);
    w->lost = status != WEFT_OK;
  } else {
    status = w->status;
  }
  *value = (uint64_t)(uintptr_t)map;
  return status;
}

/* Events of a watched directory itself come under its own name. */
static bool is_itself(const struct fs_watch *w, const char *name) {
  uv_fs_t request;
  const char *slash = strrchr(w->path, '/');
  if (!w->is_directory || name == NULL)
    return true;
  if (strcmp(slash == NULL ? w->path : slash + 1, name) != 0)
    return false;
  int uv_code = uv_fs_stat(NULL, &request, w->path, NULL);
  uv_fs_req_cleanup(&request);
  return uv_code < 0;
}

static struct change *new_change(const struct fs_watch *w, const char *name) {
  size_t length = strlen(w->path);
  bool itself = is_itself(w, name), slashed = w->path[length - 1] == '/';
  size_t text_bytes = length + (itself ? 0 : 1 + strlen(name)) + 1;
  struct change *change = weft__alloc(sizeof(struct change) + text_bytes);
  if (change == NULL)
    return NULL;
  change->size_bytes = sizeof(struct change) + text_bytes;
  snprintf(change->path, text_bytes, "%s%s%s", w->path,
           itself || slashed ? "" : "/", itself ? "" : name);
  return change;
}

static void keep_change(struct fs_watch *w, const char *name, int events) {
  struct change *change = NULL;
  if (w->count < CHANGES_MAX && !w->lost)
    change = new_change(w, name);
  if (change == NULL) {
    w->lost = true; /* told behind those that are kept */
    return;
  }
  /* Of a directory's attributes libuv says both. */
  change->is_rename = (events & UV_CHANGE) == 0;
  list_insert(&w->changes, &change->node);
  w->count++;
}

static void on_event(uv_fs_event_t *event, const char *name, int events,
                     int uv_code) {
  struct fs_watch *w = event->data;
  uint64_t value;
  if (uv_code < 0)
    w->status = weft__fs_from_uv(uv_code);
  else
    keep_change(w, name, events);
  if (list_is_empty(&w->waiters))
    return;
  int status = take_change(w, &value);
  weft__wake_first(w->rt, &w->waiters, status, value);
}

/* -- Life ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  struct fs_watch *w = handle->data;
  while (!list_is_empty(&w->changes))
    free_change(LIST_OWNER(w->changes.next, struct change, node));
  weft__free_text(w->path);
  weft__free(w, sizeof(*w));
}

void weft__fs_watch_dispose(weft_runtime *rt, void *object) {
  struct fs_watch *w = object;
  weft__handle_free(rt, w->handle);
  uv_close((uv_handle_t *)&w->event, on_closed);
}

/* The path without the slashes at its end. */
static char *copy_path(const char *path) {
  char *copy = weft__copy_text(path);
  size_t length = strlen(path), kept = length;
  while (kept > 1 && path[kept - 1] == '/')
    kept--;
  if (copy == NULL || kept == length)
    return copy;
  copy[kept] = '\0';
  char *shorter = weft__copy_text(copy);
  weft__free(copy, length + 1);
  return shorter;
}

static int start_watch(struct fs_watch *w) {
  uv_fs_t request;
  int uv_code = uv_fs_stat(NULL, &request, w->path, NULL);
  w->is_directory =
      uv_code == 0 &&
      strcmp(weft__fs_type_name(request.statbuf.st_mode), "directory") == 0;
  uv_fs_req_cleanup(&request);
  if (uv_code == 0)
    uv_code = uv_fs_event_start(&w->event, on_event, w->path, 0);
  return weft__fs_from_uv(uv_code);
}

int weft_fs_watch_new(weft_runtime *rt, const char *path,
                      weft_fs_watch *watch) {
  struct fs_watch *w;
  *watch = 0;
  if (path == NULL || path[0] == '\0')
    return WEFT_EINVAL;
  weft_fs_watch handle;
  int status = weft__object_new(rt, KIND_FS_WATCH, sizeof(*w), &w, &handle);
  if (status != WEFT_OK)
    return status;
  w->rt = rt;
  w->handle = handle;
  w->path = copy_path(path);
  list_init(&w->changes);
  list_init(&w->waiters);
  uv_fs_event_init(&rt->loop, &w->event); /* cannot fail */
  w->event.data = w;
  status = w->path == NULL ? WEFT_ENOMEM : start_watch(w);
  if (status != WEFT_OK) {
    weft__fs_watch_dispose(rt, w);
    return status;
  }
  *watch = handle;
  return WEFT_OK;
}

int weft_fs_watch_close(weft_runtime *rt, weft_fs_watch watch) {
  struct fs_watch *w;
  int status = weft__object(rt, watch, KIND_FS_WATCH, &w);
  if (status != WEFT_OK)
    return status;
  weft__wake_all(rt, &w->waiters, WEFT_ECLOSED);
  weft__fs_watch_dispose(rt, w);
  return WEFT_OK;
}

int weft_fs_watch_get_path(weft_runtime *rt, weft_fs_watch watch,
                           const char **path) {
  struct fs_watch *w;
  *path = NULL;
  int status = weft__object(rt, watch, KIND_FS_WATCH, &w);
  if (status == WEFT_OK)
    *path = w->path;
  return status;
}

void weft__fs_watch_describe(const void *object, char *text,
                             size_t size_bytes) {
  const struct fs_watch *w = object;
  snprintf(text, size_bytes, " in %s", w->path);
}

int weft_fs_watch_next(weft_runtime *rt, weft_fs_watch watch, uint64_t *value) {
  struct fs_watch *w;
  *value = 0;
  int status = weft__object(rt, watch, KIND_FS_WATCH, &w);
  if (status != WEFT_OK)
    return status;
  if (!list_is_empty(&w->waiters))
    return WEFT_EBUSY;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (!has_change(w))
    return weft__park(rt, &w->waiters, "change", watch, weft__withdraw_plain,
                      NULL, value);
  status = take_change(w, value);
  return status == WEFT_OK ? weft__park_skip(rt, *value) : status;
}
