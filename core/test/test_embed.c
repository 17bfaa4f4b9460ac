/* SPDX-License-Identifier: MIT
 * test_embed.c - a runtime inside a foreign loop, and pull mode. The foreign
 * loop is poll() on the backend's descriptor. */
#include <poll.h>
#include <unistd.h>

#include "../core.h"
#include "job.h"

static weft_runtime *begin_real(void) {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  return rt;
}

static uint64_t now_of(weft_runtime *rt) {
  uint64_t now;
  CHECK_INT(WEFT_OK, weft_now(rt, &now));
  return now;
}

static uint64_t timeout_of(weft_runtime *rt) {
  uint64_t timeout_ns;
  CHECK_INT(WEFT_OK, weft_next_timeout(rt, &timeout_ns));
  return timeout_ns;
}

static int fd_of(weft_runtime *rt) {
  int fd;
  CHECK_INT(WEFT_OK, weft_backend_fd(rt, &fd));
  CHECK(fd >= 0);
  return fd;
}

/* Whether the descriptor is readable within the time. */
static bool is_readable(int fd, int timeout_ms) {
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* The foreign loop: waits as it is told, and runs the runtime, until no work
 * is left. Returns how often. */
static int drive(weft_runtime *rt) {
  int fd = fd_of(rt), work = 1, rounds = 0;
  for (; work; rounds++) {
    uint64_t timeout_ns = timeout_of(rt);
    /* Rounded up: too early would be a round for nothing. */
    is_readable(fd, timeout_ns == UINT64_MAX
                        ? -1
                        : (int)((timeout_ns + 999999) / 1000000));
    CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
  }
  return rounds;
}

/* -- When to run ---------------------------------------------------------- */

static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  say(play->letter);
  return play->line == play->number ? play_end(play, play->status)
                                    : weft_yield(rt);
}

static int sleep_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_sleep_until(rt, play->object);
  CHECK(play->status != WEFT_OK || now_of(rt) >= play->object);
  say(play->letter);
  return play_end(play, play->status);
}

static void no_call(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

TEST("the time until it must run: 0, how long, or never [31.1]") {
  weft_runtime *rt = begin_real();
  CHECK(timeout_of(rt) == UINT64_MAX);
  struct play play = {.act = sleep_act, .letter = 's'};
  play.object = now_of(rt) + 60000000000;
  play_in(rt, 0, &play, 1);
  CHECK_INT(0, timeout_of(rt)); /* it is ready */
  turn(rt);
  CHECK(timeout_of(rt) > 50000000000);
  CHECK(timeout_of(rt) <= 60000000000);
  weft_timer timer;
  CHECK_INT(WEFT_OK, weft_call_at(rt, 5, no_call, NULL, NULL, &timer));
  CHECK_INT(0, timeout_of(rt)); /* its time has come */
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, timer, NULL));
  cancel_task(rt, play.task);
  CHECK_INT(0, timeout_of(rt));
  turn(rt);
  CHECK(timeout_of(rt) == UINT64_MAX);
  end(rt);
}

TEST("work is told as long as a task is left [31.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = yield_act, .letter = 'y', .number = 3};
    int work = 7;
    CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
    CHECK_INT(0, work);
    play_in(rt, 0, &play, stepped);
    for (int i = 0; i < 4; i++) {
      CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
      CHECK_INT(i < 3, work);
      CHECK_INT(i + 1, said_count); /* one turn each */
    }
    end(rt);
  }
}

/* Three sleeps, the last first; false if one was over before all had begun. */
static bool drive_three(int stepped, uint64_t margin_ns) {
  weft_runtime *rt = begin_real();
  struct play plays[3];
  for (int i = 0; i < 3; i++) {
    plays[i] = (struct play){.act = sleep_act, .letter = 'c' - i};
    play_in(rt, 0, &plays[i], stepped);
  }
  uint64_t start_ns = now_of(rt);
  for (int i = 0; i < 3; i++)
    plays[i].object = start_ns + (uint64_t)(3 - i) * margin_ns;
  turn(rt);
  bool in_time = rt->timers.count == 3;
  CHECK(drive(rt) <= 12); /* it waited; it did not spin */
  if (in_time)
    CHECK_TEXT("abc", said);
  end(rt);
  return in_time;
}

TEST("a foreign loop drives sleeps and yields to their end [31.2]") {
  BOTH_KINDS {
    uint64_t margin_ns = 1000000;
    while (!drive_three(stepped, margin_ns))
      margin_ns *= 2;
  }
}

struct pipe_wait {
  int ends[2];
  weft_watch watch;
  weft_task task;
};

static void wake_reader(weft_runtime *rt, void *arg, int status, int events) {
  struct pipe_wait *wait = arg;
  char byte;
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(WEFT_READABLE, events);
  CHECK_INT(1, read(wait->ends[0], &byte, 1));
  CHECK_INT(WEFT_OK, weft_wake(rt, wait->task, WEFT_OK, (uint64_t)byte));
}

static int read_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct pipe_wait *wait = play->data;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_watch_set(rt, wait->watch, WEFT_READABLE));
    return weft_park(rt, "pipe", NULL, NULL, value);
  }
  CHECK_INT('x', play->value);
  return play_end(play, play->status);
}

TEST("I/O makes the backend's descriptor readable [31.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct pipe_wait wait;
    struct play play = {.act = read_act, .data = &wait};
    CHECK_INT(0, pipe(wait.ends));
    CHECK_INT(WEFT_OK, weft_watch_new(rt, wait.ends[0], wake_reader, &wait,
                                      NULL, &wait.watch));
    play_in(rt, 0, &play, stepped);
    wait.task = play.task;
    turn(rt); /* the watch is set in the turn, and told to the kernel after */
    CHECK(!is_readable(fd_of(rt), 0));
    CHECK(timeout_of(rt) == UINT64_MAX);
    CHECK_INT(1, write(wait.ends[1], "x", 1));
    CHECK(is_readable(fd_of(rt), 10000));
    drive(rt);
    CHECK(play.over);
    CHECK_INT(WEFT_OK, weft_watch_close(rt, wait.watch));
    close(wait.ends[0]);
    close(wait.ends[1]);
    end(rt);
  }
}

struct posted {
  weft_runtime *rt;
  struct job job;
};

static void wake_job(weft_runtime *rt, void *arg) {
  struct posted *posted = arg;
  CHECK_INT(WEFT_OK, weft_wake(rt, posted->job.task, WEFT_OK, 4));
}

static void *wake_by_post(void *arg) {
  struct posted *posted = arg;
  CHECK_INT(WEFT_OK, weft_post(posted->rt, wake_job, posted, NULL));
  return NULL;
}

static int park_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)job;
  return weft_park(rt, "post", NULL, NULL, value);
}

TEST("so does a post, of another thread as well [31.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct posted posted = {rt, {.call = park_call}};
    start(rt, &posted.job, stepped);
    turns(rt, 2);
    CHECK(!is_readable(fd_of(rt), 0));
    in_pthread_apart(wake_by_post, &posted);
    CHECK(is_readable(fd_of(rt), 10000));
    drive(rt);
    CHECK_INT(4, posted.job.value);
    end(rt);
  }
}

static void note_post(weft_runtime *rt, void *arg) {
  (void)rt;
  ++*(int *)arg;
}

static void post_note(weft_runtime *rt, void *arg) {
  CHECK_INT(WEFT_OK, weft_post(rt, note_post, arg, NULL));
}

TEST("a post that comes during the turn has the runtime run again [31.1]") {
  weft_runtime *rt = begin_real();
  int noted = 0, work;
  CHECK_INT(WEFT_OK, weft_call_soon(rt, post_note, &noted, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
  CHECK_INT(0, noted);
  CHECK(is_readable(fd_of(rt), 0) || timeout_of(rt) == 0);
  CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
  CHECK_INT(1, noted);
  CHECK(timeout_of(rt) == UINT64_MAX);
  end(rt);
}

TEST("called too often nothing is lost [31.2]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_real();
    struct play play = {.act = sleep_act, .letter = 's'};
    play.object = now_of(rt) + 3000000;
    play_in(rt, 0, &play, stepped);
    int work = 1;
    while (work)
      CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
    CHECK_TEXT("s", said);
    end(rt);
  }
}

/* -- Pull mode ------------------------------------------------------------ */

/* A host's task: it yields [number] times, saying its letter at each step. */
struct host_task {
  int letter;
  int number;
  int steps;
  int drops;
  int outcome;
};

static void drop_host_task(void *arg) {
  ((struct host_task *)arg)->drops++;
}

static weft_task host_spawn(weft_runtime *rt, struct host_task *task) {
  weft_task handle;
  CHECK_INT(WEFT_OK,
            weft_spawn_step(rt, 0, NULL, task, drop_host_task, &handle));
  return handle;
}

static int host_step(weft_runtime *rt, struct host_task *task, int status) {
  say(task->letter);
  if (status != WEFT_OK)
    return status;
  return task->steps++ < task->number ? weft_yield(rt) : task->outcome;
}

/* The host's loop: hands out step after step until every task has ended. */
static void pull_all(weft_runtime *rt) {
  for (;;) {
    void *arg;
    int status;
    uint64_t value;
    CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
    if (arg == NULL)
      return;
    int outcome = host_step(rt, arg, status);
    CHECK_INT(WEFT_OK, weft_step_done(rt, outcome));
  }
}

TEST("the ready tasks are handed out one by one, in order [31.4] [1.1]") {
  weft_runtime *rt = begin();
  struct host_task tasks[3] = {{'a', 2, 0, 0, 0},
                               {'b', 1, 0, 0, WEFT_EHOST},
                               {'c', 2, 0, 0, WEFT_ECANCELLED}};
  weft_task handles[3];
  for (int i = 0; i < 3; i++)
    handles[i] = host_spawn(rt, &tasks[i]);
  pull_all(rt);
  CHECK_TEXT("abcabcac", said);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, handles[0]));
  CHECK_INT(WEFT_EHOST, code_of(rt, handles[1]));
  CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, handles[2]));
  for (int i = 0; i < 3; i++)
    CHECK_INT(1, tasks[i].drops);
  end(rt);
}

TEST("other tasks and calls run on the way, in the same order [31.4]") {
  weft_runtime *rt = begin();
  struct host_task first = {.letter = 'a', .number = 1},
                   last = {.letter = 'd', .number = 1};
  struct play stepped = {.act = yield_act, .letter = 'b', .number = 1};
  struct play stackful = {.act = yield_act, .letter = 'c', .number = 1};
  host_spawn(rt, &first);
  play_in(rt, 0, &stepped, 1);
  play_in(rt, 0, &stackful, 0);
  host_spawn(rt, &last);
  pull_all(rt);
  CHECK_TEXT("abcdabcd", said);
  end(rt);
}

TEST("with no pull task left the others run to their end [31.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = sleep_act, .letter = 's', .object = 700};
    play_in(rt, 0, &play, stepped);
    pull_all(rt);
    CHECK_TEXT("s", said);
    end(rt);
  }
}

TEST("a step brings its status and value, and the task is current [31.4]") {
  weft_runtime *rt = begin();
  struct host_task task = {.letter = 'a'};
  weft_task handle = host_spawn(rt, &task), current;
  void *arg;
  int status;
  uint64_t value = 7;
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK(arg == &task);
  CHECK_INT(WEFT_OK, status);
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_task_current(rt, &current));
  CHECK(current == handle);
  CHECK_INT(WEFT_PARKED, weft_park(rt, "host", NULL, NULL, &value));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_PARKED));
  CHECK_INT(WEFT_OK, weft_wake(rt, handle, WEFT_EFULL, 99));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_EFULL, status);
  CHECK_INT(99, value);
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK(arg == NULL);
  CHECK_INT(0, value);
  end(rt);
}

TEST("the run budget holds in pull mode [31.4] [1.7]") {
  weft_runtime *rt = begin();
  struct host_task task = {.letter = 'a'}, other = {.letter = 'b'};
  void *arg;
  int status, count = 0;
  uint64_t value;
  host_spawn(rt, &task);
  host_spawn(rt, &other);
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  while (weft_checkpoint(rt) == WEFT_OK)
    count++;
  CHECK_INT(127, count);
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_PARKED));
  pull_all(rt);
  CHECK_TEXT("ba", said);
  end(rt);
}

TEST("inside a step the loop is not run, and a step is ended once [31.3]") {
  weft_runtime *rt = begin();
  struct host_task task = {.letter = 'a'};
  void *arg;
  int status, work = 7;
  uint64_t value;
  CHECK_INT(WEFT_ESTATE, weft_step_done(rt, WEFT_OK));
  host_spawn(rt, &task);
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_ESTATE, weft_next_ready(rt, &arg, &status, &value));
  CHECK(arg == NULL);
  CHECK_INT(WEFT_ESTATE, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, weft_run_nowait(rt, &work));
  CHECK_INT(0, work);
  CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
  CHECK_INT(WEFT_ESTATE, weft_step_done(rt, WEFT_OK));
  CHECK_INT(1, task.drops);
  end(rt);
}

TEST("a step that is ended as parked, but is not, fails the task") {
  weft_runtime *rt = begin();
  struct host_task task = {.letter = 'a'};
  weft_task handle = host_spawn(rt, &task);
  void *arg;
  int status;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_PARKED));
  CHECK_INT(WEFT_ESTATE, code_of(rt, handle));
  handle = host_spawn(rt, &task);
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_PARKED, weft_yield(rt));
  CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
  CHECK_INT(WEFT_ESTATE, code_of(rt, handle));
  CHECK_INT(2, task.drops);
  end(rt);
}

TEST("a task for pull mode fails if the loop is run in another way") {
  weft_runtime *rt = begin();
  struct host_task tasks[3] = {
      {'a', 5, 0, 0, 0}, {'b', 5, 0, 0, 0}, {'c', 5, 0, 0, 0}};
  weft_task handles[3];
  void *arg;
  int status;
  uint64_t value;
  for (int i = 0; i < 3; i++)
    handles[i] = host_spawn(rt, &tasks[i]);
  CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
  CHECK_INT(WEFT_OK, weft_step_done(rt, host_step(rt, arg, status)));
  turn(rt); /* in the middle of a turn of pull mode */
  for (int i = 0; i < 3; i++)
    CHECK_INT(WEFT_ESTATE, code_of(rt, handles[i]));
  CHECK_TEXT("a", said);
  pull_all(rt);
  end(rt);
}

TEST("a task for pull mode is cancelled and awaited like any other") {
  weft_runtime *rt = begin();
  struct host_task task = {.letter = 'a', .number = 1000};
  weft_task handle = host_spawn(rt, &task);
  cancel_task(rt, handle);
  pull_all(rt);
  CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, handle));
  CHECK_INT(WEFT_OK, weft_task_close(rt, handle));
  end(rt);
}

TEST("a shutdown in pull mode hands out what is cancelled [31.5] [22.2]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct host_task tasks[2] = {{'a', 3, 0, 0, 0}, {'b', 3, 0, 0, 0}};
  for (int i = 0; i < 2; i++)
    host_spawn(rt, &tasks[i]);
  struct job kept = {.call = park_call};
  start(rt, &kept, 1);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  pull_all(rt);           /* the one that nothing wakes is given up */
  CHECK_TEXT("ab", said); /* each started, and was cancelled in its yield */
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

static void *embed_apart(void *arg) {
  weft_runtime *rt = arg;
  int fd = 7, status = 7;
  uint64_t word = 7;
  void *pulled = rt;
  CHECK_INT(WEFT_ETHREAD, weft_backend_fd(rt, &fd));
  CHECK(fd <= 0);
  CHECK_INT(WEFT_ETHREAD, weft_next_timeout(rt, &word));
  CHECK_INT(0, word);
  CHECK_INT(WEFT_ETHREAD, weft_next_ready(rt, &pulled, &status, &word));
  CHECK(pulled == NULL);
  CHECK_INT(WEFT_ETHREAD, weft_step_done(rt, WEFT_OK));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11] [31.3]") {
  weft_runtime *rt = begin();
  in_pthread_apart(embed_apart, rt);
  end(rt);
}
