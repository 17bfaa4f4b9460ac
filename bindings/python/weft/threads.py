# SPDX-License-Identifier: MIT
"""Functions that block or compute for long, in threads beside the runtime."""

import contextvars

from . import _weft, abi
from .errors import CancelledError, Error, print_report
from .owned import outcome

__all__ = ["to_thread"]


class _Job:
    """A call, made in a thread. Whoever holds the GIL may look at it."""

    def __init__(self, rt, function):
        self._rt = rt
        self._function = function
        self._abandoned = False
        self._result = None
        self._error = None

    def __call__(self):
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error
            if self._abandoned:
                self._report()
        finally:
            self._function = None

    def take(self):
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error  # it holds this frame

    def abandon(self):
        """Nobody will take what comes of it."""
        self._abandoned = True
        if self._error is not None:
            self._report()

    def _report(self):
        error, self._error = self._error, None
        try:
            abi.weft_post(self._rt, lambda: abi.weft_report(
                self._rt, abi.WEFT_REPORT_FAILURE, 0, error))
        except Error:  # the runtime is gone
            print_report("failure", None, error)


async def to_thread(function, *args, abandon_on_cancel=False, **kwargs):
    """Calls function(*args, **kwargs) in a thread, with a copy of the context
    variables, and returns what it returns or raises what it raises. At most 40
    run at once; others wait their turn.

    Cancelled while it waits for a thread, it is not called. Once it runs it is
    waited for, though cancelled; with abandon_on_cancel it is left alone then:
    it runs on, its result is dropped, and its failure reported."""
    rt = _weft.current_runtime()
    context = contextvars.copy_context()
    job = _Job(rt, lambda: context.run(function, *args, **kwargs))
    try:
        await outcome(abi.weft_work_run(rt, 0, job, int(abandon_on_cancel)))
    except CancelledError:
        job.abandon()
        raise
    return job.take()
