"""What an execution leaves behind when the store fails."""

import logging

import pytest

from engine import histories
from store import samples
from store.samples import NOW, OURS
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.executor import RunExecutor
from understudy.engine.run.log import RunLog
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import Tools
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.errors import StoreUnavailable
from understudy.store import open_store
from understudy.store.run_state import Progress

OWNER = "worker_ours"


class StillClock:
    def now(self):
        return float(NOW)


class FailingRuns:
    """The store of runs, whose first checkpoint meets a short outage."""

    def __init__(self, runs):
        self._runs = runs
        self.failures = 1

    async def advance(self, *arguments):
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("The database is away.")
        return await self._runs.advance(*arguments)


class Outage:
    """A store in a short outage."""

    def __init__(self, store):
        self._store = store
        self.runs = FailingRuns(store.runs)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
async def store(tmp_path):
    store = await open_store(tmp_path, None)
    yield store
    await store.close()


async def test_a_short_outage_of_the_store_leaves_a_run_to_its_worker_instead_of_failing_it(store, caplog):
    run = samples.run(samples.thread().id, "queued")
    thread = samples.thread(id=run.thread_id)
    await store.threads.create(OURS, thread, [])
    await store.runs.create(OURS, run, OWNER)
    state, projection, log = RunState(), RunProjection(), RunLog(RunEncoder)
    queued = histories.queued(run)
    state.apply(queued)
    log.append(queued, projection.encode(queued))
    stage = RunWriter(OWNER, Outage(store), StillClock(), OURS, state, projection, log, Progress())
    execution = RunExecutor(stage, None, Tools(None, None, None, print, print), None)
    await execution.work()
    assert execution.is_abandoned
    assert log.handed_back
    status, _ = await store.runs.get(OURS, run.thread_id, run.id)
    assert status == "queued"
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == f"run {run.id}: store unavailable, backing off: The database is away."
    assert record.exc_info is None
