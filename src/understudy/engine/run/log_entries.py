"""The entries of a run's log: one event each, or neighbouring deltas of one text merged. Pure."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Final

import msgspec

from understudy.engine.run.events import ArgumentsDelta, Event, ReasoningDelta, RefusalDelta, TextDelta

_ends_of = attrgetter("ends")
_FRAME_END: Final = b"\n\n"


class LogEntry(msgspec.Struct, gc=False):
    """One event, or the deltas `first` to `number` of one text merged; `ends` says where in the text each ended.

    `frames` are those of the event. Deltas that were appended together have one frame each, which are joined.
    """

    number: int
    event: Event
    first: int
    frames: tuple[bytes, ...] = ()
    ends: "array[int] | None" = None

    def parts(self, applied: int, after: int) -> Iterator[tuple[int, Event]]:
        """What follows the event `applied`, with a cut after the event `after`: a merged text is divided there."""
        if self.ends is None:
            yield self.number, self.event
            return
        text: str = self.event.text  # type: ignore[attr-defined]  # only deltas are merged
        start = self._end_offset(applied)
        if applied < after and self.first <= after < self.number:
            cut = self._end_offset(after)
            yield after, msgspec.structs.replace(self.event, text=text[start:cut])
            start = cut
        yield self.number, msgspec.structs.replace(self.event, text=text[start:])

    def tail(self, after: int) -> "LogEntry":
        """What follows the event with that number."""
        if self.ends is None or after < self.first:
            return self
        start, text = self._end_offset(after), self.event.text  # type: ignore[attr-defined]  # only deltas are merged
        event = msgspec.structs.replace(self.event, text=text[start:])
        ends = array("I", [end - start for end in self.ends[after + 1 - self.first :]])
        return LogEntry(self.number, event, after + 1, ends=ends)

    def divide(self, after: int) -> "Iterator[LogEntry]":
        """The events after the event `after`, an entry each, without their frames."""
        if self.ends is None:
            yield self
            return
        text: str = self.event.text  # type: ignore[attr-defined]  # only deltas are merged
        start = 0
        for number, end in enumerate(self.ends, self.first):
            if number > after:
                yield LogEntry(number, msgspec.structs.replace(self.event, text=text[start:end]), number)
            start = end

    def divide_frames(self, after: int) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        """The events after the event `after` by their numbers, with the frames of each."""
        if self.ends is None:
            yield self.number, self.frames
            return
        for number, frame in enumerate(self.frames[0].split(_FRAME_END)[:-1], self.first):
            if number > after:
                yield number, (frame + _FRAME_END,)

    def texts(self) -> list[str]:
        """Those of the deltas that were merged."""
        assert self.ends is not None
        text: str = self.event.text  # type: ignore[attr-defined]  # only deltas are merged
        return [text[start:end] for start, end in zip((0, *self.ends), self.ends, strict=False)]

    @property
    def is_merged(self) -> bool:
        return self.number > self.first

    def halves(self) -> "tuple[LogEntry, LogEntry]":
        """Merged deltas as two entries."""
        assert self.ends is not None
        last = (self.first + self.number) // 2
        text: str = self.event.text[: self._end_offset(last)]  # type: ignore[attr-defined]  # only deltas are merged
        event = msgspec.structs.replace(self.event, text=text)
        return LogEntry(last, event, self.first, ends=self.ends[: last + 1 - self.first]), self.tail(last)

    def _end_offset(self, number: int) -> int:
        """Where in the text the event of that number ends; 0 for one before it."""
        assert self.ends is not None
        return self.ends[number - self.first] if number >= self.first else 0


def _text_key(event: Event) -> object:
    """Neighbours with the same key are parts of one text; other events have none."""
    kind = type(event)
    if kind is TextDelta or kind is RefusalDelta or kind is ReasoningDelta:
        return kind
    return event.index if isinstance(event, ArgumentsDelta) else None


def merge_deltas(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """The entries with neighbouring deltas of one text as one, which has no frames."""
    merged: list[LogEntry] = []
    group: list[LogEntry] = []
    key: object = None
    for entry in entries:
        entry_key = _text_key(entry.event)
        if group and (entry_key is None or entry_key != key or entry.first != group[-1].number + 1):
            merged.append(_merge_group(group))
            group = []
        if entry_key is None:
            merged.append(entry)
        else:
            key = entry_key
            group.append(entry)
    if group:
        merged.append(_merge_group(group))
    return merged


def join_texts(texts: Sequence[str], first: int, frames: bytes) -> LogEntry:
    """The entry of deltas of one text that are appended together, with their joined frames; `first` is a number."""
    ends = array("I", accumulate(map(len, texts)))
    return LogEntry(first + len(texts) - 1, TextDelta("".join(texts)), first, (frames,), ends)


def _merge_group(group: list[LogEntry]) -> LogEntry:
    first = group[0]
    if len(group) == 1:
        return LogEntry(first.number, first.event, first.first, ends=first.ends)
    texts: list[str] = [entry.event.text for entry in group]  # type: ignore[attr-defined]  # only deltas share a key
    is_merged = any(map(_ends_of, group))
    ends = _join_ends(group, texts) if is_merged else array("I", accumulate(map(len, texts)))
    event = msgspec.structs.replace(first.event, text="".join(texts))
    return LogEntry(group[-1].number, event, first.first, ends=ends)


def _join_ends(group: Sequence[LogEntry], texts: Sequence[str]) -> "array[int]":
    ends, offset = array("I"), 0
    for entry, text in zip(group, texts, strict=True):
        ends.extend([offset + end for end in entry.ends or (len(text),)])
        offset += len(text)
    return ends
