"""Completions and chunks with values that no client expects, made such as every client can read. Knows no stream.

Numbers are clamped, texts of the wrong type become text, and what means nothing is left out. What cannot be repaired
is refused as malformed.
"""

from typing import Any, Final

from understudy import ids
from understudy.llm import payload
from understudy.llm.chunks import MAX_CHOICES, MAX_TIMESTAMP, MAX_TOOL_CALLS

_TEXT_MEMBERS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_MIN_LOGPROB: Final = -9999.0
"""The hosted API's own value for a token that is most unlikely."""

_Object = dict[str, Any]


def chunk(value: Any) -> _Object:
    """A parsed `chat.completion.chunk`. Raises UpstreamError(malformed) where it is not one."""
    return _repair_body(value, "delta")


def completion(value: Any) -> _Object:
    """A parsed `chat.completion`. Raises UpstreamError(malformed) where it is not one."""
    if not isinstance(value, dict) or not _has_messages(value.get("choices")):
        raise payload.malformed("JSON that is not a chat completion")
    return _repair_body(value, "message")


def usage(value: Any) -> _Object | None:
    """Token counts as whole numbers between 0 and LARGEST_COUNT, and their sum; None where there are none."""
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
    """Raises UpstreamError(malformed) above the number of calls that one answer may have."""
    if count > MAX_TOOL_CALLS:
        raise payload.malformed(f"more than {MAX_TOOL_CALLS} tool calls in one answer")


def _ensure_call_ids(calls: list[Any]) -> list[_Object]:
    """The calls of a whole answer, each with an id of its own and arguments that are text. Raises UpstreamError."""
    known: set[str] = set()
    named = [_repair_call(_require_object(one)) for one in calls]
    for one in named:
        if not one.get("id") or one["id"] in known:
            one["id"] = ids.tool_call()
        one.setdefault("type", "function")
        known.add(one["id"])
    return named


def _has_messages(choices: Any) -> bool:
    return isinstance(choices, list) and all(
        isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices
    )


def _repair_body(value: Any, member: str) -> _Object:
    whole = dict(_require_object(value))
    for name in ("id", "model", "object"):
        if name in whole:
            whole[name] = payload.text(whole[name])
    if "created" in whole:
        whole["created"] = payload.integer(whole["created"], MAX_TIMESTAMP) or 0
    if "usage" in whole:
        whole["usage"] = usage(whole["usage"])
    choices = whole.get("choices")
    if not isinstance(choices, list | None) or len(choices or ()) > MAX_CHOICES:
        raise payload.malformed("JSON that is not a chat completion")
    if choices is not None:
        whole["choices"] = [_repair_choice(choice, place, member) for place, choice in enumerate(choices)]
    return whole


def _repair_choice(value: Any, place: int, member: str) -> _Object:
    choice = dict(_require_object(value))
    if "index" in choice:
        index = payload.integer(choice["index"], MAX_CHOICES)
        choice["index"] = place if index is None or index == MAX_CHOICES else index
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
