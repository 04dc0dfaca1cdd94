"""The body of a provider's response: read in chunks, with an idle timeout and a deadline. Knows no dialect."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from understudy.errors import UpstreamError
from understudy.llm.deadlines import deadline_exceeded
from understudy.net.http.errors import HttpError, TimedOut
from understudy.net.http.response import Response

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one response."""

_ERROR_BODY_TIMEOUT: Final = 10.0
_DRAIN_TIMEOUT: Final = 0.1


class UpstreamResponse:
    """An open response, read in chunks. Closing it before its end closes its connection.

    `read_available` and `wait_readable` serve streams of many chunks: no coroutine stands between socket and reader.
    """

    __slots__ = ("_allowed", "_deadline", "_idle", "_response", "_time", "provider")

    def __init__(
        self, provider: str, response: Response, time: Callable[[], float], deadline: float, idle: float
    ) -> None:
        """The first bytes have to arrive by `deadline`, and each further ones within `idle` seconds.

        `time` is the clock of the event loop.
        """
        self.provider = provider
        self._response = response
        self._deadline: float | None = deadline
        self._idle = idle
        self._time = time
        self._allowed = deadline - self._time()

    @property
    def at_eof(self) -> bool:
        return self._response.at_eof

    @property
    def content_type(self) -> str:
        """The header `Content-Type` with its parameters; `application/octet-stream` without one."""
        return self._response.header(b"content-type") or "application/octet-stream"

    def read_available(self) -> bytes:
        """The bytes received so far; empty before the next ones arrive, and at the end (`at_eof`)."""
        try:
            data = self._response.read_available()
        except HttpError as error:
            raise self._read_error(error) from None
        if data and self._deadline is not None:
            self._deadline = None
            self._allowed = self._idle
        return data

    def wait_readable(self) -> "asyncio.Future[None]":
        """Done after new bytes, the end, or an error, which `read_available` raises.

        Only time in a wait counts, so a slow client never causes a timeout of the provider.
        """
        return self._response.wait(self._time() + self._idle if self._deadline is None else self._deadline)

    async def read_chunk(self) -> bytes:
        """The next bytes; empty at the end."""
        while not (data := self.read_available()) and not self.at_eof:
            await self.wait_readable()
        return data

    async def read(self, start: bytes = b"", limit: int = MAX_BODY_BYTES) -> bytes:
        """`start`, which the caller has read already, and the rest of the body."""
        data = start or await self.read_chunk()
        if self.at_eof and len(data) <= limit:
            return data
        body = bytearray(data)
        while data := await self.read_chunk():
            body += data
            if len(body) > limit:
                break
        if len(body) > limit:
            raise UpstreamError(
                "malformed", f"The response of provider {self.provider!r} exceeds the limit of {limit} bytes."
            )
        return bytes(body)

    async def read_head(self, limit: int) -> bytes:
        """At most the first `limit` bytes of an error body; fewer if the connection is lost or slow."""
        body = bytearray()
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_TIMEOUT):
                while len(body) < limit and (data := await self.read_chunk()):
                    body += data
        return bytes(body[:limit])

    async def drain(self) -> None:
        """Waits a moment for the end of a body after its last event, to reuse the connection."""
        deadline = self._time() + _DRAIN_TIMEOUT
        try:
            while self._response.read_available() or not self._response.at_eof:
                await self._response.wait(deadline)
        except HttpError:
            return

    def close(self) -> None:
        self._response.close()

    def _read_error(self, error: HttpError) -> UpstreamError:
        if not isinstance(error, TimedOut):
            return UpstreamError("unreachable", f"Connection to provider {self.provider!r} lost: {error}.")
        if error.wait == "total":
            return deadline_exceeded()
        return UpstreamError("timeout", f"Provider {self.provider!r} timed out after {self._allowed:g} s without data.")
