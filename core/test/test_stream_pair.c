/* SPDX-License-Identifier: MIT
 * test_stream_pair.c - streams in memory, and what goes wrong on their way. */
#include "loopback.h"

#define BUFFER ((size_t)64 * 1024)
#define HIGH_WATER ((size_t)64 * 1024)

static const char *const TEXT = "0123456789abcdefghijklmnopqrstuvwxyz";

struct pair {
  weft_stream first, second;
};

static struct pair new_pair(weft_runtime *rt) {
  struct pair pair;
  CHECK_INT(WEFT_OK, weft_stream_pair(rt, &pair.first, &pair.second));
  return pair;
}

static void close_pair(weft_runtime *rt, struct pair pair) {
  int status = weft_stream_abort(rt, pair.first);
  CHECK(status == WEFT_OK || status == WEFT_EBADF);
  status = weft_stream_abort(rt, pair.second);
  CHECK(status == WEFT_OK || status == WEFT_EBADF);
  let_run(rt);
}

static void write_text(weft_runtime *rt, weft_stream stream, const char *text) {
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, text, strlen(text)));
}

/* [count] bytes, which wait for nobody. */
static void write_bytes(weft_runtime *rt, weft_stream stream, size_t count) {
  char *bytes = malloc(count);
  for (size_t i = 0; i < count; i++)
    bytes[i] = pattern(i);
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, bytes, count));
  free(bytes);
}

/* Fills, and checks what there is then. */
static void check_read(weft_runtime *rt, weft_stream stream,
                       const char *expected) {
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(strlen(expected), value);
  CHECK(buffered_is(rt, stream, expected));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, (size_t)value));
}

static int fill_status(weft_runtime *rt, weft_stream stream) {
  uint64_t value;
  return weft_stream_fill(rt, stream, 0, &value);
}

static uint64_t now(weft_runtime *rt) {
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  return now_ns;
}

static size_t unsent(weft_runtime *rt, weft_stream stream) {
  size_t unread_bytes, unsent_bytes;
  CHECK_INT(WEFT_OK,
            weft_stream_get_sizes(rt, stream, &unread_bytes, &unsent_bytes));
  return unsent_bytes;
}

static void set_fault(weft_runtime *rt, weft_stream stream, int fault,
                      uint64_t value) {
  CHECK_INT(WEFT_OK, weft_stream_set_fault(rt, stream, fault, value));
}

/* Reads [count] bytes of the pattern. */
static void check_bytes(weft_runtime *rt, weft_stream stream, size_t count) {
  uint64_t value = 0;
  const char *data;
  size_t size_bytes;
  while (value < count)
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, (size_t)value, &value));
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  CHECK_INT(count, size_bytes);
  for (size_t i = 0; i < size_bytes; i++)
    if (data[i] != pattern(i)) {
      CHECK_INT(i, -1);
      break;
    }
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, size_bytes));
}

/* -- Without faults ------------------------------------------------------- */

TASK_TEST("bytes go both ways, and no descriptor is used") {
  int fds = count_fds();
  struct pair pair = new_pair(rt);
  CHECK_INT(fds, count_fds());
  write_text(rt, pair.first, "hello");
  write_text(rt, pair.second, "world");
  check_read(rt, pair.second, "hello");
  check_read(rt, pair.first, "world");
  CHECK_INT(0, now(rt));
  close_pair(rt, pair);
}

TASK_TEST("who waits is woken in the poll, in either kind of task [1.6]") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct pair pair = new_pair(rt);
    struct job job = {.call = call_fill, .object = pair.second};
    start_job(rt, &job, stepped);
    CHECK_TEXT("read", job_wait(rt, &job));
    write_text(rt, pair.first, "x");
    CHECK_TEXT("read", job_wait(rt, &job)); /* until the poll */
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(1, job.value);
    close_pair(rt, pair);
  }
}

TASK_TEST("a read that is cancelled loses no byte [25.5]") {
  struct pair pair = new_pair(rt);
  struct job job = {.call = call_fill, .object = pair.second, .size_bytes = 5};
  start_job(rt, &job, true);
  write_text(rt, pair.first, "four");
  let_run(rt);
  CHECK_TEXT("read", job_wait(rt, &job));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  check_read(rt, pair.second, "four");
  close_pair(rt, pair);
}

TASK_TEST("a second reader is refused [25.7]") {
  struct pair pair = new_pair(rt);
  struct job job = {.call = call_fill, .object = pair.second};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_EBUSY, fill_status(rt, pair.second));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  close_pair(rt, pair);
}

TASK_TEST("the buffer is bounded: beyond it bytes are unsent, then a write "
          "waits [25.8]") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct pair pair = new_pair(rt);
    write_bytes(rt, pair.first, BUFFER);
    CHECK_INT(0, unsent(rt, pair.first));
    write_bytes(rt, pair.first, HIGH_WATER);
    CHECK_INT(HIGH_WATER, unsent(rt, pair.first));
    struct job write = {.call = call_write, .object = pair.first};
    struct job flush = {.call = call_flush, .object = pair.first};
    write.data = "end";
    write.size_bytes = 3;
    start_job(rt, &write, stepped);
    start_job(rt, &flush, stepped);
    let_run(rt);
    CHECK_TEXT("write", job_wait(rt, &write));
    check_bytes(rt, pair.second, BUFFER);
    CHECK_INT(WEFT_OK, join_job(rt, &write));
    check_bytes(rt, pair.second, HIGH_WATER);
    check_read(rt, pair.second, "end");
    CHECK_INT(WEFT_OK, join_job(rt, &flush));
    CHECK_INT(0, unsent(rt, pair.first));
    close_pair(rt, pair);
  }
}

TASK_TEST("who does not read is read ahead for, and no further [25.6]") {
  struct pair pair = new_pair(rt);
  struct job job = {.call = call_fill, .object = pair.second};
  start_job(rt, &job, true);
  size_t unread_bytes, unsent_bytes;
  for (int i = 0; i < 4; i++) {
    write_bytes(rt, pair.first, HIGH_WATER - 1);
    let_run(rt);
  }
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, pair.second, &unread_bytes,
                                           &unsent_bytes));
  CHECK_INT(64 * 1024, unread_bytes);
  CHECK_INT(4 * (HIGH_WATER - 1) - 64 * 1024 - BUFFER, unsent(rt, pair.first));
  close_pair(rt, pair);
}

TASK_TEST("a half close lets the other side go on [25.10]") {
  struct pair pair = new_pair(rt);
  write_text(rt, pair.first, "last");
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, pair.first));
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, pair.first, "x", 1));
  check_read(rt, pair.second, "last");
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
  write_text(rt, pair.second, "answer");
  check_read(rt, pair.first, "answer");
  close_pair(rt, pair);
}

TASK_TEST("a shutdown waits for what is unsent [25.10]") {
  struct pair pair = new_pair(rt);
  write_bytes(rt, pair.first, 2 * BUFFER);
  struct job job = {.call = call_shutdown, .object = pair.first};
  start_job(rt, &job, true);
  let_run(rt);
  CHECK_TEXT("shutdown", job_wait(rt, &job));
  check_bytes(rt, pair.second, 2 * BUFFER);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
  close_pair(rt, pair);
}

TASK_TEST("a close flushes; then the other reads the end [25.11]") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct pair pair = new_pair(rt);
    write_bytes(rt, pair.first, BUFFER + 1);
    struct job job = {.call = call_close, .object = pair.first};
    start_job(rt, &job, stepped);
    let_run(rt);
    CHECK_TEXT("close", job_wait(rt, &job));
    check_bytes(rt, pair.second, BUFFER + 1);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
    CHECK_INT(WEFT_EPIPE, weft_stream_write(rt, pair.second, "x", 1));
    CHECK_INT(WEFT_EPIPE, weft_stream_write(rt, pair.second, "x", 1));
    CHECK_INT(WEFT_EPIPE, weft_stream_flush(rt, pair.second));
    close_pair(rt, pair);
  }
}

TASK_TEST("cancelled, a close drops what is unsent, not what was sent "
          "[25.11]") {
  struct pair pair = new_pair(rt);
  write_bytes(rt, pair.first, BUFFER + 1);
  struct job job = {.call = call_close, .object = pair.first};
  start_job(rt, &job, true);
  let_run(rt);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  check_bytes(rt, pair.second, BUFFER);
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
  close_pair(rt, pair);
}

TASK_TEST("a close wakes who waits on it with WEFT_ECLOSED [3.10]") {
  struct pair pair = new_pair(rt);
  struct job read = {.call = call_fill, .object = pair.first};
  start_job(rt, &read, true);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, pair.first));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &read));
  close_pair(rt, pair);
}

TASK_TEST("a peer that goes without having read all resets the connection") {
  struct pair pair = new_pair(rt);
  write_text(rt, pair.first, "unread");
  write_text(rt, pair.second, "late");
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, pair.second));
  check_read(rt, pair.first, "late"); /* before that [25.6] */
  CHECK_INT(WEFT_ECONNRESET, fill_status(rt, pair.first));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, pair.first, "x", 1));
  close_pair(rt, pair);
}

TASK_TEST("it fails those whose bytes it leaves unsent [25.9]") {
  struct pair pair = new_pair(rt);
  write_bytes(rt, pair.first, BUFFER + HIGH_WATER);
  struct job write = {
      .call = call_write, .object = pair.first, .data = "x", .size_bytes = 1};
  struct job flush = {.call = call_flush, .object = pair.first};
  start_job(rt, &write, true);
  start_job(rt, &flush, true);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, pair.second));
  CHECK_INT(WEFT_EPIPE, join_job(rt, &write));
  CHECK_INT(WEFT_EPIPE, join_job(rt, &flush));
  close_pair(rt, pair);
}

TASK_TEST("it ends a close that waits [25.11]") {
  struct pair pair = new_pair(rt);
  write_bytes(rt, pair.first, BUFFER + 1);
  struct job job = {.call = call_close, .object = pair.first};
  start_job(rt, &job, true);
  let_run(rt);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, pair.second));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  close_pair(rt, pair);
}

TASK_TEST("there is neither address nor option of TCP") {
  struct pair pair = new_pair(rt);
  weft_value *value;
  int flag = 7;
  for (int peer = 0; peer < 2; peer++) {
    CHECK_INT(WEFT_OK, weft_stream_address(rt, pair.first, peer, &value));
    CHECK_TEXT("", take_text(value));
  }
  struct job job = {.call = call_fill, .object = pair.first};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK, weft_task_describe_wait(rt, job.task, &value));
  CHECK_TEXT("read on a stream in memory", take_text(value));
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_nodelay(rt, pair.first, 1));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_keepalive(rt, pair.first, 1));
  CHECK_INT(WEFT_OK, weft_stream_is_terminal(rt, pair.first, &flag));
  CHECK_INT(0, flag);
  close_pair(rt, pair);
}

TASK_TEST("a silent peer does not hold the clock, a long transfer does "
          "[30.1]") {
  struct pair pair = new_pair(rt);
  struct job job = {
      .call = call_fill, .object = pair.second, .timeout_ns = SECOND_NS};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(SECOND_NS, now(rt));
  write_bytes(rt, pair.first, 64 * BUFFER);
  struct job flush = {
      .call = call_flush, .object = pair.first, .timeout_ns = SECOND_NS};
  start_job(rt, &flush, true);
  check_bytes(rt, pair.second, 64 * BUFFER);
  CHECK_INT(WEFT_OK, join_job(rt, &flush));
  CHECK_INT(SECOND_NS, now(rt));
  close_pair(rt, pair);
}

/* Ends the stream that is waited for. */
static void on_deadlock(weft_runtime *rt, void *arg, int kind, uint64_t task,
                        weft_error *error) {
  (void)task;
  (void)error;
  CHECK_INT(WEFT_REPORT_DEADLOCK, kind);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, *(weft_stream *)arg));
}

TASK_TEST("that nobody will answer is told by the deadlock hint [29.6]") {
  struct pair pair = new_pair(rt);
  CHECK_INT(WEFT_OK, weft_set_report(rt, on_deadlock, &pair.second, NULL));
  CHECK_INT(WEFT_OK, weft_set_deadlock_hint(rt, 1));
  set_fault(rt, pair.second, WEFT_FAULT_DELAY, 5);
  write_text(rt, pair.second, "x");
  check_read(rt, pair.first, "x"); /* was only late */
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.first));
  CHECK_INT(WEFT_OK, weft_set_report(rt, NULL, NULL, NULL));
  close_pair(rt, pair);
}

/* A filter that turns the bytes' cases round, and its stream. */
static int turn_case(weft_runtime *rt, void *arg, int event, const char *data,
                     size_t size_bytes) {
  char turned[64];
  weft_stream stream = *(weft_stream *)arg;
  if (event != WEFT_FILTER_RECEIVED && event != WEFT_FILTER_SEND)
    return WEFT_OK;
  for (size_t i = 0; i < size_bytes; i++)
    turned[i] = (char)(data[i] ^ 32);
  return event == WEFT_FILTER_SEND
             ? weft_stream_transmit(rt, stream, turned, size_bytes)
             : weft_stream_deliver(rt, stream, turned, size_bytes);
}

TASK_TEST("a filter may stand before it, also with pieces") {
  struct pair pair = new_pair(rt);
  const size_t sizes[] = {1};
  CHECK_INT(WEFT_OK, weft_stream_set_filter(rt, pair.first, turn_case,
                                            &pair.first, NULL));
  CHECK_INT(WEFT_OK, weft_stream_set_pieces(rt, pair.second, sizes, 1));
  write_text(rt, pair.first, "abc");
  check_read(rt, pair.second, "ABC");
  write_text(rt, pair.second, "XYZ");
  for (int i = 0; i < 4; i++)
    let_run(rt);
  check_read(rt, pair.first, "xyz"); /* it reads though nobody waits */
  close_pair(rt, pair);
}

/* -- Delays --------------------------------------------------------------- */

TASK_TEST("what is sent arrives after its delay, exactly, and in order") {
  struct pair pair = new_pair(rt);
  uint64_t begin = now(rt);
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, 100);
  write_text(rt, pair.first, "one");
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, begin + 30));
  write_text(rt, pair.first, "two");
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, 10);
  write_text(rt, pair.first, "three"); /* passes nothing */
  check_read(rt, pair.second, "one");
  CHECK_INT(begin + 100, now(rt));
  check_read(rt, pair.second, "twothree");
  CHECK_INT(begin + 130, now(rt));
  write_text(rt, pair.second, "back"); /* the other way has none */
  check_read(rt, pair.first, "back");
  CHECK_INT(begin + 130, now(rt));
  close_pair(rt, pair);
}

TASK_TEST("the end arrives after its delay, too") {
  for (int closes = 0; closes < 2; closes++) {
    struct pair pair = new_pair(rt);
    uint64_t begin = now(rt);
    set_fault(rt, pair.first, WEFT_FAULT_DELAY, 50);
    write_text(rt, pair.first, "x");
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, begin + 20));
    if (closes)
      CHECK_INT(WEFT_OK, weft_stream_close(rt, pair.first));
    else
      CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, pair.first));
    check_read(rt, pair.second, "x");
    CHECK_INT(begin + 50, now(rt));
    CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
    CHECK_INT(begin + 70, now(rt));
    close_pair(rt, pair);
  }
}

TASK_TEST("what arrives at the time of a timeout is there before it [1.2]") {
  struct pair pair = new_pair(rt);
  struct job job = {.call = call_fill, .object = pair.second, .timeout_ns = 40};
  start_job(rt, &job, true);
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, 40);
  write_text(rt, pair.first, "x");
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(1, job.value);
  close_pair(rt, pair);
}

TASK_TEST("what is delayed without end never arrives") {
  struct pair pair = new_pair(rt);
  struct job job = {
      .call = call_fill, .object = pair.second, .timeout_ns = SECOND_NS};
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, UINT64_MAX);
  write_text(rt, pair.first, "x");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, pair.first));
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  close_pair(rt, pair);
}

TASK_TEST("on the real clock a delay is waited for") {
  struct pair pair = new_pair(rt);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  uint64_t begin = now(rt);
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, 2000000);
  write_text(rt, pair.first, "x");
  check_read(rt, pair.second, "x");
  CHECK(now(rt) >= begin + 2000000);
  close_pair(rt, pair);
}

/* -- Pieces --------------------------------------------------------------- */

TASK_TEST("each read that waits gets one piece, the sizes in turn") {
  struct pair pair = new_pair(rt);
  const size_t sizes[] = {3, 1, 5};
  CHECK_INT(WEFT_OK, weft_stream_set_pieces(rt, pair.first, sizes, 3));
  write_text(rt, pair.first, "01234");
  write_text(rt, pair.first, "56789abc");
  check_read(rt, pair.second, "012");
  let_run(rt);
  check_read(rt, pair.second, "3");
  check_read(rt, pair.second, "45678");
  check_read(rt, pair.second, "9ab");
  check_read(rt, pair.second, "c");
  CHECK_INT(WEFT_OK, weft_stream_set_pieces(rt, pair.first, NULL, 0));
  write_text(rt, pair.first, TEXT);
  check_read(rt, pair.second, TEXT);
  close_pair(rt, pair);
}

TASK_TEST("who needs more gets piece after piece") {
  struct pair pair = new_pair(rt);
  const size_t sizes[] = {1};
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_stream_set_pieces(rt, pair.first, sizes, 1));
  write_text(rt, pair.first, TEXT);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, pair.second, 9, &value));
  CHECK_INT(10, value);
  close_pair(rt, pair);
}

/* -- Resets, ends, wrong bytes -------------------------------------------- */

TASK_TEST("a reset comes after so many bytes, for both") {
  struct pair pair = new_pair(rt);
  write_text(rt, pair.first, "be");
  set_fault(rt, pair.first, WEFT_FAULT_RESET, 4);
  write_text(rt, pair.second, "back");
  write_text(rt, pair.first, "fore and after");
  check_read(rt, pair.second, "before");
  CHECK_INT(WEFT_ECONNRESET, fill_status(rt, pair.second));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, pair.second, "x", 1));
  check_read(rt, pair.first, "back"); /* was under way [25.6] */
  CHECK_INT(WEFT_ECONNRESET, fill_status(rt, pair.first));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_write(rt, pair.first, "x", 1));
  CHECK_INT(WEFT_ECONNRESET, weft_stream_flush(rt, pair.first));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, pair.first));
  close_pair(rt, pair);
}

TASK_TEST("a reset after nothing comes at once, and wakes who waits") {
  struct pair pair = new_pair(rt);
  struct job read = {.call = call_fill, .object = pair.first};
  struct job other = {.call = call_fill, .object = pair.second};
  write_bytes(rt, pair.first, BUFFER + HIGH_WATER);
  struct job flush = {.call = call_flush, .object = pair.first};
  start_job(rt, &read, true);
  start_job(rt, &flush, true);
  set_fault(rt, pair.first, WEFT_FAULT_RESET, 0);
  CHECK_INT(WEFT_ECONNRESET, join_job(rt, &flush));
  CHECK_INT(WEFT_ECONNRESET, join_job(rt, &read));
  check_bytes(rt, pair.second, BUFFER + HIGH_WATER);
  start_job(rt, &other, false);
  CHECK_INT(WEFT_ECONNRESET, join_job(rt, &other));
  close_pair(rt, pair);
}

TASK_TEST("a reset has the delay of what goes that way") {
  struct pair pair = new_pair(rt);
  uint64_t begin = now(rt);
  set_fault(rt, pair.first, WEFT_FAULT_DELAY, 60);
  set_fault(rt, pair.first, WEFT_FAULT_RESET, 0);
  CHECK_INT(WEFT_ECONNRESET, fill_status(rt, pair.first));
  CHECK_INT(begin + 60, now(rt));
  close_pair(rt, pair);
}

TASK_TEST("a reset that was taken back does not come") {
  struct pair pair = new_pair(rt);
  set_fault(rt, pair.first, WEFT_FAULT_RESET, 3);
  write_text(rt, pair.first, "ab");
  set_fault(rt, pair.first, WEFT_FAULT_RESET, UINT64_MAX);
  write_text(rt, pair.first, "cd");
  let_run(rt);
  check_read(rt, pair.second, "abcd");
  close_pair(rt, pair);
}

TASK_TEST("an end comes after so many bytes, for the receiver alone") {
  struct pair pair = new_pair(rt);
  set_fault(rt, pair.first, WEFT_FAULT_END, 6);
  write_text(rt, pair.first, "halfway there");
  write_text(rt, pair.first, "and on");
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, pair.first));
  check_read(rt, pair.second, "halfwa");
  CHECK_INT(WEFT_EEND, fill_status(rt, pair.second));
  write_text(rt, pair.second, "what?");
  check_read(rt, pair.first, "what?");
  close_pair(rt, pair);
}

TASK_TEST("one byte arrives turned round") {
  struct pair pair = new_pair(rt);
  write_text(rt, pair.first, "ab");
  set_fault(rt, pair.first, WEFT_FAULT_CORRUPT, 1);
  write_text(rt, pair.first, "c");
  write_text(rt, pair.first, "de");
  check_read(rt, pair.second,
             "abc\x9b"
             "e");
  close_pair(rt, pair);
}

/* -- Refused -------------------------------------------------------------- */

TASK_TEST("faults are refused for other streams, and unknown ones") {
  struct pair pair = new_pair(rt);
  const size_t sizes[] = {1, 0};
  int peer;
  weft_stream tcp = open_pair(rt, &peer);
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_fault(rt, tcp, WEFT_FAULT_DELAY, 1));
  CHECK_INT(WEFT_ENOTSUP, weft_stream_set_pieces(rt, tcp, sizes, 1));
  CHECK_INT(WEFT_EINVAL, weft_stream_set_fault(rt, pair.first, 0, 1));
  CHECK_INT(WEFT_EINVAL, weft_stream_set_fault(rt, pair.first, 6, 1));
  CHECK_INT(WEFT_EINVAL, weft_stream_set_pieces(rt, pair.first, sizes, 2));
  CHECK_INT(WEFT_EINVAL, weft_stream_set_pieces(rt, pair.first, NULL, 2));
  CHECK_INT(WEFT_EBADF, weft_stream_set_fault(rt, 0, WEFT_FAULT_DELAY, 1));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, pair.second));
  CHECK_INT(WEFT_ECLOSED,
            weft_stream_set_fault(rt, pair.first, WEFT_FAULT_DELAY, 1));
  CHECK_INT(WEFT_ECLOSED, weft_stream_set_pieces(rt, pair.first, sizes, 1));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, tcp));
  CHECK_INT(0, close(peer));
  close_pair(rt, pair);
}

static int make_and_use(void *arg) {
  weft_runtime *rt = arg;
  struct pair pair;
  const size_t sizes[] = {2};
  int status = weft_stream_pair(rt, &pair.first, &pair.second);
  if (status != WEFT_OK) {
    CHECK(pair.first == 0 && pair.second == 0);
    let_run(rt);
    return status;
  }
  status = weft_stream_set_pieces(rt, pair.first, sizes, 1);
  if (status == WEFT_OK)
    status = weft_stream_write(rt, pair.first, "abc", 3);
  uint64_t value;
  while (status == WEFT_OK && !buffered_is(rt, pair.second, "abc"))
    status = weft_stream_fill(
        rt, pair.second, buffered_is(rt, pair.second, "ab") ? 2 : 0, &value);
  close_pair(rt, pair);
  return status;
}

TASK_TEST("without memory a pair is not made, and a write takes nothing "
          "[3.11]") {
  CHECK_INT(WEFT_OK, make_and_use(rt)); /* what is kept for later is made */
  CHECK(failing_each(make_and_use, rt) >= 5);
}

TEST("pairs that are open at the runtime's end go with it") {
  failing_install();
  weft_runtime *rt = new_runtime();
  for (int i = 0; i < 3; i++) {
    weft_stream first, second;
    CHECK_INT(WEFT_OK, weft_stream_pair(rt, &first, &second));
    set_fault(rt, first, WEFT_FAULT_DELAY, i == 1 ? SECOND_NS : 0);
    if (i == 2)
      set_fault(rt, first, WEFT_FAULT_RESET, 0);
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}
