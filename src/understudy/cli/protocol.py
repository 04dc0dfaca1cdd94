"""HTTP/1.1 on a connection, with limits on the size and the duration of a request's head, on the duration of its body,
and on the time that a client may leave a response unread.

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
FRAME_BYTES: Final = 64 * 1024
"""The limit of extensions of chunks and of trailers, between two parts of a body. They have no use here."""
UNREAD_SECONDS: Final = 120.0
_TOO_LARGE: Final = f"The request's head is too large. The limit is {HEAD_BYTES} bytes."
_FRAMES_TOO_LARGE: Final = f"The extensions or trailers of the body are too large. The limit is {FRAME_BYTES} bytes."
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class _HeadTooLarge(Exception):
    """Raised inside a parser's callback, which stops the parser."""


class BoundedProtocol(HttpConnection):
    """Refuses a head (request line and headers) of more than `HEAD_BYTES`, or one that takes over `HEAD_SECONDS`.

    Also a body of which less than `MIN_BODY_RATE` arrives in any `body_seconds`, unless the server itself pauses it.
    Cuts the connection of a client that takes nothing of a response for `UNREAD_SECONDS`, as its memory waits for that.
    """

    def __init__(self, *args: Any, body_seconds: float = BODY_SECONDS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._body_seconds = body_seconds
        self._body_bytes: int | None = None
        self._frame_bytes = 0
        self._head_bytes: int | None = 0
        self._received = 0
        self._too_large = False
        self._timeout: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._unread_timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timeout = self.loop.call_later(HEAD_SECONDS, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timeout()
        self._cancel_unread_timeout()
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

    def on_body(self, body: bytes) -> None:
        self._frame_bytes = -self._received  # what `data_received` adds after the parser
        super().on_body(body)

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
            self._body_bytes = self._frame_bytes = 0
            self._timeout = self.loop.call_later(self._body_seconds, self._on_body_timeout)
        else:
            self._body_bytes += size
            self._frame_bytes += size
            if self._frame_bytes > FRAME_BYTES:
                self._send_error(431, _FRAMES_TOO_LARGE)

    def _on_body_timeout(self) -> None:
        self._timeout = None
        is_slow = (self._body_bytes or 0) < MIN_BODY_RATE * self._body_seconds
        if self.transport.is_closing():
            return
        if not is_slow or self.flow.read_paused:
            self._body_bytes = 0
            self._timeout = self.loop.call_later(self._body_seconds, self._on_body_timeout)
        else:
            self._send_error(408, f"The request's body arrived at less than {MIN_BODY_RATE} bytes a second.")

    # -- a client that does not read ---------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_read()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_unread_timeout()

    def _await_read(self) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._unread_timeout = self.loop.call_later(UNREAD_SECONDS, self._on_unread_timeout)

    def _on_unread_timeout(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread_bytes:
            self._await_read()
        else:
            self.transport.abort()

    def _cancel_unread_timeout(self) -> None:
        if self._unread_timeout is not None:
            self._unread_timeout.cancel()
            self._unread_timeout = None

    # ----------------------------------------------------------------------------------------------------------

    def _cancel_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _is_error_misplaced(self) -> bool:
        """Whether the client would take an error for a part of a response, or for that to another request."""
        handled = self._handled
        if handled is None:
            return False
        return handled.response_started if handled.more_body else self.is_responding

    def _send_error(self, status: int, message: str) -> None:
        if self._is_error_misplaced():
            self.transport.close()
            return
        error = Error(message=message, type="invalid_request_error", param=None, code=None)
        body = msgspec.json.encode(ErrorResponse(error=error))
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
