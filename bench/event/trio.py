"""trio.py - Trio events that tasks wait on.

    python3 trio.py pong WAKES             two tasks wake each other
    python3 trio.py crowd WAITERS TIMES    one event wakes them all

An event of Trio is never cleared: each wait has a new one. Prints the
nanoseconds of one task woken.
"""

import sys

import measure
import trio

woken = 0


async def answer(events, mine, other, rounds):
    global woken
    for _ in range(rounds):
        await events[mine].wait()
        events[mine] = trio.Event()
        woken += 1
        events[other].set()


async def pong(rounds):
    events = [trio.Event(), trio.Event()]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, events, 0, 1, rounds)
        nursery.start_soon(answer, events, 1, 0, rounds)
        events[0].set()


async def crowd(rounds, waiters):
    gate, waiting = trio.Event(), 0

    async def wait():
        global woken
        nonlocal waiting
        for _ in range(rounds):
            waiting += 1
            await gate.wait()
            woken += 1

    async with trio.open_nursery() as nursery:
        for _ in range(waiters):
            nursery.start_soon(wait)
        for _ in range(rounds):
            while waiting < waiters:
                await trio.lowlevel.checkpoint()
            full = gate
            gate, waiting = trio.Event(), 0
            full.set()


async def main(run, rounds, tasks, *sizes):
    global woken
    await run(rounds // 10, *sizes)
    woken = 0
    await measure.each("wake", rounds * tasks, run, rounds, *sizes)
    measure.check(woken == rounds * tasks, "wrong number of wakes")


if sys.argv[1] == "pong":
    trio.run(main, pong, int(sys.argv[2]) // 2, 2)
else:
    waiters = int(sys.argv[2])
    trio.run(main, crowd, int(sys.argv[3]), waiters, waiters)
