# SPDX-License-Identifier: MIT
"""Tasks: awaiting, cancelling, ending, failing unseen."""

import contextvars
import gc
import traceback
import weakref

import weft
from helper import Case


async def path_of(task):
    """The functions and tasks that the failure of a task came through."""
    try:
        await task
    except ValueError as error:
        return [frame.name
                for frame in traceback.extract_tb(error.__traceback__)]


class Await(Case):
    def test_awaiting_gives_the_result_as_often_as_asked(self):  # 4.7
        value = object()

        async def job():
            await weft.sleep(1)
            return value

        async def main():
            task = weft.spawn(job())
            for _ in range(2):
                self.assertIs(value, await task)
            self.assertIs(value, task.result())
            self.assertIsNone(task.exception())
            self.assertTrue(task.done())

        self.run_main(main)

    def test_awaiting_raises_the_failure_with_its_traceback(self):  # 10.3
        async def innermost():
            await weft.sleep(1)
            raise ValueError("why")

        async def job():
            await innermost()

        async def main():
            task = weft.spawn(job(), name="job of mine")
            self.assertEqual(
                ["path_of", "task 'job of mine'", "job", "innermost"],
                await path_of(task))

        self.run_main(main)

    def test_awaiters_do_not_see_each_others_path(self):  # 10.2
        async def awaiter(task):
            await task

        async def main():
            task = weft.spawn(self.fail_with(ValueError(), 1), name="x")
            first = weft.spawn(awaiter(task), name="first")
            second = weft.spawn(awaiter(task), name="second")
            for one in (first, second):
                self.assertEqual(
                    ["path_of", f"task '{one.name}'", "awaiter", "task 'x'",
                     "fail_with"], await path_of(one))

        self.run_main(main)

    def test_awaiting_a_cancelled_task_is_an_ordinary_error(self):  # 4.7
        async def main():
            task = weft.spawn(weft.sleep_forever(), name="x")
            await weft.yield_()
            self.assertTrue(task.cancel("enough"))
            with self.assertRaises(weft.TaskCancelledError) as caught:
                await task
            self.assertNotIsInstance(caught.exception, weft.CancelledError)
            self.assertEqual(("x", "enough", "cancel"),
                             (caught.exception.task, caught.exception.reason,
                              caught.exception.source))
            self.assertTrue(task.cancelled())
            self.assertIsInstance(task.exception(), weft.TaskCancelledError)

        self.run_main(main)

    def test_cancelling_an_awaiter_leaves_the_task_alone(self):  # 4.8
        async def main():
            task = weft.spawn(self.note("done", 2))
            with weft.move_on_after(1) as scope:
                await task
            self.assertTrue(scope.cancelled_caught)
            self.assertFalse(task.done())
            self.assertEqual("done", await task)

        self.run_main(main)

    def test_awaiting_an_ended_task_is_a_cancellation_point(self):  # 3.2
        async def main():
            task = weft.spawn(self.note("done"))
            await task
            with weft.move_on_after(0) as scope:
                await task
            self.assertTrue(scope.cancelled_caught)

        self.run_main(main)

    def test_awaiting_oneself_is_an_invalid_state(self):  # 4.8
        async def main():
            with self.assertRaises(weft.InvalidStateError):
                await weft.current_task()

        self.run_main(main)

    def test_the_result_of_an_unfinished_task_is_an_invalid_state(self):  # 4.9
        async def main():
            task = weft.spawn(weft.sleep(1))
            with self.assertRaises(weft.InvalidStateError):
                task.result()
            with self.assertRaises(weft.InvalidStateError):
                task.exception()
            await task

        self.run_main(main)


class Life(Case):
    def test_nothing_of_a_task_runs_inside_spawn(self):  # 4.1
        async def main():
            task = weft.spawn(self.note("child"))
            self.log.append("main")
            await task

        self.run_main(main)
        self.assertEqual(["main", "child"], self.log)

    def test_a_task_cancelled_before_it_began_still_begins(self):  # 4.2
        async def job():
            self.log.append("began")
            try:
                await weft.sleep(1)
            finally:
                self.log.append("released")

        async def main():
            task = weft.spawn(job())
            task.cancel()
            with self.assertRaises(weft.TaskCancelledError):
                await task

        self.run_main(main)
        self.assertEqual(["began", "released"], self.log)

    def test_a_cancelled_task_whose_body_returns_is_finished(self):  # 4.4
        async def job():
            try:
                await weft.sleep_forever()
            except weft.CancelledError:
                return "all the same"

        async def main():
            task = weft.spawn(job())
            await weft.yield_()
            task.cancel()
            self.assertEqual("all the same", await task)
            self.assertFalse(task.cancelled())
            self.assertFalse(task.cancel())

        self.run_main(main)

    def test_tasks_have_names_and_ids(self):  # 4.13
        async def main():
            one = weft.spawn(self.note(1))
            two = weft.spawn(self.note(2), name="two")
            self.assertEqual((f"task-{one.id}", "two", "main"),
                             (one.name, two.name, weft.current_task().name))
            self.assertGreater(two.id, one.id)
            two.name = "zwei"
            self.assertEqual("zwei",
                             weft.abi.weft_task_get_name(weft.runtime(),
                                                         two.handle))
            with self.assertRaises(TypeError):
                two.name = 2
            self.assertEqual("<weft.Task 'zwei' unfinished>", repr(two))

        self.run_main(main)

    def test_the_runtime_holds_a_task_nobody_else_holds(self):  # 4.11
        async def main():
            weft.spawn(self.note("done", 1))
            gc.collect()
            await weft.sleep(2)

        self.run_main(main)
        self.assertEqual(["done"], self.log)

    def test_a_task_has_the_context_it_was_spawned_in(self):  # 15.1
        variable = contextvars.ContextVar("variable", default="none")

        async def job():
            before = variable.get()
            variable.set("child")
            await weft.yield_()
            return before, variable.get()

        async def main():
            variable.set("parent")
            task = weft.spawn(job())
            variable.set("later")
            self.assertEqual(("parent", "child"), await task)
            self.assertEqual("later", variable.get())

        self.run_main(main)
        self.assertEqual("none", variable.get())

    def test_background_tasks_are_cancelled_when_main_ends(self):  # 22.2
        async def job():
            try:
                await weft.sleep_forever()
            except weft.CancelledError as error:
                self.log.append(error.source)
                raise

        async def main():
            weft.spawn(job())
            await weft.yield_()

        self.run_main(main)
        self.assertEqual(["shutdown"], self.log)

    def test_what_is_no_coroutine_is_refused(self):
        async def main():
            for bad in (None, 1, self.note):
                with self.assertRaises(TypeError):
                    weft.spawn(bad)

        self.run_main(main)

    def test_a_refused_coroutine_is_closed_and_never_runs(self):  # 4.15
        async def main():
            coroutine = self.note("ran")
            reference = weakref.ref(coroutine)
            with self.assertRaises(weft.InvalidStateError):
                weft._weft.spawn(weft.runtime(), 12345, coroutine, None)
            del coroutine
            self.assertIsNone(reference())

        self.run_main(main)
        self.assertEqual([], self.log)


class Misuse(Case):
    def test_awaiting_what_is_not_wefts_raises_there(self):
        class Foreign:
            def __await__(self):
                yield "foreign"

        async def main():
            with self.assertRaises(RuntimeError):
                await Foreign()
            await weft.sleep(1)
            return "went on"

        self.assertEqual("went on", self.run_main(main))

    def test_a_parked_call_that_is_not_awaited_raises_at_the_next(self):
        async def main():
            rt = weft.runtime()
            weft.abi.weft_sleep_until(rt, 10**9)
            with self.assertRaises(weft.InvalidStateError):
                await weft.sleep(1)
            return "went on"

        with self.assertRaises(RuntimeError):
            self.run_main(main)

    def test_a_parked_call_left_for_another_await_raises_there(self):
        class Foreign:
            def __await__(self):
                yield "foreign"

        async def main():
            weft.abi.weft_sleep_until(weft.runtime(), 10**9)
            with self.assertRaises(RuntimeError):
                await Foreign()
            self.assertEqual(1.0, weft.now())
            await weft.sleep(1)
            return weft.now()

        self.assertEqual(2.0, self.run_main(main))

    def test_a_mark_awaited_by_another_task_raises(self):
        async def main():
            with self.assertRaises(RuntimeError):
                await weft._weft.PARKED

        self.run_main(main)


class Unseen(Case):
    def test_a_failure_nobody_holds_is_reported_at_once(self):  # 4.12
        async def main():
            weft.spawn(self.fail_with(ValueError("why")), name="x")
            await weft.sleep(1)
            self.assertEqual(1, len(self.reports))

        self.expect_report("failure", ValueError)
        self.run_main(main)
        kind, task, error = self.reports[0]
        self.assertEqual("x", task)
        names = [frame.name for frame in
                 traceback.extract_tb(error.__traceback__)]
        self.assertEqual(["task 'x'", "fail_with"], names)

    def test_one_that_is_held_is_reported_when_it_is_let_go(self):  # 4.12
        async def main():
            task = weft.spawn(self.fail_with(ValueError()))
            await weft.sleep(1)
            self.assertEqual([], self.reports)
            del task
            gc.collect()
            self.assertEqual(1, len(self.reports))

        self.expect_report("failure", ValueError)
        self.run_main(main)

    def test_one_still_held_at_the_end_is_reported_then(self):  # 4.12
        held = []

        async def main():
            held.append(weft.spawn(self.fail_with(ValueError("a"))))
            held.append(weft.spawn(self.fail_with(KeyError("b"))))
            await weft.sleep(1)

        self.expect_report("failure", ValueError)
        self.expect_report("failure", KeyError)
        self.run_main(main)
        with self.assertRaises(ValueError):
            held[0].result()

    def test_one_that_was_read_is_not_reported(self):  # 4.12
        async def main():
            task = weft.spawn(self.fail_with(ValueError()))
            await weft.sleep(1)
            self.assertIsInstance(task.exception(), ValueError)

        self.run_main(main)

    def test_being_done_or_cancelled_is_not_reading(self):  # 4.12
        async def main():
            task = weft.spawn(self.fail_with(ValueError()))
            await weft.sleep(1)
            self.assertTrue(task.done())
            self.assertFalse(task.cancel())

        self.expect_report("failure", ValueError)
        self.run_main(main)

    def test_being_cancelled_is_never_reported(self):  # 4.12
        async def main():
            weft.spawn(weft.sleep_forever()).cancel()
            await weft.sleep(1)

        self.run_main(main)
