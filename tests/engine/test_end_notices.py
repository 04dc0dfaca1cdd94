"""Who waits for a run of another node is notified of its end, on a real Redis server."""

import asyncio
from types import SimpleNamespace

import pytest

from understudy.broker.opening import build_broker
from understudy.engine.change_notices import WATCHED_SECONDS
from understudy.engine.run.end_notices import EndNotices
from waiting import WITHIN


@pytest.fixture
async def nodes(session_redis):
    """A node that executes `run_1`, and one that waits for it; `ended` are the runs of which that is notified."""
    owner, waiting = build_broker(session_redis, 60), build_broker(session_redis, 60)
    ended, owners = asyncio.Queue(), {"run_1": SimpleNamespace(status="in_progress", owner="worker_1")}

    async def find_owners(run_ids):
        return {run_id: owners[run_id] for run_id in run_ids if run_id in owners}

    active = {"run_1"}
    parts = {"find_owners": find_owners, "node_of": lambda _: owner.node_id, "is_active": active.__contains__}
    owning = EndNotices(owner, notify=ended.put_nowait, **parts)
    watching = EndNotices(waiting, notify=ended.put_nowait, **parts)
    for broker in (owner, waiting):
        await broker.start()
    yield SimpleNamespace(owner=owner, owning=owning, watching=watching, ended=ended, owners=owners, active=active)
    for broker in (owner, waiting):
        await broker.stop()


async def test_a_wait_for_a_run_of_another_node_is_notified_once(nodes):
    assert await nodes.watching.watch("run_1") == WATCHED_SECONDS
    nodes.owning.send("run_1")
    assert await asyncio.wait_for(nodes.ended.get(), WITHIN) == "run_1"
    nodes.owning.send("run_1")
    await nodes.watching.watch("run_1")
    assert nodes.ended.empty()


async def test_a_wait_for_a_queued_run_is_notified_by_the_node_that_executes_it(nodes):
    nodes.owners["run_2"] = SimpleNamespace(status="queued", owner=None)
    # What has just ended is found by a poll soon.
    assert await nodes.watching.watch("run_2") < 1
    assert await nodes.watching.watch("run_2") == WATCHED_SECONDS
    async with asyncio.timeout(WITHIN):
        while nodes.ended.empty():
            nodes.owning.send("run_2")
            await asyncio.sleep(0.01)
    assert nodes.ended.get_nowait() == "run_2"


async def test_a_run_without_an_owner_that_executes_it_is_polled(nodes):
    nodes.active.clear()
    for run_id in ("run_1", "run_3"):
        assert await nodes.watching.watch(run_id) < WATCHED_SECONDS
    await nodes.owner.stop()
    assert await nodes.watching.watch("run_1") < WATCHED_SECONDS
