"""The pool of leased jobs on both databases: leases, fairness, cancellation, and what happens when the store fails."""

import asyncio
import contextlib
import itertools
import signal
import sys
import time
from pathlib import Path

import pytest

from clocks import StillClock
from understudy import telemetry
from understudy.broker.memory import MemoryBroker
from understudy.broker.opening import build_broker
from understudy.clock import SystemClock
from understudy.engine.jobs.fair_queue import FairQueue
from understudy.engine.jobs.job import JobKind
from understudy.engine.jobs.lease import LEASE_SECONDS
from understudy.engine.jobs.pool import LeasePool
from understudy.errors import StoreError, Unavailable
from understudy.store import open_store
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.workers import Candidate, Claim, JobTable
from waiting import WITHIN

TABLE = (
    "CREATE TABLE chores (seq BIGINT PRIMARY KEY, project_id TEXT, owner TEXT, attempts BIGINT, interruptions BIGINT,"
    " due_at DOUBLE PRECISION, done BIGINT)"
)
CHORES = JobTable("chores", "done = 0", "0")
LISTING = FairListing("chores", CHORES.is_waiting, condition="AND due_at <= $2")
# A worker in a process of its own, which claims one job and works on it until it is killed.
WORKER = """
import asyncio, sys
sys.path[:0] = sys.argv[3:]
from engine import test_pool
asyncio.run(test_pool.work_for_ever(*sys.argv[1:3]))
"""


class Chores(JobKind):
    """Jobs that wait until `free` is set, and note who did them."""

    name = "chore"

    def __init__(self, store):
        self.store = store
        self.cursor = FairCursor()
        self.free = asyncio.Event()
        self.started = []
        self.failures = []
        self.retry_delay = None
        self.changed = asyncio.Condition()

    async def wait_until(self, predicate):
        async with asyncio.timeout(WITHIN), self.changed:
            await self.changed.wait_for(predicate)

    async def list_candidates(self, now):
        def read():
            orphaned = yield from CHORES.list_orphaned("seq, project_id", now, 100)
            return orphaned + (yield from LISTING.list_waiting(now, 100, self.cursor))

        return await self.store.database.read(read)

    async def claim(self, candidate, owner, now):
        columns = "project_id, attempts, interruptions"
        row = await self.store.database.write(CHORES.claim, candidate.key, owner, now, columns)
        return row and Claim(seq=candidate.key, project_id=row[0], attempts=row[1], interruptions=row[2])

    async def list_owned(self, owner):
        return await self.store.database.read(CHORES.list_owned, owner)

    async def release_forgotten(self, owner, keys):
        for seq in keys:
            await self.store.database.write(CHORES.release, seq, owner, 0.0, 1)

    async def run(self, work):
        async with self.changed:
            self.started.append(work)
            self.changed.notify_all()
        if self.failures:
            raise self.failures.pop(0)
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            await self.store.database.write(CHORES.release, work.seq, self.pool.id, 0.0, 1)
            raise
        await execute(self.store, "UPDATE chores SET done = 1, owner = NULL WHERE seq = $1", work.seq)
        async with self.changed:
            self.changed.notify_all()
        return self.retry_delay

    def job_ended(self, work):
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self):
        async with self.changed:
            self.changed.notify_all()


async def execute(store, sql, *args):
    def write():
        return (yield sql, args)

    return await store.database.write(write)


async def add(store, *projects):
    for seq, project in enumerate(projects, start=1):
        await execute(store, "INSERT INTO chores VALUES ($1, $2, NULL, 0, 0, 0, 0)", seq, project)


async def owner_of(store, seq):
    return (await execute(store, "SELECT owner FROM chores WHERE seq = $1", seq))[0][0]


async def work_for_ever(directory, url):
    store = await open_store(Path(directory), url or None)
    chores = Chores(store)
    chores.pool = LeasePool(chores, store.workers, SystemClock(), "killed", 1, MemoryBroker())
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    sys.stdout.write("working\n")
    sys.stdout.flush()
    await chores.free.wait()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
async def store(tmp_path, url):
    opened = await open_store(tmp_path, url)
    await execute(opened, TABLE)
    yield opened
    await opened.close()


@pytest.fixture
async def node(store):
    """Makes pools on the test's database, which are stopped in the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(places=2, clock=None, broker=None, is_announced=False):
            chores = Chores(store)
            broker = broker or MemoryBroker()
            monotonic = time.monotonic if clock is None else clock.monotonic
            clock = clock or SystemClock()
            chores.pool = LeasePool(
                chores,
                store.workers,
                clock,
                "chores",
                places,
                broker,
                is_announced=is_announced,
                monotonic=monotonic,
            )
            stack.push_async_callback(chores.pool.stop)
            return chores

        yield make


@pytest.mark.slow
async def test_a_job_of_a_killed_worker_is_claimed_after_its_lease_expired(store, node, tmp_path, url):
    await add(store, "ours")
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(tmp_path), url or "", *sys.path, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WITHIN):
        assert await killed.stdout.readline() == b"working\n"
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    other = node()
    await other.pool.start()
    await other.wait_until(lambda: other.started)
    assert [(claim.attempts, claim.interruptions) for claim in other.started] == [(1, 1)]


async def expire_lease(store, pool):
    """Stops the heartbeat, and ends the lease in the database."""
    await pool._loops[0].stop()
    await store.workers.renew_lease(pool.id, -1.0)


async def test_a_worker_with_an_expired_lease_stops_and_another_claims_its_job(store, node):
    clock = StillClock()
    await add(store, "ours")
    late = node(clock=clock)
    await late.pool.start()
    await late.wait_until(lambda: late.started)
    await expire_lease(store, late.pool)
    clock.time += LEASE_SECONDS + 1
    other = node()
    await other.pool.start()
    await other.wait_until(lambda: other.started)
    assert late.pool.jobs
    await late.pool._renew_lease()
    await late.wait_until(lambda: not late.pool.jobs)
    assert await owner_of(store, 1) == other.pool.id


async def test_a_worker_that_cannot_renew_its_lease_starts_nothing_more(store, node):
    clock = StillClock()
    await add(store, "ours")
    chores = node(clock=clock)
    assert not chores.pool.holds_lease
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    assert chores.pool.holds_lease
    await chores.pool._loops[0].stop()
    for seconds, holds in ((LEASE_SECONDS - 2.1, True), (0.2, False)):
        clock.time += seconds
        assert chores.pool.holds_lease is holds
        assert chores.pool.has_capacity() is holds
    await execute(store, "INSERT INTO chores VALUES (2, 'ours', NULL, 0, 0, 0, 0)")
    await chores.pool._sweep()
    assert not await chores.pool._claim_queued()
    assert await owner_of(store, 2) is None


async def test_a_job_that_is_announced_after_the_lease_has_lapsed_waits_for_no_heartbeat(store, node):
    clock = StillClock()
    chores = node(clock=clock, is_announced=True)
    await chores.pool.start()
    await chores.pool._loops[0].stop()
    clock.time += LEASE_SECONDS + 1
    assert not chores.pool.has_capacity()
    await add(store, "ours")
    chores.pool.announce(Candidate(1, "ours"))
    # The sweep does nothing without a lease.
    await chores.wait_until(lambda: chores.started)
    assert chores.pool.holds_lease


async def test_a_job_that_nobody_claimed_during_an_outage_goes_on(store, node):
    clock = StillClock()
    await add(store, "ours")
    chores = node(clock=clock)
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await expire_lease(store, chores.pool)
    clock.time += 60
    await chores.pool._renew_lease()
    await chores.pool._sweep()
    assert chores.pool.holds_lease
    chores.free.set()
    await chores.wait_until(lambda: not chores.pool.jobs)
    assert len(chores.started) == 1


async def test_after_an_outage_jobs_of_others_are_claimed_two_heartbeats_later(store, node, url):
    clock = StillClock()
    chores = node(clock=clock)
    await chores.pool.start()
    await expire_lease(store, chores.pool)
    clock.time += 60
    await add(store, "ours", "ours")
    await execute(store, "UPDATE chores SET owner = 'other' WHERE seq = 1")
    await chores.pool._renew_lease()
    await chores.pool._sweep()
    await chores.wait_until(lambda: chores.started)
    assert [claim.seq for claim in chores.started] == ([2] if url else [1])
    await chores.wait_until(lambda: len(chores.started) == 2)
    assert {claim.seq for claim in chores.started} == {1, 2}


async def test_a_project_with_many_jobs_delays_another_one_by_one_job_a_worker(store, node):
    await add(store, *["many"] * 30, "one")
    first = node(places=1)
    await first.pool.start()
    first.free.set()
    await first.wait_until(lambda: any(claim.project_id == "one" for claim in first.started))
    order = [claim.project_id for claim in first.started]
    assert order.index("one") <= 1


async def test_announced_jobs_of_a_project_delay_another_one_by_one_job_a_worker(store, node):
    await add(store, *["many"] * 30, "one")
    chores = node(places=1, is_announced=True)
    for seq in range(1, 31):
        chores.pool.announce(Candidate(seq, "many"))
    chores.pool.announce(Candidate(31, "one"))
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    assert not chores.pool.has_capacity()
    chores.free.set()
    await chores.wait_until(lambda: len(chores.started) == 31)
    assert [claim.project_id for claim in chores.started].index("one") <= 2


async def test_as_many_jobs_as_have_places_are_claimed_at_a_time_from_all_projects(store, node):
    await add(store, "many", "many", "many", "one", "one")
    chores = node(places=3)
    together, claim = asyncio.Barrier(3), chores.claim

    async def claim_together(*args):
        await together.wait()
        return await claim(*args)

    chores.claims_at_once, chores.claim = 4, claim_together
    await chores.pool.start()
    await chores.wait_until(lambda: len(chores.started) == 3)
    assert sorted(claim.project_id for claim in chores.started) == ["many", "many", "one"]
    assert not chores.pool.has_capacity()


async def test_a_failed_claim_does_not_stop_those_made_with_it(store, node, caplog):
    await add(store, "ours", "ours")
    chores = node()
    claim, failures = chores.claim, [StoreError("The disk is full.")]

    async def fail_once(*args):
        if failures:
            raise failures.pop()
        return await claim(*args)

    chores.claims_at_once, chores.claim = 2, fail_once
    await chores.pool.start()
    await chores.wait_until(lambda: len(chores.started) == 2)
    assert "The disk is full." in caplog.text
    assert chores.pool.free_places == 0


async def test_a_queue_that_is_longer_than_the_memory_of_a_worker_is_worked_off_without_a_sweep(store, node):
    await add(store, *["ours"] * 8)
    chores = node(places=2, is_announced=True)
    chores.pool._queue._most = 2
    await chores.pool.start()
    await chores.pool._loops[1].stop()
    for seq in range(1, 9):
        chores.pool.announce(Candidate(seq, "ours"))
    assert len(chores.pool._queue) <= 2
    chores.free.set()
    await chores.wait_until(lambda: len(chores.started) == 8)


async def test_a_job_that_could_not_reach_the_store_backs_off_and_is_repeated(store, node, caplog):
    clock = StillClock()
    await add(store, "ours")
    chores = node(clock=clock)
    chores.failures.append(StoreError("The database is away."))
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started and not chores.pool.jobs)
    assert "chore 1: store unavailable, backing off: The database is away." in caplog.text
    chores.pool.wake()
    await chores.pool._sweep()
    assert len(chores.started) == 1
    clock.time += 6
    await chores.pool._renew_lease()
    await chores.pool._sweep()
    await chores.wait_until(lambda: len(chores.started) == 2)


async def test_an_interrupted_job_leaves_its_place_to_the_next_one(store, node):
    await add(store, "ours", "ours")
    chores = node(places=1)
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await execute(store, "UPDATE chores SET done = 1 WHERE seq = 1")
    chores.pool.interrupt(1)
    await chores.wait_until(lambda: len(chores.started) == 2)
    assert chores.started[1].seq == 2


async def test_a_job_that_was_cancelled_elsewhere_is_interrupted_by_the_sweep(store, node):
    await add(store, "ours")
    chores = node()
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await execute(store, "UPDATE chores SET done = 1 WHERE seq = 1")
    await chores.wait_until(lambda: not chores.pool.jobs)


async def test_a_job_that_has_just_ended_its_claim_is_not_interrupted(store, node):
    await add(store, "ours")
    chores = node()
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await chores.pool._loops[1].stop()
    (job,) = chores.pool.jobs.values()
    await execute(store, "UPDATE chores SET done = 1 WHERE seq = 1")
    await chores.pool._sweep()
    assert not job.interrupted
    await chores.pool._sweep()
    assert job.interrupted


async def test_a_stopped_pool_releases_its_jobs_and_its_lease(store, node):
    await add(store, "ours")
    chores = node()
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await chores.pool.stop()
    await chores.pool.stop()
    assert await owner_of(store, 1) is None
    assert await execute(store, "SELECT id FROM workers") == []
    assert not chores.pool.has_capacity()
    with pytest.raises(Unavailable):
        chores.pool.require_running()


async def test_jobs_of_a_stopped_pool_are_claimed_by_another_one_at_once(store, node, redis_server, url):
    """By a wake-up: the other one does not sweep."""
    if url is None:
        pytest.skip("SQLite has one server")
    await add(store, "ours", "ours")
    async with contextlib.AsyncExitStack() as stack:
        first, other = [node(broker=await connect(redis_server.url, stack)) for _ in range(2)]
        await first.pool.start()
        await first.wait_until(lambda: len(first.started) == 2)
        await other.pool.start()
        await other.pool._loops[1].stop()
        await first.pool.stop()
        await other.wait_until(lambda: len(other.started) == 2)
    assert [(claim.attempts, claim.interruptions) for claim in other.started] == [(1, 0), (1, 0)]


async def connect(url, stack):
    broker = build_broker(url, 60.0)
    await broker.start()
    stack.push_async_callback(broker.stop)
    return broker


async def test_a_job_that_is_interrupted_before_its_first_step_leaves_the_pool(store, node):
    await add(store, "ours")
    chores = node()
    claim = await chores.claim(Candidate(1, "ours"), chores.pool.id, SystemClock().now())
    chores.pool.launch(Candidate(1, "ours"), claim)
    chores.pool.interrupt(1)
    await chores.wait_until(lambda: not chores.pool.jobs)


@pytest.fixture
def events():
    """What the pool emits, in order."""
    received = []
    ends = [
        telemetry.subscribe(event, received.append)
        for event in (telemetry.JobClaimed, telemetry.JobFinished, telemetry.JobRetried)
    ]
    yield received
    for end in ends:
        end()


async def test_each_attempt_emits_its_claim_and_its_end(store, node, events):
    await add(store, "ours")
    chores = node()
    chores.free.set()
    await chores.pool.start()
    await chores.wait_until(lambda: len(events) == 2)
    claimed, finished = events
    assert claimed == telemetry.JobClaimed(job_kind="chore", key=1, project_id="ours")
    assert (finished.job_kind, finished.key, finished.project_id, finished.status) == ("chore", 1, "ours", "ended")
    assert finished.duration > 0


async def test_a_failed_attempt_emits_the_delay_of_the_next_one(store, node, events):
    await add(store, "ours", "ours")
    chores = node(places=1)
    chores.failures += [StoreError("The database is away."), ValueError("broken")]
    await chores.pool.start()
    await chores.wait_until(lambda: len(events) == 4)
    assert [(type(event).__name__, event.key) for event in events] == [
        ("JobClaimed", 1),
        ("JobRetried", 1),
        ("JobClaimed", 2),
        ("JobRetried", 2),
    ]
    assert [event.delay for event in events[1::2]] == [5.0, 5.0]


async def test_a_job_that_releases_itself_for_a_retry_emits_its_delay(store, node, events):
    await add(store, "ours")
    chores = node()
    chores.retry_delay = 3.0
    chores.free.set()
    await chores.pool.start()
    await chores.wait_until(lambda: len(events) == 2)
    assert (type(events[1]), events[1].delay) == (telemetry.JobRetried, 3.0)


async def test_an_interrupted_job_emits_its_interruption(store, node, events):
    await add(store, "ours")
    chores = node()
    await chores.pool.start()
    await chores.wait_until(lambda: chores.started)
    await chores.pool.stop()
    assert [type(event) for event in events] == [telemetry.JobClaimed, telemetry.JobFinished]
    assert events[1].status == "interrupted"


def test_projects_and_their_groups_take_turns():
    queue = FairQueue()
    for key in range(6):
        queue.add(Candidate(key, "ours", key % 2))
    queue.add(Candidate(6, "theirs"))
    queue.add(Candidate(6, "theirs"))
    order = []
    while queue:
        candidate = queue.pop()
        queue.job_started(candidate)
        order.append(candidate.key)
    assert order == [0, 6, 1, 2, 3, 4, 5]


def test_projects_with_fewer_running_jobs_come_first_however_many_changes_there_were():
    queue, running = FairQueue(), {f"proj_{number}": 0 for number in range(40)}
    keys = itertools.count()
    for project in running:
        for _ in range(5):
            queue.add(Candidate(next(keys), project))
    jobs = []
    for turn in range(200):
        candidate = queue.pop()
        assert running[candidate.project_id] == min(running.values())
        queue.job_started(candidate)
        running[candidate.project_id] += 1
        jobs.append(candidate)
        if turn % 3 == 0:
            ended = jobs.pop(turn % len(jobs))
            queue.job_ended(ended)
            running[ended.project_id] -= 1
            queue.add(Candidate(next(keys), ended.project_id))


def test_a_queue_has_the_oldest_candidates_of_a_group_and_reports_that_there_were_more():
    queue = FairQueue()
    for key in range(150):
        queue.add(Candidate(key, "ours"))
    assert len(queue) == 100
    assert not queue.is_incomplete
    assert [queue.pop().key for _ in range(100)] == list(range(100))
    assert queue.is_incomplete
