/* SPDX-License-Identifier: MIT
 * test_process_start.c - processes that cannot be started: an error that names
 * what was missing and leaves neither a pipe nor a child. TASK_TEST counts. */
#define _GNU_SOURCE

#include <sys/resource.h>
#include <sys/stat.h>

#include "child.h"

static void pipe_all(weft_runtime *rt, weft_process child) {
  for (int fd = 0; fd <= 2; fd++)
    set_pipe(rt, child, fd);
}

static weft_process new_program(weft_runtime *rt, const char *program) {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, program, &child));
  pipe_all(rt, child);
  return child;
}

/* The start must fail with [status], for [what]. */
static void fails_for(weft_runtime *rt, weft_process child, int status,
                      const char *what) {
  const char *path;
  weft_stream stream;
  uint64_t value;
  int flag;
  CHECK_INT(status, weft_process_start(rt, child));
  CHECK_INT(WEFT_OK, weft_process_get_failed(rt, child, &path));
  CHECK_TEXT(what, path);
  CHECK_INT(WEFT_ESTATE, weft_process_start(rt, child));
  CHECK_INT(WEFT_ESTATE, weft_process_wait(rt, child, &value));
  CHECK_INT(WEFT_EINVAL, weft_process_take_stream(rt, child, 1, &stream));
  CHECK_INT(WEFT_OK, weft_process_is_running(rt, child, &flag));
  CHECK_INT(0, flag);
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

TASK_TEST("a program that is not there is named [28.2]") {
  fails_for(rt, new_program(rt, "no-such-program"), WEFT_ENOENT,
            "no-such-program");
  fails_for(rt, new_program(rt, "/no/such/program"), WEFT_ENOENT,
            "/no/such/program");
  fails_for(rt, new_program(rt, "/etc/passwd/x"), WEFT_ENOTDIR,
            "/etc/passwd/x");
}

TASK_TEST("a program that may not be run is named [28.2]") {
  fails_for(rt, new_program(rt, "/etc/passwd"), WEFT_EACCES, "/etc/passwd");
  fails_for(rt, new_program(rt, "/tmp"), WEFT_EACCES, "/tmp");
}

TASK_TEST("a folder that is not there is told from the program [28.2]") {
  weft_process child = new_program(rt, "/bin/true");
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, "/no/such/folder"));
  fails_for(rt, child, WEFT_ENOENT, "/no/such/folder");
  child = new_program(rt, "/bin/true");
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, "/etc/passwd"));
  fails_for(rt, child, WEFT_ENOTDIR, "/etc/passwd");
  child = new_program(rt, "no-such-program"); /* in a folder that is there */
  CHECK_INT(WEFT_OK, weft_process_set_cwd(rt, child, "/tmp"));
  fails_for(rt, child, WEFT_ENOENT, "no-such-program");
}

TASK_TEST("arguments that are too long are an error [28.2]") {
  static char text[256 * 1024]; /* the kernel takes half of that for one */
  memset(text, 'x', sizeof(text) - 1);
  weft_process child = new_program(rt, "/bin/true");
  CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, text));
  fails_for(rt, child, WEFT_E2BIG, "/bin/true");
}

TASK_TEST("a descriptor that is not open is an error [28.2]") {
  weft_process child = new_program(rt, "/bin/true");
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, 1, WEFT_STDIO_FD, 999));
  fails_for(rt, child, WEFT_EBADF, "/bin/true");
}

/* However many descriptors are left: 3 pipes, and libuv's own, need 8. */
TASK_TEST("with no descriptors left nothing is left behind [28.2]") {
  struct rlimit limit, low;
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
  int highest = dup(0), refused = 0;
  close(highest);
  for (unsigned more = 0; more < 20; more++) {
    low = (struct rlimit){.rlim_cur = (rlim_t)highest + more,
                          .rlim_max = limit.rlim_max};
    weft_process child = new_program(rt, "/bin/true");
    CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &low));
    int status = weft_process_start(rt, child);
    CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
    CHECK(status == WEFT_OK || status == WEFT_EMFILE);
    refused += status != WEFT_OK;
    if (status == WEFT_OK)
      CHECK_INT(0, wait_for(rt, child));
    CHECK_INT(WEFT_OK, weft_process_close(rt, child));
    let_run(rt);
  }
  CHECK(refused >= 8);
  CHECK(refused < 20);
}

static int start_and_wait(void *arg) {
  weft_runtime *rt = arg;
  weft_process child;
  int status = weft_process_new(rt, "/bin/true", &child);
  if (status == WEFT_OK)
    status = weft_process_add_argument(rt, child, "x");
  if (status == WEFT_OK)
    status = weft_process_set_env(rt, child, "A", "b");
  if (status == WEFT_OK)
    status = weft_process_unset_env(rt, child, "C");
  if (status == WEFT_OK)
    status = weft_process_set_cwd(rt, child, "/");
  for (int fd = 0; fd <= 2 && status == WEFT_OK; fd++)
    status = weft_process_set_stdio(rt, child, fd, WEFT_STDIO_PIPE, 0);
  if (status == WEFT_OK)
    status = weft_process_start(rt, child);
  if (status == WEFT_OK)
    CHECK_INT(0, wait_for(rt, child));
  if (child != 0)
    CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  let_run(rt);
  return status;
}

TASK_TEST("each allocation may fail, and leaves nothing behind [3.11]") {
  CHECK_INT(WEFT_OK, start_and_wait(rt)); /* what the loop keeps */
  CHECK(failing_each(start_and_wait, rt) >= 10);
}

static int refused_body(weft_runtime *rt, void *arg) {
  struct rlimit limit = {0, 0};
  (void)arg;
  if (geteuid() == 0) /* root has no such limit, another user has */
    CHECK_INT(0, setresuid(65534, 65534, 0));
  CHECK_INT(0, setrlimit(RLIMIT_NPROC, &limit));
  fails_for(rt, new_program(rt, "/bin/true"), WEFT_EAGAIN, "/bin/true");
  return WEFT_OK;
}

/* In a process that ends at once: a sanitizer needs processes of its own. */
TEST("no process can be had: EAGAIN, and nothing is left [28.2]") {
  int status = -1;
  pid_t apart = fork();
  if (apart == 0) {
    run_body(refused_body);
    fflush(stdout);
    _exit(check_failures);
  }
  CHECK_INT(apart, waitpid(apart, &status, 0));
  CHECK_INT(0, status);
}
