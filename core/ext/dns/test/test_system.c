/* SPDX-License-Identifier: MIT
 * test_system.c - what the system's files say, in a folder of the test's. */
#include <sys/stat.h>

#include "asking.h"

static char etc[] = "/tmp/weft-etc-XXXXXX";

static void make_folder(void) {
  CHECK(mkdtemp(etc) != NULL);
  unsetenv("RES_OPTIONS");
  unsetenv("LOCALDOMAIN");
  unsetenv("HOSTALIASES");
  unsetenv("WEFT_RESOLVER");
}

static const char *path_of(const char *name) {
  static char path[64];
  snprintf(path, sizeof path, "%s/%s", etc, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "w");
  fputs(text, file);
  fclose(file);
}

static void remove_folder(void) {
  unlink(path_of("resolv.conf"));
  unlink(path_of("nsswitch.conf"));
  unlink(path_of("gai.conf"));
  CHECK_INT(0, rmdir(etc));
}

static bool is_ours(void) {
  return dns__system_read(etc).is_ours;
}

static bool is_ours_with(const char *name, const char *text) {
  write_file(name, text);
  return is_ours();
}

TEST("without files the system does what c-ares does") {
  make_folder();
  struct dns_system system = dns__system_read(etc);
  CHECK(system.is_ours);
  CHECK_INT(0, system.timeout_ms);
  CHECK_INT(0, system.attempts);
  remove_folder();
}

TEST("sources besides files and dns are another's") {
  make_folder();
  const char *name = "nsswitch.conf";
  CHECK(is_ours_with(name, "passwd: ldap\nhosts: files dns # mdns\n"));
  CHECK(is_ours_with(name, "  hosts:\tdns\n"));
  CHECK(is_ours_with(name, "# hosts: mdns4\n"));
  CHECK(!is_ours_with(name, "hosts: files mdns4_minimal dns\n"));
  CHECK(!is_ours_with(name, "hosts: files dns myhostname\n"));
  CHECK(!is_ours_with(name, "hosts: resolve [!UNAVAIL=return] dns\n"));
  CHECK(!is_ours_with(name, "hosts: dns files\n"));
  CHECK(!is_ours_with(name, "hosts: files\n"));
  remove_folder();
}

TEST("rules for the order of addresses are another's") {
  make_folder();
  CHECK(is_ours_with("gai.conf", "# precedence ::ffff:0:0/96 100\n\n"));
  CHECK(!is_ours_with("gai.conf", "precedence ::ffff:0:0/96 100\n"));
  remove_folder();
}

TEST("options of resolv.conf are followed, or left to who knows them") {
  make_folder();
  write_file("resolv.conf", "nameserver 192.0.2.1\n"
                            "options timeout:2 attempts:3 ndots:2 edns0\n");
  struct dns_system system = dns__system_read(etc);
  CHECK(system.is_ours);
  CHECK_INT(2000, system.timeout_ms);
  CHECK_INT(3, system.attempts);
  write_file("resolv.conf", "options timeout:99 attempts:99\n");
  system = dns__system_read(etc);
  CHECK_INT(30000, system.timeout_ms);
  CHECK_INT(5, system.attempts);
  CHECK(!is_ours_with("resolv.conf", "options use-vc\n"));
  CHECK(is_ours_with("resolv.conf", "; options use-vc\nsearch options\n"));
  remove_folder();
}

TEST("the environment decides, one way or the other") {
  make_folder();
  setenv("RES_OPTIONS", "ndots:3", 1);
  CHECK(!is_ours());
  unsetenv("RES_OPTIONS");
  setenv("WEFT_RESOLVER", "system", 1);
  CHECK(!is_ours());
  setenv("WEFT_RESOLVER", "c-ares", 1);
  CHECK(is_ours_with("nsswitch.conf", "hosts: mdns\n"));
  setenv("WEFT_RESOLVER", "", 1);
  CHECK(!is_ours());
  remove_folder();
}

TEST("an address is no name, nor is what is not ASCII") {
  CHECK(dns__system_is_name("one.test"));
  CHECK(dns__system_is_name("1.2.3.4.5"));
  CHECK(!dns__system_is_name("127.0.0.1"));
  CHECK(!dns__system_is_name("0x7f.1"));
  CHECK(!dns__system_is_name("::1"));
  CHECK(!dns__system_is_name("fe80::1%lo"));
  CHECK(!dns__system_is_name("b\xc3\xbc"
                             "cher.test"));
}

/* -- Changes -------------------------------------------------------------- */

static void forget_check(weft_dns *dns) {
  dns->checked_ns = 0;
  dns->checked_ns -= 10000000000; /* long ago */
}

ASKING_TEST("the files are followed when they change") {
  const char *text;
  weft_dns *dns;
  make_folder();
  CHECK_INT(WEFT_OK, weft_dns_new(asking->rt, &dns));
  dns->etc = etc;
  write_file("resolv.conf", "search wrong test\n");
  CHECK_INT(WEFT_OK,
            weft_dns_set_servers(dns, servers_text(asking->server->port)));
  CHECK_INT(WEFT_OK, weft_dns_install(dns));
  CHECK_INT(WEFT_OK, lookup(asking, "one", 4, &text));
  CHECK_TEXT("192.0.2.1", text);
  CHECK_INT(2, atomic_load(&asking->server->queries));
  struct dns_channel *channel = dns->channels;
  forget_check(dns);
  CHECK_INT(WEFT_OK, lookup(asking, "one.test", 4, &text));
  CHECK(channel == dns->channels);
  CHECK_INT(3, atomic_load(&asking->server->queries));
  write_file("resolv.conf", "search test\n");
  forget_check(dns);
  CHECK_INT(WEFT_OK, lookup(asking, "one", 4, &text));
  CHECK(channel != dns->channels);
  CHECK_INT(4, atomic_load(&asking->server->queries));
  CHECK_INT(WEFT_OK, weft_dns_close(dns));
  CHECK_INT(WEFT_OK, weft_set_resolver(asking->rt, NULL, NULL, NULL, NULL));
  remove_folder();
}
