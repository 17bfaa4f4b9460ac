/* SPDX-License-Identifier: MIT
 * process.c - processes: waiting for them, signalling and ending them.
 *
 * From the moment a process is reaped (process_reap.c) its number may be
 * another's, so it is the state, kept in the same thread, that says whether a
 * signal may still be sent. A process that has exited and is not yet reaped is
 * asked for by waitid, so that a signal to it is refused as well.
 *
 * An end has two steps, SIGTERM and, when the grace is over, SIGKILL. It needs
 * no task and no handle: a process that is closed while it runs ends in the
 * same way, and its struct goes when libuv has let go of it. The grace is real
 * time even under a virtual clock, which stands still as long as a process
 * runs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"

/* The grace of a process that nobody ends by weft_process_stop. */
#define GRACE_NS UINT64_C(5000000000)

/* -- Life ----------------------------------------------------------------- */

static void free_process(struct process *p) {
  weft__process_forget_setup(p);
  weft__free(p, sizeof(*p));
}

static void on_released(uv_handle_t *handle) {
  struct process *p = handle->data;
  p->has_timer = false;
  if (p->handle == 0)
    free_process(p);
}

static void wake_all(struct process *p, struct list *tasks) {
  while (weft__wake_first(p->rt, tasks, WEFT_OK, p->exit))
    ;
}

void weft__process_started(struct process *p, int pid) {
  p->pid = pid;
  p->state = PROCESS_RUNNING;
  uv_timer_init(&p->rt->loop, &p->grace);
  p->grace.data = p;
  p->has_timer = true;
  list_insert(&p->rt->processes, &p->node);
  p->rt->outside_work++;
}

/* The status of the exit, and above it the signal. */
static uint64_t exit_of(int wait_status) {
  if (WIFSIGNALED(wait_status))
    return (uint64_t)WTERMSIG(wait_status) << 32;
  return (uint64_t)WEXITSTATUS(wait_status);
}

void weft__process_exited(struct process *p, int wait_status) {
  p->state = PROCESS_EXITED;
  p->exit = exit_of(wait_status);
  list_remove(&p->node);
  p->rt->outside_work--;
  wake_all(p, &p->stoppers);
  wake_all(p, &p->waiters);
  uv_close((uv_handle_t *)&p->grace, on_released);
}

/* -- Signals -------------------------------------------------------------- */

/* Whether it waits to be reaped, or somebody else has reaped it. */
static bool has_exited(int pid) {
  siginfo_t info = {.si_pid = 0};
  int failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
  return failed != 0 ? errno == ECHILD : info.si_pid != 0;
}

static int send_signal(const struct process *p, int number) {
  int pid = p->pid;
  if (p->state != PROCESS_RUNNING || has_exited(pid))
    return WEFT_ESRCH;
  if (kill(p->own_group ? -pid : pid, number) == 0)
    return WEFT_OK;
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

static void send_kill(struct process *p) {
  if (p->killed)
    return;
  p->killed = true;
  uv_timer_stop(&p->grace);
  send_signal(p, SIGKILL);
}

static void on_grace_over(uv_timer_t *timer) {
  send_kill(timer->data);
}

static void send_term(struct process *p) {
  if (p->terminated)
    return;
  p->terminated = true;
  send_signal(p, SIGTERM);
}

/* The earliest end of a grace counts. */
static void set_grace(struct process *p, uint64_t grace_ns) {
  uint64_t grace_ms = grace_ns / 1000000 + (grace_ns % 1000000 > 0);
  uv_update_time(&p->rt->loop);
  if (uv_is_active((uv_handle_t *)&p->grace) &&
      uv_timer_get_due_in(&p->grace) <= grace_ms)
    return;
  uv_timer_start(&p->grace, on_grace_over, grace_ms, 0);
}

/* Has it end; a second signal of the user's takes every grace away. */
static void begin_end(struct process *p, uint64_t grace_ns) {
  if (p->state != PROCESS_RUNNING || p->killed)
    return;
  if (grace_ns == 0 || p->rt->shields_lifted) {
    send_kill(p);
    return;
  }
  send_term(p);
  set_grace(p, grace_ns);
}

/* -- Closing -------------------------------------------------------------- */

/* Nobody knows the handle any more. */
static void abandon(struct process *p) {
  weft__handle_free(p->rt, p->handle);
  p->handle = 0;
  for (int fd = 0; fd < WEFT__STDIO_COUNT; fd++)
    weft_stream_abort(p->rt, p->stdio[fd].stream);
  begin_end(p, GRACE_NS);
  if (!p->has_timer)
    free_process(p);
}

int weft_process_close(weft_runtime *rt, weft_process process) {
  struct process *p;
  int status = weft__object(rt, process, KIND_PROCESS, &p);
  if (status != WEFT_OK)
    return status;
  weft__wake_all(rt, &p->waiters, WEFT_ECLOSED);
  abandon(p);
  return WEFT_OK;
}

/* -- The end of the runtime ----------------------------------------------- */

static void report(struct process *p) {
  char text[200];
  weft_error *error;
  if (p->told)
    return;
  p->told = true;
  snprintf(text, sizeof(text),
           "process %d (%s) was still running at the shutdown", p->pid,
           p->arguments.items[0]);
  if (weft_error_new(WEFT_ESTATE, NULL, text, &error) != WEFT_OK)
    return;
  weft__report(p->rt, WEFT_REPORT_UNCLOSED, NULL, error);
  weft_error_unref(error);
}

void weft__process_describe(const void *object, char *text, size_t size_bytes) {
  const struct process *p = object;
  snprintf(text, size_bytes, " %s (pid %d)", p->arguments.items[0], p->pid);
}

/* A report may call anything, but it ends no process from within: those leave
 * the list in the poll only. */
void weft__processes_end(weft_runtime *rt) {
  for (struct list *node = rt->processes.next; node != &rt->processes;
       node = node->next) {
    struct process *p = LIST_OWNER(node, struct process, node);
    if (p->handle != 0)
      report(p);
    begin_end(p, GRACE_NS);
  }
}

void weft__processes_hurry(weft_runtime *rt) {
  for (struct list *node = rt->processes.next; node != &rt->processes;
       node = node->next) {
    struct process *p = LIST_OWNER(node, struct process, node);
    if (p->terminated)
      send_kill(p);
  }
}

/* The loop goes on until the process has been reaped. */
void weft__process_dispose(weft_runtime *rt, void *object) {
  struct process *p = object;
  (void)rt;
  if (p->state == PROCESS_RUNNING)
    report(p);
  abandon(p);
}

/* -- Waiting -------------------------------------------------------------- */

static int find_started(weft_runtime *rt, weft_process process,
                        struct process **found) {
  int status = weft__object(rt, process, KIND_PROCESS, found);
  if (status != WEFT_OK)
    return status;
  const struct process *p = *found;
  bool was_started = p->state == PROCESS_RUNNING || p->state == PROCESS_EXITED;
  return was_started ? WEFT_OK : WEFT_ESTATE;
}

int weft_process_wait(weft_runtime *rt, weft_process process, uint64_t *value) {
  struct process *p;
  *value = 0;
  int status = find_started(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (p->state == PROCESS_RUNNING)
    return weft__park(rt, &p->waiters, "process", process, weft__withdraw_plain,
                      NULL, value);
  *value = p->exit;
  return weft__park_skip(rt, p->exit);
}

int weft_process_stop(weft_runtime *rt, weft_process process, uint64_t grace_ns,
                      uint64_t *value) {
  struct process *p;
  *value = 0;
  int status = find_started(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin_kept(rt);
  if (status != WEFT_OK)
    return status;
  begin_end(p, grace_ns);
  if (p->state == PROCESS_RUNNING)
    return weft__park(rt, &p->stoppers, "process (to end)", process, NULL, NULL,
                      value);
  *value = p->exit;
  return WEFT_OK;
}

int weft_process_kill(weft_runtime *rt, weft_process process, int number) {
  struct process *p;
  int status = find_started(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  return number < 0 ? WEFT_EINVAL : send_signal(p, number);
}

/* -- Asking --------------------------------------------------------------- */

int weft_process_is_running(weft_runtime *rt, weft_process process, int *flag) {
  struct process *p;
  *flag = 0;
  int status = weft__object(rt, process, KIND_PROCESS, &p);
  if (status == WEFT_OK)
    *flag = p->state == PROCESS_RUNNING;
  return status;
}

int weft_process_get_pid(weft_runtime *rt, weft_process process, int *pid) {
  struct process *p;
  *pid = 0;
  int status = find_started(rt, process, &p);
  if (status != WEFT_OK)
    return status;
  *pid = p->pid;
  return WEFT_OK;
}

int weft_process_get_failed(weft_runtime *rt, weft_process process,
                            const char **path) {
  struct process *p;
  *path = NULL;
  int status = weft__object(rt, process, KIND_PROCESS, &p);
  if (status != WEFT_OK)
    return status;
  if (p->state != PROCESS_FAILED)
    return WEFT_ESTATE;
  *path = p->failed;
  return WEFT_OK;
}

int weft_process_take_stream(weft_runtime *rt, weft_process process, int fd,
                             weft_stream *stream) {
  struct process *p;
  *stream = 0;
  int status = weft__object(rt, process, KIND_PROCESS, &p);
  if (status != WEFT_OK)
    return status;
  if (fd < 0 || fd >= WEFT__STDIO_COUNT || p->stdio[fd].stream == 0)
    return WEFT_EINVAL;
  *stream = p->stdio[fd].stream;
  p->stdio[fd].stream = 0;
  return WEFT_OK;
}
