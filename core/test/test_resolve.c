/* SPDX-License-Identifier: MIT
 * test_resolve.c - looking up names; rule 27.2. */
#include "loopback.h"

#include "fake_dns.h"

/* -- With a callback ------------------------------------------------------ */

struct told {
  weft_task waiter;
  int calls;
  int drops;
  int status;
  size_t count;
  char first[64];
  char second[64];
};

static void on_addresses(weft_runtime *rt, void *arg, int status,
                         const char *const *addresses, size_t count) {
  struct told *told = arg;
  CHECK_INT(0, told->drops);
  told->calls++;
  told->status = status;
  told->count = count;
  if (count > 0)
    snprintf(told->first, sizeof(told->first), "%s", addresses[0]);
  if (count > 1)
    snprintf(told->second, sizeof(told->second), "%s", addresses[1]);
  CHECK_INT(WEFT_OK, weft_wake(rt, told->waiter, WEFT_OK, 0));
}

static void on_drop(void *arg) {
  ((struct told *)arg)->drops++;
}

static void ask(weft_runtime *rt, const char *host, struct told *told) {
  uint64_t unused;
  CHECK_INT(WEFT_OK, weft_task_current(rt, &told->waiter));
  CHECK_INT(WEFT_OK,
            weft_resolve_start(rt, host, on_addresses, told, on_drop, NULL));
  CHECK_INT(WEFT_OK, weft_park(rt, "answer", NULL, NULL, &unused));
  CHECK_INT(1, told->calls);
  CHECK_INT(1, told->drops);
}

TASK_TEST("27.2 the addresses come as text, in the resolver's order") {
  struct told told = {0};
  ask(rt, "two.test", &told);
  CHECK_INT(WEFT_OK, told.status);
  CHECK_INT(2, told.count);
  CHECK_TEXT("127.0.0.2", told.first);
  CHECK_TEXT("127.0.0.1", told.second);
}

TASK_TEST("an IPv6 address comes without brackets") {
  struct told told = {0};
  ask(rt, "six.test", &told);
  CHECK_INT(1, told.count);
  CHECK_TEXT("::1", told.first);
}

TASK_TEST("27.2 a name that does not exist is an error of its own") {
  struct told told = {0};
  ask(rt, "missing.test", &told);
  CHECK_INT(WEFT_EHOSTNOTFOUND, told.status);
  CHECK_INT(0, told.count);
}

TASK_TEST("a server that does not answer is another") {
  struct told told = {0};
  ask(rt, "again.test", &told);
  CHECK_INT(WEFT_EHOSTTRYAGAIN, told.status);
}

TASK_TEST("what is no name is refused, and arg dropped") {
  struct told told = {0};
  weft_resolve lookup = 1;
  char name[300];
  memset(name, 'a', sizeof(name));
  name[256] = '\0';
  CHECK_INT(WEFT_EINVAL,
            weft_resolve_start(rt, "", on_addresses, &told, on_drop, &lookup));
  CHECK_INT(0, lookup);
  CHECK_INT(WEFT_EINVAL, weft_resolve_start(rt, name, on_addresses, &told,
                                            on_drop, &lookup));
  CHECK_INT(WEFT_EINVAL, weft_resolve_start(rt, NULL, on_addresses, &told,
                                            on_drop, &lookup));
  CHECK_INT(3, told.drops);
  CHECK_INT(0, told.calls);
}

TASK_TEST("27.2 a look-up let go tells nothing, and drops arg at once") {
  struct told told = {0}, later = {0};
  weft_resolve lookup;
  CHECK_INT(WEFT_OK, weft_resolve_start(rt, "slow.test", on_addresses, &told,
                                        on_drop, &lookup));
  CHECK_INT(WEFT_OK, weft_resolve_cancel(rt, lookup));
  CHECK_INT(1, told.drops);
  CHECK_INT(WEFT_EBADF, weft_resolve_cancel(rt, lookup));
  fake_dns_release();
  ask(rt, "two.test", &later);
  CHECK_INT(0, told.calls);
  CHECK_INT(1, told.drops);
}

TEST("a look-up under way when the runtime is freed is let go") {
  struct told told = {0};
  failing_install();
  weft_runtime *rt = new_runtime();
  CHECK_INT(WEFT_OK, weft_resolve_start(rt, "slow.test", on_addresses, &told,
                                        on_drop, NULL));
  fake_dns_release();
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(0, told.calls);
  CHECK_INT(1, told.drops);
  CHECK_INT(0, failing_live());
}

/* -- Waiting -------------------------------------------------------------- */

static int call_lookup(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_dns_lookup(rt, job->data, value);
}

static void check_address(uint64_t value, size_t index, const char *expected) {
  weft_value *item;
  CHECK_INT(WEFT_OK,
            weft_value_get_item((weft_value *)(uintptr_t)value, index, &item));
  CHECK_TEXT(expected, take_text(weft_value_ref(item)));
}

static void check_lookup(weft_runtime *rt, bool stepped) {
  size_t count = 0;
  struct job job = {.call = call_lookup, .data = "two.test"};
  start_job(rt, &job, stepped);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  weft_value *list = (weft_value *)(uintptr_t)job.value;
  CHECK_INT(WEFT_OK, weft_value_get_count(list, &count));
  CHECK_INT(2, count);
  check_address(job.value, 0, "127.0.0.2");
  check_address(job.value, 1, "127.0.0.1");
  weft_value_unref(list);
}

TASK_TEST("a look-up that waits gives a list of addresses") {
  check_lookup(rt, false);
  check_lookup(rt, true);
}

TASK_TEST("a look-up that fails gives the code and no value") {
  struct job job = {.call = call_lookup, .data = "missing.test"};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_EHOSTNOTFOUND, join_job(rt, &job));
  CHECK_INT(0, job.value);
  uint64_t value = 1;
  CHECK_INT(WEFT_EINVAL, weft_dns_lookup(rt, "", &value));
  CHECK_INT(WEFT_EINVAL, weft_dns_lookup(rt, NULL, &value));
  CHECK_INT(0, value);
}

TASK_TEST("27.2 a cancelled look-up returns at once, its answer is dropped") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_lookup, .data = "slow.test"};
    start_job(rt, &job, stepped);
    CHECK_TEXT("lookup", job_wait(rt, &job));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    fake_dns_release();
  }
}

TASK_TEST("3.2 a look-up in cancelled code asks nobody") {
  struct job job = {.call = call_lookup, .data = "slow.test"};
  spawn_job(rt, &job, false);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
}

TASK_TEST("3.4 a look-up that was answered delivers, cancelled or not") {
  int state = 0;
  struct job job = {.call = call_lookup, .data = "two.test"};
  start_job(rt, &job, false);
  /* This task runs before the one that the poll has just made ready. */
  for (;;) {
    CHECK_INT(WEFT_OK, weft_task_get_state(rt, job.task, &state));
    if (state != WEFT_TASK_PARKED)
      break;
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  CHECK_INT(WEFT_TASK_READY, state);
  CHECK_INT(WEFT_OK, cancel_job(rt, &job));
  weft_value_unref((weft_value *)(uintptr_t)job.value);
}

TASK_TEST("30.2 the virtual clock waits for a look-up") {
  uint64_t now_ns;
  struct job job = {
      .call = call_lookup, .data = "two.test", .timeout_ns = SECOND_NS};
  start_job(rt, &job, false);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  weft_value_unref((weft_value *)(uintptr_t)job.value);
  CHECK_INT(WEFT_OK, weft_now(rt, &now_ns));
  CHECK_INT(0, now_ns);
}

static int look_up(void *arg) {
  uint64_t value;
  int status = weft_dns_lookup(arg, "two.test", &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  let_run(arg);
  return status;
}

TASK_TEST("want of memory is told and leaves nothing") {
  CHECK_INT(WEFT_OK, look_up(rt));
  CHECK(failing_each(look_up, rt) > 4);
}

/* libuv gives look-ups two of its four threads. */
TASK_TEST("look-ups that hang, however many, keep no file waiting") {
  enum { MANY = 50 };
  uint64_t value;
  struct job jobs[MANY];
  for (int i = 0; i < MANY; i++) {
    jobs[i] = (struct job){.call = call_lookup, .data = "slow.test"};
    spawn_job(rt, &jobs[i], true);
  }
  let_run(rt);
  for (int i = 0; i < 10; i++) {
    CHECK_INT(WEFT_OK, weft_fs_stat(rt, "/", 1, &value));
    weft_value_unref((weft_value *)(uintptr_t)value);
  }
  for (int i = 0; i < MANY; i++)
    CHECK(!jobs[i].done);
  for (int i = 0; i < MANY; i++)
    fake_dns_release();
  for (int i = 0; i < MANY; i++) {
    CHECK_INT(WEFT_OK, join_job(rt, &jobs[i]));
    weft_value_unref((weft_value *)(uintptr_t)jobs[i].value);
  }
}

/* -- One family ----------------------------------------------------------- */

static int call_family(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_dns_lookup_family(rt, job->data, job->port, value);
}

static void check_family(weft_runtime *rt, int family, const char *expected) {
  size_t count = 0;
  struct job job = {.call = call_family, .data = "both.test", .port = family};
  start_job(rt, &job, true);
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  weft_value *list = (weft_value *)(uintptr_t)job.value;
  CHECK_INT(WEFT_OK, weft_value_get_count(list, &count));
  CHECK_INT(family == 0 ? 2 : 1, count);
  check_address(job.value, 0, expected);
  weft_value_unref(list);
}

TASK_TEST("addresses of one family can be asked for") {
  uint64_t value = 1;
  check_family(rt, 0, "::1");
  check_family(rt, 4, "127.0.0.1");
  check_family(rt, 6, "::1");
  CHECK_INT(WEFT_EINVAL, weft_dns_lookup_family(rt, "both.test", 5, &value));
  CHECK_INT(0, value);
}

/* -- Names of addresses --------------------------------------------------- */

static int call_reverse(weft_runtime *rt, struct job *job, uint64_t *value) {
  return weft_dns_reverse(rt, job->data, value);
}

TASK_TEST("an address has a name, or none") {
  uint64_t value = 1;
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_reverse, .data = "127.0.0.1"};
    start_job(rt, &job, stepped);
    CHECK_INT(WEFT_OK, join_job(rt, &job));
    CHECK_TEXT("one.test", take_text((weft_value *)(uintptr_t)job.value));
  }
  CHECK_INT(WEFT_EHOSTNOTFOUND, weft_dns_reverse(rt, "::1", &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_EINVAL, weft_dns_reverse(rt, "one.test", &value));
  CHECK_INT(WEFT_EINVAL, weft_dns_reverse(rt, NULL, &value));
}

TASK_TEST("27.2 asking for a name that is cancelled returns at once") {
  for (int stepped = 0; stepped < 2; stepped++) {
    struct job job = {.call = call_reverse, .data = "127.0.0.3"};
    start_job(rt, &job, stepped);
    CHECK_TEXT("lookup", job_wait(rt, &job));
    CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
    fake_dns_release();
  }
}

static int reverse_once(void *arg) {
  uint64_t value;
  int status = weft_dns_reverse(arg, "127.0.0.1", &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  return status;
}

TASK_TEST("want of memory for a name is told and leaves nothing") {
  CHECK_INT(WEFT_OK, reverse_once(rt));
  CHECK(failing_each(reverse_once, rt) >= 2);
}

/* -- Another resolver ----------------------------------------------------- */

/* One that answers when the test says so. */
struct other {
  weft_resolve lookup; /* under way, or 0 */
  char host[64];
  int family;
  int status; /* of start */
  int starts;
  int cancels;
  int drops;
};

static int other_start(weft_runtime *rt, void *arg, weft_resolve lookup,
                       const char *host, int family, void **operation) {
  struct other *other = arg;
  other->starts++;
  if (other->status != WEFT_OK)
    return other->status;
  CHECK_INT(WEFT_ESTATE,
            weft_resolve_finish(rt, lookup, WEFT_EIO, NULL, 0)); /* too early */
  CHECK_INT(WEFT_ESTATE, weft_resolve_cancel(rt, lookup));
  snprintf(other->host, sizeof(other->host), "%s", host);
  other->family = family;
  other->lookup = lookup;
  *operation = &other->lookup;
  return WEFT_OK;
}

static void other_cancel(weft_runtime *rt, void *arg, void *operation) {
  struct other *other = arg;
  CHECK(operation == &other->lookup);
  CHECK_INT(WEFT_EBADF,
            weft_resolve_finish(rt, other->lookup, WEFT_EIO, NULL, 0));
  CHECK_INT(0, other->drops);
  other->lookup = 0;
  other->cancels++;
}

static void other_drop(void *arg) {
  ((struct other *)arg)->drops++;
}

static void set_other(weft_runtime *rt, struct other *other) {
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, other_start, other_cancel, other,
                                       other_drop));
}

TASK_TEST("a resolver that was set is asked, and answers when it can") {
  static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};
  static struct other other;
  struct job job = {.call = call_family, .data = "any.test", .port = 4};
  set_other(rt, &other);
  start_job(rt, &job, true);
  CHECK_TEXT("any.test", other.host);
  CHECK_INT(4, other.family);
  CHECK_INT(WEFT_ESTATE, weft_set_resolver(rt, NULL, NULL, NULL, NULL));
  CHECK_INT(WEFT_EINVAL,
            weft_resolve_finish(rt, other.lookup, WEFT_PARKED, NULL, 0));
  CHECK_INT(WEFT_EINVAL,
            weft_resolve_finish(rt, other.lookup, WEFT_OK, NULL, 1));
  CHECK_INT(WEFT_OK,
            weft_resolve_finish(rt, other.lookup, WEFT_OK, addresses, 2));
  CHECK_INT(WEFT_OK, join_job(rt, &job));
  check_address(job.value, 0, "192.0.2.1");
  check_address(job.value, 1, "2001:db8::1");
  weft_value_unref((weft_value *)(uintptr_t)job.value);
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, NULL, NULL, NULL, NULL));
  CHECK_INT(1, other.drops);
  CHECK_INT(0, other.cancels);
}

TASK_TEST("its failures, and no address at all, are the look-up's") {
  struct other other = {0};
  set_other(rt, &other);
  const int given[] = {WEFT_EHOSTTRYAGAIN, WEFT_OK};
  const int expected[] = {WEFT_EHOSTTRYAGAIN, WEFT_EHOSTNOTFOUND};
  for (int i = 0; i < 2; i++) {
    struct job job = {.call = call_lookup, .data = "any.test"};
    start_job(rt, &job, true);
    CHECK_INT(WEFT_OK,
              weft_resolve_finish(rt, other.lookup, given[i], NULL, 0));
    CHECK_INT(expected[i], join_job(rt, &job));
  }
  other.status = WEFT_ENOMEM;
  uint64_t value = 1;
  CHECK_INT(WEFT_ENOMEM, weft_dns_lookup(rt, "any.test", &value));
  CHECK_INT(0, value);
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, NULL, NULL, NULL, NULL));
}

TASK_TEST("what it does not want, and addresses, go to the system's") {
  uint64_t value;
  struct other other = {.status = WEFT_ENOSYS};
  set_other(rt, &other);
  CHECK_INT(WEFT_OK, weft_dns_lookup(rt, "127.0.0.1", &value));
  weft_value_unref((weft_value *)(uintptr_t)value);
  CHECK_INT(0, other.starts);
  check_lookup(rt, true);
  CHECK_INT(1, other.starts);
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, NULL, NULL, NULL, NULL));
}

TASK_TEST("27.2 it is told of a cancellation, which returns at once") {
  struct other other = {0};
  struct job job = {.call = call_lookup, .data = "any.test"};
  set_other(rt, &other);
  start_job(rt, &job, true);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
  CHECK_INT(1, other.cancels);
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, NULL, NULL, NULL, NULL));
}

static struct other second;

/* Puts the second resolver in its own place. */
static int first_start(weft_runtime *rt, void *arg, weft_resolve lookup,
                       const char *host, int family, void **operation) {
  (void)arg, (void)lookup, (void)host, (void)family, (void)operation;
  set_other(rt, &second);
  return WEFT_ENOSYS;
}

TASK_TEST("one may set another, which is asked then") {
  struct other first = {0};
  struct job job = {.call = call_lookup, .data = "any.test"};
  CHECK_INT(WEFT_OK, weft_set_resolver(rt, first_start, other_cancel, &first,
                                       other_drop));
  start_job(rt, &job, true);
  CHECK_INT(1, first.drops);
  CHECK_INT(1, second.starts);
  CHECK_INT(WEFT_ECANCELLED, cancel_job(rt, &job));
}

TASK_TEST("a resolver is two functions or none") {
  struct other other = {0};
  CHECK_INT(WEFT_EINVAL,
            weft_set_resolver(rt, other_start, NULL, &other, other_drop));
  CHECK_INT(1, other.drops);
  struct told told = {0};
  weft_resolve lookup;
  CHECK_INT(WEFT_OK, weft_resolve_start(rt, "slow.test", on_addresses, &told,
                                        on_drop, &lookup));
  CHECK_INT(WEFT_ESTATE, weft_resolve_finish(rt, lookup, WEFT_OK, NULL, 0));
  CHECK_INT(WEFT_OK, weft_resolve_cancel(rt, lookup));
  fake_dns_release();
}

TEST("a resolver goes before the look-ups that it still has") {
  static struct other other;
  struct told told = {0};
  failing_install();
  weft_runtime *rt = new_runtime();
  set_other(rt, &other);
  CHECK_INT(WEFT_OK,
            weft_resolve_start(rt, "any", on_addresses, &told, on_drop, NULL));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(1, other.drops);
  CHECK_INT(0, other.cancels);
  CHECK_INT(0, told.calls);
  CHECK_INT(1, told.drops);
  CHECK_INT(0, failing_live());
}
