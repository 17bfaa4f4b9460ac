/* SPDX-License-Identifier: MIT
 * test_connect.c - connecting by TCP; rule 26.1. */
#include <netinet/tcp.h>
#include <poll.h>

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
 * it hangs. The descriptors fill fds[4]; gives the port. */
static int fill_backlog_at(const char *host, int port, int fds[4]) {
  struct sockaddr_in address = loopback_address(port);
  struct sockaddr *raw = (struct sockaddr *)&address;
  socklen_t size = sizeof(address);
  CHECK_INT(1, inet_pton(AF_INET, host, &address.sin_addr));
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

static int fill_backlog(int fds[4]) {
  return fill_backlog_at("127.0.0.1", 0, fds);
}

static void close_backlog(const int fds[4]) {
  for (int i = 0; i < 4; i++)
    CHECK_INT(0, close(fds[i]));
}

static uint64_t now(weft_runtime *rt) {
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  return now_ns;
}

/* The error that a failed connect has for its value; to be given back. */
static weft_error *error_of(uint64_t value) {
  weft_error *error = (weft_error *)(uintptr_t)value;
  CHECK(error != NULL);
  return error;
}

/* Connects to where nobody is, and gives the code. */
static int connect_in_vain(weft_runtime *rt, const char *host, int port) {
  uint64_t value;
  int status = weft_tcp_connect(rt, host, port, &value);
  weft_error_unref(error_of(value));
  return status;
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
    weft_error_unref(error_of(job.value));
  }
}

TASK_TEST("26.1 if all fail, the error is that of the first address") {
  int port = free_port(rt);
  CHECK_INT(WEFT_ECONNREFUSED, connect_in_vain(rt, "two.test", port));
  /* An address that fails before anything is sent. */
  CHECK_INT(WEFT_ENETUNREACH, connect_in_vain(rt, "255.255.255.255", 1));
  CHECK_INT(WEFT_ECONNREFUSED,
            connect_in_vain(rt, "127.0.0.1+255.255.255.255", port));
  CHECK_INT(WEFT_ENETUNREACH,
            connect_in_vain(rt, "255.255.255.255+127.0.0.1", port));
}

TASK_TEST("26.1 behind it is a group of the errors of all, in their order") {
  char texts[2][64];
  uint64_t value;
  int port = free_port(rt);
  CHECK_INT(WEFT_ECONNREFUSED,
            weft_tcp_connect(rt, "127.0.0.2+255.255.255.255", port, &value));
  snprintf(texts[0], 64, "127.0.0.2:%d: connection refused", port);
  snprintf(texts[1], 64, "255.255.255.255:%d: network is unreachable", port);
  weft_error *error = error_of(value);
  CHECK_INT(WEFT_ECONNREFUSED, weft_error_get_code(error));
  CHECK_TEXT("OSError", weft_error_get_name(error));
  weft_error *group = weft_error_get_cause(error);
  CHECK_INT(WEFT_EGROUP, weft_error_get_code(group));
  CHECK_INT(2, weft_error_get_count(group));
  static const int codes[] = {WEFT_ECONNREFUSED, WEFT_ENETUNREACH};
  for (size_t i = 0; i < 2; i++) {
    weft_error *member = weft_error_get_member(group, i);
    CHECK_INT(codes[i], weft_error_get_code(member));
    CHECK_TEXT(texts[i], weft_error_get_message(member));
    CHECK(strstr(weft_error_get_message(error), texts[i]) != NULL);
  }
  weft_error_unref(error);
}

TASK_TEST("many addresses that fail leave room for the end of the message") {
  char names[256] = "255.255.255.255";
  uint64_t value;
  for (int i = 1; i < 15; i++)
    strcat(names, "+255.255.255.255");
  CHECK_INT(WEFT_ENETUNREACH,
            weft_tcp_connect(rt, names, free_port(rt), &value));
  weft_error *error = error_of(value);
  CHECK_INT(15, weft_error_get_count(weft_error_get_cause(error)));
  CHECK_INT(511, strlen(weft_error_get_message(error)));
  weft_error_unref(error);
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
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, NULL, 1, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "", 1, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "127.0.0.1", 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_connect(rt, "127.0.0.1", 65536, &value));
  CHECK_INT(0, value);
}

/* -- Side by side --------------------------------------------------------- */

/* The addresses in the order in which they were tried, in vain. */
static void check_order(weft_runtime *rt, const char *names,
                        const char *const *order, size_t count) {
  uint64_t value;
  CHECK(weft_tcp_connect(rt, names, free_port(rt), &value) < 0);
  weft_error *error = error_of(value);
  weft_error *group = weft_error_get_cause(error);
  CHECK_INT(count, weft_error_get_count(group));
  for (size_t i = 0; i < count; i++) {
    const char *text = weft_error_get_message(weft_error_get_member(group, i));
    CHECK_INT(0, strncmp(order[i], text, strlen(order[i])));
  }
  weft_error_unref(error);
}

TASK_TEST("26.1 families alternate, beginning with the first address's") {
  check_order(
      rt, "127.0.0.2+127.0.0.3+127.0.0.4+::1",
      (const char *const[]){"127.0.0.2:", "[::1]:", "127.0.0.3:", "127.0.0.4:"},
      4);
  check_order(rt, "::1+::ffff:127.0.0.9+127.0.0.2+127.0.0.3",
              (const char *const[]){
                  "[::1]:", "127.0.0.2:", "[::ffff:127.0.0.9]:", "127.0.0.3:"},
              4);
  check_order(rt, "127.0.0.2+::1+127.0.0.3+::ffff:127.0.0.9",
              (const char *const[]){
                  "127.0.0.2:", "[::1]:", "127.0.0.3:", "[::ffff:127.0.0.9]:"},
              4);
  check_order(rt, "127.0.0.3+127.0.0.2",
              (const char *const[]){"127.0.0.3:", "127.0.0.2:"}, 2);
}

/* A listener at 127.0.0.1, and sockets at 127.0.0.2 and 127.0.0.3, on the same
 * port, that are deaf. */
struct street {
  weft_listener listener;
  int port;
  int deaf[2][4];
};

static struct street open_street(weft_runtime *rt) {
  struct street street;
  street.listener = listen_here(rt, &street.port);
  fill_backlog_at("127.0.0.2", street.port, street.deaf[0]);
  fill_backlog_at("127.0.0.3", street.port, street.deaf[1]);
  return street;
}

static void close_street(weft_runtime *rt, const struct street *street) {
  CHECK_INT(WEFT_OK, weft_listener_close(rt, street->listener));
  close_backlog(street->deaf[0]);
  close_backlog(street->deaf[1]);
}

/* Connects, which takes so many quarters of a second and leaves one descriptor
 * open, the connection's. */
static void check_quarters(weft_runtime *rt, const struct street *street,
                           const char *names, unsigned quarters) {
  for (int stepped = 0; stepped < 2; stepped++) {
    int before = count_fds();
    uint64_t start_ns = now(rt);
    struct job job = {
        .call = call_connect, .data = names, .port = street->port};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(quarters * (SECOND_NS / 4), now(rt) - start_ns);
    CHECK_INT(before + 1, count_fds());
    CHECK_INT(WEFT_OK, weft_stream_close(rt, job.value));
    CHECK_INT(before, count_fds());
  }
}

TASK_TEST(
    "26.1 the next address is tried after 0.25 s, the losers are closed") {
  struct street street = open_street(rt);
  check_quarters(rt, &street, "127.0.0.2+127.0.0.1", 1);
  check_quarters(rt, &street, "127.0.0.2+127.0.0.3+127.0.0.1", 2);
  check_quarters(rt, &street, "127.0.0.1+127.0.0.2+127.0.0.3", 0);
  close_street(rt, &street);
}

TASK_TEST("26.1 the next address is tried at once when the last has failed") {
  struct street street = open_street(rt);
  check_quarters(rt, &street, "127.0.0.4+127.0.0.1", 0);
  check_quarters(rt, &street, "255.255.255.255+127.0.0.1", 0);
  check_quarters(rt, &street, "127.0.0.2+127.0.0.4+127.0.0.1", 1);
  check_quarters(rt, &street, "127.0.0.4+127.0.0.2+127.0.0.1", 1);
  check_quarters(rt, &street, "127.0.0.4+127.0.0.5+127.0.0.6+127.0.0.1", 0);
  close_street(rt, &street);
}

TASK_TEST("26.1 an address that hangs is waited for when the others failed") {
  struct street street = open_street(rt);
  int before = count_fds();
  struct job job = {.call = call_connect,
                    .data = "127.0.0.2+127.0.0.4+127.0.0.5",
                    .port = street.port,
                    .timeout_ns = 100 * SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  CHECK_INT(before, count_fds());
  close_street(rt, &street);
}

TASK_TEST("26.1 cancelled at any time, no attempt is left") {
  struct street street = open_street(rt);
  int before = count_fds();
  for (unsigned eighths = 0; eighths < 6; eighths++) {
    uint64_t due_ns = now(rt) + eighths * (SECOND_NS / 8);
    struct job job = {.call = call_connect,
                      .data = "127.0.0.2+127.0.0.3+127.0.0.2+127.0.0.3",
                      .port = street.port};
    start_job(rt, &job, eighths % 2 == 0);
    /* Those due at the same time as the test's go first. */
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, due_ns));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK_INT(before, count_fds());
    CHECK_INT(0, job.value);
  }
  close_street(rt, &street);
}

TASK_TEST("3.4 the connection made beside another is delivered all the same") {
  struct street street = open_street(rt);
  int before = count_fds(), state = WEFT_TASK_PARKED;
  struct job job = {
      .call = call_connect, .data = "127.0.0.2+127.0.0.1", .port = street.port};
  start_job(rt, &job, false);
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, now(rt) + SECOND_NS / 4));
  while (state == WEFT_TASK_PARKED) {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  }
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, job.value));
  CHECK_INT(before, count_fds());
  close_street(rt, &street);
}

/* Runs as a foreign loop would, which blocks only as long as it is told to. */
static void run_embedded(weft_runtime *rt) {
  int fd, work = 1;
  CHECK_INT(WEFT_OK, weft_backend_fd(rt, &fd));
  for (int rounds = 0; work && rounds < 1000; rounds++) {
    uint64_t timeout_ns;
    CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
    CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int wait_ms =
        timeout_ns == UINT64_MAX ? 10000 : (int)(timeout_ns / 1000000);
    if (work)
      CHECK(poll(&one, 1, wait_ms) == 1 || timeout_ns != UINT64_MAX);
  }
  CHECK_INT(0, work);
}

TEST("31.1 an attempt that begins in a poll is known to a foreign loop") {
  int port;
  failing_install();
  alarm(60);
  weft_runtime *rt;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  weft_listener listener = listen_here(rt, &port);
  struct job job = {.call = call_connect,
                    .data = "127.0.0.4+127.0.0.5+127.0.0.1",
                    .port = port};
  spawn_job(rt, &job, true);
  run_embedded(rt);
  CHECK(job.done);
  CHECK_INT(WEFT_OK, job.status);
  CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, job.value));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
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

static int connect_briefly(struct attempt *attempt) {
  uint64_t value;
  int status =
      weft_tcp_connect(attempt->rt, attempt->host, attempt->port, &value);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_stream_close(attempt->rt, value));
  else
    weft_error_unref((weft_error *)(uintptr_t)value);
  return status;
}

static int connect_once(void *arg) {
  struct attempt *attempt = arg;
  int status = connect_briefly(attempt);
  let_run(attempt->rt);
  return status;
}

TASK_TEST("want of memory is told and leaves nothing") {
  int port;
  weft_listener listener = listen_here(rt, &port);
  struct attempt by_address = {rt, "127.0.0.1", port};
  struct attempt by_name = {rt, "one.test", port};
  CHECK_INT(WEFT_OK, connect_once(&by_name));
  CHECK(failing_each(connect_once, &by_address) >= 2);
  CHECK(failing_each(connect_once, &by_name) >= 5);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

static int connect_for_a_while(struct attempt *attempt) {
  weft_runtime *rt = attempt->rt;
  weft_scope scope;
  int caught, status = weft_scope_open(rt, now(rt) + SECOND_NS, 0, &scope);
  if (status != WEFT_OK)
    return status;
  status = connect_briefly(attempt);
  weft_scope_leave(rt, scope, status, &caught);
  let_run(rt);
  return status;
}

/* Tries with each allocation failing in turn; gives the last outcome, which is
 * without a failure. A timer or an attempt for which there is no memory is made
 * up for by another, or, by one that hangs, not. */
static int connect_with_failures(struct attempt *attempt) {
  for (long nth = 1;; nth++) {
    int fds = count_fds();
    long live = failing_live();
    failing_after(nth);
    int status = connect_for_a_while(attempt);
    bool failed = failing_has_failed();
    failing_after(0);
    CHECK_INT(live, failing_live());
    CHECK_INT(fds, count_fds());
    if (!failed)
      return status;
    CHECK(status == WEFT_OK || status == WEFT_ENOMEM ||
          status == WEFT_ECANCELLED || status == WEFT_ECONNREFUSED);
  }
}

TASK_TEST("want of memory with several addresses leaves nothing") {
  struct street street = open_street(rt);
  struct attempt won = {rt, "127.0.0.2+127.0.0.4+127.0.0.1", street.port};
  struct attempt lost = {rt, "127.0.0.4+127.0.0.5", street.port};
  struct attempt alone = {rt, "127.0.0.4", street.port};
  CHECK_INT(WEFT_OK, connect_for_a_while(&won));
  CHECK_INT(WEFT_OK, connect_with_failures(&won));
  CHECK_INT(WEFT_ECONNREFUSED, connect_with_failures(&lost));
  CHECK_INT(WEFT_ECONNREFUSED, connect_with_failures(&alone));
  close_street(rt, &street);
}

TASK_TEST("a warm connect to one address allocates its struct and its stream") {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "127.0.0.1", port, &stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  let_run(rt);
  long before = failing_allocations();
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "127.0.0.1", port, &stream));
  CHECK_INT(2, failing_allocations() - before);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}
