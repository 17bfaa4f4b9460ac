/* SPDX-License-Identifier: MIT
 * outbox.c - what the tasks of a turn have written, until it is sent.
 *
 * A write is a system call, which takes much of what the program was using out
 * of the processor's caches, and the program does the same to the kernel. So
 * while more tasks of the turn are to run, what one of them writes, if it is
 * small, is put together here, and then all is sent in a row: in the order it
 * was written, what one stream wrote one after the other in one piece.
 *
 * Nobody can tell, but by the time: the last task of a turn, so one that is
 * alone, sends at once, and when tasks take long what lies here is sent after
 * each of them. Whatever else is done to a stream, but reading it, first has
 * all sent. Under the virtual clock, where a turn takes no time, nothing waits;
 * nor on a pipe or a terminal, to which others may write as well. */
#include <string.h>

#include "stream.h"

/* What is larger costs more to copy than it gains. */
#define SMALL_BYTES ((size_t)4 * 1024)
#define OUTBOX_BYTES (16 * SMALL_BYTES)
#define LETTERS_MAX 64
/* Ticks of the processor's counter, 50 to 100 us, after which it is sent. */
#define PATIENCE_TICKS 200000

/* What one stream has written: bytes up to [end], from that of the last one. */
struct letter {
  struct stream *stream;
  size_t end;
};

struct outbox {
  uint64_t began_ticks; /* when the first one was written */
  unsigned sent;        /* the next to be sent, while that is done */
  size_t size_bytes;
  struct letter letters[LETTERS_MAX]; /* rt->letter_count of them */
  char bytes[OUTBOX_BYTES];
};

void weft__outbox_free(weft_runtime *rt) {
  weft__free(rt->outbox, sizeof(*rt->outbox));
}

/* -- Sending -------------------------------------------------------------- */

/* The writer was told that its bytes are taken, so want of memory for what the
 * kernel does not take is the stream's failure. */
static void send_letter(struct stream *s, const char *data, size_t size_bytes) {
  int status = s->write_status;
  if (status == WEFT_OK)
    status = weft__stream_send(s, data, size_bytes);
  if (status == WEFT_OK)
    return;
  s->write_status = status;
  weft__stream_settle(s);
}

/* May be called from within itself: a failure may end a stream. */
void weft__outbox_send(weft_runtime *rt) {
  struct outbox *box = rt->outbox;
  while (box->sent < rt->letter_count) {
    unsigned at = box->sent++;
    size_t begin = at == 0 ? 0 : box->letters[at - 1].end;
    struct stream *s = box->letters[at].stream;
    s->letters--;
    send_letter(s, box->bytes + begin, box->letters[at].end - begin);
  }
  rt->letter_count = 0;
  box->size_bytes = 0;
  box->sent = 0;
}

void weft__outbox_look(weft_runtime *rt) {
  if (rt->turn_left == 0 ||
      weft__ticks() - rt->outbox->began_ticks > PATIENCE_TICKS)
    weft__outbox_send(rt);
}

/* -- Writing -------------------------------------------------------------- */

static bool may_wait(const struct stream *s, size_t size_bytes) {
  const weft_runtime *rt = s->rt;
  return rt->turn_left > 0 && size_bytes > 0 && size_bytes <= SMALL_BYTES &&
         s->uv.handle.type == UV_TCP && rt->state != RT_ASIDE &&
         !rt->virtual_clock && s->filter == NULL &&
         s->write_status == WEFT_OK && weft__stream_unsent(s) == 0;
}

/* False for want of memory. */
static bool make_room(weft_runtime *rt, size_t size_bytes) {
  if (rt->outbox == NULL) {
    rt->outbox = weft__resize(NULL, 0, sizeof(*rt->outbox));
    if (rt->outbox == NULL)
      return false;
    rt->outbox->size_bytes = 0;
    rt->outbox->sent = 0;
  }
  struct outbox *box = rt->outbox;
  if (rt->letter_count == LETTERS_MAX ||
      OUTBOX_BYTES - box->size_bytes < size_bytes)
    weft__outbox_send(rt);
  if (rt->letter_count == 0)
    box->began_ticks = weft__ticks();
  return true;
}

static void address(struct outbox *box, struct stream *s) {
  unsigned count = s->rt->letter_count;
  if (count == 0 || box->letters[count - 1].stream != s) {
    s->rt->letter_count = ++count;
    s->letters++;
    box->letters[count - 1].stream = s;
  }
  box->letters[count - 1].end = box->size_bytes;
}

bool weft__outbox_put(struct stream *s, const uv_buf_t *bufs, size_t count,
                      size_t size_bytes) {
  if (!may_wait(s, size_bytes) || !make_room(s->rt, size_bytes))
    return false;
  struct outbox *box = s->rt->outbox;
  for (size_t i = 0; i < count; i++) {
    memcpy(box->bytes + box->size_bytes, bufs[i].base, bufs[i].len);
    box->size_bytes += bufs[i].len;
  }
  address(box, s);
  return true;
}
