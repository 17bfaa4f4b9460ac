/* SPDX-License-Identifier: MIT
 * test_status.c - names, classes and sentences of the codes; libuv's codes. */
#include "../core.h"
#include "check.h"

static bool is_known(int code) {
  return strcmp(weft_error_name(code), "EUNKNOWN") != 0;
}

/* -- Names ---------------------------------------------------------------- */

TEST("every code of the library, and of the system, has a row of its own") {
  for (int code = WEFT_PARKED; code >= WEFT_EGIVENUP; code--)
    CHECK(is_known(code));
  for (int code = WEFT_EACCES; code >= WEFT_ESPIPE; code--)
    CHECK(is_known(code));
  for (int code = WEFT_TLS_FAILED; code >= WEFT_HOSTNAME_MISMATCH; code--)
    CHECK(is_known(code));
  CHECK(is_known(WEFT_EOTHER));
}

/* Names are what programs compare, so no two codes may share one. */
TEST("no two codes have the same name or the same sentence") {
  for (int one = WEFT_EOTHER; one <= WEFT_PARKED; one++)
    for (int two = one + 1; two <= WEFT_PARKED; two++) {
      if (!is_known(one) || !is_known(two))
        continue;
      CHECK(strcmp(weft_error_name(one), weft_error_name(two)) != 0);
      CHECK(strcmp(weft_strerror(one), weft_strerror(two)) != 0);
    }
}

TEST("a name is the constant's, without its prefix") {
  CHECK_TEXT("OK", weft_error_name(WEFT_OK));
  CHECK_TEXT("PARKED", weft_error_name(WEFT_PARKED));
  CHECK_TEXT("ECANCELLED", weft_error_name(WEFT_ECANCELLED));
  CHECK_TEXT("EGIVENUP", weft_error_name(WEFT_EGIVENUP));
  CHECK_TEXT("ECONNREFUSED", weft_error_name(WEFT_ECONNREFUSED));
  CHECK_TEXT("ETIMEDOUT", weft_error_name(WEFT_ETIMEDOUT));
  CHECK_TEXT("ETIMEDOUT_OS", weft_error_name(WEFT_ETIMEDOUT_OS));
  CHECK_TEXT("EOTHER", weft_error_name(WEFT_EOTHER));
}

TEST("a sentence has no full stop, no line break and is not empty") {
  for (int code = WEFT_EOTHER - 1; code <= WEFT_PARKED + 1; code++) {
    const char *sentence = weft_strerror(code);
    CHECK(strlen(sentence) > 5);
    CHECK(strpbrk(sentence, ".\n") == NULL);
  }
  CHECK_TEXT("out of memory", weft_strerror(WEFT_ENOMEM));
  CHECK_TEXT("connection refused", weft_strerror(WEFT_ECONNREFUSED));
}

TEST("an unknown code says so") {
  const int unknown[] = {
      2,         WEFT_EGIVENUP - 1,         -100, WEFT_EACCES + 1, -198, -200,
      INT32_MIN, WEFT_HOSTNAME_MISMATCH - 1};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    CHECK_TEXT("EUNKNOWN", weft_error_name(unknown[i]));
    CHECK_TEXT("unknown code", weft_strerror(unknown[i]));
  }
  CHECK_TEXT("EUNKNOWN", weft_error_name(INT32_MAX));
}

TEST("each code stands for one class of error") {
  static const struct {
    int code;
    const char *class_name;
  } classes[] = {{WEFT_ECANCELLED, "CancelledError"},
                 {WEFT_ETIMEDOUT, "TimeoutError"},
                 {WEFT_ECLOSED, "ClosedError"},
                 {WEFT_EBADF, "ArgumentError"},
                 {WEFT_EINVAL, "ArgumentError"},
                 {WEFT_ESTATE, "InvalidStateError"},
                 {WEFT_ENOMEM, "Error"},
                 {WEFT_EHOST, "Error"},
                 {WEFT_EGROUP, "ErrorGroup"},
                 {WEFT_EBUSY, "BusyError"},
                 {WEFT_EEND, "EndOfStream"},
                 {WEFT_EFULL, "QueueFull"},
                 {WEFT_EEMPTY, "QueueEmpty"},
                 {WEFT_ESHUTDOWN, "QueueShutDown"},
                 {WEFT_ETHREAD, "InvalidStateError"},
                 {WEFT_ETASKCANCELLED, "TaskCancelledError"},
                 {WEFT_EINCOMPLETE, "IncompleteReadError"},
                 {WEFT_EOVERRUN, "LimitOverrunError"},
                 {WEFT_EBROKEN, "BrokenBarrierError"},
                 {WEFT_ESTACKS, "Error"},
                 {WEFT_EGIVENUP, "InvalidStateError"},
                 {-99, "Error"},
                 {-100, "Error"},
                 {-198, "OSError"},
                 {-1000, "OSError"}};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    CHECK_TEXT(classes[i].class_name, weft_error_class(classes[i].code));
  for (int code = WEFT_EACCES; code >= WEFT_ESPIPE; code--)
    CHECK_TEXT("OSError", weft_error_class(code));
  CHECK_TEXT("OSError", weft_error_class(WEFT_ETIMEDOUT_OS));
  CHECK_TEXT("OSError", weft_error_class(WEFT_EOTHER));
  for (int code = WEFT_TLS_FAILED; code >= WEFT_HOSTNAME_MISMATCH; code--)
    CHECK_TEXT("TLSError", weft_error_class(code));
}

TEST("the version is three numbers") {
  CHECK_TEXT("0.1.0", weft_version());
}

/* -- libuv's codes -------------------------------------------------------- */

TEST("what is no failure of libuv's is WEFT_OK, never WEFT_PARKED") {
  CHECK_INT(WEFT_OK, weft__status_from_uv(0));
  CHECK_INT(WEFT_OK, weft__status_from_uv(1));
  CHECK_INT(WEFT_OK, weft__status_from_uv(4096));
}

/* Whether weft has a code of that name, which libuv's must become then. */
static int check_namesake(const char *name, int uv_code) {
  if (uv_code == UV_ETIMEDOUT || uv_code == UV_ESHUTDOWN)
    return 0;
  for (int code = WEFT_EOTHER; code < 0; code++) {
    if (!is_known(code) || strcmp(weft_error_name(code), name) != 0)
      continue;
    CHECK_INT(code, weft__status_from_uv(uv_code));
    return 1;
  }
  return 0;
}

/* Every code of this libuv: where weft has one of the same name, that is what
 * it becomes, but for the few that mean something else there. */
TEST("a code of libuv becomes its namesake") {
  int found = 0;
#define CHECK_NAMESAKE(name, text) found += check_namesake(#name, UV_##name);
  UV_ERRNO_MAP(CHECK_NAMESAKE)
  CHECK_INT(49, found);
}

TEST("no code of libuv becomes one that only weft itself may use"){
#define CHECK_FOREIGN(name, text)                                              \
  {                                                                            \
    int code = weft__status_from_uv(UV_##name);                                \
    CHECK(code < 0 && is_known(code));                                         \
    CHECK(code != WEFT_ECANCELLED && code != WEFT_ETIMEDOUT &&                 \
          code != WEFT_ESHUTDOWN);                                             \
  }
    UV_ERRNO_MAP(CHECK_FOREIGN)}

TEST("libuv's codes with another meaning get that of weft") {
  CHECK_INT(WEFT_EEND, weft__status_from_uv(UV_EOF));
  CHECK_INT(WEFT_ECLOSED, weft__status_from_uv(UV_ECANCELED));
  CHECK_INT(WEFT_ETIMEDOUT_OS, weft__status_from_uv(UV_ETIMEDOUT));
  CHECK_INT(WEFT_EPIPE, weft__status_from_uv(UV_ESHUTDOWN));
  CHECK_INT(WEFT_EHOSTUNREACH, weft__status_from_uv(UV_EHOSTDOWN));
  CHECK_INT(WEFT_ENETUNREACH, weft__status_from_uv(UV_ENONET));
}

TEST("a name that cannot be looked up: never, not now, or not this way") {
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft__status_from_uv(UV_EAI_NONAME));
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft__status_from_uv(UV_EAI_NODATA));
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft__status_from_uv(UV_EAI_ADDRFAMILY));
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft__status_from_uv(UV_EAI_FAIL));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, weft__status_from_uv(UV_EAI_AGAIN));
  CHECK_INT(WEFT_ECLOSED, weft__status_from_uv(UV_EAI_CANCELED));
  CHECK_INT(WEFT_ENOMEM, weft__status_from_uv(UV_EAI_MEMORY));
  CHECK_INT(WEFT_EAFNOSUPPORT, weft__status_from_uv(UV_EAI_FAMILY));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_BADFLAGS));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_BADHINTS));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_OVERFLOW));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_PROTOCOL));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_SERVICE));
  CHECK_INT(WEFT_EINVAL, weft__status_from_uv(UV_EAI_SOCKTYPE));
}

TEST("what has no code here is another error of the system") {
  CHECK_INT(WEFT_EOTHER, weft__status_from_uv(UV_UNKNOWN));
  CHECK_INT(WEFT_EOTHER, weft__status_from_uv(UV_ENOPROTOOPT));
  CHECK_INT(WEFT_EOTHER, weft__status_from_uv(INT32_MIN));
}
