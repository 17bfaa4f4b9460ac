# SPDX-License-Identifier: MIT
"""Numbers of the running program, and a trace of what its tasks do."""

from collections import Counter
from contextlib import contextmanager

from . import _weft, abi

__all__ = ["stats", "trace"]

_HIDDEN = {"task", "scope", "context", "work"}  # the machinery's


def _objects(rt):
    """How many of each kind are open."""
    counts = Counter()
    handle, kind = abi.weft_object_next(rt, 0)
    while handle:
        counts[kind] += 1
        handle, kind = abi.weft_object_next(rt, handle)
    counts["group"] -= 1  # the root group is always there
    return {kind: count for kind, count in counts.items()
            if count > 0 and kind not in _HIDDEN}


def _waiting(rt):
    """How many tasks wait, by what for."""
    counts = Counter()
    task = abi.weft_task_next(rt, 0)
    while task:
        if abi.weft_task_get_state(rt, task) == abi.WEFT_TASK_PARKED:
            counts[abi.weft_task_get_wait(rt, task)[0] or "something"] += 1
        task = abi.weft_task_next(rt, task)
    return dict(counts)


def stats():
    """Numbers of the running program, as a dict.

    turns, switches, polls and callbacks count since the run began; tasks says
    how many there are in all (total), ready, running and parked; waiting how
    many wait, by what for; objects how many are open, by kind; timers how many
    sleeps, deadlines and calls have a time; longest_step is in seconds, None
    unless steps are timed.
    """
    rt = _weft.current_runtime()

    def number(name):
        return abi.weft_get_stat(rt, getattr(abi, "WEFT_STAT_" + name))

    longest_ns = number("LONGEST_STEP_NS")
    return {
        "turns": number("TURNS"),
        "switches": number("STEPS"),
        "polls": number("POLLS"),
        "callbacks": number("CALLS"),
        "longest_step": longest_ns / 1e9 if longest_ns else None,
        "tasks": {
            "total": number("TASKS"), "ready": number("READY"),
            "running": number("RUNNING"), "parked": number("PARKED"),
        },
        "timers": number("TIMERS"),
        "waiting": _waiting(rt),
        "objects": _objects(rt),
    }


@contextmanager
def trace(path):
    """Writes what tasks do meanwhile to a file for Perfetto:

        with weft.trace("out.json"):
            await work()
    """
    rt = _weft.current_runtime()
    abi.weft_trace_start(rt, str(path))
    try:
        yield
    finally:
        abi.weft_trace_stop(rt)
