/* SPDX-License-Identifier: MIT
 * ends.h - what the tests of channels share: channels by their two ends, and
 * jobs that send and receive. The items are those of items.h. */
#ifndef WEFT_ENDS_H
#define WEFT_ENDS_H

#include "items.h"

struct ends {
  weft_sender sender;
  weft_receiver receiver;
};

static inline struct ends new_channel(weft_runtime *rt, size_t items_max) {
  struct ends ends;
  drop_count = 0;
  CHECK_INT(WEFT_OK, weft_channel_new(rt, items_max, note_dropped, &ends.sender,
                                      &ends.receiver));
  return ends;
}

static inline weft_sender clone_sender(weft_runtime *rt, weft_sender sender) {
  weft_sender clone;
  CHECK_INT(WEFT_OK, weft_sender_clone(rt, sender, &clone));
  return clone;
}

static inline weft_receiver clone_receiver(weft_runtime *rt,
                                           weft_receiver receiver) {
  weft_receiver clone;
  CHECK_INT(WEFT_OK, weft_receiver_clone(rt, receiver, &clone));
  return clone;
}

static inline void close_sender(weft_runtime *rt, weft_sender sender) {
  CHECK_INT(WEFT_OK, weft_sender_close(rt, sender));
}

static inline void close_receiver(weft_runtime *rt, weft_receiver receiver) {
  CHECK_INT(WEFT_OK, weft_receiver_close(rt, receiver));
}

static inline void give(weft_runtime *rt, weft_sender sender, int number) {
  CHECK_INT(WEFT_OK, weft_sender_try_send(rt, sender, thing(number)));
}

/* The number of the item received, or the code. */
static inline int take(weft_runtime *rt, weft_receiver receiver) {
  uint64_t item;
  int status = weft_receiver_try_receive(rt, receiver, &item);
  CHECK((status == WEFT_OK) == (item != 0));
  return status == WEFT_OK ? number_of(item) : status;
}

static inline size_t stored_in(weft_runtime *rt, weft_receiver receiver) {
  size_t items;
  CHECK_INT(WEFT_OK, weft_receiver_get_size(rt, receiver, &items));
  return items;
}

static inline size_t sending_on(weft_runtime *rt, weft_sender sender) {
  size_t tasks;
  CHECK_INT(WEFT_OK, weft_sender_get_waiting(rt, sender, &tasks));
  return tasks;
}

static inline size_t receiving_on(weft_runtime *rt, weft_receiver receiver) {
  size_t tasks;
  CHECK_INT(WEFT_OK, weft_receiver_get_waiting(rt, receiver, &tasks));
  return tasks;
}

/* -- Jobs, whose status is none that a call returns ----------------------- */

static inline int send_call(weft_runtime *rt, struct job *job,
                            uint64_t *value) {
  *value = 0;
  return weft_sender_send(rt, job->object, job->item);
}

/* Sends the next item each time. */
static inline int send_next_call(weft_runtime *rt, struct job *job,
                                 uint64_t *value) {
  *value = 0;
  return weft_sender_send(rt, job->object, thing(job->done + 1));
}

static inline int receive_call(weft_runtime *rt, struct job *job,
                               uint64_t *value) {
  return weft_receiver_receive(rt, job->object, value);
}

static inline struct job sending(weft_sender sender, int number) {
  return (struct job){
      .call = send_call, .object = sender, .item = thing(number), .status = 7};
}

static inline struct job receiving(weft_receiver receiver) {
  return (struct job){.call = receive_call, .object = receiver, .status = 7};
}

#endif
