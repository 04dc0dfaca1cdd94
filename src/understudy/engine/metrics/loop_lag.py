"""Measures how late the event loop runs its timers: whatever blocks the loop delays every client."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from understudy import telemetry
from understudy.engine.metrics.instruments import Distribution

_INTERVAL_SECONDS: Final = 0.05
_IDLE_INTERVALS: Final = 20
"""As many intervals are one while the loop is idle, which it is after as many without work."""
_IDLE_SHARE: Final = 0.04
"""The share of the time for which an idle loop works at most."""


class LoopLag:
    """Adds the lag of each interval, in seconds, to `distribution`; no block of the loop that is longer is missed.

    An idle loop is measured once a second instead, which counts as the intervals that have passed. `note_work` ends
    that: it is called where a request or a job begins, before that could block the loop.
    """

    def __init__(self, distribution: Distribution, thread_time: Callable[[], float] = time.thread_time) -> None:
        """`thread_time` returns the processor time of the loop's thread, in seconds."""
        self._distribution = distribution
        self._thread_time = thread_time
        self._worst = 0.0
        self._due = self._measured_at = self._worked = 0.0
        self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._measured_at, self._worked = loop.time(), self._thread_time()
        self._unsubscribe = telemetry.subscribe(telemetry.JobClaimed, lambda _: self.note_work())
        self._schedule(loop, _INTERVAL_SECONDS)

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsubscribe is not None:
            self._unsubscribe()

    @property
    def is_idle(self) -> bool:
        """Whether the loop is measured once a second."""
        return self._quiet >= _IDLE_INTERVALS

    @property
    def worst(self) -> float:
        """The longest lag since the last `take_worst`, in seconds."""
        return self._worst

    def take_worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst

    def note_work(self) -> None:
        """Work begins that may block the loop."""
        if self._quiet < _IDLE_INTERVALS:
            return
        self._quiet = 0
        if self._timer is not None:
            self._timer.cancel()
            self._schedule(asyncio.get_running_loop(), _INTERVAL_SECONDS)

    def _schedule(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._due = loop.time() + seconds
        self._timer = loop.call_at(self._due, self._measure_lag, loop)

    def _measure_lag(self, loop: asyncio.AbstractEventLoop) -> None:
        now, worked = loop.time(), self._thread_time()
        lag, passed = max(now - self._due, 0.0), now - self._measured_at
        self._distribution.observe(lag)
        # The share of late intervals is that of the time, so the intervals that were one count as well.
        self._distribution.observe(0.0, max(round((passed - lag) / _INTERVAL_SECONDS) - 1, 0))
        self._worst = max(self._worst, lag)
        is_quiet = worked - self._worked < passed * _IDLE_SHARE
        self._quiet = self._quiet + 1 if is_quiet else 0
        self._measured_at, self._worked = now, worked
        self._schedule(loop, _INTERVAL_SECONDS * (_IDLE_INTERVALS if self.is_idle else 1))
