/* SPDX-License-Identifier: MIT
 * test_stream_filter.c - filters of streams, by one that turns bits over, and
 * begins and ends with a byte of its own. */
#include "loopback.h"

#define READ_AHEAD ((size_t)64 * 1024)
#define HIGH_WATER ((size_t)64 * 1024)
#define HELLO '\x01'
#define BYE '\x02'
#define MASK '\x55'

/* What a filter has been called with, and what it is to do at an event. */
struct toy {
  weft_stream stream;
  int counts[5]; /* of its events */
  int failure;   /* with which it was told that the connection is gone */
  int failures;  /* how often */
  int drops;
  size_t largest; /* of what it was to send */
  bool greeted;   /* the peer has said hello */
  bool ended;     /* and bye */
  int at;         /* the event at which it does one of: */
  int fails;      /* return this code */
  bool aborts;    /* end the stream */
  int gives_up;   /* fail the stream with this code */
  weft_task cancels;
};

static struct toy toy;

static void turn_over(char *to, const char *from, size_t size_bytes) {
  for (size_t i = 0; i < size_bytes; i++)
    to[i] = from[i] ^ MASK;
}

static int receive(weft_runtime *rt, const char *data, size_t size_bytes) {
  static char plain[READ_AHEAD];
  CHECK(size_bytes > 0 && size_bytes <= sizeof(plain));
  while (size_bytes > 0 && (*data == HELLO || *data == BYE)) {
    toy.greeted = toy.greeted || *data == HELLO;
    toy.ended = toy.ended || *data == BYE;
    if (*data == HELLO)
      CHECK_INT(WEFT_OK, weft_stream_transmit(rt, toy.stream, "\x01", 1));
    data++;
    size_bytes--;
  }
  if (size_bytes > 0 && data[size_bytes - 1] == BYE) {
    toy.ended = true;
    size_bytes--;
  }
  turn_over(plain, data, size_bytes);
  return weft_stream_deliver(rt, toy.stream, plain, size_bytes);
}

static int send_turned(weft_runtime *rt, const char *data, size_t size_bytes) {
  if (size_bytes > toy.largest)
    toy.largest = size_bytes;
  char *turned = malloc(size_bytes);
  turn_over(turned, data, size_bytes);
  int status = weft_stream_transmit(rt, toy.stream, turned, size_bytes);
  free(turned);
  return status;
}

static int misbehave(weft_runtime *rt) {
  if (toy.aborts)
    CHECK_INT(WEFT_OK, weft_stream_abort(rt, toy.stream));
  if (toy.gives_up != 0)
    CHECK_INT(WEFT_OK, weft_stream_fail(rt, toy.stream, toy.gives_up));
  if (toy.cancels != 0)
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, toy.cancels, NULL));
  return toy.fails;
}

static int filter(weft_runtime *rt, void *arg, int event, const char *data,
                  size_t size_bytes) {
  CHECK(arg == &toy);
  CHECK_INT(WEFT_ESTATE, weft_yield(rt)); /* outside any task */
  CHECK_INT(0, toy.failures);
  if (event < 0) {
    toy.failure = event;
    toy.failures++;
    return WEFT_OK;
  }
  toy.counts[event]++;
  if (event == toy.at)
    return misbehave(rt);
  switch (event) {
  case WEFT_FILTER_RECEIVED:
    return receive(rt, data, size_bytes);
  case WEFT_FILTER_ENDED:
    return toy.ended ? WEFT_EEND : WEFT_ECONNABORTED;
  case WEFT_FILTER_SEND:
    return send_turned(rt, data, size_bytes);
  case WEFT_FILTER_SHUTDOWN:
    return weft_stream_transmit(rt, toy.stream, "\x02", 1);
  default:
    CHECK(false);
    return WEFT_OK;
  }
}

static void drop(void *arg) {
  CHECK(arg == &toy);
  toy.drops++;
}

static weft_stream filtered(weft_runtime *rt, int *peer) {
  weft_stream stream = open_pair(rt, peer);
  toy = (struct toy){.stream = stream};
  CHECK_INT(WEFT_OK, weft_stream_set_filter(rt, stream, filter, &toy, drop));
  return stream;
}

/* The filter that does at the event what [does] says. */
static weft_stream misbehaving(weft_runtime *rt, int *peer, struct toy does) {
  weft_stream stream = filtered(rt, peer);
  does.stream = stream;
  toy = does;
  return stream;
}

static void send_turned_over(int fd, const char *text) {
  char turned[64];
  turn_over(turned, text, strlen(text));
  CHECK_INT(strlen(text), send(fd, turned, strlen(text), MSG_NOSIGNAL));
}

static void check_arrives(int fd, const char *text) {
  char data[64] = "", plain[64] = "";
  ssize_t size = recv(fd, data, sizeof(data) - 1, 0);
  CHECK_INT(strlen(text), size);
  turn_over(plain, data, size > 0 ? (size_t)size : 0);
  CHECK_TEXT(text, plain);
}

static void check_raw(int fd, const char *text) {
  char data[64] = "";
  CHECK_INT(strlen(text), recv(fd, data, sizeof(data) - 1, 0));
  CHECK_TEXT(text, data);
}

static void end(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(0, toy.drops);
  let_run(rt);
  CHECK_INT(1, toy.drops);
  CHECK_INT(0, close(peer));
}

/* -- Bytes ---------------------------------------------------------------- */

TASK_TEST("a filter changes what is read and what is written") {
  int peer;
  uint64_t value;
  weft_stream stream = filtered(rt, &peer);
  send_turned_over(peer, "from the peer");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK(buffered_is(rt, stream, "from the peer"));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 13));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "to the peer", 11));
  check_arrives(peer, "to the peer");
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "", 0));
  CHECK_INT(1, toy.counts[WEFT_FILTER_SEND]);
  end(rt, stream, peer);
}

TASK_TEST("a waiting reader is woken by what the filter delivers, no other") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int peer;
    weft_stream stream = filtered(rt, &peer);
    struct job job = {.call = call_fill, .object = stream, .size_bytes = 3};
    start_job(rt, &job, stepped);
    plain_send(peer, "\x01");
    let_run(rt);
    CHECK(toy.greeted);
    check_raw(peer, "\x01");
    send_turned_over(peer, "abc");
    let_run(rt);
    CHECK_TEXT("read", job_wait(rt, &job));
    send_turned_over(peer, "d");
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(4, job.value);
    end(rt, stream, peer);
  }
}

TASK_TEST("a filter and the peer talk while no task waits for bytes") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  plain_send(peer, "\x01");
  let_run(rt);
  CHECK(toy.greeted);
  check_raw(peer, "\x01");
  CHECK(buffered_is(rt, stream, ""));
  end(rt, stream, peer);
}

TASK_TEST("25.6 reading pauses while too many delivered bytes are unread") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  uint64_t value;
  static char turned[1 << 20];
  memset(turned, 'x' ^ MASK, sizeof(turned));
  size_t sent = 0;
  ssize_t n;
  while ((n = send(peer, turned, sizeof(turned), MSG_DONTWAIT)) > 0)
    sent += (size_t)n;
  CHECK(sent > 4 * READ_AHEAD);
  for (int i = 0; i < 10; i++)
    let_run(rt);
  size_t count = 0, most = 0;
  while (count < sent) {
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
    if (value > most)
      most = value;
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, value));
    count += value;
    if (value == 0)
      break;
  }
  CHECK_INT(sent, count);
  CHECK(most >= READ_AHEAD && most <= READ_AHEAD + 16 * 1024);
  end(rt, stream, peer);
}

TASK_TEST("25.8 writers wait while too many transmitted bytes are unsent") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  static char block[8 << 20], received[8 << 20];
  struct job job = {
      .call = call_write, .object = stream, .data = "!", .size_bytes = 1};
  memset(block, 'x', sizeof(block));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  start_job(rt, &job, true);
  CHECK_TEXT("write", job_wait(rt, &job));
  CHECK_INT(1, toy.counts[WEFT_FILTER_SEND]);
  CHECK_INT(sizeof(received),
            plain_receive(rt, peer, received, sizeof(received)));
  CHECK_INT('x' ^ MASK, received[0]);
  CHECK_INT(0, memcmp(received, received + 1, sizeof(received) - 1));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(2, toy.counts[WEFT_FILTER_SEND]);
  check_arrives(peer, "!");
  end(rt, stream, peer);
}

TASK_TEST("a vectored write reaches the filter as one") {
  for (size_t size = 10; size <= 10000; size *= 1000) {
    int peer;
    weft_stream stream = filtered(rt, &peer);
    static char block[10000], received[30000];
    const void *data[] = {block, block, block};
    size_t sizes[] = {size, size, size};
    CHECK_INT(WEFT_OK, weft_stream_writev(rt, stream, data, sizes, 3));
    CHECK_INT(1, toy.counts[WEFT_FILTER_SEND]);
    CHECK_INT(3 * size, toy.largest);
    CHECK_INT(3 * size, plain_receive(rt, peer, received, 3 * size));
    end(rt, stream, peer);
  }
}

TASK_TEST("what was peeked at stays while more is delivered") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  uint64_t value;
  const char *data, *second;
  size_t size;
  send_turned_over(peer, "stays");
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 4, &value));
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size));
  static char more[5000];
  memset(more, '-', sizeof(more));
  for (int i = 0; i < 2; i++) {
    CHECK_INT(WEFT_OK, weft_stream_deliver(rt, stream, more, sizeof(more)));
    CHECK_INT(0, memcmp(data, "stays", 5));
    CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &second, &size));
    CHECK_INT(5 + ((size_t)i + 1) * sizeof(more), size);
    CHECK_INT(0, memcmp(second, "stays---", 8));
  }
  CHECK_INT(0, memcmp(data, "stays", 5));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, 5 + 2 * sizeof(more)));
  end(rt, stream, peer);
}

/* -- Ends ----------------------------------------------------------------- */

TASK_TEST("the filter says whether the peer's end was a clean one") {
  for (int clean = 0; clean < 2; clean++) {
    int peer;
    weft_stream stream = filtered(rt, &peer);
    uint64_t value;
    send_turned_over(peer, "all");
    if (clean)
      plain_send(peer, "\x02");
    CHECK_INT(0, shutdown(peer, SHUT_WR));
    int expected = clean ? WEFT_EEND : WEFT_ECONNABORTED;
    CHECK_INT(expected, weft_stream_fill(rt, stream, 3, &value));
    CHECK(buffered_is(rt, stream, "all"));
    CHECK_INT(1, toy.counts[WEFT_FILTER_ENDED]);
    CHECK_INT(0, toy.failures);
    CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "on", 2));
    check_arrives(peer, "on");
    end(rt, stream, peer);
  }
}

TASK_TEST("the filter may end reading before the connection ends") {
  int peer;
  uint64_t value;
  struct toy does = {.at = WEFT_FILTER_RECEIVED, .gives_up = WEFT_EEND};
  weft_stream stream = misbehaving(rt, &peer, does);
  plain_send(peer, "x");
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "on", 2));
  check_arrives(peer, "on");
  CHECK_INT(0, toy.failures);
  end(rt, stream, peer);
}

TASK_TEST("shutdown lets the filter send its last, behind all that waits") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  static char block[8 << 20], received[8 << 20];
  struct job writer = {
      .call = call_write, .object = stream, .data = "!", .size_bytes = 1};
  struct job ender = {.call = call_shutdown, .object = stream};
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  start_job(rt, &writer, true);
  start_job(rt, &ender, true);
  CHECK_TEXT("shutdown", job_wait(rt, &ender));
  CHECK_INT(0, toy.counts[WEFT_FILTER_SHUTDOWN]);
  CHECK_INT(sizeof(received),
            plain_receive(rt, peer, received, sizeof(received)));
  CHECK_INT(WEFT_OK, join_job(rt, &writer));
  CHECK_INT(WEFT_OK, join_job(rt, &ender));
  CHECK_INT(3, plain_receive(rt, peer, received, 3) + 1); /* "!", bye, end */
  CHECK_INT('!' ^ MASK, received[0]);
  CHECK_INT(BYE, received[1]);
  CHECK_INT(1, toy.counts[WEFT_FILTER_SHUTDOWN]);
  CHECK_INT(WEFT_ECLOSED, weft_stream_transmit(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(1, toy.counts[WEFT_FILTER_SHUTDOWN]);
  CHECK_INT(0, close(peer));
}

TASK_TEST("close lets the filter send its last, then tells it") {
  for (int much = 0; much < 2; much++) {
    int peer;
    weft_stream stream = filtered(rt, &peer);
    struct job job = {.call = call_close, .object = stream};
    static char block[8 << 20], received[8 << 20];
    if (much)
      CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
    start_job(rt, &job, true);
    CHECK_INT(WEFT_ECLOSED, toy.failure);
    if (much)
      CHECK_INT(sizeof(received),
                plain_receive(rt, peer, received, sizeof(received)));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    check_raw(peer, "\x02");
    check_raw(peer, "");
    let_run(rt);
    CHECK_INT(1, toy.drops);
    CHECK_INT(0, close(peer));
  }
}

static int close_cancelled(weft_runtime *rt, struct job *job, uint64_t *value) {
  CHECK_INT(WEFT_ECANCELLED, weft_stream_fill(rt, job->object, 0, value));
  return weft_stream_close(rt, job->object);
}

TASK_TEST("25.11 closed in cancelled code, or aborted, it sends no more") {
  for (int aborted = 0; aborted < 2; aborted++) {
    int peer;
    weft_stream stream = filtered(rt, &peer);
    struct job job = {.call = close_cancelled, .object = stream};
    if (aborted) {
      CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
    } else {
      spawn_job(rt, &job, false);
      CHECK_INT(WEFT_OK, cancel_job(rt, &job));
    }
    CHECK_INT(0, toy.counts[WEFT_FILTER_SHUTDOWN]);
    CHECK_INT(WEFT_ECLOSED, toy.failure);
    check_raw(peer, "");
    let_run(rt);
    CHECK_INT(1, toy.drops);
    CHECK_INT(0, close(peer));
  }
}

TASK_TEST("the filter is told of a reset, once") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  uint64_t value;
  plain_reset(peer);
  let_run(rt);
  CHECK_INT(WEFT_ECONNRESET, toy.failure);
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_EPIPE, weft_stream_transmit(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(1, toy.failures);
}

TASK_TEST("the filter is told that a write has found the connection broken") {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  CHECK_INT(0, close(peer));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "x", 1)); /* reset */
  CHECK_INT(WEFT_EPIPE, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_EPIPE, toy.failure);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

/* -- Filters that fail ---------------------------------------------------- */

TASK_TEST("one that cannot make sense of the peer's bytes ends the stream") {
  for (int by_code = 0; by_code < 2; by_code++) {
    int peer;
    struct toy does = {.at = WEFT_FILTER_RECEIVED};
    if (by_code)
      does.fails = WEFT_EPROTO;
    else
      does.gives_up = WEFT_EPROTO;
    weft_stream stream = misbehaving(rt, &peer, does);
    struct job job = {.call = call_fill, .object = stream};
    CHECK_INT(WEFT_OK, weft_stream_deliver(rt, stream, "good", 4));
    job.size_bytes = 4;
    start_job(rt, &job, true);
    plain_send(peer, "nonsense");
    CHECK_INT(WEFT_EPROTO, join_job(rt, &job));
    CHECK(buffered_is(rt, stream, "good"));
    CHECK_INT(WEFT_EPROTO, weft_stream_write(rt, stream, "x", 1));
    CHECK_INT(WEFT_EPROTO, weft_stream_flush(rt, stream));
    CHECK_INT(WEFT_EPROTO, weft_stream_deliver(rt, stream, "x", 1));
    CHECK_INT(WEFT_EPROTO, weft_stream_transmit(rt, stream, "x", 1));
    CHECK_INT(WEFT_EPROTO, toy.failure);
    end(rt, stream, peer);
  }
}

TASK_TEST("one that refuses to send fails the write, not the stream") {
  int peer;
  struct toy does = {.at = WEFT_FILTER_SEND, .fails = WEFT_ENOMEM};
  weft_stream stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_ENOMEM, weft_stream_write(rt, stream, "x", 1));
  toy.at = 0;
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "y", 1));
  check_arrives(peer, "y");
  end(rt, stream, peer);
}

TASK_TEST("a code that is none is the host's failure") {
  int peer;
  struct toy does = {.at = WEFT_FILTER_SEND, .fails = 77};
  weft_stream stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_EHOST, weft_stream_write(rt, stream, "x", 1));
  end(rt, stream, peer);
}

TASK_TEST("one that cannot send its last fails the shutdown, not the close") {
  int peer;
  struct toy does = {.at = WEFT_FILTER_SHUTDOWN, .fails = WEFT_ENOMEM};
  weft_stream stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_ENOMEM, weft_stream_shutdown(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "on", 2));
  check_arrives(peer, "on");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(2, toy.counts[WEFT_FILTER_SHUTDOWN]);
  check_raw(peer, "");
  CHECK_INT(0, close(peer));
}

/* What has to be the same at each event: the stream is gone, the filter is told
 * and dropped, and nothing touches it any more. */
static void check_ended(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_EBADF, weft_stream_abort(rt, stream));
  CHECK_INT(WEFT_ECLOSED, toy.failure);
  let_run(rt);
  CHECK_INT(1, toy.drops);
  CHECK_INT(0, close(peer));
}

TASK_TEST("one may end the stream when bytes or the end come") {
  for (int event = WEFT_FILTER_RECEIVED; event <= WEFT_FILTER_ENDED; event++) {
    int peer;
    struct toy does = {.at = event, .aborts = true, .fails = WEFT_EPROTO};
    weft_stream stream = misbehaving(rt, &peer, does);
    struct job job = {.call = call_fill, .object = stream};
    start_job(rt, &job, true);
    if (event == WEFT_FILTER_RECEIVED)
      plain_send(peer, "x");
    else
      CHECK_INT(0, shutdown(peer, SHUT_WR));
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
    check_ended(rt, stream, peer);
  }
}

TASK_TEST("one may end the stream when it is to send or to end") {
  int peer;
  struct toy does = {
      .at = WEFT_FILTER_SEND, .aborts = true, .fails = WEFT_ECLOSED};
  weft_stream stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_ECLOSED, weft_stream_write(rt, stream, "x", 1));
  check_ended(rt, stream, peer);
  does.at = WEFT_FILTER_SHUTDOWN;
  stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_ECLOSED, weft_stream_shutdown(rt, stream));
  check_ended(rt, stream, peer);
  stream = misbehaving(rt, &peer, does);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  check_ended(rt, stream, peer);
}

/* The same with writers that wait, in the poll. */
static void check_waiting(weft_runtime *rt, struct toy does, int first,
                          int second, int last) {
  int peer;
  weft_stream stream = filtered(rt, &peer);
  static char block[8 << 20];
  struct job jobs[3];
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  for (int i = 0; i < 2; i++) {
    jobs[i] = (struct job){
        .call = call_write, .object = stream, .data = "x", .size_bytes = 1};
    start_job(rt, &jobs[i], true);
  }
  jobs[2] = (struct job){.call = call_shutdown, .object = stream};
  start_job(rt, &jobs[2], true);
  if (does.cancels != 0)
    does.cancels = jobs[0].task;
  does.stream = stream;
  toy = does;
  size_t size = plain_receive(rt, peer, block, sizeof(block));
  CHECK(size > sizeof(block) - HIGH_WATER);
  CHECK(does.aborts || size == sizeof(block));
  CHECK_INT(first, join_job(rt, &jobs[0]));
  CHECK_INT(second, join_job(rt, &jobs[1]));
  CHECK_INT(last, join_job(rt, &jobs[2]));
  weft_stream_abort(rt, stream);
  let_run(rt);
  CHECK_INT(1, toy.drops);
  CHECK_INT(0, close(peer));
}

TASK_TEST("one that ends the stream while tasks wait wakes them") {
  struct toy does = {
      .at = WEFT_FILTER_SEND, .aborts = true, .fails = WEFT_EPROTO};
  check_waiting(rt, does, WEFT_EPROTO, WEFT_ECLOSED, WEFT_ECLOSED);
  does.at = WEFT_FILTER_SHUTDOWN;
  check_waiting(rt, does, WEFT_OK, WEFT_OK, WEFT_ECLOSED);
}

TASK_TEST("one that fails the stream while tasks wait wakes them") {
  struct toy does = {.at = WEFT_FILTER_SEND, .gives_up = WEFT_EPROTO};
  check_waiting(rt, does, WEFT_OK, WEFT_EPROTO, WEFT_EPROTO);
  does = (struct toy){.at = WEFT_FILTER_SHUTDOWN, .gives_up = WEFT_EPROTO};
  check_waiting(rt, does, WEFT_OK, WEFT_OK, WEFT_EPROTO);
  does = (struct toy){.at = WEFT_FILTER_SHUTDOWN, .fails = WEFT_ENOMEM};
  check_waiting(rt, does, WEFT_OK, WEFT_OK, WEFT_ENOMEM);
}

TASK_TEST("3.4 a writer whose bytes are being taken is not cancelled") {
  struct toy does = {.at = WEFT_FILTER_SEND, .cancels = 1};
  check_waiting(rt, does, WEFT_OK, WEFT_OK, WEFT_OK);
}

/* -- Setting one ---------------------------------------------------------- */

static void check_refused(weft_runtime *rt, weft_stream stream, int status) {
  toy = (struct toy){.stream = stream};
  CHECK_INT(status, weft_stream_set_filter(rt, stream, filter, &toy, drop));
  CHECK_INT(1, toy.drops);
}

TASK_TEST("25.10 with unread bytes or a parked reader no filter is set") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct job reader = {.call = call_fill, .object = stream};
  struct job writer = {
      .call = call_write, .object = stream, .data = "x", .size_bytes = 1};
  static char block[8 << 20];
  uint64_t value;
  start_job(rt, &reader, true);
  check_refused(rt, stream, WEFT_ESTATE);
  plain_send(peer, "x");
  CHECK_INT(WEFT_OK, join_job(rt, &reader));
  check_refused(rt, stream, WEFT_ESTATE);
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, stream, 0, &value));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, stream, value));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, block, sizeof(block)));
  start_job(rt, &writer, true);
  check_refused(rt, stream, WEFT_ESTATE);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &writer));
  toy = (struct toy){.stream = stream};
  CHECK_INT(WEFT_OK, weft_stream_set_filter(rt, stream, filter, &toy, drop));
  end(rt, stream, peer);
}

TASK_TEST("a second filter, none, or one on what has ended is refused") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  CHECK_INT(WEFT_EINVAL, weft_stream_set_filter(rt, stream, NULL, NULL, NULL));
  CHECK_INT(WEFT_ESTATE, weft_stream_deliver(rt, stream, "x", 1));
  CHECK_INT(WEFT_ESTATE, weft_stream_transmit(rt, stream, "x", 1));
  CHECK_INT(WEFT_ESTATE, weft_stream_fail(rt, stream, WEFT_EPROTO));
  toy = (struct toy){.stream = stream};
  CHECK_INT(WEFT_OK, weft_stream_set_filter(rt, stream, filter, &toy, NULL));
  check_refused(rt, stream, WEFT_ESTATE);
  CHECK_INT(WEFT_EINVAL, weft_stream_fail(rt, stream, WEFT_OK));
  CHECK_INT(WEFT_EINVAL, weft_stream_deliver(rt, stream, NULL, 1));
  CHECK_INT(WEFT_EINVAL, weft_stream_transmit(rt, stream, NULL, 1));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, stream));
  CHECK_INT(0, close(peer));
  check_refused(rt, stream, WEFT_EBADF);
  stream = open_pair(rt, &peer);
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  check_refused(rt, stream, WEFT_ESTATE);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

TASK_TEST("one on a broken connection is refused with its code") {
  int peer;
  uint64_t value;
  weft_stream stream = open_pair(rt, &peer);
  plain_reset(peer);
  CHECK_INT(WEFT_ECONNRESET, weft_stream_fill(rt, stream, 0, &value));
  check_refused(rt, stream, WEFT_ECONNRESET);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

struct attempt {
  weft_runtime *rt;
  int fd;
};

static int try_filter(void *arg) {
  struct attempt *attempt = arg;
  weft_stream stream;
  int status = weft_stream_open(attempt->rt, attempt->fd, &stream);
  if (status != WEFT_OK) {
    let_run(attempt->rt);
    return status;
  }
  attempt->fd = dup(attempt->fd);
  toy = (struct toy){.stream = stream};
  status = weft_stream_set_filter(attempt->rt, stream, filter, &toy, drop);
  if (status == WEFT_OK)
    status = weft_stream_deliver(attempt->rt, stream, "x", 1);
  CHECK_INT(WEFT_OK, weft_stream_abort(attempt->rt, stream));
  let_run(attempt->rt);
  CHECK_INT(1, toy.drops);
  return status;
}

TASK_TEST("want of memory sets none and loses nothing") {
  int peer, fds[2];
  weft_stream warm = filtered(rt, &peer); /* the loop's block is there now */
  end(rt, warm, peer);
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  struct attempt attempt = {rt, fds[0]};
  CHECK(failing_each(try_filter, &attempt) > 2);
  CHECK_INT(0, close(attempt.fd));
  CHECK_INT(0, close(fds[1]));
}

TASK_TEST("the pipe's one direction can be filtered") {
  int fds[2];
  weft_stream stream;
  CHECK_INT(0, pipe(fds));
  CHECK_INT(WEFT_OK, weft_stream_open(rt, fds[1], &stream));
  toy = (struct toy){.stream = stream};
  CHECK_INT(WEFT_OK, weft_stream_set_filter(rt, stream, filter, &toy, drop));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, "x", 1));
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, stream));
  char data[4];
  CHECK_INT(2, read(fds[0], data, sizeof(data)));
  CHECK_INT('x' ^ MASK, data[0]);
  CHECK_INT(BYE, data[1]);
  CHECK_INT(0, read(fds[0], data, sizeof(data)));
  end(rt, stream, fds[0]);
}

static int leave_open(weft_runtime *rt, void *arg) {
  filtered(rt, arg);
  return WEFT_OK;
}

TEST("the filter of a stream left open goes with the runtime") {
  int peer;
  failing_install();
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_open, &peer, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, toy.drops);
  CHECK_INT(0, failing_live());
  CHECK_INT(0, close(peer));
}
