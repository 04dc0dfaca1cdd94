"""Whole completions: the check of one, and its telling as the chunks of a stream. Knows no provider."""

from typing import Any

import msgspec

from understudy.llm import faults, payload, repair
from understudy.llm.chunks import Completion, ToolCallFragment, parse_valid_completion


def validate_completion(data: bytes, *, secret: faults.ProviderSecrets | None) -> bytes:
    """The body of a 2xx answer: as it came where it is a sound `chat.completion`, else repaired.

    Raises UpstreamError: the fault that the body describes, or malformed where it is not a completion.
    """
    found = parse_valid_completion(data) if payload.has_valid_text(data) else None
    if found is not None and found.error is None and _has_unique_call_ids(found):
        return data
    value = payload.decode(data)
    if faults.is_error_body(value):
        raise faults.from_payload(value, secret=secret, status=200)
    return payload.encode(repair.completion(value))


def chunks(data: bytes) -> list[bytes]:
    """The stream of this sound completion: the messages, their ends, the usage."""
    completion: dict[str, Any] = msgspec.json.decode(data)
    head = {
        "id": completion.get("id"),
        "object": "chat.completion.chunk",
        "created": completion.get("created"),
        "model": completion.get("model"),
    }
    choices: list[dict[str, Any]] = completion["choices"]
    told = [[_first_chunk_choice(choice)] for choice in choices] + [[_last_chunk_choice(choice)] for choice in choices]
    parts = [{**head, "choices": part, "usage": None} for part in told]
    if usage := completion.get("usage"):
        parts.append({**head, "choices": [], "usage": usage})
    return [msgspec.json.encode(part) for part in parts]


def _has_unique_call_ids(completion: Completion) -> bool:
    return all(
        choice.message.tool_calls is None or _are_unique(choice.message.tool_calls) for choice in completion.choices
    )


def _are_unique(calls: list[ToolCallFragment]) -> bool:
    known = {call.id for call in calls}
    return len(known) == len(calls) and None not in known and "" not in known


def _first_chunk_choice(choice: dict[str, Any]) -> dict[str, Any]:
    delta = {"role": "assistant", **choice["message"]}
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{**call, "index": index} for index, call in enumerate(calls)]
    return {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}


def _last_chunk_choice(choice: dict[str, Any]) -> dict[str, Any]:
    reason = choice.get("finish_reason") or "stop"
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": reason}
