"""One HTTP/1.1 connection: sends a request, parses its response, then waits for the next request. Opens no socket.

A response is parsed by llhttp in the callback that receives it, and no queue or stream stands between the socket and
its reader. One timer a connection checks all of its deadlines: one for each wait would cost as much as the wait.
"""

import asyncio
import math
import select
from collections.abc import AsyncIterable, Callable
from typing import Final, cast

import httptools

from understudy.net.http.errors import HttpError, MalformedResponse, TimedOut, Wait, connection_lost
from understudy.net.http.response import Response

KEEP_ALIVE_SECONDS: Final = 30.0
"""A connection without a request is closed after this time."""
STREAMED_BODY_BYTES: Final = 1 << 20
"""A larger body is written in pieces, so that other tasks run in between."""
_PIECE_BYTES: Final = 256 * 1024
_MAX_FRAME_BYTES: Final = 64 * 1024
"""The limit of a head, and of extensions of chunks and trailers between two parts of a body."""
_MAX_HEADERS: Final = 256
_BODILESS_STATUSES: Final = frozenset({204, 304})
_SWITCHING_PROTOCOLS: Final = 101

RequestBody = bytes | AsyncIterable[bytes]


class Connection(asyncio.Protocol):
    """`on_idle` is called when it may be used again, `on_closed` when it is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_idle: "Callable[[Connection], None]",
        on_closed: "Callable[[Connection], None]",
    ) -> None:
        self._loop = loop
        self._on_idle = on_idle
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._response: Response | None = None
        self._sender: asyncio.Task[None] | None = None
        self._writable: asyncio.Event | None = None
        self._body: list[bytes] = []
        self._parser = self._new_parser()
        self._headers: list[tuple[bytes, bytes]] = []
        self._frame_bytes = 0
        self._in_head = True
        self._ends_with_connection = False
        self._has_excess = self._keeps_alive = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._deadline = self._total = math.inf

    @property
    def is_usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        """Whether the server has sent what the event loop has not read yet: between two requests, this is the end of
        the connection, or a response to nothing, which would be taken for that to the next request."""
        return self._poll is not None and bool(self._poll.poll(0))

    # -- one request -------------------------------------------------------------------------------------------

    def send(self, head: bytes, body: RequestBody, total: float = math.inf) -> Response:
        """The response, which has no head yet. All of it must arrive by `total`, a time of the event loop."""
        transport = self._transport
        response = self._response = Response(self, self._loop.create_future)
        if transport is None or transport.is_closing():
            self._fail_response(connection_lost(None))
            return response
        self._frame_bytes = 0
        self._in_head = True
        self._total = total
        if isinstance(body, bytes) and len(body) <= STREAMED_BODY_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            self._sender = self._loop.create_task(self._send_body(body))
        return response

    async def _send_body(self, body: RequestBody) -> None:
        try:
            if isinstance(body, bytes):
                view = memoryview(body)
                for start in range(0, len(view), _PIECE_BYTES):
                    await self._write_data(view[start : start + _PIECE_BYTES])
            else:
                async for piece in body:
                    await self._write_data(piece)
        except Exception as error:  # noqa: BLE001 - the reader of the response gets it
            self._fail_response(connection_lost(error))

    async def _write_data(self, data: bytes | memoryview) -> None:
        if self._transport is None or self._transport.is_closing():
            raise connection_lost(None)
        self._transport.write(data)
        if self._writable is not None:
            await self._writable.wait()
        else:
            await asyncio.sleep(0)

    def abort(self) -> None:
        """Closes the connection at once."""
        self._fail_response(connection_lost(None))

    # -- the transport -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        opened = transport.get_extra_info("socket")
        if opened is not None:
            self._poll = select.poll()
            self._poll.register(opened.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # No request: this is the response to nothing.
            self.abort()
            return
        is_valid = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._has_excess = True
        except httptools.HttpParserError:
            # What follows a whole response is not part of it.
            self._has_excess, is_valid = True, response.is_received
        if response.is_received:
            self._finish_response(response)
            return
        if self._body:
            self._frame_bytes = 0
            self._push_body(response)
        else:
            self._frame_bytes += len(data)
        if not is_valid or self._frame_bytes > _MAX_FRAME_BYTES:
            self._fail_response(connection_lost(None) if response.status else MalformedResponse())
        else:
            response.notify()

    def _push_body(self, response: Response) -> None:
        """What one read has brought of the body, which may be in many chunks."""
        body = self._body
        response.push(body[0] if len(body) == 1 else b"".join(body))
        body.clear()

    def eof_received(self) -> None:
        """Returns None, so that the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        response = self._response
        if response is not None and response.status and self._ends_with_connection and exc is None:
            response.end()
            response.notify()
        self._fail_response(connection_lost(exc))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._transport = self._poll = None
        # The parser refers to the methods of this object.
        del self._parser

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _finish_response(self, response: Response) -> None:
        """The response is complete: the connection is free for another request, if both sides agree."""
        response.notify()
        self._body.clear()
        self._response = None
        self._total = math.inf
        is_reusable = self._keeps_alive and not self._has_excess
        if not is_reusable or (self._sender is not None and not self._sender.done()) or not self.is_usable:
            self.abort()
            return
        self._sender = None
        self.arm(self._loop.time() + KEEP_ALIVE_SECONDS)
        self._on_idle(self)

    def _fail_response(self, error: HttpError) -> None:
        """Ends the response, if there is one, and the connection."""
        response, self._response = self._response, None
        if self._sender is not None and self._sender is not asyncio.current_task(self._loop):
            self._sender.cancel()
        self._sender = None
        if self._writable is not None:
            self._writable.set()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
        self._on_closed(self)
        if response is not None:
            response.fail(error)

    # -- deadlines ---------------------------------------------------------------------------------------------

    def arm(self, deadline: float) -> None:
        """Bounds the current wait, which `disarm` ends."""
        self._deadline = deadline
        earliest = min(deadline, self._total)
        if earliest < self._timer_at:
            self._set_timer(earliest)

    def disarm(self) -> None:
        self._deadline = math.inf

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = when
        self._timer = None if when == math.inf else self._loop.call_at(when, self._check_deadlines)

    def _check_deadlines(self) -> None:
        self._timer, self._timer_at = None, math.inf
        earliest = min(self._deadline, self._total)
        if self._loop.time() < earliest:
            self._set_timer(earliest)
        elif self._response is None:
            self.abort()
        else:
            self._fail_response(TimedOut(self._find_wait(self._response)))

    def _find_wait(self, response: Response) -> Wait:
        if self._total <= self._deadline:
            return "total"
        return "data" if response.status else "response"

    # -- the parser --------------------------------------------------------------------------------------------

    @property
    def on_body(self) -> Callable[[bytes], None]:
        """The parser takes it once, so that nothing of Python is called for a chunk."""
        return self._body.append

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        # As lenient as browsers and other clients are, in what leaves the length of a body unambiguous.
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    def on_message_begin(self) -> None:
        response = self._response
        if response is None or response.is_received:
            self._has_excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        response = self._response
        if self._has_excess or response is None:
            return
        headers, self._headers = self._headers, []
        if len(headers) > _MAX_HEADERS:
            raise ValueError(f"more than {_MAX_HEADERS} headers")
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            # An interim response: the final one follows on the same connection.
            return
        fields = {name.lower(): value for name, value in headers}
        self._in_head = False
        self._ends_with_connection = _ends_with_connection(status, fields)
        response.begin(status, fields)

    def on_message_complete(self) -> None:
        response = self._response
        if response is not None and response.status and not response.is_received:
            # The parser forgets the message after this call.
            self._keeps_alive = self._parser.should_keep_alive()
            if self._body:
                self._push_body(response)
            response.end()


def _ends_with_connection(status: int, fields: dict[bytes, bytes]) -> bool:
    """Whether only the end of the connection ends the body; RFC 9112, section 6.3."""
    if status in _BODILESS_STATUSES or status == _SWITCHING_PROTOCOLS:
        return False
    if (coding := fields.get(b"transfer-encoding")) is not None:
        return not coding.lower().rstrip().endswith(b"chunked")
    return b"content-length" not in fields
