/* SPDX-License-Identifier: MIT
 * test_stream_write.c - the sending side of streams: writing, flushing, half
 * close, and the close that flushes; rules 25.8 to 25.11. */
#include "loopback.h"

#define HIGH_WATER ((size_t)64 * 1024)
/* More than the kernel takes for a peer that does not read. */
#define MUCH ((size_t)16 * 1024 * 1024)

/* MUCH bytes of the pattern. */
static const char *much(void) {
  static char *bytes;
  if (bytes != NULL)
    return bytes;
  bytes = malloc(MUCH);
  for (size_t i = 0; i < MUCH; i++)
    bytes[i] = pattern(i);
  return bytes;
}

/* A stream with far more unsent than the high-water mark, and its peer. */
static weft_stream open_full(weft_runtime *rt, int *peer) {
  weft_stream stream = open_pair(rt, peer);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, much(), MUCH));
  return stream;
}

/* Receives the MUCH bytes and checks each. */
static void receive_much(weft_runtime *rt, int peer) {
  char *data = malloc(MUCH);
  CHECK_INT(MUCH, plain_receive(rt, peer, data, MUCH));
  CHECK_INT(0, memcmp(data, much(), MUCH));
  free(data);
}

static void check_received(weft_runtime *rt, int peer, const char *expected) {
  char text[64] = "";
  CHECK(strlen(expected) < sizeof(text));
  plain_receive(rt, peer, text, strlen(expected));
  CHECK_TEXT(expected, text);
}

static void close_both(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(0, close(peer));
}

/* -- Writing -------------------------------------------------------------- */

TASK_TEST("a write that the kernel has room for waits for nobody") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  long allocations = failing_allocations();
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "hello ", 6));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "world", 5));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, NULL, 0));
  CHECK_INT(WEFT_EINVAL, weft_stream_write(rt, stream, NULL, 1));
  CHECK_INT(allocations, failing_allocations());
  check_received(rt, peer, "hello world");
  close_both(rt, stream, peer);
}

TASK_TEST("a long write is taken in one piece and arrives whole") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  receive_much(rt, peer);
  close_both(rt, stream, peer);
}

TASK_TEST("25.8 above the high-water mark a write waits for its turn") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job job = {
        .call = call_write, .object = stream, .data = "end", .size_bytes = 3};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("write", job_wait(rt, &job));
    receive_much(rt, peer);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    check_received(rt, peer, "end");
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.8 its bytes are taken before it runs again") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  char data[4] = "end";
  int state = 0;
  struct job job = {
      .call = call_write, .object = stream, .data = data, .size_bytes = 3};
  char *received = malloc(MUCH);
  size_t count = 0;
  start_job(rt, &job, true);
  while (state != WEFT_TASK_READY) {
    ssize_t n = recv(peer, received, MUCH, MSG_DONTWAIT);
    count += n > 0 ? (size_t)n : 0;
    CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
  }
  memcpy(data, "new", 3);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(MUCH - count, plain_receive(rt, peer, received, MUCH - count));
  check_received(rt, peer, "end");
  free(received);
  close_both(rt, stream, peer);
}

TASK_TEST("25.8 writers are served in order, and a newcomer after them") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job jobs[4];
  static const char *const words[] = {"one ", "two ", "three ", "four"};
  for (int i = 0; i < 4; i++) {
    jobs[i] = (struct job){.call = call_write,
                           .object = stream,
                           .data = words[i],
                           .size_bytes = strlen(words[i])};
    start_job(rt, &jobs[i], i % 2);
  }
  receive_much(rt, peer);
  check_received(rt, peer, "one two three four");
  for (int i = 0; i < 4; i++)
    CHECK_INT(WEFT_OK, join_job(rt, &jobs[i]));
  close_both(rt, stream, peer);
}

TASK_TEST("25.8 a cancelled write took nothing, the others keep their place") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job first = {.call = call_write, .object = stream};
    struct job second = first;
    first.data = "never", first.size_bytes = 5;
    second.data = "still", second.size_bytes = 5;
    start_job(rt, &first, stepped);
    start_job(rt, &second, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &first));
    receive_much(rt, peer);
    check_received(rt, peer, "still");
    CHECK_INT(WEFT_OK, join_job(rt, &second));
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.8 a write that times out took nothing") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {.call = call_write,
                    .object = stream,
                    .data = "never",
                    .size_bytes = 5,
                    .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  receive_much(rt, peer);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "next", 4));
  check_received(rt, peer, "next");
  close_both(rt, stream, peer);
}

/* Writes MUCH twice over in small pieces. */
static int call_write_pieces(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  (void)value;
  for (size_t place = 0; place < 2 * MUCH; place += 10000) {
    char piece[10000];
    for (size_t i = 0; i < sizeof(piece); i++)
      piece[i] = pattern(place + i);
    int status = weft_stream_write(rt, job->object, piece, sizeof(piece));
    if (status != WEFT_OK)
      return status;
  }
  return WEFT_OK;
}

TASK_TEST("a slow reader does not make a writer's memory grow") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = call_write_pieces, .object = stream};
  size_t live = failing_live_bytes(), place = 0, expected = 0;
  start_job(rt, &job, false);
  while (expected < 2 * MUCH)
    expected += 10000;
  while (place < expected) {
    char data[9973];
    CHECK(failing_live_bytes() < live + 2 * HIGH_WATER);
    size_t count =
        expected - place < sizeof(data) ? expected - place : sizeof(data);
    CHECK_INT(count, plain_receive(rt, peer, data, count));
    for (size_t i = 0; i < count; i++, place++)
      if (data[i] != pattern(place)) {
        CHECK_INT(pattern(place), data[i]);
        return;
      }
  }
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  close_both(rt, stream, peer);
}

static int echo(weft_runtime *rt, struct job *job, uint64_t *value) {
  const char *data;
  size_t size;
  for (;;) {
    int status = weft_stream_fill(rt, job->object, 0, value);
    if (status != WEFT_OK)
      return status;
    CHECK_INT(WEFT_OK, weft_stream_peek(rt, job->object, &data, &size));
    status = weft_stream_write(rt, job->object, data, size);
    if (status != WEFT_OK)
      return status;
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, job->object, size));
  }
}

TASK_TEST("what is peeked at may be written as it is, even if that waits") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job job = {.call = echo, .object = stream};
  size_t received = 0, sent = 0;
  char *data = malloc(MUCH);
  start_job(rt, &job, false);
  while (sent < MUCH) {
    ssize_t n =
        send(peer, much() + sent, MUCH - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
      sent += (size_t)n;
    else if (strcmp(job_wait(rt, &job), "write") == 0)
      received +=
          plain_receive(rt, peer, data + received,
                        MUCH - received < 100000 ? MUCH - received : 100000);
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  received += plain_receive(rt, peer, data + received, MUCH - received);
  CHECK_INT(MUCH, received);
  CHECK_INT(0, memcmp(data, much(), MUCH));
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_EEND, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  free(data);
}

/* -- Flushing ------------------------------------------------------------- */

TASK_TEST("25.9 flush waits until nothing is unsent") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_pair(rt, &peer);
    CHECK_INT(WEFT_OK, weft_stream_flush(rt, stream)); /* nothing is */
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, much(), MUCH));
    struct job job = {.call = call_flush, .object = stream};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("flush", job_wait(rt, &job));
    receive_much(rt, peer);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.9 a cancelled flush leaves the bytes queued") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job job = {.call = call_flush, .object = stream};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    receive_much(rt, peer);
    close_both(rt, stream, peer);
  }
}

TASK_TEST("25.9 a flush that times out leaves the bytes queued") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {
      .call = call_flush, .object = stream, .timeout_ns = SECOND_NS};
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  receive_much(rt, peer);
  close_both(rt, stream, peer);
}

/* -- Ending the sending side ---------------------------------------------- */

TASK_TEST("25.10 shutdown ends the sending side, reading goes on") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "bye", 3));
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  CHECK_INT(3, plain_drain(rt, peer));
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream)); /* does nothing */
  plain_send(peer, "still here");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 9, &value));
  CHECK(buffered_is(rt, stream, "still here"));
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 10, &value));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("25.10 shutdown flushes, those who wait to write first") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job write = {
        .call = call_write, .object = stream, .data = "end", .size_bytes = 3};
    struct job shutdown = {.call = call_shutdown, .object = stream};
    start_job(rt, &write, stepped);
    start_job(rt, &shutdown, stepped);
    CHECK_TEXT("shutdown", job_wait(rt, &shutdown));
    CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
    CHECK_INT(MUCH + 3, plain_drain(rt, peer));
    CHECK_INT(WEFT_OK, join_job(rt, &write));
    CHECK_INT(WEFT_OK, join_job(rt, &shutdown));
    close_both(rt, stream, peer);
  }
}

TASK_TEST("3.5 a cancelled shutdown did not happen") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job job = {.call = call_shutdown, .object = stream};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    receive_much(rt, peer);
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "more", 4));
    check_received(rt, peer, "more");
    close_both(rt, stream, peer);
  }
}

TASK_TEST("3.5 nor did one that timed out") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {
      .call = call_shutdown, .object = stream, .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  receive_much(rt, peer);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "more", 4));
  check_received(rt, peer, "more");
  close_both(rt, stream, peer);
}

/* -- Connections that break ----------------------------------------------- */

static bool is_broken(int status) {
  return status == WEFT_ECONNRESET || status == WEFT_EPIPE;
}

TASK_TEST("25.9 a reset fails all who wait, and what comes after") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job write = {
        .call = call_write, .object = stream, .data = "x", .size_bytes = 1};
    struct job flush = {.call = call_flush, .object = stream};
    struct job shutdown = {.call = call_shutdown, .object = stream};
    start_job(rt, &write, stepped);
    start_job(rt, &flush, stepped);
    start_job(rt, &shutdown, stepped);
    plain_reset(peer);
    CHECK(is_broken(join_job(rt, &write)));
    CHECK(is_broken(join_job(rt, &flush)));
    CHECK(is_broken(join_job(rt, &shutdown)));
    CHECK(is_broken(weft_stream_write(rt, stream, "x", 1)));
    CHECK(is_broken(weft_stream_flush(rt, stream)));
    CHECK(is_broken(weft_stream_shutdown(rt, stream)));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, stream)); /* 25.11 */
  }
}

TASK_TEST("a reset before the first write fails that write") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  plain_reset(peer);
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

TASK_TEST("a reset before a shutdown fails it") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  plain_reset(peer);
  CHECK_INT(WEFT_ENOTCONN, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

/* -- Closing -------------------------------------------------------------- */

TASK_TEST("25.11 close flushes and then ends the stream") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job job = {.call = call_close, .object = stream};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("close", job_wait(rt, &job));
    receive_much(rt, peer);
    CHECK_INT(0, plain_drain(rt, peer));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_EBADF, weft_stream_flush(rt, stream));
    CHECK_INT(0, close(peer));
  }
}

TASK_TEST("3.10 close wakes all who wait and refuses the rest") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job waits[4] = {{.call = call_fill},
                         {.call = call_write, .data = "x", .size_bytes = 1},
                         {.call = call_flush},
                         {.call = call_shutdown}};
  struct job job = {.call = call_close, .object = stream};
  uint64_t value;
  const char *data;
  size_t size;
  weft_value *address;
  for (int i = 0; i < 4; i++) {
    waits[i].object = stream;
    start_job(rt, &waits[i], i % 2);
  }
  start_job(rt, &job, false);
  for (int i = 0; i < 4; i++)
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &waits[i]));
  CHECK_INT(WEFT_ECLOSED, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_ECLOSED, weft_stream_peek(rt, stream, &data, &size));
  CHECK_INT(WEFT_ECLOSED, weft_stream_consume(rt, stream, 0));
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_ECLOSED, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_ECLOSED, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_ECLOSED, weft_stream_address(rt, stream, 0, &address));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream)); /* does nothing */
  CHECK_INT(MUCH, plain_drain(rt, peer));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(0, close(peer));
}

TASK_TEST("25.11 a cancellation cuts the close short, which still is OK") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = open_full(rt, &peer);
    struct job job = {.call = call_close, .object = stream};
    start_job(rt, &job, stepped);
    CHECK_TEXT("close", job_wait(rt, &job));
    CHECK_INT(WEFT_OK, cancel_job(rt, &job));
    CHECK(plain_drain(rt, peer) < (ssize_t)MUCH);
    CHECK_INT(0, close(peer));
  }
}

TASK_TEST("25.11 so does a timeout") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {
      .call = call_close, .object = stream, .timeout_ns = 5 * SECOND_NS};
  uint64_t now_ns;
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(5 * SECOND_NS, now_ns);
  CHECK_INT(WEFT_CAUGHT_NOTHING, job.caught);
  CHECK(plain_drain(rt, peer) < (ssize_t)MUCH);
  CHECK_INT(0, close(peer));
}

TASK_TEST("25.11 in cancelled code close drops what is unsent at once") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {.call = call_close, .object = stream};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
  CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK(job.done);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK(plain_drain(rt, peer) < (ssize_t)MUCH);
  CHECK_INT(0, close(peer));
}

TASK_TEST("25.11 a reset ends the wait of a close without an error") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job job = {.call = call_close, .object = stream};
  start_job(rt, &job, true);
  plain_reset(peer);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
}

TASK_TEST("abort drops what is unsent and ends the wait of a close") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  struct job write = {
      .call = call_write, .object = stream, .data = "x", .size_bytes = 1};
  struct job job = {.call = call_close, .object = stream};
  start_job(rt, &write, true);
  start_job(rt, &job, false);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &write));
  CHECK(plain_drain(rt, peer) < (ssize_t)MUCH);
  CHECK_INT(0, close(peer));
}

static int leave_unsent(weft_runtime *rt, void *arg) {
  open_full(rt, arg);
  return WEFT_OK;
}

TEST("what is unsent when the runtime is freed is dropped") {
  int peer;
  failing_install();
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_unsent, &peer, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
  CHECK_INT(0, close(peer));
}

/* -- Memory --------------------------------------------------------------- */

TASK_TEST("want of memory for a wait leaves the stream as it was") {
  int peer;
  weft_stream stream = open_full(rt, &peer);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, stream, "x", 1));
  receive_much(rt, peer);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "fine", 4));
  check_received(rt, peer, "fine");
  close_both(rt, stream, peer);
}

TASK_TEST("want of memory for the rest of a write fails the stream") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, stream, much(), MUCH));
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

TASK_TEST("want of memory for a copy of all of it takes nothing") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  let_run(rt); /* the closed listener is freed */
  size_t live = failing_live_bytes(), sent = 0;
  /* Until the kernel is full and a rest stays queued, below the mark. */
  for (; failing_live_bytes() == live && sent < MUCH; sent += 20000) {
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, much() + sent, 20000));
    let_run(rt);
  }
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, stream, "never", 5));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "end", 3));
  char *data = malloc(sent);
  CHECK_INT(sent, plain_receive(rt, peer, data, sent));
  CHECK_INT(0, memcmp(data, much(), sent));
  check_received(rt, peer, "end");
  free(data);
  close_both(rt, stream, peer);
}
