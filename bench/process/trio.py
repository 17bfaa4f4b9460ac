"""trio.py - processes of Trio run to their end, some at once.

    python3 trio.py null|pipes PROCESSES AT_ONCE

Prints the microseconds of one, and of CPU time, its own included.
"""

import subprocess
import sys

import measure
import trio


async def run(places, outputs):
    async with places:
        result = await trio.run_process(["/bin/true"], **outputs)
        measure.check(result.returncode == 0 and not result.stdout,
                      "wrong result")


async def turns(times, at_once, outputs):
    places = trio.CapacityLimiter(at_once)
    async with trio.open_nursery() as nursery:
        for _ in range(times):
            nursery.start_soon(run, places, outputs)


async def main(how, count, at_once):
    outputs = kinds[how]
    await turns(-(-count // 10), at_once, outputs)
    await measure.both("process", 1e6 / count, turns, count, at_once, outputs)


kinds = {
    "null": {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL},
    "pipes": {"capture_stdout": True, "capture_stderr": True},
}
trio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
