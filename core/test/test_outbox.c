/* SPDX-License-Identifier: MIT
 * test_outbox.c - what a turn's tasks write is sent at its end. */

#include <pthread.h>

#include "loopback.h"

/* Not virtual: under that clock nothing waits. */
static weft_stream open_real(weft_runtime *rt, int *peer) {
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  return open_pair(rt, peer);
}

/* Whether that and nothing else has come to the peer by now. */
static bool peer_has(int peer, const char *text) {
  char data[256];
  ssize_t count = recv(peer, data, sizeof(data), MSG_DONTWAIT);
  if (count < 0)
    return errno == EAGAIN && *text == '\0';
  return (size_t)count == strlen(text) &&
         memcmp(data, text, (size_t)count) == 0;
}

static void end(weft_runtime *rt, weft_stream stream, int peer) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
}

/* -- Tasks that run in one turn, one after the other ---------------------- */

struct act {
  void (*fn)(weft_runtime *rt, struct act *act);
  weft_stream stream;
  int peer;
};

static int run_act(weft_runtime *rt, void *arg) {
  struct act *act = arg;
  act->fn(rt, act);
  return WEFT_OK;
}

static void run_acts(weft_runtime *rt, struct act *acts, size_t count) {
  for (size_t i = 0; i < count; i++)
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, run_act, &acts[i], NULL, NULL));
  let_run(rt);
}

static void write_text(weft_runtime *rt, weft_stream stream, const char *text) {
  CHECK_INT(WEFT_OK, weft_stream_write(rt, stream, text, strlen(text)));
}

/* When the last act_write began. */
static uint64_t written_ns;

static void act_write(weft_runtime *rt, struct act *act) {
  CHECK_INT(WEFT_OK, weft_now(rt, &written_ns));
  write_text(rt, act->stream, "hello ");
  write_text(rt, act->stream, "world");
}

/* On a machine that is slow or busy it may have been sent by now. */
static void act_nothing_came(weft_runtime *rt, struct act *act) {
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  if (now_ns < written_ns + 30000)
    CHECK(peer_has(act->peer, ""));
}

static void act_it_came(weft_runtime *rt, struct act *act) {
  (void)rt;
  CHECK(peer_has(act->peer, "hello world"));
}

/* -- When it is sent ------------------------------------------------------ */

TASK_TEST("what is written while others are to run is sent at the turn's end") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  struct act acts[] = {{act_write, stream, peer},
                       {act_nothing_came, stream, peer},
                       {act_nothing_came, stream, peer}};
  run_acts(rt, acts, 3);
  CHECK(peer_has(peer, "hello world"));
  end(rt, stream, peer);
}

TASK_TEST("a task that is alone in its turn sends at once") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  write_text(rt, stream, "hello");
  CHECK(peer_has(peer, "hello"));
  end(rt, stream, peer);
}

TASK_TEST("under the virtual clock every write is sent at once") {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  struct act acts[] = {{act_write, stream, peer}, {act_it_came, stream, peer}};
  run_acts(rt, acts, 2);
  end(rt, stream, peer);
}

/* Runs for a millisecond. */
static void act_spin(weft_runtime *rt, struct act *act) {
  uint64_t began_ns, now_ns;
  (void)act;
  CHECK_INT(WEFT_OK, weft_now(rt, &began_ns));
  do
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  while (now_ns < began_ns + SECOND_NS / 1000);
}

TASK_TEST("it does not wait for more than one task that takes long") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  struct act acts[] = {{act_write, stream, peer},
                       {act_spin, stream, peer},
                       {act_it_came, stream, peer},
                       {act_spin, stream, peer}};
  run_acts(rt, acts, 4);
  end(rt, stream, peer);
}

static void act_write_much(weft_runtime *rt, struct act *act) {
  static char data[5000];
  memset(data, 'x', sizeof(data));
  write_text(rt, act->stream, "hello world");
  CHECK_INT(WEFT_OK, weft_stream_write(rt, act->stream, data, sizeof(data)));
  char got[sizeof(data) + 11];
  CHECK_INT(sizeof(got), recv(act->peer, got, sizeof(got), MSG_WAITALL));
  CHECK_INT(0, memcmp(got, "hello world", 11));
  CHECK_INT(0, memcmp(got + 11, data, sizeof(data)));
}

TASK_TEST("a large write is sent at once, after what was written before") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  struct act acts[] = {{act_write_much, stream, peer},
                       {act_nothing_came, stream, peer}};
  run_acts(rt, acts, 2);
  end(rt, stream, peer);
}

#define WRITES 200

static void act_write_often(weft_runtime *rt, struct act *act) {
  char data[1000];
  for (int i = 0; i < WRITES; i++) {
    memset(data, 'a' + i % 26, sizeof(data));
    CHECK_INT(WEFT_OK, weft_stream_write(rt, act->stream, data, sizeof(data)));
  }
}

TASK_TEST("more than there is room for comes whole and in order") {
  static char got[WRITES * 1000];
  int peers[2];
  weft_stream streams[2] = {open_real(rt, &peers[0]), open_pair(rt, &peers[1])};
  struct act acts[] = {{act_write_often, streams[0], 0},
                       {act_write_often, streams[1], 0},
                       {act_spin, 0, 0}};
  run_acts(rt, acts, 3);
  for (int k = 0; k < 2; k++) {
    CHECK_INT(sizeof(got), plain_receive(rt, peers[k], got, sizeof(got)));
    for (int i = 0; i < WRITES * 1000; i++)
      CHECK_INT('a' + i / 1000 % 26, got[i]);
    end(rt, streams[k], peers[k]);
  }
}

/* -- What sends it -------------------------------------------------------- */

static void act_flush(weft_runtime *rt, struct act *act) {
  act_write(rt, act);
  CHECK_INT(WEFT_OK, weft_stream_flush(rt, act->stream));
  CHECK(peer_has(act->peer, "hello world"));
}

static void act_shutdown(weft_runtime *rt, struct act *act) {
  act_write(rt, act);
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, act->stream));
  CHECK(peer_has(act->peer, "hello world"));
  CHECK_INT(0, recv(act->peer, &(char){0}, 1, MSG_DONTWAIT));
}

static void act_close(weft_runtime *rt, struct act *act) {
  act_write(rt, act);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, act->stream));
  CHECK(peer_has(act->peer, "hello world"));
}

static void act_abort(weft_runtime *rt, struct act *act) {
  act_write(rt, act);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, act->stream));
  CHECK(peer_has(act->peer, "hello world"));
}

static void act_ask(weft_runtime *rt, struct act *act) {
  size_t unread_bytes, unsent_bytes;
  act_write(rt, act);
  CHECK_INT(WEFT_OK, weft_stream_get_sizes(rt, act->stream, &unread_bytes,
                                           &unsent_bytes));
  CHECK_INT(0, unsent_bytes);
  CHECK(peer_has(act->peer, "hello world"));
}

TASK_TEST("flush, shutdown, close and abort first send what was written") {
  void (*const fns[])(weft_runtime *, struct act *) = {
      act_flush, act_shutdown, act_close, act_abort, act_ask};
  for (size_t i = 0; i < sizeof(fns) / sizeof(*fns); i++) {
    int peer;
    weft_stream stream = open_real(rt, &peer);
    struct act acts[] = {{fns[i], stream, peer}, {act_spin, stream, peer}};
    run_acts(rt, acts, 2);
    weft_stream_close(rt, stream); /* it may be */
    CHECK_INT(0, close(peer));
  }
}

/* -- Pull mode ------------------------------------------------------------ */

static void *answer(void *arg) {
  char text[8];
  int peer = *(int *)arg;
  CHECK_INT(5, recv(peer, text, sizeof(text), 0));
  plain_send(peer, "answer");
  return NULL;
}

struct asking {
  weft_stream stream;
  int peer;
  pthread_t thread;
};

/* Stepped, as what runs in pull mode: from one to the next there is no hop. */
static int step_ask(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct asking *asking = arg;
  if (value == 0) {
    write_text(rt, asking->stream, "hello");
    status = weft_stream_fill(rt, asking->stream, 5, &value);
    if (status == WEFT_PARKED)
      return status;
  }
  CHECK_INT(WEFT_OK, status);
  CHECK(buffered_is(rt, asking->stream, "answer"));
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, asking->stream));
  CHECK_INT(0, close(asking->peer));
  return WEFT_OK;
}

static int step_nothing(weft_runtime *rt, void *arg, int status,
                        uint64_t value) {
  (void)rt;
  (void)arg;
  (void)value;
  return status;
}

static int run_asking(weft_runtime *rt, void *arg) {
  struct asking *asking = arg;
  asking->stream = open_real(rt, &asking->peer);
  CHECK_INT(0, pthread_create(&asking->thread, NULL, answer, &asking->peer));
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, step_ask, asking, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, step_nothing, NULL, NULL, NULL));
  return WEFT_OK;
}

/* The wait for the answer is the poll's, in the middle of weft_next_ready. */
TEST("in pull mode it is sent before the poll [31.4]") {
  struct asking asking = {.peer = -1};
  weft_runtime *rt = new_runtime();
  void *arg;
  int status;
  uint64_t value;
  alarm(10);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, run_asking, &asking, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK(arg == NULL);
  CHECK_INT(0, pthread_join(asking.thread, NULL));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
}

/* -- What goes wrong ------------------------------------------------------ */

static void act_write_in_vain(weft_runtime *rt, struct act *act) {
  write_text(rt, act->stream, "hello"); /* taken, not sent */
}

TASK_TEST("[25.9] a connection that fails meanwhile fails the next write") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  plain_reset(peer);
  struct act acts[] = {{act_write_in_vain, stream, 0}, {act_spin, 0, 0}};
  run_acts(rt, acts, 2);
  int status = weft_stream_write(rt, stream, "x", 1);
  CHECK(status == WEFT_ECONNRESET || status == WEFT_EPIPE);
  CHECK_INT(status, weft_stream_flush(rt, stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

static void act_write_without_memory(weft_runtime *rt, struct act *act) {
  failing_after(1);
  act_write(rt, act);
  CHECK(failing_has_failed());
  failing_after(0);
  CHECK(peer_has(act->peer, "hello "));
}

TASK_TEST("for want of memory a write is sent at once") {
  int peer;
  weft_stream stream = open_real(rt, &peer);
  struct act acts[] = {{act_write_without_memory, stream, peer},
                       {act_spin, 0, 0}};
  run_acts(rt, acts, 2);
  CHECK(peer_has(peer, "world"));
  end(rt, stream, peer);
}
