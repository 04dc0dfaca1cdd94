"""Chunks of documents with their vectors and words: indexed, searched, erased. Knows no file object and no model.

`store` and `file` are row numbers that the caller owns. A document is one indexing of one file in one store: it becomes
searchable when it is finished, and replaces the file's previous document in the same transaction.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.errors import UnderstudyError
from understudy.store import chunk_cells, chunk_upgrade, chunks_postgres, chunks_sqlite
from understudy.store.chunk_dialects import Dialect
from understudy.store.chunk_rows import INDEXING, READY, REMOVED, NewChunk, StoredChunk
from understudy.store.chunk_search import StoreHits, StoreQuery, search_chunks
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.term_counts import TermCounts

_PAGE_SIZE: Final = 50
_ERASE_BATCH: Final = 100
_DELETE_UNUSED_TOTALS: Final = (
    "DELETE FROM chunk_totals WHERE store = $1 AND NOT EXISTS (SELECT 1 FROM chunk_documents WHERE store = $1)"
    " AND NOT EXISTS (SELECT 1 FROM vector_stores WHERE seq = $1 AND body IS NOT NULL)"
)


class DocumentRemoved(UnderstudyError):
    """The document was removed or replaced while it was being indexed."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The size of a file in the index."""

    chunks: int
    usage_bytes: int


class Chunks:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect: Dialect = chunks_sqlite if database.dialect == "sqlite" else chunks_postgres
        self._counts = TermCounts()

    @property
    def insert_batch(self) -> int:
        """Chunks to append in one transaction."""
        return self._dialect.INSERT_BATCH

    async def problem(self) -> str | None:
        """Why this database cannot hold vectors, and what to do; None if it can. Raises StoreError."""
        return await self._database.read(self._dialect.problem)

    async def begin(
        self, store: int, file: int, embedder: str, dimensions: int, language: str = "", heading: str = ""
    ) -> int:
        """The number of a new document, not searchable yet. Unfinished documents of the same file are removed.

        `language` and `heading` are those that its chunks' terms are made with.
        """
        document = (store, file, embedder, dimensions, language, heading)
        return await self._database.write_slowly(_insert_document, self._dialect, document)

    async def append(self, document: int, chunks: Sequence[NewChunk]) -> None:
        """One transaction: at most `insert_batch` chunks. Raises DocumentRemoved."""
        await self._database.write_slowly(_append_chunks, self._dialect, document, chunks)

    async def finish(self, document: int) -> Indexed:
        """Makes the document searchable in place of the file's previous one. Raises DocumentRemoved."""
        return await self._database.write(_finish_document, document)

    async def remove(self, store: int, file: int) -> None:
        """Removes the file from search; `erase` frees its rows later."""
        await self._database.write(remove_document, store, file)

    async def remove_store(self, store: int) -> None:
        await self._database.write_slowly(remove_store_documents, store)

    async def abandon(self, document: int) -> None:
        """Removes an unfinished document."""
        await self._database.write(_abandon_document, document)

    async def texts(self, store: int, file: int) -> AsyncIterator[StoredChunk]:
        """The chunks in order, with their overlaps, read a page at a time."""
        position = -1
        while page := await self._database.read(_select_texts, store, file, position):
            for chunk in page:
                yield chunk
            position = page[-1].position

    async def search(self, query: StoreQuery, limit: int) -> StoreHits:
        """Hits of both searches, at most `limit` of each."""
        return await self._database.scan(search_chunks, self._dialect, self._counts, query, limit)

    async def upgrade_terms(self) -> None:
        """Makes the terms of documents that an earlier version indexed; until then only vectors find them."""
        await chunk_upgrade.upgrade_terms(self._database, self._dialect)

    async def divide_stores(self) -> None:
        """Divides the vectors of large stores into cells, of which a search reads a part."""
        await chunk_cells.divide_stores(self._database, self._dialect)

    async def sweep(self) -> None:
        """Frees all removed documents, in small transactions so that other writes run in between."""
        while await self.erase():
            pass

    async def erase(self) -> bool:
        """Frees up to 100 removed chunks; True if there may be more."""
        return await self._database.write_slowly(_erase_document, self._dialect)


def remove_document(store: int, file: int) -> Transaction[None]:
    """`Chunks.remove` as part of another transaction."""
    yield "UPDATE chunk_documents SET state = $1 WHERE store = $2 AND file = $3", (REMOVED, store, file)


def remove_store_documents(store: int) -> Transaction[None]:
    """`Chunks.remove_store` as part of another transaction."""
    yield "UPDATE chunk_documents SET state = $1 WHERE store = $2", (REMOVED, store)


def _insert_document(dialect: Dialect, document: tuple[int, int, str, int, str, str]) -> Transaction[int]:
    store, file, _, dimensions, *_ = document
    yield from dialect.prepare(dimensions)
    sql = "UPDATE chunk_documents SET state = $1 WHERE store = $2 AND file = $3 AND state = $4"
    yield sql, (REMOVED, store, file, INDEXING)
    sql = (
        "INSERT INTO chunk_documents"
        " (store, file, embedder, dimensions, language, heading, state, chunks, bytes, terms, project_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0,"
        " COALESCE((SELECT project_id FROM vector_stores WHERE seq = $1), '')) RETURNING seq"
    )
    rows = yield sql, (*document, INDEXING)
    return int(rows[0][0])


def _append_chunks(dialect: Dialect, document: int, chunks: Sequence[NewChunk]) -> Transaction[None]:
    sql = (
        "UPDATE chunk_documents SET chunks = chunks + $1, bytes = bytes + $2, terms = terms + $5"
        " WHERE seq = $3 AND state = $4"
        " RETURNING store, dimensions"
    )
    size = sum(len(chunk.text.encode("utf-8", "surrogatepass")) + len(chunk.vector) for chunk in chunks)
    rows = yield sql, (len(chunks), size, document, INDEXING, sum(chunk.length for chunk in chunks))
    if not rows:
        raise _document_removed(document)
    yield from dialect.insert(rows[0][0], document, rows[0][1], chunks)


def _finish_document(document: int) -> Transaction[Indexed]:
    sql = compose_sql(
        "UPDATE chunk_documents SET state = CASE WHEN seq = $1 THEN $2 ELSE $3 END",
        "WHERE (store, file) = (SELECT store, file FROM chunk_documents WHERE seq = $1)",
        "AND (seq = $1 AND state = $4 OR seq <> $1 AND state <> $3) RETURNING seq, chunks, bytes",
    )
    rows = yield sql, (document, READY, REMOVED, INDEXING)
    for seq, chunks, size in rows:
        if seq == document:
            return Indexed(chunks, size)
    raise _document_removed(document)


def _abandon_document(document: int) -> Transaction[None]:
    sql = "UPDATE chunk_documents SET state = $1 WHERE seq = $2 AND state = $3"
    yield sql, (REMOVED, document, INDEXING)


def _document_removed(document: int) -> DocumentRemoved:
    return DocumentRemoved(f"The document {document!r} was removed while it was being indexed. Add its file again.")


def _select_texts(store: int, file: int, after: int) -> Transaction[list[StoredChunk]]:
    sql = compose_sql(
        "SELECT position, start_at, end_at, body FROM chunks WHERE position > $4 AND document = (SELECT seq",
        "FROM chunk_documents WHERE store = $1 AND file = $2 AND state = $3) ORDER BY position LIMIT $5",
    )
    rows = yield sql, (store, file, READY, after, _PAGE_SIZE)
    return [StoredChunk(*row) for row in rows]


def _erase_document(dialect: Dialect) -> Transaction[bool]:
    rows = yield "SELECT seq, store, dimensions FROM chunk_documents WHERE state = $1 LIMIT 1", (REMOVED,)
    if not rows:
        return False
    document, store, dimensions = rows[0]
    erased = yield from dialect.delete(store, document, dimensions, _ERASE_BATCH)
    if erased < _ERASE_BATCH:
        yield "DELETE FROM chunk_documents WHERE seq = $1 AND state = $2", (document, REMOVED)
        yield from chunk_cells.delete_unused_cells(store)
        yield _DELETE_UNUSED_TOTALS, (store,)
    return True
