"""Rich text."""

import re
from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.symbols import symbol
from understudy.retrieval.reading.unreadable import UnreadableError

_SIDE_GROUPS: Final = re.compile(
    r"(?:\\\*)?\\(?:header|footer)[lrf]?(?![a-z])|(?:\\\*)?\\(?:footnote|annotation)(?![a-z])"
)
"""Control words beside the text that the library omits."""

_SYMBOL_CHARACTERS: Final = re.compile("[\uf020-\uf0ff]")


def read_rtf(source: Source) -> Iterator[str]:
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415 - a reader loads what it reads with

    data = source.path.read_bytes()
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        raise UnreadableError("invalid_file", "The file is not RTF, despite its name.")
    if data.count(b"{") - data.count(b"\\{") > data.count(b"}") - data.count(b"\\}"):
        source.warn("The file is cut off before the end of its text.")
    words = _SIDE_GROUPS.sub(r"\\par ", data.decode("latin-1"))
    text: str = rtf_to_text(words, errors="replace")  # type: ignore[no-untyped-call]
    yield _SYMBOL_CHARACTERS.sub(lambda sign: symbol("symbol", f"{ord(sign[0]):x}"), text)
