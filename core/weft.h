/* SPDX-License-Identifier: MIT
 * weft.h - the whole public ABI of libweft: tasks, scopes, primitives, and, by
 * including weft_io.h and weft_inspect.h, I/O and a view inside. A symbol that
 * is in none of them is private.
 *
 * Words used below:
 *   parks    may suspend the calling task; then it is a cancellation point on
 *            every call, even one that could return at once
 *   kept     a wait that cannot be withdrawn: a cancellation that comes during
 *            it shows at the task's next cancellation point
 *   owns     the caller must release the result with the named function
 *   borrows  the pointer dies with the object it was asked of
 *
 * What concerns a runtime takes it first and must be called on the runtime's
 * thread: from another a call returns WEFT_ETHREAD and changes nothing; only
 * weft_post is safe there. Values, errors, codes and the allocator belong to no
 * runtime and may be used in any thread. A stale or foreign handle, or one of
 * the wrong kind, gives WEFT_EBADF. Out-parameters come last and are always
 * written, with zero on failure. Besides the errors listed, every call may
 * return these two codes.
 *
 * How a parking call returns. In a stackful task it blocks and returns its
 * outcome. In a stepped task it may return WEFT_PARKED: then the step function
 * returns WEFT_PARKED too, and is called again with the call's status and its
 * value; nothing is written through the out-parameters later. Outside any task
 * a parking call returns WEFT_ESTATE.
 *
 * Times are uint64_t nanoseconds of the runtime's monotonic clock; UINT64_MAX
 * as a time means never. Sizes are size_t. */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* -- Status codes ---------------------------------------------------------
 * One number a condition, the same on every platform, never changed once
 * released. The library's own are above -100; what the operating system
 * reports is below, under its usual name. */
enum weft_status {
  WEFT_OK = 0,
  WEFT_PARKED = 1,      /* a stepped task must return and be called again */
  WEFT_ECANCELLED = -1, /* the code that called is cancelled */
  WEFT_ETIMEDOUT = -2,  /* a deadline cut the body off */
  WEFT_ECLOSED = -3,    /* the object is closed */
  WEFT_EBADF = -4,      /* no such handle, or one of another kind */
  WEFT_EINVAL = -5,     /* an argument is out of its range */
  WEFT_ESTATE = -6,     /* not possible in the present state */
  WEFT_ENOMEM = -7,     /* out of memory; nothing was changed */
  WEFT_EHOST = -8,      /* a callback failed; the host keeps the error */
  WEFT_EGROUP = -9,     /* failures of a group, all in one error */
  WEFT_EBUSY = -10,     /* somebody else is using the object */
  WEFT_EEND = -11,      /* end of the stream */
  WEFT_EFULL = -12,     /* no room */
  WEFT_EEMPTY = -13,    /* nothing there */
  WEFT_ESHUTDOWN = -14, /* the queue is shut down */
  WEFT_ETHREAD = -15,   /* called from a thread that is not the runtime's */
  WEFT_ETASKCANCELLED = -16, /* the awaited task was cancelled */
  WEFT_EINCOMPLETE = -17,    /* the stream ended before enough bytes came */
  WEFT_EOVERRUN = -18,       /* no separator within the limit */
  WEFT_EBROKEN = -19,        /* the barrier is broken */
  WEFT_ESTACKS = -20,        /* the kernel gives no more stacks (mappings) */
  WEFT_EGIVENUP = -21,       /* a task would not end and was given up */

  WEFT_EACCES = -101,
  WEFT_EADDRINUSE = -102,
  WEFT_EADDRNOTAVAIL = -103,
  WEFT_EAFNOSUPPORT = -104,
  WEFT_EAGAIN = -105,
  WEFT_EALREADY = -106,
  WEFT_ECONNABORTED = -107,
  WEFT_ECONNREFUSED = -108,
  WEFT_ECONNRESET = -109,
  WEFT_EDESTADDRREQ = -110,
  WEFT_EEXIST = -111,
  WEFT_EFBIG = -112,
  WEFT_EHOSTUNREACH = -113,
  WEFT_EINTR = -114,
  WEFT_EIO = -115,
  WEFT_EISCONN = -116,
  WEFT_EISDIR = -117,
  WEFT_EMFILE = -118,
  WEFT_EMSGSIZE = -119,
  WEFT_ENAMETOOLONG = -120,
  WEFT_ENETDOWN = -121,
  WEFT_ENETUNREACH = -122,
  WEFT_ENFILE = -123,
  WEFT_ENOBUFS = -124,
  WEFT_ENODEV = -125,
  WEFT_ENOENT = -126,
  WEFT_ENOSPC = -127,
  WEFT_ENOSYS = -128,
  WEFT_ENOTCONN = -129,
  WEFT_ENOTDIR = -130,
  WEFT_ENOTEMPTY = -131,
  WEFT_ENOTSOCK = -132,
  WEFT_ENOTSUP = -133,
  WEFT_EPERM = -134,
  WEFT_EPIPE = -135,
  WEFT_EPROTO = -136,
  WEFT_EROFS = -137,
  WEFT_ESRCH = -138,
  WEFT_ETIMEDOUT_OS = -139, /* the peer did not answer (the system's own) */
  WEFT_ETXTBSY = -140,
  WEFT_EXDEV = -141,
  WEFT_EHOSTNOTFOUND = -142, /* no such host name */
  WEFT_EHOSTTRYAGAIN = -143, /* the name could not be looked up just now */
  WEFT_EBUSY_OS = -144,      /* in use, as the system says (a mount point) */
  WEFT_EDQUOT = -145,
  WEFT_EINVAL_OS = -146, /* the system's own refusal of an argument */
  WEFT_ELOOP = -147,
  WEFT_EMLINK = -148,
  WEFT_ENXIO = -149,
  WEFT_ESPIPE = -150,

  /* Of the extension tls: of the class TLSError, which is an OSError. */
  WEFT_TLS_FAILED = -151,           /* the protocol was broken, or failed */
  WEFT_TLS_TRUNCATED = -152,        /* the peer closed without close_notify */
  WEFT_TLS_CANCELLED = -153,        /* the handshake was cancelled */
  WEFT_NOT_TLS = -154,              /* the peer does not speak TLS */
  WEFT_TLS_VERSION_MISMATCH = -155, /* no version of TLS in common */
  WEFT_NO_SHARED_CIPHER = -156,     /* no cipher in common */
  WEFT_NO_SHARED_PROTOCOL = -157,   /* no protocol in common (ALPN) */
  WEFT_TLS_ALERT = -158,            /* the peer sent an alert */
  WEFT_CERT_MISSING = -159,         /* the peer has sent no certificate */
  WEFT_CERT_REJECTED = -160,        /* a fault without a code here */
  WEFT_CERT_HAS_EXPIRED = -161,
  WEFT_CERT_NOT_YET_VALID = -162,
  WEFT_SELF_SIGNED_CERT = -163,
  WEFT_UNKNOWN_ISSUER = -164, /* of the certificate; or one not trusted */
  WEFT_CERT_REVOKED = -165,
  WEFT_HOSTNAME_MISMATCH = -166, /* the certificate is for other names */

  WEFT_E2BIG = -171, /* the arguments or the environment of a process */

  WEFT_EOTHER = -199 /* an error of the system without a name here */
};

/* Returns one English sentence for [code], without a full stop; borrowed, for
 * ever. For an unknown code it says so.
 * parks: no    errors: none */
WEFT_API const char *weft_strerror(int code);

/* Returns the code's name without its prefix, "ECONNREFUSED"; "EUNKNOWN" for
 * one that is not known. Borrowed, for ever.
 * parks: no    errors: none */
WEFT_API const char *weft_error_name(int code);

/* Returns the class of error that [code] stands for in every language:
 * "CancelledError", "TimeoutError", "OSError", ... Borrowed, for ever.
 * parks: no    errors: none */
WEFT_API const char *weft_error_class(int code);

/* Returns the library's version, "0.1.0"; borrowed, for ever.
 * parks: no    errors: none */
WEFT_API const char *weft_version(void);

/* -- Callbacks ------------------------------------------------------------
 * A callback comes as (fn, arg, drop). arg is consumed by the call it is given
 * to: drop(arg) runs exactly once, when arg is no longer needed, also when the
 * call fails. drop may be NULL. Callbacks run on the runtime's thread only,
 * outside any task unless said otherwise, and must not unwind through the
 * library: one that fails stores its error and returns WEFT_EHOST. */
typedef struct weft_runtime weft_runtime;
typedef void (*weft_drop_fn)(void *arg);
typedef void (*weft_call_fn)(weft_runtime *rt, void *arg);

/* -- Memory ---------------------------------------------------------------
 * One function in the manner of Lua's: [ptr] NULL allocates, [new_bytes] 0
 * frees and returns NULL, else it resizes. It must be thread-safe. */
typedef void *(*weft_alloc_fn)(void *arg, void *ptr, size_t old_bytes,
                               size_t new_bytes);

/* Makes every allocation of the library and of libuv go through [alloc]; NULL
 * restores the C library's. To be called before the first runtime or value, and
 * before the host's own first call of libuv if it makes any.
 * parks: no    errors: WEFT_ESTATE after that */
WEFT_API int weft_set_allocator(weft_alloc_fn alloc, void *arg);

/* -- Values ---------------------------------------------------------------
 * What crosses languages, threads and processes: immutable and counted. Nil is
 * a value too; where a weft_value * is optional, NULL stands for nil. Each
 * weft_value_new_* owns its result: weft_value_unref. */
typedef struct weft_value weft_value;
typedef struct weft_error weft_error;

enum weft_value_type {
  WEFT_NIL = 0,
  WEFT_BOOL = 1,
  WEFT_INT = 2,
  WEFT_FLOAT = 3,
  WEFT_BYTES = 4,
  WEFT_LIST = 5,
  WEFT_MAP = 6,
  WEFT_ERROR = 7,
  WEFT_HOST_OBJECT = 8
};

/* Makes a nil value.                    parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_value_new_nil(weft_value **value);
/* Makes a bool, true if [flag] is not 0.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_value_new_bool(int flag, weft_value **value);
/* Makes an integer.                     parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_value_new_int(int64_t number, weft_value **value);
/* Makes a float.                        parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_value_new_float(double number, weft_value **value);
/* Makes a byte string with a copy of [data].
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (NULL with a size) */
WEFT_API int weft_value_new_bytes(const void *data, size_t size_bytes,
                                  weft_value **value);
/* Makes a list of [count] values; it takes a reference of its own to each.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL */
WEFT_API int weft_value_new_list(weft_value *const *items, size_t count,
                                 weft_value **value);
/* Makes a map of [count] pairs in the order given, with references of its own.
 * Keys are not compared: what is given twice stands twice.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL */
WEFT_API int weft_value_new_map(weft_value *const *keys,
                                weft_value *const *values, size_t count,
                                weft_value **value);
/* Makes a value of an error, with a reference of its own to it.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL */
WEFT_API int weft_value_new_error(weft_error *error, weft_value **value);
/* Makes a value of an object of the host language; [drop] gets [object] when
 * the last reference goes, in whichever thread that is, and also if this call
 * fails. The drop function also tells the host that the object is its own
 * (weft_value_get_host).
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_value_new_host(void *object, weft_drop_fn drop,
                                 weft_value **value);

/* Adds a reference and returns [value]; NULL stays NULL. Any thread.
 * parks: no    errors: none */
WEFT_API weft_value *weft_value_ref(weft_value *value);
/* Drops a reference; NULL is fine. Any thread.
 * parks: no    errors: none */
WEFT_API void weft_value_unref(weft_value *value);

/* Returns one of enum weft_value_type; WEFT_NIL for NULL.
 * parks: no    errors: none */
WEFT_API int weft_value_get_type(const weft_value *value);
/* Reads a bool.      parks: no    errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_bool(const weft_value *value, int *flag);
/* Reads an integer.  parks: no    errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_int(const weft_value *value, int64_t *number);
/* Reads a float.     parks: no    errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_float(const weft_value *value, double *number);
/* Borrows the bytes, which a zero byte follows that is not counted.
 * parks: no    errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_bytes(const weft_value *value, const char **data,
                                  size_t *size_bytes);
/* Gives the number of items of a list or pairs of a map.
 * parks: no    errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_count(const weft_value *value, size_t *count);
/* Borrows the [index]th item of a list or value of a map, from 0.
 * parks: no    errors: WEFT_EINVAL (another type, or past the end) */
WEFT_API int weft_value_get_item(const weft_value *value, size_t index,
                                 weft_value **item);
/* Borrows the [index]th key of a map, from 0.
 * parks: no    errors: WEFT_EINVAL (another type, or past the end) */
WEFT_API int weft_value_get_key(const weft_value *value, size_t index,
                                weft_value **key);
/* Borrows the error.  parks: no   errors: WEFT_EINVAL (another type) */
WEFT_API int weft_value_get_error(const weft_value *value, weft_error **error);
/* Borrows the host's object if it was made with the same [drop].
 * parks: no    errors: WEFT_EINVAL (another type, or another host's) */
WEFT_API int weft_value_get_host(const weft_value *value, weft_drop_fn drop,
                                 void **object);

/* -- Errors ---------------------------------------------------------------
 * What a task failed with: a code, a class name, a message, a traceback, a
 * cause, the members of a group, and the error as the host language knows it.
 * Counted like values. The setters are for whoever made it, before anyone else
 * has it. */

/* Makes an error. [name] NULL means weft_error_class(code), [message] NULL
 * weft_strerror(code). Owned: weft_error_unref.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL ([code] is not negative) */
WEFT_API int weft_error_new(int code, const char *name, const char *message,
                            weft_error **error);
/* Makes a group's error of [count] members, at least one, with references of
 * its own to them. Owned: weft_error_unref.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL */
WEFT_API int weft_error_new_group(const char *message,
                                  weft_error *const *members, size_t count,
                                  weft_error **error);
/* Sets the traceback to a copy of [traceback]; default none.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_error_set_traceback(weft_error *error, const char *traceback);
/* Sets what was in flight when the error was raised, with a reference of its
 * own; default NULL.
 * parks: no    errors: WEFT_EINVAL (it would be among its own causes) */
WEFT_API int weft_error_set_cause(weft_error *error, weft_error *cause);
/* Sets the name of the task that failed to a copy of [task_name].
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_error_set_task(weft_error *error, const char *task_name);
/* Attaches the host language's own error; [drop] gets it at the end, and also
 * if this call fails.
 * parks: no    errors: WEFT_ESTATE (there is one) */
WEFT_API int weft_error_set_host(weft_error *error, void *object,
                                 weft_drop_fn drop);

/* Adds a reference and returns [error]; NULL stays NULL. Any thread.
 * parks: no    errors: none */
WEFT_API weft_error *weft_error_ref(weft_error *error);
/* Drops a reference; NULL is fine. Any thread.
 * parks: no    errors: none */
WEFT_API void weft_error_unref(weft_error *error);

/* Returns the code.                            parks: no  errors: none */
WEFT_API int weft_error_get_code(const weft_error *error);
/* Borrows the class name.                      parks: no  errors: none */
WEFT_API const char *weft_error_get_name(const weft_error *error);
/* Borrows the message.                         parks: no  errors: none */
WEFT_API const char *weft_error_get_message(const weft_error *error);
/* Borrows the traceback, NULL if none.         parks: no  errors: none */
WEFT_API const char *weft_error_get_traceback(const weft_error *error);
/* Borrows the failed task's name, NULL if none. parks: no errors: none */
WEFT_API const char *weft_error_get_task(const weft_error *error);
/* Borrows the cause, NULL if none.             parks: no  errors: none */
WEFT_API weft_error *weft_error_get_cause(const weft_error *error);
/* Returns the number of members, 0 unless it is a group's.
 * parks: no    errors: none */
WEFT_API size_t weft_error_get_count(const weft_error *error);
/* Borrows the [index]th member, NULL past the end.
 * parks: no    errors: none */
WEFT_API weft_error *weft_error_get_member(const weft_error *error,
                                           size_t index);
/* Borrows the host's error if it was attached with the same [drop], else NULL.
 * parks: no    errors: none */
WEFT_API void *weft_error_get_host(const weft_error *error, weft_drop_fn drop);

/* -- The runtime ----------------------------------------------------------
 * One thread's loop: a FIFO queue of what can run, one order of times, a libuv
 * loop. A turn runs exactly what was ready when it began; then the loop polls
 * once: posts, I/O, the times that have come. A poll runs no code of a task. */

/* Makes a runtime for the calling thread. Owned: weft_runtime_free.
 * parks: no    errors: WEFT_ENOMEM, codes of the system */
WEFT_API int weft_runtime_new(weft_runtime **rt);

/* Frees the runtime; handles still open are closed, timers not due dropped. So
 * is what drop functions open or ask for meanwhile; they cannot spawn. NULL is
 * fine.
 * parks: no    errors: WEFT_ESTATE (running or being freed, or a task has not
 * ended) */
WEFT_API int weft_runtime_free(weft_runtime *rt);

/* Runs turns until every task has ended, or, if there is a main task, until it
 * has ended and the shutdown that then begins is over.
 * parks: no    errors: WEFT_ESTATE (inside a step, or running already),
 * WEFT_EGIVENUP (tasks that would not end were given up; each was reported) */
WEFT_API int weft_run(weft_runtime *rt);

/* Makes [task] the main task: when it has ended, shutdown begins.
 * parks: no    errors: none */
WEFT_API int weft_set_main(weft_runtime *rt, uint64_t task);

/* Begins the shutdown: the root group's scope is cancelled for good. Whoever
 * runs the loop goes on until no task is left.
 * parks: no    errors: none */
WEFT_API int weft_shutdown(weft_runtime *rt);

/* As weft_shutdown, and lifts all shields, as the second Ctrl-C does: cleanup
 * is hurried. A shutdown that is under way may be hurried, too.
 * parks: no    errors: none */
WEFT_API int weft_shutdown_now(weft_runtime *rt);

/* Has [fn] called on the runtime's thread at its next poll, in the order of
 * the posts. The only call that is safe from any thread. After the runtime's
 * end it must not be made; a post that was not run by then is dropped.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [fn]) */
WEFT_API int weft_post(weft_runtime *rt, weft_call_fn fn, void *arg,
                       weft_drop_fn drop);

/* Takes over SIGINT and SIGTERM while the runtime runs, where they have their
 * default disposition and the runtime is the first in the process to ask: the
 * first cancels the main task's scope, the second the root scope too and lifts
 * every shield, the third leaves the process with 130 or 143. Default 0. Turned
 * off during a run it gives them back at once, and what came and was not acted
 * on is forgotten; turned on during one it counts from the next.
 * parks: no    errors: WEFT_EBUSY (another runtime has them) */
WEFT_API int weft_set_signals(weft_runtime *rt, int on);

/* Permutes the entries of each turn by a generator seeded with [seed], to show
 * code that relies on luck; 0, the default, keeps them in order.
 * parks: no    errors: none */
WEFT_API int weft_set_shuffle(weft_runtime *rt, uint64_t seed);

/* Sets the size of the stacks of tasks spawned from now on, rounded up to
 * pages; default 256 KiB, of which the kernel gives what is touched. Those that
 * tasks have left stay for the next; more than 4,096 go bit by bit while they
 * are not needed.
 * parks: no    errors: WEFT_EINVAL (below 16 KiB) */
WEFT_API int weft_set_stack_size(weft_runtime *rt, size_t size_bytes);

/* Gives the stacks of tasks spawned from now on a guard page (1, the default)
 * or none (0). Before Linux 6.13 a guard costs two of the kernel's mappings, so
 * about 32,000 guarded stacks fit in one process; since then it costs none.
 * parks: no    errors: none */
WEFT_API int weft_set_stack_guard(weft_runtime *rt, int on);

/* Reports: what happened that nobody was there to be told. The error is
 * borrowed, and may be NULL; so may be 0 the task. Default: a line on stderr.
 * [fn] must not park. */
enum weft_report_kind {
  WEFT_REPORT_FAILURE = 1,  /* a task failed and nobody asked */
  WEFT_REPORT_CALLBACK = 2, /* a callback failed */
  WEFT_REPORT_STUBBORN = 3, /* a task got Cancelled 1,000 times in one scope */
  WEFT_REPORT_GIVEN_UP = 4, /* a task would not end and was given up */
  WEFT_REPORT_SYSTEM = 5,   /* the system refused something that is retried */
  WEFT_REPORT_UNCLOSED = 6, /* something was left open, and is closed now */
  WEFT_REPORT_ABANDONED =
      7,                   /* a job would not end; its thread is left behind */
  WEFT_REPORT_SLOW = 8,    /* a step took long (weft_set_slow) */
  WEFT_REPORT_BLOCKED = 9, /* a step that a watchdog found still running */
  WEFT_REPORT_DEADLOCK = 10, /* tasks wait for what cannot come */
  WEFT_REPORT_LEFT = 11      /* a task was left when the main task ended */
};
typedef void (*weft_report_fn)(weft_runtime *rt, void *arg, int kind,
                               uint64_t task, weft_error *error);

/* Sends reports to [fn]; NULL restores the default.
 * parks: no    errors: none */
WEFT_API int weft_set_report(weft_runtime *rt, weft_report_fn fn, void *arg,
                             weft_drop_fn drop);

/* Makes a report of the host's own, as if the runtime had found it.
 * parks: no    errors: none */
WEFT_API int weft_report(weft_runtime *rt, int kind, uint64_t task,
                         weft_error *error);

/* -- Embedding ------------------------------------------------------------
 * A foreign loop may drive the runtime: it calls weft_run_nowait whenever
 * weft_backend_fd is readable or weft_next_timeout has passed. Called too
 * often or late, nothing is lost but time. */

/* Gives the descriptor that is readable when I/O or a post is there.
 * parks: no    errors: WEFT_ENOTSUP (no such thing on this platform) */
WEFT_API int weft_backend_fd(weft_runtime *rt, int *fd);

/* Gives the time until the runtime must run: 0 if something is ready,
 * UINT64_MAX if nothing is due.
 * parks: no    errors: none */
WEFT_API int weft_next_timeout(weft_runtime *rt, uint64_t *timeout_ns);

/* Polls once without blocking and runs one turn; [work] tells whether a task
 * is left.
 * parks: no    errors: WEFT_ESTATE (inside a step or a run) */
WEFT_API int weft_run_nowait(weft_runtime *rt, int *work);

/* Calls fn(arg, block) instead of blocking: it must call block(rt) once, with
 * the host's global lock released around it. Only the poll runs inside. NULL
 * restores the default.
 * parks: no    errors: none */
typedef void (*weft_block_fn)(weft_runtime *rt);
typedef void (*weft_around_fn)(weft_runtime *rt, void *arg,
                               weft_block_fn block);
WEFT_API int weft_set_around_block(weft_runtime *rt, weft_around_fn fn,
                                   void *arg, weft_drop_fn drop);

/* Pull mode, for hosts whose callbacks are slow: hands out the next ready task
 * among those spawned with step NULL, running what else is ready, and polling,
 * on the way. Between this and weft_step_done the host is inside that task's
 * step. [arg] is 0 when every task has ended.
 * parks: no (but blocks)
 * errors: WEFT_ESTATE (a step is under way) */
WEFT_API int weft_next_ready(weft_runtime *rt, void **arg, int *status,
                             uint64_t *value);

/* Ends the step that weft_next_ready began, with what a step function would
 * have returned.
 * parks: no    errors: WEFT_ESTATE (no such step) */
WEFT_API int weft_step_done(weft_runtime *rt, int outcome);

/* -- Tasks ----------------------------------------------------------------
 * A task lives in a group, which outlives it. It ends in one of three ways:
 * finished; failed, with an error; cancelled, when WEFT_ECANCELLED leaves its
 * body. It is queued by spawn; nothing of it runs inside. It always starts,
 * even if it is cancelled before. */
typedef uint64_t weft_task;
typedef uint64_t weft_scope;
typedef uint64_t weft_group;

/* The body of a stackful task: WEFT_OK finishes it, WEFT_ECANCELLED ends it
 * cancelled, another negative code fails it, with the error given to
 * weft_task_set_error or one made of the code. */
typedef int (*weft_task_fn)(weft_runtime *rt, void *arg);

/* A step of a stepped task: called when the task can run, first with WEFT_OK
 * and 0, later with the status and value of the call that parked. Returns what
 * a weft_task_fn returns, or WEFT_PARKED. */
typedef int (*weft_step_fn)(weft_runtime *rt, void *arg, int status,
                            uint64_t value);

enum weft_task_state {
  WEFT_TASK_READY = 1,
  WEFT_TASK_RUNNING = 2,
  WEFT_TASK_PARKED = 3,
  WEFT_TASK_FINISHED = 4,
  WEFT_TASK_FAILED = 5,
  WEFT_TASK_CANCELLED = 6
};

/* Queues a task that runs fn(rt, arg) on a stack of its own, in [group] (0:
 * the root group). [task] may be NULL; else the caller owns the handle, which
 * stays good after the task's end: weft_task_close.
 * parks: no
 * errors: WEFT_ENOMEM, WEFT_ESTACKS, WEFT_EINVAL (no [fn]), WEFT_ESTATE (the
 * group is over), WEFT_EBUSY (the group has a limit and the caller no place
 * reserved) */
WEFT_API int weft_spawn(weft_runtime *rt, weft_group group, weft_task_fn fn,
                        void *arg, weft_drop_fn drop, weft_task *task);

/* Queues a task of which [step] runs each step. NULL makes a task for pull
 * mode, whose steps weft_next_ready hands out. Else as weft_spawn.
 * parks: no    errors: as weft_spawn, but WEFT_ESTACKS and WEFT_EINVAL */
WEFT_API int weft_spawn_step(weft_runtime *rt, weft_group group,
                             weft_step_fn step, void *arg, weft_drop_fn drop,
                             weft_task *task);

/* Gives back the handle. The task is not touched; if it has failed, or fails
 * later, and nobody has observed that, the failure is reported.
 * parks: no    errors: none */
WEFT_API int weft_task_close(weft_runtime *rt, weft_task task);

/* Reports now the failures of ended tasks that nobody has observed, whose
 * handles are still owned; they count as observed then. For hosts where such a
 * handle may be kept for long, as a prompt's global.
 * parks: no    errors: none */
WEFT_API int weft_report_unobserved(weft_runtime *rt);

/* Waits until the task has ended, in whichever way; any number may wait.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ESTATE (the task itself)
 * cancelled: the awaited task is not touched */
WEFT_API int weft_task_await(weft_runtime *rt, weft_task task);

/* Waits as weft_task_await does, but kept: for owners who must not leave a
 * task behind. No cancellation point.
 * parks: yes (kept)    errors: WEFT_ESTATE (the task itself) */
WEFT_API int weft_task_join(weft_runtime *rt, weft_task task);

/* Calls fn(arg) once the task has ended, as an entry of the ready queue, in
 * one order with those who await it. [done] may be NULL; else the caller owns
 * the handle, a weft_timer: weft_timer_cancel.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [fn]) */
WEFT_API int weft_task_on_done(weft_runtime *rt, weft_task task,
                               weft_call_fn fn, void *arg, weft_drop_fn drop,
                               uint64_t *done);

/* Cancels the task's own scope, for want of memory without the reason. Does not
 * wait.
 * parks: no    errors: WEFT_ESTATE (it has ended) */
WEFT_API int weft_task_cancel(weft_runtime *rt, weft_task task,
                              weft_value *reason);

/* Gives the state, one of enum weft_task_state.
 * parks: no    errors: none */
WEFT_API int weft_task_get_state(weft_runtime *rt, weft_task task, int *state);

/* Sets the running task's result, with a reference of its own to it.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task runs) */
WEFT_API int weft_task_set_result(weft_runtime *rt, weft_value *value);

/* Borrows the result of a finished task, NULL if it set none.
 * parks: no    errors: WEFT_ESTATE (it has not finished) */
WEFT_API int weft_task_get_result(weft_runtime *rt, weft_task task,
                                  weft_value **value);

/* Sets what the running task fails with when its body then returns a negative
 * code; takes a reference of its own. NULL takes it back.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task runs) */
WEFT_API int weft_task_set_error(weft_runtime *rt, weft_error *error);

/* Borrows the error of a failed task, and counts as observing the failure.
 * parks: no    errors: WEFT_ESTATE (it has not failed) */
WEFT_API int weft_task_get_error(weft_runtime *rt, weft_task task,
                                 weft_error **error);

/* Hands a task that has not begun to the caller, who waits until it calls
 * weft_task_ready. Until then its failure is the caller's, not the group's.
 * parks: yes
 * value: what weft_task_ready was given
 * errors: WEFT_ENOMEM, WEFT_ECANCELLED (the child was cancelled and joined,
 * kept), WEFT_ETASKCANCELLED (the child was cancelled), WEFT_ESTATE (it
 * finished without weft_task_ready, or had begun or ended), WEFT_EHOST (it
 * failed: see weft_task_get_error)
 * cancelled: a later weft_task_ready of the child is ignored */
WEFT_API int weft_task_start(weft_runtime *rt, weft_task task, uint64_t *value);

/* Tells who waits in weft_task_start for [task] that it is up, with [value].
 * parks: no    errors: WEFT_ESTATE (said already, never started so, or it has
 * ended) */
WEFT_API int weft_task_ready(weft_runtime *rt, weft_task task, uint64_t value);

/* Gives the running task, 0 outside a step. Not owned.
 * parks: no    errors: none */
WEFT_API int weft_task_current(weft_runtime *rt, weft_task *task);

/* Gives the oldest unfinished task that was spawned after [previous], 0 after
 * the last; [previous] 0 begins. The handle is not owned. Good as long as no
 * task ends between two calls.
 * parks: no    errors: none */
WEFT_API int weft_task_next(weft_runtime *rt, weft_task previous,
                            weft_task *task);

/* Gives the task's number, counting up in the runtime, never used again.
 * parks: no    errors: none */
WEFT_API int weft_task_get_id(weft_runtime *rt, weft_task task, uint64_t *id);

/* Borrows the task's name: the one it was given, NULL if none ("task-N" with
 * its number is then what it is called).
 * parks: no    errors: none */
WEFT_API int weft_task_get_name(weft_runtime *rt, weft_task task,
                                const char **name);

/* Names the task, with a copy of [name].
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (NULL) */
WEFT_API int weft_task_set_name(weft_runtime *rt, weft_task task,
                                const char *name);

/* Gives the task that opened the group the task lives in; 0 in the root group,
 * or when that task has ended. Not owned.
 * parks: no    errors: none */
WEFT_API int weft_task_get_parent(weft_runtime *rt, weft_task task,
                                  weft_task *parent);

/* Gives the group the task lives in.   parks: no    errors: none */
WEFT_API int weft_task_get_group(weft_runtime *rt, weft_task task,
                                 weft_group *group);

/* Gives the task's own scope.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (the task has ended) */
WEFT_API int weft_task_get_scope(weft_runtime *rt, weft_task task,
                                 weft_scope *scope);

/* Borrows the arg the task was spawned with and, in [step], its step function
 * (NULL for a stackful task), by which a host knows its own.
 * parks: no    errors: none */
WEFT_API int weft_task_get_arg(weft_runtime *rt, weft_task task,
                               weft_step_fn *step, void **arg);

/* Tells what a parked task waits for: [what] is a word ("sleep", "event",
 * "task", ...), borrowed for ever, NULL unless parked; [object] the handle it
 * waits on or 0; [until_ns] the time its wait ends by itself, or UINT64_MAX.
 * parks: no    errors: none */
WEFT_API int weft_task_get_wait(weft_runtime *rt, weft_task task,
                                const char **what, uint64_t *object,
                                uint64_t *until_ns);

/* -- The run budget -------------------------------------------------------
 * A parking call that can finish at once does so; the 128th of a step takes
 * its outcome and then goes once to the tail of the ready queue. In a stackful
 * task an acquire that is the 128th goes there first, so that what others may
 * want is not kept from them for a turn. */

/* Lets every ready task run once.
 * parks: yes   errors: WEFT_ECANCELLED */
WEFT_API int weft_yield(weft_runtime *rt);

/* A cancellation point that does nothing else; counts for the run budget.
 * parks: yes   errors: WEFT_ECANCELLED */
WEFT_API int weft_checkpoint(weft_runtime *rt);

/* Borrows, for the runtime's life, the word that a binding's own primitives
 * read: above 1, a parking call that can finish at once may do so after
 * counting the word down by one; else it must begin with weft_cancel_point and
 * end with weft_spend.
 * parks: no    errors: none */
WEFT_API int weft_budget_word(weft_runtime *rt, int32_t **word);

/* The first half of a slow parking call: raises Cancelled in cancelled code.
 * parks: yes   errors: WEFT_ECANCELLED */
WEFT_API int weft_cancel_point(weft_runtime *rt);

/* The second half: counts one off the budget and, when it is used up, goes to
 * the tail of the ready queue. Never raises Cancelled.
 * parks: yes (kept)    errors: WEFT_ESTATE */
WEFT_API int weft_spend(weft_runtime *rt);

/* -- Parking for others ---------------------------------------------------
 * What extensions and bindings build their own waits on. */

/* Called when a parked task is cancelled, to undo what it waits for; returns
 * WEFT_OK if the wait thereby ends, or WEFT_PARKED if it will be woken all the
 * same (a kept wait that has been told to hurry). Must not wake it itself. */
typedef int (*weft_withdraw_fn)(weft_runtime *rt, void *arg);

/* Parks the running task until weft_wake. [what] is a word for
 * weft_task_get_wait and must last for ever. [withdraw] NULL makes the wait
 * kept.
 * parks: yes   value: what weft_wake was given
 * errors: WEFT_ECANCELLED (unless kept), whatever weft_wake was given */
WEFT_API int weft_park(weft_runtime *rt, const char *what,
                       weft_withdraw_fn withdraw, void *arg, uint64_t *value);

/* Wakes a task parked in weft_park with [status] and [value]. One that is not
 * parked there any more is left alone.
 * parks: no    errors: WEFT_ESTATE (it is not parked so) */
WEFT_API int weft_wake(weft_runtime *rt, weft_task task, int status,
                       uint64_t value);

/* A wait list: tasks parked in order, to be woken one by one. */
typedef uint64_t weft_waitlist;

/* Makes an empty list; [what] as in weft_park. Owned: weft_waitlist_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_waitlist_new(weft_runtime *rt, const char *what,
                               weft_waitlist *list);
/* Wakes all who wait with WEFT_ECLOSED and frees the list.
 * parks: no    errors: none */
WEFT_API int weft_waitlist_close(weft_runtime *rt, weft_waitlist list);
/* Parks at the list's end.
 * parks: yes   value: what weft_waitlist_wake was given
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, whatever weft_waitlist_wake was given
 * cancelled: no place is left behind */
WEFT_API int weft_waitlist_park(weft_runtime *rt, weft_waitlist list,
                                uint64_t *value);
/* Wakes the first in the list; [task] gets it, or 0 if nobody waits.
 * parks: no    errors: WEFT_ENOMEM (for the task's handle; nobody was woken) */
WEFT_API int weft_waitlist_wake(weft_runtime *rt, weft_waitlist list,
                                int status, uint64_t value, weft_task *task);
/* Wakes [task], wherever in the list it waits; the others keep their order.
 * parks: no    errors: WEFT_ESTATE (it does not wait in this list) */
WEFT_API int weft_waitlist_wake_task(weft_runtime *rt, weft_waitlist list,
                                     weft_task task, int status,
                                     uint64_t value);
/* Gives the number that wait.          parks: no    errors: none */
WEFT_API int weft_waitlist_get_waiting(weft_runtime *rt, weft_waitlist list,
                                       size_t *count);

/* -- Time -----------------------------------------------------------------
 * One order for sleeps, timers and deadlines: by time, and among equal times
 * by when they were set. Nothing fires early. */
typedef uint64_t weft_timer;

/* Gives the runtime's clock, read at the call.
 * parks: no    errors: none */
WEFT_API int weft_now(weft_runtime *rt, uint64_t *now_ns);

/* Stops the real clock (1) or starts it again (0, the default). A virtual
 * clock begins at [start_ns], stands still while anything is ready, and jumps
 * to the next time when all tasks are parked and a poll finds nothing.
 * parks: no    errors: WEFT_ESTATE (timers are set) */
WEFT_API int weft_set_virtual_clock(weft_runtime *rt, int on,
                                    uint64_t start_ns);
/* Tells whether the clock is virtual, 1, or the real one, 0.
 * parks: no    errors: none */
WEFT_API int weft_get_virtual_clock(weft_runtime *rt, int *on);

/* Waits until [time_ns]; if that has come, as weft_yield.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ENOMEM */
WEFT_API int weft_sleep_until(weft_runtime *rt, uint64_t time_ns);

/* Queues a call of fn(arg) outside any task. [timer] may be NULL; else the
 * caller owns it: weft_timer_cancel or weft_timer_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [fn]) */
WEFT_API int weft_call_soon(weft_runtime *rt, weft_call_fn fn, void *arg,
                            weft_drop_fn drop, weft_timer *timer);

/* Queues a call of fn(arg) when [time_ns] has come; else as weft_call_soon.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [fn]) */
WEFT_API int weft_call_at(weft_runtime *rt, uint64_t time_ns, weft_call_fn fn,
                          void *arg, weft_drop_fn drop, weft_timer *timer);

/* Prevents the call and gives the handle back, before arg is dropped;
 * [prevented] may be NULL and is 1 if the call had not been made.
 * parks: no    errors: none */
WEFT_API int weft_timer_cancel(weft_runtime *rt, weft_timer timer,
                               int *prevented);

/* Gives the handle back; the call is made all the same.
 * parks: no    errors: none */
WEFT_API int weft_timer_close(weft_runtime *rt, weft_timer timer);

/* Gives the time the call is due: when it was or will be queued, for
 * weft_call_soon the time of that call; UINT64_MAX for what waits for an end.
 * parks: no    errors: none */
WEFT_API int weft_timer_get_time(weft_runtime *rt, weft_timer timer,
                                 uint64_t *time_ns);

/* -- Scopes ---------------------------------------------------------------
 * A region of a task with a deadline, a cancelled flag and a shield. A scope
 * is effectively cancelled if it is cancelled itself, or if it is not shielded
 * and its parent is effectively cancelled; while that is so, every parking
 * call in it returns WEFT_ECANCELLED instead of waiting. */

/* Opens a scope in the running task, cancelled at [deadline_ns]; a time that
 * has passed cancels it at once. [shield] hides outer cancellations. Left with
 * weft_scope_leave, innermost first.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task runs) */
WEFT_API int weft_scope_open(weft_runtime *rt, uint64_t deadline_ns, int shield,
                             weft_scope *scope);

/* Opens a scope as weft_scope_open does, with a deadline [timeout_ns] from now;
 * 0 cancels it at once, UINT64_MAX is no deadline.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task runs) */
WEFT_API int weft_scope_open_after(weft_runtime *rt, uint64_t timeout_ns,
                                   int shield, weft_scope *scope);

/* What a scope absorbed when it was left. */
enum weft_caught {
  WEFT_CAUGHT_NOTHING = 0,
  WEFT_CAUGHT_CANCEL = 1,  /* its own cancellation, by a call */
  WEFT_CAUGHT_DEADLINE = 2 /* its own cancellation, by its deadline */
};

/* Leaves the innermost scope, whose body ended with [outcome], and frees it.
 * Returns what goes on: WEFT_OK where it absorbed a WEFT_ECANCELLED, as
 * [caught] then tells, else [outcome].
 * parks: no
 * errors: WEFT_ESTATE (not the running task's innermost scope) */
WEFT_API int weft_scope_leave(weft_runtime *rt, weft_scope scope, int outcome,
                              int *caught);

/* Cancels the scope; doing so again does nothing, the first reason stays.
 * parks: no    errors: none */
WEFT_API int weft_scope_cancel(weft_runtime *rt, weft_scope scope,
                               weft_value *reason);

/* Tells whether the scope itself was cancelled.
 * parks: no    errors: none */
WEFT_API int weft_scope_is_cancelled(weft_runtime *rt, weft_scope scope,
                                     int *cancelled);

/* Gives the scope's own deadline.      parks: no    errors: none */
WEFT_API int weft_scope_get_deadline(weft_runtime *rt, weft_scope scope,
                                     uint64_t *deadline_ns);

/* Moves the deadline; it counts as set now.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (the scope is cancelled) */
WEFT_API int weft_scope_set_deadline(weft_runtime *rt, weft_scope scope,
                                     uint64_t deadline_ns);

/* Hides outer cancellations from now on (1), or lets them in (0), which wakes
 * at once what is parked inside.
 * parks: no    errors: none */
WEFT_API int weft_scope_set_shield(weft_runtime *rt, weft_scope scope, int on);

/* Gives the running task's innermost scope, 0 if no task runs.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_scope_current(weft_runtime *rt, weft_scope *scope);

/* Gives the earliest deadline up to the nearest shield, UINT64_MAX if none, 0
 * in cancelled code.
 * parks: no    errors: WEFT_ESTATE (no task runs) */
WEFT_API int weft_current_deadline(weft_runtime *rt, uint64_t *deadline_ns);

/* Who began a cancellation. */
enum weft_cancel_source {
  WEFT_SOURCE_NONE = 0, /* the running code is not cancelled */
  WEFT_SOURCE_CANCEL = 1,
  WEFT_SOURCE_DEADLINE = 2,
  WEFT_SOURCE_GROUP = 3, /* a failure in the group; [cause] is the first */
  WEFT_SOURCE_SHUTDOWN = 4,
  WEFT_SOURCE_SIGNAL = 5,
  WEFT_SOURCE_CLOSE = 6
};

/* Tells why the running code is cancelled: the scope that will absorb it, the
 * source, and the reason and cause, both borrowed and NULL if there is none.
 * [scope] may be NULL.
 * parks: no    errors: WEFT_ESTATE (no task runs) */
WEFT_API int weft_cancellation(weft_runtime *rt, weft_scope *scope, int *source,
                               weft_value **reason, weft_error **cause);

/* -- Groups ---------------------------------------------------------------
 * A scope that owns tasks. The first failure, of a child or of the body,
 * cancels it; weft_group_join waits for every child and gives all failures in
 * one error. In the root group a failure cancels nobody and is reported. */

/* Opens a group in the running task; its scope is then the innermost. Left
 * with weft_group_join.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task runs) */
WEFT_API int weft_group_open(weft_runtime *rt, uint64_t deadline_ns,
                             weft_group *group);

/* Ends the group's body, which ended with [outcome] and, if that is a failure,
 * [failure] (a reference is taken; NULL makes one of the code), waits for the
 * children, and frees the group. No cancellation point.
 * parks: yes (kept)
 * value: on WEFT_EGROUP the error, owned (weft_error_unref); else 0
 * errors: WEFT_EGROUP; WEFT_ECANCELLED (it goes on outwards); WEFT_ETIMEDOUT
 * (the group's own deadline cut it off); WEFT_ESTATE (not the innermost scope
 * of the running task) */
WEFT_API int weft_group_join(weft_runtime *rt, weft_group group, int outcome,
                             weft_error *failure, uint64_t *value);

/* Gives the group's scope, by which it is cancelled.
 * parks: no    errors: none */
WEFT_API int weft_group_get_scope(weft_runtime *rt, weft_group group,
                                  weft_scope *scope);

/* Gives the root group, in which the runtime's own tasks live.
 * parks: no    errors: none */
WEFT_API int weft_group_root(weft_runtime *rt, weft_group *group);

/* Lets at most [limit_max] children be unfinished at once; 0, the default, is
 * no limit.
 * parks: no    errors: WEFT_ESTATE (it has children) */
WEFT_API int weft_group_set_limit(weft_runtime *rt, weft_group group,
                                  size_t limit_max);

/* Makes a child that ends cancelled, while the group is not, a failure of the
 * group (WEFT_ETASKCANCELLED) if [on], and lets the cancellation of an
 * enclosing scope go on even if it cut off nothing; default 0: it is none, and
 * does not. parks: no    errors: none */
WEFT_API int weft_group_set_strict(weft_runtime *rt, weft_group group, int on);

/* Waits for a place in a group with a limit, FIFO, and reserves it for the
 * running task's next spawn into that group.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ENOMEM, WEFT_ESTATE (the group is
 * over, or the task has a place reserved) cancelled: no place is taken */
WEFT_API int weft_group_reserve(weft_runtime *rt, weft_group group);

/* Gives the number of unfinished children.
 * parks: no    errors: none */
WEFT_API int weft_group_get_count(weft_runtime *rt, weft_group group,
                                  size_t *count);

/* -- Events ---------------------------------------------------------------
 * A flag many tasks can wait on. */
typedef uint64_t weft_event;

/* Makes an unset event. Owned: weft_event_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_event_new(weft_runtime *rt, weft_event *event);
/* Wakes all who wait with WEFT_ECLOSED and frees the event.
 * parks: no    errors: none */
WEFT_API int weft_event_close(weft_runtime *rt, weft_event event);
/* Sets the flag and wakes all who wait.      parks: no    errors: none */
WEFT_API int weft_event_set(weft_runtime *rt, weft_event event);
/* Clears the flag.                           parks: no    errors: none */
WEFT_API int weft_event_clear(weft_runtime *rt, weft_event event);
/* Tells whether the flag is set.             parks: no    errors: none */
WEFT_API int weft_event_is_set(weft_runtime *rt, weft_event event, int *flag);
/* Waits until the flag is set; returns at once if it is. A clear right after
 * the set that woke a task changes nothing for it.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED
 * cancelled: the event is unchanged */
WEFT_API int weft_event_wait(weft_runtime *rt, weft_event event);

/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_event_get_waiting(weft_runtime *rt, weft_event event,
                                    size_t *tasks);

/* -- Locks ----------------------------------------------------------------
 * Mutual exclusion between tasks: a lock has an owner, is handed over directly,
 * FIFO, and only its owner may release it. If the owner ends without doing so,
 * nobody knows the state of what the lock guarded: the lock is broken for good,
 * and so is every wait for it. */
typedef uint64_t weft_lock;

/* Makes a free lock. Owned: weft_lock_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_lock_new(weft_runtime *rt, weft_lock *lock);
/* Wakes all who wait with WEFT_ECLOSED, those of its conditions too, and frees
 * the lock. parks: no    errors: none */
WEFT_API int weft_lock_close(weft_runtime *rt, weft_lock lock);
/* Takes the lock, waiting for it if need be.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ENOMEM,
 * WEFT_ESTATE (the caller owns it, or it is broken: weft_lock_get_broken)
 * cancelled: the lock was not taken */
WEFT_API int weft_lock_acquire(weft_runtime *rt, weft_lock lock);
/* Takes the lock if it is free.
 * parks: no    errors: WEFT_EEMPTY (it is not), WEFT_ENOMEM, WEFT_ESTATE (as
 * weft_lock_acquire, or no task runs) */
WEFT_API int weft_lock_try_acquire(weft_runtime *rt, weft_lock lock);
/* Hands the lock to the first who waits, else frees it.
 * parks: no    errors: WEFT_ESTATE (the caller does not own it) */
WEFT_API int weft_lock_release(weft_runtime *rt, weft_lock lock);
/* Gives the task that owns the lock, from the hand-off on; 0 if it is free. The
 * handle is not owned. parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_lock_get_owner(weft_runtime *rt, weft_lock lock,
                                 weft_task *owner);
/* Borrows, until the lock is closed, the name of the task that broke it by
 * ending as its owner; NULL if it is not broken.
 * parks: no    errors: none */
WEFT_API int weft_lock_get_broken(weft_runtime *rt, weft_lock lock,
                                  const char **task_name);
/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_lock_get_waiting(weft_runtime *rt, weft_lock lock,
                                   size_t *tasks);

/* -- Semaphores -----------------------------------------------------------
 * A count of permits, handed over directly and FIFO. Anyone may release. */
typedef uint64_t weft_semaphore;

/* Makes a semaphore with [permits]; a [permits_max] above 0 bounds it, and the
 * release that would exceed it is refused. Owned: weft_semaphore_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL ([permits] above the bound) */
WEFT_API int weft_semaphore_new(weft_runtime *rt, size_t permits,
                                size_t permits_max, weft_semaphore *semaphore);
/* Wakes all who wait with WEFT_ECLOSED and frees the semaphore.
 * parks: no    errors: none */
WEFT_API int weft_semaphore_close(weft_runtime *rt, weft_semaphore semaphore);
/* Takes a permit, waiting for one if need be.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED
 * cancelled: no permit was taken */
WEFT_API int weft_semaphore_acquire(weft_runtime *rt, weft_semaphore semaphore);
/* Takes a permit if one is free and nobody waits.
 * parks: no    errors: WEFT_EEMPTY */
WEFT_API int weft_semaphore_try_acquire(weft_runtime *rt,
                                        weft_semaphore semaphore);
/* Hands a permit to the first who waits, else adds one.
 * parks: no    errors: WEFT_ESTATE (above the bound; nothing is changed) */
WEFT_API int weft_semaphore_release(weft_runtime *rt, weft_semaphore semaphore);
/* Gives the number of free permits.          parks: no    errors: none */
WEFT_API int weft_semaphore_get_value(weft_runtime *rt,
                                      weft_semaphore semaphore,
                                      size_t *permits);

/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_semaphore_get_waiting(weft_runtime *rt,
                                        weft_semaphore semaphore,
                                        size_t *tasks);

/* -- Limiters -------------------------------------------------------------
 * Tokens lent to tasks, one to each, directly and FIFO. Who borrows is known: a
 * token of a task that has ended comes back by itself, and that is reported. */
typedef uint64_t weft_limiter;

/* Makes a limiter of [total] tokens. Owned: weft_limiter_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_limiter_new(weft_runtime *rt, size_t total,
                              weft_limiter *limiter);
/* Wakes all who wait with WEFT_ECLOSED and frees the limiter; what is lent need
 * not come back.
 * parks: no    errors: none */
WEFT_API int weft_limiter_close(weft_runtime *rt, weft_limiter limiter);
/* Borrows a token, waiting for one if need be.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ENOMEM, WEFT_ESTATE
 * (the task has one)
 * cancelled: no token was borrowed */
WEFT_API int weft_limiter_acquire(weft_runtime *rt, weft_limiter limiter);
/* Borrows a token if one is to be had and nobody waits.
 * parks: no    errors: WEFT_EEMPTY, WEFT_ENOMEM, WEFT_ESTATE (the task has one,
 * or no task runs) */
WEFT_API int weft_limiter_try_acquire(weft_runtime *rt, weft_limiter limiter);
/* Gives the running task's token back, or to the first who waits.
 * parks: no    errors: WEFT_ESTATE (the task has none) */
WEFT_API int weft_limiter_release(weft_runtime *rt, weft_limiter limiter);
/* Changes the number of tokens: more serve at once who waits; fewer take
 * nothing back, and none is lent until enough have come back.
 * parks: no    errors: none */
WEFT_API int weft_limiter_set_total(weft_runtime *rt, weft_limiter limiter,
                                    size_t total);
/* Gives the number of tokens there are.      parks: no    errors: none */
WEFT_API int weft_limiter_get_total(weft_runtime *rt, weft_limiter limiter,
                                    size_t *total);
/* Gives the number of tokens that are lent.  parks: no    errors: none */
WEFT_API int weft_limiter_get_borrowed(weft_runtime *rt, weft_limiter limiter,
                                       size_t *tokens);
/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_limiter_get_waiting(weft_runtime *rt, weft_limiter limiter,
                                      size_t *tasks);

/* -- Conditions -----------------------------------------------------------
 * Tasks that wait, under a lock, for something to change. Waiting gives the
 * lock up and takes it again before the call returns, in whichever way. */
typedef uint64_t weft_condition;

/* Makes a condition of [lock], which several may share; 0: of a lock of its own
 * that is closed with it. Owned: weft_condition_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_condition_new(weft_runtime *rt, weft_lock lock,
                                weft_condition *condition);
/* Wakes all who wait with WEFT_ECLOSED as they get the lock again, without it
 * where it is the condition's own, and frees the condition.
 * parks: no    errors: none */
WEFT_API int weft_condition_close(weft_runtime *rt, weft_condition condition);
/* Gives the condition's lock. Not owned.     parks: no    errors: none */
WEFT_API int weft_condition_get_lock(weft_runtime *rt, weft_condition condition,
                                     weft_lock *lock);
/* Releases the lock, waits to be notified, and takes the lock again, which is
 * kept. The caller owns the lock when this returns WEFT_OK or WEFT_ECANCELLED,
 * and WEFT_ECLOSED if that lock is still there.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ESTATE (the caller
 * does not own the lock, or it was broken meanwhile: it is then not taken)
 * cancelled: no notification was taken */
WEFT_API int weft_condition_wait(weft_runtime *rt, weft_condition condition);
/* Lets the first [count] that wait go on, in their order, as the lock becomes
 * free; SIZE_MAX for all. More than there are is fine.
 * parks: no    errors: WEFT_ESTATE (the caller does not own the lock),
 * WEFT_ECLOSED (the lock is closed) */
WEFT_API int weft_condition_notify(weft_runtime *rt, weft_condition condition,
                                   size_t count);
/* Gives the number of tasks that wait to be notified.
 * parks: no    errors: none */
WEFT_API int weft_condition_get_waiting(weft_runtime *rt,
                                        weft_condition condition,
                                        size_t *tasks);

/* -- Barriers -------------------------------------------------------------
 * A place where tasks wait until there are enough of them, round after round.
 */
typedef uint64_t weft_barrier;

/* Makes a barrier for [parties] tasks. Owned: weft_barrier_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (0) */
WEFT_API int weft_barrier_new(weft_runtime *rt, size_t parties,
                              weft_barrier *barrier);
/* Wakes all who wait with WEFT_ECLOSED and frees the barrier.
 * parks: no    errors: none */
WEFT_API int weft_barrier_close(weft_runtime *rt, weft_barrier barrier);
/* Waits for the others; the last to come completes the round at once.
 * parks: yes   value: the number, from 0, of this task among the round's, by
 * arrival
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EBROKEN
 * cancelled: the place is free again, the barrier not broken */
WEFT_API int weft_barrier_wait(weft_runtime *rt, weft_barrier barrier,
                               uint64_t *value);
/* Wakes all who wait with WEFT_EBROKEN; the barrier is as new.
 * parks: no    errors: none */
WEFT_API int weft_barrier_reset(weft_runtime *rt, weft_barrier barrier);
/* Wakes all who wait with WEFT_EBROKEN, which every wait then gets until
 * weft_barrier_reset. parks: no    errors: none */
WEFT_API int weft_barrier_abort(weft_runtime *rt, weft_barrier barrier);
/* Tells whether it was aborted.              parks: no    errors: none */
WEFT_API int weft_barrier_is_broken(weft_runtime *rt, weft_barrier barrier,
                                    int *broken);
/* Gives the number of tasks a round takes.   parks: no    errors: none */
WEFT_API int weft_barrier_get_parties(weft_runtime *rt, weft_barrier barrier,
                                      size_t *parties);
/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_barrier_get_waiting(weft_runtime *rt, weft_barrier barrier,
                                      size_t *tasks);

/* -- Queues ---------------------------------------------------------------
 * Pointers, bounded in number or not, in the order they came unless set
 * otherwise. An item goes straight to the first getter, a free place to the
 * first putter's item. While a weft_less_fn of the queue runs, a call that
 * would change the queue returns WEFT_EBUSY. */
typedef uint64_t weft_queue;

/* Makes a queue for at most [items_max] items, 0 for any number; [drop] gets
 * each item that is not delivered (NULL: nothing is done). Owned:
 * weft_queue_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_queue_new(weft_runtime *rt, size_t items_max,
                            weft_drop_fn drop, weft_queue *queue);
/* Lets the newest item be the next to be got (1) instead of the oldest (0, the
 * default).
 * parks: no    errors: WEFT_ESTATE (it has been used, or has weft_less_fn) */
WEFT_API int weft_queue_set_lifo(weft_runtime *rt, weft_queue queue, int on);

/* Whether item [a] goes before [b]: 1 or 0; a negative code fails the put that
 * asked. Runs outside any task; a change to the queue from there is refused
 * with WEFT_EBUSY. */
typedef int (*weft_less_fn)(void *arg, void *a, void *b);

/* Lets the item that goes before all others be the next to be got, among equal
 * ones the oldest.
 * parks: no    errors: WEFT_EINVAL (no [fn]), WEFT_ESTATE (it has been used, or
 * is set to be LIFO or has a weft_less_fn already) */
WEFT_API int weft_queue_set_less(weft_runtime *rt, weft_queue queue,
                                 weft_less_fn fn, void *arg, weft_drop_fn drop);
/* Wakes all who wait with WEFT_ECLOSED, drops the items, frees the queue.
 * parks: no    errors: none */
WEFT_API int weft_queue_close(weft_runtime *rt, weft_queue queue);
/* Puts [item], waiting for room if need be. The item is the queue's once this
 * has returned WEFT_OK, else still the caller's.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ESHUTDOWN,
 * WEFT_EINVAL (NULL), WEFT_ENOMEM, what the weft_less_fn returned
 * cancelled: the item was not put */
WEFT_API int weft_queue_put(weft_runtime *rt, weft_queue queue, void *item);
/* Puts [item] if there is room.
 * parks: no    errors: WEFT_EFULL, WEFT_ESHUTDOWN, WEFT_EINVAL, WEFT_ENOMEM,
 * what the weft_less_fn returned */
WEFT_API int weft_queue_try_put(weft_runtime *rt, weft_queue queue, void *item);
/* Takes the next item, waiting for one if need be.
 * parks: yes   value: the item
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_ESHUTDOWN (and none is left)
 * cancelled: no item was taken */
WEFT_API int weft_queue_get(weft_runtime *rt, weft_queue queue,
                            uint64_t *value);
/* Takes the next item if there is one and nobody waits.
 * parks: no    errors: WEFT_EEMPTY, WEFT_ESHUTDOWN */
WEFT_API int weft_queue_try_get(weft_runtime *rt, weft_queue queue,
                                uint64_t *value);
/* Marks one item that was got as done.
 * parks: no    errors: WEFT_ESTATE (more than were put) */
WEFT_API int weft_queue_task_done(weft_runtime *rt, weft_queue queue);
/* Waits until every item put has been marked done.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED */
WEFT_API int weft_queue_join(weft_runtime *rt, weft_queue queue);
/* Ends the queue: put fails with WEFT_ESHUTDOWN, get drains first; with
 * [immediate] the items stored are dropped and count as done.
 * parks: no    errors: none */
WEFT_API int weft_queue_shutdown(weft_runtime *rt, weft_queue queue,
                                 int immediate);
/* Gives the number of items stored.          parks: no    errors: none */
WEFT_API int weft_queue_get_size(weft_runtime *rt, weft_queue queue,
                                 size_t *items);

/* Gives the number of tasks that wait to get, to put, and in weft_queue_join;
 * each may be NULL.
 * parks: no    errors: none */
WEFT_API int weft_queue_get_waiting(weft_runtime *rt, weft_queue queue,
                                    size_t *getters, size_t *putters,
                                    size_t *joiners);

/* -- Channels -------------------------------------------------------------
 * A way from senders to receivers, FIFO at both ends. Each end may be cloned
 * and is closed on its own: when the last sender has gone, receivers drain what
 * is left and get WEFT_EEND; when the last receiver has, senders get
 * WEFT_ECLOSED. */
typedef uint64_t weft_sender;
typedef uint64_t weft_receiver;

/* Makes a channel that stores up to [items_max] items; with 0 a send returns
 * when a receiver has its item. [drop] gets each item that is not delivered
 * (NULL: nothing is done). Owned: weft_sender_close, weft_receiver_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_channel_new(weft_runtime *rt, size_t items_max,
                              weft_drop_fn drop, weft_sender *sender,
                              weft_receiver *receiver);
/* Sends [item], waiting for room or a receiver if need be. The item is the
 * channel's once this has returned WEFT_OK, else still the caller's.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED (this end, or the last
 * receiver), WEFT_EINVAL (NULL), WEFT_ENOMEM
 * cancelled: the item was not sent */
WEFT_API int weft_sender_send(weft_runtime *rt, weft_sender sender, void *item);
/* Sends [item] if there is room, or a receiver that waits.
 * parks: no    errors: WEFT_EFULL, WEFT_ECLOSED, WEFT_EINVAL, WEFT_ENOMEM */
WEFT_API int weft_sender_try_send(weft_runtime *rt, weft_sender sender,
                                  void *item);
/* Makes another sender of the same channel. Owned: weft_sender_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_sender_clone(weft_runtime *rt, weft_sender sender,
                               weft_sender *clone);
/* Closes this end; who waits on it gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_sender_close(weft_runtime *rt, weft_sender sender);
/* Gives the number of tasks that wait to send, on any sender of the channel.
 * parks: no    errors: none */
WEFT_API int weft_sender_get_waiting(weft_runtime *rt, weft_sender sender,
                                     size_t *tasks);
/* Takes the oldest item, waiting for one if need be.
 * parks: yes   value: the item
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED (this end), WEFT_EEND
 * cancelled: no item was taken */
WEFT_API int weft_receiver_receive(weft_runtime *rt, weft_receiver receiver,
                                   uint64_t *value);
/* Takes the oldest item, or that of the first sender that waits, if there is
 * one. parks: no    errors: WEFT_EEMPTY, WEFT_EEND */
WEFT_API int weft_receiver_try_receive(weft_runtime *rt, weft_receiver receiver,
                                       uint64_t *value);
/* Makes another receiver of the same channel. Owned: weft_receiver_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_receiver_clone(weft_runtime *rt, weft_receiver receiver,
                                 weft_receiver *clone);
/* Closes this end; who waits on it gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_receiver_close(weft_runtime *rt, weft_receiver receiver);
/* Gives the number of items stored.          parks: no    errors: none */
WEFT_API int weft_receiver_get_size(weft_runtime *rt, weft_receiver receiver,
                                    size_t *items);
/* Gives the number of tasks that wait to receive, on any receiver of the
 * channel. parks: no    errors: none */
WEFT_API int weft_receiver_get_waiting(weft_runtime *rt, weft_receiver receiver,
                                       size_t *tasks);

/* -- Futures --------------------------------------------------------------
 * An outcome that somebody will set by hand, once; awaited and read like a
 * task. */
typedef uint64_t weft_future;

enum weft_future_state {
  WEFT_FUTURE_PENDING = 1,
  WEFT_FUTURE_FINISHED = 2,
  WEFT_FUTURE_FAILED = 3,
  WEFT_FUTURE_CANCELLED = 4
};

/* Makes a pending future. Owned: weft_future_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_future_new(weft_runtime *rt, weft_future *future);
/* Wakes all who wait with WEFT_ECLOSED and frees the future; calls that were to
 * be made when it is done are dropped, not made. A failure that nobody has
 * observed is reported.
 * parks: no    errors: none */
WEFT_API int weft_future_close(weft_runtime *rt, weft_future future);
/* Completes the future with [value] (NULL: nil), of which it takes a reference.
 * parks: no    errors: WEFT_ESTATE (it is not pending) */
WEFT_API int weft_future_set_result(weft_runtime *rt, weft_future future,
                                    weft_value *value);
/* Completes the future with [error], of which it takes a reference.
 * parks: no    errors: WEFT_ESTATE (it is not pending), WEFT_EINVAL (NULL) */
WEFT_API int weft_future_set_error(weft_runtime *rt, weft_future future,
                                   weft_error *error);
/* Cancels the future. parks: no    errors: WEFT_ESTATE (it is not pending) */
WEFT_API int weft_future_cancel(weft_runtime *rt, weft_future future);
/* Waits until the future is completed, in whichever way; any number may.
 * parks: yes   errors: WEFT_ECANCELLED, WEFT_ECLOSED
 * cancelled: the future is not touched */
WEFT_API int weft_future_await(weft_runtime *rt, weft_future future);
/* Calls fn(arg) once the future is completed, as weft_task_on_done does.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [fn]) */
WEFT_API int weft_future_on_done(weft_runtime *rt, weft_future future,
                                 weft_call_fn fn, void *arg, weft_drop_fn drop,
                                 uint64_t *done);
/* Gives the state, one of enum weft_future_state.
 * parks: no    errors: none */
WEFT_API int weft_future_get_state(weft_runtime *rt, weft_future future,
                                   int *state);
/* Borrows the result, until the future is closed.
 * parks: no    errors: WEFT_ESTATE (it has not finished) */
WEFT_API int weft_future_get_result(weft_runtime *rt, weft_future future,
                                    weft_value **value);
/* Borrows the error, until the future is closed, and counts as observing it.
 * parks: no    errors: WEFT_ESTATE (it has not failed) */
WEFT_API int weft_future_get_error(weft_runtime *rt, weft_future future,
                                   weft_error **error);
/* Gives the number of tasks that wait.       parks: no    errors: none */
WEFT_API int weft_future_get_waiting(weft_runtime *rt, weft_future future,
                                     size_t *tasks);

/* -- Context variables ----------------------------------------------------
 * Values that go with a task instead of with a call: a spawned task begins with
 * a snapshot of its spawner's, and what is called by weft_call_soon,
 * weft_call_at and on_done runs with one of when it was added; what either sets
 * is its own. Other callbacks have none. */
typedef uint64_t weft_context_var;
typedef uint64_t weft_context;

/* Makes a variable; [fallback] is what it gives where it is not set, NULL for
 * nothing. Takes a reference of its own. Owned: weft_context_var_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no [name]) */
WEFT_API int weft_context_var_new(weft_runtime *rt, const char *name,
                                  weft_value *fallback,
                                  weft_context_var *variable);
/* Gives the variable back. Values set remain until their tasks end.
 * parks: no    errors: none */
WEFT_API int weft_context_var_close(weft_runtime *rt,
                                    weft_context_var variable);
/* Borrows the name, until the variable is closed.
 * parks: no    errors: none */
WEFT_API int weft_context_var_get_name(weft_runtime *rt,
                                       weft_context_var variable,
                                       const char **name);
/* Borrows the value the variable has in the running code, until it is set
 * anew: what was set, else the fallback, else NULL.
 * parks: no    errors: none */
WEFT_API int weft_context_var_get(weft_runtime *rt, weft_context_var variable,
                                  weft_value **value);
/* Sets the variable in the running task or callback, with a reference of its
 * own to [value]; NULL: it is then not set.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (neither runs) */
WEFT_API int weft_context_var_set(weft_runtime *rt, weft_context_var variable,
                                  weft_value *value);

/* Takes a snapshot of the running code's variables. Owned: weft_context_close.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_context_copy(weft_runtime *rt, weft_context *context);
/* Exchanges the snapshot and the running code's variables: code that has a
 * layer of its own, as a generator has, is run between two exchanges.
 * parks: no    errors: WEFT_ENOMEM, WEFT_ESTATE (no task or callback runs) */
WEFT_API int weft_context_swap(weft_runtime *rt, weft_context context);
/* Gives the snapshot back.                   parks: no    errors: none */
WEFT_API int weft_context_close(weft_runtime *rt, weft_context context);

#ifdef __cplusplus
}
#endif

#include "weft_inspect.h"
#include "weft_io.h"

#endif
