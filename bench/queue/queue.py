"""queue.py - items through an asyncio queue that holds at most 128.

    python3 -P queue.py fifo PAIRS ITEMS
    python3 -P queue.py priority PAIRS ITEMS    the smallest first

-P, since asyncio is to find the library's queue, not this file. Prints the
nanoseconds of one item, put and got.
"""

import asyncio
import sys
import time

sum_put = sum_got = 0


async def produce(queue, count):
    global sum_put
    total = 0
    for i in range(1, count + 1):
        item = i ^ 85  # no longer in order
        await queue.put(item)
        total += item
    sum_put += total


async def consume(queue, count):
    global sum_got
    total = 0
    for _ in range(count):
        total += await queue.get()
    sum_got += total


async def turns(new, couples, count):
    """Returns how long [count] items of each producer took."""
    global sum_put, sum_got
    queue = new(128)
    sum_put = sum_got = 0
    began_ns = time.perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(couples):
            group.create_task(produce(queue, count))
            group.create_task(consume(queue, count))
    took_ns = time.perf_counter_ns() - began_ns
    if sum_got != sum_put or not queue.empty():
        sys.exit("wrong items")
    return took_ns


async def main(new, couples, items):
    each = items // couples
    await turns(new, couples, each // 10)
    took_ns = await turns(new, couples, each)
    print(f"item {took_ns / (each * couples):.3f}")


kinds = {"fifo": asyncio.Queue, "priority": asyncio.PriorityQueue}
asyncio.run(main(kinds[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])))
