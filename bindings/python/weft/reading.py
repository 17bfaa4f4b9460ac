# SPDX-License-Identifier: MIT
"""Reading: what streams and files have in common.

The core has a buffer. A copy of it is made when there is something new in it,
and read from; what was read is taken out of the buffer when the copy is used
up. So nothing is taken before a call has succeeded, and a cancelled one has
lost no byte.
"""

from . import abi
from ._weft import PARKED
from .errors import (ArgumentError, EndOfStream, IncompleteReadError,
                     LimitOverrunError)
from .owned import Owned, outcome

__all__ = []

LIMIT = 64 * 1024
"""What may precede a separator, unless the caller says otherwise."""


def check_count(name, n, least):
    if not isinstance(n, int) or n < least:
        raise ArgumentError(f"{name} must be an int of at least {least}, "
                            f"not {n!r}")


def to_bytes(data):
    """What is bytes already is not copied."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"bytes are needed, not {type(data).__name__}")


class Reader(Owned):
    """Something with ``_fill``, ``_peek`` and ``_consume``, which are functions
    of ``weft.abi``. One task reads at a time."""

    _noun = None

    def __init__(self, rt, handle):
        super().__init__(rt, handle)
        self._copy = b""  # of the buffer's beginning
        self._taken = 0  # so much of it was read

    # -- The copy ------------------------------------------------------------

    async def _more(self, seen):
        """Waits until more than seen bytes are unread and returns their number;
        0 if the end comes first. Always a cancellation point."""
        try:
            count = self._fill(self._rt, self._handle, self._taken + seen)
            if count is PARKED:
                count = await count
        except EndOfStream:
            return 0
        return count - self._taken

    def _settle(self):
        """Takes what was read out of the buffer."""
        taken, self._taken, self._copy = self._taken, 0, b""
        if taken:
            self._consume(self._rt, self._handle, taken)

    def _look(self, seen):
        """Has the copy hold more than seen unread bytes, if there are."""
        if len(self._copy) - self._taken <= seen:
            self._settle()
            self._copy = self._peek(self._rt, self._handle)

    def _take(self, n):
        start = self._taken
        self._taken = start + n
        data = self._copy[start:self._taken]
        if self._taken == len(self._copy):
            self._settle()
        return data

    def _take_up_to(self, n):
        return self._take(min(n, len(self._copy) - self._taken))

    def _take_all(self):
        self._look(len(self._copy))
        return self._take(len(self._copy))

    # -- What can be read ----------------------------------------------------

    async def _read_all(self):
        seen = 0
        while count := await self._more(seen):
            seen = count
        return self._take_all()

    async def readexactly(self, n):
        """Exactly n bytes. IncompleteReadError, with ``partial`` and
        ``expected``, if the end comes first; what there was is then read."""
        check_count("n", n, 0)
        if n == 0:
            await outcome(abi.weft_checkpoint(self._rt))
            return b""
        if await self._more(n - 1):
            self._look(n - 1)
            return self._take(n)
        raise _incomplete(self._noun, self._take_all(), n)

    async def readuntil(self, separator=b"\n", limit=LIMIT):
        """Up to the first separator, which is part of the result. If more than
        limit bytes precede it, LimitOverrunError, and nothing is read; if the
        end comes first, IncompleteReadError with ``partial``."""
        separator = to_bytes(separator)
        if not separator:
            raise ArgumentError("the separator must not be empty")
        check_count("limit", limit, 0)
        seen = 0
        while await self._more(seen):
            self._look(seen)
            first = self._taken + max(0, seen - len(separator) + 1)
            at = self._copy.find(separator, first) - self._taken
            seen = len(self._copy) - self._taken
            before = at if at >= 0 else seen - len(separator) + 1
            if before > limit:
                raise _overrun(limit, before)
            if at >= 0:
                return self._take(at + len(separator))
        raise _incomplete(self._noun, self._take_all(), None)

    async def readline(self, limit=LIMIT):
        """The next line with its newline, which the last one may lack; b"" at
        the end. One that is longer than limit: as readuntil."""
        try:
            return await self.readuntil(b"\n", limit)
        except IncompleteReadError as error:
            return error.partial

    def __aiter__(self):
        return self

    async def __anext__(self):
        line = await self.readline()
        if line:
            return line
        raise StopAsyncIteration


def _incomplete(noun, partial, expected):
    wanted = ("before the separator" if expected is None
              else f"of {expected} expected")
    return IncompleteReadError(
        f"the {noun} ended after {len(partial)} bytes {wanted}",
        partial=partial, expected=expected)


def _overrun(limit, consumed):
    return LimitOverrunError(f"no separator within {limit} bytes",
                             consumed=consumed)
