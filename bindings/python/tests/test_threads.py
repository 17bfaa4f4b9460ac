# SPDX-License-Identifier: MIT
"""Functions in threads; other threads, the GIL, signals."""

import contextvars
import os
import signal
import sys
import threading
import time
import traceback
import unittest

import weft
from helper import Case, IoCase


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


class Functions(IoCase):
    """weft.to_thread."""

    def test_it_has_its_arguments_and_gives_its_result(self):
        async def main():
            def function(*args, **kwargs):
                return args, kwargs, threading.current_thread()

            args, kwargs, thread = await weft.to_thread(function, 1, a=2)
            self.assertEqual(((1,), {"a": 2}), (args, kwargs))
            self.assertIsNot(threading.main_thread(), thread)

        self.run_main(main)

    def test_its_exception_keeps_its_traceback(self):  # 24.5
        error = KeyError("why")

        def function():
            raise error

        async def main():
            try:
                await weft.to_thread(function)
            except KeyError as caught:
                self.assertIs(error, caught)
            names = [frame.name for frame in
                     traceback.extract_tb(error.__traceback__)]
            self.assertEqual(["main", "to_thread"], names[:2])
            self.assertEqual("function", names[-1])

        self.run_main(main)

    def test_it_sees_the_context_of_its_caller(self):
        variable = contextvars.ContextVar("variable", default=0)

        async def main():
            variable.set(5)
            self.assertEqual(5, await weft.to_thread(variable.get))
            await weft.to_thread(variable.set, 6)
            self.assertEqual(5, variable.get())

        self.run_main(main)

    def test_tasks_run_meanwhile(self):
        async def main():
            go = threading.Event()
            task = weft.spawn(weft.to_thread(go.wait))
            await weft.yield_()
            go.set()
            self.assertTrue(await task)

        self.run_main(main)

    def test_once_it_runs_it_is_waited_for(self):  # 24.2
        async def main():
            started, go = threading.Event(), threading.Event()

            def function():
                started.set()
                go.wait()
                return "done"

            async def job():
                self.log.append(await weft.to_thread(function))
                await weft.checkpoint()
                self.log.append("never")

            task = weft.spawn(job())
            while not started.is_set():
                await weft.yield_()
            task.cancel()
            await weft.yield_()
            self.assertFalse(task.done())
            go.set()
            with self.assertRaises(weft.TaskCancelledError):
                await task

        self.run_main(main)
        self.assertEqual(["done"], self.log)

    def test_cancelled_before_it_is_not_called(self):  # 24.2
        async def main():
            with weft.move_on_after(None) as scope:
                scope.cancel()
                await weft.to_thread(self.log.append, "called")
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)
        self.assertEqual([], self.log)

    def test_forty_run_at_once_and_who_waits_can_be_cancelled(self):  # 24.4
        async def main():
            go = threading.Event()
            running = set()

            def function(i):
                running.add(i)
                go.wait()

            async with weft.TaskGroup() as group:
                for i in range(40):
                    group.spawn(weft.to_thread(function, i))
                while len(running) < 40:
                    await weft.sleep(0.001)
                with weft.move_on_after(0.01) as scope:
                    await weft.to_thread(running.add, "no place")
                self.assertTrue(scope.cancelled_caught)
                # what has threads of its own goes on
                self.assertTrue(await weft.fs.exists("/"))
                await weft.dns.lookup("localhost")
                go.set()
            self.assertEqual(set(range(40)), running)

        self.run_main(main, virtual_clock=False)

    def test_an_abandoned_one_runs_on_alone(self):  # 24.3
        async def main():
            go, over = threading.Event(), threading.Event()

            def function():
                go.wait()
                over.set()

            with weft.move_on_after(0.01) as scope:
                await weft.to_thread(function, abandon_on_cancel=True)
            self.assertTrue(scope.cancelled_caught)
            self.assertFalse(over.is_set())
            go.set()
            while not over.is_set():
                await weft.sleep(0.001)

        self.run_main(main, virtual_clock=False)

    def test_the_failure_of_an_abandoned_one_is_reported(self):  # 24.3
        async def main():
            go = threading.Event()

            def function():
                go.wait()
                raise KeyError("late")

            with self.assertRaises(weft.TimeoutError):
                with weft.timeout(0.01):
                    await weft.to_thread(function, abandon_on_cancel=True)
            go.set()
            while not self.reports:
                await weft.sleep(0.001)

        self.expect_report("failure", KeyError)
        self.run_main(main, virtual_clock=False)

    def test_the_end_of_the_run_waits_for_an_abandoned_one(self):  # 22.6
        go = threading.Event()

        def function():
            go.wait()
            time.sleep(0.05)
            self.log.append("over")

        async def main():
            with weft.move_on_after(0.01):
                await weft.to_thread(function, abandon_on_cancel=True)
            go.set()

        self.run_main(main, virtual_clock=False)
        self.assertEqual(["over"], self.log)

    def test_the_virtual_clock_stands_still_meanwhile(self):  # 30.2
        async def main():
            with weft.timeout(1):
                await weft.to_thread(time.sleep, 0.05)

        self.run_main(main)
