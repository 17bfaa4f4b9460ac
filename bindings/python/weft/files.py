# SPDX-License-Identifier: MIT
"""Open files. Threads do the work, so that nothing else waits for a disk.

    async with await weft.fs.open("notes.txt") as file:
        async for line in file:
            print(line.decode())

What is read and written is bytes. One operation at a time is under way on a
file, else BusyError; one that has begun is finished, though cancelled.
"""

import os
import stat

from . import _weft, abi
from .errors import ArgumentError, OSError
from .owned import outcome
from .reading import Reader, check_count, to_bytes

__all__ = []

_READ, _WRITE = abi.WEFT_OPEN_READ, abi.WEFT_OPEN_WRITE
_ALTERED = {
    "w": _WRITE | abi.WEFT_OPEN_CREATE | abi.WEFT_OPEN_TRUNCATE,
    "a": _WRITE | abi.WEFT_OPEN_CREATE | abi.WEFT_OPEN_APPEND,
    "x": _WRITE | abi.WEFT_OPEN_CREATE | abi.WEFT_OPEN_EXCLUSIVE,
}
_MODES = {"r": _READ, "r+": _READ | _WRITE, **_ALTERED,
          **{mode + "+": flags | _READ for mode, flags in _ALTERED.items()}}

_TYPES = {"file": stat.S_IFREG, "directory": stat.S_IFDIR,
          "link": stat.S_IFLNK, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK,
          "char": stat.S_IFCHR, "block": stat.S_IFBLK}


async def call_at(path, function, *args):
    """The value of function(runtime, *args); a failure tells the path."""
    try:
        return await outcome(function(_weft.current_runtime(), *args))
    except OSError as error:
        error.filename = path
        raise


def to_stat(known):
    """What os.stat would give."""
    times = {}
    for name in ("atime", "mtime", "ctime"):
        times[f"st_{name}"] = known[f"{name}_ns"] / 1e9
        times[f"st_{name}_ns"] = known[f"{name}_ns"]
    mode = known["mode"] | _TYPES.get(known["type"], 0)
    return os.stat_result(
        (mode, *(known[name] for name in ("ino", "dev", "nlink", "uid", "gid",
                                          "size")),
         *(known[f"{name}_ns"] // 10**9 for name in ("atime", "mtime",
                                                     "ctime"))),
        {**times, "st_rdev": known["rdev"], "st_blksize": known["blksize"],
         "st_blocks": known["blocks"]})


async def open(path, mode="r", *, permissions=0o666):
    """A File. mode: "r", "w" (emptied, made if need be), "a" (each write goes
    to the end) or "x" (there must be none), each with a "+" for reading and
    writing; a "b" in it says nothing new. permissions: of a file that is made,
    without what the umask takes away."""
    flags = _MODES.get(mode.replace("b", "", 1))
    if flags is None:
        raise ArgumentError('mode must be "r", "w", "a" or "x", and may have a '
                            f'"+"; what is read is bytes; not {mode!r}')
    number = await call_at(path, abi.weft_file_open, path, flags, permissions)
    return File(_weft.current_runtime(), number, path)


class File(Reader):
    """An open file; made by ``weft.fs.open``."""

    _noun = "file"
    _fill = staticmethod(abi.weft_file_fill)
    _peek = staticmethod(abi.weft_file_peek)
    _consume = staticmethod(abi.weft_file_consume)
    _let_go = staticmethod(abi.weft_file_abort)

    def __init__(self, rt, handle, path):
        super().__init__(rt, handle)
        self.path = path

    async def _call(self, function, *args):
        """What was read in advance counts as unread."""
        handle = self._handle
        self._settle()
        return await call_at(self.path, function, handle, *args)

    # -- Reading; the rest is in weft.reading --------------------------------

    async def read(self, n=-1):
        """n bytes, fewer only at the end; without n all up to the end."""
        if n is None or n < 0:
            return await self._read_all()
        if n == 0:
            await outcome(abi.weft_checkpoint(self._rt))
            return b""
        if not await self._more(n - 1):
            return self._take_all()
        self._look(n - 1)
        return self._take(n)

    async def read_at(self, n, offset):
        """n bytes from offset on, fewer only at the end. The position stays as
        it is."""
        check_count("n", n, 0)
        check_count("offset", offset, 0)
        return await self._call(abi.weft_file_read_at, n, offset)

    # -- Writing -------------------------------------------------------------

    async def write(self, data):
        """Writes all of data at the position, and returns its size."""
        return await self._call(abi.weft_file_write, to_bytes(data))

    async def write_at(self, data, offset):
        """Likewise at offset. The position stays as it is."""
        check_count("offset", offset, 0)
        return await self._call(abi.weft_file_write_at, to_bytes(data), offset)

    async def truncate(self, size=None):
        """Makes the file size bytes long, or as long as the position says."""
        if size is None:
            size = self.tell()
        check_count("size", size, 0)
        await self._call(abi.weft_file_truncate, size)
        return size

    async def sync(self, data_only=False):
        """Waits until what was written is on the disk."""
        await self._call(abi.weft_file_sync, int(data_only))

    # -- The position --------------------------------------------------------

    async def seek(self, offset, whence=os.SEEK_SET):
        """Moves the position, and returns it."""
        return await self._call(abi.weft_file_seek, offset, whence)

    def tell(self):
        """The position."""
        handle = self._handle
        self._settle()
        return abi.weft_file_get_position(self._rt, handle)

    # -- The file ------------------------------------------------------------

    async def stat(self):
        """What is known of the file, an ``os.stat_result``."""
        return to_stat(await self._call(abi.weft_file_stat))

    async def lock(self, *, shared=False, wait=True):
        """Locks the file against others that lock it, in any process. False if
        another has it locked, and wait is false."""
        flags = ((abi.WEFT_LOCK_SHARED if shared else 0)
                 | (0 if wait else abi.WEFT_LOCK_NOWAIT))
        try:
            await self._call(abi.weft_file_lock, flags)
        except OSError as error:
            if wait or error.code != abi.WEFT_EAGAIN:
                raise
            return False
        return True

    def unlock(self):
        abi.weft_file_unlock(self._rt, self._handle)

    async def close(self):
        """Waits for an operation under way and closes. No cancellation point;
        more than once is fine."""
        if not self._open:
            return
        self._open = False
        await call_at(self.path, abi.weft_file_close, self._number)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        await self.close()
