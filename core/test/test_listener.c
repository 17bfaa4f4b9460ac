/* SPDX-License-Identifier: MIT
 * test_listener.c - accepting connections; rules 26.2 and 26.5. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include <sys/syscall.h>

#include "loopback.h"

#include "fake_dns.h"

static void close_both(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

/* -- Accepting ------------------------------------------------------------ */

TASK_TEST("accept takes a connection that is there without waiting") {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  int first = plain_connect(port), second = plain_connect(port);
  plain_send(first, "first");
  plain_send(second, "second");
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 4, &value));
  CHECK(buffered_is(rt, stream, "first"));
  close_both(rt, stream, first);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 5, &value));
  CHECK(buffered_is(rt, stream, "second"));
  close_both(rt, stream, second);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("accept waits for a connection") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int port;
    weft_listener listener = listen_here(rt, &port);
    struct job job = {.call = call_accept, .object = listener};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("accept", job_wait(rt, &job));
    int peer = plain_connect(port);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_OK, weft_stream_write(rt, job.value, "hi", 2));
    close_both(rt, job.value, peer);
    CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  }
}

TASK_TEST("26.5 a second accept at a time is busy, the first goes on") {
  int port;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_accept, .object = listener};
  uint64_t value = 1;
  start_job(rt, &job, false);
  CHECK_INT(WEFT_EBUSY, weft_listener_accept(rt, listener, &value));
  CHECK_INT(0, value);
  int peer = plain_connect(port);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  close_both(rt, job.value, peer);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("26.2 a connection nobody accepts stays in the backlog") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int port;
    uint64_t stream;
    weft_listener listener = listen_here(rt, &port);
    struct job job = {.call = call_accept, .object = listener};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    int before = count_fds();
    int peer = plain_connect(port);
    let_run(rt); /* libuv sees it, and nobody takes it */
    CHECK_INT(before + 1, count_fds());
    CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
    close_both(rt, stream, peer);
    CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  }
}

TASK_TEST("26.2 an accept that times out takes no connection") {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {
      .call = call_accept, .object = listener, .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  int peer = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  close_both(rt, stream, peer);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("3.2 an accept in cancelled code takes no connection") {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  int peer = plain_connect(port);
  struct job job = {.call = call_accept, .object = listener};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  close_both(rt, stream, peer);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("26.2 an accepted connection is delivered, cancelled or not") {
  int port, state = 0;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_accept, .object = listener};
  start_job(rt, &job, false);
  int peer = plain_connect(port);
  while (state != WEFT_TASK_READY) {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  }
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  close_both(rt, job.value, peer);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("a peer that resets in the backlog is accepted and then broken") {
  int port;
  uint64_t stream, value;
  weft_listener listener = listen_here(rt, &port);
  plain_reset(plain_connect(port));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

/* -- Several doors --------------------------------------------------------- */

static int plain_connect_to(const char *host, int port) {
  struct sockaddr_in address = loopback_address(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(1, inet_pton(AF_INET, host, &address.sin_addr));
  CHECK_INT(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
  return fd;
}

static weft_listener listen_at_two(weft_runtime *rt, int *port) {
  uint64_t listener;
  CHECK_INT(WEFT_OK, weft_tcp_listen_all(rt, "two.test", 0, 0, 0, &listener));
  *port = atoi(strrchr(listener_text(rt, listener), ':') + 1);
  return listener;
}

TASK_TEST("a listener with two addresses takes from each in turn") {
  int port;
  weft_listener listener = listen_at_two(rt, &port);
  static const char *const hosts[] = {"127.0.0.2", "127.0.0.1"};
  int peers[4];
  for (int i = 0; i < 4; i++) /* one address first, then the other */
    peers[i] = plain_connect_to(hosts[i / 2], port);
  for (int i = 0; i < 4; i++) {
    uint64_t stream;
    weft_value *text;
    CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
    CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, 0, &text));
    CHECK_INT(0, strncmp(hosts[i % 2], take_text(text), 9));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  }
  for (int i = 0; i < 4; i++)
    CHECK_INT(0, close(peers[i]));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("an accept waits at all addresses") {
  int port;
  weft_listener listener = listen_at_two(rt, &port);
  static const char *const hosts[] = {"127.0.0.2", "127.0.0.1"};
  for (int i = 0; i < 4; i++) {
    struct job job = {.call = call_accept, .object = listener};
    start_job(rt, &job, i / 2 == 0);
    let_run(rt);
    CHECK_TEXT("accept", job_wait(rt, &job));
    int peer = plain_connect_to(hosts[i % 2], port);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    close_both(rt, job.value, peer);
  }
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

/* -- Closing -------------------------------------------------------------- */

TASK_TEST("26.5 close wakes who waits, and the handle is stale then") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int port;
    uint64_t value = 1;
    weft_value *address;
    weft_listener listener = listen_here(rt, &port);
    struct job job = {.call = call_accept, .object = listener};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
    CHECK_INT(WEFT_EBADF, weft_listener_accept(rt, listener, &value));
    CHECK_INT(0, value);
    CHECK_INT(WEFT_EBADF, weft_listener_address(rt, listener, &address));
    CHECK_INT(WEFT_EBADF, weft_listener_close(rt, listener));
  }
}

static int leave_open(weft_runtime *rt, void *arg) {
  uint64_t stream;
  weft_listener listener = listen_here(rt, arg);
  int peer = plain_connect(*(int *)arg);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  close_both(rt, stream, peer);
  struct job job = {.call = call_accept, .object = listener};
  start_job(rt, &job, false);
  return cancel_job(rt, &job) == WEFT_ECANCELLED ? WEFT_OK : WEFT_EOTHER;
}

TEST("a listener still open when its runtime is freed is closed") {
  int port;
  failing_install();
  CHECK_INT(WEFT_OK, weft_runtime_free(new_runtime()));
  int before = count_fds();
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_open, &port, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(before, count_fds());
  CHECK_INT(0, failing_live());
}

/* -- No descriptors left -------------------------------------------------- */

struct reports {
  int count;
  int kind;
  int code;
};

static void on_report(weft_runtime *rt, void *arg, int kind, uint64_t task,
                      weft_error *error) {
  struct reports *reports = arg;
  (void)rt;
  (void)task;
  reports->count++;
  reports->kind = kind;
  reports->code = weft_error_get_code(error);
}

/* The system's accept4, but for a shortage that a test has ordered: a limit set
 * for the process would hit valgrind and the sanitizers too. As with the
 * kernel's, no connection is taken then. */
static bool shortage;

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size,
            int flags) {
  if (shortage) {
    errno = EMFILE;
    return -1;
  }
  return (int)syscall(SYS_accept4, fd, address, size, flags);
}

TASK_TEST("26.2 without descriptors accept reports, and tries after 1 s") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int port;
    uint64_t start_ns, now_ns;
    struct reports reports = {0};
    weft_listener listener = listen_here(rt, &port);
    struct job job = {.call = call_accept, .object = listener};
    CHECK_INT(WEFT_OK, weft_set_report(rt, on_report, &reports, NULL));
    CHECK_INT(WEFT_OK, weft_now(rt, &start_ns));
    start_job(rt, &job, stepped);
    let_run(rt);
    int peer = plain_connect(port);
    shortage = true;
    let_run(rt);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_SYSTEM, reports.kind);
    CHECK_INT(WEFT_EMFILE, reports.code);
    CHECK_TEXT("accept", job_wait(rt, &job));
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, start_ns + 2 * SECOND_NS - 1));
    CHECK_INT(2, reports.count);
    shortage = false;
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
    CHECK_INT(2 * SECOND_NS, now_ns - start_ns);
    CHECK_INT(2, reports.count);
    close_both(rt, job.value, peer);
    CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
    CHECK_INT(WEFT_OK, weft_set_report(rt, NULL, NULL, NULL));
  }
}

TASK_TEST("26.2 the pause holds for every accept, and ends with a close") {
  int port;
  uint64_t start_ns, now_ns;
  struct reports reports = {0};
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_accept, .object = listener};
  CHECK_INT(WEFT_OK, weft_set_report(rt, on_report, &reports, NULL));
  CHECK_INT(WEFT_OK, weft_now(rt, &start_ns));
  int peer = plain_connect(port);
  shortage = true;
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(1, reports.count);
  shortage = false;
  struct job again = {.call = call_accept, .object = listener};
  start_job(rt, &again, true);
  CHECK_TEXT("accept", job_wait(rt, &again));
  CHECK_INT(WEFT_OK, join_job(rt, &again));
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(SECOND_NS, now_ns - start_ns);
  close_both(rt, again.value, peer);

  peer = plain_connect(port);
  shortage = true;
  struct job last = {.call = call_accept, .object = listener};
  start_job(rt, &last, false);
  CHECK_INT(2, reports.count);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &last));
  shortage = false;
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, start_ns + 5 * SECOND_NS));
  CHECK_INT(2, reports.count);
}

/* Who is told of the shortage closes the listener. */
static void close_reported(weft_runtime *rt, void *arg, int kind, uint64_t task,
                           weft_error *error) {
  (void)kind;
  (void)task;
  (void)error;
  CHECK_INT(WEFT_OK, weft_listener_close(rt, *(weft_listener *)arg));
}

TASK_TEST("26.2 who is told of the shortage may close the listener") {
  for (int waits = 0; waits < 2; waits++) {
    int port;
    weft_listener listener = listen_here(rt, &port);
    struct job job = {.call = call_accept, .object = listener};
    CHECK_INT(WEFT_OK, weft_set_report(rt, close_reported, &listener, NULL));
    shortage = !waits;
    start_job(rt, &job, waits);
    let_run(rt);
    shortage = true;
    int peer = waits ? plain_connect(port) : -1;
    let_run(rt);
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
    uint64_t now_ns;
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, now_ns + 3 * SECOND_NS));
    CHECK_INT(WEFT_OK, weft_set_report(rt, NULL, NULL, NULL));
    shortage = false;
    if (waits)
      CHECK_INT(0, close(peer));
  }
}

/* -- Many, and memory ----------------------------------------------------- */

static int call_serve(weft_runtime *rt, struct job *job, uint64_t *value) {
  for (size_t i = 0; i < job->size_bytes; i++) {
    uint64_t stream;
    int status = weft_listener_accept(rt, job->object, &stream);
    if (status != WEFT_OK)
      return status;
    weft_stream_fill(rt, stream, 0, value);
    weft_stream_write(rt, stream, "x", 1);
    CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  }
  return WEFT_OK;
}

TASK_TEST(
    "2,000 connections, ended and reset at once or later, leave nothing") {
  int port;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_serve, .object = listener, .size_bytes = 2000};
  start_job(rt, &job, false);
  for (int i = 0; i < 2000; i++) {
    int peer = plain_connect(port);
    if (i % 3 == 0)
      plain_send(peer, "x");
    if (i % 5 == 0)
      CHECK_INT(WEFT_OK, weft_yield(rt));
    if (i % 2 == 0)
      plain_reset(peer);
    else
      CHECK_INT(0, close(peer));
    if (i % 100 == 0)
      let_run(rt);
  }
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

static int listen_once(void *arg) {
  weft_runtime *rt = arg;
  weft_listener listener;
  int status = weft_tcp_listen(rt, "127.0.0.1", 0, 0, &listener);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  let_run(rt);
  return status;
}

TASK_TEST("want of memory makes no listener and leaves nothing") {
  CHECK_INT(WEFT_OK, listen_once(rt));
  int before = count_fds();
  CHECK(failing_each(listen_once, rt) > 0);
  CHECK_INT(before, count_fds());
}

TASK_TEST("26.2 want of memory loses no connection") {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  int peer = plain_connect(port);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(0, stream);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  close_both(rt, stream, peer);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}
