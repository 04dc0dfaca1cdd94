"""An answer of server-sent events: sent as they come, kept alive while nothing happens, ended with its client."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

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
    """`frames` are one or more whole blocks each, and `last` tells what follows the last of them.

    A client that goes away ends its own stream and nothing else. After `KEEP_ALIVE` seconds of silence a comment is
    sent, except to clients of the Azure dialect, whose parser takes no comments.
    """

    def __init__(
        self, request: Request, frames: AsyncGenerator[bytes, None], last: Callable[[], bytes] | None = None
    ) -> None:
        self._frames = frames
        self._last = last
        self._direct: Send | None = request.scope["state"].get("send")
        self._comments = request.state.dialect != "azure"
        self._open = parts_of(request).streams
        self._spoken = 0.0
        self._gone = False
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None
        self.background = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        # Everything around a request looks at how its answer begins. What follows takes the short way, from a task of
        # its own: a task that is woken passes through all that it stands on, and that is half of what a delta costs.
        send = self._direct or send
        pump = asyncio.create_task(self._send_all(send))
        watcher = asyncio.create_task(self._watch(receive, pump))
        if self._comments:
            self._spoken = asyncio.get_running_loop().time()
            self._keep_alive(send)
        try:
            with self._open.opened(pump):
                await pump
        except asyncio.CancelledError:
            if not self._gone:
                raise
        finally:
            watcher.cancel()
            if self._timer is not None:
                self._timer.cancel()

    async def _send_all(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(self._frames):
                async for frames in self._frames:
                    self._spoken = loop.time()
                    await send({"type": "http.response.body", "body": frames, "more_body": True})
            last = self._last() if self._last is not None else b""
        except asyncio.CancelledError:
            pump = asyncio.current_task()
            if pump is None or pump not in self._open.ended:
                raise
            pump.uncancel()
            last = _FAREWELL
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _watch(self, receive: Receive, pump: "asyncio.Task[None]") -> None:
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
