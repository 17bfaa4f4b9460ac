/* SPDX-License-Identifier: MIT
 * scene.h - what the tests of groups share: a task that opens a group, spawns
 * children, goes through a body and joins; all of it told in a struct. */
#ifndef WEFT_SCENE_H
#define WEFT_SCENE_H

#include "job.h"

#define NEVER UINT64_MAX

/* A child sleeps until [until_ns], unless that is 0, and ends with [outcome];
 * one that gets Cancelled ends with [cut] instead, 0 for Cancelled itself. */
struct child {
  struct play play;
  uint64_t until_ns;
  int outcome;
  int cut;
};

struct scene {
  struct play owner;
  int stepped;
  uint64_t outer_ns;    /* deadline of a scope around it all; 0: no scope */
  uint64_t deadline_ns; /* of the group; 0: none */
  struct child children[4];
  int child_count;
  uint64_t body_ns; /* the body sleeps until then; 0: it does not */
  int body_outcome; /* what it ends with, if the sleep ends well */
  bool swallow;     /* the body ignores how the sleep ended */
  size_t limit_max;
  int strict;

  weft_scope scope;
  int joined; /* what the join returned */
  weft_error *error;
  uint64_t joined_ns; /* when */
  int next;           /* status of a checkpoint after the join */
  int caught;         /* what the scope around absorbed */
};

static inline int child_act(weft_runtime *rt, struct play *play,
                            uint64_t *value) {
  struct child *child = play->data;
  (void)value;
  if (play->line == 0 && child->until_ns != 0)
    return weft_sleep_until(rt, child->until_ns);
  say(play->letter);
  if (play->status == WEFT_ECANCELLED)
    return play_end(play, child->cut == 0 ? WEFT_ECANCELLED : child->cut);
  return play_end(play, child->outcome);
}

static inline void spawn_child(weft_runtime *rt, weft_group group,
                               struct child *child, int letter, int stepped) {
  child->play =
      (struct play){.act = child_act, .letter = letter, .data = child};
  play_in(rt, group, &child->play, stepped);
}

static inline void scene_open(weft_runtime *rt, struct scene *scene) {
  weft_group group;
  if (scene->outer_ns != 0)
    CHECK_INT(WEFT_OK, weft_scope_open(rt, scene->outer_ns, 0, &scene->scope));
  CHECK_INT(
      WEFT_OK,
      weft_group_open(rt, scene->deadline_ns == 0 ? NEVER : scene->deadline_ns,
                      &group));
  scene->owner.group = group;
  CHECK_INT(WEFT_OK, weft_group_set_limit(rt, group, scene->limit_max));
  CHECK_INT(WEFT_OK, weft_group_set_strict(rt, group, scene->strict));
  for (int i = 0; i < scene->child_count; i++)
    spawn_child(rt, group, &scene->children[i], 'a' + i, scene->stepped);
}

static inline int scene_join(weft_runtime *rt, struct scene *scene,
                             uint64_t *value) {
  int outcome = scene->owner.status;
  say('B');
  if (outcome == WEFT_OK || scene->swallow)
    outcome = scene->body_outcome;
  return weft_group_join(rt, scene->owner.group, outcome, NULL, value);
}

static inline void scene_joined(weft_runtime *rt, struct scene *scene) {
  say('J');
  scene->joined = scene->owner.status;
  scene->error = (weft_error *)(uintptr_t)scene->owner.value;
  CHECK((scene->joined == WEFT_EGROUP) == (scene->error != NULL));
  CHECK_INT(WEFT_OK, weft_now(rt, &scene->joined_ns));
}

static inline int scene_act(weft_runtime *rt, struct play *play,
                            uint64_t *value) {
  struct scene *scene = play->data;
  switch (play->line) {
  case 0:
    scene_open(rt, scene);
    return scene->body_ns == 0 ? WEFT_OK : weft_sleep_until(rt, scene->body_ns);
  case 1:
    return scene_join(rt, scene, value);
  case 2:
    scene_joined(rt, scene);
    return weft_checkpoint(rt);
  default:
    scene->next = play->status;
  }
  if (scene->outer_ns == 0)
    return play_end(play, play->status);
  return play_end(
      play, weft_scope_leave(rt, scene->scope, play->status, &scene->caught));
}

static inline void scene_start(weft_runtime *rt, struct scene *scene,
                               int stepped) {
  scene->stepped = stepped;
  scene->joined = 77;
  scene->owner = (struct play){.act = scene_act, .data = scene};
  play_in(rt, 0, &scene->owner, stepped);
}

/* The number of members of the group's error, whose reference goes. */
static inline void check_error(struct scene *scene, const int *codes,
                               size_t count) {
  CHECK_INT(WEFT_EGROUP, scene->joined);
  CHECK(scene->error != NULL);
  if (scene->error == NULL)
    return;
  CHECK_INT(WEFT_EGROUP, weft_error_get_code(scene->error));
  CHECK_INT(count, weft_error_get_count(scene->error));
  for (size_t i = 0; i < count; i++)
    CHECK_INT(codes[i],
              weft_error_get_code(weft_error_get_member(scene->error, i)));
}

static inline void drop_error(struct scene *scene) {
  weft_error_unref(scene->error);
  scene->error = NULL;
}

#endif
