"""Many streams followed at once, and the gaps between the deltas of each, as their reader sees them.

A gap is the time from one read with deltas to the next of the same stream, so deltas that come together count once:
text that arrives in lumps is not flattered by the pauses of zero within a lump.
"""

import asyncio
import gc
import re
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from benchmarks.http import Request

_LAST_CHUNK = b"0\r\n\r\n"
_OVERLAP = 32
_EVERY = 0.005


@dataclass(frozen=True, slots=True)
class Wanted:
    """`delta` is what a delta holds exactly once, `last` what stands near the end of a whole stream."""

    request: Request
    delta: re.Pattern[bytes]
    last: bytes


@dataclass(slots=True)
class Crowd:
    """What its followers have seen. Gaps, deltas and reads count from `open_window` to `close_window`."""

    wanted: Wanted
    expected: int
    errors: Counter[str] = field(default_factory=Counter)
    gaps: "array[float]" = field(default_factory=lambda: array("d"))
    lateness: "array[float]" = field(default_factory=lambda: array("d"))
    deltas: int = 0
    streaming: int = 0
    watched: bool = False
    _left: set[asyncio.Future[None]] = field(default_factory=set)

    async def join(self, port: int, count: int, per_second: float) -> None:
        """Opens the streams one after another at this rate, so that they are spread over time as users are."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, started + number / per_second - loop.time()))
            await loop.create_connection(self._follower, "127.0.0.1", port)

    def _follower(self) -> "_Follower":
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left.add(ended)
        return _Follower(self, ended)

    async def watch(self, seconds: float) -> float:
        """Takes gaps for that long, and how late this process itself is; the seconds that it really took."""
        loop = asyncio.get_running_loop()
        self.watched = True
        started = due = loop.time()
        while due < started + seconds:
            due = max(due + _EVERY, loop.time())
            await asyncio.sleep(due - loop.time())
            self.lateness.append(max(0.0, loop.time() - due))
        self.watched = False
        return loop.time() - started

    async def leave(self, seconds: float) -> None:
        """Waits for the ends of all streams; those that have none by then are errors."""
        _, open_still = await asyncio.wait(self._left, timeout=seconds)
        self.errors["the stream did not end"] += len(open_still)


class _Follower(asyncio.Protocol):
    def __init__(self, crowd: Crowd, ended: asyncio.Future[None]) -> None:
        self._crowd = crowd
        self._ended = ended
        self._overlap = b""
        self._deltas = 0
        self._last_read = 0.0
        self._whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._crowd.wanted.request.data)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        wanted = self._crowd.wanted
        text = self._overlap + data
        # A delta that lies in the overlap as a whole was counted with the read before.
        found = len(wanted.delta.findall(text)) - len(wanted.delta.findall(self._overlap))
        self._overlap = text[-_OVERLAP:]
        if found:
            self._saw(found, now)
        if wanted.last in text:
            self._whole = True
        if data.endswith(_LAST_CHUNK):
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        crowd = self._crowd
        if self._deltas:
            crowd.streaming -= 1
        if not self._whole:
            crowd.errors[f"the stream broke off: {exc or self._overlap!r}"] += 1
        elif self._deltas != crowd.expected:
            crowd.errors[f"{self._deltas} deltas of {crowd.expected}"] += 1
        if not self._ended.done():
            self._ended.set_result(None)

    def _saw(self, found: int, now: float) -> None:
        crowd = self._crowd
        if not self._deltas:
            crowd.streaming += 1
        elif crowd.watched:
            crowd.gaps.append(now - self._last_read)
        if crowd.watched:
            crowd.deltas += found
        self._deltas += found
        self._last_read = now


def without_collector() -> None:
    """No collection of garbage in this process falls into what it measures."""
    gc.collect()
    gc.disable()
