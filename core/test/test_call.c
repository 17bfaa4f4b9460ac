/* SPDX-License-Identifier: MIT
 * test_call.c - calls by the loop: their order, their end, their memory. What
 * concerns the clock is in test_clock.c. */
#include "../core.h"
#include "job.h"

struct note {
  int letter;
  int calls;
  int drops;
  weft_timer timer;
  int closed; /* what giving the handle back from the drop function gave */
  weft_runtime *rt;
  struct note *other;
};

static void make_note(weft_runtime *rt, void *arg) {
  struct note *note = arg;
  (void)rt;
  CHECK_INT(0, note->drops);
  note->calls++;
  say(note->letter);
}

static void drop_note(void *arg) {
  ((struct note *)arg)->drops++;
}

static void soon(weft_runtime *rt, struct note *note) {
  CHECK_INT(WEFT_OK,
            weft_call_soon(rt, make_note, note, drop_note, &note->timer));
}

static void at(weft_runtime *rt, struct note *note, uint64_t time_ns) {
  CHECK_INT(WEFT_OK, weft_call_at(rt, time_ns, make_note, note, drop_note,
                                  &note->timer));
}

/* -- Order ---------------------------------------------------------------- */

TEST("calls are made in order, each once, and then their arg goes [1.9]") {
  weft_runtime *rt = begin();
  struct note notes[3] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
  for (int i = 0; i < 3; i++)
    soon(rt, &notes[i]);
  CHECK_TEXT("", said);
  turns(rt, 3);
  CHECK_TEXT("abc", said);
  for (int i = 0; i < 3; i++)
    CHECK_INT(1, notes[i].drops);
  end(rt);
}

TEST("100,000 calls need no task to be made [1.9]") {
  weft_runtime *rt = begin();
  struct note note = {.letter = 'x'};
  for (int i = 0; i < 100000; i++)
    CHECK_INT(WEFT_OK, weft_call_soon(rt, make_note, &note, NULL, NULL));
  end(rt);
  CHECK_INT(100000, note.calls);
}

static void cancel_other(weft_runtime *rt, void *arg) {
  struct note *note = arg;
  int prevented = 7;
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note->other->timer, &prevented));
  CHECK_INT(1, prevented);
  CHECK_INT(1, note->other->drops);
  CHECK_INT(WEFT_EBADF, weft_timer_cancel(rt, note->other->timer, &prevented));
  CHECK_INT(0, prevented);
  note->calls++;
}

TEST("a call may prevent one that the same turn would make [1.9]") {
  weft_runtime *rt = begin();
  struct note late = {.letter = 'l'}, early = {.other = &late};
  CHECK_INT(WEFT_OK, weft_call_soon(rt, cancel_other, &early, NULL, NULL));
  soon(rt, &late);
  end(rt);
  CHECK_INT(1, early.calls);
  CHECK_INT(0, late.calls);
  CHECK_INT(1, late.drops);
}

static void cancel_itself(weft_runtime *rt, void *arg) {
  struct note *note = arg;
  int prevented = 7;
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note->timer, &prevented));
  CHECK_INT(0, prevented);
  CHECK_INT(0, note->drops);
  note->calls++;
}

TEST("while it is made it is too late to prevent a call [2.6]") {
  weft_runtime *rt = begin();
  struct note note = {.rt = rt};
  CHECK_INT(WEFT_OK,
            weft_call_soon(rt, cancel_itself, &note, drop_note, &note.timer));
  end(rt);
  CHECK_INT(1, note.calls);
  CHECK_INT(1, note.drops);
}

static void drop_and_close(void *arg) {
  struct note *note = arg;
  note->drops++;
  note->closed = weft_timer_close(note->rt, note->timer);
}

TEST("an arg that holds the handle of its own call may give it back") {
  for (int when = 0; when <= 2; when++) {
    weft_runtime *rt = begin();
    struct note note = {.letter = 'x', .rt = rt};
    CHECK_INT(WEFT_OK, weft_call_soon(rt, make_note, &note, drop_and_close,
                                      &note.timer));
    if (when == 1)
      turns(rt, 2);
    if (when == 2)
      CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    else
      end(rt);
    CHECK_INT(1, note.drops);
    CHECK_INT(when == 2 ? WEFT_EBADF : WEFT_OK, note.closed);
    CHECK_INT(when == 2 ? 0 : 1, note.calls);
    CHECK_INT(0, failing_live());
  }
}

/* Two calls made now must not be one: a block of the pool that was given back
 * twice would be taken twice. */
static void check_pool(weft_runtime *rt) {
  struct note first = {.letter = 'f'}, second = {.letter = 's'};
  soon(rt, &first);
  soon(rt, &second);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, first.timer));
  CHECK_INT(WEFT_OK, weft_timer_close(rt, second.timer));
  turns(rt, 2);
  CHECK_INT(1, first.calls);
  CHECK_INT(1, second.calls);
}

TEST("an arg may give back the handle of the call that is prevented") {
  for (int time = 0; time <= 2; time++) {
    weft_runtime *rt = begin();
    struct note note = {.letter = 'x', .rt = rt};
    uint64_t times[] = {0, 50, UINT64_MAX};
    int prevented;
    CHECK_INT(WEFT_OK, weft_call_at(rt, times[time], make_note, &note,
                                    drop_and_close, &note.timer));
    CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note.timer, &prevented));
    CHECK_INT(1, prevented);
    CHECK_INT(1, note.drops);
    CHECK_INT(WEFT_EBADF, note.closed);
    check_pool(rt);
    end(rt);
    CHECK_INT(0, note.calls);
  }
}

static void drop_and_run(void *arg) {
  struct note *note = arg;
  int work;
  note->drops++;
  CHECK_INT(WEFT_OK, weft_run_nowait(note->rt, &work));
}

TEST("the drop function of a call that is prevented may run its turn") {
  weft_runtime *rt = begin();
  struct note note = {.letter = 'x', .rt = rt};
  CHECK_INT(WEFT_OK,
            weft_call_soon(rt, make_note, &note, drop_and_run, &note.timer));
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note.timer, NULL));
  CHECK_INT(1, note.drops);
  check_pool(rt);
  end(rt);
  CHECK_INT(0, note.calls);
}

static void drop_and_set(void *arg) {
  struct note *note = arg;
  struct note *other = note->other;
  note->drops++;
  CHECK_INT(WEFT_OK, weft_call_at(note->rt, 60, make_note, other,
                                  drop_and_close, &other->timer));
}

TEST("a call that the runtime's end drops may give its handle back") {
  weft_runtime *rt = begin();
  struct note other = {.letter = 'o', .rt = rt};
  struct note note = {.letter = 'n', .rt = rt, .other = &other};
  CHECK_INT(WEFT_OK,
            weft_call_at(rt, 50, make_note, &note, drop_and_set, NULL));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, note.drops);
  CHECK_INT(1, other.drops);
  CHECK_INT(WEFT_OK, other.closed);
  CHECK_INT(0, failing_live());
}

static void drop_and_queue(void *arg) {
  struct note *note = arg;
  note->drops++;
  CHECK_INT(WEFT_OK,
            weft_call_soon(note->rt, make_note, note->other, drop_note, NULL));
}

TEST("a drop function may queue a call, also while the runtime ends") {
  for (int freed = 0; freed <= 1; freed++) {
    weft_runtime *rt = begin();
    struct note other = {.letter = 'o'};
    struct note note = {.letter = 'n', .rt = rt, .other = &other};
    CHECK_INT(WEFT_OK,
              weft_call_soon(rt, make_note, &note, drop_and_queue, NULL));
    if (!freed)
      CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
    CHECK_TEXT(freed ? "" : "no", said);
    CHECK_INT(1, note.drops);
    CHECK_INT(1, other.drops);
    CHECK_INT(0, failing_live());
  }
}

TEST("a time that is dropped at the end may queue a call, dropped too") {
  weft_runtime *rt = begin();
  struct note other = {.letter = 'o'};
  struct note note = {.letter = 'n', .rt = rt, .other = &other};
  CHECK_INT(WEFT_OK,
            weft_call_at(rt, 50, make_note, &note, drop_and_queue, NULL));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_TEXT("", said);
  CHECK_INT(1, note.drops);
  CHECK_INT(1, other.drops);
  CHECK_INT(0, failing_live());
}

/* -- Never ---------------------------------------------------------------- */

TEST("a call at no time that nobody can prevent goes at once [2.4]") {
  weft_runtime *rt = begin();
  struct note note = {.letter = 'x'};
  CHECK_INT(WEFT_OK,
            weft_call_at(rt, UINT64_MAX, make_note, &note, drop_note, NULL));
  CHECK_INT(1, note.drops);
  end(rt);
  CHECK_INT(0, note.calls);
}

TEST("a call at no time goes when its handle is given back [2.4]") {
  for (int cancelled = 0; cancelled <= 1; cancelled++) {
    weft_runtime *rt = begin();
    struct note note = {.letter = 'x'};
    int prevented = 7;
    at(rt, &note, UINT64_MAX);
    CHECK_INT(0, note.drops);
    if (cancelled) {
      CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note.timer, &prevented));
      CHECK_INT(1, prevented);
    } else {
      CHECK_INT(WEFT_OK, weft_timer_close(rt, note.timer));
    }
    CHECK_INT(1, note.drops);
    end(rt);
    CHECK_INT(0, note.calls);
  }
}

/* -- When ----------------------------------------------------------------- */

static uint64_t time_of(weft_runtime *rt, weft_timer timer) {
  uint64_t time_ns = 7;
  CHECK_INT(WEFT_OK, weft_timer_get_time(rt, timer, &time_ns));
  return time_ns;
}

TEST("a call tells when it is due, also when it has been made [1.9]") {
  weft_runtime *rt = begin();
  struct note notes[4] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 100));
  soon(rt, &notes[0]);
  at(rt, &notes[1], 500);
  at(rt, &notes[2], 50); /* has come already */
  at(rt, &notes[3], UINT64_MAX);
  for (int made = 0; made <= 1; made++) {
    CHECK_INT(made ? 2 : 0, said_count);
    CHECK_INT(100, time_of(rt, notes[0].timer));
    CHECK_INT(500, time_of(rt, notes[1].timer));
    CHECK_INT(50, time_of(rt, notes[2].timer));
    CHECK(time_of(rt, notes[3].timer) == UINT64_MAX);
    turns(rt, 3);
  }
  uint64_t time_ns = 7;
  CHECK_INT(WEFT_OK, weft_timer_close(rt, notes[1].timer));
  CHECK_INT(WEFT_EBADF, weft_timer_get_time(rt, notes[1].timer, &time_ns));
  CHECK_INT(0, time_ns);
  end(rt);
}

/* -- After a task --------------------------------------------------------- */

static int yield_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line <= play->number)
    return weft_yield(rt);
  say(play->letter);
  return play_end(play, WEFT_OK);
}

static int await_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    return weft_task_await(rt, play->object);
  say(play->letter);
  return play_end(play, play->status);
}

static void on_done(weft_runtime *rt, weft_task task, struct note *note) {
  CHECK_INT(WEFT_OK, weft_task_on_done(rt, task, make_note, note, drop_note,
                                       &note->timer));
}

TEST("who awaits and what is called stand in one order [4.10]") {
  for (int stepped = 0; stepped <= 1; stepped++) {
    weft_runtime *rt = begin();
    struct play task = {.act = yield_act, .letter = 't', .number = 2};
    struct note notes[2] = {{.letter = 'b'}, {.letter = 'd'}};
    play_in(rt, 0, &task, stepped);
    struct play first = {.act = await_act, .letter = 'a', .object = task.task};
    struct play second = {.act = await_act, .letter = 'c', .object = task.task};
    play_in(rt, 0, &first, stepped);
    turn(rt);
    on_done(rt, task.task, &notes[0]);
    play_in(rt, 0, &second, !stepped);
    turn(rt);
    on_done(rt, task.task, &notes[1]);
    end(rt);
    CHECK_TEXT("tabcd", said);
    CHECK_INT(1, notes[0].drops);
  }
}

TEST("a call after the end is queued, not made inside [4.10]") {
  weft_runtime *rt = begin();
  struct play task = {.act = yield_act, .letter = 't'};
  struct note note = {.letter = 'n'};
  play_in(rt, 0, &task, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  on_done(rt, task.task, &note);
  CHECK_INT(0, note.calls);
  end(rt);
  CHECK_TEXT("tn", said);
  CHECK_INT(1, note.drops);
}

static int sleep_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_sleep_until(rt, 300) : play_end(play, WEFT_OK);
}

TEST("a call after a task is due at no time until that has ended [4.10]") {
  weft_runtime *rt = begin();
  struct play task = {.act = sleep_act};
  struct note notes[2] = {{.letter = 'a'}, {.letter = 'b'}};
  play_in(rt, 0, &task, 1);
  on_done(rt, task.task, &notes[0]);
  turn(rt);
  CHECK(time_of(rt, notes[0].timer) == UINT64_MAX);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(300, time_of(rt, notes[0].timer));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 400));
  on_done(rt, task.task, &notes[1]);
  CHECK_INT(400, time_of(rt, notes[1].timer));
  end(rt);
}

TEST("a call after a task's end can be taken back before it [4.10]") {
  weft_runtime *rt = begin();
  struct play task = {.act = yield_act, .letter = 't'};
  struct note notes[3] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
  play_in(rt, 0, &task, 0);
  for (int i = 0; i < 3; i++)
    on_done(rt, task.task, &notes[i]);
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, notes[1].timer, NULL));
  CHECK_INT(1, notes[1].drops);
  CHECK_INT(WEFT_OK, weft_timer_close(rt, notes[2].timer));
  end(rt);
  CHECK_TEXT("tac", said);
}

/* -- Refused -------------------------------------------------------------- */

static void *refuse_apart(void *arg) {
  struct note *note = arg;
  weft_timer timer = 7;
  CHECK_INT(WEFT_ETHREAD,
            weft_call_soon(note->rt, make_note, note, drop_note, &timer));
  CHECK_INT(0, timer);
  CHECK_INT(1, note->drops);
  timer = 7;
  CHECK_INT(WEFT_ETHREAD,
            weft_call_at(note->rt, 1, make_note, note, drop_note, &timer));
  CHECK_INT(0, timer);
  CHECK_INT(2, note->drops);
  return NULL;
}

TEST("a call that another thread asks for is dropped, once [1.11]") {
  weft_runtime *rt = begin();
  struct note note = {.rt = rt};
  in_pthread_apart(refuse_apart, &note);
  end(rt);
  CHECK_INT(0, note.calls);
}

TEST("a call of no function is refused, its arg dropped") {
  weft_runtime *rt = begin();
  struct play task = {.act = yield_act, .letter = 't'};
  struct note note = {.timer = 7};
  play_in(rt, 0, &task, 1);
  CHECK_INT(WEFT_EINVAL,
            weft_call_soon(rt, NULL, &note, drop_note, &note.timer));
  CHECK_INT(0, note.timer);
  note.timer = 7;
  CHECK_INT(WEFT_EINVAL,
            weft_call_at(rt, 1, NULL, &note, drop_note, &note.timer));
  CHECK_INT(0, note.timer);
  note.timer = 7;
  CHECK_INT(WEFT_EINVAL, weft_task_on_done(rt, task.task, NULL, &note,
                                           drop_note, &note.timer));
  CHECK_INT(0, note.timer);
  CHECK_INT(3, note.drops);
  end(rt);
  CHECK_INT(3, note.drops);
}

static int set_and_prevent(void *arg) {
  weft_runtime *rt;
  int status = weft_runtime_new(&rt);
  (void)arg;
  if (status != WEFT_OK)
    return status;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  struct note note = {.letter = 'x', .rt = rt};
  status = weft_call_at(rt, 50, make_note, &note, drop_and_close, &note.timer);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note.timer, NULL));
  CHECK_INT(1, note.drops);
  CHECK_INT(WEFT_EBADF, note.closed);
  if (failing_has_failed())
    check_pool(rt);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return status;
}

TEST("one that is refused for want of memory is freed once [3.11]") {
  failing_install();
  CHECK(failing_each(set_and_prevent, NULL) >= 5);
}

static int ask_for_calls(void *arg) {
  (void)arg;
  weft_runtime *rt;
  struct note note = {.letter = 'x'};
  int asked = 0;
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  for (int i = 0; i < 70 && status == WEFT_OK; i++, asked++)
    status = i % 2 == 0 ? weft_call_soon(rt, make_note, &note, drop_note,
                                         i % 4 == 0 ? &note.timer : NULL)
                        : weft_call_at(rt, 9, make_note, &note, drop_note,
                                       i % 4 == 1 ? &note.timer : NULL);
  if (status != WEFT_OK) {
    CHECK_INT(1, note.drops);
    CHECK(note.timer == 0 || asked % 4 > 1);
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(asked, note.drops);
  CHECK_INT(0, note.calls);
  return status;
}

TEST("without memory a call is not queued and its arg goes, once [3.11]") {
  failing_install();
  CHECK(failing_each(ask_for_calls, NULL) >= 5);
}

TEST("calls allocate nothing once they are warm") {
  weft_runtime *rt = begin();
  struct note note = {.letter = 'x'};
  long before = 0;
  for (int i = 0; i < 1000; i++) {
    if (i == 10)
      before = failing_allocations();
    note.drops = 0;
    soon(rt, &note);
    CHECK_INT(WEFT_OK, weft_timer_close(rt, note.timer));
    turn(rt);
    note.drops = 0;
    at(rt, &note, 1000000);
    CHECK_INT(WEFT_OK, weft_timer_cancel(rt, note.timer, NULL));
  }
  CHECK_INT(before, failing_allocations());
  end(rt);
}
