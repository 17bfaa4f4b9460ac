"""startup.py - a program that runs one asyncio task, which does nothing."""

import asyncio


async def main():
    await asyncio.sleep(0)


asyncio.run(main())
