/* SPDX-License-Identifier: MIT
 * io.h - what the rest of the core calls of I/O: the runtime, the poll, the
 * scopes and the handle table. What the files of one kind share among
 * themselves is in stream.h, udp.h, fs.h, process.h and signals.h.
 *
 * A function named weft__x_dispose frees what is open when the runtime is
 * freed; no task is left then. */
#ifndef WEFT_IO_PRIVATE_H
#define WEFT_IO_PRIVATE_H

#include "core.h"

/* -- Descriptors and names (watch.c, resolve.c) --------------------------- */

void weft__watch_dispose(weft_runtime *rt, void *object);
void weft__resolve_dispose(weft_runtime *rt, void *object);
/* Before that: the runtime ends, and look-ups lose their resolver. */
void weft__resolver_drop(weft_runtime *rt);

/* -- Streams and sockets (stream*.c, outbox.c, listener.c, udp.c) --------- */

void weft__stream_dispose(weft_runtime *rt, void *object);
void weft__listener_dispose(weft_runtime *rt, void *object);
void weft__udp_dispose(weft_runtime *rt, void *object);
void weft__stream_clear_scratch(weft_runtime *rt);
void weft__stream_clear_spares(weft_runtime *rt);
/* Reads from at most [most] of the streams that the kernel has told of. */
void weft__streams_read(weft_runtime *rt, unsigned most);
/* Looks at the ends of pairs for which something has changed; and before times
 * fire, at those where something arrives by now. */
void weft__pairs_poll(weft_runtime *rt);
void weft__pairs_arrive(weft_runtime *rt);
void weft__pair_due(struct timer *timer);
/* Whether only a task of this runtime can end a wait for the stream. */
bool weft__stream_is_in_memory(const weft_runtime *rt, weft_stream stream);
/* Sends what has been written, or else looks whether it is time to: to be
 * called where rt->letter_count is not 0. */
void weft__outbox_send(weft_runtime *rt);
void weft__outbox_look(weft_runtime *rt);
void weft__outbox_free(weft_runtime *rt);
/* A write to a connection that is gone is an error code, not the process's
 * end. Leaves a disposition that somebody has set alone. */
void weft__ignore_sigpipe(void);

/* -- Files (file.c, fs_*.c) ----------------------------------------------- */

void weft__file_dispose(weft_runtime *rt, void *object);
void weft__fs_watch_dispose(weft_runtime *rt, void *object);
int weft__fs_init(weft_runtime *rt);
void weft__fs_open(weft_runtime *rt);  /* once there is a loop */
void weft__fs_close(weft_runtime *rt); /* runs the loop till all work is done */
void weft__fs_clear(weft_runtime *rt); /* also after an init that failed */

/* -- Processes and signals (process.c, signals.c) ------------------------- */

void weft__process_dispose(weft_runtime *rt, void *object);
void weft__signals_dispose(weft_runtime *rt, void *object);
/* No task is left: processes that still run are reported and ended. */
void weft__processes_end(weft_runtime *rt);
void weft__processes_hurry(weft_runtime *rt); /* kills those in their grace */
void weft__reaper_close(weft_runtime *rt);

/* -- In words (wait_info.c) -----------------------------------------------
 * Each writes what is to be said of a wait on the object, after the word that
 * it was parked with: " on 127.0.0.1:80 (descriptor 7)". */

void weft__stream_describe(const void *object, char *text, size_t size_bytes);
void weft__listener_describe(const void *object, char *text, size_t size_bytes);
void weft__udp_describe(const void *object, char *text, size_t size_bytes);
void weft__file_describe(const void *object, char *text, size_t size_bytes);
void weft__fs_watch_describe(const void *object, char *text, size_t size_bytes);
void weft__process_describe(const void *object, char *text, size_t size_bytes);

/* Likewise, of a wait that has no object: false if it is none of these. */
bool weft__connect_describe(const struct task *task, char *text,
                            size_t size_bytes);
bool weft__listen_describe(const struct task *task, char *text,
                           size_t size_bytes);
bool weft__unix_describe(const struct task *task, char *text,
                         size_t size_bytes);
bool weft__lookup_describe(const struct task *task, char *text,
                           size_t size_bytes);
bool weft__open_describe(const struct task *task, char *text,
                         size_t size_bytes);
bool weft__fs_describe(const struct task *task, char *text, size_t size_bytes);

/* -- Looking inside (inspect.c, dump_signal.c) ---------------------------- */

void weft__inspect_close(weft_runtime *rt); /* none open is fine */
void weft__dump_clear(weft_runtime *rt);    /* likewise */

#endif
