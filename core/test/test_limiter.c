/* SPDX-License-Identifier: MIT
 * test_limiter.c - limiters: tokens lent to tasks, handed over, given back. */
#include <pthread.h>

#include "actor.h"

static weft_limiter new_limiter(weft_runtime *rt, size_t total) {
  weft_limiter limiter;
  CHECK_INT(WEFT_OK, weft_limiter_new(rt, total, &limiter));
  return limiter;
}

static void close_limiter(weft_runtime *rt, weft_limiter limiter) {
  CHECK_INT(WEFT_OK, weft_limiter_close(rt, limiter));
}

static void set_total(weft_runtime *rt, weft_limiter limiter, size_t total) {
  CHECK_INT(WEFT_OK, weft_limiter_set_total(rt, limiter, total));
}

static void check_counts(weft_runtime *rt, weft_limiter limiter, size_t total,
                         size_t borrowed, size_t waiting) {
  size_t number = UNSET;
  CHECK_INT(WEFT_OK, weft_limiter_get_total(rt, limiter, &number));
  CHECK_INT(total, number);
  CHECK_INT(WEFT_OK, weft_limiter_get_borrowed(rt, limiter, &number));
  CHECK_INT(borrowed, number);
  CHECK_INT(WEFT_OK, weft_limiter_get_waiting(rt, limiter, &number));
  CHECK_INT(waiting, number);
}

/* -- Borrowers ------------------------------------------------------------ */

TEST("a task that has a token gets no second one, and keeps it [17.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.limiter = new_limiter(rt, 2), .cue = new_cue(rt)};
    go(rt, &a, 'a', "bbBegBg", stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_ESTATE, a.status[1]);
    CHECK_INT(WEFT_ESTATE, a.status[2]);
    check_counts(rt, a.limiter, 2, 1, 0);
    give_cue(rt, a.cue);
    turn(rt);
    CHECK_INT(WEFT_OK, a.status[5]);
    CHECK_INT(WEFT_OK, a.status[6]);
    check_counts(rt, a.limiter, 2, 0, 0);
    end(rt);
  }
}

TEST("only who has a token gives one back [17.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_limiter limiter = new_limiter(rt, 1);
    struct actor a = {.limiter = limiter, .cue = new_cue(rt)};
    struct actor b = {.limiter = limiter};
    go(rt, &a, 'a', "gbegg", stepped);
    go(rt, &b, 'b', "g", stepped);
    turn(rt);
    CHECK_INT(WEFT_ESTATE, a.status[0]);
    CHECK_INT(WEFT_ESTATE, b.status[0]);
    CHECK_INT(WEFT_ESTATE, weft_limiter_release(rt, limiter));
    check_counts(rt, limiter, 1, 1, 0);
    give_cue(rt, a.cue);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[3]);
    CHECK_INT(WEFT_ESTATE, a.status[4]);
  }
}

TEST("a task may have tokens of several limiters, and locks besides [17.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_limiter first = new_limiter(rt, 1), second = new_limiter(rt, 1);
    keep_reports(rt);
    struct actor a = {.limiter = first, .lock = new_lock(rt)};
    a.cue = new_cue(rt);
    go(rt, &a, 'a', "baebgrg", stepped);
    turn(rt);
    a.limiter = second;
    give_cue(rt, a.cue);
    turn(rt);
    for (int i = 0; i < 6; i++)
      CHECK_INT(WEFT_OK, a.status[i]);
    CHECK_INT(WEFT_ESTATE, a.status[6]);
    check_counts(rt, second, 1, 0, 0);
    check_counts(rt, first, 1, 0, 0); /* its token came back at the end */
    CHECK_INT(1, reports.count);
    end(rt);
  }
}

TEST("outside a task nothing is borrowed [1.11]") {
  weft_runtime *rt = begin();
  weft_limiter limiter = new_limiter(rt, 1);
  CHECK_INT(WEFT_ESTATE, weft_limiter_acquire(rt, limiter));
  CHECK_INT(WEFT_ESTATE, weft_limiter_try_acquire(rt, limiter));
  CHECK_INT(WEFT_ESTATE, weft_limiter_release(rt, limiter));
  check_counts(rt, limiter, 1, 0, 0);
  end(rt);
}

TEST("try borrows what there is, and fails where there is none [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_limiter limiter = new_limiter(rt, 1);
    struct actor a = {.limiter = limiter, .cue = new_cue(rt)};
    struct actor b = {.limiter = limiter};
    go(rt, &a, 'a', "Beg", stepped);
    go(rt, &b, 'b', "B", stepped);
    turn(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_EEMPTY, b.status[0]);
    give_cue(rt, a.cue);
    end(rt);
  }
}

TEST("try is no cancellation point [3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.limiter = new_limiter(rt, 1)};
    go(rt, &a, 'a', "Bcg", stepped);
    stop(rt, &a);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[0]);
    CHECK_INT(WEFT_ECANCELLED, a.status[1]);
    CHECK_INT(WEFT_OK, a.status[2]);
  }
}

/* -- Borrowing: the five cases -------------------------------------------- */

/* One token, which a has until its cue; b and c wait for it. */
struct trio {
  weft_runtime *rt;
  weft_limiter limiter;
  struct actor a, b, c;
};

static void begin_trio(struct trio *trio, int stepped) {
  weft_runtime *rt = begin();
  weft_limiter limiter = new_limiter(rt, 1);
  *trio = (struct trio){.rt = rt, .limiter = limiter};
  trio->a = (struct actor){.limiter = limiter, .cue = new_cue(rt)};
  trio->b = trio->c = (struct actor){.limiter = limiter};
  go(rt, &trio->a, 'a', "beg", stepped);
  go(rt, &trio->b, 'b', "bcg", stepped);
  go(rt, &trio->c, 'c', "bcg", !stepped);
  turn(rt);
  check_counts(rt, limiter, 1, 1, 2);
}

static void release(struct trio *trio) {
  give_cue(trio->rt, trio->a.cue);
  turn(trio->rt);
  CHECK_INT(WEFT_OK, trio->a.status[2]);
}

TEST("a token that is there is borrowed at once, in the same turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.limiter = new_limiter(rt, 1)};
    go(rt, &a, 'a', "bgbg", stepped);
    turn(rt);
    CHECK_TEXT("aaaa", said);
    end(rt);
  }
}

TEST("who waits is served in order, before it runs [1.5, 1.6, 3.6]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    release(&trio);
    CHECK_INT(UNSET, trio.b.status[0]);
    check_counts(trio.rt, trio.limiter, 1, 1, 1);
    end(trio.rt);
    CHECK_TEXT("aaabbbccc", said);
    for (int i = 0; i < 3; i++)
      CHECK_INT(WEFT_OK, trio.c.status[i]);
  }
}

TEST("a wait that is cancelled borrows nothing, leaves no place [3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    stop(trio.rt, &trio.b);
    check_counts(trio.rt, trio.limiter, 1, 1, 1);
    turn(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[0]);
    CHECK_INT(WEFT_ESTATE, trio.b.status[2]);
    release(&trio);
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.c.status[2]);
  }
}

TEST("even with a token there, it is a cancellation point [3.2, 4.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.limiter = new_limiter(rt, 1)};
    go(rt, &a, 'a', "b", stepped);
    stop(rt, &a);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, a.status[0]);
  }
}

TEST("a wait is cut off by a deadline [7.1]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    struct actor late = {.limiter = trio.limiter};
    go(trio.rt, &late, 'l', "(b)", stepped);
    while (late.status[2] == UNSET)
      turn(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, late.status[1]);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, late.play.caught);
    check_counts(trio.rt, trio.limiter, 1, 1, 2);
    release(&trio);
    end(trio.rt);
  }
}

TEST("closing wakes all who wait, in order; what is lent is gone [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    close_limiter(trio.rt, trio.limiter);
    turn(trio.rt);
    CHECK_INT(WEFT_ECLOSED, trio.b.status[0]);
    CHECK_INT(WEFT_OK, trio.b.status[1]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_TEXT("abbbcccaa", said);
    CHECK_INT(WEFT_EBADF, trio.a.status[2]);
  }
}

/* -- Hand-off ------------------------------------------------------------- */

TEST("nobody gets in between a release and the one it woke [3.6, 3.9]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    struct actor newcomer = {.limiter = trio.limiter};
    give_cue(trio.rt, trio.a.cue);
    trio.a.script = "begBbg";
    go(trio.rt, &newcomer, 'n', "Bbg", stepped);
    turn(trio.rt);
    CHECK_INT(WEFT_EEMPTY, trio.a.status[3]);
    CHECK_INT(WEFT_EEMPTY, newcomer.status[0]);
    end(trio.rt);
    CHECK_TEXT("aaaanbbbcccaann", said);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("lent, then cancelled: it has the token, Cancelled next [8, 3.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    release(&trio);
    stop(trio.rt, &trio.b);
    check_counts(trio.rt, trio.limiter, 1, 1, 1);
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.b.status[0]);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[1]);
    CHECK_INT(WEFT_OK, trio.b.status[2]);
  }
}

TEST("cancelled, then given back: the token goes to the next [8, 3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    stop(trio.rt, &trio.b);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[0]);
    CHECK_INT(WEFT_OK, trio.c.status[2]);
  }
}

TEST("all cancelled, then given back: the token is there [8, 3.5]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    stop(trio.rt, &trio.c);
    stop(trio.rt, &trio.b);
    release(&trio);
    check_counts(trio.rt, trio.limiter, 1, 0, 0);
    end(trio.rt);
  }
}

TEST("closed, then cancelled: WEFT_ECLOSED, Cancelled next [8, 3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    close_limiter(trio.rt, trio.limiter);
    stop(trio.rt, &trio.b);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_ECLOSED, trio.b.status[0]);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[1]);
  }
}

TEST("cancelled, then closed: Cancelled [8, 3.3]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    stop(trio.rt, &trio.b);
    close_limiter(trio.rt, trio.limiter);
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_ECANCELLED, trio.b.status[0]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
  }
}

TEST("lent, then closed: what was handed over stays delivered [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    release(&trio);
    close_limiter(trio.rt, trio.limiter);
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.b.status[0]);
    CHECK_INT(WEFT_EBADF, trio.b.status[2]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
  }
}

/* -- The number of tokens ------------------------------------------------- */

TEST("a higher total serves at once who waits, in order [17.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    set_total(trio.rt, trio.limiter, 2);
    check_counts(trio.rt, trio.limiter, 2, 2, 1);
    set_total(trio.rt, trio.limiter, 100);
    check_counts(trio.rt, trio.limiter, 100, 3, 0);
    CHECK_TEXT("a", said);
    turn(trio.rt);
    CHECK_TEXT("abbbccc", said);
    release(&trio);
    end(trio.rt);
  }
}

TEST("a lower total takes nothing back, and lends no more for a while [17.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_limiter limiter = new_limiter(rt, 3);
    struct actor actors[4];
    for (int i = 0; i < 4; i++) {
      actors[i] = (struct actor){.limiter = limiter, .cue = new_cue(rt)};
      go(rt, &actors[i], 'a' + i, "beg", stepped);
    }
    turn(rt);
    set_total(rt, limiter, 1);
    check_counts(rt, limiter, 1, 3, 1);
    for (int i = 0; i < 2; i++) {
      give_cue(rt, actors[i].cue);
      turns(rt, 2);
      check_counts(rt, limiter, 1, (size_t)(2 - i), 1);
    }
    give_cue(rt, actors[2].cue);
    turns(rt, 2);
    check_counts(rt, limiter, 1, 1, 0);
    CHECK_INT(WEFT_OK, actors[3].status[0]);
    give_cue(rt, actors[3].cue);
    end(rt);
  }
}

TEST("a limiter of no token lends none until it gets some [17.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct actor a = {.limiter = new_limiter(rt, 0)};
    go(rt, &a, 'a', "Bbg", stepped);
    turn(rt);
    CHECK_INT(WEFT_EEMPTY, a.status[0]);
    check_counts(rt, a.limiter, 0, 0, 1);
    set_total(rt, a.limiter, SIZE_MAX);
    end(rt);
    CHECK_INT(WEFT_OK, a.status[2]);
  }
}

/* -- Forsaken ------------------------------------------------------------- */

TEST("the token of a task that ends is lent on, and reported [17.3]") {
  static const int outcomes[] = {WEFT_OK, WEFT_ECANCELLED};
  for (int i = 0; i < 4; i++) {
    int stepped = i % 2;
    struct trio trio;
    begin_trio(&trio, stepped);
    keep_reports(trio.rt);
    trio.a.script = "be";
    trio.a.outcome = outcomes[i / 2];
    give_cue(trio.rt, trio.a.cue);
    turn(trio.rt);
    check_counts(trio.rt, trio.limiter, 1, 1, 1);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_UNCLOSED, reports.kinds[0]);
    CHECK_INT(WEFT_ESTATE, reports.codes[0]);
    CHECK(reports.tasks[0] == trio.a.play.task);
    end(trio.rt);
    CHECK_TEXT("aabbbccc", said);
    CHECK_INT(1, reports.count);
  }
}

static struct {
  char message[200];
  char task[200];
  weft_limiter limiter;
} told;

static void tell(weft_runtime *rt, void *arg, int kind, uint64_t task,
                 weft_error *error) {
  (void)arg;
  (void)kind;
  (void)task;
  snprintf(told.message, sizeof told.message, "%s",
           error == NULL ? "none" : weft_error_get_message(error));
  snprintf(told.task, sizeof told.task, "%s",
           error == NULL || weft_error_get_task(error) == NULL
               ? "none"
               : weft_error_get_task(error));
  if (told.limiter != 0)
    close_limiter(rt, told.limiter);
}

TEST("the report names the task [17.3]") {
  for (int named = 0; named <= 1; named++) {
    weft_runtime *rt = begin();
    CHECK_INT(WEFT_OK, weft_set_report(rt, tell, NULL, NULL));
    struct actor a = {.limiter = new_limiter(rt, 1)};
    go(rt, &a, 'a', "b", 0);
    if (named)
      CHECK_INT(WEFT_OK, weft_task_set_name(rt, a.play.task, "careless"));
    end(rt);
    CHECK_TEXT(named ? "careless" : "task-1", told.task);
    CHECK(strstr(told.message, named ? "'careless'" : "'task-1'") != NULL);
    CHECK(strstr(told.message, "limiter") != NULL);
  }
}

TEST("who gets the report may close the limiter, even with tokens lent") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    CHECK_INT(WEFT_OK, weft_set_report(trio.rt, tell, NULL, NULL));
    told.limiter = trio.limiter;
    trio.a.script = "be";
    give_cue(trio.rt, trio.a.cue);
    end(trio.rt);
    CHECK_INT(WEFT_OK, trio.b.status[0]);
    CHECK_INT(WEFT_EBADF, trio.b.status[2]);
    CHECK_INT(WEFT_ECLOSED, trio.c.status[0]);
  }
}

TEST("without memory for the report the token comes back all the same") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    keep_reports(trio.rt);
    trio.a.script = "be";
    give_cue(trio.rt, trio.a.cue);
    failing_after(1);
    turn(trio.rt);
    CHECK(failing_has_failed());
    failing_after(0);
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_ENOMEM, reports.codes[0]);
    check_counts(trio.rt, trio.limiter, 1, 1, 1);
    end(trio.rt);
  }
}

/* Waits for a token where it cannot be cancelled, until it is given up. */
static int wait_shielded(weft_runtime *rt, void *arg) {
  struct actor *actor = arg;
  weft_scope scope;
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 1, &scope));
  actor->status[0] = weft_limiter_acquire(rt, actor->limiter);
  return weft_scope_leave(rt, scope, WEFT_OK, &actor->play.caught);
}

static int keep(weft_runtime *rt, void *arg) {
  CHECK_INT(WEFT_OK, weft_limiter_acquire(rt, ((struct actor *)arg)->limiter));
  return weft_park(rt, "nothing", NULL, NULL, NULL);
}

TEST("a task that is given up gives its token back [17.3, 22.4]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  struct actor a = {.limiter = new_limiter(rt, 1)};
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, keep, &a, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, wait_shielded, &a, NULL, NULL));
  turn(rt);
  check_counts(rt, a.limiter, 1, 1, 1);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  CHECK_INT(WEFT_EGIVENUP, weft_run(rt));
  CHECK_INT(WEFT_ECANCELLED, a.status[0]); /* the shields were lifted first */
  CHECK_INT(2, reports.count);
  CHECK_INT(WEFT_REPORT_UNCLOSED, reports.kinds[1]);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, failing_live());
}

/* Parks and then returns as if it had not: the core ends such a task. */
static int misuse(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)status;
  (void)value;
  CHECK_INT(WEFT_PARKED,
            weft_limiter_acquire(rt, ((struct actor *)arg)->limiter));
  return WEFT_OK;
}

TEST("a step that does not own up to its wait leaves nothing behind") {
  struct trio trio;
  begin_trio(&trio, 0);
  keep_reports(trio.rt);
  struct actor d = {.limiter = trio.limiter};
  CHECK_INT(WEFT_OK, weft_spawn_step(trio.rt, 0, misuse, &d, NULL, NULL));
  turn(trio.rt);
  check_counts(trio.rt, trio.limiter, 1, 1, 2);
  release(&trio);
  end(trio.rt);
}

/* -- What is around it ---------------------------------------------------- */

/* Gives back what it took last time, so that only the acquire counts. */
static int borrow_again(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  if (job->done > 0)
    CHECK_INT(WEFT_OK, weft_limiter_release(rt, job->object));
  return weft_limiter_acquire(rt, job->object);
}

TEST("the 128th acquire that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct job job = {.call = borrow_again, .more = 199};
    job.object = new_limiter(rt, 1);
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    /* Only a stepped task, which cannot do otherwise, has the token already. */
    check_counts(rt, job.object, 1, stepped ? 1 : 0, 0);
    turn(rt);
    CHECK_INT(201, job.done);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

TEST("a parked task says that it waits for the limiter [29.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    struct trio trio;
    begin_trio(&trio, stepped);
    check_wait(trio.rt, &trio.b, "limiter", trio.limiter);
    release(&trio);
    end(trio.rt);
  }
}

TEST("a closed limiter's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_limiter limiter = new_limiter(rt, 1), bad[2] = {limiter, new_cue(rt)};
  close_limiter(rt, limiter);
  for (int i = 0; i < 2; i++) {
    size_t total = UNSET, tokens = UNSET, tasks = UNSET;
    CHECK_INT(WEFT_EBADF, weft_limiter_close(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_limiter_acquire(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_limiter_try_acquire(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_limiter_release(rt, bad[i]));
    CHECK_INT(WEFT_EBADF, weft_limiter_set_total(rt, bad[i], 3));
    CHECK_INT(WEFT_EBADF, weft_limiter_get_total(rt, bad[i], &total));
    CHECK_INT(WEFT_EBADF, weft_limiter_get_borrowed(rt, bad[i], &tokens));
    CHECK_INT(WEFT_EBADF, weft_limiter_get_waiting(rt, bad[i], &tasks));
    CHECK(total == 0 && tokens == 0 && tasks == 0);
  }
  end(rt);
}

static void *visit(void *arg) {
  struct trio *here = arg;
  weft_limiter limiter = UNSET;
  size_t total = UNSET, tokens = UNSET, tasks = UNSET;
  CHECK_INT(WEFT_ETHREAD, weft_limiter_new(here->rt, 1, &limiter));
  CHECK_INT(WEFT_ETHREAD, weft_limiter_acquire(here->rt, here->limiter));
  CHECK_INT(WEFT_ETHREAD, weft_limiter_try_acquire(here->rt, here->limiter));
  CHECK_INT(WEFT_ETHREAD, weft_limiter_release(here->rt, here->limiter));
  CHECK_INT(WEFT_ETHREAD, weft_limiter_set_total(here->rt, here->limiter, 3));
  CHECK_INT(WEFT_ETHREAD,
            weft_limiter_get_total(here->rt, here->limiter, &total));
  CHECK_INT(WEFT_ETHREAD,
            weft_limiter_get_borrowed(here->rt, here->limiter, &tokens));
  CHECK_INT(WEFT_ETHREAD,
            weft_limiter_get_waiting(here->rt, here->limiter, &tasks));
  CHECK_INT(WEFT_ETHREAD, weft_limiter_close(here->rt, here->limiter));
  CHECK(limiter == 0 && total == 0 && tokens == 0 && tasks == 0);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct trio here = {.rt = rt, .limiter = new_limiter(rt, 1)};
  in_pthread_apart(visit, &here);
  check_counts(rt, here.limiter, 1, 0, 0);
  end(rt);
}

/* -- Memory --------------------------------------------------------------- */

static int borrow_yield_give(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  *value = 0;
  if (job->done % 3 == 0)
    return weft_limiter_acquire(rt, job->object);
  return job->done % 3 == 1 ? weft_yield(rt)
                            : weft_limiter_release(rt, job->object);
}

TEST("borrowing, waiting and handing over allocate nothing once warm") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_limiter limiter = new_limiter(rt, 2);
    struct job jobs[5];
    for (int i = 0; i < 5; i++) {
      jobs[i] = (struct job){
          .call = borrow_yield_give, .object = limiter, .more = 3 * 200 - 1};
      start(rt, &jobs[i], stepped);
    }
    turns(rt, 10);
    CHECK(jobs[4].done > 0);
    long before = failing_allocations();
    turns(rt, 400);
    CHECK(jobs[4].done > 100);
    CHECK_INT(before, failing_allocations());
    end(rt);
    for (int i = 0; i < 5; i++)
      CHECK_INT(WEFT_OK, jobs[i].status);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_limiter limiter = UNSET;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_limiter_new(rt, 1, &limiter);
  CHECK(status == WEFT_OK || limiter == 0);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory no limiter is made, nothing is left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 2);
}

static int borrow_anew(void *arg) {
  int stepped = *(int *)arg;
  weft_runtime *rt;
  struct actor a = {.script = "bg"};
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  a.play = (struct play){.act = actor_act, .data = &a};
  status = weft_limiter_new(rt, 1, &a.limiter);
  if (status == WEFT_OK)
    status = play_try(rt, 0, &a.play, stepped);
  int ran = weft_run(rt);
  CHECK_INT(WEFT_OK, ran);
  if (status == WEFT_OK)
    status = a.status[0];
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("an acquire that has no memory borrows nothing and says so [3.11]") {
  failing_install();
  for (int stepped = 0; stepped <= 1; stepped++)
    CHECK(failing_each(borrow_anew, &stepped) >= 5);
}

enum { CROWD = 300 };

TEST("a wait that would lack memory as the borrower is not begun [3.11]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    static struct actor crowd[CROWD];
    struct trio trio;
    begin_trio(&trio, stepped);
    bool failed = false;
    for (size_t i = 0; i < CROWD && !failed; i++) {
      crowd[i] = (struct actor){.limiter = trio.limiter};
      go(trio.rt, &crowd[i], 'd', "bg", stepped);
      failing_after(1);
      turn(trio.rt);
      failed = failing_has_failed();
      failing_after(0);
      CHECK_INT(failed ? WEFT_ENOMEM : UNSET, crowd[i].status[0]);
      check_counts(trio.rt, trio.limiter, 1, 1, 2 + (failed ? i : i + 1));
    }
    CHECK(failed);
    release(&trio);
    end(trio.rt);
    CHECK_INT(WEFT_OK, crowd[0].status[1]);
  }
}
