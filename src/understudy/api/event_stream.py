"""An answer of server-sent events: sent as they come, kept alive while nothing happens, ended with its client."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from understudy.api.errors import envelope
from understudy.api.parts import parts_of
from understudy.errors import Unavailable

KEEP_ALIVE: Final = 15.0
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_COMMENT = b": keep-alive\n\n"
_STOPPING = "The server is stopping and cannot finish this stream. Try again in a moment."
_FAREWELL = b"event: error\ndata: " + envelope(Unavailable(_STOPPING)) + b"\n\n"


class EventStream(Response):
    """`frames` are one or more whole blocks each. A client that goes away ends its own stream and nothing else.

    After `KEEP_ALIVE` seconds of silence a comment is sent, except to clients of the Azure dialect, whose parser takes
    no comments.
    """

    def __init__(self, request: Request, frames: AsyncGenerator[bytes, None]) -> None:
        self._frames = frames
        self._comments = request.state.dialect != "azure"
        self._open = parts_of(request).streams
        self._spoken = 0.0
        self._gone = False
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None
        self.background = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        pump = asyncio.current_task()
        assert pump is not None
        watcher = asyncio.create_task(self._watch(receive, pump))
        if self._comments:
            self._spoken = asyncio.get_running_loop().time()
            self._keep_alive(send)
        try:
            with self._open.opened(pump):
                await self._send_all(send, pump)
        except asyncio.CancelledError:
            if not self._gone:
                raise
        finally:
            watcher.cancel()
            if self._timer is not None:
                self._timer.cancel()

    async def _send_all(self, send: Send, pump: "asyncio.Task[Any]") -> None:
        last = b""
        try:
            await self._send_frames(send)
        except asyncio.CancelledError:
            if pump not in self._open.ended:
                raise
            pump.uncancel()
            last = _FAREWELL
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_frames(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(self._frames):
            async for frames in self._frames:
                self._spoken = loop.time()
                await send({"type": "http.response.body", "body": frames, "more_body": True})

    async def _watch(self, receive: Receive, pump: "asyncio.Task[object]") -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        pump.cancel()

    def _keep_alive(self, send: Send) -> None:
        """Breaks a silence that has lasted long enough, and looks again when the next one could have."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._spoken >= KEEP_ALIVE:
            self._spoken = loop.time()
            self._comment = loop.create_task(_say(send))
        self._timer = loop.call_at(self._spoken + KEEP_ALIVE, self._keep_alive, send)


async def _say(send: Send) -> None:
    await send({"type": "http.response.body", "body": _COMMENT, "more_body": True})
