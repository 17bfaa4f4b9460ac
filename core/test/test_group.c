/* SPDX-License-Identifier: MIT
 * test_group.c - groups: who is waited for, what fails, what goes on. Both
 * kinds of task go through the scene, the clock beginning at 0. */
#include "scene.h"

static weft_scope scope_of(weft_runtime *rt, weft_group group) {
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_group_get_scope(rt, group, &scope));
  return scope;
}

static size_t count_of(weft_runtime *rt, weft_group group) {
  size_t count;
  CHECK_INT(WEFT_OK, weft_group_get_count(rt, group, &count));
  return count;
}

/* -- Waiting -------------------------------------------------------------- */

TEST("a group is over when its body and every child are [9.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 3,
                          .children = {{.until_ns = 30}, {.until_ns = 10}}};
    scene_start(rt, &scene, stepped);
    turn(rt);
    CHECK_INT(3, count_of(rt, scene.owner.group));
    end(rt);
    CHECK_TEXT("BcbaJ", said);
    CHECK_INT(WEFT_OK, scene.joined);
    CHECK_INT(30, scene.joined_ns);
  }
}

TEST("a body that ends last is waited for as well [9.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1, .body_ns = 50};
    scene_start(rt, &scene, stepped);
    end(rt);
    CHECK_TEXT("aBJ", said);
    CHECK_INT(50, scene.joined_ns);
  }
}

TEST("a group without children is left at once, in the same turn [9.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 0};
    scene_start(rt, &scene, stepped);
    turn(rt);
    CHECK_TEXT("BJ", said);
    CHECK_INT(WEFT_EBADF, weft_group_set_strict(rt, scene.owner.group, 1));
    end(rt);
  }
}

/* -- Failures ------------------------------------------------------------- */

TEST("the first failure cancels the others and the body [9.3] [9.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 3,
                          .body_ns = 900,
                          .children = {{.until_ns = 500},
                                       {.until_ns = 20, .outcome = WEFT_EHOST},
                                       {.until_ns = 500}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("bBacJ", said); /* own task first, then in their order [6.4] */
    check_error(&scene, (int[]){WEFT_EHOST}, 1);
    CHECK_INT(20, scene.joined_ns);
    CHECK_INT(WEFT_OK, scene.next);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, scene.children[0].play.task));
    drop_error(&scene);
    end(rt);
  }
}

TEST("all failures come in one error, in the order they happened [9.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 4,
                          .body_ns = 900,
                          .children = {{.until_ns = 500, .cut = WEFT_EFULL},
                                       {.until_ns = 20, .outcome = WEFT_EHOST},
                                       {.until_ns = 20, .outcome = WEFT_EEMPTY},
                                       {.until_ns = 500, .cut = WEFT_OK}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_EHOST, WEFT_EEMPTY, WEFT_EFULL}, 3);
    drop_error(&scene);
    end(rt);
  }
}

TEST("a body that fails is a failure like any other [9.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 2,
        .body_outcome = WEFT_EINVAL,
        .children = {{.until_ns = 500, .cut = WEFT_EIO}, {.until_ns = 500}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_EINVAL, WEFT_EIO}, 2);
    CHECK_INT(0, scene.joined_ns);
    drop_error(&scene);
    end(rt);
  }
}

TEST("TimeoutError and TaskCancelledError of a child are failures [9.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 2,
                          .children = {{.outcome = WEFT_ETIMEDOUT},
                                       {.outcome = WEFT_ETASKCANCELLED}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_ETIMEDOUT, WEFT_ETASKCANCELLED}, 2);
    drop_error(&scene);
    end(rt);
  }
}

TEST("a body that swallows the group's Cancelled is told all the same [9.11]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1,
                          .body_ns = 900,
                          .swallow = true,
                          .children = {{.outcome = WEFT_EHOST}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_EHOST}, 1);
    drop_error(&scene);
    end(rt);
  }
}

/* -- Cancelling ----------------------------------------------------------- */

TEST("a group that is cancelled cancels body and children, quietly [9.10]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 2,
                          .body_ns = 900,
                          .children = {{.until_ns = 500}, {.until_ns = 500}}};
    scene_start(rt, &scene, stepped);
    turns(rt, 2);
    weft_scope scope = scope_of(rt, scene.owner.group);
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("BabJ", said);
    CHECK_INT(WEFT_OK, scene.joined);
    CHECK_INT(WEFT_OK, scene.next);
    CHECK_INT(0, scene.joined_ns);
    end(rt);
  }
}

TEST("failures surface though the group was cancelled [9.10]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1,
                          .children = {{.until_ns = 500, .cut = WEFT_EHOST}}};
    scene_start(rt, &scene, stepped);
    turns(rt, 1);
    CHECK_INT(WEFT_OK,
              weft_scope_cancel(rt, scope_of(rt, scene.owner.group), NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_EHOST}, 1);
    drop_error(&scene);
    end(rt);
  }
}

TEST("an outer cancellation cancels the children and goes on [9.6] [9.7]") {
  BOTH_KINDS {
    for (int in_join = 0; in_join <= 1; in_join++) {
      weft_runtime *rt = begin();
      struct scene scene = {.child_count = 2,
                            .outer_ns = 40,
                            .body_ns = in_join ? 0 : 900,
                            .children = {{.until_ns = 500}, {.until_ns = 500}}};
      scene_start(rt, &scene, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("BabJ", said);
      CHECK_INT(WEFT_ECANCELLED, scene.joined);
      CHECK_INT(40, scene.joined_ns);
      CHECK_INT(WEFT_CAUGHT_DEADLINE, scene.caught);
      end(rt);
    }
  }
}

TEST("nothing was cut off: normal return, Cancelled next [9.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 2,
        .outer_ns = 40,
        .children = {{.until_ns = 500, .cut = 2}, {.until_ns = 10}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, scene.joined);
    CHECK_INT(WEFT_ECANCELLED, scene.next);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, scene.caught);
    end(rt);
  }
}

TEST("a child cancelled on its own is no failure and cuts nothing off [9.8]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 2,
                          .children = {{.until_ns = 500}, {.until_ns = 60}}};
    scene_start(rt, &scene, stepped);
    turns(rt, 1);
    cancel_task(rt, scene.children[0].play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, scene.joined);
    CHECK_INT(60, scene.joined_ns);
    CHECK_INT(WEFT_OK, scene.next);
    end(rt);
  }
}

TEST("unless the group is strict: then it is a failure") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 2,
                          .strict = 1,
                          .children = {{.until_ns = 500}, {.until_ns = 60}}};
    scene_start(rt, &scene, stepped);
    turns(rt, 1);
    cancel_task(rt, scene.children[0].play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_ETASKCANCELLED}, 1);
    CHECK_INT(0, scene.joined_ns);
    drop_error(&scene);
    end(rt);
  }
}

TEST("failures win over an outer Cancelled, which is the cause [9.9]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 2,
        .outer_ns = 40,
        .children = {{.until_ns = 500, .cut = WEFT_EHOST}, {.until_ns = 500}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    check_error(&scene, (int[]){WEFT_EHOST}, 1);
    weft_error *cause = weft_error_get_cause(scene.error);
    CHECK(cause != NULL);
    CHECK_INT(WEFT_ECANCELLED, cause == NULL ? 0 : weft_error_get_code(cause));
    CHECK_INT(WEFT_ECANCELLED, scene.next);
    drop_error(&scene);
    end(rt);
  }
}

TEST("the group's own deadline cuts it off: TimeoutError [9.7] [7.1]") {
  BOTH_KINDS {
    for (int by_body = 0; by_body <= 1; by_body++) {
      weft_runtime *rt = begin();
      struct scene scene = {.child_count = 1,
                            .deadline_ns = 30,
                            .body_ns = by_body ? 900 : 0,
                            .children = {{.until_ns = by_body ? 5 : 500}}};
      scene_start(rt, &scene, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_ETIMEDOUT, scene.joined);
      CHECK_INT(30, scene.joined_ns);
      CHECK_INT(WEFT_OK, scene.next);
      end(rt);
    }
  }
}

TEST("a deadline that has passed when the group is opened [7.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 1, .children = {{.until_ns = 500}}, .body_ns = 900};
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 100));
    scene.deadline_ns = 100;
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ETIMEDOUT, scene.joined);
    CHECK_INT(100, scene.joined_ns);
    CHECK_TEXT("BaJ", said); /* the child started all the same [4.2] */
    end(rt);
  }
}

TEST("a Cancelled of the body's own stops the children and goes on [4.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1,
                          .body_outcome = WEFT_ECANCELLED,
                          .children = {{.until_ns = 500}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, scene.joined);
    CHECK_INT(0, scene.joined_ns);
    CHECK_INT(WEFT_OK, scene.next);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, scene.children[0].play.task));
    end(rt);
  }
}

/* -- A child's failure, to the last detail -------------------------------- */

static int named_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_error *error;
  (void)value;
  CHECK_INT(WEFT_OK,
            weft_error_new(WEFT_EHOST, "OddError", "very odd", &error));
  CHECK_INT(WEFT_OK, weft_task_set_error(rt, error));
  play->data = error;
  weft_error_unref(error);
  return play_end(play, WEFT_EHOST);
}

static int one_child_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &play->group));
    play_in(rt, play->group, play->data, play->number);
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  return play_end(play, WEFT_OK);
}

TEST("the group's error holds the very error the child failed with [9.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play child = {.act = named_act};
    struct play owner = {
        .act = one_child_act, .data = &child, .number = stepped};
    play_in(rt, 0, &owner, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    weft_error *error = (weft_error *)(uintptr_t)owner.value;
    CHECK_INT(WEFT_EGROUP, owner.status);
    CHECK(weft_error_get_member(error, 0) == child.data);
    CHECK_TEXT("OddError",
               weft_error_get_name(weft_error_get_member(error, 0)));
    weft_error_unref(error);
    end(rt);
    CHECK_INT(0, reports.count); /* the group has observed it [4.12] */
  }
}

TEST("in the root group a failure cancels nobody and is reported [9.16]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct child loser = {.outcome = WEFT_EHOST}, other = {.until_ns = 50};
    spawn_child(rt, 0, &loser, 'f', stepped);
    spawn_child(rt, 0, &other, 'o', stepped);
    CHECK_INT(WEFT_OK, weft_task_close(rt, loser.play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, other.play.task));
    end(rt);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_FAILURE, reports.kinds[0]);
    CHECK_INT(WEFT_EHOST, reports.codes[0]);
  }
}

TEST("a group in a group nests its error one level deeper [9.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene inner = {.child_count = 1,
                          .stepped = stepped,
                          .children = {{.outcome = WEFT_EHOST}}};
    inner.owner = (struct play){.act = scene_act, .data = &inner};
    struct play outer = {
        .act = one_child_act, .data = &inner.owner, .number = stepped};
    play_in(rt, 0, &outer, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    /* The inner owner ended well: it has dealt with its group's error. */
    CHECK_INT(WEFT_OK, outer.status);
    check_error(&inner, (int[]){WEFT_EHOST}, 1);
    drop_error(&inner);
    end(rt);
  }
}
