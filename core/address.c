/* SPDX-License-Identifier: MIT
 * address.c - the addresses of sockets, from text and to text.
 *
 * One form for each family, which a user can read and give back:
 * "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock", "unix:@name" for a name that
 * is in no file system, "unix:" for a socket that has none. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address.h"

_Static_assert(WEFT__ADDRESS_TEXT > sizeof("unix:") + WEFT__UNIX_PATH_MAX,
               "a text has room for every path");

/* -- From text ------------------------------------------------------------ */

int weft__address_parse(const char *host, int port,
                        struct sockaddr_storage *address) {
  memset(address, 0, sizeof(*address));
  if (uv_ip4_addr(host, port, (struct sockaddr_in *)address) == 0)
    return WEFT_OK;
  if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)address) == 0)
    return WEFT_OK;
  return WEFT_EINVAL;
}

socklen_t weft__address_size(const struct sockaddr_storage *address) {
  return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                        : sizeof(struct sockaddr_in);
}

/* An abstract name begins with a zero byte, has none at its end, and is as long
 * as the size of the address says. */
int weft__address_of_path(const char *path, struct sockaddr_un *address,
                          socklen_t *size) {
  size_t length = strlen(path);
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  if (length == 0)
    return WEFT_EINVAL;
  if (length > WEFT__UNIX_PATH_MAX)
    return WEFT_ENAMETOOLONG;
  memcpy(address->sun_path, path, length);
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  if (path[0] == '@')
    address->sun_path[0] = '\0';
  else
    ++*size;
  return WEFT_OK;
}

/* -- To text -------------------------------------------------------------- */

static int write_path(const struct sockaddr_un *address, socklen_t size,
                      char *text) {
  size_t head_bytes = offsetof(struct sockaddr_un, sun_path);
  size_t length = size > head_bytes ? size - head_bytes : 0;
  const char *path = address->sun_path;
  const char *prefix = length > 0 && path[0] == '\0' ? "unix:@" : "unix:";
  if (prefix[5] == '@')
    path++, length--;
  return snprintf(text, WEFT__ADDRESS_TEXT, "%s%.*s", prefix, (int)length,
                  path);
}

int weft__address_write(const struct sockaddr_storage *address, socklen_t size,
                        char text[WEFT__ADDRESS_TEXT]) {
  char host[80], port[8];
  if (address->ss_family == AF_UNIX)
    return write_path((const struct sockaddr_un *)address, size, text);
  if (getnameinfo((const struct sockaddr *)address, size, host, sizeof(host),
                  port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return 0;
  const char *form = address->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
  return snprintf(text, WEFT__ADDRESS_TEXT, form, host, port);
}

static int write_address(int fd, bool peer, char text[WEFT__ADDRESS_TEXT],
                         int *length) {
  struct sockaddr_storage address;
  socklen_t size = sizeof(address);
  struct sockaddr *raw = (struct sockaddr *)&address;
  *length = 0;
  if ((peer ? getpeername(fd, raw, &size) : getsockname(fd, raw, &size)) != 0)
    return weft__status_from_uv(uv_translate_sys_error(errno));
  *length = weft__address_write(&address, size, text);
  return *length == 0 ? WEFT_EAFNOSUPPORT : WEFT_OK;
}

int weft__address_text(int fd, bool peer, weft_value **value) {
  char text[WEFT__ADDRESS_TEXT];
  int length;
  int status = write_address(fd, peer, text, &length);
  if (status != WEFT_OK)
    return status;
  return weft_value_new_bytes(text, (size_t)length, value);
}

void weft__address_describe(int fd, bool peer, char *text, size_t size_bytes) {
  char address[WEFT__ADDRESS_TEXT];
  int length;
  if (fd < 0)
    return;
  if (write_address(fd, peer, address, &length) != WEFT_OK || length == 0)
    snprintf(text, size_bytes, " on descriptor %d", fd);
  else
    snprintf(text, size_bytes, " on %s (descriptor %d)", address, fd);
}
