/* SPDX-License-Identifier: MIT
 * test_file_read.c - reading open files: the buffer, what is read ahead, and
 * that neither shows; rules 3.8, 25.5, 27.3. */
#include "files.h"

#include "../file.h"

static struct file *inside(weft_runtime *rt, weft_file file) {
  return weft__handle_get(rt, file, KIND_FILE);
}

/* Takes all there is in bites of [bite] bytes; each must be the pattern's next
 * from [from] on. Gives the number of bytes. */
static size_t take_pattern(weft_runtime *rt, weft_file file, size_t bite,
                           size_t from) {
  size_t taken = 0;
  for (;;) {
    uint64_t value;
    const char *data;
    size_t size;
    int status = weft_file_fill(rt, file, bite - 1, &value);
    CHECK(status == WEFT_OK || status == WEFT_EEND);
    CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &size));
    if (size > bite)
      size = bite;
    for (size_t i = 0; i < size; i++)
      if (data[i] != pattern(from + taken + i)) {
        CHECK_INT(pattern(from + taken + i), data[i]);
        return taken + i;
      }
    CHECK_INT(WEFT_OK, weft_file_consume(rt, file, size));
    taken += size;
    if (status != WEFT_OK)
      return taken;
  }
}

/* -- In a row ------------------------------------------------------------- */

FILE_TEST("fill waits for bytes, peek shows and consume takes them") {
  uint64_t value;
  const char *data;
  size_t size;
  plain_write("file", "hello");
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &size));
  CHECK_INT(0, size);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(5, value);
  CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &size));
  CHECK_INT(5, size);
  CHECK_INT(0, memcmp(data, "hello", 5));
  CHECK_INT(WEFT_OK, weft_file_consume(rt, file, 2));
  CHECK_INT(WEFT_EINVAL, weft_file_consume(rt, file, 4));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 3, &value));
  CHECK_INT(0, value);
  CHECK(take_is(rt, file, "llo"));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  close_it(rt, file);
}

FILE_TEST("a large file comes whole, in bites of any size") {
  static const size_t bites[] = {1000, 65536, 99999, 300000, 1048576, 10 << 20};
  const size_t size = (5 << 20) + 12345;
  plain_pattern("file", size);
  for (size_t i = 0; i < sizeof(bites) / sizeof(bites[0]); i++) {
    weft_file file = open_at(rt, "file", RD);
    CHECK_INT(size, take_pattern(rt, file, bites[i], 0));
    CHECK_INT(size, position_of(rt, file));
    close_it(rt, file);
  }
}

FILE_TEST("one may ask for more than there can ever be") {
  uint64_t value;
  const char *data;
  size_t size;
  plain_pattern("file", 300000);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, SIZE_MAX, &value));
  CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &size));
  CHECK_INT(300000, size);
  CHECK_INT(300000, take_pattern(rt, file, 777, 0));
  close_it(rt, file);
}

FILE_TEST("an end is looked for anew: what was added since is read") {
  uint64_t value;
  plain_write("file", "one");
  weft_file file = open_at(rt, "file", RD);
  CHECK(take_is(rt, file, "one"));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  plain_append("file", "two");
  CHECK(take_is(rt, file, "two"));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  plain_append("file", "three");
  CHECK(take_is(rt, file, "three"));
  close_it(rt, file);
}

FILE_TEST("a file that shrinks gives what is there, then the end") {
  const size_t size = 4 << 20;
  uint64_t value;
  plain_pattern("file", size);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(0, truncate(at("file"), 2 << 20));
  size_t taken = take_pattern(rt, file, 65536, 0);
  CHECK(taken >= 2 << 20 && taken < size);
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, 0, &value));
  close_it(rt, file);
}

/* -- Ahead ---------------------------------------------------------------- */

/* Waits until nothing is under way. */
static void rest(weft_runtime *rt) {
  while (rt->outside_work > 0)
    CHECK_INT(WEFT_OK, weft_yield(rt));
}

/* A file whose bytes are for threads to read, as if they were on the disk. */
static weft_file open_uncached(weft_runtime *rt, const char *path, int flags) {
  weft_file file = open_at(rt, path, flags);
  inside(rt, file)->uncached = 1000000;
  return file;
}

FILE_TEST("what is read in a row is read ahead, more and more at a time") {
  uint64_t value;
  plain_pattern("file", 8 << 20);
  weft_file file = open_uncached(rt, "file", RD);
  const size_t sizes[] = {128, 256, 512, 1024, 1024};
  for (size_t i = 0; i < 5; i++) {
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
    CHECK_INT(sizes[i] * 1024, value);
    rest(rt);
    const struct block *back = &inside(rt, file)->back;
    CHECK_INT(i < 4 ? sizes[i + 1] * 1024 : 1 << 20, back->end - back->begin);
    CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
  }
  close_it(rt, file);
}

FILE_TEST("what is read in a row allocates nothing once it is warm") {
  uint64_t value;
  plain_pattern("file", 16 << 20);
  weft_file file = open_uncached(rt, "file", RD);
  long allocations = 0;
  for (size_t i = 0; i < 14; i++) {
    if (i == 7)
      allocations = failing_allocations();
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
    CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
  }
  CHECK_INT(allocations, failing_allocations());
  rest(rt);
  close_it(rt, file);
}

FILE_TEST("after a jump nothing is read that nobody asked for") {
  uint64_t value;
  plain_pattern("file", 8 << 20);
  weft_file file = open_uncached(rt, "file", RD);
  seek_to(rt, file, 4 << 20, WEFT_SEEK_SET);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(65536, value);
  CHECK(inside(rt, file)->ahead == NULL);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 65536, &value));
  CHECK(inside(rt, file)->ahead != NULL);
  CHECK_INT(4 << 20, take_pattern(rt, file, 5000, 4 << 20));
  close_it(rt, file);
}

FILE_TEST("a small file costs no large buffer") {
  uint64_t value;
  plain_pattern("file", 1000);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK(inside(rt, file)->front.capacity < 6000);
  CHECK(inside(rt, file)->ahead == NULL);
  close_it(rt, file);
}

FILE_TEST("a buffer that had to be large is given back") {
  uint64_t value;
  const size_t size = 9 << 20;
  plain_pattern("file", size);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_EEND, weft_file_fill(rt, file, size, &value));
  CHECK(inside(rt, file)->front.capacity >= size);
  CHECK_INT(size, take_pattern(rt, file, 65536, 0));
  plain_append("file", "more");
  CHECK(take_is(rt, file, "more"));
  CHECK(inside(rt, file)->front.capacity + inside(rt, file)->back.capacity <
        4 << 20);
  close_it(rt, file);
}

FILE_TEST("a write makes what was read ahead be read anew") {
  uint64_t value;
  const size_t size = 4 << 20;
  plain_pattern("file", size);
  weft_file file = open_uncached(rt, "file", RD | WR);
  for (int i = 0; i < 2; i++) {
    seek_to(rt, file, 0, WEFT_SEEK_SET);
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 200000, &value));
    if (i == 0) /* the first time while the read is under way */
      rest(rt);
    CHECK_INT(WEFT_OK,
              weft_file_write_at(rt, file, "changed", 7, 300000, &value));
    seek_to(rt, file, 300000, WEFT_SEEK_SET);
    CHECK(take_is(rt, file, "changed"));
    seek_to(rt, file, 0, WEFT_SEEK_SET);
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 400000, &value));
    const char *data;
    size_t buffered;
    CHECK_INT(WEFT_OK, weft_file_peek(rt, file, &data, &buffered));
    CHECK_INT(0, memcmp(data + 300000, "changed", 7));
  }
  close_it(rt, file);
}

/* -- What is in memory ---------------------------------------------------- */

/* Whether the system says that it has the file's first bytes in memory. */
static bool is_cached(const char *name) {
  char bytes[10];
  size_t count;
  int fd = open(at(name), O_RDONLY);
  bool is = weft__fs_read_cached(fd, bytes, sizeof bytes, 0, &count);
  close(fd);
  return is;
}

FILE_TEST("what is in memory is read at once, and nothing ahead of it") {
  uint64_t value;
  plain_pattern("file", 4 << 20);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
  size_t taken = (size_t)value;
  for (int i = 0; i < 10 && is_cached("file"); i++) {
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
    CHECK(inside(rt, file)->ahead == NULL);
    CHECK_INT(0, inside(rt, file)->back.end - inside(rt, file)->back.begin);
    CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
    taken += (size_t)value;
  }
  CHECK_INT((4 << 20) - taken, take_pattern(rt, file, 5000, taken));
  close_it(rt, file);
}

FILE_TEST("what is in memory allocates nothing once it is warm") {
  uint64_t value;
  plain_pattern("file", 4 << 20);
  weft_file file = open_at(rt, "file", RD);
  long allocations = 0;
  for (size_t i = 0; i < 20; i++) {
    if (i == 4)
      allocations = failing_allocations();
    CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
    CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
  }
  if (is_cached("file"))
    CHECK_INT(allocations, failing_allocations());
  rest(rt);
  close_it(rt, file);
}

FILE_TEST("what the system does not have in memory is read by threads") {
  const size_t size = 8 << 20;
  uint64_t value;
  plain_pattern("file", size);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  int fd = open(at("file"), O_RDWR);
  CHECK_INT(0, fsync(fd)); /* only then can it be forgotten */
  CHECK_INT(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  close(fd);
  bool is_forgotten = !is_cached("file");
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, (size_t)value, &value));
  if (is_forgotten) /* not if it was never on a disk */
    CHECK(inside(rt, file)->uncached > 0);
  CHECK_INT(size, take_pattern(rt, file, 5000, 0));
  rest(rt);
  close_it(rt, file);
}

FILE_TEST("a file is read whole by threads and at once in turns") {
  const size_t size = 40 << 20; /* threads get 16 reads, of 1 MiB at last */
  plain_pattern("file", size);
  weft_file file = open_at(rt, "file", RD);
  inside(rt, file)->uncached = 3;
  CHECK_INT(size, take_pattern(rt, file, 70000, 0));
  if (is_cached("file"))
    CHECK_INT(0, inside(rt, file)->uncached);
  rest(rt);
  close_it(rt, file);
}

FILE_TEST("a cancelled task reads nothing of what is in memory [3.2]") {
  uint64_t value;
  plain_pattern("file", 4 << 20);
  weft_file file = open_at(rt, "file", RD);
  CHECK_INT(WEFT_OK, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(WEFT_OK, weft_file_consume(rt, file, (size_t)value));
  weft_task task;
  uint64_t position = position_of(rt, file);
  CHECK_INT(WEFT_OK, weft_task_current(rt, &task));
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, task, NULL));
  CHECK_INT(WEFT_ECANCELLED, weft_file_fill(rt, file, 0, &value));
  CHECK_INT(position, position_of(rt, file));
  weft_file_abort(rt, file);
}

/* -- Writes in between ---------------------------------------------------- */

FILE_TEST("writes and reads in turn go on where the other has ended") {
  plain_write("file", "aaaabbbbccccdddd");
  weft_file file = open_at(rt, "file", RD | WR);
  CHECK(take_is(rt, file, "aaaa"));
  write_text(rt, file, "1111");
  CHECK(take_is(rt, file, "cccc"));
  write_text(rt, file, "22223333");
  CHECK_INT(20, position_of(rt, file));
  CHECK_TEXT("aaaa1111cccc22223333", plain_read("file"));
  close_it(rt, file);
}

/* -- Cancelling ----------------------------------------------------------- */

static weft_file open_fifo(weft_runtime *rt, int *fd) {
  uint64_t file;
  CHECK_INT(0, mkfifo(at("fifo"), 0600));
  *fd = open(at("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  CHECK_INT(WEFT_OK, weft_file_open(rt, at("fifo"), RD, 0, &file));
  return file;
}

FILE_TEST("3.8 a read that has begun is kept and delivers") {
  for (int stepped = 0; stepped < 2; stepped++) {
    int fd;
    weft_file file = open_fifo(rt, &fd);
    struct job job = {.call = call_file_fill, .object = file};
    start_job(rt, &job, stepped);
    await_blocked(SYS_read, 1);
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
    let_run(rt);
    CHECK_TEXT("read", job_wait(rt, &job));
    plain_send_to(fd, "abc");
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(3, job.value);
    CHECK(take_is(rt, file, "abc"));
    close_it(rt, file);
    CHECK_INT(0, close(fd));
    CHECK_INT(0, unlink(at("fifo")));
  }
}

FILE_TEST("25.5 cancelled between two reads, a fill loses no byte") {
  int fd;
  weft_file file = open_fifo(rt, &fd);
  struct job job = {.call = call_file_fill, .object = file, .size_bytes = 5};
  start_job(rt, &job, true);
  await_blocked(SYS_read, 1);
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
  plain_send_to(fd, "half");
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  plain_send_to(fd, "more");
  CHECK(take_is(rt, file, "halfmore"));
  close_it(rt, file);
  CHECK_INT(0, close(fd));
}

FILE_TEST("3.8 a read that has not begun can be cancelled") {
  struct job plugs[PLUGS];
  plain_write("file", "text");
  weft_file file = open_at(rt, "file", RD);
  struct job job = {.call = call_file_fill, .object = file};
  plug_all(rt, plugs);
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  unplug_all(rt, plugs);
  CHECK(take_is(rt, file, "text"));
  close_it(rt, file);
}

/* -- Elsewhere ------------------------------------------------------------ */

FILE_TEST("read_at reads anywhere and moves nothing") {
  uint64_t value;
  char room[8];
  plain_write("file", "0123456789");
  weft_file file = open_at(rt, "file", RD);
  CHECK(take_is(rt, file, "01"));
  CHECK_INT(WEFT_OK, weft_file_read_at(rt, file, room, 4, 5, &value));
  CHECK_INT(4, value);
  CHECK_INT(0, memcmp(room, "5678", 4));
  CHECK_INT(WEFT_OK, weft_file_read_at(rt, file, room, 8, 8, &value));
  CHECK_INT(2, value);
  CHECK_INT(WEFT_OK, weft_file_read_at(rt, file, room, 8, 100, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_file_read_at(rt, file, NULL, 0, 0, &value));
  CHECK_INT(WEFT_EINVAL, weft_file_read_at(rt, file, NULL, 1, 0, &value));
  CHECK_INT(WEFT_EINVAL,
            weft_file_read_at(rt, file, room, 8, INT64_MAX, &value));
  CHECK(take_is(rt, file, "23"));
  close_it(rt, file);
}

/* -- Want of memory ------------------------------------------------------- */

static int read_all_once(void *arg) {
  uint64_t file, value;
  weft_runtime *rt = arg;
  int status = weft_file_open(rt, at("file"), RD, 0, &file);
  if (status != WEFT_OK)
    return status;
  status = weft_file_fill(rt, file, 399999, &value);
  failing_after(0);
  CHECK_INT(400000, take_pattern(rt, file, 400000, 0));
  close_it(rt, file);
  return status;
}

FILE_TEST("want of memory in a read is told, and no byte is lost by it") {
  plain_pattern("file", 400000);
  CHECK_INT(WEFT_OK, read_all_once(rt));
  for (long nth = 1; nth < 40; nth++) {
    long live = failing_live();
    failing_after(nth);
    int status = read_all_once(rt);
    failing_after(0);
    CHECK(status == WEFT_OK || status == WEFT_ENOMEM);
    CHECK_INT(live, failing_live());
  }
}

FILE_TEST("a fill that had no memory can be repeated") {
  uint64_t value;
  plain_pattern("file", 400000);
  weft_file file = open_at(rt, "file", RD);
  for (long nth = 1;; nth++) {
    failing_after(nth);
    int status = weft_file_fill(rt, file, 299999, &value);
    failing_after(0);
    if (status == WEFT_OK)
      break;
    CHECK_INT(WEFT_ENOMEM, status);
  }
  CHECK_INT(400000, take_pattern(rt, file, 300000, 0));
  close_it(rt, file);
}
