"""http.py - a file fetched again and again by aiohttp: FETCHES AT_ONCE

From BENCH_URL, by so many tasks. Prints the microseconds of one, and of CPU
time.
"""

import asyncio
import os
import sys

import aiohttp
import measure

URL = os.environ["BENCH_URL"]
BYTES = 1024


async def fetch(session, times):
    for _ in range(times):
        async with session.get(URL) as answer:
            body = await answer.read()
            measure.check(answer.status == 200 and len(body) == BYTES,
                          "wrong answer")


async def turns(session, fetches, at_once):
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(fetch(session, fetches // at_once))


async def main(fetches, at_once):
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        await turns(session, fetches // 10, at_once)
        await measure.both("fetch", 1e6 / fetches, turns, session, fetches,
                           at_once)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
