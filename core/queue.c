/* SPDX-License-Identifier: MIT
 * queue.c - a FIFO of pointers, the tasks at its two ends, and those that wait
 * for all of it to be done.
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
 * Stored items are in a ring that doubles when it is full and never shrinks, so
 * a queue that has seen its longest does not allocate any more. */
#include "core.h"

#include <string.h>

#define RING_CAPACITY_MIN 8

struct ring {
  void **items;
  size_t capacity; /* 0 or a power of two */
  size_t first;    /* index of the oldest item */
  size_t count;
};

enum waiter_kind { GETTERS, PUTTERS, JOINERS, WAITER_KINDS };

struct queue {
  struct ring ring;                  /* the items stored */
  size_t items_max;                  /* SIZE_MAX: any number */
  size_t unfinished;                 /* items put and not marked done */
  struct list waiters[WAITER_KINDS]; /* struct task.entry, oldest first */
  uint64_t waits;                    /* begun so far: the next one's number */
  weft_queue handle;
  weft_drop_fn drop;
  bool shut_down;
};

/* -- The ring ------------------------------------------------------------- */

/* Makes room for one item more. */
static int ring_reserve(struct ring *ring) {
  size_t capacity = ring->capacity;
  if (ring->count < capacity)
    return WEFT_OK;
  if (capacity > SIZE_MAX / 2 / sizeof(void *))
    return WEFT_ENOMEM;
  size_t wanted = capacity == 0 ? RING_CAPACITY_MIN : capacity * 2;
  void **items = weft__resize(ring->items, capacity * sizeof(void *),
                              wanted * sizeof(void *));
  if (items == NULL)
    return WEFT_ENOMEM;
  /* The items that had wrapped round to the front follow the others now. */
  memcpy(items + capacity, items, ring->first * sizeof(void *));
  ring->items = items;
  ring->capacity = wanted;
  return WEFT_OK;
}

/* Appends [item], for which there is room. */
static void ring_push(struct ring *ring, void *item) {
  ring->items[(ring->first + ring->count) & (ring->capacity - 1)] = item;
  ring->count++;
}

/* Takes out the oldest item, of which there is one. */
static void *ring_pop(struct ring *ring) {
  void *item = ring->items[ring->first];
  ring->first = (ring->first + 1) & (ring->capacity - 1);
  ring->count--;
  return item;
}

/* Drops all items and frees the ring. The caller has taken it out of its queue
 * before, for [drop] is the host's code and may call anything. */
static void ring_drop(struct ring ring, weft_drop_fn drop) {
  while (ring.count > 0)
    weft__drop(drop, ring_pop(&ring));
  weft__free(ring.items, ring.capacity * sizeof(void *));
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
  *handle = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct queue *queue = weft__alloc(sizeof(*queue));
  if (queue == NULL)
    return WEFT_ENOMEM;
  for (int kind = 0; kind < WAITER_KINDS; kind++)
    list_init(&queue->waiters[kind]);
  queue->items_max = items_max == 0 ? SIZE_MAX : items_max;
  queue->drop = drop;
  int status = weft__handle_new(rt, KIND_QUEUE, queue, &queue->handle);
  *handle = queue->handle;
  if (status != WEFT_OK)
    weft__free(queue, sizeof(*queue));
  return status;
}

int weft_queue_close(weft_runtime *rt, weft_queue handle) {
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
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
  struct ring ring = queue->ring;
  weft_drop_fn drop = queue->drop;
  weft__handle_free(rt, queue->handle);
  weft__free(queue, sizeof(*queue));
  ring_drop(ring, drop);
}

int weft_queue_shutdown(weft_runtime *rt, weft_queue handle, int immediate) {
  struct queue *queue;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  if (status != WEFT_OK)
    return status;
  queue->shut_down = true;
  /* Getters wait only where there is nothing left to drain. */
  weft__wake_all(rt, &queue->waiters[GETTERS], WEFT_ESHUTDOWN);
  weft__wake_all(rt, &queue->waiters[PUTTERS], WEFT_ESHUTDOWN);
  if (!immediate)
    return WEFT_OK;
  struct ring ring = queue->ring;
  queue->ring = (struct ring){0};
  queue_finish(rt, queue, ring.count);
  ring_drop(ring, queue->drop);
  return WEFT_OK;
}

/* -- Putting -------------------------------------------------------------- */

/* Hands [item] to the first getter, or stores it. Nothing is changed if it
 * fails. */
static int queue_take_in(weft_runtime *rt, struct queue *queue, void *item) {
  if (queue->shut_down)
    return WEFT_ESHUTDOWN;
  if (queue->ring.count >= queue->items_max)
    return WEFT_EFULL;
  if (!weft__wake_first(rt, &queue->waiters[GETTERS], WEFT_OK,
                        (uintptr_t)item)) {
    int status = ring_reserve(&queue->ring);
    if (status != WEFT_OK)
      return status;
    ring_push(&queue->ring, item);
  }
  queue->unfinished++;
  return WEFT_OK;
}

static int begin_put(weft_runtime *rt, weft_queue handle, const void *item,
                     struct queue **queue) {
  int status = weft__object(rt, handle, KIND_QUEUE, queue);
  return status == WEFT_OK && item == NULL ? WEFT_EINVAL : status;
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

/* Takes out the oldest item, and takes in that of the first putter. */
static int queue_give_out(weft_runtime *rt, struct queue *queue,
                          uint64_t *value) {
  if (queue->ring.count == 0)
    return queue->shut_down ? WEFT_ESHUTDOWN : WEFT_EEMPTY;
  *value = (uintptr_t)ring_pop(&queue->ring);
  struct task *putter = first_waiter(&queue->waiters[PUTTERS]);
  if (putter != NULL) {
    ring_push(&queue->ring, putter->withdraw_arg);
    queue->unfinished++;
    weft__wake(rt, putter, WEFT_OK, 0);
  }
  return WEFT_OK;
}

static int begin_get(weft_runtime *rt, weft_queue handle, uint64_t *value,
                     struct queue **queue) {
  *value = 0;
  return weft__object(rt, handle, KIND_QUEUE, queue);
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
  *items = 0;
  int status = weft__object(rt, handle, KIND_QUEUE, &queue);
  if (status != WEFT_OK)
    return status;
  *items = queue->ring.count;
  return WEFT_OK;
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
