/* SPDX-License-Identifier: MIT
 * weft_io.h - the public ABI's I/O: descriptors, names, streams, listeners.
 *
 * The second half of weft.h, which includes it; the words and the rules at the
 * head of that file hold here. Every object is closed by its own close, or when
 * the runtime is freed; closing one wakes whoever waits on it with
 * WEFT_ECLOSED, where nothing else is said. */
#ifndef WEFT_IO_H
#define WEFT_IO_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Descriptors ----------------------------------------------------------
 * For libraries that bring their own sockets. */
typedef uint64_t weft_watch;

enum weft_watch_events { WEFT_READABLE = 1, WEFT_WRITABLE = 2 };

/* Called in the poll with what is possible now; [status] is negative if the
 * descriptor failed. Runs outside any task. */
typedef void (*weft_watch_fn)(weft_runtime *rt, void *arg, int status,
                              int events);

/* Makes a watch on [fd], watching nothing yet. The descriptor stays the
 * caller's and must not be closed before the watch. Owned: weft_watch_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no descriptor, no [fn]),
 * WEFT_EEXIST (watched already), codes of the system */
WEFT_API int weft_watch_new(weft_runtime *rt, int fd, weft_watch_fn fn,
                            void *arg, weft_drop_fn drop, weft_watch *watch);
/* Watches for [events], a sum of enum weft_watch_events, 0 for none.
 * parks: no    errors: WEFT_EINVAL, codes of the system */
WEFT_API int weft_watch_set(weft_runtime *rt, weft_watch watch, int events);
/* Ends the watch; its callback does not run any more.
 * parks: no    errors: none */
WEFT_API int weft_watch_close(weft_runtime *rt, weft_watch watch);

/* -- Names ----------------------------------------------------------------
 * Names are looked up by the C library's resolver, in a thread of libuv's,
 * unless another was set, such as that of libweft_dns. Nothing is cached. */

/* Called once with the addresses of a host, each as text, in the resolver's
 * order; the strings are borrowed for the call. Runs outside any task. */
typedef void (*weft_resolve_fn)(weft_runtime *rt, void *arg, int status,
                                const char *const *addresses, size_t count);
typedef uint64_t weft_resolve;

/* Looks up [host]. [lookup] may be NULL; else it is owned until [fn] has run:
 * weft_resolve_cancel.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no name, an empty or too long
 * one, no [fn]), codes of the system */
WEFT_API int weft_resolve_start(weft_runtime *rt, const char *host,
                                weft_resolve_fn fn, void *arg,
                                weft_drop_fn drop, weft_resolve *lookup);
/* Lets go of a look-up: its callback does not run any more.
 * parks: no    errors: WEFT_ESTATE (in the resolver's start function) */
WEFT_API int weft_resolve_cancel(weft_runtime *rt, weft_resolve lookup);
/* Looks up [host] and waits.
 * parks: yes   value: a weft_value *, a list of addresses as text, owned
 * errors: WEFT_ECANCELLED, WEFT_EHOSTNOTFOUND, WEFT_EHOSTTRYAGAIN, and those of
 * weft_resolve_start
 * cancelled: the answer is dropped when it comes */
WEFT_API int weft_dns_lookup(weft_runtime *rt, const char *host,
                             uint64_t *value);
/* Likewise the addresses of [family] alone, 4 or 6; 0: of both.
 * parks: yes   value: as of weft_dns_lookup
 * errors: as of weft_dns_lookup; WEFT_EINVAL (no such family)
 * cancelled: likewise */
WEFT_API int weft_dns_lookup_family(weft_runtime *rt, const char *host,
                                    int family, uint64_t *value);
/* Looks up the name of [address], an address as text, by the C library's
 * resolver, and waits.
 * parks: yes   value: a weft_value *, the name, owned
 * errors: as weft_dns_lookup; WEFT_EINVAL (no address)
 * cancelled: the answer is dropped when it comes */
WEFT_API int weft_dns_reverse(weft_runtime *rt, const char *address,
                              uint64_t *value);

/* A resolver's own way of looking up [host], addresses of [family] 4, 6 or 0
 * for both. It returns WEFT_OK and later, not before it has returned, calls
 * weft_resolve_finish; or WEFT_ENOSYS to leave this one to the C library; or
 * the code that the look-up fails with. What it puts into [operation] is what
 * it knows the look-up by. */
typedef int (*weft_resolver_fn)(weft_runtime *rt, void *arg,
                                weft_resolve lookup, const char *host,
                                int family, void **operation);
/* Told that the answer is not wanted any more. */
typedef void (*weft_resolver_cancel_fn)(weft_runtime *rt, void *arg,
                                        void *operation);

/* Has all look-ups of names, not of addresses, go through [start] and [cancel];
 * NULL, the default, through neither. A [start] may set another resolver and
 * return WEFT_ENOSYS; that one is then asked. When the runtime is freed, [drop]
 * runs before anything else is closed, and no [cancel] after it. parks: no
 * errors: WEFT_EINVAL (one without the other), WEFT_ESTATE (look-ups of the one
 * set before are under way) */
WEFT_API int weft_set_resolver(weft_runtime *rt, weft_resolver_fn start,
                               weft_resolver_cancel_fn cancel, void *arg,
                               weft_drop_fn drop);
/* Ends a look-up with [status] and, if that is WEFT_OK, the addresses as text,
 * in order; none counts as WEFT_EHOSTNOTFOUND.
 * parks: no    errors: WEFT_EINVAL, WEFT_ESTATE (no resolver has it) */
WEFT_API int weft_resolve_finish(weft_runtime *rt, weft_resolve lookup,
                                 int status, const char *const *addresses,
                                 size_t count);

/* -- Streams --------------------------------------------------------------
 * A connection, a pipe or a terminal, with a read buffer that a cancelled read
 * cannot empty, and a write queue that a cancelled write cannot spoil. Reading
 * is in two halves: weft_stream_fill waits for bytes, weft_stream_peek and
 * weft_stream_consume take them. At most 64 KiB more than is asked for is read
 * ahead. */
typedef uint64_t weft_stream;
typedef uint64_t weft_listener;

/* Makes a stream of a descriptor that is open: of a connected stream socket, a
 * pipe or a terminal. From then on the stream closes it, and it does not block.
 * Descriptors 0 to 2 stay open: they are shared with others, so that the
 * stream uses a copy where the system makes one, and what had to be changed is
 * changed back; they may be files, too, which threads read and write at the
 * descriptor's own position. On failure [fd] is the caller's still.
 * parks: no    errors: WEFT_EINVAL (no descriptor), WEFT_ENOTSUP (a file
 * that is not standard, or what is no stream), WEFT_EEXIST (a stream has it
 * already), WEFT_ENOMEM */
WEFT_API int weft_stream_open(weft_runtime *rt, int fd, weft_stream *stream);
/* Waits until more than [seen_bytes] bytes are buffered. One reader at a time.
 * parks: yes   value: the number of bytes buffered
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY (another task reads),
 * WEFT_EEND (no more will come), WEFT_ENOTSUP (a pipe that is only written to),
 * codes of the system
 * cancelled: no byte is lost */
WEFT_API int weft_stream_fill(weft_runtime *rt, weft_stream stream,
                              size_t seen_bytes, uint64_t *value);
/* Borrows what is buffered, until the next fill or consume on the stream, or
 * its end.
 * parks: no    errors: WEFT_ECLOSED */
WEFT_API int weft_stream_peek(weft_runtime *rt, weft_stream stream,
                              const char **data, size_t *size_bytes);
/* Takes [size_bytes] off the front of the buffer.
 * parks: no    errors: WEFT_EINVAL (more than is buffered), WEFT_ECLOSED */
WEFT_API int weft_stream_consume(weft_runtime *rt, weft_stream stream,
                                 size_t size_bytes);
/* Waits until fewer than 64 KiB are unsent, then takes all of [data], of which
 * it makes a copy if it cannot be sent at once. Writers are FIFO. [data] must
 * stay until the call has finished. While other tasks of the turn are to run, a
 * little that is written to a TCP connection may wait for them, and is then
 * sent with what they write; weft_stream_flush sends it before. parks: yes
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ENOMEM, WEFT_ENOTSUP (a pipe that
 * is only read from), codes of the system cancelled: no byte was taken */
WEFT_API int weft_stream_write(weft_runtime *rt, weft_stream stream,
                               const void *data, size_t size_bytes);
/* As weft_stream_write, of [count] pieces, one after the other as if they were
 * one; what there is room for is sent in one system call.
 * parks: yes   errors: as weft_stream_write, and WEFT_EINVAL (a piece without
 * [data], or more than there can be)
 * cancelled: no byte was taken */
WEFT_API int weft_stream_writev(weft_runtime *rt, weft_stream stream,
                                const void *const *data,
                                const size_t *sizes_bytes, size_t count);
/* Waits until nothing is unsent.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, codes of the system
 * cancelled: the bytes stay queued */
WEFT_API int weft_stream_flush(weft_runtime *rt, weft_stream stream);
/* Flushes and ends the sending side; reading goes on.
 * parks: yes   errors: as weft_stream_flush, and WEFT_ENOTSUP (a terminal, a
 * standard pipe: neither can end for its reader alone) */
WEFT_API int weft_stream_shutdown(weft_runtime *rt, weft_stream stream);
/* Flushes, wakes others with WEFT_ECLOSED and frees the stream. In cancelled
 * code it drops what is unsent. No cancellation point; a cancellation cuts the
 * wait short, and the call still returns WEFT_OK.
 * parks: yes   errors: none */
WEFT_API int weft_stream_close(weft_runtime *rt, weft_stream stream);
/* Drops what is unsent, wakes others with WEFT_ECLOSED and frees the stream.
 * parks: no    errors: none */
WEFT_API int weft_stream_abort(weft_runtime *rt, weft_stream stream);
/* Gives the peer's ([peer] 1) or the own address as text, owned:
 * weft_value_unref. "127.0.0.1:80", "[::1]:80", of a unix socket "unix:" and
 * its path, if it has one; "" of a pipe, a terminal or a stream in memory.
 * parks: no    errors: WEFT_ECLOSED, WEFT_ENOMEM, WEFT_ENOTCONN (the connection
 * has gone, and the peer's address with it), codes of the system */
WEFT_API int weft_stream_address(weft_runtime *rt, weft_stream stream, int peer,
                                 weft_value **value);
/* Sends small writes at once, which is the default, or may let them wait for
 * more (TCP_NODELAY).
 * parks: no    errors: WEFT_ECLOSED, WEFT_ENOTSUP (not TCP), codes of the
 * system */
WEFT_API int weft_stream_set_nodelay(weft_runtime *rt, weft_stream stream,
                                     int on);
/* Has the system ask a peer that was silent for [idle_ns] whether it is still
 * there, and again each time as much has passed; when it has not answered for
 * some times, 9 by default on Linux, the connection fails with
 * WEFT_ETIMEDOUT_OS. Whole seconds, rounded up; UINT64_MAX, the default: never.
 * parks: no    errors: WEFT_ECLOSED, WEFT_EINVAL (0, or more than 32767 s),
 * WEFT_ENOTSUP (not TCP), codes of the system */
WEFT_API int weft_stream_set_keepalive(weft_runtime *rt, weft_stream stream,
                                       uint64_t idle_ns);
/* Tells how much is buffered: read and not yet taken, written and not yet sent.
 * parks: no    errors: WEFT_ECLOSED */
WEFT_API int weft_stream_get_sizes(weft_runtime *rt, weft_stream stream,
                                   size_t *unread_bytes, size_t *unsent_bytes);
/* Tells whether the stream is a terminal.
 * parks: no    errors: WEFT_ECLOSED */
WEFT_API int weft_stream_is_terminal(weft_runtime *rt, weft_stream stream,
                                     int *flag);

/* -- Filters --------------------------------------------------------------
 * What changes a stream's bytes on their way between its connection and its
 * users, as TLS does: it gets the peer's bytes and delivers plain ones, gets a
 * writer's bytes and transmits others. All calls on the stream go on as they
 * do without. The limits count on both sides: reading pauses while too many
 * delivered bytes are unread, writers wait while too many transmitted bytes are
 * unsent. */

enum weft_filter_event {
  WEFT_FILTER_RECEIVED = 1, /* the bytes came from the peer */
  WEFT_FILTER_ENDED = 2,    /* the peer has ended its side */
  WEFT_FILTER_SEND = 3,     /* the bytes are to go out, in the form needed */
  WEFT_FILTER_SHUTDOWN = 4  /* the sending side ends: the last chance to send */
};

/* A filter: called outside any task, in the poll or within a call of a task's,
 * with one of enum weft_filter_event, or with the code for which the connection
 * has failed, WEFT_ECLOSED if the stream is being closed; that comes once, and
 * is the last call. [data] is borrowed. It may call what needs no task, and
 * close the stream (weft_stream_abort). Returns WEFT_OK or a code, which means,
 * after
 *   RECEIVED  that the stream fails with it, as by weft_stream_fail
 *   ENDED     what comes after the last byte; WEFT_OK and WEFT_EEND: the end
 *   SEND      that nothing was taken; the write fails with it
 *   SHUTDOWN  that the shutdown fails with it; a close goes on */
typedef int (*weft_filter_fn)(weft_runtime *rt, void *arg, int event,
                              const char *data, size_t size_bytes);

/* Sets the filter of a stream. From then on the stream reads, whether a task
 * waits for bytes or not.
 * parks: no    errors: WEFT_ESTATE (bytes are unread, a task waits on the
 * stream, its sending side has ended or it has a filter), WEFT_EINVAL (no
 * [fn]), WEFT_ECLOSED, WEFT_ENOMEM, the code with which the connection ended */
WEFT_API int weft_stream_set_filter(weft_runtime *rt, weft_stream stream,
                                    weft_filter_fn fn, void *arg,
                                    weft_drop_fn drop);
/* Adds [data], which is copied, to what readers get. For filters, at any time.
 * parks: no    errors: WEFT_ESTATE (no filter), WEFT_ENOMEM, WEFT_ECLOSED, the
 * code with which reading has ended */
WEFT_API int weft_stream_deliver(weft_runtime *rt, weft_stream stream,
                                 const void *data, size_t size_bytes);
/* Sends [data] to the peer, whatever is unsent; what cannot be sent at once is
 * copied. For filters, at any time.
 * parks: no    errors: WEFT_ESTATE (no filter), WEFT_ENOMEM, WEFT_ECLOSED (the
 * sending side has ended), codes of the system */
WEFT_API int weft_stream_transmit(weft_runtime *rt, weft_stream stream,
                                  const void *data, size_t size_bytes);
/* Ends the stream with [code]: readers get it after what is unread, writers get
 * it from now on; with WEFT_EEND the peer has ended its side alone, and writing
 * goes on. For filters, at any time.
 * parks: no    errors: WEFT_ESTATE (no filter), WEFT_EINVAL (no code of an
 * error) */
WEFT_API int weft_stream_fail(weft_runtime *rt, weft_stream stream, int code);

/* -- Streams in memory ----------------------------------------------------
 * A connection whose two ends are both in this runtime, without a descriptor,
 * for tests and for parts of a program that talk to each other. All calls on
 * streams do what they do on a connection; what one end has written the other
 * can read from the next poll on. On the way things may go wrong as they do on
 * a network, but exactly where they are told to, and at the runtime's times, so
 * that they do on the virtual clock, too. */

/* Makes the two ends.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_stream_pair(weft_runtime *rt, weft_stream *first,
                              weft_stream *second);

/* What may be said of the way from one end to the other. Bytes count from those
 * that are sent next. */
enum weft_fault {
  WEFT_FAULT_DELAY = 1,  /* nanoseconds until it arrives, and likewise the end
                          * of the sending side; UINT64_MAX: never; else 0 */
  WEFT_FAULT_BUFFER = 2, /* bytes under way that count as sent; else 65536 */
  WEFT_FAULT_RESET = 3,  /* after so many bytes more the connection is reset:
                          * both ends get WEFT_ECONNRESET; UINT64_MAX: not */
  WEFT_FAULT_END = 4,    /* after so many more the receiver reads the end, and
                          * what is sent then is lost; UINT64_MAX: not */
  WEFT_FAULT_CORRUPT = 5 /* the byte that comes after so many more arrives with
                          * all its bits turned round; UINT64_MAX: not */
};

/* Sets one of enum weft_fault for what [stream] sends from now on.
 * parks: no    errors: WEFT_ENOTSUP (no stream in memory), WEFT_EINVAL (no such
 * fault), WEFT_ECLOSED (an end is closed) */
WEFT_API int weft_stream_set_fault(weft_runtime *rt, weft_stream stream,
                                   int fault, uint64_t value);

/* Has what [stream] sends be read in pieces: each read that waits gets at most
 * so many bytes as the next of [sizes_bytes] says, which begin again after the
 * last; none: as much as there is, the default.
 * parks: no    errors: WEFT_ENOTSUP (no stream in memory), WEFT_EINVAL (a size
 * of 0), WEFT_ECLOSED (an end is closed), WEFT_ENOMEM */
WEFT_API int weft_stream_set_pieces(weft_runtime *rt, weft_stream stream,
                                    const size_t *sizes_bytes, size_t count);

/* -- Connecting and listening ---------------------------------------------
 */

/* Connects to [host] and [port] by TCP. Sends without delay (TCP_NODELAY). The
 * addresses of a name are tried in the resolver's order, families alternating:
 * the next one when the last has failed, or after 0.25 s beside it. The first
 * connection wins.
 * parks: yes
 * value: a weft_stream, owned: weft_stream_close; if all addresses failed, a
 * weft_error *, owned, of which weft_error_get_cause is a group of the errors
 * of all; else 0
 * errors: WEFT_ECANCELLED, WEFT_EINVAL, WEFT_ENOMEM, of the name's look-up, of
 * the first address tried
 * cancelled: no connection is left */
WEFT_API int weft_tcp_connect(weft_runtime *rt, const char *host, int port,
                              uint64_t *value);
/* Listens on [host], an address as text, and [port], 0 for any free one.
 * Owned: weft_listener_close.
 * parks: no    errors: WEFT_EINVAL (no address), WEFT_ENOMEM, WEFT_EADDRINUSE,
 * codes of the system */
WEFT_API int weft_tcp_listen(weft_runtime *rt, const char *host, int port,
                             int backlog, weft_listener *listener);
/* How weft_tcp_listen_all listens. */
enum weft_listen_flags {
  /* others may listen on the same port, in this process or another of the same
   * user, if they say so too; the system deals connections out among them */
  WEFT_LISTEN_REUSEPORT = 1,
  /* "::" and "*" take no IPv4 connections */
  WEFT_LISTEN_IPV6ONLY = 2
};
/* Listens on all addresses of [host], a name or an address as text, or on all
 * of this machine's for "*". They share one port; what is not an address of
 * this machine is left out if there is another. [flags] is a sum of enum
 * weft_listen_flags. "::" and "*" take IPv4 too, unless the flag says no.
 * parks: yes   value: a weft_listener, owned: weft_listener_close
 * errors: WEFT_ECANCELLED, WEFT_EINVAL, WEFT_ENOMEM, WEFT_ENOTSUP (a flag the
 * system does not have), of the name's look-up, as weft_tcp_listen
 * cancelled: nothing was opened */
WEFT_API int weft_tcp_listen_all(weft_runtime *rt, const char *host, int port,
                                 int backlog, int flags, uint64_t *value);

/* Connects to the unix socket at [path], "@name" for one that is in no file
 * system (Linux). While the server's backlog is full, it waits.
 * parks: yes   value: a weft_stream, owned: weft_stream_close
 * errors: WEFT_ECANCELLED, WEFT_EINVAL (no path), WEFT_ENAMETOOLONG,
 * WEFT_ENOMEM, WEFT_ENOENT, WEFT_ECONNREFUSED (nobody listens), codes of the
 * system
 * cancelled: no connection is left */
WEFT_API int weft_unix_connect(weft_runtime *rt, const char *path,
                               uint64_t *value);
/* Listens on a unix socket at [path], as weft_unix_connect has it. A socket
 * that is there already, and refuses connections, is removed first: its server
 * has died. [mode] gives the socket's permissions, 0 those that the umask
 * leaves. The path is removed when the listener is closed, if it is still this
 * socket's. Owned: weft_listener_close.
 * parks: no
 * errors: WEFT_EINVAL (no path, no mode), WEFT_ENAMETOOLONG, WEFT_ENOMEM,
 * WEFT_EADDRINUSE (somebody listens, or it is another kind of file), codes of
 * the system */
WEFT_API int weft_unix_listen(weft_runtime *rt, const char *path, int mode,
                              int backlog, weft_listener *listener);

/* Waits for a connection. One task at a time.
 * parks: yes   value: a weft_stream, owned: weft_stream_close
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ENOMEM, codes of the
 * system
 * cancelled: the connection stays in the backlog */
WEFT_API int weft_listener_accept(weft_runtime *rt, weft_listener listener,
                                  uint64_t *value);
/* Gives the address listened on, as weft_stream_address; of several the first.
 * parks: no    errors: WEFT_ENOMEM, codes of the system */
WEFT_API int weft_listener_address(weft_runtime *rt, weft_listener listener,
                                   weft_value **value);
/* Gives all addresses listened on, a list of texts, owned: weft_value_unref.
 * parks: no    errors: WEFT_ENOMEM, codes of the system */
WEFT_API int weft_listener_get_addresses(weft_runtime *rt,
                                         weft_listener listener,
                                         weft_value **value);
/* Stops listening; who waits gets WEFT_ECLOSED. The path of a unix socket is
 * removed if it is still the same one.
 * parks: no    errors: none */
WEFT_API int weft_listener_close(weft_runtime *rt, weft_listener listener);

/* -- Datagrams ------------------------------------------------------------
 * A UDP socket. A datagram is received whole or not at all, in two halves, as
 * a stream is read: weft_udp_receive waits until there is one, weft_udp_peek
 * and weft_udp_sender look at it, weft_udp_consume takes it. Those that nobody
 * has received yet stay in the system's queue. */
typedef uint64_t weft_udp;

enum weft_udp_flags {
  WEFT_UDP_REUSEADDR = 1, /* others may have the address, as for multicast */
  WEFT_UDP_REUSEPORT = 2, /* others that want so too share the datagrams */
  WEFT_UDP_IPV6ONLY = 4   /* not IPv4 as well, on an IPv6 address */
};

enum weft_udp_option {
  WEFT_UDP_BROADCAST = 1, /* 1: may send to broadcast addresses; default 0 */
  WEFT_UDP_TTL = 2,       /* hops that a datagram may make, 1 to 255 */
  WEFT_UDP_MULTICAST_TTL = 3,  /* likewise to a group, 0 to 255; default 1 */
  WEFT_UDP_MULTICAST_LOOP = 4, /* 1, the default: groups get it here too */
  WEFT_UDP_RECEIVE_BUFFER = 5, /* bytes of the system's queues, which it may */
  WEFT_UDP_SEND_BUFFER = 6     /* round, double (Linux does) and limit */
};

/* Opens a UDP socket on [host], an address as text, and [port], 0 for any free
 * one. [flags] is a sum of enum weft_udp_flags. On "::" or another IPv6 address
 * it takes IPv4 as well, unless told not to. Owned: weft_udp_close.
 * parks: no    errors: WEFT_EINVAL (no address, an unknown flag), WEFT_ENOMEM,
 * WEFT_EADDRINUSE, codes of the system */
WEFT_API int weft_udp_open(weft_runtime *rt, const char *host, int port,
                           int flags, weft_udp *udp);
/* Sends [data] as one datagram to [host], a name or an address, and [port], or,
 * [host] NULL, to the peer connected to. An empty one is a datagram too. Waits
 * only while a name is looked up, at each call anew, or the system has no room,
 * in turn with others. [data] must stay until the call has finished. That it
 * was sent does not mean that it arrives.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EINVAL, WEFT_ENOMEM,
 * WEFT_EMSGSIZE (over 65,507 bytes), WEFT_EDESTADDRREQ (not connected),
 * WEFT_ECONNREFUSED (nobody took an earlier one; the socket stays good), of the
 * name's look-up, codes of the system
 * cancelled: nothing was sent */
WEFT_API int weft_udp_send(weft_runtime *rt, weft_udp udp, const void *data,
                           size_t size_bytes, const char *host, int port);
/* Has the socket send to [host], a name or an address, and [port], and receive
 * from nowhere else; what has arrived before still comes. NULL: from everywhere
 * again. Waits only while a name is looked up.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EINVAL, WEFT_ENOMEM,
 * of the name's look-up, codes of the system
 * cancelled: the socket is as it was */
WEFT_API int weft_udp_connect(weft_runtime *rt, weft_udp udp, const char *host,
                              int port);
/* Waits until a datagram is there. One receiver at a time. Until it is consumed
 * the same datagram is there at every call.
 * parks: yes   value: its number of bytes, which may be 0
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY (another task receives),
 * WEFT_ENOMEM, WEFT_ECONNREFUSED (nobody took what was sent to the peer
 * connected to; the socket stays good), codes of the system
 * cancelled: no datagram is lost */
WEFT_API int weft_udp_receive(weft_runtime *rt, weft_udp udp, uint64_t *value);
/* Borrows the datagram, until it is consumed.
 * parks: no    errors: WEFT_EEMPTY (there is none) */
WEFT_API int weft_udp_peek(weft_runtime *rt, weft_udp udp, const char **data,
                           size_t *size_bytes);
/* Gives the address that the datagram came from, as weft_stream_address; owned:
 * weft_value_unref.
 * parks: no    errors: WEFT_EEMPTY (there is none), WEFT_ENOMEM */
WEFT_API int weft_udp_sender(weft_runtime *rt, weft_udp udp,
                             weft_value **value);
/* Takes the datagram away: the next can come.
 * parks: no    errors: WEFT_EEMPTY (there is none) */
WEFT_API int weft_udp_consume(weft_runtime *rt, weft_udp udp);
/* Gives the own ([peer] 0) or the address connected to, as weft_stream_address.
 * parks: no    errors: WEFT_ENOTCONN, WEFT_ENOMEM, codes of the system */
WEFT_API int weft_udp_address(weft_runtime *rt, weft_udp udp, int peer,
                              weft_value **value);
/* Sets an option, one of enum weft_udp_option, to [number].
 * parks: no    errors: WEFT_EINVAL (no such option or number), codes of the
 * system */
WEFT_API int weft_udp_set_option(weft_runtime *rt, weft_udp udp, int option,
                                 int number);
/* Gives an option's number.
 * parks: no    errors: WEFT_EINVAL (no such option), codes of the system */
WEFT_API int weft_udp_get_option(weft_runtime *rt, weft_udp udp, int option,
                                 int *number);
/* Sends to groups through the interface with this name or, by IPv4, this
 * address; NULL: the system chooses.
 * parks: no    errors: WEFT_ENODEV (no such interface), codes of the system */
WEFT_API int weft_udp_set_interface(weft_runtime *rt, weft_udp udp,
                                    const char *interface_name);
/* Receives what is sent to the multicast group [group], an address as text,
 * on the interface, as in weft_udp_set_interface.
 * parks: no    errors: WEFT_EINVAL (no multicast address of the socket's
 * family), WEFT_ENODEV, WEFT_EADDRINUSE (joined already), codes of the system
 */
WEFT_API int weft_udp_join(weft_runtime *rt, weft_udp udp, const char *group,
                           const char *interface_name);
/* Does so no more. Closing leaves all groups.
 * parks: no    errors: as weft_udp_join, WEFT_EADDRNOTAVAIL (not joined) */
WEFT_API int weft_udp_leave(weft_runtime *rt, weft_udp udp, const char *group,
                            const char *interface_name);
/* Closes the socket; who waits gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_udp_close(weft_runtime *rt, weft_udp udp);
/* -- Files ----------------------------------------------------------------
 * The system's calls on files block, so threads of libuv's make them. What a
 * task waits for is kept once its thread has begun; until then it can be
 * cancelled and has not happened. Fewer calls run at a time than there are
 * threads (UV_THREADPOOL_SIZE, 4 if it is not set), the others wait in the
 * order they came: names can be looked up at any time, and a thousand tasks
 * that read files hold a few descriptors.
 *
 * An open file has a position, which reads and writes begin at and move. One
 * operation at a time is under way on it. Reading is in two halves, as on
 * streams: weft_file_fill waits for bytes, weft_file_peek and weft_file_consume
 * take them. Of a file that is read in a row, what the system has in memory is
 * read at once, and the rest ahead, up to 2 MiB, while its bytes are worked on;
 * what others write there meanwhile may be missed, but an end that was reached
 * is looked for anew. Writing goes straight to the system.
 * A descriptor is never inherited by another program. */
typedef uint64_t weft_file;

enum weft_open_flags {
  WEFT_OPEN_READ = 1,
  WEFT_OPEN_WRITE = 2,
  WEFT_OPEN_CREATE = 4,    /* where there is no file */
  WEFT_OPEN_TRUNCATE = 8,  /* what is there is emptied */
  WEFT_OPEN_APPEND = 16,   /* each write goes to the end */
  WEFT_OPEN_EXCLUSIVE = 32 /* with CREATE: there must be none */
};

/* Opens the file at [path]; [flags] is a sum of enum weft_open_flags with READ,
 * WRITE or both, [mode] the permissions of a file that is made, the umask taken
 * off. A FIFO that nobody has open at its other end holds a thread until
 * somebody has.
 * parks: yes   value: a weft_file, owned: weft_file_close
 * errors: WEFT_ECANCELLED, WEFT_EINVAL, WEFT_ENOMEM, WEFT_EISDIR (a directory),
 * codes of the system
 * cancelled: nothing was opened or made */
WEFT_API int weft_file_open(weft_runtime *rt, const char *path, int flags,
                            int mode, uint64_t *value);
/* Waits for an operation under way and for the descriptor to be closed; one
 * that has not begun is not done and gets WEFT_ECLOSED, as does who waits for
 * bytes or a lock. An error is that of an earlier write which the system tells
 * only now; the file is closed all the same. Kept; no cancellation point.
 * parks: yes   errors: codes of the system */
WEFT_API int weft_file_close(weft_runtime *rt, weft_file file);
/* Closes the file in the background: as weft_file_close, but nobody waits.
 * parks: no    errors: none */
WEFT_API int weft_file_abort(weft_runtime *rt, weft_file file);
/* Borrows the path it was opened by, until it is closed.
 * parks: no    errors: none */
WEFT_API int weft_file_get_path(weft_runtime *rt, weft_file file,
                                const char **path);

/* Waits until more than [seen_bytes] bytes are buffered.
 * parks: yes   value: the number of bytes buffered
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ESTATE (not open for
 * reading), WEFT_EEND (the file has no more now), WEFT_ENOMEM, codes of the
 * system
 * cancelled: no byte is lost */
WEFT_API int weft_file_fill(weft_runtime *rt, weft_file file, size_t seen_bytes,
                            uint64_t *value);
/* Borrows what is buffered, until the next call on the file but consume.
 * parks: no    errors: none */
WEFT_API int weft_file_peek(weft_runtime *rt, weft_file file, const char **data,
                            size_t *size_bytes);
/* Takes [size_bytes] off the front of the buffer: the position moves on.
 * parks: no    errors: WEFT_EINVAL (more than is buffered) */
WEFT_API int weft_file_consume(weft_runtime *rt, weft_file file,
                               size_t size_bytes);
/* Reads up to [size_bytes] from [offset] on to [room], which must stay until
 * the call has finished; fewer only at the end of the file. The position and
 * the buffer are not touched.
 * parks: yes   value: the number of bytes read
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ESTATE (not open for
 * reading), WEFT_EINVAL, WEFT_ENOMEM, WEFT_ESPIPE (it has no positions), codes
 * of the system */
WEFT_API int weft_file_read_at(weft_runtime *rt, weft_file file, void *room,
                               size_t size_bytes, uint64_t offset,
                               uint64_t *value);
/* Writes all of [data], which must stay until the call has finished, at the
 * position or, if the file is open for appending, at its end.
 * parks: yes   value: the number of bytes written, also on failure
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ESTATE (not open for
 * writing), WEFT_EINVAL, WEFT_ENOMEM, codes of the system
 * cancelled: no byte was written */
WEFT_API int weft_file_write(weft_runtime *rt, weft_file file, const void *data,
                             size_t size_bytes, uint64_t *value);
/* As weft_file_write, at [offset]; the position is not touched. WEFT_ESPIPE if
 * it is open for appending.
 * parks: yes   value: as weft_file_write
 * errors: as weft_file_write, and WEFT_ESPIPE */
WEFT_API int weft_file_write_at(weft_runtime *rt, weft_file file,
                                const void *data, size_t size_bytes,
                                uint64_t offset, uint64_t *value);

enum weft_seek_whence {
  WEFT_SEEK_SET = 0,
  WEFT_SEEK_CUR = 1,
  WEFT_SEEK_END = 2
};

/* Moves the position to [offset] from the beginning, the position or the end;
 * it may lie behind the end.
 * parks: yes   value: the position
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_EINVAL (before the
 * beginning), WEFT_ESPIPE (it has no positions), WEFT_ENOMEM, codes of the
 * system */
WEFT_API int weft_file_seek(weft_runtime *rt, weft_file file, int64_t offset,
                            int whence, uint64_t *value);
/* Gives the position.                        parks: no    errors: none */
WEFT_API int weft_file_get_position(weft_runtime *rt, weft_file file,
                                    uint64_t *position);
/* Makes the file [size_bytes] long; what is added is zeros.
 * parks: yes   errors: as weft_file_write
 * cancelled: the file is unchanged */
WEFT_API int weft_file_truncate(weft_runtime *rt, weft_file file,
                                uint64_t size_bytes);
/* Waits until what was written is on the disk, with [data_only] 1 without what
 * is not needed to read it.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ENOMEM,
 * codes of the system */
WEFT_API int weft_file_sync(weft_runtime *rt, weft_file file, int data_only);
/* Gives what is known of the file, as weft_fs_stat.
 * parks: yes   value: a weft_value *, owned
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ENOMEM, codes of the
 * system */
WEFT_API int weft_file_stat(weft_runtime *rt, weft_file file, uint64_t *value);

enum weft_lock_flags { WEFT_LOCK_SHARED = 1, WEFT_LOCK_NOWAIT = 2 };

/* Locks the whole file against other openings of it that lock, in any process
 * (flock); [flags] is a sum of enum weft_lock_flags. Who waits holds no thread:
 * the lock is tried again, 1 ms later at first, every 50 ms at last. Closing
 * gives it back. Locking again exchanges shared and exclusive, not in one step.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_EINVAL,
 * WEFT_ENOMEM, WEFT_EAGAIN (NOWAIT, and another has it), codes of the system
 * cancelled: it is not locked, unless it came first */
WEFT_API int weft_file_lock(weft_runtime *rt, weft_file file, int flags);
/* Gives the lock back.
 * parks: no    errors: codes of the system */
WEFT_API int weft_file_unlock(weft_runtime *rt, weft_file file);

/* -- Whole files, and paths -----------------------------------------------
 * Each call is made by a thread in one go: begun, it is kept, and a
 * cancellation that comes before means that nothing has happened. All of them
 * may return, besides what is listed, WEFT_ECANCELLED, WEFT_EINVAL (an empty
 * path, a number out of its range), WEFT_ENOMEM and codes of the system; what
 * the system calls EBUSY and EINVAL is WEFT_EBUSY_OS and WEFT_EINVAL_OS. */

/* Reads the whole file at [path].
 * parks: yes   value: a weft_value *, its bytes, owned
 * errors: WEFT_EOVERRUN (it has more than [limit_max] bytes) */
WEFT_API int weft_fs_read_file(weft_runtime *rt, const char *path,
                               size_t limit_max, uint64_t *value);

enum weft_write_flags {
  WEFT_WRITE_ATOMIC = 1,    /* the old file stands until the new one is whole */
  WEFT_WRITE_APPEND = 2,    /* behind what is there */
  WEFT_WRITE_EXCLUSIVE = 4, /* there must be no file */
  WEFT_WRITE_SYNC = 8       /* and wait for the disk; part of ATOMIC */
};

/* Makes [data], which must stay until the call has finished, the content of the
 * file at [path]; [flags] is a sum of enum weft_write_flags. With ATOMIC the
 * bytes go to a new file beside it, which is synced and renamed: on any failure
 * the old file is as it was and no other is left. The new one has the old
 * one's permissions, and its owner where that is allowed.
 * parks: yes   value: the number of bytes written, also on failure
 * errors: WEFT_EINVAL (ATOMIC with APPEND or EXCLUSIVE), WEFT_ENOTSUP (ATOMIC,
 * and it is no regular file) */
WEFT_API int weft_fs_write_file(weft_runtime *rt, const char *path,
                                const void *data, size_t size_bytes, int flags,
                                uint64_t *value);
/* Copies a file with its permissions; what is at [new_path] is replaced when
 * the copy is whole, or, with [exclusive] 1, a reason to fail.
 * parks: yes   errors: WEFT_EEXIST (also: both are the same file), WEFT_EISDIR,
 * WEFT_ENOTSUP (at [new_path] is no regular file) */
WEFT_API int weft_fs_copy_file(weft_runtime *rt, const char *path,
                               const char *new_path, int exclusive);
/* Gives what is known of a file: a map of "type" ("file", "directory", "link",
 * "fifo", "socket", "char", "block") and the numbers "mode" (permissions),
 * "size", "uid", "gid", "nlink", "ino", "dev", "rdev", "blksize", "blocks",
 * "atime_ns", "mtime_ns", "ctime_ns", "birthtime_ns" (since 1970). With
 * [follow] 0 of a link itself.
 * parks: yes   value: a weft_value *, owned
 * errors: none more */
WEFT_API int weft_fs_stat(weft_runtime *rt, const char *path, int follow,
                          uint64_t *value);
/* Asks whether the process may read (4), write (2), run (1) it, a sum of these,
 * or 0 whether it exists.
 * parks: yes   errors: WEFT_EACCES, WEFT_ENOENT */
WEFT_API int weft_fs_access(weft_runtime *rt, const char *path, int rights);
/* Removes a file, a link or an empty directory.
 * parks: yes   errors: none more */
WEFT_API int weft_fs_remove(weft_runtime *rt, const char *path);
/* Removes a file, or a directory with all that is in it. Links are removed, not
 * followed. After a failure some may be left.
 * parks: yes   errors: none more */
WEFT_API int weft_fs_remove_all(weft_runtime *rt, const char *path);
/* Renames a file or directory, replacing a file at [new_path].
 * parks: yes   errors: none more */
WEFT_API int weft_fs_rename(weft_runtime *rt, const char *path,
                            const char *new_path);
/* Makes [new_path] another name of the file.
 * parks: yes   errors: none more */
WEFT_API int weft_fs_link(weft_runtime *rt, const char *path,
                          const char *new_path);
/* Makes a symbolic link at [path] that says [target].
 * parks: yes   errors: none more */
WEFT_API int weft_fs_symlink(weft_runtime *rt, const char *target,
                             const char *path);
/* Gives what a symbolic link says.
 * parks: yes   value: a weft_value *, bytes, owned
 * errors: WEFT_EINVAL_OS (it is no link) */
WEFT_API int weft_fs_readlink(weft_runtime *rt, const char *path,
                              uint64_t *value);
/* Gives the absolute path without links, "." and "..".
 * parks: yes   value: a weft_value *, bytes, owned
 * errors: none more */
WEFT_API int weft_fs_realpath(weft_runtime *rt, const char *path,
                              uint64_t *value);
/* Sets the permissions.            parks: yes   errors: none more */
WEFT_API int weft_fs_chmod(weft_runtime *rt, const char *path, int mode);
/* Sets the times of access and change, in seconds since 1970.
 * parks: yes   errors: none more */
WEFT_API int weft_fs_utime(weft_runtime *rt, const char *path, double atime,
                           double mtime);
/* Makes a directory; with [parents] 1 those above it, too, and one that is
 * there already will do.
 * parks: yes   errors: WEFT_EEXIST */
WEFT_API int weft_fs_mkdir(weft_runtime *rt, const char *path, int mode,
                           int parents);
/* Makes a directory of mode 0700 whose name begins with [prefix] and is nobody
 * else's.
 * parks: yes   value: a weft_value *, its path, owned
 * errors: none more */
WEFT_API int weft_fs_mkdtemp(weft_runtime *rt, const char *prefix,
                             uint64_t *value);
/* Lists a directory: a map of its names, without "." and "..", in the order of
 * their bytes, to their types, as weft_fs_stat has them (or "unknown").
 * parks: yes   value: a weft_value *, owned
 * errors: WEFT_ENOTDIR */
WEFT_API int weft_fs_readdir(weft_runtime *rt, const char *path,
                             uint64_t *value);

/* -- Watching files -------------------------------------------------------
 * What happens to a file, or in a directory but not below that. Changes are
 * kept from the making of the watch on, 4,096 at most. */
typedef uint64_t weft_fs_watch;

/* Watches the file or directory at [path]. Owned: weft_fs_watch_close.
 * parks: no    errors: WEFT_EINVAL, WEFT_ENOMEM, codes of the system */
WEFT_API int weft_fs_watch_new(weft_runtime *rt, const char *path,
                               weft_fs_watch *watch);
/* Ends the watch; who waits gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_fs_watch_close(weft_runtime *rt, weft_fs_watch watch);
/* Borrows the path watched, until the watch is closed.
 * parks: no    errors: none */
WEFT_API int weft_fs_watch_get_path(weft_runtime *rt, weft_fs_watch watch,
                                    const char **path);
/* Waits for the next change: a map of "path", below the watched one, and
 * "kind": "change" (of content or attributes), "rename" (made, removed or
 * moved) or "overflow" (changes were lost; "path" is the watched one). One
 * task at a time.
 * parks: yes   value: a weft_value *, owned
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY, WEFT_ENOMEM, codes of the
 * system
 * cancelled: no change is lost */
WEFT_API int weft_fs_watch_next(weft_runtime *rt, weft_fs_watch watch,
                                uint64_t *value);
/* -- Processes ------------------------------------------------------------
 * A program that runs beside this one. It is described first, by
 * weft_process_new and the setters, then started; what nobody sets is as in
 * this process. No shell is involved: each argument reaches the program as it
 * is given. The child has no other descriptors than 0, 1 and 2, all signals
 * have their default effect in it, and none is blocked.
 *
 * A process that runs is ended when it is closed, or at the shutdown: it gets
 * SIGTERM and, 5 s later, SIGKILL; the runtime goes on until it has been
 * reaped. The number of one that was reaped is never signalled. Grace is real
 * time, and the virtual clock stands still while a process runs. */
typedef uint64_t weft_process;

/* What a descriptor of the child is. */
enum weft_stdio {
  WEFT_STDIO_INHERIT = 1, /* the same as this process's of that number */
  WEFT_STDIO_NULL = 2,    /* /dev/null */
  WEFT_STDIO_PIPE = 3,    /* one end of a pipe; the other becomes a stream */
  WEFT_STDIO_FD = 4,      /* a descriptor of this process, given by number */
  WEFT_STDIO_SAME = 5     /* the same as another of the child's */
};

/* Describes a process that is to run [program]: a path if it has a slash, else
 * a name that is looked for in the PATH of the child's environment. Owned:
 * weft_process_close.
 * parks: no    errors: WEFT_EINVAL (no program), WEFT_ENOMEM */
WEFT_API int weft_process_new(weft_runtime *rt, const char *program,
                              weft_process *process);
/* Adds an argument behind those there are; the program's name is the first
 * already. As all the setters, before the start only.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (started) */
WEFT_API int weft_process_add_argument(weft_runtime *rt, weft_process process,
                                       const char *argument);
/* Sets a variable of the child's environment, which else is this process's, as
 * it is at the start.
 * parks: no    errors: WEFT_EINVAL (no name, or one with a "="), WEFT_ENOMEM,
 * WEFT_ESTATE (started) */
WEFT_API int weft_process_set_env(weft_runtime *rt, weft_process process,
                                  const char *name, const char *text);
/* Takes a variable out of the child's environment.
 * parks: no    errors: as weft_process_set_env */
WEFT_API int weft_process_unset_env(weft_runtime *rt, weft_process process,
                                    const char *name);
/* Has the child's environment begin empty, and drops what was set.
 * parks: no    errors: WEFT_ESTATE (started) */
WEFT_API int weft_process_clear_env(weft_runtime *rt, weft_process process);
/* Sets the folder the child begins in; a program's path counts from there.
 * parks: no    errors: WEFT_EINVAL (no path), WEFT_ENOMEM, WEFT_ESTATE */
WEFT_API int weft_process_set_cwd(weft_runtime *rt, weft_process process,
                                  const char *path);
/* Says what descriptor [fd] of the child, 0 to 2, is: one of enum weft_stdio.
 * [source] is, for WEFT_STDIO_FD, a descriptor that stays the caller's and must
 * be open at the start; for WEFT_STDIO_SAME, the child's that it is the same
 * as; else without meaning.
 * parks: no    errors: WEFT_EINVAL, WEFT_ESTATE (started) */
WEFT_API int weft_process_set_stdio(weft_runtime *rt, weft_process process,
                                    int fd, int how, int source);
/* Starts it in a session and process group of its own ([on] 1), without the
 * terminal; its signals, also those of its end, go to all of that group.
 * parks: no    errors: WEFT_ESTATE (started) */
WEFT_API int weft_process_set_group(weft_runtime *rt, weft_process process,
                                    int on);
/* Starts it as another user and group of users; -1 leaves one as it is.
 * parks: no    errors: WEFT_EINVAL, WEFT_ESTATE (started) */
WEFT_API int weft_process_set_user(weft_runtime *rt, weft_process process,
                                   int uid, int gid);
/* Starts it, and returns when the program runs in the child. A process that
 * could not be started leaves neither a pipe nor a child; it is good for
 * weft_process_get_failed only.
 * parks: no    errors: WEFT_ENOENT, WEFT_EACCES (no program, or no folder, of
 * that name, or not allowed), WEFT_E2BIG, WEFT_EAGAIN (too many processes),
 * WEFT_EMFILE, WEFT_EPERM (another user), WEFT_EBADF (a descriptor given is not
 * open), WEFT_ENOMEM, other codes of the system, WEFT_ESTATE (started) */
WEFT_API int weft_process_start(weft_runtime *rt, weft_process process);
/* Gives what the start failed for, the program or the folder; borrowed until
 * the close.
 * parks: no    errors: WEFT_ESTATE (it has not failed) */
WEFT_API int weft_process_get_failed(weft_runtime *rt, weft_process process,
                                     const char **path);

/* Hands over the stream of the pipe that is descriptor [fd] of the child, once.
 * Owned: weft_stream_close; the end of the process leaves it open. What nobody
 * has taken is closed with the process.
 * parks: no    errors: WEFT_EINVAL (no pipe, or handed over) */
WEFT_API int weft_process_take_stream(weft_runtime *rt, weft_process process,
                                      int fd, weft_stream *stream);
/* Gives the number the system has for it.
 * parks: no    errors: WEFT_ESTATE (not started) */
WEFT_API int weft_process_get_pid(weft_runtime *rt, weft_process process,
                                  int *pid);
/* Tells whether it was started and not yet reaped.
 * parks: no    errors: none */
WEFT_API int weft_process_is_running(weft_runtime *rt, weft_process process,
                                     int *flag);
/* Waits until it has exited and been reaped, whoever still holds its pipes. Any
 * number of tasks may wait, also afterwards.
 * parks: yes   value: the exit status and, times 2^32, the number of the signal
 * that ended it, 0 for none; one of the two is 0
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ESTATE (not started)
 * cancelled: the process runs on */
WEFT_API int weft_process_wait(weft_runtime *rt, weft_process process,
                               uint64_t *value);
/* Sends it a signal, by the system's number.
 * parks: no    errors: WEFT_ESRCH (it has exited; nothing is done),
 * WEFT_ESTATE (not started), WEFT_EINVAL (no signal), WEFT_EPERM */
WEFT_API int weft_process_kill(weft_runtime *rt, weft_process process,
                               int number);
/* Ends it and waits: SIGTERM, [grace_ns] later SIGKILL; without grace, SIGKILL
 * at once. If it has exited already, returns how.
 * parks: yes, kept   value: as weft_process_wait
 * errors: WEFT_ESTATE (not started)
 * cancelled: goes on; the second SIGINT or SIGTERM ends the grace */
WEFT_API int weft_process_stop(weft_runtime *rt, weft_process process,
                               uint64_t grace_ns, uint64_t *value);
/* Lets go of it; who waits gets WEFT_ECLOSED. One that runs is ended, with 5 s
 * of grace, without the caller waiting for it.
 * parks: no    errors: none */
WEFT_API int weft_process_close(weft_runtime *rt, weft_process process);

/* -- Signals --------------------------------------------------------------
 * A signal that comes to this process can be waited for. As long as somebody
 * has it open, it has no other effect: for SIGINT and SIGTERM, not that of
 * weft_set_signals. Afterwards it does again what it did before. Every one that
 * is open, in whatever runtime, gets each signal; equal ones that come between
 * two polls may arrive as one, and of those not taken at most eight are
 * kept. */
typedef uint64_t weft_signals;

/* Gives the name of a signal without "SIG", NULL if it has none here; for ever.
 * parks: no    errors: none */
WEFT_API const char *weft_signal_name(int number);
/* Gives the system's number for a name, with or without "SIG"; 0 if there is
 * none.
 * parks: no    errors: none */
WEFT_API int weft_signal_number(const char *name);

/* Makes one that has no signal yet. Owned: weft_signals_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_signals_new(weft_runtime *rt, weft_signals *signals);
/* Has it get the signal [number] from now on.
 * parks: no    errors: WEFT_EINVAL (no signal, one that cannot be caught, a
 * fault, SIGCHLD) */
WEFT_API int weft_signals_add(weft_runtime *rt, weft_signals signals,
                              int number);
/* Waits for the next signal. One task at a time.
 * parks: yes   value: the signal's number
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBUSY
 * cancelled: no signal is lost */
WEFT_API int weft_signals_next(weft_runtime *rt, weft_signals signals,
                               uint64_t *value);
/* Tells whether one has come that nobody has taken yet: also to code that
 * computes, and does not let the runtime poll.
 * parks: no    errors: none */
WEFT_API int weft_signals_is_pending(weft_runtime *rt, weft_signals signals,
                                     int *pending);
/* Ends it; who waits gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_signals_close(weft_runtime *rt, weft_signals signals);

/* -- Threads --------------------------------------------------------------
 * A job is a function that blocks or computes for long; it runs in a thread of
 * a pool, beside the runtime, and must not call what concerns that. Jobs begin
 * in the order in which they came. Look-ups of names, and files, have threads
 * of their own: a full pool does not keep them waiting.
 *
 * Threads are started as jobs need them: one for each processor at once, more
 * when a job has waited for a millisecond. They stay, to be used again, with
 * all signals blocked. A thread may have something of its own, its local, as
 * an interpreter: it is made before its first job and ended with the thread.
 *
 * A job that has begun cannot be stopped. Who waits for it waits on, though
 * cancelled, or abandons it: then it runs on, keeps its thread until it ends,
 * and neither the virtual clock nor a shutdown's tasks wait for it. The end of
 * the runtime waits for its threads; for a job that still runs, which only an
 * abandoned one can, at most 5 s. After that it is reported, and left to
 * itself: what it uses stays, for ever. */
typedef uint64_t weft_workers;
typedef uint64_t weft_work;

/* A job: gets the thread's local, NULL if it has none, and what was given for
 * it; returns a status, WEFT_OK or a negative code, and may set *value, which
 * is 0. Runs in a worker thread. */
typedef int (*weft_work_fn)(void *local, void *arg, uint64_t *value);
/* Is told of a job's end, in the poll, outside any task. */
typedef void (*weft_work_done_fn)(weft_runtime *rt, void *arg, int status,
                                  uint64_t value);
/* Makes a thread's local, in that thread, before its first job; a negative code
 * fails the job, and the next one tries again. */
typedef int (*weft_worker_open_fn)(void *arg, void **local);
/* Ends a thread's local, in that thread. */
typedef void (*weft_worker_close_fn)(void *arg, void *local);

/* Returns the number of processors that the threads of the process may use.
 * parks: no    errors: none */
WEFT_API size_t weft_processors(void);

/* Makes a pool of at most [workers_max] threads, none of which is started yet,
 * and at most [queue_max] jobs waiting for one, 0 for any number. Owned:
 * weft_workers_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no worker), codes of the
 * system */
WEFT_API int weft_workers_new(weft_runtime *rt, size_t workers_max,
                              size_t queue_max, weft_workers *workers);
/* Gives each thread a local. Both functions get [arg], of which the last use is
 * when the pool's last thread has ended; [close] may be NULL.
 * parks: no    errors: WEFT_EINVAL (no [open]), WEFT_ESTATE (there was a job,
 * or they are set) */
WEFT_API int weft_workers_set_local(weft_runtime *rt, weft_workers workers,
                                    weft_worker_open_fn open,
                                    weft_worker_close_fn close, void *arg,
                                    weft_drop_fn drop);
/* Sets after how long without a job a thread ends; default UINT64_MAX: with the
 * pool. parks: no    errors: WEFT_ESTATE (there was a job) */
WEFT_API int weft_workers_set_idle(weft_runtime *rt, weft_workers workers,
                                   uint64_t idle_ns);
/* Sets how long the end of the runtime waits for a job that was abandoned;
 * default 5 s.
 * parks: no    errors: none */
WEFT_API int weft_workers_set_grace(weft_runtime *rt, weft_workers workers,
                                    uint64_t grace_ns);
/* Gives the number of threads, of jobs that run, abandoned ones included, and
 * of jobs that wait for a thread.
 * parks: no    errors: none */
WEFT_API int weft_workers_get_counts(weft_runtime *rt, weft_workers workers,
                                     size_t *threads, size_t *running,
                                     size_t *queued);
/* Takes no more jobs: who brings one gets WEFT_ECLOSED, and with [immediate]
 * also who waits for a thread. When all there are have ended, the threads do,
 * and the pool is freed.
 * parks: no    errors: none */
WEFT_API int weft_workers_shutdown(weft_runtime *rt, weft_workers workers,
                                   int immediate);
/* Takes no more jobs, as weft_workers_shutdown, and waits until all there are
 * have ended, abandoned ones too, and the threads with them; then the pool is
 * freed.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED
 * cancelled: the pool takes no more jobs, and may be joined again, or closed */
WEFT_API int weft_workers_join(weft_runtime *rt, weft_workers workers);
/* Ends the pool: who waits for a thread, or in weft_workers_join, gets
 * WEFT_ECLOSED; who waits for a job that runs gets its end. Idle threads end,
 * the others with their job.
 * parks: no    errors: none */
WEFT_API int weft_workers_close(weft_runtime *rt, weft_workers workers);

/* Runs fn(local, arg) in a thread of [workers], 0 for the runtime's own pool,
 * of 40, and waits for its end. A task that waits for a thread is not held back
 * by the pool's queue_max, since it is back-pressure itself. A cancellation
 * while the job waits for a thread ends it; once it runs the wait is kept,
 * unless [abandon] is 1. The value of an abandoned job is lost, a negative
 * status reported. [drop] gets arg when the job has ended.
 * parks: yes (kept, while it runs)    value: what [fn] set
 * errors: what [fn] returns, WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EINVAL (no
 * [fn]), WEFT_ENOMEM, codes of the system (no thread could be started)
 * cancelled: the job has not begun, or was abandoned */
WEFT_API int weft_work_run(weft_runtime *rt, weft_workers workers,
                           weft_work_fn fn, void *arg, weft_drop_fn drop,
                           int abandon, uint64_t *value);
/* Queues a job as weft_work_run does, and has done(rt, arg, status, value)
 * called when it has ended: WEFT_ECLOSED, if its pool was closed before it
 * began. [work] may be NULL; else it is owned until [done] is called:
 * weft_work_cancel or weft_work_abandon.
 * parks: no    errors: WEFT_EFULL, WEFT_ECLOSED, WEFT_EINVAL (no [fn] or no
 * [done]), WEFT_ENOMEM, codes of the system */
WEFT_API int weft_work_start(weft_runtime *rt, weft_workers workers,
                             weft_work_fn fn, weft_work_done_fn done, void *arg,
                             weft_drop_fn drop, weft_work *work);
/* Takes a job back that waits for a thread: [done] is not called.
 * parks: no    errors: WEFT_EBUSY (it has begun; nothing was changed) */
WEFT_API int weft_work_cancel(weft_runtime *rt, weft_work work);
/* As weft_work_cancel, but a job that runs is abandoned: the handle is gone,
 * [done] is called when it ends, and should the runtime's end come first it is
 * reported under [name], of which a copy is taken; NULL: "a job".
 * parks: no    errors: WEFT_EBUSY (it runs, and is abandoned), WEFT_ESTATE (it
 * has ended, and [done] is called at the next poll; nothing was changed) */
WEFT_API int weft_work_abandon(weft_runtime *rt, weft_work work,
                               const char *name);

#ifdef __cplusplus
}
#endif

#endif
