/* SPDX-License-Identifier: MIT
 * worker.h - what thread.c, on the runtime's thread, and worker.c, in the
 * others, share. */
#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include <stdatomic.h>

#include "pack.h"

/* What goes to a worker and comes back. Both sides have it in turn, but for
 * the fields of the runtime's thread. */
struct parcel {
  struct bytes bytes; /* a packed call; then packed results */

  int references; /* the Lua object's, and the job's */
  struct host *host;
  weft_task task; /* who waits for the job; 0: nobody, or not yet */
  weft_work work;
  int status; /* of a job that has ended */
  bool ended;
  bool abandon;            /* a cancelled task does not wait */
  bool abandoned;          /* nobody will */
  int line;                /* of what follows */
  char source[LUA_IDSIZE]; /* where fn is defined: for a report */
};

struct parcel *parcel_new(void); /* NULL for want of memory */
void parcel_release(void *parcel);

/* What the states of a pool are made with. */
struct settings {
  char *path;         /* package.path */
  char *cpath;        /* package.cpath */
  atomic_int workers; /* numbered so far */
};

struct settings *settings_new(const char *path, const char *cpath);
void settings_free(void *settings);

/* For weft_workers_set_local, with struct settings, and for weft_work_start,
 * with a struct parcel. WEFT_EHOST: the bytes are a text, why there is no
 * state to run in. */
int worker_open(void *settings, void **local);
void worker_close(void *settings, void *local);
int worker_run(void *local, void *parcel, uint64_t *value);

#endif
