"""The name that decides a document's format if its own suffix does not: from the media type or the first bytes."""

import mimetypes
from pathlib import PurePath
from typing import Final

from understudy.retrieval.reading import TEXT_FORMATS
from understudy.retrieval.reading.detection import HEAD_BYTES, suffix_of_head

__all__ = ["HEAD_BYTES", "readable_name"]

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
    "application/mbox": "mbox",
    "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
    "message/rfc822": "eml",
    "multipart/related": "mht",
    "image/svg+xml": "svg",
    "application/toml": "toml",
    "application/xml": "xml",
    "text/markdown": "md",
    "text/rtf": "rtf",
    "text/x-markdown": "md",
}


def readable_name(name: str, media_type: str, head: bytes) -> str:
    """`name` if its suffix is a supported format; otherwise with the suffix of the detected format.

    `media_type` may be empty; `head` are the first `HEAD_BYTES` bytes.
    """
    if PurePath(name).suffix[1:].lower() in TEXT_FORMATS:
        return name
    suffix = _suffix_of_media_type(media_type) or suffix_of_head(head)
    return f"{name}.{suffix}" if suffix in TEXT_FORMATS else name


def _suffix_of_media_type(media_type: str) -> str:
    kind = media_type.partition(";")[0].strip().lower()
    suffix = _SUFFIXES.get(kind) or (mimetypes.guess_extension(kind) or "")[1:]
    if suffix not in TEXT_FORMATS and kind.startswith("text/"):
        return "txt"
    return suffix if suffix in TEXT_FORMATS else ""
