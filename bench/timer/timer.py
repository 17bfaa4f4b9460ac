"""timer.py - asyncio timeouts, and tasks that sleep.

    python3 timer.py scope TASKS TIMES    entered and left
    python3 timer.py yield TASKS TIMES    with an asyncio.sleep(0) inside
    python3 timer.py fires TASKS TIMES    of 1 ms, waited for, in CPU time
    python3 timer.py sleepers TASKS       0 to 1000 ms: CPU seconds, peak MB
"""

import asyncio
import resource
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


async def sleeper(seconds):
    global good
    await asyncio.sleep(seconds)
    good += 1


async def sleepers(tasks):
    async with asyncio.TaskGroup() as group:
        for task in range(tasks):
            group.create_task(sleeper(task % 1001 / 1000))
    if good != tasks:
        sys.exit("a sleeper has not woken")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"cpu {usage.ru_utime + usage.ru_stime:.4f}")
    print(f"peak {usage.ru_maxrss * 1024 / 1e6:.2f}")


work, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]]
if work == "sleepers":
    asyncio.run(sleepers(*sizes))
else:
    bodies = {
        "scope": (scope, time.perf_counter_ns),
        "yield": (yielding, time.perf_counter_ns),
        "fires": (fires, time.process_time_ns),
    }
    asyncio.run(timeouts(*bodies[work], *sizes))
