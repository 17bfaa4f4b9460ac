/* SPDX-License-Identifier: MIT
 * host.h - what the files of the Lua binding share.
 *
 * A host is the binding's part of one Lua state. Each C function of the module
 * carries it as its first upvalue. While weft.run is under way it has a
 * runtime; a Lua task is then a job: a stepped task whose step resumes a
 * coroutine. */
#ifndef WEFT_HOST_H
#define WEFT_HOST_H

#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

#include "weft.h"
#include "weft_lua.h"

/* Why a coroutine of a task has yielded. */
enum yield_kind {
  YIELD_FOREIGN, /* somebody's own lua_yield: goes to the resumer */
  YIELD_PARK,    /* a parking call: goes to the scheduler */
  YIELD_RESUME,  /* coroutine.resume: the step goes on in another coroutine */
  YIELD_VALUES,  /* coroutine.yield: goes to the resumer */
  YIELD_NONE     /* as FOREIGN: not since a scope was opened in this step */
};

/* A coroutine of the user's that runs inside a task, or waits there for one it
 * has resumed. The task's own coroutine has none. */
struct link {
  lua_State *co;
  struct link *resumer;        /* NULL: the task's own coroutine resumed it */
  unsigned depth;              /* of scopes when it was resumed */
  struct link *next;           /* in its bucket, or in the list of free ones */
  struct generator *generator; /* whose body it is; NULL: the user's own */
  bool own;                    /* a context's: coroutine.yield is refused */
};

/* LuaJIT's type of what its FFI makes, behind those of lua.h. */
#define TYPE_CDATA 10

/* Of a function: what is rare stays out of its caller, which then has fewer
 * registers to save. */
#define HOST_APART __attribute__((noinline))

struct job {
  lua_State *co;            /* the task's own coroutine, kept for the next */
  lua_State *active;        /* the innermost one: who is resumed next */
  weft_lua_deliver deliver; /* makes the results of the call that parked;
                               NULL in a step, and for none but a code */
  struct link *link;        /* of the active coroutine; NULL: its own */
  struct host *host;
  union {
    struct job *next; /* in the list of free ones */
    int place; /* else: where in a table its first result goes; 0: nowhere */
  };
  weft_task task;
  int anchor;              /* where host->anchors holds the coroutine */
  uint16_t depth;          /* scopes and groups it has open */
  uint16_t arg_count : 13; /* on its stack before the first step */
  uint16_t owns : 1;       /* generators and such, closed at its end */
  uint16_t bare : 1;       /* its object is not made yet: nobody asked for it */
  uint16_t dropped : 1;    /* it has ended parked: its coroutine goes */
};

/* Coroutines of tasks; all zeros: none (own_set.c). */
struct own_set {
  struct own_page *pages; /* hashed by their number */
  uint32_t mask;          /* places for them - 1; a power of two */
  uint32_t count;         /* of those that are taken */
};

struct host {
  lua_State *active;       /* the coroutine that runs in a step; NULL: none */
  weft_runtime *rt;        /* NULL unless weft.run is under way */
  struct job *job;         /* whose step runs, while active is not NULL */
  enum yield_kind yielded; /* set by who calls lua_yield */
  int32_t no_budget;       /* 0 */
  int32_t *budget;         /* the core's word, else no_budget */
  lua_State *main;         /* lives as long as the state */
  lua_State *L;            /* whose call of weft.run that is */
  lua_State *resumed;      /* YIELD_RESUME: the coroutine to go on with */
  int resumed_count;       /* and the number of arguments on its stack */
  int wake_status;         /* what job_deliver makes results of */
  uint64_t wake_value;
  struct job *free_jobs;
  struct job_page *job_pages;
  unsigned nested;         /* generators resumed one inside the other */
  unsigned left_count;     /* scopes that nothing has waited in (scope.c) */
  bool has_contexts;       /* context variables are in use */
  bool sites;              /* where things are made is kept (site.c) */
  bool deadlock_hint;      /* see weft_set_deadlock_hint */
  bool leaks;              /* what is left open is told of */
  double generator_number; /* the last one's; counts down */
  struct link *free_links;
  struct link **buckets; /* links by coroutine */
  uint32_t bucket_mask;
  uint32_t link_count;
  uint64_t run_id; /* tells the runtimes of one state apart */
  struct own_set own;
  int anchors; /* reference: number -> a job's coroutine */
  int objects; /* reference: number -> a job's task object */
  int anchor_count;
  int opened;     /* reference: sockets, while what is open is to be known
                     (opened.c); else LUA_NOREF */
  int functions;  /* reference: what the Lua side has told us, by name */
  int places;     /* reference: handle -> where it was made */
  char *own_root; /* where weft's own modules are; NULL: not known */
  size_t own_length;
  uint64_t slow_ns;     /* for every runtime; 0: off */
  uint64_t watchdog_ns; /* likewise */
  struct watchdog *watchdog;
  char *trace_path; /* of the next run; NULL: none */
  const void *cancelled_metatable;
  const void *stream_metatable; /* of what can be read: a look at the */
  const void *file_metatable;   /* registry costs as much as the read */
};

/* Fields of a task object, an array of two for its size, which only an outcome
 * makes longer. */
enum task_field {
  TASK_HANDLE = 0, /* the core's handle; stale after the end */
  TASK_STATE = 1,  /* id x TASK_STATES + what task_state makes of the end.
                      Before it 0 is added, and this stays so for a body that
                      returned nothing: with a stale handle it has finished */
  TASK_FIRST = 2   /* the results; or the error */
};

/* The host whose runtime runs in this thread, else one that is nobody's: a look
 * at an upvalue through the Lua API costs a third of a switch. */
extern _Thread_local struct host *host_running
    __attribute__((tls_model("initial-exec")));

enum { TASK_STATES = 64 };

/* With the state, a weft_task_state, stands a number: how many results there
 * are, or what has cancelled the task; TASK_MANY: there is a field `count`, or
 * the error that did it. */
enum { TASK_ENDS = 8, TASK_MANY = 7 };

static inline int task_state(int state, int number) {
  return state + TASK_ENDS * number;
}

/* Where weft.run's C function keeps the table of the task objects, the function
 * that makes results (job.c), and the table of the coroutines. */
enum { RUN_OBJECTS = 2, RUN_DELIVER = 3, RUN_ANCHORS = 4 };

static inline struct host *host_of(lua_State *L) {
  struct host *running = host_running;
  if (running->active == L)
    return running;
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* -- host.c ---------------------------------------------------------------
 */

WEFT_API int luaopen_weft_core(lua_State *L);

/* The runtime, or an InvalidStateError where none runs. */
weft_runtime *host_runtime(lua_State *L, struct host *host, const char *call);
/* Raises the error of the Lua side for [code]; does not return. */
int host_fail(lua_State *L, struct host *host, int code, const char *message);
/* Pushes a function the Lua side has given by name. */
void host_push_function(lua_State *L, struct host *host, const char *name);
/* Adds [functions] to the module on top of the stack. */
void host_register(lua_State *L, struct host *host, const luaL_Reg *functions);

/* -- park.c ---------------------------------------------------------------
 */

_Noreturn void park_refuse(lua_State *L, struct host *host, const char *call);
_Noreturn void park_refuse_begin(lua_State *L, const char *call);
/* Pushes nothing for WEFT_OK and the code otherwise. */
int deliver_status(lua_State *L, int status, uint64_t value);

/* Whether a call in [L] may park. */
static inline bool park_is_possible(lua_State *L, const struct host *host) {
  return host->active == L && lua_isyieldable(L);
}
/* Raises, naming [call], if it may not. */
static inline void park_check(lua_State *L, struct host *host,
                              const char *call) {
  if (__builtin_expect(!park_is_possible(L, host), 0))
    park_refuse(L, host, call);
}
/* The same for a call that begins with it; returns the host. From here on [L]
 * is host->active, and need not be kept in a register. */
static inline struct host *park_begin(lua_State *L, const char *call) {
  struct host *host = host_running;
  if (__builtin_expect(host->active != L, 0))
    park_refuse_begin(L, call);
  if (__builtin_expect(!lua_isyieldable(L), 0))
    park_refuse_begin(host->active, call);
  return host;
}
/* The same with the name that is the argument at [index]. */
static inline void park_check_as(lua_State *L, struct host *host, int index) {
  if (__builtin_expect(!park_is_possible(L, host), 0))
    park_refuse(L, host, luaL_optstring(L, index, "the call"));
}
/* Ends a call that the core has returned [status] for: it yields if that is
 * WEFT_PARKED, and has [deliver] make the results, now or then; NULL is
 * deliver_status. */
static inline int park_finish(lua_State *L, struct host *host, int status,
                              uint64_t value, weft_lua_deliver deliver) {
  if (__builtin_expect(status != WEFT_PARKED, 0))
    return (deliver != NULL ? deliver : deliver_status)(L, status, value);
  if (deliver != NULL)
    host->job->deliver = deliver;
  host->yielded = YIELD_PARK;
  return lua_yield(L, 0);
}

/* -- reading.c ------------------------------------------------------------ */

/* A read that was parked has ended: allocates nothing, as [deliver] of a job
 * runs where nothing may that does. */
int deliver_woken(lua_State *L, int status, uint64_t value);

/* -- waits.c -------------------------------------------------------------- */

/* Pushes nil and the number, a handle or a count, or else the code. */
int push_number(lua_State *L, int status, uint64_t number);

/* -- job.c, job_pool.c ---------------------------------------------------- */

int job_spawn(lua_State *L, struct host *host, weft_group group, int object,
              int function, int objects);
int job_spawn_bare(lua_State *L, struct host *host, weft_group group,
                   int results, int function, int objects);
/* Pushes the task object of a Lua task of this state; nil for another. */
void job_push_object(lua_State *L, struct host *host, weft_task task);
/* The innermost coroutine of an unfinished Lua task; NULL for another. */
lua_State *job_active(struct host *host, weft_task task);
/* A C function for RUN_DELIVER. */
int job_deliver(lua_State *L);
void job_clear_all(struct host *host);

/* Writes where in the user's code an unfinished Lua task is. */
bool job_find_site(struct host *host, weft_task task, char *text, size_t size);

/* -- site.c ---------------------------------------------------------------
 */

enum { SITE_BYTES = 96 };

/* Writes the place of the running code, or of a job's: "job.lua:12". False if
 * no frame is the user's. */
bool site_here(lua_State *L, struct host *host, char *text, size_t size);
bool site_of_job(const struct job *job, char *text, size_t size);
/* The first in memory of its own, to be freed; NULL where none is kept. */
char *site_copy(lua_State *L, struct host *host);
/* Pushes the first, or nothing. */
bool site_push(lua_State *L, struct host *host);
void site_note_now(lua_State *L, struct host *host, uint64_t handle);
void site_forget_now(lua_State *L, struct host *host, uint64_t handle);
void site_forget_all(lua_State *L, struct host *host);
/* Pushes where what has the handle was made, or nil. */
void site_push_of(lua_State *L, struct host *host, uint64_t handle);
void site_note_task_now(lua_State *L, struct host *host, int object);

/* Keeps where what has the handle is made, here, until it is forgotten. */
static inline void site_note(lua_State *L, struct host *host, uint64_t handle) {
  if (__builtin_expect(host->sites, 0))
    site_note_now(L, host, handle);
}
static inline void site_forget(lua_State *L, struct host *host,
                               uint64_t handle) {
  if (__builtin_expect(host->sites, 0))
    site_forget_now(L, host, handle);
}
/* Keeps in the task object at index [object] where it is spawned, and by which
 * task. */
static inline void site_note_task(lua_State *L, struct host *host, int object) {
  if (__builtin_expect(host->sites, 0))
    site_note_task_now(L, host, object);
}

/* -- tree.c --------------------------------------------------------------- */

/* Tells a new runtime what is to be reported of tasks. */
void tree_set_up(struct host *host);

/* -- coroutine.c ---------------------------------------------------------- */

/* A coroutine that was dropped while parked is dead for everyone else. */
void mark_dropped(struct host *host, lua_State *co);
struct link *link_push(struct host *host, struct job *job, lua_State *co);
void link_pop(struct host *host, struct job *job);
/* A generator's link knows its coroutine from its making to its end. False for
 * want of memory. */
bool link_insert(struct host *host, struct link *link, lua_State *co);
void link_remove(struct host *host, struct link *link);
void link_clear_all(struct host *host);

/* -- own_set.c ------------------------------------------------------------ */

bool own_set_add(struct own_set *set, lua_State *co); /* false: no memory */
void own_set_remove(struct own_set *set, lua_State *co);
bool own_set_has(const struct own_set *set, lua_State *co);
void own_set_clear(struct own_set *set);

/* -- generator.c ---------------------------------------------------------- */

/* The body of the generator that the job's link stands for has come back to the
 * task's step with [result]; returns the number of values on the stack of its
 * consumer, which is active then. */
int generator_return(struct job *job, int result);

/* -- convert.c ------------------------------------------------------------ */

uint64_t time_ns(double seconds);
/* The time [wait] nanoseconds from now; never if that is past the clock's end.
 */
uint64_t time_after(weft_runtime *rt, uint64_t wait);
double time_seconds(uint64_t time_ns);
void push_value(lua_State *L, struct host *host, weft_value *value);
int to_value(lua_State *L, struct host *host, int index, weft_value **value);
void push_error(lua_State *L, struct host *host, weft_error *error);
int to_error(lua_State *L, struct host *host, int index, weft_error **error);

/* -- callback.c ----------------------------------------------------------- */

/* A Lua function that the core calls outside any task; consumed by
 * callback_drop as the core's drop. NULL for want of memory. */
void *callback_new(lua_State *L, struct host *host, int function);
void callback_run(weft_runtime *rt, void *callback);
void callback_drop(void *callback);

/* -- inspect.c, watchdog.c ------------------------------------------------ */

/* What watches a runtime, as set in the host: from its beginning to its end. */
void inspect_begin(lua_State *L, struct host *host);
void inspect_end(lua_State *L, struct host *host);
/* Returns a complaint in words, or NULL. */
const char *watchdog_start(lua_State *L, struct host *host);
void watchdog_stop(lua_State *L, struct host *host);

/* -- dns.c ---------------------------------------------------------------- */

/* Gives a new runtime the resolver that is found when it is first needed. */
void dns_set_up(weft_runtime *rt);

/* -- scope.c -------------------------------------------------------------- */

enum direct_outcome {
  DIRECT_LEFT,      /* and nothing has waited in the scope */
  DIRECT_LEFT_LATE, /* something has */
  DIRECT_FAILED     /* scope_leave is to be called */
};

double scope_open_direct(struct host *host, double seconds);
int scope_leave_direct(struct host *host, double scope);

/* -- guard.c -------------------------------------------------------------- */

void guard_leave(const struct host *host, const weft_runtime *rt);

/* -- run.c ---------------------------------------------------------------- */

bool host_is_main_thread(void);

/* -- Modules: each adds its functions to the table on top of the stack. --- */

void open_run(lua_State *L, struct host *host);
void open_task(lua_State *L, struct host *host);
void open_scope(lua_State *L, struct host *host);
void open_group(lua_State *L, struct host *host);
void open_time(lua_State *L, struct host *host);
void open_park(lua_State *L, struct host *host);
void open_waits(lua_State *L, struct host *host);
void open_lock(lua_State *L, struct host *host);
void open_limiter(lua_State *L, struct host *host);
void open_barrier(lua_State *L, struct host *host);
void open_reading(lua_State *L, struct host *host);
void open_stream(lua_State *L, struct host *host);
void open_file(lua_State *L, struct host *host);
void open_fs(lua_State *L, struct host *host);
void open_fs_watch(lua_State *L, struct host *host);
void open_net(lua_State *L, struct host *host);
void open_process(lua_State *L, struct host *host);
void open_signals(lua_State *L, struct host *host);
void open_udp(lua_State *L, struct host *host);
void open_dns(lua_State *L, struct host *host);
void open_coroutine(lua_State *L, struct host *host);
void open_context(lua_State *L, struct host *host);
void open_generator(lua_State *L, struct host *host);
void open_thread(lua_State *L, struct host *host);
void open_guard(lua_State *L, struct host *host);
void open_opened(lua_State *L, struct host *host);
void open_site(lua_State *L, struct host *host);
void open_traceback(lua_State *L, struct host *host);
void open_tree(lua_State *L, struct host *host);
void open_inspect(lua_State *L, struct host *host);
void open_inspection(lua_State *L, struct host *host);
void open_terminal(lua_State *L, struct host *host);

/* -- Handles in Lua ------------------------------------------------------- */

/* The handle at [index]; 0, which is none, for what cannot be one. */
static inline uint64_t handle_at(lua_State *L, int index) {
  lua_Number number = lua_tonumber(L, index);
  return number >= 1 && number < 9007199254740992.0 ? (uint64_t)number : 0;
}

#endif
