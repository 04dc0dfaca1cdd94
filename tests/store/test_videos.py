"""Stored video generations, on both databases: claimed once, finished once, separate per tenant."""

import asyncio

import pytest

from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.errors import InvalidRequest, NotFound, RateLimited
from understudy.store.video_rows import Record, Request, VideoFile

LEASE = NOW + 10.0


def record(prompt="A boat", **members):
    request = Request(
        prompt=prompt,
        model="ray-2",
        aspect_ratio="16:9",
        resolution="540p",
        seconds=5,
        callback_url=members.pop("callback", None),
    )
    return Record(request=request, created_at=float(NOW), base="http://here/v1", credits=7, **members)


async def made(store, project=OURS, *, key=None, most=100, kept=None, pieces=()):
    return await store.videos.create(
        project,
        ids.generation(),
        kept or record(),
        provider="rehearsal",
        token="secret",
        pieces=pieces,
        request_key=key,
        most=most,
    )


async def claimed(store, owner="one", now=float(NOW)):
    await store.workers.renew_lease(owner, 60.0)
    (waiting,) = await store.videos.list_candidates(now, 10)
    return await store.videos.claim(waiting.key, owner, now)


async def held(store, name):
    name = f"{name * 64}-{name * 12}"
    await store.blobs.hold(name, name[:64], LEASE)
    return name


async def test_only_one_of_many_workers_claims_a_video(store):
    await made(store)
    owners = [f"owner{number}" for number in range(8)]
    for owner in owners:
        await store.workers.renew_lease(owner, 60.0)
    (waiting,) = await store.videos.list_candidates(float(NOW), 10)
    found = await asyncio.gather(*(store.videos.claim(waiting.key, owner, float(NOW)) for owner in owners))
    assert len([one for one in found if one is not None]) == 1
    assert await store.videos.list_candidates(float(NOW), 10) == []


async def test_a_worker_that_lost_a_video_cannot_change_it(store):
    video_id = await made(store)
    first = await claimed(store, "dead")
    assert await store.videos.mark_ordering("dead", first.video.seq, float(NOW))
    assert await store.videos.mark_ordered("dead", first.video.seq, 'odd "id" \\ of theirs')
    later = LEASE + 1
    await store.workers.retire("dead")
    second = await claimed(store, "alive", later)
    assert (second.attempts, second.interruptions, second.ordered_at) == (1, 1, float(NOW))
    assert second.video.upstream_id == 'odd "id" \\ of theirs'
    late = VideoFile("video", await held(store, "a"), 5)
    assert not await store.videos.complete("dead", first, record(width=1), [late], later)
    assert not await store.videos.mark_dreaming("dead", first.video.seq)
    assert not await store.videos.mark_ordered("dead", first.video.seq, "other")
    await store.videos.release("dead", first.video.seq, 0.0)
    assert (await store.videos.list_owned("alive")).keys() == {second.video.seq}
    kept = VideoFile("video", await held(store, "b"), 6)
    assert await store.videos.complete("alive", second, record(width=2), [kept], later)
    assert not await store.videos.fail("alive", second, record(failure_reason="late"), later)
    found = await store.videos.get(OURS, video_id)
    assert (found.state, found.record.width, found.record.failure_reason) == ("completed", 2, None)
    assert await store.videos.get_file(video_id, "video", "secret") == ("secret", kept)


async def test_a_video_is_charged_once_and_only_when_it_is_completed(store):
    await made(store)
    await store.videos.fail("one", await claimed(store), record(failure_reason="no"), float(NOW))
    await made(store)
    job = await claimed(store)
    attempts = [store.videos.complete("one", job, record(), [], float(NOW)) for _ in range(4)]
    assert sorted(await asyncio.gather(*attempts)) == [False, False, False, True]
    assert (await store.ledger.account(OURS)).balance == -7


async def test_one_request_key_makes_one_video(store):
    same = await asyncio.gather(*(made(store, key="mine") for _ in range(8)))
    assert len(set(same)) == 1
    assert await made(store, THEIRS, key="mine") not in same
    with pytest.raises(InvalidRequest, match="The idempotency key 'mine' was used for another request"):
        await made(store, key="mine", kept=record("Another"))
    await store.videos.delete(OURS, same[0])
    assert await made(store, key="mine") != same[0]


async def test_a_project_has_a_bounded_number_under_way_and_others_are_not_counted(store):
    await made(store, THEIRS)
    for _ in range(2):
        await made(store, most=2)
    with pytest.raises(RateLimited, match="2 videos of this project are waiting or being made"):
        await made(store, most=2)


async def test_each_project_has_its_oldest_video_waiting(store):
    first, other = await made(store), await made(store, THEIRS)
    await made(store)
    waiting = await store.videos.list_candidates(float(NOW), 2)
    assert [one.project_id for one in waiting] == [OURS, THEIRS]
    seqs = [(await store.videos.get(*one)).seq for one in ((OURS, first), (THEIRS, other))]
    assert [one.key for one in waiting] == seqs


async def test_a_tenant_finds_nothing_of_another_ones(store):
    video_id = await made(store, THEIRS)
    for attempt in (
        store.videos.get(OURS, video_id),
        store.videos.lookup(OURS, [video_id]),
        store.videos.delete(OURS, video_id),
    ):
        with pytest.raises(NotFound, match=f"No generation found with id '{video_id}'"):
            await attempt
    assert await store.videos.page(OURS, 10, None) == ([], False)
    assert (await store.videos.get(THEIRS, video_id.upper())).id == video_id


async def test_files_are_erased_with_the_last_video_that_uses_them(store):
    picture = await held(store, "c")
    first = await made(store, pieces=[VideoFile("start", picture, 3)])
    second = await made(store, pieces=[VideoFile("start", picture, 3)])
    await store.videos.delete(OURS, first)
    assert await store.blobs.pending_erasures(10) == []
    await store.videos.delete(OURS, second)
    assert await store.blobs.pending_erasures(10) == [picture]


async def test_old_videos_expire_and_those_under_way_do_not(store):
    old = await made(store)
    await store.videos.complete("one", await claimed(store), record(), [], float(NOW))
    busy = await made(store)
    await store.videos.expire(NOW + 1.0)
    with pytest.raises(NotFound):
        await store.videos.get(OURS, old)
    assert (await store.videos.get(OURS, busy)).state == "queued"


async def test_a_callback_is_claimed_once_until_it_is_due_again(store):
    video_id = await made(store, kept=record(callback="https://example.com/done"))
    job = await claimed(store)
    now = float(NOW)
    assert await store.videos.claim_callbacks(now, now + 15, 8) == []
    await store.videos.complete("one", job, record(callback="https://example.com/done"), [], now)
    takers = [store.videos.claim_callbacks(now, now + 15, 8) for _ in range(4)]
    taken = [one for found in await asyncio.gather(*takers) for one in found]
    assert [(one.video.id, one.attempts) for one in taken] == [(video_id, 1)]
    (again,) = await store.videos.claim_callbacks(now + 16, now + 31, 8)
    assert again.attempts == 2
    await store.videos.end_callback(video_id)
    assert await store.videos.claim_callbacks(now + 60, now + 75, 8) == []


async def test_releasing_a_video_at_shutdown_does_not_count_an_attempt(store):
    await made(store)
    job = await claimed(store)
    await store.videos.release("one", job.video.seq, 0.0, attempts=1)
    assert (await claimed(store, "other")).attempts == 1


async def test_the_deaths_of_workers_are_no_attempts_and_are_counted_until_there_is_progress(store):
    await made(store)
    for count, name in enumerate(("one", "two", "three")):
        job = await claimed(store, name, LEASE + 100 * count)
        await store.workers.retire(name)
        assert (job.attempts, job.interruptions) == (1, count)
    assert await store.videos.mark_dreaming("three", job.video.seq)
    job = await claimed(store, "four", LEASE + 1000)
    assert (job.attempts, job.interruptions) == (1, 1)
