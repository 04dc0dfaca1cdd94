"""Reading a request and answering it: bodies within their limits, JSON as it is stored, lists, streams of events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from understudy.errors import BodyTooLarge, UnsupportedMediaType
from understudy.settings import LimitSettings
from understudy.store.pages import Page, PageRequest
from understudy.wire import problems
from understudy.wire.queries import ListQuery

T = TypeVar("T", bound=msgspec.Struct)


class _HasMetadata(Protocol):
    metadata: dict[str, str]


_JSON = "application/json"
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


async def read_body(request: Request, limits: LimitSettings) -> bytes:
    """Raises BodyTooLarge, and UnsupportedMediaType where there is a body and it says that it is not JSON."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise _too_large(limits)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
    content_type = request.headers.get("content-type", _JSON)
    if body and "json" not in content_type.lower():
        raise UnsupportedMediaType(
            f"Unsupported content type: {content_type!r}. This API method only accepts 'application/json' requests.",
            code="unsupported_content_type",
        )
    return bytes(body)


async def read_json(request: Request, kind: type[T], limits: LimitSettings, *, empty: bool = False) -> T:
    """The body as `kind`; with `empty`, an absent one stands for `{}`. Raises InvalidBody and what `read_body` does."""
    return problems.parse(await read_body(request, limits), kind, depth=limits.json_depth, empty=empty)


def _too_large(limits: LimitSettings) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is too large. The limit is {limits.body_bytes} bytes.")


def page_request(query: ListQuery) -> PageRequest:
    return PageRequest(query.limit, query.order, query.after, query.before)


def set_metadata(metadata: dict[str, str] | None) -> Callable[[_HasMetadata], None]:
    """A change that replaces an object's metadata; None leaves it as it is."""

    def change(subject: _HasMetadata) -> None:
        if metadata is not None:
            subject.metadata = metadata

    return change


def encoded(body: bytes | str) -> Response:
    """An answer that is JSON already."""
    return Response(body, media_type=_JSON)


def rendered(subject: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(subject), media_type=_JSON)


def listed(page: Page) -> Response:
    """The list envelope around bodies as they are stored."""
    ids = [row[0] for row in page.rows]
    first, last = (f'"{ids[0]}"', f'"{ids[-1]}"') if ids else ("null", "null")
    data = ",".join(row[1] for row in page.rows)
    more = "true" if page.has_more else "false"
    return encoded(f'{{"object":"list","data":[{data}],"first_id":{first},"last_id":{last},"has_more":{more}}}')


class EventStream(Response):
    """Server-sent events, each item of `frames` one or more whole blocks. A client that goes away ends only itself."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        self._frames = frames
        self.background = None

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_EVENTS)})
        pump = asyncio.current_task()
        assert pump is not None
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            gone = True
            pump.cancel()

        watcher = asyncio.create_task(watch())
        try:
            async with aclosing(self._frames):
                async for frames in self._frames:
                    await send({"type": "http.response.body", "body": frames, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not gone:
                raise
        finally:
            watcher.cancel()
