"""Splits text into overlapping chunks that leave sections, tables and functions whole. Knows no document and no model.

A chunk ends before a heading or a definition, or at a paragraph, a line or a sentence: the strongest boundary in its
last part. A chunk that starts within a table has the table's header beside its text. Sizes are in tokens as the hosted
models count them, within about a fifth: a splitter with their real tables takes ten times as long and 18 MB, for chunks
of the same quality.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from understudy.retrieval.outline import Layout, OutlineState, read_outline

SECTION_CHARACTERS: Final = 200_000
"""Characters processed together."""

_MIN_FILL: Final = 0.7
"""The share of a chunk before which no boundary within a paragraph is used."""

_MIN_WHOLE_FILL: Final = 0.15
"""The same for a boundary that leaves the next section, table or function whole."""

_MIN_UNIT_FILL: Final = 0.6
"""The same for the start of a section or function that does not fit into a chunk."""

_MAX_HEADER: Final = 1 / 4
"""The share of a chunk that a table's header may take; a wider one is not repeated."""

_TOKEN_ASCII = re.compile(r" ?[A-Za-z]{1,8}| ?\d{1,3}| ?[!-/:-@\[-`{-~]{1,3}|\s{1,16}|.", re.DOTALL)
_IDEOGRAPHS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKEN = re.compile(
    rf"[{_IDEOGRAPHS}]| ?[^\W\d_{_IDEOGRAPHS}]{{1,6}}| ?\d{{1,3}}| ?[!-/:-@\[-`{{-~]{{1,3}}|\s{{1,16}}|.", re.DOTALL
)
_LINE_SEAM: Final = re.compile(r"\n")
_SEAMS: Final = (
    re.compile(r"\n[ \t]*\n\s*"),
    _LINE_SEAM,
    # One set of first characters, which is searched for three times as quickly as two alternatives.
    re.compile("[.!?\u2026\u3002\uff01\uff1f](?:(?<=[\u3002\uff01\uff1f])|[\"')\\]\u201d\u2019\u00bb]*\\s+)"),
)
"""The strongest first, all weaker than a heading. A chunk may end where one ends."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `whole[start:end]`, in code points of the whole text; `position` counts from 0.

    `headings` are the titles above its start, the outermost first. `header` are the lines that name the columns of the
    table that the chunk starts in.
    """

    position: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    header: str = ""


def split_text(text: str, size_tokens: int, overlap_tokens: int, layout: Layout = "markup") -> Iterator[Chunk]:
    """The chunks in order. Together they contain the whole text except white space between chunks.

    A chunk and its header have at most `size_tokens`, two neighbours at most `overlap_tokens` in common.
    """
    pieces = (text[i : i + SECTION_CHARACTERS] for i in range(0, len(text), SECTION_CHARACTERS))
    return split_pieces(pieces, size_tokens, overlap_tokens, layout)


def split_pieces(
    pieces: Iterable[str], size_tokens: int, overlap_tokens: int, layout: Layout = "markup"
) -> Iterator[Chunk]:
    """`split_text` for a text that arrives in pieces and is never in memory as a whole."""
    rest, base, position, covered, state = "", 0, 0, 0, OutlineState()
    # Enough for a chunk at sixteen characters a token, and the seam after it.
    least = max(SECTION_CHARACTERS, 32 * size_tokens)
    for piece in pieces:
        rest += piece
        if len(rest) < least:
            continue
        section = _Section(rest, size_tokens, overlap_tokens, layout, state)
        for start, end in section.spans(whole=False):
            if base + end > covered:
                yield section.chunk(position, base, start, end)
                position, covered = position + 1, base + end
        rest, base, state = rest[section.reached :], base + section.reached, section.outline.state_at(section.reached)
    section = _Section(rest, size_tokens, overlap_tokens, layout, state)
    for start, end in section.spans(whole=True):
        # Where only white space follows a chunk, the next one would be its overlap alone.
        if base + end > covered:
            yield section.chunk(position, base, start, end)
            position, covered = position + 1, base + end


class _Section:
    """A stretch of text with its tokens, its outline and its seams."""

    def __init__(self, text: str, size: int, overlap: int, layout: Layout, state: OutlineState) -> None:
        self._text = text
        self._size = size
        self._overlap = overlap
        self._is_code = layout == "code"
        self._ends = list(accumulate(map(len, _tokenize(text))))
        self.outline = read_outline(text, layout, state)
        self._units = self.outline.units
        self._found_seams: list[list[int]] = []
        self.reached = 0
        """The start of the next section."""

    def _seams(self) -> Iterator[list[int]]:
        """The ends of the boundaries of each kind. They are found when needed: wrapped text needs no sentences."""
        for kind, seam in enumerate(_SEAMS):
            if kind == len(self._found_seams):
                self._found_seams.append(self._find_seams(seam))
            yield self._found_seams[kind]

    def _find_seams(self, seam: re.Pattern[str]) -> list[int]:
        ends = [match.end() for match in seam.finditer(self._text)]
        for heading in self.outline.headings:
            # A heading stays with what it stands above.
            del ends[bisect_right(ends, heading.start) : bisect_right(ends, heading.end)]
        if seam is _LINE_SEAM:
            for block in self.outline.blocks:
                if block.header_end:
                    del ends[bisect_right(ends, block.start) : bisect_right(ends, block.header_end)]
        return ends

    def spans(self, *, whole: bool) -> Iterator[tuple[int, int]]:
        """`(start, end)` of each chunk, without white space around it; `whole`: the text ends here."""
        start, end, total = 0, 0, len(self._text)
        while start < total:
            first = bisect_right(self._ends, start)
            last = first + self._room(start) - 1
            if last >= len(self._ends) - 1:
                if whole:
                    yield from self._trim_span(start, total)
                    start = total
                break
            end = self._chunk_end(first, last, end)
            yield from self._trim_span(start, end)
            start = max(self._next_start(end), self._ends[first])
        self.reached = start

    def chunk(self, position: int, base: int, start: int, end: int) -> Chunk:
        titles = tuple(title for _, title in self.outline.path_at(start))
        return Chunk(position, base + start, base + end, self._text[start:end], titles, self._header(start))

    def _header(self, start: int) -> str:
        header = self.outline.header_at(start)
        return header if not header or _count_tokens(header) <= self._size * _MAX_HEADER else ""

    def _room(self, start: int) -> int:
        """The tokens of a chunk that starts there, after the header of its table."""
        header = self._header(start)
        return self._size - (_count_tokens(header) + 1 if header else 0)

    def _chunk_end(self, first: int, last: int, done: int) -> int:
        """The best boundary after `done`, where the previous chunk ends."""
        latest, count = self._ends[last], last - first + 1
        if (end := self._unit_boundary(first, count, latest, done)) is not None:
            return end
        earliest = max(done, self._ends[first + int(count * _MIN_FILL)])
        for seams in self._seams():
            place = bisect_right(seams, latest) - 1
            if place >= 0 and seams[place] > earliest:
                return seams[place]
        return self._grapheme_boundary(self._word_start(earliest, latest))

    def _unit_boundary(self, first: int, count: int, latest: int, done: int) -> int | None:
        """The last start of a section, definition or block that is better than a boundary within it."""
        earliest = max(done, self._ends[first + int(count * _MIN_WHOLE_FILL)])
        place = bisect_right(self._units, latest) - 1
        if place >= 0 and (start := self._units[place]) > earliest:
            is_filled = start > self._ends[first + int(count * _MIN_UNIT_FILL)]
            if is_filled or self._whole_end(start) is not None:
                return start
        block = self.outline.block_at(latest)
        if block is not None and block.start > earliest and self._whole_end(block.start) is not None:
            return block.start
        return None

    def _whole_end(self, start: int) -> int | None:
        """The end of the section, definition or block that starts there, if it fits into a chunk."""
        place = bisect_left(self._units, start)
        if place < len(self._units) and self._units[place] == start:
            end = self._units[place + 1] if place + 1 < len(self._units) else len(self._text)
        elif (block := self.outline.block_at(start)) is not None and block.start == start:
            end = block.end
        else:
            return None
        return end if bisect_left(self._ends, end) - bisect_right(self._ends, start) < self._size else None

    def _next_start(self, end: int) -> int:
        """The start of the chunk after the one that ends at `end`: a boundary about one overlap before it.

        A section, function or table that starts at `end` is left whole; what is before it overlaps as a whole or not.
        """
        if self._overlap == 0:
            return end
        last = bisect_left(self._ends, end)
        earliest = self._ends[max(0, last - self._overlap)]
        if (whole := self._whole_end(end)) is not None:
            earliest = max(earliest, self._ends[max(0, bisect_left(self._ends, whole) - self._size)])
        place = bisect_left(self._units, earliest)
        if place < len(self._units) and self._units[place] <= end:
            return self._units[place]
        is_lines = whole is not None or self._is_code or self.outline.block_at(end) is not None
        latest = end if is_lines else self._ends[max(0, last - self._overlap * 2 // 3)]
        for seams in self._seams():
            place = bisect_left(seams, earliest)
            if place < len(seams) and seams[place] < latest:
                return seams[place]
        return end if whole is not None else self._grapheme_boundary(self._word_start(earliest - 1, earliest))

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


def _tokenize(text: str) -> Sequence[str]:
    return (_TOKEN_ASCII if text.isascii() else _TOKEN).findall(text)


def _count_tokens(text: str) -> int:
    return len(_tokenize(text))


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
