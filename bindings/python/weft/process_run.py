# SPDX-License-Identifier: MIT
"""Running a program to its end, with what goes in and what comes out.

A group of three feeds the process and reads its two outputs while the caller
waits for the exit. If that is cut short, a second such group, shielded, reads
on while the process is ended: so it can say its last words, and does not hang
on a full pipe.
"""

from dataclasses import dataclass

from .errors import (ArgumentError, ErrorGroup, LimitOverrunError,
                     ProcessError, TimeoutError)
from .groups import TaskGroup
from .process_spawn import DEVNULL, PIPE, shown, spawn
from .reading import check_count, to_bytes
from .scopes import move_on_after, shield

__all__ = ["ProcessResult", "run"]

LINGER = 1
"""After the exit somebody else may hold the pipes: so many seconds they are
read on."""
PIECE = 64 * 1024
LINES_MAX = 5
"""Of the error output in a message."""


@dataclass
class ProcessResult:
    """How a program has ended. ``status`` is None if a signal ended it, and
    ``signal`` then which; what was not read is None."""

    args: list
    status: int | None
    signal: int | None
    stdout: bytes | None
    stderr: bytes | None

    def check(self):
        """ProcessError unless the status is 0; returns the result."""
        if self.status == 0:
            return self
        raise ProcessError(_why(self), result=self)


def _why(result):
    how = (f"ended with status {result.status}" if result.signal is None
           else f"was ended by signal {getattr(result.signal, 'name', '')} "
                f"({int(result.signal)})")
    lines = (result.stderr or b"").decode(errors="replace").splitlines()
    return "\n  ".join([shown(result.args) + " " + how + (":" if lines else ""),
                        *lines[-LINES_MAX:]])


# -- What goes in and comes out ----------------------------------------------


async def _feed(stdin, source):
    """A process that stops reading is no failure."""
    try:
        if hasattr(source, "__aiter__"):
            async for piece in source:
                await stdin.write(piece)
        else:
            await stdin.write(source)
        await stdin.flush()
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        stdin.abort()


class _Capture:
    """What an output has given so far."""

    def __init__(self, name, limit):
        self._name = name
        self._limit = limit
        self._pieces = bytearray()
        self._full = False

    async def read(self, stream):
        """What comes after the limit is read, lest the process hang, and
        dropped."""
        while piece := await stream.read(PIECE):
            if not self._full:
                self._add(piece)

    def _add(self, piece):
        self._pieces += piece
        if self._limit is None or len(self._pieces) <= self._limit:
            return
        self._full = True
        del self._pieces[self._limit:]
        raise LimitOverrunError(
            f"{self._name} is longer than {self._limit} bytes",
            consumed=self._limit)

    def bytes(self):
        return bytes(self._pieces)


async def _attend(child, captures, source, wait):
    """Reads what there is until wait has returned, and a little longer."""
    try:
        async with TaskGroup() as group:
            if source is not None:
                group.spawn(_feed(child.stdin, source))
            readers = [group.spawn(capture.read(getattr(child, name)))
                       for name, capture in captures.items()]
            await wait()
            with move_on_after(LINGER):
                for reader in readers:
                    await reader
            group.cancel()
    except ErrorGroup as failures:
        first = failures.exceptions[0]
        if any(failure is not first for failure in failures.exceptions):
            raise
        raise first from None


# -- Running -----------------------------------------------------------------


async def _finish(child, captures):
    """Ends the process, and reads on meanwhile; a failure of that adds
    nothing."""
    if child.stdin is not None:
        child.stdin.abort()
    with shield():
        try:
            await _attend(child, captures, None, child.stop)
        except Exception:
            pass
        await child.stop()


def _result(child, captures):
    outputs = [captures[name].bytes() if name in captures else None
               for name in ("stdout", "stderr")]
    return ProcessResult(child.args, child.status, child.signal, *outputs)


def _with_output(error, child, captures):
    result = _result(child, captures)
    error.stdout, error.stderr = result.stdout, result.stderr
    return error


async def _run_child(child, captures, source, timeout):
    try:
        with move_on_after(timeout) as waited:
            await _attend(child, captures, source, child.wait)
    except BaseException as error:
        await _finish(child, captures)
        if isinstance(error, LimitOverrunError):
            _with_output(error, child, captures)
        raise
    if waited.cancelled_caught:
        await _finish(child, captures)
        error = TimeoutError(f"{shown(child.args)} timed out after {timeout} s")
        error.scope = waited
        raise _with_output(error, child, captures)


def _check_input(source):
    if source is None or hasattr(source, "__aiter__"):
        return source
    try:
        return to_bytes(source)
    except TypeError:
        raise ArgumentError("input must be bytes, or give bytes by `async "
                            f"for`, not {type(source).__name__}") from None


async def run(command, *, input=None, timeout=None, check=True, limit=None,
              **options):
    """Runs a program to its end, and returns its ProcessResult. input: bytes,
    or what gives bytes by ``async for``, such as a stream; none: it reads
    nothing. timeout: in seconds. check=False: no ProcessError for a status but
    0. limit: the most bytes that either output may have. Other options are
    those of spawn; both outputs are read unless they say otherwise.

    Whatever ends the call, cancelled too, the process has ended before: by
    SIGTERM and, 5 s later (grace), SIGKILL. TimeoutError and LimitOverrunError
    have what came so far as ``stdout`` and ``stderr``."""
    source = _check_input(input)
    if limit is not None:
        check_count("limit", limit, 0)
    if source is not None:
        if "stdin" in options:
            raise ArgumentError("there is either input or stdin")
        options["stdin"] = PIPE
    child = await spawn(command, **{"stdin": DEVNULL, "stdout": PIPE,
                                    "stderr": PIPE, **options})
    captures = {name: _Capture(name, limit) for name in ("stdout", "stderr")
                if getattr(child, name) is not None}
    async with child:
        await _run_child(child, captures, source, timeout)
    result = _result(child, captures)
    return result.check() if check else result
