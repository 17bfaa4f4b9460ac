# SPDX-License-Identifier: MIT
"""Codes as exceptions, and values and errors that cross the core."""

import builtins
import errno
import threading

import weft
from helper import Case
from weft import abi, errors


class Codes(Case):
    def raises(self, code, function, *args):
        with self.assertRaises(weft.Error) as caught:
            function(*args)
        self.assertEqual(code, caught.exception.code)
        return caught.exception

    def test_a_stale_handle_or_one_of_another_kind_is_a_bad_one(self):
        async def main():
            rt = weft.runtime()
            event = abi.weft_event_new(rt)
            self.raises(abi.WEFT_EBADF, abi.weft_timer_close, rt, event)
            abi.weft_event_close(rt, event)
            error = self.raises(abi.WEFT_EBADF, abi.weft_event_set, rt, event)
            self.assertIsInstance(error, weft.ArgumentError)
            self.assertIsInstance(error, ValueError)
            for number in (0, 1, 2**53, 2**64 - 1):
                self.raises(abi.WEFT_EBADF, abi.weft_event_set, rt, number)
            for number in (-1, 2**64):
                with self.assertRaises(OverflowError):
                    abi.weft_event_set(rt, number)

        self.run_main(main)

    def test_a_call_from_another_thread_is_an_invalid_state(self):  # 1.11
        async def main():
            rt = weft.runtime()
            found = []

            def other():
                for call in (abi.weft_now, abi.weft_event_new, abi.weft_yield,
                             abi.weft_run, abi.weft_runtime_free):
                    try:
                        call(rt)
                    except weft.InvalidStateError as error:
                        found.append(error.code)
                    try:
                        weft.runtime()
                    except weft.InvalidStateError as error:
                        found.append(error.code)

            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            self.assertEqual([abi.WEFT_ETHREAD, abi.WEFT_ESTATE] * 5, found)

        self.run_main(main)

    def test_parking_outside_a_task_is_an_invalid_state(self):
        def call():
            coroutine = weft.sleep(1)
            try:
                coroutine.send(None)
            except weft.InvalidStateError as error:
                self.log.append(error.code)

        async def main():
            weft.call_soon(call)
            await weft.yield_()

        self.run_main(main)
        self.assertEqual([abi.WEFT_ESTATE], self.log)

    def test_outside_a_run_there_is_no_runtime(self):
        for call in (weft.now, weft.Event, weft.runtime):
            self.raises(abi.WEFT_ESTATE, call)
        self.assertIsNone(weft.current_task())
        coroutine = self.note("ran")
        self.raises(abi.WEFT_ESTATE, weft.spawn, coroutine)
        coroutine.close()

    def test_a_freed_runtime_is_an_invalid_state(self):
        rt = abi.weft_runtime_new()
        abi.weft_runtime_free(rt)
        self.raises(abi.WEFT_ESTATE, abi.weft_now, rt)
        self.raises(abi.WEFT_ESTATE, weft.post, rt, print)
        self.raises(abi.WEFT_ESTATE, abi.weft_runtime_free, rt)

    def test_arguments_of_another_type_are_type_errors(self):
        async def main():
            rt = weft.runtime()
            for call, args in (
                    (abi.weft_now, (None,)), (abi.weft_now, ("rt",)),
                    (abi.weft_event_set, (rt, "x")),
                    (abi.weft_call_soon, (rt, None)),
                    (abi.weft_task_set_name,
                     (rt, weft.current_task().handle, None)),
                    (abi.weft_waitlist_new, (rt, 1)),
                    (abi.weft_report, (rt, 1, 0, "no exception")),
                    (abi.weft_now, ())):
                with self.assertRaises(TypeError):
                    call(*args)

        self.run_main(main)

    def test_every_code_has_its_class(self):
        codes = {name: value for name, value in vars(abi).items()
                 if name.startswith("WEFT_E") and isinstance(value, int)
                 and value < 0}
        self.assertGreater(len(codes), 50)
        for code in codes.values():
            error = errors.make(code)
            self.assertEqual(code, error.code)
            name = abi.weft_error_class(code)
            if code != abi.WEFT_EGROUP:
                self.assertIsInstance(error, getattr(weft, name))

    def test_the_systems_errors_are_pythons_too(self):
        error = errors.make(abi.WEFT_ECONNREFUSED)
        self.assertIsInstance(error, weft.OSError)
        self.assertIsInstance(error, builtins.ConnectionRefusedError)
        self.assertEqual(errno.ECONNREFUSED, error.errno)
        self.assertIsInstance(errors.make(abi.WEFT_ENOMEM), MemoryError)
        self.assertIsInstance(errors.make(abi.WEFT_ETIMEDOUT_OS),
                              builtins.TimeoutError)


class Crossing(Case):
    def cross(self, value):
        """What comes back of a value that was given to the core."""
        async def main():
            with weft.move_on_after(None) as scope:
                scope.cancel(value)
                try:
                    await weft.checkpoint()
                except weft.CancelledError as error:
                    return error.reason

        return self.run_main(main)

    def test_values_come_back_as_they_were(self):
        for value in (None, True, False, 0, -2**63, 2**63 - 1, 1.5, "",
                      "naïve", b"\xff\xfe", [], [1, [2, "x"]], {},
                      {"a": {1: None}}):
            result = self.cross(value)
            self.assertEqual((type(value), value), (type(result), result))

    def test_tuples_come_back_as_lists_and_utf8_as_text(self):
        self.assertEqual([1, 2], self.cross((1, 2)))
        self.assertEqual("text", self.cross(b"text"))

    def test_other_objects_come_back_themselves(self):
        for value in (object(), ValueError("x"), {1, 2}, self.cross):
            self.assertIs(value, self.cross(value))

    def test_what_the_core_cannot_hold_is_an_argument_error(self):
        endless = []
        endless.append(endless)
        for value in (2**63, endless, [1, {"a": 2**70}]):
            with self.assertRaises(weft.ArgumentError):
                self.cross(value)
        with self.assertRaises(UnicodeEncodeError):
            self.cross("\ud800")

    def test_an_exception_crosses_as_code_name_message_and_traceback(self):
        async def main():
            task = weft.spawn(self.fail_with(weft.BusyError("mine"), 1))
            done = []
            abi.weft_task_on_done(weft.runtime(), task.handle,
                                  lambda: done.append(task.exception()))
            await weft.sleep(2)
            self.assertEqual([weft.BusyError], [type(e) for e in done])

        self.run_main(main)

    def test_an_error_of_the_core_reads_as_one(self):
        error = errors.from_core(abi.WEFT_EHOST, "KeyError", "x",
                                 "job.lua:3\n", "job", None, [])
        self.assertEqual("KeyError: x", str(error))
        self.assertEqual(["job.lua:3", "in task 'job'"], error.__notes__)


class Running(Case):
    def test_run_gives_the_result_or_raises(self):  # 22.1
        async def good():
            return 42

        self.assertEqual(42, self.run_main(good))
        with self.assertRaises(KeyError):
            weft.run(self.fail_with(KeyError("x")))
        with self.assertRaises(TypeError):
            weft.run(good)

    def test_a_main_that_ends_cancelled_raises(self):  # 22.1
        async def main():
            weft.current_task().cancel("enough")
            await weft.checkpoint()

        with self.assertRaises(weft.TaskCancelledError) as caught:
            self.run_main(main)
        self.assertEqual("enough", caught.exception.reason)

    def test_a_run_within_a_run_is_refused(self):  # 22.1
        async def main():
            with self.assertRaises(weft.InvalidStateError):
                weft.run(self.note("ran"))

        self.run_main(main)
        self.assertEqual([], self.log)

    def test_each_thread_may_run_its_own(self):  # 22.1
        async def main():
            thread = threading.Thread(target=lambda: self.log.append(
                weft.run(self.note("inner", 3), virtual_clock=True)))
            thread.start()
            thread.join()
            return weft.now()

        self.assertEqual(0.0, self.run_main(main))
        self.assertEqual(["inner", "inner"], self.log)

    def test_a_task_that_will_not_end_is_given_up_and_named(self):  # 22.5
        async def stubborn():
            while True:
                try:
                    await weft.sleep_forever()
                except weft.CancelledError:
                    pass

        async def main():
            weft.spawn(stubborn(), name="stubborn")
            await weft.yield_()
            raise KeyError("main's own")

        self.expect_report("given up", weft.InvalidStateError)
        with self.assertRaises(weft.InvalidStateError) as caught:
            self.run_main(main)
        self.assertEqual(abi.WEFT_EGIVENUP, caught.exception.code)
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        self.assertEqual("stubborn", self.reports[0][1])
