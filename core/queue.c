/* SPDX-License-Identifier: MIT
 * queue.c - the tasks at the two ends of a store of pointers, and those that
 * wait for all of it to be done. Which item is next is store.h's business.
 *
 * The invariants: getters wait only while nothing is stored, putters only while
 * the queue is full, so never both. An item that is put while somebody waits
 * for one is handed over and not stored at all; when a getter makes room, it
 * takes in the first putter's item itself. Either way a task that is woken has
 * what it waited for, and whoever comes in between finds nothing to snatch.
 *
 * The item of a waiting putter is kept in its wait (task.withdraw_arg): if the
 * putter is cancelled, the item is still the caller's and nothing is undone.
 *
 * Only finding the place of an item may call the host's code. A queue that is
 * doing that is busy: what would change it is refused, so that the place found
 * is good. A putter may be cancelled meanwhile, which takes it out of its list.
 */
#include "core.h"
#include "store.h"

enum waiter_kind { GETTERS, PUTTERS, JOINERS, WAITER_KINDS };

struct queue {
  struct store store;                /* the items */
  size_t items_max;                  /* SIZE_MAX: any number */
  size_t unfinished;                 /* items put and not marked done */
  struct list waiters[WAITER_KINDS]; /* struct task.entry, oldest first */
  uint64_t waits;                    /* begun so far: the next one's number */
  weft_queue handle;
  weft_drop_fn drop;
  bool shut_down;
  bool used;      /* its order is settled */
  bool comparing; /* the host's weft_less_fn runs */
};

/* -- Looking it up -------------------------------------------------------- */

/* For what changes the items or the order. */
static int find_queue(weft_runtime *rt, weft_queue handle,
                      struct queue **queue) {
  int status = weft__object(rt, handle, KIND_QUEUE, queue);
  if (status != WEFT_OK)
    return status;
  return WEFT__UNLIKELY((*queue)->comparing) ? WEFT_EBUSY : WEFT_OK;
}

/* -- Those who wait ------------------------------------------------------- */

/* The first of [waiters], or NULL. */
static struct task *first_waiter(const struct list *waiters) {
  if (list_is_empty(waiters))
    return NULL;
  return LIST_OWNER(waiters->next, struct task, entry.node);
}

/* Parks the running task, a putter with its [item]. The task notes the number
 * of its wait where its wake will write, a place nobody reads until then. */
static int queue_park(weft_runtime *rt, struct queue *queue,
                      enum waiter_kind kind, void *item, uint64_t *value) {
  rt->current->wake_value = queue->waits++;
  return weft__park(rt, &queue->waiters[kind], "queue", queue->handle,
                    weft__withdraw_plain, item, value);
}

/* The task that has waited longest, for whatever it is, or NULL. */
static struct task *oldest_waiter(const struct queue *queue) {
  struct task *oldest = NULL;
  for (int kind = 0; kind < WAITER_KINDS; kind++) {
    struct task *task = first_waiter(&queue->waiters[kind]);
    if (task == NULL)
      continue;
    if (oldest == NULL || task->wake_value < oldest->wake_value)
      oldest = task;
  }
  return oldest;
}

/* Takes [count] items off the unfinished ones. One may have been marked done
 * before it was got, so there may be fewer of them than are stored. */
static void queue_finish(weft_runtime *rt, struct queue *queue, size_t count) {
  queue->unfinished -= count < queue->unfinished ? count : queue->unfinished;
  if (queue->unfinished == 0)
    weft__wake_all(rt, &queue->waiters[JOINERS], WEFT_OK);
}

/* -- Life ----------------------------------------------------------------- */

int weft_queue_new(weft_runtime *rt, size_t items_max, weft_drop_fn drop,
                   weft_queue *handle) {
  struct queue *queue;
  int status = weft__object_new(rt, KIND_QUEUE, sizeof *queue, &queue, handle);
  if (status != WEFT_OK)
    return status;
  for (int kind = 0; kind < WAITER_KINDS; kind++)
    list_init(&queue->waiters[kind]);
  queue->items_max = items_max == 0 ? SIZE_MAX : items_max;
  queue->drop = drop;
  queue->handle = *handle;
  return WEFT_OK;
}

/* The queue if its order can still be set. */
static int find_unused(weft_runtime *rt, weft_queue handle,
                       struct queue **queue) {
  int status = weft__object(rt, handle, KIND_QUEUE, queue);
  if (status != WEFT_OK)
    return status;
  bool settled = (*queue)->used || (*queue)->store.order == STORE_SORTED;
  return settled ? WEFT_ESTATE : WEFT_OK;
}

int weft_queue_set_lifo(weft_runtime *rt, weft_queue handle, int on) {
  struct queue *queue;
  int status = find_unused(rt, handle, &queue);
  if (status == WEFT_OK)
    queue->store.order = on ? STORE_LIFO : STORE_FIFO;
  return status;
}

int weft_queue_set_less(weft_runtime *rt, weft_queue handle, weft_less_fn fn,
                        void *arg, weft_drop_fn drop) {
  struct queue *queue;
  int status = find_unused(rt, handle, &queue);
  if (status == WEFT_OK && queue->store.order == STORE_LIFO)
    status = WEFT_ESTATE;
  if (status == WEFT_OK && fn == NULL)
    status = WEFT_EINVAL;
  if (status != WEFT_OK)
    return weft__refuse(drop, arg, status);
  queue->store.order = STORE_SORTED;
  queue->store.sorted = (struct sorted){.less = fn, .arg = arg, .drop = drop};
  return WEFT_OK;
}

int weft_queue_close(weft_runtime *rt, weft_queue handle) {
  struct queue *queue;
  int status = find_queue(rt, handle, &queue);
  if (status != WEFT_OK)
    return status;
  struct task *task;
  while ((task = oldest_waiter(queue)) != NULL)
    weft__wake(rt, task, WEFT_ECLOSED, 0);
  weft__queue_dispose(rt, queue);
  return WEFT_OK;
}

/* The handle goes first: what drops an item may still use it. */
void weft__queue_dispose(weft_runtime *rt, void *object) {
  struct queue *queue = object;
  struct store store = queue->store;
  weft_drop_fn drop = queue->drop;
  weft__handle_free(rt, queue->handle);
  weft__free(queue, sizeof(*queue));
  weft__store_drop(store, drop);
}

int weft_queue_shutdown(weft_runtime *rt, weft_queue handle, int immediate) {
  struct queue *queue;
  int status = find_queue(rt, handle, &queue);
  if (status != WEFT_OK)
    return status;
  queue->shut_down = true;
  /* Getters wait only where there is nothing left to drain. */
  weft__wake_all(rt, &queue->waiters[GETTERS], WEFT_ESHUTDOWN);
  weft__wake_all(rt, &queue->waiters[PUTTERS], WEFT_ESHUTDOWN);
  if (!immediate)
    return WEFT_OK;
  struct store store = queue->store;
  queue->store = (struct store){0};
  queue_finish(rt, queue, weft__store_count(&store));
  weft__store_drop(store, queue->drop);
  return WEFT_OK;
}

/* -- Putting -------------------------------------------------------------- */

static int queue_find(weft_runtime *rt, struct queue *queue, void *item,
                      struct sorted_place *place) {
  if (!weft__store_compares(&queue->store))
    return WEFT_OK;
  queue->comparing = true;
  int status = weft__store_find(rt, &queue->store, item, place);
  queue->comparing = false;
  return status;
}

/* Stores [item], for which its owner has a place. */
static void queue_add(struct queue *queue, struct sorted_place place,
                      void *item) {
  weft__store_add(&queue->store, place, item);
  queue->unfinished++;
}

static int queue_store(weft_runtime *rt, struct queue *queue, void *item) {
  struct sorted_place place = {0};
  int status = weft__store_reserve(&queue->store);
  if (status == WEFT_OK)
    status = queue_find(rt, queue, item, &place);
  if (status == WEFT_OK)
    queue_add(queue, place, item);
  return status;
}

/* Hands [item] to the first getter, or stores it. Nothing is changed if it
 * fails. */
static int queue_take_in(weft_runtime *rt, struct queue *queue, void *item) {
  if (queue->shut_down)
    return WEFT_ESHUTDOWN;
  if (weft__store_count(&queue->store) >= queue->items_max)
    return WEFT_EFULL;
  if (!weft__wake_first(rt, &queue->waiters[GETTERS], WEFT_OK, (uintptr_t)item))
    return queue_store(rt, queue, item);
  queue->unfinished++;
  return WEFT_OK;
}

/* Fills the free place with the item of the first putter; one whose item cannot
 * be compared gets the code, and the next one has its turn. */
static void queue_let_in(weft_runtime *rt, struct queue *queue) {
  struct task *putter;
  while ((putter = first_waiter(&queue->waiters[PUTTERS])) != NULL) {
    struct sorted_place place = {0};
    int status = queue_find(rt, queue, putter->withdraw_arg, &place);
    if (first_waiter(&queue->waiters[PUTTERS]) != putter)
      continue; /* the host's code has cancelled it */
    if (status == WEFT_OK)
      queue_add(queue, place, putter->withdraw_arg);
    weft__wake(rt, putter, status, 0);
    if (status == WEFT_OK)
      break;
  }
}

static int begin_put(weft_runtime *rt, weft_queue handle, const void *item,
                     struct queue **queue) {
  int status = find_queue(rt, handle, queue);
  if (status == WEFT_OK && item == NULL)
    return WEFT_EINVAL;
  if (status == WEFT_OK)
    (*queue)->used = true;
  return status;
}

int weft_queue_put(weft_runtime *rt, weft_queue handle, void *item) {
  struct queue *queue;
  int status = begin_put(rt, handle, item, &queue);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  status = queue_take_in(rt, queue, item);
  if (status == WEFT_OK)
    return weft__park_skip(rt, 0);
  if (status != WEFT_EFULL)
    return status;
  return queue_park(rt, queue, PUTTERS, item, NULL);
}

int weft_queue_try_put(weft_runtime *rt, weft_queue handle, void *item) {
  struct queue *queue;
  int status = begin_put(rt, handle, item, &queue);
  return status == WEFT_OK ? queue_take_in(rt, queue, item) : status;
}

/* -- Getting -------------------------------------------------------------- */

/* Takes out the next item, and lets one of a putter's in. */
static int queue_give_out(weft_runtime *rt, struct queue *queue,
                          uint64_t *value) {
  if (weft__store_count(&queue->store) == 0)
    return queue->shut_down ? WEFT_ESHUTDOWN : WEFT_EEMPTY;
  *value = (uintptr_t)weft__store_take(&queue->store);
  if (!list_is_empty(&queue->waiters[PUTTERS]))
    queue_let_in(rt, queue);
  return WEFT_OK;
}

static int begin_get(weft_runtime *rt, weft_queue handle, uint64_t *value,
                     struct queue **queue) {
  *value = 0;
  int status = find_queue(rt, handle, queue);
  if (status == WEFT_OK)
    (*queue)->used = true;
  return status;
}

int weft_queue_get(weft_runtime *rt, weft_queue handle, uint64_t *value) {
  struct queue *queue;
  int status = begin_get(rt, handle, value, &queue);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  uint64_t item = 0;
  status = queue_give_out(rt, queue, &item);
  if (status == WEFT_EEMPTY)
    return queue_park(rt, queue, GETTERS, NULL, value);
  if (status != WEFT_OK)
    return status;
  /* From here on the item is the task's: the queue may be gone when it runs
   * again. */
  status = weft__park_skip(rt, item);
  if (status == WEFT_OK)
    *value = item;
  return status;
}

int weft_queue_try_get(weft_runtime *rt, weft_queue handle, uint64_t *value) {
  struct queue *queue;
  int status = begin_get(rt, handle, value, &queue);
  return status == WEFT_OK ? queue_give_out(rt, queue, value) : status;
}

int weft_queue_get_size(weft_runtime *rt, weft_queue handle, size_t *items) {
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  *items = status == WEFT_OK ? weft__store_count(&queue->store) : 0;
  return status;
}

int weft_queue_get_waiting(weft_runtime *rt, weft_queue handle, size_t *getters,
                           size_t *putters, size_t *joiners) {
  size_t *const counts[WAITER_KINDS] = {
      [GETTERS] = getters, [PUTTERS] = putters, [JOINERS] = joiners};
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  for (int kind = 0; kind < WAITER_KINDS; kind++)
    if (counts[kind] != NULL)
      *counts[kind] =
          status == WEFT_OK ? weft__count_waiting(&queue->waiters[kind]) : 0;
  return status;
}

/* -- All done ------------------------------------------------------------- */

int weft_queue_task_done(weft_runtime *rt, weft_queue handle) {
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  if (status != WEFT_OK)
    return status;
  if (queue->unfinished == 0)
    return WEFT_ESTATE;
  queue_finish(rt, queue, 1);
  return WEFT_OK;
}

int weft_queue_join(weft_runtime *rt, weft_queue handle) {
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  if (queue->unfinished == 0)
    return weft__park_skip(rt, 0);
  return queue_park(rt, queue, JOINERS, NULL, NULL);
}
