"""trio.py - parked Trio tasks, each in a scope that is cancelled.

    python3 trio.py TASKS

Trio cancels scopes, not tasks. Prints the nanoseconds of one cancel and its
part of the join (cancel), and the same with the start of the task (all).
"""

import gc
import sys
import time

import measure
import trio
import trio.testing

cancelled = 0


async def body(scope):
    global cancelled
    with scope:
        await trio.sleep_forever()
    cancelled += scope.cancelled_caught


async def turns(count):
    """Returns the nanoseconds of it all and of the cancelling."""
    global cancelled
    cancelled = 0
    began_ns = time.perf_counter_ns()
    scopes = [trio.CancelScope() for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(body, scope)
        await trio.testing.wait_all_tasks_blocked()
        parked_ns = time.perf_counter_ns()
        for scope in scopes:
            scope.cancel()
    ended_ns = time.perf_counter_ns()
    measure.check(cancelled == count, "wrong number of cancellations")
    return ended_ns - began_ns, ended_ns - parked_ns


async def main(count):
    await turns(count)
    gc.collect()
    all_ns, cancel_ns = await turns(count)
    print(f"cancel {cancel_ns / count:.3f}")
    print(f"all {all_ns / count:.3f}")


trio.run(main, int(sys.argv[1]))
