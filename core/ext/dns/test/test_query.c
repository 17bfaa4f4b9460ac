/* SPDX-License-Identifier: MIT
 * test_query.c - tasks that ask for records. */
#include "asking.h"

static void check(struct asking *asking, const char *name, const char *kind,
                  const char *expected) {
  const char *text;
  CHECK_INT(WEFT_OK, query(asking, name, kind, &text));
  CHECK_TEXT(expected, text);
}

ASKING_TEST("each kind of records has its form") {
  check(asking, "one.test", "A", "192.0.2.1");
  check(asking, "six.test", "AAAA", "2001:db8::1");
  check(asking, "cname.test", "CNAME", "alias.test");
  check(asking, "ns.test", "NS", "alias.test");
  check(asking, "ptr.test", "PTR", "alias.test");
  check(asking, "txt.test", "TXT", "v=one two, ");
  check(asking, "mx.test", "MX",
        "priority=10 exchange=mail.test, priority=20 exchange=other.test");
  check(asking, "srv.test", "SRV",
        "priority=1 weight=2 port=8080 target=host.test");
  check(asking, "soa.test", "SOA",
        "mname=ns.test rname=admin.test serial=1 refresh=2 retry=3 expire=4 "
        "minimum=4000000000");
  check(asking, "caa.test", "CAA", "flags=128 tag=issue value=ca.test");
  check(asking, "naptr.test", "NAPTR",
        "order=100 preference=10 flags=u service=E2U+sip "
        "regexp=!^.*$!sip:a@b! replacement=");
}

ASKING_TEST("no name, no records, no answer are errors of their own") {
  const char *text;
  CHECK_INT(WEFT_OK, weft_dns_set_timeout(asking->dns, 5000000, 1));
  CHECK_INT(WEFT_EHOSTNOTFOUND, query(asking, "nx.test", "A", &text));
  CHECK_INT(WEFT_EHOSTNOTFOUND, query(asking, "nothing.test", "A", &text));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, query(asking, "fail.test", "A", &text));
  CHECK_INT(WEFT_EHOSTTRYAGAIN, query(asking, "silent.test", "A", &text));
}

ASKING_TEST("records that make no sense are an error") {
  static const char *const kinds[] = {"A",   "AAAA", "MX",  "SRV",  "SOA",
                                      "CAA", "NS",   "TXT", "NAPTR"};
  const char *text;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    CHECK_INT(WEFT_EPROTO, query(asking, "bad.test", kinds[i], &text));
}

ASKING_TEST("what cannot be asked for is refused") {
  const char *text;
  char name[300];
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  CHECK_INT(WEFT_EINVAL, query(asking, "one.test", "ANY", &text));
  CHECK_INT(WEFT_EINVAL, query(asking, "one.test", NULL, &text));
  CHECK_INT(WEFT_EINVAL, query(asking, "", "A", &text));
  CHECK_INT(WEFT_EINVAL, query(asking, NULL, "A", &text));
  CHECK_INT(WEFT_EINVAL, query(asking, name, "A", &text));
  CHECK_INT(WEFT_EHOSTNOTFOUND, query(asking, "a..b", "A", &text));
}

/* -- The end -------------------------------------------------------------- */

struct asker {
  struct asking *asking;
  weft_dns *dns;
  weft_task task;
  int status;
};

static int ask(weft_runtime *rt, void *arg) {
  struct asker *asker = arg;
  uint64_t value;
  asker->status = weft_dns_query(rt, asker->dns, "silent.test", "A", &value);
  CHECK_INT(0, value);
  return WEFT_OK;
}

static void start_asker(struct asking *asking, struct asker *asker,
                        weft_dns *dns) {
  *asker = (struct asker){.asking = asking, .dns = dns};
  int queries = atomic_load(&asking->server->queries);
  CHECK_INT(WEFT_OK, weft_spawn(asking->rt, 0, ask, asker, NULL, &asker->task));
  await_queries(asking, queries + 1);
}

static int join_asker(struct asking *asking, struct asker *asker) {
  CHECK_INT(WEFT_OK, weft_task_await(asking->rt, asker->task));
  CHECK_INT(WEFT_OK, weft_task_close(asking->rt, asker->task));
  return asker->status;
}

ASKING_TEST("27.2 a query that is cancelled returns at once") {
  struct asker asker;
  start_asker(asking, &asker, asking->dns);
  CHECK_INT(WEFT_OK, weft_task_cancel(asking->rt, asker.task, NULL));
  CHECK_INT(WEFT_ECANCELLED, join_asker(asking, &asker));
  CHECK(asking->dns->channels->operations.first == NULL);
}

ASKING_TEST("closing the resolver ends its queries") {
  weft_dns *dns;
  struct asker asker;
  CHECK_INT(WEFT_OK, weft_dns_new(asking->rt, &dns));
  CHECK_INT(WEFT_OK,
            weft_dns_set_servers(dns, servers_text(asking->server->port)));
  start_asker(asking, &asker, dns);
  CHECK_INT(WEFT_OK, weft_dns_close(dns));
  CHECK_INT(WEFT_ECLOSED, join_asker(asking, &asker));
}

static int ask_in_virtual_time(weft_runtime *rt, void *arg) {
  weft_dns *dns;
  uint64_t value;
  (void)arg;
  CHECK_INT(WEFT_OK, weft_dns_new(rt, &dns));
  CHECK_INT(WEFT_ENOTSUP, weft_dns_query(rt, dns, "one.test", "A", &value));
  CHECK_INT(WEFT_OK, weft_dns_close(dns));
  return WEFT_OK;
}

TEST("under the virtual clock nothing is asked") {
  weft_runtime *rt;
  weft_task task;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_set_virtual_clock(rt, 1, 0));
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, ask_in_virtual_time, NULL, NULL, &task));
  CHECK_INT(WEFT_OK, weft_run(rt));
  weft_task_close(rt, task);
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
}
