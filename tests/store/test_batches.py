"""Stored batches: claimed by one worker, each result counted once, no change by a worker that lost its lease."""

import asyncio

import msgspec
import pytest

from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.errors import Conflict, NotFound
from understudy.store import ledger
from understudy.store.batch_jobs import LineResult, NewLine, Output, ResultAlreadyStored, Usage
from understudy.store.batches import TRANSITIONS, BatchFault, Job
from understudy.store.pages import PageRequest
from understudy.wire.files import FileObject
from understudy.wire.webhooks import WebhookEndpoint

USAGE = Usage(9, 1, 3, 2)


@pytest.fixture
async def work(store):
    """The work of two workers, `one` and `other`, whose leases last."""
    for worker in ("one", "other"):
        await store.workers.renew_lease(worker, 60.0)
    return store.batch_jobs


async def held(store, content="content"):
    name = f"{content}-{ids.tool_call()}"
    await store.blobs.hold(name, content, NOW + 60)
    return name


async def made(store, project=OURS, dialect="openai", **members):
    job = Job(id=ids.batch(), endpoint="/v1/embeddings", created_at=NOW, expires_at=NOW + 60, **members)
    await store.batches.create(project, dialect, job, await held(store, f"input of {job.id}"))
    return job


async def claimed(store, worker="one", now=NOW):
    """The oldest that waits, as this worker's."""
    waiting = await store.batch_jobs.list_candidates(10)
    return await store.batch_jobs.claim(min(one.key for one in waiting), worker, now) if waiting else None


async def begun(store, lines=3, **members):
    job = await made(store, **members)
    batch = await claimed(store)
    new = [NewLine(number, f'"line {number}"', number * 10, 10) for number in range(1, lines + 1)]
    assert await store.batch_jobs.add(batch.seq, "one", new)
    assert await store.batch_jobs.start(batch.seq, "one", lines, "m", NOW + 1)
    return job, batch.seq


def answer(code=200, **members):
    return LineResult(ids.request(), code, '{"a": 1}', USAGE, **members)


def charge(reference):
    return ledger.Usage(reference=reference, kind="embedding", model="m", created_at=NOW, credits=5, batch=True)


async def status(store, job):
    return (await store.batches.get(OURS, "openai", job.id)).status


async def output(store, job, kind="output"):
    file = FileObject(id=ids.file(), purpose="batch_output", filename=f"{job.id}_{kind}.jsonl", bytes=1, created_at=NOW)
    return file, await held(store, f"{kind} of {job.id}")


async def test_a_stored_batch_is_read_back_unchanged(store):
    job = await made(store, metadata={"a": "b"}, input_file_id="file-1", output_seconds=3600)
    found = await store.batches.get(OURS, "openai", job.id)
    assert found.job == job
    assert (found.status, found.total, found.completed, found.failed) == ("validating", 0, 0, 0)


async def test_only_its_project_and_dialect_find_a_batch(store):
    job = await made(store)
    for project, dialect in ((THEIRS, "openai"), (OURS, "anthropic")):
        for attempt in (
            store.batches.get(project, dialect, job.id),
            store.batches.results(project, dialect, job.id),
            store.batches.cancel(project, dialect, job.id, NOW),
            store.batches.delete(project, dialect, job.id),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert (await store.batches.page(project, dialect, PageRequest())).records == []
    assert len((await store.batches.page(OURS, "openai", PageRequest())).records) == 1


async def test_the_oldest_of_each_project_waits_for_a_worker(store, work):
    jobs = [await made(store, project) for project in (OURS, OURS, OURS, THEIRS)]
    waiting = await work.list_candidates(4)
    assert sorted(one.project_id for one in waiting) == [OURS, OURS, THEIRS]
    found = [await work.claim(one.key, "one", NOW) for one in waiting]
    assert {one.batch.job.id for one in found} == {jobs[0].id, jobs[1].id, jobs[3].id}
    assert [one.project_id for one in await work.list_candidates(4)] == [OURS]


async def test_only_one_of_many_workers_claims_a_batch(store, work):
    await made(store)
    (waiting,) = await work.list_candidates(1)
    claims = await asyncio.gather(*(work.claim(waiting.key, name, NOW) for name in ("one", "other") * 5))
    assert len([one for one in claims if one is not None]) == 1


async def test_a_batch_of_a_dead_worker_is_claimed_and_the_old_worker_cannot_change_it(store, work):
    job, seq = await begun(store)
    assert await claimed(store, "other") is None
    await store.workers.retire("one")
    taken = await claimed(store, "other")
    assert taken.batch.job.id == job.id
    assert taken.batch.status == "in_progress"
    for attempt in (
        work.store_result(seq, "one", 1, answer()),
        work.add(seq, "one", []),
        work.start(seq, "one", 9, "x", NOW),
        work.fail_validation(seq, "one", [BatchFault("a", "b")], NOW),
        work.finalize(seq, "one", NOW),
        work.finish(seq, "one", "expired", Output(), NOW),
    ):
        assert not await attempt
    await work.release(seq, "one")
    assert await work.list_owned("other") == {seq: "in_progress"}
    assert await work.store_result(seq, "other", 1, answer())


async def test_a_result_is_counted_once_with_its_cost(store, work):
    job, seq = await begun(store)
    assert await work.store_result(seq, "one", 2, answer(charge=charge("two")))
    with pytest.raises(ResultAlreadyStored):
        await work.store_result(seq, "one", 2, answer(charge=charge("again")))
    assert await work.store_result(seq, "one", 3, answer(500))
    found = await store.batches.get(OURS, "openai", job.id)
    assert (found.total, found.completed, found.failed) == (3, 1, 1)
    assert (found.input_tokens, found.cached_tokens, found.output_tokens, found.reasoning_tokens) == (18, 2, 6, 4)
    assert [line.line for line in await work.pending_lines(seq, 0, 10)] == [1]
    assert [
        entry.reference for entry in (await store.ledger.entries(OURS, ledger.EntryFilter(), 10, None)).records
    ] == ["two"]


async def test_concurrent_results_are_all_counted(store, work):
    job, seq = await begun(store, lines=50)
    await asyncio.gather(*(work.store_result(seq, "one", line, answer()) for line in range(1, 51)))
    found = await store.batches.get(OURS, "openai", job.id)
    assert (found.completed, found.input_tokens) == (50, 450)
    assert await work.pending_lines(seq, 0, 10) == []


async def test_lines_may_be_added_again(store, work):
    await made(store)
    batch = await claimed(store)
    lines = [NewLine(number, f'"{number}"', number, 1) for number in range(1, 4)]
    for _ in range(2):
        assert await work.add(batch.seq, "one", lines)
    assert [line.line for line in await work.lines(batch.seq, 0, 10)] == [1, 2, 3]


async def test_a_finished_batch_has_its_output_and_error_files(store, work):
    job, seq = await begun(store)
    source = (await store.batch_jobs.pending_lines(seq, 0, 1))[0]
    assert (source.place, source.length) == (10, 10)
    assert await work.finalize(seq, "one", NOW + 2)
    assert await status(store, job) == "finalizing"
    good, bad = await output(store, job), await output(store, job, "error")
    assert await work.finish(seq, "one", "completed", Output(good, bad), NOW + 3)
    found = await store.batches.get(OURS, "openai", job.id)
    assert (found.status, found.job.output_file_id, found.job.error_file_id) == ("completed", good[0].id, bad[0].id)
    assert (found.job.in_progress_at, found.job.finalizing_at, found.job.completed_at) == (NOW + 1, NOW + 2, NOW + 3)
    assert (await store.files.find(OURS, good[0].id)).blob == good[1]
    assert len(await store.blobs.pending_erasures(10)) == 1  # the input, which nothing else names
    assert not await work.finish(seq, "one", "completed", Output(), NOW + 4)
    while await work.erase(2):
        pass
    assert await work.lines(seq, 0, 10) == []


async def test_the_results_of_a_batch_of_messages_go_with_it(store, work):
    job, seq = await begun(store, dialect="anthropic")
    results = await held(store, "results")
    with pytest.raises(Conflict, match="Cannot delete a batch with status 'in_progress'"):
        await store.batches.delete(OURS, "anthropic", job.id)
    assert await work.finalize(seq, "one", NOW)
    assert await work.finish(seq, "one", "completed", Output(results=results), NOW)
    assert (await store.batches.results(OURS, "anthropic", job.id))[1] == results
    before = len(await store.blobs.pending_erasures(10))
    await store.batches.delete(OURS, "anthropic", job.id)
    assert len(await store.blobs.pending_erasures(10)) == before + 1
    with pytest.raises(NotFound):
        await store.batches.get(OURS, "anthropic", job.id)


@pytest.mark.parametrize("state", TRANSITIONS)
async def test_a_batch_is_cancelled_as_long_as_it_is_not_at_its_end(store, work, state):
    job = await made(store)
    batch = await claimed(store)

    def put():
        yield "UPDATE batches SET status = $1 WHERE seq = $2", (state, batch.seq)

    await store.database.write(put)
    if "cancelling" in TRANSITIONS[state] or state == "cancelling":
        assert (await store.batches.cancel(OURS, "openai", job.id, NOW)).status == "cancelling"
        again = await store.batches.cancel(OURS, "openai", job.id, NOW + 5)
        assert again.job.cancelling_at == (None if state == "cancelling" else NOW)
        assert not await work.start(batch.seq, "one", 1, "m", NOW)
        assert not await work.finalize(batch.seq, "one", NOW)
        assert await work.finish(batch.seq, "one", "cancelled", Output(), NOW)
    else:
        with pytest.raises(Conflict, match=f"Cannot cancel a batch with status '{state}'"):
            await store.batches.cancel(OURS, "openai", job.id, NOW)


@pytest.mark.proves("batches.webhooks")
async def test_a_webhook_event_is_stored_with_the_end_of_a_batch(store, work):
    endpoint = WebhookEndpoint(
        id=ids.webhook_endpoint(),
        created_at=NOW,
        event_types=["*"],
        name="hook",
        signing_secret_hint="whsec_…",
        url="https://example.com/",
        updated_at=NOW,
    )
    await store.webhooks.create(OURS, endpoint, ids.webhook_secret())
    job, seq = await begun(store)
    assert await work.finish(seq, "one", "expired", Output(), NOW)
    other = await made(store)
    batch = await claimed(store)
    assert await work.fail_validation(batch.seq, "one", [BatchFault("empty_file", "It is empty.")], NOW)

    def told():
        rows = yield "SELECT event FROM webhook_deliveries ORDER BY seq", ()
        return [msgspec.json.decode(row[0]) for row in rows]

    events = [(event["type"], event["data"]["id"]) for event in await store.database.read(told)]
    assert events == [("batch.expired", job.id), ("batch.failed", other.id)]
