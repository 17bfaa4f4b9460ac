/* SPDX-License-Identifier: MIT
 * test_file_write.c - writing open files; rules 3.8, 27.3. */
#include "files.h"

#include <signal.h>
#include <sys/resource.h>

FILE_TEST("a write goes to the position, and moves it") {
  weft_file file = open_at(rt, "file", CREATE);
  write_text(rt, file, "one");
  write_text(rt, file, "two");
  CHECK_INT(6, position_of(rt, file));
  seek_to(rt, file, 1, WEFT_SEEK_SET);
  write_text(rt, file, "--");
  CHECK_TEXT("o--two", plain_read("file"));
  seek_to(rt, file, 2, WEFT_SEEK_END);
  write_text(rt, file, "x");
  CHECK_INT(9, position_of(rt, file));
  write_text(rt, file, "");
  close_it(rt, file);
}

FILE_TEST("appended is at the end, whoever else has written, and then reads") {
  plain_write("file", "start");
  weft_file file = open_at(rt, "file", CREATE | RD | WEFT_OPEN_APPEND);
  CHECK(take_is(rt, file, "st"));
  write_text(rt, file, "+1");
  CHECK_INT(7, position_of(rt, file));
  plain_append("file", "+2");
  seek_to(rt, file, 0, WEFT_SEEK_SET);
  write_text(rt, file, "+3");
  CHECK_TEXT("start+1+2+3", plain_read("file"));
  CHECK_INT(11, position_of(rt, file));
  seek_to(rt, file, 0, WEFT_SEEK_SET);
  CHECK(take_is(rt, file, "start+1+2+3"));
  close_it(rt, file);
}

FILE_TEST("write_at writes anywhere and moves nothing") {
  uint64_t value;
  plain_write("file", "0123456789");
  weft_file file = open_at(rt, "file", RD | WR);
  CHECK(take_is(rt, file, "01"));
  CHECK_INT(WEFT_OK, weft_file_write_at(rt, file, "xy", 2, 2, &value));
  CHECK_INT(2, value);
  CHECK(take_is(rt, file, "xy45"));
  CHECK_INT(WEFT_EINVAL, weft_file_write_at(rt, file, NULL, 1, 0, &value));
  CHECK_INT(WEFT_EINVAL,
            weft_file_write_at(rt, file, "x", 1, INT64_MAX, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_write(rt, file, NULL, 1, &value));
  close_it(rt, file);
  file = open_at(rt, "file", WR | WEFT_OPEN_APPEND);
  CHECK_INT(WEFT_ESPIPE, weft_file_write_at(rt, file, "x", 1, 0, &value));
  close_it(rt, file);
}

/* -- No room -------------------------------------------------------------- */

FILE_TEST("where there is no room, what was written is told and counts") {
  static char much[100000];
  struct rlimit old, small;
  uint64_t written;
  weft_file file = open_at(rt, "file", CREATE);
  CHECK_INT(0, getrlimit(RLIMIT_FSIZE, &old));
  small = old;
  small.rlim_cur = 60000;
  signal(SIGXFSZ, SIG_IGN);
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &small));
  CHECK_INT(WEFT_EFBIG,
            weft_file_write(rt, file, much, sizeof(much), &written));
  CHECK_INT(60000, written);
  CHECK_INT(60000, position_of(rt, file));
  CHECK_INT(WEFT_EFBIG, weft_file_write(rt, file, "x", 1, &written));
  CHECK_INT(0, written);
  CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &old));
  write_text(rt, file, "goes on");
  close_it(rt, file);
}

FILE_TEST(
    "on a full disk it is told, and the file goes on once there is room") {
  static char much[1 << 20];
  uint64_t written, more;
  if (!mount_small("disk", 256 * 1024, 0))
    return; /* not root */
  weft_file file = open_at(rt, "disk/file", CREATE);
  CHECK_INT(WEFT_ENOSPC,
            weft_file_write(rt, file, much, sizeof(much), &written));
  CHECK(written > 0 && written <= 256 * 1024);
  CHECK_INT(written, position_of(rt, file));
  CHECK_INT(WEFT_OK, weft_file_truncate(rt, file, 0));
  seek_to(rt, file, 0, WEFT_SEEK_SET);
  CHECK_INT(WEFT_OK, weft_file_write(rt, file, much, 1000, &more));
  CHECK_INT(1000, more);
  close_it(rt, file);
  unmount("disk");
}

FILE_TEST("the system's failure is told, in both kinds of task") {
  for (int stepped = 0; stepped < 2; stepped++) {
    uint64_t file;
    CHECK_INT(WEFT_OK, weft_file_open(rt, "/dev/full", WR, 0, &file));
    struct job job = {
        .call = call_file_write, .object = file, .data = "x", .size_bytes = 1};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ENOSPC, join_job(rt, &job));
    CHECK_INT(0, job.value);
    close_it(rt, file);
  }
}

/* -- Cancelling ----------------------------------------------------------- */

FILE_TEST(
    "3.8 a write that has not begun can be cancelled: nothing is written") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job plugs[PLUGS];
    weft_file file = open_at(rt, "file", CREATE | WEFT_OPEN_TRUNCATE);
    struct job job = {.call = call_file_write,
                      .object = file,
                      .data = "text",
                      .size_bytes = 4};
    plug_all(rt, plugs);
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    unplug_all(rt, plugs);
    CHECK_TEXT("", plain_read("file"));
    CHECK_INT(0, position_of(rt, file));
    write_text(rt, file, "then");
    CHECK_TEXT("then", plain_read("file"));
    close_it(rt, file);
    for (int i = 0; i < PLUGS; i++)
      CHECK_INT(0, unlink(at(plug_names[i])));
  }
}

FILE_TEST("3.8 a write that has begun is kept: all is written") {
  static char much[256 * 1024], room[64 * 1024];
  uint64_t file;
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  int fd = open(at("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("fifo"), WR, 0, &file));
  struct job job = {.call = call_file_write,
                    .object = file,
                    .data = much,
                    .size_bytes = sizeof(much)};
  start_job(rt, &job, true);
  await_blocked(SYS_write, 1);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
  let_run(rt);
  CHECK_TEXT("write", job_wait(rt, &job));
  size_t received = 0;
  while (received < sizeof(much)) {
    ssize_t n = read(fd, room, sizeof(room));
    received += n > 0 ? (size_t)n : 0;
  }
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(sizeof(much), job.value);
  close_it(rt, file);
  CHECK_INT(0, close(fd));
}

static weft_file warm_file;

static int write_once(void *arg) {
  uint64_t written;
  return weft_file_write(arg, warm_file, "x", 1, &written);
}

FILE_TEST("a write allocates nothing once it is warm") {
  warm_file = open_at(rt, "file", CREATE);
  CHECK_INT(WEFT_OK, write_once(rt));
  CHECK_INT(0, failing_each(write_once, rt));
  close_it(rt, warm_file);
}
