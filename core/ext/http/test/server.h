/* SPDX-License-Identifier: MIT
 * server.h - the HTTP server that the tests of the client talk to.
 *
 * Raw sockets and threads, so that it shares nothing with what is tested. The
 * path of a request says how it is answered; what has to wait, waits for the
 * test (server_go) or tells it (the event of server_tell), never for a time. */
#ifndef WEFT_HTTP_TEST_SERVER_H
#define WEFT_HTTP_TEST_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "weft.h"

struct server {
  int listener;
  int port;
  atomic_int connections; /* accepted so far */
  atomic_int requests;    /* read so far */
  sem_t go;               /* lets what waits on the server go on */
  sem_t aborted;          /* posted when a client hangs up on "/hang" */
  weft_runtime *rt;       /* told of each "/hang" by setting the event */
  weft_event arrived;
};

struct server_peer {
  struct server *server;
  int fd;
};

struct server_request {
  char head[16384]; /* all up to the empty line */
  char *body;
  size_t body_bytes;
  char path[1024];
};

/* -- Reading and writing -------------------------------------------------- */

static void server_send(int fd, const void *data, size_t size_bytes) {
  const char *at = data;
  while (size_bytes > 0) {
    ssize_t sent = send(fd, at, size_bytes, MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    at += sent;
    size_bytes -= (size_t)sent;
  }
}

static void server_say(int fd, const char *text) {
  server_send(fd, text, strlen(text));
}

static void server_answer(int fd, const char *status, const char *headers,
                          const char *body, size_t body_bytes) {
  char head[2048];
  snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
           status, headers, body_bytes);
  server_say(fd, head);
  server_send(fd, body, body_bytes);
}

/* Reads one request; 0 at the end of the connection, or if that is TLS. */
static int server_read(int fd, struct server_request *request) {
  size_t bytes = 0;
  while (bytes < sizeof request->head - 1) {
    if (recv(fd, request->head + bytes, 1, 0) != 1)
      return 0;
    if (request->head[0] == 0x16)
      return server_say(fd, "What?\r\n"), 0;
    request->head[++bytes] = '\0';
    if (bytes >= 4 && strcmp(request->head + bytes - 4, "\r\n\r\n") == 0)
      break;
  }
  const char *length = strstr(request->head, "\r\nContent-Length:");
  request->body_bytes =
      length == NULL
          ? 0
          : strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
  request->body = calloc(1, request->body_bytes + 1);
  for (size_t have = 0; have < request->body_bytes;) {
    ssize_t more =
        recv(fd, request->body + have, request->body_bytes - have, 0);
    if (more <= 0)
      return 0;
    have += (size_t)more;
  }
  return sscanf(request->head, "%*s %1023s", request->path) == 1;
}

/* -- The answers ---------------------------------------------------------- */

static int server_is_head(const struct server_request *request) {
  return strncmp(request->head, "HEAD ", 5) == 0;
}

/* Head and body of the request are the body of the answer. */
static void server_echo(int fd, const struct server_request *request) {
  size_t head_bytes = strlen(request->head);
  char *text = malloc(head_bytes + request->body_bytes);
  memcpy(text, request->head, head_bytes);
  memcpy(text + head_bytes, request->body, request->body_bytes);
  server_answer(fd, "200 OK", "", text, head_bytes + request->body_bytes);
  free(text);
}

/* "/302/echo" goes to "/echo", "/302//echo" to localhost, "/302/ftp://h". */
static void server_redirect(int fd, struct server *server, const char *path) {
  char headers[1536], status[32];
  snprintf(status, sizeof status, "%.3s Elsewhere", path + 1);
  if (path[5] == '/')
    snprintf(headers, sizeof headers,
             "Location: http://evil:pw@localhost:%d%s\r\n", server->port,
             path + 5);
  else if (strstr(path, "://") != NULL)
    snprintf(headers, sizeof headers, "Location: %s\r\n", path + 5);
  else
    snprintf(headers, sizeof headers, "Location: %s\r\n", path + 4);
  server_answer(fd, status, headers, "gone", 4);
}

static void server_large(int fd, size_t size_bytes) {
  char *body = malloc(size_bytes);
  for (size_t i = 0; i < size_bytes; i++)
    body[i] = (char)('a' + i % 26);
  server_answer(fd, "200 OK", "", body, size_bytes);
  free(body);
}

static void server_set_arrived(weft_runtime *rt, void *arg) {
  weft_event_set(rt, ((struct server *)arg)->arrived);
}

/* Never answers; tells when the request is here and when the client goes. */
static void server_hang(int fd, struct server *server) {
  char byte;
  if (server->rt != NULL)
    weft_post(server->rt, server_set_arrived, server, NULL);
  while (recv(fd, &byte, 1, 0) > 0)
    ;
  sem_post(&server->aborted);
}

static void server_gzip(int fd) {
  /* "hello " a thousand times */
  static const unsigned char body[] = {
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xed,
      0xc4, 0x31, 0x0d, 0x00, 0x00, 0x08, 0x03, 0x30, 0x2b, 0x98, 0x23,
      0xe1, 0x58, 0x82, 0xff, 0x0f, 0x11, 0xbc, 0xed, 0xd1, 0xe9, 0x64,
      0x6b, 0x6c, 0xdb, 0xb6, 0x6d, 0xdb, 0xb6, 0x6d, 0xdb, 0xf6, 0xe3,
      0x03, 0xc1, 0x37, 0x0c, 0x40, 0x70, 0x17, 0x00, 0x00};
  server_answer(fd, "200 OK", "Content-Encoding: gzip\r\n", (const char *)body,
                sizeof body);
}

/* Sends the rest once the test says so. */
static void server_chunks(int fd, struct server *server, int is_whole) {
  server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nfirst\r\n");
  sem_wait(&server->go);
  server_say(fd, is_whole ? "6\r\nsecond\r\n0\r\nX-Trailer: t\r\n\r\n"
                          : "6\r\nsec");
}

/* Answers; 0 to close the connection. */
static int server_reply(int fd, struct server *server,
                        const struct server_request *request) {
  const char *path = request->path;
  if (strcmp(path, "/ok") == 0)
    server_answer(fd, "200 Fine", "X-Two: a\r\nx-two:  b \r\nEmpty:\r\n",
                  server_is_head(request) ? "" : "hello",
                  server_is_head(request) ? 0 : 5);
  else if (strncmp(path, "/echo", 5) == 0)
    server_echo(fd, request);
  else if (strncmp(path, "/30", 3) == 0)
    server_redirect(fd, server, path);
  else if (strcmp(path, "/loop") == 0)
    server_answer(fd, "302 Found", "Location: /loop\r\n", "", 0);
  else if (strncmp(path, "/large/", 7) == 0)
    server_large(fd, strtoul(path + 7, NULL, 10));
  else if (strcmp(path, "/gzip") == 0)
    server_gzip(fd);
  else if (strcmp(path, "/notgzip") == 0)
    server_answer(fd, "200 OK", "Content-Encoding: gzip\r\n", "hello", 5);
  else if (strcmp(path, "/continue") == 0)
    server_say(fd, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                   "HTTP/1.1 204 None\r\nA: 1\r\n\r\n");
  else if (strcmp(path, "/chunks") == 0)
    server_chunks(fd, server, 1);
  else if (strcmp(path, "/early") == 0)
    return server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
           0;
  else if (strcmp(path, "/early-chunks") == 0)
    return server_chunks(fd, server, 0), 0;
  else if (strcmp(path, "/garbage") == 0)
    return server_say(fd, "SSH-2.0-server\r\n\r\n"), 0;
  else if (strcmp(path, "/hang") == 0)
    return server_hang(fd, server), 0;
  else if (strcmp(path, "/drop") == 0)
    return 0;
  else
    server_answer(fd, "404 Not Found", "", "no such page", 12);
  return 1;
}

/* -- Serving -------------------------------------------------------------- */

static void *server_serve(void *arg) {
  struct server_peer *peer = arg;
  struct server_request *request = calloc(1, sizeof *request);
  int goes_on = 1;
  while (goes_on && server_read(peer->fd, request)) {
    atomic_fetch_add(&peer->server->requests, 1);
    goes_on = server_reply(peer->fd, peer->server, request);
    free(request->body);
    request->body = NULL;
  }
  free(request->body);
  free(request);
  close(peer->fd);
  free(peer);
  return NULL;
}

static void *server_accept(void *arg) {
  struct server *server = arg;
  for (;;) {
    pthread_t thread;
    struct server_peer *peer = malloc(sizeof *peer);
    peer->server = server;
    peer->fd = accept(server->listener, NULL, NULL);
    atomic_fetch_add(&server->connections, 1);
    pthread_create(&thread, NULL, server_serve, peer);
    pthread_detach(thread);
  }
  return NULL;
}

static int server_listen(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t bytes = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(fd, 64) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
    abort();
  *port = ntohs(address.sin_port);
  return fd;
}

static struct server *server_start(void) {
  pthread_t thread;
  static struct server server;
  sem_init(&server.go, 0, 0);
  sem_init(&server.aborted, 0, 0);
  server.listener = server_listen(&server.port);
  pthread_create(&thread, NULL, server_accept, &server);
  pthread_detach(thread);
  return &server;
}

#endif
