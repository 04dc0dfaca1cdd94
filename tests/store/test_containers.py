"""Containers on both databases: whose they are, when their time is over, and which Files were put into them."""

import asyncio

import pytest

from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.errors import NotFound
from understudy.store.containers import SessionClaim
from understudy.store.nodes import Node
from understudy.store.pages import PageRequest
from understudy.wire.containers import ContainerExpiresAfter, ContainerResource

MINUTES = 20
OVER = NOW + MINUTES * 60


def container(name="mine", now=NOW):
    expires_after = ContainerExpiresAfter(minutes=MINUTES)
    return ContainerResource(
        id=ids.container(), created_at=now, expires_after=expires_after, last_active_at=now, name=name
    )


async def test_a_container_expires_after_its_idle_time(store):
    made = container()
    await store.containers.create(OURS, made, [])
    assert (await store.containers.get(OURS, made.id, OVER - 1)).status == "running"
    assert (await store.containers.get(OURS, made.id, OVER)).status == "expired"
    await store.containers.touch(made.id, NOW + 60)
    await store.containers.touch(made.id, NOW + 30)
    used = await store.containers.get(OURS, made.id, OVER + 59)
    assert (used.status, used.last_active_at) == ("running", NOW + 60)


async def test_containers_are_listed_by_their_names_and_apart_from_another_project_s(store):
    mine, named, theirs = container(), container("named"), container()
    await store.containers.create(OURS, mine, [])
    await store.containers.create(OURS, named, [])
    await store.containers.create(THEIRS, theirs, [])
    page = await store.containers.page(OURS, PageRequest(order="asc"), None, NOW)
    assert [one.id for one in page.records] == [mine.id, named.id]
    page = await store.containers.page(OURS, PageRequest(), "named", OVER)
    assert [(one.id, one.status) for one in page.records] == [(named.id, "expired")]
    for asked in (store.containers.get(OURS, theirs.id, NOW), store.containers.delete(OURS, theirs.id)):
        with pytest.raises(NotFound):
            await asked


async def test_the_files_in_a_container_are_known_until_it_is_deleted(store):
    made = container()
    await store.containers.create(OURS, made, ["file-b", "file-a", "file-a"])
    await store.containers.add_file(made.id, "file-c")
    await store.containers.add_file(made.id, "file-c")
    await store.containers.remove_file(made.id, "file-a")
    assert await store.containers.files(made.id) == ["file-b", "file-c"]
    await store.containers.delete(OURS, made.id)
    assert await store.containers.files(made.id) == []


async def test_concurrent_requests_create_one_container_per_thread(store):
    owned = await asyncio.gather(
        *(store.containers.find_or_create_for_thread(OURS, "thread_1", container()) for _ in range(8))
    )
    assert len({one.id for one in owned}) == 1
    assert [one.is_first for one in owned].count(True) == 1
    other = await store.containers.find_or_create_for_thread(OURS, "thread_2", container())
    assert other.id != owned[0].id


async def test_a_thread_gets_a_new_container_after_the_old_one_expired(store):
    first = await store.containers.find_or_create_for_thread(OURS, "thread_1", container())
    same = await store.containers.find_or_create_for_thread(OURS, "thread_1", container(now=OVER - 1))
    assert (same.id, same.is_first) == (first.id, False)
    another = await store.containers.find_or_create_for_thread(OURS, "thread_1", container(now=OVER - 1 + MINUTES * 60))
    assert another.id != first.id
    assert not another.is_first
    assert (await store.containers.get(OURS, first.id, OVER * 2)).status == "expired"


async def test_the_container_of_a_thread_is_deleted_with_it(store):
    assert await store.containers.delete_for_thread(OURS, "thread_1") is None
    owned = await store.containers.find_or_create_for_thread(OURS, "thread_1", container())
    assert await store.containers.delete_for_thread(THEIRS, "thread_1") is None
    assert await store.containers.delete_for_thread(OURS, "thread_1") == owned.id
    with pytest.raises(NotFound):
        await store.containers.get(OURS, owned.id, NOW)
    assert (await store.containers.find_or_create_for_thread(OURS, "thread_1", container())).is_first


async def test_the_session_of_a_container_belongs_to_one_live_node(store, url):
    if url is None:
        pytest.skip("SQLite has one node")
    made = container()
    await store.containers.create(OURS, made, [])
    for name in ("node_1", "node_2"):
        await store.nodes.register(Node(name, "1.0", "server", "host", 1, "", name, is_clustered=True))
    assert await store.containers.claim_session(made.id, "node_1") == SessionClaim(None, is_new=True)
    assert await store.containers.claim_session(made.id, "node_1") == SessionClaim(None)
    assert await store.containers.claim_session(made.id, "node_2") == SessionClaim("node_1")
    assert await store.containers.find_node(made.id, "node_2") == "node_1"
    assert await store.containers.find_node(made.id, "node_1") is None
    await store.containers.release_session(made.id, "node_2")
    assert await store.containers.find_node(made.id, "node_2") == "node_1"
    await store.nodes.retire("node_1")
    assert await store.containers.claim_session(made.id, "node_2") == SessionClaim(None, is_new=True)
    assert await store.containers.claim_session(made.id, "node_1", is_forced=True) == SessionClaim(None, is_new=True)
