"""Chat completions and their chunks as messages and the events of their streams. Knows no HTTP.

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
from understudy.llm import faults, message_events, payload, repair, streaming
from understudy.llm.messages_request import MessageBody, wants_thinking
from understudy.net import sse

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
    """Whether an event says no more than that there is an answer to come, so that another attempt can still be made."""
    return frame.startswith((b"event: message_start", b"event: ping"))


def from_chat(data: bytes, body: MessageBody) -> dict[str, Any]:
    """The message that a whole `chat.completion` stands for."""
    completion = msgspec.json.decode(data, type=_Completion)
    if not completion.choices:
        raise UpstreamError("malformed", "The upstream answered with JSON that is not a chat completion.")
    choice = completion.choices[0]
    said = choice.message
    content: list[dict[str, Any]] = []
    if wants_thinking(body) and (thought := said.reasoning_content or said.reasoning):
        content.append({"type": "thinking", "thinking": thought, "signature": ""})
    if text := (said.content or "") + (said.refusal or ""):
        content.append({"type": "text", "text": text})
    content += [_tool_use_block(call) for call in said.tool_calls or ()]
    reason, sequence = _stop_reason(choice.finish_reason, choice.stop_reason, body, called=bool(said.tool_calls))
    message = _empty_message(completion.model or str(body.get("model")))
    return message | {
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": _usage(completion.usage),
    }


def replay_message(message: Mapping[str, Any]) -> Iterator[_Event]:
    """The stream that would have told this message."""
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
    """The frames of the events that the chunks of a stream stand for."""
    speaker = ToMessagesStream(body)
    async with aclosing(_closable(stream)) as chunks:
        async for together in chunks:
            if frames := [frame(event) for chunk in together for event in speaker.translate(chunk)]:
                yield frames
    yield [frame(event) for event in speaker.finish()]


async def _closable(stream: AsyncIterator[Sequence[bytes]]) -> AsyncGenerator[Sequence[bytes], None]:
    try:
        async for together in stream:
            yield together
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
    """vLLM's: the sequence that ended the text."""


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
    """A call beside the one that is being told: blocks of a message follow each other, so it has to wait."""

    opening: _Call
    arguments: list[str] = field(default_factory=list)


class ToMessagesStream:
    """One stream of chunks told as events, in the order that the Messages API has them."""

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
            raise UpstreamError(
                "malformed", f"The upstream sent a chunk that is not a chat completion: {error}"
            ) from None
        if not self._started:
            self._started = True
            yield _message_start_event(
                _empty_message(chunk.model or str(self._body.get("model"))) | {"usage": _usage(None)}
            )
        self._usage = chunk.usage or self._usage
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                yield from self._handle_delta(choice.delta)
            self._finish_reason = choice.finish_reason or self._finish_reason
            self._stopped_at = choice.stop_reason or self._stopped_at

    def finish(self) -> Iterator[_Event]:
        yield from self._stop_block()
        for held in self._pending_calls.values():
            yield from self._start_call(held.opening)
            yield from self._emit_arguments("".join(held.arguments))
            yield from self._stop_block()
        if self._text_after_calls:
            yield from self._emit_text("text", "".join(self._text_after_calls))
            yield from self._stop_block()
        called = self._call is not None
        reason, sequence = _stop_reason(self._finish_reason, self._stopped_at, self._body, called=called)
        yield _message_delta_event(reason, sequence, _usage(self._usage))
        yield {"type": "message_stop"}

    def _handle_delta(self, delta: _ChatMessage) -> Iterator[_Event]:
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
        """Which of the calls it is part of, and whether it is its first. Some servers leave the index out."""
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


class MessagesPassthrough:
    """A stream of events passed on, sound ones as they are, for providers that speak the dialect themselves."""

    def __init__(self, secret: faults.ProviderSecrets | None) -> None:
        self._secret = secret
        self._calls = 0
        self.done = False

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        if self.done or event.data == b"[DONE]":
            return ()
        kind = message_events.parse_valid_event(event.data)
        if kind is None or kind.error is not None or kind.type == "error" or event.name == b"error":
            return self._repair_event(event)
        self.done = kind.type == "message_stop"
        self._count_tool_use(kind.content_block.type if kind.content_block is not None else None)
        data = event.data if b"\n" not in event.data else msgspec.json.format(event.data, indent=-1)
        return (b"event: " + kind.type.encode() + b"\ndata: " + data + b"\n\n",)

    def finish(self) -> Sequence[bytes]:
        if not self.done:
            raise streaming.stream_broken()
        return ()

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        return [
            frame(event) for event in replay_message(msgspec.json.decode(validate_message(data, secret=self._secret)))
        ]

    def _repair_event(self, event: sse.Event) -> Sequence[bytes]:
        value = payload.decode(event.data)
        if not isinstance(value, dict):
            raise payload.malformed("an event that is not one of a message")
        if value.get("error") or value.get("type") == "error" or event.name == b"error":
            raise faults.from_payload(value, secret=self._secret)
        repaired = message_events.repair_event(value)
        self.done = repaired["type"] == "message_stop"
        self._count_tool_use(payload.mapping(repaired.get("content_block")).get("type"))
        return (frame(repaired),)

    def _count_tool_use(self, block: str | None) -> None:
        if block == "tool_use":
            self._calls += 1
            repair.check_call_count(self._calls)


def validate_message(data: bytes, *, secret: faults.ProviderSecrets | None) -> bytes:
    """The message in the body of a 2xx answer: as it came where it is sound, else repaired.

    Raises UpstreamError where it is an error, or not a message.
    """
    found = message_events.parse_valid_message(data)
    if found is not None and found.error is None:
        return data
    value = payload.decode(data)
    if faults.is_error_body(value):
        raise faults.from_payload(value, secret=secret, status=200)
    return payload.encode(message_events.repair_message(value))


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
    """How a block opens, and what is added to it."""
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


def _tool_use_block(call: _Call) -> dict[str, Any]:
    function = call.function or _Function()
    return {
        "type": "tool_use",
        "id": call.id or ids.tool_call(),
        "name": function.name or "",
        "input": _parse_arguments(function.arguments or ""),
    }


def _parse_arguments(arguments: str) -> dict[str, Any]:
    """The arguments as an object; where the model wrote something else, inside one."""
    try:
        parsed = msgspec.json.decode(arguments) if arguments.strip() else {}
    except payload.DECODE_ERRORS:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": arguments}


def _stop_reason(finish: str | None, stopped: Any, body: MessageBody, *, called: bool) -> tuple[str, str | None]:
    """The stop reason, and the sequence that the text ended at where the provider says so."""
    if isinstance(stopped, str) and stopped in (body.get("stop_sequences") or ()):
        return "stop_sequence", stopped
    if called and finish == "stop":  # as several servers end a turn with calls
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
