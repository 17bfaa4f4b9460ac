/* SPDX-License-Identifier: MIT
 * test_wait_info.c - what a parked task waits for, since when, and what governs
 * it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "../core.h"
#include "fake_dns.h"
#include "job.h"

#define NEVER UINT64_MAX

/* Makes the one call that the test is about; cancelled, it ends. */
struct wait {
  int (*call)(weft_runtime *rt, uint64_t object, uint64_t *value);
  uint64_t object;
  weft_lock lock; /* acquired before; 0: none */
};

static int wait_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  const struct wait *wait = play->data;
  if (play->line == 0 && wait->lock != 0)
    return weft_lock_acquire(rt, wait->lock);
  if (play->line <= (wait->lock != 0))
    return wait->call(rt, wait->object, value);
  if (wait->lock != 0)
    weft_lock_release(rt, wait->lock);
  return play_end(play, WEFT_OK); /* what the call failed with is not asked */
}

static struct play play_of(struct wait *wait) {
  return (struct play){.act = wait_act, .data = wait};
}

/* The words for the wait of [task]; "" if it is not parked. */
static const char *words_of(weft_runtime *rt, weft_task task) {
  static char text[512];
  weft_value *value;
  const char *data = "";
  size_t length = 0;
  CHECK_INT(WEFT_OK, weft_task_describe_wait(rt, task, &value));
  if (value != NULL)
    CHECK_INT(WEFT_OK, weft_value_get_bytes(value, &data, &length));
  snprintf(text, sizeof text, "%.*s", (int)length, data);
  weft_value_unref(value);
  return text;
}

/* Has a task make the call, checks its words, and ends it. */
static void check_words(weft_runtime *rt, const char *words, struct wait wait,
                        int stepped) {
  struct play play = play_of(&wait);
  play_in(rt, 0, &play, stepped);
  turn(rt);
  CHECK_TEXT(words, words_of(rt, play.task));
  cancel_task(rt, play.task);
  turns(rt, 2);
  CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
}

/* -- Words ---------------------------------------------------------------- */

static int call_sleep(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)value;
  return weft_sleep_until(rt, object);
}

static int call_acquire(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)value;
  return weft_lock_acquire(rt, object);
}

static int call_await(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)value;
  return weft_task_await(rt, object);
}

static int call_event(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)value;
  return weft_event_wait(rt, object);
}

TEST("a wait on an object of the core is described by its kind [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    weft_event event;
    CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
    check_words(rt, "sleep", (struct wait){.call = call_sleep, .object = NEVER},
                stepped);
    check_words(rt, "event", (struct wait){.call = call_event, .object = event},
                stepped);
    end(rt);
  }
}

TEST("of a lock the owner is named, of an await the task [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    weft_lock lock;
    CHECK_INT(WEFT_OK, weft_lock_new(rt, &lock));
    struct wait hold = {.call = call_sleep, .object = NEVER, .lock = lock};
    struct play holder = play_of(&hold);
    play_in(rt, 0, &holder, stepped);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, holder.task, "holder"));
    turn(rt);
    check_words(rt, "lock of holder #1",
                (struct wait){.call = call_acquire, .object = lock}, stepped);
    check_words(rt, "task holder #1",
                (struct wait){.call = call_await, .object = holder.task},
                stepped);
    cancel_task(rt, holder.task);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_close(rt, holder.task));
    end(rt);
  }
}

static int call_fill(weft_runtime *rt, uint64_t object, uint64_t *value) {
  return weft_stream_fill(rt, object, 0, value);
}

static int call_accept(weft_runtime *rt, uint64_t object, uint64_t *value) {
  return weft_listener_accept(rt, object, value);
}

TEST("of a socket its address and its descriptor are told [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    int ends[2];
    char expected[200];
    weft_listener listener;
    weft_stream stream;
    weft_value *address;
    const char *data;
    size_t length;
    CHECK_INT(0, pipe(ends));
    CHECK_INT(WEFT_OK, weft_stream_open(rt, ends[0], &stream));
    snprintf(expected, sizeof expected, "read on descriptor %d", ends[0]);
    check_words(rt, expected,
                (struct wait){.call = call_fill, .object = stream}, stepped);
    CHECK_INT(WEFT_OK, weft_tcp_listen(rt, "127.0.0.1", 0, 1, &listener));
    CHECK_INT(WEFT_OK, weft_listener_address(rt, listener, &address));
    CHECK_INT(WEFT_OK, weft_value_get_bytes(address, &data, &length));
    snprintf(expected, sizeof expected, "accept on %.*s (descriptor ",
             (int)length, data);
    weft_value_unref(address);
    struct wait wait = {.call = call_accept, .object = listener};
    struct play play = play_of(&wait);
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK(strstr(words_of(rt, play.task), expected) == words_of(rt, play.task));
    cancel_task(rt, play.task);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    end(rt);
    close(ends[1]);
  }
}

/* -- Outside the process -------------------------------------------------- */

static int call_receive(weft_runtime *rt, uint64_t object, uint64_t *value) {
  return weft_udp_receive(rt, object, value);
}

static int call_process(weft_runtime *rt, uint64_t object, uint64_t *value) {
  return weft_process_wait(rt, object, value);
}

static int call_change(weft_runtime *rt, uint64_t object, uint64_t *value) {
  return weft_fs_watch_next(rt, object, value);
}

TEST("of a process its name and number are told, of files the path [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    char expected[200];
    weft_process process;
    weft_fs_watch watch;
    weft_udp udp;
    int pid;
    CHECK_INT(WEFT_OK, weft_process_new(rt, "sleep", &process));
    CHECK_INT(WEFT_OK, weft_process_add_argument(rt, process, "60"));
    CHECK_INT(WEFT_OK, weft_process_start(rt, process));
    CHECK_INT(WEFT_OK, weft_process_get_pid(rt, process, &pid));
    snprintf(expected, sizeof expected, "process sleep (pid %d)", pid);
    check_words(rt, expected,
                (struct wait){.call = call_process, .object = process},
                stepped);
    CHECK_INT(WEFT_OK, weft_process_kill(rt, process, SIGKILL));
    struct wait wait = {.call = call_process, .object = process};
    struct play play = play_of(&wait);
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    CHECK_INT(WEFT_OK, weft_process_close(rt, process));
    char directory[] = "/tmp/weft-wait-XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    CHECK_INT(WEFT_OK, weft_fs_watch_new(rt, directory, &watch));
    snprintf(expected, sizeof expected, "change in %s", directory);
    check_words(rt, expected,
                (struct wait){.call = call_change, .object = watch}, stepped);
    CHECK_INT(WEFT_OK, weft_fs_watch_close(rt, watch));
    CHECK_INT(0, rmdir(directory));
    CHECK_INT(WEFT_OK, weft_udp_open(rt, "127.0.0.1", 0, 0, &udp));
    struct wait receive = {.call = call_receive, .object = udp};
    struct play receiver = play_of(&receive);
    play_in(rt, 0, &receiver, stepped);
    turn(rt);
    CHECK(strstr(words_of(rt, receiver.task), "receive on 127.0.0.1:") != NULL);
    cancel_task(rt, receiver.task);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_close(rt, receiver.task));
    end(rt);
  }
}

static int call_connect(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_tcp_connect(rt, "slow.test", 80, value);
}

static int call_listen(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_tcp_listen_all(rt, "slow.test", 81, 1, 0, value);
}

static int call_lookup(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_dns_lookup(rt, "slow.test", value);
}

static int call_reverse(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_dns_reverse(rt, "127.0.0.3", value);
}

/* The name of a pipe, which nobody opens at the other end. */
static char fifo[64];

static int call_read_file(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_fs_read_file(rt, fifo, 99, value);
}

static int call_open(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_file_open(rt, fifo, WEFT_OPEN_READ, 0, value);
}

TEST("what has no handle yet is told as it was asked for [29.4]") {
  BOTH_KINDS {
    static const struct {
      const char *words;
      int (*call)(weft_runtime *rt, uint64_t object, uint64_t *value);
    } cases[] = {{"connect to slow.test:80", call_connect},
                 {"listen on slow.test:81", call_listen},
                 {"lookup of slow.test", call_lookup},
                 {"lookup of 127.0.0.3", call_reverse}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      weft_runtime *rt = begin();
      check_words(rt, cases[i].words, (struct wait){.call = cases[i].call},
                  stepped);
      fake_dns_release();
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_OK, weft_runtime_free(rt)); /* libuv's threads stay */
      fake_dns_hold();
    }
  }
}

TEST("of work on a file the path is told [29.4]") {
  BOTH_KINDS {
    for (int opens = 0; opens <= 1; opens++) {
      weft_runtime *rt = begin();
      char expected[100] = "";
      struct wait wait = {.call = opens ? call_open : call_read_file};
      struct play play = play_of(&wait);
      snprintf(fifo, sizeof fifo, "/tmp/weft-fifo-%d", (int)getpid());
      CHECK_INT(0, mkfifo(fifo, 0600));
      snprintf(expected, sizeof expected, "%s of %s",
               opens ? "open" : "read_file", fifo);
      play_in(rt, 0, &play, stepped);
      turn(rt);
      CHECK_TEXT(expected, words_of(rt, play.task));
      int fd = open(fifo, O_RDWR); /* lets the thread go on: with more */
      CHECK_INT(100, write(fd, expected, 100)); /* than it may read */
      CHECK_INT(WEFT_OK, weft_run(rt));
      close(fd);
      CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      CHECK_INT(0, unlink(fifo));
      CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    }
  }
}

static int call_host(weft_runtime *rt, uint64_t object, uint64_t *value) {
  (void)object;
  return weft_park(rt, "what the host says", weft__withdraw_plain, NULL, value);
}

TEST("a wait of the host's own is told by its word") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    check_words(rt, "what the host says", (struct wait){.call = call_host},
                stepped);
    end(rt);
  }
}

/* -- Since when ----------------------------------------------------------- */

static int nap_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line < 2)
    return weft_sleep_until(rt, (uint64_t)(play->line + 1) * 3000000000u);
  return play_end(play, play->status);
}

/* To a millisecond, which is what the time is kept to. */
static bool is_since(weft_runtime *rt, weft_task task, uint64_t time_ns) {
  uint64_t since_ns = 7;
  CHECK_INT(WEFT_OK, weft_task_get_since(rt, task, &since_ns));
  return since_ns <= time_ns && time_ns - since_ns < 1100000;
}

static void check_since(weft_runtime *rt, void *arg) {
  weft_task *task = arg;
  uint64_t now_ns;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK(is_since(rt, *task, now_ns < 3000000000u ? 0 : 3000000000u));
}

TEST("how long a task waits is known, of each wait anew [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = nap_act};
    uint64_t since_ns = 7;
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_task_get_since(rt, play.task, &since_ns));
    CHECK_INT(0, since_ns); /* it is not parked */
    for (int i = 1; i < 6; i++)
      CHECK_INT(WEFT_OK, weft_call_at(rt, (uint64_t)i * 1000000001u,
                                      check_since, &play.task, NULL, NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    end(rt);
  }
}

static int event_call(weft_runtime *rt, uint64_t event, uint64_t *value) {
  *value = 0;
  return weft_event_wait(rt, event);
}

TEST("who has waited since before the clock began has since its begin [29.4]") {
  weft_runtime *rt = begin();
  struct wait wait = {.call = event_call};
  struct play play = play_of(&wait);
  CHECK_INT(WEFT_OK, weft_event_new(rt, &wait.object));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 5000000000u));
  play_in(rt, 0, &play, 1);
  turn(rt);
  CHECK(is_since(rt, play.task, 5000000000u));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 1000000000u));
  CHECK(is_since(rt, play.task, 0));
  CHECK_INT(WEFT_OK, weft_event_set(rt, wait.object));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
  end(rt);
}

/* -- Scopes --------------------------------------------------------------- */

/* Opens a scope with deadline 9, one that is shielded, if [number] says so,
 * with deadline 12, one with 10, and sleeps. */
static int scopes_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  weft_scope *scopes = play->data;
  int caught;
  (void)value;
  if (play->line == 0) {
    CHECK_INT(WEFT_OK, weft_scope_open(rt, 9, 0, &scopes[0]));
    CHECK_INT(WEFT_OK, weft_scope_open(rt, 12, play->number, &scopes[1]));
    CHECK_INT(WEFT_OK, weft_scope_open(rt, 10, 0, &scopes[2]));
    return weft_sleep_until(rt, NEVER);
  }
  int outcome = play->status;
  for (int i = 2; i >= 0; i--)
    outcome = weft_scope_leave(rt, scopes[i], outcome, &caught);
  return play_end(play, outcome);
}

TEST("the earliest deadline up to a shield is told, and its scope [7.11]") {
  BOTH_KINDS {
    for (int shielded = 0; shielded <= 1; shielded++) {
      weft_runtime *rt = begin();
      weft_scope scopes[3], scope = 7;
      uint64_t deadline_ns = 7;
      int told = 7;
      struct play play = {
          .act = scopes_act, .data = scopes, .number = shielded};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK,
                weft_task_get_deadline(rt, play.task, &deadline_ns, &scope));
      CHECK(deadline_ns == NEVER && scope == 0);
      turn(rt);
      CHECK_INT(WEFT_OK,
                weft_task_get_deadline(rt, play.task, &deadline_ns, &scope));
      CHECK_INT(shielded ? 10 : 9, deadline_ns);
      CHECK(scope == scopes[shielded ? 2 : 0]);
      CHECK_INT(WEFT_OK, weft_task_is_shielded(rt, play.task, &told));
      CHECK_INT(shielded, told);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_ESTATE,
                weft_task_get_deadline(rt, play.task, &deadline_ns, &scope));
      CHECK(deadline_ns == 0 && scope == 0);
      CHECK_INT(WEFT_ESTATE, weft_task_is_shielded(rt, play.task, &told));
      CHECK_INT(0, told);
      CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      end(rt);
    }
  }
}

/* Swallows Cancelled, and waits in a shield. */
static int stubborn_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line < 2 ? weft_sleep_until(rt, NEVER)
                        : play_end(play, play->status);
}

TEST("why a task is cancelled is told, and the deadlines are gone [29.4]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = {.act = stubborn_act};
    weft_scope scope = 7, own;
    int source = 7;
    weft_value *reason, *given;
    weft_error *cause;
    uint64_t deadline_ns;
    play_in(rt, 0, &play, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, weft_task_get_cancellation(rt, play.task, &scope,
                                                  &source, &reason, &cause));
    CHECK_INT(WEFT_SOURCE_NONE, source);
    CHECK(scope == 0 && reason == NULL && cause == NULL);
    CHECK_INT(WEFT_OK, weft_value_new_bytes("why", 3, &given));
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, play.task, given));
    CHECK_INT(WEFT_OK, weft_task_get_cancellation(rt, play.task, &scope,
                                                  &source, &reason, &cause));
    CHECK_INT(WEFT_OK, weft_task_get_scope(rt, play.task, &own));
    CHECK_INT(WEFT_SOURCE_CANCEL, source);
    CHECK(scope == own && reason == given && cause == NULL);
    CHECK_INT(WEFT_OK,
              weft_task_get_deadline(rt, play.task, &deadline_ns, &scope));
    CHECK(deadline_ns == NEVER);
    weft_value_unref(given);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ESTATE,
              weft_task_get_cancellation(rt, play.task, &scope, &source,
                                         &reason, &cause));
    CHECK_INT(WEFT_SOURCE_NONE, source);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    end(rt);
  }
}

/* -- Misuse and failing --------------------------------------------------- */

static void refuse_all(weft_runtime *rt, weft_task task, int status) {
  weft_value *value = (weft_value *)(uintptr_t)7, *reason;
  weft_scope scope = 7;
  weft_error *cause;
  uint64_t time_ns = 7;
  int number = 7;
  CHECK_INT(status, weft_task_describe_wait(rt, task, &value));
  CHECK(value == NULL);
  CHECK_INT(status, weft_task_get_since(rt, task, &time_ns));
  CHECK_INT(0, time_ns);
  CHECK_INT(status, weft_task_get_deadline(rt, task, &time_ns, &scope));
  CHECK(time_ns == 0 && scope == 0);
  CHECK_INT(status, weft_task_is_shielded(rt, task, &number));
  CHECK_INT(0, number);
  CHECK_INT(status, weft_task_get_cancellation(rt, task, &scope, &number,
                                               &reason, &cause));
  CHECK_INT(WEFT_SOURCE_NONE, number);
}

static struct {
  weft_runtime *rt;
  weft_task task;
} here;

static void *from_elsewhere(void *arg) {
  (void)arg;
  refuse_all(here.rt, here.task, WEFT_ETHREAD);
  return NULL;
}

TEST("a stale handle, or another thread, is an error code [1.11]") {
  weft_runtime *rt = begin();
  struct play play = sleeping_play();
  pthread_t thread;
  play_in(rt, 0, &play, 1);
  refuse_all(rt, play.task + 1, WEFT_EBADF);
  here.rt = rt;
  here.task = play.task;
  CHECK_INT(0, pthread_create(&thread, NULL, from_elsewhere, NULL));
  CHECK_INT(0, pthread_join(thread, NULL));
  cancel_task(rt, play.task);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
  refuse_all(rt, play.task, WEFT_EBADF);
  end(rt);
}

TEST("without memory there are no words, and nothing else is lost") {
  weft_runtime *rt = begin();
  struct play play = sleeping_play();
  weft_value *value = NULL;
  play_in(rt, 0, &play, 1);
  turn(rt);
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_task_describe_wait(rt, play.task, &value));
  CHECK(value == NULL);
  failing_after(0);
  CHECK_TEXT("sleep", words_of(rt, play.task));
  cancel_task(rt, play.task);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
  end(rt);
}
