"""A whole completion, put together from the chunks of its stream. Knows no provider, and keeps unknown members."""

from typing import Any

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.payload import DECODE_ERRORS

# What comes whole in each fragment that has it; other texts are continued by the next fragment.
_NON_INCREMENTAL = frozenset({"role", "id", "type", "name"})


class CompletionAccumulator:
    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add_chunk(self, payload: bytes) -> dict[str, Any]:
        """Adds an encoded chunk and returns it decoded; raises UpstreamError where it is none."""
        try:
            chunk = msgspec.json.decode(payload, type=dict[str, Any])
        except DECODE_ERRORS:
            raise UpstreamError("malformed", "The upstream sent a chunk that is not a chat completion.") from None
        for name, value in chunk.items():
            # What is counted comes last and complete; the rest is said by the first that says it.
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
        known: Any = whole.get(name)
        if name == "tool_calls" and isinstance(value, list):
            _merge_calls(whole, value)
        elif name in _NON_INCREMENTAL or type(known) is not type(value):
            if value is not None or name not in whole:
                whole[name] = value
        elif isinstance(value, str):
            whole[name] += value
        elif isinstance(value, list):
            known.extend(value)
        elif isinstance(value, dict):
            _merge(known, value)
        else:
            whole[name] = value


def _merge_calls(whole: dict[str, Any], fragments: list[dict[str, Any]]) -> None:
    """Calls are told apart by their index; a fragment without one goes on with the call before it."""
    calls: list[dict[str, Any]] = whole.get("tool_calls") or []
    whole["tool_calls"] = calls
    for fragment in fragments:
        index = fragment.get("index")
        number = index if isinstance(index, int) else len(calls) - ("id" not in fragment)
        while len(calls) <= max(number, 0):
            calls.append({})
        _merge(calls[number], {name: value for name, value in fragment.items() if name != "index"})
