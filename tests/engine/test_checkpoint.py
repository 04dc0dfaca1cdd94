"""What a run's boundaries store: one that fails is made up for by the next, so that nothing stays open for ever."""

import asyncio
import json

import pytest

from clocks import StillClock
from engine import histories
from store import samples
from store.samples import NOW, OURS
from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.checkpoint import EventLimitExceeded, RunLost, RunWriter
from understudy.engine.run.log import RunLog
from understudy.engine.run.openings import UnstoredOpenings
from understudy.engine.run.state import RunState
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.store import open_store
from understudy.store.charges import Usage
from understudy.store.pages import PageRequest
from understudy.store.run_state import PendingCall, Progress
from understudy.wire.run_outcome import LastError, RunCompletionUsage

OWNER = "worker_ours"
COUNTED = RunCompletionUsage(1, 1, 2)
REASON = LastError("server_error", "The answer could not be stored.")


@pytest.fixture
async def store(tmp_path):
    store = await open_store(tmp_path, None)
    yield store
    await store.close()


async def start_run(store, openings=None):
    """The writer of a run that has started, on a thread of its own."""
    run = samples.run(samples.thread().id, "queued")
    await store.threads.create(OURS, samples.thread(id=run.thread_id), [])
    await store.runs.create(OURS, run, OWNER)
    await store.workers.renew_lease(OWNER, 60.0)
    state, projection, log = RunState(), RunProjection(), RunLog(RunEncoder)
    queued = histories.queued(run)
    state.apply(queued)
    log.append(queued, projection.encode(queued))
    writer = RunWriter(
        OWNER, store, StillClock(float(NOW)), OURS, state, projection, log, Progress(), openings=openings
    )
    await writer.commit(events.RunStarted(NOW))
    return writer


async def list_messages(store, writer):
    page = await store.messages.page(OURS, writer.spec.thread_id, PageRequest())
    return [json.loads(row[1]) for row in page.rows]


async def list_steps(store, writer):
    page = await store.runs.page_steps(OURS, writer.spec.thread_id, writer.spec.id, PageRequest())
    return [json.loads(row[1]) for row in page.rows]


async def test_a_run_whose_reply_cannot_be_stored_ends_with_its_message_and_step(store):
    writer = await start_run(store)
    await writer.commit(events.MessageOpened(ids.step(), ids.message(), NOW))
    writer.publish(events.TextDelta("Hello"))
    writer.add_usage(Usage(reference="r", kind="completion", model="m", created_at=NOW, credits=10**30))
    writer.progress.used += COUNTED
    ended = events.RunEnded("completed", NOW, writer.progress.used)
    with pytest.raises(OverflowError):
        await writer.commit(events.MessageClosed(NOW, COUNTED), ended)
    writer.drop_usage()
    await writer.commit(events.RunEnded("failed", NOW, writer.progress.used, error=REASON, cut="run_failed"))
    _, stored = await store.runs.get(OURS, writer.spec.thread_id, writer.spec.id)
    assert (json.loads(stored)["status"], json.loads(stored)["usage"]["total_tokens"]) == ("failed", 0)
    (message,) = await list_messages(store, writer)
    assert message["content"][0]["text"]["value"] == "Hello"
    assert message["status"] != "in_progress"
    (step,) = await list_steps(store, writer)
    assert step["status"] != "in_progress"


async def test_an_opening_is_stored_with_the_end_of_its_message(store):
    openings = UnstoredOpenings(delay=3600)
    writer = await start_run(store, openings)
    await writer.open(events.MessageOpened(ids.step(), ids.message(), NOW))
    assert b"thread.message.created" in writer.log.reader().read()
    assert (await list_messages(store, writer), await list_steps(store, writer)) == ([], [])
    writer.publish(events.TextDelta("Hello"))
    await writer.commit(events.MessageClosed(NOW, COUNTED), events.RunEnded("completed", NOW, COUNTED))
    (message,), (step,) = await list_messages(store, writer), await list_steps(store, writer)
    assert (message["status"], step["status"]) == ("completed", "completed")
    assert message["content"][0]["text"]["value"] == "Hello"


@pytest.mark.parametrize("is_read", [True, False], ids=["before a reader", "after a delay"])
async def test_an_opening_whose_message_stays_open_is_stored(store, is_read):
    openings = UnstoredOpenings(delay=3600 if is_read else 0)
    writer = await start_run(store, openings)
    await writer.open(events.MessageOpened(ids.step(), ids.message(), NOW))
    await openings.flush(writer.spec.thread_id if is_read else ids.thread())
    async with asyncio.timeout(10):
        while not await list_messages(store, writer):  # noqa: ASYNC110 - the store calls nobody
            await asyncio.sleep(0)
    (message,), (step,) = await list_messages(store, writer), await list_steps(store, writer)
    assert (message["status"], message["content"], step["status"]) == ("in_progress", [], "in_progress")
    writer.publish(events.TextDelta("Hello"))
    await writer.open(events.CallsStepOpened(ids.step(), NOW))
    await asyncio.gather(openings.flush(writer.spec.thread_id), writer.commit(events.MessageClosed(NOW, COUNTED)))
    (message,) = await list_messages(store, writer)
    assert (message["status"], message["content"][0]["text"]["value"]) == ("completed", "Hello")
    assert sorted(step["status"] for step in await list_steps(store, writer)) == ["completed", "in_progress"]


async def test_an_opening_is_stored_first_where_a_client_can_resume(store):
    writer = await start_run(store, UnstoredOpenings(delay=3600))
    writer.log.is_resumable = True
    await writer.open(events.MessageOpened(ids.step(), ids.message(), NOW))
    assert [message["status"] for message in await list_messages(store, writer)] == ["in_progress"]


async def test_a_reader_waits_for_what_is_being_stored(store):
    openings = UnstoredOpenings(delay=3600)
    writer = await start_run(store, openings)
    await writer.open(events.MessageOpened(ids.step(), ids.message(), NOW))
    writer.store_opening()
    await openings.flush(writer.spec.thread_id)
    assert [message["status"] for message in await list_messages(store, writer)] == ["in_progress"]
    await writer.open(events.CallsStepOpened(ids.step(), NOW))
    committing = asyncio.create_task(writer.commit(events.MessageClosed(NOW, COUNTED)))
    await asyncio.sleep(0)
    await openings.flush(writer.spec.thread_id)
    assert [message["status"] for message in await list_messages(store, writer)] == ["completed"]
    await committing


async def test_an_opening_of_a_lost_run_is_not_stored(store):
    openings = UnstoredOpenings(delay=3600)
    writer = await start_run(store, openings)
    await writer.open(events.MessageOpened(ids.step(), ids.message(), NOW))
    await store.runs.release_runs(OWNER)
    await openings.flush(writer.spec.thread_id)
    with pytest.raises(RunLost):
        await writer.commit(events.MessageClosed(NOW, COUNTED))
    assert (await list_messages(store, writer), await list_steps(store, writer)) == ([], [])


@pytest.mark.parametrize("has_calls", [True, False], ids=["calls", "a message"])
async def test_an_opening_has_nothing_of_the_turn_that_ends_before_it_is_stored(store, has_calls):
    """A server that dies between the two has charged nothing of the turn, and its next owner repeats it."""
    openings = UnstoredOpenings(delay=3600)
    stage = await start_run(store, openings)
    stage.progress.figures.append("file_1")
    stage.log.is_resumable = True
    await stage.commit(checkpoint=True)
    stage.log.is_resumable = False
    opening = events.CallsStepOpened(ids.step(), NOW) if has_calls else events.MessageOpened(ids.step(), "msg_1", NOW)
    await stage.open(opening)
    # A client attaches.
    stage.log.is_resumable = True
    storing = stage.store_opening()
    stage.add_usage(Usage(reference="r", kind="completion", model="m", created_at=NOW, credits=1))
    stage.progress.turns += 1
    stage.progress.figures.clear()
    if has_calls:
        stage.progress.pending = COUNTED
        stage.progress.calls = [PendingCall(0, "call_1", "search", "{}", "file_search")]
        ending = asyncio.create_task(stage.commit(checkpoint=True))
    else:
        stage.progress.used += COUNTED
        ending = asyncio.create_task(stage.commit(events.MessageClosed(NOW, COUNTED)))
    await asyncio.wait([storing])
    stored = (await store.runs.load(stage.spec.id)).progress
    assert stored.sent == stage.log.length
    assert (stored.used, stored.pending, stored.turns, stored.calls) == (RunCompletionUsage(), None, 0, [])
    assert stored.figures == ["file_1"]
    await ending
    stored = (await store.runs.load(stage.spec.id)).progress
    counted = stored.pending if has_calls else stored.used
    assert (counted, stored.turns, len(stored.calls), stored.figures) == (COUNTED, 1, has_calls, [])


@pytest.mark.parametrize(("used", "holds", "raised"), [(0, False, RunLost), (960_000, True, EventLimitExceeded)])
async def test_a_writer_refuses_to_continue_without_a_lease_or_without_numbers(store, used, holds, raised):
    state, log = RunState(), RunLog(RunEncoder)
    queued = histories.queued(samples.run(samples.thread().id, "queued"))
    state.apply(queued)
    log.begin_epoch(2)
    writer = RunWriter(
        OWNER,
        store,
        StillClock(float(NOW)),
        OURS,
        state,
        RunProjection(),
        log,
        Progress(),
        epoch=2,
        holds_lease=lambda: holds or not log.length > 1_000_000,
    )
    writer.check()
    log.append(queued, ())
    log.length += used
    with pytest.raises(raised):
        writer.check()
