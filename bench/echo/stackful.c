/* SPDX-License-Identifier: MIT
 * stackful.c - an echo server on weft from C: a task with a stack of its own
 * for each connection. Prints its port. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft_io.h"

static void must(int status, const char *what) {
  if (status == WEFT_OK)
    return;
  fprintf(stderr, "stackful: %s: %s\n", what, weft_strerror(status));
  exit(1);
}

/* The bytes are sent out of the stream's buffer, where they stay until they
 * are consumed. */
static int echo(weft_runtime *rt, void *arg) {
  weft_stream stream = (weft_stream)(uintptr_t)arg;
  uint64_t count;
  const char *bytes;
  size_t size_bytes;
  while (weft_stream_fill(rt, stream, 0, &count) == WEFT_OK) {
    must(weft_stream_peek(rt, stream, &bytes, &size_bytes), "peek");
    must(weft_stream_write(rt, stream, bytes, size_bytes), "write");
    must(weft_stream_consume(rt, stream, size_bytes), "consume");
  }
  return weft_stream_close(rt, stream);
}

static void print_port(weft_runtime *rt, weft_listener listener) {
  weft_value *address;
  const char *text;
  size_t size_bytes;
  must(weft_listener_address(rt, listener, &address), "address");
  must(weft_value_get_bytes(address, &text, &size_bytes), "address");
  printf("%s\n", strrchr(text, ':') + 1);
  fflush(stdout);
  weft_value_unref(address);
}

static int serve(weft_runtime *rt, void *arg) {
  weft_listener listener;
  uint64_t stream;
  (void)arg;
  must(weft_tcp_listen(rt, "127.0.0.1", 0, 0, &listener), "listen");
  print_port(rt, listener);
  while (weft_listener_accept(rt, listener, &stream) == WEFT_OK)
    must(weft_spawn(rt, 0, echo, (void *)(uintptr_t)stream, NULL, NULL),
         "spawn");
  return WEFT_OK;
}

int main(void) {
  weft_runtime *rt;
  must(weft_runtime_new(&rt), "runtime");
  must(weft_spawn(rt, 0, serve, NULL, NULL, NULL), "spawn");
  must(weft_run(rt), "run");
}
