"""memory.py - what a parked asyncio task takes.

    python3 memory.py TASKS

Prints the resident bytes of one (bytes), and the nanoseconds to start,
cancel and join one (each).
"""

import asyncio
import os
import sys
import time

cancelled = 0


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def body():
    global cancelled
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        cancelled += 1
        raise


async def main(count):
    before = resident_bytes()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(body()) for _ in range(count)]
        await asyncio.sleep(0)
        parked = resident_bytes()
        for task in tasks:
            task.cancel()
    took = time.perf_counter() - began
    if cancelled != count:
        sys.exit("a task has not ended cancelled")
    print(f"bytes {(parked - before) / count:.1f}")
    print(f"each {took / count * 1e9:.3f}")


asyncio.run(main(int(sys.argv[1])))
