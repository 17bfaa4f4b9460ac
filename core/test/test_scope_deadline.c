/* SPDX-License-Identifier: MIT
 * test_scope_deadline.c - scopes: their deadlines, and how deep they go. */
#include "../core.h"
#include "job.h"

#define NEVER UINT64_MAX

static uint64_t now_of(weft_runtime *rt) {
  uint64_t now;
  CHECK_INT(WEFT_OK, weft_now(rt, &now));
  return now;
}

/* Two scopes with the deadlines [object] and [number], inner last; a sleep
 * until 1000 in the inner; then both are left, noting who caught what. */
static int two_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_scope *scopes = play->data;
  (void)value;
  switch (play->line) {
  case 0:
    return weft_scope_open(rt, play->object, 0, &scopes[0]);
  case 1:
    return weft_scope_open(rt, (uint64_t)play->number, 0, &scopes[1]);
  case 2:
    return weft_sleep_until(rt, 1000);
  case 3:
    play->letter = play->status;
    return weft_scope_leave(rt, scopes[1], play->status, &play->caught);
  case 4:
    say("-cd"[play->caught]);
    if (play->status == WEFT_OK && play->letter == WEFT_ECANCELLED)
      return weft_sleep_until(rt, 500); /* the outer one's body runs on */
    return play->status;
  case 5:
    return weft_scope_leave(rt, scopes[0], play->status, &play->caught);
  default:
    say("-cd"[play->caught]);
    return play_end(play, play->status);
  }
}

static struct play two(weft_scope *scopes, uint64_t outer, int inner) {
  return (struct play){
      .act = two_act, .data = scopes, .object = outer, .number = inner};
}

TEST("nested deadlines: whose time comes first absorbs [7.7]") {
  static const struct {
    uint64_t outer;
    int inner;
    const char *caught;
    uint64_t end;
  } cases[] = {
      {100, 50, "dd", 100}, /* the inner converts, the outer cuts off later */
      {600, 50, "d-", 500}, /* the inner converts, the outer runs on */
      {50, 100, "-d", 50},  /* the outer's passes the inner */
      {50, 50, "-d", 50},   /* both in one poll: the outer converts */
      {0, 50, "-d", 0},     /* past when it is opened [7.2] */
      {NEVER, 50, "d-", 500},
  };
  for (int stepped = 0; stepped <= 1; stepped++)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      weft_runtime *rt = begin();
      weft_scope scopes[2];
      struct play play = two(scopes, cases[i].outer, cases[i].inner);
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT(cases[i].caught, said);
      CHECK_INT(cases[i].end, now_of(rt));
      CHECK_INT(WEFT_OK, play.status);
      end(rt);
    }
}

TEST("own deadline and outer cancellation, in either order: outer [6.12]") {
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int first = 0; first <= 1; first++) {
      weft_runtime *rt = begin();
      weft_scope scopes[2];
      struct play play = two(scopes, NEVER, 50);
      play_in(rt, 0, &play, stepped);
      turn(rt);
      if (first)
        cancel_task(rt, play.task);
      CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scopes[1], NULL));
      if (!first)
        cancel_task(rt, play.task);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_TEXT("--", said);
      CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
      end(rt);
    }
}

static int past_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  int cancelled;
  (void)value;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_scope_open(rt, NEVER, 0, &play->scope));
    return weft_sleep_until(rt, 100);
  }
  if (play->line == 1) {
    CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, play->scope, 100));
    CHECK_INT(WEFT_OK, weft_scope_is_cancelled(rt, play->scope, &cancelled));
    CHECK_INT(1, cancelled);
    CHECK_INT(WEFT_ESTATE, weft_scope_set_deadline(rt, play->scope, 500));
    CHECK_INT(WEFT_ESTATE, weft_scope_set_deadline(rt, play->scope, NEVER));
    return weft_checkpoint(rt);
  }
  if (play->line == 2)
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  CHECK_INT(WEFT_CAUGHT_DEADLINE, play->caught);
  return play_end(play, play->status);
}

TEST("a deadline moved to what is past cancels at once [7.2] [7.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = past_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(WEFT_OK, play.status);
    CHECK_INT(0, play.line - 3);
  }
}

TEST("a deadline is moved, taken away and read from outside [7.10] [7.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_scope scopes[2];
    uint64_t deadline;
    struct play play = two(scopes, 50, 60);
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_scope_get_deadline(rt, scopes[0], &deadline));
    CHECK_INT(50, deadline);
    CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scopes[0], NEVER));
    CHECK_INT(WEFT_OK, weft_scope_get_deadline(rt, scopes[0], &deadline));
    CHECK(deadline == NEVER);
    CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scopes[1], 80));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_TEXT("d-", said);
    CHECK_INT(500, now_of(rt));
    end(rt);
  }
}

TEST("leaving a scope removes its deadline [7.1]") {
  weft_runtime *rt = begin();
  weft_scope scopes[2];
  struct play play = two(scopes, 5000, 2000);
  play_in(rt, 0, &play, 1);
  turn(rt);
  CHECK_INT(3, rt->timers.count);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, rt->timers.count);
  CHECK_INT(1000, now_of(rt));
  CHECK_TEXT("--", said);
  end(rt);
}

static int current_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  static const uint64_t deadlines[] = {300, 700, NEVER, 200, 900};
  static const int shields[] = {0, 0, 0, 0, 1};
  static const uint64_t expected[] = {300, 300, 300, 200, 900};
  weft_scope scopes[5];
  uint64_t deadline = 7;
  (void)value;
  CHECK_INT(WEFT_OK, weft_current_deadline(rt, &deadline));
  CHECK(deadline == NEVER);
  for (int i = 0; i < 5; i++) {
    CHECK_INT(WEFT_OK,
              weft_scope_open(rt, deadlines[i], shields[i], &scopes[i]));
    CHECK_INT(WEFT_OK, weft_current_deadline(rt, &deadline));
    CHECK_INT(expected[i], deadline);
  }
  CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, scopes[4], 0));
  CHECK_INT(WEFT_OK, weft_current_deadline(rt, &deadline));
  CHECK_INT(200, deadline);
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scopes[1], NULL));
  CHECK_INT(WEFT_OK, weft_current_deadline(rt, &deadline));
  CHECK_INT(0, deadline);
  return play_end(play, WEFT_OK);
}

TEST("the current deadline is the earliest up to a shield [7.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = current_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, play.drops);
  }
}

TEST("deadlines set before a sleep until the same time beat it [2.2] [7.7]") {
  weft_runtime *rt = begin();
  weft_scope scopes[2];
  struct play play = two(scopes, 1000, 1000);
  play_in(rt, 0, &play, 1);
  end(rt);
  CHECK_TEXT("-d", said);
}

/* -- Deep and many -------------------------------------------------------- */

enum { DEPTH = 200000 };

static int deep_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_scope *scopes = play->data;
  (void)value;
  int caught;
  if (play->line == 0) {
    for (int i = 0; i < DEPTH; i++)
      CHECK_INT(WEFT_OK, weft_scope_open(rt, NEVER, 0, &scopes[i]));
    return weft_sleep_until(rt, NEVER);
  }
  int status = play->status;
  for (int i = DEPTH; i-- > 0;)
    status = weft_scope_leave(rt, scopes[i], status, &caught);
  return play_end(play, status);
}

TEST("200,000 nested scopes are cancelled and left, without recursion") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    static weft_scope scopes[DEPTH];
    struct play play = {.act = deep_act, .data = scopes};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scopes[0], NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, play.status);
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
    end(rt);
  }
}

static int timeout_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  switch (play->line % 3) {
  case 0:
    if (play->line == 3 * play->number)
      return play_end(play, WEFT_OK);
    CHECK_INT(WEFT_OK, weft_scope_open(rt, 1000000 + (uint64_t)play->line, 0,
                                       &play->scope));
    return WEFT_OK;
  case 1:
    return weft_yield(rt);
  default:
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  }
}

TEST("a scope with a deadline allocates nothing once it is warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = timeout_act, .number = 1000};
    play_in(rt, 0, &play, stepped);
    turns(rt, 10);
    long before = failing_allocations();
    turns(rt, 900);
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}

/* -- Without memory, and from another thread ------------------------------ */

static int open_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line < 70 && play->status == WEFT_OK) {
    play->scope = 7;
    int status = weft_scope_open(rt, 100, 0, &play->scope);
    CHECK((status == WEFT_OK) == (play->scope != 0));
    return status;
  }
  if (play->status == WEFT_ENOMEM) /* what was there is as it was */
    CHECK_INT(play->line - 1, rt->timers.count);
  if (play->status == WEFT_OK && failing_has_failed()) {
    CHECK(rt->timers.heap_count > 0); /* it was their row that did not grow */
    return play_end(play, WEFT_ENOMEM);
  }
  return play_end(play, play->status);
}

static int open_some(void *arg) {
  const int *stepped = arg;
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  struct play play = {.act = open_act};
  status = play_try(rt, 0, &play, *stepped);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_run(rt));
  if (status == WEFT_OK)
    status = code_of(rt, play.task);
  CHECK_INT(1, play.drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no scope is opened and nothing is left [3.11]") {
  failing_install();
  for (int stepped = 0; stepped <= 1; stepped++)
    CHECK(failing_each(open_some, &stepped) >= 8);
}

static void *scopes_apart(void *arg) {
  weft_runtime *rt = arg;
  weft_scope scope = 7;
  uint64_t deadline = 7;
  int source = 7;
  weft_value *reason;
  weft_error *cause;
  CHECK_INT(WEFT_ETHREAD, weft_scope_open(rt, 5, 0, &scope));
  CHECK_INT(0, scope);
  scope = 7;
  CHECK_INT(WEFT_ETHREAD, weft_scope_current(rt, &scope));
  CHECK_INT(0, scope);
  CHECK_INT(WEFT_ETHREAD, weft_current_deadline(rt, &deadline));
  CHECK_INT(0, deadline);
  CHECK_INT(WEFT_ETHREAD,
            weft_cancellation(rt, &scope, &source, &reason, &cause));
  CHECK_INT(0, source);
  return NULL;
}

static int visited_body(weft_runtime *rt, void *arg) {
  (void)arg;
  in_pthread_apart(scopes_apart, rt);
  return WEFT_OK;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, visited_body, NULL, NULL, NULL));
  end(rt);
}
