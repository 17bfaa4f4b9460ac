/* SPDX-License-Identifier: MIT
 * child.h - what the tests of processes need: children that run a line of
 * shell, and what they have written. */
#ifndef WEFT_CHILD_H
#define WEFT_CHILD_H

#include <signal.h>

#include "loopback.h"

/* Ignores SIGTERM, says so, and would sleep for long. */
#define STUBBORN "trap '' TERM; echo ready; exec sleep 1000"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/* TSan knows descriptors by the calls that open and close them, and libuv
 * closes its pipes by a bare system call: the next thread to get the number
 * would seem to race with the last. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
  return "race:pipe2\nrace:uv_pipe\n";
}
#endif
#endif

static inline weft_process new_child(weft_runtime *rt, const char *script) {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, "sh", &child));
  CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, "-c"));
  CHECK_INT(WEFT_OK, weft_process_add_argument(rt, child, script));
  return child;
}

static inline void set_pipe(weft_runtime *rt, weft_process child, int fd) {
  CHECK_INT(WEFT_OK, weft_process_set_stdio(rt, child, fd, WEFT_STDIO_PIPE, 0));
}

static inline weft_stream take_stream(weft_runtime *rt, weft_process child,
                                      int fd) {
  weft_stream stream;
  CHECK_INT(WEFT_OK, weft_process_take_stream(rt, child, fd, &stream));
  return stream;
}

/* Starts a child whose standard output is a pipe. */
static inline weft_process start_child(weft_runtime *rt, const char *script,
                                       weft_stream *output) {
  weft_process child = new_child(rt, script);
  set_pipe(rt, child, 1);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  *output = take_stream(rt, child, 1);
  return child;
}

/* Starts a child that reads its standard input until that ends. */
static inline weft_process start_reader(weft_runtime *rt, weft_stream *input) {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_new(rt, "cat", &child));
  set_pipe(rt, child, 0);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  *input = take_stream(rt, child, 0);
  return child;
}

static inline uint64_t wait_for(weft_runtime *rt, weft_process child) {
  uint64_t value = 77;
  CHECK_INT(WEFT_OK, weft_process_wait(rt, child, &value));
  return value;
}

static inline uint64_t ended_by(int number) {
  return (uint64_t)number << 32;
}

/* Waits for the exit and closes: the child must have ended so. */
static inline void end_child(weft_runtime *rt, weft_process child,
                             uint64_t value) {
  CHECK_INT(value, wait_for(rt, child));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

/* Waits until the stream has given a line, and takes it. */
static inline void await_line(weft_runtime *rt, weft_stream stream,
                              const char *line) {
  uint64_t size = 0;
  const char *data;
  size_t size_bytes;
  while (size < strlen(line))
    if (weft_stream_fill(rt, stream, size, &size) != WEFT_OK)
      break;
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  CHECK(size_bytes >= strlen(line) && memcmp(data, line, strlen(line)) == 0);
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, strlen(line)));
}

/* All that comes until the end, good until the next call; closes the stream. */
static inline const char *drain(weft_runtime *rt, weft_stream stream) {
  static char text[4096];
  uint64_t size = 0;
  const char *data;
  size_t size_bytes;
  int status;
  while ((status = weft_stream_fill(rt, stream, size, &size)) == WEFT_OK)
    ;
  CHECK_INT(WEFT_EEND, status);
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  snprintf(text, sizeof(text), "%.*s", (int)size_bytes, data);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  return text;
}

/* What the child writes to its standard output; it must end well. */
static inline const char *output_of(weft_runtime *rt, weft_process child) {
  set_pipe(rt, child, 1);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  const char *text = drain(rt, take_stream(rt, child, 1));
  end_child(rt, child, 0);
  return text;
}

static inline int call_wait(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  return weft_process_wait(rt, job->object, value);
}

#endif
