"""HTTP to one provider: kept-alive connections, three timeouts, faults as UpstreamError. Knows no dialect.

Nothing is taken from the surroundings: no proxy variables, no cookies, no redirects (which could take the key
elsewhere).
"""

import asyncio
import io
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
import yarl

from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.settings import ProviderSettings

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Bytes of one whole answer; a stream has no limit but that of its events."""

_MAX_ERROR_BODY_BYTES = 256 * 1024
_ERROR_BODY_TIMEOUT = 10.0
_GET_TIMEOUT = 60.0
_DRAIN_TIMEOUT = 0.1
# A body beyond this is written piece by piece, with room for others between.
_STREAMED_BODY_BYTES = 1 << 20


class Connection:
    """`headers` go out with every request; `settings.api_key` is kept out of every message."""

    def __init__(self, name: str, settings: ProviderSettings, headers: Mapping[str, str], clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "understudy", **headers}
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> bytes:
        """The body of a 2xx answer, which must be there within a minute."""
        answer = await self._request("GET", url, None, total=asyncio.get_running_loop().time() + _GET_TIMEOUT)
        try:
            return await answer.read()
        finally:
            answer.close()

    async def post(
        self,
        url: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        deadline: float = math.inf,
    ) -> "UpstreamResponse":
        """The answer once its status is known to be 2xx. Whoever gets it closes it.

        `deadline` is the time of the event loop at which the whole answer must be there.
        """
        return await self._request("POST", url, msgspec.json.encode(body), headers, deadline)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self,
        method: str,
        url: str,
        payload: bytes | None,
        headers: Mapping[str, str] | None = None,
        total: float = math.inf,
    ) -> "UpstreamResponse":
        deadline = asyncio.get_running_loop().time() + self._settings.first_byte_timeout
        given = {"Content-Type": "application/json", **(headers or {})} if payload is not None else None
        response = await self._send(method, url, payload, given, deadline)
        answer = UpstreamResponse(self._name, response, deadline, self._settings.idle_timeout, total)
        if 200 <= response.status < 300:
            return answer
        try:
            body = await answer.read_head(_MAX_ERROR_BODY_BYTES)
        finally:
            answer.close()
        raise faults.from_response(
            response.status, response.headers, body, secret=faults.secrets_of(self._settings), clock=self._clock
        )

    async def _send(
        self, method: str, url: str, payload: bytes | None, headers: Mapping[str, str] | None, deadline: float
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._get_session().request(
                    method,
                    yarl.URL(url, encoded=True),
                    data=_chunk_body(payload),
                    headers=headers,
                    allow_redirects=False,
                )
        except aiohttp.ConnectionTimeoutError:
            seconds = self._settings.connect_timeout
            raise UpstreamError(
                "timeout", f"The provider {self._name!r} took no connection within {seconds:g} seconds."
            ) from None
        except TimeoutError:
            seconds = self._settings.first_byte_timeout
            raise UpstreamError(
                "timeout", f"The provider {self._name!r} did not answer within {seconds:g} seconds."
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._connection_error(error) from None

    def _connection_error(self, error: Exception) -> UpstreamError:
        if isinstance(error, aiohttp.ClientResponseError | ValueError):
            return UpstreamError(
                "malformed", f"The provider {self._name!r} did not answer with HTTP; check its base URL."
            )
        return UpstreamError("unreachable", f"The provider {self._name!r} cannot be reached: {_describe_error(error)}.")

    def _get_session(self) -> aiohttp.ClientSession:
        # Lazily, since a session belongs to the loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._settings.connect_timeout),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class UpstreamResponse:
    """An open answer, read piece by piece. Closing it before its end closes the connection under it.

    `take` and `wait` are for one whose pieces are many: no coroutine stands between the socket and who waits.
    """

    def __init__(
        self, name: str, response: aiohttp.ClientResponse, deadline: float, idle: float, total: float = math.inf
    ) -> None:
        self._name = name
        self._response = response
        self._content = response.content
        self._notifier = _ReadNotifier(response)
        self._idle_timer = _IdleTimer(response, self._notifier, deadline, idle, total)

    @property
    def at_eof(self) -> bool:
        return self._content.at_eof()

    def read_available(self) -> bytes:
        """The bytes that are there; none where they are still to come, or will not come any more (`at_end`)."""
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
        """Done once something has changed: there are bytes to take, or it is the end, or `take` will raise."""
        self._idle_timer.arm()
        return self._notifier.wait_readable()

    async def read_chunk(self) -> bytes:
        """The next bytes, as they came; empty at the end."""
        while not (data := self.read_available()) and not self.at_eof:
            await self.wait_readable()
        return data

    async def read(self, start: bytes = b"", limit: int = MAX_BODY_BYTES) -> bytes:
        """All that is left, after `start`, which was read before."""
        body = bytearray(start)
        while data := await self.read_chunk():
            body += data
            if len(body) > limit:
                raise UpstreamError("malformed", f"The provider {self._name!r} answered with more than {limit} bytes.")
        return bytes(body)

    async def read_head(self, limit: int) -> bytes:
        """The first bytes of a body that describes a fault; what came of one that breaks off or takes long."""
        body = bytearray()
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_TIMEOUT):
                while len(body) < limit and (data := await self.read_chunk()):
                    body += data
        return bytes(body[:limit])

    async def drain(self) -> None:
        """Waits a moment for the end of a body that has nothing more to say, to keep its connection."""
        with suppress(UpstreamError, TimeoutError):
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
                "timeout", f"The provider {self._name!r} sent nothing for {self._idle_timer.allowed:g} seconds."
            )
        return UpstreamError(
            "unreachable", f"The connection to the provider {self._name!r} broke off: {_describe_error(error)}."
        )


class _ReadNotifier(asyncio.Protocol):
    """Stands between a connection and its protocol until the answer's end, and says when the protocol heard something.

    Whoever waits at the protocol's own reader is woken through three coroutines and a context manager. It also forgets
    what it has not handed out when the connection is lost, which is kept here.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content
        # Asking for the running loop is a system call, which is much for something that is done for each delta.
        self._new_waiter = asyncio.get_running_loop().create_future
        self._waiter: asyncio.Future[None] | None = None
        self._unread = b""
        connection = response.connection
        # Without a connection the whole answer is there already.
        if connection is not None and connection.transport is not None and connection.protocol is not None:
            self._transport = connection.transport
            self._protocol = connection.protocol
            self._transport.set_protocol(self)
            self._content.on_eof(self._restore_protocol)

    def wait_readable(self) -> "asyncio.Future[None]":
        self._waiter = self._new_waiter()
        return self._waiter

    def take_unread(self) -> bytes:
        """What had come, and was not taken yet, when the connection was lost."""
        rest, self._unread = self._unread, b""
        return rest

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
    """Closes a response that is waited on for too long.

    One timer a response, which looks at the deadline when it fires: arming one for each wait costs as much as
    the wait. Only the time inside a wait counts, so a slow reader is never blamed on the provider.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, tap: _ReadNotifier, deadline: float, idle: float, total: float
    ) -> None:
        self._response = response
        self._notifier = tap
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._deadline = deadline
        self._heard = False
        self._timer = self._loop.call_at(deadline, self._check_idle)
        self.allowed = deadline - self._loop.time()
        self.too_long = False
        self.deadline_exceeded = False
        self._last = None if total == math.inf else self._loop.call_at(total, self._abort_at_deadline)

    def arm(self) -> None:
        if self._heard:
            self._deadline = self._loop.time() + self._idle

    def disarm(self) -> None:
        self._deadline = math.inf
        if not self._heard:
            self._heard = True
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


def _describe_error(error: Exception) -> str:
    """Words for people without the address, which is the operator's own business."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its TLS certificate or handshake was refused"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name was not found"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else "the connection was closed"


def _chunk_body(payload: bytes | None) -> bytes | io.BytesIO | None:
    return io.BytesIO(payload) if payload is not None and len(payload) > _STREAMED_BODY_BYTES else payload
