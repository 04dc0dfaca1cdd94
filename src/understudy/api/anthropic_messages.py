"""Anthropic's Messages API: creates a message, whole or streamed, with any model, and counts input tokens."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.errors import message_envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.hosted_tools import check_hosted_tools
from understudy.api.metering import UsageMeter, admit_unstored, hold_funds, render_charged, reserve_tokens
from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import decode_body, emit_first_delta, read_body, struct_response
from understudy.engine.accounting import Work
from understudy.engine.admission.chat import check_whole
from understudy.engine.limits.demand import measure_request
from understudy.llm.messages_request import DEFAULT_MAX_TOKENS, MessageBody
from understudy.llm.stream import Stream
from understudy.settings import LimitSettings
from understudy.wire.anthropic_messages import (
    CountMessageTokensParams,
    CreateMessageParams,
    Message,
    MessageTokensCount,
)
from understudy.wire.errors import MessageErrorResponse
from understudy.wire.parsing import parse_object

operations = OperationGroup("Messages", error=MessageErrorResponse)


@operations.add(
    "createAnthropicMessage",
    "POST",
    "/messages",
    summary="Create a message with Anthropic's Messages API, with any model.",
    request=CreateMessageParams,
    response=Message,
    streams=True,
)
async def create_message(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    raw = await read_body(request, limits)
    body = await decode_body(raw, _check_body, raw, limits)
    await parts.admission.chat.check_message(body)
    await admit_unstored(request)
    measure = partial(measure_request, raw, body)
    await reserve_tokens(request, body["model"], measure)
    await check_hosted_tools(parts, project_of(request), body)
    await hold_funds(request, Work(body["model"], measure=measure))
    meter = UsageMeter(request, "completion", body)
    if not body.get("stream"):
        message = await parts.models.message(body, _beta_header(request))
        return render_charged(meter, message, await meter.charge(message))
    stream = parts.models.message_stream(body, _beta_header(request))
    # An error before the first events becomes an ordinary error response with its own status.
    first = await anext(stream, ())
    emit_first_delta(request)
    return EventStream(request, _stream_events(first, stream, meter, request.state.request_id))


@operations.add(
    "countAnthropicMessageTokens",
    "POST",
    "/messages/count_tokens",
    summary="Count the tokens of a message request.",
    request=CountMessageTokensParams,
    response=MessageTokensCount,
)
async def count_tokens(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    raw = await read_body(request, limits)
    body = await decode_body(raw, _parse_body, raw, CountMessageTokensParams, limits)
    await parts.admission.chat.check_message(body)
    await parts.limiter.permissions.check_model(project_of(request), str(body["model"]))
    return struct_response(
        MessageTokensCount(await parts.models.count_tokens(_plain_body(body), _beta_header(request)))
    )


async def complete_message(parts: Parts, project_id: str, raw: bytes) -> bytes:
    """Completes one line of a batch, which cannot stream. Returns the JSON of the message."""
    body = await decode_body(raw, _check_body, raw, parts.settings.limits)
    await parts.limiter.permissions.check_model(project_id, str(body["model"]))
    await check_hosted_tools(parts, project_id, body)
    await parts.admission.chat.check_message(body)
    check_whole(body.get("stream"))
    message = msgspec.json.decode(await parts.models.message(body))
    if isinstance(message.get("usage"), dict):
        message["usage"]["service_tier"] = "batch"
    return msgspec.json.encode(message)


def _check_body(raw: bytes, limits: LimitSettings) -> MessageBody:
    """The body unchanged, with the default of `max_tokens`; raises InvalidBody."""
    return {"max_tokens": DEFAULT_MAX_TOKENS, **_plain_body(_parse_body(raw, CreateMessageParams, limits))}


def _parse_body(raw: bytes, kind: type[CountMessageTokensParams], limits: LimitSettings) -> MessageBody:
    return parse_object(raw, kind, depth=limits.json_depth, values=limits.json_values)


def _beta_header(request: Request) -> str:
    return ",".join(request.headers.getlist("anthropic-beta"))


def _plain_body(body: MessageBody) -> MessageBody:
    # Null means the same as an absent member, but some providers reject null.
    return {name: value for name, value in body.items() if value is not None}


async def _stream_events(
    first: Sequence[bytes], stream: Stream, meter: UsageMeter, request_id: str
) -> AsyncGenerator[bytes, None]:
    counts = _UsageCounter(meter)
    try:
        async with aclosing(stream):
            yield await counts.count_frames(first)
            async for frames in stream:
                yield await counts.count_frames(frames)
    except Exception as error:  # noqa: BLE001 - the response has started, so every error becomes an event
        envelope = message_envelope(to_api_error(error, request_id), request_id)
        yield b"event: error\ndata: " + envelope + b"\n\n"
    finally:
        meter.settle_abandoned()


class _UsageEvent(msgspec.Struct):
    message: dict[str, Any] = {}
    usage: dict[str, Any] = {}


class _UsageCounter:
    """Merges the usage of a stream: `message_start` has the input tokens, `message_delta` the output tokens."""

    def __init__(self, meter: UsageMeter) -> None:
        self._meter = meter
        self._usage: dict[str, Any] = {}

    async def count_frames(self, frames: Sequence[bytes]) -> bytes:
        """Joins the frames. Settles the meter before it returns the frame that ends the message."""
        self._meter.observe(frames)
        for frame in frames:
            if frame.startswith((b"event: message_start", b"event: message_delta")):
                self._add_usage(frame)
            elif frame.startswith(b"event: message_stop"):
                await self._meter.settle()
        return b"".join(frames)

    def _add_usage(self, frame: bytes) -> None:
        event = msgspec.json.decode(frame.partition(b"\ndata: ")[2], type=_UsageEvent)
        usage = event.message.get("usage") or event.usage
        self._usage |= {name: count for name, count in usage.items() if count is not None}
        self._meter.observe([msgspec.json.encode({"usage": self._usage})])
