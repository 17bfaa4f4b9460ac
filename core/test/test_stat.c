/* SPDX-License-Identifier: MIT
 * test_stat.c - the numbers of a running program. */
#include "job.h"

static uint64_t stat_of(weft_runtime *rt, int stat) {
  uint64_t value = 99;
  CHECK_INT(WEFT_OK, weft_get_stat(rt, stat, &value));
  return value;
}

static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line < play->number ? weft_yield(rt) : play_end(play, WEFT_OK);
}

TEST("turns, steps and polls are counted, in both kinds of task") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play a = {.act = yield_act, .number = 2};
    struct play b = {.act = yield_act, .number = 2};
    play_in(rt, 0, &a, stepped);
    play_in(rt, 0, &b, stepped);
    CHECK_INT(0, stat_of(rt, WEFT_STAT_STEPS));
    CHECK_INT(0, stat_of(rt, WEFT_STAT_TURNS));
    turn(rt);
    CHECK_INT(2, stat_of(rt, WEFT_STAT_STEPS));
    CHECK_INT(1, stat_of(rt, WEFT_STAT_TURNS));
    CHECK_INT(1, stat_of(rt, WEFT_STAT_POLLS));
    turns(rt, 2);
    CHECK_INT(6, stat_of(rt, WEFT_STAT_STEPS));
    CHECK_INT(3, stat_of(rt, WEFT_STAT_TURNS));
    CHECK_INT(3, stat_of(rt, WEFT_STAT_POLLS));
    end(rt);
  }
}

TEST("tasks are counted by what they do, and times that are set") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play sleeper = sleeping_play(), ready = {.act = yield_act};
    CHECK_INT(0, stat_of(rt, WEFT_STAT_TASKS));
    play_in(rt, 0, &sleeper, stepped);
    turn(rt);
    play_in(rt, 0, &ready, stepped);
    CHECK_INT(2, stat_of(rt, WEFT_STAT_TASKS));
    CHECK_INT(1, stat_of(rt, WEFT_STAT_READY));
    CHECK_INT(1, stat_of(rt, WEFT_STAT_PARKED));
    CHECK_INT(0, stat_of(rt, WEFT_STAT_RUNNING));
    CHECK_INT(0, stat_of(rt, WEFT_STAT_TIMERS)); /* the sleep has no end */
    cancel_task(rt, sleeper.task);
    end(rt);
  }
}

static int look_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  CHECK_INT(1, stat_of(rt, WEFT_STAT_RUNNING));
  CHECK_INT(0, stat_of(rt, WEFT_STAT_READY));
  return play->line == 0 ? weft_sleep_until(rt, 5) : play_end(play, WEFT_OK);
}

TEST("a task that asks is the one that runs; a sleep has a time") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = look_act};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(0, stat_of(rt, WEFT_STAT_RUNNING));
    CHECK_INT(1, stat_of(rt, WEFT_STAT_TIMERS));
    end(rt);
  }
}

/* -- Objects -------------------------------------------------------------- */

/* The kinds of all open objects but the root group, in the order of their
 * slots, one letter each or more. */
static void list_kinds(weft_runtime *rt, char *text, size_t size_bytes) {
  uint64_t handle = 0;
  const char *kind;
  text[0] = '\0';
  for (;;) {
    CHECK_INT(WEFT_OK, weft_object_next(rt, handle, &handle, &kind));
    if (handle == 0)
      break;
    CHECK(kind != NULL);
    size_t length = strlen(text);
    snprintf(text + length, size_bytes - length, "%s;", kind);
  }
  CHECK(kind == NULL);
}

TEST("objects are found by walking, wait lists by what is waited for there") {
  weft_runtime *rt = begin();
  weft_event first, second;
  weft_lock lock;
  weft_waitlist list;
  char kinds[128];
  CHECK_INT(WEFT_OK, weft_event_new(rt, &first));
  CHECK_INT(WEFT_OK, weft_lock_new(rt, &lock));
  CHECK_INT(WEFT_OK, weft_event_new(rt, &second));
  CHECK_INT(WEFT_OK, weft_waitlist_new(rt, "letters", &list));
  list_kinds(rt, kinds, sizeof kinds);
  CHECK_TEXT("group;event;lock;event;letters;", kinds);
  CHECK_INT(WEFT_OK, weft_event_close(rt, first));
  list_kinds(rt, kinds, sizeof kinds);
  CHECK_TEXT("group;lock;event;letters;", kinds);
  end(rt);
}

TEST("the object asked for last may be closed meanwhile") {
  weft_runtime *rt = begin();
  weft_event event;
  weft_lock lock;
  uint64_t handle = 0;
  const char *kind;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  CHECK_INT(WEFT_OK, weft_lock_new(rt, &lock));
  CHECK_INT(WEFT_OK, weft_event_close(rt, event));
  CHECK_INT(WEFT_OK, weft_object_next(rt, event, &handle, &kind));
  CHECK(handle == lock);
  CHECK_TEXT("lock", kind);
  end(rt);
}

static void no_call(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

static void close_and_walk(void *arg) {
  char kinds[128];
  list_kinds(arg, kinds, sizeof kinds);
  CHECK(strstr(kinds, "timer") == NULL);
}

TEST("who walks while the runtime is freed finds nothing half closed") {
  weft_runtime *rt = begin();
  weft_waitlist list;
  weft_timer timer;
  CHECK_INT(WEFT_OK, weft_waitlist_new(rt, "letters", &list));
  CHECK_INT(WEFT_OK,
            weft_call_at(rt, 1000, no_call, rt, close_and_walk, &timer));
  end(rt);
}

/* -- Refused -------------------------------------------------------------- */

static void *ask(void *arg) {
  uint64_t value = 99;
  CHECK_INT(WEFT_ETHREAD, weft_get_stat(arg, WEFT_STAT_TURNS, &value));
  CHECK_INT(0, value);
  return NULL;
}

TEST("what is no number of these is refused, and another thread") {
  weft_runtime *rt = begin();
  uint64_t value = 99;
  static const int unknown[] = {-1, 0, 1000};
  for (int i = 0; i < 3; i++) {
    CHECK_INT(WEFT_EINVAL, weft_get_stat(rt, unknown[i], &value));
    CHECK_INT(0, value);
  }
  in_pthread_apart(ask, rt);
  end(rt);
}
