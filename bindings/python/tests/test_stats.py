# SPDX-License-Identifier: MIT
"""Numbers of the running program, and a trace of what its tasks do."""

import json
import os
import tempfile
import time
from collections import defaultdict

import weft
from helper import Case


class Stats(Case):
    def test_counts_what_was_done_and_what_there_is(self):
        async def main():
            event = weft.Event()
            async with weft.TaskGroup() as group:
                group.spawn(event.wait())
                group.spawn(event.wait())
                group.spawn(weft.sleep(60))
                before = weft.stats()
                await weft.sleep(0)
                after = weft.stats()
                event.set()
            return before, after, weft.stats()

        before, after, end = self.run_main(main)
        self.assertEqual(4, after["tasks"]["total"])
        self.assertEqual(3, after["tasks"]["parked"])
        self.assertEqual(1, after["tasks"]["running"])
        self.assertEqual(3, before["tasks"]["ready"])
        self.assertEqual({"event": 2, "sleep": 1}, after["waiting"])
        self.assertEqual(1, after["objects"]["event"])
        self.assertEqual(1, after["objects"]["group"])
        self.assertEqual(1, after["timers"])
        self.assertEqual(4, after["switches"] - before["switches"])
        self.assertIsNone(after["longest_step"])
        self.assertEqual(1, end["tasks"]["total"])
        self.assertNotIn("group", end["objects"])

    def test_needs_a_runtime(self):
        with self.assertRaises(weft.InvalidStateError):
            weft.stats()


class Trace(Case):
    def setUp(self):
        super().setUp()
        handle, self.path = tempfile.mkstemp()
        os.close(handle)
        self.addCleanup(os.remove, self.path)

    def test_is_json_with_a_row_a_task(self):
        async def main():
            with weft.trace(self.path):
                async with weft.TaskGroup() as group:
                    group.spawn(weft.sleep(1), name="sleeper")

        self.run_main(main)
        with open(self.path, encoding="utf-8") as file:
            events = json.load(file)
        rows, names = defaultdict(list), {}
        for event in events:
            if event["ph"] == "B":
                rows[event["tid"]].append(event["name"])
            elif event["ph"] == "M":
                names[event["args"]["name"]] = event["tid"]
        self.assertEqual(["ready", "step", "sleep", "ready", "step"],
                         rows[names["sleeper"]])
        self.assertEqual(sum(event["ph"] == "B" for event in events),
                         sum(event["ph"] == "E" for event in events))

    def test_a_file_that_cannot_be_made_is_an_error(self):
        async def main():
            with weft.trace("/nowhere/at/all.json"):
                pass

        with self.assertRaises(OSError):
            self.run_main(main)


class Slow(Case):
    def test_a_step_that_takes_long_is_reported(self):
        async def main():
            weft.abi.weft_set_slow(weft._weft.current_runtime(), 5_000_000)
            await weft.sleep(0)
            ends = time.monotonic() + 0.006
            while time.monotonic() < ends:
                pass
            await weft.sleep(0)
            weft.abi.weft_set_slow(weft._weft.current_runtime(), 0)

        self.run_main(main)
        kind, task, error = self.reports.pop()
        self.assertEqual("slow", kind)
        self.assertRegex(str(error), r"a step took \d+ ms")
        self.reports.clear()
