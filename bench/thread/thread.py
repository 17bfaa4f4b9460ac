"""thread.py - calls of asyncio in other threads.

    python3 thread.py calls|executor CALLS AT_ONCE
    python3 thread.py busy

By asyncio.to_thread, or by an executor of two threads, from as many tasks as
there are to be at once. Prints the microseconds of one; of `busy` how much
longer two that compute take than one.
"""

import asyncio
import concurrent.futures
import sys
import time

STEPS = 2_000_000


def add_one(number):
    return number + 1


async def calls(call, each):
    return sum([await call(add_one, i) for i in range(1, each + 1)])


async def turns(call, count, at_once):
    each = count // at_once
    sums = await asyncio.gather(*(calls(call, each) for _ in range(at_once)))
    if sum(sums) != at_once * each * (each + 3) // 2:
        sys.exit("wrong results")


def compute(steps):
    state = 1
    for _ in range(steps):
        state = (state * 16807) % 2147483647
    return state


async def compute_in(threads):
    began = time.perf_counter()
    results = await asyncio.gather(
        *(asyncio.to_thread(compute, STEPS) for _ in range(threads)))
    took = time.perf_counter() - began
    if len(set(results)) != 1:
        sys.exit("wrong results")
    return took


async def main(how, count=0, at_once=0):
    if how == "busy":
        await compute_in(2)
        one = await compute_in(1)
        print(f"ratio {await compute_in(2) / one:.3f}")
        return
    count, at_once = int(count), int(at_once)
    call = asyncio.to_thread
    executor = concurrent.futures.ThreadPoolExecutor(2)
    if how == "executor":
        loop = asyncio.get_running_loop()

        def call(*work):
            return loop.run_in_executor(executor, *work)

    await turns(call, count // 10, at_once)
    began, cpu_began = time.perf_counter(), time.process_time()
    await turns(call, count, at_once)
    print(f"call {(time.perf_counter() - began) / count * 1e6:.3f}")
    print(f"cpu {(time.process_time() - cpu_began) / count * 1e6:.3f}")


asyncio.run(main(*sys.argv[1:]))
