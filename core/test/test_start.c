/* SPDX-License-Identifier: MIT
 * test_start.c - the start handshake: whose the child is, until it is up. */
#include "../core.h"
#include "job.h"

/* A child that yields, is ready with 42 if [object] says so, sleeps until 100
 * and ends with [number]. */
static int child_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_yield(rt);
  if (play->status == WEFT_ECANCELLED) {
    say('C');
    if (play->object == 2)
      CHECK_INT(WEFT_OK, weft_task_ready(rt, play->task, 5)); /* ignored */
    return play_end(play, play->data == NULL ? WEFT_ECANCELLED : WEFT_EIO);
  }
  if (play->line == 1 && play->object == 1) {
    CHECK_INT(WEFT_OK, weft_task_ready(rt, play->task, 42));
    CHECK_INT(WEFT_ESTATE, weft_task_ready(rt, play->task, 43));
    say('R');
  }
  if (play->line == 1)
    return weft_sleep_until(rt, 100);
  say('E');
  return play_end(play, play->number);
}

struct starter {
  struct play play;
  struct play child;
  int stepped;
  int started;
  uint64_t value;
  int joined;
  weft_error *error;
  int next;
};

static int starter_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct starter *starter = play->data;
  switch (play->line) {
  case 0:
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    play_in(rt, play->group, &starter->child, starter->stepped);
    return weft_task_start(rt, starter->child.task, value);
  case 1:
    say('S');
    starter->started = play->status;
    starter->value = play->value;
    return weft_group_join(rt, play->group,
                           play->status == WEFT_ECANCELLED ? WEFT_ECANCELLED
                                                           : WEFT_OK,
                           NULL, value);
  case 2:
    say('J');
    starter->joined = play->status;
    starter->error = (weft_error *)(uintptr_t)play->value;
    return weft_checkpoint(rt);
  default:
    starter->next = play->status;
    return play_end(play, play->status);
  }
}

static void begin_start(weft_runtime *rt, struct starter *starter, int ready,
                        int outcome, int stepped) {
  *starter = (struct starter){.stepped = stepped, .started = 77};
  starter->child = (struct play){
      .act = child_act, .object = (uint64_t)ready, .number = outcome};
  starter->play = (struct play){.act = starter_act, .data = starter};
  play_in(rt, 0, &starter->play, stepped);
}

TEST("start returns with what ready was given; the child runs on [9.13]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 1, WEFT_OK, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("RSEJ", said);
    CHECK_INT(WEFT_OK, starter.started);
    CHECK_INT(42, starter.value);
    CHECK_INT(WEFT_OK, starter.joined);
    end(rt);
  }
}

TEST("once it is ready, its failure is the group's [9.13]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 1, WEFT_EHOST, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, starter.started);
    CHECK_INT(WEFT_EGROUP, starter.joined);
    CHECK_INT(WEFT_EHOST,
              weft_error_get_code(weft_error_get_member(starter.error, 0)));
    weft_error_unref(starter.error);
    end(rt);
  }
}

TEST("before, its failure is the caller's, and none of the group's [9.14]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 0, WEFT_EFULL, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("ESJ", said);
    CHECK_INT(WEFT_EHOST, starter.started);
    CHECK_INT(0, starter.value);
    CHECK_INT(WEFT_EFULL, code_of(rt, starter.child.task));
    CHECK_INT(WEFT_OK, starter.joined);
    end(rt);
  }
}

TEST("one that ends without ready is an InvalidStateError [9.14]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 0, WEFT_OK, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ESTATE, starter.started);
    CHECK_INT(WEFT_OK, starter.joined);
    end(rt);
  }
}

TEST("ready for a task that has ended without it is refused [9.14]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 0, WEFT_OK, stepped);
    do
      turn(rt);
    while (state_of(rt, starter.child.task) != WEFT_TASK_FINISHED);
    CHECK_INT(WEFT_ESTATE, weft_task_ready(rt, starter.child.task, 1));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ESTATE, weft_task_ready(rt, starter.child.task, 1));
    CHECK_INT(WEFT_ESTATE, starter.started);
    end(rt);
  }
}

TEST("one that is cancelled is a TaskCancelledError [9.14]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 0, WEFT_OK, stepped);
    turns(rt, 2);
    cancel_task(rt, starter.child.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ETASKCANCELLED, starter.started);
    CHECK_INT(WEFT_OK, starter.joined);
    end(rt);
  }
}

TEST("caller cancelled: the child is cancelled and joined [9.15]") {
  BOTH_KINDS {
    for (int late_ready = 0; late_ready <= 2; late_ready += 2) {
      weft_runtime *rt = begin();
      struct starter starter;
      begin_start(rt, &starter, late_ready, WEFT_OK, stepped);
      turns(rt, 2);
      cancel_task(rt, starter.play.task);
      CHECK_INT(WEFT_TASK_PARKED, state_of(rt, starter.play.task));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("CSJ", said);
      CHECK_INT(WEFT_ECANCELLED, starter.started);
      CHECK_INT(0, starter.value);
      CHECK_INT(WEFT_ECANCELLED, starter.joined);
      CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, starter.child.task));
      end(rt);
    }
  }
}

TEST("a failure of the child meanwhile is reported [9.15]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct starter starter;
    begin_start(rt, &starter, 0, WEFT_OK, stepped);
    starter.child.data = rt; /* it fails when it is cancelled */
    turns(rt, 2);
    cancel_task(rt, starter.play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, starter.started);
    CHECK_INT(WEFT_ECANCELLED, starter.joined);
    CHECK_INT(0, reports.count);
    CHECK_INT(WEFT_OK, weft_task_close(rt, starter.child.task));
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_EIO, reports.codes[0]);
    end(rt);
  }
}

TEST("cancelled code that starts a child cancels and joins it [3.2] [9.15]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 1, WEFT_OK, stepped);
    cancel_task(rt, starter.play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("CSJ", said);
    CHECK_INT(WEFT_ECANCELLED, starter.started);
    CHECK_INT(WEFT_ECANCELLED, starter.joined);
    end(rt);
  }
}

TEST("ready, then the caller is cancelled: start returns [8] [3.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct starter starter;
    begin_start(rt, &starter, 1, WEFT_OK, stepped);
    while (strchr(said, 'R') == NULL)
      turn(rt);
    CHECK_INT(WEFT_TASK_READY, state_of(rt, starter.play.task));
    cancel_task(rt, starter.play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, starter.started);
    CHECK_INT(42, starter.value);
    CHECK_INT(WEFT_ECANCELLED, starter.next);
    end(rt);
  }
}

/* -- Misuse --------------------------------------------------------------- */

static int start_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_task_start(rt, job->object, value);
}

TEST("a task that has begun, or is started already, is not started") {
  BOTH_KINDS {
    struct play begun;
    weft_runtime *rt = begin_asleep(&begun, stepped);
    struct job job = {.call = start_call, .object = begun.task};
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, job.status);
    struct play once = sleeping_play();
    CHECK_INT(WEFT_OK, weft_set_shuffle(rt, 0));
    struct job first = {.call = start_call}, second = {.call = start_call};
    start(rt, &first, stepped);
    start(rt, &second, stepped);
    /* The child comes last in the ring: both try before it begins. */
    play_in(rt, 0, &once, stepped);
    first.object = second.object = once.task;
    turn(rt);
    CHECK_INT(WEFT_ESTATE, second.status);
    cancel_task(rt, begun.task);
    cancel_task(rt, once.task);
    end(rt);
    CHECK_INT(WEFT_ETASKCANCELLED, first.status);
  }
}

TEST("ready for a task that nobody starts is refused [9.15]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = sleeping_play();
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_ESTATE, weft_task_ready(rt, play.task, 1));
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_task_ready(rt, play.task, 1));
    cancel_task(rt, play.task);
    end(rt);
  }
}

static int kept_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)play;
  return weft_park(rt, "kept", NULL, NULL, value);
}

/* What was queued last runs first. */
static void swap_ready(weft_runtime *rt) {
  struct entry **entries = rt->ready.entries;
  uint32_t first = rt->ready.head & rt->ready.mask;
  uint32_t last = (rt->ready.tail - 1) & rt->ready.mask;
  struct entry *entry = entries[first];
  entries[first] = entries[last];
  entries[last] = entry;
}

TEST("a starter that is given up before its child is not woken by it [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play child = {.act = kept_act};
    play_in(rt, 0, &child, stepped);
    struct job job = {.call = start_call, .object = child.task};
    start(rt, &job, stepped);
    swap_ready(rt);
    turn(rt);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, job.task));
    CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(2, reports.count); /* the newest first */
    CHECK(reports.tasks[0] == job.task);
    CHECK(reports.tasks[1] == child.task);
    CHECK_INT(0, job.done);
    CHECK_INT(1, child.drops);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}

TEST("a task that was given up before it began is not started [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play child = sleeping_play();
    play_in(rt, 0, &child, stepped);
    ((struct task *)weft__handle_get(rt, child.task, KIND_TASK))
        ->entry.given_up = true;
    turn(rt);
    CHECK_INT(WEFT_TASK_FAILED, state_of(rt, child.task));
    CHECK(!child.begun);
    struct job job = {.call = start_call, .object = child.task};
    start(rt, &job, stepped);
    turns(rt, 2);
    CHECK_INT(2, job.done);
    CHECK_INT(WEFT_ESTATE, job.status);
    CHECK_INT(WEFT_OK, weft_task_close(rt, job.task));
    CHECK_INT(WEFT_OK, weft_task_close(rt, child.task));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}
