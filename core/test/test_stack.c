/* SPDX-License-Identifier: MIT
 * test_stack.c - fibers, entered and left by a loop that is the test itself. */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unwind.h>

#include "fiber_job.h"

/* -- Running -------------------------------------------------------------- */

TEST("a fiber runs on its own, aligned stack with its own argument") {
  struct job job;
  job_run_through(&job, ready(), note_place, 41);
  CHECK_INT(42, job.seen);
}

TEST("a fiber that is never entered can be freed") {
  struct job job;
  weft_runtime *rt = ready();
  CHECK_INT(WEFT_OK, job_start(&job, rt, note_place, 0));
  job_free(&job);
  CHECK_INT(0, job.seen);
  CHECK_INT(1, rt->fibers.count);
}

static void count_up(struct job *job) {
  for (long i = 0; i < job->number; i++) {
    job->seen = i;
    job_leave(job);
  }
}

TEST("a fiber is entered and left any number of times") {
  struct job job;
  long count = is_watched() ? 20000 : 1000000;
  CHECK_INT(WEFT_OK, job_start(&job, ready(), count_up, count));
  for (long i = 0; i < count; i++) {
    job_enter(&job);
    if (job.seen != i)
      break;
  }
  CHECK_INT(count - 1, job.seen);
  job_enter(&job);
  job_free(&job);
}

/* Leaves at every depth on the way down and up, with locals in between. */
static long dig(struct job *job, long depth) {
  volatile long locals[8];
  for (int i = 0; i < 8; i++)
    locals[i] = job->number * 1000 + depth * 10 + i;
  job_leave(job);
  long sum = depth == 0 ? 0 : dig(job, depth - 1);
  job_leave(job);
  for (int i = 0; i < 8; i++)
    sum += locals[i] - (job->number * 1000 + depth * 10 + i);
  return sum + 1;
}

static void dig_ten(struct job *job) {
  job->seen = dig(job, 10);
}

TEST("the locals of nested calls stay as they are while others run") {
  struct job jobs[5];
  weft_runtime *rt = ready();
  for (long i = 0; i < 5; i++)
    CHECK_INT(WEFT_OK, job_start(&jobs[i], rt, dig_ten, i));
  for (int turn = 0; turn < 23; turn++)
    for (int i = 0; i < 5; i++)
      job_enter(&jobs[i]);
  for (int i = 0; i < 5; i++) {
    CHECK_INT(11, jobs[i].seen);
    job_free(&jobs[i]);
  }
}

/* As many values as there are registers to keep them in, on both sides of a
 * switch. [seed] is volatile, so none of them is known beforehand. */
static long juggle(struct job *job, void (*pass)(struct job *job)) {
  volatile long seed = job->number;
  long a = seed + 1, b = seed + 2, c = seed + 3, d = seed + 4, e = seed + 5,
       f = seed + 6, g = seed + 7, h = seed + 8, i = seed + 9, j = seed + 10,
       k = seed + 11, l = seed + 12;
  double x = (double)seed, y = x * 2, z = x * 3;
  for (int turn = 0; turn < 3; turn++) {
    pass(job);
    a += b, b += c, c += d, d += e, e += f, f += g, g += h, h += i, i += j;
    j += k, k += l, l += a, x += y, y += z, z += x;
  }
  return a + b * 3 + c * 5 + d * 7 + e * 11 + f * 13 + g * 17 + h * 19 +
         i * 23 + j * 29 + k * 31 + l * 37 + (long)(x + y * 41 + z * 43);
}

static void juggle_inside(struct job *job) {
  job->seen = juggle(job, job_leave);
}

static void stay(struct job *job) {
  (void)job;
}

TEST("the values that a call must preserve are preserved on both sides") {
  struct job job;
  CHECK_INT(WEFT_OK, job_start(&job, ready(), juggle_inside, 1000));
  long expected = juggle(&job, stay);
  CHECK_INT(expected, juggle(&job, job_enter));
  job_enter(&job);
  job_free(&job);
  CHECK_INT(expected, job.seen);
}

static void exit_deep(struct job *job, long depth) {
  volatile char frame[512];
  memset((void *)(uintptr_t)frame, (int)depth, sizeof frame);
  if (depth > 0)
    exit_deep(job, depth - 1);
  else
    weft__fiber_exit(job->rt, job->fiber);
  job->seen += frame[0]; /* never reached: a fiber's end is not a return */
}

static void exit_at_depth(struct job *job) {
  job->seen = 7;
  exit_deep(job, job->number);
}

TEST("a fiber can end inside a deep call, and its stack is good again") {
  weft_runtime *rt = ready();
  for (int round = 0; round < 100; round++) {
    struct job job, after;
    job_run_through(&job, rt, exit_at_depth, 100);
    CHECK_INT(7, job.seen);
    job_run_through(&after, rt, note_place, round);
    CHECK_INT(round + 1, after.seen);
    CHECK(job.fiber == after.fiber);
  }
}

TEST("a fiber that is freed in the middle gives a stack that is good again") {
  weft_runtime *rt = ready();
  struct job job, after;
  CHECK_INT(WEFT_OK, job_start(&job, rt, dig_ten, 1));
  for (int turn = 0; turn < 5; turn++)
    job_enter(&job);
  job_free(&job);
  job_run_through(&after, rt, exit_at_depth, 100);
  CHECK(job.fiber == after.fiber);
  CHECK_INT(7, after.seen);
}

static weft_runtime other_rt;

static void drive_other(struct job *job) {
  struct job inner;
  set_up(&other_rt);
  CHECK_INT(WEFT_OK, job_start(&inner, &other_rt, dig_ten, 3));
  for (int turn = 0; turn < 22; turn++) {
    job_enter(&inner);
    job_leave(job);
  }
  job_enter(&inner);
  job->seen = inner.seen;
  job_free(&inner);
}

TEST("a fiber can be the loop of another runtime") {
  struct job job;
  CHECK_INT(WEFT_OK, job_start(&job, ready(), drive_other, 0));
  for (int turn = 0; turn < 23; turn++)
    job_enter(&job);
  CHECK_INT(11, job.seen);
  job_free(&job);
}

static void *run_in_thread(void *arg) {
  weft_runtime *rt = arg;
  set_up(rt);
  struct job jobs[50];
  for (int i = 0; i < 50; i++)
    CHECK_INT(WEFT_OK, job_start(&jobs[i], rt, dig_ten, i));
  for (int turn = 0; turn < 23; turn++)
    for (int i = 0; i < 50; i++)
      job_enter(&jobs[i]);
  intptr_t good = 0;
  for (int i = 0; i < 50; i++) {
    good += jobs[i].seen == 11;
    job_free(&jobs[i]);
  }
  weft__stacks_clear(&rt->fibers);
  return (void *)good;
}

TEST("runtimes in different threads have nothing to do with each other") {
  pthread_t threads[2];
  weft_runtime *rts[2] = {&test_rt, &other_rt};
  for (int i = 0; i < 2; i++)
    CHECK_INT(0, pthread_create(&threads[i], NULL, run_in_thread, rts[i]));
  for (int i = 0; i < 2; i++) {
    void *good = NULL;
    CHECK_INT(0, pthread_join(threads[i], &good));
    CHECK_INT(50, (intptr_t)good);
  }
}

/* -- Floating point ------------------------------------------------------- */

/* The rounding mode as it shows in a conversion, which valgrind follows too;
 * the processor may have another register for it than what fegetround reads. */
static int rounding_shown(void) {
  volatile double plus = 1 + 0x1.8p-24; /* nearer to the float above 1 */
  volatile double minus = -plus;
  volatile float above = (float)plus, below = (float)minus;
  if (above > 1)
    return below < -1 ? FE_TONEAREST : FE_UPWARD;
  return below < -1 ? FE_DOWNWARD : FE_TOWARDZERO;
}

static void check_rounding(int expected) {
  CHECK_INT(expected, fegetround());
  CHECK_INT(expected, rounding_shown());
}

static void round_up(struct job *job) {
  check_rounding((int)job->number);
  fesetround(FE_UPWARD);
  job_leave(job);
  check_rounding(FE_UPWARD);
  job->seen = 1;
}

TEST("a rounding mode set in a fiber holds there and nowhere else") {
  struct job job;
  CHECK_INT(WEFT_OK, job_start(&job, ready(), round_up, FE_TONEAREST));
  job_enter(&job);
  check_rounding(FE_TONEAREST);
  fesetround(FE_DOWNWARD);
  job_enter(&job);
  check_rounding(FE_DOWNWARD);
  CHECK_INT(1, job.seen);
  job_free(&job);
}

TEST("a fiber inherits the rounding mode of whoever makes it") {
  struct job job;
  weft_runtime *rt = ready();
  fesetround(FE_TOWARDZERO);
  CHECK_INT(WEFT_OK, job_start(&job, rt, round_up, FE_TOWARDZERO));
  fesetround(FE_TONEAREST);
  job_enter(&job);
  check_rounding(FE_TONEAREST);
  job_enter(&job);
  CHECK_INT(1, job.seen);
  job_free(&job);
}

#ifdef __x86_64__
/* The precision of the x87 has no counterpart in the other control register,
 * so here only one of the two differs. */
enum { X87_DOUBLE = 0x27f, X87_EXTENDED = 0x37f };

static void set_x87(unsigned short word) {
  __asm__ volatile("fldcw %0" : : "m"(word));
}

static int get_x87(void) {
  unsigned short word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}

static void lower_precision(struct job *job) {
  set_x87(X87_DOUBLE);
  job_leave(job);
  job->seen = get_x87();
}

TEST("the precision of the x87 set in a fiber holds there only") {
  struct job job;
  set_x87(X87_EXTENDED);
  CHECK_INT(WEFT_OK, job_start(&job, ready(), lower_precision, 0));
  job_enter(&job);
  CHECK_INT(X87_EXTENDED, get_x87());
  job_enter(&job);
  CHECK_INT(X87_EXTENDED, get_x87());
  if (!RUNNING_ON_VALGRIND) /* which has the one precision only */
    CHECK_INT(X87_DOUBLE, job.seen);
  job_free(&job);
}
#endif

/* -- Many ----------------------------------------------------------------- */

static size_t count_mappings(void) {
  size_t count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL)
    return 0;
  for (int c = getc(maps); c != EOF; c = getc(maps))
    count += c == '\n';
  fclose(maps);
  return count;
}

static void leave_twice(struct job *job) {
  volatile long mine = job->number;
  job_leave(job);
  mine = mine * 2;
  job_leave(job);
  job->seen = mine;
}

/* Has [count] of them alive at once; returns the mappings that it took. */
static size_t run_many(weft_runtime *rt, size_t count) {
  struct job *jobs = calloc(count, sizeof *jobs);
  size_t before = count_mappings(), made = 0, good = 0;
  while (made < count &&
         job_start(&jobs[made], rt, leave_twice, (long)made) == WEFT_OK)
    made++;
  for (int turn = 0; turn < 3; turn++)
    for (size_t i = 0; i < made; i++)
      job_enter(&jobs[i]);
  size_t after = count_mappings();
  for (size_t i = 0; i < made; i++) {
    good += jobs[i].seen == 2 * (long)i;
    job_free(&jobs[i]);
  }
  CHECK_INT(count, made);
  CHECK_INT(count, good);
  free(jobs);
  return after - before;
}

TEST("10,000 fibers with guards live at once") {
  weft_runtime *rt = ready();
  run_many(rt, is_watched() ? 500 : 10000);
  weft__stacks_clear(&rt->fibers);
}

TEST("50,000 fibers without guards share a few mappings") {
  weft_runtime *rt = ready();
  rt->fibers.guard = false;
  size_t mappings = run_many(rt, is_watched() ? 500 : 50000);
  CHECK(mappings < 100 || is_watched()); /* the tools' own count too */
  weft__stacks_clear(&rt->fibers);
}

/* -- Guards --------------------------------------------------------------- */

/* Writes downwards to nearly the end of its stack, then beyond it. */
static void overrun(struct job *job) {
  volatile long *seen = &job->seen;
  volatile char *bottom = (char *)job->fiber - job->rt->fibers.size_bytes;
  volatile char *place = (volatile char *)__builtin_frame_address(0) - 4096;
  while (place > bottom + 4096)
    *(place -= 1024) = 1;
  *seen = 1;
  for (int i = 0; i < 8; i++)
    *(place -= 1024) = 1;
  *seen = 2;
}

static uintptr_t start_of_mapping(const struct job *job) {
  uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  return end_of_mapping(job) - job->rt->fibers.size_bytes -
         (job->rt->fibers.guard ? page_bytes : 0);
}

/* Maps 64 KiB that end at [end]; false if somebody else has them. */
static bool map_up_to(uintptr_t end) {
  void *made = mmap((void *)(end - 65536), 65536, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return made == (void *)(end - 65536);
}

/* Of [count] fibers one that has memory right below its mapping, so that
 * nothing but its guard is in the way: another fiber, or what is mapped now. */
static struct job *find_above_memory(struct job *jobs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uintptr_t start = start_of_mapping(&jobs[i]);
    for (size_t j = 0; j < count; j++)
      if (end_of_mapping(&jobs[j]) == start)
        return &jobs[i];
    if (map_up_to(start))
      return &jobs[i];
  }
  return NULL;
}

static void overrun_one(bool guard, int guard_way, struct job *jobs,
                        size_t count) {
  weft_runtime *rt = ready();
  rt->fibers.guard = guard;
  rt->fibers.guard_way = (uint8_t)guard_way;
  for (size_t i = 0; i < count; i++)
    if (job_start(&jobs[i], rt, overrun, 0) != WEFT_OK)
      _exit(2);
  struct job *job = find_above_memory(jobs, count);
  if (job == NULL)
    _exit(3);
  job_enter(job);
  _exit(0);
}

/* Overruns a stack in a child; returns its status, and how far it came. */
static int fate_of_overrun(bool guard, int guard_way, long *seen) {
  enum { COUNT = 16 };
  struct job *jobs = mmap(NULL, COUNT * sizeof *jobs, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGSEGV, SIG_DFL); /* the sanitizers would report and exit */
    overrun_one(guard, guard_way, jobs, COUNT);
  }
  int status = -1;
  waitpid(child, &status, 0);
  *seen = 0;
  for (int i = 0; i < COUNT; i++)
    *seen += jobs[i].seen;
  munmap(jobs, COUNT * sizeof *jobs);
  return status;
}

TEST("running into the guard page ends the process by SIGSEGV") {
  long seen = 0;
  int status = fate_of_overrun(true, 0, &seen);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK_INT(1, seen);
}

TEST("so it does where a guard has to be a mapping of its own") {
  long seen = 0;
  int status = fate_of_overrun(true, 2, &seen);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK_INT(1, seen);
}

TEST("without a guard nothing stops it") {
  long seen = 0;
  CHECK_INT(0, fate_of_overrun(false, 0, &seen));
  CHECK_INT(2, seen);
}

/* -- Limits --------------------------------------------------------------- */

TEST("a stack there is no room for is refused with ENOMEM") {
  struct job job;
  weft_runtime *rt = ready();
  rt->fibers.size_bytes = (size_t)1 << 50;
  CHECK_INT(WEFT_ENOMEM, job_start(&job, rt, note_place, 0));
  CHECK(job.fiber == NULL);
  rt->fibers.size_bytes = SIZE_MAX;
  CHECK_INT(WEFT_ENOMEM, job_start(&job, rt, note_place, 0));
  rt->fibers.size_bytes = 64 * 1024;
  job_run_through(&job, rt, note_place, 1);
  CHECK_INT(2, job.seen);
}

static long mappings_max(void) {
  long count = 0;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
  if (file == NULL)
    return 0;
  if (fscanf(file, "%ld", &count) != 1)
    count = 0;
  fclose(file);
  return count;
}

/* Uses up the kernel's mappings with pages that no two neighbours of can be
 * one; the last one made is returned. */
static void *use_up_mappings(void) {
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  void *last = NULL;
  for (int i = 0;; i++) {
    void *page = mmap(NULL, page_bytes, i % 2 == 0 ? PROT_NONE : PROT_READ,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
      return last;
    last = page;
  }
}

static void check_estacks(bool guard) {
  struct job job;
  weft_runtime *rt = ready();
  rt->fibers.guard = guard;
  char *last = use_up_mappings();
  CHECK_INT(WEFT_ESTACKS, job_start(&job, rt, note_place, 0));
  CHECK(job.fiber == NULL);
  /* Every second page, so that each makes a mapping less. */
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < 64; i += 2)
    munmap(last + (size_t)i * page_bytes, page_bytes);
  job_run_through(&job, rt, note_place, 1);
  CHECK_INT(2, job.seen);
}

/* Whether the limit can be reached: the tools keep books of mappings that are
 * too small for it, and a few systems allow a million. */
static bool limit_is_in_reach(void) {
  long count = mappings_max();
  return !is_watched() && count > 0 && count <= 300000;
}

TEST("when the kernel has no more mappings the error says so") {
  if (limit_is_in_reach())
    check_estacks(false);
}

TEST("it says so for guarded stacks too, and nothing is left half made") {
  if (limit_is_in_reach())
    check_estacks(true);
}

TEST("guards that are mappings use up the kernel's, and give them back") {
  if (!limit_is_in_reach())
    return;
  size_t count = (size_t)mappings_max(), made = 0;
  struct job *jobs = calloc(count, sizeof *jobs);
  weft_runtime *rt = ready();
  rt->fibers.guard_way = 2;
  rt->fibers.size_bytes = 16 * 1024;
  int status = WEFT_OK;
  while (made < count && status == WEFT_OK)
    if ((status = job_start(&jobs[made], rt, note_place, 0)) == WEFT_OK)
      made++;
  CHECK_INT(WEFT_ESTACKS, status);
  CHECK(made > count / 2 - 1000 && made < count / 2);
  for (size_t i = 0; i < made; i++)
    job_free(&jobs[i]);
  weft__stacks_clear(&rt->fibers);
  CHECK(count_mappings() < 1000);
  free(jobs);
}

/* -- Backtraces ----------------------------------------------------------- */

struct trace {
  int frames;
  bool through_entry;
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context,
                                      void *arg) {
  struct trace *trace = arg;
  uintptr_t start = (uintptr_t)_Unwind_GetRegionStart(context);
  trace->frames++;
  trace->through_entry |= start == (uintptr_t)job_entry;
  return trace->frames > 100 ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

static void trace_back(struct job *job) {
  struct trace trace = {0, false};
  job_leave(job);
  CHECK_INT(_URC_END_OF_STACK, _Unwind_Backtrace(note_frame, &trace));
  CHECK(trace.through_entry);
  CHECK(trace.frames >= 4 && trace.frames < 12);
}

TEST("a backtrace leads through the fiber's entry and ends there") {
  struct job job;
  CHECK_INT(WEFT_OK, job_start(&job, ready(), trace_back, 0));
  job_enter(&job);
  job_enter(&job);
  job_free(&job);
}
