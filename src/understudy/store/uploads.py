"""Stored uploads and their parts: the row's body is the encoded object, the contents of a part are a blob.

An upload is pending until exactly one of three things happens: it is completed, is cancelled, or expires. Each is one
guarded update, which also releases the parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from understudy.clock import Clock
from understudy.errors import not_found
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Transaction
from understudy.store.files import insert_file
from understudy.store.project_sizes import check_stored_bytes
from understudy.wire.files import FileObject
from understudy.wire.uploads import Upload, UploadPart

_SELECT = "SELECT body, status, expires_at, file_seconds, part_ids FROM uploads WHERE id = $1 AND project_id = $2"
_EXPIRED = "SELECT id FROM uploads WHERE status = 'pending' AND expires_at <= $1 LIMIT $2"
_decode = msgspec.json.Decoder(Upload).decode


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """`file_seconds` is the lifetime of the file; `part_ids` are the parts of a completed upload."""

    upload: Upload
    file_seconds: int | None
    part_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredPart:
    id: str
    bytes: int
    blob: str


class Uploads:
    """Every method on one upload raises NotFound if the project has no upload of that id."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, project_id: str, upload: Upload, file_seconds: int | None) -> None:
        await self._database.write(_insert_upload, project_id, upload, file_seconds)

    async def get(self, project_id: str, upload_id: str) -> StoredUpload:
        return await self._database.read(_select_upload, project_id, upload_id, self._now())

    async def parts(self, upload_id: str) -> list[StoredPart]:
        return await self._database.read(_select_parts, upload_id)

    async def add_part(
        self, project_id: str, part: UploadPart, size: int, blob: str, limit: int, most_stored: int | None = None
    ) -> StoredUpload | None:
        """Adds a part whose blob has a hold, unless the parts would exceed `limit` bytes together.

        Returns None if the part was added; else the upload, which is not pending or is full. Raises InvalidRequest if
        the project would store more bytes than `most_stored`.
        """
        return await self._database.write(_insert_part, project_id, part, size, blob, limit, self._now(), most_stored)

    async def complete(
        self,
        project_id: str,
        upload_id: str,
        file: FileObject,
        blob: str,
        part_ids: Sequence[str],
        most_stored: int | None = None,
    ) -> StoredUpload:
        """Creates the file if the upload is still pending; returns the upload in its current state.

        Raises InvalidRequest if the project would store more bytes than `most_stored`.
        """
        return await self._database.write(
            _complete_upload, project_id, upload_id, file, blob, part_ids, self._now(), most_stored
        )

    async def cancel(self, project_id: str, upload_id: str) -> tuple[StoredUpload, bool]:
        """Returns the upload, and whether this cancelled it."""
        return await self._database.write(_cancel_upload, project_id, upload_id, self._now())

    async def delete(self, project_id: str, upload_id: str) -> None:
        """Deletes the upload with its parts; the file that it has become remains."""
        await self._database.write(_delete_upload, project_id, upload_id)

    async def expire(self, limit: int = 20) -> None:
        """Ends up to `limit` expired uploads."""
        now = self._now()
        if await self._database.read(_has_expired, now, limit):
            await self._database.write(_expire_uploads, now, limit)

    def _now(self) -> int:
        return int(self._clock.now())


def _insert_upload(project_id: str, upload: Upload, file_seconds: int | None) -> Transaction[None]:
    body = msgspec.json.encode(upload).decode()
    sql = "INSERT INTO uploads (id, project_id, status, expires_at, file_seconds, body) VALUES ($1, $2, $3, $4, $5, $6)"
    yield sql, (upload.id, project_id, upload.status, upload.expires_at, file_seconds, body)


def _select_upload(project_id: str, upload_id: str, now: int, lock: str = "") -> Transaction[StoredUpload]:
    rows = yield _SELECT + lock, (upload_id, project_id)
    if not rows:
        raise not_found("upload", upload_id)
    body, status, expires_at, file_seconds, part_ids = rows[0]
    upload = _decode(body)
    if status == "pending" and expires_at <= now:
        upload.status = "expired"
    return StoredUpload(upload, file_seconds, tuple(msgspec.json.decode(part_ids or "[]")))


def _select_parts(upload_id: str) -> Transaction[list[StoredPart]]:
    rows = yield "SELECT id, bytes, blob FROM upload_parts WHERE upload_id = $1 ORDER BY seq", (upload_id,)
    return [StoredPart(*row) for row in rows]


def _insert_part(
    project_id: str, part: UploadPart, size: int, blob: str, limit: int, now: int, most_stored: int | None
) -> Transaction[StoredUpload | None]:
    stored = yield from _select_upload(project_id, part.upload_id, now, " FOR UPDATE")
    sums = yield "SELECT sum(bytes) FROM upload_parts WHERE upload_id = $1", (part.upload_id,)
    if stored.upload.status != "pending" or int(sums[0][0] or 0) + size > limit:
        return stored
    # After the lock of the upload, as when it is completed: else two requests would wait for each other.
    if most_stored is not None:
        yield from check_stored_bytes(project_id, size, most_stored)
    name = yield from retain(blob)
    sql = "INSERT INTO upload_parts (id, upload_id, blob, bytes) VALUES ($1, $2, $3, $4)"
    yield sql, (part.id, part.upload_id, name, size)
    return None


def _complete_upload(
    project_id: str,
    upload_id: str,
    file: FileObject,
    blob: str,
    part_ids: Sequence[str],
    now: int,
    most_stored: int | None,
) -> Transaction[StoredUpload]:
    stored = yield from _select_upload(project_id, upload_id, now, " FOR UPDATE")
    if stored.upload.status != "pending":
        return stored
    stored.upload.status = "completed"
    stored.upload.file = file
    # The file takes the place of the parts, which count as stored until then.
    yield from _end_upload(stored.upload, part_ids)
    yield from insert_file(project_id, file, blob, most_stored)
    return StoredUpload(stored.upload, stored.file_seconds, tuple(part_ids))


def _cancel_upload(project_id: str, upload_id: str, now: int) -> Transaction[tuple[StoredUpload, bool]]:
    stored = yield from _select_upload(project_id, upload_id, now, " FOR UPDATE")
    if stored.upload.status != "pending":
        return stored, False
    stored.upload.status = "cancelled"
    yield from _end_upload(stored.upload, ())
    return stored, True


def _delete_upload(project_id: str, upload_id: str) -> Transaction[None]:
    if not (yield "DELETE FROM uploads WHERE id = $1 AND project_id = $2 RETURNING id", (upload_id, project_id)):
        raise not_found("upload", upload_id)
    yield from _delete_parts(upload_id)


def _has_expired(now: int, limit: int) -> Transaction[bool]:
    return bool((yield _EXPIRED, (now, limit)))


def _expire_uploads(now: int, limit: int) -> Transaction[None]:
    due = yield _EXPIRED + " FOR UPDATE", (now, limit)
    for (upload_id,) in due:
        rows = yield "SELECT body FROM uploads WHERE id = $1", (upload_id,)
        upload = _decode(rows[0][0])
        upload.status = "expired"
        yield from _end_upload(upload, ())


def _end_upload(upload: Upload, part_ids: Sequence[str]) -> Transaction[None]:
    """Stores the final state of the upload and deletes its parts."""
    body = msgspec.json.encode(upload).decode()
    used = msgspec.json.encode(part_ids).decode()
    sql = "UPDATE uploads SET status = $1, part_ids = $2, body = $3 WHERE id = $4"
    yield sql, (upload.status, used, body, upload.id)
    yield from _delete_parts(upload.id)


def _delete_parts(upload_id: str) -> Transaction[None]:
    parts = yield "DELETE FROM upload_parts WHERE upload_id = $1 RETURNING blob", (upload_id,)
    for (blob,) in parts:
        yield from release(blob)
