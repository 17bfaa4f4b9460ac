/* SPDX-License-Identifier: MIT
 * test_dns.c - looking names up by c-ares; rule 27.2. */
#include "asking.h"

/* -- Answers -------------------------------------------------------------- */

ASKING_TEST("27.2 a name has its addresses") {
  const char *text;
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 0, &text));
  CHECK_TEXT("192.0.2.1", text);
  CHECK_INT(WEFT_OK, lookup(asking, "six.test", 0, &text));
  CHECK_TEXT("2001:db8::1", text);
  CHECK_INT(WEFT_OK, lookup(asking, "both.test", 0, &text));
  CHECK(strcmp(text, "192.0.2.1, 2001:db8::1") == 0 ||
        strcmp(text, "2001:db8::1, 192.0.2.1") == 0);
  CHECK_INT(6, atomic_load(&asking->server->queries));
}

ASKING_TEST("names need not be tidy") {
  static const char *const names[] = {"one.test.", "one.a_b.test", "one.-.test",
                                      "one.1.2"};
  const char *text;
  CHECK_INT(WEFT_OK, lookup(asking, names[0], 4, &text));
  CHECK_TEXT("192.0.2.1", text);
  for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
    CHECK_INT(WEFT_OK, lookup(asking, names[i], 4, &text));
    CHECK_TEXT("192.0.2.1", text);
  }
}

ASKING_TEST("addresses of one family are one query") {
  const char *text;
  CHECK_INT(WEFT_OK, lookup(asking, "both.test", 4, &text));
  CHECK_TEXT("192.0.2.1", text);
  CHECK_INT(WEFT_OK, lookup(asking, "both.test", 6, &text));
  CHECK_TEXT("2001:db8::1", text);
  CHECK_INT(WEFT_EHOSTNOTFOUND, lookup(asking, "one.test", 6, &text));
  CHECK_INT(3, atomic_load(&asking->server->queries));
}

ASKING_TEST("27.2 there is no such name, or no address of it") {
  const char *text;
  CHECK_INT(WEFT_EHOSTNOTFOUND, lookup(asking, "nx.test", 0, &text));
  CHECK_INT(WEFT_EHOSTNOTFOUND, lookup(asking, "nothing.test", 0, &text));
}

ASKING_TEST("a server that fails or refuses is another matter") {
  const char *text;
  CHECK_INT(WEFT_EHOSTTRYAGAIN, lookup(asking, "fail.test", 0, &text));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, lookup(asking, "refuse.test", 0, &text));
}

ASKING_TEST("an answer that makes no sense is none") {
  const char *text;
  int status = lookup(asking, "garbage.test", 0, &text);
  CHECK(status == WEFT_EHOSTTRYAGAIN || status == WEFT_EHOSTNOTFOUND);
}

ASKING_TEST("a server that says nothing is asked again, then given up") {
  const char *text;
  CHECK_INT(WEFT_OK, weft_dns_set_timeout(asking->dns, 5000000, 3));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, lookup(asking, "silent.test", 4, &text));
  CHECK_INT(3, atomic_load(&asking->server->queries));
}

ASKING_TEST("a server that is not there is none") {
  const char *text;
  int port = 0;
  close(server_socket(SOCK_DGRAM, &port));
  CHECK_INT(WEFT_OK, weft_dns_set_servers(asking->dns, servers_text(port)));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, lookup(asking, "one.test", 0, &text));
}

ASKING_TEST("the next server is asked when one is not there") {
  char servers[128];
  const char *text;
  int port = 0;
  close(server_socket(SOCK_DGRAM, &port));
  snprintf(servers, sizeof servers, "127.0.0.1:%d,127.0.0.1:%d", port,
           asking->server->port);
  CHECK_INT(WEFT_OK, weft_dns_set_servers(asking->dns, servers));
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 4, &text));
  CHECK_TEXT("192.0.2.1", text);
}

ASKING_TEST("what UDP has no room for comes by TCP") {
  uint64_t value;
  size_t count = 0;
  CHECK_INT(WEFT_OK,
            weft_dns_lookup_family(asking->rt, "many.test", 4, &value));
  CHECK_INT(WEFT_OK,
            weft_value_get_count((weft_value *)(uintptr_t)value, &count));
  CHECK_INT(40, count);
  weft_value_unref((weft_value *)(uintptr_t)value);
  CHECK_INT(1, atomic_load(&asking->server->by_tcp));
}

/* -- What is not asked for ------------------------------------------------ */

ASKING_TEST("what /etc/hosts has, and localhost, is asked of nobody") {
  const char *text;
  CHECK_INT(WEFT_OK, lookup(asking, "localhost", 4, &text));
  CHECK_TEXT("127.0.0.1", text);
  CHECK_INT(WEFT_OK, lookup(asking, "localhost", 0, &text));
  CHECK_INT(0, atomic_load(&asking->server->queries));
}

ASKING_TEST("addresses, in any form, are the C library's business") {
  const char *text;
  CHECK_INT(WEFT_OK, lookup(asking, "192.0.2.9", 0, &text));
  CHECK_TEXT("192.0.2.9", text);
  CHECK_INT(WEFT_OK, lookup(asking, "127.1", 0, &text));
  CHECK_TEXT("127.0.0.1", text);
  CHECK_INT(WEFT_OK, lookup(asking, "2001:db8::9", 0, &text));
  CHECK_TEXT("2001:db8::9", text);
  CHECK_INT(0, atomic_load(&asking->server->queries));
}

/* -- Many ----------------------------------------------------------------- */

enum { MANY = 300 };

ASKING_TEST("many are looked up side by side, 64 at a time") {
  static struct seeker seekers[MANY];
  weft_runtime *rt = asking->rt;
  for (int i = 0; i < MANY; i++)
    start_seeker(rt, &seekers[i], "hold.test");
  await_queries(asking, 128);
  for (int i = 0; i < 1000; i++)
    CHECK_INT(WEFT_OK, weft_yield(rt));
  CHECK_INT(128, atomic_load(&asking->server->queries));
  while (!seekers[MANY - 1].done) {
    name_server_release(asking->server);
    CHECK_INT(WEFT_OK, weft_yield(rt));
  }
  for (int i = 0; i < MANY; i++)
    CHECK_INT(WEFT_OK, join_seeker(rt, &seekers[i]));
  CHECK_INT(2 * MANY, atomic_load(&asking->server->queries));
  CHECK_INT(128, atomic_load(&asking->server->most));
}

/* -- Cancelling ----------------------------------------------------------- */

ASKING_TEST("27.2 a cancelled look-up returns at once; others go on") {
  struct seeker one, two;
  start_seeker(asking->rt, &one, "hold.test");
  start_seeker(asking->rt, &two, "hold.test");
  await_queries(asking, 4);
  CHECK_INT(WEFT_ECANCELLED, cancel_seeker(asking->rt, &one));
  CHECK(!two.done);
  name_server_release(asking->server);
  CHECK_INT(WEFT_OK, join_seeker(asking->rt, &two));
}

ASKING_TEST("when none is wanted any more, c-ares asks no further") {
  struct seeker one, two;
  CHECK_INT(WEFT_OK, weft_dns_set_timeout(asking->dns, 3600000000000, 2));
  start_seeker(asking->rt, &one, "silent.test");
  start_seeker(asking->rt, &two, "silent.test");
  await_queries(asking, 4);
  CHECK(asking->dns->channels->sockets != NULL);
  CHECK_INT(WEFT_ECANCELLED, cancel_seeker(asking->rt, &one));
  CHECK_INT(WEFT_ECANCELLED, cancel_seeker(asking->rt, &two));
  CHECK(asking->dns->channels->sockets == NULL);
  CHECK_INT(0, asking->dns->channels->timer);
  CHECK(asking->dns->channels->operations.first == NULL);
}

ASKING_TEST("a place that a cancelled one had is the next one's") {
  static struct seeker seekers[66];
  weft_runtime *rt = asking->rt;
  for (int i = 0; i < 66; i++)
    start_seeker(rt, &seekers[i], "silent.test");
  await_queries(asking, 128);
  CHECK(asking->dns->waiting.first != NULL);
  CHECK_INT(WEFT_ECANCELLED, cancel_seeker(rt, &seekers[65])); /* in line */
  CHECK_INT(WEFT_ECANCELLED, cancel_seeker(rt, &seekers[0]));  /* asked for */
  CHECK(asking->dns->waiting.first == NULL);
  await_queries(asking, 130);
  for (int i = 1; i < 65; i++)
    CHECK_INT(WEFT_ECANCELLED, cancel_seeker(rt, &seekers[i]));
}

ASKING_TEST("one that was answered, but not told yet, is cancelled too") {
  struct seeker one;
  start_seeker(asking->rt, &one, "localhost"); /* c-ares knows at once */
  int status = cancel_seeker(asking->rt, &one);
  CHECK(status == WEFT_OK || status == WEFT_ECANCELLED);
}

static int start_and_leave(weft_runtime *rt, void *arg) {
  struct asking *asking = arg;
  weft_resolve lookup;
  for (int i = 0; i < 100; i++)
    CHECK_INT(WEFT_OK,
              weft_resolve_start(rt, "silent.test", (weft_resolve_fn)abort,
                                 NULL, NULL, &lookup));
  await_queries(asking, 128);
  return WEFT_OK;
}

TEST("27.2 look-ups under way when the runtime is freed are let go") {
  asking_run(start_and_leave);
}

/* -- Settings ------------------------------------------------------------- */

ASKING_TEST("bad settings are refused and change nothing") {
  const char *text;
  CHECK_INT(WEFT_EINVAL, weft_dns_set_servers(asking->dns, ""));
  CHECK_INT(WEFT_EINVAL, weft_dns_set_servers(asking->dns, NULL));
  CHECK_INT(WEFT_EINVAL, weft_dns_set_servers(asking->dns, "no address"));
  CHECK_INT(WEFT_EINVAL, weft_dns_set_timeout(asking->dns, 0, 1));
  CHECK_INT(WEFT_EINVAL, weft_dns_set_timeout(asking->dns, 1000000, 0));
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 0, &text));
}

ASKING_TEST("those under way go on as they began when settings change") {
  const char *text;
  struct seeker one;
  start_seeker(asking->rt, &one, "hold.test");
  await_queries(asking, 2);
  CHECK_INT(WEFT_OK, weft_dns_set_timeout(asking->dns, 1000000000, 1));
  CHECK(asking->dns->channels->next != NULL);
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 0, &text));
  name_server_release(asking->server);
  CHECK_INT(WEFT_OK, join_seeker(asking->rt, &one));
  CHECK(asking->dns->channels->next == NULL);
}

/* -- Life ----------------------------------------------------------------- */

ASKING_TEST("a resolver that is closed goes on for the runtime") {
  const char *text;
  weft_dns *own;
  CHECK_INT(WEFT_OK, weft_dns_new(asking->rt, &own));
  CHECK_INT(WEFT_OK,
            weft_dns_set_servers(own, servers_text(asking->server->port)));
  CHECK_INT(WEFT_OK, weft_dns_install(own));
  CHECK_INT(WEFT_OK, weft_dns_install(own));
  CHECK_INT(WEFT_OK, weft_dns_close(own));
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 0, &text));
  CHECK_INT(2, atomic_load(&asking->server->queries));
  CHECK_INT(WEFT_OK, weft_set_resolver(asking->rt, NULL, NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_dns_close(NULL));
}

TEST("one that is open when its runtime is freed is closed later") {
  weft_runtime *rt;
  weft_dns *dns;
  int fds = count_fds_warm();
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_dns_new(rt, &dns));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  CHECK_INT(WEFT_ECLOSED, weft_dns_install(dns));
  CHECK_INT(WEFT_ECLOSED, weft_dns_set_servers(dns, "127.0.0.1"));
  CHECK_INT(WEFT_ECLOSED, weft_dns_set_timeout(dns, 1000000, 1));
  CHECK_INT(WEFT_OK, weft_dns_close(dns));
  CHECK_INT(fds, count_fds());
}

static int look_up_local(weft_runtime *rt, void *arg) {
  uint64_t value;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_dns_use(rt));
  CHECK_INT(WEFT_OK, weft_dns_lookup(rt, "localhost", &value));
  weft_value_unref((weft_value *)(uintptr_t)value);
  return WEFT_OK;
}

static void run_local(bool is_virtual) {
  weft_runtime *rt;
  weft_task task;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  if (is_virtual)
    CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, look_up_local, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  weft_task_close(rt, task);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
}

TEST("with the defaults it does as the system, in virtual time as well") {
  setenv("WEFT_RESOLVER", "c-ares", 1);
  run_local(false);
  run_local(true);
  setenv("WEFT_RESOLVER", "system", 1);
  run_local(false);
}
