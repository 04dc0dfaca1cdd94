"""Concurrent writes: acknowledged ones survive, a failed one affects no other, no partial write is visible."""

import asyncio
from contextvars import ContextVar

import apsw
import pytest

from store import samples
from store.samples import OURS
from understudy.errors import NotFound, StoreError
from understudy.store import open_store
from understudy.store.pages import PageRequest

request: ContextVar[str] = ContextVar("request", default="")


class Refused(Exception):
    pass


def insert(name):
    sql = "INSERT INTO projects (id, name, created_at) VALUES ($1, $1, 0) RETURNING id"
    rows = yield sql, (name,)
    return rows[0][0]


def refused(name):
    yield from insert(name)
    raise Refused(name)


def broken(name):
    yield from insert(name)
    yield "SELECT nothing FROM nowhere", ()


def names():
    rows = yield "SELECT id FROM projects ORDER BY seq", ()
    return [row[0] for row in rows]


async def test_a_thousand_writes_at_once_are_all_there_after_opening_again(opened):
    wanted = [f"p{number}" for number in range(1000)]
    async with opened() as store:
        assert await asyncio.gather(*[store.database.write(insert, name) for name in wanted]) == wanted
        assert sorted(await store.database.read(names)) == sorted(wanted)
    async with opened() as store:
        assert sorted(await store.database.read(names)) == sorted(wanted)


@pytest.mark.parametrize("count", [1, 50])
async def test_a_write_that_fails_leaves_no_trace_and_harms_no_neighbour(store, count):
    writes = []
    for number in range(count):
        writes += [
            store.database.write(insert, f"good{number}"),
            store.database.write(refused, f"refused{number}"),
            store.database.write(broken, f"broken{number}"),
        ]
    ended = await asyncio.gather(*writes, return_exceptions=True)
    assert ended[0::3] == [f"good{number}" for number in range(count)]
    assert all(isinstance(one, Refused) for one in ended[1::3])
    assert all(isinstance(one, StoreError) for one in ended[2::3])
    assert sorted(await store.database.read(names)) == sorted(f"good{number}" for number in range(count))


async def test_a_single_failed_write_does_not_affect_the_next_one(store):
    for number in range(3):
        with pytest.raises(Refused):
            await store.database.write(refused, "x")
        assert await store.database.write(insert, f"good{number}") == f"good{number}"
    assert await store.database.read(names) == ["good0", "good1", "good2"]


async def test_a_constraint_violation_fails_only_its_own_write(store):
    ended = await asyncio.gather(*[store.database.write(insert, "same") for _ in range(5)], return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["StoreError"] * 4 + ["str"]
    assert await store.database.read(names) == ["same"]


async def test_a_cancelled_write_does_not_affect_writes_beside_it(store):
    tasks = [asyncio.ensure_future(store.database.write(insert, f"p{number}")) for number in range(30)]
    tasks[3].cancel()
    await asyncio.sleep(0)
    for task in tasks[10:20]:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    kept = set(await store.database.read(names))
    assert all(one in kept for one in ended if isinstance(one, str))
    assert {one for one in ended if isinstance(one, str)} == {f"p{n}" for n in range(30) if n != 3 and not 10 <= n < 20}
    assert await store.database.write(insert, "after") == "after"


async def test_closing_waits_for_the_writes_under_way(opened):
    async with opened() as store:
        tasks = [asyncio.ensure_future(store.database.write(insert, f"p{number}")) for number in range(300)]
        await asyncio.sleep(0)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    async with opened() as store:
        kept = set(await store.database.read(names))
    assert {one for one in ended if isinstance(one, str)} <= kept


async def test_a_reader_never_sees_half_an_intent(store):
    def both(number):
        yield from insert(f"a{number}")
        yield from insert(f"b{number}")

    async def look():
        found = await store.database.read(names)
        assert len(found) % 2 == 0

    await asyncio.gather(*[part for number in range(100) for part in (store.database.write(both, number), look())])


async def test_the_order_of_a_list_is_that_of_the_writes(store):
    given = [samples.assistant() for _ in range(20)]
    for one in given:
        await store.assistants.create(OURS, one)
    page = await store.assistants.page(OURS, PageRequest(order="asc"))
    assert [row[0] for row in page.rows] == [one.id for one in given]


async def test_a_long_search_does_not_hold_up_a_read(store):
    def slow():
        yield (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT sum(i) FROM n",
            (),
        )

    order = []

    async def scan():
        await store.database.scan(slow)
        order.append("scan")

    async def read():
        await asyncio.sleep(0)
        await store.database.read(names)
        order.append("read")

    await asyncio.gather(scan(), read())
    assert order == ["read", "scan"]


async def test_the_readiness_check_passes_for_an_open_database(store):
    await store.database.ready()


async def test_a_closed_database_raises_a_store_error(opened, url):
    async with opened() as store:
        await store.database.close()
        for attempt in (store.database.read(names), store.database.ready()):
            with pytest.raises(StoreError):
                await attempt


async def test_a_writer_outside_is_waited_for(tmp_path):
    store = await open_store(tmp_path)
    try:
        other = apsw.Connection(str(tmp_path / "understudy.sqlite3"))
        other.execute("BEGIN IMMEDIATE")
        committed = asyncio.get_running_loop().run_in_executor(None, _commit, other)
        assert await store.database.write(insert, "patient") == "patient"
        await committed
    finally:
        await store.close()


def _commit(connection):
    connection.execute("COMMIT")
    connection.close()


def is_stored(name):
    rows = yield "SELECT 1 FROM projects WHERE id = $1", (name,)
    return bool(rows)


async def test_what_begins_with_a_write_begins_once_and_is_seen_once_it_is_stored(store):
    begun = []

    def begin(name):
        begun.append((name, asyncio.ensure_future(store.database.read(is_stored, name))))

    assert await store.database.write_early(begin, insert, "early") == "early"
    [(name, was_stored)] = begun
    assert name == "early"
    # Its own database may call it before the commit, when nobody else reads the row.
    assert await was_stored is not store.database.applies_early
    assert await store.database.read(is_stored, "early")


async def test_what_begins_with_a_write_runs_in_the_context_of_its_task(store):
    seen = []
    request.set("ours")
    await asyncio.gather(
        store.database.write_early(lambda _: seen.append(request.get()), insert, "first"),
        store.database.write(insert, "second"),
    )
    assert seen == ["ours"]


@pytest.mark.parametrize("transaction", [refused, broken])
async def test_nothing_begins_with_a_write_that_fails(store, transaction):
    begun = []
    with pytest.raises((Refused, StoreError)):
        await store.database.write_early(begun.append, transaction, "x")
    assert begun == []
    assert await store.database.write_early(begun.append, insert, "y") == "y"
    assert begun == ["y"]


async def test_a_commit_that_fails_is_raised_by_the_write_that_has_begun_something(tmp_path, monkeypatch):
    store = await open_store(tmp_path, None)
    begun = []

    def fail():
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store.database, "_commit_transaction", fail)
        with pytest.raises(StoreError, match="disk is full"):
            await store.database.write_early(begun.append, insert, "x")
    assert begun == ["x"]
    assert not await store.database.read(is_stored, "x")
    assert await store.database.write(insert, "x") == "x"
    await store.close()


async def test_an_error_of_what_begins_is_raised_by_the_write(store):
    def begin(_):
        raise Refused("begin")

    with pytest.raises(Refused, match="begin"):
        await store.database.write_early(begin, insert, "x")


async def test_writes_that_fail_after_a_change_do_not_double_those_beside_them(store):
    """SQLite runs such a batch a second time, and what it adds to the text index only once."""
    made = samples.thread()
    await store.threads.create(OURS, made, [])
    for turn in range(3):
        texts = [samples.message(made.id, text=f"word{turn}x{number}") for number in range(5)]
        writes = [store.messages.create(OURS, one) for one in texts]
        writes.insert(2, store.database.write(refused, f"refused{turn}"))
        ended = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(one) for one in ended if one is not None] == [Refused]
    page = await store.messages.page(OURS, made.id, PageRequest(limit=100, order="asc"))
    assert len(page.rows) == 15
    assert [name for name in await store.database.read(names) if name.startswith("refused")] == []


async def test_writes_behind_one_without_memory_are_stored_or_fail(tmp_path):
    """SQLite rolls back the transaction, and would store each later write by itself."""
    store = await open_store(tmp_path, None)

    def oversized():
        apsw.hard_heap_limit(apsw.memory_used() + 100_000)
        try:
            yield "INSERT INTO projects (id, name, created_at) VALUES (hex(randomblob(5000000)), $1, 0)", ("x",)
        finally:
            apsw.hard_heap_limit(0)

    for turn in range(2):
        writes = [store.database.write(insert, f"{turn}before"), store.database.write(oversized)]
        writes += [store.database.write(insert, f"{turn}behind{number}") for number in range(2)]
        ended = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(ended[1], StoreError)
        assert await store.database.read(names) == [one for one in ended if isinstance(one, str)]
    assert await store.database.write(insert, "after") == "after"
    await store.close()


async def test_the_text_index_follows_all_changes_of_one_batch(store):
    if store.database.dialect == "postgres":
        pytest.skip("PostgreSQL has no batches of writes")
    made = samples.thread()
    kept, deleted = samples.message(made.id, text="heron"), samples.message(made.id, text="heron")
    await store.threads.create(OURS, made, [])
    await asyncio.gather(
        store.messages.create(OURS, kept),
        store.messages.create(OURS, deleted),
        store.messages.delete(OURS, made.id, deleted.id),
    )

    def find():
        sql = f"SELECT id FROM items WHERE body IS NOT NULL AND seq IN ({store.database.text_match})"
        return [row[0] for row in (yield sql, (store.database.text_query("heron"),))]

    assert await store.database.read(find) == [kept.id]
    await store.messages.delete(OURS, made.id, kept.id)
    assert await store.database.read(find) == []


async def test_a_cached_text_is_read_again_after_each_change(store):
    made = samples.assistant(name="first")
    await store.assistants.create(OURS, made)
    assert '"first"' in await store.assistants.get(OURS, made.id)
    for name in ("second", "third"):

        def rename(assistant, name=name):
            assistant.name = name

        changing = asyncio.ensure_future(store.assistants.modify(OURS, made.id, rename))
        while not changing.done():
            # What is read while the change is being committed is not cached afterwards.
            await store.assistants.get(OURS, made.id)
            await asyncio.sleep(0)
        assert f'"{name}"' in await store.assistants.get(OURS, made.id)
        with pytest.raises(NotFound):
            await store.assistants.get("proj_other", made.id)
    await store.assistants.delete(OURS, made.id)
    with pytest.raises(NotFound):
        await store.assistants.get(OURS, made.id)
