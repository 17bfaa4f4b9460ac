/* SPDX-License-Identifier: MIT
 * launch.c - starts a program again and again, and waits for each to end.
 *
 *   launch TIMES COMMAND...
 *
 * Prints the milliseconds from its start to its end (start), those of CPU time
 * (cpu), both by the number of runs, and the peak of its resident memory in
 * megabytes (peak). Fails if one of them does. The first run is not counted. */
#define _GNU_SOURCE /* environ, clock_gettime */

#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "launch: %s\n", what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t microseconds(struct timeval time) {
  return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

/* Runs [command] to its end; its use of the machine goes to [used]. */
static void launch(char **command, struct rusage *used) {
  pid_t pid = 0;
  int status = 0;
  int error = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
  if (error != 0)
    fail(strerror(error));
  if (wait4(pid, &status, 0, used) != pid)
    fail("cannot wait for it");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail("the program has failed");
}

int main(int argc, char **argv) {
  int times = argc > 2 ? atoi(argv[1]) : 0;
  if (times < 1)
    fail("usage: launch TIMES COMMAND...");
  struct rusage used;
  uint64_t cpu_us = 0;
  long peak_kilobytes = 0;
  launch(argv + 2, &used);
  uint64_t began_ns = now_ns();
  for (int i = 0; i < times; i++) {
    launch(argv + 2, &used);
    cpu_us += microseconds(used.ru_utime) + microseconds(used.ru_stime);
    if (used.ru_maxrss > peak_kilobytes)
      peak_kilobytes = used.ru_maxrss;
  }
  printf("start %.4f\n", (double)(now_ns() - began_ns) / 1e6 / times);
  printf("cpu %.4f\n", (double)cpu_us / 1e3 / times);
  printf("peak %.3f\n", (double)peak_kilobytes * 1024 / 1e6);
  return 0;
}
