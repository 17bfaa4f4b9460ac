/* SPDX-License-Identifier: MIT
 * test_reentry.c - code of the host's that turns on the very thing the core is
 * at work on: reports, withdrawals and drop functions that close, cancel, park,
 * spawn, run the loop or free the runtime. */
#include "job.h"

static uint64_t key; /* of what the host's code turns on */
static uint64_t other_key;
static int called; /* how often it was */

static weft_runtime *begin_reentry(void) {
  weft_runtime *rt = begin();
  key = other_key = 0;
  called = 0;
  return rt;
}

/* Outside any task nothing parks, and nothing runs the loop or frees it. */
static void check_outside(weft_runtime *rt) {
  weft_task task;
  weft_scope scope;
  int work;
  void *arg;
  int status;
  uint64_t value;
  called++;
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  CHECK_INT(WEFT_ESTATE, weft_checkpoint(rt));
  CHECK_INT(WEFT_ESTATE, weft_park(rt, "kept", NULL, NULL, &value));
  CHECK_INT(WEFT_ESTATE, weft_scope_open(rt, UINT64_MAX, 0, &scope));
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ESTATE, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, weft_run_nowait(rt, &work));
  CHECK_INT(WEFT_ESTATE, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_ESTATE, weft_step_done(rt, WEFT_OK));
  CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
}

/* -- Reports -------------------------------------------------------------- */

static void report_outside(weft_runtime *rt, void *arg, int kind, uint64_t task,
                           weft_error *error) {
  (void)arg;
  (void)kind;
  (void)task;
  (void)error;
  check_outside(rt);
}

static int report_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_report(rt, WEFT_REPORT_CALLBACK, 0, NULL);
  if (play->line == 1)
    return weft_yield(rt);
  return play_end(play, play->status);
}

TEST("a report that is made in a task runs outside it") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = report_act};
    CHECK_INT(WEFT_OK, weft_set_report(rt, report_outside, NULL, NULL));
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, called);
    CHECK_INT(WEFT_OK, play.status);
  }
}

TEST("so does one that is made outside, or in a step that is pulled") {
  weft_runtime *rt = begin_reentry();
  void *arg;
  int status;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_set_report(rt, report_outside, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_CALLBACK, 0, NULL));
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, NULL, &key, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_CALLBACK, 0, NULL));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
  CHECK_INT(2, called);
  end(rt);
}

/* Swallows 999 Cancelled, then waits in a shield. */
static int stubborn_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  int caught;
  (void)value;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &play->scope));
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play->scope, NULL));
  }
  if (play->line < 999)
    return weft_checkpoint(rt);
  if (play->line == 999) {
    CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &play->object));
    return weft_event_wait(rt, key);
  }
  CHECK_INT(play->status,
            weft_scope_leave(rt, play->object, play->status, &caught));
  CHECK_INT(WEFT_OK,
            weft_scope_leave(rt, play->scope, play->status, &play->caught));
  return play_end(play, WEFT_OK);
}

static void close_event(weft_runtime *rt, void *arg, int kind, uint64_t task,
                        weft_error *error) {
  (void)arg;
  (void)error;
  CHECK_INT(WEFT_REPORT_STUBBORN, kind);
  CHECK_INT(WEFT_TASK_READY, state_of(rt, task));
  CHECK_INT(WEFT_OK, weft_event_close(rt, key));
  called++;
}

TEST("who is told of a stubborn task may close what it waited for [6.7]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = stubborn_act};
    CHECK_INT(WEFT_OK, weft_event_new(rt, &key));
    CHECK_INT(WEFT_OK, weft_set_report(rt, close_event, NULL, NULL));
    play_in(rt, 0, &play, stepped);
    while (play.line < 999)
      turn(rt);
    turn(rt);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, play.task));
    CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, play.object, 0));
    CHECK_INT(1, called);
    turn(rt);
    CHECK_INT(1000, play.line);
    CHECK_INT(WEFT_ECANCELLED, play.status); /* that was first [3.3] */
    CHECK_INT(WEFT_CAUGHT_CANCEL, play.caught);
    end(rt);
  }
}

/* -- Tasks that are given up ---------------------------------------------- */

/* Waits for the condition [object], notified by nobody. */
static int condition_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_lock_acquire(rt, key);
  if (play->line == 1)
    return weft_condition_wait(rt, play->object);
  return play_end(play, play->status);
}

/* Keeps the lock and waits for ever, once the others have had a turn. */
static int keep_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0)
    return weft_yield(rt);
  if (play->line == 1)
    return weft_lock_acquire(rt, key);
  return weft_park(rt, "kept", NULL, NULL, value);
}

static void close_lock(weft_runtime *rt, void *arg, int kind, uint64_t task,
                       weft_error *error) {
  (void)arg;
  (void)task;
  (void)error;
  CHECK_INT(WEFT_REPORT_GIVEN_UP, kind);
  if (called++ == 0)
    CHECK_INT(WEFT_OK, weft_lock_close(rt, key));
}

TEST("who is told of a task given up may close what it waits for [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play keeper = {.act = keep_act}, play = {.act = condition_act};
    weft_condition condition;
    CHECK_INT(WEFT_OK, weft_lock_new(rt, &key));
    CHECK_INT(WEFT_OK, weft_condition_new(rt, key, &condition));
    CHECK_INT(WEFT_OK, weft_set_report(rt, close_lock, NULL, NULL));
    play.object = condition;
    play_in(rt, 0, &keeper, stepped);
    play_in(rt, 0, &play, stepped);
    turns(rt, 3);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(2, called);
    CHECK_INT(WEFT_EGIVENUP, code_of(rt, play.task));
    CHECK_INT(WEFT_EGIVENUP, code_of(rt, keeper.task));
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}

/* Is woken by nobody, and stays where it is though it is cancelled. */
static int hurry(weft_runtime *rt, void *arg) {
  (void)rt;
  (*(int *)arg)++;
  return WEFT_PARKED;
}

static int hurried;

static int hurry_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)play;
  return weft_park(rt, "kept", hurry, &hurried, value);
}

static void wake_given_up(weft_runtime *rt, void *arg, int kind, uint64_t task,
                          weft_error *error) {
  (void)arg;
  (void)error;
  CHECK_INT(WEFT_REPORT_GIVEN_UP, kind);
  CHECK_INT(WEFT_ESTATE, weft_wake(rt, task, WEFT_OK, 0));
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, task, NULL));
  called++;
}

TEST("a task that is given up is neither woken nor told to hurry [22.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = hurry_act};
    hurried = 0;
    CHECK_INT(WEFT_OK, weft_set_report(rt, wake_given_up, NULL, NULL));
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_shutdown(rt));
    CHECK_INT(1, hurried);
    CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
    CHECK_INT(2, hurried); /* once more, at the end of its wait */
    CHECK_INT(1, called);
    CHECK_INT(1, play.drops);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_INT(0, failing_live());
  }
}

/* -- Withdrawals ---------------------------------------------------------- */

static int withdraw_outside(weft_runtime *rt, void *arg) {
  int caught;
  (void)arg;
  check_outside(rt);
  CHECK_INT(WEFT_ESTATE, weft_scope_leave(rt, key, WEFT_OK, &caught));
  return WEFT_OK;
}

static int parked_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  return play->line == 0 ? weft_park(rt, "test", withdraw_outside, NULL, value)
                         : play_end(play, play->status);
}

/* Cancels the group it has open, whose child is parked, from inside. */
static int canceller_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0) {
    struct play *child = play->data;
    CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &key));
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    play_in(rt, play->group, child, play->number);
    return weft_yield(rt);
  }
  if (play->line == 1) {
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, key, NULL));
    CHECK_INT(1, called);
    return weft_checkpoint(rt); /* the task is where it was, and cancelled */
  }
  if (play->line == 2)
    return weft_group_join(rt, play->group, play->status, NULL, value);
  return play_end(play, weft_scope_leave(rt, key, play->status, &play->caught));
}

TEST("a withdrawal runs outside the task that cancels") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play child = {.act = parked_act};
    struct play play = {.act = canceller_act, .data = &child};
    play.number = stepped;
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, play.status);
    CHECK_INT(WEFT_CAUGHT_CANCEL, play.caught);
    CHECK_INT(WEFT_ECANCELLED, child.status);
  }
}

/* Goes for the very task that is being cancelled. */
static int withdraw_again(weft_runtime *rt, void *arg) {
  struct play *play = arg;
  called++;
  CHECK_INT(WEFT_ESTATE, weft_wake(rt, play->task, WEFT_OK, 0));
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, play->scope, NULL));
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, play->task, NULL));
  return WEFT_OK;
}

static int scoped_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line > 0)
    return play_end(
        play, weft_scope_leave(rt, play->scope, play->status, &play->caught));
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &play->scope));
  return weft_park(rt, "test", withdraw_again, play, value);
}

TEST("a withdrawal that cancels again is not called again, nor woken [3.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = scoped_act};
    play_in(rt, 0, &play, stepped);
    turn(rt);
    cancel_task(rt, play.task);
    end(rt);
    CHECK_INT(1, called);
    CHECK_INT(WEFT_ECANCELLED, play.status);
    CHECK_INT(WEFT_CAUGHT_NOTHING, play.caught);
  }
}

/* Cancels others that are parked in the same scope, out of order. */
static int withdraw_others(weft_runtime *rt, void *arg) {
  struct play *others = arg;
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, others[0].task, NULL));
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, others[2].task, NULL));
  CHECK_INT(WEFT_OK, weft_event_close(rt, key));
  called++;
  return WEFT_OK;
}

static int others_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  if (play->line == 0 && play->number == 1)
    return weft_park(rt, "test", withdraw_others, play->data, value);
  if (play->line == 0)
    return weft_event_wait(rt, key);
  say(play->letter);
  return play_end(play, play->status);
}

TEST("a withdrawal may cancel and close what the walk has yet to reach [6.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play plays[4];
    weft_scope root;
    weft_group group;
    CHECK_INT(WEFT_OK, weft_event_new(rt, &key));
    for (int i = 0; i < 4; i++) {
      plays[i] = (struct play){
          .act = others_act, .letter = 'a' + i, .number = i, .data = plays};
      play_in(rt, 0, &plays[i], stepped);
    }
    turn(rt);
    CHECK_INT(WEFT_OK, weft_group_root(rt, &group));
    CHECK_INT(WEFT_OK, weft_group_get_scope(rt, group, &root));
    CHECK_INT(WEFT_OK, weft_scope_cancel(rt, root, NULL));
    CHECK_INT(1, called);
    end(rt);
    CHECK_TEXT("acdb", said);
    CHECK_INT(WEFT_ECANCELLED, plays[0].status);
    CHECK_INT(WEFT_ECANCELLED, plays[1].status);
    CHECK_INT(WEFT_ECANCELLED, plays[2].status);
    CHECK_INT(WEFT_ECLOSED, plays[3].status);
  }
}

static int cancel_self_act(weft_runtime *rt, struct play *play,
                           uint64_t *value) {
  (void)value;
  if (play->line > 0)
    return play_end(play, play->status);
  int status = weft_sleep_until(rt, UINT64_MAX);
  CHECK_INT(WEFT_PARKED, status);
  cancel_task(rt, play->task);
  return status;
}

TEST("a step that has parked may cancel its own task [6.4]") {
  weft_runtime *rt = begin_reentry();
  struct play play = {.act = cancel_self_act};
  play_in(rt, 0, &play, 1);
  turn(rt);
  CHECK_INT(WEFT_TASK_READY, state_of(rt, play.task));
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, play.status);
}

/* -- The end of a task ---------------------------------------------------- */

static weft_runtime *runtime;

static weft_value *host_value(weft_drop_fn drop) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_host(&key, drop, &value));
  return value;
}

static void drop_outside(void *arg) {
  (void)arg;
  check_outside(runtime);
}

/* Ends with a scope open whose reason is the last of its kind. */
static int leave_open_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  weft_value *reason = host_value(drop_outside);
  weft_scope scope;
  (void)value;
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &scope));
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, reason));
  weft_value_unref(reason);
  return play_end(play, WEFT_OK);
}

TEST("what a task leaves open goes outside it") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = leave_open_act};
    runtime = rt;
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, called);
    end(rt);
  }
}

static void spawn_into(weft_runtime *rt, void *arg, int kind, uint64_t task,
                       weft_error *error) {
  (void)kind;
  (void)task;
  (void)error;
  called++;
  CHECK_INT(WEFT_ESTATE, play_try(rt, key, arg, 1));
}

static int fail_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)rt;
  (void)value;
  return play_end(play, WEFT_EIO);
}

/* Ends with a group open that has a failure. */
static int leave_group_act(weft_runtime *rt, struct play *play,
                           uint64_t *value) {
  (void)value;
  if (play->line > 0)
    return play_end(play, WEFT_OK);
  struct play *child = play->data;
  CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &key));
  *child = (struct play){.act = fail_act};
  play_in(rt, key, child, 1);
  return weft_yield(rt);
}

TEST("a group that was left open takes nobody in while it ends [9.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play child, late = {.act = fail_act};
    struct play play = {.act = leave_group_act, .data = &child};
    CHECK_INT(WEFT_OK, weft_set_report(rt, spawn_into, &late, NULL));
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, called);
    CHECK_INT(1, late.drops);
  }
}

/* -- The end of the runtime ----------------------------------------------- */

static void look_at_variable(void *arg) {
  weft_value *value;
  (void)arg;
  called++;
  CHECK_INT(WEFT_EBADF, weft_context_var_get(runtime, other_key, &value));
}

static void look_at_snapshot(void *arg) {
  (void)arg;
  called++;
  CHECK_INT(WEFT_EBADF, weft_context_close(runtime, key));
}

/* Leaves a variable and a snapshot open, with the only references to what
 * looks at them. */
static int snapshot_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_value *fallback = host_value(look_at_variable);
  weft_value *set = host_value(look_at_snapshot);
  weft_context_var var;
  (void)value;
  CHECK_INT(WEFT_OK, weft_context_var_new(rt, "one", fallback, &other_key));
  CHECK_INT(WEFT_OK, weft_context_var_new(rt, "other", NULL, &var));
  CHECK_INT(WEFT_OK, weft_context_var_set(rt, var, set));
  CHECK_INT(WEFT_OK, weft_context_copy(rt, &key));
  weft_value_unref(fallback);
  weft_value_unref(set);
  return play_end(play, WEFT_OK);
}

TEST("what goes with the runtime finds its own handle stale") {
  weft_runtime *rt = begin_reentry();
  struct play play = {.act = snapshot_act};
  runtime = rt;
  play_in(rt, 0, &play, 1);
  end(rt);
  CHECK_INT(2, called);
}

static void drop_more(void *item);
static char last;
static int made;

static void call_more(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  made++;
}

/* Opens, calls, posts and spawns anew, twice. */
static void drop_more(void *item) {
  weft_queue queue;
  weft_timer timer;
  weft_task task;
  check_outside(runtime);
  CHECK_INT(WEFT_ESTATE, weft_spawn(runtime, 0, play_body, NULL, NULL, &task));
  CHECK_INT(WEFT_ESTATE,
            weft_spawn_step(runtime, 0, play_step, NULL, NULL, NULL));
  if (item == &last)
    return;
  CHECK_INT(WEFT_OK, weft_queue_new(runtime, 0, drop_more, &queue));
  CHECK_INT(WEFT_OK, weft_queue_try_put(runtime, queue, &last));
  CHECK_INT(WEFT_OK, weft_event_new(runtime, &key));
  CHECK_INT(WEFT_OK,
            weft_call_soon(runtime, call_more, &last, drop_more, &timer));
  CHECK_INT(WEFT_OK,
            weft_call_at(runtime, 5, call_more, &last, drop_more, NULL));
  CHECK_INT(WEFT_OK, weft_post(runtime, call_more, &last, drop_more));
}

TEST("what goes with the runtime may open and call, and that goes too") {
  weft_runtime *rt = begin_reentry();
  weft_queue queue;
  runtime = rt;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, drop_more, &queue));
  CHECK_INT(WEFT_OK, weft_queue_try_put(rt, queue, &key));
  CHECK_INT(WEFT_OK, weft_call_soon(rt, call_more, &key, drop_more, NULL));
  CHECK_INT(WEFT_OK, weft_post(rt, call_more, &key, drop_more));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(3 + 3 * 4, called);
  CHECK_INT(0, made);
  CHECK_INT(0, failing_live());
}

static void ignore_events(weft_runtime *rt, void *arg, int status, int events) {
  (void)rt;
  (void)arg;
  (void)status;
  (void)events;
}

TEST("so may what goes only when libuv has let go of it") {
  weft_runtime *rt = begin_reentry();
  weft_watch watch;
  int ends[2];
  runtime = rt;
  CHECK_INT(0, pipe(ends));
  CHECK_INT(WEFT_OK, weft_watch_new(rt, ends[0], ignore_events, &key, drop_more,
                                    &watch));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1 + 4, called);
  CHECK_INT(0, made);
  CHECK_INT(0, failing_live());
  CHECK_INT(0, close(ends[0]));
  CHECK_INT(0, close(ends[1]));
}

/* -- Functions that order ------------------------------------------------- */

static int less_outside(void *arg, void *a, void *b) {
  check_outside(arg);
  return a < b;
}

static int put_two_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  static char items[3];
  (void)value;
  return play->line < 3 ? weft_queue_put(rt, key, &items[2 - play->line])
                        : play_end(play, play->status);
}

TEST("a function that orders runs outside the task, and runs nothing [20.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_reentry();
    struct play play = {.act = put_two_act};
    uint64_t unused;
    CHECK_INT(WEFT_OK, weft_queue_new(rt, 0, NULL, &key));
    CHECK_INT(WEFT_OK, weft_queue_set_less(rt, key, less_outside, rt, NULL));
    CHECK_INT(WEFT_OK, weft_queue_try_put(rt, key, &unused));
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_queue_try_put(rt, key, &unused));
    CHECK(called >= 5);
    end(rt);
  }
}
