# SPDX-License-Identifier: MIT
"""UDP sockets."""

import weft
from helper import IoCase


class Datagrams(IoCase):
    def run_pair(self, body):
        async def main():
            with weft.udp("127.0.0.1") as one, weft.udp("127.0.0.1") as two:
                await body(one, two)

        self.run_main(main)

    def test_one_comes_whole_with_its_sender(self):  # 27.1
        async def body(one, two):
            for data in (b"first", b"", b"x" * 60_000):
                await one.send(data, "localhost", two.port())
                self.assertEqual((data, one.local_address()),
                                 await two.receive())

        self.run_pair(body)

    def test_a_cancelled_receive_loses_none(self):  # 27.1
        async def body(one, two):
            await self.cancelled_in(two.receive())
            await self.timed_out_in(two.receive())
            await one.send(b"x", "127.0.0.1", two.port())
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await two.receive()
            self.assertEqual(b"x", (await two.receive())[0])

        self.run_pair(body)

    def test_connected_ones_need_no_address(self):
        async def body(one, two):
            with self.assertRaises(weft.OSError) as caught:
                await one.send(b"x")
            self.assertEqual(weft.abi.WEFT_EDESTADDRREQ, caught.exception.code)
            await one.connect("127.0.0.1", two.port())
            self.assertEqual(two.local_address(), one.peer())
            await one.send(b"x")
            self.assertEqual(b"x", (await two.receive())[0])
            await one.connect(None)
            with self.assertRaises(weft.OSError):
                one.peer()

        self.run_pair(body)

    def test_one_receives_at_a_time_until_it_is_closed(self):  # 27.1
        async def body(one, two):
            task = weft.spawn(two.receive())
            await weft.yield_()
            with self.assertRaises(weft.BusyError):
                await two.receive()
            two.close()
            with self.assertRaises(weft.ClosedError):
                await task
            for call in (two.receive(), two.send(b"x", "127.0.0.1", 1)):
                with self.assertRaises(weft.ClosedError):
                    await call

        self.run_pair(body)

    def test_what_cannot_be_sent_is_told(self):
        async def body(one, two):
            with self.assertRaises(weft.OSError) as caught:
                await one.send(b"x" * 70_000, "127.0.0.1", two.port())
            self.assertEqual(weft.abi.WEFT_EMSGSIZE, caught.exception.code)
            with self.assertRaises(TypeError):
                await one.send("text", "127.0.0.1", two.port())
            with self.assertRaises(weft.OSError) as caught:
                weft.udp("127.0.0.1", two.port())
            self.assertIn(two.local_address(), str(caught.exception))

        self.run_pair(body)
