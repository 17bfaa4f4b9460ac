"""trio.py - an echo server on Trio, a task for each connection.

Prints its port.
"""

import trio


async def echo(stream):
    async for data in stream:
        await stream.send_all(data)


async def main():
    listeners = await trio.open_tcp_listeners(
        0, host="127.0.0.1", backlog=1000)
    print(listeners[0].socket.getsockname()[1], flush=True)
    await trio.serve_listeners(echo, listeners)


trio.run(main)
