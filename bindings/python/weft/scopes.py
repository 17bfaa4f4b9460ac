# SPDX-License-Identifier: MIT
"""Scopes: regions with a deadline, a cancelled flag and a shield.

Entering and leaving a scope never waits and is no cancellation point, so a
scope is a plain context manager; ``async with`` works as well.
"""

from . import _weft, abi
from .errors import InvalidStateError, TimeoutError
from .time import deadline_after, from_deadline, to_deadline

__all__ = ["Scope", "current_deadline", "move_on_after", "move_on_at",
           "shield", "timeout", "timeout_at"]


class Scope:
    """What a ``with`` of this module gives. It absorbs a cancellation of its
    own; ``cancelled_caught`` then is true."""

    _shield = 0

    def __init__(self, deadline_ns):
        self._deadline_ns = deadline_ns
        self._rt = None
        self._handle = 0
        self._cancel_called = False
        self._caught = abi.WEFT_CAUGHT_NOTHING

    def __enter__(self):
        if self._rt is not None:
            raise InvalidStateError("the scope was entered before")
        rt = _weft.current_runtime()
        self._handle = abi.weft_scope_open(rt, self._deadline_ns, self._shield)
        self._rt = rt
        return self

    def __exit__(self, kind, error, traceback):
        rt, handle = self._rt, self._handle
        called = abi.weft_scope_is_cancelled(rt, handle)
        self._deadline_ns = abi.weft_scope_get_deadline(rt, handle)
        self._caught = abi.weft_scope_leave(rt, handle, _weft.code_of(error))
        self._cancel_called = bool(called)
        self._handle = 0
        return self._end(error)

    def _end(self, error):
        return self.cancelled_caught

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, kind, error, traceback):
        return self.__exit__(kind, error, traceback)

    def _require_open(self):
        if self._handle == 0:
            raise InvalidStateError("the scope is not open")

    def cancel(self, reason=None):
        """Cancels what runs in the scope and does not wait. False if it is
        over; the first reason stays."""
        if self._handle == 0:
            return False
        abi.weft_scope_cancel(self._rt, self._handle, reason)
        return True

    @property
    def cancel_called(self):
        """Whether the scope itself was cancelled, by a call or its
        deadline."""
        if self._handle == 0:
            return self._cancel_called
        return bool(abi.weft_scope_is_cancelled(self._rt, self._handle))

    @property
    def cancelled_caught(self):
        """Whether it has absorbed its own cancellation."""
        return self._caught != abi.WEFT_CAUGHT_NOTHING

    @property
    def deadline(self):
        """Its own deadline, by the clock of ``weft.now``; None if none."""
        if self._handle == 0:
            return from_deadline(self._deadline_ns)
        ns = abi.weft_scope_get_deadline(self._rt, self._handle)
        return from_deadline(ns)

    def reschedule(self, deadline):
        """Moves the deadline; None takes it away."""
        self._require_open()
        abi.weft_scope_set_deadline(self._rt, self._handle,
                                    to_deadline(deadline))

    def set_shield(self, on):
        """Hides outer cancellations from now on, or lets them in."""
        self._require_open()
        abi.weft_scope_set_shield(self._rt, self._handle, int(on))


class _Timeout(Scope):
    """A scope that turns what its deadline cut off into TimeoutError."""

    def _end(self, error):
        if self._caught != abi.WEFT_CAUGHT_DEADLINE:
            return self.cancelled_caught
        raise self._timed_out() from error

    def _timed_out(self):
        error = TimeoutError("the deadline has passed")
        error.scope = self
        return error


class _Shield(Scope):
    _shield = 1


def timeout(seconds):
    """Raises TimeoutError if the body takes longer; None sets no limit."""
    return _Timeout(deadline_after(seconds))


def timeout_at(when):
    """As timeout, at a time of the clock of ``weft.now``."""
    return _Timeout(to_deadline(when))


def move_on_after(seconds):
    """Cuts the body off after so many seconds and goes on behind it."""
    return Scope(deadline_after(seconds))


def move_on_at(when):
    """As move_on_after, at a time of the clock of ``weft.now``."""
    return Scope(to_deadline(when))


def shield(grace=None):
    """Hides outer cancellations from the body, for at most grace seconds."""
    return _Shield(deadline_after(grace))


def current_deadline():
    """The earliest deadline up to the nearest shield; None if there is none,
    minus infinity in cancelled code."""
    ns = abi.weft_current_deadline(_weft.current_runtime())
    return float("-inf") if ns == 0 else from_deadline(ns)
