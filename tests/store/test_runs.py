"""Stored runs: the lock of the thread, allowed transitions, checkpoints, and claims by workers."""

import asyncio
import contextlib
import json
import time
from functools import partial

import asyncpg
import msgspec
import pytest

from store import samples
from store.samples import OURS
from understudy.errors import InvalidRequest, NotFound
from understudy.store import open_store, run_claims
from understudy.store.fair_candidates import FairCursor
from understudy.store.messages import LATEST
from understudy.store.pages import PageRequest
from understudy.store.run_lists import RunFilter, page_project_runs
from understudy.store.run_state import Checkpoint, NewItem, Progress
from understudy.store.states import ACTIVE, TERMINAL, TRANSITIONS
from understudy.wire.run_outcome import RunCompletionUsage

NOW = 1_000.0
# Seconds.
LEASE, EXPIRED = 60.0, -1.0


class ShiftedClock:
    """A clock that differs from the machine's by some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return time.time() + self.seconds


async def stored(store, status="queued", owner=None, **members):
    """A run on a thread of its own."""
    thread = samples.thread()
    run = samples.run(thread.id, status, **members)
    await store.threads.create(OURS, thread, [])
    await store.runs.create(OURS, run, owner)
    return run


def as_(run, status, **members):
    return msgspec.structs.replace(run, status=status, **members)


async def shown(store, run):
    _, body = await store.runs.get(OURS, run.thread_id, run.id)
    return json.loads(body)


async def test_a_run_begins_with_what_the_store_has_of_its_new_thread(store):
    thread, begun = samples.thread(), []
    messages = [samples.message(thread.id, text) for text in ("first", None, 'quo"ted ü')]
    await store.runs.create(OURS, samples.run(thread.id), None, messages, thread, begun=begun.append)
    read = await store.messages.newest(thread.id, LATEST, 10)
    assert len(read) == 3
    assert begun == [read if store.database.applies_early else None]


# -- the lock ----------------------------------------------------------------------------------------------------


async def test_one_of_many_runs_created_at_once_is_stored_with_its_messages(store):
    thread = samples.thread()
    await store.threads.create(OURS, thread, [])
    runs = [samples.run(thread.id) for _ in range(50)]
    said = [samples.message(thread.id, str(number)) for number in range(50)]
    ended = await asyncio.gather(
        *[store.runs.create(OURS, run, None, [message]) for run, message in zip(runs, said, strict=True)],
        return_exceptions=True,
    )
    (won,) = [index for index, one in enumerate(ended) if one is None]
    for one in ended:
        if one is not None:
            assert isinstance(one, InvalidRequest)
            assert one.message == f"Thread {thread.id} already has an active run {runs[won].id}."
    assert [row[0] for row in (await store.runs.page(OURS, thread.id, PageRequest())).rows] == [runs[won].id]
    assert [row[0] for row in (await store.messages.page(OURS, thread.id, PageRequest())).rows] == [said[won].id]


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_an_active_run_locks_its_thread_and_an_ended_one_does_not(store, status):
    run = await stored(store, status)
    more = (
        store.runs.create(OURS, samples.run(run.thread_id), None),
        store.messages.create(OURS, samples.message(run.thread_id)),
    )
    if status in ACTIVE:
        with pytest.raises(InvalidRequest, match=f"already has an active run {run.id}"):
            await more[0]
        with pytest.raises(InvalidRequest, match=f"while a run {run.id} is active"):
            await more[1]
    else:
        await more[1]
        await more[0]


@pytest.mark.parametrize("late", ["message", "run"])
async def test_a_late_message_or_run_waits_for_the_lock_of_the_thread(store, url, late):
    """SQLite has one writer; PostgreSQL has to lock the thread, or a message slips in beside a run that begins."""
    thread = samples.thread()
    run = samples.run(thread.id)
    await store.threads.create(OURS, thread, [samples.message(thread.id)])

    def doing():
        if late == "message":
            return store.messages.create(OURS, samples.message(thread.id))
        return store.runs.create(OURS, samples.run(thread.id), None, [samples.message(thread.id)])

    if url is None:
        await store.runs.create(OURS, run, None)
        adding = asyncio.ensure_future(doing())
    else:
        adding = await _beside(store, url, run, doing)
    with pytest.raises(InvalidRequest, match=f"active run {run.id}|while a run {run.id} is active"):
        await adding
    assert len((await store.messages.page(OURS, thread.id, PageRequest())).rows) == 1


async def test_messages_of_many_writers_are_listed_in_the_order_in_which_they_became_visible(store):
    """A client that pages forwards from the last message it has seen misses no late one."""
    thread = samples.thread()
    await store.threads.create(OURS, thread, [])
    seen: list[str] = []

    async def write():
        for _ in range(20):
            await store.messages.create(OURS, samples.message(thread.id))

    async def walk():
        while len(seen) < 160:
            page = await store.messages.page(OURS, thread.id, PageRequest(100, "asc", seen[-1] if seen else None))
            seen.extend(row[0] for row in page.rows)
            await asyncio.sleep(0)

    async with asyncio.timeout(20):
        await asyncio.gather(walk(), *[write() for _ in range(8)])
    whole = [
        *(await store.messages.page(OURS, thread.id, PageRequest(100, "asc"))).rows,
        *(await store.messages.page(OURS, thread.id, PageRequest(100, "asc", seen[99]))).rows,
    ]
    assert seen == [row[0] for row in whole]


async def _beside(store, url, run, doing):
    """Does something while another process is in the middle of creating the run; returns once that has committed."""
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            await other.execute("UPDATE threads SET activations = activations + 1 WHERE id = $1", run.thread_id)
            adding = asyncio.ensure_future(doing())
            async with asyncio.timeout(10):
                while not adding.done() and not await store.database.read(_waiting):  # noqa: ASYNC110 - the database alone knows
                    await asyncio.sleep(0)
            await other.execute(
                "INSERT INTO runs (id, thread_id, project_id, status, attempts, expires_at, progress, body)"
                " VALUES ($1, $2, $3, 'queued', 0, 0, '{}', '{}')",
                run.id,
                run.thread_id,
                OURS,
            )
    finally:
        await other.close()
    return adding


def _waiting():
    return (yield "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()", ())


async def test_a_run_needs_a_question_or_instructions(store):
    thread = samples.thread()
    await store.threads.create(OURS, thread, [samples.message(thread.id, role="assistant")])
    with pytest.raises(InvalidRequest) as caught:
        await store.runs.create(OURS, samples.run(thread.id, instructions=None), None)
    assert caught.value.code == "invalid_thread"
    await store.runs.create(OURS, samples.run(thread.id, instructions=None), None, [samples.message(thread.id)])


async def test_a_run_and_its_thread_are_made_together_or_not_at_all(store):
    thread = samples.thread()
    run = samples.run(thread.id, instructions=None)
    with pytest.raises(InvalidRequest):
        await store.runs.create(OURS, run, None, (), thread)
    with pytest.raises(NotFound):
        await store.threads.get(OURS, thread.id)
    await store.runs.create(OURS, run, None, [samples.message(thread.id)], thread)
    assert (await shown(store, run))["status"] == "queued"


# -- legal moves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", TRANSITIONS)
async def test_a_run_changes_status_only_along_allowed_transitions(store, before):
    for after in TRANSITIONS:
        run = await stored(store, before, "worker")
        moved = await store.runs.advance("worker", 1, Checkpoint(run.id, run=as_(run, after, started_at=1)))
        assert moved is (after in TRANSITIONS[before] or before == after == "in_progress"), after
        kept = await shown(store, run)
        assert (kept["status"], kept["started_at"]) == ((after, 1) if moved else (before, None))
        assert await store.runs.status(run.id) == kept["status"]


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_only_a_run_in_progress_grows_steps_and_messages(store, status):
    run = await stored(store, status, "worker")
    step = samples.step(run)
    grown = await store.runs.advance("worker", 1, Checkpoint(run.id, new_steps=[step]))
    assert grown is (status == "in_progress")
    page = await store.runs.page_steps(OURS, run.thread_id, run.id, PageRequest())
    assert [row[0] for row in page.rows] == ([step.id] if grown else [])


async def test_a_worker_that_is_not_the_owner_changes_nothing(store):
    run = await stored(store, "in_progress", "worker")
    message = samples.message(run.thread_id, run_id=run.id)
    for other in ("other", ""):
        boundary = Checkpoint(
            run.id, as_(run, "completed"), new_messages=[message], new_steps=[samples.step(run)], progress=Progress()
        )
        assert not await store.runs.advance(other, 1, boundary)
    assert (await shown(store, run))["status"] == "in_progress"
    assert (await store.messages.page(OURS, run.thread_id, PageRequest())).rows == []
    assert not await store.runs.advance("worker", 1, Checkpoint("run_unknown", as_(run, "completed")))


async def test_a_released_run_has_no_owner(store):
    run = await stored(store, "in_progress", "worker")
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "requires_action"), release=True))
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "expired")))


# -- what a boundary stores --------------------------------------------------------------------------------------


async def test_a_boundary_stores_steps_messages_calls_and_progress_at_once(store):
    run = await stored(store, "in_progress", "worker")
    message = samples.message(run.thread_id, None, run_id=run.id, role="assistant", status="in_progress")
    step = samples.message_step(run, message)
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, new_steps=[step], new_messages=[message]))

    message.content = samples.content("Hello")
    message.status = "completed"
    step.status = "completed"
    called = samples.step(run)
    used = RunCompletionUsage(3, 2, 5)
    boundary = Checkpoint(
        run.id,
        as_(run, "requires_action"),
        Progress(used=used, turns=1),
        new_steps=[called],
        changed_steps=[step],
        changed_messages=[message],
        calls=[NewItem("fc_1", "function_call", '{"call_id": "call_1"}')],
        release=True,
    )
    assert await store.runs.advance("worker", 1, boundary)
    items = await store.messages.newest(run.thread_id, 2**62, 10)
    assert [(item.kind, item.run_id) for item in items] == [("function_call", run.id), ("message", run.id)]
    history = await store.runs.history(OURS, run.thread_id, run.id)
    assert (history.run.status, history.steps, history.messages) == (
        "requires_action",
        [step, called],
        {message.id: message},
    )
    taken = await store.runs.claim(run.id, "next", due=True)
    assert (taken.progress, taken.steps, taken.message) == (Progress(used=used, turns=1), [called], None)


async def test_metadata_changed_by_a_client_during_a_run_is_preserved(store):
    run = await stored(store, "in_progress", "worker")
    message = samples.message(run.thread_id, None, run_id=run.id, role="assistant", status="in_progress")
    await store.runs.advance("worker", 1, Checkpoint(run.id, new_messages=[message]))
    await store.runs.modify(OURS, run.thread_id, run.id, lambda one: setattr(one, "metadata", {"run": "1"}))
    await store.messages.modify(OURS, run.thread_id, message.id, lambda one: setattr(one, "metadata", {"message": "1"}))
    message.content = samples.content("Hello")
    await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "completed"), changed_messages=[message]))
    assert (await shown(store, run))["metadata"] == {"run": "1"}
    kept = json.loads(await store.messages.get(OURS, run.thread_id, message.id))
    assert (kept["metadata"], kept["content"][0]["text"]["value"]) == ({"message": "1"}, "Hello")


async def test_a_message_that_a_client_deleted_meanwhile_stays_deleted(store):
    run = await stored(store, "in_progress", "worker")
    message = samples.message(run.thread_id, None, run_id=run.id, role="assistant", status="in_progress")
    await store.runs.advance("worker", 1, Checkpoint(run.id, new_messages=[message]))
    await store.messages.delete(OURS, run.thread_id, message.id)
    message.content = samples.content("Hello")
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "completed"), changed_messages=[message]))
    with pytest.raises(NotFound):
        await store.messages.get(OURS, run.thread_id, message.id)


# -- what clients decide -----------------------------------------------------------------------------------------


async def test_a_client_takes_a_run_as_it_is_now(store):
    run = await stored(store, "requires_action")
    step = samples.step(run)

    def submit(found):
        assert found.run == run
        return Checkpoint(run.id, as_(run, "queued"), new_steps=[step])

    taken = await store.runs.transition(OURS, run.thread_id, run.id, "worker", submit)
    assert taken.owner is None
    assert (await shown(store, run))["status"] == "queued"
    assert await store.runs.advance("worker", 2, Checkpoint(run.id, as_(run, "in_progress")))


async def test_a_client_action_does_not_change_the_owner_of_a_claimed_run(store):
    run = await stored(store, "in_progress", "worker")
    taken = await store.runs.transition(
        OURS, run.thread_id, run.id, "other", lambda found: Checkpoint(run.id, as_(run, "cancelling"))
    )
    assert taken.owner == "worker"
    assert not await store.runs.advance("other", 1, Checkpoint(run.id, as_(run, "cancelled")))
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id))
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "cancelled")))


async def test_a_client_that_is_refused_changes_nothing(store):
    run = await stored(store, "in_progress")

    def refuse(found):
        raise InvalidRequest("No.")

    with pytest.raises(InvalidRequest, match=r"No\."):
        await store.runs.transition(OURS, run.thread_id, run.id, "worker", refuse)
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id))


async def test_concurrent_transitions_each_see_the_previous_one(store):
    run = await stored(store, "requires_action")

    def submit(found):
        if found.run.status != "requires_action":
            raise InvalidRequest(found.run.status)
        return Checkpoint(run.id, as_(found.run, "queued"))

    tries = [store.runs.transition(OURS, run.thread_id, run.id, None, submit) for _ in range(20)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, InvalidRequest) for one in ended) == 19


async def test_deleting_a_thread_ends_its_run_for_its_worker_too(store):
    run = await stored(store, "in_progress", "worker")
    assert await store.threads.delete(OURS, run.thread_id) == run.id
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "completed")))
    assert await candidates(store) == []
    assert await store.runs.list_expired(3_000_000_000.0, 10) == []
    assert await store.runs.claim(run.id, "worker") is None


async def candidates(store, limit=10):
    found = [*await store.runs.list_orphaned(limit), *await store.runs.list_waiting(limit)]
    return [candidate.key for candidate in found]


# -- claims and leases -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_a_run_without_an_owner_is_claimed_in_states_that_need_work(store, status):
    run = await stored(store, status)
    workable = status in {"queued", "in_progress", "cancelling"}
    assert await candidates(store) == ([run.id] if workable else [])
    taken = await store.runs.claim(run.id, "worker")
    assert (taken is not None) is workable
    if workable:
        assert (taken.run, taken.owner, taken.interruptions, taken.project_id) == (run, "worker", 0, OURS)


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_an_expired_run_is_claimed_in_any_active_state(store, status):
    run = await stored(store, status, expires_at=int(NOW))
    active = status in ACTIVE
    assert await store.runs.list_expired(NOW - 1, 10) == []
    assert await store.runs.list_expired(NOW, 10) == ([run.id] if active else [])
    assert (await store.runs.claim(run.id, "worker", due=True) is not None) is active
    assert (status in TERMINAL) is not active


async def test_a_run_of_a_worker_with_a_lease_is_not_claimed(store):
    run = await stored(store, "in_progress", "worker")
    await store.workers.renew_lease("worker", LEASE)
    assert await candidates(store) == []
    assert await store.runs.claim(run.id, "other") is None
    assert await store.runs.claim(run.id, "other", due=True) is None
    assert await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "completed")))


async def test_a_run_of_a_worker_with_an_expired_lease_is_claimed_once(store):
    run = await stored(store, "in_progress", "worker")
    await store.workers.renew_lease("worker", EXPIRED)
    for name in ("second", "third"):
        await store.workers.renew_lease(name, LEASE)
    assert await candidates(store) == [run.id]
    taken = await asyncio.gather(*[store.runs.claim(run.id, name) for name in ("second", "third")])
    (won,) = [one for one in taken if one is not None]
    assert won.interruptions == 1
    assert not await store.runs.advance("worker", 1, Checkpoint(run.id, as_(run, "completed")))
    assert await store.runs.advance(won.owner, won.epoch, Checkpoint(run.id, as_(run, "completed")))


@pytest.mark.parametrize(
    "checkpoint",
    [
        lambda run: Checkpoint(run.id, run, interrupted=True),
        lambda run: Checkpoint(run.id, new_steps=[samples.step(run)], interrupted=True),
    ],
)
async def test_the_deaths_of_workers_are_counted_until_the_next_checkpoint(store, checkpoint):
    run = await stored(store, "in_progress", "first")
    for count, name in enumerate(("second", "third"), start=1):
        taken = await store.runs.claim(run.id, name)
        assert taken.interruptions == count
    assert await store.runs.advance("third", taken.epoch, checkpoint(run))
    assert (await store.runs.claim(run.id, "fourth")).interruptions == 1


async def test_a_released_or_reclaimed_run_does_not_count_an_interruption(store):
    run = await stored(store, "in_progress", "first")
    assert (await store.runs.claim(run.id, "first")).interruptions == 0
    await store.runs.release_runs("first")
    await store.workers.retire("first")
    assert (await store.runs.claim(run.id, "second")).interruptions == 0


async def test_a_beat_makes_a_lease_longer(store):
    run = await stored(store, "in_progress", "worker")
    await store.workers.renew_lease("worker", EXPIRED)
    assert await candidates(store) == [run.id]
    await store.workers.renew_lease("worker", LEASE)
    assert await candidates(store) == []


async def test_a_worker_that_retires_leaves_its_runs_to_all(store):
    runs = [await stored(store, "in_progress", name) for name in ("first", "second")]
    for name in ("first", "second"):
        await store.workers.renew_lease(name, LEASE)
    await store.workers.retire("first")
    assert await candidates(store) == [runs[0].id]
    await store.workers.retire()
    assert await candidates(store) == [run.id for run in runs]
    assert await candidates(store, 1) == [runs[0].id]


async def test_a_run_is_resumed_with_its_open_step_and_message(store):
    run = await stored(store, "in_progress", "worker")
    message = samples.message(run.thread_id, None, run_id=run.id, role="assistant", status="in_progress")
    done, open_ = samples.step(run, status="completed"), samples.message_step(run, message)
    await store.runs.advance("worker", 1, Checkpoint(run.id, new_steps=[done, open_], new_messages=[message]))
    taken = await store.runs.claim(run.id, "other")
    assert (taken.steps, taken.message) == ([open_], message)


async def test_an_unknown_run_has_no_status_and_is_not_claimed(store):
    assert await store.runs.status("run_unknown") is None
    assert await store.runs.claim("run_unknown", "worker") is None


async def add_many(store, project, count):
    """Queued runs of one project."""

    def insert():
        yield (
            (
                "INSERT INTO runs (id, thread_id, project_id, status, attempts, expires_at, progress, body)"
                " WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1)"
                " SELECT 'run_' || n || '_' || $2, 'thread_' || n || '_' || $2, $2, 'queued', 0, 0, '{}', '{}' FROM number"
            ),
            (count, project),
        )

    await store.database.write(insert)


async def test_runs_of_every_project_are_candidates_however_many_another_one_has(store):
    await add_many(store, OURS, 10_000)
    theirs = [f"proj_{number}" for number in range(3)]
    for project in theirs:
        await add_many(store, project, 1)
    found = await store.runs.list_waiting(100)
    assert {one.project_id for one in found} == {OURS, *theirs}
    ours = [one.key for one in found if one.project_id == OURS]
    assert ours == [f"run_{number}_{OURS}" for number in range(1, 26)]


async def test_with_many_projects_the_next_list_begins_behind_the_last_one(store):
    projects = [f"proj_{number:02}" for number in range(15)]
    for project in projects:
        await add_many(store, project, 2)
    seen = []
    cursor = FairCursor()
    for _ in range(3):
        found = await store.runs.list_waiting(10, cursor)
        seen += [one.project_id for one in found]
    assert seen == [*projects, *projects]


async def test_each_new_owner_raises_the_epoch_and_an_older_claim_of_the_same_worker_changes_nothing(store):
    run = await stored(store, "in_progress", "first")
    assert (await store.runs.claim(run.id, "first")).epoch == 1
    assert (await store.runs.claim(run.id, "second")).epoch == 2
    again = await store.runs.claim(run.id, "first")
    assert again.epoch == 3
    step = samples.step(run)
    for epoch in (1, 2):
        assert not await store.runs.advance("first", epoch, Checkpoint(run.id, new_steps=[step]))
        assert not await store.runs.advance("first", epoch, Checkpoint(run.id, as_(run, "completed")))
    assert await store.runs.list_owned("first") == {run.id: 3}
    assert await store.runs.advance("first", 3, Checkpoint(run.id, as_(run, "completed"), new_steps=[step]))


async def test_a_run_that_a_client_resumes_has_the_epoch_of_its_new_owner(store):
    run = await stored(store, "in_progress", "first")
    assert await store.runs.advance("first", 1, Checkpoint(run.id, as_(run, "requires_action"), release=True))
    resumed = as_(run, "in_progress")
    taken = await store.runs.transition(OURS, run.thread_id, run.id, "first", lambda _: Checkpoint(run.id, resumed))
    assert (taken.owner, taken.epoch) == (None, 2)
    assert not await store.runs.advance("first", 1, Checkpoint(run.id, as_(run, "completed")))
    assert await store.runs.advance("first", 2, Checkpoint(run.id, as_(run, "completed")))


async def test_a_run_that_a_client_resumes_and_nobody_owns_yet_has_an_epoch_of_its_own(store):
    run = await stored(store, "in_progress", "first")
    assert await store.runs.advance("first", 1, Checkpoint(run.id, as_(run, "requires_action"), release=True))
    queued = as_(run, "queued")
    taken = await store.runs.transition(OURS, run.thread_id, run.id, None, lambda _: Checkpoint(run.id, queued))
    assert (taken.owner, taken.epoch) == (None, 2)
    assert (await store.runs.claim(run.id, "second")).epoch == 3


async def test_a_worker_that_is_not_steady_claims_only_runs_without_an_owner(store):
    orphan, unowned = await stored(store, "in_progress", "dead"), await stored(store)
    await store.workers.renew_lease("late", LEASE, steady_after=60.0)
    assert await store.runs.claim(orphan.id, "late") is None
    assert (await store.runs.claim(unowned.id, "late")).owner == "late"
    await store.workers.renew_lease("late", LEASE)
    assert await store.runs.claim(orphan.id, "late") is None
    await store.workers.renew_lease("steady", LEASE)
    assert (await store.runs.claim(orphan.id, "steady")).interruptions == 1


async def test_leases_are_compared_by_the_clock_of_the_database(tmp_path, url, caplog):
    clocks = [ShiftedClock(-60.0), ShiftedClock(60.0)]
    async with contextlib.AsyncExitStack() as stack:
        stores = []
        for clock in clocks:
            stores.append(await open_store(tmp_path, url, clock=clock))
            stack.push_async_callback(stores[-1].close)
        slow, fast = stores
        run = await stored(slow, "in_progress", "slow")
        await slow.workers.renew_lease("slow", LEASE)
        await fast.workers.renew_lease("fast", LEASE)
        await fast.workers.renew_lease("fast", LEASE)
        assert await candidates(fast) == []
        assert await fast.runs.claim(run.id, "fast") is None
        await slow.workers.renew_lease("slow", EXPIRED)
        assert await candidates(fast) == [run.id]
        assert (await fast.runs.claim(run.id, "fast")).owner == "fast"
    skews = [record.message for record in caplog.records if "clock skew" in record.message]
    assert len(skews) == (0 if url is None else 2)
    assert url is None or ("60.0 s behind the database's" in skews[0] and "60.0 s ahead of" in skews[1])


# -- reservations --------------------------------------------------------------------------------------------------


async def test_a_reserved_run_is_claimed_by_its_worker_alone_until_that_dies(store):
    thread = samples.thread()
    run = samples.run(thread.id)
    await store.threads.create(OURS, thread, [])
    for worker in ("owner", "other"):
        await store.workers.renew_lease(worker, LEASE)
    await store.runs.create(OURS, run, None, reserved_for="owner")
    assert await store.runs.list_waiting(10, worker="other") == []
    assert await store.runs.claim(run.id, "other") is None
    assert [one.key for one in await store.runs.list_waiting(10, worker="owner")] == [run.id]
    await store.workers.retire("owner")
    assert [one.key for one in await store.runs.list_waiting(10, worker="other")] == [run.id]
    assert (await store.runs.claim(run.id, "other")).run.id == run.id


async def test_a_reservation_ends_after_its_time(store):
    thread = samples.thread()
    run = samples.run(thread.id)
    await store.threads.create(OURS, thread, [])
    await store.workers.renew_lease("owner", LEASE)
    await store.runs.create(OURS, run, None, reserved_for="owner")
    await store.database.write(end_reservations)
    assert (await store.runs.claim(run.id, "other")).run.id == run.id


def end_reservations():
    yield "UPDATE runs SET reserved_until = reserved_until - 2", ()


# -- indexes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "indexes"),
    [
        (RunFilter(), {"runs_by_project"}),
        (RunFilter(("completed",)), {"runs_by_status"}),
        (RunFilter(("queued", "failed")), {"runs_active", "runs_by_status"}),
        (RunFilter((), "asst_1"), {"runs_active", "runs_by_assistant"}),
    ],
)
async def test_a_list_reads_the_index_of_its_statuses(store, chosen, indexes):
    if store.database.dialect == "postgres":
        pytest.skip("the plans of an empty PostgreSQL database say nothing")
    sql, arguments = next(page_project_runs(store.database.json_pair, OURS, PageRequest(20), chosen))

    def explain():
        return (yield f"EXPLAIN QUERY PLAN {sql}", tuple(arguments))

    steps = [row[3] for row in await store.database.read(explain) if " runs " in row[3]]
    assert {step.split(" INDEX ")[1].split()[0] for step in steps} == indexes


@pytest.mark.parametrize(
    "transaction",
    [
        partial(run_claims.list_orphaned_runs, 10),
        partial(run_claims.list_owned_runs, "worker_1"),
        partial(run_claims.list_cancelling_runs, "worker_1"),
        partial(run_claims.list_expired_runs, 1.0, 10),
        partial(run_claims.release_runs, "worker_1"),
    ],
)
async def test_the_runs_of_a_worker_are_looked_for_among_the_active_ones(store, transaction):
    if store.database.dialect == "postgres":
        pytest.skip("the plans of an empty PostgreSQL database say nothing")
    sql, arguments = next(transaction())

    def explain():
        return (yield f"EXPLAIN QUERY PLAN {sql}", arguments)

    [step] = [row[3] for row in await store.database.read(explain) if " runs" in row[3]]
    # Both have the active runs alone.
    assert "INDEX runs_active" in step or "INDEX runs_lock" in step
