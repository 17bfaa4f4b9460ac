"""trio.py - Trio tasks started and joined in batches: trio.py BATCH BATCHES

Prints the nanoseconds of one start_soon and its part of the join.
"""

import sys

import measure
import trio

count = 0


async def body():
    global count
    count += 1


async def run(batch, batches):
    for _ in range(batches):
        async with trio.open_nursery() as nursery:
            for _ in range(batch):
                nursery.start_soon(body)


async def main(batch, batches):
    global count
    await run(batch, batches // 10 + 1)
    count = 0
    await measure.each("spawn", batch * batches, run, batch, batches)
    measure.check(count == batch * batches, "wrong number of runs")


trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
