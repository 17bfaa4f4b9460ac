"""trio.py - a program that runs one Trio task, which does nothing."""

import trio


async def main():
    await trio.lowlevel.checkpoint()


trio.run(main)
