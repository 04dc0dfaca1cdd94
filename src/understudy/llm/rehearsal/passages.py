"""Passages as a search in files shows them: each under its mark. Reads them, and cuts them into units to quote.

A unit is a sentence, a line, a row of a table or a small JSON object, in plain words. What a passage contains is never
taken for a mark: marks count upwards from the first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from understudy.llm.rehearsal import outputs

_MARK = re.compile(r"(?:\A|\n\n)(\u3010(\d{1,4}):(\d{1,4})\u2020([^\u3010\u3011\n]{0,300})\u3011)\n")
_ANY_MARK = re.compile(r"[\u3010\[](?:\d{1,4}:)?\d{1,4}(?:\u2020[^\u3010\u3011\n]{0,300})?\u3011")
_MAX_CHARACTERS = 400_000
_MAX_PASSAGE = 40_000

_OBJECT = re.compile(r"\{[^{}]{2,1200}\}")
_MARKUP = re.compile(r"^[ \t>]*(?:#{1,6}[ \t]+|[-*+\u2022\u00b7][ \t]+|\d{1,3}[.)][ \t]+)?")
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+\S|\*\*[^*]+\*\*:?[ \t]*$)")
_LIST = re.compile(r"^[ \t]*(?:[-*+\u2022\u00b7>|]|\d{1,3}[.)][ \t])")
_EMPHASIS = re.compile(r"\*\*|__|`{1,3}|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
_ANSWER_PREFIX = re.compile(r"^\s*\**A(?:nswer)?\**:\**\s+")
_RULE = re.compile(r"^[ \t|:=+*_-]{3,}$")
_SENTENCE_END = re.compile(r"[.!?:;\u3002\uff01\uff1f|{}\[\]][\"')\]\u201d]?$")
_SENTENCE = re.compile(
    r"(?<!\b[A-Z]\.)(?<!\b(?:Dr|Mr|Ms|St|No|vs|cf|al)\.)(?<!\b(?:Mrs|Inc|Ltd|e\.g|i\.e|etc)\.)"
    r"(?<=[.!?])[\"')\]\u201d]{0,2}\s+(?=[\"'(\[\u201c]?[A-Z0-9\u00c0-\u024f\u0400-\u04ff])"
    r"|(?<=[\u3002\uff01\uff1f])"
)


@dataclass(frozen=True, slots=True)
class Passage:
    mark: str
    filename: str
    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """`context` is what it is about without saying so: the heading over it, the question before it."""

    text: str
    context: str = ""
    before: str = ""
    is_heading: bool = False


def read(shown: str) -> list[Passage]:
    """The passages in their order; none where nothing was found, or where it is no list of passages."""
    shown = shown[:_MAX_CHARACTERS]
    marks: list[re.Match[str]] = []
    for match in _MARK.finditer(shown):
        if not marks or (match[2] == marks[-1][2] and int(match[3]) == int(marks[-1][3]) + 1):
            marks.append(match)
    ends = [*(match.start() for match in marks[1:]), len(shown)]
    return [
        Passage(match[1], match[4], shown[match.end() : min(end, match.end() + _MAX_PASSAGE)])
        for match, end in zip(marks, ends, strict=False)
    ]


def units(text: str) -> Iterator[Unit]:
    """What can be quoted of a passage, in its order."""
    at = 0
    for match in _OBJECT.finditer(text):
        if (said := _render_json_object(match[0])) is not None:
            yield from _prose_units(text[at : match.start()])
            yield Unit(said)
            at = match.end()
    yield from _prose_units(text[at:])


def _render_json_object(text: str) -> str | None:
    """A JSON object in words."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return strip_markup(outputs.describe(value)) if isinstance(value, dict) and value else None


def _prose_units(text: str) -> Iterator[Unit]:
    heading = before = ""
    columns: list[str] = []
    for line in _unwrap_lines(text):
        if line.lstrip().startswith("|"):
            cells = [strip_markup(cell) for cell in line.strip().strip("|").split("|")]
            if columns and not _RULE.match(line) and any(cells):
                yield Unit(_render_row(columns, cells), heading)
            columns = columns or cells
            continue
        columns = []
        if _HEADING.match(line):
            heading, before = strip_markup(line), ""
            yield from [Unit(heading, is_heading=True)] if heading else []
            continue
        for sentence in _split_sentences(strip_markup(_ANSWER_PREFIX.sub("", line) if before.endswith("?") else line)):
            yield Unit(sentence, heading, before)
            before = sentence


def _render_row(columns: list[str], cells: list[str]) -> str:
    """ "Name: Ada, Born: 1815"."""
    if len(columns) != len(cells):
        return ", ".join(cell for cell in cells if cell)
    return ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(columns, cells, strict=True) if cell)


def _unwrap_lines(text: str) -> Iterator[str]:
    """Lines; those of a wrapped paragraph as one."""
    joined: list[str] = []
    for line in text.splitlines():
        if joined and not _continues(joined[-1], line):
            yield " ".join(joined)
            joined = []
        if line.strip():
            joined.append(line.strip() if joined else line.rstrip())
    if joined:
        yield " ".join(joined)


def _continues(before: str, line: str) -> bool:
    bare = line.strip()
    if not bare or len(before) < 40 or _SENTENCE_END.search(before):
        return False
    if _LIST.match(line) or _HEADING.match(before) or before.lstrip().startswith("|"):
        return False
    is_row = before.count(",") == bare.count(",") > 1 or "\t" in bare
    return bare[0].islower() or (len(before) >= 60 and not is_row and ": " not in bare[:30])


def _split_sentences(line: str) -> Iterator[str]:
    for part in _SENTENCE.split(line):
        if part and any(map(str.isalnum, part)):
            yield part.strip()


def strip_markup(text: str) -> str:
    """On one line, without markup at its start, emphasis, links, or anything that reads as a mark."""
    text = _ANY_MARK.sub("", _MARKUP.sub("", text, count=1))
    return " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", text)).split())
