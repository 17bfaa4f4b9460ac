/* SPDX-License-Identifier: MIT
 * test_file_lock.c - locks of files: who excludes whom, and how one waits. */
#include "files.h"

#include <sys/file.h>

#include "../core.h"

static int call_lock(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)value;
  return weft_file_lock(rt, job->object, job->port);
}

/* Two openings of one file. */
static void open_two(weft_runtime *rt, weft_file *one, weft_file *two) {
  plain_write("file", "x");
  *one = open_at(rt, "file", RD);
  *two = open_at(rt, "file", RD);
}

FILE_TEST("a lock excludes the others; shared ones only who does not share") {
  weft_file one, two;
  const int shared = WEFT_LOCK_SHARED | WEFT_LOCK_NOWAIT;
  open_two(rt, &one, &two);
  CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
  CHECK_INT(WEFT_EAGAIN, weft_file_lock(rt, two, WEFT_LOCK_NOWAIT));
  CHECK_INT(WEFT_EAGAIN, weft_file_lock(rt, two, shared));
  CHECK_INT(WEFT_OK, weft_file_unlock(rt, one));
  CHECK_INT(WEFT_OK, weft_file_lock(rt, one, shared));
  CHECK_INT(WEFT_OK, weft_file_lock(rt, two, shared));
  CHECK_INT(WEFT_EAGAIN, weft_file_lock(rt, two, WEFT_LOCK_NOWAIT));
  CHECK_INT(WEFT_EINVAL, weft_file_lock(rt, two, 4));
  CHECK_INT(WEFT_EINVAL, weft_file_lock(rt, two, -1));
  close_it(rt, one);
  CHECK_INT(WEFT_OK, weft_file_lock(rt, two, WEFT_LOCK_NOWAIT));
  close_it(rt, two);
}

FILE_TEST("a lock is flock's: other programs see it") {
  plain_write("file", "x");
  weft_file file = open_at(rt, "file", RD);
  int fd = open(at("file"), O_RDONLY | O_CLOEXEC);
  CHECK_INT(WEFT_OK, weft_file_lock(rt, file, 0));
  CHECK_INT(-1, flock(fd, LOCK_EX | LOCK_NB));
  CHECK_INT(WEFT_OK, weft_file_unlock(rt, file));
  CHECK_INT(0, flock(fd, LOCK_EX | LOCK_NB));
  CHECK_INT(WEFT_EAGAIN, weft_file_lock(rt, file, WEFT_LOCK_NOWAIT));
  CHECK_INT(0, close(fd));
  close_it(rt, file);
}

FILE_TEST("who waits holds no thread, and gets it when it is given back") {
  for (int stepped = 0; stepped < 2; stepped++) {
    weft_file one, two;
    uint64_t now_ns;
    open_two(rt, &one, &two);
    struct job job = {.call = call_lock, .object = two};
    CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, now_ns + SECOND_NS));
    CHECK_INT(0, rt->outside_work);
    CHECK_TEXT("file lock", job_wait(rt, &job));
    CHECK_INT(WEFT_EBUSY, weft_file_sync(rt, two, 0));
    CHECK_INT(WEFT_OK, weft_file_unlock(rt, one));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_INT(WEFT_EAGAIN, weft_file_lock(rt, one, WEFT_LOCK_NOWAIT));
    close_it(rt, one);
    close_it(rt, two);
  }
}

FILE_TEST("it is tried again after 1 ms, and at last every 50 ms") {
  weft_file one, two;
  uint64_t begin_ns, end_ns;
  open_two(rt, &one, &two);
  struct job job = {.call = call_lock, .object = two};
  CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
  CHECK_INT(WEFT_OK, weft_now(rt, &begin_ns));
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, begin_ns + SECOND_NS));
  CHECK_INT(WEFT_OK, weft_file_unlock(rt, one));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_now(rt, &end_ns));
  /* 1 + 2 + 4 + 8 + 16 + 32 + 50 + 50 ... */
  CHECK_INT(SECOND_NS + 13000000, end_ns - begin_ns);
  close_it(rt, one);
  close_it(rt, two);
}

FILE_TEST("who waits can be cancelled, at any time, and leaves the file good") {
  for (int stepped = 0; stepped < 2; stepped++) {
    weft_file one, two;
    open_two(rt, &one, &two);
    struct job job = {.call = call_lock, .object = two};
    struct job late = {
        .call = call_lock, .object = two, .timeout_ns = SECOND_NS};
    CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    start_job(rt, &late, stepped);
    CHECK_INT(WEFT_ECANCELLED, join_job(rt, &late));
    CHECK_INT(WEFT_CAUGHT_DEADLINE, late.caught);
    CHECK_INT(WEFT_OK, weft_file_unlock(rt, one));
    CHECK_INT(WEFT_OK, weft_file_lock(rt, two, WEFT_LOCK_NOWAIT));
    close_it(rt, one);
    close_it(rt, two);
  }
}

FILE_TEST("3.10 closing the file ends the wait") {
  weft_file one, two;
  uint64_t now_ns;
  open_two(rt, &one, &two);
  struct job job = {.call = call_lock, .object = two};
  CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
  start_job(rt, &job, false);
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, now_ns + SECOND_NS));
  close_it(rt, two);
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
  start_job(rt, &(struct job){.call = call_lock, .object = one}, false);
  close_it(rt, one);
}

static weft_file waiting_file;

static int wait_once(void *arg) {
  weft_runtime *rt = arg;
  weft_scope scope;
  uint64_t now_ns;
  int caught;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  int status = weft_scope_open(rt, now_ns + SECOND_NS, 0, &scope);
  if (status != WEFT_OK)
    return status;
  status = weft_file_lock(rt, waiting_file, 0);
  weft_scope_leave(rt, scope, status, &caught);
  return status == WEFT_ECANCELLED ? WEFT_OK : status;
}

FILE_TEST("want of memory while waiting is told") {
  weft_file one;
  open_two(rt, &one, &waiting_file);
  CHECK_INT(WEFT_OK, weft_file_lock(rt, one, 0));
  CHECK_INT(WEFT_OK, wait_once(rt));
  failing_each(wait_once, rt);
  close_it(rt, one);
  CHECK_INT(WEFT_OK, weft_file_lock(rt, waiting_file, WEFT_LOCK_NOWAIT));
  close_it(rt, waiting_file);
}
