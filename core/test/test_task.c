/* SPDX-License-Identifier: MIT
 * test_task.c - tasks: spawned, ended, awaited, cancelled, given back. */
#include "../core.h"
#include "job.h"

/* Ends with [number], after a yield for each of [object]. */
static int end_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if ((uint64_t)play->line < play->object)
    return weft_yield(rt);
  say(play->letter);
  return play_end(play, play->status == WEFT_OK ? play->number : play->status);
}

static struct play ending(int outcome, int yields, int letter) {
  return (struct play){.act = end_act,
                       .number = outcome,
                       .object = (uint64_t)yields,
                       .letter = letter};
}

static int await_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_task_await(rt, play->object);
  say(play->letter);
  return play_end(play, play->status);
}

static int join_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_task_join(rt, play->object);
  say(play->letter);
  if (play->line == 1)
    return weft_checkpoint(rt);
  return play_end(play, play->status);
}

/* -- Beginning and ending ------------------------------------------------- */

TEST("spawn queues the task; nothing of it has run [4.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = ending(WEFT_OK, 0, 'x');
    play_in(rt, 0, &play, stepped);
    CHECK_TEXT("", said);
    CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task));
    end(rt);
    CHECK_TEXT("x", said);
  }
}

TEST("a task ends finished, failed or cancelled [4.3]") {
  static const struct {
    int outcome, state, code;
  } ends[] = {{WEFT_OK, WEFT_TASK_FINISHED, 0},
              {2, WEFT_TASK_FINISHED, 0},
              {WEFT_ECANCELLED, WEFT_TASK_CANCELLED, 0},
              {WEFT_EHOST, WEFT_TASK_FAILED, WEFT_EHOST},
              {WEFT_ETIMEDOUT, WEFT_TASK_FAILED, WEFT_ETIMEDOUT},
              {-12345, WEFT_TASK_FAILED, -12345}};
  BOTH_KINDS {
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
      weft_runtime *rt = begin();
      weft_error *error = NULL;
      weft_value *result = (weft_value *)&error;
      struct play play = ending(ends[i].outcome, 0, 'x');
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_ESTATE, weft_task_get_error(rt, play.task, &error));
      CHECK_INT(WEFT_ESTATE, weft_task_get_result(rt, play.task, &result));
      CHECK(result == NULL);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(ends[i].state, state_of(rt, play.task));
      CHECK_INT(ends[i].code, code_of(rt, play.task));
      CHECK_INT(ends[i].state == WEFT_TASK_FINISHED ? WEFT_OK : WEFT_ESTATE,
                weft_task_get_result(rt, play.task, &result));
      CHECK(result == NULL);
      CHECK_INT(1, play.drops);
      end(rt);
    }
  }
}

TEST("one cancelled before it began runs up to its first point [4.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play waits = ending(WEFT_OK, 1, 'w'), has_none = ending(3, 0, 'n');
    play_in(rt, 0, &waits, stepped);
    play_in(rt, 0, &has_none, stepped);
    cancel_task(rt, waits.task);
    cancel_task(rt, has_none.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("wn", said);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, waits.task));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, has_none.task)); /* [4.4] */
    end(rt);
  }
}

TEST("cancel is fine again and again, and refused after the end [4.6]") {
  BOTH_KINDS {
    struct play play;
    weft_runtime *rt = begin_asleep(&play, stepped);
    cancel_task(rt, play.task);
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task)); /* does not wait */
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ESTATE, weft_task_cancel(rt, play.task, NULL));
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
    end(rt);
  }
}

TEST("a task that fails after it was cancelled has failed [4.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = ending(WEFT_EHOST, 0, 'x');
    play_in(rt, 0, &play, stepped);
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_EHOST, code_of(rt, play.task));
    end(rt);
  }
}

/* -- Awaiting ------------------------------------------------------------- */

TEST("any number may await, before and after the end [4.7] [4.10]") {
  BOTH_KINDS {
    for (int outcome = WEFT_EHOST; outcome <= WEFT_OK; outcome += 7) {
      weft_runtime *rt = begin();
      struct play task = ending(outcome, 3, 't'), waiters[3];
      play_in(rt, 0, &task, stepped);
      for (int i = 0; i < 3; i++) {
        waiters[i] = (struct play){
            .act = await_act, .letter = 'a' + i, .object = task.task};
        play_in(rt, 0, &waiters[i], i == 1 ? !stepped : stepped);
      }
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("tabc", said);
      struct play late = {.act = await_act, .letter = 'l', .object = task.task};
      play_in(rt, 0, &late, stepped);
      turn(rt);
      CHECK_TEXT("tabcl", said); /* in the same turn */
      for (int i = 0; i < 3; i++)
        CHECK_INT(WEFT_OK, waiters[i].status); /* however it ended */
      code_of(rt, task.task);
      end(rt);
    }
  }
}

TEST("cancelling who awaits leaves the awaited task alone [4.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play task = sleeping_play();
    play_in(rt, 0, &task, stepped);
    struct play first = {.act = await_act, .letter = 'f', .object = task.task};
    struct play second = {.act = await_act, .letter = 's', .object = task.task};
    play_in(rt, 0, &first, stepped);
    play_in(rt, 0, &second, stepped);
    turn(rt);
    cancel_task(rt, first.task);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, task.task));
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, second.task));
    cancel_task(rt, task.task);
    end(rt);
    CHECK_TEXT("fs", said);
    CHECK_INT(WEFT_OK, second.status);
  }
}

TEST("the task ends, then the awaiter is cancelled: delivered [3.4] [8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play task = ending(WEFT_OK, 1, 't');
    play_in(rt, 0, &task, stepped);
    struct play waiter = {.act = join_act, .letter = 'w', .object = task.task};
    struct play other = {.act = await_act, .letter = 'o', .object = task.task};
    play_in(rt, 0, &waiter, stepped);
    play_in(rt, 0, &other, stepped);
    turns(rt, 2);
    cancel_task(rt, other.task);
    end(rt);
    CHECK_INT(WEFT_OK, other.status);
  }
}

TEST("join is kept: Cancelled shows after it [3.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play task = sleeping_play();
    play_in(rt, 0, &task, stepped);
    struct play joiner = {.act = join_act, .letter = 'j', .object = task.task};
    play_in(rt, 0, &joiner, stepped);
    cancel_task(rt, joiner.task);
    turns(rt, 2);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, joiner.task));
    cancel_task(rt, task.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("jj", said);
    CHECK_INT(WEFT_ECANCELLED, joiner.status);
    end(rt);
  }
}

static int self_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  CHECK_INT(WEFT_ESTATE, weft_task_await(rt, play->task));
  CHECK_INT(WEFT_ESTATE, weft_task_join(rt, play->task));
  CHECK_INT(WEFT_ESTATE, weft_task_start(rt, play->task, value));
  return play_end(play, WEFT_OK);
}

TEST("a task cannot await itself [4.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = self_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, play.drops);
  }
}

TEST("outside a task nothing is awaited [1.11]") {
  weft_runtime *rt = begin();
  struct play play = ending(WEFT_OK, 0, 'x');
  uint64_t value = 7;
  play_in(rt, 0, &play, 1);
  CHECK_INT(WEFT_ESTATE, weft_task_await(rt, play.task));
  CHECK_INT(WEFT_ESTATE, weft_task_join(rt, play.task));
  CHECK_INT(WEFT_ESTATE, weft_task_start(rt, play.task, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, weft_task_await(rt, play.task));
  end(rt);
}

/* -- Handles -------------------------------------------------------------- */

TEST("giving a handle back neither stops nor frees the task [4.11]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = ending(WEFT_OK, 3, 'x');
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    CHECK_INT(WEFT_EBADF, weft_task_close(rt, play.task));
    end(rt);
    CHECK_TEXT("x", said);
    CHECK_INT(1, play.drops);
  }
}

struct self_closer {
  weft_runtime *rt;
  weft_task task;
  int outcome;
  int status;
  int again;
};

static void close_self(void *arg) {
  struct self_closer *closer = arg;
  int state;
  CHECK_INT(WEFT_OK, weft_task_get_state(closer->rt, closer->task, &state));
  closer->status = weft_task_close(closer->rt, closer->task);
  closer->again = weft_task_close(closer->rt, closer->task);
}

static int closer_step(weft_runtime *rt, void *arg, int status,
                       uint64_t value) {
  (void)rt;
  (void)status;
  (void)value;
  return ((struct self_closer *)arg)->outcome;
}

static int closer_body(weft_runtime *rt, void *arg) {
  return closer_step(rt, arg, WEFT_OK, 0);
}

TEST("an arg that holds its own task's handle may give it back") {
  BOTH_KINDS {
    for (int outcome = -1; outcome <= 1; outcome++) {
      weft_runtime *rt = begin();
      keep_reports(rt);
      struct self_closer closer = {.rt = rt,
                                   .outcome =
                                       outcome == 1 ? WEFT_EHOST : outcome,
                                   .status = 7};
      CHECK_INT(WEFT_OK, stepped ? weft_spawn_step(rt, 0, closer_step, &closer,
                                                   close_self, &closer.task)
                                 : weft_spawn(rt, 0, closer_body, &closer,
                                              close_self, &closer.task));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_OK, closer.status);
      CHECK_INT(WEFT_EBADF, closer.again);
      CHECK_INT(WEFT_EBADF, weft_task_cancel(rt, closer.task, NULL));
      CHECK_INT(outcome == 1, reports.count);
      end(rt);
    }
  }
}

TEST("a task's memory goes with its end, if nobody owns it") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    size_t before = 0;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 20; i++) {
        static struct play plays[20];
        plays[i] = ending(WEFT_OK, i % 3, 'x');
        play_in(rt, 0, &plays[i], stepped);
        CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
      }
      CHECK_INT(WEFT_OK, weft_run(rt));
      if (round == 2)
        before = failing_live_bytes();
    }
    CHECK_INT(before, failing_live_bytes());
    end(rt);
  }
}

static int spawn_join_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  struct play *child = play->data;
  (void)value;
  if (play->line == 1000)
    return play_end(play, WEFT_OK);
  if (play->line > 0)
    CHECK_INT(WEFT_OK, weft_task_close(rt, child->task));
  *child = ending(WEFT_OK, 1, '.');
  play_in(rt, 0, child, play->number);
  return weft_task_await(rt, child->task);
}

TEST("spawn and join allocate nothing once they are warm") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play child;
    struct play play = {
        .act = spawn_join_act, .data = &child, .number = stepped};
    play_in(rt, 0, &play, stepped);
    turns(rt, 30);
    long before = failing_allocations();
    turns(rt, 900);
    CHECK(play.line > 200);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

/* -- Refused -------------------------------------------------------------- */

struct refused {
  weft_runtime *rt;
  int drops;
};

static void count_refused(void *arg) {
  ((struct refused *)arg)->drops++;
}

static void *spawn_apart(void *arg) {
  struct refused *refused = arg;
  weft_task task = 7;
  uint64_t done = 7;
  CHECK_INT(WEFT_ETHREAD, weft_spawn(refused->rt, 0, closer_body, refused,
                                     count_refused, &task));
  CHECK_INT(0, task);
  task = 7;
  CHECK_INT(WEFT_ETHREAD, weft_spawn_step(refused->rt, 0, closer_step, refused,
                                          count_refused, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ETHREAD, weft_task_on_done(refused->rt, 1, NULL, refused,
                                            count_refused, &done));
  CHECK_INT(0, done);
  CHECK_INT(WEFT_ETHREAD, weft_task_current(refused->rt, &task));
  return NULL;
}

TEST("a spawn from another thread is refused, its arg dropped [4.15]") {
  weft_runtime *rt = begin();
  struct refused refused = {rt, 0};
  in_pthread_apart(spawn_apart, &refused);
  CHECK_INT(3, refused.drops);
  end(rt);
}

TEST("a spawn into what is no group is refused, its arg dropped [4.15]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    weft_event event;
    CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
    for (int i = 0; i < 2; i++) {
      struct play play = ending(WEFT_OK, 0, 'x');
      play.task = 7;
      CHECK_INT(WEFT_ESTATE,
                play_try(rt, i == 0 ? event : 123456789, &play, stepped));
      CHECK_INT(0, play.task);
      CHECK_INT(1, play.drops);
    }
    end(rt);
    CHECK_TEXT("", said);
  }
}

/* -- Many ----------------------------------------------------------------- */

enum { MANY = 1000000 };

static int many_ended, many_woken_wrong;

static int many_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  bool *begun = arg;
  (void)value;
  if (!*begun) {
    *begun = true;
    return weft_sleep_until(rt, UINT64_MAX);
  }
  if (status != WEFT_ECANCELLED)
    many_woken_wrong++;
  many_ended++;
  return status;
}

static int hold_many_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  static bool begun[MANY];
  weft_scope scope;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    for (int i = 0; i < MANY; i++)
      if (weft_spawn_step(rt, play->group, many_step, &begun[i], NULL, NULL))
        CHECK_INT(0, i);
    return weft_yield(rt);
  }
  if (play->line == 1) {
    CHECK_INT(WEFT_OK, weft_group_get_scope(rt, play->group, &scope));
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
    CHECK_INT(0, many_ended);
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  return play_end(play, play->status);
}

TEST("1,000,000 tasks are parked, cancelled and joined") {
  weft_runtime *rt = begin();
  alarm(900);
  struct play play = {.act = hold_many_act};
  play_in(rt, 0, &play, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(MANY, many_ended);
  CHECK_INT(0, many_woken_wrong);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
  end(rt);
}

TEST("a stackful task of no function is refused, its arg dropped") {
  weft_runtime *rt = begin();
  struct play play = sleeping_play();
  play.task = 7;
  CHECK_INT(WEFT_EINVAL, weft_spawn(rt, 0, NULL, &play, play_drop, &play.task));
  CHECK_INT(0, play.task);
  CHECK_INT(1, play.drops);
  CHECK(list_is_empty(&rt->tasks));
  end(rt);
}
