"""The event logs of the runs that this process works on: append, replay after N, wait. Bounded in memory.

A log keeps numbered events. The frames that streams show of them are made once and shared by all who follow closely;
old deltas are merged, so a long text costs its length and not its number of tokens. A finished log is kept for a while.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from understudy.clock import Clock
from understudy.engine.events import ArgumentsDelta, Event, RefusalDelta, TextDelta
from understudy.engine.run_view import RunView

_RECENT = 512
_MERGE = 256
# However long finished logs are to be kept, no more than this many are.
_KEPT = 2000


@dataclass(slots=True)
class Entry:
    """One event, or the deltas `first` to `number` of one text merged; `ends` says where in the text each ended."""

    number: int
    event: Event
    first: int
    frames: bytes = b""
    ends: "array[int] | None" = None

    def since(self, after: int) -> Iterator[tuple[int, Event]]:
        """The entry's events for one who knows the events up to `after`: a merged text is cut there."""
        if self.ends is None or not self.first <= after < self.number:
            yield self.number, self.event
            return
        cut = self.ends[after - self.first]
        text: str = self.event.text  # type: ignore[attr-defined]  # only deltas are merged
        yield after, msgspec.structs.replace(self.event, text=text[:cut])
        yield self.number, msgspec.structs.replace(self.event, text=text[cut:])


class RunLog:
    """The events of one run, numbered from 1."""

    def __init__(self) -> None:
        self.length = 0
        self.closed = False
        self.handed_back = False
        self._merged: list[Entry] = []
        self._recent: deque[Entry] = deque()
        self._waiters: set[asyncio.Future[None]] = set()

    def append(self, event: Event, frames: bytes) -> None:
        """Adds an event, with what the live view shows of it, and wakes whoever waits."""
        self.length += 1
        self._recent.append(Entry(self.length, event, self.length, frames))
        if len(self._recent) >= _RECENT + _MERGE:
            self._merge(_MERGE)
        if self._waiters:
            self._wake()

    def close(self, *, handed_back: bool = False) -> None:
        """Says that nothing follows here for now: the run ended or waits for its client, or goes on elsewhere."""
        self.closed = True
        self.handed_back = handed_back
        self._wake()

    def reopen(self) -> None:
        self.closed = False

    def compact(self) -> None:
        """Keeps of a finished log only what a replay needs."""
        if self._recent:
            self._merge(len(self._recent))

    async def follow(self, after: int = 0, *, numbered: bool = False) -> AsyncGenerator[bytes, None]:
        """The frames of the events after number `after`, as they come, until the log is closed.

        Frames that are there at the same time come joined. One who falls behind what is kept ready is served from the
        events themselves. With `numbered` the last frame of each event carries the event's number as its `id`.
        """
        position = after
        while True:
            if position < self.length:
                frames = self._frames(position, numbered)
                position = self.length
                if frames:
                    yield frames
            elif self.closed:
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _frames(self, after: int, numbered: bool) -> bytes:
        shown = self._ready(after) if self._recent and self._recent[0].number <= after + 1 else self._replay(after)
        if numbered:
            return b"".join(_number(frames, number) for number, frames in shown if frames)
        return b"".join([frames for _, frames in shown])

    def _ready(self, after: int) -> list[tuple[int, bytes]]:
        wanted = range(after - self.length, 0)
        return [(self._recent[index].number, self._recent[index].frames) for index in wanted]

    def _replay(self, after: int) -> list[tuple[int, bytes]]:
        view = RunView()
        shown = []
        for entry in (*self._merged, *self._recent):
            for number, event in entry.since(after):
                frames = view.apply(event)
                if number > after:
                    shown.append((number, frames))
        return shown

    def _merge(self, count: int) -> None:
        """Moves the oldest `count` events out of what is kept ready, neighbouring deltas as one."""
        group: list[Entry] = []
        for _ in range(count):
            entry = self._recent.popleft()
            if group and _text_key(group[0].event) != _text_key(entry.event):
                self._merged.append(_join(group))
                group = []
            group.append(entry)
        self._merged.append(_join(group))


def _number(frames: bytes, number: int) -> bytes:
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


def _join(group: list[Entry]) -> Entry:
    if len(group) == 1:
        return Entry(group[0].number, group[0].event, group[0].first)
    texts = [entry.event.text for entry in group]  # type: ignore[attr-defined]  # only deltas share a key
    ends = array("L", accumulate(len(text) for text in texts))
    event = msgspec.structs.replace(group[0].event, text="".join(texts))
    return Entry(group[-1].number, event, group[0].first, ends=ends)


class Logs:
    """The logs of this process by run id."""

    def __init__(self, clock: Clock, retention: float) -> None:
        self._clock = clock
        self._retention = retention
        self._logs: dict[str, RunLog] = {}
        self._finished: deque[tuple[float, str]] = deque()

    def get(self, run_id: str) -> RunLog | None:
        return self._logs.get(run_id)

    def create(self, run_id: str) -> RunLog:
        log = self._logs[run_id] = RunLog()
        return log

    def finish(self, run_id: str) -> None:
        """The run has ended: its log shrinks once its followers have read it, and goes when the retention is over."""
        self._finished.append((self._clock.now() + self._retention, run_id))
        asyncio.get_running_loop().call_soon(self._logs[run_id].compact)
        self.prune()

    def prune(self) -> None:
        now = self._clock.now()
        while self._finished and (self._finished[0][0] <= now or len(self._finished) > _KEPT):
            self._logs.pop(self._finished.popleft()[1], None)

    def discard(self, run_id: str) -> None:
        """Forgets a log whose run goes on elsewhere."""
        log = self._logs.pop(run_id, None)
        if log is not None:
            log.close(handed_back=True)
