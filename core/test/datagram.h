/* SPDX-License-Identifier: MIT
 * datagram.h - what the tests of UDP sockets share: sockets on loopback, and
 * jobs that send, connect and receive. */
#ifndef WEFT_DATAGRAM_H
#define WEFT_DATAGRAM_H

#include "loopback.h"

/* -- Sockets -------------------------------------------------------------- */

static inline weft_udp udp_on(weft_runtime *rt, const char *host) {
  weft_udp udp;
  CHECK_INT(WEFT_OK, weft_udp_open(rt, host, 0, 0, &udp));
  return udp;
}

static inline weft_udp udp_here(weft_runtime *rt) {
  return udp_on(rt, "127.0.0.1");
}

static inline const char *udp_text(weft_runtime *rt, weft_udp udp) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_udp_address(rt, udp, 0, &value));
  return take_text(value);
}

static inline int udp_port(weft_runtime *rt, weft_udp udp) {
  return atoi(strrchr(udp_text(rt, udp), ':') + 1);
}

static inline void udp_close(weft_runtime *rt, weft_udp udp) {
  CHECK_INT(WEFT_OK, weft_udp_close(rt, udp));
}

/* -- Plain sockets -------------------------------------------------------- */

static inline int plain_udp(int *port) {
  struct sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof(address);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK_INT(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
  CHECK_INT(0, getsockname(fd, (struct sockaddr *)&address, &size));
  *port = ntohs(address.sin_port);
  return fd;
}

static inline void plain_send_to(int fd, int port, const char *data,
                                 size_t size_bytes) {
  struct sockaddr_in address = loopback_address(port);
  CHECK_INT(size_bytes, sendto(fd, data, size_bytes, 0,
                               (struct sockaddr *)&address, sizeof(address)));
}

static inline void plain_say_to(int fd, int port, const char *text) {
  plain_send_to(fd, port, text, strlen(text));
}

/* Whether the next datagram there is [text]. */
static inline bool plain_hears(int fd, const char *text) {
  char data[128];
  ssize_t count = recv(fd, data, sizeof(data), MSG_DONTWAIT);
  return count == (ssize_t)strlen(text) &&
         memcmp(data, text, strlen(text)) == 0;
}

/* A port of loopback that nobody has. */
static inline int free_port(void) {
  int port;
  close(plain_udp(&port));
  return port;
}

/* -- Jobs ----------------------------------------------------------------- */

struct sender {
  struct job job;
  const char *host; /* NULL: the peer connected to */
};

static inline int call_send(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  struct sender *sender = (struct sender *)job;
  (void)value;
  return weft_udp_send(rt, job->object, job->data, job->size_bytes,
                       sender->host, job->port);
}

static inline int call_udp_connect(weft_runtime *rt, struct job *job,
                                   uint64_t *value) {
  struct sender *sender = (struct sender *)job;
  (void)value;
  return weft_udp_connect(rt, job->object, sender->host, job->port);
}

static inline int call_receive(weft_runtime *rt, struct job *job,
                               uint64_t *value) {
  return weft_udp_receive(rt, job->object, value);
}

static inline struct sender sending(weft_udp udp, const char *text,
                                    const char *host, int port) {
  struct job job = {.call = call_send,
                    .object = udp,
                    .data = text,
                    .size_bytes = strlen(text),
                    .port = port};
  return (struct sender){job, host};
}

/* Whether the datagram there is [text]; takes it. */
static inline bool takes(weft_runtime *rt, weft_udp udp, const char *text) {
  const char *data;
  size_t size_bytes;
  if (weft_udp_peek(rt, udp, &data, &size_bytes) != WEFT_OK)
    return false;
  bool is_it =
      size_bytes == strlen(text) && memcmp(data, text, size_bytes) == 0;
  CHECK_INT(WEFT_OK, weft_udp_consume(rt, udp));
  return is_it;
}

/* Receives in this task; whether it is [text]. */
static inline bool hears(weft_runtime *rt, weft_udp udp, const char *text) {
  uint64_t value = 0;
  CHECK_INT(WEFT_OK, weft_udp_receive(rt, udp, &value));
  CHECK_INT(strlen(text), value);
  return takes(rt, udp, text);
}

#endif
