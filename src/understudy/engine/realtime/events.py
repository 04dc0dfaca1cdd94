"""The events of realtime sessions: parses them, and renders errors. Knows no connection.

Source: the client and server events of the hosted API's realtime endpoint, in its general and its beta form.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.errors import ApiError, InvalidRequest
from understudy.llm.payload import DECODE_ERRORS

APPEND: Final = "input_audio_buffer.append"
CREATE_RESPONSE: Final = "response.create"
UPDATES: Final = frozenset({"session.update", "transcription_session.update"})
"""The client's events with a session."""
CREATED: Final = frozenset({"session.created", "transcription_session.created"})
UPDATED: Final = frozenset({"session.updated", "transcription_session.updated"})
RESPONSE_CREATED: Final = "response.created"
RESPONSE_DONE: Final = "response.done"
TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
ERROR: Final = "error"
_FAILED: Final = ".failed"


class _Head(msgspec.Struct, gc=False):
    type: str
    event_id: Any = None


class _Response(msgspec.Struct, gc=False):
    id: str = ""


class _ResponseEvent(msgspec.Struct, gc=False):
    response: _Response = msgspec.field(default_factory=_Response)


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_response = msgspec.json.Decoder(_ResponseEvent).decode


def parse_head(message: str | bytes) -> tuple[str, str | None]:
    """The type and the id of an event. Raises InvalidRequest for anything but an object with a `type`."""
    try:
        head = _decode_head(message)
    except DECODE_ERRORS:
        raise InvalidRequest(
            "An event is one JSON object with a 'type'; this message could not be parsed.", code="invalid_json"
        ) from None
    return head.type, head.event_id if isinstance(head.event_id, str) else None


def find_type(message: str | bytes) -> str:
    """The type of an event of the provider; empty for anything but an event."""
    try:
        return _decode_head(message).type
    except DECODE_ERRORS:
        return ""


def find_response_id(message: str | bytes) -> str:
    """The id of the response in an event; empty without one."""
    try:
        return _decode_response(message).response.id
    except DECODE_ERRORS:
        return ""


def decode_event(message: str | bytes) -> dict[str, Any]:
    """All members of an event of the provider; empty for anything but an object."""
    try:
        event = msgspec.json.decode(message)
    except DECODE_ERRORS:
        return {}
    return event if isinstance(event, dict) else {}


def is_plain_audio(message: str) -> bool:
    """Whether a message that looks like appended audio is nothing else to any parser.

    Parsers differ on a member that occurs twice, and base64 has no escape.
    """
    return "\\" not in message and message.count('"type"') == 1


def encode_event(event: dict[str, Any]) -> str:
    return msgspec.json.encode(event).decode()


def render_error(error: ApiError, event_id: str | None = None) -> str:
    """The event of an error; `event_id` is that of the client's event which caused it."""
    details = {
        "type": error.type,
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "event_id": event_id,
    }
    return encode_event({"type": ERROR, "event_id": ids.realtime_event(), "error": details})


def may_have_error(kind: str) -> bool:
    return kind in {ERROR, RESPONSE_DONE} or kind.endswith(_FAILED)


def redact_event(message: str | bytes, redact: Callable[[str], str]) -> str | bytes:
    """An event of the provider whose error has no secret: an `error`, or what has failed."""
    event = decode_event(message)
    response = event.get("response")
    details = response.get("status_details") if isinstance(response, dict) else None
    is_changed = False
    for source in (event, details):
        error = source.get("error") if isinstance(source, dict) else None
        if not isinstance(error, dict):
            continue
        for member in ("message", "code"):
            if isinstance(text := error.get(member), str) and (public := redact(text)) != text:
                error[member] = public
                is_changed = True
    return encode_event(event) if is_changed else message
