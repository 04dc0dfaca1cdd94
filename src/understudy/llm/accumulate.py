"""Accumulates the chunks of a stream into a whole completion, unknown members included. Knows no provider."""

from typing import Any

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.payload import DECODE_ERRORS

# Each fragment has these whole; the next fragment continues other strings.
_NON_INCREMENTAL = frozenset({"role", "id", "type", "name"})


class CompletionAccumulator:
    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add_chunk(self, payload: bytes) -> dict[str, Any]:
        """Adds an encoded chunk and returns it decoded. Raises UpstreamError(malformed) if it is not a chunk."""
        try:
            chunk = msgspec.json.decode(payload, type=dict[str, Any])
        except DECODE_ERRORS:
            raise UpstreamError("malformed", "The upstream sent a malformed chat completion chunk.") from None
        for name, value in chunk.items():
            # The last usage is the complete one; for other members the first chunk counts.
            if value is not None and name not in {"choices", "object", "obfuscation"}:
                self._head[name] = value if name == "usage" else self._head.get(name, value)
        for part in chunk.get("choices") or ():
            self._add_choice(part)
        return chunk

    def completion(self) -> dict[str, Any]:
        choices = [self._choices[index] for index in sorted(self._choices)]
        return {**self._head, "object": "chat.completion", "choices": choices}

    def _add_choice(self, part: dict[str, Any]) -> None:
        index = part.get("index") or 0
        choice = self._choices.setdefault(
            index, {"index": index, "message": {}, "logprobs": None, "finish_reason": None}
        )
        _merge(choice["message"], part.get("delta") or {})
        if isinstance(part.get("logprobs"), dict):
            choice["logprobs"] = choice["logprobs"] or {}
            _merge(choice["logprobs"], part["logprobs"])
        if part.get("finish_reason"):
            choice["finish_reason"] = part["finish_reason"]


def _merge(whole: dict[str, Any], fragment: dict[str, Any]) -> None:
    for name, value in fragment.items():
        if name == "tool_calls" and isinstance(value, list):
            _merge_calls(whole, value)
        elif name in _NON_INCREMENTAL or type(whole.get(name)) is not type(value):
            if value is not None or name not in whole:
                whole[name] = value
        else:
            _append(whole, name, value)


def _append(whole: dict[str, Any], name: str, value: Any) -> None:
    """Continues a member by a value of the same type."""
    match value:
        case str():
            whole[name] += value
        case list():
            whole[name].extend(value)
        case dict():
            _merge(whole[name], value)
        case _:
            whole[name] = value


def _merge_calls(whole: dict[str, Any], fragments: list[dict[str, Any]]) -> None:
    """Merges calls by index; a fragment without an index continues the call before it."""
    calls: list[dict[str, Any]] = whole.get("tool_calls") or []
    whole["tool_calls"] = calls
    for fragment in fragments:
        index = fragment.get("index")
        number = index if isinstance(index, int) else len(calls) - ("id" not in fragment)
        while len(calls) <= max(number, 0):
            calls.append({})
        _merge(calls[number], {name: value for name, value in fragment.items() if name != "index"})
