/* SPDX-License-Identifier: MIT
 * test_stream_vector.c - vectored writes of streams. The program's own write
 * and writev stand before the C library's, and count what libuv calls. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include <sys/syscall.h>
#include <sys/uio.h>

#include "loopback.h"

static int writes, writevs;
static int most_pieces;

/* libuv must find them, so they are not hidden as all else is. */
#define SHOWN __attribute__((visibility("default")))

SHOWN ssize_t write(int fd, const void *data, size_t size_bytes) {
  writes++;
  return syscall(SYS_write, fd, data, size_bytes);
}

SHOWN ssize_t writev(int fd, const struct iovec *pieces, int count) {
  writevs++;
  if (count > most_pieces)
    most_pieces = count;
  return syscall(SYS_writev, fd, pieces, count);
}

/* Pieces of the pattern, one going on where the other ends. */
struct vector {
  const void *data[3000];
  size_t sizes[3000];
  size_t count;
  size_t size_bytes;
};

static struct vector vector_of(size_t count, size_t piece_bytes) {
  static char bytes[1 << 24];
  struct vector vector = {.count = count};
  for (size_t i = 0; i < count; i++) {
    vector.data[i] = bytes + vector.size_bytes;
    vector.sizes[i] = piece_bytes;
    for (size_t k = 0; k < piece_bytes; k++)
      bytes[vector.size_bytes + k] = pattern(vector.size_bytes + k);
    vector.size_bytes += piece_bytes;
  }
  return vector;
}

static int write_vector(weft_runtime *rt, weft_stream stream,
                        const struct vector *vector) {
  writes = writevs = most_pieces = 0;
  return weft_stream_writev(rt, stream, vector->data, vector->sizes,
                            vector->count);
}

/* Receives [size_bytes] and checks that they are the pattern's first. */
static void check_received(weft_runtime *rt, int peer, size_t size_bytes) {
  char *data = malloc(size_bytes + 1);
  CHECK_INT(size_bytes, plain_receive(rt, peer, data, size_bytes));
  size_t wrong = 0;
  for (size_t i = 0; i < size_bytes; i++)
    wrong += data[i] != pattern(i);
  CHECK_INT(0, wrong);
  free(data);
}

static void end(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(0, close(peer));
}

TASK_TEST("large pieces go out in one system call, not copied") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(5, 4000);
  long allocations = failing_allocations();
  CHECK_INT(WEFT_OK, write_vector(rt, stream, &vector));
  CHECK_INT(1, writevs);
  CHECK_INT(0, writes);
  CHECK_INT(5, most_pieces);
  CHECK_INT(allocations, failing_allocations());
  check_received(rt, peer, 20000);
  end(rt, stream, peer);
}

TASK_TEST("small pieces are joined, and go out in one system call") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(12, 100);
  long allocations = failing_allocations();
  CHECK_INT(WEFT_OK, write_vector(rt, stream, &vector));
  CHECK_INT(0, writevs);
  CHECK_INT(1, writes);
  CHECK_INT(allocations, failing_allocations());
  check_received(rt, peer, 1200);
  end(rt, stream, peer);
}

TASK_TEST("a single piece goes out as it is") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(1, 5000);
  CHECK_INT(WEFT_OK, write_vector(rt, stream, &vector));
  CHECK_INT(1, writes);
  CHECK_INT(0, writevs);
  check_received(rt, peer, 5000);
  end(rt, stream, peer);
}

TASK_TEST("none at all, and empty ones, are no bytes") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  const void *data[] = {NULL, "ab", "", "c", NULL};
  size_t sizes[] = {0, 2, 0, 1, 0};
  char text[8] = "";
  writes = writevs = 0;
  CHECK_INT(WEFT_OK, weft_stream_writev(rt, stream, NULL, NULL, 0));
  CHECK_INT(WEFT_OK, weft_stream_writev(rt, stream, data, sizes, 1));
  CHECK_INT(0, writes + writevs);
  CHECK_INT(WEFT_OK, weft_stream_writev(rt, stream, data, sizes, 5));
  CHECK_INT(3, recv(peer, text, sizeof(text), 0));
  CHECK_TEXT("abc", text);
  end(rt, stream, peer);
}

TASK_TEST("more pieces than the kernel takes at a time arrive in order") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(3000, 100);
  CHECK_INT(WEFT_OK, write_vector(rt, stream, &vector));
  CHECK(most_pieces > 1000);
  check_received(rt, peer, 300000);
  end(rt, stream, peer);
}

TASK_TEST("25.8 what the kernel has no room for is copied, however cut") {
  for (size_t size = 999; size < 5000; size += 1333) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct vector vector = vector_of(3000, size);
    CHECK_INT(WEFT_OK, write_vector(rt, stream, &vector));
    memset((char *)(uintptr_t)vector.data[0], 0, vector.size_bytes);
    check_received(rt, peer, vector.size_bytes);
    end(rt, stream, peer);
  }
}

static int call_writev(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)value;
  /* On this stack only: whoever waits must not need the arrays any more. */
  const void *data[] = {job->data, job->data + job->size_bytes / 2};
  size_t sizes[] = {job->size_bytes / 2, job->size_bytes / 2};
  int status = weft_stream_writev(rt, job->object, data, sizes, 2);
  memset(data, 0, sizeof(data));
  memset(sizes, 0, sizeof(sizes));
  return status;
}

TASK_TEST("25.8 a vectored write waits its turn, and cancelled took nothing") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct vector much = vector_of(1, 8 << 20);
    struct job lost = {
        .call = call_writev, .object = stream, .data = "lost", .size_bytes = 4};
    struct job kept = {
        .call = call_writev, .object = stream, .data = "kept", .size_bytes = 4};
    char text[8] = "";
    CHECK_INT(WEFT_OK, write_vector(rt, stream, &much));
    start_job(rt, &lost, stepped);
    start_job(rt, &kept, stepped);
    CHECK_TEXT("write", job_wait(rt, &kept));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &lost));
    check_received(rt, peer, much.size_bytes);
    CHECK_INT(WEFT_OK, join_job(rt, &kept));
    CHECK_INT(4, recv(peer, text, sizeof(text), 0));
    CHECK_TEXT("kept", text);
    end(rt, stream, peer);
  }
}

TASK_TEST("pieces that cannot be are refused, and nothing is sent") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  const void *data[] = {"ab", NULL, "c"};
  size_t sizes[] = {2, 1, 1};
  CHECK_INT(WEFT_EINVAL, weft_stream_writev(rt, stream, data, sizes, 3));
  data[1] = "x";
  sizes[1] = SIZE_MAX;
  CHECK_INT(WEFT_EINVAL, weft_stream_writev(rt, stream, data, sizes, 3));
  CHECK_INT(WEFT_EINVAL, weft_stream_writev(rt, stream, data, sizes, SIZE_MAX));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, plain_drain(rt, peer));
  CHECK_INT(WEFT_EBADF, weft_stream_writev(rt, stream, data, sizes, 1));
  CHECK_INT(0, close(peer));
}

struct attempt {
  weft_runtime *rt;
  weft_stream stream;
  struct vector *vector;
};

static int try_write(void *arg) {
  struct attempt *attempt = arg;
  return write_vector(attempt->rt, attempt->stream, attempt->vector);
}

TASK_TEST("want of memory for many pieces takes none") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(100, 1000);
  struct attempt attempt = {rt, stream, &vector};
  CHECK_INT(1, failing_each(try_write, &attempt));
  check_received(rt, peer, 100000);
  end(rt, stream, peer);
}

TASK_TEST("a reset fails it") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct vector vector = vector_of(2, 3000);
  plain_reset(peer);
  CHECK_INT(WEFT_ECONNRESET, write_vector(rt, stream, &vector));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}
