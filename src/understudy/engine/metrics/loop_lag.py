"""Measures how late the event loop runs its timers: whatever blocks the loop delays every client."""

import asyncio
from typing import Final

from understudy.engine.metrics.instruments import Distribution

_INTERVAL_SECONDS: Final = 0.05


class LoopLag:
    """Adds the lag of each interval, in seconds, to `distribution`; no block of the loop that is longer is missed."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution
        self._worst = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        self._schedule(asyncio.get_running_loop())

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def worst(self) -> float:
        """The longest lag since the last `take_worst`, in seconds."""
        return self._worst

    def take_worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + _INTERVAL_SECONDS
        self._timer = loop.call_at(self._due, self._measure, loop)

    def _measure(self, loop: asyncio.AbstractEventLoop) -> None:
        lag = max(loop.time() - self._due, 0.0)
        self._distribution.observe(lag)
        self._worst = max(self._worst, lag)
        self._schedule(loop)
