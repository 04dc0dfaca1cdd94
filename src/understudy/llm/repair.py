"""Repairs completions and chunks with invalid values, so that every client can read them. Knows no stream.

Numbers are clamped, texts of another type are converted, and meaningless members are dropped. The rest is malformed.
"""

from typing import Any, Final

from understudy import ids
from understudy.llm import payload
from understudy.llm.chunks import MAX_CHOICES, MAX_TIMESTAMP, MAX_TOOL_CALLS

_TEXT_MEMBERS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_MIN_LOGPROB: Final = -9999.0
"""The hosted API's value for the least likely tokens."""

_Object = dict[str, Any]


def chunk(value: Any) -> _Object:
    """Repairs a parsed `chat.completion.chunk`. Raises UpstreamError(malformed) if it is not one."""
    return _repair_body(value, "delta")


def completion(value: Any) -> _Object:
    """Repairs a parsed `chat.completion`. Raises UpstreamError(malformed) if it is not one."""
    if not isinstance(value, dict) or not _has_messages(value.get("choices")):
        raise payload.malformed("JSON that is not a chat completion")
    return _repair_body(value, "message")


def usage(value: Any) -> _Object | None:
    """Token counts as integers from 0 to `payload.MAX_TOKEN_COUNT`, and their sum; None without counts."""
    if not isinstance(value, dict):
        return None
    counts = {name: _repair_count(name, item) for name, item in value.items()}
    prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if prompt is not None and completion is not None and "total_tokens" in counts:
        counts["total_tokens"] = min(prompt + completion, payload.MAX_TOKEN_COUNT)
    details = counts.get("prompt_tokens_details")
    if prompt is not None and isinstance(details, dict) and details.get("cached_tokens"):
        details["cached_tokens"] = min(details["cached_tokens"], prompt)
    return counts


def check_call_count(count: int) -> None:
    """Raises UpstreamError(malformed) for more than MAX_TOOL_CALLS calls."""
    if count > MAX_TOOL_CALLS:
        raise payload.malformed(f"more than {MAX_TOOL_CALLS} tool calls in one completion")


def _ensure_call_ids(calls: list[Any]) -> list[_Object]:
    """The calls of a whole completion with distinct ids and arguments as text. Raises UpstreamError."""
    call_ids: set[str] = set()
    repaired = [_repair_call(_require_object(call)) for call in calls]
    for call in repaired:
        if not call.get("id") or call["id"] in call_ids:
            call["id"] = ids.tool_call()
        call.setdefault("type", "function")
        call_ids.add(call["id"])
    return repaired


def _has_messages(choices: Any) -> bool:
    return isinstance(choices, list) and all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices
    )


def _repair_body(value: Any, member: str) -> _Object:
    body = dict(_require_object(value))
    for name in ("id", "model", "object"):
        if name in body:
            body[name] = payload.text(body[name])
    if "created" in body:
        body["created"] = payload.integer(body["created"], MAX_TIMESTAMP) or 0
    if "usage" in body:
        body["usage"] = usage(body["usage"])
    if body.get("choices") is not None:
        body["choices"] = _repair_choices(body["choices"], member)
    return body


def _repair_choices(choices: Any, member: str) -> list[_Object]:
    if not isinstance(choices, list) or len(choices) > MAX_CHOICES:
        raise payload.malformed("JSON that is not a chat completion")
    return [_repair_choice(choice, position, member) for position, choice in enumerate(choices)]


def _repair_choice(value: Any, position: int, member: str) -> _Object:
    choice = dict(_require_object(value))
    if "index" in choice:
        index = payload.integer(choice["index"], MAX_CHOICES)
        choice["index"] = position if index is None or index == MAX_CHOICES else index
    if choice.get("finish_reason") is not None and not isinstance(choice["finish_reason"], str):
        choice["finish_reason"] = "stop"
    if choice.get("logprobs") is not None:
        choice["logprobs"] = _repair_logprobs(choice["logprobs"])
    if member in choice and choice[member] is not None:
        choice[member] = _repair_message(_require_object(choice[member]), is_whole=member == "message")
    return choice


def _repair_message(value: _Object, *, is_whole: bool) -> _Object:
    message = dict(value)
    for name in _TEXT_MEMBERS:
        if name in message:
            message[name] = payload.text(message[name])
    if message.get("tool_calls") is not None:
        calls = message["tool_calls"]
        if not isinstance(calls, list):
            raise payload.malformed("tool calls that are not an array")
        check_call_count(len(calls))
        message["tool_calls"] = (
            _ensure_call_ids(calls) if is_whole else [_repair_call(_require_object(one)) for one in calls]
        )
    return message


def _repair_call(value: _Object) -> _Object:
    call = dict(value)
    if "id" in call:
        call["id"] = payload.text(call["id"])
    if "index" in call:
        index = payload.integer(call["index"], MAX_TOOL_CALLS)
        check_call_count(0 if index is None else index + 1)
        call["index"] = index
    if "function" in call:
        call["function"] = _repair_function(payload.mapping(call["function"]))
    return call


def _require_object(value: Any) -> _Object:
    if not isinstance(value, dict):
        raise payload.malformed("a chat completion with a member that is not an object")
    return value


def _repair_function(value: _Object) -> _Object:
    function = dict(value)
    if "name" in function:
        function["name"] = payload.text(function["name"])
    arguments = function.get("arguments")
    if isinstance(arguments, dict | list):
        function["arguments"] = payload.encode(arguments).decode()
    elif "arguments" in function:
        function["arguments"] = payload.text(arguments)
    return function


def _repair_count(name: str, value: Any) -> Any:
    if name.endswith("_tokens"):
        return payload.count(value)
    if name.endswith("_details"):
        return {inner: _repair_count(inner, item) for inner, item in payload.mapping(value).items()} or None
    return value


def _repair_logprobs(value: Any) -> _Object | None:
    if not isinstance(value, dict):
        return None
    return {name: [_repair_token(one) for one in payload.items(item)] or None for name, item in value.items()}


def _repair_token(value: Any) -> _Object:
    token = dict(payload.mapping(value))
    token["token"] = payload.text(token.get("token")) or ""
    logprob = token.get("logprob")
    is_number = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    token["logprob"] = logprob if is_number else _MIN_LOGPROB
    units = token.get("bytes")
    token["bytes"] = [payload.integer(one, 255) or 0 for one in units] if isinstance(units, list) else None
    if "top_logprobs" in token:
        token["top_logprobs"] = [_repair_token(one) for one in payload.items(token["top_logprobs"])]
    return token
