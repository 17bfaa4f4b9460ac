/* SPDX-License-Identifier: MIT
 * resolve.c - looking up the addresses of a host.
 *
 * The resolver of the C library blocks, so it runs in a thread of libuv's and
 * cannot be stopped there. What can be done at once is to let go: the handle
 * and the callback are gone with weft_resolve_cancel, and the request stays
 * behind, alone, until the thread has its answer, which is then dropped. */
#include <netdb.h>
#include <string.h>

#include "core.h"

/* No name of the DNS is longer. */
#define NAME_MAX_BYTES 255
/* An IPv6 address with the name of its interface. */
#define TEXT_BYTES 80

struct resolve {
  uv_getaddrinfo_t request;
  weft_runtime *rt;
  weft_resolve handle; /* 0: let go, nobody is to be told */
  weft_resolve_fn fn;
  void *arg;
  weft_drop_fn drop;
};

/* -- The answer ----------------------------------------------------------- */

/* The addresses as text, in one block: the pointers, then the characters. */
struct answer {
  size_t count;
  size_t size_bytes;
  const char *texts[];
};

static int new_answer(const struct addrinfo *infos, struct answer **answer) {
  size_t count = 0;
  for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next)
    count++;
  size_t size_bytes = sizeof(struct answer) + count * sizeof(char *);
  size_bytes += count * TEXT_BYTES;
  *answer = weft__alloc(size_bytes);
  if (*answer == NULL)
    return WEFT_ENOMEM;
  (*answer)->size_bytes = size_bytes;
  char *text = (char *)&(*answer)->texts[count];
  for (; infos != NULL; infos = infos->ai_next, text += TEXT_BYTES)
    if (getnameinfo(infos->ai_addr, infos->ai_addrlen, text, TEXT_BYTES, NULL,
                    0, NI_NUMERICHOST) == 0)
      (*answer)->texts[(*answer)->count++] = text;
  return WEFT_OK;
}

static void tell(struct resolve *resolve, int status,
                 const struct addrinfo *infos) {
  struct answer *answer = NULL;
  if (status == WEFT_OK)
    status = new_answer(infos, &answer);
  if (status == WEFT_OK && answer->count == 0)
    status = WEFT_EHOSTNOTFOUND;
  if (status == WEFT_OK)
    resolve->fn(resolve->rt, resolve->arg, WEFT_OK, answer->texts,
                answer->count);
  else
    resolve->fn(resolve->rt, resolve->arg, status, NULL, 0);
  if (answer != NULL)
    weft__free(answer, answer->size_bytes);
}

/* Ends what was asked for, with or without having been told. */
static void let_go(struct resolve *resolve) {
  weft__handle_free(resolve->rt, resolve->handle);
  resolve->handle = 0;
  resolve->rt->outside_work--;
}

static void on_answer(uv_getaddrinfo_t *request, int uv_code,
                      struct addrinfo *infos) {
  struct resolve *resolve = request->data;
  if (resolve->handle != 0) {
    let_go(resolve);
    tell(resolve, weft__status_from_uv(uv_code), infos);
    weft__drop(resolve->drop, resolve->arg);
  }
  uv_freeaddrinfo(infos);
  weft__free(resolve, sizeof(*resolve));
}

/* -- Asking --------------------------------------------------------------- */

static int begin(weft_runtime *rt, const char *host, struct resolve *resolve) {
  int status = weft__handle_new(rt, KIND_RESOLVE, resolve, &resolve->handle);
  if (status != WEFT_OK)
    return status;
  /* Without a socket type each address would come three times. */
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  resolve->request.data = resolve;
  int uv_code = uv_getaddrinfo(&rt->loop, &resolve->request, on_answer, host,
                               NULL, &hints);
  if (uv_code < 0) {
    weft__handle_free(rt, resolve->handle);
    return weft__status_from_uv(uv_code);
  }
  rt->outside_work++;
  return WEFT_OK;
}

static int new_resolve(weft_runtime *rt, const char *host, weft_resolve_fn fn,
                       struct resolve **made) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (fn == NULL || host == NULL || host[0] == '\0' ||
      strlen(host) > NAME_MAX_BYTES)
    return WEFT_EINVAL;
  struct resolve *resolve = weft__alloc(sizeof(*resolve));
  if (resolve == NULL)
    return WEFT_ENOMEM;
  resolve->rt = rt;
  resolve->fn = fn;
  int status = begin(rt, host, resolve);
  if (status != WEFT_OK)
    weft__free(resolve, sizeof(*resolve));
  else
    *made = resolve;
  return status;
}

int weft_resolve_start(weft_runtime *rt, const char *host, weft_resolve_fn fn,
                       void *arg, weft_drop_fn drop, weft_resolve *lookup) {
  struct resolve *resolve;
  if (lookup != NULL)
    *lookup = 0;
  int status = new_resolve(rt, host, fn, &resolve);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  resolve->arg = arg;
  resolve->drop = drop;
  if (lookup != NULL)
    *lookup = resolve->handle;
  return WEFT_OK;
}

int weft_resolve_cancel(weft_runtime *rt, weft_resolve lookup) {
  struct resolve *resolve;
  int status = weft__object(rt, lookup, KIND_RESOLVE, &resolve);
  if (status != WEFT_OK)
    return status;
  weft__resolve_dispose(rt, resolve);
  return WEFT_OK;
}

void weft__resolve_dispose(weft_runtime *rt, void *object) {
  struct resolve *resolve = object;
  (void)rt;
  let_go(resolve);
  /* One that waits for a thread need not run at all. */
  uv_cancel((uv_req_t *)&resolve->request);
  weft__drop(resolve->drop, resolve->arg);
}

/* -- Asking and waiting --------------------------------------------------- */

struct lookup {
  struct task *task; /* who waits */
  weft_resolve resolve;
};

static void free_lookup(void *arg) {
  weft__free(arg, sizeof(struct lookup));
}

static int new_text(const char *text, weft_value **value) {
  return weft_value_new_bytes(text, strlen(text), value);
}

/* A list value of [count] addresses. */
static int new_list(const char *const *addresses, size_t count,
                    weft_value **list) {
  weft_value **items = weft__alloc(count * sizeof(*items));
  if (items == NULL)
    return WEFT_ENOMEM;
  int status = WEFT_OK;
  for (size_t i = 0; i < count && status == WEFT_OK; i++)
    status = new_text(addresses[i], &items[i]);
  if (status == WEFT_OK)
    status = weft_value_new_list(items, count, list);
  for (size_t i = 0; i < count; i++)
    weft_value_unref(items[i]);
  weft__free(items, count * sizeof(*items));
  return status;
}

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *addresses, size_t count) {
  struct lookup *lookup = arg;
  weft_value *list = NULL;
  if (status == WEFT_OK)
    status = new_list(addresses, count, &list);
  weft__wake(rt, lookup->task, status, (uint64_t)(uintptr_t)list);
}

static int withdraw_lookup(weft_runtime *rt, void *arg) {
  struct lookup *lookup = arg;
  return weft_resolve_cancel(rt, lookup->resolve);
}

int weft_dns_lookup(weft_runtime *rt, const char *host, uint64_t *value) {
  *value = 0;
  if (host == NULL)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct lookup *lookup = weft__alloc(sizeof(*lookup));
  if (lookup == NULL)
    return WEFT_ENOMEM;
  lookup->task = rt->current;
  weft_resolve resolve;
  status =
      weft_resolve_start(rt, host, on_addresses, lookup, free_lookup, &resolve);
  if (status != WEFT_OK)
    return status;
  lookup->resolve = resolve;
  return weft__park(rt, NULL, "lookup", 0, withdraw_lookup, lookup, value);
}
