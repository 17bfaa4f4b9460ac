/* SPDX-License-Identifier: MIT
 * test_stream.c - streams: reading, their end, and what they have in common;
 * rules of section 25. Writing is in test_stream_write.c. */
#include <signal.h>

#include "loopback.h"

#define READ_AHEAD ((size_t)64 * 1024)

static void close_both(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

static size_t buffered(weft_runtime *rt, weft_stream stream) {
  const char *data;
  size_t size_bytes;
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  return size_bytes;
}

/* -- Reading -------------------------------------------------------------- */

TASK_TEST("fill waits for bytes, peek shows and consume takes them") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  CHECK(buffered_is(rt, stream, ""));
  plain_send(peer, "hello");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(5, value);
  CHECK(buffered_is(rt, stream, "hello"));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 2));
  CHECK(buffered_is(rt, stream, "llo"));
  CHECK_INT(WEFT_EINVAL, weft_stream_consume(rt, stream, 4));
  CHECK(buffered_is(rt, stream, "llo"));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 2, &value));
  CHECK_INT(3, value);
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 3));
  CHECK(buffered_is(rt, stream, ""));
  close_both(rt, stream, peer);
}

TASK_TEST("fill waits for more than were seen") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct job job = {.call = call_fill, .object = stream, .size_bytes = 5};
    start_job(rt, &job, stepped);
    plain_send(peer, "hello");
    let_run(rt);
    CHECK_TEXT("read", job_wait(rt, &job));
    plain_send(peer, "!");
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(6, job.value);
    CHECK(buffered_is(rt, stream, "hello!"));
    close_both(rt, stream, peer);
  }
}

TASK_TEST("the end comes after the last byte, which stays readable") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  plain_send(peer, "bye");
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 3, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 2, &value));
  CHECK(buffered_is(rt, stream, "bye"));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 3));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("the end wakes who waits for more than will come") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream, .size_bytes = 100};
  start_job(rt, &job, true);
  plain_send(peer, "short");
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_EEND, join_job(rt, &job));
  CHECK(buffered_is(rt, stream, "short"));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("25.5 a cancelled fill loses no byte") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct job job = {.call = call_fill, .object = stream, .size_bytes = 5};
    uint64_t value;
    start_job(rt, &job, stepped);
    plain_send(peer, "half");
    let_run(rt);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK_INT(0, job.value);
    plain_send(peer, "more");
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 7, &value));
    CHECK(buffered_is(rt, stream, "halfmore"));
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.5 a fill that times out loses no byte") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill,
                    .object = stream,
                    .size_bytes = 4,
                    .timeout_ns = SECOND_NS};
  start_job(rt, &job, false);
  plain_send(peer, "half");
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  CHECK(buffered_is(rt, stream, "half"));
  close_both(rt, stream, peer);
}

TASK_TEST("3.4 bytes that came before the cancellation are delivered") {
  int peer, state = 0;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream};
  start_job(rt, &job, false);
  plain_send(peer, "x");
  while (state != WEFT_TASK_READY) {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  }
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(1, job.value);
  close_both(rt, stream, peer);
}

TASK_TEST("25.7 a second reader is busy, the first is not disturbed") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream};
  uint64_t value = 1;
  start_job(rt, &job, false);
  CHECK_INT(WEFT_EBUSY, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(0, value);
  plain_send(peer, "x");
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  close_both(rt, stream, peer);
}

/* -- The buffer ----------------------------------------------------------- */

/* Takes [size_bytes] off the stream, of which each byte must be the pattern's
 * next, in bites of [bite] bytes. */
static void check_pattern(weft_runtime *rt, weft_stream stream,
                          size_t size_bytes, size_t bite) {
  size_t taken = 0;
  uint64_t value;
  while (taken < size_bytes) {
    const char *data;
    size_t size;
    int status = weft_stream_fill(rt, stream, 0, &value);
    CHECK_INT(WEFT_OK, status);
    if (status != WEFT_OK)
      return;
    CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size));
    if (size > bite)
      size = bite;
    for (size_t i = 0; i < size; i++)
      if (data[i] != pattern(taken + i)) {
        CHECK_INT(pattern(taken + i), data[i]);
        return;
      }
    taken += size;
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, size));
  }
  CHECK_INT(size_bytes, taken);
}

TASK_TEST("25.6 above 64 KiB unread nothing more is read; then all comes") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  size_t sent = plain_fill(peer, 1 << 20);
  CHECK(sent > 2 * READ_AHEAD);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  let_run(rt);
  CHECK_INT(READ_AHEAD, buffered(rt, stream));
  check_pattern(rt, stream, sent, 1000);
  close_both(rt, stream, peer);
}

TASK_TEST("what was asked for is read, and 64 KiB more") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  size_t sent = plain_fill(peer, 1 << 20);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 99999, &value));
  CHECK(value >= 100000);
  let_run(rt);
  CHECK_INT(99999 + READ_AHEAD, buffered(rt, stream));
  check_pattern(rt, stream, sent, SIZE_MAX);
  CHECK(buffered(rt, stream) == 0);
  close_both(rt, stream, peer);
}

TASK_TEST("one may ask for more than there can ever be") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  size_t sent = plain_fill(peer, 300000);
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, SIZE_MAX, &value));
  CHECK_INT(sent, buffered(rt, stream));
  check_pattern(rt, stream, sent, 777);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a buffer that was large once is given back when it is empty") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  size_t sent = plain_fill(peer, 1 << 20);
  size_t live = failing_live_bytes();
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, sent - 1, &value));
  CHECK(failing_live_bytes() > live + sent - 1);
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, sent));
  CHECK(failing_live_bytes() <= live + READ_AHEAD);
  close_both(rt, stream, peer);
}

TASK_TEST("what was peeked at stays while other bytes come") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  const char *data;
  size_t size;
  plain_send(peer, "gone");
  plain_send(peer, "stays");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 8, &value));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 4));
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size));
  CHECK_INT(5, size);
  size_t sent = plain_fill(peer, 100000);
  let_run(rt);
  CHECK_INT(0, memcmp(data, "stays", 5)); /* moved memory would be junk */
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 5));
  check_pattern(rt, stream, sent, SIZE_MAX);
  close_both(rt, stream, peer);
}

TASK_TEST("want of memory fails one fill, not the stream") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  plain_send(peer, "hello");
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 4, &value));
  CHECK(buffered_is(rt, stream, "hello"));
  close_both(rt, stream, peer);
}

/* -- Connections that break ----------------------------------------------- */

TASK_TEST("25.6 bytes before a reset are delivered before it is raised") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream};
  uint64_t value;
  start_job(rt, &job, false);
  plain_send(peer, "last words");
  plain_reset(peer);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(buffered_is(rt, stream, "last words"));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 10, &value));
  CHECK(buffered_is(rt, stream, "last words"));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 10, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a reset wakes who waits for bytes") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct job job = {.call = call_fill, .object = stream};
    start_job(rt, &job, stepped);
    let_run(rt);
    plain_reset(peer);
    CHECK_INT(WEFT_ECONNRESET, join_job(rt, &job));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  }
}

TASK_TEST("a reset that a write was told of is not read as the end") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  plain_send(peer, "cut of");
  plain_reset(peer);
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK(buffered_is(rt, stream, "cut of"));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 6, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("the end stays the end though a later write fails") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  plain_send(peer, "all");
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "x", 1)); /* reset */
  CHECK_INT(WEFT_EPIPE, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK(buffered_is(rt, stream, "all"));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 3, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

/* -- Closing -------------------------------------------------------------- */

TASK_TEST("3.10 close wakes the reader, and the handle is stale then") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct job job = {.call = call_fill, .object = stream};
    const char *data;
    size_t size;
    uint64_t value;
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
    CHECK_INT(WEFT_EBADF, weft_stream_fill(rt, stream, 0, &value));
    CHECK_INT(WEFT_EBADF, weft_stream_peek(rt, stream, &data, &size));
    CHECK_INT(WEFT_EBADF, weft_stream_consume(rt, stream, 0));
    CHECK_INT(WEFT_EBADF, weft_stream_close(rt, stream));
    CHECK_INT(WEFT_EBADF, weft_stream_abort(rt, stream));
    CHECK_INT(0, plain_drain(rt, peer));
    CHECK_INT(0, close(peer));
  }
}

TASK_TEST("3.4 a reader that was woken delivers, closed or not") {
  int peer, state = 0;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream};
  start_job(rt, &job, false);
  plain_send(peer, "x");
  while (state != WEFT_TASK_READY) {
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  }
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(0, close(peer));
}

static void on_call(weft_runtime *rt, void *arg) {
  weft_stream stream = *(weft_stream *)arg;
  uint64_t value;
  CHECK_INT(WEFT_ESTATE, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_ESTATE, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ESTATE, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_ESTATE, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_ESTATE, weft_stream_close(rt, stream));
  CHECK(buffered_is(rt, stream, ""));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
}

TASK_TEST("outside any task nothing waits; abort is what closes there") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  CHECK_INT(WEFT_OK, weft_call_soon(rt, on_call, &stream, NULL, NULL));
  let_run(rt);
  CHECK_INT(WEFT_EBADF, weft_stream_abort(rt, stream));
  CHECK_INT(0, plain_drain(rt, peer));
  CHECK_INT(0, close(peer));
}

static int call_all_cancelled(weft_runtime *rt, struct job *job,
                              uint64_t *value) {
  weft_stream stream = job->object;
  CHECK_INT(WEFT_ECANCELLED, weft_stream_fill(rt, stream, 0, value));
  CHECK_INT(WEFT_ECANCELLED, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ECANCELLED, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_ECANCELLED, weft_stream_shutdown(rt, stream));
  CHECK(buffered_is(rt, stream, "there"));
  return weft_stream_close(rt, stream);
}

TASK_TEST("3.2 every call that can wait raises Cancelled; 3.7 close does not") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_all_cancelled, .object = stream};
  uint64_t value;
  plain_send(peer, "there");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(0, plain_drain(rt, peer));
  CHECK_INT(0, close(peer));
}

static int leave_open(weft_runtime *rt, void *arg) {
  open_pair(rt, arg);
  return WEFT_OK;
}

TEST("a stream still open when its runtime is freed is closed") {
  int peer;
  char byte;
  failing_install();
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_open, &peer, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, recv(peer, &byte, 1, 0));
  CHECK_INT(0, failing_live());
}

/* -- The rest ------------------------------------------------------------- */

TASK_TEST("both addresses are given as text") {
  int peer;
  weft_value *value;
  char expected[32];
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  weft_stream stream = open_pair(rt, &peer);
  CHECK_INT(0, getsockname(peer, (struct sockaddr *)&address, &size));
  snprintf(expected, sizeof(expected), "127.0.0.1:%d", ntohs(address.sin_port));
  CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, 1, &value));
  CHECK_TEXT(expected, take_text(value));
  CHECK_INT(0, getpeername(peer, (struct sockaddr *)&address, &size));
  snprintf(expected, sizeof(expected), "127.0.0.1:%d", ntohs(address.sin_port));
  CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, 0, &value));
  CHECK_TEXT(expected, take_text(value));
  close_both(rt, stream, peer);
}

TASK_TEST("a handle of another kind is refused") {
  weft_event event;
  uint64_t value = 1;
  weft_value *address = NULL;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_EBADF, weft_stream_fill(rt, event, 0, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EBADF, weft_stream_write(rt, event, "x", 1));
  CHECK_INT(WEFT_EBADF, weft_stream_flush(rt, event));
  CHECK_INT(WEFT_EBADF, weft_stream_shutdown(rt, event));
  CHECK_INT(WEFT_EBADF, weft_stream_close(rt, event));
  CHECK_INT(WEFT_EBADF, weft_stream_address(rt, event, 0, &address));
  CHECK(address == NULL);
  CHECK_INT(WEFT_OK, weft_event_close(rt, event));
}

static void on_signal(int number) {
  (void)number;
}

TEST("SIGPIPE is ignored, unless somebody has a handler for it") {
  struct sigaction action;
  CHECK_INT(WEFT_OK, weft_runtime_free(new_runtime()));
  CHECK_INT(0, sigaction(SIGPIPE, NULL, &action));
  CHECK(action.sa_handler == SIG_IGN);
  signal(SIGPIPE, on_signal);
  CHECK_INT(WEFT_OK, weft_runtime_free(new_runtime()));
  CHECK_INT(0, sigaction(SIGPIPE, NULL, &action));
  CHECK(action.sa_handler == on_signal);
}

TASK_TEST("25.6 for a fill that was cancelled nothing is read ahead") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    struct job job = {
        .call = call_fill, .object = stream, .size_bytes = 300000};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    size_t sent = plain_fill(peer, 1 << 20);
    CHECK(sent > 2 * READ_AHEAD);
    for (int i = 0; i < 10; i++)
      let_run(rt);
    CHECK_INT(READ_AHEAD, buffered(rt, stream));
    check_pattern(rt, stream, sent, 5000);
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.6 one that is cancelled with more than that read stops there") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_fill, .object = stream, .size_bytes = 1 << 20};
  size_t sent = plain_fill(peer, 2 * READ_AHEAD);
  start_job(rt, &job, false);
  while (buffered(rt, stream) < sent)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  /* As many again, of a pattern that goes on. */
  char more[1000];
  for (size_t i = 0; i < sizeof(more); i++)
    more[i] = pattern(sent + i);
  CHECK_INT(sizeof(more), send(peer, more, sizeof(more), MSG_NOSIGNAL));
  let_run(rt);
  CHECK_INT(sent, buffered(rt, stream));
  check_pattern(rt, stream, sent + sizeof(more), 5000);
  close_both(rt, stream, peer);
}
