# SPDX-License-Identifier: MIT
"""Callbacks: what they are given, what they raise, and that they are dropped
exactly once."""

import contextlib
import gc
import io
import os
import sys
import threading
import weakref

import weft
from helper import Case
from weft import abi


class Function:
    """A callable that can be watched."""

    def __init__(self, log=None):
        self.log = log

    def __call__(self, *args):
        if self.log is not None:
            self.log.append(args)


class Drop(Case):
    def check(self, use):
        """use(function) must leave no reference behind, nor take one away."""
        async def main():
            function = Function()
            before = sys.getrefcount(function)
            for _ in range(3):
                use(function)
                await weft.sleep(1)
            self.assertEqual(before, sys.getrefcount(function))

        self.run_main(main)

    def test_after_the_call_was_made(self):
        self.check(lambda f: abi.weft_timer_close(
            weft.runtime(), abi.weft_call_soon(weft.runtime(), f)))

    def test_after_the_call_was_prevented(self):
        self.check(lambda f: abi.weft_timer_cancel(
            weft.runtime(), abi.weft_call_at(weft.runtime(), 2**64 - 1, f)))

    def test_while_it_waits_it_is_held(self):
        async def main():
            function = Function()
            before = sys.getrefcount(function)
            call = weft.call_later(1, function)
            self.assertEqual(before + 1, sys.getrefcount(function))
            await weft.sleep(2)
            self.assertEqual(before, sys.getrefcount(function))
            self.assertFalse(call.cancel())

        self.run_main(main)

    def test_when_the_call_is_refused(self):
        def use(function):
            with self.assertRaises(weft.ArgumentError):
                abi.weft_task_on_done(weft.runtime(), 12345, function)

        self.check(use)

    def test_when_the_call_comes_from_another_thread(self):
        def use(function):
            found = []

            def other():
                try:
                    abi.weft_call_soon(rt, function)
                except weft.InvalidStateError as error:
                    found.append(error.code)

            rt = weft.runtime()
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            self.assertEqual([abi.WEFT_ETHREAD], found)

        self.check(use)

    def test_when_another_argument_is_bad(self):
        def use(function):
            with self.assertRaises(TypeError):
                abi.weft_resolve_start(weft.runtime(), 5, function)
            with self.assertRaises(TypeError):
                abi.weft_call_at(weft.runtime(), "soon", function)

        self.check(use)

    def test_at_the_end_of_the_runtime(self):
        function = Function(self.log)
        before = sys.getrefcount(function)

        async def main():
            weft.call_later(1, function)
            abi.weft_post(weft.runtime(), function)

        self.run_main(main)
        self.assertEqual(before, sys.getrefcount(function))

    def test_of_a_watch_when_it_is_closed(self):
        read, write = os.pipe()

        def use(function):
            rt = weft.runtime()
            watch = abi.weft_watch_new(rt, read, function)
            abi.weft_watch_set(rt, watch, abi.WEFT_READABLE)
            with self.assertRaises(weft.Error):
                abi.weft_watch_new(rt, read, function)
            abi.weft_watch_close(rt, watch)

        self.check(use)
        os.close(read)
        os.close(write)


class Raising(Case):
    def test_what_a_callback_raises_is_reported(self):  # 1.9
        failure = ValueError("why")

        def call():
            raise failure

        async def main():
            weft.call_soon(call)
            await weft.sleep(1)
            self.assertEqual(1, len(self.reports))

        self.expect_report("callback", ValueError)
        self.run_main(main)
        kind, task, error = self.reports[0]
        self.assertIs(failure, error)
        self.assertIsNone(task)

    def test_without_a_report_function_it_is_printed(self):  # 29.1
        def call():
            raise ValueError("why")

        async def main():
            weft.call_soon(call)
            weft.spawn(self.fail_with(KeyError("unseen")), name="x")
            await weft.sleep(1)

        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            weft.run(main(), virtual_clock=True)
        text = stderr.getvalue()
        self.assertIn("weft: a callback failed", text)
        self.assertIn("ValueError: why", text)
        self.assertIn("weft: task 'x': failed, and nobody asked", text)
        self.assertIn("KeyError: 'unseen'", text)

    def test_if_the_report_function_fails_both_are_printed(self):  # 29.1
        def report(kind, task, error):
            raise RuntimeError("in the report")

        async def main():
            weft.spawn(self.fail_with(KeyError("unseen")))
            await weft.sleep(1)
            return "went on"

        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            result = weft.run(main(), report=report, virtual_clock=True)
        self.assertEqual("went on", result)
        self.assertIn("KeyError: 'unseen'", stderr.getvalue())
        self.assertIn("RuntimeError: in the report", stderr.getvalue())

    def test_a_report_function_is_a_function(self):
        with self.assertRaises(TypeError):
            weft.run(self.note("ran"), report="stderr")


class Kinds(Case):
    def test_a_watch_is_called_with_what_is_possible(self):
        async def main():
            rt = weft.runtime()
            read, write = os.pipe()
            event = weft.Event()

            def on_readable(status, events):
                self.log.append((status, events, os.read(read, 9)))
                event.set()

            watch = abi.weft_watch_new(rt, read, on_readable)
            abi.weft_watch_set(rt, watch, abi.WEFT_READABLE)
            os.write(write, b"x")
            await event.wait()
            abi.weft_watch_close(rt, watch)
            os.close(read)
            os.close(write)

        self.run_main(main, virtual_clock=False)
        self.assertEqual([(0, abi.WEFT_READABLE, b"x")], self.log)

    def test_a_lookup_is_called_with_addresses(self):
        async def main():
            event = weft.Event()

            def on_answer(status, addresses):
                self.log.append((status, addresses))
                event.set()

            lookup = abi.weft_resolve_start(weft.runtime(), "127.0.0.1",
                                            on_answer)
            self.assertGreater(lookup, 0)
            await event.wait()

        self.run_main(main)
        self.assertEqual([(0, ["127.0.0.1"])], self.log)

    def test_a_function_can_be_the_step_of_a_task(self):  # 3.11
        steps = []

        async def main():
            rt = weft.runtime()

            def step(status, value):
                steps.append((status, value, weft.now()))
                if len(steps) < 3:
                    return abi.weft_sleep_until(rt, len(steps) * 10**9)

            handle = abi.weft_spawn_step(rt, 0, step)
            parked = abi.weft_task_await(rt, handle)
            await parked
            state = abi.weft_task_get_state(rt, handle)
            self.assertEqual(abi.WEFT_TASK_FINISHED, state)
            abi.weft_task_close(rt, handle)

        self.run_main(main)
        self.assertEqual([(0, 0, 0.0), (0, 0, 1.0), (0, 0, 2.0)], steps)

    def test_a_step_that_raises_fails_its_task(self):
        failure = ValueError("why")

        def step(status, value):
            raise failure

        async def main():
            rt = weft.runtime()
            handle = abi.weft_spawn_step(rt, 0, step)
            await weft.sleep(1)
            self.assertIs(failure, abi.weft_task_get_error(rt, handle))
            abi.weft_task_close(rt, handle)

        self.run_main(main)

    def test_a_wait_list_delivers_a_value(self):
        async def waiter(rt, waiters):
            return await abi.weft_waitlist_park(rt, waiters)

        async def main():
            rt = weft.runtime()
            waiters = abi.weft_waitlist_new(rt, "post office")
            task = weft.spawn(waiter(rt, waiters))
            await weft.yield_()
            self.assertEqual(
                ["post office", waiters, 2**64 - 1],
                abi.weft_task_get_wait(rt, task.handle))
            woken = abi.weft_waitlist_wake(rt, waiters, 0, 2**64 - 1)
            self.assertEqual(task.handle, woken)
            self.assertEqual(2**64 - 1, await task)
            task = weft.spawn(waiter(rt, waiters))
            await weft.yield_()
            abi.weft_waitlist_close(rt, waiters)
            with self.assertRaises(weft.ClosedError):
                await task

        self.run_main(main)


class Timers(Case):
    def test_a_call_may_cancel_itself(self):  # 2.6
        async def main():
            rt = weft.runtime()

            def call():
                self.log.append(abi.weft_timer_cancel(rt, timers[0]))

            timers = [abi.weft_call_soon(rt, call)]
            await weft.yield_()
            weft.call_soon(self.log.append, "a")
            weft.call_soon(self.log.append, "b")
            await weft.yield_()

        self.run_main(main)
        self.assertEqual([0, "a", "b"], self.log)

    def test_a_call_let_go_is_made_all_the_same(self):
        async def main():
            function = Function(self.log)
            reference = weakref.ref(function)
            weft.call_later(1, function)
            del function
            gc.collect()
            await weft.sleep(2)
            self.assertIsNone(reference())

        self.run_main(main)
        self.assertEqual([()], self.log)
