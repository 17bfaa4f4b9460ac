# SPDX-License-Identifier: MIT
"""Scopes: timeouts, shields, and cancellation as a level."""

import builtins

import weft
from helper import Case


class Timeouts(Case):
    def test_a_timeout_raises_timeout_error(self):  # 7.4
        async def main():
            with self.assertRaises(weft.TimeoutError) as caught:
                with weft.timeout(1) as scope:
                    await weft.sleep(5)
            error = caught.exception
            self.assertIsInstance(error, builtins.TimeoutError)
            self.assertIs(scope, error.scope)
            self.assertEqual("deadline", error.__cause__.source)
            return weft.now()

        self.assertEqual(1.0, self.run_main(main))

    def test_a_body_in_time_is_left_alone(self):
        async def main():
            async with weft.timeout(5) as scope:
                await weft.sleep(1)
            self.assertFalse(scope.cancel_called)
            await weft.sleep(10)

        self.run_main(main)

    def test_equal_times_are_a_timeout(self):  # 8
        async def main():
            with self.assertRaises(weft.TimeoutError):
                with weft.timeout(1):
                    await weft.sleep(1)

        self.run_main(main)

    def test_move_on_absorbs_and_tells(self):  # 7.5
        async def main():
            with weft.move_on_after(1) as scope:
                await weft.sleep(5)
                self.log.append("not reached")
            self.assertTrue(scope.cancelled_caught)
            self.assertTrue(scope.cancel_called)
            with weft.move_on_at(10) as scope:
                await weft.sleep(1)
            self.assertFalse(scope.cancelled_caught)
            return weft.now()

        self.assertEqual(2.0, self.run_main(main))
        self.assertEqual([], self.log)

    def test_a_past_deadline_cancels_at_the_first_point(self):  # 7.2
        async def main():
            with weft.move_on_after(0) as scope:
                self.log.append("ran")
                await weft.checkpoint()
                self.log.append("not reached")
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)
        self.assertEqual(["ran"], self.log)

    def test_an_inner_timeout_stays_inside_the_outer(self):  # 7.7
        async def main():
            with weft.timeout(5):
                with self.assertRaises(weft.TimeoutError):
                    with weft.timeout(1):
                        await weft.sleep(10)
                await weft.sleep(1)
            return weft.now()

        self.assertEqual(2.0, self.run_main(main))

    def test_an_outer_timeout_passes_the_inner(self):  # 7.6
        async def main():
            with self.assertRaises(weft.TimeoutError) as caught:
                with weft.timeout(1) as outer:
                    with weft.timeout(5):
                        await weft.sleep(10)
            self.assertIs(outer, caught.exception.scope)

        self.run_main(main)

    def test_its_own_cancel_is_no_timeout(self):  # 7.4
        async def main():
            with weft.timeout(5) as scope:
                scope.cancel()
                await weft.sleep(1)
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)

    def test_other_errors_pass(self):  # 7.6
        async def main():
            with self.assertRaises(KeyError):
                with weft.timeout(1):
                    raise KeyError
            with self.assertRaises(TimeoutError) as caught:
                with weft.timeout(1):
                    raise TimeoutError("mine")
            self.assertEqual("mine", str(caught.exception))

        self.run_main(main)

    def test_deadlines_can_be_moved(self):  # 7.10, 7.11
        async def main():
            with weft.move_on_after(1) as scope:
                self.assertEqual(1.0, scope.deadline)
                self.assertEqual(1.0, weft.current_deadline())
                scope.reschedule(3)
                await weft.sleep(2)
                scope.reschedule(None)
                self.assertIsNone(scope.deadline)
                self.assertIsNone(weft.current_deadline())
                await weft.sleep(5)
                scope.reschedule(8)
                await weft.sleep(5)
            self.assertTrue(scope.cancelled_caught)
            with self.assertRaises(weft.InvalidStateError):
                scope.reschedule(9)
            return weft.now()

        self.assertEqual(8.0, self.run_main(main))

    def test_a_swallowed_timeout_is_none(self):  # 7.8
        async def main():
            with weft.timeout(1) as scope:
                try:
                    await weft.sleep(5)
                except weft.CancelledError:
                    pass
            self.assertTrue(scope.cancel_called)
            self.assertFalse(scope.cancelled_caught)

        self.run_main(main)

    def test_a_scope_is_entered_once_and_left_in_order(self):  # 6.17
        async def main():
            scope = weft.move_on_after(1)
            with scope:
                pass
            with self.assertRaises(weft.InvalidStateError):
                scope.__enter__()
            outer, inner = weft.timeout(1), weft.timeout(1)
            outer.__enter__()
            inner.__enter__()
            with self.assertRaises(weft.InvalidStateError):
                outer.__exit__(None, None, None)
            inner.__exit__(None, None, None)
            outer.__exit__(None, None, None)

        self.run_main(main)


class Cancelling(Case):
    def test_a_swallowed_cancellation_comes_again(self):  # 6.5
        async def job():
            for attempt in range(3):
                try:
                    await weft.sleep_forever()
                except weft.CancelledError:
                    self.log.append(attempt)
            await weft.sleep(1)
            self.log.append("not reached")

        async def main():
            task = weft.spawn(job())
            await weft.yield_()
            task.cancel()
            with self.assertRaises(weft.TaskCancelledError):
                await task
            return weft.now()

        self.assertEqual(0.0, self.run_main(main))
        self.assertEqual([0, 1, 2], self.log)

    def test_every_point_raises_even_if_it_need_not_wait(self):  # 3.2
        async def main():
            event = weft.Event()
            event.set()
            with weft.move_on_after(None) as scope:
                scope.cancel()
                for call in (event.wait, weft.yield_, weft.checkpoint):
                    with self.assertRaises(weft.CancelledError):
                        await call()

        self.run_main(main)

    def test_a_loop_that_swallows_does_not_hang_the_others(self):  # 6.7
        async def stubborn(stop):
            while not stop:
                try:
                    await weft.sleep_forever()
                except weft.CancelledError:
                    pass

        async def main():
            stop = []
            task = weft.spawn(stubborn(stop))
            await weft.yield_()
            task.cancel()
            for _ in range(10):
                await weft.yield_()
            stop.append(True)
            await task

        self.run_main(main)

    def test_except_exception_lets_it_through(self):
        async def job():
            try:
                await weft.sleep_forever()
            except Exception:
                self.log.append("caught")

        async def main():
            task = weft.spawn(job())
            await weft.yield_()
            task.cancel()
            with self.assertRaises(weft.TaskCancelledError):
                await task

        self.run_main(main)
        self.assertEqual([], self.log)

    def test_a_cancelled_error_has_reason_and_source(self):  # 6.11
        async def main():
            with weft.move_on_after(None) as scope:
                scope.cancel({"why": ["this", 1]})
                scope.cancel("too late")
                try:
                    await weft.checkpoint()
                except weft.Cancelled as error:
                    self.assertEqual({"why": ["this", 1]}, error.reason)
                    self.assertEqual("cancel", error.source)
                    raise
            self.assertTrue(scope.cancelled_caught)
            self.assertFalse(scope.cancel())

        self.run_main(main)

    def test_completed_wins(self):  # 3.4
        async def waiter(event):
            await event.wait()
            self.log.append("delivered")
            await weft.checkpoint()
            self.log.append("not reached")

        async def main():
            event = weft.Event()
            task = weft.spawn(waiter(event))
            await weft.yield_()
            event.set()
            task.cancel()
            with self.assertRaises(weft.TaskCancelledError):
                await task

        self.run_main(main)
        self.assertEqual(["delivered"], self.log)

    def test_one_of_its_own_making_ends_the_task_cancelled(self):  # 4.5
        async def main():
            task = weft.spawn(self.fail_with(weft.CancelledError()))
            with self.assertRaises(weft.TaskCancelledError):
                await task
            with self.assertRaises(weft.CancelledError):
                with weft.move_on_after(5):
                    raise weft.CancelledError

        self.run_main(main)


class Shields(Case):
    def test_a_shield_hides_an_outer_cancellation(self):  # 12.1
        async def main():
            with weft.move_on_after(1) as scope:
                try:
                    await weft.sleep_forever()
                finally:
                    with weft.shield():
                        await weft.sleep(5)
                        self.log.append("cleaned up")
                    await weft.checkpoint()
                    self.log.append("not reached")
            self.assertTrue(scope.cancelled_caught)
            return weft.now()

        self.assertEqual(6.0, self.run_main(main))
        self.assertEqual(["cleaned up"], self.log)

    def test_a_shield_gives_no_more_than_its_grace(self):  # 12.2
        async def main():
            with weft.shield(grace=2) as scope:
                await weft.sleep(5)
            self.assertTrue(scope.cancelled_caught)
            return weft.now()

        self.assertEqual(2.0, self.run_main(main))

    def test_letting_it_in_wakes_what_is_parked(self):  # 6.15
        async def job(scopes):
            with weft.shield() as scope:
                scopes.append(scope)
                await weft.sleep_forever()

        async def main():
            scopes = []
            task = weft.spawn(job(scopes))
            await weft.yield_()
            task.cancel()
            await weft.sleep(1)
            self.assertFalse(task.done())
            scopes[0].set_shield(False)
            with self.assertRaises(weft.TaskCancelledError):
                await task

        self.run_main(main)
