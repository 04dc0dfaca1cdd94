"""Anthropic's Messages API: a message whole or streamed, from any model, and the count of what it would read."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.errors import message_envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.exchange import encoded, read_body, rendered
from understudy.api.parts import Parts, parts_of
from understudy.errors import InvalidRequest, UnderstudyError
from understudy.llm.messages_request import DEFAULT_MAX_TOKENS, MessageBody
from understudy.llm.router import Stream
from understudy.settings import LimitSettings
from understudy.wire.anthropic_messages import CountMessageTokensParams, CreateMessageParams, MessageTokensCount
from understudy.wire.problems import parse_object


async def create_message(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    body = _checked(await read_body(request, limits), CreateMessageParams, limits)
    if not body.get("stream"):
        return encoded(await parts.models.message(body))
    stream = parts.models.message_stream(body)
    # The first events decide: what fails before them is an ordinary error answer.
    first = await anext(stream, ())
    return EventStream(request, _events(first, stream, request.state.request_id))


async def count_tokens(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    body = parse_object(await read_body(request, limits), CountMessageTokensParams, depth=limits.json_depth)
    return rendered(MessageTokensCount(await parts.models.count_tokens(_plain(body))))


async def answer_message(parts: Parts, project_id: str, raw: bytes) -> bytes:  # noqa: ARG001 - as all endpoints of batches
    """The answer to a body that came without a request of its own; it cannot stream."""
    body = _checked(raw, CreateMessageParams, parts.settings.limits)
    if body.get("stream"):
        raise InvalidRequest("Invalid 'stream': a request of a batch cannot stream. Leave it out.", param="stream")
    message = msgspec.json.decode(await parts.models.message(body))
    if isinstance(message.get("usage"), dict):
        message["usage"]["service_tier"] = "batch"
    return msgspec.json.encode(message)


def _checked(raw: bytes, kind: type[CreateMessageParams], limits: LimitSettings) -> MessageBody:
    """The body as it came, with its default; raises InvalidBody."""
    return {"max_tokens": DEFAULT_MAX_TOKENS, **_plain(parse_object(raw, kind, depth=limits.json_depth))}


def _plain(body: MessageBody) -> MessageBody:
    # A null says what its absence says, and not every provider knows that.
    return {name: value for name, value in body.items() if value is not None}


async def _events(first: Sequence[bytes], stream: Stream, request_id: str) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        try:
            yield b"".join(first)
            async for frames in stream:
                yield b"".join(frames)
        except UnderstudyError as error:
            told = message_envelope(to_api_error(error, request_id), request_id)
            yield b"event: error\ndata: " + told + b"\n\n"
