/* SPDX-License-Identifier: MIT
 * test_begin.c - stackful tasks that begin: which stack each gets, and when. */
#include <fenv.h>

#include "../core.h"
#include "../switch.h"
#include "job.h"

static weft_runtime *begin_for_real(void) {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  return rt;
}

static void spawn(weft_runtime *rt, weft_task_fn fn, void *arg) {
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, fn, arg, NULL, NULL));
}

static void end_with_no_promise(weft_runtime *rt) {
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, rt->fibers.promised);
  end(rt);
}

/* Else each has its stack when it is spawned, or is entered from the loop. */
static const bool stacks_pass_on =
    WEFT__SWITCH_CAN_HOP && WEFT__SWITCH_HAS_FLOAT_MODE;

/* -- Whose stack ---------------------------------------------------------- */

static int note_frame(weft_runtime *rt, void *arg) {
  (void)rt;
  *(void **)arg = __builtin_frame_address(0);
  return WEFT_OK;
}

static int note_frame_and_yield(weft_runtime *rt, void *arg) {
  note_frame(rt, arg);
  return weft_yield(rt);
}

TEST("tasks that end in their first step have one stack, in turn") {
  void *frames[3];
  weft_runtime *rt = begin_for_real();
  for (int i = 0; i < 3; i++)
    spawn(rt, note_frame, &frames[i]);
  CHECK_INT(WEFT__SWITCH_HAS_FLOAT_MODE ? 3 : 0, rt->fibers.promised);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(frames[0] == frames[1] || !stacks_pass_on);
  CHECK(frames[1] == frames[2] || !stacks_pass_on);
  end_with_no_promise(rt);
}

TEST("one that parks keeps its stack, and the next has another") {
  void *frames[3];
  weft_runtime *rt = begin_for_real();
  spawn(rt, note_frame, &frames[0]);
  spawn(rt, note_frame_and_yield, &frames[1]);
  spawn(rt, note_frame_and_yield, &frames[2]);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(frames[1] != frames[2]);
  end_with_no_promise(rt);
}

static int fail(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_EHOST;
}

TEST("the one before may have failed, which is told by the loop") {
  void *frame = NULL;
  weft_runtime *rt = begin_for_real();
  keep_reports(rt);
  spawn(rt, fail, NULL);
  spawn(rt, note_frame_and_yield, &frame);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(frame != NULL);
  CHECK_INT(1, reports.count);
  end_with_no_promise(rt);
}

static int end_at_once(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

static void note_drop_frame(void *arg) {
  *(void **)arg = __builtin_frame_address(0);
}

static int note_frame_in_task(weft_runtime *rt, void *arg) {
  (void)rt;
  ((void **)arg)[1] = __builtin_frame_address(0);
  return WEFT_OK;
}

/* A stack may be far smaller than what the host's code needs. */
TEST("who drops the arg of one that ended has the loop's stack") {
  void *frames[2] = {NULL}, *frame = NULL;
  weft_runtime *rt = begin_for_real();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, note_frame_in_task, frames,
                                note_drop_frame, NULL));
  spawn(rt, note_frame_and_yield, &frame);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(frame != NULL);
  char *here = __builtin_frame_address(0), *there = frames[0];
  CHECK(llabs(here - there) < 65536);
  CHECK(llabs(there - (char *)frames[1]) > 65536);
  end_with_no_promise(rt);
}

static void note_report_frame(weft_runtime *rt, void *arg, int kind,
                              weft_task task, weft_error *error) {
  (void)rt;
  (void)task;
  (void)error;
  CHECK_INT(WEFT_REPORT_LEFT, kind);
  note_drop_frame(arg);
}

TEST("who is told of the tasks that main leaves has the loop's stack") {
  void *there = NULL;
  weft_task main_task;
  weft_runtime *rt = begin_for_real();
  CHECK_INT(WEFT_OK, weft_set_report(rt, note_report_frame, &there, NULL));
  CHECK_INT(WEFT_OK, weft_set_report_left(rt, 1));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, end_at_once, NULL, NULL, &main_task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, main_task));
  spawn(rt, end_at_once, NULL);
  CHECK_INT(WEFT_OK, weft_run(rt));
  char *here = __builtin_frame_address(0);
  CHECK(llabs(here - (char *)there) < 65536);
  end_with_no_promise(rt);
}

static int note_withdraw_frame(weft_runtime *rt, void *arg) {
  (void)rt;
  note_drop_frame(arg);
  return WEFT_OK;
}

static int park_to_note(weft_runtime *rt, void *arg) {
  uint64_t value;
  return weft_park(rt, "nothing", note_withdraw_frame, arg, &value);
}

/* It ends in its third step. */
static int leave_group_open(weft_runtime *rt, void *arg) {
  weft_group group;
  CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &group));
  CHECK_INT(WEFT_OK, weft_spawn(rt, group, park_to_note, arg, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_yield(rt));
  return weft_yield(rt);
}

/* Which begins in the third turn. */
static int spawn_in_second(weft_runtime *rt, void *arg) {
  CHECK_INT(WEFT_OK, weft_yield(rt));
  spawn(rt, end_at_once, arg);
  return WEFT_OK;
}

TEST("a wait that ends with a group left open is undone on the loop's stack") {
  void *there = NULL;
  weft_runtime *rt = begin_for_real();
  spawn(rt, leave_group_open, &there);
  spawn(rt, spawn_in_second, NULL);
  CHECK_INT(WEFT_OK, weft_run(rt));
  char *here = __builtin_frame_address(0);
  CHECK(llabs(here - (char *)there) < 65536);
  end_with_no_promise(rt);
}

/* Cancels its group, with a reason, before the only child ends well. */
static int cancel_with_reason(weft_runtime *rt, void *arg) {
  weft_group group;
  weft_scope scope;
  weft_value *reason;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &group));
  CHECK_INT(WEFT_OK, weft_spawn(rt, group, end_at_once, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_group_get_scope(rt, group, &scope));
  CHECK_INT(WEFT_OK, weft_value_new_host(arg, note_drop_frame, &reason));
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, reason));
  weft_value_unref(reason);
  spawn(rt, end_at_once, NULL);
  return weft_group_join(rt, group, WEFT_OK, NULL, &value);
}

TEST("the reason of a group that its last child ends has the loop's stack") {
  void *there = NULL;
  weft_runtime *rt = begin_for_real();
  spawn(rt, cancel_with_reason, &there);
  CHECK_INT(WEFT_OK, weft_run(rt));
  char *here = __builtin_frame_address(0);
  CHECK(llabs(here - (char *)there) < 65536);
  end_with_no_promise(rt);
}

static void count_drop(void *arg) {
  ++*(int *)arg;
}

static int yield_once(weft_runtime *rt, void *arg) {
  (void)arg;
  return weft_yield(rt);
}

/* Their stacks passed on, kept, and taken before they begin. */
TEST("each task's own argument is dropped, whosever stack it had") {
  static const weft_task_fn bodies[] = {end_at_once, end_at_once, yield_once,
                                        end_at_once, yield_once};
  enum { COUNT = sizeof bodies / sizeof bodies[0] };
  for (int early = 0; early < 2; early++) {
    int drops[COUNT] = {0};
    weft_runtime *rt = begin_for_real();
    for (int i = 0; i < COUNT; i++)
      CHECK_INT(WEFT_OK, weft_spawn(rt, 0, bodies[i], &drops[i],
                                    i % 2 == 0 ? NULL : count_drop, NULL));
    if (early)
      CHECK_INT(WEFT_OK, weft_set_stack_guard(rt, 0));
    CHECK_INT(WEFT_OK, weft_run(rt));
    for (int i = 0; i < COUNT; i++)
      CHECK_INT(i % 2, drops[i]);
    end_with_no_promise(rt);
  }
}

/* -- Which kind of stack -------------------------------------------------- */

/* Uses [kib] KiB of the stack. */
static int use_stack(long kib) {
  volatile char block[1024];
  block[0] = block[1023] = 1;
  return kib == 0 ? 0 : use_stack(kib - 1) + block[0] + block[1023];
}

static int use_much(weft_runtime *rt, void *arg) {
  *(int *)arg = use_stack(100);
  return weft_yield(rt);
}

TEST("a task has a stack of the size that was set when it was spawned") {
  int used[2] = {0, 0};
  weft_runtime *rt = begin_for_real();
  spawn(rt, use_much, &used[0]);
  spawn(rt, use_much, &used[1]);
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 16 * 1024));
  CHECK_INT(0, rt->fibers.promised);
  CHECK_INT(WEFT_OK, weft_set_stack_guard(rt, 0));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(200, used[0]);
  CHECK_INT(200, used[1]);
  end_with_no_promise(rt);
}

TEST("one that has a smaller stack does not pass it on") {
  void *frame;
  int used = 0;
  weft_runtime *rt = begin_for_real();
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 16 * 1024));
  spawn(rt, note_frame, &frame);
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 256 * 1024));
  spawn(rt, use_much, &used);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(200, used);
  end_with_no_promise(rt);
}

/* Leaves another mode behind. */
static int check_mode(weft_runtime *rt, void *arg) {
  (void)rt;
  CHECK_INT(*(int *)arg, fegetround());
  fesetround(FE_UPWARD);
  return WEFT_OK;
}

TEST("a rounding mode is inherited from who spawns, not from who ends") {
  weft_runtime *rt = begin_for_real();
  static int modes[2] = {FE_TOWARDZERO, FE_TONEAREST};
  for (int i = 0; i < 2; i++) {
    fesetround(modes[i]);
    spawn(rt, check_mode, &modes[i]);
  }
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(FE_TONEAREST, fegetround());
  end_with_no_promise(rt);
}

/* -- Promises ------------------------------------------------------------- */

TEST("a spawn that fails promises nothing") {
  void *frame;
  weft_runtime *rt = begin_for_real();
  CHECK_INT(WEFT_ESTATE, weft_spawn(rt, 12345, note_frame, &frame, NULL, NULL));
  CHECK_INT(0, rt->fibers.promised);
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, (size_t)1 << 50));
  CHECK_INT(WEFT_ENOMEM, weft_spawn(rt, 0, note_frame, &frame, NULL, NULL));
  end_with_no_promise(rt);
}

static void count_less(void *arg) {
  --*(int *)arg;
}

/* Without end, in a shutdown. */
static int spawn_again(weft_runtime *rt, void *arg) {
  ++*(int *)arg;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, spawn_again, arg, count_less, NULL));
  return WEFT_OK;
}

TEST("a task that is given up before it begins needs its stack no more") {
  weft_runtime *rt = begin_for_real();
  keep_reports(rt);
  int undropped = 0;
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  spawn(rt, spawn_again, &undropped);
  CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
  CHECK_INT(0, rt->fibers.promised);
  CHECK_INT(0, undropped);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

TEST("free stacks that are promised are not given back") {
  enum { MANY = WEFT__STACKS_KEPT + 1000 };
  static void *frames[MANY];
  weft_runtime *rt = begin_for_real();
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 16 * 1024));
  for (int i = 0; i < MANY; i++)
    spawn(rt, note_frame_and_yield, &frames[i]);
  CHECK_INT(WEFT_OK, weft_run(rt));
  for (int i = 0; i < MANY; i++)
    spawn(rt, note_frame_and_yield, &frames[i]);
  for (uint64_t look = 1; look < 9; look++)
    weft__stacks_look(&rt->fibers, look * 10 * WEFT__STACKS_LOOK_NS);
  CHECK(rt->fibers.free >= rt->fibers.promised);
  end_with_no_promise(rt);
}
