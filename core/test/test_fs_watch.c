/* SPDX-License-Identifier: MIT
 * test_fs_watch.c - watching files: what is told, kept, lost. */
#include "files.h"

static weft_fs_watch watch_at(weft_runtime *rt, const char *name) {
  weft_fs_watch watch;
  CHECK_INT(WEFT_OK, weft_fs_watch_new(rt, at(name), &watch));
  return watch;
}

static void close_watch(weft_runtime *rt, weft_fs_watch watch) {
  CHECK_INT(WEFT_OK, weft_fs_watch_close(rt, watch));
}

/* A change as "kind name", the name below the test's directory. */
static const char *shown(uint64_t value) {
  static char text[256];
  weft_value *map = (weft_value *)(uintptr_t)value, *path, *kind;
  const char *path_text, *kind_text;
  size_t length;
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 0, &path));
  CHECK_INT(WEFT_OK, weft_value_get_item(map, 1, &kind));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(path, &path_text, &length));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(kind, &kind_text, &length));
  CHECK_INT(0, strncmp(path_text, files_dir, strlen(files_dir)));
  snprintf(text, sizeof(text), "%s %s", kind_text,
           path_text + strlen(files_dir));
  weft_value_unref(map);
  return text;
}

static const char *next(weft_runtime *rt, weft_fs_watch watch) {
  uint64_t value;
  int status = weft_fs_watch_next(rt, watch, &value);
  CHECK_INT(WEFT_OK, status);
  return status == WEFT_OK ? shown(value) : "(none)";
}

static int call_next(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_fs_watch_next(rt, job->object, value);
}

FILE_TEST("what happens in a directory is told in its order, by its path") {
  weft_fs_watch watch = watch_at(rt, "");
  CHECK_INT(0, mkdir(at("new"), 0755));
  CHECK_INT(0, rename(at("new"), at("moved")));
  CHECK_INT(0, chmod(at("moved"), 0700));
  CHECK_INT(0, rmdir(at("moved")));
  CHECK_TEXT("rename /new", next(rt, watch));
  CHECK_TEXT("rename /new", next(rt, watch));
  CHECK_TEXT("rename /moved", next(rt, watch));
  CHECK_TEXT("change /moved", next(rt, watch));
  CHECK_TEXT("rename /moved", next(rt, watch));
  close_watch(rt, watch);
}

FILE_TEST("what happens to a file is told by its own path") {
  plain_write("file", "x");
  weft_fs_watch watch = watch_at(rt, "file");
  const char *path;
  CHECK_INT(WEFT_OK, weft_fs_watch_get_path(rt, watch, &path));
  CHECK_TEXT(at("file"), path);
  plain_append("file", "y");
  CHECK_TEXT("change /file", next(rt, watch));
  CHECK_INT(0, rename(at("file"), at("gone")));
  CHECK_TEXT("rename /file", next(rt, watch));
  close_watch(rt, watch);
}

FILE_TEST("the end of the directory itself is not taken for one below it") {
  CHECK_INT(0, mkdir(at("dir"), 0755));
  weft_fs_watch watch = watch_at(rt, "dir/");
  CHECK_INT(0, rmdir(at("dir")));
  CHECK_TEXT("rename /dir", next(rt, watch));
  close_watch(rt, watch);
}

FILE_TEST("who asks first waits; one at a time; cancelled, nothing is lost") {
  for (int stepped = 0; stepped < 2; stepped++) {
    weft_fs_watch watch = watch_at(rt, "");
    struct job job = {.call = call_next, .object = watch};
    struct job again = {.call = call_next, .object = watch};
    uint64_t value;
    start_job(rt, &job, stepped);
    CHECK_TEXT("change", job_wait(rt, &job));
    CHECK_INT(WEFT_EBUSY, weft_fs_watch_next(rt, watch, &value));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    CHECK_INT(0, mkdir(at("new"), 0755));
    start_job(rt, &again, stepped);
    CHECK_INT(WEFT_OK, join_job(rt, &again));
    CHECK_TEXT("rename /new", shown(again.value));
    CHECK_INT(0, rmdir(at("new")));
    close_watch(rt, watch);
  }
}

FILE_TEST("closing wakes who waits, and the handle is gone") {
  weft_fs_watch watch = watch_at(rt, "");
  struct job job = {.call = call_next, .object = watch};
  uint64_t value;
  const char *path;
  start_job(rt, &job, true);
  close_watch(rt, watch);
  CHECK_INT(WEFT_ECLOSED, join_job(rt, &job));
  CHECK_INT(WEFT_EBADF, weft_fs_watch_next(rt, watch, &value));
  CHECK_INT(WEFT_EBADF, weft_fs_watch_get_path(rt, watch, &path));
  CHECK_INT(WEFT_EBADF, weft_fs_watch_close(rt, watch));
}

FILE_TEST(
    "changes that nobody asks for are bounded; that some are lost is told") {
  enum { KEPT = 4096 };
  weft_fs_watch watch = watch_at(rt, "");
  for (int i = 0; i < KEPT; i++) {
    CHECK_INT(0, mkdir(at("d"), 0755));
    CHECK_INT(0, rmdir(at("d")));
    if (i % 256 == 0)
      let_run(rt); /* the kernel's own queue is bounded, too */
  }
  let_run(rt);
  for (int i = 0; i < KEPT; i++)
    if (strcmp("rename /d", next(rt, watch)) != 0) {
      CHECK_INT(KEPT, i);
      break;
    }
  CHECK_TEXT("overflow ", next(rt, watch));
  CHECK_INT(0, mkdir(at("after"), 0755));
  CHECK_TEXT("rename /after", next(rt, watch));
  close_watch(rt, watch);
}

FILE_TEST("what is not there cannot be watched") {
  weft_fs_watch watch = 1;
  CHECK_INT(WEFT_ENOENT, weft_fs_watch_new(rt, at("none"), &watch));
  CHECK_INT(0, watch);
  CHECK_INT(WEFT_EINVAL, weft_fs_watch_new(rt, "", &watch));
  CHECK_INT(WEFT_EINVAL, weft_fs_watch_new(rt, NULL, &watch));
}

FILE_TEST("what is still watched when the runtime is freed is let go") {
  plain_write("file", "x");
  watch_at(rt, "file");
  plain_append("file", "y");
  let_run(rt);
}

static int watch_once(void *arg) {
  weft_fs_watch watch;
  uint64_t value;
  int status = weft_fs_watch_new(arg, at("file"), &watch);
  if (status != WEFT_OK) {
    let_run(arg);
    return status;
  }
  plain_append("file", "y");
  status = weft_fs_watch_next(arg, watch, &value);
  drop_value(value);
  weft_fs_watch_close(arg, watch);
  let_run(arg);
  return status;
}

FILE_TEST("want of memory is told, and a change it lost is an overflow") {
  plain_write("file", "x");
  CHECK_INT(WEFT_OK, watch_once(rt)); /* the loop has its descriptor */
  for (long nth = 1; nth < 20; nth++) {
    long live = failing_live();
    failing_after(nth);
    int status = watch_once(rt);
    failing_after(0);
    CHECK(status == WEFT_OK || status == WEFT_ENOMEM);
    CHECK_INT(live, failing_live());
  }
}
