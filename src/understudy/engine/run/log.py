"""The event log of one run: append, replay after a number, wait. Bounded in memory. `logs` has all of a process.

A log has numbered events. Their frames are encoded once for all readers that follow closely, by the encoder that the
log was made with; old deltas are merged, so that a long text costs its length and not its number of tokens.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Protocol, Self

import msgspec

from understudy.engine.run.event_numbers import (
    EVENTS_PER_EPOCH,
    FIRST_EVENTS,
    FIRST_REPLAYED,
    epoch_of,
    is_takeover,
    resume_position,
)
from understudy.engine.run.events import Event, RunEnded, RunQueued, RunRestored, RunStarted, TextDelta
from understudy.engine.run.log_entries import LogEntry, join_texts, merge_deltas

# A reader that is further behind is served from the merged events; they are merged in chunks of at least this size.
_MAX_RECENT_EVENTS = 512
_MERGE_CHUNK = 32
_FEW_ENTRIES = 12
"""So few entries are not merged: that would take longer than it makes them smaller."""

_number_of = attrgetter("number")


class Encoder(Protocol):
    """Encodes the events of one log, in their order."""

    def encode(self, event: Event, merged: int = 0) -> tuple[bytes, ...]:
        """The frames of the event in streams, empty if it has none; `merged` deltas were merged into it."""

    def encode_texts(self, texts: Sequence[str]) -> bytes:
        """The joined frames of deltas that continue the open text; empty where none is open."""


class LogReader:
    """One reader of a log, at its own pace. Reads inside a `with` block.

    `notify` is called synchronously for each event that is appended, and when the log is closed.
    """

    __slots__ = ("_log", "_numbered", "_skip", "applied", "encoder", "notify", "position")

    def __init__(self, log: "RunLog", after: int, *, numbered: bool, skip: int = 0) -> None:
        self._log = log
        self._skip = skip
        self._numbered = numbered
        self.position = after
        self.notify: Callable[[], None] | None = None
        # The encoder of its last replay, and the last event of that.
        self.encoder: Encoder | None = None
        self.applied = 0

    @property
    def is_at_end(self) -> bool:
        """Whether every event was read, and the log is closed."""
        return self._log.closed and self.position >= self._log.length

    def read(self) -> bytes:
        """The frames of all unread events, joined; empty where streams show nothing of these."""
        log, position = self._log, self.position
        if position >= log.length:
            return b""
        if self._numbered or self._skip:
            return self._read_divided()
        latest = log.latest
        if latest is not None and latest.first == position + 1:
            # Nearly every read is of what was just appended.
            frames: Sequence[bytes] = latest.frames
        else:
            frames = log.unread_frames(self)
        self.position = log.length
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _read_divided(self) -> bytes:
        """Looks at each event."""
        unread = self._log.unread_events(self)
        self.position = self._log.length
        if self._numbered:
            return b"".join([_add_event_id(frames, number) for number, frames in unread if frames])
        joined = [frame for _, frames in unread for frame in frames]
        skip, self._skip = self._skip, max(0, self._skip - len(joined))
        return b"".join(joined[skip:])

    def __enter__(self) -> Self:
        self._log.followers.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.notify = None
        self._log.followers.remove(self)


class RunLog:
    """The events of one run, numbered from 1. `new_encoder` makes an encoder for each replay.

    `length` is the number of the last event. Numbers are consecutive within an epoch, and jump with a new one.
    """

    __slots__ = (
        "__weakref__",
        "_merge_at",
        "_merged",
        "_recent",
        "closed",
        "epoch",
        "first_resumable",
        "followers",
        "is_followable",
        "is_handed_over",
        "is_remote",
        "is_resumable",
        "length",
        "new_encoder",
        "outlined",
    )

    def __init__(self, new_encoder: Callable[[], Encoder]) -> None:
        self.new_encoder = new_encoder
        self.length = 0
        self.closed = False
        self.is_handed_over = False
        self.epoch = 1
        self.is_remote = False
        """Whether another process executes the run."""
        self.first_resumable = 0
        """Earlier owners may have dropped what a client with fewer events has open; see `views/resumption.py`."""
        self.outlined: int | None = None
        """The last event in the stored outline of a response's stream, if an owner has died over the response."""
        self.is_followable = True
        """Whether clients may follow the run by its id; else only the request that has created it does."""
        self.is_resumable = False
        """Whether clients have, or may have, numbers with which they resume after a crash."""
        self._merged: list[LogEntry] = []
        self._recent: list[LogEntry] = []
        self._merge_at = _MERGE_CHUNK
        self.followers: list[LogReader] = []

    @property
    def last_event(self) -> Event | None:
        entries = self._recent or self._merged
        return entries[-1].event if entries else None

    @property
    def has_ended(self) -> bool:
        return isinstance(self.last_event, RunEnded)

    @property
    def has_beginning(self) -> bool:
        """Whether it has events, and all that an owner has rebuilt of the run, if it begins with such events.

        Where these end decides where a reader resumes who has other numbers.
        """
        first = next(self.entries(), None)
        if first is None or first.first <= EVENTS_PER_EPOCH:
            return first is not None
        return any(is_takeover(entry.event) for entry in self.entries())

    @property
    def latest(self) -> LogEntry | None:
        """The last entry; None where it was merged."""
        return self._recent[-1] if self._recent else None

    async def wait_beginning(self) -> None:
        """Waits until a copy of another node's log has its beginning, or is closed.

        A reader of an empty copy would get the rebuilt beginning, whatever number it resumes after.
        """
        changed = asyncio.Event()
        with self.reader() as reader:
            reader.notify = changed.set
            while self.is_remote and not (self.has_beginning or self.closed):
                changed.clear()
                await changed.wait()

    def begin_epoch(self, epoch: int) -> None:
        """Makes the next event the first of the epoch: of two owners of a run, none uses a number of the other's."""
        self.epoch = epoch
        self.length = max(self.length, (epoch - 1) * EVENTS_PER_EPOCH)

    def begin_replay(self, epoch: int) -> None:
        """Makes the next event the first of a replay of what is stored: its numbers are of no owner's event."""
        self.epoch = epoch
        self.length = (epoch - 1) * EVENTS_PER_EPOCH + FIRST_REPLAYED

    def append(self, event: Event, frames: tuple[bytes, ...]) -> None:
        """Appends an event with its frames, and notifies the readers."""
        self.length = number = self.length + 1
        self._recent.append(LogEntry(number, event, number, frames))
        if number >= self._merge_at:
            self._merge_read_events()
        for follower in self.followers:
            if follower.notify is not None:
                follower.notify()

    def append_texts(self, texts: Sequence[str], frames: bytes) -> None:
        """Appends deltas of one text, whose frames are joined, one each, and notifies the readers once."""
        entry = join_texts(texts, self.length + 1, frames)
        self.length = entry.number
        self._recent.append(entry)
        if entry.number >= self._merge_at:
            self._merge_read_events()
        self._notify_followers()

    def append_entry(self, entry: LogEntry, frames: tuple[bytes, ...]) -> None:
        """Appends an entry of the same log in another process."""
        self.epoch = epoch_of(entry.number)
        if entry.ends is None:
            self.length = entry.number - 1
            self.append(entry.event, frames)
            return
        self.compact()
        self._merged.append(entry)
        self.length = entry.number
        self._notify_followers()

    def set_takeover(self, entry: LogEntry) -> None:
        """Notes after which events clients resume at an entry that is a takeover, if the log before it is rebuilt."""
        first = next(self.entries(), entry)
        if isinstance(entry.event, RunRestored) and epoch_of(first.first) == epoch_of(entry.number):
            self.first_resumable = max(self.first_resumable, entry.event.resumable_from)

    def append_divided(self, entry: LogEntry, encoder: Encoder) -> None:
        """Appends the deltas of an entry of the same log in another process, each as an event of its own."""
        self.epoch = epoch_of(entry.number)
        self.length = entry.first - 1
        texts = entry.texts()
        if type(entry.event) is TextDelta:
            frames = encoder.encode_texts(texts)
            if not frames:
                # The first one opens the text.
                opening, *texts = texts
                self.append(TextDelta(opening), encoder.encode(TextDelta(opening)))
                frames = encoder.encode_texts(texts) if texts else b""
            if frames:
                self.append_texts(texts, frames)
                return
        for text in texts:
            delta = msgspec.structs.replace(entry.event, text=text)
            self.append(delta, encoder.encode(delta))

    def close(self, *, is_handed_over: bool = False) -> None:
        """Ends the streams: the run ended or requires action, or with `is_handed_over` another server continues it."""
        self.closed = True
        self.is_handed_over = is_handed_over
        self._notify_followers()

    def reopen(self) -> None:
        self.closed = False

    def compact(self) -> None:
        """Merges the deltas of a finished log, and drops its frames."""
        if self._recent:
            self._merge(len(self._recent))

    def reader(self, after: int = 0, *, numbered: bool = False, skip: int = 0) -> LogReader:
        """A reader of the events after number `after`, without the first `skip` of their frames.

        With `numbered` the last frame of each event has the event's number as its `id`.
        """
        position = self._rebuilt_position(after) or self.position_after(after)
        return LogReader(self, position, numbered=numbered, skip=skip)

    def position_after(self, number: int) -> int:
        """The position from which a copy continues that has the events up to `number`: see `resume_position`."""
        return resume_position(self._merged or self._recent, number, self.entries())

    def _rebuilt_position(self, number: int) -> int:
        """The position of a reader who has only the first events of the lost log of a run; 0 for another one.

        The rebuilt log has these as well. What is rebuilt of the others is new to the reader, who knows no object that
        the next owner ends.
        """
        log = self._merged or self._recent
        if not 0 < number <= FIRST_EVENTS or not log or log[0].first <= EVENTS_PER_EPOCH:
            return 0
        last = next(islice(self.entries(), number - 1, None), None)
        return last.number if last is not None and type(last.event) is (RunQueued, RunStarted)[number - 1] else 0

    async def follow(self, after: int = 0, *, numbered: bool = False, skip: int = 0) -> AsyncGenerator[bytes, None]:
        """The frames of the events after number `after`, as they come, until the log is closed."""
        news = asyncio.Event()
        with self.reader(after, numbered=numbered, skip=skip) as follower:
            follower.notify = news.set
            while not follower.is_at_end:
                news.clear()
                if frames := follower.read():
                    yield frames
                elif not follower.is_at_end:
                    await news.wait()

    def entries(self) -> Iterator[LogEntry]:
        """All events from the first one, with old deltas merged."""
        yield from self._merged
        yield from self._recent

    def entries_after(self, number: int) -> list[LogEntry]:
        """The events after that number, an entry each, with old deltas merged."""
        number = self.position_after(number)
        entries: list[LogEntry] = []
        if self._merged and number < self._merged[-1].number:
            entries += [entry.tail(number) for entry in self._merged if entry.number > number]
        for entry in self._recent[bisect_right(self._recent, number, key=_number_of) :]:
            entries += entry.divide(number)
        return entries

    def merged_after(self, number: int) -> list[LogEntry]:
        """The events after the number up to which a reader has read, neighbouring deltas of one text as one entry."""
        if self._merged and number < self._merged[-1].number:
            return merge_deltas([entry.tail(number) for entry in self.entries() if entry.number > number])
        entries = self._recent[bisect_right(self._recent, number, key=_number_of) :]
        return merge_deltas([entries[0].tail(number), *entries[1:]]) if entries else []

    def _notify_followers(self) -> None:
        for follower in self.followers:
            if follower.notify is not None:
                follower.notify()

    def unread_frames(self, follower: LogReader) -> list[bytes]:
        """The frames of the events that the follower has not read."""
        recent, position = self._recent, follower.position
        if self._merged and position < self._merged[-1].number:
            unread = self._replay(follower)
        else:
            entries = recent[bisect_right(recent, position, key=_number_of) :]
            if not entries or entries[0].first > position:
                return [frame for entry in entries for frame in entry.frames]
            unread = _divide(entries, position)
        return [frame for _, frames in unread for frame in frames]

    def unread_events(self, follower: LogReader) -> list[tuple[int, tuple[bytes, ...]]]:
        """The numbers and the frames of the events that the follower has not read."""
        recent, position = self._recent, follower.position
        if self._merged and position < self._merged[-1].number:
            return self._replay(follower)
        return _divide(recent[bisect_right(recent, position, key=_number_of) :], position)

    def _replay(self, follower: LogReader) -> list[tuple[int, tuple[bytes, ...]]]:
        """The unread events of the follower, encoded again; continues where its last replay ended."""
        encoder = follower.encoder = follower.encoder or self.new_encoder()
        applied, after = follower.applied, follower.position
        replayed = []
        # What is not merged yet is replayed as it was sent.
        recent = (one for entry in self._recent for one in entry.divide(0))
        for entry in (*self._merged, *recent):
            if entry.number <= applied:
                continue
            last = max(applied, entry.first - 1)
            for number, event in entry.parts(applied, after):
                frames = encoder.encode(event, number - last - 1)
                last = number
                if number > after:
                    replayed.append((number, frames))
        follower.applied = self.length
        return replayed

    def _merge_read_events(self) -> None:
        """Merges what every follower has read, and what is too old to wait for the slow ones."""
        recent = self._recent
        read = min([follower.position for follower in self.followers], default=self.length)
        count = bisect_right(recent, max(read, self.length - _MAX_RECENT_EVENTS), key=_number_of)
        if count and recent[count - 1].number - recent[0].first + 1 >= _MERGE_CHUNK:
            self._merge(count)
        self._merge_at = self.length + _MERGE_CHUNK

    def _merge(self, count: int) -> None:
        """Moves the oldest `count` entries out of what is kept ready, neighbouring deltas of one epoch as one."""
        entries = self._recent[:count]
        del self._recent[:count]
        for entry in entries:
            entry.frames = ()
        self._merged += entries if len(entries) <= _FEW_ENTRIES else merge_deltas(entries)


def _divide(entries: Sequence[LogEntry], after: int) -> list[tuple[int, tuple[bytes, ...]]]:
    return [event for entry in entries for event in entry.divide_frames(after)]


def _add_event_id(frames: tuple[bytes, ...], number: int) -> bytes:
    """The id is that of the last frame: a reader that has the number has the whole event."""
    return b"".join((*frames[:-1], b"id: %d\n" % number, frames[-1]))
