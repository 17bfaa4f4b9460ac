"""trio.py - functions run at once in a nursery, and a list of their results.

    python3 trio.py FUNCTIONS TIMES

Each yields once. Prints the nanoseconds of one function.
"""

import sys

import measure
import trio


async def work(result):
    await trio.lowlevel.checkpoint()
    return result


async def gather(functions, count):
    results = [None] * count

    async def run(i):
        results[i] = await functions(i + 1)

    async with trio.open_nursery() as nursery:
        for i in range(count):
            nursery.start_soon(run, i)
    return results


async def turns(count, times):
    total = 0
    for _ in range(times):
        total += sum(await gather(work, count))
    measure.check(total == times * count * (count + 1) // 2, "wrong results")


async def main(count, times):
    await turns(count, times // 10)
    await measure.each("gather", count * times, turns, count, times)


trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
