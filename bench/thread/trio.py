"""trio.py - calls of Trio in other threads.

    python3 trio.py calls CALLS AT_ONCE
    python3 trio.py busy

Prints the microseconds of one; of busy how much longer two that compute take
than one.
"""

import sys
import time

import measure
import trio

STEPS = 2_000_000


def add_one(number):
    return number + 1


async def calls(each, sums):
    sums.append(sum([await trio.to_thread.run_sync(add_one, i)
                     for i in range(1, each + 1)]))


async def turns(count, at_once):
    each, sums = count // at_once, []
    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(calls, each, sums)
    measure.check(sum(sums) == at_once * each * (each + 3) // 2,
                  "wrong results")


def compute(steps):
    state = 1
    for _ in range(steps):
        state = (state * 16807) % 2147483647
    return state


async def compute_in(threads):
    results = set()

    async def run():
        results.add(await trio.to_thread.run_sync(compute, STEPS))

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(threads):
            nursery.start_soon(run)
    measure.check(len(results) == 1, "wrong results")
    return time.perf_counter() - began


async def busy():
    await compute_in(2)
    one = await compute_in(1)
    print(f"ratio {await compute_in(2) / one:.3f}")


async def main(count, at_once):
    await turns(count // 10, at_once)
    await measure.both("call", 1e6 / count, turns, count, at_once)


if sys.argv[1] == "busy":
    trio.run(busy)
else:
    measure.check(sys.argv[1] == "calls", "Trio has no executors")
    trio.run(main, int(sys.argv[2]), int(sys.argv[3]))
