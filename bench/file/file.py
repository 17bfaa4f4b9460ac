"""file.py - files read by asyncio.to_thread.

    python3 file.py large PATH         from beginning to end
    python3 file.py small DIR FILES    all at once, DIR/1 and so on

Prints the milliseconds, or the microseconds of one small file.
"""

import asyncio
import pathlib
import sys
import time

LARGE, END = 2**30, b"the end."
PIECE = 128 * 1024
SMALL = 4096


async def large(path, _):
    size, last = 0, b""
    with open(path, "rb", buffering=0) as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            size, last = size + len(piece), piece
    if size != LARGE or not last.endswith(END):
        sys.exit("wrong bytes")


async def small(path, count):
    paths = [pathlib.Path(path, str(i)) for i in range(1, count + 1)]
    contents = await asyncio.gather(
        *(asyncio.to_thread(path.read_bytes) for path in paths))
    for i, content in enumerate(contents, 1):
        if len(content) != SMALL or int(content) != i:
            sys.exit("wrong bytes")


async def main(name, path, count=0):
    count = int(count)
    work, unit = (small, 1e6 / count) if name == "small" else (large, 1e3)
    await work(path, count)
    began, cpu_began = time.perf_counter(), time.process_time()
    await work(path, count)
    print(f"{name} {(time.perf_counter() - began) * unit:.3f}")
    print(f"cpu {(time.process_time() - cpu_began) * unit:.3f}")


asyncio.run(main(*sys.argv[1:]))
