"""Reads e-mails, mailboxes and archived web pages: main headers, text, and attached documents of supported formats.

Loads nothing that is linked.
"""

import binascii
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import Any, Final

from understudy.retrieval.reading.charsets import decode
from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_RENDERED_HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_STYLE_TYPES: Final = frozenset({"text/css", "text/javascript"})
"""Parts of an archived web page that a browser does not show."""

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_MAX_DEPTH: Final = 20


def read_eml(source: Source) -> Iterator[str]:
    with source.path.open("rb") as file:
        if file.read(len(BOM_UTF8)) != BOM_UTF8:
            file.seek(0)
        message = BytesParser(policy=policy.compat32).parse(file)
    if not any(
        name in message for name in (*_RENDERED_HEADERS, "Received", "Message-ID", "MIME-Version", "Content-Type")
    ):
        raise UnreadableError("invalid_file", "The file is not an e-mail, despite its name.")
    yield from _read_message(message, source, 0)


def read_mbox(source: Source) -> Iterator[str]:
    """The messages of a mailbox, one after the other."""
    import mailbox  # noqa: PLC0415

    if not source.head(5) == b"From ":
        raise UnreadableError("invalid_file", "The file is not a mailbox, despite its name.")
    for message in mailbox.mbox(source.path, create=False):
        yield from _read_message(message, source, 0)


def _read_message(message: Message, source: Source, depth: int) -> Iterator[str]:
    for name in _RENDERED_HEADERS:
        if value := _decode_header(message.get(name)):
            yield f"{name}: {value}\n"
    yield "\n"
    yield from _read_body(message, source, depth)


def _read_body(message: Message, source: Source, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        source.warn("The e-mail is nested too deeply, and was not read to its end.")
        return
    if message.get_content_type() == "multipart/alternative" and message.is_multipart():
        yield from _read_alternative(_message_parts(message), source, depth)
    elif message.get_content_maintype() == "message" and message.is_multipart():
        for part in _message_parts(message):
            yield "Attached message:\n\n"
            yield from _read_message(part, source, depth + 1)
    elif message.is_multipart():
        for part in _message_parts(message):
            yield from _read_body(part, source, depth + 1)
    else:
        yield from _read_leaf(message, source)


def _read_alternative(parts: list[Message], source: Source, depth: int) -> Iterator[str]:
    """The plain text if there is one; otherwise the last alternative with text, which is the richest."""
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    for part in (*plain, *reversed(parts)):
        text = "".join(_read_body(part, source, depth + 1))
        if text.strip():
            yield text
            return


def _read_leaf(part: Message, source: Source) -> Iterator[str]:
    data = _payload_bytes(part)
    charset, kind = part.get_content_charset(), part.get_content_type()
    name = _part_filename(part)
    attached = name and part.get_content_disposition() == "attachment"
    if kind == "text/html" and not attached:
        yield to_markdown(decode(data, charset)) + "\n\n"
    elif kind in _STYLE_TYPES and not attached:
        return
    elif part.get_content_maintype() in {"text", "multipart"} and not attached:
        yield decode(data, charset).replace("\r\n", "\n") + "\n\n"
    elif name and data and part.get_content_maintype() != "image":
        yield f"Attachment {name}:\n\n"
        yield from source.embedded(name, data, charset)
        yield "\n\n"


def _payload_bytes(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    if isinstance(data, bytes) and str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
        return _decode_base64(str(part.get_payload() or "").encode("ascii", "ignore"), data)
    return data if isinstance(data, bytes) else str(part.get_payload() or "").encode("utf-8", "surrogateescape")


def _decode_base64(encoded: bytes, otherwise: bytes) -> bytes:
    """The bytes up to the first padding; the library leaves base64 with a wrong length or sign as it is."""
    letters = _NOT_BASE64.sub(b"", encoded.partition(b"=")[0])
    try:
        return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")
    except binascii.Error:
        return otherwise


def _message_parts(message: Message) -> list[Message]:
    payload: Any = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _part_filename(part: Message) -> str:
    try:
        return _decode_header(part.get_filename())
    except (LookupError, ValueError, TypeError):
        return ""


def _decode_header(value: object) -> str:
    """Encoded words as text; bytes that no charset is declared for by what they look like."""
    from email.header import decode_header  # noqa: PLC0415

    if value is None:
        return ""
    text = str(value)
    try:
        # The parser hands over a `Header` for bytes that are not declared.
        pieces = decode_header(value)  # type: ignore[arg-type]
    except (ValueError, LookupError):
        return " ".join(text.split())
    parts = [decode(piece, charset) if isinstance(piece, bytes) else piece for piece, charset in pieces]
    joined = "".join(parts)
    if any("\udc80" <= sign <= "\udcff" for sign in joined):
        joined = decode(joined.encode("utf-8", "surrogateescape"))
    return " ".join(joined.split())
