# SPDX-License-Identifier: MIT
"""Listeners: accepting one connection, and serving all."""

import os

import weft
from helper import IoCase


class Accepting(IoCase):
    def test_it_knows_its_addresses(self):
        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                self.assertEqual(f"127.0.0.1:{listener.port()}",
                                 listener.address())
                self.assertEqual([listener.address()], listener.addresses())
                with self.assertRaises(weft.OSError) as caught:
                    await weft.listen("127.0.0.1", listener.port())
                self.assertEqual(weft.abi.WEFT_EADDRINUSE,
                                 caught.exception.code)
                self.assertIn(listener.address(), str(caught.exception))

        self.run_main(main)

    def test_ports_can_be_shared(self):
        async def main():
            one = await weft.listen("127.0.0.1", reuseport=True)
            two = await weft.listen("127.0.0.1", one.port(), reuseport=True)
            self.assertEqual(one.port(), two.port())
            one.close()
            two.close()

        self.run_main(main)

    def test_a_cancelled_accept_loses_no_connection(self):  # 26.2
        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                await self.cancelled_in(listener.accept())
                await self.timed_out_in(listener.accept())
                async with await weft.connect("127.0.0.1", listener.port()):
                    with weft.move_on_after(None) as scope:
                        scope.cancel()
                        await listener.accept()
                    (await listener.accept()).abort()

        self.run_main(main)

    def test_one_accepts_at_a_time_until_it_is_closed(self):  # 26.5
        async def main():
            listener = await weft.listen("127.0.0.1")
            task = weft.spawn(listener.accept())
            await weft.yield_()
            with self.assertRaises(weft.BusyError):
                await listener.accept()
            listener.close()
            listener.close()
            with self.assertRaises(weft.ClosedError):
                await task
            for call in (listener.accept(), listener.serve(print)):
                with self.assertRaises(weft.ClosedError):
                    await call
            with self.assertRaises(weft.ClosedError):
                listener.address()

        self.run_main(main)

    def test_a_unix_socket_goes_with_its_listener(self):  # 26.5
        async def main():
            path = self.path("socket")
            with weft.timeout(1):
                async with weft.listen_unix(path, mode=0o600) as listener:
                    self.assertEqual("unix:" + path, listener.address())
                    self.assertIsNone(listener.port())
                    self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
                    with self.assertRaises(OSError) as caught:
                        weft.listen_unix(path)
                    self.assertEqual(path, caught.exception.filename)
            self.assertFalse(os.path.exists(path))

        self.run_main(main)


class Serving(IoCase):
    def run_server(self, handler, body, **options):
        async def main():
            async with await weft.listen("127.0.0.1") as listener:
                serving = weft.spawn(listener.serve(handler, **options))
                await body(listener, serving)

        self.run_main(main)

    async def echo(self, stream):
        async for line in stream:
            await stream.write(line)

    async def ask(self, listener, line):
        port = listener.port()
        async with await weft.connect("127.0.0.1", port) as stream:
            await stream.write(line)
            return await stream.readline()

    def test_each_connection_has_a_handler(self):  # 26.3
        async def body(listener, serving):
            async with weft.TaskGroup() as group:
                tasks = [group.spawn(self.ask(listener, b"%d\n" % i))
                         for i in range(20)]
            self.assertEqual([b"%d\n" % i for i in range(20)],
                             [task.result() for task in tasks])
            listener.close()
            self.assertTrue(await serving)

        self.run_server(self.echo, body)

    def test_no_more_than_the_limit_run_at_once(self):  # 26.3
        running = most = 0

        async def handler(stream):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await self.echo(stream)
            running -= 1

        async def body(listener, serving):
            async with weft.TaskGroup() as group:
                for i in range(9):
                    group.spawn(self.ask(listener, b"%d\n" % i))
            listener.close()
            self.assertTrue(await serving)
            self.assertEqual(2, most)

        self.run_server(handler, body, limit=2)

    def test_a_failure_ends_its_connection_only(self):  # 26.4
        async def handler(stream):
            line = await stream.readline()
            if line == b"bad\n":
                raise ValueError(line)
            await stream.write(line)

        async def body(listener, serving):
            self.assertEqual(b"", await self.ask(listener, b"bad\n"))
            self.assertEqual(b"ok\n", await self.ask(listener, b"ok\n"))
            listener.close()
            self.assertTrue(await serving)

        self.expect_report("failure", ValueError)
        self.run_server(handler, body)

    def test_after_its_close_it_waits_for_the_handlers(self):  # 26.4
        async def body(listener, serving):
            port = listener.port()
            async with await weft.connect("127.0.0.1", port) as stream:
                await stream.write(b"a\n")
                self.assertEqual(b"a\n", await stream.readline())
                listener.close()
                await weft.sleep(100)
                self.assertFalse(serving.done())
                await stream.write(b"b\n")
                self.assertEqual(b"b\n", await stream.readline())
            self.assertTrue(await serving)

        self.run_server(self.echo, body)

    def test_those_left_when_the_drain_is_over_are_cancelled(self):  # 26.4
        async def body(listener, serving):
            port = listener.port()
            async with await weft.connect("127.0.0.1", port) as stream:
                await stream.write(b"a\n")
                self.assertEqual(b"a\n", await stream.readline())
                started = weft.now()
                listener.close()
                self.assertFalse(await serving)
                self.assertEqual(3, weft.now() - started)
                self.assertEqual(b"", await stream.read())

        self.run_server(self.echo, body, drain=3)

    def test_cancelled_it_cancels_its_handlers(self):  # 26.4
        async def body(listener, serving):
            port = listener.port()
            async with await weft.connect("127.0.0.1", port) as stream:
                await stream.write(b"a\n")
                self.assertEqual(b"a\n", await stream.readline())
                serving.cancel()
                with self.assertRaises(weft.TaskCancelledError):
                    await serving
                self.assertEqual(b"", await stream.read())
            await self.timed_out_in(listener.serve(self.echo))

        self.run_server(self.echo, body)

    def test_a_connection_whose_handler_has_not_begun_is_closed_too(self):
        async def body(listener, serving):
            port = listener.port()
            while not serving.done():
                async with await weft.connect("127.0.0.1", port) as stream:
                    weft.call_soon(serving.cancel)
                    self.assertEqual(b"", await stream.read())
            with self.assertRaises(weft.TaskCancelledError):
                await serving

        self.run_server(self.echo, body)

    def test_a_second_one_is_refused(self):  # 26.5
        async def body(listener, serving):
            await weft.yield_()
            for call in (listener.serve(self.echo), listener.accept()):
                with self.assertRaises(weft.BusyError):
                    await call
            with self.assertRaises(TypeError):
                await listener.serve(None)
            for bad in ({"limit": 0}, {"limit": "x"}, {"drain": "x"}):
                with self.assertRaises(weft.ArgumentError):
                    await listener.serve(self.echo, **bad)

        self.run_server(self.echo, body)
