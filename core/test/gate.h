/* SPDX-License-Identifier: MIT
 * gate.h - jobs for worker threads, and calls that run them.
 *
 * A job that has to be under way for a while stands at a gate, a pair of
 * semaphores: it says that it has begun, then waits to be let through. */
#ifndef WEFT_GATE_H
#define WEFT_GATE_H

#include <dirent.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "job.h"

#define SECOND_NS UINT64_C(1000000000)

/* -- What jobs do --------------------------------------------------------- */

struct gate {
  sem_t begun;
  sem_t open;
  atomic_int runs;
  int status;
  int drops;
};

static inline void gate_init(struct gate *gate) {
  memset(gate, 0, sizeof *gate);
  CHECK_INT(0, sem_init(&gate->begun, 0, 0));
  CHECK_INT(0, sem_init(&gate->open, 0, 0));
}

static inline void sem_take(sem_t *sem) {
  while (sem_wait(sem) != 0)
    ;
}

static inline int pass_gate(void *local, void *arg, uint64_t *value) {
  struct gate *gate = arg;
  (void)local;
  sem_post(&gate->begun);
  sem_take(&gate->open);
  atomic_fetch_add(&gate->runs, 1);
  *value = 7;
  return gate->status;
}

static inline int count_run(void *local, void *arg, uint64_t *value) {
  (void)local;
  *value = (uint64_t)atomic_fetch_add((atomic_int *)arg, 1) + 1;
  return WEFT_OK;
}

static inline int tell_thread(void *local, void *arg, uint64_t *value) {
  (void)local;
  *(pthread_t *)arg = pthread_self();
  *value = 42;
  return WEFT_OK;
}

static inline int fail_work(void *local, void *arg, uint64_t *value) {
  (void)local;
  (void)arg;
  (void)value;
  return WEFT_EIO;
}

static inline void drop_gate(void *arg) {
  ((struct gate *)arg)->drops++;
}

/* -- Calls that tasks make ------------------------------------------------ */

static inline int call_gate(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  return weft_work_run(rt, job->object, pass_gate, job->item, drop_gate, 0,
                       value);
}

static inline int call_abandon(weft_runtime *rt, struct job *job,
                               uint64_t *value) {
  return weft_work_run(rt, job->object, pass_gate, job->item, drop_gate, 1,
                       value);
}

static inline int call_count(weft_runtime *rt, struct job *job,
                             uint64_t *value) {
  return weft_work_run(rt, job->object, count_run, job->item, NULL, 0, value);
}

static inline int call_thread(weft_runtime *rt, struct job *job,
                              uint64_t *value) {
  return weft_work_run(rt, job->object, tell_thread, job->item, NULL, 0, value);
}

static inline int call_fail(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  return weft_work_run(rt, job->object, fail_work, NULL, NULL, 0, value);
}

static inline int call_join(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  (void)value;
  return weft_workers_join(rt, job->object);
}

/* Turns until the job's call has returned. */
static inline void turn_until_done(weft_runtime *rt, const struct job *job) {
  while (job->done == 0) {
    turn(rt);
    sched_yield();
  }
}

static inline weft_workers new_workers(weft_runtime *rt, size_t workers_max,
                                       size_t queue_max) {
  weft_workers workers;
  CHECK_INT(WEFT_OK, weft_workers_new(rt, workers_max, queue_max, &workers));
  return workers;
}

static inline int listed_threads(void) {
  int count = 0;
  DIR *dir = opendir("/proc/self/task");
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

/* Whether there come to be so many threads: the kernel lists one for a moment
 * after it was joined. */
static inline bool threads_become(int count) {
  for (int looks = 0; listed_threads() != count; looks++) {
    if (looks == 100000)
      return false;
    sched_yield();
  }
  return true;
}

static inline void *note_listed(void *arg) {
  *(int *)arg = listed_threads();
  return NULL;
}

/* A sanitizer adds a thread of its own with the first that is started. */
static inline int count_threads(void) {
  int with_one_more;
  in_pthread_apart(note_listed, &with_one_more);
  CHECK(threads_become(with_one_more - 1));
  return with_one_more - 1;
}

static inline void check_counts(weft_runtime *rt, weft_workers workers,
                                size_t running, size_t queued) {
  size_t threads, runs, waits;
  CHECK_INT(WEFT_OK,
            weft_workers_get_counts(rt, workers, &threads, &runs, &waits));
  CHECK_INT(running, runs);
  CHECK_INT(queued, waits);
}

/* -- Jobs that tell their end ---------------------------------------------- */

struct told {
  int calls;
  int drops;
  int status;
  uint64_t value;
  weft_workers close; /* to be closed when it is told */
  atomic_int count;
  struct gate *gate;
};

static inline void on_done(weft_runtime *rt, void *arg, int status,
                           uint64_t value) {
  struct told *told = arg;
  CHECK_INT(0, told->drops);
  told->calls++;
  told->status = status;
  told->value = value;
  if (told->close != 0)
    CHECK_INT(WEFT_OK, weft_workers_close(rt, told->close));
}

static inline void drop_told(void *arg) {
  ((struct told *)arg)->drops++;
}

static inline int pass_told(void *local, void *arg, uint64_t *value) {
  return pass_gate(local, ((struct told *)arg)->gate, value);
}

static inline int count_told(void *local, void *arg, uint64_t *value) {
  return count_run(local, &((struct told *)arg)->count, value);
}

static inline void turn_until_told(weft_runtime *rt, const struct told *told) {
  while (told->calls == 0) {
    turn(rt);
    sched_yield();
  }
}

/* -- Locals --------------------------------------------------------------- */

struct locals {
  atomic_int opened;
  atomic_int closed;
  atomic_int refusals; /* so many times more it cannot be opened */
  int drops;
};

static inline int open_local(void *arg, void **local) {
  struct locals *locals = arg;
  if (atomic_load(&locals->refusals) > 0) {
    atomic_fetch_sub(&locals->refusals, 1);
    return WEFT_EMFILE;
  }
  atomic_fetch_add(&locals->opened, 1);
  *local = locals;
  return WEFT_OK;
}

static inline void close_local(void *arg, void *local) {
  struct locals *locals = arg;
  CHECK(local == locals);
  atomic_fetch_add(&locals->closed, 1);
}

static inline void drop_locals(void *arg) {
  ((struct locals *)arg)->drops++;
}

#endif
