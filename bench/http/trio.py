"""trio.py - a file fetched again and again by httpx: FETCHES AT_ONCE

From BENCH_URL, by so many Trio tasks. Prints the microseconds of one, and of
CPU time.
"""

import os
import sys

import httpx
import measure
import trio

URL = os.environ["BENCH_URL"]
BYTES = 1024


async def fetch(client, times):
    for _ in range(times):
        answer = await client.get(URL)
        measure.check(answer.status_code == 200
                      and len(answer.content) == BYTES, "wrong answer")


async def turns(client, fetches, at_once):
    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(fetch, client, fetches // at_once)


async def main(fetches, at_once):
    limits = httpx.Limits(max_connections=at_once,
                          max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits) as client:
        await turns(client, fetches // 10, at_once)
        await measure.both("fetch", 1e6 / fetches, turns, client, fetches,
                           at_once)


trio.run(main, int(sys.argv[1]), int(sys.argv[2]))
