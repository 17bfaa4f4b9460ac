/* SPDX-License-Identifier: MIT
 * connect.c - connecting by TCP, to whichever address of a host answers first.
 *
 * The addresses are tried in the resolver's order, but with the families
 * alternating (RFC 8305): the next one when the last has failed, or has not
 * answered for a quarter of a second. The first connection wins; the other
 * attempts are closed. If all fail, the error is that of the first, and the
 * errors of all are behind it.
 *
 * A connect is one struct that lives as long as libuv may call it back. When
 * its task has been told, or was cancelled, it closes what is still under way
 * and is freed by the last callback that this causes. With one address, as
 * where the host is one, there is no timer and nothing but the struct and the
 * stream. */
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "stream.h"

/* How long an attempt has before the next one begins beside it. */
#define PACE_NS UINT64_C(250000000)
/* The message of the error when all fail says no more than this. */
#define MESSAGE_BYTES 512

struct attempt {
  uv_connect_t request;
  struct connecting *connecting;
  struct stream *stream; /* NULL: not begun, or over */
  int status;            /* why it failed */
  struct sockaddr_storage address;
};

struct connecting {
  weft_runtime *rt;
  struct task *task;   /* who waits; NULL: was told, or cancelled */
  weft_resolve lookup; /* 0: none is under way */
  weft_timer pace;     /* begins the next attempt; 0: none */
  int port;
  size_t count;   /* of attempts; 0 until the addresses are known */
  size_t next;    /* to be begun */
  size_t pending; /* callbacks of libuv's that are to come */
  struct attempt *attempts;
  struct attempt only; /* all of them where there is one address */
  size_t size_bytes;   /* of all this */
  char host[];         /* as it was given */
};

/* -- Ending --------------------------------------------------------------- */

static void free_connecting(struct connecting *c) {
  if (c->attempts != &c->only)
    weft__free(c->attempts, c->count * sizeof(*c->attempts));
  weft__free(c, c->size_bytes);
}

static void stop_pace(struct connecting *c) {
  if (c->pace != 0)
    weft_timer_cancel(c->rt, c->pace, NULL);
  c->pace = 0;
}

static void end_attempt(struct attempt *a) {
  if (a->stream != NULL)
    weft__stream_end(a->stream);
  a->stream = NULL;
}

/* Closes what is under way; the last callback of that frees it all. */
static void let_go(struct connecting *c) {
  c->task = NULL;
  stop_pace(c);
  for (size_t i = 0; i < c->next; i++)
    end_attempt(&c->attempts[i]);
  if (c->pending == 0)
    free_connecting(c);
}

static void finish(struct connecting *c, int status, uint64_t value) {
  weft__wake(c->rt, c->task, status, value);
  let_go(c);
}

/* -- When all have failed -------------------------------------------------- */

/* "127.0.0.1:80: connection refused" */
static int new_member(const struct attempt *a, weft_error **error) {
  char address[WEFT__ADDRESS_TEXT] = "";
  char text[WEFT__ADDRESS_TEXT + 80];
  weft__address_write(&a->address, weft__address_size(&a->address), address);
  snprintf(text, sizeof(text), "%s: %s", address, weft_strerror(a->status));
  return weft_error_new(a->status, NULL, text, error);
}

/* The messages of all, as far as there is room. */
static void join_messages(weft_error *const *members, size_t count,
                          char text[MESSAGE_BYTES]) {
  size_t length = 0;
  for (size_t i = 0; i < count && length < MESSAGE_BYTES; i++)
    length += (size_t)snprintf(text + length, MESSAGE_BYTES - length, "%s%s",
                               i == 0 ? "" : "; ",
                               weft_error_get_message(members[i]));
}

static int new_outer(weft_error *const *members, size_t count,
                     weft_error **error) {
  char text[MESSAGE_BYTES];
  weft_error *group;
  int status = weft_error_new_group(NULL, members, count, &group);
  if (status != WEFT_OK)
    return status;
  join_messages(members, count, text);
  status = weft_error_new(weft_error_get_code(members[0]), NULL, text, error);
  if (status == WEFT_OK)
    weft_error_set_cause(*error, group);
  weft_error_unref(group);
  return status;
}

/* The code of the first address, and the error that has those of all as its
 * cause; or WEFT_ENOMEM. */
static int fail(struct connecting *c, uint64_t *value) {
  weft_error *error = NULL;
  weft_error **members = weft__alloc(c->count * sizeof(*members));
  if (members == NULL)
    return WEFT_ENOMEM;
  int status = WEFT_OK;
  for (size_t i = 0; i < c->count && status == WEFT_OK; i++)
    status = new_member(&c->attempts[i], &members[i]);
  if (status == WEFT_OK)
    status = new_outer(members, c->count, &error);
  for (size_t i = 0; i < c->count; i++)
    weft_error_unref(members[i]);
  weft__free(members, c->count * sizeof(*members));
  *value = (uint64_t)(uintptr_t)error;
  return error == NULL ? status : c->attempts[0].status;
}

static bool have_all_failed(const struct connecting *c) {
  return c->count > 0 && c->next == c->count && c->pending == 0;
}

static void finish_if_failed(struct connecting *c) {
  uint64_t value = 0;
  if (!have_all_failed(c))
    return;
  int status = fail(c, &value);
  finish(c, status, value);
}

/* -- Trying --------------------------------------------------------------- */

static void on_connected(uv_connect_t *request, int uv_code);

static int begin_attempt(struct connecting *c, struct attempt *a) {
  int status = weft__stream_new(c->rt, STREAM_TCP, &a->stream);
  if (status != WEFT_OK)
    return status;
  a->connecting = c;
  a->request.data = a;
  int uv_code =
      uv_tcp_connect(&a->request, &a->stream->uv.tcp,
                     (const struct sockaddr *)&a->address, on_connected);
  if (uv_code == 0)
    c->pending++;
  else
    end_attempt(a);
  return weft__status_from_uv(uv_code);
}

static void on_pace(weft_runtime *rt, void *arg);

static int set_pace(struct connecting *c) {
  uint64_t now_ns;
  if (c->next == c->count)
    return WEFT_OK;
  weft_now(c->rt, &now_ns);
  return weft_call_at(c->rt, now_ns + PACE_NS, on_pace, c, NULL, &c->pace);
}

/* Begins the next attempt that can be begun. For want of memory for the timer
 * the one after it begins at once. */
static void try_next(struct connecting *c) {
  stop_pace(c);
  while (c->next < c->count) {
    struct attempt *a = &c->attempts[c->next++];
    a->status = begin_attempt(c, a);
    if (a->status == WEFT_OK && set_pace(c) == WEFT_OK)
      return;
  }
}

/* From a callback of libuv's, which will tell the kernel of a new descriptor in
 * the next poll: until then nothing can have happened there. */
static void try_next_in_poll(struct connecting *c) {
  c->rt->poll_now = true;
  try_next(c);
  finish_if_failed(c);
}

static void on_pace(weft_runtime *rt, void *arg) {
  struct connecting *c = arg;
  weft_timer_close(rt, c->pace);
  c->pace = 0;
  try_next(c); /* one that is under way keeps it from having failed */
}

static void win(struct connecting *c, struct attempt *a) {
  uint64_t stream = a->stream->handle;
  a->stream = NULL; /* it is the task's now */
  finish(c, WEFT_OK, stream);
}

static void on_connected(uv_connect_t *request, int uv_code) {
  struct attempt *a = request->data;
  struct connecting *c = a->connecting;
  c->pending--;
  if (c->task == NULL) {
    if (c->pending == 0)
      free_connecting(c);
    return;
  }
  if (uv_code == 0) {
    win(c, a);
    return;
  }
  end_attempt(a);
  a->status = weft__status_from_uv(uv_code);
  if (a == &c->attempts[c->next - 1])
    try_next_in_poll(c);
  else
    finish_if_failed(c);
}

/* -- Addresses ------------------------------------------------------------ */

/* Moves attempts[from] to the place [to] before it. */
static void move_up(struct attempt *attempts, size_t from, size_t to) {
  struct sockaddr_storage moved = attempts[from].address;
  for (; from > to; from--)
    attempts[from].address = attempts[from - 1].address;
  attempts[to].address = moved;
}

/* Puts after each address the next of the other family, as long as there is
 * one; what is of one family keeps its order. */
static void alternate(struct attempt *attempts, size_t count) {
  for (size_t i = 1; i < count; i++) {
    size_t other = i;
    while (other < count && attempts[other].address.ss_family ==
                                attempts[i - 1].address.ss_family)
      other++;
    if (other == count)
      return;
    move_up(attempts, other, i);
  }
}

static int set_addresses(struct connecting *c, const char *const *texts,
                         size_t count) {
  if (count > 1)
    c->attempts = weft__alloc(count * sizeof(*c->attempts));
  if (c->attempts == NULL) {
    c->attempts = &c->only;
    return WEFT_ENOMEM;
  }
  c->count = count;
  for (size_t i = 0; i < count; i++) {
    int status =
        weft__address_parse(texts[i], c->port, &c->attempts[i].address);
    if (status != WEFT_OK)
      return status;
  }
  alternate(c->attempts, count);
  return WEFT_OK;
}

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *texts, size_t count) {
  struct connecting *c = arg;
  (void)rt;
  c->lookup = 0;
  if (status == WEFT_OK)
    status = set_addresses(c, texts, count);
  if (status != WEFT_OK) {
    finish(c, status, 0);
    return;
  }
  try_next_in_poll(c);
}

/* -- The call ------------------------------------------------------------- */

static int withdraw_connect(weft_runtime *rt, void *arg) {
  struct connecting *c = arg;
  if (c->lookup != 0)
    weft_resolve_cancel(rt, c->lookup);
  let_go(c);
  return WEFT_OK;
}

bool weft__connect_describe(const struct task *task, char *text,
                            size_t size_bytes) {
  if (task->withdraw != withdraw_connect)
    return false;
  const struct connecting *c = task->withdraw_arg;
  const char *form = strchr(c->host, ':') == NULL ? " to %s:%d" : " to [%s]:%d";
  snprintf(text, size_bytes, form, c->host, c->port);
  return true;
}

/* Looks the name up, or begins with the address that [host] is. */
static int begin_connect(struct connecting *c, const char *host,
                         uint64_t *value) {
  struct sockaddr_storage *address = &c->only.address;
  if (weft__address_parse(host, c->port, address) != WEFT_OK)
    return weft_resolve_start(c->rt, host, on_addresses, c, NULL, &c->lookup);
  c->count = 1;
  try_next(c);
  return have_all_failed(c) ? fail(c, value) : WEFT_OK;
}

int weft_tcp_connect(weft_runtime *rt, const char *host, int port,
                     uint64_t *value) {
  *value = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 1 || port > 65535)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  size_t size_bytes = sizeof(struct connecting) + strlen(host) + 1;
  struct connecting *c = weft__alloc(size_bytes);
  if (c == NULL)
    return WEFT_ENOMEM;
  memcpy(c->host, host, strlen(host));
  c->size_bytes = size_bytes;
  c->rt = rt;
  c->task = rt->current;
  c->port = port;
  c->attempts = &c->only;
  status = begin_connect(c, host, value);
  if (status != WEFT_OK) {
    free_connecting(c);
    return status;
  }
  return weft__park(rt, NULL, "connect", 0, withdraw_connect, c, value);
}
