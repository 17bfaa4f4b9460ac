/* SPDX-License-Identifier: MIT
 * test_process_end.c - processes that still run when the runtime ends, several
 * runtimes at once, and processes in a foreign loop. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <uv.h>

#include "child.h"

static struct {
  int count;
  int kind;
  char text[256];
  void (*then)(void); /* called at each report */
} reported;

static void on_report(weft_runtime *rt, void *arg, int kind, uint64_t task,
                      weft_error *error) {
  (void)rt;
  (void)arg;
  (void)task;
  reported.count++;
  reported.kind = kind;
  snprintf(reported.text, sizeof(reported.text), "%s",
           weft_error_get_message(error));
  if (reported.then != NULL)
    reported.then();
}

static weft_runtime *begin(void) {
  weft_runtime *rt;
  failing_install();
  alarm(60);
  memset(&reported, 0, sizeof(reported));
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_set_report(rt, on_report, NULL, NULL));
  return rt;
}

static void end(weft_runtime *rt) {
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
  CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
}

static weft_process start_script(weft_runtime *rt, const char *script) {
  weft_process child = new_child(rt, script);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  return child;
}

static void spawn_main(weft_runtime *rt, weft_task_fn body) {
  weft_task task;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, body, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, task));
}

/* -- Beside others that start processes --------------------------------------
 */

static struct {
  int64_t status;
  int count;
} told;

static void on_exit_of_libuv(uv_process_t *process, int64_t status,
                             int number) {
  (void)number;
  told.status = status;
  told.count++;
  uv_close((uv_handle_t *)process, NULL);
}

/* Starts a child by libuv, which does not end until its input does. */
static void spawn_by_libuv(uv_loop_t *loop, uv_process_t *process, int input) {
  static char *arguments[] = {(char *)"sh", (char *)"-c", (char *)"cat; exit 7",
                              NULL};
  uv_stdio_container_t stdio[1] = {{.flags = UV_INHERIT_FD, .data.fd = input}};
  uv_process_options_t options = {.exit_cb = on_exit_of_libuv,
                                  .file = "sh",
                                  .args = arguments,
                                  .stdio_count = 1,
                                  .stdio = stdio};
  CHECK_INT(0, uv_spawn(loop, process, &options));
}

static int beside_body(weft_runtime *rt, void *arg) {
  int *input = arg;
  CHECK_INT(3, wait_for(rt, start_script(rt, "exit 3")));
  pid_t other = fork();
  if (other == 0)
    _exit(5);
  CHECK_INT(0, wait_for(rt, start_script(rt, "exit 0")));
  int status;
  CHECK_INT(other, waitpid(other, &status, 0));
  CHECK_INT(5, WEXITSTATUS(status));
  close(*input);
  CHECK_INT(1, wait_for(rt, start_script(rt, "exit 1")));
  return WEFT_OK;
}

TEST("children that others have started are left to them") {
  int ends[2];
  uv_loop_t loop;
  uv_process_t process;
  weft_runtime *rt = begin();
  memset(&told, 0, sizeof(told));
  CHECK_INT(0, pipe2(ends, O_CLOEXEC));
  CHECK_INT(0, uv_loop_init(&loop));
  spawn_by_libuv(&loop, &process, ends[0]);
  close(ends[0]);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, beside_body, &ends[1], NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, told.count);
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK_INT(1, told.count);
  CHECK_INT(7, told.status);
  CHECK_INT(0, uv_loop_close(&loop));
  end(rt);
}

static int plain_body(weft_runtime *rt, void *arg) {
  (void)arg;
  CHECK_INT(3, wait_for(rt, start_script(rt, "exit 3")));
  return WEFT_OK;
}

TEST("an exit is told where SIGCHLD was ignored [28.3]") {
  signal(SIGCHLD, SIG_IGN);
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, plain_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  end(rt);
}

/* -- At the shutdown ------------------------------------------------------ */

static int start_body(weft_runtime *rt, void *arg) {
  (void)arg;
  start_script(rt, "exec sleep 1000");
  return WEFT_OK;
}

TEST("at the shutdown what still runs is ended and reported [28.8, 22.2]") {
  weft_runtime *rt = begin();
  spawn_main(rt, start_body);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(-1, waitpid(-1, NULL, WNOHANG)); /* when the run returns */
  CHECK_INT(1, reported.count);
  CHECK_INT(WEFT_REPORT_UNCLOSED, reported.kind);
  CHECK(strstr(reported.text, "(sh) was still running") != NULL);
  end(rt);
}

static int exited_body(weft_runtime *rt, void *arg) {
  (void)arg;
  CHECK_INT(0, wait_for(rt, start_script(rt, "exit 0")));
  return WEFT_OK;
}

TEST("one that has exited is not reported [28.8]") {
  weft_runtime *rt = begin();
  spawn_main(rt, exited_body);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, reported.count);
  end(rt);
}

static int closing_body(weft_runtime *rt, void *arg) {
  (void)arg;
  CHECK_INT(WEFT_OK,
            weft_process_close(rt, start_script(rt, "exec sleep 1000")));
  return WEFT_OK;
}

TEST("one that was closed is waited for, and not reported") {
  weft_runtime *rt = begin();
  spawn_main(rt, closing_body);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
  CHECK_INT(0, reported.count);
  end(rt);
}

static int waiting_body(weft_runtime *rt, void *arg) {
  uint64_t value;
  (void)arg;
  int status =
      weft_process_wait(rt, start_script(rt, "exec sleep 1000"), &value);
  CHECK_INT(WEFT_ECANCELLED, status);
  return status;
}

TEST("a background task that waits for one is cancelled first [22.2]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, waiting_body, NULL, NULL, NULL));
  spawn_main(rt, exited_body);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(1, reported.count);
  end(rt);
}

TEST("a runtime that is freed without a shutdown ends them, too") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, start_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt)); /* nobody need wait for the process */
  CHECK_INT(0, waitpid(-1, NULL, WNOHANG));
  CHECK_INT(0, reported.count);
  CHECK_INT(WEFT_OK, weft_set_report(rt, on_report, NULL, NULL));
  end(rt);
  CHECK_INT(1, reported.count);
}

static int stubborn_body(weft_runtime *rt, void *arg) {
  weft_stream output;
  (void)arg;
  start_child(rt, STUBBORN, &output);
  await_line(rt, output, "ready\n");
  return WEFT_OK;
}

static void raise_twice(void) {
  raise(SIGTERM);
  raise(SIGTERM);
}

TEST("the second signal takes the grace away [23.3, 28.8]") {
  signal(SIGTERM, SIG_DFL);
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 1));
  reported.then = raise_twice; /* when it has just begun to be ended */
  spawn_main(rt, stubborn_body);
  alarm(3); /* less than the grace */
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(1, reported.count);
  end(rt);
}

static int stopping_body(weft_runtime *rt, void *arg) {
  weft_stream output;
  uint64_t value;
  (void)arg;
  weft_process child = start_child(rt, STUBBORN, &output);
  await_line(rt, output, "ready\n");
  raise_twice();
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 1000 * SECOND_NS, &value));
  CHECK_INT(ended_by(SIGKILL), value);
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  child = start_child(rt, STUBBORN, &output); /* there is none from now on */
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 1000 * SECOND_NS, &value));
  CHECK_INT(ended_by(SIGKILL), value);
  return WEFT_OK;
}

TEST("the second signal hurries a stop that is under way [23.3]") {
  signal(SIGTERM, SIG_DFL);
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 1));
  spawn_main(rt, stopping_body);
  CHECK_INT(WEFT_OK, weft_run(rt));
  end(rt);
}

/* -- Several runtimes ----------------------------------------------------- */

enum { THREADS = 4, EACH = 25 };

static int children_body(weft_runtime *rt, void *arg) {
  (void)arg;
  for (int i = 0; i < EACH; i++) {
    weft_stream output;
    weft_process child = start_child(rt, "echo hello; exit 7", &output);
    await_line(rt, output, "hello\n");
    CHECK_INT(WEFT_OK, weft_stream_close(rt, output));
    end_child(rt, child, 7);
  }
  return WEFT_OK;
}

static void *run_children(void *arg) {
  weft_runtime *rt;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, children_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return NULL;
}

TEST("runtimes in several threads each have their own processes") {
  pthread_t threads[THREADS];
  alarm(60);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_create(&threads[i], NULL, run_children, NULL));
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_join(threads[i], NULL));
}

/* -- Foreign loops -------------------------------------------------------- */

static int stop_body(weft_runtime *rt, void *arg) {
  weft_stream output;
  uint64_t value;
  (void)arg;
  weft_process child = start_child(rt, STUBBORN, &output);
  await_line(rt, output, "ready\n");
  CHECK_INT(WEFT_OK,
            weft_process_stop(rt, child, 20 * SECOND_NS / 1000, &value));
  CHECK_INT(ended_by(SIGKILL), value);
  return WEFT_OK;
}

static void around(weft_runtime *rt, void *arg, void (*block)(weft_runtime *)) {
  ++*(int *)arg;
  block(rt);
}

TEST("the grace ends a wait inside the host's hook [31.3]") {
  weft_runtime *rt = begin();
  int blocked = 0;
  CHECK_INT(WEFT_OK, weft_set_around_block(rt, around, &blocked, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, stop_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(blocked > 0);
  end(rt);
}

/* Runs the loop as a host does, until no work is left. */
static void host_loop(weft_runtime *rt) {
  int work = 1;
  struct pollfd backend = {.events = POLLIN};
  CHECK_INT(WEFT_OK, weft_backend_fd(rt, &backend.fd));
  while (work) {
    uint64_t timeout_ns;
    CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
    if (!work)
      break;
    CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
    int timeout_ms = timeout_ns > 60 * SECOND_NS
                         ? -1
                         : (int)((timeout_ns + 999999) / 1000000);
    poll(&backend, 1, timeout_ms);
  }
}

TEST("a host's loop is told of the grace [31.1]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, stop_body, NULL, NULL, NULL));
  host_loop(rt);
  end(rt);
}

TEST("in a host's loop the shutdown has work until they are reaped [31.5]") {
  weft_runtime *rt = begin();
  spawn_main(rt, start_body);
  host_loop(rt);
  CHECK_INT(-1, waitpid(-1, NULL, WNOHANG));
  CHECK_INT(1, reported.count);
  end(rt);
}
