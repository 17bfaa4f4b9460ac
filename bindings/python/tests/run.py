# SPDX-License-Identifier: MIT
"""run.py [NAME...] - runs the tests beside it, or those whose ids contain a
NAME. The last line is "test_python: N passed, N failed"."""

import os
import sys
import unittest
import warnings


def chosen(suite, names):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, names)
        elif not names or any(name in test.id() for name in names):
            yield test


def main(names):
    here = os.path.dirname(os.path.abspath(__file__))
    # A coroutine that nobody awaited, or a file left open, is a failure; so is
    # what could only be printed, because it was raised in a finaliser.
    warnings.simplefilter("error")
    unraisable = []
    sys.unraisablehook = lambda it: unraisable.append(
        f"{it.err_msg or 'ignored in'} {it.object!r}: {it.exc_value!r}")
    found = unittest.TestLoader().discover(here, top_level_dir=here)
    suite = unittest.TestSuite(chosen(found, names))
    total = suite.countTestCases()
    result = unittest.TextTestRunner(verbosity=1, warnings="error").run(suite)
    failed = len({test.id() for test, _ in result.failures + result.errors})
    for text in unraisable:
        print("unraisable:", text)
    failed += bool(unraisable)
    failed += len(result.unexpectedSuccesses) + len(result.skipped)
    print(f"test_python: {max(0, total - failed)} passed, {failed} failed")
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
