/* SPDX-License-Identifier: MIT
 * test_task_info.c - what can be asked of a task, and its result and error. */
#include "../core.h"
#include "failing.h"
#include "job.h"

/* -- Result and error ----------------------------------------------------- */

/* Sets results or errors, [letter] says which, and ends with [number]. */
static int set_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->letter == 'r')
    CHECK_INT(WEFT_OK, weft_task_set_result(rt, play->data));
  else if (play->letter == 'e')
    CHECK_INT(WEFT_OK, weft_task_set_error(rt, play->data));
  return play_end(play, play->number);
}

TEST("a finished task has the result it set last [4.3]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    weft_value *value, *result;
    CHECK_INT(WEFT_OK, weft_value_new_int(7, &value));
    struct play play = {.act = set_act, .letter = 'r', .data = value};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    weft_value_unref(value); /* the task has a reference of its own */
    CHECK_INT(WEFT_OK, weft_task_get_result(rt, play.task, &result));
    CHECK(result == value);
    CHECK_INT(WEFT_INT, weft_value_get_type(result));
    end(rt);
  }
}

TEST("a result set by one that fails or is cancelled is not there [4.9]") {
  BOTH_KINDS {
    for (int outcome = WEFT_ECANCELLED; outcome >= WEFT_EHOST; outcome -= 7) {
      weft_runtime *rt = begin();
      weft_value *value, *result;
      CHECK_INT(WEFT_OK, weft_value_new_int(7, &value));
      struct play play = {
          .act = set_act, .letter = 'r', .data = value, .number = outcome};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      weft_value_unref(value);
      result = value;
      CHECK_INT(WEFT_ESTATE, weft_task_get_result(rt, play.task, &result));
      CHECK(result == NULL);
      code_of(rt, play.task);
      end(rt);
    }
  }
}

TEST("an error that was set is that of a failed task, and of no other") {
  static const int outcomes[] = {WEFT_EHOST, WEFT_EIO, WEFT_OK,
                                 WEFT_ECANCELLED};
  BOTH_KINDS {
    for (int i = 0; i < 4; i++) {
      weft_runtime *rt = begin();
      weft_error *error, *found = NULL;
      CHECK_INT(WEFT_OK, weft_error_new(WEFT_EFULL, "Own", "text", &error));
      struct play play = {
          .act = set_act, .letter = 'e', .data = error, .number = outcomes[i]};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      weft_error_unref(error);
      CHECK_INT(i < 2 ? WEFT_OK : WEFT_ESTATE,
                weft_task_get_error(rt, play.task, &found));
      CHECK(found == (i < 2 ? error : NULL));
      end(rt);
    }
  }
}

static int reset_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_error *error;
  weft_value *result;
  (void)value;
  for (int i = 0; i < 3; i++) {
    CHECK_INT(WEFT_OK, weft_error_new(WEFT_EFULL - i, NULL, NULL, &error));
    CHECK_INT(WEFT_OK, weft_task_set_error(rt, error));
    CHECK_INT(WEFT_OK, weft_task_set_error(rt, error)); /* the same again */
    weft_error_unref(error);
    CHECK_INT(WEFT_OK, weft_value_new_int(i, &result));
    CHECK_INT(WEFT_OK, weft_task_set_result(rt, result));
    CHECK_INT(WEFT_OK, weft_task_set_result(rt, result));
    weft_value_unref(result);
  }
  CHECK_INT(WEFT_OK, weft_task_set_error(rt, NULL));
  CHECK_INT(WEFT_OK, weft_task_set_result(rt, NULL));
  return play_end(play, play->number);
}

TEST("what was set can be set again and taken back, and nothing leaks") {
  BOTH_KINDS {
    for (int outcome = WEFT_EHOST; outcome <= WEFT_OK; outcome += 8) {
      weft_runtime *rt = begin();
      weft_value *result = (weft_value *)&outcome;
      struct play play = {.act = reset_act, .number = outcome};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(outcome, code_of(rt, play.task));
      weft_task_get_result(rt, play.task, &result);
      CHECK(result == NULL);
      end(rt);
    }
  }
}

/* Ends, or first sets an error, with the next allocation failing. */
static int starved_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  failing_after(1);
  if (play->letter == 'e')
    CHECK_INT(WEFT_ENOMEM, weft_task_set_error(rt, rt->no_memory));
  return play_end(play, WEFT_EHOST);
}

TEST("an error that is not kept for want of memory changes nothing [3.11]") {
  failing_install();
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = starved_act, .letter = 'e'};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK(failing_has_failed());
    CHECK_INT(WEFT_EHOST, code_of(rt, play.task));
    end(rt);
  }
}

TEST("a failure that there is no memory for is one of memory") {
  failing_install();
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = starved_act};
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK(failing_has_failed());
    CHECK_INT(WEFT_ENOMEM, code_of(rt, play.task));
    end(rt);
  }
}

TEST("outside a task there is nothing to set them on [1.11]") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_ESTATE, weft_task_set_result(rt, NULL));
  CHECK_INT(WEFT_ESTATE, weft_task_set_error(rt, NULL));
  end(rt);
}

/* -- Who and where -------------------------------------------------------- */

static const char *name_of(weft_runtime *rt, weft_task task) {
  const char *name;
  CHECK_INT(WEFT_OK, weft_task_get_name(rt, task, &name));
  return name;
}

TEST("a task has the name it was given last, else none [4.13]") {
  weft_runtime *rt = begin();
  struct play play = sleeping_play();
  char name[] = "first";
  play_in(rt, 0, &play, 1);
  CHECK(name_of(rt, play.task) == NULL);
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, name));
  name[0] = 'X'; /* it has a copy */
  CHECK_TEXT("first", name_of(rt, play.task));
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, "a longer second name"));
  CHECK_TEXT("a longer second name", name_of(rt, play.task));
  CHECK_INT(WEFT_EINVAL, weft_task_set_name(rt, play.task, NULL));
  CHECK_TEXT("a longer second name", name_of(rt, play.task));
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, ""));
  CHECK_TEXT("", name_of(rt, play.task));
  cancel_task(rt, play.task);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_TEXT("", name_of(rt, play.task));
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, "done"));
  end(rt);
}

TEST("ids count up and are never used again [4.13]") {
  weft_runtime *rt = begin();
  uint64_t last = 0, id;
  for (int i = 0; i < 1000; i++) {
    struct play play = sleeping_play();
    play_in(rt, 0, &play, 1);
    CHECK_INT(WEFT_OK, weft_task_get_id(rt, play.task, &id));
    CHECK(id > last);
    last = id;
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_task_get_id(rt, play.task, &id));
    CHECK_INT(last, id);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
  }
  end(rt);
}

static int family_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct play *child = play->data;
  weft_task task;
  weft_group group;
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK(task == play->task);
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &play->group));
    play_in(rt, play->group, child, play->number);
    CHECK_INT(WEFT_OK, weft_task_get_group(rt, child->task, &group));
    CHECK(group == play->group);
    return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
  }
  return play_end(play, WEFT_OK);
}

TEST("a task's parent is who opened its group, its group that [4.14]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play child = sleeping_play();
    struct play parent = {.act = family_act, .data = &child, .number = stepped};
    weft_task task = 7;
    weft_group group = 7, root;
    CHECK_INT(WEFT_OK, weft_group_root(rt, &root));
    play_in(rt, 0, &parent, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_get_parent(rt, child.task, &task));
    CHECK(task == parent.task);
    CHECK_INT(WEFT_OK, weft_task_get_parent(rt, parent.task, &task));
    CHECK_INT(0, task);
    CHECK_INT(WEFT_OK, weft_task_get_group(rt, parent.task, &group));
    CHECK(group == root);
    cancel_task(rt, child.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_task_get_parent(rt, child.task, &task));
    CHECK_INT(0, task);
    CHECK_INT(WEFT_OK, weft_task_get_group(rt, child.task, &group));
    CHECK_INT(0, group);
    end(rt);
  }
}

TEST("outside a step no task is current [4.14]") {
  weft_runtime *rt = begin();
  weft_task task = 7;
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK_INT(0, task);
  end(rt);
}

TEST("the unfinished tasks are told in the order of their spawning [4.14]") {
  weft_runtime *rt = begin();
  struct play plays[5];
  weft_task task = 0;
  for (int i = 0; i < 5; i++) {
    plays[i] = sleeping_play();
    play_in(rt, 0, &plays[i], i % 2);
  }
  turns(rt, 1);
  cancel_task(rt, plays[2].task);
  turns(rt, 1);
  for (int i = 0; i < 5; i++) {
    if (i == 2)
      continue;
    CHECK_INT(WEFT_OK, weft_task_next(rt, task, &task));
    CHECK(task == plays[i].task);
  }
  CHECK_INT(WEFT_OK, weft_task_next(rt, task, &task));
  CHECK_INT(0, task);
  task = 7;
  CHECK_INT(WEFT_EBADF, weft_task_next(rt, plays[2].task, &task)); /* ended */
  CHECK_INT(0, task);
  for (int i = 0; i < 5; i++)
    weft_task_cancel(rt, plays[i].task, NULL);
  end(rt);
}

TEST("a task without a handle of its own is told all the same") {
  weft_runtime *rt = begin();
  weft_task task;
  struct play play = sleeping_play();
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, play_step, &play, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_task_next(rt, 0, &task));
  CHECK_INT(WEFT_EBADF, weft_task_close(rt, task)); /* told is not owned */
  turn(rt);
  CHECK_INT(WEFT_TASK_PARKED, state_of(rt, task));
  cancel_task(rt, task);
  end(rt);
}

TEST("a host knows its own tasks by their step and arg") {
  weft_runtime *rt = begin();
  struct play stepped = sleeping_play(), stackful = sleeping_play();
  weft_task pulled;
  weft_step_fn step;
  void *arg;
  play_in(rt, 0, &stepped, 1);
  play_in(rt, 0, &stackful, 0);
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, NULL, &pulled, NULL, &pulled));
  CHECK_INT(WEFT_OK, weft_task_get_arg(rt, stepped.task, &step, &arg));
  CHECK(step == play_step);
  CHECK(arg == &stepped);
  CHECK_INT(WEFT_OK, weft_task_get_arg(rt, stackful.task, &step, &arg));
  CHECK(step == NULL);
  CHECK(arg == &stackful);
  CHECK_INT(WEFT_OK, weft_task_get_arg(rt, pulled, &step, &arg));
  CHECK(step == NULL);
  CHECK(arg == &pulled);
  cancel_task(rt, stepped.task);
  cancel_task(rt, stackful.task);
  keep_reports(rt);
  end(rt);
}

static int running_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  const char *what = "junk";
  uint64_t object = 7, until_ns = 7;
  (void)value;
  CHECK_INT(WEFT_TASK_RUNNING, state_of(rt, play->task));
  CHECK_INT(WEFT_OK,
            weft_task_get_wait(rt, play->task, &what, &object, &until_ns));
  CHECK(what == NULL);
  CHECK_INT(0, object);
  CHECK(until_ns == UINT64_MAX);
  return play_end(play, WEFT_OK);
}

TEST("a task that is not parked waits for nothing") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = running_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(1, play.drops);
  }
}

static void check_wait(weft_runtime *rt, weft_task task, const char *expected,
                       uint64_t object, uint64_t until_ns) {
  const char *what;
  uint64_t its_object, its_until_ns;
  CHECK_INT(WEFT_OK,
            weft_task_get_wait(rt, task, &what, &its_object, &its_until_ns));
  CHECK_TEXT(expected, what);
  CHECK(object == its_object);
  CHECK(until_ns == its_until_ns);
}

static int await_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_task_await(rt, job->object);
}

static int sleep_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_sleep_until(rt, job->object);
}

TEST("a parked task says what it waits for, and until when [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct job sleep = {.call = sleep_call, .object = 500};
    start(rt, &sleep, stepped);
    struct job wait = {.call = await_call, .object = sleep.task};
    start(rt, &wait, stepped);
    struct play child = sleeping_play();
    struct play parent = {.act = family_act, .data = &child, .number = stepped};
    play_in(rt, 0, &parent, stepped);
    turn(rt);
    check_wait(rt, sleep.task, "sleep", 0, 500);
    check_wait(rt, wait.task, "task", sleep.task, UINT64_MAX);
    check_wait(rt, parent.task, "group", parent.group, UINT64_MAX);
    cancel_task(rt, child.task);
    end(rt);
  }
}

TEST("the own scope of a task is there until its end") {
  struct play play;
  weft_scope scope, again;
  weft_runtime *rt = begin_asleep(&play, 1);
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play.task, &scope));
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play.task, &again));
  CHECK(scope == again);
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, 60));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
  CHECK_INT(WEFT_EBADF, weft_scope_cancel(rt, scope, NULL));
  scope = 7;
  CHECK_INT(WEFT_ESTATE, weft_task_get_scope(rt, play.task, &scope));
  CHECK_INT(0, scope);
  end(rt);
}

/* -- Without memory ------------------------------------------------------- */

static int describe_step(weft_runtime *rt, void *arg, int status,
                         uint64_t value) {
  weft_value **result = arg;
  (void)status;
  (void)value;
  return weft_task_set_result(rt, *result);
}

static int describe(weft_runtime *rt, weft_value **result) {
  weft_task task;
  weft_scope scope;
  int status = weft_spawn_step(rt, 0, describe_step, result, NULL, &task);
  if (status != WEFT_OK)
    return status;
  status = weft_task_set_name(rt, task, "before");
  if (status != WEFT_OK)
    CHECK(name_of(rt, task) == NULL);
  for (int i = 0; i < 70 && status == WEFT_OK; i++) {
    status = weft_task_get_scope(rt, task, &scope);
    CHECK((status == WEFT_OK) == (scope != 0));
  }
  CHECK_INT(WEFT_OK, weft_run(rt));
  if (status == WEFT_OK)
    status = code_of(rt, task);
  return status;
}

static int try_describe(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_value *result;
  int status = weft_value_new_int(1, &result);
  if (status != WEFT_OK)
    return status;
  status = weft_runtime_new(&rt);
  if (status == WEFT_OK) {
    keep_reports(rt);
    status = describe(rt, &result);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  }
  weft_value_unref(result);
  return status;
}

TEST("without memory a name, a scope or a result is refused whole [3.11]") {
  failing_install();
  CHECK(failing_each(try_describe, NULL) >= 6);
}

static void *ask_apart(void *arg) {
  weft_task task = 7;
  CHECK_INT(WEFT_ETHREAD, weft_task_next(arg, 0, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ETHREAD, weft_task_set_result(arg, NULL));
  CHECK_INT(WEFT_ETHREAD, weft_task_set_error(arg, NULL));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  in_pthread_apart(ask_apart, rt);
  end(rt);
}
