"""Whole completions: the check of one, and its telling as the chunks of a stream. Knows no provider."""

from typing import Any

import msgspec

from understudy.errors import UpstreamError
from understudy.llm import faults


def parse(data: bytes, *, secret: str | None) -> dict[str, Any]:
    """The `chat.completion` in the body of a 2xx answer.

    Raises UpstreamError: the fault that the body describes, or malformed where it is no completion.
    """
    try:
        completion = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise UpstreamError(
            "malformed", "The upstream answered with something that is not JSON; check its base URL."
        ) from None
    if faults.is_error(completion):
        raise faults.from_payload(completion, secret=secret, status=200)
    if not isinstance(completion, dict) or not _has_choices(completion):
        raise UpstreamError("malformed", "The upstream answered with JSON that is not a chat completion.")
    return completion


def chunks(completion: dict[str, Any]) -> list[bytes]:
    """The stream that would have told this completion: the messages, their ends, the usage."""
    head = {
        "id": completion.get("id"),
        "object": "chat.completion.chunk",
        "created": completion.get("created"),
        "model": completion.get("model"),
    }
    choices: list[dict[str, Any]] = completion["choices"]
    told = [[_opening(choice)] for choice in choices] + [[_ending(choice)] for choice in choices]
    parts = [{**head, "choices": part, "usage": None} for part in told]
    if usage := completion.get("usage"):
        parts.append({**head, "choices": [], "usage": usage})
    return [msgspec.json.encode(part) for part in parts]


def _has_choices(completion: dict[str, Any]) -> bool:
    choices = completion.get("choices")
    return isinstance(choices, list) and all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices
    )


def _opening(choice: dict[str, Any]) -> dict[str, Any]:
    delta = {"role": "assistant", **choice["message"]}
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    return {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}


def _ending(choice: dict[str, Any]) -> dict[str, Any]:
    reason = choice.get("finish_reason") or "stop"
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": reason}
