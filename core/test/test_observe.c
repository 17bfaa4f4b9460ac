/* SPDX-License-Identifier: MIT
 * test_observe.c - the observer of tasks, the times of steps, and what another
 * thread may ask. */
#include "../core.h"
#include "job.h"

/* -- What the observer saw ------------------------------------------------ */

/* As text: the event's letter and the task's id, "S1B1P1:sleep". */
static char seen[1024];
static uint64_t last_time_ns;
static int drops;

static void see(weft_runtime *rt, void *arg, int event, uint64_t time_ns,
                uint64_t task, uint64_t detail, const char *text) {
  static const char letters[] = "?SNBPYWE";
  size_t length = strlen(seen);
  (void)rt;
  CHECK(arg == seen);
  CHECK(time_ns >= last_time_ns);
  last_time_ns = time_ns;
  CHECK(event >= WEFT_OBSERVED_SPAWN && event <= WEFT_OBSERVED_END);
  snprintf(seen + length, sizeof seen - length, "%s%c%d",
           length == 0 ? "" : " ", letters[event], (int)task);
  length = strlen(seen);
  if (text != NULL)
    snprintf(seen + length, sizeof seen - length, ":%s", text);
  else if (event == WEFT_OBSERVED_END || detail != 0)
    snprintf(seen + length, sizeof seen - length, "/%d", (int)detail);
}

static void count_drop(void *arg) {
  CHECK(arg == seen);
  drops++;
}

static weft_runtime *begin_seen(void) {
  weft_runtime *rt = begin();
  seen[0] = '\0';
  CHECK_INT(WEFT_OK, weft_set_observer(rt, see, seen, count_drop));
  return rt;
}

/* Ends the test; [rest] is what the observer sees until then. */
static void end_seen(weft_runtime *rt, const char *rest) {
  seen[0] = '\0';
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_TEXT(rest, seen);
  end(rt);
}

static int rest_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  switch (play->line) {
  case 0:
    return weft_sleep_until(rt, 5);
  case 1:
    return weft_yield(rt);
  default:
    return play_end(play, WEFT_OK);
  }
}

TEST("a task is told of from its spawn to its end, in both kinds") {
  BOTH_KINDS {
    weft_runtime *rt = begin_seen();
    struct play play = {.act = rest_act};
    play_in(rt, 0, &play, stepped);
    CHECK_TEXT("S1", seen);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, "sleeper"));
    end_seen(rt, "B1 P1:sleep W1 B1 Y1 B1 E1/4");
  }
}

TEST("a cancelled task is woken by nobody and ends as that") {
  BOTH_KINDS {
    weft_runtime *rt = begin_seen();
    struct play sleeper = sleeping_play();
    play_in(rt, 0, &sleeper, stepped);
    turn(rt);
    cancel_task(rt, sleeper.task);
    CHECK_TEXT("S1 B1 P1:sleep W1", seen);
    end_seen(rt, "B1 E1/6");
  }
}

/* -- Who wakes whom, who spawns whom -------------------------------------- */

static int wait_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_event_wait(rt, play->object)
                         : play_end(play, WEFT_OK);
}

static int set_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->data != NULL)
    play_in(rt, 0, play->data, play->number);
  CHECK_INT(WEFT_OK, weft_event_set(rt, play->object));
  return play_end(play, WEFT_OK);
}

TEST("who wakes and who spawns is named by its id") {
  BOTH_KINDS {
    weft_runtime *rt = begin_seen();
    struct play waiter = {.act = wait_act}, child = {.act = wait_act};
    struct play setter = {.act = set_act, .data = &child, .number = stepped};
    CHECK_INT(WEFT_OK, weft_event_new(rt, &waiter.object));
    setter.object = child.object = waiter.object;
    play_in(rt, 0, &waiter, stepped);
    turn(rt);
    play_in(rt, 0, &setter, stepped);
    seen[0] = '\0';
    turn(rt);
    CHECK_TEXT("B2 S3/2 W1/2 E2/4", seen);
    end_seen(rt, "B3 E3/4 B1 E1/4");
  }
}

/* -- Turned on and off ---------------------------------------------------- */

static int turn_on_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    CHECK_INT(WEFT_OK, weft_set_observer(rt, see, seen, count_drop));
  if (play->line == 2)
    CHECK_INT(WEFT_OK, weft_set_observer(rt, NULL, NULL, NULL));
  return play->line < 4 ? weft_yield(rt) : play_end(play, WEFT_OK);
}

TEST("it may be turned on and off in a step, which is told of from its end") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play before = {.act = rest_act}, play = {.act = turn_on_act};
    drops = 0;
    seen[0] = '\0';
    play_in(rt, 0, &before, stepped);
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_TEXT("Y2", seen);
    turn(rt);
    CHECK_INT(0, drops);
    CHECK_TEXT("Y2 B2 Y2", seen);
    end_seen(rt, "B2");
    CHECK_INT(1, drops);
  }
}

TEST("another takes its place; the last goes with the runtime") {
  weft_runtime *rt = begin_seen();
  drops = 0;
  CHECK_INT(WEFT_OK, weft_set_observer(rt, see, seen, count_drop));
  CHECK_INT(1, drops);
  end(rt);
  CHECK_INT(2, drops);
}

static void *set_from_outside(void *arg) {
  CHECK_INT(WEFT_ETHREAD, weft_set_observer(arg, see, seen, count_drop));
  CHECK_INT(WEFT_ETHREAD, weft_set_slow(arg, 1));
  return NULL;
}

TEST("another thread cannot set it; what it gave is dropped") {
  weft_runtime *rt = begin();
  drops = 0;
  in_pthread_apart(set_from_outside, rt);
  CHECK_INT(1, drops);
  end(rt);
}

TEST("watched or not, the order of things is the same") {
  for (int watched = 0; watched <= 1; watched++) {
    weft_runtime *rt = watched ? begin_seen() : begin();
    struct play plays[3];
    for (int i = 0; i < 3; i++) {
      plays[i] = (struct play){.act = turn_on_act, .line = 0};
      plays[i].act = rest_act;
      play_in(rt, 0, &plays[i], i % 2);
    }
    uint64_t steps;
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_get_stat(rt, WEFT_STAT_STEPS, &steps));
    CHECK_INT(9, steps);
    end(rt);
  }
}

/* -- Pull mode ------------------------------------------------------------ */

TEST("steps that the host runs itself are told of, too") {
  weft_runtime *rt = begin_seen();
  weft_task task;
  void *arg;
  int status;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, NULL, seen, NULL, &task));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_PARKED, weft_yield(rt));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_PARKED));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
  CHECK_TEXT("S1 B1 Y1 B1 E1/4", seen);
  end(rt);
}

/* -- Slow steps ----------------------------------------------------------- */

static void spin_ms(double ms) {
  uint64_t until_ns = weft__now_real() + (uint64_t)(ms * 1e6);
  while (weft__now_real() < until_ns)
    ;
}

static int spin_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == play->number)
    spin_ms(6);
  return play->line < 2 ? weft_yield(rt) : play_end(play, WEFT_OK);
}

TEST("a step of the limit or more is reported when it parks or ends [29.2]") {
  BOTH_KINDS {
    for (int line = 0; line <= 2; line++) {
      weft_runtime *rt = begin(); /* its clock is virtual: real time counts */
      keep_reports(rt);
      struct play play = {.act = spin_act, .number = line};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_set_slow(rt, 5000000));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK(reports.count >= 1); /* more on a busy machine */
      CHECK_INT(WEFT_REPORT_SLOW, reports.kinds[0]);
      CHECK(reports.tasks[0] == play.task);
      uint64_t longest_ns;
      CHECK_INT(WEFT_OK,
                weft_get_stat(rt, WEFT_STAT_LONGEST_STEP_NS, &longest_ns));
      CHECK(longest_ns >= 6000000);
      end(rt);
    }
  }
}

TEST("below the limit, or with none, nothing is reported [29.2]") {
  for (int limit = 0; limit <= 1; limit++) {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = {.act = spin_act, .number = 1};
    CHECK_INT(WEFT_OK, weft_set_slow(rt, limit ? UINT64_MAX : 0));
    play_in(rt, 0, &play, limit);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(0, reports.count);
    uint64_t longest_ns;
    CHECK_INT(WEFT_OK,
              weft_get_stat(rt, WEFT_STAT_LONGEST_STEP_NS, &longest_ns));
    CHECK_INT(limit, longest_ns >= 6000000);
    end(rt);
  }
}

static void spin_call(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  spin_ms(6);
}

TEST("a callback that takes so long is reported without a task [29.2]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  CHECK_INT(WEFT_OK, weft_set_slow(rt, 5000000));
  CHECK_INT(WEFT_OK, weft_call_soon(rt, spin_call, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_REPORT_SLOW, reports.kinds[0]);
  CHECK(reports.tasks[0] == 0);
  uint64_t calls;
  CHECK_INT(WEFT_OK, weft_get_stat(rt, WEFT_STAT_CALLS, &calls));
  CHECK_INT(1, calls);
  end(rt);
}

static int yield_slowly(void *arg) {
  weft_runtime *rt = arg;
  struct play play = {.act = spin_act, .number = 0};
  play_in(rt, 0, &play, 1);
  failing_after(1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(failing_has_failed());
  failing_after(0);
  return weft_task_close(rt, play.task);
}

TEST("want of memory loses the words of a report, not the report [29.2]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct play warm = {.act = rest_act};
  play_in(rt, 0, &warm, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, warm.task));
  CHECK_INT(WEFT_OK, weft_set_slow(rt, 5000000));
  CHECK_INT(WEFT_OK, yield_slowly(rt));
  CHECK(reports.count >= 1);
  CHECK_INT(WEFT_REPORT_SLOW, reports.kinds[0]);
  CHECK_INT(WEFT_ENOMEM, reports.codes[0]);
  end(rt);
}

/* -- Progress ------------------------------------------------------------- */

static struct {
  uint64_t before, within, after;
  int busy_before, busy_within, busy_after;
} progress;

static void *watch_within(void *arg) {
  weft_get_progress(arg, &progress.within, &progress.busy_within);
  return NULL;
}

static int ask_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  char text[16], cut[4];
  (void)value;
  in_pthread_apart(watch_within, rt);
  weft_peek_task(rt, text, sizeof text);
  CHECK_TEXT("asker", text);
  weft_peek_task(rt, cut, sizeof cut);
  CHECK_TEXT("ask", cut);
  return play_end(play, WEFT_OK);
}

TEST("another thread sees whether a step runs, and that it has ended") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = ask_act};
    char text[16];
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, "asker"));
    weft_peek_task(rt, text, sizeof text);
    CHECK_TEXT("", text);
    weft_get_progress(rt, &progress.before, &progress.busy_before);
    CHECK_INT(WEFT_OK, weft_run(rt));
    weft_get_progress(rt, &progress.after, &progress.busy_after);
    CHECK_INT(0, progress.busy_before);
    CHECK_INT(1, progress.busy_within);
    CHECK_INT(0, progress.busy_after);
    CHECK(progress.within > progress.before);
    CHECK(progress.after >= progress.within);
    end(rt);
  }
}

static int busy_in_poll;

static void stop_sleeper(weft_runtime *rt, void *arg) {
  cancel_task(rt, *(weft_task *)arg);
}

/* The wait ends by a post, at once. */
static void look_in_poll(weft_runtime *rt, void *arg, weft_block_fn block) {
  uint64_t count;
  weft_get_progress(rt, &count, &busy_in_poll);
  CHECK_INT(WEFT_OK, weft_post(rt, stop_sleeper, arg, NULL));
  block(rt);
}

TEST("a runtime that waits in a poll is not busy") {
  weft_runtime *rt = begin();
  struct play sleeper = sleeping_play();
  busy_in_poll = 9;
  play_in(rt, 0, &sleeper, 1);
  CHECK_INT(WEFT_OK,
            weft_set_around_block(rt, look_in_poll, &sleeper.task, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, busy_in_poll);
  end(rt);
}
