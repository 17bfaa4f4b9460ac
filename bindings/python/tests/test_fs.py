# SPDX-License-Identifier: MIT
"""Files and directories by their paths."""

import errno
import os
import pathlib
import resource
import stat

import weft
from helper import IoCase
from weft import fs


class WholeFiles(IoCase):
    def test_what_was_written_is_read(self):
        async def main():
            path = self.path("a")
            for data in (b"", b"text", bytes(range(256)) * 1000):
                self.assertEqual(len(data), await fs.write_file(path, data))
                self.assertEqual(data, await fs.read_file(path))
            await fs.write_file(path, bytearray(b"a"))
            await fs.write_file(path, b"b", append=True, sync=True)
            self.assertEqual(b"ab", await fs.read_file(pathlib.Path(path)))
            self.assertEqual(b"ab", await fs.read_file(os.fsencode(path)))

        self.run_main(main)

    def test_a_file_over_the_limit_is_not_read(self):
        async def main():
            await fs.write_file(self.path("a"), b"12345")
            self.assertEqual(b"12345", await fs.read_file(self.path("a"), 5))
            with self.assertRaises(weft.LimitOverrunError):
                await fs.read_file(self.path("a"), 4)
            with self.assertRaises(weft.ArgumentError):
                await fs.read_file(self.path("a"), -1)

        self.run_main(main)

    def test_the_old_content_stands_until_the_new_is_whole(self):  # 27.4
        async def main():
            path = self.path("a")
            await fs.write_file(path, b"old")
            inode = os.stat(path).st_ino
            await fs.write_file(path, b"new", atomic=True)
            self.assertNotEqual(inode, os.stat(path).st_ino)
            with self.assertRaises(weft.ArgumentError):
                await fs.write_file(path, b"x", atomic=True, append=True)
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await fs.write_file(path, b"cancelled", atomic=True)
            self.assertEqual(b"new", await fs.read_file(path))
            self.assertEqual(["a"], await fs.listdir(self.folder))

        self.run_main(main)

    def test_failures_are_those_of_python_and_tell_the_path(self):
        async def main():
            path = self.path("none")
            for call in (fs.read_file(path), fs.stat(path), fs.remove(path),
                         fs.listdir(path), fs.open(path), fs.readlink(path),
                         fs.write_file(path + "/x", b"")):
                with self.assertRaises(FileNotFoundError) as caught:
                    await call
                self.assertTrue(caught.exception.filename.startswith(path))
            await fs.write_file(path, b"", exclusive=True)
            with self.assertRaises(FileExistsError):
                await fs.write_file(path, b"", exclusive=True)
            with self.assertRaises(NotADirectoryError):
                await fs.listdir(path)
            with self.assertRaises(ValueError):
                await fs.read_file("a\0b")
            for bad in (None, 5, ["a"]):
                with self.assertRaises(TypeError):
                    await fs.read_file(bad)
            with self.assertRaises(TypeError):
                await fs.write_file(path, "text")

        self.run_main(main)

    def test_without_descriptors_each_call_fails_and_none_is_left(self):
        async def main():
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            free = os.dup(0)  # the lowest number that is free
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
            try:
                for call in (fs.open("/etc/passwd"),
                             fs.read_file("/etc/passwd"),
                             weft.process.run(["true"]),
                             weft.listen("127.0.0.1")):
                    with self.assertRaises(weft.OSError) as caught:
                        await call
                    self.assertEqual(errno.EMFILE, caught.exception.errno)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)

        self.run_main(main)

    def test_a_cancelled_call_has_not_happened(self):  # 27.3
        async def main():
            for call in (fs.mkdir(self.path("d")), fs.read_file("/etc/passwd"),
                         fs.open(self.path("f"), "w")):
                with weft.move_on_after(None) as scope:
                    scope.cancel()
                    await call
                self.assertTrue(scope.cancelled_caught)
            self.assertEqual([], await fs.listdir(self.folder))

        self.run_main(main)

    def test_one_that_has_begun_is_finished(self):  # 27.3
        async def main():
            with weft.move_on_after(None) as scope:
                weft.call_soon(scope.cancel)
                await fs.read_file("/etc/passwd")
                self.log.append("read")
                await weft.checkpoint()
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)
        self.assertIn(self.log, ([], ["read"]))


class Paths(IoCase):
    def test_stat_is_what_os_has(self):
        async def main():
            path = self.path("a")
            await fs.write_file(path, b"12345")
            await fs.chmod(path, 0o640)
            await fs.utime(path, 1, 2.5)
            await fs.symlink("a", self.path("link"))
            ours, theirs = await fs.stat(self.path("link")), os.stat(path)
            for name in ("st_mode", "st_ino", "st_dev", "st_nlink", "st_uid",
                         "st_gid", "st_size", "st_atime", "st_mtime_ns",
                         "st_ctime_ns", "st_blocks"):
                self.assertEqual(getattr(theirs, name), getattr(ours, name))
            ours = await fs.lstat(self.path("link"))
            self.assertTrue(stat.S_ISLNK(ours.st_mode))
            self.assertTrue(stat.S_ISDIR((await fs.stat("/")).st_mode))

        self.run_main(main)

    def test_directories_and_names(self):
        async def main():
            await fs.mkdir(self.path("x/y"), parents=True)
            await fs.write_file(self.path("x/b"), b"b")
            await fs.symlink("b", self.path("x/a"))
            self.assertEqual({"a": "link", "b": "file", "y": "directory"},
                             await fs.readdir(self.path("x")))
            self.assertEqual(["a", "b", "y"], await fs.listdir(self.path("x")))
            self.assertEqual("b", await fs.readlink(self.path("x/a")))
            self.assertEqual(os.path.realpath(self.path("x/b")),
                             await fs.realpath(self.path("x/./a")))
            await fs.rename(self.path("x/b"), self.path("x/c"))
            self.assertFalse(await fs.exists(self.path("x/a")))
            await fs.link(self.path("x/c"), self.path("x/b"))
            await fs.copy_file(self.path("x/c"), self.path("x/d"))
            self.assertTrue(await fs.exists(self.path("x/a")))
            with self.assertRaises(FileExistsError):
                await fs.copy_file(self.path("x/b"), self.path("x/d"),
                                   exclusive=True)
            await fs.remove(self.path("x/a"))
            with self.assertRaises(OSError):
                await fs.remove(self.path("x"))
            await fs.remove_all(self.path("x"))
            made = await fs.mkdtemp(self.path("t-"))
            self.assertEqual([os.path.basename(made)],
                             await fs.listdir(self.folder))

        self.run_main(main)

    def test_names_that_are_no_utf_8_are_those_of_os(self):
        async def main():
            path = os.fsencode(self.folder) + b"/\xff"
            await fs.write_file(path, b"x")
            (name,) = await fs.listdir(self.folder)
            self.assertEqual(os.listdir(self.folder), [name])
            self.assertEqual(b"x", await fs.read_file(self.path(name)))

        self.run_main(main)


class Watching(IoCase):
    def test_changes_come_in_order_and_none_is_lost(self):  # 27.5
        async def main():
            with fs.watch(self.folder) as changes:
                await self.cancelled_in(anext(changes))
                await self.timed_out_in(anext(changes))
                await fs.write_file(self.path("a"), b"x")
                made = self.path("a")
                self.assertEqual((made, "rename"), await anext(changes))
                self.assertEqual((made, "change"), await anext(changes))
                task = weft.spawn(self.next_of(changes))
                await weft.yield_()
                with self.assertRaises(weft.BusyError):
                    await anext(changes)
            with self.assertRaises(weft.ClosedError):
                while True:  # a change may have come before the close
                    await task
                    task = weft.spawn(self.next_of(changes))

        self.run_main(main)

    async def next_of(self, changes):
        return await anext(changes)
