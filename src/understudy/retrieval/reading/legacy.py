"""Reads Word, Excel and PowerPoint files from before 2007 with a library that parses their streams."""

import re
from collections.abc import Iterator
from typing import Final, Literal, cast

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_Kind = Literal["doc", "ppt", "xls"]
_OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_KINDS: Final = {"dot": "doc", "pot": "ppt", "pps": "ppt", "xlt": "xls"}
_MAX_GAP: Final = 64
_WIDE_GAP: Final = re.compile(r"(\|  |\| --- )\1{64,}")
"""Empty cells before a stray one; a line may have up to 256 of them."""

_RECORD_HEADER_BYTES: Final = 8
_CONTAINER_VERSION: Final = 0x0F
_NOTES_RECORD: Final = 0x03F0
_NOTES_ATOM: Final = 0x03F1
_MASTER_ID: Final = 0x80000000
_TEXT_RECORDS: Final = {0x0FA0: "utf-16-le", 0x0FA8: "latin-1"}
_MAX_DEPTH: Final = 30
_ENCRYPTION_WORDS: Final = ("encrypt", "password", "protected")


def read_legacy(source: Source) -> Iterator[str]:
    """Chooses the reader by the first bytes: an RTF, web page or current document under an old name is read as such."""
    import office_oxide  # noqa: PLC0415 - a reader loads what it reads with

    suffix = source.filename.rpartition(".")[2].lower()
    kind = _KINDS.get(suffix, suffix)
    if not source.head(8).startswith(_OLE_MAGIC):
        yield from _read_as_actual_format(source, kind)
        return
    try:
        document = office_oxide.Document.from_bytes(source.path.read_bytes(), cast("_Kind", kind))
        text: str = document.to_markdown()
    except BaseException as error:
        # A Rust library panics with an exception that does not derive from Exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise _to_unreadable(str(error)) from None
    yield _WIDE_GAP.sub(_shorten_gap, text)
    if kind == "ppt":
        yield from _speaker_notes(source)


def _speaker_notes(source: Source) -> Iterator[str]:
    """Text that the library omits. Source of the records: [MS-PPT] 2.3.1, 2.5.6 and 2.9.42."""
    import olefile  # noqa: PLC0415

    try:
        with olefile.OleFileIO(source.path.read_bytes()) as file:
            records = file.openstream("PowerPoint Document").read()
    except (OSError, ValueError, IndexError):
        return
    for kind, start, end in _iter_records(records, 0, len(records)):
        if kind == _NOTES_RECORD and (text := _notes_text(records, start, end)):
            yield f"\n\nNotes: {text}"


def _notes_text(data: bytes, start: int, end: int) -> str:
    texts = []
    for kind, begin, stop in _iter_descendants(data, start, end):
        if kind == _NOTES_ATOM and not 0 < int.from_bytes(data[begin : begin + 4], "little") < _MASTER_ID:
            return ""
        if kind in _TEXT_RECORDS:
            text = data[begin:stop].decode(_TEXT_RECORDS[kind], "replace").replace("\r", "\n").strip()
            texts += [text] if text.strip("*") else []
    return "\n".join(texts)


def _iter_records(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of the records between two positions."""
    while at + _RECORD_HEADER_BYTES <= end:
        kind, length = int.from_bytes(data[at + 2 : at + 4], "little"), int.from_bytes(data[at + 4 : at + 8], "little")
        yield kind, at + _RECORD_HEADER_BYTES, min(end, at + _RECORD_HEADER_BYTES + length)
        at += _RECORD_HEADER_BYTES + length


def _iter_descendants(data: bytes, start: int, end: int, depth: int = 0) -> Iterator[tuple[int, int, int]]:
    for kind, begin, stop in _iter_records(data, start, end):
        if data[begin - _RECORD_HEADER_BYTES] & _CONTAINER_VERSION == _CONTAINER_VERSION and depth < _MAX_DEPTH:
            yield from _iter_descendants(data, begin, stop, depth + 1)
        else:
            yield kind, begin, stop


def _shorten_gap(gap: re.Match[str]) -> str:
    return gap[0][: len(gap[1]) * _MAX_GAP]


def _read_as_actual_format(source: Source, kind: str) -> Iterator[str]:
    head = source.head(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{\\rtf"):
        yield from source.read_as("rtf")
    elif head.startswith(b"PK\x03\x04"):
        yield from source.read_as(f"{kind}x")
    elif head[:1] == b"<":
        yield from source.read_as("html")
    elif kind != "ppt" and _is_text(source):
        # Many programs write a table with tabs and call it a workbook.
        yield from source.read_as("txt")
    else:
        raise UnreadableError("invalid_file", f"The file is not a .{kind} document, despite its name.")


def _is_text(source: Source) -> bool:
    try:
        plain.check_is_text(source)
    except UnreadableError:
        return False
    return True


def _to_unreadable(reason: str) -> UnreadableError:
    if any(word in reason.lower() for word in _ENCRYPTION_WORDS):
        return UnreadableError("invalid_file", "The document is protected by a password. Remove it and try again.")
    return UnreadableError("invalid_file", "The document cannot be read: it seems to be damaged.")
