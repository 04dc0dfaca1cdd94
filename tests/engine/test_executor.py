"""What an execution leaves behind when the store fails."""

import gc
import logging
import weakref
from types import SimpleNamespace

import pytest

from clocks import StillClock
from engine import histories
from store import samples
from store.samples import NOW, OURS
from understudy.engine.run import events
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.executor import RunExecutor
from understudy.engine.run.log import RunLog
from understudy.engine.run.model_turn import NO_USAGE
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import Tools
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.errors import StoreUnavailable
from understudy.store import open_store
from understudy.store.run_state import Progress

OWNER = "worker_ours"


class FailingRuns:
    """The store of runs, whose first checkpoints meet an outage: before they are stored, or just after."""

    def __init__(self, runs, failures, is_stored):
        self._runs = runs
        self.failures = failures
        self._is_stored = is_stored

    async def advance(self, *arguments):
        if self.failures:
            self.failures -= 1
            if self._is_stored:
                await self._runs.advance(*arguments)
            raise StoreUnavailable("The database is away.")
        return await self._runs.advance(*arguments)

    async def status(self, run_id):
        return await self._runs.status(run_id)


class Outage:
    """A store in an outage, which ends after so many failures."""

    def __init__(self, store, failures=1, is_stored=False):
        self._store = store
        self.runs = FailingRuns(store.runs, failures, is_stored)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
async def store(tmp_path):
    store = await open_store(tmp_path, None)
    yield store
    await store.close()


async def create_run(store, status):
    run = samples.run(samples.thread().id, status)
    await store.threads.create(OURS, samples.thread(id=run.thread_id), [])
    await store.runs.create(OURS, run, OWNER)
    return run


def build_writer(store, run, *, holds_lease=True):
    state, projection, log = RunState(), RunProjection(), RunLog(RunEncoder)
    queued = histories.queued(run)
    state.apply(queued)
    log.append(queued, projection.encode(queued))
    return RunWriter(
        OWNER, store, StillClock(float(NOW)), OURS, state, projection, log, Progress(), holds_lease=lambda: holds_lease
    )


async def test_an_outage_of_the_store_beyond_the_lease_leaves_a_run_to_its_next_claim(store, caplog):
    run = await create_run(store, "queued")
    writer = build_writer(Outage(store, failures=2), run, holds_lease=False)
    tools = Tools(None, None, None, None, print, print, None, SimpleNamespace(load=print))
    execution = RunExecutor(writer, None, tools, None, writer.store.messages)
    await execution.work()
    assert execution.is_abandoned
    assert writer.log.is_handed_over
    status, _ = await store.runs.get(OURS, run.thread_id, run.id)
    assert status == "queued"
    # The store logs the change of its state, which is one line for all runs.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_objects_of_a_run_are_freed_without_the_garbage_collector(store):
    run = await create_run(store, "queued")
    writer = build_writer(Outage(store, failures=2), run, holds_lease=False)
    tools = Tools(None, None, None, None, print, print, None, SimpleNamespace(load=print))
    execution = RunExecutor(writer, None, tools, None, writer.store.messages)
    await execution.work()
    left = [weakref.ref(execution), weakref.ref(writer)]
    gc.disable()
    try:
        del execution, writer
        assert [one() for one in left] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_checkpoint_is_stored_once_although_the_store_is_away_in_between(store, is_stored):
    run = await create_run(store, "queued")
    writer = build_writer(Outage(store, failures=2, is_stored=is_stored), run)
    await writer.commit(events.RunStarted(NOW))
    assert await store.runs.status(run.id) == "in_progress"
    writer.store.runs.failures = 1
    await writer.commit(events.RunEnded("completed", NOW, NO_USAGE))
    assert await store.runs.status(run.id) == "completed"
    assert writer.log.closed
    assert not writer.log.is_handed_over
