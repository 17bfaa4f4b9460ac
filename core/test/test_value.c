/* SPDX-License-Identifier: MIT
 * test_value.c - values: each type made and read, counted, and freed. */
#include <math.h>

#include <uv.h>

#include "../weft.h"
#include "check.h"
#include "failing.h"

static void drop_counted(void *arg) {
  ++*(int *)arg;
}

static void drop_other(void *arg) {
  (void)arg;
}

static weft_value *number(int64_t wanted) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_int(wanted, &value));
  return value;
}

static weft_value *text(const char *wanted) {
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_bytes(wanted, strlen(wanted), &value));
  return value;
}

/* -- Each type ------------------------------------------------------------ */

TEST("nil is a value, and so is no value at all") {
  failing_install();
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_nil(&value));
  CHECK(value != NULL);
  CHECK_INT(WEFT_NIL, weft_value_get_type(value));
  CHECK_INT(WEFT_NIL, weft_value_get_type(NULL));
  weft_value_unref(value);
  weft_value_unref(NULL);
  CHECK(weft_value_ref(NULL) == NULL);
  CHECK_INT(0, failing_live());
}

TEST("a bool is 0 or 1, whatever it was made of") {
  failing_install();
  const int flags[] = {0, 1, 256, -1};
  for (int i = 0; i < 4; i++) {
    weft_value *value;
    int flag = 7;
    CHECK_INT(WEFT_OK, weft_value_new_bool(flags[i], &value));
    CHECK_INT(WEFT_BOOL, weft_value_get_type(value));
    CHECK_INT(WEFT_OK, weft_value_get_bool(value, &flag));
    CHECK_INT(flags[i] != 0, flag);
    weft_value_unref(value);
  }
  CHECK_INT(0, failing_live());
}

TEST("an integer keeps all its 64 bits") {
  failing_install();
  const int64_t numbers[] = {0, -1, INT64_MIN, INT64_MAX};
  for (int i = 0; i < 4; i++) {
    int64_t read = 7;
    weft_value *value = number(numbers[i]);
    CHECK_INT(WEFT_INT, weft_value_get_type(value));
    CHECK_INT(WEFT_OK, weft_value_get_int(value, &read));
    CHECK_INT(numbers[i], read);
    weft_value_unref(value);
  }
  CHECK_INT(0, failing_live());
}

static int64_t bits_of(double real) {
  int64_t bits;
  memcpy(&bits, &real, sizeof bits);
  return bits;
}

TEST("a float keeps all its bits, also those of -0, infinity and NaN") {
  failing_install();
  const double numbers[] = {0.1, -0.0, HUGE_VAL, nan("")};
  for (int i = 0; i < 4; i++) {
    weft_value *value;
    double read = 7;
    CHECK_INT(WEFT_OK, weft_value_new_float(numbers[i], &value));
    CHECK_INT(WEFT_FLOAT, weft_value_get_type(value));
    CHECK_INT(WEFT_OK, weft_value_get_float(value, &read));
    CHECK_INT(bits_of(numbers[i]), bits_of(read));
    weft_value_unref(value);
  }
  CHECK_INT(0, failing_live());
}

TEST("bytes are a copy, may hold zeros, and end with one more") {
  failing_install();
  char source[] = {'a', 0, 'b'};
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_bytes(source, 3, &value));
  source[0] = 'x';
  const char *data;
  size_t size_bytes;
  CHECK_INT(WEFT_BYTES, weft_value_get_type(value));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(value, &data, &size_bytes));
  CHECK_INT(3, size_bytes);
  CHECK(memcmp(data, "a\0b\0", 4) == 0);
  weft_value_unref(value);
  CHECK_INT(0, failing_live());
}

TEST("no bytes are bytes, also where there is no data") {
  failing_install();
  weft_value *value;
  const char *data;
  size_t size_bytes = 7;
  CHECK_INT(WEFT_OK, weft_value_new_bytes(NULL, 0, &value));
  CHECK_INT(WEFT_OK, weft_value_get_bytes(value, &data, &size_bytes));
  CHECK_INT(0, size_bytes);
  CHECK_TEXT("", data);
  weft_value_unref(value);
  CHECK_INT(0, failing_live());
}

TEST("a list gives its items in order, and holds them") {
  failing_install();
  weft_value *items[2] = {number(10), text("two")}, *list, *item;
  CHECK_INT(WEFT_OK, weft_value_new_list(items, 2, &list));
  weft_value_unref(items[0]);
  weft_value_unref(items[1]);
  size_t count = 7;
  CHECK_INT(WEFT_LIST, weft_value_get_type(list));
  CHECK_INT(WEFT_OK, weft_value_get_count(list, &count));
  CHECK_INT(2, count);
  for (size_t i = 0; i < 2; i++) {
    CHECK_INT(WEFT_OK, weft_value_get_item(list, i, &item));
    CHECK(item == items[i]);
  }
  CHECK_INT(WEFT_EINVAL, weft_value_get_item(list, 2, &item));
  CHECK(item == NULL);
  CHECK_INT(WEFT_EINVAL, weft_value_get_key(list, 0, &item));
  CHECK(item == NULL);
  weft_value_unref(list);
  CHECK_INT(0, failing_live());
}

TEST("an item that is still referred to outlives its list") {
  failing_install();
  weft_value *item = number(10), *list;
  CHECK_INT(WEFT_OK, weft_value_new_list(&item, 1, &list));
  weft_value_unref(list);
  int64_t read;
  CHECK_INT(WEFT_OK, weft_value_get_int(item, &read));
  CHECK_INT(10, read);
  CHECK_INT(1, failing_live());
  weft_value_unref(item);
  CHECK_INT(0, failing_live());
}

TEST("the same value may stand in a list many times") {
  failing_install();
  weft_value *one = number(1), *list;
  weft_value *items[3] = {one, one, one};
  CHECK_INT(WEFT_OK, weft_value_new_list(items, 3, &list));
  weft_value_unref(one);
  CHECK_INT(2, failing_live());
  weft_value_unref(list);
  CHECK_INT(0, failing_live());
}

TEST("a map gives its pairs in the order they came, doubles too") {
  failing_install();
  weft_value *keys[3] = {text("b"), text("a"), text("b")};
  weft_value *values[3] = {number(1), number(2), number(3)};
  weft_value *map, *found;
  CHECK_INT(WEFT_OK, weft_value_new_map(keys, values, 3, &map));
  for (int i = 0; i < 3; i++) {
    weft_value_unref(keys[i]);
    weft_value_unref(values[i]);
  }
  size_t count;
  CHECK_INT(WEFT_MAP, weft_value_get_type(map));
  CHECK_INT(WEFT_OK, weft_value_get_count(map, &count));
  CHECK_INT(3, count);
  for (size_t i = 0; i < 3; i++) {
    CHECK_INT(WEFT_OK, weft_value_get_key(map, i, &found));
    CHECK(found == keys[i]);
    CHECK_INT(WEFT_OK, weft_value_get_item(map, i, &found));
    CHECK(found == values[i]);
  }
  CHECK_INT(WEFT_EINVAL, weft_value_get_key(map, 3, &found));
  CHECK(found == NULL);
  CHECK_INT(WEFT_EINVAL, weft_value_get_item(map, 3, &found));
  CHECK(found == NULL);
  weft_value_unref(map);
  CHECK_INT(0, failing_live());
}

TEST("lists and maps may be empty") {
  failing_install();
  weft_value *list, *map;
  size_t count = 7;
  CHECK_INT(WEFT_OK, weft_value_new_list(NULL, 0, &list));
  CHECK_INT(WEFT_OK, weft_value_get_count(list, &count));
  CHECK_INT(0, count);
  count = 7;
  CHECK_INT(WEFT_OK, weft_value_new_map(NULL, NULL, 0, &map));
  CHECK_INT(WEFT_OK, weft_value_get_count(map, &count));
  CHECK_INT(0, count);
  weft_value_unref(list);
  weft_value_unref(map);
  CHECK_INT(0, failing_live());
}

TEST("a value of an error holds it") {
  failing_install();
  weft_error *error, *found;
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, "it broke", &error));
  CHECK_INT(WEFT_OK, weft_value_new_error(error, &value));
  weft_error_unref(error);
  CHECK_INT(WEFT_ERROR, weft_value_get_type(value));
  CHECK_INT(WEFT_OK, weft_value_get_error(value, &found));
  CHECK(found == error);
  CHECK_TEXT("it broke", weft_error_get_message(found));
  weft_value_unref(value);
  CHECK_INT(0, failing_live());
}

TEST("a host's object is given to who knows its drop function, dropped once") {
  failing_install();
  int object = 0;
  void *found;
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_host(&object, drop_counted, &value));
  CHECK_INT(WEFT_HOST_OBJECT, weft_value_get_type(value));
  CHECK_INT(WEFT_OK, weft_value_get_host(value, drop_counted, &found));
  CHECK(found == &object);
  CHECK_INT(WEFT_EINVAL, weft_value_get_host(value, drop_other, &found));
  CHECK(found == NULL);
  CHECK_INT(WEFT_EINVAL, weft_value_get_host(value, NULL, &found));
  CHECK(weft_value_ref(value) == value);
  weft_value_unref(value);
  CHECK_INT(0, object);
  weft_value_unref(value);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

TEST("a host's object needs no drop function") {
  failing_install();
  int object = 0;
  void *found;
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_host(&object, NULL, &value));
  CHECK_INT(WEFT_OK, weft_value_get_host(value, NULL, &found));
  CHECK(found == &object);
  weft_value_unref(value);
  CHECK_INT(0, failing_live());
}

/* -- Misuse --------------------------------------------------------------- */

/* Which of the nine reading functions take [value], as bits; each must write
 * zeros if it does not. */
enum {
  AS_BOOL = 1,
  AS_INT = 2,
  AS_FLOAT = 4,
  AS_BYTES = 8,
  AS_MANY = 16,
  WITH_ITEM = 32,
  WITH_KEY = 64,
  AS_ERROR = 128,
  AS_HOST = 256
};

static int bit(int status, int is_zeroed, int as) {
  if (status == WEFT_OK)
    return as;
  CHECK_INT(WEFT_EINVAL, status);
  CHECK(is_zeroed);
  return 0;
}

static int numbers_of(const weft_value *value) {
  int flag = 7;
  int64_t integer = 7;
  double real = 7;
  int is_bool = weft_value_get_bool(value, &flag);
  int is_int = weft_value_get_int(value, &integer);
  int is_float = weft_value_get_float(value, &real);
  return bit(is_bool, flag == 0, AS_BOOL) | bit(is_int, integer == 0, AS_INT) |
         bit(is_float, real == 0, AS_FLOAT);
}

static int parts_of(const weft_value *value) {
  const char *data = "";
  size_t size_bytes = 7, count = 7;
  weft_value *item = (weft_value *)&count, *key = item;
  int is_bytes = weft_value_get_bytes(value, &data, &size_bytes);
  int is_many = weft_value_get_count(value, &count);
  int has_item = weft_value_get_item(value, 0, &item);
  int has_key = weft_value_get_key(value, 0, &key);
  return bit(is_bytes, data == NULL && size_bytes == 0, AS_BYTES) |
         bit(is_many, count == 0, AS_MANY) |
         bit(has_item, item == NULL, WITH_ITEM) |
         bit(has_key, key == NULL, WITH_KEY);
}

static int readable_as(const weft_value *value) {
  void *object = &object;
  weft_error *error = (weft_error *)&object;
  int is_error = weft_value_get_error(value, &error);
  int is_host = weft_value_get_host(value, NULL, &object);
  return numbers_of(value) | parts_of(value) |
         bit(is_error, error == NULL, AS_ERROR) |
         bit(is_host, object == NULL, AS_HOST);
}

static void check_readable(int bits, weft_value *value) {
  CHECK_INT(bits, readable_as(value));
  weft_value_unref(value);
}

TEST("each type is read by its own functions only; else zero is written") {
  failing_install();
  weft_value *one = number(1), *value;
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, NULL, &error));
  CHECK_INT(0, readable_as(NULL));
  CHECK_INT(WEFT_OK, weft_value_new_nil(&value));
  check_readable(0, value);
  CHECK_INT(WEFT_OK, weft_value_new_bool(1, &value));
  check_readable(AS_BOOL, value);
  CHECK_INT(WEFT_OK, weft_value_new_float(1, &value));
  check_readable(AS_FLOAT, value);
  CHECK_INT(WEFT_OK, weft_value_new_list(&one, 1, &value));
  check_readable(AS_MANY | WITH_ITEM, value);
  CHECK_INT(WEFT_OK, weft_value_new_map(&one, &one, 1, &value));
  check_readable(AS_MANY | WITH_ITEM | WITH_KEY, value);
  CHECK_INT(WEFT_OK, weft_value_new_error(error, &value));
  check_readable(AS_ERROR, value);
  CHECK_INT(WEFT_OK, weft_value_new_host(NULL, NULL, &value));
  check_readable(AS_HOST, value);
  check_readable(AS_BYTES, text("x"));
  check_readable(AS_INT, one);
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("what is missing among the arguments is refused, with nothing made") {
  failing_install();
  weft_value *one = number(1);
  weft_value *holed[2] = {one, NULL}, *whole[2] = {one, one};
  weft_value *value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_bytes(NULL, 1, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_list(NULL, 1, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_list(holed, 2, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_map(holed, whole, 2, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_map(whole, holed, 2, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_map(whole, NULL, 2, &value));
  CHECK(value == NULL);
  value = one;
  CHECK_INT(WEFT_EINVAL, weft_value_new_error(NULL, &value));
  CHECK(value == NULL);
  weft_value_unref(one);
  CHECK_INT(0, failing_live());
}

TEST("a size that no memory has is out of memory, not a wrapped number") {
  failing_install();
  weft_value *value;
  CHECK_INT(WEFT_ENOMEM, weft_value_new_bytes("", SIZE_MAX, &value));
  CHECK(value == NULL);
  CHECK_INT(WEFT_ENOMEM, weft_value_new_bytes("", SIZE_MAX - 1, &value));
  CHECK(value == NULL);
  CHECK_INT(WEFT_ENOMEM, weft_value_new_bytes("", SIZE_MAX - 40, &value));
  CHECK(value == NULL);
  CHECK_INT(0, failing_live());
}

/* -- Memory --------------------------------------------------------------- */

struct given {
  enum weft_value_type type;
  weft_value *one;
  weft_error *error;
  int object; /* counts how often it was dropped */
};

static int make_of_type(struct given *given, weft_value **value) {
  switch (given->type) {
  case WEFT_NIL:
    return weft_value_new_nil(value);
  case WEFT_BOOL:
    return weft_value_new_bool(1, value);
  case WEFT_INT:
    return weft_value_new_int(1, value);
  case WEFT_FLOAT:
    return weft_value_new_float(1, value);
  case WEFT_BYTES:
    return weft_value_new_bytes("abc", 3, value);
  case WEFT_LIST:
    return weft_value_new_list(&given->one, 1, value);
  case WEFT_MAP:
    return weft_value_new_map(&given->one, &given->one, 1, value);
  case WEFT_ERROR:
    return weft_value_new_error(given->error, value);
  case WEFT_HOST_OBJECT:
    return weft_value_new_host(&given->object, drop_counted, value);
  }
  return WEFT_EINVAL;
}

static int make_and_free(void *arg) {
  struct given *given = arg;
  weft_value *value = (weft_value *)arg;
  int status = make_of_type(given, &value);
  CHECK((status == WEFT_OK) == (value != NULL));
  if (status == WEFT_OK)
    CHECK_INT(given->type, weft_value_get_type(value));
  weft_value_unref(value);
  return status;
}

/* One allocation each: a value exists whole or not at all. What was given is
 * referred to no more afterwards, else it would be left at the end. */
TEST("each constructor tells that there is no memory, and leaves nothing") {
  failing_install();
  struct given given = {WEFT_NIL, number(1), NULL, 0};
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, NULL, &given.error));
  for (int type = WEFT_NIL; type <= WEFT_HOST_OBJECT; type++) {
    given.type = (enum weft_value_type)type;
    CHECK_INT(1, failing_each(make_and_free, &given));
  }
  weft_value_unref(given.one);
  weft_error_unref(given.error);
  CHECK_INT(0, failing_live());
}

TEST("a host's object is dropped once, whether a value was made or not") {
  failing_install();
  struct given given = {WEFT_HOST_OBJECT, NULL, NULL, 0};
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, make_and_free(&given));
  CHECK_INT(1, given.object);
  CHECK_INT(WEFT_OK, make_and_free(&given));
  CHECK_INT(2, given.object);
}

TEST("counting references and reading allocate nothing") {
  failing_install();
  weft_value *one = number(1), *list, *item;
  int64_t read;
  CHECK_INT(WEFT_OK, weft_value_new_list(&one, 1, &list));
  long before = failing_allocations();
  CHECK(weft_value_ref(list) == list);
  weft_value_unref(list);
  CHECK_INT(WEFT_OK, weft_value_get_item(list, 0, &item));
  CHECK_INT(WEFT_OK, weft_value_get_int(item, &read));
  weft_value_unref(one);
  weft_value_unref(list);
  CHECK_INT(before, failing_allocations());
  CHECK_INT(0, failing_live());
}

/* -- Depth ---------------------------------------------------------------- */

enum { DEPTH = 1000000 };

/* The stack of a process is 8 MiB: 8 bytes a level, less than any call. */
TEST("lists a million deep are freed") {
  failing_install();
  int object = 0;
  weft_value *outer, *inner;
  CHECK_INT(WEFT_OK, weft_value_new_host(&object, drop_counted, &inner));
  for (int i = 0; i < DEPTH; i++) {
    if (weft_value_new_list(&inner, 1, &outer) != WEFT_OK)
      abort();
    weft_value_unref(inner);
    inner = outer;
  }
  CHECK_INT(DEPTH + 1, failing_live());
  weft_value_unref(outer);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

TEST("maps a million deep are freed, nested by their keys and values") {
  failing_install();
  weft_value *outer, *inner = number(1), *leaf = number(2);
  for (int i = 0; i < DEPTH; i++) {
    weft_value **key = i % 2 == 0 ? &inner : &leaf;
    weft_value **value = i % 2 == 0 ? &leaf : &inner;
    if (weft_value_new_map(key, value, 1, &outer) != WEFT_OK)
      abort();
    weft_value_unref(inner);
    inner = outer;
  }
  weft_value_unref(leaf);
  CHECK_INT(DEPTH + 2, failing_live());
  weft_value_unref(outer);
  CHECK_INT(0, failing_live());
}

/* Each level refers to the next twice: a walk that freed by paths instead of
 * by counts would take 2^64 steps. */
TEST("what is shared at every level is freed once") {
  failing_install();
  int object = 0;
  weft_value *inner, *outer;
  CHECK_INT(WEFT_OK, weft_value_new_host(&object, drop_counted, &inner));
  for (int i = 0; i < 64; i++) {
    weft_value *both[2] = {inner, inner};
    CHECK_INT(WEFT_OK, weft_value_new_list(both, 2, &outer));
    weft_value_unref(inner);
    inner = outer;
  }
  weft_value_unref(outer);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

/* -- Threads -------------------------------------------------------------- */

static void count_up_and_down(void *arg) {
  for (int i = 0; i < 20000; i++)
    weft_value_unref(weft_value_ref(arg));
  weft_value_unref(arg);
}

/* Whichever thread is last frees the value, exactly once. */
TEST("references are counted from any thread") {
  enum { THREADS = 4 };
  failing_install();
  int object = 0;
  weft_value *inner, *list;
  uv_thread_t threads[THREADS];
  CHECK_INT(WEFT_OK, weft_value_new_host(&object, drop_counted, &inner));
  CHECK_INT(WEFT_OK, weft_value_new_list(&inner, 1, &list));
  weft_value_unref(inner);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, uv_thread_create(&threads[i], count_up_and_down,
                                  weft_value_ref(list)));
  weft_value_unref(list);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, uv_thread_join(&threads[i]));
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}
