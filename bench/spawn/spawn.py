"""spawn.py - asyncio tasks started and joined in batches.

    python3 spawn.py BATCH BATCHES

Prints the nanoseconds of one create_task and its part of the join.
"""

import asyncio
import sys
import time

count = 0


async def body():
    global count
    count += 1


async def run(batch, batches):
    for _ in range(batches):
        async with asyncio.TaskGroup() as group:
            for _ in range(batch):
                group.create_task(body())


async def main(batch, batches):
    global count
    await run(batch, batches // 10 + 1)
    count = 0
    began_ns = time.perf_counter_ns()
    await run(batch, batches)
    took_ns = time.perf_counter_ns() - began_ns
    if count != batch * batches:
        sys.exit("wrong number of runs")
    print(f"spawn {took_ns / count:.3f}")


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
