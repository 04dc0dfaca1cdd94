"""Stored vector stores: the encoded object, and columns that change with its files and its use.

Deleting hides a store and its index at once; `erase` deletes its rows afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from understudy.errors import not_found
from understudy.store.chunks import remove_store_documents
from understudy.store.database import Database, Row, Transaction
from understudy.store.filters import Condition
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.pages import Page, PageRequest, PageSource
from understudy.store.project_sizes import check_vector_stores
from understudy.store.sql import compose_sql
from understudy.store.vector_store_counts import StoreRow, check_usable_stores, find_store, find_usable_store, touch
from understudy.store.vector_store_files import NewFile, add_files, lock_names
from understudy.wire.chunking import StaticChunkingStrategyResponseParam
from understudy.wire.filters import Filter
from understudy.wire.vector_stores import FileCounts, VectorStoreObject

# All columns as one text, so that a page of stores is read like any other.
_STORE_JSON = (
    "'[' || in_progress || ',' || completed || ',' || failed || ',' || cancelled || ',' || usage_bytes || ','"
    " || last_active_at || ',' || COALESCE(CAST(expires_at AS TEXT), 'null') || ',' || body || ']'"
)
_PAGE = PageSource("vector_stores", "project_id = $1", body=_STORE_JSON)
_SELECT = compose_sql(
    "SELECT", _STORE_JSON, "FROM vector_stores WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
)
_INSERT_STORE = (
    "INSERT INTO vector_stores (id, project_id, in_progress, completed, failed, cancelled, usage_bytes,"
    " last_active_at, expires_at, body) VALUES ($1, $2, 0, 0, 0, 0, 0, $3, $4, $5) RETURNING seq"
)
_DELETE_STORE = "UPDATE vector_stores SET body = NULL, in_progress = 0 WHERE seq = $1"
_SELECT_PENDING = "SELECT 1 FROM vector_stores WHERE id = $1 AND in_progress > 0 AND body IS NOT NULL"
_SELECT_PENDING_FILE = (
    "SELECT 1 FROM store_files WHERE id = $2 AND status = 'in_progress' AND body IS NOT NULL"
    " AND store IN (SELECT seq FROM vector_stores WHERE id = $1 AND body IS NOT NULL)"
)
_SELECT_INDEXED_FILES = "SELECT seq FROM store_files WHERE store = $1 AND status = 'completed' AND body IS NOT NULL"


@dataclass(frozen=True, slots=True)
class StoreScope:
    """The scope of a search in a store: the row numbers of its `files`, None for all.

    `embedder` is None if nothing is indexed.
    """

    id: str
    seq: int
    embedder: str | None
    files: Sequence[int] | None
    last_active_at: int


class _Row(Struct, array_like=True):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    usage_bytes: int
    last_active_at: int
    expires_at: int | None
    body: VectorStoreObject


_decode = msgspec.json.Decoder(_Row).decode


class VectorStores:
    """Every method on one store raises NotFound if the project has no store of that id. `now` is in Unix seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        project_id: str,
        store: VectorStoreObject,
        file_ids: Sequence[str],
        chunking: StaticChunkingStrategyResponseParam,
        limit: int | None = None,
    ) -> VectorStoreObject:
        """Raises NotFound for a file that the project does not have, InvalidRequest if it has `limit` stores."""
        return await self._database.write_slowly(insert_store, project_id, store, file_ids, chunking, limit)

    async def get(self, project_id: str, store_id: str, now: int) -> VectorStoreObject:
        return await self._database.read(_select_store, project_id, store_id, now)

    async def page(self, project_id: str, request: PageRequest, now: int, chosen: ListFilter = ALL) -> Page:
        page = await read_filtered_page(self._database, _PAGE, (project_id,), request, chosen, ("name",))
        rows = [(id_, msgspec.json.encode(_load_store(row, now)).decode()) for id_, row in page.rows]
        return Page(rows, page.has_more)

    async def modify(
        self, project_id: str, store_id: str, change: Callable[[VectorStoreObject], None], now: int
    ) -> VectorStoreObject:
        """Applies `change` to the stored object and returns it; its expiry follows `expires_after`."""
        return await self._database.write(_modify_store, project_id, store_id, change, now)

    async def delete(self, project_id: str, store_id: str) -> int:
        """Returns the store's row number."""
        return await self._database.write_slowly(_delete_store, project_id, store_id)

    async def check_usable(self, project_id: str, store_ids: Sequence[str], now: int) -> None:
        """Raises for the first store that cannot be searched: VectorStoreExpired, too."""
        await self._database.read(check_usable_stores, project_id, store_ids, now)

    async def scopes(
        self, project_id: str, store_ids: Sequence[str], condition: Filter | None, now: int
    ) -> list[StoreScope]:
        """The scopes of a search for files that pass `condition`. Raises VectorStoreExpired, too."""
        read = self._database.read if condition is None else self._database.scan
        return await read(_select_scopes, project_id, store_ids, condition, now)

    async def touch(self, stores: Sequence[int], now: int) -> None:
        """Records a use of the stores of these row numbers."""
        await self._database.write(_touch_stores, stores, now)

    async def has_pending(self, store_ids: Sequence[str], file_ids: Sequence[str] | None = None) -> bool:
        """Whether one of the files (any file if None) is not indexed yet in one of the stores."""
        return await self._database.read(_has_pending_files, store_ids, file_ids)

    async def erase(self, rows: int = 200) -> bool:
        """Erases up to `rows` rows of deleted stores; False if nothing is left."""
        return bool(await self._database.read(_find_erasure)) and await self._database.write(_erase_rows, rows)


def insert_store(
    project_id: str,
    store: VectorStoreObject,
    file_ids: Sequence[str],
    chunking: StaticChunkingStrategyResponseParam,
    limit: int | None = None,
) -> Transaction[VectorStoreObject]:
    """Creates a store with files to index, and returns it.

    `store` has no files and is created at its `created_at`. Raises NotFound for a file that the project does not have,
    InvalidRequest if it has `limit` stores.
    """
    if limit is not None:
        yield from check_vector_stores(project_id, 1, limit)
    expires_at = None if store.expires_after is None else store.created_at + store.expires_after.seconds
    body = msgspec.json.encode(store).decode()
    names = yield from lock_names(project_id, file_ids, store.created_at)
    rows = yield _INSERT_STORE, (store.id, project_id, store.created_at, expires_at, body)
    row = StoreRow(rows[0][0], 0, store.created_at, expires_at)
    files = [NewFile(file_id, chunking, {}) for file_id in dict.fromkeys(file_ids)]
    yield from add_files(project_id, store.id, row, files, names, store.created_at)
    return (yield from _select_store(project_id, store.id, store.created_at))


def _select_store(project_id: str, store_id: str, now: int) -> Transaction[VectorStoreObject]:
    rows = yield _SELECT, (store_id, project_id)
    if not rows:
        raise not_found("vector store", store_id)
    return _load_store(rows[0][0], now)


def _load_store(row: str, now: int) -> VectorStoreObject:
    """The object with its current counts and status."""
    columns = _decode(row)
    store = columns.body
    total = columns.in_progress + columns.completed + columns.failed + columns.cancelled
    store.file_counts = FileCounts(
        in_progress=columns.in_progress,
        completed=columns.completed,
        failed=columns.failed,
        cancelled=columns.cancelled,
        total=total,
    )
    store.usage_bytes = columns.usage_bytes
    store.last_active_at = columns.last_active_at
    store.expires_at = columns.expires_at
    if columns.expires_at is not None and columns.expires_at <= now:
        store.status = "expired"
    else:
        store.status = "in_progress" if columns.in_progress else "completed"
    return store


def _modify_store(
    project_id: str, store_id: str, change: Callable[[VectorStoreObject], None], now: int
) -> Transaction[VectorStoreObject]:
    row = yield from find_store(project_id, store_id, lock=True)
    store = yield from _select_store(project_id, store_id, now)
    change(store)
    store.expires_at = None if store.expires_after is None else row.last_active_at + store.expires_after.seconds
    sql = "UPDATE vector_stores SET expires_at = $2, body = $3 WHERE seq = $1"
    yield sql, (row.seq, store.expires_at, msgspec.json.encode(store).decode())
    return (yield from _select_store(project_id, store_id, now))


def _delete_store(project_id: str, store_id: str) -> Transaction[int]:
    row = yield from find_store(project_id, store_id, lock=True)
    yield _DELETE_STORE, (row.seq,)
    yield from remove_store_documents(row.seq)
    yield "INSERT INTO store_erasures (store) VALUES ($1)", (row.seq,)
    return row.seq


def _select_scopes(
    project_id: str, store_ids: Sequence[str], condition: Filter | None, now: int
) -> Transaction[list[StoreScope]]:
    scopes = []
    for store_id in dict.fromkeys(store_ids):
        row = yield from find_usable_store(project_id, store_id, now)
        embedders = yield "SELECT embedder FROM vector_stores WHERE seq = $1", (row.seq,)
        files = None if condition is None else (yield from _filter_files(row.seq, condition))
        scopes.append(StoreScope(store_id, row.seq, embedders[0][0], files, row.last_active_at))
    return scopes


def _filter_files(store: int, condition: Filter) -> Transaction[list[int]]:
    compiled = Condition(condition, [store])
    rows = yield f"{_SELECT_INDEXED_FILES} AND {compiled.sql}", tuple(compiled.arguments)
    return [row[0] for row in rows]


def _touch_stores(stores: Sequence[int], now: int) -> Transaction[None]:
    for store in sorted(stores):
        yield from touch(store, now)


def _has_pending_files(store_ids: Sequence[str], file_ids: Sequence[str] | None) -> Transaction[bool]:
    queries: list[tuple[str, tuple[Any, ...]]]
    for store_id in store_ids:
        if file_ids is None:
            queries = [(_SELECT_PENDING, (store_id,))]
        else:
            queries = [(_SELECT_PENDING_FILE, (store_id, file_id)) for file_id in file_ids]
        for query in queries:
            if (yield query):
                return True
    return False


def _find_erasure() -> Transaction[list[Row]]:
    return (yield "SELECT store FROM store_erasures ORDER BY store LIMIT 1", ())


def _erase_rows(limit: int) -> Transaction[bool]:
    """Files with an owner stay until their worker releases them, so that no late write follows the erasure."""
    pending = yield from _find_erasure()
    if not pending:
        return False
    (store,) = pending[0]
    files = yield "SELECT seq FROM store_files WHERE store = $1 AND owner IS NULL ORDER BY seq LIMIT $2", (store, limit)
    for (seq,) in files:
        yield "DELETE FROM file_attributes WHERE file = $1", (seq,)
        yield "DELETE FROM store_files WHERE seq = $1", (seq,)
    if len(files) == limit:
        return True
    batches = yield "SELECT seq FROM file_batches WHERE store = $1 ORDER BY seq LIMIT $2", (store, limit // 20)
    for (seq,) in batches:
        yield "DELETE FROM batch_files WHERE batch = $1", (seq,)
        yield "DELETE FROM file_batches WHERE seq = $1", (seq,)
    remaining = yield "SELECT 1 FROM store_files WHERE store = $1 LIMIT 1", (store,)
    if len(batches) < limit // 20 and not remaining:
        yield "DELETE FROM store_erasures WHERE store = $1", (store,)
    return not remaining
