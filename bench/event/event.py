"""event.py - asyncio events that tasks wait on.

    python3 event.py pong WAKES             two tasks wake each other
    python3 event.py crowd WAITERS TIMES    one event wakes them all

Prints the nanoseconds of one task woken.
"""

import asyncio
import sys
import time

woken = 0


async def answer(mine, other, rounds):
    global woken
    for _ in range(rounds):
        await mine.wait()
        mine.clear()
        woken += 1
        other.set()


async def pong(rounds):
    ping, back = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(answer(ping, back, rounds))
        group.create_task(answer(back, ping, rounds))
        ping.set()
    return 2 * rounds


async def crowd(rounds, waiters):
    gate, waiting = asyncio.Event(), 0

    async def wait():
        global woken
        nonlocal waiting
        for _ in range(rounds):
            waiting += 1
            await gate.wait()
            woken += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(waiters):
            group.create_task(wait())
        for _ in range(rounds):
            while waiting < waiters:
                await asyncio.sleep(0)
            full = gate
            gate, waiting = asyncio.Event(), 0
            full.set()
    return waiters * rounds


async def measure(run, rounds, *sizes):
    """Returns the nanoseconds of one wake."""
    global woken
    woken = 0
    began_ns = time.perf_counter_ns()
    wakes = await run(rounds, *sizes)
    took_ns = time.perf_counter_ns() - began_ns
    if woken != wakes:
        sys.exit("wrong number of wakes")
    return took_ns / wakes


async def main(run, rounds, *sizes):
    await measure(run, rounds // 10, *sizes)
    print(f"wake {await measure(run, rounds, *sizes):.3f}")


if sys.argv[1] == "pong":
    asyncio.run(main(pong, int(sys.argv[2]) // 2))
else:
    asyncio.run(main(crowd, int(sys.argv[3]), int(sys.argv[2])))
