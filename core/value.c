/* SPDX-License-Identifier: MIT
 * value.c - what crosses languages, threads and processes.
 *
 * A value never changes once it is made, so any thread may read it, and the
 * count of its references is all that is ever written. What it holds of its
 * own lies behind its head in the same block: one allocation makes a value of
 * any size, and either it exists whole or not at all.
 *
 * Freeing does not recurse: a list in a list in a list, a million deep, must
 * not take a million C frames. A value that nobody refers to any more needs
 * its count no more either; in its place comes the link of a list of values
 * still to be freed. A value can hold an error, but no error holds values, so
 * the two never nest in each other. Only a host's object can hide a chain from
 * this, by a drop function that drops references itself. */
#include <stdatomic.h>
#include <string.h>

#include "value.h"

struct weft_value {
  union {
    atomic_size_t refs;      /* while alive */
    struct weft_value *next; /* once dead: the next to be freed */
  } life;
  enum weft_value_type type;
  union {
    bool flag;         /* WEFT_BOOL */
    int64_t number;    /* WEFT_INT */
    double real;       /* WEFT_FLOAT */
    size_t count;      /* WEFT_LIST, WEFT_MAP */
    size_t size_bytes; /* WEFT_BYTES; a zero byte follows them */
    weft_error *error; /* WEFT_ERROR */
    struct {
      void *object;
      weft_drop_fn drop;
    } host; /* WEFT_HOST_OBJECT */
  } as;
  /* What the value holds: the items of a list; the values of a map, then its
   * keys; the bytes. */
  struct weft_value *held[];
};

/* -- Parts ---------------------------------------------------------------- */

/* How many values this one refers to. */
static size_t children_of(const weft_value *value) {
  if (value->type == WEFT_LIST)
    return value->as.count;
  return value->type == WEFT_MAP ? 2 * value->as.count : 0;
}

static size_t size_of(const weft_value *value) {
  if (value->type == WEFT_BYTES)
    return sizeof *value + value->as.size_bytes + 1;
  return sizeof *value + children_of(value) * sizeof(void *);
}

/* -- Life ----------------------------------------------------------------- */

/* A value with one reference and [tail_bytes] behind it, or NULL. */
static weft_value *make(enum weft_value_type type, size_t tail_bytes) {
  if (tail_bytes > SIZE_MAX - sizeof(weft_value))
    return NULL;
  weft_value *value = weft__alloc(sizeof *value + tail_bytes);
  if (value == NULL)
    return NULL;
  atomic_init(&value->life.refs, 1);
  value->type = type;
  return value;
}

/* Drops a reference; true if it was the last. What other threads did with the
 * value before they let go of it must be over before it is freed. */
static bool release(weft_value *value) {
  return atomic_fetch_sub_explicit(&value->life.refs, 1,
                                   memory_order_acq_rel) == 1;
}

/* Frees [value] itself and puts those it was the last to refer to before
 * [dead]; returns what is to be freed next. */
static weft_value *bury(weft_value *value, weft_value *dead) {
  for (size_t i = children_of(value); i-- > 0;) {
    weft_value *child = value->held[i];
    if (!release(child))
      continue;
    child->life.next = dead;
    dead = child;
  }
  if (value->type == WEFT_ERROR)
    weft_error_unref(value->as.error);
  if (value->type == WEFT_HOST_OBJECT)
    weft__drop(value->as.host.drop, value->as.host.object);
  weft__free(value, size_of(value));
  return dead;
}

weft_value *weft_value_ref(weft_value *value) {
  if (value != NULL)
    atomic_fetch_add_explicit(&value->life.refs, 1, memory_order_relaxed);
  return value;
}

void weft_value_unref(weft_value *value) {
  if (value == NULL || !release(value))
    return;
  weft_value *dead = bury(value, NULL);
  while (dead != NULL)
    dead = bury(dead, dead->life.next);
}

/* -- Making --------------------------------------------------------------- */

int weft_value_new_nil(weft_value **value) {
  *value = make(WEFT_NIL, 0);
  return *value == NULL ? WEFT_ENOMEM : WEFT_OK;
}

int weft_value_new_bool(int flag, weft_value **value) {
  *value = make(WEFT_BOOL, 0);
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.flag = flag != 0;
  return WEFT_OK;
}

int weft_value_new_int(int64_t number, weft_value **value) {
  *value = make(WEFT_INT, 0);
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.number = number;
  return WEFT_OK;
}

int weft_value_new_float(double number, weft_value **value) {
  *value = make(WEFT_FLOAT, 0);
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.real = number;
  return WEFT_OK;
}

int weft__value_new_room(size_t size_bytes, weft_value **value) {
  *value = NULL;
  if (size_bytes < SIZE_MAX)
    *value = make(WEFT_BYTES, size_bytes + 1);
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.size_bytes = size_bytes;
  return WEFT_OK;
}

char *weft__value_room(weft_value *value) {
  return (char *)value->held;
}

int weft__value_resize(weft_value **value, size_t size_bytes) {
  size_t head_bytes = sizeof(weft_value) + 1;
  if (size_bytes > SIZE_MAX - head_bytes)
    return WEFT_ENOMEM;
  weft_value *resized =
      weft__resize(*value, size_of(*value), head_bytes + size_bytes);
  if (resized == NULL)
    return WEFT_ENOMEM;
  resized->as.size_bytes = size_bytes;
  weft__value_room(resized)[size_bytes] = '\0';
  *value = resized;
  return WEFT_OK;
}

int weft_value_new_bytes(const void *data, size_t size_bytes,
                         weft_value **value) {
  *value = NULL;
  if (data == NULL && size_bytes > 0)
    return WEFT_EINVAL;
  int status = weft__value_new_room(size_bytes, value);
  if (status == WEFT_OK && size_bytes > 0)
    memcpy(weft__value_room(*value), data, size_bytes);
  return status;
}

static bool are_values(weft_value *const *values, size_t count) {
  if (values == NULL)
    return count == 0;
  for (size_t i = 0; i < count; i++)
    if (values[i] == NULL)
      return false;
  return true;
}

static void ref_all(weft_value **to, weft_value *const *from, size_t count) {
  for (size_t i = 0; i < count; i++)
    to[i] = weft_value_ref(from[i]);
}

int weft_value_new_list(weft_value *const *items, size_t count,
                        weft_value **value) {
  *value = NULL;
  if (!are_values(items, count))
    return WEFT_EINVAL;
  if (count <= SIZE_MAX / sizeof(void *))
    *value = make(WEFT_LIST, count * sizeof(void *));
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.count = count;
  ref_all((*value)->held, items, count);
  return WEFT_OK;
}

int weft_value_new_map(weft_value *const *keys, weft_value *const *values,
                       size_t count, weft_value **value) {
  *value = NULL;
  if (!are_values(keys, count) || !are_values(values, count))
    return WEFT_EINVAL;
  if (count <= SIZE_MAX / (2 * sizeof(void *)))
    *value = make(WEFT_MAP, 2 * count * sizeof(void *));
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.count = count;
  ref_all((*value)->held, values, count);
  ref_all((*value)->held + count, keys, count);
  return WEFT_OK;
}

int weft_value_new_error(weft_error *error, weft_value **value) {
  *value = NULL;
  if (error == NULL)
    return WEFT_EINVAL;
  *value = make(WEFT_ERROR, 0);
  if (*value == NULL)
    return WEFT_ENOMEM;
  (*value)->as.error = weft_error_ref(error);
  return WEFT_OK;
}

/* The object is consumed like every arg that comes with a drop function: it is
 * dropped here if no value comes to hold it. */
int weft_value_new_host(void *object, weft_drop_fn drop, weft_value **value) {
  *value = make(WEFT_HOST_OBJECT, 0);
  if (*value == NULL) {
    weft__drop(drop, object);
    return WEFT_ENOMEM;
  }
  (*value)->as.host.object = object;
  (*value)->as.host.drop = drop;
  return WEFT_OK;
}

/* -- Reading -------------------------------------------------------------- */

static bool is_a(const weft_value *value, enum weft_value_type type) {
  return value != NULL && value->type == type;
}

int weft_value_get_type(const weft_value *value) {
  return value == NULL ? WEFT_NIL : (int)value->type;
}

int weft_value_get_bool(const weft_value *value, int *flag) {
  *flag = is_a(value, WEFT_BOOL) ? value->as.flag : 0;
  return is_a(value, WEFT_BOOL) ? WEFT_OK : WEFT_EINVAL;
}

int weft_value_get_int(const weft_value *value, int64_t *number) {
  *number = is_a(value, WEFT_INT) ? value->as.number : 0;
  return is_a(value, WEFT_INT) ? WEFT_OK : WEFT_EINVAL;
}

int weft_value_get_float(const weft_value *value, double *number) {
  *number = is_a(value, WEFT_FLOAT) ? value->as.real : 0;
  return is_a(value, WEFT_FLOAT) ? WEFT_OK : WEFT_EINVAL;
}

int weft_value_get_bytes(const weft_value *value, const char **data,
                         size_t *size_bytes) {
  *data = NULL;
  *size_bytes = 0;
  if (!is_a(value, WEFT_BYTES))
    return WEFT_EINVAL;
  *data = (const char *)value->held;
  *size_bytes = value->as.size_bytes;
  return WEFT_OK;
}

int weft_value_get_count(const weft_value *value, size_t *count) {
  *count = 0;
  if (!is_a(value, WEFT_LIST) && !is_a(value, WEFT_MAP))
    return WEFT_EINVAL;
  *count = value->as.count;
  return WEFT_OK;
}

int weft_value_get_item(const weft_value *value, size_t index,
                        weft_value **item) {
  size_t count;
  *item = NULL;
  if (weft_value_get_count(value, &count) != WEFT_OK || index >= count)
    return WEFT_EINVAL;
  *item = value->held[index];
  return WEFT_OK;
}

int weft_value_get_key(const weft_value *value, size_t index,
                       weft_value **key) {
  *key = NULL;
  if (!is_a(value, WEFT_MAP) || index >= value->as.count)
    return WEFT_EINVAL;
  *key = value->held[value->as.count + index];
  return WEFT_OK;
}

int weft_value_get_error(const weft_value *value, weft_error **error) {
  *error = is_a(value, WEFT_ERROR) ? value->as.error : NULL;
  return is_a(value, WEFT_ERROR) ? WEFT_OK : WEFT_EINVAL;
}

int weft_value_get_host(const weft_value *value, weft_drop_fn drop,
                        void **object) {
  *object = NULL;
  if (!is_a(value, WEFT_HOST_OBJECT) || value->as.host.drop != drop)
    return WEFT_EINVAL;
  *object = value->as.host.object;
  return WEFT_OK;
}
