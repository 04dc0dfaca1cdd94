"""One statement finds whether work of any kind waits."""

import time

import pytest

from clocks import StillClock
from store.samples import NOW, OURS, run, thread
from understudy.clock import SystemClock
from understudy.store import pending_work
from understudy.store.pending_work import PendingWork
from understudy.store.workers import Workers


@pytest.fixture
def clock():
    return StillClock(float(NOW))


@pytest.fixture
def pending(store, clock):
    return PendingWork(store.database, clock, clock.now)


async def found(pending, clock):
    """The names of all work that waits, looked up again."""
    clock.time += 1
    return {name for name in pending_work._QUERIES if await pending.has(name)}


async def execute(store, sql, *arguments):
    def transaction():
        yield sql, arguments

    await store.database.write(transaction)


async def test_an_empty_store_has_no_work_and_what_is_unknown_is_assumed(pending, clock):
    assert await found(pending, clock) == set()
    assert await pending.has("chore")


async def test_waiting_orphaned_and_expired_runs_are_found(store, pending, clock):
    made = thread()
    await store.threads.create(OURS, made, [])
    waiting = run(made.id, status="queued", expires_at=NOW + 600)
    await store.runs.create(OURS, waiting, None)
    assert await found(pending, clock) == {"run"}
    await execute(store, "UPDATE runs SET owner = 'worker_dead'")
    assert await found(pending, clock) == {"run"}
    await store.workers.renew_lease("worker_dead", 60.0)
    assert await found(pending, clock) == set()
    clock.time = NOW + 600.0
    assert await found(pending, clock) == {"expired_run"}


async def test_no_query_reads_a_whole_table(store):
    if store.database.dialect == "postgres":
        pytest.skip("the plans of an empty PostgreSQL database say nothing")

    def explain(sql):
        return (yield f"EXPLAIN QUERY PLAN {sql}", (1.0,) if "$1" in sql else ())

    for queries in pending_work._QUERIES.values():
        for sql in queries:
            steps = [row[3] for row in await store.database.read(explain, sql)]
            scanned = [step for step in steps if step.startswith("SCAN ") and "INDEX" not in step]
            small = ("workers", "database_clock", "CONSTANT", "erasures", "blob_", "store_", "batch_")
            assert [step for step in scanned if not step.removeprefix("SCAN ").startswith(small)] == [], sql


async def test_deleted_objects_are_found_until_they_are_erased(store, pending, clock):
    made = thread()
    await store.threads.create(OURS, made, [])
    await store.threads.delete(OURS, made.id)
    assert await found(pending, clock) == {"deleted_thread"}
    await pending.run_if_pending("deleted_thread", store.threads.erase)
    while await store.threads.erase():
        pass
    assert await found(pending, clock) == set()


async def test_what_was_found_is_valid_for_a_moment(store, pending, clock):
    assert not await pending.has("expired_file")
    await store.blobs.hold("ab12", "ab12", NOW - 1.0)
    assert not await pending.has("expired_file")
    assert await found(pending, clock) == {"expired_file"}


async def test_what_was_found_is_valid_for_longer_where_many_nodes_look(store, clock, pending):
    workers = Workers(store.database, SystemClock(), pending=pending)
    for number in range(30):
        await workers.renew_lease(f"worker_{number}", 60.0)
    assert pending.nodes == 30
    assert not await pending.has("expired_file")
    await store.blobs.hold("ab12", "ab12", NOW - 1.0)
    clock.time += 0.25
    assert not await pending.has("expired_file")
    clock.time += 0.1
    assert await pending.has("expired_file")


class Lease:
    def __init__(self, owner, *, is_steady=True):
        self.owner = owner
        self.is_steady = is_steady
        self.ages = []

    def carry(self, age, nodes):
        self.ages.append((age, nodes))


async def lease_ends(store):
    def transaction():
        return dict((yield "SELECT id, lease_until FROM workers", ()))

    return await store.database.read(transaction)


async def test_a_renewal_renews_the_other_leases_of_the_process_that_have_not_ended(store):
    workers = Workers(store.database, SystemClock())
    steady, failing, ended = Lease("worker_b"), Lease("worker_c", is_steady=False), Lease("worker_d")
    for lease, seconds in ((steady, 4.0), (failing, 4.0), (ended, -1.0)):
        await workers.renew_lease(lease.owner, seconds)
    workers.leases.update((steady, failing, ended))
    before, now = await lease_ends(store), time.time()
    await workers.renew_lease("worker_a", 60.0)
    after = await lease_ends(store)
    assert after["worker_a"] == after["worker_b"] > now + 50
    assert {name: after[name] for name in ("worker_c", "worker_d")} == {
        name: before[name] for name in ("worker_c", "worker_d")
    }
    assert [nodes for _, nodes in steady.ages] == [3]
    assert not failing.ages
    assert not ended.ages
    # One that has to wait before it claims anything renews itself alone.
    await workers.renew_lease("worker_a", 90.0, 4.0)
    assert (await lease_ends(store))["worker_b"] == after["worker_b"]
