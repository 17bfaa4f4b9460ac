/* SPDX-License-Identifier: MIT
 * test_own_scope.c - a task's own scope, which is made when it is needed. */
#include "../core.h"
#include "job.h"

static struct task *task_of(weft_runtime *rt, const struct play *play) {
  return weft__handle_get(rt, play->task, KIND_TASK);
}

TEST("a task that only waits has no scope of its own made") {
  BOTH_KINDS {
    struct play play;
    weft_runtime *rt = begin_asleep(&play, stepped);
    CHECK(weft__own_scope_of(task_of(rt, &play)) == NULL);
    long before = failing_allocations();
    cancel_task(rt, play.task);
    cancel_task(rt, play.task);
    CHECK_INT(before, failing_allocations());
    CHECK(weft__own_scope_of(task_of(rt, &play)) == NULL);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, play.status);
    end(rt);
  }
}

TEST("one that is made late knows what has cancelled the task") {
  struct play play;
  weft_scope scope, origin;
  int source, cancelled;
  weft_value *reason;
  weft_error *cause;
  weft_runtime *rt = begin_asleep(&play, 1);
  cancel_task(rt, play.task);
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play.task, &scope));
  CHECK_INT(WEFT_OK, weft_scope_is_cancelled(rt, scope, &cancelled));
  CHECK_INT(1, cancelled);
  CHECK_INT(WEFT_OK, weft_task_get_cancellation(rt, play.task, &origin, &source,
                                                &reason, &cause));
  CHECK(origin == scope);
  CHECK_INT(WEFT_SOURCE_CANCEL, source);
  end(rt);
}

TEST("for want of memory a reason is lost, the cancellation is not") {
  struct play play;
  weft_value *reason;
  weft_runtime *rt = begin_asleep(&play, 1);
  CHECK_INT(WEFT_OK, weft_value_new_int(7, &reason));
  failing_after(1);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, play.task, reason));
  CHECK(failing_has_failed());
  failing_after(0);
  weft_value_unref(reason);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_ECANCELLED, play.status);
  end(rt);
}

static int letter_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  weft_scope scope;
  if (play->line == 0 && play->number)
    CHECK_INT(WEFT_OK, weft_scope_current(rt, &scope));
  if (play->line == 0)
    return weft_sleep_until(rt, UINT64_MAX);
  say(play->letter);
  return play_end(play, play->status);
}

static int owner_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct play *children = play->data;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    for (int i = 0; i < 4; i++)
      play_in(rt, play->group, &children[i], 1);
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  return play_end(play, play->status);
}

TEST("children with and without one are cancelled in their order") {
  weft_runtime *rt = begin();
  struct play children[4];
  struct play owner = {.act = owner_act, .data = children};
  for (int i = 0; i < 4; i++)
    children[i] =
        (struct play){.act = letter_act, .letter = 'a' + i, .number = i % 2};
  play_in(rt, 0, &owner, 1);
  turns(rt, 2);
  CHECK(weft__own_scope_of(task_of(rt, &children[0])) == NULL);
  CHECK(weft__own_scope_of(task_of(rt, &children[1])) != NULL);
  cancel_task(rt, owner.task);
  end(rt);
  CHECK_TEXT("abcd", said);
}

static int intruder_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  play->status = weft_group_join(rt, play->object, WEFT_OK, NULL, value);
  return play_end(play, WEFT_OK);
}

static int host_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct play *child = play->data;
  if (play->line > 0)
    return play_end(play, play->status);
  CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
  child->object = play->group;
  play_in(rt, play->group, child, 1);
  return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
}

TEST("a child whose innermost scope is its group's cannot join that group") {
  weft_runtime *rt = begin();
  struct play child = {.act = intruder_act};
  struct play owner = {.act = host_act, .data = &child};
  play_in(rt, 0, &owner, 1);
  end(rt);
  CHECK_INT(WEFT_ESTATE, child.status);
}
