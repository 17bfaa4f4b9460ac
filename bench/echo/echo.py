"""An echo server on asyncio's streams: python3 echo.py [uvloop]

Prints its port. With `uvloop` its loop is that one.
"""
import asyncio
import sys

READ_BYTES = 64 * 1024


async def echo(reader, writer):
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if sys.argv[1:] == ["uvloop"]:
    import uvloop
    uvloop.install()
asyncio.run(main())
