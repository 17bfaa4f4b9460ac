/* SPDX-License-Identifier: MIT
 * test_udp.c - UDP sockets: opening, receiving, closing; rule 27.1. */
#include "datagram.h"

#include <sys/resource.h>

/* -- Opening -------------------------------------------------------------- */

TASK_TEST("a socket has the address it was opened on") {
  weft_value *value;
  weft_udp udp = udp_here(rt), six = udp_on(rt, "::1");
  CHECK_INT(0, strncmp("127.0.0.1:", udp_text(rt, udp), 10));
  CHECK(udp_port(rt, udp) > 0);
  CHECK_INT(0, strncmp("[::1]:", udp_text(rt, six), 6));
  CHECK_INT(WEFT_ENOTCONN, weft_udp_address(rt, udp, 1, &value));
  CHECK(value == NULL);
  udp_close(rt, udp);
  udp_close(rt, six);
  CHECK_INT(WEFT_EBADF, weft_udp_close(rt, udp));
  CHECK_INT(WEFT_EBADF, weft_udp_address(rt, udp, 0, &value));
}

TASK_TEST("what is no address or flag is refused") {
  weft_udp udp = 1;
  CHECK_INT(WEFT_EINVAL, weft_udp_open(rt, "localhost", 0, 0, &udp));
  CHECK_INT(WEFT_EINVAL, weft_udp_open(rt, NULL, 0, 0, &udp));
  CHECK_INT(WEFT_EINVAL, weft_udp_open(rt, "127.0.0.1", -1, 0, &udp));
  CHECK_INT(WEFT_EINVAL, weft_udp_open(rt, "127.0.0.1", 65536, 0, &udp));
  CHECK_INT(WEFT_EINVAL, weft_udp_open(rt, "127.0.0.1", 0, 8, &udp));
  CHECK_INT(WEFT_EINVAL,
            weft_udp_open(rt, "127.0.0.1", 0, WEFT_UDP_IPV6ONLY, &udp));
  CHECK_INT(0, udp);
}

TASK_TEST("an address that is taken, or not ours, is an error") {
  weft_udp udp = udp_here(rt), other;
  CHECK_INT(WEFT_EADDRINUSE,
            weft_udp_open(rt, "127.0.0.1", udp_port(rt, udp), 0, &other));
  CHECK_INT(WEFT_EADDRNOTAVAIL, weft_udp_open(rt, "192.0.2.77", 0, 0, &other));
  CHECK_INT(0, other);
  udp_close(rt, udp);
}

static void check_shared(weft_runtime *rt, int flags) {
  weft_udp one, two;
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "127.0.0.1", 0, flags, &one));
  CHECK_INT(WEFT_OK,
            weft_udp_open(rt, "127.0.0.1", udp_port(rt, one), flags, &two));
  udp_close(rt, one);
  udp_close(rt, two);
}

TASK_TEST("with REUSEADDR or REUSEPORT two sockets have one address") {
  check_shared(rt, WEFT_UDP_REUSEADDR);
  check_shared(rt, WEFT_UDP_REUSEPORT);
}

TASK_TEST("IPV6ONLY leaves the port to IPv4, else it is taken") {
  weft_udp six, four;
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "::", 0, WEFT_UDP_IPV6ONLY, &six));
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "0.0.0.0", udp_port(rt, six), 0, &four));
  udp_close(rt, four);
  udp_close(rt, six);
  six = udp_on(rt, "::");
  CHECK_INT(WEFT_EADDRINUSE,
            weft_udp_open(rt, "0.0.0.0", udp_port(rt, six), 0, &four));
  udp_close(rt, six);
}

TASK_TEST("without a descriptor left there is no socket, and none is lost") {
  struct rlimit limit, none;
  weft_udp udp = 1;
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
  none = limit;
  none.rlim_cur = 0;
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &none));
  int status = weft_udp_open(rt, "127.0.0.1", 0, 0, &udp);
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
  CHECK_INT(WEFT_EMFILE, status);
  CHECK_INT(0, udp);
  udp_close(rt, udp_here(rt));
}

/* -- Receiving ------------------------------------------------------------ */

TASK_TEST("27.1 a datagram comes whole, with its sender") {
  int port;
  uint64_t size_bytes;
  char expected[32];
  weft_value *value;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  plain_say_to(peer, udp_port(rt, udp), "one");
  plain_say_to(peer, udp_port(rt, udp), "three");
  snprintf(expected, sizeof(expected), "127.0.0.1:%d", port);
  CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &size_bytes));
  CHECK_INT(3, size_bytes);
  CHECK_INT(WEFT_OK, weft_udp_sender(rt, udp, &value));
  CHECK_TEXT(expected, take_text(value));
  CHECK(takes(rt, udp, "one"));
  CHECK(hears(rt, udp, "three"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("each datagram has the sender it came from") {
  int ports[2];
  weft_value *value;
  uint64_t unused;
  weft_udp udp = udp_here(rt);
  int peers[2] = {plain_udp(&ports[0]), plain_udp(&ports[1])};
  for (int i = 0; i < 4; i++)
    plain_say_to(peers[i / 2 ^ i % 2], udp_port(rt, udp), "x");
  for (int i = 0; i < 4; i++) {
    CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &unused));
    CHECK_INT(WEFT_OK, weft_udp_sender(rt, udp, &value));
    CHECK_INT(ports[i / 2 ^ i % 2], atoi(take_text(value) + 10));
    CHECK_INT(WEFT_OK, weft_udp_consume(rt, udp));
  }
  close(peers[0]);
  close(peers[1]);
  udp_close(rt, udp);
}

static void check_waits(weft_runtime *rt, bool stepped) {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, stepped);
  CHECK_TEXT("receive", job_wait(rt, &job));
  plain_say_to(peer, udp_port(rt, udp), "late");
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(4, job.value);
  CHECK(takes(rt, udp, "late"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("a receiver waits until a datagram comes") {
  check_waits(rt, false);
  check_waits(rt, true);
}

TASK_TEST("many that come one after the other are received in order") {
  int port;
  char text[24];
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  for (int i = 0; i < 100; i++) {
    struct job job = {.call = call_receive, .object = udp};
    start_job(rt, &job, i % 2 == 0);
    snprintf(text, sizeof(text), "number %d", i);
    plain_say_to(peer, udp_port(rt, udp), text);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK(takes(rt, udp, text));
  }
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("27.1 an empty datagram is one, and so is the largest") {
  static char large[65507];
  int port;
  uint64_t size_bytes = 1;
  const char *data;
  size_t size;
  for (size_t i = 0; i < sizeof(large); i++)
    large[i] = pattern(i);
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  plain_say_to(peer, udp_port(rt, udp), "");
  plain_send_to(peer, udp_port(rt, udp), large, sizeof(large));
  CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &size_bytes));
  CHECK_INT(0, size_bytes);
  CHECK(takes(rt, udp, ""));
  CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &size_bytes));
  CHECK_INT(sizeof(large), size_bytes);
  CHECK_INT(WEFT_OK, weft_udp_peek(rt, udp, &data, &size));
  CHECK_INT(0, memcmp(large, data, size));
  CHECK_INT(WEFT_OK, weft_udp_consume(rt, udp));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("a datagram stays until it is consumed") {
  int port;
  weft_value *value;
  const char *data;
  size_t size;
  uint64_t size_bytes;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  CHECK_INT(WEFT_EEMPTY, weft_udp_peek(rt, udp, &data, &size));
  CHECK_INT(WEFT_EEMPTY, weft_udp_sender(rt, udp, &value));
  CHECK_INT(WEFT_EEMPTY, weft_udp_consume(rt, udp));
  plain_say_to(peer, udp_port(rt, udp), "a");
  plain_say_to(peer, udp_port(rt, udp), "bc");
  for (int i = 0; i < 2; i++) {
    CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &size_bytes));
    CHECK_INT(1, size_bytes);
  }
  CHECK(takes(rt, udp, "a"));
  CHECK(hears(rt, udp, "bc"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("27.1 a second receiver is refused, the first not disturbed") {
  int port;
  uint64_t value = 1;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_EBUSY, weft_udp_receive(rt, udp, &value));
  CHECK_INT(0, value);
  plain_say_to(peer, udp_port(rt, udp), "x");
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(takes(rt, udp, "x"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("27.1 a cancelled receive loses none") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_receive, .object = udp};
    start_job(rt, &job, stepped);
    plain_say_to(peer, udp_port(rt, udp), "kept");
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK(hears(rt, udp, "kept"));
  }
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("3.4 27.1 one that was woken, then cancelled, has its datagram") {
  int port, state = 0;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  plain_say_to(peer, udp_port(rt, udp), "there");
  do {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  } while (state == WEFT_TASK_PARKED);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK(takes(rt, udp, "there"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("3.2 a receive in cancelled code takes nothing") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct job job = {.call = call_receive, .object = udp};
  plain_say_to(peer, udp_port(rt, udp), "kept");
  spawn_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK(hears(rt, udp, "kept"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("a receive that times out leaves the socket good") {
  int port;
  weft_udp udp = udp_here(rt);
  int peer = plain_udp(&port);
  struct job job = {
      .call = call_receive, .object = udp, .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_SOURCE_DEADLINE, job.caught);
  plain_say_to(peer, udp_port(rt, udp), "after");
  CHECK(hears(rt, udp, "after"));
  close(peer);
  udp_close(rt, udp);
}

TASK_TEST("3.10 closing wakes who receives") {
  uint64_t value;
  weft_udp udp = udp_here(rt);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  udp_close(rt, udp);
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
  CHECK_INT(WEFT_EBADF, weft_udp_receive(rt, udp, &value));
}

TASK_TEST("a socket nobody closed goes with the runtime") {
  weft_udp udp = udp_here(rt);
  struct job job = {.call = call_receive, .object = udp};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
}

TASK_TEST("once warm, receiving and sending allocate nothing") {
  long before = 0;
  weft_udp udp = udp_here(rt);
  int port = udp_port(rt, udp);
  for (int i = 0; i < 20; i++) {
    uint64_t value;
    weft_value *text;
    before = i == 10 ? failing_allocations() : before;
    CHECK_INT(WEFT_OK, weft_udp_send(rt, udp, "x", 1, "127.0.0.1", port));
    CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &value));
    CHECK_INT(WEFT_OK, weft_udp_sender(rt, udp, &text));
    weft_value_unref(text);
    CHECK_INT(WEFT_OK, weft_udp_consume(rt, udp));
  }
  CHECK_INT(before, failing_allocations());
  udp_close(rt, udp);
}

/* The datagram that could not be received for want of memory is not lost. */
static int receive_own(void *arg) {
  weft_runtime *rt = arg;
  weft_udp udp;
  weft_value *text = NULL;
  uint64_t value;
  const char *own;
  int status = weft_udp_open(rt, "127.0.0.1", 0, 0, &udp);
  if (status != WEFT_OK)
    return status;
  status = weft_udp_address(rt, udp, 0, &text);
  if (status == WEFT_OK) {
    own = take_text(text);
    int port = atoi(own + 10);
    CHECK_INT(WEFT_OK, weft_udp_send(rt, udp, "x", 1, "127.0.0.1", port));
    status = weft_udp_receive(rt, udp, &value);
    if (status == WEFT_ENOMEM) {
      failing_after(0);
      CHECK(hears(rt, udp, "x"));
      atomic_store(&failing.failed, true);
    } else if (status == WEFT_OK) {
      status = weft_udp_sender(rt, udp, &text);
      weft_value_unref(text);
      CHECK(takes(rt, udp, "x"));
    }
  }
  udp_close(rt, udp);
  let_run(rt);
  return status;
}

TASK_TEST("want of memory is told and loses nothing") {
  CHECK_INT(WEFT_OK, receive_own(rt));
  CHECK(failing_each(receive_own, rt) >= 4);
}
