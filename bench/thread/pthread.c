/* SPDX-License-Identifier: MIT
 * pthread.c - calls handed to threads and back, by two lists under a mutex.
 *
 *   thread_pthread calls|executor CALLS AT_ONCE
 *
 * One thread has so many calls under way at once; two others run them, for
 * `calls` up to 40. Prints the microseconds of one call. */
#define _GNU_SOURCE /* clock_gettime */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT_ONCE_MAX 1000
#define THREADS_MAX 40

struct job {
  struct job *next;
  size_t number; /* what is given */
  size_t result;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_waiting = PTHREAD_COND_INITIALIZER;
static pthread_cond_t has_done = PTHREAD_COND_INITIALIZER;
static struct job *waiting, *done;
static struct job jobs[AT_ONCE_MAX];

static void must(int holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "thread_pthread: %s\n", what);
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* -- The threads ---------------------------------------------------------- */

static void push(struct job **list, struct job *job) {
  job->next = *list;
  *list = job;
}

static void *work(void *unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (waiting == NULL)
      pthread_cond_wait(&has_waiting, &mutex);
    struct job *job = waiting;
    waiting = job->next;
    pthread_mutex_unlock(&mutex);
    job->result = job->number + 1;
    pthread_mutex_lock(&mutex);
    push(&done, job);
    pthread_cond_signal(&has_done);
  }
  return NULL;
}

/* -- The calls ------------------------------------------------------------ */

static void start(struct job *job, size_t number) {
  job->number = number;
  push(&waiting, job);
  pthread_cond_signal(&has_waiting);
}

/* With the mutex: all that are done, and no less than one. */
static struct job *take_done(void) {
  while (done == NULL)
    pthread_cond_wait(&has_done, &mutex);
  struct job *taken = done;
  done = NULL;
  return taken;
}

static void run_round(size_t count, size_t at_once) {
  size_t started = 0, ended = 0, sum = 0;
  pthread_mutex_lock(&mutex);
  while (started < at_once && started < count) {
    start(&jobs[started], started);
    started++;
  }
  while (ended < count) {
    struct job *job = take_done();
    while (job != NULL) {
      struct job *next = job->next;
      sum += job->result;
      ended++;
      if (started < count)
        start(job, started++);
      job = next;
    }
  }
  pthread_mutex_unlock(&mutex);
  must(sum == count * (count + 1) / 2, "wrong results");
}

int main(int argc, char **argv) {
  must(argc == 4, "calls|executor CALLS AT_ONCE");
  size_t count = strtoul(argv[2], NULL, 10);
  size_t at_once = strtoul(argv[3], NULL, 10);
  must(count > 0 && at_once > 0 && at_once <= AT_ONCE_MAX, "wrong sizes");
  int threads = strcmp(argv[1], "executor") == 0 ? 2 : THREADS_MAX;
  pthread_t thread;
  for (int i = 0; i < threads; i++)
    must(pthread_create(&thread, NULL, work, NULL) == 0, "no thread");
  run_round(count / 10, at_once);
  double began = seconds(CLOCK_MONOTONIC);
  double cpu_began = seconds(CLOCK_PROCESS_CPUTIME_ID);
  run_round(count, at_once);
  double unit = 1e6 / (double)count;
  printf("call %.3f\n", (seconds(CLOCK_MONOTONIC) - began) * unit);
  printf("cpu %.3f\n", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_began) * unit);
  return 0;
}
