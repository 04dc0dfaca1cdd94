"""WebSocket connections to the realtime endpoint of a provider. Knows no event.

As other connections to providers it uses no proxy variables and follows no redirects, which could send the key to
another host. Reading pauses while nobody receives, so that a connection buffers a few messages at most.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from understudy import correlation
from understudy.clock import Clock
from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.net.http.errors import connection_failed
from understudy.net.http.origin import tls_context
from understudy.redaction import redact
from understudy.settings import ProviderSettings

_MAX_QUEUED: Final = 4
_WRITE_BYTES: Final = 64 * 1024
_PING_SECONDS: Final = 20.0
_CLOSE_SECONDS: Final = 3.0
_NO_CODE: Final = 1005
"""Stands for a close frame without a code."""
_SENDABLE: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_MAX_REASON_BYTES: Final = 123


@dataclass(frozen=True, slots=True)
class RealtimeCall:
    """`model` is the client's id. `names_model` false leaves it out of the URL, as transcription sessions need it.

    `headers` are those of the client that the provider reads. Messages of more than `message_bytes` end the connection.
    """

    model: str
    is_transcription: bool
    names_model: bool
    headers: Mapping[str, str]
    message_bytes: int

    def query(self, model: str, name: str = "model") -> dict[str, str]:
        """The parameters of the URL, with the provider's id of the model."""
        named = {name: model} if self.names_model else {}
        return {"intent": "transcription", **named} if self.is_transcription else named


class UpstreamClosed(Exception):
    """The provider has closed the connection; `code` is None without a close frame, as when it was cut."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RealtimeConnection:
    """An open session at a provider, which calls the model `model`."""

    def __init__(
        self, provider: str, model: str, connection: ClientConnection, secret: faults.ProviderSecrets | None
    ) -> None:
        self.provider = provider
        self.model = model
        self._connection = connection
        self._secret = secret

    async def send(self, message: str | bytes) -> None:
        """Waits while the provider reads slowly. Raises UpstreamClosed."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise self._closed_error(closed) from None

    async def receive(self) -> str | bytes:
        """The next message. Raises UpstreamClosed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise self._closed_error(closed) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Returns within seconds, also if the provider does not close its side."""
        await self._connection.close(to_sendable(code), shorten_reason(reason))

    def redact(self, text: str) -> str:
        """A text of the provider without its key and its host."""
        key, host = self._secret or (None, None)
        return redact(faults.scrub(text, key), host=host)

    def _closed_error(self, closed: ConnectionClosed) -> UpstreamClosed:
        received, sent = closed.rcvd, closed.sent
        if received is not None:
            return UpstreamClosed(1000 if received.code == _NO_CODE else received.code, self.redact(received.reason))
        # A frame of ours says why we have ended the connection, such as a message that is too large.
        return UpstreamClosed(None, "" if sent is None else sent.reason)


@runtime_checkable
class RealtimeProvider(Protocol):
    """A provider that has the realtime endpoint of the hosted API."""

    name: str

    async def open_realtime(self, model: str, call: RealtimeCall) -> RealtimeConnection:
        """Raises UpstreamError if the provider refuses the handshake."""
        ...


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_connection(
    name: str,
    settings: ProviderSettings,
    clock: Clock,
    url: str,
    model: str,
    call: RealtimeCall,
    headers: Mapping[str, str],
) -> RealtimeConnection:
    """`url` is that of HTTP, with its query; `headers` have the key. Raises UpstreamError."""
    sent = {**call.headers, **headers}
    if settings.send_traceparent:
        sent |= correlation.trace_headers()
    secret = faults.secrets_of(settings)
    try:
        async with asyncio.timeout(settings.connect_timeout):
            connection = await _open_socket(url, sent, call.message_bytes)
    except InvalidStatus as refusal:
        response = refusal.response
        if response.status_code < 400:
            raise _malformed(name) from None
        answered = {key.lower(): value for key, value in response.headers.raw_items()}
        raise faults.from_response(
            response.status_code, answered, bytes(response.body or b""), secret=secret, clock=clock
        ) from None
    except TimeoutError:
        seconds = settings.connect_timeout
        raise UpstreamError(
            "timeout", f"The WebSocket handshake with provider {name!r} timed out after {seconds:g} s."
        ) from None
    except OSError as error:
        raise UpstreamError("unreachable", f"Provider {name!r} is unreachable: {_describe_cause(error)}.") from None
    except (InvalidHandshake, InvalidURI, EOFError, ValueError) as error:
        raise _malformed(name) from error
    return RealtimeConnection(name, model, connection, secret)


async def _open_socket(url: str, headers: Mapping[str, str], message_bytes: int) -> ClientConnection:
    # The context is made once, from files.
    context = await asyncio.to_thread(tls_context) if url.startswith("https:") else None
    return await _Connect(
        url.replace("http", "ws", 1),
        additional_headers=headers,
        user_agent_header="understudy",
        compression=None,
        proxy=None,
        ssl=context,
        open_timeout=None,
        ping_interval=_PING_SECONDS,
        ping_timeout=_PING_SECONDS,
        close_timeout=_CLOSE_SECONDS,
        max_size=message_bytes,
        max_queue=_MAX_QUEUED,
        write_limit=_WRITE_BYTES,
    )


def to_sendable(code: int) -> int:
    """The code for a close frame, in which some codes may not be. Source: RFC 6455, section 7.4."""
    if 3000 <= code < 5000 or code in _SENDABLE:
        return code
    return 1000 if code == _NO_CODE else 1011


def shorten_reason(reason: str) -> str:
    """The reason of a close frame, which has a maximum length."""
    return reason.encode()[:_MAX_REASON_BYTES].decode("utf-8", "ignore")


def _malformed(name: str) -> UpstreamError:
    return UpstreamError(
        "malformed", f"The response of provider {name!r} is not a WebSocket handshake. Check its base URL."
    )


def _describe_cause(error: OSError) -> str:
    """The reason without the address."""
    return "host name not found" if isinstance(error, socket.gaierror) else str(connection_failed(error))


def with_query(url: str, members: Mapping[str, Any]) -> str:
    """The URL with more parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(members)}" if members else url
