"""Stored keys: only their hash is stored."""

import asyncio

import pytest

from understudy import ids
from understudy.errors import Conflict, NotFound
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.keys import hint_of
from understudy.store.principals import hash_key

NOW = 1_700_000_000
CHANGE = Change(OPERATOR, NOW)


async def test_a_key_opens_its_project_until_it_is_revoked(store):
    key = ids.api_key()
    record = await store.keys.create(key, "mine", NOW)
    assert (record.name, record.created_at, record.revoked_at) == ("mine", NOW, None)
    assert await store.keys.project_of(key) == record.project_id
    assert await store.keys.project_of(key + "x") is None
    assert await store.keys.project_of(hash_key(key)) is None
    revoked = await store.keys.revoke(record.id, NOW + 1)
    assert revoked.revoked_at == NOW + 1
    assert await store.keys.project_of(key) is None
    assert await store.keys.revoke(record.id, NOW + 2) is None
    assert await store.keys.list() == [revoked]


async def test_the_same_key_again_is_the_same_record(store):
    key = ids.api_key()
    first = await store.keys.create(key, "first", NOW)
    assert await store.keys.create(key, "second", NOW + 1) == first
    assert await store.keys.list() == [first]


async def test_all_keys_open_the_default_project(store):
    keys = [ids.api_key() for _ in range(3)]
    records = [await store.keys.create(key, str(number), NOW) for number, key in enumerate(keys)]
    assert len({record.project_id for record in records}) == 1
    assert await store.keys.list() == records


async def test_a_key_of_another_project_opens_that_one(store):
    other = await store.projects.create("other", CHANGE)
    for named in ("other", other.id):
        key = ids.api_key()
        await store.keys.create(key, "theirs", NOW, named)
        assert await store.keys.project_of(key) == other.id
    ours = await store.keys.create(ids.api_key(), "ours", NOW)
    assert ours.project_id != other.id
    assert [(one.name, one.keys) for one in await store.projects.list()] == [("other", 2), ("default", 1)]


async def test_a_project_has_a_name_of_its_own(store):
    made = await asyncio.gather(*[store.projects.create("mine", CHANGE) for _ in range(4)], return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Conflict"] * 3 + ["ProjectRecord"]
    (project,) = await store.projects.list()
    with pytest.raises(Conflict):
        await store.projects.create(project.id, CHANGE)
    with pytest.raises(NotFound, match="Project 'yours' not found"):
        await store.keys.create(ids.api_key(), "mine", NOW, "yours")


async def test_servers_that_start_at_once_make_one_default_project(store):
    keys = [ids.api_key() for _ in range(8)]
    made = await asyncio.gather(*[store.keys.create(key, "mine", NOW) for key in keys])
    assert len({record.project_id for record in made}) == 1
    assert len(await store.projects.list()) == 1


async def test_a_key_is_revoked_by_its_hint_where_that_means_one(store):
    key = ids.api_key()
    record = await store.keys.create(key, "mine", NOW)
    assert await store.keys.revoke("sk-other…beef", NOW) is None
    assert (await store.keys.revoke(record.hint, NOW)).id == record.id


@pytest.mark.parametrize("key", ["sk-understudy-" + "k" * 43, "given-0123456789"])
def test_a_hint_does_not_give_the_key_away(key):
    hint = hint_of(key)
    assert key not in hint
    assert len(hint) <= 21
    assert len(key) - len(hint.replace("…", "")) >= 8


async def test_the_text_of_a_key_is_nowhere_in_the_database(opened, tmp_path, url):
    key = ids.api_key()
    async with opened() as store:
        await store.keys.create(key, "mine", NOW)
        await store.keys.project_of(key)
        assert key not in str(await store.database.read(everything))
    if url is None:
        kept = [path for path in tmp_path.iterdir() if path.is_file()]
        assert kept
        assert all(key[16:].encode() not in path.read_bytes() for path in kept)


def everything():
    rows = yield "SELECT * FROM keys", ()
    return rows
