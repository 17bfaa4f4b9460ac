/* SPDX-License-Identifier: MIT
 * stream.h - what the files of streams share: the struct of a stream, and how
 * connections come to be one.
 *
 *   connect.c, listener.c, stream_open.c make it -> stream_read.c reads ->
 *   stream_write.c; stream.c closes */
#ifndef WEFT_STREAM_H
#define WEFT_STREAM_H

#include "io.h"

/* The most that is read beyond what was asked for. */
#define WEFT__READ_AHEAD ((size_t)64 * 1024)
/* A writer waits until less than this is unsent. */
#define WEFT__HIGH_WATER ((size_t)64 * 1024)
/* The runtime's block for what filters get. */
#define WEFT__SCRATCH ((size_t)64 * 1024)

enum stream_kind {
  STREAM_TCP,
  STREAM_PIPE /* unix sockets, pipes and terminals */
};

/* A buffer that was replaced while somebody looked at it. */
struct kept {
  struct kept *next;
  char *data;
  size_t capacity;
};

/* What stands between the connection and its users (stream_filter.c). */
struct filter {
  weft_filter_fn fn;
  void *arg;
  weft_drop_fn drop;
  bool shut;   /* it has sent its last */
  bool failed; /* it was told that the connection is gone */
};

struct stream {
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv;
  weft_runtime *rt;
  weft_stream handle; /* 0 once the end has begun */
  bool closing;       /* weft_stream_close was called: nobody may use it */
  bool ended;         /* the struct goes with the descriptor */
  bool released;      /* uv_close was called, its callback is to come */
  bool standard;      /* it uses a standard descriptor of the process itself */
  bool closed;        /* its callback has come after the end */
  struct filter *filter;     /* or NULL */
  struct blocking *blocking; /* of what cannot be polled; or NULL */
  struct pair_end *pair;     /* of what is in memory; or NULL */
  unsigned filtering;        /* how many of its calls are under way */
  struct list closers;       /* who waits in weft_stream_close, at most one */

  /* Reading (stream_read.c): data[begin, end) is what is unread. */
  char *data;
  size_t begin;
  size_t end;
  size_t capacity;
  size_t asked;         /* how much a reader wanted to have in the buffer */
  int read_status;      /* what comes after the unread bytes; WEFT_OK: more */
  bool reading;         /* libuv reads */
  bool paused;          /* it would, but there is enough unread */
  bool borrowed;        /* somebody peeked: the buffer must not move */
  struct kept *kept;    /* those that were replaced, until the next fill */
  struct list readable; /* node in the runtime's: it is to be read */
  struct list readers;  /* who waits for bytes, at most one */

  /* Writing (stream_write.c). What is unsent lies in libuv's queue. */
  unsigned letters;      /* how many the outbox has of it */
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
/* Frees a stream that has ended as soon as nobody works for it any more. */
void weft__stream_free_idle(struct stream *s);

/* -- What cannot be polled (stream_blocking.c) ---------------------------- */

int weft__blocking_open(struct stream *s, int fd, int flags);
int weft__blocking_fd(const struct blocking *b);
size_t weft__blocking_unsent(const struct blocking *b);
/* A thread works for it; its memory must stay. */
bool weft__blocking_is_busy(const struct blocking *b);
void weft__blocking_end(struct blocking *b);
void weft__blocking_free(struct blocking *b);
int weft__blocking_read(struct blocking *b);
/* Room for bytes that are to be written, by the next call of
 * weft__blocking_write; NULL for want of memory. */
char *weft__blocking_room(struct blocking *b, size_t size_bytes);
int weft__blocking_write(struct blocking *b);

/* -- Pairs in memory (stream_pair.c) -------------------------------------- */

void weft__pair_end(struct pair_end *e);
void weft__pair_free(struct pair_end *e);
size_t weft__pair_unsent(const struct pair_end *e);
/* Room for bytes that are then sent. */
int weft__pair_room(struct pair_end *e, size_t size_bytes, char **room);
void weft__pair_send(struct pair_end *e);
void weft__pair_shut(struct pair_end *e);
/* The stream reads, or has a reader anew. */
void weft__pair_want(struct pair_end *e);
/* The number of bytes, 0 at the end, or libuv's code. */
ssize_t weft__pair_read(struct pair_end *e, char *to, size_t most);

/* The descriptor, -1 if there is none. */
static inline int weft__stream_fd(const struct stream *s) {
  uv_os_fd_t fd;
  if (s->blocking != NULL)
    return weft__blocking_fd(s->blocking);
  return uv_fileno(&s->uv.handle, &fd) == 0 ? fd : -1;
}
/* Frees the descriptor and the handle now, the rest in libuv's callback. Wakes
 * nobody but those who wait in weft_stream_close. Once is enough, twice does no
 * harm. */
void weft__stream_end(struct stream *s);

/* -- Writing (stream_write.c) --------------------------------------------- */

static inline size_t weft__stream_unsent(const struct stream *s) {
  if (WEFT__UNLIKELY(s->blocking != NULL))
    return weft__blocking_unsent(s->blocking);
  if (WEFT__UNLIKELY(s->pair != NULL))
    return weft__pair_unsent(s->pair);
  return uv_stream_get_write_queue_size(&s->uv.stream);
}
/* Wakes all who wait to write, to flush or to shut down. */
void weft__stream_wake_writers(struct stream *s, int status);
/* Sends the bytes themselves, or a copy of them later, but not before what the
 * outbox has; the second one does. */
int weft__stream_take(struct stream *s, const char *data, size_t size_bytes);
int weft__stream_send(struct stream *s, const char *data, size_t size_bytes);
/* Serves all who wait, after anything that may have changed their case. Inside
 * a filter's call it leaves that to who has called the filter. */
void weft__stream_settle(struct stream *s);

/* -- The outbox (outbox.c) ------------------------------------------------ */

/* Puts the bytes into it, if they may wait there; false if they are to be sent
 * now. */
bool weft__outbox_put(struct stream *s, const uv_buf_t *bufs, size_t count,
                      size_t size_bytes);
/* Sends what it has of the stream, and of all others. */
static inline void weft__outbox_flush(struct stream *s) {
  if (WEFT__UNLIKELY(s->letters > 0))
    weft__outbox_send(s->rt);
}

/* -- Reading (stream_read.c) --------------------------------------------- */

/* Has the connection read when there are bytes. */
int weft__stream_start_reading(struct stream *s);
void weft__stream_stop_reading(struct stream *s);
/* How much more may be read. */
size_t weft__stream_allowance(const struct stream *s);
/* Bytes of the connection have come; WEFT_ENOMEM: they were not taken. */
int weft__stream_received(struct stream *s, const char *data,
                          size_t size_bytes);
/* libuv's code for its end, or UV_ENOBUFS. */
void weft__stream_read_failed(struct stream *s, int uv_code);
/* Adds bytes to those that are unread, or none for want of memory. */
int weft__stream_add(struct stream *s, const char *data, size_t size_bytes);
void weft__stream_free_buffers(struct stream *s);
/* What is read comes to an end so. */
void weft__stream_end_reading(struct stream *s, int status);

/* -- Filters (stream_filter.c): may be called where there is none. ---------
 * After each of them the stream may have ended. */

/* Bytes of the peer's; or its end, and what that is for the reader. */
void weft__filter_received(struct stream *s, const char *data,
                           size_t size_bytes);
int weft__filter_ended(struct stream *s);
/* A writer's bytes. */
int weft__filter_send(struct stream *s, const char *data, size_t size_bytes);
int weft__filter_shutdown(struct stream *s);
/* The connection has failed, or the stream is being closed. */
void weft__filter_failed(struct stream *s, int status);
void weft__filter_free(struct stream *s);

/* -- Listeners (listener.c) ----------------------------------------------- */

/* Opens a socket that does not block and is closed on exec. */
int weft__socket_new(int family, int type, int *fd);
/* A connection of such a socket, likewise; -1 with errno. */
int weft__socket_accept(int listening);

/* The file of a unix socket that listens (unix.c). */
struct socket_file;
/* Removes the file if it is still the socket's; NULL is fine. */
void weft__socket_file_remove(struct socket_file *file);
/* Opens a socket that listens at [path], which [file] stands for then; NULL for
 * a name that is in no file system. */
int weft__unix_listen_fd(const char *path, int mode, int backlog, int *fd,
                         struct socket_file **file);

/* What a listener is made of: sockets that listen. */
struct sockets {
  enum stream_kind kind; /* of what comes from them */
  const int *fds;
  size_t count;
  struct socket_file *file; /* to be removed at the end; NULL: none */
};
/* Makes a listener; takes the descriptors and the file, also on failure. */
int weft__listener_new(weft_runtime *rt, const struct sockets *sockets,
                       weft_listener *listener);

#endif
