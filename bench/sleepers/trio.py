"""trio.py - Trio tasks that sleep 0 to 1000 ms: trio.py TASKS

Prints the CPU seconds and the peak megabytes of the process.
"""

import sys

import measure
import trio

woken = 0


async def sleeper(seconds):
    global woken
    await trio.sleep(seconds)
    woken += 1


async def main(tasks):
    async with trio.open_nursery() as nursery:
        for task in range(tasks):
            nursery.start_soon(sleeper, task % 1001 / 1000)
    measure.check(woken == tasks, "a sleeper has not woken")
    print(f"cpu {measure.cpu():.4f}")
    print(f"peak {measure.peak_megabytes():.2f}")


trio.run(main, int(sys.argv[1]))
