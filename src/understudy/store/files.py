"""Stored files: the row's body is the encoded object, its contents are the blob that it names.

An expired file is invisible to every reader; `expire` deletes its row and releases its blob.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from understudy.clock import Clock
from understudy.errors.objects import file_not_found
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Transaction
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.pages import Page, PageRequest, PageSource
from understudy.store.project_sizes import check_stored_bytes
from understudy.store.sql import compose_sql, padded_batches, sql_parameters
from understudy.store.vector_store_files import detach_everywhere
from understudy.wire.files import FileObject

_IS_UNEXPIRED = "body IS NOT NULL AND (expires_at IS NULL OR expires_at > $2)"
_PAGE = PageSource("files", "project_id = $1", _IS_UNEXPIRED, 2)
_PURPOSE_PAGE = PageSource("files", "project_id = $1", f"{_IS_UNEXPIRED} AND purpose = $3", 3)
_SELECT = compose_sql("SELECT body, blob FROM files WHERE project_id = $1 AND", _IS_UNEXPIRED, "AND id = $3")
_LOOKUP = compose_sql("SELECT body, blob FROM files WHERE project_id = $1 AND", _IS_UNEXPIRED)
_EXPIRED = "SELECT project_id, id FROM files WHERE body IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2"
_decode = msgspec.json.Decoder(FileObject).decode


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`bytes` is the size; `blob` the name of the contents in the blob store, empty for an import without them."""

    id: str
    filename: str
    purpose: str
    bytes: int
    blob: str

    @property
    def has_content(self) -> bool:
        return bool(self.blob)


class Files:
    """Every method on one file raises NotFound if the project has no file of that id."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, project_id: str, file: FileObject, blob: str, limit: int | None = None) -> str:
        """Returns the encoded object. `blob` has a hold or a use; raises StoreError if it has neither.

        Raises InvalidRequest if the project would store more bytes than `limit`.
        """
        return await self._database.write(insert_file, project_id, file, blob, limit)

    async def get(self, project_id: str, file_id: str) -> str:
        return (await self._database.read(_select_file, project_id, file_id, self._now()))[0]

    async def find(self, project_id: str, file_id: str) -> StoredFile:
        body, blob = await self._database.read(_select_file, project_id, file_id, self._now())
        return _load_file(body, blob)

    async def lookup(self, project_id: str, file_ids: Sequence[str]) -> list[StoredFile]:
        """The files of these ids, in the same order; unknown ids are left out."""
        return await self._database.read(_lookup_files, project_id, file_ids, self._now())

    async def page(
        self, project_id: str, request: PageRequest, purpose: str | None = None, chosen: ListFilter = ALL
    ) -> Page:
        source, args = (_PAGE, ()) if purpose is None else (_PURPOSE_PAGE, (purpose,))
        args = (project_id, self._now(), *args)
        return await read_filtered_page(self._database, source, args, request, chosen, ("filename",))

    async def delete(self, project_id: str, file_id: str) -> None:
        await self._database.write(delete_file, project_id, file_id, self._now())

    async def expire(self, limit: int = 100) -> None:
        """Deletes up to `limit` expired files."""
        now = self._now()
        # One at a time: a transaction locks the stores of its file in their order.
        for file_id in await self._database.read(_list_expired, now, limit):
            await self._database.write(_remove_file, file_id)

    def _now(self) -> int:
        return int(self._clock.now())


def insert_file(project_id: str, file: FileObject, blob: str, limit: int | None = None) -> Transaction[str]:
    """Raises InvalidRequest if the project would store more bytes than `limit`."""
    if limit is not None:
        yield from check_stored_bytes(project_id, file.bytes, limit)
    body = msgspec.json.encode(file).decode()
    name = yield from retain(blob)
    sql = "INSERT INTO files (id, project_id, purpose, blob, expires_at, body) VALUES ($1, $2, $3, $4, $5, $6)"
    yield sql, (file.id, project_id, file.purpose, name, file.expires_at, body)
    return body


def delete_file(project_id: str, file_id: str, now: int) -> Transaction[None]:
    """Deletes a file, and removes it from every vector store. Raises NotFound."""
    rows = yield _SELECT + " FOR UPDATE", (project_id, now, file_id)
    if not rows:
        raise file_not_found(file_id)
    yield from _remove_file(file_id)


def _remove_file(file_id: str) -> Transaction[None]:
    """Removes the row of a deleted or expired file, its use of the blob, and its place in vector stores."""
    sql = "UPDATE files SET body = NULL WHERE id = $1 AND body IS NOT NULL RETURNING blob"
    rows = yield sql, (file_id,)
    for (blob,) in rows:
        yield from release(blob)
    yield from detach_everywhere(file_id)


def _select_file(project_id: str, file_id: str, now: int) -> Transaction[tuple[str, str]]:
    rows = yield _SELECT, (project_id, now, file_id)
    if not rows:
        raise file_not_found(file_id)
    return rows[0][0], rows[0][1]


def _lookup_files(project_id: str, file_ids: Sequence[str], now: int) -> Transaction[list[StoredFile]]:
    files_by_id = {}
    for batch in padded_batches(file_ids):
        sql = f"{_LOOKUP} AND id IN ({sql_parameters(3, len(batch))})"
        for file in [_load_file(*row) for row in (yield sql, (project_id, now, *batch))]:
            files_by_id[file.id] = file
    return [files_by_id[file_id] for file_id in dict.fromkeys(file_ids) if file_id in files_by_id]


def _load_file(body: str, blob: str) -> StoredFile:
    file = _decode(body)
    return StoredFile(file.id, file.filename, file.purpose, file.bytes, blob)


def _list_expired(now: int, limit: int) -> Transaction[list[str]]:
    rows = yield _EXPIRED, (now, limit)
    return [row[1] for row in rows]
