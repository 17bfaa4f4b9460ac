/* SPDX-License-Identifier: MIT
 * weft_python.h - what the C files of the Python binding share.
 *
 *   bindings/weft.i -> weft_python.i   the ABI, call by call (weft.abi)
 *   runtime.c       the runtime as an object; callbacks; reports
 *   task.c          a coroutine as a stepped task
 *   wait.c          what it awaits: calls that parked, and tasks
 *   task_type.c     the task as an object
 *   error.c         codes and errors as exceptions, and back
 *   value.c         values as Python's own, and back
 *   text.c          text, paths, bytes and room for bytes
 *
 * The rest is Python, in weft/. All C here runs with the GIL held, but for the
 * poll; what the core calls from inside the poll, or from another thread, takes
 * the GIL first. */
#ifndef WEFT_PYTHON_H
#define WEFT_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "weft.h"

/* How far the call is that parked a task. */
enum weft_py_wait {
  WAIT_NONE = 0,
  WAIT_CALLED = 1,  /* the core has parked the task; not awaited yet */
  WAIT_AWAITED = 2, /* the coroutine has stopped */
  WAIT_OVER = 3     /* the core has stepped the task; not taken yet */
};

/* What the value of a call is that has not failed. */
enum weft_host_kind {
  HOST_NUMBER = 0,
  HOST_ERROR = 1, /* a number; of one that has failed, an error */
  HOST_VALUE = 2, /* a weft_value *, owned */
  HOST_BYTES = 3, /* likewise, bytes that are never a str */
  HOST_ROOM = 4   /* the number of bytes filled of the room that is kept */
};

/* What a coroutine did, while a call was parked, but await that call. */
enum weft_py_astray { ASTRAY_NOT = 0, ASTRAY_STOPPED = 1, ASTRAY_ENDED = 2 };

/* A coroutine as a task. */
struct weft_py_task {
  PyObject_HEAD struct weft_py_runtime *runtime;   /* owned */
  struct weft_py_task *next_failed, **failed_link; /* runtime->failed */
  PyObject *coroutine;                             /* NULL once it has ended */
  PyObject *context;                               /* its context variables */
  PyObject *name;                                  /* text */
  PyObject *outcome;   /* the result, or the exception it ended with */
  PyObject *traceback; /* of that exception, where it left the task */
  PyObject *kept;      /* what a parked call still reads, or fills */
  PyObject *weak;      /* weak references */
  weft_task handle;    /* 0 once it has ended */
  uint64_t id;
  uint64_t wake_value;
  int wake_status;
  uint8_t state;  /* enum weft_task_state once it has ended, before that 0 */
  uint8_t wait;   /* enum weft_py_wait */
  uint8_t kind;   /* enum weft_host_kind, of the call's value */
  uint8_t astray; /* enum weft_py_astray */
  bool unseen;    /* its failure is to be reported if nobody asks */
};

/* A runtime; it outlives what refers to it, so a stale one is no crash. */
struct weft_py_runtime {
  PyObject_HEAD weft_runtime *rt;    /* NULL once it is freed */
  struct weft_py_runtime *next_open; /* of all that are not freed */
  PyObject *report;                  /* called with reports, or NULL */
  struct weft_py_task *failed;       /* nobody has asked why; newest first */
  unsigned long freed_in;            /* the thread that frees it now, or 0 */
};

/* Who runs in this thread. */
struct weft_py_here {
  struct weft_py_runtime *runtime; /* borrowed; NULL: none */
  struct weft_py_task *task;       /* borrowed; NULL: none, or a callback */
};
extern _Thread_local struct weft_py_here weft_py_here;

extern PyTypeObject weft_py_runtime_type, weft_py_task_type;
int weft_py_add_types(PyObject *module);

/* -- What weft.i asks for ------------------------------------------------- */

weft_runtime *weft_host_runtime(PyObject *object);
PyObject *weft_host_new_runtime(weft_runtime *rt);

void *weft_host_callback(PyObject *object);
void weft_host_drop(void *object); /* any thread */
void weft_host_call(weft_runtime *rt, void *arg);
int weft_host_step(weft_runtime *rt, void *arg, int status, uint64_t value);
void weft_host_watch(weft_runtime *rt, void *arg, int status, int events);
void weft_host_resolve(weft_runtime *rt, void *arg, int status,
                       const char *const *addresses, size_t count);
int weft_host_work(void *local, void *arg, uint64_t *value); /* any thread */

int weft_host_to_value(PyObject *object, weft_value **value);
PyObject *weft_host_from_value(weft_value *value);
int weft_host_to_error(PyObject *object, weft_error **error);
PyObject *weft_host_from_error(weft_error *error);
int weft_host_to_bytes(PyObject *object, const void **data, size_t *size_bytes);
PyObject *weft_host_from_bytes(const char *data, size_t size_bytes);
const char *weft_host_word(PyObject *object);
const char *weft_host_to_text(PyObject *object, void **held);
void *weft_host_to_pieces(PyObject *object, const void *const **data,
                          const size_t **sizes_bytes, size_t *count);
void *weft_host_to_room(PyObject *object, void **room, size_t *size_bytes);
void weft_host_let_go(void *held);

PyObject *weft_host_parked(enum weft_host_kind kind);
int weft_host_can_await(void);
void weft_host_keep(void *object);
PyObject *weft_host_take(enum weft_host_kind kind, uint64_t value);
void weft_host_raise(int code);
void weft_host_raise_error(weft_error *error);

/* -- Between the files ---------------------------------------------------- */

struct weft_py_runtime *weft_py_find_runtime(weft_runtime *rt); /* borrowed */
int weft_py_free_runtime(weft_runtime *rt); /* weft_runtime_free */
void weft_py_report(struct weft_py_runtime *runtime, int kind, PyObject *task,
                    PyObject *exception);

/* Takes the exception that is set and makes it the failure of the running task
 * or, of a callback, a report. */
int weft_py_fail(weft_runtime *rt);
void weft_py_report_callback(weft_runtime *rt);

extern const char weft_py_astray_text[]; /* the same mistake in any place */
void weft_py_unlink_failed(struct weft_py_task *task); /* somebody has asked */
PyObject *weft_py_take_outcome(struct weft_py_task *task); /* or raises it */
PyObject *weft_py_make_cancelled(struct weft_py_task *task);
PyObject *weft_py_await_task(PyObject *task);
int weft_py_set_name(PyObject *task, PyObject *name, void *closure);

PyObject *weft_py_take_exception(void); /* the one that is set; owned */
/* A function or class of weft.errors; borrowed, NULL with an exception. */
PyObject *weft_py_errors(const char *name);
int weft_py_code_of(PyObject *exception); /* WEFT_ECANCELLED, or a failure */

/* Lets go of a parked call's value that nobody will take. */
void weft_py_drop_value(struct weft_py_task *task);

/* Functions of the module that are no part of the ABI. */
PyObject *weft_py_spawn(PyObject *self, PyObject *args);
PyObject *weft_py_current_task(PyObject *self, PyObject *args);
PyObject *weft_py_current_runtime(PyObject *self, PyObject *args);
PyObject *weft_py_running(PyObject *self, PyObject *args);
PyObject *weft_py_code(PyObject *self, PyObject *args);

#endif
