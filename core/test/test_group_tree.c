/* SPDX-License-Identifier: MIT
 * test_group_tree.c - groups: who may spawn, limits, misuse, deep trees. */
#include "../core.h"
#include "scene.h"

static size_t count_of(weft_runtime *rt, weft_group group) {
  size_t count;
  CHECK_INT(WEFT_OK, weft_group_get_count(rt, group, &count));
  return count;
}

/* -- Spawning ------------------------------------------------------------- */

TEST("any task may spawn into a group until it is over [9.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1, .children = {{.until_ns = 50}}};
    struct child late = {.until_ns = 80}, refused = {.until_ns = 1};
    scene_start(rt, &scene, stepped);
    turn(rt); /* the body has ended, the join is under way */
    spawn_child(rt, scene.owner.group, &late, 'l', stepped);
    CHECK_INT(2, count_of(rt, scene.owner.group));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("BalJ", said);
    CHECK_INT(80, scene.joined_ns);
    refused.play = (struct play){.task = 7};
    CHECK_INT(WEFT_ESTATE,
              play_try(rt, scene.owner.group, &refused.play, stepped));
    CHECK_INT(0, refused.play.task);
    CHECK_INT(1, refused.play.drops); /* once, and never called [4.15] */
    CHECK(!refused.play.begun);
    end(rt);
  }
}

TEST("a child spawned into a cancelled group starts and is cut off [9.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1, .children = {{.until_ns = 50}}};
    struct child late = {.until_ns = 80};
    weft_scope scope;
    scene_start(rt, &scene, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_group_get_scope(rt, scene.owner.group, &scope));
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
    spawn_child(rt, scene.owner.group, &late, 'l', stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, late.play.status);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, late.play.task));
    end(rt);
  }
}

static int shielded_spawn_act(weft_runtime *rt, struct play *play,
                              uint64_t *value) {
  if (play->line == 0) {
    weft_scope scope;
    CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &play->group));
    CHECK_INT(WEFT_OK, weft_scope_open(rt, 5, 1, &scope));
    play_in(rt, play->group, play->data, play->number);
    CHECK_INT(WEFT_OK, weft_scope_leave(rt, scope, WEFT_OK, &play->caught));
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  return play_end(play, play->status);
}

TEST("a shield or timeout around spawn does not cover the child [6.16]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play child = sleeping_play();
    struct play owner = {
        .act = shielded_spawn_act, .data = &child, .number = stepped};
    uint64_t now;
    play_in(rt, 0, &owner, stepped);
    turn(rt);
    struct child other = {.until_ns = 30};
    spawn_child(rt, 0, &other, 'o', stepped);
    turn(rt);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, child.task));
    cancel_task(rt, owner.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, child.status);
    CHECK_INT(WEFT_OK, weft_now(rt, &now));
    CHECK_INT(30, now);
    end(rt);
  }
}

/* -- Limits --------------------------------------------------------------- */

/* Reserves a place and spawns a child into it, then ends. */
static int reserve_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_group_reserve(rt, play->object);
  say(play->letter);
  if (play->status != WEFT_OK)
    return play_end(play, play->status);
  CHECK_INT(WEFT_ESTATE, weft_group_reserve(rt, play->object));
  if (play->data != NULL)
    spawn_child(rt, play->object, play->data, play->letter + 'A' - 'a',
                play->number);
  return play_end(play, WEFT_OK);
}

static struct play reserver(weft_group group, int letter, struct child *child,
                            int stepped) {
  return (struct play){.act = reserve_act,
                       .object = group,
                       .letter = letter,
                       .data = child,
                       .number = stepped};
}

TEST("at most so many children at once; places come in order [9.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 0, .limit_max = 2, .body_ns = 500};
    struct child children[4] = {
        {.until_ns = 40}, {.until_ns = 20}, {.until_ns = 30}, {.until_ns = 90}};
    struct play plays[4];
    scene_start(rt, &scene, stepped);
    turn(rt);
    for (int i = 0; i < 4; i++) {
      plays[i] = reserver(scene.owner.group, 'p' + i, &children[i], stepped);
      play_in(rt, 0, &plays[i], stepped);
    }
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("pqQrRsPSBJ", said);
    CHECK_INT(WEFT_OK, scene.joined);
    end(rt);
  }
}

TEST("without a place reserved a full group takes nobody [9.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 1, .limit_max = 1, .children = {{.until_ns = 50}}};
    struct play refused = {.act = child_act, .task = 7};
    scene_start(rt, &scene, stepped);
    turn(rt);
    CHECK_INT(WEFT_EBUSY, play_try(rt, scene.owner.group, &refused, stepped));
    CHECK_INT(0, refused.task);
    CHECK_INT(1, refused.drops);
    CHECK_INT(WEFT_ESTATE, weft_group_set_limit(rt, scene.owner.group, 5));
    CHECK_INT(1, count_of(rt, scene.owner.group));
    end(rt);
  }
}

TEST("waiting for a place is cancelled and leaves none behind [3.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 1,
                          .limit_max = 1,
                          .body_ns = 500,
                          .children = {{.until_ns = 50}}};
    struct child child = {.until_ns = 0};
    scene_start(rt, &scene, stepped);
    turn(rt);
    struct play first = reserver(scene.owner.group, 'p', NULL, stepped);
    struct play second = reserver(scene.owner.group, 'q', &child, stepped);
    play_in(rt, 0, &first, stepped);
    play_in(rt, 0, &second, stepped);
    turn(rt);
    cancel_task(rt, first.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, first.status);
    CHECK_TEXT("paqQBJ", said);
    end(rt);
  }
}

TEST("a place that its holder does not use goes to the next [9.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 0, .limit_max = 1, .body_ns = 500};
    struct child child = {.until_ns = 0};
    scene_start(rt, &scene, stepped);
    turn(rt);
    struct play idle = reserver(scene.owner.group, 'p', NULL, stepped);
    struct play user = reserver(scene.owner.group, 'q', &child, stepped);
    play_in(rt, 0, &idle, stepped);
    play_in(rt, 0, &user, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("pqQBJ", said);
    end(rt);
  }
}

TEST("a group waits for those who have a place reserved, then refuses") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {
        .child_count = 1, .limit_max = 1, .children = {{.until_ns = 50}}};
    scene_start(rt, &scene, stepped);
    turn(rt);
    struct play holder = reserver(scene.owner.group, 'p', NULL, stepped);
    struct play waiter = reserver(scene.owner.group, 'q', NULL, stepped);
    play_in(rt, 0, &holder, stepped);
    play_in(rt, 0, &waiter, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, holder.status);
    CHECK_INT(WEFT_OK, waiter.status);
    CHECK_INT(WEFT_OK, scene.joined);
    end(rt);
  }
}

/* -- Misuse --------------------------------------------------------------- */

static int join_misuse_act(weft_runtime *rt, struct play *play,
                           uint64_t *value) {
  weft_group outer, inner, root;
  weft_scope scope, group_scope;
  int caught;
  (void)value;
  uint64_t word = 7;
  CHECK_INT(WEFT_OK, weft_group_root(rt, &root));
  CHECK_INT(WEFT_ESTATE, weft_group_join(rt, root, WEFT_OK, NULL, &word));
  CHECK_INT(0, word);
  CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &outer));
  CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &inner));
  CHECK_INT(WEFT_ESTATE, weft_group_join(rt, outer, WEFT_OK, NULL, &word));
  CHECK_INT(WEFT_OK, weft_group_get_scope(rt, inner, &group_scope));
  CHECK_INT(WEFT_ESTATE, weft_scope_leave(rt, group_scope, WEFT_OK, &caught));
  CHECK_INT(WEFT_OK, weft_scope_open(rt, NEVER, 0, &scope));
  CHECK_INT(WEFT_ESTATE, weft_group_join(rt, inner, WEFT_OK, NULL, &word));
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, scope, WEFT_OK, &caught));
  CHECK_INT(WEFT_OK, weft_group_join(rt, inner, WEFT_OK, NULL, &word));
  CHECK_INT(WEFT_EBADF, weft_group_join(rt, inner, WEFT_OK, NULL, &word));
  CHECK_INT(WEFT_OK, weft_group_join(rt, outer, WEFT_OK, NULL, &word));
  return play_end(play, WEFT_OK);
}

TEST("groups and scopes are left in reverse order of entry [6.17]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = join_misuse_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, play.drops);
  }
}

TEST("outside a task, or in another task, a group is not joined [1.11]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct scene scene = {.child_count = 0, .body_ns = 50};
    weft_group group = 7;
    uint64_t value = 7;
    scene_start(rt, &scene, stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_group_open(rt, NEVER, &group));
    CHECK_INT(0, group);
    CHECK_INT(WEFT_ESTATE,
              weft_group_join(rt, scene.owner.group, WEFT_OK, NULL, &value));
    CHECK_INT(0, value);
    CHECK_INT(WEFT_ESTATE, weft_group_reserve(rt, scene.owner.group));
    end(rt);
  }
}

/* Opens [number] groups with one child each and ends without joining. */
static int deserter_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct child *children = play->data;
  (void)value;
  if (play->line == 0) {
    for (int i = 0; i < play->number; i++) {
      CHECK_INT(WEFT_OK, weft_group_open(rt, 5000, &play->group));
      CHECK_INT(WEFT_OK, weft_group_set_limit(rt, play->group, 2));
      spawn_child(rt, play->group, &children[i], 'a' + i, i % 2);
    }
    return weft_yield(rt);
  }
  if (play->object == 1 && play->line == 1)
    return weft_group_reserve(rt, play->group);
  if (play->object == 2 && play->line <= 2)
    return weft_yield(rt);
  return play_end(play, WEFT_OK);
}

TEST("children of a task that ends without joining are cancelled") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct child children[3] = {
        {.until_ns = 500}, {.until_ns = 500}, {.until_ns = 500}};
    struct play play = {.act = deserter_act, .data = children, .number = 3};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, children[i].play.task));
    CHECK_INT(0, rt->timers.count);
    end(rt);
  }
}

TEST("their failures are reported, whenever they come") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct child children[2] = {{.outcome = WEFT_EHOST, .until_ns = 0},
                                {.until_ns = 500, .cut = WEFT_EIO}};
    struct play play = {.act = deserter_act, .data = children, .number = 2};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    for (int i = 0; i < 2; i++)
      CHECK_INT(WEFT_OK, weft_task_close(rt, children[i].play.task));
    end(rt);
    CHECK_INT(2, reports.count);
    CHECK_INT(WEFT_EIO, reports.codes[0]); /* the innermost group first */
    CHECK_INT(WEFT_EHOST, reports.codes[1]);
  }
}

TEST("a place reserved in a group that is deserted is just gone") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct child children[1] = {{.until_ns = 500}};
    struct play owner = {.act = deserter_act, .data = children, .number = 1};
    owner.object = 1; /* it reserves a place itself */
    play_in(rt, 0, &owner, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, owner.task));
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, children[0].play.task));
    end(rt);
  }
}

static int hold_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_group_reserve(rt, play->object);
  if (play->line == 1)
    return weft_sleep_until(rt, 100);
  struct child late = {.until_ns = 0};
  late.play = (struct play){.act = child_act, .data = &late};
  CHECK_INT(WEFT_ESTATE, play_try(rt, play->object, &late.play, 1));
  CHECK_INT(1, late.play.drops);
  return play_end(play, play->status);
}

TEST("so is one that another task has reserved, or waits for") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct child children[1] = {{.until_ns = 500}};
    struct play owner = {.act = deserter_act, .data = children, .number = 1};
    owner.object = 2;
    play_in(rt, 0, &owner, stepped);
    turn(rt);
    struct play holder = {.act = hold_act, .object = owner.group};
    struct play waiter = reserver(owner.group, 'w', NULL, stepped);
    play_in(rt, 0, &holder, stepped);
    play_in(rt, 0, &waiter, stepped);
    while (state_of(rt, owner.task) != WEFT_TASK_FINISHED)
      turn(rt);
    /* A new group, where the old one was, does not miss what it never had. */
    struct scene scene = {
        .child_count = 1, .limit_max = 1, .children = {{.until_ns = 300}}};
    scene_start(rt, &scene, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, scene.joined);
    CHECK_INT(300, scene.joined_ns);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, holder.task));
    CHECK_INT(WEFT_ESTATE, waiter.status);
    end(rt);
  }
}

/* -- Deep and wide -------------------------------------------------------- */

enum { DEPTH = 200000 };

struct link {
  weft_task task;
  weft_group group;
  int line;
};

static struct link links[DEPTH];
static int deepest, unwound;

/* Opens a group, spawns the next one in it, and waits for that. */
static int link_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct link *link = arg;
  (void)value;
  if (link->line++ > 0) {
    CHECK(status == WEFT_ECANCELLED);
    unwound++;
    return status;
  }
  int depth = (int)(link - links);
  deepest = depth;
  if (depth == DEPTH - 1)
    return weft_sleep_until(rt, NEVER);
  CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &link->group));
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, link->group, link_step,
                                     &links[depth + 1], NULL, NULL));
  uint64_t error;
  return weft_group_join(rt, link->group, WEFT_OK, NULL, &error);
}

TEST("200,000 nested groups are cancelled and unwound, without recursion") {
  weft_runtime *rt = begin();
  alarm(600);
  CHECK_INT(WEFT_OK,
            weft_spawn_step(rt, 0, link_step, &links[0], NULL, &links[0].task));
  while (deepest < DEPTH - 1)
    turn(rt);
  cancel_task(rt, links[0].task);
  end(rt);
  CHECK_INT(DEPTH, unwound);
}

TEST("200,000 nested groups end when the runtime shuts down [22.2]") {
  weft_runtime *rt = begin();
  alarm(600);
  CHECK_INT(WEFT_OK,
            weft_spawn_step(rt, 0, link_step, &links[0], NULL, &links[0].task));
  while (deepest < DEPTH - 1)
    turn(rt);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  end(rt);
  CHECK_INT(DEPTH, unwound);
}

/* -- Memory, threads ------------------------------------------------------ */

static int many_groups_act(weft_runtime *rt, struct play *play,
                           uint64_t *value) {
  struct child *child = play->data;
  if (play->line == 1000)
    return play_end(play, WEFT_OK);
  CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &play->group));
  spawn_child(rt, play->group, child, 'x', play->number);
  CHECK_INT(WEFT_OK, weft_task_close(rt, child->play.task));
  return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
}

TEST("a group with a child allocates nothing once it is warm") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct child child = {.until_ns = 0};
    struct play play = {
        .act = many_groups_act, .data = &child, .number = stepped};
    play_in(rt, 0, &play, stepped);
    turns(rt, 20);
    long before = failing_allocations();
    turns(rt, 900);
    CHECK(play.line > 400);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

struct attempt {
  int stepped;
  int status;
  int spawned;
  int ended;
};

static void count_end(void *arg) {
  ((struct attempt *)arg)->ended++;
}

static int fail_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)rt;
  (void)arg;
  (void)value;
  return status == WEFT_OK ? WEFT_EHOST : status;
}

static int fail_body(weft_runtime *rt, void *arg) {
  return fail_step(rt, arg, WEFT_OK, 0);
}

static int spawn_failing(weft_runtime *rt, weft_group group,
                         struct attempt *attempt) {
  attempt->spawned++;
  return attempt->stepped
             ? weft_spawn_step(rt, group, fail_step, attempt, count_end, NULL)
             : weft_spawn(rt, group, fail_body, attempt, count_end, NULL);
}

/* There is no memory to keep its failure. */
static int fail_unkept(weft_runtime *rt, void *arg, int status,
                       uint64_t value) {
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, NULL, &error));
  CHECK_INT(WEFT_OK, weft_task_set_error(rt, error));
  weft_error_unref(error);
  failing_after(1);
  return fail_step(rt, arg, status, value);
}

/* The list of a group's failures grows for the fifth. */
static int desert_failing_act(weft_runtime *rt, struct play *play,
                              uint64_t *value) {
  (void)value;
  if (play->line > 0) {
    CHECK(failing_has_failed());
    return play_end(play, WEFT_OK);
  }
  CHECK_INT(WEFT_OK, weft_group_open(rt, 5000, &play->group));
  for (int i = 0; i < 5; i++)
    CHECK_INT(WEFT_OK,
              weft_spawn_step(rt, play->group, i < 4 ? fail_step : fail_unkept,
                              NULL, NULL, NULL));
  return weft_yield(rt);
}

TEST("each failure of a deserted group is reported once, kept or not") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = {.act = desert_failing_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(5, reports.count);
    CHECK_INT(WEFT_EIO, reports.codes[0]);
    end(rt);
  }
}

static int attempt_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct attempt *attempt = play->data;
  if (play->line == 0) {
    int status = weft_group_open(rt, 5000, &play->group);
    if (status != WEFT_OK) {
      attempt->status = status;
      CHECK_INT(0, play->group);
      return play_end(play, WEFT_OK);
    }
    for (int i = 0; i < 6 && status == WEFT_OK; i++)
      status = spawn_failing(rt, play->group, attempt);
    attempt->status = status;
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  /* A failure that could not be kept was reported, and shows as WEFT_ENOMEM. */
  if (play->status == WEFT_EGROUP)
    weft_error_unref((weft_error *)(uintptr_t)play->value);
  else if (attempt->status == WEFT_OK)
    attempt->status = play->status;
  return play_end(play, WEFT_OK);
}

static int try_group(void *arg) {
  struct attempt *attempt = arg;
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  *attempt = (struct attempt){.stepped = attempt->stepped};
  keep_reports(rt);
  struct play play = {.act = attempt_act, .data = attempt};
  status = play_try(rt, 0, &play, attempt->stepped);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(1, play.drops);
  CHECK_INT(attempt->spawned, attempt->ended);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  /* A failing child's error may be the library's spare one: that is no want of
   * memory that any call could have told. */
  if (status == WEFT_OK && attempt->status == WEFT_OK && failing_has_failed())
    return WEFT_ENOMEM;
  return status == WEFT_OK ? attempt->status : status;
}

TEST("without memory a group loses no child and no failure [3.11]") {
  failing_install();
  BOTH_KINDS {
    struct attempt attempt = {.stepped = stepped};
    CHECK(failing_each(try_group, &attempt) >= 10);
  }
}

static void *groups_apart(void *arg) {
  weft_group group = 7;
  CHECK_INT(WEFT_ETHREAD, weft_group_open(arg, NEVER, &group));
  CHECK_INT(0, group);
  group = 7;
  CHECK_INT(WEFT_ETHREAD, weft_group_root(arg, &group));
  CHECK_INT(0, group);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  in_pthread_apart(groups_apart, rt);
  end(rt);
}
