/* SPDX-License-Identifier: MIT
 * read.c - files read by one thread in a loop of system calls.
 *
 *   file_read large PATH         from beginning to end; as well into PATH
 *   file_read small DIR FILES    one after the other, DIR/1 and so on
 *
 * Nothing that reads files can use less CPU. Prints the milliseconds, or the
 * microseconds of one small file. */
#define _GNU_SOURCE /* clock_gettime, O_CLOEXEC */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LARGE_BYTES ((size_t)1 << 30)
#define PIECE_BYTES ((size_t)128 * 1024)
#define SMALL_BYTES ((size_t)4096)

static const char large_end[] = {'t', 'h', 'e', ' ', 'e', 'n', 'd', '.'};
static char piece[PIECE_BYTES];

static void fail(const char *what) {
  fprintf(stderr, "file_read: %s\n", what);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int open_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fail("a file cannot be opened");
  return fd;
}

static size_t read_piece(int fd) {
  ssize_t count = read(fd, piece, sizeof piece);
  if (count < 0)
    fail("a file cannot be read");
  return (size_t)count;
}

static void read_large(const char *path, size_t unused) {
  int fd = open_file(path);
  size_t size_bytes = 0, last = 0, count;
  (void)unused;
  while ((count = read_piece(fd)) > 0) {
    size_bytes += count;
    last = count;
  }
  close(fd);
  if (size_bytes != LARGE_BYTES || last < sizeof large_end ||
      memcmp(piece + last - sizeof large_end, large_end, sizeof large_end) != 0)
    fail("wrong bytes");
}

static void read_small(const char *dir, size_t count) {
  char path[4096];
  for (size_t i = 1; i <= count; i++) {
    snprintf(path, sizeof path, "%s/%zu", dir, i);
    int fd = open_file(path);
    size_t size_bytes = read_piece(fd);
    if (size_bytes != SMALL_BYTES || read_piece(fd) != 0 ||
        strtoul(piece, NULL, 10) != i)
      fail("wrong bytes");
    close(fd);
  }
}

int main(int argc, char **argv) {
  if (argc < 3)
    fail("large PATH, or small DIR FILES");
  size_t count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
  double unit = count > 0 ? 1e6 / (double)count : 1e3;
  void (*work)(const char *, size_t) = count > 0 ? read_small : read_large;
  work(argv[2], count);
  double began = seconds(CLOCK_MONOTONIC);
  double cpu_began = seconds(CLOCK_PROCESS_CPUTIME_ID);
  work(argv[2], count);
  printf("%s %.3f\n", argv[1], (seconds(CLOCK_MONOTONIC) - began) * unit);
  printf("cpu %.3f\n", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_began) * unit);
  return 0;
}
