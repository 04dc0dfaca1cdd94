"""The events of responses over WebSocket: parses those of a client, and renders errors. Knows no connection."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from understudy.errors import InvalidRequest
from understudy.settings import LimitSettings
from understudy.wire import error_texts, json_size
from understudy.wire.parsing import InvalidBody

_STREAM_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_STREAM_ID_MESSAGE: Final = (
    "The 'stream_id' field must be a non-empty string with at most 256 characters and may only contain letters,"
    " numbers, underscores, hyphens, and periods."
)

_ERROR_MEMBERS: Final = ("type", "code", "message", "param")
_SERVER_ERROR: Final = 500
_STATUSES: Final = {"invalid_api_key": 401}
"""HTTP statuses of errors that end streams, by code; any other error has `_SERVER_ERROR`."""


def parse_event(data: bytes, limits: LimitSettings) -> dict[str, Any]:
    """The members of a message. Raises InvalidRequest for anything but a JSON object, InvalidBody for too many values.

    The request of the event is checked like any other.
    """
    if (excess := json_size.find_excess(data, limits.json_values)) is not None:
        raise InvalidBody(error_texts.too_many_values(excess))
    try:
        event = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest(
            "A message is one JSON object; this one could not be parsed.", code="invalid_json"
        ) from None
    if not isinstance(event, dict):
        raise InvalidRequest("A message is one JSON object with a 'type'.", code="invalid_json")
    return event


def read_stream_id(event: Mapping[str, Any]) -> str | None:
    """The lane of a message; None for the one without a name. Raises InvalidRequest."""
    stream_id = event.get("stream_id")
    if stream_id is not None and not (isinstance(stream_id, str) and _STREAM_ID.fullmatch(stream_id)):
        raise InvalidRequest(_STREAM_ID_MESSAGE, param="stream_id", code="invalid_stream_id")
    return stream_id


def read_request(event: dict[str, Any]) -> dict[str, Any]:
    """The members of the request. Raises InvalidRequest for another event, or for what a connection cannot have."""
    kind = event.get("type")
    if kind != "response.create":
        raise InvalidRequest(
            f"Unknown event type {str(kind)[:64]!r}. Send 'response.create'.", param="type", code="invalid_value"
        )
    if event.get("background") is True:
        raise InvalidRequest(
            "Background mode is not available over WebSocket.", param="background", code="unsupported_parameter"
        )
    for name in ("generate", "background"):
        if not isinstance(event.get(name), bool | None):
            raise InvalidBody(error_texts.wrong_type(name, "a boolean", event[name]))
    return {name: value for name, value in event.items() if name not in {"type", "stream_id", "stream", "background"}}


def to_items(members: Mapping[str, Any]) -> list[Any]:
    """The input of a request as a list of items."""
    items = members.get("input")
    if isinstance(items, str):
        return [{"type": "message", "role": "user", "content": items}]
    return items if isinstance(items, list) else []


def decode_error(body: bytes) -> dict[str, Any]:
    """The error in the body of an HTTP response."""
    try:
        error = msgspec.json.decode(body)["error"]
    except (msgspec.DecodeError, LookupError, TypeError):
        error = {"type": "server_error", "code": None, "message": "The server had an error.", "param": None}
    return {name: error.get(name) for name in _ERROR_MEMBERS}


def convert_error(data: bytes) -> dict[str, Any]:
    """Converts the error event that ends a response's stream. `data` is flat, or has the error as a member."""
    members = msgspec.json.decode(data)
    error: dict[str, Any] = members.get("error") or {**members, "type": "server_error"}
    status = _STATUSES.get(str(error.get("code")), _SERVER_ERROR)
    event = render_error(status, {name: error.get(name) for name in _ERROR_MEMBERS}, {})
    number = members.get("sequence_number")
    return event if number is None else {**event, "sequence_number": number}


def render_error(status: int, error: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """The event of an error, with the headers of the HTTP response that it replaces."""
    members = {**error, "headers": headers} if headers else dict(error)
    return {"type": "error", "status": status, "error": members}
