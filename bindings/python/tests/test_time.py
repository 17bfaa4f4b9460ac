# SPDX-License-Identifier: MIT
"""Sleeping, the order of turns, and calls at a time."""

import math

import weft
from helper import Case


class Sleep(Case):
    def test_sleeps_end_by_time_not_by_spawning(self):
        async def main():
            async with weft.TaskGroup() as group:
                for seconds in (3, 1, 2):
                    group.spawn(self.note(seconds, seconds))
            return weft.now()

        self.assertEqual(3.0, self.run_main(main))
        self.assertEqual([1, 2, 3], self.log)

    def test_equal_times_end_in_the_order_they_were_set(self):  # 2.2
        async def main():
            async with weft.TaskGroup() as group:
                for name in "abc":
                    group.spawn(self.note(name, 1))

        self.run_main(main)
        self.assertEqual(["a", "b", "c"], self.log)

    def test_sleep_gives_its_result(self):  # 2.5
        async def main():
            return await weft.sleep(1, "slept"), await weft.sleep(0, "now")

        self.assertEqual(("slept", "now"), self.run_main(main))

    def test_sleep_until_waits_for_a_time_of_the_clock(self):
        async def main():
            await weft.sleep_until(2.5)
            await weft.sleep_until(1)
            return weft.now()

        self.assertEqual(2.5, self.run_main(main))

    def test_what_is_no_time_is_an_argument_error(self):  # 2.4
        async def main():
            for bad in (math.nan, "1", None):
                with self.assertRaises(weft.ArgumentError):
                    await weft.sleep_until(bad) if bad is not None \
                        else await weft.sleep("")
            with self.assertRaises(ValueError):
                weft.timeout(math.nan)

        self.run_main(main)

    def test_infinity_is_never(self):  # 2.4
        async def main():
            with weft.move_on_after(5):
                await weft.sleep(math.inf)
            return weft.now()

        self.assertEqual(5.0, self.run_main(main))


class Turns(Case):
    def test_tasks_take_turns_in_the_order_of_spawning(self):  # 1.1
        async def job(name):
            for turn in range(3):
                self.log.append(f"{name}{turn}")
                await weft.yield_()

        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(job("a"))
                group.spawn(job("b"))
                self.log.append("spawned")

        self.run_main(main)
        self.assertEqual(
            ["spawned", "a0", "b0", "a1", "b1", "a2", "b2"], self.log)

    def test_whoever_wakes_goes_on_first(self):  # 1.5, 1.6
        async def waiter(event, name):
            await event.wait()
            self.log.append(name)

        async def main():
            event = weft.Event()
            async with weft.TaskGroup() as group:
                group.spawn(waiter(event, "a"))
                group.spawn(waiter(event, "b"))
                await weft.yield_()
                event.set()
                self.log.append("set")

        self.run_main(main)
        self.assertEqual(["set", "a", "b"], self.log)

    def test_a_call_that_need_not_wait_keeps_the_turn(self):  # 1.7
        async def other():
            self.log.append("other")

        async def main():
            event = weft.Event()
            event.set()
            weft.spawn(other())
            for _ in range(127):
                await event.wait()
            self.log.append(127)
            await event.wait()
            self.log.append(128)

        self.run_main(main)
        self.assertEqual([127, "other", 128], self.log)

    def test_the_same_seed_gives_the_same_shuffle(self):  # 1.10, 30.7
        async def main():
            async with weft.TaskGroup() as group:
                for number in range(20):
                    group.spawn(self.note(number))

        runs = []
        for seed in (7, 7, 0):
            self.log = []
            self.run_main(main, shuffle=seed)
            runs.append(self.log)
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])
        self.assertEqual(list(range(20)), runs[2])


class Calls(Case):
    def test_calls_are_made_in_their_order_outside_any_task(self):  # 1.9
        def call(name):
            self.log.append((name, weft.current_task()))

        async def main():
            weft.call_later(2, call, "later")
            weft.call_at(1, call, "at")
            weft.call_soon(call, "soon")
            await weft.sleep(3)

        self.run_main(main)
        self.assertEqual([("soon", None), ("at", None), ("later", None)],
                         self.log)

    def test_a_cancelled_call_is_not_made(self):  # 2.6
        async def main():
            call = weft.call_later(1, self.log.append, "called")
            made = weft.call_soon(self.log.append, "made")
            self.assertTrue(call.cancel())
            self.assertFalse(call.cancel())
            await weft.sleep(2)
            self.assertFalse(made.cancel())

        self.run_main(main)
        self.assertEqual(["made"], self.log)

    def test_calls_not_due_at_the_end_are_dropped(self):  # 2.7
        async def main():
            weft.call_later(1, self.log.append, "called")

        self.run_main(main)
        self.assertEqual([], self.log)
