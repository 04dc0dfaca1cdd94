"""A proxy in front of the nodes of a cluster, which sends the requests to the nodes in turn.

with AlternatingProxy(["http://127.0.0.1:8001", "http://127.0.0.1:8002"]) as proxy:
    ...                                    # point any client at proxy.url
proxy.counts                               # requests of each node

It parses heads and bodies of requests to find where the next one begins, and relays the bytes of responses unread, as
it does those of a connection that has become a WebSocket.
"""

import asyncio
import contextlib
import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade: *websocket", re.IGNORECASE)
_HEAD_BYTES = 1 << 20
_PIECE = 1 << 16
_STOP_SECONDS = 10.0


class AlternatingProxy:
    """Runs in a thread, so that any client can use it. A request of a connection may go to another node than the one before."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._addresses = [(parts.hostname or "", parts.port or 80) for parts in map(urlsplit, urls)]
        self._turns = itertools.cycle(range(len(urls)))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[int] = Counter()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_STOP_SECONDS)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES)

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection = _Connection(writer, self._addresses, self._next_node)
        # What ends a connection is what its client and its nodes do.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await connection.relay_requests(reader)
        connection.close()

    def _next_node(self) -> int:
        node = next(self._turns)
        self.counts[node] += 1
        return node


class _Connection:
    """A connection of a client, and those to the nodes for it."""

    def __init__(
        self, client: asyncio.StreamWriter, addresses: Sequence[tuple[str, int]], next_node: Callable[[], int]
    ) -> None:
        self._client = client
        self._addresses = addresses
        self._next_node = next_node
        self._nodes: dict[int, tuple[asyncio.StreamWriter, asyncio.Task[None]]] = {}
        self._current = -1

    async def relay_requests(self, reader: asyncio.StreamReader) -> None:
        """Relays one request after another until the client disconnects."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self._current = self._next_node()
            node, responses = await self._connect(self._current)
            try:
                node.write(head)
                if _UPGRADE.search(head):
                    await _relay_rest(reader, node)
                    return
                await _relay_body(reader, node, head)
            except ConnectionError:
                await responses  # a node may reply before the end of a request, and close the connection
                raise

    def close(self) -> None:
        for writer, task in self._nodes.values():
            task.cancel()
            writer.close()
        self._client.close()

    async def _connect(self, number: int) -> tuple[asyncio.StreamWriter, asyncio.Task[None]]:
        if number not in self._nodes:
            reader, writer = await asyncio.open_connection(*self._addresses[number])
            self._nodes[number] = writer, asyncio.create_task(self._relay_responses(number, reader, writer))
        return self._nodes[number]

    async def _relay_responses(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                self._client.write(piece)
                await self._client.drain()
        writer.close()
        self._nodes.pop(number, None)
        if number == self._current:  # a connection that a node closes while it is idle is opened again when needed
            self._client.close()


async def _relay_rest(reader: asyncio.StreamReader, node: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        node.write(piece)
        await node.drain()


async def _relay_body(reader: asyncio.StreamReader, node: asyncio.StreamWriter, head: bytes) -> None:
    if _CHUNKED.search(head):
        while True:
            size = await reader.readuntil(b"\r\n")
            node.write(size)
            length = int(size.partition(b";")[0], 16)
            await _relay_bytes(reader, node, length + 2)
            if not length:
                return
    match = _LENGTH.search(head)
    await _relay_bytes(reader, node, int(match[1]) if match else 0)


async def _relay_bytes(reader: asyncio.StreamReader, node: asyncio.StreamWriter, length: int) -> None:
    while length:
        piece = await reader.read(min(length, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(piece, length)
        node.write(piece)
        await node.drain()
        length -= len(piece)
