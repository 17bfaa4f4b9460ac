"""timeout.py - asyncio timeouts that are left, or fire.

    python3 timeout.py scope TASKS TIMES    entered and left
    python3 timeout.py yield TASKS TIMES    with an asyncio.sleep(0) inside
    python3 timeout.py fires TASKS TIMES    of 1 ms, waited for, in CPU time

Prints the nanoseconds of one timeout.
"""

import asyncio
import sys
import time

good = 0


async def scope(times):
    global good
    for _ in range(times):
        async with asyncio.timeout(60):
            pass
    good += times


async def yielding(times):
    global good
    for _ in range(times):
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
    good += times


async def fires(times):
    global good
    loop = asyncio.get_running_loop()
    for _ in range(times):
        try:
            async with asyncio.timeout(0.001):
                await loop.create_future()
        except TimeoutError:
            good += 1


async def turns(body, tasks, times):
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(body(times))


async def timeouts(body, clock_ns, tasks, times):
    global good
    await turns(body, tasks, times // 10 + 1)
    good = 0
    began_ns = clock_ns()
    await turns(body, tasks, times)
    took_ns = clock_ns() - began_ns
    if good != tasks * times:
        sys.exit("wrong number of timeouts")
    print(f"timeout {took_ns / good:.3f}")


bodies = {
    "scope": (scope, time.perf_counter_ns),
    "yield": (yielding, time.perf_counter_ns),
    "fires": (fires, time.process_time_ns),
}
asyncio.run(timeouts(*bodies[sys.argv[1]], *map(int, sys.argv[2:])))
