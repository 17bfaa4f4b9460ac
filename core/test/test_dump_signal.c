/* SPDX-License-Identifier: MIT
 * test_dump_signal.c - the signal that asks for a call. What is raised has been
 * noted when raise returns, and is acted on by the next poll. */
#include <pthread.h>
#include <signal.h>

#include "loopback.h"

static int calls, drops;

static void count_call(weft_runtime *rt, void *arg) {
  weft_task current;
  CHECK(arg == &calls);
  CHECK_INT(WEFT_OK, weft_task_current(rt, &current));
  CHECK_INT(0, current); /* outside any task */
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  calls++;
}

static void count_drop(void *arg) {
  CHECK(arg == &calls);
  drops++;
}

static int set(weft_runtime *rt, int number) {
  return weft_set_dump_signal(rt, number, count_call, &calls, count_drop);
}

static void (*handler_of(int number))(int) {
  struct sigaction action;
  CHECK_INT(0, sigaction(number, NULL, &action));
  return action.sa_handler;
}

TASK_TEST("the call is made at the next poll, outside any task [29.7]") {
  CHECK_INT(WEFT_OK, set(rt, SIGUSR1));
  CHECK_INT(0, raise(SIGUSR1));
  CHECK_INT(0, calls); /* not in the handler */
  CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT(1, calls);
  CHECK_INT(0, raise(SIGUSR1) + raise(SIGUSR1)); /* as one */
  let_run(rt);
  CHECK_INT(2, calls);
  CHECK_INT(WEFT_OK, set(rt, 0)); /* whose arg is dropped as well */
  CHECK_INT(2, drops);
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

static int call_next(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_signals_next(rt, job->object, value);
}

TASK_TEST("an iterator that is open has the signal instead [29.7, 23.7]") {
  weft_signals signals;
  CHECK_INT(WEFT_OK, set(rt, SIGUSR1));
  CHECK_INT(WEFT_OK, weft_signals_new(rt, &signals));
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGUSR1));
  struct job job = {.call = call_next, .object = signals};
  start_job(rt, &job, true);
  CHECK_INT(0, raise(SIGUSR1));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(SIGUSR1, job.value);
  let_run(rt);
  CHECK_INT(0, calls);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  CHECK_INT(0, raise(SIGUSR1));
  let_run(rt);
  CHECK_INT(1, calls);
}

static void own_handler(int number) {
  (void)number;
}

TASK_TEST("a signal with a handler, or ignored, is left as it is [29.7]") {
  signal(SIGUSR1, own_handler);
  signal(SIGUSR2, SIG_IGN);
  CHECK_INT(WEFT_ESTATE, set(rt, SIGUSR1));
  CHECK_INT(WEFT_ESTATE, set(rt, SIGUSR2));
  CHECK(handler_of(SIGUSR1) == own_handler);
  CHECK(handler_of(SIGUSR2) == SIG_IGN);
  CHECK_INT(2, drops);
  CHECK_INT(WEFT_OK, set(rt, SIGHUP)); /* and the refused are forgotten */
  CHECK_INT(0, raise(SIGHUP));
  let_run(rt);
  CHECK_INT(1, calls);
}

TASK_TEST("what is no such signal is refused") {
  static const int refused[] = {SIGINT,  SIGTERM, SIGKILL, SIGSTOP,
                                SIGCHLD, SIGSEGV, -1,      64};
  for (int i = 0; i < 8; i++)
    CHECK_INT(WEFT_EINVAL, set(rt, refused[i]));
  CHECK_INT(WEFT_EINVAL,
            weft_set_dump_signal(rt, SIGUSR1, NULL, &calls, count_drop));
  CHECK_INT(9, drops);
}

TASK_TEST("one runtime of the process at a time has one") {
  weft_runtime *other;
  CHECK_INT(WEFT_OK, weft_runtime_new(&other));
  CHECK_INT(WEFT_OK, set(other, SIGUSR1));
  CHECK_INT(WEFT_EBUSY, set(rt, SIGUSR2));
  CHECK_INT(1, drops);
  CHECK_INT(0, raise(SIGUSR1));
  let_run(rt);
  CHECK_INT(0, calls); /* it is the other's */
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  CHECK_INT(2, drops);
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
  CHECK_INT(WEFT_OK, set(rt, SIGUSR2));
  let_run(rt);
  CHECK_INT(0, calls); /* what came for the other is over */
}

TASK_TEST("set anew, it is the new one; beside Ctrl-C") {
  signal(SIGINT, SIG_DFL);
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 1));
  CHECK_INT(WEFT_OK, set(rt, SIGUSR1));
  CHECK_INT(WEFT_OK, set(rt, SIGUSR2));
  CHECK_INT(1, drops);
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
  CHECK_INT(0, raise(SIGUSR2));
  let_run(rt);
  CHECK_INT(1, calls);
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 0));
}

/* -- A runtime that waits -------------------------------------------------- */

static void end_sleep(weft_runtime *rt, void *arg) {
  calls++;
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, *(weft_task *)arg, NULL));
}

static int sleep_body(weft_runtime *rt, void *arg) {
  (void)arg;
  return weft_sleep_until(rt, UINT64_MAX);
}

static void *kill_apart(void *arg) {
  (void)arg;
  kill(getpid(), SIGUSR1);
  return NULL;
}

TEST("a runtime that waits is woken by it [29.7]") {
  weft_runtime *rt = new_runtime();
  weft_task task;
  pthread_t thread;
  alarm(20);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, sleep_body, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_dump_signal(rt, SIGUSR1, end_sleep, &task, NULL));
  CHECK_INT(0, pthread_create(&thread, NULL, kill_apart, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, calls);
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

static void *set_apart(void *arg) {
  CHECK_INT(WEFT_ETHREAD, set(arg, SIGUSR1));
  return NULL;
}

TASK_TEST("another thread is refused [1.11]") {
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, set_apart, rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, drops);
}
