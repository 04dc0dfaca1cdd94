"""Reads text files: checks that they are text, and normalizes line ends. Knows no markup."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.charsets import SAMPLE_BYTES, detect_encoding, detect_wide_encoding, is_iso_2022_kr
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_BINARY_SIGNATURES: Final = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document of the old kind"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\x00", "a database"),
)
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_CONTROL_CHARACTERS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE: Final = 0.02


def read_text(source: Source) -> Iterator[str]:
    """The text piece by piece, with `\n` as line end. Raises Unreadable for a binary file."""
    check_is_text(source)
    name = detect_encoding(source.chunks, source.charset)
    replaced = 0
    for piece in _decode_pieces(source, name):
        replaced += piece.count("\ufffd")
        yield piece
    if replaced and (bad := replaced - _count_replacements(source, name)) > 0:
        source.warn(f"{bad} {'byte is' if bad == 1 else 'bytes are'} not valid {name.upper()} and became U+FFFD.")


def check_is_text(source: Source) -> None:
    sample = source.head(SAMPLE_BYTES)
    for magic, noun in _BINARY_SIGNATURES:
        if sample.startswith(magic):
            raise _not_text_error(f"it is {noun}")
    if sample.startswith(_BYTE_ORDER_MARKS) or is_iso_2022_kr(sample) or detect_wide_encoding(sample) is not None:
        return
    if len(_CONTROL_CHARACTERS.findall(sample)) > _MAX_CONTROL_SHARE * len(sample):
        raise _not_text_error("it has binary data")


def _decode_pieces(source: Source, name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(name)("replace")
    carried = False
    for data in source.chunks():
        piece = decoder.decode(data)
        if carried:
            piece = "\r" + piece
        if carried := piece.endswith("\r"):
            piece = piece[:-1]
        yield piece.replace("\r\n", "\n").replace("\r", "\n")
    yield ("\n" if carried else "") + decoder.decode(b"", final=True)


def _count_replacements(source: Source, name: str) -> int:
    """The number of U+FFFD characters that the file itself contains."""
    sign = "\ufffd".encode(name.removesuffix("-sig"), "ignore") if name.startswith("utf") else b""
    return sum(data.count(sign) for data in source.chunks()) if sign else 0


def _not_text_error(why: str) -> UnreadableError:
    return UnreadableError(
        "invalid_file", f"The file is not text: {why}. Name it by what it is, or convert it to text."
    )
