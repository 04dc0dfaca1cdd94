"""Files of vector stores: attach, read, set attributes, detach.

A row's body is the encoded object. `store/ingestion.py` stores the progress of indexing, `store/file_batches.py` adds
batches of files; all of them change a file's status by `move`, which updates the counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from understudy import correlation
from understudy.errors import InvalidRequest, NotFound
from understudy.store.chunk_pages import ChunkPage, ChunkPageRequest, select_chunk_page
from understudy.store.chunks import remove_document
from understudy.store.database import Database, Transaction
from understudy.store.filters import column_of, to_column_value
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import compose_sql, insert_rows, padded_batches, split_batches, sql_parameters
from understudy.store.vector_store_counts import (
    Counts,
    StoreRow,
    count,
    find_store,
    find_usable_store,
    lock_store,
    touch,
)
from understudy.wire.chunking import StaticChunkingStrategyResponseParam
from understudy.wire.files import FileObject
from understudy.wire.filters import Scalar
from understudy.wire.vector_stores import FileStatus, LastError, VectorStoreFileObject

MAX_FILES: Final = 10_000
"""Most files of a vector store."""

_PAGE = PageSource("store_files", "store = $1")
_PAGE_OF_STATUS = PageSource("store_files", "store = $1", "body IS NOT NULL AND status = $2", 2)
_ROW = "SELECT seq, status, body FROM store_files WHERE body IS NOT NULL AND"
_SELECT_BY_ID = f"{_ROW} store = $1 AND id = $2"
_SELECT_COMPLETED = "SELECT seq, filename, body FROM store_files WHERE status = 'completed' AND body IS NOT NULL"
_SELECT_ALL_STORES = "SELECT store, seq FROM store_files WHERE id = $1 AND body IS NOT NULL ORDER BY store"
_COLUMNS = "id, store, project_id, filename, status, round, attempts, due_at, body, origin"
_decode = msgspec.json.Decoder(VectorStoreFileObject).decode
_decode_file = msgspec.json.Decoder(FileObject).decode


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to attach. With `attributes` None, a file that is attached already keeps its own."""

    id: str
    chunking: StaticChunkingStrategyResponseParam
    attributes: Mapping[str, Scalar] | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    seq: int
    status: FileStatus
    file: VectorStoreFileObject


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A searchable file: its row number, and what a hit in it renders."""

    seq: int
    id: str
    store_id: str
    filename: str
    attributes: Mapping[str, Scalar]


class VectorStoreFiles:
    """Every method raises NotFound for an unknown store of the project or an unknown file of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attach(self, project_id: str, store_id: str, file: NewFile, now: int) -> VectorStoreFileObject:
        """Adds a file to index; a file of the store is indexed again only if it failed or its chunking changes.

        Raises InvalidRequest for a full store, and VectorStoreExpired.
        """
        return await self._database.write(_attach_file, project_id, store_id, file, now)

    async def get(self, project_id: str, store_id: str, file_id: str) -> VectorStoreFileObject:
        return (await self._database.read(_select_file, project_id, store_id, file_id))[1].file

    async def row_numbers(self, project_id: str, store_id: str, file_id: str) -> tuple[int, int]:
        """The row numbers of the store and of the file in it."""
        store, row = await self._database.read(_select_file, project_id, store_id, file_id)
        return store.seq, row.seq

    async def chunks(self, project_id: str, store_id: str, file_id: str, request: ChunkPageRequest) -> ChunkPage:
        """A page of the chunks of a file; none while it is not indexed."""
        return await self._database.read(_select_chunks, project_id, store_id, file_id, request)

    async def page(
        self, project_id: str, store_id: str, request: PageRequest, status: FileStatus | None = None
    ) -> Page:
        return await self._database.read(_page_files, project_id, store_id, request, status)

    async def describe(
        self, project_id: str, store_id: str, file_id: str, attributes: Mapping[str, Scalar]
    ) -> VectorStoreFileObject:
        """Replaces the attributes."""
        return await self._database.write(_replace_attributes, project_id, store_id, file_id, attributes)

    async def detach(self, project_id: str, store_id: str, file_id: str) -> int:
        """Removes a file from the store; the File itself stays. Returns its row number."""
        return await self._database.write(_detach_file, project_id, store_id, file_id)

    async def indexed(self, files: Sequence[int]) -> dict[int, IndexedFile]:
        """The searchable files of these row numbers, by row number."""
        return await self._database.read(_select_indexed, files)


# -- what other transactions are made of -------------------------------------------------------------------------


def lock_names(project_id: str, file_ids: Sequence[str], now: int) -> Transaction[dict[str, str]]:
    """Names of files by id; locks them, so that none is deleted before the transaction ends. Call before lock_store.

    Raises NotFound for a file that the project does not have.
    """
    rows_by_id = {}
    for batch in padded_batches(sorted(set(file_ids))):
        sql = compose_sql(
            "SELECT id, body FROM files WHERE project_id = $1 AND id IN (",
            sql_parameters(3, len(batch)),
            ") AND body IS NOT NULL AND (expires_at IS NULL OR expires_at > $2) ORDER BY id FOR UPDATE",
        )
        rows = yield sql, (project_id, now, *batch)
        rows_by_id.update({file_id: _decode_file(body).filename for file_id, body in rows})
    for file_id in file_ids:
        if file_id not in rows_by_id:
            raise NotFound(f"No such File object: {file_id}", param="file_id" if len(file_ids) == 1 else "file_ids")
    return rows_by_id


def count_free(project_id: str, store_id: str) -> Transaction[int]:
    """How many more files a store may have. Raises NotFound."""
    store = yield from find_store(project_id, store_id)
    return max(0, MAX_FILES - store.files)


def add_files(
    project_id: str, store_id: str, store: StoreRow, files: Sequence[NewFile], names: Mapping[str, str], now: int
) -> Transaction[list[int]]:
    """Adds files to a store that is locked or new; returns the row number of each.

    The files are distinct. Raises InvalidRequest if the store would have too many files.
    """
    existing = yield from _rows_of(store.seq, [file.id for file in files])
    added = [file for file in files if file.id not in existing]
    if store.files + len(added) > MAX_FILES:
        raise InvalidRequest(
            f"Vector store '{store_id}' has {store.files} files and cannot take {len(added)} more: the limit is"
            f" {MAX_FILES} files. Use another vector store.",
            param="file_ids",
            code="invalid_value",
        )
    change = Counts(in_progress=len(added))
    for file in files:
        if file.id in existing:
            yield from _attach_again(store.seq, existing[file.id], file, change)
    inserted = yield from _insert_files(project_id, store_id, store.seq, added, names, now)
    yield from count(store.seq, change)
    yield from touch(store.seq, now)
    numbers = {file_id: row.seq for file_id, row in existing.items()} | inserted
    return [numbers[file.id] for file in files]


def find_file(store: int, file_id: str, store_id: str, *, lock: bool = False) -> Transaction[FileRow]:
    """Raises NotFound."""
    rows = yield _SELECT_BY_ID + (" FOR UPDATE" if lock else ""), (store, file_id)
    if not rows:
        raise NotFound(f"No file found with id '{file_id}' in vector store '{store_id}'.")
    return _file_row(rows[0])


def find_files(condition: str, *arguments: Any) -> Transaction[list[FileRow]]:
    """The files that match a condition in SQL, in order; locks them."""
    rows = yield f"{_ROW} {condition} ORDER BY seq FOR UPDATE", arguments
    return [_file_row(row) for row in rows]


def move(
    row: FileRow,
    status: FileStatus,
    change: Counts,
    *,
    error: LastError | None = None,
    usage_bytes: int = 0,
    warnings: Sequence[str] = (),
) -> Transaction[None]:
    """Sets the status of a locked file, and adds the difference to `change`, for `count`."""
    change.add(row.status, -1, -row.file.usage_bytes)
    change.add(status, 1, usage_bytes)
    row.file.status = status
    row.file.last_error = error
    row.file.usage_bytes = usage_bytes
    row.file.warnings = list(warnings) or UNSET
    yield "UPDATE store_files SET status = $2, body = $3 WHERE seq = $1", (row.seq, status, _to_json(row.file))


def restart_indexing(row: FileRow, change: Counts) -> Transaction[None]:
    """Queues a file for indexing again."""
    yield from move(row, "in_progress", change)
    yield (
        "UPDATE store_files SET round = round + 1, attempts = 0, interruptions = 0, due_at = 0 WHERE seq = $1",
        (row.seq,),
    )


def detach_everywhere(file_id: str) -> Transaction[None]:
    """Removes a File from every store, as a part of its deletion."""
    stores = yield _SELECT_ALL_STORES, (file_id,)
    for store, _ in stores:
        yield from lock_store(store)
        rows = yield _SELECT_BY_ID + " FOR UPDATE", (store, file_id)
        for row in rows:
            yield from _remove_file(store, _file_row(row))


# -- one transaction each ----------------------------------------------------------------------------------------


def _attach_file(project_id: str, store_id: str, file: NewFile, now: int) -> Transaction[VectorStoreFileObject]:
    yield from find_usable_store(project_id, store_id, now)
    names = yield from lock_names(project_id, [file.id], now)
    store = yield from find_usable_store(project_id, store_id, now, lock=True)
    yield from add_files(project_id, store_id, store, [file], names, now)
    return (yield from find_file(store.seq, file.id, store_id)).file


def _select_file(project_id: str, store_id: str, file_id: str) -> Transaction[tuple[StoreRow, FileRow]]:
    store = yield from find_store(project_id, store_id)
    return store, (yield from find_file(store.seq, file_id, store_id))


def _select_chunks(project_id: str, store_id: str, file_id: str, request: ChunkPageRequest) -> Transaction[ChunkPage]:
    store, row = yield from _select_file(project_id, store_id, file_id)
    return (yield from select_chunk_page(store.seq, row.seq, request))


def _page_files(project_id: str, store_id: str, request: PageRequest, status: FileStatus | None) -> Transaction[Page]:
    store = yield from find_store(project_id, store_id)
    if status is None:
        return (yield from read_page(_PAGE, (store.seq,), request))
    return (yield from read_page(_PAGE_OF_STATUS, (store.seq, status), request))


def _replace_attributes(
    project_id: str, store_id: str, file_id: str, attributes: Mapping[str, Scalar]
) -> Transaction[VectorStoreFileObject]:
    store = yield from find_store(project_id, store_id, lock=True)
    row = yield from find_file(store.seq, file_id, store_id, lock=True)
    yield from _set_attributes(store.seq, row, attributes)
    return row.file


def _detach_file(project_id: str, store_id: str, file_id: str) -> Transaction[int]:
    store = yield from find_store(project_id, store_id, lock=True)
    row = yield from find_file(store.seq, file_id, store_id, lock=True)
    yield from _remove_file(store.seq, row)
    return row.seq


def _select_indexed(files: Sequence[int]) -> Transaction[dict[int, IndexedFile]]:
    rows_by_id = {}
    for batch in padded_batches(files):
        sql = f"{_SELECT_COMPLETED} AND seq IN ({sql_parameters(1, len(batch))})"
        for seq, filename, body in (yield sql, tuple(batch)):
            file = _decode(body)
            rows_by_id[seq] = IndexedFile(seq, file.id, file.vector_store_id, filename, file.attributes or {})
    return rows_by_id


# -- the details -------------------------------------------------------------------------------------------------


def _rows_of(store: int, file_ids: Sequence[str]) -> Transaction[dict[str, FileRow]]:
    rows_by_id = {}
    for batch in padded_batches(file_ids):
        sql = f"{_ROW} store = $1 AND id IN ({sql_parameters(2, len(batch))}) FOR UPDATE"
        for row in (yield sql, (store, *batch)):
            file = _file_row(row)
            rows_by_id[file.file.id] = file
    return rows_by_id


def _attach_again(store: int, row: FileRow, file: NewFile, change: Counts) -> Transaction[None]:
    """Idempotent; a failed file, or one with another chunking, is indexed again."""
    if row.file.chunking_strategy != file.chunking or row.status in {"failed", "cancelled"}:
        row.file.chunking_strategy = file.chunking
        yield from restart_indexing(row, change)
    if file.attributes is not None:
        yield from _set_attributes(store, row, file.attributes)


def _insert_files(
    project_id: str, store_id: str, store: int, files: Sequence[NewFile], names: Mapping[str, str], now: int
) -> Transaction[dict[str, int]]:
    inserted: dict[str, int] = {}
    origin = correlation.encode_origin()
    for batch in split_batches(files):
        yield from _free_tombstone_ids(store, [file.id for file in batch])
        rows = [
            (
                file.id,
                store,
                project_id,
                names[file.id],
                "in_progress",
                0,
                0,
                0.0,
                _to_json(_new_object(store_id, file, now)),
                origin,
            )
            for file in batch
        ]
        inserted.update(dict((yield from insert_rows("store_files", _COLUMNS, rows, "RETURNING id, seq"))))
    attributes = [row for file in files for row in _attribute_rows(store, inserted[file.id], file.attributes or {})]
    yield from insert_attributes(attributes)
    return inserted


def _free_tombstone_ids(store: int, file_ids: Sequence[str]) -> Transaction[None]:
    """Renames the rows of deleted files, which keep their place in lists, so that their ids can be used again."""
    sql = compose_sql(
        "UPDATE store_files SET id = id || '/' || seq WHERE store = $1 AND body IS NULL AND id IN (",
        sql_parameters(2, len(file_ids)),
        ")",
    )
    yield sql, (store, *file_ids)


def _new_object(store_id: str, file: NewFile, now: int) -> VectorStoreFileObject:
    return VectorStoreFileObject(
        id=file.id,
        created_at=now,
        vector_store_id=store_id,
        chunking_strategy=file.chunking,
        attributes=dict(file.attributes or {}),
    )


def _set_attributes(store: int, row: FileRow, attributes: Mapping[str, Scalar]) -> Transaction[None]:
    row.file.attributes = dict(attributes)
    yield "UPDATE store_files SET body = $2 WHERE seq = $1", (row.seq, _to_json(row.file))
    yield "DELETE FROM file_attributes WHERE file = $1", (row.seq,)
    yield from insert_attributes(list(_attribute_rows(store, row.seq, attributes)))


def _attribute_rows(store: int, seq: int, attributes: Mapping[str, Scalar]) -> Iterator[tuple[Any, ...]]:
    for name, value in attributes.items():
        columns = {"text": None, "number": None, "flag": None} | {column_of(value): to_column_value(value)}
        yield seq, store, name, columns["text"], columns["number"], columns["flag"]


def insert_attributes(rows: Sequence[tuple[Any, ...]]) -> Transaction[None]:
    for batch in split_batches(rows):
        yield from insert_rows("file_attributes", "file, store, name, text, number, flag", batch)


def _remove_file(store: int, row: FileRow) -> Transaction[None]:
    change = Counts()
    change.add(row.status, -1, -row.file.usage_bytes)
    yield "UPDATE store_files SET body = NULL WHERE seq = $1", (row.seq,)
    yield "DELETE FROM file_attributes WHERE file = $1", (row.seq,)
    yield from remove_document(store, row.seq)
    yield from count(store, change)


def _file_row(row: tuple[Any, ...]) -> FileRow:
    seq, status, body = row
    return FileRow(seq, status, _decode(body))


def _to_json(file: VectorStoreFileObject) -> str:
    return msgspec.json.encode(file).decode()
