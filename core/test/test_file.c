/* SPDX-License-Identifier: MIT
 * test_file.c - open files: their life, positions and size; rules 3.8, 27.3. */
#include "files.h"

#include <sys/resource.h>

/* -- Opening -------------------------------------------------------------- */

FILE_TEST("open makes, empties, appends, or refuses what is there") {
  uint64_t value;
  CHECK_INT(WEFT_ENOENT, weft_file_open(rt, at("file"), RD, 0, &value));
  CHECK_INT(0, value);
  weft_file file = open_at(rt, "file", CREATE);
  write_text(rt, file, "first");
  close_it(rt, file);
  CHECK_TEXT("first", plain_read("file"));
  close_it(rt, open_at(rt, "file", CREATE | WEFT_OPEN_TRUNCATE));
  CHECK_TEXT("", plain_read("file"));
  CHECK_INT(WEFT_EEXIST,
            weft_file_open(rt, at("file"), CREATE | WEFT_OPEN_EXCLUSIVE, 0600,
                           &value));
  CHECK_INT(1, count_names());
}

FILE_TEST("a new file has the mode asked for, and is not inherited") {
  uint64_t file;
  struct stat info;
  mode_t mask = umask(022);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("file"), CREATE, 0666, &file));
  umask(mask);
  CHECK_INT(0, stat(at("file"), &info));
  CHECK_INT(0644, info.st_mode & 07777);
  int found = 0;
  for (int fd = 3; fd < 100; fd++) {
    struct stat other;
    if (fstat(fd, &other) != 0 || other.st_ino != info.st_ino)
      continue;
    found++;
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  }
  CHECK_INT(1, found);
  close_it(rt, file);
}

FILE_TEST("open refuses flags and paths that make no sense") {
  uint64_t value;
  const int bad[] = {0,
                     -1,
                     64 | RD,
                     WEFT_OPEN_CREATE,
                     RD | WEFT_OPEN_CREATE,
                     RD | WEFT_OPEN_TRUNCATE,
                     RD | WEFT_OPEN_APPEND};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    CHECK_INT(WEFT_EINVAL, weft_file_open(rt, at("x"), bad[i], 0600, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_open(rt, "", RD, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_open(rt, NULL, RD, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_open(rt, at("x"), CREATE, 010000, &value));
  CHECK_INT(WEFT_EISDIR, weft_file_open(rt, files_dir, RD, 0, &value));
  CHECK_INT(0, count_names());
}

FILE_TEST("the path is known until the file is closed") {
  const char *path;
  plain_write("file", "x");
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_get_path(rt, file, &path));
  CHECK_TEXT(at("file"), path);
  close_it(rt, file);
  CHECK_INT(WEFT_EBADF, weft_file_get_path(rt, file, &path));
  CHECK(path == NULL);
}

/* -- Closing -------------------------------------------------------------- */

FILE_TEST("what is closed is gone for every call") {
  uint64_t value;
  const char *data;
  size_t size;
  plain_write("file", "x");
  weft_file file = open_at(rt, "file", RD | WR);
  close_it(rt, file);
  CHECK_INT(WEFT_EBADF, weft_file_close(rt, file));
  CHECK_INT(WEFT_EBADF, weft_file_abort(rt, file));
  CHECK_INT(WEFT_EBADF, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(WEFT_EBADF, weft_file_peek(rt, file, &data, &size));
  CHECK_INT(WEFT_EBADF, weft_file_consume(rt, file, 0));
  CHECK_INT(WEFT_EBADF, weft_file_write(rt, file, "x", 1, &value));
  CHECK_INT(WEFT_EBADF, weft_file_seek(rt, file, 0, 0, &value));
  CHECK_INT(WEFT_EBADF, weft_file_get_position(rt, file, &value));
  CHECK_INT(WEFT_EBADF, weft_file_sync(rt, file, 0));
  CHECK_INT(WEFT_EBADF, weft_file_truncate(rt, file, 0));
  CHECK_INT(WEFT_EBADF, weft_file_stat(rt, file, &value));
  CHECK_INT(WEFT_EBADF, weft_file_lock(rt, file, 0));
  CHECK_INT(WEFT_EBADF, weft_file_unlock(rt, file));
}

/* A file whose reads block: nobody writes to the other end. */
static weft_file open_fifo(weft_runtime *rt, int *fd) {
  uint64_t file;
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  *fd = open(at("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  CHECK(*fd >= 0);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("fifo"), RD, 0, &file));
  return file;
}

FILE_TEST("27.3 one operation at a time, else busy; close waits for it") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int fd, state;
    uint64_t value;
    weft_file file = open_fifo(rt, &fd);
    struct job reader = {.call = call_file_fill, .object = file};
    struct job closer = {.call = call_file_close, .object = file};
    start_job(rt, &reader, stepped);
    await_blocked(SYS_read, 1);
    CHECK_INT(WEFT_EBUSY, weft_file_fill(rt, file, 0, &value));
    CHECK_INT(WEFT_EBUSY, weft_file_sync(rt, file, 0));
    CHECK_INT(WEFT_EBUSY, weft_file_stat(rt, file, &value));
    CHECK_INT(WEFT_EBUSY, weft_file_lock(rt, file, 0));
    start_job(rt, &closer, stepped);
    let_run(rt);
    CHECK_TEXT("close", job_wait(rt, &closer));
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, reader.task, &state));
    CHECK_INT(WEFT_TASK_PARKED, state);
    CHECK_INT(WEFT_EBADF, weft_file_close(rt, file));
    plain_send_to(fd, "x");
    CHECK_INT(WEFT_ECLOSED, join_job(rt, &reader));
    CHECK_INT(WEFT_OK, join_job(rt, &closer));
    CHECK_INT(0, close(fd));
    CHECK_INT(0, unlink(at("fifo")));
  }
}

FILE_TEST("3.10 an operation that has not begun is not done when it closes") {
  struct job plugs[PLUGS];
  weft_file file = open_at(rt, "file", CREATE);
  struct job writer = {
      .call = call_file_write, .object = file, .data = "text", .size_bytes = 4};
  struct job closer = {.call = call_file_close, .object = file};
  plug_all(rt, plugs);
  start_job(rt, &writer, true);
  start_job(rt, &closer, false);
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &writer));
  unplug_all(rt, plugs);
  CHECK_INT(WEFT_OK, join_job(rt, &closer));
  CHECK_TEXT("", plain_read("file"));
}

FILE_TEST("3.10 who waits for bytes whose read has not begun is told, too") {
  struct job plugs[PLUGS];
  plain_write("file", "text");
  weft_file file = open_at(rt, "file", RD);
  struct job reader = {.call = call_file_fill, .object = file};
  plug_all(rt, plugs);
  start_job(rt, &reader, false);
  CHECK_INT(WEFT_OK, weft_file_abort(rt, file));
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &reader));
  unplug_all(rt, plugs);
}

FILE_TEST("3.8 close is no cancellation point, and kept") {
  struct job plugs[PLUGS];
  plain_write("file", "x");
  weft_file file = open_at(rt, "file", RD);
  struct job closer = {.call = call_file_close, .object = file};
  int state;
  plug_all(rt, plugs);
  start_job(rt, &closer, true);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, closer.task, NULL));
  let_run(rt);
  CHECK_INT(WEFT_OK, weft_task_get_state(rt, closer.task, &state));
  CHECK_INT(WEFT_TASK_PARKED, state);
  unplug_all(rt, plugs);
  CHECK_INT(WEFT_OK, join_job(rt, &closer));
}

FILE_TEST("abort closes in the background; nobody waits") {
  int before = count_fds();
  plain_write("file", "x");
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(before + 1, count_fds());
  CHECK_INT(WEFT_OK, weft_file_abort(rt, file));
  while (count_fds() > before)
    CHECK_INT(WEFT_OK, weft_yield(rt));
}

/* -- The end of the runtime ----------------------------------------------- */

static int leave_open(weft_runtime *rt, void *arg) {
  uint64_t file, value;
  (void)arg;
  plain_pattern("file", 3 << 20);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("file"), RD, 0, &file));
  /* What comes behind is being read ahead when the runtime is freed. */
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  return WEFT_OK;
}

TEST("what is open, or under way, when the runtime is freed is closed") {
  weft_runtime *rt;
  make_dir();
  failing_install();
  CHECK_INT(WEFT_OK, weft_runtime_free(new_runtime())); /* libuv's globals */
  int fds = count_fds();
  long live = failing_live();
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, leave_open, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(fds, count_fds());
  CHECK_INT(live, failing_live());
  remove_dir();
}

/* -- Positions ------------------------------------------------------------ */

FILE_TEST("seek moves from the beginning, the position and the end") {
  uint64_t value;
  plain_write("file", "0123456789");
  weft_file file = open_at(rt, "file", RD);
  CHECK(take_is(rt, file, "012"));
  CHECK_INT(3, position_of(rt, file));
  CHECK_INT(5, seek_to(rt, file, 2, WEFT_SEEK_CUR));
  CHECK(take_is(rt, file, "56"));
  CHECK_INT(1, seek_to(rt, file, 1, WEFT_SEEK_SET));
  CHECK(take_is(rt, file, "123"));
  CHECK_INT(8, seek_to(rt, file, -2, WEFT_SEEK_END));
  CHECK(take_is(rt, file, "89"));
  CHECK_INT(100, seek_to(rt, file, 100, WEFT_SEEK_SET));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(0, seek_to(rt, file, -100, WEFT_SEEK_CUR));
  CHECK(take_is(rt, file, "0123456789"));
  close_it(rt, file);
}

FILE_TEST("seek refuses what is before the beginning, and what it knows not") {
  uint64_t value;
  plain_write("file", "0123456789");
  weft_file file = open_at(rt, "file", RD);
  CHECK(take_is(rt, file, "01"));
  CHECK_INT(WEFT_EINVAL, weft_file_seek(rt, file, -1, WEFT_SEEK_SET, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_seek(rt, file, -3, WEFT_SEEK_CUR, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_seek(rt, file, -11, WEFT_SEEK_END, &value));
  CHECK_INT(WEFT_EINVAL,
            weft_file_seek(rt, file, INT64_MAX, WEFT_SEEK_CUR, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_seek(rt, file, 0, 3, &value));
  CHECK_INT(0, value);
  CHECK(take_is(rt, file, "23"));
  close_it(rt, file);
}

FILE_TEST("what has no positions says so, and is read and written in a row") {
  int fd;
  uint64_t value;
  char room[4];
  weft_file file = open_fifo(rt, &fd);
  CHECK_INT(WEFT_ESPIPE, weft_file_seek(rt, file, 0, 0, &value));
  CHECK_INT(WEFT_ESPIPE, weft_file_read_at(rt, file, room, 4, 0, &value));
  plain_send_to(fd, "pipe");
  CHECK(take_is(rt, file, "pipe"));
  close_it(rt, file);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("fifo"), WR, 0, &file));
  write_text(rt, file, "back");
  CHECK_INT(WEFT_ESPIPE, weft_file_write_at(rt, file, "x", 1, 0, &value));
  CHECK_INT(4, read(fd, room, 4));
  close_it(rt, file);
  CHECK_INT(0, close(fd));
}

/* -- Size, durability, what is known -------------------------------------- */

FILE_TEST("truncate makes shorter and longer; the position stays") {
  plain_write("file", "0123456789");
  weft_file file = open_at(rt, "file", RD | WR);
  CHECK(take_is(rt, file, "01"));
  CHECK_INT(WEFT_OK, weft_file_truncate(rt, file, 4));
  CHECK_TEXT("0123", plain_read("file"));
  CHECK_INT(2, position_of(rt, file));
  CHECK(take_is(rt, file, "23"));
  CHECK_INT(WEFT_OK, weft_file_truncate(rt, file, 6));
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 1, &value));
  CHECK_INT(2, value);
  CHECK_INT(WEFT_EINVAL, weft_file_truncate(rt, file, UINT64_MAX));
  close_it(rt, file);
}

FILE_TEST("sync waits for the disk; stat knows the open file") {
  uint64_t value;
  weft_file file = open_at(rt, "file", CREATE);
  write_text(rt, file, "x");
  CHECK_INT(WEFT_OK, weft_file_sync(rt, file, 0));
  CHECK_INT(WEFT_OK, weft_file_sync(rt, file, 1));
  CHECK_INT(WEFT_OK, weft_file_stat(rt, file, &value));
  size_t count;
  CHECK_INT(WEFT_OK,
            weft_value_get_count((weft_value *)(uintptr_t)value, &count));
  CHECK_INT(15, count);
  drop_value(value);
  close_it(rt, file);
}

FILE_TEST("a file is used only for what it was opened for") {
  uint64_t value;
  char room[1];
  plain_write("file", "x");
  weft_file reading = open_at(rt, "file", RD),
            writing = open_at(rt, "file", WR);
  CHECK_INT(WEFT_ESTATE, weft_file_write(rt, reading, "x", 1, &value));
  CHECK_INT(WEFT_ESTATE, weft_file_write_at(rt, reading, "x", 1, 0, &value));
  CHECK_INT(WEFT_ESTATE, weft_file_truncate(rt, reading, 0));
  CHECK_INT(WEFT_ESTATE, weft_file_fill(rt, writing, 0, &value));
  CHECK_INT(WEFT_ESTATE, weft_file_read_at(rt, writing, room, 1, 0, &value));
  close_it(rt, reading);
  close_it(rt, writing);
}

/* -- Want of memory ------------------------------------------------------- */

static int open_once(void *arg) {
  uint64_t file;
  int status = weft_file_open(arg, at("file"), RD, 0, &file);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_file_close(arg, file));
  return status;
}

FILE_TEST("want of memory opens nothing; closing needs none") {
  plain_write("file", "x");
  CHECK_INT(WEFT_OK, open_once(rt));
  CHECK(failing_each(open_once, rt) >= 2);
  weft_file file = open_at(rt, "file", RD);
  long allocations = failing_allocations();
  CHECK_INT(WEFT_OK, weft_file_close(rt, file));
  CHECK_INT(allocations, failing_allocations());
}
