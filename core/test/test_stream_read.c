/* SPDX-License-Identifier: MIT
 * test_stream_read.c - many streams that are read together. What one reader
 * sees is in test_stream.c. */
#include "loopback.h"

#define MANY 40
/* So many are read in one poll. */
#define A_POLL 16

struct many {
  weft_stream streams[MANY];
  int peers[MANY];
  struct job jobs[MANY];
};

/* Streams, each with a task that waits for bytes. */
static void open_many(weft_runtime *rt, struct many *many, bool stepped,
                      uint64_t timeout_ns) {
  for (int i = 0; i < MANY; i++) {
    many->streams[i] = open_pair(rt, &many->peers[i]);
    many->jobs[i] = (struct job){.call = call_fill,
                                 .object = many->streams[i],
                                 .timeout_ns = timeout_ns};
    spawn_job(rt, &many->jobs[i], stepped);
  }
  let_run(rt);
}

static void send_to_all(const struct many *many) {
  for (int i = 0; i < MANY; i++)
    plain_send(many->peers[i], "hello");
}

/* How many are done; they must be the first ones. */
static int count_done(const struct many *many) {
  int count = 0;
  while (count < MANY && many->jobs[count].done)
    count++;
  for (int i = count; i < MANY; i++)
    CHECK(!many->jobs[i].done);
  return count;
}

static void close_many(weft_runtime *rt, struct many *many) {
  for (int i = 0; i < MANY; i++) {
    CHECK(buffered_is(rt, many->streams[i], "hello"));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, many->streams[i]));
    CHECK_INT(0, close(many->peers[i]));
  }
}

TASK_TEST("of many streams some are read in each poll, in their order") {
  static struct many many;
  for (int stepped = 0; stepped < 2; stepped++) {
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
    open_many(rt, &many, stepped, 0);
    send_to_all(&many);
    for (int done = 0; done < MANY;) {
      CHECK_INT(WEFT_OK, weft_yield(rt));
      int now_done = count_done(&many);
      CHECK(now_done <= done + A_POLL);
      done = now_done;
    }
    for (int i = 0; i < MANY; i++)
      CHECK_INT(WEFT_OK, join_job(rt, &many.jobs[i]));
    close_many(rt, &many);
  }
}

TASK_TEST("[1.2] what came in time beats its timeout on every stream") {
  static struct many many;
  uint64_t began_ns, now_ns;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  open_many(rt, &many, false, SECOND_NS / 4);
  CHECK_INT(WEFT_OK, weft_now(rt, &began_ns));
  send_to_all(&many);
  do /* nothing may park meanwhile */
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  while (now_ns < began_ns + SECOND_NS / 4);
  for (int i = 0; i < MANY; i++) {
    CHECK_INT(WEFT_OK, join_job(rt, &many.jobs[i]));
    CHECK(!many.jobs[i].caught);
  }
  close_many(rt, &many);
}

TASK_TEST("one that is closed while others are read is read no more") {
  static struct many many;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  open_many(rt, &many, false, 0);
  send_to_all(&many);
  while (count_done(&many) == 0)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  int last = MANY - 1;
  CHECK_INT(WEFT_OK, weft_stream_close(rt, many.streams[last]));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &many.jobs[last]));
  for (int i = 0; i < last; i++) {
    CHECK_INT(WEFT_OK, join_job(rt, &many.jobs[i]));
    CHECK(buffered_is(rt, many.streams[i], "hello"));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, many.streams[i]));
  }
  for (int i = 0; i < MANY; i++)
    CHECK_INT(0, close(many.peers[i]));
}

TASK_TEST("a stream that was read dry has no buffer, the next one uses it") {
  weft_stream streams[MANY];
  int peers[MANY];
  uint64_t value;
  for (int i = 0; i < MANY; i++)
    streams[i] = open_pair(rt, &peers[i]);
  long live = 0;
  for (int i = 0; i < MANY; i++) {
    plain_send(peers[i], "hello");
    CHECK_INT(WEFT_OK, weft_stream_fill(rt, streams[i], 0, &value));
    CHECK(buffered_is(rt, streams[i], "hello"));
    CHECK_INT(WEFT_OK, weft_stream_consume(rt, streams[i], 5));
    live = i == 0 ? failing_live() : live;
    CHECK_INT(live, failing_live());
  }
  for (int i = 0; i < MANY; i++) {
    CHECK_INT(WEFT_OK, weft_stream_close(rt, streams[i]));
    CHECK_INT(0, close(peers[i]));
  }
}
