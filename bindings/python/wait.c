/* SPDX-License-Identifier: MIT
 * wait.c - what a coroutine awaits: a call that parked, or a task.
 *
 * Both stop the coroutine once, by yielding None to the step. What the step is
 * given the next time they find in the running task; so the mark of a call that
 * parked needs no state, and there is one for all. */
#include "weft_python.h"

const char weft_py_astray_text[] =
    "await what weft's calls return, and tasks, and nothing else; and a call "
    "that parked right where it was made";

/* -- Calls that parked ---------------------------------------------------- */

/* The mark of a call that parked. It has no state: the running task has. */
static PyObject mark;

static void note_parked(enum weft_host_kind kind) {
  struct weft_py_task *task = weft_py_here.task;
  if (task == NULL)
    return;
  task->wait = WAIT_CALLED;
  task->kind = (uint8_t)kind;
}

PyObject *weft_host_parked(enum weft_host_kind kind) {
  note_parked(kind);
  return Py_NewRef(&mark);
}

/* A function that is a task's step gets its values as plain numbers, so nobody
 * would take over what one of them points to. */
int weft_host_can_await(void) {
  if (weft_py_here.task != NULL)
    return 0;
  weft_host_raise(WEFT_ESTATE);
  return -1;
}

void weft_host_keep(void *object) {
  if (weft_py_here.task != NULL)
    Py_XSETREF(weft_py_here.task->kept, Py_NewRef((PyObject *)object));
}

/* -- Their values --------------------------------------------------------- */

static PyObject *take_value(weft_value *value, bool as_bytes) {
  const char *data;
  size_t size;
  PyObject *object =
      as_bytes && weft_value_get_bytes(value, &data, &size) == WEFT_OK
          ? weft_host_from_bytes(data, size)
          : weft_host_from_value(value);
  weft_value_unref(value);
  return object;
}

static PyObject *take_room(uint64_t filled) {
  struct weft_py_task *task = weft_py_here.task;
  PyObject *room = task->kept;
  task->kept = NULL;
  if ((uint64_t)PyBytes_GET_SIZE(room) == filled)
    return room;
  PyObject *part = weft_host_from_bytes(PyBytes_AS_STRING(room), filled);
  Py_DECREF(room);
  return part;
}

PyObject *weft_host_take(enum weft_host_kind kind, uint64_t value) {
  switch (kind) {
  case HOST_VALUE:
  case HOST_BYTES:
    return take_value((weft_value *)(uintptr_t)value, kind == HOST_BYTES);
  case HOST_ROOM:
    return take_room(value);
  default:
    return PyLong_FromUnsignedLongLong(value);
  }
}

void weft_py_drop_value(struct weft_py_task *task) {
  bool failed = task->wake_status < WEFT_OK;
  if (failed && task->kind == HOST_ERROR)
    weft_error_unref((weft_error *)(uintptr_t)task->wake_value);
  if (!failed && (task->kind == HOST_VALUE || task->kind == HOST_BYTES))
    weft_value_unref((weft_value *)(uintptr_t)task->wake_value);
}

/* Stops the coroutine, in a call that has parked. */
static PySendResult stop(struct weft_py_task *task, PyObject **result) {
  if (task != NULL)
    task->wait = WAIT_AWAITED;
  *result = Py_NewRef(Py_None);
  return PYGEN_NEXT;
}

/* Takes the status the step was given; -1 with an exception if it is bad. */
static int take_wait(struct weft_py_task *task) {
  if (task == NULL || task->wait != WAIT_OVER) {
    PyErr_SetString(PyExc_RuntimeError, weft_py_astray_text);
    return -1;
  }
  task->wait = WAIT_NONE;
  if (task->wake_status >= WEFT_OK)
    return 0;
  if (task->wake_value != 0 && task->kind == HOST_ERROR)
    weft_host_raise_error((weft_error *)(uintptr_t)task->wake_value);
  else
    weft_host_raise(task->wake_status);
  return -1;
}

static PySendResult send_mark(PyObject *self, PyObject *sent,
                              PyObject **result) {
  (void)self;
  (void)sent;
  struct weft_py_task *task = weft_py_here.task;
  if (task != NULL && task->wait == WAIT_CALLED)
    return stop(task, result);
  *result = NULL;
  if (take_wait(task) == 0)
    *result = weft_host_take(task->kind, task->wake_value);
  if (task != NULL)
    Py_CLEAR(task->kept);
  return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* The iterator's protocol, for those who do not know how to send. */
static PyObject *next_by(sendfunc send, PyObject *self) {
  PyObject *result;
  PySendResult sent = send(self, Py_None, &result);
  if (sent != PYGEN_RETURN)
    return result;
  PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
  if (stop != NULL)
    PyErr_SetObject(PyExc_StopIteration, stop);
  Py_XDECREF(stop);
  Py_DECREF(result);
  return NULL;
}

static PyObject *next_mark(PyObject *self) {
  return next_by(send_mark, self);
}

static PyObject *repr_mark(PyObject *self) {
  (void)self;
  return PyUnicode_FromString("weft.abi.PARKED");
}

static PyAsyncMethods mark_async = {.am_await = PyObject_SelfIter,
                                    .am_send = send_mark};

static PyTypeObject mark_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "weft.Parked",
    .tp_doc = "The mark of a call that parked; await it at once.",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_as_async = &mark_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = next_mark,
    .tp_repr = repr_mark,
};

static PyObject mark = {_PyObject_EXTRA_INIT 1, &mark_type};

/* -- Awaiting a task ------------------------------------------------------ */

struct waiter {
  PyObject_HEAD struct weft_py_task *task; /* owned */
  bool called;
};

static int begin_await(struct weft_py_task *task) {
  if (weft_py_here.runtime == NULL)
    return WEFT_ESTATE;
  if (task->state != 0)
    return weft_checkpoint(weft_py_here.runtime->rt);
  return weft_task_await(task->runtime->rt, task->handle);
}

static PySendResult send_waiter(PyObject *self, PyObject *sent,
                                PyObject **result) {
  (void)sent;
  struct waiter *waiter = (struct waiter *)self;
  *result = NULL;
  if (waiter->called) {
    if (take_wait(weft_py_here.task) != 0)
      return PYGEN_ERROR;
  } else {
    waiter->called = true;
    int status = begin_await(waiter->task);
    if (status == WEFT_PARKED) {
      note_parked(HOST_NUMBER);
      return stop(weft_py_here.task, result);
    }
    if (status != WEFT_OK) {
      weft_host_raise(status);
      return PYGEN_ERROR;
    }
  }
  *result = weft_py_take_outcome(waiter->task);
  return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PyObject *next_waiter(PyObject *self) {
  return next_by(send_waiter, self);
}

static void dealloc_waiter(PyObject *self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(((struct waiter *)self)->task);
  PyObject_GC_Del(self);
}

static int traverse_waiter(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(((struct waiter *)self)->task);
  return 0;
}

static PyAsyncMethods waiter_async = {.am_await = PyObject_SelfIter,
                                      .am_send = send_waiter};

static PyTypeObject waiter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "weft.Waiter",
    .tp_doc = "What waits for the end of a task.",
    .tp_basicsize = sizeof(struct waiter),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = traverse_waiter,
    .tp_dealloc = dealloc_waiter,
    .tp_as_async = &waiter_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = next_waiter,
};

PyObject *weft_py_await_task(PyObject *self) {
  struct waiter *waiter = PyObject_GC_New(struct waiter, &waiter_type);
  if (waiter == NULL)
    return NULL;
  waiter->task = (struct weft_py_task *)Py_NewRef(self);
  waiter->called = false;
  PyObject_GC_Track(waiter);
  return (PyObject *)waiter;
}

int weft_py_add_types(PyObject *module) {
  if (PyType_Ready(&mark_type) != 0 || PyType_Ready(&waiter_type) != 0)
    return -1;
  if (PyModule_AddObjectRef(module, "PARKED", &mark) != 0)
    return -1;
  if (PyModule_AddType(module, &weft_py_task_type) != 0)
    return -1;
  return PyModule_AddType(module, &weft_py_runtime_type);
}
