/* SPDX-License-Identifier: MIT
 * test_runtime_end.c - the shutdown: main's end, what is joined, what is given
 * up. */
#include "../core.h"
#include "job.h"

/* As [end], where tasks were given up. */
static void end_given_up(weft_runtime *rt, uint32_t count) {
  CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
  CHECK_INT(count, rt->given_up_count);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == play->number)
    return play_end(play, play->status);
  return weft_yield(rt);
}

/* -- Main ----------------------------------------------------------------- */

TEST("when main has ended, the others are cancelled and joined [22.2]") {
  static const int outcomes[] = {WEFT_OK, WEFT_EHOST, WEFT_ECANCELLED};
  BOTH_KINDS {
    for (int i = 0; i < 3; i++) {
      weft_runtime *rt = begin();
      keep_reports(rt);
      struct play main_play = {.act = yield_act, .number = 2},
                  background[3] = {sleeping_play(), sleeping_play(),
                                   sleeping_play()};
      main_play.status = outcomes[i];
      play_in(rt, 0, &main_play, stepped);
      for (int k = 0; k < 3; k++)
        play_in(rt, 0, &background[k], k % 2);
      CHECK_INT(WEFT_OK, weft_set_main(rt, main_play.task));
      CHECK_INT(WEFT_OK, weft_run(rt));
      for (int k = 0; k < 3; k++)
        CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, background[k].task));
      end(rt);
      CHECK_INT(0, reports.count);
    }
  }
}

TEST("without main a run lasts until every task has ended") {
  weft_runtime *rt = begin();
  struct play first = {.act = yield_act, .number = 1},
              second = {.act = yield_act, .number = 50};
  play_in(rt, 0, &first, 1);
  play_in(rt, 0, &second, 0);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, second.task));
  end(rt);
}

TEST("a main task that has ended already begins the shutdown at once") {
  weft_runtime *rt = begin();
  struct play main_play = {.act = yield_act}, other = sleeping_play();
  play_in(rt, 0, &main_play, 1);
  play_in(rt, 0, &other, 1);
  turn(rt);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, main_play.task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, main_play.task));
  CHECK_INT(WEFT_OK, weft_task_close(rt, main_play.task));
  CHECK(rt->main_task == NULL);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_ECANCELLED, other.status);
  end(rt);
}

static int spawn_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  struct play *child = play->data;
  if (play->line == 0)
    return weft_sleep_until(rt, UINT64_MAX);
  *child = sleeping_play();
  play_in(rt, 0, child, play->number);
  return play_end(play, WEFT_OK);
}

TEST("what is spawned in a shutdown starts and is joined too [22.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play child,
        play = {.act = spawn_act, .data = &child, .number = !stepped};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, child.status);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, child.task));
    end(rt);
  }
}

/* Sleeps, shielded, until [object]. */
static int shielded_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_scope_open(rt, UINT64_MAX, 1, &play->scope);
  if (play->line == 1)
    return weft_sleep_until(rt, play->object);
  if (play->line == 2) {
    say(play->status == WEFT_OK ? 'o' : 'c');
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  }
  return play_end(play, play->status);
}

TEST("shielded cleanup is waited for [12.1] [22.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = shielded_act, .object = 5000};
    uint64_t now;
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("o", said);
    CHECK_INT(WEFT_OK, weft_now(rt, &now));
    CHECK_INT(5000, now);
    end(rt);
  }
}

TEST("a shutdown at once lifts shields, also in one under way [12.1]") {
  BOTH_KINDS {
    for (int under_way = 0; under_way < 2; under_way++) {
      weft_runtime *rt = begin();
      struct play play = {.act = shielded_act, .object = 5000};
      uint64_t now;
      play_in(rt, 0, &play, stepped);
      turn(rt);
      if (under_way)
        CHECK_INT(WEFT_OK, weft_shutdown(rt));
      CHECK_INT(WEFT_OK, weft_shutdown_now(rt));
      CHECK_INT(WEFT_OK, weft_shutdown_now(rt));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("c", said);
      CHECK_INT(WEFT_OK, weft_now(rt, &now));
      CHECK(now < 5000);
      end(rt);
    }
  }
}

/* -- Given up ------------------------------------------------------------- */

TEST("with nothing left to wake it a task loses its shields [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play plays[2];
    for (int i = 0; i < 2; i++) {
      plays[i] = (struct play){.act = shielded_act, .object = UINT64_MAX};
      play_in(rt, 0, &plays[i], stepped);
    }
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, plays[0].task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("cc", said);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, plays[0].task));
    end(rt);
  }
}

static int kept_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  return weft_park(rt, "kept", NULL, NULL, value);
}

TEST("what stays parked even so is given up, the newest first [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
      jobs[i] = (struct job){.call = kept_call};
      start(rt, &jobs[i], stepped);
    }
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(3, reports.count);
    for (int i = 0; i < 3; i++) {
      CHECK_INT(WEFT_REPORT_GIVEN_UP, reports.kinds[i]);
      CHECK_INT(WEFT_EGIVENUP, reports.codes[i]);
      CHECK(reports.tasks[i] == jobs[2 - i].task);
      CHECK_INT(WEFT_TASK_FAILED, state_of(rt, jobs[i].task));
      CHECK_INT(WEFT_EGIVENUP, code_of(rt, jobs[i].task));
      CHECK_INT(0, jobs[i].done);
    }
    end_given_up(rt, 3);
  }
}

static int owner_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0) {
    struct job *job = play->data;
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    CHECK_INT(WEFT_OK,
              weft_spawn_step(rt, play->group, job_step, job, NULL, NULL));
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  weft_error_unref((weft_error *)(uintptr_t)play->value);
  return play_end(play, play->status);
}

TEST("who waits for a task that is given up goes on [22.4] [22.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct job job = {.call = kept_call};
    struct play owner = {.act = owner_act, .data = &job};
    play_in(rt, 0, &owner, stepped);
    turns(rt, 2);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(WEFT_EGROUP, owner.status);
    CHECK_INT(WEFT_EGROUP, code_of(rt, owner.task));
    CHECK_INT(1, reports.count);
    end_given_up(rt, 1);
  }
}

/* Swallows [number] Cancelled, then ends. */
static int swallow_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line > play->number)
    return play_end(play, WEFT_OK);
  return play->line % 2 ? weft_checkpoint(rt)
                        : weft_sleep_until(rt, UINT64_MAX);
}

TEST("who swallows 1,000 Cancelled in a shutdown is given up [22.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = {.act = swallow_act, .number = 1000000};
    struct play patient = {.act = swallow_act, .number = 998};
    play_in(rt, 0, &play, stepped);
    play_in(rt, 0, &patient, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(999, play.line);
    CHECK_INT(1, play.drops);
    CHECK_INT(WEFT_EGIVENUP, code_of(rt, play.task));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, patient.task));
    CHECK_INT(1, reports.count);
    end_given_up(rt, 1);
  }
}

TEST("what it swallowed before the shutdown does not count [22.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = {.act = swallow_act, .number = 1500};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    cancel_task(rt, play.task);
    while (play.line < 900)
      turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    end(rt);
    CHECK_INT(0, reports.count);
    CHECK_INT(1501, play.line);
  }
}

struct generation {
  int stepped;
  int begun;
  int drops;
};

static int generation_body(weft_runtime *rt, void *arg);

static void count_generation(void *arg) {
  ((struct generation *)arg)->drops++;
}

static int generation_step(weft_runtime *rt, void *arg, int status,
                           uint64_t value) {
  struct generation *generation = arg;
  (void)status;
  (void)value;
  generation->begun++;
  return generation->stepped
             ? weft_spawn_step(rt, 0, generation_step, arg, count_generation,
                               NULL)
             : weft_spawn(rt, 0, generation_body, arg, count_generation, NULL);
}

static int generation_body(weft_runtime *rt, void *arg) {
  return generation_step(rt, arg, WEFT_OK, 0);
}

TEST("the 100th generation spawned in a shutdown is given up [22.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct generation generation = {.stepped = stepped};
    CHECK_INT(WEFT_OK, generation_step(rt, &generation, WEFT_OK, 0));
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    end_given_up(rt, 1);
    /* The call above, the first task, and the generations 1 to 99. */
    CHECK_INT(101, generation.begun);
    CHECK_INT(101, generation.drops);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_GIVEN_UP, reports.kinds[0]);
  }
}

static int open_all_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0) {
    weft_scope scope;
    weft_group group;
    CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &scope));
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &group));
    CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &scope));
    play->object = scope;
    struct play *child = play->data;
    *child = sleeping_play();
    play_in(rt, group, child, 1);
  }
  return weft_park(rt, "kept", NULL, NULL, value);
}

TEST("what a given-up task has open ends with it [22.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play child, play = {.act = open_all_act, .data = &child};
    play_in(rt, 0, &play, stepped);
    turns(rt, 2);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, child.status);
    CHECK_INT(WEFT_EBADF, weft_scope_cancel(rt, play.object, NULL));
    CHECK_INT(1, play.drops);
    end_given_up(rt, 1);
  }
}

TEST("driven by the host, a shutdown goes on until no work is left [31.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct job kept = {.call = kept_call};
    struct play shielded = {.act = shielded_act, .object = UINT64_MAX};
    int work = 1, count = 0;
    start(rt, &kept, stepped);
    play_in(rt, 0, &shielded, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    for (; work && count < 100; count++)
      CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
    CHECK(count < 100);
    CHECK_TEXT("c", said);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}
