"""The server-sent events of a response over HTTP: a new one, one that is followed, and one without output."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import msgspec
from starlette.requests import Request

from understudy import errors
from understudy.api.errors import to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.parts import Parts, parts_of
from understudy.api.response_memory import ResponseMemory
from understudy.engine.response_streams import CreatedResponse, ResponseStreamTail
from understudy.wire.response_items import encode_items
from understudy.wire.responses import ResponseObject


def stream_response(
    request: Request, begun: CreatedResponse, memory: ResponseMemory | None, *, kept: bool
) -> EventStream:
    """The stream of a new response. One that is not `kept` is erased at the end, or with the connection of `memory`."""
    if not kept and memory is None:
        erase = partial(_erase, parts_of(request), begun)
        return EventStream(request, begun.reader(), partial(_end_frame, begun), on_end=erase)
    if memory is not None and not kept:
        memory.unstored.add(begun.id)
    return EventStream(request, begun.reader(), partial(_end_frame, begun))


def _erase(parts: Parts, begun: CreatedResponse) -> None:
    """After the stream, whose client may have disconnected before the end of the response."""
    if begun.log.closed and not begun.log.is_handed_over:
        parts.responses.unstored.erase_soon(begun.id)
    else:
        parts.responses.abandon(begun)


def _end_frame(begun: CreatedResponse) -> bytes:
    """What follows the last event: nothing, unless this server stopped following the response."""
    return _cut_frame(begun.next_sequence()) if begun.log.is_handed_over else b""


async def warm_up_frames(response: ResponseObject) -> AsyncGenerator[bytes, None]:
    """The events of a response without output."""
    started = msgspec.structs.replace(response, status="in_progress", completed_at=None, usage=None)
    events = (
        ("response.created", started),
        ("response.in_progress", started),
        ("response.completed", response),
    )
    for number, (name, sent) in enumerate(events):
        data = b'{"type":"%s","sequence_number":%d,"response":' % (name.encode(), number) + encode_items(sent) + b"}"
        yield b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


async def followed_frames(followed: ResponseStreamTail) -> AsyncGenerator[bytes, None]:
    """The rest of a response's stream; an error ends it where this server cannot follow the response to its end."""
    async with aclosing(followed.frames()) as frames:
        async for joined in frames:
            yield joined
    if followed.is_interrupted:
        yield _cut_frame(followed.next_sequence())


def _cut_frame(number: int) -> bytes:
    message = "The server stopped following this response here; retrieve it to get its result."
    return _error_frame(to_api_error(errors.ServerError(message)), number)


def _error_frame(error: errors.ApiError, number: int) -> bytes:
    """The Responses API's errors in streams are flat."""
    data = {
        "type": "error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "sequence_number": number,
    }
    return b"event: error\ndata: " + msgspec.json.encode(data) + b"\n\n"
