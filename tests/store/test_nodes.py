"""Nodes: which of them may work on one database, and how long a dead one counts."""

import dataclasses

import pytest

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


def forget():
    yield "UPDATE nodes SET seen_at = seen_at - 9", ()
