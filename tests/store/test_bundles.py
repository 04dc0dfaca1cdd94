"""Statements that belong together: done as one, in order, and only where the first of them gave a row."""

import asyncio

import asyncpg
import pytest

from understudy.errors import StoreError
from understudy.store.database import Bundle

NAMES = "SELECT name FROM projects ORDER BY seq"
INSERT = "INSERT INTO projects (id, name, created_at) SELECT $1, $2, 0"


def names():
    rows = yield NAMES, ()
    return [row[0] for row in rows]


def chained(*added, alone=True):
    """Each is added after the one before it, whatever order the database would choose."""
    bundle = Bundle(alone=alone)
    last = ""
    for name in added:
        source = f" FROM {last}" if last else ""
        last = bundle.add(f"{INSERT}{source} RETURNING id, seq", name, name)
    return [row[0] for row in (yield bundle)]


def guarded(known, added, alone):
    bundle = Bundle(alone=alone)
    guard = bundle.add("SELECT seq FROM projects WHERE name = $1 FOR UPDATE", known)
    bundle.add(f"{INSERT} FROM {guard}", added, added)
    bundle.add(f"UPDATE projects SET created_at = 7 WHERE name = $1 AND EXISTS (SELECT 1 FROM {guard})", "first")
    return bool((yield bundle))


def second_thoughts():
    """What a bundle that stands alone did not do, the transaction around it does in another way."""
    if (yield from guarded("nobody", "never", alone=True)):
        raise AssertionError
    yield f"{INSERT}", ("slow", "slow")
    return (yield from names())


def refused_later():
    if (yield from guarded("nobody", "never", alone=True)):
        raise AssertionError
    yield f"{INSERT}", ("half", "half")
    raise ZeroDivisionError


@pytest.mark.parametrize("alone", [True, False])
async def test_statements_of_a_bundle_are_done_in_the_order_of_their_references(store, alone):
    wanted = [f"p{number}" for number in range(20)]
    assert await store.database.write(chained, *wanted, alone=alone) == ["p0"]
    assert await store.database.read(names) == wanted


@pytest.mark.parametrize("alone", [True, False])
async def test_without_a_row_of_the_first_nothing_else_is_done(store, alone):
    await store.database.write(chained, "first")
    assert not await store.database.write(guarded, "nobody", "never", alone)
    assert await store.database.read(names) == ["first"]
    assert await store.database.write(guarded, "first", "second", alone)
    assert await store.database.read(names) == ["first", "second"]


async def test_a_transaction_continues_after_a_bundle_without_effect(store):
    assert await store.database.write(second_thoughts) == ["slow"]
    with pytest.raises(ZeroDivisionError):
        await store.database.write(refused_later)
    assert await store.database.read(names) == ["slow"]


async def test_a_bundle_that_fails_leaves_nothing(store):
    await store.database.write(chained, "taken")
    with pytest.raises(StoreError):
        await store.database.write(chained, "free", "taken")
    assert await store.database.read(names) == ["taken"]
    assert await store.database.write(chained, "free") == ["free"]


def backend():
    rows = yield "SELECT pg_backend_pid() FROM pg_sleep(0.01)", ()
    return rows[0][0]


async def test_connections_that_the_server_has_cut_are_replaced(opened, url):
    if url is None:
        pytest.skip("SQLite has no connections to lose")
    async with opened() as store:
        await asyncio.gather(*[store.database.write(chained, f"p{number}") for number in range(40)])
        ours = set(await asyncio.gather(*[store.database.read(backend) for _ in range(40)]))
        other = await asyncpg.connect(url)
        try:
            await other.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", list(ours))
        finally:
            await other.close()
        lost = 0
        async with asyncio.timeout(10):
            while True:
                try:
                    assert len(await store.database.read(names)) == 40
                    break
                except StoreError:
                    lost += 1
        assert lost <= len(ours)
        await asyncio.gather(*[store.database.write(chained, f"q{number}") for number in range(40)])


async def test_a_cancelled_wait_for_a_connection_does_not_leak_it(opened, url):
    if url is None:
        pytest.skip("SQLite has no connections to wait for")

    def slow():
        yield "SELECT pg_sleep(0.2)", ()

    async with opened() as store:
        busy = [asyncio.ensure_future(store.database.read(slow)) for _ in range(64)]
        await asyncio.sleep(0)
        for task in busy[::2]:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        assert all(task.cancelled() for task in busy[::2])
        assert all(task.exception() is None for task in busy[1::2])
        assert await store.database.write(chained, "after") == ["after"]
