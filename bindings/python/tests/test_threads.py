# SPDX-License-Identifier: MIT
"""Other threads, the GIL, signals."""

import os
import signal
import sys
import threading
import unittest

import weft
from helper import Case


class Threads(Case):
    def test_a_post_from_another_thread_wakes_the_loop(self):  # 1.2
        async def main():
            rt, event = weft.runtime(), weft.Event()
            thread = threading.Thread(target=weft.post, args=(rt, event.set))
            thread.start()
            await event.wait()
            thread.join()

        self.run_main(main, virtual_clock=False)

    def test_posts_are_run_in_their_order_in_the_runtimes_thread(self):  # 1.2
        async def main():
            rt, event = weft.runtime(), weft.Event()
            here = threading.get_ident()

            def call(number):
                self.assertEqual(here, threading.get_ident())
                self.log.append(number)

            def other():
                for number in range(100):
                    weft.post(rt, call, number)
                weft.post(rt, event.set)

            thread = threading.Thread(target=other)
            thread.start()
            await event.wait()
            thread.join()

        self.run_main(main, virtual_clock=False)
        self.assertEqual(list(range(100)), self.log)

    def test_the_gil_is_free_while_the_runtime_waits(self):  # 31.3
        """With this switch interval a thread runs only if another one lets go
        of the GIL, and main does not before the poll."""
        async def main():
            rt, event, go = weft.runtime(), weft.Event(), threading.Event()

            def other():
                go.wait()
                self.log.append("other")
                weft.post(rt, event.set)

            thread = threading.Thread(target=other)
            thread.start()
            interval = sys.getswitchinterval()
            sys.setswitchinterval(1000)
            try:
                go.set()
                self.log.append("main")
                await event.wait()
            finally:
                sys.setswitchinterval(interval)
            thread.join()

        self.run_main(main, virtual_clock=False)
        self.assertEqual(["main", "other"], self.log)


class Signals(Case):
    def setUp(self):
        super().setUp()
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def interrupted(self, number):
        async def main():
            try:
                os.kill(os.getpid(), number)
                await weft.sleep_forever()
            except weft.CancelledError as error:
                self.log.append((error.source, error.reason))
                with weft.shield():
                    await weft.sleep(0)
                self.log.append("cleaned up")
                raise

        self.run_main(main)

    def test_an_interrupt_cancels_main_and_is_raised_by_run(self):  # 23.1
        with self.assertRaises(KeyboardInterrupt):
            self.interrupted(signal.SIGINT)
        self.assertEqual([("signal", "SIGINT"), "cleaned up"], self.log)
        self.assertIs(signal.default_int_handler,
                      signal.getsignal(signal.SIGINT))

    def test_so_does_a_request_to_terminate(self):  # 23.2
        with self.assertRaises(SystemExit) as caught:
            self.interrupted(signal.SIGTERM)
        self.assertEqual(143, caught.exception.code)
        self.assertEqual([("signal", "SIGTERM"), "cleaned up"], self.log)

    def test_a_handler_of_the_programs_own_is_left_alone(self):  # 23.5
        async def main():
            os.kill(os.getpid(), signal.SIGINT)
            await weft.sleep(1)

        signal.signal(signal.SIGINT, lambda *_: self.log.append("mine"))
        self.run_main(main)
        self.assertEqual(["mine"], self.log)


if __name__ == "__main__":
    unittest.main()
