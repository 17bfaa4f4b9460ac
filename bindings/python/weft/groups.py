# SPDX-License-Identifier: MIT
"""Groups: scopes that own tasks."""

from . import _weft, abi
from ._weft import PARKED
from .errors import CancelledError, InvalidStateError
from .time import deadline_after

__all__ = ["TaskGroup"]


class TaskGroup:
    """Waits, at the end of its body, for every task spawned into it. The first
    failure cancels the rest; all failures come together in one ErrorGroup.

        async with weft.TaskGroup() as group:
            first = group.spawn(fetch("a"))
            group.spawn(fetch("b"), name="b")
        print(first.result())
    """

    def __init__(self, timeout=None):
        self._timeout = timeout
        self._rt = None
        self._group = 0
        self._scope = 0

    async def __aenter__(self):
        if self._rt is not None:
            raise InvalidStateError("the group was entered before")
        rt = _weft.current_runtime()
        self._group = abi.weft_group_open(rt, deadline_after(self._timeout))
        self._rt = rt
        return self

    async def __aexit__(self, kind, error, traceback):
        outcome = _weft.code_of(error)
        failure = error if outcome != abi.WEFT_ECANCELLED else None
        try:
            await self._join(outcome, failure)
        except CancelledError:
            if outcome == abi.WEFT_ECANCELLED:
                return False  # the one in flight goes on
            raise
        return outcome == abi.WEFT_ECANCELLED  # the group's own: absorbed

    async def _join(self, outcome, failure):
        try:
            parked = abi.weft_group_join(self._rt, self._group, outcome,
                                         failure)
            if parked is PARKED:
                await parked
        finally:
            self._group = 0

    def set_limit(self, limit):
        """Lets at most so many tasks be unfinished at once, before the first
        is spawned; None: any number."""
        abi.weft_group_set_limit(self._rt, self._group, limit or 0)

    async def reserve(self):
        """Waits for a place in a group with a limit, and keeps it for this
        task's next spawn."""
        parked = abi.weft_group_reserve(self._rt, self._group)
        if parked is PARKED:
            await parked

    def spawn(self, coroutine, name=None):
        """Queues a task and returns it; nothing of it has run."""
        if self._group == 0:
            coroutine.close()
            raise InvalidStateError("the group is not open")
        return _weft.spawn(self._rt, self._group, coroutine, name)

    def create_task(self, coroutine, *, name=None):
        """The name asyncio has for spawn."""
        return self.spawn(coroutine, name)

    def cancel(self, reason=None):
        """Cancels body and tasks, raises nothing, and does not wait. False if
        the group is over."""
        if self._group == 0:
            return False
        if self._scope == 0:
            self._scope = abi.weft_group_get_scope(self._rt, self._group)
        abi.weft_scope_cancel(self._rt, self._scope, reason)
        return True
