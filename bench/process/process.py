"""process.py - processes of asyncio run to their end, some at once.

    python3 process.py null|pipes PROCESSES AT_ONCE

Prints the microseconds of one, and of CPU time, its own included.
"""

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE


def cpu():
    times = os.times()
    return (times.user + times.system + times.children_user
            + times.children_system)


async def run(places, output):
    async with places:
        process = await asyncio.create_subprocess_exec(
            "/bin/true", stdin=DEVNULL, stdout=output, stderr=output)
        stdout, _ = await process.communicate()
        if process.returncode != 0 or stdout:
            sys.exit("wrong result")


async def turns(times, at_once, output):
    places = asyncio.Semaphore(at_once)
    async with asyncio.TaskGroup() as group:
        for _ in range(times):
            group.create_task(run(places, output))


async def main(how, count, at_once):
    output = DEVNULL if how == "null" else PIPE
    await turns(-(-count // 10), at_once, output)
    began, cpu_began = time.perf_counter(), cpu()
    await turns(count, at_once, output)
    scale = 1e6 / count
    print(f"process {(time.perf_counter() - began) * scale:.3f}")
    print(f"cpu {(cpu() - cpu_began) * scale:.3f}")


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
