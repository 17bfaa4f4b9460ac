/* SPDX-License-Identifier: MIT
 * task.c - tasks: spawned, ended, awaited.
 *
 * A stackful task is promised a stack when it is spawned and takes it when it
 * begins, which cannot fail: tasks that end in their first step then need one
 * stack, however many wait for their turn.
 *
 * A task is in one of these places: in the ready ring, running, or parked. It
 * is in its group's list from spawn to end, so nothing that has not ended can
 * be lost. After its end it lives on only while somebody owns its handle. */
#include "switch.h"
#include "turn.h"

#include <string.h>

/* A task spawned in the shutdown by one that was spawned in the shutdown by
 * ... so many deep is not run any more. */
#define GENERATION_MAX 100

/* Of a cache line; a task fills a whole number of them. */
#define LINE_BYTES 64

/* -- What few tasks have -------------------------------------------------- */

struct task_extra *weft__task_new_extra(weft_runtime *rt, struct task *task) {
  struct task_extra *extra = weft__pool_take(&rt->extras_pool);
  if (extra == NULL)
    return NULL;
  *extra = (struct task_extra){0};
  list_init(&extra->held);
  task->extra = extra;
  return extra;
}

static void free_extra(weft_runtime *rt, struct task_extra *extra) {
  if (extra == NULL)
    return;
  assert(list_is_empty(&extra->held));
  weft__free_text(extra->name);
  weft_value_unref(extra->result);
  weft__context_unref(extra->context);
  weft_error_unref(extra->error);
  weft__pool_give(&rt->extras_pool, extra);
}

/* -- Spawning ------------------------------------------------------------- */

int weft__task_handle(weft_runtime *rt, struct task *task, weft_task *handle) {
  int status = WEFT_OK;
  if (task->handle == 0)
    status = weft__handle_new(rt, KIND_TASK, task, &task->handle);
  *handle = task->handle;
  return status;
}

/* What every stack begins with: the task is the one whose first step this is.
 * Those that come after it on this stack have their first step here as well. */
static void run_on_fiber(void *arg) {
  weft_runtime *rt = arg;
  struct task *task = rt->current, *last;
  do {
    weft__float_set(task->float_mode);
    task->entry.status = task->fn(rt, task->entry.arg);
    last = task;
    task = weft__turn_follow(rt, task);
  } while (task != NULL);
  last->fiber_over = true;
  weft__fiber_exit(rt, last->fiber);
}

void weft__task_take_stack(weft_runtime *rt, struct task *task) {
  struct fiber *fiber;
  int status =
      weft__fiber_new(rt, run_on_fiber, rt, &fiber, &task->body.context);
  assert(status == WEFT_OK);
  (void)status;
  *weft__fiber_drop(fiber) = task->drop;
  task->fiber = fiber;
  rt->fibers.promised--;
}

/* Cleared line by line: at once, compilers take the processor's instruction for
 * strings, which begins slowly. */
static inline void init_task(struct task *task) {
  char *lines = (char *)task;
  for (size_t at = 0; at < sizeof *task; at += LINE_BYTES)
    memset(lines + at, 0, LINE_BYTES);
  list_init(&task->entry.node);
  list_init(&task->awaiters);
  weft__timer_init(&task->timer, TIMER_SLEEP);
  task->state = WEFT_TASK_READY;
}

static void note_generation(weft_runtime *rt, struct task *task) {
  if (WEFT__LIKELY(!rt->shutting_down))
    return;
  uint8_t spawner = rt->current == NULL ? 0 : rt->current->generation;
  task->generation = (uint8_t)(spawner + 1);
  if (task->generation >= GENERATION_MAX)
    task->entry.given_up = true;
}

static int find_group(weft_runtime *rt, weft_group handle,
                      struct group **group) {
  *group = &rt->root;
  return handle == 0 ? WEFT_OK : weft__object(rt, handle, KIND_GROUP, group);
}

static inline int enter_group(weft_runtime *rt, struct group *group,
                              struct task *task) {
  if (WEFT__UNLIKELY(!weft__group_is_free(group)))
    return weft__group_add(group, task, rt->current);
  weft__group_link(group, task);
  return WEFT_OK;
}

/* Everything about a new task but its body. */
static WEFT__PART int make_task(weft_runtime *rt, weft_group group_handle,
                                weft_task *handle, struct task **out) {
  if (handle != NULL)
    *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct group *group;
  int status = find_group(rt, group_handle, &group);
  if (status != WEFT_OK)
    return status == WEFT_EBADF ? WEFT_ESTATE : status;
  struct task *task = weft__pool_take(&rt->tasks_pool);
  if (task == NULL)
    return WEFT_ENOMEM;
  init_task(task);
  status = weft__ready_reserve(rt);
  if (status != WEFT_OK)
    goto give_block;
  if (handle != NULL)
    status = weft__task_handle(rt, task, handle);
  if (status == WEFT_OK && weft__context_current(rt) != NULL)
    status = weft__context_inherit(rt, task);
  if (status == WEFT_OK)
    status = enter_group(rt, group, task);
  if (status != WEFT_OK)
    goto free_extra;
  task->owned = handle != NULL;
  *out = task;
  return WEFT_OK;
free_extra:
  free_extra(rt, task->extra);
  weft__handle_free(rt, task->handle);
  if (handle != NULL)
    *handle = 0;
  weft__ready_unreserve(rt);
give_block:
  weft__pool_give(&rt->tasks_pool, task);
  return status;
}

static WEFT__PART void start_task(weft_runtime *rt, struct task *task) {
  task->id = ++rt->next_task_id;
  note_generation(rt, task);
  list_insert(&rt->tasks, &task->all);
  weft__ready_push(rt, &task->entry);
  if (WEFT__UNLIKELY(rt->watched))
    weft__observe(rt, WEFT_OBSERVED_SPAWN, task,
                  rt->current == NULL ? 0 : rt->current->id, NULL);
}

int weft_spawn_step(weft_runtime *rt, weft_group group, weft_step_fn step,
                    void *arg, weft_drop_fn drop, weft_task *handle) {
  struct task *task;
  int status = make_task(rt, group, handle, &task);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  task->body.step = step == NULL ? weft__step_pulled : step;
  task->entry.arg = arg;
  task->drop = drop;
  start_task(rt, task);
  return WEFT_OK;
}

/* Before the task is made: nothing has to be undone in the group if there is
 * none. */
static inline int promise_stack(weft_runtime *rt, weft_task_fn fn) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  return fn == NULL ? WEFT_EINVAL : weft__stack_promise(&rt->fibers);
}

int weft_spawn(weft_runtime *rt, weft_group group, weft_task_fn fn, void *arg,
               weft_drop_fn drop, weft_task *handle) {
  struct task *task = NULL;
  if (handle != NULL)
    *handle = 0;
  int status = promise_stack(rt, fn);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  status = make_task(rt, group, handle, &task);
  if (status != WEFT_OK) {
    rt->fibers.promised--;
    return weft__refuse(drop, arg, status);
  }
  task->entry.stackful = true;
  task->drop = drop;
  task->float_mode = weft__float_mode();
  if (!WEFT__SWITCH_HAS_FLOAT_MODE)
    weft__task_take_stack(rt, task);
  task->fn = fn;
  task->entry.arg = arg;
  start_task(rt, task);
  return WEFT_OK;
}

/* -- Ending --------------------------------------------------------------- */

static bool has_ended(const struct task *task) {
  return task->state >= WEFT_TASK_FINISHED;
}

weft_error *weft__task_error(const weft_runtime *rt, const struct task *task) {
  weft_error *error = task->extra == NULL ? NULL : task->extra->error;
  return error == NULL ? rt->no_memory : error;
}

/* Where there is no memory for the error, or for what it would be kept in, that
 * is what the task has failed with. */
static void keep_error(weft_runtime *rt, struct task *task, int outcome) {
  struct task_extra *extra = weft__task_extra(rt, task);
  if (extra != NULL && extra->error == NULL)
    (void)weft_error_new(outcome, NULL, NULL, &extra->error);
}

static void set_outcome(weft_runtime *rt, struct task *task, int outcome) {
  if (outcome >= WEFT_OK) {
    task->state = WEFT_TASK_FINISHED;
  } else if (outcome == WEFT_ECANCELLED) {
    task->state = WEFT_TASK_CANCELLED;
  } else {
    task->state = WEFT_TASK_FAILED;
    keep_error(rt, task, outcome);
    return;
  }
  if (WEFT__LIKELY(task->extra == NULL))
    return;
  weft_error_unref(task->extra->error);
  task->extra->error = NULL;
}

/* Its values need not stay for as long as somebody owns the handle. */
static void leave_context(struct task *task) {
  struct context *context = task->extra->context;
  task->extra->context = NULL;
  weft__context_unref(context);
}

/* What it has in its extra, and others are to have now. */
static void end_extra(weft_runtime *rt, struct task *task) {
  leave_context(task);
  weft__holding_forsake_all(rt, task);
  weft__group_give_place_back(rt, task);
}

/* Scopes and groups left open are a mistake of the body's; they end with it. */
static void close_scopes(weft_runtime *rt, struct task *task) {
  const struct scope *own = weft__own_scope_of(task);
  while (own != NULL && task->scope != own) {
    struct scope *scope = task->scope;
    if (scope->group != NULL) {
      weft__group_abandon(rt, scope->group);
    } else {
      weft__scope_exit(rt, scope);
      weft__pool_give(&rt->scopes_pool, scope);
    }
  }
}

void weft__wake_awaiters(weft_runtime *rt, struct list *awaiters) {
  while (!list_is_empty(awaiters)) {
    struct entry *entry = LIST_OWNER(awaiters->next, struct entry, node);
    if (entry->is_call)
      weft__call_queue(rt, (struct call *)entry);
    else
      weft__wake(rt, (struct task *)entry, WEFT_OK, 0);
  }
}

static inline void free_task(weft_runtime *rt, struct task *task) {
  task->owned = false; /* who gets the report must not close it once more */
  if (task->state == WEFT_TASK_FAILED && !task->observed)
    weft__report(rt, WEFT_REPORT_FAILURE, task, weft__task_error(rt, task));
  list_remove(&task->all);
  if (task->handle != 0)
    weft__handle_free(rt, task->handle);
  if (WEFT__UNLIKELY(task->extra != NULL))
    free_extra(rt, task->extra);
  weft__pool_give(&rt->tasks_pool, task);
}

static bool has_stack(const struct task *task) {
  return weft__task_is_stackful(task) && task->body.context != NULL;
}

/* And gives back the stack, or the promise of one. */
static inline void drop_arg(weft_runtime *rt, struct task *task) {
  if (!has_stack(task)) {
    weft__drop(task->drop, task->entry.arg);
    rt->fibers.promised -= weft__task_is_stackful(task);
    return;
  }
  weft__drop(*weft__fiber_drop(task->fiber), task->entry.arg);
  weft__fiber_free(rt, task->fiber);
}

void weft__task_end(weft_runtime *rt, struct task *task, int outcome) {
  task->state = WEFT_TASK_RUNNING;
  rt->current = NULL; /* what the host's code does now, the task does not */
  rt->budget = 0;
  list_remove(&task->entry.node);
  weft__timer_clear(rt, &task->timer);
  close_scopes(rt, task);
  list_remove(&task->all);
  set_outcome(rt, task, outcome);
  if (WEFT__UNLIKELY(rt->watched))
    weft__observe(rt, WEFT_OBSERVED_END, task, task->state, NULL);
  drop_arg(rt, task);
  if (WEFT__UNLIKELY(task->extra != NULL))
    end_extra(rt, task);
  if (WEFT__UNLIKELY(!list_is_empty(&task->awaiters)))
    weft__wake_awaiters(rt, &task->awaiters);
  if (WEFT__UNLIKELY(task->starting))
    weft__start_ended(rt, task);
  if (WEFT__UNLIKELY(task->scope->task == task))
    weft__own_scope_exit(rt, task);
  weft__group_remove(rt, task);
  weft__ready_unreserve(rt);
  if (rt->main_task == task)
    weft__main_ended(rt);
  if (task->owned)
    list_insert(&rt->ended, &task->all);
  else
    free_task(rt, task);
}

/* Takes a task out of what it waits for; nobody finds it there any more. */
static void leave_wait(weft_runtime *rt, struct task *task) {
  if (task->withdraw != NULL)
    weft__withdraw(rt, task);
  weft__start_forget(task);
  task->withdraw = NULL;
  task->custom = false;
  list_remove(&task->entry.node);
}

/* Ends a task without resuming it; its cleanup does not run. */
void weft__task_give_up(weft_runtime *rt, struct task *task) {
  if (task->state == WEFT_TASK_PARKED)
    leave_wait(rt, task);
  rt->given_up_count++;
  if (task->extra != NULL) {
    weft_error_unref(task->extra->error);
    task->extra->error = NULL;
  }
  keep_error(rt, task, WEFT_EGIVENUP);
  task->observed = true;
  weft__report(rt, WEFT_REPORT_GIVEN_UP, task, weft__task_error(rt, task));
  weft__task_end(rt, task, WEFT_EGIVENUP);
}

/* The runtime is freed: nobody can give this handle back any more. */
void weft__task_dispose(weft_runtime *rt, void *object) {
  free_task(rt, object);
}

int weft_task_close(weft_runtime *rt, weft_task handle) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (!task->owned)
    return WEFT_EBADF;
  task->owned = false;
  /* One that is just ending, and whose drop function calls this, is in no list
   * and goes by itself. */
  if (has_ended(task) && !list_is_empty(&task->all))
    free_task(rt, task);
  return WEFT_OK;
}

static struct task *next_unobserved(weft_runtime *rt) {
  for (struct list *node = rt->ended.next; node != &rt->ended;
       node = node->next) {
    struct task *task = LIST_OWNER(node, struct task, all);
    if (task->state == WEFT_TASK_FAILED && !task->observed)
      return task;
  }
  return NULL;
}

int weft_report_unobserved(weft_runtime *rt) {
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct task *task;
  /* From the beginning each time: who gets the report may close others. */
  while ((task = next_unobserved(rt)) != NULL) {
    task->observed = true;
    task->owned = false; /* but not this one, which is owned again then */
    weft__report(rt, WEFT_REPORT_FAILURE, task, weft__task_error(rt, task));
    task->owned = true;
  }
  return WEFT_OK;
}

/* -- Awaiting ------------------------------------------------------------- */

int weft_task_await(weft_runtime *rt, weft_task handle) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task == rt->current)
    return WEFT_ESTATE;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (has_ended(task))
    return weft__park_skip(rt, 0);
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_park(rt, KIND_TASK, task);
  return weft__park(rt, &task->awaiters, "task", handle, weft__withdraw_plain,
                    NULL, NULL);
}

int weft_task_join(weft_runtime *rt, weft_task handle) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (task == rt->current)
    return WEFT_ESTATE;
  status = weft__park_begin_kept(rt);
  if (status != WEFT_OK || has_ended(task))
    return status;
  if (WEFT__UNLIKELY(rt->deadlock_hint))
    weft__deadlock_park(rt, KIND_TASK, task);
  return weft__park(rt, &task->awaiters, "task", handle, NULL, NULL, NULL);
}

int weft_task_on_done(weft_runtime *rt, weft_task handle, weft_call_fn fn,
                      void *arg, weft_drop_fn drop, uint64_t *done) {
  struct task *task;
  if (done != NULL)
    *done = 0;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  struct call *call = NULL;
  if (status == WEFT_OK)
    status = weft__call_new(rt, fn, arg, drop, done, &call);
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  if (has_ended(task))
    weft__call_queue(rt, call);
  else
    list_insert(&task->awaiters, &call->entry.node);
  return WEFT_OK;
}

int weft_task_cancel(weft_runtime *rt, weft_task handle, weft_value *reason) {
  struct task *task;
  int status = weft__object(rt, handle, KIND_TASK, &task);
  if (status != WEFT_OK)
    return status;
  if (has_ended(task))
    return WEFT_ESTATE;
  weft__own_scope_cancel(rt, task, WEFT_SOURCE_CANCEL, reason);
  return WEFT_OK;
}
