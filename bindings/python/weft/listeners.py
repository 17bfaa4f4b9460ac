# SPDX-License-Identifier: MIT
"""Listeners: what connections come from.

    async with await weft.listen("127.0.0.1", 8080) as listener:
        await listener.serve(handler)
"""

from . import _weft, abi
from .errors import BusyError, ClosedError, Error, OSError
from .groups import TaskGroup
from .owned import Owned, outcome
from .reading import check_count
from .scopes import move_on_after
from .streams import Stream, check_port, failed_at, place_of
from .time import now, to_deadline

__all__ = ["Listener", "listen", "listen_unix"]


class Listener(Owned):
    _let_go = staticmethod(abi.weft_listener_close)

    def __init__(self, rt, handle):
        super().__init__(rt, handle)
        self._serving = None  # the scope of serve
        self._drain = None

    # -- One connection ------------------------------------------------------

    async def accept(self):
        """Waits for a connection. One task at a time; cancelled, it leaves the
        connection where it was."""
        if self._serving is not None:
            raise BusyError("the listener is in serve")
        return Stream(self._rt, await outcome(self._accept()))

    def _accept(self):
        return abi.weft_listener_accept(self._rt, self._handle)

    def address(self):
        """The address listened on, of several the first: "127.0.0.1:80",
        "[::1]:80" or "unix:/path"."""
        return abi.weft_listener_address(self._rt, self._handle)

    def addresses(self):
        return abi.weft_listener_get_addresses(self._rt, self._handle)

    def port(self):
        """Where none was asked for, the one that was free; None of a unix
        socket."""
        address = self.address()
        if address.startswith("unix:"):
            return None
        return int(address.rpartition(":")[2])

    def close(self):
        """Stops listening; who waits in accept gets ClosedError, and serve
        begins to drain. More than once is fine."""
        self._close_now()
        if self._drain is not None:
            drain, self._drain = self._drain, None
            self._serving.reschedule(now() + drain)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        self.close()

    # -- All connections -----------------------------------------------------

    async def serve(self, handler, limit=None, drain=None):
        """Runs ``await handler(stream)`` for each connection, in a task of its
        own, at most limit at once. The end of a handler closes its stream; its
        failure is reported and ends that connection only.

        After close it waits for the handlers and returns True. With drain they
        have so many seconds from the close on; those that are left then are
        cancelled, and it returns False. Cancelled, it cancels them at once."""
        if not callable(handler):
            raise TypeError(f"a handler is needed, not {handler!r}")
        if limit is not None:
            check_count("limit", limit, 1)
        if drain is not None:
            to_deadline(drain)  # raises what is wrong with it
        if self._serving is not None:
            raise BusyError("the listener is in serve already")
        with move_on_after(None) as scope:
            self._serving, self._drain = scope, drain
            try:
                await self._serve_in_group(handler, limit)
            finally:
                self._serving = self._drain = None
        return not scope.cancel_called

    async def _serve_in_group(self, handler, limit):
        """What keeps it from accepting ends the handlers, and is raised."""
        failure = None
        was_open = self._open
        async with TaskGroup() as group:
            group.set_limit(limit)
            try:
                await self._accept_all(group, handler, limit)
            except Error as error:
                if not (was_open and isinstance(error, ClosedError)):
                    failure = error
                    group.cancel()
        if failure is not None:
            raise failure

    async def _accept_all(self, group, handler, limit):
        while True:
            if limit is not None:
                await group.reserve()
            stream = Stream(self._rt, await outcome(self._accept()))
            group.spawn(_handle(self._rt, handler, stream))


async def _handle(rt, handler, stream):
    try:
        async with stream:
            await handler(stream)
    except Exception as error:
        task = _weft.current_task()
        abi.weft_report(rt, abi.WEFT_REPORT_FAILURE, task.handle, error)


# -- Listening ---------------------------------------------------------------


async def listen(host="*", port=0, *, backlog=0, reuseport=False,
                 ipv6only=False):
    """A Listener on all addresses of host, a name or an address, or of this
    machine for "*", and a port, 0 for any that is free. With reuseport others
    may listen there too, and the system deals the connections out."""
    check_port(port, 0)
    rt = _weft.current_runtime()
    flags = ((abi.WEFT_LISTEN_REUSEPORT if reuseport else 0)
             | (abi.WEFT_LISTEN_IPV6ONLY if ipv6only else 0))
    try:
        handle = await outcome(
            abi.weft_tcp_listen_all(rt, host, port, backlog, flags))
    except OSError as error:
        raise failed_at("listen on", place_of(host, port), error)
    return Listener(rt, handle)


def listen_unix(path, *, mode=0, backlog=0):
    """A Listener on the unix socket at path, "@name" for one that is in no file
    system. One that a dead server has left is removed first; close removes the
    path. mode: its permissions, 0 for what the umask leaves."""
    rt = _weft.current_runtime()
    try:
        handle = abi.weft_unix_listen(rt, path, mode, backlog)
    except OSError as error:
        error.filename = path
        raise
    return Listener(rt, handle)
