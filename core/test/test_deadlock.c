/* SPDX-License-Identifier: MIT
 * test_deadlock.c - the hint: circles of waits, and waits that nothing ends.
 *
 * Most tests look themselves, as the poll does before it waits. */
#include <signal.h>

#include "../core.h"
#include "job.h"

#define NEVER UINT64_MAX

static struct {
  int count;
  char text[1024]; /* of the last report */
  weft_task task;
  weft_task cancels; /* what the receiver cancels; 0: nothing */
} told;

static void on_report(weft_runtime *rt, void *arg, int kind, uint64_t task,
                      weft_error *error) {
  (void)arg;
  if (kind != WEFT_REPORT_DEADLOCK)
    return;
  told.count++;
  told.task = task;
  CHECK_TEXT("DeadlockError", weft_error_get_name(error));
  snprintf(told.text, sizeof told.text, "%s", weft_error_get_message(error));
  if (told.cancels != 0)
    weft_task_cancel(rt, told.cancels, NULL);
}

static weft_runtime *begin_hinted(void) {
  weft_runtime *rt = begin();
  memset(&told, 0, sizeof told);
  CHECK_INT(WEFT_OK, weft_set_report(rt, on_report, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_set_deadlock_hint(rt, 1));
  return rt;
}

/* Cancels those that wait for good, and ends. */
static void end_all(weft_runtime *rt, struct play *plays, int count) {
  for (int i = 0; i < count; i++)
    weft_task_cancel(rt, plays[i].task, NULL);
  CHECK_INT(WEFT_OK, weft_run(rt));
  for (int i = 0; i < count; i++)
    CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
  end(rt);
}

static int look(weft_runtime *rt) {
  weft__deadlock_look(rt, true);
  return told.count;
}

/* -- Locks in a circle ---------------------------------------------------- */

/* Takes its lock, lets the others take theirs, and then wants the next one's,
 * under a deadline if [number] says when that is. */
struct want {
  weft_lock has, wants;
};

static int want_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  const struct want *want = play->data;
  (void)value;
  switch (play->line) {
  case 0:
    if (play->number > 0)
      weft_scope_open(rt, (uint64_t)play->number, 0, &play->scope);
    return weft_lock_acquire(rt, want->has);
  case 1:
    return weft_yield(rt);
  case 2:
    return weft_lock_acquire(rt, want->wants);
  default:
    if (play->status == WEFT_OK)
      weft_lock_release(rt, want->wants);
    weft_lock_release(rt, want->has);
    if (play->scope == 0)
      return play_end(play, play->status);
    return play_end(
        play, weft_scope_leave(rt, play->scope, play->status, &play->caught));
  }
}

static void make_ring(weft_runtime *rt, struct want *wants, struct play *plays,
                      int count, int stepped) {
  for (int i = 0; i < count; i++)
    CHECK_INT(WEFT_OK, weft_lock_new(rt, &wants[i].has));
  for (int i = 0; i < count; i++) {
    wants[i].wants = wants[(i + 1) % count].has;
    plays[i] = (struct play){.act = want_act, .data = &wants[i]};
    play_in(rt, 0, &plays[i], stepped);
  }
}

static void close_locks(weft_runtime *rt, struct want *wants, int count) {
  for (int i = 0; i < count; i++)
    CHECK_INT(WEFT_OK, weft_lock_close(rt, wants[i].has));
}

TEST("two tasks that want each other's lock are reported, once [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct want wants[2];
    struct play plays[2];
    make_ring(rt, wants, plays, 2, stepped);
    turns(rt, 2);
    CHECK_INT(0, told.count);
    turns(rt, 4);
    CHECK_INT(1, told.count);
    CHECK_TEXT("2 tasks wait for each other in a circle: "
               "task-1 #1 waits for lock of task-2 #2; "
               "task-2 #2 waits for lock of task-1 #1",
               told.text);
    CHECK(told.task == plays[0].task);
    CHECK_INT(1, look(rt)); /* that all wait is told with it */
    close_locks(rt, wants, 2);
    end_all(rt, plays, 2);
    CHECK_INT(1, told.count);
  }
}

TEST("a circle may have many members, in the order they wait in [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct want wants[100];
    struct play plays[100];
    make_ring(rt, wants, plays, 100, stepped);
    turns(rt, 4);
    CHECK_INT(1, told.count);
    CHECK(strstr(told.text, "100 tasks") == told.text);
    CHECK(strstr(told.text, "task-3 #3 waits for lock of task-4 #4") != NULL);
    CHECK(strcmp(told.text + strlen(told.text) - 3, "...") == 0);
    close_locks(rt, wants, 100);
    end_all(rt, plays, 100);
  }
}

TEST("a circle that comes about anew is reported anew [29.6]") {
  weft_runtime *rt = begin_hinted();
  struct want wants[2];
  struct play plays[2];
  make_ring(rt, wants, plays, 2, 1);
  turns(rt, 4);
  CHECK_INT(1, told.count);
  cancel_task(rt, plays[1].task);
  turns(rt, 4);
  CHECK_INT(1, told.count);
  for (int i = 0; i < 2; i++)
    CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
  struct play again[2];
  for (int i = 0; i < 2; i++) {
    again[i] = (struct play){.act = want_act, .data = &wants[i]};
    play_in(rt, 0, &again[i], 0);
  }
  turns(rt, 4);
  CHECK_INT(2, told.count);
  close_locks(rt, wants, 2);
  end_all(rt, again, 2);
}

TEST("a deadline ends a wait in a circle, so that is none [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct want wants[2];
    struct play plays[2];
    make_ring(rt, wants, plays, 2, stepped);
    plays[1].number = 5;
    turns(rt, 3);
    CHECK_INT(0, told.count);
    end_all(rt, plays, 2);
    CHECK_INT(0, told.count);
  }
}

TEST("without the hint nothing is looked for [29.6]") {
  weft_runtime *rt = begin_hinted();
  CHECK_INT(WEFT_OK, weft_set_deadlock_hint(rt, 0));
  struct want wants[2];
  struct play plays[2];
  make_ring(rt, wants, plays, 2, 1);
  turns(rt, 4);
  CHECK_INT(0, told.count);
  /* Turned on, it finds what there is already. */
  CHECK_INT(WEFT_OK, weft_set_deadlock_hint(rt, 1));
  turn(rt);
  CHECK_INT(1, told.count);
  close_locks(rt, wants, 2);
  end_all(rt, plays, 2);
}

TEST("who is told may cancel a member, which ends the circle [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct want wants[2];
    struct play plays[2];
    make_ring(rt, wants, plays, 2, stepped);
    told.cancels = plays[0].task;
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, told.count);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, plays[0].task));
    CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, plays[1].task));
    for (int i = 0; i < 2; i++)
      CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
    end(rt);
  }
}

/* -- Awaits and groups ---------------------------------------------------- */

/* Awaits the task that [data] has the handle of, once all are spawned. */
static int await_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line > 0)
    return play_end(play, play->status);
  return weft_task_await(rt, *(weft_task *)play->data);
}

TEST("tasks that await each other are reported [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play plays[3];
    for (int i = 0; i < 3; i++)
      plays[i] =
          (struct play){.act = await_act, .data = &plays[(i + 1) % 3].task};
    for (int i = 0; i < 3; i++)
      play_in(rt, 0, &plays[i], stepped);
    turns(rt, 2);
    CHECK_INT(1, told.count);
    CHECK_TEXT("3 tasks wait for each other in a circle: "
               "task-1 #1 waits for task task-2 #2; "
               "task-2 #2 waits for task task-3 #3; "
               "task-3 #3 waits for task task-1 #1",
               told.text);
    end_all(rt, plays, 3);
  }
}

/* Opens a group, of which [data] are the children, as many as the first says,
 * and joins it. */
static int parent_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  struct play *children = play->data;
  if (play->line > 0)
    return play_end(play, play->status);
  CHECK_INT(WEFT_OK, weft_group_open(rt, NEVER, &play->group));
  for (int i = 0; i < children[0].number; i++)
    play_in(rt, play->group, &children[i], play->number);
  return weft_group_join(rt, play->group, WEFT_OK, NULL, value);
}

TEST("a child that awaits who joins its group is reported [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play children[2] = {sleeping_play(), {.act = await_act}};
    struct play parent = {
        .act = parent_act, .data = children, .number = stepped};
    children[0].number = 2;
    children[1].data = &parent.task;
    play_in(rt, 0, &parent, stepped);
    turns(rt, 3);
    CHECK_INT(1, told.count);
    CHECK_TEXT("2 tasks wait for each other in a circle: "
               "task-1 #1 waits for group; "
               "task-3 #3 waits for task task-1 #1",
               told.text);
    for (int i = 0; i < 2; i++)
      weft_task_close(rt, children[i].task);
    end_all(rt, &parent, 1);
  }
}

TEST("members are told right, however many others were looked at [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play children[6], parent, other;
    for (int i = 0; i < 5; i++)
      children[i] = sleeping_play();
    children[0].number = 6;
    parent =
        (struct play){.act = parent_act, .data = children, .number = stepped};
    other = (struct play){.act = await_act, .data = &parent.task};
    children[5] = (struct play){.act = await_act, .data = &other.task};
    play_in(rt, 0, &parent, stepped);
    play_in(rt, 0, &other, stepped);
    turns(rt, 3);
    CHECK_INT(1, told.count);
    CHECK_TEXT("3 tasks wait for each other in a circle: "
               "task-1 #1 waits for group; "
               "task-8 #8 waits for task task-2 #2; "
               "task-2 #2 waits for task task-1 #1",
               told.text);
    for (int i = 0; i < 6; i++)
      weft_task_close(rt, children[i].task);
    weft_task_cancel(rt, other.task, NULL);
    end_all(rt, &parent, 1);
  }
}

TEST("who waits for a task that goes on is in no circle [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play plays[2] = {{.act = await_act, .data = &plays[1].task},
                            sleeping_play()};
    for (int i = 0; i < 2; i++)
      play_in(rt, 0, &plays[i], stepped);
    turns(rt, 3);
    CHECK_INT(0, told.count);
    end_all(rt, plays, 2);
  }
}

/* -- Nothing can wake a task ---------------------------------------------- */

static int event_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_event_wait(rt, play->object)
                         : play_end(play, play->status);
}

static struct play waiting_play(weft_runtime *rt) {
  struct play play = {.act = event_act};
  CHECK_INT(WEFT_OK, weft_event_new(rt, &play.object));
  return play;
}

TEST("that all wait is reported once, until a task has run again [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play plays[2] = {waiting_play(rt), waiting_play(rt)};
    CHECK_INT(0, look(rt)); /* no task */
    play_in(rt, 0, &plays[0], stepped);
    CHECK_INT(0, look(rt)); /* one is ready */
    play_in(rt, 0, &plays[1], stepped);
    turn(rt);
    CHECK_INT(1, look(rt));
    CHECK_TEXT("nothing can wake a task any more: 2 wait for what only another "
               "task could do",
               told.text);
    CHECK(told.task == 0);
    CHECK_INT(1, look(rt));
    CHECK_INT(WEFT_OK, weft_event_set(rt, plays[0].object));
    CHECK_INT(1, look(rt)); /* it is ready */
    turn(rt);
    CHECK_INT(2, look(rt));
    CHECK(strstr(told.text, "1 waits") != NULL);
    end_all(rt, plays, 2);
  }
}

TEST("it is told before the runtime waits, and it goes on waiting [29.6]") {
  for (int virtual_clock = 0; virtual_clock <= 1; virtual_clock++) {
    weft_runtime *rt = begin_hinted();
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, virtual_clock, 0));
    struct play play = waiting_play(rt);
    play_in(rt, 0, &play, 1);
    CHECK_INT(WEFT_OK, weft_set_main(rt, play.task));
    told.cancels = play.task;
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, told.count);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, play.task));
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    end(rt);
  }
}

static int nap_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_sleep_until(rt, 1000)
                         : play_end(play, play->status);
}

TEST("who sleeps is woken, who sleeps for ever is not [29.6]") {
  BOTH_KINDS {
    weft_runtime *rt = begin_hinted();
    struct play plays[2] = {{.act = nap_act}, sleeping_play()};
    play_in(rt, 0, &plays[0], stepped);
    play_in(rt, 0, &plays[1], stepped);
    turn(rt);
    CHECK_INT(0, look(rt));
    cancel_task(rt, plays[0].task);
    turn(rt);
    CHECK_INT(1, look(rt));
    end_all(rt, plays, 2);
  }
}

static void do_nothing(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

static void on_event(weft_runtime *rt, void *arg, int status, int events) {
  (void)rt;
  (void)arg;
  (void)status;
  (void)events;
}

TEST("a call that is due or posted, and a watch, may wake a task [29.6]") {
  int ends[2];
  CHECK_INT(0, pipe(ends));
  weft_runtime *rt = begin_hinted();
  struct play play = waiting_play(rt);
  weft_timer timer;
  weft_watch watch;
  play_in(rt, 0, &play, 1);
  turn(rt);
  CHECK_INT(WEFT_OK, weft_call_at(rt, 5, do_nothing, NULL, NULL, &timer));
  CHECK_INT(0, look(rt));
  CHECK_INT(WEFT_OK, weft_timer_cancel(rt, timer, NULL));
  CHECK_INT(WEFT_OK, weft_post(rt, do_nothing, NULL, NULL));
  CHECK_INT(0, look(rt));
  turns(rt, 2);
  CHECK_INT(WEFT_OK, weft_watch_new(rt, ends[0], on_event, NULL, NULL, &watch));
  CHECK_INT(0, look(rt));
  CHECK_INT(WEFT_OK, weft_watch_close(rt, watch));
  CHECK_INT(1, look(rt));
  end_all(rt, &play, 1);
  close(ends[0]);
  close(ends[1]);
}

static int park_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  return play->line == 0
             ? weft_park(rt, "the host", weft__withdraw_plain, NULL, value)
             : play_end(play, play->status);
}

static int read_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  return play->line == 0 ? weft_stream_fill(rt, play->object, 0, value)
                         : play_end(play, play->status);
}

static int signal_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  return play->line == 0 ? weft_signals_next(rt, play->object, value)
                         : play_end(play, play->status);
}

TEST("what waits for I/O, a signal or the host may be woken [29.6]") {
  BOTH_KINDS {
    int ends[2];
    CHECK_INT(0, pipe(ends));
    weft_runtime *rt = begin_hinted();
    struct play plays[3] = {
        {.act = park_act}, {.act = read_act}, {.act = signal_act}};
    CHECK_INT(WEFT_OK, weft_stream_open(rt, ends[0], &plays[1].object));
    CHECK_INT(WEFT_OK, weft_signals_new(rt, &plays[2].object));
    CHECK_INT(WEFT_OK, weft_signals_add(rt, plays[2].object, SIGUSR1));
    for (int i = 0; i < 3; i++) {
      struct play waiting = waiting_play(rt);
      play_in(rt, 0, &waiting, stepped);
      play_in(rt, 0, &plays[i], stepped);
      turn(rt);
      CHECK_INT(i, look(rt));
      cancel_task(rt, plays[i].task);
      turn(rt);
      CHECK_INT(i + 1, look(rt));
      cancel_task(rt, waiting.task);
      turn(rt);
      CHECK_INT(WEFT_OK, weft_task_close(rt, plays[i].task));
      CHECK_INT(WEFT_OK, weft_task_close(rt, waiting.task));
    }
    end(rt);
    close(ends[1]);
  }
}

TEST("a shutdown that waits is not a deadlock: it ends itself [22.4]") {
  weft_runtime *rt = begin_hinted();
  struct play play = waiting_play(rt);
  play_in(rt, 0, &play, 1);
  CHECK_INT(WEFT_OK, weft_shutdown(rt));
  end_all(rt, &play, 1);
  CHECK_INT(0, told.count);
}

/* -- Failing -------------------------------------------------------------- */

static int find_circle(void *arg) {
  weft_runtime *rt;
  (void)arg;
  memset(&told, 0, sizeof told);
  int status = weft_runtime_new(&rt);
  if (status != WEFT_OK)
    return status;
  weft_set_report(rt, on_report, NULL, NULL);
  weft_set_deadlock_hint(rt, 1);
  struct play plays[2];
  for (int i = 0; i < 2; i++)
    plays[i] = (struct play){.act = await_act, .data = &plays[1 - i].task};
  for (int i = 0; i < 2 && status == WEFT_OK; i++)
    status = play_try(rt, 0, &plays[i], 1);
  int work = status == WEFT_OK;
  for (int i = 0; i < 3 && work; i++)
    weft_run_nowait(rt, &work);
  if (!failing_has_failed())
    CHECK_INT(1, told.count);
  weft_shutdown(rt);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return failing_has_failed() ? WEFT_ENOMEM : status;
}

TEST("for want of memory a hint is lost, and nothing else [29.6]") {
  alarm(60);
  failing_install();
  CHECK(failing_each(find_circle, NULL) >= 4);
  CHECK_INT(0, failing_live());
}

static void *from_elsewhere(void *rt) {
  CHECK_INT(WEFT_ETHREAD, weft_set_deadlock_hint(rt, 1));
  CHECK_INT(WEFT_ETHREAD, weft_set_report_left(rt, 1));
  return NULL;
}

TEST("from another thread the switches are refused [1.11]") {
  weft_runtime *rt = begin();
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, from_elsewhere, rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  end(rt);
}
