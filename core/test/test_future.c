/* SPDX-License-Identifier: MIT
 * test_future.c - futures: completed, awaited, read, closed and reported. */
#include "job.h"

static int await_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_future_await(rt, job->object);
}

static weft_future new_future(weft_runtime *rt) {
  weft_future future;
  CHECK_INT(WEFT_OK, weft_future_new(rt, &future));
  return future;
}

static void close_future(weft_runtime *rt, weft_future future) {
  CHECK_INT(WEFT_OK, weft_future_close(rt, future));
}

/* A job that awaits; its status is none that the call returns. */
static struct job awaiter(weft_future future) {
  return (struct job){.call = await_call, .object = future, .status = 7};
}

/* -- Completing: three ways ----------------------------------------------- */

static int finish(weft_runtime *rt, weft_future future) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_int(42, &value));
  int status = weft_future_set_result(rt, future, value);
  weft_value_unref(value);
  return status;
}

static int fail(weft_runtime *rt, weft_future future) {
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EHOST, NULL, "no luck", &error));
  int status = weft_future_set_error(rt, future, error);
  weft_error_unref(error);
  return status;
}

static int (*const ways[])(weft_runtime *, weft_future) = {finish, fail,
                                                           weft_future_cancel};
static const int states[] = {WEFT_FUTURE_FINISHED, WEFT_FUTURE_FAILED,
                             WEFT_FUTURE_CANCELLED};
enum { FINISH, FAIL, CANCEL, WAYS };

static void complete(weft_runtime *rt, weft_future future, int way) {
  CHECK_INT(WEFT_OK, ways[way](rt, future));
}

static int state_in(weft_runtime *rt, weft_future future) {
  int state;
  CHECK_INT(WEFT_OK, weft_future_get_state(rt, future, &state));
  return state;
}

/* Reads the future, of which it checks that it is in the state of [way], WAYS
 * for pending, and nothing else; a failure is thereby observed. */
static void check_outcome(weft_runtime *rt, weft_future future, int way) {
  weft_value *value = NULL;
  weft_error *error = NULL;
  int64_t number = 0;
  CHECK_INT(way == WAYS ? WEFT_FUTURE_PENDING : states[way],
            state_in(rt, future));
  CHECK_INT(way == FINISH ? WEFT_OK : WEFT_ESTATE,
            weft_future_get_result(rt, future, &value));
  CHECK_INT(way == FAIL ? WEFT_OK : WEFT_ESTATE,
            weft_future_get_error(rt, future, &error));
  CHECK((way == FINISH) == (value != NULL));
  CHECK((way == FAIL) == (error != NULL));
  if (way == FINISH) {
    CHECK_INT(WEFT_OK, weft_value_get_int(value, &number));
    CHECK_INT(42, number);
  }
  if (way == FAIL)
    CHECK_TEXT("no luck", weft_error_get_message(error));
}

TEST("a future is pending, then once and for all one of three [5.1]") {
  for (int way = 0; way < WAYS; way++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    check_outcome(rt, future, WAYS);
    complete(rt, future, way);
    check_outcome(rt, future, way);
    for (int again = 0; again < WAYS; again++)
      CHECK_INT(WEFT_ESTATE, ways[again](rt, future));
    check_outcome(rt, future, way);
    end(rt);
  }
}

TEST("a future may be completed with nothing, but not failed so") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  weft_value *value;
  CHECK_INT(WEFT_EINVAL, weft_future_set_error(rt, future, NULL));
  check_outcome(rt, future, WAYS);
  CHECK_INT(WEFT_OK, weft_future_set_result(rt, future, NULL));
  CHECK_INT(WEFT_OK, weft_future_get_result(rt, future, &value));
  CHECK(value == NULL);
  end(rt);
}

/* -- Awaiting: the five cases --------------------------------------------- */

TEST("one that is done is awaited at once, in the same turn [5.2] [4.7]") {
  for (int i = 0; i < 2 * WAYS; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    complete(rt, future, i / 2);
    job.more = 1; /* as often as one likes */
    start(rt, &job, i % 2);
    turn(rt);
    CHECK_INT(2, job.place);
    CHECK_INT(WEFT_OK, job.status);
    check_outcome(rt, future, i / 2);
    end(rt);
  }
}

TEST("all who await are woken in order, however it is done [5.2] [4.10]") {
  for (int i = 0; i < 2 * WAYS; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job jobs[3];
    for (int k = 0; k < 3; k++) {
      jobs[k] = awaiter(future);
      start(rt, &jobs[k], k == 1 ? i % 2 : !(i % 2));
    }
    turn(rt);
    complete(rt, future, i / 2);
    CHECK_INT(0, job_places); /* nothing of them has run [1.6] */
    turn(rt);
    for (int k = 0; k < 3; k++) {
      CHECK_INT(WEFT_OK, jobs[k].status);
      CHECK_INT(k + 1, jobs[k].place);
    }
    check_outcome(rt, future, i / 2);
    end(rt);
  }
}

TEST("cancelling who awaits touches neither future nor others [5.2] [4.8]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job gone = awaiter(future), stays = gone;
    start(rt, &gone, stepped);
    start(rt, &stays, stepped);
    turn(rt);
    cancel(rt, &gone);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, gone.status);
    CHECK_INT(0, stays.place);
    check_outcome(rt, future, WAYS);
    complete(rt, future, FINISH);
    end(rt);
    CHECK_INT(WEFT_OK, stays.status);
  }
}

TEST("even of one that is done, await is a cancellation point [3.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    complete(rt, future, FINISH);
    start(rt, &job, stepped);
    cancel(rt, &job);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
  }
}

TEST("an await is cut off by a deadline, the future goes on [7.1] [5.2]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    job.deadline_ns = 50;
    start(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
    check_outcome(rt, future, WAYS);
    end(rt);
  }
}

TEST("closing a future wakes all who await, in order [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job first = awaiter(future), second = first;
    start(rt, &first, stepped);
    start(rt, &second, !stepped);
    turn(rt);
    close_future(rt, future);
    end(rt);
    CHECK_INT(WEFT_ECLOSED, first.status);
    CHECK_INT(WEFT_ECLOSED, second.status);
    CHECK_INT(1, first.place);
    CHECK_INT(2, second.place);
    CHECK_INT(WEFT_OK, second.next);
  }
}

TEST("who awaits a forgotten future stays parked, and says so [5.4]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    const char *what;
    uint64_t object, until_ns;
    start(rt, &job, stepped);
    turns(rt, 5);
    CHECK_INT(0, job.place);
    CHECK_INT(WEFT_OK,
              weft_task_get_wait(rt, job.task, &what, &object, &until_ns));
    CHECK_TEXT("future", what);
    CHECK(object == future);
    CHECK(until_ns == UINT64_MAX);
    cancel(rt, &job);
    end(rt);
  }
}

/* -- Races, in one turn --------------------------------------------------- */

TEST("done, then cancel the awaiter: delivered, Cancelled next [3.4] [8]") {
  for (int i = 0; i < 2 * WAYS; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    start(rt, &job, i % 2);
    turn(rt);
    complete(rt, future, i / 2);
    cancel(rt, &job);
    turn(rt);
    CHECK_INT(WEFT_OK, job.status);
    check_outcome(rt, future, i / 2);
    end(rt);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("cancel the awaiter, then done: Cancelled [3.3] [8]") {
  for (int i = 0; i < 2 * WAYS; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    start(rt, &job, i % 2);
    turn(rt);
    cancel(rt, &job);
    complete(rt, future, i / 2);
    turn(rt);
    CHECK_INT(WEFT_ECANCELLED, job.status);
    check_outcome(rt, future, i / 2);
    end(rt);
  }
}

TEST("closed and cancelled in one turn: what was first [3.3] [3.4]") {
  for (int i = 0; i < 4; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    start(rt, &job, i % 2);
    turn(rt);
    if (i / 2 == 0)
      close_future(rt, future);
    cancel(rt, &job);
    if (i / 2 == 1)
      close_future(rt, future);
    end(rt);
    CHECK_INT(i / 2 == 0 ? WEFT_ECLOSED : WEFT_ECANCELLED, job.status);
    CHECK_INT(WEFT_ECANCELLED, job.next);
  }
}

TEST("done, then closed: what was delivered stays so [3.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    start(rt, &job, stepped);
    turn(rt);
    complete(rt, future, FINISH);
    close_future(rt, future);
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

/* -- Calls when it is done ------------------------------------------------ */

struct note {
  int letter;
  int drops;
  uint64_t call;
  weft_runtime *rt;
  struct note *other; /* whose call the drop function prevents */
};

static void make_note(weft_runtime *rt, void *arg) {
  struct note *note = arg;
  (void)rt;
  CHECK_INT(0, note->drops);
  say(note->letter);
}

static void drop_note(void *arg) {
  struct note *note = arg;
  note->drops++;
  if (note->other != NULL)
    weft_timer_cancel(note->rt, note->other->call, NULL);
}

static void when_done(weft_runtime *rt, weft_future future, struct note *note) {
  CHECK_INT(WEFT_OK, weft_future_on_done(rt, future, make_note, note, drop_note,
                                         &note->call));
}

static int say_await(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_future_await(rt, play->object);
  say(play->letter);
  return play_end(play, play->status);
}

TEST("calls and tasks go on in one order, that of their arrival [4.10]") {
  for (int i = 0; i < 2 * WAYS; i++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct note notes[3] = {{.letter = 'a'}, {.letter = 'c'}, {.letter = 'e'}};
    struct play plays[2];
    for (int k = 0; k < 2; k++) {
      when_done(rt, future, &notes[k]);
      plays[k] =
          (struct play){.act = say_await, .letter = "bd"[k], .object = future};
      play_in(rt, 0, &plays[k], (i + k) % 2);
      turn(rt);
    }
    when_done(rt, future, &notes[2]);
    size_t tasks;
    CHECK_INT(WEFT_OK, weft_future_get_waiting(rt, future, &tasks));
    CHECK_INT(2, tasks);
    complete(rt, future, i / 2);
    CHECK_TEXT("", said);
    turn(rt);
    CHECK_TEXT("abcde", said);
    for (int k = 0; k < 3; k++)
      CHECK_INT(1, notes[k].drops);
    CHECK_INT(WEFT_OK, weft_future_get_waiting(rt, future, &tasks));
    CHECK_INT(0, tasks);
    check_outcome(rt, future, i / 2);
    end(rt);
  }
}

TEST("a call added to one that is done is queued, not made inside [4.10]") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct note note = {.letter = 'a'};
  complete(rt, future, FINISH);
  when_done(rt, future, &note);
  CHECK_TEXT("", said);
  turn(rt);
  CHECK_TEXT("a", said);
  end(rt);
}

TEST("a call may be prevented, or its handle just given back [4.10]") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct note gone = {.letter = 'g'}, stays = {.letter = 's'};
  int prevented;
  when_done(rt, future, &gone);
  when_done(rt, future, &stays);
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, gone.call, &prevented));
  CHECK_INT(1, prevented);
  CHECK_INT(1, gone.drops);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, stays.call));
  CHECK_INT(0, stays.drops);
  complete(rt, future, CANCEL);
  end(rt);
  CHECK_TEXT("s", said);
}

static void close_inside(weft_runtime *rt, void *arg) {
  close_future(rt, *(weft_future *)arg);
}

TEST("a call may close the future it was told of") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct note note = {.letter = 'n'};
  CHECK_INT(WEFT_OK,
            weft_future_on_done(rt, future, close_inside, &future, NULL, NULL));
  when_done(rt, future, &note);
  complete(rt, future, FINISH);
  end(rt);
  CHECK_TEXT("n", said);
}

TEST("closing a pending future makes no call, and drops each once") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct note notes[4] = {{0}};
  struct job job = awaiter(future);
  for (int i = 0; i < 4; i++) {
    notes[i].rt = rt;
    when_done(rt, future, &notes[i]);
    if (i == 1)
      start(rt, &job, 1), turn(rt);
  }
  notes[0].other = &notes[2]; /* prevents one that waits behind it */
  notes[1].other = &notes[1]; /* and one itself */
  close_future(rt, future);
  for (int i = 0; i < 4; i++)
    CHECK_INT(1, notes[i].drops);
  end(rt);
  CHECK_TEXT("", said);
  CHECK_INT(WEFT_ECLOSED, job.status);
  for (int i = 0; i < 4; i++)
    CHECK_INT(1, notes[i].drops);
}

TEST("the end of the runtime drops the calls that wait") {
  weft_runtime *rt = begin();
  struct note note = {.letter = 'n'}, other = {.letter = 'o'};
  when_done(rt, new_future(rt), &note);
  when_done(rt, new_future(rt), &other);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, other.call));
  end(rt);
  CHECK_TEXT("", said);
  CHECK_INT(1, note.drops);
  CHECK_INT(1, other.drops);
}

/* -- Failures that nobody has seen ---------------------------------------- */

/* The number of reports that a future completed so gives at its end. */
static int count_reports(int way, bool awaited, bool read, bool closed) {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct job job = awaiter(future);
  keep_reports(rt);
  if (way != WAYS)
    complete(rt, future, way);
  if (awaited)
    start(rt, &job, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, reports.count);
  if (read)
    check_outcome(rt, future, way);
  if (closed)
    close_future(rt, future);
  CHECK_INT(reports.count, closed && way == FAIL && !read);
  end(rt);
  return reports.count;
}

TEST("a failure that nobody has read is reported, once [5.2] [4.12]") {
  for (int i = 0; i < 4; i++) {
    CHECK_INT(1, count_reports(FAIL, i & 1, false, i & 2));
    CHECK_INT(WEFT_REPORT_FAILURE, reports.kinds[0]);
    CHECK_INT(WEFT_EHOST, reports.codes[0]);
    CHECK_INT(0, reports.tasks[0]);
    CHECK_INT(0, count_reports(FAIL, i & 1, true, i & 2));
  }
}

TEST("nothing else that becomes of a future is reported [5.2] [4.12]") {
  for (int i = 0; i < 2; i++) {
    CHECK_INT(0, count_reports(FINISH, true, false, i));
    CHECK_INT(0, count_reports(CANCEL, true, false, i));
    CHECK_INT(0, count_reports(WAYS, false, false, i));
  }
}

static void close_reported(weft_runtime *rt, void *arg, int kind, uint64_t task,
                           weft_error *error) {
  (void)kind;
  (void)task;
  CHECK_INT(WEFT_EBADF, weft_future_close(rt, *(weft_future *)arg));
  CHECK_TEXT("no luck", weft_error_get_message(error));
  say('r');
}

TEST("who gets the report finds the future closed, the error good") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  CHECK_INT(WEFT_OK, weft_set_report(rt, close_reported, &future, NULL));
  complete(rt, future, FAIL);
  close_future(rt, future);
  CHECK_TEXT("r", said);
  end(rt);
}

/* -- What is around it ---------------------------------------------------- */

struct visit {
  weft_runtime *rt;
  weft_future future;
  int code; /* what each call must return */
};

/* Every call of a future, each refused. */
static void *visit(void *arg) {
  struct visit *here = arg;
  weft_runtime *rt = here->rt;
  struct note note = {.letter = 'n'};
  weft_value *value = (weft_value *)(void *)&note;
  weft_error *error = (weft_error *)(void *)&note;
  int state = 7;
  size_t tasks = 7;
  uint64_t done = 7;
  for (int way = 0; way < WAYS; way++)
    CHECK_INT(here->code, ways[way](rt, here->future));
  CHECK_INT(here->code, weft_future_set_error(rt, here->future, NULL));
  CHECK_INT(here->code, weft_future_await(rt, here->future));
  CHECK_INT(here->code, weft_future_on_done(rt, here->future, make_note, &note,
                                            drop_note, &done));
  CHECK_INT(1, note.drops);
  CHECK_INT(0, done);
  CHECK_INT(here->code, weft_future_get_state(rt, here->future, &state));
  CHECK_INT(0, state);
  CHECK_INT(here->code, weft_future_get_result(rt, here->future, &value));
  CHECK(value == NULL);
  CHECK_INT(here->code, weft_future_get_error(rt, here->future, &error));
  CHECK(error == NULL);
  CHECK_INT(here->code, weft_future_get_waiting(rt, here->future, &tasks));
  CHECK_INT(0, tasks);
  CHECK_INT(here->code, weft_future_close(rt, here->future));
  return NULL;
}

TEST("a closed future's handle, and one of another kind, are refused") {
  weft_runtime *rt = begin();
  weft_event event;
  CHECK_INT(WEFT_OK, weft_event_new(rt, &event));
  struct visit stale = {rt, new_future(rt), WEFT_EBADF};
  struct visit foreign = {rt, event, WEFT_EBADF};
  close_future(rt, stale.future);
  visit(&stale);
  visit(&foreign);
  end(rt);
}

static void *make_there(void *arg) {
  weft_future future = 7;
  CHECK_INT(WEFT_ETHREAD, weft_future_new(arg, &future));
  CHECK_INT(0, future);
  return NULL;
}

TEST("another thread is refused and changes nothing [1.11]") {
  weft_runtime *rt = begin();
  struct visit here = {rt, new_future(rt), WEFT_ETHREAD};
  in_pthread_apart(make_there, rt);
  in_pthread_apart(visit, &here);
  check_outcome(rt, here.future, WAYS);
  end(rt);
}

TEST("outside a task nothing is awaited [1.11]") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  CHECK_INT(WEFT_ESTATE, weft_future_await(rt, future));
  complete(rt, future, FINISH);
  CHECK_INT(WEFT_ESTATE, weft_future_await(rt, future));
  end(rt);
}

TEST("a call of no function is refused, its arg dropped") {
  weft_runtime *rt = begin();
  weft_future future = new_future(rt);
  struct note note = {.letter = 'n'};
  uint64_t done = 7;
  CHECK_INT(WEFT_EINVAL,
            weft_future_on_done(rt, future, NULL, &note, drop_note, &done));
  CHECK_INT(0, done);
  CHECK_INT(1, note.drops);
  end(rt);
}

TEST("the 128th await that need not wait gives up the turn [1.7]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    weft_future future = new_future(rt);
    struct job job = awaiter(future);
    complete(rt, future, FINISH);
    job.more = 127;
    start(rt, &job, stepped);
    turn(rt);
    CHECK_INT(127, job.done);
    close_future(rt, future); /* the last await has its outcome already */
    end(rt);
    CHECK_INT(WEFT_OK, job.status);
  }
}

enum { ROUNDS = 50 };
static weft_future futures[ROUNDS];

/* Awaits one future after the other. */
static int await_next_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_future_await(rt, futures[job->done]);
}

TEST("awaiting and completing allocate nothing") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct job jobs[2];
    for (int i = 0; i < ROUNDS; i++)
      futures[i] = new_future(rt);
    for (int i = 0; i < 2; i++) {
      jobs[i] = (struct job){.call = await_next_call, .more = ROUNDS - 1};
      start(rt, &jobs[i], stepped);
    }
    turn(rt);
    long before = failing_allocations();
    for (int i = 0; i < ROUNDS; i++) {
      CHECK_INT(WEFT_OK, weft_future_set_result(rt, futures[i], NULL));
      turn(rt);
    }
    CHECK(before > 0);
    CHECK_INT(before, failing_allocations());
    CHECK_INT(ROUNDS + 1, jobs[1].done);
    end(rt);
  }
}

static int make_one(void *arg) {
  (void)arg;
  weft_runtime *rt;
  weft_future future = 7;
  struct note note = {.letter = 'n'};
  note.call = 7;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  status = weft_future_new(rt, &future);
  CHECK(status == WEFT_OK || future == 0);
  if (status == WEFT_OK) {
    status = weft_future_on_done(rt, future, make_note, &note, drop_note,
                                 &note.call);
    CHECK((status == WEFT_OK) == (note.call != 0));
    CHECK_INT(status != WEFT_OK, note.drops);
    CHECK_INT(WEFT_FUTURE_PENDING, state_in(rt, future));
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("without memory nothing is made and nothing left behind [3.11]") {
  failing_install();
  CHECK(failing_each(make_one, NULL) >= 4);
}
