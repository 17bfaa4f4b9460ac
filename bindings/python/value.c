/* SPDX-License-Identifier: MIT
 * value.c - values as Python's own, and back.
 *
 *   None, bool, int, float      as they are; an int has to fit 64 bits
 *   bytes, str                  bytes; text as UTF-8
 *   list, tuple, dict           lists and maps, copied
 *   an exception                an error
 *   anything else               the object itself, opaque to other languages
 *
 * On the way back bytes that are UTF-8 are a str, others are bytes: the core
 * has no type for text. */
#include "weft_python.h"

#define DEPTH_MAX 200 /* of lists in lists; one that holds itself ends here */

static int export_value(PyObject *object, int depth, weft_value **value);

/* -- To the core ---------------------------------------------------------- */

static int export_int(PyObject *object, weft_value **value) {
  int overflow;
  long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
  return overflow != 0 ? WEFT_EINVAL : weft_value_new_int(number, value);
}

static int export_text(PyObject *object, weft_value **value) {
  Py_ssize_t size;
  const char *text = PyUnicode_AsUTF8AndSize(object, &size);
  return text == NULL ? WEFT_EINVAL
                      : weft_value_new_bytes(text, (size_t)size, value);
}

static int export_exception(PyObject *object, weft_value **value) {
  weft_error *error;
  if (weft_host_to_error(object, &error) != 0)
    return WEFT_ENOMEM;
  int status = weft_value_new_error(error, value);
  weft_error_unref(error);
  return status;
}

static int export_object(PyObject *object, weft_value **value) {
  int status = weft_value_new_host(Py_NewRef(object), weft_host_drop, value);
  return status;
}

static void unref_all(weft_value **values, Py_ssize_t count) {
  for (Py_ssize_t i = 0; values != NULL && i < count; i++)
    weft_value_unref(values[i]);
  PyMem_Free(values);
}

/* The items of a list or tuple; NULL with a status if one is no value. */
static weft_value **export_items(PyObject *items, int depth, int *status) {
  Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  weft_value **values = PyMem_Calloc((size_t)count + 1, sizeof *values);
  *status = values == NULL ? WEFT_ENOMEM : WEFT_OK;
  for (Py_ssize_t i = 0; *status == WEFT_OK && i < count; i++)
    *status =
        export_value(PySequence_Fast_GET_ITEM(items, i), depth, &values[i]);
  if (*status == WEFT_OK)
    return values;
  unref_all(values, count);
  return NULL;
}

static int export_list(PyObject *object, int depth, weft_value **value) {
  int status;
  weft_value **items = export_items(object, depth, &status);
  Py_ssize_t count = PySequence_Fast_GET_SIZE(object);
  if (items != NULL)
    status = weft_value_new_list(items, (size_t)count, value);
  unref_all(items, count);
  return status;
}

static int export_dict(PyObject *object, int depth, weft_value **value) {
  PyObject *keys = PyDict_Keys(object);
  PyObject *values = PyDict_Values(object);
  weft_value **key_list = NULL, **value_list = NULL;
  int status = WEFT_ENOMEM;
  Py_ssize_t count = PyDict_GET_SIZE(object);
  if (keys != NULL && values != NULL)
    key_list = export_items(keys, depth, &status);
  if (key_list != NULL)
    value_list = export_items(values, depth, &status);
  if (value_list != NULL)
    status = weft_value_new_map(key_list, value_list, (size_t)count, value);
  unref_all(key_list, count);
  unref_all(value_list, count);
  Py_XDECREF(keys);
  Py_XDECREF(values);
  return status;
}

static int export_value(PyObject *object, int depth, weft_value **value) {
  *value = NULL;
  if (depth > DEPTH_MAX)
    return WEFT_EINVAL;
  if (object == Py_None)
    return weft_value_new_nil(value);
  if (PyBool_Check(object))
    return weft_value_new_bool(object == Py_True, value);
  if (PyLong_Check(object))
    return export_int(object, value);
  if (PyFloat_Check(object))
    return weft_value_new_float(PyFloat_AS_DOUBLE(object), value);
  if (PyUnicode_Check(object))
    return export_text(object, value);
  if (PyBytes_Check(object))
    return weft_value_new_bytes(PyBytes_AS_STRING(object),
                                (size_t)PyBytes_GET_SIZE(object), value);
  if (PyList_Check(object) || PyTuple_Check(object))
    return export_list(object, depth + 1, value);
  if (PyDict_Check(object))
    return export_dict(object, depth + 1, value);
  if (PyExceptionInstance_Check(object))
    return export_exception(object, value);
  return export_object(object, value);
}

/* NULL stands for nil, so None needs no memory. */
int weft_host_to_value(PyObject *object, weft_value **value) {
  *value = NULL;
  int status = object == Py_None ? WEFT_OK : export_value(object, 0, value);
  if (status == WEFT_OK)
    return 0;
  if (!PyErr_Occurred())
    weft_host_raise(status);
  return -1;
}

/* -- From the core -------------------------------------------------------- */

static PyObject *import_bytes(const weft_value *value) {
  const char *data;
  size_t size;
  weft_value_get_bytes(value, &data, &size);
  PyObject *text = PyUnicode_DecodeUTF8(data, (Py_ssize_t)size, NULL);
  if (text != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
    return text;
  PyErr_Clear();
  return weft_host_from_bytes(data, size);
}

static PyObject *import_list(const weft_value *value) {
  size_t count;
  weft_value_get_count(value, &count);
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list != NULL && i < count; i++) {
    weft_value *item;
    weft_value_get_item(value, i, &item);
    PyObject *object = weft_host_from_value(item);
    if (object == NULL)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, object);
  }
  return list;
}

static int import_pair(const weft_value *value, size_t index, PyObject *dict) {
  weft_value *key, *item;
  weft_value_get_key(value, index, &key);
  weft_value_get_item(value, index, &item);
  PyObject *name = weft_host_from_value(key);
  PyObject *object = name == NULL ? NULL : weft_host_from_value(item);
  int status = object == NULL ? -1 : PyDict_SetItem(dict, name, object);
  Py_XDECREF(name);
  Py_XDECREF(object);
  return status;
}

static PyObject *import_map(const weft_value *value) {
  size_t count;
  weft_value_get_count(value, &count);
  PyObject *dict = PyDict_New();
  for (size_t i = 0; dict != NULL && i < count; i++)
    if (import_pair(value, i, dict) != 0)
      Py_CLEAR(dict);
  return dict;
}

static PyObject *import_int(const weft_value *value) {
  int64_t number;
  weft_value_get_int(value, &number);
  return PyLong_FromLongLong(number);
}

static PyObject *import_bool(const weft_value *value) {
  int flag;
  weft_value_get_bool(value, &flag);
  return PyBool_FromLong(flag);
}

static PyObject *import_float(const weft_value *value) {
  double number;
  weft_value_get_float(value, &number);
  return PyFloat_FromDouble(number);
}

static PyObject *import_object(const weft_value *value) {
  void *object;
  if (weft_value_get_host(value, weft_host_drop, &object) == WEFT_OK)
    return Py_NewRef((PyObject *)object);
  PyErr_SetString(PyExc_TypeError, "the value is another language's object");
  return NULL;
}

PyObject *weft_host_from_value(weft_value *value) {
  weft_error *error;
  switch (weft_value_get_type(value)) {
  case WEFT_NIL:
    Py_RETURN_NONE;
  case WEFT_BOOL:
    return import_bool(value);
  case WEFT_INT:
    return import_int(value);
  case WEFT_FLOAT:
    return import_float(value);
  case WEFT_BYTES:
    return import_bytes(value);
  case WEFT_LIST:
    return import_list(value);
  case WEFT_MAP:
    return import_map(value);
  case WEFT_ERROR:
    weft_value_get_error(value, &error);
    return weft_host_from_error(error);
  default:
    return import_object(value);
  }
}
