/* SPDX-License-Identifier: MIT
 * test_udp_options.c - options of UDP sockets, broadcast and multicast, all on
 * the loopback interface. */
#include "datagram.h"

#include <net/if.h>

#define GROUP "239.255.77.1"
#define GROUP_SIX "ff11::7701"

/* -- Options -------------------------------------------------------------- */

static int option_of(weft_runtime *rt, weft_udp udp, int option) {
  int number;
  CHECK_INT(WEFT_OK, weft_udp_get_option(rt, udp, option, &number));
  return number;
}

static void check_option(weft_runtime *rt, weft_udp udp, int option,
                         int number) {
  CHECK_INT(WEFT_OK, weft_udp_set_option(rt, udp, option, number));
  CHECK_INT(number, option_of(rt, udp, option));
}

TASK_TEST("an option has the number it was set to, in both families") {
  const char *const hosts[] = {"127.0.0.1", "::1"};
  for (int i = 0; i < 2; i++) {
    weft_udp udp = udp_on(rt, hosts[i]);
    CHECK_INT(1, option_of(rt, udp, WEFT_UDP_MULTICAST_TTL));
    CHECK_INT(1, option_of(rt, udp, WEFT_UDP_MULTICAST_LOOP));
    check_option(rt, udp, WEFT_UDP_TTL, 3);
    check_option(rt, udp, WEFT_UDP_MULTICAST_TTL, 0);
    check_option(rt, udp, WEFT_UDP_MULTICAST_LOOP, 0);
    check_option(rt, udp, WEFT_UDP_BROADCAST, 1);
    udp_close(rt, udp);
  }
}

TASK_TEST("the system's buffers can be made larger and smaller") {
  weft_udp udp = udp_here(rt);
  for (int option = WEFT_UDP_RECEIVE_BUFFER; option <= WEFT_UDP_SEND_BUFFER;
       option++) {
    CHECK_INT(WEFT_OK, weft_udp_set_option(rt, udp, option, 65536));
    int large = option_of(rt, udp, option);
    CHECK_INT(WEFT_OK, weft_udp_set_option(rt, udp, option, 8192));
    CHECK(large >= 65536);
    CHECK(option_of(rt, udp, option) < large);
  }
  udp_close(rt, udp);
}

TASK_TEST("what is no option, or no number for it, is refused") {
  int number = 1;
  weft_udp udp = udp_here(rt);
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, 0, 1));
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, 7, 1));
  CHECK_INT(WEFT_EINVAL, weft_udp_get_option(rt, udp, 7, &number));
  CHECK_INT(0, number);
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, WEFT_UDP_BROADCAST, 2));
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, WEFT_UDP_TTL, 0));
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, WEFT_UDP_TTL, 256));
  CHECK_INT(WEFT_EINVAL,
            weft_udp_set_option(rt, udp, WEFT_UDP_MULTICAST_TTL, -1));
  CHECK_INT(WEFT_EINVAL, weft_udp_set_option(rt, udp, WEFT_UDP_SEND_BUFFER, 0));
  udp_close(rt, udp);
  CHECK_INT(WEFT_EBADF, weft_udp_set_option(rt, udp, WEFT_UDP_TTL, 1));
}

TASK_TEST("broadcast is sent only where it is allowed") {
  weft_udp udp = udp_on(rt, "0.0.0.0"), peer;
  CHECK_INT(WEFT_OK, weft_udp_open(rt, "127.255.255.255", 0, 0, &peer));
  int port = udp_port(rt, peer);
  CHECK_INT(WEFT_EACCES,
            weft_udp_send(rt, udp, "x", 1, "127.255.255.255", port));
  check_option(rt, udp, WEFT_UDP_BROADCAST, 1);
  CHECK_INT(WEFT_OK, weft_udp_send(rt, udp, "x", 1, "127.255.255.255", port));
  CHECK(hears(rt, peer, "x"));
  udp_close(rt, peer);
  udp_close(rt, udp);
}

/* -- Groups --------------------------------------------------------------- */

static const char *loopback_name(void) {
  static char name[IF_NAMESIZE];
  return if_indextoname(1, name);
}

/* Two members of a group on one port, and a third socket that sends. */
static void check_group(weft_runtime *rt, const char *any, const char *group,
                        const char *interface_name) {
  weft_udp one, two, from = udp_on(rt, any);
  CHECK_INT(WEFT_OK, weft_udp_open(rt, any, 0, WEFT_UDP_REUSEADDR, &one));
  int port = udp_port(rt, one);
  CHECK_INT(WEFT_OK, weft_udp_open(rt, any, port, WEFT_UDP_REUSEADDR, &two));
  CHECK_INT(WEFT_OK, weft_udp_join(rt, one, group, interface_name));
  CHECK_INT(WEFT_OK, weft_udp_join(rt, two, group, interface_name));
  CHECK_INT(WEFT_EADDRINUSE, weft_udp_join(rt, two, group, interface_name));
  CHECK_INT(WEFT_OK, weft_udp_set_interface(rt, from, interface_name));
  CHECK_INT(WEFT_OK, weft_udp_send(rt, from, "all", 3, group, port));
  CHECK(hears(rt, one, "all"));
  CHECK(hears(rt, two, "all"));
  CHECK_INT(WEFT_OK, weft_udp_leave(rt, two, group, interface_name));
  CHECK_INT(WEFT_EADDRNOTAVAIL, weft_udp_leave(rt, two, group, interface_name));
  udp_close(rt, two);
  udp_close(rt, one);
  udp_close(rt, from);
}

TASK_TEST("what is sent to a group comes to all members") {
  check_group(rt, "0.0.0.0", GROUP, "127.0.0.1");
  check_group(rt, "0.0.0.0", GROUP, loopback_name());
}

/* Whether the system counts the loopback interface among the IPv6 group's. (It
 * has no route there, so that nothing can be sent.) */
static bool is_member(const char *group_digits) {
  char line[128];
  bool found = false;
  FILE *file = fopen("/proc/net/igmp6", "r");
  CHECK(file != NULL);
  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    found |= strstr(line, group_digits) != NULL && atoi(line) == 1;
  if (file != NULL)
    fclose(file);
  return found;
}

TASK_TEST("groups of IPv6 are joined by the name of an interface") {
  char group[32], digits[40];
  unsigned own = (unsigned)getpid() & 0xffff; /* others may run this test */
  snprintf(group, sizeof(group), "ff11::7701:%x", own);
  snprintf(digits, sizeof(digits), "ff11000000000000000000007701%04x", own);
  weft_udp udp = udp_on(rt, "::");
  CHECK(!is_member(digits));
  CHECK_INT(WEFT_OK, weft_udp_join(rt, udp, group, loopback_name()));
  CHECK(is_member(digits));
  CHECK_INT(WEFT_OK, weft_udp_set_interface(rt, udp, loopback_name()));
  CHECK_INT(WEFT_OK, weft_udp_leave(rt, udp, group, loopback_name()));
  CHECK(!is_member(digits));
  CHECK_INT(WEFT_EADDRNOTAVAIL,
            weft_udp_leave(rt, udp, group, loopback_name()));
  CHECK_INT(WEFT_OK, weft_udp_join(rt, udp, group, loopback_name()));
  udp_close(rt, udp);
  CHECK(!is_member(digits));
}

TASK_TEST("what is no group or interface is refused") {
  weft_udp udp = udp_on(rt, "0.0.0.0"), six = udp_on(rt, "::");
  CHECK_INT(WEFT_EINVAL, weft_udp_join(rt, udp, NULL, NULL));
  CHECK_INT(WEFT_EINVAL, weft_udp_join(rt, udp, "group", NULL));
  CHECK_INT(WEFT_EINVAL, weft_udp_join(rt, udp, GROUP_SIX, NULL));
  CHECK_INT(WEFT_EINVAL, weft_udp_join(rt, six, GROUP, NULL));
  CHECK_INT(WEFT_EINVAL, weft_udp_join(rt, udp, "127.0.0.1", "127.0.0.1"));
  CHECK_INT(WEFT_ENODEV, weft_udp_join(rt, udp, GROUP, "no such"));
  CHECK_INT(WEFT_ENODEV, weft_udp_join(rt, six, GROUP_SIX, "no such"));
  CHECK_INT(WEFT_ENODEV, weft_udp_set_interface(rt, udp, "no such"));
  CHECK_INT(WEFT_ENODEV, weft_udp_set_interface(rt, six, "no such"));
  CHECK_INT(WEFT_OK, weft_udp_set_interface(rt, udp, NULL));
  CHECK_INT(WEFT_OK, weft_udp_set_interface(rt, six, NULL));
  udp_close(rt, six);
  udp_close(rt, udp);
  CHECK_INT(WEFT_EBADF, weft_udp_join(rt, udp, GROUP, NULL));
  CHECK_INT(WEFT_EBADF, weft_udp_set_interface(rt, udp, NULL));
}
