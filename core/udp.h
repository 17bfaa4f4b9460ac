/* SPDX-License-Identifier: MIT
 * udp.h - what the files of UDP sockets share.
 *
 *   udp.c opens, receives, closes; udp_send.c sends and connects;
 *   udp_options.c sets options and joins groups */
#ifndef WEFT_UDP_H
#define WEFT_UDP_H

#include "address.h"
#include "stream.h"

struct udp {
  uv_poll_t poll;
  weft_runtime *rt;
  weft_udp handle; /* 0 once it is closed */
  int fd;
  int family;  /* AF_INET or AF_INET6 */
  int watched; /* what libuv looks for, of enum uv_poll_event */

  /* Receiving (udp.c). */
  char *data;            /* room for the largest datagram; NULL: never used */
  size_t size_bytes;     /* of the datagram in it */
  bool full;             /* there is one */
  struct list receivers; /* who waits for one, at most one */
  struct sockaddr_storage sender;
  struct sockaddr_storage known; /* the sender whose address text is */
  weft_value *text;              /* or NULL */

  /* Sending (udp_send.c): struct sending.node, oldest first. */
  struct list senders; /* the kernel had no room */
  struct list lookups; /* the name is being looked up */
};

/* Has libuv look for [events] too, of enum uv_poll_event. */
int weft__udp_watch(struct udp *u, int events);
/* Sends for those who wait as long as there is room. */
void weft__udp_serve_senders(struct udp *u);
/* Wakes all who wait to send, and looks up no name any more. */
void weft__udp_wake_senders(struct udp *u, int status);

#endif
