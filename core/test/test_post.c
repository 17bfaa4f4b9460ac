/* SPDX-License-Identifier: MIT
 * test_post.c - calls posted to a runtime, from its own thread and others.
 *
 * Threads are kept in step by semaphores and joins, never by waiting a while;
 * a post that got lost shows in a test that does not end. */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <unistd.h>

#include "check.h"
#include "failing.h"
#include "weft.h"

static weft_runtime *begin(void) {
  weft_runtime *rt;
  alarm(60);
  failing_install();
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  return rt;
}

static void end(weft_runtime *rt) {
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

static void turn(weft_runtime *rt) {
  int work;
  CHECK_INT(WEFT_OK, weft_run_nowait(rt, &work));
}

static pthread_t start_thread(void *(*fn)(void *), void *arg) {
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, fn, arg));
  return thread;
}

static void join_thread(pthread_t thread) {
  CHECK_INT(0, pthread_join(thread, NULL));
}

/* -- A task that a post lets go ------------------------------------------- */

struct sleeper {
  weft_task task;
  int status;
};

static int no_withdraw(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

static int sleep_on(weft_runtime *rt, void *arg) {
  struct sleeper *sleeper = arg;
  uint64_t value;
  sleeper->status = weft_park(rt, "post", no_withdraw, NULL, &value);
  return sleeper->status;
}

/* Begins [sleeper], which keeps the runtime running until it is woken. */
static void start_sleeper(weft_runtime *rt, struct sleeper *sleeper) {
  sleeper->status = 7;
  CHECK_INT(WEFT_OK,
            weft_spawn(rt, 0, sleep_on, sleeper, NULL, &sleeper->task));
}

static void wake_sleeper(weft_runtime *rt, void *arg) {
  struct sleeper *sleeper = arg;
  CHECK_INT(WEFT_OK, weft_wake(rt, sleeper->task, WEFT_OK, 0));
}

/* -- A post to look at ---------------------------------------------------- */

struct letter {
  weft_runtime *rt;
  int place; /* when it was run, counted among all letters */
  int calls;
  int drops;
};

static int letter_places;

static void read_letter(weft_runtime *rt, void *arg) {
  struct letter *letter = arg;
  CHECK(rt == letter->rt);
  CHECK_INT(0, letter->drops);
  letter->place = ++letter_places;
  letter->calls++;
}

static void drop_letter(void *arg) {
  ((struct letter *)arg)->drops++;
}

static void post_letter(weft_runtime *rt, struct letter *letter) {
  letter->rt = rt;
  CHECK_INT(WEFT_OK, weft_post(rt, read_letter, letter, drop_letter));
}

/* -- From the runtime's own thread ---------------------------------------- */

TEST("posts run at the next poll, in the order of the posts [1.2]") {
  weft_runtime *rt = begin();
  struct letter letters[3] = {0};
  for (int i = 0; i < 3; i++)
    post_letter(rt, &letters[i]);
  CHECK_INT(0, letter_places);
  turn(rt);
  for (int i = 0; i < 3; i++) {
    CHECK_INT(i + 1, letters[i].place);
    CHECK_INT(1, letters[i].calls);
    CHECK_INT(1, letters[i].drops);
  }
  turn(rt);
  CHECK_INT(3, letter_places);
  end(rt);
}

static void write_back(weft_runtime *rt, void *arg) {
  struct letter *letters = arg;
  read_letter(rt, &letters[0]);
  post_letter(rt, &letters[1]);
  CHECK_INT(0, letters[1].calls);
}

TEST("what a post posts comes after it, not inside it [1.6]") {
  weft_runtime *rt = begin();
  struct letter letters[3] = {{.rt = rt}};
  CHECK_INT(WEFT_OK, weft_post(rt, write_back, letters, NULL));
  post_letter(rt, &letters[2]);
  turn(rt);
  turn(rt);
  CHECK_INT(1, letters[0].place);
  CHECK_INT(2, letters[2].place);
  CHECK_INT(3, letters[1].place);
  CHECK_INT(1, letters[1].drops);
  end(rt);
}

static void try_to_park(weft_runtime *rt, void *arg) {
  weft_task task = 7;
  int work;
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK_INT(0, task);
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  CHECK_INT(WEFT_ESTATE, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, weft_run_nowait(rt, &work));
  read_letter(rt, arg);
}

TEST("a post runs outside any task, so it cannot park [1.11]") {
  weft_runtime *rt = begin();
  struct letter letter = {.rt = rt};
  CHECK_INT(WEFT_OK, weft_post(rt, try_to_park, &letter, drop_letter));
  turn(rt);
  CHECK_INT(1, letter.calls);
  CHECK_INT(1, letter.drops);
  end(rt);
}

/* Lets a post and a deadline [margin_ns] away come in one poll. False if the
 * machine was too slow to set the deadline before it had come. */
static bool race_deadline(uint64_t margin_ns) {
  weft_runtime *rt = begin();
  struct sleeper sleeper;
  weft_scope scope;
  uint64_t due, now;
  int cancelled;
  start_sleeper(rt, &sleeper);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_task_get_scope(rt, sleeper.task, &scope));
  CHECK_INT(WEFT_OK, weft_now(rt, &due));
  due += margin_ns;
  CHECK_INT(WEFT_OK, weft_scope_set_deadline(rt, scope, due));
  CHECK_INT(WEFT_OK, weft_scope_is_cancelled(rt, scope, &cancelled));
  if (!cancelled)
    CHECK_INT(WEFT_OK, weft_post(rt, wake_sleeper, &sleeper, NULL));
  do
    CHECK_INT(WEFT_OK, weft_now(rt, &now));
  while (now < due);
  end(rt);
  CHECK_INT(cancelled ? WEFT_ECANCELLED : WEFT_OK, sleeper.status);
  return !cancelled;
}

TEST("a post beats a deadline that comes in the same poll [1.2] [3.4]") {
  uint64_t margin_ns = 10000;
  while (!race_deadline(margin_ns))
    margin_ns *= 2;
}

TEST("posts that were not run when the runtime ends are dropped, once") {
  weft_runtime *rt = begin();
  struct letter letters[2] = {0};
  post_letter(rt, &letters[0]);
  post_letter(rt, &letters[1]);
  CHECK_INT(WEFT_OK, weft_post(rt, read_letter, &letters[0], NULL));
  CHECK_INT(0, letters[0].drops + letters[1].drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, letter_places);
  CHECK_INT(1, letters[0].drops);
  CHECK_INT(1, letters[1].drops);
  CHECK_INT(0, failing_live());
}

TEST("without memory a post fails and its arg goes, once [3.11]") {
  weft_runtime *rt = begin();
  struct letter letter = {.rt = rt};
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_post(rt, read_letter, &letter, drop_letter));
  failing_after(0);
  CHECK_INT(1, letter.drops);
  turn(rt);
  CHECK_INT(0, letter.calls);
  end(rt);
  CHECK_INT(1, letter.drops);
}

/* -- From other threads --------------------------------------------------- */

#define WRITERS 4
#define LETTERS 2000

struct writer {
  weft_runtime *rt;
  pthread_t thread;
  struct letter *letters;
  sem_t *line; /* all begin at once */
};

static void *write_letters(void *arg) {
  struct writer *writer = arg;
  sem_wait(writer->line);
  for (int i = 0; i < LETTERS; i++)
    post_letter(writer->rt, &writer->letters[i]);
  return NULL;
}

static struct letter mail[WRITERS][LETTERS];
static struct sleeper *reader;

/* The runtime runs until it has all letters. */
static void *write_last(void *arg) {
  struct writer *writers = arg;
  for (int i = 0; i < WRITERS; i++)
    join_thread(writers[i].thread);
  CHECK_INT(WEFT_OK, weft_post(writers->rt, wake_sleeper, reader, NULL));
  return NULL;
}

TEST("posts of several threads all run, each thread's in its order [1.2]") {
  weft_runtime *rt = begin();
  struct writer writers[WRITERS];
  struct sleeper sleeper;
  sem_t line;
  CHECK_INT(0, sem_init(&line, 0, 0));
  reader = &sleeper;
  start_sleeper(rt, &sleeper);
  turn(rt);
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){.rt = rt, .letters = mail[i], .line = &line};
    writers[i].thread = start_thread(write_letters, &writers[i]);
  }
  for (int i = 0; i < WRITERS; i++)
    sem_post(&line);
  pthread_t last = start_thread(write_last, writers);
  CHECK_INT(WEFT_OK, weft_run(rt));
  join_thread(last);
  end(rt);
  CHECK_INT(WRITERS * LETTERS, letter_places);
  for (int i = 0; i < WRITERS; i++)
    for (int k = 0; k < LETTERS; k++) {
      CHECK_INT(1, mail[i][k].calls);
      CHECK_INT(1, mail[i][k].drops);
      CHECK(k == 0 || mail[i][k - 1].place < mail[i][k].place);
    }
  sem_destroy(&line);
}

TEST("those that come while nobody looks are dropped at the end, once") {
  weft_runtime *rt = begin();
  struct writer writers[WRITERS];
  sem_t line;
  CHECK_INT(0, sem_init(&line, 0, WRITERS));
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){.rt = rt, .letters = mail[i], .line = &line};
    writers[i].thread = start_thread(write_letters, &writers[i]);
  }
  for (int i = 0; i < WRITERS; i++)
    join_thread(writers[i].thread);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, letter_places);
  for (int i = 0; i < WRITERS; i++)
    for (int k = 0; k < LETTERS; k++)
      CHECK_INT(1, mail[i][k].drops);
  CHECK_INT(0, failing_live());
  sem_destroy(&line);
}

struct caller {
  weft_runtime *rt;
  struct sleeper sleeper;
  sem_t blocking; /* the runtime is about to block */
  int blocks;
};

static void about_to_block(weft_runtime *rt, void *arg, weft_block_fn block) {
  struct caller *caller = arg;
  caller->blocks++;
  sem_post(&caller->blocking);
  block(rt);
}

static void *call_when_blocked(void *arg) {
  struct caller *caller = arg;
  sem_wait(&caller->blocking);
  CHECK_INT(WEFT_OK,
            weft_post(caller->rt, wake_sleeper, &caller->sleeper, NULL));
  return NULL;
}

TEST("a post ends the wait of a poll that blocks [1.3] [31.3]") {
  for (int round = 0; round < 100; round++) {
    struct caller caller = {.rt = begin()};
    CHECK_INT(0, sem_init(&caller.blocking, 0, 0));
    CHECK_INT(WEFT_OK,
              weft_set_around_block(caller.rt, about_to_block, &caller, NULL));
    start_sleeper(caller.rt, &caller.sleeper);
    pthread_t thread = start_thread(call_when_blocked, &caller);
    CHECK_INT(WEFT_OK, weft_run(caller.rt));
    join_thread(thread);
    CHECK(caller.blocks >= 1);
    CHECK_INT(WEFT_OK, caller.sleeper.status);
    end(caller.rt);
    sem_destroy(&caller.blocking);
  }
}

static int wait_for_letter(weft_runtime *rt, void *arg) {
  struct letter *letter = arg;
  int status = WEFT_OK;
  while (letter->calls == 0 && status == WEFT_OK)
    status = weft_yield(rt);
  return status;
}

static void *write_one(void *arg) {
  struct letter *letter = arg;
  post_letter(letter->rt, letter);
  return NULL;
}

TEST("tasks that are always ready do not keep a post waiting [1.3]") {
  weft_runtime *rt = begin();
  struct letter letter = {.rt = rt};
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, wait_for_letter, &letter, NULL, NULL));
  turn(rt);
  pthread_t thread = start_thread(write_one, &letter);
  CHECK_INT(WEFT_OK, weft_run(rt));
  join_thread(thread);
  CHECK_INT(1, letter.calls);
  end(rt);
}

TEST("a post makes the backend's descriptor readable [31.1]") {
  weft_runtime *rt = begin();
  struct sleeper sleeper;
  struct letter letter = {.rt = rt};
  struct pollfd backend = {.events = POLLIN};
  CHECK_INT(WEFT_OK, weft_backend_fd(rt, &backend.fd));
  start_sleeper(rt, &sleeper);
  turn(rt);
  CHECK_INT(0, poll(&backend, 1, 0));
  pthread_t thread = start_thread(write_one, &letter);
  CHECK_INT(1, poll(&backend, 1, -1));
  join_thread(thread);
  turn(rt);
  CHECK_INT(1, letter.calls);
  CHECK_INT(0, poll(&backend, 1, 0));
  wake_sleeper(rt, &sleeper);
  end(rt);
}

static void count_drop(void *arg) {
  ++*(int *)arg;
}

TEST("a post of no function is refused, its arg dropped") {
  weft_runtime *rt = begin();
  int drops = 0;
  CHECK_INT(WEFT_EINVAL, weft_post(rt, NULL, &drops, count_drop));
  CHECK_INT(1, drops);
  end(rt);
  CHECK_INT(1, drops);
}
