"""Messages of an import that name no files and have no unknown members: most of them, decoded in one step."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from understudy.engine.transfers.references import ReferenceKind, refer
from understudy.importing.objects import RawObject
from understudy.wire.messages import (
    Attachment,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageIncompleteDetails,
    MessageObject,
    TextContent,
)


class _TextContent(TextContent, forbid_unknown_fields=True):
    pass


class _TextPart(MessageContentTextObject, forbid_unknown_fields=True):
    text: _TextContent


class _RefusalPart(MessageContentRefusalObject, forbid_unknown_fields=True):
    pass


class _IncompleteDetails(MessageIncompleteDetails, forbid_unknown_fields=True):
    pass


class _Message(MessageObject, kw_only=True, forbid_unknown_fields=True):
    """With all fields again, in their order, and with the defaults of an import."""

    id: str
    object: Literal["thread.message"] = "thread.message"
    created_at: int = 0
    assistant_id: str | None = None
    thread_id: str
    run_id: str | None = None
    status: Literal["in_progress", "incomplete", "completed"] = "completed"
    incomplete_details: _IncompleteDetails | None = None
    incomplete_at: int | None = None
    completed_at: int | None = None
    role: Literal["user", "assistant"]
    content: list[_TextPart | _RefusalPart | MessageContentImageUrlObject]  # type: ignore[assignment]
    attachments: list[Attachment] = msgspec.field(default_factory=list)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


_MEMBERS: Final[Mapping[str, Literal["thread", "run", "assistant"]]] = {
    "thread_id": "thread",
    "run_id": "run",
    "assistant_id": "assistant",
}
_decode = msgspec.json.Decoder(_Message).decode


def decode_plain(raw: RawObject) -> MessageObject | None:
    """None where the message needs a closer look."""
    if raw.kind != "message" or raw.has_inner_references:
        return None
    try:
        return _decode(raw.encoded)
    except (msgspec.DecodeError, RecursionError):
        return None


def list_plain_references(message: MessageObject) -> Sequence[tuple[ReferenceKind, str]]:
    """The objects that the message names."""
    named = [refer("thread", message.thread_id)]
    if message.run_id is not None:
        named.append(refer("run", message.run_id))
    if message.assistant_id is not None:
        named.append(refer("assistant", message.assistant_id))
    return named


def replace_plain_references(message: MessageObject, stored: Mapping[tuple[ReferenceKind, str], str]) -> None:
    """Changes their ids to the stored ones."""
    for member, kind in _MEMBERS.items():
        identifier = getattr(message, member)
        if identifier is not None:
            setattr(message, member, stored.get(refer(kind, identifier), identifier))
