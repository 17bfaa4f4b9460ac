# SPDX-License-Identifier: MIT
"""Groups: joining, failing together, being cancelled."""

import weakref

import weft
from helper import Case


class Groups(Case):
    def test_a_group_waits_for_its_tasks(self):  # 9.1
        async def main():
            async with weft.TaskGroup() as group:
                one = group.spawn(self.note("one", 2))
                two = group.create_task(self.note("two", 1), name="second")
                self.log.append("body")
            self.assertEqual(("one", "two"), (one.result(), two.result()))
            self.assertEqual("second", two.name)
            return weft.now()

        self.assertEqual(2.0, self.run_main(main))
        self.assertEqual(["body", "two", "one"], self.log)

    def test_a_failure_cancels_the_others_and_the_body(self):  # 9.3
        async def sibling():
            try:
                await weft.sleep_forever()
            except weft.CancelledError as error:
                self.log.append((error.source, error.__cause__))
                raise

        failure = ValueError("why")

        async def main():
            try:
                async with weft.TaskGroup() as group:
                    group.spawn(sibling())
                    group.spawn(self.fail_with(failure, 1))
                    try:
                        await weft.sleep_forever()
                    finally:
                        self.log.append("body")
            except weft.ErrorGroup as error:
                self.assertEqual((failure,), error.exceptions)
            return weft.now()

        self.assertEqual(1.0, self.run_main(main))
        self.assertEqual(["body", ("group", failure)], self.log)

    def test_all_failures_come_in_one_group_in_their_order(self):  # 9.4
        async def unwinding():
            try:
                await weft.sleep_forever()
            finally:
                raise KeyError("while unwinding")

        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(unwinding())
                group.spawn(self.fail_with(ValueError("first"), 1))
                group.spawn(self.fail_with(TypeError("second"), 1))

        with self.assertRaises(ExceptionGroup) as caught:
            self.run_main(main)
        self.assertIs(weft.ErrorGroup, type(caught.exception))
        self.assertEqual([ValueError, TypeError, KeyError],
                         [type(e) for e in caught.exception.exceptions])

    def test_the_bodys_failure_is_a_member_like_any_other(self):  # 9.3
        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(weft.sleep_forever())
                raise ValueError("body")

        with self.assertRaises(weft.ErrorGroup) as caught:
            self.run_main(main)
        self.assertEqual("body", str(caught.exception.exceptions[0]))
        self.assertTrue(caught.exception.__suppress_context__)

    def test_groups_nest_one_level_for_each(self):  # 9.4
        async def inner():
            async with weft.TaskGroup() as group:
                group.spawn(self.fail_with(ValueError("deep"), 1))

        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(inner())
                group.spawn(self.fail_with(TypeError("flat"), 2))

        with self.assertRaises(weft.ErrorGroup) as caught:
            self.run_main(main)
        members = caught.exception.exceptions
        self.assertEqual([weft.ErrorGroup], [type(e) for e in members])
        self.assertEqual("deep", str(members[0].exceptions[0]))

    def test_except_star_takes_members_by_their_class(self):
        async def main():
            try:
                async with weft.TaskGroup() as group:
                    group.spawn(self.fail_with(ValueError(), 1))
                    group.spawn(self.fail_with(weft.ClosedError(), 1))
            except* weft.Error as errors:
                self.log.append([type(e) for e in errors.exceptions])
            except* ValueError as errors:
                self.log.append([type(e) for e in errors.exceptions])

        self.run_main(main)
        self.assertEqual([[weft.ClosedError], [ValueError]], self.log)

    def test_split_keeps_the_class_of_the_group(self):
        error = weft.ErrorGroup("x", [ValueError(), TypeError()])
        self.assertIs(weft.ErrorGroup, type(error.subgroup(ValueError)))

    def test_a_cancelled_child_is_no_failure(self):  # 9.5
        async def main():
            async with weft.TaskGroup() as group:
                task = group.spawn(weft.sleep_forever())
                other = group.spawn(self.note("other", 1))
                await weft.yield_()
                task.cancel()
            self.assertTrue(task.cancelled())
            self.assertEqual("other", other.result())

        self.run_main(main)

    def test_cancel_stops_tasks_and_body_without_raising(self):  # 9.10
        async def main():
            async with weft.TaskGroup() as group:
                task = group.spawn(weft.sleep_forever())
                self.assertTrue(group.cancel("enough"))
                self.assertTrue(group.cancel())
                await weft.sleep_forever()
            self.assertTrue(task.cancelled())
            self.assertEqual("enough", task.exception().reason)
            self.assertFalse(group.cancel())
            return weft.now()

        self.assertEqual(0.0, self.run_main(main))

    def test_an_outer_cancellation_goes_through_the_group(self):  # 9.7
        async def main():
            with weft.move_on_after(1) as scope:
                async with weft.TaskGroup() as group:
                    task = group.spawn(weft.sleep_forever())
                self.log.append("not reached")
            self.assertTrue(scope.cancelled_caught)
            self.assertTrue(task.cancelled())

        self.run_main(main)
        self.assertEqual([], self.log)

    def test_the_body_in_flight_is_the_one_that_goes_on(self):  # 9.7
        async def main():
            seen = []
            with weft.move_on_after(1):
                try:
                    async with weft.TaskGroup() as group:
                        group.spawn(weft.sleep_forever())
                        try:
                            await weft.sleep_forever()
                        except weft.CancelledError as error:
                            seen.append(error)
                            raise
                except weft.CancelledError as error:
                    seen.append(error)
                    raise
            self.assertEqual(2, len(seen))
            self.assertIs(seen[0], seen[1])

        self.run_main(main)

    def test_failures_win_over_an_outer_cancellation(self):  # 9.9
        async def unwinding():
            try:
                await weft.sleep_forever()
            finally:
                raise ValueError("while unwinding")

        async def main():
            with weft.move_on_after(1) as scope:
                try:
                    async with weft.TaskGroup() as group:
                        group.spawn(unwinding())
                        group.spawn(weft.sleep_forever())
                except weft.ErrorGroup as error:
                    self.log.append(type(error.__cause__))
                self.assertTrue(scope.cancel_called)
                await weft.checkpoint()
                self.log.append("not reached")

        self.run_main(main)
        self.assertEqual([weft.CancelledError], self.log)

    def test_a_group_has_a_timeout(self):  # 9.7
        async def main():
            with self.assertRaises(TimeoutError):
                async with weft.TaskGroup(timeout=1) as group:
                    group.spawn(weft.sleep_forever())
            return weft.now()

        self.assertEqual(1.0, self.run_main(main))

    def test_spawning_into_a_group_that_is_over_is_refused(self):  # 9.2
        async def main():
            async with weft.TaskGroup() as group:
                pass
            coroutine = self.note("ran")
            reference = weakref.ref(coroutine)
            with self.assertRaises(weft.InvalidStateError):
                group.spawn(coroutine)
            del coroutine
            self.assertIsNone(reference())

        self.run_main(main)
        self.assertEqual([], self.log)

    def test_children_spawn_siblings_while_the_group_joins(self):  # 9.2
        async def child(group, depth):
            self.log.append(depth)
            if depth > 0:
                group.spawn(child(group, depth - 1))

        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(child(group, 3))

        self.run_main(main)
        self.assertEqual([3, 2, 1, 0], self.log)

    def test_an_exit_in_a_task_makes_a_base_group(self):  # 9.17
        async def main():
            async with weft.TaskGroup() as group:
                group.spawn(self.fail_with(SystemExit(3), 1))
                group.spawn(weft.sleep_forever())

        with self.assertRaises(BaseExceptionGroup) as caught:
            self.run_main(main)
        self.assertNotIsInstance(caught.exception, Exception)
        self.assertEqual(3, caught.exception.exceptions[0].code)
