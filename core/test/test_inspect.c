/* SPDX-License-Identifier: MIT
 * test_inspect.c - the inspection socket: its file, its clients, and that the
 * runtime runs as if it was not there. What a client has sent is in the kernel
 * when its call returns, and one weft_yield later it has been answered. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "loopback.h"

/* -- A host ---------------------------------------------------------------- */

static char folder[64];
static int asked;    /* how often */
static int drops;    /* of its arg */
static int outcome;  /* what it returns */
static size_t large; /* bytes of the answer; 0: the request, twice */

static void make_folder(void) {
  strcpy(folder, "/tmp/weft-inspect-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
}

/* It must be empty. */
static void drop_folder(void) {
  CHECK_INT(0, rmdir(folder));
}

static const char *socket_path(void) {
  static char path[96];
  snprintf(path, sizeof(path), "%s/socket", folder);
  return path;
}

static bool exists(const char *path) {
  struct stat found;
  return lstat(path, &found) == 0;
}

static int mode_of(const char *path) {
  struct stat found;
  CHECK_INT(0, lstat(path, &found));
  return found.st_mode & 0777;
}

static void count_drop(void *arg) {
  CHECK(arg == folder);
  drops++;
}

static int on_request(weft_runtime *rt, void *arg, const char *request,
                      weft_value **answer) {
  weft_task current;
  CHECK(arg == folder);
  CHECK_INT(WEFT_OK, weft_task_current(rt, &current));
  CHECK_INT(0, current); /* outside any task */
  CHECK_INT(WEFT_ESTATE, weft_yield(rt));
  asked++;
  if (large > 0) {
    char *data = malloc(large);
    for (size_t i = 0; i < large; i++)
      data[i] = pattern(i);
    CHECK_INT(WEFT_OK, weft_value_new_bytes(data, large, answer));
    free(data);
  } else if (outcome == WEFT_OK) {
    char text[160];
    snprintf(text, sizeof(text), "%s %s", request, request);
    return weft_value_new_bytes(text, strlen(text), answer);
  }
  return outcome;
}

static int open_at(weft_runtime *rt, const char *path) {
  return weft_inspect_open(rt, path, on_request, folder, count_drop);
}

/* -- Clients --------------------------------------------------------------- */

static int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strcpy(address.sun_path, path);
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
    return fd;
  close(fd);
  return -1;
}

static int client_that_says(const char *text) {
  int fd = dial(socket_path());
  CHECK(fd >= 0);
  plain_send(fd, text);
  return fd;
}

/* What a client has got, to the end; it is closed. */
static const char *hear(weft_runtime *rt, int fd) {
  static char text[256];
  size_t count = plain_receive(rt, fd, text, sizeof(text) - 1);
  text[count] = '\0';
  CHECK_INT(0, close(fd));
  return text;
}

/* Whether it is still connected, and has got nothing. */
static bool is_waiting(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

#define INSPECT_TEST(sentence)                                                 \
  static void CHECK_JOIN(inspected_, __LINE__)(weft_runtime * rt);             \
  TASK_TEST(sentence) {                                                        \
    make_folder();                                                             \
    CHECK_INT(WEFT_OK, open_at(rt, socket_path()));                            \
    CHECK_JOIN(inspected_, __LINE__)(rt);                                      \
    CHECK_INT(WEFT_OK, weft_inspect_close(rt));                                \
    let_run(rt);                                                               \
    CHECK_INT(1, drops);                                                       \
    CHECK(!exists(socket_path()));                                             \
    drop_folder();                                                             \
  }                                                                            \
  static void CHECK_JOIN(inspected_, __LINE__)(weft_runtime * rt)

/* -- Questions and answers ------------------------------------------------- */

INSPECT_TEST("a question is answered at the next poll, outside tasks [29.7]") {
  CHECK_TEXT("ok 9\ntree tree", hear(rt, client_that_says("tree\n")));
  CHECK_INT(1, asked);
  CHECK_TEXT("ok 1\n ", hear(rt, client_that_says("\n")));
}

INSPECT_TEST("who has gone since is not answered, who has said all is") {
  CHECK_INT(0, close(client_that_says("tree\n")));
  int fd = client_that_says("tree\n");
  CHECK_INT(0, shutdown(fd, SHUT_WR));
  CHECK_TEXT("ok 9\ntree tree", hear(rt, fd));
  CHECK_INT(1, asked);
}

INSPECT_TEST("a code is told, with what it means or what the host says") {
  outcome = WEFT_EINVAL;
  const char *text = hear(rt, client_that_says("what?\n"));
  char expected[128];
  snprintf(expected, sizeof(expected), "error %zu\n%s",
           strlen(weft_strerror(WEFT_EINVAL)), weft_strerror(WEFT_EINVAL));
  CHECK_TEXT(expected, text);
  large = 3;
  const char told[] = "error 3\n\0\1\2";
  CHECK_INT(0, memcmp(told, hear(rt, client_that_says("x\n")), sizeof(told)));
}

INSPECT_TEST("a line may come in pieces, and what follows it is ignored") {
  int fd = client_that_says("tr");
  let_run(rt);
  CHECK_INT(0, asked);
  plain_send(fd, "ee\nstats\n");
  CHECK_TEXT("ok 9\ntree tree", hear(rt, fd));
  CHECK_INT(1, asked);
}

INSPECT_TEST("an answer is sent as it is read, however large it is") {
  enum { SIZE = 3000000 };
  large = SIZE;
  int fd = client_that_says("tree\n");
  char *data = malloc(SIZE + 11);
  let_run(rt);
  CHECK_INT(1, asked);
  CHECK_INT(SIZE + 11, plain_receive(rt, fd, data, SIZE + 11));
  CHECK_INT(0, memcmp("ok 3000000\n", data, 11));
  for (size_t i = 0; i < SIZE; i += 1001)
    CHECK_INT(pattern(i), data[11 + i]);
  CHECK_TEXT("", hear(rt, fd)); /* and that was all */
  free(data);
}

INSPECT_TEST("several clients are answered side by side") {
  int first = client_that_says("a"), second = client_that_says("b\n");
  CHECK_TEXT("ok 3\nb b", hear(rt, second));
  plain_send(first, "\n");
  CHECK_TEXT("ok 3\na a", hear(rt, first));
}

static void close_socket(weft_runtime *rt, void *arg) {
  (void)arg;
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
}

static int answer_and_close(weft_runtime *rt, void *arg, const char *request,
                            weft_value **answer) {
  close_socket(rt, arg);
  return weft_value_new_bytes(request, strlen(request), answer);
}

TASK_TEST("the function that answers may close the socket") {
  make_folder();
  CHECK_INT(WEFT_OK, weft_inspect_open(rt, socket_path(), answer_and_close,
                                       folder, count_drop));
  int fd = client_that_says("tree\n");
  CHECK_TEXT("", hear(rt, fd));
  let_run(rt);
  CHECK_INT(1, drops);
  drop_folder();
}

/* -- Clients that misbehave ------------------------------------------------ */

INSPECT_TEST("one that says nothing hinders nobody; the oldest makes room") {
  int silent[9];
  for (int i = 0; i < 8; i++)
    silent[i] = dial(socket_path());
  let_run(rt);
  let_run(rt);
  for (int i = 0; i < 8; i++)
    CHECK(is_waiting(silent[i]));
  silent[8] = client_that_says("x");
  let_run(rt);
  CHECK(!is_waiting(silent[0]));
  CHECK_TEXT("ok 3\na a", hear(rt, client_that_says("a\n")));
  CHECK(!is_waiting(silent[1]));
  for (int i = 2; i < 9; i++)
    CHECK(is_waiting(silent[i]));
  for (int i = 0; i < 9; i++)
    CHECK_INT(0, close(silent[i]));
}

INSPECT_TEST("one that floods is closed after so many bytes without a line") {
  int fd = dial(socket_path());
  CHECK(plain_fill(fd, 10) == 10);
  let_run(rt);
  CHECK(is_waiting(fd)); /* the pattern's 11th byte is a line feed */
  plain_send(fd, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  let_run(rt);
  CHECK(!is_waiting(fd));
  CHECK_INT(0, close(fd));
  CHECK_INT(0, asked);
}

INSPECT_TEST("one that vanishes is forgotten, before and in its answer") {
  int fd = client_that_says("tr");
  let_run(rt);
  CHECK_INT(0, close(fd));
  let_run(rt);
  CHECK_INT(0, close(client_that_says("tree\n"))); /* it is not there to hear */
  let_run(rt);
  large = 3000000;
  fd = client_that_says("tree\n");
  let_run(rt);
  CHECK_INT(0, close(fd));
  let_run(rt);
  large = 0;
  CHECK_TEXT("ok 3\na a", hear(rt, client_that_says("a\n")));
}

INSPECT_TEST("those that wait get the end when it is closed") {
  int silent = dial(socket_path());
  large = 3000000;
  int busy = client_that_says("tree\n");
  let_run(rt);
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  CHECK(!is_waiting(silent));
  CHECK_INT(0, close(silent));
  CHECK_INT(0, close(busy));
}

INSPECT_TEST("another user is turned away, even where the file lets him in") {
  int gate[2];
  if (geteuid() != 0)
    return; /* nobody can be somebody else */
  CHECK_INT(0, chmod(folder, 0755));
  CHECK_INT(0, chmod(socket_path(), 0666));
  CHECK_INT(0, pipe(gate));
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    int went = setgid(65534) + setuid(65534);
    int fd = dial(socket_path());
    char byte;
    ssize_t sent = send(fd, "tree\n", 5, MSG_NOSIGNAL);
    ssize_t count = recv(fd, &byte, 1, 0); /* the end, or a reset */
    byte = (char)(went == 0 && fd >= 0 && sent == 5 && count <= 0 ? 'y' : 'n');
    _exit(write(gate[1], &byte, 1) == 1 ? 0 : 1);
  }
  char byte = 0;
  CHECK_INT(0, fcntl(gate[0], F_SETFL, O_NONBLOCK));
  while (read(gate[0], &byte, 1) < 0 && errno == EAGAIN)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT('y', byte);
  CHECK_INT(child, waitpid(child, NULL, 0));
  CHECK_INT(0, close(gate[0]) + close(gate[1]));
  CHECK_INT(0, asked);
}

/* -- What is not held up --------------------------------------------------- */

INSPECT_TEST("the virtual clock jumps, clients or not [30.2]") {
  uint64_t before, after;
  int fd = client_that_says("tr");
  let_run(rt);
  CHECK_INT(WEFT_OK, weft_now(rt, &before));
  CHECK_INT(WEFT_OK, weft_sleep_until(rt, before + 1000 * SECOND_NS));
  CHECK_INT(WEFT_OK, weft_now(rt, &after));
  CHECK_INT(before + 1000 * SECOND_NS, after);
  plain_send(fd, "ee\n");
  CHECK_TEXT("ok 9\ntree tree", hear(rt, fd));
}

static int do_nothing(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
  return WEFT_OK;
}

TEST("an open socket, and a client, keep no run alive [29.7]") {
  weft_runtime *rt = new_runtime();
  make_folder();
  alarm(20);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_OK, open_at(rt, socket_path()));
  int fd = client_that_says("tr");
  for (int i = 0; i < 2; i++) {
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, do_nothing, NULL, NULL, NULL));
    CHECK_INT(WEFT_OK, weft_run(rt));
  }
  CHECK_INT(WEFT_OK, weft_runtime_free(rt)); /* which closes it */
  CHECK(!is_waiting(fd));
  CHECK_INT(0, close(fd));
  CHECK_INT(1, drops);
  drop_folder();
}

static int sleep_for_ever(weft_runtime *rt, void *arg) {
  (void)arg;
  int status = weft_sleep_until(rt, UINT64_MAX);
  weft_scope scope;
  int caught;
  CHECK_INT(WEFT_OK, weft_scope_open(rt, 0, 1, &scope));
  int stuck = weft_sleep_until(rt, UINT64_MAX); /* shielded */
  CHECK_INT(WEFT_ECANCELLED, stuck);
  CHECK_INT(WEFT_OK, weft_scope_leave(rt, scope, WEFT_OK, &caught));
  return status;
}

TEST("nor is it what could wake a task that is stuck [22.4, 29.6]") {
  weft_runtime *rt = new_runtime();
  weft_task task;
  make_folder();
  alarm(20);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_OK, open_at(rt, socket_path()));
  int fd = client_that_says("tr");
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, sleep_for_ever, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, do_nothing, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(rt, task));
  CHECK_INT(WEFT_OK, weft_run(rt)); /* its shield is lifted */
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, close(fd));
  drop_folder();
}

/* Asks from another thread, of a runtime that blocks or is busy. */
static void *ask_apart(void *arg) {
  char *text = arg;
  int fd = client_that_says("tree\n");
  ssize_t count = 0, more;
  while ((more = recv(fd, text + count, 64, 0)) > 0)
    count += more;
  text[count] = '\0';
  CHECK_INT(0, close(fd));
  return NULL;
}

static int until_asked(weft_runtime *rt, void *arg) {
  const bool *blocks = arg;
  uint64_t now_ns;
  if (*blocks) {
    CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
    return weft_sleep_until(rt, now_ns + SECOND_NS / 2);
  }
  while (asked == 0)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  return WEFT_OK;
}

static void ask_while(bool blocks) {
  weft_runtime *rt = new_runtime();
  pthread_t thread;
  char text[160] = "";
  make_folder();
  alarm(20);
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 0, 0));
  CHECK_INT(WEFT_OK, open_at(rt, socket_path()));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, until_asked, &blocks, NULL, NULL));
  CHECK_INT(0, pthread_create(&thread, NULL, ask_apart, text));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_TEXT("ok 9\ntree tree", text);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  drop_folder();
}

TEST("a runtime that waits is woken by a client, and waits on [29.7]") {
  ask_while(true);
}

TEST("one that never waits looks at its clients all the same [29.7]") {
  ask_while(false);
}

/* -- The file -------------------------------------------------------------- */

INSPECT_TEST("the socket is the user's alone, and told of") {
  const char *path;
  CHECK_INT(0600, mode_of(socket_path()));
  CHECK_INT(WEFT_OK, weft_inspect_get_path(rt, &path));
  CHECK_TEXT(socket_path(), path);
  CHECK_INT(WEFT_ESTATE, open_at(rt, socket_path())); /* there is one */
  CHECK_INT(1, drops);
  drops = 0;
}

TASK_TEST("what cannot be opened is refused, and leaves nothing") {
  make_folder();
  char path[200];
  const char *got;
  memset(path, 'x', sizeof(path));
  path[sizeof(path) - 1] = '\0';
  CHECK_INT(WEFT_EINVAL,
            weft_inspect_open(rt, socket_path(), NULL, folder, count_drop));
  CHECK_INT(WEFT_EINVAL, open_at(rt, ""));
  CHECK_INT(WEFT_EINVAL, open_at(rt, "@name"));
  CHECK_INT(WEFT_ENAMETOOLONG, open_at(rt, path));
  snprintf(path, sizeof(path), "%s/none/socket", folder);
  CHECK_INT(WEFT_ENOENT, open_at(rt, path));
  CHECK_INT(5, drops);
  CHECK_INT(WEFT_ESTATE, weft_inspect_get_path(rt, &got));
  CHECK(got == NULL);
  CHECK_INT(WEFT_OK, weft_inspect_close(rt)); /* none is fine */
  drop_folder();
}

static int stale_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strcpy(address.sun_path, path);
  CHECK_INT(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
  return close(fd);
}

TASK_TEST("one that a dead process left there is taken over; a live one not") {
  weft_runtime *other;
  make_folder();
  CHECK_INT(0, stale_socket(socket_path()));
  CHECK_INT(WEFT_OK, open_at(rt, socket_path()));
  CHECK_INT(WEFT_OK, weft_runtime_new(&other));
  CHECK_INT(WEFT_EADDRINUSE, open_at(other, socket_path()));
  CHECK_INT(WEFT_OK, weft_runtime_free(other));
  CHECK(exists(socket_path()));
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  CHECK(!exists(socket_path()));
  let_run(rt);
  drop_folder();
}

/* -- The path of one's own ------------------------------------------------- */

/* The folder that is made in ours. */
static const char *own_folder(void) {
  static char path[96];
  snprintf(path, sizeof(path), "%s/weft", folder);
  return path;
}

static const char *in_own_folder(long number) {
  static char path[128];
  snprintf(path, sizeof(path), "%s/%ld", own_folder(), number);
  return path;
}

/* The number of a process that is not there any more. */
static long dead_process(void) {
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  CHECK_INT(child, waitpid(child, NULL, 0));
  return child;
}

TASK_TEST(
    "without a path it is the process's number, in a folder of mode 0700") {
  make_folder();
  setenv("XDG_RUNTIME_DIR", folder, 1);
  const char *path;
  CHECK_INT(WEFT_OK, open_at(rt, NULL));
  CHECK_INT(WEFT_OK, weft_inspect_get_path(rt, &path));
  CHECK_TEXT(in_own_folder(getpid()), path);
  CHECK_INT(0600, mode_of(path));
  CHECK_INT(0700, mode_of(own_folder()));
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  CHECK(!exists(in_own_folder(getpid())));
  let_run(rt);
  CHECK_INT(0, rmdir(own_folder()));
  drop_folder();
}

TASK_TEST("sockets of processes that have died are removed, and only those") {
  make_folder();
  setenv("XDG_RUNTIME_DIR", folder, 1);
  long dead = dead_process();
  char other[128];
  snprintf(other, sizeof(other), "%s/notes", own_folder());
  CHECK_INT(0, mkdir(own_folder(), 0700));
  CHECK_INT(0, stale_socket(in_own_folder(dead)));
  CHECK_INT(0, stale_socket(in_own_folder(getppid())));
  CHECK_INT(0, close(creat(other, 0600)));
  CHECK_INT(WEFT_OK, open_at(rt, NULL));
  CHECK(!exists(in_own_folder(dead)));
  CHECK(exists(in_own_folder(getppid()))); /* it lives: perhaps it is its */
  CHECK(exists(other));
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  let_run(rt);
  CHECK_INT(0, unlink(other) + unlink(in_own_folder(getppid())));
  CHECK_INT(0, rmdir(own_folder()));
  drop_folder();
}

TASK_TEST("a folder that others can enter, or a link, is not used") {
  make_folder();
  setenv("XDG_RUNTIME_DIR", folder, 1);
  CHECK_INT(0, mkdir(own_folder(), 0700));
  CHECK_INT(0, chmod(own_folder(), 0750));
  CHECK_INT(WEFT_EPERM, open_at(rt, NULL));
  CHECK_INT(0, rmdir(own_folder()));
  CHECK_INT(0, symlink("/tmp", own_folder()));
  int status = open_at(rt, NULL);
  CHECK(status == WEFT_ENOTDIR || status == WEFT_ELOOP);
  CHECK_INT(0, unlink(own_folder()));
  CHECK_INT(2, drops);
  drop_folder();
}

/* The path that a runtime chooses by itself begins with this. */
static void path_begins(weft_runtime *rt, const char *begin) {
  const char *path;
  CHECK_INT(WEFT_OK, open_at(rt, NULL));
  CHECK_INT(WEFT_OK, weft_inspect_get_path(rt, &path));
  CHECK_INT(0, strncmp(begin, path, strlen(begin)));
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  let_run(rt);
}

TASK_TEST("where the session has no folder of ours, it is in /tmp") {
  char expected[64];
  make_folder();
  snprintf(expected, sizeof(expected), "/tmp/weft-%d/%d", (int)geteuid(),
           (int)getpid());
  unsetenv("XDG_RUNTIME_DIR");
  path_begins(rt, expected);
  setenv("XDG_RUNTIME_DIR", "relative", 1);
  path_begins(rt, expected);
  setenv("XDG_RUNTIME_DIR", socket_path(), 1); /* which is not there */
  path_begins(rt, expected);
  setenv("XDG_RUNTIME_DIR", folder, 1);
  CHECK_INT(0, chmod(folder, 0777)); /* anybody could have made what is there */
  path_begins(rt, expected);
  drop_folder();
}

TASK_TEST("a folder of another user is not used") {
  make_folder();
  if (geteuid() == 0) {
    setenv("XDG_RUNTIME_DIR", folder, 1);
    CHECK_INT(0, mkdir(own_folder(), 0700));
    CHECK_INT(0, chown(own_folder(), 65534, 65534));
    CHECK_INT(WEFT_EPERM, open_at(rt, NULL));
    CHECK_INT(0, rmdir(own_folder()));
  }
  drop_folder();
}

/* -- What is short --------------------------------------------------------- */

static int open_and_ask(void *arg) {
  weft_runtime *rt = arg;
  int status = open_at(rt, socket_path());
  if (status != WEFT_OK) {
    let_run(rt);
    return status;
  }
  int fd = client_that_says("a\n");
  bool heard = strcmp("ok 3\na a", hear(rt, fd)) == 0;
  CHECK_INT(WEFT_OK, weft_inspect_close(rt));
  let_run(rt);
  return heard ? WEFT_OK : WEFT_ENOMEM; /* it had the end, and may ask again */
}

TASK_TEST("want of memory is told, or the client gets the end [3.11]") {
  make_folder();
  CHECK_INT(WEFT_OK, open_and_ask(rt));
  int before = count_fds();
  CHECK(failing_each(open_and_ask, rt) >= 4);
  CHECK_INT(before, count_fds());
  drop_folder();
}

/* Leaves no descriptor but [more]. */
static void let_descriptors(int more) {
  struct rlimit limit;
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
  limit.rlim_cur = (rlim_t)(count_fds() - 1 + more); /* its own, too */
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
}

/* The system's accept4, but that it fails for want of a descriptor where the
 * test's script has an F: a limit set for the process would hit valgrind too,
 * which takes the connection before it says so. */
static const char *accepts = "";

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size,
            int flags) {
  char next = *accepts;
  accepts += next != '\0';
  if (next == 'F') {
    errno = EMFILE;
    return -1;
  }
  return (int)syscall(SYS_accept4, fd, address, size, flags);
}

INSPECT_TEST("without a descriptor left it still answers, one at a time") {
  int before = count_fds();
  accepts = "F+F"; /* the reserve is given up; then there is none */
  int fd = client_that_says("a\n"), other = client_that_says("b\n");
  CHECK_TEXT("ok 3\na a", hear(rt, fd));    /* in the reserve's place */
  CHECK_TEXT("ok 3\nb b", hear(rt, other)); /* when there is one again */
  CHECK_TEXT("", accepts);
  CHECK_INT(2, asked);
  CHECK_INT(before, count_fds());
}

TASK_TEST("opened without a descriptor left it is refused") {
  struct rlimit limit;
  int gaps[64], count = 0;
  make_folder();
  CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &limit));
  let_descriptors(0);
  while (count < 64 && (gaps[count] = open("/dev/null", O_RDONLY)) >= 0)
    count++;
  CHECK_INT(WEFT_EMFILE, open_at(rt, socket_path()));
  unsetenv("XDG_RUNTIME_DIR");
  CHECK_INT(WEFT_EMFILE, open_at(rt, NULL));
  while (count > 0)
    CHECK_INT(0, close(gaps[--count]));
  CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &limit));
  drop_folder();
}

static void *open_apart(void *arg) {
  CHECK_INT(WEFT_ETHREAD, open_at(arg, socket_path()));
  CHECK_INT(WEFT_ETHREAD, weft_inspect_close(arg));
  return NULL;
}

TASK_TEST("another thread is refused [1.11]") {
  pthread_t thread;
  make_folder();
  CHECK_INT(0, pthread_create(&thread, NULL, open_apart, rt));
  CHECK_INT(0, pthread_join(thread, NULL));
  CHECK_INT(1, drops);
  drop_folder();
}
