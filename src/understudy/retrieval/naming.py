"""The name that decides a document's format if its own suffix does not: from the media type or the first bytes."""

import mimetypes
from pathlib import PurePath
from typing import Final

from understudy.retrieval.reading import TEXT_FORMATS

# Bytes of a document that `readable_name` needs.
HEAD_BYTES: Final = 8192
_OFFICE_MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument."
_SUFFIXES: Final = {
    f"{_OFFICE_MEDIA_TYPE}wordprocessingml.document": "docx",
    f"{_OFFICE_MEDIA_TYPE}spreadsheetml.sheet": "xlsx",
    f"{_OFFICE_MEDIA_TYPE}presentationml.presentation": "pptx",
    "application/json": "json",
    "application/epub+zip": "epub",
    "application/msword": "doc",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-outlook": "msg",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/x-ipynb+json": "ipynb",
    "application/x-yaml": "yaml",
    "application/yaml": "yaml",
    "message/rfc822": "eml",
    "text/markdown": "md",
    "text/rtf": "rtf",
    "text/x-markdown": "md",
}
_OPENDOCUMENT_MEDIA_TYPE: Final = "application/vnd.oasis.opendocument."
_ARCHIVE_SIGNATURES: Final = (
    (f"mimetype{_OPENDOCUMENT_MEDIA_TYPE}text".encode(), "odt"),
    (f"mimetype{_OPENDOCUMENT_MEDIA_TYPE}spreadsheet".encode(), "ods"),
    (f"mimetype{_OPENDOCUMENT_MEDIA_TYPE}presentation".encode(), "odp"),
    (b"mimetypeapplication/epub+zip", "epub"),
    (b"word/", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
)
_OLE_STREAM_NAMES: Final = tuple(
    (name.encode("utf-16-le"), suffix)
    for name, suffix in (
        ("WordDocument", "doc"),
        ("Workbook", "xls"),
        ("PowerPoint Document", "ppt"),
        ("__nameid", "msg"),
    )
)


def readable_name(name: str, media_type: str, head: bytes) -> str:
    """`name` if its suffix is a supported format; otherwise with the suffix of the detected format.

    `media_type` may be empty; `head` are the first `HEAD` bytes.
    """
    if PurePath(name).suffix[1:].lower() in TEXT_FORMATS:
        return name
    suffix = _suffix_of_media_type(media_type) or _suffix_of_bytes(head)
    return f"{name}.{suffix}" if suffix in TEXT_FORMATS else name


def _suffix_of_media_type(media_type: str) -> str:
    kind = media_type.partition(";")[0].strip().lower()
    suffix = _SUFFIXES.get(kind) or (mimetypes.guess_extension(kind) or "")[1:]
    if suffix not in TEXT_FORMATS and kind.startswith("text/"):
        return "txt"
    return suffix if suffix in TEXT_FORMATS else ""


def _suffix_of_bytes(head: bytes) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return next((suffix for stream, suffix in _OLE_STREAM_NAMES if stream in head), "")
    if head.startswith(b"PK\x03\x04"):
        return next((suffix for member, suffix in _ARCHIVE_SIGNATURES if member in head), "")
    return ""
