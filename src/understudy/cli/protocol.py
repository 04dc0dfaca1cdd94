"""HTTP/1.1 on a connection, with limits on the size and the duration of a request's head, and on the duration of its
body.

A malformed request gets the error envelope as well. Knows no application.
"""

import asyncio
from typing import Any, Final

import msgspec

from understudy.cli.http_connection import HttpConnection
from understudy.wire.errors import Error, ErrorResponse

HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 60.0
BODY_SECONDS: Final = 60.0
MIN_BODY_RATE: Final = 1000
"""Bytes a second, on average over each `body_seconds`."""
_TOO_LARGE: Final = f"The request's head is too large. The limit is {HEAD_BYTES} bytes."
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class _HeadTooLarge(Exception):
    """Raised inside a parser's callback, which stops the parser."""


class BoundedProtocol(HttpConnection):
    """Refuses a head (request line and headers) of more than `HEAD_BYTES`, or one that takes over `HEAD_SECONDS`.

    Also a body of which less than `MIN_BODY_RATE` arrives in any `body_seconds`, unless the server itself pauses it.
    """

    def __init__(self, *args: Any, body_seconds: float = BODY_SECONDS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._body_seconds = body_seconds
        self._body_bytes: int | None = None
        self._head_bytes: int | None = 0
        self._received = 0
        self._too_large = False
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timeout = self.loop.call_later(HEAD_SECONDS, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timeout()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received = len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.transport.get_protocol() is not self:  # a WebSocket, which has limits of its own
            self._cancel_timeout()
            return
        if self._head_bytes is None:
            self._check_body(len(data))
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._send_error(431, _TOO_LARGE)
        elif self._timeout is None:
            self._timeout = self.loop.call_later(HEAD_SECONDS, self._on_head_timeout)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        if self._body_bytes is not None:  # the previous request got its response before its body had ended
            self._body_bytes = None
            self._cancel_timeout()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        head_bytes = (self._head_bytes or 0) + self._received
        self._head_bytes = None
        self._cancel_timeout()
        # A whole head may come at once, and is then parsed before `data_received` can count it.
        if head_bytes > HEAD_BYTES and self._size_of_head() > HEAD_BYTES:
            self._too_large = True
            raise _HeadTooLarge
        super().on_headers_complete()

    def _size_of_head(self) -> int:
        return len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers])

    def _unsupported_upgrade_warning(self) -> None:
        """Logs nothing: any client may request an upgrade, and the request is handled without it."""

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._send_error(431, _TOO_LARGE)
        else:
            self._send_error(400, msg)

    def _on_head_timeout(self) -> None:
        self._timeout = None
        if self._head_bytes:
            self._send_error(408, f"The request's head did not arrive within {HEAD_SECONDS:.0f} seconds.")
        else:
            self.transport.close()

    def _check_body(self, size: int) -> None:
        """Counts the bytes of an unfinished body; a body that comes with its head needs no timer."""
        if not self.cycle.more_body:
            self._body_bytes = None
            self._cancel_timeout()
        elif self._body_bytes is None:
            self._body_bytes = 0
            self._timeout = self.loop.call_later(self._body_seconds, self._on_body_timeout)
        else:
            self._body_bytes += size

    def _on_body_timeout(self) -> None:
        self._timeout = None
        is_slow = (self._body_bytes or 0) < MIN_BODY_RATE * self._body_seconds
        if self.transport.is_closing():
            return
        if not is_slow or self.flow.read_paused:
            self._body_bytes = 0
            self._timeout = self.loop.call_later(self._body_seconds, self._on_body_timeout)
        elif self.cycle.response_started:
            self.transport.close()
        else:
            self._send_error(408, f"The request's body arrived at less than {MIN_BODY_RATE} bytes a second.")

    def _cancel_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _send_error(self, status: int, message: str) -> None:
        error = Error(message=message, type="invalid_request_error", param=None, code=None)
        body = msgspec.json.encode(ErrorResponse(error=error))
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
