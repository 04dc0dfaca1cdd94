"""Stored batches of vector store files. A batch counts its files by their current status."""

from collections.abc import Sequence

import msgspec

from understudy.errors import not_found
from understudy.store.database import Database, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import compose_sql, insert_rows, split_batches
from understudy.store.vector_store_counts import Counts, count, find_store, find_usable_store
from understudy.store.vector_store_files import (
    NewFile,
    add_files,
    find_files,
    lock_names,
    move,
)
from understudy.wire.vector_stores import FileCounts, FileStatus, VectorStoreFileBatchObject

_FILES = "seq IN (SELECT file FROM batch_files WHERE batch = $1)"
_PAGE = PageSource("store_files", _FILES)
_PAGE_OF_STATUS = PageSource("store_files", _FILES, "body IS NOT NULL AND status = $2", 2)
_INSERT_BATCH = "INSERT INTO file_batches (id, store, cancelled, body) VALUES ($1, $2, 0, $3) RETURNING seq"
_SELECT = "SELECT seq, cancelled, body FROM file_batches WHERE id = $1 AND store = $2"
_COUNT_FILES = compose_sql(
    "SELECT status, count(*) FROM store_files WHERE", _FILES, "AND body IS NOT NULL GROUP BY status"
)
_decode = msgspec.json.Decoder(VectorStoreFileBatchObject).decode


class FileBatches:
    """Every method raises NotFound for an unknown vector store of the project or an unknown batch of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, batch: VectorStoreFileBatchObject, files: Sequence[NewFile]
    ) -> VectorStoreFileBatchObject:
        """Attaches the files to the batch's store, all or none. Raises as attaching one file does."""
        return await self._database.write_slowly(_insert_batch, project_id, batch, files)

    async def get(self, project_id: str, store_id: str, batch_id: str) -> VectorStoreFileBatchObject:
        return await self._database.read(_select_batch, project_id, store_id, batch_id)

    async def page(
        self, project_id: str, store_id: str, batch_id: str, request: PageRequest, status: FileStatus | None = None
    ) -> Page:
        return await self._database.read(_page_files, project_id, store_id, batch_id, request, status)

    async def cancel(
        self, project_id: str, store_id: str, batch_id: str
    ) -> tuple[VectorStoreFileBatchObject, list[int]]:
        """Cancels the files that are not indexed yet; returns the batch and their row numbers."""
        return await self._database.write_slowly(_cancel_batch, project_id, store_id, batch_id)


def _insert_batch(
    project_id: str, batch: VectorStoreFileBatchObject, files: Sequence[NewFile]
) -> Transaction[VectorStoreFileBatchObject]:
    store_id, now = batch.vector_store_id, batch.created_at
    yield from find_usable_store(project_id, store_id, now)
    names = yield from lock_names(project_id, [file.id for file in files], now)
    store = yield from find_usable_store(project_id, store_id, now, lock=True)
    numbers = yield from add_files(project_id, store_id, store, files, names, now)
    rows = yield _INSERT_BATCH, (batch.id, store.seq, msgspec.json.encode(batch).decode())
    for batch_rows in split_batches(numbers):
        yield from insert_rows("batch_files", "batch, file", [(rows[0][0], number) for number in batch_rows])
    return (yield from _select_batch(project_id, store_id, batch.id))


def _select_batch(project_id: str, store_id: str, batch_id: str) -> Transaction[VectorStoreFileBatchObject]:
    store = yield from find_store(project_id, store_id)
    seq, cancelled, body = yield from _find_batch(store.seq, batch_id)
    rows = yield _COUNT_FILES, (seq,)
    return _load_batch(body, dict(rows), cancelled=bool(cancelled))


def _find_batch(store: int, batch_id: str) -> Transaction[tuple[int, int, str]]:
    rows = yield _SELECT, (batch_id, store)
    if not rows:
        raise not_found("file batch", batch_id)
    return rows[0][0], rows[0][1], rows[0][2]


def _load_batch(body: str, counts: dict[str, int], *, cancelled: bool) -> VectorStoreFileBatchObject:
    batch = _decode(body)
    batch.file_counts = FileCounts(**counts, total=sum(counts.values()))
    batch.status = _batch_status(batch.file_counts, cancelled=cancelled)
    return batch


def _batch_status(counts: FileCounts, *, cancelled: bool) -> FileStatus:
    """A batch has failed only if all of its files have."""
    if cancelled:
        return "cancelled"
    if counts.in_progress:
        return "in_progress"
    return "failed" if counts.total and counts.failed == counts.total else "completed"


def _page_files(
    project_id: str, store_id: str, batch_id: str, request: PageRequest, status: FileStatus | None
) -> Transaction[Page]:
    store = yield from find_store(project_id, store_id)
    seq, _, _ = yield from _find_batch(store.seq, batch_id)
    if status is None:
        return (yield from read_page(_PAGE, (seq,), request))
    return (yield from read_page(_PAGE_OF_STATUS, (seq, status), request))


def _cancel_batch(
    project_id: str, store_id: str, batch_id: str
) -> Transaction[tuple[VectorStoreFileBatchObject, list[int]]]:
    store = yield from find_store(project_id, store_id, lock=True)
    seq, _, _ = yield from _find_batch(store.seq, batch_id)
    pending = yield from find_files(f"{_FILES} AND status = 'in_progress'", seq)
    change = Counts()
    for row in pending:
        yield from move(row, "cancelled", change)
    yield from count(store.seq, change)
    if pending:
        yield "UPDATE file_batches SET cancelled = 1 WHERE seq = $1", (seq,)
    return (yield from _select_batch(project_id, store_id, batch_id)), [row.seq for row in pending]
