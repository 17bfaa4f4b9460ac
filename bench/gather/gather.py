"""gather.py - coroutines run at once by asyncio.gather.

    python3 gather.py FUNCTIONS TIMES

Each yields once. Prints the nanoseconds of one coroutine.
"""

import asyncio
import sys
import time


async def work(result):
    await asyncio.sleep(0)
    return result


async def turns(count, times):
    """Returns how long it took to gather them all [times] times."""
    total = 0
    began_ns = time.perf_counter_ns()
    for _ in range(times):
        total += sum(await asyncio.gather(*map(work, range(1, count + 1))))
    took_ns = time.perf_counter_ns() - began_ns
    if total != times * count * (count + 1) // 2:
        sys.exit("wrong results")
    return took_ns


async def main(count, times):
    await turns(count, times // 10)
    print(f"gather {await turns(count, times) / (count * times):.3f}")


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
