# SPDX-License-Identifier: MIT
"""Starting programs, and what a program that runs can be asked and told."""

import shlex
from os import fsdecode
from subprocess import DEVNULL, PIPE, STDOUT

from . import _weft, abi
from .errors import ArgumentError, OSError
from .owned import Owned, outcome
from .signals import member_of, number_of
from .streams import Stream
from .time import to_deadline

__all__ = ["DEVNULL", "PIPE", "Process", "STDOUT", "spawn"]

GRACE = 5
"""Seconds from SIGTERM to SIGKILL."""
NAMES = ("stdin", "stdout", "stderr")


# -- Starting ----------------------------------------------------------------


def check_command(command):
    """The words of a command, as a list."""
    if isinstance(command, (str, bytes)):
        raise TypeError('a list ["program", "argument", ...] is needed, not '
                        f'{command!r}; for a line of shell: '
                        '["sh", "-c", line]')
    words = list(command)
    if not words:
        raise ArgumentError("the command is empty")
    return words


def shown(words):
    return shlex.join(fsdecode(word) for word in words)


def _describe_stdio(rt, handle, number, what):
    """What descriptor number is: as subprocess has it."""
    how, source = abi.WEFT_STDIO_FD, -1
    if what is None:
        how = abi.WEFT_STDIO_INHERIT
    elif what == PIPE:
        how = abi.WEFT_STDIO_PIPE
    elif what == DEVNULL:
        how = abi.WEFT_STDIO_NULL
    elif what == STDOUT and number == 2:
        how, source = abi.WEFT_STDIO_SAME, 1
    else:
        source = what if isinstance(what, int) else what.fileno()
        if source < 0:
            raise ArgumentError(f"{NAMES[number]} must be None, PIPE, DEVNULL, "
                                f"a descriptor or a file, not {what!r}")
    abi.weft_process_set_stdio(rt, handle, number, how, source)


def _describe_env(rt, handle, env):
    if env is None:
        return
    abi.weft_process_clear_env(rt, handle)
    for name, text in env.items():
        abi.weft_process_set_env(rt, handle, name, text)


def _describe(rt, handle, words, stdio, cwd, env, group):
    for word in words[1:]:
        abi.weft_process_add_argument(rt, handle, word)
    for number, what in enumerate(stdio):
        _describe_stdio(rt, handle, number, what)
    if cwd is not None:
        abi.weft_process_set_cwd(rt, handle, cwd)
    _describe_env(rt, handle, env)
    abi.weft_process_set_group(rt, handle, int(group))


def _start(rt, handle):
    try:
        abi.weft_process_start(rt, handle)
    except OSError as error:
        error.filename = abi.weft_process_get_failed(rt, handle)
        raise


async def spawn(command, *, stdin=None, stdout=None, stderr=None, cwd=None,
                env=None, group=False, grace=GRACE):
    """Starts a program and returns its Process, to be used in an ``async
    with``, which ends it.

    stdin, stdout, stderr: None (as they are here), PIPE (a stream of the
    process), DEVNULL, a descriptor or a file; stderr may be STDOUT. cwd: where
    it begins. env: its whole environment, a dict. group: in a session and
    process group of its own, which is signalled as a whole. grace: seconds from
    SIGTERM to SIGKILL when it has to end. OSError if it cannot be started."""
    words = check_command(command)
    grace_ns = to_deadline(grace)
    rt = _weft.current_runtime()
    await outcome(abi.weft_checkpoint(rt))
    handle = abi.weft_process_new(rt, words[0])
    try:
        _describe(rt, handle, words, (stdin, stdout, stderr), cwd, env, group)
        _start(rt, handle)
    except BaseException:
        abi.weft_process_close(rt, handle)
        raise
    return Process(rt, handle, words, (stdin, stdout, stderr), grace_ns)


# -- Processes ---------------------------------------------------------------


class Process(Owned):
    """A program that runs. ``stdin``, ``stdout`` and ``stderr`` are its
    streams, where those are pipes. Once it has ended ``status`` is its exit
    status, or ``signal`` what ended it; the other is None."""

    _let_go = staticmethod(abi.weft_process_close)

    def __init__(self, rt, handle, args, stdio, grace_ns):
        super().__init__(rt, handle)
        self.args = args
        self.pid = abi.weft_process_get_pid(rt, handle)
        self.status = self.signal = None
        self._grace_ns = grace_ns
        for number, (name, what) in enumerate(zip(NAMES, stdio)):
            piped = isinstance(what, int) and what == PIPE
            setattr(self, name, Stream(rt, abi.weft_process_take_stream(
                rt, handle, number)) if piped else None)

    def _ended(self, exit):
        self.status, number = exit & 0xffffffff, exit >> 32
        if number:
            self.status, self.signal = None, member_of(number)
        return self.returncode

    @property
    def returncode(self):
        """The exit status, or minus the signal's number; None while it runs, as
        far as it was waited for."""
        return self.status if self.signal is None else -self.signal

    async def wait(self):
        """Waits until it has ended, whoever still holds its pipes, and returns
        the returncode. Cancelled, it leaves the process alone."""
        if self.returncode is not None:
            await outcome(abi.weft_checkpoint(self._rt))
            return self.returncode
        return self._ended(
            await outcome(abi.weft_process_wait(self._rt, self._handle)))

    def is_running(self):
        return (self._open and self.returncode is None
                and bool(abi.weft_process_is_running(self._rt, self._handle)))

    # -- Ending --------------------------------------------------------------

    def send_signal(self, signal):
        """Sends it a signal, by name or number. False, and nothing is done, if
        it has ended."""
        number = number_of(signal)
        if not self._open or self.returncode is not None:
            return False
        try:
            abi.weft_process_kill(self._rt, self._handle, number)
        except ProcessLookupError:
            return False
        return True

    def terminate(self):
        """Sends SIGTERM."""
        return self.send_signal("TERM")

    def kill(self):
        """Sends SIGKILL."""
        return self.send_signal("KILL")

    async def stop(self, grace=None):
        """Ends it: SIGTERM and, grace seconds later, SIGKILL; zero kills at
        once. Returns the returncode when it has ended. No cancellation
        point."""
        grace_ns = self._grace_ns if grace is None else to_deadline(grace)
        if self.returncode is not None:
            return self.returncode
        return self._ended(await outcome(
            abi.weft_process_stop(self._rt, self._handle, grace_ns)))

    async def close(self):
        """Ends it if it runs, as stop does, and closes its streams. More than
        once is fine."""
        if self._open:
            await self.stop()
        for name in NAMES:
            stream = getattr(self, name)
            if stream is not None:
                stream.abort()
        self._close_now()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        await self.close()
