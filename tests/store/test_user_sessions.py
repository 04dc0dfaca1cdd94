"""Sessions of browsers, with two stores on one database where nodes matter: time, rotation, and ends on all nodes."""

import asyncio

import pytest

from understudy.clock import SystemClock
from understudy.engine.cookie_signer import CookieSigner
from understudy.errors import PermissionDenied
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.sign_ins import EntryPolicy, Identity

NOW = 1_700_000_000
HOUR, DAY = 3600, 86_400
IDLE = 30 * 60
CHANGE = Change(OPERATOR, NOW)
ADA = Identity("https://login.example.com", "ada", "ada@example.com", "Ada")
READER = EntryPolicy(uninvited_role="reader", projects=("second", "unknown"))


@pytest.fixture
async def user(store):
    await store.projects.create("second", CHANGE)
    return await store.sign_ins.enter(ADA, READER, NOW, "192.0.2.1")


async def find(store, token, now=NOW, project=None):
    return await store.user_sessions.find(token, now, IDLE, project)


async def test_a_session_ends_at_its_time_however_much_it_is_used(store, user):
    session_id = await store.user_sessions.open(user.id, "token", NOW, NOW + HOUR)
    for minutes in range(0, 60, 20):
        assert (await find(store, "token", NOW + 60 * minutes)).id == session_id
    assert await find(store, "token", NOW + HOUR) is None
    assert await find(store, "other") is None


async def test_a_session_ends_without_a_request(store, user):
    await store.user_sessions.open(user.id, "token", NOW, NOW + DAY)
    assert await find(store, "token", NOW + IDLE - 1) is not None
    assert await find(store, "token", NOW + 2 * IDLE - 2) is not None
    assert await find(store, "token", NOW + 4 * IDLE) is None


async def test_a_cookie_is_replaced_and_the_old_one_is_valid_until_the_new_one_was_used(store, user):
    session_id = await store.user_sessions.open(user.id, "first", NOW, NOW + DAY)
    for minutes in range(0, 60, 20):
        assert not (await find(store, "first", NOW + 60 * minutes)).needs_rotation
    due = NOW + HOUR
    assert (await find(store, "first", due)).needs_rotation
    rotated = [store.user_sessions.rotate(session_id, "first", f"second {number}", due) for number in range(3)]
    assert sorted(await asyncio.gather(*rotated)) == [False, False, True]
    (second,) = [f"second {number}" for number in range(3) if await find(store, f"second {number}", due)]
    # A response with the new cookie may have been lost.
    assert not (await find(store, "first", due + 61)).needs_rotation
    assert (await find(store, second, due + 61)).id == session_id
    assert await find(store, "first", due + 62) is None


async def test_the_project_is_the_users_own(store, user):
    await store.user_sessions.open(user.id, "token", NOW, NOW + DAY)
    (place,) = user.projects
    other = await store.projects.create("other", CHANGE)
    assert (await find(store, "token")).project_id == place.project_id
    assert (await find(store, "token", project=place.project_id)).project_id == place.project_id
    for foreign in (other.id, "proj_unknown", "second"):
        with pytest.raises(PermissionDenied):
            await find(store, "token", project=foreign)
    await store.projects.archive(place.project_id, CHANGE)
    assert (await find(store, "token")).project_id == ""
    with pytest.raises(PermissionDenied):
        await find(store, "token", project=place.project_id)


async def test_changes_of_the_user_end_all_sessions_on_all_nodes(store, opened, user):
    (place,) = user.projects
    users, members = store.users, store.project_users
    changes = (
        lambda: users.change_role(user.id, "owner", CHANGE),
        lambda: store.sign_ins.enter(ADA, EntryPolicy(uses_claims=True, claimed_role="reader"), NOW, ""),
        lambda: members.change_role(place.project_id, user.id, "owner", CHANGE),
        lambda: members.remove(place.project_id, user.id, CHANGE),
        lambda: users.delete(user.id, CHANGE),
    )
    async with opened() as node:
        for number, change in enumerate(changes):
            for tab in "ab":
                await store.user_sessions.open(user.id, f"{number}{tab}", NOW, NOW + DAY)
            assert await node.keys.active([user.id], NOW) == {user.id}
            assert await find(node, f"{number}a") is not None
            await change()
            assert [await find(node, f"{number}{tab}") for tab in "ab"] == [None, None]
            assert await node.keys.active([user.id], NOW) == set()


async def test_signing_out_ends_one_session(store, user):
    first, _ = [await store.user_sessions.open(user.id, token, NOW, NOW + DAY) for token in ("a", "b")]
    await store.user_sessions.end(first, CHANGE)
    assert [await find(store, token) is None for token in ("a", "b")] == [True, False]


async def test_a_person_who_enters_on_two_nodes_at_once_is_one_user(store, opened):
    async with opened() as node:
        entered = await asyncio.gather(*[one.sign_ins.enter(ADA, READER, NOW, "") for one in (store, node) * 3])
    assert len({user.id for user in entered}) == 1


async def test_all_nodes_sign_with_the_newest_secret_and_check_older_ones(store, opened):
    clock = SystemClock()
    async with opened() as other:
        first, second = CookieSigner(store, clock), CookieSigner(other, clock)
        value = await first.sign("session", "token")
        assert await second.check("session", value) == "token"
        assert await second.check("login", value) is None
        assert await second.check("session", value.replace("token", "tokem")) is None
        for malformed in ("", "a.b", "..", "a.b.c.d", "ä.b.c", f"unknown.{value.split('.', 1)[1]}"):
            assert await second.check("session", malformed) is None
    secrets = await store.signing_secrets.load(int(clock.now()) + 31 * DAY)
    assert len(secrets.by_id) == 2
    assert await CookieSigner(store, clock).check("session", value) == "token"
    later = await store.signing_secrets.load(int(clock.now()) + 62 * DAY)
    assert value.split(".")[0] not in later.by_id
