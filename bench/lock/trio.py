"""trio.py - tasks that acquire and release one Trio lock.

    python3 trio.py plain TASKS TIMES
    python3 trio.py yield TASKS TIMES    with a checkpoint inside

Prints the nanoseconds of one acquire and release; TIMES is of all tasks.
"""

import sys

import measure
import trio

count = 0


async def plain(lock, rounds):
    global count
    for _ in range(rounds):
        async with lock:
            count += 1


async def yielding(lock, rounds):
    """Counts wrong if another task comes in between."""
    global count
    for _ in range(rounds):
        async with lock:
            before = count
            await trio.lowlevel.checkpoint()
            count = before + 1


async def turns(body, tasks, rounds):
    global count
    lock = trio.Lock()
    count = 0
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(body, lock, rounds)
    measure.check(count == tasks * rounds, "wrong count")


async def main(body, tasks, times):
    each = times // tasks
    await turns(body, tasks, each // 10)
    await measure.each("lock", each * tasks, turns, body, tasks, each)


bodies = {"plain": plain, "yield": yielding}
trio.run(main, bodies[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3]))
