"""Outlook messages (.msg): the headers people see, the text, and attached documents of known formats."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

if TYPE_CHECKING:
    from oxmsg import Message

_OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0"


def read_msg(source: Source) -> Iterator[str]:
    from oxmsg import Message  # noqa: PLC0415 - a reader loads what it reads with

    if source.head(4) != _OLE_MAGIC:
        raise UnreadableError("invalid_file", "The file is not an Outlook message, despite its name.")
    message = Message.load(str(source.path))
    yield from _render_headers(message)
    yield _render_body(message) + "\n\n"
    for attachment in message.attachments:
        if attachment.file_bytes:
            name = attachment.file_name or "attachment"
            yield f"Attachment {name}:\n\n"
            yield from source.embedded(name, attachment.file_bytes)
            yield "\n\n"


def _render_headers(message: "Message") -> Iterator[str]:
    recipients = ", ".join(f"{one.name} <{one.email_address}>" for one in message.recipients)
    for name, value in (
        ("From", message.sender),
        ("To", recipients),
        ("Date", message.sent_date),
        ("Subject", message.subject),
    ):
        if value:
            yield f"{name}: {value}\n"
    yield "\n"


def _render_body(message: "Message") -> str:
    if message.body:
        return message.body
    return to_markdown(message.html_body) if message.html_body else ""
