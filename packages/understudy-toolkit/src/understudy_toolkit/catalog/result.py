"""The result of a tool call for an agent: `{"data": …, "error": …, "successful": …}`, for every HTTP response.

An array becomes `{"data": […]}`, like a list with an envelope; so do JSON lines. A stream becomes one object,
`{"events": [{"event": …, "data": …}]}`.
"""

import json
from collections.abc import Iterator
from typing import Any, TypedDict

_MAX_QUOTE = 300


class Result(TypedDict):
    data: dict[str, Any]
    error: str | None
    successful: bool


def failed_result(sentence: str, **data: Any) -> Result:
    return Result(data=data, error=sentence, successful=False)


def parse_result(status: int, content_type: str, body: bytes) -> Result:
    """Parses an HTTP response."""
    if not 200 <= status < 300:
        return failed_result(f"The API answered {status}: {_extract_error(body)}", status=status)
    if content_type.startswith("text/event-stream"):
        return _stream_result(list(_parse_events(body.decode("utf-8", "replace"))))
    try:
        value = _parse_lines(body) if "jsonl" in content_type else _decode_body(body)
        return Result(data=_wrap_object(value), error=None, successful=True)
    except (ValueError, RecursionError):
        return failed_result(
            f"The API answered {status} with {content_type or 'something'} that is not JSON: {_quote_body(body)}"
        )


def _decode_body(body: bytes) -> Any:
    """One JSON value, or the values of its lines. Raises ValueError."""
    try:
        return json.loads(body)
    except ValueError:
        values = _parse_lines(body)
        if len(values) < 2:
            raise
        return values


def _parse_lines(body: bytes) -> list[Any]:
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def _wrap_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"data": value}


def _extract_error(body: bytes) -> str:
    """The message of an error body, in any dialect's envelope."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return _quote_body(body)
    for level in (envelope.get("error"), envelope) if isinstance(envelope, dict) else ():
        if isinstance(level, str):
            return level
        if isinstance(level, dict) and isinstance(level.get("message"), str):
            return str(level["message"])
    return _quote_body(body)


def _quote_body(body: bytes) -> str:
    text = " ".join(body.decode("utf-8", "replace").split())
    return f"{text[:_MAX_QUOTE]}…" if len(text) > _MAX_QUOTE else text or "an empty answer"


def _stream_result(events: list[dict[str, Any]]) -> Result:
    fault = next((event["data"] for event in events if _is_error_event(event["event"], event["data"])), None)
    error = None if fault is None else f"The stream ended with an error: {_extract_error(json.dumps(fault).encode())}"
    return Result(data={"events": events}, error=error, successful=error is None)


def _is_error_event(event: str, data: Any) -> bool:
    """Objects of the API may have an `error` of their own, which is not the stream's; they say which kind they are."""
    return event == "error" or (isinstance(data, dict) and isinstance(data.get("error"), dict) and "object" not in data)


def _parse_events(text: str) -> Iterator[dict[str, Any]]:
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = [line.partition(":") for line in block.split("\n") if line and not line.startswith(":")]
        data = "\n".join(value.removeprefix(" ") for name, _, value in fields if name == "data")
        if data and data != "[DONE]":
            named = [value.strip() for name, _, value in fields if name == "event"]
            yield {"event": named[-1] if named else "message", "data": _parse_event_data(data)}


def _parse_event_data(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data
