"""Detects the format of a document from its bytes. Knows no reader."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 8192
"""The first bytes of a document that `suffix_of_head` needs."""

OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0"
_ARCHIVE_MAGIC: Final = b"PK\x03\x04"
_PDF_HEAD_BYTES: Final = 1024
_OPENDOCUMENT_MEDIA_TYPE: Final = "mimetypeapplication/vnd.oasis.opendocument."
_ARCHIVE_SIGNATURES: Final = (
    (f"{_OPENDOCUMENT_MEDIA_TYPE}text".encode(), "odt"),
    (f"{_OPENDOCUMENT_MEDIA_TYPE}spreadsheet".encode(), "ods"),
    (f"{_OPENDOCUMENT_MEDIA_TYPE}presentation".encode(), "odp"),
    (b"mimetypeapplication/epub+zip", "epub"),
    (b"word/", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
)
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
ENCRYPTED_STREAM: Final = "EncryptedPackage"
"""The stream that has a document of today in it which was saved with a password."""


def suffix_of_head(head: bytes) -> str:
    """The suffix of the format that the first bytes have, "" if they are those of none or of a text."""
    if b"%PDF-" in head[:_PDF_HEAD_BYTES]:
        return "pdf"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(OLE_MAGIC):
        streams = ((name.encode("utf-16-le"), suffix) for name, suffix in _OLE_STREAMS.items())
        return next((suffix for stream, suffix in streams if stream in head), "")
    if head.startswith(_ARCHIVE_MAGIC):
        return next((suffix for member, suffix in _ARCHIVE_SIGNATURES if member in head), "")
    return ""


def suffix_of_file(path: Path) -> str:
    """Like `suffix_of_head`, by the list of parts where the document has one."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(_ARCHIVE_MAGIC):
        return suffix_of_head(head) or _first_known(_MAIN_PARTS, (name.lower() for name in _archive_members(path)))
    if head.startswith(OLE_MAGIC):
        return _first_known(_OLE_STREAMS, list_streams(path))
    return suffix_of_head(head)


def list_streams(path: Path) -> list[str]:
    """The streams at the top of an OLE file; none if its list is damaged."""
    import olefile  # noqa: PLC0415 - only documents of this kind need it

    try:
        with olefile.OleFileIO(path) as file:
            return [entry[0] for entry in file.listdir()]
    except (OSError, ValueError, IndexError, TypeError):
        return []


def _archive_members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _first_known(suffixes: dict[str, str], names: Iterable[str]) -> str:
    return next((suffixes[name] for name in names if name in suffixes), "")
