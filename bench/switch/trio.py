"""trio.py - Trio tasks that yield in turn: trio.py TASKS SWITCHES

Prints the nanoseconds of one checkpoint.
"""

import sys

import measure
import trio

done = 0


async def body(rounds):
    global done
    for _ in range(rounds):
        await trio.lowlevel.checkpoint()
    done += rounds


async def turns(tasks, rounds):
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(body, rounds)


async def main(tasks, switches):
    global done
    rounds = switches // tasks
    await turns(tasks, rounds // 10)
    done = 0
    await measure.each("switch", rounds * tasks, turns, tasks, rounds)
    measure.check(done == rounds * tasks, "wrong number of switches")


trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
