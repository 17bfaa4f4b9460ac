# SPDX-License-Identifier: MIT
"""Nothing is left behind: by refcounts, by the collector, by the number of
allocated blocks."""

import gc
import sys
import weakref

import weft
from helper import Case


class Thing:
    """What can be referred to weakly."""


class References(Case):
    def test_a_result_is_let_go_with_its_task(self):
        thing = Thing()
        before = sys.getrefcount(thing)

        async def job():
            await weft.sleep(1)
            return thing

        async def main():
            async with weft.TaskGroup() as group:
                tasks = [group.spawn(job()) for _ in range(10)]
            self.assertEqual(before + 10, sys.getrefcount(thing))
            del tasks

        self.run_main(main)
        self.assertEqual(before, sys.getrefcount(thing))

    def test_a_failed_task_held_by_its_awaiter_is_a_cycle_that_goes(self):
        async def job():
            raise ValueError("why")

        async def owner():
            task = weft.spawn(job())
            references.append(weakref.ref(task))
            await task  # the traceback now holds this frame, and so the task

        async def main():
            try:
                await owner()
            except ValueError:
                pass
            gc.collect()
            self.assertIsNone(references[0]())

        references = []
        self.run_main(main)
        self.assertEqual(1, len(references))

    def test_an_error_group_holds_its_members_and_nobody_else_does(self):
        error = ValueError("why")
        before = sys.getrefcount(error)

        async def job():
            try:
                raise error
            finally:
                error.__traceback__ = None

        async def main():
            try:
                async with weft.TaskGroup() as group:
                    group.spawn(job())
            except weft.ErrorGroup as caught:
                self.assertIs(error, caught.exceptions[0])

        self.run_main(main)
        error.__traceback__ = None
        gc.collect()
        self.assertEqual(before, sys.getrefcount(error))

    def test_a_reason_is_let_go_with_its_scope(self):
        thing = Thing()
        before = sys.getrefcount(thing)

        async def main():
            with weft.move_on_after(None) as scope:
                scope.cancel(thing)
                scope.cancel(thing)
                await weft.checkpoint()

        self.run_main(main)
        gc.collect()
        self.assertEqual(before, sys.getrefcount(thing))

    def test_a_runtime_is_let_go_after_its_run(self):
        references = []

        async def main():
            references.append(weft.runtime())

        self.run_main(main)
        rt = references.pop()
        self.assertEqual(2, sys.getrefcount(rt))


class Blocks(Case):
    async def everything(self):
        """A bit of all that allocates."""
        with weft.move_on_after(1) as scope:
            scope.cancel(["reason", {"a": Thing()}])
            await weft.sleep(5)
        try:
            with weft.timeout(1):
                await weft.sleep(5)
        except TimeoutError:
            pass
        try:
            async with weft.TaskGroup() as group:
                group.spawn(self.fail_with(ValueError("a"), 1), name="a")
                group.spawn(self.fail_with(KeyError("b"), 1))
                group.spawn(weft.sleep_forever())
        except ExceptionGroup:
            pass
        task = weft.spawn(self.fail_with(ValueError("c"), 1))
        try:
            await task
        except ValueError:
            pass
        weft.call_soon(lambda: 1 / 0)
        weft.call_later(100, int)
        weft.spawn(self.fail_with(KeyError("unseen")))
        event = weft.Event()
        waiter = weft.spawn(event.wait())
        await weft.yield_()
        event.set()
        await waiter
        try:
            weft.abi.weft_event_set(weft.runtime(), 1)
        except weft.ArgumentError:
            pass

    async def io(self):
        """Likewise of input and output."""
        async with await weft.listen("127.0.0.1") as listener:
            ours = await weft.connect("127.0.0.1", listener.port())
            async with ours, await listener.accept() as theirs:
                await ours.write(b"one\n", b"two\n", b"three")
                await ours.shutdown()
                self.assertEqual(3, len([line async for line in theirs]))
                with weft.move_on_after(1):
                    await ours.readexactly(5)
        try:
            await weft.fs.read_file("/none")
        except OSError:
            pass
        await weft.fs.stat("/")
        async with await weft.fs.open("/etc/passwd") as file:
            await file.readline()
            await file.read_at(10, 5)
        await weft.to_thread(len, "")
        try:
            await weft.to_thread(len)
        except TypeError:
            pass

    def io_after(self, times):
        async def main():
            for _ in range(times):
                await self.io()

        self.run_main(main)
        gc.collect()
        return sys.getallocatedblocks()

    def test_input_and_output_leave_no_block_behind(self):
        self.io_after(50)
        before = self.io_after(50)
        grown = self.io_after(250) - before
        self.assertLess(grown, 100, "one object a round would be 200")

    def blocks_after(self, times):
        async def main():
            for _ in range(times):
                await self.everything()

        self.run_main(main)
        self.assertEqual(2 * times, len(self.reports))
        self.reports.clear()
        gc.collect()
        return sys.getallocatedblocks()

    def test_doing_everything_leaves_no_block_behind(self):
        self.blocks_after(400)  # what Python and weft keep for the next time
        before = self.blocks_after(400)
        grown = self.blocks_after(800) - before
        self.assertLess(grown, 100, "one object a round would be 400")
