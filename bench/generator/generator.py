"""generator.py - items of an async generator that an async for consumes.

    python3 generator.py plain ITEMS
    python3 generator.py yield ITEMS    with an asyncio.sleep(0) before each

Prints the nanoseconds of one item.
"""

import asyncio
import sys
import time


async def plain(count):
    for i in range(1, count + 1):
        yield i


async def yielding(count):
    for i in range(1, count + 1):
        await asyncio.sleep(0)
        yield i


async def consume(generate, count):
    """Returns how long it took to consume [count] items."""
    total = 0
    began_ns = time.perf_counter_ns()
    async for item in generate(count):
        total += item
    took_ns = time.perf_counter_ns() - began_ns
    if total != count * (count + 1) // 2:
        sys.exit("wrong items")
    return took_ns


async def main(generate, items):
    await consume(generate, items // 10)
    print(f"item {await consume(generate, items) / items:.3f}")


generators = {"plain": plain, "yield": yielding}
asyncio.run(main(generators[sys.argv[1]], int(sys.argv[2])))
