/* SPDX-License-Identifier: MIT
 * name_server.h - the name server that the tests of the resolver ask: UDP and
 * TCP on one port of loopback, in a thread, so that it shares nothing with what
 * is tested. The first label of a name says how it is answered:
 *
 *   one      A 192.0.2.1                  six      AAAA 2001:db8::1
 *   both     both of these                many     A 192.0.2.1 to .40, by TCP
 *   nothing  no record                    nx       there is no such name
 *   fail, refuse   that code              silent   nothing
 *   garbage  an answer that ends early    hold     as one, once the test says
 *   mx, srv, txt, soa, caa, naptr, ns, ptr, cname  such records
 *   bad      records whose data make no sense
 * Names that end in "wrong" do not exist either, whatever they begin with. */
#ifndef WEFT_NAME_SERVER_H
#define WEFT_NAME_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELD_MAX = 4096, ANSWER_MAX = 4096 };

struct held_answer {
  unsigned char data[512];
  size_t size;
  struct sockaddr_in to;
};

struct name_server {
  int udp, tcp, wake[2];
  int port;
  atomic_int queries; /* all that came, held ones too */
  atomic_int by_tcp;  /* of these */
  atomic_int most;    /* held at a time */
  struct held_answer *held;
  int held_count;
};

/* -- Writing an answer ---------------------------------------------------- */

struct writer {
  unsigned char data[ANSWER_MAX];
  size_t size;
};

static void put(struct writer *w, unsigned number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    w->data[w->size++] = (unsigned char)(number >> shift);
}

static void put_bytes(struct writer *w, const void *data, size_t size) {
  memcpy(w->data + w->size, data, size);
  w->size += size;
}

static void put_string(struct writer *w, const char *text) {
  put(w, (unsigned)strlen(text), 1);
  put_bytes(w, text, strlen(text));
}

static void put_name(struct writer *w, const char *name) {
  for (const char *dot; *name != '\0'; name = *dot == '.' ? dot + 1 : dot) {
    dot = name + strcspn(name, ".");
    put(w, (unsigned)(dot - name), 1);
    put_bytes(w, name, (size_t)(dot - name));
  }
  put(w, 0, 1);
}

/* Begins a record of the name asked for; its data is what follows up to
 * end_record. */
static size_t begin_record(struct writer *w, int kind) {
  put(w, 0xc00c, 2);
  put(w, (unsigned)kind, 2);
  put(w, 1, 2);
  put(w, 60, 4);
  put(w, 0, 2);
  w->data[7]++; /* of answers; no test has 256 */
  return w->size;
}

static void end_record(struct writer *w, size_t begin) {
  size_t size = w->size - begin;
  w->data[begin - 2] = (unsigned char)(size >> 8);
  w->data[begin - 1] = (unsigned char)size;
}

static void put_address(struct writer *w, int kind, const char *text) {
  unsigned char address[16];
  inet_pton(kind == 1 ? AF_INET : AF_INET6, text, address);
  size_t begin = begin_record(w, kind);
  put_bytes(w, address, kind == 1 ? 4 : 16);
  end_record(w, begin);
}

static void put_mx(struct writer *w, unsigned priority, const char *name) {
  size_t begin = begin_record(w, 15);
  put(w, priority, 2);
  put_name(w, name);
  end_record(w, begin);
}

static void put_srv(struct writer *w) {
  size_t begin = begin_record(w, 33);
  put(w, 1, 2);
  put(w, 2, 2);
  put(w, 8080, 2);
  put_name(w, "host.test");
  end_record(w, begin);
}

static void put_txt(struct writer *w, const char *one, const char *two) {
  size_t begin = begin_record(w, 16);
  put_string(w, one);
  put_string(w, two);
  end_record(w, begin);
}

static void put_soa(struct writer *w) {
  size_t begin = begin_record(w, 6);
  put_name(w, "ns.test");
  put_name(w, "admin.test");
  for (unsigned i = 1; i <= 4; i++)
    put(w, i, 4);
  put(w, 4000000000u, 4);
  end_record(w, begin);
}

static void put_caa(struct writer *w) {
  size_t begin = begin_record(w, 257);
  put(w, 128, 1);
  put_string(w, "issue");
  put_bytes(w, "ca.test", 7);
  end_record(w, begin);
}

static void put_naptr(struct writer *w) {
  size_t begin = begin_record(w, 35);
  put(w, 100, 2);
  put(w, 10, 2);
  put_string(w, "u");
  put_string(w, "E2U+sip");
  put_string(w, "!^.*$!sip:a@b!");
  put_name(w, "");
  end_record(w, begin);
}

static void put_alias(struct writer *w, int kind, const char *name) {
  size_t begin = begin_record(w, kind);
  put_name(w, name);
  end_record(w, begin);
}

/* A record of the kind asked for, too short for any. */
static void put_bad(struct writer *w, int kind) {
  size_t begin = begin_record(w, kind);
  put(w, 0x40, 1);
  end_record(w, begin);
}

static void put_records(struct writer *w, const char *label, int kind,
                        bool by_tcp) {
  char text[32];
  bool both = strcmp(label, "both") == 0;
  if (kind == 1 &&
      (both || strcmp(label, "one") == 0 || strcmp(label, "hold") == 0))
    put_address(w, 1, "192.0.2.1");
  if (kind == 28 && (both || strcmp(label, "six") == 0))
    put_address(w, 28, "2001:db8::1");
  if (kind == 1 && strcmp(label, "many") == 0 && by_tcp)
    for (int i = 1; i <= 40; i++) {
      snprintf(text, sizeof text, "192.0.2.%d", i);
      put_address(w, 1, text);
    }
  if (kind == 15 && strcmp(label, "mx") == 0) {
    put_mx(w, 10, "mail.test");
    put_mx(w, 20, "other.test");
  }
  if (kind == 33)
    put_srv(w);
  if (kind == 16 && strcmp(label, "txt") == 0) {
    put_txt(w, "v=one ", "two");
    put_txt(w, "", "");
  }
  if (kind == 6)
    put_soa(w);
  if (kind == 257)
    put_caa(w);
  if (kind == 35)
    put_naptr(w);
  if (kind == 2 || kind == 5 || kind == 12)
    put_alias(w, kind, "alias.test");
  if (strcmp(label, "bad") == 0)
    put_bad(w, kind);
}

/* -- Answering ------------------------------------------------------------ */

static int code_of(const char *label, const char *last) {
  if (strcmp(label, "nx") == 0 || strcmp(last, "wrong") == 0)
    return 3;
  return strcmp(label, "fail") == 0 ? 2 : strcmp(label, "refuse") == 0 ? 5 : 0;
}

/* Makes the answer; its first label in [label]. */
static void make_answer(const unsigned char *query, struct writer *w,
                        char label[64], bool by_tcp) {
  size_t at = 12;
  char last[64] = "";
  label[0] = '\0';
  for (; query[at] != 0; at += query[at] + 1u) {
    snprintf(last, sizeof last, "%.*s", query[at], query + at + 1);
    if (at == 12)
      strcpy(label, last);
  }
  int kind = query[at + 1] << 8 | query[at + 2];
  memcpy(w->data, query, at + 5);
  w->size = at + 5;
  w->data[2] = 0x81;
  w->data[3] = (unsigned char)(0x80 | code_of(label, last));
  memset(w->data + 6, 0, 6);
  if (w->data[3] != 0x80)
    return;
  if (strcmp(label, "many") == 0 && kind == 1 && !by_tcp)
    w->data[2] |= 2; /* truncated */
  put_records(w, label, kind, by_tcp);
  if (strcmp(label, "garbage") == 0)
    w->data[7] = 9;
}

static void hold(struct name_server *server, const struct writer *w,
                 const struct sockaddr_in *from) {
  struct held_answer *held = &server->held[server->held_count++];
  memcpy(held->data, w->data, w->size);
  held->size = w->size;
  held->to = *from;
  if (server->held_count > atomic_load(&server->most))
    atomic_store(&server->most, server->held_count);
}

static void serve_udp(struct name_server *server) {
  struct writer w;
  unsigned char query[ANSWER_MAX];
  char label[64];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  if (recvfrom(server->udp, query, sizeof query, 0, (struct sockaddr *)&from,
               &size) < 12)
    return;
  make_answer(query, &w, label, false);
  atomic_fetch_add(&server->queries, 1);
  if (strcmp(label, "hold") == 0)
    hold(server, &w, &from);
  else if (strcmp(label, "silent") != 0)
    sendto(server->udp, w.data, w.size, 0, (struct sockaddr *)&from, size);
}

/* One query for each connection. */
static void serve_tcp(struct name_server *server) {
  struct writer w;
  unsigned char query[ANSWER_MAX];
  char label[64];
  int fd = accept(server->tcp, NULL, NULL);
  if (recv(fd, query, 2, MSG_WAITALL) == 2) {
    size_t size = (size_t)query[0] << 8 | query[1];
    if (recv(fd, query, size, MSG_WAITALL) == (ssize_t)size) {
      make_answer(query, &w, label, true);
      unsigned char head[2] = {(unsigned char)(w.size >> 8),
                               (unsigned char)w.size};
      atomic_fetch_add(&server->queries, 1);
      atomic_fetch_add(&server->by_tcp, 1);
      send(fd, head, 2, MSG_NOSIGNAL);
      send(fd, w.data, w.size, MSG_NOSIGNAL);
    }
  }
  close(fd);
}

static void release_held(struct name_server *server) {
  char byte;
  if (read(server->wake[0], &byte, 1) != 1)
    return;
  for (int i = 0; i < server->held_count; i++)
    sendto(server->udp, server->held[i].data, server->held[i].size, 0,
           (struct sockaddr *)&server->held[i].to, sizeof server->held[i].to);
  server->held_count = 0;
}

static void *name_server_run(void *arg) {
  struct name_server *server = arg;
  struct pollfd fds[3] = {{server->udp, POLLIN, 0},
                          {server->tcp, POLLIN, 0},
                          {server->wake[0], POLLIN, 0}};
  for (;;) {
    poll(fds, 3, -1);
    if (fds[0].revents)
      serve_udp(server);
    if (fds[1].revents)
      serve_tcp(server);
    if (fds[2].revents)
      release_held(server);
  }
  return NULL;
}

/* -- For tests ------------------------------------------------------------ */

/* Answers what it holds. */
static inline void name_server_release(struct name_server *server) {
  if (write(server->wake[1], "", 1) != 1)
    abort();
}

static int server_socket(int type, int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)*port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  getsockname(fd, (struct sockaddr *)&address, &size);
  *port = ntohs(address.sin_port);
  return fd;
}

static struct name_server *name_server_start(void) {
  static struct name_server server;
  pthread_t thread;
  server.held = calloc(HELD_MAX, sizeof *server.held);
  do {
    server.port = 0;
    server.tcp = server_socket(SOCK_STREAM, &server.port);
    server.udp = server_socket(SOCK_DGRAM, &server.port);
  } while (server.udp < 0);
  if (listen(server.tcp, 16) != 0 || pipe(server.wake) != 0)
    abort();
  pthread_create(&thread, NULL, name_server_run, &server);
  pthread_detach(thread);
  return &server;
}

#endif
