"""Sums of usage by the days of a time zone, across a change of its clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from store.samples import OURS
from understudy.api.usage_days import split_time
from understudy.store.usage import UsageFilter

DAY = 86_400


def seconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def insert(moments):
    for moment in moments:
        columns = (
            "(reference, project_id, key_id, model, kind, batch, created_at, requests, input_tokens, cached_tokens,"
        )
        sql = f"INSERT INTO usage {columns} output_tokens, credits, priced) VALUES ($3, $1, '', 'm', 'completion', 0, $2, 1, 0, 0, 0, 0, 1)"
        yield sql, (OURS, moment, str(moment))


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Europe/Oslo", "2026-03-28T12:00", [24, 23, 24]),
        ("Europe/Oslo", "2026-10-24T12:00", [24, 25, 24]),
        ("America/Santiago", "2026-09-05T12:00", [24, 23, 24]),
        ("Asia/Kolkata", "2026-03-28T12:00", [24, 24, 24]),
        ("Australia/Lord_Howe", "2026-10-03T12:00", [24, 23.5, 24]),
    ],
)
async def test_every_hour_counts_in_its_day_of_the_zone(store, zone, first, hours):
    clock = ZoneInfo(zone)
    start = seconds(first)
    moments = [start + 1800 * number for number in range(2 * 24 * 2)]
    await store.database.write(insert, moments)
    times = split_time(start, start + 2 * DAY, 10, DAY, clock)
    ends = [*times.starts[1:], times.end]
    assert [(end - begin) / 3600 for begin, end in zip(times.starts, ends, strict=True)] == hours
    sums = await store.usage.sum_usage([OURS], UsageFilter(start, times.end, DAY, offsets=times.offsets))
    counted = {one.bucket: one.requests for one in sums}
    expected = {}
    for moment in moments:
        day = datetime.fromtimestamp(moment, clock).date()
        key = seconds(day.isoformat())
        expected[key] = expected.get(key, 0) + 1
    assert counted == expected
    assert [key for key in times.keys if key in counted] == list(counted)
