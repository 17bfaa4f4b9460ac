/* SPDX-License-Identifier: MIT
 * test_runtime.c - runtimes: made, run and freed, several in a thread, one in
 * each of several threads. Shutting down is in test_runtime_end.c. */
#include <pthread.h>

#include "../core.h"
#include "job.h"

/* -- Made and freed ------------------------------------------------------- */

static int make_runtime(void *arg) {
  (void)arg;
  weft_runtime *rt = (weft_runtime *)&arg;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    CHECK(rt == NULL);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory there is no runtime, and nothing is left [3.11]") {
  failing_install();
  CHECK(failing_each(make_runtime, NULL) >= 3);
}

TEST("freeing none is fine, and so is a run with nothing to do") {
  CHECK_INT(WEFT_OK, weft_runtime_free(NULL));
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_run(rt));
  end(rt);
}

static int misuse_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  int work = 7, status = 7;
  void *arg = play;
  CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
  CHECK_INT(WEFT_ESTATE, weft_run(rt));
  CHECK_INT(WEFT_ESTATE, weft_run_nowait(rt, &work));
  CHECK_INT(0, work);
  CHECK_INT(WEFT_ESTATE, weft_next_ready(rt, &arg, &status, value));
  CHECK(arg == NULL);
  CHECK_INT(WEFT_ESTATE, weft_step_done(rt, WEFT_OK));
  return play_end(play, WEFT_OK);
}

static void misuse_call(weft_runtime *rt, void *arg) {
  uint64_t value;
  misuse_act(rt, arg, &value);
}

TEST("inside a step or a call the runtime is not run or freed [31.3]") {
  BOTH_KINDS {
    for (int way = 0; way < 3; way++) {
      weft_runtime *rt = begin();
      struct play play = {.act = misuse_act}, call = {0}, late = {0};
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_call_soon(rt, misuse_call, &call, NULL, NULL));
      CHECK_INT(WEFT_OK, weft_post(rt, misuse_call, &late, NULL));
      void *arg;
      int status;
      uint64_t value;
      if (way == 0)
        CHECK_INT(WEFT_OK, weft_run(rt));
      else if (way == 1)
        turns(rt, 2);
      else
        CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
      CHECK(play.over);
      CHECK(call.over);
      if (way == 2)
        turn(rt);
      CHECK(late.over);
      end(rt);
    }
  }
}

static void misuse_drop(void *arg) {
  struct play *play = arg;
  misuse_act(play->data, play, &play->value);
}

static int end_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)rt;
  (void)arg;
  (void)value;
  return status;
}

TEST("nor by the drop function of the last task, however it was run") {
  for (int pulled = 0; pulled <= 1; pulled++) {
    weft_runtime *rt = begin();
    struct play play = {.data = rt};
    CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, pulled ? NULL : end_step, &play,
                                       misuse_drop, NULL));
    if (pulled) {
      void *arg;
      int status;
      uint64_t value;
      CHECK_INT(WEFT_OK, weft_next_ready(rt, &arg, &status, &value));
      CHECK_INT(WEFT_OK, weft_step_done(rt, WEFT_OK));
    }
    end(rt);
    CHECK(play.over);
  }
}

TEST("a runtime with an unfinished task is not freed [31.5]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = sleeping_play();
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
    turn(rt);
    CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_ESTATE, weft_runtime_free(rt));
    end(rt);
  }
}

static void *refuse_apart(void *arg) {
  weft_runtime *rt = arg;
  int work = 7;
  CHECK_INT(WEFT_ETHREAD, weft_runtime_free(rt));
  CHECK_INT(WEFT_ETHREAD, weft_run(rt));
  CHECK_INT(WEFT_ETHREAD, weft_run_nowait(rt, &work));
  CHECK_INT(0, work);
  CHECK_INT(WEFT_ETHREAD, weft_set_main(rt, 1));
  CHECK_INT(WEFT_ETHREAD, weft_shutdown(rt));
  CHECK_INT(WEFT_ETHREAD, weft_shutdown_now(rt));
  CHECK_INT(WEFT_ETHREAD, weft_set_signals(rt, 1));
  CHECK_INT(WEFT_ETHREAD, weft_set_stack_size(rt, 100000));
  CHECK_INT(WEFT_ETHREAD, weft_set_stack_guard(rt, 0));
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11] [31.3]") {
  weft_runtime *rt = begin();
  struct play play = sleeping_play();
  play_in(rt, 0, &play, 1);
  in_pthread_apart(refuse_apart, rt);
  turn(rt);
  CHECK_INT(WEFT_TASK_PARKED, state_of(rt, play.task));
  CHECK(rt->fibers.guard);
  cancel_task(rt, play.task);
  end(rt);
}

TEST("a stack below 16 KiB is refused") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_EINVAL, weft_set_stack_size(rt, 16 * 1024 - 1));
  CHECK_INT(WEFT_EINVAL, weft_set_stack_size(rt, 0));
  CHECK_INT(WEFT_OK, weft_set_stack_size(rt, 16 * 1024));
  end(rt);
}

TEST("one run after another is fine [22.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    for (int i = 0; i < 100; i++) {
      struct play play = sleeping_play();
      play_in(rt, 0, &play, stepped);
      cancel_task(rt, play.task);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_ECANCELLED, play.status);
    }
    end(rt);
  }
}

/* -- Several runtimes ----------------------------------------------------- */

/* Says its letter before and after each of [number] yields. */
static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  say(play->letter);
  return play->line == play->number ? play_end(play, play->status)
                                    : weft_yield(rt);
}

TEST("two runtimes in one thread take turns and share nothing") {
  BOTH_KINDS {
    weft_runtime *first = begin(), *second = begin();
    struct play a = {.act = yield_act, .letter = 'a', .number = 2};
    struct play b = {.act = yield_act, .letter = 'b', .number = 2};
    uint64_t id;
    play_in(first, 0, &a, stepped);
    play_in(second, 0, &b, !stepped);
    for (int i = 0; i < 3; i++) {
      turn(first);
      turn(second);
    }
    CHECK_TEXT("ababab", said);
    CHECK_INT(WEFT_OK, weft_task_get_id(second, b.task, &id));
    CHECK_INT(1, id);
    CHECK_INT(WEFT_OK, weft_runtime_free(first));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(second, b.task));
    end(second);
  }
}

static int nested_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    weft_runtime *inner;
    struct play plays[4];
    CHECK_INT(WEFT_OK, weft_runtime_new(&inner));
    for (int i = 0; i < 4; i++) {
      plays[i] = (struct play){.act = i == 3 && play->data != NULL ? nested_act
                                                                   : yield_act,
                               .letter = 'p' + i,
                               .number = 1};
      play_in(inner, 0, &plays[i], i % 2);
    }
    CHECK_INT(WEFT_OK, weft_run(inner));
    CHECK_INT(WEFT_OK, weft_runtime_free(inner));
    say('i');
    return weft_yield(rt);
  }
  return play_end(play, play->status);
}

TEST("a step may run a runtime of its own, that one a third") {
  for (int i = 0; i < 4; i++) {
    int stepped = i % 2, depth = i / 2;
    weft_runtime *rt = begin();
    struct play nests = {.act = nested_act, .data = depth ? rt : NULL};
    struct play other = {.act = yield_act, .letter = '.', .number = 1};
    play_in(rt, 0, &nests, stepped);
    play_in(rt, 0, &other, stepped);
    end(rt);
    /* p to s of the second, in it those of the third, then the first's. */
    CHECK_TEXT(depth == 0 ? "pqrspqrsi.." : "pqrpqrspqrsipqri..", said);
    CHECK_INT(1, nests.drops);
  }
}

/* -- A runtime in each thread --------------------------------------------- */

struct worker {
  pthread_t thread;
  weft_runtime *rt;
  pthread_barrier_t *ready;
  struct worker *next; /* to whom it posts */
  int posted;
  int failures;
};

enum { WORKERS = 4, POSTS = 200, TASKS = 50 };

static int worker_step(weft_runtime *rt, void *arg, int status,
                       uint64_t value) {
  int *steps = arg;
  (void)value;
  if (status != WEFT_OK)
    return status;
  return (*steps)++ < 20 ? weft_yield(rt) : WEFT_OK;
}

static int worker_body(weft_runtime *rt, void *arg) {
  int status = WEFT_OK;
  for (int i = 0; i < 20 && status == WEFT_OK; i++) {
    uint64_t now;
    status = weft_now(rt, &now);
    status = status == WEFT_OK ? weft_sleep_until(rt, now + 1000) : status;
  }
  *(int *)arg += 20;
  return status;
}

static void count_post(weft_runtime *rt, void *arg) {
  struct worker *worker = arg;
  if (worker->rt != rt)
    worker->failures++;
  worker->posted++;
}

static int until_posted_body(weft_runtime *rt, void *arg) {
  struct worker *worker = arg;
  int status = WEFT_OK;
  while (worker->posted < POSTS && status == WEFT_OK)
    status = weft_yield(rt);
  return status;
}

/* Nothing in here uses CHECK, whose counter the threads would share. */
static void work(struct worker *worker) {
  weft_runtime *rt = worker->rt;
  int counts[TASKS] = {0};
  for (int i = 0; i < TASKS; i++) {
    int status =
        i % 2 ? weft_spawn_step(rt, 0, worker_step, &counts[i], NULL, NULL)
              : weft_spawn(rt, 0, worker_body, &counts[i], NULL, NULL);
    worker->failures += status != WEFT_OK;
  }
  worker->failures +=
      weft_spawn(rt, 0, until_posted_body, worker, NULL, NULL) != WEFT_OK;
  for (int i = 0; i < POSTS; i++)
    worker->failures +=
        weft_post(worker->next->rt, count_post, worker->next, NULL) != WEFT_OK;
  worker->failures += weft_run(rt) != WEFT_OK;
  for (int i = 0; i < TASKS; i++)
    worker->failures += counts[i] != (i % 2 ? 21 : 20);
}

static void *work_apart(void *arg) {
  struct worker *worker = arg;
  worker->failures += weft_runtime_new(&worker->rt) != WEFT_OK;
  pthread_barrier_wait(worker->ready);
  work(worker);
  pthread_barrier_wait(worker->ready); /* nobody posts any more */
  worker->failures += weft_runtime_free(worker->rt) != WEFT_OK;
  return NULL;
}

TEST("a runtime in each of several threads, posting to one another [22.1]") {
  alarm(300);
  failing_install();
  pthread_barrier_t ready;
  struct worker workers[WORKERS];
  CHECK_INT(0, pthread_barrier_init(&ready, NULL, WORKERS));
  for (int i = 0; i < WORKERS; i++)
    workers[i] =
        (struct worker){.ready = &ready, .next = &workers[(i + 1) % WORKERS]};
  for (int i = 0; i < WORKERS; i++)
    CHECK_INT(
        0, pthread_create(&workers[i].thread, NULL, work_apart, &workers[i]));
  for (int i = 0; i < WORKERS; i++) {
    CHECK_INT(0, pthread_join(workers[i].thread, NULL));
    CHECK_INT(0, workers[i].failures);
    CHECK_INT(POSTS, workers[i].posted);
  }
  pthread_barrier_destroy(&ready);
  CHECK_INT(0, failing_live());
}
