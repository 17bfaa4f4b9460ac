# SPDX-License-Identifier: MIT
"""What every test of the binding needs: a runtime with a virtual clock, whose
reports are looked at."""

import os
import shutil
import tempfile
import unittest

import weft


class Case(unittest.TestCase):
    """A test whose runs leave no report behind, but those it expects."""

    def setUp(self):
        self.reports = []
        self.expected = []
        self.log = []

    def tearDown(self):
        kinds = [(kind, type(error)) for kind, _, error in self.reports]
        self.assertEqual(self.expected, kinds)

    def run_main(self, main, **options):
        """Runs an async function, by the virtual clock."""
        options.setdefault("virtual_clock", True)
        return weft.run(main(), report=self._note, **options)

    def _note(self, kind, task, error):
        self.reports.append((kind, task, error))

    def expect_report(self, kind, error):
        """The run will make this report."""
        self.expected.append((kind, error))

    async def note(self, what, seconds=None):
        """Sleeps if told to, and writes what in the log."""
        if seconds is not None:
            await weft.sleep(seconds)
        self.log.append(what)
        return what

    async def fail_with(self, error, seconds=None):
        if seconds is not None:
            await weft.sleep(seconds)
        raise error


class IoCase(Case):
    """A test that leaves no descriptor, child, thread or file behind."""

    @classmethod
    def setUpClass(cls):
        weft.run(weft.fs.exists("/"))  # what is opened once and stays

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="weft-")
        self.before = self.count()

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(self.folder)
        self.assertEqual(self.before, self.count())
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def count(self):
        """Descriptors and threads."""
        return [len(os.listdir(folder))
                for folder in ("/proc/self/fd", "/proc/self/task")]

    def path(self, name):
        return os.path.join(self.folder, name)

    async def cancelled_in(self, call):
        """Cancels the call where it waits, and sees it raise Cancelled."""
        with weft.move_on_after(1) as scope:  # by the virtual clock
            await call
        self.assertTrue(scope.cancelled_caught)

    async def timed_out_in(self, call):
        with self.assertRaises(weft.TimeoutError):
            with weft.timeout(1):
                await call
