# SPDX-License-Identifier: MIT
"""Files and directories, by their paths: text, bytes, or a ``pathlib.Path``.

Threads make the calls. One that has begun is finished, though cancelled; before
that a cancellation means that nothing has happened. What fails is an OSError,
as Python has it, with ``filename``.
"""

import os

from . import _weft, abi
from .files import File, call_at, open, to_stat
from .owned import Owned, outcome
from .reading import check_count, to_bytes

__all__ = ["File", "Watch", "chmod", "copy_file", "exists", "link", "listdir",
           "lstat", "mkdir", "mkdtemp", "open", "read_file", "readdir",
           "readlink", "realpath", "remove", "remove_all", "rename", "stat",
           "symlink", "utime", "watch", "write_file"]

_NO_LIMIT = 2**64 - 1


# -- Whole files -------------------------------------------------------------


async def read_file(path, limit=None):
    """The bytes of a whole file. LimitOverrunError if it has more than
    limit."""
    if limit is None:
        limit = _NO_LIMIT
    check_count("limit", limit, 0)
    return await call_at(path, abi.weft_fs_read_file, path, limit)


async def write_file(path, data, *, atomic=False, append=False,
                     exclusive=False, sync=False):
    """Makes data the content of a file. atomic: until the new content is whole
    and on the disk the old one stands, whatever happens. append: behind what is
    there. exclusive: there must be no file. sync: waits for the disk."""
    flags = ((abi.WEFT_WRITE_ATOMIC if atomic else 0)
             | (abi.WEFT_WRITE_APPEND if append else 0)
             | (abi.WEFT_WRITE_EXCLUSIVE if exclusive else 0)
             | (abi.WEFT_WRITE_SYNC if sync else 0))
    return await call_at(path, abi.weft_fs_write_file, path, to_bytes(data),
                         flags)


async def copy_file(path, new_path, *, exclusive=False):
    """Copies a file with its permissions. What is at new_path is replaced when
    the copy is whole, or, exclusive, a reason to fail."""
    await call_at(path, abi.weft_fs_copy_file, path, new_path, int(exclusive))


# -- What is known -----------------------------------------------------------


async def stat(path):
    """An ``os.stat_result``."""
    return to_stat(await call_at(path, abi.weft_fs_stat, path, 1))


async def lstat(path):
    """Likewise of a link itself."""
    return to_stat(await call_at(path, abi.weft_fs_stat, path, 0))


async def exists(path):
    """Whether there is something, where a link leads."""
    try:
        await call_at(path, abi.weft_fs_access, path, 0)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


async def chmod(path, mode):
    await call_at(path, abi.weft_fs_chmod, path, mode)


async def utime(path, atime, mtime):
    """Sets the times of access and change, in seconds since 1970."""
    await call_at(path, abi.weft_fs_utime, path, atime, mtime)


# -- Names -------------------------------------------------------------------


async def remove(path):
    """Removes a file, a link or an empty directory."""
    await call_at(path, abi.weft_fs_remove, path)


async def remove_all(path):
    """Removes a file, or a directory with all that is in it."""
    await call_at(path, abi.weft_fs_remove_all, path)


async def rename(path, new_path):
    """Renames; a file at new_path is replaced."""
    await call_at(path, abi.weft_fs_rename, path, new_path)


async def link(path, new_path):
    """Makes new_path another name of the file."""
    await call_at(path, abi.weft_fs_link, path, new_path)


async def symlink(target, path):
    """Makes a symbolic link at path that says target."""
    await call_at(path, abi.weft_fs_symlink, target, path)


async def readlink(path):
    """What a symbolic link says."""
    return os.fsdecode(await call_at(path, abi.weft_fs_readlink, path))


async def realpath(path):
    """The absolute path without links, "." and ".."."""
    return os.fsdecode(await call_at(path, abi.weft_fs_realpath, path))


# -- Directories -------------------------------------------------------------


async def mkdir(path, mode=0o777, *, parents=False):
    """Makes a directory; with parents those above it, too, and one that is
    there already will do."""
    await call_at(path, abi.weft_fs_mkdir, path, mode, int(parents))


async def mkdtemp(prefix):
    """Makes a directory that is nobody else's, and returns its path."""
    return os.fsdecode(await call_at(prefix, abi.weft_fs_mkdtemp, prefix))


async def readdir(path):
    """A dict of the names in a directory, sorted, with their types: "file",
    "directory", "link", "fifo", "socket", "char", "block", "unknown"."""
    found = await call_at(path, abi.weft_fs_readdir, path)
    return {os.fsdecode(name): kind for name, kind in found.items()}


async def listdir(path="."):
    """The names in a directory, sorted."""
    return list(await readdir(path))


# -- Watching ----------------------------------------------------------------


class Watch(Owned):
    """What happens to a file, or in a directory, from its making on.

        with weft.fs.watch("incoming") as changes:
            async for path, kind in changes:
                ...

    kind: "change", "rename" (made, removed or moved) or "overflow" (changes
    were lost)."""

    _let_go = staticmethod(abi.weft_fs_watch_close)

    def __aiter__(self):
        return self

    async def __anext__(self):
        change = await outcome(abi.weft_fs_watch_next(self._rt, self._handle))
        return os.fsdecode(change["path"]), change["kind"]

    def close(self):
        """Who waits gets ClosedError. More than once is fine."""
        self._close_now()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()


def watch(path):
    rt = _weft.current_runtime()
    return Watch(rt, abi.weft_fs_watch_new(rt, path))
