"""Files that clients have uploaded into containers, not as Files of the project: names and blobs.

They are for sessions that replace a lost one. A row has a use of its blob, until the container is deleted or expired.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from understudy.store.blobs import release, retain
from understudy.store.database import Transaction

_INSERT: Final = (
    "INSERT INTO container_uploads (container_id, name, blob, lifetime, bytes) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT DO NOTHING"
)
_LIST: Final = "SELECT name, blob, bytes FROM container_uploads WHERE container_id = $1 ORDER BY seq"
_DELETE: Final = "DELETE FROM container_uploads WHERE container_id = $1 AND name = $2 RETURNING blob"
_EXPIRED: Final = (
    "SELECT uploads.container_id FROM container_uploads AS uploads JOIN containers ON containers.id ="
    " uploads.container_id WHERE containers.last_active_at + uploads.lifetime <= $1 LIMIT $2"
)


@dataclass(frozen=True, slots=True)
class ContainerUpload:
    """`name` is the path in the container's folder; `bytes` is None where an earlier version has stored it."""

    name: str
    blob: str
    bytes: int | None


def add_upload(container_id: str, upload: ContainerUpload, lifetime: int) -> Transaction[None]:
    """The blob has a hold, and `lifetime` is that of the container without use, in seconds."""
    yield _INSERT, (container_id, upload.name, (yield from retain(upload.blob)), lifetime, upload.bytes)


def find_unmeasured(limit: int) -> Transaction[list[tuple[int, str]]]:
    """The numbers and blobs of uploads whose sizes are not known."""
    sql = "SELECT seq, blob FROM container_uploads WHERE bytes IS NULL ORDER BY seq LIMIT $1"
    return [(int(row[0]), str(row[1])) for row in (yield sql, (limit,))]


def set_size(seq: int, size: int) -> Transaction[None]:
    yield "UPDATE container_uploads SET bytes = $2 WHERE seq = $1 AND bytes IS NULL", (seq, size)


def keep_uploads(container_id: str, present: Collection[str]) -> Transaction[None]:
    """Drops those that are not `present` in the session any more.

    Code has deleted those. So the uploads of a container are bounded by its disk.
    """
    for upload in (yield from list_uploads(container_id)):
        if upload.name not in present:
            yield from remove_upload(container_id, upload.name)


def list_uploads(container_id: str) -> Transaction[list[ContainerUpload]]:
    return [ContainerUpload(*row) for row in (yield _LIST, (container_id,))]


def remove_upload(container_id: str, name: str) -> Transaction[None]:
    """Does nothing without one of that name."""
    for row in (yield _DELETE, (container_id, name)):
        yield from release(row[0])


def remove_uploads(container_id: str) -> Transaction[None]:
    for upload in (yield from list_uploads(container_id)):
        yield from remove_upload(container_id, upload.name)


def has_expired_uploads(now: int) -> Transaction[bool]:
    return bool((yield _EXPIRED, (now, 1)))


def remove_expired_uploads(now: int, limit: int) -> Transaction[bool]:
    """Removes the uploads of up to `limit` containers that have expired; returns whether there were any."""
    rows = yield _EXPIRED, (now, limit)
    for container_id in dict.fromkeys(row[0] for row in rows):
        yield from remove_uploads(container_id)
    return bool(rows)
