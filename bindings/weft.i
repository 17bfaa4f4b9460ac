/* SPDX-License-Identifier: MIT
 * weft.i - the interface of the core for every language that SWIG serves.
 *
 * The header is wrapped as it is; typemaps by pattern make it usable:
 *
 *   a negative code            raises the language's exception
 *   WEFT_PARKED                gives the language's mark for "parked"
 *   an out-parameter           becomes a result
 *   a handle                   is an integer
 *   (fn, void *arg, drop)      takes one function of the language
 *   weft_value *, weft_error * are the language's own values and errors
 *
 * Before it includes this file a language defines, in its own C, what the
 * typemaps call (here OBJECT stands for its type of a value of any kind; what
 * fails leaves an exception behind):
 *
 *   weft_runtime *weft_host_runtime(OBJECT)     NULL fails
 *   OBJECT weft_host_new_runtime(weft_runtime *)
 *   void *weft_host_callback(OBJECT)            a reference to it; NULL fails
 *   weft_host_call, _step, _watch, _resolve,    C functions, one for each type
 *   _work                                       of callback, that call arg;
 *                                               _work in any thread
 *   weft_host_drop                              gives the reference back
 *   int weft_host_to_value(OBJECT, weft_value **)       not 0 fails; owned
 *   OBJECT weft_host_from_value(weft_value *)
 *   int weft_host_to_error(OBJECT, weft_error **)       likewise
 *   OBJECT weft_host_from_error(weft_error *)
 *   const char *weft_host_word(OBJECT)          text kept for ever; NULL fails
 *   const char *weft_host_to_text(OBJECT, void **)   a text or path, which
 *                                    lasts as long as what it puts there; NULL
 *                                    fails
 *   int weft_host_to_bytes(OBJECT, const void **, size_t *)   not 0 fails
 *   OBJECT weft_host_from_bytes(const char *, size_t)
 *   void *weft_host_to_pieces(OBJECT, const void *const **, const size_t **,
 *                             size_t *)         what holds them; NULL fails
 *   void *weft_host_to_room(OBJECT, void **, size_t *)   likewise, by a size
 *   void weft_host_let_go(void *)    what one of the last three has given
 *   void weft_host_keep(void *)      holds it until the parked call has ended
 *   enum weft_host_kind              what a call's value is: HOST_NUMBER;
 *                                    HOST_ERROR, a number or, on failure, an
 *                                    error; HOST_VALUE, a weft_value;
 *                                    HOST_BYTES, one that is never text;
 *                                    HOST_ROOM, how much of the room is filled
 *   OBJECT weft_host_parked(enum weft_host_kind)     the mark
 *   int weft_host_can_await(void)    is somebody there to take an owned value?
 *                                    not 0 fails
 *   OBJECT weft_host_take(enum weft_host_kind, uint64_t)   takes the value
 *   void weft_host_raise(int code)
 *   void weft_host_raise_error(weft_error *)    owned
 *
 * Nothing here lets go of a language's global lock: calls are short, and the
 * one that waits, the poll, has weft_set_around_block. */
%module weft

#ifdef SWIGPYTHON
%nothread;
#endif
%include <stdint.i>

%{
#include "weft.h"
%}

/* -- What is left out -------------------------------------------------------
 * Values and errors cross by typemap, so the functions that take them apart
 * are not wanted. The others take C code or C memory that no language with a
 * collector can hand out; the binding uses them itself, or offers its own. */

%rename("$ignore", regextarget=1, %$isfunction) "^weft_value_";
%rename("$ignore", regextarget=1, %$isfunction)
    "^weft_error_(new|set_|get_|ref|unref)";
%rename("$ignore", regextarget=1, %$isfunction)
    "^weft_(queue|channel|sender|receiver)_"; /* items are pointers: a binding
                                                 stores its own */

%ignore weft_set_allocator;
%ignore weft_set_around_block;
%ignore weft_set_observer; /* called in the middle of things */
%ignore weft_peek_task;    /* for signal handlers */
%ignore weft_get_progress; /* for other threads */
%ignore weft_set_report; /* errors have to be kept apart from reports first */
%ignore weft_budget_word;
%ignore weft_spawn;      /* a stack of its own under the language's stack */
%ignore weft_park;       /* withdraw has no drop; see weft_waitlist_park */
%ignore weft_next_ready; /* pull mode: for hosts without C steps */
%ignore weft_step_done;
%ignore weft_task_get_arg;
%ignore weft_stream_set_filter; /* filters are for extensions in C */
%ignore weft_stream_deliver;
%ignore weft_stream_transmit;
%ignore weft_stream_fail;
%ignore weft_stream_set_pieces; /* a list of sizes; see weft_stream_set_fault */
%ignore weft_set_resolver; /* for libraries: C code, and C memory */
%ignore weft_resolve_finish;
%ignore weft_work_start; /* two functions, one arg: see weft_work_run */
%ignore weft_work_cancel;
%ignore weft_work_abandon;
%ignore weft_inspect_open; /* its function makes a value */
%ignore weft_inspect_close;
%ignore weft_inspect_get_path;
%ignore weft_workers_set_local; /* a thread's own data is a language's matter */

/* -- Codes --------------------------------------------------------------- */

%typemap(out, noblock=1) int {
  if ($1 < 0) {
    weft_host_raise($1);
    SWIG_fail;
  }
  $result = $1 == WEFT_PARKED ? weft_host_parked(HOST_NUMBER) : VOID_Object;
}

/* Where a call's failure has an error for its value, which is owned. */
%define %weft_failure(FUNCTION, VALUE)
%typemap(out, noblock=1) int FUNCTION {
  if ($1 < 0 && *VALUE != 0) {
    weft_host_raise_error((weft_error *)(uintptr_t)*VALUE);
    SWIG_fail;
  }
  if ($1 < 0) {
    weft_host_raise($1);
    SWIG_fail;
  }
  $result = $1 == WEFT_PARKED ? weft_host_parked(HOST_ERROR) : VOID_Object;
}
%enddef

%weft_failure(weft_group_join, arg5);
%weft_failure(weft_tcp_connect, arg4);

/* Where a call's value is no number. Its N-th argument is where it goes. */
%define %weft_value_is(KIND, FUNCTION, N)
%exception FUNCTION {
  if (weft_host_can_await() != 0)
    SWIG_fail;
  $action
}
%typemap(out, noblock=1) int FUNCTION {
  if ($1 < 0) {
    weft_host_raise($1);
    SWIG_fail;
  }
  kind##N = KIND;
  $result = $1 == WEFT_PARKED ? weft_host_parked(KIND) : VOID_Object;
}
%enddef

%weft_value_is(HOST_VALUE, weft_dns_lookup, 3);
%weft_value_is(HOST_VALUE, weft_dns_lookup_family, 4);
%weft_value_is(HOST_VALUE, weft_dns_reverse, 3);
%weft_value_is(HOST_VALUE, weft_file_stat, 3);
%weft_value_is(HOST_ROOM, weft_file_read_at, 6);
%weft_value_is(HOST_BYTES, weft_fs_read_file, 4);
%weft_value_is(HOST_VALUE, weft_fs_stat, 4);
%weft_value_is(HOST_VALUE, weft_fs_readlink, 3);
%weft_value_is(HOST_VALUE, weft_fs_realpath, 3);
%weft_value_is(HOST_VALUE, weft_fs_mkdtemp, 3);
%weft_value_is(HOST_VALUE, weft_fs_readdir, 3);
%weft_value_is(HOST_VALUE, weft_fs_watch_next, 3);

%typemap(out, noblock=1, fragment=SWIG_From_frag(int)) int weft_signal_number {
  $result = SWIG_From(int)($1);
}

/* The outcome that goes on outwards is no failure of this call. */
%typemap(out, noblock=1) int weft_scope_leave {
  if ($1 < 0 && $1 != arg3) {
    weft_host_raise($1);
    SWIG_fail;
  }
  $result = VOID_Object;
}

/* -- Results ----------------------------------------------------------------
 * What is written after WEFT_PARKED is no result: it comes when the call
 * ends. */

%define %weft_result(TYPE, VARIABLE, FRAGMENT, MAKE)
%typemap(in, numinputs=0, noblock=1) TYPE * (VARIABLE made) {
  $1 = &made;
}
%typemap(argout, noblock=1, fragment=FRAGMENT) TYPE * {
  if (result != WEFT_PARKED)
    %append_output(MAKE(*$1));
}
%enddef

%weft_result(uint64_t, uint64_t, SWIG_From_frag(unsigned long long),
             SWIG_From(unsigned long long));
%weft_result(int, int, SWIG_From_frag(int), SWIG_From(int));

%typemap(in, numinputs=0, noblock=1) uint64_t *value
    (uint64_t made, enum weft_host_kind kind = HOST_NUMBER) {
  $1 = &made;
}
%typemap(argout, noblock=1) uint64_t *value {
  if (result != WEFT_PARKED)
    %append_output(weft_host_take(kind$argnum, *$1));
}
%weft_result(size_t, size_t, SWIG_From_frag(size_t), SWIG_From(size_t));
%weft_result(const char *, const char *, "SWIG_FromCharPtr",
             SWIG_FromCharPtr);

/* SWIG joins a first result that is nil with the second; no word is "". */
%typemap(argout, noblock=1, fragment="SWIG_FromCharPtr") const char **what {
  %append_output(SWIG_FromCharPtr(*$1 == NULL ? "" : *$1));
}

%typemap(in, numinputs=0, noblock=1) weft_error ** (weft_error *made) {
  $1 = &made;
}
%typemap(argout, noblock=1) weft_error ** {
  %append_output(weft_host_from_error(*$1));
}

/* Whether the value is borrowed or owned only the function's name tells. */
%{
static void give_value_back(const char *function, weft_value *value) {
  if (strstr(function, "_address") != NULL ||
      strstr(function, "_udp_sender") != NULL ||
      strstr(function, "_describe_wait") != NULL)
    weft_value_unref(value);
}
%}
%typemap(in, numinputs=0, noblock=1) weft_value ** (weft_value *made) {
  $1 = &made;
}
%typemap(argout, noblock=1) weft_value ** {
  %append_output(weft_host_from_value(*$1));
  give_value_back("$symname", *$1);
}

%typemap(in, numinputs=0, noblock=1)
    (const char **data, size_t *size_bytes) (const char *made, size_t size) {
  $1 = &made;
  $2 = &size;
}
%typemap(argout, noblock=1) (const char **data, size_t *size_bytes) {
  %append_output(weft_host_from_bytes(*$1, *$2));
}

/* -- Arguments ----------------------------------------------------------- */

%typemap(in, noblock=1) weft_runtime *rt {
  $1 = weft_host_runtime($input);
  if ($1 == NULL)
    SWIG_fail;
}
%typemap(in, numinputs=0, noblock=1) weft_runtime **rt (weft_runtime *made) {
  $1 = &made;
}
%typemap(argout, noblock=1) weft_runtime **rt {
  %append_output(weft_host_new_runtime(*$1));
}

%typemap(in, noblock=1) weft_value * {
  if (weft_host_to_value($input, &$1) != 0)
    SWIG_fail;
}
%typemap(freearg, noblock=1) weft_value * {
  weft_value_unref($1);
}
%typemap(in, noblock=1) weft_error * {
  if (weft_host_to_error($input, &$1) != 0)
    SWIG_fail;
}
%typemap(freearg, noblock=1) weft_error * {
  weft_error_unref($1);
}

%typemap(in, noblock=1) const char *what {
  $1 = weft_host_word($input);
  if ($1 == NULL)
    SWIG_fail;
}
%typemap(freearg, noblock=1) const char *what "";

%typemap(in, noblock=1) const char * (void *held = NULL) {
  $1 = (char *)weft_host_to_text($input, &held);
  if ($1 == NULL)
    SWIG_fail;
}
%typemap(freearg, noblock=1) const char * {
  weft_host_let_go(held$argnum);
}

/* Some may be nil; the functions that need them refuse NULL. */
%define %weft_optional_text(NAME)
%typemap(in, noblock=1) const char *NAME (void *held = NULL) {
  if ($input != VOID_Object) {
    $1 = (char *)weft_host_to_text($input, &held);
    if ($1 == NULL)
      SWIG_fail;
  }
}
%enddef

%weft_optional_text(host);
%weft_optional_text(interface_name);

%typemap(in, noblock=1) (const void *data, size_t size_bytes) {
  if (weft_host_to_bytes($input, &$1, &$2) != 0)
    SWIG_fail;
}
%typemap(argout, noblock=1) (const void *data, size_t size_bytes) {
  if (result == WEFT_PARKED)
    weft_host_keep($input);
}

%typemap(in, noblock=1)
    (const void *const *data, const size_t *sizes_bytes, size_t count)
    (void *held = NULL) {
  held = weft_host_to_pieces($input, &$1, &$2, &$3);
  if (held == NULL)
    SWIG_fail;
}
%typemap(argout, noblock=1)
    (const void *const *data, const size_t *sizes_bytes, size_t count) {
  if (result == WEFT_PARKED)
    weft_host_keep(held$argnum);
}
%typemap(freearg, noblock=1)
    (const void *const *data, const size_t *sizes_bytes, size_t count) {
  weft_host_let_go(held$argnum);
}

/* Room is asked for by its size; it is kept until its content is taken. */
%typemap(in, noblock=1) (void *room, size_t size_bytes) (void *held = NULL) {
  held = weft_host_to_room($input, &$1, &$2);
  if (held == NULL)
    SWIG_fail;
}
%typemap(argout, noblock=1) (void *room, size_t size_bytes) {
  weft_host_keep(held$argnum);
}
%typemap(freearg, noblock=1) (void *room, size_t size_bytes) {
  weft_host_let_go(held$argnum);
}

/* -- Callbacks --------------------------------------------------------------
 * The call consumes the reference, whatever it returns. Where it is not made,
 * because another argument was bad, the reference is given back here: "check"
 * runs after all arguments are there, right before the call. */

%define %weft_callback(FN, NAME, TRAMPOLINE)
%typemap(in, noblock=1) (FN NAME, void *arg, weft_drop_fn drop)
    (int given = 0) {
  $2 = weft_host_callback($input);
  if ($2 == NULL)
    SWIG_fail;
  $1 = TRAMPOLINE;
  $3 = weft_host_drop;
}
%typemap(check, noblock=1) (FN NAME, void *arg, weft_drop_fn drop) {
  given$argnum = 1;
}
%typemap(freearg, noblock=1) (FN NAME, void *arg, weft_drop_fn drop) {
  if (!given$argnum && $2 != NULL)
    weft_host_drop($2);
}
%enddef

%weft_callback(weft_call_fn, fn, weft_host_call);
%weft_callback(weft_step_fn, step, weft_host_step);
%weft_callback(weft_watch_fn, fn, weft_host_watch);
%weft_callback(weft_resolve_fn, fn, weft_host_resolve);
%weft_callback(weft_work_fn, fn, weft_host_work);

%include "weft.h"
%include "weft_inspect.h"
%include "weft_io.h"
