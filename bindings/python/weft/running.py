# SPDX-License-Identifier: MIT
"""Running a program, tasks of the root group, and calls of functions."""

import signal
import threading
from contextlib import contextmanager

from . import _weft, abi
from ._weft import PARKED
from .errors import Error, InvalidStateError
from .time import deadline_after, to_deadline

__all__ = ["Call", "call_at", "call_later", "call_soon", "checkpoint",
           "current_task", "post", "run", "runtime", "spawn", "yield_"]


# -- Running -----------------------------------------------------------------


@contextmanager
def _signals(rt):
    """Lets the runtime have Ctrl-C, where Python would do the usual with it:
    the first cancels the main task, the third leaves at once."""
    mine = (threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    if not mine:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        abi.weft_set_signals(rt, 1)
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _raise_cancelled(main):
    """Main ended cancelled; by a signal, this does what Python does at one."""
    error = main.exception()
    if error.source == "signal" and error.reason == "SIGINT":
        raise KeyboardInterrupt
    if error.source == "signal" and error.reason == "SIGTERM":
        raise SystemExit(143)
    try:
        raise error
    finally:
        del error, main  # they hold this frame


def _run(rt, main):
    """Runs the loop. If tasks would not end, main's own error is the cause."""
    try:
        with _signals(rt):
            abi.weft_run(rt)
    except Error as given_up:
        given_up.__cause__ = main.exception() if main.done() else None
        raise


def _make_runtime(report, virtual_clock, shuffle):
    if _weft.running():
        raise InvalidStateError("a runtime runs in this thread already")
    rt = abi.weft_runtime_new()
    try:
        rt.report = report
        abi.weft_set_virtual_clock(rt, int(virtual_clock), 0)
        abi.weft_set_shuffle(rt, shuffle)
    except BaseException:
        abi.weft_runtime_free(rt)
        raise
    return rt


def run(main, *, report=None, virtual_clock=False, shuffle=0):
    """Runs the coroutine main as the main task of a new runtime and returns
    its result, when it and everything it has started is over.

    report is called with (kind, task_name, exception) of what nobody was there
    to be told; without it that goes to stderr. With virtual_clock, time stands
    still while anything can run, and then jumps. shuffle, a seed, permutes each
    turn, to show code that relies on luck.
    """
    try:
        rt = _make_runtime(report, virtual_clock, shuffle)
    except BaseException:
        main.close()
        raise
    try:
        task = _weft.spawn(rt, 0, main, "main")
        abi.weft_set_main(rt, task.handle)
        _run(rt, task)
        if task.cancelled():
            _raise_cancelled(task)
        return task.result()
    finally:
        task = None
        abi.weft_runtime_free(rt)


def runtime():
    """The runtime that runs in this thread, to be given to ``post``."""
    return _weft.current_runtime()


def post(rt, function, *args):
    """Has the runtime call function(*args) in its thread, soon. The only call
    that is safe in any thread."""
    abi.weft_post(rt, _bind(function, args))


# -- Tasks -------------------------------------------------------------------


def spawn(coroutine, name=None):
    """Queues a background task, in the root group: its failure stops nobody
    and is reported if nobody asks. It is cancelled when main ends."""
    return _weft.spawn(_weft.current_runtime(), 0, coroutine, name)


current_task = _weft.current_task


async def yield_():
    """Lets every ready task run once."""
    parked = abi.weft_yield(_weft.current_runtime())
    if parked is PARKED:
        await parked


async def checkpoint():
    """A cancellation point that does nothing else."""
    parked = abi.weft_checkpoint(_weft.current_runtime())
    if parked is PARKED:
        await parked


# -- Calls -------------------------------------------------------------------


class Call:
    """A function that will be called, outside any task, unless cancelled."""

    def __init__(self, rt, timer):
        self._rt = rt
        self._timer = timer

    def cancel(self):
        """True if this has prevented the call."""
        timer, self._timer = self._timer, 0
        return timer != 0 and bool(abi.weft_timer_cancel(self._rt, timer))

    def __del__(self):
        try:
            if self._timer != 0:
                abi.weft_timer_close(self._rt, self._timer)
        except Error:
            pass  # the runtime is gone, and the call with it


def _bind(function, args):
    return (lambda: function(*args)) if args else function


def call_soon(function, *args):
    """Queues a call behind what is ready now."""
    rt = _weft.current_runtime()
    return Call(rt, abi.weft_call_soon(rt, _bind(function, args)))


def call_at(when, function, *args):
    """Queues a call for a time of the clock of ``weft.now``."""
    rt = _weft.current_runtime()
    timer = abi.weft_call_at(rt, to_deadline(when), _bind(function, args))
    return Call(rt, timer)


def call_later(seconds, function, *args):
    """Queues a call in so many seconds."""
    rt = _weft.current_runtime()
    timer = abi.weft_call_at(rt, deadline_after(seconds),
                             _bind(function, args))
    return Call(rt, timer)
