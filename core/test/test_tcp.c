/* SPDX-License-Identifier: MIT
 * test_tcp.c - listening by TCP. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include <sys/syscall.h>

#include "loopback.h"

#include "fake_dns.h"

/* -- The system's calls, but for what a test has ordered --------------------
 */

static bool without_ipv6;
static int binds_until_busy; /* the one that takes it to 0 fails */

int socket(int family, int type, int protocol) {
  if (without_ipv6 && family == AF_INET6) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  return (int)syscall(SYS_socket, family, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t size) {
  if (binds_until_busy > 0 && --binds_until_busy == 0) {
    errno = EADDRINUSE;
    return -1;
  }
  return (int)syscall(SYS_bind, fd, address, size);
}

/* -- One address ------------------------------------------------------------
 */

TASK_TEST("arguments of listen that are out of range are refused") {
  weft_listener listener = 1;
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "one.test", 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, NULL, 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", -1, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", 65536, 0, &listener));
  CHECK_INT(0, listener);
}

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

/* -- All addresses of a host ------------------------------------------------
 */

static int call_listen(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_tcp_listen_all(rt, job->data, job->port, 0, (int)job->object,
                             value);
}

/* Listens in a task of either kind; gives the status. */
static int listen_all(weft_runtime *rt, const char *host, int port, int flags,
                      bool stepped, weft_listener *listener) {
  struct job job = {.call = call_listen,
                    .data = host,
                    .port = port,
                    .object = (uint64_t)flags};
  start_job(rt, &job, stepped);
  int status = join_job(rt, &job);
  *listener = job.value;
  return status;
}

static void close_listener(weft_runtime *rt, weft_listener listener) {
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

/* The port that all addresses listened on share; checks that they are [hosts],
 * each with its colon. */
static int check_addresses(weft_runtime *rt, weft_listener listener,
                           const char *const *hosts, size_t count) {
  weft_value *list, *text;
  size_t found, size_bytes;
  const char *data;
  int port = 0;
  CHECK_INT(WEFT_OK, weft_listener_get_addresses(rt, listener, &list));
  CHECK_INT(WEFT_OK, weft_value_get_count(list, &found));
  CHECK_INT(count, found);
  for (size_t i = 0; i < count; i++) {
    CHECK_INT(WEFT_OK, weft_value_get_item(list, i, &text));
    CHECK_INT(WEFT_OK, weft_value_get_bytes(text, &data, &size_bytes));
    CHECK_INT(0, strncmp(hosts[i], data, strlen(hosts[i])));
    int its_port = atoi(data + strlen(hosts[i]));
    CHECK(i == 0 || port == its_port);
    port = its_port;
  }
  weft_value_unref(list);
  return port;
}

/* Whether a connection to [host] and [port] comes about, and is accepted. */
static bool answers(weft_runtime *rt, weft_listener listener, const char *host,
                    int port) {
  uint64_t stream, accepted;
  if (weft_tcp_connect(rt, host, port, &stream) != WEFT_OK) {
    weft_error_unref((weft_error *)(uintptr_t)stream);
    return false;
  }
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, accepted));
  return true;
}

TASK_TEST("listening by name is on all its addresses, and one port") {
  for (int stepped = 0; stepped < 2; stepped++) {
    weft_listener listener;
    CHECK_INT(WEFT_OK, listen_all(rt, "two.test", 0, 0, stepped, &listener));
    int port = check_addresses(
        rt, listener, (const char *const[]){"127.0.0.2:", "127.0.0.1:"}, 2);
    CHECK_INT(0, strncmp("127.0.0.2:", listener_text(rt, listener), 10));
    CHECK(answers(rt, listener, "127.0.0.1", port));
    CHECK(answers(rt, listener, "127.0.0.2", port));
    CHECK(!answers(rt, listener, "127.0.0.3", port));
    close_listener(rt, listener);
    CHECK(!answers(rt, listener, "127.0.0.1", port));
  }
}

TASK_TEST("an address as text is one name more, done at once") {
  uint64_t listener;
  CHECK_INT(WEFT_OK, weft_tcp_listen_all(rt, "127.0.0.1", 0, 0, 0, &listener));
  check_addresses(rt, listener, (const char *const[]){"127.0.0.1:"}, 1);
  close_listener(rt, listener);
}

TASK_TEST("an address that is not here is left out, unless there is no other") {
  weft_listener listener;
  CHECK_INT(WEFT_OK, listen_all(rt, "192.0.2.1+127.0.0.1+192.0.2.1", 0, 0, true,
                                &listener));
  check_addresses(rt, listener, (const char *const[]){"127.0.0.1:"}, 1);
  close_listener(rt, listener);
  CHECK_INT(WEFT_EADDRNOTAVAIL,
            listen_all(rt, "192.0.2.1+192.0.2.1", 0, 0, true, &listener));
  CHECK_INT(0, listener);
}

TASK_TEST("an address that a name has twice is listened on once") {
  weft_listener listener;
  CHECK_INT(WEFT_OK, listen_all(rt, "127.0.0.1+127.0.0.2+127.0.0.1", 0, 0, true,
                                &listener));
  check_addresses(rt, listener,
                  (const char *const[]){"127.0.0.1:", "127.0.0.2:"}, 2);
  close_listener(rt, listener);
  if (listen_all(rt, "::1+::1", 0, 0, true, &listener) != WEFT_OK)
    return; /* this machine has no IPv6 */
  check_addresses(rt, listener, (const char *const[]){"[::1]:"}, 1);
  close_listener(rt, listener);
}

TASK_TEST("a port in use at one of the addresses is in use") {
  int port, before = count_fds();
  weft_listener one = listen_here(rt, &port), listener;
  CHECK_INT(WEFT_EADDRINUSE,
            listen_all(rt, "two.test", port, 0, false, &listener));
  CHECK_INT(WEFT_EADDRINUSE,
            weft_tcp_listen_all(rt, "127.0.0.1", port, 0, 0, &listener));
  close_listener(rt, one);
  CHECK_INT(before, count_fds());
}

TASK_TEST("where the system's choice of a port is not free everywhere, it "
          "chooses another") {
  weft_listener listener;
  int before = count_fds();
  binds_until_busy = 2;
  CHECK_INT(WEFT_OK, listen_all(rt, "two.test", 0, 0, false, &listener));
  CHECK_INT(before + 2, count_fds());
  check_addresses(rt, listener,
                  (const char *const[]){"127.0.0.2:", "127.0.0.1:"}, 2);
  close_listener(rt, listener);
}

TASK_TEST("\"*\" is every address, of both families") {
  weft_listener listener;
  CHECK_INT(WEFT_OK, listen_all(rt, "*", 0, 0, false, &listener));
  if (strncmp("0.0.0.0:", listener_text(rt, listener), 8) != 0) {
    int port = check_addresses(rt, listener, (const char *const[]){"[::]:"}, 1);
    CHECK(answers(rt, listener, "127.0.0.1", port));
    CHECK(answers(rt, listener, "127.0.0.2", port));
    CHECK(answers(rt, listener, "::1", port));
  }
  close_listener(rt, listener);
}

TASK_TEST("or of IPv6 only, if it is told so") {
  weft_listener listener;
  int flags = WEFT_LISTEN_IPV6ONLY;
  if (listen_all(rt, "*", 0, flags, true, &listener) != WEFT_OK)
    return; /* this machine has none */
  int port = check_addresses(rt, listener, (const char *const[]){"[::]:"}, 1);
  CHECK(answers(rt, listener, "::1", port));
  CHECK(!answers(rt, listener, "127.0.0.1", port));
  close_listener(rt, listener);
}

TASK_TEST("or of IPv4, where there is no IPv6") {
  weft_listener listener;
  without_ipv6 = true;
  CHECK_INT(WEFT_OK, listen_all(rt, "*", 0, 0, false, &listener));
  int port =
      check_addresses(rt, listener, (const char *const[]){"0.0.0.0:"}, 1);
  CHECK(answers(rt, listener, "127.0.0.1", port));
  close_listener(rt, listener);
  CHECK_INT(WEFT_EAFNOSUPPORT,
            listen_all(rt, "*", 0, WEFT_LISTEN_IPV6ONLY, false, &listener));
  CHECK_INT(WEFT_OK, listen_all(rt, "::1+127.0.0.1", 0, 0, true, &listener));
  check_addresses(rt, listener, (const char *const[]){"127.0.0.1:"}, 1);
  close_listener(rt, listener);
}

TASK_TEST("listeners that say so share a port, and get connections each") {
  weft_listener one, two, three;
  int peers[64], counts[2] = {0}, flags = WEFT_LISTEN_REUSEPORT;
  CHECK_INT(WEFT_OK, listen_all(rt, "127.0.0.1", 0, flags, false, &one));
  int port = check_addresses(rt, one, (const char *const[]){"127.0.0.1:"}, 1);
  CHECK_INT(WEFT_OK, listen_all(rt, "127.0.0.1", port, flags, true, &two));
  CHECK_INT(WEFT_EADDRINUSE,
            listen_all(rt, "127.0.0.1", port, 0, false, &three));
  for (int i = 0; i < 64; i++)
    peers[i] = plain_connect(port);
  for (int i = 0; i < 2; i++) {
    struct job job = {.call = call_accept, .object = i == 0 ? one : two};
    for (;; counts[i]++) {
      start_job(rt, &job, false);
      if (!job.done)
        break;
      CHECK_INT(WEFT_OK, join_job(rt, &job));
      CHECK_INT(WEFT_OK, weft_stream_close(rt, job.value));
      job = (struct job){.call = call_accept, .object = job.object};
    }
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  }
  CHECK_INT(64, counts[0] + counts[1]);
  CHECK(counts[0] > 0 && counts[1] > 0);
  for (int i = 0; i < 64; i++)
    CHECK_INT(0, close(peers[i]));
  close_listener(rt, one);
  close_listener(rt, two);
}

TASK_TEST("a name that is unknown, or an argument out of range, is refused") {
  uint64_t value = 1;
  CHECK_INT(WEFT_EHOSTNOTFOUND,
            weft_tcp_listen_all(rt, "missing.test", 0, 0, 0, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EHOSTTRYAGAIN,
            weft_tcp_listen_all(rt, "again.test", 0, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen_all(rt, NULL, 0, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen_all(rt, "", 0, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen_all(rt, "*", -1, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen_all(rt, "*", 65536, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen_all(rt, "*", 0, 0, 4, &value));
  CHECK_INT(0, value);
}

TASK_TEST("cancelled while the name is looked up, nothing is opened") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int before = count_fds();
    struct job job = {.call = call_listen, .data = "slow.test"};
    start_job(rt, &job, stepped);
    CHECK_TEXT("listen", job_wait(rt, &job));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    fake_dns_release();
    let_run(rt);
    CHECK_INT(before, count_fds());
  }
}

TASK_TEST("3.2 a listen in cancelled code opens nothing") {
  struct job job = {.call = call_listen, .data = "127.0.0.1"};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(0, job.value);
}

static int listen_once(void *arg) {
  weft_runtime *rt = arg;
  uint64_t listener;
  weft_value *list = NULL;
  int status = weft_tcp_listen_all(rt, "two.test", 0, 0, 0, &listener);
  if (status == WEFT_OK) {
    status = weft_listener_get_addresses(rt, listener, &list);
    weft_value_unref(list);
    close_listener(rt, listener);
  }
  let_run(rt);
  return status;
}

TASK_TEST("want of memory is told, and leaves no socket") {
  CHECK_INT(WEFT_OK, listen_once(rt));
  int before = count_fds();
  CHECK(failing_each(listen_once, rt) >= 8);
  CHECK_INT(before, count_fds());
}
