"""Translates whole chat completions into messages, and messages into stream events. Knows no HTTP.

The reverse of anthropic_response.py. Source: the response and event types of the official `anthropic` package.
"""

from collections.abc import Iterator, Mapping
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

MessageEvent = dict[str, Any]


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
    reason, sequence = map_stop_reason(choice.finish_reason, choice.stop_reason, body, has_calls=has_calls)
    message = empty_message(completion.model or str(body.get("model")))
    return message | {
        "content": list(_content_blocks(choice.message, body)),
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": render_usage(completion.usage),
    }


def replay_message(message: Mapping[str, Any]) -> Iterator[MessageEvent]:
    """The stream events of a whole message."""
    usage = message.get("usage") or {}
    yield message_start_event({**message, "content": [], "stop_reason": None, "stop_sequence": None})
    for index, block in enumerate(message["content"]):
        opening, deltas = _split_block(block)
        yield {"type": "content_block_start", "index": index, "content_block": opening}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield message_delta_event(message.get("stop_reason"), message.get("stop_sequence"), usage)
    yield {"type": "message_stop"}


class Function(Struct):
    name: str | None = None
    arguments: str | None = None


class Call(Struct):
    id: str | None = None
    function: Function | None = None
    index: int | None = None


class ChatMessage(Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[Call] | None = None


class _WholeChoice(Struct):
    message: ChatMessage
    finish_reason: str | None = None
    stop_reason: Any = None
    """The stop sequence, as vLLM sends it."""


class _Completion(Struct):
    choices: list[_WholeChoice]
    model: str | None = None
    usage: chat_chunks.TokenCounts | None = None


def empty_message(model: str) -> dict[str, Any]:
    return {
        "id": ids.message(),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def message_start_event(message: Mapping[str, Any]) -> MessageEvent:
    return {"type": "message_start", "message": message}


def message_delta_event(reason: str | None, sequence: str | None, usage: Mapping[str, Any]) -> MessageEvent:
    counts = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    delta = {"stop_reason": reason, "stop_sequence": sequence}
    return {"type": "message_delta", "delta": delta, "usage": counts}


def _split_block(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The block of the start event, and the deltas after it."""
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


def _content_blocks(message: ChatMessage, body: MessageBody) -> Iterator[dict[str, Any]]:
    if wants_thinking(body) and (thought := message.reasoning_content or message.reasoning):
        yield {"type": "thinking", "thinking": thought, "signature": ""}
    if text := (message.content or "") + (message.refusal or ""):
        yield {"type": "text", "text": text}
    for call in message.tool_calls or ():
        yield _tool_use_block(call)


def _tool_use_block(call: Call) -> dict[str, Any]:
    function = call.function or Function()
    return {
        "type": "tool_use",
        "id": call.id or ids.tool_call(),
        "name": function.name or "",
        "input": payload.parse_arguments(function.arguments or ""),
    }


def map_stop_reason(finish: str | None, stopped: Any, body: MessageBody, *, has_calls: bool) -> tuple[str, str | None]:
    """The stop reason, and the stop sequence if the provider reports one."""
    if isinstance(stopped, str) and stopped in (body.get("stop_sequences") or ()):
        return "stop_sequence", stopped
    if has_calls and finish == "stop":  # from servers without `tool_calls` as a finish reason
        return "tool_use", None
    return _STOP_REASONS.get(finish or "stop", "end_turn"), None


def render_usage(counts: chat_chunks.TokenCounts | None) -> dict[str, Any]:
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
