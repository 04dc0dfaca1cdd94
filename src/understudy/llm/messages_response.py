"""Translates chat completions and their chunks into messages and stream events. Knows no HTTP.

The reverse of anthropic_response.py. Source: the response and event types of the official `anthropic` package.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from understudy import ids
from understudy.errors import UpstreamError
from understudy.llm import chunks as chat_chunks
from understudy.llm import payload
from understudy.llm.messages_request import MessageBody, wants_thinking

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}

_Event = dict[str, Any]


def frame(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n"


def is_preamble(frame: bytes) -> bool:
    """Whether an event has no content yet, so that another attempt is still possible."""
    return frame.startswith((b"event: message_start", b"event: ping"))


def from_chat(data: bytes, body: MessageBody) -> dict[str, Any]:
    """Translates a whole `chat.completion` into a message."""
    completion = msgspec.json.decode(data, type=_Completion)
    if not completion.choices:
        raise UpstreamError("malformed", "The upstream returned JSON that is not a chat completion.")
    choice = completion.choices[0]
    has_calls = bool(choice.message.tool_calls)
    reason, sequence = _stop_reason(choice.finish_reason, choice.stop_reason, body, has_calls=has_calls)
    message = _empty_message(completion.model or str(body.get("model")))
    return message | {
        "content": list(_content_blocks(choice.message, body)),
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": _usage(completion.usage),
    }


def replay_message(message: Mapping[str, Any]) -> Iterator[_Event]:
    """The stream events of a whole message."""
    usage = message.get("usage") or {}
    yield _message_start_event({**message, "content": [], "stop_reason": None, "stop_sequence": None})
    for index, block in enumerate(message["content"]):
        opening, deltas = _split_block(block)
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield _message_delta_event(message.get("stop_reason"), message.get("stop_sequence"), usage)
    yield {"type": "message_stop"}


async def stream_events(
    stream: AsyncIterator[Sequence[bytes]], body: MessageBody
) -> AsyncGenerator[Sequence[bytes], None]:
    """Translates the chunks of a stream into framed events."""
    translator = ToMessagesStream(body)
    async with aclosing(_closable(stream)) as chunks:
        async for batch in chunks:
            if frames := [frame(event) for chunk in batch for event in translator.translate(chunk)]:
                yield frames
    yield [frame(event) for event in translator.finish()]


async def _closable(stream: AsyncIterator[Sequence[bytes]]) -> AsyncGenerator[Sequence[bytes], None]:
    try:
        async for batch in stream:
            yield batch
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    id: str | None = None
    function: _Function | None = None
    index: int | None = None


class _ChatMessage(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _WholeChoice(Struct):
    message: _ChatMessage
    finish_reason: str | None = None
    stop_reason: Any = None
    """Of vLLM: the stop sequence."""


class _Completion(Struct):
    choices: list[_WholeChoice]
    model: str | None = None
    usage: chat_chunks.TokenCounts | None = None


class _Choice(Struct):
    delta: _ChatMessage | None = None
    finish_reason: str | None = None
    stop_reason: Any = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: chat_chunks.TokenCounts | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


@dataclass(slots=True)
class _PendingCall:
    """A call behind the open one: the blocks of a message must not overlap."""

    opening: _Call
    arguments: list[str] = field(default_factory=list)


class ToMessagesStream:
    """Translates one stream of chunks into events in the order of the Messages API."""

    def __init__(self, body: MessageBody) -> None:
        self._body = body
        self._wants_thinking = wants_thinking(body)
        self._started = False
        self._blocks = 0
        self._open_block: str | None = None
        self._call: int | None = None
        self._call_indexes: list[int | None] = []
        self._pending_calls: dict[int, _PendingCall] = {}
        self._text_after_calls: list[str] = []
        self._finish_reason: str | None = None
        self._stopped_at: Any = None
        self._usage: chat_chunks.TokenCounts | None = None

    def translate(self, data: bytes) -> Iterator[_Event]:
        try:
            chunk = _decode(data)
        except payload.DECODE_ERRORS as error:
            raise UpstreamError("malformed", f"The upstream sent a malformed chat completion chunk: {error}") from None
        if not self._started:
            self._started = True
            yield _message_start_event(
                _empty_message(chunk.model or str(self._body.get("model"))) | {"usage": _usage(None)}
            )
        self._usage = chunk.usage or self._usage
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                yield from self._translate_delta(choice.delta)
            self._finish_reason = choice.finish_reason or self._finish_reason
            self._stopped_at = choice.stop_reason or self._stopped_at

    def finish(self) -> Iterator[_Event]:
        yield from self._stop_block()
        for call in self._pending_calls.values():
            yield from self._start_call(call.opening)
            yield from self._emit_arguments("".join(call.arguments))
            yield from self._stop_block()
        if self._text_after_calls:
            yield from self._emit_text("text", "".join(self._text_after_calls))
            yield from self._stop_block()
        has_calls = self._call is not None
        reason, sequence = _stop_reason(self._finish_reason, self._stopped_at, self._body, has_calls=has_calls)
        yield _message_delta_event(reason, sequence, _usage(self._usage))
        yield {"type": "message_stop"}

    def _translate_delta(self, delta: _ChatMessage) -> Iterator[_Event]:
        if self._wants_thinking and (thought := delta.reasoning_content or delta.reasoning):
            yield from self._emit_text("thinking", thought)
        if text := (delta.content or "") + (delta.refusal or ""):
            if self._call is None:
                yield from self._emit_text("text", text)
            else:
                self._text_after_calls.append(text)
        for fragment in delta.tool_calls or ():
            yield from self._add_call_fragment(fragment)

    def _emit_text(self, kind: str, text: str) -> Iterator[_Event]:
        if self._open_block != kind:
            yield from self._stop_block()
            opening = (
                {"type": "text", "text": ""} if kind == "text" else {"type": kind, "thinking": "", "signature": ""}
            )
            yield from self._start_block(kind, opening)
        yield self._delta_event({"type": f"{kind}_delta", kind: text})

    def _add_call_fragment(self, fragment: _Call) -> Iterator[_Event]:
        place, is_first = self._call_position(fragment)
        text = (fragment.function.arguments if fragment.function else None) or ""
        if self._call is None:
            yield from self._stop_block()
            self._call = place
            yield from self._start_call(fragment)
            yield from self._emit_arguments(text)
        elif place == self._call:
            yield from self._emit_arguments(text)
        elif is_first:
            self._pending_calls[place] = _PendingCall(fragment, [text])
        else:
            self._pending_calls[place].arguments.append(text)

    def _call_position(self, fragment: _Call) -> tuple[int, bool]:
        """The position of the fragment's call, and whether the fragment is its first. Some servers omit the index."""
        if fragment.index is not None and fragment.index in self._call_indexes:
            return self._call_indexes.index(fragment.index), False
        if fragment.index is None and fragment.id is None and self._call_indexes:
            return len(self._call_indexes) - 1, False
        self._call_indexes.append(fragment.index)
        return len(self._call_indexes) - 1, True

    def _start_call(self, call: _Call) -> Iterator[_Event]:
        name = call.function.name if call.function else None
        opening = {"type": "tool_use", "id": call.id or ids.tool_call(), "name": name or "", "input": {}}
        yield from self._start_block("tool_use", opening)

    def _emit_arguments(self, text: str) -> Iterator[_Event]:
        if text:
            yield self._delta_event({"type": "input_json_delta", "partial_json": text})

    def _start_block(self, kind: str, opening: dict[str, Any]) -> Iterator[_Event]:
        self._open_block = kind
        yield {"type": "content_block_start", "index": self._blocks, "content_block": opening}
        if self._blocks == 0:
            yield {"type": "ping"}

    def _delta_event(self, delta: dict[str, Any]) -> _Event:
        return {"type": "content_block_delta", "index": self._blocks, "delta": delta}

    def _stop_block(self) -> Iterator[_Event]:
        if self._open_block is not None:
            yield {"type": "content_block_stop", "index": self._blocks}
            self._open_block = None
            self._blocks += 1


def _empty_message(model: str) -> dict[str, Any]:
    return {
        "id": ids.message(),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _message_start_event(message: Mapping[str, Any]) -> _Event:
    return {"type": "message_start", "message": message}


def _message_delta_event(reason: str | None, sequence: str | None, usage: Mapping[str, Any]) -> _Event:
    counts = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    delta = {"stop_reason": reason, "stop_sequence": sequence}
    return {"type": "message_delta", "delta": delta, "usage": counts}


def _split_block(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The block of the start event, and the deltas behind it."""
    match block.get("type"):
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": block.get("text") or ""}]
        case "thinking":
            thought = {"type": "thinking_delta", "thinking": block.get("thinking") or ""}
            signed = {"type": "signature_delta", "signature": block.get("signature") or ""}
            return {**block, "thinking": "", "signature": ""}, [thought, signed]
        case "tool_use" | "server_tool_use":
            arguments = msgspec.json.encode(block.get("input") or {}).decode()
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": arguments}]
        case _:
            return block, []


def _content_blocks(message: _ChatMessage, body: MessageBody) -> Iterator[dict[str, Any]]:
    if wants_thinking(body) and (thought := message.reasoning_content or message.reasoning):
        yield {"type": "thinking", "thinking": thought, "signature": ""}
    if text := (message.content or "") + (message.refusal or ""):
        yield {"type": "text", "text": text}
    for call in message.tool_calls or ():
        yield _tool_use_block(call)


def _tool_use_block(call: _Call) -> dict[str, Any]:
    function = call.function or _Function()
    return {
        "type": "tool_use",
        "id": call.id or ids.tool_call(),
        "name": function.name or "",
        "input": _parse_arguments(function.arguments or ""),
    }


def _parse_arguments(arguments: str) -> dict[str, Any]:
    """The arguments as an object; any other value becomes its member `arguments`."""
    try:
        parsed = msgspec.json.decode(arguments) if arguments.strip() else {}
    except payload.DECODE_ERRORS:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": arguments}


def _stop_reason(finish: str | None, stopped: Any, body: MessageBody, *, has_calls: bool) -> tuple[str, str | None]:
    """The stop reason, and the stop sequence if the provider reports one."""
    if isinstance(stopped, str) and stopped in (body.get("stop_sequences") or ()):
        return "stop_sequence", stopped
    if has_calls and finish == "stop":  # from servers without `tool_calls` as a finish reason
        return "tool_use", None
    return _STOP_REASONS.get(finish or "stop", "end_turn"), None


def _usage(counts: chat_chunks.TokenCounts | None) -> dict[str, Any]:
    counts = counts or chat_chunks.TokenCounts()
    details = counts.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return {
        "input_tokens": max((counts.prompt_tokens or 0) - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": counts.completion_tokens or 0,
        "service_tier": "standard",
    }
