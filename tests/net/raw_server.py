"""A server on a raw socket, in the event loop of the test: it sends the bytes that it is made with, whatever they are.

async with RawServer([b"HTTP/1.1 200 OK\\r\\n...", CLOSE]) as server:
    ...                                    # each list has what one request gets, on any connection
    assert server.requests[0].startswith(b"POST /v1 HTTP/1.1\\r\\n")
"""

import asyncio
import contextlib
import re
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Self

CLOSE: Final = object()
"""Ends the connection."""
RESET: Final = object()
"""Ends the connection with a reset."""
HANG: Final = object()
"""Nothing more comes until the client has left."""

WAIT: Final = 15.0
Piece = bytes | object
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


async def until(check: Callable[[], bool]) -> None:
    """Waits until `check` is true."""
    async with asyncio.timeout(WAIT):
        while not check():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.01)


class RawServer:
    """A request is not read before its pieces are sent where they begin with `EARLY`."""

    def __init__(self, *replies: Sequence[Piece], tls: ssl.SSLContext | None = None) -> None:
        self.replies = deque(replies)
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.sent_bytes = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._reply(reader, writer):
                    pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether another request may follow."""
        head = await reader.readuntil(b"\r\n\r\n")
        pieces = self.replies.popleft()
        if pieces[:1] != [EARLY]:
            length = _LENGTH.search(head)
            head += await reader.readexactly(int(length[1]) if length else 0)
        self.requests.append(head)
        for piece in pieces:
            if piece is CLOSE:
                await writer.drain()
                writer.close()
                return False
            if piece is RESET:
                writer.transport.abort()
                return False
            if piece is HANG:
                await reader.read()
                return False
            if isinstance(piece, bytes):
                writer.write(piece)
                self.sent_bytes += len(piece)
                await writer.drain()
                # Each piece arrives by itself.
                await asyncio.sleep(0)
        return True


EARLY: Final = object()
"""The first piece of a reply to the head of a request, whose body is not read."""
