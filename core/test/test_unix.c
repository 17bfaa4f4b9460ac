/* SPDX-License-Identifier: MIT
 * test_unix.c - unix sockets; rule 26.5 as far as it is theirs. */
#include <limits.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "loopback.h"

/* -- A folder of the test's own -------------------------------------------- */

static char folder[64];

/* A path in it; good until the fourth call from now. */
static const char *in_folder(const char *name) {
  static char paths[4][128];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

static void make_folder(void) {
  strcpy(folder, "/tmp/weft-unix-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
}

/* It must be empty. */
static void drop_folder(void) {
  CHECK_INT(0, rmdir(folder));
}

static bool exists(const char *path) {
  struct stat found;
  return lstat(path, &found) == 0;
}

static weft_listener listen_at(weft_runtime *rt, const char *path) {
  weft_listener listener;
  CHECK_INT(WEFT_OK, weft_unix_listen(rt, path, 0, 0, &listener));
  return listener;
}

static void close_listener(weft_runtime *rt, weft_listener listener) {
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

static void close_stream(weft_runtime *rt, weft_stream stream) {
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
}

static int call_dial(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_unix_connect(rt, job->data, value);
}

static int plain_bind(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, type, 0);
  strcpy(address.sun_path, path);
  CHECK_INT(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
  return fd;
}

/* Leaves a socket at [path] whose server has died. */
static void leave_stale(const char *path) {
  CHECK_INT(0, close(plain_bind(path, SOCK_STREAM)));
}

/* -- Both ends ------------------------------------------------------------- */

static void check_address(weft_runtime *rt, weft_stream stream, int peer,
                          const char *text) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_stream_address(rt, stream, peer, &value));
  CHECK_TEXT(text, take_text(value));
}

/* Connects to [path], sends a word, and looks at the addresses. */
static void check_connect(weft_runtime *rt, const char *path, bool stepped) {
  uint64_t accepted, value;
  char text[128];
  snprintf(text, sizeof(text), "unix:%s", path);
  weft_listener listener = listen_at(rt, path);
  CHECK_TEXT(text, listener_text(rt, listener));
  struct job job = {.call = call_dial, .data = path};
  start_job(rt, &job, stepped);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted));
  CHECK_INT(WEFT_OK, weft_stream_write(rt, job.value, "ping", 4));
  CHECK_INT(WEFT_OK, weft_stream_fill(rt, accepted, 3, &value));
  CHECK(buffered_is(rt, accepted, "ping"));
  check_address(rt, job.value, 1, text);
  check_address(rt, job.value, 0, "unix:");
  check_address(rt, accepted, 1, "unix:");
  check_address(rt, accepted, 0, text);
  CHECK_INT(WEFT_OK, weft_stream_shutdown(rt, job.value));
  CHECK_INT(WEFT_OK, weft_stream_consume(rt, accepted, 4));
  CHECK_INT(WEFT_EEND, weft_stream_fill(rt, accepted, 0, &value));
  close_stream(rt, job.value);
  close_stream(rt, accepted);
  close_listener(rt, listener);
}

TASK_TEST("a unix socket connects both ends, in either kind of task") {
  make_folder();
  check_connect(rt, in_folder("socket"), false);
  check_connect(rt, in_folder("socket"), true);
  drop_folder();
}

TASK_TEST("a name that is in no file system will do as well") {
  char name[64];
  snprintf(name, sizeof(name), "@weft-test-%d", (int)getpid());
  check_connect(rt, name, false);
  check_connect(rt, name, true);
}

TASK_TEST("an accept waits for a connection at a unix socket") {
  make_folder();
  const char *path = in_folder("socket");
  uint64_t stream;
  weft_listener listener = listen_at(rt, path);
  struct job job = {.call = call_accept, .object = listener};
  start_job(rt, &job, true);
  let_run(rt);
  CHECK_TEXT("accept", job_wait(rt, &job));
  CHECK_INT(WEFT_OK, weft_unix_connect(rt, path, &stream));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  close_stream(rt, job.value);
  close_stream(rt, stream);
  close_listener(rt, listener);
  drop_folder();
}

/* -- Failing --------------------------------------------------------------- */

TASK_TEST("a connection that nobody wants fails") {
  make_folder();
  uint64_t value = 1;
  const char *stale = in_folder("stale"), *file = in_folder("file");
  leave_stale(stale);
  CHECK_INT(0, close(creat(file, 0600)));
  CHECK_INT(WEFT_ENOENT, weft_unix_connect(rt, in_folder("none"), &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_ECONNREFUSED, weft_unix_connect(rt, stale, &value));
  CHECK_INT(WEFT_ECONNREFUSED, weft_unix_connect(rt, file, &value));
  CHECK_INT(WEFT_ECONNREFUSED, weft_unix_connect(rt, "@weft none", &value));
  CHECK_INT(0, unlink(stale));
  CHECK_INT(0, unlink(file));
  drop_folder();
}

TASK_TEST("a path that is none, empty or too long is refused") {
  char path[200];
  uint64_t value = 1;
  weft_listener listener = 1;
  memset(path, 'x', sizeof(path));
  path[sizeof(path) - 1] = '\0';
  CHECK_INT(WEFT_EINVAL, weft_unix_connect(rt, NULL, &value));
  CHECK_INT(WEFT_EINVAL, weft_unix_connect(rt, "", &value));
  CHECK_INT(WEFT_ENAMETOOLONG, weft_unix_connect(rt, path, &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EINVAL, weft_unix_listen(rt, NULL, 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_unix_listen(rt, "", 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_unix_listen(rt, "x", -1, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_unix_listen(rt, "x", 01000, 0, &listener));
  CHECK_INT(WEFT_ENAMETOOLONG, weft_unix_listen(rt, path, 0, 0, &listener));
  CHECK_INT(0, listener);
}

TASK_TEST("3.2 a connect in cancelled code does not begin") {
  make_folder();
  const char *path = in_folder("socket");
  weft_listener listener = listen_at(rt, path);
  struct job job = {.call = call_dial, .data = path};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(0, job.value);
  close_listener(rt, listener);
  drop_folder();
}

/* -- A full backlog -------------------------------------------------------- */

/* A listener whose backlog is full of [streams]. */
static weft_listener listen_full(weft_runtime *rt, const char *path,
                                 weft_stream streams[2]) {
  weft_listener listener;
  CHECK_INT(WEFT_OK, weft_unix_listen(rt, path, 0, 1, &listener));
  /* Linux lets one more wait than it was told. */
  for (int i = 0; i < 2; i++)
    CHECK_INT(WEFT_OK, weft_unix_connect(rt, path, &streams[i]));
  return listener;
}

TASK_TEST("while a backlog is full a connect waits, and then is there") {
  for (int stepped = 0; stepped < 2; stepped++) {
    make_folder();
    uint64_t streams[2], accepted[3];
    const char *path = in_folder("socket");
    weft_listener listener = listen_full(rt, path, streams);
    struct job job = {.call = call_dial, .data = path};
    start_job(rt, &job, stepped);
    CHECK_TEXT("connect", job_wait(rt, &job));
    CHECK_INT(WEFT_OK, weft_sleep_until(rt, SECOND_NS));
    CHECK_TEXT("connect", job_wait(rt, &job));
    CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted[0]));
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    for (int i = 1; i < 3; i++)
      CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &accepted[i]));
    for (int i = 0; i < 3; i++)
      close_stream(rt, accepted[i]);
    close_stream(rt, streams[0]);
    close_stream(rt, streams[1]);
    close_stream(rt, job.value);
    close_listener(rt, listener);
    drop_folder();
  }
}

TASK_TEST("a connect that waits for room is cancelled and leaves nothing") {
  make_folder();
  uint64_t streams[2];
  const char *path = in_folder("socket");
  weft_listener listener = listen_full(rt, path, streams);
  int before = count_fds();
  struct job job = {.call = call_dial, .data = path};
  start_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  struct job late = {.call = call_dial, .data = path, .timeout_ns = SECOND_NS};
  start_job(rt, &late, true);
  CHECK_INT(WEFT_ECANCELLED, join_job(rt, &late));
  CHECK_INT(WEFT_CAUGHT_DEADLINE, late.caught);
  CHECK_INT(before, count_fds());
  close_stream(rt, streams[0]);
  close_stream(rt, streams[1]);
  close_listener(rt, listener);
  drop_folder();
}

TASK_TEST("a connect that waits for room fails when the server goes") {
  make_folder();
  uint64_t streams[2];
  const char *path = in_folder("socket");
  weft_listener listener = listen_full(rt, path, streams);
  struct job job = {.call = call_dial, .data = path};
  start_job(rt, &job, true);
  close_listener(rt, listener);
  CHECK_INT(WEFT_ENOENT, join_job(rt, &job));
  CHECK_INT(0, job.value);
  close_stream(rt, streams[0]);
  close_stream(rt, streams[1]);
  drop_folder();
}

/* -- The path -------------------------------------------------------------- */

TASK_TEST("26.5 the path is removed at close, and when the runtime is freed") {
  make_folder();
  weft_listener listener = listen_at(rt, in_folder("socket"));
  CHECK(exists(in_folder("socket")));
  close_listener(rt, listener);
  CHECK(!exists(in_folder("socket")));
  weft_runtime *other = new_runtime();
  listen_at(other, in_folder("socket"));
  CHECK(exists(in_folder("socket")));
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  drop_folder();
}

TASK_TEST("26.5 a path that is another's by now stays") {
  make_folder();
  const char *path = in_folder("socket");
  weft_listener old = listen_at(rt, path);
  CHECK_INT(0, unlink(path));
  weft_listener new = listen_at(rt, path);
  close_listener(rt, old);
  CHECK(exists(path));
  CHECK_INT(0, rename(path, in_folder("moved")));
  CHECK_INT(0, close(creat(path, 0600)));
  close_listener(rt, new);
  CHECK_INT(0, unlink(path));
  CHECK_INT(0, unlink(in_folder("moved")));
  drop_folder();
}

TASK_TEST("26.5 a path that is relative is found again from elsewhere") {
  char home[PATH_MAX];
  make_folder();
  CHECK(getcwd(home, sizeof(home)) != NULL);
  CHECK_INT(0, chdir(folder));
  weft_listener listener = listen_at(rt, "socket");
  CHECK_INT(0, chdir(home));
  CHECK(exists(in_folder("socket")));
  close_listener(rt, listener);
  drop_folder();
}

TASK_TEST("the socket of a server that has died is taken over") {
  make_folder();
  const char *path = in_folder("socket");
  uint64_t stream;
  leave_stale(path);
  weft_listener listener = listen_at(rt, path);
  CHECK_INT(WEFT_OK, weft_unix_connect(rt, path, &stream));
  close_stream(rt, stream);
  close_listener(rt, listener);
  drop_folder();
}

TASK_TEST("what somebody uses is left alone") {
  make_folder();
  uint64_t streams[2];
  weft_listener listener = 1;
  const char *path = in_folder("socket"), *file = in_folder("file");
  int before = count_fds();
  CHECK_INT(0, close(creat(file, 0600)));
  CHECK_INT(WEFT_EADDRINUSE, weft_unix_listen(rt, file, 0, 0, &listener));
  CHECK_INT(0, unlink(file));
  int other = plain_bind(file, SOCK_DGRAM); /* of another kind, but alive */
  CHECK_INT(WEFT_EADDRINUSE, weft_unix_listen(rt, file, 0, 0, &listener));
  CHECK_INT(0, close(other));
  CHECK_INT(0, unlink(file));
  CHECK_INT(0, symlink("nowhere", file));
  CHECK_INT(WEFT_EADDRINUSE, weft_unix_listen(rt, file, 0, 0, &listener));
  CHECK_INT(0, unlink(file));
  CHECK_INT(0, listener);
  CHECK_INT(before, count_fds());
  weft_listener full = listen_full(rt, path, streams);
  CHECK_INT(WEFT_EADDRINUSE, weft_unix_listen(rt, path, 0, 0, &listener));
  CHECK(exists(path));
  close_stream(rt, streams[0]);
  close_stream(rt, streams[1]);
  close_listener(rt, full);
  listener = listen_at(rt, "@weft in use");
  CHECK_INT(WEFT_EADDRINUSE, weft_unix_listen(rt, "@weft in use", 0, 0, &full));
  close_listener(rt, listener);
  drop_folder();
}

TASK_TEST("a folder that is not there, or not writable, is told") {
  make_folder();
  weft_listener listener;
  CHECK_INT(WEFT_ENOENT,
            weft_unix_listen(rt, in_folder("none/x"), 0, 0, &listener));
  CHECK_INT(0, chmod(folder, 0500));
  int status = weft_unix_listen(rt, in_folder("socket"), 0, 0, &listener);
  if (geteuid() == 0)
    CHECK_INT(WEFT_OK, status), close_listener(rt, listener);
  else
    CHECK_INT(WEFT_EACCES, status);
  CHECK_INT(0, chmod(folder, 0700));
  drop_folder();
}

static int mode_of(const char *path) {
  struct stat found;
  CHECK_INT(0, stat(path, &found));
  return found.st_mode & 0777;
}

TASK_TEST("the permissions are those asked for, else the umask's") {
  make_folder();
  weft_listener listener;
  const char *path = in_folder("socket");
  mode_t mask = umask(027);
  static const int modes[][2] = {{0, 0750}, {0600, 0600}, {0666, 0666}};
  for (int i = 0; i < 3; i++) {
    CHECK_INT(WEFT_OK, weft_unix_listen(rt, path, modes[i][0], 0, &listener));
    CHECK_INT(modes[i][1], mode_of(path));
    close_listener(rt, listener);
  }
  umask(mask);
  drop_folder();
}

/* -- Memory ---------------------------------------------------------------- */

static int listen_and_connect(void *arg) {
  weft_runtime *rt = arg;
  weft_listener listener;
  uint64_t stream;
  int status = weft_unix_listen(rt, in_folder("socket"), 0, 0, &listener);
  if (status != WEFT_OK) {
    let_run(rt);
    return status;
  }
  status = weft_unix_connect(rt, in_folder("socket"), &stream);
  if (status == WEFT_OK)
    close_stream(rt, stream);
  close_listener(rt, listener);
  let_run(rt);
  return status;
}

TASK_TEST("want of memory is told, and leaves neither socket nor path") {
  make_folder();
  CHECK_INT(WEFT_OK, listen_and_connect(rt));
  int before = count_fds();
  CHECK(failing_each(listen_and_connect, rt) >= 3);
  CHECK_INT(before, count_fds());
  drop_folder();
}

static int connect_to_full(void *arg) {
  struct job *job = arg;
  weft_runtime *rt = (weft_runtime *)(uintptr_t)job->object;
  uint64_t now_ns, value;
  weft_scope scope;
  int caught;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  int status = weft_scope_open(rt, now_ns + SECOND_NS / 20, 0, &scope);
  if (status != WEFT_OK)
    return status;
  status = weft_unix_connect(rt, job->data, &value);
  weft_scope_leave(rt, scope, status, &caught);
  let_run(rt);
  return status == WEFT_ECANCELLED ? WEFT_OK : status;
}

TASK_TEST("want of memory for a connect that waits is told") {
  make_folder();
  uint64_t streams[2];
  weft_listener listener = listen_full(rt, in_folder("socket"), streams);
  struct job job = {.object = (uint64_t)(uintptr_t)rt,
                    .data = in_folder("socket")};
  CHECK_INT(WEFT_OK, connect_to_full(&job));
  CHECK(failing_each(connect_to_full, &job) >= 3);
  close_stream(rt, streams[0]);
  close_stream(rt, streams[1]);
  close_listener(rt, listener);
  drop_folder();
}
