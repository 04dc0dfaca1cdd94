"""A response of server-sent events: sends frames as they arrive, sends keep-alives, ends with its client."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from understudy.api.errors import envelope, message_envelope
from understudy.api.parts import parts_of
from understudy.engine.run.log import LogReader
from understudy.errors import ApiError

KEEP_ALIVE_SECONDS: Final = 15.0
WRITER: Final = "understudy.writer"
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_KEEP_ALIVE_FRAME = b": keep-alive\n\n"


class Writer(Protocol):
    """Writes directly to the connection. A server that supports it adds one to the request's extensions as `WRITER`."""

    @property
    def ready(self) -> bool:
        """Whether `write` may be called: the response has started, and the connection accepts data."""
        ...

    def write(self, body: bytes) -> None:
        """Sends a part of the body."""
        ...

    def watch(self, on_disconnect: Callable[[], None] | None) -> None:
        """Calls `on_disconnect` if the client leaves before the end of the response; None ends the watch."""
        ...


class EventStream(Response):
    """Each chunk of `frames` has one or more whole SSE frames; `last` renders the frames after the last chunk.

    A disconnect ends the stream, not the run; `on_end` is called after either. Sends a comment after
    `KEEP_ALIVE_SECONDS` of silence, except to clients of the Azure dialect, whose parser rejects comments.
    """

    def __init__(
        self,
        request: Request,
        frames: AsyncGenerator[bytes, None] | LogReader,
        last: Callable[[], bytes] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._frames = frames
        self._last = last
        self._on_end = on_end
        self._direct: Send | None = request.scope["state"].get("send")
        self._writer: Writer | None = request.scope.get("extensions", {}).get(WRITER)
        state = request.scope["state"]
        self._comments = state["dialect"] != "azure"
        self._open = parts_of(request).streams
        self._key_id: str = state["key_id"]
        self._request_id: str = state["request_id"]
        self._dialect: str = state["dialect"]
        self._last_sent_at = 0.0
        self._unsent: bytes | None = None
        """The last frames of a log, once they are read: one write for them and the end of the response."""
        self._gone = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None
        self.background = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            # The middleware needs only the start of the response. The body bypasses it.
            send = self._direct or send
            if self._comments:
                self._last_sent_at = asyncio.get_running_loop().time()
                self._keep_alive(send)
            if isinstance(self._frames, LogReader):
                await self._follow_log(self._frames, receive, send)
            else:
                await self._follow_generator(self._frames, receive, send)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._on_end is not None:
                self._on_end()

    async def _follow_log(self, reader: LogReader, receive: Receive, send: Send) -> None:
        """Sends a log from the request's own task, which is woken only at the end and for a slow client."""
        task = asyncio.current_task()
        assert task is not None
        writer = _LogWriter(self, reader, self._writer)

        def stop() -> None:
            self._gone = True
            writer.stop()

        unwatch = self._watch_disconnect(receive, stop)
        try:
            with self._open.track(task, self._key_id):
                await self._send_all(partial(self._send_log, reader, writer, send), send)
        finally:
            unwatch()

    async def _follow_generator(self, frames: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
        """Sends frames from a task of its own: to wake the request's would resume every coroutine below it."""
        pump = asyncio.create_task(self._send_all(partial(self._send_each, frames, send), send))

        def stop() -> None:
            self._gone = True
            pump.cancel()

        unwatch = self._watch_disconnect(receive, stop)
        try:
            with self._open.track(pump, self._key_id):
                await pump
        except asyncio.CancelledError:
            if not self._gone:
                raise
        finally:
            unwatch()

    async def _send_all(self, send_body: Callable[[], Awaitable[None]], send: Send) -> None:
        try:
            await send_body()
            last = self._last() if self._last is not None and not self._gone else b""
        except asyncio.CancelledError:
            error = self._open.error_of(asyncio.current_task())
            if error is None:
                raise
            last = self._render_error(error)
        self._ended = True
        if not self._gone:
            await send({"type": "http.response.body", "body": (self._unsent or b"") + last, "more_body": False})

    def _render_error(self, error: ApiError) -> bytes:
        body = message_envelope(error, self._request_id) if self._dialect == "anthropic" else envelope(error)
        return b"event: error\ndata: " + body + b"\n\n"

    async def _send_each(self, frames: AsyncGenerator[bytes, None], send: Send) -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(frames):
            async for chunk in frames:
                self._last_sent_at = loop.time()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _send_log(self, reader: LogReader, writer: "_LogWriter", send: Send) -> None:
        """Sends the logged frames as fast as the client reads, then writes new frames as they arrive."""
        loop = asyncio.get_running_loop()
        with reader:
            while self._unsent is None and not (reader.is_at_end or self._gone):
                frames = reader.read()
                if reader.is_at_end:
                    self.send_at_end(frames)
                elif frames:
                    self._last_sent_at = loop.time()
                    await send({"type": "http.response.body", "body": frames, "more_body": True})
                else:
                    await writer.write_until_blocked()

    def send_at_end(self, frames: bytes) -> None:
        """Sends the last frames of the log with the end of the response."""
        self._unsent = frames

    def record_activity(self, now: float) -> None:
        self._last_sent_at = now

    def _watch_disconnect(self, receive: Receive, stop: Callable[[], None]) -> Callable[[], object]:
        """Calls `stop` when the client leaves, until the returned function is called."""
        if (writer := self._writer) is not None:
            writer.watch(stop)
            return lambda: writer.watch(None)
        return asyncio.create_task(_wait_for_disconnect(receive, stop)).cancel

    def _keep_alive(self, send: Send) -> None:
        """Sends a comment after a long silence, and schedules the next check."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._last_sent_at >= KEEP_ALIVE_SECONDS:
            self._last_sent_at = loop.time()
            if self._writer is None:
                self._comment = loop.create_task(self._send_comment(send))
            elif self._writer.ready:  # what waits for its client needs no comment
                self._writer.write(_KEEP_ALIVE_FRAME)
        self._timer = loop.call_at(self._last_sent_at + KEEP_ALIVE_SECONDS, self._keep_alive, send)

    async def _send_comment(self, send: Send) -> None:
        # The stream may end at the same moment: provider timeouts are round numbers of seconds too.
        if not self._ended:
            await send({"type": "http.response.body", "body": _KEEP_ALIVE_FRAME, "more_body": True})


async def _wait_for_disconnect(receive: Receive, on_disconnect: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    on_disconnect()


class _LogWriter:
    """Writes new frames of a log from a callback, so that a delta wakes no task.

    Frames of one turn of the event loop are written together.
    """

    __slots__ = ("_loop", "_reader", "_scheduled", "_stall", "_stream", "_writer")

    def __init__(self, stream: EventStream, reader: LogReader, writer: Writer | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stream = stream
        self._reader = reader
        self._writer = writer
        self._scheduled = False
        self._stall: asyncio.Future[None] | None = None

    async def write_until_blocked(self) -> None:
        """Writes until the log ends or the connection blocks."""
        self._stall = self._loop.create_future()
        self._reader.notify = self._schedule
        try:
            await self._stall
        finally:
            self._reader.notify = None
            self._stall = None

    def stop(self) -> None:
        """Ends a `write_until_blocked`."""
        if self._stall is not None and not self._stall.done():
            self._stall.set_result(None)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._write_frames)

    def _write_frames(self) -> None:
        self._scheduled = False
        stall = self._stall
        if stall is None or stall.done():
            return
        reader, writer = self._reader, self._writer
        if writer is None or not writer.ready:
            stall.set_result(None)
            return
        try:
            frames = reader.read()
            if reader.is_at_end:
                self._stream.send_at_end(frames)
                stall.set_result(None)
            elif frames:
                writer.write(frames)
                self._stream.record_activity(self._loop.time())
        except Exception as error:  # noqa: BLE001 - raised by the task that waits
            stall.set_exception(error)
