"""Buckets of usage reports: equal parts of time, or the days of a time zone, which may have 23 or 25 hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from understudy.errors import InvalidRequest

DAY_SECONDS: Final = 86_400
_HOUR_SECONDS: Final = 3600
_MAX_YEAR: Final = 9990


@dataclass(frozen=True, slots=True)
class BucketTimes:
    """`starts` in Unix seconds, `end` of the last one; `offsets` are those of a UsageFilter.

    `keys` are the starts as the store returns them: at the clock of the zone.
    """

    starts: Sequence[int]
    end: int
    offsets: tuple[tuple[int, int], ...] = ()
    keys: Sequence[int] = ()


def read_zone(name: str | None) -> ZoneInfo | None:
    """None for UTC. Raises InvalidRequest for an unknown name."""
    if name is None or name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest(
            f"Invalid 'tz': {name!r} is not a known time zone. Expected a name like 'Europe/Oslo'.",
            param="tz",
            code="invalid_value",
        ) from None


def split_time(first: int, end: int, limit: int, width: int, zone: ZoneInfo | None) -> BucketTimes:
    """The buckets of `[first, end)`, whole ones, at most `limit`. Only days follow the zone."""
    if zone is None or width != DAY_SECONDS:
        start = first // width * width
        stop = min(-(-end // width) * width, start + limit * width)
        equal = range(start, stop, width)
        return BucketTimes(equal, stop, keys=equal)
    day = datetime.fromtimestamp(min(first, _seconds(_MAX_YEAR)), zone).date()
    starts: list[int] = []
    while len(starts) <= limit and (not starts or starts[-1] < end):
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        starts.append(int(midnight.timestamp()))
        day += timedelta(days=1)
    stop = starts.pop()
    # A midnight that the clock skips is the first moment after it.
    keys = [(start + _offset_at(start, zone)) // DAY_SECONDS * DAY_SECONDS for start in starts]
    return BucketTimes(starts, stop, _list_offsets(starts[0], stop, zone) if starts else (), keys)


def _list_offsets(start: int, stop: int, zone: ZoneInfo) -> tuple[tuple[int, int], ...]:
    """Where the offset from UTC changes, to the second."""
    offsets: list[tuple[int, int]] = []
    at = start
    while at < stop:
        offset, after = _offset_at(at, zone), min(at + _HOUR_SECONDS, stop)
        if _offset_at(after, zone) != offset:
            offsets.append((_find_change(at, after, zone), offset))
        at = after
    return (*offsets, (stop, _offset_at(stop, zone)))


def _find_change(before: int, after: int, zone: ZoneInfo) -> int:
    """The first moment with the offset of `after`."""
    offset = _offset_at(before, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_at(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset_at(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _seconds(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
