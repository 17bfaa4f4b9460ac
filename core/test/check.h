/* SPDX-License-Identifier: MIT
 * check.h - what a C test needs: TEST, CHECK and a main that runs each test.
 *
 * A test program is one file. Each test runs in a process of its own, so that
 * a crash ends one test and no state is carried over; with an argument only
 * the tests whose names contain it run, in this process, for the debugger. */
#ifndef WEFT_CHECK_H
#define WEFT_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct check_test {
  const char *name;
  void (*run)(void);
  struct check_test *next;
};

static struct check_test *check_tests, **check_end = &check_tests;
static int check_failures;

/* TEST("sentence") { ... } registers itself; the line number names it. */
#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(sentence)                                                         \
  static void CHECK_JOIN(check_run_, __LINE__)(void);                          \
  __attribute__((constructor)) static void CHECK_JOIN(check_add_,              \
                                                      __LINE__)(void) {        \
    static struct check_test test = {sentence,                                 \
                                     CHECK_JOIN(check_run_, __LINE__), NULL};  \
    *check_end = &test;                                                        \
    check_end = &test.next;                                                    \
  }                                                                            \
  static void CHECK_JOIN(check_run_, __LINE__)(void)

#define CHECK(condition)                                                       \
  check_that((condition) ? 1 : 0, __FILE__, __LINE__, #condition)
#define CHECK_INT(expected, actual)                                            \
  check_int((long long)(expected), (long long)(actual), __FILE__, __LINE__,    \
            #actual)
#define CHECK_TEXT(expected, actual)                                           \
  check_text((expected), (actual), __FILE__, __LINE__, #actual)

static inline void check_that(int holds, const char *file, int line,
                              const char *text) {
  if (holds)
    return;
  check_failures++;
  printf("  %s:%d: does not hold: %s\n", file, line, text);
}

static inline void check_int(long long expected, long long actual,
                             const char *file, int line, const char *text) {
  if (expected == actual)
    return;
  check_failures++;
  printf("  %s:%d: %s is %lld, expected %lld\n", file, line, text, actual,
         expected);
}

static inline void check_text(const char *expected, const char *actual,
                              const char *file, int line, const char *text) {
  if (actual != NULL && expected != NULL && strcmp(expected, actual) == 0)
    return;
  check_failures++;
  printf("  %s:%d: %s is \"%s\", expected \"%s\"\n", file, line, text,
         actual == NULL ? "(null)" : actual,
         expected == NULL ? "(null)" : expected);
}

static int check_run_apart(const struct check_test *test) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    test->run();
    exit(check_failures == 0 ? 0 : 1);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return -1;
  if (WIFSIGNALED(status))
    printf("  ended by signal %d\n", WTERMSIG(status));
  return status;
}

int main(int argc, char **argv) {
  int passed = 0, failed = 0;
  for (const struct check_test *test = check_tests; test != NULL;
       test = test->next) {
    int status = 0;
    if (argc > 1 && strstr(test->name, argv[1]) == NULL)
      continue;
    if (argc > 1)
      test->run(), status = check_failures;
    else
      status = check_run_apart(test);
    if (status == 0)
      passed++;
    else
      failed++, printf("FAILED: %s\n", test->name);
  }
  const char *slash = strrchr(argv[0], '/');
  printf("%s: %d passed, %d failed\n", slash == NULL ? argv[0] : slash + 1,
         passed, failed);
  return failed == 0 ? 0 : 1;
}

#endif
