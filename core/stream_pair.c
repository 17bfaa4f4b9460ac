/* SPDX-License-Identifier: MIT
 * stream_pair.c - two connected streams in memory, and what may go wrong on the
 * way from one to the other.
 *
 * An end keeps what the other has sent and it has not read yet; that is the
 * only place where the bytes are, in chunks, each with the time at which it
 * arrives. Up to a limit they count as sent, as what a kernel has taken would;
 * what is beyond is the sender's unsent. So an end answers to the reading and
 * writing of streams as a descriptor does, and all that streams can do is done
 * by the same code.
 *
 * Nobody's task hears of the other's call before the next poll: an end for
 * which something has changed is put into a list, and the poll looks at those.
 * Times are the runtime's, so that delays pass on the virtual clock. */
#include <string.h>

#include "stream.h"

/* What the way takes before a sender has unsent bytes. */
#define BUFFER_BYTES ((size_t)64 * 1024)

struct chunk {
  struct list node;
  uint64_t due_ns;   /* when it arrives */
  size_t size_bytes; /* of the bytes that arrive */
  size_t done;       /* of these: read */
  size_t capacity;
  char data[];
};

struct pair_end {
  struct stream *stream;
  struct pair_end *peer; /* NULL once its stream has ended */
  struct list look;      /* node in rt->paired: something has changed */
  struct list waiting;   /* node in rt->pairs_waiting, while the timer is set */
  struct list chunks;    /* from the peer, oldest first */
  size_t under_way;      /* bytes of these that are not read */
  uint64_t sent;         /* bytes the peer has sent, those that get lost too */
  uint64_t received;     /* bytes that were read */
  uint64_t last_due_ns;  /* nothing arrives before what was sent before it */
  int end_status;        /* what comes after the chunks; WEFT_OK: more */
  uint64_t end_due_ns;
  struct timer timer;    /* TIMER_PAIR: until the next of all that is due */
  struct chunk *filling; /* what the peer is about to send */
  bool lost;             /* unsent bytes of its own went with the peer */

  /* Faults of what arrives here. */
  uint64_t delay_ns;
  size_t buffer_bytes;
  uint64_t reset_at; /* counted as [sent]; WEFT__NEVER: not */
  uint64_t end_at;
  uint64_t corrupt_at;
  size_t *pieces; /* how much each read gets, in turn; NULL: what there is */
  size_t piece_count;
  size_t piece_next;
};

/* -- Life ----------------------------------------------------------------- */

static int new_end(weft_runtime *rt, struct pair_end **made) {
  struct stream *s;
  int status = weft__stream_new(rt, STREAM_PIPE, &s);
  if (status != WEFT_OK)
    return status;
  struct pair_end *e = weft__alloc(sizeof(*e));
  if (e == NULL) {
    weft__stream_end(s);
    return WEFT_ENOMEM;
  }
  e->stream = s;
  e->buffer_bytes = BUFFER_BYTES;
  e->reset_at = e->end_at = e->corrupt_at = WEFT__NEVER;
  list_init(&e->look);
  list_init(&e->waiting);
  list_init(&e->chunks);
  weft__timer_init(&e->timer, TIMER_PAIR);
  s->pair = e;
  *made = e;
  return WEFT_OK;
}

int weft_stream_pair(weft_runtime *rt, weft_stream *first,
                     weft_stream *second) {
  struct pair_end *a, *b;
  *first = *second = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  int status = new_end(rt, &a);
  if (status != WEFT_OK)
    return status;
  status = new_end(rt, &b);
  if (status != WEFT_OK) {
    weft__stream_end(a->stream);
    return status;
  }
  a->peer = b;
  b->peer = a;
  *first = a->stream->handle;
  *second = b->stream->handle;
  return WEFT_OK;
}

static void free_chunk(struct chunk *chunk) {
  list_remove(&chunk->node);
  weft__free(chunk, sizeof(*chunk) + chunk->capacity);
}

static struct chunk *first_chunk(const struct pair_end *e) {
  return LIST_OWNER(e->chunks.next, struct chunk, node);
}

void weft__pair_free(struct pair_end *e) {
  while (!list_is_empty(&e->chunks))
    free_chunk(first_chunk(e));
  weft__free(e->pieces, e->piece_count * sizeof(*e->pieces));
  weft__free(e, sizeof(*e));
}

bool weft__stream_is_in_memory(const weft_runtime *rt, weft_stream stream) {
  const struct stream *s = weft__handle_get(rt, stream, KIND_STREAM);
  return s != NULL && s->pair != NULL;
}

/* -- What is due ---------------------------------------------------------- */

static uint64_t now(const struct pair_end *e) {
  return weft__now(e->stream->rt);
}

static void look_later(struct pair_end *e) {
  if (list_is_empty(&e->look))
    list_insert(&e->stream->rt->paired, &e->look);
}

/* The next time that is to come; WEFT__NEVER if there is none. */
static uint64_t next_due(const struct pair_end *e, uint64_t now_ns) {
  uint64_t next = WEFT__NEVER;
  if (!list_is_empty(&e->chunks) && first_chunk(e)->due_ns > now_ns)
    next = first_chunk(e)->due_ns;
  if (e->end_status != WEFT_OK && e->end_due_ns > now_ns &&
      e->end_due_ns < next)
    next = e->end_due_ns;
  return next;
}

/* Has the poll look when something arrives. Without memory for that, which is
 * rare, it arrives now. */
static void arm(struct pair_end *e) {
  weft_runtime *rt = e->stream->rt;
  uint64_t next = next_due(e, now(e));
  list_remove(&e->waiting);
  if (weft__timer_set(rt, &e->timer, next) == WEFT_OK) {
    if (next != WEFT__NEVER)
      list_insert(&rt->pairs_waiting, &e->waiting);
    return;
  }
  e->end_due_ns = 0;
  for (struct list *node = e->chunks.next; node != &e->chunks;
       node = node->next)
    LIST_OWNER(node, struct chunk, node)->due_ns = 0;
  look_later(e);
}

void weft__pair_due(struct timer *timer) {
  look_later(LIST_OWNER(timer, struct pair_end, timer));
}

static bool is_end_due(const struct pair_end *e) {
  return e->end_status != WEFT_OK && e->end_due_ns <= now(e);
}

/* Whether a read would get anything: bytes, or the end. */
static bool is_due(const struct pair_end *e) {
  if (list_is_empty(&e->chunks))
    return is_end_due(e);
  return first_chunk(e)->due_ns <= now(e) &&
         (e->pieces == NULL || e->stream->filter != NULL ||
          !list_is_empty(&e->stream->readers));
}

/* -- The end -------------------------------------------------------------- */

static uint64_t arrival(struct pair_end *e) {
  uint64_t now_ns = now(e);
  uint64_t due_ns =
      e->delay_ns > WEFT__NEVER - now_ns ? WEFT__NEVER : now_ns + e->delay_ns;
  if (due_ns > e->last_due_ns)
    e->last_due_ns = due_ns;
  return e->last_due_ns;
}

/* After what is under way, [e] is to get [status]. */
static void end_with(struct pair_end *e, int status) {
  if (e->end_status != WEFT_OK)
    return;
  e->end_status = status;
  e->end_due_ns = arrival(e);
  arm(e);
  look_later(e);
}

/* A fault that ends what arrives may have its place reached. */
static void end_at_fault(struct pair_end *e) {
  if (e->sent >= e->reset_at)
    end_with(e, WEFT_ECONNRESET);
  else if (e->sent >= e->end_at)
    end_with(e, WEFT_EEND);
}

void weft__pair_shut(struct pair_end *e) {
  if (e->peer != NULL)
    end_with(e->peer, WEFT_EEND);
}

/* Drops what the peer had not sent yet; true if there was any. */
static bool drop_unsent(struct pair_end *e) {
  bool any = false;
  while (e->under_way > e->buffer_bytes) {
    struct chunk *last = LIST_OWNER(e->chunks.prev, struct chunk, node);
    size_t beyond = e->under_way - e->buffer_bytes;
    size_t left = last->size_bytes - last->done;
    size_t gone = beyond < left ? beyond : left;
    last->size_bytes -= gone;
    e->under_way -= gone;
    if (gone == left)
      free_chunk(last);
    any = true;
  }
  return any;
}

/* A peer that goes without having read all resets the connection, as the
 * kernel would. */
void weft__pair_end(struct pair_end *e) {
  struct pair_end *peer = e->peer;
  weft__timer_clear(e->stream->rt, &e->timer);
  list_remove(&e->waiting);
  list_remove(&e->look);
  if (peer == NULL)
    return;
  e->peer = peer->peer = NULL;
  drop_unsent(peer);
  peer->lost = e->under_way > e->buffer_bytes;
  end_with(peer, e->under_way > 0 ? WEFT_ECONNRESET : WEFT_EEND);
  look_later(peer);
}

/* -- Sending -------------------------------------------------------------- */

size_t weft__pair_unsent(const struct pair_end *e) {
  const struct pair_end *peer = e->peer;
  if (peer == NULL || peer->under_way <= peer->buffer_bytes)
    return 0;
  return peer->under_way - peer->buffer_bytes;
}

int weft__pair_room(struct pair_end *e, size_t size_bytes, char **room) {
  if (e->peer == NULL)
    return WEFT_EPIPE;
  if (size_bytes > SIZE_MAX - sizeof(struct chunk))
    return WEFT_ENOMEM;
  struct chunk *chunk =
      weft__resize(NULL, 0, sizeof(struct chunk) + size_bytes);
  if (chunk == NULL)
    return WEFT_ENOMEM;
  chunk->capacity = chunk->size_bytes = size_bytes;
  chunk->done = 0;
  list_init(&chunk->node);
  e->peer->filling = chunk;
  *room = chunk->data;
  return WEFT_OK;
}

/* How many of the next bytes arrive; the others get lost. */
static size_t will_arrive(const struct pair_end *e, size_t size_bytes) {
  uint64_t stop = e->reset_at < e->end_at ? e->reset_at : e->end_at;
  if (e->end_status != WEFT_OK || stop <= e->sent)
    return 0;
  return stop - e->sent < size_bytes ? (size_t)(stop - e->sent) : size_bytes;
}

void weft__pair_send(struct pair_end *e) {
  struct pair_end *peer = e->peer;
  struct chunk *chunk = peer->filling;
  peer->filling = NULL;
  size_t size_bytes = chunk->size_bytes;
  chunk->size_bytes = will_arrive(peer, size_bytes);
  peer->sent += size_bytes;
  if (chunk->size_bytes == 0) {
    free_chunk(chunk);
  } else {
    chunk->due_ns = arrival(peer);
    peer->under_way += chunk->size_bytes;
    list_insert(&peer->chunks, &chunk->node);
  }
  arm(peer);
  end_at_fault(peer);
  look_later(peer);
}

/* -- Reading -------------------------------------------------------------- */

/* Has the poll look whether there is something for a reader. */
void weft__pair_want(struct pair_end *e) {
  look_later(e);
}

static size_t piece_size(struct pair_end *e, size_t most) {
  if (e->pieces == NULL)
    return most;
  size_t size_bytes = e->pieces[e->piece_next++ % e->piece_count];
  return size_bytes < most ? size_bytes : most;
}

static void corrupt(const struct pair_end *e, char *to, size_t size_bytes) {
  if (e->corrupt_at >= e->received &&
      e->corrupt_at - e->received < size_bytes) {
    char *byte = to + (e->corrupt_at - e->received);
    *byte = (char)~*byte;
  }
}

static size_t take_chunk(struct pair_end *e, char *to, size_t most) {
  struct chunk *chunk = first_chunk(e);
  size_t size_bytes = chunk->size_bytes - chunk->done;
  if (size_bytes > most)
    size_bytes = most;
  memcpy(to, chunk->data + chunk->done, size_bytes);
  corrupt(e, to, size_bytes);
  chunk->done += size_bytes;
  e->under_way -= size_bytes;
  e->received += size_bytes;
  if (chunk->done == chunk->size_bytes)
    free_chunk(chunk);
  return size_bytes;
}

static size_t take_due(struct pair_end *e, char *to, size_t most) {
  uint64_t now_ns = now(e);
  size_t taken = 0;
  while (taken < most && !list_is_empty(&e->chunks) &&
         first_chunk(e)->due_ns <= now_ns)
    taken += take_chunk(e, to + taken, most - taken);
  return taken;
}

ssize_t weft__pair_read(struct pair_end *e, char *to, size_t most) {
  if (!is_due(e))
    return UV_EAGAIN;
  if (list_is_empty(&e->chunks))
    return e->end_status == WEFT_EEND ? 0 : UV_ECONNRESET;
  size_t taken = take_due(e, to, piece_size(e, most));
  arm(e);
  look_later(e); /* there may be more */
  if (e->peer != NULL)
    look_later(e->peer); /* it has less that is unsent */
  return (ssize_t)taken;
}

/* -- The poll ------------------------------------------------------------- */

/* The reset has come: whatever is written from now on fails, on both sides. */
static void take_reset(struct pair_end *e) {
  struct stream *s = e->stream;
  if (s->write_status == WEFT_OK)
    s->write_status = WEFT_ECONNRESET;
  if (e->peer != NULL)
    end_with(e->peer, WEFT_ECONNRESET);
}

static void look(struct pair_end *e) {
  struct stream *s = e->stream;
  if (e->lost && s->write_status == WEFT_OK)
    s->write_status = WEFT_EPIPE;
  if (e->end_status == WEFT_ECONNRESET && is_end_due(e))
    take_reset(e);
  arm(e);
  if (s->reading && is_due(e) && list_is_empty(&s->readable))
    list_insert(&s->rt->readable, &s->readable);
  weft__stream_settle(s); /* last: it may end the stream */
}

void weft__pairs_poll(weft_runtime *rt) {
  struct list batch;
  list_init(&batch);
  list_move_all(&batch, &rt->paired);
  while (!list_is_empty(&batch)) {
    struct pair_end *e = LIST_OWNER(batch.next, struct pair_end, look);
    list_remove(&e->look);
    look(e);
  }
}

/* Times are about to fire. What arrives at the same time is there before. */
void weft__pairs_arrive(weft_runtime *rt) {
  struct list *node = &rt->pairs_waiting;
  while (node->next != &rt->pairs_waiting) {
    struct pair_end *e = LIST_OWNER(node->next, struct pair_end, waiting);
    node = node->next;
    if (e->timer.time_ns <= now(e))
      look_later(e);
  }
  weft__pairs_poll(rt);
}

/* -- Faults --------------------------------------------------------------- */

/* The end at which arrives what [stream] sends. */
static int find_receiver(weft_runtime *rt, weft_stream stream,
                         struct pair_end **receiver) {
  struct stream *s;
  int status = weft__object(rt, stream, KIND_STREAM, &s);
  if (status != WEFT_OK)
    return status;
  if (s->pair == NULL)
    return WEFT_ENOTSUP;
  if (s->closing || s->pair->peer == NULL)
    return WEFT_ECLOSED;
  *receiver = s->pair->peer;
  return WEFT_OK;
}

/* The place [value] bytes after what was sent so far. */
static uint64_t place(const struct pair_end *e, uint64_t value) {
  return value > WEFT__NEVER - e->sent ? WEFT__NEVER : e->sent + value;
}

static int set_fault(struct pair_end *e, int fault, uint64_t value) {
  switch (fault) {
  case WEFT_FAULT_DELAY:
    e->delay_ns = value;
    return WEFT_OK;
  case WEFT_FAULT_BUFFER:
    e->buffer_bytes = value > SIZE_MAX ? SIZE_MAX : (size_t)value;
    look_later(e->peer);
    return WEFT_OK;
  case WEFT_FAULT_RESET:
    e->reset_at = place(e, value);
    break;
  case WEFT_FAULT_END:
    e->end_at = place(e, value);
    break;
  case WEFT_FAULT_CORRUPT:
    e->corrupt_at = place(e, value);
    return WEFT_OK;
  default:
    return WEFT_EINVAL;
  }
  end_at_fault(e);
  return WEFT_OK;
}

int weft_stream_set_fault(weft_runtime *rt, weft_stream stream, int fault,
                          uint64_t value) {
  struct pair_end *receiver;
  int status = find_receiver(rt, stream, &receiver);
  return status == WEFT_OK ? set_fault(receiver, fault, value) : status;
}

static bool are_sizes(const size_t *sizes_bytes, size_t count) {
  if (count > 0 && sizes_bytes == NULL)
    return false;
  for (size_t i = 0; i < count; i++)
    if (sizes_bytes[i] == 0)
      return false;
  return count <= SIZE_MAX / sizeof(*sizes_bytes);
}

int weft_stream_set_pieces(weft_runtime *rt, weft_stream stream,
                           const size_t *sizes_bytes, size_t count) {
  struct pair_end *e;
  size_t *pieces = NULL;
  int status = find_receiver(rt, stream, &e);
  if (status != WEFT_OK)
    return status;
  if (!are_sizes(sizes_bytes, count))
    return WEFT_EINVAL;
  if (count > 0) {
    pieces = weft__resize(NULL, 0, count * sizeof(*pieces));
    if (pieces == NULL)
      return WEFT_ENOMEM;
    memcpy(pieces, sizes_bytes, count * sizeof(*pieces));
  }
  weft__free(e->pieces, e->piece_count * sizeof(*e->pieces));
  e->pieces = pieces;
  e->piece_count = count;
  e->piece_next = 0;
  look_later(e);
  return WEFT_OK;
}
