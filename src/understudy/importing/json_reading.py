"""Reads JSON documents and JSON Lines. Knows where a line ends, and no object."""

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from understudy.importing.found import Item, Parents, Place, Refused
from understudy.importing.json_events import parse_events, read_chunks
from understudy.importing.limits import Limits
from understudy.importing.streams import DamagedStream, iter_lines
from understudy.importing.walker import COLLECTIONS, ObjectWalker, to_object

_COLLECTION_NAMES: Final = frozenset(COLLECTIONS)
_BLANKS: Final = b" \t\r\n\x0c\x1e"


class JsonReader:
    """Reads one entry. `numbers` numbers the lists of the whole input, `parents` come from the entry's name."""

    def __init__(self, place: Place, parents: Parents, limits: Limits, numbers: Iterator[int]) -> None:
        self._place = place
        self._parents = parents
        self._limits = limits
        self._numbers = numbers
        self._line_list = next(numbers)

    def read(self, stream: io.BufferedReader, *, has_lines: bool) -> Iterator[Item]:
        """The objects. A document is streamed; of JSON Lines each line is read by itself, also after a bad one.

        `has_lines`: the name of the entry is that of JSON Lines.
        """
        if has_lines:
            yield from self._read_lines(iter_lines(stream, self._limits.object_bytes))
            return
        first = stream.readline(self._limits.object_bytes)
        if self._is_whole_line(first, _peek(stream)):
            yield from self._read_lines(chain([first], iter_lines(stream, self._limits.object_bytes)))
        else:
            chunks = chain(read_chunks(io.BytesIO(first)), read_chunks(stream))
            yield from self._walker(chunks, self._place).walk()

    def _is_whole_line(self, line: bytes, following: bytes) -> bool:
        """Whether a first line is a value, or looks like a damaged one and another value follows."""
        text = line.strip(_BLANKS)
        if len(line) == self._limits.object_bytes and not line.endswith(b"\n"):
            return False
        try:
            msgspec.json.decode(text)
        except (ValueError, RecursionError):
            is_closed = text[:1] + text[-1:] in {b"{}", b"[]"}
            return not text or (is_closed and following.lstrip(_BLANKS)[:1] in b"{[")
        return True

    def _read_lines(self, lines: Iterable[bytes | None]) -> Iterator[Item]:
        for number, line in enumerate(lines, 1):
            place = Place(self._place.entry, number)
            if line is None:
                yield Refused(place, f"The line is longer than {self._limits.object_bytes} bytes.")
            elif text := line.strip(_BLANKS):
                yield from self._read_line(text, place, number)

    def _read_line(self, line: bytes, place: Place, index: int) -> Iterator[Item]:
        members = self._decode_object(line)
        found = members and to_object(members, None, place, self._parents, self._line_list, index)
        if found:
            yield found
        else:
            yield from self._walker(read_chunks(io.BytesIO(line)), place).walk(self._line_list, index)

    def _decode_object(self, line: bytes) -> dict[str, Any] | None:
        """A dict with nothing nested that is an object of its own; None if the line needs the walker."""
        if line.count(b"[") + line.count(b"{") > self._limits.depth:
            return None
        try:
            members = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(members, dict):
            return None
        if _COLLECTION_NAMES.isdisjoint(members):
            return members
        nested = any(isinstance(members[name], (dict, list)) for name in _COLLECTION_NAMES & members.keys())
        return None if nested else members

    def _walker(self, chunks: Iterable[bytes], place: Place) -> ObjectWalker:
        events = parse_events(chunks, self._limits.object_bytes)
        return ObjectWalker(events, place, self._parents, self._limits, self._numbers)


def _peek(stream: io.BufferedReader) -> bytes:
    """What follows, as far as it is known; a fault there is reported when it is read."""
    try:
        return stream.peek(1)
    except DamagedStream:
        return b""
