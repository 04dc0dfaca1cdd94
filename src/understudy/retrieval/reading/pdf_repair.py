"""Repairs PDFs that lost their end with the cross-reference table: writes a new end for the objects that are left.

pdfium finds the objects of a damaged file itself, given the root object. Source of the names: ISO 32000-1, 7.5.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

_OBJECT_START: Final = re.compile(rb"(?<!\d)(\d{1,10})[ \t\r\n]+(\d{1,5})[ \t\r\n]+obj\b")
_STREAM_START: Final = re.compile(rb"stream\r?\n")
_CATALOG_TYPE: Final = re.compile(rb"/Type\s*/Catalog\b")
_PAGES_TYPE: Final = re.compile(rb"/Type\s*/Pages\b")
_PAGE_TYPE: Final = re.compile(rb"/Type\s*/Page\b(?!s)")
_OBJECT_STREAM_TYPE: Final = re.compile(rb"/Type\s*/ObjStm\b")
_PARENT_KEY: Final = re.compile(rb"/Parent\s")
_OBJECT_COUNT: Final = re.compile(rb"/N\s+(\d+)")
_FIRST_OFFSET: Final = re.compile(rb"/First\s+(\d+)")
_ENCRYPT_REFERENCE: Final = re.compile(rb"/Encrypt\s+(\d+\s+\d+\s+R)")
_MAX_DICTIONARY_BYTES: Final = 1 << 16
_MAX_UNPACKED_BYTES: Final = 256 << 20


def repair_pdf(data: bytes) -> bytes:
    """Raises ValueError if no page is left."""
    plain = dict(_plain_objects(data))
    unpacked = dict(_unpacked_objects(data, plain))
    objects = plain | unpacked
    root = _find_object(objects, _CATALOG_TYPE)
    pages = next(
        (key for key, body in objects.items() if _PAGES_TYPE.search(body) and not _PARENT_KEY.search(body)), None
    )
    added = b"".join(b"\n%d 0 obj\n%s\nendobj" % (key, body) for key, body in unpacked.items())
    free = max(objects, default=0) + 1
    if pages is None:
        kids = [key for key, body in objects.items() if _PAGE_TYPE.search(body)]
        if not kids:
            raise ValueError("The PDF has no page.")
        references = b" ".join(b"%d 0 R" % key for key in kids)
        added += b"\n%d 0 obj\n<</Type/Pages/Count %d/Kids[%s]>>\nendobj" % (free, len(kids), references)
        pages, root = free, None
    if root is None:
        root = free + 1
        added += b"\n%d 0 obj\n<</Type/Catalog/Pages %d 0 R>>\nendobj" % (root, pages)
    return data + added + _build_trailer(data, root)


def _build_trailer(data: bytes, root: int) -> bytes:
    encrypted = _ENCRYPT_REFERENCE.search(data)
    secret = b"/Encrypt " + encrypted[1] if encrypted is not None else b""
    return b"\ntrailer\n<</Root %d 0 R%s>>\nstartxref\n0\n%%%%EOF\n" % (root, secret)


def _find_object(objects: dict[int, bytes], pattern: re.Pattern[bytes]) -> int | None:
    return next((key for key, body in objects.items() if pattern.search(body)), None)


def _plain_objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Object numbers and dictionaries; the last one counts if a number repeats."""
    for match in _OBJECT_START.finditer(data):
        body = data[match.end() : match.end() + _MAX_DICTIONARY_BYTES]
        ends = [end for mark in (b"endobj", b"stream") if (end := body.find(mark)) >= 0]
        yield int(match[1]), body[: min(ends, default=len(body))]


def _unpacked_objects(data: bytes, plain: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """The objects in compressed object streams, which pdfium cannot locate without the lost table."""
    left = _MAX_UNPACKED_BYTES
    for match in _OBJECT_START.finditer(data):
        head = plain.get(int(match[1]), b"")
        if not _OBJECT_STREAM_TYPE.search(head) or (start := _STREAM_START.search(data, match.end())) is None:
            continue
        count, first = _OBJECT_COUNT.search(head), _FIRST_OFFSET.search(head)
        unpacked = _inflate(data[start.end() :], left)
        left -= len(unpacked)
        if count is None or first is None:
            continue
        numbers = [int(word) for word in unpacked[: int(first[1])].split()[: 2 * int(count[1])] if word.isdigit()]
        places = [*numbers[1::2], len(unpacked)]
        for index, key in enumerate(numbers[::2]):
            if index + 1 < len(places):
                begin, end = int(first[1]) + places[index], int(first[1]) + places[index + 1]
                yield key, unpacked[begin:end]


def _inflate(data: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(data[: 64 << 20], max(1, most))
    except zlib.error:
        return b""
