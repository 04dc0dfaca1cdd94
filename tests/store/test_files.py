"""Files, uploads and their blobs: a blob is erased with the last object that refers to it."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.errors import NotFound, StoreError
from understudy.store import open_store
from understudy.store.pages import PageRequest
from understudy.wire.files import FileObject
from understudy.wire.uploads import Upload, UploadPart

EVERYTHING = PageRequest(limit=10_000)


@dataclass
class Hands:
    """A clock that a test sets."""

    time: float = NOW

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
async def store(tmp_path, url, clock):
    opened = await open_store(tmp_path, url, clock=clock)
    yield opened
    await opened.close()


def file(**members):
    made = {"id": ids.file(), "purpose": "assistants", "filename": "a.txt", "bytes": 5, "created_at": NOW}
    return FileObject(**(made | members))


def upload(**members):
    made = {"id": ids.upload(), "bytes": 5, "created_at": NOW, "filename": "a.txt", "purpose": "batch"}
    return Upload(**(made | {"expires_at": NOW + 3600} | members))


async def held(store, content="content", until=NOW + 60):
    """The name of a blob that its writer has just put in its place."""
    name = f"{content}-{ids.tool_call()}"
    await store.blobs.hold(name, content, until)
    return name


async def created(store, project=OURS, content="content", **members):
    made = file(**members)
    await store.files.create(project, made, await held(store, content))
    return made


async def doomed(store):
    return await store.blobs.pending_erasures(1000)


async def test_a_stored_file_is_read_back_unchanged(store):
    given = file(filename="Ünïcödé 漢字 🚀.txt", expires_at=NOW + 100)
    name = await held(store)
    body = await store.files.create(OURS, given, name)
    assert await store.files.get(OURS, given.id) == body
    assert list(json.loads(body)) == [
        "object", "id", "purpose", "filename", "bytes", "created_at", "expires_at", "status", "status_details"
    ]  # fmt: skip
    found = await store.files.find(OURS, given.id)
    assert (found.id, found.filename, found.purpose, found.bytes, found.blob) == (
        given.id, given.filename, given.purpose, given.bytes, name,
    )  # fmt: skip


async def test_another_project_sees_no_file_and_no_upload(store):
    made, begun = await created(store), upload()
    await store.uploads.create(OURS, begun, None)
    assert await store.files.lookup(THEIRS, [made.id]) == []
    assert (await store.files.page(THEIRS, EVERYTHING)).rows == []
    for attempt in (
        store.files.get(THEIRS, made.id),
        store.files.find(THEIRS, made.id),
        store.files.delete(THEIRS, made.id),
        store.uploads.get(THEIRS, begun.id),
        store.uploads.cancel(THEIRS, begun.id),
        store.uploads.complete(THEIRS, begun.id, file(), "blob", ()),
        store.uploads.add_part(THEIRS, UploadPart(id="part_1", created_at=NOW, upload_id=begun.id), 1, "blob", 9),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await store.files.get(OURS, made.id)


async def test_files_are_looked_up_in_the_requested_order(store):
    first, second = await created(store), await created(store)
    found = await store.files.lookup(OURS, [second.id, "file-unknown", first.id, second.id])
    assert [one.id for one in found] == [second.id, first.id]


async def test_any_number_of_files_are_looked_up(store):
    made = [(await created(store)).id for _ in range(112)]
    assert [one.id for one in await store.files.lookup(OURS, made)] == made
    assert await store.files.lookup(OURS, []) == []


async def test_a_page_has_one_purpose_or_all(store):
    made = [await created(store, purpose=purpose) for purpose in ("batch", "assistants", "batch")]
    everything = await store.files.page(OURS, EVERYTHING)
    assert [row[0] for row in everything.rows] == [one.id for one in reversed(made)]
    batches = await store.files.page(OURS, PageRequest(limit=1), "batch")
    assert ([row[0] for row in batches.rows], batches.has_more) == ([made[2].id], True)
    rest = await store.files.page(OURS, PageRequest(limit=1, after=made[2].id), "batch")
    assert ([row[0] for row in rest.rows], rest.has_more) == ([made[0].id], False)


async def test_equal_content_is_stored_once_and_erased_with_the_last_file(store):
    first = await created(store)
    blob = (await store.files.find(OURS, first.id)).blob
    second = await created(store, project=THEIRS)
    assert (await store.files.find(THEIRS, second.id)).blob == blob
    copies = await doomed(store)
    assert len(copies) == 1
    assert blob not in copies
    await store.blobs.confirm_erasures(copies)
    await store.files.delete(OURS, first.id)
    assert await doomed(store) == []
    await store.files.delete(THEIRS, second.id)
    assert await doomed(store) == [blob]


async def test_bytes_that_are_to_be_erased_are_not_used_again(store):
    first = await created(store)
    gone = (await store.files.find(OURS, first.id)).blob
    await store.files.delete(OURS, first.id)
    second = await created(store)
    assert (await store.files.find(OURS, second.id)).blob != gone
    assert await doomed(store) == [gone]
    await store.blobs.confirm_erasures([gone])
    assert await doomed(store) == []


async def test_a_writer_that_took_too_long_makes_no_file(store, clock):
    name = await held(store, until=NOW + 60)
    await store.blobs.drop_holds(NOW + 61)
    assert await doomed(store) == [name]
    made = file()
    with pytest.raises(StoreError, match="took too long"):
        await store.files.create(OURS, made, name)
    with pytest.raises(NotFound):
        await store.files.get(OURS, made.id)


async def test_blobs_that_are_held_or_used_are_not_erased(store):
    await created(store, content="used")
    await held(store, content="held", until=NOW + 60)
    await store.blobs.drop_holds(NOW + 59)
    assert await doomed(store) == []


async def test_releasing_a_hold_erases_only_blobs_without_a_file(store):
    kept, dropped = await held(store, "kept"), await held(store, "dropped")
    await store.files.create(OURS, file(), kept)
    for name in (kept, dropped, "unknown"):
        await store.blobs.release_hold(name)
    assert await doomed(store) == [dropped]


async def test_files_made_and_deleted_at_once_count_right(store):
    async def live():
        made = await created(store)
        blob = (await store.files.find(OURS, made.id)).blob
        assert blob not in await doomed(store)
        await store.files.delete(OURS, made.id)

    await asyncio.gather(*(live() for _ in range(30)))
    last = await created(store)
    blob = (await store.files.find(OURS, last.id)).blob
    assert blob not in await doomed(store)
    await store.files.delete(OURS, last.id)
    # Every name that was ever held is to be erased by now: none is lost, and none was used twice.
    assert len(await doomed(store)) == 31


async def test_two_deletions_at_once_delete_once(store):
    made = await created(store)
    await created(store)
    results = await asyncio.gather(*(store.files.delete(OURS, made.id) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results].count(NotFound) == 4
    assert len(await doomed(store)) == 1  # the second writer's copy


@pytest.mark.proves("files.expiry")
async def test_an_expired_file_is_not_found_at_once_and_is_deleted_by_the_sweep(store, clock):
    made, other = await created(store, content="a", expires_at=NOW + 10), await created(store, content="b")
    blob = (await store.files.find(OURS, made.id)).blob
    await store.files.expire()
    assert await doomed(store) == []
    clock.time = NOW + 10
    with pytest.raises(NotFound, match="No such File object"):
        await store.files.get(OURS, made.id)
    assert await store.files.lookup(OURS, [made.id]) == []
    assert [row[0] for row in (await store.files.page(OURS, EVERYTHING)).rows] == [other.id]
    # Its place in lists stays, for a pager that stands on it.
    assert (await store.files.page(OURS, PageRequest(after=made.id, order="asc"))).rows[0][0] == other.id
    await store.files.expire()
    assert await doomed(store) == [blob]


# -- uploads -------------------------------------------------------------------------------------------------------


async def part_of(store, begun, content, size=5, limit=100):
    part = UploadPart(id=ids.part(), created_at=NOW, upload_id=begun.id)
    refused = await store.uploads.add_part(OURS, part, size, await held(store, content), limit)
    return part.id if refused is None else refused


async def test_completing_an_upload_creates_its_file_and_erases_its_parts(store):
    begun = upload()
    await store.uploads.create(OURS, begun, 7200)
    first, second = await part_of(store, begun, "one"), await part_of(store, begun, "two")
    assert (await store.uploads.get(OURS, begun.id)).file_seconds == 7200
    parts = await store.uploads.parts(begun.id)
    assert [part.id for part in parts] == [first, second]
    made = file(purpose="batch")
    done = await store.uploads.complete(OURS, begun.id, made, await held(store, "both"), [second, first])
    assert (done.upload.status, done.upload.file, done.part_ids) == ("completed", made, (second, first))
    assert await store.uploads.get(OURS, begun.id) == done
    assert sorted(await doomed(store)) == sorted(part.blob for part in parts)
    assert json.loads(await store.files.get(OURS, made.id))["id"] == made.id


async def test_an_upload_of_one_part_keeps_one_of_two_equal_blobs(store):
    begun, made = upload(), file()
    await store.uploads.create(OURS, begun, None)
    part = await part_of(store, begun, "all")
    (stored,) = await store.uploads.parts(begun.id)
    copy = await held(store, "all")
    await store.uploads.complete(OURS, begun.id, made, copy, [part])
    assert (await store.files.find(OURS, made.id)).blob == copy
    assert await doomed(store) == [stored.blob]


@pytest.mark.proves("uploads.once")
async def test_concurrent_completions_and_cancellations_end_an_upload_once(store):
    begun = upload()
    await store.uploads.create(OURS, begun, None)
    await part_of(store, begun, "one")
    made = [file() for _ in range(4)]
    blobs = [await held(store, f"copy {number}") for number in range(4)]
    await asyncio.gather(
        *(store.uploads.complete(OURS, begun.id, one, blob, ["p"]) for one, blob in zip(made, blobs, strict=True)),
        store.uploads.cancel(OURS, begun.id),
    )
    ended = (await store.uploads.get(OURS, begun.id)).upload
    there = await store.files.lookup(OURS, [one.id for one in made])
    assert len(there) == (1 if ended.status == "completed" else 0)
    assert ended.status in {"completed", "cancelled"}


@pytest.mark.parametrize("end", ["cancelled", "expired", "completed"])
async def test_an_ended_upload_takes_no_part(store, clock, end):
    begun = upload()
    await store.uploads.create(OURS, begun, None)
    await part_of(store, begun, "one")
    if end == "cancelled":
        assert (await store.uploads.cancel(OURS, begun.id))[1]
    elif end == "completed":
        await store.uploads.complete(OURS, begun.id, file(), await held(store), [])
    else:
        clock.time = begun.expires_at
    refused = await part_of(store, begun, "late")
    assert refused.upload.status == end
    assert (await store.uploads.cancel(OURS, begun.id))[1] is False


@pytest.mark.proves("uploads.expiry")
async def test_the_parts_of_an_expired_upload_are_erased(store, clock):
    begun = upload()
    await store.uploads.create(OURS, begun, None)
    await part_of(store, begun, "one")
    (part,) = await store.uploads.parts(begun.id)
    await store.uploads.expire()
    assert await doomed(store) == []
    clock.time = begun.expires_at
    await store.uploads.expire()
    assert await doomed(store) == [part.blob]
    assert (await store.uploads.get(OURS, begun.id)).upload.status == "expired"


async def test_the_parts_have_a_limit_together(store):
    begun = upload()
    await store.uploads.create(OURS, begun, None)
    await part_of(store, begun, "one", size=6, limit=10)
    assert (await part_of(store, begun, "two", size=5, limit=10)).upload.status == "pending"
    assert isinstance(await part_of(store, begun, "three", size=4, limit=10), str)
