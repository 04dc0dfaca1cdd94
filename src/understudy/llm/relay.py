"""Requests that a provider answers in its own form: images, audio and moderations. Knows no HTTP and no charge.

The body goes to the provider with all of its parameters and another model id, and the response comes back unchanged:
whole, if it is JSON or a text, else in chunks as it arrives. Images and moderations are JSON or events, whatever type
the provider names.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from understudy.errors import UpstreamError
from understudy.llm import faults, form_parts, payload
from understudy.llm.encoded_body import EncodedBody
from understudy.llm.upstream_response import UpstreamResponse
from understudy.net import sse

EVENT_STREAM: Final = "text/event-stream"
_JSON: Final = "application/json"
_WHOLE_TYPES: Final = (_JSON, "text/")
_HTML: Final = "text/html"
# Operations that respond with JSON or a stream of events: `images/generations` and its siblings.
_JSON_OPERATIONS: Final = ("images/", "moderations")
# A larger body is decoded in a thread.
_INLINE_DECODE_BYTES: Final = 256 * 1024


class RelayBody(Protocol):
    """The body of a request that can be sent several times, to models of different ids."""

    @property
    def model(self) -> str:
        """The model id of the client."""
        ...

    @property
    def prompt(self) -> Mapping[str, object]:
        """The members or fields with what the model reads, files of a form excepted."""
        ...

    @property
    def file_bytes(self) -> int:
        """The size of all files of a form."""
        ...

    @property
    def seconds(self) -> int:
        """The estimated length of the recording in a form."""
        ...

    def encode(self, model: str) -> EncodedBody:
        """The body with another model id."""
        ...


@dataclass(frozen=True, slots=True)
class JsonBody:
    """An object with all its members, `model` included."""

    members: dict[str, Any]

    @property
    def model(self) -> str:
        return str(self.members["model"])

    @property
    def prompt(self) -> Mapping[str, object]:
        return self.members

    @property
    def file_bytes(self) -> int:
        return 0

    @property
    def seconds(self) -> int:
        return 0

    def encode(self, model: str) -> EncodedBody:
        data = msgspec.json.encode({**self.members, "model": model})
        return EncodedBody("application/json", len(data), data)


@dataclass(frozen=True, slots=True)
class FormFile:
    """`field` is the name of the form's field."""

    field: str
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FormBody:
    """A multipart form that is made here."""

    model: str
    fields: Mapping[str, str]
    files: tuple[FormFile, ...]

    @property
    def prompt(self) -> Mapping[str, object]:
        return self.fields

    @property
    def file_bytes(self) -> int:
        return sum(len(file.data) for file in self.files)

    @property
    def seconds(self) -> int:
        return 0

    def encode(self, model: str) -> EncodedBody:
        boundary = secrets.token_hex(16)
        parts = []
        for name, value in {"model": model, **self.fields}.items():
            parts.append(form_parts.field_head(boundary, name) + value.encode("utf-8", "replace") + b"\r\n")
        for file in self.files:
            head = form_parts.file_head(boundary, file.field, file.filename, file.content_type)
            parts.append(head + file.data + b"\r\n")
        data = b"".join([*parts, form_parts.form_tail(boundary)])
        return EncodedBody(form_parts.form_type(boundary), len(data), data)


@dataclass(frozen=True, slots=True)
class Relayed:
    """A provider's response after its 2xx status. `whole` is its body, if it is one to be read whole.

    Otherwise `chunks` yields it as it arrives, and raises UpstreamError if it is cut off; a caller that does not
    iterate over it calls `close`. `secret` is what error texts may not contain.
    """

    content_type: str
    whole: bytes | None
    chunks: AsyncGenerator[bytes, None]
    close: Callable[[], None]
    secret: faults.ProviderSecrets | None = None

    @property
    def is_json(self) -> bool:
        return self.content_type.lower().startswith(_JSON)

    @property
    def is_event_stream(self) -> bool:
        return self.content_type.lower().startswith(EVENT_STREAM)

    def find_error(self, event: sse.Event) -> UpstreamError | None:
        """The error that an event of the stream reports; None for any other event."""
        is_named = event.name == b"error"
        if not is_named and b'"error"' not in event.data:
            return None
        try:
            value: Any = payload.decode(event.data)
        except UpstreamError:
            value = event.data.decode("utf-8", "replace")
        if not is_named and not (isinstance(value, dict) and (value.get("error") or value.get("type") == "error")):
            return None
        return faults.from_payload(value, secret=self.secret)


@runtime_checkable
class RelayingProvider(Protocol):
    """A provider that has endpoints beside chat, with the hosted API's paths."""

    name: str

    async def relay(self, operation: str, model: str, body: RelayBody, deadline: float) -> Relayed:
        """`operation` is the path below the provider's base, like `images/generations`.

        The response ends by `deadline`, a time of the event loop. Raises UpstreamError.
        """
        ...


async def read_response(operation: str, response: UpstreamResponse, secret: faults.ProviderSecrets | None) -> Relayed:
    """Reads a response that is to be read whole, and opens any other.

    Raises UpstreamError for an error as its body, for one that `operation` cannot have, and for an empty one.
    """
    content_type = response.content_type
    kind = content_type.lower()
    if kind.startswith(EVENT_STREAM):
        return Relayed(content_type, None, _stream_chunks(response), response.close, secret)
    has_json = kind.startswith(_JSON) or operation.startswith(_JSON_OPERATIONS)
    if not has_json and not kind.startswith(_WHOLE_TYPES):
        return await _open_bytes(response)
    with closing(response):
        data = await response.read()
    if kind.startswith(_HTML):
        raise payload.malformed("a page of HTML; check its base URL")
    if has_json:
        await _check_object(data, secret)
        content_type = content_type if kind.startswith(_JSON) else _JSON
    return Relayed(content_type, data, _no_chunks(), response.close)


async def _open_bytes(response: UpstreamResponse) -> Relayed:
    """Reads the first bytes of a response, so that an empty one can be retried, and costs nothing."""
    try:
        first = await response.read_chunk()
    except BaseException:
        response.close()
        raise
    if not first:
        response.close()
        raise payload.malformed("an empty body")
    return Relayed(response.content_type, None, _stream_chunks(response, first), response.close)


async def _check_object(data: bytes, secret: faults.ProviderSecrets | None) -> None:
    decode: Callable[[bytes], Any] = payload.decode
    value = decode(data) if len(data) <= _INLINE_DECODE_BYTES else await asyncio.to_thread(decode, data)
    if not isinstance(value, dict):
        raise payload.malformed("JSON that is not an object")
    if value.get("error"):
        raise faults.from_payload(value, secret=secret, status=200)


async def _stream_chunks(response: UpstreamResponse, first: bytes = b"") -> AsyncGenerator[bytes, None]:
    with closing(response):
        if first:
            yield first
        while chunk := await response.read_chunk():
            yield chunk


async def _no_chunks() -> AsyncGenerator[bytes, None]:
    for chunk in tuple[bytes, ...]():
        yield chunk


def no_provider(operation: str) -> UpstreamError:
    """The error of a server whose providers all have only chat."""
    return UpstreamError(
        "invalid_request",
        f"/{operation} is relayed to a model provider, and none with this endpoint is configured. Add one to the"
        " settings, as `[providers.NAME]` with `kind` 'openai' or 'azure'.",
        code="no_provider",
    )


def unsupported(model: str, provider: str, operation: str) -> UpstreamError:
    """The error for a model whose provider has no such endpoint."""
    return UpstreamError(
        "invalid_request",
        f"The model {model!r} is served by {provider!r}, which has no /{operation}. Name a model of a provider that has"
        " it; providers are configured as `[providers.NAME]` in the settings.",
        code="unsupported_model",
        param="model",
    )
