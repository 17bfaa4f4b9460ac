"""trio.py - items sent from one Trio task to another until the end.

    python3 trio.py CAPACITY ITEMS    0 is a rendezvous

Prints the nanoseconds of one item, sent and received.
"""

import sys

import measure
import trio


async def send(sender, count):
    async with sender:
        for i in range(1, count + 1):
            await sender.send(i)


async def stream(capacity, count):
    sender, receiver = trio.open_memory_channel(capacity)
    total = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, sender, count)
        async for item in receiver:
            total += item
    measure.check(total == count * (count + 1) // 2, "wrong items")


async def main(capacity, items):
    await stream(capacity, items // 10)
    await measure.each("item", items, stream, capacity, items)


trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
