/* SPDX-License-Identifier: MIT
 * watchdog.c - a thread that notices a step which holds the loop, and prints
 * where it is while it still does.
 *
 * The thread itself reads nothing of the runtime or the Lua state but counts
 * that are made for it. There are two ways to the stack, and neither lets it
 * look at what moves:
 *
 * - Lua code that computes is asked: LuaJIT's profiler compiles a check into
 *   every line, and its signal has the virtual machine call back at the next
 *   one. lua_sethook would never be heard by compiled code.
 * - Where the loop's thread sits in a C function, nobody would answer, and a
 *   signal would cut its sleep short. So a copy of the process is made, in
 *   which nothing moves any more, and looks at the stack there. Should it catch
 *   the stack in the middle of a change, it is the copy that crashes.
 *
 * The profiler is one for the whole process. Where somebody else has it, and in
 * a worker, whose thread handles no signals, the copy alone has to do. */
#include "host.h"
#include "watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <luajit.h>

enum {
  LOOKS_A_LIMIT = 8, /* how often the thread looks in the time allowed */
  ANSWER_MS = 100,   /* how long the virtual machine may take to answer */
  TEXT_BYTES = 8192
};

/* Who the text is of, and where that is. */
struct finding {
  char task[128]; /* ""; a callback, or the loop itself */
  char stack[TEXT_BYTES];
};

/* Of the question to the virtual machine. */
enum question { NOTHING, ASKED, ANSWERING, ANSWERED };

struct watchdog {
  struct host *host;
  weft_runtime *rt;
  uint64_t limit_ns;
  pthread_t thread;
  pthread_t loop;
  int loop_tid;
  bool asks; /* it has the profiler */
  struct sigaction before;
  struct sigaction profiler;
  _Atomic int question; /* enum question */
  struct finding found;
  pthread_mutex_t mutex;
  pthread_cond_t ended;
  bool ends; /* by the mutex */

  /* The thread's own. */
  uint64_t count;   /* that it saw last */
  uint64_t held_ns; /* how long that has not changed */
  uint64_t next_ns; /* when it is told, the next time */
};

uint64_t watchdog_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* -- Where it is ---------------------------------------------------------- */

static void find(const struct watchdog *dog, lua_State *L,
                 struct finding *found) {
  weft_peek_task(dog->rt, found->task, sizeof found->task);
  stack_write(L, found->stack, sizeof found->stack);
}

/* -- Asking the virtual machine ------------------------------------------- */

/* In the loop's thread, at a place where its stack is in order. */
static void on_sample(void *data, lua_State *L, int samples, int vmstate) {
  struct watchdog *dog = data;
  int asked = ASKED;
  (void)samples;
  (void)vmstate;
  if (!atomic_compare_exchange_strong(&dog->question, &asked, ANSWERING))
    return;
  find(dog, L, &dog->found);
  atomic_store(&dog->question, ANSWERED);
}

static void sleep_ms(long ms) {
  struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* Whether it is still our profiler that the signal would reach: with another's
 * function, or none, it would do who knows what. */
static bool has_profiler(const struct watchdog *dog) {
  struct sigaction now;
  return dog->asks && sigaction(SIGPROF, NULL, &now) == 0 &&
         now.sa_handler == dog->profiler.sa_handler;
}

static bool ask(struct watchdog *dog) {
  int asked = ASKED;
  if (!has_profiler(dog))
    return false;
  atomic_store(&dog->question, ASKED);
  pthread_kill(dog->loop, SIGPROF);
  for (int ms = 0; ms < ANSWER_MS; ms++) {
    if (atomic_load(&dog->question) == ANSWERED)
      break;
    sleep_ms(1);
  }
  if (atomic_compare_exchange_strong(&dog->question, &asked, NOTHING))
    return false;
  while (atomic_load(&dog->question) != ANSWERED)
    sleep_ms(1);
  return true;
}

static void ignore_signal(int number) {
  (void)number;
}

static bool hears_signal(int number) {
  sigset_t blocked;
  return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 &&
         sigismember(&blocked, number) == 0;
}

/* One virtual machine in the process can have the profiler. */
static atomic_flag profiler_taken = ATOMIC_FLAG_INIT;

/* Starts the profiler without its timer: only the thread asks. Should somebody
 * else stop it, what stands before it is a function that does nothing, instead
 * of the default, which would end the process. */
static bool take_profiler(struct watchdog *dog, lua_State *L) {
  static const struct itimerval off;
  struct sigaction nothing = {.sa_handler = ignore_signal,
                              .sa_flags = SA_RESTART};
  if (atomic_flag_test_and_set(&profiler_taken))
    return false;
  sigaction(SIGPROF, NULL, &dog->before);
  if (dog->before.sa_handler != SIG_DFL && dog->before.sa_handler != SIG_IGN) {
    atomic_flag_clear(&profiler_taken);
    return false;
  }
  sigaction(SIGPROF, &nothing, NULL);
  luaJIT_profile_start(L, "li2000000000", on_sample, dog);
  setitimer(ITIMER_PROF, &off, NULL);
  sigaction(SIGPROF, NULL, &dog->profiler);
  return true;
}

/* Whether somebody in this virtual machine has taken the profiler over: then
 * the answer to its signal is not ours. */
static bool answers(struct watchdog *dog, lua_State *L) {
  if (!has_profiler(dog))
    return false;
  atomic_store(&dog->question, ASKED);
  raise(SIGPROF);
  if (luaL_loadstring(L, "return") != 0 || lua_pcall(L, 0, 0, 0) != 0)
    lua_pop(L, 1);
  return atomic_exchange(&dog->question, NOTHING) == ANSWERED;
}

/* What somebody else has set meanwhile stays. */
static void give_profiler_back(struct watchdog *dog, lua_State *L) {
  struct sigaction now;
  if (answers(dog, L))
    luaJIT_profile_stop(L);
  if (sigaction(SIGPROF, NULL, &now) == 0 && now.sa_handler == ignore_signal)
    sigaction(SIGPROF, &dog->before, NULL);
  atomic_flag_clear(&profiler_taken);
}

/* -- Looking at a copy ---------------------------------------------------- */

#if defined(__linux__)

/* The state of the loop's thread as ps shows it: 'R' runs, 'S' and 'D' sit in
 * the kernel; 0 if that cannot be told. */
static char state_of_loop(const struct watchdog *dog) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", dog->loop_tid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = '\0';
  const char *name_end = strrchr(text, ')');
  if (name_end == NULL || name_end[1] != ' ')
    return 0;
  return name_end[2];
}

static int own_tid(void) {
  return (int)syscall(SYS_gettid);
}

#else

static char state_of_loop(const struct watchdog *dog) {
  (void)dog;
  return 'R';
}

static int own_tid(void) {
  return 0;
}

#endif

static void look_in_copy(void *arg) {
  struct watchdog *dog = arg;
  const struct host *host = dog->host;
  find(dog, host->active != NULL ? host->active : host->L, &dog->found);
}

/* -- Telling -------------------------------------------------------------- */

struct notice {
  struct host *host;
  char message[96];
  struct finding found;
};

/* In the loop's thread, once the step is over: for who gets the reports. */
static void report_blocked(weft_runtime *rt, void *arg) {
  struct notice *notice = arg;
  lua_State *L = notice->host->L;
  (void)rt;
  host_push_function(L, notice->host, "blocked");
  if (*notice->found.task != '\0')
    lua_pushstring(L, notice->found.task);
  else
    lua_pushnil(L);
  lua_pushstring(L, notice->message);
  lua_pushstring(L, notice->found.stack);
  if (lua_pcall(L, 3, 0, 0) != 0)
    lua_pop(L, 1); /* there is nobody to tell */
}

static void print(const struct notice *notice) {
  char text[sizeof notice->found + 256];
  const struct finding *found = &notice->found;
  bool is_task = *found->task != '\0';
  bool has_stack = *found->stack != '\0';
  int length = snprintf(text, sizeof text, "weft: %s%s: %s\n%s%s",
                        is_task ? "task " : "a callback", found->task,
                        notice->message, found->stack, has_stack ? "\n" : "");
  if (write(STDERR_FILENO, text, (size_t)length) < 0)
    return; /* nobody can be told that */
}

/* A C function that computes cannot answer either. */
static bool look_for_stack(struct watchdog *dog) {
  if (state_of_loop(dog) == 'R' && ask(dog))
    return true;
  return frozen_call(look_in_copy, dog, &dog->found, sizeof dog->found);
}

static void tell(struct watchdog *dog) {
  struct notice *notice = malloc(sizeof *notice);
  if (notice == NULL)
    return;
  memset(&dog->found, 0, sizeof dog->found);
  bool found = look_for_stack(dog);
  notice->host = dog->host;
  if (found)
    notice->found = dog->found;
  else
    memset(&notice->found, 0, sizeof notice->found);
  snprintf(notice->message, sizeof notice->message,
           "has held the loop for %.3g s%s", (double)dog->held_ns / 1e9,
           found ? "" : "; where it is could not be found out");
  print(notice);
  weft_post(dog->rt, report_blocked, notice, free);
}

/* -- The thread ----------------------------------------------------------- */

/* Told once the time is up, and again whenever it has become ten times that.
 * [passed_ns] is not more than what two looks take, however long the whole
 * process stood still. */
static void look(struct watchdog *dog, uint64_t passed_ns) {
  uint64_t count;
  int busy;
  weft_get_progress(dog->rt, &count, &busy);
  if (count != dog->count || !busy) {
    dog->count = count;
    dog->held_ns = 0;
    dog->next_ns = dog->limit_ns;
    return;
  }
  dog->held_ns += passed_ns;
  if (dog->held_ns < dog->next_ns)
    return;
  dog->next_ns *= 10;
  tell(dog);
}

static bool wait_a_while(struct watchdog *dog, uint64_t time_ns) {
  uint64_t until_ns = watchdog_now_ns() + time_ns;
  struct timespec until = {(time_t)(until_ns / 1000000000),
                           (long)(until_ns % 1000000000)};
  pthread_mutex_lock(&dog->mutex);
  while (!dog->ends &&
         pthread_cond_timedwait(&dog->ended, &dog->mutex, &until) == 0)
    ;
  bool goes_on = !dog->ends;
  pthread_mutex_unlock(&dog->mutex);
  return goes_on;
}

static void *run(void *arg) {
  struct watchdog *dog = arg;
  uint64_t period_ns = dog->limit_ns / LOOKS_A_LIMIT;
  if (period_ns < 1000000)
    period_ns = 1000000;
  uint64_t before_ns = watchdog_now_ns();
  while (wait_a_while(dog, period_ns)) {
    uint64_t at_ns = watchdog_now_ns(), passed_ns = at_ns - before_ns;
    before_ns = at_ns;
    look(dog, passed_ns > 2 * period_ns ? 2 * period_ns : passed_ns);
  }
  return NULL;
}

/* No signal of the process is to be handled in this thread. */
static int start_thread(struct watchdog *dog) {
  sigset_t all, before;
  pthread_condattr_t monotonic;
  pthread_mutex_init(&dog->mutex, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&dog->ended, &monotonic);
  pthread_condattr_destroy(&monotonic);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&dog->thread, NULL, run, dog);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

static void free_watchdog(struct watchdog *dog) {
  pthread_cond_destroy(&dog->ended);
  pthread_mutex_destroy(&dog->mutex);
  free(dog);
}

/* -- For run.c and inspect.c ---------------------------------------------- */

const char *watchdog_start(lua_State *L, struct host *host) {
  if (host->watchdog != NULL || host->watchdog_ns == 0)
    return NULL;
  struct watchdog *dog = calloc(1, sizeof *dog);
  if (dog == NULL)
    return "there is no memory for it";
  dog->host = host;
  dog->rt = host->rt;
  dog->limit_ns = host->watchdog_ns;
  dog->loop = pthread_self();
  dog->loop_tid = own_tid();
  dog->next_ns = dog->limit_ns;
  bool hears = hears_signal(SIGPROF), asks = hears && take_profiler(dog, L);
  dog->asks = asks;
  if (start_thread(dog) != 0) {
    if (asks)
      give_profiler_back(dog, L);
    free_watchdog(dog);
    return "the system gives no thread for it";
  }
  host->watchdog = dog;
  return asks || !hears
             ? NULL
             : "LuaJIT's profiler is in use, so that Lua code which computes "
               "may be shown inexactly";
}

void watchdog_stop(lua_State *L, struct host *host) {
  struct watchdog *dog = host->watchdog;
  if (dog == NULL)
    return;
  pthread_mutex_lock(&dog->mutex);
  dog->ends = true;
  pthread_cond_signal(&dog->ended);
  pthread_mutex_unlock(&dog->mutex);
  pthread_join(dog->thread, NULL);
  if (dog->asks)
    give_profiler_back(dog, L);
  free_watchdog(dog);
  host->watchdog = NULL;
}
