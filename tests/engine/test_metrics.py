"""Counters, distributions and the history of metrics: bounded, and merged as if one node had counted."""

import pytest

from clocks import StillClock
from understudy.engine.metrics.history import MINUTES, History
from understudy.engine.metrics.instruments import OTHER, Distribution, NameLimit
from understudy.engine.metrics.shared_minutes import merge_minutes, render_minute, share_minutes


@pytest.fixture
def clock():
    return StillClock(6000.0)


@pytest.fixture
def history(clock):
    return History(clock)


def pass_minute(history, clock, loop_lag=0.0, oldest_waiting=None):
    clock.time += 60
    history.roll(loop_lag, oldest_waiting)


def share(history, clock, project_id=None):
    return share_minutes(history.list(), project_id, clock.now())


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([0.5, 0.5], 0.5, 0.5),
        ([0.5] * 9 + [1.5], 0.95, 1.5),
        ([1.0, 2.0], 1.0, 2.0),
        ([7.0], 0.5, 2.0),
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket(values, share, expected):
    distribution = Distribution((1.0, 2.0))
    for value in values:
        distribution.observe(value)
    assert distribution.quantile(share) == expected
    assert (sum(distribution.counts), distribution.total) == (len(values), sum(values))


def test_names_beyond_the_limit_share_a_label():
    names = NameLimit(2)
    assert [names.limit(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", OTHER, "a", OTHER]


def test_the_history_is_an_hour_of_at_most_200_projects_a_minute(history, clock):
    for _ in range(2 * MINUTES):
        for number in range(300):
            history.find(f"proj_{number}").latencies.observe(0.01)
        pass_minute(history, clock)
    minutes = share(history, clock)
    assert len(minutes) == MINUTES
    assert sum(minutes[0].latencies) == 300
    assert sum(share(history, clock, "proj_1")[0].latencies) == 1
    assert sum(share(history, clock, "proj_250")[0].latencies) == 0


def test_minutes_of_two_nodes_are_merged_by_time(history, clock):
    other = History(clock)
    history.find("proj_a").latencies.observe(0.004)
    pass_minute(history, clock, loop_lag=0.1, oldest_waiting=5.0)
    # The timer of the other node is a moment late.
    clock.time += 0.3
    for _ in range(3):
        other.find("proj_a").latencies.observe(0.2)
    other.roll(0.3, None)
    other.find("proj_b").errors += 1
    first, second = merge_minutes([share(history, clock), share(other, clock)])
    assert (sum(first.latencies), first.loop_lag, first.oldest_waiting) == (4, 0.3, 5.0)
    assert (sum(second.latencies), second.errors) == (0, 1)
    rendered = render_minute(first)
    assert (rendered.requests, rendered.started_at) == (4, 6000)
    assert 100 < rendered.latency_p50_ms < rendered.latency_p95_ms <= 250


def test_a_project_sees_no_age_of_the_queues(history, clock):
    pass_minute(history, clock, oldest_waiting=5.0)
    assert [minute.oldest_waiting for minute in share(history, clock, "proj_a")] == [None, None]
