"""The metrics of this process: starts what counts them, ends the minutes of the history, and renders a scrape."""

import asyncio
import importlib
from collections.abc import Mapping
from typing import Final

from understudy.clock import Clock
from understudy.engine.metrics import families
from understudy.engine.metrics.activity import Activity
from understudy.engine.metrics.cluster_history import ClusterHistory
from understudy.engine.metrics.history import History
from understudy.engine.metrics.loop_lag import LoopLag
from understudy.engine.metrics.snapshot import MetricsSources, Snapshot, take_snapshot
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.wire.health import HealthObject

# Prometheus gives up after ten seconds, unless configured otherwise.
_EXAMINE_SECONDS: Final = 5.0


class Metrics:
    """`groups` has the group of each operation id of the API."""

    def __init__(self, groups: Mapping[str, str], sources: MetricsSources, clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._history = History(clock)
        self._activity = Activity(groups, self._history)
        self._lag = LoopLag(self._activity.histograms[families.LOOP_LAG].find(()))
        self.history: Final = ClusterHistory(self._history, self._lag, sources.broker, sources.nodes, clock)
        self.note_work: Final = self._lag.note_work
        self._minutes = Looper(self._history.seconds_left, self._end_minute)

    async def start(self) -> None:
        await self._activity.start()
        await self._lag.start()
        await self._minutes.start()

    async def stop(self) -> None:
        await self._minutes.stop()
        await self._lag.stop()
        await self._activity.stop()

    async def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics and their content type, in a format of the `Accept` header. Raises nothing without a database.

        Rendered in a thread: it takes milliseconds.
        """
        report = await self._examine()
        snapshot = take_snapshot(self._activity, self._sources, report, self._clock.now())
        return await asyncio.to_thread(_render_metrics, snapshot, accept)

    async def _end_minute(self) -> None:
        self._history.roll(self._lag.take_worst(), await self._measure_oldest())

    async def _measure_oldest(self) -> float | None:
        """The age of the oldest waiting job of the cluster, in seconds; None without one, or without the database."""
        report = await self._examine()
        if report is None:
            return None
        waiting = [queue.oldest_created_at for queue in report.queues if queue.oldest_created_at is not None]
        return max(self._clock.now() - min(waiting), 0.0) if waiting else None

    async def _examine(self) -> HealthObject | None:
        """None if the database is unavailable, or has not replied in time."""
        try:
            async with asyncio.timeout(_EXAMINE_SECONDS):
                return await self._sources.health.examine()
        except (StoreError, TimeoutError):
            return None


def _render_metrics(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    module = importlib.import_module("understudy.engine.metrics.exposition")
    rendered: tuple[bytes, str] = module.render(snapshot, accept)
    return rendered
