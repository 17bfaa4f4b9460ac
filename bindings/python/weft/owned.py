# SPDX-License-Identifier: MIT
"""Objects that stand for something open in the core."""

from . import _weft, abi
from ._weft import PARKED
from .errors import ClosedError, Error

__all__ = []


async def outcome(called):
    """The value of a call of ``weft.abi`` that may have parked."""
    return await called if called is PARKED else called


class Owned:
    """Holds a handle. What is collected while it is open is closed, and
    reported as "unclosed"; ``_let_go`` is the function that does so at once."""

    _let_go = None

    def __init__(self, rt, handle):
        self._rt = rt
        self._number = handle
        self._open = True

    @property
    def _handle(self):
        if self._open:
            return self._number
        if _weft.current_task() is not None:
            abi.weft_cancel_point(self._rt)  # a cancellation comes first
        raise ClosedError(f"the {type(self).__name__.lower()} is closed")

    def __repr__(self):
        state = "" if self._open else " closed"
        return f"<weft.{type(self).__name__}{state}>"

    def _close_now(self):
        if self._open:
            type(self)._let_go(self._rt, self._number)
            self._open = False

    def __del__(self):
        if getattr(self, "_open", False):
            _collect(self._rt, type(self)._let_go, self._number, repr(self))


def _collect(rt, let_go, handle, name):
    """The collector runs in any thread; only the runtime's may close."""
    def collect():
        let_go(rt, handle)
        error = Error(f"{name} was never closed")
        abi.weft_report(rt, abi.WEFT_REPORT_UNCLOSED, 0, error)

    try:
        if _weft.running() and _weft.current_runtime() is rt:
            collect()
        else:
            abi.weft_post(rt, collect)
    except Error:
        pass  # the runtime is gone, and the object with it
