"""Splits text into overlapping chunks at natural boundaries. Knows no document and no model.

A chunk ends at a heading, a paragraph, a line or a sentence: the strongest boundary in its last part. Sizes are in
tokens as the hosted models count them, within about a fifth: a splitter with their real tables takes ten times as long
and 18 MB, for chunks of the same quality.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

SECTION_CHARACTERS: Final = 200_000
"""Characters processed together."""

_MIN_FILL: Final = 0.7
"""The share of a chunk before which no boundary is used."""

_TOKEN_ASCII = re.compile(r" ?[A-Za-z]{1,8}| ?\d{1,3}| ?[!-/:-@\[-`{-~]{1,3}|\s{1,16}|.", re.DOTALL)
_IDEOGRAPHS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKEN = re.compile(
    rf"[{_IDEOGRAPHS}]| ?[^\W\d_{_IDEOGRAPHS}]{{1,6}}| ?\d{{1,3}}| ?[!-/:-@\[-`{{-~]{{1,3}}|\s{{1,16}}|.", re.DOTALL
)
_SEAMS: Final = (
    re.compile(r"\n(?=#{1,6} )"),
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n"),
    re.compile("[.!?\u2026][\"')\\]\u201d\u2019\u00bb]*\\s+|[\u3002\uff01\uff1f]"),
)
"""The strongest first. A chunk may end where one ends."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `whole[start:end]`, in code points of the whole text; `position` counts from 0."""

    position: int
    start: int
    end: int
    text: str


def split_text(text: str, size_tokens: int, overlap_tokens: int) -> Iterator[Chunk]:
    """The chunks in order. Together they contain the whole text except white space between chunks."""
    return split_pieces(
        (text[i : i + SECTION_CHARACTERS] for i in range(0, len(text), SECTION_CHARACTERS)), size_tokens, overlap_tokens
    )


def split_pieces(pieces: Iterable[str], size_tokens: int, overlap_tokens: int) -> Iterator[Chunk]:
    """`split` for a text that arrives in pieces and is never in memory as a whole."""
    rest, base, position = "", 0, 0
    # Enough for a chunk at sixteen characters a token, and the seam after it.
    least = max(SECTION_CHARACTERS, 32 * size_tokens)
    for piece in pieces:
        rest += piece
        if len(rest) < least:
            continue
        section = _Section(rest, size_tokens, overlap_tokens)
        for start, end in section.spans(whole=False):
            yield Chunk(position, base + start, base + end, rest[start:end])
            position += 1
        rest, base = rest[section.reached :], base + section.reached
    for start, end in _Section(rest, size_tokens, overlap_tokens).spans(whole=True):
        yield Chunk(position, base + start, base + end, rest[start:end])
        position += 1


class _Section:
    """A stretch of text with its tokens and seams."""

    def __init__(self, text: str, size: int, overlap: int) -> None:
        self._text = text
        self._size = size
        self._overlap = overlap
        tokens = (_TOKEN_ASCII if text.isascii() else _TOKEN).findall(text)
        self._ends = list(accumulate(map(len, tokens)))
        self._seams = [[match.end() for match in seam.finditer(text)] for seam in _SEAMS]
        self.reached = 0
        """The start of the next section."""

    def spans(self, *, whole: bool) -> Iterator[tuple[int, int]]:
        """`(start, end)` of each chunk, without white space around it; `whole`: the text ends here."""
        start, total = 0, len(self._text)
        while start < total:
            first = bisect_right(self._ends, start)
            last = first + self._size - 1
            if last >= len(self._ends) - 1:
                if whole:
                    yield from self._trim_span(start, total)
                    start = total
                break
            end = self._chunk_end(first, last)
            yield from self._trim_span(start, end)
            start = max(self._next_start(end), self._ends[first])
        self.reached = start

    def _chunk_end(self, first: int, last: int) -> int:
        earliest, latest = self._ends[first + int(self._size * _MIN_FILL)], self._ends[last]
        for seams in self._seams:
            place = bisect_right(seams, latest) - 1
            if place >= 0 and seams[place] > earliest:
                return seams[place]
        return self._grapheme_boundary(self._word_start(earliest, latest))

    def _next_start(self, end: int) -> int:
        """The start of the chunk after the one that ends at `end`: a boundary about one overlap before it."""
        if self._overlap == 0:
            return end
        last = bisect_left(self._ends, end)
        earliest = self._ends[max(0, last - self._overlap)]
        latest = self._ends[max(0, last - self._overlap * 2 // 3)]
        for seams in self._seams:
            place = bisect_left(seams, earliest)
            if place < len(seams) and seams[place] < latest:
                return seams[place]
        return self._grapheme_boundary(self._word_start(earliest - 1, earliest))

    def _word_start(self, earliest: int, latest: int) -> int:
        """The last position at or before `latest` with white space, or `latest` in a text without any."""
        stop = max(earliest, latest - 100)
        for place in range(latest, stop, -1):
            if self._text[place - 1].isspace():
                return place
        return latest

    def _grapheme_boundary(self, place: int) -> int:
        """Moves a position out of a user-perceived character."""
        back = place
        while (
            0 < back < len(self._text)
            and place - back < 32
            and _is_same_grapheme(self._text[back - 1], self._text[back])
        ):
            back -= 1
        return back or place

    def _trim_span(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        text = self._text[start:end]
        left = len(text) - len(text.lstrip())
        right = len(text.rstrip())
        if left < right:
            yield start + left, start + right


def _is_same_grapheme(before: str, after: str) -> bool:
    """Whether both code points belong to one user-perceived character."""
    if before.isascii() and after.isascii():
        return before == "\r" and after == "\n"
    return (
        before == "\u200d"
        or after == "\u200d"
        or unicodedata.category(after) in {"Mn", "Me", "Mc"}
        or ("\U0001f3fb" <= after <= "\U0001f3ff")
    )
