/* SPDX-License-Identifier: MIT
 * loopback.h - what the tests of I/O need: a task to run in, jobs that wait in
 * its stead, and peers that are plain sockets.
 *
 * TASK_TEST("sentence") { ... } runs its body as a task of a fresh runtime with
 * the virtual clock, and checks that no descriptor and no memory is left. All
 * is in one process: what a peer has sent is in the kernel when its call
 * returns, and one weft_yield later the runtime has polled for it. */
#ifndef WEFT_LOOPBACK_H
#define WEFT_LOOPBACK_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "failing.h"
#include "weft.h"

#define SECOND_NS UINT64_C(1000000000)

/* -- The test's task ------------------------------------------------------ */

static inline int count_fds(void) {
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(dir) != NULL)
    count++;
  closedir(dir);
  return count;
}

static inline weft_runtime *new_runtime(void) {
  weft_runtime *rt;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  return rt;
}

static inline void run_body(weft_task_fn body) {
  failing_install();
  alarm(60); /* a test that waits for ever ends here */
  CHECK_INT(WEFT_OK, weft_runtime_free(new_runtime())); /* libuv's globals */
  int fds = count_fds();
  long live = failing_live();
  int state = 0;
  weft_task task;
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, body, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  CHECK_INT(WEFT_OK, weft_task_get_state(rt, task, &state));
  CHECK_INT(WEFT_TASK_FINISHED, state);
  CHECK_INT(WEFT_OK, weft_task_close(rt, task));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(fds, count_fds());
  CHECK_INT(live, failing_live());
  CHECK_INT(-1, waitpid(-1, NULL, WNOHANG)); /* there is no child */
}

static inline void warm_up(weft_runtime *rt);

#define TASK_TEST(sentence)                                                    \
  static void CHECK_JOIN(body_, __LINE__)(weft_runtime * rt);                  \
  static int CHECK_JOIN(task_, __LINE__)(weft_runtime * rt, void *arg) {       \
    (void)arg;                                                                 \
    warm_up(rt);                                                               \
    CHECK_JOIN(body_, __LINE__)(rt);                                           \
    return WEFT_OK;                                                            \
  }                                                                            \
  TEST(sentence) {                                                             \
    run_body(CHECK_JOIN(task_, __LINE__));                                     \
  }                                                                            \
  static void CHECK_JOIN(body_, __LINE__)(weft_runtime * rt)

/* Lets everybody run, and the loop poll, a few times. */
static inline void let_run(weft_runtime *rt) {
  for (int i = 0; i < 4; i++)
    CHECK_INT(WEFT_OK, weft_yield(rt));
}

/* -- Jobs -----------------------------------------------------------------
 * A task that makes one call, in either kind of task. */

struct job {
  int (*call)(weft_runtime *rt, struct job *job, uint64_t *value);
  uint64_t object; /* what the call is made on */
  const char *data;
  size_t size_bytes;
  int port;
  uint64_t timeout_ns; /* of a scope around the call; 0: none */

  weft_task task;
  weft_scope scope;
  bool begun;
  bool done;
  int status;
  uint64_t value;
  int caught; /* what the scope absorbed */
};

static inline int job_done(weft_runtime *rt, struct job *job, int status,
                           uint64_t value) {
  job->done = true;
  job->status = status;
  job->value = value;
  if (job->scope != 0)
    return weft_scope_leave(rt, job->scope, status, &job->caught);
  return WEFT_OK;
}

static inline void job_begin(weft_runtime *rt, struct job *job) {
  uint64_t now_ns;
  job->begun = true;
  if (job->timeout_ns == 0)
    return;
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(WEFT_OK,
            weft_scope_open(rt, now_ns + job->timeout_ns, 0, &job->scope));
}

static inline int job_step(weft_runtime *rt, void *arg, int status,
                           uint64_t value) {
  struct job *job = arg;
  if (!job->begun) {
    job_begin(rt, job);
    status = job->call(rt, job, &value);
    if (status == WEFT_PARKED)
      return status;
  }
  return job_done(rt, job, status, value);
}

static inline int job_run(weft_runtime *rt, void *arg) {
  struct job *job = arg;
  uint64_t value = 0;
  job_begin(rt, job);
  int status = job->call(rt, job, &value);
  CHECK(status != WEFT_PARKED);
  return job_done(rt, job, status, value);
}

static inline void spawn_job(weft_runtime *rt, struct job *job, bool stepped) {
  if (stepped)
    CHECK_INT(WEFT_OK, weft_spawn_step(rt, 0, job_step, job, NULL, &job->task));
  else
    CHECK_INT(WEFT_OK, weft_spawn(rt, 0, job_run, job, NULL, &job->task));
}

/* Spawns the job and lets it run until it waits or is done. */
static inline void start_job(weft_runtime *rt, struct job *job, bool stepped) {
  spawn_job(rt, job, stepped);
  CHECK_INT(WEFT_OK, weft_yield(rt));
}

/* Waits for the job's end and gives its call's status. */
static inline int join_job(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, weft_task_await(rt, job->task));
  CHECK_INT(WEFT_OK, weft_task_close(rt, job->task));
  CHECK(job->done);
  return job->status;
}

static inline int cancel_job(weft_runtime *rt, struct job *job) {
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, job->task, NULL));
  return join_job(rt, job);
}

/* The word of what the job's task waits for, "" if it does not. */
static inline const char *job_wait(weft_runtime *rt, const struct job *job) {
  const char *what = NULL;
  uint64_t object, until_ns;
  CHECK_INT(WEFT_OK,
            weft_task_get_wait(rt, job->task, &what, &object, &until_ns));
  return what == NULL ? "" : what;
}

static inline int call_fill(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  return weft_stream_fill(rt, job->object, job->size_bytes, value);
}

static inline int call_write(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  (void)value;
  return weft_stream_write(rt, job->object, job->data, job->size_bytes);
}

static inline int call_flush(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  (void)value;
  return weft_stream_flush(rt, job->object);
}

static inline int call_shutdown(weft_runtime *rt, struct job *job,
                                uint64_t *value) {
  (void)value;
  return weft_stream_shutdown(rt, job->object);
}

static inline int call_close(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  (void)value;
  return weft_stream_close(rt, job->object);
}

static inline int call_accept(weft_runtime *rt, struct job *job,
                              uint64_t *value) {
  return weft_listener_accept(rt, job->object, value);
}

static inline int call_connect(weft_runtime *rt, struct job *job,
                               uint64_t *value) {
  return weft_tcp_connect(rt, job->data, job->port, value);
}

/* -- Plain sockets -------------------------------------------------------- */

static inline struct sockaddr_in loopback_address(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port)};
}

static inline int plain_connect(int port) {
  struct sockaddr_in address = loopback_address(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  CHECK_INT(0, connect(fd, (struct sockaddr *)&address, sizeof(address)));
  return fd;
}

/* Closes with a reset instead of an end. */
static inline void plain_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  CHECK_INT(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
  CHECK_INT(0, close(fd));
}

static inline void plain_send(int fd, const char *text) {
  CHECK_INT(strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

/* The byte at [place] of what tests send where it is much. */
static inline char pattern(size_t place) {
  return (char)(place % 251);
}

/* Sends as much of the pattern as there is room for. */
static inline size_t plain_fill(int fd, size_t size_bytes) {
  static char block[64 * 1024];
  size_t sent = 0;
  while (sent < size_bytes) {
    size_t count = size_bytes - sent;
    if (count > sizeof(block))
      count = sizeof(block);
    for (size_t i = 0; i < count; i++)
      block[i] = pattern(sent + i);
    ssize_t n = send(fd, block, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
      break;
    sent += (size_t)n;
  }
  return sent;
}

/* Receives up to [size_bytes] while the runtime goes on sending; fewer at the
 * end of the stream. */
static inline size_t plain_receive(weft_runtime *rt, int fd, char *data,
                                   size_t size_bytes) {
  size_t count = 0;
  while (count < size_bytes) {
    ssize_t n = recv(fd, data + count, size_bytes - count, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      break;
    if (n < 0)
      CHECK_INT(WEFT_OK, weft_yield(rt));
    else
      count += (size_t)n;
  }
  return count;
}

/* Receives to the end of the stream and counts; -1 if that is a reset. */
static inline ssize_t plain_drain(weft_runtime *rt, int fd) {
  static char block[64 * 1024];
  ssize_t count = 0;
  for (;;) {
    ssize_t n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      return n == 0 ? count : -1;
    if (n < 0)
      CHECK_INT(WEFT_OK, weft_yield(rt));
    else
      count += n;
  }
}

/* -- Connections ---------------------------------------------------------- */

/* Takes [value] and gives its text, good until the next call. */
static inline const char *take_text(weft_value *value) {
  static char text[128];
  const char *data;
  size_t size_bytes;
  CHECK_INT(WEFT_OK, weft_value_get_bytes(value, &data, &size_bytes));
  snprintf(text, sizeof(text), "%s", data);
  weft_value_unref(value);
  return text;
}

static inline const char *listener_text(weft_runtime *rt,
                                        weft_listener listener) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_listener_address(rt, listener, &value));
  return take_text(value);
}

static inline weft_listener listen_here(weft_runtime *rt, int *port) {
  weft_listener listener;
  CHECK_INT(WEFT_OK, weft_tcp_listen(rt, "127.0.0.1", 0, 0, &listener));
  const char *text = listener_text(rt, listener);
  CHECK_INT(0, strncmp(text, "127.0.0.1:", 10));
  *port = atoi(text + 10);
  return listener;
}

/* A stream and the plain socket at its other end. */
static inline weft_stream open_pair(weft_runtime *rt, int *peer) {
  int port;
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  *peer = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  return stream;
}

/* With its first stream a loop opens a descriptor of its own and allocates what
 * it keeps; tests count without them. */
static inline void warm_up(weft_runtime *rt) {
  int peer;
  weft_stream stream = open_pair(rt, &peer);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(0, close(peer));
  let_run(rt);
}

/* Whether [text] is all that is buffered. */
static inline bool buffered_is(weft_runtime *rt, weft_stream stream,
                               const char *text) {
  const char *data;
  size_t size_bytes;
  CHECK_INT(WEFT_OK, weft_stream_peek(rt, stream, &data, &size_bytes));
  return size_bytes == strlen(text) && memcmp(data, text, size_bytes) == 0;
}

#endif
