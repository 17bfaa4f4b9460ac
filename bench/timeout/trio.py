"""trio.py - Trio timeouts that are left, or fire.

    python3 trio.py scope TASKS TIMES    entered and left
    python3 trio.py yield TASKS TIMES    with a checkpoint inside
    python3 trio.py fires TASKS TIMES    of 1 ms, waited for, in CPU time

Prints the nanoseconds of one timeout.
"""

import sys
import time

import measure
import trio

good = 0


async def scope(times):
    global good
    for _ in range(times):
        with trio.fail_after(60):
            pass
    good += times


async def yielding(times):
    global good
    for _ in range(times):
        with trio.fail_after(60):
            await trio.lowlevel.checkpoint()
    good += times


async def fires(times):
    global good
    for _ in range(times):
        try:
            with trio.fail_after(0.001):
                await trio.sleep_forever()
        except trio.TooSlowError:
            good += 1


async def turns(body, tasks, times):
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(body, times)


async def main(body, clock_ns, tasks, times):
    global good
    await turns(body, tasks, times // 10 + 1)
    good = 0
    began_ns = clock_ns()
    await turns(body, tasks, times)
    took_ns = clock_ns() - began_ns
    measure.check(good == tasks * times, "wrong number of timeouts")
    print(f"timeout {took_ns / good:.3f}")


bodies = {
    "scope": (scope, time.perf_counter_ns),
    "yield": (yielding, time.perf_counter_ns),
    "fires": (fires, time.process_time_ns),
}
trio.run(main, *bodies[sys.argv[1]], *map(int, sys.argv[2:]))
