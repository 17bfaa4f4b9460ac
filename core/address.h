/* SPDX-License-Identifier: MIT
 * address.h - the addresses of sockets, for whoever connects, listens or tells
 * of them (address.c). */
#ifndef WEFT_ADDRESS_H
#define WEFT_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "core.h"

/* Of an address as text, the end's zero included. */
#define WEFT__ADDRESS_TEXT 128
/* The longest path of a unix socket, without the zero at its end. */
#define WEFT__UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Reads an IPv4 or IPv6 address; WEFT_EINVAL if [host] is none. */
int weft__address_parse(const char *host, int port,
                        struct sockaddr_storage *address);
/* The size of what weft__address_parse has made. */
socklen_t weft__address_size(const struct sockaddr_storage *address);
/* Makes the address of a unix socket, "@name" for one in no file system:
 * WEFT_EINVAL if it is empty, WEFT_ENAMETOOLONG. */
int weft__address_of_path(const char *path, struct sockaddr_un *address,
                          socklen_t *size);
/* Writes an address as text and gives its length; 0 for a family unknown. */
int weft__address_write(const struct sockaddr_storage *address, socklen_t size,
                        char text[WEFT__ADDRESS_TEXT]);
/* The peer's or the own address of a socket, as text. */
int weft__address_text(int fd, bool peer, weft_value **value);
/* " on 127.0.0.1:80 (descriptor 7)"; without the address where there is none.
 */
void weft__address_describe(int fd, bool peer, char *text, size_t size_bytes);

#endif
