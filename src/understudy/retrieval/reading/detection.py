"""Detects the format of a document from its bytes. Knows no reader."""

import re
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 8192
"""The first bytes of a document that `suffix_of_head` needs."""

OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0"
_ARCHIVE_MAGIC: Final = b"PK\x03\x04"
_PDF_HEAD_BYTES: Final = 1024
_PDF_HEADER: Final = re.compile(rb"(?:\A|[\r\n\x00]|\xef\xbb\xbf)[ \t]*%PDF-")
"""Readers skip bytes before the header; in the middle of a line it is a word of a text."""

_OPENDOCUMENT_MEDIA_TYPE: Final = "mimetypeapplication/vnd.oasis.opendocument."
_MEDIA_TYPES: Final = (
    (f"{_OPENDOCUMENT_MEDIA_TYPE}text".encode(), "odt"),
    (f"{_OPENDOCUMENT_MEDIA_TYPE}spreadsheet".encode(), "ods"),
    (f"{_OPENDOCUMENT_MEDIA_TYPE}presentation".encode(), "odp"),
    (b"mimetypeapplication/epub+zip", "epub"),
)
_PART_NAMES: Final = ((b"word/", "docx"), (b"xl/", "xlsx"), (b"ppt/", "pptx"))
"""The starts of names of parts. The text of an uncompressed part may have them as well."""

_MAIN_PARTS: Final = {
    "content.xml": "odt",
    "meta-inf/container.xml": "epub",
    "ppt/presentation.xml": "pptx",
    "word/document.xml": "docx",
    "xl/workbook.xml": "xlsx",
}
_OLE_STREAMS: Final = {
    "WordDocument": "doc",
    "Workbook": "xls",
    "Book": "xls",
    "PowerPoint Document": "ppt",
    "__nameid_version1.0": "msg",
}
_DAMAGES: Final = (
    *(zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, OverflowError, struct.error),
    *(IndexError, TypeError, AttributeError, RecursionError),
)
"""What the libraries raise for a damaged list of parts or streams."""

ENCRYPTED_STREAM: Final = "EncryptedPackage"
"""The stream that has a document of today in it which was saved with a password."""


def suffix_of_head(head: bytes) -> str:
    """The suffix of the format that the first bytes have, "" if they are those of none or of a text."""
    if _PDF_HEADER.search(head[:_PDF_HEAD_BYTES]):
        return "pdf"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(OLE_MAGIC):
        streams = ((name.encode("utf-16-le"), suffix) for name, suffix in _OLE_STREAMS.items())
        return next((suffix for stream, suffix in streams if stream in head), "")
    if head.startswith(_ARCHIVE_MAGIC):
        return _find_signature(head, (*_MEDIA_TYPES, *_PART_NAMES))
    return ""


def suffix_of_file(path: Path) -> str:
    """As `suffix_of_head`, but of an archive or an OLE file by the list of its parts; "" if that is damaged."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(_ARCHIVE_MAGIC):
        names = (name.lower() for name in _archive_members(path))
        return _find_signature(head, _MEDIA_TYPES) or _first_known(_MAIN_PARTS, names)
    if head.startswith(OLE_MAGIC):
        return _first_known(_OLE_STREAMS, list_streams(path))
    return suffix_of_head(head)


def list_streams(path: Path) -> list[str]:
    """The streams at the top of an OLE file; none if its list is damaged."""
    import olefile  # noqa: PLC0415 - only documents of this kind need it

    try:
        with olefile.OleFileIO(path) as file:
            return [entry[0] for entry in file.listdir()]
    except _DAMAGES:
        return []


def _archive_members(path: Path) -> list[str]:
    """The names of the parts; none if their list is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except _DAMAGES:
        return []


def _find_signature(head: bytes, signatures: Iterable[tuple[bytes, str]]) -> str:
    return next((suffix for sign, suffix in signatures if sign in head), "")


def _first_known(suffixes: dict[str, str], names: Iterable[str]) -> str:
    return next((suffixes[name] for name in names if name in suffixes), "")
