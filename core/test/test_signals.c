/* SPDX-License-Identifier: MIT
 * test_signals.c - iterators of signals. What is raised is noted when raise
 * returns, and handed out by the next poll. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "loopback.h"

static weft_signals open_one(weft_runtime *rt, int number) {
  weft_signals signals;
  CHECK_INT(WEFT_OK, weft_signals_new(rt, &signals));
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, number));
  return signals;
}

static int next_of(weft_runtime *rt, weft_signals signals) {
  uint64_t value = 0;
  CHECK_INT(WEFT_OK, weft_signals_next(rt, signals, &value));
  return (int)value;
}

static int call_next(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_signals_next(rt, job->object, value);
}

static void (*handler_of(int number))(int) {
  struct sigaction action;
  CHECK_INT(0, sigaction(number, NULL, &action));
  return action.sa_handler;
}

/* -- What comes ----------------------------------------------------------- */

TASK_TEST("a task that waits gets the next signal [23.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_signals signals = open_one(rt, SIGHUP);
    struct job job = {.call = call_next, .object = signals};
    start_job(rt, &job, stepped != 0);
    CHECK_TEXT("signal", job_wait(rt, &job));
    CHECK_INT(0, raise(SIGHUP));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(SIGHUP, job.value);
    CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  }
}

TASK_TEST("signals come in their order, equal ones of a poll as one [23.7]") {
  weft_signals signals = open_one(rt, SIGUSR2);
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGHUP));
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGHUP)); /* as it is */
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGUSR1));
  raise(SIGUSR2);
  raise(SIGHUP);
  raise(SIGUSR1);
  raise(SIGUSR2);
  let_run(rt);
  raise(SIGUSR2); /* of another poll */
  let_run(rt);
  CHECK_INT(SIGUSR2, next_of(rt, signals));
  CHECK_INT(SIGHUP, next_of(rt, signals));
  CHECK_INT(SIGUSR1, next_of(rt, signals));
  CHECK_INT(SIGUSR2, next_of(rt, signals));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
}

TASK_TEST("of those that nobody takes a few are kept, however many come") {
  weft_signals signals = open_one(rt, SIGHUP);
  struct job job = {.call = call_next, .object = signals};
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGUSR1));
  for (int i = 0; i < 1000; i++) {
    raise(SIGHUP);
    raise(SIGUSR1);
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  for (int i = 0; i < 8; i++) {
    CHECK_INT(SIGHUP, next_of(rt, signals));
    CHECK_INT(SIGUSR1, next_of(rt, signals));
  }
  start_job(rt, &job, false);
  CHECK(!job.done);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
}

TASK_TEST("each that is open gets each signal, and only its own [23.7]") {
  weft_signals first = open_one(rt, SIGHUP), second = open_one(rt, SIGHUP);
  weft_signals other = open_one(rt, SIGUSR1);
  struct job job = {.call = call_next, .object = other};
  start_job(rt, &job, false);
  raise(SIGHUP);
  let_run(rt);
  CHECK_INT(SIGHUP, next_of(rt, first));
  CHECK_INT(SIGHUP, next_of(rt, second));
  CHECK(!job.done);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, first));
  raise(SIGHUP); /* the second has it still */
  let_run(rt);
  CHECK_INT(SIGHUP, next_of(rt, second));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, second));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, other));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
}

TASK_TEST("cancelled, no signal is lost [3.5]") {
  weft_signals signals = open_one(rt, SIGHUP);
  struct job job = {.call = call_next, .object = signals};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  raise(SIGHUP);
  let_run(rt);
  job = (struct job){.call = call_next, .object = signals};
  spawn_job(rt, &job, false); /* cancelled at the call: it stays there */
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(SIGHUP, next_of(rt, signals));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
}

static bool is_pending(weft_runtime *rt, weft_signals signals) {
  int pending;
  CHECK_INT(WEFT_OK, weft_signals_is_pending(rt, signals, &pending));
  return pending != 0;
}

TASK_TEST("whether one has come can be asked before the next poll, and after") {
  weft_signals signals = open_one(rt, SIGHUP);
  CHECK(!is_pending(rt, signals));
  raise(SIGHUP);
  CHECK(is_pending(rt, signals));
  let_run(rt);
  CHECK(is_pending(rt, signals));
  CHECK_INT(SIGHUP, next_of(rt, signals));
  CHECK(!is_pending(rt, signals));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  int pending = 1;
  CHECK_INT(WEFT_EBADF, weft_signals_is_pending(rt, signals, &pending));
  CHECK_INT(0, pending);
}

TASK_TEST("a wait may time out; a second task is refused [3.3]") {
  weft_signals signals = open_one(rt, SIGHUP);
  struct job job = {
      .call = call_next, .object = signals, .timeout_ns = SECOND_NS};
  uint64_t value;
  start_job(rt, &job, false);
  CHECK_INT(WEFT_EBUSY, weft_signals_next(rt, signals, &value));
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job)); /* the clock has jumped */
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
}

/* -- Dispositions --------------------------------------------------------- */

static void own_handler(int number) {
  (void)number;
}

TASK_TEST("closed, the signals do again what they did before [23.7]") {
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, own_handler);
  weft_signals signals = open_one(rt, SIGHUP), other = open_one(rt, SIGUSR1);
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGUSR1));
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGUSR2));
  CHECK(handler_of(SIGHUP) != SIG_IGN);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  CHECK(handler_of(SIGHUP) == SIG_IGN);
  CHECK(handler_of(SIGUSR2) == SIG_DFL);
  CHECK(handler_of(SIGUSR1) != own_handler); /* the other has it still */
  CHECK_INT(WEFT_OK, weft_signals_close(rt, other));
  CHECK(handler_of(SIGUSR1) == own_handler);
}

TASK_TEST("a handler that somebody has set meanwhile stays") {
  weft_signals signals = open_one(rt, SIGHUP);
  signal(SIGHUP, own_handler);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  CHECK(handler_of(SIGHUP) == own_handler);
}

TASK_TEST("what cannot be caught in good faith is refused [23.7]") {
  static const int refused[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGFPE,
                                0,       -1,      32,      64,      1000};
  weft_signals signals;
  CHECK_INT(WEFT_OK, weft_signals_new(rt, &signals));
  for (int i = 0; i < 10; i++)
    CHECK_INT(WEFT_EINVAL, weft_signals_add(rt, signals, refused[i]));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  CHECK_INT(WEFT_EBADF, weft_signals_close(rt, signals));
  CHECK_INT(WEFT_EBADF, weft_signals_add(rt, signals, SIGHUP));
}

/* -- Beside Ctrl-C -------------------------------------------------------- */

static int ctrl_c_body(weft_runtime *rt, void *arg) {
  (void)arg;
  weft_signals signals = open_one(rt, SIGINT);
  for (int i = 0; i < 3; i++) { /* the third would end the process */
    raise(SIGINT);
    let_run(rt);
    CHECK_INT(SIGINT, next_of(rt, signals));
  }
  raise(SIGTERM); /* is nobody's, and the first that counts */
  CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT(WEFT_ECANCELLED, weft_yield(rt));
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  raise(SIGINT); /* the second: again Ctrl-C */
  return WEFT_OK;
}

TEST("while one is open, its signals are no Ctrl-C [23.7, 23.1]") {
  weft_runtime *rt = new_runtime();
  weft_task task;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 1));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, ctrl_c_body, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK(handler_of(SIGINT) == SIG_DFL && handler_of(SIGTERM) == SIG_DFL);
}

static int left_open_body(weft_runtime *rt, void *arg) {
  (void)arg;
  open_one(rt, SIGINT); /* before the runtime takes it, in a way: it is left */
  return WEFT_OK;
}

TEST("one left open is closed with the runtime") {
  signal(SIGINT, SIG_DFL);
  for (int with_ctrl_c = 0; with_ctrl_c <= 1; with_ctrl_c++) {
    weft_runtime *rt = new_runtime();
    CHECK_INT(WEFT_OK, weft_set_signals(rt, with_ctrl_c));
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, left_open_body, NULL, NULL, NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK(handler_of(SIGINT) == SIG_DFL);
  }
}

/* -- Several threads ------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 200 };

static atomic_int ready, over;

/* Opens one and closes it again, all the time; while it is open, it gets what
 * comes. */
static int rounds_body(weft_runtime *rt, void *arg) {
  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    weft_signals signals = open_one(rt, SIGUSR1);
    atomic_fetch_add(&ready, 1);
    CHECK_INT(SIGUSR1, next_of(rt, signals));
    CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  }
  return WEFT_OK;
}

static void *run_rounds(void *arg) {
  weft_runtime *rt;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, rounds_body, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  atomic_fetch_add(&over, 1);
  return NULL;
}

TEST("runtimes in several threads open and close theirs meanwhile [23.7]") {
  pthread_t threads[THREADS];
  alarm(60);
  signal(SIGUSR1, own_handler); /* for the moments when none is open */
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_create(&threads[i], NULL, run_rounds, NULL));
  while (atomic_load(&over) < THREADS)
    kill(getpid(), SIGUSR1);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, pthread_join(threads[i], NULL));
  CHECK_INT(THREADS * ROUNDS, atomic_load(&ready));
  CHECK(handler_of(SIGUSR1) == own_handler);
}

static int open_and_wait(void *arg) {
  weft_runtime *rt = arg;
  weft_signals signals;
  uint64_t value;
  int status = weft_signals_new(rt, &signals);
  if (status != WEFT_OK)
    return status;
  CHECK_INT(WEFT_OK, weft_signals_add(rt, signals, SIGHUP));
  raise(SIGHUP);
  status = weft_signals_next(rt, signals, &value);
  CHECK_INT(WEFT_OK, weft_signals_close(rt, signals));
  return status;
}

TASK_TEST("opening one fails for want of memory, and only that [3.11]") {
  CHECK_INT(WEFT_OK, open_and_wait(rt));
  CHECK_INT(1, failing_each(open_and_wait, rt));
}
