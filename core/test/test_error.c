/* SPDX-License-Identifier: MIT
 * test_error.c - errors: made, set up, read, counted, and freed. */
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

static weft_error *make(const char *message) {
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EIO, NULL, message, &error));
  return error;
}

/* -- Making --------------------------------------------------------------- */

TEST("an error has its code, and copies of its name and message") {
  failing_install();
  weft_error *error;
  char name[] = "MyError", message[] = "it broke";
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_EHOST, name, message, &error));
  name[0] = message[0] = 'x';
  CHECK_INT(WEFT_EHOST, weft_error_get_code(error));
  CHECK_TEXT("MyError", weft_error_get_name(error));
  CHECK_TEXT("it broke", weft_error_get_message(error));
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("without a name and a message an error has its code's") {
  failing_install();
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_ENOENT, NULL, NULL, &error));
  CHECK_TEXT("OSError", weft_error_get_name(error));
  CHECK_TEXT(weft_strerror(WEFT_ENOENT), weft_error_get_message(error));
  weft_error_unref(error);
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_ENOENT, "Lost", NULL, &error));
  CHECK_TEXT("Lost", weft_error_get_name(error));
  CHECK_TEXT(weft_strerror(WEFT_ENOENT), weft_error_get_message(error));
  weft_error_unref(error);
  CHECK_INT(WEFT_OK, weft_error_new(WEFT_ENOENT, NULL, "", &error));
  CHECK_TEXT("OSError", weft_error_get_name(error));
  CHECK_TEXT("", weft_error_get_message(error));
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("what was not set is not there") {
  failing_install();
  weft_error *error = make("it broke");
  CHECK(weft_error_get_traceback(error) == NULL);
  CHECK(weft_error_get_task(error) == NULL);
  CHECK(weft_error_get_cause(error) == NULL);
  CHECK(weft_error_get_host(error, drop_counted) == NULL);
  CHECK(weft_error_get_host(error, NULL) == NULL);
  CHECK_INT(0, weft_error_get_count(error));
  CHECK(weft_error_get_member(error, 0) == NULL);
  weft_error_unref(error);
  weft_error_unref(NULL);
  CHECK(weft_error_ref(NULL) == NULL);
  CHECK_INT(0, failing_live());
}

TEST("a code that is no failure makes no error") {
  failing_install();
  const int codes[] = {WEFT_OK, WEFT_PARKED, INT32_MAX};
  for (int i = 0; i < 3; i++) {
    weft_error *error = (weft_error *)&i;
    CHECK_INT(WEFT_EINVAL, weft_error_new(codes[i], "A", "b", &error));
    CHECK(error == NULL);
  }
  CHECK_INT(0, failing_allocations());
}

TEST("a group's error gives its members in order, and holds them") {
  failing_install();
  weft_error *members[2] = {make("one"), make("two")}, *group;
  CHECK_INT(WEFT_OK, weft_error_new_group("both broke", members, 2, &group));
  weft_error_unref(members[0]);
  weft_error_unref(members[1]);
  CHECK_INT(WEFT_EGROUP, weft_error_get_code(group));
  CHECK_TEXT("ErrorGroup", weft_error_get_name(group));
  CHECK_TEXT("both broke", weft_error_get_message(group));
  CHECK_INT(2, weft_error_get_count(group));
  CHECK(weft_error_get_member(group, 0) == members[0]);
  CHECK(weft_error_get_member(group, 1) == members[1]);
  CHECK(weft_error_get_member(group, 2) == NULL);
  CHECK_TEXT("two", weft_error_get_message(members[1]));
  weft_error_unref(group);
  CHECK_INT(0, failing_live());
}

TEST("a member that is still referred to outlives its group") {
  failing_install();
  weft_error *member = make("one"), *group;
  CHECK_INT(WEFT_OK, weft_error_new_group(NULL, &member, 1, &group));
  CHECK_TEXT(weft_strerror(WEFT_EGROUP), weft_error_get_message(group));
  weft_error_unref(group);
  CHECK_TEXT("one", weft_error_get_message(member));
  weft_error_unref(member);
  CHECK_INT(0, failing_live());
}

TEST("a group's error has at least one member, and no holes") {
  failing_install();
  weft_error *holed[2] = {make("one"), NULL}, *group = holed[0];
  CHECK_INT(WEFT_EINVAL, weft_error_new_group("none", NULL, 0, &group));
  CHECK(group == NULL);
  group = holed[0];
  CHECK_INT(WEFT_EINVAL, weft_error_new_group("none", holed, 0, &group));
  CHECK(group == NULL);
  group = holed[0];
  CHECK_INT(WEFT_EINVAL, weft_error_new_group("none", NULL, 2, &group));
  CHECK(group == NULL);
  group = holed[0];
  CHECK_INT(WEFT_EINVAL, weft_error_new_group("holed", holed, 2, &group));
  CHECK(group == NULL);
  weft_error_unref(holed[0]);
  CHECK_INT(0, failing_live());
}

/* -- Setting -------------------------------------------------------------- */

TEST("traceback and task are copies, and the last that was set counts") {
  failing_install();
  weft_error *error = make("it broke");
  char traceback[] = "line 1", task[] = "worker";
  CHECK_INT(WEFT_OK, weft_error_set_traceback(error, "older"));
  CHECK_INT(WEFT_OK, weft_error_set_traceback(error, traceback));
  CHECK_INT(WEFT_OK, weft_error_set_task(error, "older"));
  CHECK_INT(WEFT_OK, weft_error_set_task(error, task));
  traceback[0] = task[0] = 'x';
  CHECK_TEXT("line 1", weft_error_get_traceback(error));
  CHECK_TEXT("worker", weft_error_get_task(error));
  CHECK_INT(WEFT_OK, weft_error_set_traceback(error, NULL));
  CHECK_INT(WEFT_OK, weft_error_set_task(error, NULL));
  CHECK(weft_error_get_traceback(error) == NULL);
  CHECK(weft_error_get_task(error) == NULL);
  CHECK_INT(1, failing_live());
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

/* As when a host adds its own lines to what it reads. */
TEST("a traceback may be set to itself") {
  failing_install();
  weft_error *error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_traceback(error, "line 1"));
  CHECK_INT(WEFT_OK,
            weft_error_set_traceback(error, weft_error_get_traceback(error)));
  CHECK_TEXT("line 1", weft_error_get_traceback(error));
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("a cause is held, replaced and taken back") {
  failing_install();
  weft_error *error = make("late"), *one = make("one"), *two = make("two");
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, one));
  CHECK(weft_error_get_cause(error) == one);
  weft_error_unref(one);
  CHECK_TEXT("one", weft_error_get_message(weft_error_get_cause(error)));
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, two));
  CHECK_INT(2, failing_live());
  weft_error_unref(two);
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, two));
  CHECK(weft_error_get_cause(error) == two);
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, NULL));
  CHECK(weft_error_get_cause(error) == NULL);
  CHECK_INT(1, failing_live());
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("no error becomes its own cause, near or far") {
  failing_install();
  weft_error *one = make("one"), *two = make("two"), *three = make("three");
  CHECK_INT(WEFT_EINVAL, weft_error_set_cause(one, one));
  CHECK_INT(WEFT_OK, weft_error_set_cause(two, one));
  CHECK_INT(WEFT_EINVAL, weft_error_set_cause(one, two));
  CHECK_INT(WEFT_OK, weft_error_set_cause(three, two));
  CHECK_INT(WEFT_EINVAL, weft_error_set_cause(one, three));
  CHECK(weft_error_get_cause(one) == NULL);
  CHECK_INT(WEFT_EINVAL, weft_error_set_cause(two, two));
  CHECK(weft_error_get_cause(two) == one);
  weft_error_unref(one);
  weft_error_unref(two);
  weft_error_unref(three);
  CHECK_INT(0, failing_live());
}

TEST("an error that others refer to may still get an unrelated cause") {
  failing_install();
  weft_error *error = make("late"), *cause = make("early");
  CHECK(weft_error_ref(error) == error);
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, cause));
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, NULL));
  weft_error_unref(error);
  weft_error_unref(error);
  weft_error_unref(cause);
  CHECK_INT(0, failing_live());
}

TEST("the host's error is given to who knows its drop function, dropped once") {
  failing_install();
  int object = 0;
  weft_error *error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_host(error, &object, drop_counted));
  CHECK(weft_error_get_host(error, drop_counted) == &object);
  CHECK(weft_error_get_host(error, drop_other) == NULL);
  CHECK(weft_error_get_host(error, NULL) == NULL);
  CHECK(weft_error_ref(error) == error);
  weft_error_unref(error);
  CHECK_INT(0, object);
  weft_error_unref(error);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

TEST("a second host's error is refused, and dropped at once") {
  failing_install();
  int first = 0, second = 0;
  weft_error *error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_host(error, &first, drop_counted));
  CHECK_INT(WEFT_ESTATE, weft_error_set_host(error, &second, drop_counted));
  CHECK_INT(1, second);
  CHECK(weft_error_get_host(error, drop_counted) == &first);
  weft_error_unref(error);
  CHECK_INT(1, first);
  CHECK_INT(1, second);
}

TEST("the host's error needs no drop function, and may be NULL") {
  failing_install();
  int object = 0;
  weft_error *error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_host(error, &object, NULL));
  CHECK(weft_error_get_host(error, NULL) == &object);
  weft_error_unref(error);
  error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_host(error, NULL, NULL));
  CHECK_INT(WEFT_ESTATE, weft_error_set_host(error, &object, NULL));
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

/* -- Memory --------------------------------------------------------------- */

static int try_new(void *arg) {
  weft_error *error = arg;
  int status = weft_error_new(WEFT_EIO, "MyError", "it broke", &error);
  CHECK((status == WEFT_OK) == (error != NULL));
  weft_error_unref(error);
  return status;
}

static int try_new_group(void *arg) {
  weft_error *members[2] = {arg, arg}, *error = arg;
  int status = weft_error_new_group("both broke", members, 2, &error);
  CHECK((status == WEFT_OK) == (error != NULL));
  weft_error_unref(error);
  return status;
}

TEST("each constructor tells that there is no memory, and leaves nothing") {
  failing_install();
  weft_error *member = make("one");
  CHECK_INT(1, failing_each(try_new, member));
  CHECK_INT(1, failing_each(try_new_group, member));
  weft_error_unref(member);
  CHECK_INT(0, failing_live());
}

TEST("a setter without memory leaves what was set") {
  failing_install();
  weft_error *error = make("it broke");
  CHECK_INT(WEFT_OK, weft_error_set_traceback(error, "line 1"));
  CHECK_INT(WEFT_OK, weft_error_set_task(error, "worker"));
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_error_set_traceback(error, "line 2"));
  failing_after(1);
  CHECK_INT(WEFT_ENOMEM, weft_error_set_task(error, "other"));
  CHECK_TEXT("line 1", weft_error_get_traceback(error));
  CHECK_TEXT("worker", weft_error_get_task(error));
  weft_error_unref(error);
  CHECK_INT(0, failing_live());
}

TEST("causes, hosts' errors and references allocate nothing") {
  failing_install();
  int object = 0;
  weft_error *error = make("late"), *cause = make("early");
  long before = failing_allocations();
  CHECK_INT(WEFT_OK, weft_error_set_cause(error, cause));
  CHECK_INT(WEFT_OK, weft_error_set_host(error, &object, drop_counted));
  weft_error_unref(weft_error_ref(error));
  weft_error_unref(cause);
  weft_error_unref(error);
  CHECK_INT(before, failing_allocations());
  CHECK_INT(0, failing_live());
}

/* -- Depth ---------------------------------------------------------------- */

enum { DEPTH = 1000000 };

/* Also shows that building the chain does not walk it each time: 10^12 steps
 * would not end. */
TEST("a chain of a million causes is built and freed") {
  failing_install();
  int object = 0;
  weft_error *last = make("first");
  CHECK_INT(WEFT_OK, weft_error_set_host(last, &object, drop_counted));
  for (int i = 0; i < DEPTH; i++) {
    weft_error *next;
    if (weft_error_new(WEFT_EIO, NULL, NULL, &next) != WEFT_OK ||
        weft_error_set_cause(next, last) != WEFT_OK)
      abort();
    weft_error_unref(last);
    last = next;
  }
  CHECK_INT(DEPTH + 1, failing_live());
  weft_error_unref(last);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

TEST("groups a million deep are freed, and a value of them too") {
  failing_install();
  int object = 0;
  weft_error *inner = make("first");
  CHECK_INT(WEFT_OK, weft_error_set_host(inner, &object, drop_counted));
  for (int i = 0; i < DEPTH; i++) {
    weft_error *outer, *both[2] = {inner, inner};
    if (weft_error_new_group(NULL, both, 2, &outer) != WEFT_OK)
      abort();
    weft_error_unref(inner);
    inner = outer;
  }
  weft_value *value;
  CHECK_INT(WEFT_OK, weft_value_new_error(inner, &value));
  weft_error_unref(inner);
  CHECK_INT(0, object);
  weft_value_unref(value);
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}

/* -- Threads -------------------------------------------------------------- */

static void count_up_and_down(void *arg) {
  for (int i = 0; i < 20000; i++)
    weft_error_unref(weft_error_ref(arg));
  weft_error_unref(arg);
}

/* Whichever thread is last frees the error, exactly once. */
TEST("references are counted from any thread") {
  enum { THREADS = 4 };
  failing_install();
  int object = 0;
  weft_error *error = make("it broke");
  uv_thread_t threads[THREADS];
  CHECK_INT(WEFT_OK, weft_error_set_host(error, &object, drop_counted));
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, uv_thread_create(&threads[i], count_up_and_down,
                                  weft_error_ref(error)));
  weft_error_unref(error);
  for (int i = 0; i < THREADS; i++)
    CHECK_INT(0, uv_thread_join(&threads[i]));
  CHECK_INT(1, object);
  CHECK_INT(0, failing_live());
}
