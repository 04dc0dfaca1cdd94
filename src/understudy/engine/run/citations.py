"""Parses references in a model's streamed text: citation marks of passages, and paths of files created by code.

A mark of a known passage becomes a citation in its canonical form; an invented mark is removed. Text that may become a
reference is buffered until that is decided. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from understudy.tools.file_search import Passage
from understudy.tools.web_search import WebSource

_CITATION_MARK: Final = re.compile(
    "\u3010(?:(?P<turn>\\d{1,4}):)?(?P<index>\\d{1,4})(?:\u2020(?P<name>[^\u3010\u3011\\n]{0,300}))?\u3011"
)
_PARTIAL_MARK: Final = re.compile("\u3010(?:\\d{0,4}:)?(?:\\d{0,4}|\\d{1,4}\u2020[^\u3010\u3011\\n]{0,300})\\Z")
_REFERENCE_START: Final = re.compile("\u3010|sandbox:/")
_SANDBOX_PREFIX: Final = "sandbox:/"


@dataclass(frozen=True, slots=True)
class Reference:
    """A part of the text that points at a file, or at a page of the web.

    `start` and `end` count code points, the end exclusive.
    """

    text: str
    start: int
    end: int
    file_id: str = ""
    filename: str = ""
    passage: Passage | WebSource | None = None
    """What a mark cites; None for a path."""


class Sources(Struct, frozen=True):
    """The valid references: passages by the turn and the number in their marks, files by their path."""

    passages: Mapping[tuple[int, int], Passage | WebSource] = {}
    paths: Mapping[str, str] = {}


class CitationParser:
    """One streamed text. Every method returns the text that can be sent now: plain text, and references in it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._paths = {f"sandbox:{path}": file_id for path, file_id in sources.paths.items()}
        self._buffered = ""
        self._position = 0
        self._ends_blank = True

    def feed(self, text: str) -> list[str | Reference]:
        text = self._buffered + text
        self._buffered = ""
        return list(self._parse(text, last=False))

    def flush(self) -> list[str | Reference]:
        """The buffered text, at the end of the text."""
        text, self._buffered = self._buffered, ""
        return list(self._parse(text, last=True))

    def _parse(self, text: str, *, last: bool) -> Iterator[str | Reference]:
        plain = 0  # start of the text that is not sent yet
        at = 0
        while (start := self._next_start(text, at, last=last)) is not None:
            reference = (
                self._parse_mark(text, start) if text[start] == "\u3010" else self._parse_path(text, start, last=last)
            )
            if isinstance(reference, _ParsedReference):
                yield from self._emit_text(text[plain:start])
                yield from self._emit_reference(reference)
                plain = at = start + reference.length
            elif reference == "open" and not last:
                yield from self._emit_text(text[plain:start])
                self._buffered = text[start:]
                return
            else:
                at = start + 1
        yield from self._emit_text(text[plain:])

    def _next_start(self, text: str, at: int, *, last: bool) -> int | None:
        """The position of the next possible reference; the end of the text may cut a path."""
        match = _REFERENCE_START.search(text, at)
        if match is not None:
            return match.start()
        if last or not self._paths:
            return None
        longest = min(len(_SANDBOX_PREFIX) - 1, len(text) - at)
        return next(
            (len(text) - size for size in range(longest, 0, -1) if _SANDBOX_PREFIX.startswith(text[-size:])), None
        )

    def _parse_mark(self, text: str, start: int) -> "_ParsedReference | _Incomplete":
        match = _CITATION_MARK.match(text, start)
        if match is None:
            return "open" if _PARTIAL_MARK.match(text, start) else None
        if match["name"] is None and match["turn"] is None:
            return None  # a number in such brackets is ordinary writing in some languages
        passage = self._find_passage(match)
        if passage is None:
            return _ParsedReference(len(match[0]))
        if isinstance(passage, WebSource):
            return _ParsedReference(len(match[0]), passage.link, passage=passage)
        return _ParsedReference(len(match[0]), passage.mark, passage.file_id, passage.filename, passage)

    def _find_passage(self, match: re.Match[str]) -> Passage | WebSource | None:
        """By number if the name matches, otherwise by a name that is unique."""
        passages, name = self._sources.passages, match["name"]
        if match["turn"] is not None:
            passage = passages.get((int(match["turn"]), int(match["index"])))
            if passage is not None and name in {None, "", "source", passage.name}:
                return passage
        named = [passage for passage in passages.values() if passage.name == name]
        return named[0] if len({_target(passage) for passage in named}) == 1 else None

    def _parse_path(self, text: str, start: int, *, last: bool) -> "_ParsedReference | _Incomplete":
        rest = text[start:]
        if not last and any(len(path) > len(rest) and path.startswith(rest) for path in self._paths):
            return "open"
        path = max((path for path in self._paths if rest.startswith(path)), key=len, default=None)
        return None if path is None else _ParsedReference(len(path), path, self._paths[path], path.rpartition("/")[2])

    def _emit_text(self, text: str) -> Iterator[str]:
        if text:
            self._position += len(text)
            self._ends_blank = text[-1].isspace()
            yield text

    def _emit_reference(self, reference: "_ParsedReference") -> Iterator[str | Reference]:
        if isinstance(reference.passage, WebSource) and not self._ends_blank:
            # A mark stands right after its sentence; a link there is words.
            yield from self._emit_text(" ")
        if reference.text:
            start = self._position
            self._position += len(reference.text)
            self._ends_blank = False
            yield Reference(
                reference.text, start, self._position, reference.file_id, reference.filename, reference.passage
            )


def _target(passage: Passage | WebSource) -> str:
    return passage.url if isinstance(passage, WebSource) else passage.file_id


@dataclass(frozen=True, slots=True)
class _ParsedReference:
    """A reference of `length` characters in the model's text; an invented one is removed."""

    length: int
    text: str = ""
    file_id: str = ""
    filename: str = ""
    passage: Passage | WebSource | None = None


# None: not a reference; "open": undecided until more text arrives.
_Incomplete = Literal["open"] | None
