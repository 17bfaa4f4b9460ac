/* SPDX-License-Identifier: MIT
 * test_report.c - what is reported, when, to whom, and how often. */
#include "../core.h"
#include "job.h"

static int fail_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)rt;
  (void)value;
  return play_end(play, WEFT_EHOST);
}

static struct play failure(void) {
  return (struct play){.act = fail_act};
}

/* -- Failures that nobody observed ---------------------------------------- */

TEST("it is reported at the end, if the handle is not owned [4.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play play = failure();
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    CHECK_INT(0, reports.count);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, reports.count);
    CHECK_INT(WEFT_REPORT_FAILURE, reports.kinds[0]);
    CHECK_INT(WEFT_EHOST, reports.codes[0]);
    CHECK(reports.tasks[0] == play.task);
    end(rt);
    CHECK_INT(1, reports.count);
  }
}

TEST("else when it is given back, or the runtime ends, once [4.12]") {
  BOTH_KINDS {
    for (int closed = 0; closed <= 1; closed++) {
      weft_runtime *rt = begin();
      keep_reports(rt);
      struct play play = failure();
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(0, reports.count);
      if (closed)
        CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      CHECK_INT(closed, reports.count);
      end(rt);
      CHECK_INT(1, reports.count);
      CHECK_INT(WEFT_EHOST, reports.codes[0]);
    }
  }
}

TEST("or when it is asked for; then it is observed [4.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play plays[3] = {failure(), failure(), failure()};
    for (int i = 0; i < 3; i++)
      play_in(rt, 0, &plays[i], stepped);
    CHECK_INT(WEFT_OK, weft_report_unobserved(rt));
    CHECK_INT(0, reports.count);
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(WEFT_EHOST, code_of(rt, plays[1].task));
    CHECK_INT(WEFT_OK, weft_report_unobserved(rt));
    CHECK_INT(WEFT_OK, weft_report_unobserved(rt));
    CHECK_INT(2, reports.count);
    CHECK(reports.tasks[0] == plays[0].task);
    CHECK(reports.tasks[1] == plays[2].task);
    CHECK_INT(WEFT_OK, weft_task_close(rt, plays[0].task));
    end(rt);
    CHECK_INT(2, reports.count);
  }
}

TEST("reading the error observes it; cancel and state do not [4.12]") {
  BOTH_KINDS {
    for (int read = 0; read <= 1; read++) {
      weft_runtime *rt = begin();
      keep_reports(rt);
      struct play play = failure();
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(WEFT_TASK_FAILED, state_of(rt, play.task));
      CHECK_INT(WEFT_ESTATE, weft_task_cancel(rt, play.task, NULL));
      if (read)
        CHECK_INT(WEFT_EHOST, code_of(rt, play.task));
      end(rt);
      CHECK_INT(!read, reports.count);
    }
  }
}

TEST("finished and cancelled are never reported [4.12]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    keep_reports(rt);
    for (int i = 0; i < 2; i++) {
      struct play play = sleeping_play();
      play.line = i; /* one of them ends at once, with WEFT_OK */
      play_in(rt, 0, &play, stepped);
      turn(rt);
      if (i == 0)
        cancel_task(rt, play.task);
      CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      CHECK_INT(WEFT_OK, weft_run(rt));
      CHECK_INT(i == 0 ? WEFT_ECANCELLED : WEFT_OK, play.status);
    }
    end(rt);
    CHECK_INT(0, reports.count);
  }
}

/* -- The report function -------------------------------------------------- */

struct reporter {
  int count;
  int drops;
  weft_task spawned;
  struct play *play;
};

static void use_runtime(weft_runtime *rt, void *arg, int kind, uint64_t task,
                        weft_error *error) {
  struct reporter *reporter = arg;
  const char *name = NULL;
  weft_error *again;
  uint64_t id;
  CHECK_INT(WEFT_REPORT_FAILURE, kind);
  CHECK_INT(0, reporter->drops);
  reporter->count++;
  CHECK_INT(WEFT_OK, weft_task_get_id(rt, task, &id));
  CHECK_INT(WEFT_OK, weft_task_get_name(rt, task, &name));
  CHECK_TEXT("unlucky", name);
  CHECK_INT(WEFT_TASK_FAILED, state_of(rt, task));
  CHECK_INT(WEFT_OK, weft_task_get_error(rt, task, &again));
  CHECK(again == error);
  CHECK_INT(WEFT_ESTATE, weft_yield(rt)); /* it must not park */
  CHECK_INT(WEFT_EBADF, weft_task_close(rt, task));
}

static void drop_reporter(void *arg) {
  ((struct reporter *)arg)->drops++;
}

TEST("the function may ask about the task, and not close it") {
  BOTH_KINDS {
    for (int when = 0; when < 3; when++) {
      weft_runtime *rt = begin();
      struct reporter reporter = {0};
      struct play play = failure();
      CHECK_INT(WEFT_OK,
                weft_set_report(rt, use_runtime, &reporter, drop_reporter));
      play_in(rt, 0, &play, stepped);
      CHECK_INT(WEFT_OK, weft_task_set_name(rt, play.task, "unlucky"));
      if (when == 0)
        CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      CHECK_INT(WEFT_OK, weft_run(rt));
      if (when == 1)
        CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
      end(rt);
      CHECK_INT(1, reporter.count);
      CHECK_INT(1, reporter.drops);
    }
  }
}

static void spawn_more(weft_runtime *rt, void *arg, int kind, uint64_t task,
                       weft_error *error) {
  struct reporter *reporter = arg;
  (void)kind;
  (void)task;
  (void)error;
  if (reporter->count++ == 0)
    play_in(rt, 0, reporter->play, 1);
}

TEST("the function may spawn; a report changes nothing else [29.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play play = failure(), more = failure();
    struct reporter reporter = {.play = &more};
    CHECK_INT(WEFT_OK, weft_set_report(rt, spawn_more, &reporter, NULL));
    play_in(rt, 0, &play, stepped);
    CHECK_INT(WEFT_OK, weft_task_close(rt, play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(1, reporter.count);
    CHECK_INT(1, more.drops);
    end(rt);
    CHECK_INT(2, reporter.count);
  }
}

TEST("a host's own report goes the same way") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  weft_error *error;
  struct play play = sleeping_play();
  play_in(rt, 0, &play, 1);
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, NULL, &error));
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_CALLBACK, play.task, error));
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_SYSTEM, 0, NULL));
  CHECK_INT(WEFT_OK, weft_report(rt, 77, 12345, NULL)); /* no such task: 0 */
  weft_error_unref(error);
  CHECK_INT(3, reports.count);
  CHECK_INT(WEFT_REPORT_CALLBACK, reports.kinds[0]);
  CHECK_INT(WEFT_EIO, reports.codes[0]);
  CHECK(reports.tasks[0] == play.task);
  CHECK_INT(WEFT_REPORT_SYSTEM, reports.kinds[1]);
  CHECK_INT(0, reports.tasks[1]);
  CHECK_INT(77, reports.kinds[2]);
  CHECK_INT(0, reports.tasks[2]);
  cancel_task(rt, play.task);
  end(rt);
}

TEST("exchanged, the old function is dropped and not called any more") {
  weft_runtime *rt = begin();
  struct reporter first = {0};
  CHECK_INT(WEFT_OK, weft_set_report(rt, spawn_more, &first, drop_reporter));
  keep_reports(rt);
  CHECK_INT(1, first.drops);
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_SYSTEM, 0, NULL));
  CHECK_INT(0, first.count);
  CHECK_INT(1, reports.count);
  end(rt);
  CHECK_INT(1, first.drops);
}

static void *report_apart(void *arg) {
  weft_runtime *rt = arg;
  struct reporter reporter = {0};
  CHECK_INT(WEFT_ETHREAD, weft_report(rt, WEFT_REPORT_SYSTEM, 0, NULL));
  CHECK_INT(WEFT_ETHREAD,
            weft_set_report(rt, spawn_more, &reporter, drop_reporter));
  CHECK_INT(1, reporter.drops);
  return NULL;
}

TEST("another thread is refused, its function dropped [1.11]") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  in_pthread_apart(report_apart, rt);
  CHECK(rt->report == keep_report);
  CHECK_INT(0, reports.count);
  end(rt);
}

/* -- The default ---------------------------------------------------------- */

/* What the runtime writes to stderr meanwhile, in a file without a name. */
static FILE *catch_stderr(int *saved) {
  FILE *file = tmpfile();
  fflush(stderr);
  *saved = dup(STDERR_FILENO);
  CHECK(file != NULL && *saved >= 0);
  CHECK(dup2(fileno(file), STDERR_FILENO) >= 0);
  return file;
}

static void give_stderr_back(FILE *file, int saved, char *text, size_t size) {
  fflush(stderr);
  CHECK(dup2(saved, STDERR_FILENO) >= 0);
  close(saved);
  rewind(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  fclose(file);
}

TEST("by default a report is a line on stderr, with the task's name [4.13]") {
  int saved;
  char text[1000];
  weft_runtime *rt = begin();
  struct play named = failure(), unnamed = failure();
  FILE *file = catch_stderr(&saved);
  play_in(rt, 0, &named, 1);
  play_in(rt, 0, &unnamed, 1);
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, named.task, "reader"));
  CHECK_INT(WEFT_OK, weft_task_close(rt, named.task));
  CHECK_INT(WEFT_OK, weft_task_close(rt, unnamed.task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  for (int kind = WEFT_REPORT_CALLBACK; kind <= WEFT_REPORT_UNCLOSED; kind++)
    CHECK_INT(WEFT_OK, weft_report(rt, kind, 0, NULL));
  end(rt);
  give_stderr_back(file, saved, text, sizeof text);
  char expected[1000];
  snprintf(expected, sizeof expected,
           "weft: task 'reader': failed, and nobody asked: %s: %s\n"
           "weft: task-2: failed, and nobody asked: %s: %s\n"
           "weft: a callback failed\n"
           "weft: got Cancelled 1,000 times in one scope and goes on\n"
           "weft: would not end and was given up\n"
           "weft: the system refused something; it is tried again\n"
           "weft: something was left open, and is closed now\n",
           weft_error_class(WEFT_EHOST), weft_strerror(WEFT_EHOST),
           weft_error_class(WEFT_EHOST), weft_strerror(WEFT_EHOST));
  CHECK_TEXT(expected, text);
}

TEST("with no function the default is restored") {
  int saved;
  char text[200];
  weft_runtime *rt = begin();
  keep_reports(rt);
  CHECK_INT(WEFT_OK, weft_set_report(rt, NULL, NULL, NULL));
  FILE *file = catch_stderr(&saved);
  CHECK_INT(WEFT_OK, weft_report(rt, WEFT_REPORT_CALLBACK, 0, NULL));
  give_stderr_back(file, saved, text, sizeof text);
  CHECK_TEXT("weft: a callback failed\n", text);
  CHECK_INT(0, reports.count);
  end(rt);
}

/* -- Tasks that are left -------------------------------------------------- */

static int finish_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)rt;
  (void)value;
  return play->line == 0 ? weft_yield(rt) : play_end(play, WEFT_OK);
}

static struct {
  int count;
  int parked;
  weft_task spawned;
} left;

/* Sees each in its wait, spawns another, and cancels. */
static void on_left(weft_runtime *rt, void *arg, int kind, uint64_t task,
                    weft_error *error) {
  int state;
  (void)arg;
  CHECK_INT(WEFT_REPORT_LEFT, kind);
  CHECK(error == NULL);
  CHECK_INT(WEFT_OK, weft_task_get_state(rt, task, &state));
  left.count++;
  left.parked += state == WEFT_TASK_PARKED;
  struct play *late = arg;
  if (left.spawned == 0) {
    play_in(rt, 0, late, 1);
    left.spawned = late->task;
  }
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, task, NULL));
}

TEST("tasks left at main's end are reported before they are cancelled [29.1]") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play main_play = {.act = finish_act}, late = sleeping_play();
    struct play others[2] = {sleeping_play(), sleeping_play()};
    memset(&left, 0, sizeof left);
    CHECK_INT(WEFT_OK, weft_set_report(rt, on_left, &late, NULL));
    CHECK_INT(WEFT_OK, weft_set_report_left(rt, 1));
    play_in(rt, 0, &main_play, stepped);
    play_in(rt, 0, &others[0], stepped);
    play_in(rt, 0, &others[1], !stepped);
    CHECK_INT(WEFT_OK, weft_set_main(rt, main_play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(2, left.count); /* not what was spawned by the report */
    CHECK_INT(2, left.parked);
    CHECK_INT(WEFT_TASK_CANCELLED, state_of(rt, late.task));
    end(rt);
  }
}

TEST("without being asked to, or where none is left, none is told of") {
  for (int on = 0; on <= 1; on++) {
    weft_runtime *rt = begin();
    keep_reports(rt);
    struct play main_play = {.act = finish_act}, other = sleeping_play();
    CHECK_INT(WEFT_OK, weft_set_report_left(rt, on));
    play_in(rt, 0, &main_play, 1);
    if (!on)
      play_in(rt, 0, &other, 1);
    CHECK_INT(WEFT_OK, weft_set_main(rt, main_play.task));
    CHECK_INT(WEFT_OK, weft_run(rt));
    CHECK_INT(0, reports.count);
    end(rt);
  }
}
