/* SPDX-License-Identifier: MIT
 * test_poll.c - between two turns: posts, I/O and times, in this order, and
 * when the poll blocks. I/O is a pipe whose readable end is watched. */
#include <unistd.h>

#include "../core.h"
#include "job.h"

/* -- A pipe to watch ------------------------------------------------------ */

struct line {
  int ends[2];
  weft_watch watch;
  struct play *waiter;
};

static void on_readable(weft_runtime *rt, void *arg, int status, int events) {
  struct line *line = arg;
  char byte;
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(WEFT_READABLE, events);
  CHECK_INT(1, read(line->ends[0], &byte, 1));
  say('i');
  if (line->waiter != NULL)
    weft_wake(rt, line->waiter->task, WEFT_OK, 0);
}

static void open_line(weft_runtime *rt, struct line *line) {
  CHECK_INT(0, pipe(line->ends));
  CHECK_INT(WEFT_OK, weft_watch_new(rt, line->ends[0], on_readable, line, NULL,
                                    &line->watch));
  CHECK_INT(WEFT_OK, weft_watch_set(rt, line->watch, WEFT_READABLE));
}

static void send_byte(struct line *line) {
  CHECK_INT(1, write(line->ends[1], "x", 1));
}

static void close_line(weft_runtime *rt, struct line *line) {
  CHECK_INT(WEFT_OK, weft_watch_close(rt, line->watch));
  close(line->ends[0]);
  close(line->ends[1]);
}

static int withdraw(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

static int wait_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0)
    return weft_park(rt, "test", withdraw, NULL, value);
  say(play->letter);
  return play_end(play, play->status);
}

static int sleep_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_sleep_until(rt, play->object);
  say(play->letter);
  return play_end(play, play->status);
}

static void say_it(weft_runtime *rt, void *arg) {
  (void)rt;
  say(*(const char *)arg);
}

static weft_runtime *begin_real(void) {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  return rt;
}

static uint64_t now_of(weft_runtime *rt) {
  uint64_t now;
  CHECK_INT(WEFT_OK, weft_now(rt, &now));
  return now;
}

/* -- Order ---------------------------------------------------------------- */

/* Lets a post, a byte and a time [margin_ns] away come in one poll. False if
 * the machine was too slow to sleep before that time had come. */
static bool race_all(int stepped, uint64_t margin_ns) {
  weft_runtime *rt = begin_real();
  struct line line = {{-1, -1}, 0, NULL};
  struct play sleeping = {.act = sleep_act, .letter = 't'};
  struct play waiting = {.act = wait_act, .letter = 'w'};
  open_line(rt, &line);
  line.waiter = &waiting;
  play_in(rt, 0, &waiting, stepped);
  play_in(rt, 0, &sleeping, stepped);
  sleeping.object = now_of(rt) + margin_ns;
  turn(rt);
  bool in_time = rt->timers.count == 1;
  while (now_of(rt) < sleeping.object)
    ;
  send_byte(&line);
  CHECK_INT(WEFT_OK, weft_post(rt, say_it, (char[]){"p"}, NULL));
  turn(rt); /* one poll finds all three; then the two tasks have a turn */
  if (in_time)
    CHECK_TEXT("piwt", said);
  close_line(rt, &line);
  end(rt);
  return in_time;
}

TEST("a poll takes posts, then I/O, then times [1.2]") {
  BOTH_KINDS {
    uint64_t margin_ns = 100000;
    while (!race_all(stepped, margin_ns))
      margin_ns *= 2;
  }
}

/* The same for a byte and a deadline. */
static bool race_deadline(int stepped, uint64_t margin_ns) {
  weft_runtime *rt = begin_real();
  struct line line;
  struct play waiting = {.act = wait_act, .letter = 'w'};
  weft_scope scope;
  int cancelled;
  open_line(rt, &line);
  line.waiter = &waiting;
  play_in(rt, 0, &waiting, stepped);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, waiting.task, &scope));
  uint64_t due = now_of(rt) + margin_ns;
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, due));
  CHECK_INT(WEFT_OK, weft_scope_is_cancelled(rt, scope, &cancelled));
  while (now_of(rt) < due)
    ;
  send_byte(&line);
  turn(rt);
  CHECK_TEXT("iw", said);
  CHECK_INT(cancelled ? WEFT_ECANCELLED : WEFT_OK, waiting.status);
  close_line(rt, &line);
  end(rt);
  return !cancelled;
}

TEST("data and deadline in one poll: the data is delivered [1.2] [8]") {
  BOTH_KINDS {
    uint64_t margin_ns = 10000;
    while (!race_deadline(stepped, margin_ns))
      margin_ns *= 2;
  }
}

TEST("a poll runs no code of a task [1.2]") {
  weft_runtime *rt = begin_real();
  struct line line;
  struct play waiting = {.act = wait_act, .letter = 'w'};
  open_line(rt, &line);
  line.waiter = &waiting;
  play_in(rt, 0, &waiting, 1);
  turn(rt);
  send_byte(&line);
  weft__poll(rt, false);
  CHECK_TEXT("i", said);
  CHECK_INT(WEFT_TASK_READY, state_of(rt, waiting.task));
  close_line(rt, &line);
  end(rt);
}

/* -- Blocking ------------------------------------------------------------- */

/* Yields until something was said. */
static int busy_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (said_count > 0)
    return play_end(play, play->status);
  if (play->line == 10)
    send_byte(play->data);
  return weft_yield(rt);
}

TEST("busy tasks do not starve I/O [1.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct line line = {{-1, -1}, 0, NULL};
    open_line(rt, &line);
    struct play busy = {.act = busy_act, .data = &line};
    play_in(rt, 0, &busy, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("i", said);
    close_line(rt, &line);
    end(rt);
  }
}

static int busy_until_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  (void)value;
  return said_count > 0 ? play_end(play, play->status) : weft_yield(rt);
}

TEST("busy tasks do not starve times [1.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct play busy = {.act = busy_until_act};
    struct play sleeping = {.act = sleep_act, .letter = 't'};
    sleeping.object = now_of(rt) + 1000000;
    play_in(rt, 0, &busy, stepped);
    play_in(rt, 0, &sleeping, stepped);
    end(rt);
    CHECK_TEXT("t", said);
  }
}

struct blocks {
  int count;
  int drops;
  bool inside;
  weft_runtime *rt;
  struct line *line;
};

static void around(weft_runtime *rt, void *arg, weft_block_fn block) {
  struct blocks *blocks = arg;
  CHECK(!blocks->inside);
  blocks->inside = true;
  blocks->count++;
  if (blocks->line != NULL)
    send_byte(blocks->line);
  block(rt);
  blocks->inside = false;
}

static void drop_blocks(void *arg) {
  ((struct blocks *)arg)->drops++;
}

static int watched_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct blocks *blocks = play->data;
  (void)value;
  CHECK(!blocks->inside);
  if (play->line < 20)
    return weft_yield(rt);
  CHECK_INT(0, blocks->count); /* not while anything was ready */
  if (play->line == 20)
    return weft_sleep_until(rt, now_of(rt) + 2000000);
  return play_end(play, play->status);
}

static int slept_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct blocks *blocks = play->data;
  (void)value;
  CHECK(!blocks->inside);
  if (play->line == 0)
    return weft_sleep_until(rt, now_of(rt) + play->object);
  return play_end(play, play->status);
}

TEST("the poll blocks only while nothing is ready [1.3] [31.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct blocks blocks = {.rt = rt};
    CHECK_INT(WEFT_OK, weft_set_around_block(rt, around, &blocks, drop_blocks));
    struct play busy = {.act = watched_act, .data = &blocks};
    play_in(rt, 0, &busy, stepped);
    while (busy.line < 20)
      turn(rt);
    CHECK_INT(0, blocks.count); /* weft_run_nowait never blocks */
    cancel_task(rt, busy.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    /* It may take several tries on a machine that is busy itself. */
    for (uint64_t ns = 500000; blocks.count == 0; ns *= 2) {
      struct play sleeping = {.act = slept_act, .data = &blocks, .object = ns};
      play_in(rt, 0, &sleeping, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
    }
    CHECK(!blocks.inside);
    CHECK_INT(0, blocks.drops);
    end(rt);
    CHECK_INT(1, blocks.drops);
  }
}

TEST("what comes while the poll blocks ends it; no callback is inside [31.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct line line;
    struct play waiting = {.act = wait_act, .letter = 'w'};
    open_line(rt, &line);
    line.waiter = &waiting;
    struct blocks blocks = {.rt = rt, .line = &line};
    CHECK_INT(WEFT_OK, weft_set_around_block(rt, around, &blocks, drop_blocks));
    play_in(rt, 0, &waiting, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, blocks.count);
    CHECK_TEXT("iw", said);
    /* Exchanged, the hook is dropped and not called any more. */
    CHECK_INT(WEFT_OK, weft_set_around_block(rt, NULL, NULL, NULL));
    CHECK_INT(1, blocks.drops);
    struct play sleeping = {.act = sleep_act, .letter = 't'};
    sleeping.object = now_of(rt) + 2000000;
    play_in(rt, 0, &sleeping, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, blocks.count);
    close_line(rt, &line);
    end(rt);
  }
}

/* Three sleeps, the last first; false if one was over before all had begun. */
static bool sleep_three(int stepped, uint64_t margin_ns) {
  weft_runtime *rt = begin_real();
  struct play sleeping[3];
  for (int i = 0; i < 3; i++) {
    sleeping[i] = (struct play){.act = sleep_act, .letter = 'c' - i};
    play_in(rt, 0, &sleeping[i], stepped);
  }
  uint64_t first = now_of(rt);
  for (int i = 0; i < 3; i++)
    sleeping[i].object = first + (uint64_t)(3 - i) * margin_ns;
  turn(rt);
  bool in_time = rt->timers.count == 3;
  CHECK_INT(WEFT_OK, weft_run(rt));
  if (in_time)
    CHECK_TEXT("abc", said);
  CHECK(now_of(rt) >= sleeping[0].object);
  end(rt);
  return in_time;
}

TEST("the blocking poll waits for the first time, not longer [1.3] [2.3]") {
  BOTH_KINDS {
    uint64_t margin_ns = 1000000;
    while (!sleep_three(stepped, margin_ns))
      margin_ns *= 2;
  }
}

static int never_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  struct line *line = play->data;
  if (play->line == 0)
    return weft_sleep_until(rt, UINT64_MAX);
  close_line(rt, line);
  return play_end(play, WEFT_OK);
}

static void cancel_on_readable(weft_runtime *rt, void *arg, int status,
                               int events) {
  (void)status;
  (void)events;
  cancel_task(rt, ((struct line *)arg)->waiter->task);
}

TEST("a watch that a callback's task closes is closed before the next poll") {
  weft_runtime *rt = begin_real();
  struct line line;
  struct play play = {.act = never_act, .data = &line};
  CHECK_INT(0, pipe(line.ends));
  CHECK_INT(WEFT_OK, weft_watch_new(rt, line.ends[0], cancel_on_readable, &line,
                                    NULL, &line.watch));
  CHECK_INT(WEFT_OK, weft_watch_set(rt, line.watch, WEFT_READABLE));
  line.waiter = &play;
  play_in(rt, 0, &play, 1);
  turn(rt);
  send_byte(&line); /* never read: it stays readable */
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, play.status);
}

static void *around_apart(void *arg) {
  struct blocks *blocks = arg;
  CHECK_INT(WEFT_ETHREAD,
            weft_set_around_block(blocks->rt, around, blocks, drop_blocks));
  CHECK_INT(1, blocks->drops);
  return NULL;
}

TEST("another thread is refused, its hook dropped [1.11]") {
  weft_runtime *rt = begin();
  struct blocks blocks = {.rt = rt};
  in_pthread_apart(around_apart, &blocks);
  CHECK(rt->around == NULL);
  end(rt);
}

TEST("a busy runtime without times or I/O need not ask the kernel") {
  weft_runtime *rt = begin_real();
  CHECK(weft__poll_is_due(rt)); /* nothing is ready: it has to block */
  struct play play = {.act = busy_until_act};
  play_in(rt, 0, &play, 1);
  CHECK(!weft__poll_is_due(rt));
  CHECK_INT(WEFT_OK, weft_post(rt, say_it, (char[]){"p"}, NULL));
  CHECK(weft__poll_is_due(rt));
  end(rt);
  CHECK_TEXT("p", said);
}

/* -- Inside the hook ------------------------------------------------------ */

struct scene {
  struct blocks blocks;
  struct line line;
  struct play waiter;
  int drops;
};

static void on_address(weft_runtime *rt, void *arg, int status,
                       const char *const *addresses, size_t count) {
  struct scene *scene = arg;
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(1, count);
  CHECK_TEXT("127.0.0.1", addresses[0]);
  CHECK(!scene->blocks.inside);
  say('r');
  CHECK_INT(WEFT_OK, weft_wake(rt, scene->waiter.task, WEFT_OK, 0));
}

static void drop_outside(void *arg) {
  struct scene *scene = arg;
  CHECK(!scene->blocks.inside);
  scene->drops++;
}

/* Closes its watch, of which libuv lets go later, and looks a name up. */
static void on_readable_once(weft_runtime *rt, void *arg, int status,
                             int events) {
  struct scene *scene = arg;
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(WEFT_READABLE, events);
  CHECK(!scene->blocks.inside);
  say('i');
  scene->blocks.line = NULL;
  CHECK_INT(WEFT_OK, weft_watch_close(rt, scene->line.watch));
  CHECK_INT(WEFT_OK, weft_resolve_start(rt, "127.0.0.1", on_address, scene,
                                        drop_outside, NULL));
}

/* The watch is made in the run: libuv learns of it in the poll. */
static int open_and_wait_act(weft_runtime *rt, struct play *play,
                             uint64_t *value) {
  struct scene *scene = play->data;
  if (play->line > 0)
    return wait_act(rt, play, value);
  CHECK_INT(0, pipe(scene->line.ends));
  CHECK_INT(WEFT_OK, weft_watch_new(rt, scene->line.ends[0], on_readable_once,
                                    scene, drop_outside, &scene->line.watch));
  CHECK_INT(WEFT_OK, weft_watch_set(rt, scene->line.watch, WEFT_READABLE));
  return weft_park(rt, "test", withdraw, NULL, value);
}

TEST("no callback and no drop function runs inside the hook [31.3]") {
  for (int is_virtual = 0; is_virtual <= 1; is_virtual++) {
    BOTH_KINDS {
      weft_runtime *rt = begin_real();
      struct scene scene = {.blocks = {.rt = rt}};
      CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, is_virtual, 0));
      CHECK_INT(WEFT_OK,
                weft_set_around_block(rt, around, &scene.blocks, drop_blocks));
      scene.blocks.line = &scene.line;
      scene.waiter = (struct play){
          .act = open_and_wait_act, .letter = 'w', .data = &scene};
      play_in(rt, 0, &scene.waiter, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("irw", said);
      CHECK(scene.blocks.count >= 1);
      CHECK_INT(2, scene.drops);
      close(scene.line.ends[0]);
      close(scene.line.ends[1]);
      end(rt);
    }
  }
}

static void wake_by_post(weft_runtime *rt, void *arg) {
  struct scene *scene = arg;
  CHECK(!scene->blocks.inside);
  CHECK_INT(WEFT_OK, weft_wake(rt, scene->waiter.task, WEFT_OK, 0));
}

static void *post_apart(void *arg) {
  struct scene *scene = arg;
  CHECK_INT(WEFT_OK, weft_post(scene->blocks.rt, wake_by_post, scene, NULL));
  return NULL;
}

static void around_post(weft_runtime *rt, void *arg, weft_block_fn block) {
  struct scene *scene = arg;
  pthread_t thread;
  scene->blocks.inside = true;
  scene->blocks.count++;
  CHECK_INT(0, pthread_create(&thread, NULL, post_apart, scene));
  block(rt);
  CHECK_INT(0, pthread_join(thread, NULL));
  scene->blocks.inside = false;
}

TEST("a post ends the wait inside the hook and runs after it [31.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct scene scene = {.blocks = {.rt = rt}};
    CHECK_INT(WEFT_OK, weft_set_around_block(rt, around_post, &scene, NULL));
    scene.waiter = (struct play){.act = wait_act, .letter = 'w'};
    play_in(rt, 0, &scene.waiter, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("w", said);
    CHECK_INT(1, scene.blocks.count);
    end(rt);
  }
}

static int kept_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)play;
  return weft_park(rt, "kept", NULL, NULL, value);
}

static void close_own(weft_runtime *rt, void *arg, int status, int events) {
  (void)status;
  (void)events;
  CHECK_INT(WEFT_OK, weft_watch_close(rt, ((struct line *)arg)->watch));
}

TEST("a callback that ends the last wait of a shutdown hangs nobody [22.4]") {
  for (int hooked = 0; hooked <= 1; hooked++) {
    weft_runtime *rt = begin_real();
    keep_reports(rt);
    struct line line;
    struct blocks blocks = {.rt = rt};
    struct play play = {.act = kept_act};
    if (hooked)
      CHECK_INT(WEFT_OK, weft_set_around_block(rt, around, &blocks, NULL));
    CHECK_INT(0, pipe(line.ends));
    CHECK_INT(WEFT_OK, weft_watch_new(rt, line.ends[0], close_own, &line, NULL,
                                      &line.watch));
    CHECK_INT(WEFT_OK, weft_watch_set(rt, line.watch, WEFT_READABLE));
    play_in(rt, 0, &play, 1);
    send_byte(&line);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(1, reports.count);
    close(line.ends[0]);
    close(line.ends[1]);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}

/* -- Stacks that are too many --------------------------------------------- */

static int yield_once(weft_runtime *rt, void *arg) {
  (void)arg;
  return weft_yield(rt);
}

/* Busy, so that no poll waits; each is a look, whatever the clock says. */
static int wait_for_fewer(weft_runtime *rt, void *arg) {
  bool *fewer = arg;
  for (int i = 0; i < 100000000 && !*fewer; i++) {
    rt->fibers.next_look_ns = 0;
    *fewer = !weft__stacks_linger(&rt->fibers);
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  return WEFT_OK;
}

TEST("stacks left over from a peak are given back by polls") {
  enum { PEAK = WEFT__STACKS_KEPT + 1000 };
  bool fewer = false;
  uint64_t timeout_ns = 0;
  weft_runtime *rt = begin_real();
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 16 * 1024));
  for (int i = 0; i < PEAK; i++)
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, yield_once, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(PEAK, rt->fibers.count);
  CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
  CHECK_INT(WEFT__STACKS_LOOK_NS, timeout_ns);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, wait_for_fewer, &fewer, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(fewer);
  CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
  CHECK(timeout_ns == UINT64_MAX);
  end(rt);
}
