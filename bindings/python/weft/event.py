# SPDX-License-Identifier: MIT
"""A flag many tasks can wait on."""

from . import _weft, abi
from ._weft import PARKED
from .errors import Error

__all__ = ["Event"]


class Event:
    def __init__(self):
        self._handle = 0
        self._rt = _weft.current_runtime()
        self._handle = abi.weft_event_new(self._rt)

    def set(self):
        """Sets the flag and wakes all who wait, in order."""
        abi.weft_event_set(self._rt, self._handle)

    def clear(self):
        abi.weft_event_clear(self._rt, self._handle)

    def is_set(self):
        return bool(abi.weft_event_is_set(self._rt, self._handle))

    async def wait(self):
        """Waits until the flag is set; returns True."""
        parked = abi.weft_event_wait(self._rt, self._handle)
        if parked is PARKED:
            await parked
        return True

    def close(self):
        """Wakes all who wait with ClosedError; doing so again does nothing."""
        handle, self._handle = self._handle, 0
        if handle != 0:
            abi.weft_event_close(self._rt, handle)

    def __del__(self):
        try:
            self.close()
        except Error:
            pass  # the runtime is gone, and the event with it
