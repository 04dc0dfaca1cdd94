"""The metrics of this process: starts what counts them, ends the minutes of the history, and renders that."""

import asyncio
import importlib
from collections.abc import Mapping
from typing import Final

from understudy.clock import Clock
from understudy.engine.metrics import families
from understudy.engine.metrics.activity import Activity
from understudy.engine.metrics.history import Figures, History, Minute
from understudy.engine.metrics.instruments import Distribution
from understudy.engine.metrics.loop_lag import LoopLag
from understudy.engine.metrics.snapshot import MetricsSources, Snapshot, take_snapshot
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.wire.health import HealthObject
from understudy.wire.health_history import HealthHistoryObject, HealthMinute

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
        return await asyncio.to_thread(_render, snapshot, accept)

    def render_history(self, project_id: str | None) -> HealthHistoryObject:
        """The last hour of a project; None: of all requests, with the queues of the cluster."""
        minutes = self._history.list()
        minutes[-1].loop_lag = self._lag.worst
        ends = [minute.started_at for minute in minutes[1:]] + [self._clock.now()]
        return HealthHistoryObject(
            node_id=self._sources.broker.node_id,
            scope="server" if project_id is None else "project",
            minutes=[
                _render_minute(minute, end - minute.started_at, project_id)
                for minute, end in zip(minutes, ends, strict=True)
            ],
        )

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


def _render(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    module = importlib.import_module("understudy.engine.metrics.exposition")
    rendered: tuple[bytes, str] = module.render(snapshot, accept)
    return rendered


def _render_minute(minute: Minute, seconds: float, project_id: str | None) -> HealthMinute:
    figures: Figures = minute.figures(project_id)
    waiting = minute.oldest_waiting if project_id is None else None
    return HealthMinute(
        started_at=int(minute.started_at),
        seconds=round(max(seconds, 0.0), 1),
        requests=figures.requests,
        errors=figures.errors,
        limited=figures.limited,
        latency_p50_ms=_quantile(figures.latencies, 0.5),
        latency_p95_ms=_quantile(figures.latencies, 0.95),
        first_delta_p50_ms=_quantile(figures.first_deltas, 0.5),
        first_delta_p95_ms=_quantile(figures.first_deltas, 0.95),
        loop_lag_ms=None if minute.loop_lag is None else round(1000 * minute.loop_lag, 2),
        oldest_waiting_seconds=None if waiting is None else round(waiting, 1),
    )


def _quantile(distribution: Distribution, share: float) -> float | None:
    seconds = distribution.quantile(share)
    return None if seconds is None else round(1000 * seconds, 2)
