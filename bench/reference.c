/* SPDX-License-Identifier: MIT
 * reference.c - what LuaJIT itself costs: the least C loop that does the work.
 *
 *   reference switch TASKS SWITCHES    coroutines that yield in turn
 *   reference spawn BATCH BATCHES      coroutines that run a function and end
 *   reference cancel TASKS             parked coroutines that are made to raise
 *   reference memory TASKS             bytes of a parked coroutine
 *
 * A scheduler for Lua has to resume coroutines in some order and to let them
 * stop in a C function. This program does just that and nothing else: a FIFO
 * ring of coroutines, lua_resume, a C function that yields. It has no tasks,
 * scopes, timers or I/O, so nobody can be faster on the same LuaJIT, and what a
 * runtime adds is the distance to it.
 *
 * Prints "measure value" lines, and fails if its counts do not come out. */
#define _GNU_SOURCE /* clock_gettime, sysconf */

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The coroutines that can run, oldest first. At most [mask] + 1 of them, which
 * is a power of two. */
struct ring {
  lua_State **slots;
  size_t mask;
  size_t head, tail; /* counting up for ever */
};

struct bench {
  lua_State *L;
  int body;          /* registry: the Lua function that coroutines run */
  int anchors;       /* registry: the table that keeps coroutines alive */
  lua_State **tasks; /* the coroutines, in the order they were made */
  size_t count;
  struct ring ring;
};

/* -- Small things --------------------------------------------------------- */

static void fail(const char *what) {
  fprintf(stderr, "reference: %s\n", what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double each(uint64_t began_ns, size_t count) {
  return (double)(now_ns() - began_ns) / (double)count;
}

static size_t resident_bytes(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
    fail("cannot read /proc/self/statm");
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void *allocate(size_t count, size_t size_bytes) {
  void *memory = calloc(count, size_bytes);
  if (memory == NULL)
    fail("out of memory");
  return memory;
}

static inline void push(struct ring *ring, lua_State *task) {
  ring->slots[ring->tail++ & ring->mask] = task;
}

static inline lua_State *pop(struct ring *ring) {
  return ring->slots[ring->head++ & ring->mask];
}

static inline size_t waiting(const struct ring *ring) {
  return ring->tail - ring->head;
}

/* The C function in which a coroutine stops; its results are what the resume
 * that goes on passes. */
static int park(lua_State *L) {
  return lua_yield(L, 0);
}

/* -- Coroutines ----------------------------------------------------------- */

/* Gets ready for [count] coroutines whose body the Lua source [text] returns
 * when it is called with park. */
static void open_bench(struct bench *bench, size_t count, const char *text) {
  size_t room = 1;
  while (room < count)
    room *= 2;
  bench->L = luaL_newstate();
  if (bench->L == NULL)
    fail("out of memory");
  luaL_openlibs(bench->L);
  if (luaL_loadstring(bench->L, text) != 0)
    fail(lua_tostring(bench->L, -1));
  lua_pushcfunction(bench->L, park);
  lua_call(bench->L, 1, 1);
  bench->body = luaL_ref(bench->L, LUA_REGISTRYINDEX);
  lua_createtable(bench->L, (int)count, 0);
  bench->anchors = luaL_ref(bench->L, LUA_REGISTRYINDEX);
  bench->tasks = allocate(count, sizeof(lua_State *));
  bench->count = count;
  bench->ring.slots = allocate(room, sizeof(lua_State *));
  bench->ring.mask = room - 1;
  bench->ring.head = bench->ring.tail = 0;
}

static void close_bench(struct bench *bench) {
  lua_close(bench->L);
  free(bench->tasks);
  free(bench->ring.slots);
}

/* Makes all the coroutines anew and forgets the old ones. */
static void make_tasks(struct bench *bench) {
  lua_rawgeti(bench->L, LUA_REGISTRYINDEX, bench->anchors);
  for (size_t i = 0; i < bench->count; i++) {
    bench->tasks[i] = lua_newthread(bench->L);
    lua_rawseti(bench->L, -2, (int)i + 1);
  }
  lua_pop(bench->L, 1);
}

/* Makes [task] ready to call the body with [argument]. A coroutine that has
 * returned can be used again. */
static inline void begin(struct bench *bench, lua_State *task, int argument) {
  lua_rawgeti(task, LUA_REGISTRYINDEX, bench->body);
  lua_pushinteger(task, argument);
  push(&bench->ring, task);
}

/* -- switch --------------------------------------------------------------- */

static const char *switch_body = "local park = ...\n"
                                 "return function(rounds)\n"
                                 "  for _ = 1, rounds do park() end\n"
                                 "end\n";

/* Runs the first task with [arguments] to its next yield or its end; returns
 * the number of yields, 1 or 0. */
static inline size_t run_first(struct bench *bench, int arguments) {
  lua_State *task = pop(&bench->ring);
  int status = lua_resume(task, arguments);
  if (status == LUA_YIELD) {
    push(&bench->ring, task);
    return 1;
  }
  if (status != 0)
    fail(lua_tostring(task, -1));
  return 0;
}

static double switch_round(struct bench *bench, size_t switches) {
  int rounds = (int)(switches / bench->count);
  size_t yields = 0;
  for (size_t i = 0; i < bench->count; i++)
    begin(bench, bench->tasks[i], rounds);
  uint64_t began_ns = now_ns();
  for (size_t i = 0; i < bench->count; i++)
    yields += run_first(bench, 1);
  while (waiting(&bench->ring) > 0)
    yields += run_first(bench, 0);
  double result = each(began_ns, yields);
  if (yields != (size_t)rounds * bench->count)
    fail("wrong number of switches");
  return result;
}

static void measure_switch(size_t tasks, size_t switches) {
  struct bench bench;
  open_bench(&bench, tasks, switch_body);
  make_tasks(&bench);
  switch_round(&bench, switches / 10);
  printf("switch %.3f\n", switch_round(&bench, switches));
  close_bench(&bench);
}

/* -- spawn ---------------------------------------------------------------- */

/* The body only counts itself, to be checked. */
static const char *spawn_body = "local count = 0\n"
                                "return function(step)\n"
                                "  count = count + step\n"
                                "  return count\n"
                                "end\n";

/* Runs [batches] times all the coroutines, each from begin to end; returns the
 * count that the body has reached. */
static size_t spawn_batches(struct bench *bench, size_t batches) {
  size_t reached = 0;
  for (size_t batch = 0; batch < batches; batch++) {
    for (size_t i = 0; i < bench->count; i++)
      begin(bench, bench->tasks[i], 1);
    while (waiting(&bench->ring) > 0) {
      lua_State *task = pop(&bench->ring);
      if (lua_resume(task, 1) != 0)
        fail(lua_tostring(task, -1));
      reached = (size_t)lua_tointeger(task, -1);
      lua_settop(task, 0);
    }
  }
  return reached;
}

static void measure_spawn(size_t tasks, size_t batches) {
  struct bench bench;
  open_bench(&bench, tasks, spawn_body);
  make_tasks(&bench);
  size_t warm = spawn_batches(&bench, batches / 10 + 1);
  uint64_t began_ns = now_ns();
  size_t reached = spawn_batches(&bench, batches);
  printf("spawn %.3f\n", each(began_ns, tasks * batches));
  if (reached != warm + tasks * batches)
    fail("wrong number of runs");
  close_bench(&bench);
}

/* -- cancel --------------------------------------------------------------- */

/* LuaJIT never returns into a C function that yielded, so the error is raised
 * on the Lua side of the call, by what the resume passes. */
static const char *cancel_body = "local park = ...\n"
                                 "return function()\n"
                                 "  local err = park()\n"
                                 "  if err then error(err, 0) end\n"
                                 "end\n";

static void park_all(struct bench *bench) {
  make_tasks(bench);
  for (size_t i = 0; i < bench->count; i++)
    begin(bench, bench->tasks[i], 0);
  while (waiting(&bench->ring) > 0)
    if (lua_resume(pop(&bench->ring), 1) != LUA_YIELD)
      fail("a coroutine has not parked");
}

/* Resumes every parked coroutine with an error, which it raises. */
static void raise_all(struct bench *bench) {
  size_t raised = 0;
  lua_newtable(bench->L);
  const void *error = lua_topointer(bench->L, -1);
  for (size_t i = 0; i < bench->count; i++)
    push(&bench->ring, bench->tasks[i]);
  while (waiting(&bench->ring) > 0) {
    lua_State *task = pop(&bench->ring);
    lua_pushvalue(bench->L, -1);
    lua_xmove(bench->L, task, 1);
    if (lua_resume(task, 1) == LUA_ERRRUN && lua_topointer(task, -1) == error)
      raised++;
  }
  lua_pop(bench->L, 1);
  if (raised != bench->count)
    fail("a coroutine has not raised its error");
}

static void measure_cancel(size_t tasks) {
  struct bench bench;
  open_bench(&bench, tasks, cancel_body);
  park_all(&bench);
  raise_all(&bench);
  lua_gc(bench.L, LUA_GCCOLLECT, 0);
  uint64_t began_ns = now_ns();
  park_all(&bench);
  uint64_t parked_ns = now_ns();
  raise_all(&bench);
  printf("cancel %.3f\n", each(parked_ns, tasks));
  printf("all %.3f\n", each(began_ns, tasks));
  close_bench(&bench);
}

/* -- memory --------------------------------------------------------------- */

static void measure_memory(size_t tasks) {
  struct bench bench;
  size_t before = resident_bytes();
  uint64_t began_ns = now_ns();
  open_bench(&bench, tasks, cancel_body);
  park_all(&bench);
  size_t parked = resident_bytes();
  raise_all(&bench);
  printf("each %.3f\n", each(began_ns, tasks));
  printf("bytes %.1f\n", (double)(parked - before) / (double)tasks);
  close_bench(&bench);
}

/* -- The program ---------------------------------------------------------- */

static size_t size_argument(int argc, char **argv, int index) {
  long long size = index < argc ? atoll(argv[index]) : 0;
  if (size < 1 || size > 1000000000)
    fail("sizes are numbers from 1 to 1,000,000,000");
  return (size_t)size;
}

int main(int argc, char **argv) {
  const char *work = argc > 1 ? argv[1] : "";
  size_t tasks = size_argument(argc, argv, 2);
  if (strcmp(work, "switch") == 0)
    measure_switch(tasks, size_argument(argc, argv, 3));
  else if (strcmp(work, "spawn") == 0)
    measure_spawn(tasks, size_argument(argc, argv, 3));
  else if (strcmp(work, "cancel") == 0)
    measure_cancel(tasks);
  else if (strcmp(work, "memory") == 0)
    measure_memory(tasks);
  else
    fail("the work is switch, spawn, cancel or memory");
  return 0;
}
