# SPDX-License-Identifier: MIT
"""Streams: connections and pipes, to be read from and written to.

    async with await weft.connect("example.org", 80) as stream:
        await stream.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        async for line in stream:
            print(line)

Each call waits as long as it takes: put it in a ``weft.timeout``. One that is
cancelled has taken no byte, and sent none.
"""

from . import _weft, abi
from ._weft import PARKED
from .errors import ArgumentError, OSError, make
from .owned import outcome
from .reading import Reader, to_bytes
from .scopes import shield
from .time import NEVER, to_deadline

__all__ = ["Stream", "connect", "connect_unix", "open_stream"]

GRACE = 5
"""For so many seconds the end of an ``async with`` waits for the peer to take
what is unsent."""


class Stream(Reader):
    """A connection, a pipe or a terminal."""

    _noun = "stream"
    _fill = staticmethod(abi.weft_stream_fill)
    _peek = staticmethod(abi.weft_stream_peek)
    _consume = staticmethod(abi.weft_stream_consume)
    _let_go = staticmethod(abi.weft_stream_abort)

    # -- Reading; the rest is in weft.reading --------------------------------

    async def read(self, n=-1):
        """At most n bytes, as soon as there are any; b"" at the end. Without n,
        all up to the end."""
        if n is None or n < 0:
            return await self._read_all()
        if n == 0:
            await outcome(abi.weft_checkpoint(self._rt))
            return b""
        if not await self._more(0):
            return b""
        self._look(0)
        return self._take_up_to(n)

    # -- Writing -------------------------------------------------------------

    async def write(self, *pieces):
        """Sends the pieces, in one system call if there is room. Waits while
        64 KiB or more are unsent, in turn with others; then takes all."""
        if len(pieces) == 1:
            parked = abi.weft_stream_write(self._rt, self._handle,
                                           to_bytes(pieces[0]))
        else:
            parked = abi.weft_stream_writev(self._rt, self._handle,
                                            [to_bytes(p) for p in pieces])
        if parked is PARKED:
            await parked

    async def flush(self):
        """Waits until the system has taken all that was written."""
        await outcome(abi.weft_stream_flush(self._rt, self._handle))

    async def shutdown(self):
        """Flushes, then ends the sending side: the peer reads the end. Reading
        goes on."""
        await outcome(abi.weft_stream_shutdown(self._rt, self._handle))

    # -- Closing -------------------------------------------------------------

    async def close(self):
        """Flushes and closes; others who wait get ClosedError. Cancelled, it
        drops what is unsent, and still returns. More than once is fine."""
        if not self._open:
            return
        self._open = False
        await outcome(abi.weft_stream_close(self._rt, self._number))

    def abort(self):
        """Closes at once and drops what is unsent."""
        self._close_now()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        if kind is not None:
            self.abort()
        elif self._open:
            with shield(GRACE):
                await self.close()

    # -- Addresses, options, figures -----------------------------------------

    def peer(self):
        """The peer's address: "127.0.0.1:80", "[::1]:80", "unix:/path"; "" of a
        pipe or a terminal."""
        return abi.weft_stream_address(self._rt, self._handle, 1)

    def local_address(self):
        return abi.weft_stream_address(self._rt, self._handle, 0)

    def set_nodelay(self, on):
        """Whether small writes are sent at once, the default, or may wait for
        more."""
        abi.weft_stream_set_nodelay(self._rt, self._handle, int(on))

    def set_keepalive(self, seconds):
        """Has the system ask a peer that was silent for so long whether it is
        still there; None, the default: never."""
        idle_ns = NEVER if seconds is None else to_deadline(seconds)
        abi.weft_stream_set_keepalive(self._rt, self._handle, idle_ns)

    def is_terminal(self):
        return bool(abi.weft_stream_is_terminal(self._rt, self._handle))

    def statistics(self):
        """How many bytes are buffered: {"unread": ..., "unsent": ...}."""
        unread, unsent = abi.weft_stream_get_sizes(self._rt, self._handle)
        return {"unread": unread - self._taken, "unsent": unsent}


def open_stream(descriptor):
    """A Stream of a descriptor that is open: of a connected socket, a pipe or a
    terminal. It closes it, but for the standard ones, 0 to 2, which stay open,
    and may be files. If it fails the descriptor is the caller's still."""
    rt = _weft.current_runtime()
    return Stream(rt, abi.weft_stream_open(rt, descriptor))


# -- Connecting --------------------------------------------------------------


def check_port(port, least):
    if not isinstance(port, int) or not least <= port <= 65535:
        raise ArgumentError(f"port must be an int from {least} to 65535, not "
                            f"{port!r}")


def failed_at(verb, place, error):
    """The system's error, which says what was asked for."""
    if place in str(error):
        return error
    text = abi.weft_strerror(error.code)
    new = make(error.code, f"{verb} {place}: {text}")
    new.__cause__ = error.__cause__
    return new


def place_of(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def connect(host, port):
    """A Stream to a port by TCP. The addresses of a name are tried in turn,
    0.25 s apart, and the first that answers is taken. If all fail, the cause of
    the OSError is an ErrorGroup of all failures."""
    check_port(port, 1)
    rt = _weft.current_runtime()
    try:
        handle = await outcome(abi.weft_tcp_connect(rt, host, port))
    except OSError as error:
        raise failed_at("connect to", place_of(host, port), error)
    return Stream(rt, handle)


async def connect_unix(path):
    """A Stream to the unix socket at path; "@name" is in no file system."""
    rt = _weft.current_runtime()
    try:
        handle = await outcome(abi.weft_unix_connect(rt, path))
    except OSError as error:
        error.filename = path
        raise
    return Stream(rt, handle)
