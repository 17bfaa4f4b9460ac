/* SPDX-License-Identifier: MIT
 * channel.c - a FIFO of pointers with two kinds of ends, each of which may be
 * cloned and is closed on its own.
 *
 * An end is a handle and a pointer to its channel; the channel goes with its
 * last end. All tasks that send wait in one list, whichever sender they use,
 * and so do those that receive: the order is that of their arrival, not of the
 * ends. By the handle each wait names (task.object), a closing end finds those
 * that wait on it.
 *
 * The invariants: receivers wait only while nothing is stored and no sender
 * waits, senders only while the channel is full; those that wait use an open
 * end, and one of the other kind is open too. An item meets a waiting receiver
 * directly, and a receiver that makes room takes in the first sender's item, or
 * takes it itself where nothing is stored at all. The item of a waiting sender
 * is kept in its wait (task.withdraw_arg), so a send that is cancelled or
 * closed has nothing to undo. */
#include "core.h"
#include "ring.h"

enum side { SENDING, RECEIVING, SIDES };

struct channel {
  struct ring ring;           /* the items stored */
  size_t items_max;           /* 0: a send waits for a receiver */
  struct list waiters[SIDES]; /* struct task.entry, oldest first */
  size_t ends[SIDES];         /* open ones */
  weft_drop_fn drop;
};

struct end {
  struct channel *channel;
  uint64_t handle; /* a weft_sender or a weft_receiver */
};

static const enum kind kinds[SIDES] = {KIND_SENDER, KIND_RECEIVER};

/* -- Life ----------------------------------------------------------------- */

static int open_end(weft_runtime *rt, struct channel *channel, enum side side,
                    uint64_t *handle) {
  struct end *end;
  int status = weft__object_new(rt, kinds[side], sizeof *end, &end, handle);
  if (status != WEFT_OK)
    return status;
  end->channel = channel;
  end->handle = *handle;
  channel->ends[side]++;
  return WEFT_OK;
}

int weft_channel_new(weft_runtime *rt, size_t items_max, weft_drop_fn drop,
                     weft_sender *sender, weft_receiver *receiver) {
  *sender = 0;
  *receiver = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  struct channel *channel = weft__alloc(sizeof(*channel));
  if (channel == NULL)
    return WEFT_ENOMEM;
  list_init(&channel->waiters[SENDING]);
  list_init(&channel->waiters[RECEIVING]);
  channel->items_max = items_max;
  channel->drop = drop;
  int status = open_end(rt, channel, SENDING, sender);
  if (status != WEFT_OK)
    goto free_channel;
  status = open_end(rt, channel, RECEIVING, receiver);
  if (status != WEFT_OK)
    goto close_sender;
  return WEFT_OK;
close_sender:
  weft_sender_close(rt, *sender); /* frees the channel too */
  *sender = 0;
  return status;
free_channel:
  weft__free(channel, sizeof(*channel));
  return status;
}

static int clone_end(weft_runtime *rt, uint64_t handle, enum side side,
                     uint64_t *clone) {
  struct end *end;
  *clone = 0;
  int status = weft__object(rt, handle, kinds[side], &end);
  return status == WEFT_OK ? open_end(rt, end->channel, side, clone) : status;
}

int weft_sender_clone(weft_runtime *rt, weft_sender sender,
                      weft_sender *clone) {
  return clone_end(rt, sender, SENDING, clone);
}

int weft_receiver_clone(weft_runtime *rt, weft_receiver receiver,
                        weft_receiver *clone) {
  return clone_end(rt, receiver, RECEIVING, clone);
}

/* -- Closing -------------------------------------------------------------- */

/* Wakes those of [waiters] that wait on the end [handle]. */
static void wake_users(weft_runtime *rt, struct list *waiters,
                       uint64_t handle) {
  struct list *node = waiters->next;
  while (node != waiters) {
    struct task *task = LIST_OWNER(node, struct task, entry.node);
    node = node->next;
    if (task->object == handle)
      weft__wake(rt, task, WEFT_ECLOSED, 0);
  }
}

/* Closes [end]; true if it was the last of its side. */
static bool close_end(weft_runtime *rt, struct end *end, enum side side) {
  struct channel *channel = end->channel;
  uint64_t handle = end->handle;
  weft__handle_free(rt, handle);
  weft__free(end, sizeof(*end));
  wake_users(rt, &channel->waiters[side], handle);
  return --channel->ends[side] == 0;
}

static void free_if_unreachable(struct channel *channel) {
  if (channel->ends[SENDING] == 0 && channel->ends[RECEIVING] == 0)
    weft__free(channel, sizeof(*channel));
}

void weft__sender_dispose(weft_runtime *rt, void *object) {
  struct end *end = object;
  struct channel *channel = end->channel;
  if (close_end(rt, end, SENDING))
    weft__wake_all(rt, &channel->waiters[RECEIVING], WEFT_EEND);
  free_if_unreachable(channel);
}

/* Items are dropped when all else is done: that may call anything, and may
 * close the last sender. */
void weft__receiver_dispose(weft_runtime *rt, void *object) {
  struct end *end = object;
  struct channel *channel = end->channel;
  weft_drop_fn drop = channel->drop;
  struct ring left = {0};
  if (close_end(rt, end, RECEIVING)) {
    weft__wake_all(rt, &channel->waiters[SENDING], WEFT_ECLOSED);
    left = channel->ring;
    channel->ring = (struct ring){0};
  }
  free_if_unreachable(channel);
  weft__ring_drop(left, drop);
}

int weft_sender_close(weft_runtime *rt, weft_sender sender) {
  struct end *end;
  int status = weft__object(rt, sender, KIND_SENDER, &end);
  if (status == WEFT_OK)
    weft__sender_dispose(rt, end);
  return status;
}

int weft_receiver_close(weft_runtime *rt, weft_receiver receiver) {
  struct end *end;
  int status = weft__object(rt, receiver, KIND_RECEIVER, &end);
  if (status == WEFT_OK)
    weft__receiver_dispose(rt, end);
  return status;
}

/* -- Sending -------------------------------------------------------------- */

/* Hands [item] to the first receiver that waits, or stores it. */
static int take_in(weft_runtime *rt, struct channel *channel, void *item) {
  if (channel->ends[RECEIVING] == 0)
    return WEFT_ECLOSED;
  if (weft__wake_first(rt, &channel->waiters[RECEIVING], WEFT_OK,
                       (uintptr_t)item))
    return WEFT_OK;
  if (channel->ring.count >= channel->items_max)
    return WEFT_EFULL;
  int status = weft__ring_reserve(&channel->ring);
  if (status == WEFT_OK)
    weft__ring_push(&channel->ring, item);
  return status;
}

static int begin_send(weft_runtime *rt, weft_sender sender, const void *item,
                      struct channel **channel) {
  struct end *end;
  int status = weft__object(rt, sender, KIND_SENDER, &end);
  if (status != WEFT_OK)
    return status;
  *channel = end->channel;
  return item == NULL ? WEFT_EINVAL : WEFT_OK;
}

int weft_sender_send(weft_runtime *rt, weft_sender sender, void *item) {
  struct channel *channel;
  int status = begin_send(rt, sender, item, &channel);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  status = take_in(rt, channel, item);
  if (status == WEFT_OK)
    return weft__park_skip(rt, 0);
  if (status != WEFT_EFULL)
    return status;
  return weft__park(rt, &channel->waiters[SENDING], "channel (to send)", sender,
                    weft__withdraw_plain, item, NULL);
}

int weft_sender_try_send(weft_runtime *rt, weft_sender sender, void *item) {
  struct channel *channel;
  int status = begin_send(rt, sender, item, &channel);
  return status == WEFT_OK ? take_in(rt, channel, item) : status;
}

/* -- Receiving ------------------------------------------------------------ */

/* Takes the item of the first sender that waits; NULL if none does. */
static void *take_from_sender(weft_runtime *rt, struct channel *channel) {
  struct list *waiters = &channel->waiters[SENDING];
  if (list_is_empty(waiters))
    return NULL;
  struct task *sender = LIST_OWNER(waiters->next, struct task, entry.node);
  void *item = sender->withdraw_arg;
  weft__wake(rt, sender, WEFT_OK, 0);
  return item;
}

/* Takes out the oldest item; the first sender's gets the place. */
static int give_out(weft_runtime *rt, struct channel *channel,
                    uint64_t *value) {
  void *oldest = NULL;
  if (channel->ring.count > 0)
    oldest = weft__ring_pop(&channel->ring);
  void *sent = take_from_sender(rt, channel);
  if (oldest == NULL)
    oldest = sent;
  else if (sent != NULL)
    weft__ring_push(&channel->ring, sent);
  *value = (uintptr_t)oldest;
  if (oldest != NULL)
    return WEFT_OK;
  return channel->ends[SENDING] == 0 ? WEFT_EEND : WEFT_EEMPTY;
}

static int begin_receive(weft_runtime *rt, weft_receiver receiver,
                         uint64_t *value, struct channel **channel) {
  struct end *end;
  *value = 0;
  int status = weft__object(rt, receiver, KIND_RECEIVER, &end);
  if (status == WEFT_OK)
    *channel = end->channel;
  return status;
}

int weft_receiver_receive(weft_runtime *rt, weft_receiver receiver,
                          uint64_t *value) {
  struct channel *channel;
  int status = begin_receive(rt, receiver, value, &channel);
  if (status != WEFT_OK)
    return status;
  status = weft__park_begin(rt);
  if (status != WEFT_OK)
    return status;
  uint64_t item;
  status = give_out(rt, channel, &item);
  if (status == WEFT_EEMPTY)
    return weft__park(rt, &channel->waiters[RECEIVING], "channel (to receive)",
                      receiver, weft__withdraw_plain, NULL, value);
  if (status != WEFT_OK)
    return status;
  /* From here on the item is the task's: the channel may be gone when it runs
   * again. */
  status = weft__park_skip(rt, item);
  if (status == WEFT_OK)
    *value = item;
  return status;
}

int weft_receiver_try_receive(weft_runtime *rt, weft_receiver receiver,
                              uint64_t *value) {
  struct channel *channel;
  int status = begin_receive(rt, receiver, value, &channel);
  return status == WEFT_OK ? give_out(rt, channel, value) : status;
}

/* -- Looking -------------------------------------------------------------- */

int weft_receiver_get_size(weft_runtime *rt, weft_receiver receiver,
                           size_t *items) {
  struct end *end;
  int status = weft__object(rt, receiver, KIND_RECEIVER, &end);
  *items = status == WEFT_OK ? end->channel->ring.count : 0;
  return status;
}

static int count_waiting(weft_runtime *rt, uint64_t handle, enum side side,
                         size_t *tasks) {
  struct end *end;
  int status = weft__object(rt, handle, kinds[side], &end);
  *tasks =
      status == WEFT_OK ? weft__count_waiting(&end->channel->waiters[side]) : 0;
  return status;
}

int weft_sender_get_waiting(weft_runtime *rt, weft_sender sender,
                            size_t *tasks) {
  return count_waiting(rt, sender, SENDING, tasks);
}

int weft_receiver_get_waiting(weft_runtime *rt, weft_receiver receiver,
                              size_t *tasks) {
  return count_waiting(rt, receiver, RECEIVING, tasks);
}
