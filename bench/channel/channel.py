"""channel.py - items put by one task and got by another until the end.

    python3 channel.py CAPACITY ITEMS    0 is a rendezvous

asyncio has no channels, so this is what a queue makes of one: its end is an
item, None, and for a rendezvous the producer joins the queue after each put.
Prints the nanoseconds of one item, put and got.
"""

import asyncio
import sys
import time


async def send(queue, count):
    for i in range(1, count + 1):
        await queue.put(i)
    await queue.put(None)


async def send_and_meet(queue, count):
    for i in range(1, count + 1):
        await queue.put(i)
        await queue.join()
    await queue.put(None)


async def receive(queue):
    total = 0
    while (item := await queue.get()) is not None:
        total += item
    return total


async def receive_and_meet(queue):
    total = 0
    while (item := await queue.get()) is not None:
        queue.task_done()
        total += item
    return total


async def stream(capacity, count):
    """Returns how long [count] items took."""
    queue = asyncio.Queue(capacity or 1)
    began_ns = time.perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        group.create_task((send if capacity else send_and_meet)(queue, count))
        total = await (receive if capacity else receive_and_meet)(queue)
    took_ns = time.perf_counter_ns() - began_ns
    if total != count * (count + 1) // 2:
        sys.exit("wrong items")
    return took_ns


async def main(capacity, items):
    await stream(capacity, items // 10)
    print(f"item {await stream(capacity, items) / items:.3f}")


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
