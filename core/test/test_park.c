/* SPDX-License-Identifier: MIT
 * test_park.c - parking and waking: who completes a wait, what withdraws it,
 * what cancelled code and a mistaken step come to. */
#include "../core.h"
#include "job.h"

/* -- weft_park and weft_wake ---------------------------------------------- */

struct waiting {
  int withdrawn;
  int answer; /* of withdraw */
};

static int withdraw(weft_runtime *rt, void *arg) {
  struct waiting *waiting = arg;
  (void)rt;
  waiting->withdrawn++;
  return waiting->answer;
}

static int park_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_park(rt, "test", job->item == NULL ? NULL : withdraw, job->item,
                   value);
}

static struct job parker(struct waiting *waiting) {
  return (struct job){.call = park_call, .item = waiting, .status = 7};
}

static void wake(weft_runtime *rt, struct job *job, int status,
                 uint64_t value) {
  CHECK_INT(WEFT_OK, weft_wake(rt, job->task, status, value));
}

TEST("a wake brings its status and its value [3.11]") {
  static const int statuses[] = {WEFT_OK, WEFT_EHOST, WEFT_ETIMEDOUT, 5};
  for (int stepped = 0; stepped <= 1; stepped++)
    for (int i = 0; i < 4; i++) {
      weft_runtime *rt = begin();
      struct waiting waiting = {0};
      struct job job = parker(&waiting);
      start(rt, &job, stepped);
      turn(rt);
      wake(rt, &job, statuses[i], UINT64_MAX - 1);
      CHECK_INT(0, job.done);
      end(rt);
      CHECK_INT(statuses[i], job.status);
      CHECK(job.value == UINT64_MAX - 1);
      CHECK_INT(0, waiting.withdrawn);
    }
}

TEST("only a task that is parked so is woken, and once [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = parker(NULL);
    start(rt, &job, stepped);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, job.task, 1, 1));
    turn(rt);
    wake(rt, &job, WEFT_OK, 1);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, job.task, WEFT_OK, 2));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, job.value);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, job.task, WEFT_OK, 3));
    end(rt);
  }
}

TEST("who sleeps, awaits or waits for an event is not woken so [1.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct play play;
    weft_runtime *rt = begin_asleep(&play, stepped);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, play.task, WEFT_OK, 0));
    cancel_task(rt, play.task);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, play.status);
  }
}

TEST("cancelling withdraws a wait [3.3] [6.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct waiting waiting = {0};
    struct job job = parker(&waiting);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(1, waiting.withdrawn);
    CHECK_INT(WEFT_ESTATE, weft_wake(rt, job.task, WEFT_OK, 0));
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, job.value);
    CHECK_INT(1, waiting.withdrawn);
  }
}

TEST("a woken wait delivers, and Cancelled comes next [3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct waiting waiting = {0};
    struct job job = parker(&waiting);
    start(rt, &job, stepped);
    turn(rt);
    wake(rt, &job, WEFT_OK, 9);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(0, waiting.withdrawn);
    CHECK_INT(9, job.value);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("a kept wait is not cut short by a cancellation [3.8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = parker(NULL);
    start(rt, &job, stepped);
    cancel(rt, &job); /* a kept wait begins even in cancelled code */
    turns(rt, 3);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, job.task));
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(0, job.done);
    wake(rt, &job, WEFT_OK, 4);
    end(rt);
    CHECK_INT(4, job.value);
    CHECK_INT(WEFT_OK, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("a wait may be told to hurry and yet be completed by its waker [3.8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct waiting waiting = {.answer = WEFT_PARKED};
    struct job job = parker(&waiting);
    start(rt, &job, stepped);
    turn(rt);
    cancel(rt, &job);
    CHECK_INT(1, waiting.withdrawn);
    turns(rt, 2);
    CHECK_INT(WEFT_TASK_PARKED, state_of(rt, job.task));
    wake(rt, &job, WEFT_EHOST, 0);
    end(rt);
    CHECK_INT(WEFT_EHOST, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancelled code does not park [3.1] [3.2] [4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct waiting waiting = {0};
    struct job job = parker(&waiting);
    start(rt, &job, stepped);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(0, waiting.withdrawn);
    end(rt);
  }
}

TEST("a parked task says what it waits for") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = parker(NULL);
    const char *what;
    uint64_t object, until_ns;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("test", what);
    CHECK_INT(0, object);
    CHECK(until_ns == UINT64_MAX);
    wake(rt, &job, WEFT_OK, 0);
    end(rt);
  }
}

/* -- Cancelled code that goes on ------------------------------------------ */

/* Makes [number] checkpoints, whatever comes of them, saying each. */
static int swallow_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line > 0)
    CHECK_INT(WEFT_ECANCELLED, play->status);
  if (play->line == play->number)
    return play_end(play, WEFT_OK);
  say(play->letter);
  return weft_checkpoint(rt);
}

static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  say(play->letter);
  return play->line == play->number ? play_end(play, WEFT_OK) : weft_yield(rt);
}

TEST("a second Cancelled in one step waits for a turn [6.5] [6.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play stubborn = {.act = swallow_act, .letter = 's', .number = 5};
    struct play other = {.act = yield_act, .letter = '.', .number = 4};
    play_in(rt, 0, &stubborn, stepped);
    play_in(rt, 0, &other, stepped);
    cancel_task(rt, stubborn.task);
    end(rt);
    /* The first of each step at once, the second after a turn. */
    CHECK_TEXT("ss.ss.s...", said);
    CHECK_INT(5, stubborn.line);
  }
}

TEST("a task that gets Cancelled 1,000 times is reported, once [6.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = {.act = swallow_act, .letter = 's', .number = 999};
    play_in(rt, 0, &play, stepped);
    cancel_task(rt, play.task);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(0, reports.count);
    play = (struct play){.act = swallow_act, .letter = 's', .number = 3000};
    play_in(rt, 0, &play, stepped);
    cancel_task(rt, play.task);
    end(rt);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_STUBBORN, reports.kinds[0]);
    CHECK(reports.tasks[0] == play.task);
  }
}

/* -- The word of the budget ----------------------------------------------- */

static int word_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  int32_t *word;
  (void)value;
  CHECK_INT(WEFT_OK, weft_budget_word(rt, &word));
  if (play->line == 0) {
    CHECK_INT(WEFT__RUN_BUDGET, *word);
    CHECK_INT(WEFT_OK, weft_checkpoint(rt));
    CHECK_INT(WEFT__RUN_BUDGET - 1, *word);
    *word -= 120;
    CHECK_INT(WEFT_OK, weft_cancel_point(rt));
    CHECK_INT(WEFT__RUN_BUDGET - 121, *word);
    for (int i = 0; i < 6; i++)
      CHECK_INT(WEFT_OK, weft_spend(rt));
    CHECK_INT(1, *word);
    say('a');
    return weft_spend(rt);
  }
  say('b');
  CHECK_INT(WEFT_OK, play->status);
  CHECK_INT(WEFT__RUN_BUDGET, *word);
  cancel_task(rt, play->task);
  CHECK_INT(0, *word);
  CHECK_INT(WEFT_OK, weft_spend(rt)); /* never raises Cancelled */
  CHECK_INT(WEFT_ECANCELLED, weft_cancel_point(rt));
  return play_end(play, WEFT_OK);
}

TEST("a binding's own calls count by the budget's word [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = word_act};
    struct play other = {.act = yield_act, .letter = '.', .number = 1};
    int32_t *word;
    CHECK_INT(WEFT_OK, weft_budget_word(rt, &word));
    CHECK(*word <= 1); /* outside a task nothing is done quickly */
    play_in(rt, 0, &play, stepped);
    play_in(rt, 0, &other, stepped);
    end(rt);
    CHECK_TEXT("a.b.", said);
  }
}

static int shield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  int32_t *word;
  (void)value;
  if (play->line > 0)
    return play_end(play, WEFT_OK);
  CHECK_INT(WEFT_OK, weft_budget_word(rt, &word));
  for (int i = 0; i < 28; i++)
    CHECK_INT(WEFT_OK, weft_checkpoint(rt));
  cancel_task(rt, play->task);
  CHECK_INT(0, *word);
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &play->scope));
  CHECK_INT(100, *word); /* as much as was left */
  CHECK_INT(WEFT_OK, weft_checkpoint(rt));
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, play->scope, WEFT_OK, &play->caught));
  CHECK_INT(0, *word);
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &play->scope));
  CHECK_INT(99, *word);
  CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, play->scope, 0));
  CHECK_INT(0, *word);
  CHECK_INT(WEFT_OK, weft_scope_set_shield(rt, play->scope, 1));
  CHECK_INT(99, *word);
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, play->scope, WEFT_OK, &play->caught));
  return weft_checkpoint(rt);
}

TEST("a shield in cancelled code goes on with what is left [1.7] [6.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play play = {.act = shield_act};
    play_in(rt, 0, &play, stepped);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, play.status);
  }
}

/* -- Misuse --------------------------------------------------------------- */

struct mistake {
  int what;
  int outcome;
  int steps;
  weft_task task;
  int drops;
};

static void count_drop(void *arg) {
  ((struct mistake *)arg)->drops++;
}

enum { PARK_NOT, YIELD, SLEEP, PARK_KEPT, WAIT };

static weft_event some_event;

static int mistaken_step(weft_runtime *rt, void *arg, int status,
                         uint64_t value) {
  struct mistake *mistake = arg;
  (void)status;
  (void)value;
  CHECK_INT(0, mistake->drops);
  mistake->steps++;
  if (mistake->what == YIELD)
    CHECK_INT(WEFT_PARKED, weft_yield(rt));
  else if (mistake->what == SLEEP)
    CHECK_INT(WEFT_PARKED, weft_sleep_until(rt, 50));
  else if (mistake->what == PARK_KEPT)
    CHECK_INT(WEFT_PARKED, weft_park(rt, "test", NULL, NULL, NULL));
  else if (mistake->what == WAIT)
    CHECK_INT(WEFT_PARKED, weft_event_wait(rt, some_event));
  return mistake->outcome;
}

static int mistaken_body(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_PARKED;
}

static void check_failed(weft_runtime *rt, weft_task task) {
  CHECK_INT(WEFT_TASK_FAILED, state_of(rt, task));
  CHECK_INT(WEFT_ESTATE, code_of(rt, task));
}

TEST("a step that returns WEFT_PARKED without having parked fails") {
  weft_runtime *rt = begin();
  struct mistake mistake = {.what = PARK_NOT, .outcome = WEFT_PARKED};
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, mistaken_step, &mistake, count_drop,
                                     &mistake.task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  check_failed(rt, mistake.task);
  CHECK_INT(1, mistake.steps);
  CHECK_INT(1, mistake.drops);
  end(rt);
}

TEST("a stackful body that returns WEFT_PARKED fails") {
  weft_runtime *rt = begin();
  weft_task task;
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, mistaken_body, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  check_failed(rt, task);
  end(rt);
}

TEST("a step that parked and returns something else fails, at once") {
  static const int outcomes[] = {WEFT_OK, WEFT_ECANCELLED, WEFT_EHOST};
  for (int what = YIELD; what <= WAIT; what++)
    for (int i = 0; i < 3; i++) {
      if (what == PARK_KEPT)
        continue;
      weft_runtime *rt = begin();
      CHECK_INT(WEFT_OK, weft_event_new(rt, &some_event));
      struct mistake mistake = {.what = what, .outcome = outcomes[i]};
      CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, mistaken_step, &mistake,
                                         count_drop, &mistake.task));
      turn(rt);
      check_failed(rt, mistake.task);
      CHECK_INT(1, mistake.steps);
      CHECK_INT(1, mistake.drops);
      CHECK_INT(WEFT_OK, weft_task_close(rt, mistake.task));
      CHECK_INT(WEFT_OK, weft_event_set(rt, some_event));
      end(rt);
    }
}

TEST("other tasks keep their turns when such a step is ended") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct mistake mistakes[3];
  struct play plays[3];
  for (int i = 0; i < 3; i++) {
    mistakes[i] = (struct mistake){.what = YIELD, .outcome = WEFT_OK};
    plays[i] = (struct play){.act = yield_act, .letter = 'a' + i, .number = 2};
    play_in(rt, 0, &plays[i], i % 2);
    CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, mistaken_step, &mistakes[i],
                                       count_drop, NULL));
  }
  end(rt);
  CHECK_TEXT("abcabcabc", said);
  CHECK_INT(3, reports.count); /* nobody holds them: their failures are told */
  CHECK_INT(WEFT_ESTATE, reports.codes[0]);
  for (int i = 0; i < 3; i++)
    CHECK_INT(1, mistakes[i].drops);
}

TEST("a kept wait of such a step lasts, and the step is not called again") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct mistake mistake = {.what = PARK_KEPT, .outcome = WEFT_OK};
  CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, mistaken_step, &mistake, count_drop,
                                     &mistake.task));
  turns(rt, 2);
  CHECK_INT(0, mistake.drops);
  CHECK_INT(WEFT_OK, weft_wake(rt, mistake.task, WEFT_OK, 0));
  turns(rt, 2);
  CHECK_INT(WEFT_TASK_FAILED, state_of(rt, mistake.task));
  CHECK_INT(1, mistake.steps);
  CHECK_INT(1, mistake.drops);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

static int park_twice_step(weft_runtime *rt, void *arg, int status,
                           uint64_t value) {
  int *steps = arg;
  weft_scope scope = 7;
  weft_group group = 7;
  uint64_t word = 7;
  (void)value;
  if ((*steps)++ > 0)
    return status;
  CHECK_INT(WEFT_PARKED, weft_sleep_until(rt, 50));
  CHECK_INT(WEFT_ESTATE, weft_sleep_until(rt, 60));
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  CHECK_INT(WEFT_ESTATE, weft_checkpoint(rt));
  CHECK_INT(WEFT_ESTATE, weft_cancel_point(rt));
  CHECK_INT(WEFT_ESTATE, weft_spend(rt));
  CHECK_INT(WEFT_ESTATE, weft_park(rt, "test", NULL, NULL, &word));
  CHECK_INT(0, word);
  CHECK_INT(WEFT_ESTATE, weft_scope_open(rt, 5, 0, &scope));
  CHECK_INT(0, scope);
  CHECK_INT(WEFT_ESTATE, weft_group_open(rt, 5, &group));
  CHECK_INT(0, group);
  CHECK_INT(WEFT_ESTATE, weft_task_set_result(rt, NULL));
  CHECK_INT(WEFT_ESTATE, weft_task_set_error(rt, NULL));
  return WEFT_PARKED;
}

TEST("a step that has parked can do nothing more but return [3.3]") {
  weft_runtime *rt = begin();
  int steps = 0;
  uint64_t now;
  CHECK_INT(WEFT_OK,
            weft_spawn_step(rt, 0, park_twice_step, &steps, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_now(rt, &now));
  CHECK_INT(50, now);
  CHECK_INT(2, steps);
  end(rt);
}

TEST("outside a task every call that can park is refused [1.11]") {
  weft_runtime *rt = begin();
  uint64_t value = 7;
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  CHECK_INT(WEFT_ESTATE, weft_checkpoint(rt));
  CHECK_INT(WEFT_ESTATE, weft_cancel_point(rt));
  CHECK_INT(WEFT_ESTATE, weft_spend(rt));
  CHECK_INT(WEFT_ESTATE, weft_sleep_until(rt, 0));
  CHECK_INT(WEFT_ESTATE, weft_park(rt, "test", NULL, NULL, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ESTATE, weft_park(rt, "test", withdraw, NULL, NULL));
  end(rt);
}

static void *park_apart(void *arg) {
  weft_runtime *rt = arg;
  uint64_t value = 7;
  int32_t junk = 0, *word = &junk;
  CHECK_INT(WEFT_ETHREAD, weft_yield(rt));
  CHECK_INT(WEFT_ETHREAD, weft_checkpoint(rt));
  CHECK_INT(WEFT_ETHREAD, weft_cancel_point(rt));
  CHECK_INT(WEFT_ETHREAD, weft_spend(rt));
  CHECK_INT(WEFT_ETHREAD, weft_sleep_until(rt, 0));
  CHECK_INT(WEFT_ETHREAD, weft_park(rt, "test", NULL, NULL, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ETHREAD, weft_budget_word(rt, &word));
  CHECK(word == NULL);
  return NULL;
}

static void visit_apart(weft_runtime *rt, void *arg) {
  (void)arg;
  in_pthread_apart(park_apart, rt);
}

static int visited_body(weft_runtime *rt, void *arg) {
  visit_apart(rt, arg);
  return weft_checkpoint(rt);
}

TEST("another thread is refused, even while a task runs [1.11]") {
  weft_runtime *rt = begin();
  visit_apart(rt, NULL);
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, visited_body, NULL, NULL, NULL));
  end(rt);
}

TEST("parking and waking allocate nothing once they are warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job job = parker(NULL);
    job.more = 500;
    start(rt, &job, stepped);
    turns(rt, 2);
    long before = failing_allocations();
    for (int i = 0; i <= 500; i++) {
      wake(rt, &job, WEFT_OK, 0);
      turn(rt);
    }
    CHECK_INT(before, failing_allocations());
    end(rt);
  }
}
