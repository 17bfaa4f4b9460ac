/* SPDX-License-Identifier: MIT
 * test_signal.c - SIGINT and SIGTERM: the first, the second, the third. Each
 * run is a child process that signals itself; its exit status tells. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "../core.h"
#include "job.h"

static const int numbers[] = {SIGINT, SIGTERM};

/* Runs scene(number) in a process of its own; its exit status, or the negative
 * number of the signal that ended it. */
static int run_apart(int (*scene)(int number), int number) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    /* A shell's background job is started with SIGINT ignored. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int status = scene(number);
    fflush(stdout);
    _exit(check_failures == 0 ? status : 99);
  }
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static weft_runtime *begin_signals(void) {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 1));
  return rt;
}

static void set_main(weft_runtime *rt, struct play *play, int stepped) {
  play_in(rt, 0, play, stepped);
  CHECK_INT(WEFT_OK, weft_set_main(rt, play->task));
}

static bool is_default(int number) {
  struct sigaction action;
  CHECK_INT(0, sigaction(number, NULL, &action));
  return action.sa_handler == SIG_DFL;
}

/* -- The first ------------------------------------------------------------ */

/* Raises [number] in its first step, then sleeps; tells why it was ended. */
static int raise_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_scope scope, own;
  int source;
  weft_value *reason;
  weft_error *cause;
  const char *text = NULL;
  size_t size;
  (void)value;
  if (play->line == 0) {
    CHECK(!is_default(play->number));
    CHECK_INT(0, raise(play->number));
    CHECK_INT(WEFT_OK, weft_checkpoint(rt)); /* at the next poll, not now */
    return weft_sleep_until(rt, UINT64_MAX);
  }
  CHECK_INT(WEFT_ECANCELLED, play->status);
  CHECK_INT(WEFT_OK, weft_cancellation(rt, &scope, &source, &reason, &cause));
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play->task, &own));
  CHECK(scope == own);
  CHECK_INT(WEFT_SOURCE_SIGNAL, source);
  CHECK_INT(WEFT_OK, weft_value_get_bytes(reason, &text, &size));
  CHECK_TEXT(play->number == SIGINT ? "SIGINT" : "SIGTERM", text);
  CHECK(cause == NULL);
  return play_end(play, play->status);
}

/* Sleeps until 1000 on the clock that jumps. */
static int background_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_sleep_until(rt, UINT64_MAX);
  weft_scope scope;
  int source;
  weft_value *reason;
  weft_error *cause;
  CHECK_INT(WEFT_OK, weft_cancellation(rt, &scope, &source, &reason, &cause));
  CHECK_INT(play->number, source);
  return play_end(play, play->status);
}

static int first_scene(int number) {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin_signals();
    struct play main_play = {.act = raise_act, .number = number};
    struct play other = {.act = background_act, .number = WEFT_SOURCE_SHUTDOWN};
    CHECK(is_default(SIGINT) && is_default(SIGTERM));
    set_main(rt, &main_play, stepped);
    play_in(rt, 0, &other, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, main_play.task));
    CHECK(other.over); /* cancelled by main's end, not by the signal */
    CHECK(is_default(SIGINT) && is_default(SIGTERM));
    end(rt);
  }
  return 0;
}

TEST("the first signal cancels main, source and reason told [23.1] [23.6]") {
  for (int i = 0; i < 2; i++)
    CHECK_INT(0, run_apart(first_scene, numbers[i]));
}

/* Swallows the signal and goes on with its work. */
static int unmoved_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    raise(play->number);
    return weft_sleep_until(rt, UINT64_MAX);
  }
  return play_end(play, WEFT_OK);
}

static int unmoved_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play main_play = {.act = unmoved_act, .number = number};
  set_main(rt, &main_play, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, main_play.task));
  end(rt);
  return 0;
}

TEST("main decides: it may finish all the same [23.2]") {
  CHECK_INT(0, run_apart(unmoved_scene, SIGINT));
}

static int mainless_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play play = {.act = unmoved_act, .number = number};
  struct play witness = {.act = background_act, .number = WEFT_SOURCE_CANCEL};
  play_in(rt, 0, &play, 1);
  play_in(rt, 0, &witness, 1);
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play.task, &scope));
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, 70));
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, witness.task, &scope));
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, 70));
  witness.number = WEFT_SOURCE_DEADLINE;
  end(rt);
  return 0;
}

TEST("without a main task the first signal cancels nobody [23.1]") {
  CHECK_INT(0, run_apart(mainless_scene, SIGINT));
}

/* -- The second ----------------------------------------------------------- */

/* Shielded; after the first signal it raises another, which lifts the shield.
 */
static int shielded_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  switch (play->line) {
  case 0:
    return weft_scope_open(rt, UINT64_MAX, 1, &play->scope);
  case 1:
    raise(play->number);
    return weft_yield(rt);
  case 2:
    return weft_sleep_until(rt, 500);
  case 3:
    CHECK_INT(WEFT_OK, play->status); /* hidden from the first */
    raise(play->number);
    return weft_sleep_until(rt, UINT64_MAX);
  case 4:
    CHECK_INT(WEFT_ECANCELLED, play->status);
    return weft_scope_leave(rt, play->scope, play->status, &play->caught);
  case 5: /* shields to come are void, too */
    CHECK_INT(WEFT_CAUGHT_NOTHING, play->caught);
    return weft_scope_open(rt, UINT64_MAX, 1, &play->scope);
  case 6:
    return weft_sleep_until(rt, UINT64_MAX);
  default:
    CHECK_INT(WEFT_ECANCELLED, play->status);
    return play_end(play, play->status);
  }
}

static int second_scene(int number) {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin_signals();
    struct play main_play = {.act = shielded_act, .number = number};
    struct play other = {.act = background_act, .number = WEFT_SOURCE_SIGNAL};
    set_main(rt, &main_play, stepped);
    play_in(rt, 0, &other, !stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK(main_play.over);
    CHECK(other.over);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, other.task));
    end(rt);
  }
  return 0;
}

TEST("the second cancels all and lifts every shield, for good [23.3]") {
  for (int i = 0; i < 2; i++)
    CHECK_INT(0, run_apart(second_scene, numbers[i]));
}

static int both_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  int *steps = arg;
  (void)value;
  if ((*steps)++ > 0)
    return status;
  raise(SIGINT);
  raise(SIGTERM);
  return weft_sleep_until(rt, UINT64_MAX);
}

static int both_scene(int number) {
  weft_runtime *rt = begin_signals();
  int steps = 0;
  struct play other = {.act = background_act, .number = WEFT_SOURCE_SIGNAL};
  weft_task task;
  (void)number;
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, both_step, &steps, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, task));
  play_in(rt, 0, &other, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK(other.over);
  end(rt);
  return 0;
}

TEST("SIGINT and SIGTERM count together, both before one poll [23.4]") {
  CHECK_INT(0, run_apart(both_scene, 0));
}

/* -- The third ------------------------------------------------------------ */

static int stuck_body(weft_runtime *rt, void *arg) {
  int number = *(int *)arg;
  (void)rt;
  raise(number == SIGINT ? SIGTERM : SIGINT);
  raise(number);
  raise(number);
  return WEFT_OK;
}

static int third_scene(int number) {
  weft_runtime *rt = begin_signals();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, stuck_body, &number, NULL, NULL));
  weft_run(rt);
  return 77;
}

TEST("the third leaves at once, out of a step that is stuck [23.4]") {
  CHECK_INT(130, run_apart(third_scene, SIGINT));
  CHECK_INT(143, run_apart(third_scene, SIGTERM));
}

/* -- Whose they are ------------------------------------------------------- */

static int raise_and_finish_body(weft_runtime *rt, void *arg) {
  raise(*(int *)arg);
  return weft_yield(rt);
}

static int not_asked_scene(int number) {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, raise_and_finish_body, &number, NULL, NULL));
  weft_run(rt);
  return 77;
}

TEST("a runtime that was not asked to leaves signals as they are [23.5]") {
  CHECK_INT(-SIGTERM, run_apart(not_asked_scene, SIGTERM));
}

static int after_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play play = {.act = unmoved_act, .number = number};
  set_main(rt, &play, 0);
  CHECK_INT(WEFT_OK, weft_run(rt));
  if (check_failures == 0)
    raise(number);
  return 77;
}

TEST("when the run has ended they are the system's again [23.5]") {
  CHECK_INT(-SIGINT, run_apart(after_scene, SIGINT));
  CHECK_INT(-SIGTERM, run_apart(after_scene, SIGTERM));
}

static volatile sig_atomic_t handled;

static void handle(int number) {
  (void)number;
  handled++;
}

static int raise_once_act(weft_runtime *rt, struct play *play,
                          uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    for (int i = 0; i < 5; i++)
      raise(play->number);
    return weft_yield(rt);
  }
  return play->line == 1 ? weft_yield(rt) : play_end(play, play->status);
}

static int own_handler_scene(int number) {
  struct sigaction action = {.sa_handler = handle}, now;
  sigemptyset(&action.sa_mask);
  CHECK_INT(0, sigaction(number, &action, NULL));
  weft_runtime *rt = begin_signals();
  struct play play = {.act = raise_once_act, .number = number};
  set_main(rt, &play, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, play.status);
  CHECK_INT(5, handled);
  CHECK_INT(0, sigaction(number, NULL, &now));
  CHECK(now.sa_handler == handle);
  end(rt);
  return 0;
}

TEST("a signal that has a handler is not taken, nor given back [23.5]") {
  for (int i = 0; i < 2; i++)
    CHECK_INT(0, run_apart(own_handler_scene, numbers[i]));
}

static int ignored_scene(int number) {
  signal(number, SIG_IGN);
  weft_runtime *rt = begin_signals();
  struct play play = {.act = raise_once_act, .number = number};
  set_main(rt, &play, 1);
  end(rt);
  CHECK_INT(WEFT_OK, play.status);
  CHECK(signal(number, SIG_DFL) == SIG_IGN);
  return 0;
}

TEST("a signal that is ignored stays ignored [23.5]") {
  CHECK_INT(0, run_apart(ignored_scene, SIGINT));
}

static int busy_body(weft_runtime *rt, void *arg) {
  weft_runtime *other;
  (void)rt;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_runtime_new(&other));
  CHECK_INT(WEFT_EBUSY, weft_set_signals(other, 1));
  CHECK_INT(WEFT_OK, weft_set_signals(other, 0));
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  return WEFT_OK;
}

static int two_scene(int number) {
  weft_runtime *rt = begin_signals();
  (void)number;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, busy_body, NULL, NULL, NULL));
  end(rt);
  rt = begin_signals(); /* and then it is the next one's */
  struct play play = {.act = raise_act, .number = SIGINT};
  set_main(rt, &play, 1);
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, play.status);
  return 0;
}

TEST("one runtime at a time has them [23.5]") {
  CHECK_INT(0, run_apart(two_scene, 0));
}

static int again_scene(int number) {
  for (int i = 0; i < 4; i++) { /* counted anew in each run */
    weft_runtime *rt = begin_signals();
    struct play play = {.act = raise_act, .number = number};
    set_main(rt, &play, 1);
    end(rt);
  }
  return 0;
}

TEST("each run counts its signals anew [23.4]") {
  CHECK_INT(0, run_apart(again_scene, SIGINT));
}

static void *kill_apart(void *arg) {
  (void)arg;
  kill(getpid(), SIGINT);
  return NULL;
}

static int blocked_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    pthread_t *thread = play->data;
    CHECK_INT(0, pthread_create(thread, NULL, kill_apart, NULL));
    return weft_sleep_until(rt, UINT64_MAX);
  }
  return play_end(play, play->status);
}

static int blocked_scene(int number) {
  weft_runtime *rt = begin_signals();
  pthread_t thread;
  struct play play = {.act = blocked_act, .data = &thread};
  (void)number;
  set_main(rt, &play, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_ECANCELLED, play.status);
  pthread_join(thread, NULL);
  end(rt);
  return 0;
}

TEST("a signal from another thread ends a poll that blocks [23.6] [1.3]") {
  CHECK_INT(0, run_apart(blocked_scene, 0));
}

/* -- Turned off ----------------------------------------------------------- */

static int turn_off_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_runtime *other;
  (void)value;
  CHECK(!is_default(SIGINT) && !is_default(SIGTERM));
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 0));
  CHECK(is_default(SIGINT) && is_default(SIGTERM));
  CHECK_INT(WEFT_OK, weft_runtime_new(&other));
  CHECK_INT(WEFT_OK, weft_set_signals(other, 1)); /* nobody has them now */
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  return play_end(play, WEFT_OK);
}

static int turn_off_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play play = {.act = turn_off_act};
  (void)number;
  set_main(rt, &play, 1);
  end(rt);
  return 0;
}

TEST("turned off during a run they are given back at once [23.5]") {
  CHECK_INT(0, run_apart(turn_off_scene, 0));
}

/* -- The handler ---------------------------------------------------------- */

#ifdef __linux__
/* Fills up what wakes the loop, an eventfd, so that a write to it fails, or
 * blocks if [flags] do not say O_NONBLOCK. */
static void fill_up(weft_runtime *rt, int flags) {
  int fd = rt->loop.async_io_watcher.fd;
  uint64_t most = UINT64_MAX - 1;
  CHECK_INT(sizeof most, write(fd, &most, sizeof most));
  CHECK_INT(0, fcntl(fd, F_SETFL, flags));
}

static int errno_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line > 0)
    return play_end(play, play->status);
  fill_up(rt, O_NONBLOCK);
  errno = ENOENT;
  raise(play->number);
  CHECK_INT(ENOENT, errno);
  return weft_sleep_until(rt, UINT64_MAX);
}

static int errno_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play play = {.act = errno_act, .number = number};
  set_main(rt, &play, 1);
  end(rt);
  CHECK_INT(WEFT_ECANCELLED, play.status);
  return 0;
}

TEST("the handler leaves errno as it was [23.4]") {
  CHECK_INT(0, run_apart(errno_scene, SIGINT));
}

static void *raise_apart(void *arg) {
  (void)arg;
  raise(SIGINT);
  return NULL;
}

static atomic_int let_go;

/* Lets the handler go on once the signals have been given back. */
static void *let_go_apart(void *arg) {
  weft_runtime *rt = arg;
  uint64_t count;
  while (!is_default(SIGINT) || !is_default(SIGTERM))
    sched_yield();
  for (int i = 0; i < 1000; i++)
    sched_yield();
  atomic_store(&let_go, 1);
  CHECK_INT(sizeof count,
            read(rt->loop.async_io_watcher.fd, &count, sizeof count));
  return NULL;
}

static int under_way_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  pthread_t raising, helping;
  (void)value;
  fill_up(rt, 0);
  CHECK_INT(0, pthread_create(&raising, NULL, raise_apart, NULL));
  while (!atomic_load(&rt->posts.pending)) /* the handler is under way */
    sched_yield();
  CHECK_INT(0, pthread_create(&helping, NULL, let_go_apart, rt));
  CHECK_INT(WEFT_OK, weft_set_signals(rt, 0));
  CHECK_INT(1, atomic_load(&let_go));
  CHECK_INT(0, pthread_join(raising, NULL));
  CHECK_INT(0, pthread_join(helping, NULL));
  CHECK_INT(0, fcntl(rt->loop.async_io_watcher.fd, F_SETFL, O_NONBLOCK));
  return play_end(play, WEFT_OK);
}

static int under_way_scene(int number) {
  weft_runtime *rt = begin_signals();
  struct play play = {.act = under_way_act};
  (void)number;
  set_main(rt, &play, 1);
  end(rt);
  return 0;
}

TEST("giving them back waits for a handler in another thread [23.5]") {
  CHECK_INT(0, run_apart(under_way_scene, 0));
}
#endif
