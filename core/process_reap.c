/* SPDX-License-Identifier: MIT
 * process_reap.c - processes that have ended are reaped, when SIGCHLD tells.
 *
 * The signal does not say reliably whose exit it tells of, since several become
 * one. So each process of the runtime is asked for by its number: what other
 * code of this program has started is left to that code, and libuv, whose
 * watcher of the signal this is, does the same with its own. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "process.h"

static void look_at(struct process *p) {
  int wait_status;
  pid_t pid;
  do
    pid = waitpid(p->pid, &wait_status, WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid == p->pid)
    weft__process_exited(p, wait_status);
}

static void on_child(uv_signal_t *watcher, int number) {
  weft_runtime *rt = watcher->data;
  struct list *next;
  (void)number;
  for (struct list *node = rt->processes.next; node != &rt->processes;
       node = next) {
    next = node->next;
    look_at(LIST_OWNER(node, struct process, node));
  }
  weft__reaper_settle(rt);
}

int weft__reaper_start(weft_runtime *rt) {
  uv_signal_t *watcher = &rt->child_watcher;
  if (watcher->data == NULL) {
    int uv_code = uv_signal_init(&rt->loop, watcher);
    if (uv_code != 0)
      return weft__status_from_uv(uv_code);
    watcher->data = rt;
  }
  if (uv_is_active((uv_handle_t *)watcher))
    return WEFT_OK;
  return weft__status_from_uv(uv_signal_start(watcher, on_child, SIGCHLD));
}

void weft__reaper_settle(weft_runtime *rt) {
  if (list_is_empty(&rt->processes) && rt->child_watcher.data != NULL)
    uv_signal_stop(&rt->child_watcher);
}

void weft__reaper_close(weft_runtime *rt) {
  if (rt->child_watcher.data != NULL)
    uv_close((uv_handle_t *)&rt->child_watcher, NULL);
}
