/* SPDX-License-Identifier: MIT
 * runtime.c - the runtime as a Python object, callbacks, and reports.
 *
 * The core knows nothing of the GIL. Python code holds it and calls the core;
 * the core gives it up only around the poll's wait (around). So a callback that
 * may come from inside the wait, and every drop, takes the GIL; a step and the
 * report of a failure never come from there.
 *
 * A failure that the core reports is not printed while somebody still holds the
 * task: he may yet ask. It is when the task is collected unasked, or when the
 * runtime is freed. */
#include "weft_python.h"

_Thread_local struct weft_py_here weft_py_here;

/* All runtimes that are not freed; there is rarely more than one. */
static struct weft_py_runtime *open_runtimes;

struct weft_py_runtime *weft_py_find_runtime(weft_runtime *rt) {
  struct weft_py_runtime *runtime = open_runtimes;
  while (runtime != NULL && runtime->rt != rt)
    runtime = runtime->next_open;
  return runtime;
}

/* -- Reports -------------------------------------------------------------- */

/* Calls the program's report function, or prints. Leaves the exception that is
 * being handled, if there is one, as it was. */
void weft_py_report(struct weft_py_runtime *runtime, int kind, PyObject *task,
                    PyObject *exception) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *function = weft_py_errors("report");
  PyObject *to = runtime->report == NULL ? Py_None : runtime->report;
  PyObject *done =
      function == NULL
          ? NULL
          : PyObject_CallFunction(function, "OiOO", to, kind,
                                  task == NULL ? Py_None : task,
                                  exception == NULL ? Py_None : exception);
  if (done == NULL)
    PyErr_WriteUnraisable(exception);
  Py_XDECREF(done);
  PyErr_Restore(type, value, traceback);
}

static struct weft_py_task *find_failed(struct weft_py_runtime *runtime,
                                        PyObject *exception) {
  struct weft_py_task *task = runtime->failed;
  while (task != NULL && task->outcome != exception)
    task = task->next_failed;
  return task;
}

/* The task that a report is about, as Python knows it. */
static PyObject *find_task(weft_runtime *rt, uint64_t handle) {
  const char *name = NULL;
  uint64_t id = 0;
  if (weft_task_get_id(rt, handle, &id) != WEFT_OK)
    return NULL;
  weft_task_get_name(rt, handle, &name);
  if (name != NULL)
    return PyUnicode_FromString(name);
  return PyUnicode_FromFormat("task-%llu", (unsigned long long)id);
}

static void on_report(weft_runtime *rt, void *arg, int kind, uint64_t handle,
                      weft_error *error) {
  struct weft_py_runtime *runtime = arg;
  PyGILState_STATE gil = PyGILState_Ensure();
  PyObject *exception = weft_host_from_error(error);
  if (exception == NULL)
    PyErr_Clear();
  struct weft_py_task *held =
      kind == WEFT_REPORT_FAILURE ? find_failed(runtime, exception) : NULL;
  if (held != NULL) {
    held->unseen = true;
  } else {
    PyObject *task = find_task(rt, handle);
    weft_py_report(runtime, kind, task, exception);
    Py_XDECREF(task);
  }
  Py_XDECREF(exception);
  PyGILState_Release(gil);
}

/* -- The wait ------------------------------------------------------------- */

static void around(weft_runtime *rt, void *arg, weft_block_fn block) {
  (void)arg;
  PyThreadState *thread = PyEval_SaveThread();
  block(rt);
  PyEval_RestoreThread(thread);
}

/* -- Life ----------------------------------------------------------------- */

weft_runtime *weft_host_runtime(PyObject *object) {
  if (!PyObject_TypeCheck(object, &weft_py_runtime_type)) {
    PyErr_Format(PyExc_TypeError, "a weft.Runtime is needed, not %s",
                 Py_TYPE(object)->tp_name);
    return NULL;
  }
  struct weft_py_runtime *runtime = (struct weft_py_runtime *)object;
  bool usable =
      runtime->rt != NULL && (runtime->freed_in == 0 ||
                              runtime->freed_in == PyThread_get_thread_ident());
  if (usable)
    return runtime->rt;
  weft_host_raise(WEFT_ESTATE);
  return NULL;
}

PyObject *weft_host_new_runtime(weft_runtime *rt) {
  struct weft_py_runtime *runtime =
      PyObject_GC_New(struct weft_py_runtime, &weft_py_runtime_type);
  if (runtime == NULL) {
    weft_runtime_free(rt);
    return NULL;
  }
  runtime->rt = rt;
  runtime->report = NULL;
  runtime->failed = NULL;
  runtime->freed_in = 0;
  runtime->next_open = open_runtimes;
  open_runtimes = runtime;
  weft_set_around_block(rt, around, NULL, NULL);
  weft_set_report(rt, on_report, runtime, NULL);
  PyObject_GC_Track(runtime);
  return (PyObject *)runtime;
}

static void report_unseen(struct weft_py_runtime *runtime) {
  struct weft_py_task *task = runtime->failed;
  while (task != NULL && !task->unseen)
    task = task->next_failed;
  if (task == NULL)
    return;
  /* The oldest first; they stand newest first. Each is marked as told before
   * foreign code runs, which may change the list. */
  for (struct weft_py_task *next = task; next != NULL; next = next->next_failed)
    if (next->unseen)
      task = next;
  task->unseen = false;
  Py_INCREF(task);
  weft_py_report(runtime, WEFT_REPORT_FAILURE, task->name, task->outcome);
  Py_DECREF(task);
  report_unseen(runtime);
}

static void close_runtime(struct weft_py_runtime *runtime) {
  struct weft_py_runtime **link = &open_runtimes;
  while (*link != runtime)
    link = &(*link)->next_open;
  *link = runtime->next_open;
  runtime->rt = NULL;
}

/* The end waits for threads that may need the GIL to end. No other thread may
 * use the runtime meanwhile. */
static int free_without_gil(struct weft_py_runtime *runtime) {
  int status;
  runtime->freed_in = PyThread_get_thread_ident();
  Py_BEGIN_ALLOW_THREADS;
  status = weft_runtime_free(runtime->rt);
  Py_END_ALLOW_THREADS;
  runtime->freed_in = 0;
  return status;
}

int weft_py_free_runtime(weft_runtime *rt) {
  struct weft_py_runtime *runtime = weft_py_find_runtime(rt);
  Py_INCREF(runtime);
  report_unseen(runtime);
  int status = free_without_gil(runtime);
  if (status == WEFT_OK)
    close_runtime(runtime);
  Py_DECREF(runtime);
  return status;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(((struct weft_py_runtime *)self)->report);
  return 0;
}

static int clear(PyObject *self) {
  Py_CLEAR(((struct weft_py_runtime *)self)->report);
  return 0;
}

/* One that cannot be freed here, because a task has not ended or the thread is
 * another, keeps its memory, but loses the way back to this object. */
static void dealloc(PyObject *self) {
  struct weft_py_runtime *runtime = (struct weft_py_runtime *)self;
  PyObject_GC_UnTrack(self);
  if (runtime->rt != NULL) {
    if (free_without_gil(runtime) != WEFT_OK)
      weft_set_report(runtime->rt, NULL, NULL, NULL);
    close_runtime(runtime);
  }
  clear(self);
  PyObject_GC_Del(self);
}

static PyObject *get_report(PyObject *self, void *closure) {
  (void)closure;
  PyObject *report = ((struct weft_py_runtime *)self)->report;
  return Py_NewRef(report == NULL ? Py_None : report);
}

static int set_report(PyObject *self, PyObject *report, void *closure) {
  (void)closure;
  if (report == Py_None)
    report = NULL;
  if (report != NULL && !PyCallable_Check(report)) {
    PyErr_SetString(PyExc_TypeError, "report must be callable, or None");
    return -1;
  }
  Py_XSETREF(((struct weft_py_runtime *)self)->report, Py_XNewRef(report));
  return 0;
}

static PyGetSetDef attributes[] = {
    {"report", get_report, set_report,
     "Called with (kind, task_name, exception) of each report; None prints.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL}};

PyTypeObject weft_py_runtime_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "weft.Runtime",
    .tp_doc = "One thread's loop; made by weft.run, or weft_runtime_new.",
    .tp_basicsize = sizeof(struct weft_py_runtime),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = dealloc,
    .tp_getset = attributes,
};

/* The runtime whose code runs in this thread. */
PyObject *weft_py_current_runtime(PyObject *self, PyObject *args) {
  (void)self;
  (void)args;
  if (weft_py_here.runtime != NULL)
    return Py_NewRef((PyObject *)weft_py_here.runtime);
  weft_host_raise(WEFT_ESTATE);
  return NULL;
}

/* Whether one does. */
PyObject *weft_py_running(PyObject *self, PyObject *args) {
  (void)self;
  (void)args;
  return PyBool_FromLong(weft_py_here.runtime != NULL);
}

/* -- Callbacks ------------------------------------------------------------ */

void *weft_host_callback(PyObject *object) {
  if (PyCallable_Check(object))
    return Py_NewRef(object);
  PyErr_Format(PyExc_TypeError, "a function is needed, not %s",
               Py_TYPE(object)->tp_name);
  return NULL;
}

void weft_host_drop(void *object) {
  if (!Py_IsInitialized())
    return; /* the process ends, and its memory with it */
  PyGILState_STATE gil = PyGILState_Ensure();
  Py_DECREF((PyObject *)object);
  PyGILState_Release(gil);
}

/* What a callback runs in, and what it is put back to. */
struct frame {
  PyGILState_STATE gil;
  struct weft_py_here before;
};

static struct frame enter(weft_runtime *rt) {
  struct frame frame = {PyGILState_Ensure(), weft_py_here};
  weft_py_here.runtime = weft_py_find_runtime(rt);
  weft_py_here.task = NULL;
  return frame;
}

/* [result] is what the callback returned; NULL is reported. */
static void leave(weft_runtime *rt, struct frame frame, PyObject *result) {
  if (result == NULL)
    weft_py_report_callback(rt);
  Py_XDECREF(result);
  weft_py_here = frame.before;
  PyGILState_Release(frame.gil);
}

void weft_host_call(weft_runtime *rt, void *arg) {
  struct frame frame = enter(rt);
  leave(rt, frame, PyObject_CallNoArgs(arg));
}

void weft_host_watch(weft_runtime *rt, void *arg, int status, int events) {
  struct frame frame = enter(rt);
  leave(rt, frame, PyObject_CallFunction(arg, "ii", status, events));
}

static PyObject *list_of_texts(const char *const *texts, size_t count) {
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list != NULL && i < count; i++) {
    PyObject *text = PyUnicode_FromString(texts[i]);
    if (text == NULL)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, text);
  }
  return list;
}

void weft_host_resolve(weft_runtime *rt, void *arg, int status,
                       const char *const *addresses, size_t count) {
  struct frame frame = enter(rt);
  PyObject *list = list_of_texts(addresses, count);
  PyObject *result =
      list == NULL ? NULL : PyObject_CallFunction(arg, "iO", status, list);
  Py_XDECREF(list);
  leave(rt, frame, result);
}

/* A function as a job. What it finds out it has to leave where its caller looks
 * for it. */
int weft_host_work(void *local, void *arg, uint64_t *value) {
  (void)local;
  (void)value;
  if (!Py_IsInitialized())
    return WEFT_ESTATE; /* the process ends */
  PyGILState_STATE gil = PyGILState_Ensure();
  PyObject *result = PyObject_CallNoArgs(arg);
  if (result == NULL)
    PyErr_WriteUnraisable(arg);
  int status = result == NULL ? WEFT_EHOST : WEFT_OK;
  Py_XDECREF(result);
  PyGILState_Release(gil);
  return status;
}

/* A function as the step of a task: it gets status and value, and returns the
 * mark of a call that parked, None when it is done, or a code. */
static int step_outcome(PyObject *result) {
  if (result == Py_None)
    return WEFT_OK;
  if (!PyLong_Check(result))
    return WEFT_PARKED;
  long code = PyLong_AsLong(result);
  return code == -1 && PyErr_Occurred() ? WEFT_EHOST : (int)code;
}

int weft_host_step(weft_runtime *rt, void *arg, int status, uint64_t value) {
  struct frame frame = enter(rt);
  PyObject *result =
      PyObject_CallFunction(arg, "iK", status, (unsigned long long)value);
  int outcome = result == NULL ? WEFT_EHOST : step_outcome(result);
  if (PyErr_Occurred())
    outcome = weft_py_fail(rt);
  leave(rt, frame, result == NULL ? Py_NewRef(Py_None) : result);
  return outcome;
}
