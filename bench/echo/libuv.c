/* SPDX-License-Identifier: MIT
 * libuv.c - an echo server on libuv alone: the loop weft has too, with nothing
 * around it.
 *
 * Prints its port. All connections are read into one buffer, which is sent
 * right out of the callback; only what the kernel does not take is copied and
 * queued. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char buffer[64 * 1024];

static void check(int code, const char *what) {
  if (code >= 0)
    return;
  fprintf(stderr, "libuv: %s: %s\n", what, uv_strerror(code));
  exit(1);
}

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void on_written(uv_write_t *request, int code) {
  (void)code; /* the reading side learns of it, too */
  free(request);
}

/* Sends what is left by a copy of it, behind the request. */
static void queue(uv_stream_t *stream, const char *bytes, size_t size) {
  uv_write_t *request = malloc(sizeof *request + size);
  if (request == NULL)
    check(UV_ENOMEM, "queue");
  uv_buf_t rest = uv_buf_init((char *)(request + 1), (unsigned)size);
  memcpy(rest.base, bytes, size);
  check(uv_write(request, stream, &rest, 1, on_written), "write");
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested,
                           uv_buf_t *room) {
  (void)handle;
  (void)suggested;
  *room = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room) {
  if (count < 0) {
    uv_close((uv_handle_t *)stream, on_closed);
    return;
  }
  uv_buf_t bytes = uv_buf_init(room->base, (unsigned)count);
  int sent = count == 0 ? 0 : uv_try_write(stream, &bytes, 1);
  if (sent == UV_EAGAIN)
    sent = 0;
  check(sent, "write");
  if (sent < count)
    queue(stream, room->base + sent, (size_t)(count - sent));
}

static void on_connection(uv_stream_t *server, int code) {
  check(code, "accept");
  uv_tcp_t *connection = malloc(sizeof *connection);
  if (connection == NULL)
    check(UV_ENOMEM, "accept");
  check(uv_tcp_init(server->loop, connection), "init");
  check(uv_accept(server, (uv_stream_t *)connection), "accept");
  check(uv_tcp_nodelay(connection, 1), "nodelay");
  check(uv_read_start((uv_stream_t *)connection, on_room_wanted, on_read),
        "read");
}

static void print_port(const uv_tcp_t *server) {
  struct sockaddr_in address;
  int size = sizeof address;
  check(uv_tcp_getsockname(server, (struct sockaddr *)&address, &size), "port");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  struct sockaddr_in address;
  check(uv_ip4_addr("127.0.0.1", 0, &address), "address");
  check(uv_tcp_init(loop, &server), "init");
  check(uv_tcp_bind(&server, (struct sockaddr *)&address, 0), "bind");
  check(uv_listen((uv_stream_t *)&server, SOMAXCONN, on_connection), "listen");
  print_port(&server);
  return uv_run(loop, UV_RUN_DEFAULT);
}
