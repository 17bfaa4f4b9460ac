/* SPDX-License-Identifier: MIT
 * fiber_job.h - fibers with something to do, for the tests of stacks.
 *
 * The runtime is a zeroed struct of which only the cache of fibers is used, so
 * these tests need nothing but stack.c and the switch that was built. */
#ifndef WEFT_FIBER_JOB_H
#define WEFT_FIBER_JOB_H

#include <stdint.h>

#include "check.h"

#include "../core.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifdef __has_include
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

/* -- A fiber with a job --------------------------------------------------- */

struct job {
  weft_runtime *rt;
  struct fiber *fiber;
  void *context;
  void (*run)(struct job *job);
  long number; /* which one it is, or how often */
  long seen;   /* what it leaves for the test */
};

static void job_entry(void *arg) {
  struct job *job = arg;
  job->run(job);
  weft__fiber_exit(job->rt, job->fiber);
}

static inline int job_start(struct job *job, weft_runtime *rt,
                            void (*run)(struct job *job), long number) {
  *job = (struct job){.rt = rt, .run = run, .number = number};
  return weft__fiber_new(rt, job_entry, job, &job->fiber, &job->context);
}

static inline void job_enter(struct job *job) {
  weft__fiber_enter(job->rt, job->fiber, job->context);
}

static inline void job_leave(struct job *job) {
  weft__fiber_leave(job->rt, job->fiber, &job->context);
}

static inline void job_free(struct job *job) {
  weft__fiber_free(job->rt, job->fiber);
}

/* Starts, runs and frees one that never leaves before its end. */
static inline void job_run_through(struct job *job, weft_runtime *rt,
                                   void (*run)(struct job *job), long number) {
  CHECK_INT(WEFT_OK, job_start(job, rt, run, number));
  job_enter(job);
  job_free(job);
}

static void set_up(weft_runtime *rt) {
  memset(rt, 0, sizeof *rt);
  list_init(&rt->fibers.open);
  rt->fibers.size_bytes = 256 * 1024;
  rt->fibers.guard = true;
}

static weft_runtime test_rt;

static inline weft_runtime *ready(void) {
  set_up(&test_rt);
  return &test_rt;
}

/* Whether a tool watches that makes everything slower and larger. */
static inline bool is_watched(void) {
#ifdef IS_SANITIZED
  return true;
#else
  return RUNNING_ON_VALGRIND != 0;
#endif
}

/* -- What fibers do ------------------------------------------------------- */

static inline void note_place(struct job *job) {
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  uintptr_t top = (uintptr_t)job->fiber;
  CHECK(frame < top && frame > top - job->rt->fibers.size_bytes);
  CHECK_INT(0, frame % 16);
  job->seen = job->number + 1;
}

static inline uintptr_t end_of_mapping(const struct job *job) {
  uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  return ((uintptr_t)job->fiber & ~(page_bytes - 1)) + page_bytes;
}

#endif
