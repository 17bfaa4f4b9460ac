# SPDX-License-Identifier: MIT
"""Signals that come to this process, to be waited for.

    with weft.signals("HUP", "USR1") as signals:
        async for number in signals:
            reload()
"""

import signal

from . import _weft, abi
from .errors import ArgumentError
from .owned import Owned, outcome

__all__ = ["Signals", "signals"]


def number_of(name):
    """The number of a signal, given by it, or by its name."""
    if isinstance(name, int):
        return int(name)
    number = abi.weft_signal_number(name)
    if number == 0:
        raise ArgumentError(f"there is no signal {name!r}")
    return number


def member_of(number):
    """As ``signal`` has it; a plain number if it has no name for it."""
    try:
        return signal.Signals(number)
    except ValueError:
        return number


class Signals(Owned):
    """Gives the signals as they come, as members of ``signal.Signals``. While
    it is open they have no other effect."""

    _let_go = staticmethod(abi.weft_signals_close)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return member_of(
            await outcome(abi.weft_signals_next(self._rt, self._handle)))

    def close(self):
        """Who waits gets ClosedError. More than once is fine."""
        self._close_now()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()


def signals(*names):
    """Signals, by their names, with or without "SIG", or numbers."""
    numbers = [number_of(name) for name in names]
    if not numbers:
        raise ArgumentError("no signal is given")
    rt = _weft.current_runtime()
    opened = Signals(rt, abi.weft_signals_new(rt))
    try:
        for number in numbers:
            abi.weft_signals_add(rt, opened._handle, number)
    except BaseException:
        opened.close()
        raise
    return opened
