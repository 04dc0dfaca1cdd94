"""Validates a whole completion, and splits it into the chunks of a stream. Knows no provider."""

from typing import Any

import msgspec

from understudy.llm import faults, payload, repair
from understudy.llm.chunks import Completion, ToolCallFragment, parse_valid_completion


def validate_completion(data: bytes, *, secret: faults.ProviderSecrets | None) -> bytes:
    """The body of a 2xx response: unchanged if it is a valid `chat.completion`, else repaired.

    Raises UpstreamError: the error in the body, or malformed if it is not a completion.
    """
    completion = parse_valid_completion(data) if payload.has_valid_text(data) else None
    if completion is not None and completion.error is None and _has_unique_call_ids(completion):
        return data
    value = payload.decode(data)
    if faults.is_error_body(value):
        raise faults.from_payload(value, secret=secret, status=200)
    return payload.encode(repair.completion(value))


def chunks(data: bytes) -> list[bytes]:
    """Splits a valid completion into chunks: the messages, the finish reasons, the usage."""
    completion: dict[str, Any] = msgspec.json.decode(data)
    head = {
        "id": completion.get("id"),
        "object": "chat.completion.chunk",
        "created": completion.get("created"),
        "model": completion.get("model"),
    }
    choices: list[dict[str, Any]] = completion["choices"]
    parts = [_first_chunk_choice(choice) for choice in choices] + [_last_chunk_choice(choice) for choice in choices]
    stream = [{**head, "choices": [part], "usage": None} for part in parts]
    if usage := completion.get("usage"):
        stream.append({**head, "choices": [], "usage": usage})
    return [msgspec.json.encode(chunk) for chunk in stream]


def _has_unique_call_ids(completion: Completion) -> bool:
    return all(
        choice.message.tool_calls is None or _are_unique(choice.message.tool_calls) for choice in completion.choices
    )


def _are_unique(calls: list[ToolCallFragment]) -> bool:
    call_ids = {call.id for call in calls}
    return len(call_ids) == len(calls) and None not in call_ids and "" not in call_ids


def _first_chunk_choice(choice: dict[str, Any]) -> dict[str, Any]:
    delta = {"role": "assistant", **choice["message"]}
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{**call, "index": index} for index, call in enumerate(calls)]
    return {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}


def _last_chunk_choice(choice: dict[str, Any]) -> dict[str, Any]:
    reason = choice.get("finish_reason") or "stop"
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": reason}
