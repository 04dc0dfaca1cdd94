"""All samples of this process at one moment, copied on the event loop, so that a thread can render them."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from understudy import __version__
from understudy.broker import Broker
from understudy.engine.health import Health
from understudy.engine.metrics import families
from understudy.engine.metrics.activity import Activity
from understudy.engine.metrics.families import Family
from understudy.engine.metrics.instruments import Labels
from understudy.engine.provider_calls import ProviderHistory
from understudy.store.database import ConnectionCounts, Database
from understudy.store.nodes import Nodes
from understudy.store.usage_journal import UsageJournal
from understudy.wire.health import HealthObject

Values = Mapping[Labels, float]
Distributions = Mapping[Labels, tuple[list[int], float]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counters and gauges in `values`, histograms in `distributions`: counts of the buckets, and the sum of values."""

    values: Mapping[Family, Values]
    distributions: Mapping[Family, Distributions]


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """The parts that are measured. `role` is that of the process; `count_streams` counts the open streams, and
    `count_realtime` the realtime sessions.
    """

    role: str
    broker: Broker
    database: Database
    nodes: Nodes
    usage_journal: UsageJournal
    health: Health
    providers: ProviderHistory
    count_streams: Callable[[], int]
    count_realtime: Callable[[], int]


_NO_LABELS: Final[Labels] = ()


def take_snapshot(activity: Activity, sources: MetricsSources, report: HealthObject | None, now: float) -> Snapshot:
    """`report` is None without the database. `now` is in Unix seconds."""
    providers = sources.providers
    counters = {family: counter.copy() for family, counter in activity.counters.items()}
    counters[families.HTTP_REQUESTS] = dict(activity.count_requests())
    counters[families.UPSTREAM_REQUESTS] = providers.attempts.copy()
    journal = sources.usage_journal
    counters[families.USAGE_FOLDS] = {_NO_LABELS: journal.counts.groups}
    counters[families.USAGE_FOLDED] = {_NO_LABELS: journal.counts.records}
    counters[families.UPSTREAM_RETRIES] = providers.retries.copy()
    histograms = {family: histogram.copy() for family, histogram in activity.histograms.items()}
    histograms[families.UPSTREAM_SECONDS] = providers.durations.copy()
    gauges: dict[Family, Values] = {
        families.JOBS_RUNNING: {(queue,): count for queue, count in activity.running.items()},
        families.STREAMS_OPEN: {_NO_LABELS: sources.count_streams()},
        families.REALTIME_SESSIONS: {_NO_LABELS: sources.count_realtime()},
        families.BUILD: {_describe_build(sources): 1},
        families.USAGE_WAITING: {_NO_LABELS: journal.waiting},
        families.USAGE_OLDEST: {_NO_LABELS: journal.oldest_seconds()},
        families.BROKER_UP: {_NO_LABELS: float(sources.broker.is_available)},
        families.STORE_UP: {_NO_LABELS: float(report is not None)},
        families.STORE_POOL: _measure_pool(sources.database.count_connections()),
        **_measure_providers(providers),
    }
    if report is not None:
        gauges |= _measure_report(report, now)
    return Snapshot(counters | gauges, histograms)


def _measure_providers(providers: ProviderHistory) -> dict[Family, Values]:
    called, skipped = providers.list(), providers.list_skipped()
    return {
        families.UPSTREAM_SUCCESS: {(one.name,): one.last_success_at for one in called if one.last_success_at},
        families.UPSTREAM_ERROR: {(one.name,): one.last_error_at for one in called if one.last_error_at},
        families.UPSTREAM_SKIPPED: {(one.name,): len(skipped.get(one.name, ())) for one in called},
    }


def _measure_pool(counts: ConnectionCounts | None) -> Values:
    if counts is None:
        return {}
    return {
        ("busy",): counts.busy,
        ("idle",): counts.idle,
        ("limit",): counts.limit,
        ("waiting",): counts.waiting,
    }


def _measure_report(report: HealthObject, now: float) -> dict[Family, Values]:
    """What the health report has: the same figures as on the console's health page."""
    blobs, sandbox = report.blobs, report.sandbox
    measured: dict[Family, Values] = {
        families.JOBS_WAITING: {(queue.name,): queue.waiting for queue in report.queues},
        families.QUEUE_OLDEST: {
            (queue.name,): 0.0 if queue.oldest_created_at is None else max(now - queue.oldest_created_at, 0.0)
            for queue in report.queues
        },
        families.STORE_LATENCY: {_NO_LABELS: report.database.latency_ms / 1000},
    }
    if blobs.free_bytes is not None and blobs.total_bytes is not None:
        measured[families.DISK_BYTES] = {("free",): blobs.free_bytes, ("total",): blobs.total_bytes}
    if sandbox is not None:
        measured[families.SANDBOX_SESSIONS] = {("open",): sandbox.sessions, ("limit",): sandbox.max_sessions}
        if sandbox.available is not None:
            measured[families.SANDBOX_UP] = {_NO_LABELS: float(sandbox.available)}
    return measured


def _describe_build(sources: MetricsSources) -> Labels:
    broker = "redis" if sources.broker.is_shared else "memory"
    return (__version__, platform.python_version(), sources.database.dialect, broker, sources.role)
