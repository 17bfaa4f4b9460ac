/* SPDX-License-Identifier: MIT
 * test_tcp.c - listening by TCP. */
#include "loopback.h"

TASK_TEST("arguments of listen that are out of range are refused") {
  weft_listener listener = 1;
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "one.test", 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, NULL, 0, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", -1, 0, &listener));
  CHECK_INT(WEFT_EINVAL, weft_tcp_listen(rt, "127.0.0.1", 65536, 0, &listener));
  CHECK_INT(0, listener);
}

TASK_TEST("a port in use is refused, and may be taken again at once") {
  int port, peer;
  weft_listener listener, second;
  uint64_t stream;
  listener = listen_here(rt, &port);
  CHECK_INT(WEFT_EADDRINUSE,
            weft_tcp_listen(rt, "127.0.0.1", port, 0, &second));
  CHECK_INT(0, second);
  peer = plain_connect(port);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  CHECK_INT(0, close(peer)); /* the old connection lingers in the kernel */
  CHECK_INT(WEFT_OK, weft_tcp_listen(rt, "127.0.0.1", port, 0, &second));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, second));
}

TASK_TEST("an address of nobody's here is refused") {
  weft_listener listener;
  CHECK_INT(WEFT_EADDRNOTAVAIL,
            weft_tcp_listen(rt, "192.0.2.1", 0, 0, &listener));
}
