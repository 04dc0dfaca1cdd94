"""The body of a provider's response: read in chunks, with an idle timeout and a deadline. Knows no dialect."""

import asyncio
import math
import os
from contextlib import suppress
from typing import Final

import aiohttp

from understudy.errors import UpstreamError

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one response."""

_ERROR_BODY_TIMEOUT: Final = 10.0
_DRAIN_TIMEOUT: Final = 0.1


class UpstreamResponse:
    """An open response, read in chunks. Closing it before its end closes its connection.

    `read_available` and `wait_readable` serve streams of many chunks: no coroutine stands between socket and reader.
    """

    def __init__(
        self, name: str, response: aiohttp.ClientResponse, deadline: float, idle: float, total: float = math.inf
    ) -> None:
        self._name = self.provider = name
        self._response = response
        self._content = response.content
        self._notifier = _ReadNotifier(response)
        self._idle_timer = _IdleTimer(response, self._notifier, deadline, idle, total)

    @property
    def at_eof(self) -> bool:
        return self._content.at_eof()

    @property
    def content_type(self) -> str:
        """The header `Content-Type` with its parameters; `application/octet-stream` without one."""
        return self._response.headers.get("Content-Type") or "application/octet-stream"

    def read_available(self) -> bytes:
        """The bytes received so far; empty before the next ones arrive, and at the end (`at_eof`)."""
        try:
            data = self._content.read_nowait() or self._notifier.take_unread()
        except (aiohttp.ClientError, OSError) as error:
            data = self._notifier.take_unread()
            if not data:
                raise self._read_error(error) from None
        if data:
            self._idle_timer.disarm()
        return data

    def wait_readable(self) -> "asyncio.Future[None]":
        """Done after new bytes, the end, or an error, which `read_available` raises."""
        self._idle_timer.arm()
        return self._notifier.wait_readable()

    async def read_chunk(self) -> bytes:
        """The next bytes; empty at the end."""
        while not (data := self.read_available()) and not self.at_eof:
            await self.wait_readable()
        return data

    async def read(self, start: bytes = b"", limit: int = MAX_BODY_BYTES) -> bytes:
        """`start`, which the caller has read already, and the rest of the body."""
        body = bytearray(start)
        while data := await self.read_chunk():
            body += data
            if len(body) > limit:
                raise UpstreamError(
                    "malformed", f"The response of provider {self._name!r} exceeds the limit of {limit} bytes."
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
        with suppress(UpstreamError, TimeoutError):
            if not self.read_available() and self.at_eof:
                return
            async with asyncio.timeout(_DRAIN_TIMEOUT):
                while await self.read_chunk():
                    pass

    def close(self) -> None:
        self._idle_timer.stop()
        self._response.close()

    def _read_error(self, error: Exception) -> UpstreamError:
        if self._idle_timer.deadline_exceeded:
            return deadline_exceeded()
        if self._idle_timer.too_long:
            return UpstreamError(
                "timeout", f"Provider {self._name!r} timed out after {self._idle_timer.allowed:g} s without data."
            )
        return UpstreamError("unreachable", f"Connection to provider {self._name!r} lost: {describe_error(error)}.")


class _ReadNotifier(asyncio.Protocol):
    """Replaces the protocol of a connection until the end of the response, and wakes the reader after each event.

    The protocol's own reader wakes through three coroutines and a context manager. It also drops unread bytes when
    the connection is lost; this class stores them.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content
        # `get_running_loop` makes a system call, which is too expensive for each delta.
        self._new_waiter = asyncio.get_running_loop().create_future
        self._waiter: asyncio.Future[None] | None = None
        self._unread = b""
        connection = response.connection
        # Without a connection, the whole response has arrived.
        if connection is not None and connection.transport is not None and connection.protocol is not None:
            self._transport = connection.transport
            self._protocol = connection.protocol
            self._transport.set_protocol(self)
            self._content.on_eof(self._restore_protocol)

    def wait_readable(self) -> "asyncio.Future[None]":
        self._waiter = self._new_waiter()
        return self._waiter

    def take_unread(self) -> bytes:
        """The bytes that were unread when the connection was lost."""
        unread, self._unread = self._unread, b""
        return unread

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)
        self.wake()

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._content.exception() is None:
            self._unread = self._content.read_nowait()
        self._protocol.connection_lost(exc)
        self.wake()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _restore_protocol(self) -> None:
        if not self._transport.is_closing():
            self._transport.set_protocol(self._protocol)


class _IdleTimer:
    """Closes a response after too long a wait for bytes.

    Each response has one timer, which checks the deadline when it fires: a new timer for each wait would cost as much
    as the wait. Only time inside a wait counts, so a slow client never causes a timeout of the provider.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, notifier: _ReadNotifier, deadline: float, idle: float, total: float
    ) -> None:
        self._response = response
        self._notifier = notifier
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._deadline = deadline
        self._has_data = False
        self._timer = self._loop.call_at(deadline, self._check_idle)
        self.allowed = deadline - self._loop.time()
        self.too_long = False
        self.deadline_exceeded = False
        self._last = None if total == math.inf else self._loop.call_at(total, self._abort_at_deadline)

    def arm(self) -> None:
        if self._has_data:
            self._deadline = self._loop.time() + self._idle

    def disarm(self) -> None:
        self._deadline = math.inf
        if not self._has_data:
            self._has_data = True
            self.allowed = self._idle
            self._timer.cancel()
            self._timer = self._loop.call_later(self._idle, self._check_idle)

    def stop(self) -> None:
        self._timer.cancel()
        if self._last is not None:
            self._last.cancel()

    def _abort_at_deadline(self) -> None:
        self.deadline_exceeded = True
        self._response.close()
        self._notifier.wake()

    def _check_idle(self) -> None:
        now = self._loop.time()
        if self._deadline <= now:
            self.too_long = True
            self._response.close()
            self._notifier.wake()
            return
        self._timer = self._loop.call_at(min(self._deadline, now + self._idle), self._check_idle)


def deadline_exceeded() -> UpstreamError:
    return UpstreamError("timeout", "The model timed out after `limits.chat_seconds`.")


def describe_error(error: Exception) -> str:
    """The reason without the address, which clients must not see."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "TLS certificate or handshake rejected"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "host name not found"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else "connection closed"
