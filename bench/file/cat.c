/* SPDX-License-Identifier: MIT
 * cat.c - how long cat needs to write a file to /dev/null.
 *
 *   file_cat large PATH, or into PATH
 *
 * Its start is included; it is a hundredth of the whole. Prints the
 * milliseconds. */
#define _GNU_SOURCE /* clock_gettime, wait4 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void must(int holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "file_cat: %s\n", what);
  exit(1);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double milliseconds(struct timeval time) {
  return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

/* Runs it; returns the milliseconds of CPU that it has used. */
static double run_cat(char *path) {
  char *arguments[] = {"cat", path, NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int status;
  struct rusage used;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  must(posix_spawnp(&pid, "cat", &actions, NULL, arguments, environ) == 0,
       "cat does not start");
  posix_spawn_file_actions_destroy(&actions);
  must(wait4(pid, &status, 0, &used) == pid && status == 0, "cat has failed");
  return milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
}

int main(int argc, char **argv) {
  must(argc == 3, "large PATH");
  run_cat(argv[2]);
  double began = now_ms();
  double cpu = run_cat(argv[2]);
  printf("%s %.3f\n", argv[1], now_ms() - began);
  printf("cpu %.3f\n", cpu);
  return 0;
}
