/* SPDX-License-Identifier: MIT
 * test_fs_work.c - the queue of file work: its bound, its order, what is kept
 * and what can be taken back; rules 3.8, 24.4, 27.3, 30.2. */
#include "files.h"

#include "../fs.h"

static int call_stat(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_fs_stat(rt, job->data, 1, value);
}

static int call_remove(weft_runtime *rt, struct job *job, uint64_t *value) {
  (void)value;
  return weft_fs_remove(rt, job->data);
}

static int call_write_file(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_fs_write_file(rt, job->data, "new", 3, WEFT_WRITE_ATOMIC, value);
}

FILE_TEST("no more runs at a time than leaves a thread for others") {
  struct job plugs[PLUGS];
  struct job job = {.call = call_stat, .data = files_dir};
  plug_all(rt, plugs);
  start_job(rt, &job, true);
  let_run(rt);
  CHECK_TEXT("stat", job_wait(rt, &job));
  CHECK(rt->fs.idle == NULL);
  CHECK_INT(PLUGS + 1, rt->outside_work);
  unplug_all(rt, plugs);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  drop_value(job.value);
  CHECK(rt->fs.idle != NULL);
  CHECK_INT(0, rt->outside_work);
}

FILE_TEST("24.4 a name is looked up while all threads for files are busy") {
  struct job plugs[PLUGS];
  uint64_t value;
  plug_all(rt, plugs);
  CHECK_INT(WEFT_OK, weft_dns_lookup(rt, "127.0.0.1", &value));
  drop_value(value);
  unplug_all(rt, plugs);
}

FILE_TEST("3.8 what has not begun can be cancelled and has not happened") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job plugs[PLUGS];
    plain_write("stays", "old");
    const char *path = strdup(at("stays"));
    struct job removal = {.call = call_remove, .data = path};
    struct job write = {.call = call_write_file, .data = path};
    struct job opening = {.call = call_open, .data = path, .port = RD};
    plug_all(rt, plugs);
    start_job(rt, &removal, stepped);
    start_job(rt, &write, stepped);
    start_job(rt, &opening, stepped);
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &removal));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &write));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &opening));
    CHECK_INT(PLUGS, rt->outside_work);
    unplug_all(rt, plugs);
    CHECK_TEXT("old", plain_read("stays"));
    CHECK_INT(PLUGS + 1, count_names());
    for (int i = 0; i < PLUGS; i++)
      CHECK_INT(0, unlink(at(plug_names[i])));
    free((void *)(uintptr_t)path);
  }
}

FILE_TEST("3.8 what has begun is kept: its outcome comes, cancelled or not") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job;
    int state;
    start_plug(rt, &job, stepped ? "a" : "b", stepped);
    await_blocked(SYS_openat, 1);
    CHECK_INT(WEFT_OK, weft_task_cancel(rt, job.task, NULL));
    let_run(rt);
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
    CHECK_INT(WEFT_TASK_PARKED, state);
    int fd = open(job.data, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    end_plug(rt, &job);
    CHECK_INT(0, close(fd));
  }
}

FILE_TEST("a timeout cannot cut what has begun short, but what waits") {
  struct job plugs[PLUGS];
  struct job job = {
      .call = call_stat, .data = files_dir, .timeout_ns = 1000000};
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  plug_all(rt, plugs);
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &job));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, job.caught);
  unplug_all(rt, plugs);
}

/* The other uses of libuv's threads may keep all of them busy. */
static uv_sem_t go_on;
static int occupied_count;

static void occupy(uv_work_t *work) {
  (void)work;
  uv_sem_wait(&go_on);
}

static void occupied(uv_work_t *work, int status) {
  (void)work;
  (void)status;
  occupied_count--;
}

FILE_TEST("what waits in libuv's own queue can be taken back, too") {
  uv_work_t works[4];
  plain_write("stays", "old");
  struct job job = {.call = call_remove, .data = at("stays")};
  CHECK_INT(0, uv_sem_init(&go_on, 0));
  for (int i = 0; i < 4; i++)
    CHECK_INT(0, uv_queue_work(&rt->loop, &works[i], occupy, occupied));
  occupied_count = 4;
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  for (int i = 0; i < 4; i++)
    uv_sem_post(&go_on);
  struct job stat = {.call = call_stat, .data = files_dir};
  start_job(rt, &stat, false);
  CHECK_INT(WEFT_OK, join_job(rt, &stat));
  drop_value(stat.value);
  while (occupied_count > 0)
    let_run(rt);
  uv_sem_destroy(&go_on);
  CHECK_INT(0, rt->fs.under_way);
  CHECK_TEXT("old", plain_read("stays"));
}

FILE_TEST("30.2 the virtual clock does not jump while files are worked on") {
  struct job plug;
  uint64_t before_ns, after_ns;
  start_plug(rt, &plug, "plug", true);
  await_blocked(SYS_openat, 1);
  struct job sleeper = {.call = call_stat, .data = files_dir};
  start_job(rt, &sleeper, true);
  CHECK_INT(WEFT_OK, weft_now(rt, &before_ns));
  CHECK_INT(WEFT_OK, join_job(rt, &sleeper));
  drop_value(sleeper.value);
  CHECK_INT(WEFT_OK, weft_now(rt, &after_ns));
  CHECK_INT(before_ns, after_ns);
  int fd = open(plug.data, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  end_plug(rt, &plug);
  CHECK_INT(0, close(fd));
  CHECK_INT(WEFT_OK, weft_now(rt, &after_ns));
  CHECK_INT(before_ns, after_ns);
}

FILE_TEST("each call is a cancellation point and refuses bad paths first") {
  weft_scope scope;
  uint64_t value = 1;
  CHECK_INT(WEFT_EINVAL, weft_fs_remove(rt, NULL));
  CHECK_INT(WEFT_EINVAL, weft_fs_remove(rt, ""));
  CHECK_INT(WEFT_EINVAL, weft_fs_rename(rt, "x", ""));
  CHECK_INT(WEFT_EINVAL, weft_fs_rename(rt, "x", NULL));
  CHECK_INT(WEFT_OK, weft_scope_open(rt, UINT64_MAX, 0, &scope));
  CHECK_INT(WEFT_OK, weft_scope_cancel(rt, scope, NULL));
  CHECK_INT(WEFT_ECANCELLED, weft_fs_stat(rt, files_dir, 1, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EINVAL, weft_fs_stat(rt, "", 1, &value));
  int caught;
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, scope, WEFT_ECANCELLED, &caught));
}

static int run_stat_once(void *arg) {
  uint64_t value;
  int status = weft_fs_stat(arg, files_dir, 1, &value);
  drop_value(value);
  return status;
}

FILE_TEST("want of memory is told and leaves nothing, at whichever place") {
  CHECK_INT(WEFT_OK, run_stat_once(rt));
  CHECK(failing_each(run_stat_once, rt) > 10);
}

enum { MANY = 500 };

FILE_TEST("work is begun in the order it came, and ends without the loop") {
  struct job plugs[PLUGS];
  static struct job jobs[MANY];
  plug_all(rt, plugs);
  for (int i = 0; i < MANY; i++) {
    jobs[i] = (struct job){.call = call_stat, .data = files_dir};
    spawn_job(rt, &jobs[i], i % 2 == 0);
  }
  CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT(MANY + PLUGS, rt->outside_work);
  uv_mutex_lock(&rt->fs.mutex);
  const struct list *node = rt->fs.waiting.next;
  for (int i = 0; i < MANY; i++, node = node->next) {
    const struct fs_op *op = LIST_OWNER(node, struct fs_op, node);
    CHECK(weft__handle_get(rt, jobs[i].task, KIND_TASK) == op->task);
  }
  uv_mutex_unlock(&rt->fs.mutex);
  /* One thread is enough for all of them, while nobody polls. */
  int fd = open(at(plug_names[0]), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  for (bool waits = true; waits; sched_yield()) {
    uv_mutex_lock(&rt->fs.mutex);
    size_t count = weft__count_waiting(&rt->fs.waiting);
    waits = count > MANY + 1 - 64;
    uv_mutex_unlock(&rt->fs.mutex);
  }
  for (int i = 0; i < MANY; i++) {
    CHECK_INT(WEFT_OK, join_job(rt, &jobs[i]));
    drop_value(jobs[i].value);
  }
  unplug_all(rt, plugs);
  CHECK_INT(0, close(fd));
  CHECK_INT(0, rt->outside_work);
}

/* Without a task there is nobody to wait. */
TEST("outside a task it is not possible, nor in another thread") {
  weft_runtime *rt;
  uint64_t value;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_ESTATE, weft_fs_stat(rt, "/", 1, &value));
  CHECK_INT(WEFT_ESTATE, weft_file_open(rt, "/dev/null", RD, 0, &value));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
}

TEST("the number of threads is taken from the environment, as libuv does") {
  static const struct {
    const char *text;
    uint32_t worker_count;
  } cases[] = {{"1", 1}, {"2", 1},       {"3", 2},
               {"8", 7}, {"9999", 1023}, {"x", 1}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    weft_runtime *rt;
    setenv("UV_THREADPOOL_SIZE", cases[i].text, 1);
    CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
    CHECK_INT(cases[i].worker_count, rt->fs.worker_count);
    CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  }
  unsetenv("UV_THREADPOOL_SIZE");
}
