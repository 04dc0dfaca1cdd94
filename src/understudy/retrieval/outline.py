"""The structure of a text: headings, tables, fenced code and top-level definitions. Knows no chunk and no document.

A text may arrive in parts: `Outline.state_at` is what the outline of the next part starts with.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import PurePath
from typing import Final, Literal

Layout = Literal["markup", "code", "rows"]
"""Markdown and prose; programs and configuration; a table whose first line names the columns."""

_MAX_TITLE: Final = 120
_MAX_LINE: Final = 1000
_ROWS: Final = frozenset({"csv", "tsv"})
# fmt: off
_CODE: Final = frozenset({
    "c", "cc", "cfg", "conf", "cpp", "cs", "css", "cxx", "diff", "env", "go", "h", "hpp", "ini", "java", "js", "json",
    "jsonl", "jsx", "kt", "less", "lua", "m", "php", "pl", "properties", "ps1", "py", "r", "rb", "rs", "scala", "scss",
    "sh", "sql", "svelte", "swift", "toml", "ts", "tsx", "vue", "xml", "yaml", "yml",
})
# fmt: on
_UNDERLINES: Final = (re.compile(r"\n===+[ \t]*(?:\n+|\Z)"), re.compile(r"\n---+[ \t]*(?:\n+|\Z)"))
"""Those of the levels 1 and 2."""

_UNDERLINED: Final = re.compile(r"(?:\A|\n[ \t]*\n)([^\s|#>-][^\n|]*)\Z")
_FENCES: Final = (re.compile(r"(```+)([^\n]*)"), re.compile(r"(~~~+)([^\n]*)"))
# One pattern for both marks, or `^` for a line's start, would take several times as long: strings are searched for.
_MARKED: Final = re.compile(r"\n(#{1,6})[ \t]+(\S[^\n]*)")
_LINE_ENDS: Final = re.compile(r"\n*")
_BAR: Final = re.compile(r"\|[^\n]*\n?")
_RULE: Final = re.compile(r"[ \t]*\|?[ \t]*:?-[-|: \t]*")
_DEFINITION: Final = re.compile(r"\n[ \t]*\n+(?=[^\s)\]}])")
_TITLE_MARKUP: Final = re.compile(r"\*\*|__|`|[ \t]+#+[ \t]*$")


def layout_of(filename: str) -> Layout:
    suffix = PurePath(filename).suffix[1:].lower()
    return "rows" if suffix in _ROWS else "code" if suffix in _CODE else "markup"


@dataclass(frozen=True, slots=True)
class OutlineState:
    """The open headings with their levels, the marks of an open fence, and the header of an open table."""

    path: tuple[tuple[int, str], ...] = ()
    fence: str = ""
    header: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """`start` to `end` is its line with the white space below; `path` ends with the heading itself."""

    start: int
    end: int
    path: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A table or fenced code. `header` are the lines that name the columns, up to `header_end`."""

    start: int
    end: int
    header: str = ""
    header_end: int = 0
    fence: str = ""


_start_of: Final = attrgetter("start")


@dataclass(slots=True)
class Outline:
    """Positions are code points of the text. `units` are starts of sections or definitions, best left whole."""

    state: OutlineState
    headings: list[Heading] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    units: list[int] = field(default_factory=list)

    def path_at(self, position: int) -> tuple[tuple[int, str], ...]:
        """The headings above a position, with their levels; a heading that starts there included."""
        if not self.headings or position < self.headings[0].start:
            return self.state.path
        return self.headings[bisect_right(self.headings, position, key=_start_of) - 1].path

    def block_at(self, position: int) -> Block | None:
        """The block that has text before and after the position."""
        if not self.blocks or position < self.blocks[0].start:
            return None
        block = self.blocks[bisect_right(self.blocks, position, key=_start_of) - 1]
        return block if position < block.end else None

    def header_at(self, position: int) -> str:
        """The header of the table whose rows are at the position; empty outside of tables and in a header."""
        block = self.block_at(position)
        return block.header if block is not None and position >= block.header_end else ""

    def state_at(self, position: int) -> OutlineState:
        block = self.block_at(position)
        fence = block.fence if block is not None and position > block.start else ""
        return OutlineState(self.path_at(position - 1), fence, self.header_at(position))


def read_outline(text: str, layout: Layout, state: OutlineState) -> Outline:
    """The outline of a text that `state` precedes."""
    outline = Outline(state)
    if layout == "rows":
        outline.blocks = list(_find_rows(text, state))
    elif layout == "code":
        outline.units = [match.end() for match in _DEFINITION.finditer(text)]
    else:
        fences = list(_find_fences(text, state.fence))
        outline.blocks = sorted([*fences, *_find_tables(text, state.header, fences)], key=lambda one: one.start)
        outline.headings = list(_find_headings(text, state, outline))
        outline.units = [heading.start for heading in outline.headings]
    return outline


def _find_rows(text: str, state: OutlineState) -> Iterator[Block]:
    if state.header:
        yield Block(0, len(text), state.header)
    elif (end := text.find("\n") + 1) and text[:end].strip():
        yield Block(0, len(text), text[: end - 1], end)


def _find_fences(text: str, fence: str) -> Iterator[Block]:
    start = 0
    for match in sorted((match for one in _FENCES for match in one.finditer(text)), key=re.Match.start):
        line = text.rfind("\n", 0, match.start()) + 1
        if text[line : match.start()].strip(" "):
            continue
        if not fence:
            start, fence = line, match[1]
        elif match[1].startswith(fence) and not match[2].strip():
            yield Block(start, match.end(), fence=fence)
            fence = ""
    if fence:
        yield Block(start, len(text), fence=fence)


def _find_tables(text: str, header: str, fences: list[Block]) -> Iterator[Block]:
    """Runs of lines with bars: Markdown tables, and rows of cells between ` | ` as readers write them."""
    inside = Outline(OutlineState(), blocks=fences)
    for start, end in _find_barred_lines(text):
        if inside.block_at(start) is not None:
            continue
        if header and start == 0:
            yield Block(0, end, header)
            continue
        lines = text[start:end].split("\n", 3)
        if len(lines) > 2 and _RULE.fullmatch(lines[1]):
            named = f"{lines[0]}\n{lines[1]}"
            yield Block(start, end, named, start + len(named) + 1)
        elif len(lines) > 2 and lines[2] and all(" | " in line for line in lines[:2]):
            yield Block(start, end, lines[0], start + len(lines[0]) + 1)


def _find_barred_lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each run of lines that contain a bar."""
    start = end = -1
    for match in _BAR.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        if line != end:
            if end > 0:
                yield start, end
            start = line
        end = match.end()
    if end > 0:
        yield start, end


def _find_headings(text: str, state: OutlineState, outline: Outline) -> Iterator[Heading]:
    path = state.path
    for start, end, level, title in sorted([*_marked_titles(text), *_underlined_titles(text)]):
        if outline.block_at(start) is None:
            plain = _TITLE_MARKUP.sub("", title).strip()[:_MAX_TITLE]
            path = (*(one for one in path if one[0] < level), (level, plain))
            yield Heading(start, end, path)


def _marked_titles(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Start, end, level and title of lines that begin with `#`."""
    first = _MARKED.match(f"\n{text[:_MAX_LINE]}") if text.startswith("#") else None
    if first is not None:
        yield 0, _skip_line_ends(text, first.end() - 1), len(first[1]), first[2]
    for match in _MARKED.finditer(text):
        yield match.start(1), _skip_line_ends(text, match.end()), len(match[1]), match[2]


def _skip_line_ends(text: str, position: int) -> int:
    match = _LINE_ENDS.match(text, position)
    return match.end() if match is not None else position


def _underlined_titles(text: str) -> Iterator[tuple[int, int, int, str]]:
    """The same of lines above `===` or `---`, with nothing right above them."""
    for level, underline in enumerate(_UNDERLINES, 1):
        for match in underline.finditer(text):
            title = _UNDERLINED.search(text, max(0, match.start() - _MAX_LINE), match.start())
            if title is not None:
                yield title.start(1), match.end(), level, title[1]
