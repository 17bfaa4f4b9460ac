/* SPDX-License-Identifier: MIT
 * test_udp_send.c - sending datagrams, and connected sockets; rule 27.1.
 *
 * Loopback always has room, so a sendto of the test's own says at will that
 * there is none. */
#include "datagram.h"

#include "fake_dns.h"

#include <sys/syscall.h>

/* -- A kernel without room ------------------------------------------------ */

static int refusals; /* so many sendto are to find no room */
static int attempts;

__attribute__((visibility("default"))) ssize_t
sendto(int fd, const void *data, size_t size_bytes, int flags,
       const struct sockaddr *address, socklen_t size) {
  attempts++;
  if (refusals > 0) {
    refusals--;
    errno = EAGAIN;
    return -1;
  }
  return syscall(SYS_sendto, fd, data, size_bytes, flags, address, size);
}

/* -- Sending -------------------------------------------------------------- */

static int send_text(weft_runtime *rt, weft_udp udp, const char *text,
                     const char *host, int port) {
  return weft_udp_send(rt, udp, text, strlen(text), host, port);
}

TASK_TEST("27.1 what is sent arrives as it was sent") {
  int port;
  static char large[65508];
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  CHECK_INT(WEFT_OK, send_text(rt, udp, "one", "127.0.0.1", port));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "", "127.0.0.1", port));
  CHECK_INT(WEFT_OK, weft_udp_send(rt, udp, large, 65507, "127.0.0.1", port));
  CHECK(plain_hears(peer, "one"));
  CHECK(plain_hears(peer, ""));
  CHECK_INT(65507, recv(peer, large, sizeof(large), MSG_DONTWAIT));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("27.1 what is too large for a datagram is an error, nothing is cut") {
  int port;
  static char large[70000];
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  CHECK_INT(WEFT_EMSGSIZE,
            weft_udp_send(rt, udp, large, 65508, "127.0.0.1", port));
  CHECK_INT(-1, recv(peer, large, sizeof(large), MSG_DONTWAIT));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "x", "127.0.0.1", port));
  CHECK(plain_hears(peer, "x"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("what cannot be sent to is refused") {
  weft_udp udp = udp_here(rt);
  CHECK_INT(WEFT_EINVAL, send_text(rt, udp, "x", "127.0.0.1", 0));
  CHECK_INT(WEFT_EINVAL, send_text(rt, udp, "x", "127.0.0.1", 65536));
  CHECK_INT(WEFT_EINVAL, weft_udp_send(rt, udp, NULL, 1, "127.0.0.1", 1));
  CHECK_INT(WEFT_EINVAL, send_text(rt, udp, "x", "", 1));
  CHECK_INT(WEFT_EAFNOSUPPORT, send_text(rt, udp, "x", "::1", 1));
  CHECK_INT(WEFT_EDESTADDRREQ, send_text(rt, udp, "x", NULL, 0));
  CHECK_INT(WEFT_EACCES, send_text(rt, udp, "x", "255.255.255.255", 1));
  udp_close(rt, udp);
  CHECK_INT(WEFT_EBADF, send_text(rt, udp, "x", "127.0.0.1", 1));
}

TASK_TEST("a socket of both families sends to both") {
  int port;
  weft_udp udp = udp_on(rt, "::"), six = udp_on(rt, "::1");
  int peer = plain_udp(&port);
  CHECK_INT(WEFT_OK, send_text(rt, udp, "four", "127.0.0.1", port));
  CHECK(plain_hears(peer, "four"));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "six", "::1", udp_port(rt, six)));
  CHECK(hears(rt, six, "six"));
  close(peer);
  udp_close(rt, six);
  udp_close(rt, udp);
}

TASK_TEST("3.2 a send in cancelled code sends nothing") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender sender = sending(udp, "x", "127.0.0.1", port);
  spawn_job(rt, &sender.job, true);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &sender.job));
  CHECK(!plain_hears(peer, "x"));
  close(peer);
  udp_close(rt, udp);
}

/* -- Without room --------------------------------------------------------- */

TASK_TEST("27.1 a sender waits while the kernel has no room, in turn") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender one = sending(udp, "one", "127.0.0.1", port);
  struct sender two = sending(udp, "two", "127.0.0.1", port);
  refusals = 1;
  spawn_job(rt, &one.job, true);
  spawn_job(rt, &two.job, false);
  CHECK_INT(WEFT_OK, join_job(rt, &one.job));
  CHECK_INT(WEFT_OK, join_job(rt, &two.job));
  CHECK_INT(0, refusals);
  CHECK(plain_hears(peer, "one"));
  CHECK(plain_hears(peer, "two"));
  close(peer);
  udp_close(rt, udp);
}

/* One whose datagram the kernel has not taken. */
static void stop_sender(weft_runtime *rt, struct sender *sender, bool stepped) {
  refusals = 1000000;
  start_job(rt, &sender->job, stepped);
  CHECK_TEXT("send", job_wait(rt, &sender->job));
}

TASK_TEST("27.1 a sender that is cancelled while it waits has sent nothing") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  for (int stepped = 0; stepped < 2; stepped++) {
    struct sender one = sending(udp, "one", "127.0.0.1", port);
    struct sender two = sending(udp, "two", "127.0.0.1", port);
    stop_sender(rt, &one, stepped);
    start_job(rt, &two.job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &one.job));
    refusals = 0;
    CHECK_INT(WEFT_OK, join_job(rt, &two.job));
    CHECK(plain_hears(peer, "two"));
    CHECK(!plain_hears(peer, "one"));
  }
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("a receiver is served while a sender waits") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender sender = sending(udp, "out", "127.0.0.1", port);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  stop_sender(rt, &sender, true);
  refusals = 0;
  plain_say_to(peer, udp_port(rt, udp), "in");
  refusals = 1000000;
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(takes(rt, udp, "in"));
  refusals = 0;
  CHECK_INT(WEFT_OK, join_job(rt, &sender.job));
  CHECK(plain_hears(peer, "out"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("3.10 closing wakes those who send") {
  weft_udp udp = udp_here(rt);
  struct sender one = sending(udp, "one", "127.0.0.1", 9);
  struct sender two = sending(udp, "two", "127.0.0.1", 9);
  stop_sender(rt, &one, true);
  start_job(rt, &two.job, false);
  udp_close(rt, udp);
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &one.job));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &two.job));
}

TASK_TEST("once nobody waits to send, nobody looks for room") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender sender = sending(udp, "x", "127.0.0.1", port);
  refusals = 2;
  attempts = 0;
  start_job(rt, &sender.job, true);
  CHECK_INT(WEFT_OK, join_job(rt, &sender.job));
  CHECK_INT(3, attempts);
  let_run(rt);
  CHECK_INT(3, attempts);
  close(peer);
  udp_close(rt, udp);
}

/* -- Names ---------------------------------------------------------------- */

TASK_TEST("a name is looked up, and the first fitting address taken") {
  int port;
  weft_udp udp = udp_here(rt), six = udp_on(rt, "::1");
  int peer = plain_udp(&port);
  CHECK_INT(WEFT_OK, send_text(rt, udp, "a", "one.test", port));
  CHECK(plain_hears(peer, "a"));
  CHECK_INT(WEFT_OK, send_text(rt, six, "b", "six.test", udp_port(rt, six)));
  CHECK(hears(rt, six, "b"));
  CHECK_INT(WEFT_EAFNOSUPPORT, send_text(rt, udp, "c", "six.test", port));
  CHECK_INT(WEFT_EHOSTNOTFOUND, send_text(rt, udp, "d", "missing.test", port));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, send_text(rt, udp, "e", "again.test", port));
  close(peer);
  udp_close(rt, six);
  udp_close(rt, udp);
}

TASK_TEST("27.2 a sender cancelled while its name is looked up sends nothing") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender sender = sending(udp, "x", "slow.test", port);
  start_job(rt, &sender.job, true);
  CHECK_TEXT("send", job_wait(rt, &sender.job));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &sender.job));
  fake_dns_release();
  CHECK(!plain_hears(peer, "x"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("one whose name is being looked up is told of a close, too") {
  weft_udp udp = udp_here(rt);
  struct sender sender = sending(udp, "x", "slow.test", 9);
  start_job(rt, &sender.job, true);
  udp_close(rt, udp);
  fake_dns_release();
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &sender.job));
}

TASK_TEST("after its look-up a sender joins the line") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct sender slow = sending(udp, "slow", "slow.test", port);
  struct sender next = sending(udp, "next", "127.0.0.1", port);
  start_job(rt, &slow.job, true);
  stop_sender(rt, &next, true);
  fake_dns_release();
  do
    CHECK_INT(WEFT_OK, weft_yield(rt));
  while (attempts == 0);
  for (int i = 0; i < 100; i++)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  refusals = 0;
  CHECK_INT(WEFT_OK, join_job(rt, &next.job));
  CHECK_INT(WEFT_OK, join_job(rt, &slow.job));
  CHECK(plain_hears(peer, "next"));
  CHECK(plain_hears(peer, "slow"));
  close(peer);
  udp_close(rt, udp);
}

/* -- Connected sockets ---------------------------------------------------- */

TASK_TEST("a connected socket sends to its peer, hears only from it") {
  int port, other_port;
  char expected[32];
  weft_value *value;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port), other = plain_udp(&other_port);
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, "127.0.0.1", port));
  CHECK_INT(WEFT_OK, weft_udp_address(rt, udp, 1, &value));
  snprintf(expected, sizeof(expected), "127.0.0.1:%d", port);
  CHECK_TEXT(expected, take_text(value));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "x", NULL, 0));
  CHECK(plain_hears(peer, "x"));
  plain_say_to(other, udp_port(rt, udp), "no");
  plain_say_to(peer, udp_port(rt, udp), "yes");
  CHECK(hears(rt, udp, "yes"));
  close(other);
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("it may be connected anew, and to nobody again") {
  int port, other_port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port), other = plain_udp(&other_port);
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, "one.test", port));
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, "127.0.0.1", other_port));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "x", NULL, 0));
  CHECK(plain_hears(other, "x"));
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, NULL, 0));
  CHECK_INT(WEFT_EDESTADDRREQ, send_text(rt, udp, "x", NULL, 0));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "y", "127.0.0.1", port));
  CHECK(plain_hears(peer, "y"));
  CHECK_INT(WEFT_EINVAL, weft_udp_connect(rt, udp, "127.0.0.1", 0));
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft_udp_connect(rt, udp, "missing.test", 1));
  CHECK_INT(WEFT_EAFNOSUPPORT, weft_udp_connect(rt, udp, "::1", 1));
  close(other);
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("a connect that is cancelled leaves the socket as it was") {
  weft_value *value;
  weft_udp udp = udp_here(rt);
  struct sender sender = sending(udp, "", "slow.test", 9);
  sender.job.call = call_udp_connect;
  start_job(rt, &sender.job, true);
  CHECK_TEXT("connect", job_wait(rt, &sender.job));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &sender.job));
  fake_dns_release();
  CHECK_INT(WEFT_ENOTCONN, weft_udp_address(rt, udp, 1, &value));
  udp_close(rt, udp);
}

TASK_TEST("a peer that is not there refuses; the socket stays good") {
  uint64_t value;
  int port = free_port();
  weft_udp udp = udp_here(rt);
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, "127.0.0.1", port));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "x", NULL, 0));
  CHECK_INT(WEFT_ECONNREFUSED, weft_udp_receive(rt, udp, &value));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "x", NULL, 0));
  CHECK_INT(WEFT_ECONNREFUSED, send_text(rt, udp, "x", NULL, 0));
  weft_udp peer;
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "127.0.0.1", port, 0, &peer));
  CHECK_INT(WEFT_OK, send_text(rt, udp, "now", NULL, 0));
  CHECK(hears(rt, peer, "now"));
  CHECK_INT(WEFT_OK,
            send_text(rt, peer, "back", "127.0.0.1", udp_port(rt, udp)));
  CHECK(hears(rt, udp, "back"));
  udp_close(rt, peer);
  udp_close(rt, udp);
}

TASK_TEST("a receiver that waits is told of the refusal, and can go on") {
  int port = free_port();
  weft_udp udp = udp_here(rt), peer;
  CHECK_INT(WEFT_OK, weft_udp_connect(rt, udp, "127.0.0.1", port));
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_receive, .object = udp};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, send_text(rt, udp, "x", NULL, 0));
    CHECK_INT(WEFT_ECONNREFUSED, join_job(rt, &job));
  }
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "127.0.0.1", port, 0, &peer));
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK,
            send_text(rt, peer, "hello", "127.0.0.1", udp_port(rt, udp)));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(takes(rt, udp, "hello"));
  udp_close(rt, peer);
  udp_close(rt, udp);
}

/* -- Memory --------------------------------------------------------------- */

struct attempt {
  weft_runtime *rt;
  weft_udp udp;
  int port;
};

static int send_waiting(void *arg) {
  struct attempt *attempt = arg;
  weft_runtime *rt = attempt->rt;
  refusals = 1;
  int status = send_text(rt, attempt->udp, "x", "127.0.0.1", attempt->port);
  refusals = 0;
  if (status == WEFT_OK)
    status = send_text(rt, attempt->udp, "x", "one.test", attempt->port);
  let_run(rt);
  return status;
}

TASK_TEST("want of memory is told and leaves nothing") {
  struct attempt attempt = {.rt = rt, .udp = udp_here(rt)};
  int peer = plain_udp(&attempt.port);
  CHECK_INT(WEFT_OK, send_waiting(&attempt));
  CHECK(failing_each(send_waiting, &attempt) >= 4);
  close(peer);
  udp_close(rt, attempt.udp);
}
