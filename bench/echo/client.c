/* SPDX-License-Identifier: MIT
 * client.c - the client of all echo servers.
 *
 *   echo_client PORT PID CONNECTIONS BYTES SECONDS
 *
 * Opens the connections and keeps one message under way on each: it sends one,
 * waits until all of it has come back, compares it, and sends the next. It
 * warms up for a quarter of the time, then counts. What it prints is of the
 * server with that process id:
 *
 *   message    microseconds of elapsed time by messages
 *   cpu        microseconds of the server's CPU, the kernel's part included
 *
 * Every message differs from the one before it and from those of the other
 * connections, so that one which is lost, repeated or swapped shows. A
 * connection that breaks, or gives other bytes back, fails the run. */
#define _GNU_SOURCE /* clock_getcpuclockid, epoll */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, PATIENCE_MS = 10000 };

struct connection {
  int fd;
  size_t sent; /* of the message under way */
  size_t got;
  uint64_t *message;
};

struct client {
  int poller;
  size_t message_bytes;
  char *answer; /* what one read gives */
  uint64_t count;
  bool over; /* no new message is sent */
  size_t under_way;
};

/* -- Small things --------------------------------------------------------- */

static void fail(const char *what) {
  fprintf(stderr, "echo_client: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void refuse(const char *what) {
  errno = EINVAL;
  fail(what);
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0)
    fail("clock");
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *allocate(size_t count, size_t size_bytes) {
  void *memory = calloc(count, size_bytes);
  if (memory == NULL)
    fail("memory");
  return memory;
}

static size_t argument(const char *text) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value == 0)
    refuse(text);
  return value;
}

/* -- Messages ------------------------------------------------------------- */

static void send_rest(struct client *client, struct connection *c) {
  const char *bytes = (const char *)c->message;
  ssize_t sent = write(c->fd, bytes + c->sent, client->message_bytes - c->sent);
  if (sent < 0 && errno != EAGAIN)
    fail("write");
  c->sent += sent < 0 ? 0 : (size_t)sent;
}

static void begin_message(struct client *client, struct connection *c) {
  c->message[0]++;
  c->sent = c->got = 0;
  client->under_way++;
  send_rest(client, c);
}

static void end_message(struct client *client, struct connection *c) {
  client->under_way--;
  client->count++;
  if (!client->over)
    begin_message(client, c);
}

static void take_answer(struct client *client, struct connection *c) {
  size_t left = client->message_bytes - c->got;
  ssize_t got = read(c->fd, client->answer, left);
  if (got < 0 && errno == EAGAIN)
    return;
  if (got < 0)
    fail("read");
  if (got == 0)
    refuse("the server has closed a connection");
  const char *bytes = (const char *)c->message;
  if (memcmp(client->answer, bytes + c->got, (size_t)got) != 0)
    refuse("the server has sent other bytes");
  c->got += (size_t)got;
  if (c->got == client->message_bytes)
    end_message(client, c);
}

/* -- Connections ---------------------------------------------------------- */

static void connect_to(struct client *client, struct connection *c,
                       in_port_t port, size_t number) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0 ||
      connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("connect");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  size_t words = client->message_bytes / sizeof *c->message;
  c->message = allocate(words, sizeof *c->message);
  for (size_t i = 0; i < words; i++)
    c->message[i] = number * 0x9e3779b97f4a7c15u + i;
}

/* By edges: what is left of a message is sent, or of its answer read, when the
 * kernel tells of something new. */
static void watch(struct client *client, struct connection *c) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                              .data.ptr = c};
  if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
      epoll_ctl(client->poller, EPOLL_CTL_ADD, c->fd, &event) != 0)
    fail("epoll_ctl");
}

static struct connection *open_all(struct client *client, in_port_t port,
                                   size_t count) {
  struct connection *all = allocate(count, sizeof *all);
  for (size_t i = 0; i < count; i++) {
    connect_to(client, &all[i], port, i);
    watch(client, &all[i]);
  }
  for (size_t i = 0; i < count; i++)
    begin_message(client, &all[i]);
  return all;
}

static void close_all(struct connection *all, size_t count) {
  for (size_t i = 0; i < count; i++) {
    close(all[i].fd);
    free(all[i].message);
  }
  free(all);
}

/* -- Running -------------------------------------------------------------- */

static void serve_events(struct client *client) {
  struct epoll_event events[EVENTS_MAX];
  int count = epoll_wait(client->poller, events, EVENTS_MAX, PATIENCE_MS);
  if (count < 0 && errno != EINTR)
    fail("epoll_wait");
  if (count == 0)
    refuse("no answer");
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (c->sent < client->message_bytes)
      send_rest(client, c);
    if (c->got < client->message_bytes)
      take_answer(client, c);
  }
}

static void run_for(struct client *client, uint64_t time_ns) {
  uint64_t end_ns = read_clock(CLOCK_MONOTONIC) + time_ns;
  while (read_clock(CLOCK_MONOTONIC) < end_ns)
    serve_events(client);
}

static void finish(struct client *client) {
  client->over = true;
  while (client->under_way > 0)
    serve_events(client);
}

static void measure(struct client *client, pid_t server, uint64_t time_ns) {
  clockid_t cpu;
  if (clock_getcpuclockid(server, &cpu) != 0)
    refuse("no such server");
  run_for(client, time_ns / 4);
  uint64_t began_ns = read_clock(CLOCK_MONOTONIC), cpu_ns = read_clock(cpu);
  client->count = 0;
  run_for(client, time_ns);
  double count = (double)client->count;
  printf("cpu %.4f\n", (double)(read_clock(cpu) - cpu_ns) / count / 1e3);
  printf("message %.4f\n",
         (double)(read_clock(CLOCK_MONOTONIC) - began_ns) / count / 1e3);
}

int main(int argc, char **argv) {
  if (argc != 6)
    refuse("PORT PID CONNECTIONS BYTES SECONDS");
  size_t count = argument(argv[3]);
  struct client client = {.message_bytes = argument(argv[4])};
  if (client.message_bytes % sizeof(uint64_t) != 0)
    refuse("BYTES must be a multiple of 8");
  client.poller = epoll_create1(EPOLL_CLOEXEC);
  client.answer = allocate(client.message_bytes, 1);
  struct connection *all =
      open_all(&client, (in_port_t)argument(argv[1]), count);
  measure(&client, (pid_t)argument(argv[2]), argument(argv[5]) * 1000000000u);
  finish(&client);
  close_all(all, count);
  free(client.answer);
  close(client.poller);
}
