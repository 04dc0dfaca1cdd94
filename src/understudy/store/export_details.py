"""Rows of an export for what belongs to files, threads and projects: batches of files, uploads, containers, and so on.

Each verb returns one page, oldest first; `after` is the `seq` of the last row of the page before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import msgspec

from understudy.store.container_uploads import ContainerUpload
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters
from understudy.store.uploads import StoredPart

_PAGE: Final = 100
_FILE_BATCHES: Final = (
    "SELECT file_batches.seq, file_batches.id, file_batches.cancelled, file_batches.body FROM file_batches"
    " JOIN vector_stores ON vector_stores.seq = file_batches.store"
    " WHERE vector_stores.id = $1 AND vector_stores.project_id = $2 AND file_batches.seq > $3"
    " ORDER BY file_batches.seq LIMIT $4"
)
_FILES_OF_BATCHES: Final = (
    "SELECT batch_files.batch, store_files.id FROM batch_files JOIN store_files ON store_files.seq = batch_files.file"
    " WHERE store_files.body IS NOT NULL AND batch_files.batch IN ("
)
_UPLOADS: Final = (
    "SELECT seq, id, status, expires_at, file_seconds, part_ids, body FROM uploads"
    " WHERE project_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
)
_CONTAINERS: Final = (
    "SELECT seq, id, thread_id, last_active_at, body FROM containers"
    " WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL ORDER BY seq LIMIT $3"
)
_TRANSCRIPTIONS: Final = (
    "SELECT seq, id, status, body FROM transcriptions WHERE project_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
)
_ENDPOINTS: Final = (
    "SELECT seq, id, body FROM webhook_endpoints"
    " WHERE project_id = $1 AND seq > $2 AND body IS NOT NULL ORDER BY seq LIMIT $3"
)


@dataclass(frozen=True, slots=True)
class FileBatchLine:
    """A batch of files of a vector store, with the files that the store still has."""

    seq: int
    id: str
    cancelled: bool
    body: str
    file_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class UploadLine:
    """An upload. `parts` are those of a pending one; `part_ids` name those that a completed one was made of."""

    seq: int
    id: str
    status: str
    expires_at: int
    file_seconds: int | None
    part_ids: Sequence[str]
    body: str
    parts: Sequence[StoredPart] = ()


@dataclass(frozen=True, slots=True)
class ContainerLine:
    """A container with the Files of the project that were added to it, and with what clients have uploaded into it."""

    seq: int
    id: str
    thread_id: str | None
    last_active_at: int
    body: str
    file_ids: Sequence[str] = ()
    uploads: Sequence[ContainerUpload] = ()


@dataclass(frozen=True, slots=True)
class TranscriptionLine:
    seq: int
    id: str
    status: str
    body: str


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """A webhook endpoint without its secrets."""

    seq: int
    id: str
    body: str


class ExportDetails:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def file_batches(self, project_id: str, store_id: str, after: int) -> list[FileBatchLine]:
        return await self._database.read(_page_file_batches, project_id, store_id, after)

    async def uploads(self, project_id: str, after: int) -> list[UploadLine]:
        return await self._database.read(_page_uploads, project_id, after)

    async def containers(self, project_id: str, after: int) -> list[ContainerLine]:
        return await self._database.read(_page_containers, project_id, after)

    async def transcriptions(self, project_id: str, after: int) -> list[TranscriptionLine]:
        return await self._database.read(_page_transcriptions, project_id, after)

    async def webhook_endpoints(self, project_id: str, after: int) -> list[EndpointLine]:
        return await self._database.read(_page_endpoints, project_id, after)


def _page_file_batches(project_id: str, store_id: str, after: int) -> Transaction[list[FileBatchLine]]:
    rows = yield _FILE_BATCHES, (store_id, project_id, after, _PAGE)
    files = yield from _group(_FILES_OF_BATCHES, ") ORDER BY batch_files.batch, batch_files.file", rows, 0)
    return [
        FileBatchLine(seq, batch_id, bool(cancelled), body, [one for (one,) in files.get(seq, ())])
        for seq, batch_id, cancelled, body in rows
    ]


def _page_uploads(project_id: str, after: int) -> Transaction[list[UploadLine]]:
    rows = yield _UPLOADS, (project_id, after, _PAGE)
    select = "SELECT upload_id, id, bytes, blob FROM upload_parts WHERE upload_id IN ("
    parts = yield from _group(select, ") ORDER BY seq", rows, 1)
    return [
        UploadLine(
            *(
                *row[:5],
                msgspec.json.decode(row[5] or "[]"),
                row[6],
                [StoredPart(*one) for one in parts.get(row[1], ())],
            )
        )
        for row in rows
    ]


def _page_containers(project_id: str, after: int) -> Transaction[list[ContainerLine]]:
    rows = yield _CONTAINERS, (project_id, after, _PAGE)
    select = "SELECT container_id, file_id FROM container_files WHERE container_id IN ("
    files = yield from _group(select, ") ORDER BY container_id, file_id", rows, 1)
    select = "SELECT container_id, name, blob, bytes FROM container_uploads WHERE container_id IN ("
    uploads = yield from _group(select, ") ORDER BY seq", rows, 1)
    return [
        ContainerLine(
            *(
                *row,
                [file_id for (file_id,) in files.get(row[1], ())],
                [ContainerUpload(*one) for one in uploads.get(row[1], ())],
            )
        )
        for row in rows
    ]


def _page_transcriptions(project_id: str, after: int) -> Transaction[list[TranscriptionLine]]:
    return [TranscriptionLine(*row) for row in (yield _TRANSCRIPTIONS, (project_id, after, _PAGE))]


def _page_endpoints(project_id: str, after: int) -> Transaction[list[EndpointLine]]:
    return [EndpointLine(*row) for row in (yield _ENDPOINTS, (project_id, after, _PAGE))]


def _group(
    select: LiteralString, order: LiteralString, rows: Sequence[Any], column: int
) -> Transaction[dict[Any, list[tuple[Any, ...]]]]:
    """The rows of another table by their first column, which is that of `rows` with the number `column`."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for batch in padded_batches([row[column] for row in rows]):
        sql = compose_sql(select, sql_parameters(1, len(batch)), order)
        for key, *values in (yield sql, tuple(batch)):
            found.setdefault(key, []).append(tuple(values))
    return found
