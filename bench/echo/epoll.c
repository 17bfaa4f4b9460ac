/* SPDX-License-Identifier: MIT
 * epoll.c - an echo server on the bare system calls: what nobody can beat who
 * reads and writes once for a message.
 *
 * Prints its port. A connection is its descriptor and nothing else: an answer
 * that the kernel does not take at once ends the server. */
#define _GNU_SOURCE /* accept4 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, BUFFER_BYTES = 64 * 1024 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int listen_anywhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
      listen(fd, SOMAXCONN) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0)
    fail("listen");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void watch(int poller, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
    fail("epoll_ctl");
}

static void accept_all(int poller, int listening) {
  int fd, on = 1;
  while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poller, fd);
  }
  if (errno != EAGAIN)
    fail("accept");
}

static void echo(int fd) {
  static char buffer[BUFFER_BYTES];
  ssize_t count = read(fd, buffer, sizeof buffer);
  if (count < 0 && errno == EAGAIN)
    return;
  if (count <= 0)
    close(fd);
  else if (write(fd, buffer, (size_t)count) != count)
    fail("write");
}

int main(void) {
  struct epoll_event events[EVENTS_MAX];
  int listening = listen_anywhere(), poller = epoll_create1(0);
  watch(poller, listening);
  for (;;) {
    int count = epoll_wait(poller, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listening)
        accept_all(poller, listening);
      else
        echo(events[i].data.fd);
    }
  }
}
