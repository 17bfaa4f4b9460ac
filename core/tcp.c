/* SPDX-License-Identifier: MIT
 * tcp.c - listening by TCP. */
#include <errno.h>
#include <unistd.h>

#include "address.h"
#include "stream.h"

static int open_listening(int fd, const struct sockaddr_storage *address,
                          int backlog) {
  int on = 1;
  /* A server that restarts must not wait for its old connections. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, (const struct sockaddr *)address, weft__address_size(address)) !=
          0 ||
      listen(fd, backlog > 0 ? backlog : SOMAXCONN) != 0)
    return weft__status_from_uv(uv_translate_sys_error(errno));
  return WEFT_OK;
}

int weft_tcp_listen(weft_runtime *rt, const char *host, int port, int backlog,
                    weft_listener *listener) {
  struct sockaddr_storage address;
  *listener = 0;
  if (!weft__is_here(rt))
    return WEFT_ETHREAD;
  if (host == NULL || port < 0 || port > 65535 ||
      weft__address_parse(host, port, &address) != WEFT_OK)
    return WEFT_EINVAL;
  int fd;
  int status = weft__socket_new(address.ss_family, SOCK_STREAM, &fd);
  if (status != WEFT_OK)
    return status;
  status = open_listening(fd, &address, backlog);
  if (status == WEFT_OK)
    return weft__listener_new(rt, fd, listener);
  close(fd);
  return status;
}
