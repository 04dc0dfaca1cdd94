"""One request on a connection: hands its body to the application, and writes the response. Knows no application.

uvicorn's own cycle refers to the scope of its request, which refers to the cycle, so that only the garbage collector
frees them; that costs a fifth of a small request. This one refers to nothing that refers to it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Headers = Sequence[tuple[bytes, bytes]]

# In a header, these would start another one, or end the head.
_CONTROLS: Final = bytes(byte for byte in range(32) if byte != ord("\t")) + b"\x7f"
_BODILESS_STATUSES: Final = frozenset({204, 304})
_CHUNKED: Final = (b"transfer-encoding", b"chunked")
_CLOSE: Final = (b"connection", b"close")
_KEEP_ALIVE: Final = (b"connection", b"keep-alive")
_logger = logging.getLogger("uvicorn.error")


class Connection(Protocol):
    """What a cycle uses of its connection."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    flow: FlowControl

    @property
    def default_headers(self) -> Headers:
        """The headers of every response."""
        ...

    def on_response_complete(self) -> None: ...


class RequestCycle:
    """Also the `event_stream.Writer` of its response. The connection feeds it and calls `notify`."""

    __slots__ = (
        *("_arrival", "_connection", "_expected_bytes", "_is_chunked", "_is_head", "_is_notified", "_unwritten"),
        *("_is_streamed", "_knows_chunks", "_on_disconnect"),
        *("body", "disconnected", "keep_alive", "more_body", "response_complete", "response_started"),
        "waiting_for_100_continue",
    )

    def __init__(
        self,
        connection: Connection,
        *,
        is_head: bool,
        keep_alive: bool,
        expects_continue: bool,
        knows_chunks: bool = True,
    ) -> None:
        """`knows_chunks`: False for a client of HTTP/1.0, for which the end of the connection is that of a stream."""
        self._connection = connection
        self._knows_chunks = knows_chunks
        self._is_streamed = False
        self._is_head = is_head
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue
        self.disconnected = False
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self._unwritten: list[bytes] = []
        self._is_chunked = False
        self._expected_bytes = 0
        self._is_notified = False
        self._arrival: asyncio.Event | None = None
        self._on_disconnect: Callable[[], None] | None = None

    def notify(self) -> None:
        """Wakes `receive`: more of the body has arrived, or the response or the connection has ended."""
        self._is_notified = True
        if self._arrival is not None:
            self._arrival.set()

    def disconnect(self) -> None:
        """The connection is lost."""
        self.disconnected = not self.response_complete
        self.notify()
        if self.disconnected and self._on_disconnect is not None:
            self._on_disconnect()

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self.receive, self.send)
        except BaseException:
            _logger.exception("Exception in ASGI application\n")
            await self._end_unfinished()
        else:
            if not self.response_complete and not self.disconnected:
                _logger.error("The application has returned without a complete response.")
                await self._end_unfinished()

    async def _end_unfinished(self) -> None:
        if self.response_started:
            self._connection.transport.close()
            return
        text = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text)), _CLOSE]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": text})

    # -- the request's body ------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        connection = self._connection
        if self.waiting_for_100_continue and not connection.transport.is_closing():
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            connection.flow.resume_reading()
            await self._wait_for_arrival()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def _wait_for_arrival(self) -> None:
        if not self._is_notified:
            self._arrival = self._arrival or asyncio.Event()
            await self._arrival.wait()
        self._is_notified = False
        if self._arrival is not None:
            self._arrival.clear()

    # -- the response ------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        flow = self._connection.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError(f"{message['type']!r} was sent after the end of the response")
        expected = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != expected:
            raise RuntimeError(f"{message['type']!r} was sent instead of {expected!r}")
        if self.response_started:
            self._send_body(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            self._start_response(message["status"], message["headers"])

    @property
    def ready(self) -> bool:
        """Whether `write` may be called."""
        return (
            self._is_streamed
            and not self.response_complete
            and not self.disconnected
            and not self._connection.flow.write_paused
        )

    def write(self, body: bytes) -> None:
        """Writes a part of the body, as `send` does in the end."""
        self._flush_unwritten()
        self._connection.transport.write(b"%x\r\n%b\r\n" % (len(body), body) if self._is_chunked else body)

    def watch(self, on_disconnect: Callable[[], None] | None) -> None:
        """Calls `on_disconnect` if the connection is lost before the end of the response, as `receive` returns then."""
        self._on_disconnect = on_disconnect
        self._connection.flow.resume_reading()
        if self.disconnected and on_disconnect is not None:
            on_disconnect()

    def _start_response(self, status: int, added: Headers) -> None:
        """The head of a whole response waits for its body. That of a stream waits for what its tasks send at once."""
        self.response_started = True
        if self.waiting_for_100_continue:
            # Nobody knows whether the client sends its body after this: what comes next could be either.
            self.waiting_for_100_continue = self.keep_alive = False
        headers = [*self._connection.default_headers, *added]
        fields = dict(headers)
        length = fields.get(b"content-length")
        if length is not None:
            self._expected_bytes = int(length)
        else:
            self._start_stream(status, headers, fields)
        if b"close" in fields.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append(_CLOSE)
        elif not self._knows_chunks:
            headers.append(_KEEP_ALIVE)
        self._unwritten.append(render_head(status, headers))
        if self._is_streamed:
            # A body that is ready is sent by a task, whose first step is called before this calls back again.
            loop = self._connection.loop
            loop.call_soon(loop.call_soon, self._flush_unwritten)

    def _start_stream(self, status: int, headers: list[tuple[bytes, bytes]], fields: Mapping[bytes, bytes]) -> None:
        """Adds the header of a body of unknown length."""
        has_body = not self._is_head and status not in _BODILESS_STATUSES
        is_named = fields.get(b"transfer-encoding", b"").lower() == b"chunked"
        if not self._knows_chunks:
            self._is_streamed = has_body
            self.keep_alive = self.keep_alive and not has_body
            headers[:] = [header for header in headers if header[0] != b"transfer-encoding"]
            return
        self._is_chunked = self._is_streamed = is_named or has_body
        if has_body and not is_named:
            headers.append(_CHUNKED)

    def _send_body(self, body: bytes, *, is_last: bool) -> None:
        if self._is_head:
            self._expected_bytes = 0
        elif self._is_streamed:
            if body:
                self._write_soon(b"%x\r\n%b\r\n" % (len(body), body) if self._is_chunked else body)
            if is_last and self._is_chunked:
                self._unwritten.append(b"0\r\n\r\n")
        else:
            self._expected_bytes -= len(body)
            if self._expected_bytes < 0:
                raise RuntimeError("The response is longer than its content-length.")
            self._unwritten.append(body)
            self._flush_unwritten()
        if is_last:
            self._end()

    def _write_soon(self, chunk: bytes) -> None:
        """Chunks of one turn of the event loop are one write: each write is a system call."""
        if not self._unwritten:
            self._connection.loop.call_soon(self._flush_unwritten)
        self._unwritten.append(chunk)

    def _flush_unwritten(self) -> None:
        unwritten = self._unwritten
        # A client may have left since the call of this was scheduled.
        if unwritten and not self.disconnected:
            data = unwritten[0] if len(unwritten) == 1 else b"".join(unwritten)
            unwritten.clear()
            self._connection.transport.write(data)

    def _end(self) -> None:
        self._flush_unwritten()
        if self._expected_bytes:
            raise RuntimeError("The response is shorter than its content-length.")
        self.response_complete = True
        self.notify()
        if not self.keep_alive:
            self._connection.transport.close()
        self._connection.on_response_complete()


def render_head(status: int, headers: Headers) -> bytes:
    """The status line and the headers. Raises ValueError if a header has a control character."""
    lines = [STATUS_LINE[status][:-2], *[b": ".join(header) for header in headers], b"", b""]
    head = b"\r\n".join(lines)
    # One search for all headers: without their line ends, nothing may be left to delete.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (len(lines) - 1):
        raise ValueError("A response header has a control character.")
    return head
