"""switch.py - asyncio tasks that yield in turn.

    python3 switch.py TASKS SWITCHES

Prints the nanoseconds of one asyncio.sleep(0).
"""

import asyncio
import sys
import time

done = 0


async def body(rounds):
    global done
    for _ in range(rounds):
        await asyncio.sleep(0)
    done += rounds


async def turns(tasks, rounds):
    """Returns how long [tasks] tasks took to yield [rounds] times each."""
    began_ns = time.perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(body(rounds))
    return time.perf_counter_ns() - began_ns


async def main(tasks, switches):
    global done
    rounds = switches // tasks
    await turns(tasks, rounds // 10)
    done = 0
    took_ns = await turns(tasks, rounds)
    if done != rounds * tasks:
        sys.exit("wrong number of switches")
    print(f"switch {took_ns / done:.3f}")


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
