"""cancel.py - parked asyncio tasks, cancelled and joined.

    python3 cancel.py TASKS

Prints the nanoseconds of one cancel and its part of the join (cancel), and the
same with the start of the task (all).
"""

import asyncio
import gc
import sys
import time


async def body():
    await asyncio.get_running_loop().create_future()


async def turns(count):
    """Returns the nanoseconds of it all and of the cancelling, and how many
    tasks ended cancelled."""
    began_ns = time.perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(body()) for _ in range(count)]
        await asyncio.sleep(0)
        parked_ns = time.perf_counter_ns()
        for task in tasks:
            task.cancel()
    ended_ns = time.perf_counter_ns()
    cancelled = sum(task.cancelled() for task in tasks)
    return ended_ns - began_ns, ended_ns - parked_ns, cancelled


async def main(count):
    await turns(count)
    gc.collect()
    all_ns, cancel_ns, cancelled = await turns(count)
    if cancelled != count:
        sys.exit("wrong number of cancellations")
    print(f"cancel {cancel_ns / count:.3f}")
    print(f"all {all_ns / count:.3f}")


asyncio.run(main(int(sys.argv[1])))
