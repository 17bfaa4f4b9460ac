"""trio.py - items of an async generator that an async for consumes.

    python3 trio.py yield ITEMS    with a checkpoint before each

Prints the nanoseconds of one item.
"""

import sys

import measure
import trio


async def generate(count):
    for i in range(1, count + 1):
        await trio.lowlevel.checkpoint()
        yield i


async def consume(count):
    total = 0
    async for item in generate(count):
        total += item
    measure.check(total == count * (count + 1) // 2, "wrong items")


async def main(items):
    await consume(items // 10)
    await measure.each("item", items, consume, items)


measure.check(sys.argv[1] == "yield", "without one it is Python's alone")
trio.run(main, int(sys.argv[2]))
