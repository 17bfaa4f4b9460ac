# SPDX-License-Identifier: MIT
"""Streams over loopback: every way to read, to write and to close."""

import gc
import os
import socket

import weft
from helper import IoCase


class Pairs(IoCase):
    """Tests that get two ends of one connection."""

    def run_pair(self, body, unix=False):
        async def main():
            if unix:
                listener = weft.listen_unix(self.path("socket"))
                ours = await weft.connect_unix(self.path("socket"))
            else:
                listener = await weft.listen("127.0.0.1")
                ours = await weft.connect("127.0.0.1", listener.port())
            theirs = await listener.accept()
            listener.close()
            async with ours, theirs:
                await body(ours, theirs)

        self.run_main(main)


class Reading(Pairs):
    def test_read_gives_what_there_is_and_then_the_end(self):  # 25.1
        async def body(ours, theirs):
            await theirs.write(b"abcdef")
            self.assertEqual(b"ab", await ours.read(2))
            self.assertEqual(b"cdef", await ours.read(100))
            self.assertEqual(b"", await ours.read(0))
            await theirs.shutdown()
            self.assertEqual(b"", await ours.read(1))

        self.run_pair(body)

    def test_read_waits_for_the_first_byte(self):  # 25.1
        async def body(ours, theirs):
            task = weft.spawn(ours.read(10))
            await weft.yield_()
            await theirs.write(b"x")
            self.assertEqual(b"x", await task)

        self.run_pair(body)

    def test_without_a_number_it_reads_to_the_end(self):  # 25.4
        async def body(ours, theirs):
            data = bytes(range(256)) * 2000

            async def send():
                await theirs.write(data)
                await theirs.shutdown()

            async with weft.TaskGroup() as group:
                group.spawn(send())
                self.assertEqual(data, await ours.read())
            self.assertEqual(b"", await ours.read())

        self.run_pair(body)

    def test_readexactly_gives_so_many_bytes(self):  # 25.2
        async def body(ours, theirs):
            self.assertEqual(b"", await ours.readexactly(0))
            await theirs.write(b"abcdef")
            self.assertEqual(b"abc", await ours.readexactly(3))
            await theirs.shutdown()
            with self.assertRaises(weft.IncompleteReadError) as caught:
                await ours.readexactly(5)
            self.assertEqual((b"def", 5), (caught.exception.partial,
                                           caught.exception.expected))
            self.assertIsInstance(caught.exception, EOFError)
            self.assertEqual(b"", await ours.read(5))
            with self.assertRaises(weft.ArgumentError):
                await ours.readexactly(-1)

        self.run_pair(body)

    def test_readuntil_ends_with_the_separator(self):  # 25.3
        async def body(ours, theirs):
            await theirs.write(b"one--two-")
            task = weft.spawn(ours.readuntil(b"--"))
            self.assertEqual(b"one--", await task)
            task = weft.spawn(ours.readuntil(b"--"))
            await weft.yield_()
            await theirs.write(b"-three")
            self.assertEqual(b"two--", await task)
            await theirs.shutdown()
            with self.assertRaises(weft.IncompleteReadError) as caught:
                await ours.readuntil(b"--")
            self.assertEqual((b"three", None), (caught.exception.partial,
                                                caught.exception.expected))
            with self.assertRaises(weft.ArgumentError):
                await ours.readuntil(b"")

        self.run_pair(body)

    def test_a_separator_too_far_away_leaves_all_unread(self):  # 25.3
        async def body(ours, theirs):
            await theirs.write(b"abcde\n")
            with self.assertRaises(weft.LimitOverrunError) as caught:
                await ours.readuntil(b"\n", limit=4)
            self.assertEqual(5, caught.exception.consumed)
            with self.assertRaises(weft.LimitOverrunError):
                await ours.readline(limit=4)
            self.assertEqual(b"abcde\n", await ours.readline(limit=5))

        self.run_pair(body)

    def test_lines_have_their_newline_but_perhaps_the_last(self):  # 25.4
        async def body(ours, theirs):
            await theirs.write(b"one\n\nthree")
            await theirs.shutdown()
            self.assertEqual([b"one\n", b"\n", b"three"],
                             [line async for line in ours])
            self.assertEqual(b"", await ours.readline())

        self.run_pair(body)

    def test_a_cancelled_read_loses_nothing(self):  # 25.5
        async def body(ours, theirs):
            await theirs.write(b"half a li")
            await self.cancelled_in(ours.readline())
            await self.cancelled_in(ours.readexactly(100))
            await self.timed_out_in(ours.readuntil(b"!"))
            await self.timed_out_in(ours.read())
            await theirs.write(b"ne\n")
            self.assertEqual(b"half a line\n", await ours.readline())
            await self.cancelled_in(ours.read(1))

        self.run_pair(body)

    def test_every_read_is_a_cancellation_point(self):
        async def body(ours, theirs):
            await theirs.write(b"a\nb\n")
            self.assertEqual(b"a\n", await ours.readline())
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await ours.readline()
            self.assertTrue(scope.cancelled_caught)
            self.assertEqual(b"b\n", await ours.readline())

        self.run_pair(body)

    def test_a_second_reader_is_told_and_the_first_goes_on(self):  # 25.7
        async def body(ours, theirs):
            await theirs.write(b"ab")
            first = weft.spawn(ours.readuntil(b"\n"))
            await weft.sleep(1)
            for call in (ours.read(1), ours.readline(), ours.readexactly(1)):
                with self.assertRaises(weft.BusyError):
                    await call
            await theirs.write(b"c\n")
            self.assertEqual(b"abc\n", await first)

        self.run_pair(body)

    def test_bytes_before_a_reset_come_before_it(self):  # 25.6
        async def body(ours, theirs):
            await theirs.write(b"last words")
            await ours.readexactly(4)
            await ours.write(b"never read")
            await weft.sleep(1)
            theirs.abort()  # with unread bytes: a reset
            try:
                self.assertEqual(b" words", await ours.read(100))
                while await ours.read(100):
                    pass
            except ConnectionResetError as error:
                self.assertEqual(weft.abi.WEFT_ECONNRESET, error.code)
            else:
                self.fail("there was no reset")

        self.run_pair(body)


class Writing(Pairs):
    def test_pieces_arrive_as_one(self):  # 25.8
        async def body(ours, theirs):
            await ours.write(b"one ", bytearray(b"two "), memoryview(b"three"))
            await ours.write()
            await ours.flush()
            self.assertEqual(b"one two three", await theirs.readexactly(13))

        self.run_pair(body, unix=True)

    def test_what_is_no_bytes_is_refused(self):
        async def body(ours, theirs):
            for pieces in (("text",), (b"a", 5), (None,)):
                with self.assertRaises(TypeError):
                    await ours.write(*pieces)
            self.assertEqual(0, ours.statistics()["unsent"])

        self.run_pair(body)

    def test_a_slow_reader_holds_the_writer_back(self):  # 25.8
        async def body(ours, theirs):
            piece = b"x" * 300_000
            written = 0
            with weft.move_on_after(1) as scope:
                while True:
                    await ours.write(piece[:1], piece[1:])
                    written += 1
            self.assertTrue(scope.cancelled_caught)
            unsent = ours.statistics()["unsent"]
            self.assertLess(unsent, 64 * 1024 + len(piece))
            await self.timed_out_in(ours.write(b"not taken"))
            await self.cancelled_in(ours.flush())
            self.assertEqual(unsent, ours.statistics()["unsent"])

            async def drain():
                self.assertEqual(written * len(piece), len(await theirs.read()))

            async with weft.TaskGroup() as group:
                group.spawn(drain())
                await ours.flush()
                self.assertEqual(0, ours.statistics()["unsent"])
                await ours.shutdown()

        self.run_pair(body)

    def test_a_parked_write_keeps_its_pieces(self):  # 25.8
        async def body(ours, theirs):
            await ours.write(b"x" * 10_000_000)

            async def more():
                await ours.write(b"".join([b"y"] * 5), bytearray(b"z" * 5))

            task = weft.spawn(more())
            await weft.yield_()
            self.assertFalse(task.done())
            gc.collect()
            await theirs.readexactly(10_000_000)
            self.assertEqual(b"yyyyyzzzzz", await theirs.readexactly(10))
            await task

        self.run_pair(body)

    def test_after_shutdown_only_reading_goes_on(self):  # 25.10
        async def body(ours, theirs):
            await ours.shutdown()
            self.assertEqual(b"", await theirs.read())
            with self.assertRaises(weft.ClosedError):
                await ours.write(b"x")
            await theirs.write(b"y")
            self.assertEqual(b"y", await ours.read(1))

        self.run_pair(body)

    def test_a_gone_peer_fails_the_write(self):  # 25.9
        async def body(ours, theirs):
            theirs.abort()
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                for _ in range(1000):
                    await ours.write(b"x" * 100_000)
                    await ours.flush()

        self.run_pair(body)


class Closing(Pairs):
    def test_close_sends_what_is_unsent(self):  # 25.11
        async def body(ours, theirs):
            await ours.write(b"x" * 3_000_000)
            task = weft.spawn(ours.close())
            self.assertEqual(3_000_000, len(await theirs.read()))
            await task
            await ours.close()
            ours.abort()

        self.run_pair(body)

    def test_who_waits_is_told(self):  # 25.11
        async def body(ours, theirs):
            reader = weft.spawn(ours.read(1))
            await weft.yield_()
            await ours.close()
            with self.assertRaises(weft.ClosedError):
                await reader
            for call in (ours.read(1), ours.readline(), ours.readexactly(1),
                         ours.write(b""), ours.write(b"", b""), ours.flush(),
                         ours.shutdown()):
                with self.assertRaises(weft.ClosedError):
                    await call
            for call in (ours.peer, ours.local_address, ours.is_terminal,
                         ours.statistics):
                with self.assertRaises(weft.ClosedError):
                    call()

        self.run_pair(body)

    def test_in_cancelled_code_a_closed_one_is_told_of_second(self):
        async def body(ours, theirs):
            await ours.close()
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await ours.read(1)
            self.assertTrue(scope.cancelled_caught)

        self.run_pair(body)

    def test_cancelled_code_closes_without_waiting(self):  # 25.11
        async def body(ours, theirs):
            await ours.write(b"x" * 10_000_000)
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await ours.close()
            self.assertFalse(scope.cancelled_caught)
            self.assertLess(len(await theirs.read()), 10_000_000)

        self.run_pair(body)

    def test_the_end_of_a_with_waits_5_s_and_after_an_error_not(self):  # 25.11
        async def body(ours, theirs):
            started = weft.now()
            async with ours:
                await ours.write(b"x" * 10_000_000)
            self.assertEqual(5, weft.now() - started)
            with self.assertRaises(KeyError):
                async with theirs:
                    await theirs.write(b"x")
                    raise KeyError
            self.assertEqual(5, weft.now() - started)

        self.run_pair(body)

    def test_one_that_is_collected_is_closed_and_reported(self):  # 25.12
        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                ours = await weft.connect("127.0.0.1", listener.port())
                async with await listener.accept() as theirs:
                    del ours
                    self.assertEqual(b"", await theirs.read())

        self.expect_report("unclosed", weft.Error)
        self.run_main(main)

    def test_it_may_be_collected_in_another_thread(self):  # 25.12
        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                held = [await weft.connect("127.0.0.1", listener.port())]
                async with await listener.accept() as theirs:
                    await weft.to_thread(held.clear)
                    self.assertEqual(b"", await theirs.read())

        self.expect_report("unclosed", weft.Error)
        self.run_main(main)

    def test_one_that_outlives_the_run_does_no_harm(self):
        kept = []

        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                kept.append(await weft.connect("127.0.0.1", listener.port()))

        self.run_main(main)
        kept.clear()


class Descriptors(IoCase):
    def test_a_pipe_is_a_stream_that_closes_it(self):
        async def main():
            reading, writing = os.pipe()
            async with weft.open_stream(reading) as source:
                async with weft.open_stream(writing) as sink:
                    await sink.write(b"x")
                    with self.assertRaises(weft.OSError):
                        await sink.read(1)
                self.assertEqual(b"x", await source.read())
                with self.assertRaises(weft.OSError):
                    await source.write(b"x")
                self.assertEqual("", source.peer())

        self.run_main(main)

    def test_a_file_is_none_and_stays_open(self):
        async def main():
            with open(self.path("a"), "wb") as file:
                with self.assertRaises(weft.OSError):
                    weft.open_stream(file.fileno())
                file.write(b"x")
            with self.assertRaises(weft.ArgumentError):
                weft.open_stream(-1)

        self.run_main(main)


class Addresses(Pairs):
    def test_both_ends_know_both_addresses(self):
        async def body(ours, theirs):
            self.assertEqual(ours.peer(), theirs.local_address())
            self.assertEqual(ours.local_address(), theirs.peer())
            self.assertRegex(ours.peer(), r"^127\.0\.0\.1:\d+$")
            self.assertFalse(ours.is_terminal())

        self.run_pair(body)

    def test_a_unix_socket_has_its_path(self):
        async def body(ours, theirs):
            self.assertEqual("unix:" + self.path("socket"), ours.peer())
            with self.assertRaises(weft.OSError):
                ours.set_nodelay(True)

        self.run_pair(body, unix=True)

    def test_options_of_tcp(self):
        async def body(ours, theirs):
            ours.set_nodelay(False)
            ours.set_keepalive(30)
            ours.set_keepalive(None)
            with self.assertRaises(weft.ArgumentError):
                ours.set_keepalive(0)

        self.run_pair(body)


class Connecting(IoCase):
    def free_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return taken.getsockname()[1]

    def test_a_refused_connection_tells_where(self):  # 26.1
        async def main():
            port = self.free_port()
            with self.assertRaises(ConnectionRefusedError) as caught:
                await weft.connect("127.0.0.1", port)
            self.assertIn(f"127.0.0.1:{port}", str(caught.exception))
            cause = caught.exception.__cause__
            self.assertIsInstance(cause, weft.ErrorGroup)
            self.assertEqual(1, len(cause.exceptions))

        self.run_main(main)

    def test_bad_arguments_are_named(self):
        async def main():
            for port in (0, 65536, -1, "80", None):
                with self.assertRaises(weft.ArgumentError):
                    await weft.connect("127.0.0.1", port)
            with self.assertRaises(TypeError):
                await weft.connect(5, 80)

        self.run_main(main)

    def test_a_path_without_a_socket_is_named(self):
        async def main():
            with self.assertRaises(FileNotFoundError) as caught:
                await weft.connect_unix(self.path("nothing"))
            self.assertEqual(self.path("nothing"), caught.exception.filename)

        self.run_main(main)

    def test_cancelled_it_leaves_nothing(self):  # 26.1
        async def main():
            listener = weft.listen_unix(self.path("full"), backlog=1)
            waiting = []

            async def fill():
                while True:
                    waiting.append(await weft.connect_unix(self.path("full")))

            await self.cancelled_in(fill())  # the server accepts nothing
            await self.timed_out_in(weft.connect_unix(self.path("full")))
            for stream in waiting:
                stream.abort()
            listener.close()

        self.run_main(main)
