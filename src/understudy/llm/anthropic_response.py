"""Translates messages and their stream events into chat completions. Knows no HTTP and no request.

Source: the response and event types of the official `anthropic` package.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from understudy import ids
from understudy.llm import completion as completions
from understudy.llm import faults, message_events, messages_passthrough, payload, repair, streaming
from understudy.net import sse

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_Event = dict[str, Any]


def to_chat_completion(data: bytes, *, secret: faults.ProviderSecrets | None, created: int) -> bytes:
    """Translates the body of a 2xx response into an encoded `chat.completion`.

    Raises UpstreamError: the error in the body, or malformed if it is not a message.
    """
    message = msgspec.json.decode(messages_passthrough.validate_message(data, secret=secret))
    try:
        completion = msgspec.json.encode(_build_completion(message, created))
    except streaming.SHAPE_ERRORS as error:
        raise streaming.unexpected_shape(error) from None
    return completions.validate_completion(completion, secret=secret)


class ToChatStream:
    """Translates one stream of events into chunks. It is complete once it has a stop reason."""

    def __init__(self, secret: faults.ProviderSecrets | None, created: int) -> None:
        self._secret = secret
        self._head = {"id": ids.chat_completion(), "object": "chat.completion.chunk", "created": created}
        self._usage: dict[str, Any] = {}
        self._calls: dict[int, _ToolCall] = {}
        self._call_ids: set[str] = set()
        self._finished = False
        self.done = False
        self.template = None

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        if self.done or event.data == b"[DONE]":  # sent by some servers of this dialect
            self.done = True
            return ()
        value = message_events.parse_event(event.data)
        if not isinstance(value, dict):
            return ()
        if value.get("error") or event.name == b"error":
            raise faults.from_payload(value, secret=self._secret)
        self.done = value.get("type") == "message_stop"
        return self._translate_event(value)

    def finish(self) -> Sequence[bytes]:
        if not self._finished:
            raise streaming.stream_broken()
        return (msgspec.json.encode({**self._head, "choices": [], "usage": _usage(self._usage)}),)

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        created = self._head["created"]
        assert isinstance(created, int)
        return completions.chunks(to_chat_completion(data, secret=self._secret, created=created))

    def _translate_event(self, event: _Event) -> Sequence[bytes]:
        match event.get("type"):
            case "content_block_delta":
                return self._on_block_delta(event)
            case "content_block_start":
                return self._on_block_start(event)
            case "content_block_stop":
                return self._on_block_stop(event)
            case "message_start":
                return self._on_message_start(event)
            case "message_delta":
                return self._on_message_delta(event)
        return ()  # `ping`, and events of later versions

    def _on_message_start(self, event: _Event) -> Sequence[bytes]:
        message = event.get("message") or {}
        self._head["model"] = message.get("model")
        self._usage = dict(message.get("usage") or {})
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def _on_block_start(self, event: _Event) -> Sequence[bytes]:
        block = event.get("content_block") or {}
        if block.get("type") == "text" and block.get("text"):
            return self._chunk({"content": block["text"]})
        if block.get("type") != "tool_use":
            return ()
        repair.check_call_count(len(self._calls) + 1)
        call = self._calls[event.get("index", 0)] = _ToolCall(len(self._calls))
        call_id = block.get("id")
        if not call_id or call_id in self._call_ids:
            call_id = ids.tool_call()
        self._call_ids.add(call_id)
        function = {"name": block.get("name"), "arguments": ""}
        if block.get("input"):  # some servers send the whole input at once
            function["arguments"] = msgspec.json.encode(block["input"]).decode()
            call.has_arguments = True
        return self._chunk(
            {"tool_calls": [{"index": call.position, "id": call_id, "type": "function", "function": function}]}
        )

    def _on_block_delta(self, event: _Event) -> Sequence[bytes]:
        delta = event.get("delta") or {}
        if text := delta.get("text"):
            return self._chunk({"content": text})
        if arguments := delta.get("partial_json"):
            return self._arguments_chunk(event, arguments)
        return ()

    def _on_block_stop(self, event: _Event) -> Sequence[bytes]:
        call = self._calls.get(event.get("index", 0))
        return () if call is None or call.has_arguments else self._arguments_chunk(event, "{}")

    def _arguments_chunk(self, event: _Event, text: str) -> Sequence[bytes]:
        call = self._calls.get(event.get("index", 0))
        if call is None:  # the input of a server tool
            return ()
        call.has_arguments = True
        return self._chunk({"tool_calls": [{"index": call.position, "function": {"arguments": text}}]})

    def _on_message_delta(self, event: _Event) -> Sequence[bytes]:
        self._usage |= {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
        delta = event.get("delta") or {}
        if not delta.get("stop_reason"):
            return ()
        self._finished = True
        refusal = _refusal_text(delta)
        return self._chunk({"refusal": refusal} if refusal else {}, _finish_reason(delta))

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> Sequence[bytes]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return (msgspec.json.encode({**self._head, "choices": [choice], "usage": None}),)


class _ToolCall:
    """A tool call of the stream; `position` is its index among the calls."""

    __slots__ = ("has_arguments", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self.has_arguments = False


def _build_completion(message: dict[str, Any], created: int) -> dict[str, Any]:
    blocks = [block for block in message["content"] if isinstance(block, dict)]
    text = "".join(block.get("text") or "" for block in blocks if block.get("type") == "text")
    calls = [_build_tool_call(block) for block in blocks if block.get("type") == "tool_use"]
    reply: dict[str, Any] = {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": _refusal_text(message),
        "annotations": [],
    }
    if calls:
        reply["tool_calls"] = calls
    return {
        "id": ids.chat_completion(),
        "object": "chat.completion",
        "created": created,
        "model": message.get("model"),
        "choices": [{"index": 0, "message": reply, "logprobs": None, "finish_reason": _finish_reason(message)}],
        "usage": _usage(message.get("usage") or {}),
    }


def _build_tool_call(block: dict[str, Any]) -> dict[str, Any]:
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block.get("name"), "arguments": arguments},
    }


def _finish_reason(message: dict[str, Any]) -> str:
    return _FINISH_REASONS.get(message.get("stop_reason") or "end_turn", "stop")


def _refusal_text(message: dict[str, Any]) -> str | None:
    if message.get("stop_reason") != "refusal":
        return None
    explanation = payload.mapping(message.get("stop_details")).get("explanation")
    return explanation if isinstance(explanation, str) else None


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Chat usage of message counts, which are None or between 0 and `payload.MAX_TOKEN_COUNT`."""
    cached = usage.get("cache_read_input_tokens") or 0
    prompt = (usage.get("input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0) + cached
    output = usage.get("output_tokens") or 0
    thinking = payload.count(payload.mapping(usage.get("output_tokens_details")).get("thinking_tokens"))
    return {
        "prompt_tokens": payload.count(prompt),
        "completion_tokens": output,
        "total_tokens": payload.count(prompt + output),
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thinking or 0},
    }
