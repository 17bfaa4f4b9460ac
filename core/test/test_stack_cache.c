/* SPDX-License-Identifier: MIT
 * test_stack_cache.c - what becomes of stacks that are free. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "fiber_job.h"

/* The kernel says ENOMEM of a page that is not mapped. */
static bool is_mapped(void *address) {
  uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t page = (uintptr_t)address & ~(page_bytes - 1);
  unsigned char in_memory;
  return mincore((void *)page, page_bytes, &in_memory) == 0;
}

static void make(weft_runtime *rt, struct job *jobs, size_t count) {
  for (size_t i = 0; i < count; i++)
    CHECK_INT(WEFT_OK, job_start(&jobs[i], rt, note_place, (long)i));
}

/* Makes [count] fibers and frees them. */
static void burst(weft_runtime *rt, struct job *jobs, size_t count) {
  make(rt, jobs, count);
  for (size_t i = 0; i < count; i++) {
    job_enter(&jobs[i]);
    job_free(&jobs[i]);
  }
}

static int by_fiber(const void *left, const void *right) {
  uintptr_t a = (uintptr_t)((const struct job *)left)->fiber;
  uintptr_t b = (uintptr_t)((const struct job *)right)->fiber;
  return a < b ? -1 : a > b;
}

TEST("a second batch of 1,000 runs on the stacks of the first") {
  static struct job first[1000], second[1000];
  weft_runtime *rt = ready();
  size_t count = is_watched() ? 200 : 1000, same = 0;
  burst(rt, first, count);
  CHECK_INT(count, rt->fibers.count);
  burst(rt, second, count);
  CHECK_INT(count, rt->fibers.count);
  qsort(first, count, sizeof *first, by_fiber);
  qsort(second, count, sizeof *second, by_fiber);
  for (size_t i = 0; i < count; i++)
    same += first[i].fiber == second[i].fiber;
  CHECK_INT(count, same);
}

TEST("a stack that was used is used again before one that was not") {
  struct job jobs[3], next;
  weft_runtime *rt = ready();
  make(rt, jobs, 3);
  job_free(&jobs[1]);
  CHECK_INT(WEFT_OK, job_start(&next, rt, note_place, 0));
  CHECK(next.fiber == jobs[1].fiber);
}

/* As many as are mapped of those that [count] jobs had. */
static size_t count_mapped(struct job *jobs, size_t count) {
  size_t mapped = 0;
  for (size_t i = 0; i < count; i++)
    mapped += is_mapped(jobs[i].fiber);
  return mapped;
}

enum { MANY = 6000, LATER = 1000000000 };

static struct job many[MANY];

/* A runtime with many small stacks that are free, those that [many] had; NULL
 * where a tool would take long. */
static weft_runtime *leave_many(void) {
  if (is_watched())
    return NULL;
  weft_runtime *rt = ready();
  rt->fibers.size_bytes = 16 * 1024;
  burst(rt, many, MANY);
  CHECK_INT(MANY, rt->fibers.count);
  weft__stacks_look(&rt->fibers, LATER);
  CHECK_INT(MANY, rt->fibers.count);
  return rt;
}

/* Looks at them until there is nothing more to be unmapped. */
static void look_on(weft_runtime *rt) {
  for (uint64_t look = 2; look < 9; look++)
    weft__stacks_look(&rt->fibers, look * LATER);
}

TEST("stacks that nobody needs for a while are unmapped, but for some") {
  weft_runtime *rt = leave_many();
  if (rt == NULL)
    return;
  weft__stacks_look(&rt->fibers, LATER + 1);
  CHECK_INT(MANY, rt->fibers.count); /* too soon after the last look */
  look_on(rt);
  CHECK(rt->fibers.count <= WEFT__STACKS_KEPT);
  CHECK(rt->fibers.count > WEFT__STACKS_KEPT - 64);
  CHECK_INT(rt->fibers.mapped, count_mapped(many, MANY));
  weft__stacks_clear(&rt->fibers);
  CHECK_INT(0, rt->fibers.count);
  CHECK_INT(0, rt->fibers.mapped);
  CHECK_INT(0, count_mapped(many, MANY));
}

TEST("they go bit by bit") {
  weft_runtime *rt = leave_many();
  if (rt == NULL)
    return;
  static struct job more[MANY];
  make(rt, many, MANY);
  burst(rt, more, MANY);
  for (size_t i = 0; i < MANY; i++)
    job_free(&many[i]);
  weft__stacks_look(&rt->fibers, 2 * (uint64_t)LATER);
  CHECK_INT(2 * MANY, rt->fibers.count);
  weft__stacks_look(&rt->fibers, 3 * (uint64_t)LATER);
  CHECK(rt->fibers.count < 2 * MANY);
  CHECK(rt->fibers.count > 2 * MANY - MANY / 2);
  weft__stacks_clear(&rt->fibers);
}

TEST("stacks that come into use between two looks stay") {
  weft_runtime *rt = leave_many();
  if (rt == NULL)
    return;
  for (uint64_t look = 2; look < 5; look++) {
    burst(rt, many, MANY);
    weft__stacks_look(&rt->fibers, look * LATER);
  }
  CHECK_INT(MANY, rt->fibers.count);
  weft__stacks_clear(&rt->fibers);
}

/* Whether there is memory behind it. */
static bool is_resident(const void *address) {
  uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t page = (uintptr_t)address & ~(page_bytes - 1);
  unsigned char in_memory = 0;
  return mincore((void *)page, page_bytes, &in_memory) == 0 && in_memory & 1;
}

TEST("beside stacks in use only the memory of the others goes") {
  weft_runtime *rt = leave_many();
  if (rt == NULL)
    return;
  make(rt, many, MANY);
  for (size_t i = 0; i < MANY; i++)
    if (i % 16 != 0)
      job_free(&many[i]);
  look_on(rt);
  CHECK(rt->fibers.count <= WEFT__STACKS_KEPT);
  CHECK_INT(MANY, count_mapped(many, MANY));
  size_t resident = 0;
  for (size_t i = 0; i < MANY; i++)
    resident += is_resident(many[i].fiber);
  CHECK_INT(rt->fibers.count + MANY / 16, resident);
  for (size_t i = 0; i < MANY; i += 16) {
    job_enter(&many[i]);
    CHECK_INT((long)i + 1, many[i].seen);
    job_free(&many[i]);
  }
  burst(rt, many, MANY);
  CHECK_INT(MANY, rt->fibers.count);
  weft__stacks_clear(&rt->fibers);
}

/* Uses [number] KiB of its stack. */
static void use_kib(struct job *job) {
  volatile char block[1024];
  block[0] = block[1023] = 1;
  if (--job->number > 0)
    use_kib(job);
  job->seen += block[0] + block[1023];
}

TEST("a cached stack of another size is not used") {
  struct job small[3], large;
  weft_runtime *rt = ready();
  rt->fibers.size_bytes = 16 * 1024;
  burst(rt, small, 3);
  rt->fibers.size_bytes = 2048 * 1024;
  job_run_through(&large, rt, use_kib, 900);
  CHECK_INT(1800, large.seen);
  CHECK_INT(1, rt->fibers.count);
}

TEST("stacks in use while another size is wanted fit again when it is not") {
  struct job jobs[3], other;
  weft_runtime *rt = ready();
  make(rt, jobs, 3);
  job_free(&jobs[0]);
  rt->fibers.size_bytes *= 2;
  job_run_through(&other, rt, note_place, 0);
  rt->fibers.size_bytes /= 2;
  job_free(&jobs[1]);
  CHECK_INT(3, rt->fibers.count);
  job_free(&jobs[2]);
  CHECK_INT(4, rt->fibers.count);
  burst(rt, jobs, 3);
  weft__stacks_clear(&rt->fibers);
}

TEST("a stack is not cached once other sizes are wanted") {
  struct job job;
  weft_runtime *rt = ready();
  CHECK_INT(WEFT_OK, job_start(&job, rt, note_place, 0));
  rt->fibers.size_bytes *= 2;
  job_free(&job);
  CHECK_INT(0, rt->fibers.count);
  CHECK(!is_mapped(job.fiber));
}

TEST("a size that is no multiple of a page is rounded up") {
  struct job job;
  weft_runtime *rt = ready();
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  rt->fibers.size_bytes = 64 * 1024 + 1;
  rt->fibers.guard = false;
  job_run_through(&job, rt, use_kib, 40);
  CHECK_INT(80, job.seen);
  CHECK(is_mapped((void *)(end_of_mapping(&job) - 64 * 1024 - page_bytes)));
}
