/* SPDX-License-Identifier: MIT
 * test_process.c - processes: waiting, signals, the end in two steps. */
#include "child.h"

static bool is_running(weft_runtime *rt, weft_process child) {
  int flag;
  CHECK_INT(WEFT_OK, weft_process_is_running(rt, child, &flag));
  return flag != 0;
}

static int pid_of(weft_runtime *rt, weft_process child) {
  int pid;
  CHECK_INT(WEFT_OK, weft_process_get_pid(rt, child, &pid));
  return pid;
}

static weft_process start_script(weft_runtime *rt, const char *script) {
  weft_process child = new_child(rt, script);
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  return child;
}

/* -- Waiting -------------------------------------------------------------- */

TASK_TEST("wait gives the status of the exit, repeatedly [28.3, 28.4]") {
  weft_process child = start_script(rt, "exit 3");
  CHECK(is_running(rt, child));
  CHECK(pid_of(rt, child) > 1);
  CHECK_INT(3, wait_for(rt, child));
  CHECK_INT(3, wait_for(rt, child));
  CHECK(!is_running(rt, child));
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
}

TASK_TEST("wait gives the signal that ended it [28.3]") {
  end_child(rt, start_script(rt, "kill -USR1 $$"), ended_by(SIGUSR1));
  end_child(rt, start_script(rt, "exec kill -KILL $$"), ended_by(SIGKILL));
}

TASK_TEST("any number of tasks wait for the same process [28.4]") {
  weft_stream input;
  weft_process child = start_reader(rt, &input);
  struct job jobs[4] = {{0}};
  for (int i = 0; i < 4; i++) {
    jobs[i] = (struct job){.call = call_wait, .object = child};
    start_job(rt, &jobs[i], i % 2 == 0);
    CHECK_TEXT("process", job_wait(rt, &jobs[i]));
  }
  CHECK_INT(WEFT_OK, weft_stream_close(rt, input));
  for (int i = 0; i < 4; i++) {
    CHECK_INT(WEFT_OK, join_job(rt, &jobs[i]));
    CHECK_INT(0, jobs[i].value);
  }
  end_child(rt, child, 0);
}

TASK_TEST("a wait that is cancelled leaves the process alone [28.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_stream input;
    weft_process child = start_reader(rt, &input);
    struct job job = {.call = call_wait, .object = child};
    start_job(rt, &job, stepped != 0);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK(is_running(rt, child));
    CHECK_INT(WEFT_OK, weft_stream_close(rt, input));
    end_child(rt, child, 0);
    job = (struct job){.call = call_wait, .object = child};
  }
}

TASK_TEST("a wait for one that has exited is a cancellation point [3.2]") {
  weft_process child = start_script(rt, "exit 0");
  struct job job = {.call = call_wait, .object = child};
  CHECK_INT(0, wait_for(rt, child));
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  end_child(rt, child, 0);
}

TASK_TEST("the virtual clock stands still while a process runs [30.2]") {
  uint64_t before_ns, now_ns;
  weft_process child = start_script(rt, "exit 0");
  struct job job = {
      .call = call_wait, .object = child, .timeout_ns = SECOND_NS};
  CHECK_INT(WEFT_OK, weft_now(rt, &before_ns));
  start_job(rt, &job, false);
  CHECK_INT(WEFT_OK, join_job(rt, &job)); /* not its timeout */
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(before_ns, now_ns);
  end_child(rt, child, 0);
}

TASK_TEST("wait does not wait for who still holds the pipes [28.4]") {
  weft_stream output;
  weft_process child = start_child(rt, "sleep 1000 & echo $!", &output);
  uint64_t size;
  const char *data;
  size_t size_bytes;
  CHECK_INT(0, wait_for(rt, child));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, output, 1, &size));
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, output, &data, &size_bytes));
  CHECK_INT(0, kill(atoi(data), SIGKILL)); /* output is read after the exit */
  CHECK_INT(WEFT_OK, weft_stream_close(rt, output));
  end_child(rt, child, 0);
}

/* -- Signals -------------------------------------------------------------- */

TASK_TEST("kill sends any signal") {
  weft_stream output;
  weft_process child = start_child(
      rt, "trap 'echo got; exit 4' USR2; echo ready; while :; do :; done",
      &output);
  await_line(rt, output, "ready\n");
  CHECK_INT(WEFT_OK, weft_process_kill(rt, child, 0)); /* only asks */
  CHECK_INT(WEFT_EINVAL, weft_process_kill(rt, child, -1));
  CHECK_INT(WEFT_EINVAL, weft_process_kill(rt, child, 1000));
  CHECK_INT(WEFT_OK, weft_process_kill(rt, child, SIGUSR2));
  CHECK_TEXT("got\n", drain(rt, output));
  end_child(rt, child, 4);
}

TASK_TEST("kill after exit does nothing, reaped or not [28.5]") {
  weft_process child = start_script(rt, "exit 0");
  siginfo_t info;
  CHECK_INT(0,
            waitid(P_PID, (id_t)pid_of(rt, child), &info, WEXITED | WNOWAIT));
  CHECK(is_running(rt, child)); /* the runtime has not seen it yet */
  CHECK_INT(WEFT_ESRCH, weft_process_kill(rt, child, SIGKILL));
  CHECK_INT(0, wait_for(rt, child));
  CHECK_INT(WEFT_ESRCH, weft_process_kill(rt, child, SIGKILL));
  CHECK_INT(WEFT_ESRCH, weft_process_kill(rt, child, 0));
  end_child(rt, child, 0);
}

TASK_TEST("a group of its own is signalled as a whole") {
  weft_stream output;
  weft_process child = new_child(rt, "sleep 1000 & echo ready; wait");
  set_pipe(rt, child, 1);
  CHECK_INT(WEFT_OK, weft_process_set_group(rt, child, 1));
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  output = take_stream(rt, child, 1);
  CHECK_INT(pid_of(rt, child), getpgid(pid_of(rt, child)));
  await_line(rt, output, "ready\n");
  CHECK_INT(WEFT_OK, weft_process_kill(rt, child, SIGTERM));
  CHECK_TEXT("", drain(rt, output)); /* nobody holds the pipe any more */
  end_child(rt, child, ended_by(SIGTERM));
}

/* -- The end -------------------------------------------------------------- */

static int call_stop(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_process_stop(rt, job->object, job->size_bytes, value);
}

TASK_TEST("stop terminates and waits [28.6]") {
  weft_stream output;
  weft_process child = start_child(rt, "exec sleep 1000", &output);
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 5 * SECOND_NS, &value));
  CHECK_INT(ended_by(SIGTERM), value);
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 0, &value)); /* once more */
  CHECK_INT(ended_by(SIGTERM), value);
  CHECK_TEXT("", drain(rt, output));
  end_child(rt, child, ended_by(SIGTERM));
}

TASK_TEST("stop kills what ignores SIGTERM, after the grace [28.6]") {
  weft_stream output;
  weft_process child = start_child(rt, STUBBORN, &output);
  uint64_t value;
  await_line(rt, output, "ready\n");
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 1000, &value));
  CHECK_INT(ended_by(SIGKILL), value);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, output));
  end_child(rt, child, value);
}

TASK_TEST("stop without grace kills at once") {
  uint64_t value;
  weft_process child = start_script(rt, "exec sleep 1000");
  CHECK_INT(WEFT_OK, weft_process_stop(rt, child, 0, &value));
  CHECK_INT(ended_by(SIGKILL), value);
  end_child(rt, child, value);
}

TASK_TEST("the earliest end of a grace counts") {
  weft_stream output;
  weft_process child = start_child(rt, STUBBORN, &output);
  struct job patient = {.call = call_stop, .object = child};
  struct job hasty = patient, late = patient;
  patient.size_bytes = 1000 * SECOND_NS;
  hasty.size_bytes = 1;
  late.size_bytes = SECOND_NS * 500;
  await_line(rt, output, "ready\n");
  start_job(rt, &patient, false);
  CHECK_TEXT("process (to end)", job_wait(rt, &patient));
  start_job(rt, &hasty, true);
  start_job(rt, &late, true);
  CHECK_INT(WEFT_OK, join_job(rt, &patient));
  CHECK_INT(WEFT_OK, join_job(rt, &hasty));
  CHECK_INT(WEFT_OK, join_job(rt, &late));
  CHECK_INT(ended_by(SIGKILL), patient.value);
  CHECK_INT(WEFT_OK, weft_stream_abort(rt, output));
  end_child(rt, child, ended_by(SIGKILL));
}

TASK_TEST("stop is kept: cancelled, it goes on to the exit [3.8, 3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_stream output;
    weft_process child = start_child(rt, STUBBORN, &output);
    struct job job = {.call = call_stop, .object = child};
    job.size_bytes = 1000 * SECOND_NS;
    await_line(rt, output, "ready\n");
    start_job(rt, &job, stepped != 0);
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
    let_run(rt);
    CHECK(!job.done);
    CHECK_INT(WEFT_OK, weft_process_kill(rt, child, SIGKILL));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(ended_by(SIGKILL), job.value);
    CHECK_INT(WEFT_OK, weft_stream_abort(rt, output));
    end_child(rt, child, ended_by(SIGKILL));
  }
}

TASK_TEST("stop begun in cancelled code works all the same [3.7]") {
  weft_process child = start_script(rt, "exec sleep 1000");
  struct job job = {.call = call_stop, .object = child};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  CHECK_INT(ended_by(SIGKILL), job.value);
  end_child(rt, child, ended_by(SIGKILL));
}

TASK_TEST("close ends what runs, and tells those who wait [3.10]") {
  weft_process child = start_script(rt, "exec sleep 1000");
  struct job waiting = {.call = call_wait, .object = child};
  struct job stopping = {.call = call_stop, .object = child};
  int pid = pid_of(rt, child);
  stopping.size_bytes = SECOND_NS;
  start_job(rt, &waiting, false);
  start_job(rt, &stopping, true);
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  CHECK_INT(WEFT_EBADF, weft_process_close(rt, child));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &waiting));
  CHECK_INT(WEFT_OK, join_job(rt, &stopping)); /* it is kept */
  CHECK_INT(ended_by(SIGTERM), stopping.value);
  CHECK_INT(-1, kill(pid, 0)); /* reaped */
}

TASK_TEST("closed at any time it leaves no child, no pipe, no memory") {
  weft_process child;
  CHECK_INT(WEFT_OK, weft_process_close(rt, new_child(rt, "exit 0")));
  for (int turns = 0; turns < 6; turns++) {
    child = new_child(rt, "exec cat");
    for (int fd = 0; fd <= 2; fd++)
      set_pipe(rt, child, fd); /* nobody takes the streams */
    CHECK_INT(WEFT_OK, weft_process_start(rt, child));
    for (int i = 0; i < turns; i++)
      CHECK_INT(WEFT_OK, weft_yield(rt));
    CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  }
}

/* -- Wrong calls ---------------------------------------------------------- */

TASK_TEST("calls before the start, and after it, are refused") {
  weft_process child = new_child(rt, "exit 0");
  uint64_t value;
  weft_stream stream;
  int number;
  const char *path;
  CHECK_INT(WEFT_ESTATE, weft_process_wait(rt, child, &value));
  CHECK_INT(WEFT_ESTATE, weft_process_stop(rt, child, 0, &value));
  CHECK_INT(WEFT_ESTATE, weft_process_kill(rt, child, SIGTERM));
  CHECK_INT(WEFT_ESTATE, weft_process_get_pid(rt, child, &number));
  CHECK_INT(WEFT_ESTATE, weft_process_get_failed(rt, child, &path));
  CHECK_INT(WEFT_EINVAL, weft_process_take_stream(rt, child, 1, &stream));
  CHECK(!is_running(rt, child));
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  CHECK_INT(WEFT_ESTATE, weft_process_start(rt, child));
  CHECK_INT(WEFT_ESTATE, weft_process_add_argument(rt, child, "late"));
  CHECK_INT(WEFT_ESTATE, weft_process_set_env(rt, child, "A", "b"));
  CHECK_INT(WEFT_ESTATE, weft_process_unset_env(rt, child, "A"));
  CHECK_INT(WEFT_ESTATE, weft_process_clear_env(rt, child));
  CHECK_INT(WEFT_ESTATE, weft_process_set_cwd(rt, child, "/"));
  CHECK_INT(WEFT_ESTATE, weft_process_set_stdio(rt, child, 0, 1, 0));
  CHECK_INT(WEFT_ESTATE, weft_process_set_group(rt, child, 1));
  CHECK_INT(WEFT_ESTATE, weft_process_set_user(rt, child, 0, 0));
  CHECK_INT(WEFT_ESTATE, weft_process_get_failed(rt, child, &path));
  end_child(rt, child, 0);
}

TASK_TEST("a stale handle is refused by every call") {
  weft_process child = new_child(rt, "exit 0");
  uint64_t value;
  int number;
  CHECK_INT(WEFT_OK, weft_process_close(rt, child));
  CHECK_INT(WEFT_EBADF, weft_process_start(rt, child));
  CHECK_INT(WEFT_EBADF, weft_process_add_argument(rt, child, "x"));
  CHECK_INT(WEFT_EBADF, weft_process_wait(rt, child, &value));
  CHECK_INT(WEFT_EBADF, weft_process_stop(rt, child, 0, &value));
  CHECK_INT(WEFT_EBADF, weft_process_kill(rt, child, SIGTERM));
  CHECK_INT(WEFT_EBADF, weft_process_is_running(rt, child, &number));
  CHECK_INT(WEFT_EBADF, weft_process_get_pid(rt, child, &number));
  CHECK_INT(WEFT_EBADF, weft_process_take_stream(rt, child, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_process_new(rt, "", &child));
  CHECK_INT(WEFT_EINVAL, weft_process_new(rt, NULL, &child));
  CHECK_INT(0, child);
}

/* -- Many ----------------------------------------------------------------- */

static int run_true(weft_runtime *rt, void *arg) {
  weft_semaphore places = *(weft_semaphore *)arg;
  weft_process child;
  CHECK_INT(WEFT_OK, weft_semaphore_acquire(rt, places));
  CHECK_INT(WEFT_OK, weft_process_new(rt, "/bin/true", &child));
  CHECK_INT(WEFT_OK, weft_process_start(rt, child));
  end_child(rt, child, 0);
  return weft_semaphore_release(rt, places);
}

TASK_TEST("500 processes, 20 at once, leave nothing behind") {
  weft_semaphore places;
  weft_group group;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_semaphore_new(rt, 20, 0, &places));
  CHECK_INT(WEFT_OK, weft_group_open(rt, UINT64_MAX, &group));
  for (int i = 0; i < 500; i++)
    CHECK_INT(WEFT_OK, weft_spawn(rt, group, run_true, &places, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_group_join(rt, group, WEFT_OK, NULL, &value));
  CHECK_INT(WEFT_OK, weft_semaphore_close(rt, places));
}
