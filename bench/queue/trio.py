"""trio.py - items through a memory channel that holds at most 128.

    python3 trio.py fifo PAIRS ITEMS

Prints the nanoseconds of one item, sent and received.
"""

import sys

import measure
import trio

sum_put = sum_got = 0


async def produce(channel, count):
    global sum_put
    total = 0
    for i in range(1, count + 1):
        item = i ^ 85
        await channel.send(item)
        total += item
    sum_put += total


async def consume(channel, count):
    global sum_got
    total = 0
    for _ in range(count):
        total += await channel.receive()
    sum_got += total


async def turns(couples, count):
    global sum_put, sum_got
    sum_put = sum_got = 0
    sender, receiver = trio.open_memory_channel(128)
    async with trio.open_nursery() as nursery:
        for _ in range(couples):
            nursery.start_soon(produce, sender, count)
            nursery.start_soon(consume, receiver, count)
    measure.check(sum_put == sum_got, "wrong items")


async def main(couples, items):
    each = items // couples
    await turns(couples, each // 10)
    await measure.each("item", each * couples, turns, couples, each)


measure.check(sys.argv[1] == "fifo", "Trio has no priority queue")
trio.run(main, int(sys.argv[2]), int(sys.argv[3]))
