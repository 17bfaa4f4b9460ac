/* SPDX-License-Identifier: MIT
 * test_scope.c - scopes: who is cancelled, who absorbs it, deadlines. */
#include "../core.h"
#include "job.h"

#define NEVER UINT64_MAX

/* -- Opening and leaving -------------------------------------------------- */

static weft_scope open_scope(weft_runtime *rt, uint64_t deadline_ns,
                             int shield) {
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_scope_open(rt, deadline_ns, shield, &scope));
  CHECK(scope != 0);
  return scope;
}

static int leave(weft_runtime *rt, weft_scope scope, int outcome) {
  int caught = 7;
  int status = weft_scope_leave(rt, scope, outcome, &caught);
  CHECK_INT(WEFT_CAUGHT_NOTHING, caught);
  return status;
}

static bool is_cancelled(weft_runtime *rt, weft_scope scope) {
  int cancelled;
  CHECK_INT(WEFT_OK, weft_scope_is_cancelled(rt, scope, &cancelled));
  return cancelled != 0;
}

static weft_scope current(weft_runtime *rt) {
  weft_scope scope = 7;
  CHECK_INT(WEFT_OK, weft_scope_current(rt, &scope));
  return scope;
}

static int nest_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  int caught = 7;
  weft_scope own = current(rt);
  weft_scope outer = open_scope(rt, NEVER, 0);
  CHECK(current(rt) == outer);
  weft_scope inner = open_scope(rt, NEVER, 0);
  CHECK(current(rt) == inner);
  CHECK_INT(WEFT_ESTATE, weft_scope_leave(rt, outer, WEFT_OK, &caught));
  CHECK_INT(0, caught);
  CHECK(current(rt) == inner);
  CHECK_INT(WEFT_ESTATE, leave(rt, own, WEFT_OK));
  CHECK_INT(WEFT_EHOST, leave(rt, inner, WEFT_EHOST));
  CHECK_INT(WEFT_EBADF, leave(rt, inner, WEFT_OK));
  CHECK_INT(WEFT_EBADF, weft_scope_cancel(rt, inner, NULL));
  CHECK_INT(WEFT_OK, leave(rt, outer, WEFT_OK));
  CHECK(current(rt) == own);
  CHECK_INT(WEFT_ESTATE, leave(rt, own, WEFT_OK));
  return play_end(play, WEFT_OK);
}

TEST("scopes are left innermost first, and only by their task [6.17]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = nest_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, play.drops);
  }
}

/* Opens a scope, with [number] as its shield, sleeps in it and leaves it. */
static int inside_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_scope_open(rt, play->object, play->number, &play->scope);
  if (play->line == 1)
    return weft_sleep_until(rt, 1000);
  if (play->line == 2)
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  if (play->line == 3) {
    say(play->status == WEFT_OK ? 'o' : 'c');
    return weft_checkpoint(rt);
  }
  return play_end(play, play->status);
}

static struct play inside(uint64_t deadline_ns, int shield) {
  return (struct play){
      .act = inside_act, .object = deadline_ns, .number = shield};
}

TEST("a scope that another task has open cannot be left [6.17]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = inside(NEVER, 0);
    int caught = 7;
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_scope_leave(rt, play.scope, WEFT_OK, &caught));
    CHECK_INT(0, caught);
    cancel_task(rt, play.task);
    end(rt);
  }
}

static int forget_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line < 100)
    return weft_scope_open(rt, (uint64_t)play->line % 2 ? NEVER : 500, 0,
                           &play->scope);
  return play_end(play, WEFT_OK);
}

TEST("scopes that a task leaves open end with it") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = forget_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_EBADF, weft_scope_cancel(rt, play.scope, NULL));
    CHECK_INT(0, rt->timers.count);
    end(rt);
  }
}

TEST("outside a task nothing is opened and nothing is current [1.11]") {
  weft_runtime *rt = begin();
  weft_scope scope = 7;
  uint64_t deadline = 7;
  int source = 7;
  weft_value *reason;
  weft_error *cause;
  CHECK_INT(WEFT_ESTATE, weft_scope_open(rt, 5, 0, &scope));
  CHECK_INT(0, scope);
  CHECK_INT(0, current(rt));
  CHECK_INT(WEFT_ESTATE, weft_current_deadline(rt, &deadline));
  CHECK_INT(0, deadline);
  CHECK_INT(WEFT_ESTATE,
            weft_cancellation(rt, &scope, &source, &reason, &cause));
  CHECK_INT(0, source);
  end(rt);
}

/* -- Cancelling ----------------------------------------------------------- */

TEST("a scope is cancelled from outside and absorbs it [6.12] [6.13]") {
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int shield = 0; shield <= 1; shield++) {
      weft_runtime *rt = begin();
      struct play play = inside(NEVER, shield);
      play_in(rt, 0, &play, stepped);
      turn(rt);
      CHECK(!is_cancelled(rt, play.scope));
      CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play.scope, NULL));
      CHECK(is_cancelled(rt, play.scope));
      end(rt);
      CHECK_TEXT("o", said);
      CHECK_INT(WEFT_CAUGHT_CANCEL, play.caught);
      CHECK_INT(WEFT_OK, play.status);
    }
}

TEST("what an outer scope caused passes the inner one [6.12] [7.6]") {
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int both = 0; both <= 2; both++) {
      weft_runtime *rt = begin();
      struct play play = inside(NEVER, 0);
      play_in(rt, 0, &play, stepped);
      turn(rt);
      if (both == 1)
        CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play.scope, NULL));
      cancel_task(rt, play.task);
      if (both == 2)
        CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play.scope, NULL));
      CHECK_INT(both > 0, is_cancelled(rt, play.scope));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("c", said);
      CHECK_INT(WEFT_CAUGHT_NOTHING, play.caught);
      CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
      end(rt);
    }
}

TEST("a shield hides it; then it shows at the next point [6.3] [6.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = inside(NEVER, 1);
    uint64_t now;
    play_in(rt, 0, &play, stepped);
    turn(rt);
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_now(rt, &now));
    CHECK_INT(1000, now);
    CHECK_TEXT("o", said); /* the sleep ended by itself */
    CHECK_INT(WEFT_ECANCELLED, play.status);
    end(rt);
  }
}

TEST("a shield that is lifted wakes what is parked inside [6.15]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = inside(NEVER, 1);
    uint64_t now;
    play_in(rt, 0, &play, stepped);
    turn(rt);
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, play.scope, 0));
    CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_now(rt, &now));
    CHECK_INT(0, now);
    CHECK_TEXT("c", said);
    end(rt);
  }
}

static int reshield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  int caught;
  if (play->line == 0) {
    play->scope = open_scope(rt, NEVER, 0);
    cancel_task(rt, play->task);
    return weft_checkpoint(rt);
  }
  if (play->line == 1) {
    CHECK_INT(WEFT_ECANCELLED, play->status);
    CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, play->scope, 1));
    return weft_sleep_until(rt, 10);
  }
  CHECK_INT(WEFT_OK, play->status);
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, play->scope, WEFT_OK, &caught));
  return play_end(play, WEFT_OK);
}

TEST("a shield can be put up in cancelled code [6.15]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = reshield_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    end(rt);
  }
}

/* One step for each pair, for a second Cancelled in one step costs a turn. */
static int pairs_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  static const int outcomes[] = {WEFT_OK, WEFT_EHOST, WEFT_ETIMEDOUT};
  (void)value;
  if (play->line == 12)
    return play_end(play, WEFT_OK);
  if (play->line % 2 == 1)
    return weft_yield(rt);
  int by_deadline = play->line / 2 % 2, outcome = outcomes[play->line / 4];
  weft_scope scope = open_scope(rt, by_deadline ? 0 : NEVER, 0);
  if (!by_deadline)
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
  CHECK(is_cancelled(rt, scope));
  CHECK_INT(WEFT_ECANCELLED, weft_cancel_point(rt));
  CHECK_INT(outcome, leave(rt, scope, outcome));
  return WEFT_OK;
}

TEST(
    "a body that returns or fails has done so, cancelled or not [6.13] [7.8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = pairs_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    end(rt);
  }
}

static int own_cancelled_act(weft_runtime *rt, struct play *play,
                             uint64_t *value) {
  (void)value;
  weft_scope scope = open_scope(rt, NEVER, 0);
  return play_end(play, leave(rt, scope, WEFT_ECANCELLED));
}

TEST("a Cancelled of the body's own making is absorbed by no scope [4.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = own_cancelled_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
    end(rt);
  }
}

/* Cancels from the outside in, or the reverse, of three scopes; the outermost
 * cancelled within the nearest shield absorbs. */
static int three_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_scope *scopes = play->data;
  (void)value;
  int caught = 0;
  if (play->line < 3) {
    scopes[play->line] = open_scope(rt, NEVER, play->line == play->letter);
    return WEFT_OK;
  }
  if (play->line == 3) {
    for (int i = 0; i < 3; i++)
      if (play->number >> i & 1)
        CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scopes[i], NULL));
    return weft_checkpoint(rt);
  }
  int absorbed = -1;
  for (int i = 2; i >= 0; i--) {
    int status = weft_scope_leave(rt, scopes[i], play->status, &caught);
    if (caught != WEFT_CAUGHT_NOTHING) {
      CHECK_INT(WEFT_ECANCELLED, play->status);
      CHECK_INT(-1, absorbed);
      absorbed = i;
    }
    play->status = status;
  }
  play->object = (uint64_t)(absorbed + 1);
  return play_end(play, play->status);
}

/* Which of the scopes 0 to 2 absorbs, by rule 6.12; -1 if none is cancelled in
 * what the innermost sees. */
static int absorber(int cancelled, int shield) {
  int found = -1;
  for (int i = 2; i >= 0; i--) {
    if (cancelled >> i & 1)
      found = i;
    if (i == shield)
      break;
  }
  return found;
}

TEST("the outermost cancelled within the nearest shield absorbs [6.12]") {
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int cancelled = 0; cancelled < 8; cancelled++)
      for (int shield = 0; shield <= 3; shield++) {
        weft_runtime *rt = begin();
        weft_scope scopes[3];
        struct play play = {.act = three_act,
                            .data = scopes,
                            .number = cancelled,
                            .letter = shield};
        play_in(rt, 0, &play, stepped);
        end(rt);
        CHECK_INT(absorber(cancelled, shield) + 1, play.object);
      }
}

TEST("cancelling again does nothing; the first reason stays [6.10]") {
  weft_runtime *rt = begin();
  struct play play = inside(NEVER, 0);
  weft_value *first, *second;
  CHECK_INT(WEFT_OK, weft_value_new_int(1, &first));
  CHECK_INT(WEFT_OK, weft_value_new_int(2, &second));
  play_in(rt, 0, &play, 1);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play.scope, first));
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play.scope, second));
  struct scope *scope = weft__handle_get(rt, play.scope, KIND_SCOPE);
  CHECK(scope->reason == first);
  weft_value_unref(first);
  weft_value_unref(second);
  end(rt);
}

TEST("the root scope can be cancelled and given a deadline like any other") {
  for (int deadline = 0; deadline <= 1; deadline++) {
    weft_runtime *rt = begin();
    weft_group root;
    weft_scope scope;
    weft_value *reason;
    struct play play = sleeping_play();
    CHECK_INT(WEFT_OK, weft_group_root(rt, &root));
    CHECK_INT(WEFT_OK, weft_group_get_scope(rt, root, &scope));
    play_in(rt, 0, &play, 1);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_value_new_int(1, &reason));
    if (deadline)
      CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, 70));
    else
      CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, reason));
    weft_value_unref(reason);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, play.status);
    end(rt);
  }
}

TEST("the root scope's deadline that has not come goes with the runtime") {
  weft_runtime *rt = begin();
  weft_group root;
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_group_root(rt, &root));
  CHECK_INT(WEFT_OK, weft_group_get_scope(rt, root, &scope));
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, 70));
  end(rt);
}

/* -- Why ------------------------------------------------------------------ */

static int why_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  weft_scope scope = 7;
  int source = 7;
  weft_value *reason = NULL;
  weft_error *cause = NULL;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_cancellation(rt, &scope, &source, &reason, &cause));
    CHECK_INT(0, scope);
    CHECK_INT(WEFT_SOURCE_NONE, source);
    play->scope = open_scope(rt, 40, 0);
    return weft_sleep_until(rt, NEVER);
  }
  CHECK_INT(WEFT_OK, weft_cancellation(rt, NULL, &source, &reason, &cause));
  CHECK_INT(play->number, source);
  CHECK_INT(WEFT_OK, weft_cancellation(rt, &scope, &source, &reason, &cause));
  CHECK_INT(play->number, source);
  CHECK_INT(play->number == WEFT_SOURCE_DEADLINE, scope == play->scope);
  CHECK(reason == play->data);
  CHECK(cause == NULL);
  return play_end(play, WEFT_ECANCELLED);
}

TEST("a cancellation has its source, its reason and its scope [6.11]") {
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int source = WEFT_SOURCE_CANCEL; source <= WEFT_SOURCE_SHUTDOWN;
         source++) {
      if (source == WEFT_SOURCE_GROUP)
        continue;
      weft_runtime *rt = begin();
      weft_value *reason;
      struct play play = {.act = why_act, .number = source};
      CHECK_INT(WEFT_OK, weft_value_new_int(5, &reason));
      play.data = source == WEFT_SOURCE_CANCEL ? reason : NULL;
      play_in(rt, 0, &play, stepped);
      if (source != WEFT_SOURCE_DEADLINE)
        turn(rt);
      if (source == WEFT_SOURCE_CANCEL)
        CHECK_INT(WEFT_OK, weft_task_cancel(rt, play.task, reason));
      if (source == WEFT_SOURCE_SHUTDOWN)
        CHECK_INT(WEFT_OK, weft_shutdown(rt));
      CHECK_INT(WEFT_OK, weft_run(rt));
      weft_value_unref(reason);
      end(rt);
      CHECK(play.over);
    }
}
