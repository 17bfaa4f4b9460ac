"""trio.py - files read by Trio.

    python3 trio.py large PATH         from beginning to end
    python3 trio.py small DIR FILES    all at once, DIR/1 and so on

Prints the milliseconds, or the microseconds of one small file.
"""

import sys

import measure
import trio

LARGE, END = 2**30, b"the end."
PIECE = 128 * 1024
SMALL = 4096


async def large(path, _):
    size, last = 0, b""
    async with await trio.open_file(path, "rb", buffering=0) as file:
        while piece := await file.read(PIECE):
            size, last = size + len(piece), piece
    measure.check(size == LARGE and last.endswith(END), "wrong bytes")


async def small(path, count):
    contents = [b""] * count

    async def read(i):
        contents[i] = await trio.Path(path, str(i + 1)).read_bytes()

    async with trio.open_nursery() as nursery:
        for i in range(count):
            nursery.start_soon(read, i)
    for i, content in enumerate(contents, 1):
        measure.check(len(content) == SMALL and int(content) == i,
                      "wrong bytes")


async def main(name, path, count=0):
    count = int(count)
    work, scale = (small, 1e6 / count) if name == "small" else (large, 1e3)
    await work(path, count)
    await measure.both(name, scale, work, path, count)


trio.run(main, *sys.argv[1:])
