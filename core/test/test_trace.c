/* SPDX-License-Identifier: MIT
 * test_trace.c - the trace of tasks: what is in the file, that it is
 * well-formed at any time, and what happens when it cannot be written. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "job.h"

/* -- The file ------------------------------------------------------------- */

static char path[64];
static char text[512 * 1024]; /* of the file, as it was last read */

static weft_runtime *begin_traced(void) {
  weft_runtime *rt = begin();
  snprintf(path, sizeof path, "/tmp/weft-test-trace-%d.json", (int)getpid());
  CHECK_INT(WEFT_OK, weft_trace_start(rt, path));
  return rt;
}

static void read_trace(void) {
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  size_t length = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
  CHECK(length < sizeof text - 1);
  text[length] = '\0';
  if (file != NULL)
    fclose(file);
}

static void end_traced(weft_runtime *rt) {
  end(rt);
  read_trace();
  unlink(path);
}

/* How often [piece] is in the file. */
static int count_of(const char *piece) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, piece)) != NULL; at++)
    count++;
  return count;
}

/* A list of objects, a line each, with commas between. */
static void check_well_formed(void) {
  size_t length = strlen(text);
  CHECK(length > 4);
  CHECK(strncmp(text, "[\n", 2) == 0);
  CHECK_TEXT("\n]\n", text + length - 3);
  CHECK_INT(count_of("\n{\"ph\""), count_of("},\n") + (count_of("}\n]") == 1));
}

/* Of the row [task]: slices that begin and end take turns, and what each that
 * begins is called is written to [names]. */
static void list_slices(int task, char *names, size_t size_bytes) {
  char row[32];
  int open = 0;
  snprintf(row, sizeof row, "\"tid\":%d,", task);
  names[0] = '\0';
  for (char *line = text; line != NULL; line = strchr(line + 1, '\n')) {
    char *end = strchr(line + 1, '\n');
    char *in_row = strstr(line, row);
    if (end == NULL || in_row == NULL || in_row > end)
      continue;
    char *name = strstr(line, "\"name\":\"");
    size_t length = strlen(names);
    if (strncmp(line + 1, "{\"ph\":\"E\"", 9) == 0) {
      CHECK_INT(1, open);
      open = 0;
    } else if (strncmp(line + 1, "{\"ph\":\"B\"", 9) == 0 && name != NULL) {
      CHECK_INT(0, open);
      open = 1;
      snprintf(names + length, size_bytes - length, "%s%.*s",
               length == 0 ? "" : ";", (int)strcspn(name + 8, "\""), name + 8);
    }
  }
  CHECK_INT(0, open);
}

static void check_slices(int task, const char *expected) {
  char names[1024];
  list_slices(task, names, sizeof names);
  CHECK_TEXT(expected, names);
}

/* -- What is in it -------------------------------------------------------- */

static int rest_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  switch (play->line) {
  case 0:
    return weft_sleep_until(rt, 5);
  case 1:
    return weft_yield(rt);
  default:
    return play_end(play, WEFT_OK);
  }
}

static int join_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_task_await(rt, play->object)
                         : play_end(play, WEFT_OK);
}

TEST("a row is full of slices: ready, in a step, waiting for what") {
  BOTH_KINDS {
    weft_runtime *rt = begin_traced();
    struct play rests = {.act = rest_act}, joins = {.act = join_act};
    play_in(rt, 0, &rests, stepped);
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, rests.task, "rests"));
    joins.object = rests.task;
    play_in(rt, 0, &joins, stepped);
    end_traced(rt);
    check_well_formed();
    check_slices(1, "ready;step;sleep;ready;step;ready;step");
    check_slices(2, "ready;step;task rests #1;ready;step");
    CHECK_INT(1, count_of("{\"name\":\"rests\"}"));
    CHECK_INT(1, count_of("{\"name\":\"task-2\"}"));
  }
}

static int spawn_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0) {
    play_in(rt, 0, play->data, play->number);
    return weft_yield(rt);
  }
  CHECK_INT(WEFT_OK, weft_event_set(rt, play->object));
  return play_end(play, WEFT_OK);
}

static int wait_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_event_wait(rt, play->object)
                         : play_end(play, WEFT_OK);
}

TEST("arrows lead from who spawns and who wakes, if that is a task") {
  BOTH_KINDS {
    weft_runtime *rt = begin_traced();
    struct play child = {.act = wait_act};
    struct play parent = {.act = spawn_act, .data = &child, .number = stepped};
    CHECK_INT(WEFT_OK, weft_event_new(rt, &parent.object));
    child.object = parent.object;
    play_in(rt, 0, &parent, stepped);
    end_traced(rt);
    check_well_formed();
    check_slices(2, "ready;step;event;ready;step");
    CHECK_INT(2, count_of("\"ph\":\"s\""));
    CHECK_INT(2, count_of("\"ph\":\"f\""));
    CHECK_INT(2, count_of("\"cat\":\"wake\",\"name\":\"wake\",\"id\":"));
    CHECK_INT(1, count_of("\"ph\":\"i\""));
  }
}

TEST("names are written as JSON has them, and cut") {
  static const char *const names[][2] = {
      {"a \"b\" \\ c", "a \\\"b\\\" \\\\ c"},
      {"tab\there", "tab\\u0009here"},
      {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
      {"bad \xff\xc3", "bad \\u00ff\\u00c3"},
  };
  weft_runtime *rt = begin_traced();
  struct play sleeper = sleeping_play();
  char large[2000];
  memset(large, '"', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  play_in(rt, 0, &sleeper, 1);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    CHECK_INT(WEFT_OK, weft_task_set_name(rt, sleeper.task, names[i][0]));
  CHECK_INT(WEFT_OK, weft_task_set_name(rt, sleeper.task, large));
  cancel_task(rt, sleeper.task);
  end_traced(rt);
  check_well_formed();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char piece[64];
    snprintf(piece, sizeof piece, "{\"name\":\"%s\"}", names[i][1]);
    CHECK_INT(1, count_of(piece));
  }
  CHECK(count_of("\\\"") < 300);
}

/* -- Started and stopped in the middle ------------------------------------ */

static int trace_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  if (play->line == 0)
    CHECK_INT(WEFT_OK, weft_trace_start(rt, path));
  if (play->line == 2)
    CHECK_INT(WEFT_OK, weft_trace_stop(rt));
  return play->line < 3 ? weft_yield(rt) : play_end(play, WEFT_OK);
}

TEST("started in a step, all tasks there are have rows; stopped, all end") {
  BOTH_KINDS {
    weft_runtime *rt = begin();
    struct play sleeper = sleeping_play(), play = {.act = trace_act};
    snprintf(path, sizeof path, "/tmp/weft-test-trace-%d.json", (int)getpid());
    play_in(rt, 0, &sleeper, stepped);
    turn(rt);
    play_in(rt, 0, &play, stepped);
    turns(rt, 4);
    cancel_task(rt, sleeper.task);
    end_traced(rt);
    check_well_formed();
    check_slices(1, "sleep");
    check_slices(2, "step;ready;step;ready;step");
  }
}

TEST("the file is well-formed whenever the runtime waits, and grows") {
  weft_runtime *rt = begin_traced();
  struct play yields[64];
  size_t before = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 64; i++) {
      yields[i] = (struct play){.act = rest_act};
      play_in(rt, 0, &yields[i], i % 2);
    }
    CHECK_INT(WEFT_OK, weft_run(rt));
    read_trace();
    check_well_formed();
    CHECK(strlen(text) > before);
    before = strlen(text);
    for (int i = 0; i < 64; i++)
      CHECK_INT(WEFT_OK, weft_task_close(rt, yields[i].task));
  }
  CHECK(before > (size_t)64 * 1024); /* more than the buffer holds */
  end_traced(rt);
  check_well_formed();
}

/* -- Failing -------------------------------------------------------------- */

TEST("only one is written at a time, and stopped once") {
  weft_runtime *rt = begin_traced();
  CHECK_INT(WEFT_EBUSY, weft_trace_start(rt, "/dev/null"));
  CHECK_INT(WEFT_OK, weft_trace_stop(rt));
  CHECK_INT(WEFT_ESTATE, weft_trace_stop(rt));
  end_traced(rt);
  check_well_formed();
}

TEST("a file that cannot be made is refused, and changes nothing") {
  weft_runtime *rt = begin();
  CHECK_INT(WEFT_EINVAL, weft_trace_start(rt, NULL));
  CHECK_INT(WEFT_ENOENT, weft_trace_start(rt, "/nowhere/at/all.json"));
  CHECK_INT(WEFT_EISDIR, weft_trace_start(rt, "/tmp"));
  CHECK_INT(WEFT_ESTATE, weft_trace_stop(rt));
  end(rt);
}

TEST("a pipe takes no trace, and nobody waits until it is read from") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  snprintf(path, sizeof path, "/tmp/weft-test-trace-%d.json", (int)getpid());
  CHECK_INT(0, mkfifo(path, 0600));
  CHECK_INT(WEFT_ENXIO, weft_trace_start(rt, path));
  int fd = open(path, O_RDONLY | O_NONBLOCK);
  CHECK_INT(WEFT_OK, weft_trace_start(rt, path));
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_ESPIPE, reports.codes[0]);
  CHECK_INT(WEFT_EIO, weft_trace_stop(rt));
  close(fd);
  unlink(path);
  end(rt);
}

static int start_once(void *arg) {
  int status = weft_trace_start(arg, path);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_trace_stop(arg));
  return status;
}

TEST("want of memory is told, and leaves no descriptor") {
  weft_runtime *rt = begin();
  snprintf(path, sizeof path, "/tmp/weft-test-trace-%d.json", (int)getpid());
  int before = dup(0);
  close(before);
  CHECK_INT(1, failing_each(start_once, rt));
  int after = dup(0);
  close(after);
  CHECK_INT(before, after);
  unlink(path);
  end(rt);
}

TEST("a disk that is full is reported once, and the tasks go on") {
  weft_runtime *rt = begin();
  keep_reports(rt);
  CHECK_INT(WEFT_OK, weft_trace_start(rt, "/dev/full"));
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_REPORT_SYSTEM, reports.kinds[0]);
  CHECK_INT(WEFT_ENOSPC, reports.codes[0]);
  struct play play = {.act = rest_act};
  play_in(rt, 0, &play, 1);
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
  CHECK_INT(WEFT_EIO, weft_trace_stop(rt));
  CHECK_INT(1, reports.count);
  end(rt);
}

/* No file may get larger from now on; 0: any may. */
static void limit_files(rlim_t size_bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  CHECK_INT(0, getrlimit(RLIMIT_FSIZE, &limit));
  limit.rlim_cur = size_bytes == 0 ? limit.rlim_max : size_bytes;
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &limit));
}

TEST("that the last piece cannot be written is told by stop, too") {
  weft_runtime *rt = begin_traced();
  keep_reports(rt);
  struct play play = {.act = rest_act};
  play_in(rt, 0, &play, 1);
  turn(rt);
  limit_files(20);
  CHECK_INT(WEFT_EIO, weft_trace_stop(rt));
  limit_files(0);
  CHECK_INT(1, reports.count);
  CHECK_INT(WEFT_REPORT_SYSTEM, reports.kinds[0]);
  CHECK_INT(WEFT_OK, weft_run(rt));
  end_traced(rt);
}

/* Of what cannot be written: ends the trace, and sets the event [arg]. */
static void stop_trace(weft_runtime *rt, void *arg, int kind, weft_task task,
                       weft_error *error) {
  (void)task;
  (void)error;
  CHECK_INT(WEFT_REPORT_SYSTEM, kind);
  CHECK_INT(WEFT_EIO, weft_trace_stop(rt));
  CHECK_INT(WEFT_ESTATE, weft_trace_stop(rt));
  if (arg != NULL)
    weft_event_set(rt, *(weft_event *)arg);
}

TEST("who is told that the disk is full may end it, in the middle of a step") {
  BOTH_KINDS {
    weft_runtime *rt = begin_traced();
    struct play plays[1000];
    CHECK_INT(WEFT_OK, weft_set_report(rt, stop_trace, NULL, NULL));
    limit_files(1000);
    for (int i = 0; i < 1000; i++) { /* more than the buffer takes */
      plays[i] = (struct play){.act = rest_act};
      play_in(rt, 0, &plays[i], stepped);
    }
    CHECK_INT(WEFT_OK, weft_run(rt));
    limit_files(0);
    CHECK_INT(WEFT_ESTATE, weft_trace_stop(rt));
    for (int i = 0; i < 1000; i++)
      CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, plays[i].task));
    end_traced(rt);
  }
}

static int event_act(weft_runtime *rt, struct play *play, uint64_t *value) {
  (void)value;
  return play->line == 0 ? weft_event_wait(rt, play->object)
                         : play_end(play, play->status);
}

TEST("who is told before the loop waits may wake a task") {
  weft_runtime *rt = begin_traced();
  struct play play = {.act = event_act};
  CHECK_INT(WEFT_OK, weft_event_new(rt, &play.object));
  CHECK_INT(WEFT_OK, weft_set_report(rt, stop_trace, &play.object, NULL));
  play_in(rt, 0, &play, 1);
  limit_files(20);
  CHECK_INT(WEFT_OK, weft_run(rt));
  limit_files(0);
  CHECK_INT(WEFT_TASK_FINISHED, state_of(rt, play.task));
  end_traced(rt);
}

TEST("a name that is not UTF-8 is written byte by byte") {
  weft_runtime *rt = begin_traced();
  struct play play = {.act = rest_act};
  play_in(rt, 0, &play, 1);
  weft_task_set_name(rt, play.task,
                     "\xc3\xa4 \xe0\x80\x80 \xed\xa0\x80 \xf0\x80\x80\x80 "
                     "\xf4\x90\x80\x80 \xf4\x8f\xbf\xbf");
  CHECK_INT(WEFT_OK, weft_run(rt));
  end_traced(rt);
  CHECK_INT(1, count_of("\xc3\xa4 \\u00e0\\u0080\\u0080 \\u00ed\\u00a0\\u0080 "
                        "\\u00f0\\u0080\\u0080\\u0080 "
                        "\\u00f4\\u0090\\u0080\\u0080 "
                        "\xf4\x8f\xbf\xbf\""));
}

static void *from_outside(void *arg) {
  CHECK_INT(WEFT_ETHREAD, weft_trace_start(arg, path));
  CHECK_INT(WEFT_ETHREAD, weft_trace_stop(arg));
  return NULL;
}

TEST("another thread can neither start nor stop it") {
  weft_runtime *rt = begin();
  in_pthread_apart(from_outside, rt);
  end(rt);
}
