# SPDX-License-Identifier: MIT
"""Datagrams: UDP.

    with weft.udp("127.0.0.1", 9999) as socket:
        data, sender = await socket.receive()
"""

from . import _weft, abi
from .errors import OSError
from .owned import Owned, outcome
from .reading import to_bytes
from .streams import check_port, failed_at, place_of

__all__ = ["Udp", "udp"]


class Udp(Owned):
    """A UDP socket; made by ``weft.udp``."""

    _let_go = staticmethod(abi.weft_udp_close)

    async def send(self, data, host=None, port=0):
        """Sends one datagram to host and port, or to the peer connected to.
        That it was sent does not mean that it arrives."""
        await outcome(abi.weft_udp_send(self._rt, self._handle, to_bytes(data),
                                        host, port))

    async def receive(self):
        """The next datagram and the address it is from: "127.0.0.1:53". One
        task at a time; cancelled, it has lost none."""
        await outcome(abi.weft_udp_receive(self._rt, self._handle))
        data = abi.weft_udp_peek(self._rt, self._handle)
        sender = abi.weft_udp_sender(self._rt, self._handle)
        abi.weft_udp_consume(self._rt, self._handle)
        return data, sender

    async def connect(self, host, port=0):
        """Sends to host and port, and receives from nowhere else; None: from
        everywhere again."""
        await outcome(abi.weft_udp_connect(self._rt, self._handle, host, port))

    def local_address(self):
        return abi.weft_udp_address(self._rt, self._handle, 0)

    def peer(self):
        return abi.weft_udp_address(self._rt, self._handle, 1)

    def port(self):
        return int(self.local_address().rpartition(":")[2])

    def close(self):
        """Who waits gets ClosedError. More than once is fine."""
        self._close_now()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()


def udp(host="0.0.0.0", port=0, *, reuseaddr=False, reuseport=False):
    """A UDP socket on host, an address, and a port, 0 for any that is free."""
    check_port(port, 0)
    rt = _weft.current_runtime()
    flags = ((abi.WEFT_UDP_REUSEADDR if reuseaddr else 0)
             | (abi.WEFT_UDP_REUSEPORT if reuseport else 0))
    try:
        return Udp(rt, abi.weft_udp_open(rt, host, port, flags))
    except OSError as error:
        raise failed_at("open UDP on", place_of(host, port), error)
