"""Rich text."""

import re
from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.symbols import symbol
from understudy.retrieval.reading.unreadable import UnreadableError

_SIDE_GROUPS: Final = r"(?:\\\*)?\\(?:header|footer)[lrf]?(?![a-z])|(?:\\\*)?\\(?:footnote|annotation)(?![a-z]) ?"
"""Control words beside the text that the library omits."""

_FRAMES: Final = r"(?:\\\*)?\\(?:shpgrp|shpinst|shp|object)(?![a-z])|\\(?:shptxt|result)(?![a-z]) ?"
"""Control words around text boxes and the text of embedded objects, which the library omits with what is in them."""

_ODD_WORDS: Final = r"\\(?:u-?\d{6,}|uc(?![a-z0-9])) ?"
"""A character beyond all, and a count without a number, which stop the library."""

# Escaped signs come first: the second backslash of `C:\\bin` begins no control word.
_REPLACED_WORDS: Final = re.compile(rf"\\[\\{{}}]|(?P<group>{_SIDE_GROUPS}|{_FRAMES})|(?P<odd>{_ODD_WORDS})")
_BINARY_DATA: Final = re.compile(rb"\\[\\{}]|\\bin(\d{1,10}) ?")
_ESCAPED_SIGNS: Final = re.compile(rb"\\[\\{}]")
_SYMBOL_CHARACTERS: Final = re.compile("[\uf020-\uf0ff]")


def read_rtf(source: Source) -> Iterator[str]:
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415 - a reader loads what it reads with

    data = source.path.read_bytes()
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise UnreadableError("invalid_file", "The file is not RTF, despite its name.")
    data = b"".join(_without_binary(data))
    marks = _ESCAPED_SIGNS.sub(b"", data)
    if marks.count(b"{") > marks.count(b"}"):
        source.warn("The file is cut off before the end of its text.")
    words = _REPLACED_WORDS.sub(_replace_word, data.decode("latin-1"))
    text: str = rtf_to_text(words, errors="replace")  # type: ignore[no-untyped-call]
    # Letters beyond the first 65,536 are two `\\u` words, the halves of a surrogate pair.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    yield _SYMBOL_CHARACTERS.sub(lambda sign: symbol("symbol", f"{ord(sign[0]):x}"), text)


def _replace_word(match: re.Match[str]) -> str:
    if match["group"] is not None:
        return r"\par "
    return match[0] if match["odd"] is None else ""


def _without_binary(data: bytes) -> Iterator[bytes]:
    """The document without the bytes of its pictures, whose braces would count as groups."""
    start = position = 0
    while (match := _BINARY_DATA.search(data, position)) is not None:
        position = match.end()
        if match[1] is not None:
            yield data[start : match.start()]
            start = position = match.end() + int(match[1])
    yield data[start:]
