/* SPDX-License-Identifier: MIT
 * udp_options.c - options of UDP sockets, and the groups they have joined.
 *
 * An option has a name at the level of IPv4 and one at that of IPv6; which
 * holds is the socket's family. An interface is named as the system does, or,
 * by IPv4, by its address. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "udp.h"

static int from_errno(void) {
  return weft__status_from_uv(uv_translate_sys_error(errno));
}

/* -- Options -------------------------------------------------------------- */

struct option {
  int level;
  int name;
};

/* False: there is no such option. */
static bool find_option(const struct udp *u, int option, struct option *found) {
  static const struct option four[] = {
      [WEFT_UDP_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
      [WEFT_UDP_TTL] = {IPPROTO_IP, IP_TTL},
      [WEFT_UDP_MULTICAST_TTL] = {IPPROTO_IP, IP_MULTICAST_TTL},
      [WEFT_UDP_MULTICAST_LOOP] = {IPPROTO_IP, IP_MULTICAST_LOOP},
      [WEFT_UDP_RECEIVE_BUFFER] = {SOL_SOCKET, SO_RCVBUF},
      [WEFT_UDP_SEND_BUFFER] = {SOL_SOCKET, SO_SNDBUF},
  };
  static const struct option six[] = {
      [WEFT_UDP_TTL] = {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
      [WEFT_UDP_MULTICAST_TTL] = {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
      [WEFT_UDP_MULTICAST_LOOP] = {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
  };
  if (option < WEFT_UDP_BROADCAST || option > WEFT_UDP_SEND_BUFFER)
    return false;
  *found = four[option];
  if (u->family == AF_INET6 && found->level == IPPROTO_IP)
    *found = six[option];
  return true;
}

/* As weft__object, for a good option of it. */
static int find(weft_runtime *rt, weft_udp udp, int option, struct udp **u,
                struct option *found) {
  int status = weft__object(rt, udp, KIND_UDP, u);
  if (status != WEFT_OK)
    return status;
  return find_option(*u, option, found) ? WEFT_OK : WEFT_EINVAL;
}

/* Whether the system knows what to do with the number. */
static bool is_good(int option, int number) {
  switch (option) {
  case WEFT_UDP_BROADCAST:
  case WEFT_UDP_MULTICAST_LOOP:
    return number == 0 || number == 1;
  case WEFT_UDP_TTL:
    return number >= 1 && number <= 255;
  case WEFT_UDP_MULTICAST_TTL:
    return number >= 0 && number <= 255;
  default:
    return number >= 1;
  }
}

int weft_udp_set_option(weft_runtime *rt, weft_udp udp, int option,
                        int number) {
  struct udp *u;
  struct option found;
  int status = find(rt, udp, option, &u, &found);
  if (status != WEFT_OK)
    return status;
  if (!is_good(option, number))
    return WEFT_EINVAL;
  if (setsockopt(u->fd, found.level, found.name, &number, sizeof(number)) != 0)
    return from_errno();
  return WEFT_OK;
}

int weft_udp_get_option(weft_runtime *rt, weft_udp udp, int option,
                        int *number) {
  struct udp *u;
  struct option found;
  socklen_t size = sizeof(*number);
  *number = 0;
  int status = find(rt, udp, option, &u, &found);
  if (status != WEFT_OK)
    return status;
  if (getsockopt(u->fd, found.level, found.name, number, &size) != 0)
    return from_errno();
  return WEFT_OK;
}

/* -- Interfaces ----------------------------------------------------------- */

/* The number of the interface [name]; NULL: 0, the system's choice. */
static int find_interface(const char *name, unsigned *number) {
  *number = name == NULL ? 0 : if_nametoindex(name);
  return name != NULL && *number == 0 ? WEFT_ENODEV : WEFT_OK;
}

static int find_interface_four(const char *name, struct ip_mreqn *request) {
  struct sockaddr_in address;
  unsigned number;
  if (name != NULL && uv_ip4_addr(name, 0, &address) == 0) {
    request->imr_address = address.sin_addr;
    return WEFT_OK;
  }
  int status = find_interface(name, &number);
  request->imr_ifindex = (int)number;
  return status;
}

static int set_request(const struct udp *u, int level, int option,
                       const void *request, size_t size_bytes) {
  if (setsockopt(u->fd, level, option, request, (socklen_t)size_bytes) != 0)
    return from_errno();
  return WEFT_OK;
}

int weft_udp_set_interface(weft_runtime *rt, weft_udp udp,
                           const char *interface_name) {
  struct udp *u;
  int status = weft__object(rt, udp, KIND_UDP, &u);
  if (status != WEFT_OK)
    return status;
  if (u->family == AF_INET6) {
    unsigned number;
    status = find_interface(interface_name, &number);
    return status != WEFT_OK ? status
                             : set_request(u, IPPROTO_IPV6, IPV6_MULTICAST_IF,
                                           &number, sizeof(number));
  }
  struct ip_mreqn request = {.imr_ifindex = 0};
  status = find_interface_four(interface_name, &request);
  return status != WEFT_OK ? status
                           : set_request(u, IPPROTO_IP, IP_MULTICAST_IF,
                                         &request, sizeof(request));
}

/* -- Groups --------------------------------------------------------------- */

static int change_four(const struct udp *u, const struct sockaddr_in *group,
                       const char *interface_name, bool join) {
  struct ip_mreqn request = {.imr_multiaddr = group->sin_addr};
  int status = find_interface_four(interface_name, &request);
  if (status != WEFT_OK)
    return status;
  return set_request(u, IPPROTO_IP,
                     join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &request,
                     sizeof(request));
}

static int change_six(const struct udp *u, const struct sockaddr_in6 *group,
                      const char *interface_name, bool join) {
  struct ipv6_mreq request = {.ipv6mr_multiaddr = group->sin6_addr};
  int status = find_interface(interface_name, &request.ipv6mr_interface);
  if (status != WEFT_OK)
    return status;
  return set_request(u, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP,
                     &request, sizeof(request));
}

static int change(weft_runtime *rt, weft_udp udp, const char *group,
                  const char *interface_name, bool join) {
  struct udp *u;
  struct sockaddr_storage address;
  int status = weft__object(rt, udp, KIND_UDP, &u);
  if (status != WEFT_OK)
    return status;
  if (group == NULL || weft__address_parse(group, 0, &address) != WEFT_OK ||
      address.ss_family != u->family)
    return WEFT_EINVAL;
  if (u->family == AF_INET)
    return change_four(u, (struct sockaddr_in *)&address, interface_name, join);
  return change_six(u, (struct sockaddr_in6 *)&address, interface_name, join);
}

int weft_udp_join(weft_runtime *rt, weft_udp udp, const char *group,
                  const char *interface_name) {
  return change(rt, udp, group, interface_name, true);
}

int weft_udp_leave(weft_runtime *rt, weft_udp udp, const char *group,
                   const char *interface_name) {
  return change(rt, udp, group, interface_name, false);
}
