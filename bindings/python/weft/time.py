# SPDX-License-Identifier: MIT
"""Seconds outside, nanoseconds of the runtime's clock inside."""

import math

from . import _weft, abi
from ._weft import PARKED
from .errors import ArgumentError

__all__ = ["now", "sleep", "sleep_forever", "sleep_until"]

NEVER = 2**64 - 1


def _nanoseconds(seconds):
    """A finite number of seconds, or infinity, as an int that may be
    negative; NEVER for what is too far off to come."""
    if not isinstance(seconds, (int, float)) or math.isnan(seconds):
        raise ArgumentError(f"a time is a number of seconds, not {seconds!r}")
    if seconds >= NEVER / 1e9:
        return NEVER
    return 0 if seconds == -math.inf else round(seconds * 1e9)


def to_deadline(when):
    """A time of the clock for the core; None is never."""
    return NEVER if when is None else max(0, _nanoseconds(when))


def from_deadline(ns):
    """The reverse."""
    return None if ns == NEVER else ns / 1e9


def deadline_after(seconds):
    """The time of the clock in so many seconds from now."""
    if seconds is None:
        return NEVER
    now_ns = abi.weft_now(_weft.current_runtime())
    return max(0, min(NEVER, now_ns + _nanoseconds(seconds)))


def now():
    """The runtime's monotonic clock, in seconds."""
    return abi.weft_now(_weft.current_runtime()) / 1e9


async def sleep(seconds, result=None):
    """Waits, and returns result. Zero or less lets every ready task run."""
    rt = _weft.current_runtime()
    parked = abi.weft_sleep_until(rt, deadline_after(seconds))
    if parked is PARKED:
        await parked
    return result


async def sleep_until(when):
    """Waits for a time of the clock of ``now``."""
    rt = _weft.current_runtime()
    parked = abi.weft_sleep_until(rt, to_deadline(when))
    if parked is PARKED:
        await parked


async def sleep_forever():
    """Waits until it is cancelled."""
    await sleep_until(None)
