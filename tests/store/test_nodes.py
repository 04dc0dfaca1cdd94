"""Nodes: which of them may work on one database, and how long a dead one counts."""

import dataclasses

import pytest

from store import samples
from store.samples import OURS
from understudy.engine.nodes import NodeRegistration
from understudy.errors import StoreSuperseded
from understudy.store.nodes import ROLE_WITHOUT_JOBS, Node

FIRST = Node("node_1", "1.0", "server", "host", 1, "http://127.0.0.1:1", "place 1", is_clustered=False)
SECOND = Node("node_2", "1.0", "worker", "host", 2, "", "place 2", is_clustered=False)


CLUSTERED = [dataclasses.replace(node, is_clustered=True) for node in (FIRST, SECOND)]


async def live(store):
    return [found.node.id for found in await store.nodes.list() if found.is_live]


@pytest.mark.parametrize(
    ("first", "second", "is_accepted"),
    [
        (FIRST, SECOND, False),
        (FIRST, CLUSTERED[1], False),
        (CLUSTERED[0], SECOND, False),
        (*CLUSTERED, True),
        (FIRST, dataclasses.replace(SECOND, place=FIRST.place), True),
    ],
)
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_nodes_share_a_database_only_with_a_broker(store, first, second, is_accepted):
    assert await store.nodes.register(first) is None
    other = await store.nodes.register(second)
    assert (other is None) == is_accepted
    if other is not None:
        assert other.node == first
        await store.nodes.retire(first.id)
        assert await store.nodes.register(second) is None
    assert second.id in await live(store)


async def test_a_node_lives_as_long_as_its_lease_is_renewed(store):
    assert not await store.nodes.renew("node_1")
    await store.nodes.register(FIRST)
    assert await store.nodes.renew("node_1")
    await store.database.write(forget)
    assert await live(store) == []
    assert await store.nodes.renew("node_1")
    assert await live(store) == ["node_1"]


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_worker_is_a_live_node_that_runs_jobs(store):
    await store.nodes.register(dataclasses.replace(CLUSTERED[0], role=ROLE_WITHOUT_JOBS))
    assert await store.nodes.find_worker() is None
    await store.nodes.register(CLUSTERED[1])
    assert await store.nodes.find_worker() == CLUSTERED[1].id


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_node_that_was_paused_renews_its_lease_before_it_reads_or_writes(store):
    seconds, ended = [100.0], []
    guard = NodeRegistration(store, CLUSTERED[0], lambda: ended.append(True), lambda: seconds[0])
    await guard.start()
    try:
        await store.database.write(forget)
        seconds[0] += 5.9
        body = await store.assistants.create(OURS, samples.assistant(id="asst_1"))
        assert await live(store) == []
        seconds[0] += 0.1
        assert await store.assistants.get(OURS, "asst_1") == body
        assert await live(store) == ["node_1"]
        await store.database.write(supersede)
        assert await store.assistants.get(OURS, "asst_1") == body
        seconds[0] += 6.0
        for _ in range(2):
            with pytest.raises(StoreSuperseded, match="Stop this server, and start that version"):
                await store.assistants.delete(OURS, "asst_1")
        with pytest.raises(StoreSuperseded):
            await store.nodes.register(CLUSTERED[1])
        assert ended == [True]
    finally:
        await guard.stop()


def supersede():
    yield "INSERT INTO schema_versions (number, oldest) VALUES (9999, 9999)", ()


def forget():
    yield "UPDATE nodes SET seen_at = seen_at - 9", ()
