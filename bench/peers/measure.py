"""measure.py - what the programs on Trio and aiohttp share."""

import os
import resource
import sys
import time


def check(good, what):
    """Ends the program with a failure where something is wrong."""
    if not good:
        sys.exit(what)


async def each(measure, count, work, *sizes):
    """Prints the nanoseconds of one of [count] operations that work does."""
    began_ns = time.perf_counter_ns()
    await work(*sizes)
    print(f"{measure} {(time.perf_counter_ns() - began_ns) / count:.3f}")


async def both(measure, scale, work, *sizes):
    """Prints the elapsed time and the CPU time of work, times [scale]."""
    began, cpu_began = time.perf_counter(), cpu()
    await work(*sizes)
    print(f"{measure} {(time.perf_counter() - began) * scale:.3f}")
    print(f"cpu {(cpu() - cpu_began) * scale:.3f}")


def cpu():
    """CPU seconds, the kernel's part and ended processes included."""
    times = os.times()
    return (times.user + times.system + times.children_user
            + times.children_system)


def peak_megabytes():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * 1024 / 1e6


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
