"""Chat completions over HTTP. The body goes to the model's provider with all of its parameters."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.chat_files import inline_files
from understudy.api.errors import envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.hosted_tools import check_hosted_tools
from understudy.api.metering import (
    StreamTail,
    UsageMeter,
    admit,
    admit_unstored,
    finish_with_answer,
    hold_funds,
    render_charged,
    reserve_tokens,
)
from understudy.api.operations import OperationGroup, Schema
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import decode_body, emit_first_delta, read_body
from understudy.api.stored_chat import COMPLETION_SCHEMA, StoredCompletion
from understudy.engine.accounting import Work
from understudy.engine.admission.chat import check_whole
from understudy.engine.limits.demand import measure_request
from understudy.llm.chunk_batch import ChunkBatch
from understudy.llm.chunks import decode
from understudy.llm.provider import ChatBody
from understudy.llm.stream import Stream
from understudy.settings import LimitSettings
from understudy.wire.chat import ChatRequest, DeploymentChatRequest
from understudy.wire.parsing import parse

operations = OperationGroup("Chat")

_COMPLETION_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"type": "object"}},
        "stream": {"type": ["boolean", "null"], "default": False},
        "store": {"type": ["boolean", "null"], "default": False},
    },
    "additionalProperties": True,
}

_ChunkStream = Stream | AsyncGenerator[Sequence[bytes], None]
_NO_CHOICES = re.compile(rb'"choices": ?\[\]')
_BETWEEN_CHUNKS = b"\n\ndata: "
# A stream ends with its finish reason and its usage: of many chunks of one read, only the last ones are special.
_LAST_CHUNKS, _MANY_CHUNKS = 2, 4


@operations.add(
    "createChatCompletion",
    "POST",
    "/chat/completions",
    summary="Create a chat completion; the body is forwarded to the model's provider.",
    request=_COMPLETION_REQUEST,
    response=COMPLETION_SCHEMA,
    streams=True,
)
async def create_chat_completion(request: Request) -> Response:
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    return await _respond_to_chat(request, raw, await decode_body(raw, _decode_body, raw, ChatRequest, limits))


async def create_deployment_chat_completion(request: Request) -> Response:
    """Azure's form: the path names the model; the `model` of the body is ignored."""
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    body = await decode_body(raw, _decode_body, raw, DeploymentChatRequest, limits)
    body["model"] = request.path_params["model"]
    return await _respond_to_chat(request, raw, body)


async def complete_chat(parts: Parts, project_id: str, raw: bytes) -> bytes:
    """Completes one line of a batch, which cannot stream. Returns the JSON of the completion."""
    body = await decode_body(raw, _decode_body, raw, ChatRequest, parts.settings.limits)
    check_whole(body.get("stream"))
    await check_hosted_tools(parts, project_id, body)
    if body.get("store"):
        stored = StoredCompletion(parts, project_id, None, body)
        stored.body = await inline_files(parts, project_id, stored.body)
        await stored.check_storage()
        return await stored.complete()
    return await parts.models.complete(await inline_files(parts, project_id, body))


def _decode_body(raw: bytes, kind: type[DeploymentChatRequest], limits: LimitSettings) -> ChatBody:
    """The whole body unchanged, with its required members validated; raises InvalidBody."""
    parse(raw, kind, depth=limits.json_depth, values=limits.json_values)
    body: ChatBody = msgspec.json.decode(raw)
    return body


async def _respond_to_chat(request: Request, raw: bytes, body: ChatBody) -> Response:
    await (admit(request) if body.get("store") else admit_unstored(request))
    measure = partial(measure_request, raw, body)
    await reserve_tokens(request, body["model"], measure)
    await check_hosted_tools(parts_of(request), project_of(request), body)
    models = parts_of(request).models
    stored = None
    if body.get("store"):
        stored = StoredCompletion(parts_of(request), project_of(request), request.state.request_id, body)
        body = stored.body
    body = await inline_files(parts_of(request), project_of(request), body)
    if stored is not None:
        stored.body = body
        await stored.check_storage()
    await hold_funds(request, Work(body["model"], measure=measure))
    meter = UsageMeter(request, "completion", body, is_stored=stored is not None)
    if not body.get("stream"):
        finish = partial(finish_with_answer, request)
        completion = await (models.complete(body) if stored is None else stored.complete(finish))
        return render_charged(meter, completion, await meter.charge(completion))
    stream = models.stream(body)
    # An error before the first chunks becomes an ordinary error response with its own status.
    first = await anext(stream, ())
    emit_first_delta(request)
    # Providers always report usage; a client that did not request it receives no chunk without choices.
    usage = bool(body.get("stream_options"))
    request_id: str = request.state.request_id
    if stored is None:
        return EventStream(request, _stream_events(first, stream, meter, request_id, usage=usage))
    return EventStream(request, _stream_events((), stored.chunks(first, stream), meter, request_id, usage=usage))


def _join_chunks(chunks: Sequence[bytes]) -> bytes:
    return b"".join([b"data: " + chunk + b"\n\n" for chunk in chunks])


def _frame_chunks(chunks: Sequence[bytes], meter: UsageMeter, tail: StreamTail | None, *, usage: bool) -> bytes:
    if tail is None and isinstance(chunks, ChunkBatch) and chunks.run:
        meter.count(chunks.run_length)
        before = _frame_chunks(chunks.before, meter, None, usage=usage)
        return before + chunks.run + _frame_chunks(chunks.after, meter, None, usage=usage)
    if tail is None and len(chunks) >= _MANY_CHUNKS:
        others = chunks[:-_LAST_CHUNKS]
        joined = _BETWEEN_CHUNKS.join(others)
        if b'"usage"' not in joined and (usage or not _NO_CHOICES.search(joined)):
            meter.count(len(others))
            return b"data: " + joined + b"\n\n" + _frame_chunks(chunks[-_LAST_CHUNKS:], meter, None, usage=usage)
    meter.observe(chunks)
    visible = _visible_chunks(chunks, usage=usage)
    return _join_chunks(visible if tail is None else tail.push(visible))


def _visible_chunks(chunks: Sequence[bytes], *, usage: bool) -> Sequence[bytes]:
    return chunks if usage else [chunk for chunk in chunks if _has_choices(chunk)]


def _has_choices(chunk: bytes) -> bool:
    # The pattern rules out nearly every chunk without decoding it.
    return not _NO_CHOICES.search(chunk) or bool(decode(chunk).choices)


async def _stream_events(
    first: Sequence[bytes], stream: _ChunkStream, meter: UsageMeter, request_id: str, *, usage: bool
) -> AsyncGenerator[bytes, None]:
    tail = StreamTail() if meter.wants_meta else None
    try:
        async with aclosing(stream):
            if frames := _frame_chunks(first, meter, tail, usage=usage):
                yield frames
            async for chunks in stream:
                if frames := _frame_chunks(chunks, meter, tail, usage=usage):
                    yield frames
        used = await meter.settle()
    except Exception as error:  # noqa: BLE001 - the response has started, so every error becomes an event
        yield b"data: " + envelope(to_api_error(error, request_id)) + b"\n\n"
        return
    finally:
        meter.settle_abandoned()
    if tail is not None:
        yield _join_chunks(tail.flush(used))
    yield b"data: [DONE]\n\n"
