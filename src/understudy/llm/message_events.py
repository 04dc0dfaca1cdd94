"""Decodes, validates and repairs the messages and stream events of providers of the Messages API.

Source: the response and event types of the official `anthropic` package.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from understudy import ids
from understudy.llm import payload
from understudy.llm.chunks import Count
from understudy.llm.repair import check_call_count

MAX_CONTENT_BLOCKS: Final = 1024
"""Content blocks of one message."""

_TEXT_MEMBERS: Final = (
    "text",
    "partial_json",
    "thinking",
    "signature",
    "id",
    "name",
    "type",
    "stop_reason",
    "model",
    "role",
)

_Object = dict[str, Any]


class Usage(msgspec.Struct, gc=False):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class Block(msgspec.Struct, gc=False):
    """A content block, or a delta of one."""

    type: str | None = None
    text: str | None = None
    id: str | None = None
    name: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Message(msgspec.Struct, gc=False):
    content: Annotated[list[Block], Meta(max_length=MAX_CONTENT_BLOCKS)]
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    error: Any = None


class Event(msgspec.Struct, gc=False):
    type: str = ""
    index: Annotated[int, Meta(ge=0, lt=MAX_CONTENT_BLOCKS)] | None = None
    message: Message | None = None
    content_block: Block | None = None
    delta: Block | None = None
    usage: Usage | None = None
    error: Any = None


_decode_event = msgspec.json.Decoder(Event).decode
_decode_message = msgspec.json.Decoder(Message).decode


def parse_valid_event(data: bytes) -> Event | None:
    """None if a member has an invalid value, or the data is not JSON."""
    if not payload.has_valid_text(data):
        return None
    try:
        event = _decode_event(data)
    except payload.DECODE_ERRORS:
        return None
    # The type becomes the `event` line of the stream.
    return event if event.type.isidentifier() else None


def parse_valid_message(data: bytes) -> Message | None:
    """None if a member has an invalid value, or the data is not JSON."""
    if not payload.has_valid_text(data):
        return None
    try:
        message = _decode_message(data)
    except payload.DECODE_ERRORS:
        return None
    uses = [block.id for block in message.content if block.type == "tool_use"]
    return message if len(set(uses)) == len(uses) and None not in uses else None


def parse_event(data: bytes) -> Any:
    """The parsed event, repaired if necessary. Raises UpstreamError(malformed)."""
    value = payload.decode(data)
    return value if parse_valid_event(data) is not None or not isinstance(value, dict) else repair_event(value)


def repair_event(value: _Object) -> _Object:
    """Raises UpstreamError(malformed) for more content blocks than a message may have."""
    event = _repair_texts(value)
    event["type"] = kind if (kind := event.get("type") or "").isidentifier() else "unknown"
    if "index" in event:
        event["index"] = payload.integer(event["index"], MAX_CONTENT_BLOCKS) or 0
        _check_block_count(event["index"] + 1)
    if "message" in event:
        event["message"] = _repair_members(payload.mapping(event["message"]))
    for name in ("content_block", "delta"):
        if name in event:
            event[name] = _repair_texts(payload.mapping(event[name]))
    if "usage" in event:
        event["usage"] = usage(event["usage"])
    return event


def repair_message(value: Any) -> _Object:
    """Repairs a whole message; its tool uses get distinct ids. Raises UpstreamError(malformed)."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), list):
        raise payload.malformed("JSON that is not a message")
    check_call_count(sum(isinstance(block, dict) and block.get("type") == "tool_use" for block in value["content"]))
    message = _repair_members(value)
    uses = [block for block in message["content"] if block.get("type") == "tool_use"]
    call_ids: set[str] = set()
    for block in uses:
        if not block.get("id") or block["id"] in call_ids:
            block["id"] = ids.tool_call()
        call_ids.add(block["id"])
    return message


def usage(value: Any) -> _Object:
    """Token counts as integers from 0 to `payload.MAX_TOKEN_COUNT`."""
    return {
        name: payload.count(item) if name.endswith("_tokens") else item for name, item in payload.mapping(value).items()
    }


def _repair_members(value: _Object) -> _Object:
    message = _repair_texts(value)
    blocks = payload.items(message.get("content"))
    _check_block_count(len(blocks))
    message["content"] = [_repair_texts(block) for block in blocks if isinstance(block, dict)]
    if "usage" in message:
        message["usage"] = usage(message["usage"])
    return message


def _repair_texts(value: _Object) -> _Object:
    return {
        name: payload.text(item) if name in _TEXT_MEMBERS and item is not None else item for name, item in value.items()
    }


def _check_block_count(count: int) -> None:
    if count > MAX_CONTENT_BLOCKS:
        raise payload.malformed(f"more than {MAX_CONTENT_BLOCKS} content blocks in one message")
