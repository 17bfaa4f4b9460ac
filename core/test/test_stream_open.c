/* SPDX-License-Identifier: MIT
 * test_stream_open.c - streams of descriptors: unix sockets, pipes, terminals,
 * and the standard ones. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* posix_openpt */
#endif
#include <sys/ioctl.h>
#include <sys/un.h>
#include <termios.h>

#include "loopback.h"

static weft_stream open_fd(weft_runtime *rt, int fd) {
  weft_stream stream;
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fd, &stream));
  CHECK(stream != 0);
  return stream;
}

static void close_both(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

static bool blocks(int fd) {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* Reads what there is, and checks that it is [text]. */
static void check_read(weft_runtime *rt, weft_stream stream, const char *text) {
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, strlen(text) - 1, &value));
  CHECK(buffered_is(rt, stream, text));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, value));
}

static void check_arrives(int fd, const char *text) {
  char data[64] = "";
  CHECK_INT(strlen(text), read(fd, data, sizeof(data) - 1));
  CHECK_TEXT(text, data);
}

/* -- Kinds ---------------------------------------------------------------- */

/* A peer that talks both ways: writing, reading, half close. */
static void check_both_ways(weft_runtime *rt, weft_stream stream, int peer) {
  struct job job = {.call = call_fill, .object = stream, .size_bytes = 0};
  uint64_t value;
  start_job(rt, &job, true);
  CHECK_INT(6, write(peer, "hello\n", 6));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  check_read(rt, stream, "hello\n");
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "there\n", 6));
  check_arrives(peer, "there\n");
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
  check_arrives(peer, "");
  CHECK_INT(3, write(peer, "end", 3));
  check_read(rt, stream, "end");
  CHECK_INT(0, shutdown(peer, SHUT_WR));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  close_both(rt, stream, peer);
}

TASK_TEST("a unix socket becomes a stream") {
  int fds[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  weft_stream stream = open_fd(rt, fds[0]);
  CHECK(!blocks(fds[0]));
  check_both_ways(rt, stream, fds[1]);
}

TASK_TEST("a TCP socket becomes a stream that sends without delay") {
  int port, nodelay = 0;
  socklen_t size = sizeof(nodelay);
  uint64_t value;
  weft_listener listener = listen_here(rt, &port);
  int fd = plain_connect(port);
  weft_stream stream = open_fd(rt, fd);
  CHECK_INT(0, getsockopt(fd, IPPROTO_TCP, 1, &nodelay, &size));
  CHECK_INT(1, nodelay);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &value));
  weft_stream peer = value;
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "over", 4));
  check_read(rt, peer, "over");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, peer));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TASK_TEST("a pipe's reading end is read from, and only that") {
  int fds[2];
  uint64_t value;
  CHECK_INT(0, pipe(fds));
  weft_stream stream = open_fd(rt, fds[0]);
  CHECK_INT(WEFT_ENOTSUP, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_shutdown(rt, stream));
  CHECK_INT(4, write(fds[1], "some", 4));
  check_read(rt, stream, "some");
  CHECK_INT(0, close(fds[1]));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST(
    "a pipe's writing end is written to; its shutdown is the peer's end") {
  for (int much = 0; much < 2; much++) {
    int fds[2];
    uint64_t value;
    CHECK_INT(0, pipe(fds));
    weft_stream stream = open_fd(rt, fds[1]);
    struct job job = {.call = call_shutdown, .object = stream};
    static char data[100000];
    size_t size = much ? sizeof(data) : 4;
    CHECK_INT(WEFT_ENOTSUP, weft_stream_fill(rt, stream, 0, &value));
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, data, size));
    start_job(rt, &job, true);
    CHECK_INT(0, fcntl(fds[0], F_SETFL, O_NONBLOCK));
    size_t count = 0;
    for (ssize_t n = 1; n != 0 && count <= size;) {
      n = read(fds[0], data, sizeof(data));
      count += n > 0 ? (size_t)n : 0;
      CHECK_INT(WEFT_OK, weft_yield(rt));
    }
    CHECK_INT(size, count);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
    CHECK_INT(WEFT_OK, weft_stream_flush(rt, stream));
    CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
    if (much)
      let_run(rt);
    close_both(rt, stream, fds[0]);
  }
}

TASK_TEST("a pipe shut and left so is freed with the runtime") {
  int fds[2];
  CHECK_INT(0, pipe(fds));
  weft_stream stream = open_fd(rt, fds[1]);
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  let_run(rt);
  check_arrives(fds[0], "");
  CHECK_INT(0, close(fds[0]));
}

TASK_TEST("writing to a pipe nobody reads is EPIPE") {
  int fds[2];
  CHECK_INT(0, pipe(fds));
  weft_stream stream = open_fd(rt, fds[1]);
  CHECK_INT(0, close(fds[0]));
  CHECK_INT(WEFT_EPIPE, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_EPIPE, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

static int open_terminal(int *master) {
  *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(*master >= 0);
  CHECK_INT(0, grantpt(*master));
  CHECK_INT(0, unlockpt(*master));
  int fd = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(fd >= 0);
  return fd;
}

TASK_TEST("a terminal gives lines, takes text, and cannot be shut") {
  int master, fd = open_terminal(&master);
  char echo[64];
  uint64_t value;
  weft_stream stream = open_fd(rt, fd);
  CHECK_INT(5, write(master, "line\n", 5));
  check_read(rt, stream, "line\n");
  CHECK_INT(6, read(master, echo, sizeof(echo))); /* "line\r\n" */
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "shown", 5));
  check_arrives(master, "shown");
  CHECK_INT(WEFT_ENOTSUP, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "still", 5));
  CHECK_INT(1, write(master, "\004", 1)); /* ^D */
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  close_both(rt, stream, master);
}

TASK_TEST("the other side of a terminal is a stream as well") {
  int master, fd = open_terminal(&master);
  weft_stream stream = open_fd(rt, master);
  CHECK_INT(5, write(fd, "shown", 5));
  check_read(rt, stream, "shown");
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "typed\n", 6));
  check_arrives(fd, "typed\n");
  close_both(rt, stream, fd);
}

/* -- Refusals ------------------------------------------------------------- */

TASK_TEST("what is no stream is refused, and stays the caller's") {
  int fds[2];
  weft_stream stream = 1;
  CHECK_INT(WEFT_EINVAL, weft_stream_open(rt, -1, &stream));
  CHECK_INT(0, stream);
  CHECK_INT(WEFT_EINVAL, weft_stream_open(rt, 999, &stream));
  fds[0] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  fds[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 2; i++) {
    CHECK_INT(WEFT_ENOTSUP, weft_stream_open(rt, fds[i], &stream));
    CHECK(blocks(fds[i]));
    CHECK_INT(0, close(fds[i]));
  }
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_open(rt, fds[0], &stream));
  CHECK_INT(0, close(fds[0]));
  CHECK_INT(0, close(fds[1]));
}

TASK_TEST("a descriptor cannot be two streams") {
  int fds[2];
  weft_stream second;
  uint64_t value;
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  weft_stream stream = open_fd(rt, fds[0]);
  struct job job = {.call = call_fill, .object = stream};
  start_job(rt, &job, true); /* the loop knows it from here on */
  CHECK_INT(WEFT_EEXIST, weft_stream_open(rt, fds[0], &second));
  CHECK_INT(0, second);
  plain_send(fds[1], "x");
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  close_both(rt, stream, fds[1]);
}

struct attempt {
  weft_runtime *rt;
  int fd;
};

static int try_open(void *arg) {
  struct attempt *attempt = arg;
  weft_stream stream;
  int status = weft_stream_open(attempt->rt, attempt->fd, &stream);
  if (status == WEFT_OK) {
    attempt->fd = dup(attempt->fd);
    CHECK_INT(WEFT_OK, weft_stream_close(attempt->rt, stream));
  }
  let_run(attempt->rt);
  return status;
}

TASK_TEST("want of memory takes nothing") {
  int fds[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  struct attempt attempt = {rt, fds[0]};
  CHECK(failing_each(try_open, &attempt) > 0);
  CHECK_INT(0, close(attempt.fd));
  CHECK_INT(0, close(fds[1]));
}

/* -- Standard descriptors -------------------------------------------------
 * Each test runs in a process of its own, whose output is no longer needed. */

static void make_standard(int fd, int standard) {
  CHECK_INT(standard, dup2(fd, standard));
  CHECK_INT(0, close(fd));
}

TASK_TEST("a standard pipe blocks for all others, open or closed") {
  int fds[2];
  int count = count_fds();
  CHECK_INT(0, pipe(fds));
  make_standard(fds[0], STDIN_FILENO);
  weft_stream stream = open_fd(rt, STDIN_FILENO);
  CHECK(blocks(STDIN_FILENO));
  CHECK_INT(4, write(fds[1], "pipe", 4));
  check_read(rt, stream, "pipe");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  let_run(rt);
  CHECK_INT(4, write(fds[1], "more", 4));
  check_arrives(STDIN_FILENO, "more");
  CHECK_INT(0, close(fds[1]));
  CHECK_INT(count, count_fds());
}

TASK_TEST("a standard terminal blocks for all others, open or closed") {
  int master, fd = open_terminal(&master);
  make_standard(fd, STDIN_FILENO);
  weft_stream stream = open_fd(rt, STDIN_FILENO);
  CHECK(blocks(STDIN_FILENO));
  CHECK_INT(0,
            fcntl(STDIN_FILENO, F_GETFD)); /* as it was, not closed on exec */
  CHECK_INT(5, write(master, "line\n", 5));
  check_read(rt, stream, "line\n");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  let_run(rt);
  CHECK(isatty(STDIN_FILENO));
  CHECK_INT(0, close(master));
}

TASK_TEST("a standard socket blocks again when the last stream is closed") {
  int fds[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  CHECK_INT(STDIN_FILENO, dup2(fds[0], STDIN_FILENO));
  int output = dup(STDOUT_FILENO);
  make_standard(fds[0], STDOUT_FILENO);
  weft_stream first = open_fd(rt, STDIN_FILENO);
  weft_stream second = open_fd(rt, STDOUT_FILENO);
  CHECK(!blocks(STDIN_FILENO));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, first));
  CHECK(!blocks(STDIN_FILENO));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, second, "out", 3));
  check_arrives(fds[1], "out");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, second));
  CHECK(blocks(STDIN_FILENO));
  CHECK_INT(3, write(STDOUT_FILENO, "raw", 3)); /* still open */
  check_arrives(fds[1], "raw");
  make_standard(output, STDOUT_FILENO);
  CHECK_INT(0, close(fds[1]));
}

/* -- Files as standard descriptors ---------------------------------------- */

static int open_file(const char *text) {
  char path[] = "/tmp/weft_test_XXXXXX";
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  CHECK_INT(0, unlink(path));
  CHECK_INT(strlen(text), write(fd, text, strlen(text)));
  CHECK_INT(0, lseek(fd, 0, SEEK_SET));
  return fd;
}

static weft_stream open_standard(weft_runtime *rt, int fd, int standard) {
  make_standard(fd, standard);
  return open_fd(rt, standard);
}

TASK_TEST("a file as input is read to its end, whatever the clock says") {
  struct job job = {.call = call_fill,
                    .size_bytes = 4,
                    .timeout_ns = SECOND_NS}; /* virtual: no time passes */
  uint64_t value;
  weft_stream stream = open_standard(rt, open_file("input"), STDIN_FILENO);
  job.object = stream;
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(buffered_is(rt, stream, "input"));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 5, &value));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a large file comes whole, 64 KiB ahead at most") {
  static char text[1 << 20];
  uint64_t value;
  size_t count = 0, unread, unsent;
  for (size_t i = 0; i < sizeof(text) - 1; i++)
    text[i] = (char)('a' + pattern(i) % 26);
  weft_stream stream = open_standard(rt, open_file(text), STDIN_FILENO);
  while (weft_stream_fill(rt, stream, 0, &value) == WEFT_OK) {
    const char *data;
    size_t size;
    let_run(rt);
    CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, stream, &unread, &unsent));
    CHECK(unread <= 64 * 1024);
    CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size));
    CHECK_INT(0, memcmp(data, text + count, size));
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, size));
    count += size;
  }
  CHECK_INT(sizeof(text) - 1, count);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("what was read ahead of a file is there for others") {
  uint64_t value;
  weft_stream stream = open_standard(rt, open_file("one\ntwo\n"), STDIN_FILENO);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 7, &value));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 4));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  check_arrives(STDIN_FILENO, "two\n");
}

TASK_TEST("a file as output is written at the shared position, in order") {
  int output = dup(STDOUT_FILENO);
  int file = open_file("");
  int second = dup(file);
  weft_stream stream = open_standard(rt, file, STDOUT_FILENO);
  struct job jobs[3];
  CHECK_INT(3, write(second, "raw", 3));
  for (int i = 0; i < 3; i++) {
    jobs[i] = (struct job){.call = call_write,
                           .object = stream,
                           .data = &"one two three "[i * 4],
                           .size_bytes = 4};
    start_job(rt, &jobs[i], true);
    CHECK_INT(WEFT_OK, join_job(rt, &jobs[i]));
  }
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, stream));
  CHECK_INT(15, lseek(second, 0, SEEK_CUR));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "end", 3));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream)); /* flushes */
  CHECK_INT(0, lseek(second, 0, SEEK_SET));
  check_arrives(second, "rawone two threend");
  make_standard(output, STDOUT_FILENO);
  CHECK_INT(0, close(second));
}

TASK_TEST("25.8 writers wait while too much is not in the file yet") {
  int output = dup(STDOUT_FILENO);
  static char block[1 << 20];
  size_t unread, unsent;
  weft_stream stream = open_standard(rt, open_file(""), STDOUT_FILENO);
  for (int i = 0; i < 20; i++) {
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
    CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, stream, &unread, &unsent));
    CHECK(unsent < sizeof(block) + 64 * 1024);
  }
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream)); /* a write is under way */
  let_run(rt);
  make_standard(output, STDOUT_FILENO);
}

TASK_TEST("a full disk fails the flush and the next write") {
  int output = dup(STDOUT_FILENO);
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  weft_stream stream = open_standard(rt, full, STDOUT_FILENO);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ENOSPC, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_ENOSPC, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  make_standard(output, STDOUT_FILENO);
}

TASK_TEST("/dev/null is at its end, and takes all") {
  uint64_t value;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  weft_stream stream = open_standard(rt, null, STDIN_FILENO);
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "gone", 4));
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a file is only read, or only written, as it was opened") {
  uint64_t value;
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  weft_stream stream = open_standard(rt, null, STDIN_FILENO);
  CHECK_INT(WEFT_ENOTSUP, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  stream = open_standard(rt, null, STDIN_FILENO);
  CHECK_INT(WEFT_ENOTSUP, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

static int try_standard(void *arg) {
  weft_runtime *rt = arg;
  weft_stream stream;
  uint64_t value;
  CHECK_INT(0, lseek(STDIN_FILENO, 0, SEEK_SET));
  int status = weft_stream_open(rt, STDIN_FILENO, &stream);
  if (status != WEFT_OK) {
    let_run(rt);
    return status;
  }
  status = weft_stream_fill(rt, stream, 4, &value);
  if (status == WEFT_ENOMEM) { /* nothing was lost */
    failing_after(0);
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 4, &value));
    CHECK(buffered_is(rt, stream, "input"));
    failing.failed = true;
  }
  if (status == WEFT_OK)
    status = weft_stream_write(rt, stream, "x", 1);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  for (int i = 0; i < 100; i++) /* a thread may be at it */
    let_run(rt), usleep(10);
  return status;
}

TASK_TEST("want of memory for a file loses nothing") {
  make_standard(open_file("input"), STDIN_FILENO);
  CHECK(failing_each(try_standard, rt) > 2);
}

TEST("a file left open with a write under way is left with the runtime") {
  static char block[1 << 20];
  weft_stream stream;
  failing_install();
  int output = dup(STDOUT_FILENO);
  make_standard(open_file(""), STDOUT_FILENO);
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_stream_open(rt, STDOUT_FILENO, &stream));
  struct job job = {.call = call_write,
                    .object = stream,
                    .data = block,
                    .size_bytes = sizeof(block)};
  spawn_job(rt, &job, true);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(WEFT_OK, job.status);
  CHECK_INT(0, failing_live());
  make_standard(output, STDOUT_FILENO);
}

/* -- Standard descriptors, the rest --------------------------------------- */

TASK_TEST("one that did not block before does not block afterwards") {
  int fds[2];
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  make_standard(fds[0], STDIN_FILENO);
  CHECK_INT(0, fcntl(STDIN_FILENO, F_SETFL, O_RDWR | O_NONBLOCK));
  weft_stream stream = open_fd(rt, STDIN_FILENO);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK(!blocks(STDIN_FILENO));
  CHECK_INT(0, close(fds[1]));
}

TEST("a process that just exits leaves its descriptors as they were") {
  int fds[2];
  weft_stream stream;
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
  if (fork() == 0) {
    make_standard(fds[0], STDIN_FILENO);
    static weft_runtime *volatile rt; /* left as it is, but not lost */
    rt = new_runtime();
    CHECK_INT(WEFT_OK, weft_stream_open(rt, STDIN_FILENO, &stream));
    exit(blocks(STDIN_FILENO));
  }
  int status;
  CHECK(wait(&status) > 0);
  CHECK_INT(0, WEXITSTATUS(status));
  CHECK(blocks(fds[0]));
}

TASK_TEST("a connection that got a standard number is closed as any other") {
  int peer, count = count_fds();
  int input = dup(STDIN_FILENO);
  CHECK_INT(0, close(STDIN_FILENO));
  int fds[2];
  CHECK_INT(0, pipe(fds)); /* takes 0, that a listener does not */
  CHECK_INT(STDIN_FILENO, fds[0]);
  int port;
  weft_listener listener = listen_here(rt, &port);
  peer = plain_connect(port);
  CHECK_INT(0, close(STDIN_FILENO));
  uint64_t stream;
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK(fcntl(STDIN_FILENO, F_GETFL) >= 0);
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(-1, fcntl(STDIN_FILENO, F_GETFL));
  CHECK_INT(0, plain_drain(rt, peer));
  CHECK_INT(0, close(peer));
  CHECK_INT(0, close(fds[1]));
  make_standard(input, STDIN_FILENO);
  CHECK_INT(count, count_fds());
}
