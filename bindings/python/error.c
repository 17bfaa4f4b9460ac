/* SPDX-License-Identifier: MIT
 * error.c - codes and errors as exceptions, and back.
 *
 * An exception that crosses the core and comes back is the same object: it is
 * the host's part of the error. What other languages see of it is text. The
 * classes are Python's own, in weft/errors.py. */
#include "weft_python.h"

#define CAUSES_MAX 16 /* of a chain of causes, what other languages see */

PyObject *weft_py_errors(const char *name) {
  static PyObject *module;
  if (module == NULL)
    module = PyImport_ImportModule("weft.errors");
  PyObject *found =
      module == NULL ? NULL : PyObject_GetAttrString(module, name);
  Py_XDECREF(found); /* the module keeps it */
  return found;
}

PyObject *weft_py_take_exception(void) {
  PyObject *type, *exception, *traceback;
  PyErr_Fetch(&type, &exception, &traceback);
  PyErr_NormalizeException(&type, &exception, &traceback);
  if (traceback != NULL)
    PyException_SetTraceback(exception, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return exception;
}

/* -- Raising -------------------------------------------------------------- */

/* Raises what a function of weft.errors makes; takes [arguments] over. */
static void raise_made(const char *name, PyObject *arguments) {
  PyObject *function = arguments == NULL ? NULL : weft_py_errors(name);
  PyObject *exception =
      function == NULL ? NULL : PyObject_CallObject(function, arguments);
  Py_XDECREF(arguments);
  if (exception != NULL)
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
  Py_XDECREF(exception);
}

static PyObject *cancelled_arguments(void) {
  weft_scope scope;
  int source = WEFT_SOURCE_NONE;
  weft_value *reason = NULL;
  weft_error *cause = NULL;
  if (weft_py_here.runtime != NULL)
    weft_cancellation(weft_py_here.runtime->rt, &scope, &source, &reason,
                      &cause);
  PyObject *why = weft_host_from_value(reason);
  PyObject *from = why == NULL ? NULL : weft_host_from_error(cause);
  PyObject *arguments =
      from == NULL ? NULL : Py_BuildValue("(iOO)", source, why, from);
  Py_XDECREF(why);
  Py_XDECREF(from);
  return arguments;
}

void weft_host_raise(int code) {
  if (code == WEFT_ECANCELLED)
    raise_made("cancelled", cancelled_arguments());
  else
    raise_made("make", Py_BuildValue("(i)", code));
}

void weft_host_raise_error(weft_error *error) {
  PyObject *exception = weft_host_from_error(error);
  weft_error_unref(error);
  if (exception != NULL)
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
  Py_XDECREF(exception);
}

/* -- From the core -------------------------------------------------------- */

static PyObject *members_of(weft_error *error) {
  size_t count = weft_error_get_count(error);
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list != NULL && i < count; i++) {
    PyObject *member = weft_host_from_error(weft_error_get_member(error, i));
    if (member == NULL)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, member);
  }
  return list;
}

/* An error of another language, or of the core itself. */
static PyObject *import_error(weft_error *error) {
  PyObject *function = weft_py_errors("from_core");
  PyObject *cause = function == NULL
                        ? NULL
                        : weft_host_from_error(weft_error_get_cause(error));
  PyObject *members = cause == NULL ? NULL : members_of(error);
  PyObject *exception = NULL;
  if (members != NULL)
    exception = PyObject_CallFunction(
        function, "isszzOO", weft_error_get_code(error),
        weft_error_get_name(error), weft_error_get_message(error),
        weft_error_get_traceback(error), weft_error_get_task(error), cause,
        members);
  Py_XDECREF(cause);
  Py_XDECREF(members);
  return exception;
}

PyObject *weft_host_from_error(weft_error *error) {
  if (error == NULL)
    Py_RETURN_NONE;
  PyObject *own = weft_error_get_host(error, weft_host_drop);
  return own != NULL ? Py_NewRef(own) : import_error(error);
}

/* -- To the core ---------------------------------------------------------- */

static bool is_a(PyObject *exception, const char *name) {
  PyObject *class = weft_py_errors(name);
  return class != NULL && PyObject_TypeCheck(exception, (PyTypeObject *)class);
}

static bool is_group(PyObject *exception) {
  return PyObject_TypeCheck(exception,
                            (PyTypeObject *)PyExc_BaseExceptionGroup);
}

int weft_py_code_of(PyObject *exception) {
  if (is_a(exception, "CancelledError"))
    return WEFT_ECANCELLED;
  if (is_group(exception))
    return WEFT_EGROUP;
  if (!is_a(exception, "Error"))
    return WEFT_EHOST;
  PyObject *number = PyObject_GetAttrString(exception, "code");
  long code = number == NULL ? 0 : PyLong_AsLong(number);
  Py_XDECREF(number);
  PyErr_Clear();
  bool usable = code < WEFT_OK && code >= INT_MIN && code != WEFT_ECANCELLED;
  return usable ? (int)code : WEFT_EHOST;
}

/* code_of(exception) for the Python side; 0 for None. */
PyObject *weft_py_code(PyObject *self, PyObject *args) {
  (void)self;
  PyObject *exception;
  if (!PyArg_ParseTuple(args, "O:code_of", &exception))
    return NULL;
  return PyLong_FromLong(exception == Py_None ? WEFT_OK
                                              : weft_py_code_of(exception));
}

/* "file:line: in name", a line for each frame, the innermost first. */
static PyObject *traceback_text(PyObject *traceback) {
  PyObject *text = PyUnicode_FromString("");
  while (text != NULL && traceback != NULL && traceback != Py_None) {
    PyTracebackObject *entry = (PyTracebackObject *)traceback;
    PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
    PyObject *line = PyObject_GetAttrString(traceback, "tb_lineno");
    PyObject *longer =
        line == NULL
            ? NULL
            : PyUnicode_FromFormat("%U:%S: in %U\n%U", code->co_filename, line,
                                   code->co_qualname, text);
    Py_XDECREF(line);
    Py_DECREF(code);
    Py_SETREF(text, longer);
    traceback = (PyObject *)entry->tb_next;
  }
  return text;
}

static void set_traceback(weft_error *error, PyObject *exception) {
  PyObject *traceback = PyException_GetTraceback(exception);
  PyObject *text = traceback == NULL ? NULL : traceback_text(traceback);
  const char *bytes = text == NULL ? NULL : PyUnicode_AsUTF8(text);
  if (bytes != NULL)
    weft_error_set_traceback(error, bytes);
  Py_XDECREF(text);
  Py_XDECREF(traceback);
  PyErr_Clear();
}

static int export_error(PyObject *exception, int causes, weft_error **error);

static void set_cause(weft_error *error, PyObject *exception, int causes) {
  PyObject *cause = PyException_GetCause(exception);
  weft_error *below;
  if (cause != NULL && causes > 0 &&
      export_error(cause, causes - 1, &below) == WEFT_OK) {
    weft_error_set_cause(error, below);
    weft_error_unref(below);
  }
  Py_XDECREF(cause);
}

/* Without the module, which only classes written in C have in this name. */
static const char *class_name(PyObject *exception) {
  const char *name = Py_TYPE(exception)->tp_name;
  const char *dot = strrchr(name, '.');
  return dot == NULL ? name : dot + 1;
}

static int make_plain(PyObject *exception, weft_error **error) {
  int code = weft_py_code_of(exception);
  PyObject *text = PyObject_Str(exception);
  const char *message = text == NULL ? NULL : PyUnicode_AsUTF8(text);
  PyErr_Clear(); /* it cannot say what it is: then its class has to do */
  const char *name = code == WEFT_EHOST ? class_name(exception) : NULL;
  int status = weft_error_new(code, name, message, error);
  Py_XDECREF(text);
  return status;
}

/* The members of a group, as errors; NULL if there is no memory. */
static weft_error **make_members(PyObject *members, size_t count, int causes) {
  weft_error **errors = PyMem_Calloc(count, sizeof *errors);
  for (size_t i = 0; errors != NULL && i < count; i++) {
    PyObject *member = PyTuple_GET_ITEM(members, (Py_ssize_t)i);
    if (export_error(member, causes, &errors[i]) == WEFT_OK)
      continue;
    while (i-- > 0)
      weft_error_unref(errors[i]);
    PyMem_Free(errors);
    errors = NULL;
  }
  return errors;
}

static int make_group(PyObject *exception, int causes, weft_error **error) {
  PyObject *members = PyObject_GetAttrString(exception, "exceptions");
  PyObject *text = PyObject_GetAttrString(exception, "message");
  const char *message = text == NULL ? NULL : PyUnicode_AsUTF8(text);
  size_t count = members == NULL ? 0 : (size_t)PyTuple_GET_SIZE(members);
  weft_error **errors =
      count == 0 ? NULL : make_members(members, count, causes);
  int status = errors == NULL
                   ? WEFT_ENOMEM
                   : weft_error_new_group(message, errors, count, error);
  for (size_t i = 0; errors != NULL && i < count; i++)
    weft_error_unref(errors[i]);
  PyMem_Free(errors);
  Py_XDECREF(text);
  Py_XDECREF(members);
  PyErr_Clear();
  return status;
}

static int export_error(PyObject *exception, int causes, weft_error **error) {
  *error = NULL;
  int status = is_group(exception) ? make_group(exception, causes, error)
                                   : make_plain(exception, error);
  if (status != WEFT_OK)
    return status;
  set_traceback(*error, exception);
  set_cause(*error, exception, causes);
  weft_error_set_host(*error, Py_NewRef(exception), weft_host_drop);
  return WEFT_OK;
}

int weft_host_to_error(PyObject *object, weft_error **error) {
  *error = NULL;
  if (object == Py_None)
    return 0;
  if (!PyExceptionInstance_Check(object)) {
    PyErr_Format(PyExc_TypeError, "an exception is needed, not %s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  if (export_error(object, CAUSES_MAX, error) == WEFT_OK)
    return 0;
  PyErr_NoMemory();
  return -1;
}

/* -- Failing -------------------------------------------------------------- */

int weft_py_fail(weft_runtime *rt) {
  PyObject *exception = weft_py_take_exception();
  int code = weft_py_code_of(exception);
  weft_error *error;
  if (code != WEFT_ECANCELLED && weft_host_to_error(exception, &error) == 0) {
    weft_task_set_error(rt, error);
    weft_error_unref(error);
  }
  PyErr_Clear();
  Py_DECREF(exception);
  return code;
}

void weft_py_report_callback(weft_runtime *rt) {
  PyObject *exception = weft_py_take_exception();
  weft_error *error;
  if (weft_host_to_error(exception, &error) == 0) {
    weft_report(rt, WEFT_REPORT_CALLBACK, 0, error);
    weft_error_unref(error);
  }
  PyErr_Clear();
  Py_DECREF(exception);
}
