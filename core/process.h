/* SPDX-License-Identifier: MIT
 * process.h - what the files of processes share: the struct of a process, from
 * its description to its exit.
 *
 *   process_setup.c describes it -> process_start.c starts it, and in the child
 *     process_child.c and inherit.c make it what was described
 *     -> process.c waits for it, signals it, ends it -> process_reap.c */
#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H

#include "io.h"

/* The descriptors 0, 1 and 2. */
#define WEFT__STDIO_COUNT 3
/* Others begin here. */
#define WEFT__FIRST_FD WEFT__STDIO_COUNT

/* Texts with a NULL behind the last, as exec wants them. */
struct texts {
  char **items;
  size_t count;
  size_t capacity;
};

enum process_state {
  PROCESS_NEW,     /* is being described */
  PROCESS_FAILED,  /* could not be started */
  PROCESS_RUNNING, /* until it has been reaped */
  PROCESS_EXITED
};

struct process {
  weft_runtime *rt;
  weft_process handle; /* 0: closed; it is freed once it has exited */
  uint8_t state;       /* enum process_state */
  bool own_group;      /* leads a session and group, which is signalled */
  bool own_env;        /* begins with an empty environment */
  bool terminated;     /* SIGTERM was sent: the grace runs */
  bool killed;         /* SIGKILL was sent */
  bool told;           /* its end in the shutdown was reported */
  bool has_timer;      /* libuv has the grace: it is open, or being closed */
  int pid;
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
/* Room for [more] items and the NULL behind them; then they are put in. */
int weft__texts_reserve(struct texts *texts, size_t more);
void weft__texts_push(struct texts *texts, char *text);
void weft__texts_free(struct texts *texts, bool items_too);

/* -- Life (process.c) ----------------------------------------------------- */

/* It runs from now on. */
void weft__process_started(struct process *p, int pid);
/* It has been reaped; [wait_status] is what the system tells of its end. */
void weft__process_exited(struct process *p, int wait_status);

/* -- Reaping (process_reap.c) --------------------------------------------- */

/* Before a process is started: exits are told of from now on. */
int weft__reaper_start(weft_runtime *rt);
/* That is left off where no process runs. */
void weft__reaper_settle(weft_runtime *rt);

/* -- In the child (process_child.c, inherit.c) ----------------------------- */

/* What a child needs for becoming the program: all of it is made before, for
 * the child may share the memory of the parent and must not allocate. */
struct launch {
  const struct process *process;
  int fds[WEFT__STDIO_COUNT];    /* that become 0, 1 and 2; -1: /dev/null */
  int opened[WEFT__STDIO_COUNT]; /* those of them that are to be closed */
  struct texts own_env;          /* of the process, if it is not the parent's */
  char **env;                    /* the environment it gets */
  const char *path; /* folders to look in; NULL: the program names its own */
  char *found;      /* room for the longest name that they give */
  size_t found_bytes;
  struct texts script; /* for sh, if the program is none but a script */
  int report;          /* a pipe that says why it has failed */
};

/* Of a child that could not become the program. */
struct failure {
  int number; /* errno */
  int of_cwd; /* it was the folder that could not be used */
};

/* Runs the program, or reports the failure; for the child. */
_Noreturn void weft__child_run(struct launch *launch);
/* Marks all descriptors above 2 to be closed by exec; for the child. */
void weft__inherit_nothing(void);

#endif
