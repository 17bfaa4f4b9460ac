/* SPDX-License-Identifier: MIT
 * test_tcp.c - connecting and listening by TCP; rules 26.1 and 26.2 as far as
 * they are the core's. */
#include <netinet/tcp.h>

#include "loopback.h"

#include "fake_dns.h"

/* The descriptor that will be opened next. */
static int next_fd(void) {
  int fd = dup(0);
  CHECK_INT(0, close(fd));
  return fd;
}

static int no_delay(int fd) {
  int on = 0;
  socklen_t size = sizeof(on);
  CHECK_INT(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size));
  return on != 0;
}

/* A listening socket that takes no more connections: an attempt to connect to
 * it hangs. The descriptors fill fds[4]. */
static int fill_backlog(int fds[4]) {
  struct sockaddr_in address = loopback_address(0);
  struct sockaddr *raw = (struct sockaddr *)&address;
  socklen_t size = sizeof(address);
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT(0, bind(fds[0], raw, size));
  CHECK_INT(0, listen(fds[0], 0));
  CHECK_INT(0, getsockname(fds[0], raw, &size));
  for (int i = 1; i < 4; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(fds[i], raw, size) == 0 || errno == EINPROGRESS);
  }
  return ntohs(address.sin_port);
}

static void close_backlog(const int fds[4]) {
  for (int i = 0; i < 4; i++)
    CHECK_INT(0, close(fds[i]));
}

/* A port on which nobody listens, now. */
static int free_port(weft_runtime *rt) {
  int port;
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listen_here(rt, &port)));
  return port;
}

/* -- Connecting ----------------------------------------------------------- */

/* Connects to [host], at which a listener of this test's is, and back. */
static void check_connect(weft_runtime *rt, const char *host, bool stepped) {
  int port;
  uint64_t accepted, value;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_connect, .data = host, .port = port};
  start_job(rt, &job, stepped);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, job.value, "ping", 4));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, accepted, 3, &value));
  CHECK(buffered_is(rt, accepted, "ping"));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, accepted));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("connect by address gives a stream") {
  check_connect(rt, "127.0.0.1", false);
  check_connect(rt, "127.0.0.1", true);
}

TASK_TEST("connect by name gives a stream") {
  check_connect(rt, "one.test", false);
  check_connect(rt, "one.test", true);
}

TASK_TEST("26.1 the addresses of a name are tried until one answers") {
  check_connect(rt, "two.test", false); /* nobody is at 127.0.0.2 */
  check_connect(rt, "two.test", true);
}

TASK_TEST("connect and listen know IPv6") {
  weft_listener listener;
  uint64_t stream, accepted;
  weft_value *value;
  int status = weft_tcp_listen(rt, "::1", 0, 0, &listener);
  if (status == WEFT_EADDRNOTAVAIL || status == WEFT_EAFNOSUPPORT)
    return; /* this machine does not */
  CHECK_INT(WEFT_OK, status);
  const char *text = listener_text(rt, listener);
  CHECK_INT(0, strncmp(text, "[::1]:", 6));
  int port = atoi(text + 6);
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "::1", port, &stream));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
  CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, 1, &value));
  CHECK_INT(port, atoi(take_text(value) + 6));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "six.test", port, &stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, accepted));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("both ends of a connection send without delay") {
  int port;
  uint64_t stream, accepted;
  weft_listener listener = listen_here(rt, &port);
  int fd = next_fd();
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "127.0.0.1", port, &stream));
  CHECK(no_delay(fd));
  fd = next_fd();
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
  CHECK(no_delay(fd));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, accepted));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("a connection nobody wants is refused, and no stream given") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_connect, .data = "127.0.0.1"};
    job.port = free_port(rt);
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECONNREFUSED, join_job(rt, &job));
    CHECK_INT(0, job.value);
  }
}

TASK_TEST("26.1 if all fail, the error is that of the first address") {
  uint64_t value;
  CHECK_INT(WEFT_ECONNREFUSED,
            weft_tcp_connect(rt, "two.test", free_port(rt), &value));
  /* An address that fails before anything is sent. */
  CHECK_INT(WEFT_ENETUNREACH,
            weft_tcp_connect(rt, "255.255.255.255", 1, &value));
  CHECK_INT(0, value);
}

TASK_TEST("the error of a name's look-up is that of connect") {
  uint64_t value = 1;
  CHECK_INT(WEFT_EHOSTNOTFOUND,
            weft_tcp_connect(rt, "missing.test", 1, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EHOSTTRYAGAIN, weft_tcp_connect(rt, "again.test", 1, &value));
}

TASK_TEST("arguments out of range are refused") {
  uint64_t value = 1;
  weft_listener listener = 1;
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, NULL, 1, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "", 1, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "127.0.0.1", 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "127.0.0.1", 65536, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "one.test", 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, NULL, 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", -1, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", 65536, 0, &listener));
  CHECK_INT(0, listener);
}

/* -- Connecting, cut off -------------------------------------------------- */

TASK_TEST("a connect cancelled while it waits leaves no connection") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int fds[4];
    int port = fill_backlog(fds);
    int before = count_fds();
    struct job job = {.call = call_connect, .data = "127.0.0.1", .port = port};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("connect", job_wait(rt, &job));
    CHECK_INT(before + 1, count_fds());
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK_INT(before, count_fds());
    CHECK_INT(0, job.value);
    close_backlog(fds);
  }
}

TASK_TEST("a connect that times out leaves no connection") {
  int fds[4];
  int port = fill_backlog(fds);
  int before = count_fds();
  struct job job = {.call = call_connect,
                    .data = "127.0.0.1",
                    .port = port,
                    .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  CHECK_INT(before, count_fds());
  close_backlog(fds);
}

TASK_TEST("a connect cancelled while the name is looked up is let go") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_connect, .data = "slow.test", .port = 1};
    start_job(rt, &job, stepped);
    CHECK_TEXT("connect", job_wait(rt, &job));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    fake_dns_release();
  }
}

TASK_TEST("3.2 a connect in cancelled code does not begin") {
  int port, before = count_fds();
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_connect, .data = "127.0.0.1", .port = port};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(before, count_fds());
}

TASK_TEST("3.4 a connection that is made is delivered, cancelled or not") {
  int port, state = 0;
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_connect, .data = "127.0.0.1", .port = port};
  start_job(rt, &job, false);
  for (;;) {
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
    if (state != WEFT_TASK_PARKED)
      break;
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  CHECK_INT(WEFT_TASK_READY, state);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.value));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

/* -- Listening ------------------------------------------------------------ */

TASK_TEST("a port in use is refused, and may be taken again at once") {
  int port, peer;
  weft_listener listener, second;
  uint64_t stream;
  listener = listen_here(rt, &port);
  CHECK_INT(WEFT_EADDRINUSE,
            weft_tcp_listen(rt, "127.0.0.1", port, 0, &second));
  CHECK_INT(0, second);
  peer = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(0, close(peer)); /* the old connection lingers in the kernel */
  CHECK_INT(WEFT_OK, weft_tcp_listen(rt, "127.0.0.1", port, 0, &second));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, second));
}

TASK_TEST("an address of nobody's here is refused") {
  weft_listener listener;
  CHECK_INT(WEFT_EADDRNOTAVAIL,
            weft_tcp_listen(rt, "192.0.2.1", 0, 0, &listener));
}

/* -- Many, and memory ----------------------------------------------------- */

TASK_TEST("2,000 connections, opened and dropped in every way, leave nothing") {
  int port;
  weft_listener listener = listen_here(rt, &port);
  for (int i = 0; i < 2000; i++) {
    uint64_t stream, accepted;
    CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "127.0.0.1", port, &stream));
    CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "x", 1));
    if (i % 2 == 0)
      CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
    else
      CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
    if (i % 3 == 0)
      CHECK_INT(WEFT_OK, weft_stream_abort(rt, accepted));
    else
      CHECK_INT(WEFT_OK, weft_stream_close(rt, accepted));
  }
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

struct attempt {
  weft_runtime *rt;
  const char *host;
  int port;
};

static int connect_once(void *arg) {
  struct attempt *attempt = arg;
  uint64_t stream;
  int status =
      weft_tcp_connect(attempt->rt, attempt->host, attempt->port, &stream);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_stream_close(attempt->rt, stream));
  let_run(attempt->rt);
  return status;
}

TASK_TEST("want of memory is told and leaves nothing") {
  int port;
  weft_listener listener = listen_here(rt, &port);
  struct attempt by_address = {rt, "127.0.0.1", port};
  struct attempt by_name = {rt, "one.test", port};
  CHECK_INT(WEFT_OK, connect_once(&by_name));
  CHECK(failing_each(connect_once, &by_address) >= 3);
  CHECK(failing_each(connect_once, &by_name) >= 5);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}
