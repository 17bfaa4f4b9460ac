/* SPDX-License-Identifier: MIT
 * process.h - what the files of processes share: the struct of a process, from
 * its description to its exit.
 *
 *   process_setup.c describes it -> process_start.c, inherit.c start it
 *     -> process.c waits for it, signals it, ends it */
#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H

#include "io.h"

/* The descriptors 0, 1 and 2. */
#define WEFT__STDIO_COUNT 3

/* Texts with a NULL behind the last, as exec wants them. */
struct texts {
  char **items;
  size_t count;
  size_t capacity;
};

enum process_state {
  PROCESS_NEW,     /* is being described */
  PROCESS_FAILED,  /* could not be started */
  PROCESS_RUNNING, /* until libuv has reaped it */
  PROCESS_EXITED
};

struct process {
  weft_runtime *rt;
  weft_process handle; /* 0: closed; it is freed once it has exited */
  uint8_t state;       /* enum process_state */
  bool own_group;      /* in a session and group of its own, which is signalled
                        */
  bool own_env;        /* begins with an empty environment */
  bool terminated;     /* SIGTERM was sent: the grace runs */
  bool killed;         /* SIGKILL was sent */
  bool told;           /* its end in the shutdown was reported */
  int closings;        /* of the two below, those that libuv still has */
  uv_process_t uv;
  uv_timer_t grace; /* real time, for the process lives in it */
  struct list node; /* in rt->processes while it runs */
  uint64_t exit;    /* as weft_process_wait gives it */

  /* The description (process_setup.c). */
  struct texts arguments; /* the first is the program */
  struct texts env;       /* "NAME=text", or "NAME" for one that is taken out */
  char *cwd;              /* NULL: the parent's */
  int uid, gid;           /* -1: the parent's */
  struct {
    int how;    /* enum weft_stdio */
    int source; /* of WEFT_STDIO_FD and WEFT_STDIO_SAME */
    weft_stream stream;
  } stdio[WEFT__STDIO_COUNT];
  const char *failed; /* what start was refused for: the program or the cwd */

  struct list waiters;  /* in weft_process_wait */
  struct list stoppers; /* in weft_process_stop: kept until the exit */
};

/* -- The description (process_setup.c) ------------------------------------ */

void weft__process_forget_setup(struct process *p);
/* The environment for exec in [env], whose items are borrowed; a NULL block:
 * the parent's own. Freed by weft__texts_free. */
int weft__process_env(const struct process *p, struct texts *env);
void weft__texts_free(struct texts *texts, bool items_too);

/* -- Life (process.c) ----------------------------------------------------- */

/* For libuv: the process has been reaped. */
void weft__process_exited(uv_process_t *uv, int64_t status, int number);
/* Gives the two handles back to libuv; the struct goes with the last, if the
 * process is closed. */
void weft__process_release(struct process *p);

/* -- Descriptors (inherit.c) ---------------------------------------------- */

/* Between these two, a fork by this thread gives the child no descriptor above
 * 2 that outlives exec. */
int weft__inherit_nothing(void);
void weft__inherit_as_ever(void);

#endif
