/* SPDX-License-Identifier: MIT
 * guard.c - the limit of a test in real time, kept by a thread of its own.
 *
 * The runtime's own times are no use for it: a test on the virtual clock that
 * only yields never gets to one, and a limit that stands among them would keep
 * a deadlock from being found. So the thread posts to the runtime when the time
 * is up, where the Lua side cancels the test. One that does not end even so is
 * named on stderr; then its runtime is shut down, which lifts shields, and
 * gives up a task that swallows all it is told. Where that does not help, as it
 * computes for ever, the process ends: no other way out is left.
 *
 * There is one guard for the process. The limits of a Lua state are nested, and
 * its innermost counts. Setting one costs no system call unless it is due
 * before the thread looks again. */
#include "host.h"
#include "watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY "weft.guard" /* in the registry: what is called at the limit */
#define NEVER UINT64_MAX
#define SECOND UINT64_C(1000000000)

enum { LIMITS_MAX = 16, NAME_SIZE = 200 }; /* of all states */

struct limit {
  struct host *host;
  weft_runtime *rt; /* NULL: outside a run */
  uint64_t due_ns;
  uint64_t span_ns;
  uint64_t number;
  bool told;    /* the runtime was told that the time is up */
  bool heard;   /* and has heard of it */
  bool named;   /* so was the user, who is to see what does not end */
  bool hurried; /* its runtime is shut down */
  bool ends;    /* the process ends, if the test does not */
  char name[NAME_SIZE];
};

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct limit limits[LIMITS_MAX]; /* in the order in which they began */
  int count;
  uint64_t last_number;
  uint64_t look_ns; /* when the thread will look again; 0: it does not run */
} guard = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* -- The limits, under the mutex ------------------------------------------ */

/* Of that Lua state; NULL if it has none. */
static struct limit *innermost(const struct host *host) {
  for (int i = guard.count - 1; i >= 0; i--)
    if (guard.limits[i].host == host)
      return &guard.limits[i];
  return NULL;
}

static struct limit *numbered(uint64_t number) {
  for (int i = 0; i < guard.count; i++)
    if (guard.limits[i].number == number)
      return &guard.limits[i];
  return NULL;
}

static void take_out(struct limit *limit) {
  struct limit *end = &guard.limits[guard.count--];
  memmove(limit, limit + 1, (size_t)(end - limit - 1) * sizeof *limit);
}

/* -- In the loop ---------------------------------------------------------- */

/* Whether the limit of this number is the innermost one, which it hears of. */
static bool hear(uint64_t number, struct host **host) {
  pthread_mutex_lock(&guard.mutex);
  struct limit *limit = numbered(number);
  bool good = limit != NULL && limit == innermost(limit->host);
  if (good) {
    limit->heard = true;
    *host = limit->host;
  }
  pthread_mutex_unlock(&guard.mutex);
  return good;
}

static void on_time(weft_runtime *rt, void *arg) {
  struct host *host;
  (void)rt;
  if (!hear((uint64_t)(uintptr_t)arg, &host))
    return;
  lua_State *L = host->L;
  lua_getfield(L, LUA_REGISTRYINDEX, KEY);
  if (lua_pcall(L, 0, 0, 0) != 0)
    lua_pop(L, 1); /* it is cancelled or not: then the process ends */
}

/* What has not ended even so gets no more time for its cleanup. */
static void on_hurry(weft_runtime *rt, void *arg) {
  struct host *host;
  if (hear((uint64_t)(uintptr_t)arg, &host))
    weft_shutdown_now(rt);
}

/* -- The thread ----------------------------------------------------------- */

static double seconds(uint64_t span_ns) {
  return (double)span_ns / (double)SECOND;
}

static const char *why_it_goes_on(const struct limit *limit) {
  if (limit->rt == NULL)
    return "it runs outside any task, where it cannot be cancelled";
  if (limit->heard)
    return "it was cancelled, and goes on: a loop swallows CancelledError, or "
           "cleanup does not end";
  return "it computes without waiting, so it cannot be cancelled; WEFT_DEBUG=1 "
         "shows where";
}

/* stdio may be in use by the thread that is stuck. */
static void print(const char *text) {
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
}

static void name_it(const struct limit *limit) {
  char text[NAME_SIZE + 200];
  snprintf(text, sizeof text, "\nweft: no end after %g s of test: %s\n%s\n",
           seconds(limit->span_ns), limit->name, why_it_goes_on(limit));
  print(text);
}

static void post(const struct limit *limit, weft_call_fn fn) {
  if (limit->rt != NULL)
    weft_post(limit->rt, fn, (void *)(uintptr_t)limit->number, NULL);
}

/* A second after its end, if nobody has heard of that; else, as cleanup may
 * take its time, after as long again. */
static uint64_t naming_ns(const struct limit *limit) {
  bool patient = limit->heard && limit->span_ns > SECOND;
  return limit->due_ns + (patient ? limit->span_ns : SECOND);
}

static uint64_t later(uint64_t one_ns, uint64_t other_ns) {
  return one_ns > other_ns ? one_ns : other_ns;
}

static uint64_t hurry_ns(const struct limit *limit) {
  return later(naming_ns(limit), limit->due_ns + 2 * limit->span_ns);
}

/* Five times the limit is the end: a machine may be slow. */
static uint64_t ending_ns(const struct limit *limit) {
  return later(hurry_ns(limit) + SECOND, limit->due_ns + 4 * limit->span_ns);
}

/* When something is to be done about the limit. */
static uint64_t next_look(const struct limit *limit) {
  if (!limit->told)
    return limit->due_ns;
  if (!limit->named)
    return naming_ns(limit);
  if (!limit->ends)
    return NEVER;
  return limit->hurried ? ending_ns(limit) : hurry_ns(limit);
}

/* The last line of stdout, too, where the summary is looked for; and what was
 * written before. Unless the thread that is stuck is just writing to it. */
static void end_process(void) {
  static const char text[] =
      "\nweft: nothing else can stop it: the run ends here\n";
  print(text + 1);
  if (ftrylockfile(stdout) == 0) {
    fputs(text, stdout);
    fflush(stdout);
  }
  _exit(1);
}

static void act(struct limit *limit) {
  if (!limit->told) {
    limit->told = true;
    post(limit, on_time);
  } else if (!limit->named) {
    limit->named = true;
    name_it(limit);
  } else if (!limit->hurried) {
    limit->hurried = true;
    post(limit, on_hurry);
  } else {
    end_process();
  }
}

static void wait_until(uint64_t time_ns) {
  guard.look_ns = time_ns;
  if (time_ns == NEVER) {
    pthread_cond_wait(&guard.changed, &guard.mutex);
    return;
  }
  struct timespec until = {.tv_sec = (time_t)(time_ns / SECOND),
                           .tv_nsec = (long)(time_ns % SECOND)};
  pthread_cond_timedwait(&guard.changed, &guard.mutex, &until);
}

/* The one about which something is to be done first; NULL if there is none. */
static struct limit *next_limit(void) {
  struct limit *next = NULL;
  for (int i = 0; i < guard.count; i++) {
    struct limit *limit = &guard.limits[i];
    if (limit == innermost(limit->host) &&
        (next == NULL || next_look(limit) < next_look(next)))
      next = limit;
  }
  return next;
}

static void *watch(void *arg) {
  (void)arg;
  pthread_mutex_lock(&guard.mutex);
  for (;;) {
    struct limit *limit = next_limit();
    uint64_t next = limit == NULL ? NEVER : next_look(limit);
    if (limit != NULL && next <= watchdog_now_ns())
      act(limit);
    else
      wait_until(next);
  }
  return NULL;
}

/* No signal of the process is to be handled in it: what handles one may count
 * on the thread that runs Lua, as LuaJIT's profiler does. */
static int start_deaf(pthread_t *thread) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(thread, NULL, watch, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

/* The thread lasts as long as the process. Under a mutex that is held. */
static bool start_thread(void) {
  pthread_condattr_t attributes;
  pthread_t thread;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&guard.changed, &attributes);
  pthread_condattr_destroy(&attributes);
  guard.look_ns = NEVER;
  if (start_deaf(&thread) != 0) {
    pthread_cond_destroy(&guard.changed);
    guard.look_ns = 0;
    return false;
  }
  pthread_detach(thread);
  return true;
}

/* -- For the Lua side ----------------------------------------------------- */

/* guard_set(fn): what is called, outside any task, when the time is up. */
static int guard_set(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, KEY);
  return 0;
}

static bool add(struct host *host, uint64_t span_ns, const char *name,
                bool ends) {
  if (guard.count == LIMITS_MAX || (guard.look_ns == 0 && !start_thread()))
    return false;
  struct limit *limit = &guard.limits[guard.count++];
  *limit = (struct limit){.host = host,
                          .rt = host->rt,
                          .due_ns = watchdog_now_ns() + span_ns,
                          .span_ns = span_ns,
                          .number = ++guard.last_number,
                          .ends = ends};
  snprintf(limit->name, sizeof limit->name, "%s", name);
  if (limit->due_ns < guard.look_ns)
    pthread_cond_signal(&guard.changed);
  return true;
}

/* guard_begin(seconds, name, ends) -> whether there is a limit now: for the
 * runtime that runs, if one does; what has not ended a while after it is named,
 * and if [ends] the process ends. */
static int guard_begin(lua_State *L) {
  struct host *host = host_of(L);
  uint64_t span_ns = time_ns(luaL_checknumber(L, 1));
  const char *name = luaL_checkstring(L, 2);
  bool ends = lua_toboolean(L, 3), added = false;
  if (span_ns < NEVER / 4) {
    pthread_mutex_lock(&guard.mutex);
    added = add(host, span_ns, name, ends);
    pthread_mutex_unlock(&guard.mutex);
  }
  lua_pushboolean(L, added);
  return 1;
}

/* guard_end(): the innermost limit is over. */
static int guard_end(lua_State *L) {
  pthread_mutex_lock(&guard.mutex);
  struct limit *limit = innermost(host_of(L));
  if (limit != NULL)
    take_out(limit);
  pthread_mutex_unlock(&guard.mutex);
  return 0;
}

/* A runtime ends: nobody may post to it any more. Limits are left where a task
 * was given up. With no runtime, the state is being closed. */
void guard_leave(const struct host *host, const weft_runtime *rt) {
  pthread_mutex_lock(&guard.mutex);
  for (int i = guard.count - 1; i >= 0; i--)
    if (guard.limits[i].host == host &&
        (rt == NULL || guard.limits[i].rt == rt))
      take_out(&guard.limits[i]);
  pthread_mutex_unlock(&guard.mutex);
}

void open_guard(lua_State *L, struct host *host) {
  static const luaL_Reg functions[] = {{"guard_set", guard_set},
                                       {"guard_begin", guard_begin},
                                       {"guard_end", guard_end},
                                       {NULL, NULL}};
  host_register(L, host, functions);
}
