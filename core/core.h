/* SPDX-License-Identifier: MIT
 * core.h - what two or more files of the core share: the private structs and
 * the functions named weft__x.
 *
 * The path of a task, and the file of each part of it:
 *
 *   spawn (task.c) -> ready ring (ready.c) -> step (turn.c) ----> park (park.c)
 *     ^                    ^                                        |
 *     |                    +---- wake: an object, a timer, a cancel-+
 *   group.c owns it; scope.c governs it; timer.c has all times in order.
 *
 * All of it runs on the runtime's thread, but for weft_post and the counts of
 * values and errors. */
#ifndef WEFT_CORE_H
#define WEFT_CORE_H

#include <assert.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "fiber.h"
#include "list.h"
#include "observe.h"
#include "scope.h"
#include "timer.h"
#include "weft.h"

#if defined(__GNUC__)
#define WEFT__LIKELY(x) __builtin_expect(!!(x), 1)
#define WEFT__UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Keeps what is rare out of the function that it is called by. */
#define WEFT__APART __attribute__((noinline))
/* A part of each function that it is called by. */
#define WEFT__PART inline __attribute__((always_inline))
#else
#define WEFT__LIKELY(x) (x)
#define WEFT__UNLIKELY(x) (x)
#define WEFT__APART
#define WEFT__PART inline
#endif

/* -- Memory (alloc.c) -----------------------------------------------------
 * All three go through the hook of weft_set_allocator. */

void *weft__alloc(size_t size_bytes); /* zeroed; NULL if there is none */
void *weft__resize(void *ptr, size_t old_bytes, size_t new_bytes);
void weft__free(void *ptr, size_t size_bytes);
char *weft__copy_text(const char *text); /* freed by weft__free_text */
void weft__free_text(char *text);        /* NULL is fine */

/* A pool of equal blocks, for what is made and freed all the time. Blocks come
 * from slabs that go back to the system with the pool. */
struct pool {
  void *free_blocks;  /* chained through their first word */
  struct slab *slabs; /* all of them, newest first */
  char *fresh;        /* of the newest, what has not been given out yet */
  char *fresh_end;
  size_t size_bytes;  /* of a block */
  size_t total_bytes; /* of all slabs */
};
void weft__pool_init(struct pool *pool, size_t size_bytes);
void *weft__pool_grow(struct pool *pool); /* a block never used, or NULL */
void weft__pool_clear(struct pool *pool);

/* Takes a block, not zeroed; NULL if there is no memory. */
static inline void *weft__pool_take(struct pool *pool) {
  void *block = pool->free_blocks;
  if (WEFT__UNLIKELY(block == NULL))
    return weft__pool_grow(pool);
  pool->free_blocks = *(void **)block;
  return block;
}

static inline void weft__pool_give(struct pool *pool, void *block) {
  *(void **)block = pool->free_blocks;
  pool->free_blocks = block;
}

/* -- Codes (status.c) ----------------------------------------------------- */

int weft__status_from_uv(int uv_code); /* 0 and up: WEFT_OK */

/* -- Handles (handle.c) ---------------------------------------------------
 * A handle is 53 bits: generation (24), kind (5), slot (24). A slot whose
 * generations are used up is retired, so no handle is ever given out twice. */

enum kind {
  KIND_NONE,
  KIND_TASK,
  KIND_SCOPE,
  KIND_GROUP,
  KIND_TIMER,
  KIND_WAITLIST,
  KIND_EVENT,
  KIND_SEMAPHORE,
  KIND_QUEUE,
  KIND_WATCH,
  KIND_RESOLVE,
  KIND_STREAM,
  KIND_LISTENER,
  KIND_LOCK,
  KIND_LIMITER,
  KIND_CONDITION,
  KIND_BARRIER,
  KIND_SENDER,
  KIND_RECEIVER,
  KIND_FUTURE,
  KIND_CONTEXT_VAR,
  KIND_CONTEXT,
  KIND_UDP,
  KIND_FILE,
  KIND_FS_WATCH,
  KIND_WORKERS,
  KIND_WORK,
  KIND_PROCESS,
  KIND_SIGNALS,
  KIND_COUNT
};

struct slot {
  void *object; /* what the handle stands for, or the next free slot's index */
  uint64_t handle; /* the one handle that is good now; 0 in a free slot */
};

struct handle_table {
  struct slot *slots;
  uint32_t count; /* slots in use or once used */
  uint32_t capacity;
  uint32_t first_free; /* UINT32_MAX: none */
  uint32_t first_generation;
};

#define WEFT__SLOT_BITS 24
#define WEFT__KIND_BITS 5

void weft__handle_init(weft_runtime *rt);
int weft__handle_new(weft_runtime *rt, enum kind kind, void *object,
                     uint64_t *handle);
void weft__handle_free(weft_runtime *rt, uint64_t handle);
bool weft__handle_close_all(weft_runtime *rt); /* false: none was open */
/* The usual beginning of what makes an object: WEFT_ETHREAD, WEFT_ENOMEM, or OK
 * with *object a zeroed block of [size_bytes] and *handle its handle. */
int weft__object_new(weft_runtime *rt, enum kind kind, size_t size_bytes,
                     void *object, uint64_t *handle);

/* -- Entries of the ready ring (ready.c) ----------------------------------
 * What a turn runs: tasks and calls. Both begin with an entry, so both can
 * wait in one list, in one order. */

struct entry {
  struct list node; /* in the list of what it waits for */
  union {
    struct {
      bool is_call;   /* a struct call, else a struct task */
      bool stackful;  /* of a task: it runs on a stack of its own */
      bool given_up;  /* likewise: never to be resumed */
      bool cancelled; /* likewise: its innermost scope is, effectively */
    };
    uint32_t special; /* all of them; 0: a stepped task that just goes on */
  };
  int status; /* of a task: what it is stepped with next */
  void *arg;  /* of its function, or body */
};
_Static_assert(sizeof(bool) == 1, "four flags are read as one word");

struct call {
  struct entry entry;
  bool queued; /* in the ready ring */
  bool ended;  /* run or cancelled: fn is not called any more */
  bool ending; /* its drop function runs: nothing frees it meanwhile */
  weft_call_fn fn;
  weft_drop_fn drop;
  struct timer timer;      /* TIMER_CALL */
  weft_timer handle;       /* 0 unless somebody owns it */
  struct context *context; /* it runs with; NULL: no variable is set */
};

struct ready_ring {
  struct entry **entries;
  uint32_t mask;     /* capacity - 1; a power of two */
  uint32_t head;     /* the next to run; counts on, masked when used */
  uint32_t tail;     /* one past the last */
  uint32_t reserved; /* entries that may be queued at most; <= capacity */
};

int weft__ready_reserve_slowly(weft_runtime *rt);
void weft__ready_remove(weft_runtime *rt, const struct entry *entry);
/* call.c. [handle] NULL: nobody owns it. Does not consume arg on failure, which
 * is WEFT_ENOMEM, or WEFT_EINVAL if [fn] is NULL. */
int weft__call_new(weft_runtime *rt, weft_call_fn fn, void *arg,
                   weft_drop_fn drop, weft_timer *handle, struct call **call);
void weft__call_queue(weft_runtime *rt, struct call *call);
void weft__call_run(weft_runtime *rt, struct call *call);
void weft__call_abandon(weft_runtime *rt, struct call *call); /* not called */
void weft__call_dispose(weft_runtime *rt, void *object);

/* -- Tasks (task.c) ------------------------------------------------------- */

/* What few tasks have; made when it is first needed. */
struct task_extra {
  char *name; /* as given; NULL: "task-N" */
  weft_value *result;
  weft_error *error;       /* what it fails with, or has failed with */
  struct task *starter;    /* who waits in weft_task_start for it */
  struct group *reserved;  /* where it holds a place for its next spawn */
  struct list held;        /* struct holding.node: what it must give back */
  struct context *context; /* NULL: it has set no variable, nor inherited one */
};

/* Three cache lines, the first of which is all that a switch touches; the pool
 * puts each task at the beginning of one. */
struct task {
  struct entry entry; /* its place among those who wait for the same */
  union {
    uint64_t wake_value; /* what it is stepped with next */
    weft_task_fn fn;     /* of a stackful task whose first step has not begun */
  };
  union {
    weft_step_fn step; /* weft__step_pulled: for pull mode */
    void *context;     /* of a stackful task: where its fiber goes on, if it
                        * has left it; NULL until it has one */
  } body;
  struct scope *scope; /* innermost, see weft__own_scope_of; NULL: none more */
  uint8_t state;       /* enum weft_task_state */
  bool begun;          /* its first step has run */
  uint16_t raised_count; /* Cancelled got since it last left one's scope */
  uint8_t generation;    /* spawned in the shutdown: 1 + its spawner's */
  uint8_t own_source;    /* what has cancelled its own scope, not made yet */
  bool custom : 1;       /* parked by weft_park: weft_wake may wake it */
  bool timed : 1;        /* parked by weft__park_timed: it waits for a time */
  bool fiber_over : 1;   /* a stackful body has returned */
  bool owned : 1;        /* somebody holds the handle */
  bool observed : 1;     /* its failure was seen by somebody */
  bool starting : 1;     /* belongs to who called weft_task_start */
  bool starter_gone : 1; /* that one was cancelled: ready is ignored */
  bool looked_at : 1;    /* deadlock.c's, while it looks for a circle */
  bool circle_told : 1;  /* the circle it waits in was reported */

  /* The wait, while parked. */
  weft_withdraw_fn withdraw; /* NULL: kept */
  const char *what;
  union {
    struct timer timer; /* TIMER_SLEEP; set only while the wait is timed */
    struct {            /* else, in place of the time and its order */
      uint64_t object;
      void *withdraw_arg;
    };
    uint64_t float_mode; /* that it begins with, see weft__float_mode */
  };
  uint32_t since; /* when the wait began, see WEFT__SINCE_SHIFT */

  weft_task handle;         /* 0 until somebody asks for it */
  struct task_extra *extra; /* NULL: all of it is zero */

  struct list sibling;  /* in group->children, in the order of spawning */
  struct list all;      /* in rt->tasks, likewise; or in rt->ended */
  struct list awaiters; /* entries, oldest first */
  union {
    weft_drop_fn drop;
    struct fiber *fiber; /* once it has a stack; keeps drop for it */
  };
  uint64_t id;
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct task) == 192,
               "a task fills three cache lines");
_Static_assert(sizeof(void *) != 8 || offsetof(struct task, withdraw) == 64,
               "a switch touches one of them");
_Static_assert(offsetof(struct timer, place) >=
                   sizeof(uint64_t) + sizeof(void *),
               "a wait leaves alone whether its timer is set");

/* task->since counts units of 2^20 ns, a millisecond, and begins anew after 52
 * days: four bytes that are free in the line that a park writes to. */
#define WEFT__SINCE_SHIFT 20

static inline bool weft__task_is_stackful(const struct task *task) {
  return task->entry.stackful;
}
/* The handle of what a parked task waits for; 0: it has none. */
static inline uint64_t weft__task_object(const struct task *task) {
  return task->timed ? 0 : task->object;
}
weft_error *weft__task_error(const weft_runtime *rt, const struct task *task);
static inline const char *weft__task_name(const struct task *task) {
  return task->extra == NULL ? NULL : task->extra->name;
}
static inline struct group *weft__task_reserved(const struct task *task) {
  return task->extra == NULL ? NULL : task->extra->reserved;
}
/* Its name, or "task-N", written into [text]. */
struct task_title {
  char text[32];
};
const char *weft__task_title(const struct task *task, struct task_title *text);
/* wait_info.c: what a parked task waits for, as weft_task_describe_wait. */
void weft__task_describe_wait(weft_runtime *rt, const struct task *task,
                              char *text, size_t size_bytes);
/* clock.c: it sleeps, maybe for ever. */
bool weft__task_is_asleep(const struct task *task);
struct task_extra *weft__task_new_extra(weft_runtime *rt, struct task *task);
/* The task's extra, made if need be; NULL for want of memory. */
static inline struct task_extra *weft__task_extra(weft_runtime *rt,
                                                  struct task *task) {
  return WEFT__LIKELY(task->extra != NULL) ? task->extra
                                           : weft__task_new_extra(rt, task);
}

/* Gives a stackful task the stack it was promised. */
void weft__task_take_stack(weft_runtime *rt, struct task *task);
void weft__task_end(weft_runtime *rt, struct task *task, int outcome);
int weft__task_handle(weft_runtime *rt, struct task *task, weft_task *handle);
void weft__task_dispose(weft_runtime *rt, void *object);
void weft__task_give_up(weft_runtime *rt, struct task *task);
/* Lets those go on who wait for an end, tasks and calls in one order. */
void weft__wake_awaiters(weft_runtime *rt, struct list *awaiters);
/* start.c: a task that belongs to its starter has ended. */
void weft__start_ended(weft_runtime *rt, struct task *task);
/* start.c: one that may wait in weft_task_start will not be there any more. */
void weft__start_forget(struct task *starter);
/* embed.c: the step of tasks for pull mode where weft_next_ready is not used.
 */
int weft__step_pulled(weft_runtime *rt, void *arg, int status, uint64_t value);

/* Its own scope, NULL unless that has been made (own_scope.c): the outermost of
 * those that govern the task alone. */
static inline struct scope *weft__own_scope_of(const struct task *task) {
  struct scope *scope = task->scope;
  if (WEFT__LIKELY(scope == NULL || scope->task != task))
    return NULL;
  while (scope->parent->task == task)
    scope = scope->parent;
  return scope;
}

/* -- What a task holds (holding.c) ----------------------------------------
 * A lock, or a token of a limiter: found when the task ends without having
 * given it back. Part of the struct that is held. */

struct holding {
  struct list node;  /* in task->extra->held */
  struct task *task; /* who holds it; NULL: nobody */
  /* Called when that one has ended, and holds it no more. */
  void (*forsaken)(weft_runtime *rt, struct holding *holding,
                   struct task *task);
};

/* A token of a limiter that a task has or waits for. */
struct loan {
  struct holding holding;
  struct limiter *limiter;
  struct list node; /* in limiter->loans, if the task has it */
};

/* For a task that has its extra. */
static inline void weft__holding_take(struct holding *holding,
                                      struct task *task) {
  holding->task = task;
  list_insert(&task->extra->held, &holding->node);
}
static inline void weft__holding_give(struct holding *holding) {
  holding->task = NULL;
  list_remove(&holding->node);
}
/* The task has ended: all that it still holds is forsaken. */
void weft__holding_forsake_all(weft_runtime *rt, struct task *task);

/* -- Parking (park.c) -----------------------------------------------------
 */

/* Begins a parking call: wrong thread, no task, cancelled. Returns WEFT_OK to
 * go on, anything else to be returned by the call as it is. */
int weft__park_begin(weft_runtime *rt);
/* Ends a call that finished at once, with [value] as its outcome. */
int weft__park_skip(weft_runtime *rt, uint64_t value);
int weft__park_turn_first(weft_runtime *rt, uint64_t handle, enum kind kind);
/* As weft__park_begin, for what is no cancellation point. */
int weft__park_begin_kept(weft_runtime *rt);
/* Parks the running task at the end of [waiters] (NULL: in no list). A wait
 * that [withdraw] is weft__withdraw_plain for is undone by leaving the list. */
int weft__park(weft_runtime *rt, struct list *waiters, const char *what,
               uint64_t object, weft_withdraw_fn withdraw, void *withdraw_arg,
               uint64_t *value);
/* Parks it until the time that its timer says: a [withdraw] gets the task. */
int weft__park_timed(weft_runtime *rt, struct list *waiters, const char *what,
                     weft_withdraw_fn withdraw);
int weft__withdraw_plain(weft_runtime *rt, void *arg);
/* Completes the wait of a parked task and queues it. */
void weft__wake(weft_runtime *rt, struct task *task, int status,
                uint64_t value);
/* Wakes the first of [waiters]; false if there is none. */
bool weft__wake_first(weft_runtime *rt, struct list *waiters, int status,
                      uint64_t value);
void weft__wake_all(weft_runtime *rt, struct list *waiters, int status);
size_t weft__count_waiting(const struct list *waiters);
/* Undoes the wait of a task parked in one that can be withdrawn, as
 * weft_withdraw_fn says; the task stays in the list it is in. */
int weft__withdraw(weft_runtime *rt, struct task *task);
/* Wakes a parked task with Cancelled if its wait can be withdrawn. */
void weft__cancel_wait(weft_runtime *rt, struct task *task);
/* Brings the run budget in line with whether the running code is cancelled. */
void weft__budget_refresh(weft_runtime *rt);

/* Between these two the host's code runs outside any task, whoever called it:
 * it cannot park, end a step, run the loop or free the runtime. */
struct aside {
  struct task *task;
  struct call *call;
  int32_t budget;
  uint8_t state;
};
struct aside weft__aside_begin(weft_runtime *rt);
void weft__aside_end(weft_runtime *rt, struct aside was);

/* -- Groups (group.c) -----------------------------------------------------
 */

struct group {
  struct scope scope;
  struct list children; /* struct task.sibling, oldest first */
  size_t count;         /* children that have not ended */
  size_t limit_max;     /* 0: none */
  size_t reserved;      /* places reserved and not yet used */
  struct list places;   /* tasks that wait for a place */
  bool over;            /* joined: nobody may spawn */
  bool joining;         /* the body has ended */
  bool cut_off;       /* a body or child was ended by Cancelled from outside */
  bool own_cancelled; /* the body made a Cancelled of its own */
  bool strict;        /* a child cancelled on its own is a failure */
  bool lost_failure;  /* there was no memory to keep one; it was reported */
  weft_group handle;
  weft_error **failures; /* in the order they happened */
  size_t failure_count;
  size_t failure_capacity;
};

void weft__group_init(struct group *group, struct task *task);
/* Takes a new task in; WEFT_ESTATE if the group is over, WEFT_EBUSY if it has
 * a limit and [spawner] no place. */
int weft__group_add(struct group *group, struct task *task,
                    struct task *spawner);
static inline void weft__group_link(struct group *group, struct task *task) {
  group->count++;
  list_insert(&group->children, &task->sibling);
  task->scope = &group->scope; /* it has no own scope yet */
  task->entry.cancelled = group->scope.effective;
}
/* The group that the task lives in; NULL after its end. */
static inline struct group *weft__task_group(const struct task *task) {
  const struct scope *own = weft__own_scope_of(task);
  const struct scope *around = own == NULL ? task->scope : own->parent;
  return around == NULL ? NULL : around->group;
}
/* Whether any task may be linked into it at any time. */
static inline bool weft__group_is_free(const struct group *group) {
  return !group->over && group->limit_max == 0 && group->reserved == 0;
}
void weft__group_remove(weft_runtime *rt, struct task *task);
void weft__group_give_place_back(weft_runtime *rt, struct task *holder);
/* Ends, by force, a group that its owner left open. */
void weft__group_abandon(weft_runtime *rt, struct group *group);

/* -- Deadlocks (deadlock.c) -----------------------------------------------
 */

/* To be called where the running task is about to wait for [object], a lock, a
 * task or its own group, if rt->deadlock_hint. */
void weft__deadlock_park(weft_runtime *rt, enum kind kind, void *object);
/* Reports what is found, before the poll waits, or jumps. */
void weft__deadlock_look(weft_runtime *rt, bool may_block);

/* -- Posts (post.c) -------------------------------------------------------
 * A post of the core's own is part of what it is about: posting it allocates
 * nothing, and its function may end that. It is not posted twice at a time. */

struct post {
  struct post *next;
  weft_call_fn fn;
  void *arg;
  weft_drop_fn drop;
  bool own; /* the core's: neither dropped nor freed */
};

void weft__post_own(weft_runtime *rt, struct post *post); /* any thread */
void weft__post_forget(weft_runtime *rt, struct post *post);

/* -- The runtime (runtime.c, poll.c) --------------------------------------
 */

#define WEFT__RUN_BUDGET 128

/* RT_TURN: inside a single turn for a foreign loop. RT_ASIDE: in code of the
 * host's that must not run the loop, or while the runtime is freed. */
enum runtime_state { RT_IDLE, RT_RUNNING, RT_TURN, RT_PULLING, RT_ASIDE };

struct weft_runtime {
  /* Read at every switch. */
  const void *thread;   /* see weft__thread_self */
  struct task *current; /* whose step runs */
  int32_t budget;       /* 0: the running code is cancelled; 1: the last */
  struct ready_ring ready;
  _Atomic uint64_t step_count; /* steps begun; other threads read it */
  uint32_t turn_left;          /* entries of this turn that have not run */
  uint32_t letter_count;       /* in the outbox, to be sent (outbox.c) */
  bool watched;                /* steps are timed and told of (observe.c) */
  uint8_t state;               /* enum runtime_state */
  bool virtual_clock;
  bool shutting_down;
  bool shields_lifted;
  bool poll_now;    /* a time was set that has come, or I/O begun in a poll */
  bool io_moved;    /* bytes went through a stream in this poll */
  atomic_bool busy; /* it runs, and does not wait in a poll; any thread */

  uint32_t given_up_count;
  int32_t budget_saved; /* what it was when the running code was cancelled */
  uint64_t raised_step; /* the last step that got Cancelled */
  struct fiber_cache fibers;
  struct handle_table handles;
  struct timers timers;
  struct pool tasks_pool, scopes_pool, groups_pool, calls_pool;
  struct pool extras_pool, loans_pool, fs_ops_pool;
  struct list tasks; /* struct task.all: unfinished, in the order of spawning */
  struct list ended; /* struct task.all: ended, handle still owned */
  struct group root;
  uint64_t next_task_id;
  uint64_t virtual_now_ns;
  uint64_t last_now_ns; /* the clock as last read */
  uint64_t shuffle;     /* state of the generator; 0: off */
  struct task *main_task;

  uv_loop_t loop;
  uv_timer_t loop_timer;       /* wakes the poll for the first of timers */
  uv_async_t loop_async;       /* wakes the poll for posts and signals */
  _Atomic uint64_t call_count; /* calls begun; other threads read it */
  uint64_t turn_count;         /* turns begun */
  _Atomic uint64_t poll_count; /* polls; likewise */
  struct observation observation;
  uint32_t outside_work; /* files, threads, processes: virtual time stands */
  uint64_t last_poll_ticks;
  struct list readable;        /* streams the kernel told of, to be read */
  struct list paired;          /* ends of pairs in memory to be looked at */
  struct list pairs_waiting;   /* those where something is to arrive later */
  struct spare *spare_buffers; /* for those that are read next */
  struct outbox *outbox;       /* what a turn's tasks have written; or NULL */
  unsigned spare_count;        /* of those buffers */
  struct list signals;         /* struct signals.node */
  struct list processes;       /* struct process.node: those that run */
  uv_signal_t child_watcher;   /* of SIGCHLD, while any runs */
  char *scratch;               /* for what a filter is about to get; or NULL */
  weft_error *no_memory;       /* what a task fails with when there is none */
  struct list settling;  /* tasks that wait until all are parked (settle.c) */
  struct list advancing; /* and those that move the virtual clock */

  struct fs_queue { /* fs_work.c */
    uv_mutex_t mutex;
    struct list waiting;     /* struct fs_op.node, not begun; by the mutex */
    struct list done;        /* likewise, run but not ended; by the mutex */
    uv_async_t async;        /* some are done */
    struct fs_worker *idle;  /* those that libuv does not have */
    struct fs_worker *first; /* all of them, one block */
    uint32_t worker_count;   /* fewer than libuv has threads */
    uint32_t under_way;      /* work that has not ended, nor been withdrawn */
  } fs;

  struct list pools;           /* struct workers.node */
  struct workers *own_workers; /* NULL until they are needed */
  uint32_t starved_pools;      /* where a job waits for a new thread */

  struct post_list {
    uv_mutex_t mutex;
    struct post *first, *last;
    _Atomic int pending; /* look at the list, or for signals */
  } posts;

  struct resolver {
    weft_resolver_fn start; /* NULL: none was set */
    weft_resolver_cancel_fn cancel;
    void *arg;
    weft_drop_fn drop;
    size_t count; /* look-ups that it has */
  } resolver;

  weft_around_fn around;
  void *around_arg;
  weft_drop_fn around_drop;
  weft_report_fn report;
  void *report_arg;
  weft_drop_fn report_drop;
  bool reports_left;  /* tasks that are left when main ends */
  bool deadlock_hint; /* circles of waits, and waits that nothing ends */
  bool wants_signals;
  bool left_unread;       /* a watch has told of bytes that nobody took */
  uint8_t unread_polls;   /* polls in a row, the last ones, that did */
  bool circle_seen;       /* there is one to be reported by the next poll */
  uint64_t deadlock_step; /* step_count when it was last told that all wait */
  struct circle {         /* deadlock.c's, kept for the next time */
    struct visit *visits;
    size_t capacity;
  } circle;
  int signals_seen;        /* of those that were delivered to this runtime */
  bool signals_taken[2];   /* which had their default disposition */
  struct task *pulled;     /* the task whose step the host runs */
  struct call *call;       /* whose function runs */
  struct inspect *inspect; /* its inspection socket; NULL: none (inspect.c) */
  struct dump {            /* dump_signal.c */
    int number;            /* the signal; 0: none */
    weft_call_fn fn;
    void *arg;
    weft_drop_fn drop;
  } dump;
};

/* A number that tells threads apart; inline, for every call asks for it. */
static inline const void *weft__thread_self(void) {
#if defined(__x86_64__) && defined(__linux__)
  const void *self;
  __asm__("mov %%fs:0, %0" : "=r"(self));
  return self;
#elif defined(__aarch64__) && defined(__linux__)
  const void *self;
  __asm__("mrs %0, tpidr_el0" : "=r"(self));
  return self;
#else
  return (const void *)(uintptr_t)uv_thread_self();
#endif
}

static inline bool weft__is_here(const weft_runtime *rt) {
  return rt->thread == weft__thread_self();
}

/* Counts what other threads may look at; only the runtime's own counts. */
static inline void weft__count(_Atomic uint64_t *count) {
  uint64_t now = atomic_load_explicit(count, memory_order_relaxed);
  atomic_store_explicit(count, now + 1, memory_order_relaxed);
}

static inline void weft__set_busy(weft_runtime *rt, bool busy) {
  atomic_store_explicit(&rt->busy, busy, memory_order_relaxed);
}

/* The task whose code calls; NULL outside a step and in one that has parked. */
static inline struct task *weft__running(const weft_runtime *rt) {
  struct task *task = rt->current;
  return task != NULL && task->state == WEFT_TASK_RUNNING ? task : NULL;
}

static inline uint32_t weft__handle_slot(uint64_t handle) {
  return (uint32_t)(handle & ((1u << WEFT__SLOT_BITS) - 1));
}

/* KIND_NONE for what stands in a free slot. */
static inline enum kind weft__handle_kind(uint64_t handle) {
  return (enum kind)((uint32_t)(handle >> WEFT__SLOT_BITS) &
                     ((1u << WEFT__KIND_BITS) - 1));
}

/* The object of a good handle of [kind], else NULL. */
static inline void *weft__handle_get(const weft_runtime *rt, uint64_t handle,
                                     enum kind kind) {
  uint32_t index = weft__handle_slot(handle);
  if (WEFT__UNLIKELY(index >= rt->handles.count ||
                     weft__handle_kind(handle) != kind))
    return NULL;
  const struct slot *slot = &rt->handles.slots[index];
  return WEFT__LIKELY(slot->handle == handle) ? slot->object : NULL;
}

/* The usual beginning of a call on an object: WEFT_ETHREAD, WEFT_EBADF or OK
 * with *object set. */
static inline int weft__object(weft_runtime *rt, uint64_t handle,
                               enum kind kind, void *object) {
  if (WEFT__UNLIKELY(!weft__is_here(rt)))
    return WEFT_ETHREAD;
  void *found = weft__handle_get(rt, handle, kind);
  *(void **)object = found;
  return WEFT__LIKELY(found != NULL) ? WEFT_OK : WEFT_EBADF;
}

/* For a call that is about to take something which others may want while the
 * task has it, as a lock. If it is the last of the run budget, a stackful task
 * lets the others run before; then as weft__park_begin, or WEFT_ECLOSED if
 * [handle], the object's, is no good any more.
 *
 * Taken first, the lock would be away for a whole turn. All others would come
 * to wait for it, and from then on every hand-over costs a switch, for ever.
 *
 * A stepped task takes it first all the same: once its call has returned
 * WEFT_PARKED, nobody is left to make the rest of it when the turn comes. */
static inline int weft__park_renew(weft_runtime *rt, uint64_t handle,
                                   enum kind kind) {
  if (WEFT__LIKELY(rt->budget > 1 || !weft__task_is_stackful(rt->current)))
    return WEFT_OK;
  return weft__park_turn_first(rt, handle, kind);
}

static inline void weft__drop(weft_drop_fn drop, void *arg) {
  if (drop != NULL)
    drop(arg);
}

/* Ends a call that failed with [status]: what it was given goes. */
static inline int weft__refuse(weft_drop_fn drop, void *arg, int status) {
  weft__drop(drop, arg);
  return status;
}

static inline void weft__ready_push(weft_runtime *rt, struct entry *entry) {
  rt->ready.entries[rt->ready.tail++ & rt->ready.mask] = entry;
}

/* Room for one entry more. With no ring yet, the mask is 0 as well. */
static inline int weft__ready_reserve(weft_runtime *rt) {
  if (WEFT__UNLIKELY(rt->ready.reserved >= rt->ready.mask))
    return weft__ready_reserve_slowly(rt);
  rt->ready.reserved++;
  return WEFT_OK;
}

static inline void weft__ready_unreserve(weft_runtime *rt) {
  assert(rt->ready.reserved > 0);
  rt->ready.reserved--;
}

static inline bool weft__ready_is_empty(const weft_runtime *rt) {
  return rt->ready.head == rt->ready.tail;
}

uint64_t weft__now(weft_runtime *rt);
uint64_t weft__now_real(void); /* whatever clock the runtime has */
/* A time was set: if it has come already, the next turn is followed by a real
 * poll. */
static inline void weft__poll_soon(weft_runtime *rt, uint64_t time_ns) {
  if (time_ns <= rt->last_now_ns)
    rt->poll_now = true;
}
void weft__main_ended(weft_runtime *rt);
void weft__deadlock_free(weft_runtime *rt);
bool weft__has_work(const weft_runtime *rt);
void weft__unstick(weft_runtime *rt);
bool weft__can_wake(weft_runtime *rt);
void weft__poll(weft_runtime *rt, bool may_block);
uint64_t weft__ticks(void); /* of the processor's counter */
bool weft__poll_is_due(weft_runtime *rt);
int weft__posts_init(weft_runtime *rt);
void weft__posts_free(weft_runtime *rt);
void weft__posts_run(weft_runtime *rt);
bool weft__posts_drop(weft_runtime *rt); /* false: there was none */
void weft__signals_take(weft_runtime *rt);
void weft__signals_give_back(weft_runtime *rt);
void weft__signals_deliver(weft_runtime *rt);
void weft__report(weft_runtime *rt, int kind, struct task *task,
                  weft_error *error);

/* -- The virtual clock, moved by hand (settle.c) --------------------------- */

uint64_t weft__advance_next(const weft_runtime *rt); /* WEFT__NEVER if none */
void weft__advance_end(weft_runtime *rt);

/* -- Primitives, one file each --------------------------------------------
 * Each frees what a handle stood for that is still open when the runtime is
 * freed; no task is left then that could wait for it. */

void weft__waitlist_dispose(weft_runtime *rt, void *object);
const char *weft__waitlist_what(const void *object);
void weft__event_dispose(weft_runtime *rt, void *object);
void weft__semaphore_dispose(weft_runtime *rt, void *object);
void weft__queue_dispose(weft_runtime *rt, void *object);
void weft__lock_dispose(weft_runtime *rt, void *object);
void weft__limiter_dispose(weft_runtime *rt, void *object);
void weft__condition_dispose(weft_runtime *rt, void *object);
void weft__barrier_dispose(weft_runtime *rt, void *object);
void weft__sender_dispose(weft_runtime *rt, void *object);
void weft__receiver_dispose(weft_runtime *rt, void *object);
void weft__future_dispose(weft_runtime *rt, void *object);

/* -- Context variables (context.c) ---------------------------------------- */

struct context *weft__context_ref(struct context *context); /* or NULL */
void weft__context_unref(struct context *context);
/* Gives a task that is being made the snapshot of who spawns it. */
int weft__context_inherit(weft_runtime *rt, struct task *task);
void weft__context_var_dispose(weft_runtime *rt, void *object);
void weft__context_dispose(weft_runtime *rt, void *object);

/* The variables of the running code; NULL: none is set. */
static inline struct context *weft__context_current(const weft_runtime *rt) {
  const struct task *task = weft__running(rt);
  if (task != NULL)
    return task->extra == NULL ? NULL : task->extra->context;
  return rt->call == NULL ? NULL : rt->call->context;
}

#endif
