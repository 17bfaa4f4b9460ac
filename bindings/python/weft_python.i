/* SPDX-License-Identifier: MIT
 * weft_python.i - the module weft._weft, and weft.abi, which is all of it that
 * the core's header declares. */

%{
#include "weft_python.h"
%}

%init %{
  if (weft_py_add_types(m) != 0)
    return NULL;
%}

/* Failures that wait for somebody to ask are reported first, and the object
 * that stands for the runtime is told. */
%exception weft_runtime_free {
  result = weft_py_free_runtime(arg1);
}

%native(spawn) PyObject *weft_py_spawn(PyObject *self, PyObject *args);
%native(current_task)
    PyObject *weft_py_current_task(PyObject *self, PyObject *args);
%native(current_runtime)
    PyObject *weft_py_current_runtime(PyObject *self, PyObject *args);
%native(running) PyObject *weft_py_running(PyObject *self, PyObject *args);
%native(code_of) PyObject *weft_py_code(PyObject *self, PyObject *args);

%include "../weft.i"
