/* SPDX-License-Identifier: MIT
 * resolve.c - looking up the addresses of a host.
 *
 * A look-up goes to the resolver that was set, and, if there is none or it
 * does not want this one, to that of the C library. The latter blocks, so it
 * runs in a thread of libuv's and cannot be stopped there. What can be done at
 * once is to let go: the handle and the callback are gone with
 * weft_resolve_cancel, and the request stays behind, alone, until the thread
 * has its answer, which is then dropped. */
#include <stdio.h>
#include <netdb.h>
#include <string.h>

#include "address.h"
#include "io.h"

/* No name of the DNS is longer. */
#define NAME_MAX_BYTES 255
/* An IPv6 address with the name of its interface. */
#define TEXT_BYTES 80

enum way {
  WAY_SYSTEM,   /* libuv's request is under way */
  WAY_ASKING,   /* the resolver's start function runs */
  WAY_RESOLVER, /* it has the look-up */
};

struct resolve {
  uv_getaddrinfo_t request;
  weft_runtime *rt;
  weft_resolve handle; /* 0: let go, nobody is to be told */
  weft_resolve_fn fn;
  void *arg;
  weft_drop_fn drop;
  enum way way;
  void *operation; /* what the resolver knows it by */
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

/* Ends what was asked for, with or without having been told. */
static void let_go(struct resolve *resolve) {
  weft__handle_free(resolve->rt, resolve->handle);
  resolve->handle = 0;
  resolve->rt->outside_work--;
  if (resolve->way == WAY_RESOLVER)
    resolve->rt->resolver.count--;
}

static void tell(struct resolve *resolve, int status,
                 const char *const *addresses, size_t count) {
  if (status == WEFT_OK && count == 0)
    status = WEFT_EHOSTNOTFOUND;
  if (status != WEFT_OK) {
    addresses = NULL;
    count = 0;
  }
  let_go(resolve);
  resolve->fn(resolve->rt, resolve->arg, status, addresses, count);
  weft__drop(resolve->drop, resolve->arg);
}

static void tell_infos(struct resolve *resolve, int status,
                       const struct addrinfo *infos) {
  struct answer *answer = NULL;
  if (status == WEFT_OK)
    status = new_answer(infos, &answer);
  if (status != WEFT_OK)
    tell(resolve, status, NULL, 0);
  else
    tell(resolve, WEFT_OK, answer->texts, answer->count);
  if (answer != NULL)
    weft__free(answer, answer->size_bytes);
}

static void on_answer(uv_getaddrinfo_t *request, int uv_code,
                      struct addrinfo *infos) {
  struct resolve *resolve = request->data;
  if (resolve->handle != 0)
    tell_infos(resolve, weft__status_from_uv(uv_code), infos);
  uv_freeaddrinfo(infos);
  weft__free(resolve, sizeof(*resolve));
}

/* -- The resolver --------------------------------------------------------- */

int weft_set_resolver(weft_runtime *rt, weft_resolver_fn start,
                      weft_resolver_cancel_fn cancel, void *arg,
                      weft_drop_fn drop) {
  if (!weft__is_here(rt))
    return weft__refuse(drop, arg, WEFT_ETHREAD);
  if ((start == NULL) != (cancel == NULL))
    return weft__refuse(drop, arg, WEFT_EINVAL);
  if (rt->resolver.count > 0)
    return weft__refuse(drop, arg, WEFT_ESTATE);
  struct resolver old = rt->resolver;
  rt->resolver = (struct resolver){
      .start = start, .cancel = cancel, .arg = arg, .drop = drop};
  weft__drop(old.drop, old.arg);
  return WEFT_OK;
}

/* Those that it still has are let go when their handles are. */
void weft__resolver_drop(weft_runtime *rt) {
  struct resolver old = rt->resolver;
  rt->resolver = (struct resolver){.count = old.count};
  weft__drop(old.drop, old.arg);
}

int weft_resolve_finish(weft_runtime *rt, weft_resolve lookup, int status,
                        const char *const *addresses, size_t count) {
  struct resolve *resolve;
  int found = weft__object(rt, lookup, KIND_RESOLVE, &resolve);
  if (found != WEFT_OK)
    return found;
  if (status > WEFT_OK || (addresses == NULL && count > 0))
    return WEFT_EINVAL;
  if (resolve->way != WAY_RESOLVER)
    return WEFT_ESTATE;
  tell(resolve, status, addresses, count);
  weft__free(resolve, sizeof(*resolve));
  return WEFT_OK;
}

/* WEFT_ENOSYS: nobody wants it; an address need not be looked up. A resolver
 * may put another in its place. */
static int ask_resolver(struct resolve *resolve, const char *host, int family) {
  struct sockaddr_storage address;
  weft_runtime *rt = resolve->rt;
  weft_resolver_fn start;
  int status;
  resolve->way = WAY_ASKING;
  if (weft__address_parse(host, 0, &address) == WEFT_OK)
    return WEFT_ENOSYS;
  do {
    start = rt->resolver.start;
    if (start == NULL)
      return WEFT_ENOSYS;
    status = start(rt, rt->resolver.arg, resolve->handle, host, family,
                   &resolve->operation);
  } while (status == WEFT_ENOSYS && rt->resolver.start != start);
  if (status != WEFT_OK)
    return status;
  resolve->way = WAY_RESOLVER;
  rt->resolver.count++;
  return WEFT_OK;
}

/* -- Asking --------------------------------------------------------------- */

static int ask_system(struct resolve *resolve, const char *host, int family) {
  /* Without a socket type each address would come three times. */
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  hints.ai_family = family == 0 ? AF_UNSPEC : family == 4 ? AF_INET : AF_INET6;
  resolve->way = WAY_SYSTEM;
  resolve->request.data = resolve;
  return weft__status_from_uv(uv_getaddrinfo(
      &resolve->rt->loop, &resolve->request, on_answer, host, NULL, &hints));
}

static int begin(weft_runtime *rt, const char *host, int family,
                 struct resolve *resolve) {
  int status = weft__handle_new(rt, KIND_RESOLVE, resolve, &resolve->handle);
  if (status != WEFT_OK)
    return status;
  status = ask_resolver(resolve, host, family);
  if (status == WEFT_ENOSYS)
    status = ask_system(resolve, host, family);
  if (status != WEFT_OK) {
    weft__handle_free(rt, resolve->handle);
    return status;
  }
  rt->outside_work++;
  return WEFT_OK;
}

static int new_resolve(weft_runtime *rt, const char *host, int family,
                       weft_resolve_fn fn, struct resolve **made) {
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
  int status = begin(rt, host, family, resolve);
  if (status != WEFT_OK)
    weft__free(resolve, sizeof(*resolve));
  else
    *made = resolve;
  return status;
}

static int start(weft_runtime *rt, const char *host, int family,
                 weft_resolve_fn fn, void *arg, weft_drop_fn drop,
                 weft_resolve *lookup) {
  struct resolve *resolve;
  if (lookup != NULL)
    *lookup = 0;
  int status = new_resolve(rt, host, family, fn, &resolve);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  resolve->arg = arg;
  resolve->drop = drop;
  if (lookup != NULL)
    *lookup = resolve->handle;
  return WEFT_OK;
}

int weft_resolve_start(weft_runtime *rt, const char *host, weft_resolve_fn fn,
                       void *arg, weft_drop_fn drop, weft_resolve *lookup) {
  return start(rt, host, 0, fn, arg, drop, lookup);
}

int weft_resolve_cancel(weft_runtime *rt, weft_resolve lookup) {
  struct resolve *resolve;
  int status = weft__object(rt, lookup, KIND_RESOLVE, &resolve);
  if (status != WEFT_OK)
    return status;
  if (resolve->way == WAY_ASKING) /* by the resolver, before it has it */
    return WEFT_ESTATE;
  weft__resolve_dispose(rt, resolve);
  return WEFT_OK;
}

void weft__resolve_dispose(weft_runtime *rt, void *object) {
  struct resolve *resolve = object;
  weft_drop_fn drop = resolve->drop;
  void *arg = resolve->arg;
  let_go(resolve);
  if (resolve->way == WAY_SYSTEM) {
    /* One that waits for a thread need not run at all. */
    uv_cancel((uv_req_t *)&resolve->request);
  } else {
    if (rt->resolver.cancel != NULL)
      rt->resolver.cancel(rt, rt->resolver.arg, resolve->operation);
    weft__free(resolve, sizeof(*resolve));
  }
  weft__drop(drop, arg);
}

/* -- Asking and waiting --------------------------------------------------- */

struct lookup {
  struct task *task; /* who waits */
  weft_resolve resolve;
  char *host;
};

static void free_lookup(void *arg) {
  struct lookup *lookup = arg;
  weft__free_text(lookup->host);
  weft__free(lookup, sizeof(*lookup));
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

int weft_dns_lookup_family(weft_runtime *rt, const char *host, int family,
                           uint64_t *value) {
  *value = 0;
  if (host == NULL || (family != 0 && family != 4 && family != 6))
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct lookup *lookup = weft__alloc(sizeof(*lookup));
  if (lookup == NULL)
    return WEFT_ENOMEM;
  lookup->task = rt->current;
  lookup->host = weft__copy_text(host);
  if (lookup->host == NULL) {
    free_lookup(lookup);
    return WEFT_ENOMEM;
  }
  weft_resolve resolve;
  status = start(rt, host, family, on_addresses, lookup, free_lookup, &resolve);
  if (status != WEFT_OK)
    return status;
  lookup->resolve = resolve;
  return weft__park(rt, NULL, "lookup", 0, withdraw_lookup, lookup, value);
}

int weft_dns_lookup(weft_runtime *rt, const char *host, uint64_t *value) {
  return weft_dns_lookup_family(rt, host, 0, value);
}

/* -- From an address to its name ------------------------------------------ */

struct reverse {
  uv_getnameinfo_t request;
  struct task *task; /* who waits; NULL when it was cancelled */
  weft_runtime *rt;
  char address[64]; /* as it was given: none is longer */
};

static void on_name(uv_getnameinfo_t *request, int uv_code, const char *name,
                    const char *service) {
  struct reverse *reverse = request->data;
  weft_value *text = NULL;
  (void)service;
  reverse->rt->outside_work--;
  if (reverse->task != NULL) {
    int status = weft__status_from_uv(uv_code);
    if (status == WEFT_OK)
      status = new_text(name, &text);
    weft__wake(reverse->rt, reverse->task, status, (uint64_t)(uintptr_t)text);
  }
  weft__free(reverse, sizeof(*reverse));
}

static int withdraw_reverse(weft_runtime *rt, void *arg) {
  struct reverse *reverse = arg;
  (void)rt;
  reverse->task = NULL;
  uv_cancel((uv_req_t *)&reverse->request);
  return WEFT_OK;
}

bool weft__lookup_describe(const struct task *task, char *text,
                           size_t size_bytes) {
  if (task->withdraw == withdraw_lookup) {
    const struct lookup *lookup = task->withdraw_arg;
    snprintf(text, size_bytes, " of %s", lookup->host);
    return true;
  }
  if (task->withdraw != withdraw_reverse)
    return false;
  const struct reverse *reverse = task->withdraw_arg;
  snprintf(text, size_bytes, " of %s", reverse->address);
  return true;
}

int weft_dns_reverse(weft_runtime *rt, const char *address, uint64_t *value) {
  struct sockaddr_storage parsed;
  *value = 0;
  if (address == NULL || weft__address_parse(address, 0, &parsed) != WEFT_OK)
    return WEFT_EINVAL;
  int status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  struct reverse *reverse = weft__alloc(sizeof(*reverse));
  if (reverse == NULL)
    return WEFT_ENOMEM;
  reverse->rt = rt;
  reverse->task = rt->current;
  snprintf(reverse->address, sizeof(reverse->address), "%s", address);
  reverse->request.data = reverse;
  int uv_code = uv_getnameinfo(&rt->loop, &reverse->request, on_name,
                               (const struct sockaddr *)&parsed, NI_NAMEREQD);
  if (uv_code < 0) {
    weft__free(reverse, sizeof(*reverse));
    return weft__status_from_uv(uv_code);
  }
  rt->outside_work++;
  return weft__park(rt, NULL, "lookup", 0, withdraw_reverse, reverse, value);
}
