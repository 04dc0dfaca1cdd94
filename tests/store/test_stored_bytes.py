"""The bytes of a project beside files, counted while they are stored and given back with the last row, on both databases."""

import pytest

from store.samples import NOW, OURS
from store.test_containers import container
from store.test_videos import LEASE, claimed, made, record
from understudy import ids
from understudy.errors import InvalidRequest
from understudy.store.container_uploads import ContainerUpload
from understudy.store.migrate import read_migrations
from understudy.store.transcriptions import TranscriptionRecord
from understudy.store.transfers import TransferRecord
from understudy.store.video_rows import VideoFile
from understudy.wire.files import FileObject
from understudy.wire.transfers import ExportObject, ImportObject, ImportReport, TransferProgress
from understudy.wire.uploads import Upload, UploadPart


async def hold(store, letter):
    name = f"{letter * 64}-{letter * 12}"
    await store.blobs.hold(name, name[:64], LEASE)
    return name


async def size(store):
    return (await store.project_sizes.get(OURS)).bytes


async def test_the_bytes_of_videos_are_counted(store):
    still = VideoFile("start", await hold(store, "a"), 5)
    video_id = await made(store, pieces=[still])
    assert await size(store) == 5
    claim = await claimed(store)
    files = [VideoFile("video", await hold(store, "b"), 70), VideoFile("thumbnail", await hold(store, "c"), 3)]
    assert await store.videos.complete("one", claim, record(), files, float(NOW))
    assert await size(store) == 78
    await store.videos.delete(OURS, video_id)
    assert await size(store) == 0


async def test_the_bytes_of_uploads_into_containers_are_counted(store):
    made_one = container()
    await store.containers.create(OURS, made_one, [])
    for letter, bytes_ in (("a", 5), ("b", 7)):
        upload = ContainerUpload(letter, await hold(store, letter), bytes_)
        await store.containers.add_upload(OURS, made_one.id, upload, {"a", "b"})
    # Of an earlier version, which is measured later.
    unmeasured = ContainerUpload("c", await hold(store, "c"), None)
    await store.containers.add_upload(OURS, made_one.id, unmeasured, {"a", "b"})
    assert await size(store) == 12
    ((seq, blob),) = await store.containers.find_unmeasured_uploads()
    assert blob == unmeasured.blob
    for _ in range(2):
        await store.containers.set_upload_size(seq, 100)
    assert (await size(store), await store.containers.find_unmeasured_uploads()) == (112, [])
    await store.containers.remove_upload(made_one.id, "c")
    assert await size(store) == 12
    await store.containers.delete(OURS, made_one.id)
    assert await size(store) == 0


async def test_what_earlier_versions_stored_is_counted_by_the_migration(store):
    await made(store, pieces=[VideoFile("start", await hold(store, "a"), 5)])
    upload = new_upload()
    await store.uploads.create(OURS, upload, None)
    await add_part(store, upload, "b", 6)
    task = TranscriptionRecord(model="m", created_at=NOW, boundary="x", fields={}, size=9)
    await store.transcriptions.create(OURS, "t1", task, await hold(store, "c"), most=10, limit=None)
    await store.transfers.create(OURS, "import", TransferRecord(new_import(40)), await hold(store, "d"))
    before = await size(store)
    migrations = read_migrations(store.database.dialect)
    statement = next(one for one in migrations if one.number == 78).statements[-1]
    assert statement.startswith("INSERT INTO project_sizes")

    def count_again():
        yield "DELETE FROM project_sizes", ()
        yield statement, ()

    await store.database.write(count_again)
    assert before == await size(store) == 60


def new_import(size):
    return ImportObject(
        id=ids.import_(),
        created_at=NOW,
        progress=TransferProgress(),
        filename="in",
        bytes=size,
        dry_run=False,
        on_conflict="skip",
        report=ImportReport(),
    )


def new_upload():
    return Upload(id=ids.upload(), bytes=5, created_at=NOW, filename="a.txt", purpose="assistants", expires_at=2**40)


async def add_part(store, upload, letter, bytes_, most=None):
    part = UploadPart(id=ids.part(), created_at=NOW, upload_id=upload.id)
    assert await store.uploads.add_part(OURS, part, bytes_, await hold(store, letter), 1000, most) is None
    return part.id


async def test_the_bytes_of_parts_of_uploads_are_counted(store):
    upload, cancelled, deleted = new_upload(), new_upload(), new_upload()
    for one in (upload, cancelled, deleted):
        await store.uploads.create(OURS, one, None)
    part_id = await add_part(store, upload, "a", 5)
    await add_part(store, cancelled, "b", 6)
    await add_part(store, deleted, "c", 7)
    assert await size(store) == 18
    with pytest.raises(InvalidRequest, match="Limit 20 bytes, Used 18, Requested 3"):
        await add_part(store, deleted, "d", 3, most=20)
    await store.uploads.cancel(OURS, cancelled.id)
    # What no part can be added to is refused for that, however little may be stored.
    late = UploadPart(id=ids.part(), created_at=NOW, upload_id=cancelled.id)
    refused = await store.uploads.add_part(OURS, late, 3, await hold(store, "f"), 1000, 0)
    assert refused.upload.status == "cancelled"
    await store.uploads.delete(OURS, deleted.id)
    assert await size(store) == 5
    file = FileObject(id=ids.file(), purpose="assistants", filename="a.txt", bytes=5, created_at=NOW)
    # The file takes the place of its parts.
    await store.uploads.complete(OURS, upload.id, file, await hold(store, "e"), [part_id], 5)
    assert await size(store) == 5


async def test_the_bytes_of_waiting_recordings_are_counted(store):
    task = TranscriptionRecord(model="m", created_at=NOW, boundary="x", fields={}, size=9)
    for number, letter in enumerate("ab"):
        blob = await hold(store, letter)
        await store.transcriptions.create(OURS, f"t{number}", task, blob, most=10, limit=18)
    assert await size(store) == 18
    with pytest.raises(InvalidRequest, match="Limit 18 bytes, Used 18, Requested 9"):
        await store.transcriptions.create(OURS, "t2", task, await hold(store, "c"), most=10, limit=18)
    await store.workers.renew_lease("one", 60.0)
    claim = await store.transcriptions.claim(1, "one", float(NOW))
    assert await store.transcriptions.finish("one", claim, float(NOW), None)
    assert await size(store) == 9


async def test_the_bytes_of_imports_and_exports_are_counted(store):
    job = new_import(40)
    await store.transfers.create(OURS, "import", TransferRecord(job), await hold(store, "a"), 40)
    assert await size(store) == 40
    again = TransferRecord(new_import(40))
    with pytest.raises(InvalidRequest, match="Limit 40 bytes, Used 40, Requested 40"):
        await store.transfers.create(OURS, "import", again, await hold(store, "b"), 40)
    await finish(store, job.id, "import", TransferRecord(job))
    assert await size(store) == 0
    export = ExportObject(id=ids.export(), created_at=NOW, progress=TransferProgress(), metadata={})
    await store.transfers.create(OURS, "export", TransferRecord(export), None)
    export.bytes = 30
    blob = await hold(store, "c")
    with pytest.raises(InvalidRequest, match="Limit 20 bytes, Used 0, Requested 30"):
        await finish(store, export.id, "export", TransferRecord(export), blob, 20)
    assert await size(store) == 0
    await finish(store, export.id, "export", TransferRecord(export), blob, 30)
    assert await size(store) == 30
    await store.transfers.delete(OURS, "export", export.id)
    assert await size(store) == 0


async def finish(store, job_id, kind, job, output=None, limit=None):
    def number():
        rows = yield "SELECT seq, owner FROM transfers WHERE id = $1", (job_id,)
        return rows[0]

    seq, owner = await store.database.read(number)
    if owner is None:
        await store.workers.renew_lease("one", 60.0)
        assert await store.transfers.claim(seq, "one", float(NOW))
    assert await store.transfers.finish(seq, "one", "completed", job, output, limit)
