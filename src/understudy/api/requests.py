"""Reads request bodies within their limits and builds responses: stored JSON, Structs, lists."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import telemetry
from understudy.api.request_head import Fields, Headers
from understudy.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType
from understudy.settings import LimitSettings
from understudy.store import large_writes
from understudy.store.list_filters import ListFilter
from understudy.store.pages import Page, PageRequest
from understudy.wire import parsing
from understudy.wire.queries import ListQuery

T = TypeVar("T", bound=msgspec.Struct)
R = TypeVar("R")
P = ParamSpec("P")

# Bodies up to this size decode in one or two milliseconds; larger ones are decoded in a thread.
_INLINE_DECODE_BYTES: Final = 32 * 1024


def add_headers(request: Request, headers: Headers) -> None:
    """Adds headers to the response, also to that of an error."""
    request.scope["state"].setdefault("headers", []).extend(headers)


class _HasMetadata(Protocol):
    metadata: dict[str, str]


_JSON: Final = b"application/json"
_JSON_HEADER: Final = (b"content-type", _JSON)


def emit_first_delta(request: Request) -> None:
    """Emits the event of the first content that a streamed chat has received from the model."""
    state = request.scope["state"]
    telemetry.emit(
        telemetry.FirstDelta,
        kind="chat",
        project_id=state["project_id"],
        duration=telemetry.elapsed(state["started"]),
    )


async def read_body(request: Request, limits: LimitSettings) -> bytes:
    """Raises BodyTooLarge, UnsupportedMediaType for a non-JSON body, InvalidRequest on disconnect."""
    fields: Fields = request.scope["state"]["fields"]
    length = fields.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.body_bytes:
        raise _body_too_large(limits)
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The connection was closed before the body had ended.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limits.body_bytes:
            raise _body_too_large(limits)
    content_type = fields.get(b"content-type", _JSON)
    if body and b"json" not in content_type.lower():
        raise UnsupportedMediaType(
            f"Unsupported content type: {content_type.decode('latin-1')!r}."
            " This API method only accepts 'application/json' requests.",
            code="unsupported_content_type",
        )
    return bytes(body)


async def read_json(request: Request, kind: type[T], limits: LimitSettings, *, empty: bool = False) -> T:
    """Decodes the body as `kind`. `empty`: no body means `{}`. Raises InvalidBody and what `read_body` does."""
    body = await read_body(request, limits)
    return await decode_body(
        body, parsing.parse, body, kind, depth=limits.json_depth, empty=empty, values=limits.json_values
    )


async def decode_body(body: bytes, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `work`, in a thread for a large `body`, which would block the event loop."""
    if len(body) <= _INLINE_DECODE_BYTES:
        return work(*args, **kwargs)
    large_writes.mark_expected()
    return await asyncio.to_thread(work, *args, **kwargs)


def _body_too_large(limits: LimitSettings) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is too large. The limit is {limits.body_bytes} bytes.")


def page_request(query: ListQuery) -> PageRequest:
    return PageRequest(query.limit, query.order, query.after, query.before)


class _FilteredQuery(Protocol):
    @property
    def q(self) -> str | None: ...

    @property
    def metadata(self) -> dict[str, str]: ...


def list_filter(query: _FilteredQuery) -> ListFilter:
    return ListFilter(query.q, tuple(query.metadata.items()))


def set_metadata(metadata: dict[str, str] | None) -> Callable[[_HasMetadata], None]:
    """A change that replaces an object's metadata; None keeps it."""

    def change(subject: _HasMetadata) -> None:
        if metadata is not None:
            subject.metadata = metadata

    return change


class JsonResponse(Response):
    """Encoded JSON with status 200. Its headers need no parsing, as those of the base class do."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON_HEADER]


def json_response(body: bytes | str) -> Response:
    """A response of encoded JSON."""
    return JsonResponse(body.encode() if isinstance(body, str) else body)


def struct_response(subject: msgspec.Struct) -> Response:
    return JsonResponse(msgspec.json.encode(subject))


def add_members(body: str, members: dict[str, object]) -> str:
    """The encoded object with more members after its own."""
    return f"{body[:-1]},{msgspec.json.encode(members).decode()[1:]}" if members else body


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


def objects_response(kind: Callable[..., msgspec.Struct], data: Sequence[_HasId], *, has_more: bool) -> Response:
    """The list envelope `kind` around the objects of a page."""
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return struct_response(kind(data=data, first_id=first, last_id=last, has_more=has_more))


def list_response(page: Page) -> Response:
    """The list envelope around stored JSON."""
    rows = page.rows
    first, last = (f'"{rows[0][0]}"', f'"{rows[-1][0]}"') if rows else ("null", "null")
    data = ",".join([body for _, body in rows])
    more = "true" if page.has_more else "false"
    return json_response(f'{{"object":"list","data":[{data}],"first_id":{first},"last_id":{last},"has_more":{more}}}')
