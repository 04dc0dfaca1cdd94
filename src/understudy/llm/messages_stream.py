"""Translates the chunks of a chat completion into the stream events of a message. Knows no HTTP.

Source: the event types of the official `anthropic` package.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
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
from understudy.llm.messages_response import (
    Call,
    ChatMessage,
    MessageEvent,
    empty_message,
    frame,
    map_stop_reason,
    message_delta_event,
    message_start_event,
    render_usage,
)


class _Choice(Struct):
    delta: ChatMessage | None = None
    finish_reason: str | None = None
    stop_reason: Any = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: chat_chunks.TokenCounts | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


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


@dataclass(slots=True)
class _PendingCall:
    """A call after the open one: the blocks of a message must not overlap."""

    opening: Call
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

    def translate(self, data: bytes) -> Iterator[MessageEvent]:
        try:
            chunk = _decode(data)
        except payload.DECODE_ERRORS as error:
            raise UpstreamError("malformed", f"The upstream sent a malformed chat completion chunk: {error}") from None
        if not self._started:
            self._started = True
            yield message_start_event(
                empty_message(chunk.model or str(self._body.get("model"))) | {"usage": render_usage(None)}
            )
        self._usage = chunk.usage or self._usage
        for choice in (chunk.choices or ())[:1]:
            if choice.delta is not None:
                yield from self._translate_delta(choice.delta)
            self._finish_reason = choice.finish_reason or self._finish_reason
            self._stopped_at = choice.stop_reason or self._stopped_at

    def finish(self) -> Iterator[MessageEvent]:
        yield from self._stop_block()
        for call in self._pending_calls.values():
            yield from self._start_call(call.opening)
            yield from self._emit_arguments("".join(call.arguments))
            yield from self._stop_block()
        if self._text_after_calls:
            yield from self._emit_text("text", "".join(self._text_after_calls))
            yield from self._stop_block()
        has_calls = self._call is not None
        reason, sequence = map_stop_reason(self._finish_reason, self._stopped_at, self._body, has_calls=has_calls)
        yield message_delta_event(reason, sequence, render_usage(self._usage))
        yield {"type": "message_stop"}

    def _translate_delta(self, delta: ChatMessage) -> Iterator[MessageEvent]:
        if self._wants_thinking and (thought := delta.reasoning_content or delta.reasoning):
            yield from self._emit_text("thinking", thought)
        if text := (delta.content or "") + (delta.refusal or ""):
            if self._call is None:
                yield from self._emit_text("text", text)
            else:
                self._text_after_calls.append(text)
        for fragment in delta.tool_calls or ():
            yield from self._add_call_fragment(fragment)

    def _emit_text(self, kind: str, text: str) -> Iterator[MessageEvent]:
        if self._open_block != kind:
            yield from self._stop_block()
            opening = (
                {"type": "text", "text": ""} if kind == "text" else {"type": kind, "thinking": "", "signature": ""}
            )
            yield from self._start_block(kind, opening)
        yield self._delta_event({"type": f"{kind}_delta", kind: text})

    def _add_call_fragment(self, fragment: Call) -> Iterator[MessageEvent]:
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

    def _call_position(self, fragment: Call) -> tuple[int, bool]:
        """The position of the fragment's call, and whether the fragment is its first. Some servers omit the index."""
        if fragment.index is not None and fragment.index in self._call_indexes:
            return self._call_indexes.index(fragment.index), False
        if fragment.index is None and fragment.id is None and self._call_indexes:
            return len(self._call_indexes) - 1, False
        self._call_indexes.append(fragment.index)
        return len(self._call_indexes) - 1, True

    def _start_call(self, call: Call) -> Iterator[MessageEvent]:
        name = call.function.name if call.function else None
        opening = {"type": "tool_use", "id": call.id or ids.tool_call(), "name": name or "", "input": {}}
        yield from self._start_block("tool_use", opening)

    def _emit_arguments(self, text: str) -> Iterator[MessageEvent]:
        if text:
            yield self._delta_event({"type": "input_json_delta", "partial_json": text})

    def _start_block(self, kind: str, opening: dict[str, Any]) -> Iterator[MessageEvent]:
        self._open_block = kind
        yield {"type": "content_block_start", "index": self._blocks, "content_block": opening}
        if self._blocks == 0:
            yield {"type": "ping"}

    def _delta_event(self, delta: dict[str, Any]) -> MessageEvent:
        return {"type": "content_block_delta", "index": self._blocks, "delta": delta}

    def _stop_block(self) -> Iterator[MessageEvent]:
        if self._open_block is not None:
            yield {"type": "content_block_stop", "index": self._blocks}
            self._open_block = None
            self._blocks += 1
