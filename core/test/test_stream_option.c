/* SPDX-License-Identifier: MIT
 * test_stream_option.c - options, addresses and sizes of streams. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* posix_openpt */
#endif
#include <netinet/tcp.h>
#include <sys/un.h>

#include "loopback.h"

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  CHECK_INT(0, getsockopt(fd, level, name, &value, &size));
  return value;
}

/* A stream whose descriptor is known. */
static weft_stream open_tcp(weft_runtime *rt, int *fd, weft_stream *peer) {
  int port;
  uint64_t value;
  weft_stream stream;
  weft_listener listener = listen_here(rt, &port);
  *fd = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_stream_open(rt, *fd, &stream));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &value));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  *peer = value;
  return stream;
}

static weft_stream open_unix(weft_runtime *rt, int *peer) {
  int fds[2];
  weft_stream stream;
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[0], &stream));
  *peer = fds[1];
  return stream;
}

static void close_two(weft_runtime *rt, weft_stream stream, weft_stream peer) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, peer));
}

static const char *address(weft_runtime *rt, weft_stream stream, int peer) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, peer, &value));
  return take_text(value);
}

/* -- Options of TCP ------------------------------------------------------- */

TASK_TEST("small writes may wait for more, or not") {
  int fd;
  weft_stream peer, stream = open_tcp(rt, &fd, &peer);
  CHECK_INT(1, option(fd, IPPROTO_TCP, TCP_NODELAY));
  CHECK_INT(WEFT_OK, weft_stream_set_nodelay(rt, stream, 0));
  CHECK_INT(0, option(fd, IPPROTO_TCP, TCP_NODELAY));
  CHECK_INT(WEFT_OK, weft_stream_set_nodelay(rt, stream, 5));
  CHECK_INT(1, option(fd, IPPROTO_TCP, TCP_NODELAY));
  close_two(rt, stream, peer);
}

TASK_TEST("a silent peer is asked whether it is there") {
  int fd;
  weft_stream peer, stream = open_tcp(rt, &fd, &peer);
  CHECK_INT(0, option(fd, SOL_SOCKET, SO_KEEPALIVE));
  CHECK_INT(WEFT_OK, weft_stream_set_keepalive(rt, stream, 90 * SECOND_NS));
  CHECK_INT(1, option(fd, SOL_SOCKET, SO_KEEPALIVE));
  CHECK_INT(90, option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
  CHECK_INT(90, option(fd, IPPROTO_TCP, TCP_KEEPINTVL));
  CHECK_INT(WEFT_OK, weft_stream_set_keepalive(rt, stream, SECOND_NS + 1));
  CHECK_INT(2, option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
  CHECK_INT(WEFT_OK, weft_stream_set_keepalive(rt, stream, 1));
  CHECK_INT(1, option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
  CHECK_INT(WEFT_OK, weft_stream_set_keepalive(rt, stream, UINT64_MAX));
  CHECK_INT(0, option(fd, SOL_SOCKET, SO_KEEPALIVE));
  close_two(rt, stream, peer);
}

TASK_TEST("silences that cannot be are refused") {
  int fd;
  weft_stream peer, stream = open_tcp(rt, &fd, &peer);
  CHECK_INT(WEFT_EINVAL, weft_stream_set_keepalive(rt, stream, 0));
  CHECK_INT(WEFT_EINVAL,
            weft_stream_set_keepalive(rt, stream, 32767 * SECOND_NS + 1));
  CHECK_INT(0, option(fd, SOL_SOCKET, SO_KEEPALIVE));
  CHECK_INT(WEFT_OK, weft_stream_set_keepalive(rt, stream, 32767 * SECOND_NS));
  close_two(rt, stream, peer);
}

TASK_TEST("what is not TCP has no options of TCP") {
  int peer;
  weft_stream stream = open_unix(rt, &peer);
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_nodelay(rt, stream, 1));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_keepalive(rt, stream, SECOND_NS));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

/* -- Addresses ------------------------------------------------------------ */

TASK_TEST("a unix socket has its path as address, or none") {
  int peer;
  char dir[] = "/tmp/weft_test_XXXXXX", expected[128];
  CHECK(mkdtemp(dir) != NULL);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", dir);
  snprintf(expected, sizeof(expected), "unix:%s", name.sun_path);
  int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(0, bind(listening, (struct sockaddr *)&name, sizeof(name)));
  CHECK_INT(0, listen(listening, 1));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_INT(0, connect(fd, (struct sockaddr *)&name, sizeof(name)));
  weft_stream stream;
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fd, &stream));
  CHECK_TEXT(expected, address(rt, stream, 1));
  CHECK_TEXT("unix:", address(rt, stream, 0));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(listening));
  CHECK_INT(0, unlink(name.sun_path));
  CHECK_INT(0, rmdir(dir));
  stream = open_unix(rt, &peer);
  CHECK_TEXT("unix:", address(rt, stream, 0));
  CHECK_TEXT("unix:", address(rt, stream, 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

TASK_TEST("a pipe has no address, a broken connection none of its peer") {
  int fds[2], peer;
  weft_stream stream;
  weft_value *value;
  uint64_t count;
  CHECK_INT(0, pipe(fds));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[0], &stream));
  CHECK_TEXT("", address(rt, stream, 0));
  CHECK_TEXT("", address(rt, stream, 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(fds[1]));
  stream = open_pair(rt, &peer);
  plain_reset(peer);
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 0, &count));
  CHECK_INT(WEFT_ENOTCONN, weft_stream_address(rt, stream, 1, &value));
  CHECK(value == NULL);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

/* -- Sizes ---------------------------------------------------------------- */

TASK_TEST("the sizes are those of what is unread and unsent") {
  int peer;
  uint64_t value;
  size_t unread, unsent;
  static char block[8 << 20];
  weft_stream stream = open_pair(rt, &peer);
  CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, stream, &unread, &unsent));
  CHECK_INT(0, unread);
  CHECK_INT(0, unsent);
  plain_send(peer, "hello");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, stream, &unread, &unsent));
  CHECK_INT(5, unread);
  size_t received = 0;
  while (received + unsent < sizeof(block))
    received += plain_receive(rt, peer, block, 1000); /* of the kernel's */
  CHECK(unsent > 1 << 20);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(0, close(peer));
}

TASK_TEST("a stream that is closed has none of it") {
  int peer, flag = 1;
  size_t unread = 1, unsent = 1;
  weft_value *value;
  weft_stream stream = open_pair(rt, &peer);
  static char block[8 << 20];
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  struct job job = {.call = call_close, .object = stream};
  start_job(rt, &job, true); /* waits: the handle is good, the stream closed */
  CHECK_INT(WEFT_ECLOSED, weft_stream_get_sizes(rt, stream, &unread, &unsent));
  CHECK_INT(0, unread + unsent);
  CHECK_INT(WEFT_ECLOSED, weft_stream_is_terminal(rt, stream, &flag));
  CHECK_INT(0, flag);
  CHECK_INT(WEFT_ECLOSED, weft_stream_set_nodelay(rt, stream, 1));
  CHECK_INT(WEFT_ECLOSED, weft_stream_set_keepalive(rt, stream, 1));
  CHECK_INT(WEFT_ECLOSED, weft_stream_address(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(WEFT_EBADF, weft_stream_get_sizes(rt, stream, &unread, &unsent));
  CHECK_INT(0, close(peer));
}

TASK_TEST("a terminal is told from what is none") {
  int peer, flag = 1;
  weft_stream stream = open_unix(rt, &peer);
  CHECK_INT(WEFT_OK, weft_stream_is_terminal(rt, stream, &flag));
  CHECK_INT(0, flag);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK_INT(0, grantpt(master));
  CHECK_INT(0, unlockpt(master));
  int fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fd, &stream));
  CHECK_INT(WEFT_OK, weft_stream_is_terminal(rt, stream, &flag));
  CHECK_INT(1, flag);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(master));
}
