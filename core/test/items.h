/* SPDX-License-Identifier: MIT
 * items.h - what the tests of queues share: items by number, and jobs that put,
 * get and join.
 *
 * An item is the address of a byte in [things]; its number says which. */
#ifndef WEFT_ITEMS_H
#define WEFT_ITEMS_H

#include "job.h"

static inline int put_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  *value = 0;
  return weft_queue_put(rt, job->object, job->item);
}

static inline int get_call(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_queue_get(rt, job->object, value);
}

static inline int join_call(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  *value = 0;
  return weft_queue_join(rt, job->object);
}

/* -- Items ---------------------------------------------------------------- */

#define THINGS 1000

static char things[THINGS + 1];
static int dropped[THINGS + 1]; /* the numbers dropped, in order */
static int drop_count;

static inline void *thing(int number) {
  return &things[number];
}

static inline int number_of(uint64_t item) {
  return item == 0 ? 0 : (int)((char *)(uintptr_t)item - things);
}

static inline void note_dropped(void *item) {
  dropped[drop_count++] = number_of((uintptr_t)item);
}

/* Jobs whose status is none that a call returns. */
static inline struct job putter(weft_queue queue, int number) {
  return (struct job){
      .call = put_call, .object = queue, .item = thing(number), .status = 7};
}

static inline struct job getter(weft_queue queue) {
  return (struct job){.call = get_call, .object = queue, .status = 7};
}

static inline struct job joiner(weft_queue queue) {
  return (struct job){.call = join_call, .object = queue, .status = 7};
}

static inline weft_queue new_queue(weft_runtime *rt, size_t items_max) {
  weft_queue queue;
  drop_count = 0;
  CHECK_INT(WEFT_OK, weft_queue_new(rt, items_max, note_dropped, &queue));
  return queue;
}

static inline void put(weft_runtime *rt, weft_queue queue, int number) {
  CHECK_INT(WEFT_OK, weft_queue_try_put(rt, queue, thing(number)));
}

/* The number of the item got, or the code. */
static inline int get(weft_runtime *rt, weft_queue queue) {
  uint64_t item;
  int status = weft_queue_try_get(rt, queue, &item);
  CHECK((status == WEFT_OK) == (item != 0));
  return status == WEFT_OK ? number_of(item) : status;
}

static inline void task_done(weft_runtime *rt, weft_queue queue) {
  CHECK_INT(WEFT_OK, weft_queue_task_done(rt, queue));
}

static inline size_t size_of(weft_runtime *rt, weft_queue queue) {
  size_t items;
  CHECK_INT(WEFT_OK, weft_queue_get_size(rt, queue, &items));
  return items;
}

static inline void close_queue(weft_runtime *rt, weft_queue queue) {
  CHECK_INT(WEFT_OK, weft_queue_close(rt, queue));
}

static inline void shut_down(weft_runtime *rt, weft_queue queue,
                             int immediate) {
  CHECK_INT(WEFT_OK, weft_queue_shutdown(rt, queue, immediate));
}

/* Puts the next item each time; the values it is told are of no use. */
static inline int put_next_call(weft_runtime *rt, struct job *job,
                                uint64_t *value) {
  *value = 0;
  return weft_queue_put(rt, job->object, thing(job->done + 1));
}

#endif
