"""Text files: which encoding they have, and whether they are text at all. Knows no markup.

Source of the order: byte order marks say it, UTF-8 proves itself, UTF-16 shows by its zeros; the rest is guessed.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from understudy.retrieval.reading.guess import guess
from understudy.retrieval.reading.unreadable import Unreadable

_PIECE: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC: Final = (
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
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MOST_CONTROL: Final = 0.02


def text(path: Path) -> Iterator[str]:
    """The text piece by piece, with `\\n` as its line end. Raises Unreadable."""
    yield from decoded(path, encoding(path))


def encoding(path: Path) -> str:
    """Raises Unreadable where the file is no text."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    for magic, noun in _MAGIC:
        if sample.startswith(magic):
            raise _not_text(f"it is {noun}")
    if (wide := _wide(sample)) is not None:
        return wide
    if len(_CONTROL.findall(sample)) > _MOST_CONTROL * len(sample):
        raise _not_text("it has binary data")
    return "utf-8" if _is_utf8(path) else guess(sample)


def decoded(path: Path, name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(name)("replace")
    carried = False
    with path.open("rb") as file:
        while data := file.read(_PIECE):
            piece = decoder.decode(data)
            if carried:
                piece = "\r" + piece
            if carried := piece.endswith("\r"):
                piece = piece[:-1]
            yield piece.replace("\r\n", "\n").replace("\r", "\n")
    yield ("\n" if carried else "") + decoder.decode(b"", final=True)


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: most of its characters have a zero on the same side."""
    half = len(sample) // 2
    if half < 4:
        return None
    for name, zeros, others in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if zeros.count(0) > 0.6 * half and others.count(0) < 0.02 * half:
            return name
    return None


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while data := file.read(_PIECE):
                decoder.decode(data)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _not_text(why: str) -> Unreadable:
    return Unreadable("invalid_file", f"The file is not text: {why}. Name it by what it is, or convert it to text.")
