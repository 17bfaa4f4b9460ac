/* SPDX-License-Identifier: MIT
 * stream.h - what the files of streams share: the struct of a stream, and how
 * connections come to be one.
 *
 *   connect.c, listener.c, stream_open.c make it -> stream.c reads, closes ->
 *   stream_write.c */
#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H

#include "core.h"

/* The most that is read beyond what was asked for. */
#define WEFT__READ_AHEAD ((size_t)64 * 1024)
/* A writer waits until less than this is unsent. */
#define WEFT__HIGH_WATER ((size_t)64 * 1024)

enum stream_kind {
  STREAM_TCP,
  STREAM_PIPE /* unix sockets, pipes and terminals */
};

struct stream {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  weft_runtime *rt;
  weft_stream handle;  /* 0 once the end has begun */
  bool closing;        /* weft_stream_close was called: nobody may use it */
  bool ended;          /* the struct goes with the descriptor */
  bool released;       /* uv_close was called */
  bool gone;           /* and its callback has come */
  bool standard;       /* it uses a standard descriptor of the process itself */
  struct list closers; /* who waits in weft_stream_close, at most one */

  /* Reading (stream.c): data[begin, end) is what is unread. */
  char *data;
  size_t begin;
  size_t end;
  size_t capacity;
  size_t asked;        /* how much a reader wanted to have in the buffer */
  int read_status;     /* what comes after the unread bytes; WEFT_OK: more */
  bool reading;        /* libuv reads */
  bool paused;         /* it would, but there is enough unread, or no room */
  bool borrowed;       /* somebody peeked: the buffer must not move */
  struct list readers; /* who waits for bytes, at most one */

  /* Writing (stream_write.c). What is unsent lies in libuv's queue. */
  int write_status;      /* why nothing can be sent any more */
  bool shut;             /* the sending side was ended */
  struct list writers;   /* struct writer.node, oldest first */
  struct list flushers;  /* who waits until nothing is unsent */
  struct list shutdowns; /* likewise, then to end the sending side */
};

/* -- Life (stream.c) ------------------------------------------------------ */

/* Makes a stream of a socket that is still to be opened or connected. */
int weft__stream_new(weft_runtime *rt, enum stream_kind kind,
                     struct stream **stream);
/* Gives it its descriptor (stream_open.c); that is the caller's on failure. */
int weft__stream_open(struct stream *s, int fd);
/* A stream that used a standard descriptor itself has let go of it. */
void weft__stream_leave_standard(void);
/* Closes the descriptor now. */
void weft__stream_release(struct stream *s);
/* The descriptor, -1 if there is none. */
static inline int weft__stream_fd(const struct stream *s) {
  uv_os_fd_t fd;
  return uv_fileno(&s->uv.handle, &fd) == 0 ? fd : -1;
}
/* Frees the descriptor and the handle now, the rest in libuv's callback. Wakes
 * nobody but those who wait in weft_stream_close. Once is enough, twice does no
 * harm. */
void weft__stream_end(struct stream *s);

/* -- Writing (stream_write.c) --------------------------------------------- */

static inline size_t weft__stream_unsent(const struct stream *s) {
  return uv_stream_get_write_queue_size(&s->uv.stream);
}
/* Wakes all who wait to write, to flush or to shut down. */
void weft__stream_wake_writers(struct stream *s, int status);

/* -- Listeners (listener.c) ----------------------------------------------- */

/* Opens a socket that does not block and is closed on exec. */
int weft__socket_new(int family, int type, int *fd);

/* Makes a listener of a socket that listens; takes [fd], also on failure. */
int weft__listener_new(weft_runtime *rt, int fd, weft_listener *listener);

#endif
