"""What a run's boundaries store: one that fails is made up for by the next, so that nothing stays open for ever."""

import json

import pytest

from engine import histories
from store import samples
from store.samples import NOW, OURS
from understudy import ids
from understudy.engine.run import events
from understudy.engine.run.checkpoint import EventLimitExceeded, RunLost, RunWriter
from understudy.engine.run.log import RunLog
from understudy.engine.run.state import RunState
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.store import open_store
from understudy.store.charges import Usage
from understudy.store.pages import PageRequest
from understudy.store.run_state import Progress
from understudy.wire.run_outcome import LastError, RunCompletionUsage

OWNER = "worker_ours"
COUNTED = RunCompletionUsage(1, 1, 2)
REASON = LastError("server_error", "The answer could not be stored.")


class StillClock:
    def now(self):
        return float(NOW)


@pytest.fixture
async def store(tmp_path):
    store = await open_store(tmp_path, None)
    yield store
    await store.close()


async def test_a_run_whose_reply_cannot_be_stored_ends_with_its_message_and_step(store):
    run = samples.run(samples.thread().id, "queued")
    thread = samples.thread(id=run.thread_id)
    await store.threads.create(OURS, thread, [])
    await store.runs.create(OURS, run, OWNER)
    await store.workers.renew_lease(OWNER, 60.0)
    state, projection, log = RunState(), RunProjection(), RunLog(RunEncoder)
    queued = histories.queued(run)
    state.apply(queued)
    log.append(queued, projection.encode(queued))
    stage = RunWriter(OWNER, store, StillClock(), OURS, state, projection, log, Progress())
    await stage.commit(events.RunStarted(NOW))
    await stage.commit(events.MessageOpened(ids.step(), ids.message(), NOW))
    stage.publish(events.TextDelta("Hello"))
    stage.add_usage(Usage(reference="r", kind="completion", model="m", created_at=NOW, credits=10**30))
    stage.progress.used += COUNTED
    ended = events.RunEnded("completed", NOW, stage.progress.used)
    with pytest.raises(OverflowError):
        await stage.commit(events.MessageClosed(NOW, COUNTED), ended)
    stage.drop_usage()
    await stage.commit(events.RunEnded("failed", NOW, stage.progress.used, error=REASON, cut="run_failed"))
    _, stored = await store.runs.get(OURS, thread.id, run.id)
    assert (json.loads(stored)["status"], json.loads(stored)["usage"]["total_tokens"]) == ("failed", 0)
    (message,) = [json.loads(row[1]) for row in (await store.messages.page(OURS, thread.id, PageRequest())).rows]
    assert message["content"][0]["text"]["value"] == "Hello"
    assert message["status"] != "in_progress"
    (step,) = [json.loads(row[1]) for row in (await store.runs.page_steps(OURS, thread.id, run.id, PageRequest())).rows]
    assert step["status"] != "in_progress"


@pytest.mark.parametrize(("used", "holds", "raised"), [(0, False, RunLost), (960_000, True, EventLimitExceeded)])
async def test_a_writer_refuses_to_continue_without_a_lease_or_without_numbers(store, used, holds, raised):
    state, log = RunState(), RunLog(RunEncoder)
    queued = histories.queued(samples.run(samples.thread().id, "queued"))
    state.apply(queued)
    log.begin_epoch(2)
    stage = RunWriter(
        OWNER,
        store,
        StillClock(),
        OURS,
        state,
        RunProjection(),
        log,
        Progress(),
        epoch=2,
        holds_lease=lambda: holds or not log.length > 1_000_000,
    )
    stage.check()
    log.append(queued, ())
    log.length += used
    with pytest.raises(raised):
        stage.check()
