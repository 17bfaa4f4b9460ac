/* SPDX-License-Identifier: MIT
 * task.c - a coroutine as a stepped task.
 *
 * The step sends None into the coroutine. What stops it again is a wait: it
 * awaits the mark of a call that parked, or a task. When the core steps the
 * task again, the status and the value are left in the task, and the wait, the
 * first to run, takes them from there and raises or returns. So between the
 * core and the innermost await there is no Python code.
 *
 * The outcome of a task is kept here, not in the core, where the collector of
 * cycles cannot see it: an exception holds frames, and a frame may hold the
 * task. For the same reason the handle is given back in the last step. */
#include "weft_python.h"

#include <frameobject.h>

/* -- Failures nobody has asked about -------------------------------------- */

static void link_failed(struct weft_py_task *task) {
  struct weft_py_runtime *runtime = task->runtime;
  task->next_failed = runtime->failed;
  if (task->next_failed != NULL)
    task->next_failed->failed_link = &task->next_failed;
  task->failed_link = &runtime->failed;
  runtime->failed = task;
}

void weft_py_unlink_failed(struct weft_py_task *task) {
  if (task->failed_link == NULL)
    return;
  *task->failed_link = task->next_failed;
  if (task->next_failed != NULL)
    task->next_failed->failed_link = task->failed_link;
  task->failed_link = NULL;
  task->unseen = false;
}

PyObject *weft_py_make_cancelled(struct weft_py_task *task) {
  PyObject *function = weft_py_errors("task_cancelled");
  if (function == NULL)
    return NULL;
  return PyObject_CallFunction(function, "OO", task->name,
                               task->outcome == NULL ? Py_None : task->outcome);
}

/* The outcome of a task that has ended, returned or raised. Whoever is raised
 * a failure gets the traceback it left the task with, and adds his own to it,
 * not to that of others. */
PyObject *weft_py_take_outcome(struct weft_py_task *task) {
  if (task->state == WEFT_TASK_FINISHED)
    return Py_NewRef(task->outcome);
  if (task->state == WEFT_TASK_FAILED) {
    weft_py_unlink_failed(task);
    PyErr_Restore(Py_NewRef(Py_TYPE(task->outcome)), Py_NewRef(task->outcome),
                  Py_XNewRef(task->traceback));
    return NULL;
  }
  PyObject *cancelled = weft_py_make_cancelled(task);
  if (cancelled != NULL)
    PyErr_SetObject((PyObject *)Py_TYPE(cancelled), cancelled);
  Py_XDECREF(cancelled);
  return NULL;
}

/* -- The end of a task ---------------------------------------------------- */

static void end(struct weft_py_task *task, int state, PyObject *outcome) {
  task->state = (uint8_t)state;
  task->outcome = outcome;
  Py_CLEAR(task->coroutine);
  Py_CLEAR(task->context);
  if (task->runtime->rt != NULL)
    weft_task_close(task->runtime->rt, task->handle);
  task->handle = 0;
}

/* An empty frame that stands for the task in tracebacks. */
static PyFrameObject *make_task_frame(struct weft_py_task *task) {
  PyFrameObject *frame = NULL;
  PyCodeObject *code = NULL;
  PyObject *globals = PyDict_New();
  PyObject *line = PyUnicode_FromFormat("task '%U'", task->name);
  const char *text = line == NULL ? NULL : PyUnicode_AsUTF8(line);
  if (text != NULL)
    code = PyCode_NewEmpty("<weft>", text, 1);
  if (code != NULL && globals != NULL)
    frame = PyFrame_New(PyThreadState_Get(), code, globals, NULL);
  Py_XDECREF(code);
  Py_XDECREF(line);
  Py_XDECREF(globals);
  return frame;
}

/* Ends the traceback with a line that names the task, so that it can be read
 * across tasks. */
static void add_task_line(struct weft_py_task *task, PyObject *exception) {
  PyFrameObject *frame = make_task_frame(task);
  if (frame == NULL) {
    PyErr_Clear(); /* there is no memory; the failure is more important */
    return;
  }
  PyErr_Restore(Py_NewRef(Py_TYPE(exception)), Py_NewRef(exception),
                PyException_GetTraceback(exception));
  PyTraceBack_Here(frame);
  Py_DECREF(frame);
  Py_DECREF(weft_py_take_exception());
}

/* The core gets the failure for the task's group, and for other languages. */
static void tell_core(struct weft_py_task *task, PyObject *exception) {
  weft_error *error;
  if (weft_host_to_error(exception, &error) != 0) {
    PyErr_Clear(); /* it makes an error of the code alone */
    return;
  }
  weft_error_set_task(error, PyUnicode_AsUTF8(task->name));
  weft_task_set_error(task->runtime->rt, error);
  weft_error_unref(error);
}

/* The coroutine has left an exception behind. */
static int end_with_exception(struct weft_py_task *task) {
  PyObject *exception = weft_py_take_exception();
  int code = weft_py_code_of(exception);
  if (code == WEFT_ECANCELLED) {
    end(task, WEFT_TASK_CANCELLED, exception);
    return code;
  }
  add_task_line(task, exception);
  tell_core(task, exception);
  task->traceback = PyException_GetTraceback(exception);
  end(task, WEFT_TASK_FAILED, exception);
  link_failed(task);
  return code;
}

/* -- The step ------------------------------------------------------------- */

/* Raises an error where the coroutine has stopped. */
static PySendResult throw_astray(struct weft_py_task *task, PyObject **result) {
  PyObject *error =
      PyObject_CallFunction(PyExc_RuntimeError, "s", weft_py_astray_text);
  *result = NULL;
  if (error != NULL)
    *result = PyObject_CallMethod(task->coroutine, "throw", "O", error);
  Py_XDECREF(error);
  if (*result != NULL)
    return PYGEN_NEXT;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration))
    return PYGEN_ERROR;
  PyObject *stop = weft_py_take_exception();
  *result = PyObject_GetAttrString(stop, "value");
  Py_DECREF(stop);
  return *result == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* Goes on after a call that parked was not awaited, and so is lost. */
static PySendResult resume_astray(struct weft_py_task *task,
                                  PyObject **result) {
  task->wait = WAIT_NONE;
  weft_py_drop_value(task);
  Py_CLEAR(task->kept);
  if (task->astray == ASTRAY_STOPPED) {
    task->astray = ASTRAY_NOT;
    return throw_astray(task, result);
  }
  PyErr_SetString(PyExc_RuntimeError, weft_py_astray_text);
  return PYGEN_ERROR;
}

/* Runs the coroutine until it ends or has stopped in a wait. */
static PySendResult resume(struct weft_py_task *task, PyObject **result) {
  PySendResult sent = task->astray == ASTRAY_NOT
                          ? PyIter_Send(task->coroutine, Py_None, result)
                          : resume_astray(task, result);
  while (sent == PYGEN_NEXT && task->wait != WAIT_AWAITED &&
         task->wait != WAIT_CALLED) {
    Py_DECREF(*result);
    sent = throw_astray(task, result);
  }
  return sent;
}

/* The core has parked the task, so it cannot end before it is woken. */
static int put_off_end(struct weft_py_task *task, PyObject *result) {
  if (result == NULL)
    PyErr_WriteUnraisable(task->coroutine);
  Py_XDECREF(result);
  task->astray = ASTRAY_ENDED;
  return WEFT_PARKED;
}

static int end_step(struct weft_py_task *task, PySendResult sent,
                    PyObject *result) {
  if (sent == PYGEN_NEXT) {
    Py_DECREF(result);
    if (task->wait == WAIT_CALLED)
      task->astray = ASTRAY_STOPPED;
    return WEFT_PARKED;
  }
  if (task->wait == WAIT_CALLED)
    return put_off_end(task, result);
  if (sent == PYGEN_ERROR)
    return end_with_exception(task);
  end(task, WEFT_TASK_FINISHED, result);
  return WEFT_OK;
}

static int step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  (void)rt;
  struct weft_py_task *task = arg;
  struct weft_py_here before = weft_py_here;
  weft_py_here = (struct weft_py_here){task->runtime, task};
  task->wake_status = status;
  task->wake_value = value;
  if (task->wait != WAIT_NONE)
    task->wait = WAIT_OVER;
  PyContext_Enter(task->context);
  PyObject *result = NULL;
  PySendResult sent = resume(task, &result);
  PyContext_Exit(task->context);
  int outcome = end_step(task, sent, result);
  weft_py_here = before;
  return outcome;
}

/* A coroutine that will not be resumed: its task was refused or given up. */
static void abandon(struct weft_py_task *task) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *coroutine = task->coroutine;
  task->coroutine = NULL;
  task->state = WEFT_TASK_CANCELLED;
  task->handle = 0;
  PyObject *closed = PyObject_CallMethod(coroutine, "close", NULL);
  if (closed == NULL)
    PyErr_WriteUnraisable(coroutine);
  Py_XDECREF(closed);
  Py_DECREF(coroutine);
  PyErr_Restore(type, value, traceback);
}

static void drop(void *arg) {
  struct weft_py_task *task = arg;
  if (!Py_IsInitialized())
    return; /* the process ends, and its memory with it */
  PyGILState_STATE gil = PyGILState_Ensure();
  if (task->coroutine != NULL)
    abandon(task);
  Py_DECREF(task);
  PyGILState_Release(gil);
}

/* -- Spawning ------------------------------------------------------------- */

static struct weft_py_task *make_task(PyObject *runtime, PyObject *coroutine) {
  PyAsyncMethods *async = Py_TYPE(coroutine)->tp_as_async;
  if (async == NULL || async->am_send == NULL || async->am_await == NULL) {
    PyErr_Format(PyExc_TypeError, "a coroutine is needed, not %s",
                 Py_TYPE(coroutine)->tp_name);
    return NULL;
  }
  /* All zero but the head: PyType_GenericAlloc. */
  struct weft_py_task *task =
      (struct weft_py_task *)PyType_GenericAlloc(&weft_py_task_type, 0);
  if (task == NULL)
    return NULL;
  task->runtime = (struct weft_py_runtime *)Py_NewRef(runtime);
  task->coroutine = Py_NewRef(coroutine);
  task->context = PyContext_CopyCurrent();
  if (task->context == NULL)
    Py_CLEAR(task);
  return task;
}

static int name_task(struct weft_py_task *task, PyObject *name) {
  weft_task_get_id(task->runtime->rt, task->handle, &task->id);
  if (name != Py_None)
    return weft_py_set_name((PyObject *)task, name, NULL);
  task->name = PyUnicode_FromFormat("task-%llu", (unsigned long long)task->id);
  return task->name == NULL ? -1 : 0;
}

/* spawn(runtime, group, coroutine, name) -> task. The name may be None. */
PyObject *weft_py_spawn(PyObject *self, PyObject *args) {
  (void)self;
  PyObject *runtime, *coroutine, *name;
  unsigned long long group;
  if (!PyArg_ParseTuple(args, "OKOO:spawn", &runtime, &group, &coroutine,
                        &name))
    return NULL;
  weft_runtime *rt = weft_host_runtime(runtime);
  struct weft_py_task *task = rt == NULL ? NULL : make_task(runtime, coroutine);
  if (task == NULL)
    return NULL;
  Py_INCREF(task); /* the core's */
  int status = weft_spawn_step(rt, group, step, task, drop, &task->handle);
  if (status != WEFT_OK) {
    weft_host_raise(status);
    Py_DECREF(task);
    return NULL;
  }
  if (name_task(task, name) != 0)
    Py_CLEAR(task);
  return (PyObject *)task;
}

PyObject *weft_py_current_task(PyObject *self, PyObject *args) {
  (void)self;
  (void)args;
  PyObject *task = (PyObject *)weft_py_here.task;
  return Py_NewRef(task == NULL ? Py_None : task);
}
