/* SPDX-License-Identifier: MIT
 * error.c - what a task failed with.
 *
 * An error is made by one thread, completed by it with the setters, and read by
 * any number afterwards; only the count of references changes then. Name,
 * message and members lie behind the head in the same block, so that making an
 * error is one allocation: it happens when something has gone wrong already.
 *
 * A chain of causes can be as long as a program retries, and groups nest, so
 * freeing does not recurse: the dead are chained through the place of their
 * count, as in value.c. */
#include <stdatomic.h>
#include <string.h>

#include "core.h"

struct weft_error {
  union {
    atomic_size_t refs;      /* while alive */
    struct weft_error *next; /* once dead: the next to be freed */
  } life;
  size_t size_bytes;   /* of the block, with all that lies behind */
  size_t member_count; /* 0: not a group's */
  int code;
  bool has_host;
  const char *name;    /* behind the members, or a text that is for ever */
  const char *message; /* likewise */
  char *traceback;     /* NULL: none */
  char *task_name;     /* NULL: none */
  weft_error *cause;   /* NULL: none */
  void *host;
  weft_drop_fn host_drop;
  struct weft_error *members[]; /* behind them the texts */
};

/* -- Life ----------------------------------------------------------------- */

static size_t text_bytes(const char *text) {
  return text == NULL ? 0 : strlen(text) + 1;
}

/* Copies [text] to [*place] and moves that on; NULL stands for [otherwise],
 * which needs no copy. */
static const char *lay_down(char **place, const char *text,
                            const char *otherwise) {
  if (text == NULL)
    return otherwise;
  size_t size_bytes = strlen(text) + 1;
  char *copy = memcpy(*place, text, size_bytes);
  *place += size_bytes;
  return copy;
}

static int make(int code, const char *name, const char *message,
                weft_error *const *members, size_t count, weft_error **error) {
  size_t fixed_bytes =
      sizeof(weft_error) + text_bytes(name) + text_bytes(message);
  if (count > (SIZE_MAX - fixed_bytes) / sizeof(void *))
    return WEFT_ENOMEM;
  size_t size_bytes = fixed_bytes + count * sizeof(void *);
  weft_error *made = weft__alloc(size_bytes);
  if (made == NULL)
    return WEFT_ENOMEM;
  atomic_init(&made->life.refs, 1);
  made->size_bytes = size_bytes;
  made->code = code;
  made->member_count = count;
  for (size_t i = 0; i < count; i++)
    made->members[i] = weft_error_ref(members[i]);
  char *place = (char *)&made->members[count];
  made->name = lay_down(&place, name, weft_error_class(code));
  made->message = lay_down(&place, message, weft_strerror(code));
  *error = made;
  return WEFT_OK;
}

int weft_error_new(int code, const char *name, const char *message,
                   weft_error **error) {
  *error = NULL;
  if (code >= 0)
    return WEFT_EINVAL;
  return make(code, name, message, NULL, 0, error);
}

int weft_error_new_group(const char *message, weft_error *const *members,
                         size_t count, weft_error **error) {
  *error = NULL;
  if (members == NULL || count == 0)
    return WEFT_EINVAL;
  for (size_t i = 0; i < count; i++)
    if (members[i] == NULL)
      return WEFT_EINVAL;
  return make(WEFT_EGROUP, NULL, message, members, count, error);
}

weft_error *weft_error_ref(weft_error *error) {
  if (error != NULL)
    atomic_fetch_add_explicit(&error->life.refs, 1, memory_order_relaxed);
  return error;
}

/* Drops a reference; puts [error] before [dead] if it was the last. */
static weft_error *release(weft_error *error, weft_error *dead) {
  if (error == NULL || atomic_fetch_sub_explicit(&error->life.refs, 1,
                                                 memory_order_acq_rel) != 1)
    return dead;
  error->life.next = dead;
  return error;
}

/* Frees [error] itself and puts those it was the last to refer to before
 * [dead]; returns what is to be freed next. */
static weft_error *bury(weft_error *error, weft_error *dead) {
  for (size_t i = error->member_count; i-- > 0;)
    dead = release(error->members[i], dead);
  dead = release(error->cause, dead);
  if (error->has_host)
    weft__drop(error->host_drop, error->host);
  weft__free_text(error->traceback);
  weft__free_text(error->task_name);
  weft__free(error, error->size_bytes);
  return dead;
}

void weft_error_unref(weft_error *error) {
  weft_error *dead = release(error, NULL);
  while (dead != NULL)
    dead = bury(dead, dead->life.next);
}

/* -- Setting -------------------------------------------------------------- */

/* Puts a copy of [text], or NULL, in the place of [*field]. */
static int replace_text(char **field, const char *text) {
  char *copy = text == NULL ? NULL : weft__copy_text(text);
  if (copy == NULL && text != NULL)
    return WEFT_ENOMEM;
  weft__free_text(*field);
  *field = copy;
  return WEFT_OK;
}

int weft_error_set_traceback(weft_error *error, const char *traceback) {
  return replace_text(&error->traceback, traceback);
}

/* Whether [error] is [cause] or among the causes of that. An error with one
 * reference, its maker's, is nobody's cause; so the chain is hardly ever
 * walked, and building one of n errors takes n steps. A way back through the
 * members of a group is not looked for: members are set up before their group
 * is made. */
static bool is_among(weft_error *error, const weft_error *cause) {
  if (error == cause)
    return true;
  if (atomic_load_explicit(&error->life.refs, memory_order_relaxed) == 1)
    return false;
  while (cause != NULL && cause != error)
    cause = cause->cause;
  return cause == error;
}

int weft_error_set_cause(weft_error *error, weft_error *cause) {
  if (is_among(error, cause))
    return WEFT_EINVAL;
  weft_error *old = error->cause;
  error->cause = weft_error_ref(cause);
  weft_error_unref(old);
  return WEFT_OK;
}

int weft_error_set_task(weft_error *error, const char *task_name) {
  return replace_text(&error->task_name, task_name);
}

/* The object is consumed like every arg that comes with a drop function: a
 * second one is dropped here. */
int weft_error_set_host(weft_error *error, void *object, weft_drop_fn drop) {
  if (error->has_host) {
    weft__drop(drop, object);
    return WEFT_ESTATE;
  }
  error->has_host = true;
  error->host = object;
  error->host_drop = drop;
  return WEFT_OK;
}

/* -- Reading -------------------------------------------------------------- */

int weft_error_get_code(const weft_error *error) {
  return error->code;
}

const char *weft_error_get_name(const weft_error *error) {
  return error->name;
}

const char *weft_error_get_message(const weft_error *error) {
  return error->message;
}

const char *weft_error_get_traceback(const weft_error *error) {
  return error->traceback;
}

const char *weft_error_get_task(const weft_error *error) {
  return error->task_name;
}

weft_error *weft_error_get_cause(const weft_error *error) {
  return error->cause;
}

size_t weft_error_get_count(const weft_error *error) {
  return error->member_count;
}

weft_error *weft_error_get_member(const weft_error *error, size_t index) {
  return index < error->member_count ? error->members[index] : NULL;
}

void *weft_error_get_host(const weft_error *error, weft_drop_fn drop) {
  return error->has_host && error->host_drop == drop ? error->host : NULL;
}
