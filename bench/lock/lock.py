"""lock.py - tasks that acquire and release one asyncio lock.

    python3 lock.py plain TASKS TIMES
    python3 lock.py yield TASKS TIMES    with an asyncio.sleep(0) inside

Prints the nanoseconds of one acquire and release; TIMES is of all tasks.
"""

import asyncio
import sys
import time

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
            await asyncio.sleep(0)
            count = before + 1


async def turns(body, tasks, rounds):
    """Returns how long [tasks] tasks took for [rounds] rounds each."""
    global count
    lock = asyncio.Lock()
    count = 0
    began_ns = time.perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(body(lock, rounds))
    took_ns = time.perf_counter_ns() - began_ns
    if count != tasks * rounds or lock.locked():
        sys.exit("wrong count")
    return took_ns


async def main(body, tasks, times):
    each = times // tasks
    await turns(body, tasks, each // 10)
    took_ns = await turns(body, tasks, each)
    print(f"lock {took_ns / (each * tasks):.3f}")


bodies = {"plain": plain, "yield": yielding}
asyncio.run(main(bodies[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])))
