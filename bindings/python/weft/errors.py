# SPDX-License-Identifier: MIT
"""What weft raises, and how a code of the core becomes an exception.

``Error`` is the root, but for three: a cancellation, which is no error and so
a ``BaseException`` that ``except Exception`` lets through; and a group of
failures, which is Python's own ``ExceptionGroup``, so that ``except*`` looks
at the members and not at the group.
"""

import builtins
import errno
import sys
import traceback

from . import abi

__all__ = [
    "ArgumentError", "BrokenBarrierError", "BusyError", "CancelledError",
    "Cancelled", "ClosedError", "EndOfStream", "Error", "ErrorGroup",
    "IncompleteReadError", "InvalidStateError", "LimitOverrunError", "OSError",
    "ProcessError", "QueueEmpty", "QueueFull", "QueueShutDown", "TLSError",
    "TaskCancelledError", "TimeoutError",
]


class Error(Exception):
    """The root of what weft raises."""

    code = abi.WEFT_EHOST
    """The core's number for it, one of ``weft.abi.WEFT_E...``."""


class CancelledError(BaseException):
    """The code that called is cancelled. Let it through."""

    code = abi.WEFT_ECANCELLED

    def __init__(self, *args, reason=None, source="cancel"):
        super().__init__(*args)
        self.reason = reason
        """What was given to ``cancel``."""
        self.source = source
        """"cancel", "deadline", "group", "shutdown", "signal", "close"."""


Cancelled = CancelledError


class TaskCancelledError(Error):
    """The task that was awaited had been cancelled."""

    code = abi.WEFT_ETASKCANCELLED
    task = None
    """Its name."""
    reason = None
    source = None
    """As those of the CancelledError that ended it."""


class TimeoutError(Error, builtins.TimeoutError):
    """The time was up. ``scope`` is whose time."""

    code = abi.WEFT_ETIMEDOUT
    scope = None


class ErrorGroup(ExceptionGroup):
    """All failures of a group, in the order in which they happened."""

    code = abi.WEFT_EGROUP

    def derive(self, excs):
        return ErrorGroup(self.message, excs)


class InvalidStateError(Error):
    """Not possible now, or here."""

    code = abi.WEFT_ESTATE


class ArgumentError(Error, ValueError):
    """An argument is out of its range, or a handle is stale."""

    code = abi.WEFT_EINVAL


class ClosedError(Error):
    """The object is closed."""

    code = abi.WEFT_ECLOSED


class QueueShutDown(ClosedError):
    """The queue is shut down."""

    code = abi.WEFT_ESHUTDOWN


class QueueFull(Error):
    """There is no room."""

    code = abi.WEFT_EFULL


class QueueEmpty(Error):
    """There is nothing."""

    code = abi.WEFT_EEMPTY


class BusyError(Error):
    """Somebody else is using the object."""

    code = abi.WEFT_EBUSY


class BrokenBarrierError(Error):
    """The barrier is broken."""

    code = abi.WEFT_EBROKEN


class EndOfStream(Error, EOFError):
    """No more will come."""

    code = abi.WEFT_EEND


class IncompleteReadError(EndOfStream):
    """The stream ended before enough bytes came."""

    code = abi.WEFT_EINCOMPLETE

    def __init__(self, *args, partial=b"", expected=None):
        super().__init__(*args)
        self.partial = partial
        """What there was; it has been read."""
        self.expected = expected
        """How many bytes, or None."""


class LimitOverrunError(Error):
    """There was no separator within the limit."""

    code = abi.WEFT_EOVERRUN

    def __init__(self, *args, consumed=0):
        super().__init__(*args)
        self.consumed = consumed
        """So many bytes hold no part of the separator; they are unread."""


class ProcessError(Error):
    """A program has ended with a status but 0, or by a signal."""

    def __init__(self, *args, result=None):
        super().__init__(*args)
        self.result = result
        self.status = getattr(result, "status", None)
        self.signal = getattr(result, "signal", None)
        self.stdout = getattr(result, "stdout", None)
        self.stderr = getattr(result, "stderr", None)


class OSError(Error, builtins.OSError):
    """The system refused. It is also the class that Python has for it:
    ``ConnectionRefusedError``, ``FileNotFoundError``, ..."""

    code = abi.WEFT_EOTHER


class TLSError(OSError):
    """TLS failed: a certificate, the handshake, or a connection that was cut
    off."""

    code = abi.WEFT_TLS_FAILED


SOURCES = ("cancel", "cancel", "deadline", "group", "shutdown", "signal",
           "close")

_system_classes = {}


def _system_class(number):
    """The subclass of OSError that is Python's class for errno, too."""
    theirs = type(builtins.OSError(number, ""))
    if theirs is builtins.OSError:
        return OSError
    if theirs not in _system_classes:
        _system_classes[theirs] = type(theirs.__name__, (OSError, theirs), {})
    return _system_classes[theirs]


class _NoMemory(Error, MemoryError):
    """Out of memory; nothing was changed."""


def make(code, message=None):
    """The exception for a code of the core."""
    message = message or abi.weft_strerror(code)
    name = abi.weft_error_class(code)
    if code == abi.WEFT_ENOMEM:
        error = _NoMemory(message)
    elif name == "OSError":
        label = abi.weft_error_name(code).removesuffix("_OS")
        number = getattr(errno, label, None)
        error = (OSError(message) if number is None
                 else _system_class(number)(number, message))
    elif code == abi.WEFT_ECANCELLED:
        return CancelledError(message)
    elif code == abi.WEFT_EGROUP:
        error = Error(message)  # there are no members
    else:
        error = globals().get(name, Error)(message)
    error.code = code
    return error


def cancelled(source, reason, cause):
    """What a cancellation point raises."""
    args = () if reason is None else (reason,)
    error = CancelledError(*args, reason=reason, source=SOURCES[source])
    error.__cause__ = cause
    return error


def task_cancelled(name, cause):
    """What awaiting a cancelled task raises; cause is what ended it."""
    error = TaskCancelledError(f"task '{name}' was cancelled")
    error.task = name
    error.reason = getattr(cause, "reason", None)
    error.source = getattr(cause, "source", None)
    return error


def group(message, members, cause=None):
    """One exception of all failures of a group. An interrupt or an exit among
    them is no Exception, and then neither is the whole."""
    if all(isinstance(member, Exception) for member in members):
        error = ErrorGroup(message, members)
    else:
        error = BaseExceptionGroup(message, members)
    error.__cause__ = cause
    return error


def from_core(code, name, message, text, task, cause, members):
    """An error of the core itself, or of another language."""
    if members:
        return group(message, members, cause)
    if code == abi.WEFT_EHOST:
        error = Error(f"{name}: {message}")
    else:
        error = make(code, message)
    if text:
        error.add_note(text.rstrip())
    if task:
        error.add_note(f"in task '{task}'")
    error.__cause__ = cause
    return error


# -- Reports -----------------------------------------------------------------

KINDS = {
    abi.WEFT_REPORT_FAILURE: "failure",
    abi.WEFT_REPORT_CALLBACK: "callback",
    abi.WEFT_REPORT_STUBBORN: "stubborn",
    abi.WEFT_REPORT_GIVEN_UP: "given up",
    abi.WEFT_REPORT_SYSTEM: "system",
    abi.WEFT_REPORT_UNCLOSED: "unclosed",
    abi.WEFT_REPORT_ABANDONED: "abandoned",
    abi.WEFT_REPORT_SLOW: "slow",
    abi.WEFT_REPORT_BLOCKED: "blocked",
    abi.WEFT_REPORT_DEADLOCK: "deadlock",
    abi.WEFT_REPORT_LEFT: "left",
}

_SENTENCES = {
    "failure": "failed, and nobody asked",
    "callback": "a callback failed",
    "stubborn": "got Cancelled 1,000 times in one scope and goes on",
    "given up": "would not end and was given up",
    "system": "the system refused something; it is tried again",
    "unclosed": "something was left open, and is closed now",
    "abandoned": "a call in a thread would not end; the thread is left behind",
    "slow": "held the loop",
    "blocked": "blocks the loop",
    "deadlock": "tasks wait, and nothing can wake them",
    "left": "was left when the main task ended, and is cancelled now",
}


def print_report(kind, task, error):
    """Where reports go that nobody has asked for."""
    who = f"task '{task}': " if task is not None else ""
    print(f"weft: {who}{_SENTENCES[kind]}", file=sys.stderr)
    if error is not None:
        traceback.print_exception(error)


def report(function, kind, task, error):
    """Gives a report to the program's function, or prints it. If the function
    fails, both are printed."""
    if function is None:
        print_report(KINDS[kind], task, error)
        return
    try:
        function(KINDS[kind], task, error)
    except Exception as failure:
        print_report(KINDS[kind], task, error)
        print("weft: the report function failed", file=sys.stderr)
        traceback.print_exception(failure)
