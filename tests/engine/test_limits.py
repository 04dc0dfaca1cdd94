"""Limits of requests and tokens: the counts, the waits that errors name, and the durations of headers."""

import math
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import StillClock
from understudy.api.rate_limit_headers import render_headers
from understudy.broker.memory import MemoryBroker
from understudy.engine.limits.cells import LocalCells
from understudy.engine.limits.demand import Demand, count_tokens, measure_request
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.limits.policies import Policies
from understudy.engine.limits.policy import Rule
from understudy.engine.limits.refusals import exceeded_error, format_duration
from understudy.settings import LimitSettings
from understudy.store.limits import UNLIMITED, Limit
from understudy.store.permissions import UNRESTRICTED

NOW = 1_790_000_000.0


def rule(limit, unit="tokens", window=60, cell="cell"):
    return Rule(cell, "project", "proj_1", unit, window, limit, limit / window)


class Store:
    """The stored limits, by scope."""

    def __init__(self, *limits):
        self.rows = list(limits)
        self.changes = len(limits)
        self.limits = self.permissions = self

    async def list(self, scopes):
        return [row for row in self.rows if row.scope in scopes]

    async def count_changes(self):
        return self.changes

    async def get(self, project_id):
        return UNRESTRICTED


class Limited:
    """A limiter of one process with its store and clock."""

    def __init__(self, *limits, **defaults):
        self.store, self.clock = Store(*limits), StillClock(NOW)
        broker = MemoryBroker()
        self.policies = Policies(self.store, broker, LimitSettings(**defaults))
        models = SimpleNamespace(names_and_url=lambda model: ((model, model.removeprefix("openai/")), None))
        self.limiter = RateLimiter(self.policies, broker, models, self.clock)

    async def reserve(self, tokens=10, model="gpt", key="key_1", is_open=False):
        demand = Demand(tokens, None if is_open else 0)
        reservation = await self.limiter.reserve("proj_1", key, model, lambda: demand)
        assert reservation is not None
        return reservation


@pytest.mark.parametrize(
    ("limit", "unit", "used", "requested", "wait"),
    [
        (30000, "tokens", 29937, 385, "644ms"),
        (10000, "tokens", 8554, 3082, "9.816s"),
        (30000, "tokens", 14567, 24754, "18.642s"),
        (3, "requests", 3, 1, "20s"),
    ],
)
def test_the_wait_of_a_refusal_is_the_hosted_services(limit, unit, used, requested, wait):
    cells, rules = LocalCells(), [rule(limit, unit)]
    assert cells.take(rules, [used], NOW)[0]
    fits, levels = cells.take(rules, [requested], NOW)
    assert not fits
    error = exceeded_error(rules, [requested], levels, "gpt-4o")
    assert f"Limit {limit}, Used {used}, Requested {requested}. Please try again in {wait}. " in error.message
    assert (error.status, error.code, error.type) == (429, "rate_limit_exceeded", unit)


@pytest.mark.parametrize(
    ("limit", "unit", "cost", "remaining", "reset"),
    [
        (5000, "requests", 1, "4999", "12ms"),
        (160000, "tokens", 24, "159976", "9ms"),
        (60000, "tokens", 3000, "57000", "3s"),
    ],
)
def test_the_headers_of_an_admission_are_the_hosted_services(limit, unit, cost, remaining, reset):
    rules = [rule(limit, unit)]
    levels = LocalCells().take(rules, [cost], NOW)[1]
    headers = dict(render_headers(SimpleNamespace(rules=rules, levels=levels), "openai", NOW))
    expected = {"limit": str(limit), "remaining": remaining, "reset": reset}
    for value, text in expected.items():
        assert headers[f"x-ratelimit-{value}-{unit}".encode()] == text.encode()
    assert (b"x-ratelimit-limit-project-tokens" in headers) == (unit == "tokens")


def test_azure_and_anthropic_have_headers_of_their_own():
    reservation = SimpleNamespace(rules=[rule(60, "requests")], levels=[30.5])
    assert dict(render_headers(reservation, "azure", NOW))[b"x-ratelimit-reset-requests"] == b"31"
    headers = dict(render_headers(reservation, "anthropic", NOW))
    assert headers[b"anthropic-ratelimit-requests-remaining"] == b"29"
    assert headers[b"anthropic-ratelimit-requests-reset"] == b"2026-09-21T14:13:51Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0001, "1ms"),
        (0.644, "644ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
        (86399.9, "23h59m59.9s"),
    ],
)
def test_durations_are_written_as_go_does(seconds, text):
    assert format_duration(seconds) == text


@given(
    limit=st.integers(1, 10**6),
    window=st.sampled_from([60, 86_400]),
    used=st.floats(0, 1),
    share=st.floats(0, 1),
    start=st.floats(0, 100),
)
def test_the_named_wait_is_enough_and_a_shorter_one_is_not(limit, window, used, share, start):
    cells, rules = LocalCells(), [rule(limit, window=window)]
    cost = max(1, round(limit * share))
    now = NOW + start
    cells.take(rules, [round(limit * used)], now)
    fits, levels = cells.take(rules, [cost], now)
    if fits:
        return
    wait = exceeded_error(rules, [cost], levels, "gpt-4o").retry_after
    # The wait is in whole milliseconds.
    assert not cells.take(rules, [cost], now + wait - 0.0015)[0]
    assert cells.take(rules, [cost], now + wait)[0]


@given(
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=8),
    costs=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    pauses=st.lists(st.sampled_from([0.0, 0.5, 7.0]), min_size=30, max_size=30),
)
def test_a_request_takes_from_all_of_its_limits_or_from_none(limits, costs, pauses):
    """Compared with cells that are counted one by one."""
    cells = LocalCells()
    rules = [rule(limit, cell=str(number)) for number, limit in enumerate(limits)]
    expected, now = [0.0] * len(rules), NOW
    for cost, pause in zip(costs, pauses, strict=False):
        now += pause
        expected = [max(0.0, level - pause * one.rate) for level, one in zip(expected, rules, strict=True)]
        should_fit = all(level + cost <= one.limit + 1e-4 for level, one in zip(expected, rules, strict=True))
        fits, levels = cells.take(rules, [cost] * len(rules), now)
        assert fits == should_fit
        if fits:
            expected = [level + cost for level in expected]
        assert levels == pytest.approx(expected, abs=1e-4)


def test_counts_are_exact_to_the_last_request_and_empty_cells_are_forgotten():
    cells, rules = LocalCells(), [rule(100_000, "requests")]
    assert sum(cells.take(rules, [1], NOW + n * 1e-9)[0] for n in range(100_010)) == 100_000
    cells.sweep(NOW)
    cells.sweep(NOW + 59)
    assert len(cells) == 1
    cells.sweep(NOW + 61)
    cells.sweep(NOW + 61)
    assert len(cells) == 0


def test_what_a_higher_limit_admitted_blocks_for_at_most_one_window_of_a_lower_one():
    cells = LocalCells()
    assert cells.take([rule(50, "requests")], [50], NOW)[0]
    lower = [rule(3, "requests")]
    assert cells.take(lower, [1], NOW + 0.1) == (False, [3.0])
    assert not cells.take(lower, [1], NOW + 20)[0]
    assert cells.take(lower, [1], NOW + 20.2)[0]
    # Also if the first to see the lower limit only adds tokens that were used.
    cells = LocalCells()
    assert cells.take([rule(50)], [50], NOW)[0]
    cells.add([rule(3)], [1], NOW)
    assert cells.take([rule(3)], [1], NOW) == (False, [4.0])


def test_tokens_beyond_an_unchanged_limit_stay_a_debt():
    cells, rules = LocalCells(), [rule(60)]
    cells.add(rules, [600], NOW)
    assert cells.take(rules, [1], NOW + 60) == (False, [540.0])


async def test_reserved_tokens_are_corrected_once_they_are_known():
    limited = Limited(key_tokens_per_minute=1000)
    first = await limited.reserve(600)
    assert (await limited.reserve(500)).refusal is not None
    first.settle(100)
    first.settle(0)
    second = await limited.reserve(900)
    assert second.refusal is None
    second.settle(2000)
    refusal = (await limited.reserve(1)).refusal
    # 2,100 of 1,000 are used: 1,101 have to come back.
    assert refusal.retry_after == pytest.approx(1101 / 1000 * 60, abs=0.002)
    assert refusal.headers == {"retry-after": "67", "retry-after-ms": "66060", "x-should-retry": "false"}
    limited.clock.time += refusal.retry_after
    assert (await limited.reserve(1)).refusal is None


async def test_a_request_larger_than_the_limit_never_fits_and_open_output_is_no_reason():
    limited = Limited(key_tokens_per_minute=1000)
    refusal = (await limited.reserve(1001)).refusal
    assert refusal.message.startswith(
        "Request too large for gpt in organization understudy on tokens per min (TPM): Limit 1000, Requested 1001. The"
        " input or output tokens must be reduced in order to run successfully."
    )
    assert (refusal.type, refusal.headers) == ("tokens", {"x-should-retry": "false"})
    assert (await limited.reserve(900, is_open=True)).tokens == 1000


async def test_limits_of_a_key_a_model_and_a_project_override_the_settings():
    limited = Limited(
        Limit("key_1", "", "requests_per_minute", 2),
        Limit("key_2", "", "requests_per_minute", UNLIMITED),
        Limit("proj_1", "gpt", "requests_per_minute", 3),
        key_requests_per_minute=1,
    )
    admitted = [(await limited.reserve()).refusal is None for _ in range(3)]
    assert admitted == [True, True, False]
    # Both names are of one model, which has one request left.
    assert (await limited.reserve(model="openai/gpt", key="key_2")).refusal is None
    refusal = (await limited.reserve(key="key_2")).refusal
    assert "This is the limit of this model in the project proj_1." in refusal.message
    assert (await limited.reserve(model="other", key="key_3")).refusal is None
    assert (await limited.reserve(model="other", key="key_3")).refusal is not None


async def test_a_change_counts_from_the_next_request_on_and_without_limits_nothing_is_loaded():
    limited = Limited()
    await limited.policies.refresh()
    assert limited.policies.is_unused
    assert await limited.limiter.reserve("proj_1", "key_1", "gpt", None) is None
    limited.store.rows.append(Limit("proj_1", "", "requests_per_minute", 1))
    limited.store.changes += 1
    await limited.policies.announce()
    assert (await limited.reserve()).refusal is None
    assert (await limited.reserve()).refusal is not None
    limited.store.rows[0] = Limit("proj_1", "", "requests_per_minute", 2)
    limited.store.changes += 1
    await limited.policies.refresh()
    # The request that was counted stays counted.
    assert (await limited.reserve()).refusal is None
    assert (await limited.reserve()).refusal is not None


def test_tokens_are_estimated_by_characters_and_an_image_is_not_text():
    body = {"model": "gpt", "messages": [{"role": "user", "content": "x" * 400}], "max_tokens": 50}
    raw = msgspec.json.encode(body)
    demand = measure_request(raw, body)
    assert (demand.required, demand.expected) == (len(raw) // 4 + 50, len(raw) // 4 + 50)
    demand = measure_request(raw, {**body, "max_tokens": None})
    assert (demand.required, demand.expected) == (len(raw) // 4, len(raw) // 4 + 1024)
    assert measure_request(raw, {**body, "n": 3}).required == len(raw) // 4 + 150
    image = {"messages": [{"content": [{"image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}]}]}
    assert measure_request(msgspec.json.encode(image), image).required == 1000
    assert count_tokens([1, 2, 3]) == 3
    assert math.isclose(count_tokens("x" * 4000), 1000)


async def test_settings_that_change_apply_to_the_next_request():
    limited = Limited()
    await limited.policies.refresh()
    limited.policies.set_defaults(LimitSettings(key_requests_per_minute=1))
    assert (await limited.reserve()).refusal is None
    assert (await limited.reserve()).refusal is not None
