/* SPDX-License-Identifier: MIT
 * test_watch.c - watching descriptors. */
#include "loopback.h"

/* What a watch has told, and what to do when it does. */
struct seen {
  weft_watch watch;
  int calls;
  int status;
  int events;
  int drops;
  bool close_inside;
  bool stop_inside;
};

static void on_events(weft_runtime *rt, void *arg, int status, int events) {
  struct seen *seen = arg;
  seen->calls++;
  seen->status = status;
  seen->events = events;
  if (seen->close_inside)
    CHECK_INT(WEFT_OK, weft_watch_close(rt, seen->watch));
  if (seen->stop_inside)
    CHECK_INT(WEFT_OK, weft_watch_set(rt, seen->watch, 0));
  CHECK_INT(0, seen->drops); /* arg is still good */
}

static void on_drop(void *arg) {
  ((struct seen *)arg)->drops++;
}

static void watch(weft_runtime *rt, int fd, struct seen *seen, int events) {
  CHECK_INT(WEFT_OK,
            weft_watch_new(rt, fd, on_events, seen, on_drop, &seen->watch));
  CHECK_INT(WEFT_OK, weft_watch_set(rt, seen->watch, events));
}

static void close_watch(weft_runtime *rt, struct seen *seen) {
  CHECK_INT(WEFT_OK, weft_watch_close(rt, seen->watch));
  let_run(rt);
  CHECK_INT(1, seen->drops);
}

static void new_pair(int pair[2]) {
  CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static void close_pair(const int pair[2]) {
  CHECK_INT(0, close(pair[0]));
  CHECK_INT(0, close(pair[1]));
}

TASK_TEST("a watch tells what is possible, and only what was asked for") {
  int pair[2];
  struct seen seen = {.stop_inside = true};
  new_pair(pair);
  watch(rt, pair[0], &seen, WEFT_READABLE);
  let_run(rt);
  CHECK_INT(0, seen.calls);
  plain_send(pair[1], "x");
  let_run(rt);
  CHECK_INT(1, seen.calls);
  CHECK_INT(WEFT_OK, seen.status);
  CHECK_INT(WEFT_READABLE, seen.events);
  CHECK_INT(WEFT_OK,
            weft_watch_set(rt, seen.watch, WEFT_READABLE | WEFT_WRITABLE));
  let_run(rt);
  CHECK_INT(2, seen.calls);
  CHECK_INT(WEFT_READABLE | WEFT_WRITABLE, seen.events);
  close_watch(rt, &seen);
  close_pair(pair);
}

TASK_TEST("a watch goes on telling until it is told to stop") {
  int pair[2];
  struct seen seen = {0};
  new_pair(pair);
  watch(rt, pair[0], &seen, WEFT_WRITABLE);
  let_run(rt);
  CHECK(seen.calls >= 2);
  CHECK_INT(WEFT_OK, weft_watch_set(rt, seen.watch, 0));
  int calls = seen.calls;
  let_run(rt);
  CHECK_INT(calls, seen.calls);
  close_watch(rt, &seen);
  close_pair(pair);
}

TASK_TEST("a closed watch tells nothing more, and its handle is stale") {
  int pair[2];
  struct seen seen = {0};
  new_pair(pair);
  watch(rt, pair[0], &seen, WEFT_READABLE);
  plain_send(pair[1], "x");
  close_watch(rt, &seen);
  CHECK_INT(0, seen.calls);
  CHECK_INT(WEFT_EBADF, weft_watch_set(rt, seen.watch, WEFT_READABLE));
  CHECK_INT(WEFT_EBADF, weft_watch_close(rt, seen.watch));
  close_pair(pair);
}

TASK_TEST("a watch may be closed in its own callback") {
  int pair[2];
  struct seen seen = {.close_inside = true};
  new_pair(pair);
  watch(rt, pair[0], &seen, WEFT_WRITABLE);
  let_run(rt);
  CHECK_INT(1, seen.calls);
  CHECK_INT(1, seen.drops);
  close_pair(pair);
}

TASK_TEST("after a close the descriptor can be watched anew") {
  int pair[2];
  struct seen first = {0}, second = {0};
  new_pair(pair);
  watch(rt, pair[0], &first, WEFT_WRITABLE);
  CHECK_INT(WEFT_OK, weft_watch_close(rt, first.watch));
  watch(rt, pair[0], &second, WEFT_WRITABLE);
  let_run(rt);
  CHECK_INT(0, first.calls);
  CHECK(second.calls > 0);
  close_watch(rt, &second);
  close_pair(pair);
}

TASK_TEST("a descriptor that is watched is refused, and arg dropped") {
  int pair[2];
  struct seen first = {0}, second = {0};
  new_pair(pair);
  watch(rt, pair[0], &first, WEFT_READABLE);
  CHECK_INT(WEFT_EEXIST, weft_watch_new(rt, pair[0], on_events, &second,
                                        on_drop, &second.watch));
  CHECK_INT(0, second.watch);
  CHECK_INT(1, second.drops);
  close_watch(rt, &first);
  close_pair(pair);
}

TASK_TEST("what cannot be watched is refused, and arg dropped") {
  struct seen seen = {0};
  int file = open("/proc/self/exe", O_RDONLY);
  CHECK_INT(WEFT_EPERM,
            weft_watch_new(rt, file, on_events, &seen, on_drop, &seen.watch));
  CHECK_INT(1, seen.drops);
  CHECK_INT(0, close(file));
  CHECK_INT(WEFT_EINVAL,
            weft_watch_new(rt, -1, on_events, &seen, on_drop, &seen.watch));
  CHECK_INT(WEFT_EINVAL,
            weft_watch_new(rt, 0, NULL, &seen, on_drop, &seen.watch));
  CHECK_INT(3, seen.drops);
}

TASK_TEST("events of another kind are refused") {
  int pair[2];
  struct seen seen = {0};
  new_pair(pair);
  watch(rt, pair[0], &seen, 0);
  CHECK_INT(WEFT_EINVAL, weft_watch_set(rt, seen.watch, 4));
  CHECK_INT(WEFT_EINVAL, weft_watch_set(rt, seen.watch, -1));
  close_watch(rt, &seen);
  close_pair(pair);
}

TASK_TEST("a descriptor that has failed is told with a negative status") {
  int port;
  struct seen seen = {0};
  uint64_t stream;
  weft_listener listener = listen_here(rt, &port);
  int fd = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  watch(rt, fd, &seen, WEFT_READABLE);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  plain_send(fd, "x"); /* which the closed end answers with a reset */
  let_run(rt);
  CHECK_INT(1, seen.calls);
  CHECK_INT(WEFT_EIO, seen.status);
  CHECK_INT(0, seen.events);
  close_watch(rt, &seen);
  CHECK_INT(0, close(fd));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
}

TEST("a watch still open when its runtime is freed is closed") {
  int pair[2];
  struct seen seen = {0};
  failing_install();
  weft_runtime *rt = new_runtime();
  new_pair(pair);
  watch(rt, pair[0], &seen, WEFT_WRITABLE);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, seen.calls);
  CHECK_INT(1, seen.drops);
  CHECK_INT(0, failing_live());
  close_pair(pair);
}

struct attempt {
  weft_runtime *rt;
  int fd;
};

static int new_and_close(void *arg) {
  struct attempt *attempt = arg;
  struct seen seen = {0};
  int status = weft_watch_new(attempt->rt, attempt->fd, on_events, &seen,
                              on_drop, &seen.watch);
  if (status == WEFT_OK)
    CHECK_INT(WEFT_OK, weft_watch_close(attempt->rt, seen.watch));
  let_run(attempt->rt);
  CHECK_INT(1, seen.drops);
  return status;
}

TASK_TEST("want of memory is told and leaves nothing") {
  int pair[2];
  new_pair(pair);
  struct attempt attempt = {rt, pair[0]};
  CHECK_INT(WEFT_OK, new_and_close(&attempt)); /* what libuv keeps is there */
  CHECK(failing_each(new_and_close, &attempt) > 0);
  close_pair(pair);
}
