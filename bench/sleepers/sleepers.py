"""sleepers.py - asyncio tasks that sleep 0 to 1000 ms.

    python3 sleepers.py TASKS

Prints the CPU seconds and the peak megabytes of the process.
"""

import asyncio
import resource
import sys

woken = 0


async def sleeper(seconds):
    global woken
    await asyncio.sleep(seconds)
    woken += 1


async def sleepers(tasks):
    async with asyncio.TaskGroup() as group:
        for task in range(tasks):
            group.create_task(sleeper(task % 1001 / 1000))
    if woken != tasks:
        sys.exit("a sleeper has not woken")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"cpu {usage.ru_utime + usage.ru_stime:.4f}")
    print(f"peak {usage.ru_maxrss * 1024 / 1e6:.2f}")


asyncio.run(sleepers(int(sys.argv[1])))
