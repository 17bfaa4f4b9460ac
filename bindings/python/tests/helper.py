# SPDX-License-Identifier: MIT
"""What every test of the binding needs: a runtime with a virtual clock, whose
reports are looked at."""

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
