/* SPDX-License-Identifier: MIT
 * task_type.c - the task as an object: what can be asked of it, and how it is
 * let go. */
#include "weft_python.h"

static PyObject *task_done(PyObject *self, PyObject *args) {
  (void)args;
  return PyBool_FromLong(((struct weft_py_task *)self)->state != 0);
}

static PyObject *task_cancelled(PyObject *self, PyObject *args) {
  (void)args;
  struct weft_py_task *task = (struct weft_py_task *)self;
  return PyBool_FromLong(task->state == WEFT_TASK_CANCELLED);
}

static PyObject *task_cancel(PyObject *self, PyObject *args, PyObject *names) {
  static char *keywords[] = {"reason", NULL};
  struct weft_py_task *task = (struct weft_py_task *)self;
  PyObject *reason = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, names, "|O:cancel", keywords, &reason))
    return NULL;
  if (task->state != 0)
    Py_RETURN_FALSE;
  weft_value *value;
  if (weft_host_to_value(reason, &value) != 0)
    return NULL;
  int status = weft_task_cancel(task->runtime->rt, task->handle, value);
  weft_value_unref(value);
  if (status == WEFT_OK)
    Py_RETURN_TRUE;
  weft_host_raise(status);
  return NULL;
}

static PyObject *task_result(PyObject *self, PyObject *args) {
  (void)args;
  struct weft_py_task *task = (struct weft_py_task *)self;
  if (task->state != 0)
    return weft_py_take_outcome(task);
  weft_host_raise(WEFT_ESTATE);
  return NULL;
}

static PyObject *task_exception(PyObject *self, PyObject *args) {
  (void)args;
  struct weft_py_task *task = (struct weft_py_task *)self;
  switch (task->state) {
  case WEFT_TASK_FINISHED:
    Py_RETURN_NONE;
  case WEFT_TASK_FAILED:
    weft_py_unlink_failed(task);
    return Py_NewRef(task->outcome);
  case WEFT_TASK_CANCELLED:
    return weft_py_make_cancelled(task);
  default:
    weft_host_raise(WEFT_ESTATE);
    return NULL;
  }
}

static PyObject *get_name(PyObject *self, void *closure) {
  (void)closure;
  return Py_NewRef(((struct weft_py_task *)self)->name);
}

int weft_py_set_name(PyObject *self, PyObject *name, void *closure) {
  (void)closure;
  struct weft_py_task *task = (struct weft_py_task *)self;
  if (name == NULL || !PyUnicode_Check(name)) {
    PyErr_SetString(PyExc_TypeError, "a task's name is text");
    return -1;
  }
  const char *text = PyUnicode_AsUTF8(name);
  if (text == NULL)
    return -1;
  int status = task->state != 0
                   ? WEFT_OK
                   : weft_task_set_name(task->runtime->rt, task->handle, text);
  if (status != WEFT_OK) {
    weft_host_raise(status);
    return -1;
  }
  Py_XSETREF(task->name, Py_NewRef(name));
  return 0;
}

static PyObject *get_handle(PyObject *self, void *closure) {
  (void)closure;
  return PyLong_FromUnsignedLongLong(((struct weft_py_task *)self)->handle);
}

static PyObject *get_id(PyObject *self, void *closure) {
  (void)closure;
  return PyLong_FromUnsignedLongLong(((struct weft_py_task *)self)->id);
}

static PyObject *get_coroutine(PyObject *self, void *closure) {
  (void)closure;
  PyObject *coroutine = ((struct weft_py_task *)self)->coroutine;
  return Py_NewRef(coroutine == NULL ? Py_None : coroutine);
}

static PyObject *repr(PyObject *self) {
  struct weft_py_task *task = (struct weft_py_task *)self;
  const char *state = "unfinished";
  if (task->state == WEFT_TASK_FINISHED)
    state = "finished";
  else if (task->state == WEFT_TASK_FAILED)
    state = "failed";
  else if (task->state == WEFT_TASK_CANCELLED)
    state = "cancelled";
  return PyUnicode_FromFormat("<weft.Task %R %s>", task->name, state);
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
  struct weft_py_task *task = (struct weft_py_task *)self;
  Py_VISIT(task->runtime);
  Py_VISIT(task->coroutine);
  Py_VISIT(task->context);
  Py_VISIT(task->outcome);
  Py_VISIT(task->traceback);
  Py_VISIT(task->kept);
  return 0;
}

/* The runtime is kept: its list of failures is left in dealloc. */
static int clear(PyObject *self) {
  struct weft_py_task *task = (struct weft_py_task *)self;
  Py_CLEAR(task->coroutine);
  Py_CLEAR(task->context);
  Py_CLEAR(task->outcome);
  Py_CLEAR(task->traceback);
  Py_CLEAR(task->kept);
  return 0;
}

/* Nobody can ask any more. */
static void finalize(PyObject *self) {
  struct weft_py_task *task = (struct weft_py_task *)self;
  if (!task->unseen)
    return;
  weft_py_unlink_failed(task);
  weft_py_report(task->runtime, WEFT_REPORT_FAILURE, task->name, task->outcome);
}

static void dealloc(PyObject *self) {
  struct weft_py_task *task = (struct weft_py_task *)self;
  if (PyObject_CallFinalizerFromDealloc(self) < 0)
    return;
  PyObject_GC_UnTrack(self);
  if (task->weak != NULL)
    PyObject_ClearWeakRefs(self);
  weft_py_unlink_failed(task);
  clear(self);
  Py_CLEAR(task->name);
  Py_CLEAR(task->runtime);
  PyObject_GC_Del(self);
}

static PyAsyncMethods task_async = {.am_await = weft_py_await_task};

static PyMethodDef task_methods[] = {
    {"done", task_done, METH_NOARGS, "Whether the task has ended."},
    {"cancelled", task_cancelled, METH_NOARGS,
     "Whether the task has ended cancelled."},
    {"cancel", (PyCFunction)(void (*)(void))task_cancel,
     METH_VARARGS | METH_KEYWORDS,
     "Cancels the task and does not wait; False if it has ended."},
    {"result", task_result, METH_NOARGS,
     "The result of a task that has ended, or raises what it ended with."},
    {"exception", task_exception, METH_NOARGS,
     "What a task that has ended would raise, or None."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef task_attributes[] = {
    {"name", get_name, weft_py_set_name, "The task's name.", NULL},
    {"id", get_id, NULL, "Counts up in the runtime.", NULL},
    {"handle", get_handle, NULL, "For weft.abi; 0 once it has ended.", NULL},
    {"coroutine", get_coroutine, NULL, "None once it has ended.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyTypeObject weft_py_task_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "weft.Task",
    .tp_doc = "A coroutine that the runtime runs; await it for its outcome.",
    .tp_basicsize = sizeof(struct weft_py_task),
    .tp_weaklistoffset = offsetof(struct weft_py_task, weak),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_finalize = finalize,
    .tp_dealloc = dealloc,
    .tp_repr = repr,
    .tp_as_async = &task_async,
    .tp_methods = task_methods,
    .tp_getset = task_attributes,
};
