/* SPDX-License-Identifier: MIT
 * test_memory.c - a resolver whose allocations fail, one after the other: its
 * own, c-ares's, the core's. What larger blocks are made of by resizing is
 * always granted, for libuv ends the program where it gets none. */
#include "asking.h"

/* Each of gcc and clang has its own way of saying that a sanitizer is there,
 * which has an allocator of its own. */
#if defined(__has_feature)
#define CHECK_FEATURE(name) __has_feature(name)
#else
#define CHECK_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    CHECK_FEATURE(address_sanitizer) || CHECK_FEATURE(thread_sanitizer)
#define HAS_OWN_MALLOC 0
#else
#define HAS_OWN_MALLOC 1
#endif

static _Thread_local long countdown; /* the allocation that takes it to 0 */
static _Thread_local bool failed;

#if HAS_OWN_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

static bool fails(void) {
  if (countdown == 0 || --countdown > 0)
    return false;
  failed = true;
  return true;
}

__attribute__((visibility("default"))) void *malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size) {
  return fails() ? NULL : __libc_calloc(count, size);
}
#endif

/* -- Attempts ------------------------------------------------------------- */

typedef int (*attempt_fn)(struct asking *asking);

/* Fails the first allocation, the second, and so on until one attempt passes
 * without. Whatever comes of an attempt, the next look-up is as good as ever.
 * Returns the number of those that failed. */
static long fail_each(struct asking *asking, attempt_fn attempt) {
  const char *text;
  /* An answer that is lost for want of memory is asked for again. */
  CHECK_INT(WEFT_OK, weft_dns_set_timeout(asking->dns, 200000000, 5));
  for (long nth = 1;; nth++) {
    countdown = nth;
    failed = false;
    int status = attempt(asking);
    bool was_failed = failed;
    countdown = 0;
    failed = false;
    CHECK(status == WEFT_OK || was_failed);
    CHECK_INT(WEFT_OK, lookup(asking, "both.test", 4, &text));
    CHECK_TEXT("192.0.2.1", text);
    CHECK(asking->dns->ended.first == NULL);
    CHECK(asking->dns->waiting.first == NULL);
    CHECK_INT(0, asking->dns->active);
    if (!was_failed)
      return nth - 1;
  }
}

static int look_up(struct asking *asking) {
  uint64_t value;
  int status = weft_dns_lookup(asking->rt, "both.test", &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  return status;
}

static int look_up_local(struct asking *asking) {
  uint64_t value;
  int status = weft_dns_lookup(asking->rt, "localhost", &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  return status;
}

static int ask_mx(struct asking *asking) {
  uint64_t value;
  int status = weft_dns_query(asking->rt, asking->dns, "mx.test", "MX", &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  return status;
}

static int change_servers(struct asking *asking) {
  return weft_dns_set_servers(asking->dns, servers_text(asking->server->port));
}

static int make_another(struct asking *asking) {
  weft_dns *dns;
  int status = weft_dns_new(asking->rt, &dns);
  weft_dns_close(dns);
  return status;
}

ASKING_TEST("want of memory ends a look-up, and nothing else") {
  CHECK_INT(WEFT_OK, look_up(asking));
  CHECK(fail_each(asking, look_up) > (HAS_OWN_MALLOC ? 10 : -1));
  CHECK(fail_each(asking, look_up_local) > (HAS_OWN_MALLOC ? 4 : -1));
}

ASKING_TEST("want of memory ends a query, and nothing else") {
  CHECK_INT(WEFT_OK, ask_mx(asking));
  CHECK(fail_each(asking, ask_mx) > (HAS_OWN_MALLOC ? 10 : -1));
}

ASKING_TEST("want of memory changes no setting, and makes no half resolver") {
  CHECK(fail_each(asking, change_servers) > (HAS_OWN_MALLOC ? 4 : -1));
  CHECK(fail_each(asking, make_another) > (HAS_OWN_MALLOC ? 0 : -1));
}
