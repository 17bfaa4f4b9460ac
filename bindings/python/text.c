/* SPDX-License-Identifier: MIT
 * text.c - text, paths, bytes and room for bytes.
 *
 * What the core gets is not copied: an object that cannot change holds it, and
 * is held as long as the core reads it. */
#include "weft_python.h"

/* -- Text ----------------------------------------------------------------- */

/* As Python gives names to the system: a str is encoded as names of files are,
 * so that one from os.listdir means what it did there. */
const char *weft_host_to_text(PyObject *object, void **held) {
  PyObject *bytes;
  if (!PyUnicode_FSConverter(object, &bytes))
    return NULL;
  *held = bytes;
  return PyBytes_AS_STRING(bytes);
}

void weft_host_let_go(void *held) {
  Py_XDECREF((PyObject *)held);
}

/* -- Bytes ---------------------------------------------------------------- */

int weft_host_to_bytes(PyObject *object, const void **data,
                       size_t *size_bytes) {
  if (!PyBytes_Check(object)) {
    PyErr_Format(PyExc_TypeError, "bytes are needed, not %s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  *data = PyBytes_AS_STRING(object);
  *size_bytes = (size_t)PyBytes_GET_SIZE(object);
  return 0;
}

PyObject *weft_host_from_bytes(const char *data, size_t size_bytes) {
  return PyBytes_FromStringAndSize(data, (Py_ssize_t)size_bytes);
}

/* A tuple of the pieces and of the bytes that are the arrays. */
void *weft_host_to_pieces(PyObject *object, const void *const **data,
                          const size_t **sizes_bytes, size_t *count) {
  PyObject *pieces = PySequence_Tuple(object);
  if (pieces == NULL)
    return NULL;
  Py_ssize_t length = PyTuple_GET_SIZE(pieces);
  PyObject *arrays = PyBytes_FromStringAndSize(
      NULL, length * (Py_ssize_t)(sizeof(void *) + sizeof(size_t)));
  if (arrays == NULL) {
    Py_DECREF(pieces);
    return NULL;
  }
  const void **starts = (const void **)(void *)PyBytes_AS_STRING(arrays);
  size_t *sizes = (size_t *)(void *)(starts + length);
  PyObject *held = PyTuple_Pack(2, pieces, arrays);
  for (Py_ssize_t i = 0; held != NULL && i < length; i++)
    if (weft_host_to_bytes(PyTuple_GET_ITEM(pieces, i), &starts[i],
                           &sizes[i]) != 0)
      Py_CLEAR(held);
  Py_DECREF(pieces);
  Py_DECREF(arrays);
  *data = starts;
  *sizes_bytes = sizes;
  *count = (size_t)length;
  return held;
}

void *weft_host_to_room(PyObject *object, void **room, size_t *size_bytes) {
  Py_ssize_t size = PyNumber_AsSsize_t(object, PyExc_OverflowError);
  if (size == -1 && PyErr_Occurred())
    return NULL;
  if (size < 0) {
    weft_host_raise(WEFT_EINVAL);
    return NULL;
  }
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
  if (bytes == NULL)
    return NULL;
  *room = PyBytes_AS_STRING(bytes);
  *size_bytes = (size_t)size;
  return bytes;
}

/* -- Words ---------------------------------------------------------------- */

/* The core keeps the pointer for ever, so each different word is kept so. */
const char *weft_host_word(PyObject *object) {
  static PyObject *words;
  if (!PyUnicode_Check(object)) {
    PyErr_SetString(PyExc_TypeError, "a word is text");
    return NULL;
  }
  if (words == NULL)
    words = PyDict_New();
  PyObject *kept =
      words == NULL ? NULL : PyDict_SetDefault(words, object, object);
  return kept == NULL ? NULL : PyUnicode_AsUTF8(kept);
}
