"""The event logs of the runs that this process works on: append, replay after N, wait. Bounded in memory.

A log keeps numbered events. The frames that streams show of them are made once and shared by all who follow closely;
old deltas are merged, so a long text costs its length and not its number of tokens. A finished log is kept for a while.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import accumulate
from typing import Self

import msgspec

from understudy.clock import Clock
from understudy.engine.run.events import ArgumentsDelta, Event, RefusalDelta, TextDelta
from understudy.engine.views.assistants import RunView
from understudy.engine.views.responses import ResponseView

# One who is further behind than `_RECENT` events is served from the merged ones; `_MERGE` at a time are merged.
_MAX_RECENT_EVENTS = 512
_MERGE_CHUNK = 32
# However long finished logs are to be kept, no more than this many are.
_MAX_FINISHED_LOGS = 2000


class LogEntry(msgspec.Struct, gc=False):
    """One event, or the deltas `first` to `number` of one text merged; `ends` says where in the text each ended."""

    number: int
    event: Event
    first: int
    frames: bytes = b""
    ends: "array[int] | None" = None

    def parts(self, applied: int, after: int) -> Iterator[tuple[int, Event]]:
        """What follows the event `applied`, with a cut behind the event `after`: a merged text is divided there."""
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

    def _end_offset(self, number: int) -> int:
        """Where in the text the event of that number ends; 0 for one before it."""
        assert self.ends is not None
        return self.ends[number - self.first] if number >= self.first else 0


View = RunView | ResponseView


class LogReader:
    """One reader of a log, who takes what is there whenever it wants. Reads inside a `with` block.

    `notify` is called each time that something was added or the log was closed, inside of whoever did that.
    """

    __slots__ = ("_log", "_numbered", "applied", "notify", "position", "view")

    def __init__(self, log: "RunLog", after: int, *, numbered: bool) -> None:
        self._log = log
        self._numbered = numbered
        self.position = after
        self.notify: Callable[[], None] | None = None
        # The view of its last replay, and the last event of that.
        self.view: View | None = None
        self.applied = 0

    @property
    def is_at_end(self) -> bool:
        """Nothing is there any more, and nothing follows for now."""
        return self._log.closed and self.position >= self._log.length

    def read(self) -> bytes:
        """The frames of all events that it has not read, joined; empty where these show nothing."""
        log = self._log
        if self.position >= log.length:
            return b""
        frames = log.frames(self, self._numbered)
        self.position = log.length
        return frames

    def __enter__(self) -> Self:
        self._log.followers.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.notify = None
        self._log.followers.remove(self)


class RunLog:
    """The events of one run, numbered from 1. `new_view` makes what their frames are made by."""

    __slots__ = ("_merge_threshold", "_merged", "_new_view", "_recent", "closed", "followers", "handed_back", "length")

    def __init__(self, new_view: Callable[[], View] = RunView) -> None:
        self._new_view = new_view
        self.length = 0
        self.closed = False
        self.handed_back = False
        self._merged: list[LogEntry] = []
        self._recent: list[LogEntry] = []
        self._merge_threshold = _MERGE_CHUNK
        self.followers: list[LogReader] = []

    @property
    def last_event(self) -> Event | None:
        entries = self._recent or self._merged
        return entries[-1].event if entries else None

    def append(self, event: Event, frames: bytes) -> None:
        """Adds an event, with what the live view shows of it, and wakes whoever waits."""
        self.length = number = self.length + 1
        self._recent.append(LogEntry(number, event, number, frames))
        if len(self._recent) >= self._merge_threshold:
            self._merge_read_events()
        self._notify_followers()

    def close(self, *, handed_back: bool = False) -> None:
        """Says that nothing follows here for now: the run ended or waits for its client, or goes on elsewhere."""
        self.closed = True
        self.handed_back = handed_back
        self._notify_followers()

    def reopen(self) -> None:
        self.closed = False

    def compact(self) -> None:
        """Keeps of a finished log only what a replay needs."""
        if self._recent:
            self._merge(len(self._recent))

    def reader(self, after: int = 0, *, numbered: bool = False) -> LogReader:
        """A reader of the events after number `after`.

        One who falls behind what is kept ready is served from the events themselves. With `numbered` the last frame of
        each event carries the event's number as its `id`.
        """
        return LogReader(self, after, numbered=numbered)

    async def follow(self, after: int = 0, *, numbered: bool = False) -> AsyncGenerator[bytes, None]:
        """The frames of the events after number `after`, as they come, until the log is closed."""
        news = asyncio.Event()
        with self.reader(after, numbered=numbered) as follower:
            follower.notify = news.set
            while not follower.is_at_end:
                news.clear()
                if frames := follower.read():
                    yield frames
                elif not follower.is_at_end:
                    await news.wait()

    def position_of(self, sequence: int) -> int:
        """The number of the last event whose frames are all of the numbers up to `sequence`; for responses only."""
        view = self._new_view()
        assert isinstance(view, ResponseView)
        for entry in (*self._merged, *self._recent):
            before = view.sequence
            merged = entry.number - entry.first
            view.skip(merged)
            view.apply(entry.event)
            if view.sequence <= sequence + 1:
                continue
            if merged == 0:
                return entry.number - 1
            # Each delta is one number; what opens its part comes before the first.
            opening = view.sequence - before - merged - 1
            return max(entry.first - 1, entry.first + sequence - before - opening)
        return self.length

    def _notify_followers(self) -> None:
        for follower in self.followers:
            if follower.notify is not None:
                follower.notify()

    def frames(self, follower: LogReader, numbered: bool) -> bytes:
        behind = self.length - follower.position
        if behind > len(self._recent):
            shown = self._replay(follower)
        elif behind == 1 and not numbered:
            return self._recent[-1].frames
        else:
            shown = [(entry.number, entry.frames) for entry in self._recent[-behind:]]
        if numbered:
            return b"".join(_add_event_id(frames, number) for number, frames in shown if frames)
        return b"".join([frames for _, frames in shown])

    def _replay(self, follower: LogReader) -> list[tuple[int, bytes]]:
        """What the follower has not read, of the events; from where its last replay ended, if it had one."""
        view = follower.view = follower.view or self._new_view()
        applied, after = follower.applied, follower.position
        shown = []
        for entry in (*self._merged, *self._recent):
            if entry.number <= applied:
                continue
            told = max(applied, entry.first - 1)
            for number, event in entry.parts(applied, after):
                if isinstance(view, ResponseView):
                    view.skip(number - told - 1)
                    told = number
                frames = view.apply(event)
                if number > after:
                    shown.append((number, frames))
        follower.applied = self.length
        return shown

    def _merge_read_events(self) -> None:
        """Merges what every follower has read, and what is too old to wait for the slow ones."""
        read = min([follower.position for follower in self.followers], default=self.length)
        unread = min(self.length - read, _MAX_RECENT_EVENTS)
        if len(self._recent) - unread >= _MERGE_CHUNK:
            self._merge(len(self._recent) - unread)
        self._merge_threshold = len(self._recent) + _MERGE_CHUNK

    def _merge(self, count: int) -> None:
        """Moves the oldest `count` events out of what is kept ready, neighbouring deltas as one."""
        group: list[LogEntry] = []
        for entry in self._recent[:count]:
            if group and _text_key(group[0].event) != _text_key(entry.event):
                self._merged.append(_merge_entries(group))
                group = []
            group.append(entry)
        self._merged.append(_merge_entries(group))
        del self._recent[:count]
        self._merge_threshold = len(self._recent) + _MERGE_CHUNK


def _add_event_id(frames: bytes, number: int) -> bytes:
    """A reader that has the number has the whole event, so it stands in the last frame."""
    start = frames.rfind(b"\n\nevent: ", 0, len(frames) - 2)
    head, last = (frames[: start + 2], frames[start + 2 :]) if start >= 0 else (b"", frames)
    return head + b"id: %d\n" % number + last


def _text_key(event: Event) -> tuple[str, int]:
    """Neighbours with the same key are parts of one text; an event that is no part of a text has a key of its own."""
    match event:
        case TextDelta():
            return "text", 0
        case RefusalDelta():
            return "refusal", 0
        case ArgumentsDelta():
            return "arguments", event.index
        case _:
            return "event", id(event)


def _merge_entries(group: list[LogEntry]) -> LogEntry:
    if len(group) == 1:
        return LogEntry(group[0].number, group[0].event, group[0].first)
    texts = [entry.event.text for entry in group]  # type: ignore[attr-defined]  # only deltas share a key
    ends = array("I", accumulate(len(text) for text in texts))
    event = msgspec.structs.replace(group[0].event, text="".join(texts))
    return LogEntry(group[-1].number, event, group[0].first, ends=ends)


class Logs:
    """The logs of this process by run id."""

    def __init__(self, clock: Clock, retention: float) -> None:
        self._clock = clock
        self._retention = retention
        self._logs: dict[str, RunLog] = {}
        self._finished: deque[tuple[float, str]] = deque()

    def get(self, run_id: str) -> RunLog | None:
        return self._logs.get(run_id)

    def create(self, run_id: str, new_view: Callable[[], View] = RunView) -> RunLog:
        log = self._logs[run_id] = RunLog(new_view)
        return log

    def finish(self, run_id: str) -> None:
        """The run has ended: its log shrinks once its followers have read it, and goes when the retention is over."""
        self._finished.append((self._clock.now() + self._retention, run_id))
        asyncio.get_running_loop().call_soon(self._logs[run_id].compact)
        self.prune()

    def prune(self) -> None:
        now = self._clock.now()
        while self._finished and (self._finished[0][0] <= now or len(self._finished) > _MAX_FINISHED_LOGS):
            self._logs.pop(self._finished.popleft()[1], None)

    def discard(self, run_id: str) -> None:
        """Forgets a log whose run goes on elsewhere."""
        log = self._logs.pop(run_id, None)
        if log is not None:
            log.close(handed_back=True)
