/* SPDX-License-Identifier: MIT
 * posix_spawn.c - processes run to their end, some at once, by one thread.
 *
 *   process_posix_spawn null|pipes PROCESSES AT_ONCE
 *
 * With pipes, both outputs are read to their end, then the process is waited
 * for; without, whichever ends first is. Prints the microseconds of one, and of
 * CPU time, its own included. */
#define _GNU_SOURCE /* clock_gettime, pipe2 */

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE_MAX 1000
#define OUTPUTS 2

extern char **environ;

/* One that runs; its outputs are ends[OUTPUTS * its place] and the next. */
static pid_t pids[AT_ONCE_MAX];
static struct pollfd ends[AT_ONCE_MAX * OUTPUTS];

static void must(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "process_posix_spawn: %s\n", what);
  exit(1);
}

/* -- Starting ------------------------------------------------------------- */

/* [outputs] become 1 and 2; negative: /dev/null. */
static pid_t start(const int *outputs) {
  char program[] = "/bin/true";
  char *arguments[] = {program, NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (int i = 0; i < OUTPUTS; i++)
    if (outputs[i] < 0)
      posix_spawn_file_actions_addopen(&actions, 1 + i, "/dev/null", O_WRONLY,
                                       0);
    else
      posix_spawn_file_actions_adddup2(&actions, outputs[i], 1 + i);
  must(posix_spawn(&pid, program, &actions, NULL, arguments, environ) == 0,
       "a process does not start");
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

static void start_piped(size_t place) {
  int outputs[OUTPUTS];
  for (size_t i = 0; i < OUTPUTS; i++) {
    int pair[2];
    must(pipe2(pair, O_CLOEXEC) == 0, "no pipe");
    ends[place * OUTPUTS + i] = (struct pollfd){pair[0], POLLIN, 0};
    outputs[i] = pair[1];
  }
  pids[place] = start(outputs);
  for (size_t i = 0; i < OUTPUTS; i++)
    close(outputs[i]);
}

/* -- Without pipes -------------------------------------------------------- */

static void await_any(void) {
  int status;
  must(wait(&status) > 0 && status == 0, "wrong result");
}

static void round_null(size_t times, size_t at_once) {
  static const int outputs[OUTPUTS] = {-1, -1};
  for (size_t i = 0; i < times; i++) {
    if (i >= at_once)
      await_any();
    start(outputs);
  }
  for (size_t i = times < at_once ? times : at_once; i > 0; i--)
    await_any();
}

/* -- With pipes ----------------------------------------------------------- */

/* Nothing is to come out. */
static void close_ended(struct pollfd *end) {
  char bytes[1024];
  if (end->fd < 0 || end->revents == 0)
    return;
  must(read(end->fd, bytes, sizeof bytes) == 0, "wrong output");
  close(end->fd);
  end->fd = -1; /* poll ignores it */
}

/* Whether the one at [place] has ended; then it is reaped. */
static bool has_ended(size_t place) {
  int status;
  for (size_t i = 0; i < OUTPUTS; i++)
    close_ended(&ends[place * OUTPUTS + i]);
  for (size_t i = 0; i < OUTPUTS; i++)
    if (ends[place * OUTPUTS + i].fd >= 0)
      return false;
  must(waitpid(pids[place], &status, 0) == pids[place] && status == 0,
       "wrong result");
  return true;
}

static void round_pipes(size_t times, size_t at_once) {
  size_t started = 0, ended = 0;
  for (size_t i = 0; i < AT_ONCE_MAX * OUTPUTS; i++)
    ends[i].fd = -1;
  while (started < at_once && started < times)
    start_piped(started++);
  while (ended < times) {
    must(poll(ends, at_once * OUTPUTS, -1) > 0, "no poll");
    for (size_t place = 0; place < at_once; place++) {
      bool runs =
          ends[place * OUTPUTS].fd >= 0 || ends[place * OUTPUTS + 1].fd >= 0;
      if (!runs || !has_ended(place))
        continue;
      ended++;
      if (started < times) {
        start_piped(place);
        started++;
      }
    }
  }
}

/* -- Measuring ------------------------------------------------------------ */

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double microseconds(struct timeval time) {
  return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

static double cpu_us(void) {
  struct rusage own, others;
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &others);
  return microseconds(own.ru_utime) + microseconds(own.ru_stime) +
         microseconds(others.ru_utime) + microseconds(others.ru_stime);
}

int main(int argc, char **argv) {
  must(argc == 4, "null|pipes PROCESSES AT_ONCE");
  size_t count = strtoul(argv[2], NULL, 10);
  size_t at_once = strtoul(argv[3], NULL, 10);
  must(count > 0 && at_once > 0 && at_once <= AT_ONCE_MAX, "wrong sizes");
  void (*round)(size_t, size_t) =
      strcmp(argv[1], "pipes") == 0 ? round_pipes : round_null;
  round((count + 9) / 10, at_once);
  double began = now_us(), cpu_began = cpu_us();
  round(count, at_once);
  printf("process %.3f\n", (now_us() - began) / (double)count);
  printf("cpu %.3f\n", (cpu_us() - cpu_began) / (double)count);
  return 0;
}
