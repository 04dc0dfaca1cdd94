"""Stored usage and credits: each record is counted once, and every sum matches the entries."""

import asyncio
import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.errors import InvalidRequest
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.charges import Usage, record
from understudy.store.ledger import EntryFilter
from understudy.store.spending import SpendLimit, first_day
from understudy.store.usage import UsageFilter

DAY = 86_400
ALL = EntryFilter()
CHANGE = Change(OPERATOR, NOW)
_numbers = itertools.count()


def usage(credits_=10, **members):
    made = {"reference": f"use_{next(_numbers)}", "kind": "completion", "model": "m", "created_at": NOW}
    return Usage(**(made | {"credits": credits_} | members))


async def project(store):
    """A project of the test's own."""
    project_id = ids.project()

    def insert():
        yield "INSERT INTO projects (id, name, created_at) VALUES ($1, $2, 0)", (project_id, project_id)

    await store.database.write(insert)
    return project_id


async def entries(store, project_id, only=ALL):
    return (await store.ledger.entries(project_id, only, 1000, None)).records


async def agree(store, project_id):
    """Everything that is summed up is the sum of its parts."""

    def look():
        total = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM {} WHERE project_id = $1"
        sums = []
        for source in ("ledger", "balances", "usage", "spending"):
            sums += yield total.format(source), (project_id,)
        sums += yield total.format("ledger") + " AND type = 'MODEL_USAGE'", (project_id,)
        return [row[0] for row in sums]

    ledger, balances, used, spent, charges = await store.database.read(look)
    assert ledger == balances
    assert used == spent == -charges
    return ledger


async def test_usage_is_debited_once(store):
    one = usage(250, key_id="key_a")
    assert await store.ledger.record(OURS, one)
    assert not await store.ledger.record(OURS, msgspec.structs.replace(one, credits=99))
    assert await agree(store, OURS) == -250
    (entry,) = await entries(store, OURS)
    assert (entry.type, entry.credits, entry.model, entry.reference) == ("MODEL_USAGE", -250, "m", one.reference)
    assert await store.ledger.account(THEIRS) == await store.ledger.account("proj_nobody")


async def test_usage_without_a_price_is_counted_and_costs_nothing(store):
    await store.ledger.record(OURS, usage(0, priced=False, input_tokens=7))
    assert await entries(store, OURS) == []
    (found,) = await store.usage.sum_usage([OURS], UsageFilter(NOW, NOW + 1, DAY))
    assert (found.input_tokens, found.credits, found.unpriced) == (7, 0, 1)


async def test_a_transaction_that_fails_debits_nothing(store):
    def failing(database):
        yield from record(database, OURS, usage(5))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.database.write(failing, store.database)
    assert await agree(store, OURS) == 0
    assert await store.usage.sum_usage([OURS], UsageFilter(0, NOW * 2, DAY)) == []


async def test_the_first_grant_begins_a_budget_that_earlier_use_does_not_touch(store):
    ours = await project(store)
    await store.ledger.record(ours, usage(300))
    assert (await store.ledger.spending_state(ours, "key", NOW)).balance is None
    account = await store.ledger.grant(ours, 1000, "PAYMENT", NOW)
    assert (account.balance, account.budgeted) == (1000, True)
    await store.ledger.record(ours, usage(300))
    assert (await store.ledger.grant(ours, 500, "BONUS", NOW, "a gift")).balance == 1200
    assert (await store.ledger.spending_state(ours, "key", NOW)).balance == 1200
    told = [(entry.type, entry.credits) for entry in await entries(store, ours)]
    assert told == [("BONUS", 500), ("MODEL_USAGE", -300), ("PAYMENT", 1000), ("INIT", 300), ("MODEL_USAGE", -300)]
    assert await store.ledger.remove_budget(ours, CHANGE)
    assert not await store.ledger.remove_budget(ours, CHANGE)
    assert (await store.ledger.spending_state(ours, "key", NOW)).balance is None
    assert await agree(store, ours) == 1200


async def test_a_grant_to_an_unknown_project_is_refused(store):
    with pytest.raises(InvalidRequest, match="No project found with id 'proj_nobody'"):
        await store.ledger.grant("proj_nobody", 1, "PAYMENT", NOW)


async def test_concurrent_top_ups_grant_once(store):
    ours = await project(store)
    assert not await store.ledger.top_up(ours, 100, 500, NOW)
    await store.ledger.grant(ours, 50, "PAYMENT", NOW)
    done = await asyncio.gather(*(store.ledger.top_up(ours, 100, 500, NOW) for _ in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    assert await agree(store, ours) == 550


@pytest.mark.parametrize(
    ("period", "days"), [("day", [0]), ("week", [0, 1]), ("month", [0, 1, 13]), ("no_reset", [0, 1, 13, 14, 400])]
)
async def test_a_limit_counts_the_days_of_its_period(store, period, days):
    # 2023-11-14 was a Tuesday.
    assert first_day(period, NOW) == {"day": 19675, "week": 19674, "month": 19662, "no_reset": 0}[period]
    ours = await project(store)
    for key in ("key_a", "key_b"):
        for ago in (0, 1, 13, 14, 400):
            await store.ledger.record(
                ours, usage(10 ** days.index(ago) if ago in days else 7, key_id=key, created_at=NOW - ago * DAY)
            )
    await store.ledger.change_limit(ours, "key_a", SpendLimit("key_a", 5, "no_reset"), CHANGE)
    await store.ledger.change_limit(ours, "key_a", SpendLimit("key_a", 6, period), CHANGE)
    await store.ledger.change_limit(ours, ours, SpendLimit(ours, 7, period), CHANGE)
    standing = await store.ledger.spending_state(ours, "key_a", NOW)
    expected = sum(10**number for number in range(len(days)))
    spent = {one.limit.scope: (one.limit.credits, one.spent) for one in standing.limits}
    assert spent == {"key_a": (6, expected), ours: (7, 2 * expected)}
    await store.ledger.change_limit(ours, "key_a", None, CHANGE)
    assert await store.ledger.limit("key_a") is None
    assert len((await store.ledger.spending_state(ours, "key_a", NOW)).limits) == 1


async def test_entries_are_paged_and_filtered(store):
    ours = await project(store)
    await store.ledger.grant(ours, 100, "PAYMENT", NOW)
    for second in range(5):
        await store.ledger.record(ours, usage(1, created_at=NOW + second))
    first = await store.ledger.entries(ours, ALL, 4, None)
    second = await store.ledger.entries(ours, ALL, 4, first.records[-1].id)
    assert (first.has_more, second.has_more) == (True, False)
    assert [*first.records, *second.records] == await entries(store, ours)
    assert [entry.type for entry in await entries(store, ours, EntryFilter(incoming=True))] == ["PAYMENT"]
    assert len(await entries(store, ours, EntryFilter(incoming=False, type="MODEL_USAGE"))) == 5
    assert len(await entries(store, ours, EntryFilter(since=NOW + 1, until=NOW + 3))) == 2
    with pytest.raises(InvalidRequest, match="Invalid 'cursor'"):
        await store.ledger.entries(THEIRS, ALL, 4, first.records[-1].id)


async def test_a_report_sums_by_time_and_group(store):
    for minute, model, key, batch in [
        (0, "a", "k1", False),
        (0, "a", "k2", True),
        (1, "b", "k1", False),
        (60, "a", "k1", False),
    ]:
        members = {"model": model, "key_id": key, "batch": batch, "created_at": 600_000_000 + 60 * minute}
        await store.ledger.record(OURS, usage(2, input_tokens=10, cached_tokens=4, output_tokens=3, **members))
    await store.ledger.record(THEIRS, usage(1, created_at=600_000_000))
    await store.ledger.record(OURS, usage(1, kind="embedding", created_at=600_000_000))

    async def told(width, *groups, **only):
        question = UsageFilter(600_000_000, 600_000_000 + 7200, width, groups, kind="completion", **only)
        return [
            (one.bucket, tuple(one.group.values()), one.requests)
            for one in await store.usage.sum_usage([OURS], question)
        ]

    assert await told(DAY) == [(600_000_000 // DAY * DAY, (), 4)]
    assert [row[2] for row in await told(60)] == [2, 1, 1]
    assert [row[1:] for row in await told(DAY, "model", "batch")] == [(("a", 0), 2), (("a", 1), 1), (("b", 0), 1)]
    assert [row[1:] for row in await told(DAY, "key_id", models=("a",), key_ids=("k1", "k3"))] == [(("k1",), 2)]
    assert [row[2] for row in await told(DAY, batch=True)] == [1]
    (whole,) = await store.usage.sum_usage([OURS], UsageFilter(0, NOW, NOW))
    assert (whole.input_tokens, whole.cached_tokens, whole.output_tokens, whole.credits) == (40, 16, 12, 9)


async def test_two_hundred_at_once_leave_sums_that_agree(store):
    ours = await project(store)
    await store.ledger.grant(ours, 10_000, "PAYMENT", NOW)
    uses = [usage(number % 7, key_id=f"key_{number % 3}") for number in range(200)]
    await asyncio.gather(*(store.ledger.record(ours, one) for one in [*uses, *uses[:50]]))
    assert await agree(store, ours) == 10_000 - sum(one.credits for one in uses)


_amounts = st.integers(0, 1 << 50)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("use"), _amounts, st.integers(0, 12)),
        st.tuples(st.just("fail"), _amounts, st.integers(0, 12)),
        st.tuples(st.just("grant"), st.integers(-(1 << 50), 1 << 50), st.just(0)),
        st.tuples(st.just("top up"), _amounts, _amounts),
        st.tuples(st.just("unlimit"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
async def test_the_sums_equal_the_entries_after_random_changes(store, steps):
    ours = await project(store)
    expected, budgeted, seen = 0, False, set()
    for action, amount, other in steps:
        match action:
            case "use":
                fresh = await store.ledger.record(
                    ours, usage(amount, reference=f"{ours}/{other}", key_id=f"key_{other % 3}")
                )
                assert fresh is (other not in seen)
                seen.add(other)
                expected -= amount if fresh else 0
            case "fail":
                await failed(store, ours, usage(amount, reference=f"{ours}/{other}"))
            case "grant":
                account = await store.ledger.grant(ours, amount, "ADJUSTMENT", NOW)
                expected, budgeted = (expected if budgeted else 0) + amount, True
                assert account.balance == expected
            case "top up":
                due = budgeted and expected < other
                assert await store.ledger.top_up(ours, other, amount, NOW) is due
                expected += amount if due else 0
            case "unlimit":
                assert await store.ledger.remove_budget(ours, CHANGE) is budgeted
                budgeted = False
        assert await agree(store, ours) == expected


async def failed(store, project_id, one):
    def work():
        yield from record(store.database, project_id, one)
        raise KeyError

    with pytest.raises(KeyError):
        await store.database.write(work)
