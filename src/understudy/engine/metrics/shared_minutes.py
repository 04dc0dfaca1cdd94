"""The minutes of the history as nodes send them to each other, merged and rendered. Knows no broker."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from understudy.engine.metrics import families
from understudy.engine.metrics.history import MINUTES, Minute
from understudy.engine.metrics.instruments import Distribution
from understudy.wire.health_history import HealthMinute

_MINUTE_SECONDS: Final = 60
# A timer that ends a minute may be early by less than that.
_EARLY_SECONDS: Final = 1.0


class SharedMinute(Struct, array_like=True):
    """The figures of one project, or of all requests; the counts are those of the buckets of the two metrics."""

    started_at: float
    seconds: float
    latencies: list[int]
    first_deltas: list[int]
    errors: int
    limited: int
    loop_lag: float | None
    oldest_waiting: float | None

    @property
    def number(self) -> int:
        """The number of the minute since 1970, which is the same on all nodes."""
        return int((self.started_at + _EARLY_SECONDS) // _MINUTE_SECONDS)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[SharedMinute]).decode


def encode_minutes(minutes: Sequence[SharedMinute]) -> bytes:
    return _encode(minutes)


def decode_minutes(body: bytes) -> list[SharedMinute]:
    return _decode(body)


def share_minutes(minutes: Sequence[Minute], project_id: str | None, now: float) -> list[SharedMinute]:
    """The minutes of a node, of which the last one is not over. `project_id` is None for all requests."""
    ends = [minute.started_at for minute in minutes[1:]] + [now]
    return [_share(minute, end, project_id) for minute, end in zip(minutes, ends, strict=True)]


def _share(minute: Minute, end: float, project_id: str | None) -> SharedMinute:
    figures = minute.figures(project_id)
    return SharedMinute(
        started_at=minute.started_at,
        seconds=max(end - minute.started_at, 0.0),
        latencies=figures.latencies.counts,
        first_deltas=figures.first_deltas.counts,
        errors=figures.errors,
        limited=figures.limited,
        loop_lag=minute.loop_lag,
        oldest_waiting=minute.oldest_waiting if project_id is None else None,
    )


def merge_minutes(nodes: Iterable[Sequence[SharedMinute]]) -> list[SharedMinute]:
    """The minutes of several nodes as those of one: sums of requests, and the worst of what delays them."""
    merged: dict[int, SharedMinute] = {}
    for minute in (minute for minutes in nodes for minute in minutes):
        other = merged.get(minute.number)
        merged[minute.number] = minute if other is None else _merge(other, minute)
    return [merged[number] for number in sorted(merged)][-MINUTES:]


def _merge(one: SharedMinute, other: SharedMinute) -> SharedMinute:
    return SharedMinute(
        started_at=min(one.started_at, other.started_at),
        seconds=max(one.seconds, other.seconds),
        latencies=_add_counts(one.latencies, other.latencies),
        first_deltas=_add_counts(one.first_deltas, other.first_deltas),
        errors=one.errors + other.errors,
        limited=one.limited + other.limited,
        loop_lag=_find_worst(one.loop_lag, other.loop_lag),
        oldest_waiting=_find_worst(one.oldest_waiting, other.oldest_waiting),
    )


def render_minute(minute: SharedMinute) -> HealthMinute:
    latencies = _restore(families.HTTP_LATENCY.bounds, minute.latencies)
    first_deltas = _restore(families.FIRST_DELTA.bounds, minute.first_deltas)
    waiting = minute.oldest_waiting
    return HealthMinute(
        started_at=int(minute.started_at),
        seconds=round(minute.seconds, 1),
        requests=sum(minute.latencies),
        errors=minute.errors,
        limited=minute.limited,
        latency_p50_ms=_to_milliseconds(latencies.quantile(0.5)),
        latency_p95_ms=_to_milliseconds(latencies.quantile(0.95)),
        first_delta_p50_ms=_to_milliseconds(first_deltas.quantile(0.5)),
        first_delta_p95_ms=_to_milliseconds(first_deltas.quantile(0.95)),
        loop_lag_ms=_to_milliseconds(minute.loop_lag),
        oldest_waiting_seconds=None if waiting is None else round(waiting, 1),
    )


def _restore(bounds: tuple[float, ...], counts: list[int]) -> Distribution:
    distribution = Distribution(bounds)
    distribution.counts = counts
    return distribution


def _add_counts(one: list[int], other: list[int]) -> list[int]:
    return [count + more for count, more in zip(one, other, strict=True)]


def _find_worst(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _to_milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)
