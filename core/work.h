/* SPDX-License-Identifier: MIT
 * work.h - threads and their jobs: what workers.c, worker.c, workers_end.c and
 * work.c share, and what the runtime calls of them.
 *
 * A pool belongs to the runtime's thread; what its threads touch of it is under
 * its mutex, and so are the lists a job is in. */
#ifndef WEFT_WORK_H
#define WEFT_WORK_H

#include <stdatomic.h>

#include "core.h"

enum work_state { WORK_QUEUED, WORK_RUNNING, WORK_ENDED };

/* A job. Once the pool has it, its thread writes state, status and value. */
struct work {
  struct list node; /* in the pool's list of its state, or of free ones */
  struct workers *pool;
  weft_work_fn fn;
  weft_work_done_fn done; /* NULL if a task waits, or did */
  void *arg;
  weft_drop_fn drop;
  struct task *task; /* who waits; NULL: nobody, or not any more */
  weft_work handle;  /* 0: nobody has it */
  char *name;        /* of one that was abandoned; may be NULL */
  uint64_t number;   /* of all jobs of the pool, by their coming */
  uint64_t value;
  int status;
  uint8_t state; /* enum work_state */
  bool awaited;  /* it counts in rt->outside_work */
  bool abandon;  /* a cancelled task leaves it alone instead of waiting */
  bool told;     /* it was reported that it is left behind */
};

struct worker {
  struct list node; /* in pool->idle or pool->gone */
  struct workers *pool;
  uv_thread_t thread;
  uv_cond_t called_cond;
  uint64_t waited_ns; /* the last time, for a job */
  bool called;        /* to look at the queue */
  bool opened;        /* local is there */
  void *local;
};

struct workers {
  /* Of the runtime's thread alone. */
  struct list node; /* in rt->pools */
  weft_workers handle;
  struct list joiners;    /* tasks in weft_workers_join */
  struct list free_works; /* struct work.node */
  size_t pending;         /* jobs whose end was not delivered */
  size_t alive;           /* threads not joined */
  size_t workers_max;     /* threads at most */
  size_t eager_max;       /* as many are started without waiting */
  size_t queue_max;       /* 0: any number */
  uint64_t last_number;   /* of a job */
  uint64_t looked_number; /* the last one when the queue was looked at */
  uint64_t looked_ns;     /* and when that was, by the system's clock */
  uint64_t grace_ns;      /* how long the runtime's end waits */
  bool used;              /* the setters come too late */
  bool refusing;          /* closed, or about to be */
  bool starved;           /* counted in rt->starved_pools */
  bool delivering;        /* not to be freed */
  bool refused_by_system; /* it was reported that a thread was */
  void *local_arg;        /* of open and close */
  weft_drop_fn local_drop;
  weft_worker_open_fn open; /* not changed once it is used */
  weft_worker_close_fn close;
  uint64_t idle_ns; /* after so long an idle thread ends */
  bool may_spin;    /* there is a processor for it */

  /* Written under the mutex, read by who spins. */
  _Atomic uint64_t queued_number; /* of the last job to come to the queue */

  /* Under the mutex. */
  uv_mutex_t mutex;
  uv_cond_t gone_cond; /* signalled for a runtime that ends */
  weft_runtime *rt;    /* NULL: it has gone without us */
  struct post post;    /* calls weft__workers_deliver */
  bool posted;         /* it is on its way */
  bool stopping;       /* threads end when the queue is empty */
  struct list queue;   /* jobs that wait, oldest first */
  struct list running; /* jobs that run */
  struct list ended;   /* jobs to be delivered, in the order of their ends */
  struct list idle;    /* workers; the last to have come is called first */
  struct list gone;    /* workers to be joined */
  size_t queued;       /* jobs in the queue */
  size_t threads;      /* that have not ended */
  size_t idle_count;   /* in idle */
  size_t calling;      /* workers on their way to the queue */
};

/* -- What the runtime calls ----------------------------------------------- */

/* A job that has waited so long gets a new thread, if there may be one. */
#define WEFT__STARVED_NS UINT64_C(1000000)

void weft__workers_dispose(weft_runtime *rt, void *object);
void weft__work_dispose(weft_runtime *rt, void *object);
/* Starts threads for jobs that have waited too long. */
void weft__workers_relieve(weft_runtime *rt);
/* Ends all pools; false: there was none. Blocks while a job runs, though not
 * for ever. */
bool weft__workers_end(weft_runtime *rt);

/* -- workers.c ------------------------------------------------------------
 */

/* The pool of a good handle that takes jobs; 0 is the runtime's own. */
int weft__workers_get(weft_runtime *rt, weft_workers handle,
                      struct workers **pool);
/* Sees to it that threads come for the [left] jobs in the queue for which none
 * is on its way; there are [threads]. Not WEFT_OK if there is none and none can
 * be started. */
int weft__workers_summon(struct workers *pool, size_t left, size_t threads);
/* Jobs for which no thread is on its way. With the mutex held. */
size_t weft__workers_left(const struct workers *pool);
/* Delivers what has ended, and frees the pool if it is over. */
void weft__workers_deliver(weft_runtime *rt, void *pool);
/* Closes the pool, which is freed when nothing of it is left. */
void weft__workers_shut(struct workers *pool);
void weft__workers_free(struct workers *pool); /* any thread, for an orphan */

/* -- worker.c ------------------------------------------------------------- */

/* Starts one more thread, which goes to the queue. */
int weft__worker_start(struct workers *pool);
void weft__worker_free(struct worker *worker);
/* Calls an idle thread to the queue, unless one is on its way. Returns the one
 * whose called_cond is to be signalled, or NULL. With the mutex held. */
struct worker *weft__workers_call(struct workers *pool);
/* Has the runtime's thread deliver what has ended. With the mutex held. */
void weft__workers_post(struct workers *pool);

/* -- work.c --------------------------------------------------------------- */

/* Delivers the end of a job, whose node is in no list. */
void weft__work_deliver(weft_runtime *rt, struct work *work);

#endif
