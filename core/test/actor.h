/* SPDX-License-Identifier: MIT
 * actor.h - what the tests of locks, limiters and conditions share: a task that
 * plays a script, a call for each letter of it.
 *
 *   a t r  acquire, try to acquire, release the lock
 *   w n N  wait for the condition, notify one, notify all
 *   b B g  borrow a token of the limiter, try to, give it back
 *   e      wait for the event "cue"
 *   y c    yield, pass a checkpoint
 *   ( )    enter a scope with a deadline at 50, leave it
 *
 * When a call has returned, its status is noted and the actor's letter said. */
#ifndef WEFT_ACTOR_H
#define WEFT_ACTOR_H

#include "job.h"

enum { ACTOR_CALLS = 16, UNSET = 7 };

struct actor {
  const char *script;
  int letter;
  weft_lock lock;
  weft_condition condition;
  weft_limiter limiter;
  weft_event cue;
  int outcome; /* of its body */

  struct play play;
  int status[ACTOR_CALLS]; /* of each call; UNSET: it has not returned */
};

static inline int actor_call(weft_runtime *rt, struct actor *actor,
                             struct play *play) {
  switch (actor->script[play->line]) {
  case 'a':
    return weft_lock_acquire(rt, actor->lock);
  case 't':
    return weft_lock_try_acquire(rt, actor->lock);
  case 'r':
    return weft_lock_release(rt, actor->lock);
  case 'w':
    return weft_condition_wait(rt, actor->condition);
  case 'n':
    return weft_condition_notify(rt, actor->condition, 1);
  case 'N':
    return weft_condition_notify(rt, actor->condition, SIZE_MAX);
  case 'b':
    return weft_limiter_acquire(rt, actor->limiter);
  case 'B':
    return weft_limiter_try_acquire(rt, actor->limiter);
  case 'g':
    return weft_limiter_release(rt, actor->limiter);
  case 'e':
    return weft_event_wait(rt, actor->cue);
  case 'y':
    return weft_yield(rt);
  case 'c':
    return weft_checkpoint(rt);
  case '(':
    return weft_scope_open(rt, 50, 0, &play->scope);
  case ')':
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  default:
    return play_end(play, actor->outcome);
  }
}

static inline int actor_act(weft_runtime *rt, struct play *play,
                            uint64_t *value) {
  struct actor *actor = play->data;
  *value = 0;
  if (play->line > 0) {
    actor->status[play->line - 1] = play->status;
    say(actor->letter);
  }
  return actor_call(rt, actor, play);
}

/* Starts [actor] with its script, from the beginning. */
static inline void go_in(weft_runtime *rt, weft_group group,
                         struct actor *actor, int letter, const char *script,
                         int stepped) {
  CHECK(strlen(script) <= ACTOR_CALLS);
  actor->letter = letter;
  actor->script = script;
  for (int i = 0; i < ACTOR_CALLS; i++)
    actor->status[i] = UNSET;
  actor->play = (struct play){.act = actor_act, .data = actor};
  play_in(rt, group, &actor->play, stepped);
}

static inline void go(weft_runtime *rt, struct actor *actor, int letter,
                      const char *script, int stepped) {
  go_in(rt, 0, actor, letter, script, stepped);
}

static inline void stop(weft_runtime *rt, struct actor *actor) {
  cancel_task(rt, actor->play.task);
}

/* An event that is not set. */
static inline weft_event new_cue(weft_runtime *rt) {
  weft_event cue;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &cue));
  return cue;
}

static inline void give_cue(weft_runtime *rt, weft_event cue) {
  CHECK_INT(WEFT_OK, weft_event_set(rt, cue));
}

/* Checks what a parked actor is said to wait for. */
static inline void check_wait(weft_runtime *rt, const struct actor *actor,
                              const char *expected_what, uint64_t expected) {
  const char *what;
  uint64_t object, until_ns;
  CHECK_INT(WEFT_OK, weft_task_get_wait(rt, actor->play.task, &what, &object,
                                        &until_ns));
  CHECK_TEXT(expected_what, what);
  CHECK(object == expected);
  CHECK(until_ns == UINT64_MAX);
}

/* -- Locks ---------------------------------------------------------------- */

static inline weft_lock new_lock(weft_runtime *rt) {
  weft_lock lock;
  CHECK_INT(WEFT_OK, weft_lock_new(rt, &lock));
  return lock;
}

static inline void close_lock(weft_runtime *rt, weft_lock lock) {
  CHECK_INT(WEFT_OK, weft_lock_close(rt, lock));
}

/* Whether [actor] owns the lock; NULL: whether nobody does. */
static inline bool owns(weft_runtime *rt, weft_lock lock,
                        const struct actor *actor) {
  weft_task owner = UNSET;
  CHECK_INT(WEFT_OK, weft_lock_get_owner(rt, lock, &owner));
  return owner == (actor == NULL ? 0 : actor->play.task);
}

static inline size_t lock_waiting(weft_runtime *rt, weft_lock lock) {
  size_t tasks = UNSET;
  CHECK_INT(WEFT_OK, weft_lock_get_waiting(rt, lock, &tasks));
  return tasks;
}

static inline const char *breaker_of(weft_runtime *rt, weft_lock lock) {
  const char *name;
  CHECK_INT(WEFT_OK, weft_lock_get_broken(rt, lock, &name));
  return name;
}

#endif
