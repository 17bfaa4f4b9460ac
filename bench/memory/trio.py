"""trio.py - what a parked Trio task takes: trio.py TASKS

Prints the resident bytes of one (bytes), and the nanoseconds to start,
cancel and join one (each).
"""

import sys
import time

import measure
import trio
import trio.testing

cancelled = 0


async def body():
    global cancelled
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        cancelled += 1
        raise


async def main(count):
    before = measure.resident_bytes()
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(body)
        await trio.testing.wait_all_tasks_blocked()
        parked = measure.resident_bytes()
        nursery.cancel_scope.cancel()
    took = time.perf_counter() - began
    measure.check(cancelled == count, "a task has not ended cancelled")
    print(f"bytes {(parked - before) / count:.1f}")
    print(f"each {took / count * 1e9:.3f}")


trio.run(main, int(sys.argv[1]))
