# SPDX-License-Identifier: MIT
"""Open files."""

import os

import weft
from helper import IoCase
from weft import fs


class Files(IoCase):
    def run_file(self, body, content=b"", mode="r+"):
        async def main():
            with open(self.path("a"), "wb") as made:
                made.write(content)
            async with await fs.open(self.path("a"), mode) as file:
                await body(file)

        self.run_main(main)

    def content(self):
        with open(self.path("a"), "rb") as file:
            return file.read()


class Reading(Files):
    def test_read_gives_so_much_and_at_the_end_less(self):
        async def body(file):
            self.assertEqual(b"abc", await file.read(3))
            self.assertEqual(b"", await file.read(0))
            self.assertEqual(b"def", await file.read(100))
            self.assertEqual(b"", await file.read(1))
            await file.seek(1)
            self.assertEqual(b"bcdef", await file.read())
            self.assertEqual(b"", await file.read())

        self.run_file(body, b"abcdef", "rb")

    def test_it_reads_as_streams_do(self):
        async def body(file):
            self.assertEqual(b"one\n", await file.readline())
            self.assertEqual(b"tw", await file.readexactly(2))
            self.assertEqual(b"o--", await file.readuntil(b"--"))
            self.assertEqual([b"x\n", b"last"], [line async for line in file])
            await file.seek(-4, os.SEEK_END)
            with self.assertRaises(weft.IncompleteReadError) as caught:
                await file.readexactly(5)
            self.assertEqual(b"last", caught.exception.partial)
            await file.seek(0)
            with self.assertRaises(weft.LimitOverrunError):
                await file.readline(limit=2)
            self.assertEqual(0, file.tell())

        self.run_file(body, b"one\ntwo--x\nlast")

    def test_a_long_file_is_read_line_by_line(self):
        lines = [b"%d\n" % i for i in range(100_000)]

        async def body(file):
            self.assertEqual(lines, [line async for line in file])

        self.run_file(body, b"".join(lines))

    def test_a_file_that_shrinks_ends_sooner(self):
        async def body(file):
            self.assertEqual(b"x" * 10, await file.read(10))
            os.truncate(self.path("a"), 5)
            while await file.read(1 << 20):
                pass
            self.assertEqual(b"", await file.read(1))

        self.run_file(body, b"x" * 20_000_000)

    def test_read_at_leaves_the_position(self):
        async def body(file):
            await file.read(1)
            self.assertEqual(b"cd", await file.read_at(2, 2))
            self.assertEqual(b"f", await file.read_at(100, 5))
            self.assertEqual(b"", await file.read_at(100, 50))
            self.assertEqual(b"", await file.read_at(0, 0))
            self.assertEqual(b"bc", await file.read(2))
            with self.assertRaises(weft.ArgumentError):
                await file.read_at(-1, 0)

        self.run_file(body, b"abcdef")


class Writing(Files):
    def test_it_writes_where_the_reading_has_come_to(self):
        async def body(file):
            self.assertEqual(b"ab\n", await file.readline())
            self.assertEqual(2, await file.write(b"CD"))
            self.assertEqual(5, file.tell())
            self.assertEqual(1, await file.write_at(b"A", 0))
            self.assertEqual(b"\nef", await file.read())
            await file.sync()
            self.assertEqual(6, (await file.stat()).st_size - 2)

        self.run_file(body, b"ab\ncd\nef")
        self.assertEqual(b"Ab\nCD\nef", self.content())

    def test_truncate(self):
        async def body(file):
            await file.read(2)
            self.assertEqual(2, await file.truncate())
            self.assertEqual(4, await file.truncate(4))

        self.run_file(body, b"abcdef")
        self.assertEqual(b"ab\0\0", self.content())

    def test_each_mode_opens_as_python_does(self):
        async def main():
            path = self.path("a")
            async with await fs.open(path, "w", permissions=0o600) as file:
                await file.write(b"one")
                with self.assertRaises(weft.InvalidStateError):
                    await file.read(1)
            self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
            async with await fs.open(path, "ab") as file:
                await file.write(b" two")
            async with await fs.open(path, "a+") as file:
                await file.seek(0)
                self.assertEqual(b"one two", await file.read())
            async with await fs.open(path) as file:
                with self.assertRaises(weft.InvalidStateError):
                    await file.write(b"x")
            with self.assertRaises(FileExistsError):
                await fs.open(path, "x")
            for mode in ("", "t", "rt", "rw", "q", "bb"):
                with self.assertRaises(weft.ArgumentError):
                    await fs.open(path, mode)
            with self.assertRaises(IsADirectoryError):
                await fs.open(self.folder)

        self.run_main(main)

    def test_a_full_disk_is_told(self):
        async def main():
            async with await fs.open("/dev/full", "r+") as file:
                with self.assertRaises(OSError) as caught:
                    await file.write(b"x")
                self.assertEqual(weft.abi.WEFT_ENOSPC, caught.exception.code)
                self.assertEqual("/dev/full", caught.exception.filename)

        self.run_main(main)


class Using(Files):
    def test_one_operation_at_a_time(self):  # 27.3
        async def body(file):
            first = weft.spawn(file.write(b"x" * 1_000_000))
            await weft.yield_()
            for call in (file.write(b"y"), file.seek(0), file.stat()):
                with self.assertRaises(weft.BusyError):
                    await call
            self.assertEqual(1_000_000, await first)

        self.run_file(body)

    def test_what_is_cancelled_before_has_not_happened(self):  # 27.3
        async def body(file):
            calls = (file.read(1), file.readline(), file.write(b"x"),
                     file.seek(1), file.stat(), file.sync(), file.lock(),
                     file.truncate(0), file.read_at(1, 0))
            for call in calls:
                with weft.move_on_after(None) as scope:
                    scope.cancel()
                    await call
                self.assertTrue(scope.cancelled_caught)
            self.assertEqual(b"abc", await file.read())

        self.run_file(body, b"abc")

    def test_locks_keep_others_out(self):
        async def body(file):
            async with await fs.open(file.path) as other:
                self.assertTrue(await file.lock())
                self.assertFalse(await other.lock(shared=True, wait=False))
                await self.cancelled_in(other.lock())
                await self.timed_out_in(other.lock(shared=True))
                file.unlock()
                self.assertTrue(await other.lock(shared=True))
                self.assertTrue(await file.lock(shared=True, wait=False))

        self.run_file(body)

    def test_a_closed_file_says_so(self):
        async def body(file):
            await file.close()
            await file.close()
            for call in (file.read(1), file.read(), file.readline(),
                         file.write(b""), file.seek(0), file.stat(),
                         file.truncate(0)):
                with self.assertRaises(weft.ClosedError):
                    await call
            with self.assertRaises(weft.ClosedError):
                file.tell()

        self.run_file(body)

    def test_a_close_is_made_in_cancelled_code_too(self):  # 27.3
        async def body(file):
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await file.close()
            self.assertFalse(scope.cancelled_caught)

        self.run_file(body)

    def test_one_that_is_collected_is_closed_and_reported(self):  # 25.12
        async def main():
            await fs.open("/etc/passwd")
            await weft.sleep(1)

        self.expect_report("unclosed", weft.Error)
        self.run_main(main)
