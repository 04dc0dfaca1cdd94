"""A TCP proxy in a process of its own, between each node and the services that it needs.

Its arguments are JSON: a list of `[name, port, target]`, whose target is a port or the path of a Unix socket. Each line
on its standard input is `NAME MODE`; it prints a line once the mode is in force.

    open     connects
    refused  closes all connections, and refuses new ones
    silent   accepts connections, and forwards nothing in either direction until it is open again
"""

import asyncio
import contextlib
import json
import sys

_CHUNK = 1 << 16


class Link:
    """One listening port and its target."""

    def __init__(self, name: str, port: int, target: int | str) -> None:
        self.name = name
        self._port = port
        self._target = target
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def set_mode(self, mode: str) -> None:
        if mode == "silent":
            self._passing.clear()
        else:
            self._passing.set()
        if mode == "refused":
            await self._stop()
        elif self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, backlog=256)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._passing.wait()
            if isinstance(self._target, int):
                there = await asyncio.open_connection("127.0.0.1", self._target)
            else:
                there = await asyncio.open_unix_connection(self._target)
            pumps = [
                asyncio.create_task(self._pump(reader, there[1])),
                asyncio.create_task(self._pump(there[0], writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                there[1].transport.abort()
        writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                await self._passing.wait()
                sink.write(data)
                await sink.drain()


async def serve(links: dict[str, Link]) -> None:
    """Serves until its standard input ends."""
    for link in links.values():
        await link.set_mode("open")
    print("ready", flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode():
        name, mode = line.split()
        await links[name].set_mode(mode)
        print(name, mode, flush=True)


if __name__ == "__main__":
    asyncio.run(serve({link[0]: Link(*link) for link in json.loads(sys.argv[1])}))
